#include "ask/options.h"

#include "ask/hold.h"
#include "ask/identity_map.h"
#include "base/number.h"
#include "base/text.h"
#include "base/words.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RHOST_MAX = 255 };

typedef enum result setter(struct options *options, const char *value, struct error *error);

static enum result usage(struct error *error, const char *option, const char *problem)
{
    char shown[80];

    (void)text_visible(shown, sizeof shown, option, TEXT_ONE_LINE);
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "%s: %s", shown, problem);
    return fail_hint(error, "pamrun --help, or man 8 pamrun");
}

/* A value that is none. */
static enum result usage_value(struct error *error, const char *option, const char *value, const char *problem)
{
    char shown[48], both[80];

    (void)text_visible(shown, sizeof shown, value, TEXT_ONE_LINE);
    (void)snprintf(both, sizeof both, "%s '%s'", option, shown);
    return usage(error, both, problem);
}

static enum result usage_needs(struct error *error, const char *option, const char *argument)
{
    char problem[64];

    (void)snprintf(problem, sizeof problem, "needs %s", argument);
    return usage(error, option, problem);
}

/* ---- values ---- */

static bool list_add(const char ***list, const char *item)
{
    size_t count = 0;
    const char **grown;

    while (*list != NULL && (*list)[count] != NULL)
        count++;
    grown = reallocarray(*list, count + 2, sizeof *grown);
    if (grown == NULL)
        return false;
    grown[count] = item;
    grown[count + 1] = NULL;
    *list = grown;
    return true;
}

static bool text_is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isgraph((unsigned char)*text))
            return false;
    return true;
}

/* ---- one setter an option ---- */

#define FLAG_SETTER(name, assignment)                                                                                  \
    static enum result name(struct options *o, const char *value, struct error *error)                                 \
    {                                                                                                                  \
        (void)value;                                                                                                   \
        (void)error;                                                                                                   \
        assignment;                                                                                                    \
        return OK;                                                                                                     \
    }
#define WORD_SETTER(name, member)                                                                                      \
    static enum result name(struct options *o, const char *value, struct error *error)                                 \
    {                                                                                                                  \
        (void)error;                                                                                                   \
        o->member = value;                                                                                             \
        return OK;                                                                                                     \
    }
#define LIST_SETTER(name, member)                                                                                      \
    static enum result name(struct options *o, const char *value, struct error *error)                                 \
    {                                                                                                                  \
        return list_add(&o->member, value) ? OK : fail_memory(error, STEP_OPTIONS);                                    \
    }

FLAG_SETTER(set_login, o->login = true)
FLAG_SETTER(set_fast, o->fast = true)
FLAG_SETTER(set_keep_environment, o->keep_environment = true)
FLAG_SETTER(set_pty, o->pty = PTY_YES)
FLAG_SETTER(set_no_pty, o->pty = PTY_NO)
FLAG_SETTER(set_close_on_exit, o->close_on_exit = true)
FLAG_SETTER(set_exec, o->exec = true)
FLAG_SETTER(set_share, o->share = true)
FLAG_SETTER(set_no_auth, o->no_auth = true)
FLAG_SETTER(set_no_account, o->no_account = true)
FLAG_SETTER(set_no_session, o->no_session = true)
FLAG_SETTER(set_provision, o->provision = true)
FLAG_SETTER(set_any_prompt, o->any_prompt = true)
FLAG_SETTER(set_require_password_used, o->require_password_used = true)
FLAG_SETTER(set_quiet, o->quiet = true)
FLAG_SETTER(set_verbose, o->verbose = true)
FLAG_SETTER(set_help, o->help = true)
FLAG_SETTER(set_version, o->version = true)
WORD_SETTER(set_shell, shell)
WORD_SETTER(set_group, group)
WORD_SETTER(set_profile, profile)
LIST_SETTER(add_supplementary, supplementary)

static enum result add_kept_names(struct options *o, const char *value, struct error *error)
{
    if (strchr(value, '=') != NULL)
        return usage_value(error, "--whitelist-environment", value,
                           "needs names of variables; their values are the caller's");
    return list_add(&o->kept_names, value) ? OK : fail_memory(error, STEP_OPTIONS);
}

static enum result set_command(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->command = value;
    o->same_session = false;
    return OK;
}

static enum result set_session_command(struct options *o, const char *value, struct error *error)
{
    (void)error;
    o->command = value;
    o->same_session = true;
    return OK;
}

