#include "ctl/report.h"

#include "base/text.h"
#include "ctl/json.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 2400, INDENT = 5 };

/* ---- style ---- */

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        const char *value = getenv(names[at]);

        if (value != NULL && *value != '\0') /* the first that is set counts, locale(7) */
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

struct report_style report_style_of(FILE *out)
{
    const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool is_terminal = isatty(fileno(out)) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;

    return (struct report_style){
        .colours = is_terminal && (no_color == NULL || *no_color == '\0'),
        .marks = is_terminal && locale_is_utf8(),
    };
}

void report_coloured(FILE *out, const struct report_style *style, const char *colour, const char *text)
{
    if (style->colours && *colour != '\0')
        (void)fprintf(out, "%s%s\033[0m", colour, text);
    else
        (void)fputs(text, out);
}

/* Four columns. */
static void put_mark(FILE *out, const struct report_style *style, enum report_mark mark)
{
    static const struct {
        const char *colour, *mark, *word;
    } table[] = {
        [REPORT_OK] = {COLOUR_GREEN, "\u2713   ", "ok  "},
        [REPORT_FAILED] = {COLOUR_RED, "\u2717   ", "FAIL"},
        [REPORT_NOT_RUN] = {COLOUR_DIM, "\u2013   ", "-   "},
    };

    report_coloured(out, style, table[mark].colour, style->marks ? table[mark].mark : table[mark].word);
}

/* Text of modules and names: nothing in it moves the cursor. */
static void put_visible(FILE *out, const char *text)
{
    char visible[TEXT_BYTES];

    (void)text_visible(visible, sizeof visible, text, TEXT_ONE_LINE);
    (void)fputs(visible, out);
}

/* ---- what was asked, said and changed ---- */

static void begin_line(FILE *out, const char *what)
{
    (void)fprintf(out, "%*s%s: ", INDENT, "", what);
}

static void put_prompts(FILE *out, const json_t *operation)
{
    const json_t *prompt;
    size_t at;

    JSON_EACH(json_object_get(operation, "prompts"), at, prompt) {
        const char *by = json_text_of(prompt, "answered-by");

        begin_line(out, "asked");
        (void)fputs("'", out);
        put_visible(out, json_text_of(prompt, "text"));
        (void)fprintf(out, "'%s: ", json_is_true(json_object_get(prompt, "echo")) ? " (with echo)" : "");
        if (strcmp(by, "forwarded") == 0) {
            (void)fputs("answered by what was forwarded", out);
        } else if (*by != '\0') {
            (void)fputs("answered on the terminal", out);
        } else {
            (void)fputs("not answered: ", out);
            put_visible(out, json_text_of(prompt, "why"));
        }
        (void)fputs("\n", out);
    }
}

static void put_lines(FILE *out, const char *what, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        char *line = strndup(text, length);

        if (line != NULL) {
            begin_line(out, what);
            put_visible(out, line);
            (void)fputs("\n", out);
        }
        free(line);
        text += length + (text[length] == '\n');
    }
}

static void put_messages(FILE *out, const json_t *operation)
{
    const json_t *message;
    size_t at;

    JSON_EACH(json_object_get(operation, "messages"), at, message)
        put_lines(out, strcmp(json_text_of(message, "kind"), "error") == 0 ? "error" : "said",
                  json_text_of(message, "text"));
}

/* A word of a list, as it is called: groups by their names. */
static void put_item(FILE *out, const char *key, const json_t *item)
{
    const struct group *group;

    if (!json_is_integer(item)) {
        put_visible(out, json_string_value(item) != NULL ? json_string_value(item) : "");
        return;
    }
    group = strcmp(key, "groups") == 0 ? getgrgid((gid_t)json_integer_value(item)) : NULL;
    if (group != NULL) {
        put_visible(out, group->gr_name);
        (void)fprintf(out, "(%lld)", (long long)json_integer_value(item));
    } else {
        (void)fprintf(out, "%lld", (long long)json_integer_value(item));
    }
}

static void put_list(FILE *out, const char *key, const char *sign, const json_t *list)
{
    const json_t *item;
    size_t at;

    JSON_EACH(list, at, item) {
        (void)fprintf(out, " %s", sign);
        put_item(out, key, item);
    }
}

static void put_value(FILE *out, const json_t *value)
{
    if (json_is_integer(value))
        (void)fprintf(out, "%lld", (long long)json_integer_value(value));
    else
        put_visible(out, json_string_value(value) != NULL ? json_string_value(value) : "none");
}

static void put_limit(FILE *out, const json_t *limit)
{
    put_value(out, json_object_get(limit, "soft"));
    (void)fputs("/", out);
    put_value(out, json_object_get(limit, "hard"));
}

