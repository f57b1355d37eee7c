/* advice.h - known traps, seen in a result and in the lines of its profile: hints for who wonders why. */
#pragma once

#include "ask/policy.h"
#include "ctl/stack.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct advice_request {
    const json_t *result;      /* trial.h's */
    const struct stack *stack; /* its profile's lines */
    const struct policy *policy;
};

/* An array of objects with id, text and, where it is about a line, file and line; empty when nothing is known. */
json_t *advice_find(const struct advice_request *request);

/* Is it what a login gets that would have su by default? Whoever may have su has su-l then, as under su(1). */
bool advice_serves_logins(const struct policy *policy, const char *profile);

/* May callers who are neither root nor delegates choose that profile, or get it by -l? */
bool advice_others_may(const struct policy *policy, const char *profile);

/* A line that reads a file of the user's for variables; -1: none. facility and behind as in survey_find(). */
int advice_reads_users_variables(const struct stack *stack, enum stack_facility facility, int behind);

/* A line for a module that need not be there, as distributions write them: "-session optional pam_systemd.so". */
bool advice_may_be_missing(const struct stack_line *line);

/* Does KRB5CCNAME name a cache that all sessions of the user share? */
bool ccache_is_shared(const char *name, uid_t uid);
