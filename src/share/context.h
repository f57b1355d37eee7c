/* context.h - what the modules of a shared session changed in the process that opened it, the keeper, as a difference,
 * and its text in the file "state" (state.h). Pure: note.h finds the difference, take.h applies it to a run that joins.
 *
 * The list is closed: what is not here does not pass from keeper to joiner (the control group, priorities of other
 * kinds, timers ...), and a change that would have to and cannot (another user or pid namespace, a module's seccomp
 * filter) keeps the profile from being shared. The environment is not part of it. */
#pragma once

#include "ask/identity.h"
#include "base/error.h"
#include "run/capabilities.h"
#include "run/keyring.h"
#include "run/limits.h"
#include "run/namespaces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A thing of which there is one a process: another one now? */
struct moved {
    bool is_moved;
    struct view from, to;
};

/* Zeroed: nothing changed. */
struct context {
    struct group_list groups;         /* the account's own as the session was opened; empty: not known */
    struct group_list added, removed; /* supplementary ones, by modules; all malloc'd, ascending */
    struct limit_change limits[LIMITS_COUNT];
    bool has_umask, has_nice, has_loginuid;
    mode_t umask;
    int nice;
    uid_t loginuid;
    struct moved spaces[SPACE_TAKEN_COUNT], root; /* root: noted with the mount namespace, too */
    struct view user, pid;                        /* of the keeper; noted when any of those is moved */
    struct keyring keyring;                       /* serial 0: not a module's; rights unused */
    char *exec_label;                             /* SELinux's for the next exec, malloc'd; NULL: none */
    bool has_capabilities;
    struct capabilities capabilities; /* the command's; its bounding set is not used */
    uint64_t dropped;                 /* from the bounding set */
};

/* The text, malloc'd, the caller's; NULL: no memory. */
char *context_format(const struct context *context);

/* The context of a text that context_format() made, and of no other: false, with *context empty; errno is ENOMEM for
 * want of memory, and only then. */
bool context_parse(struct context *context, const char *text);

/* Has the keeper to be asked for something, by its pidfd? */
bool context_needs_keeper(const struct context *context);

void context_free(struct context *context);
