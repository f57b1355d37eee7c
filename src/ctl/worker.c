#include "ctl/worker.h"

#include "ask/authority.h"
#include "ask/identity.h"
#include "ask/options.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/progress.h"
#include "ctl/advice.h"
#include "ctl/effects.h"
#include "ctl/json.h"
#include "ctl/pose.h"
#include "ctl/said.h"
#include "ctl/stack.h"
#include "pam/codes.h"
#include "pam/forwarded.h"
#include "pam/service.h"
#include "pam/terminal.h"
#include "pam/transaction.h"
#include "run/cgroup.h"
#include "run/inherited.h"
#include "run/limits.h"
#include "run/privilege.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASK_PATIENCE_MS = 1000, GRACE_MS = 10000 };

struct worker {
    const struct trial_request *request;
    int channel;
    struct inherited inherited;
    struct limits limits;
    struct events events; /* none */
    struct options options;
    struct authority authority;
    struct identity identity;
    struct strv environment; /* for modules */
    char tty[128];
    struct operations operations;
    struct forwarded forwarded;
    struct transaction_request asked;
    struct transaction transaction;
    json_t *prompts, *messages; /* of the operation that runs */
    size_t shown;               /* how many of the messages are on the terminal already */
    bool settled;               /* the account is confirmed, ids and groups are a session's */
    bool opens, sets;           /* what is to be undone: a session, credentials */
    bool opened, set;           /* and whether it worked */
    bool shares_ccache;         /* a module told of a ticket cache that is not this session's alone */
    json_t *failure;            /* the first one; NULL: none */
};

/* ---- records ---- */

static void send_record(const struct worker *worker, json_t *record)
{
    OWNED(memory_free) char *text = record != NULL ? json_dumps(record, JSON_COMPACT) : NULL;
    size_t length = text != NULL ? strlen(text) : 0;

    json_decref(record);
    if (length > 0)
        text[length++] = '\n'; /* the terminator's place: nobody reads it as a string any more */
    for (size_t at = 0; at < length;) {
        ssize_t sent = send(worker->channel, text + at, length - at, MSG_NOSIGNAL);

        if (sent > 0)
            at += (size_t)sent;
        else if (errno != EINTR)
            return; /* who waits for it is gone; what was opened is closed all the same */
    }
}

static json_t *failure_record(const struct error *error)
{
    json_t *failure = json_object();

    (void)json_object_set_new(failure, "step", json_string(step_name(error->step)));
    if (error->pam_code != 0)
        (void)json_object_set_new(failure, "code", json_string(pam_code_name(error->pam_code)));
    (void)json_object_set_new(failure, "class", json_string(error->class == CLASS_USER ? "user" : "node"));
    (void)json_object_set_new(failure, "exit-status", json_integer(error->status));
    (void)json_object_set_new(failure, "message", json_text(error->message));
    if (error->hint[0] != '\0')
        (void)json_object_set_new(failure, "hint", json_text(error->hint));
    return failure;
}

static bool is_expired(enum step step, const struct error *error)
{
    return step == STEP_ACCOUNT && error->pam_code != 0
           && strcmp(pam_code_name(error->pam_code), "PAM_NEW_AUTHTOK_REQD") == 0;
}

/* What a run would have ended with is the first failure. */
static void note_failure(struct worker *worker, const struct error *error)
{
    if (worker->failure == NULL)
        worker->failure = failure_record(error);
}

/* ---- looking on while modules talk ---- */

/* The person who is to answer needs what was said before. */
static void show_messages(struct worker *worker)
{
    for (; worker->shown < json_array_size(worker->messages); worker->shown++)
        log_say_module(json_text_of(json_array_get(worker->messages, worker->shown), "text"));
}

static void make_room_for_question(struct worker *worker)
{
    struct pollfd answer = {.fd = worker->channel, .events = POLLIN};
    json_t *record = json_object();
    char byte;

    (void)json_object_set_new(record, "record", json_string("ask"));
    send_record(worker, record);
    if (poll(&answer, 1, ASK_PATIENCE_MS) == 1)
        (void)!recv(worker->channel, &byte, 1, MSG_DONTWAIT);
    show_messages(worker);
}

