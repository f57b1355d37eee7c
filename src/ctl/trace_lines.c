#include "ctl/trace_lines.h"

#include "base/owned.h"
#include "ctl/json.h"
#include "pam/codes.h"
#include "pam/dispatch.h"
#include "trace/calls.h"

#include <stdlib.h>
#include <string.h>

bool trace_lines_begin(struct trace_lines *lines, const struct stack *stack, const struct dialect *dialect)
{
    *lines = (struct trace_lines){
        .stack = stack,
        .jump_counts_ok = !dialect->debian,
        .frozen = calloc(stack->count + 1, sizeof *lines->frozen),
        .texts = json_array(),
    };
    for (size_t at = 0; lines->frozen != NULL && at < stack->count; at++)
        lines->frozen[at] = NO_CODE;
    return lines->frozen != NULL && lines->texts != NULL;
}

/* ---- one pass through the stack ---- */

/* The list that libpam walks, and which calls belong to it. */
struct pass {
    const struct trace_lines *lines;
    enum stack_facility facility;
    bool of_other, is_frozen;
    struct dispatch_line *list;
    int *indexes; /* of the list's lines in the stack */
    int *calls;   /* of the list's lines; NO_LINE: libpam answered itself */
    size_t count;
    const struct trace_call *made;
    size_t first, end; /* the calls of this pass */
    int decided_by;    /* in the stack */
    int code;
};

/* The number that the line has in the copy: both times that libpam reads "other" for itself, it reads the second. */
static int number_of(const struct stack *stack, int line)
{
    return stack->is_other && (size_t)line < stack->own ? line + (int)stack->own : line;
}

/* Calls come in the order of the list. Another line's is no answer: libpam does not go by the rules that we know. */
static bool answer(void *data, size_t at, int *code)
{
    struct pass *pass = data;
    const struct stack *stack = pass->lines->stack;
    int number = number_of(stack, pass->indexes[at]);

    if (pass->first == pass->end || pass->made[pass->first].line != number)
        return false;
    pass->calls[at] = (int)pass->first;
    *code = pass->made[pass->first].code;
    return pass->made[pass->first++].returned;
}

static enum dispatch_kind kind_of(const struct stack *stack, int at)
{
    switch (stack->lines[at].kind) {
    case STACK_BROKEN:
        return DISPATCH_REFUSAL;
    case STACK_SUBSTACK:
        return DISPATCH_SUBSTACK;
    default:
        return calls_has(number_of(stack, at)) ? DISPATCH_MODULE : DISPATCH_MISSING;
    }
}

static bool list_lines(struct pass *pass)
{
    const struct stack *stack = pass->lines->stack;

    pass->of_other = stack_is_served_by_other(stack, pass->facility);
    pass->list = calloc(stack->count + 1, sizeof *pass->list);
    pass->indexes = calloc(stack->count + 1, sizeof *pass->indexes);
    pass->calls = calloc(stack->count + 1, sizeof *pass->calls);
    if (pass->list == NULL || pass->indexes == NULL || pass->calls == NULL)
        return false;
    for (int at = STACK_ROOT; (at = stack_next(stack, pass->facility, pass->of_other, at)) >= 0; pass->count++) {
        const struct stack_line *line = &stack->lines[at];

        pass->indexes[pass->count] = at;
        pass->calls[pass->count] = NO_LINE;
        pass->list[pass->count] = (struct dispatch_line){
            .kind = kind_of(stack, at),
            .level = line->level,
            .actions = line->actions,
            .frozen = pass->lines->frozen[at],
        };
    }
    return true;
}

static void walk(struct pass *pass)
{
    const struct dispatch_rules rules = {pass->is_frozen, pass->lines->jump_counts_ok, answer, pass};
    int decided_by;

    pass->code = dispatch_walk(pass->list, pass->count, &rules, &decided_by);
    pass->decided_by = decided_by >= 0 ? pass->indexes[decided_by] : NO_LINE;
    for (size_t at = 0; at < pass->count; at++)
        pass->lines->frozen[pass->indexes[at]] = pass->list[at].frozen;
}

/* ---- a line ---- */

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static json_t *texts_of(const struct strv *list)
{
    json_t *array = json_array();

    for (size_t at = 0; at < list->count; at++)
        (void)json_array_append_new(array, json_text(list->items[at]));
    return array;
}

static json_t *action_of(int action)
{
    return action > 0 ? json_sprintf("jump %d", action) : json_string(profile_action_words[-action]);
}

static json_t *place_of(const struct stack_line *line)
{
    json_t *place = json_object();

    set(place, "file", json_text(line->file));
    set(place, "line", json_integer(line->number));
    return place;
}

/* What stands in the file. */
static json_t *describe(const struct stack_line *line)
{
    static const char *const kinds[] = {
        [STACK_MODULE] = "module",
        [STACK_INCLUDE] = "include",
        [STACK_SUBSTACK] = "substack",
        [STACK_BROKEN] = "broken",
    };
    json_t *object = place_of(line);

    set(object, "depth", json_integer(line->depth));
    set(object, "kind", json_string(kinds[line->kind]));
    set(object, "facility", json_string(stack_facility_name(line->facility)));
    set(object, "control", json_text(line->control));
    set(object, line->kind == STACK_INCLUDE || line->kind == STACK_SUBSTACK ? "includes" : "module",
        json_text(line->word));
    set(object, "path", json_text(line->path));
    if (line->kind == STACK_MODULE)
        set(object, "arguments", texts_of(&line->arguments));
    if (line->problem[0] != '\0')
        set(object, "problem", json_text(line->problem));
    else if (line->kind == STACK_MODULE && line->path == NULL)
        set(object, "problem", json_string("the module is missing"));
    else if (line->kind == STACK_MODULE && !line->control_understood)
        set(object, "problem", json_string("the control is not understood: every answer is bad"));
    return object;
}

