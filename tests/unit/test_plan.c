#include "ask/plan.h"

#include "memory.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 8 };

/* ---- who ---- */

static struct identity identity_of(uid_t uid)
{
    return (struct identity){
        .applicant = {.name = (char *)"root", .home = (char *)"/root", .shell = (char *)"/bin/zsh"},
        .account = {.name = (char *)(uid == 0 ? "root" : "alice"),
                    .home = (char *)(uid == 0 ? "/root" : "/home/alice"),
                    .shell = (char *)"/bin/bash",
                    .uid = uid,
                    .gid = uid},
    };
}

/* ---- what is run ---- */

static const struct run_case {
    const char *sentence;
    struct options options;
    uid_t uid;
    const char *applicant_shell;
    const char *words[WORDS_MAX]; /* behind the user */
    const char *shell;            /* NULL: none, the command itself */
    const char *arguments[WORDS_MAX];
} run_cases[] = {
    {"the account's shell is run", {.form = FORM_SHELL}, 7, NULL, {NULL}, "/bin/bash", {"bash"}},
    {"root's shell is run for root", {.form = FORM_SHELL}, 0, NULL, {NULL}, "/bin/bash", {"bash"}},
    {"a login shell's name begins with -", {.login = true}, 7, NULL, {NULL}, "/bin/bash", {"-bash"}},
    {"-c is passed to the shell", {.command = "ls -l"}, 7, NULL, {NULL}, "/bin/bash", {"bash", "-c", "ls -l"}},
    {"an empty command is a command", {.command = ""}, 7, NULL, {NULL}, "/bin/bash", {"bash", "-c", ""}},
    {"--session-command is passed as -c",
     {.command = "ls", .same_session = true},
     7,
     NULL,
     {NULL},
     "/bin/bash",
     {"bash", "-c", "ls"}},
    {"-f is passed to the shell, first",
     {.fast = true, .command = "ls"},
     7,
     NULL,
     {NULL},
     "/bin/bash",
     {"bash", "-f", "-c", "ls"}},
    {"-f goes with a login", {.fast = true, .login = true}, 7, NULL, {NULL}, "/bin/bash", {"-bash", "-f"}},
    {"the words behind the user follow",
     {.command = "ls"},
     7,
     NULL,
     {"a", "-l", ""},
     "/bin/bash",
     {"bash", "-c", "ls", "a", "-l", ""}},
    {"without -c they follow the name",
     {.login = true},
     7,
     NULL,
     {"script", "x"},
     "/bin/bash",
     {"-bash", "script", "x"}},
    {"-s counts more than the account's", {.shell = "/usr/bin/dash"}, 7, NULL, {NULL}, "/usr/bin/dash", {"dash"}},
    {"a login runs the shell of -s",
     {.shell = "/usr/bin/dash", .login = true},
     7,
     NULL,
     {NULL},
     "/usr/bin/dash",
     {"-dash"}},
    {"a shell without a path has its name", {.shell = "dash", .login = true}, 7, NULL, {NULL}, "dash", {"-dash"}},
    {"the applicant's SHELL is not asked", {.form = FORM_SHELL}, 7, "/bin/zsh", {NULL}, "/bin/bash", {"bash"}},
    {"-p keeps the applicant's SHELL", {.keep_environment = true}, 7, "/bin/zsh", {NULL}, "/bin/zsh", {"zsh"}},
    {"-p without a SHELL keeps none", {.keep_environment = true}, 7, NULL, {NULL}, "/bin/bash", {"bash"}},
    {"-p with an empty SHELL keeps none", {.keep_environment = true}, 7, "", {NULL}, "/bin/bash", {"bash"}},
    {"-s counts more than a kept SHELL",
     {.keep_environment = true, .shell = "/bin/dash"},
     7,
     "/bin/zsh",
     {NULL},
     "/bin/dash",
     {"dash"}},
    {"a login passes over -p",
     {.keep_environment = true, .login = true},
     7,
     "/bin/zsh",
     {NULL},
     "/bin/bash",
     {"-bash"}},
    {"-u runs the command, without a shell",
     {.form = FORM_COMMAND},
     7,
     "/bin/zsh",
     {"ls", "-l", ""},
     NULL,
     {"ls", "-l", ""}},
    {"-u with -p runs no shell either",
     {.form = FORM_COMMAND, .keep_environment = true},
     7,
     "/bin/zsh",
     {"ls"},
     NULL,
     {"ls"}},
};

