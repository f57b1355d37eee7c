/* stack.h - what libpam makes of a profile: its lines in order, with those of the files that it includes, pam.d(5).
 * Where libpam makes something odd of a line, so does this.
 *
 * The lines are a tree, parents before their children, in the order of the files. For one facility libpam keeps a list:
 * its modules, substacks and broken lines in that order, includes being nothing by themselves. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "pam/dialect.h"
#include "pam/profile_line.h"

#include <stdbool.h>
#include <stddef.h>

enum stack_facility {
    STACK_AUTH,
    STACK_ACCOUNT,
    STACK_SESSION,
    STACK_PASSWORD,
    STACK_FACILITIES,
    STACK_ALL = STACK_FACILITIES, /* of an @include that brings lines of all */
};

enum stack_kind {
    STACK_MODULE,
    STACK_INCLUDE,    /* the lines of its file stand in its place */
    STACK_SUBSTACK,   /* a line that does nothing; those of its file are one level deeper */
    STACK_BROKEN,     /* a line that libpam cannot use: it answers PAM_PERM_DENIED in its place */
    STACK_UNFINISHED, /* no line: its file ends in one that would go on, and libpam gives the file up */
};

enum { STACK_ROOT = -1, STACK_PROBLEM_BYTES = 160 };

struct stack_line {
    enum stack_kind kind;
    enum stack_facility facility;
    bool quiet;       /* "-": libpam does not log that the module is missing */
    bool of_other;    /* of the profile "other" */
    bool of_parent;   /* broken: stands for its parent's file, which could not be read to its end; no line of a file */
    int parent;       /* index of the include or substack that brought it; STACK_ROOT: none */
    unsigned depth;   /* how many parents it has */
    unsigned level;   /* how many of them are substacks */
    const char *file; /* the stack's */
    unsigned number;  /* of the line in the file */
    char *text;       /* the whole line, put together */
    size_t type_at, module_at, rest_at; /* in text: the facility, the module or file, what is behind it; or the end */
    char *control;                      /* without brackets; NULL: none */
    bool control_understood;            /* else every code is bad */
    int actions[CONTROL_CODES];
    char *word; /* the module or included file as written; NULL: none */
    char *path; /* that file, where libpam finds it; NULL: it is missing */
    struct strv arguments;
    char problem[STACK_PROBLEM_BYTES]; /* why it is broken, or the file that is included missing; empty: it is well */
};

struct stack {
    struct stack_line *lines; /* those of the profile, then those of "other" */
    size_t count;
    size_t own;            /* how many of them are the profile's */
    bool is_other;         /* the profile is "other": libpam reads it twice, and all of its lines are there twice */
    struct strv files;     /* read so far, by path; a file that is included twice is there twice */
    char *profile, *other; /* the files of the two; NULL: there is none */
    char problem[STACK_PROBLEM_BYTES]; /* why libpam does not start with this profile; empty: it does */
};

/* Where libpam looks; constant for the stack's life. */
struct stack_places {
    const char *const *profiles; /* service.h: directories, the site's first */
    const char *configuration;   /* /etc/pam.conf: read when none of them is there */
    const struct dialect *dialect;
};

/* The places of this machine, libpam having been asked. Points into itself: not to be copied. */
struct stack_site {
    struct dialect dialect;
    struct stack_places places;
};

enum result CHECKED stack_find_site(struct stack_site *site, struct error *error);

/* Resolve the profile. FAILED: a file could not be read, files include each other without end, or no memory; what
 * libpam would make of it is not known then. stack_free() in any case. */
enum result CHECKED stack_resolve(struct stack *stack, const char *service, const struct stack_places *places,
                                  struct error *error);

/* The next line of libpam's list for the facility behind at (STACK_ROOT: the first); -1: there is none. of_other: of
 * the list of "other". */
int stack_next(const struct stack *stack, enum stack_facility facility, bool of_other, int at);

/* Does the profile have no line of its own for it, so that libpam takes those of "other"? */
bool stack_is_served_by_other(const struct stack *stack, enum stack_facility facility);

/* The one whose lines that step calls; of a step that calls modules. */
enum stack_facility stack_facility_of(enum step step);

/* "auth"; "" for STACK_ALL. */
const char *stack_facility_name(enum stack_facility facility);

void stack_free(struct stack *stack);
