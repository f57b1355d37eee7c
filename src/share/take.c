#include "share/take.h"

#include "base/file.h"
#include "base/owned.h"
#include "run/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static enum result fail_take(struct error *error, const char *what, int problem)
{
    return fail(error, STEP_OPEN_SESSION, STATUS_TRY_AGAIN, "shared session: its %s cannot be taken over: %s", what,
                strerror(problem));
}

/* ---- views ---- */

static enum result fail_elsewhere(struct error *error, const char *what)
{
    (void)fail(error, STEP_OPEN_SESSION, STATUS_TRY_AGAIN,
               "shared session: it was opened from another %s than this run is in, and has one of its own", what);
    return fail_hint(error, "start pamrun where the session was opened (not in a container or in another unit of "
                            "systemd's with mounts or a network of its own), or without --share");
}

/* Either where the keeper started from, and to be moved, or in the session's already: a command of it that runs
 * pamrun. */
static bool moved_is_due(const struct moved *moved, const struct view *now, bool *due)
{
    *due = moved->is_moved && !view_is_same(now, &moved->to);
    return !*due || view_is_same(now, &moved->from);
}

static enum result check_outer(int self, const struct context *context, struct error *error)
{
    struct view user, pid;

    if (!space_find(self, SPACE_USER, &user) || !space_find(self, SPACE_PID, &pid))
        return fail_take(error, "namespaces", errno);
    if (!view_is_same(&user, &context->user))
        return fail_elsewhere(error, "user namespace");
    if (!view_is_same(&pid, &context->pid))
        return fail_elsewhere(error, "pid namespace");
    return OK;
}

static enum result find_due(int self, const struct context *context, unsigned int *spaces, bool *root,
                            struct error *error)
{
    struct view now;
    bool due;

    *spaces = 0;
    for (enum space space = 0; space < SPACE_TAKEN_COUNT; space++) {
        if (!context->spaces[space].is_moved)
            continue;
        if (!space_find(self, space, &now))
            return fail_take(error, "namespaces", errno);
        if (!moved_is_due(&context->spaces[space], &now, &due)) {
            char what[32];

            (void)snprintf(what, sizeof what, "%s namespace", space_name(space));
            return fail_elsewhere(error, what);
        }
        *spaces |= due ? 1U << space : 0;
    }
    if (!path_find("/", &now))
        return fail_take(error, "root directory", errno);
    if (!moved_is_due(&context->root, &now, root))
        return fail_elsewhere(error, "root directory");
    return OK;
}

/* Numbers of namespaces are used again when the keeper has gone: it is there while we look. */
static bool views_are_taken(int self, const struct context *context)
{
    struct view now;

    for (enum space space = 0; space < SPACE_TAKEN_COUNT; space++)
        if (context->spaces[space].is_moved
            && (!space_find(self, space, &now) || !view_is_same(&now, &context->spaces[space].to)))
            return false;
    return !context->root.is_moved || (path_find("/", &now) && view_is_same(&now, &context->root.to));
}

static enum result take_views(const struct context *context, int keeper, struct error *error)
{
    OWNED(fd_close) int self = -1;
    unsigned int spaces = 0;
    bool root = false;
    int problem;

    if (!context_needs_keeper(context))
        return OK;
    self = self_open();
    if (self < 0)
        return fail_take(error, "namespaces", errno);
    if (check_outer(self, context, error) != OK || find_due(self, context, &spaces, &root, error) != OK)
        return FAILED;
    if (spaces == 0 && !root)
        return OK;
    problem = spaces_enter(keeper, spaces, root);
    if (problem == ESRCH)
        return fail(error, STEP_OPEN_SESSION, STATUS_TRY_AGAIN,
                    "shared session: its keeper has ended meanwhile: try again");
    if (problem != 0)
        return fail_take(error, "namespaces", problem);
    return views_are_taken(self, context) ? OK : fail_take(error, "namespaces", EPERM);
}

/* ---- the rest ---- */

static enum result take_limits(const struct context *context, struct limits *limits, struct error *error)
{
    bool changed = limits->taken; /* then the command's are not this process's */

    for (int resource = 0; resource < LIMITS_COUNT; resource++)
        changed = changed || context->limits[resource].soft_is != LIMIT_KEPT || context->limits[resource].hard_is_set;
    return changed ? limits_follow(limits, context->limits, error) : OK;
}

static enum result take_nice(int nice, struct error *error)
{
    if (setpriority(PRIO_PROCESS, 0, nice) != 0)
        return fail_take(error, "priority", errno);
    errno = 0;
    return getpriority(PRIO_PROCESS, 0) == nice && errno == 0 ? OK : fail_take(error, "priority", EPERM);
}

/* A text for a file of /proc/self; and is it what the file then says? */
static bool attribute_write(const char *path, const char *text)
{
    OWNED(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    OWNED(memory_free) char *now = NULL;
    size_t length = strlen(text);

    if (fd < 0 || write(fd, text, length) != (ssize_t)length)
        return false;
    now = file_read(path, NULL);
    if (now == NULL)
        return false;
    now[strcspn(now, "\n")] = '\0';
    errno = EPERM;
    return strcmp(now, text) == 0;
}

/* Who logged in stays who it was: only a run that nobody has logged in for is given the session's. */
static enum result take_loginuid(uid_t loginuid, struct error *error)
{
    OWNED(memory_free) char *now = file_read("/proc/self/loginuid", NULL);
    char text[24];

    if (now == NULL)
        return fail_take(error, "audit user id", errno);
    (void)snprintf(text, sizeof text, "%ju", (uintmax_t)(uid_t)-1);
    if (strncmp(now, text, strlen(text)) != 0)
        return OK;
    (void)snprintf(text, sizeof text, "%ju", (uintmax_t)loginuid);
    return attribute_write("/proc/self/loginuid", text) ? OK : fail_take(error, "audit user id", errno);
}

enum result context_take(const struct context *context, int keeper, struct limits *limits, mode_t *umask,
                         struct error *error)
{
    int problem = 0;

    if (take_limits(context, limits, error) != OK || (context->has_nice && take_nice(context->nice, error) != OK)
        || (context->has_loginuid && take_loginuid(context->loginuid, error) != OK))
        return FAILED;
    if (context->exec_label != NULL && !attribute_write("/proc/thread-self/attr/exec", context->exec_label))
        return fail_take(error, "SELinux label", errno);
    if (context->added.count + context->removed.count > 0)
        problem = privilege_change_groups(&context->added, &context->removed);
    if (problem != 0)
        return fail_take(error, "groups", problem);
    if (context->keyring.serial != 0)
        problem = keyring_take(&context->keyring);
    if (problem != 0)
        return fail_take(error, "session keyring", problem);
    if (context->has_capabilities && !capabilities_keep())
        return fail_take(error, "capabilities", errno);
    if (take_views(context, keeper, error) != OK) /* last: paths are the session's from here on */
        return FAILED;
    if (context->has_umask)
        *umask = context->umask;
    return OK;
}

int context_take_as_account(const struct context *context)
{
    return context->has_capabilities ? capabilities_take(&context->capabilities, context->dropped) : 0;
}
