#include "run/pty.h"

#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The applicant's terminal by an open file of our own, so that it can be made non-blocking without his noticing: the
 * controlling one, else the one that 0, 1 or 2 is. Only when one of these is a terminal at all: that of a command in a
 * pipeline is not ours to read. */
static int terminal_open(void)
{
    char name[128];

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (ttyname_r(fd, name, sizeof name) == 0) {
            int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

            return terminal >= 0 ? terminal : open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        }
    return -1;
}

/* Of a terminal that is not our controlling one, nobody is in the foreground. */
static bool in_foreground(int terminal)
{
    pid_t group = tcgetpgrp(terminal);

    return group < 0 || group == getpgrp();
}

enum terminal_use pty_find_terminal(void)
{
    OWNED(fd_close) int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (terminal < 0)
        return TERMINAL_NONE;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (tcgetpgrp(fd) >= 0) /* only of the controlling one this may be asked */
            return TERMINAL_STANDARD;
    return TERMINAL_CONTROLLING;
}

/* tty(4): 0620 and group tty, so that write(1) and mesg(1) work. */
static bool slave_give(int slave, uid_t uid)
{
    struct stat status;

    return fstat(slave, &status) == 0 && fchown(slave, uid, status.st_gid) == 0 && fchmod(slave, 0620) == 0;
}

static bool buffers_make(struct pty *pty)
{
    pty->to_command.bytes = malloc(PTY_BUFFER_BYTES);
    pty->to_terminal.bytes = malloc(PTY_BUFFER_BYTES);
    return pty->to_command.bytes != NULL && pty->to_terminal.bytes != NULL;
}

static void terminal_find(struct pty *pty)
{
    pty->terminal = terminal_open();
    if (pty->terminal >= 0 && tcgetattr(pty->terminal, &pty->modes) != 0)
        fd_close(&pty->terminal);
}

bool pty_is_in_foreground(const struct pty *pty)
{
    return pty->terminal < 0 || in_foreground(pty->terminal);
}

enum result pty_open(struct pty *pty, uid_t uid, struct error *error)
{
    *pty = (struct pty){.slave = -1, .terminal = -1, .master = -1};
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master >= 0 && unlockpt(pty->master) == 0) /* by descriptor: a path in /dev/pts could be another's */
        pty->slave = ioctl(pty->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->slave < 0 || !slave_give(pty->slave, uid))
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "pseudo-terminal: %s", strerror(errno));
    terminal_find(pty);
    if (pty->terminal >= 0 && pty_is_in_foreground(pty))
        (void)tcsetattr(pty->slave, TCSANOW, &pty->modes);
    pty->is_wanted =
        pty->terminal < 0 || (in_foreground(pty->terminal) && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1);
    pty_resize(pty);
    return OK;
}

enum result pty_lead_session(struct pty *pty, struct error *error)
{
    if (setsid() < 0 || ioctl(pty->slave, TIOCSCTTY, 0) < 0)
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "pseudo-terminal: its session: %s", strerror(errno));
    return OK;
}

void pty_take_foreground(const struct pty *pty)
{
    (void)tcsetpgrp(pty->slave, getpgrp());
}

void pty_give_foreground(const struct pty *pty, pid_t command, bool force)
{
    if (force || tcgetpgrp(pty->slave) == getpgrp())
        (void)tcsetpgrp(pty->slave, getpgid(command));
}

void pty_end_session(const struct pty *pty)
{
    (void)ioctl(pty->slave, TIOCNOTTY);
}

bool pty_adopt(struct pty *pty, int master, bool is_wanted)
{
    *pty =
        (struct pty){.slave = -1, .terminal = -1, .master = master, .is_wanted = is_wanted, .needs_modes = !is_wanted};
    if (!buffers_make(pty))
        return false;
    terminal_find(pty);
    return true;
}

void pty_recover(const struct pty *pty)
{
    struct termios raw = pty->modes, now;

    if (pty->terminal < 0 || tcgetattr(pty->terminal, &now) != 0)
        return;
    cfmakeraw(&raw);
    if (now.c_lflag == raw.c_lflag && now.c_iflag == raw.c_iflag && now.c_oflag == raw.c_oflag)
        (void)tcsetattr(pty->terminal, TCSANOW, &pty->modes);
}

