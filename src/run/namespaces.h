/* namespaces.h - the views of the system that a process has, namespaces(7), and its root directory: what they are, and
 * how those of another process are entered. Modules give a session views of its own, pam_namespace(8). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum space {
    SPACE_MOUNT,
    SPACE_NETWORK,
    SPACE_IPC,
    SPACE_UTS,
    SPACE_TAKEN_COUNT,              /* those before can be entered by who joins */
    SPACE_USER = SPACE_TAKEN_COUNT, /* these cannot */
    SPACE_PID,                      /* of children */
    SPACE_TIME,                     /* likewise */
    SPACE_COUNT
};

/* A namespace, or a directory: the same numbers, the same thing. Numbers come to be used again when it has gone. */
struct view {
    uint64_t device, inode;
};

/* The word for it, as in /proc/PID/ns. Never NULL. */
const char *space_name(enum space space);

bool view_is_same(const struct view *left, const struct view *right);

/* /proc/thread-self, opened: a session's root directory may have no /proc. Below 0: errno. */
int self_open(void);

/* Ours now, by that. Zeroes where the kernel has no such namespaces. false, and errno. */
bool space_find(int self, enum space space, struct view *view);

/* The file or directory of that path, as we see it; "/": our root directory. false, and errno. */
bool path_find(const char *path, struct view *view);

/* Enter the namespaces in `spaces` (1 << enum space, of those that can be) of the process pidfd, and with SPACE_MOUNT
 * or root its root directory; the working directory is "/" then. 0, or an errno value, with nobody knowing where we
 * are; ESRCH: the process has ended. */
int spaces_enter(int pidfd, unsigned int spaces, bool root);