static void observe(void *data, const struct conversation_event *event)
{
    struct worker *worker = data;

    if (worker->request->observe != NULL)
        worker->request->observe(worker->request->data, event);
    if (event->moment == CONVERSATION_TOLD)
        (void)json_array_append_new(worker->messages, said_message(event));
    else if (event->moment == CONVERSATION_ASKS)
        make_room_for_question(worker);
    else
        (void)json_array_append_new(worker->prompts, said_prompt(event));
}

/* ---- before the first call ---- */

typedef enum result phase(struct worker *worker, struct error *error);

/* As in a run: a directory of users and groups may not answer. */
static enum result guarded(enum step step, phase *call, struct worker *worker, struct error *error)
{
    enum result done, left;

    guard_enter(step, 0);
    done = call(worker, error);
    left = guard_leave(error);
    return left == OK ? done : left;
}

/* What pamrun does first, with the ids that it would have. */
static enum result find_caller(struct worker *worker, struct error *error)
{
    struct account caller = {0};
    enum result posed;

    if (worker->request->caller == NULL)
        return OK;
    if (account_by_name(&caller, worker->request->caller, error) != OK)
        return FAILED;
    posed = pose_as(&caller, error);
    account_free(&caller);
    return posed;
}

static enum result set_up(struct worker *worker, struct error *error)
{
    const struct trial_request *request = worker->request;
    const struct options *options = request->options;
    const int taken[] = {worker->channel, options->password_fd, options->answers_fd};
    bool has_secret = taken[1] >= 0 || taken[2] >= 0;

    if (!inherited_start(&worker->inherited))
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "/dev/null: %s", strerror(errno));
    (void)terminal_name(worker->tty, sizeof worker->tty);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is the report's: no module prints into it */
    if (inherited_take(&worker->inherited, taken, sizeof taken / sizeof *taken, error) != OK)
        return FAILED;
    guard_name(options->account_name, options->profile != NULL ? options->profile : "-", GRACE_MS);
    if (guard_start(&worker->inherited.ignored, &worker->events, error) != OK
        || guarded(STEP_IDENTITY, find_caller, worker, error) != OK || privilege_start(error) != OK)
        return FAILED;
    return has_secret ? limits_take(&worker->limits, false, error) : OK; /* no core files */
}

static struct facilities facilities_needed(const struct operations *operations)
{
    bool needed[STACK_FACILITIES] = {false};

    for (size_t at = 0; at < operations->count; at++)
        needed[stack_facility_of(operations->list[at].step)] = true;
    return (struct facilities){needed[STACK_AUTH], needed[STACK_ACCOUNT], needed[STACK_SESSION]};
}

/* Who asks for whom, and with which profile; the site policy first, as in a run. An account that nobody resolves is
 * asked of PAM all the same: that PAM knows it is worth knowing. */
static enum result prepare(struct worker *worker, struct error *error)
{
    const struct trial_request *request = worker->request;
    struct options *options = &worker->options;

    *options = *request->options; /* borrowed, but for what the policy adds */
    if (identity_find_applicant(&worker->identity, error) != OK || authority_read(&worker->authority, error) != OK
        || authority_check_options(&worker->authority, options, &worker->identity.applicant, error) != OK
        || identity_resolve(&worker->identity, options, false, error) != OK)
        return FAILED;
    worker->operations = *request->operations;
    if (worker->operations.count == 0)
        operations_of_run(&worker->operations, worker->authority.delegate == NULL);
    return service_check(worker->authority.profile, service_directories, facilities_needed(&worker->operations), error);
}

static bool is_in_job(const struct worker *worker)
{
    const char *profile = worker->authority.profile;
    struct cgroups cgroups = {0};
    struct error unused;
    bool noted = cgroup_note(&cgroups, POLICY_CGROUP_AUTO,
                             policy_list(&worker->authority.policy, POLICY_JOB_CGROUPS, profile)->items, &unused)
                 == OK;
    bool is_job = noted && cgroups.rule == POLICY_CGROUP_KEEP;

    cgroup_free(&cgroups);
    return is_job;
}

