#include "ask/policy.h"

#include "ask/identity.h"
#include "ask/policy_keys.h"
#include "ask/settings.h"
#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"
#include "base/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, PATH_BYTES = 512, NAME_SHOWN = 32 };
enum { USER_ID_MIN_DEFAULT = 1000 };

const struct policy_paths policy_site_paths = {"/etc/pamrun.conf", "/etc/pamrun.conf.d"};

/* ---- sections ---- */

struct policy_section {
    enum policy_place place;
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

static struct policy_section *section_find(const struct policy *policy, enum policy_place place, const char *name)
{
    for (size_t at = 0; at < policy->count && name != NULL; at++)
        if (policy->sections[at].place == place && policy->sections[at].name != NULL
            && strcmp(policy->sections[at].name, name) == 0)
            return &policy->sections[at];
    return NULL;
}

/* A new one; NULL: out of memory. name: taken over, freed when it fails. */
static struct policy_section *section_add(struct policy *policy, enum policy_place place, char *name)
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

/* ---- one file ---- */

struct policy_reading {
    struct policy *policy;
    const struct policy_listener *listener; /* NULL: the first error ends it */
    bool has_failed;
};

/* What is wrong is told to who listens, and then reading goes on; without memory it does not. */
static enum result tell(struct policy_reading *reading, enum result result, const struct error *error)
{
    if (result == OK || reading->listener == NULL || error->status != STATUS_POLICY)
        return result;
    reading->has_failed = true;
    reading->listener->hear(reading->listener->context, error);
    return OK;
}

struct policy_file {
    struct policy_reading *reading;
    struct policy *policy; /* the reading's */
    const char *name;      /* owned by the policy */
    bool is_public;        /* everybody may read it */
    size_t section;        /* the number of the one that lines are for */
    bool skips_section;    /* its line was wrong, and nobody knows what belongs into it */
    bool skips_more;       /* the key's line was wrong, and more lines of its say nothing */
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

/* Blanks at a name's end would be seen by nobody. An applicant whom nobody resolves is called by his number. */
static bool user_name_is_valid(const char *name)
{
    return account_name_is_valid(name) && strchr(" \t", name[strlen(name) - 1]) == NULL
           && name[strspn(name, "0123456789")] != '\0';
}

static enum result find_section(struct policy_file *file, const char *text, unsigned int line, struct error *error)
{
    const char *profile = name_behind(text, "profile"), *user = name_behind(text, "delegate");
    const char *name = profile != NULL ? profile : user;
    enum policy_place place = profile != NULL ? PLACE_PROFILE : PLACE_DELEGATE;
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

static enum result open_section(void *context, const char *text, unsigned int line, struct error *error)
{
    struct policy_file *file = context;
    enum result result = find_section(file, text, line, error);

    file->skips_section = result != OK;
    return tell(file->reading, result, error);
}

/* A misspelt key is shown where everybody may read the file: it may be a link to one that holds something else. */
static enum result refuse_key(const struct policy_file *file, const struct setting *setting, struct error *error)
{
    char shown[NAME_SHOWN + 1], text[NAME_SHOWN + 16];

    (void)text_visible(shown, sizeof shown, setting->key, TEXT_ONE_LINE);
    (void)snprintf(text, sizeof text, "'%s'", shown);
    (void)refuse_line(file, setting->line, file->is_public ? text : "", "no such key", error);
    return fail_hint(error, "man 5 pamrun.conf has them all");
}

static enum result refuse_place(const struct policy_file *file, const struct setting *setting,
                                const struct policy_key_row *row, struct error *error)
{
    (void)refuse_line(file, setting->line, row->word, "does not belong into this section", error);
    return fail_hint(error, "it belongs %s",
                     row->places == PLACE_GLOBAL     ? "before the first section"
                     : row->places == PLACE_DELEGATE ? "into a section [delegate USER]"
                                                     : "before the first section, or into a section [profile NAME]");
}

static const struct policy_key_row *row_find(const char *word)
{
    for (size_t at = 0; at < POLICY_KEYS; at++)
        if (strcmp(policy_key_table[at].word, word) == 0)
            return &policy_key_table[at];
    return NULL;
}

/* Make room for the line's text: what an earlier file said goes. */
static enum result value_begin(const struct policy_file *file, const struct setting *setting,
                               const struct policy_key_row *row, struct policy_value *value, struct error *error)
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

static enum result keep_setting(struct policy_file *file, const struct setting *setting, struct error *error)
{
    struct policy_section *section = &file->policy->sections[file->section];
    const struct policy_key_row *row = row_find(setting->key);
    struct policy_value *value;
    const char *problem;

    if (row == NULL)
        return refuse_key(file, setting, error);
    if ((row->places & section->place) == 0)
        return refuse_place(file, setting, row, error);
    value = &section->values[row - policy_key_table];
    if (value_begin(file, setting, row, value, error) != OK)
        return FAILED;
    if (policy_value_take(row, value, setting->value, &problem))
        return OK;
    (void)refuse_line(file, setting->line, row->word, problem, error);
    return problem != NULL ? fail_hint(error, "%s", row->allowed) : FAILED;
}

static enum result take_setting(void *context, const struct setting *setting, struct error *error)
{
    struct policy_file *file = context;
    enum result result;

    if (file->skips_section || (file->skips_more && setting->continues)) /* told already */
        return OK;
    result = keep_setting(file, setting, error);
    file->skips_more = result != OK;
    return tell(file->reading, result, error);
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
    bool is_hidden;

