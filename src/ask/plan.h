/* plan.h - what will be run, and how: decided here, from values, before anything is done; later steps only do. */
#pragma once

#include "ask/identity.h"
#include "ask/options.h"
#include "base/error.h"

#include <stdbool.h>

/* The applicant's terminal, as far as the command would have it. */
enum terminal_use {
    TERMINAL_NONE,        /* nothing controls him */
    TERMINAL_CONTROLLING, /* one does, but none of descriptors 0-2 is it: "/dev/tty" only */
    TERMINAL_STANDARD,    /* and one of them is: somebody sits there and looks */
};

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

/* Decide. terminal: what the command would share; unless -P or -T say, another account gets a pseudo-terminal instead,
 * or a session of its own, and cannot push input back (TIOCSTI). applicant_shell: $SHELL of the applicant, which -p
 * keeps; may be NULL. restricted: the applicant is not root and the account's shell is none that everybody may use; it
 * is run then, whatever -s or -p say, and -u is refused (STATUS_REFUSED), as it would go round it. The plan borrows
 * from options and identity. STATUS_SYSTEM: out of memory. plan_free() in any case. */
enum result CHECKED plan_make(struct plan *plan, const struct options *options, const struct identity *identity,
                              const char *applicant_shell, bool restricted, enum terminal_use terminal,
                              struct error *error);

/* The same question for the pseudo-terminal alone, before all is known: true when there may be one. */
bool plan_may_have_pty(const struct options *options, const struct identity *identity, enum terminal_use terminal);

/* Is it missing in /etc/shells, shells(5)? Then it may be there to keep its user from running what he likes. */
bool shell_is_unlisted(const char *shell);

/* Are modules' informative messages shown? For a login without a command, as under su(1), and with --verbose. Errors
 * always are. */
bool plan_shows_information(const struct options *options);

void plan_free(struct plan *plan);
