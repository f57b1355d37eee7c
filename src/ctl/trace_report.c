#include "ctl/trace_report.h"

#include "base/owned.h"
#include "base/text.h"
#include "ctl/json.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES = 400, ARGUMENTS_WIDTH = 48, INDENT = 5, TEXT_INDENT = 11 };

/* The columns of a line. */
enum cell { PLACE, CONTROL, MODULE, CODE, ACTION, CELLS };

struct row {
    char cells[CELLS][CELL_BYTES];
    const char *mark, *plain_mark, *colour;
};

/* ---- cells ---- */

static void add(char cell[static CELL_BYTES], const char *text)
{
    size_t length = strlen(cell);

    if (CELL_BYTES - length >= 8)
        (void)text_visible(cell + length, CELL_BYTES - length, text, TEXT_ONE_LINE);
}

/* A file in the site's directory is called by its name. */
static void add_place(char cell[static CELL_BYTES], const json_t *place)
{
    static const char directory[] = "/etc/pam.d/";
    const char *file = json_text_of(place, "file");
    char number[32];

    add(cell, strncmp(file, directory, strlen(directory)) == 0 ? file + strlen(directory) : file);
    (void)snprintf(number, sizeof number, ":%lld", (long long)json_integer_value(json_object_get(place, "line")));
    add(cell, number);
}

/* As it would have to be written. */
static void add_control(char cell[static CELL_BYTES], const char *control)
{
    bool is_list = strchr(control, '=') != NULL;

    add(cell, is_list ? "[" : "");
    add(cell, control);
    add(cell, is_list ? "]" : "");
}

/* Characters on the screen, roughly: as many as there are in UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void add_module(char cell[static CELL_BYTES], const json_t *line)
{
    const char *module = json_text_of(line, "module");
    const json_t *argument;
    size_t at, limit;

    add(cell, *module != '\0' ? module : json_text_of(line, "includes"));
    limit = width_of(cell) + ARGUMENTS_WIDTH;
    JSON_EACH(json_object_get(line, "arguments"), at, argument) {
        const char *text = json_string_value(argument);

        if (width_of(cell) + 1 + width_of(text) > limit) {
            add(cell, " ...");
            return;
        }
        add(cell, " ");
        add(cell, text);
    }
}

/* ---- rows ---- */

static void set_mark(struct row *row, const char *mark, const char *plain_mark, const char *colour)
{
    row->mark = mark;
    row->plain_mark = plain_mark;
    row->colour = colour;
}

/* Yes, no, not come to, or an answer that the control makes nothing of. */
static void choose_mark(struct row *row, const json_t *line)
{
    const char *action = json_text_of(line, "action");

    if (strcmp(json_text_of(line, "state"), "called") != 0)
        set_mark(row, "\u2013", "-", COLOUR_DIM);
    else if (*action == '\0' || strcmp(action, "bad") == 0 || strcmp(action, "die") == 0)
        set_mark(row, "\u2717", "x", COLOUR_RED);
    else if (strcmp(json_text_of(line, "code"), "PAM_SUCCESS") == 0)
        set_mark(row, "\u2713", "+", COLOUR_GREEN);
    else
        set_mark(row, "~", "~", "");
}

static void fill_outcome(struct row *row, const json_t *line)
{
    const char *state = json_text_of(line, "state");
    const char *code = json_text_of(line, "code"), *action = json_text_of(line, "action");

    if (strcmp(state, "called") == 0) {
        add(row->cells[CODE], code);
        add(row->cells[ACTION], action);
    } else if (*state != '\0') {
        add(row->cells[CODE], strcmp(state, "jumped-over") == 0 ? "jumped over" : "not reached");
        if (json_object_get(line, "by") != NULL) {
            add(row->cells[CODE], ": ");
            add_place(row->cells[CODE], json_object_get(line, "by"));
        }
    }
}

static void fill(struct row *row, const json_t *line)
{
    const char *kind = json_text_of(line, "kind"), *control = json_text_of(line, "control");
    int depth = (int)json_integer_value(json_object_get(line, "depth"));

    *row = (struct row){.mark = " ", .plain_mark = " ", .colour = ""};
    (void)snprintf(row->cells[PLACE], CELL_BYTES, "%*s", depth * 2, "");
    add_place(row->cells[PLACE], line);
    if (*control != '\0')
        add_control(row->cells[CONTROL], control);
    else
        add(row->cells[CONTROL], strcmp(kind, "include") == 0 ? "@include" : "");
    add_module(row->cells[MODULE], line);
    if (strcmp(kind, "module") == 0 || strcmp(kind, "broken") == 0) {
        fill_outcome(row, line);
        choose_mark(row, line);
    }
}

/* ---- output ---- */

static void put_visible(FILE *out, const char *text)
{
    char visible[2400];

    (void)text_visible(visible, sizeof visible, text, TEXT_ONE_LINE);
    (void)fputs(visible, out);
}

/* Blanks behind it up to the next column. */
static void put_cell(FILE *out, const struct report_style *style, const char *colour, const char *text, size_t width)
{
    size_t length = width_of(text);

    report_coloured(out, style, colour, text);
    (void)fprintf(out, "%*s", (int)(width > length ? width - length : 0) + 2, "");
}

/* Of those that say yes the last one's answer is the function's: that it is, says nothing, unless it ended the
 * stack. */
static bool is_worth_marking(const json_t *line)
{
    const char *action = json_text_of(line, "action");
    bool is_plain_yes = strcmp(json_text_of(line, "code"), "PAM_SUCCESS") == 0
                        && (strcmp(action, "ok") == 0 || strncmp(action, "jump", strlen("jump")) == 0);

    return json_is_true(json_object_get(line, "decides")) && !is_plain_yes;
}

