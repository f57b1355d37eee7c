#include "ask/authority.h"

#include "ask/environment.h"
#include "ask/identity_map.h"
#include "base/owned.h"
#include "base/strv.h"
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum result authority_read(struct authority *authority, struct error *error)
{
    login_defs_read(&authority->defs, "/etc/login.defs");
    return policy_read(&authority->policy, &policy_site_paths, error);
}

bool authority_is_as_root(const struct authority *authority)
{
    return authority->applicant_is_root || authority->delegate != NULL;
}

enum membership authority_membership(void *account, const char *group)
{
    switch (account_is_in_group(account, group)) {
    case 1:
        return MEMBER;
    case 0:
        return NO_MEMBER;
    default:
        return MEMBERSHIP_UNKNOWN;
    }
}

static struct permission_request request_for(const struct authority *authority, const struct options *options,
                                             const struct account *applicant, const struct account *account)
{
    return (struct permission_request){
        .applicant = applicant->name,
        .applicant_is_root = authority->applicant_is_root,
        .profile = options->profile,
        .account = account != NULL ? account->name : NULL,
        .account_uid = account != NULL ? account->uid : (uid_t)-1,
        .is_mapped = authority->mapped != NULL,
        .membership = authority_membership,
        .context = (void *)account,
        .options = options->root_only,
        .defs = &authority->defs,
    };
}

/* Without --profile a login has the profile su-l where the default is su and that exists, su(1). */
static enum result choose_profile(struct authority *authority, const struct options *options,
                                  const struct account *applicant, struct error *error)
{
    struct permission_request request = request_for(authority, options, applicant, NULL);
    struct permission_rule rule;

    if (authority->delegate != NULL) {
        authority->profile =
            options->profile != NULL ? options->profile : policy_text(&authority->policy, POLICY_PROFILE, NULL);
        return permission_delegate_options(&authority->policy, authority->delegate, &request, &rule, error);
    }
    if (options->root_only[0] != NULL && !authority->applicant_is_root)
        return fail(error, STEP_OPTIONS, STATUS_REFUSED, "--%s: only root may use this option", options->root_only[0]);
    return permission_profile(&authority->policy, &request, &authority->profile, &rule, error);
}

static enum result map_identity(struct authority *authority, struct options *options, struct error *error)
{
    const struct policy *policy = &authority->policy;

    if (options->identity == NULL)
        return OK;
    if (identity_map(policy_text(policy, POLICY_IDENTITY_MAP, authority->profile),
                     policy_text(policy, POLICY_IDENTITY_REWRITE, authority->profile), options->identity,
                     &authority->mapped, error)
        != OK)
        return FAILED;
    if (options->account_name != NULL && strcmp(options->account_name, authority->mapped) != 0)
        return fail(error, STEP_POLICY, STATUS_REFUSED, "--identity: it means another user than the one that is named");
    options->account_name = authority->mapped;
    return OK;
}

static enum result take_defaults(const struct authority *authority, struct options *options, struct error *error)
{
    const struct policy *policy = &authority->policy;
    const char *profile = authority->profile;
    int pty = policy_choice(policy, POLICY_PTY, profile);

    if ((options->password_fd >= 0 || options->answers_fd >= 0) && !authority_is_as_root(authority)
        && policy_choice(policy, POLICY_FORWARD_PASSWORD, profile) == POLICY_NO)
        return fail(error, STEP_POLICY, STATUS_REFUSED,
                    "--forward-password-fd, --forward-answers-fd: the site policy does not let you use them");
    if (!options->exec && policy_choice(policy, POLICY_CLOSE_ON_EXIT, profile) == POLICY_YES)
        options->close_on_exit = true;
    if (options->kill_after_ms == KILL_UNSET)
        options->kill_after_ms = (int)policy_number(policy, POLICY_KILL_AFTER, profile);
    if (options->pty == PTY_DEFAULT && pty == POLICY_PTY_NEVER)
        options->pty = PTY_NO;
    if (options->pty == PTY_DEFAULT && pty == POLICY_PTY_ALWAYS
        && !options->exec) /* with it nobody stays to serve one */
        options->pty = PTY_YES;
    return OK;
}

/* He does not authenticate, and in no other step is anything asked for without --any-prompt: as with --no-auth. */
static enum result check_delegates_secret(const struct options *options, struct error *error)
{
    bool is_given = options->password_fd >= 0 || options->answers_fd >= 0;

    if (!is_given || options->any_prompt)
        return OK;
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "%s: a delegate does not authenticate: nobody would ask for it",
               options->password_fd >= 0 ? "--forward-password-fd" : "--forward-answers-fd");
    return fail_hint(error, "--any-prompt gives a password to modules that ask when the session is opened");
}

/* A command that is granted is granted as it is, not as his variables make it; nor are modules' helpers his to
 * steer. */
static enum result check_delegates_environment(const struct options *options, struct error *error)
{
    char shown[64];

