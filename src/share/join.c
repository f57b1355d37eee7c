#include "share/join.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/step_point.h"
#include "base/text.h"
#include "run/process.h"
#include "share/hazard.h"
#include "share/keeper.h"
#include "share/link.h"

#include <errno.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    KEEPER_PATIENCE_MS = 5000,
    KEEPER_LOOK_MS = 2,
    QUESTIONS_MS = LOCK_WAIT_MS * 2 / 3, /* all of a person's answers, while others wait for the lock */
};

const struct join no_join = {.place = {.fd = -1, .lock = -1}};

/* ---- how the session stands ---- */

enum standing {
    STANDING_OPEN,    /* it can be joined */
    STANDING_VACANT,  /* nobody keeps it; what state says is what was left behind */
    STANDING_LEAVING, /* its keeper is about to end */
    STANDING_ENDING,  /* somebody told the keeper to end, and there are leases */
    STANDING_FOREIGN, /* its keeper lives in another pid namespace */
    STANDING_OTHERS   /* it is that of another account of the same user id */
};

/* Under a lock. */
static enum standing look(struct join *join, const struct account *account)
{
    const char *problem;
    bool known;
    pid_t keeper;

    state_free(&join->state);
    known = state_read(&join->state, &join->place, &problem);
    keeper = place_find_keeper(&join->place);
    if (keeper == 0)
        return STANDING_VACANT;
    if (known && join->state.word == STATE_NONE)
        return STANDING_LEAVING;
    if (!known || keeper != join->state.keeper)
        return STANDING_FOREIGN;
    if (strcmp(join->state.account, account->name) != 0)
        return STANDING_OTHERS;
    switch (join->state.word) {
    case STATE_OPEN:
        return STANDING_OPEN;
    case STATE_CLOSING:
        return STANDING_ENDING;
    default:
        return STANDING_LEAVING;
    }
}

static enum result fail_standing(const struct join *join, const struct join_request *request, enum standing standing,
                                 struct error *error)
{
    char others[160];

    (void)text_visible(others, sizeof others, join->state.account, TEXT_ONE_LINE);
    if (standing == STANDING_FOREIGN) {
        (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN,
                   "shared session of %s (profile %s): its keeper lives in another pid namespace",
                   request->account->name, request->profile);
        return fail_hint(error, "a container and its host must not have the same " SHARE_ROOT);
    }
    if (standing == STANDING_OTHERS) {
        (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN,
                   "shared session of %s (profile %s): %s, who has the same user id, has one", request->account->name,
                   request->profile, others);
        return fail_hint(error, "one user id has one shared session of a profile; it is another account's, or an old "
                                "one's: pamrunctl list");
    }
    (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session of %s (profile %s): it is being closed",
               request->account->name, request->profile);
    return fail_hint(error, "its keeper was told to end, and waits for those who are still in it: pamrunctl list");
}

/* ---- a lease ---- */

static enum result take_lease(struct join *join, const struct join_request *request, struct error *error)
{
    int problem = 0;

    if (request->hold != NULL) {
        int64_t end = hold_end(&join->place, request->hold);

        join->holds = end == HOLD_NONE || (end > 0 && end <= lease_now_s());
    }
    if (request->hold != NULL)
        problem = hold_take(&join->place, request->hold, request->hold_s) ? 0 : errno;
    else if (!lease_of_self(&join->lease))
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session of %s: /proc is not there, or not of this system",
                    request->account->name);
    else
        problem = lease_take(&join->place, &join->lease);
    if (problem != 0)
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session of %s: no lease: %s/%s/leases: %s",
                    request->account->name, SHARE_ROOT, join->place.name, strerror(problem));
    step_point_here("lease-taken");
    return OK;
}

/* What this run took. A hold that was there before, and was only renewed, stays. */
void join_give_up(struct join *join, const struct join_request *request)
{
    if (join->holds)
        (void)hold_release(&join->place, request->hold);
    else
        join_leave(join);
}

/* ---- opening ---- */

static void be_keeper(void *data)
{
    keeper_run(data);
}

struct follower {
    const struct join_request *request;
    struct link link;
    enum step step;
    bool told; /* to stop */
    int64_t questions_until_ms;
};

/* We were told to stop: so is the keeper, and answers when all is undone. By SIGHUP: should the session be open by now
 * and we not have heard of it, others may be in it, and SIGTERM would end it for them; and while a module waits in
 * system(3) SIGINT is ignored. */
static void tell_keeper(struct follower *follower)
{
    follower->told = true;
    (void)syscall(SYS_pidfd_send_signal, follower->link.process, SIGHUP, NULL, 0);
}

