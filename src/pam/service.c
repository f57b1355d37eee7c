#include "pam/service.h"

#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 512, INCLUDE_DEPTH_MAX = 16, FILES_MAX = 256 };

/* Not one more than libpam has: it would take "other" for a profile that only we find. */
const char *const service_directories[] = {"/etc/pam.d", "/usr/lib/pam.d",
#ifdef PAM_VENDOR_DIRECTORY
                                           PAM_VENDOR_DIRECTORY,
#endif
                                           NULL};

bool service_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > SERVICE_NAME_MAX || strchr("_.-", name[0]) != NULL)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
}

/* The nth place where libpam looks for that name; an absolute name (of an include) has one. false: no more. */
static bool service_path(char path[static PATH_BYTES], const char *name, const char *const *directories, size_t nth)
{
    if (name[0] == '/' ? nth > 0 : directories[nth] == NULL)
        return false;
    (void)snprintf(path, PATH_BYTES, "%s%s%s", name[0] == '/' ? "" : directories[nth], name[0] == '/' ? "" : "/", name);
    return true;
}

static bool is_not_there(int problem)
{
    return problem == ENOENT || problem == ENOTDIR;
}

/* Read the file that libpam would for that name. NULL: there is none (errno ENOENT), or it cannot be read. */
static char *service_read(const char *name, const char *const *directories, char path[static PATH_BYTES],
                          struct stat *status)
{
    char *text = NULL;

    for (size_t nth = 0; text == NULL && service_path(path, name, directories, nth); nth++) {
        text = file_read(path, status);
        if (text == NULL && !is_not_there(errno))
            return NULL;
    }
    return text;
}

/* Find that file without reading it. false: errno says why. */
static bool service_find(const char *name, const char *const *directories, char path[static PATH_BYTES],
                         struct stat *status)
{
    int problem = ENOENT;

    for (size_t nth = 0; is_not_there(problem) && service_path(path, name, directories, nth); nth++)
        problem = stat(path, status) == 0 ? 0 : errno;
    errno = problem;
    return problem == 0;
}

bool service_exists(const char *name, const char *const *directories)
{
    char path[PATH_BYTES];
    struct stat status;

    return service_find(name, directories, path, &status) || !is_not_there(errno);
}

/* Who can write a profile, or what it includes, can become anybody. */
static enum result check_trust(const char *name, const char *path, const struct stat *status, struct error *error)
{
    if (S_ISREG(status->st_mode) && status->st_uid == 0 && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return OK;
    (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE,
               "profile %s: %s: must be a regular file of root's that nobody else can write", name, path);
    return fail_hint(error, "chown root:root %s; chmod 644 %s", path, path);
}

static bool has_all(struct facilities found, struct facilities needed)
{
    return (found.auth || !needed.auth) && (found.account || !needed.account) && (found.session || !needed.session);
}

static struct facilities both(struct facilities one, struct facilities other)
{
    return (struct facilities){one.auth && other.auth, one.account && other.account, one.session && other.session};
}

/* The facility that a word names, "-auth" too; none: password, or a word that is none. */
static struct facilities facility_of(const char *word)
{
    word += *word == '-';
    return (struct facilities){strcasecmp(word, "auth") == 0, strcasecmp(word, "account") == 0,
                               strcasecmp(word, "session") == 0};
}

/* A file that another one draws lines from, and for which facilities. */
struct include {
    const char *name;
    struct facilities wanted;
};

enum { INCLUDES_MAX = 32 };

static const struct facilities every_facility = {true, true, true};

/* The next line as libpam puts it together, in place: comments and blanks at both ends gone, empty lines skipped, a
 * backslash at the end joins it with the next line that is not empty. NULL at the end. */
static char *next_logical_line(char **rest)
{
    char *logical = NULL, *end = NULL, *line;

    while ((line = file_next_line(rest)) != NULL) {
        size_t length;
        bool goes_on;

        line += strspn(line, " \t");
        length = strcspn(line, "#");
        while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
            length--;
        if (length == 0)
            continue;
        goes_on = line[length - 1] == '\\';
        if (goes_on)
            line[length - 1] = ' ';
        if (logical == NULL)
            logical = end = line;
        memmove(end, line, length);
        end += length;
        *end = '\0';
        if (!goes_on)
            break;
    }
    return logical;
}

/* What a profile is looked through for. */
struct search {
    const char *name;
    const char *const *directories;
    struct facilities needed, found;
    int files; /* read so far: two that include each other twice would come to 65,536 */
};

/* Does libpam know these two words? A misspelt one makes it refuse everybody, as if it were their fault. */
static bool words_are_known(const char *type, const char *control)
{
    static const char *const types[] = {"auth", "account", "session", "password"};
    static const char *const controls[] = {"required", "requisite", "sufficient", "optional", "include", "substack"};
    bool type_known = false, control_known = control[0] == '[';

    if (strcasecmp(control, "[include]") == 0 || strcasecmp(control, "[substack]") == 0)
        return false; /* libpam drops the brackets */
    type += *type == '-';
    for (size_t at = 0; at < sizeof types / sizeof *types; at++)
        type_known = type_known || strcasecmp(type, types[at]) == 0;
    for (size_t at = 0; at < sizeof controls / sizeof *controls; at++)
        control_known = control_known || strcasecmp(control, controls[at]) == 0;
    return type_known && control_known;
}

/* The lines of one file, cut into words: the facilities among those wanted are noted, and the files that it includes
 * are listed, "FACILITY include NAME" and Debian's "@include NAME". A substack is a line of its own for libpam.
 * count: how many; the names are in the text. */
static enum result find_own(struct search *search, const char *path, char *text, struct facilities wanted,
                            struct include includes[static INCLUDES_MAX], size_t *count, struct error *error)
{
    char *line;

