#include "base/guard.h"
#include "pam/conversation.h"
#include "pam/forwarded.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { APPLICANT = 54321, SOMEBODY_ELSE = 12345, NOWHERE = 3000 };

/* ---- what is unmapped is wiped ---- */

static size_t unmapped, unmapped_with_bytes;

int __real_munmap(void *address, size_t length);
int __wrap_munmap(void *address, size_t length);

int __wrap_munmap(void *address, size_t length)
{
    const char *bytes = address;

    unmapped++;
    for (size_t at = 0; at < length; at++)
        if (bytes[at] != 0) {
            unmapped_with_bytes++;
            break;
        }
    return __real_munmap(address, length);
}

/* ---- a kernel without memfd_secret(2) ---- */

static bool without_secret_memory;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_memfd_secret && without_secret_memory) {
        errno = ENOSYS;
        return -1;
    }
    return __real_syscall(number, a, b, c, d, e, f);
}

/* ---- descriptors ---- */

static int descriptor_of_pipe(void)
{
    int ends[2];

    return pipe2(ends, O_CLOEXEC) == 0 ? ends[0] : -1;
}

static int descriptor_of_pipes_other_end(void)
{
    int ends[2];

    return pipe2(ends, O_CLOEXEC) == 0 ? ends[1] : -1;
}

static int descriptor_of_socketpair(int type)
{
    int ends[2];

    return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0 ? ends[0] : -1;
}

static int descriptor_of_stream(void)
{
    return descriptor_of_socketpair(SOCK_STREAM);
}

static int descriptor_of_packets(void)
{
    return descriptor_of_socketpair(SOCK_SEQPACKET);
}

static int descriptor_of_memfd(void)
{
    return memfd_create("secret", MFD_CLOEXEC);
}

/* A file that has no name any more. */
static int descriptor_of_file(uid_t owner, int flags)
{
    struct folder folder;
    char path[128];
    int fd;

    folder_make(&folder);
    (void)snprintf(path, sizeof path, "%s", folder_write(&folder, "one", "secret\n", 0600));
    if (geteuid() == 0)
        assert_int_equal(chown(path, owner, 0), 0);
    fd = open(path, flags | O_CLOEXEC);
    folder_remove(&folder);
    return fd;
}

static int descriptor_of_own_unlinked_file(void)
{
    return descriptor_of_file(APPLICANT, O_RDONLY);
}

static int descriptor_of_foreign_file(void)
{
    return descriptor_of_file(SOMEBODY_ELSE, O_RDONLY);
}

static int descriptor_of_writable_file(void)
{
    return descriptor_of_file(APPLICANT, O_WRONLY);
}

static int descriptor_of_path(void)
{
    return descriptor_of_file(APPLICANT, O_PATH);
}