/* What was stopped is told of the signal that stopped us, not of the one that we sent. */
static enum result take_failure(const struct follower *follower, const struct error *said, bool undone,
                                struct error *error)
{
    bool stopped = guard_stop_signal() != 0;

    if (stopped && undone) /* whatever the module made of it */
        return guard_fail_stopped(said->step, error);
    *error = *said;
    if (stopped && follower->told && said->status == STATUS_SIGNAL_BASE + SIGHUP) /* a module did not end, as it says */
        error->status = STATUS_SIGNAL_BASE + guard_stop_signal();
    return transaction_hint_unanswered(follower->request->transaction, error);
}

static void take_step(struct follower *follower, int number, struct error *error)
{
    (void)!guard_leave(error);
    follower->step = (enum step)number;
    guard_enter(follower->step, 0); /* deadlines are the keeper's to keep */
}

static void answer(struct follower *follower, const struct link_message *message)
{
    int64_t left = follower->questions_until_ms - clock_now_ms();
    char *response = NULL;
    int code = transaction_converse(follower->request->transaction, follower->step, message->number, message->more.text,
                                    left > 0 ? (int)left : 1, &response);

    if (message->word == LINK_ASK)
        (void)link_say(&follower->link, LINK_ANSWER, code, response != NULL ? response : "");
    if (response != NULL) {
        explicit_bzero(response, strlen(response));
        free(response);
    }
}

static void tell_worked(const struct follower *follower)
{
    const struct join_request *request = follower->request;

    EVENT(request->events, follower->step == STEP_CREDENTIALS ? "credentials" : "session-opened",
          TEXT_FIELD("account", request->account->name), TEXT_FIELD("profile", request->profile));
}

static enum result fail_keeper(const struct follower *follower, struct error *error)
{
    return fail(error, follower->step, STATUS_TRY_AGAIN,
                "%s for %s (profile %s): the process that was to keep the session has ended", step_name(follower->step),
                follower->request->account->name, follower->request->profile);
}

/* It may live and open still: nobody else may before it has ended. */
static enum result abandon_keeper(const struct follower *follower, struct error *error)
{
    struct pollfd ended = {.fd = follower->link.process, .events = POLLIN};

    if (ended.fd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, ended.fd, SIGKILL, NULL, 0);
        (void)poll(&ended, 1, KEEPER_PATIENCE_MS);
    }
    return fail_keeper(follower, error);
}

/* Until the session is open, or is not. FAILED with *undone: the keeper has undone what there was. */
static enum result follow(struct follower *follower, bool *open, bool *undone, struct error *error)
{
    struct link_message message;
    enum result worked = OK;

    for (;;) {
        if (!follower->told && guard_is_to_end() && follower->link.process >= 0)
            tell_keeper(follower);
        if (!link_hear(&follower->link, guard_is_to_end(), &message)) {
            if (errno == EINTR)
                continue;
            return abandon_keeper(follower, error);
        }
        switch ((enum link_word)message.word) {
        case LINK_STEP:
            take_step(follower, message.number, error);
            break;
        case LINK_DONE:
            tell_worked(follower);
            if (worked == OK)
                worked = transaction_worked_elsewhere(follower->request->transaction, follower->step, error);
            break;
        case LINK_TELL:
        case LINK_ASK:
            answer(follower, &message);
            break;
        case LINK_FAILED:
            *undone = message.number != 0;
            return take_failure(follower, &message.more.error, *undone, error);
        case LINK_OPEN:
            *open = true;
            return worked;
        case LINK_BEGIN:
            break;
        default:
            return abandon_keeper(follower, error);
        }
    }
}

/* Modules' cleanup functions run: one that calls exit(3) is not to look like a command that succeeded. */
static void end_copy(struct transaction *transaction)
{
    struct error unused;

    guard_enter(STEP_END, 0);
    transaction_end_copy(transaction);
    (void)!guard_leave(&unused);
}

/* The lock is ours, nobody keeps the session, we have our lease. *open: there is a session now, also when it has
 * failed. */
static enum result start_keeper(struct join *join, const struct join_request *request, uint32_t reopened, bool *open,
                                struct error *error)
{
    struct follower follower = {
        .request = request, .step = STEP_CREDENTIALS, .questions_until_ms = clock_now_ms() + QUESTIONS_MS};
    struct keeper_request keeper = {
        .place = &join->place,
        .transaction = request->transaction,
        .inherited = request->inherited,
        .account = request->account,
        .own_groups = request->own_groups,
        .used_password = request->used_password,
        .reopened = reopened,
        .let_go = request->let_go,
        .let_go_data = request->data,
        .argv0 = request->argv0,
    };
    bool undone = false;
    enum result opened, left;
    struct error stopped;
    struct link ends[2];
    int problem;

