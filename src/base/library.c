#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

bool library_load(const char *name, int flags, const struct library_function *wanted, size_t count, void *functions)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_NODELETE | flags);

    if (library == NULL)
        return false;
    for (size_t at = 0; at < count; at++) {
        void *function = dlsym(library, wanted[at].name);

        if (function == NULL)
            return false;
        /* ISO C knows no conversion, dlsym(3) */
        memcpy((char *)functions + wanted[at].member, &function, sizeof function);
    }
    return true;
}
