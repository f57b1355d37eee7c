/* owned.h - scope-bound ownership: a variable marked OWNED is released when its scope ends, on every path.
 * Scope exit only: exit(), _exit(), exec and signals do not run these, hence none of them below main. */
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define OWNED(release) __attribute__((cleanup(release)))

static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* close(2): never retried on EINTR, on Linux the descriptor is gone by then */
    *fd = -1;
}

/* For any pointer to malloc'd memory; pass the address of the pointer. */
static inline void memory_free(void *at)
{
    void **pointer = at;

    free(*pointer);
    *pointer = NULL;
}

/* The caller owns it now. */
static inline char *memory_take(char **text)
{
    char *taken = *text;

    *text = NULL;
    return taken;
}

static inline void directory_close(DIR **directory)
{
    if (*directory != NULL)
        (void)closedir(*directory);
}
