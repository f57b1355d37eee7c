/* options.h - the command line as typed, and nothing else: no look-ups, no files, no environment.
 * One table (options.c) feeds the parser, --help, the completions and the check of the man page. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

#include <stdio.h>
#include <sys/types.h>

enum form {
    FORM_SHELL,  /* su's: [-] [user [argument...]] */
    FORM_COMMAND /* runuser's: -u user [--] command [argument...] */
};

enum pty_wish { PTY_DEFAULT, PTY_YES, PTY_NO };

enum {
    KILL_NEVER = -1,
    KILL_UNSET = -2, /* not given: the site policy says */
    ROOT_ONLY_MAX = 32
};

struct options {
    enum form form;
    const char *account_name; /* NULL: not given */
    bool has_account_uid;     /* --account-uid: the account is known by number only */
    uid_t account_uid;
    const char *shell;   /* -s; NULL when absent */
    const char *command; /* -c or --session-command; NULL when absent */
    bool same_session;   /* --session-command: no session of its own for the command */
    bool login, fast, keep_environment;
    const char *group;          /* -g */
    const char **supplementary; /* -G, in order; NULL-terminated, or NULL */
    const char **kept_names;    /* -w, each a comma-separated list; NULL-terminated, or NULL */
    enum pty_wish pty;
    const char *profile; /* --profile; NULL when absent */
    bool close_on_exit, exec, share;
    const char *hold;      /* --hold; NULL: none */
    uint32_t hold_seconds; /* --hold-time; 0: until it is released */
    bool no_auth, no_account, no_session;
    const char **pam_environment; /* --pam-setenv, NAME=VALUE in order; NULL-terminated, or NULL */
    const char *rhost;            /* --pam-rhost */
    const char *directory;        /* --chdir */
    int kill_after_ms;            /* --kill-after; KILL_NEVER, KILL_UNSET */
    int deadline_ms[STEP_COUNT];  /* --deadline; 0: none */
    int status_fd;                /* --json-status-fd; -1: none */
    const char *identity;         /* --identity; NULL when absent */
    bool provision;               /* --provision */
    uid_t minimum_user_id;        /* --minimum-user-id; 0: none */
    struct strv required_groups;  /* --required-group */
    int password_fd;              /* --forward-password-fd; -1: none */
    int answers_fd;               /* --forward-answers-fd; -1: none */
    bool any_prompt, require_password_used;
    bool quiet, verbose;
    const char *root_only[ROOT_ONLY_MAX]; /* words of the options that only root may use, in order; NULL-terminated */
    bool help, version;                   /* the rest was not looked at */
    char **arguments;                     /* the words behind the options and the user; NULL-terminated, borrowed */
};

/* Parse argv, su(1) and runuser(1) with pamrun(8)'s own options. argv's strings are borrowed; its order may change
 * (as with getopt(3), options are found behind operands in su's form). Abbreviated words are refused: the options of
 * a setuid program must not change their meaning when one is added.
 * Returns FAILED with STATUS_USAGE. options_free() in any case. */
enum result CHECKED options_parse(struct options *options, int argc, char **argv, struct error *error);

void options_free(struct options *options);

/* The text of --help. */
void options_print_help(FILE *out);

/* The table as lines "letter word argument", tab-separated, "-" where there is none: for the tests that hold man
 * page and completions against it. */
void options_print_table(FILE *out);
