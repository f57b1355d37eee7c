#include "ask/permission.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum { SHOWN_MAX = 64 };

static bool list_has(const struct strv *list, const char *word)
{
    for (size_t at = 0; at < list->count; at++)
        if (strcmp(list->items[at], word) == 0)
            return true;
    return false;
}

static void note(struct permission_rule *rule, enum policy_key key, const struct policy_value *value)
{
    *rule = (struct permission_rule){key, value->origin};
}

/* ---- everybody ---- */

enum result permission_profile(const struct policy *policy, const struct permission_request *request,
                               const char **profile, struct permission_rule *rule, struct error *error)
{
    const struct policy_value *standard = policy_value(policy, POLICY_PROFILE, NULL);
    const struct policy_value *listed = policy_value(policy, POLICY_USER_PROFILES, NULL);
    char shown[SHOWN_MAX];

    if (standard->text == NULL) /* the policy was not read */
        return fail(error, STEP_POLICY, STATUS_POLICY, "site policy: it was not read");
    if (request->profile == NULL || strcmp(request->profile, standard->text) == 0) {
        note(rule, POLICY_PROFILE, standard);
        *profile = standard->text;
        return OK;
    }
    note(rule, POLICY_USER_PROFILES, listed);
    if (request->applicant_is_root || list_has(&listed->list, request->profile)) {
        *profile = request->profile;
        return OK;
    }
    (void)text_visible(shown, sizeof shown, request->profile, TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_REFUSED, "profile '%s': the site policy does not let you choose it", shown);
    return fail_hint(error, "without --profile it is %s; user-profiles of pamrun.conf(5) lists others", standard->text);
}

enum result permission_user_id(const struct policy *policy, const struct permission_request *request,
                               const char *profile, struct permission_rule *rule, struct error *error)
{
    const struct policy_value *value = policy_value(policy, POLICY_MINIMUM_USER_ID, profile);
    char shown[SHOWN_MAX];
    uid_t minimum;

    note(rule, POLICY_MINIMUM_USER_ID, value);
    if (policy_minimum_user_id(value, request->applicant_is_root && !request->is_mapped, request->defs, &minimum, error)
        != OK)
        return FAILED;
    if (request->account_uid >= minimum)
        return OK;
    (void)text_visible(shown, sizeof shown, request->account, TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_REFUSED, "user %s: the site policy allows user ids from %ju, and this is %ju",
               shown, (uintmax_t)minimum, (uintmax_t)request->account_uid);
    return fail_hint(error, "minimum-user-id of pamrun.conf(5)");
}

static enum result fail_lookup(const char *group, struct error *error)
{
    char shown[SHOWN_MAX];

    (void)text_visible(shown, sizeof shown, group, TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_TRY_AGAIN, "group %s: look-up failed", shown);
    return fail_hint(error, "is the directory service (sssd, ...) running?");
}

enum result permission_groups(const struct policy *policy, const struct permission_request *request,
                              const char *profile, struct permission_rule *rule, struct error *error)
{
    const struct policy_value *value = policy_value(policy, POLICY_REQUIRED_GROUPS, profile);
    const char *unknown = NULL;
    char shown[SHOWN_MAX];

    note(rule, POLICY_REQUIRED_GROUPS, value);
    for (size_t at = 0; at < value->list.count; at++) {
        enum membership membership = request->membership(request->context, value->list.items[at]);

        if (membership == MEMBER)
            return OK;
        if (membership == MEMBERSHIP_UNKNOWN)
            unknown = value->list.items[at];
    }
    if (value->list.count == 0)
        return OK;
    if (unknown != NULL) /* it may be the one that counts: no fault of the user's */
        return fail_lookup(unknown, error);
    (void)text_visible(shown, sizeof shown, request->account, TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_REFUSED, "user %s: is in no group that the site policy requires", shown);
    return fail_hint(error, "required-groups of pamrun.conf(5); id -Gn %s shows the groups", shown);
}

/* ---- delegates ---- */

static enum result refuse(const struct policy_section *delegate, enum policy_key key, const char *what,
                          const char *which, struct error *error)
{
    char user[SHOWN_MAX], shown[SHOWN_MAX];

    (void)text_visible(user, sizeof user, delegate_user(delegate), TEXT_ONE_LINE);
    (void)text_visible(shown, sizeof shown, which, TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_REFUSED, "%s '%s': the site policy does not grant it to %s", what, shown,
               user);
    return fail_hint(error, "%s in [delegate %s] of pamrun.conf(5)", policy_key_word(key), user);
}

/* Is the command one of those, its first arguments the same words? */
static bool command_is(const char *granted, char *const *command)
{
    for (; *granted != '\0'; command++) {
        size_t length = strcspn(granted, " \t");

        if (*command == NULL || strlen(*command) != length || strncmp(*command, granted, length) != 0)
            return false;
        granted += length;
        granted += strspn(granted, " \t");
    }
    return true;
}

