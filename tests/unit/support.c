#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- suites ---- */

void suite_add(struct suite *suite, const struct CMUnitTest *tests, size_t count)
{
    assert_true(suite->count + count <= SUITE_MAX);
    memcpy(suite->tests + suite->count, tests, count * sizeof *tests);
    suite->count += count;
}

bool suite_needs_root(void)
{
    if (geteuid() == 0)
        return false;
    printf("1..0 # SKIP only root can make files that are root's\n");
    return true;
}

void suite_add_rows(struct suite *suite, CMUnitTestFunction test, const void *rows, size_t count, size_t size)
{
    for (size_t at = 0; at < count; at++) {
        const char *row = (const char *)rows + at * size;
        struct CMUnitTest unit = {.test_func = test, .initial_state = (void *)(uintptr_t)row};

        memcpy(&unit.name, row, sizeof unit.name);
        suite_add(suite, &unit, 1);
    }
}

/* ---- a process of its own ---- */

long now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(long milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

static void child_scene(const int *output, const int *errors)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    (void)dup2(nothing, STDIN_FILENO);
    (void)dup2(output[1], STDOUT_FILENO);
    (void)dup2(errors[1], STDERR_FILENO);
    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What has come so far; false at end of file. */
static bool collect(int fd, char *text, size_t size, size_t *length)
{
    ssize_t got = read(fd, text + *length, size - 1 - *length);

    if (got > 0)
        *length += (size_t)got;
    text[*length] = '\0';
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Only what is there counts, once the process has ended: descendants of it may hold the pipes. */
static void follow(struct ran *ran, pid_t pid, int output, int errors, int limit_ms)
{
    struct pollfd sources[] = {{.fd = output, .events = POLLIN}, {.fd = errors, .events = POLLIN}};
    size_t output_length = 0, errors_length = 0;
    long start = now_ms();
    int wait_status = 0;
    bool ended = false;

    (void)fcntl(output, F_SETFL, O_NONBLOCK);
    (void)fcntl(errors, F_SETFL, O_NONBLOCK);
    while (!ended) {
        ended = waitpid(pid, &wait_status, WNOHANG) == pid;
        ran->took_ms = now_ms() - start;
        if (!ended && ran->took_ms > limit_ms) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &wait_status, 0);
            ran->status = -1;
            break;
        }
        if (!ended)
            (void)poll(sources, COUNT(sources), 5);
        if (!collect(output, ran->output, sizeof ran->output, &output_length))
            sources[0].fd = -1;
        if (!collect(errors, ran->errors, sizeof ran->errors, &errors_length))
            sources[1].fd = -1;
    }
    if (ran->status == 0)
        ran->status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void run(struct ran *ran, task *body, const void *data, int limit_ms)
{
    int output[2], errors[2];
    pid_t pid;

    memset(ran, 0, sizeof *ran);
    (void)fflush(NULL); /* or the child's exit(3) would print it again */
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int status;

        child_scene(output, errors);
        status = body(data);
        (void)fflush(NULL);
        _exit(status);
    }
    (void)close(output[1]);
    (void)close(errors[1]);
    follow(ran, pid, output[0], errors[0], limit_ms);
    (void)close(output[0]);
    (void)close(errors[0]);
}

/* ---- a terminal ---- */

