/* open.h - pamrunctl open: hold a shared session for a job: joins it, or opens it where there is none. pamrun does it, with --hold: policy,
 * steps, deadlines and messages are its own. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_open;
