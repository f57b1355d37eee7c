#include "run/front.h"

#include "base/log.h"
#include "base/owned.h"
#include "base/progress.h"
#include "base/step_point.h"
#include "run/pages.h"
#include "run/privilege.h"
#include "run/pty.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct front {
    struct relay *relay;
    struct pty pty;
    int signals;       /* signalfd(2) */
    int holder;        /* pidfd */
    bool told_to_exit; /* the holder is done */
    bool command_ended;
};

static void say(const struct front *front, enum relay_word word, int number)
{
    (void)relay_send(front->relay, (struct relay_message){.word = word, .number = number}, -1);
}

/* Raw mode, and the command in its terminal's foreground, if we are in ours and it wants it. */
static void terminal_resume(struct front *front)
{
    if (front->pty.master < 0)
        return;
    pty_resume(&front->pty);
    say(front, RELAY_FOREGROUND, front->pty.is_wanted && pty_is_in_foreground(&front->pty) ? 1 : 0);
}

/* What is passed on: what a process, or the terminal, may want of the command. Nothing else ends or stops us. */
static bool is_passed_on(int number)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
                                  SIGALRM, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};

    for (size_t at = 0; at < sizeof signals / sizeof *signals; at++)
        if (signals[at] == number)
            return true;
    return false;
}

static void signals_read(struct front *front)
{
    struct signalfd_siginfo info;

    while (read(front->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;

        if (number == SIGCONT)
            terminal_resume(front); /* before it is passed on: the command is in the foreground when it goes on */
        if (front->pty.master >= 0 && number == SIGWINCH)
            pty_resize(&front->pty);
        else if (is_passed_on(number)
                 && relay_send(front->relay,
                               (struct relay_message){RELAY_SIGNAL, number, info.ssi_code, (int)info.ssi_pid}, -1)
                 && number == SIGCONT)
            front->relay->continued++;
    }
}

/* Stop as the signal would stop us; whole_group: and, as a terminal's does, our process group with us (a script's
 * shell, the others of a pipeline). false: it does not, since nobody could continue us (an orphaned process group).
 * What ended the stop is a SIGCONT; it waits to be passed on. */
static bool stop_by(int number, bool whole_group)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t all, waiting;

    sigfillset(&all);
    sigdelset(&all, number);
    (void)sigaction(number, &standard, NULL);
    (void)(whole_group ? kill(0, number) : raise(number));
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    sigaddset(&all, number);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&waiting);
    (void)sigpending(&waiting);
    return sigismember(&waiting, SIGCONT) == 1;
}

/* Unless somebody continued us meanwhile, and the holder did not know yet: then the stop is over already. */
static void stop_when_told(struct front *front, const struct relay_message *message)
{
    int number = message->number;
    bool for_terminal = number == SIGTTIN || number == SIGTTOU;
    bool stopped = true;

    if (!for_terminal && number != SIGTSTP)
        number = SIGSTOP;
    front->pty.is_wanted = front->pty.is_wanted || for_terminal;
    signals_read(front); /* a stop signal throws away a SIGCONT that waits */
    if (message->code == (int)front->relay->continued
        && !(for_terminal && front->pty.master >= 0 && pty_is_in_foreground(&front->pty))) {
        pty_pause(&front->pty);
        /* What was typed into the command's terminal only its own processes got; SIGSTOP is for one. */
        stopped = stop_by(number, front->pty.master >= 0 && number != SIGSTOP);
    }
    say(front, RELAY_RESUMED, stopped ? 1 : 0);
    terminal_resume(front);
}

/* As who writes from the background is stopped where the terminal wants that. What is shown is what the pseudo-terminal
 * holds, and the command waits when that is full. */
static void stop_before_output(struct front *front)
{
    signals_read(front); /* a stop signal throws away a SIGCONT that waits */
    if (!pty_is_held_back(&front->pty))
        return;
    if (!stop_by(SIGTTOU, true))
        pty_drop_output(&front->pty);
    terminal_resume(front);
}

static void relay_read(struct front *front)
{
    struct relay_message message;
    int fd;

    while (relay_receive(front->relay, &message, &fd) == RELAY_MESSAGE)
        switch (message.word) {
        case RELAY_STOP:
            stop_when_told(front, &message);
            break;
        case RELAY_PTY:
            if (fd >= 0 && pty_adopt(&front->pty, fd, message.number != 0))
                terminal_resume(front);
            else {
                log_say("what the command writes cannot be shown");
                pty_close(&front->pty); /* to the command it has hung up */
            }
            break;
        case RELAY_ENDED:
            front->command_ended = true;
            break;
        case RELAY_EXIT:
            front->told_to_exit = true;
            break;
        default:
            break;
        }
}

