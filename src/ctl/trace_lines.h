/* trace_lines.h - the modules that one function of PAM's has called, as JSON: each line of the resolved stack, what
 * became of it and why. pamrunctl(8), JSON, has the fields. */
#pragma once

#include "base/error.h"
#include "ctl/stack.h"

#include <jansson.h>

struct trace_lines {
    const struct stack *stack;
    bool jump_counts_ok; /* dispatch.h */
    int *frozen;         /* by line: what its module answered to authenticate, open_session; dispatch.h */
    json_t *texts;       /* an array a call: what its module said and asked while it ran */
};

/* false: no memory. */
bool trace_lines_begin(struct trace_lines *lines, const struct stack *stack, const struct dialect *dialect);

/* The passes that the function has made through the stack: two for pam_chauthtok(3), else one. code: its answer. */
json_t *trace_lines_of(struct trace_lines *lines, enum step step, const char *code);