void pty_resize(struct pty *pty)
{
    struct winsize size;

    if (pty->terminal >= 0 && ioctl(pty->terminal, TIOCGWINSZ, &size) == 0)
        (void)ioctl(pty->master, TIOCSWINSZ, &size); /* the kernel sends the command SIGWINCH if it changed */
}

/* Setting modes from the background would stop us: SIGTTOU is blocked, but the shell's terminal is not ours then. */
void pty_resume(struct pty *pty)
{
    struct termios raw;

    if (pty->terminal < 0)
        return;
    if (!in_foreground(pty->terminal)) {
        pty->raw = false; /* SIGSTOP, which leaves no time to put it back; whoever is there now has */
        return;
    }
    pty_resize(pty);
    if (!pty->is_wanted)
        return;
    if (!pty->raw)
        (void)tcgetattr(pty->terminal, &pty->modes); /* of this time: in the background they were a line editor's */
    if (pty->needs_modes)
        (void)tcsetattr(pty->master, TCSANOW, &pty->modes);
    pty->needs_modes = false;
    raw = pty->modes;
    cfmakeraw(&raw);
    if (tcsetattr(pty->terminal, TCSADRAIN, &raw) == 0)
        pty->raw = true; /* if not, and it was before, it has gone: reading will tell */
}

void pty_pause(struct pty *pty)
{
    if (pty->raw)
        (void)tcsetattr(pty->terminal, TCSADRAIN, &pty->modes);
    pty->raw = false;
}

static bool buffer_is_empty(const struct pty_buffer *buffer)
{
    return buffer->start == buffer->end;
}

/* What is there, behind what the buffer holds: all that has come, so that one write(2) takes what many read(2) brought,
 * a few thousand bytes each. false: end of file or an error; EIO is how a pseudo-terminal says that the other side is
 * closed. */
