/* Order of operations. A session is opened once, closed once, and never under a living lease, whoever is killed when;
 * each line below was left out once, and broke that within seconds (DESIGN, tests/model).
 *
 *     opener   locks exclusively, looks again, takes its own lease, forks the keeper, waits for its word or its end
 *     keeper   leaves what ends the opener, before setcred: modules look at where they run
 *              marks itself (place.h), writes "opening"
 *              setcred, open_session; what modules say and ask goes to the opener
 *              watches the leases, before it looks at them for the first time
 *              writes "open", by rename; says so; unlocks, after that only
 *     opener   hears that, or that the keeper has ended, and cleans up then; unlocks
 *     joiner   locks shared; "open", and the keeper lives: takes its lease; closes the lock
 *     keeper   no lease left: a new description of the lock, exclusively; looks again; writes "closing"; close_session,
 *              delete_cred, pam_end; removes its files; ends with lock and mark still held */
#include "share/keeper.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/progress.h"
#include "base/step_point.h"
#include "base/text.h"
#include "run/detach.h"
#include "run/limits.h"
#include "run/privilege.h"
#include "run/supervise.h"
#include "share/kill_domain.h"
#include "share/lease.h"
#include "share/link.h"
#include "share/note.h"
#include "share/state.h"
#include "share/title.h"
#include "share/watch.h"

#include <bsd/string.h>
#include <errno.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 30000, /* from SIGTERM on: for the leases to end */
    RETRY_MS = 1000      /* after a lock that was not to be had */
};

struct keeper {
    const struct keeper_request *request;
    struct inherited *inherited;
    struct transaction *transaction;
    struct transaction_request asked; /* of PAM, as the opener did, but for what is the opener's */
    struct events events;             /* none: the opener tells */
    struct state state;
    struct watch watch;
    char who[400];   /* 'account="alice" profile=su', for the log */
    char title[200]; /* "session alice (su)", for ps(1) */
    int mark;
    int64_t end_at_ms; /* told to end: no more waiting then; 0: not told */
};

/* ---- what modules say and ask, on its way to the opener ---- */

static int talk_to_opener(void *data, int style, const char *text, char **response)
{
    struct keeper *keeper = data;
    const struct link *link = &keeper->request->link;
    int code;
    bool asks = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
    struct link_message answer;

    if (!link_say(link, asks ? LINK_ASK : LINK_TELL, style, text))
        return asks ? PAM_CONV_ERR : PAM_SUCCESS; /* nobody is there any more */
    if (!asks)
        return PAM_SUCCESS;
    if (!link_hear((struct link *)link, false, &answer) || answer.word != LINK_ANSWER)
        return PAM_CONV_ERR;
    code = answer.number;
    *response = code == PAM_SUCCESS ? strdup(answer.more.text) : NULL;
    explicit_bzero(&answer, sizeof answer);
    return code == PAM_SUCCESS && *response == NULL ? PAM_BUF_ERR : code;
}

/* A module does not end, and we do: async-signal-safe. */
static const struct link *forced_link;

static void tell_forced_end(enum step step, const char *message, int status)
{
    static struct error error; /* too large for the stack of a signal handler's victim */

    error = (struct error){.status = status, .class = CLASS_NODE, .step = step};
    (void)strlcpy(error.message, message, sizeof error.message);
    (void)link_fail(forced_link, &error, false);
}

/* ---- becoming a process of its own ---- */

static bool restore_after_module(const void *inherited, struct error *error, enum step step)
{
    return privilege_restore(error, step) && inherited_restore(inherited, error, step);
}

/* Nobody looks at us but the administrator. */
static void report_close_failure(void *data, const struct error *error)
{
    const struct keeper *keeper = data;
    char reason[600];

    (void)text_quoted(reason, sizeof reason, error->message);
    log_record(LOG_ERR, "failed: shared session %s step=%s reason=%s", keeper->who, step_name(error->step), reason);
}

static void name_ourselves(struct keeper *keeper)
{
    const struct keeper_request *request = keeper->request;
    char account[160], profile[160];

    (void)text_quoted(account, sizeof account, request->account->name);
    (void)text_quoted(profile, sizeof profile, request->transaction->request->service);
    (void)snprintf(keeper->who, sizeof keeper->who, "account=%s profile=%s", account, profile);
    (void)snprintf(keeper->title, sizeof keeper->title, "session %s (%s)", request->account->name,
                   request->transaction->request->service);
}

static void show_title(const struct keeper *keeper)
{
    if (keeper->watch.count == 1)
        title_set("pamrun: %s, 1 lease", keeper->title);
    else
        title_set("pamrun: %s, %zu leases", keeper->title, keeper->watch.count);
}

