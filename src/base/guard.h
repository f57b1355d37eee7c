/* guard.h - while PAM modules run in our process: signals that ask us to stop, deadlines, modules that exit or fork.
 *
 * libpam cannot be left half-way: a module that is interrupted must return before anything can be undone. So a signal
 * or a deadline first interrupts whatever system call the module waits in (again every 100 ms), and the step's result
 * is thrown away when it returns. A module that does not return is ended with the whole process after a grace time:
 * one message, one log line, one event, and what the module held is lost. Nothing else can be done about it.
 *
 * File statics: a signal handler can reach nothing else. */
#pragma once

#include "base/error.h"
#include "base/events.h"

#include <signal.h>

/* Begin to guard: handlers for all signals that would end us. grace_ms: how long an interrupted step may go on when a
 * signal asked to stop; below 0: for ever. ignored: what the applicant
 * ignores (nohup(1)) does not ask to stop. The strings are borrowed until the process ends. */
enum result CHECKED guard_start(const char *account, const char *profile, int grace_ms, const sigset_t *ignored,
                                const struct events *events, struct error *error);

/* Around one PAM step. deadline_ms: 0 for none. guard_leave() puts handlers
 * and signal mask right: modules change them. */
void guard_enter(enum step step, int deadline_ms);

/* OK, or FAILED with the error filled in: a signal asked to stop (status 128 + signal) or the deadline has passed
 * (STATUS_TRY_AGAIN), now or in an earlier step. Does not return in a process that a module forked. */
enum result CHECKED guard_leave(struct error *error);

/* The signal that asked to stop, 0 for none; may be called at any time. */
int guard_stop_signal(void);

/* How many signals came so far that ask for nothing: a read that one of them interrupted goes on. */
int guard_harmless_signals(void);

/* Fill the error for it. Returns FAILED. */
enum result guard_fail_stopped(enum step step, struct error *error);

/* Before the session is closed: a stop signal so far has been dealt with, and a further one asks for what is being done
 * already. It still interrupts, and ends by force what does not end. */
void guard_start_close(void);
