/* library.h - a shared library that is loaded when it is wanted. Linked, it would cost every run its share of the
 * loader's time, also those that never call it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct library_function {
    const char *name;
    size_t member; /* offset in a struct of function pointers */
};

/* Load it for good, and find all functions; flags: dlopen(3). It is searched for where the loader searches for a
 * program's libraries, so not in LD_LIBRARY_PATH when setuid. false: dlerror(3) says why; *functions is then
 * undefined. */
bool library_load(const char *name, int flags, const struct library_function *wanted, size_t count, void *functions);
