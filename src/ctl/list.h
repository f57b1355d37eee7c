/* list.h - pamrunctl list: the shared sessions of this machine, who is in them, and the jobs whose accounts were refused. Others than root see
 * their own. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_list;
