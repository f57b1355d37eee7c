#include "ctl/effects.h"

#include "base/file.h"
#include "base/owned.h"
#include "ctl/json.h"
#include "run/keyring.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const namespace_names[EFFECTS_NAMESPACES] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};

static const char *const limit_names[LIMITS_COUNT] = {
    [RLIMIT_CPU] = "CPU",           [RLIMIT_FSIZE] = "FSIZE",
    [RLIMIT_DATA] = "DATA",         [RLIMIT_STACK] = "STACK",
    [RLIMIT_CORE] = "CORE",         [RLIMIT_RSS] = "RSS",
    [RLIMIT_NPROC] = "NPROC",       [RLIMIT_NOFILE] = "NOFILE",
    [RLIMIT_MEMLOCK] = "MEMLOCK",   [RLIMIT_AS] = "AS",
    [RLIMIT_LOCKS] = "LOCKS",       [RLIMIT_SIGPENDING] = "SIGPENDING",
    [RLIMIT_MSGQUEUE] = "MSGQUEUE", [RLIMIT_NICE] = "NICE",
    [RLIMIT_RTPRIO] = "RTPRIO",     [RLIMIT_RTTIME] = "RTTIME",
};

/* ---- looking ---- */

static void note_groups(struct effects *effects)
{
    int count = getgroups(0, NULL);

    effects->groups = count > 0 ? calloc((size_t)count, sizeof *effects->groups) : NULL;
    count = effects->groups != NULL ? getgroups(count, effects->groups) : 0;
    effects->group_count = count > 0 ? (size_t)count : 0;
}

/* proc_pid_mountinfo(5): id, parent, device, root, directory, options, optional fields, "-", type. The ids are left
 * out: a new mount namespace has the same mounts under other ones. */
static void note_mounts(struct strv *mounts)
{
    OWNED(memory_free) char *text = file_read("/proc/self/mountinfo", NULL);
    char *rest = text, *line, entry[4400], directory[4096], type[64];

    while (rest != NULL && (line = file_next_line(&rest)) != NULL) {
        const char *behind = strstr(line, " - ");

        if (behind == NULL || sscanf(line, "%*s %*s %*s %*s %4095s", directory) != 1
            || sscanf(behind, " - %63s", type) != 1)
            continue;
        (void)snprintf(entry, sizeof entry, "%s (%s)", directory, type);
        (void)strv_add(mounts, entry);
    }
}

static void note_namespaces(struct effects *effects)
{
    char path[64], target[64];

    for (size_t at = 0; at < EFFECTS_NAMESPACES; at++) {
        ssize_t length;

        (void)snprintf(path, sizeof path, "/proc/self/ns/%s", namespace_names[at]);
        length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        effects->namespaces[at] = length > 0 ? strdup(target) : NULL;
    }
}

static mode_t find_umask(void)
{
    mode_t now = umask(S_IWGRP | S_IWOTH);

    (void)umask(now);
    return now;
}

void effects_note(struct effects *effects, char **environment)
{
    *effects = (struct effects){.umask = find_umask(), .keyring = keyring_find().serial};
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        (void)strv_add(&effects->environment, *entry);
        explicit_bzero(*entry, strlen(*entry));
        free(*entry);
    }
    free(environment);
    note_groups(effects);
    for (int resource = 0; resource < LIMITS_COUNT; resource++)
        (void)getrlimit((__rlimit_resource_t)resource, &effects->limits[resource]);
    effects->priority = getpriority(PRIO_PROCESS, 0);
    note_mounts(&effects->mounts);
    effects->cgroup = file_read("/proc/self/cgroup", NULL);
    note_namespaces(effects);
    effects->loginuid = file_read("/proc/self/loginuid", NULL);
}

void effects_free(struct effects *effects)
{
    strv_free(&effects->environment);
    free(effects->groups);
    strv_free(&effects->mounts);
    free(effects->cgroup);
    for (size_t at = 0; at < EFFECTS_NAMESPACES; at++)
        free(effects->namespaces[at]);
    free(effects->loginuid);
    *effects = (struct effects){0};
}

