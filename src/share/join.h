/* join.h - a run's way into the shared session of its account and profile, and out of it: joins it, or opens it where
 * there is none. The order of operations is keeper.c's. */
#pragma once

#include "ask/identity.h"
#include "base/error.h"
#include "base/events.h"
#include "pam/transaction.h"
#include "run/inherited.h"
#include "share/lease.h"
#include "share/place.h"
#include "share/state.h"
#include "share/take.h"

#include <stdbool.h>
#include <stdint.h>

struct join_request {
    const struct account *account;
    const char *profile;
    const char *hold; /* NULL: the lease is this process's */
    int64_t hold_s;   /* the hold's time, 0: until it is released */
    int lock_wait_ms; /* who opens may take as long as we might */
    bool own_groups;  /* the account's, none that somebody asked for instead */
    bool used_password;
    bool quiet;                      /* warnings are not wanted */
    struct transaction *transaction; /* of authenticate and account; may have no handle yet, then `start` makes one */
    enum result (*start)(void *data, struct error *error);
    void (*let_go)(void *data); /* in the keeper: close what is the run's */
    void *data;
    struct events *events;
    struct inherited *inherited;
    char *argv0; /* as main() had it */
};

struct join {
    struct place place;
    struct lease lease; /* pid 0: none of ours */
    bool holds;         /* the hold is one that we made, and did not renew */
    struct state state; /* as it was then: what is taken over */
    bool opened;        /* by us, else joined */
    struct context context;
};

/* Into a session that is open, for a run that has called no module and guards itself against none: if it is not, or is
 * being opened or closed, or if joining takes more than a lease, false, nothing has changed, and join_enter() is to be
 * called, protected. Leaves the groups to the caller: context.groups. */
bool join_quickly(struct join *join, const struct join_request *request);

/* Root's real ids and the groups are taken. What is there afterwards of the transaction has to be ended by
 * the caller, by transaction_close(). STATUS_TRY_AGAIN: the lock is not to be had, the keeper is told to end, or was
 * killed while it opened; what setcred and open_session say; 128 + signal. join_free() in any case, on a zeroed one
 * with no_join. */
enum result CHECKED join_enter(struct join *join, const struct join_request *request, struct error *error);

/* The run fails after it has entered: it is in the session no more. */
void join_give_up(struct join *join, const struct join_request *request);

/* Be as the session's modules want a process of it to be: context_take(), and its conditions. */
enum result CHECKED join_take_over(struct join *join, struct limits *limits, mode_t *umask, struct error *error);

/* In the command's own process, forked by one that has a lease: its own. Allocates nothing. 0, or an errno value. */
int join_extend(const struct join *join);

/* Our own is not needed any more: the command has one, or there is none. */
void join_leave(struct join *join);

void join_free(struct join *join);

extern const struct join no_join;