static void tell_facts(const struct worker *worker)
{
    const struct account *account = &worker->identity.account;
    json_t *facts = json_object(), *home;
    struct stat status;

    (void)json_object_set_new(facts, "record", json_string("facts"));
    (void)json_object_set_new(facts, "profile", json_text(worker->authority.profile));
    (void)json_object_set_new(facts, "account", json_text(account->name));
    (void)json_object_set_new(facts, "uid", worker->identity.unknown ? json_null() : json_integer(account->uid));
    (void)json_object_set_new(facts, "caller", json_text(worker->identity.applicant.name));
    (void)json_object_set_new(facts, "caller-uid", json_integer(worker->identity.applicant.uid));
    (void)json_object_set_new(facts, "delegate", json_boolean(worker->authority.delegate != NULL));
    (void)json_object_set_new(facts, "in-job", json_boolean(is_in_job(worker)));
    (void)json_object_set_new(facts, "forwarded", json_boolean(worker->forwarded.kind != FORWARDED_NONE));
    home = worker->identity.unknown ? json_null() : json_text(account->home);
    (void)json_object_set_new(facts, "home", home);
    (void)json_object_set_new(facts, "home-exists",
                              json_boolean(!worker->identity.unknown && stat(account->home, &status) == 0));
    send_record(worker, facts);
}

static bool tell_modules(struct worker *worker)
{
    const char *const *given = worker->request->options->pam_environment;
    char uid[24];
    bool told;

    (void)snprintf(uid, sizeof uid, "%ju", (uintmax_t)getuid());
    told = strv_set(&worker->environment, "PAMRUN_CALLER", worker->identity.applicant.name)
           && strv_set(&worker->environment, "PAMRUN_CALLER_UID", uid)
           && strv_set(&worker->environment, "PAMRUN_ACCOUNT", worker->identity.account.name);
    for (; told && given != NULL && *given != NULL; given++)
        told = strv_add(&worker->environment, *given);
    return told;
}

static enum result take_secrets(struct worker *worker, struct error *error)
{
    const struct options *request = worker->request->options;

    worker->forwarded.any_prompt = request->any_prompt;
    worker->forwarded.prompts =
        policy_list(&worker->authority.policy, POLICY_PASSWORD_PROMPTS, worker->authority.profile)->items;
    if (request->password_fd >= 0)
        return forwarded_read(&worker->forwarded, FORWARDED_PASSWORD, request->password_fd, error);
    if (request->answers_fd >= 0)
        return forwarded_read(&worker->forwarded, FORWARDED_ANSWERS, request->answers_fd, error);
    return OK;
}

static bool restore_after_module(const void *inherited, struct error *error, enum step step)
{
    return privilege_restore(error, step) && inherited_restore(inherited, error, step);
}

static enum result start(struct worker *worker, struct error *error)
{
    const struct trial_request *request = worker->request;
    const char *profile = worker->authority.profile;

    worker->asked = (struct transaction_request){
        .service = profile,
        .account = worker->identity.account.name,
        .applicant = worker->identity.applicant.name,
        .tty = worker->tty[0] != '\0' ? worker->tty : NULL,
        .rhost = worker->options.rhost,
        .deadline_ms = worker->options.deadline_ms,
        .forwarded = &worker->forwarded,
        .forward_to_session = worker->options.any_prompt && operations_have(&worker->operations, STEP_OPEN_SESSION),
        .quiet = true, /* that nobody asked for what was forwarded is told as advice */
        .restore = restore_after_module,
        .restore_data = &worker->inherited,
        .observe = observe,
        .observe_data = worker,
    };
    if (!tell_modules(worker))
        return fail_memory(error, STEP_START);
    worker->asked.environment = (const char *const *)strv_items(&worker->environment);
    guard_name(worker->identity.account.name, profile, GRACE_MS);
    if (take_secrets(worker, error) != OK)
        return FAILED;
    tell_facts(worker);
    if (request->start != NULL && request->start(request->data, profile, &worker->asked.profile_directory, error) != OK)
        return FAILED;
    return transaction_start(&worker->transaction, &worker->asked, &worker->events, error);
}

/* ---- operations ---- */

/* The account as it is after the account step, and what the site policy says about it. */
static enum result confirm(struct worker *worker, struct error *error)
{
    struct identity *identity = &worker->identity;

    return identity_confirm(identity, error) == OK
                   && authority_check_account(&worker->authority, &worker->options, identity, error) == OK
               ? OK
               : FAILED;
}