static void put_row(FILE *out, const struct report_style *style, const struct row *row, const size_t *widths,
                    const json_t *line)
{
    bool was_called = row->cells[ACTION][0] != '\0';
    const char *colour = row->colour != NULL ? row->colour : "",
               *rest = strcmp(colour, COLOUR_DIM) == 0 ? COLOUR_DIM : "";
    const json_t *ms = json_object_get(line, "ms");

    (void)fprintf(out, "%*s", INDENT, "");
    report_coloured(out, style, colour, style->marks ? row->mark : row->plain_mark);
    (void)fputc(' ', out);
    put_cell(out, style, rest, row->cells[PLACE], widths[PLACE]);
    put_cell(out, style, rest, row->cells[CONTROL], widths[CONTROL]);
    if (row->cells[CODE][0] == '\0') {
        report_coloured(out, style, rest, row->cells[MODULE]);
    } else {
        put_cell(out, style, rest, row->cells[MODULE], widths[MODULE]);
        if (was_called) {
            put_cell(out, style, colour, row->cells[CODE], widths[CODE]);
            put_cell(out, style, "", row->cells[ACTION], widths[ACTION]);
        } else {
            report_coloured(out, style, rest, row->cells[CODE]);
        }
    }
    if (json_is_number(ms))
        (void)fprintf(out, "%8.1f ms", json_number_value(ms));
    if (is_worth_marking(line)) {
        (void)fputs("  ", out);
        report_coloured(out, style, COLOUR_BOLD, "<- decides");
    }
    (void)fputc('\n', out);
}

static void put_below(FILE *out, const char *what, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        OWNED(memory_free) char *part = strndup(text, length);

        (void)fprintf(out, "%*s%s: ", TEXT_INDENT, "", what);
        put_visible(out, part != NULL ? part : "");
        (void)fputc('\n', out);
        text += length + (text[length] == '\n');
    }
}

static void put_text(FILE *out, const json_t *text)
{
    const char *kind = json_text_of(text, "kind"), *by = json_text_of(text, "answered-by");

    if (strcmp(kind, "prompt") != 0) {
        put_below(out, strcmp(kind, "error") == 0 ? "error" : "said", json_text_of(text, "text"));
        return;
    }
    (void)fprintf(out, "%*sasked: '", TEXT_INDENT, "");
    put_visible(out, json_text_of(text, "text"));
    (void)fprintf(out, "'%s: ", json_is_true(json_object_get(text, "echo")) ? " (with echo)" : "");
    if (*by != '\0') {
        (void)fputs(strcmp(by, "forwarded") == 0 ? "answered by what was forwarded" : "answered on the terminal", out);
    } else {
        (void)fputs("not answered: ", out);
        put_visible(out, json_text_of(text, "why"));
    }
    (void)fputc('\n', out);
}

static void put_details(FILE *out, const json_t *line)
{
    const json_t *item;
    size_t at;

    put_below(out, "problem", json_text_of(line, "problem"));
    JSON_EACH(json_object_get(line, "texts"), at, item)
        put_text(out, item);
    JSON_EACH(json_object_get(line, "log"), at, item)
        put_below(out, "log", json_string_value(item));
}

static void put_pass(FILE *out, const struct report_style *style, const json_t *pass)
{
    const json_t *lines = json_object_get(pass, "lines"), *line;
    size_t count = json_array_size(lines), widths[CELLS] = {0}, at;
    OWNED(memory_free) struct row *rows = calloc(count + 1, sizeof *rows);

    if (*json_text_of(pass, "pass") != '\0')
        (void)fprintf(out, "%*s%s pass\n", INDENT, "", json_text_of(pass, "pass"));
    if (json_is_true(json_object_get(pass, "served-by-other")))
        (void)fprintf(out, "%*sno %s line in the profile: libpam takes those of 'other'\n", INDENT, "",
                      json_text_of(pass, "facility"));
    if (rows == NULL)
        return;
    JSON_EACH(lines, at, line) {
        fill(&rows[at], line);
        for (int cell = 0; cell < CELLS; cell++) {
            size_t width = width_of(rows[at].cells[cell]);

            if (width > widths[cell] && (cell != CODE || rows[at].cells[ACTION][0] != '\0'))
                widths[cell] = width;
        }
    }
    JSON_EACH(lines, at, line) {
        put_row(out, style, &rows[at], widths, line);
        put_details(out, line);
    }
    if (json_is_false(json_object_get(pass, "explained")))
        (void)fprintf(out, "%*snot explained: by the rules of pam.d(5) these answers make %s\n", INDENT, "",
                      *json_text_of(pass, "code") != '\0' ? json_text_of(pass, "code") : "none");
}

/* The module in which the process ended. */
static void put_end(FILE *out, const struct report_style *style, const json_t *place)
{
    char cell[CELL_BYTES] = "";

    add_place(cell, place);
    add(cell, "  ");
    add(cell, json_text_of(place, "module"));
    (void)fprintf(out, "%*s", INDENT, "");
    report_coloured(out, style, COLOUR_RED, style->marks ? "\u2717 " : "x ");
    (void)fprintf(out, "%s  <- it ended in this module\n", cell);
}

void trace_report_lines(FILE *out, const struct report_style *style, const json_t *operation)
{
    const json_t *pass, *end = json_object_get(operation, "ended-in");
    size_t at;

    JSON_EACH(json_object_get(operation, "passes"), at, pass)
        put_pass(out, style, pass);
    if (end != NULL)
        put_end(out, style, end);
    trace_report_log(out, operation);
}

void trace_report_log(FILE *out, const json_t *result)
{
    const json_t *line;
    size_t at;

    put_below(out, "problem", json_text_of(result, "problem"));
    JSON_EACH(json_object_get(result, "log"), at, line)
        put_below(out, "log", json_string_value(line));
}
