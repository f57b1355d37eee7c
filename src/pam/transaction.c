#include "pam/transaction.h"

#include "base/guard.h"
#include "base/log.h"
#include "base/step_point.h"
#include "pam/codes.h"
#include "pam/libpam.h"
#include "pam/modules.h"
#include "pam/profile_reads.h"
#include "pam/service.h"
#include "pam/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int pam_step(pam_handle_t *handle, int flags);
typedef void delay_function(int code, unsigned int microseconds, void *data);

/* Unknown name, wrong password, locked account, account that no server answers for: one and the same to an applicant
 * who has not shown yet who he is. What fails for everybody alike stays what it is. */
static int code_for_applicant(const struct transaction *t, enum step step, int code)
{
    if (!t->request->hide_reason || step != STEP_AUTHENTICATE)
        return code;
    switch (code) {
    case PAM_SUCCESS:
    case PAM_OPEN_ERR:
    case PAM_SYMBOL_ERR:
    case PAM_MODULE_UNKNOWN:
    case PAM_BUF_ERR:
    case PAM_ABORT:
    case PAM_CONV_ERR:
        return code;
    default:
        return PAM_AUTH_ERR;
    }
}

enum result transaction_hint_unanswered(const struct transaction *t, struct error *error)
{
    const struct conversation *conversation = &t->conversation;

    if (conversation->unanswered[0] == '\0')
        return FAILED;
    return fail_hint(error, "a module asked '%s': %s", conversation->unanswered, conversation->why);
}

static enum result fail_pam(struct transaction *t, enum step step, int real_code, struct error *error)
{
    const struct transaction_request *request = t->request;
    int code = code_for_applicant(t, step, real_code);

    (void)fail(error, step, pam_code_status(step, code), "%s for %s (profile %s): %s (%s)", step_name(step),
               request->account, request->service, libpam.strerror(t->handle, code), pam_code_name(code));
    error->class = pam_code_class(step, code);
    error->pam_code = code;
    error->logged_code = real_code;
    if (t->conversation.unanswered[0] != '\0')
        return transaction_hint_unanswered(t, error);
    if (step == STEP_START)
        return fail_hint(error,
                         "syslog names the line; libpam reads the profile 'other' too, and that may be the broken one");
    switch (code) {
    case PAM_MODULE_UNKNOWN:
    case PAM_OPEN_ERR:
    case PAM_SYMBOL_ERR:
        return fail_hint(error, "a module of the profile cannot be loaded; syslog names it, or see /etc/pam.d/%s",
                         request->service);
    case PAM_NEW_AUTHTOK_REQD:
        return fail_hint(error, "the password of %s has expired and there is no terminal to change it on",
                         request->account);
    case PAM_AUTH_ERR:
    case PAM_ACCT_EXPIRED:
        if (step != STEP_ACCOUNT)
            return FAILED;
        if (access("/etc/nologin", F_OK) == 0 || access("/run/nologin", F_OK) == 0)
            return fail_hint(error, "/etc/nologin or /run/nologin is there: this machine is closed for users");
        return fail_hint(error, "chage -l %s shows the dates of a local account; modules say more in syslog",
                         request->account);
    case PAM_PERM_DENIED:
        if (step == STEP_CREDENTIALS)
            return fail_hint(error,
                             "no auth module of the profile sets credentials: add 'auth required pam_permit.so'");
        return step == STEP_ACCOUNT ? fail_hint(error, "a module refused (pam_access, pam_time, pam_sss, ...); it says "
                                                       "more in syslog")
                                    : FAILED;
    case PAM_AUTHINFO_UNAVAIL:
    case PAM_CRED_UNAVAIL:
    case PAM_TRY_AGAIN:
        return fail_hint(error, "a module does not reach what it asks (sssd, LDAP, Kerberos, ...); it says more in "
                                "syslog");
    case PAM_SYSTEM_ERR:
    case PAM_SERVICE_ERR:
    case PAM_SESSION_ERR:
    case PAM_CRED_ERR:
        return fail_hint(error, "a module of /etc/pam.d/%s failed; it says more in syslog", request->service);
    default:
        return FAILED;
    }
}

static void tell_step(const struct transaction *t, enum step step, int code)
{
    if (t->request->verbose)
        log_say("%s: %s (profile %s, account %s)", step_name(step),
                code == PAM_SUCCESS ? "ok" : pam_code_name(code_for_applicant(t, step, code)), t->request->service,
                t->request->account);
}

/* Call one PAM function under guard. A step that was told to stop, or came too late, has failed, whatever it says. */
static enum result run_step(struct transaction *t, enum step step, pam_step *call, int flags, struct error *error)
{
    enum result guarded;
    int code;