    if (options->keep_environment || options->kept_names != NULL) {
        (void)fail(error, STEP_OPTIONS, STATUS_REFUSED, "%s: the command of a delegate has a new environment",
                   options->keep_environment ? "--preserve-environment" : "--whitelist-environment");
        return fail_hint(error, "environment-keep of pamrun.conf(5) names what is kept");
    }
    for (const char *const *given = options->pam_environment; given != NULL && *given != NULL; given++) {
        if (environment_delegate_may_tell(*given))
            continue;
        (void)text_visible(shown, sizeof shown, *given, TEXT_ONE_LINE);
        shown[strcspn(shown, "=")] = '\0';
        (void)fail(error, STEP_OPTIONS, STATUS_REFUSED, "--pam-setenv %s: no delegate may set this", shown);
        return fail_hint(error, "programs obey it, or it is PAM's or pamrun's to set: choose another name");
    }
    return OK;
}

enum result authority_check_options(struct authority *authority, struct options *options,
                                    const struct account *applicant, struct error *error)
{
    authority->applicant_is_root = applicant->uid == 0;
    if (!authority->applicant_is_root)
        authority->delegate = policy_delegate(&authority->policy, applicant->name);
    if (authority->delegate != NULL && check_delegates_secret(options, error) != OK)
        return FAILED;
    if (choose_profile(authority, options, applicant, error) != OK)
        return FAILED;
    if (authority->delegate != NULL && check_delegates_environment(options, error) != OK)
        return FAILED;
    if (map_identity(authority, options, error) != OK)
        return FAILED;
    return take_defaults(authority, options, error);
}

/* The shell that a run starts is a command as well, by its path: argv[0] is only its name. */
static enum result delegate_command(const struct authority *authority, struct permission_request *request,
                                    const struct plan *plan, struct error *error)
{
    OWNED(memory_free) char **command = calloc(strv_length(plan->arguments) + 1, sizeof *command);
    struct permission_rule rule;

    if (command == NULL)
        return fail_memory(error, STEP_POLICY);
    memcpy(command, plan->arguments, strv_length(plan->arguments) * sizeof *command);
    if (plan->shell != NULL)
        command[0] = (char *)plan->shell;
    request->command = command;
    return permission_delegate(&authority->policy, authority->delegate, request, &rule, error);
}

enum result authority_check_delegate(const struct authority *authority, const struct options *options,
                                     const struct identity *identity, const struct plan *plan, struct error *error)
{
    struct permission_request request = request_for(authority, options, &identity->applicant, &identity->account);
    /* Of an account that does not exist yet, --provision, that is known later, and looked at then. */
    bool is_accounts_shell = plan->shell != NULL && options->shell == NULL;
    struct permission_rule rule;

    if (authority->delegate == NULL)
        return OK;
    if (!(identity->unknown && is_accounts_shell) && delegate_command(authority, &request, plan, error) != OK)
        return FAILED;
    if (identity->unknown)
        return permission_delegate_name(authority->delegate, &request, &rule, error);
    return permission_delegate_account(&authority->policy, authority->delegate, &request, authority->profile, &rule,
                                       error);
}

/* --minimum-user-id and --required-group, after the policy's: they can only be narrower. */
static enum result check_tightened(const struct options *options, const struct account *account, struct error *error)
{
    char shown[64];

    (void)text_visible(shown, sizeof shown, account->name, TEXT_ONE_LINE);
    if (account->uid < options->minimum_user_id)
        return fail(error, STEP_POLICY, STATUS_REFUSED, "user %s: --minimum-user-id is %ju, and this is %ju", shown,
                    (uintmax_t)options->minimum_user_id, (uintmax_t)account->uid);
    if (options->required_groups.count == 0)
        return OK;
    for (size_t at = 0; at < options->required_groups.count; at++)
        switch (account_is_in_group(account, options->required_groups.items[at])) {
        case 1:
            return OK;
        case 0:
            break;
        default:
            return fail(error, STEP_POLICY, STATUS_TRY_AGAIN, "groups of %s: look-up failed", shown);
        }
    return fail(error, STEP_POLICY, STATUS_REFUSED, "user %s: is in no group of --required-group", shown);
}

enum result authority_check_account(const struct authority *authority, const struct options *options,
                                    const struct identity *identity, struct error *error)
{
    struct permission_request request = request_for(authority, options, &identity->applicant, &identity->account);
    struct permission_rule rule;

    if (authority->delegate == NULL
        && permission_user_id(&authority->policy, &request, authority->profile, &rule, error) != OK)
        return FAILED;
    if (permission_groups(&authority->policy, &request, authority->profile, &rule, error) != OK)
        return FAILED;
    return check_tightened(options, &identity->account, error);
}

void authority_free(struct authority *authority)
{
    policy_free(&authority->policy);
    login_defs_free(&authority->defs);
    memory_free(&authority->mapped);
}
