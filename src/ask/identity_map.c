#include "ask/identity_map.h"

#include "ask/bounded_regex.h"
#include "ask/identity.h"
#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_BYTES_MAX = 1024 * 1024, GROUPS = 10, SHOWN_MAX = 64 };

static const char blanks[] = " \t";

static bool has_control_character(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

/* ASCII only: which other letters have small ones depends on the language. */
static void fold(char *identity)
{
    if (strchr(identity, '@') == NULL)
        return;
    for (; *identity != '\0'; identity++)
        if (*identity >= 'A' && *identity <= 'Z')
            *identity = (char)(*identity - 'A' + 'a');
}

/* ---- the rule ---- */

/* The rule's two words, cut apart in a copy that the caller frees. false: as identity_rewrite_is_valid(). */
static bool rule_split(const char *rule, char **copy, char **regex, char **replacement, const char **problem)
{
    char *rest = NULL, *more;

    *problem = NULL;
    *copy = strdup(rule);
    if (*copy == NULL)
        return false;
    *regex = strtok_r(*copy, blanks, &rest);
    *replacement = *regex != NULL ? strtok_r(NULL, blanks, &rest) : NULL;
    more = *replacement != NULL ? strtok_r(NULL, blanks, &rest) : NULL;
    if (*replacement == NULL || more != NULL)
        *problem = "is not two words";
    return *problem == NULL;
}

static bool replacement_is_valid(const char *replacement, size_t groups, const char **problem)
{
    for (const char *at = strchr(replacement, '$'); at != NULL; at = strchr(at + 2, '$')) {
        if (at[1] == '$')
            continue;
        if (at[1] < '1' || at[1] > '9')
            *problem = "a '$' in the replacement stands before none of 1 to 9, nor before another '$'";
        else if ((size_t)(at[1] - '0') > groups)
            *problem = "the replacement uses parentheses that the expression does not have";
        if (*problem != NULL)
            return false;
    }
    return true;
}

bool identity_rewrite_is_valid(const char *rule, const char **problem)
{
    OWNED(memory_free) char *copy = NULL;
    char *regex, *replacement;
    regex_t compiled;
    bool is_valid;
    int code;

    if (!rule_split(rule, &copy, &regex, &replacement, problem))
        return false;
    if (!bounded_regex_check(regex, problem))
        return false;
    code = regcomp(&compiled, regex, REG_EXTENDED);
    if (code != 0) {
        *problem = code == REG_ESPACE ? NULL : "the expression is none";
        return false;
    }
    is_valid = replacement_is_valid(replacement, compiled.re_nsub, problem);
    regfree(&compiled);
    return is_valid;
}

/* What the replacement makes of the match, in out; false: more than a name may have. */
static bool replace(char *out, size_t size, const char *replacement, const char *identity, const regmatch_t *matches)
{
    size_t length = 0;

    for (; *replacement != '\0'; replacement++) {
        const char *piece = replacement;
        size_t count = 1;

        if (*replacement == '$' && *++replacement != '$') {
            const regmatch_t *match = &matches[*replacement - '0'];

            piece = identity + (match->rm_so >= 0 ? match->rm_so : 0);
            count = match->rm_so >= 0 ? (size_t)(match->rm_eo - match->rm_so) : 0;
        }
        if (length + count >= size)
            return false;
        memcpy(out + length, piece, count);
        length += count;
    }
    out[length] = '\0';
    return true;
}

/* The name that the rule makes; *account stays NULL when it does not match. */
static enum result rewrite_find(const char *rule, const char *identity, char **account, struct error *error)
{
    OWNED(memory_free) char *copy = NULL;
    char *regex, *replacement, name[LOGIN_NAME_MAX];
    const char *problem;
    regmatch_t matches[GROUPS];
    regex_t compiled;
    bool matched;

    if (!identity_rewrite_is_valid(rule, &problem) || !rule_split(rule, &copy, &regex, &replacement, &problem)
        || regcomp(&compiled, regex, REG_EXTENDED) != 0)
        return problem != NULL ? fail(error, STEP_POLICY, STATUS_POLICY, "identity-rewrite: %s", problem)
                               : fail_memory(error, STEP_POLICY);
    /* From end to end, whatever stands between '^' and '$'. */
    matched = regexec(&compiled, identity, GROUPS, matches, 0) == 0 && matches[0].rm_so == 0
              && (size_t)matches[0].rm_eo == strlen(identity)
              && replace(name, sizeof name, replacement, identity, matches) && account_name_is_valid(name);
    regfree(&compiled);
    if (!matched)
        return OK;
    *account = strdup(name);
    return *account != NULL ? OK : fail_memory(error, STEP_IDENTITY);
}

/* ---- the file ---- */

struct entry {
    const char *identity, *account;
    unsigned int line;
};

struct map {
    const char *path;
    char *text; /* the entries point into it */
    struct entry *entries;
    size_t count;
};

static void map_free(struct map *map)
{
    free(map->text);
    free(map->entries);
}

static enum result fail_line(const struct map *map, unsigned int line, const char *problem, struct error *error)
{
    return fail(error, STEP_POLICY, STATUS_POLICY, "%s:%u: %s", map->path, line, problem);
}

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, blanks);
    for (length = strlen(text); length > 0 && strchr(blanks, text[length - 1]) != NULL; length--)
        text[length - 1] = '\0';
    return text;
}