static void plan_runs_that(void **state)
{
    const struct run_case *row = *state;
    struct identity identity = identity_of(row->uid);
    struct options options = row->options;
    struct error error;
    struct plan plan;
    size_t at = 0;

    options.arguments = (char **)row->words;
    assert_int_equal(plan_make(&plan, &options, &identity, row->applicant_shell, false, TERMINAL_NONE, &error), OK);
    if (row->shell != NULL)
        assert_string_equal(plan.shell, row->shell);
    else
        assert_null(plan.shell);
    for (; row->arguments[at] != NULL; at++)
        assert_string_equal(plan.arguments[at], row->arguments[at]);
    assert_null(plan.arguments[at]);
    assert_ptr_not_equal(plan.arguments, options.arguments);
    assert_ptr_equal(plan.account, &identity.account);
    plan_free(&plan);
    assert_null(plan.arguments);
    plan_free(&plan);
}

/* ---- an account that has its shell for a reason: the applicant is not root, the shell is in no list ---- */

static const struct restricted_case {
    const char *sentence;
    struct options options;
    const char *applicant_shell;
    const char *shell; /* NULL: refused */
    bool was_refused;  /* another shell than this was asked for */
    const char *arguments[WORDS_MAX];
} restricted_cases[] = {
    {"a restricted account's shell is run", {.form = FORM_SHELL}, NULL, "/bin/bash", false, {"bash"}},
    {"-s is passed over", {.shell = "/bin/dash"}, NULL, "/bin/bash", true, {"bash"}},
    {"-s of a path that is alike is passed over", {.shell = "/bin//bash"}, NULL, "/bin/bash", true, {"bash"}},
    {"-s of a mere name is passed over", {.shell = "bash"}, NULL, "/bin/bash", true, {"bash"}},
    {"-s of nothing is passed over", {.shell = ""}, NULL, "/bin/bash", true, {"bash"}},
    {"-s of the account's shell asks for nothing else", {.shell = "/bin/bash"}, NULL, "/bin/bash", false, {"bash"}},
    {"-p's SHELL is passed over", {.keep_environment = true}, "/bin/zsh", "/bin/bash", true, {"bash"}},
    {"-p without a SHELL asks for nothing else", {.keep_environment = true}, NULL, "/bin/bash", false, {"bash"}},
    {"-p with the same SHELL does not either", {.keep_environment = true}, "/bin/bash", "/bin/bash", false, {"bash"}},
    {"a SHELL without -p does not either", {.form = FORM_SHELL}, "/bin/zsh", "/bin/bash", false, {"bash"}},
    {"-s and -p together are passed over",
     {.keep_environment = true, .shell = "/bin/dash"},
     "/bin/zsh",
     "/bin/bash",
     true,
     {"bash"}},
    {"a restricted login's name begins with -",
     {.login = true, .shell = "/bin/dash"},
     NULL,
     "/bin/bash",
     true,
     {"-bash"}},
    {"-p with a login asks for nothing else",
     {.login = true, .keep_environment = true},
     "/bin/zsh",
     "/bin/bash",
     false,
     {"-bash"}},
    {"-c and -f are passed to a restricted shell",
     {.fast = true, .command = "ls"},
     NULL,
     "/bin/bash",
     false,
     {"bash", "-f", "-c", "ls"}},
    {"-u would go round it", {.form = FORM_COMMAND}, NULL, NULL, false, {NULL}},
    {"-u with -p too", {.form = FORM_COMMAND, .keep_environment = true}, "/bin/bash", NULL, false, {NULL}},
};

