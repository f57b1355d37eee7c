#include "pam/libpam.h"

#include "base/library.h"

#include <dlfcn.h>
#include <stddef.h>

struct libpam libpam;

static const struct library_function functions[] = {
#define FUNCTION(name) {"pam_" #name, offsetof(struct libpam, name)},
    LIBPAM_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* Its functions are for modules too, not all of which say that they need it. */
enum result libpam_load(struct error *error)
{
    struct libpam found;
    const char *problem;

    if (libpam.start != NULL)
        return OK;
    if (library_load("libpam.so.0", RTLD_GLOBAL, functions, sizeof functions / sizeof *functions, &found)) {
        libpam = found;
        return OK;
    }
    problem = dlerror();
    return fail(error, STEP_START, STATUS_SYSTEM, "cannot start: libpam: %s", problem != NULL ? problem : "?");
}
