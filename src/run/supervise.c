#include "run/supervise.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/step_point.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct loop {
    const struct supervise_request *request;
    const struct child *child;
    struct outcome *outcome;
    int signals;      /* signalfd(2) */
    bool report_open; /* the command's process has not said yet how its start went */
    bool ended;
    bool lost;           /* it cannot be waited for */
    bool told_to_end;    /* the command was: a stop of its is not mirrored any more */
    int stopped_by;      /* the signal; it has not been told to go on since. 0: none */
    bool front_gone;     /* there was one */
    bool told_ended;     /* the front: that the command has */
    bool shown;          /* the front has written all that the command did */
    int64_t kill_at_ms;  /* CLOCK_MONOTONIC; 0: not told to end */
    int64_t leave_at_ms; /* likewise: when a start that was stopped is waited for no longer */
    enum { FOREGROUND_DONE, FOREGROUND_OURS, FOREGROUND_COMMANDS } foreground; /* to be so when the command is ready */
};

void supervise_block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void child_signal(const struct loop *loop, int number)
{
    (void)syscall(SYS_pidfd_send_signal, loop->child->pidfd, number, NULL, 0);
}

/* What a terminal or a shell would send to the job: to its process group, which only the command has in a terminal of
 * its own. Its number is nobody else's while the command is not reaped. */
static void job_signal(struct loop *loop, int number)
{
    pid_t pid = loop->child->pid;

    if (number == SIGCONT)
        loop->stopped_by = 0;
    if (loop->request->pty == NULL || loop->ended || getpgid(pid) != pid)
        child_signal(loop, number);
    if (loop->request->pty != NULL && !loop->ended)
        (void)kill(-pid, number);
}

/* Whoever watches us, a shell's job control, is to see it. What makes us go on is a SIGCONT, and waits in the signalfd
 * to be passed on like any other; a second one of our own could undo the command's next stop before it was seen. */
static void stop_ourselves(const struct loop *loop, int number)
{
    if (loop->request->relay != NULL) /* it is the front that is seen */
        relay_ask_stop(loop->request->relay, loop->request->pty != NULL ? number : SIGSTOP);
    else
        (void)raise(SIGSTOP);
}

/* ---- the start: from fork to exec. A module's cleanup may hang there, and the command's directory ---- */

/* All that is there. Below 0: there may be more. */
static ssize_t report_take(struct loop *loop)
{
    struct start_failure said;
    ssize_t got;

    while ((got = read(loop->child->report, &said, sizeof said)) == (ssize_t)sizeof said || (got < 0 && errno == EINTR))
        if (got > 0)
            loop->outcome->failure = said;
    return got;
}

/* What its process said of the start. End of file: nothing more; nor is there when it has ended, though somebody that
 * it left behind may hold the pipe open. Ready, and nothing behind it: the command runs. */
static void report_read(struct loop *loop)
{
    ssize_t got = report_take(loop);

    if (got < 0 && !loop->ended)
        return;
    if (got < 0 && loop->outcome->failure.what == START_ENDED)
        (void)report_take(loop); /* whether a session stays open hangs on it: not on one call that fails */
    loop->report_open = false;
    loop->outcome->started = loop->outcome->failure.what == START_READY && loop->outcome->stopped_by == 0;
    if (loop->outcome->started)
        loop->request->on_start(loop->request->on_start_data, loop->child->pid);
}

/* It has not said yet that all is done but exec. */
static bool is_starting(struct loop *loop)
{
    if (loop->report_open && loop->outcome->failure.what == START_ENDED)
        report_read(loop);
    return loop->report_open && loop->outcome->failure.what == START_ENDED;
}

/* What would end the command as it starts comes too late where it never does: all signals are blocked until then. So
 * its process is killed, and never becomes the command. Where a file system does not even let it end, nobody waits for
 * that. */
static bool end_start(struct loop *loop, int number)
{
    enum { PATIENCE_MS = 2000 };

    if (loop->outcome->stopped_by != 0)
        return true;
    if (!is_starting(loop) || !inherited_lets_end(loop->request->inherited, number))
        return false;
    child_signal(loop, SIGKILL);
    loop->outcome->stopped_by = number;
    loop->told_to_end = true;
    loop->leave_at_ms = clock_now_ms() + PATIENCE_MS;
    return true;
}

