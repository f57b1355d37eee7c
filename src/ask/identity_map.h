/* identity_map.h - which account is meant by a name from elsewhere: "john@example.com", "UID-jsmith/John Smith".
 *
 * The part behind the first '/' is a name for people, for the log and nothing else; the part before it is the identity.
 * First a file of ID=account lines is asked, then a rule is tried. With an '@' in it an identity is an e-mail form:
 * ASCII letters are made small before it is compared, in the file as well. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

enum { IDENTITY_BYTES_MAX = 512 };

/* "REGEX REPLACEMENT", as the site policy has it: an expression of bounded_regex.h; $1 to $9 stand for what its
 * parentheses matched, $$ for a dollar. false: *problem says why, in words; NULL for want of memory. */
bool identity_rewrite_is_valid(const char *rule, const char **problem);

/* The account for an identity. map: the path of a file that is root's and nobody else can write, read anew each time;
 * rewrite: a valid rule. NULL: there is none. *account is malloc'd, the caller's, and a possible name, no more.
 * STATUS_USAGE: none can look like this; STATUS_REFUSED: nothing maps it; STATUS_POLICY: the file cannot be used. */
enum result CHECKED identity_map(const char *map, const char *rewrite, const char *identity, char **account,
                                 struct error *error);
