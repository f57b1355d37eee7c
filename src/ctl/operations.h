/* operations.h - PAM's functions by the names that pamtester(1) gives them, in the order in which they are to be
 * called. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { OPERATIONS_MAX = 32, OPERATION_WORD_MAX = 160 };

struct operation {
    enum step step;                /* one that calls modules; STEP_DELETE_CREDENTIALS is a setcred as well */
    int flags;                     /* as PAM has them */
    char word[OPERATION_WORD_MAX]; /* "setcred(PAM_DELETE_CRED)", without flags where none were given */
};

struct operations {
    struct operation list[OPERATIONS_MAX];
    size_t count;
};

/* "open_session", "setcred(PAM_DELETE_CRED|PAM_SILENT)"; NULL-terminated. STATUS_USAGE: none of PAM's, too many, or a
 * close_session without an open_session before it: that would close what somebody else has opened. */
enum result CHECKED operations_parse(struct operations *operations, char *const *words, struct error *error);

/* All that a run calls, and what closes it. authenticates: false for who need not (a delegate). */
void operations_of_run(struct operations *operations, bool authenticates);

/* Is one of these steps among them? */
bool operations_have(const struct operations *operations, enum step step);
