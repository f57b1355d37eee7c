/* check.h - pamrunctl check: PAM's functions one by one, as a run would call them, and what became of each. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_check;
