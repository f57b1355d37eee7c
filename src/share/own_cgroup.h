/* own_cgroup.h - control groups of our own, for a process that must outlive the job in whose groups it was started;
 * cgroups(7), versions 1 and 2 and both at once. A group is made as far up as we may, so that it is below no job's, and
 * has a name by which the next one finds it when it is empty: who is in a group cannot remove it. */
#pragma once

#include "run/cgroup.h"

#include <stddef.h>

enum own_cgroup {
    OWN_CGROUP_NONE,  /* nothing to leave: at the top of each hierarchy */
    OWN_CGROUP_LEFT,  /* where: the folder of our group, of version 2 if there is one */
    OWN_CGROUP_STAYED /* in one hierarchy at least; where says in which, and why */
};

/* Move this process, as root, out of the groups that it is in, in each hierarchy on its own. before: a text of
 * /proc/PID/cgroup, or NULL; what has changed since then was left already. name: no slash in it. */
enum own_cgroup own_cgroup_leave(const char *name, const char *before, char *where, size_t size);

/* Remove those that nobody is in any more. A new one may be removed before somebody is in it: own_cgroup_leave() makes
 * it again. */
void own_cgroup_clean(void);