static int descriptor_of_folder(void)
{
    return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int descriptor_of_null(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int descriptor_of_zero(void)
{
    return open("/dev/zero", O_RDWR | O_CLOEXEC);
}

static int descriptor_of_terminal(void)
{
    return posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int descriptor_of_inet(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int descriptor_of_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int descriptor_of_event(void)
{
    return eventfd(1, EFD_CLOEXEC);
}

static int descriptor_of_epoll(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

static int descriptor_of_timer(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static int descriptor_that_is_closed(void)
{
    return NOWHERE;
}

static int descriptor_below_0(void)
{
    return -1;
}

static const struct kind {
    const char *sentence;
    int (*make)(void);
    const char *problem; /* NULL: it may be one */
} kinds[] = {
    {"a pipe may be", descriptor_of_pipe, NULL},
    {"a pair of sockets may be", descriptor_of_stream, NULL},
    {"a pair of sockets for packets may be", descriptor_of_packets, NULL},
    {"a memfd may be", descriptor_of_memfd, NULL},
    {"a file of the applicant's that has no name any more may be", descriptor_of_own_unlinked_file, NULL},
    {"a file of somebody else's may not", descriptor_of_foreign_file, "the file is somebody else's"},
    {"a file that is open for writing may not", descriptor_of_writable_file, "is not open for reading"},
    {"a file that is not really open may not", descriptor_of_path, "is not open for reading"},
    {"a pipe's other end may not", descriptor_of_pipes_other_end, "is not open for reading"},
    {"a folder may not", descriptor_of_folder, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"/dev/null may not", descriptor_of_null, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"/dev/zero may not", descriptor_of_zero, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"a terminal may not", descriptor_of_terminal, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"a network socket may not", descriptor_of_inet, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"a netlink socket may not", descriptor_of_netlink, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"an eventfd may not", descriptor_of_event, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"an epoll descriptor may not", descriptor_of_epoll, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"a timerfd may not", descriptor_of_timer, "must be a pipe, a pair of sockets, a memfd or a file"},
    {"what is closed may not", descriptor_that_is_closed, "is not open"},
    {"what is no descriptor may not", descriptor_below_0, "is not open"},
};

static void assert_checked(int fd, enum forwarded_kind kind, uid_t applicant, const char *problem)
{
    const char *option = kind == FORWARDED_PASSWORD ? "--forward-password-fd" : "--forward-answers-fd";
    struct error error = {0};
    enum result result = forwarded_check(kind, fd, applicant, &error);
    char expected[256];

    if (problem == NULL) {
        assert_int_equal(result, OK);
        return;
    }
    assert_failed(result, &error, STATUS_USAGE, STEP_OPTIONS);
    (void)snprintf(expected, sizeof expected, "%s %d: %s", option, fd, problem);
    assert_string_equal(error.message, expected);
    (void)snprintf(expected, sizeof expected,
                   "from a program that has it on standard input: pamrun %s 3 ... 3<&0 0</dev/null", option);
    assert_string_equal(error.hint, expected);
}

static void secret_comes_from(void **state)
{
    const struct kind *row = *state;
    int fd = row->make();

    /* not root: all files are one's own, and so is the one that should be somebody else's */
    uid_t applicant = geteuid() == 0 ? APPLICANT : geteuid() + (row->make == descriptor_of_foreign_file);

    assert_checked(fd, FORWARDED_PASSWORD, applicant, row->problem);
    assert_checked(fd, FORWARDED_ANSWERS, applicant, row->problem);
    if (fd >= 0)
        (void)close(fd);
}

static const struct mode {
    const char *sentence;
    mode_t mode;
    bool alone; /* nobody else has a right to it */
} modes[] = {
    {"mode 0600 is the owner's", 0600, true},          {"mode 0400 is the owner's", 0400, true},
    {"mode 0700 is the owner's", 0700, true},          {"mode 4600 is the owner's", 04600, true},
    {"mode 0640 is the group's", 0640, false},         {"mode 0620 is the group's", 0620, false},
    {"mode 0610 is the group's", 0610, false},         {"mode 0604 is everybody's", 0604, false},
    {"mode 0602 is everybody's", 0602, false},         {"mode 0601 is everybody's", 0601, false},
    {"mode 0666 is the group's and all", 0666, false},
};

static void named_file_with(void **state)
{
    const struct mode *row = *state;
    struct folder folder;
    int fd;

    folder_make(&folder);
    fd = open(folder_write(&folder, "one", "secret", 0600), O_RDONLY | O_CLOEXEC);
    assert_int_equal(fchmod(fd, row->mode), 0);
    assert_checked(fd, FORWARDED_PASSWORD, geteuid(), row->alone ? NULL : "the file is open to others: chmod 600 it");
    if (geteuid() == 0) /* root's is anybody's who has it open */
        assert_checked(fd, FORWARDED_PASSWORD, APPLICANT,
                       row->alone ? NULL : "the file is open to others: chmod 600 it");
    (void)close(fd);
    folder_remove(&folder);
}

static void a_file_with_two_names_is_refused_until_one_is_gone(void **state)
{
    struct folder folder;
    char one[128];
    int fd;

    (void)state;
    folder_make(&folder);
    (void)snprintf(one, sizeof one, "%s", folder_write(&folder, "one", "secret", 0600));
    assert_int_equal(link(one, folder_path(&folder, "two")), 0);
    fd = open(one, O_RDONLY | O_CLOEXEC);
    assert_checked(fd, FORWARDED_ANSWERS, geteuid(), "the file has a second name (hard link)");
    assert_int_equal(unlink(one), 0);
    assert_checked(fd, FORWARDED_ANSWERS, geteuid(), NULL);
    (void)close(fd);
    folder_remove(&folder);
}

/* ---- contents ---- */

#define A64  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
#define A511 A64 A64 A64 A64 A64 A64 A64 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
#define A512 A64 A64 A64 A64 A64 A64 A64 A64
#define X8   "x\nx\nx\nx\nx\nx\nx\nx\n"
#define X32  X8 X8 X8 X8

#define EMPTY_FILE "empty: its writer has closed it, or was never there"
#define EMPTY      "empty: no password is no password"
#define TOO_LONG   "too long: an answer has at most 511 bytes"
#define NUL        "holds a NUL byte"
#define CR_LF      "ends in a carriage return (CR LF): write it without, as printf '%s' does"
#define TWO_LINES  "holds more than one line"
#define MANY_LINES "holds too many lines"

#define TEXT(text) (text), sizeof(text) - 1

static const struct content {
    const char *sentence;
    enum forwarded_kind kind;
    const char *text;
    size_t length;
    const char *problem; /* NULL: it is taken */
} contents[] = {
    {"a password without a new line is one", FORWARDED_PASSWORD, TEXT("secret"), NULL},
    {"a password with a new line is one", FORWARDED_PASSWORD, TEXT("secret\n"), NULL},
    {"a byte is a password", FORWARDED_PASSWORD, TEXT("x"), NULL},
    {"blanks are a password", FORWARDED_PASSWORD, TEXT("  \t "), NULL},
    {"a carriage return inside is part of it", FORWARDED_PASSWORD, TEXT("a\rb"), NULL},
    {"control characters and UTF-8 are part of it", FORWARDED_PASSWORD, TEXT("\033[2J\303\244\377"), NULL},
    {"511 bytes are a password", FORWARDED_PASSWORD, TEXT(A511), NULL},
    {"511 bytes and a new line are a password", FORWARDED_PASSWORD, TEXT(A511 "\n"), NULL},
    {"512 bytes are too long", FORWARDED_PASSWORD, TEXT(A512), TOO_LONG},
    {"512 bytes and a new line are too long", FORWARDED_PASSWORD, TEXT(A512 "\n"), TOO_LONG},
    {"513 bytes are too long", FORWARDED_PASSWORD, TEXT(A512 "x"), TOO_LONG},
    {"nothing is no password", FORWARDED_PASSWORD, TEXT(""), EMPTY_FILE},
    {"a new line is no password", FORWARDED_PASSWORD, TEXT("\n"), EMPTY},
    {"two new lines are none", FORWARDED_PASSWORD, TEXT("\n\n"), EMPTY},
    {"a NUL byte is none", FORWARDED_PASSWORD, TEXT("\0"), NUL},
    {"a NUL byte at the end is part of none", FORWARDED_PASSWORD, TEXT("secret\0"), NUL},
    {"a NUL byte inside is part of none", FORWARDED_PASSWORD, TEXT("se\0cret\n"), NUL},
    {"a carriage return at the end is part of none", FORWARDED_PASSWORD, TEXT("secret\r"), CR_LF},
    {"CR LF at the end is part of none", FORWARDED_PASSWORD, TEXT("secret\r\n"), CR_LF},
    {"CR LF alone is none", FORWARDED_PASSWORD, TEXT("\r\n"), CR_LF},
    {"a second line is refused", FORWARDED_PASSWORD, TEXT("secret\nx"), TWO_LINES},
    {"a second, empty line is refused", FORWARDED_PASSWORD, TEXT("secret\n\n"), TWO_LINES},
    {"a NUL byte behind the line is refused", FORWARDED_PASSWORD, TEXT("secret\n\0"), TWO_LINES},
    {"one answer is taken", FORWARDED_ANSWERS, TEXT("one"), NULL},
    {"two answers are taken", FORWARDED_ANSWERS, TEXT("one\ntwo\n"), NULL},
    {"two answers without the last new line are taken", FORWARDED_ANSWERS, TEXT("one\ntwo"), NULL},
    {"32 answers are taken", FORWARDED_ANSWERS, TEXT(X32), NULL},
    {"33 answers are too many", FORWARDED_ANSWERS, TEXT(X32 "x"), MANY_LINES},
    {"33 answers and a new line are too many", FORWARDED_ANSWERS, TEXT(X32 "x\n"), MANY_LINES},
    {"no answers are refused", FORWARDED_ANSWERS, TEXT(""), EMPTY_FILE},
    {"an empty answer is refused", FORWARDED_ANSWERS, TEXT("one\n\ntwo\n"), EMPTY},
    {"an empty last answer is refused", FORWARDED_ANSWERS, TEXT("one\n\n"), EMPTY},
    {"a NUL byte in the second answer is refused", FORWARDED_ANSWERS, TEXT("one\ntw\0o"), NUL},
    {"CR LF behind the first answer is refused", FORWARDED_ANSWERS, TEXT("one\r\ntwo\n"), CR_LF},
    {"a second answer of 511 bytes is taken", FORWARDED_ANSWERS, TEXT("one\n" A511 "\n"), NULL},
    {"a second answer of 512 bytes is refused", FORWARDED_ANSWERS, TEXT("one\n" A512 "\n"), TOO_LONG},
    {"a last answer of 512 bytes is refused", FORWARDED_ANSWERS, TEXT("one\n" A512), TOO_LONG},
};

/* A pipe that holds the text, its writer gone; what does not fit makes the test fail. */
static int source_of(const char *text, size_t length)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], text, length), length);
    assert_int_equal(close(ends[1]), 0);
    return ends[0];
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static enum result take(struct forwarded *forwarded, enum forwarded_kind kind, const char *text, size_t length,
                        struct error *error)
{
    int fd = source_of(text, length);
    enum result result = forwarded_read(forwarded, kind, fd, error);

    assert_false(is_open(fd));
    return result;
}

/* The next lines of the text are the answers, whatever the prompt says where any may have them. */
static void assert_given(struct forwarded *forwarded, const char *prompt, const char *line, size_t length)
{
    const char *why = "untouched";
    char *answer = forwarded_answer(forwarded, prompt, &why);

    assert_non_null(answer);
    assert_null(why);
    assert_int_equal(strlen(answer), length);
    assert_memory_equal(answer, line, length);
    for (size_t at = length; at < PAM_MAX_RESP_SIZE; at++)
        assert_int_equal(answer[at], 0);
    free(answer);
}

static void assert_not_given(struct forwarded *forwarded, const char *prompt, const char *reason)
{
    const char *why = NULL;

    assert_null(forwarded_answer(forwarded, prompt, &why));
    assert_string_equal(why, reason);
}

static void content_is_taken_or_refused(void **state)
{
    const struct content *row = *state;
    struct forwarded forwarded = {0};
    struct error error = {0};
    enum result result;
    const char *line = row->text, *end = row->text + row->length;

    unmapped = unmapped_with_bytes = 0;
    result = take(&forwarded, row->kind, row->text, row->length, &error);
    if (row->problem != NULL) {
        assert_failed(result, &error, STATUS_USAGE, STEP_OPTIONS);
        assert_non_null(strstr(error.message, row->problem));
        assert_null(strstr(error.message, "secret"));
        assert_null(strstr(error.message, "0123"));
        assert_null(forwarded.bytes);
        assert_int_equal(unmapped, 1);
        assert_int_equal(unmapped_with_bytes, 0);
        return;
    }
    assert_int_equal(result, OK);
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        stop = stop != NULL ? stop : end;
        assert_given(&forwarded, "Password: ", line, (size_t)(stop - line));
        line = stop + 1;
    }
    assert_not_given(&forwarded, "Password: ",
                     row->kind == FORWARDED_PASSWORD ? "the forwarded password is given once"
                                                     : "all forwarded answers have been given");
    assert_int_equal(unmapped, 0);
    forwarded_wipe(&forwarded);
    assert_null(forwarded.bytes);
    assert_int_equal(unmapped, 1);
    assert_int_equal(unmapped_with_bytes, 0);
    forwarded_wipe(&forwarded);
    assert_int_equal(unmapped, 1);
    assert_not_given(&forwarded, "Password: ", "what was forwarded may not be given to it");
}

static void the_most_that_there_may_be_is_taken_and_a_byte_more_is_not(void **state)
{
    enum { LINE = sizeof A511 };
    static char text[32 * LINE + 1];
    struct forwarded forwarded = {0};
    struct error error = {0};

    (void)state;
    for (size_t at = 0; at < 32; at++)
        memcpy(text + at * LINE, A511 "\n", LINE);
    for (size_t missing = 0; missing < 2; missing++) { /* with the last new line, and without */
        assert_int_equal(take(&forwarded, FORWARDED_ANSWERS, text, 32 * LINE - missing, &error), OK);
        for (size_t at = 0; at < 32; at++)
            assert_given(&forwarded, "Code: ", A511, LINE - 1);
        assert_not_given(&forwarded, "Code: ", "all forwarded answers have been given");
        forwarded_wipe(&forwarded);
    }
    text[32 * LINE - 1] = 'x';
    assert_failed(take(&forwarded, FORWARDED_ANSWERS, text, 32 * LINE, &error), &error, STATUS_USAGE, STEP_OPTIONS);
    text[32 * LINE - 1] = '\n';
    text[32 * LINE] = 'x';
    assert_failed(take(&forwarded, FORWARDED_ANSWERS, text, 32 * LINE + 1, &error), &error, STATUS_USAGE, STEP_OPTIONS);
}

/* Nobody ends it, and it is refused all the same. */
static void too_much_is_refused_before_its_end(void **state)
{
    static char text[60000];
    int ends[2];

    (void)state;
    memset(text, 'a', sizeof text);
    for (int kind = FORWARDED_PASSWORD; kind <= FORWARDED_ANSWERS; kind++) {
        struct forwarded forwarded = {0};
        struct error error = {0};

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
        assert_failed(forwarded_read(&forwarded, (enum forwarded_kind)kind, ends[0], &error), &error, STATUS_USAGE,
                      STEP_OPTIONS);
        assert_non_null(strstr(error.message, TOO_LONG));
        assert_false(is_open(ends[0]));
        (void)close(ends[1]);
    }
}

/* A datagram of which there is no room for all must not be cut into a password. */
static void packets_are_put_together_and_never_cut(void **state)
{
    struct forwarded forwarded = {0};
    struct error error = {0};
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(send(ends[1], "sec", 3, 0), 3);
    assert_int_equal(send(ends[1], "ret\n", 4, 0), 4);
    (void)close(ends[1]);
    assert_int_equal(forwarded_read(&forwarded, FORWARDED_PASSWORD, ends[0], &error), OK);
    assert_given(&forwarded, "Password:", "secret", 6);
    forwarded_wipe(&forwarded);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(send(ends[1], A511, 500, 0), 500);
    assert_int_equal(send(ends[1], A511, 500, 0), 500);
    (void)close(ends[1]);
    assert_failed(forwarded_read(&forwarded, FORWARDED_PASSWORD, ends[0], &error), &error, STATUS_USAGE, STEP_OPTIONS);
    assert_non_null(strstr(error.message, TOO_LONG));
}

static void what_cannot_be_read_is_the_systems_failure(void **state)
{
    struct forwarded forwarded = {0};
    struct error error = {0};

    (void)state;
    assert_failed(forwarded_read(&forwarded, FORWARDED_PASSWORD, open("/", O_RDONLY | O_CLOEXEC), &error), &error,
                  STATUS_SYSTEM, STEP_OPTIONS);
    assert_null(forwarded.bytes);
}

/* ---- which prompts ---- */

static const struct prompt {
    const char *sentence;
    const char *text;
    bool is_password;
} prompts[] = {
    {"Password: is pam_unix's", "Password: ", true},
    {"Password: without the blank is", "Password:", true},
    {"Password: between blanks, tabs and new lines is", " \t\nPassword: \r\n\v\f", true},
    {"password: is not", "password: ", false},
    {"PASSWORD: is not", "PASSWORD: ", false},
    {"Password is not", "Password", false},
    {"Password with a blank before the colon is not", "Password :", false},
    {"Passwords: is not", "Passwords:", false},
    {"Password:: is not", "Password::", false},
    {"Password: with a word behind is not", "Password: again", false},
    {"two of them are not", "Password: Password:", false},
    {"New password: is not", "New password: ", false},
    {"Current Password: is not", "Current Password: ", false},
    {"LDAP Password: is not", "LDAP Password: ", false},
    {"Password for alice: is not", "Password for alice: ", false},
    {"a translated one is not", "Passwort: ", false},
    {"a code is not", "Verification code: ", false},
    {"nothing is not", "", false},
    {"blanks are not", "   ", false},
    {"an 0xa0 is no blank", "\xa0Password:", false},
};

static void prompt_is_answered_or_not(void **state)
{
    const struct prompt *row = *state;
    struct forwarded forwarded = {0};
    struct error error = {0};

    assert_int_equal(take(&forwarded, FORWARDED_PASSWORD, TEXT("secret"), &error), OK);
    if (row->is_password)
        assert_given(&forwarded, row->text, "secret", 6);
    else
        assert_not_given(&forwarded, row->text,
                         "the forwarded password is given to 'Password:' only, without --any-prompt");
    assert_int_equal(forwarded.given, row->is_password);
    forwarded_wipe(&forwarded);
    assert_int_equal(forwarded.given, row->is_password); /* is asked for afterwards */
    forwarded = (struct forwarded){.any_prompt = true};
    assert_int_equal(take(&forwarded, FORWARDED_PASSWORD, TEXT("secret"), &error), OK);
    for (int time = 0; time < 40; time++)
        assert_given(&forwarded, row->text, "secret", 6);
    forwarded_wipe(&forwarded);
    forwarded = (struct forwarded){0};
    assert_int_equal(take(&forwarded, FORWARDED_ANSWERS, TEXT("secret"), &error), OK);
    assert_given(&forwarded, row->text, "secret", 6);
    forwarded_wipe(&forwarded);
}

static void a_prompt_that_is_not_answered_does_not_spend_the_password(void **state)
{
    struct forwarded forwarded = {0};
    struct error error = {0};

    (void)state;
    assert_int_equal(take(&forwarded, FORWARDED_PASSWORD, TEXT("secret\n"), &error), OK);
    assert_not_given(&forwarded, "Code: ", "the forwarded password is given to 'Password:' only, without --any-prompt");
    assert_given(&forwarded, "Password: ", "secret", 6);
    assert_not_given(&forwarded, "Code: ", "the forwarded password is given once");
    forwarded_wipe(&forwarded);
}

/* ---- in a conversation ---- */

static int converse(struct conversation *conversation, const struct pam_message *messages, int count,
                    struct pam_response **responses)
{
    const struct pam_message *pointers[8];

    for (int at = 0; at < count; at++)
        pointers[at] = &messages[at];
    return conversation_talk(count, pointers, responses, conversation);
}

static void two_prompts_in_one_call_get_two_answers(void **state)
{
    static const struct pam_message messages[] = {
        {PAM_PROMPT_ECHO_OFF, "Password: "}, {PAM_TEXT_INFO, "look"}, {PAM_PROMPT_ECHO_OFF, "Code: "}};
    struct forwarded forwarded = {0};
    struct conversation conversation = {.forwarded = &forwarded, .forwards = true};
    struct pam_response *responses = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(take(&forwarded, FORWARDED_ANSWERS, TEXT("secret\n123456\n"), &error), OK);
    assert_int_equal(converse(&conversation, messages, 3, &responses), PAM_SUCCESS);
    assert_string_equal(responses[0].resp, "secret");
    assert_null(responses[1].resp);
    assert_string_equal(responses[2].resp, "123456");
    free(responses[0].resp);
    free(responses[2].resp);
    free(responses);
    assert_string_equal(conversation.unanswered, "");
    forwarded_wipe(&forwarded);
}

static void a_call_that_asks_for_more_gets_nothing(void **state)
{
    static const struct pam_message messages[] = {{PAM_PROMPT_ECHO_OFF, "Password: "},
                                                  {PAM_PROMPT_ECHO_OFF, "Co\nde: "}};
    struct forwarded forwarded = {0};
    struct conversation conversation = {.forwarded = &forwarded, .forwards = true};
    struct pam_response *responses = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(take(&forwarded, FORWARDED_ANSWERS, TEXT("secret\n"), &error), OK);
    assert_int_equal(converse(&conversation, messages, 2, &responses), PAM_CONV_ERR);
    assert_null(responses);
    assert_string_equal(conversation.unanswered, "Co\\012de: ");
    assert_string_equal(conversation.why, "all forwarded answers have been given");
    forwarded_wipe(&forwarded);
}

static void a_prompt_with_echo_gets_nothing(void **state)
{
    static const struct pam_message messages[] = {{PAM_PROMPT_ECHO_ON, "Password: "}};
    struct forwarded forwarded = {.any_prompt = true};
    struct conversation conversation = {.forwarded = &forwarded, .forwards = true};
    struct pam_response *responses = NULL;
    struct error error = {0};

    (void)state;
    assert_int_equal(take(&forwarded, FORWARDED_PASSWORD, TEXT("secret\n"), &error), OK);
    assert_int_equal(converse(&conversation, messages, 1, &responses), PAM_CONV_ERR);
    assert_string_equal(conversation.why, "what was forwarded is not given to a prompt with echo");
    assert_int_equal(forwarded.given, 0);
    forwarded_wipe(&forwarded);
}

/* ---- the page ---- */

/* The flags that /proc/self/smaps has for the mapping at address, "rd wr ... "; empty: there is none. */
static void flags_of(const void *address, char *flags, size_t size)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    char line[512];
    bool inside = false;

    flags[0] = '\0';
    assert_non_null(smaps);
    while (fgets(line, sizeof line, smaps) != NULL) {
        unsigned long start, end;

        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            inside = start <= (unsigned long)address && (unsigned long)address < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(flags, size, "%.*s", (int)size - 1, line + 8);
    }
    (void)fclose(smaps);
}

static void assert_kept(void)
{
    struct forwarded forwarded = {0};
    struct error error = {0};
    char flags[256];
    int wait_status;
    const char *page;
    pid_t pid;

    assert_int_equal(take(&forwarded, FORWARDED_PASSWORD, TEXT("secret\n"), &error), OK);
    page = forwarded.bytes;
    flags_of(page, flags, sizeof flags);
#ifndef __SANITIZE_ADDRESS__ /* makes mlock(2) do nothing */
    assert_non_null(strstr(flags, " lo "));
#endif
    assert_non_null(strstr(flags, " dd "));
    assert_non_null(strstr(flags, " dc "));
    pid = fork();
    if (pid == 0)
        _exit(msync((void *)(uintptr_t)page, 1, MS_ASYNC) == 0 || errno != ENOMEM ? 1 : 0);
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
    assert_int_equal(msync((void *)(uintptr_t)page, 1, MS_ASYNC), 0);
    assert_given(&forwarded, "Password: ", "secret", 6);
    forwarded_wipe(&forwarded);
    assert_int_equal(msync((void *)(uintptr_t)page, 1, MS_ASYNC), -1);
}

static void the_page_is_locked_not_dumped_and_not_forked(void **state)
{
    (void)state;
    assert_kept();
}

static void so_it_is_where_the_kernel_has_no_secret_memory(void **state)
{
    (void)state;
    without_secret_memory = true;
    assert_kept();
    without_secret_memory = false;
}

/* ---- told to stop ---- */

static int read_when_stopped(const void *data)
{
    const int *number = data;
    struct events events = {.fd = -1};
    struct forwarded forwarded = {0};
    struct error error;
    sigset_t ignored;
    int ends[2];

    sigemptyset(&ignored);
    guard_name("alice", "jobs", 10000);
    if (guard_start(&ignored, &events, &error) != OK || pipe(ends) != 0 || write(ends[1], "secret\n", 7) != 7)
        return 1;
    (void)raise(*number);
    if (forwarded_read(&forwarded, FORWARDED_PASSWORD, ends[0], &error) == OK)
        return 2;
    printf("%s", error.message);
    return forwarded.bytes == NULL && !is_open(ends[0]) ? error.status : 3;
}

static void a_signal_ends_the_wait(void **state)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    char expected[128];
    struct ran ran;

    (void)state;
    for (size_t at = 0; at < COUNT(numbers); at++) {
        run(&ran, read_when_stopped, &numbers[at], 9000);
        assert_int_equal(ran.status, 128 + numbers[at]);
        (void)snprintf(expected, sizeof expected, "options for alice (profile jobs): stopped by SIG%s",
                       sigabbrev_np(numbers[at]));
        assert_string_equal(ran.output, expected);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_two_names_is_refused_until_one_is_gone),
        cmocka_unit_test(the_most_that_there_may_be_is_taken_and_a_byte_more_is_not),
        cmocka_unit_test(too_much_is_refused_before_its_end),
        cmocka_unit_test(packets_are_put_together_and_never_cut),
        cmocka_unit_test(what_cannot_be_read_is_the_systems_failure),
        cmocka_unit_test(a_prompt_that_is_not_answered_does_not_spend_the_password),
        cmocka_unit_test(two_prompts_in_one_call_get_two_answers),
        cmocka_unit_test(a_call_that_asks_for_more_gets_nothing),
        cmocka_unit_test(a_prompt_with_echo_gets_nothing),
        cmocka_unit_test(the_page_is_locked_not_dumped_and_not_forked),
        cmocka_unit_test(so_it_is_where_the_kernel_has_no_secret_memory),
        cmocka_unit_test(a_signal_ends_the_wait),
    };
    static struct suite suite;

    ADD_ROWS(&suite, secret_comes_from, kinds);
    ADD_ROWS(&suite, named_file_with, modes);
    ADD_ROWS(&suite, content_is_taken_or_refused, contents);
    ADD_ROWS(&suite, prompt_is_answered_or_not, prompts);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("forwarded", suite.tests, NULL, NULL);
}
