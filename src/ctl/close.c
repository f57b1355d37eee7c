#include "ctl/close.h"

#include "ask/hold.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/number.h"
#include "base/owned.h"
#include "base/text.h"
#include "ctl/refusal.h"
#include "ctl/sessions.h"
#include "share/clear.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

struct close_request {
    struct session_words words;
    const char *pid, *timeout;
    bool force, missing_ok;
};

enum { TIMEOUT_S = 60, SHOWN_BYTES = 400, MOMENT_MS = 500 };

static enum result usage(const char *problem, struct error *error)
{
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "close: %s", problem);
    return verb_hint("close", error);
}

/* ---- --id: a hold ---- */

/* Nobody keeps it: what was left for who held it is of no use any more. */
static enum result clear_after(const struct session *session, const struct place *place, struct error *error)
{
    struct cleared cleared;
    char name[SHOWN_BYTES];

    if (share_clear(place, false, &cleared, error) != OK)
        return FAILED;
    session_name(session, name, sizeof name);
    if (cleared.states)
        log_say("session of %s: its keeper had been killed, so that nobody closed it: what its modules had mounted may "
                "remain",
                name);
    return OK;
}

static enum result release(const struct session *session, const char *id, bool *released, struct error *error)
{
    OWNED(place_close) struct place place = {.fd = -1, .lock = -1};
    char shown[HOLD_ID_MAX + 8];

    if (place_open(&place, session->uid, session->profile, false, error) != OK)
        return FAILED;
    if (place.fd < 0 || !hold_release(&place, id))
        return OK;
    *released = true;
    (void)text_quoted(shown, sizeof shown, id);
    log_record(LOG_INFO, "released: shared session %s hold=%s", place.name, shown);
    return clear_after(session, &place, error);
}

static enum result close_hold(const struct close_request *request, const struct census *census, struct error *error)
{
    bool released = refusal_remove(request->words.id);

    for (size_t at = 0; at < census->count; at++)
        if (release(&census->items[at], request->words.id, &released, error) != OK)
            return FAILED;
    if (released || request->missing_ok)
        return OK;
    (void)fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "close: %s: no session is held by that name", request->words.id);
    return fail_hint(error, "pamrunctl list shows those that are; with --missing-ok this is no failure");
}

/* ---- --force: a session ---- */

static void count_leases(const struct session *session, size_t *runs, size_t *holds)
{
    *runs = *holds = 0;
    for (size_t at = 0; at < session->count; at++)
        if (!session->leases[at].is_over)
            ++*(session->leases[at].hold != NULL ? holds : runs);
}

/* Its modules close it already: a signal would only cut that short. */
static bool is_closed_now(const struct place *place)
{
    OWNED(state_free) struct state state = {.word = STATE_NONE};
    const char *problem;

    return state_read(&state, place, &problem) && state.word == STATE_CLOSING && place_is_busy(place);
}

static bool tell_to_end(const struct place *place, int keeper)
{
    return is_closed_now(place) || syscall(SYS_pidfd_send_signal, keeper, SIGTERM, NULL, 0) == 0 || errno == ESRCH;
}

/* The first SIGTERM lets nobody in any more; the second, once the first is seen to have arrived, closes at once. A
 * signal that is sent twice before it is taken is one. */
static bool tell_keeper(const struct place *place, int keeper, int64_t end_at_ms)
{
    if (!tell_to_end(place, keeper))
        return false;
    for (;;) {
        OWNED(state_free) struct state state = {.word = STATE_NONE};
        const char *problem;

        if (place_find_keeper(place) == 0)
            return true;
        if (state_read(&state, place, &problem) && state.word == STATE_CLOSING)
            break;
        if (!sessions_wait(keeper, SESSIONS_LOOK_MS, end_at_ms))
            return false;
    }
    (void)tell_to_end(place, keeper);
    while (place_find_keeper(place) != 0)
        if (!sessions_wait(keeper, SESSIONS_LOOK_MS, end_at_ms))
            return false;
    return true;
}

static void report_forced(const struct session *session, const char *name)
{
    size_t runs, holds;

    count_leases(session, &runs, &holds);
    (void)printf("closed: session of %s, with %zu %s and %zu %s in it\n", name, runs, runs == 1 ? "run" : "runs", holds,
                 holds == 1 ? "hold" : "holds");
    log_record(LOG_NOTICE, "closed by force: shared session %ju.%s runs=%zu holds=%zu", (uintmax_t)session->uid,
               session->profile, runs, holds);
}

