#include "ctl/sessions.h"

#include "ask/hold.h"
#include "ask/identity.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/number.h"
#include "base/text.h"
#include "ctl/verb.h"
#include "pam/service.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHOWN_BYTES = 160 };

static enum result usage(const char *verb, const char *problem, const char *value, struct error *error)
{
    char shown[SHOWN_BYTES];

    (void)text_visible(shown, sizeof shown, value, TEXT_ONE_LINE);
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "%s: %s%s", verb, problem, shown);
    return verb_hint(verb, error);
}

enum result sessions_need_root(const char *verb, struct error *error)
{
    if (geteuid() == 0)
        return OK;
    (void)fail(error, STEP_POLICY, STATUS_REFUSED, "%s: only root may do that", verb);
    return fail_hint(error, "others may look at their own sessions: pamrunctl list, env, wait");
}

static enum result check_words(const struct session_words *words, const char *verb, enum who_is_needed needed,
                               struct error *error)
{
    int given = (words->user != NULL) + (words->uid != NULL) + (words->id != NULL);

    if (given > 1)
        return usage(verb, "--user, --uid and --id: name the session by one of them", "", error);
    if (given == 0 && needed == WHO_ONE)
        return usage(verb, "which session? --user USER, --uid UID or --id ID", "", error);
    if (words->id != NULL && !hold_id_is_valid(words->id))
        return usage(verb, "--id needs 1 to 128 letters, digits and . _ : @ + -, with no dot in front: ", words->id,
                     error);
    if (words->profile != NULL && !service_name_is_valid(words->profile))
        return usage(verb, "--profile needs 1 to 64 of a-z 0-9 _ . -, the first a letter or digit: ", words->profile,
                     error);
    return OK;
}

static enum result find_uid(const struct session_words *words, const char *verb, uid_t *uid, struct error *error)
{
    struct account account = {0};
    uint32_t number;

    if (words->uid != NULL) {
        if (!number_parse(words->uid, UINT32_MAX - 1, &number))
            return usage(verb, "--uid needs a user id in decimal: ", words->uid, error);
        *uid = (uid_t)number;
        return OK;
    }
    if (account_by_name(&account, words->user, error) != OK)
        return FAILED;
    *uid = account.uid;
    account_free(&account);
    return OK;
}

enum result sessions_filter(struct census_filter *filter, const struct session_words *words, const char *verb,
                            enum who_is_needed needed, struct error *error)
{
    uid_t caller = geteuid();

    *filter = (struct census_filter){.profile = words->profile, .hold = words->id, .is_of_root = caller == 0};
    if (check_words(words, verb, needed, error) != OK)
        return FAILED;
    if (words->user != NULL || words->uid != NULL) {
        if (find_uid(words, verb, &filter->uid, error) != OK)
            return FAILED;
        filter->has_uid = true;
    } else if (caller != 0) {
        filter->has_uid = true;
        filter->uid = caller;
    }
    if (caller != 0 && filter->uid != caller)
        return fail(error, STEP_POLICY, STATUS_REFUSED, "%s: only root may ask about others", verb);
    return OK;
}

void session_owner(const struct session *session, char *text, size_t size)
{
    if (session->state.account[0] != '\0')
        (void)text_visible(text, size, session->state.account, TEXT_ONE_LINE);
    else
        (void)snprintf(text, size, "user id %ju", (uintmax_t)session->uid);
}

void session_name(const struct session *session, char *text, size_t size)
{
    char owner[SHOWN_BYTES];

    session_owner(session, owner, sizeof owner);
    (void)snprintf(text, size, "%s (profile %s)", owner, session->profile);
}

void sessions_asked(const struct session_words *words, char *text, size_t size)
{
    char shown[SHOWN_BYTES];

    if (words->user != NULL)
        (void)snprintf(shown, sizeof shown, "user %s", words->user);
    else if (words->uid != NULL)
        (void)snprintf(shown, sizeof shown, "user id %s", words->uid);
    else
        (void)snprintf(shown, sizeof shown, "%s", words->id != NULL ? words->id : "anybody");
    (void)snprintf(text, size, words->profile != NULL ? "%s with profile %s" : "%s", shown, words->profile);
}

int session_keeper_open(const struct place *place)
{
    pid_t keeper = place_find_keeper(place);
    int fd = keeper > 0 ? (int)syscall(SYS_pidfd_open, keeper, 0) : -1;

    if (fd >= 0 && place_find_keeper(place) != keeper) { /* then the number may be another process's */
        (void)close(fd);
        return -1;
    }
    return fd;
}

enum result sessions_timeout(const char *text, const char *verb, int64_t default_s, int64_t *timeout_ms,
                             struct error *error)
{
    uint32_t seconds = 0;

    if (text != NULL && !duration_parse(text, &seconds))
        return usage(verb, "--timeout needs a time, such as 90s or 10m, of at most 366 days: ", text, error);
    if (text == NULL && default_s <= 0)
        *timeout_ms = INT64_MAX;
    else
        *timeout_ms = (text != NULL ? (int64_t)seconds : default_s) * 1000;
    return OK;
}

int64_t sessions_end(int64_t timeout_ms)
{
    return timeout_ms == INT64_MAX ? INT64_MAX : clock_now_ms() + timeout_ms;
}

static void tell(const struct error *error)
{
    log_say("%s", error->message);
    if (error->hint[0] != '\0')
        log_hint(error->hint);
}

void sessions_failed(struct sessions_failures *failures, const struct error *error)
{
    bool is_worse = failures->any && failures->worst.status == STATUS_TRY_AGAIN && error->status != STATUS_TRY_AGAIN;

    if (failures->any)
        tell(is_worse ? &failures->worst : error);
    if (!failures->any || is_worse)
        failures->worst = *error;
    failures->any = true;
}

enum result sessions_outcome(const struct sessions_failures *failures, struct error *error)
{
    if (!failures->any)
        return OK;
    *error = failures->worst;
    return FAILED;
}

enum result sessions_guard_start(struct error *error)
{
    static const struct events no_events = {.fd = -1};
    sigset_t none;

    sigemptyset(&none);
    guard_name("the account", "of its own", -1);
    return guard_start(&none, &no_events, error);
}

bool sessions_wait(int pidfd, int moment_ms, int64_t end_at_ms)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    int64_t left = end_at_ms - clock_now_ms();

    if (guard_is_to_end() || left <= 0)
        return false;
    (void)poll(&ended, 1, left < moment_ms ? (int)left : moment_ms);
    return true;
}