static void pty_serve(struct front *front, const struct pollfd *sources)
{
    bool was_there = !front->pty.hung_up;

    if (front->pty.master < 0)
        return;
    if (front->command_ended)
        pty_command_ended(&front->pty);
    if (pty_waits_for_foreground(&front->pty) && pty_is_in_foreground(&front->pty))
        terminal_resume(front);
    pty_after_poll(&front->pty, sources);
    if (pty_is_held_back(&front->pty))
        stop_before_output(front);
    if (was_there && front->pty.hung_up)
        say(front, RELAY_HANG_UP, 0);
}

/* The last bytes are on the terminal, and it has its own mode again: what follows is the holder's to say there. */
static void finish_showing(struct front *front)
{
    if (!front->command_ended || (front->pty.master >= 0 && pty_has_output(&front->pty)))
        return;
    pty_close(&front->pty);
    say(front, RELAY_SHOWN, 0);
    front->command_ended = false;
}

/* Milliseconds, for poll(2). */
static int time_left(const struct front *front, struct progress_watch *progress)
{
    enum { LOOK_MS = 250 };
    int left = progress_look(progress);

    if (front->pty.master >= 0 && pty_waits_for_foreground(&front->pty) && (left < 0 || left > LOOK_MS))
        left = LOOK_MS;
    return left;
}

/* Until the holder has ended, or is about to. false: errno. */
static bool serve(struct front *front)
{
    enum { SIGNALS, RELAY, HOLDER, PTY, SOURCES = PTY + PTY_SOURCES };
    struct pollfd sources[SOURCES] = {
        [SIGNALS] = {.fd = front->signals, .events = POLLIN},
        [RELAY] = {.fd = front->relay->fd, .events = POLLIN},
        [HOLDER] = {.fd = front->holder, .events = POLLIN},
    };
    struct progress_watch progress = {0};

    for (;;) {
        nfds_t count = PTY;

        if (front->pty.master >= 0) {
            pty_before_poll(&front->pty, sources + PTY);
            count = SOURCES;
        }
        if (poll(sources, count, time_left(front, &progress)) < 0) {
            if (errno != EINTR)
                return false;
            continue;
        }
        /* First, and whatever poll(2) saw: a SIGCONT is newer than a stop that was asked for while we were stopped. */
        if (sources[SIGNALS].revents != 0 || sources[RELAY].revents != 0 || sources[HOLDER].revents != 0)
            signals_read(front);
        /* Also when only its end was seen: poll(2) may have looked at the socket just before the holder's last word. */
        if (sources[RELAY].revents != 0 || sources[HOLDER].revents != 0)
            relay_read(front);
        if (sources[HOLDER].revents != 0 || front->told_to_exit)
            return true; /* its end is near, if not here: waitpid(2) has less to do than another round */
        if ((sources[RELAY].revents & POLLHUP) != 0)
            sources[RELAY].fd = -1; /* its end follows */
        if (count == SOURCES)
            pty_serve(front, sources + PTY);
        finish_showing(front);
    }
}

static enum result fail_holder(const struct front_request *request, const struct front *front, int wait_status,
                               struct error *error)
{
    enum step at = (enum step)front->relay->shared->step;
    const char *step = step_name(at);

    if (WIFSIGNALED(wait_status))
        (void)fail(error, at, STATUS_SYSTEM,
                   "%s for %s (profile %s): the process that holds the PAM session was ended by SIG%s", step,
                   request->account, request->service, sigabbrev_np(WTERMSIG(wait_status)));
    else
        (void)fail(error, at, STATUS_SYSTEM,
                   "%s for %s (profile %s): the process that holds the PAM session ended before it was done", step,
                   request->account, request->service);
    return fail_hint(error, "a module of the profile crashed or called _exit(), or root killed it; what it held may "
                            "remain");
}

enum result front_run(const struct front_request *request, int *status, struct error *error)
{
    OWNED(fd_close) int signals = -1;
    OWNED(fd_close) int holder = (int)syscall(SYS_pidfd_open, request->holder, 0);
    struct front front = {.relay = request->relay, .pty = {.master = -1, .slave = -1, .terminal = -1}};
    int wait_status = 0, problem = 0;
    bool served = false;
    sigset_t all;

    sigfillset(&all);
    if (holder < 0 || !privilege_abandon()) {
        problem = errno;
    } else {
        signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
        front.signals = signals;
        front.holder = holder;
        step_point("front-serving");
        served = signals >= 0 && serve(&front);
        problem = errno;
    }
    pty_close(&front.pty);
    request->relay->shared->front_fails = !served;
    fd_close(&request->relay->fd); /* if it still runs, that is a hang-up */
    pages_release_text();          /* while the holder does the same */
    while (waitpid(request->holder, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    if (!served && request->relay->shared->told == 0) /* the holder may have failed before we did */
        return fail(error, STEP_START, STATUS_SYSTEM, "the process in front of the PAM session cannot serve: %s",
                    strerror(problem));
    *status = (int)request->relay->shared->done - 1;
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == *status
               ? OK
               : fail_holder(request, &front, wait_status, error);
}
