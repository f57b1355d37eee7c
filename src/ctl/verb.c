#include "ctl/verb.h"

#include "base/strv.h"
#include "base/text.h"

#include <string.h>

enum result verb_hint(const char *verb, struct error *error)
{
    return fail_hint(error, "pamrunctl %s --help, or man 8 pamrunctl", verb);
}

static enum result usage(const struct verb *verb, const char *option, const char *problem, struct error *error)
{
    char shown[80];

    (void)text_visible(shown, sizeof shown, option, TEXT_ONE_LINE);
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "%s: %s: %s", verb->name, shown, problem);
    return verb_hint(verb->name, error);
}

static const struct verb_option *find_option(const struct verb *verb, const char *word, size_t length)
{
    for (const struct verb_option *row = verb->options; row->word != NULL; row++)
        if (strlen(row->word) == length && strncmp(row->word, word, length) == 0)
            return row;
    return NULL;
}

static bool take(void *request, const struct verb_option *row, const char *value)
{
    void *member = (char *)request + row->member;

    if (row->many)
        return strv_add(member, value);
    if (row->argument == NULL)
        *(bool *)member = true;
    else
        *(const char **)member = value;
    return true;
}

/* --word, --word=value, --word value. at: moved to the last word it used. */
static enum result parse_option(const struct verb *verb, char ***at, void *request, struct error *error)
{
    const char *word = **at + 2, *equals = strchrnul(word, '=');
    const struct verb_option *row =
        strncmp(**at, "--", 2) == 0 ? find_option(verb, word, (size_t)(equals - word)) : NULL;
    const char *value = *equals == '=' ? equals + 1 : NULL;
    char needs[64];

    if (row == NULL)
        return usage(verb, **at, "no such option", error);
    if (row->argument == NULL && value != NULL)
        return usage(verb, **at, "this option takes no value", error);
    (void)snprintf(needs, sizeof needs, "needs %s", row->argument != NULL ? row->argument : "");
    if (row->argument != NULL && value == NULL) {
        value = (*at)[1];
        if (value == NULL)
            return usage(verb, **at, needs, error);
        ++*at;
    }
    if (value != NULL && *value == '\0')
        return usage(verb, *equals == '=' ? **at : (*at)[-1], needs, error);
    return take(request, row, value) ? OK : fail_memory(error, STEP_OPTIONS);
}

enum result verb_parse(const struct verb *verb, char **words, void *request, char ***operands, bool *help,
                       struct error *error)
{
    char **kept = words, **at = words;

    *help = false;
    *operands = words;
    for (; *at != NULL && strcmp(*at, "--") != 0; at++) {
        if (**at != '-' || (*at)[1] == '\0') {
            *kept++ = *at;
            continue;
        }
        *help = strcmp(*at, "--help") == 0 || strcmp(*at, "-h") == 0;
        if (*help)
            return OK;
        if (parse_option(verb, &at, request, error) != OK)
            return FAILED;
    }
    at += *at != NULL;
    while (*at != NULL)
        *kept++ = *at++;
    *kept = NULL;
    if (verb->operands == NULL && *words != NULL)
        return usage(verb, *words, "takes options only", error);
    return OK;
}

void verb_print_help(const struct verb *verb, FILE *out)
{
    (void)fprintf(out, "Usage: pamrunctl %s [options]%s%s\n\n%s.\n\nOptions:\n", verb->name,
                  verb->operands != NULL ? " " : "", verb->operands != NULL ? verb->operands : "", verb->summary);
    for (const struct verb_option *row = verb->options; row->word != NULL; row++) {
        char left[64];

        (void)snprintf(left, sizeof left, "--%s %s", row->word, row->argument != NULL ? row->argument : "");
        (void)fprintf(out, "     %-24s %s\n", left, row->help);
    }
    (void)fprintf(out, " -h, %-24s %s\n", "--help", "print this and exit");
    (void)fprintf(out, "\n%s", verb->about);
}
