#include "run/limits.h"

#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MORE_DESCRIPTORS = 256 };

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