    *count = 0;
    while ((line = next_logical_line(&text)) != NULL) {
        char *rest = NULL, *first = strtok_r(line, " \t", &rest);
        char *second = first != NULL ? strtok_r(NULL, " \t", &rest) : NULL;
        char *third = second != NULL ? strtok_r(NULL, " \t", &rest) : NULL;
        struct facilities own;

        if (first == NULL)
            continue;
        if (*count == INCLUDES_MAX)
            return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: %s: includes more than %d files",
                        search->name, path, INCLUDES_MAX - 1);
        if (second != NULL && strcasecmp(first, "@include") == 0) {
            includes[(*count)++] = (struct include){second, wanted};
            continue;
        }
        if (second == NULL || !words_are_known(first, second))
            return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE,
                        "profile %s: %s: a line that begins with '%.40s %.40s'"
                        " is none of pam.d(5)",
                        search->name, path, first, second != NULL ? second : "");
        own = both(wanted, facility_of(first));
        if (third != NULL && strcasecmp(second, "include") == 0) {
            includes[(*count)++] = (struct include){third, own};
            continue;
        }
        if (third != NULL && strcasecmp(second, "substack") == 0) /* a line of its own, whatever is in the file */
            includes[(*count)++] = (struct include){third, {false, false, false}};
        search->found = (struct facilities){search->found.auth || own.auth, search->found.account || own.account,
                                            search->found.session || own.session};
    }
    return OK;
}

/* Is that a file where a facility that is still missing would be looked for first? Only saves reading files. */
static bool looks_useful(const char *include, struct facilities found, struct facilities needed)
{
    return (needed.auth && !found.auth && strstr(include, "auth") != NULL)
           || (needed.account && !found.account && strstr(include, "account") != NULL)
           || (needed.session && !found.session && strstr(include, "session") != NULL);
}

/* An include that is missing makes libpam refuse everybody, as if it were their fault. */
static enum result check_includes(const struct search *search, const struct include *includes, size_t count,
                                  struct error *error)
{
    char path[PATH_BYTES], shown[SERVICE_NAME_MAX];
    struct stat status;

    for (size_t at = 0; at < count; at++) {
        if (!service_find(includes[at].name, search->directories, path, &status)) {
            (void)text_visible(shown, sizeof shown, includes[at].name, TEXT_ONE_LINE);
            (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: includes %s, which is not there",
                       search->name, shown);
            return fail_hint(error, "distributions call these files otherwise: common-account, system-auth, ...");
        }
        if (check_trust(search->name, path, &status, error) != OK)
            return FAILED;
    }
    return OK;
}

/* Look through a profile, then what it includes, until all that is needed was seen. The text is taken apart. */
static enum result find_facilities(struct search *search, const char *file, char *text, struct facilities wanted,
                                   int depth, struct error *error)
{
    struct include includes[INCLUDES_MAX];
    char path[PATH_BYTES];
    size_t count;

    if (++search->files > FILES_MAX)
        return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE,
                    "profile %s: %s: more than %d files are included, or some of them again and again", search->name,
                    file, FILES_MAX);
    if (find_own(search, file, text, wanted, includes, &count, error) != OK
        || check_includes(search, includes, count, error) != OK)
        return FAILED;
    for (size_t at = 0; at < 2 * count && !has_all(search->found, search->needed) && depth < INCLUDE_DEPTH_MAX; at++) {
        bool second_round = at >= count;
        const struct include *include = &includes[second_round ? at - count : at];
        OWNED(memory_free) char *included = NULL;

        if (second_round == looks_useful(include->name, search->found, search->needed))
            continue;
        included = service_read(include->name, search->directories, path, NULL);
        if (included != NULL && find_facilities(search, path, included, include->wanted, depth + 1, error) != OK)
            return FAILED;
    }
    return OK;
}

static enum result fail_missing(const char *name, const char *const *directories, struct error *error)
{
    char places[256] = "";

    for (; *directories != NULL; directories++) {
        size_t length = strlen(places);

        (void)snprintf(places + length, sizeof places - length, "%s%s", length > 0 ? ", " : "", *directories);
    }
    (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: no such file in %s", name, places);
    return fail_hint(error, "--profile takes the name of a file there; 'other' is never used in its place");
}

enum result service_check(const char *name, const char *const *directories, struct facilities needed,
                          struct error *error)
{
    struct search search = {.name = name, .directories = directories, .needed = needed};
    OWNED(memory_free) char *text = NULL;
    char path[PATH_BYTES], shown[SERVICE_NAME_MAX + 8];
    const char *lacking;
    struct stat status;

    (void)text_visible(shown, sizeof shown, name, TEXT_ONE_LINE);
    if (!service_name_is_valid(name)) {
        (void)fail(error, STEP_PROFILE, STATUS_USAGE, "profile '%s': not a possible name", shown);
        return fail_hint(error, "a name has 1 to %d of a-z 0-9 _ . - and begins with a letter or digit",
                         SERVICE_NAME_MAX);
    }
    text = service_read(name, directories, path, &status);
    if (text == NULL && is_not_there(errno))
        return fail_missing(name, directories, error);
    if (text == NULL)
        return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: %s: %s", name, path, strerror(errno));
    if (check_trust(name, path, &status, error) != OK
        || find_facilities(&search, path, text, every_facility, 0, error) != OK)
        return FAILED;
    if (has_all(search.found, needed))
        return OK;
    lacking = needed.auth && !search.found.auth         ? "auth"
              : needed.account && !search.found.account ? "account"
                                                        : "session";
    (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE,
               "profile %s: %s has no %s line, and libpam would take the profile 'other' for it", name, path, lacking);
    return fail_hint(error, "add one; '%s required pam_permit.so' does nothing and succeeds", lacking);
}
