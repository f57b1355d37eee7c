#include "ctl/pose.h"

#include "run/privilege.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum result pose_as(const struct account *caller, struct error *error)
{
    if (privilege_take_groups(caller, caller->gid, NULL, error) != OK)
        return FAILED;
    if (setresgid(caller->gid, caller->gid, caller->gid) == 0 && setresuid(caller->uid, 0, 0) == 0
        && getuid() == caller->uid && geteuid() == 0)
        return OK;
    return fail(error, STEP_IDENTITY, STATUS_SYSTEM, "ids of %s cannot be taken: %s", caller->name, strerror(errno));
}
