#include "ctl/trial.h"

#include "base/owned.h"
#include "base/progress.h"
#include "ctl/json.h"
#include "ctl/worker.h"
#include "pam/forwarded.h"
#include "run/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Our side of it. */
struct watch {
    const struct trial_request *request;
    pid_t worker;
    int channel, signals, pidfd;
    sigset_t passed_on;
    char *text; /* what was read, from the last whole line on */
    size_t length, room;
    json_t *result;
    char running[OPERATION_WORD_MAX]; /* the operation that was begun and is not finished; empty: none */
    char step[32];                    /* its step's name */
    bool ended;                       /* the worker's last word has come */
};

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* ---- records ---- */

static json_t *operations_of(const struct watch *watch)
{
    return json_object_get(watch->result, "operations");
}

static void show(const struct watch *watch, const json_t *record)
{
    if (watch->request->show != NULL)
        watch->request->show(watch->request->show_data, record);
}

static void take_facts(struct watch *watch, json_t *record)
{
    json_t *operations = json_incref(operations_of(watch));

    (void)json_object_del(record, "record");
    (void)json_object_del(watch->result, "operations"); /* to be behind the facts */
    (void)json_object_update(watch->result, record);
    (void)json_object_set_new(watch->result, "operations", operations);
    show(watch, watch->result);
}

static void take_operation(struct watch *watch, json_t *record)
{
    watch->running[0] = '\0';
    (void)json_object_del(record, "record");
    (void)json_array_append(operations_of(watch), record);
    show(watch, record);
}

static void take_end(struct watch *watch, json_t *record)
{
    watch->ended = true;
    (void)json_object_del(record, "record");
    (void)json_object_update(watch->result, record);
}