static enum result set_user(struct options *o, const char *value, struct error *error)
{
    if (o->has_account_uid)
        return usage(error, "--user and --account-uid", "the account is given twice");
    o->form = FORM_COMMAND;
    o->account_name = value;
    return OK;
}

static enum result set_account_uid(struct options *o, const char *value, struct error *error)
{
    uint32_t uid;

    if (o->account_name != NULL)
        return usage(error, "--user and --account-uid", "the account is given twice");
    if (!number_parse(value, UINT32_MAX - 1, &uid)) /* the last one, (uid_t)-1, is nobody: setresuid(2) */
        return usage_value(error, "--account-uid", value, "needs a user id: a decimal number below 4294967295");
    o->form = FORM_COMMAND;
    o->has_account_uid = true;
    o->account_uid = (uid_t)uid;
    return OK;
}

static enum result add_pam_environment(struct options *o, const char *value, struct error *error)
{
    size_t name = strcspn(value, "=");

    if (name == 0 || value[name] != '=')
        return usage_value(error, "--pam-setenv", value, "needs NAME=VALUE");
    for (size_t at = 0; at < name; at++)
        if (!isalnum((unsigned char)value[at]) && value[at] != '_')
            return usage_value(error, "--pam-setenv", value, "the name may have letters, digits and underscores only");
    return list_add(&o->pam_environment, value) ? OK : fail_memory(error, STEP_OPTIONS);
}

static enum result set_rhost(struct options *o, const char *value, struct error *error)
{
    if (*value == '\0' || strlen(value) > RHOST_MAX || !text_is_printable(value))
        return usage_value(error, "--pam-rhost", value, "needs a host: 1 to 255 printable characters, no blanks");
    o->rhost = value;
    return OK;
}

static enum result set_directory(struct options *o, const char *value, struct error *error)
{
    if (*value == '\0')
        return usage_value(error, "--chdir", value, "needs a directory");
    o->directory = value;
    return OK;
}

static enum result set_identity(struct options *o, const char *value, struct error *error)
{
    if (*value == '\0' || strlen(value) > IDENTITY_BYTES_MAX)
        return usage_value(error, "--identity", value, "needs a name of 1 to 512 bytes");
    o->form = FORM_COMMAND;
    o->identity = value;
    return OK;
}

static enum result set_minimum_user_id(struct options *o, const char *value, struct error *error)
{
    uint32_t uid;

    if (!number_parse(value, UINT32_MAX - 1, &uid))
        return usage_value(error, "--minimum-user-id", value, "needs a user id: a decimal number below 4294967295");
    if (uid > o->minimum_user_id) /* the strictest counts */
        o->minimum_user_id = (uid_t)uid;
    return OK;
}

/* A blank alone would be read by some as two groups' border, by others as part of a directory's "domain users". */
static bool has_bare_blank(const char *text)
{
    bool quoted = false;

    for (; *text != '\0'; text++) {
        if (*text == '"')
            quoted = !quoted;
        else if (!quoted && (*text == ' ' || *text == '\t'))
            return true;
    }
    return false;
}

static enum result set_required_groups(struct options *o, const char *value, struct error *error)
{
    const char *problem = NULL;

    if (o->required_groups.count > 0) /* either of two lists would be looser than each */
        return usage(error, "--required-group", "is given twice: one list has them all, with commas between");
    if (has_bare_blank(value))
        return usage_value(error, "--required-group", value,
                           "needs double quotes inside around a name with a blank, and a comma between two names");
    if (words_split(&o->required_groups, value, &problem))
        return o->required_groups.count > 0 ? OK : usage_value(error, "--required-group", value, "names no group");
    return problem != NULL ? usage_value(error, "--required-group", value, problem) : fail_memory(error, STEP_OPTIONS);
}

static enum result set_kill_after(struct options *o, const char *value, struct error *error)
{
    if (strcmp(value, "never") == 0)
        o->kill_after_ms = KILL_NEVER;
    else if (!seconds_parse(value, &o->kill_after_ms))
        return usage_value(error, "--kill-after", value, "needs seconds (0.001 to 86400), or never");
    return OK;
}

static enum result set_deadline(struct options *o, const char *value, struct error *error)
{
    const char *equals = strchrnul(value, '=');
    char name[32] = "";
    enum step step;

