#include "ctl/refresh.h"

#include "base/owned.h"
#include "base/text.h"
#include "ctl/sessions.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct refresh_request {
    struct session_words words;
    const char *timeout;
};

enum { TIMEOUT_S = 60, SHOWN_BYTES = 400 };

static enum result fail_refresh(const char *name, int status, const char *why, struct error *error)
{
    return fail(error, STEP_SHARE, status, "refresh: session of %s: %s", name, why);
}

/* Until it was done once more than before. */
static enum result wait_for_refresh(struct session *session, const struct place *place, int keeper, int64_t end_at_ms,
                                    const char *name, struct error *error)
{
    uint32_t before = session->state.refreshed;
    const char *problem;

    for (;;) {
        state_free(&session->state);
        if (state_read(&session->state, place, &problem) && session->state.word != STATE_NONE
            && session->state.refreshed != before)
            return OK;
        if (place_find_keeper(place) == 0)
            return fail_refresh(name, STATUS_TRY_AGAIN, "it was closed meanwhile", error);
        if (!sessions_wait(keeper, SESSIONS_LOOK_MS, end_at_ms)) {
            (void)fail_refresh(name, STATUS_TRY_AGAIN, "no answer in time", error);
            return fail_hint(error, "a module of the profile waits for its server, as it seems");
        }
    }
}

static enum result refresh(struct session *session, int64_t end_at_ms, struct error *error)
{
    OWNED(place_close) struct place place = {.fd = -1, .lock = -1};
    OWNED(fd_close) int keeper = -1;
    char name[SHOWN_BYTES], shown[SHOWN_BYTES];

    session_name(session, name, sizeof name);
    if (session->standing != CENSUS_OPEN)
        return fail_refresh(name, STATUS_TRY_AGAIN,
                            session->standing == CENSUS_LOST ? "its keeper was killed" : "it is not open", error);
    if (place_open(&place, session->uid, session->profile, false, error) != OK)
        return FAILED;
    keeper = place.fd >= 0 ? session_keeper_open(&place) : -1;
    if (keeper < 0 || syscall(SYS_pidfd_send_signal, keeper, SIGUSR1, NULL, 0) != 0)
        return fail_refresh(name, STATUS_TRY_AGAIN, "it was closed meanwhile", error);
    if (wait_for_refresh(session, &place, keeper, end_at_ms, name, error) != OK)
        return FAILED;
    (void)text_visible(shown, sizeof shown, session->state.last_refresh, TEXT_ONE_LINE);
    if (strcmp(shown, "ok") != 0)
        return fail_refresh(name, STATUS_SYSTEM, shown, error);
    (void)printf("refreshed: session of %s\n", name);
    return OK;
}

static enum result run_refresh(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct refresh_request *request = given;
    OWNED(census_free) struct census census = {NULL, 0};
    struct census_filter filter;
    struct sessions_failures failures = {.any = false};
    int64_t timeout_ms;
    char asked[SHOWN_BYTES];

    (void)operands, (void)status;
    if (sessions_need_root("refresh", error) != OK
        || sessions_filter(&filter, &request->words, "refresh", WHO_ONE, error) != OK
        || sessions_timeout(request->timeout, "refresh", TIMEOUT_S, &timeout_ms, error) != OK
        || census_take(&census, &filter, error) != OK)
        return FAILED;
    sessions_asked(&request->words, asked, sizeof asked);
    if (census.count == 0)
        return fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "refresh: %s: there is no such shared session", asked);
    for (size_t at = 0; at < census.count; at++)
        if (refresh(&census.items[at], sessions_end(timeout_ms), error) != OK)
            sessions_failed(&failures, error);
    return sessions_outcome(&failures, error);
}

static const struct verb_option options[] = {
    {"user", "USER", offsetof(struct refresh_request, words.user), "whose sessions", false},
    {"uid", "UID", offsetof(struct refresh_request, words.uid), "the same, by number", false},
    {"id", "ID", offsetof(struct refresh_request, words.id), "the one with that hold", false},
    {"profile", "NAME", offsetof(struct refresh_request, words.profile), "only the one of this PAM profile", false},
    {"timeout", "TIME", offsetof(struct refresh_request, timeout), "give each up after that (default: 60s)", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_refresh = {
    .name = "refresh",
    .summary = "Have the credentials of a shared session refreshed: tickets of long jobs",
    .about = "Its keeper calls the modules of setcred with PAM_REFRESH_CRED.\n"
             "\n"
             "Exit status: 0; 64 usage, 67 no such user, 69 no such session, 71 system, or the\n"
             "modules failed; 75 no answer in time, the session is not open, or its keeper was\n"
             "killed; 77 not root.\n"
             "\n"
             "Example: pamrunctl refresh --user alice\n",
    .options = options,
    .request_size = sizeof(struct refresh_request),
    .run = run_refresh,
};
