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
#include "base/relay.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

/* Begin to guard: handlers for all signals that would end us. ignored: what the applicant ignores (nohup(1)) does not
 * ask to stop. */
enum result CHECKED guard_start(const sigset_t *ignored, const struct events *events, struct error *error);

/* For whom, in messages, and how long an interrupted step may go on when a signal asked to stop (grace_ms; below 0: for
 * ever). Before the first step, and again when more is known. The strings are borrowed until the process ends. */
void guard_name(const char *account, const char *profile, int grace_ms);

/* In the holder: what the front passes on counts as our own signals, its end as a hang-up. While modules run the
 * messages are announced by SIGIO, since we may not kill(2) each other. out_of_reach: called when authentication has
 * failed and PAM's delay begins; true: the applicant cannot end us any more. Before guard_start(). The relay is
 * borrowed until guard_listen(NULL, NULL). */
void guard_listen(struct relay *relay, bool (*out_of_reach)(void));

/* In place of a step, where all signals are blocked or the account's to send: a module's exit(3) is caught, no more. */
void guard_catch_exit(bool catch);

/* Called, async-signal-safe, when a module does not end and this process does: step, what is said, exit status. NULL:
 * nobody else is to know. */
void guard_tell_forced_end(void (*tell)(enum step step, const char *message, int status));

/* Around one PAM step. deadline_ms: 0 for none. guard_leave() puts handlers
 * and signal mask right: modules change them. Before guard_start() both do nothing: signals do what they did before. */
void guard_enter(enum step step, int deadline_ms);

/* OK, or FAILED with the error filled in: a signal asked to stop (status 128 + signal) or the deadline has passed
 * (STATUS_TRY_AGAIN), now or in an earlier step. Does not return in a process that a module forked. */
enum result CHECKED guard_leave(struct error *error);

/* The signal that asked to stop, 0 for none; may be called at any time. */
int guard_stop_signal(void);

/* Is the step that runs to end, because of a signal or its deadline? */
bool guard_is_to_end(void);

/* poll(2), without a gap between looking for a signal that ends or suspends us and waiting, whatever
 * signals a module blocks. Below 0: errno; any signal ends it (EINTR). timeout_ms: -1 none. */
int guard_poll(struct pollfd *sources, nfds_t count, int timeout_ms);

/* Around a question on the terminal: between the two ^Z (SIGTSTP) is noted, and is up to who asks, who has modes of the
 * terminal to put back first. */
void guard_prompt_begin(void);
void guard_prompt_end(void);
bool guard_suspend_is_wanted(void);

/* While others wait for what we hold nothing stops us: SIGTSTP and the like stay blocked, and a question that would
 * have to wait for its terminal is not asked. */
void guard_never_stop(bool never);
bool guard_may_stop(void);

/* Stop, as SIGTSTP or SIGTTIN (number) would stop us, until somebody continues us. false: nothing stops us, the process
 * group is orphaned. */
bool guard_suspend(int number);

/* PAM's delay after a failure, PAM_FAIL_DELAY of pam_fail_delay(3): libpam's own is cut short by any signal, and with
 * it the time that guessing takes. This one passes, whatever comes; the step then has failed, and was not stopped. */
void guard_fail_delay(int code, unsigned int microseconds, void *unused);

/* Fill the error for it, or, while no module runs, for a signal that was read. Returns FAILED. */
enum result guard_fail_stopped(enum step step, struct error *error);
enum result guard_fail_signalled(enum step step, int number, struct error *error);

/* Signals were blocked while no module ran, and a step comes: they are let through again, and what waited comes now.
 * ignored: what does not ask to stop, from here on. */
void guard_resume(const sigset_t *ignored);

/* The signal that asked to stop, 0 for none: it is dealt with, and no later step is to end for it, nor for a deadline
 * that has passed. */
int guard_take_stop_signal(void);

/* Before the session is closed: a stop signal so far has been dealt with, and a further one asks for what is being done
 * already. It still interrupts, and ends by force what does not end. */
void guard_start_close(void);
