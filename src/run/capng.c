#include "run/capng.h"

#include "base/library.h"

#include <dlfcn.h>

struct capng capng;

static const struct library_function functions[] = {
#define FUNCTION(name) {#name, offsetof(struct capng, name)},
    CAPNG_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

bool capng_load(void)
{
    struct capng found;

    if (capng.capng_apply == NULL
        && library_load("libcap-ng.so.0", RTLD_LOCAL, functions, sizeof functions / sizeof *functions, &found))
        capng = found;
    return capng.capng_apply != NULL;
}
