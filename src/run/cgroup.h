/* cgroup.h - the command stays in its job's control groups, whatever session modules do with our process; cgroups(7),
 * pamrun.conf(5) cgroup and job-cgroups. Versions 1 and 2 and both at once: each hierarchy is looked at on its own.
 *
 * Only the command's process is ever moved, by itself, before it becomes the account. The process that made the PAM
 * calls stays where a module put it: pam_systemd's session is there for as long as that one is. */
#pragma once

#include "ask/policy.h"
#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cgroups {
    enum policy_cgroup rule; /* KEEP, FOLLOW or REQUIRE, once noted: whether this is a job is known then */
    char *before;            /* /proc/self/cgroup before the modules ran; NULL: nobody will ask */
    char *now;               /* the same at another time */
    size_t room;
    bool has_moved; /* by a module; the command goes back */
    int *files;     /* cgroup.procs of those to go back to */
    size_t count;
};

/* Before the first module runs. job_patterns: glob(7), NULL-terminated, or NULL. STATUS_SYSTEM: cannot be read. */
enum result CHECKED cgroup_note(struct cgroups *cgroups, enum policy_cgroup rule, char *const *job_patterns,
                                struct error *error);

/* When the session is open: was the run moved? With KEEP the way back is made ready: STATUS_SYSTEM when there is none.
 * With REQUIRE it is refused: STATUS_POLICY, as profile and policy contradict each other. */
enum result CHECKED cgroup_compare(struct cgroups *cgroups, struct error *error);

/* In that process, as root: go back, and see that it worked. Allocates nothing. 0, or an errno value. */
int cgroup_return(const struct cgroups *cgroups);

/* All but has_moved and the rule. Safe on a zeroed one. */
void cgroup_free(struct cgroups *cgroups);

/* ---- the texts, without any file ---- */

/* A line of /proc/PID/cgroup. Nothing in it is escaped: the path may hold anything but a new line, and a living process
 * is in no group that was removed, so that " (deleted)" at its end is part of the name. */
struct cgroup_place {
    const char *hierarchy; /* "4:memory", "1:name=systemd", "0:": with its number and controllers */
    size_t hierarchy_length;
    const char *controllers; /* part of it; of version 2 empty */
    size_t controllers_length;
    const char *path; /* from the root of our cgroup namespace on; "/..": outside of it */
    size_t path_length;
};

/* Are these whole lines of that kind? The functions below rely on it. */
bool cgroup_text_is_valid(const char *text);

/* The next line; false: there is none. */
bool cgroup_next_place(const char **text, struct cgroup_place *place);

/* Does a part of a path match one of the patterns? */
bool cgroup_is_job(const char *text, char *const *patterns);

/* The next place of "before" that is another one in "now". What was mounted or taken away meanwhile does not count. */
bool cgroup_next_moved(const char **before, const char *now, struct cgroup_place *place);

struct cgroup_file {
    char path[PATH_MAX];
    dev_t device; /* of its file system */
};

/* A line of mountinfo, proc_pid_mountinfo(5): is the place's cgroup.procs below it? A cgroup namespace, or a
 * container's bind mount, shows a part of the hierarchy only. */
bool cgroup_find_below_mount(const char *line, const struct cgroup_place *place, struct cgroup_file *file);