static enum result take_groups(struct worker *worker, struct error *error)
{
    const struct account *account = &worker->identity.account;

    return privilege_take_groups(account, account->gid, NULL, error);
}

/* Between the account step and credentials: a session's process has root's ids and the account's groups. Once. */
static enum result settle(struct worker *worker, struct error *error)
{
    if (worker->settled)
        return OK;
    worker->settled = true;
    if (guarded(STEP_IDENTITY, confirm, worker, error) != OK || privilege_take_session(error) != OK)
        return FAILED;
    return guarded(STEP_GROUPS, take_groups, worker, error);
}

static bool is_before_session(enum step step)
{
    return step == STEP_AUTHENTICATE || step == STEP_ACCOUNT || step == STEP_CHAUTHTOK;
}

/* Undone once, whatever comes: a second close would take what another session has. */
static void note_stage(struct worker *worker, enum step step, int code)
{
    bool *tried = step == STEP_OPEN_SESSION || step == STEP_CLOSE_SESSION ? &worker->opens : &worker->sets;
    bool *worked = step == STEP_OPEN_SESSION || step == STEP_CLOSE_SESSION ? &worker->opened : &worker->set;

    if (is_before_session(step))
        return;
    *tried = step == STEP_OPEN_SESSION || step == STEP_CREDENTIALS;
    *worked = *tried && (code == 0 || *worked);
}

static json_t *operation_record(const struct operation *operation, const char *result)
{
    json_t *record = json_object();

    (void)json_object_set_new(record, "record", json_string("operation"));
    (void)json_object_set_new(record, "operation", json_text(operation->word));
    (void)json_object_set_new(record, "step", json_string(step_name(operation->step)));
    (void)json_object_set_new(record, "result", json_string(result));
    return record;
}

/* Who waits is told what runs, lest it crash. */
static void tell_begin(const struct worker *worker, const struct operation *operation)
{
    json_t *record = operation_record(operation, "begun");

    (void)json_object_set_new(record, "record", json_string("begin"));
    send_record(worker, record);
}

static json_t *finished_record(struct worker *worker, const struct operation *operation, const char *word,
                               const struct error *error, int64_t us)
{
    json_t *record = operation_record(operation, word);
    int code = worker->transaction.last;

    (void)json_object_set_new(record, "code", json_string(pam_code_name(code)));
    (void)json_object_set_new(record, "meaning", json_text(pam_code_meaning(code)));
    (void)json_object_set_new(record, "ms", json_real((double)us / 1000));
    (void)json_object_set_new(record, "prompts", worker->prompts);
    (void)json_object_set_new(record, "messages", worker->messages);
    worker->prompts = worker->messages = NULL;
    if (strcmp(word, "failed") == 0)
        (void)json_object_set_new(record, "failure", failure_record(error));
    return record;
}

static void note_ccache(struct worker *worker, const struct strv *environment)
{
    const char *name = strv_get(environment->items, "KRB5CCNAME");

    worker->shares_ccache =
        worker->shares_ccache || (name != NULL && ccache_is_shared(name, worker->identity.account.uid));
}

/* An expired password ends a run at the account step, unless it is changed next, or the site policy lets it pass. */
static bool expired_is_fine(const struct worker *worker, const struct operation *operation, const struct error *error)
{
    const struct operations *operations = &worker->operations;
    bool is_changed = operation + 1 < operations->list + operations->count && operation[1].step == STEP_CHAUTHTOK;
    bool is_allowed = authority_is_as_root(&worker->authority)
                      && policy_choice(&worker->authority.policy, POLICY_EXPIRED_PASSWORD, worker->authority.profile)
                             == POLICY_EXPIRED_ALLOW;

    return is_expired(operation->step, error) && (is_changed || is_allowed);
}

enum why { ASKED_FOR, CLOSES, CLOSES_WHAT_FAILED };

/* What undoes a step that failed half-way visits the modules up to the failing one, and what libpam makes of it says
 * nothing: it has no verdict. */
static const char *result_word(enum result result, enum why why)
{
    if (why == CLOSES_WHAT_FAILED)
        return "undone";
    return result == OK ? "ok" : "failed";
}

