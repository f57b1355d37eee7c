#include "ask/settings.h"

#include "base/file.h"
#include "base/text.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

enum line_kind { LINE_NONE, LINE_SECTION, LINE_ENTRY, LINE_MORE };

/* libinih calls take_line() for a line, then take_entry() for what is in it: state of both. */
struct reading {
    const struct settings_taker *taker;
    struct error *error;
    char *rest;
    unsigned int line;
    enum line_kind kind; /* of the line that libinih has */
    bool may_go_on;      /* an indented line belongs to the key before */
    bool is_taken;       /* libinih has given back what was in the line */
    bool has_failed;
    char section[SETTINGS_NAME_MAX + 1], key[SETTINGS_NAME_MAX + 1];
};

static const char blanks[] = " \t";

static enum result refuse(struct reading *reading, const char *problem, const char *hint)
{
    reading->has_failed = true;
    (void)fail(reading->error, STEP_POLICY, STATUS_POLICY, "%s:%u: %s", reading->taker->file, reading->line, problem);
    return hint != NULL ? fail_hint(reading->error, "%s", hint) : FAILED;
}

/* ---- what is in a line ---- */

static enum result check_bytes(struct reading *reading, const char *line)
{
    if (strlen(line) > SETTINGS_LINE_MAX)
        return refuse(reading, "the line is too long",
                      "a line has at most 196 bytes; a list goes on in the next line, indented");
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
        return refuse(reading, "a byte order mark stands here", "save the file as UTF-8 without one");
    if (!text_is_utf8(line)) /* it could not be shown as it is */
        return refuse(reading, "the line is not UTF-8", "save the file as UTF-8, without control characters");
    for (; *line != '\0'; line++)
        if (((unsigned char)*line < ' ' && *line != '\t') || *line == 0x7f)
            return refuse(reading, "a control character is in the line", NULL);
    return OK;
}

/* " ;" begins a comment where libinih was built so, and belongs to the value elsewhere. */
static bool has_late_comment(const char *line)
{
    for (const char *at = strchr(line, ';'); at != NULL; at = strchr(at + 1, ';'))
        if (at > line && strchr(blanks, at[-1]) != NULL)
            return true;
    return false;
}

static enum result check_section(struct reading *reading, const char *line)
{
    size_t length = strcspn(line + 1, "[]");

    if (line[1 + length] != ']' || line[2 + length] != '\0')
        return refuse(reading, "a section's line is [NAME] and nothing else", NULL);
    if (length > SETTINGS_NAME_MAX)
        return refuse(reading, "the section's name is too long", "the words in brackets have at most 49 bytes");
    memcpy(reading->section, line + 1, length);
    reading->section[length] = '\0';
    reading->key[0] = '\0';
    return OK;
}

/* Notes the key, as far as libinih would compare it. */
static enum result check_entry(struct reading *reading, const char *line)
{
    size_t length = strcspn(line, "=:");

    if (line[length] == '\0' || length == 0)
        return refuse(reading, "neither a comment, nor [SECTION], nor KEY = VALUE", NULL);
    while (length > 0 && strchr(blanks, line[length - 1]) != NULL)
        length--;
    (void)snprintf(reading->key, sizeof reading->key, "%.*s", (int)length, line);
    return OK;
}

/* Would somebody who sees this line take it for a key of its own? */
static bool looks_like_a_key(const char *text)
{
    text += strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    text += strspn(text, blanks);
    return *text == '=' || *text == ':';
}

static enum result check_more(struct reading *reading, const char *text)
{
    if (!reading->may_go_on)
        return refuse(reading, "the line is indented, and no list stands before it",
                      "keys and sections begin at the start of a line");
    if (*text == '[' || looks_like_a_key(text))
        return refuse(reading, "the line is indented, and looks like a key or a section",
                      "keys and sections begin at the start of a line; a list's words may stand in \"...\"");
    return OK;
}

