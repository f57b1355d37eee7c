/* dialect.h - how the libpam that runs here reads profiles, where versions and distributions differ. It is asked, not
 * guessed from its version: distributions patch it. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { DIALECT_MODULE_DIRECTORIES = 3 };

struct dialect {
    /* Debian's: it has "@include FILE", looks for what is included without a path in /etc/pam.d only, and for a module
     * in a second directory. Others look where profiles are. */
    bool debian;
    size_t
        line_room; /* bytes of its buffer for a line, 1.6 and before; 0: none, and that counts levels of includes, too */
    char modules[256];                                              /* the directory of modules */
    const char *module_directories[DIALECT_MODULE_DIRECTORIES + 1]; /* where it looks, in order; NULL-terminated */
};

/* Ask libpam, by profiles in memory that name no module. Needs /proc. The result points into itself: not to be
 * copied. */
enum result CHECKED dialect_find(struct dialect *dialect, struct error *error);
