#include "ctl/variables.h"

#include "ask/environment.h"
#include "base/owned.h"
#include "ctl/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [VARIABLES_SH] = "sh", [VARIABLES_NUL] = "nul", [VARIABLES_JSON] = "json", [VARIABLES_SLURM_TASK] = "slurm-task"};

bool variables_format_parse(const char *name, enum variables_format *format)
{
    for (size_t at = 0; at < sizeof names / sizeof *names; at++)
        if (strcmp(name, names[at]) == 0) {
            *format = (enum variables_format)at;
            return true;
        }
    return false;
}

/* XCU 2.5.3: what a shell can have as a variable. */
static bool is_shell_name(const char *name)
{
    return strspn(name, "0123456789") == 0 && *name != '\0'
           && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static void write_quoted(FILE *out, const char *value)
{
    (void)fputc('\'', out);
    for (; *value != '\0'; value++)
        if (*value == '\'')
            (void)fputs("'\\''", out);
        else
            (void)fputc(*value, out);
    (void)fputc('\'', out);
}

/* Why it cannot be said; NULL: it was. Slurm knows no quotes: the line is the value. A PATH there would be the task's,
 * who has loaded modules into his own. */
static const char *write_one(FILE *out, enum variables_format format, const char *name, const char *value)
{
    switch (format) {
    case VARIABLES_SH:
        if (!is_shell_name(name))
            return "a shell has no variable of that name";
        (void)fprintf(out, "export %s=", name);
        write_quoted(out, value);
        (void)fputc('\n', out);
        return NULL;
    case VARIABLES_SLURM_TASK:
        if (strcmp(name, "PATH") == 0)
            return NULL;
        if (!is_shell_name(name))
            return "no variable can have that name in a TaskProlog";
        if (strchr(value, '\n') != NULL)
            return "a TaskProlog cannot print a value of several lines";
        (void)fprintf(out, "export %s=%s\n", name, value);
        return NULL;
    default:
        (void)fprintf(out, "%s=%s", name, value);
        (void)fputc('\0', out);
        return NULL;
    }
}

static bool write_json(FILE *out, json_t *object)
{
    struct error no_memory; /* who called says so */
    bool written = json_print(out, object, JSON_COMPACT, &no_memory) == OK;

    json_decref(object);
    return written;
}

bool variables_write(FILE *out, enum variables_format format, char *const *items,
                     void (*leave_out)(const char *name, const char *why))
{
    json_t *object = format == VARIABLES_JSON ? json_object() : NULL;

    if (format == VARIABLES_JSON && object == NULL)
        return false;
    for (; items != NULL && *items != NULL; items++) {
        OWNED(memory_free) char *name = strdup(*items);
        const char *value, *why = NULL;

        if (name == NULL) {
            json_decref(object);
            return false;
        }
        if (!environment_pam_may_say(*items))
            continue;
        name[strcspn(name, "=")] = '\0';
        value = *items + strlen(name) + 1;
        if (object != NULL)
            why = json_object_set_new(object, name, json_text(value)) != 0 ? "it is no text" : NULL;
        else
            why = write_one(out, format, name, value);
        if (why != NULL)
            leave_out(name, why);
    }
    return object == NULL || write_json(out, object);
}