    if ((size_t)(equals - value) < sizeof name)
        memcpy(name, value, (size_t)(equals - value));
    if (*equals != '=' || !step_from_name(name, &step) || !seconds_parse(equals + 1, &o->deadline_ms[step]))
        return usage_value(
            error, "--deadline", value,
            "needs STEP=SECONDS; the steps are authenticate, acct_mgmt, chauthtok, setcred, open_session, "
            "close_session, delete_cred");
    return OK;
}

/* One of ours: 0 to 2 are the command's. */
static enum result set_fd(int *member, const char *option, const char *example, const char *value, struct error *error)
{
    uint32_t fd;
    char problem[160];

    if (number_parse(value, INT_MAX, &fd) && fd > 2) {
        *member = (int)fd;
        return OK;
    }
    (void)snprintf(problem, sizeof problem,
                   "needs a descriptor number above 2: 0 to 2 are the command's, as in %s 3 %s", option, example);
    return usage_value(error, option, value, problem);
}

static enum result set_hold(struct options *o, const char *value, struct error *error)
{
    if (!hold_id_is_valid(value))
        return usage_value(error, "--hold", value,
                           "needs a name: 1 to 128 letters, digits and . _ : @ + -, with no dot in front");
    o->hold = value;
    o->share = true;
    return OK;
}

static enum result set_hold_time(struct options *o, const char *value, struct error *error)
{
    if (!duration_parse(value, &o->hold_seconds))
        return usage_value(error, "--hold-time", value, "needs a time, such as 90m or 26h, of at most 366 days");
    return OK;
}

static enum result set_status_fd(struct options *o, const char *value, struct error *error)
{
    return set_fd(&o->status_fd, "--json-status-fd", "3>events", value, error);
}

/* Not the last one, as of other options: the command would inherit the descriptor of the first. */
static enum result set_secret_fd(int *member, const char *option, const char *example, const char *value,
                                 struct error *error)
{
    return *member < 0 ? set_fd(member, option, example, value, error)
                       : usage(error, option, "may be given once: the command would get the other descriptor");
}

static enum result set_password_fd(struct options *o, const char *value, struct error *error)
{
    return set_secret_fd(&o->password_fd, "--forward-password-fd", "3<secret", value, error);
}

static enum result set_answers_fd(struct options *o, const char *value, struct error *error)
{
    return set_secret_fd(&o->answers_fd, "--forward-answers-fd", "3<secrets", value, error);
}

/* ---- the table ---- */

struct option_row {
    char letter;          /* 0: none */
    const char *word;     /* NULL: none */
    const char *argument; /* NULL: takes none */
    setter *set;
    const char *help; /* NULL: another letter for the row below */
    enum { ANYONE, ROOT } who;
};