/* ID=account: the last '=' counts, identities may have some, names of accounts do not. */
static enum result add_line(struct map *map, char *line, unsigned int number, struct error *error)
{
    size_t length = strlen(line);
    char *equals;

    if (length > 0 && line[length - 1] == '\r')
        line[length - 1] = '\0';
    line = trim(line);
    if (*line == '\0' || *line == '#')
        return OK;
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
        return fail_line(map, number, "a byte order mark stands here", error);
    equals = strrchr(line, '=');
    if (equals == NULL)
        return fail_line(map, number, "neither a comment nor ID=account", error);
    *equals = '\0';
    map->entries[map->count] = (struct entry){trim(line), trim(equals + 1), number};
    if (*map->entries[map->count].identity == '\0' || has_control_character(line))
        return fail_line(map, number, "before the '=' stands no identity", error);
    if (strchr(line, '/') != NULL)
        return fail_line(map, number, "an identity ends before its first '/': nothing would match this one", error);
    if (!account_name_is_valid(map->entries[map->count].account))
        return fail_line(map, number, "behind the '=' stands no name of an account", error);
    fold(line);
    map->count++;
    return OK;
}

static int by_identity(const void *one, const void *other)
{
    const struct entry *left = one, *right = other;
    int order = strcmp(left->identity, right->identity);

    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

/* Of two lines that disagree one would count, and the administrator believe in the other. */
static enum result check_duplicates(const struct map *map, struct error *error)
{
    for (size_t at = 1; at < map->count; at++) {
        const struct entry *before = &map->entries[at - 1], *entry = &map->entries[at];

        if (strcmp(before->identity, entry->identity) != 0 || strcmp(before->account, entry->account) == 0)
            continue;
        (void)fail_line(map, entry->line, "the same identity has another account", error);
        return fail_hint(error, "the other one is in line %u", before->line);
    }
    return OK;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static enum result map_read(struct map *map, struct error *error)
{
    unsigned int number = 0;
    struct stat status;
    const char *problem;
    char *rest, *line;

    map->text = file_read_trusted(AT_FDCWD, map->path, MAP_BYTES_MAX, true, &status, &problem);
    if (map->text == NULL) {
        if (errno == ENOMEM)
            return fail_memory(error, STEP_POLICY);
        if (errno == EAGAIN) {
            (void)fail(error, STEP_POLICY, STATUS_TRY_AGAIN, "%s: %s", map->path, problem);
            return fail_hint(error, FILE_REWRITTEN_HINT);
        }
        (void)fail(error, STEP_POLICY, STATUS_POLICY, "%s: %s", map->path, problem);
        return fail_hint(error, "identity-map names a file of root's that nobody else can write, of at most 1 MB");
    }
    map->entries = reallocarray(NULL, count_lines(map->text), sizeof *map->entries);
    if (map->entries == NULL)
        return fail_memory(error, STEP_POLICY);
    for (rest = map->text; (line = file_next_line(&rest)) != NULL;)
        if (add_line(map, line, ++number, error) != OK)
            return FAILED;
    if (map->count > 0)
        qsort(map->entries, map->count, sizeof *map->entries, by_identity);
    return check_duplicates(map, error);
}

/* The name that the file has; *account stays NULL when it has none. */
static enum result map_find(const char *path, const char *identity, char **account, struct error *error)
{
    OWNED(map_free) struct map map = {.path = path};

    if (map_read(&map, error) != OK)
        return FAILED;
    for (size_t at = 0; at < map.count; at++)
        if (strcmp(map.entries[at].identity, identity) == 0) {
            *account = strdup(map.entries[at].account);
            return *account != NULL ? OK : fail_memory(error, STEP_IDENTITY);
        }
    return OK;
}

/* ---- both ---- */

static enum result refuse(const char *identity, bool has_means, struct error *error)
{
    char shown[SHOWN_MAX];

    (void)text_visible(shown, sizeof shown, identity, TEXT_ONE_LINE);
    (void)fail(error, STEP_IDENTITY, STATUS_REFUSED, "identity '%s': no account is mapped to it", shown);
    return has_means ? FAILED : fail_hint(error, "the site policy has neither identity-map nor identity-rewrite");
}

enum result identity_map(const char *map, const char *rewrite, const char *identity, char **account,
                         struct error *error)
{
    OWNED(memory_free) char *mapped = strndup(identity, strcspn(identity, "/"));

    *account = NULL;
    if (*identity == '\0' || *identity == '/' || strlen(identity) > IDENTITY_BYTES_MAX
        || has_control_character(identity)) {
        (void)fail(error, STEP_IDENTITY, STATUS_USAGE, "the identity: not a possible one");
        return fail_hint(error, "an identity has 1 to %d bytes, no control character, no '/' at its start",
                         IDENTITY_BYTES_MAX);
    }
    if (mapped == NULL)
        return fail_memory(error, STEP_IDENTITY);
    fold(mapped);
    if (map != NULL && map_find(map, mapped, account, error) != OK)
        return FAILED;
    if (*account == NULL && rewrite != NULL && rewrite_find(rewrite, mapped, account, error) != OK)
        return FAILED;
    return *account != NULL ? OK : refuse(mapped, map != NULL || rewrite != NULL, error);
}
