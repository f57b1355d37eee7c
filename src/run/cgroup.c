#include "run/cgroup.h"

#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char ours[] = "/proc/self/cgroup";

enum { ROOM = 4096, ROOM_MAX = 1024 * 1024, SHOWN_MAX = 200 };

/* ---- lines of /proc/PID/cgroup ---- */

bool cgroup_next_place(const char **text, struct cgroup_place *place)
{
    const char *line = *text, *controllers, *path, *end;

    if (*line == '\0')
        return false;
    controllers = strchr(line, ':') + 1;
    path = strchr(controllers, ':') + 1; /* behind it colons are part of the path */
    end = strchr(path, '\n');
    *place = (struct cgroup_place){
        .hierarchy = line,
        .hierarchy_length = (size_t)(path - 1 - line),
        .controllers = controllers,
        .controllers_length = (size_t)(path - 1 - controllers),
        .path = path,
        .path_length = (size_t)(end - path),
    };
    *text = end + 1;
    return true;
}

bool cgroup_text_is_valid(const char *text)
{
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        size_t digits = strspn(text, "0123456789");
        const char *colon;

        if (end == NULL || digits == 0 || text[digits] != ':')
            return false;
        colon = memchr(text + digits + 1, ':', (size_t)(end - text) - digits - 1);
        if (colon == NULL || colon[1] != '/')
            return false;
        text = end + 1;
    }
    return true;
}

static bool part_matches(const char *part, size_t length, char *const *patterns)
{
    char name[NAME_MAX + 1];

    if (length == 0 || length >= sizeof name)
        return false;
    memcpy(name, part, length);
    name[length] = '\0';
    for (; patterns != NULL && *patterns != NULL; patterns++)
        if (fnmatch(*patterns, name, FNM_PERIOD) == 0)
            return true;
    return false;
}

bool cgroup_is_job(const char *text, char *const *patterns)
{
    struct cgroup_place place;

    while (cgroup_next_place(&text, &place)) {
        const char *at = place.path, *end = place.path + place.path_length;

        while (at < end) {
            const char *slash = memchr(at, '/', (size_t)(end - at));
            const char *stop = slash != NULL ? slash : end;

            if (part_matches(at, (size_t)(stop - at), patterns))
                return true;
            at = stop + 1;
        }
    }
    return false;
}

static bool is_same(const char *left, size_t left_length, const char *right, size_t right_length)
{
    return left_length == right_length && memcmp(left, right, left_length) == 0;
}

static bool find_hierarchy(const char *text, const struct cgroup_place *wanted, struct cgroup_place *found)
{
    while (cgroup_next_place(&text, found))
        if (is_same(found->hierarchy, found->hierarchy_length, wanted->hierarchy, wanted->hierarchy_length))
            return true;
    return false;
}

bool cgroup_next_moved(const char **before, const char *now, struct cgroup_place *place)
{
    struct cgroup_place other;

    while (cgroup_next_place(before, place))
        if (find_hierarchy(now, place, &other)
            && !is_same(place->path, place->path_length, other.path, other.path_length))
            return true;
    return false;
}

/* ---- lines of mountinfo ---- */

/* The next field, up to a blank, its length; an empty one at the end. */
static const char *next_field(const char **at, size_t *length)
{
    const char *field = *at;

    *length = strcspn(field, " \n");
    *at = field + *length + (field[*length] == ' ' ? 1 : 0);
    return field;
}

/* Blank, tab, new line and backslash stand there as \040 and the like. false: too long. */
static bool unescape(char *out, size_t size, const char *field, size_t length)
{
    size_t written = 0;

    for (size_t at = 0; at < length; at++) {
        char byte = field[at];

        if (byte == '\\' && length - at > 3 && strspn(field + at + 1, "01234567") >= 3) {
            byte = (char)((field[at + 1] - '0') * 64 + (field[at + 2] - '0') * 8 + (field[at + 3] - '0'));
            at += 3;
        }
        if (written + 1 >= size)
            return false;
        out[written++] = byte;
    }
    out[written] = '\0';
    return true;
}

/* Is each word of the one comma-separated list in the other? */
static bool words_are_in(const char *words, size_t length, const char *list, size_t list_length)
{
    for (const char *word = words; word < words + length;) {
        const char *comma = memchr(word, ',', (size_t)(words + length - word));
        size_t word_length = (size_t)((comma != NULL ? comma : words + length) - word);
        bool found = false;

        for (const char *at = list; at < list + list_length && !found;) {
            const char *next = memchr(at, ',', (size_t)(list + list_length - at));
            const char *stop = next != NULL ? next : list + list_length;

            found = is_same(at, (size_t)(stop - at), word, word_length);
            at = stop + 1;
        }
        if (!found)
            return false;
        word += word_length + 1;
    }
    return true;
}

static bool climbs(const char *path, size_t length)
{
    for (const char *at = path; at + 3 <= path + length; at++)
        if (memcmp(at, "/..", 3) == 0 && (at + 3 == path + length || at[3] == '/'))
            return true;
    return false;
}

