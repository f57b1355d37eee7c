/* trial_options.h - the options and operands that the verbs which call PAM have in common: check, trace. */
#pragma once

#include "ask/options.h"
#include "base/error.h"
#include "base/strv.h"
#include "ctl/trial.h"
#include "ctl/verb.h"

#include <jansson.h>
#include <stdio.h>

struct trial_options {
    const char *profile, *caller, *password_fd, *answers_fd, *rhost;
    bool any_prompt;
    struct strv environment, deadlines;
    struct strv words;      /* of a pamrun command line, made from these */
    char **argv;            /* the same; the parser moves them about */
    struct options options; /* what pamrun makes of it */
};

/* Rows of a verb's table, whose request has a struct trial_options called trial. */
#define TRIAL_OPTIONS(request)                                                                                         \
    {"profile", "NAME", offsetof(request, trial.profile), "the PAM profile (default: the site policy's)", false},      \
        {"as-caller", "USER", offsetof(request, trial.caller), "as if that user had called pamrun", false},            \
        {"forward-password-fd", "N", offsetof(request, trial.password_fd), "read a password from descriptor N",        \
         false},                                                                                                       \
        {"forward-answers-fd", "N", offsetof(request, trial.answers_fd), "read answers, one a line, from it", false},  \
        {"any-prompt", NULL, offsetof(request, trial.any_prompt), "the password for every prompt without echo",        \
         false},                                                                                                       \
        {"pam-setenv", "NAME=VALUE", offsetof(request, trial.environment), "tell the modules NAME; may be repeated",   \
         true},                                                                                                        \
        {"pam-rhost", "HOST", offsetof(request, trial.rhost), "tell the modules the client's host", false},            \
    {                                                                                                                  \
        "deadline", "STEP=SECONDS", offsetof(request, trial.deadlines), "give up a step that takes longer", true       \
    }

/* What they mean, as pamrun reads them; words: USER [OPERATION...]. *trial borrows from all of it. STATUS_USAGE. */
enum result CHECKED trial_options_read(struct trial_request *trial, struct operations *operations, const char *verb,
                                       struct trial_options *options, char *const *words, struct error *error);

void trial_options_free(struct trial_options *options);

/* When the trial is over: look for known traps, and add what is found to the result as "advice". */
void trial_advise(json_t *result);

/* --json: the result as it is. */
enum result CHECKED trial_print_json(FILE *out, const json_t *result, struct error *error);
