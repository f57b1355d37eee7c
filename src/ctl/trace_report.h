/* trace_report.h - the lines of a traced function for people: one a line of the profile, columns aligned, what a module
 * logged and said below it. */
#pragma once

#include "ctl/report.h"

#include <jansson.h>
#include <stdio.h>

/* operation: one of the result's. */
void trace_report_lines(FILE *out, const struct report_style *style, const json_t *operation);

/* What was logged outside of all functions, and why PAM does not start with the profile. */
void trace_report_log(FILE *out, const json_t *result);
