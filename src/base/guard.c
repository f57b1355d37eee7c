#include "base/guard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NUDGE_MS = 100, DEADLINE_GRACE_MS = 1000, GUARD_TIMER_SIGNAL = 64 };

static const int stop_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
/* Their default action would end us between open and close. A handler, not SIG_IGN: that is inherited by helpers. */
static const int harmless_signals[] = {SIGABRT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM,
                                       SIGPROF, SIGXCPU, SIGXFSZ, SIGPWR,  SIGSTKFLT};
/* We write to those who may have gone, after each step. */
static const int pipe_signal[] = {SIGPIPE};

#define NEVER INT64_MAX

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct {
    const char *account, *profile;
    char whom[200], whom_json[400]; /* " for ACCOUNT (profile PROFILE): ", made ready for a signal handler */
    int events_fd, grace_ms;
    pid_t owner;
    timer_t timer;
    sigset_t ignored;
    struct relay *relay; /* NULL: we are the only process of ours */
    bool (*out_of_reach)(void);
    void (*tell_forced_end)(enum step, const char *, int);
    bool closing, never_stops;
    bool is_untidy; /* since a module ran not all signals were put right */
    volatile sig_atomic_t
        refused; /* the step's verdict is a failure, and its delay runs: nothing stops that any more */
    volatile sig_atomic_t prompting, suspend_wanted;
    volatile sig_atomic_t resumed; /* the front: 1 it stopped and goes on, -1 nothing stopped it */
    volatile sig_atomic_t timer_runs;
    volatile sig_atomic_t step;        /* enum step while a module runs, -1 otherwise */
    volatile sig_atomic_t stop_signal; /* the first that asked to stop */
    volatile sig_atomic_t deadline_passed;
    /* Written by handlers that do not interrupt each other, read by them: clock_now_ms(), NEVER. */
    volatile int64_t deadline_at, force_at;
} guard = {.events_fd = -1, .step = -1};

/* ---- the end by force: async-signal-safe only, signal-safety(7) ---- */

struct line {
    char text[1024];
    size_t length;
};

