/* env.h - pamrunctl env: the variables that the modules of a shared session have set; or why a job's account was refused. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_env;
