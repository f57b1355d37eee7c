/* json.h - what check and trace find out, as jansson's values: the process that calls PAM hands them to the one that
 * prints, and --json prints them as they are. A NULL value (out of memory) leaves its field out. */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdio.h>

/* Text that others chose. Bytes that are no UTF-8 are made visible; NULL becomes null. */
json_t *json_text(const char *text);

/* The string of a field; "" where there is none. Borrowed. */
const char *json_text_of(const json_t *object, const char *key);

/* As jansson's json_dumpf(), with a new line behind it; but nothing in it that a terminal obeys: control characters,
 * DEL, C1 and all that is no ASCII are \uXXXX. FAILED: no memory; errors of the stream are its own. */
enum result CHECKED json_print(FILE *out, const json_t *value, size_t flags, struct error *error);

/* Each value of an array, in order; at: a size_t, item: a const json_t *. Not jansson's own, which analysers that do
 * not read its header take for a mistake. */
#define JSON_EACH(list, at, item) for ((at) = 0; ((item) = json_array_get((list), (at))) != NULL; (at)++)