static enum result force(const struct session *session, int64_t end_at_ms, struct error *error)
{
    OWNED(place_close) struct place place = {.fd = -1, .lock = -1};
    OWNED(fd_close) int keeper = -1;
    struct cleared cleared;
    char name[SHOWN_BYTES];

    session_name(session, name, sizeof name);
    if (place_open(&place, session->uid, session->profile, false, error) != OK)
        return FAILED;
    if (place.fd < 0)
        return OK;
    if (session->standing == CENSUS_FOREIGN)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN,
                    "close: session of %s: its keeper lives in another pid namespace", name);
    keeper = session_keeper_open(&place);
    if (keeper >= 0 && !tell_keeper(&place, keeper, end_at_ms)) {
        (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN,
                   "close: session of %s: its keeper, process %d, has not ended yet", name, (int)session->keeper);
        return fail_hint(error, "a module that closes is waiting, as it seems; syslog may say more");
    }
    if (share_clear(&place, true, &cleared, error) != OK)
        return FAILED;
    if (cleared.alive)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "close: session of %s: it was opened again meanwhile", name);
    if (keeper >= 0 && cleared.states) {
        (void)fail(error, STEP_SHARE, STATUS_SYSTEM, "close: session of %s: its keeper was ended while it closed it",
                   name);
        return fail_hint(error, "what its modules hold, mounts and tickets, may remain; syslog says more");
    }
    report_forced(session, name);
    if (keeper < 0 && cleared.states)
        log_say("session of %s: its keeper had been killed, so that no module closed it", name);
    return OK;
}

static enum result close_sessions(const struct close_request *request, const struct census *census, int64_t timeout_ms,
                                  struct error *error)
{
    struct sessions_failures failures = {.any = false};
    char asked[SHOWN_BYTES];

    for (size_t at = 0; at < census->count; at++) {
        enum result closed = force(&census->items[at], sessions_end(timeout_ms), error);

        if (guard_is_to_end())
            return FAILED; /* the guard says why */
        if (closed != OK)
            sessions_failed(&failures, error);
    }
    if (census->count > 0 || request->missing_ok)
        return sessions_outcome(&failures, error);
    sessions_asked(&request->words, asked, sizeof asked);
    (void)fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "close: %s: there is no such shared session", asked);
    return fail_hint(error, "pamrunctl list shows those that there are");
}

/* ---- --pid: one run ---- */

/* Also one that was replaced by a newer version while it ran. */
static bool is_pamrun(pid_t pid)
{
    static const char deleted[] = PAMRUN_PROGRAM " (deleted)";
    char path[40], target[sizeof deleted + 1] = "";
    struct stat installed, running;

    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    if (stat(PAMRUN_PROGRAM, &installed) == 0 && stat(path, &running) == 0 && installed.st_dev == running.st_dev
        && installed.st_ino == running.st_ino)
        return true;
    return readlink(path, target, sizeof target - 1) > 0 && strcmp(target, deleted) == 0;
}

static bool is_keeper(pid_t pid, char *name, size_t size)
{
    static const struct census_filter all = {.is_of_root = true};
    OWNED(census_free) struct census census = {NULL, 0};
    struct error error;

    if (census_take(&census, &all, &error) != OK)
        return false;
    for (size_t at = 0; at < census.count; at++)
        if (census.items[at].keeper == pid) {
            session_name(&census.items[at], name, size);
            return true;
        }
    return false;
}

/* Also one that nobody waits for: a signal would still find it. */
static bool has_ended(int process)
{
    struct pollfd end = {.fd = process, .events = POLLIN};

    return poll(&end, 1, 0) == 1;
}

static enum result close_run(const struct close_request *request, int64_t end_at_ms, struct error *error)
{
    OWNED(fd_close) int process = -1;
    char name[SHOWN_BYTES];
    uint32_t pid;