static void take_record(struct watch *watch, const char *line, size_t length)
{
    json_t *record = json_loadb(line, length, 0, NULL);
    const char *kind = json_text_of(record, "record");

    if (strcmp(kind, "facts") == 0) {
        take_facts(watch, record);
    } else if (strcmp(kind, "begin") == 0) {
        (void)snprintf(watch->running, sizeof watch->running, "%s", json_text_of(record, "operation"));
        (void)snprintf(watch->step, sizeof watch->step, "%s", json_text_of(record, "step"));
    } else if (strcmp(kind, "operation") == 0) {
        take_operation(watch, record);
    } else if (strcmp(kind, "ask") == 0) { /* all that came before is on the terminal */
        (void)fflush(stdout);
        (void)!send(watch->channel, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else if (strcmp(kind, "end") == 0) {
        take_end(watch, record);
    }
    json_decref(record);
}

static void take_lines(struct watch *watch)
{
    char *from = watch->text, *end;

    while ((end = memchr(from, '\n', (size_t)(watch->text + watch->length - from))) != NULL) {
        take_record(watch, from, (size_t)(end - from));
        from = end + 1;
    }
    watch->length -= (size_t)(from - watch->text);
    memmove(watch->text, from, watch->length);
}

/* What is there. false: nothing will come any more. */
static bool read_channel(struct watch *watch)
{
    for (;;) {
        ssize_t got;

        if (watch->room - watch->length < 4096) {
            char *larger = realloc(watch->text, watch->room + 65536);

            if (larger == NULL)
                return false;
            watch->text = larger;
            watch->room += 65536;
        }
        got = recv(watch->channel, watch->text + watch->length, watch->room - watch->length, MSG_DONTWAIT);
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        watch->length += (size_t)got;
        take_lines(watch);
    }
}

/* ---- waiting ---- */

/* What the terminal sends reaches the worker by itself: it is in our process group. */
static void pass_signals_on(const struct watch *watch)
{
    struct signalfd_siginfo info;

    while (read(watch->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_code != SI_KERNEL)
            (void)syscall(SYS_pidfd_send_signal, watch->pidfd, (int)info.ssi_signo, NULL, 0);
}

/* Until the worker has ended. What it leaves behind may keep the channel open. */
static void wait_for_worker(struct watch *watch)
{
    enum { SIGNALS, CHANNEL, WORKER, SOURCES };
    struct pollfd sources[SOURCES] = {
        [SIGNALS] = {.fd = watch->signals, .events = POLLIN},
        [CHANNEL] = {.fd = watch->channel, .events = POLLIN},
        [WORKER] = {.fd = watch->pidfd, .events = POLLIN},
    };
    struct progress_watch progress = {0};

    while (sources[WORKER].revents == 0) {
        if (poll(sources, SOURCES, progress_look(&progress)) < 0)
            continue;
        pass_signals_on(watch);
        if (sources[CHANNEL].revents != 0 && !read_channel(watch))
            sources[CHANNEL].fd = -1;
    }
    if (sources[CHANNEL].fd >= 0)
        (void)read_channel(watch);
}

/* ---- the end ---- */

/* The worker ended without its last word: a module crashed, called _exit(2), or was given up by the guard. */
static json_t *lost_failure(const struct watch *watch, int wait_status)
{
    const char *step = watch->step[0] != '\0' ? watch->step : step_name(STEP_START);
    const char *profile = json_text_of(watch->result, "profile"), *account = json_text_of(watch->result, "account");
    int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
    bool given_up = status == STATUS_TRY_AGAIN || status > STATUS_SIGNAL_BASE; /* guard.h: a deadline, a signal */
    json_t *failure = json_object();
    char how[64] = "ended the process";

    if (given_up)
        (void)snprintf(how, sizeof how, "did not end and was given up");
    else if (WIFSIGNALED(wait_status))
        (void)snprintf(how, sizeof how, "crashed, SIG%s", sigabbrev_np(WTERMSIG(wait_status)));
    (void)json_object_set_new(failure, "step", json_text(step));
    (void)json_object_set_new(failure, "class", json_string("node"));
    (void)json_object_set_new(failure, "exit-status", json_integer(given_up ? status : STATUS_SYSTEM));
    (void)json_object_set_new(failure, "message",
                              json_sprintf("%s for %s (profile %s): a module %s", step, account, profile, how));
    (void)json_object_set_new(failure, "hint", json_string("what it had opened may remain: nobody closes it any more"));
    return failure;
}

static void finish(struct watch *watch, int wait_status)
{
    const json_t *failure;

    if (!watch->ended) {
        if (watch->running[0] != '\0') {
            json_t *record = json_object();

            (void)json_object_set_new(record, "operation", json_text(watch->running));
            (void)json_object_set_new(record, "step", json_text(watch->step));
            (void)json_object_set_new(record, "result", json_string("lost"));
            take_operation(watch, record);
            json_decref(record);
        }
        (void)json_object_set_new(watch->result, "failure", lost_failure(watch, wait_status));
    }
    failure = json_object_get(watch->result, "failure");
    (void)json_object_set_new(watch->result, "result", json_string(failure != NULL ? "failed" : "ok"));
    (void)json_object_set_new(watch->result, "exit-status",
                              failure != NULL ? json_incref(json_object_get(failure, "exit-status")) : json_integer(0));
}

int trial_status(const json_t *result)
{
    return (int)json_integer_value(json_object_get(result, "exit-status"));
}

static json_t *empty_result(const struct trial_request *request)
{
    json_t *result = json_object();

    (void)json_object_set_new(result, "verb", json_string(request->verb));
    (void)json_object_set_new(result, "profile", json_text(request->options->profile));
    (void)json_object_set_new(result, "account", json_text(request->options->account_name));
    (void)json_object_set_new(result, "operations", json_array());
    return result;
}

static void close_secrets(const struct trial_request *request)
{
    if (request->options->password_fd >= 0)
        (void)close(request->options->password_fd);
    if (request->options->answers_fd >= 0)
        (void)close(request->options->answers_fd);
}

/* Before anything is opened: the number of a descriptor that is not open may become one of ours. */
static enum result check_rights(const struct trial_request *request, struct error *error)
{
    if (geteuid() != 0) {
        (void)fail(error, STEP_OPTIONS, STATUS_REFUSED, "%s: only root can: modules would have no more rights than you",
                   request->verb);
        return fail_hint(error, "as root, --as-caller USER shows what becomes of a call of USER's");
    }
    if (request->options->password_fd >= 0
        && forwarded_check(FORWARDED_PASSWORD, request->options->password_fd, 0, error) != OK)
        return FAILED;
    if (request->options->answers_fd >= 0
        && forwarded_check(FORWARDED_ANSWERS, request->options->answers_fd, 0, error) != OK)
        return FAILED;
    return OK;
}

/* Signals wait until there is somebody to pass them on to. */
static enum result begin(struct watch *watch, struct error *error)
{
    const char *terminal = getenv("TERM");
    int ends[2];
    sigset_t set;

    sigemptyset(&set);
    for (size_t at = 0; at < sizeof passed_on / sizeof *passed_on; at++)
        (void)sigaddset(&set, passed_on[at]);
    watch->passed_on = set;
    (void)sigaddset(&set, SIGPIPE); /* a reader that has gone is an error like any other, and found at the end */
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    if (watch->request->prepare != NULL && watch->request->prepare(watch->request->data, error) != OK)
        return FAILED;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return fail(error, STEP_START, STATUS_SYSTEM, "socketpair: %s", strerror(errno));
    (void)fflush(NULL);
    if (terminal != NULL && strcmp(terminal, "dumb") != 0)
        progress_open();
    watch->worker = process_split();
    if (watch->worker == 0) {
        (void)close(ends[0]);
        worker_run(watch->request, ends[1]);
    }
    (void)close(ends[1]);
    watch->channel = ends[0];
    close_secrets(watch->request);
    if (watch->worker < 0)
        return fail_fork(error, STEP_START, watch->request->verb);
    watch->pidfd = (int)syscall(SYS_pidfd_open, watch->worker, 0);
    watch->signals = signalfd(-1, &watch->passed_on, SFD_CLOEXEC | SFD_NONBLOCK);
    return OK;
}

enum result trial_run(const struct trial_request *request, json_t **result, struct error *error)
{
    struct watch watch = {.request = request, .channel = -1, .signals = -1, .pidfd = -1};
    enum result begun;
    int wait_status = 0;

    if (check_rights(request, error) != OK)
        return FAILED;
    watch.result = empty_result(request);
    begun = begin(&watch, error);
    if (begun == OK) {
        if (watch.pidfd >= 0)
            wait_for_worker(&watch);
        while (waitpid(watch.worker, &wait_status, 0) < 0 && errno == EINTR)
            continue;
        finish(&watch, wait_status);
    }
    if (request->finish != NULL)
        request->finish(request->data);
    (void)sigprocmask(SIG_UNBLOCK, &watch.passed_on, NULL);
    if (begun == OK)
        *result = watch.result;
    else
        json_decref(watch.result);
    fd_close(&watch.channel);
    fd_close(&watch.signals);
    fd_close(&watch.pidfd);
    free(watch.text);
    return begun;
}
