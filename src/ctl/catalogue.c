#include "ctl/catalogue.h"

#include "ask/permission.h"
#include "base/owned.h"
#include "ctl/advice.h"
#include "ctl/json.h"
#include "ctl/stack.h"
#include "ctl/survey.h"
#include "pam/service.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- which there are ---- */

static bool list_has(const struct strv *list, const char *word)
{
    for (size_t at = 0; at < list->count; at++)
        if (strcmp(list->items[at], word) == 0)
            return true;
    return false;
}

static bool add_names_of(struct strv *names, const char *path)
{
    OWNED(directory_close) DIR *directory = opendir(path);
    const struct dirent *entry;
    struct stat status;

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (service_name_is_valid(entry->d_name) && !list_has(names, entry->d_name)
            && fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode)
            && !strv_add(names, entry->d_name))
            return false;
    return true;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

bool catalogue_names(struct strv *names)
{
    for (const char *const *directory = service_directories; *directory != NULL; directory++)
        if (!add_names_of(names, *directory))
            return false;
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    return true;
}

/* ---- what one is ---- */

static json_t *where(const struct stack_line *line, const char *what)
{
    return json_sprintf("%s:%u: %s", line->file, line->number, what);
}

/* What libpam takes from "other" is not the profile's, and pamrun refuses it. */
static bool is_own(const struct stack *stack, enum stack_facility facility)
{
    return stack->is_other || !stack_is_served_by_other(stack, facility);
}

/* By the modules that are there. */
static json_t *find_needs(const struct stack *stack)
{
    static const struct {
        const char *module, *need;
    } table[] = {
        {"pam_unix.so", "password"},
        {"pam_krb5.so", "Kerberos"},
        {"pam_sss.so", "sssd"},
        {"pam_ldap.so", "directory"},
        {"pam_winbind.so", "winbind"},
        {"pam_oath.so", "one-time code"},
        {"pam_mount.so", "volume"},
        {"pam_google_authenticator.so", "one-time code"},
        {"pam_u2f.so", "security key"},
        {"pam_fprintd.so", "fingerprint"},
        {"pam_systemd.so", "logind"},
        {"pam_slurm.so", "Slurm job"},
        {"pam_slurm_adopt.so", "Slurm job"},
    };
    json_t *needs = json_array();

    for (size_t at = 0; at < sizeof table / sizeof *table; at++) {
        bool found = false;

        /* pam_unix asks for a password in auth only */
        for (enum stack_facility facility = STACK_AUTH; facility <= STACK_SESSION && !found; facility++)
            found = is_own(stack, facility) && (facility == STACK_AUTH || strcmp(table[at].module, "pam_unix.so") != 0)
                    && survey_find(stack, facility, table[at].module, STACK_ROOT) >= 0;
        if (found)
            (void)json_array_append_new(needs, json_string(table[at].need));
    }
    return needs;
}

static json_t *find_missing(const struct stack *stack)
{
    json_t *missing = json_array();

    for (enum stack_facility facility = STACK_AUTH; facility <= STACK_SESSION; facility++)
        for (int at = STACK_ROOT;
             is_own(stack, facility)
             && (at = stack_next(stack, facility, stack_is_served_by_other(stack, facility), at)) >= 0;) {
            const struct stack_line *line = &stack->lines[at];

            if (line->kind == STACK_BROKEN)
                (void)json_array_append_new(missing, where(line, line->problem));
            else if (line->kind == STACK_MODULE && line->path == NULL && !advice_may_be_missing(line))
                (void)json_array_append_new(missing, where(line, line->word != NULL ? line->word : ""));
        }
    return missing;
}

static bool others_can_write(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0);
}

/* Who can write what a profile is made of can become anybody. */
static void find_writable(const struct stack *stack, json_t *dangers)
{
    struct strv seen = {0};

    for (size_t at = 0; at < stack->files.count; at++)
        if (!list_has(&seen, stack->files.items[at]) && strv_add(&seen, stack->files.items[at])
            && others_can_write(stack->files.items[at]))
            (void)json_array_append_new(
                dangers, json_sprintf("%s: others than root can write it, and become anybody", stack->files.items[at]));
    for (size_t at = 0; at < stack->count; at++) {
        const char *path = stack->lines[at].kind == STACK_MODULE ? stack->lines[at].path : NULL;

        if (path != NULL && !list_has(&seen, path) && strv_add(&seen, path) && others_can_write(path))
            (void)json_array_append_new(dangers,
                                        json_sprintf("%s: others than root can write it, and become anybody", path));
    }
    strv_free(&seen);
}

