#include "share/context.h"

#include "base/file.h"
#include "base/owned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "pamrun-context 1\n"
#define LAST_LINE  "end\n" /* what was cut has none */

enum { NICE_MIN = -20, NICE_MAX = 19, UMASK_MAX = 0777 };

/* ---- to text ---- */

static void write_groups(FILE *out, const char *word, const struct group_list *groups)
{
    for (size_t at = 0; at < groups->count; at++)
        (void)fprintf(out, "%s%ju%s", at == 0 ? word : ",", (uintmax_t)groups->ids[at],
                      at + 1 == groups->count ? "\n" : "");
}

static void write_limit(FILE *out, bool is_set, rlim_t value)
{
    if (!is_set)
        (void)fputs(" -", out);
    else if (value == RLIM_INFINITY)
        (void)fputs(" unlimited", out);
    else
        (void)fprintf(out, " %ju", (uintmax_t)value);
}

static void write_limits(FILE *out, const struct limit_change *limits)
{
    for (int resource = 0; resource < LIMITS_COUNT; resource++) {
        const struct limit_change *change = &limits[resource];

        if (change->soft_is == LIMIT_KEPT && !change->hard_is_set)
            continue;
        (void)fprintf(out, "limit %s", limit_name(resource));
        if (change->soft_is == LIMIT_UP_TO_HARD)
            (void)fputs(" hard", out);
        else
            write_limit(out, change->soft_is == LIMIT_SET, change->soft);
        write_limit(out, change->hard_is_set, change->hard);
        (void)fputc('\n', out);
    }
}

static void write_view(FILE *out, const struct view *view)
{
    (void)fprintf(out, " %" PRIu64 ":%" PRIu64, view->device, view->inode);
}

static void write_moved(FILE *out, const char *word, const struct moved *moved)
{
    (void)fputs(word, out);
    write_view(out, &moved->from);
    write_view(out, &moved->to);
    (void)fputc('\n', out);
}

static void write_views(FILE *out, const struct context *context)
{
    for (enum space space = 0; space < SPACE_TAKEN_COUNT; space++)
        if (context->spaces[space].is_moved) {
            (void)fputs("namespace ", out);
            write_moved(out, space_name(space), &context->spaces[space]);
        }
    if (context->root.is_moved)
        write_moved(out, "root", &context->root);
    if (!context_needs_keeper(context))
        return;
    (void)fputs("keeper", out);
    write_view(out, &context->user);
    write_view(out, &context->pid);
    (void)fputc('\n', out);
}

static void write_capabilities(FILE *out, const struct context *context)
{
    const struct capabilities *capabilities = &context->capabilities;

    if (context->has_capabilities)
        (void)fprintf(out, "capabilities %" PRIx64 " %" PRIx64 " %" PRIx64 " %x %d\n", capabilities->ambient,
                      capabilities->inheritable, context->dropped, (unsigned int)capabilities->securebits,
                      capabilities->no_new_privileges);
}

static void write_all(FILE *out, const struct context *context)
{
    (void)fputs(FIRST_LINE, out);
    write_groups(out, "groups ", &context->groups);
    write_groups(out, "groups-added ", &context->added);
    write_groups(out, "groups-removed ", &context->removed);
    write_limits(out, context->limits);
    if (context->has_umask)
        (void)fprintf(out, "umask %o\n", (unsigned int)context->umask);
    if (context->has_nice)
        (void)fprintf(out, "nice %d\n", context->nice);
    if (context->has_loginuid)
        (void)fprintf(out, "loginuid %ju\n", (uintmax_t)context->loginuid);
    write_views(out, context);
    if (context->keyring.serial != 0)
        (void)fprintf(out, "keyring %" PRId32 " %ju %ju\n", context->keyring.serial, (uintmax_t)context->keyring.uid,
                      (uintmax_t)context->keyring.gid);
    if (context->exec_label != NULL)
        (void)fprintf(out, "exec-label %s\n", context->exec_label);
    write_capabilities(out, context);
    (void)fputs(LAST_LINE, out);
}