/* ---- comparing ---- */

static void set_unless_empty(json_t *object, const char *key, json_t *value)
{
    bool is_empty = json_is_array(value) ? json_array_size(value) == 0 : json_object_size(value) == 0;

    if (is_empty)
        json_decref(value);
    else
        (void)json_object_set_new(object, key, value);
}

static void set_pair(json_t *object, const char *key, json_t *before, json_t *after)
{
    json_t *pair = json_object();

    (void)json_object_set_new(pair, "before", before);
    (void)json_object_set_new(pair, "after", after);
    (void)json_object_set_new(object, key, pair);
}

/* Values may be secrets, and are nobody's business here: names only. */
static json_t *name_of(const char *entry)
{
    OWNED(memory_free) char *name = strndup(entry, strcspn(entry, "="));

    return name != NULL ? json_text(name) : NULL;
}

enum { NAME_BYTES = 256 };

/* Cut, where it is longer: two such names of a PAM environment do not matter. */
static void cut_name(char name[static NAME_BYTES], const char *entry)
{
    size_t length = strcspn(entry, "=");

    (void)strlcpy(name, entry, length < NAME_BYTES - 1 ? length + 1 : NAME_BYTES);
}

static json_t *compare_environment(const struct strv *before, const struct strv *after)
{
    json_t *added = json_array(), *changed = json_array(), *removed = json_array(), *all = json_object();
    char name[NAME_BYTES];

    for (size_t at = 0; at < after->count; at++) {
        const char *entry = after->items[at], *old;

        cut_name(name, entry);
        old = strv_get(before->items, name);
        if (old == NULL)
            (void)json_array_append_new(added, name_of(entry));
        else if (strcmp(old, entry + strcspn(entry, "=") + (strchr(entry, '=') != NULL)) != 0)
            (void)json_array_append_new(changed, name_of(entry));
    }
    for (size_t at = 0; at < before->count; at++) {
        cut_name(name, before->items[at]);
        if (strv_get(after->items, name) == NULL)
            (void)json_array_append_new(removed, name_of(name));
    }
    set_unless_empty(all, "added", added);
    set_unless_empty(all, "changed", changed);
    set_unless_empty(all, "removed", removed);
    return all;
}

static size_t count_of(const struct strv *list, const char *item)
{
    size_t count = 0;

    for (size_t at = 0; at < list->count; at++)
        count += strcmp(list->items[at], item) == 0;
    return count;
}

/* As a rule: nodes of containers have thousands. */
static bool lists_equal(const struct strv *one, const struct strv *other)
{
    bool equal = one->count == other->count;

    for (size_t at = 0; equal && at < one->count; at++)
        equal = strcmp(one->items[at], other->items[at]) == 0;
    return equal;
}

/* What is in `list` more often than in `other`: mounts lie on top of each other. Each once. */
static json_t *only_in(const struct strv *list, const struct strv *other)
{
    json_t *found = json_array();

    if (lists_equal(list, other))
        return found;
    for (size_t at = 0; at < list->count; at++) {
        const struct strv until = {.items = list->items, .count = at};

        if (count_of(&until, list->items[at]) == 0
            && count_of(list, list->items[at]) > count_of(other, list->items[at]))
            (void)json_array_append_new(found, json_text(list->items[at]));
    }
    return found;
}

static bool is_among(gid_t group, const gid_t *list, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (list[at] == group)
            return true;
    return false;
}

static json_t *groups_only_in(const struct effects *one, const struct effects *other)
{
    json_t *found = json_array();

    for (size_t at = 0; at < one->group_count; at++)
        if (!is_among(one->groups[at], other->groups, other->group_count))
            (void)json_array_append_new(found, json_integer(one->groups[at]));
    return found;
}

static json_t *two_lists(json_t *added, json_t *removed)
{
    json_t *both = json_object();

    set_unless_empty(both, "added", added);
    set_unless_empty(both, "removed", removed);
    return both;
}

static json_t *limit_value(rlim_t value)
{
    return value == RLIM_INFINITY ? json_string("unlimited") : json_integer((json_int_t)value);
}

