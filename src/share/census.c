#include "share/census.h"

#include "base/file.h"
#include "base/number.h"
#include "base/owned.h"
#include "pam/service.h"

#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOKS_MAX = 5, LEASES_FIRST = 8 };

static const char *const words[] = {
    [CENSUS_NONE] = "none", [CENSUS_OPENING] = "opening", [CENSUS_OPEN] = "open",       [CENSUS_CLOSING] = "closing",
    [CENSUS_LOST] = "lost", [CENSUS_LEFT] = "left",       [CENSUS_FOREIGN] = "foreign", [CENSUS_DAMAGED] = "damaged",
};

const char *census_word(enum census_standing standing)
{
    return words[standing];
}

/* ---- leases, for root ---- */

struct lease_visit {
    const struct place *place;
    struct session *session;
    bool no_memory;
};

static bool is_over(const struct place *place, struct census_lease *lease)
{
    int fd;

    if (lease->hold != NULL) {
        lease->end = hold_end(place, lease->hold);
        if (lease->end == HOLD_UNKNOWN)
            lease->end = 0;
        return lease->end > 0 && lease->end <= lease_now_s();
    }
    fd = lease_watch(&lease->run);
    if (fd >= 0)
        (void)close(fd);
    return fd == -1;
}

static void take_lease(void *data, const char *name)
{
    struct lease_visit *visit = data;
    struct session *session = visit->session;
    struct census_lease lease = {.hold = NULL}, *larger;

    if (name[0] == '@')
        lease.hold = strdup(name + 1);
    else
        (void)lease_parse(&lease.run, name);
    larger = reallocarray(session->leases, session->count + 1, sizeof *larger);
    if (larger == NULL || (name[0] == '@' && lease.hold == NULL)) {
        visit->no_memory = true;
        free(lease.hold);
        session->leases = larger != NULL ? larger : session->leases;
        return;
    }
    session->leases = larger;
    lease.is_over = is_over(visit->place, &lease);
    if (lease.end == HOLD_NONE) /* released meanwhile */
        free(lease.hold);
    else
        session->leases[session->count++] = lease;
}

static int compare_leases(const void *left, const void *right)
{
    const struct census_lease *a = left, *b = right;

    if (a->hold != NULL && b->hold != NULL)
        return strcmp(a->hold, b->hold);
    if (a->hold != NULL || b->hold != NULL)
        return a->hold != NULL ? 1 : -1;
    return a->run.start != b->run.start ? (a->run.start < b->run.start ? -1 : 1) : (int)(a->run.pid - b->run.pid);
}

/* ---- one session ---- */

static void set_damaged(struct session *session, const char *problem)
{
    session->standing = CENSUS_DAMAGED;
    (void)strlcpy(session->problem, problem, sizeof session->problem);
}

static enum census_standing standing_of_state(const struct state *state)
{
    switch (state->word) {
    case STATE_OPENING:
        return CENSUS_OPENING;
    case STATE_OPEN:
        return CENSUS_OPEN;
    default: /* no state, and a keeper: it is about to end, or has just begun */
        return CENSUS_CLOSING;
    }
}

/* false: it changed while we looked. A keeper removes its state before it ends, so that a state without a keeper is
 * what one left behind that was killed; unless another one has just begun. */
static bool look_at_state(struct session *session, const struct place *place)
{
    pid_t keeper = place_find_keeper(place);
    const char *problem;
    bool known = state_read(&session->state, place, &problem);

    session->keeper = keeper > 0 ? keeper : 0;
    if (!known) {
        set_damaged(session, problem);
        return keeper <= 0;
    }
    if (keeper < 0) {
        session->standing = CENSUS_FOREIGN;
        return true;
    }
    if (keeper > 0) {
        session->standing = session->state.word != STATE_NONE && session->state.keeper != keeper
                                ? CENSUS_FOREIGN
                                : standing_of_state(&session->state);
        return session->standing != CENSUS_FOREIGN;
    }
    session->standing = CENSUS_LOST;
    if (session->state.word == STATE_NONE)
        session->standing = session->count == 0 ? CENSUS_NONE : CENSUS_LEFT;
    return place_find_keeper(place) == 0;
}

