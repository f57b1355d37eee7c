#include "share/own_cgroup.h"

#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ours[] = "/proc/self/cgroup", mounts_file[] = "/proc/self/mountinfo";
static const char prefix[] = "pamrun-", suffix[] = ".keeper", procs[] = "/cgroup.procs";

enum { ATTEMPTS = 5 };

/* ---- the folders of a hierarchy that are above a place, from the top on, as the mounts show them ---- */

struct folder {
    int fd;
    char path[PATH_MAX];
};

/* true: that was enough. */
typedef bool visit(const struct folder *folder, void *data);

/* Open it, and see that nothing else is mounted over it. 0, or an errno value. */
static int open_folder(const struct cgroup_file *file, struct folder *folder)
{
    OWNED(fd_close) int fd = -1;
    size_t length = strlen(file->path) - strlen(procs);
    struct stat status;

    (void)snprintf(folder->path, sizeof folder->path, "%.*s", (int)length, file->path);
    fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return errno;
    if (status.st_dev != file->device)
        return EXDEV;
    folder->fd = fd;
    fd = -1;
    return 0;
}

static bool visit_folder(const struct cgroup_place *folder_place, const char *mounts, visit *visitor, void *data)
{
    bool enough = false;

    for (const char *line = mounts; !enough && *line != '\0'; line = strchrnul(line, '\n'), line += *line == '\n') {
        struct cgroup_file file;
        struct folder folder = {.fd = -1};

        if (!cgroup_find_below_mount(line, folder_place, &file) || open_folder(&file, &folder) != 0)
            continue;
        enough = visitor(&folder, data);
        fd_close(&folder.fd);
    }
    return enough;
}

static bool is_top(const struct cgroup_place *place)
{
    return place->path_length == 1;
}

static bool visit_above(const struct cgroup_place *place, const char *mounts, visit *visitor, void *data)
{
    struct cgroup_place above = *place;
    const char *end = place->path + place->path_length;

    above.path_length = 1; /* "/" */
    for (;;) {
        const char *slash;

        if (visit_folder(&above, mounts, visitor, data))
            return true;
        slash = above.path_length < place->path_length ? memchr(place->path + above.path_length + 1, '/',
                                                                (size_t)(end - place->path) - above.path_length - 1)
                                                       : NULL;
        if (slash == NULL)
            return false;
        above.path_length = (size_t)(slash - place->path);
    }
}

/* ---- empty ones ---- */

static bool is_our_name(const char *name)
{
    size_t length = strlen(name);

    return strncmp(name, prefix, strlen(prefix)) == 0 && length > strlen(suffix)
           && strcmp(name + length - strlen(suffix), suffix) == 0;
}

/* The kernel removes none that somebody is in. */
static void clean_folder(const struct folder *folder)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    OWNED(directory_close) DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (directory == NULL) {
        fd_close(&fd);
        return;
    }
    while ((entry = readdir(directory)) != NULL)
        if (is_our_name(entry->d_name))
            (void)unlinkat(folder->fd, entry->d_name, AT_REMOVEDIR);
}

static bool clean_and_go_on(const struct folder *folder, void *unused)
{
    (void)unused;
    clean_folder(folder);
    return false;
}

void own_cgroup_clean(void)
{
    OWNED(memory_free) char *text = file_read(ours, NULL);
    OWNED(memory_free) char *mounts = file_read(mounts_file, NULL);
    struct cgroup_place place;

    if (text == NULL || mounts == NULL || !cgroup_text_is_valid(text))
        return;
    for (const char *rest = text; cgroup_next_place(&rest, &place);)
        (void)visit_above(&place, mounts, clean_and_go_on, NULL);
}

/* ---- a new one ---- */

struct move {
    const char *name;
    bool is_version_1;
    int problem; /* errno of the last attempt */
    char path[PATH_MAX];
};

/* We, into the group whose cgroup.procs that is, below the folder. 0, or an errno value. */
static int enter(const struct folder *folder, const char *file)
{
    OWNED(fd_close) int fd = openat(folder->fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : errno;
}

static int make_and_enter(const struct folder *folder, const char *name)
{
    char file[NAME_MAX + sizeof procs];
    int problem;

    if (mkdirat(folder->fd, name, 0755) != 0 && errno != EEXIST)
        return errno;
    (void)snprintf(file, sizeof file, "%s%s", name, procs);
    problem = enter(folder, file);
    if (problem != 0)
        (void)unlinkat(folder->fd, name, AT_REMOVEDIR);
    return problem;
}

static bool move_to(const struct folder *folder, void *data)
{
    struct move *move = data;
    int attempt = 0;

    clean_folder(folder);
    do
        move->problem = make_and_enter(folder, move->name);
    while ((move->problem == ENOENT || move->problem == ENODEV) && ++attempt < ATTEMPTS); /* removed as an empty one */
    if (move->problem == 0) {
        (void)snprintf(move->path, sizeof move->path, "%.*s/%s", (int)(sizeof move->path - NAME_MAX), folder->path,
                       move->name);
        return true;
    }
    /* A new cpuset of version 1 has neither processors nor memory. With the group above it the job is left as well. */
    if (move->is_version_1 && move->problem == ENOSPC && enter(folder, procs + 1) == 0) {
        (void)snprintf(move->path, sizeof move->path, "%s", folder->path);
        return true;
    }
    return false;
}

/* Of the same hierarchy, and there already when that text was written? */
static bool was_there(const struct cgroup_place *place, const char *before)
{
    struct cgroup_place other;

    while (cgroup_next_place(&before, &other))
        if (other.hierarchy_length == place->hierarchy_length && other.path_length == place->path_length
            && memcmp(other.hierarchy, place->hierarchy, place->hierarchy_length) == 0
            && memcmp(other.path, place->path, place->path_length) == 0)
            return true;
    return false;
}

static void show(char *where, size_t size, const struct cgroup_place *place, const struct move *move)
{
    char text[300];

    (void)snprintf(text, sizeof text, "%.*s:%.*s: %s", (int)place->hierarchy_length, place->hierarchy,
                   (int)(place->path_length < 200 ? place->path_length : 200), place->path,
                   move->problem == 0 ? "mounted nowhere" : strerror(move->problem));
    (void)text_visible(where, size, text, TEXT_ONE_LINE);
}

enum own_cgroup own_cgroup_leave(const char *name, const char *before, char *where, size_t size)
{
    OWNED(memory_free) char *text = file_read(ours, NULL);
    OWNED(memory_free) char *mounts = file_read(mounts_file, NULL);
    enum own_cgroup outcome = OWN_CGROUP_NONE;
    struct cgroup_place place;
    struct move move;
    char group[NAME_MAX];

    where[0] = '\0';
    (void)snprintf(group, sizeof group, "%s%s%s", prefix, name, suffix);
    if (text == NULL || mounts == NULL || !cgroup_text_is_valid(text)) {
        (void)snprintf(where, size, "%s cannot be read", text == NULL ? ours : mounts_file);
        return OWN_CGROUP_STAYED;
    }
    for (const char *rest = text; cgroup_next_place(&rest, &place);) {
        if (is_top(&place) || (before != NULL && !was_there(&place, before)))
            continue;
        move = (struct move){.name = group, .is_version_1 = place.controllers_length > 0};
        if (!visit_above(&place, mounts, move_to, &move)) {
            show(where, size, &place, &move);
            outcome = OWN_CGROUP_STAYED;
        } else if (outcome != OWN_CGROUP_STAYED) {
            (void)snprintf(where, size, "%s", move.path); /* version 2 comes last there */
            outcome = OWN_CGROUP_LEFT;
        }
    }
    return outcome;
}