static void line_add(struct line *line, const char *text)
{
    size_t length = strlen(text);

    if (length > sizeof line->text - 1 - line->length)
        length = sizeof line->text - 1 - line->length;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void line_add_number(struct line *line, unsigned long number)
{
    char digits[24];
    size_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    line_add(line, digits + at);
}

/* syslog(3) takes locks that the module may hold: the datagram is sent by hand, RFC 3164. */
static void line_to_syslog(const struct line *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct line line = {.length = 0};

    if (log < 0)
        return;
    line_add(&line, "<83>"); /* authpriv.err */
    line_add(&line, log_program());
    line_add(&line, "[");
    line_add_number(&line, (unsigned long)getpid());
    line_add(&line, "]: failed: ");
    line_add(&line, message->text);
    (void)sendto(log, line.text, line.length, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
}

/* Unless nobody reads: we are to end. */
static void line_write(const struct line *line, int fd)
{
    struct pollfd reader = {.fd = fd, .events = POLLOUT};

    if (poll(&reader, 1, 0) == 1 && (reader.revents & POLLOUT) != 0)
        (void)!write(fd, line->text, line->length);
}

static void end_by_force(const char *reason, int status)
{
    struct line message = {.length = 0}, shown = {.length = 0}, event = {.length = 0};
    const char *step = step_name((enum step)guard.step);

    line_add(&message, step);
    line_add(&message, guard.whom);
    line_add(&message, reason);
    line_add(&shown, log_program());
    line_add(&shown, ": ");
    line_add(&shown, message.text);
    line_add(&shown, "\n");
    line_to_syslog(&message);
    progress_leave();
    line_write(&shown, STDERR_FILENO);
    if (guard.events_fd >= 0) {
        line_add(&event, "{\"event\":\"failed\",\"step\":\"");
        line_add(&event, step);
        line_add(&event, "\",\"class\":\"node\",\"exit-status\":");
        line_add_number(&event, (unsigned long)status);
        line_add(&event, ",\"message\":\"");
        line_add(&event, step);
        line_add(&event, guard.whom_json);
        line_add(&event, reason);
        line_add(&event, "\"}\n");
        line_write(&event, guard.events_fd);
    }
    if (guard.relay != NULL)
        relay_tell_exit(guard.relay, status);
    if (guard.tell_forced_end != NULL)
        guard.tell_forced_end((enum step)guard.step, message.text, status);
    _exit(status);
}

/* ---- handlers ---- */

static void timer_arm(int first_ms, int interval_ms)
{
    struct itimerspec when = {
        .it_value = {first_ms / 1000, first_ms % 1000 * 1000000L},
        .it_interval = {interval_ms / 1000, interval_ms % 1000 * 1000000L},
    };

    guard.timer_runs = first_ms > 0;
    (void)timer_settime(guard.timer, 0, &when, NULL);
}

static void force_no_later_than(int64_t at)
{
    if (at < guard.force_at)
        guard.force_at = at;
}

static const char *what_does_not_end(void)
{
    if (guard.deadline_passed)
        return "a module did not answer before the deadline and does not end; what it holds may remain";
    switch ((enum step)guard.step) {
    case STEP_IDENTITY:
    case STEP_POLICY:
    case STEP_GROUPS:
        return "told to stop, while a look-up of users or groups did not answer";
    default:
        return "told to stop, but a module does not end; what it holds may remain";
    }
}

/* Comes every NUDGE_MS once a step is to end: that it interrupts a system call is most of its purpose. */
static void on_timer(int number)
{
    int64_t now = clock_now_ms();
    int saved = errno;

    (void)number;
    if (guard.step >= 0 && getpid() == guard.owner) {
        if (now >= guard.deadline_at && !guard.deadline_passed) {
            guard.deadline_passed = 1;
            force_no_later_than(now + DEADLINE_GRACE_MS);
        }
        if (now >= guard.force_at)
            end_by_force(what_does_not_end(),
                         guard.deadline_passed ? STATUS_TRY_AGAIN : STATUS_SIGNAL_BASE + (int)guard.stop_signal);
    }
    errno = saved;
}

static void stop_step(void)
{
    if (guard.grace_ms >= 0)
        force_no_later_than(clock_now_ms() + guard.grace_ms);
    timer_arm(NUDGE_MS, NUDGE_MS);
}

static void on_stop(int number)
{
    int saved = errno;

    if (guard.stop_signal == 0) {
        guard.stop_signal = number;
        if (guard.step >= 0 && !guard.refused)
            stop_step();
    }
    errno = saved;
}

static void on_harmless(int number)
{
    (void)number;
}

static void on_suspend(int number)
{
    if (guard.prompting)
        guard.suspend_wanted = guard.never_stops ? 0 : number;
    else if (guard.relay != NULL)
        relay_ask_stop(guard.relay, SIGSTOP); /* the module goes on meanwhile; only the front stops */
}

/* A signal of the applicant's, by way of the front. */
static void on_relayed_signal(int number)
{
    switch (number) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
        if (sigismember(&guard.ignored, number) != 1)
            on_stop(number);
        break;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        on_suspend(number);
        break;
    default:
        break;
    }
}

/* SIGIO: the front said something, or is dead. What it held up is then to end, but no close is disturbed. */
static void on_relay(int number)
{
    struct relay_message message;
    enum relay_state state = RELAY_EMPTY;
    int saved = errno;

    (void)number;
    while (guard.relay != NULL && (state = relay_receive(guard.relay, &message, NULL)) == RELAY_MESSAGE) {
        if (message.word == RELAY_SIGNAL)
            on_relayed_signal(message.number);
        else if (message.word == RELAY_RESUMED)
            guard.resumed = message.number > 0 ? 1 : -1;
        else if (message.word == RELAY_HANG_UP)
            on_stop(SIGHUP);
    }
    if (state == RELAY_GONE && !guard.closing)
        on_stop(SIGHUP);
    errno = saved;
}

static void handle(const int *signals, size_t count, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART: the module's system call is interrupted */

    sigfillset(&action.sa_mask); /* handlers do not interrupt each other */
    for (size_t at = 0; at < count; at++)
        (void)sigaction(signals[at], &action, NULL);
}

/* As modules need it and must leave it: nothing ends us, SIGCHLD tells of children, and signals are let through
 * (modules wait for children of their own). Not, in the holder, what stops: the front tells us, and stops in our
 * stead. all: also those that only must not end us, which hardly any module touches; each is a system call. */
static void signals_put_right(bool all)
{
    static const int timer_signal[] = {GUARD_TIMER_SIGNAL}, child_signal[] = {SIGCHLD}, relay_signal[] = {SIGIO};
    sigset_t blocked;

    for (size_t at = 0; at < COUNT(stop_signals); at++)
        handle(&stop_signals[at], 1, sigismember(&guard.ignored, stop_signals[at]) == 1 ? on_harmless : on_stop);
    handle(pipe_signal, COUNT(pipe_signal), on_harmless);
    if (all)
        handle(harmless_signals, COUNT(harmless_signals), on_harmless);
    guard.is_untidy = !all;
    handle(timer_signal, COUNT(timer_signal), on_timer);
    handle(child_signal, COUNT(child_signal), SIG_DFL);
    if (all || guard.relay != NULL)
        handle(relay_signal, COUNT(relay_signal), on_relay);
    sigemptyset(&blocked);
    if (guard.relay != NULL || guard.never_stops) {
        sigaddset(&blocked, SIGTSTP);
        sigaddset(&blocked, SIGTTIN);
        sigaddset(&blocked, SIGTTOU);
    }
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* The real-time signals end a process too. Once is enough, no module has to do with them; an ignored one stays so. */
static void real_time_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_harmless}, old;

    for (int number = SIGRTMIN; number < GUARD_TIMER_SIGNAL; number++)
        if (sigaction(number, &action, &old) == 0 && old.sa_handler == SIG_IGN)
            (void)sigaction(number, &old, NULL);
}

