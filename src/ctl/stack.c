#include "ctl/stack.h"

#include "base/file.h"
#include "base/owned.h"
#include "base/text.h"
#include "pam/service.h"
#include "trace/system_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LEVELS_MAX = 16, DEPTH_MAX = 64, PATH_BYTES = 4096, SHOWN_BYTES = 80 };

static const char *const facility_names[STACK_FACILITIES] = {"auth", "account", "session", "password"};

enum stack_facility stack_facility_of(enum step step)
{
    switch (step) {
    case STEP_ACCOUNT:
        return STACK_ACCOUNT;
    case STEP_OPEN_SESSION:
    case STEP_CLOSE_SESSION:
        return STACK_SESSION;
    case STEP_CHAUTHTOK:
        return STACK_PASSWORD;
    default:
        return STACK_AUTH;
    }
}

const char *stack_facility_name(enum stack_facility facility)
{
    return facility < STACK_FACILITIES ? facility_names[facility] : "";
}

/* One file of the profile while it is read. */
struct reading {
    struct stack *stack;
    const struct stack_places *places;
    const char *service; /* whose lines are taken, of a file that has several profiles'; NULL: all are */
    const char *file;
    enum stack_facility wanted; /* STACK_ALL: every one */
    int parent;
    unsigned depth, level;
    bool of_other;
    bool given_up;   /* by libpam: what is behind is not read */
    const char *why; /* given up */
    struct error *error;
};

static enum result read_file(const struct reading *from, const char *path, const char **given_up);

/* ---- lines ---- */

/* word: what it is about; NULL: the line. */
static void tell_problem(char problem[static STACK_PROBLEM_BYTES], const char *word, const char *what)
{
    char shown[SHOWN_BYTES] = "";

    if (word != NULL)
        (void)text_visible(shown, sizeof shown, word, TEXT_ONE_LINE);
    (void)snprintf(problem, STACK_PROBLEM_BYTES, "%s%s", shown, what);
}

/* A line at the end of the stack, of that kind. NULL: no memory. */
static struct stack_line *add_line(struct reading *reading, enum stack_kind kind, unsigned number, const char *text)
{
    struct stack *stack = reading->stack;
    struct stack_line *lines = reallocarray(stack->lines, stack->count + 1, sizeof *lines);
    struct stack_line *line;

    if (lines == NULL)
        return NULL;
    stack->lines = lines;
    line = &lines[stack->count];
    *line = (struct stack_line){
        .kind = kind,
        .facility = reading->wanted,
        .of_other = reading->of_other,
        .parent = reading->parent,
        .depth = reading->depth,
        .level = reading->level,
        .file = reading->file,
        .number = number,
        .text = strdup(text),
    };
    if (line->text == NULL)
        return NULL;
    stack->count++;
    return line;
}

static bool copy_word(char **copy, const char *word)
{
    *copy = word != NULL ? strdup(word) : NULL;
    return word == NULL || *copy != NULL;
}

/* An include's file was not read to its end: libpam puts a line that refuses behind what it brought. */
static enum result add_refusal(struct reading *reading, int of)
{
    const struct stack_line *include = &reading->stack->lines[of];
    struct reading as_include = *reading;
    struct stack_line *line;

    as_include.wanted = include->facility;
    line = add_line(&as_include, STACK_BROKEN, include->number, "");
    if (line == NULL)
        return fail_memory(reading->error, STEP_PROFILE);
    include = &reading->stack->lines[of]; /* they may have moved */
    line->of_parent = true;
    for (int code = 0; code < CONTROL_CODES; code++)
        line->actions[code] = ACTION_BAD;
    (void)snprintf(line->problem, sizeof line->problem, "%s", include->problem);
    return OK;
}

/* ---- files ---- */

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* What libpam could open there; it does not mind what it is. */
static bool is_there(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0;
}

/* The file of a profile of that name, or of one that is included. NULL: there is none, or (errno) no memory. */
static char *find_file(const struct stack_places *places, const char *name, bool included)
{
    char path[PATH_BYTES];

    errno = 0;
    if (name[0] == '/')
        return is_there(name) ? strdup(name) : NULL;
    for (const char *const *directory = places->profiles; *directory != NULL; directory++) {
        (void)snprintf(path, sizeof path, "%s/%s", *directory, name);
        if (is_there(path))
            return strdup(path);
        if (included && places->dialect->debian)
            break;
    }
    errno = 0;
    return NULL;
}