    if (!number_parse(request->pid, INT_MAX, &pid) || pid == 0)
        return usage("--pid needs the process id of a run of pamrun", error);
    process = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* first: what is looked at then is what is signalled */
    if (process < 0 && request->missing_ok)
        return OK;
    if (process < 0)
        return fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "close: process %u: there is none", pid);
    if (!is_pamrun((pid_t)pid)) {
        (void)fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "close: process %u: it is not %s", pid, PAMRUN_PROGRAM);
        return fail_hint(error, "a run of root's with --share, or with --exec, is its command itself: end that");
    }
    if (is_keeper((pid_t)pid, name, sizeof name)) {
        (void)fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "close: process %u: it keeps the session of %s", pid, name);
        return fail_hint(error, "pamrunctl close --user USER --profile NAME --force");
    }
    if (syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0) != 0 && errno != ESRCH)
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "close: process %u: %s", pid, strerror(errno));
    while (!has_ended(process))
        if (!sessions_wait(process, MOMENT_MS, end_at_ms)) {
            (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "close: process %u: it was told to end, and has not yet",
                       pid);
            return fail_hint(error, "its command may take as long as its --kill-after says");
        }
    return OK;
}

/* ---- the verb ---- */

static enum result check(const struct close_request *request, struct error *error)
{
    const struct session_words *words = &request->words;
    bool names_session = words->user != NULL || words->uid != NULL;

    if (request->pid != NULL && (names_session || words->id != NULL || words->profile != NULL || request->force))
        return usage("--pid goes with --timeout and --missing-ok only", error);
    if (request->pid == NULL && names_session && !request->force)
        return usage("--user and --uid: this ends the session whoever is in it, and needs --force", error);
    if (words->id != NULL && request->force)
        return usage("--force: goes with --user or --uid", error);
    if (words->id != NULL && words->profile != NULL)
        return usage("--profile: goes with --user or --uid", error);
    if (request->pid == NULL && !names_session && words->id == NULL)
        return usage("what? --id ID, --user USER --force, --uid UID --force, or --pid PID", error);
    return OK;
}

static enum result do_close(const struct close_request *request, const struct census_filter *filter, int64_t timeout_ms,
                            struct error *error)
{
    OWNED(census_free) struct census census = {NULL, 0};

    if (request->pid != NULL)
        return close_run(request, sessions_end(timeout_ms), error);
    if (census_take(&census, filter, error) != OK)
        return FAILED;
    return request->words.id != NULL ? close_hold(request, &census, error)
                                     : close_sessions(request, &census, timeout_ms, error);
}

static enum result run_close(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct close_request *request = given;
    struct census_filter filter = {.is_of_root = true};
    struct error stopped;
    enum result closed;
    int64_t timeout_ms;

    (void)operands, (void)status;
    if (check(request, error) != OK || sessions_need_root("close", error) != OK
        || sessions_timeout(request->timeout, "close", TIMEOUT_S, &timeout_ms, error) != OK
        || (request->pid == NULL && sessions_filter(&filter, &request->words, "close", WHO_ONE, error) != OK)
        || sessions_guard_start(error) != OK)
        return FAILED;
    guard_enter(STEP_SHARE, 0);
    closed = do_close(request, &filter, timeout_ms, error);
    if (guard_leave(&stopped) == OK)
        return closed;
    *error = stopped;
    return FAILED;
}

static const struct verb_option options[] = {
    {"id", "ID", offsetof(struct close_request, words.id), "release the hold of that name, in whichever session",
     false},
    {"missing-ok", NULL, offsetof(struct close_request, missing_ok), "that there is none is no failure", false},
    {"user", "USER", offsetof(struct close_request, words.user), "the sessions of that user, by force", false},
    {"uid", "UID", offsetof(struct close_request, words.uid), "the same, by number", false},
    {"profile", "NAME", offsetof(struct close_request, words.profile), "only the one of this PAM profile", false},
    {"force", NULL, offsetof(struct close_request, force), "end it now, whoever is in it", false},
    {"pid", "PID", offsetof(struct close_request, pid), "end this run of pamrun, and its session with it", false},
    {"timeout", "TIME", offsetof(struct close_request, timeout), "wait for its end so long (default: 60s)", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_close = {
    .name = "close",
    .summary = "Release a job's hold; or end a session, or a single run",
    .about = "The session is closed when nobody is in it any more, which --id does not wait for:\n"
             "pamrunctl wait does.\n"
             "\n"
             "Exit status: 0; 64 usage, 67 no such user, 69 there is no such hold, session or\n"
             "run, 71 system, 75 not ended in time, 77 not root.\n"
             "\n"
             "In an epilog: pamrunctl close --id \"$JOB\" --missing-ok\n",
    .options = options,
    .request_size = sizeof(struct close_request),
    .run = run_close,
};
