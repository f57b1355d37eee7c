/* limits.h - resource limits of an applicant who is not root, setrlimit(2). He may have set them so that a module fails
 * where it should count his wrong passwords (RLIMIT_FSIZE), or so that whoever holds his session dies. So ours are
 * raised before anything else, and the command gets his, or what pam_limits(8) made of them. Root's are left alone: he
 * could do worse. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <sys/resource.h>

enum { LIMITS_COUNT = RLIM_NLIMITS };

struct limits {
    bool taken;                             /* false: nothing was changed, nothing is given back */
    struct rlimit applicants[LIMITS_COUNT]; /* as they were */
    struct rlimit ours[LIMITS_COUNT];       /* while modules run */
    struct rlimit commands[LIMITS_COUNT];
    char oom_score_adj[8]; /* the caller's, proc_pid_oom_score_adj(5); empty: left alone */
};

/* Note the applicant's; no core files from here on; raise: take what modules need. */
enum result CHECKED limits_take(struct limits *limits, bool raise, struct error *error);

/* Root's too: at least 0 ("not before others") while there is a session to close; the command gets what it was. */
void limits_take_oom_score(struct limits *limits);

/* After open_session: what a module set is the command's, the rest is the applicant's; we take ours again. */
enum result CHECKED limits_find(struct limits *limits, struct error *error);

/* In a process that is not the applicant's any more: the limits of the first process, which the system's services have,
 * as far as we may. */
void limits_take_systems(void);

/* Room for as many descriptors as can be had. */
void limits_raise_descriptors(void);

/* In the command's process, as root still. Async-signal-safe. false, and errno. */
bool limits_give(const struct limits *limits);

/* ---- a shared session: what modules set in its keeper, for who joins it ---- */

/* What a module set of one limit. */
struct limit_change {
    enum {
        LIMIT_KEPT,
        LIMIT_SET,
        LIMIT_UP_TO_HARD, /* it wanted more than the hard limit that was there */
    } soft_is;
    bool hard_is_set;
    rlim_t soft, hard; /* RLIM_INFINITY: none */
};

struct limits_mark {
    struct rlimit before[LIMITS_COUNT], marked[LIMITS_COUNT];
};

/* The word for it in messages, as in limits.conf(5). Never NULL. */
const char *limit_name(int resource);

/* In the keeper, before modules set limits: each gets a value that nobody would configure, so that one which a module
 * set to what it was already is seen, too: the joiner may have come with another one. Hard limits only where they can
 * be raised again. */
bool limits_mark(struct limits_mark *mark);

/* Afterwards: what was set; and ours are as before the mark, for as long as the session lasts, as far as we have the
 * right. */
bool limits_unmark(const struct limits_mark *mark, struct limit_change *changes);

/* In the joiner: the command's are the applicant's with these changes. Taken or not, they are given with limits_give().
 * STATUS_TRY_AGAIN: one is higher than we may give. */
enum result CHECKED limits_follow(struct limits *limits, const struct limit_change *changes, struct error *error);
