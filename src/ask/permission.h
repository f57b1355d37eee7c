/* permission.h - may this applicant do that? Decided from the site policy and from values: nothing is looked up here.
 *
 * Each function says OK, or FAILED with STATUS_REFUSED, and which rule decided. Messages name no file of the policy:
 * who is refused need not know it. */
#pragma once

#include "ask/login_defs.h"
#include "ask/policy.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

enum membership {
    MEMBER,
    NO_MEMBER,         /* also of a group that nobody knows */
    MEMBERSHIP_UNKNOWN /* the look-up failed */
};

struct permission_request {
    const char *applicant; /* by the real user id */
    bool applicant_is_root;
    const char *profile; /* asked for; NULL: none, that is the policy's default */
    const char *account;
    uid_t account_uid;
    bool is_mapped; /* by an identity, identity_map.h: root's default of no minimum is not for it */
    /* Is the account in that group, be it its primary one? */
    enum membership (*membership)(void *context, const char *group);
    void *context;
    const char *const *options; /* those for root only that were used, words without dashes; NULL-terminated, or NULL */
    char *const *command; /* what will be executed: an absolute path (a shell is one, too) and arguments; or NULL */
    const struct login_defs *defs;
};

struct permission_rule {
    enum policy_key key;
    struct policy_origin origin;
};

/* The profile: root may use any, others the default and what user-profiles lists. The words of a refusal do not tell
 * whether there is such a profile. *profile: the one to use, borrowed. */
enum result CHECKED permission_profile(const struct policy *policy, const struct permission_request *request,
                                       const char **profile, struct permission_rule *rule, struct error *error);

/* The account, for everybody, after the account step: its user id, then its groups. profile: as found above.
 * STATUS_TRY_AGAIN: groups could not be looked up. A delegate's user id is permission_delegate_account()'s matter. */
enum result CHECKED permission_user_id(const struct policy *policy, const struct permission_request *request,
                                       const char *profile, struct permission_rule *rule, struct error *error);
enum result CHECKED permission_groups(const struct policy *policy, const struct permission_request *request,
                                      const char *profile, struct permission_rule *rule, struct error *error);

/* Profile and options alone: what is to be refused before what they say is looked up. */
enum result CHECKED permission_delegate_options(const struct policy *policy, const struct policy_section *delegate,
                                                const struct permission_request *request, struct permission_rule *rule,
                                                struct error *error);

/* What the command line asks for: may the delegate have it? Profile, options and command must all be granted; what the
 * section does not list is not. */
enum result CHECKED permission_delegate(const struct policy *policy, const struct policy_section *delegate,
                                        const struct permission_request *request, struct permission_rule *rule,
                                        struct error *error);

/* An account that does not exist yet: can it come to be granted, by its name or by some @group? */
enum result CHECKED permission_delegate_name(const struct policy_section *delegate,
                                             const struct permission_request *request, struct permission_rule *rule,
                                             struct error *error);

/* The account: named in the section, or in a @group that is, and then with the lowest user id or above. Root only as
 * "root". STATUS_TRY_AGAIN: as above. */
enum result CHECKED permission_delegate_account(const struct policy *policy, const struct policy_section *delegate,
                                                const struct permission_request *request, const char *profile,
                                                struct permission_rule *rule, struct error *error);
