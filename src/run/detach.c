#include "run/detach.h"

#include "base/owned.h"
#include "run/keyring.h"
#include "run/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PRIORITY_OF_PROCESS = 1, /* ioprio_set(2), which has no header: IOPRIO_WHO_PROCESS */
    PRIORITY_NONE = 0,
    PROCESSOR_BYTES = 1024 /* of a set: more than there are of Linux's (NR_CPUS is 8192 at most) */
};

void detach_protect(bool protect)
{
    OWNED(fd_close) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    const char *score = protect ? "-900" : "0";

    if (fd >= 0)
        (void)!write(fd, score, strlen(score));
}

/* All processors that our control group leaves us. */
static void take_processors(void)
{
    static cpu_set_t processors[PROCESSOR_BYTES / sizeof(cpu_set_t)];

    memset(processors, 0xff, sizeof processors);
    (void)sched_setaffinity(0, sizeof processors, processors);
}

static void take_priority(void)
{
    static const struct sched_param ordinary = {.sched_priority = 0};

    (void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
    (void)setpriority(PRIO_PROCESS, 0, 0);
    (void)syscall(SYS_ioprio_set, PRIORITY_OF_PROCESS, 0, PRIORITY_NONE);
    take_processors();
    detach_protect(false);
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
    if (!keyring_leave())
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "keeper: a session keyring of its own: %s", strerror(errno));
    return OK;
}
