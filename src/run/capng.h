/* capng.h - libcap-ng, loaded where it is needed: hardly any run inherits capabilities, or has a front of root's.
 * Linked, it would cost a run that joins a shared session a tenth of its system calls. */
#pragma once

#include <cap-ng.h>
#include <stdbool.h>

#define CAPNG_FUNCTIONS(each)                                                                                          \
    each(capng_clear) each(capng_update) each(capng_updatev) each(capng_apply) each(capng_get_caps_process)

/* capng_apply(3) is capng.capng_apply, and so on; all NULL before capng_load(). */
struct capng {
#define CAPNG_MEMBER(name) __typeof__(name) *name;
    CAPNG_FUNCTIONS(CAPNG_MEMBER)
#undef CAPNG_MEMBER
};

extern struct capng capng;

/* Again: nothing. false: it is not there. It is searched for where the loader searches for a program's libraries. */
bool capng_load(void);
