#include "share/lease.h"

#include "base/owned.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { START_FIELD = 22 };

/* ---- a run's ---- */

/* From the text of /proc/PID/stat. The name of the program comes second, in parentheses, and may hold anything, so what
 * is counted from is the last one. A zombie there is the first thread, of which others may go on: a pidfd tells. */
static bool start_parse(const char *text, uint64_t *start)
{
    const char *at = strrchr(text, ')');

    if (at == NULL || at[1] != ' ')
        return false;
    for (int field = 2; at != NULL && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at != NULL && sscanf(at, " %" SCNu64, start) == 1;
}

static bool read_start(const char *path, uint64_t *start)
{
    OWNED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[1024];
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (length <= 0)
        return false;
    text[length] = '\0';
    return start_parse(text, start);
}

bool lease_of_process(struct lease *lease, pid_t pid)
{
    char path[40];

    lease->pid = pid;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return read_start(path, &lease->start);
}

bool lease_of_self(struct lease *lease)
{
    return lease_of_process(lease, getpid());
}

void lease_path(const struct lease *lease, char *path, size_t size)
{
    (void)snprintf(path, size, "leases/%d.%" PRIu64, (int)lease->pid, lease->start);
}

bool lease_parse(struct lease *lease, const char *name)
{
    char *end;
    long pid;

    if (!isdigit((unsigned char)*name))
        return false;
    errno = 0;
    pid = strtol(name, &end, 10);
    if (*end != '.' || pid <= 0 || pid > INT_MAX || !isdigit((unsigned char)end[1]))
        return false;
    lease->pid = (pid_t)pid;
    lease->start = strtoull(end + 1, &end, 10);
    return *end == '\0' && errno == 0;
}

int lease_take(const struct place *place, const struct lease *lease)
{
    char path[LEASE_NAME_MAX];
    int fd;

    lease_path(lease, path, sizeof path);
    fd = openat(place->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) /* it is ours all the same: nobody else has pid and start */
        return errno;
    fd_close(&fd);
    return 0;
}

void lease_release(const struct place *place, const struct lease *lease)
{
    char path[LEASE_NAME_MAX];

    lease_path(lease, path, sizeof path);
    (void)unlinkat(place->fd, path, 0);
}

int lease_watch(const struct lease *lease)
{
    OWNED(fd_close) int fd = (int)syscall(SYS_pidfd_open, lease->pid, 0);
    struct lease now = {.start = 0};
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    bool known;
    int taken;

    if (fd < 0)
        return errno == ESRCH || errno == EINVAL ? -1 : -2; /* EINVAL: a thread's number by now */
    known = lease_of_process(&now, lease->pid);
    if (poll(&ended, 1, 0) != 0 || (known && now.start != lease->start))
        return -1;
    if (!known) /* want of descriptors, of memory: what cannot be looked at may live */
        return -2;
    taken = fd;
    fd = -1;
    return taken;
}

/* ---- a hold ---- */

static void hold_path(char *path, size_t size, const char *id)
{
    (void)snprintf(path, size, "leases/@%s", id);
}

bool hold_take(const struct place *place, const char *id, int64_t seconds)
{
    char name[HOLD_ID_MAX + 16], text[32];
    int length = snprintf(text, sizeof text, "%" PRId64 "\n", seconds > 0 ? lease_now_s() + seconds : 0);

    hold_path(name, sizeof name, id);
    return place_write(place, name, text, (size_t)length, 0);
}

bool hold_release(const struct place *place, const char *id)
{
    char name[HOLD_ID_MAX + 16];

    hold_path(name, sizeof name, id);
    return unlinkat(place->fd, name, 0) == 0;
}

int64_t hold_end(const struct place *place, const char *id)
{
    char name[HOLD_ID_MAX + 16], text[32], *end;
    OWNED(fd_close) int fd = -1;
    ssize_t length;
    int64_t when;

    hold_path(name, sizeof name, id);
    fd = openat(place->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return HOLD_NONE;
    length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (length < 0)
        return HOLD_UNKNOWN;
    text[length] = '\0';
    when = strtoll(text, &end, 10);
    return when > 0 ? when : 0; /* an empty one is no time that could be over */
}

int64_t lease_now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec;
}

/* ---- all of them ---- */

bool lease_each(const struct place *place, void (*visit)(void *data, const char *name), void *data)
{
    OWNED(directory_close) DIR *directory = NULL;
    struct dirent *entry;
    int fd = openat(place->fd, "leases", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT;
    directory = fdopendir(fd);
    if (directory == NULL) {
        fd_close(&fd);
        return false;
    }
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        struct lease unused;

        if ((entry->d_name[0] == '@' && strchr(entry->d_name, '/') == NULL && hold_id_is_valid(entry->d_name + 1))
            || lease_parse(&unused, entry->d_name))
            visit(data, entry->d_name);
        errno = 0;
    }
    return errno == 0;
}

struct sweep {
    const struct place *place;
    int left;
    bool unknown;
};

static void sweep_one(void *data, const char *name)
{
    struct sweep *sweep = data;
    struct lease lease;
    int64_t end;
    int fd;

    if (name[0] == '@') {
        end = hold_end(sweep->place, name + 1);
        if (end > 0 && end <= lease_now_s())
            (void)hold_release(sweep->place, name + 1);
        else if (end != HOLD_NONE)
            sweep->left++;
        return;
    }
    if (!lease_parse(&lease, name)) /* lease_each() hands out no others */
        return;
    fd = lease_watch(&lease);
    if (fd == -1)
        lease_release(sweep->place, &lease);
    else
        sweep->left++;
    sweep->unknown = sweep->unknown || fd == -2;
    fd_close(&fd);
}

int lease_sweep(const struct place *place)
{
    struct sweep sweep = {.place = place};

    if (!lease_each(place, sweep_one, &sweep) || sweep.unknown)
        return -1;
    return sweep.left;
}
