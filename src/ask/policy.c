#include "ask/policy.h"

#include "ask/identity.h"
#include "ask/identity_map.h"
#include "ask/settings.h"
#include "base/file.h"
#include "base/number.h"
#include "base/owned.h"
#include "base/text.h"
#include "base/words.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 * 1024, PATH_BYTES = 512, NAME_SHOWN = 32, PROFILE_NAME_MAX = 64, PROMPT_MAX = 511 };
enum { USER_ID_MIN_DEFAULT = 1000 };

static const uint32_t user_id_max = UINT32_MAX - 1; /* set*id(2) takes the one above for "leave as it is" */

const struct policy_paths policy_site_paths = {"/etc/pamrun.conf", "/etc/pamrun.conf.d"};

/* ---- sections ---- */

enum place { GLOBAL = 1, PROFILE = 2, DELEGATE = 4, RUN = GLOBAL | PROFILE };

struct policy_section {
    enum place place;
    char *name; /* of the profile or user; NULL: none */
    struct policy_value values[POLICY_KEYS];
};

enum { DEFAULTS, GLOBALS };

static void value_free(struct policy_value *value)
{
    free(value->text);
    strv_free(&value->list);
    *value = (struct policy_value){0};
}

void policy_free(struct policy *policy)
{
    for (size_t at = 0; at < policy->count; at++) {
        free(policy->sections[at].name);
        for (int key = 0; key < POLICY_KEYS; key++)
            value_free(&policy->sections[at].values[key]);
    }
    free(policy->sections);
    strv_free(&policy->files);
    *policy = (struct policy){0};
}

static struct policy_section *section_find(const struct policy *policy, enum place place, const char *name)
{
    for (size_t at = 0; at < policy->count && name != NULL; at++)
        if (policy->sections[at].place == place && policy->sections[at].name != NULL
            && strcmp(policy->sections[at].name, name) == 0)
            return &policy->sections[at];
    return NULL;
}

/* A new one; NULL: out of memory. name: taken over, freed when it fails. */
static struct policy_section *section_add(struct policy *policy, enum place place, char *name)
{
    struct policy_section *larger = reallocarray(policy->sections, policy->count + 1, sizeof *larger);

    if (larger == NULL) {
        free(name);
        return NULL;
    }
    policy->sections = larger;
    larger[policy->count] = (struct policy_section){.place = place, .name = name};
    return &larger[policy->count++];
}

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

/* The same as the room pam/ asks for; tests/unit/test_policy.c holds them against each other. */
static bool profile_name_is_valid(const char *name)
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
    static const char *const words[] = {"account-uid", "deadline",   "exec",      "group",
                                        "identity",    "no-account", "no-auth",   "no-session",
                                        "pam-rhost",   "pam-setenv", "provision", "supp-group"};

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

enum kind { KIND_SCALAR, KIND_CHOICE, KIND_LIST };

struct key_row {
    const char *word;
    unsigned int places;  /* of enum place */
    const char *standard; /* the default; NULL: not set */
    enum kind kind;
    bool (*take)(struct policy_value *value, const char *text, const char **problem); /* KIND_SCALAR */
    const char *choices[4];                                                           /* KIND_CHOICE */
    const char *(*check)(const char *word);                                           /* KIND_LIST */
    const char *allowed;                                                              /* the hint for a bad value */
};

#define SCALAR(function) KIND_SCALAR, function, {NULL}, NULL
#define CHOICE(...)      KIND_CHOICE, NULL, {__VA_ARGS__}, NULL
#define LIST(function)   KIND_LIST, NULL, {NULL}, function

#define NAMES_OF_PROFILES "names of profiles (a-z 0-9 _ . -, at most 64), between blanks or commas"