    t->conversation.unanswered[0] = '\0';
    /* What modules tell meanwhile is about the account: locked, expired, how often tried. */
    t->conversation.show_information =
        t->request->show_information && !(t->request->hide_reason && step == STEP_AUTHENTICATE);
    guard_enter(step, t->request->deadline_ms[step]);
    code = call(t->handle, flags);
    guarded = guard_leave(error);
    t->last = code;
    if (!t->request->restore(t->request->restore_data, error, step))
        return FAILED;
    if (guarded != OK)
        return FAILED;
    tell_step(t, step, code);
    return code == PAM_SUCCESS ? OK : fail_pam(t, step, code, error);
}

/* A module may rename the user (PAM_USER); becoming somebody else than was asked for is refused. */
static enum result check_user(struct transaction *t, enum step step, struct error *error)
{
    const void *user = NULL;

    if (libpam.get_item(t->handle, PAM_USER, &user) == PAM_SUCCESS && user != NULL
        && strcmp(user, t->request->account) == 0)
        return OK;
    return fail(error, step, STATUS_REFUSED, "%s for %s (profile %s): a module changed the user to '%s'",
                step_name(step), t->request->account, t->request->service, user != NULL ? (const char *)user : "");
}

static int set_items(struct transaction *t)
{
    const struct transaction_request *request = t->request;
    int code = libpam.set_item(t->handle, PAM_RUSER, request->applicant);
    const void *delay;

    memcpy(&delay, &(delay_function *){guard_fail_delay}, sizeof delay); /* ISO C knows no conversion, dlsym(3) */
    if (code == PAM_SUCCESS)
        code = libpam.set_item(t->handle, PAM_FAIL_DELAY, delay);
    if (code == PAM_SUCCESS && request->tty != NULL)
        code = libpam.set_item(t->handle, PAM_TTY, request->tty);
    if (code == PAM_SUCCESS && request->rhost != NULL)
        code = libpam.set_item(t->handle, PAM_RHOST, request->rhost);
    for (const char *const *entry = request->environment; code == PAM_SUCCESS && entry != NULL && *entry != NULL;
         entry++)
        code = libpam.putenv(t->handle, *entry);
    return code;
}

enum result transaction_start(struct transaction *transaction, const struct transaction_request *request,
                              struct events *events, struct error *error)
{
    struct pam_conv conversation = {conversation_talk, &transaction->conversation};
    const char *const own[] = {request->profile_directory, NULL};
    struct error unread;
    enum result guarded, profile_read;
    int code;

    *transaction = (struct transaction){.request = request, .events = events, .owner = getpid()};
    transaction->conversation.forwarded = request->forwarded;
    transaction->conversation.observe = request->observe;
    transaction->conversation.observe_data = request->observe_data;
    if (libpam_load(error) != OK)
        return FAILED;
    guard_enter(STEP_START, 0); /* modules are loaded, and code of theirs runs */
    profile_reads_begin(request->service, request->profile_directory == NULL ? service_directories : own);
    code = request->profile_directory == NULL
               ? libpam.start(request->service, request->account, &conversation, &transaction->handle)
               : libpam.start_confdir(request->service, request->account, &conversation, request->profile_directory,
                                      &transaction->handle);
    profile_read = profile_reads_end(code == PAM_SUCCESS, &unread);
    guarded = guard_leave(error);
    if (code == PAM_SUCCESS) {
        transaction->stage = STAGE_STARTED;
        modules_pin();
        code = set_items(transaction);
    }
    transaction->last = code;
    if (guarded != OK)
        return FAILED;
    if (profile_read != OK) {
        *error = unread;
        return FAILED;
    }
    return code == PAM_SUCCESS ? OK : fail_pam(transaction, STEP_START, code, error);
}

enum result transaction_finish_forwarded(const struct transaction_request *request, enum step step, struct error *error)
{
    struct forwarded *forwarded = request->forwarded;

    if (forwarded == NULL || forwarded->kind == FORWARDED_NONE)
        return OK;
    forwarded_wipe(forwarded);
    if (forwarded->given > 0 || (request->quiet && !request->require_forwarded))
        return OK;
    (void)fail(error, step, STATUS_REFUSED, "%s for %s (profile %s): no module asked for what was forwarded",
               step_name(step), request->account, request->service);
    (void)fail_hint(error, "an auth line before the one that wants a password is sufficient (pam_rootok.so?); modules "
                           "such as pam_mount and pam_krb5 have no password then");
    if (request->require_forwarded)
        return FAILED;
    log_say("%s", error->message);
    log_hint(error->hint);
    return OK;
}

