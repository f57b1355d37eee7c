#include "pam/terminal.h"

#include "base/guard.h"
#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
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

/* The signal of ^Z came: the terminal's mode is put back before we stop. */
static volatile sig_atomic_t suspended;

static void on_suspend(int number)
{
    suspended = number;
}

enum reading { READ_LINE, READ_NOTHING, READ_SUSPENDED };

/* One line into answer. Nothing, and errno: a signal (EINTR), the end of input (ENODATA), too long (E2BIG). */
static enum reading read_line(int fd, char *answer, size_t size)
{
    int harmless = guard_harmless_signals();
    size_t length = 0;
    char byte = '\0';

    while (byte != '\n' && byte != '\r') {
        ssize_t got = read(fd, &byte, 1);

        if (got < 0 && errno == EINTR && suspended)
            return READ_SUSPENDED;
        if (got < 0 && errno == EINTR && guard_harmless_signals() != harmless) {
            harmless = guard_harmless_signals();
            continue;
        }
        if (got == 0)
            errno = ENODATA;
        if (got <= 0)
            return READ_NOTHING;
        if (length < size)
            answer[length++] = byte; /* at last the new line, or it is too long */
    }
    if (length == size && answer[length - 1] != byte) {
        errno = E2BIG;
        return READ_NOTHING;
    }
    answer[length - 1] = '\0';
    return READ_LINE;
}

/* Typed-ahead input is thrown away, the mode is put back, whatever happens. */
static enum reading ask_once(int fd, const char *prompt, bool echo, char *answer, size_t size)
{
    struct sigaction suspend = {.sa_handler = on_suspend}, before;
    struct termios modes, quiet;
    enum reading reading;
    int problem;

    if (tcgetattr(fd, &modes) < 0)
        return READ_NOTHING;
    quiet = modes;
    if (!echo)
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    suspended = 0;
    (void)sigaction(SIGTSTP, &suspend, &before);
    (void)tcsetattr(fd, TCSAFLUSH, &quiet);
    (void)!write(fd, prompt, strlen(prompt));
    reading = read_line(fd, answer, size);
    problem = errno;
    if (!echo)
        (void)!write(fd, "\n", 1);
    (void)tcsetattr(fd, TCSAFLUSH, &modes);
    (void)sigaction(SIGTSTP, &before, NULL);
    errno = problem;
    return reading;
}

bool terminal_ask(const char *prompt, bool echo, char *answer, size_t size)
{
    OWNED(fd_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    enum reading reading = READ_NOTHING;
    int problem;

    while (fd >= 0 && (reading = ask_once(fd, prompt, echo, answer, size)) == READ_SUSPENDED)
        (void)raise(SIGTSTP); /* and ask again when we go on */
    problem = errno;
    if (reading != READ_LINE)
        explicit_bzero(answer, size);
    fd_close(&fd);
    errno = problem;
    return reading == READ_LINE;
}