/* What was borrowed from main's arguments, where the title is going to be. */
static bool keep_strings(struct keeper *keeper)
{
    struct transaction_request *asked = &keeper->asked;

    asked->service = strdup(asked->service);
    asked->account = strdup(asked->account);
    return asked->service != NULL && asked->account != NULL;
}

/* The opener's unit or job may end now. Where that cannot be, the session ends with it; who cares reads the log. */
static void leave_kill_domain(const struct keeper *keeper)
{
    char where[600], place[600];

    switch (kill_domain_leave(keeper->request->place->name, where, sizeof where)) {
    case KILL_DOMAIN_STAYED:
        (void)text_quoted(place, sizeof place, where);
        log_record(LOG_WARNING, "shared session %s: its keeper ends with the control group of who opened it: %s",
                   keeper->who, place);
        break;
    case KILL_DOMAIN_SCOPE:
    case KILL_DOMAIN_CGROUP:
        (void)text_quoted(place, sizeof place, where);
        log_record(LOG_INFO, "shared session %s: its keeper is in %s", keeper->who, place);
        break;
    case KILL_DOMAIN_NONE:
        break;
    }
}

static enum result become_keeper(struct keeper *keeper, struct error *error)
{
    static const struct events no_events = {.fd = -1};
    const struct keeper_request *request = keeper->request;
    sigset_t none;

    sigemptyset(&none);
    guard_listen(NULL, NULL);
    progress_close();
    (void)close(request->opener_link);
    (void)link_begin(&request->link);
    request->let_go(request->let_go_data);
    keeper->events = no_events;
    keeper->asked = *request->transaction->request;
    keeper->asked.applicant = NULL;
    keeper->asked.tty = NULL;
    keeper->asked.forwarded = NULL;
    keeper->asked.forward_to_session = false;
    keeper->asked.hide_reason = false;
    keeper->asked.verbose = false;
    keeper->asked.show_information = true; /* the opener sees to that */
    keeper->asked.restore = restore_after_module;
    keeper->asked.restore_data = keeper->inherited;
    keeper->asked.report = report_close_failure;
    keeper->asked.report_data = keeper;
    if (!keep_strings(keeper))
        return fail_memory(error, STEP_SHARE);
    title_begin(request->argv0, keeper->inherited->environment);
    if (detach(keeper->inherited, error) != OK)
        return FAILED;
    forced_link = &request->link;
    guard_tell_forced_end(tell_forced_end);
    guard_name(keeper->asked.account, keeper->asked.service, PATIENCE_MS);
    if (guard_start(&none, &keeper->events, error) != OK)
        return FAILED;
    leave_kill_domain(keeper);
    return OK;
}

/* ---- opening ---- */

static enum result fail_state(const struct keeper *keeper, struct error *error)
{
    return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session %s: %s/%s cannot be written: %s",
                keeper->request->place->name, SHARE_ROOT, keeper->request->place->name, strerror(errno));
}

static enum result write_state(struct keeper *keeper, enum state_word word, struct error *error)
{
    keeper->state.word = word;
    return state_write(&keeper->state, keeper->request->place) ? OK : fail_state(keeper, error);
}

static enum result begin_state(struct keeper *keeper, struct error *error)
{
    const struct keeper_request *request = keeper->request;
    struct state *state = &keeper->state;

    keeper->mark = place_mark_keeper(request->place);
    if (keeper->mark < 0)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session %s: another keeper lives",
                    request->place->name);
    state->keeper = getpid();
    state_boot_id(state->boot, sizeof state->boot);
    state->since = (int64_t)time(NULL);
    (void)strlcpy(state->account, request->account->name, sizeof state->account);
    state->used_password = request->used_password;
    state->reopened = request->reopened;
    return write_state(keeper, STATE_OPENING, error);
}

static void end_copy(void *transaction)
{
    transaction_end_copy(transaction);
}

/* What modules changed in us, for those who join. */
static enum result note_changes(struct keeper *keeper, struct notes *notes, struct error *error)
{
    const struct measured_command command = {
        .uid = keeper->request->account->uid,
        .gid = keeper->request->account->gid,
        .end_copy = end_copy,
        .end_copy_data = keeper->transaction,
        .timeout_ms = PATIENCE_MS,
    };
    struct context context = {.has_umask = false};
    enum result noted = notes_compare(notes, &command, &context, error);

    if (noted == OK) {
        keeper->state.context = context_format(&context);
        noted = keeper->state.context != NULL ? OK : fail_memory(error, STEP_SHARE);
    }
    context_free(&context);
    return noted;
}

