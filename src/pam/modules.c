#include "pam/modules.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

enum { OBJECTS_MAX = 256 };

struct objects {
    const char *names[OBJECTS_MAX];
    size_t count;
};

/* The names are the loader's and stay valid: nothing is unloaded meanwhile. */
static int note_object(struct dl_phdr_info *info, size_t size, void *data)
{
    struct objects *objects = data;

    (void)size;
    if (info->dlpi_name[0] == '/' && objects->count < OBJECTS_MAX) /* not the program itself, not the vdso */
        objects->names[objects->count++] = info->dlpi_name;
    return 0;
}

void modules_pin(void)
{
    struct objects objects = {.count = 0};

    (void)dl_iterate_phdr(note_object, &objects); /* holds the loader's lock: dlopen comes after it */
    for (size_t at = 0; at < objects.count; at++)
        (void)dlopen(objects.names[at], RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
