/* strv.h - NULL-terminated arrays of strings that own their strings: environments, lists of names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strv {
    char **items; /* NULL-terminated once anything was added; NULL before */
    size_t count; /* without the terminator */
    size_t room;  /* allocated slots, terminator included */
};

/* Add a copy. false: out of memory, and the array is as it was. */
bool strv_add(struct strv *strv, const char *item);

/* Add copies of an option and its value; neither where the value is NULL. false: out of memory. */
bool strv_add_pair(struct strv *strv, const char *option, const char *value);

/* Set NAME=VALUE: the one entry of that name is replaced, or one is added. false: out of memory. */
bool strv_set(struct strv *strv, const char *name, const char *value);

/* The value of NAME in an environment-like array (may be NULL); NULL when absent. Borrowed. */
const char *strv_get(char *const *items, const char *name);

/* The array itself, never NULL, borrowed: for execve(2). */
char **strv_items(struct strv *strv);

/* Number of strings in a NULL-terminated array; 0 for NULL. */
size_t strv_length(char *const *items);

void strv_free(struct strv *strv);
