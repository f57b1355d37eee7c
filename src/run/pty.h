/* pty.h - a pseudo-terminal between the applicant's terminal and the command (-P): the command cannot push input into
 * the applicant's terminal (TIOCSTI), and what only looks at a terminal works.
 *
 * Only those of the command's standard input, output and error that are a terminal become the pseudo-terminal; pipes
 * and files stay what they are. The applicant's terminal is in raw mode only while we are in its foreground, and its
 * first mode is put back on every way out. No thread, no signal handler: the front's poll loop drives it (front.c).
 *
 * The holder makes it and leads its session; the command is its child there, in a process group of its own. A group
 * whose processes have no parent in their session ("orphaned", setpgid(2)) is not stopped by ^Z: with the holder as
 * that parent the command is, and no further process is needed that only waits. Other processes of the session cannot
 * signal the holder, but for SIGCONT, which does nothing to it; they could make its group the foreground one and type
 * ^C, so it gives the terminal up as soon as the command has ended, before modules run again: pty_end_session(). */
#pragma once

#include "ask/plan.h"
#include "base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

enum { PTY_BUFFER_BYTES = 65536, PTY_SOURCES = 2 };

struct pty_buffer {
    char *bytes;       /* PTY_BUFFER_BYTES of them */
    size_t start, end; /* what is not written yet */
};

struct pty {
    int master;   /* our side; -1: there is no pty */
    int slave;    /* the command's side, the holder's; kept open, so that the pty lives while nobody has it open */
    int terminal; /* the applicant's; -1: he has none */
    struct termios modes; /* the terminal's, before us */
    bool raw;
    bool is_wanted; /* the command has the terminal from the start, or has asked for it; else it keeps its mode */
    bool
        needs_modes; /* when it is, the command's terminal gets ours: at the start they may have been somebody else's */
    bool hung_up;    /* the applicant's terminal has gone */
    bool ended;      /* the command's side has: its session's leader is dead, or all that it wrote was read */
    bool draining;   /* the command has ended, only so many bytes are read any more: */
    size_t left;
    struct pty_buffer to_command, to_terminal;
};

/* What of the applicant's terminal would the command have? One system call where there is none. */
enum terminal_use pty_find_terminal(void);

/* ---- the holder's ---- */

/* Make one, with the size and modes of the applicant's terminal, owned by the account. pty_close() in any case. */
enum result CHECKED pty_open(struct pty *pty, uid_t uid, struct error *error);

/* Lead a session of which it is the terminal, with nobody in the foreground yet. */
enum result CHECKED pty_lead_session(struct pty *pty, struct error *error);

/* Nobody is in the foreground: the command can neither read nor set modes while the applicant's shell has his
 * terminal. */
void pty_take_foreground(const struct pty *pty);

/* The group of the command is. Unless a process of the session has given it to another group, and force is not set. */
void pty_give_foreground(const struct pty *pty, pid_t command, bool force);

/* The command has ended: what is left of its session has no terminal, its foreground group gets SIGHUP. */
void pty_end_session(const struct pty *pty);

/* The front died, and may have left the applicant's terminal in raw mode. */
void pty_recover(const struct pty *pty);

/* ---- the front's ---- */

/* Its view of one: the holder made it and handed its master side over. false: out of memory. */
bool pty_adopt(struct pty *pty, int master, bool is_wanted);

/* Are we in the foreground of the applicant's terminal? Also when there is none. */
bool pty_is_in_foreground(const struct pty *pty);

/* When the command was forked, and when we went on after a stop: size, and raw mode where it is wanted, if we are in
 * the foreground. Whoever had the terminal meanwhile has set its modes, so they are set again. */
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

/* The command has ended: is any of its output still to be shown? */
bool pty_has_output(struct pty *pty);

/* Output waits that the terminal takes from its foreground only: its mode TOSTOP is on, termios(3). Who writes all the
 * same is stopped, or, where nobody could continue him, gets nothing through. */
bool pty_is_held_back(const struct pty *pty);
void pty_drop_output(struct pty *pty);

/* The command wants the terminal, and had it: a shell that gives it back to a job that runs tells nobody. */
bool pty_waits_for_foreground(const struct pty *pty);

void pty_close(struct pty *pty);