/* It stops where it can. Who watches us does not wait for that. */
static bool suspend_start(struct loop *loop, int number)
{
    if (!is_starting(loop))
        return false;
    child_signal(loop, SIGSTOP);
    stop_ourselves(loop, number);
    return true;
}

/* A signal that meets the start: also of a terminal that sent it to the command's process too, where it is blocked. */
static bool meets_start(struct loop *loop, int number)
{
    switch (number) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
        return end_start(loop, number);
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return suspend_start(loop, number);
    default:
        return false;
    }
}

/* ---- what others want of the command ---- */

/* A signal that somebody sent to us is meant for the command. Not one that the command sent itself: kill(0, ...)
 * reaches us as well as it. Not what the terminal sent to both of us. */
static bool is_for_command(const struct loop *loop, const struct signalfd_siginfo *info)
{
    if (info->ssi_code == SI_KERNEL)
        return loop->request->own_session && info->ssi_signo != SIGALRM; /* that would be a timer of ours */
    return info->ssi_pid != (uint32_t)loop->child->pid;
}

/* Told to end: the command is, and has so long until it is killed. */
static void end_command(struct loop *loop)
{
    child_signal(loop, SIGTERM);
    loop->told_to_end = true;
    if (loop->kill_at_ms == 0 && loop->request->kill_after_ms >= 0)
        loop->kill_at_ms = clock_now_ms() + loop->request->kill_after_ms;
}

/* What comes to all processes of the terminal, or of a group, comes by way of the front too, if there is one. Not what
 * was typed into the command's terminal: it comes to us when nobody is in the foreground there yet, and is the
 * command's. */
static bool front_has_it(const struct loop *loop, const struct signalfd_siginfo *info)
{
    uint32_t number = info->ssi_signo;

    if (loop->request->relay == NULL || loop->front_gone || info->ssi_code != SI_KERNEL)
        return false;
    return loop->request->pty == NULL || (number != SIGINT && number != SIGQUIT && number != SIGTSTP);
}

/* The applicant's terminal has gone: the command is told as a terminal's would be, and has to end. */
static void hang_up(struct loop *loop)
{
    if (end_start(loop, SIGHUP) || end_start(loop, SIGTERM))
        return;
    job_signal(loop, SIGHUP);
    job_signal(loop, SIGCONT);
    end_command(loop);
}

/* Stops: in a session of its own nothing but SIGSTOP stops the command, since its process group is orphaned; in a
 * pseudo-terminal's, whose leader is its parent, it is not. */
static void forward_stop(struct loop *loop, int number)
{
    if (loop->request->pty != NULL)
        job_signal(loop, number);
    else
        child_signal(loop, loop->request->own_session ? SIGSTOP : number);
}

static void forward(struct loop *loop, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;

    if (meets_start(loop, number) || !is_for_command(loop, info))
        return;
    switch (number) {
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        forward_stop(loop, number);
        break;
    case SIGTERM:
        end_command(loop);
        break;
    case SIGINT:
    case SIGQUIT: /* the terminal's, while the front is not in raw mode there */
        if (info->ssi_code == SI_KERNEL)
            job_signal(loop, number);
        else
            child_signal(loop, number);
        break;
    case SIGCONT:
        job_signal(loop, number);
        break;
    case SIGHUP:
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:
    case SIGWINCH:
        child_signal(loop, number);
        break;
    default: /* SIGPIPE, SIGXCPU, ...: about us, not about the command */
        break;
    }
}

/* When the command stops, so do we. */
static void stop_with_command(struct loop *loop, int number)
{
    loop->stopped_by = number;
    if (loop->told_to_end) /* it would stop the time until it is killed */
        job_signal(loop, SIGCONT);
    else
        stop_ourselves(loop, number);
}

/* The front goes on, in its terminal's foreground or not: so does the command in its own; at once, if it has stopped
 * for that. Not when it stops: others of its group may still be about to put modes back before they do. Nor before it
 * has started: until then ^C there is for us, and as it was at first its process does itself. */
