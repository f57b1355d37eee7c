#include "ask/identity.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/owned.h"
#include "base/strv.h"
#include "base/text.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOKUP_BUFFER_START = 1024, LOOKUP_BUFFER_MAX = 16 * 1024 * 1024, SHOWN_NAME_MAX = 64, STAND_IN_ID = 65534 };
/* A new account may be unknown for as long as sssd remembers that it was: entry_negative_timeout of sssd.conf(5), 15 s.
 * It was us who asked last, before PAM. */
enum { PROVISION_PATIENCE_MS = 20000, PROVISION_PAUSE_MS = 100 };

bool account_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= LOGIN_NAME_MAX || name[0] == '-')
        return false;
    for (; *name != '\0'; name++)
        if (*name == '/' || (unsigned char)*name < ' ' || *name == 0x7f
            || ((unsigned char)name[0] == 0xc2 && (unsigned char)name[1] >= 0x80 && (unsigned char)name[1] < 0xa0))
            return false; /* the last ones: U+0080 to U+009F, control characters too */
    return true;
}

#define DIRECTORY_HINT "is the directory service (sssd, ...) running? /etc/nsswitch.conf names who is asked"

/* Did the look-up end without a finding (getpwnam_r(3) lists these), as opposed to failing? */
static bool means_not_found(int problem)
{
    return problem == 0 || problem == ENOENT || problem == ESRCH || problem == EBADF || problem == EPERM;
}

/* A directory that does not answer may do so later: so sssd's module from 2.10 on when sssd has ended. The rest is this
 * machine's trouble, with memory, descriptors, files. */
static int lookup_status(int problem)
{
    switch (problem) {
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT:
        return STATUS_TRY_AGAIN;
    default:
        return STATUS_SYSTEM;
    }
}

static enum result account_copy(struct account *account, const struct passwd *entry, struct error *error)
{
    const char *shell = entry->pw_shell != NULL && *entry->pw_shell != '\0' ? entry->pw_shell : "/bin/sh";

    if (entry->pw_name == NULL || entry->pw_dir == NULL || *entry->pw_dir == '\0') {
        (void)fail(error, STEP_IDENTITY, STATUS_NO_USER, "user %s: the passwd entry is incomplete (no home directory)",
                   entry->pw_name != NULL ? entry->pw_name : "?");
        return FAILED;
    }
    if (entry->pw_uid == (uid_t)-1 || entry->pw_gid == (gid_t)-1) { /* set*id(2) takes -1 for "leave as it is" */
        (void)fail(error, STEP_IDENTITY, STATUS_NO_USER, "user %s: 4294967295 is no user or group id", entry->pw_name);
        return FAILED;
    }
    *account = (struct account){.name = strdup(entry->pw_name),
                                .home = strdup(entry->pw_dir),
                                .shell = strdup(shell),
                                .uid = entry->pw_uid,
                                .gid = entry->pw_gid};
    if (account->name != NULL && account->home != NULL && account->shell != NULL)
        return OK;
    (void)fail_memory(error, STEP_IDENTITY);
    return FAILED;
}

void account_free(struct account *account)
{
    free(account->name);
    free(account->home);
    free(account->shell);
    *account = (struct account){0};
}

/* getpwnam_r(3), or getpwuid_r(3) when name is NULL, with as much room as the entry needs.
 * *found: NULL when nobody has it; else points to *entry, whose strings are in *buffer (the caller's to free). */
static int passwd_find(const char *name, uid_t uid, struct passwd *entry, struct passwd **found, char **buffer)
{
    int problem = ERANGE;

    *buffer = NULL;
    for (size_t size = LOOKUP_BUFFER_START; problem == ERANGE && size <= LOOKUP_BUFFER_MAX; size *= 4) {
        char *larger = realloc(*buffer, size);

        if (larger == NULL)
            return ENOMEM;
        *buffer = larger;
        problem =
            name != NULL ? getpwnam_r(name, entry, *buffer, size, found) : getpwuid_r(uid, entry, *buffer, size, found);
    }
    return problem;
}

enum result account_by_name(struct account *account, const char *name, struct error *error)
{
    struct passwd entry, *found = NULL;
    char *buffer = NULL, shown[SHOWN_NAME_MAX];
    enum result result = FAILED;
    int problem;

    (void)text_visible(shown, sizeof shown, name, TEXT_ONE_LINE);
    if (!account_name_is_valid(name)) {
        (void)fail(error, STEP_IDENTITY, STATUS_USAGE, "user name '%s': not a possible one", shown);
        (void)fail_hint(error, "a name has 1 to %d characters, no slash, no control character, no leading '-'",
                        LOGIN_NAME_MAX - 1);
        return FAILED;
    }
    problem = passwd_find(name, 0, &entry, &found, &buffer);
    if (found != NULL) {
        result = account_copy(account, found, error);
    } else if (means_not_found(problem)) {
        (void)fail(error, STEP_IDENTITY, STATUS_NO_USER, "user %s: does not exist", shown);
        (void)fail_hint(error, "getent passwd '%s' asks the same; is the directory service (sssd, ...) running?",
                        shown);
    } else {
        (void)fail(error, STEP_IDENTITY, lookup_status(problem), "user %s: look-up failed: %s", shown,
                   strerror(problem));
        (void)fail_hint(error, DIRECTORY_HINT);
    }
    free(buffer);
    return result;
}

