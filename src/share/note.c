#include "share/note.h"

#include "base/file.h"
#include "base/owned.h"
#include "run/privilege.h"
#include "run/process.h"
#include "share/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    MODULES_UMASK = 0022,
    MARKED_UMASK = 0032,   /* as in inherited.c: unlike any that somebody would configure */
    KEYRING_MS = 10000,    /* no module has a part in it */
    MEASURE_TIMES = 5,     /* of a copy that somebody kills: by chance, then; a second time he had to mean it */
    OWN_GROUPS_MAX = 1024, /* more are looked up by each run: they would make long what each has to read */
};

/* What the copies of the keeper find out. */
struct answer {
    struct keyring keyring;
    struct capabilities capabilities;
};

static enum result fail_note(struct error *error, const char *what)
{
    return fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM, "shared session: the keeper's %s: %s", what, strerror(errno));
}

/* ---- one thing each ---- */

static int compare_ids(const void *left, const void *right)
{
    gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;

    return (a > b) - (a < b);
}

static int groups_read(gid_t **ids)
{
    int count = privilege_read_groups(ids);

    if (count > 0)
        qsort(*ids, (size_t)count, sizeof **ids, compare_ids);
    return count;
}

/* Those of the sorted `here` that are not in the sorted `there`, each once. */
static bool groups_missing(struct group_list *missing, const gid_t *here, int here_count, const gid_t *there,
                           int there_count)
{
    for (int at = 0, other = 0; at < here_count; at++) {
        while (other < there_count && there[other] < here[at])
            other++;
        if ((other < there_count && there[other] == here[at])
            || (missing->count > 0 && missing->ids[missing->count - 1] == here[at]))
            continue;
        if (missing->ids == NULL)
            missing->ids = calloc((size_t)here_count, sizeof *missing->ids);
        if (missing->ids == NULL)
            return false;
        missing->ids[missing->count++] = here[at];
    }
    return true;
}

/* What a file of /proc/self/attr says, without the new line or NUL byte at its end; NULL: nothing, or no such file. */
static char *attribute_read(int self, const char *path)
{
    char *text = file_read_at(self, path, NULL);

    if (text != NULL)
        text[strcspn(text, "\n")] = '\0';
    if (text == NULL || text[0] != '\0')
        return text;
    free(text);
    return NULL;
}

static bool texts_are_same(const char *left, const char *right)
{
    return left == right || (left != NULL && right != NULL && strcmp(left, right) == 0);
}

/* user:role:type, and a range perhaps; AppArmor's labels are not such. */
static bool label_is_selinux(const char *label)
{
    const char *colon = strchr(label, ':');

    return colon != NULL && strchr(colon + 1, ':') != NULL && strpbrk(label, " \t/") == NULL;
}

/* audit(8); (uid_t)-1: not set, or not here. */
static uid_t loginuid_read(int self)
{
    OWNED(memory_free) char *text = file_read_at(self, "loginuid", NULL);

    return text != NULL && text[0] != '\0' ? (uid_t)strtoul(text, NULL, 10) : (uid_t)-1;
}

/* How many there are; on old kernels, whether there is one. */
static long filters_read(int self)
{
    OWNED(memory_free) char *text = file_read_at(self, "status", NULL);
    const char *line = text != NULL ? strstr(text, "\nSeccomp_filters:") : NULL;

    if (line == NULL && text != NULL)
        line = strstr(text, "\nSeccomp:");
    return line != NULL ? strtol(strchr(line, ':') + 1, NULL, 10) : 0;
}

static bool nice_read(int *nice)
{
    errno = 0;
    *nice = getpriority(PRIO_PROCESS, 0);
    return *nice != -1 || errno == 0;
}

/* ---- in copies of the keeper ---- */

static int answer_keyring(void *unused, void *reply)
{
    struct answer *answer = reply;

    (void)unused;
    answer->keyring = keyring_find();
    return 0;
}

static int answer_command(void *data, void *reply)
{
    const struct measured_command *command = data;
    struct answer *answer = reply;
    int problem;

    answer->keyring = keyring_find();
    problem = privilege_become(command->uid, command->gid);
    if (problem != 0)
        return problem;
    command->end_copy(command->end_copy_data);
    return capabilities_read(&answer->capabilities) ? 0 : errno;
}

/* ---- before ---- */

enum result notes_take(struct notes *notes, bool own_groups, struct error *error)
{
    struct answer answer = {0};
    int self = self_open();

