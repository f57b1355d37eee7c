/* error.h - what a function of ours returns, and what went wrong.
 *
 * A failure is filled in where it happens and reported once, by main (pamrun.c). Below main nothing prints an error.
 * Results are written on OK only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Two values that differ in every bit: a single flipped bit turns neither into the other (CVE-2023-42465). */
enum result {
    OK = 0x3c5a69a5,
    FAILED = 0x43a5965a,
};

#define CHECKED __attribute__((warn_unused_result))

/* Exit statuses of our own, sysexits(3). 126, 127: as shells. */
enum exit_status {
    STATUS_USAGE = 64,       /* EX_USAGE: the command line is wrong */
    STATUS_NO_USER = 67,     /* EX_NOUSER: nobody resolves the name */
    STATUS_UNAVAILABLE = 69, /* EX_UNAVAILABLE: the profile, or a module of it, cannot be used */
    STATUS_SYSTEM = 71,      /* EX_OSERR: this node failed */
    STATUS_TRY_AGAIN = 75,   /* EX_TEMPFAIL: a directory or module does not answer, a deadline has passed */
    STATUS_REFUSED = 77,     /* EX_NOPERM: authentication, account or policy said no */
    STATUS_POLICY = 78,      /* EX_CONFIG: the site policy cannot be used */
    STATUS_CANNOT_RUN = 126, /* the command was found and cannot be executed */
    STATUS_NOT_FOUND = 127,  /* the command was not found */
    STATUS_SIGNAL_BASE = 128 /* plus the signal's number */
};

/* Whose fault a failure is: a prolog lets only the node's drain the node. */
enum failure_class {
    CLASS_USER,
    CLASS_NODE,
};

/* The steps of a run, in order. The words for PAM steps are the functions' names without pam_, as pamtester has
 * them. */
enum step {
    STEP_OPTIONS,
    STEP_POLICY,
    STEP_IDENTITY,
    STEP_PROFILE,
    STEP_START,
    STEP_AUTHENTICATE,
    STEP_ACCOUNT,
    STEP_CHAUTHTOK,
    STEP_GROUPS,
    STEP_SHARE,
    STEP_CREDENTIALS,
    STEP_OPEN_SESSION,
    STEP_COMMAND,
    STEP_CLOSE_SESSION,
    STEP_DELETE_CREDENTIALS,
    STEP_END,
    STEP_COUNT
};

struct error {
    int status;               /* exit status of pamrun: one of enum exit_status, or 128 + signal */
    enum failure_class class; /* whose fault it is */
    enum step step;           /* where it happened */
    int pam_code;             /* PAM return code; 0 (PAM_SUCCESS) when libpam did not say it */
    int logged_code;          /* what syslog is told instead, where the applicant must not know; 0: the same */
    char message[1024];       /* "what failed: why", without "pamrun:" and without a final stop */
    char hint[512];           /* what to do about it; empty where nothing is known */
};

/* The word for a step in messages, in --deadline and in JSON events. Never NULL. */
const char *step_name(enum step step);

/* The step of that name; false when there is none. Only the steps that call a PAM module have deadlines, so only
 * they are found. */
bool step_from_name(const char *name, enum step *step);

/* Fill the error and return FAILED. The hint is emptied; the class follows from the status: 77 is the user's, 126 and
 * 127 too (the command was his choice), all else the node's: a wrong command line is whoever's wrote the hook. */
__attribute__((format(printf, 4, 5))) enum result fail(struct error *error, enum step step, int status,
                                                       const char *format, ...);

/* fail() for want of memory. */
enum result fail_memory(struct error *error, enum step step);

/* fail() for a fork(2) that did, and errno. what: what is not there for want of it. */
enum result fail_fork(struct error *error, enum step step, const char *what);

/* Add what to do about it. Returns FAILED, so that it can end a function. */
__attribute__((format(printf, 2, 3))) enum result fail_hint(struct error *error, const char *format, ...);
