/* policy_text.h - the site policy written out, so that pamrun.conf(5) would read it again with the same meaning: what
 * is set with a comment before it that says where, defaults as comments. */
#pragma once

#include "ask/login_defs.h"
#include "ask/policy.h"

#include <stdio.h>

/* The whole of it. */
void policy_text_write(FILE *out, const struct policy *policy, const struct login_defs *defs);

/* What holds for runs with that profile, and nothing of other profiles and of delegates. */
void policy_text_write_profile(FILE *out, const struct policy *policy, const struct login_defs *defs,
                               const char *profile);