    *notes = (struct notes){.self = self,
                            .filters = filters_read(self),
                            .own_groups = own_groups,
                            .loginuid = loginuid_read(self),
                            .label = attribute_read(self, "attr/current"),
                            .exec_label = attribute_read(self, "attr/exec")};
    if (self < 0)
        return fail_note(error, "/proc/thread-self");
    notes->group_count = groups_read(&notes->groups);
    if (notes->group_count < 0)
        return fail_note(error, "groups");
    for (enum space space = 0; space < SPACE_COUNT; space++)
        if (!space_find(notes->self, space, &notes->spaces[space]))
            return fail_note(error, "namespaces");
    if (!path_find("/", &notes->root) || !path_find("/proc", &notes->proc) || !path_find(SHARE_ROOT, &notes->sessions))
        return fail_note(error, "root directory");
    if (!nice_read(&notes->nice))
        return fail_note(error, "priority");
    if (!capabilities_read(&notes->capabilities))
        return fail_note(error, "capabilities");
    if (process_ask(answer_keyring, NULL, &answer, sizeof answer, KEYRING_MS) != ASKED_ANSWERED)
        return fail_note(error, "session keyring");
    notes->keyring = answer.keyring.serial;
    if (!limits_mark(&notes->limits))
        return fail_note(error, "resource limits");
    (void)umask(MARKED_UMASK);
    return OK;
}

/* ---- after ---- */

/* A joiner would be without what keeps the session's processes in. */
static enum result fail_unshareable(struct error *error, const char *what)
{
    (void)fail(error, STEP_OPEN_SESSION, STATUS_UNAVAILABLE,
               "this profile cannot be shared: a module of it has put the session's process %s, which runs that join "
               "cannot take over",
               what);
    return fail_hint(error, "call pamrun without --share, or take that module out of the profile");
}

static enum result compare_groups(const struct notes *notes, struct context *context, struct error *error)
{
    OWNED(memory_free) gid_t *now = NULL;
    int count = groups_read(&now);

    if (count < 0)
        return fail_note(error, "groups");
    if (!groups_missing(&context->added, now, count, notes->groups, notes->group_count)
        || !groups_missing(&context->removed, notes->groups, notes->group_count, now, count))
        return fail_memory(error, STEP_OPEN_SESSION);
    if (notes->own_groups && notes->group_count <= OWN_GROUPS_MAX
        && !groups_missing(&context->groups, notes->groups, notes->group_count, notes->groups, 0))
        return fail_memory(error, STEP_OPEN_SESSION);
    return OK;
}

static enum result compare_process(const struct notes *notes, struct context *context, struct error *error)
{
    uid_t loginuid = loginuid_read(notes->self);
    mode_t now = umask(MODULES_UMASK);

    if (!limits_unmark(&notes->limits, context->limits))
        return fail_note(error, "resource limits");
    context->has_umask = now != MARKED_UMASK;
    if (context->has_umask)
        context->umask = now;
    if (!nice_read(&context->nice))
        return fail_note(error, "priority");
    context->has_nice = context->nice != notes->nice;
    context->has_loginuid = loginuid != notes->loginuid && loginuid != (uid_t)-1;
    if (context->has_loginuid)
        context->loginuid = loginuid;
    return OK;
}

static bool path_is_still(const char *path, const struct view *before)
{
    struct view now;

    return path_find(path, &now) && view_is_same(&now, before);
}

static enum result compare_spaces(const struct notes *notes, struct context *context, struct error *error)
{
    struct moved *root = &context->root;
    struct view now;

    for (enum space space = 0; space < SPACE_COUNT; space++) {
        char where[64];

        if (!space_find(notes->self, space, &now))
            return fail_note(error, "namespaces");
        if (view_is_same(&now, &notes->spaces[space]))
            continue;
        (void)snprintf(where, sizeof where, "into another %s namespace", space_name(space));
        if (space >= SPACE_TAKEN_COUNT)
            return fail_unshareable(error, where);
        context->spaces[space] = (struct moved){.is_moved = true, .from = notes->spaces[space], .to = now};
    }
    if (!path_find("/", &now))
        return fail_note(error, "root directory");
    if (!view_is_same(&now, &notes->root) || context->spaces[SPACE_MOUNT].is_moved)
        *root = (struct moved){.is_moved = true, .from = notes->root, .to = now};
    /* or leases would look to the keeper as if they had ended */
    if (root->is_moved && !(path_is_still("/proc", &notes->proc) && path_is_still(SHARE_ROOT, &notes->sessions)))
        return fail_unshareable(error, "where it does not see /proc and " SHARE_ROOT);
    if (context_needs_keeper(context)) {
        context->user = notes->spaces[SPACE_USER];
        context->pid = notes->spaces[SPACE_PID];
    }
    return OK;
}