static void restricted_account_keeps_its_shell(void **state)
{
    static char *words[] = {(char *)"ls", NULL};
    const struct restricted_case *row = *state;
    struct identity identity = identity_of(7);
    struct options options = row->options;
    struct error error;
    struct plan plan;
    enum result result;
    size_t at = 0;

    options.arguments = options.form == FORM_COMMAND ? words : words + 1;
    result = plan_make(&plan, &options, &identity, row->applicant_shell, true, TERMINAL_NONE, &error);
    if (row->shell == NULL) {
        assert_failed(result, &error, STATUS_REFUSED, STEP_COMMAND);
        assert_int_equal(error.class, CLASS_USER);
        assert_string_equal(error.message, "--user: the shell of alice, /bin/bash, is not in /etc/shells");
        assert_true(error.hint[0] != '\0');
        plan_free(&plan);
        return;
    }
    assert_int_equal(result, OK);
    assert_string_equal(plan.shell, row->shell);
    assert_int_equal(plan.shell_was_refused, row->was_refused);
    for (; row->arguments[at] != NULL; at++)
        assert_string_equal(plan.arguments[at], row->arguments[at]);
    assert_null(plan.arguments[at]);
    plan_free(&plan);
    /* and to root, or with a listed shell, nothing is refused */
    assert_int_equal(plan_make(&plan, &options, &identity, row->applicant_shell, false, TERMINAL_NONE, &error), OK);
    assert_false(plan.shell_was_refused);
    plan_free(&plan);
}

static void a_shell_is_listed_or_not(void **state)
{
    (void)state;
    assert_false(shell_is_unlisted("/bin/sh")); /* base-files' */
    assert_true(shell_is_unlisted("/bin/sh "));
    assert_true(shell_is_unlisted("/bin/s"));
    assert_true(shell_is_unlisted("bin/sh"));
    assert_true(shell_is_unlisted("sh"));
    assert_true(shell_is_unlisted("/no/such/shell"));
    assert_true(shell_is_unlisted("# /etc/shells: valid login shells"));
    assert_true(shell_is_unlisted(""));
}

/* ---- where, and in which session ---- */

static const struct place_case {
    const char *sentence;
    struct options options;
    uid_t uid;
    const char *directory; /* NULL: where the applicant was */
    bool must_exist, new_session, pty;
} place_cases[] = {
    {"a shell starts where the applicant was", {.form = FORM_SHELL}, 7, NULL, false, false, false},
    {"a command of -u starts there too", {.form = FORM_COMMAND}, 7, NULL, false, false, false},
    {"a login starts in the account's home", {.login = true}, 7, "/home/alice", false, false, false},
    {"--chdir names another place", {.directory = "/srv"}, 7, "/srv", true, false, false},
    {"--chdir counts more than a login's home", {.login = true, .directory = "/srv"}, 7, "/srv", true, false, false},
    {"-p with a login starts in the home",
     {.login = true, .keep_environment = true},
     7,
     "/home/alice",
     false,
     false,
     false},
    {"-c has a session of its own", {.command = "ls"}, 7, NULL, false, true, false},
    {"-c of a login has a session of its own", {.command = "ls", .login = true}, 7, "/home/alice", false, true, false},
    {"-c of root has none, as with su", {.command = "ls"}, 0, NULL, false, false, false},
    {"--session-command has none", {.command = "ls", .same_session = true}, 7, NULL, false, false, false},
    {"-P has a pseudo-terminal", {.pty = PTY_YES}, 7, NULL, false, false, true},
    {"-P has one for root too", {.pty = PTY_YES, .command = "ls"}, 0, NULL, false, false, true},
    {"-T has none", {.pty = PTY_NO}, 7, NULL, false, false, false},
};

