/* wait.h - pamrunctl wait: wait until a shared session is closed. */
#pragma once

#include "ctl/verb.h"

extern const struct verb verb_wait;