/* The file of a module. NULL: as above. */
static char *find_module(const struct dialect *dialect, const char *word)
{
    char path[PATH_BYTES];

    errno = 0;
    if (word[0] == '/')
        return is_there(word) ? strdup(word) : NULL;
    for (const char *const *directory = dialect->module_directories; *directory != NULL; directory++) {
        (void)snprintf(path, sizeof path, "%s/%s", *directory, word);
        if (is_there(path))
            return strdup(path);
    }
    errno = 0;
    return NULL;
}

/* ---- one line ---- */

/* libpam reads the file no further. */
static void give_up(struct reading *reading, const char *why)
{
    reading->given_up = true;
    reading->why = why;
}

/* libpam names a line by its module's or file's name; to be none, or "?", ends it. */
static bool has_a_name(const char *word)
{
    const char *slash = strrchr(word, '/'), *name = slash != NULL ? slash + 1 : word, *dot = strrchr(name, '.');
    size_t length = dot != NULL ? (size_t)(dot - name) : strlen(name);

    return length > 0 && !(length == 1 && *name == '?');
}

/* The lines of the included file, if there is one. What keeps libpam from reading it is the include's problem. */
static enum result read_children(struct reading *below, int at, const char *word)
{
    const struct stack_places *places = below->places;
    struct stack_line *include = &below->stack->lines[at];
    const char *given_up = NULL;

    if ((places->dialect->line_room > 0 ? below->level : below->depth) >= LEVELS_MAX) {
        tell_problem(include->problem, NULL, "libpam goes no deeper than 15 levels");
        return OK;
    }
    if (word == NULL) {
        tell_problem(include->problem, NULL, "names no file");
        return OK;
    }
    include->path = find_file(places, word, true);
    if (include->path == NULL && errno == ENOMEM)
        return fail_memory(below->error, STEP_PROFILE);
    if (include->path == NULL) {
        tell_problem(include->problem, word, " is not there");
        return OK;
    }
    if (read_file(below, include->path, &given_up) != OK)
        return FAILED;
    if (given_up != NULL)
        tell_problem(below->stack->lines[at].problem, word, given_up); /* the lines may have moved */
    return OK;
}

/* An include or substack, the line at that index. */
static enum result read_included(struct reading *reading, int at, const char *word)
{
    const struct stack_line *include = &reading->stack->lines[at];
    bool substack = include->kind == STACK_SUBSTACK;
    struct reading below = *reading;

    below.parent = at;
    below.depth++;
    below.level += substack;
    below.wanted = include->facility;
    if (substack && word != NULL && !has_a_name(word)) {
        give_up(reading, ": has a substack without a name");
        return OK;
    }
    if (reading->places->dialect->debian && word == NULL)
        return fail(reading->error, STEP_PROFILE, STATUS_UNAVAILABLE,
                    "%s:%u: an include without a file: libpam crashes at it", reading->file, include->number);
    if (read_children(&below, at, word) != OK)
        return FAILED;
    include = &reading->stack->lines[at];
    if (include->problem[0] == '\0')
        return OK;
    if (include->facility != STACK_ALL)
        return add_refusal(reading, at);
    give_up(reading, ": @includes what cannot be read"); /* a line of no facility cannot refuse */
    return OK;
}

static enum stack_facility facility_of(const char *word)
{
    int facility = 0;

    while (facility < STACK_FACILITIES && strcasecmp(word, facility_names[facility]) != 0)
        facility++;
    return (enum stack_facility)facility;
}

/* The first word, what kind of line it makes, and whether the line counts: included files have others, too. */
static bool take_type(struct reading *reading, struct stack_line *line, const char *word, bool *is_include)
{
    enum stack_facility facility = STACK_ALL;

    *is_include = false;
    if (word != NULL) {
        line->quiet = *word == '-';
        word += line->quiet;
        *is_include = reading->places->dialect->debian && strcasecmp(word, "@include") == 0;
        facility = facility_of(word);
    }
    if (*is_include)
        return true; /* of whatever is wanted */
    if (facility == STACK_ALL) {
        tell_problem(line->problem, word, word != NULL ? " is no facility" : "has no words");
        line->kind = STACK_BROKEN;
        facility = reading->wanted == STACK_ALL ? STACK_AUTH : reading->wanted; /* libpam: "most sensitive" */
    }
    if (reading->wanted != STACK_ALL && facility != reading->wanted)
        return false;
    line->facility = facility;
    return true;
}

