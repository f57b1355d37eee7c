#include "ask/policy_keys.h"

#include "ask/identity.h"
#include "ask/identity_map.h"
#include "base/number.h"
#include "base/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILE_NAME_MAX = 64, PROMPT_MAX = 511 };

static const uint32_t user_id_max = UINT32_MAX - 1; /* set*id(2) takes the one above for "leave as it is" */

/* ---- values: one function a kind; false: *problem says why, NULL for want of memory ---- */

static bool take_user_id(struct policy_value *value, const char *text, const char **problem)
{
    uint32_t number = 0;

    *problem = NULL;
    if (strcmp(text, "auto") != 0 && !number_parse(text, user_id_max, &number))
        *problem = "is no user id";
    value->number = strcmp(text, "auto") == 0 ? POLICY_USER_ID_AUTO : (int64_t)number;
    return *problem == NULL;
}

static bool take_seconds(struct policy_value *value, const char *text, const char **problem)
{
    int milliseconds = POLICY_KILL_NEVER;

    *problem = NULL;
    if (strcmp(text, "never") != 0 && !seconds_parse(text, &milliseconds))
        *problem = "is no time";
    value->number = milliseconds;
    return *problem == NULL;
}

bool profile_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= PROFILE_NAME_MAX && strchr("_.-", name[0]) == NULL
           && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
}

static bool take_profile(struct policy_value *value, const char *text, const char **problem)
{
    (void)value;
    *problem = profile_name_is_valid(text) ? NULL : "is no name of a profile";
    return *problem == NULL;
}

static bool take_path(struct policy_value *value, const char *text, const char **problem)
{
    (void)value;
    *problem = *text == '/' || *text == '\0' ? NULL : "is no absolute path";
    return *problem == NULL;
}

static bool take_rewrite(struct policy_value *value, const char *text, const char **problem)
{
    (void)value;
    *problem = NULL;
    return *text == '\0' || identity_rewrite_is_valid(text, problem);
}

/* ---- what a word of a list may be; NULL: it may be that ---- */

static const char *check_profile(const char *word)
{
    return profile_name_is_valid(word) ? NULL : "a word is no name of a profile";
}

static const char *check_group(const char *word)
{
    return account_name_is_valid(word) && *word != '@' ? NULL : "a word is no name of a group";
}

static const char *check_account(const char *word)
{
    return account_name_is_valid(word) && strcmp(word, "@") != 0 ? NULL : "a word is no name of a user or @group";
}

static const char *check_variable(const char *word)
{
    size_t length = strlen(word);

    length -= length > 0 && word[length - 1] == '*';
    if (length == 0 || isdigit((unsigned char)*word))
        return "a word is no name of a variable";
    for (size_t at = 0; at < length; at++)
        if (!isalnum((unsigned char)word[at]) && word[at] != '_')
            return "a word is no name of a variable";
    return NULL;
}

static const char *check_pattern(const char *word)
{
    return *word != '\0' && strchr(word, '/') == NULL ? NULL : "a word is no pattern for one part of a path";
}

static const char *check_prompt(const char *word)
{
    size_t length = strlen(word);

    if (length == 0 || length > PROMPT_MAX)
        return "a text is empty, or longer than any prompt";
    if (strchr(" \t", *word) != NULL || strchr(" \t", word[length - 1]) != NULL)
        return "a text begins or ends with a blank, and prompts are compared without";
    return NULL;
}

static const char *check_option(const char *word)
{
    /* not exec: between a delegate and his command stands the process that holds the session */
    static const char *const words[] = {"account-uid", "deadline",  "group",      "identity",  "no-account", "no-auth",
                                        "no-session",  "pam-rhost", "pam-setenv", "provision", "supp-group"};

    for (size_t at = 0; at < sizeof words / sizeof *words; at++)
        if (strcmp(word, words[at]) == 0)
            return NULL;
    return "a word is no option that can be granted";
}

static const char *check_command(const char *word)
{
    size_t length = strcspn(word, " \t");

    return *word == '/' && word[length - 1] != '/' ? NULL : "a command is no absolute path";
}

/* ---- the table ---- */

#define SCALAR(function) KIND_SCALAR, function, {NULL}, NULL
#define CHOICE(...)      KIND_CHOICE, NULL, {__VA_ARGS__}, NULL
#define LIST(function)   KIND_LIST, NULL, {NULL}, function

#define NAMES_OF_PROFILES "names of profiles (a-z 0-9 _ . -, at most 64), between blanks or commas"

