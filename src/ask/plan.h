/* plan.h - what will be run, and how: decided here, from values, before anything is done; later steps only do. */
#pragma once

#include "ask/identity.h"
#include "ask/options.h"
#include "base/error.h"

#include <stdbool.h>

struct plan {
    const struct account *account;   /* who the command runs as; borrowed from the identity */
    const struct group_list *groups; /* instead of the account's own; NULL: the account's own, initgroups(3) */
    gid_t group;                     /* the primary group */
    const char *shell;               /* the shell that runs; NULL: none, the command is executed itself (-u) */
    bool restricted;                 /* the account's shell, and nothing that gets round it */
    bool shell_was_refused;          /* another than the account's was asked for, and is not given */
    char **arguments;                /* argv of the command, NULL-terminated; the array is the plan's own */
    char *login_name;                /* storage of arguments[0] of a login shell: "-sh" */
    bool new_session;                /* setsid(2): the command cannot reach the applicant's terminal */
    bool pty;                        /* a pseudo-terminal of its own */
    const char *directory;           /* start there, entered as the account; NULL: where the applicant was */
    bool directory_must_exist;       /* --chdir; a login shell without a home starts in "/" */
};

/* Decide. applicant_shell: $SHELL of the applicant, which -p keeps; may be NULL. restricted: the applicant is not root and
 * the account's shell is none that everybody may use; it is run then, whatever -s or -p say, and -u is refused
 * (STATUS_REFUSED), as it would go round it. The plan borrows from options and identity. STATUS_SYSTEM: out of memory.
 * plan_free() in any case. */
enum result CHECKED plan_make(struct plan *plan, const struct options *options, const struct identity *identity,
                              const char *applicant_shell, bool restricted, struct error *error);

/* Is it missing in /etc/shells, shells(5)? Then it may be there to keep its user from running what he likes. */
bool shell_is_unlisted(const char *shell);

/* Are modules' informative messages shown? For a login without a command, as under su(1), and with --verbose. Errors
 * always are. */
bool plan_shows_information(const struct options *options);

void plan_free(struct plan *plan);
