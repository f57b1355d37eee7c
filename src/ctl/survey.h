/* survey.h - what the lines of a profile say about it while nothing is called: which modules it has, and whether
 * anybody has to show who he is. */
#pragma once

#include "base/error.h"
#include "ctl/stack.h"

#include <stdbool.h>

/* Resolve the profile as the libpam that runs here does. stack_free() in any case. */
enum result CHECKED survey_read(struct stack *stack, const char *profile, struct error *error);

/* The next line behind `behind` (STACK_ROOT: the first) that libpam calls for the facility and whose module is there
 * and called that, "pam_unix.so", whatever its directory; -1: none. */
int survey_find(const struct stack *stack, enum stack_facility facility, const char *module, int behind);

/* "pam_unix.so": the line's module without its directory; "" where it has none. Borrowed. */
const char *survey_module(const struct stack_line *line);

enum admission {
    ADMITS_NOBODY,    /* also when every module says yes */
    ADMITS_PROVEN,    /* who shows who he is */
    ADMITS_CONDITION, /* and whom a module lets in by a condition: a group, a place, a time */
    ADMITS_EVERYBODY,
};

/* Whom auth lets in, by a walk through its lines with the worst answers: modules that are not known here are taken for
 * ones that ask for proof. is_root: pam_rootok says yes. *line: which line decides in favour of everybody, or by a
 * condition; -1: none. */
enum admission survey_admission(const struct stack *stack, bool is_root, int *line);