static void follow_front(struct loop *loop, bool foreground)
{
    bool waits = loop->stopped_by == SIGTTIN || loop->stopped_by == SIGTTOU;

    if (loop->request->pty == NULL || loop->ended)
        return;
    loop->foreground = FOREGROUND_DONE;
    if (is_starting(loop)) {
        if (foreground != loop->request->pty->is_wanted)
            loop->foreground = foreground ? FOREGROUND_COMMANDS : FOREGROUND_OURS;
        return;
    }
    if (!foreground) {
        pty_take_foreground(loop->request->pty);
        return;
    }
    pty_give_foreground(loop->request->pty, loop->child->pid, waits);
    if (waits)
        job_signal(loop, SIGCONT);
}

/* The front could not stop, since nobody is there to continue it: nor may the command, which nobody would see. */
static void undo_stop(struct loop *loop)
{
    if (loop->request->pty == NULL || loop->ended)
        return;
    pty_give_foreground(loop->request->pty, loop->child->pid, true);
    job_signal(loop, SIGCONT);
}

static void child_look(struct loop *loop)
{
    siginfo_t info = {.si_pid = 0};

    while (!loop->ended) {
        loop->lost = waitid(P_PID, (id_t)loop->child->pid, &info, WEXITED | WSTOPPED | WNOHANG) != 0 && errno != EINTR;
        if (loop->lost || info.si_pid == 0)
            return;
        switch (info.si_code) {
        case CLD_STOPPED:
            stop_with_command(loop, info.si_status);
            break;
        case CLD_EXITED:
            loop->outcome->wait_status = W_EXITCODE(info.si_status, 0);
            loop->ended = true;
            break;
        case CLD_KILLED:
        case CLD_DUMPED:
            loop->outcome->wait_status = W_EXITCODE(0, info.si_status);
            loop->ended = true;
            break;
        default:
            break;
        }
        info.si_pid = 0;
    }
}

