/* authority.h - what this applicant may ask for, here and now: options and identity held against the site policy, and
 * what the policy says for what the command line leaves open. permission.h decides; here the facts are brought
 * together.
 *
 * "As root" below: root, or a delegate of the site policy, who may do what his section grants and does not
 * authenticate. */
#pragma once

#include "ask/identity.h"
#include "ask/login_defs.h"
#include "ask/options.h"
#include "ask/permission.h"
#include "ask/plan.h"
#include "ask/policy.h"
#include "base/error.h"

#include <stdbool.h>

struct authority {
    struct policy policy;
    struct login_defs defs;
    const struct policy_section *delegate; /* NULL: the applicant is none, or root */
    bool applicant_is_root;
    const char *profile; /* the run's */
    char *mapped;        /* the account of --identity; NULL: none was given */
};

/* Read the policy; STATUS_POLICY when it cannot be trusted, for root too. authority_free() in any case. */
enum result CHECKED authority_read(struct authority *authority, struct error *error);

/* Before anything is looked up but the applicant: options, profile, identity. With --identity the account's name is put
 * into the options; what the policy says for what they leave open, too. */
enum result CHECKED authority_check_options(struct authority *authority, struct options *options,
                                            const struct account *applicant, struct error *error);

/* For struct permission_request; account: a struct account. */
enum membership authority_membership(void *account, const char *group);

/* Is the run as root's: no question of who the applicant is, and options for root? */
bool authority_is_as_root(const struct authority *authority);

/* A delegate's account and command; before PAM, and again when both are as they will be. */
enum result CHECKED authority_check_delegate(const struct authority *authority, const struct options *options,
                                             const struct identity *identity, const struct plan *plan,
                                             struct error *error);

/* After the account step: user id and groups, by policy and by the options that tighten it. */
enum result CHECKED authority_check_account(const struct authority *authority, const struct options *options,
                                            const struct identity *identity, struct error *error);

void authority_free(struct authority *authority);
