#include "pam/library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

struct libpam libpam;

static const struct {
    const char *name;
    size_t member;
} functions[] = {
#define FUNCTION(name) {"pam_" #name, offsetof(struct libpam, name)},
    LIBPAM_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

static enum result fail_load(struct error *error)
{
    const char *problem = dlerror();

    return fail(error, STEP_START, STATUS_SYSTEM, "cannot start: libpam: %s", problem != NULL ? problem : "?");
}

/* Its functions are for modules too, not all of which say that they need it; it stays until the end. */
enum result libpam_load(struct error *error)
{
    struct libpam found;
    void *library;

    if (libpam.start != NULL)
        return OK;
    library = dlopen("libpam.so.0", RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    if (library == NULL)
        return fail_load(error);
    for (size_t at = 0; at < sizeof functions / sizeof *functions; at++) {
        void *function = dlsym(library, functions[at].name);

        if (function == NULL)
            return fail_load(error);
        /* ISO C knows no conversion, dlsym(3) */
        memcpy((char *)&found + functions[at].member, &function, sizeof function);
    }
    libpam = found;
    return OK;
}
