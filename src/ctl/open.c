#include "ctl/open.h"

#include "ask/hold.h"
#include "ask/identity.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/number.h"
#include "base/owned.h"
#include "base/strv.h"
#include "base/text.h"
#include "ctl/json.h"
#include "ctl/refusal.h"
#include "ctl/sessions.h"
#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

struct open_request {
    struct session_words words;
    const char *identity, *lease, *on_refusal;
};

enum { EVENTS_BYTES_MAX = 64 * 1024, SHOWN_BYTES = 160 };

static enum result usage(const char *problem, const char *value, struct error *error)
{
    char shown[SHOWN_BYTES];

    (void)text_visible(shown, sizeof shown, value, TEXT_ONE_LINE);
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "open: %s%s", problem, shown);
    return verb_hint("open", error);
}

/* ---- what was typed ---- */

/* For pamrun. What open says itself would be said twice, and a command is what there is none of; letters are su's, for
 * one. */
static enum result check_further(char *const *words, struct error *error)
{
    static const char *const ours[] = {"--user",      "--account-uid",    "--identity", "--profile", "--hold",
                                       "--hold-time", "--json-status-fd", "--share",    "--help",    "--version"};

    if (*words != NULL && strncmp(*words, "--", 2) != 0)
        return usage("options for pamrun begin with --, and this one does not: ", *words, error);
    for (; *words != NULL; words++) {
        size_t length = strcspn(*words, "=");

        if (strcmp(*words, "--") == 0)
            return usage("no command is run: ", *words, error);
        for (size_t at = 0; at < sizeof ours / sizeof *ours; at++)
            if (strlen(ours[at]) == length && strncmp(*words, ours[at], length) == 0)
                return usage("this option is for open itself to say: ", *words, error);
    }
    return OK;
}

static enum result check(const struct open_request *request, char *const *further, struct error *error)
{
    const struct session_words *words = &request->words;
    uint32_t number;

    if ((words->user != NULL) + (words->uid != NULL) + (request->identity != NULL) != 1)
        return usage("for whom? one of --user USER, --uid UID, --identity ID", "", error);
    if (words->uid != NULL && !number_parse(words->uid, UINT32_MAX - 1, &number))
        return usage("--uid needs a user id in decimal: ", words->uid, error);
    if (words->id == NULL)
        return usage("--id ID is needed: the job's", "", error);
    if (!hold_id_is_valid(words->id))
        return usage("--id needs 1 to 128 letters, digits and . _ : @ + -, with no dot in front: ", words->id, error);
    if (request->lease != NULL && !duration_parse(request->lease, &number))
        return usage("--lease needs a time, such as 90m or 26h, of at most 366 days: ", request->lease, error);
    if (request->on_refusal != NULL && strcmp(request->on_refusal, "mark") != 0)
        return usage("--on-refusal can be mark, and not: ", request->on_refusal, error);
    return check_further(further, error);
}

static bool make_arguments(struct strv *arguments, const struct open_request *request, char *const *further, int events)
{
    char number[16];
    bool made;

    (void)snprintf(number, sizeof number, "%d", events);
    made = strv_add(arguments, PAMRUN_PROGRAM) && strv_add_pair(arguments, "--profile", request->words.profile)
           && strv_add_pair(arguments, "--hold", request->words.id)
           && strv_add_pair(arguments, "--hold-time", request->lease)
           && strv_add_pair(arguments, "--json-status-fd", number)
           && strv_add_pair(arguments, "--user", request->words.user)
           && strv_add_pair(arguments, "--account-uid", request->words.uid)
           && strv_add_pair(arguments, "--identity", request->identity);
    for (; made && *further != NULL; further++)
        made = strv_add(arguments, *further);
    return made;
}

/* ---- pamrun ---- */

struct opening {
    int pidfd, events, signals;
    pid_t pid;
    char *text; /* of the events so far */
    size_t length;
};

static void opening_close(struct opening *opening)
{
    fd_close(&opening->pidfd);
    fd_close(&opening->events);
    fd_close(&opening->signals);
    free(opening->text);
    opening->text = NULL;
}

