#include "ctl/config.h"

#include "ask/authority.h"
#include "ask/identity.h"
#include "ask/login_defs.h"
#include "ask/policy.h"
#include "ask/policy_keys.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/text.h"
#include "ctl/policy_text.h"
#include "ctl/verdict.h"
#include "pam/service.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct config_request {
    const char *profile, *caller, *account, *identity;
};

enum { SHOWN_BYTES = 160 };

/* ---- reading ---- */

static void say_error(void *unused, const struct error *error)
{
    (void)unused;
    log_say("%s", error->message);
    if (error->hint[0] != '\0')
        log_hint(error->hint);
}

/* ---- what is no error of the policy's, and will be one of a run's ---- */

static const struct facilities all_facilities = {.auth = true, .account = true, .session = true};

static void warn_profile(const char *profile, const struct policy_origin *origin, enum policy_key key)
{
    struct error error;
    char from[SHOWN_BYTES * 4];

    if (service_check(profile, service_directories, all_facilities, &error) == OK)
        return;
    policy_show_origin(from, sizeof from, origin);
    log_say("warning: %s: %s: %s", from, policy_key_word(key), error.message);
}

static void warn_profiles(const struct policy_value *value, enum policy_key key)
{
    for (size_t at = 0; at < value->list.count; at++)
        warn_profile(value->list.items[at], &value->origin, key);
}

/* A section's profile may leave out facilities: of runs with --no-auth, for one. */
static void warn_section(const struct policy_section *section)
{
    static const struct facilities none = {.auth = false};
    struct error error;

    if (service_check(profile_section_name(section), service_directories, none, &error) != OK)
        log_say("warning: [profile %s]: %s", profile_section_name(section), error.message);
}

static void warn_delegate(const struct policy_section *section)
{
    struct account account = {0}, caller = {0};
    const char *name = delegate_user(section);
    struct error error;

    if (account_by_name(&account, name, &error) != OK || account_of_caller(&caller, account.uid, &error) != OK)
        log_say("warning: [delegate %s]: %s", name, error.message);
    else if (strcmp(caller.name, name) != 0)
        log_say("warning: [delegate %s]: a run takes its caller, user id %ju, for %s: [delegate %s]", name,
                (uintmax_t)account.uid, caller.name, caller.name);
    account_free(&account);
    account_free(&caller);
}

/* Names that are nobody's are misspelt, as a rule. */
static void warn_of_names(const struct policy *policy)
{
    const struct policy_value *standard = policy_value(policy, POLICY_PROFILE, NULL);
    const struct policy_section *section = NULL;

    warn_profile(standard->text, &standard->origin, POLICY_PROFILE);
    warn_profiles(policy_value(policy, POLICY_USER_PROFILES, NULL), POLICY_USER_PROFILES);
    while ((section = policy_next_profile(policy, section)) != NULL)
        warn_section(section);
    while ((section = policy_next_delegate(policy, section)) != NULL) {
        warn_delegate(section);
        warn_profiles(delegate_value(section, POLICY_PROFILES), POLICY_PROFILES);
    }
}

/* ---- a dry run ---- */

/* Who asks, unless --caller names somebody: others than root may name themselves. A run knows its caller by the user
 * id, which may have several names. *identity: zeroed. */
static enum result find_caller(const struct config_request *request, struct identity *identity, struct error *error)
{
    struct account named = {0};
    enum result found;

    if (identity_find_applicant(identity, error) != OK)
        return FAILED;
    if (request->caller == NULL)
        return OK;
    if (account_by_name(&named, request->caller, error) != OK)
        return FAILED;
    if (identity->applicant.uid != 0 && identity->applicant.uid != named.uid) {
        (void)fail(error, STEP_POLICY, STATUS_REFUSED, "config: --caller %s: only root may ask about others",
                   named.name);
        (void)fail_hint(error, "without --caller it is about %s, who asks", identity->applicant.name);
        account_free(&named);
        return FAILED;
    }
    account_free(&identity->applicant);
    found = account_of_caller(&identity->applicant, named.uid, error);
    if (found == OK && strcmp(identity->applicant.name, request->caller) != 0)
        log_say("config: --caller %s: a run takes its caller, user id %ju, for %s", request->caller,
                (uintmax_t)named.uid, identity->applicant.name);
    account_free(&named);
    return found;
}

