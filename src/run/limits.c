#include "run/limits.h"

#include "base/owned.h"
#include "run/capabilities.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MORE_DESCRIPTORS = 256, MANY_DESCRIPTORS = 262144 };

/* Raised to a value that nobody would configure, so that one which a module set is told from ours. */
static const struct need {
    __rlimit_resource_t resource;
    rlim_t wanted, at_least;
    const char *name;
} needs[] = {
    {RLIMIT_FSIZE, (1ULL << 60) + 4097, 1 << 30, "FSIZE"}, /* faillock, lastlog, ticket caches, btmp */
    {RLIMIT_AS, (1ULL << 60) + 4097, 1 << 30, "AS"},       /* the module that fails may be the one that counts */
    {RLIMIT_DATA, (1ULL << 60) + 4097, 1 << 28, "DATA"},
    {RLIMIT_STACK, (1 << 20) + 4097, 1 << 20, "STACK"}, /* memory of new programs is laid out by it: not too much */
    {RLIMIT_CPU, 3155760001, 3600, "CPU"},              /* seconds; the kernel counts them as nanoseconds in 64 bits */
    {RLIMIT_SIGPENDING, 4096 + 17, 64, "SIGPENDING"},   /* our timer needs one */
    {RLIMIT_RTTIME, (1ULL << 50) + 17, 60000000, "RTTIME"},
};

static bool limits_equal(const struct rlimit *left, const struct rlimit *right)
{
    return left->rlim_cur == right->rlim_cur && left->rlim_max == right->rlim_max;
}

/* Take it, and note what it is now. */
static bool raise_to(struct rlimit *ours, __rlimit_resource_t resource, rlim_t soft)
{
    struct rlimit wanted = {soft, ours->rlim_max > soft ? ours->rlim_max : soft};

    if (setrlimit(resource, &wanted) != 0)
        return false;
    *ours = wanted;
    return true;
}

/* Without the right to all (a user namespace), what the applicant might have himself. */
static bool need_meet(const struct need *need, struct rlimit *ours)
{
    return ours->rlim_cur >= need->wanted || raise_to(ours, need->resource, need->wanted)
           || (ours->rlim_max >= need->at_least && raise_to(ours, need->resource, ours->rlim_max));
}

/* So many are to be free, however the applicant's are spread. */
static bool descriptors_meet(struct rlimit *ours)
{
    rlim_t wanted = MORE_DESCRIPTORS;
    struct stat list;

    if (stat("/proc/self/fd", &list) == 0 && list.st_size > 0) {
        wanted += (rlim_t)list.st_size; /* how many are open, since Linux 6.2; proc(5) */
    } else {
        for (int fd = 0; (rlim_t)fd < wanted; fd++)
            if (fcntl(fd, F_GETFD) >= 0)
                wanted++;
    }
    return ours->rlim_cur >= wanted || raise_to(ours, RLIMIT_NOFILE, wanted);
}

/* The first that the kernel ends when memory is short should not be who has a session to close. */
void limits_take_oom_score(struct limits *limits)
{
    OWNED(fd_close) int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, limits->oom_score_adj, sizeof limits->oom_score_adj - 1) : 0;

    if (length <= 0 || limits->oom_score_adj[0] == '-' || limits->oom_score_adj[0] == '0' || pwrite(fd, "0", 1, 0) != 1)
        limits->oom_score_adj[0] = '\0';
}

enum result limits_take(struct limits *limits, bool raise, struct error *error)
{
    for (int resource = 0; resource < LIMITS_COUNT; resource++)
        if (getrlimit((__rlimit_resource_t)resource, &limits->applicants[resource]) != 0)
            return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "resource limits: %s", strerror(errno));
    memcpy(limits->ours, limits->applicants, sizeof limits->ours);
    for (size_t at = 0; raise && at < sizeof needs / sizeof *needs; at++)
        if (!need_meet(&needs[at], &limits->ours[needs[at].resource]))
            return fail(error, STEP_OPTIONS, STATUS_SYSTEM,
                        "resource limits: RLIMIT_%s is lower than PAM modules need, and cannot be raised",
                        needs[at].name);
    if (raise && !descriptors_meet(&limits->ours[RLIMIT_NOFILE]))
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM,
                    "resource limits: RLIMIT_NOFILE is lower than PAM modules need, and cannot be raised");
    /* One byte, not none, which an administrator may want of pam_limits(8). It is no core either, core(5). */
    limits->ours[RLIMIT_CORE].rlim_cur = limits->applicants[RLIMIT_CORE].rlim_max > 0 ? 1 : 0;
    (void)setrlimit(RLIMIT_CORE, &limits->ours[RLIMIT_CORE]);
    limits->taken = true;
    return OK;
}