    if (!link_open(ends))
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session of %s: socketpair: %s", request->account->name,
                    strerror(errno));
    keeper.link = ends[1];
    keeper.opener_link = ends[0].fd;
    follower.link = ends[0];
    problem = process_detach(be_keeper, &keeper) ? 0 : errno;
    link_close(&ends[1]);
    if (problem != 0) {
        link_close(&ends[0]);
        errno = problem;
        return fail_fork(error, STEP_SHARE, "shared session");
    }
    step_point_here("keeper-forked");
    guard_enter(follower.step, 0);
    opened = follow(&follower, open, &undone, error);
    left = guard_leave(&stopped);
    link_close(&follower.link);
    step_point_here("keeper-answered");
    if (opened == OK && left != OK)
        *error = stopped;
    if (*open || undone)
        end_copy(request->transaction);
    return opened == OK ? left : FAILED;
}

/* It is not open. Who lost his keeper still counts how often. */
static void clean_up(const struct join *join, const struct state *lost)
{
    place_remove(&join->place, "status");
    place_remove(&join->place, "environment");
    if (lost->word != STATE_NONE)
        (void)state_write(lost, &join->place);
    else
        place_remove(&join->place, "state");
}

/* What was opened is known by what its keeper wrote, as to all others who come. */
static enum result take_state(struct join *join, const struct join_request *request, struct error *error)
{
    const char *problem;
    bool known = state_read(&join->state, &join->place, &problem);

    join->opened = true;
    if (known && join->state.word == STATE_OPEN)
        return OK;
    if (!known)
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session of %s (profile %s): %s/%s/state %s",
                    request->account->name, request->profile, SHARE_ROOT, join->place.name, problem);
    if (request->hold != NULL && hold_end(&join->place, request->hold) == HOLD_NONE)
        return OK; /* somebody released it meanwhile, and the keeper found nobody: a job that was cancelled */
    return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session of %s (profile %s): its keeper was killed",
                request->account->name, request->profile);
}

static void tell_hazard(const struct join_request *request)
{
    pid_t other = hazard_of_shared_session(request->account->uid, request->profile);

    if (other <= 0)
        return;
    log_say("process %d has a session of its own of %s (profile %s), and closes it at its end: what is mounted, and "
            "tickets, may go then for the shared session too",
            (int)other, request->account->name, request->profile);
    log_hint("--share for that run, too, makes it one session");
}

/* Under the exclusive lock, with nobody to keep what there may be. lost: what a keeper that was killed has left, if
 * there are others who still are in its session. */
static enum result open_now(struct join *join, const struct join_request *request, const struct state *lost,
                            struct error *error)
{
    bool open = false;

    if (request->transaction->handle == NULL && request->start(request->data, error) != OK)
        return FAILED;
    if (!request->quiet)
        tell_hazard(request);
    if (lost->word != STATE_NONE)
        log_say("the shared session of %s (profile %s) had lost its keeper, which somebody killed: it is opened again; "
                "what its modules had mounted may be there twice",
                request->account->name, request->profile);
    if (place_make_leases(&join->place, error) != OK || take_lease(join, request, error) != OK)
        return FAILED;
    if (start_keeper(join, request, lost->word != STATE_NONE ? lost->reopened + 1 : 0, &open, error) == OK
        && take_state(join, request, error) == OK)
        return OK;
    if (!open)
        clean_up(join, lost);
    join_give_up(join, request);
    return FAILED;
}

/* Steps of PAM come one after the other, not one within the other. */
static enum result open_shared(struct join *join, const struct join_request *request, struct error *error)
{
    OWNED(state_free) struct state lost = join->state;
    enum result opened = guard_leave(error);

    join->state = (struct state){0};
    if (lease_sweep(&join->place) == 0)
        state_free(&lost); /* nobody was left in it: this is a new one */
    if (opened == OK)
        opened = open_now(join, request, &lost, error);
    guard_enter(STEP_SHARE, 0);
    return opened;
}

/* ---- the way in ---- */

/* A keeper that has closed, or failed to open, is about to end. Nobody else's may be forked before it has, and it must
 * not wait for our lock meanwhile. */
static enum result wait_for_end(struct join *join, const struct join_request *request, struct error *error)
{
    place_unlock(&join->place);
    for (int waited = 0; place_find_keeper(&join->place) != 0; waited += KEEPER_LOOK_MS) {
        if (guard_is_to_end())
            return guard_fail_stopped(STEP_SHARE, error);
        if (waited >= KEEPER_PATIENCE_MS)
            return fail_standing(join, request, STANDING_ENDING, error);
        (void)poll(NULL, 0, KEEPER_LOOK_MS);
    }
    return place_lock(&join->place, LOCK_EX, error);
}

static enum result enter_exclusively(struct join *join, const struct join_request *request, struct error *error)
{
    enum standing standing;

