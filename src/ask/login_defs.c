#include "ask/login_defs.h"

#include "base/file.h"
#include "base/number.h"
#include "base/owned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void set_text(char **target, const char *value)
{
    char *copy = strdup(strncmp(value, "PATH=", 5) == 0 ? value + 5 : value);

    if (copy == NULL)
        return; /* as if it were not set */
    free(*target);
    *target = copy;
}

/* One line: name, blanks, value that may stand in double quotes. */
static void line_apply(struct login_defs *defs, char *line, bool *has_supath)
{
    char *name = line + strspn(line, " \t"), *value, *end;

    if (*name != 'E' && *name != 'A'
        && *name != 'U') /* nearly every line is a comment, and the file is read by every run */
        return;
    value = name + strcspn(name, " \t");
    if (*value == '\0')
        return;
    *value++ = '\0';
    value += strspn(value, " \t\"");
    end = value + strlen(value);
    while (end > value && strchr(" \t\r\"", end[-1]) != NULL)
        *--end = '\0';
    if (*value == '\0')
        return;
    if (strcmp(name, "ENV_PATH") == 0) {
        set_text(&defs->path, value);
    } else if (strcmp(name, "ENV_SUPATH") == 0) {
        set_text(&defs->path_root, value);
        *has_supath = true;
    } else if (strcmp(name, "ENV_ROOTPATH") == 0 && !*has_supath) {
        set_text(&defs->path_root, value);
    } else if (strcmp(name, "ALWAYS_SET_PATH") == 0) {
        defs->always_set_path = strcasecmp(value, "yes") == 0;
    } else if (strcmp(name, "UID_MIN") == 0) {
        uint32_t number = 0;

        defs->has_uid_min = number_parse(value, UINT32_MAX - 1, &number); /* else as if it were not set */
        defs->uid_min = (uid_t)number;
    }
}

void login_defs_read(struct login_defs *defs, const char *file)
{
    OWNED(memory_free) char *text = file_read(file, NULL);
    bool has_supath = false;
    char *rest = text, *line;

    if (text == NULL && errno != ENOENT)
        defs->is_incomplete = true;
    while (text != NULL && (line = file_next_line(&rest)) != NULL)
        line_apply(defs, line, &has_supath);
}

void login_defs_free(struct login_defs *defs)
{
    free(defs->path);
    free(defs->path_root);
    *defs = (struct login_defs){0};
}