static const struct key_row key_table[POLICY_KEYS] = {
    [POLICY_PROFILE] = {"profile", GLOBAL, "su", SCALAR(take_profile),
                        "one name of a profile: a-z 0-9 _ . -, at most 64, a letter or digit first"},
    [POLICY_USER_PROFILES] = {"user-profiles", GLOBAL, "", LIST(check_profile), NAMES_OF_PROFILES},
    [POLICY_MINIMUM_USER_ID] = {"minimum-user-id", RUN | DELEGATE, "auto", SCALAR(take_user_id),
                                "auto, or a decimal number from 0 to 4294967294"},
    [POLICY_REQUIRED_GROUPS] = {"required-groups", RUN, "", LIST(check_group),
                                "names of groups, without '@', between blanks or commas; \"in quotes\" with blanks"},
    [POLICY_FORWARD_PASSWORD] = {"forward-password", RUN, "yes", CHOICE("no", "yes"), "yes or no"},
    [POLICY_CLOSE_ON_EXIT] = {"close-on-exit", RUN, "no", CHOICE("no", "yes"), "yes or no"},
    [POLICY_KILL_AFTER] = {"kill-after", RUN, "10", SCALAR(take_seconds),
                           "seconds from 0.001 to 86400, with up to three decimals, or never"},
    [POLICY_ENVIRONMENT_KEEP] = {"environment-keep", RUN, "", LIST(check_variable),
                                 "names of variables, which may end in '*' behind a letter, between blanks or commas"},
    [POLICY_EXPIRED_PASSWORD] = {"expired-password", RUN, "refuse", CHOICE("refuse", "allow"), "refuse or allow"},
    [POLICY_PTY] = {"pty", RUN, "auto", CHOICE("auto", "never", "always"), "auto, never or always"},
    [POLICY_CGROUP] = {"cgroup", RUN, "auto", CHOICE("auto", "keep", "follow", "require"),
                       "auto, keep, follow or require"},
    [POLICY_JOB_CGROUPS] = {"job-cgroups", RUN, "slurmstepd* job_* step_* flux-* imp-*", LIST(check_pattern),
                            "patterns without '/', between blanks or commas"},
    [POLICY_PASSWORD_PROMPTS] = {"password-prompts", RUN, "", LIST(check_prompt),
                                 "whole texts, each in quotes: \"LDAP Password:\""},
    [POLICY_IDENTITY_MAP] = {"identity-map", RUN, "", SCALAR(take_path), "an absolute path, or nothing"},
    [POLICY_IDENTITY_REWRITE] = {"identity-rewrite", RUN, "", SCALAR(take_rewrite),
                                 "^REGEX$ REPLACEMENT, no blanks in either ([[:blank:]]), $1 to $9, $$; or nothing"},
    [POLICY_PROFILES] = {"profiles", DELEGATE, NULL, LIST(check_profile), NAMES_OF_PROFILES},
    [POLICY_ACCOUNTS] = {"accounts", DELEGATE, NULL, LIST(check_account),
                         "names of users, and @group for who is in one, between blanks or commas"},
    [POLICY_OPTIONS] = {"options", DELEGATE, NULL, LIST(check_option),
                        "account-uid deadline exec group identity no-account no-auth no-session pam-rhost pam-setenv "
                        "provision supp-group"},
    [POLICY_COMMANDS] = {"commands", DELEGATE, NULL, LIST(check_command),
                         "absolute paths; with the arguments that must come first: \"/path word word\""},
};

static bool take_choice(const struct key_row *row, struct policy_value *value, const char *text, const char **problem)
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

static bool take_list(const struct key_row *row, struct policy_value *value, const char *text, const char **problem)
{
    size_t at = value->list.count;

    if (!words_split(&value->list, text, problem))
        return false;
    for (; at < value->list.count && *problem == NULL; at++)
        *problem = row->check(value->list.items[at]);
    return *problem == NULL;
}

/* Take one line's text. A list grows with each line of it. */
static bool take(const struct key_row *row, struct policy_value *value, const char *text, const char **problem)
{
    value->is_set = true;
    if (row->kind == KIND_LIST)
        return take_list(row, value, text, problem);
    if (!(row->kind == KIND_CHOICE ? take_choice(row, value, text, problem) : row->take(value, text, problem)))
        return false;
    value->text = strdup(text);
    return value->text != NULL;
}

/* ---- one file ---- */