static enum result run_steps(struct keeper *keeper, struct error *error)
{
    OWNED(notes_free) struct notes notes = {.group_count = 0};
    const struct link *link = &keeper->request->link;

    if (notes_take(&notes, keeper->request->own_groups, error) != OK)
        return FAILED;
    (void)link_say(link, LINK_STEP, STEP_CREDENTIALS, "");
    if (transaction_credentials(keeper->transaction, error) != OK)
        return FAILED;
    step_point_here("keeper-credentials-set");
    (void)link_say(link, LINK_DONE, STEP_CREDENTIALS, "");
    (void)link_say(link, LINK_STEP, STEP_OPEN_SESSION, "");
    if (transaction_open_session(keeper->transaction, error) != OK)
        return FAILED;
    step_point_here("keeper-session-opened");
    (void)link_say(link, LINK_DONE, STEP_OPEN_SESSION, "");
    if (note_changes(keeper, &notes, error) != OK)
        return FAILED;
    limits_raise_descriptors();
    return OK;
}

/* The account's own copy, NUL-separated. Nobody but the account ever relies on it. */
static bool write_environment(const struct keeper *keeper)
{
    const struct strv *variables = &keeper->state.environment;
    OWNED(memory_free) char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (out == NULL)
        return false;
    for (size_t at = 0; at < variables->count; at++)
        (void)fwrite(variables->items[at], 1, strlen(variables->items[at]) + 1, out);
    return fclose(out) == 0
           && place_write(keeper->request->place, "environment", text, length, keeper->request->account->uid);
}

/* What the opener told the modules is not for others. */
static bool is_told(const char *const *told, const char *entry)
{
    for (; told != NULL && *told != NULL; told++)
        if (strcmp(*told, entry) == 0)
            return true;
    return false;
}

static enum result note_environment(struct keeper *keeper, struct error *error)
{
    char **variables = transaction_environment(keeper->transaction);
    bool noted = variables != NULL;

    for (char **entry = variables; entry != NULL && *entry != NULL; entry++) {
        if (!is_told(keeper->asked.environment, *entry))
            noted = noted && strv_add(&keeper->state.environment, *entry);
        free(*entry);
    }
    free(variables);
    return noted ? OK : fail_memory(error, STEP_SHARE);
}

static enum result open_shared(struct keeper *keeper, struct error *error)
{
    sigset_t told;

    sigemptyset(&told);
    sigaddset(&told, SIGTERM);
    sigaddset(&told, SIGUSR1);
    step_point_here("keeper-began");
    if (become_keeper(keeper, error) != OK || begin_state(keeper, error) != OK)
        return FAILED;
    step_point_here("keeper-opening");
    if (transaction_adopt(keeper->transaction, &keeper->asked, &keeper->events, talk_to_opener, keeper, error) != OK
        || run_steps(keeper, error) != OK || note_environment(keeper, error) != OK)
        return FAILED;
    supervise_block_signals();
    if (guard_stop_signal() != 0)
        return guard_fail_stopped(STEP_SHARE, error);
    if (!watch_start(&keeper->watch, keeper->request->place, &told))
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session %s: leases cannot be watched: %s",
                    keeper->request->place->name, strerror(errno));
    step_point_here("keeper-watching");
    if (!write_environment(keeper))
        return fail_state(keeper, error);
    return write_state(keeper, STATE_OPEN, error);
}

/* What could not be opened leaves nothing, also where its opener was killed. A session that was lost before stays known
 * as that: there are others in it, and the opener says what it was. */
static void forget_state(const struct keeper *keeper)
{
    const struct place *place = keeper->request->place;

    if (keeper->mark < 0 || keeper->request->reopened > 0)
        return;
    place_remove(place, "environment");
    place_remove(place, "state");
}

/* ---- while it is open ---- */

/* What the account may know. It is written when somebody may want to know, not for every lease. */
static void write_status(const struct keeper *keeper)
{
    const struct state *state = &keeper->state;
    char text[600];
    int length = snprintf(text, sizeof text, "account %s\nstate %s\nkeeper %d\nsince %jd\nreopened %u\nrefreshed %u\n",
                          state->account, state_word_name(state->word), (int)state->keeper, (intmax_t)state->since,
                          state->reopened, state->refreshed);

    (void)place_write(keeper->request->place, "status", text, (size_t)length, keeper->request->account->uid);
}

