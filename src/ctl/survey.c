#include "ctl/survey.h"

#include "base/owned.h"
#include "pam/codes.h"
#include "pam/dispatch.h"

#include <stdlib.h>
#include <string.h>

enum result survey_read(struct stack *stack, const char *profile, struct error *error)
{
    struct stack_site site;

    *stack = (struct stack){.lines = NULL};
    return stack_find_site(&site, error) == OK ? stack_resolve(stack, profile, &site.places, error) : FAILED;
}

const char *survey_module(const struct stack_line *line)
{
    const char *slash = line->word != NULL ? strrchr(line->word, '/') : NULL;

    if (line->kind != STACK_MODULE || line->word == NULL)
        return "";
    return slash != NULL ? slash + 1 : line->word;
}

int survey_find(const struct stack *stack, enum stack_facility facility, const char *module, int behind)
{
    bool other = stack_is_served_by_other(stack, facility);
    int at = behind;

    while ((at = stack_next(stack, facility, other, at)) >= 0)
        if (stack->lines[at].path != NULL && strcmp(survey_module(&stack->lines[at]), module) == 0)
            return at;
    return -1;
}

/* ---- whom it lets in ---- */

/* What a module answers to who shows nothing. */
enum temper {
    PROVES,     /* no: he has not shown who he is. Also of what is not known here */
    PERMITS,    /* yes */
    DENIES,     /* no, whoever he is */
    STANDS_BY,  /* nothing: it is there for something else */
    KNOWS_ROOT, /* yes to root */
    CONDITION,  /* yes or no, by something that is no proof */
};

static enum temper temper_of(const char *module)
{
    static const struct {
        const char *module;
        enum temper temper;
    } table[] = {
        {"pam_permit.so", PERMITS},       {"pam_deny.so", DENIES},         {"pam_rootok.so", KNOWS_ROOT},
        {"pam_env.so", STANDS_BY},        {"pam_group.so", STANDS_BY},     {"pam_nologin.so", STANDS_BY},
        {"pam_faildelay.so", STANDS_BY},  {"pam_echo.so", STANDS_BY},      {"pam_warn.so", STANDS_BY},
        {"pam_cap.so", STANDS_BY},        {"pam_keyinit.so", STANDS_BY},   {"pam_mount.so", STANDS_BY},
        {"pam_faillock.so", STANDS_BY},   {"pam_umask.so", STANDS_BY},     {"pam_issue.so", STANDS_BY},
        {"pam_selinux.so", STANDS_BY},    {"pam_xauth.so", STANDS_BY},     {"pam_tty_audit.so", STANDS_BY},
        {"pam_succeed_if.so", CONDITION}, {"pam_listfile.so", CONDITION},  {"pam_access.so", CONDITION},
        {"pam_time.so", CONDITION},       {"pam_wheel.so", CONDITION},     {"pam_localuser.so", CONDITION},
        {"pam_usertype.so", CONDITION},   {"pam_securetty.so", CONDITION}, {"pam_shells.so", CONDITION},
        {"pam_rhosts.so", CONDITION},     {"pam_exec.so", CONDITION},      {"pam_script.so", CONDITION},
    };

    for (size_t at = 0; at < sizeof table / sizeof *table; at++)
        if (strcmp(module, table[at].module) == 0)
            return table[at].temper;
    return PROVES;
}

/* One walk. */
struct walk {
    const struct stack *stack;
    const int *lines; /* by place in libpam's list */
    bool root, conditions_hold, proofs_hold;
};

static bool says_yes(const struct walk *walk, enum temper temper)
{
    switch (temper) {
    case PROVES:
        return walk->proofs_hold;
    case CONDITION:
        return walk->conditions_hold;
    case KNOWS_ROOT:
        return walk->root;
    default:
        return temper == PERMITS;
    }
}

static bool answer(void *data, size_t line, int *code)
{
    const struct walk *walk = data;
    enum temper temper = temper_of(survey_module(&walk->stack->lines[walk->lines[line]]));
    const char *no = temper == STANDS_BY ? "PAM_IGNORE" : "PAM_AUTH_ERR";

    *code = pam_code_from_name(says_yes(walk, temper) ? "PAM_SUCCESS" : no);
    return true;
}

static enum dispatch_kind kind_of(const struct stack_line *line)
{
    switch (line->kind) {
    case STACK_MODULE:
        return line->path != NULL ? DISPATCH_MODULE : DISPATCH_MISSING;
    case STACK_SUBSTACK:
        return DISPATCH_SUBSTACK;
    default:
        return DISPATCH_REFUSAL;
    }
}

/* Does the walk end in success? *decided: which line of the stack says so, -1: none. */
static bool walk_succeeds(const struct walk *walk, size_t count, int *decided)
{
    OWNED(memory_free) struct dispatch_line *list = calloc(count + 1, sizeof *list);
    const struct dispatch_rules rules = {.answer = answer, .data = (void *)walk};
    int by = NO_LINE, code;

    if (list == NULL)
        return false;
    for (size_t at = 0; at < count; at++) {
        const struct stack_line *line = &walk->stack->lines[walk->lines[at]];

        list[at] = (struct dispatch_line){
            .kind = kind_of(line), .level = line->level, .actions = line->actions, .frozen = NO_CODE};
    }
    code = dispatch_walk(list, count, &rules, &by);
    *decided = by != NO_LINE ? walk->lines[by] : -1;
    return code == pam_code_from_name("PAM_SUCCESS");
}

enum admission survey_admission(const struct stack *stack, bool is_root, int *line)
{
    bool other = stack_is_served_by_other(stack, STACK_AUTH);
    OWNED(memory_free) int *lines = calloc(stack->count + 1, sizeof *lines);
    struct walk walk = {.stack = stack, .lines = lines, .root = is_root};
    size_t count = 0;
    int unused;

    *line = -1;
    for (int at = STACK_ROOT; lines != NULL && (at = stack_next(stack, STACK_AUTH, other, at)) >= 0;)
        lines[count++] = at;
    if (walk_succeeds(&walk, count, line))
        return ADMITS_EVERYBODY;
    walk.conditions_hold = true;
    if (walk_succeeds(&walk, count, line))
        return ADMITS_CONDITION;
    *line = -1;
    walk.proofs_hold = true;
    return walk_succeeds(&walk, count, &unused) ? ADMITS_PROVEN : ADMITS_NOBODY;
}
