/* text.h - text that others chose (names, arguments, modules' messages) made safe to print, to log and to put in JSON.
 * Valid UTF-8 stays; control characters (C0, DEL, C1) and broken bytes are made visible. SECURITY.md, H4. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum text_lines {
    TEXT_ONE_LINE,  /* new lines and tabs are made visible too: names, log lines */
    TEXT_MANY_LINES /* new lines and tabs are kept: modules' messages on the terminal */
};

/* Write text to out (size bytes, at least 8) as a NUL-terminated string; too long: cut between characters, "..." at
 * the end. Returns its length. */
size_t text_visible(char *out, size_t size, const char *text, enum text_lines lines);

/* Is all of it valid UTF-8, without C1 control characters? */
bool text_is_utf8(const char *text);

/* Text for a log line, in double quotes; a double quote or backslash in it gets a backslash, so that it cannot end
 * early and pass for another field. Words are written as a shell would take them, blanks between them. Cut like the
 * other, the closing quote stays. */
size_t text_quoted(char *out, size_t size, const char *text);
size_t text_quoted_words(char *out, size_t size, char *const *words);

/* Write text as the inside of a JSON string (RFC 8259, section 7); broken bytes become U+FFFD. Cut like the others. */
size_t text_json(char *out, size_t size, const char *text);
