#include "share/place.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/number.h"
#include "base/owned.h"
#include "pam/service.h"
#include "share/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { FOLDER_MODE = 0711, BACK_OFF_FIRST_MS = 1, BACK_OFF_MOST_MS = 50 };

static const char *problem_of(const struct stat *status)
{
    if (!S_ISDIR(status->st_mode))
        return "is no directory";
    if (status->st_uid != 0)
        return "is not root's";
    return (status->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "can be written by others than root" : NULL;
}

/* Below 0: *problem says why, NULL where it is not there and was not to be made. */
static int open_directory(int at, const char *name, bool make, const char **problem)
{
    OWNED(fd_close) int fd = -1;
    struct stat status;
    int taken;

    for (int attempt = 0; fd < 0; attempt++) {
        fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            break;
        *problem = errno == ENOENT && !make             ? NULL
                   : errno == ELOOP || errno == ENOTDIR ? "is no directory"
                                                        : strerror(errno);
        if (errno != ENOENT || !make || attempt > 0)
            return -1;
        if (mkdirat(at, name, FOLDER_MODE) != 0 && errno != EEXIST) {
            *problem = strerror(errno);
            return -1;
        }
    }
    *problem = fstat(fd, &status) < 0 ? strerror(errno) : problem_of(&status);
    if (*problem != NULL)
        return -1;
    if (status.st_gid != 0) /* made by a root of another group: flux-imp(8) leaves its hooks the caller's */
        (void)!fchown(fd, 0, 0);
    if (make && (status.st_mode & FOLDER_MODE) != FOLDER_MODE) /* ... or by one with another umask */
        (void)!fchmod(fd, FOLDER_MODE);
    taken = fd;
    fd = -1;
    return taken;
}

static enum result fail_place(const char *name, const char *what, const char *problem, struct error *error)
{
    (void)fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session %s: %s/%s %s", name, SHARE_ROOT, what, problem);
    return fail_hint(error, "it is root's directory, mode 0711, that pamrun makes by itself; see who made this one");
}

enum result place_open_folder(struct place *place, const char *name, bool make, struct error *error)
{
    OWNED(fd_close) int root = -1;
    const char *problem;

    *place = (struct place){.fd = -1, .lock = -1};
    (void)snprintf(place->name, sizeof place->name, "%s", name);
    root = open_directory(AT_FDCWD, SHARE_ROOT, make, &problem);
    if (root < 0)
        return problem == NULL ? OK : fail_place(place->name, "", problem, error);
    place->fd = open_directory(root, place->name, make, &problem);
    return place->fd >= 0 || problem == NULL ? OK : fail_place(place->name, place->name, problem, error);
}

enum result place_open(struct place *place, uid_t uid, const char *profile, bool make, struct error *error)
{
    char name[sizeof place->name];

    (void)snprintf(name, sizeof name, "%ju.%s", (uintmax_t)uid, profile);
    return place_open_folder(place, name, make, error);
}

enum result place_make_leases(const struct place *place, struct error *error)
{
    OWNED(fd_close) int leases = -1;
    const char *problem;

    leases = open_directory(place->fd, "leases", true, &problem);
    return leases >= 0 ? OK : fail_place(place->name, place->name, problem, error);
}

/* "1000.su". false: it is no session's. */
static bool split_name(char *name, uid_t *uid, const char **profile)
{
    char *dot = strchr(name, '.');
    uint32_t number;

    if (dot == NULL || !service_name_is_valid(dot + 1))
        return false;
    *dot = '\0';
    *profile = dot + 1;
    if (!number_parse(name, UINT32_MAX - 1, &number))
        return false;
    *uid = (uid_t)number;
    return true;
}

bool place_each(void (*visit)(void *data, uid_t uid, const char *profile), void *data)
{
    OWNED(directory_close) DIR *root = opendir(SHARE_ROOT);
    struct dirent *entry;

    if (root == NULL)
        return errno == ENOENT;
    errno = 0;
    while ((entry = readdir(root)) != NULL) {
        const char *profile;
        uid_t uid;

        if (split_name(entry->d_name, &uid, &profile))
            visit(data, uid, profile);
        errno = 0;
    }
    return errno == 0;
}

/* Who took it, proc(5), /proc/locks. 0: nobody can tell. */
static pid_t lock_taker(int fd)
{
    FILE *locks = fopen("/proc/locks", "re");
    char line[256];
    struct stat status;
    pid_t found = 0;

    if (locks == NULL)
        return 0;
    while (found == 0 && fstat(fd, &status) == 0 && fgets(line, sizeof line, locks) != NULL) {
        unsigned int device_major, device_minor;
        unsigned long inode;
        int pid;

        if (sscanf(line, "%*s FLOCK %*s %*s %d %x:%x:%lu", &pid, &device_major, &device_minor, &inode) == 4
            && inode == status.st_ino && device_major == major(status.st_dev) && device_minor == minor(status.st_dev))
            found = (pid_t)pid;
    }
    (void)fclose(locks);
    return found;
}

static int wait_of(const struct place *place)
{
    return place->wait_ms > 0 ? place->wait_ms : LOCK_WAIT_MS;
}

static enum result fail_lock_wait(const struct place *place, struct error *error)
{
    pid_t keeper = place_find_keeper(place); /* it opens or closes, whoever took the lock for that */
    pid_t holder = keeper > 0 && !place->is_kept ? keeper : lock_taker(place->lock);

    (void)fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session %s: its lock was not free for %d seconds",
               place->name, wait_of(place) / 1000);
    if (holder > 0)
        return fail_hint(error,
                         "process %d has it: it opens or closes the session, and a module may be hanging, or "
                         "ask something that nobody answers",
                         (int)holder);
    return fail_hint(error, "somebody opens or closes the session, and a module may be hanging");
}

