/* node.h - pamrunctl check --node: can this node run jobs' sessions? For health checks: quick, silent when all is well,
 * one line for each problem. */
#pragma once

#include "base/error.h"
#include "ctl/trial_options.h"

/* profiles: NULL-terminated. user: the account step is made for him; NULL: nothing is called. *status: 0, or what the
 * first problem would end a run with. */
enum result CHECKED node_check(const struct trial_options *options, const char *user, char *const *profiles,
                               int *status, struct error *error);
