/* census.h - the shared sessions of this machine, looked at: nothing is changed and no lock taken, so that what is read may
 * be over a moment later. Root sees all; others see their own, from the files that are theirs (place.h). */
#pragma once

#include "base/error.h"
#include "share/lease.h"
#include "share/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum census_standing {
    CENSUS_NONE, /* nobody is in it, and nothing is left of it */
    CENSUS_OPENING,
    CENSUS_OPEN,
    CENSUS_CLOSING,
    CENSUS_LOST, /* its keeper was killed; who is in it still is */
    CENSUS_LEFT, /* no session, but leases: of what has ended, of commands that go on after close --force, or, for a
                    moment, of somebody who is about to open it */
    CENSUS_FOREIGN,
    CENSUS_DAMAGED /* `problem` says why */
};

struct census_lease {
    struct lease run; /* pid 0: it is a hold */
    char *hold;       /* its id; NULL: a run */
    int64_t end;      /* of a hold: CLOCK_BOOTTIME seconds, 0: until it is released */
    bool is_over;     /* the process has ended, or the time of the hold */
};

struct session {
    uid_t uid;
    char profile[80];
    enum census_standing standing;
    pid_t keeper;       /* 0: none, or nobody can tell */
    struct state state; /* zeroed where there is none; others than root: without environment, password and context */
    struct census_lease *leases;
    size_t count;
    bool has_leases; /* false: they are not for the caller to know */
    char problem[200];
};

struct census {
    struct session *items;
    size_t count;
};

/* What is looked for; zeroed: all sessions. */
struct census_filter {
    bool has_uid, is_of_root; /* is_of_root: who asks may see all, else has_uid */
    uid_t uid;
    const char *profile; /* NULL: any */
    const char *hold;    /* NULL: any; else sessions with a hold of that id */
};

/* By uid and profile, in order; without those of CENSUS_NONE. STATUS_SYSTEM. census_free() in any case, on a zeroed
 * one. */
enum result CHECKED census_take(struct census *census, const struct census_filter *filter, struct error *error);

/* One of them again, as it is now. session_free() in any case. */
void session_look(struct session *session, uid_t uid, const char *profile, bool as_root);

/* Call `tell` for each thing that pamrunctl recover would put right, or that it cannot: a line of text, which begins with
 * the session's name. For root. STATUS_SYSTEM. */
enum result CHECKED census_problems(void (*tell)(void *data, const char *problem), void *data, struct error *error);

const char *census_word(enum census_standing standing);

void session_free(struct session *session);
void census_free(struct census *census);