static void signals_read(struct loop *loop)
{
    struct signalfd_siginfo info;

    while (read(loop->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD && !front_has_it(loop, &info))
            forward(loop, &info);
    child_look(loop);
}

static void relay_read(struct loop *loop)
{
    struct relay_message message;
    enum relay_state state;

    while ((state = relay_receive(loop->request->relay, &message, NULL)) == RELAY_MESSAGE) {
        struct signalfd_siginfo info = {
            .ssi_signo = (uint32_t)message.number, .ssi_code = message.code, .ssi_pid = (uint32_t)message.pid};

        if (message.word == RELAY_SIGNAL)
            forward(loop, &info);
        else if (message.word == RELAY_HANG_UP)
            hang_up(loop);
        else if (message.word == RELAY_SHOWN)
            loop->shown = true;
        else if (message.word == RELAY_FOREGROUND)
            follow_front(loop, message.number != 0);
        else if (message.word == RELAY_RESUMED && message.number == 0)
            undo_stop(loop);
    }
    if (state == RELAY_GONE) { /* the applicant ended it, or it failed: as if his terminal had gone */
        loop->front_gone = true;
        loop->outcome->hung_up = !loop->ended;
        if (loop->request->pty != NULL)
            pty_recover(loop->request->pty);
        hang_up(loop);
    }
}

/* Milliseconds until the command is to be killed, or left to itself, for poll(2). */
static int time_left(const struct loop *loop)
{
    int64_t at = loop->leave_at_ms != 0 ? loop->leave_at_ms : loop->kill_at_ms, left = at - clock_now_ms();

    if (at == 0)
        return -1;
    return left > 0 ? (int)left : 0;
}

static void kill_when_due(struct loop *loop)
{
    if (loop->kill_at_ms == 0 || clock_now_ms() < loop->kill_at_ms)
        return;
    child_signal(loop, SIGKILL); /* first: a message may find no reader */
    log_say("command: did not end within %g s of SIGTERM: killed", loop->request->kill_after_ms / 1000.0);
    loop->kill_at_ms = 0;
}

/* Is there still something to wait for? Output that the command left in the pseudo-terminal is shown, unless we were
 * told to end. */
static bool loop_goes_on(const struct loop *loop)
{
    bool stopped = loop->outcome->stopped_by != 0;

    if (stopped && clock_now_ms() >= loop->leave_at_ms)
        return false;
    if (!loop->ended || loop->report_open)
        return true;
    return loop->request->pty != NULL && !loop->shown && !loop->front_gone && (!loop->told_to_end || stopped);
}

/* Once, when the command has ended or never will be: its terminal is nobody's any more, and the front shows the
 * rest. */
static void finish_pty(struct loop *loop)
{
    if (loop->request->pty == NULL || loop->told_ended || (!loop->ended && loop->outcome->stopped_by == 0))
        return;
    loop->told_ended = true;
    pty_end_session(loop->request->pty);
    loop->shown = !relay_send(loop->request->relay, (struct relay_message){.word = RELAY_ENDED}, -1);
}

static void wait_in_loop(struct loop *loop)
{
    enum { SIGNALS, CHILD, REPORT, RELAY, SOURCES };
    struct pollfd sources[SOURCES] = {
        [SIGNALS] = {.fd = loop->signals, .events = POLLIN},
        [CHILD] = {.fd = loop->child->pidfd, .events = POLLIN},
        [REPORT] = {.fd = loop->child->report, .events = POLLIN},
        [RELAY] = {.fd = -1, .events = POLLIN},
    };

    step_point("watching");
    child_look(loop); /* a stop or end before the signalfd existed */
    while (!loop->lost && loop_goes_on(loop)) {
        /* One wake-up less for the run that nobody wants to hear about before it ends. */
        bool is_awaited = loop->request->tell_start || loop->ended || loop->foreground != FOREGROUND_DONE;

        sources[REPORT].fd = loop->report_open && is_awaited ? loop->child->report : -1;
        sources[CHILD].fd = loop->ended ? -1 : loop->child->pidfd;
        sources[RELAY].fd = loop->request->relay != NULL && !loop->front_gone ? loop->request->relay->fd : -1;
        if (poll(sources, SOURCES, time_left(loop)) < 0) {
            if (errno != EINTR)
                break;
            continue;
        }
        if (sources[RELAY].revents != 0)
            relay_read(loop);
        if (sources[SIGNALS].revents != 0)
            signals_read(loop);
        if (sources[CHILD].revents != 0)
            child_look(loop);
        if (sources[REPORT].revents != 0 || (loop->ended && loop->report_open))
            report_read(loop);
        if (loop->foreground != FOREGROUND_DONE && !is_starting(loop))
            follow_front(loop, loop->foreground == FOREGROUND_COMMANDS);
        finish_pty(loop);
        kill_when_due(loop);
    }
}

static void child_end(const struct child *child)
{
    (void)kill(child->pid, SIGKILL); /* ours, and not reaped: the number cannot be another's */
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* What the command's terminal sent us before it was nobody's (who is in its session can have made us its foreground) is
 * not to interrupt modules that close the session. */
static void signals_drop(int signals)
{
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
        continue;
}

enum result supervise_wait(const struct supervise_request *request, struct outcome *outcome, struct error *error)
{
    OWNED(fd_close) int signals = -1;
    struct loop loop = {.request = request, .child = request->child, .outcome = outcome, .report_open = true};
    sigset_t all;
    int problem;

    *outcome = (struct outcome){0};
    sigfillset(&all);
    signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || request->child->pidfd < 0) {
        problem = signals < 0 ? errno : request->child->problem;
        child_end(request->child);
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: cannot be watched, killed: %s", strerror(problem));
    }
    loop.signals = signals;
    wait_in_loop(&loop);
    problem = errno;
    outcome->abandoned = !loop.ended && outcome->stopped_by != 0;
    if (!loop.ended && !outcome->abandoned) {
        if (request->pty != NULL)
            pty_end_session(request->pty);
        child_end(request->child);
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: cannot be watched, killed: %s", strerror(problem));
    }
    if (request->pty != NULL)
        signals_drop(signals);
    return OK;
}

int supervise_exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? STATUS_SIGNAL_BASE + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
