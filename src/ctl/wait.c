#include "ctl/wait.h"

#include "base/owned.h"
#include "ctl/sessions.h"

#include <bsd/string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct wait_request {
    struct session_words words;
    const char *timeout;
};

enum { SHOWN_BYTES = 400, MOMENT_MS = 500 };

/* Nobody's signal: its end is to be seen at once, also by who may not read its state. */
static int watch(const struct session *session)
{
    return session->keeper > 0 ? (int)syscall(SYS_pidfd_open, session->keeper, 0) : -1;
}

static enum result fail_lost(const char *name, struct error *error)
{
    (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN,
               "wait: session of %s: its keeper was killed, so that nobody closes it", name);
    return fail_hint(error, "the next run opens it again; when nobody is left in it: pamrunctl recover");
}

/* As it is now. *keeper: its pidfd, -1: none. problem: of one that is damaged. */
static enum census_standing look(const struct session *found, int *keeper, char *problem, size_t size)
{
    struct session session;
    enum census_standing standing;

    session_look(&session, found->uid, found->profile, geteuid() == 0);
    standing = session.standing;
    *keeper = watch(&session);
    (void)strlcpy(problem, session.problem, size);
    session_free(&session);
    return standing;
}

static enum result wait_for(const struct session *found, int64_t end_at_ms, struct error *error)
{
    char name[SHOWN_BYTES], problem[sizeof found->problem];

    session_name(found, name, sizeof name);
    for (;;) {
        OWNED(fd_close) int keeper = -1;
        enum census_standing standing = look(found, &keeper, problem, sizeof problem);

        if (standing == CENSUS_NONE || standing == CENSUS_LEFT)
            return OK;
        if (standing == CENSUS_LOST)
            return fail_lost(name, error);
        if (standing == CENSUS_DAMAGED && keeper < 0) /* its end would not be seen */
            return fail(error, STEP_SHARE, STATUS_SYSTEM, "wait: session of %s: %s", name, problem);
        if (!sessions_wait(keeper, keeper >= 0 ? MOMENT_MS : SESSIONS_LOOK_MS, end_at_ms))
            return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "wait: session of %s: it was not closed in time", name);
    }
}

static enum result run_wait(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct wait_request *request = given;
    OWNED(census_free) struct census census = {NULL, 0};
    struct census_filter filter;
    struct sessions_failures failures = {.any = false};
    int64_t timeout_ms, end_at_ms;

    (void)operands, (void)status;
    if (sessions_filter(&filter, &request->words, "wait", WHO_ONE, error) != OK
        || sessions_timeout(request->timeout, "wait", 0, &timeout_ms, error) != OK
        || census_take(&census, &filter, error) != OK)
        return FAILED;
    end_at_ms = sessions_end(timeout_ms);
    for (size_t at = 0; at < census.count; at++)
        if (wait_for(&census.items[at], end_at_ms, error) != OK)
            sessions_failed(&failures, error);
    return sessions_outcome(&failures, error);
}

static const struct verb_option options[] = {
    {"user", "USER", offsetof(struct wait_request, words.user), "whose sessions", false},
    {"uid", "UID", offsetof(struct wait_request, words.uid), "the same, by number", false},
    {"id", "ID", offsetof(struct wait_request, words.id), "the one with that hold", false},
    {"profile", "NAME", offsetof(struct wait_request, words.profile), "only the one of this PAM profile", false},
    {"timeout", "TIME", offsetof(struct wait_request, timeout), "give up after that (default: never)", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_wait = {
    .name = "wait",
    .summary = "Wait until a shared session is closed",
    .about = "With --id: until the session in which that hold is now is closed, by whomever else\n"
             "it is held. Where there is none, nothing is waited for.\n"
             "\n"
             "Exit status: 0; 64 usage, 67 no such user, 71 system, or its state cannot be used;\n"
             "75 not closed in time, or its keeper was killed; 77 not your own.\n"
             "\n"
             "Example: pamrunctl close --id 1234; pamrunctl wait --user alice --timeout 30s\n",
    .options = options,
    .request_size = sizeof(struct wait_request),
    .run = run_wait,
};
