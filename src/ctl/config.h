/* config.h - pamrunctl config: the site policy that is in force, or what it says about a run. It reads with the
 * caller's own rights, as pamrunctl is not setuid. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_config;
