/* number.h - numbers as people write them: in decimal, without sign, blanks or anything else that strtoul(3) takes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SECONDS_MAX = 24 * 60 * 60, DURATION_DAYS_MAX = 366 };

/* A whole number of at most ten digits, up to maximum. *number is written on success only. */
bool number_parse(const char *text, uint32_t maximum, uint32_t *number);

/* Seconds, with up to three decimals, more than none and at most a day. *milliseconds is written on success only. */
bool seconds_parse(const char *text, int *milliseconds);

/* A whole number and its unit, s, m, h or d ("90m", "26h"); without one it is seconds. More than none, and at most
 * DURATION_DAYS_MAX days. *seconds is written on success only. */
bool duration_parse(const char *text, uint32_t *seconds);
