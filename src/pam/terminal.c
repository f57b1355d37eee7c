#include "pam/terminal.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool terminal_name(char *name, size_t size)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (ttyname_r(fd, name, size) == 0)
            return true;
    name[0] = '\0';
    return false;
}

bool terminal_is_there(void)
{
    OWNED(fd_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    return fd >= 0;
}

enum reading { READ_LINE, READ_NOTHING, READ_SUSPENDED, READ_TAKEN };

static bool in_foreground(int fd)
{
    pid_t group = tcgetpgrp(fd);

    return group <= 0 || group == getpgrp();
}

/* Stopped by SIGSTOP, which cannot be caught: the terminal was another's since, or is, and has a mode of his. */
static bool is_taken(int fd, const struct termios *quiet)
{
    enum { OURS = ECHO | ECHONL };
    struct termios now;

    return !in_foreground(fd) || (tcgetattr(fd, &now) == 0 && ((now.c_lflag ^ quiet->c_lflag) & OURS) != 0);
}

struct answer {
    char *line;
    size_t size;
    int64_t give_up_ms; /* clock_now_ms(); below 0: never */
};

/* READ_LINE: there is something to read. READ_NOTHING, and errno: a signal or a deadline. */
static enum reading wait_for_key(int fd, const struct termios *quiet, int64_t give_up_ms)
{
    struct pollfd source = {.fd = fd, .events = POLLIN};
    int ready;

    do {
        int64_t left = give_up_ms < 0 ? -1 : give_up_ms - clock_now_ms();

        ready = give_up_ms < 0 || left > 0 ? guard_poll(&source, 1, (int)left) : 0;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return READ_NOTHING;
        }
        if (ready < 0 && (errno != EINTR || guard_is_to_end()))
            return READ_NOTHING;
        if (guard_suspend_is_wanted())
            return READ_SUSPENDED;
        if (is_taken(fd, quiet))
            return READ_TAKEN;
    } while (ready < 0);
    return READ_LINE;
}

/* One line into answer. Nothing, and errno: a signal (EINTR), the end of input (ENODATA), too long (E2BIG). */
static enum reading read_line(int fd, const struct termios *quiet, const struct answer *answer)
{
    size_t length = 0;
    char byte = '\0';

    while (byte != '\n' && byte != '\r') {
        enum reading waited = wait_for_key(fd, quiet, answer->give_up_ms);
        ssize_t got;

        if (waited != READ_LINE)
            return waited;
        got = read(fd, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got == 0)
            errno = ENODATA;
        if (got <= 0)
            return READ_NOTHING;
        if (length < answer->size)
            answer->line[length++] = byte; /* at last the new line, or it is too long */
    }
    if (length == answer->size && answer->line[length - 1] != byte) {
        errno = E2BIG;
        return READ_NOTHING;
    }
    answer->line[length - 1] = '\0';
    return READ_LINE;
}

/* Typed-ahead input is thrown away, the mode is put back, whatever happens. */
static enum reading ask_once(int fd, const char *prompt, bool echo, const struct answer *answer)
{
    struct termios modes, quiet;
    enum reading reading;
    int problem;

    if (tcgetattr(fd, &modes) < 0)
        return READ_NOTHING;
    quiet = modes;
    if (!echo)
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    (void)tcsetattr(fd, TCSAFLUSH, &quiet);
    (void)!write(fd, prompt, strlen(prompt));
    reading = read_line(fd, &quiet, answer);
    problem = errno;
    if (reading == READ_TAKEN) /* the mode is not ours to put back */
        return reading;
    if (!echo)
        (void)!write(fd, "\n", 1);
    (void)tcsetattr(fd, TCSAFLUSH, &modes);
    errno = problem;
    return reading;
}

/* In the background the terminal is another's: what stops a program there stops us, by a signal of its own or (holder)
 * by way of the front. false: a signal ends the waiting, or we may not wait. */
static bool wait_for_foreground(int fd)
{
    while (!in_foreground(fd))
        if (guard_is_to_end() || !guard_may_stop() || !guard_suspend(SIGTTIN))
            break;
    errno = guard_is_to_end() || guard_may_stop() ? EINTR : ETIMEDOUT;
    return !guard_is_to_end() && (guard_may_stop() || in_foreground(fd));
}

bool terminal_ask(const char *prompt, bool echo, char *answer, size_t size, int timeout_ms)
{
    struct answer wanted = {answer, size, timeout_ms < 0 ? -1 : clock_now_ms() + timeout_ms};
    OWNED(fd_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    enum reading reading = READ_NOTHING;
    int problem;

    guard_prompt_begin();
    while (fd >= 0 && wait_for_foreground(fd)
           && ((reading = ask_once(fd, prompt, echo, &wanted)) == READ_SUSPENDED || reading == READ_TAKEN)) {
        guard_prompt_end();
        if (reading == READ_SUSPENDED)
            (void)guard_suspend(SIGTSTP); /* and ask again when we go on */
        guard_prompt_begin();
    }
    problem = errno;
    guard_prompt_end();
    if (reading != READ_LINE)
        explicit_bzero(answer, size);
    fd_close(&fd);
    errno = problem;
    return reading == READ_LINE;
}