static rlim_t choose(rlim_t now, rlim_t ours, rlim_t applicants)
{
    return now == ours ? applicants : now;
}

/* Without CAP_SYS_RESOURCE (a container) a hard limit that a module lowered cannot be raised again: then up to it. */
static bool take_again(__rlimit_resource_t resource, struct rlimit *ours, const struct rlimit *now)
{
    if (limits_equal(now, ours) || setrlimit(resource, ours) == 0)
        return true;
    if (errno != EPERM)
        return false;
    ours->rlim_max = now->rlim_max;
    if (ours->rlim_cur > ours->rlim_max)
        ours->rlim_cur = ours->rlim_max;
    return setrlimit(resource, ours) == 0;
}

enum result limits_find(struct limits *limits, struct error *error)
{
    for (int resource = 0; limits->taken && resource < LIMITS_COUNT; resource++) {
        const struct rlimit *applicants = &limits->applicants[resource];
        struct rlimit *command = &limits->commands[resource], *ours = &limits->ours[resource], now;

        if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
            return fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM, "resource limits: %s", strerror(errno));
        command->rlim_max = choose(now.rlim_max, ours->rlim_max, applicants->rlim_max);
        command->rlim_cur = choose(now.rlim_cur, ours->rlim_cur, applicants->rlim_cur);
        if (command->rlim_cur > command->rlim_max)
            command->rlim_cur = command->rlim_max;
        if (!take_again((__rlimit_resource_t)resource, ours, &now))
            return fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM, "resource limits: %s", strerror(errno));
    }
    return OK;
}

bool limits_give(const struct limits *limits)
{
    if (limits->oom_score_adj[0] != '\0') {
        OWNED(fd_close) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        (void)!write(fd, limits->oom_score_adj, strlen(limits->oom_score_adj));
    }
    for (int resource = 0; limits->taken && resource < LIMITS_COUNT; resource++)
        if (!limits_equal(&limits->commands[resource], &limits->ours[resource])
            && setrlimit((__rlimit_resource_t)resource, &limits->commands[resource]) != 0)
            return false;
    return true;
}

void limits_take_systems(void)
{
    for (int resource = 0; resource < LIMITS_COUNT; resource++) {
        struct rlimit systems, now;

        if (prlimit(1, (__rlimit_resource_t)resource, NULL, &systems) != 0
            || getrlimit((__rlimit_resource_t)resource, &now) != 0)
            continue;
        (void)take_again((__rlimit_resource_t)resource, &systems, &now);
    }
}