/* What of the path is below that root: "/a/b" is "/b" below "/a". NULL: it is not, or leads out of it again. */
static const char *below(const struct cgroup_place *place, const char *root, size_t *length)
{
    size_t root_length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *rest = place->path + root_length;

    if (place->path_length < root_length || memcmp(place->path, root, root_length) != 0)
        return NULL;
    *length = place->path_length - root_length;
    if (*length > 0 && rest[0] != '/')
        return NULL;
    if (*length == 1)
        *length = 0;
    return climbs(rest, *length) ? NULL : rest;
}

static bool is_hierarchy_of(const struct cgroup_place *place, const char *type, size_t type_length, const char *options,
                            size_t options_length)
{
    if (place->controllers_length == 0)
        return is_same(type, type_length, "cgroup2", 7);
    return is_same(type, type_length, "cgroup", 6)
           && words_are_in(place->controllers, place->controllers_length, options, options_length);
}

bool cgroup_find_below_mount(const char *line, const struct cgroup_place *place, struct cgroup_file *file)
{
    enum { NUMBER, PARENT, DEVICE, ROOT, POINT, OPTIONS, FIELDS };
    const char *fields[FIELDS], *type, *super, *rest;
    size_t lengths[FIELDS], type_length, super_length, rest_length, length;
    char root[PATH_MAX], point[PATH_MAX];
    unsigned int major_number, minor_number;
    int written;

    for (int at = 0; at < FIELDS; at++)
        fields[at] = next_field(&line, &lengths[at]);
    do /* optional ones, up to a hyphen */
        rest = next_field(&line, &length);
    while (length > 0 && !is_same(rest, length, "-", 1));
    type = next_field(&line, &type_length);
    (void)next_field(&line, &length);
    super = next_field(&line, &super_length);
    if (!is_hierarchy_of(place, type, type_length, super, super_length)
        || sscanf(fields[DEVICE], "%u:%u", &major_number, &minor_number) != 2
        || !unescape(root, sizeof root, fields[ROOT], lengths[ROOT])
        || !unescape(point, sizeof point, fields[POINT], lengths[POINT]))
        return false;
    rest = below(place, root, &rest_length);
    if (rest == NULL || rest_length >= PATH_MAX)
        return false;
    written = snprintf(file->path, sizeof file->path, "%s%.*s/cgroup.procs", point, (int)rest_length, rest);
    file->device = makedev(major_number, minor_number);
    return written > 0 && (size_t)written < sizeof file->path;
}

/* ---- files ---- */

/* Into room bytes, NUL-terminated. The kernel makes the text whole at the first read(2), so one will do when all of it
 * comes. 0, or an errno value; EFBIG: there may be more. */
static int read_ours(char *text, size_t room)
{
    OWNED(fd_close) int fd = open(ours, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, room - 1) : -1;

    if (got < 0)
        return errno;
    text[got] = '\0';
    if ((size_t)got == room - 1)
        return EFBIG;
    return strlen(text) == (size_t)got && cgroup_text_is_valid(text) ? 0 : EBADMSG;
}

static int read_growing(char **text, size_t *room)
{
    int problem = EFBIG;

    for (; problem == EFBIG && *room <= ROOM_MAX; *room *= 2) {
        char *larger = realloc(*text, *room);

        if (larger == NULL)
            return ENOMEM;
        *text = larger;
        problem = read_ours(*text, *room);
        if (problem == 0)
            return 0;
    }
    return problem;
}

static enum result fail_reading(enum step step, int problem, struct error *error)
{
    return fail(error, step, STATUS_SYSTEM, "cgroup: %s: %s", ours, strerror(problem));
}

enum result cgroup_note(struct cgroups *cgroups, enum policy_cgroup rule, char *const *job_patterns,
                        struct error *error)
{
    size_t room = ROOM;
    int problem;

    *cgroups = (struct cgroups){.rule = rule};
    if (rule == POLICY_CGROUP_FOLLOW)
        return OK;
    problem = read_growing(&cgroups->before, &room);
    if (problem == ENOENT && rule == POLICY_CGROUP_AUTO) { /* no control groups here, so no job, or no /proc */
        cgroup_free(cgroups);
        return OK;
    }
    if (problem != 0)
        return fail_reading(STEP_START, problem, error);
    if (rule == POLICY_CGROUP_AUTO)
        cgroups->rule = cgroup_is_job(cgroups->before, job_patterns) ? POLICY_CGROUP_KEEP : POLICY_CGROUP_FOLLOW;
    if (cgroups->rule == POLICY_CGROUP_FOLLOW)
        cgroup_free(cgroups);
    return OK;
}

static void show_place(char *out, size_t size, const struct cgroup_place *place)
{
    char text[SHOWN_MAX];

    (void)snprintf(text, sizeof text, "%.*s:%.*s", (int)place->hierarchy_length, place->hierarchy,
                   (int)(place->path_length < SHOWN_MAX ? place->path_length : SHOWN_MAX), place->path);
    (void)text_visible(out, size, text, TEXT_ONE_LINE);
}