static json_t *limit_pair(const struct rlimit *limit)
{
    json_t *pair = json_object();

    (void)json_object_set_new(pair, "soft", limit_value(limit->rlim_cur));
    (void)json_object_set_new(pair, "hard", limit_value(limit->rlim_max));
    return pair;
}

static json_t *compare_limits(const struct rlimit *before, const struct rlimit *after)
{
    json_t *limits = json_object();

    for (size_t at = 0; at < LIMITS_COUNT; at++)
        if (limit_names[at] != NULL
            && (before[at].rlim_cur != after[at].rlim_cur || before[at].rlim_max != after[at].rlim_max))
            set_pair(limits, limit_names[at], limit_pair(&before[at]), limit_pair(&after[at]));
    return limits;
}

static json_t *compare_namespaces(char *const *before, char *const *after)
{
    json_t *changed = json_array();

    for (size_t at = 0; at < EFFECTS_NAMESPACES; at++)
        if (before[at] != NULL && after[at] != NULL && strcmp(before[at], after[at]) != 0)
            (void)json_array_append_new(changed, json_string(namespace_names[at]));
    return changed;
}

static bool has_line(const char *text, const char *line, size_t length)
{
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
        if (strcspn(text, "\n") == length && strncmp(text, line, length) == 0)
            return true;
    return false;
}

/* The lines that the other has not, between commas: of version 1 there is one for each hierarchy. malloc'd, or NULL. */
static char *lines_only_in(const char *text, const char *other)
{
    char *lines = calloc(1, 2 * strlen(text) + 1), *end = lines; /* ", " for a new line */

    for (size_t length; lines != NULL && *text != '\0'; text += length, text += *text == '\n') {
        length = strcspn(text, "\n");
        if (has_line(other, text, length))
            continue;
        if (end != lines)
            end = mempcpy(end, ", ", 2);
        end = mempcpy(end, text, length);
        *end = '\0';
    }
    return lines;
}

static void compare_cgroups(json_t *changes, const char *before, const char *after)
{
    OWNED(memory_free) char *one = before != NULL && after != NULL ? lines_only_in(before, after) : NULL;
    OWNED(memory_free) char *other = before != NULL && after != NULL ? lines_only_in(after, before) : NULL;

    if (one != NULL && other != NULL && (*one != '\0' || *other != '\0'))
        set_pair(changes, "cgroup", json_text(one), json_text(other));
}

/* "4294967295" is the kernel's word for "not set". */
static const char *loginuid_shown(const char *loginuid)
{
    return strncmp(loginuid, "4294967295", 10) == 0 ? "unset" : loginuid;
}

static json_t *mode_text(mode_t mode)
{
    return json_sprintf("%04o", mode);
}

json_t *effects_compare(const struct effects *before, const struct effects *after)
{
    json_t *changes = json_object();

    set_unless_empty(changes, "environment", compare_environment(&before->environment, &after->environment));
    set_unless_empty(changes, "groups", two_lists(groups_only_in(after, before), groups_only_in(before, after)));
    set_unless_empty(changes, "limits", compare_limits(before->limits, after->limits));
    if (before->umask != after->umask)
        set_pair(changes, "umask", mode_text(before->umask), mode_text(after->umask));
    if (before->priority != after->priority)
        set_pair(changes, "priority", json_integer(before->priority), json_integer(after->priority));
    set_unless_empty(changes, "mounts",
                     two_lists(only_in(&after->mounts, &before->mounts), only_in(&before->mounts, &after->mounts)));
    if (before->keyring != after->keyring)
        set_pair(changes, "keyring", json_integer(before->keyring), json_integer(after->keyring));
    compare_cgroups(changes, before->cgroup, after->cgroup);
    set_unless_empty(changes, "namespaces", compare_namespaces(before->namespaces, after->namespaces));
    if (before->loginuid != NULL && after->loginuid != NULL && strcmp(before->loginuid, after->loginuid) != 0)
        set_pair(changes, "loginuid", json_text(loginuid_shown(before->loginuid)),
                 json_text(loginuid_shown(after->loginuid)));
    return changes;
}