/* Whom the run would be for: --account, what --identity means, or both when they agree. *account stays zeroed:
 * nobody. */
static enum result find_account(const struct config_request *request, const struct verdict *verdict,
                                struct account *account, struct error *error)
{
    const char *name = request->account != NULL ? request->account : verdict->mapped;

    if (name == NULL)
        return OK;
    if (verdict->mapped != NULL && strcmp(name, verdict->mapped) != 0) {
        (void)fail(error, STEP_POLICY, STATUS_REFUSED, "config: the identity means user %s, and --account is %s",
                   verdict->mapped, name);
        return FAILED;
    }
    return account_by_name(account, name, error);
}

static enum result tell_verdict(const struct config_request *request, const struct policy *policy,
                                const struct login_defs *defs, int *status, struct error *error)
{
    OWNED(identity_free) struct identity identity = {0}; /* its account is the one asked for */
    OWNED(verdict_free) struct verdict verdict = {0};
    struct verdict_question question = {
        .policy = policy,
        .defs = defs,
        .profile = request->profile,
        .identity = request->identity,
        .membership = authority_membership,
        .directories = service_directories,
    };

    if (find_caller(request, &identity, error) != OK)
        return FAILED;
    question.caller = &identity.applicant;
    verdict_begin(stdout, &question, &verdict);
    if (find_account(request, &verdict, &identity.account, error) != OK)
        return FAILED;
    verdict_end(stdout, &question, identity.account.name != NULL ? &identity.account : NULL, &verdict);
    *status = verdict.status;
    return OK;
}

/* ---- the verb ---- */

static void show_profile(const char *profile, const struct policy *policy, const struct login_defs *defs)
{
    struct error error;

    policy_text_write_profile(stdout, policy, defs, profile);
    if (service_check(profile, service_directories, all_facilities, &error) != OK)
        log_say("warning: %s", error.message);
}

static enum result run_config(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct config_request *request = given;
    const struct policy_listener listener = {say_error, NULL};
    OWNED(policy_free) struct policy policy = {0};
    OWNED(login_defs_free) struct login_defs defs = {0};
    char shown[SHOWN_BYTES];

    (void)operands;
    if (request->profile != NULL && !profile_name_is_valid(request->profile)) {
        (void)text_visible(shown, sizeof shown, request->profile, TEXT_ONE_LINE);
        (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "config: --profile '%s': not a possible name", shown);
        return fail_hint(error, "a name has 1 to 64 of a-z 0-9 _ . - and begins with a letter or digit");
    }
    login_defs_read(&defs, "/etc/login.defs");
    if (policy_examine(&policy, &policy_site_paths, &listener, error) != OK) {
        *status = error->status;
        return error->status == STATUS_POLICY ? OK : FAILED; /* told already */
    }
    if (request->caller != NULL || request->account != NULL || request->identity != NULL)
        return tell_verdict(request, &policy, &defs, status, error);
    if (request->profile != NULL) {
        show_profile(request->profile, &policy, &defs);
    } else {
        policy_text_write(stdout, &policy, &defs);
        warn_of_names(&policy);
    }
    return OK;
}

static const struct verb_option options[] = {
    {"profile", "NAME", offsetof(struct config_request, profile), "what holds for runs with this PAM profile", false},
    {"caller", "USER", offsetof(struct config_request, caller), "may he? (default: who calls; others: root)", false},
    {"account", "USER", offsetof(struct config_request, account), "as whom?", false},
    {"identity", "ID", offsetof(struct config_request, identity), "as whom the policy maps it to?", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_config = {
    .name = "config",
    .summary = "Show the site policy, where each value comes from, and what is wrong with it",
    .about = "With --caller, --account or --identity: would pamrun let him, and by which rule?\n"
             "PAM is not asked.\n"
             "\n"
             "Exit status: 0, or what pamrun would end with: 67 no such user, 69 profile\n"
             "unavailable, 75 try again, 77 refused, 78 the policy has errors or cannot be read;\n"
             "64 usage, 71 system.\n"
             "\n"
             "After an edit: pamrunctl config\n"
             "Example: pamrunctl config --caller bob --account alice\n",
    .options = options,
    .request_size = sizeof(struct config_request),
    .run = run_config,
};