/* false: no memory. */
static bool take_control(struct stack_line *line, const char *word, bool *is_include)
{
    if (!copy_word(&line->control, word))
        return false;
    if (word != NULL && (strcasecmp(word, "include") == 0 || strcasecmp(word, "substack") == 0)) {
        *is_include = true;
        line->problem[0] = '\0'; /* even of no facility: libpam takes the file in */
        line->kind = strcasecmp(word, "substack") == 0 ? STACK_SUBSTACK : STACK_INCLUDE;
        return true;
    }
    if (word == NULL) {
        if (line->problem[0] == '\0')
            tell_problem(line->problem, NULL, "has no control");
        line->kind = STACK_BROKEN;
    }
    line->control_understood = profile_control(word != NULL ? word : "?", line->actions);
    return true;
}

/* false: no memory. */
static bool take_module(const struct reading *reading, struct stack_line *line, const char *word, char *rest)
{
    char *raw, *argument;

    if (!copy_word(&line->word, word))
        return false;
    if (word == NULL) {
        if (line->problem[0] == '\0')
            tell_problem(line->problem, NULL, "has no module");
        line->kind = STACK_BROKEN;
    } else {
        line->path = find_module(reading->places->dialect, word);
        if (line->path == NULL && errno == ENOMEM)
            return false;
    }
    while ((argument = profile_next_word(&rest, &raw)) != NULL)
        if (!strv_add(&line->arguments, argument))
            return false;
    return true;
}

/* A line of a file. text is taken apart. */
static enum result read_line(struct reading *reading, unsigned number, char *text)
{
    struct stack *stack = reading->stack;
    int at = (int)stack->count;
    struct stack_line *line = add_line(reading, STACK_MODULE, number, text);
    char *rest = text, *raw, *word;
    bool is_include;

    if (line == NULL)
        return fail_memory(reading->error, STEP_PROFILE);
    if (reading->service != NULL) {
        word = profile_next_word(&rest, &raw);
        if (word == NULL || strcasecmp(word, reading->service) != 0) {
            free(line->text);
            stack->count--;
            return OK;
        }
    }
    word = profile_next_word(&rest, &raw);
    line->type_at = raw != NULL ? (size_t)(raw - text) : strlen(line->text);
    if (!take_type(reading, line, word, &is_include)) {
        free(line->text);
        stack->count--;
        return OK;
    }
    if (is_include)
        line->kind = STACK_INCLUDE;
    else if (!take_control(line, profile_next_word(&rest, &raw), &is_include))
        return fail_memory(reading->error, STEP_PROFILE);
    word = profile_next_word(&rest, &raw);
    line->module_at = raw != NULL ? (size_t)(raw - text) : strlen(line->text);
    line->rest_at = rest != NULL ? (size_t)(rest - text) : strlen(line->text);
    if (!is_include) {
        if (word != NULL && !has_a_name(word))
            give_up(reading, ": has a module without a name");
        return take_module(reading, line, word, rest) ? OK : fail_memory(reading->error, STEP_PROFILE);
    }
    if (!copy_word(&line->word, word))
        return fail_memory(reading->error, STEP_PROFILE);
    return read_included(reading, at, word);
}

/* ---- one file ---- */

/* A directory reads as an empty file to libpam. */
static char *read_text(const char *path, struct error *error)
{
    struct stat status = {.st_mode = S_IFDIR};
    char *text = is_directory(path) ? strdup("") : file_read(path, &status);

    if (text == NULL) {
        (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "%s: %s", path, strerror(errno));
    } else if (S_ISREG(status.st_mode) && (size_t)status.st_size != strlen(text)) {
        (void)fail(error, STEP_PROFILE, STATUS_UNAVAILABLE, "%s: has a NUL byte", path);
        free(text);
        return NULL;
    }
    return text;
}

static enum result read_lines(struct reading *reading, const char *text)
{
    OWNED(memory_free) char *room = malloc(strlen(text) + 2);
    struct profile_reader reader = {text, 1, reading->places->dialect->line_room, room};
    enum profile_line found = PROFILE_END;
    unsigned number = 0;

    if (room == NULL)
        return fail_memory(reading->error, STEP_PROFILE);
    while (!reading->given_up && (found = profile_next_line(&reader, &number)) == PROFILE_LINE)
        if (read_line(reading, number, room) != OK)
            return FAILED;
    if (found != PROFILE_CUT_OFF)
        return OK;
    give_up(reading, ": its last line goes on behind its end");
    return add_line(reading, STACK_UNFINISHED, reader.number, "") != NULL ? OK
                                                                          : fail_memory(reading->error, STEP_PROFILE);
}

/* *given_up: why libpam does not read it to its end; unchanged: it does. */
static enum result read_file(const struct reading *from, const char *path, const char **given_up)
{
    OWNED(memory_free) char *text = NULL;
    struct reading reading = *from;

