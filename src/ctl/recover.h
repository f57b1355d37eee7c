/* recover.h - pamrunctl recover: remove what keepers that were killed have left behind. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_recover;