static const struct option_row option_table[] = {
    {'u', "user", "USER", set_user, "run a command as USER, without a shell", ANYONE},
    {0, "account-uid", "UID", set_account_uid, "the same, for the account with this user id (root)", ROOT},
    {'l', "login", NULL, set_login, "start a login shell in the account's home", ANYONE},
    {'c', "command", "COMMAND", set_command, "pass COMMAND to the shell with -c", ANYONE},
    {0, "session-command", "COMMAND", set_session_command, "as -c, but in the caller's terminal session", ANYONE},
    {'f', "fast", NULL, set_fast, "pass -f to the shell (csh, tcsh)", ANYONE},
    {'s', "shell", "SHELL", set_shell, "run SHELL instead of the account's", ANYONE},
    {'m', NULL, NULL, set_keep_environment, NULL, ANYONE},
    {'p', "preserve-environment", NULL, set_keep_environment, "leave HOME SHELL USER LOGNAME PATH as they are", ANYONE},
    {'w', "whitelist-environment", "NAMES", add_kept_names, "with -l, keep these variables too (comma-separated)",
     ANYONE},
    {'g', "group", "GROUP", set_group, "the primary group (root)", ROOT},
    {'G', "supp-group", "GROUP", add_supplementary, "a supplementary group, instead of the account's (root)", ROOT},
    {'P', "pty", NULL, set_pty, "give the command a pseudo-terminal of its own, wherever it runs", ANYONE},
    {'T', "no-pty", NULL, set_no_pty, "give it none: it shares the caller's terminal", ANYONE},
    {0, "profile", "NAME", set_profile, "the PAM profile (default: su; with -l su-l)", ANYONE},
    {0, "identity", "ID", set_identity, "an identity from elsewhere, mapped to the account (root)", ROOT},
    {0, "provision", NULL, set_provision, "a module of the account step may make the account (root)", ROOT},
    {0, "minimum-user-id", "UID", set_minimum_user_id, "refuse accounts with a lower user id", ANYONE},
    {0, "required-group", "GROUP", set_required_groups, "refuse accounts that are not in it (or them)", ANYONE},
    {0, "forward-password-fd", "FD", set_password_fd, "read the password from there", ANYONE},
    {0, "forward-answers-fd", "FD", set_answers_fd, "a line for each prompt without echo, in order", ANYONE},
    {0, "any-prompt", NULL, set_any_prompt, "give it to every prompt without echo", ANYONE},
    {0, "require-password-used", NULL, set_require_password_used, "fail when no module asks for it", ANYONE},
    {0, "close-on-exit", NULL, set_close_on_exit, "close the session when the command ends", ANYONE},
    {0, "share", NULL, set_share, "join the account's shared session; the last one closes it", ANYONE},
    {0, "hold", "ID", set_hold, "hold the shared session by a name, and run nothing (root)", ROOT},
    {0, "hold-time", "TIME", set_hold_time, "so long at most (90m, 26h; default: until released) (root)", ROOT},
    {0, "exec", NULL, set_exec, "become the command; the session stays open (root)", ROOT},
    {0, "no-auth", NULL, set_no_auth, "leave out authentication (root)", ROOT},
    {0, "no-account", NULL, set_no_account, "leave out the account check (root)", ROOT},
    {0, "no-session", NULL, set_no_session, "leave out the session (root)", ROOT},
    {0, "pam-setenv", "NAME=VALUE", add_pam_environment, "tell the PAM modules NAME (root)", ROOT},
    {0, "pam-rhost", "HOST", set_rhost, "tell the PAM modules the client's host (root)", ROOT},
    {0, "chdir", "DIR", set_directory, "start in DIR, entered as the account", ANYONE},
    {0, "kill-after", "SECONDS", set_kill_after, "from SIGTERM to SIGKILL (default: 10; or never)", ANYONE},
    {0, "deadline", "STEP=SECONDS", set_deadline, "give up a PAM step that takes longer (root)", ROOT},
    {0, "json-status-fd", "FD", set_status_fd, "write events there, one JSON object a line", ANYONE},
    {0, "quiet", NULL, set_quiet, "no informative messages, no line about a slow step", ANYONE},
    {0, "verbose", NULL, set_verbose, "tell each step", ANYONE},
    {'h', "help", NULL, set_help, "print this and exit", ANYONE},
    {'V', "version", NULL, set_version, "print the version and exit", ANYONE},
};

enum { OPTION_ROWS = sizeof option_table / sizeof *option_table };

static const struct option_row *row_of_letter(char letter)
{
    for (size_t at = 0; at < OPTION_ROWS; at++)
        if (option_table[at].letter == letter && letter != '\0')
            return &option_table[at];
    return NULL;
}

static const struct option_row *row_of_word(const char *word, size_t length)
{
    for (size_t at = 0; at < OPTION_ROWS; at++)
        if (option_table[at].word != NULL && strlen(option_table[at].word) == length
            && strncmp(option_table[at].word, word, length) == 0)
            return &option_table[at];
    return NULL;
}

/* ---- the parser ---- */

static void note_root_only(struct options *options, const struct option_row *row)
{
    size_t at = 0;

    if (row->who != ROOT)
        return;
    while (at < ROOT_ONLY_MAX - 1 && options->root_only[at] != NULL && strcmp(options->root_only[at], row->word) != 0)
        at++;
    options->root_only[at] = row->word; /* there are fewer such options than room */
}

/* --word, --word=value, --word value. at: where the option stands, moved to the last word it used. */
static enum result parse_word(struct options *options, char **argv, int argc, int *at, struct error *error)
{
    char *word = argv[*at] + 2, *equals = strchrnul(word, '=');
    const struct option_row *row = row_of_word(word, (size_t)(equals - word));
    const char *value = *equals == '=' ? equals + 1 : NULL;

    if (row == NULL)
        return usage(error, argv[*at], "no such option");
    if (row->argument == NULL && value != NULL)
        return usage(error, argv[*at], "this option takes no value");
    if (row->argument != NULL && value == NULL) {
        if (*at + 1 >= argc)
            return usage_needs(error, word - 2, row->argument);
        value = argv[++*at];
    }
    note_root_only(options, row);
    return row->set(options, value, error);
}