static bool command_is_granted(const struct strv *granted, char *const *command)
{
    for (size_t at = 0; command != NULL && command[0] != NULL && at < granted->count; at++)
        if (command_is(granted->items[at], command))
            return true;
    return false;
}

enum result permission_delegate_options(const struct policy *policy, const struct policy_section *delegate,
                                        const struct permission_request *request, struct permission_rule *rule,
                                        struct error *error)
{
    const struct policy_value *profiles = delegate_value(delegate, POLICY_PROFILES);
    const struct policy_value *options = delegate_value(delegate, POLICY_OPTIONS);
    const char *standard = policy_text(policy, POLICY_PROFILE, NULL);
    const char *profile = request->profile != NULL ? request->profile : standard;

    note(rule, POLICY_PROFILES, profiles);
    if (profile == NULL || !list_has(&profiles->list, profile))
        return refuse(delegate, POLICY_PROFILES, "profile", profile != NULL ? profile : "", error);
    note(rule, POLICY_OPTIONS, options);
    for (size_t at = 0; request->options != NULL && request->options[at] != NULL; at++)
        if (!list_has(&options->list, request->options[at]))
            return refuse(delegate, POLICY_OPTIONS, "option", request->options[at], error);
    return OK;
}

enum result permission_delegate(const struct policy *policy, const struct policy_section *delegate,
                                const struct permission_request *request, struct permission_rule *rule,
                                struct error *error)
{
    const struct policy_value *commands = delegate_value(delegate, POLICY_COMMANDS);

    if (permission_delegate_options(policy, delegate, request, rule, error) != OK)
        return FAILED;
    note(rule, POLICY_COMMANDS, commands);
    if (!command_is_granted(&commands->list, request->command))
        return refuse(delegate, POLICY_COMMANDS, "command",
                      request->command != NULL && request->command[0] != NULL ? request->command[0] : "", error);
    return OK;
}

/* By @group; never root, whatever group he is in. *unknown: a group that could not be looked up. */
static bool group_grants(const struct strv *accounts, const struct permission_request *request, uid_t minimum,
                         const char **unknown)
{
    if (request->account_uid == 0 || request->account_uid < minimum)
        return false;
    for (size_t at = 0; at < accounts->count; at++) {
        const char *item = accounts->items[at];
        enum membership membership = *item == '@' ? request->membership(request->context, item + 1) : NO_MEMBER;

        if (membership == MEMBER)
            return true;
        if (membership == MEMBERSHIP_UNKNOWN)
            *unknown = item + 1;
    }
    return false;
}

/* By name: an item that begins with '@' is a group, also where a user is called like that. A directory that gives user
 * id 0 to some other name does not make that one root here. */
static bool name_grants(const struct strv *accounts, const struct permission_request *request)
{
    return request->account[0] != '@' && list_has(accounts, request->account)
           && (request->account_uid != 0 || strcmp(request->account, "root") == 0);
}

enum result permission_delegate_name(const struct policy_section *delegate, const struct permission_request *request,
                                     struct permission_rule *rule, struct error *error)
{
    const struct policy_value *accounts = delegate_value(delegate, POLICY_ACCOUNTS);

    note(rule, POLICY_ACCOUNTS, accounts);
    if (request->account[0] != '@' && list_has(&accounts->list, request->account))
        return OK;
    for (size_t at = 0; at < accounts->list.count; at++)
        if (accounts->list.items[at][0] == '@')
            return OK;
    return refuse(delegate, POLICY_ACCOUNTS, "user", request->account, error);
}

enum result permission_delegate_account(const struct policy *policy, const struct policy_section *delegate,
                                        const struct permission_request *request, const char *profile,
                                        struct permission_rule *rule, struct error *error)
{
    const struct policy_value *accounts = delegate_value(delegate, POLICY_ACCOUNTS);
    const struct policy_value *lowest = delegate_value(delegate, POLICY_MINIMUM_USER_ID);
    const char *unknown = NULL;
    uid_t minimum;

    note(rule, POLICY_ACCOUNTS, accounts);
    if (name_grants(&accounts->list, request))
        return OK;
    if (!lowest->is_set)
        lowest = policy_value(policy, POLICY_MINIMUM_USER_ID, profile);
    if (policy_minimum_user_id(lowest, false, request->defs, &minimum, error) != OK)
        return FAILED;
    if (group_grants(&accounts->list, request, minimum, &unknown))
        return OK;
    if (unknown != NULL)
        return fail_lookup(unknown, error);
    return refuse(delegate, POLICY_ACCOUNTS, "user", request->account, error);
}