/* From here on by SIGIO, and what came before at once. */
static bool relay_announce(void)
{
    return fcntl(guard.relay->fd, F_SETOWN, getpid()) == 0 && fcntl(guard.relay->fd, F_SETFL, O_NONBLOCK | O_ASYNC) == 0
           && raise(SIGIO) == 0;
}

/* A module called exit(3): main never gets to undo anything, and its status would look like the command's. */
static void on_exit_call(void)
{
    if (guard.step >= 0 && getpid() == guard.owner)
        end_by_force("a module called exit(); what it holds may remain", STATUS_SYSTEM);
}

/* ---- the guarded steps ---- */

void guard_name(const char *account, const char *profile, int grace_ms)
{
    char whom[200];

    guard.account = account;
    guard.profile = profile;
    guard.grace_ms = grace_ms;
    (void)snprintf(whom, sizeof whom, " for %s (profile %s): ", account, profile);
    (void)text_visible(guard.whom, sizeof guard.whom, whom, TEXT_ONE_LINE);
    progress_name(account, profile);
    (void)text_json(guard.whom_json, sizeof guard.whom_json, guard.whom);
}

enum result guard_start(const sigset_t *ignored, const struct events *events, struct error *error)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = GUARD_TIMER_SIGNAL};

    guard.ignored = *ignored;
    guard.events_fd = events->fd;
    guard.owner = getpid();
    guard.never_stops = false;
    guard.prompting = 0; /* of who forked us */
    guard.suspend_wanted = 0;
    signals_put_right(true);
    real_time_signals_catch();
    if (timer_create(CLOCK_MONOTONIC, &event, &guard.timer) < 0)
        return fail(error, STEP_START, STATUS_SYSTEM, "cannot start: timer: %s", strerror(errno));
    if (atexit(on_exit_call) != 0)
        return fail_memory(error, STEP_START);
    return guard.relay == NULL || relay_announce()
               ? OK
               : fail(error, STEP_START, STATUS_SYSTEM, "cannot start: the front's socket: %s", strerror(errno));
}

