#include "pam/profile_reads.h"

#include "base/text.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* File statics: libpam's call of fopen(3) brings nothing along. */
static struct {
    const char *service; /* NULL: not watching */
    const char *const *directories;
    bool any_was_read, service_was_read;
    int problem; /* errno; 0: none */
    char path[512];
    char given_up[512]; /* a file that libpam closed before its end; empty: none */
} reads;

static void note_problem(const char *path)
{
    if (reads.problem != 0)
        return;
    reads.problem = errno;
    (void)strlcpy(reads.path, path, sizeof reads.path);
}

/* NULL: not in a directory of profiles (a library that a module brings along looks for files too). */
static const char *name_of_profile(const char *path)
{
    for (const char *const *directory = reads.directories; *directory != NULL; directory++) {
        size_t length = strlen(*directory);

        if (strncmp(path, *directory, length) == 0 && path[length] == '/')
            return path + length + 1;
    }
    return NULL;
}

struct watched {
    int fd;
    bool is_profile, has_ended;
    char *path;
};

static void watched_free(struct watched *file)
{
    if (file == NULL)
        return;
    free(file->path);
    free(file);
}

static ssize_t stream_read(void *cookie, char *bytes, size_t room)
{
    struct watched *file = cookie;
    ssize_t got;

    do
        got = read(file->fd, bytes, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        note_problem(file->path);
    file->has_ended = file->has_ended || got == 0;
    return got;
}

/* libpam gives a file up at a line that it cannot do anything with, and says so; libpam 1.7 also where it has no memory
 * for a line, and takes the file for one that ends there. */
static int stream_close(void *cookie)
{
    struct watched *file = cookie;
    int fd = file->fd;

    if (file->is_profile && !file->has_ended && reads.given_up[0] == '\0')
        (void)strlcpy(reads.given_up, file->path, sizeof reads.given_up);
    watched_free(file);
    return close(fd);
}

static FILE *open_watched(const char *path)
{
    static const cookie_io_functions_t functions = {.read = stream_read, .close = stream_close};
    const char *name = name_of_profile(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct watched *file = fd >= 0 ? malloc(sizeof *file) : NULL;
    FILE *stream = NULL;

    if (file != NULL) {
        *file = (struct watched){.fd = fd, .is_profile = name != NULL, .path = strdup(path)};
        if (file->path != NULL)
            stream = fopencookie(file, "r", functions);
    }
    if (fd >= 0 && stream == NULL) {
        watched_free(file);
        (void)close(fd);
        errno = ENOMEM;
    }
    if (name == NULL)
        return stream;
    reads.any_was_read = true;
    if (stream != NULL && strcmp(name, reads.service) == 0)
        reads.service_was_read = true;
    if (stream == NULL && errno != ENOENT && errno != ENOTDIR)
        note_problem(path);
    return stream;
}

__attribute__((visibility("default"))) FILE *profile_fopen(const char *path, const char *mode) __asm__("fopen");

FILE *profile_fopen(const char *path, const char *mode)
{
    if (reads.service == NULL || strcmp(mode, "r") != 0)
        return fopen64(path, mode); /* fopen(3) by its other name */
    return open_watched(path);
}

void profile_reads_begin(const char *service, const char *const *directories)
{
    memset(&reads, 0, sizeof reads);
    reads.directories = directories;
    reads.service = service;
}

enum result profile_reads_end(bool has_started, struct error *error)
{
    const char *service = reads.service;
    char shown[sizeof reads.path];

    reads.service = NULL;
    if (reads.problem != 0) {
        (void)text_visible(shown, sizeof shown, reads.path, TEXT_ONE_LINE);
        return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: libpam could not read %s: %s", service, shown,
                    strerror(reads.problem));
    }
    if (!has_started)
        return OK;
    if (reads.given_up[0] != '\0') {
        (void)text_visible(shown, sizeof shown, reads.given_up, TEXT_ONE_LINE);
        return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: libpam did not read %s to its end", service,
                    shown);
    }
    if (reads.any_was_read && !reads.service_was_read) /* it had no memory for the name */
        return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: libpam did not read it", service);
    return OK;
}