static void look_as_root(struct session *session)
{
    OWNED(place_close) struct place place = {.fd = -1, .lock = -1};
    struct lease_visit visit = {&place, session, false};
    struct error error;

    if (place_open(&place, session->uid, session->profile, false, &error) != OK)
        set_damaged(session, error.message);
    if (place.fd < 0)
        return;
    session->has_leases = true;
    if (!lease_each(&place, take_lease, &visit) || visit.no_memory)
        session->has_leases = false;
    if (session->count > 0)
        qsort(session->leases, session->count, sizeof *session->leases, compare_leases);
    for (int looks = 0; looks < LOOKS_MAX && !look_at_state(session, &place); looks++)
        state_free(&session->state);
}

/* ---- for others: what the keeper tells its account ---- */

static void take_status_line(struct session *session, char *line)
{
    char *value = strchr(line, ' ');
    uint32_t number;

    if (value == NULL)
        return;
    *value++ = '\0';
    if (strcmp(line, "account") == 0) {
        (void)strlcpy(session->state.account, value, sizeof session->state.account);
    } else if (strcmp(line, "state") == 0) {
        for (int word = STATE_OPENING; word <= STATE_CLOSING; word++)
            if (strcmp(value, state_word_name((enum state_word)word)) == 0)
                session->state.word = (enum state_word)word;
    } else if (!number_parse(value, UINT32_MAX, &number)) {
        return;
    } else if (strcmp(line, "keeper") == 0 && number <= INT_MAX) {
        session->state.keeper = (pid_t)number;
    } else if (strcmp(line, "since") == 0) {
        session->state.since = number;
    } else if (strcmp(line, "reopened") == 0) {
        session->state.reopened = number;
    } else if (strcmp(line, "refreshed") == 0) {
        session->state.refreshed = number;
    }
}

static void look_as_account(struct session *session)
{
    char path[sizeof SHARE_ROOT + 160];
    OWNED(memory_free) char *text = NULL;
    OWNED(fd_close) int keeper = -1;
    char *rest, *line;

    (void)snprintf(path, sizeof path, "%s/%ju.%s/status", SHARE_ROOT, (uintmax_t)session->uid, session->profile);
    text = file_read(path, NULL);
    if (text == NULL && errno != ENOENT)
        set_damaged(session, strerror(errno));
    if (text == NULL)
        return;
    rest = text;
    while ((line = file_next_line(&rest)) != NULL)
        take_status_line(session, line);
    session->keeper = session->state.keeper;
    session->standing = standing_of_state(&session->state);
    if (session->keeper > 0)
        keeper = (int)syscall(SYS_pidfd_open, session->keeper, 0);
    if (keeper < 0 && access(path, F_OK) == 0) { /* else it has been closed meanwhile */
        session->keeper = 0;
        session->standing = CENSUS_LOST;
    }
}

void session_look(struct session *session, uid_t uid, const char *profile, bool as_root)
{
    *session = (struct session){.uid = uid};
    (void)strlcpy(session->profile, profile, sizeof session->profile);
    if (as_root)
        look_as_root(session);
    else
        look_as_account(session);
}

void session_free(struct session *session)
{
    for (size_t at = 0; at < session->count; at++)
        free(session->leases[at].hold);
    free(session->leases);
    state_free(&session->state);
    *session = (struct session){.uid = 0};
}

/* ---- all of them ---- */

struct taking {
    struct census *census;
    const struct census_filter *filter;
    bool no_memory;
};