enum result account_by_uid(struct account *account, uid_t uid, struct error *error)
{
    struct passwd entry, *found = NULL;
    char *buffer = NULL;
    enum result result = FAILED;
    int problem = passwd_find(NULL, uid, &entry, &found, &buffer);

    if (found == NULL && means_not_found(problem))
        (void)(fail(error, STEP_IDENTITY, STATUS_NO_USER, "user id %ju: no user has it", (uintmax_t)uid),
               fail_hint(error, "getent passwd %ju asks the same; is the directory service (sssd, ...) running?",
                         (uintmax_t)uid));
    else if (found == NULL)
        (void)(fail(error, STEP_IDENTITY, lookup_status(problem), "user id %ju: look-up failed: %s", (uintmax_t)uid,
                    strerror(problem)),
               fail_hint(error, DIRECTORY_HINT));
    else
        result = account_by_name(account, found->pw_name, error);
    if (result == OK && account->uid != uid)
        result = fail(error, STEP_IDENTITY, STATUS_SYSTEM, "user id %ju: belongs to user %s, whose id is %ju",
                      (uintmax_t)uid, account->name, (uintmax_t)account->uid);
    free(buffer);
    return result;
}

enum result account_of_caller(struct account *account, uid_t uid, struct error *error)
{
    struct passwd entry, *found = NULL;
    char *buffer = NULL, number[24], root_directory[] = "/";
    enum result result;
    int problem = passwd_find(NULL, uid, &entry, &found, &buffer);

    if (found == NULL && !means_not_found(problem)) {
        free(buffer);
        (void)fail(error, STEP_IDENTITY, lookup_status(problem), "user id %ju, who called: look-up failed: %s",
                   (uintmax_t)uid, strerror(problem));
        return fail_hint(error, DIRECTORY_HINT);
    }
    (void)snprintf(number, sizeof number, "%ju", (uintmax_t)uid);
    if (found == NULL) {
        entry = (struct passwd){.pw_name = number, .pw_dir = root_directory, .pw_uid = uid, .pw_gid = getgid()};
        found = &entry;
    }
    if (found->pw_uid != uid)
        result = fail(error, STEP_IDENTITY, STATUS_SYSTEM, "user id %ju, who called: the look-up found user id %ju",
                      (uintmax_t)uid, (uintmax_t)found->pw_uid);
    else
        result = account_copy(account, found, error);
    free(buffer);
    return result;
}

/* Never by login name, environment or utmp, which others can set. */
enum result identity_find_applicant(struct identity *identity, struct error *error)
{
    return account_of_caller(&identity->applicant, getuid(), error);
}

static enum result group_by_name(gid_t *id, const char *name, struct error *error)
{
    OWNED(memory_free) char *buffer = NULL;
    struct group entry, *found = NULL;
    char shown[SHOWN_NAME_MAX];
    int problem = ERANGE;

    (void)text_visible(shown, sizeof shown, name, TEXT_ONE_LINE);
    for (size_t size = LOOKUP_BUFFER_START; problem == ERANGE && size <= LOOKUP_BUFFER_MAX; size *= 4) {
        char *larger = realloc(buffer, size);

        if (larger == NULL)
            return fail_memory(error, STEP_IDENTITY);
        buffer = larger;
        problem = getgrnam_r(name, &entry, buffer, size, &found);
    }
    if (found == NULL && !means_not_found(problem))
        return fail(error, STEP_IDENTITY, lookup_status(problem), "group %s: look-up failed: %s", shown,
                    strerror(problem));
    if (found == NULL || found->gr_gid == (gid_t)-1) {
        (void)fail(error, STEP_IDENTITY, STATUS_NO_USER, "group %s: does not exist", shown);
        return fail_hint(error, "getent group '%s' asks the same; a number is no group's name", shown);
    }
    *id = found->gr_gid;
    return OK;
}

int account_is_in_group(const struct account *account, const char *group)
{
    enum { GROUPS_START = 64, GROUPS_MAX = 65536 };
    OWNED(memory_free) gid_t *ids = NULL;
    struct error error;
    gid_t wanted;

    if (group_by_name(&wanted, group, &error) != OK)
        return error.status == STATUS_NO_USER ? 0 : -1;
    for (int room = GROUPS_START; room <= GROUPS_MAX; room *= 2) {
        gid_t *larger = reallocarray(ids, (size_t)room, sizeof *larger);
        int count = room;

        if (larger == NULL)
            return -1;
        ids = larger;
        if (getgrouplist(account->name, account->gid, ids, &count) < 0)
            continue;
        for (int at = 0; at < count; at++)
            if (ids[at] == wanted)
                return 1;
        return 0;
    }
    return -1;
}

