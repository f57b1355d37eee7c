#include "ctl/rewrite.h"

#include "base/owned.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the directory: the profile and "other" by their names, and these. Short names: libpam's lines may be bounded; and
 * none that a profile can have: those have no capital. */
#define INCLUDED "I" /* copies of included files, by the number of the line that includes them */
#define MODULES  "M" /* symbolic links to pam_trace.so, by the modules' names: libpam logs who spoke by that name */

static enum result fail_at(const char *path, struct error *error)
{
    return fail(error, STEP_START, STATUS_SYSTEM, "%s: %s", path, strerror(errno));
}

/* ---- the directory ---- */

enum result rewrite_begin(struct rewrite *rewrite, const char *module, struct error *error)
{
    char below[sizeof rewrite->directory + 8];

    rewrite->module = module;
    (void)snprintf(rewrite->directory, sizeof rewrite->directory, "%s", "/run/pamrun-trace.XXXXXX");
    if (mkdtemp(rewrite->directory) == NULL) { /* 0700 */
        rewrite->directory[0] = '\0';
        return fail_at("/run: a directory for copies of the profile", error);
    }
    (void)snprintf(below, sizeof below, "%s/" INCLUDED, rewrite->directory);
    if (mkdir(below, 0700) < 0)
        return fail_at(below, error);
    (void)snprintf(below, sizeof below, "%s/" MODULES, rewrite->directory);
    return mkdir(below, 0700) == 0 ? OK : fail_at(below, error);
}

/* The files in a directory, then itself. */
static void remove_directory(const char *path)
{
    OWNED(directory_close) DIR *directory = opendir(path);
    struct dirent *entry;

    if (directory == NULL)
        return;
    while ((entry = readdir(directory)) != NULL)
        (void)unlinkat(dirfd(directory), entry->d_name, 0); /* not those below: EISDIR */
    (void)rmdir(path);
}

void rewrite_remove(const struct rewrite *rewrite)
{
    static const char *const below[] = {"/" INCLUDED, "/" MODULES, ""};
    char path[sizeof rewrite->directory + 8];

    for (size_t at = 0; at < sizeof below / sizeof *below && rewrite->directory[0] != '\0'; at++) {
        (void)snprintf(path, sizeof path, "%s%s", rewrite->directory, below[at]);
        remove_directory(path);
    }
}

/* ---- lines ---- */

struct writing {
    const struct rewrite *rewrite;
    const struct stack *stack;
    const bool *stands_in;
    bool *cut;
    size_t room;
    struct error *error;
};

/* A word as libpam reads it back: in brackets. */
static void write_word(FILE *out, const char *word)
{
    (void)fputc('[', out);
    for (; *word != '\0'; word++)
        (void)fprintf(out, "%s%c", *word == ']' ? "\\" : "", *word);
    (void)fputc(']', out);
}

/* The link to pam_trace.so that has the module's name. NULL: it cannot be made. */
static char *link_to_stand_in(const struct writing *writing, const char *word)
{
    const char *slash = strrchr(word, '/');
    char *path;

    if (asprintf(&path, "%s/" MODULES "/%s", writing->rewrite->directory, slash != NULL ? slash + 1 : word) < 0)
        return NULL;
    if (symlink(writing->rewrite->module, path) == 0 || errno == EEXIST)
        return path;
    free(path);
    return NULL;
}

/* libpam's own functions look at these of a module's arguments, pam_get_authtok(3). */
static bool libpam_looks_at(const char *argument)
{
    return strcmp(argument, "use_first_pass") == 0 || strcmp(argument, "use_authtok") == 0
           || strncmp(argument, "authtok_type", strlen("authtok_type")) == 0;
}

/* A line with pam_trace.so in the module's place: the words before it, its path, the line's number, the arguments. */
static bool write_module(const struct writing *writing, int at, bool cut, FILE *out)
{
    const struct stack_line *line = &writing->stack->lines[at];
    OWNED(memory_free) char *path = link_to_stand_in(writing, line->word);

    if (path == NULL)
        return false;
    (void)fprintf(out, "%.*s", (int)(line->module_at - line->type_at), line->text + line->type_at);
    if (strpbrk(path, " \t\n[]") != NULL)
        write_word(out, path);
    else
        (void)fputs(path, out);
    (void)fprintf(out, " %d", at);
    if (!cut)
        (void)fprintf(out, " %s", line->text + line->rest_at);
    for (size_t argument = 0; cut && argument < line->arguments.count; argument++)
        if (libpam_looks_at(line->arguments.items[argument]))
            (void)fprintf(out, " %s", line->arguments.items[argument]);
    return true;
}

