#include "ctl/trace.h"

#include "base/guard.h"
#include "base/owned.h"
#include "ctl/json.h"
#include "ctl/operations.h"
#include "ctl/report.h"
#include "ctl/rewrite.h"
#include "ctl/said.h"
#include "ctl/stack.h"
#include "ctl/trace_lines.h"
#include "ctl/trace_report.h"
#include "ctl/trial.h"
#include "ctl/trial_options.h"
#include "trace/calls.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct trace_request {
    struct trial_options trial;
    bool json;
};

/* Where the worker is, in memory that we share with it: it may crash there. */
struct running {
    unsigned number; /* of the line; 0: no module runs */
    char file[256], module[128];
};

static struct running *running; /* calls_watch() hands nothing on */
static const struct stack *running_stack;

/* What is known of the profile; but for the directory, the worker's. */
struct trace {
    struct rewrite rewrite;
    struct stack_site site;
    struct stack stack;
    bool *stands_in, *cut; /* by line; rewrite.h */
    struct trace_lines lines;
};

/* ---- in the worker: before the first call ---- */

/* libpam would load it, too, but a file that anybody may write is no module of ours. */
static enum result check_module(struct error *error)
{
    struct stat status;

    if (stat(PAM_TRACE_MODULE, &status) < 0)
        return fail(error, STEP_START, STATUS_SYSTEM, "%s: %s", PAM_TRACE_MODULE, strerror(errno));
    if (S_ISREG(status.st_mode) && status.st_uid == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return OK;
    return fail(error, STEP_START, STATUS_SYSTEM, "%s: must be a file of root's that nobody else can write",
                PAM_TRACE_MODULE);
}

/* The places where libpam looks for the line's module, one after the other. false: no memory. */
static bool load_module(struct trace *trace, size_t at)
{
    const struct stack_line *line = &trace->stack.lines[at];
    const struct dialect *dialect = &trace->site.dialect;
    char *paths[DIALECT_MODULE_DIRECTORIES + 1] = {NULL};
    bool is_absolute = line->word[0] == '/', has_memory = true;

    for (size_t place = 0; has_memory && dialect->module_directories[place] != NULL; place++) {
        if (is_absolute && place > 0)
            break;
        has_memory = asprintf(&paths[place], "%s%s%s", is_absolute ? "" : dialect->module_directories[place],
                              is_absolute ? "" : "/", line->word)
                     >= 0;
        if (!has_memory)
            paths[place] = NULL;
    }
    if (has_memory)
        trace->stands_in[at] = calls_load((int)at, (const char *const *)paths);
    for (size_t place = 0; place < DIALECT_MODULE_DIRECTORIES; place++)
        free(paths[place]);
    return has_memory;
}

/* Code of theirs runs, as in pam_start(3), which is guarded likewise. Those that cannot be loaded are left to
 * libpam. */
static enum result load_modules(struct trace *trace, struct error *error)
{
    bool has_memory = true;

    guard_enter(STEP_START, 0);
    for (size_t at = 0; has_memory && at < trace->stack.count; at++)
        if (trace->stack.lines[at].kind == STACK_MODULE)
            has_memory = load_module(trace, at);
    if (guard_leave(error) != OK)
        return FAILED;
    return has_memory ? OK : fail_memory(error, STEP_START);
}

static void note_running(int at)
{
    const struct stack_line *line = at >= 0 ? &running_stack->lines[at] : NULL;

    if (line != NULL) {
        (void)strlcpy(running->file, line->file, sizeof running->file);
        (void)strlcpy(running->module, line->word, sizeof running->module);
    }
    running->number = line != NULL ? line->number : 0;
}

static enum result start(void *data, const char *profile, const char **directory, struct error *error)
{
    struct trace *trace = data;
    struct stack *stack = &trace->stack;

    if (check_module(error) != OK || stack_find_site(&trace->site, error) != OK
        || stack_resolve(stack, profile, &trace->site.places, error) != OK)
        return FAILED;
    trace->stands_in = calloc(stack->count + 1, sizeof *trace->stands_in);
    trace->cut = calloc(stack->count + 1, sizeof *trace->cut);
    if (trace->stands_in == NULL || trace->cut == NULL
        || !trace_lines_begin(&trace->lines, stack, &trace->site.dialect))
        return fail_memory(error, STEP_START);
    calls_listen();
    if (load_modules(trace, error) != OK
        || rewrite_profile(&trace->rewrite, stack, profile, trace->stands_in, trace->cut, trace->site.dialect.line_room,
                           error)
               != OK)
        return FAILED;
    for (size_t at = 0; at < stack->count; at++)
        if (trace->cut[at])
            calls_give((int)at, strv_items(&stack->lines[at].arguments), stack->lines[at].arguments.count);
    running_stack = stack;
    calls_watch(note_running);
    *directory = trace->rewrite.directory;
    return OK;
}

/* ---- in the worker: around each call ---- */

static void before(void *data, const struct operation *operation)
{
    struct trace *trace = data;

    (void)operation;
    rewrite_remove(&trace->rewrite); /* libpam has read it all */
    (void)json_array_clear(trace->lines.texts);
    calls_begin();
}

static json_t *take_log(void)
{
    struct strv lines;
    json_t *array = json_array();

    calls_take_log(&lines);
    for (size_t at = 0; at < lines.count; at++)
        (void)json_array_append_new(array, json_text(lines.items[at]));
    strv_free(&lines);
    return array;
}

static void after(void *data, const struct operation *operation, json_t *record)
{
    struct trace *trace = data;

    (void)json_object_set_new(record, "passes",
                              trace_lines_of(&trace->lines, operation->step, json_text_of(record, "code")));
    (void)json_object_set_new(record, "log", take_log());
}

/* The array of what the module of that call said. */
static json_t *texts_of_call(const struct trace *trace, int call)
{
    while (json_array_size(trace->lines.texts) <= (size_t)call)
        if (json_array_append_new(trace->lines.texts, json_array()) != 0)
            return NULL;
    return json_array_get(trace->lines.texts, (size_t)call);
}

static void observe(void *data, const struct conversation_event *event)
{
    int call = calls_running();
    json_t *text;

    if (call < 0 || event->moment == CONVERSATION_ASKS)
        return;
    if (event->moment == CONVERSATION_TOLD) {
        text = said_message(event);
    } else {
        text = said_prompt(event);
        (void)json_object_set_new(text, "kind", json_string("prompt"));
    }
    (void)json_array_append_new(texts_of_call(data, call), text);
}

/* What libpam said where no module ran, and no function's record had it: of a profile that does not start. */
static void end(void *data, json_t *record)
{
    struct trace *trace = data;

    if (trace->stack.problem[0] != '\0')
        (void)json_object_set_new(record, "problem", json_text(trace->stack.problem));
    (void)json_object_set_new(record, "log", take_log());
    rewrite_remove(&trace->rewrite);
}

/* ---- in our process ---- */

static enum result prepare(void *data, struct error *error)
{
    struct trace *trace = data;