char *context_format(const struct context *context)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    bool whole;

    if (out == NULL)
        return NULL;
    write_all(out, context);
    whole = ferror(out) == 0;
    if (fclose(out) == 0 && whole)
        return text;
    free(text);
    return NULL;
}

/* ---- from text ---- What a reader of a line is not strict about (blanks, zeros, order, things said twice) is found
 * out at the end: the context must give the very same text again. */

static bool read_groups(struct group_list *groups, const char *text)
{
    size_t room = 1;

    if (groups->ids != NULL)
        return false;
    for (const char *at = text; *at != '\0'; at++)
        room += *at == ',';
    groups->ids = calloc(room, sizeof *groups->ids);
    if (groups->ids == NULL)
        return false;
    while (groups->count < room) {
        unsigned int id;
        int length = 0;

        if (sscanf(text, "%u%n", &id, &length) != 1 || id == (gid_t)-1
            || (groups->count > 0 && id <= groups->ids[groups->count - 1]))
            return false;
        groups->ids[groups->count++] = id;
        text += length;
        if (*text++ != ',')
            break;
    }
    return groups->count == room && text[-1] == '\0';
}

static bool read_own(struct context *context, const char *text)
{
    return read_groups(&context->groups, text);
}

static bool read_added(struct context *context, const char *text)
{
    return read_groups(&context->added, text);
}

static bool read_removed(struct context *context, const char *text)
{
    return read_groups(&context->removed, text);
}

static bool read_limit_value(const char *text, bool *is_set, rlim_t *value)
{
    *is_set = strcmp(text, "-") != 0;
    if (*is_set)
        *value = strcmp(text, "unlimited") == 0 ? RLIM_INFINITY : strtoull(text, NULL, 10);
    return true;
}

static bool read_limit(struct context *context, const char *text)
{
    char name[16], soft[24], hard[24];
    bool is_set;

    if (sscanf(text, "%15s %23s %23s", name, soft, hard) != 3)
        return false;
    for (int resource = 0; resource < LIMITS_COUNT; resource++)
        if (strcmp(name, limit_name(resource)) == 0) {
            struct limit_change *change = &context->limits[resource];

            (void)read_limit_value(hard, &change->hard_is_set, &change->hard);
            if (strcmp(soft, "hard") == 0)
                change->soft_is = LIMIT_UP_TO_HARD;
            else if (read_limit_value(soft, &is_set, &change->soft) && is_set)
                change->soft_is = LIMIT_SET;
            return true;
        }
    return false;
}

static bool read_umask(struct context *context, const char *text)
{
    context->has_umask = sscanf(text, "%o", &context->umask) == 1;
    return context->has_umask && context->umask <= UMASK_MAX;
}

static bool read_nice(struct context *context, const char *text)
{
    context->has_nice = sscanf(text, "%d", &context->nice) == 1;
    return context->has_nice && context->nice >= NICE_MIN && context->nice <= NICE_MAX;
}

static bool read_loginuid(struct context *context, const char *text)
{
    context->has_loginuid = sscanf(text, "%u", &context->loginuid) == 1;
    return context->has_loginuid && context->loginuid != (uid_t)-1;
}

static bool read_moved(struct moved *moved, const char *text)
{
    moved->is_moved = sscanf(text, "%" SCNu64 ":%" SCNu64 " %" SCNu64 ":%" SCNu64, &moved->from.device,
                             &moved->from.inode, &moved->to.device, &moved->to.inode)
                      == 4;
    return moved->is_moved;
}

static bool read_space(struct context *context, const char *text)
{
    size_t length = strcspn(text, " ");

    for (enum space space = 0; space < SPACE_TAKEN_COUNT; space++)
        if (strlen(space_name(space)) == length && strncmp(text, space_name(space), length) == 0)
            return read_moved(&context->spaces[space], text + length);
    return false;
}

static bool read_root(struct context *context, const char *text)
{
    return read_moved(&context->root, text);
}