/* More than there is room for is no event of ours. */
static void take_events(struct opening *opening)
{
    ssize_t got;

    while (opening->length < EVENTS_BYTES_MAX) {
        got = read(opening->events, opening->text + opening->length, EVENTS_BYTES_MAX - opening->length);
        if (got <= 0)
            return;
        opening->length += (size_t)got;
    }
}

/* Whoever stops a prolog may know our pid only; what a terminal sends reaches both. */
static void pass_signal(const struct opening *opening)
{
    struct signalfd_siginfo info;

    if (read(opening->signals, &info, sizeof info) == (ssize_t)sizeof info && info.ssi_code != SI_KERNEL)
        (void)syscall(SYS_pidfd_send_signal, opening->pidfd, (int)info.ssi_signo, NULL, 0);
}

static enum result start(struct opening *opening, const struct open_request *request, char *const *further,
                         struct error *error)
{
    OWNED(strv_free) struct strv arguments = {.items = NULL};
    sigset_t ours, before;
    int ends[2];

    if (access(PAMRUN_PROGRAM, X_OK) != 0)
        return fail(error, STEP_START, STATUS_SYSTEM, "open: %s: %s", PAMRUN_PROGRAM, strerror(errno));
    opening->text = malloc(EVENTS_BYTES_MAX + 1);
    if (opening->text == NULL)
        return fail_memory(error, STEP_START);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail(error, STEP_START, STATUS_SYSTEM, "open: pipe: %s", strerror(errno));
    opening->events = ends[0];
    (void)fcntl(opening->events, F_SETFL, O_NONBLOCK);
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGQUIT);
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    opening->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    opening->pid = make_arguments(&arguments, request, further, ends[1])
                       ? process_program(strv_items(&arguments), ends[1], &before)
                       : -1;
    if (opening->pid > 0)
        opening->pidfd = (int)syscall(SYS_pidfd_open, opening->pid, 0);
    (void)close(ends[1]);
    return opening->pid > 0 ? OK : fail_fork(error, STEP_START, "open: " PAMRUN_PROGRAM);
}

/* Its wait status. A helper that a module left behind may have the pipe open for ever: its end is not waited for. */
static int follow(struct opening *opening)
{
    struct pollfd sources[] = {{.fd = opening->pidfd, .events = POLLIN},
                               {.fd = opening->signals, .events = POLLIN},
                               {.fd = opening->events, .events = POLLIN}};
    int status = 0;

    while (opening->pidfd >= 0 && (sources[0].revents & POLLIN) == 0) {
        if (poll(sources, 3, -1) < 0)
            continue;
        if (sources[1].revents != 0)
            pass_signal(opening);
        if (sources[2].revents != 0)
            take_events(opening);
        if ((sources[2].revents & (POLLHUP | POLLERR)) != 0)
            sources[2].fd = -1;
    }
    while (waitpid(opening->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    take_events(opening);
    opening->text[opening->length] = '\0';
    return status;
}

/* ---- what it said ---- */

static void note_text(json_t *facts, const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);

    if (json_is_string(value))
        (void)json_object_set(facts, key, (json_t *)value);
}

/* The failure, and of whom it was. NULL: it did not say that it failed, or not by the account's fault. */
static json_t *find_refusal(char *text)
{
    json_t *facts = json_object();
    bool refused = false;

    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_t *event = json_loads(line, 0, NULL);

        note_text(facts, event, "account");
        note_text(facts, event, "profile");
        if (strcmp(json_text_of(event, "event"), "failed") == 0
            && json_integer_value(json_object_get(event, "exit-status")) == STATUS_REFUSED
            && strcmp(json_text_of(event, "class"), "user") == 0) {
            note_text(facts, event, "step");
            note_text(facts, event, "code");
            note_text(facts, event, "message");
            refused = true;
        }
        json_decref(event);
    }
    if (refused)
        return facts;
    json_decref(facts);
    return NULL;
}

/* Whose the mark is to be, 0: of an identity that means nobody here; and his name, where pamrun did not say it. */
static enum result find_owner(const struct open_request *request, json_t *facts, uid_t *owner, struct error *error)
{
    struct account account = {0};
    struct error unknown;
    uint32_t number = 0;