struct policy_file {
    struct policy *policy;
    const char *name; /* owned by the policy */
    size_t section;   /* the number of the one that lines are for */
};

static enum result refuse_line(const struct policy_file *file, unsigned int line, const char *key, const char *problem,
                               struct error *error)
{
    if (problem == NULL)
        return fail_memory(error, STEP_POLICY);
    return fail(error, STEP_POLICY, STATUS_POLICY, "%s:%u: %s%s%s", file->name, line, key, *key != '\0' ? ": " : "",
                problem);
}

/* "profile NAME": what stands behind the word and the blanks. NULL: it begins with another word. */
static const char *name_behind(const char *section, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(section, word, length) != 0 || section[length] != ' ')
        return NULL;
    return section + length + strspn(section + length, " ");
}

/* Blanks at a name's end would be seen by nobody. */
static bool user_name_is_valid(const char *name)
{
    return account_name_is_valid(name) && strchr(" \t", name[strlen(name) - 1]) == NULL;
}

static enum result open_section(void *context, const char *text, unsigned int line, struct error *error)
{
    struct policy_file *file = context;
    const char *profile = name_behind(text, "profile"), *user = name_behind(text, "delegate");
    const char *name = profile != NULL ? profile : user;
    enum place place = profile != NULL ? PROFILE : DELEGATE;
    struct policy_section *section = section_find(file->policy, place, name);

    if (name == NULL || (profile != NULL && !profile_name_is_valid(profile))
        || (user != NULL && !user_name_is_valid(user))) {
        (void)refuse_line(file, line, "", "no such section", error);
        return fail_hint(error,
                         "sections are [profile NAME] and [delegate USER]; all else stands before the first one");
    }
    if (section == NULL) {
        char *copy = strdup(name);

        section = copy != NULL ? section_add(file->policy, place, copy) : NULL;
    }
    if (section == NULL)
        return fail_memory(error, STEP_POLICY);
    file->section = (size_t)(section - file->policy->sections);
    return OK;
}

/* The file is root's and was checked, so that a misspelt key may be shown; a value may be a secret, a key hardly. */
static enum result refuse_key(const struct policy_file *file, const struct setting *setting, struct error *error)
{
    char shown[NAME_SHOWN + 1], text[NAME_SHOWN + 16];

    (void)text_visible(shown, sizeof shown, setting->key, TEXT_ONE_LINE);
    (void)snprintf(text, sizeof text, "'%s'", shown);
    (void)refuse_line(file, setting->line, text, "no such key", error);
    return fail_hint(error, "man 5 pamrun.conf has them all");
}

static enum result refuse_place(const struct policy_file *file, const struct setting *setting,
                                const struct key_row *row, struct error *error)
{
    (void)refuse_line(file, setting->line, row->word, "does not belong into this section", error);
    return fail_hint(error, "it belongs %s",
                     row->places == GLOBAL     ? "before the first section"
                     : row->places == DELEGATE ? "into a section [delegate USER]"
                                               : "before the first section, or into a section [profile NAME]");
}

static const struct key_row *row_find(const char *word)
{
    for (size_t at = 0; at < POLICY_KEYS; at++)
        if (strcmp(key_table[at].word, word) == 0)
            return &key_table[at];
    return NULL;
}

/* Make room for the line's text: what an earlier file said goes. */
static enum result value_begin(const struct policy_file *file, const struct setting *setting, const struct key_row *row,
                               struct policy_value *value, struct error *error)
{
    if (setting->continues && row->kind != KIND_LIST)
        return refuse_line(file, setting->line, row->word, "is no list, and cannot go on in the next line", error);
    if (setting->continues)
        return OK;
    if (value->origin.file == file->name) {
        (void)refuse_line(file, setting->line, row->word, "stands in this section already", error);
        return fail_hint(error, "line %u has it; a list can go on in the next line, indented", value->origin.line);
    }
    value_free(value);
    value->origin = (struct policy_origin){file->name, setting->line};
    return OK;
}