static bool buffer_fill(struct pty_buffer *buffer, int fd)
{
    enum { MORE_FOLLOWS = 1024 }; /* after less it hardly does, and asking in vain costs a system call */
    size_t before = buffer->end - buffer->start;
    ssize_t got;

    memmove(buffer->bytes, buffer->bytes + buffer->start, before);
    buffer->start = 0;
    buffer->end = before;
    do {
        got = read(fd, buffer->bytes + buffer->end, PTY_BUFFER_BYTES - buffer->end);
        buffer->end += got > 0 ? (size_t)got : 0;
    } while (got >= MORE_FOLLOWS && buffer->end < PTY_BUFFER_BYTES);
    return got > 0 || buffer->end > before || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool buffer_drain(struct pty_buffer *buffer, int fd)
{
    ssize_t put = write(fd, buffer->bytes + buffer->start, buffer->end - buffer->start);

    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    buffer->start += (size_t)put;
    return true;
}

/* ---- a terminal that is not raw makes a line's end of each "\n", and the command's has done so before ---- */

static bool adds_returns(const struct pty *pty)
{
    struct termios now;

    return !pty->raw && tcgetattr(pty->terminal, &now) == 0 && (now.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR);
}

static bool is_added_return(const struct pty_buffer *buffer, size_t at)
{
    return buffer->bytes[at] == '\r' && at + 1 < buffer->end && buffer->bytes[at + 1] == '\n';
}

/* A "\r" at the end of what has come may be one of those. */
static bool ends_within_line_end(const struct pty *pty)
{
    const struct pty_buffer *buffer = &pty->to_terminal;

    return !pty->raw && !pty->ended && !buffer_is_empty(buffer) && buffer->bytes[buffer->end - 1] == '\r';
}

static bool drain_without_returns(struct pty *pty)
{
    struct pty_buffer *buffer = &pty->to_terminal;
    size_t end = buffer->end - (ends_within_line_end(pty) ? 1 : 0), length = 0;
    char line[4096];
    ssize_t put;

    for (size_t at = buffer->start; at < end && length < sizeof line; at++)
        if (!is_added_return(buffer, at))
            line[length++] = buffer->bytes[at];
    put = write(pty->terminal, line, length);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    for (; put > 0; buffer->start++)
        put -= is_added_return(buffer, buffer->start) ? 0 : 1;
    return true;
}

static bool output_waits(const struct pty *pty)
{
    size_t length = pty->to_terminal.end - pty->to_terminal.start;

    return length > 1 || (length == 1 && !ends_within_line_end(pty));
}

static bool output_drain(struct pty *pty)
{
    return adds_returns(pty) ? drain_without_returns(pty) : buffer_drain(&pty->to_terminal, pty->terminal);
}

static void output_fill(struct pty *pty)
{
    size_t before = pty->to_terminal.end - pty->to_terminal.start, got;

    pty->ended = !buffer_fill(&pty->to_terminal, pty->master);
    got = pty->to_terminal.end - before;
    pty->left -= got < pty->left ? got : pty->left;
    if (pty->draining && pty->left == 0)
        pty->ended = true;
}

void pty_before_poll(const struct pty *pty, struct pollfd *sources)
{
    bool input = !buffer_is_empty(&pty->to_command), output = output_waits(pty);

    sources[0] = (struct pollfd){.fd = pty->ended ? -1 : pty->master,
                                 .events = (short)((output ? 0 : POLLIN) | (input ? POLLOUT : 0))};
    sources[1] = (struct pollfd){.fd = pty->hung_up ? -1 : pty->terminal,
                                 .events = (short)((input || !pty->raw ? 0 : POLLIN) | (output ? POLLOUT : 0))};
    for (int at = 0; at < PTY_SOURCES; at++)
        if (sources[at].events == 0)
            sources[at].fd = -1; /* POLLHUP comes unasked, again and again */
}

void pty_after_poll(struct pty *pty, const struct pollfd *sources)
{
    enum { CAN_READ = POLLIN | POLLHUP | POLLERR };

    if ((sources[1].revents & CAN_READ) != 0 && buffer_is_empty(&pty->to_command) && pty->raw
        && !buffer_fill(&pty->to_command, pty->terminal)) {
        pty->hung_up = in_foreground(pty->terminal); /* in the background it is not ours to read, and fails too */
        pty->raw = pty->hung_up;
    }
    if ((sources[0].revents & CAN_READ) != 0 && !output_waits(pty))
        output_fill(pty);
    if (!buffer_is_empty(&pty->to_command) && !buffer_drain(&pty->to_command, pty->master))
        pty->to_command.start = pty->to_command.end;
    if (output_waits(pty) && !pty_is_held_back(pty) && (pty->terminal < 0 || pty->hung_up || !output_drain(pty)))
        pty_drop_output(pty); /* nobody to show it to */
}

bool pty_is_held_back(const struct pty *pty)
{
    struct termios now;

    return output_waits(pty) && pty->terminal >= 0 && !pty->raw && !pty->hung_up && !in_foreground(pty->terminal)
           && tcgetattr(pty->terminal, &now) == 0 && (now.c_lflag & TOSTOP) != 0;
}

void pty_drop_output(struct pty *pty)
{
    pty->to_terminal.start = pty->to_terminal.end;
}

bool pty_waits_for_foreground(const struct pty *pty)
{
    return pty->is_wanted && !pty->raw && !pty->ended && !pty->hung_up && pty->terminal >= 0;
}

void pty_command_ended(struct pty *pty)
{
    enum { KERNEL_HOLDS_AT_MOST = 128 * 1024 }; /* the buffers of both sides' line disciplines, and more */

    if (!pty->draining)
        pty->left = KERNEL_HOLDS_AT_MOST;
    pty->draining = true;
}

bool pty_has_output(struct pty *pty)
{
    struct pollfd master = {.fd = pty->master, .events = POLLIN};

    if (!pty->ended && (poll(&master, 1, 0) != 1 || (master.revents & POLLIN) == 0))
        pty->ended = true;
    return !pty->ended || !buffer_is_empty(&pty->to_terminal);
}

void pty_close(struct pty *pty)
{
    pty_pause(pty);
    memory_free(&pty->to_command.bytes);
    memory_free(&pty->to_terminal.bytes);
    fd_close(&pty->master);
    fd_close(&pty->slave);
    fd_close(&pty->terminal);
}