/* Others than root cannot list leases, but see one whose name they know. */
static bool has_hold(const struct session *session, const char *hold)
{
    char path[sizeof SHARE_ROOT + 160 + HOLD_ID_MAX];

    (void)snprintf(path, sizeof path, "%s/%ju.%s/leases/@%s", SHARE_ROOT, (uintmax_t)session->uid, session->profile,
                   hold);
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The session is the census' from here on. false: out of memory. */
static bool census_add(struct census *census, const struct session *session)
{
    struct session *larger = reallocarray(census->items, census->count + 1, sizeof *larger);

    if (larger == NULL)
        return false;
    census->items = larger;
    census->items[census->count++] = *session;
    return true;
}

static void take_session(void *data, uid_t uid, const char *profile)
{
    struct taking *taking = data;
    const struct census_filter *filter = taking->filter;
    struct session session;
    bool is_wanted;

    if ((filter->has_uid && filter->uid != uid) || (filter->profile != NULL && strcmp(filter->profile, profile) != 0))
        return;
    session_look(&session, uid, profile, filter->is_of_root);
    is_wanted = session.standing != CENSUS_NONE && (filter->hold == NULL || has_hold(&session, filter->hold));
    if (is_wanted && census_add(taking->census, &session))
        return;
    taking->no_memory = taking->no_memory || is_wanted;
    session_free(&session);
}

/* Whose folder is not to be listed has to know the names: those of profiles. */
static void take_of_profiles(struct taking *taking, const char *path)
{
    OWNED(directory_close) DIR *directory = opendir(path);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        bool is_known = !service_name_is_valid(entry->d_name);

        for (size_t at = 0; !is_known && at < taking->census->count; at++)
            is_known = strcmp(taking->census->items[at].profile, entry->d_name) == 0;
        if (!is_known)
            take_session(taking, taking->filter->uid, entry->d_name);
    }
}

static int compare_sessions(const void *left, const void *right)
{
    const struct session *a = left, *b = right;

    return a->uid != b->uid ? (a->uid < b->uid ? -1 : 1) : strcmp(a->profile, b->profile);
}

enum result census_take(struct census *census, const struct census_filter *filter, struct error *error)
{
    struct taking taking = {census, filter, false};

    *census = (struct census){NULL, 0};
    if (filter->is_of_root && !place_each(take_session, &taking))
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared sessions: %s: %s", SHARE_ROOT, strerror(errno));
    for (const char *const *path = service_directories; !filter->is_of_root && *path != NULL; path++)
        take_of_profiles(&taking, *path);
    if (taking.no_memory)
        return fail_memory(error, STEP_SHARE);
    if (census->count > 0)
        qsort(census->items, census->count, sizeof *census->items, compare_sessions);
    return OK;
}

void census_free(struct census *census)
{
    for (size_t at = 0; at < census->count; at++)
        session_free(&census->items[at]);
    free(census->items);
    *census = (struct census){NULL, 0};
}

/* ---- what is wrong ---- */

static size_t count_over(const struct session *session)
{
    size_t over = 0;

    for (size_t at = 0; at < session->count; at++)
        over += session->leases[at].is_over;
    return over;
}

/* Empty: nothing. A keeper that lives sees to its leases by itself. */
static void describe_problem(const struct session *session, char *text, size_t size)
{
    size_t over = count_over(session);

    *text = '\0';
    if (session->standing == CENSUS_DAMAGED)
        (void)snprintf(text, size, "its state cannot be used: %s", session->problem);
    else if (session->standing == CENSUS_LOST && over < session->count)
        (void)snprintf(text, size, "its keeper was killed, and %zu %s still in it: the next run opens it again",
                       session->count - over, session->count - over == 1 ? "is" : "are");
    else if (session->standing == CENSUS_LOST)
        (void)snprintf(text, size,
                       "its keeper was killed, and nobody is in it: pamrunctl recover removes what is left");
    else if (session->standing == CENSUS_LEFT && over > 0)
        (void)snprintf(text, size, "%zu %s left of what has ended: pamrunctl recover removes %s", over,
                       over == 1 ? "lease is" : "leases are", over == 1 ? "it" : "them");
    else if (session->standing == CENSUS_FOREIGN)
        (void)snprintf(text, size, "its keeper lives in another pid namespace");
}

enum result census_problems(void (*tell)(void *data, const char *problem), void *data, struct error *error)
{
    static const struct census_filter all = {.is_of_root = true};
    OWNED(census_free) struct census census = {NULL, 0};
    char what[256], text[400];

    if (census_take(&census, &all, error) != OK)
        return FAILED;
    for (size_t at = 0; at < census.count; at++) {
        const struct session *session = &census.items[at];

        describe_problem(session, what, sizeof what);
        (void)snprintf(text, sizeof text, "shared session %ju.%s: %s", (uintmax_t)session->uid, session->profile, what);
        if (*what != '\0')
            tell(data, text);
    }
    return OK;
}
