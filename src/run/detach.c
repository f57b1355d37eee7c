#include "run/detach.h"

#include "base/owned.h"
#include "run/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nearly the last that the kernel ends when memory is short: it is small, and many rely on it. */
static const char oom_score_adj[] = "-900";

static void take_priority(void)
{
    static const struct sched_param ordinary = {.sched_priority = 0};
    OWNED(fd_close) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
    (void)setpriority(PRIO_PROCESS, 0, 0);
    if (fd >= 0)
        (void)!write(fd, oom_score_adj, sizeof oom_score_adj - 1);
}

enum result detach(struct inherited *inherited, struct error *error)
{
    if (setsid() < 0)
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "keeper: setsid: %s", strerror(errno));
    if (!inherited_detach(inherited))
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "keeper: /dev/null: %s", strerror(errno));
    (void)umask(S_IWGRP | S_IWOTH);
    limits_take_systems();
    take_priority();
    return OK;
}
