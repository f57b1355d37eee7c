/* sessions.h - which shared sessions a verb is about, by what was typed, and a verb's way to a session's keeper. */
#pragma once

#include "base/error.h"
#include "share/census.h"

#include <stdbool.h>

struct session_words {
    const char *user, *uid, *id, *profile; /* NULL: not given */
};

enum who_is_needed {
    WHO_ONE, /* one of user, uid, id */
    WHO_ANY  /* none: all that the caller may see */
};

/* What all verbs but a few need. verb: for the message. STATUS_REFUSED. */
enum result CHECKED sessions_need_root(const char *verb, struct error *error);

/* The words checked and looked up: others than root may name themselves only. The filter borrows from the words.
 * STATUS_USAGE, STATUS_REFUSED, STATUS_NO_USER, STATUS_TRY_AGAIN. */
enum result CHECKED sessions_filter(struct census_filter *filter, const struct session_words *words, const char *verb,
                                    enum who_is_needed needed, struct error *error);

/* "alice", or "user id 1000" where the state does not say; "alice (profile su)". */
void session_owner(const struct session *session, char *text, size_t size);
void session_name(const struct session *session, char *text, size_t size);

/* "user alice", "user id 1000 with profile su", "job-1": what was asked for, for messages. */
void sessions_asked(const struct session_words *words, char *text, size_t size);

/* Its keeper's pidfd, of the very process that has the mark; below 0: it has none any more. */
int session_keeper_open(const struct place *place);

/* Time to wait for; INT64_MAX: for ever, which default_s 0 stands for, too. */
enum result CHECKED sessions_timeout(const char *text, const char *verb, int64_t default_s, int64_t *timeout_ms,
                                     struct error *error);

/* When that time, from now on, is over: for sessions_wait(). */
int64_t sessions_end(int64_t timeout_ms);

/* What went wrong with several sessions, each by itself: none keeps the others from it. Zeroed at first. */
struct sessions_failures {
    struct error worst;
    bool any;
};

/* All but the worst are told at once; that one lasts, where another may be gone in a moment (STATUS_TRY_AGAIN). */
void sessions_failed(struct sessions_failures *failures, const struct error *error);

/* The worst one, for main to tell; OK: there was none. */
enum result CHECKED sessions_outcome(const struct sessions_failures *failures, struct error *error);

/* Signals that end us are seen from here on by the guard (guard.h), so that locks can be waited for. */
enum result CHECKED sessions_guard_start(struct error *error);

/* Wait a moment, or until the process of the pidfd (-1: none) has ended. false: we were told to stop, or the time is
 * over. */
bool sessions_wait(int pidfd, int moment_ms, int64_t end_at_ms);

enum { SESSIONS_LOOK_MS = 20 };