    reading.given_up = false;
    if (from->depth > DEPTH_MAX)
        return fail(from->error, STEP_PROFILE, STATUS_UNAVAILABLE, "%s: is included by itself", path);
    text = read_text(path, from->error);
    if (text == NULL)
        return FAILED;
    if (!strv_add(&reading.stack->files, path))
        return fail_memory(from->error, STEP_PROFILE);
    reading.file = reading.stack->files.items[reading.stack->files.count - 1];
    if (read_lines(&reading, text) != OK)
        return FAILED;
    if (reading.given_up)
        *given_up = reading.why;
    return OK;
}

/* ---- the profile ---- */

/* Both are in one file, whose lines begin with the profile's name. */
static enum result read_configuration(struct reading *reading, const char *service)
{
    struct stack *stack = reading->stack;
    const char *path = reading->places->configuration;
    const char *given_up = NULL;

    if (!is_there(path)) {
        tell_problem(stack->problem, path, " is not there, nor is a directory of profiles");
        return OK;
    }
    for (int other = 0; other < 2 && given_up == NULL; other++) {
        reading->of_other = other != 0 || stack->is_other;
        reading->service = other ? "other" : service;
        if (!copy_word(other ? &stack->other : &stack->profile, path))
            return fail_memory(reading->error, STEP_PROFILE);
        if (read_file(reading, path, &given_up) != OK)
            return FAILED;
        if (other == 0)
            stack->own = stack->count;
        if (stack->is_other) /* once is enough here */
            break;
    }
    if (given_up != NULL)
        tell_problem(stack->problem, path, given_up);
    return OK;
}

/* The profile, then "other", which libpam always reads, too; also when it is the profile itself. */
static enum result read_profiles(struct reading *reading, const char *service)
{
    struct stack *stack = reading->stack;
    const char *const names[] = {service, "other"};
    char **const files[] = {&stack->profile, &stack->other};

    for (int at = 0; at < 2 && stack->problem[0] == '\0'; at++) {
        const char *given_up = NULL;

        *files[at] = find_file(reading->places, names[at], false);
        if (*files[at] == NULL && errno == ENOMEM)
            return fail_memory(reading->error, STEP_PROFILE);
        reading->of_other = at == 1 || stack->is_other;
        if (*files[at] != NULL && read_file(reading, *files[at], &given_up) != OK)
            return FAILED;
        if (given_up != NULL)
            tell_problem(stack->problem, *files[at], given_up);
        if (at == 0)
            stack->own = stack->count;
    }
    if (stack->profile == NULL && stack->other == NULL)
        tell_problem(stack->problem, service, ": no such profile, nor one called other");
    return OK;
}

enum result stack_resolve(struct stack *stack, const char *service, const struct stack_places *places,
                          struct error *error)
{
    struct reading reading = {
        .stack = stack, .places = places, .wanted = STACK_ALL, .parent = STACK_ROOT, .error = error};

    *stack = (struct stack){.is_other = strcasecmp(service, "other") == 0};
    for (const char *const *directory = places->profiles; *directory != NULL; directory++)
        if (is_directory(*directory))
            return read_profiles(&reading, service);
    return read_configuration(&reading, service);
}

enum result stack_find_site(struct stack_site *site, struct error *error)
{
    enum result found;

    system_log_mute(true); /* libpam complains about the profiles that it is asked with */
    found = dialect_find(&site->dialect, error);
    system_log_mute(false);
    site->places = (struct stack_places){service_directories, "/etc/pam.conf", &site->dialect};
    return found;
}

int stack_next(const struct stack *stack, enum stack_facility facility, bool of_other, int at)
{
    for (at++; (size_t)at < stack->count; at++) {
        const struct stack_line *line = &stack->lines[at];

        if (line->facility == facility && line->of_other == of_other && line->kind != STACK_INCLUDE
            && line->kind != STACK_UNFINISHED)
            return at;
    }
    return -1;
}

bool stack_is_served_by_other(const struct stack *stack, enum stack_facility facility)
{
    return stack_next(stack, facility, false, STACK_ROOT) < 0;
}

void stack_free(struct stack *stack)
{
    for (size_t at = 0; at < stack->count; at++) {
        struct stack_line *line = &stack->lines[at];

        free(line->text);
        free(line->control);
        free(line->word);
        free(line->path);
        strv_free(&line->arguments);
    }
    free(stack->lines);
    strv_free(&stack->files);
    free(stack->profile);
    free(stack->other);
    *stack = (struct stack){.count = 0};
}