enum result transaction_authenticate(struct transaction *t, struct error *error)
{
    const struct forwarded *forwarded = t->request->forwarded;
    enum result result;

    t->conversation.forwards = forwarded != NULL && forwarded->kind != FORWARDED_NONE;
    result = run_step(t, STEP_AUTHENTICATE, libpam.authenticate, 0, error);
    t->conversation.forwards = false;
    if (result == OK && !t->request->forward_to_session)
        result = transaction_finish_forwarded(t->request, STEP_AUTHENTICATE, error);
    if (result != OK || check_user(t, STEP_AUTHENTICATE, error) != OK)
        return FAILED;
    t->stage = STAGE_AUTHENTICATED;
    EVENT(t->events, "authenticated", TEXT_FIELD("account", t->request->account),
          TEXT_FIELD("profile", t->request->service));
    return OK;
}

enum result transaction_account(struct transaction *t, struct error *error)
{
    enum result valid = run_step(t, STEP_ACCOUNT, libpam.acct_mgmt, 0, error);

    if (valid != OK && error->pam_code == PAM_NEW_AUTHTOK_REQD && terminal_is_there())
        valid = run_step(t, STEP_CHAUTHTOK, libpam.chauthtok, PAM_CHANGE_EXPIRED_AUTHTOK, error);
    else if (valid != OK && error->pam_code == PAM_NEW_AUTHTOK_REQD && t->request->allow_expired_password)
        valid = OK;
    if (valid != OK || check_user(t, STEP_ACCOUNT, error) != OK)
        return FAILED;
    t->stage = STAGE_ACCOUNT_VALID;
    EVENT(t->events, "account", TEXT_FIELD("account", t->request->account), TEXT_FIELD("profile", t->request->service));
    return OK;
}

enum result transaction_credentials(struct transaction *t, struct error *error)
{
    enum result set;

    t->stage = STAGE_CREDENTIALS_TRIED;
    set = run_step(t, STEP_CREDENTIALS, libpam.setcred, PAM_ESTABLISH_CRED, error);
    if (t->last == PAM_SUCCESS) /* also when it came too late */
        t->stage = STAGE_CREDENTIALS_SET;
    if (set != OK || check_user(t, STEP_CREDENTIALS, error) != OK)
        return FAILED;
    EVENT(t->events, "credentials", TEXT_FIELD("account", t->request->account),
          TEXT_FIELD("profile", t->request->service));
    return OK;
}

enum result transaction_open_session(struct transaction *t, struct error *error)
{
    enum result opened;

    t->stage = STAGE_SESSION_TRIED;
    t->conversation.forwards = t->request->forward_to_session;
    opened = run_step(t, STEP_OPEN_SESSION, libpam.open_session, 0, error);
    t->conversation.forwards = false;
    if (t->last == PAM_SUCCESS) /* also when it came too late: it is to be closed, and that to be told */
        t->stage = STAGE_SESSION_OPEN;
    if (opened == OK && t->request->forward_to_session)
        opened = transaction_finish_forwarded(t->request, STEP_OPEN_SESSION, error);
    if (opened != OK || check_user(t, STEP_OPEN_SESSION, error) != OK)
        return FAILED;
    EVENT(t->events, "session-opened", TEXT_FIELD("account", t->request->account),
          TEXT_FIELD("profile", t->request->service));
    return OK;
}

enum result transaction_refresh(struct transaction *t, struct error *error)
{
    return run_step(t, STEP_CREDENTIALS, libpam.setcred, PAM_REFRESH_CRED, error);
}

/* ---- the same in two processes ---- */

enum result transaction_adopt(struct transaction *t, const struct transaction_request *request, struct events *events,
                              conversation_elsewhere *elsewhere, void *data, struct error *error)
{
    int code = libpam.set_item(t->handle, PAM_TTY, NULL);

    t->request = request;
    t->events = events;
    t->owner = getpid();
    t->conversation = (struct conversation){.elsewhere = elsewhere, .elsewhere_data = data};
    return code == PAM_SUCCESS ? OK : fail_pam(t, STEP_START, code, error);
}

int transaction_converse(struct transaction *t, enum step step, int style, const char *text, int patience_ms,
                         char **response)
{
    int code;

    t->conversation.show_information = t->request->show_information;
    t->conversation.forwards = step == STEP_OPEN_SESSION && t->request->forward_to_session;
    t->conversation.patience_ms = patience_ms;
    code = conversation_say(&t->conversation, style, text, response);
    t->conversation.forwards = false;
    return code;
}