    if (place_lock(&join->place, LOCK_EX, error) != OK)
        return FAILED;
    step_point_here("locked-exclusively");
    while ((standing = look(join, request->account)) == STANDING_LEAVING)
        if (wait_for_end(join, request, error) != OK)
            return FAILED;
    switch (standing) {
    case STANDING_OPEN: /* somebody was faster */
        return take_lease(join, request, error);
    case STANDING_VACANT:
        return open_shared(join, request, error);
    default:
        return fail_standing(join, request, standing, error);
    }
}

static enum result enter(struct join *join, const struct join_request *request, struct error *error)
{
    const struct account *account = request->account;

    if (place_open(&join->place, account->uid, request->profile, false, error) != OK
        || (join->place.fd < 0 && place_open(&join->place, account->uid, request->profile, true, error) != OK))
        return FAILED;
    join->place.wait_ms = request->lock_wait_ms;
    if (place_lock(&join->place, LOCK_SH, error) != OK)
        return FAILED;
    step_point_here("locked-shared");
    if (look(join, request->account) == STANDING_OPEN)
        return take_lease(join, request, error);
    return enter_exclusively(join, request, error);
}

/* Whoever is stopped with the lock holds up all others. */
static void block_stops(sigset_t *before)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGTTIN);
    sigaddset(&stops, SIGTTOU);
    (void)sigprocmask(SIG_BLOCK, &stops, before);
    guard_never_stop(true);
}

static void let_stops_through(const sigset_t *before)
{
    guard_never_stop(false);
    (void)sigprocmask(SIG_SETMASK, before, NULL);
}

static void tell_joined(const struct join_request *request)
{
    EVENT(request->events, "session-joined", TEXT_FIELD("account", request->account->name),
          TEXT_FIELD("profile", request->profile));
}

static bool context_is_simple(struct join *join, const struct join_request *request)
{
    return join->state.context != NULL && context_parse(&join->context, join->state.context)
           && !context_needs_keeper(&join->context) && (!request->own_groups || join->context.groups.count > 0);
}

bool join_quickly(struct join *join, const struct join_request *request)
{
    const struct account *account = request->account;
    struct error unused; /* join_enter() finds it, too */
    sigset_t before;
    bool joined;

    *join = no_join;
    block_stops(&before);
    joined = place_open(&join->place, account->uid, request->profile, false, &unused) == OK && join->place.fd >= 0
             && place_lock_now(&join->place, LOCK_SH) && look(join, request->account) == STANDING_OPEN
             && context_is_simple(join, request) && take_lease(join, request, &unused) == OK;
    place_unlock(&join->place);
    let_stops_through(&before);
    if (joined)
        tell_joined(request);
    else
        join_free(join);
    return joined;
}

enum result join_enter(struct join *join, const struct join_request *request, struct error *error)
{
    sigset_t before;
    enum result entered, left;
    struct error stopped;

    *join = no_join;
    block_stops(&before);
    guard_enter(STEP_SHARE, 0);
    entered = enter(join, request, error);
    place_unlock(&join->place);
    step_point_here("unlocked");
    left = guard_leave(&stopped);
    let_stops_through(&before);
    if (entered == OK && left != OK) {
        *error = stopped;
        join_give_up(join, request);
    }
    if (entered == OK && left == OK && !join->opened)
        tell_joined(request);
    return entered == OK ? left : FAILED;
}

/* What modules changed in the keeper, so far as a run can have it. */
enum result join_take_over(struct join *join, struct limits *limits, mode_t *umask, struct error *error)
{
    OWNED(fd_close) int keeper = -1;

    context_free(&join->context);
    if (!context_parse(&join->context, join->state.context != NULL ? join->state.context : ""))
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session %s: its state is not as pamrun writes it",
                    join->place.name);
    if (context_needs_keeper(&join->context))
        keeper = (int)syscall(SYS_pidfd_open, join->state.keeper, 0);
    if (keeper >= 0 && place_find_keeper(&join->place) != join->state.keeper) /* then the pid may be another's */
        fd_close(&keeper);
    if (context_needs_keeper(&join->context) && keeper < 0)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session %s: its keeper has ended", join->place.name);
    return context_take(&join->context, keeper, limits, umask, error);
}

int join_extend(const struct join *join)
{
    struct lease lease;

    return lease_of_self(&lease) ? lease_take(&join->place, &lease) : ESRCH;
}

void join_leave(struct join *join)
{
    if (join->lease.pid == getpid())
        lease_release(&join->place, &join->lease);
    join->lease = (struct lease){0};
}

void join_free(struct join *join)
{
    context_free(&join->context);
    state_free(&join->state);
    place_close(&join->place);
}
