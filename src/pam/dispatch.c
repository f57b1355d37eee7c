#include "pam/dispatch.h"

#include <security/pam_appl.h>

enum { LEVELS = 32 };

enum impression {
    UNDECIDED,
    POSITIVE,
    NEGATIVE,
};

/* What is thought so far. */
struct opinion {
    enum impression impression;
    int status, by;
};

struct walk {
    struct dispatch_line *lines;
    size_t count, at;
    const struct dispatch_rules *rules;
    struct opinion now, before[LEVELS]; /* a substack: reset goes back to that */
};

static const struct opinion none = {UNDECIDED, PAM_PERM_DENIED, NO_LINE};

static void take_yes(struct walk *walk, const struct dispatch_line *line, int frozen)
{
    struct opinion *now = &walk->now;
    bool open = now->impression == UNDECIDED || (now->impression == POSITIVE && now->status == PAM_SUCCESS);

    /* a yes that is one by its frozen answer only says nothing when the module ignores */
    if (open && (line->code != PAM_IGNORE || frozen == line->code))
        *now = (struct opinion){POSITIVE, line->code, (int)walk->at};
}

static void take_no(struct walk *walk, const struct dispatch_line *line)
{
    if (walk->now.impression != NEGATIVE)
        walk->now = (struct opinion){NEGATIVE, line->code == PAM_IGNORE ? PAM_PERM_DENIED : line->code, (int)walk->at};
}

static bool is_within(const struct walk *walk, unsigned level)
{
    return walk->at + 1 < walk->count && walk->lines[walk->at + 1].level >= level;
}

/* One line further, that is not come to. */
static void leave_out(struct walk *walk, enum dispatch_fate fate, int by)
{
    walk->at++;
    walk->lines[walk->at].fate = fate;
    walk->lines[walk->at].by = by;
}

/* A substack with all that is in it counts as one. Out of lines: a no. */
static void jump(struct walk *walk, const struct dispatch_line *line)
{
    int left = line->action, from = (int)walk->at;

    for (; left > 0 && is_within(walk, line->level); left--) {
        leave_out(walk, DISPATCH_JUMPED, from);
        while (walk->at + 1 < walk->count && walk->lines[walk->at + 1].level > line->level)
            leave_out(walk, DISPATCH_JUMPED, from);
    }
    if (left > 0)
        walk->now = (struct opinion){NEGATIVE, PAM_PERM_DENIED, from};
}

static void end_level(struct walk *walk, unsigned level)
{
    int from = (int)walk->at;

    while (is_within(walk, level))
        leave_out(walk, DISPATCH_ENDED, from);
}

/* What the control makes of it. */
static void act(struct walk *walk, const struct dispatch_line *line, int frozen)
{
    switch (line->action) {
    case ACTION_IGNORE:
        break;
    case ACTION_RESET:
        walk->now = walk->before[line->level % LEVELS];
        break;
    case ACTION_OK:
    case ACTION_DONE:
        take_yes(walk, line, frozen);
        if (walk->now.impression == POSITIVE && line->action == ACTION_DONE)
            end_level(walk, line->level);
        break;
    case ACTION_BAD:
    case ACTION_DIE:
        take_no(walk, line);
        if (line->action == ACTION_DIE)
            end_level(walk, line->level);
        break;
    default:
        if (walk->rules->frozen && walk->rules->jump_counts_ok)
            take_yes(walk, line, frozen);
        jump(walk, line);
        break;
    }
}

/* false: the module did not answer, and nothing is known about what follows. */
static bool visit(struct walk *walk)
{
    struct dispatch_line *line = &walk->lines[walk->at];
    int frozen;

    if (line->kind == DISPATCH_SUBSTACK) {
        line->fate = DISPATCH_PASSED;
        return true;
    }
    line->fate = DISPATCH_CALLED;
    line->code = line->kind == DISPATCH_MISSING ? PAM_MODULE_UNKNOWN : PAM_PERM_DENIED;
    if (line->kind == DISPATCH_MODULE && !walk->rules->answer(walk->rules->data, walk->at, &line->code)) {
        line->code = NO_CODE;
        return false;
    }
    if (line->code == PAM_INCOMPLETE) /* the application is to call again; ours never does */
        return false;
    if (!walk->rules->frozen)
        line->frozen = line->code;
    frozen = line->frozen != NO_CODE ? line->frozen : line->code;
    if (frozen < 0 || frozen >= CONTROL_CODES) {
        line->code = PAM_PERM_DENIED;
        line->action = ACTION_BAD;
    } else {
        line->action = line->actions[frozen];
    }
    act(walk, line, frozen);
    return true;
}

int dispatch_walk(struct dispatch_line *lines, size_t count, const struct dispatch_rules *rules, int *decided_by)
{
    struct walk walk = {.lines = lines, .count = count, .rules = rules, .now = none};
    unsigned level = 0;

    *decided_by = NO_LINE;
    walk.before[0] = none;
    for (size_t at = 0; at < count; at++) {
        lines[at].fate = DISPATCH_NOT_REACHED;
        lines[at].code = NO_CODE;
        lines[at].by = NO_LINE;
    }
    for (; walk.at < count; walk.at++) {
        unsigned here = lines[walk.at].level;

        if (level < here)
            walk.before[here % LEVELS] = walk.now;
        if (!visit(&walk))
            return NO_CODE;
        level = here;
    }
    if (walk.now.status == PAM_SUCCESS && walk.now.impression != POSITIVE) /* a success that a control calls bad */
        walk.now.status = PAM_PERM_DENIED;
    *decided_by = walk.now.by;
    return walk.now.status;
}
