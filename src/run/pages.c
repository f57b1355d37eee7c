#include "run/pages.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE /* glibc before 2.35 */
enum { MADV_POPULATE_WRITE = 23 };
#endif

enum {
    HEAP_FIRST = 80 * 1024, /* a common profile uses 84 kB, one of two modules 60 */
    STACK_FIRST = 40 * 1024,
    STACK_MARGIN = 8 * 1024, /* more than the call that releases what is below needs itself */
    STACK_MOST = 256 * 1024, /* less than the gap that the kernel keeps below a stack */
    HEAP_MOST = 512 * 1024,  /* beyond that most of it is a module's, and need not be written to */
};

static void advise(uintptr_t from, uintptr_t to, int advice)
{
    uintptr_t page = (uintptr_t)getpagesize();

    from &= ~(page - 1);
    (void)madvise((void *)from, to - from, advice); /* the kernel rounds the length up */
}

void pages_prepare(void)
{
    char here;
    char *first = malloc(1);

    if (first != NULL)
        advise((uintptr_t)first, (uintptr_t)first + HEAP_FIRST, MADV_POPULATE_WRITE);
    free(first);
    advise((uintptr_t)&here - STACK_FIRST, (uintptr_t)&here, MADV_POPULATE_WRITE);
}

void pages_copy_heap(void)
{
    struct mallinfo2 heap = mallinfo2();
    uintptr_t end = (uintptr_t)sbrk(0); /* keepcost: the free rest before it */

    if (heap.arena > heap.keepcost && heap.arena - heap.keepcost <= HEAP_MOST && heap.arena < end)
        advise(end - heap.arena, end - heap.keepcost, MADV_POPULATE_WRITE);
}

void pages_release_stack(void)
{
    uintptr_t page = (uintptr_t)getpagesize(); /* not of a local, which sanitizers may have elsewhere: */
    uintptr_t used = ((uintptr_t)__builtin_frame_address(0) - STACK_MARGIN) & ~(page - 1);

    advise(used - STACK_MOST, used, MADV_DONTNEED);
}

static int release_text(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (size_t at = object->dlpi_phnum; at-- > 0;) { /* backwards: the headers are in the first segment */
        uintptr_t from = object->dlpi_addr + object->dlpi_phdr[at].p_vaddr;

        if (object->dlpi_phdr[at].p_type == PT_LOAD && (object->dlpi_phdr[at].p_flags & PF_W) == 0)
            advise(from, from + object->dlpi_phdr[at].p_memsz, MADV_DONTNEED);
    }
    return 0;
}

void pages_release_text(void)
{
    (void)dl_iterate_phdr(release_text, NULL);
}
