/* transaction.h - one PAM transaction, pam(3): the only caller of pam_start .. pam_end.
 *
 * A handle is this process's memory: the process that opened a session is the only one that can close it, and a
 * second close would take another session's volume or ticket away. The stage says what is to be undone; there is one
 * way out, transaction_close(). A forked copy ends its copy of the handle with transaction_end_copy(). */
#pragma once

#include "base/error.h"
#include "base/events.h"
#include "pam/conversation.h"

#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

enum stage {
    STAGE_NONE,
    STAGE_STARTED,
    STAGE_AUTHENTICATED,
    STAGE_ACCOUNT_VALID,
    STAGE_CREDENTIALS_TRIED, /* a failing setcred has called the modules before the failing one */
    STAGE_CREDENTIALS_SET,
    STAGE_SESSION_TRIED, /* likewise */
    STAGE_SESSION_OPEN
};

/* What is asked of PAM; borrowed, and constant for the transaction's life. */
struct transaction_request {
    const char *service;
    const char *account;
    const char *applicant;          /* PAM_RUSER */
    const char *tty;                /* PAM_TTY; NULL: no terminal */
    const char *rhost;              /* PAM_RHOST; NULL: not set */
    const char *const *environment; /* NAME=VALUE, put into the PAM environment before the first module; or NULL */
    const int *deadline_ms;         /* by enum step; 0: none */
    struct forwarded *forwarded;    /* NULL: nothing was forwarded */
    bool forward_to_session;        /* --any-prompt, and there is an open_session step: it may ask, too */
    bool require_forwarded;         /* it is an error when no module asks for it */
    bool quiet;                     /* else it is told */
    bool show_information;
    bool allow_expired_password; /* without a terminal to change it on, the site policy lets it pass */
    bool hide_reason; /* why authenticate failed is the administrator's to know: no oracle for names and locks */
    bool verbose;     /* tell each step on stderr */
    bool (*restore)(const void *data, struct error *error, enum step step); /* what a module changed in our process */
    const void *restore_data;
    void (*report)(void *data, const struct error *error); /* a session that could not be closed */
    void *report_data;
    const char *profile_directory;  /* where profiles are read from, pam_start_confdir(3); NULL: where libpam looks */
    conversation_observer *observe; /* of what modules say and ask; NULL: nobody */
    void *observe_data;
};

struct transaction {
    const struct transaction_request *request;
    struct events *events;
    struct conversation conversation;
    pam_handle_t *handle;
    enum stage stage;
    int last;        /* last PAM code, wanted by pam_end(3) */
    bool leave_open; /* end the handle, undo nothing */
    pid_t owner;
};

enum result CHECKED transaction_start(struct transaction *transaction, const struct transaction_request *request,
                                      struct events *events, struct error *error);

/* The steps, in this order. Each fills the error with PAM's code, the exit status and the class. */
enum result CHECKED transaction_authenticate(struct transaction *transaction, struct error *error);
enum result CHECKED transaction_account(struct transaction *transaction, struct error *error);
enum result CHECKED transaction_credentials(struct transaction *transaction, struct error *error);
enum result CHECKED transaction_open_session(struct transaction *transaction, struct error *error);

/* One PAM function alone, in whatever order, for who looks at each: pamrunctl(8) check. Its own code is in `last`. The
 * stage does not change, and transaction_close() undoes nothing of it: that is the caller's, once. STEP_CREDENTIALS and
 * STEP_DELETE_CREDENTIALS are pam_setcred(3), with flags saying what of it. */
enum result CHECKED transaction_call(struct transaction *transaction, enum step step, int flags, struct error *error);

/* The PAM environment, malloc'd strings in a malloc'd array; NULL: out of memory. */
char **transaction_environment(struct transaction *transaction);

/* The event that says so; transaction_close() tells it by itself. */
void transaction_tell_left_open(struct transaction *transaction);

/* Another process takes the handle over from the one that authenticated, of which it is a fork: it will open the
 * session and close it. It has no terminal; what modules say and ask goes elsewhere. Neither request nor events are the
 * old ones. */
enum result CHECKED transaction_adopt(struct transaction *transaction, const struct transaction_request *request,
                                      struct events *events, conversation_elsewhere *elsewhere, void *data,
                                      struct error *error);

/* The other side of that, where the terminal is: a module says or asks something in that step, in the other process. A
 * person has patience_ms to answer: above 0. */
int transaction_converse(struct transaction *transaction, enum step step, int style, const char *text, int patience_ms,
                         char **response);

/* ... and that step has failed there: the hint is a question that nobody answered, if there was one. FAILED. */
enum result transaction_hint_unanswered(const struct transaction *transaction, struct error *error);

/* ... and that step has worked there. FAILED: it did, but not as the request wants it. */
enum result CHECKED transaction_worked_elsewhere(struct transaction *transaction, enum step step, struct error *error);

/* No prompt that may have what was forwarded comes any more: it is wiped, and told or refused when nobody asked for
 * it. */
enum result CHECKED transaction_finish_forwarded(const struct transaction_request *request, enum step step,
                                                 struct error *error);

/* Credentials made to last longer, PAM_REFRESH_CRED of pam_setcred(3). */
enum result CHECKED transaction_refresh(struct transaction *transaction, struct error *error);

/* The end of a handle that opened nothing, whose session is another one's: what authenticate left in its modules goes,
 * such as a temporary ticket cache. */
enum result CHECKED transaction_end(struct transaction *transaction, struct error *error);

/* In a forked copy, or before exec in place: free the memory, undo nothing. pam_cap(8) sets ambient capabilities
 * here. */
void transaction_end_copy(struct transaction *transaction);

/* Undo what was done, newest first, unless it is to be left open; end the handle. Safe on a zeroed or closed one. What
 * cannot be undone is reported (transaction_request.report). */
void transaction_close(struct transaction *transaction);