static json_t *find_dangers(const struct stack *stack, bool others_may, enum admission admission, int line)
{
    json_t *dangers = json_array();

    if (others_may && admission == ADMITS_EVERYBODY && is_own(stack, STACK_AUTH))
        (void)json_array_append_new(
            dangers, line >= 0 ? where(&stack->lines[line], "lets everybody in, and anybody may choose the profile")
                               : json_string("lets everybody in, and anybody may choose the profile"));
    for (enum stack_facility facility = STACK_AUTH; facility <= STACK_SESSION; facility++) {
        int reads = advice_reads_users_variables(stack, facility, STACK_ROOT);

        if (reads >= 0 && is_own(stack, facility))
            (void)json_array_append_new(
                dangers, where(&stack->lines[reads], "user_readenv=1: users set variables that modules trust"));
    }
    find_writable(stack, dangers);
    return dangers;
}

static bool delegate_may(const struct policy_section *delegate, const char *name, const struct policy *policy)
{
    const struct permission_request request = {.applicant = delegate_user(delegate), .profile = name};
    struct permission_rule rule;
    struct error refused;

    return permission_delegate_options(policy, delegate, &request, &rule, &refused) == OK;
}

static json_t *find_delegates(const char *name, const struct policy *policy)
{
    const struct policy_section *delegate = NULL;
    json_t *delegates = json_array();

    while ((delegate = policy_next_delegate(policy, delegate)) != NULL)
        if (delegate_may(delegate, name, policy)
            || (advice_serves_logins(policy, name) && delegate_may(delegate, NULL, policy)))
            (void)json_array_append_new(delegates, json_text(delegate_user(delegate)));
    return delegates;
}

static const char *const admissions[] = {
    [ADMITS_NOBODY] = "nobody",
    [ADMITS_PROVEN] = "required",
    [ADMITS_CONDITION] = "condition",
    [ADMITS_EVERYBODY] = "none",
};

static void add_lines(json_t *facts, const char *name, bool others_may)
{
    OWNED(stack_free) struct stack stack = {.lines = NULL};
    struct error error;
    enum admission admission;
    int line, unused;

    if (survey_read(&stack, name, &error) != OK) {
        (void)json_object_set_new(facts, "usable", json_false());
        (void)json_object_set_new(facts, "problem", json_text(error.message));
        return;
    }
    admission = survey_admission(&stack, false, &line);
    (void)json_object_set_new(facts, "file", json_text(stack.profile));
    if (is_own(&stack, STACK_AUTH)) {
        (void)json_object_set_new(facts, "authentication", json_string(admissions[admission]));
        (void)json_object_set_new(facts, "authentication-of-root",
                                  json_string(admissions[survey_admission(&stack, true, &unused)]));
    }
    (void)json_object_set_new(facts, "needs", find_needs(&stack));
    (void)json_object_set_new(facts, "missing", find_missing(&stack));
    (void)json_object_set_new(facts, "dangers", find_dangers(&stack, others_may, admission, line));
}

json_t *catalogue_profile(const char *name, const struct policy *policy)
{
    static const struct facilities all = {.auth = true, .account = true, .session = true};
    bool others_may = advice_others_may(policy, name);
    json_t *facts = json_object();
    struct error error;
    bool usable = service_check(name, service_directories, all, &error) == OK;

    (void)json_object_set_new(facts, "profile", json_text(name));
    (void)json_object_set_new(facts, "usable", json_boolean(usable));
    if (!usable)
        (void)json_object_set_new(facts, "problem", json_text(error.message));
    (void)json_object_set_new(facts, "callers", json_string(others_may ? "anybody" : "root"));
    (void)json_object_set_new(facts, "delegates", find_delegates(name, policy));
    if (usable || error.status != STATUS_USAGE) /* else it is another file's path, perhaps */
        add_lines(facts, name, others_may);
    return facts;
}