/* -l, -lc value, -cvalue. */
static enum result parse_letters(struct options *options, char **argv, int argc, int *at, struct error *error)
{
    for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
        const struct option_row *row = row_of_letter(*letter);
        char shown[] = {'-', *letter, '\0'};

        if (row == NULL)
            return usage(error, shown, "no such option");
        note_root_only(options, row);
        if (row->argument == NULL) {
            if (row->set(options, NULL, error) != OK || options->help || options->version)
                return options->help || options->version ? OK : FAILED;
            continue;
        }
        if (letter[1] != '\0')
            return row->set(options, letter + 1, error);
        if (*at + 1 >= argc)
            return usage_needs(error, shown, row->argument);
        return row->set(options, argv[++*at], error);
    }
    return OK;
}

/* Move what is an option's to where it belongs, operands behind: argv[1..operands) stays free of holes. In su's form
 * options are found behind operands too; in runuser's (-u) the first operand is the command, and the words behind it
 * are the command's. */
static enum result parse_all(struct options *options, char **argv, int argc, int *operands, struct error *error)
{
    enum form form = options->form;
    int kept = 1, first, at = 1;

    for (; at < argc; at++) {
        char *word = argv[at];

        if (strcmp(word, "--") == 0) {
            at++;
            break;
        }
        if (word[0] != '-' || word[1] == '\0') {
            if (options->form == FORM_COMMAND && strcmp(word, "-") != 0)
                break;
            argv[kept++] = word;
            continue;
        }
        if ((word[1] == '-' ? parse_word : parse_letters)(options, argv, argc, &at, error) != OK)
            return FAILED;
        first = kept > 1 && strcmp(argv[1], "-") == 0 ? 2 : 1;
        if (options->form != form && first < kept) /* taken for the command it would be run as somebody else */
            return usage(error, argv[first], "the account is given twice, or the command before the account");
        form = options->form;
        if (options->help || options->version)
            return OK;
    }
    while (at < argc)
        argv[kept++] = argv[at++];
    argv[kept] = NULL;
    *operands = kept;
    return OK;
}

/* ---- what goes together ---- */

static enum result check_descriptors(const struct options *o, struct error *error)
{
    int forwarded = o->password_fd >= 0 ? o->password_fd : o->answers_fd;

    if (o->password_fd >= 0 && o->answers_fd >= 0)
        return usage(error, "--forward-password-fd and --forward-answers-fd", "cannot be used together");
    if (forwarded >= 0 && forwarded == o->status_fd)
        return usage(error, "--json-status-fd", "the same descriptor is to be read");
    if (o->any_prompt && o->password_fd < 0)
        return usage(error, "--any-prompt", "goes with --forward-password-fd");
    if (o->require_password_used && forwarded < 0)
        return usage(error, "--require-password-used", "goes with --forward-password-fd or --forward-answers-fd");
    if (forwarded >= 0 && o->no_auth && (!o->any_prompt || o->no_session))
        return usage(error, "--no-auth", "nobody would ask for what is forwarded");
    return OK;
}

static enum result check_sharing(const struct options *o, struct error *error)
{
    if (o->share && o->exec)
        return usage(error, "--share and --exec",
                     "cannot be used together: --share closes the session with the last who is in it");
    if (o->share && o->no_session)
        return usage(error, "--share and --no-session", "cannot be used together: there is nothing to share");
    if (o->hold != NULL && o->arguments[0] != NULL)
        return usage(error, "--hold", "runs no command");
    if (o->hold != NULL && o->account_name == NULL && !o->has_account_uid && o->identity == NULL)
        return usage(error, "--hold", "needs the account whose session it is");
    if (o->hold_seconds > 0 && o->hold == NULL)
        return usage(error, "--hold-time", "goes with --hold");
    return OK;
}

