/* json.h - what check and trace find out, as jansson's values: the process that calls PAM hands them to the one that
 * prints, and --json prints them as they are. A NULL value (out of memory) leaves its field out. */
#pragma once

#include <jansson.h>

/* Text that others chose. Bytes that are no UTF-8 are made visible; NULL becomes null. */
json_t *json_text(const char *text);

/* The string of a field; "" where there is none. Borrowed. */
const char *json_text_of(const json_t *object, const char *key);

/* Each value of an array, in order; at: a size_t, item: a const json_t *. Not jansson's own, which analysers that do not
 * read its header take for a mistake. */
#define JSON_EACH(list, at, item) for ((at) = 0; ((item) = json_array_get((list), (at))) != NULL; (at)++)