void guard_listen(struct relay *relay, bool (*out_of_reach)(void))
{
    guard.relay = relay;
    guard.out_of_reach = out_of_reach;
}

void guard_catch_exit(bool catch)
{
    guard.step = catch ? STEP_END : -1;
}

void guard_tell_forced_end(void (*tell)(enum step step, const char *message, int status))
{
    guard.tell_forced_end = tell;
}

void guard_enter(enum step step, int deadline_ms)
{
    if (guard.owner == 0)
        return;
    if (guard.is_untidy && step == STEP_CREDENTIALS)
        signals_put_right(true); /* an alarm(2) that runs would end us half-way */
    guard.deadline_passed = 0;
    guard.deadline_at = deadline_ms > 0 ? clock_now_ms() + deadline_ms : NEVER;
    guard.force_at = NEVER;
    if (deadline_ms > 0)
        timer_arm(deadline_ms, NUDGE_MS);
    if (guard.relay != NULL)
        guard.relay->shared->step = (int32_t)step;
    progress_enter(step);
    guard.step = (sig_atomic_t)step; /* from here on on_stop() does what is needed */
    if (guard.stop_signal != 0)
        stop_step(); /* it came between two steps */
}

/* No module is called in it. */
static bool is_look_up(enum step step)
{
    return step == STEP_IDENTITY || step == STEP_POLICY || step == STEP_GROUPS || step == STEP_SHARE;
}

/* After it there is something that would be left behind. */
static bool holds_something(enum step step)
{
    return step == STEP_CREDENTIALS || step == STEP_OPEN_SESSION || step == STEP_CLOSE_SESSION
           || step == STEP_DELETE_CREDENTIALS;
}

enum result guard_leave(struct error *error)
{
    enum step step = (enum step)guard.step;

    if (guard.owner == 0)
        return OK;
    if (getpid() != guard.owner) /* a module forked, and both came back: only one may go on */
        _exit(STATUS_SYSTEM);
    guard.step = -1;
    progress_leave();
    if (guard.closing && step == STEP_END)
        handle(pipe_signal, COUNT(pipe_signal), on_harmless);
    else if (!is_look_up(step))
        signals_put_right(holds_something(step));
    if (guard.timer_runs)
        timer_arm(0, 0);
    if (guard.closing || guard.refused)
        guard.stop_signal = 0; /* what we do is what it asks for */
    guard.refused = false;
    if (guard.deadline_passed) {
        (void)fail(error, step, STATUS_TRY_AGAIN, "%s for %s (profile %s): no answer before the deadline",
                   step_name(step), guard.account, guard.profile);
        return fail_hint(
            error,
            "a module waits for a server or a mount; --deadline %s=SECONDS said how long it may, and modules "
            "say more in syslog",
            step_name(step));
    }
    return guard.stop_signal != 0 ? guard_fail_stopped(step, error) : OK;
}

int guard_stop_signal(void)
{
    return (int)guard.stop_signal;
}

bool guard_is_to_end(void)
{
    return guard.stop_signal != 0 || guard.deadline_passed != 0;
}

/* Modules block signals: what ends or stops us is let through while we wait. */
static sigset_t waiting_mask(const sigset_t *now)
{
    sigset_t mask = *now;

    for (size_t at = 0; at < COUNT(stop_signals); at++)
        sigdelset(&mask, stop_signals[at]);
    sigdelset(&mask, SIGIO);
    sigdelset(&mask, GUARD_TIMER_SIGNAL);
    return mask;
}

