#include "ctl/trial_options.h"

#include "base/owned.h"
#include "ctl/advice.h"
#include "ctl/json.h"
#include "ctl/survey.h"
#include "ctl/verb.h"

#include <stdlib.h>
#include <string.h>

static bool add_pairs(struct strv *words, const char *option, const struct strv *values)
{
    bool added = true;

    for (size_t at = 0; added && at < values->count; at++)
        added = strv_add_pair(words, option, values->items[at]);
    return added;
}

/* The command line of the run that is tried: one parser, one meaning. The command is never executed. */
static bool make_words(struct trial_options *options, const char *account)
{
    struct strv *words = &options->words;

    return strv_add(words, "pamrun") && strv_add_pair(words, "--profile", options->profile)
           && strv_add_pair(words, "--forward-password-fd", options->password_fd)
           && strv_add_pair(words, "--forward-answers-fd", options->answers_fd)
           && (!options->any_prompt || strv_add(words, "--any-prompt"))
           && add_pairs(words, "--pam-setenv", &options->environment)
           && strv_add_pair(words, "--pam-rhost", options->rhost) && add_pairs(words, "--deadline", &options->deadlines)
           && strv_add_pair(words, "--user", account) && strv_add(words, "--") && strv_add(words, "true");
}

enum result trial_options_read(struct trial_request *trial, struct operations *operations, const char *verb,
                               struct trial_options *options, char *const *words, struct error *error)
{
    *trial = (struct trial_request){
        .verb = verb,
        .options = &options->options,
        .caller = options->caller,
        .operations = operations,
    };
    if (words[0] == NULL) {
        (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "%s: needs the name of a user", verb);
        return verb_hint(verb, error);
    }
    if (!make_words(options, words[0]) || (options->argv = calloc(options->words.count + 1, sizeof *words)) == NULL)
        return fail_memory(error, STEP_OPTIONS);
    memcpy(options->argv, options->words.items, options->words.count * sizeof *words);
    if (options_parse(&options->options, (int)options->words.count, options->argv, error) != OK)
        return FAILED;
    /* It is root who asks for these here, whoever the run's caller is taken for. */
    memset(options->options.root_only, 0, sizeof options->options.root_only);
    return operations_parse(operations, words + 1, error);
}

void trial_options_free(struct trial_options *options)
{
    options_free(&options->options);
    free(options->argv);
    strv_free(&options->words);
    strv_free(&options->environment);
    strv_free(&options->deadlines);
}

void trial_advise(json_t *result)
{
    OWNED(policy_free) struct policy policy = {0};
    OWNED(stack_free) struct stack stack = {.lines = NULL};
    struct advice_request request = {.result = result, .stack = &stack, .policy = &policy};
    const char *profile = json_text_of(result, "profile");
    struct error unread; /* a run would have failed by it, and so has the trial */
    bool known = *profile != '\0' && policy_read(&policy, &policy_site_paths, &unread) == OK
                 && survey_read(&stack, profile, &unread) == OK;

    (void)json_object_set_new(result, "advice", known ? advice_find(&request) : json_array());
}

enum result trial_print_json(FILE *out, const json_t *result, struct error *error)
{
    return json_print(out, result, JSON_INDENT(2) | JSON_REAL_PRECISION(9), error);
}
