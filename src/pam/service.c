#include "pam/service.h"

#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 512, INCLUDE_DEPTH_MAX = 16 };

const char *const service_directories[] = {"/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d", "/usr/share/pam.d", NULL};

bool service_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > SERVICE_NAME_MAX || strchr("_.-", name[0]) != NULL)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
}

/* Read the file that libpam would for that name. NULL: there is none (errno ENOENT), or it cannot be read. */
static char *service_read(const char *name, const char *const *directories, char path[static PATH_BYTES],
                          struct stat *status)
{
    char *text = NULL;

    for (; text == NULL && *directories != NULL; directories++) {
        (void)snprintf(path, PATH_BYTES, "%s/%s", *directories, name);
        text = file_read(path, status);
        if (text == NULL && errno != ENOENT && errno != ENOTDIR)
            return NULL;
    }
    return text;
}

bool service_exists(const char *name, const char *const *directories)
{
    char path[PATH_BYTES];

    for (; *directories != NULL; directories++) {
        (void)snprintf(path, sizeof path, "%s/%s", *directories, name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* Note what facility a line is for: "[-]facility control ...". A line that pulls in another file for one facility
 * (include, substack) counts for that facility. */
static void note_facility(struct facilities *found, const char *word)
{
    word += *word == '-';
    found->auth = found->auth || strcasecmp(word, "auth") == 0;
    found->account = found->account || strcasecmp(word, "account") == 0;
    found->session = found->session || strcasecmp(word, "session") == 0;
}

static bool has_all(struct facilities found, struct facilities needed)
{
    return (found.auth || !needed.auth) && (found.account || !needed.account) && (found.session || !needed.session);
}

enum { INCLUDES_MAX = 32 };

/* The lines of one file, cut into words: facilities are noted, and the files that it includes whole (Debian's
 * "@include") are listed. Returns how many; the names are in the text. */
static size_t find_own(char *text, struct facilities *found, char *includes[static INCLUDES_MAX])
{
    bool continued = false;
    size_t count = 0;
    char *line;

    while ((line = file_next_line(&text)) != NULL) {
        char *rest = NULL, *word, *name;
        bool is_rest = continued; /* of a line that ended in a backslash */
        size_t end = strcspn(line, "#");

        continued = end > 0 && line[end] != '#' && line[end - 1] == '\\';
        line[end] = '\0';
        word = strtok_r(line, " \t", &rest);
        name = word != NULL ? strtok_r(NULL, " \t", &rest) : NULL;
        if (is_rest || name == NULL)
            continue;
        if (strcasecmp(word, "@include") != 0)
            note_facility(found, word);
        else if (count < INCLUDES_MAX && strchr(name, '/') == NULL)
            includes[count++] = name;
    }
    return count;
}

/* Is that a file where a facility that is still missing would be looked for first? Only saves reading files. */
static bool looks_useful(const char *include, struct facilities found, struct facilities needed)
{
    return (needed.auth && !found.auth && strstr(include, "auth") != NULL)
           || (needed.account && !found.account && strstr(include, "account") != NULL)
           || (needed.session && !found.session && strstr(include, "session") != NULL);
}

/* Look through a profile, then what it includes, until all that is needed was seen. The text is taken apart. */
static void find_facilities(char *text, const char *const *directories, struct facilities needed,
                            struct facilities *found, int depth)
{
    char *includes[INCLUDES_MAX], path[PATH_BYTES];
    size_t count = find_own(text, found, includes);

    for (size_t at = 0; at < 2 * count && !has_all(*found, needed) && depth < INCLUDE_DEPTH_MAX; at++) {
        bool second_round = at >= count;
        const char *name = includes[at % count];
        OWNED(memory_free) char *included = NULL;

        if (second_round == looks_useful(name, *found, needed))
            continue;
        included = service_read(name, directories, path, NULL);
        if (included != NULL)
            find_facilities(included, directories, needed, found, depth + 1);
    }
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
    OWNED(memory_free) char *text = NULL;
    struct facilities found = {false, false, false};
    char path[PATH_BYTES], shown[SERVICE_NAME_MAX + 8];
    struct stat status;

    (void)text_visible(shown, sizeof shown, name, TEXT_ONE_LINE);
    if (!service_name_is_valid(name)) {
        (void)fail(error, STEP_PROFILE, STATUS_USAGE, "profile '%s': cannot be one", shown);
        return fail_hint(error, "a name has 1 to %d of a-z 0-9 _ . - and begins with a letter or digit",
                         SERVICE_NAME_MAX);
    }
    text = service_read(name, directories, path, &status);
    if (text == NULL && (errno == ENOENT || errno == ENOTDIR))
        return fail_missing(name, directories, error);
    if (text == NULL)
        return fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "profile %s: %s: %s", name, path, strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE,
                   "profile %s: %s: must be a regular file of root's that nobody else can write", name, path);
        return fail_hint(error, "chown root:root %s; chmod 644 %s", path, path);
    }
    find_facilities(text, directories, needed, &found, 0);
    if (!has_all(found, needed)) {
        const char *missing = needed.auth && !found.auth         ? "auth"
                              : needed.account && !found.account ? "account"
                                                                 : "session";

        (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE,
                   "profile %s: %s has no %s line, and libpam would take the profile 'other' for it", name, path,
                   missing);
        return fail_hint(error, "add one; '%s required pam_permit.so' does nothing and succeeds", missing);
    }
    return OK;
}
