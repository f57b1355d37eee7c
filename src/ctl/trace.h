/* trace.h - pamrunctl trace: what check does, and which module of the profile did what of it. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_trace;
