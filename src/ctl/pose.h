/* pose.h - the process becomes what a setuid-root program of that user's would be: his real ids and groups, root's
 * effective ones. For pamrunctl(8) check --as-caller; pamrun gets these ids from execve(2). */
#pragma once

#include "ask/identity.h"
#include "base/error.h"

/* For good, as root. STATUS_SYSTEM. */
enum result CHECKED pose_as(const struct account *caller, struct error *error);