/* One PAM function, and all that can be said about it. */
static enum result call(struct worker *worker, const struct operation *operation, enum why why, struct error *error)
{
    const struct trial_request *request = worker->request;
    OWNED(effects_free) struct effects before = {0}, after = {0};
    enum result result;
    json_t *record;
    int64_t started;

    tell_begin(worker, operation);
    worker->prompts = json_array();
    worker->messages = json_array();
    worker->shown = 0;
    effects_note(&before, transaction_environment(&worker->transaction));
    if (request->before != NULL)
        request->before(request->data, operation);
    started = clock_now_us();
    result = transaction_call(&worker->transaction, operation->step, operation->flags, error);
    started = clock_now_us() - started;
    if (result != OK && expired_is_fine(worker, operation, error))
        result = OK;
    if (result != OK && is_expired(operation->step, error))
        (void)fail_hint(error,
                        "the password of %s has expired: a run on a terminal asks for a new one, and so does the "
                        "operation 'chauthtok(PAM_CHANGE_EXPIRED_AUTHTOK)' behind acct_mgmt",
                        worker->asked.account);
    note_stage(worker, operation->step, worker->transaction.last);
    effects_note(&after, transaction_environment(&worker->transaction));
    note_ccache(worker, &after.environment);
    record = finished_record(worker, operation, result_word(result, why), error, started);
    (void)json_object_set_new(record, "automatic", json_boolean(why != ASKED_FOR));
    (void)json_object_set_new(record, "changes", effects_compare(&before, &after));
    if (request->after != NULL)
        request->after(request->data, operation, record);
    send_record(worker, record);
    return result;
}

static void call_all(struct worker *worker)
{
    struct error error = {0};

    for (size_t at = 0; at < worker->operations.count; at++) {
        const struct operation *operation = &worker->operations.list[at];

        if (worker->failure != NULL) {
            send_record(worker, operation_record(operation, "not-run"));
            continue;
        }
        if (!is_before_session(operation->step) && settle(worker, &error) != OK) {
            note_failure(worker, &error);
            send_record(worker, operation_record(operation, "not-run"));
        } else if (call(worker, operation, ASKED_FOR, &error) != OK) {
            note_failure(worker, &error);
        }
    }
    if (worker->failure == NULL && settle(worker, &error) != OK) /* nothing but authentication was asked for */
        note_failure(worker, &error);
}

static void undo(struct worker *worker, const struct operation *operation, bool worked)
{
    struct error error = {0};

    if (call(worker, operation, worked ? CLOSES : CLOSES_WHAT_FAILED, &error) != OK && worked)
        note_failure(worker, &error);
}

/* The session, then the credentials, as transaction_close() does in a run. */
static void close_all(struct worker *worker)
{
    char *words[] = {(char *)"open_session", (char *)"close_session", (char *)"setcred(PAM_DELETE_CRED|PAM_SILENT)",
                     NULL};
    struct operations operations;
    struct error error = {0};

    guard_start_close();
    if (operations_parse(&operations, words, &error) != OK)
        return;
    if (worker->opens)
        undo(worker, &operations.list[1], worker->opened);
    if (worker->sets)
        undo(worker, &operations.list[2], worker->set);
}

static void tell_end(struct worker *worker)
{
    json_t *end = json_object();

    (void)json_object_set_new(end, "record", json_string("end"));
    (void)json_object_set_new(end, "forwarded-given", json_integer((json_int_t)worker->forwarded.given));
    (void)json_object_set_new(end, "shared-ccache", json_boolean(worker->shares_ccache));
    if (worker->failure != NULL)
        (void)json_object_set_new(end, "failure", worker->failure);
    if (worker->request->end != NULL)
        worker->request->end(worker->request->data, end);
    send_record(worker, end);
}

void worker_run(const struct trial_request *request, int channel)
{
    struct worker worker = {.request = request, .channel = channel, .events = {.fd = -1}};
    struct error error = {0};

    if (set_up(&worker, &error) != OK || guarded(STEP_IDENTITY, prepare, &worker, &error) != OK
        || start(&worker, &error) != OK)
        note_failure(&worker, &error);
    else
        call_all(&worker);
    close_all(&worker);
    forwarded_wipe(&worker.forwarded);
    transaction_close(&worker.transaction);
    tell_end(&worker);
    _exit(0); /* not by exit(3): what modules left for it could hang or crash */
}
