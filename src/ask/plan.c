#include "ask/plan.h"

#include "base/strv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* argv of the shell, su(1): its name (with '-' for a login), -f, -c COMMAND, then the words behind the user. */
static bool shell_arguments(struct plan *plan, const struct options *options)
{
    const char *name = base_name(plan->shell);
    char **next;

    plan->arguments = calloc(strv_length(options->arguments) + 5, sizeof *plan->arguments);
    plan->login_name = malloc(strlen(name) + 2);
    if (plan->arguments == NULL || plan->login_name == NULL)
        return false;
    plan->login_name[0] = '-';
    memcpy(plan->login_name + 1, name, strlen(name) + 1);
    next = plan->arguments;
    *next++ = options->login ? plan->login_name : plan->login_name + 1;
    if (options->fast)
        *next++ = (char *)"-f";
    if (options->command != NULL) {
        *next++ = (char *)"-c";
        *next++ = (char *)options->command;
    }
    for (char **word = options->arguments; *word != NULL; word++)
        *next++ = *word;
    return true;
}

static bool command_arguments(struct plan *plan, const struct options *options)
{
    size_t count = strv_length(options->arguments);

    plan->arguments = calloc(count + 1, sizeof *plan->arguments);
    if (plan->arguments == NULL)
        return false;
    memcpy(plan->arguments, options->arguments, count * sizeof *plan->arguments);
    return true;
}

static const char *shell_choose(const struct options *options, const struct account *account,
                                const char *applicant_shell)
{
    if (options->shell != NULL)
        return options->shell;
    if (options->keep_environment && !options->login && applicant_shell != NULL && *applicant_shell != '\0')
        return applicant_shell;
    return account->shell;
}

/* Would the command have the terminal of somebody else? Then what it types into it (TIOCSTI) is run as his. */
static bool shares_terminal(const struct options *options, const struct identity *identity, enum terminal_use terminal)
{
    return terminal != TERMINAL_NONE && options->pty == PTY_DEFAULT && identity->applicant.uid != identity->account.uid;
}

bool plan_may_have_pty(const struct options *options, const struct identity *identity, enum terminal_use terminal)
{
    return options->pty == PTY_YES
           || (shares_terminal(options, identity, terminal) && terminal == TERMINAL_STANDARD && !options->exec);
}

static bool has_new_session(const struct options *options, const struct identity *identity, enum terminal_use terminal)
{
    return (options->command != NULL && !options->same_session && identity->account.uid != 0)
           || (shares_terminal(options, identity, terminal) && !plan_may_have_pty(options, identity, terminal));
}

enum result plan_make(struct plan *plan, const struct options *options, const struct identity *identity,
                      const char *applicant_shell, bool restricted, enum terminal_use terminal, struct error *error)
{
    const struct account *account = &identity->account;

    *plan = (struct plan){
        .account = account,
        .groups = identity->supplementary.ids != NULL ? &identity->supplementary : NULL,
        .restricted = restricted,
        .group = identity->has_group ? identity->group : account->gid,
        .pty = plan_may_have_pty(options, identity, terminal),
        .new_session = has_new_session(options, identity, terminal),
        .directory = options->directory != NULL ? options->directory
                     : options->login           ? account->home
                                                : NULL,
        .directory_must_exist = options->directory != NULL,
    };
    if (restricted && options->form == FORM_COMMAND) {
        (void)fail(error, STEP_COMMAND, STATUS_REFUSED, "--user: the shell of %s, %s, is not in /etc/shells",
                   account->name, account->shell);
        return fail_hint(error, "pamrun %s starts that shell; only root may run something else as %s", account->name,
                         account->name);
    }
    if (options->form == FORM_SHELL)
        plan->shell = restricted ? account->shell : shell_choose(options, account, applicant_shell);
    plan->shell_was_refused =
        plan->shell != NULL && strcmp(plan->shell, shell_choose(options, account, applicant_shell)) != 0;
    if (!(plan->shell != NULL ? shell_arguments : command_arguments)(plan, options))
        return fail_memory(error, STEP_COMMAND);
    return OK;
}

bool shell_is_unlisted(const char *shell)
{
    bool listed = false;
    const char *entry;

    setusershell();
    while (!listed && (entry = getusershell()) != NULL)
        listed = strcmp(entry, shell) == 0;
    endusershell();
    return !listed;
}

bool plan_shows_information(const struct options *options)
{
    return !options->quiet && (options->verbose || (options->login && options->command == NULL));
}

void plan_free(struct plan *plan)
{
    free(plan->arguments);
    free(plan->login_name);
    *plan = (struct plan){0};
}
