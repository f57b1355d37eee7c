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
 *              delete_cred, pam_end; removes its files; ends with lock and mark still held
 *
 * After each step of modules the keeper looks whether it still has what it holds the session by, held.h. */
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
#include "run/process.h"
#include "run/supervise.h"
#include "share/held.h"
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
    PATIENCE_MS = 30000, /* from SIGTERM on: for the leases to end, and for a module that is interrupted */
    /* For a refresh: longer than libraries have patience with their servers (Kerberos's with each in turn), since a
     * module that does not end then takes the session with it. Without an end the keeper would see no lease end. */
    REFRESH_MS = 300000,
    RETRY_MS = 1000 /* after a lock that was not to be had */
};

struct keeper {
    struct keeper *self; /* for modules' steps, which are given constant data */
    const struct keeper_request *request;
    struct transaction_request asked; /* of PAM, as the opener did, but for what is the opener's */
    int deadline_ms[STEP_COUNT];      /* ... by who opened, but for a refresh */
    struct events events;             /* none: the opener tells */
    struct state state;
    struct watch watch;
    char who[400];   /* 'account="alice" profile=su', for the log */
    char title[200]; /* "session alice (su)", for ps(1) */
    struct held held;
    enum { OPENING, GIVEN_UP, SERVING, CLOSING } phase; /* given up: the opener holds on until we have ended */
    int64_t end_at_ms;                                  /* told to end: no more waiting then; 0: not told */
};

/* ---- what modules say and ask, on its way to the opener ---- */

/* Whose end of the link it is, if it is ours still. */
static struct same_file opener_link = {.fd = -1};

/* As large as all answers are, for who wipes them. Never cut. */
static char *copy_answer(const char *answer)
{
    size_t length = strlen(answer);
    char *copy = length < PAM_MAX_RESP_SIZE ? calloc(1, PAM_MAX_RESP_SIZE) : NULL;

    return copy != NULL ? memcpy(copy, answer, length + 1) : NULL;
}

/* A password that open_session asked for is known to the session's modules, as one of authenticate is. */
static int talk_to_opener(void *data, int style, const char *text, char **response)
{
    struct keeper *keeper = data;
    const struct link *link = &keeper->request->link;
    int code;
    bool asks = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
    struct link_message answer;

    if (!same_file_is(&opener_link) || !link_say(link, asks ? LINK_ASK : LINK_TELL, style, text))
        return asks ? PAM_CONV_ERR : PAM_SUCCESS; /* nobody is there any more */
    if (!asks)
        return PAM_SUCCESS;
    if (!link_hear((struct link *)link, false, &answer) || answer.word != LINK_ANSWER)
        return PAM_CONV_ERR;
    code = answer.number;
    *response = code == PAM_SUCCESS ? copy_answer(answer.more.text) : NULL;
    explicit_bzero(&answer, sizeof answer);
    if (style == PAM_PROMPT_ECHO_OFF && code == PAM_SUCCESS)
        keeper->state.used_password = true;
    return code == PAM_SUCCESS && *response == NULL ? PAM_BUF_ERR : code;
}

/* A module does not end, and we do: async-signal-safe. */
static void tell_forced_end(enum step step, const char *message, int status)
{
    static struct error error; /* too large for the stack of a signal handler's victim */
    struct link link = {.fd = opener_link.fd, .process = -1};

    if (!same_file_is(&opener_link))
        return;
    error = (struct error){.status = status, .class = CLASS_NODE, .step = step};
    (void)strlcpy(error.message, message, sizeof error.message);
    (void)link_fail(&link, &error, false);
}

/* ---- becoming a process of its own ---- */

static bool fail_held(const struct keeper *keeper, const char *what, struct error *error, enum step step)
{
    const struct transaction_request *asked = &keeper->asked;

    (void)fail(error, step, STATUS_SYSTEM,
               "%s for %s (profile %s): a module closed a descriptor that is not its own: %s of the process that keeps "
               "the session",
               step_name(step), asked->account, asked->service, what);
    (void)fail_hint(error, "pamrunctl trace shows the modules of the profile, one by one");
    return false;
}

/* Nobody else has come as yet: the lock is the opener's and ours. */
static bool hold_on_while_opening(struct keeper *keeper, struct error *error, enum step step)
{
    struct error unused;

    if (!same_file_is(&opener_link))
        return fail_held(keeper, "the link", error, step);
    if (!held_has_place(&keeper->held))
        return fail_held(keeper, "the folder or the lock", error, step);
    if (!held_has_mark(&keeper->held) && held_mark(&keeper->held, &unused) != OK)
        return fail_held(keeper, "the mark", error, step);
    return true;
}

static enum result regain(struct keeper *keeper, struct error *error)
{
    return held_regain(&keeper->held, keeper->request->account->uid, keeper->asked.service, error);
}

/* Or another keeper has come: then what is left to be undone is undone all the same. */
static bool hold_on_while_closing(struct keeper *keeper, struct error *error, enum step step)
{
    struct error unused;

    if ((held_has_place(&keeper->held) && held_has_mark(&keeper->held)) || regain(keeper, &unused) == OK)
        return true;
    return fail_held(keeper, "the lock or the mark, and another has come,", error, step);
}

