#include "ctl/node.h"

#include "ask/policy.h"
#include "base/owned.h"
#include "base/text.h"
#include "ctl/catalogue.h"
#include "ctl/json.h"
#include "ctl/verb.h"
#include "share/census.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* A directory or a server that does not answer is what a health check is there to find. */
enum { NODE_DEADLINE_MS = 30000, PROBLEM_BYTES = 1600 };

struct node {
    const struct trial_options *options;
    const char *user;
    char *const *profiles;
    struct policy policy;
    int status; /* of the first problem; 0: none so far */
};

__attribute__((format(printf, 3, 4))) static void tell(struct node *node, int status, const char *format, ...)
{
    char text[PROBLEM_BYTES], visible[PROBLEM_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)text_visible(visible, sizeof visible, text, TEXT_ONE_LINE);
    (void)puts(visible);
    if (node->status == 0)
        node->status = status;
}

/* The setuid program. */
static void check_program(struct node *node)
{
    struct statvfs mounted;
    struct stat status;

    if (stat(PAMRUN_PROGRAM, &status) != 0)
        tell(node, STATUS_SYSTEM, PAMRUN_PROGRAM ": %s", strerror(errno));
    else if (status.st_uid != 0 || (status.st_mode & S_ISUID) == 0)
        tell(node, STATUS_SYSTEM,
             PAMRUN_PROGRAM ": is not root's and setuid, so that only root can use it: chown root, chmod 4755");
    else if (statvfs(PAMRUN_PROGRAM, &mounted) == 0 && (mounted.f_flag & ST_NOSUID) != 0)
        tell(node, STATUS_SYSTEM, PAMRUN_PROGRAM ": its file system is mounted nosuid, so that only root can use it");
}

static void tell_all(struct node *node, int status, const char *profile, const char *what, const json_t *list)
{
    const json_t *item;
    size_t at;

    JSON_EACH(list, at, item)
        tell(node, status, "profile %s: %s: %s", profile, what, json_string_value(item));
}

static void check_profile(struct node *node, const char *profile)
{
    json_t *facts = catalogue_profile(profile, &node->policy);

    if (!json_is_true(json_object_get(facts, "usable")))
        tell(node, STATUS_UNAVAILABLE, "%s", json_text_of(facts, "problem"));
    tell_all(node, STATUS_UNAVAILABLE, profile, "missing", json_object_get(facts, "missing"));
    tell_all(node, STATUS_POLICY, profile, "danger", json_object_get(facts, "dangers"));
    json_decref(facts);
}

static void take_trial(struct node *node, json_t *result)
{
    if (trial_status(result) != 0)
        tell(node, trial_status(result), "%s", json_text_of(json_object_get(result, "failure"), "message"));
    json_decref(result);
}

/* The account step is where a directory that is dead shows. */
static enum result check_account(struct node *node, const char *profile, struct error *error)
{
    struct trial_options options = *node->options; /* its lists are borrowed */
    char *words[] = {(char *)node->user, (char *)"acct_mgmt", NULL};
    struct operations operations;
    struct trial_request trial;
    enum result done;
    json_t *result;

    options.profile = profile;
    options.words = (struct strv){0};
    options.argv = NULL;
    done = trial_options_read(&trial, &operations, "check", &options, words, error);
    for (size_t step = 0; step < STEP_COUNT; step++)
        if (options.options.deadline_ms[step] == 0)
            options.options.deadline_ms[step] = NODE_DEADLINE_MS;
    if (done == OK)
        done = trial_run(&trial, &result, error);
    if (done == OK)
        take_trial(node, result);
    free(options.argv);
    strv_free(&options.words);
    options_free(&options.options);
    return done;
}

static enum result check_profiles(struct node *node, struct error *error)
{
    for (char *const *profile = node->profiles; *profile != NULL; profile++) {
        int before = node->status;

        node->status = 0;
        check_profile(node, *profile);
        if (node->status == 0 && node->user != NULL && check_account(node, *profile, error) != OK)
            return FAILED;
        node->status = before != 0 ? before : node->status;
    }
    return OK;
}

static void tell_session(void *node, const char *problem)
{
    tell(node, STATUS_SYSTEM, "%s", problem);
}

/* Sessions whose keeper was killed, and what is left of them. */
static void check_sessions(struct node *node)
{
    struct error error;

    if (census_problems(tell_session, node, &error) != OK)
        tell(node, error.status, "%s", error.message);
}

enum result node_check(const struct trial_options *options, const char *user, char *const *profiles, int *status,
                       struct error *error)
{
    struct node node = {.options = options, .user = user, .profiles = profiles};
    enum result checked;

    if (*profiles == NULL) {
        (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "check: --node needs the name of a profile");
        return verb_hint("check", error);
    }
    check_program(&node);
    check_sessions(&node);
    if (policy_read(&node.policy, &policy_site_paths, error) != OK) {
        tell(&node, error->status, "%s", error->message);
        *status = node.status;
        policy_free(&node.policy);
        return OK;
    }
    checked = check_profiles(&node, error);
    policy_free(&node.policy);
    *status = node.status;
    return checked;
}
