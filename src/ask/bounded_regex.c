#include "ask/bounded_regex.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What a repetition behind it would repeat. */
struct piece {
    bool is_there, is_repeated, may_be_empty;
    size_t size; /* written out */
};

/* What is between parentheses, so far. */
struct group {
    size_t size;
    struct piece last;
    bool is_empty;          /* may this alternative be, without its last piece? */
    bool alternative_empty; /* may one before it be? */
};

struct scan {
    struct group groups[BOUNDED_REGEX_DEPTH + 1], *group; /* the innermost */
    const char *problem;
};

static void group_begin(struct group *group)
{
    *group = (struct group){.is_empty = true};
}

static void end_piece(struct group *group)
{
    group->is_empty = group->is_empty && (!group->last.is_there || group->last.may_be_empty);
    group->last = (struct piece){.is_there = false};
}

static void end_alternative(struct group *group)
{
    end_piece(group);
    group->alternative_empty = group->alternative_empty || group->is_empty;
    group->is_empty = true;
}

static void grow(struct scan *scan, size_t size)
{
    scan->group->size += size;
    scan->group->last.size += size;
    if (scan->group->size > BOUNDED_REGEX_SIZE)
        scan->problem = "the expression is too large when its repetitions are written out";
}

static void take_piece(struct scan *scan, size_t size, bool may_be_empty)
{
    end_piece(scan->group);
    scan->group->last = (struct piece){.is_there = true, .may_be_empty = may_be_empty};
    grow(scan, size);
}

static void open_group(struct scan *scan)
{
    if (scan->group == &scan->groups[BOUNDED_REGEX_DEPTH])
        scan->problem = "the expression has too many parentheses in one another";
    else
        group_begin(++scan->group);
}

static void close_group(struct scan *scan)
{
    struct group *inner = scan->group;

    if (inner == scan->groups) {
        scan->problem = "a ')' stands without its '('";
        return;
    }
    end_alternative(inner);
    scan->group--;
    take_piece(scan, inner->size + 1, inner->alternative_empty);
}

#define WITHOUT_END SIZE_MAX

/* From so many times to so many. */
static void repeat(struct scan *scan, size_t least, size_t most)
{
    struct piece *piece = &scan->group->last;
    size_t times = most == WITHOUT_END ? least + 1 : most; /* x{2,} is xxx* */

    if (!piece->is_there)
        scan->problem = "a repetition repeats nothing";
    else if (piece->is_repeated)
        scan->problem = "a repetition stands right behind another";
    else if (piece->may_be_empty)
        scan->problem = "what is repeated can be empty";
    else if (times > BOUNDED_REGEX_SIZE)
        scan->problem = "the expression is too large when its repetitions are written out";
    if (scan->problem != NULL)
        return;
    piece->is_repeated = true;
    piece->may_be_empty = least == 0;
    grow(scan, piece->size * (times > 0 ? times - 1 : 0));
}

/* *number grows to above the limit, and no further. */
static bool take_number(const char **at, size_t *number)
{
    const char *first = *at;

    for (*number = 0; isdigit((unsigned char)**at); ++*at)
        if (*number <= BOUNDED_REGEX_SIZE)
            *number = *number * 10 + (size_t)(**at - '0');
    return *at > first;
}

/* {2}, {2,}, {2,5}, and nothing that others might read otherwise. Where it ends: at its '}'. */
static const char *take_braces(struct scan *scan, const char *at)
{
    const char *end = at + 1;
    size_t least, most;
    bool is_one = take_number(&end, &least);

    most = least;
    if (is_one && *end == ',') {
        end++;
        most = take_number(&end, &most) ? most : WITHOUT_END;
    }
    if (!is_one || *end != '}' || most < least) {
        scan->problem = "a '{' begins no repetition as {2}, {2,} or {2,5}";
        return at;
    }
    repeat(scan, least, most);
    return end;
}

/* Where a bracket expression that begins at text ends: at its ']', or before the end of all. In it a backslash is
 * ordinary, a ']' at the start too, and [:alpha:] and the like have brackets of their own. */
static const char *bracket_end(const char *text)
{
    const char *at = text + 1;

    at += *at == '^';
    at += *at == ']';
    for (; *at != '\0' && *at != ']'; at++)
        if (*at == '[' && at[1] != '\0' && strchr(":.=", at[1]) != NULL) {
            char end[] = {at[1], ']', '\0'};
            const char *inner = strstr(at + 2, end);

            if (inner == NULL)
                return text + strlen(text) - 1;
            at = inner + 1;
        }
    return *at == ']' ? at : at - 1;
}

static const char *take_escaped(struct scan *scan, const char *at)
{
    if (at[1] >= '1' && at[1] <= '9')
        scan->problem = "the expression has a back reference";
    else if (isalnum((unsigned char)at[1]) || strchr("<>`'", at[1]) != NULL)
        scan->problem = "a backslash stands before a letter, a digit, or one of <>`'";
    take_piece(scan, 1, false);
    return at + 1;
}

/* From the character at `at`; where what it begins ends. */
static const char *take(struct scan *scan, const char *at)
{
    switch (*at) {
    case '(':
        open_group(scan);
        break;
    case ')':
        close_group(scan);
        break;
    case '|':
        if (scan->group == scan->groups)
            scan->problem = "a '|' outside of parentheses escapes the '^' and the '$'";
        end_alternative(scan->group);
        break;
    case '*':
        repeat(scan, 0, WITHOUT_END);
        break;
    case '+':
        repeat(scan, 1, WITHOUT_END);
        break;
    case '?':
        repeat(scan, 0, 1);
        break;
    case '{':
        return take_braces(scan, at);
    case '\\':
        return take_escaped(scan, at);
    case '^':
    case '$':
        scan->problem = "a '^' or '$' stands inside of the expression";
        break;
    case '[':
        at = bracket_end(at);
        take_piece(scan, 1, false);
        break;
    default:
        take_piece(scan, 1, false);
        break;
    }
    return at;
}

static bool is_anchored(const char *regex, size_t length)
{
    size_t backslashes = 0;

    if (length < 2 || regex[0] != '^' || regex[length - 1] != '$')
        return false;
    while (backslashes + 2 <= length && regex[length - 2 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 0;
}

bool bounded_regex_check(const char *regex, const char **problem)
{
    struct scan scan = {.group = scan.groups};
    size_t length = strlen(regex);

    if (!is_anchored(regex, length))
        scan.problem = "the expression does not begin with '^' and end with '$'";
    group_begin(scan.group);
    for (const char *at = regex + 1; scan.problem == NULL && at < regex + length - 1; at++)
        at = take(&scan, at);
    *problem = scan.problem;
    return scan.problem == NULL;
}