bool place_lock_now(struct place *place, int operation)
{
    if (place->lock < 0)
        place->lock = openat(place->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
    else
        (void)flock(place->lock, LOCK_UN);
    return place->lock >= 0 && flock(place->lock, operation | LOCK_NB) == 0;
}

enum result place_lock(struct place *place, int operation, struct error *error)
{
    int64_t end = clock_now_ms() + wait_of(place);
    int back_off = BACK_OFF_FIRST_MS;
    bool locked = place_lock_now(place, operation);

    if (place->lock < 0)
        return fail_place(place->name, place->name, strerror(errno), error);
    for (; !locked; locked = flock(place->lock, operation | LOCK_NB) == 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_place(place->name, place->name, strerror(errno), error);
        if (guard_is_to_end())
            return guard_fail_stopped(STEP_SHARE, error);
        if (clock_now_ms() >= end)
            return fail_lock_wait(place, error);
        (void)poll(NULL, 0, back_off);
        back_off = back_off * 2 < BACK_OFF_MOST_MS ? back_off * 2 : BACK_OFF_MOST_MS;
    }
    return OK;
}

void place_unlock(struct place *place)
{
    if (place->lock >= 0)
        (void)flock(place->lock, LOCK_UN);
    fd_close(&place->lock);
}

bool place_is_busy(const struct place *place)
{
    OWNED(fd_close) int fd = openat(place->fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static int open_keeper(const struct place *place)
{
    return openat(place->fd, "keeper", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
}

pid_t place_find_keeper(const struct place *place)
{
    OWNED(fd_close) int fd = place->is_kept ? -1 : open_keeper(place);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (place->is_kept)
        return getpid();
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0)
        return -1;
    if (lock.l_type == F_UNLCK)
        return 0;
    errno = EXDEV;
    return lock.l_pid > 0 ? lock.l_pid : -1;
}

int place_mark_keeper(struct place *place)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open_keeper(place);

    place->is_kept = fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0;
    if (fd < 0 || place->is_kept)
        return fd;
    fd_close(&fd);
    errno = EAGAIN;
    return -1;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

bool place_write(const struct place *place, const char *name, const void *bytes, size_t length, uid_t reader)
{
    OWNED(fd_close) int fd = -1;
    char aside[24];
    bool written;

    (void)snprintf(aside, sizeof aside, ".new.%d", (int)getpid());
    (void)unlinkat(place->fd, aside, 0); /* of a dead process that had our pid */
    fd = openat(place->fd, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    written = write_all(fd, bytes, length) && (reader == 0 || acl_let_read(fd, reader))
              && renameat(place->fd, aside, place->fd, name) == 0;
    if (!written) {
        int problem = errno;

        (void)unlinkat(place->fd, aside, 0);
        errno = problem;
    }
    return written;
}

void place_remove(const struct place *place, const char *name)
{
    (void)unlinkat(place->fd, name, 0);
}

void place_close(struct place *place)
{
    place_unlock(place);
    fd_close(&place->fd);
}