static bool read_keeper(struct context *context, const char *text)
{
    struct moved both;

    if (!read_moved(&both, text))
        return false;
    context->user = both.from;
    context->pid = both.to;
    return true;
}

static bool read_keyring(struct context *context, const char *text)
{
    struct keyring *keyring = &context->keyring;

    return sscanf(text, "%" SCNd32 " %u %u", &keyring->serial, &keyring->uid, &keyring->gid) == 3 && keyring->serial > 0
           && keyring->uid != (uid_t)-1 && keyring->gid != (gid_t)-1;
}

static bool read_exec_label(struct context *context, const char *text)
{
    if (context->exec_label == NULL)
        context->exec_label = strdup(text);
    return context->exec_label != NULL && text[0] != '\0';
}

static bool read_capabilities(struct context *context, const char *text)
{
    struct capabilities *capabilities = &context->capabilities;
    unsigned int securebits, no_new;

    if (sscanf(text, "%" SCNx64 " %" SCNx64 " %" SCNx64 " %x %u", &capabilities->ambient, &capabilities->inheritable,
               &context->dropped, &securebits, &no_new)
        != 5)
        return false;
    capabilities->securebits = (int)securebits;
    capabilities->no_new_privileges = no_new != 0;
    context->has_capabilities = true;
    /* an ambient capability is an inheritable one, too: capabilities(7) */
    return (capabilities->ambient & ~capabilities->inheritable) == 0;
}

static const struct line_kind {
    const char *word;
    bool (*read)(struct context *context, const char *text);
} line_kinds[] = {
    {"groups ", read_own},
    {"groups-added ", read_added},
    {"groups-removed ", read_removed},
    {"limit ", read_limit},
    {"umask ", read_umask},
    {"nice ", read_nice},
    {"loginuid ", read_loginuid},
    {"namespace ", read_space},
    {"root ", read_root},
    {"keeper ", read_keeper},
    {"keyring ", read_keyring},
    {"exec-label ", read_exec_label},
    {"capabilities ", read_capabilities},
};

static bool read_line(struct context *context, const char *line)
{
    for (size_t at = 0; at < sizeof line_kinds / sizeof *line_kinds; at++) {
        size_t length = strlen(line_kinds[at].word);

        if (strncmp(line, line_kinds[at].word, length) == 0)
            return line_kinds[at].read(context, line + length);
    }
    return false;
}

static bool read_all(struct context *context, char *text)
{
    char *rest = text + strlen(FIRST_LINE);

    for (const char *line = file_next_line(&rest); line != NULL; line = file_next_line(&rest))
        if (strcmp(line, "end") == 0) /* nobody would look where a mount namespace left us */
            return *rest == '\0' && (!context->spaces[SPACE_MOUNT].is_moved || context->root.is_moved);
        else if (!read_line(context, line))
            return false;
    return false;
}

static bool gives(const struct context *context, const char *text)
{
    OWNED(memory_free) char *again = context_format(context);

    return again != NULL && strcmp(again, text) == 0;
}

bool context_parse(struct context *context, const char *text)
{
    OWNED(memory_free) char *copy = NULL;

    *context = (struct context){0};
    if (strcmp(text, FIRST_LINE LAST_LINE) == 0) /* the common case, and all of it */
        return true;
    errno = EINVAL;
    if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) == 0)
        copy = strdup(text);
    if (copy != NULL && read_all(context, copy) && gives(context, text))
        return true;
    context_free(context); /* which leaves errno: ENOMEM, or anything else */
    return false;
}

bool context_needs_keeper(const struct context *context)
{
    bool needs = context->root.is_moved;

    for (enum space space = 0; space < SPACE_TAKEN_COUNT; space++)
        needs = needs || context->spaces[space].is_moved;
    return needs;
}

void context_free(struct context *context)
{
    free(context->groups.ids);
    free(context->added.ids);
    free(context->removed.ids);
    free(context->exec_label);
    *context = (struct context){0};
}