static enum result fail_moved(const struct cgroups *cgroups, const struct cgroup_place *place, struct error *error)
{
    struct cgroup_place here = *place;
    char from[SHOWN_MAX], to[SHOWN_MAX];

    show_place(from, sizeof from, place);
    (void)find_hierarchy(cgroups->now, place, &here);
    show_place(to, sizeof to, &here);
    (void)fail(
        error, STEP_OPEN_SESSION, STATUS_POLICY,
        "cgroup: a module of the profile moved the run from %s to %s, and the site policy requires that it stays", from,
        to);
    return fail_hint(error, "take the module (pam_systemd?) out of the profile, or set cgroup = keep, pamrun.conf(5)");
}

static enum result fail_way_back(const struct cgroup_place *place, const char *file, int problem, struct error *error)
{
    char from[SHOWN_MAX], shown[SHOWN_MAX];

    show_place(from, sizeof from, place);
    (void)text_visible(shown, sizeof shown, file, TEXT_ONE_LINE);
    if (file[0] == '\0')
        (void)fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM,
                   "cgroup: a module of the profile moved the run out of %s, which is mounted nowhere: there is no way "
                   "back for the command",
                   from);
    else
        (void)fail(
            error, STEP_OPEN_SESSION, STATUS_SYSTEM,
            "cgroup: a module of the profile moved the run out of %s, and the command cannot be put back: %s: %s", from,
            shown, strerror(problem));
    return fail_hint(error,
                     "take the module (pam_systemd?) out of the profile, or set cgroup = follow, pamrun.conf(5)");
}

/* Open it, and see that nothing else is mounted over it. 0, or an errno value. */
static int open_file(const struct cgroup_file *file, int *opened)
{
    OWNED(fd_close) int fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode) || status.st_dev != file->device)
        return EXDEV;
    *opened = fd;
    fd = -1;
    return 0;
}

/* By the first mount that shows it and lets us. */
static enum result prepare_return(struct cgroups *cgroups, const struct cgroup_place *place, const char *mounts,
                                  struct error *error)
{
    struct cgroup_file file, tried = {.path = ""};
    int problem = ENOENT;

    for (const char *line = mounts; *line != '\0'; line = strchrnul(line, '\n'), line += *line == '\n') {
        if (!cgroup_find_below_mount(line, place, &file))
            continue;
        problem = open_file(&file, &cgroups->files[cgroups->count]);
        if (problem == 0) {
            cgroups->count++;
            return OK;
        }
        tried = file;
    }
    return fail_way_back(place, tried.path, problem, error);
}

static enum result prepare_all(struct cgroups *cgroups, struct error *error)
{
    OWNED(memory_free) char *mounts = file_read("/proc/self/mountinfo", NULL);
    const char *rest = cgroups->before;
    struct cgroup_place place;
    size_t lines = 0;

    if (mounts == NULL)
        return fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM, "cgroup: /proc/self/mountinfo: %s", strerror(errno));
    while (cgroup_next_place(&rest, &place))
        lines++;
    cgroups->files = calloc(lines + 1, sizeof *cgroups->files); /* of none NULL might be all there is */
    if (cgroups->files == NULL)
        return fail_memory(error, STEP_OPEN_SESSION);
    rest = cgroups->before;
    while (cgroup_next_moved(&rest, cgroups->now, &place))
        if (prepare_return(cgroups, &place, mounts, error) != OK)
            return FAILED;
    return OK;
}

enum result cgroup_compare(struct cgroups *cgroups, struct error *error)
{
    const char *rest = cgroups->before;
    struct cgroup_place place;
    int problem;

    if (cgroups->before == NULL)
        return OK;
    cgroups->room = strlen(cgroups->before) + ROOM; /* where the command's process will find itself, too */
    problem = read_growing(&cgroups->now, &cgroups->room);
    if (problem != 0)
        return fail_reading(STEP_OPEN_SESSION, problem, error);
    if (strcmp(cgroups->before, cgroups->now) == 0 || !cgroup_next_moved(&rest, cgroups->now, &place))
        return OK;
    cgroups->has_moved = true;
    return cgroups->rule == POLICY_CGROUP_REQUIRE ? fail_moved(cgroups, &place, error) : prepare_all(cgroups, error);
}

int cgroup_return(const struct cgroups *cgroups)
{
    const char *rest = cgroups->before;
    struct cgroup_place place;
    int problem;

    if (cgroups->count == 0)
        return 0;
    for (size_t at = 0; at < cgroups->count; at++)
        if (write(cgroups->files[at], "0", 1) != 1) /* who writes; the right to is that of who opened it */
            return errno;
    problem = read_ours(cgroups->now, cgroups->room);
    if (problem == 0 && cgroup_next_moved(&rest, cgroups->now, &place))
        problem = EXDEV;
    return problem;
}

void cgroup_free(struct cgroups *cgroups)
{
    for (size_t at = 0; at < cgroups->count; at++)
        fd_close(&cgroups->files[at]);
    free(cgroups->files);
    free(cgroups->before);
    free(cgroups->now);
    *cgroups = (struct cgroups){.rule = cgroups->rule, .has_moved = cgroups->has_moved};
}
