#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool calls_modules;
} step_table[STEP_COUNT] = {
    [STEP_OPTIONS] = {"options", false},
    [STEP_POLICY] = {"policy", false},
    [STEP_IDENTITY] = {"identity", false},
    [STEP_PROFILE] = {"profile", false},
    [STEP_START] = {"start", false},
    [STEP_AUTHENTICATE] = {"authenticate", true},
    [STEP_ACCOUNT] = {"acct_mgmt", true},
    [STEP_CHAUTHTOK] = {"chauthtok", true},
    [STEP_GROUPS] = {"groups", false},
    [STEP_SHARE] = {"share", false},
    [STEP_CREDENTIALS] = {"setcred", true},
    [STEP_OPEN_SESSION] = {"open_session", true},
    [STEP_COMMAND] = {"command", false},
    [STEP_CLOSE_SESSION] = {"close_session", true},
    [STEP_DELETE_CREDENTIALS] = {"delete_cred", true},
    [STEP_END] = {"end", false},
};

const char *step_name(enum step step)
{
    return step < STEP_COUNT ? step_table[step].name : "unknown";
}

bool step_from_name(const char *name, enum step *step)
{
    for (int at = 0; at < STEP_COUNT; at++)
        if (step_table[at].calls_modules && strcmp(step_table[at].name, name) == 0) {
            *step = (enum step)at;
            return true;
        }
    return false;
}

static enum failure_class class_of_status(int status)
{
    switch (status) {
    case STATUS_REFUSED:
    case STATUS_CANNOT_RUN:
    case STATUS_NOT_FOUND:
        return CLASS_USER;
    default:
        return CLASS_NODE;
    }
}

enum result fail(struct error *error, enum step step, int status, const char *format, ...)
{
    va_list arguments;

    *error = (struct error){.status = status, .class = class_of_status(status), .step = step};
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return FAILED;
}

enum result fail_memory(struct error *error, enum step step)
{
    return fail(error, step, STATUS_SYSTEM, "%s: out of memory", step_name(step));
}

enum result fail_fork(struct error *error, enum step step, const char *what)
{
    int problem = errno;

    (void)fail(error, step, STATUS_SYSTEM, "%s: fork: %s", what, strerror(problem));
    return problem == EAGAIN ? fail_hint(error, "too many processes: ulimit -u, or pids.max of the cgroup") : FAILED;
}

enum result fail_hint(struct error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
    return FAILED;
}