/* What kind of line is it? FAILED: none. line: without blanks at its end. */
static enum result line_check(struct reading *reading, const char *line)
{
    const char *text = line + strspn(line, blanks);

    reading->kind = LINE_NONE;
    if (*text == '#' || *text == ';')
        return OK; /* between two lines of a list, too */
    if (*text == '\0') {
        reading->may_go_on = false;
        return OK;
    }
    if (has_late_comment(line))
        return refuse(reading, "a ';' stands behind a blank", "a comment needs a line of its own");
    if (text > line) {
        reading->kind = LINE_MORE;
        return check_more(reading, text);
    }
    reading->kind = *line == '[' ? LINE_SECTION : LINE_ENTRY;
    reading->may_go_on = reading->kind == LINE_ENTRY;
    return (*line == '[' ? check_section : check_entry)(reading, line);
}

/* ---- between libinih and us ---- */

static enum result refuse_other_reading(struct reading *reading)
{
    return refuse(reading, "libinih does not read the line as pamrun does",
                  "one that was built with other options? Avoid indented lines");
}

/* The next line that says something, its number noted; NULL at the end, or when it is refused. */
static const char *next_line(struct reading *reading)
{
    char *line;

    do {
        size_t length;

        line = file_next_line(&reading->rest);
        if (line == NULL)
            return NULL;
        reading->line++;
        length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[--length] = '\0';
        if (check_bytes(reading, line) != OK)
            return NULL;
        while (length > 0 && strchr(blanks, line[length - 1]) != NULL)
            line[--length] = '\0';
        if (line_check(reading, line) != OK)
            return NULL;
    } while (reading->kind == LINE_NONE);
    return line;
}

/* Stands in for fgets(3): the next line for libinih, whole. */
static char *take_line(char *out, int size, void *stream)
{
    struct reading *reading = stream;
    const struct settings_taker *taker = reading->taker;
    const char *line;

    if (!reading->has_failed && !reading->is_taken)
        (void)refuse_other_reading(reading);
    line = reading->has_failed ? NULL : next_line(reading);
    if (line == NULL)
        return NULL;
    reading->is_taken = reading->kind == LINE_SECTION; /* of which most builds say nothing */
    if (size <= 0 || strlen(line) + 2 > (size_t)size) {
        (void)refuse_other_reading(reading);
        return NULL;
    }
    if (reading->kind == LINE_SECTION
        && taker->section(taker->context, reading->section, reading->line, reading->error) != OK) {
        reading->has_failed = true;
        return NULL;
    }
    (void)snprintf(out, (size_t)size, "%s\n", line);
    return out;
}

/* What libinih found in the line. Returns 0 for a failure, as libinih wants it. */
static int take_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reading *reading = user;
    const struct settings_taker *taker = reading->taker;
    struct setting setting = {key, value, reading->line, reading->kind == LINE_MORE};

    if (reading->has_failed)
        return 0;
    if (key == NULL && reading->kind == LINE_SECTION) /* some builds tell of sections */
        return 1;
    /* Two who read a line must read it alike, or what one checks is not what the other grants. */
    if (reading->is_taken || key == NULL || value == NULL || strcmp(section, reading->section) != 0
        || strncmp(key, reading->key, SETTINGS_NAME_MAX) != 0) {
        (void)refuse_other_reading(reading);
        return 0;
    }
    reading->is_taken = true;
    if (taker->setting(taker->context, &setting, reading->error) != OK)
        reading->has_failed = true;
    return !reading->has_failed;
}

enum result settings_read(char *text, const struct settings_taker *taker, struct error *error)
{
    struct reading reading = {.taker = taker, .error = error, .rest = text, .is_taken = true};
    int problem = ini_parse_stream(take_line, &reading, take_entry, &reading);

    if (reading.has_failed)
        return FAILED;
    if (problem == -2)
        return fail_memory(error, STEP_POLICY);
    if (problem != 0 || !reading.is_taken)
        return refuse_other_reading(&reading);
    return OK;
}
