/* profiles.h - pamrunctl profiles: every PAM profile of the machine, who may use it, whether it asks who he is, and
 * what is dangerous about it. Nothing is called. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_profiles;