static void plan_puts_it_there(void **state)
{
    static char *words[] = {(char *)"ls", NULL};
    const struct place_case *row = *state;
    struct identity identity = identity_of(row->uid);
    struct options options = row->options;
    struct error error;
    struct plan plan;

    options.arguments = options.form == FORM_COMMAND ? words : words + 1;
    assert_int_equal(plan_make(&plan, &options, &identity, NULL, false, TERMINAL_NONE, &error), OK);
    if (row->directory != NULL)
        assert_string_equal(plan.directory, row->directory);
    else
        assert_null(plan.directory);
    assert_int_equal(plan.directory_must_exist, row->must_exist);
    assert_int_equal(plan.new_session, row->new_session);
    assert_int_equal(plan.pty, row->pty);
    plan_free(&plan);
}

/* ---- a terminal that would be shared ---- */

static const struct terminal_case {
    const char *sentence;
    struct options options;
    uid_t applicant, account;
    enum terminal_use terminal;
    bool pty, new_session;
} terminal_cases[] = {
    {"another account on a terminal gets one of its own", {0}, 8, 7, TERMINAL_STANDARD, true, false},
    {"so it does from root", {0}, 0, 7, TERMINAL_STANDARD, true, false},
    {"and so does root", {0}, 8, 0, TERMINAL_STANDARD, true, false},
    {"with -c too, which has a session anyway", {.command = "ls"}, 8, 7, TERMINAL_STANDARD, true, true},
    {"with --session-command too", {.command = "ls", .same_session = true}, 8, 7, TERMINAL_STANDARD, true, false},
    {"none of 0-2 is the terminal: a session of its own", {0}, 8, 7, TERMINAL_CONTROLLING, false, true},
    {"the same with --session-command",
     {.command = "ls", .same_session = true},
     8,
     7,
     TERMINAL_CONTROLLING,
     false,
     true},
    {"without a terminal all is as ever", {0}, 8, 7, TERMINAL_NONE, false, false},
    {"the same account shares it", {0}, 7, 7, TERMINAL_STANDARD, false, false},
    {"root as root shares it", {0}, 0, 0, TERMINAL_STANDARD, false, false},
    {"and its other way too", {0}, 0, 0, TERMINAL_CONTROLLING, false, false},
    {"-T shares it", {.pty = PTY_NO}, 8, 7, TERMINAL_STANDARD, false, false},
    {"-T where it only controls shares it", {.pty = PTY_NO}, 8, 7, TERMINAL_CONTROLLING, false, false},
    {"-T and -c: a session of its own", {.pty = PTY_NO, .command = "ls"}, 8, 7, TERMINAL_STANDARD, false, true},
    {"-P has one without a terminal", {.pty = PTY_YES}, 8, 7, TERMINAL_NONE, true, false},
    {"-P has one for the same account", {.pty = PTY_YES}, 7, 7, TERMINAL_STANDARD, true, false},
    {"--exec: nobody would serve one, a session of its own", {.exec = true}, 0, 7, TERMINAL_STANDARD, false, true},
    {"--exec and -T share it", {.exec = true, .pty = PTY_NO}, 0, 7, TERMINAL_STANDARD, false, false},
};

static void plan_keeps_the_terminal_from_others(void **state)
{
    static char *words[] = {(char *)"ls", NULL};
    const struct terminal_case *row = *state;
    struct identity identity = identity_of(row->account);
    struct options options = row->options;
    struct error error;
    struct plan plan;

    identity.applicant.uid = row->applicant;
    options.arguments = words + 1;
    assert_int_equal(plan_make(&plan, &options, &identity, NULL, false, row->terminal, &error), OK);
    assert_int_equal(plan.pty, row->pty);
    assert_int_equal(plan.new_session, row->new_session);
    assert_int_equal(plan_may_have_pty(&options, &identity, row->terminal), row->pty);
    plan_free(&plan);
}

/* ---- groups ---- */

static void without_group_options_the_accounts_own_count(void **state)
{
    struct identity identity = identity_of(7);
    char *words[] = {NULL};
    struct options options = {.arguments = words};
    struct error error;
    struct plan plan;

    (void)state;
    assert_int_equal(plan_make(&plan, &options, &identity, NULL, false, TERMINAL_NONE, &error), OK);
    assert_int_equal(plan.group, 7);
    assert_null(plan.groups);
    plan_free(&plan);
}