static bool restore_after_module(const void *data, struct error *error, enum step step)
{
    struct keeper *keeper = *(struct keeper *const *)data;

    if (!privilege_restore(error, step) || !inherited_restore(keeper->request->inherited, error, step))
        return false;
    switch (keeper->phase) {
    case OPENING:
        return hold_on_while_opening(keeper, error, step);
    case CLOSING:
        return hold_on_while_closing(keeper, error, step);
    default:
        return true;
    }
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
    (void)same_file_note(&opener_link, request->link.fd);
    (void)link_begin(&request->link);
    request->let_go(request->let_go_data);
    keeper->events = no_events;
    keeper->asked = *request->transaction->request;
    memcpy(keeper->deadline_ms, keeper->asked.deadline_ms, sizeof keeper->deadline_ms);
    keeper->asked.deadline_ms = keeper->deadline_ms;
    keeper->asked.applicant = NULL;
    keeper->asked.tty = NULL;
    keeper->asked.forwarded = NULL;
    keeper->asked.forward_to_session = false;
    keeper->asked.hide_reason = false;
    keeper->asked.verbose = false;
    keeper->asked.show_information = true; /* the opener sees to that */
    keeper->asked.restore = restore_after_module;
    keeper->asked.restore_data = &keeper->self;
    keeper->asked.report = report_close_failure;
    keeper->asked.report_data = keeper;
    if (!keep_strings(keeper))
        return fail_memory(error, STEP_SHARE);
    title_begin(request->argv0, request->inherited->environment);
    if (detach(request->inherited, error) != OK)
        return FAILED;
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

    if (held_mark(&keeper->held, error) != OK)
        return FAILED;
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
        .account = keeper->request->account->name,
        .end_copy = end_copy,
        .end_copy_data = keeper->request->transaction,
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
    if (transaction_credentials(keeper->request->transaction, error) != OK)
        return FAILED;
    step_point_here("keeper-credentials-set");
    (void)link_say(link, LINK_DONE, STEP_CREDENTIALS, "");
    (void)link_say(link, LINK_STEP, STEP_OPEN_SESSION, "");
    if (transaction_open_session(keeper->request->transaction, error) != OK)
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

/* What there was stays when that fails. */
static enum result note_environment(struct keeper *keeper, struct error *error)
{
    char **variables = transaction_environment(keeper->request->transaction);
    OWNED(strv_free) struct strv noted = {0};
    bool complete = variables != NULL;
    struct strv before = keeper->state.environment;

    for (char **entry = variables; entry != NULL && *entry != NULL; entry++) {
        if (!is_told(keeper->asked.environment, *entry))
            complete = complete && strv_add(&noted, *entry);
        free(*entry);
    }
    free(variables);
    if (!complete)
        return fail_memory(error, STEP_SHARE);
    keeper->state.environment = noted;
    noted = before;
    return OK;
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
    if (transaction_adopt(keeper->request->transaction, &keeper->asked, &keeper->events, talk_to_opener, keeper, error)
            != OK
        || run_steps(keeper, error) != OK || note_environment(keeper, error) != OK)
        return FAILED;
    supervise_block_signals();
    if (guard_stop_signal() != 0)
        return guard_fail_stopped(STEP_SHARE, error);
    if (!watch_start(&keeper->watch, keeper->request->place, &told))
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session %s: leases cannot be watched: %s",
                    keeper->request->place->name, strerror(errno));
    if (keeper->watch.changes < 0)
        log_record(LOG_WARNING,
                   "shared session %s: its keeper has to look at the leases each second: inotify: %s "
                   "(fs.inotify.max_user_instances, max_user_watches)",
                   keeper->who, strerror(errno));
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

    if (!held_has_place(&keeper->held) || !held_has_mark(&keeper->held) || keeper->request->reopened > 0)
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

static void unlock(struct keeper *keeper)
{
    place_unlock(keeper->request->place);
    held_note(&keeper->held);
}

/* As if somebody had killed us: to close it is to take it from those who are in it. */
_Noreturn static void leave_open(const struct keeper *keeper, const char *why)
{
    log_record(LOG_ERR,
               "failed: shared session %s: a module closed descriptors of its keeper, which ends: %s; what its modules "
               "hold may remain",
               keeper->who, why);
    process_end(EXIT_FAILURE);
}

/* Others may have come while there was no mark. With the lock, if it was needed. */
static void hold_on_while_serving(struct keeper *keeper)
{
    struct error error;

    if ((!held_has_place(&keeper->held) || !held_has_mark(&keeper->held)) && regain(keeper, &error) != OK)
        leave_open(keeper, error.message);
    if (!watch_is_whole(&keeper->watch) && !watch_restart(&keeper->watch))
        leave_open(keeper, strerror(errno));
}

/* Modules run, and signals come to them as in any step. Of those only SIGTERM asks us to stop, as ever. */
static enum result refresh_credentials(struct keeper *keeper, struct error *error)
{
    enum result done;
    sigset_t ignored;

    sigfillset(&ignored);
    sigdelset(&ignored, SIGTERM);
    keeper->deadline_ms[STEP_CREDENTIALS] = REFRESH_MS;
    detach_protect(false);
    guard_resume(&ignored);
    done = guard_stop_signal() != 0 ? guard_fail_stopped(STEP_CREDENTIALS, error)
                                    : transaction_refresh(keeper->request->transaction, error);
    supervise_block_signals();
    detach_protect(true);
    return done;
}

/* Tickets of long jobs. */
static void refresh(struct keeper *keeper)
{
    struct error error = {0};
    enum result done = refresh_credentials(keeper, &error);
    bool told_to_end = guard_take_stop_signal() != 0;

    hold_on_while_serving(keeper);
    if (done == OK)
        done = note_environment(keeper, &error);
    if (done == OK && !write_environment(keeper))
        done = fail_state(keeper, &error);
    keeper->state.refreshed++;
    (void)strlcpy(keeper->state.last_refresh, done == OK ? "ok" : error.message, sizeof keeper->state.last_refresh);
    log_record(done == OK ? LOG_INFO : LOG_ERR, "shared session %s: credentials %s", keeper->who,
               done == OK ? "refreshed" : error.message);
    (void)!write_state(keeper, keeper->state.word, &error);
    write_status(keeper);
    unlock(keeper);
    if (told_to_end)
        begin_end(keeper);
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

/* Those who told us to end have waited long enough. */
static bool must_close(const struct keeper *keeper)
{
    return keeper->end_at_ms != 0 && clock_now_ms() >= keeper->end_at_ms;
}

static bool is_to_close(const struct keeper *keeper)
{
    return keeper->watch.count == 0 || must_close(keeper);
}

/* Under the lock: is nobody in it, for certain? */
static bool is_empty(struct keeper *keeper)
{
    return watch_scan(&keeper->watch, true) && keeper->watch.count == 0 && !keeper->watch.incomplete;
}

/* Under a lock of a description of our own. false: somebody has come meanwhile, or it could not be had, or nobody can
 * tell who is there. */
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
    held_note(&keeper->held);
    step_point_here("keeper-close-locked");
    if (is_empty(keeper) || must_close(keeper))
        return true;
    unlock(keeper);
    if (is_to_close(keeper))
        wait_for_change(keeper, RETRY_MS);
    return false;
}

static void close_shared(struct keeper *keeper)
{
    const struct place *place = keeper->request->place;
    struct error error;

    (void)!write_state(keeper, STATE_CLOSING, &error);
    keeper->phase = CLOSING;
    step_point_here("keeper-closing");
    detach_protect(false);
    transaction_close(keeper->request->transaction);
    step_point_here("keeper-closed");
    log_record(LOG_INFO, "shared session closed: %s leases=%zu reopened=%u", keeper->who, keeper->watch.count,
               keeper->state.reopened);
    if (!hold_on_while_closing(keeper, &error, STEP_END)) {
        log_record(LOG_ERR, "failed: shared session %s: %s", keeper->who, error.message);
        return;
    }
    place_remove(place, "status");
    place_remove(place, "environment");
    place_remove(place, "state");
    step_point_here("keeper-removed");
}

void keeper_run(const struct keeper_request *request)
{
    struct keeper keeper = {.request = request, .held = {.place = request->place, .mark = -1}, .watch = {.poll = -1}};
    struct error error;

    keeper.self = &keeper;
    request->place->wait_ms = 0; /* the opener's patience */
    name_ourselves(&keeper);
    if (open_shared(&keeper, &error) != OK) {
        bool is_ours = request->transaction->owner == getpid(); /* else the opener ends it */

        keeper.phase = GIVEN_UP;
        if (is_ours)
            transaction_close(request->transaction);
        forget_state(&keeper);
        if (same_file_is(&opener_link))
            (void)link_fail(&request->link, &error, is_ours);
        process_end(EXIT_FAILURE);
    }
    log_record(LOG_INFO, "shared session opened: %s keeper=%d%s", keeper.who, (int)getpid(),
               request->reopened > 0 ? " again: its keeper was killed" : "");
    write_status(&keeper);
    detach_protect(true);
    step_point_here("keeper-open");
    (void)link_say(&request->link, LINK_OPEN, 0, "");
    guard_tell_forced_end(NULL);
    (void)close(request->link.fd);
    opener_link.fd = -1;
    unlock(&keeper);
    keeper.phase = SERVING;
    step_point_here("keeper-serves");
    (void)watch_scan(&keeper.watch, false);
    show_title(&keeper);
    while (!is_to_close(&keeper) || !lock_for_close(&keeper))
        if (!is_to_close(&keeper))
            wait_for_change(&keeper, time_left(&keeper));
    close_shared(&keeper);
    place_unlock(request->place); /* a module's helper may live on with a copy of the lock, which it would hold */
    process_end(EXIT_SUCCESS);    /* the mark goes with us: nobody opens before */
}
