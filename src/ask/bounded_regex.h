/* bounded_regex.h - which extended regular expressions are compiled and matched in little time and memory.
 *
 * regcomp(3) writes repetitions out, and those of repetitions too, and glibc follows every way through what can be empty:
 * a dozen of bytes may take all memory, or hours. What a site maps identities by needs none of that. */
#pragma once

#include <stdbool.h>

/* Is it one, from its '^' to its '$', which hold all of it? Of POSIX's expressions these are left out: an anchor inside,
 * a repetition of nothing, right behind another, or of what can be empty, and more than BOUNDED_REGEX_SIZE characters,
 * classes and groups when repetitions are written out; of glibc's also what a backslash makes of letters and digits.
 * false: *problem says why, in words. regcomp(3) may still refuse it. */
bool bounded_regex_check(const char *regex, const char **problem);

enum { BOUNDED_REGEX_SIZE = 400, BOUNDED_REGEX_DEPTH = 9 };
