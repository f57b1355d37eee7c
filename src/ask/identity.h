/* identity.h - who asks and who is asked for: passwd and group entries, looked up here only, copied and checked. */
#pragma once

#include "ask/options.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* One passwd entry. The strings are this struct's own: the static buffer of getpwnam(3) is overwritten by modules. */
struct account {
    char *name, *home, *shell; /* shell: /bin/sh where the entry has none, passwd(5) */
    uid_t uid;
    gid_t gid;
};

struct group_list {
    gid_t *ids; /* NULL: none named on the command line, the account's own count */
    size_t count;
};

struct identity {
    struct account applicant; /* by the real user id; the name is the number where nobody resolves it */
    struct account account;   /* as it was before the modules ran */
    bool unknown;             /* nobody has the account's name, and the applicant is not to know that yet */
    bool provision;           /* a module of the account step is to make the account */
    bool has_group;           /* -g, or the first -G */
    gid_t group;
    struct group_list supplementary; /* -g and -G: instead of the account's */
};

/* May this be a user's name? Not empty, below LOGIN_NAME_MAX bytes, no '/', no control character, no leading '-';
 * '@' '.' '\' and blanks are directory users'. */
bool account_name_is_valid(const char *name);

/* Look up one account by its name. STATUS_USAGE, STATUS_NO_USER, STATUS_SYSTEM as below. account_free() when OK. */
enum result CHECKED account_by_name(struct account *account, const char *name, struct error *error);

/* The same by number: the name found for it must lead back to the same number. */
enum result CHECKED account_by_uid(struct account *account, uid_t uid, struct error *error);

/* Who calls with this real user id, as a run finds him: by the number alone, whatever other names it has. */
enum result CHECKED account_of_caller(struct account *account, uid_t uid, struct error *error);

void account_free(struct account *account);

/* Is the account in that group, its primary one included? 1, 0 (also: nobody knows the group), or -1: the look-up
 * failed. */
int account_is_in_group(const struct account *account, const char *group);

/* Look up the applicant alone, by the real user id. */
enum result CHECKED identity_find_applicant(struct identity *identity, struct error *error);

/* Look up the applicant (real user id) and the account and groups that the options name. To an applicant who is neither
 * root nor a delegate (as_root) an unknown name is like any other until PAM has let him through: the account is a
 * stand-in then, nobody's. So it is with --provision. *identity is zeroed, or has its applicant. STATUS_USAGE: a name
 * that can be none; STATUS_NO_USER: nobody resolves it; STATUS_SYSTEM, or STATUS_TRY_AGAIN for a directory that does
 * not answer: the look-up failed. identity_free() in any case. */
enum result CHECKED identity_resolve(struct identity *identity, const struct options *options, bool as_root,
                                     struct error *error);

/* Look the account up again, after the modules ran, and refuse when it is not the same any more. The fresh entry
 * replaces the old one. */
enum result CHECKED identity_confirm(struct identity *identity, struct error *error);

void identity_free(struct identity *identity);
