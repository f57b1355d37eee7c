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
    bool lost;          /* it cannot be waited for */
    bool told_to_end;   /* the command was: a stop of its is not mirrored any more */
    bool front_gone;    /* there was one */
    bool shown;         /* the front has written all that the command did */
    int64_t kill_at_ms; /* CLOCK_MONOTONIC; 0: not told to end */
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

/* What comes to all processes of the terminal, or of a group, comes by way of the front too, if there is one. */
static bool front_has_it(const struct loop *loop, const struct signalfd_siginfo *info)
{
    return loop->request->relay != NULL && !loop->front_gone && info->ssi_code == SI_KERNEL;
}

/* The applicant's terminal has gone: the command is told as a terminal's would be, and has to end. */
static void hang_up(struct loop *loop)
{
    child_signal(loop, SIGHUP);
    child_signal(loop, SIGCONT);
    end_command(loop);
}

static void forward(struct loop *loop, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;

    if (loop->request->pty != NULL && number == SIGCONT)
        pty_resume(loop->request->pty);
    if (!is_for_command(loop, info))
        return;
    switch (number) {
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: /* in a session of its own nothing but SIGSTOP stops it: its process group is orphaned */
        child_signal(loop, loop->request->own_session ? SIGSTOP : number);
        break;
    case SIGTERM:
        end_command(loop);
        break;
    case SIGWINCH:
        if (loop->request->pty != NULL)
            pty_resize(loop->request->pty);
        else
            child_signal(loop, SIGWINCH);
        break;
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:
    case SIGCONT:
        child_signal(loop, number);
        break;
    default: /* SIGPIPE, SIGXCPU, ...: about us, not about the command */
        break;
    }
}

/* When the command stops, so do we: whoever watches us, a shell's job control, is to see it. What makes us go on is a
 * SIGCONT, and waits in the signalfd to be passed on like any other; a second one of our own could undo the command's
 * next stop before it was seen. */
static void stop_with_command(struct loop *loop)
{
    if (loop->told_to_end) { /* it would stop the time until it is killed */
        child_signal(loop, SIGCONT);
        return;
    }
    if (loop->request->relay != NULL) {
        relay_ask_stop(loop->request->relay, SIGSTOP); /* it is the front that is seen */
        return;
    }
    if (loop->request->pty != NULL)
        pty_pause(loop->request->pty);
    (void)raise(SIGSTOP);
    if (loop->request->pty != NULL)
        pty_resume(loop->request->pty);
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
            stop_with_command(loop);
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

/* What its process said of the start. End of file: nothing more; nor is there when it has ended, though somebody that it
 * left behind may hold the pipe open. Ready, and nothing behind it: the command runs. */
static void report_read(struct loop *loop)
{
    struct start_failure said;
    ssize_t got;

    while ((got = read(loop->child->report, &said, sizeof said)) == (ssize_t)sizeof said)
        loop->outcome->failure = said;
    if (got < 0 && !loop->ended)
        return;
    loop->report_open = false;
    loop->outcome->started = loop->outcome->failure.what == START_READY;
    if (loop->outcome->started)
        loop->request->on_start(loop->request->on_start_data, loop->child->pid);
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
    }
    if (state == RELAY_GONE) { /* the applicant ended it, or it failed: as if his terminal had gone */
        loop->front_gone = true;
        loop->outcome->hung_up = !loop->ended;
        if (loop->request->front_shows != NULL)
            pty_recover(loop->request->front_shows);
        hang_up(loop);
    }
}

/* Milliseconds until the command is to be killed, for poll(2). */
static int time_left(const struct loop *loop)
{
    int64_t left = loop->kill_at_ms - clock_now_ms();

    if (loop->kill_at_ms == 0)
        return -1;
    return left > 0 ? (int)left : 0;
}

static void kill_when_due(struct loop *loop)
{
    if (loop->kill_at_ms == 0 || clock_now_ms() < loop->kill_at_ms)
        return;
    child_signal(loop, SIGKILL); /* first: a message may find no reader */
    log_say("the command did not end within %d.%03d s of SIGTERM: killed", loop->request->kill_after_ms / 1000,
            loop->request->kill_after_ms % 1000);
    loop->kill_at_ms = 0;
}

static void pty_serve(struct loop *loop, const struct pollfd *sources)
{
    struct pty *pty = loop->request->pty;
    bool was_there = !pty->hung_up;

    pty_after_poll(pty, sources);
    if (was_there && pty->hung_up)
        hang_up(loop);
}

/* Is there still something to wait for? Output that the command left in the pseudo-terminal is shown, unless we were
 * told to end. */
static bool loop_goes_on(const struct loop *loop)
{
    if (!loop->ended || loop->report_open)
        return true;
    if (loop->request->front_shows != NULL)
        return !loop->shown && !loop->front_gone && !loop->told_to_end;
    return loop->request->pty != NULL && !loop->told_to_end && pty_has_output(loop->request->pty);
}

static void wait_in_loop(struct loop *loop)
{
    enum { SIGNALS, CHILD, REPORT, RELAY, PTY, SOURCES = PTY + PTY_SOURCES };
    struct pollfd sources[SOURCES] = {
        [SIGNALS] = {.fd = loop->signals, .events = POLLIN},
        [CHILD] = {.fd = loop->child->pidfd, .events = POLLIN},
        [REPORT] = {.fd = loop->child->report, .events = POLLIN},
        [RELAY] = {.fd = -1, .events = POLLIN},
    };
    nfds_t count = loop->request->pty != NULL ? SOURCES : PTY;
    bool told_ended = false;

    step_point("watching");
    child_look(loop); /* a stop or end before the signalfd existed */
    while (!loop->lost && loop_goes_on(loop)) {
        /* One wake-up less for the run that nobody wants to hear about before it ends. */
        sources[REPORT].fd = loop->report_open && (loop->request->tell_start || loop->ended) ? loop->child->report : -1;
        sources[CHILD].fd = loop->ended ? -1 : loop->child->pidfd;
        sources[RELAY].fd = loop->request->relay != NULL && !loop->front_gone ? loop->request->relay->fd : -1;
        if (loop->request->pty != NULL)
            pty_before_poll(loop->request->pty, sources + PTY);
        if (poll(sources, count, time_left(loop)) < 0) {
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
        if (loop->ended && loop->request->front_shows != NULL && !told_ended) {
            told_ended = true;
            loop->shown = !relay_send(loop->request->relay, (struct relay_message){.word = RELAY_ENDED}, -1);
        }
        if (loop->ended && loop->request->pty != NULL)
            pty_command_ended(loop->request->pty);
        if (loop->request->pty != NULL)
            pty_serve(loop, sources + PTY);
        kill_when_due(loop);
    }
}

static void child_end(const struct child *child)
{
    (void)kill(child->pid, SIGKILL); /* ours, and not reaped: the number cannot be another's */
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

enum result supervise_wait(const struct supervise_request *request, struct outcome *outcome, struct error *error)
{
    OWNED(fd_close) int signals = -1;
    struct loop loop = {.request = request, .child = request->child, .outcome = outcome, .report_open = true};
    sigset_t all;

    *outcome = (struct outcome){0};
    sigfillset(&all);
    signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || request->child->pidfd < 0) {
        int problem = signals < 0 ? errno : request->child->problem;

        child_end(request->child);
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: cannot be watched, killed: %s", strerror(problem));
    }
    loop.signals = signals;
    wait_in_loop(&loop);
    if (!loop.ended) {
        child_end(request->child);
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: cannot be watched, killed: %s", strerror(errno));
    }
    return OK;
}

int supervise_exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? STATUS_SIGNAL_BASE + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