/* Where the copy of the included file is, whether or not there is one. */
static void write_include(const struct writing *writing, int at, FILE *out)
{
    const struct stack_line *line = &writing->stack->lines[at];

    (void)fprintf(out, "%.*s%s/" INCLUDED "/%d", (int)(line->module_at - line->type_at), line->text + line->type_at,
                  writing->rewrite->directory, at);
}

static bool write_text(const struct writing *writing, int at, bool cut, FILE *out)
{
    const struct stack_line *line = &writing->stack->lines[at];

    if (line->kind == STACK_MODULE && writing->stands_in[at])
        return write_module(writing, at, cut, out);
    /* a substack that libpam gives up at keeps the name for which it does */
    if ((line->kind == STACK_INCLUDE || line->kind == STACK_SUBSTACK)
        && (line->path != NULL || (line->word != NULL && line->problem[0] != '\0')))
        write_include(writing, at, out);
    else if (line->kind == STACK_UNFINISHED)
        (void)fputs("unfinished \\", out);
    else
        (void)fputs(line->text + line->type_at, out);
    return true;
}

/* The line, malloc'd, without its end. NULL: errno. */
static char *compose(const struct writing *writing, int at, bool cut, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    bool written;

    if (out == NULL)
        return NULL;
    written = write_text(writing, at, cut, out);
    if (fclose(out) == 0 && written)
        return text;
    free(text);
    return NULL;
}

static enum result write_line(const struct writing *writing, int at, FILE *out)
{
    const struct stack_line *line = &writing->stack->lines[at];
    size_t length = 0;
    OWNED(memory_free) char *text = compose(writing, at, false, &length);

    if (text != NULL && writing->room > 0 && length + 2 > writing->room && line->kind == STACK_MODULE
        && writing->stands_in[at]) {
        free(text);
        writing->cut[at] = true;
        text = compose(writing, at, true, &length);
    }
    if (text == NULL)
        return fail_at("a line of the copy", writing->error);
    while (length > 0 && strchr(" \t\n", text[length - 1]) != NULL)
        text[--length] = '\0';
    if (line->kind != STACK_UNFINISHED && length > 0 && text[length - 1] == '\\')
        (void)fprintf(out, "%s #\n", text); /* as in the original: else it would go on */
    else
        (void)fprintf(out, "%s\n", text);
    return OK;
}

/* ---- files ---- */

/* The lines with that parent, from the first that may be meant. */
static enum result write_file(const struct writing *writing, const char *path, int parent, size_t first, size_t end)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    enum result result = OK;

    if (out == NULL) {
        (void)fail_at(path, writing->error);
        if (fd >= 0)
            (void)close(fd);
        return FAILED;
    }
    for (size_t at = first; at < end && result == OK; at++) {
        const struct stack_line *line = &writing->stack->lines[at];

        if (line->parent == parent && !line->of_parent)
            result = write_line(writing, (int)at, out);
    }
    if (fclose(out) != 0 && result == OK)
        result = fail_at(path, writing->error);
    return result;
}

enum result rewrite_profile(const struct rewrite *rewrite, const struct stack *stack, const char *service,
                            const bool *stands_in, bool *cut, size_t room, struct error *error)
{
    const struct writing writing = {rewrite, stack, stands_in, cut, room, error};
    char path[sizeof rewrite->directory + 80];

    for (size_t at = 0; at < stack->count; at++) {
        const struct stack_line *line = &stack->lines[at];

        if ((line->kind != STACK_INCLUDE && line->kind != STACK_SUBSTACK) || line->path == NULL)
            continue;
        (void)snprintf(path, sizeof path, "%s/" INCLUDED "/%zu", rewrite->directory, at);
        if (write_file(&writing, path, (int)at, at + 1, stack->count) != OK)
            return FAILED;
    }
    (void)snprintf(path, sizeof path, "%s/%s", rewrite->directory, service);
    if (stack->profile != NULL && !stack->is_other && write_file(&writing, path, STACK_ROOT, 0, stack->own) != OK)
        return FAILED;
    (void)snprintf(path, sizeof path, "%s/other", rewrite->directory);
    return stack->other != NULL ? write_file(&writing, path, STACK_ROOT, stack->own, stack->count) : OK;
}
