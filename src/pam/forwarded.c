#include "pam/forwarded.h"

#include "base/clock.h"
#include "base/guard.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <security/_pam_types.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One byte more than may come, so that too much is noticed. */
enum { ROOM = PAM_MAX_NUM_MSG * PAM_MAX_RESP_SIZE + 1, ANSWERS_MAX = PAM_MAX_NUM_MSG };

static const char too_long[] = "too long: an answer has at most 511 bytes"; /* PAM_MAX_RESP_SIZE */

static const char *option_of(enum forwarded_kind kind)
{
    return kind == FORWARDED_PASSWORD ? "--forward-password-fd" : "--forward-answers-fd";
}

static enum result refuse(struct error *error, enum forwarded_kind kind, int fd, const char *why)
{
    return fail(error, STEP_OPTIONS, STATUS_USAGE, "%s %d: %s", option_of(kind), fd, why);
}

/* ---- the descriptor ---- */

static bool is_unix_socket(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* NULL, or why a secret cannot come from there: others would have it, or it may be somebody's terminal or disk. */
static const char *descriptor_problem(int fd, uid_t applicant)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fstat(fd, &status) != 0)
        return "is not open";
    if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
        return "is not open for reading";
    if (S_ISFIFO(status.st_mode) || (S_ISSOCK(status.st_mode) && is_unix_socket(fd)))
        return NULL;
    if (!S_ISREG(status.st_mode))
        return "must be a pipe, a pair of sockets, a memfd or a file";
    if (status.st_uid != applicant && status.st_uid != 0)
        return "the file is somebody else's";
    if (status.st_nlink > 1)
        return "the file has a second name (hard link)";
    if (status.st_nlink == 1 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "the file is open to others: chmod 600 it";
    return NULL;
}

/* ---- the page ---- */

static char *page_secret(void)
{
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    char *page = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, ROOM) == 0)
        page = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        (void)close(fd);
    return page == MAP_FAILED ? NULL : page;
}

static char *page_locked(void)
{
    char *page = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (mlock(page, ROOM) == 0 && madvise(page, ROOM, MADV_DONTDUMP) == 0)
        return page;
    (void)munmap(page, ROOM);
    return NULL;
}

/* Not for a forked copy either: modules' helpers, and the command's process. */
static char *page_make(void)
{
    char *page = page_secret();

    if (page == NULL)
        page = page_locked();
    if (page != NULL && madvise(page, ROOM, MADV_DONTFORK) != 0) {
        (void)munmap(page, ROOM);
        page = NULL;
    }
    return page;
}

/* ---- reading ---- */

static enum result read_all(struct forwarded *forwarded, int fd, struct error *error)
{
    size_t most = forwarded->kind == FORWARDED_PASSWORD ? PAM_MAX_RESP_SIZE + 1 : ROOM;
    int64_t give_up_ms = clock_now_ms() + FORWARDED_DEADLINE_MS;

    while (forwarded->length < most) {
        struct pollfd source = {.fd = fd, .events = POLLIN};
        int64_t left = give_up_ms - clock_now_ms();
        int ready = left > 0 ? guard_poll(&source, 1, (int)left) : 0;
        ssize_t got;

        if (ready == 0)
            return fail(error, STEP_OPTIONS, STATUS_TRY_AGAIN, "%s %d: its end did not come within %d s",
                        option_of(forwarded->kind), fd, FORWARDED_DEADLINE_MS / 1000);
        if (guard_stop_signal() != 0)
            return guard_fail_stopped(STEP_OPTIONS, error);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "%s %d: poll: %s", option_of(forwarded->kind), fd,
                        strerror(errno));
        got = read(fd, forwarded->bytes + forwarded->length, most - forwarded->length);
        if (got == 0)
            return OK;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "%s %d: %s", option_of(forwarded->kind), fd,
                        strerror(errno));
        if (got > 0)
            forwarded->length += (size_t)got;
    }
    return refuse(error, forwarded->kind, fd, too_long);
}

/* NULL, or why it is not taken: never cut, never guessed at. */
static const char *line_problem(const char *line, size_t length)
{
    if (length == 0)
        return "empty: no password is no password";
    if (length >= PAM_MAX_RESP_SIZE)
        return too_long;
    if (memchr(line, '\0', length) != NULL)
        return "holds a NUL byte";
    if (line[length - 1] == '\r')
        return "ends in a carriage return (CR LF): write it without, as printf '%s' does";
    return NULL;
}

