/* verb.h - a verb of pamrunctl: "pamrunctl VERB [options] [operands]". A file a verb; pamrunctl.c has the table.
 *
 * The options' rows feed the parser, --help, and the tests that hold manual page and completions against them. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct verb_option {
    const char *word;     /* without dashes; NULL: the end of the table */
    const char *argument; /* NULL: takes none */
    size_t member;        /* offsetof() in the verb's request: a const char * for what is given, a bool for a flag */
    const char *help;
    bool many; /* may be given again: the member is a struct strv, all of them in order, which the verb frees */
};

struct verb {
    const char *name;
    const char *operands; /* "USER [STEP...]"; NULL: takes none */
    const char *summary;  /* one line */
    const char *about;    /* lines behind the options in --help */
    const struct verb_option *options;
    size_t request_size;
    /* *status: the exit status when OK is returned; FAILED: the error is reported and its status is the exit status.
     * Standard output is checked by who calls. */
    enum result (*run)(const void *request, char *const *operands, int *status, struct error *error);
};

/* Parse what stands behind the verb. request: zeroed, request_size bytes; borrows from the words, whose order changes:
 * *operands points to those that are none of the options' (NULL-terminated). Abbreviated options are refused; "--" ends
 * them; of an option given twice the last one counts. *help: --help or -h was there, and the rest was not looked at.
 * FAILED with STATUS_USAGE. */
enum result CHECKED verb_parse(const struct verb *verb, char **words, void *request, char ***operands, bool *help,
                               struct error *error);

/* Where the verb's command line is described, for an error about it. FAILED. */
enum result verb_hint(const char *verb, struct error *error);

void verb_print_help(const struct verb *verb, FILE *out);