    *owner = 0;
    if (request->words.user != NULL)
        (void)json_object_set_new(facts, "account", json_text(request->words.user));
    if (request->words.uid != NULL) {
        (void)number_parse(request->words.uid, UINT32_MAX - 1, &number);
        *owner = (uid_t)number;
        if (*json_text_of(facts, "account") == '\0' && account_by_uid(&account, *owner, &unknown) == OK)
            (void)json_object_set_new(facts, "account", json_text(account.name));
    } else if (*json_text_of(facts, "account") != '\0') {
        if (account_by_name(&account, json_text_of(facts, "account"), error) != OK)
            return FAILED;
        *owner = account.uid;
    }
    account_free(&account);
    return OK;
}

static enum result mark(const struct open_request *request, json_t *facts, struct error *error)
{
    char id[SHOWN_BYTES + HOLD_ID_MAX];
    uid_t owner;

    if (find_owner(request, facts, &owner, error) != OK)
        return FAILED;
    if (request->words.profile != NULL)
        (void)json_object_set_new(facts, "profile", json_text(request->words.profile));
    (void)json_object_set_new(facts, "uid", json_integer(owner));
    if (refusal_write(request->words.id, owner, facts, error) != OK)
        return FAILED;
    (void)text_quoted(id, sizeof id, request->words.id);
    log_record(LOG_NOTICE, "refused: marked: hold=%s uid=%ju step=%s", id, (uintmax_t)owner,
               json_text_of(facts, "step"));
    return OK;
}

static enum result fail_ended(int status, struct error *error)
{
    if (WIFSIGNALED(status))
        return fail(error, STEP_START, STATUS_SYSTEM, "open: pamrun was ended by signal %d (%s)", WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
    return fail(error, STEP_START, STATUS_SYSTEM, "open: %s could not be executed", PAMRUN_PROGRAM);
}

static enum result run_open(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct open_request *request = given;
    OWNED(opening_close) struct opening opening = {.pidfd = -1, .events = -1, .signals = -1};
    enum result marked;
    json_t *facts;
    int ended;

    if (check(request, operands, error) != OK || sessions_need_root("open", error) != OK
        || start(&opening, request, operands, error) != OK)
        return FAILED;
    ended = follow(&opening);
    if (WIFSIGNALED(ended) || WEXITSTATUS(ended) == STATUS_NOT_FOUND)
        return fail_ended(ended, error);
    *status = WEXITSTATUS(ended); /* pamrun has said why */
    if (*status == 0)
        (void)refusal_remove(request->words.id);
    if (*status != STATUS_REFUSED || request->on_refusal == NULL)
        return OK;
    facts = find_refusal(opening.text);
    if (facts == NULL)
        return OK;
    marked = mark(request, facts, error);
    json_decref(facts);
    *status = marked == OK ? EXIT_SUCCESS : *status;
    return marked;
}

static const struct verb_option options[] = {
    {"user", "USER", offsetof(struct open_request, words.user), "whose session", false},
    {"uid", "UID", offsetof(struct open_request, words.uid), "the same, by number", false},
    {"identity", "ID", offsetof(struct open_request, identity), "the same, as the site policy maps it", false},
    {"profile", "NAME", offsetof(struct open_request, words.profile), "the PAM profile (default: the policy's)", false},
    {"id", "ID", offsetof(struct open_request, words.id), "the name of the hold: the job's", false},
    {"lease", "TIME", offsetof(struct open_request, lease), "it ends by itself after that (90m, 26h)", false},
    {"on-refusal", "WHAT", offsetof(struct open_request, on_refusal),
     "mark: a refused account is no failure, but marked", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_open = {
    .name = "open",
    .operands = "[-- PAMRUN-OPTION...]",
    .summary = "Hold a shared session for a job: join it, or open it",
    .about = "Opened twice with the same ID it is one hold. What stands behind -- is for pamrun.\n"
             "\n"
             "Exit status: pamrun's. With --on-refusal=mark 0 where that is 77, the account\n"
             "being refused; what runs for the job finds out by pamrunctl env --id ID.\n"
             "\n"
             "In a prolog: pamrunctl open --user \"$USER\" --id \"$JOB\" --lease 26h --on-refusal=mark\n",
    .options = options,
    .request_size = sizeof(struct open_request),
    .run = run_open,
};
