/* close.h - pamrunctl close: release a job's hold; or end a session, or a single run, whoever is in it. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_close;
