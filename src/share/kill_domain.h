/* kill_domain.h - out of reach of what ends our caller: the end of a systemd unit or of a job's control groups would
 * take the process that keeps a session with it. A session of its own (setsid(2)) is not part of this.
 *
 * Only the process that calls is ever moved. Nothing here is an error of the run: where it cannot be left, the session
 * ends with what ends the caller, and the next run opens it again. */
#pragma once

#include <stddef.h>

enum kill_domain {
    KILL_DOMAIN_SCOPE,  /* left for a unit of systemd's of our own; where: its name */
    KILL_DOMAIN_CGROUP, /* left for control groups of our own; where: the folder of one, and why it is no unit */
    KILL_DOMAIN_NONE,   /* nothing to leave */
    KILL_DOMAIN_STAYED  /* not left, or not in all hierarchies; where says why */
};

/* As root, and before modules run: pam_systemd looks at where its caller is. name: of the session, "1000.su". Ends
 * within ten seconds and a moment, whatever systemd does. */
enum kill_domain kill_domain_leave(const char *name, char *where, size_t size);

/* Remove control groups that keepers have left behind. */
void kill_domain_clean(void);
