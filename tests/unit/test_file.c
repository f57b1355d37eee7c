#include "base/file.h"

#include "memory.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct folder folder;

/* ---- reads and sleeps of the library go through here: somebody may write in between ---- */

static const char *rewrite_after_read, *rewrite_in_sleep, *rewrite_path;
static ssize_t read_at_most = -1; /* -1: as asked for */

ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);

static void rewrite(const char **text)
{
    int fd = open(rewrite_path, O_WRONLY | O_TRUNC);
    size_t length = strlen(*text);

    assert_int_equal(write(fd, *text, length), length);
    (void)close(fd);
    *text = NULL;
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
    ssize_t got = __real_read(fd, buffer, read_at_most >= 0 ? (size_t)read_at_most : size);

    if (rewrite_after_read != NULL)
        rewrite(&rewrite_after_read);
    return got;
}

int __real_poll(struct pollfd *sources, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *sources, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *sources, nfds_t count, int timeout_ms)
{
    int found = __real_poll(sources, count, timeout_ms);

    if (rewrite_in_sleep != NULL)
        rewrite(&rewrite_in_sleep);
    return found;
}

static int make_folder(void **state)
{
    (void)state;
    folder_make(&folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static void a_file_is_read_whole(void **state)
{
    const char *path = folder_write(&folder, "file", "one\ntwo\n", 0640);
    struct stat status;
    char *text = file_read(path, &status);

    (void)state;
    assert_non_null(text);
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(status.st_mode, S_IFREG | 0640);
    assert_int_equal(status.st_size, 8);
    free(text);
}

static void an_empty_file_is_an_empty_text(void **state)
{
    char *text = file_read(folder_write(&folder, "file", "", 0600), NULL);

    (void)state;
    assert_non_null(text);
    assert_string_equal(text, "");
    free(text);
}

/* Around the sizes that memory is taken in, and up to the limit. */
static void a_file_of_any_allowed_size_is_read_whole(void **state)
{
    static const size_t sizes[] = {1, 4094, 4095, 4096, 4097, 8191, 8192, 100000, FILE_BYTES_MAX - 1, FILE_BYTES_MAX};
    static char written[FILE_BYTES_MAX + 1];

    (void)state;
    for (size_t at = 0; at < COUNT(sizes); at++) {
        char *text;

        memset(written, 'x', sizes[at]);
        written[sizes[at]] = '\0';
        text = file_read(folder_write(&folder, "file", written, 0600), NULL);
        assert_non_null(text);
        assert_int_equal(strlen(text), sizes[at]);
        free(text);
    }
}

static void a_larger_file_is_refused(void **state)
{
    static char written[FILE_BYTES_MAX + 2];

    (void)state;
    memset(written, 'x', sizeof written - 1);
    errno = 0;
    assert_null(file_read(folder_write(&folder, "file", written, 0600), NULL));
    assert_int_equal(errno, EFBIG);
}

static void a_device_that_never_ends_is_refused(void **state)
{
    (void)state;
    errno = 0;
    assert_null(file_read("/dev/zero", NULL));
    assert_int_equal(errno, EFBIG);
}

/* Their size says nothing. */
static void a_file_of_proc_is_read_whole(void **state)
{
    char *text = file_read("/proc/self/status", NULL);

    (void)state;
    assert_non_null(text);
    assert_memory_equal(text, "Name:\t", 6);
    assert_non_null(strstr(text, "\nSeccomp:\t"));
    free(text);
}

static void a_missing_file_says_so(void **state)
{
    (void)state;
    errno = 0;
    assert_null(file_read("/nonexistent/file", NULL));
    assert_int_equal(errno, ENOENT);
}

static void a_folder_says_so(void **state)
{
    (void)state;
    errno = 0;
    assert_null(file_read(folder.path, NULL));
    assert_int_equal(errno, EISDIR);
}

static int read_fifo(const void *data)
{
    struct stat status;
    char *text = file_read(data, &status);
    bool is_empty_fifo = text != NULL && *text == '\0' && S_ISFIFO(status.st_mode);

    free(text);
    return is_empty_fifo ? 0 : 1;
}

static void a_fifo_is_not_waited_for(void **state)
{
    const char *path = folder_path(&folder, "fifo");
    struct ran ran;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    run(&ran, read_fifo, path, 2000);
    assert_int_equal(ran.status, 0);
}

static void without_memory_it_says_so(void **state)
{
    const char *path = folder_write(&folder, "file", "one\n", 0600);

    (void)state;
    memory_left = 0;
    errno = 0;
    assert_null(file_read(path, NULL));
    memory_left = -1;
    assert_int_equal(errno, ENOMEM);
}

/* ---- files that grant rights ---- */

/* They must be root's. */
static void need_root(void)
{
    if (geteuid() != 0)
        skip();
}

static void a_trusted_file_is_read_up_to_its_limit(void **state)
{
    const char *path = folder_write(&folder, "file", "12345678", 0644);
    const char *problem = "";
    struct stat status;
    char *text;

    (void)state;
    need_root();
    text = file_read_trusted(AT_FDCWD, path, 8, false, &status, &problem);
    assert_non_null(text);
    assert_string_equal(text, "12345678");
    free(text);
    assert_null(file_read_trusted(AT_FDCWD, path, 7, false, &status, &problem));
    assert_int_equal(errno, EFBIG);
    assert_string_equal(problem, "is too long");
}

/* errno of what is no missing file must not be that of one. */
static void only_a_missing_file_is_missing(void **state)
{
    const char *path = folder_write(&folder, "file", "", 0664);
    const char *problem;
    struct stat status;

    (void)state;
    need_root();
    errno = ENOENT;
    assert_null(file_read_trusted(AT_FDCWD, path, 8, false, &status, &problem));
    assert_int_not_equal(errno, ENOENT);
    assert_string_equal(problem, "can be written by others than root");
    errno = ENOENT;
    assert_null(file_read_trusted(AT_FDCWD, folder.path, 8, false, &status, &problem));
    assert_int_not_equal(errno, ENOENT);
    assert_string_equal(problem, "is no regular file");
    assert_null(file_read_trusted(AT_FDCWD, "/nonexistent/file", 8, false, &status, &problem));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_open_trusted_directory("/nonexistent/file", &problem), -1);
    assert_int_equal(errno, ENOENT);
}

static void a_trusted_file_that_is_rewritten_meanwhile_is_refused(void **state)
{
    static const char *const rewritten[] = {"", "one", "one\ntwo\nthree\n", "eno\nowt\n"};
    const char *path, *problem;
    struct stat status;

    (void)state;
    need_root();
    for (size_t at = 0; at < COUNT(rewritten); at++) {
        path = folder_write(&folder, "file", "one\ntwo\n", 0644);
        errno = 0;
        rewrite_after_read = rewritten[at];
        rewrite_path = path;
        assert_null(file_read_trusted(AT_FDCWD, path, 100, false, &status, &problem));
        assert_null(rewrite_after_read);
        assert_string_equal(problem, "changed while it was read");
        assert_int_equal(errno, EAGAIN);
    }
}

/* Emptied by an editor, which writes it now: it would be read as an empty one, and be as before. */
static void a_trusted_file_that_is_new_is_waited_for(void **state)
{
    const char *path = folder_write(&folder, "file", "", 0644), *problem;
    struct stat status;

    (void)state;
    need_root();
    assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
    rewrite_in_sleep = "one\n";
    rewrite_path = path;
    errno = 0;
    assert_null(file_read_trusted(AT_FDCWD, path, 100, true, &status, &problem));
    assert_null(rewrite_in_sleep);
    assert_string_equal(problem, "changed while it was read");
    assert_int_equal(errno, EAGAIN);
    path = folder_write(&folder, "file", "one\n", 0644);
    rewrite_in_sleep = "two\n"; /* of an old one nobody waits */
    free(file_read_trusted(AT_FDCWD, path, 100, true, &status, &problem));
    assert_non_null(rewrite_in_sleep);
    rewrite_in_sleep = NULL;
}

static void a_trusted_file_of_which_less_comes_than_its_size_is_refused(void **state)
{
    const char *path = folder_write(&folder, "file", "one\ntwo\n", 0644), *problem;
    struct stat status;

    (void)state;
    need_root();
    read_at_most = 0;
    assert_null(file_read_trusted(AT_FDCWD, path, 100, false, &status, &problem));
    read_at_most = -1;
    assert_string_equal(problem, "changed while it was read");
}

static void a_trusted_file_is_found_from_its_folder(void **state)
{
    const char *problem;
    struct stat status;
    char *text;
    int fd;

    (void)state;
    need_root();
    fd = file_open_trusted_directory(folder.path, &problem);
    assert_true(fd >= 0);
    (void)folder_write(&folder, "file", "x", 0600);
    text = file_read_trusted(fd, "file", 8, false, &status, &problem);
    assert_string_equal(text, "x");
    free(text);
    (void)close(fd);
}

/* ---- lines ---- */

static const struct line_case {
    const char *sentence;
    const char *text;
    const char *lines[4];
} line_cases[] = {
    {"no text has no line", "", {NULL}},
    {"a line has an end", "one\n", {"one"}},
    {"the last line needs none", "one\ntwo", {"one", "two"}},
    {"empty lines are lines", "\n\none\n", {"", "", "one"}},
    {"an empty line may be all", "\n", {""}},
    {"blanks and carriage returns stay", " one \r\n", {" one \r"}},
};

static void lines_are_these(void **state)
{
    const struct line_case *row = *state;
    char *text = strdup(row->text), *rest = text;

    for (size_t at = 0; row->lines[at] != NULL; at++) {
        const char *line = file_next_line(&rest);

        assert_non_null(line);
        assert_string_equal(line, row->lines[at]);
    }
    assert_null(file_next_line(&rest));
    assert_null(file_next_line(&rest));
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(an_empty_file_is_an_empty_text),
        cmocka_unit_test(a_file_of_any_allowed_size_is_read_whole),
        cmocka_unit_test(a_larger_file_is_refused),
        cmocka_unit_test(a_device_that_never_ends_is_refused),
        cmocka_unit_test(a_file_of_proc_is_read_whole),
        cmocka_unit_test(a_missing_file_says_so),
        cmocka_unit_test(a_folder_says_so),
        cmocka_unit_test(a_fifo_is_not_waited_for),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(a_trusted_file_is_read_up_to_its_limit),
        cmocka_unit_test(only_a_missing_file_is_missing),
        cmocka_unit_test(a_trusted_file_that_is_rewritten_meanwhile_is_refused),
        cmocka_unit_test(a_trusted_file_that_is_new_is_waited_for),
        cmocka_unit_test(a_trusted_file_of_which_less_comes_than_its_size_is_refused),
        cmocka_unit_test(a_trusted_file_is_found_from_its_folder),
    };
    static struct suite suite;

    ADD_TESTS(&suite, tests);
    ADD_ROWS(&suite, lines_are_these, line_cases);
    return cmocka_run_group_tests_name("file", suite.tests, make_folder, remove_folder);
}
