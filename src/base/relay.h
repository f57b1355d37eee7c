/* relay.h - what the two processes of a run say to each other, where there are two (front.h): the *front*, which is the
 * applicant's own, so that his shell, his signals and his terminal have somebody to deal with, and the *holder*, which
 * holds the PAM handle as root and is out of his reach.
 *
 * A pair of unix(7) sockets that keep messages apart. Nothing here blocks, and all is async-signal-safe: the holder
 * reads in a signal handler while a PAM module runs (guard.c). What the front says is the applicant's word and may do
 * no more than his signals could. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum relay_word {
    /* the front's */
    RELAY_SIGNAL = 1, /* `number` came, from `pid`, `code` as si_code of sigaction(2) */
    RELAY_RESUMED,    /* we stopped and go on; number 0: nothing stops us, the process group is orphaned */
    RELAY_HANG_UP,    /* the applicant's terminal has gone */
    RELAY_SHOWN,      /* all that the command wrote is on the terminal */
    RELAY_FOREGROUND, /* number 1: the command is to be in its terminal's foreground, as we are in ours; 0: it is not */
    /* the holder's */
    RELAY_STOP,  /* stop by signal `number`; `code`: how many SIGCONT we were told of so far */
    RELAY_PTY,   /* our side of the command's pseudo-terminal comes along; number 0: not for the foreground yet */
    RELAY_ENDED, /* the command has ended */
    RELAY_LOOK,  /* a step begins: look at its progress again */
    RELAY_EXIT,  /* all is done, relay_tell_exit() */
};

struct relay_message {
    int32_t word, number, code, pid;
};

/* In memory of both. */
struct relay_shared {
    volatile int32_t step;        /* enum step: where the holder is; it writes this */
    volatile int32_t done;        /* not 0: the holder has done all, and ends with status `done` - 1 */
    volatile int32_t told;        /* not 0: the holder has said what failed; it writes this */
    volatile int32_t front_fails; /* not 0: the front cannot serve, and will say so itself; it writes this */
};

struct relay {
    int fd;                           /* -1: there is no second process */
    struct relay_shared *shared;      /* NULL: there never was one */
    volatile sig_atomic_t continued;  /* SIGCONTs that were passed on, or that we were told of */
    volatile sig_atomic_t stop_asked; /* the holder's: not answered yet */
};

enum relay_state { RELAY_MESSAGE, RELAY_EMPTY, RELAY_GONE };

/* Two connected ends, close-on-exec, and the memory of both. false, and errno. */
bool relay_open(int ends[2], struct relay_shared **shared);

/* false: the other side has gone, or does not read for a tenth of a second. Async-signal-safe. fd: handed over, -1:
 * none. */
bool relay_send(const struct relay *relay, struct relay_message message, int fd);

/* The next message. fd: where a descriptor that came along is put (-1: none), or NULL: it is not taken.
 * RELAY_GONE: the other process has ended. */
enum relay_state relay_receive(struct relay *relay, struct relay_message *message, int *fd);

/* The holder's, before it ends: all is done, exit with that status. A holder that ends without having said so has
 * failed: so it must arrive, also where there is no memory for a message. */
void relay_tell_exit(struct relay *relay, int status);

/* The holder's: ask the front to stop, unless it was asked and has not answered. */
void relay_ask_stop(struct relay *relay, int number);
