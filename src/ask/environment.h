/* environment.h - the environment of the command: a pure function of what is handed in. DESIGN: su(1)'s rules for the
 * base, the PAM environment over it, one table of names that are refused whoever brings them. */
#pragma once

#include "ask/identity.h"
#include "ask/login_defs.h"
#include "base/strv.h"

#include <stdbool.h>
#include <sys/types.h>

struct environment_request {
    char *const *applicant; /* the environment pamrun was started with; may be NULL */
    bool applicant_is_root; /* others' values are looked at more closely */
    bool may_share_session; /* root, and who becomes himself: others only say that a directory is theirs */
    bool anew;              /* as login, and without kept_names: who may run one command must not steer it */
    const struct account *account;
    const char *shell;             /* for SHELL; NULL: leave it (-u) */
    bool login;                    /* -l: from scratch */
    bool keep;                     /* -p: HOME SHELL USER LOGNAME PATH stay */
    const char *const *kept_names; /* -w, each a comma-separated list; may be NULL */
    char *const *site_names;       /* names that login and anew keep, "LC_*" for all that begin so; may be NULL */
    const struct login_defs *defs;
    char *const *pam;             /* pam_getenvlist(3); may be NULL */
    const char *const *pam_given; /* --pam-setenv: told to the modules, not to the command; may be NULL */
    bool (*owns_directory)(const char *path, uid_t uid); /* is path one of that user's alone? */
};

/* May a delegate tell it to modules, --pam-setenv? Their helpers, such as pam_exec(8)'s scripts, are root's, and obey
 * some names before their first line; others are PAM's and ours to say. entry: NAME=VALUE. */
bool environment_delegate_may_tell(const char *entry);

/* May a module's NAME=VALUE become part of a command's environment? */
bool environment_pam_may_say(const char *entry);

/* Build it. false: out of memory. The caller owns what is in *environment (strv_free()), also then. */
bool environment_build(struct strv *environment, const struct environment_request *request);
