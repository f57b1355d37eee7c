#include "base/file.h"

#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* All that can be read, at most limit bytes. expected: how much that will be, a guess. */
static char *read_all(int fd, off_t expected, size_t limit, size_t *length)
{
    OWNED(memory_free) char *text = NULL;
    size_t room = expected > 0 && (size_t)expected < limit ? (size_t)expected + 2 : 4096;
    ssize_t got = 1;

    *length = 0;
    while (got != 0) {
        if (text == NULL || *length + 1 >= room) {
            char *larger = realloc(text, room *= text != NULL ? 2 : 1);

            if (larger == NULL)
                return NULL;
            text = larger;
        }
        got = read(fd, text + *length, room - 1 - *length);
        if (got < 0 && errno != EINTR)
            return NULL;
        *length += got > 0 ? (size_t)got : 0;
        if (*length > limit) {
            errno = EFBIG;
            return NULL;
        }
    }
    text[*length] = '\0';
    return memory_take(&text);
}

char *file_read(const char *path, struct stat *status)
{
    return file_read_at(AT_FDCWD, path, status);
}

char *file_read_at(int directory, const char *path, struct stat *status)
{
    OWNED(fd_close) int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat here;
    size_t length;
    char *text;

    if (fd < 0 || fstat(fd, &here) < 0)
        return NULL;
    text = read_all(fd, here.st_size, FILE_BYTES_MAX, &length);
    if (text != NULL && status != NULL)
        *status = here;
    return text;
}

/* Open it, and look at what was opened. type: of st_mode. */
static int open_trusted(int directory, const char *path, mode_t type, struct stat *status, const char **problem)
{
    OWNED(fd_close) int fd = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    int taken;

    if (fd < 0 || fstat(fd, status) < 0) {
        *problem = errno == ELOOP ? "is a symbolic link" : strerror(errno);
        return -1;
    }
    errno = EPERM;
    if ((status->st_mode & S_IFMT) != type)
        *problem = type == S_IFDIR ? "is no directory" : "is no regular file";
    else if (status->st_uid != 0)
        *problem = "is not root's";
    else if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        *problem = "can be written by others than root";
    else
        *problem = NULL;
    if (*problem != NULL)
        return -1;
    taken = fd;
    fd = -1;
    return taken;
}

/* Wait until the file is older than a rewriting in place takes, as a rule: an editor empties it first, and cut at a
 * line's end it would look whole. */
static void let_settle(const struct stat *status)
{
    enum { SETTLE_MS = 100, NS_A_MS = 1000 * 1000 };
    struct timespec now;
    int64_t age_ms;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    age_ms = ((int64_t)now.tv_sec - status->st_mtim.tv_sec) * 1000 + (now.tv_nsec - status->st_mtim.tv_nsec) / NS_A_MS;
    if (age_ms >= 0 && age_ms < SETTLE_MS)
        (void)poll(NULL, 0, SETTLE_MS - (int)age_ms);
}

/* Not so while it is rewritten; replaced by rename(2) it keeps what it had. */
static bool is_as_before(int fd, const struct stat *before, size_t length)
{
    struct stat now;

    return fstat(fd, &now) == 0 && now.st_size == before->st_size && (uintmax_t)now.st_size == length
           && now.st_mtim.tv_sec == before->st_mtim.tv_sec && now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

char *file_read_trusted(int directory, const char *path, size_t limit, bool settles, struct stat *status,
                        const char **problem)
{
    OWNED(fd_close) int fd = open_trusted(directory, path, S_IFREG, status, problem);
    OWNED(memory_free) char *text = NULL;
    size_t length;

    if (fd < 0)
        return NULL;
    if (settles)
        let_settle(status);
    text = read_all(fd, status->st_size, limit, &length);
    if (text != NULL && !is_as_before(fd, status, length)) {
        *problem = "changed while it was read";
        errno = EAGAIN;
        return NULL;
    }
    if (text == NULL) {
        *problem = errno == EFBIG ? "is too long" : strerror(errno);
        errno = errno == ENOENT ? EIO : errno; /* a file system of the network's may say so, of a file that is there */
        return NULL;
    }
    if (strlen(text) == length)
        return memory_take(&text);
    *problem = "has a NUL byte in it";
    errno = EINVAL;
    return NULL;
}

int file_open_trusted_directory(const char *path, const char **problem)
{
    struct stat status;

    return open_trusted(AT_FDCWD, path, S_IFDIR, &status, problem);
}

char *file_next_line(char **rest)
{
    char *line = *rest, *end;

    if (*line == '\0')
        return NULL;
    end = strchrnul(line, '\n');
    *rest = *end == '\n' ? end + 1 : end;
    *end = '\0';
    return line;
}