/* What the module did. */
static void describe_call(const struct pass *pass, size_t at, json_t *object)
{
    const struct trace_call *call;
    json_t *texts;

    if (pass->calls[at] == NO_LINE)
        return;
    call = &pass->made[pass->calls[at]];
    set(object, "flags", json_integer(call->flags));
    set(object, "ms", call->returned ? json_real((double)call->time_us / 1000) : json_null());
    if (!call->returned)
        set(object, "problem", json_string("it did not return"));
    else if (call->lacks)
        set(object, "problem", json_string("the module does not have that function"));
    set(object, "log", texts_of(&call->log));
    texts = json_array_get(pass->lines->texts, (size_t)pass->calls[at]);
    set(object, "texts", texts != NULL ? json_incref(texts) : json_array());
}

static void describe_fate(const struct pass *pass, size_t at, json_t *object)
{
    static const char *const states[] = {
        [DISPATCH_NOT_REACHED] = "not-reached", [DISPATCH_CALLED] = "called",     [DISPATCH_PASSED] = "called",
        [DISPATCH_JUMPED] = "jumped-over",      [DISPATCH_ENDED] = "not-reached",
    };
    const struct dispatch_line *line = &pass->list[at];

    set(object, "state", json_string(states[line->fate]));
    if (line->by >= 0)
        set(object, "by", place_of(&pass->lines->stack->lines[pass->indexes[line->by]]));
    if (line->fate != DISPATCH_CALLED)
        return;
    describe_call(pass, at, object);
    set(object, "code", line->code != NO_CODE ? json_string(pam_code_name(line->code)) : json_null());
    set(object, "action", line->code != NO_CODE ? action_of(line->action) : json_null());
    if (pass->is_frozen && line->frozen != NO_CODE && line->frozen != line->code)
        set(object, "action-for", json_string(pam_code_name(line->frozen)));
    if (pass->indexes[at] == pass->decided_by)
        set(object, "decides", json_true());
}

/* Does an include bring lines to the list? Others are of no interest in it. */
static bool brings(const struct pass *pass, size_t include, size_t from)
{
    for (size_t at = from; at < pass->count; at++)
        for (int parent = pass->lines->stack->lines[pass->indexes[at]].parent; parent != STACK_ROOT;
             parent = pass->lines->stack->lines[parent].parent)
            if ((size_t)parent == include)
                return true;
    return false;
}

static json_t *describe_lines(const struct pass *pass)
{
    const struct stack *stack = pass->lines->stack;
    json_t *array = json_array();
    size_t at = 0;

    for (size_t index = 0; index < stack->count; index++) {
        const struct stack_line *line = &stack->lines[index];
        bool is_next = at < pass->count && (size_t)pass->indexes[at] == index;
        json_t *object;

        if (!is_next && (line->kind != STACK_INCLUDE || !brings(pass, index, at)))
            continue;
        object = describe(line);
        if (is_next)
            describe_fate(pass, at++, object);
        (void)json_array_append_new(array, object);
    }
    return array;
}

/* ---- the function ---- */

static void add_pass(json_t *passes, struct pass *pass, const char *name, const char *code)
{
    json_t *object = json_object();

    if (list_lines(pass)) {
        walk(pass);
        if (name != NULL)
            set(object, "pass", json_string(name));
        set(object, "facility", json_string(stack_facility_name(pass->facility)));
        set(object, "served-by-other", json_boolean(pass->of_other));
        set(object, "code", pass->code != NO_CODE ? json_string(pam_code_name(pass->code)) : json_null());
        /* what libpam made of the answers is what its rules say, and no call is left over */
        if (code != NULL)
            set(object, "explained",
                json_boolean(pass->code != NO_CODE && strcmp(pam_code_name(pass->code), code) == 0
                             && pass->first == pass->end));
        set(object, "lines", describe_lines(pass));
    }
    (void)json_array_append_new(passes, object);
    free(pass->list);
    free(pass->indexes);
    free(pass->calls);
}

json_t *trace_lines_of(struct trace_lines *lines, enum step step, const char *code)
{
    json_t *passes = json_array();
    size_t count, update = 0;
    const struct trace_call *made = calls_made(&count);
    struct pass pass = {
        .lines = lines,
        .facility = stack_facility_of(step),
        .is_frozen = step == STEP_CREDENTIALS || step == STEP_DELETE_CREDENTIALS || step == STEP_CLOSE_SESSION,
        .made = made,
        .end = count,
    };

    if (step != STEP_CHAUTHTOK) {
        add_pass(passes, &pass, NULL, code);
        return passes;
    }
    while (update < count && !call_is_update(&made[update]))
        update++;
    pass.end = update;
    add_pass(passes, &pass, "preliminary", update < count ? "PAM_SUCCESS" : NULL);
    if (update == count)
        return passes;
    pass = (struct pass){.lines = lines, .facility = STACK_PASSWORD, .made = made, .first = update, .end = count};
    add_pass(passes, &pass, "update", code);
    return passes;
}