int guard_poll(struct pollfd *sources, nfds_t count, int timeout_ms)
{
    struct timespec limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    sigset_t all, before, meanwhile;
    int ready = -1, problem = EINTR;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    meanwhile = waiting_mask(&before);
    if (!guard_is_to_end() && !guard.suspend_wanted) {
        ready = ppoll(sources, count, timeout_ms < 0 ? NULL : &limit, &meanwhile);
        problem = errno;
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = problem;
    return ready;
}

/* SIGTSTP comes to the holder by way of the front. */
void guard_prompt_begin(void)
{
    static const int suspend[] = {SIGTSTP}, resume[] = {SIGCONT};

    guard.suspend_wanted = 0;
    guard.prompting = 1;
    progress_leave();
    if (guard.relay != NULL)
        return;
    handle(suspend, COUNT(suspend), on_suspend);
    handle(resume, COUNT(resume), on_harmless); /* after a SIGSTOP: it interrupts, and the terminal is looked at */
}

void guard_prompt_end(void)
{
    static const int stop_and_go[] = {SIGTSTP, SIGCONT};

    guard.prompting = 0;
    guard.suspend_wanted = 0; /* it came behind the answer */
    if (guard.step >= 0)
        progress_enter((enum step)guard.step);
    if (guard.relay == NULL)
        handle(stop_and_go, COUNT(stop_and_go), SIG_DFL);
}

void guard_never_stop(bool never)
{
    guard.never_stops = never;
}

bool guard_may_stop(void)
{
    return !guard.never_stops;
}

bool guard_suspend_is_wanted(void)
{
    return guard.suspend_wanted != 0;
}

/* Was it a stop? Then what ended it, a SIGCONT, waits. */
static bool stop_self(int number)
{
    sigset_t continuing, before, waiting;

    sigemptyset(&continuing);
    sigaddset(&continuing, SIGCONT);
    (void)sigprocmask(SIG_BLOCK, &continuing, &before);
    (void)raise(number);
    sigemptyset(&waiting);
    (void)sigpending(&waiting);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return sigismember(&waiting, SIGCONT) == 1;
}

bool guard_suspend(int number)
{
    sigset_t all, before, meanwhile;

    sigfillset(&all);
    if (guard.relay == NULL)
        return stop_self(number);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    meanwhile = waiting_mask(&before);
    guard.resumed = 0;
    relay_ask_stop(guard.relay, number);
    while (guard.resumed == 0 && !guard_is_to_end())
        (void)sigsuspend(&meanwhile);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return guard.resumed >= 0;
}

void guard_fail_delay(int code, unsigned int microseconds, void *unused)
{
    int64_t end = clock_now_ms() + (code != 0 ? (microseconds + 999) / 1000 : 0), left;

    (void)unused;
    /* A stop that came before the verdict ends both alike, without it. One that comes now would tell it. */
    if (code != 0 && guard.relay != NULL && !guard_is_to_end())
        guard.refused = guard.out_of_reach();
    if (!guard_is_to_end() || guard.refused)
        guard.deadline_at = NEVER; /* the module has answered in time */
    if (guard.refused) {
        guard.force_at = NEVER;
        guard.deadline_passed = 0;
    }
    while ((guard.refused || !guard_is_to_end()) && (left = end - clock_now_ms()) > 0)
        (void)poll(NULL, 0, (int)left);
}

enum result guard_fail_signalled(enum step step, int number, struct error *error)
{
    (void)fail(error, step, STATUS_SIGNAL_BASE + number, "%s for %s (profile %s): stopped by SIG%s", step_name(step),
               guard.account, guard.profile, sigabbrev_np(number));
    error->class = CLASS_USER; /* somebody wanted it: nothing is wrong with the node */
    return FAILED;
}

enum result guard_fail_stopped(enum step step, struct error *error)
{
    return guard_fail_signalled(step, guard_stop_signal(), error);
}

void guard_resume(const sigset_t *ignored)
{
    guard.ignored = *ignored;
    signals_put_right(true);
}

int guard_take_stop_signal(void)
{
    int number = guard_stop_signal();

    guard.stop_signal = 0;
    guard.deadline_passed = 0;
    return number;
}

void guard_start_close(void)
{
    signals_put_right(true); /* they were blocked while the command ran; what waits comes now */
    guard.stop_signal = 0;
    guard.closing = true;
}
