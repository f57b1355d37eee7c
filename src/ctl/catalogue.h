/* catalogue.h - what there is to know about a profile without calling anything: for profiles and check --node. */
#pragma once

#include "ask/policy.h"
#include "base/error.h"
#include "base/strv.h"

#include <jansson.h>

/* The names of all profiles that pamrun can be told to use, sorted. false: out of memory. */
bool catalogue_names(struct strv *names);

/* One profile, an object: pamrunctl(8), profiles under JSON. */
json_t *catalogue_profile(const char *name, const struct policy *policy);
