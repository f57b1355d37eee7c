/* supervise.h - wait for the command, passing on signals, stops and the end: one poll loop. */
#pragma once

#include "ask/plan.h"
#include "base/error.h"
#include "base/relay.h"
#include "run/inherited.h"
#include "run/process.h"
#include "run/pty.h"

#include <signal.h>
#include <stdbool.h>

struct outcome {
    bool started; /* false: failure says why not */
    struct start_failure failure;
    int wait_status; /* wait(2) */
    int stopped_by;  /* the signal that asked to stop before the command's process was ready to be it; 0: none */
    bool abandoned;  /* it was killed for that, and has not ended: a file system does not answer it */
    bool hung_up;    /* the front ended before the command: it was told to end */
};

/* Block the signals that the loop will read. Call it before process_spawn(). */
void supervise_block_signals(void);

struct supervise_request {
    const struct child *child;
    const struct inherited *inherited; /* a signal that it ignores or blocks does not stop the start */
    struct relay *relay;               /* signals and stops are the front's; NULL: no front */
    const struct pty *pty;             /* we lead its session, and the front shows what is written to it; NULL: none */
    bool own_session;                  /* the command does not get what the applicant's terminal sends */
    int kill_after_ms;                 /* from SIGTERM to SIGKILL; KILL_NEVER */
    bool tell_start;                   /* on_start is wanted at once; else it may come when the command has ended */
    void (*on_start)(void *, pid_t);   /* the command runs, or ran */
    void *on_start_data;
};

/* Until the command has ended and is reaped. Returns FAILED (STATUS_SYSTEM) only when it cannot even begin; the
 * command is killed and reaped then. pidfd_open(2), signalfd(2). */
enum result CHECKED supervise_wait(const struct supervise_request *request, struct outcome *outcome,
                                   struct error *error);

/* pamrun's exit status for a wait(2) status: the command's own, or 128 + signal. POSIX XCU 2.8.2. */
int supervise_exit_status(int wait_status);
