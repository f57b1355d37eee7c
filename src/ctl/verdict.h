/* verdict.h - what the site policy says about a run that nobody has asked for yet: a dry run, without PAM. The
 * decisions are permission.h's, in pamrun's own order; a line a rule. */
#pragma once

#include "ask/identity.h"
#include "ask/login_defs.h"
#include "ask/permission.h"
#include "ask/policy.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

struct verdict_question {
    const struct policy *policy;
    const struct login_defs *defs;
    const struct account *caller;
    const char *profile;                                             /* --profile; NULL: none */
    const char *identity;                                            /* NULL: none */
    enum membership (*membership)(void *account, const char *group); /* permission.h; of the account */
    const char *const *directories;                                  /* where libpam looks for profiles */
};

/* What came out so far: the exit status that the run would end with, 0 while nothing speaks against it. */
struct verdict {
    int status;
    const char *profile; /* the run's; borrowed */
    char *mapped;        /* the account of the identity; NULL: none */
};

/* The profile, what the policy asks for that cannot be had, and the identity. verdict_free() in any case. */
void verdict_begin(FILE *out, const struct verdict_question *question, struct verdict *verdict);

/* The profile's file, the account (NULL: nobody in particular), what else there is to know, and the result. */
void verdict_end(FILE *out, const struct verdict_question *question, const struct account *account,
                 struct verdict *verdict);

void verdict_free(struct verdict *verdict);
