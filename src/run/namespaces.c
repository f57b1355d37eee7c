#include "run/namespaces.h"

#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name, *file;
    int flag;
} spaces_known[SPACE_COUNT] = {
    [SPACE_MOUNT] = {"mnt", "ns/mnt", CLONE_NEWNS},
    [SPACE_NETWORK] = {"net", "ns/net", CLONE_NEWNET},
    [SPACE_IPC] = {"ipc", "ns/ipc", CLONE_NEWIPC},
    [SPACE_UTS] = {"uts", "ns/uts", CLONE_NEWUTS},
    [SPACE_USER] = {"user", "ns/user", 0},
    [SPACE_PID] = {"pid", "ns/pid_for_children", 0},
    [SPACE_TIME] = {"time", "ns/time_for_children", 0},
};

const char *space_name(enum space space)
{
    return spaces_known[space].name;
}

bool view_is_same(const struct view *left, const struct view *right)
{
    return left->device == right->device && left->inode == right->inode;
}

static bool view_of(int directory, const char *path, struct view *view)
{
    struct stat status;

    if (fstatat(directory, path, &status, 0) != 0)
        return false;
    *view = (struct view){.device = status.st_dev, .inode = status.st_ino};
    return true;
}

int self_open(void)
{
    return open("/proc/thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool space_find(int self, enum space space, struct view *view)
{
    *view = (struct view){0};
    return view_of(self, spaces_known[space].file, view) || errno == ENOENT;
}

bool path_find(const char *path, struct view *view)
{
    return view_of(AT_FDCWD, path, view);
}

/* The root directory of that process, in its own view of the mounts: a namespace's root may be another one, and is
 * where setns(2) leaves us. */
static int root_open(int pidfd)
{
    char path[64];
    FILE *information;
    long pid = -1;
    int root;

    (void)snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    information = fopen(path, "re");
    while (information != NULL && pid < 0 && fgets(path, sizeof path, information) != NULL)
        if (sscanf(path, "Pid:\t%ld", &pid) == 1 && pid <= 0)
            pid = 0; /* it has ended, or is in a pid namespace that we cannot see */
    if (information != NULL)
        (void)fclose(information);
    errno = ESRCH;
    if (pid <= 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/%ld/root", pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && errno == ENOENT)
        errno = ESRCH;
    return root;
}

int spaces_enter(int pidfd, unsigned int spaces, bool root)
{
    bool has_root = root || (spaces & 1U << SPACE_MOUNT) != 0;
    OWNED(fd_close) int directory = has_root ? root_open(pidfd) : -1;
    int flags = 0;

    if (pidfd < 0)
        return ESRCH;
    if (has_root && directory < 0)
        return errno;
    for (enum space space = 0; space < SPACE_TAKEN_COUNT; space++)
        if ((spaces & 1U << space) != 0)
            flags |= spaces_known[space].flag;
    if (flags != 0 && setns(pidfd, flags) != 0)
        return errno;
    if (has_root && (fchdir(directory) != 0 || chroot(".") != 0 || chdir("/") != 0))
        return errno;
    return 0;
}
