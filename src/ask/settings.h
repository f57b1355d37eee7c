/* settings.h - a text of KEY = VALUE lines in [sections], read by libinih, and only what every build of it reads alike.
 * Builds differ: Debian's reads on in indented lines, cuts a line at 200 bytes and a section's name at 49, ends a value
 * at " ;", and counts no lines. So each line is looked at before libinih gets it. Allowed is:
 *
 *   comments       on lines of their own, that begin with '#' or ';'; a ';' behind a blank is refused everywhere else
 *   [section]      at the start of the line, nothing behind it, a name of at most SETTINGS_NAME_MAX bytes
 *   key = value    at the start of the line; ':' does for '='
 *   more values    indented, right behind their key or behind comments; they must not look like a key or a section
 *
 * A line has at most SETTINGS_LINE_MAX bytes, and no control character but tabs and the carriage return at its end. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

enum { SETTINGS_LINE_MAX = 196, SETTINGS_NAME_MAX = 49 };

struct setting {
    const char *key, *value; /* without blanks at their ends */
    unsigned int line;
    bool continues; /* an indented line: more for the key of the setting before */
};

/* Who takes them, in the text's order. What the functions return FAILED for ends the reading. */
struct settings_taker {
    const char *file; /* for messages */
    enum result (*section)(void *context, const char *name, unsigned int line, struct error *error);
    enum result (*setting)(void *context, const struct setting *setting, struct error *error);
    void *context;
};

/* Read the text, which is taken apart. STATUS_POLICY: a line that is none; messages have its number and nothing of what
 * is in it, as the file may have been made a link to a secret one. */
enum result CHECKED settings_read(char *text, const struct settings_taker *taker, struct error *error);
