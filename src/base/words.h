/* words.h - a list as people write it: words between blanks or commas, in double quotes where a word has such in it. */
#pragma once

#include "base/strv.h"

/* Add the words of text to the list. In quotes a backslash makes a double quote or a backslash ordinary, and nothing
 * else; a quote stands at the start or the end of a word only. A word without quotes that begins with '#' is no word:
 * it was meant to be a comment. false: *problem says why, in words; NULL for want of memory. */
bool words_split(struct strv *list, const char *text, const char **problem);

/* The list as words_split() would read it again, cut with "..." when size bytes (at least 8) are not enough. */
void words_join(char *out, size_t size, const struct strv *list);
