#include "share/kill_domain.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/owned.h"
#include "share/own_cgroup.h"
#include "share/scope.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SCOPE_PATIENCE_MS = 10000, NAME_ROOM = 160, PROBLEM_ROOM = 300 };

/* Of those that ever were: a unit, or a group, may outlive its process when a module left another one in it. What
 * systemd does not take in a name is replaced: pam.d's names have letters of their own. */
static void make_name(char *out, size_t size, const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    (void)snprintf(out, size, "%.100s-%d-%" PRIx64, name, (int)getpid(), (uint64_t)clock_now_ms());
    for (char *at = out; *at != '\0'; at++)
        if (strchr(allowed, *at) == NULL)
            *at = '_';
}

static enum kill_domain leave_cgroups(const char *name, const char *before, const char *problem, char *where,
                                      size_t size)
{
    size_t length;
    enum own_cgroup outcome = own_cgroup_leave(name, before, where, size);

    if (outcome == OWN_CGROUP_NONE)
        return KILL_DOMAIN_NONE;
    length = strlen(where);
    if (problem[0] != '\0')
        (void)snprintf(where + length, size - length, " (%s)", problem);
    return outcome == OWN_CGROUP_LEFT ? KILL_DOMAIN_CGROUP : KILL_DOMAIN_STAYED;
}

enum kill_domain kill_domain_leave(const char *name, char *where, size_t size)
{
    OWNED(memory_free) char *before = file_read("/proc/self/cgroup", NULL);
    char own[NAME_ROOM], unit[NAME_ROOM + 20], description[NAME_ROOM], problem[PROBLEM_ROOM];

    make_name(own, sizeof own, name);
    (void)snprintf(unit, sizeof unit, "pamrun-%s.scope", own);
    (void)snprintf(description, sizeof description, "pamrun: shared session %.100s", name);
    if (!scope_enter(unit, description, SCOPE_PATIENCE_MS, problem, sizeof problem))
        return leave_cgroups(own, NULL, problem, where, size);
    /* There may be hierarchies of version 1 that systemd does not care about. */
    if (before != NULL && cgroup_text_is_valid(before)
        && own_cgroup_leave(own, before, where, size) == OWN_CGROUP_STAYED)
        return KILL_DOMAIN_STAYED;
    (void)snprintf(where, size, "%s", unit);
    return KILL_DOMAIN_SCOPE;
}

void kill_domain_clean(void)
{
    own_cgroup_clean();
}