static enum result take_setting(void *context, const struct setting *setting, struct error *error)
{
    struct policy_file *file = context;
    struct policy_section *section = &file->policy->sections[file->section];
    const struct key_row *row = row_find(setting->key);
    struct policy_value *value;
    const char *problem;

    if (row == NULL)
        return refuse_key(file, setting, error);
    if ((row->places & section->place) == 0)
        return refuse_place(file, setting, row, error);
    value = &section->values[row - key_table];
    if (value_begin(file, setting, row, value, error) != OK)
        return FAILED;
    if (take(row, value, setting->value, &problem))
        return OK;
    (void)refuse_line(file, setting->line, row->word, problem, error);
    return problem != NULL ? fail_hint(error, "%s", row->allowed) : FAILED;
}

/* The path in messages and origins, of the policy's own; NULL: out of memory. */
static const char *note_file(struct policy *policy, const char *path)
{
    char shown[PATH_BYTES];

    (void)text_visible(shown, sizeof shown, path, TEXT_ONE_LINE);
    return strv_add(&policy->files, shown) ? policy->files.items[policy->files.count - 1] : NULL;
}

static enum result refuse_file(const char *path, const char *problem, struct error *error)
{
    char shown[PATH_BYTES];

    if (errno == ENOMEM)
        return fail_memory(error, STEP_POLICY);
    (void)text_visible(shown, sizeof shown, path, TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_POLICY, "%s: %s", shown, problem);
    return fail_hint(error, "it must be root's, writable by nobody else, no link, and a file of at most 64 kB");
}

/* path: as in messages; name: as seen from the open directory. */
static enum result read_file(struct policy *policy, int directory, const char *name, const char *path,
                             struct error *error)
{
    const char *problem;
    OWNED(memory_free) char *text = file_read_trusted(directory, name, FILE_MAX, &problem);
    struct policy_file file = {.policy = policy, .section = GLOBALS};
    struct settings_taker taker = {.section = open_section, .setting = take_setting, .context = &file};

    if (text == NULL)
        return errno == ENOENT ? OK : refuse_file(path, problem, error);
    taker.file = file.name = note_file(policy, path);
    if (file.name == NULL)
        return fail_memory(error, STEP_POLICY);
    return settings_read(text, &taker, error);
}

/* ---- all files ---- */

static bool is_policy_name(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > strlen(".conf") && strcmp(name + length - strlen(".conf"), ".conf") == 0;
}

static int by_bytes(const void *one, const void *other)
{
    const char *const *left = one, *const *right = other;

    return strcmp(*left, *right); /* as unsigned bytes, whatever the locale */
}

/* The names in their order. directory: stays the caller's. */
static enum result list_names(int directory, const char *path, struct strv *names, struct error *error)
{
    int copy = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    OWNED(directory_close) DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;

    if (stream == NULL) {
        int problem = errno;

        fd_close(&copy);
        errno = problem;
        return refuse_file(path, strerror(errno), error);
    }
    while (errno = 0, (entry = readdir(stream)) != NULL)
        if (is_policy_name(entry->d_name) && !strv_add(names, entry->d_name))
            return fail_memory(error, STEP_POLICY);
    if (errno != 0)
        return refuse_file(path, strerror(errno), error);
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, by_bytes);
    return OK;
}

static enum result read_directory(struct policy *policy, const char *path, struct error *error)
{
    const char *problem;
    OWNED(fd_close) int directory = file_open_trusted_directory(path, &problem);
    OWNED(strv_free) struct strv names = {0};

    if (directory < 0)
        return errno == ENOENT ? OK : refuse_file(path, problem, error);
    if (list_names(directory, path, &names, error) != OK)
        return FAILED;
    for (size_t at = 0; at < names.count; at++) {
        char whole[PATH_BYTES];

        (void)snprintf(whole, sizeof whole, "%s/%s", path, names.items[at]);
        if (read_file(policy, directory, names.items[at], whole, error) != OK)
            return FAILED;
    }
    return OK;
}

static enum result set_defaults(struct policy *policy, struct error *error)
{
    const char *problem;