/* Lines end in a new line; the last one may do without. */
static const char *content_problem(struct forwarded *forwarded)
{
    const char *line = forwarded->bytes, *end = forwarded->bytes + forwarded->length;
    const char *problem;
    int count = 0;

    if (forwarded->length == 0)
        return "empty: its writer has closed it, or was never there";
    if (end[-1] != '\n') {
        forwarded->bytes[forwarded->length++] = '\n';
        end++;
    }
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        if (++count > (forwarded->kind == FORWARDED_PASSWORD ? 1 : ANSWERS_MAX))
            return forwarded->kind == FORWARDED_PASSWORD ? "holds more than one line" : "holds too many lines";
        problem = line_problem(line, (size_t)(stop - line));
        if (problem != NULL)
            return problem;
        line = stop + 1;
    }
    return NULL;
}

enum result forwarded_check(enum forwarded_kind kind, int fd, uid_t applicant, struct error *error)
{
    const char *problem = descriptor_problem(fd, applicant);

    if (problem == NULL)
        return OK;
    (void)refuse(error, kind, fd, problem);
    return fail_hint(error, "from a program that has it on standard input: pamrun %s 3 ... 3<&0 0</dev/null",
                     option_of(kind));
}

enum result forwarded_read(struct forwarded *forwarded, enum forwarded_kind kind, int fd, struct error *error)
{
    const char *problem;
    enum result result = FAILED;

    *forwarded = (struct forwarded){
        .kind = kind, .any_prompt = forwarded->any_prompt, .prompts = forwarded->prompts, .bytes = page_make()};
    if (forwarded->bytes == NULL)
        (void)fail(error, STEP_OPTIONS, STATUS_SYSTEM, "%s: no memory that is kept out of swap: %s", option_of(kind),
                   strerror(errno));
    else
        result = read_all(forwarded, fd, error);
    (void)close(fd);
    if (result == OK && (problem = content_problem(forwarded)) != NULL)
        result = refuse(error, kind, fd, problem);
    if (result != OK)
        forwarded_wipe(forwarded);
    return result;
}

/* ---- answering ---- */

/* The same text, blanks around it apart. */
static bool is_text(const char *prompt, const char *text)
{
    size_t length = strlen(text);

    while (isspace((unsigned char)*prompt))
        prompt++;
    if (strncmp(prompt, text, length) != 0)
        return false;
    prompt += length;
    while (isspace((unsigned char)*prompt))
        prompt++;
    return *prompt == '\0';
}

/* "Password:": in the C locale, which we never leave, that is how pam_unix and its kin ask for the password. Another
 * text may ask for a code or a new password, and would get, or spend, the old one. The site policy lists those that do
 * not. */
static bool is_password_prompt(const struct forwarded *forwarded, const char *prompt)
{
    if (is_text(prompt, "Password:"))
        return true;
    for (char *const *text = forwarded->prompts; text != NULL && *text != NULL; text++)
        if (is_text(prompt, *text))
            return true;
    return false;
}

char *forwarded_answer(struct forwarded *forwarded, const char *prompt, const char **why)
{
    const char *line, *stop;
    char *answer;

    if (forwarded->bytes == NULL)
        *why = "what was forwarded may not be given to it";
    else if (forwarded->kind == FORWARDED_ANSWERS && forwarded->at == forwarded->length)
        *why = "all forwarded answers have been given";
    else if (forwarded->kind == FORWARDED_PASSWORD && !forwarded->any_prompt && forwarded->given > 0)
        *why = "the forwarded password is given once";
    else if (forwarded->kind == FORWARDED_PASSWORD && !forwarded->any_prompt && !is_password_prompt(forwarded, prompt))
        *why = "the forwarded password is given to 'Password:' only, without --any-prompt";
    else
        *why = NULL;
    if (*why != NULL)
        return NULL;
    answer = calloc(1, PAM_MAX_RESP_SIZE);
    if (answer == NULL) {
        *why = "out of memory";
        return NULL;
    }
    line = forwarded->bytes + forwarded->at;
    stop = memchr(line, '\n', forwarded->length - forwarded->at);
    memcpy(answer, line, (size_t)(stop - line));
    if (forwarded->kind == FORWARDED_ANSWERS)
        forwarded->at = (size_t)(stop + 1 - forwarded->bytes);
    forwarded->given++;
    return answer;
}

void forwarded_wipe(struct forwarded *forwarded)
{
    if (forwarded->bytes == NULL)
        return;
    explicit_bzero(forwarded->bytes, ROOM);
    (void)munmap(forwarded->bytes, ROOM);
    forwarded->bytes = NULL;
}
