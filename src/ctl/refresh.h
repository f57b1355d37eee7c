/* refresh.h - pamrunctl refresh: have the keeper of a shared session refresh its credentials: tickets of long jobs. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_refresh;