    return rewrite_begin(&trace->rewrite, PAM_TRACE_MODULE, error);
}

static void finish(void *data)
{
    struct trace *trace = data;

    rewrite_remove(&trace->rewrite); /* a worker that crashed did not */
}

/* The worker ended while a module ran: which one? NULL: none did. */
static json_t *place_of_end(void)
{
    json_t *place;

    if (running == NULL || running->number == 0)
        return NULL;
    place = json_object();
    (void)json_object_set_new(place, "file", json_text(running->file));
    (void)json_object_set_new(place, "line", json_integer(running->number));
    (void)json_object_set_new(place, "module", json_text(running->module));
    return place;
}

/* A function's line, then its modules': what they asked and said is told there. */
static void show(void *data, const json_t *record)
{
    const struct report_style *style = data;
    json_t *operation;

    if (json_object_get(record, "operations") != NULL) {
        report_facts(stdout, style, record);
    } else {
        operation = json_copy((json_t *)record);
        (void)json_object_del(operation, "prompts");
        (void)json_object_del(operation, "messages");
        if (strcmp(json_text_of(record, "result"), "lost") == 0)
            (void)json_object_set_new(operation, "ended-in", place_of_end());
        report_operation(stdout, style, operation);
        trace_report_lines(stdout, style, operation);
        json_decref(operation);
    }
    (void)fflush(stdout);
}

/* For programs: to the last function, if it is the one. */
static void add_place_of_end(json_t *result)
{
    json_t *operations = json_object_get(result, "operations");
    json_t *last = json_array_get(operations, json_array_size(operations) - 1);

    if (strcmp(json_text_of(last, "result"), "lost") == 0)
        (void)json_object_set_new(last, "ended-in", place_of_end());
}

static enum result print(const struct trace_request *request, const struct report_style *style, const json_t *result,
                         struct error *error)
{
    if (request->json)
        return trial_print_json(stdout, result, error);
    trace_report_log(stdout, result);
    report_failure(stdout, style, result);
    report_advice(stdout, style, result);
    return OK;
}

static enum result run_trace(struct trace_request *request, char *const *operands, int *status, struct error *error)
{
    struct report_style style = report_style_of(stdout);
    struct trace trace = {.rewrite = {.directory = ""}};
    struct operations operations;
    struct trial_request trial;
    enum result printed;
    json_t *found;

    if (trial_options_read(&trial, &operations, "trace", &request->trial, operands, error) != OK)
        return FAILED;
    running = mmap(NULL, sizeof *running, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (running == MAP_FAILED)
        return fail_memory(error, STEP_START);
    trial.data = &trace;
    trial.prepare = prepare;
    trial.start = start;
    trial.before = before;
    trial.after = after;
    trial.observe = observe;
    trial.end = end;
    trial.finish = finish;
    if (!request->json) {
        trial.show = show;
        trial.show_data = &style;
    }
    if (trial_run(&trial, &found, error) != OK)
        return FAILED;
    add_place_of_end(found);
    trial_advise(found);
    printed = print(request, &style, found, error);
    *status = trial_status(found);
    json_decref(found);
    return printed;
}

static enum result trace(const void *given, char *const *operands, int *status, struct error *error)
{
    struct trace_request *request = (struct trace_request *)given; /* its lists are ours to free */
    enum result result = run_trace(request, operands, status, error);

    trial_options_free(&request->trial);
    return result;
}

static const struct verb_option options[] = {
    TRIAL_OPTIONS(struct trace_request),
    {"json", NULL, offsetof(struct trace_request, json), "one JSON object, for programs", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_trace = {
    .name = "trace",
    .operands = "USER [OPERATION...]",
    .summary = "As check, and which module of the profile did what",
    .about = "Each line of the profile and of the files that it includes: called or not, what its\n"
             "module answered, what the control made of that, how long it took, what the module\n"
             "logged, said and asked. The line whose answer became the function's is marked.\n"
             "Operations: as of check. It is done, not tried: a session module that mounts, mounts.\n"
             "\n"
             "Exit status: 0, or what pamrun would end with (man 8 pamrun).\n"
             "\n"
             "Which module refuses?       pamrunctl trace --profile su alice acct_mgmt\n"
             "Which one takes so long?    pamrunctl trace --json alice | jq '.operations[].passes[].lines[]'\n",
    .options = options,
    .request_size = sizeof(struct trace_request),
    .run = trace,
};