static enum result check_combinations(const struct options *o, struct error *error)
{
    if (o->keep_environment && o->kept_names != NULL)
        return usage(error, "--preserve-environment and --whitelist-environment", "cannot be used together");
    if (o->identity != NULL && o->has_account_uid)
        return usage(error, "--identity and --account-uid", "cannot be used together");
    if (o->provision && o->no_account)
        return usage(error, "--provision and --no-account",
                     "cannot be used together: the account step makes the account");
    if (o->exec && o->close_on_exit)
        return usage(error, "--exec and --close-on-exit",
                     "cannot be used together: with --exec nobody stays to close the session");
    if (o->exec && o->pty == PTY_YES)
        return usage(error, "--exec and --pty",
                     "cannot be used together: with --exec nobody stays to serve the pseudo-terminal");
    if (o->exec && o->deadline_ms[STEP_CLOSE_SESSION] + o->deadline_ms[STEP_DELETE_CREDENTIALS] > 0)
        return usage(error, "--exec and --deadline", "with --exec the session is never closed");
    if (o->quiet && o->verbose)
        return usage(error, "--quiet and --verbose", "cannot be used together");
    if (o->form == FORM_COMMAND && (o->shell != NULL || o->fast || o->command != NULL || o->login))
        return usage(error, o->has_account_uid ? "--account-uid" : "--user",
                     "cannot be used together with --shell, --fast, --command, --session-command or --login");
    if (check_sharing(o, error) != OK)
        return FAILED;
    if (o->hold != NULL)
        return check_descriptors(o, error);
    if (o->form == FORM_COMMAND && (o->arguments[0] == NULL || o->arguments[0][0] == '\0'))
        return o->arguments[0] == NULL ? usage(error, "no command was given", "after -u USER comes the command to run")
                                       : usage(error, "the command", "is an empty word");
    return check_descriptors(o, error);
}

enum result options_parse(struct options *options, int argc, char **argv, struct error *error)
{
    char **operands;
    int end = 1;

    *options = (struct options){
        .form = FORM_SHELL, .kill_after_ms = KILL_UNSET, .status_fd = -1, .password_fd = -1, .answers_fd = -1};
    if (parse_all(options, argv, argc, &end, error) != OK)
        return FAILED;
    operands = argv + 1;
    if (options->help || options->version)
        return OK;
    if (operands[0] != NULL && strcmp(operands[0], "-") == 0) {
        options->login = true;
        operands++;
    }
    if (options->form == FORM_SHELL && operands[0] != NULL)
        options->account_name = *operands++;
    options->arguments = operands;
    return check_combinations(options, error);
}

void options_free(struct options *options)
{
    free(options->supplementary);
    free(options->kept_names);
    free(options->pam_environment);
    strv_free(&options->required_groups);
    *options = (struct options){0};
}

/* ---- what is told ---- */

/* " -p, --word ARGUMENT    help"; the row before may be nothing but another letter for this one. */
static void print_row(FILE *out, const struct option_row *row, const struct option_row *before)
{
    char alias[8] = "", letter[8] = "    ", left[64];

    if (row->help == NULL)
        return;
    if (before != NULL && before->help == NULL)
        (void)snprintf(alias, sizeof alias, "-%c, ", before->letter);
    if (row->letter != '\0')
        (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
    (void)snprintf(left, sizeof left, "%s%s--%s %s", alias, letter, row->word,
                   row->argument != NULL ? row->argument : "");
    (void)fprintf(out, " %-33s %s\n", left, row->help);
}

void options_print_help(FILE *out)
{
    (void)fputs("Usage:\n"
                " pamrun [options] [-] [user [argument...]]\n"
                " pamrun [options] -u user [--] command [argument...]\n"
                "\n"
                "Run a shell or a command as another user (default: root) inside a PAM session.\n"
                "Without --close-on-exit the session stays open when the command ends.\n"
                "\n"
                "Options:\n",
                out);
    for (size_t at = 0; at < OPTION_ROWS; at++)
        print_row(out, &option_table[at], at > 0 ? &option_table[at - 1] : NULL);
    (void)fputs("\n"
                "Arguments after USER are the shell's: for a command use -c, or -u. A mere - means\n"
                "--login. The exit status is the command's own, 128+n when signal n ended it, or\n"
                "pamrun's: 64 usage, 67 no such user, 69 profile unavailable, 71 system,\n"
                "75 try again, 77 refused, 78 bad site policy, 126 not executable,\n"
                "127 not found.\n"
                "\n"
                "Example: pamrun --close-on-exit -u alice -- id\n"
                "\n"
                "More: man 8 pamrun; the site policy: man 5 pamrun.conf\n",
                out);
}

void options_print_table(FILE *out)
{
    for (size_t at = 0; at < OPTION_ROWS; at++) {
        const struct option_row *row = &option_table[at];

        (void)fprintf(out, "%c\t%s\t%s\n", row->letter ? row->letter : '-', row->word != NULL ? row->word : "-",
                      row->argument != NULL ? row->argument : "-");
    }
}
