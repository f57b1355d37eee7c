/* variables.h - a session's environment written out for who is to have it: a shell, a program, a batch system. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum variables_format {
    VARIABLES_SH,         /* export NAME='value' */
    VARIABLES_NUL,        /* NAME=value, each with a NUL behind it */
    VARIABLES_JSON,       /* {"NAME":"value"} */
    VARIABLES_SLURM_TASK, /* export NAME=value: what slurmstepd obeys when a TaskProlog prints it */
};

/* false: there is no such format. */
bool variables_format_parse(const char *name, enum variables_format *format);

/* Write them, without those that no module may set (environment.h). `leave_out` is called for each that the format has no
 * way to say, with its name and why. false: out of memory. */
bool variables_write(FILE *out, enum variables_format format, char *const *items,
                     void (*leave_out)(const char *name, const char *why));