void limits_raise_descriptors(void)
{
    struct rlimit limit, more;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    more = (struct rlimit){MANY_DESCRIPTORS, limit.rlim_max > MANY_DESCRIPTORS ? limit.rlim_max : MANY_DESCRIPTORS};
    if (limit.rlim_cur >= MANY_DESCRIPTORS || setrlimit(RLIMIT_NOFILE, &more) == 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- a shared session ---- */

static const char *const names[LIMITS_COUNT] = {
    [RLIMIT_CPU] = "cpu",           [RLIMIT_FSIZE] = "fsize",
    [RLIMIT_DATA] = "data",         [RLIMIT_STACK] = "stack",
    [RLIMIT_CORE] = "core",         [RLIMIT_RSS] = "rss",
    [RLIMIT_NPROC] = "nproc",       [RLIMIT_NOFILE] = "nofile",
    [RLIMIT_MEMLOCK] = "memlock",   [RLIMIT_AS] = "as",
    [RLIMIT_LOCKS] = "locks",       [RLIMIT_SIGPENDING] = "sigpending",
    [RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
    [RLIMIT_RTPRIO] = "rtprio",     [RLIMIT_RTTIME] = "rttime",
};

const char *limit_name(int resource)
{
    return names[resource];
}

/* A little lower, or so high that it comes to the same. 0 and 1 stay: a little may be much (real-time priorities, which
 * helpers of modules would inherit); one byte is no core, core(5). */
static rlim_t mark_of(rlim_t value, int resource)
{
    if (value == RLIM_INFINITY)
        return resource == RLIMIT_CPU ? 3155760001 : (1ULL << 60) + 4097;
    if (value == 0 && resource == RLIMIT_CORE)
        return 1;
    return value > 1 ? value - 1 : value;
}

bool limits_mark(struct limits_mark *mark)
{
    bool may_raise = capability_is_effective(CAP_SYS_RESOURCE);

    for (int resource = 0; resource < LIMITS_COUNT; resource++) {
        struct rlimit *before = &mark->before[resource], *marked = &mark->marked[resource];

        if (getrlimit((__rlimit_resource_t)resource, before) != 0)
            return false;
        *marked = *before;
        if (may_raise)
            marked->rlim_max = mark_of(before->rlim_max, resource);
        marked->rlim_cur = mark_of(before->rlim_cur, resource);
        if (marked->rlim_cur >= marked->rlim_max) /* a soft one that was cut by the hard one is to be told from it */
            marked->rlim_cur = marked->rlim_max > 1 ? marked->rlim_max - 1 : marked->rlim_max;
        if (setrlimit((__rlimit_resource_t)resource, marked) != 0)
            return false;
    }
    return true;
}

static struct limit_change change_of(const struct rlimit *marked, const struct rlimit *now)
{
    struct limit_change change = {.hard_is_set = now->rlim_max != marked->rlim_max};

    if (change.hard_is_set)
        change.hard = now->rlim_max;
    if (now->rlim_cur != marked->rlim_cur) {
        /* beside a hard limit that was left alone, a soft one up to it */
        change.soft_is = !change.hard_is_set && now->rlim_cur == now->rlim_max ? LIMIT_UP_TO_HARD : LIMIT_SET;
        change.soft = change.soft_is == LIMIT_SET ? now->rlim_cur : 0;
    }
    return change;
}

bool limits_unmark(const struct limits_mark *mark, struct limit_change *changes)
{
    for (int resource = 0; resource < LIMITS_COUNT; resource++) {
        struct rlimit now, again = mark->before[resource];

        if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
            return false;
        changes[resource] = change_of(&mark->marked[resource], &now);
        if (!take_again((__rlimit_resource_t)resource, &again, &now))
            return false;
    }
    return true;
}

static void limit_text(char *text, size_t size, rlim_t value)
{
    (void)snprintf(text, size, value == RLIM_INFINITY ? "unlimited" : "%ju", (uintmax_t)value);
}

static enum result fail_higher(int resource, rlim_t wanted, rlim_t ours, struct error *error)
{
    char theirs_text[24], ours_text[24];

    limit_text(theirs_text, sizeof theirs_text, wanted);
    limit_text(ours_text, sizeof ours_text, ours);
    (void)fail(error, STEP_OPEN_SESSION, STATUS_TRY_AGAIN,
               "shared session: its hard limit of %s, %s, is above this run's, %s, which may not be raised here",
               names[resource], theirs_text, ours_text);
    return fail_hint(error,
                     "raising it needs CAP_SYS_RESOURCE, which this process does not have; call pamrun where the "
                     "hard limit is higher (ulimit -H, systemd: Limit...=), or without --share");
}

static bool is_changed(const struct limit_change *change)
{
    return change->soft_is != LIMIT_KEPT || change->hard_is_set;
}

/* Nothing of ours changed so far: those that will stay as they are, and need not be known. */
static enum result limits_note(struct limits *limits, const struct limit_change *changes, struct error *error)
{
    for (int resource = 0; resource < LIMITS_COUNT; resource++)
        if (is_changed(&changes[resource])
            && getrlimit((__rlimit_resource_t)resource, &limits->applicants[resource]) != 0)
            return fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM, "resource limits: %s", strerror(errno));
    memcpy(limits->ours, limits->applicants, sizeof limits->ours);
    limits->taken = true;
    return OK;
}

enum result limits_follow(struct limits *limits, const struct limit_change *changes, struct error *error)
{
    if (!limits->taken && limits_note(limits, changes, error) != OK)
        return FAILED;
    memcpy(limits->commands, limits->applicants, sizeof limits->commands);
    for (int resource = 0; resource < LIMITS_COUNT; resource++) {
        const struct limit_change *change = &changes[resource];
        struct rlimit *command = &limits->commands[resource];
        rlim_t ours = limits->applicants[resource].rlim_max;

        if (change->hard_is_set && change->hard > ours && !capability_is_effective(CAP_SYS_RESOURCE))
            return fail_higher(resource, change->hard, ours, error);
        if (change->hard_is_set)
            command->rlim_max = change->hard;
        if (change->soft_is == LIMIT_SET)
            command->rlim_cur = change->soft;
        if (change->soft_is == LIMIT_UP_TO_HARD || command->rlim_cur > command->rlim_max)
            command->rlim_cur = command->rlim_max;
    }
    return OK;
}
