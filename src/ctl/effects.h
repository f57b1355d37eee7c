/* effects.h - what a PAM function changed in the process that called it, besides its answer: looked at before and
 * after. */
#pragma once

#include "base/strv.h"
#include "run/limits.h"

#include <jansson.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { EFFECTS_NAMESPACES = 7 };

struct effects {
    struct strv environment; /* PAM's, NAME=VALUE */
    gid_t *groups;
    size_t group_count;
    struct rlimit limits[LIMITS_COUNT];
    mode_t umask;
    int priority;
    struct strv mounts; /* of our mount namespace, "DIRECTORY (TYPE)" */
    long keyring;       /* serial of the session keyring; 0: none */
    char *cgroup;       /* /proc/self/cgroup; NULL: cannot be read */
    char *namespaces[EFFECTS_NAMESPACES];
    char *loginuid; /* NULL: the kernel has none */
};

/* As it is now. environment: PAM's, taken over, malloc'd strings in a malloc'd array; NULL: none. What cannot be read
 * is left out, and is no change then. effects_free() in any case. */
void effects_note(struct effects *effects, char **environment);

/* The differences, an object with a member for each kind that there is: pamrunctl(8), JSON. */
json_t *effects_compare(const struct effects *before, const struct effects *after);

void effects_free(struct effects *effects);
