#include "share/hazard.h"

#include "base/error.h"
#include "base/owned.h"
#include "share/place.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* One byte a session, far apart: FNV-1a of the folder's name. Two that meet give a warning too many. */
static struct flock mark_of(short type, uid_t uid, const char *profile)
{
    char name[112];
    uint64_t hash = 14695981039346656037ULL;

    (void)snprintf(name, sizeof name, "%ju.%s", (uintmax_t)uid, profile);
    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 1099511628211ULL;
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(hash >> 2), .l_len = 1};
}

static bool shared_is_open(uid_t uid, const char *profile)
{
    struct place place;
    struct error unused;
    bool open =
        place_open(&place, uid, profile, false, &unused) == OK && place.fd >= 0 && place_find_keeper(&place) > 0;

    place_close(&place);
    return open;
}

bool hazard_of_own_session(uid_t uid, const char *profile)
{
    struct flock mark = mark_of(F_RDLCK, uid, profile);
    int fd = open(SHARE_UNSHARED, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return false;
    (void)fcntl(fd, F_SETLK, &mark); /* the descriptor stays open, to the process's end: with it goes the mark */
    return shared_is_open(uid, profile);
}

pid_t hazard_of_shared_session(uid_t uid, const char *profile)
{
    struct flock mark = mark_of(F_WRLCK, uid, profile);
    OWNED(fd_close) int fd = open(SHARE_UNSHARED, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0 || fcntl(fd, F_GETLK, &mark) != 0 || mark.l_type == F_UNLCK)
        return 0;
    return mark.l_pid;
}