/* Told to end: nobody joins any more. */
static void begin_end(struct keeper *keeper)
{
    struct error error;

    if (keeper->end_at_ms != 0) {
        keeper->end_at_ms = clock_now_ms(); /* told again: at once */
        return;
    }
    keeper->end_at_ms = clock_now_ms() + PATIENCE_MS;
    log_record(LOG_NOTICE, "shared session %s: told to end, %zu leases", keeper->who, keeper->watch.count);
    (void)!write_state(keeper, STATE_CLOSING, &error);
    write_status(keeper);
}

/* Tickets of long jobs. Modules run, and signals are let through to them. */
static void refresh(struct keeper *keeper)
{
    struct error error = {0};
    enum result done = transaction_refresh(keeper->transaction, &error);

    supervise_block_signals();
    keeper->state.refreshed++;
    (void)strlcpy(keeper->state.last_refresh, done == OK ? "ok" : error.message, sizeof keeper->state.last_refresh);
    log_record(done == OK ? LOG_INFO : LOG_ERR, "shared session %s: credentials %s", keeper->who,
               done == OK ? "refreshed" : error.message);
    (void)!write_state(keeper, keeper->state.word, &error);
    write_status(keeper);
}

/* timeout_ms: -1 for ever. */
static void wait_for_change(struct keeper *keeper, int timeout_ms)
{
    switch (watch_wait(&keeper->watch, timeout_ms)) {
    case SIGTERM:
        begin_end(keeper);
        break;
    case SIGUSR1:
        refresh(keeper);
        break;
    default:
        break;
    }
    show_title(keeper);
}

/* Until those who told us to end have waited long enough. */
static int time_left(const struct keeper *keeper)
{
    int64_t left = keeper->end_at_ms - clock_now_ms();

    if (keeper->end_at_ms == 0)
        return -1;
    return left > 0 ? (int)left : 0;
}

static bool is_to_close(const struct keeper *keeper)
{
    return keeper->watch.count == 0 || (keeper->end_at_ms != 0 && clock_now_ms() >= keeper->end_at_ms);
}

/* Under a lock of a description of our own. false: somebody has come meanwhile, or it could not be had. */
static bool lock_for_close(struct keeper *keeper)
{
    struct place *place = keeper->request->place;
    struct error error;

    place->lock = -1;
    if (place_lock(place, LOCK_EX, &error) != OK) {
        place_unlock(place);
        log_record(LOG_WARNING, "shared session %s: %s", keeper->who, error.message);
        wait_for_change(keeper, RETRY_MS);
        return false;
    }
    step_point_here("keeper-close-locked");
    if (watch_scan(&keeper->watch, true) && is_to_close(keeper))
        return true;
    place_unlock(place);
    return false;
}

static void close_shared(struct keeper *keeper)
{
    const struct place *place = keeper->request->place;
    struct error error;

    (void)!write_state(keeper, STATE_CLOSING, &error);
    step_point_here("keeper-closing");
    transaction_close(keeper->transaction);
    step_point_here("keeper-closed");
    log_record(LOG_INFO, "shared session closed: %s leases=%zu reopened=%u", keeper->who, keeper->watch.count,
               keeper->state.reopened);
    place_remove(place, "status");
    place_remove(place, "environment");
    place_remove(place, "state");
    step_point_here("keeper-removed");
}

void keeper_run(const struct keeper_request *request)
{
    struct keeper keeper = {.request = request,
                            .inherited = request->inherited,
                            .transaction = request->transaction,
                            .mark = -1,
                            .watch = {.poll = -1}};
    struct error error;

    name_ourselves(&keeper);
    if (open_shared(&keeper, &error) != OK) {
        bool is_ours = keeper.transaction->owner == getpid(); /* else the opener ends it */

        if (is_ours)
            transaction_close(keeper.transaction);
        forget_state(&keeper);
        (void)link_fail(&request->link, &error, is_ours);
        process_end(EXIT_FAILURE);
    }
    log_record(LOG_INFO, "shared session opened: %s keeper=%d%s", keeper.who, (int)getpid(),
               request->reopened > 0 ? " again: its keeper was killed" : "");
    write_status(&keeper);
    step_point_here("keeper-open");
    (void)link_say(&request->link, LINK_OPEN, 0, "");
    guard_tell_forced_end(NULL);
    (void)close(request->link.fd);
    place_unlock(request->place);
    step_point_here("keeper-serves");
    (void)watch_scan(&keeper.watch, false);
    show_title(&keeper);
    while (!is_to_close(&keeper) || !lock_for_close(&keeper))
        if (!is_to_close(&keeper))
            wait_for_change(&keeper, time_left(&keeper));
    close_shared(&keeper);
    process_end(EXIT_SUCCESS); /* what is open is closed with us: lock and mark, in this moment */
}