/* su(1): -g is the primary group, and a supplementary one; without it the first -G is. */
static enum result groups_resolve(struct identity *identity, const struct options *options, struct error *error)
{
    size_t count = strv_length((char *const *)options->supplementary);
    struct group_list *list = &identity->supplementary;

    if (count == 0 && options->group == NULL)
        return OK;
    list->ids = calloc(count + 1, sizeof *list->ids);
    if (list->ids == NULL)
        return fail_memory(error, STEP_IDENTITY);
    if (options->group != NULL && group_by_name(&list->ids[list->count++], options->group, error) != OK)
        return FAILED;
    for (size_t at = 0; at < count; at++)
        if (group_by_name(&list->ids[list->count++], options->supplementary[at], error) != OK)
            return FAILED;
    identity->has_group = true;
    identity->group = list->ids[0];
    return OK;
}

/* identity_confirm() refuses it whatever PAM says: nothing is ever run as it. */
static enum result stand_in(struct identity *identity, const char *name, struct error *error)
{
    char home[] = "/", shell[] = "/bin/sh";
    struct passwd nobody = {
        .pw_name = (char *)name, .pw_dir = home, .pw_shell = shell, .pw_uid = STAND_IN_ID, .pw_gid = STAND_IN_ID};

    identity->unknown = true;
    account_free(&identity->account);
    return account_copy(&identity->account, &nobody, error);
}

/* Nobody has the name: what may have been meant instead. */
static enum result fail_unknown(const struct options *options, const char *name, struct error *error)
{
    if (name[strspn(name, "0123456789")] == '\0')
        return fail_hint(error, "a number is no name; for a user id: --account-uid %s", name);
    if (options->form == FORM_SHELL)
        return fail_hint(error, "getent passwd '%.64s' asks the same; to run a command: pamrun -u USER -- COMMAND",
                         name);
    return FAILED;
}

enum result identity_resolve(struct identity *identity, const struct options *options, bool as_root,
                             struct error *error)
{
    const char *name = options->account_name != NULL ? options->account_name : "root";

    if (identity->applicant.name == NULL && identity_find_applicant(identity, error) != OK)
        return FAILED;
    identity->provision = options->provision;
    if (options->has_account_uid) {
        if (account_by_uid(&identity->account, options->account_uid, error) != OK)
            return FAILED;
    } else if (account_by_name(&identity->account, name, error) != OK) {
        if (error->status != STATUS_NO_USER)
            return FAILED;
        if (as_root && !identity->provision)
            return fail_unknown(options, name, error);
        if (stand_in(identity, name, error) != OK)
            return FAILED;
    }
    return groups_resolve(identity, options, error);
}

enum result identity_confirm(struct identity *identity, struct error *error)
{
    struct account fresh = {0}, old = identity->account;
    int64_t give_up_ms = clock_now_ms() + PROVISION_PATIENCE_MS;

    while (account_by_name(&fresh, old.name, error) != OK) {
        account_free(&fresh);
        /* sssd remembers for a while that there was no such user */
        if (!identity->provision || error->status != STATUS_NO_USER || clock_now_ms() > give_up_ms)
            return FAILED;
        if (guard_stop_signal() != 0)
            return guard_fail_stopped(STEP_IDENTITY, error);
        (void)poll(NULL, 0, PROVISION_PAUSE_MS);
    }
    if (identity->unknown && identity->provision) {
        identity->unknown = false;
        identity->account.uid = old.uid = fresh.uid;
        identity->account.gid = old.gid = fresh.gid;
        if (!identity->has_group)
            identity->group = fresh.gid;
    }
    if (identity->unknown || fresh.uid != old.uid || fresh.gid != old.gid || strcmp(fresh.name, old.name) != 0) {
        (void)fail(error, STEP_IDENTITY, STATUS_REFUSED,
                   "user %s: changed while the PAM modules ran (was uid %ju gid %ju, is uid %ju gid %ju)", old.name,
                   (uintmax_t)old.uid, (uintmax_t)old.gid, (uintmax_t)fresh.uid, (uintmax_t)fresh.gid);
        account_free(&fresh);
        return FAILED;
    }
    /* The name, which is the same, stays where it is: the PAM transaction borrows it. */
    identity->account.home = fresh.home;
    identity->account.shell = fresh.shell;
    fresh.home = old.home;
    fresh.shell = old.shell;
    account_free(&fresh);
    return OK;
}

void identity_free(struct identity *identity)
{
    account_free(&identity->applicant);
    account_free(&identity->account);
    free(identity->supplementary.ids);
    *identity = (struct identity){0};
}