static _Noreturn void start_on_terminal(const struct terminal *terminal, const char *name, int master, int slave)
{
    int fd, status;

    (void)close(master);
    (void)close(slave);
    if (setsid() < 0 || (fd = open(name, O_RDWR)) < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
        _exit(99);
    status = terminal->body(terminal->data);
    (void)fflush(NULL);
    _exit(status);
}

static bool text_ends_in(const char *text, size_t length, const char *end)
{
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Type the answers, collect the screen; the inner process's wait(2) status. */
static int serve_terminal(const struct terminal *terminal, int master, pid_t pid, char *screen, size_t size)
{
    size_t length = 0, answered = 0, seen = 0;
    int wait_status = 0;
    bool ended = false;

    (void)fcntl(master, F_SETFL, O_NONBLOCK);
    while (!ended) {
        struct pollfd source = {.fd = master, .events = POLLIN};

        ended = waitpid(pid, &wait_status, WNOHANG) == pid;
        if (!ended)
            (void)poll(&source, 1, 5);
        (void)collect(master, screen, size, &length);
        if (length > seen && text_ends_in(screen, length, ": ") && answered < COUNT(terminal->answers)
            && terminal->answers[answered] != NULL) {
            const char *answer = terminal->answers[answered++];

            seen = length;
            pause_ms(50); /* a question may be asked before the terminal is listened to */
            (void)!write(master, answer, strlen(answer));
        }
    }
    return wait_status;
}

/* The kernel hands over what is typed in its own time: it is typed ahead only when it has arrived. */
static bool type_ahead(int master, int slave, const char *text)
{
    struct pollfd arrival = {.fd = slave, .events = POLLIN};

    return write(master, text, strlen(text)) == (ssize_t)strlen(text) && poll(&arrival, 1, 5000) == 1;
}

int on_terminal(const void *data)
{
    const struct terminal *terminal = data;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1, wait_status;
    static char screen[8192];
    char name[64];
    pid_t pid;

    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof name) != 0)
        return 98;
    slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* so that it is there before and after */
    if (slave < 0 || (terminal->ahead != NULL && !type_ahead(master, slave, terminal->ahead)))
        return 97;
    pid = fork();
    if (pid == 0)
        start_on_terminal(terminal, name, master, slave);
    wait_status = serve_terminal(terminal, master, pid, screen, sizeof screen);
    printf("|%s", screen);
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* ---- text ---- */

size_t lines_of(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* The number of the character at *text (RFC 3629), moved behind it; -1: no well-formed one. */
static long next_character(const unsigned char **text)
{
    const unsigned char *at = *text;
    static const long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    long character = at[0];
    int length = 1;

    if (at[0] >= 0xf0 && at[0] < 0xf8)
        length = 4;
    else if (at[0] >= 0xe0 && at[0] < 0xf0)
        length = 3;
    else if (at[0] >= 0xc0 && at[0] < 0xe0)
        length = 2;
    else if (at[0] >= 0x80)
        return -1;
    if (length > 1)
        character &= 0xff >> (length + 1);
    for (int more = 1; more < length; more++) {
        if ((at[more] & 0xc0) != 0x80)
            return -1;
        character = character << 6 | (at[more] & 0x3f);
    }
    *text += length;
    if (character < smallest[length] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
        return -1;
    return character;
}

bool text_is_harmless(const char *text, bool lines_kept)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        long character = next_character(&at);

        if (lines_kept && (character == '\n' || character == '\t'))
            continue;
        if (character < ' ' || (character >= 0x7f && character <= 0x9f))
            return false;
    }
    return true;
}

void assert_failed(enum result result, const struct error *error, int status, enum step step)
{
    assert_int_equal(result, FAILED);
    assert_int_equal(error->status, status);
    assert_string_equal(step_name(error->step), step_name(step));
    assert_true(error->message[0] != '\0');
    assert_true(text_is_harmless(error->message, false));
    assert_true(text_is_harmless(error->hint, false));
}

/* ---- files ---- */

void folder_make(struct folder *folder)
{
    strcpy(folder->path, "/tmp/unit-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

/* Files, and folders of files. */
static void remove_below(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char inner[512];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) < 0 && errno == EISDIR)
            remove_below(inner);
    }
    if (directory != NULL)
        (void)closedir(directory);
    (void)rmdir(path);
}

void folder_remove(struct folder *folder)
{
    remove_below(folder->path);
    folder->path[0] = '\0';
}

const char *folder_path(const struct folder *folder, const char *name)
{
    static char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}

const char *folder_write(const struct folder *folder, const char *name, const char *text, mode_t mode)
{
    static const struct timespec long_ago[2];
    const char *path = folder_path(folder, name);
    size_t length = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(futimens(fd, long_ago), 0);
    assert_int_equal(close(fd), 0);
    return path;
}

void folder_forget(const struct folder *folder, const char *name)
{
    (void)unlink(folder_path(folder, name));
}
