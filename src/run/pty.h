/* pty.h - a pseudo-terminal between the applicant's terminal and the command (-P): the command cannot push input into
 * the applicant's terminal (TIOCSTI), and what only looks at a terminal works.
 *
 * Only those of the command's standard input, output and error that are a terminal become the pseudo-terminal; pipes
 * and files stay what they are. The applicant's terminal is in raw mode only while we are in its foreground, and its
 * first mode is put back on every way out. No thread, no signal handler: the poll loop (supervise.c) drives it. */
#pragma once

#include "base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

enum { PTY_BUFFER_BYTES = 16384, PTY_SOURCES = 2 };

struct pty_buffer {
    char *bytes;       /* PTY_BUFFER_BYTES of them */
    size_t start, end; /* what is not written yet */
};

struct pty {
    int master;           /* our side; -1: there is no pty */
    int slave;            /* the command's side; kept open, so that the pty lives while nobody has /dev/tty open */
    int terminal;         /* the applicant's; -1: he has none */
    struct termios modes; /* the terminal's, before us */
    bool raw;
    bool hung_up;  /* the applicant's terminal has gone */
    bool ended;    /* the command's side has: its session's leader is dead, or all that it wrote was read */
    bool draining; /* the command has ended, only so many bytes are read any more: */
    size_t left;
    struct pty_buffer to_command, to_terminal;
};

/* Make one, with the size and modes of the applicant's terminal, owned by the account. pty_close() in any case. */
enum result CHECKED pty_open(struct pty *pty, uid_t uid, struct error *error);

/* The front's view of one: the holder made it and handed its master side over. false: out of memory. */
bool pty_adopt(struct pty *pty, int master);

/* The holder's: the front died, and may have left the applicant's terminal in raw mode. */
void pty_recover(const struct pty *pty);

/* When the command was forked, and when we went on after a stop: raw mode and size, if we are in the foreground. */
void pty_resume(struct pty *pty);

/* Before we stop: the terminal's own mode. */
void pty_pause(struct pty *pty);

/* The applicant's terminal has a new size. */
void pty_resize(struct pty *pty);

/* What to wait for: fills PTY_SOURCES entries. */
void pty_before_poll(const struct pty *pty, struct pollfd *sources);

/* Move what can be moved. */
void pty_after_poll(struct pty *pty, const struct pollfd *sources);

/* The command has ended: what it wrote is still to be shown, not what those write that it left behind. May be called
 * again. */
void pty_command_ended(struct pty *pty);

/* Output is waiting to be shown. */
bool pty_has_output(const struct pty *pty);

void pty_close(struct pty *pty);