static void put_limits(FILE *out, json_t *limits)
{
    for (void *at = json_object_iter(limits); at != NULL; at = json_object_iter_next(limits, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *pair = json_object_iter_value(at);

        (void)fprintf(out, "%*slimit %s: ", INDENT, "", name);
        put_limit(out, json_object_get(pair, "before"));
        (void)fputs(" -> ", out);
        put_limit(out, json_object_get(pair, "after"));
        (void)fputs("\n", out);
    }
}

/* environment +A ~B -C, umask 0022 -> 0077, namespaces mnt */
static void put_change(FILE *out, const char *key, json_t *change)
{
    (void)fprintf(out, "%*s%s:", INDENT, "", key);
    if (json_is_array(change)) {
        put_list(out, key, "new ", change);
    } else if (json_object_get(change, "before") != NULL) {
        (void)fputs(" ", out);
        put_value(out, json_object_get(change, "before"));
        (void)fputs(" -> ", out);
        put_value(out, json_object_get(change, "after"));
    } else {
        put_list(out, key, "+", json_object_get(change, "added"));
        put_list(out, key, "~", json_object_get(change, "changed"));
        put_list(out, key, "-", json_object_get(change, "removed"));
    }
    (void)fputs("\n", out);
}

static void put_changes(FILE *out, const json_t *operation)
{
    json_t *changes = json_object_get(operation, "changes");

    for (void *at = json_object_iter(changes); at != NULL; at = json_object_iter_next(changes, at)) {
        const char *key = json_object_iter_key(at);
        json_t *change = json_object_iter_value(at);

        if (strcmp(key, "limits") == 0)
            put_limits(out, change);
        else
            put_change(out, key, change);
    }
}

/* ---- the parts of a report ---- */

void report_remark(FILE *out, const struct report_style *style, enum report_mark mark, const char *word,
                   const char *text)
{
    (void)fprintf(out, "%*s", INDENT, "");
    report_coloured(out, style, mark == REPORT_FAILED ? COLOUR_RED : COLOUR_DIM, word);
    (void)fputs(": ", out);
    put_visible(out, text);
    (void)fputs("\n", out);
}

void report_facts(FILE *out, const struct report_style *style, const json_t *result)
{
    const json_t *uid = json_object_get(result, "uid");

    (void)style;
    (void)fputs("profile ", out);
    put_visible(out, json_text_of(result, "profile"));
    (void)fputs(", account ", out);
    put_visible(out, json_text_of(result, "account"));
    if (json_is_integer(uid))
        (void)fprintf(out, " (uid %lld)", (long long)json_integer_value(uid));
    else
        (void)fputs(" (nobody resolves it)", out);
    (void)fputs(", called by ", out);
    put_visible(out, json_text_of(result, "caller"));
    (void)fputs(json_is_true(json_object_get(result, "delegate")) ? ", a delegate\n" : "\n", out);
}

static enum report_mark mark_of(const char *result)
{
    if (strcmp(result, "ok") == 0 || strcmp(result, "undone") == 0)
        return REPORT_OK;
    return strcmp(result, "not-run") == 0 ? REPORT_NOT_RUN : REPORT_FAILED;
}

void report_operation(FILE *out, const struct report_style *style, const json_t *operation)
{
    enum report_mark mark = mark_of(json_text_of(operation, "result"));
    const char *code = json_text_of(operation, "code");
    char line[TEXT_BYTES];

    put_mark(out, style, mark);
    (void)fprintf(out, " %-14s ", json_text_of(operation, "step"));
    if (mark == REPORT_NOT_RUN) {
        report_coloured(out, style, COLOUR_DIM, "not run");
    } else if (*code == '\0') {
        report_coloured(out, style, COLOUR_RED, "the process ended");
    } else {
        (void)snprintf(line, sizeof line, "%-22s", code);
        report_coloured(out, style, mark == REPORT_OK ? "" : COLOUR_RED, line);
        (void)fprintf(out, " %8.1f ms", json_real_value(json_object_get(operation, "ms")));
        if (strcmp(code, "PAM_SUCCESS") != 0)
            (void)fprintf(out, "  %s", json_text_of(operation, "meaning"));
        if (json_is_true(json_object_get(operation, "automatic")))
            (void)fputs(strcmp(json_text_of(operation, "result"), "undone") == 0
                            ? "  (what failed half-way is undone; the code says nothing)"
                            : "  (to close what was opened)",
                        out);
    }
    (void)fputs("\n", out);
    put_prompts(out, operation);
    put_messages(out, operation);
    put_changes(out, operation);
}

void report_failure(FILE *out, const struct report_style *style, const json_t *result)
{
    const json_t *failure = json_object_get(result, "failure");

    if (failure == NULL)
        return;
    report_coloured(out, style, COLOUR_RED, "failed: ");
    put_visible(out, json_text_of(failure, "message"));
    (void)fprintf(out, "\n%*spamrun would end with status %lld, the fault being the %s's\n", INDENT, "",
                  (long long)json_integer_value(json_object_get(failure, "exit-status")),
                  json_text_of(failure, "class"));
}

static void put_hint(FILE *out, const struct report_style *style, const char *text)
{
    report_coloured(out, style, COLOUR_BOLD, "hint: ");
    put_visible(out, text);
    (void)fputs("\n", out);
}

void report_advice(FILE *out, const struct report_style *style, const json_t *result)
{
    const char *hint = json_text_of(json_object_get(result, "failure"), "hint");
    const json_t *advice;
    size_t at;

    if (*hint != '\0')
        put_hint(out, style, hint);
    JSON_EACH(json_object_get(result, "advice"), at, advice)
        put_hint(out, style, json_text_of(advice, "text"));
}