    if (section_add(policy, RUN, NULL) == NULL || section_add(policy, GLOBAL, NULL) == NULL)
        return fail_memory(error, STEP_POLICY);
    for (size_t at = 0; at < POLICY_KEYS; at++)
        if (key_table[at].standard != NULL
            && !take(&key_table[at], &policy->sections[DEFAULTS].values[at], key_table[at].standard, &problem))
            return fail_memory(error, STEP_POLICY);
    return OK;
}

enum result policy_read(struct policy *policy, const struct policy_paths *paths, struct error *error)
{
    *policy = (struct policy){0};
    if (set_defaults(policy, error) == OK && read_file(policy, AT_FDCWD, paths->file, paths->file, error) == OK
        && read_directory(policy, paths->directory, error) == OK)
        return OK;
    policy_free(policy);
    return FAILED;
}

/* ---- what holds ---- */

const struct policy_value *policy_value(const struct policy *policy, enum policy_key key, const char *profile)
{
    static const struct policy_value nothing;
    const struct policy_section *section = section_find(policy, PROFILE, profile);

    if (section != NULL && section->values[key].is_set)
        return &section->values[key];
    if (policy->count <= GLOBALS)
        return &nothing;
    section = &policy->sections[GLOBALS];
    return section->values[key].is_set ? &section->values[key] : &policy->sections[DEFAULTS].values[key];
}

const char *policy_text(const struct policy *policy, enum policy_key key, const char *profile)
{
    const char *text = policy_value(policy, key, profile)->text;

    return text != NULL && *text != '\0' ? text : NULL;
}

const struct strv *policy_list(const struct policy *policy, enum policy_key key, const char *profile)
{
    return &policy_value(policy, key, profile)->list;
}

int64_t policy_number(const struct policy *policy, enum policy_key key, const char *profile)
{
    return policy_value(policy, key, profile)->number;
}

int policy_choice(const struct policy *policy, enum policy_key key, const char *profile)
{
    return (int)policy_number(policy, key, profile);
}

enum result policy_minimum_user_id(const struct policy_value *value, bool applicant_is_root,
                                   const struct login_defs *defs, uid_t *minimum, struct error *error)
{
    *minimum = (uid_t)-1;
    if (value->number != POLICY_USER_ID_AUTO)
        *minimum = (uid_t)value->number;
    else if (applicant_is_root && value->origin.file == NULL)
        *minimum = 0;
    else if (defs->is_incomplete)
        return fail(error, STEP_POLICY, STATUS_POLICY,
                    "minimum-user-id: auto is UID_MIN of login.defs, which cannot be read");
    else
        *minimum = defs->has_uid_min ? defs->uid_min : USER_ID_MIN_DEFAULT;
    return OK;
}

/* ---- delegates ---- */

const struct policy_section *policy_delegate(const struct policy *policy, const char *user)
{
    return section_find(policy, DELEGATE, user);
}

const struct policy_section *policy_next_delegate(const struct policy *policy, const struct policy_section *before)
{
    size_t at = before != NULL ? (size_t)(before - policy->sections) + 1 : 0;

    while (at < policy->count && policy->sections[at].place != DELEGATE)
        at++;
    return at < policy->count ? &policy->sections[at] : NULL;
}

const char *delegate_user(const struct policy_section *delegate)
{
    return delegate->name;
}

const struct policy_value *delegate_value(const struct policy_section *delegate, enum policy_key key)
{
    return &delegate->values[key];
}

/* ---- to show it ---- */

const char *policy_key_word(enum policy_key key)
{
    return key < POLICY_KEYS ? key_table[key].word : "unknown";
}

void policy_show_value(char *out, size_t size, enum policy_key key, const struct policy_value *value)
{
    if (key_table[key].kind == KIND_LIST)
        words_join(out, size, &value->list);
    else
        (void)snprintf(out, size, "%s", value->text != NULL ? value->text : "");
}

void policy_show_origin(char *out, size_t size, const struct policy_origin *origin)
{
    if (origin->file == NULL)
        (void)snprintf(out, size, "default");
    else
        (void)snprintf(out, size, "%s:%u", origin->file, origin->line);
}
