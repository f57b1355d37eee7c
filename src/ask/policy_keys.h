/* policy_keys.h - the keys of the site policy: where each belongs, what it may be, and its default. One table. */
#pragma once

#include "ask/policy.h"

#include <stdbool.h>

enum policy_place { PLACE_GLOBAL = 1, PLACE_PROFILE = 2, PLACE_DELEGATE = 4, PLACE_RUN = PLACE_GLOBAL | PLACE_PROFILE };

enum policy_kind { KIND_SCALAR, KIND_CHOICE, KIND_LIST };

struct policy_key_row {
    const char *word;
    unsigned int places;  /* of enum policy_place */
    const char *standard; /* the default; NULL: not set */
    enum policy_kind kind;
    bool (*take)(struct policy_value *value, const char *text, const char **problem); /* KIND_SCALAR */
    const char *choices[4];                                                           /* KIND_CHOICE */
    const char *(*check)(const char *word);                                           /* KIND_LIST */
    const char *allowed;                                                              /* the hint for a bad value */
};

extern const struct policy_key_row policy_key_table[POLICY_KEYS];

/* Take one line's text; a list grows with each line. false: *problem says why, in words; NULL for want of memory. */
bool policy_value_take(const struct policy_key_row *row, struct policy_value *value, const char *text,
                       const char **problem);

/* The same names as the room pam/ has it; tests/unit/test_policy.c holds the two against each other. */
bool profile_name_is_valid(const char *name);