enum result transaction_worked_elsewhere(struct transaction *t, enum step step, struct error *error)
{
    tell_step(t, step, PAM_SUCCESS);
    if (step == STEP_OPEN_SESSION && t->request->forward_to_session)
        return transaction_finish_forwarded(t->request, step, error);
    return OK;
}

static pam_step *function_of(enum step step)
{
    switch (step) {
    case STEP_AUTHENTICATE:
        return libpam.authenticate;
    case STEP_ACCOUNT:
        return libpam.acct_mgmt;
    case STEP_CHAUTHTOK:
        return libpam.chauthtok;
    case STEP_CREDENTIALS:
    case STEP_DELETE_CREDENTIALS:
        return libpam.setcred;
    case STEP_OPEN_SESSION:
        return libpam.open_session;
    case STEP_CLOSE_SESSION:
        return libpam.close_session;
    default:
        return NULL;
    }
}

enum result transaction_call(struct transaction *t, enum step step, int flags, struct error *error)
{
    const struct forwarded *forwarded = t->request->forwarded;
    bool is_last = step == (t->request->forward_to_session ? STEP_OPEN_SESSION : STEP_AUTHENTICATE);
    enum result result;

    t->conversation.forwards = forwarded != NULL && forwarded->kind != FORWARDED_NONE
                               && (step == STEP_AUTHENTICATE || (is_last && t->request->forward_to_session));
    result = run_step(t, step, function_of(step), flags, error);
    t->conversation.forwards = false;
    if (result == OK && is_last)
        result = transaction_finish_forwarded(t->request, step, error);
    return result == OK ? check_user(t, step, error) : FAILED;
}

char **transaction_environment(struct transaction *transaction)
{
    return libpam.getenvlist(transaction->handle);
}

enum result transaction_end(struct transaction *transaction, struct error *error)
{
    enum result guarded;

    if (transaction->handle == NULL)
        return OK;
    guard_enter(STEP_END, 0);
    (void)libpam.end(transaction->handle, transaction->last);
    guarded = guard_leave(error);
    *transaction = (struct transaction){0};
    return guarded;
}

void transaction_end_copy(struct transaction *transaction)
{
    if (transaction->handle != NULL)
        (void)libpam.end(transaction->handle, PAM_SUCCESS | PAM_DATA_SILENT);
    *transaction = (struct transaction){0};
}

/* A close that fails is reported; it must not hide how the command ended. What undoes a step that failed half-way
 * visits the modules up to the failing one, and what libpam makes of it says nothing. */
static bool undo_step(struct transaction *t, enum step step, pam_step *call, int flags, bool worked)
{
    struct error error;

    if (run_step(t, step, call, flags, &error) == OK)
        return true;
    if (!worked)
        return false;
    error.class = CLASS_NODE; /* it is this node that keeps what should be gone */
    error.status = 0;
    t->request->report(t->request->report_data, &error);
    return false;
}

static void undo(struct transaction *t)
{
    bool opened = t->stage == STAGE_SESSION_OPEN;
    int last = t->last; /* what failed first is what modules are told in the end */

    if (t->stage >= STAGE_SESSION_TRIED && undo_step(t, STEP_CLOSE_SESSION, libpam.close_session, 0, opened) && opened)
        EVENT(t->events, "session-closed", TEXT_FIELD("account", t->request->account),
              TEXT_FIELD("profile", t->request->service));
    if (t->stage >= STAGE_CREDENTIALS_TRIED)
        (void)undo_step(t, STEP_DELETE_CREDENTIALS, libpam.setcred, PAM_DELETE_CRED | PAM_SILENT,
                        t->stage >= STAGE_CREDENTIALS_SET);
    t->last = last;
}

void transaction_tell_left_open(struct transaction *transaction)
{
    if (transaction->stage == STAGE_SESSION_OPEN)
        EVENT(transaction->events, "session-left-open", TEXT_FIELD("account", transaction->request->account),
              TEXT_FIELD("profile", transaction->request->service));
}

void transaction_close(struct transaction *transaction)
{
    struct transaction *t = transaction;
    struct error error;

    if (t->handle == NULL)
        return;
    if (getpid() != t->owner) {
        transaction_end_copy(t);
        return;
    }
    guard_start_close();
    step_point("closing");
    if (t->leave_open)
        transaction_tell_left_open(t);
    else
        undo(t);
    step_point("undone");
    guard_enter(STEP_END, 0); /* modules' cleanup functions run */
    /* Silent: a plain pam_end(3) makes pam_krb5(8) destroy the ticket cache that is to stay. */
    (void)libpam.end(t->handle, t->leave_open ? PAM_SUCCESS | PAM_DATA_SILENT : t->last);
    (void)!guard_leave(&error);
    *t = (struct transaction){0};
}