static void named_groups_count_instead_of_the_accounts(void **state)
{
    struct identity identity = identity_of(7);
    char *words[] = {NULL};
    struct options options = {.arguments = words};
    gid_t ids[] = {40, 41};
    struct error error;
    struct plan plan;

    (void)state;
    identity.has_group = true;
    identity.group = 40;
    identity.supplementary.ids = ids;
    identity.supplementary.count = COUNT(ids);
    assert_int_equal(plan_make(&plan, &options, &identity, NULL, false, TERMINAL_NONE, &error), OK);
    assert_int_equal(plan.group, 40);
    assert_ptr_equal(plan.groups, &identity.supplementary);
    plan_free(&plan);
}

static void roots_group_may_be_named(void **state)
{
    struct identity identity = identity_of(7);
    char *words[] = {NULL};
    struct options options = {.arguments = words};
    gid_t ids[] = {0};
    struct error error;
    struct plan plan;

    (void)state;
    identity.has_group = true;
    identity.supplementary.ids = ids;
    identity.supplementary.count = COUNT(ids);
    assert_int_equal(plan_make(&plan, &options, &identity, NULL, false, TERMINAL_NONE, &error), OK);
    assert_int_equal(plan.group, 0);
    plan_free(&plan);
}

/* ---- memory ---- */

static void without_memory_there_is_no_plan(void **state)
{
    static char *words[] = {(char *)"ls", NULL};
    struct options options = {.arguments = words};
    struct identity identity = identity_of(7);

    (void)state;
    memory_comes_back = true;
    for (int form = FORM_SHELL; form <= FORM_COMMAND; form++) {
        enum result result = FAILED;

        options.form = (enum form)form;
        for (long left = 0; result != OK; left++) {
            struct error error;
            struct plan plan;

            memory_left = left;
            result = plan_make(&plan, &options, &identity, NULL, false, TERMINAL_NONE, &error);
            memory_left = -1;
            plan_free(&plan);
            if (result != OK)
                assert_failed(result, &error, STATUS_SYSTEM, STEP_COMMAND);
            assert_int_equal(result == OK, left >= (form == FORM_SHELL ? 2 : 1));
        }
    }
}

/* ---- modules' messages ---- */

static const struct information_case {
    const char *sentence;
    struct options options;
    bool shown;
} information_cases[] = {
    {"a login shell shows information", {.login = true}, true},
    {"a plain shell does not", {.login = false}, false},
    {"a command does not", {.command = "ls"}, false},
    {"a command of a login does not", {.login = true, .command = "ls"}, false},
    {"a command of -u does not", {.form = FORM_COMMAND}, false},
    {"--quiet drops it", {.login = true, .quiet = true}, false},
    {"--verbose adds it to a plain shell", {.verbose = true}, true},
    {"--verbose adds it to a command", {.command = "ls", .verbose = true}, true},
    {"--verbose adds it to a command of -u", {.form = FORM_COMMAND, .verbose = true}, true},
};

static void information_is_shown_or_not(void **state)
{
    const struct information_case *row = *state;

    assert_int_equal(plan_shows_information(&row->options), row->shown);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shell_is_listed_or_not),
        cmocka_unit_test(without_group_options_the_accounts_own_count),
        cmocka_unit_test(named_groups_count_instead_of_the_accounts),
        cmocka_unit_test(roots_group_may_be_named),
        cmocka_unit_test(without_memory_there_is_no_plan),
    };
    static struct suite suite;

    ADD_ROWS(&suite, plan_runs_that, run_cases);
    ADD_ROWS(&suite, restricted_account_keeps_its_shell, restricted_cases);
    ADD_ROWS(&suite, plan_puts_it_there, place_cases);
    ADD_ROWS(&suite, plan_keeps_the_terminal_from_others, terminal_cases);
    ADD_ROWS(&suite, information_is_shown_or_not, information_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("plan", suite.tests, NULL, NULL);
}
