/* limits.h - resource limits of an applicant who is not root, setrlimit(2). He may have set them so that a module fails
 * where it should count his wrong passwords (RLIMIT_FSIZE), or so that whoever holds his session dies. So ours are raised
 * before anything else, and the command gets his, or what pam_limits(8) made of them. Root's are left alone: he could do
 * worse. */
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

/* In the command's process, as root still. Async-signal-safe. false, and errno. */
bool limits_give(const struct limits *limits);