/* Security modules and system call filters. */
static enum result compare_confinement(const struct notes *notes, struct context *context, struct error *error)
{
    OWNED(memory_free) char *label = attribute_read(notes->self, "attr/current");
    OWNED(memory_free) char *exec_label = attribute_read(notes->self, "attr/exec");

    if (filters_read(notes->self) > notes->filters)
        return fail_unshareable(error, "behind a filter of system calls (seccomp)");
    if (!texts_are_same(label, notes->label))
        return fail_unshareable(error, "under another security label");
    if (texts_are_same(exec_label, notes->exec_label))
        return OK;
    if (exec_label == NULL || !label_is_selinux(exec_label))
        return fail_unshareable(error, "under another security label for what it executes");
    context->exec_label = memory_take(&exec_label);
    return OK;
}

/* In the copy ids were dropped and the handle ended, so what is there is the modules'. */
static void compare_capabilities(const struct notes *notes, const struct capabilities *command, struct context *context)
{
    const struct capabilities *before = &notes->capabilities;

    context->dropped = before->bounding & ~command->bounding;
    context->has_capabilities = command->ambient != before->ambient || command->inheritable != before->inheritable
                                || command->securebits != before->securebits || context->dropped != 0
                                || command->no_new_privileges != before->no_new_privileges;
    if (!context->has_capabilities)
        return;
    context->capabilities = *command;
    context->capabilities.bounding = 0;
}

static enum result compare_keyring(const struct notes *notes, const struct keyring *now,
                                   const struct measured_command *command, struct context *context, struct error *error)
{
    if (now->serial == notes->keyring || now->serial == 0)
        return OK;
    if (now->uid != command->uid && now->uid != 0)
        return fail_unshareable(error, "under a session keyring of somebody else's");
    if (!keyring_offer(now))
        return fail_note(error, "session keyring");
    context->keyring = (struct keyring){.serial = now->serial, .uid = now->uid, .gid = now->gid};
    return OK;
}

#define THE_COPY "shared session: a copy of the keeper, to see what a command would be"

/* The copy has the account's ids for a moment: who does this must not make it look as if the node were at fault. */
static enum result fail_disturbed(const struct measured_command *command, enum asked outcome, struct error *error)
{
    (void)fail(error, STEP_OPEN_SESSION, STATUS_REFUSED,
               THE_COPY ": it was %s by somebody, %d times one after the other: a process of %s's may do that",
               outcome == ASKED_KILLED ? "killed" : "stopped", MEASURE_TIMES, command->account);
    return fail_hint(error, "ps -u %s shows what the account has running here", command->account);
}

static enum result measure_command(const struct notes *notes, const struct measured_command *command,
                                   struct context *context, struct error *error)
{
    struct answer answer = {0};
    struct measured_command copy = *command;
    enum asked outcome = ASKED_FAILED;

    for (int times = 0; times < MEASURE_TIMES; times++) {
        outcome = process_ask(answer_command, &copy, &answer, sizeof answer, command->timeout_ms);
        if (outcome != ASKED_KILLED && outcome != ASKED_STOPPED)
            break;
    }
    switch (outcome) {
    case ASKED_ANSWERED:
        compare_capabilities(notes, &answer.capabilities, context);
        return compare_keyring(notes, &answer.keyring, command, context, error);
    case ASKED_KILLED:
    case ASKED_STOPPED:
        return fail_disturbed(command, outcome, error);
    case ASKED_LATE:
        return fail(error, STEP_OPEN_SESSION, STATUS_TRY_AGAIN, THE_COPY ": it did not end its PAM handle within %d s",
                    command->timeout_ms / 1000);
    default:
        return fail(error, STEP_OPEN_SESSION, STATUS_SYSTEM, THE_COPY ": %s",
                    outcome == ASKED_ENDED ? "it ended (a module?)" : strerror(errno));
    }
}

enum result notes_compare(struct notes *notes, const struct measured_command *command, struct context *context,
                          struct error *error)
{
    struct context found = {0};

    if (compare_process(notes, &found, error) != OK || compare_groups(notes, &found, error) != OK
        || compare_spaces(notes, &found, error) != OK || compare_confinement(notes, &found, error) != OK
        || measure_command(notes, command, &found, error) != OK) {
        context_free(&found);
        return FAILED;
    }
    *context = found;
    return OK;
}

void notes_free(struct notes *notes)
{
    free(notes->groups);
    free(notes->label);
    free(notes->exec_label);
    fd_close(&notes->self);
    *notes = (struct notes){.self = -1};
}