    if (errno == ENOMEM)
        return fail_memory(error, STEP_POLICY);
    (void)text_visible(shown, sizeof shown, path, TEXT_ONE_LINE);
    if (errno == EAGAIN) {
        (void)fail(error, STEP_POLICY, STATUS_TRY_AGAIN, "%s: %s", shown, problem);
        return fail_hint(error, FILE_REWRITTEN_HINT);
    }
    is_hidden = errno == EACCES && geteuid() != 0; /* from pamrunctl's caller, who is not who could mend it */
    (void)fail(error, STEP_POLICY, STATUS_POLICY, "%s: %s", shown, problem);
    if (is_hidden)
        return fail_hint(error,
                         "you may not read the site policy; root can ask about you: pamrunctl config --caller USER");
    return fail_hint(error, "it must be root's, writable by nobody else, no link, and a file of at most 64 kB");
}

/* path: as in messages; name: as seen from the open directory. */
static enum result read_file(struct policy_reading *reading, int directory, const char *name, const char *path,
                             struct error *error)
{
    const char *problem;
    struct stat status = {0};
    OWNED(memory_free) char *text = file_read_trusted(directory, name, FILE_MAX, true, &status, &problem);
    struct policy_file file = {.reading = reading,
                               .policy = reading->policy,
                               .is_public = (status.st_mode & S_IROTH) != 0,
                               .section = GLOBALS};
    struct settings_taker taker = {.section = open_section, .setting = take_setting, .context = &file};

    if (text == NULL)
        return errno == ENOENT ? OK : tell(reading, refuse_file(path, problem, error), error);
    taker.file = file.name = note_file(reading->policy, path);
    if (file.name == NULL)
        return fail_memory(error, STEP_POLICY);
    return tell(reading, settings_read(text, &taker, error), error);
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

static enum result read_directory(struct policy_reading *reading, const char *path, struct error *error)
{
    const char *problem;
    OWNED(fd_close) int directory = file_open_trusted_directory(path, &problem);
    OWNED(strv_free) struct strv names = {0};

    if (directory < 0)
        return errno == ENOENT ? OK : tell(reading, refuse_file(path, problem, error), error);
    if (list_names(directory, path, &names, error) != OK)
        return tell(reading, FAILED, error);
    for (size_t at = 0; at < names.count; at++) {
        char whole[PATH_BYTES];

        (void)snprintf(whole, sizeof whole, "%s/%s", path, names.items[at]);
        if (read_file(reading, directory, names.items[at], whole, error) != OK)
            return FAILED;
    }
    return OK;
}

static enum result set_defaults(struct policy *policy, struct error *error)
{
    const char *problem;

    if (section_add(policy, PLACE_RUN, NULL) == NULL || section_add(policy, PLACE_GLOBAL, NULL) == NULL)
        return fail_memory(error, STEP_POLICY);
    for (size_t at = 0; at < POLICY_KEYS; at++)
        if (policy_key_table[at].standard != NULL
            && !policy_value_take(&policy_key_table[at], &policy->sections[DEFAULTS].values[at],
                                  policy_key_table[at].standard, &problem))
            return fail_memory(error, STEP_POLICY);
    return OK;
}

enum result policy_examine(struct policy *policy, const struct policy_paths *paths,
                           const struct policy_listener *listener, struct error *error)
{
    struct policy_reading reading = {.policy = policy, .listener = listener};

    *policy = (struct policy){0};
    if (set_defaults(policy, error) == OK && read_file(&reading, AT_FDCWD, paths->file, paths->file, error) == OK
        && read_directory(&reading, paths->directory, error) == OK && !reading.has_failed)
        return OK;
    policy_free(policy);
    return FAILED;
}

enum result policy_read(struct policy *policy, const struct policy_paths *paths, struct error *error)
{
    return policy_examine(policy, paths, NULL, error);
}

/* ---- what holds ---- */

const struct policy_value *policy_value(const struct policy *policy, enum policy_key key, const char *profile)
{
    static const struct policy_value nothing;
    const struct policy_section *section = section_find(policy, PLACE_PROFILE, profile);

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
    return section_find(policy, PLACE_DELEGATE, user);
}

static const struct policy_section *next_section(const struct policy *policy, const struct policy_section *before,
                                                 enum policy_place place)
{
    size_t at = before != NULL ? (size_t)(before - policy->sections) + 1 : 0;

    while (at < policy->count && policy->sections[at].place != place)
        at++;
    return at < policy->count ? &policy->sections[at] : NULL;
}

const struct policy_section *policy_next_delegate(const struct policy *policy, const struct policy_section *before)
{
    return next_section(policy, before, PLACE_DELEGATE);
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

const struct policy_section *policy_next_profile(const struct policy *policy, const struct policy_section *before)
{
    return next_section(policy, before, PLACE_PROFILE);
}

const char *profile_section_name(const struct policy_section *section)
{
    return section->name;
}

const struct policy_value *profile_section_value(const struct policy_section *section, enum policy_key key)
{
    return &section->values[key];
}

const char *policy_key_word(enum policy_key key)
{
    return key < POLICY_KEYS ? policy_key_table[key].word : "unknown";
}

void policy_show_value(char *out, size_t size, enum policy_key key, const struct policy_value *value)
{
    if (policy_key_table[key].kind == KIND_LIST)
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
