/* fail_malloc: preloaded, the allocation number FAIL_MALLOC_AT of the process, counted from its start, finds no memory; its
 * children go on counting, each for itself. FAIL_MALLOC_SAID names a file that is made when one fails.
 * Only where root is the caller: nobody preloads anything into a setuid program. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* glibc's own, by their other names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static long left; /* 0: none is to fail, or one has */
static const char *said;

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("FAIL_MALLOC_AT");

    said = getenv("FAIL_MALLOC_SAID");
    left = at != NULL ? atol(at) : 0;
}

static bool fails(void)
{
    if (left == 0 || --left > 0)
        return false;
    if (said != NULL)
        (void)close(open(said, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    errno = ENOMEM;
    return true;
}

EXPORTED void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

EXPORTED void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

EXPORTED void *reallocarray(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, count * size);
}