const struct policy_key_row policy_key_table[POLICY_KEYS] = {
    [POLICY_PROFILE] = {"profile", PLACE_GLOBAL, "su", SCALAR(take_profile),
                        "one name of a profile: a-z 0-9 _ . -, at most 64, a letter or digit first"},
    [POLICY_USER_PROFILES] = {"user-profiles", PLACE_GLOBAL, "", LIST(check_profile), NAMES_OF_PROFILES},
    [POLICY_MINIMUM_USER_ID] = {"minimum-user-id", PLACE_RUN | PLACE_DELEGATE, "auto", SCALAR(take_user_id),
                                "auto, or a decimal number from 0 to 4294967294"},
    [POLICY_REQUIRED_GROUPS] = {"required-groups", PLACE_RUN, "", LIST(check_group),
                                "names of groups, without '@', between blanks or commas; \"in quotes\" with blanks"},
    [POLICY_FORWARD_PASSWORD] = {"forward-password", PLACE_RUN, "yes", CHOICE("no", "yes"), "yes or no"},
    [POLICY_CLOSE_ON_EXIT] = {"close-on-exit", PLACE_RUN, "no", CHOICE("no", "yes"), "yes or no"},
    [POLICY_KILL_AFTER] = {"kill-after", PLACE_RUN, "10", SCALAR(take_seconds),
                           "seconds from 0.001 to 86400, with up to three decimals, or never"},
    [POLICY_ENVIRONMENT_KEEP] = {"environment-keep", PLACE_RUN, "", LIST(check_variable),
                                 "names of variables, which may end in '*' behind a letter, between blanks or commas"},
    [POLICY_EXPIRED_PASSWORD] = {"expired-password", PLACE_RUN, "refuse", CHOICE("refuse", "allow"), "refuse or allow"},
    [POLICY_PTY] = {"pty", PLACE_RUN, "auto", CHOICE("auto", "never", "always"), "auto, never or always"},
    [POLICY_CGROUP] = {"cgroup", PLACE_RUN, "auto", CHOICE("auto", "keep", "follow", "require"),
                       "auto, keep, follow or require"},
    [POLICY_JOB_CGROUPS] = {"job-cgroups", PLACE_RUN, "slurmstepd* job_* step_* flux-* imp-*", LIST(check_pattern),
                            "patterns without '/', between blanks or commas"},
    [POLICY_PASSWORD_PROMPTS] = {"password-prompts", PLACE_RUN, "", LIST(check_prompt),
                                 "whole texts, each in quotes: \"LDAP Password:\""},
    [POLICY_IDENTITY_MAP] = {"identity-map", PLACE_RUN, "", SCALAR(take_path), "an absolute path, or nothing"},
    [POLICY_IDENTITY_REWRITE] = {"identity-rewrite", PLACE_RUN, "", SCALAR(take_rewrite),
                                 "^REGEX$ REPLACEMENT, no blanks in either ([[:blank:]]), $1 to $9, $$; or nothing"},
    [POLICY_PROFILES] = {"profiles", PLACE_DELEGATE, NULL, LIST(check_profile), NAMES_OF_PROFILES},
    [POLICY_ACCOUNTS] = {"accounts", PLACE_DELEGATE, NULL, LIST(check_account),
                         "names of users, and @group for who is in one, between blanks or commas"},
    [POLICY_OPTIONS] = {"options", PLACE_DELEGATE, NULL, LIST(check_option),
                        "account-uid deadline group identity no-account no-auth no-session pam-rhost pam-setenv "
                        "provision supp-group"},
    [POLICY_COMMANDS] = {"commands", PLACE_DELEGATE, NULL, LIST(check_command),
                         "absolute paths; with the arguments that must come first: \"/path word word\""},
};

static bool take_choice(const struct policy_key_row *row, struct policy_value *value, const char *text,
                        const char **problem)
{
    const size_t count = sizeof row->choices / sizeof *row->choices;

    *problem = "is none of the words that are allowed";
    for (size_t at = 0; at < count && row->choices[at] != NULL; at++)
        if (strcmp(row->choices[at], text) == 0) {
            value->number = (int64_t)at;
            *problem = NULL;
        }
    return *problem == NULL;
}

static bool take_list(const struct policy_key_row *row, struct policy_value *value, const char *text,
                      const char **problem)
{
    size_t at = value->list.count;

    if (!words_split(&value->list, text, problem))
        return false;
    for (; at < value->list.count && *problem == NULL; at++)
        *problem = row->check(value->list.items[at]);
    return *problem == NULL;
}

bool policy_value_take(const struct policy_key_row *row, struct policy_value *value, const char *text,
                       const char **problem)
{
    value->is_set = true;
    if (row->kind == KIND_LIST)
        return take_list(row, value, text, problem);
    if (!(row->kind == KIND_CHOICE ? take_choice(row, value, text, problem) : row->take(value, text, problem)))
        return false;
    value->text = strdup(text);
    return value->text != NULL;
}
