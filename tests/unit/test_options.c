#include "ask/options.h"

#include "memory.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 16 };

/* ---- a command line, and what was understood of it, as text ---- */

struct parsed {
    struct options options;
    struct error error;
    enum result result;
    char *argv[WORDS_MAX + 2];
};

static void parse(struct parsed *parsed, const char *const *words)
{
    int argc = 1;

    memset(parsed, 0, sizeof *parsed);
    parsed->argv[0] = (char *)"pamrun";
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc <= WORDS_MAX);
        parsed->argv[argc] = (char *)words[argc - 1];
    }
    parsed->result = options_parse(&parsed->options, argc, parsed->argv, &parsed->error);
}

struct text {
    char at[2048];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;

    if (text->length > 0 && text->length < sizeof text->at - 1)
        text->at[text->length++] = ' ';
    va_start(arguments, format);
    text->length += (size_t)vsnprintf(text->at + text->length, sizeof text->at - text->length, format, arguments);
    va_end(arguments);
}

static void put_word(struct text *text, const char *name, const char *value)
{
    if (value != NULL)
        put(text, "%s=%s", name, value);
}

static void put_flag(struct text *text, const char *name, bool set)
{
    if (set)
        put(text, "%s", name);
}

static void put_list(struct text *text, const char *name, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        put_word(text, name, *list);
}

/* All that differs from a command line without any word. */
static void describe(struct text *text, const struct options *o)
{
    *text = (struct text){.length = 0};
    put_flag(text, "help", o->help);
    put_flag(text, "version", o->version);
    put_flag(text, "command-form", o->form == FORM_COMMAND);
    put_word(text, "account", o->account_name);
    if (o->has_account_uid)
        put(text, "uid=%u", o->account_uid);
    put_flag(text, "login", o->login);
    put_word(text, "command", o->command);
    put_flag(text, "same-session", o->same_session);
    put_flag(text, "fast", o->fast);
    put_word(text, "shell", o->shell);
    put_flag(text, "keep-environment", o->keep_environment);
    put_list(text, "kept", o->kept_names);
    put_word(text, "group", o->group);
    put_list(text, "supplementary", o->supplementary);
    put_flag(text, "pty", o->pty == PTY_YES);
    put_flag(text, "no-pty", o->pty == PTY_NO);
    put_word(text, "profile", o->profile);
    put_flag(text, "close-on-exit", o->close_on_exit);
    put_flag(text, "share", o->share);
    put_word(text, "hold", o->hold);
    if (o->hold_seconds != 0)
        put(text, "hold-seconds=%u", o->hold_seconds);
    put_flag(text, "exec", o->exec);
    put_flag(text, "no-auth", o->no_auth);
    put_flag(text, "no-account", o->no_account);
    put_flag(text, "no-session", o->no_session);
    put_list(text, "pam-environment", o->pam_environment);
    put_word(text, "rhost", o->rhost);
    put_word(text, "directory", o->directory);
    if (o->kill_after_ms != KILL_UNSET)
        put(text, "kill-after=%d", o->kill_after_ms);
    for (int step = 0; step < STEP_COUNT; step++)
        if (o->deadline_ms[step] != 0)
            put(text, "deadline-%s=%d", step_name((enum step)step), o->deadline_ms[step]);
    if (o->status_fd != -1)
        put(text, "status-fd=%d", o->status_fd);
    put_word(text, "identity", o->identity);
    put_flag(text, "provision", o->provision);
    if (o->minimum_user_id != 0)
        put(text, "minimum-user-id=%u", o->minimum_user_id);
    put_list(text, "required-group", (const char *const *)o->required_groups.items);
    if (o->password_fd != -1)
        put(text, "password-fd=%d", o->password_fd);
    if (o->answers_fd != -1)
        put(text, "answers-fd=%d", o->answers_fd);
    put_flag(text, "any-prompt", o->any_prompt);
    put_flag(text, "require-password-used", o->require_password_used);
    put_flag(text, "quiet", o->quiet);
    put_flag(text, "verbose", o->verbose);
    put_list(text, "argument", (const char *const *)o->arguments);
}

static void assert_understood(const char *const *words, const char *expected)
{
    struct parsed parsed;
    struct text text;

    parse(&parsed, words);
    describe(&text, &parsed.options);
    if (parsed.result != OK)
        print_message("# refused: %s\n", parsed.error.message);
    assert_int_equal(parsed.result, OK);
    assert_string_equal(text.at, expected);
    options_free(&parsed.options);
}

/* The options that only root may use, by their words, blanks between them. */
static void assert_root_only(const char *const *words, const char *expected)
{
    struct text text = {.length = 0};
    struct parsed parsed;

    parse(&parsed, words);
    assert_int_equal(parsed.result, OK);
    for (size_t at = 0; parsed.options.root_only[at] != NULL; at++) {
        assert_true(at < ROOT_ONLY_MAX - 1);
        put(&text, "%s", parsed.options.root_only[at]);
    }
    assert_string_equal(text.at, expected);
    options_free(&parsed.options);
}

/* Status 64, the node's fault (whoever's wrote the hook), one line with the fragment in it, and a hint. */
static void assert_refused(const char *const *words, const char *fragment)
{
    struct parsed parsed;

    parse(&parsed, words);
    assert_failed(parsed.result, &parsed.error, STATUS_USAGE, STEP_OPTIONS);
    assert_int_equal(parsed.error.class, CLASS_NODE);
    assert_true(parsed.error.hint[0] != '\0');
    if (strstr(parsed.error.message, fragment) == NULL)
        print_message("# the message is: %s\n", parsed.error.message);
    assert_non_null(strstr(parsed.error.message, fragment));
    options_free(&parsed.options);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- each option by itself ---- */

static const struct option {
    const char *sentence;
    char letter;          /* 0: none */
    const char *word;     /* NULL: none */
    const char *argument; /* NULL: it takes none */
    const char *value;    /* one that is taken */
    const char *expected; /* what it does, when a command follows */
    bool takes_empty;     /* an empty value is a value */
} options[] = {
    {"--user names the account", 'u', "user", "USER", "alice", "command-form account=alice argument=id", true},
    {"--account-uid names the account by number", 0, "account-uid", "UID", "1000", "command-form uid=1000 argument=id",
     false},
    {"--login starts a login shell", 'l', "login", NULL, NULL, "account=id login", false},
    {"--command is for the shell", 'c', "command", "COMMAND", "ls -l", "account=id command=ls -l", true},
    {"--session-command keeps the session", 0, "session-command", "COMMAND", "ls -l",
     "account=id command=ls -l same-session", true},
    {"--fast is for the shell", 'f', "fast", NULL, NULL, "account=id fast", false},
    {"--shell names the shell", 's', "shell", "SHELL", "/bin/sh", "account=id shell=/bin/sh", true},
    {"-m keeps the environment", 'm', NULL, NULL, NULL, "account=id keep-environment", false},
    {"--preserve-environment keeps the environment", 'p', "preserve-environment", NULL, NULL,
     "account=id keep-environment", false},
    {"--whitelist-environment keeps some names", 'w', "whitelist-environment", "NAMES", "A,B", "account=id kept=A,B",
     true},
    {"--group names the primary group", 'g', "group", "GROUP", "adm", "account=id group=adm", true},
    {"--supp-group names a supplementary group", 'G', "supp-group", "GROUP", "adm", "account=id supplementary=adm",
     true},
    {"--pty wants a pseudo-terminal", 'P', "pty", NULL, NULL, "account=id pty", false},
    {"--no-pty wants none", 'T', "no-pty", NULL, NULL, "account=id no-pty", false},
    {"--profile names the PAM service", 0, "profile", "NAME", "slurm", "account=id profile=slurm", true},
    {"--identity maps to the account", 0, "identity", "ID", "a@b/A B", "command-form identity=a@b/A B argument=id",
     false},
    {"--provision lets a module make the account", 0, "provision", NULL, NULL, "account=id provision", false},
    {"--minimum-user-id tightens", 0, "minimum-user-id", "UID", "2000", "account=id minimum-user-id=2000", false},
    {"--required-group tightens", 0, "required-group", "GROUP", "hpc,\"a b\"",
     "account=id required-group=hpc required-group=a b", false},
    {"--forward-password-fd names the descriptor", 0, "forward-password-fd", "FD", "5", "account=id password-fd=5",
     false},
    {"--forward-answers-fd names the descriptor", 0, "forward-answers-fd", "FD", "6", "account=id answers-fd=6", false},
    {"--any-prompt is for the password", 0, "any-prompt", NULL, NULL, "account=id password-fd=9 any-prompt", false},
    {"--require-password-used wants it asked for", 0, "require-password-used", NULL, NULL,
     "account=id answers-fd=9 require-password-used", false},
    {"--close-on-exit closes the session", 0, "close-on-exit", NULL, NULL, "account=id close-on-exit", false},
    {"--share shares the session", 0, "share", NULL, NULL, "account=id share", false},
    {"--hold shares it, and names a hold", 0, "hold", "ID", "job-1", "account=id share hold=job-1", false},
    {"--hold-time bounds that", 0, "hold-time", "TIME", "26h", "account=id share hold=job hold-seconds=93600", false},
    {"--exec executes in place", 0, "exec", NULL, NULL, "account=id exec", false},
    {"--no-auth leaves out authentication", 0, "no-auth", NULL, NULL, "account=id no-auth", false},
    {"--no-account leaves out the account step", 0, "no-account", NULL, NULL, "account=id no-account", false},
    {"--no-session leaves out the session", 0, "no-session", NULL, NULL, "account=id no-session", false},
    {"--pam-setenv tells the modules", 0, "pam-setenv", "NAME=VALUE", "JOB_1=a b",
     "account=id pam-environment=JOB_1=a b", false},
    {"--pam-rhost tells the modules the host", 0, "pam-rhost", "HOST", "host.example", "account=id rhost=host.example",
     false},
    {"--chdir names the directory", 0, "chdir", "DIR", "/srv", "account=id directory=/srv", false},
    {"--kill-after sets the grace", 0, "kill-after", "SECONDS", "2.5", "account=id kill-after=2500", false},
    {"--deadline bounds a step", 0, "deadline", "STEP=SECONDS", "setcred=3", "account=id deadline-setcred=3000", false},
    {"--json-status-fd names the descriptor", 0, "json-status-fd", "FD", "7", "account=id status-fd=7", false},
    {"--quiet drops messages", 0, "quiet", NULL, NULL, "account=id quiet", false},
    {"--verbose adds messages", 0, "verbose", NULL, NULL, "account=id verbose", false},
    {"--help tells how", 'h', "help", NULL, NULL, "help", false},
    {"--version tells which", 'V', "version", NULL, NULL, "version", false},
};

/* Another option that must be there as well; NULL: none. */
static const char *needed_by(const struct option *option)
{
    if (option->word != NULL && strcmp(option->word, "any-prompt") == 0)
        return "--forward-password-fd=9";
    if (option->word != NULL && strcmp(option->word, "hold-time") == 0)
        return "--hold=job";
    if (option->word != NULL && strcmp(option->word, "require-password-used") == 0)
        return "--forward-answers-fd=9";
    return NULL;
}

/* The words, and before them what the option needs. */
#define WITH_NEEDED(option, ...)                                                                                       \
    (&((const char *const[]){needed_by(option), __VA_ARGS__, NULL})[needed_by(option) == NULL ? 1 : 0])

/* --word, --word=value, --word value; -x, -xvalue, -x value: the same. Without its value, or with one too many: 64. */
static void option_is_understood_in_all_its_forms(void **state)
{
    const struct option *option = *state;
    char word[32] = "", letter[] = {'-', option->letter, '\0'}, joined[128], problem[128];

    if (option->word != NULL) {
        (void)snprintf(word, sizeof word, "--%s", option->word);
        (void)snprintf(joined, sizeof joined, "%s=%s", word, option->value != NULL ? option->value : "x");
    }
    if (option->argument == NULL && option->word != NULL) {
        assert_understood(WITH_NEEDED(option, word, "id"), option->expected);
        assert_refused(WORDS(joined, "id"), "takes no value");
        (void)snprintf(joined, sizeof joined, "%s=", word);
        assert_refused(WORDS(joined, "id"), "takes no value");
    } else if (option->word != NULL) {
        assert_understood(WITH_NEEDED(option, word, option->value, "id"), option->expected);
        assert_understood(WITH_NEEDED(option, joined, "id"), option->expected);
        (void)snprintf(problem, sizeof problem, "%s: needs %s", word, option->argument);
        assert_refused(WORDS(word), problem);
        assert_refused(WORDS("root", word), problem);
    }
    if (option->letter != 0 && option->argument == NULL) {
        assert_understood(WORDS(letter, "id"), option->expected);
    } else if (option->letter != 0) {
        assert_understood(WORDS(letter, option->value, "id"), option->expected);
        (void)snprintf(joined, sizeof joined, "%s%s", letter, option->value);
        assert_understood(WORDS(joined, "id"), option->expected);
        (void)snprintf(problem, sizeof problem, "%s: needs %s", letter, option->argument);
        assert_refused(WORDS(letter), problem);
        (void)snprintf(joined, sizeof joined, "-m%c", option->letter); /* last of a bundle */
        assert_refused(WORDS("root", joined), problem);
    }
}

static void an_empty_value_is_a_value_or_is_refused(void **state)
{
    struct parsed parsed;
    char joined[64];

    (void)state;
    for (size_t at = 0; at < COUNT(options); at++) {
        if (options[at].argument == NULL)
            continue;
        (void)snprintf(joined, sizeof joined, "--%s=", options[at].word);
        parse(&parsed, WORDS(joined, "id"));
        assert_int_equal(parsed.result, options[at].takes_empty ? OK : FAILED);
        options_free(&parsed.options);
    }
}

/* Else it would be the command, with the words behind it as its arguments. */
static void a_word_before_the_option_that_names_the_account_is_refused(void **state)
{
    static const char twice[] = ": the account is given twice, or the command before the account";
    static const char *const naming[] = {"--account-uid=1001", "--identity=x", "-ubob", "--user=bob"};
    char fragment[128];

    (void)state;
    (void)snprintf(fragment, sizeof fragment, "alice%s", twice);
    for (size_t at = 0; at < COUNT(naming); at++) {
        assert_refused(WORDS("alice", naming[at], "--", "id"), fragment);
        assert_refused(WORDS("alice", naming[at], "id"), fragment);
        assert_refused(WORDS("-", "alice", naming[at], "--", "id"), fragment);
        assert_refused(WORDS("--quiet", "alice", "-", naming[at], "--", "id"), fragment);
    }
    assert_understood(WORDS("--identity", "x", "--user", "bob", "--", "id"),
                      "command-form account=bob identity=x argument=id");
}

/* An option's value may look like an option. */
static void a_value_is_taken_whatever_it_looks_like(void **state)
{
    static const char *const values[] = {"--", "-", "-l", "--login", "--help"};

    (void)state;
    for (size_t at = 0; at < COUNT(values); at++) {
        char expected[64];

        (void)snprintf(expected, sizeof expected, "account=alice command=%s", values[at]);
        assert_understood(WORDS("-c", values[at], "alice"), expected);
        assert_understood(WORDS("--command", values[at], "alice"), expected);
    }
}

static bool is_whole_word(const char *word)
{
    for (size_t at = 0; at < COUNT(options); at++)
        if (options[at].word != NULL && strcmp(options[at].word, word) == 0)
            return true;
    return false;
}

static void abbreviated_words_are_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(options); at++)
        for (size_t length = 1; options[at].word != NULL && length < strlen(options[at].word); length++) {
            char word[64], part[32];

            (void)snprintf(part, sizeof part, "%.*s", (int)length, options[at].word);
            if (is_whole_word(part))
                continue;
            (void)snprintf(word, sizeof word, "--%s", part);
            assert_refused(WORDS(word, "1000", "id"), "no such option");
            (void)snprintf(word, sizeof word, "--%s=1000", part);
            assert_refused(WORDS(word, "id"), "no such option");
        }
}

static void words_that_are_longer_or_written_otherwise_are_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(options); at++) {
        char word[64];

        if (options[at].word == NULL)
            continue;
        (void)snprintf(word, sizeof word, "--%sx", options[at].word);
        assert_refused(WORDS(word, "id"), "no such option");
        (void)snprintf(word, sizeof word, "--%s", options[at].word);
        word[2] = (char)(word[2] - 'a' + 'A');
        assert_refused(WORDS(word, "id"), "no such option");
        (void)snprintf(word, sizeof word, "---%s", options[at].word);
        assert_refused(WORDS(word, "id"), "no such option");
    }
}

static void every_printable_letter_that_is_none_is_refused(void **state)
{
    (void)state;
    for (int letter = ' ' + 1; letter < 127; letter++) {
        char word[] = {'-', (char)letter, '\0'}, bundle[] = {'-', 'm', (char)letter, '\0'};
        bool known = letter == '-';

        for (size_t at = 0; at < COUNT(options); at++)
            known = known || options[at].letter == letter;
        if (!known) {
            assert_refused(WORDS(word, "id"), "no such option");
            assert_refused(WORDS(bundle, "id"), "no such option");
        }
    }
}

/* The table that --help and the completions are made of has these rows and no other. */
static void the_printed_table_has_these_options_and_no_other(void **state)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    struct text expected = {.length = 0};

    (void)state;
    for (size_t at = 0; at < COUNT(options); at++)
        expected.length += (size_t)snprintf(expected.at + expected.length, sizeof expected.at - expected.length,
                                            "%c\t%s\t%s\n", options[at].letter != 0 ? options[at].letter : '-',
                                            options[at].word != NULL ? options[at].word : "-",
                                            options[at].argument != NULL ? options[at].argument : "-");
    assert_non_null(out);
    options_print_table(out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(printed, expected.at);
    free(printed);
}

static bool is_for_root_only(const char *word)
{
    static const char *const words[] = {"account-uid", "group",      "supp-group", "exec",      "no-auth",
                                        "no-account",  "no-session", "pam-setenv", "pam-rhost", "deadline",
                                        "identity",    "provision",  "hold",       "hold-time"};

    for (size_t at = 0; at < COUNT(words); at++)
        if (word != NULL && strcmp(words[at], word) == 0)
            return true;
    return false;
}

/* All others are everybody's, so that a new one has to be decided about here too. */
static void options_that_only_root_may_use_are_noted(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(options); at++) {
        const struct option *option = &options[at];
        bool comes_with_hold = option->word != NULL && strcmp(option->word, "hold-time") == 0;
        const char *expected = comes_with_hold ? "hold hold-time" : is_for_root_only(option->word) ? option->word : "";
        char word[32], letter[] = {'-', option->letter, '\0'}, joined[128];

        (void)snprintf(word, sizeof word, "--%s", option->word != NULL ? option->word : "");
        (void)snprintf(joined, sizeof joined, "%s=%s", word, option->value != NULL ? option->value : "");
        if (option->word != NULL && option->argument == NULL)
            assert_root_only(WITH_NEEDED(option, word, "id"), expected);
        if (option->word != NULL && option->argument != NULL) {
            assert_root_only(WITH_NEEDED(option, word, option->value, "id"), expected);
            assert_root_only(WITH_NEEDED(option, joined, "id"), expected);
        }
        if (option->letter == 0)
            continue;
        (void)snprintf(joined, sizeof joined, "-T%c%s", option->letter, option->value != NULL ? option->value : "");
        assert_root_only(WORDS(joined, "id"), expected);
        if (option->argument == NULL)
            assert_root_only(WORDS(letter, "id"), expected);
        else
            assert_root_only(WORDS(letter, option->value, "id"), expected);
    }
}

static const struct root_only_case {
    const char *sentence;
    const char *words[WORDS_MAX];
    const char *expected;
} root_only_cases[] = {
    {"no option is none of root's", {NULL}, ""},
    {"root's options are noted in their order", {"--exec", "--no-auth", "-g", "a"}, "exec no-auth group"},
    {"in the other order too", {"-g", "a", "--no-auth", "--exec"}, "group no-auth exec"},
    {"each is noted once", {"--exec", "-ga", "--exec", "--group=b"}, "exec group"},
    {"what everybody may use is not", {"-l", "--quiet", "--no-auth", "--exec"}, "no-auth exec"},
    {"one in a bundle is noted by its word", {"-lfg", "adm", "alice"}, "group"},
    {"one with a joined value is too", {"-lGadm", "alice"}, "supp-group"},
    {"one behind the user is noted", {"alice", "--no-session"}, "no-session"},
    {"one behind the command is the command's", {"-u", "alice", "ls", "--exec"}, ""},
    {"one behind -- is a word", {"alice", "--", "--exec", "-g", "x"}, ""},
    {"one that is another's value is a value", {"-c", "--exec", "alice"}, ""},
    {"letters behind one with a value are its value", {"-cg", "alice"}, ""},
    {"with --help what stood before is noted", {"--exec", "--help"}, "exec"},
    {"all of them are noted",
     {"--identity=a", "--no-auth", "--no-session", "-ga", "-Gb", "--exec", "--pam-setenv=A=1", "--pam-rhost=h",
      "--deadline=setcred=1", "--provision", "id"},
     "identity no-auth no-session group supp-group exec pam-setenv pam-rhost deadline provision"},
};

static void roots_options_are(void **state)
{
    const struct root_only_case *row = *state;

    assert_root_only(row->words, row->expected);
}

static void help_tells_every_option(void **state)
{
    char *printed = NULL, wanted[128];
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    (void)state;
    assert_non_null(out);
    options_print_help(out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(printed, " pamrun [options] [-] [user [argument...]]\n"));
    assert_non_null(strstr(printed, " pamrun [options] -u user [--] command [argument...]\n"));
    assert_non_null(strstr(printed, " -m, -p, --preserve-environment "));
    for (size_t at = 0; at < COUNT(options); at++)
        if (options[at].word != NULL) {
            (void)snprintf(wanted, sizeof wanted, "%c%c%c --%s%s%s ", options[at].letter != 0 ? '-' : ' ',
                           options[at].letter != 0 ? options[at].letter : ' ', options[at].letter != 0 ? ',' : ' ',
                           options[at].word, options[at].argument != NULL ? " " : "",
                           options[at].argument != NULL ? options[at].argument : "");
            assert_non_null(strstr(printed, wanted));
        }
    assert_true(text_is_harmless(printed, true));
    free(printed);
}

/* ---- command lines that are understood ---- */

static const struct understood {
    const char *sentence;
    const char *words[WORDS_MAX];
    const char *expected;
} understood[] = {
    /* su's form */
    {"no word at all is a shell of root's", {NULL}, ""},
    {"the first operand is the user", {"alice"}, "account=alice"},
    {"the words behind the user are the shell's",
     {"alice", "script", "word"},
     "account=alice argument=script argument=word"},
    {"a mere - is a login", {"-"}, "login"},
    {"- may stand before the user", {"-", "alice", "x"}, "account=alice login argument=x"},
    {"- behind the user is the shell's", {"alice", "-"}, "account=alice argument=-"},
    {"- may stand before options", {"-", "-c", "id", "alice"}, "account=alice login command=id"},
    {"- may stand behind options", {"-c", "id", "-", "alice"}, "account=alice login command=id"},
    {"only the first - is a login", {"-", "alice", "-"}, "account=alice login argument=-"},
    {"options are found behind the user", {"alice", "-c", "id"}, "account=alice command=id"},
    {"options are found between operands",
     {"alice", "-l", "x", "--quiet", "y"},
     "account=alice login quiet argument=x argument=y"},
    {"-- ends options", {"--", "alice", "-l"}, "account=alice argument=-l"},
    {"-- behind the user ends options", {"alice", "--", "-l", "--help"}, "account=alice argument=-l argument=--help"},
    {"the second -- is a word", {"alice", "--", "--", "x"}, "account=alice argument=-- argument=x"},
    {"-- at the end is nothing", {"alice", "--"}, "account=alice"},
    {"-- alone is nothing", {"--"}, ""},
    {"- behind -- is a login", {"--", "-", "alice"}, "account=alice login"},
    {"an empty operand is an operand", {"", "x"}, "account= argument=x"},
    {"words with an option's sign inside are words", {"a-l", "x--login"}, "account=a-l argument=x--login"},
    {"su's usual line is understood", {"-", "alice", "-c", "echo hi"}, "account=alice login command=echo hi"},
    {"shell options behind -- reach the shell",
     {"-s", "/bin/bash", "alice", "--", "-x", "f"},
     "account=alice shell=/bin/bash argument=-x argument=f"},
    /* runuser's form */
    {"-u takes a command", {"-u", "alice", "id"}, "command-form account=alice argument=id"},
    {"the first operand behind -u ends options",
     {"-u", "alice", "ls", "-l", "--help"},
     "command-form account=alice argument=ls argument=-l argument=--help"},
    {"options stand between -u and the command",
     {"-u", "alice", "--quiet", "ls", "-l"},
     "command-form account=alice quiet argument=ls argument=-l"},
    {"options stand before -u",
     {"--quiet", "-u", "alice", "ls", "-q"},
     "command-form account=alice quiet argument=ls argument=-q"},
    {"-- may stand before the command",
     {"-u", "alice", "--", "ls", "-l"},
     "command-form account=alice argument=ls argument=-l"},
    {"behind -- the command may begin with -", {"-u", "alice", "--", "-ls"}, "command-form account=alice argument=-ls"},
    {"-- behind the command is the command's",
     {"-u", "alice", "ls", "--", "x"},
     "command-form account=alice argument=ls argument=-- argument=x"},
    {"- behind the command is the command's",
     {"-u", "alice", "cat", "-"},
     "command-form account=alice argument=cat argument=-"},
    {"empty arguments of a command are arguments",
     {"-u", "alice", "ls", ""},
     "command-form account=alice argument=ls argument="},
    {"--account-uid ends options the same way",
     {"--account-uid", "7", "ls", "-l"},
     "command-form uid=7 argument=ls argument=-l"},
    {"behind --account-uid no word is a user", {"--account-uid=7", "alice"}, "command-form uid=7 argument=alice"},
    {"-u goes with -p, groups and pty",
     {"-pPu", "a", "-g", "g", "-G", "h", "id"},
     "command-form account=a keep-environment group=g supplementary=h pty argument=id"},
    {"-u goes with -w", {"-w", "A", "-u", "a", "id"}, "command-form account=a kept=A argument=id"},
    {"an empty user is for the look-up to refuse", {"-u", "", "id"}, "command-form account= argument=id"},
    /* bundles */
    {"letters may be bundled", {"-lfm", "alice"}, "account=alice login fast keep-environment"},
    {"a bundle may end in an option with a value", {"-lc", "id", "alice"}, "account=alice login command=id"},
    {"the value may be joined to a bundle", {"-lcid", "alice"}, "account=alice login command=id"},
    {"what follows such a letter is its value", {"-cl", "alice"}, "account=alice command=l"},
    {"= behind a letter is the value's", {"-c=id", "alice"}, "account=alice command==id"},
    {"a value may hold = signs", {"--command=a=b=c", "alice"}, "account=alice command=a=b=c"},
    {"a joined value may be empty", {"--command=", "alice"}, "account=alice command="},
    {"a separate value may be empty", {"-c", "", "alice"}, "account=alice command="},
    /* repeated */
    {"a flag may be repeated", {"-l", "-ll", "--login", "alice"}, "account=alice login"},
    {"the last command counts", {"-c", "a", "-c", "b", "alice"}, "account=alice command=b"},
    {"--session-command behind -c counts", {"-c", "a", "--session-command", "b"}, "command=b same-session"},
    {"-c behind --session-command counts", {"--session-command", "a", "-c", "b"}, "command=b"},
    {"the last user counts", {"-u", "a", "-u", "b", "id"}, "command-form account=b argument=id"},
    {"the last account-uid counts",
     {"--account-uid", "1", "--account-uid", "2", "id"},
     "command-form uid=2 argument=id"},
    {"the last shell, group and profile count",
     {"-s", "a", "-sb", "-gc", "-gd", "--profile=e", "--profile=f"},
     "shell=b group=d profile=f"},
    {"the last of -P and -T counts", {"-P", "-T"}, "no-pty"},
    {"the last of -T and -P counts", {"-T", "-P"}, "pty"},
    {"supplementary groups add up in order",
     {"-G", "b", "-Ga", "--supp-group=c"},
     "supplementary=b supplementary=a supplementary=c"},
    {"lists of kept names add up in order", {"-wA", "-w", "B,C"}, "kept=A kept=B,C"},
    {"--pam-setenv adds up in order",
     {"--pam-setenv=A=1", "--pam-setenv", "A=2"},
     "pam-environment=A=1 pam-environment=A=2"},
    {"the last host and directory count",
     {"--pam-rhost=a", "--pam-rhost=b", "--chdir=/a", "--chdir=/b"},
     "rhost=b directory=/b"},
    {"the last grace counts", {"--kill-after=never", "--kill-after=1"}, "kill-after=1000"},
    {"the last deadline of a step counts", {"--deadline=setcred=1", "--deadline=setcred=2"}, "deadline-setcred=2000"},
    {"deadlines of several steps stand together",
     {"--deadline=setcred=1", "--deadline=authenticate=2"},
     "deadline-authenticate=2000 deadline-setcred=1000"},
    {"the last descriptor counts", {"--json-status-fd=3", "--json-status-fd=4"}, "status-fd=4"},
    {"a secret and events go together on two descriptors",
     {"--json-status-fd=3", "--forward-answers-fd=4"},
     "status-fd=3 answers-fd=4"},
    {"--no-auth goes with a password that open_session may ask for",
     {"--no-auth", "--any-prompt", "--forward-password-fd=4"},
     "no-auth password-fd=4 any-prompt"},
    /* what goes together */
    {"-l and -p go together, as with su", {"-lp"}, "login keep-environment"},
    {"-l and -w go together", {"-lw", "A"}, "login kept=A"},
    {"every step may be left out", {"--no-auth", "--no-account", "--no-session"}, "no-auth no-account no-session"},
    {"--exec goes with deadlines before the command",
     {"--exec", "--deadline=open_session=1"},
     "exec deadline-open_session=1000"},
    {"--exec goes with -T", {"--exec", "-T"}, "no-pty exec"},
    {"--identity and -u go together",
     {"--identity=x", "-u", "a", "id"},
     "command-form account=a identity=x argument=id"},
    {"in any order", {"-u", "a", "--identity", "x", "id"}, "command-form account=a identity=x argument=id"},
    {"behind --identity comes the command",
     {"--identity=x", "ls", "--exec"},
     "command-form identity=x argument=ls argument=--exec"},
    {"the last identity counts", {"--identity=x", "--identity=y", "id"}, "command-form identity=y argument=id"},
    {"the highest --minimum-user-id counts",
     {"--minimum-user-id=2000", "--minimum-user-id=3000", "--minimum-user-id=1"},
     "minimum-user-id=3000"},
    {"--minimum-user-id=0 tightens nothing", {"--minimum-user-id=0"}, ""},
    {"--no-auth and a forwarded password go with --any-prompt",
     {"--no-auth", "--any-prompt", "--forward-password-fd=5"},
     "no-auth password-fd=5 any-prompt"},
    /* help and version */
    {"--help ends the parsing", {"--help", "--nonsense", "-c"}, "help"},
    {"--version ends the parsing", {"--version", "--nonsense"}, "version"},
    {"-h ends the parsing", {"-h", "-Z"}, "help"},
    {"-V ends the parsing", {"-V", "-Z"}, "version"},
    {"the letters behind -h are not looked at", {"-hZ"}, "help"},
    {"the letters behind -V are not looked at", {"-Vh"}, "version"},
    {"--help is found behind the user", {"alice", "--help"}, "help"},
    {"with --help nothing is checked",
     {"-p", "-w", "A", "--quiet", "--verbose", "--help"},
     "help keep-environment kept=A quiet verbose"},
    {"--help counts before --version", {"--help", "--version"}, "help"},
    {"--version counts before --help", {"--version", "--help"}, "version"},
    {"--help behind -u is ours", {"-u", "alice", "--help"}, "help command-form account=alice"},
};

static void is_understood(void **state)
{
    const struct understood *row = *state;

    assert_understood(row->words, row->expected);
}

/* ---- command lines that are refused ---- */

static const struct refused {
    const char *sentence;
    const char *words[WORDS_MAX];
    const char *fragment;
} refused[] = {
    {"an unknown word is refused", {"--nonsense"}, "--nonsense"},
    {"an unknown word with a value is refused", {"--nonsense=1"}, "--nonsense"},
    {"no word at all behind -- and = is refused", {"--=x"}, "no such option"},
    {"an unknown letter is refused", {"-Z"}, "-Z"},
    {"an unknown letter in a bundle is refused", {"-lZ"}, "-Z"},
    {"- in a bundle is refused", {"-l-"}, "--"},
    {"an error before --help counts", {"--nonsense", "--help"}, "--nonsense"},
    {"control characters are no part of the message", {"--x\033[2J\nok: \302\233"}, "no such option"},
    {"nor are those of an unknown letter", {"-\n"}, "no such option"},
    {"nor are those of a value too many", {"--login=\n\033"}, "takes no value"},
    /* combinations that su and runuser refuse */
    {"-p and -w are refused", {"-p", "-w", "A"}, "--preserve-environment"},
    {"-m and -w are refused", {"-wA", "-m"}, "--whitelist-environment"},
    {"-w takes no values", {"-lw", "A,ENV=/tmp/x", "a"}, "names of variables"},
    {"-u and -s are refused", {"-u", "a", "-s", "/bin/sh", "id"}, "--user"},
    {"-u and -f are refused", {"-fu", "a", "id"}, "--user"},
    {"-u and -c are refused", {"-u", "a", "-c", "id", "id"}, "--user"},
    {"-u and --session-command are refused", {"-u", "a", "--session-command=x", "id"}, "--user"},
    {"-u and -l are refused", {"-lu", "a", "id"}, "--user"},
    {"-u and - are refused", {"-", "-u", "a", "id"}, "--user"},
    {"-u and - before the command are refused", {"-u", "a", "-", "id"}, "--user"},
    {"-u without a command is refused", {"-u", "a"}, "command"},
    {"-u and -- without a command are refused", {"-u", "a", "--"}, "command"},
    {"-u and an empty command are refused", {"-u", "a", ""}, "command"},
    {"-u and an empty command behind -- are refused", {"-u", "a", "--", "", "x"}, "command"},
    /* and ours */
    {"--account-uid and -s are refused", {"--account-uid=1", "-s", "/bin/sh", "id"}, "--account-uid"},
    {"--account-uid and -l are refused", {"--account-uid=1", "-l", "id"}, "--account-uid"},
    {"--account-uid without a command is refused", {"--account-uid=1"}, "command"},
    {"-u and --account-uid are refused", {"-u", "a", "--account-uid=1", "id"}, "--account-uid"},
    {"--account-uid and -u are refused", {"--account-uid=1", "-u", "a", "id"}, "--user"},
    {"--share and --exec are refused", {"--share", "--exec"}, "--share and --exec"},
    {"--share and --no-session are refused", {"--share", "--no-session"}, "--share and --no-session"},
    {"--hold runs no command", {"--hold", "job", "-u", "alice", "id"}, "--hold"},
    {"--hold needs an account", {"--hold", "job"}, "--hold"},
    {"--hold with a slash is refused", {"--hold", "a/b", "alice"}, "--hold 'a/b'"},
    {"--hold-time needs a time", {"--hold", "job", "--hold-time", "1w", "alice"}, "--hold-time '1w'"},
    {"--hold-time goes with --hold", {"--hold-time", "1h", "alice"}, "--hold-time"},
    {"--exec and --close-on-exit are refused", {"--exec", "--close-on-exit"}, "--exec"},
    {"--exec and --pty are refused", {"--exec", "-P"}, "--exec"},
    {"--exec and a deadline to close are refused", {"--exec", "--deadline=close_session=1"}, "--exec"},
    {"--exec and a deadline to delete are refused", {"--exec", "--deadline=delete_cred=1"}, "--exec"},
    {"--quiet and --verbose are refused", {"--quiet", "--verbose"}, "--quiet"},
    {"--identity and --account-uid are refused", {"--identity=x", "--account-uid=1", "id"}, "--identity"},
    {"--identity and -l are refused", {"--identity=x", "-l", "id"}, "--user"},
    {"--identity and a shell command are refused", {"--identity=x", "-c", "id"}, "--user"},
    {"--identity without a command is refused", {"--identity=x"}, "command"},
    {"--provision and --no-account are refused", {"--provision", "--no-account"}, "--provision"},
    {"two ways to forward are refused", {"--forward-password-fd=5", "--forward-answers-fd=6"}, "--forward-answers-fd"},
    {"one descriptor for secrets and events is refused",
     {"--forward-password-fd=5", "--json-status-fd=5"},
     "--json-status-fd"},
    {"and for answers and events", {"--json-status-fd=5", "--forward-answers-fd=5"}, "--json-status-fd"},
    {"--any-prompt without a password is refused", {"--any-prompt"}, "--any-prompt"},
    {"--any-prompt with answers is refused", {"--any-prompt", "--forward-answers-fd=5"}, "--any-prompt"},
    {"--require-password-used without one is refused", {"--require-password-used"}, "--require-password-used"},
    {"a password that nobody asks for is refused", {"--no-auth", "--forward-password-fd=5"}, "--no-auth"},
};

static void is_refused(void **state)
{
    const struct refused *row = *state;

    assert_refused(row->words, row->fragment);
}

/* ---- values ---- */

#define A63  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define A255 A63 A63 A63 A63 "abc"

static const struct value {
    const char *sentence;
    const char *word, *value;
    const char *expected; /* NULL: refused */
} values[] = {
    {"user id 0 is one", "--account-uid", "0", "uid=0"},
    {"the last user id is one", "--account-uid", "4294967294", "uid=4294967294"},
    {"4294967295 is no user id", "--account-uid", "4294967295", NULL},
    {"4294967296 is no user id", "--account-uid", "4294967296", NULL},
    {"what overflows is no user id", "--account-uid", "18446744073709551616", NULL},
    {"a name is no user id", "--account-uid", "root", NULL},
    {"-1 is no user id", "--account-uid", "-1", NULL},
    {"a signed number is no user id", "--account-uid", "+1", NULL},
    {"a blank before is no part of a user id", "--account-uid", " 1", NULL},
    {"a blank behind is no part of a user id", "--account-uid", "1 ", NULL},
    {"a new line is no part of a user id", "--account-uid", "1\n", NULL},
    {"a hexadecimal number is no user id", "--account-uid", "0x10", NULL},
    {"a fraction is no user id", "--account-uid", "1.0", NULL},
    {"#1 is no user id", "--account-uid", "#1", NULL},
    {"an exponent is no user id", "--account-uid", "1e3", NULL},
    {"descriptor 3 is the first", "--json-status-fd", "3", "status-fd=3"},
    {"a large descriptor is one", "--json-status-fd", "2147483647", "status-fd=2147483647"},
    {"what no int holds is no descriptor", "--json-status-fd", "2147483648", NULL},
    {"standard input is the command's", "--json-status-fd", "0", NULL},
    {"standard output is the command's", "--json-status-fd", "1", NULL},
    {"standard error is the command's", "--json-status-fd", "2", NULL},
    {"zeros before a 1 hide no standard output", "--json-status-fd", "0000000001", NULL},
    {"a negative descriptor is none", "--json-status-fd", "-3", NULL},
    {"a signed descriptor is none", "--json-status-fd", "+3", NULL},
    {"a descriptor by name is none", "--json-status-fd", "stderr", NULL},
    {"a descriptor has no unit", "--json-status-fd", "3x", NULL},
    {"descriptor 3 may have password", "--forward-password-fd", "3", "password-fd=3"},
    {"a large descriptor may have password", "--forward-password-fd", "2147483647", "password-fd=2147483647"},
    {"no int, no password", "--forward-password-fd", "2147483648", NULL},
    {"7 and 2 to the 32nd is not 7, password", "--forward-password-fd", "4294967303", NULL},
    {"7 and 2 to the 64th is not 7, password", "--forward-password-fd", "18446744073709551623", NULL},
    {"standard input has no password", "--forward-password-fd", "0", NULL},
    {"standard output has no password", "--forward-password-fd", "1", NULL},
    {"standard error has no password", "--forward-password-fd", "2", NULL},
    {"-1 has no password", "--forward-password-fd", "-1", NULL},
    {"-3 has no password", "--forward-password-fd", "-3", NULL},
    {"+7 has no password", "--forward-password-fd", "+7", NULL},
    {"0x7 has no password", "--forward-password-fd", "0x7", NULL},
    {"a blank before 7 has no password", "--forward-password-fd", " 7", NULL},
    {"a blank behind 7 has no password", "--forward-password-fd", "7 ", NULL},
    {"a new line behind 7 has no password", "--forward-password-fd", "7\n", NULL},
    {"descriptor 3 may have answers", "--forward-answers-fd", "3", "answers-fd=3"},
    {"a large descriptor may have answers", "--forward-answers-fd", "2147483647", "answers-fd=2147483647"},
    {"no int, no answers", "--forward-answers-fd", "2147483648", NULL},
    {"7 and 2 to the 32nd is not 7, answers", "--forward-answers-fd", "4294967303", NULL},
    {"7 and 2 to the 64th is not 7, answers", "--forward-answers-fd", "18446744073709551623", NULL},
    {"standard input has no answers", "--forward-answers-fd", "0", NULL},
    {"standard output has no answers", "--forward-answers-fd", "1", NULL},
    {"standard error has no answers", "--forward-answers-fd", "2", NULL},
    {"-1 has no answers", "--forward-answers-fd", "-1", NULL},
    {"-3 has no answers", "--forward-answers-fd", "-3", NULL},
    {"+7 has no answers", "--forward-answers-fd", "+7", NULL},
    {"0x7 has no answers", "--forward-answers-fd", "0x7", NULL},
    {"a blank before 7 has no answers", "--forward-answers-fd", " 7", NULL},
    {"a blank behind 7 has no answers", "--forward-answers-fd", "7 ", NULL},
    {"a new line behind 7 has no answers", "--forward-answers-fd", "7\n", NULL},
    {"whole seconds are seconds", "--kill-after", "1", "kill-after=1000"},
    {"tenths are seconds", "--kill-after", "0.1", "kill-after=100"},
    {"hundredths are seconds", "--kill-after", "1.25", "kill-after=1250"},
    {"the least grace is a millisecond", "--kill-after", "0.001", "kill-after=1"},
    {"the greatest grace is a day", "--kill-after", "86400", "kill-after=86400000"},
    {"the greatest grace may have decimals", "--kill-after", "86400.000", "kill-after=86400000"},
    {"never is a grace", "--kill-after", "never", "kill-after=-1"},
    {"no grace is none", "--kill-after", "0", NULL},
    {"0.000 is no grace either", "--kill-after", "0.000", NULL},
    {"a second more than a day is too long", "--kill-after", "86401", NULL},
    {"a millisecond more than a day is too long", "--kill-after", "86400.001", NULL},
    {"what overflows an int is too long", "--kill-after", "4294968", NULL},
    {"eight digits are too long", "--kill-after", "12345678", NULL},
    {"four decimals are too many", "--kill-after", "1.0001", NULL},
    {"a point wants decimals", "--kill-after", "1.", NULL},
    {"a point wants a number before it", "--kill-after", ".5", NULL},
    {"two points are too many", "--kill-after", "1.5.5", NULL},
    {"a comma is no point", "--kill-after", "1,5", NULL},
    {"seconds have no unit", "--kill-after", "1s", NULL},
    {"seconds have no sign", "--kill-after", "-1", NULL},
    {"decimals have no sign", "--kill-after", "1.-5", NULL},
    {"seconds have no exponent", "--kill-after", "1e2", NULL},
    {"seconds are finite", "--kill-after", "inf", NULL},
    {"NEVER is no number", "--kill-after", "NEVER", NULL},
    {"authenticate has a deadline", "--deadline", "authenticate=1", "deadline-authenticate=1000"},
    {"acct_mgmt has a deadline", "--deadline", "acct_mgmt=2", "deadline-acct_mgmt=2000"},
    {"chauthtok has a deadline", "--deadline", "chauthtok=3", "deadline-chauthtok=3000"},
    {"setcred has a deadline", "--deadline", "setcred=0.5", "deadline-setcred=500"},
    {"open_session has a deadline", "--deadline", "open_session=86400", "deadline-open_session=86400000"},
    {"close_session has a deadline", "--deadline", "close_session=1.5", "deadline-close_session=1500"},
    {"delete_cred has a deadline", "--deadline", "delete_cred=9", "deadline-delete_cred=9000"},
    {"the command has no deadline", "--deadline", "command=1", NULL},
    {"the options have no deadline", "--deadline", "options=1", NULL},
    {"an unknown step has no deadline", "--deadline", "auth=1", NULL},
    {"no step has no deadline", "--deadline", "=1", NULL},
    {"a very long step has no deadline", "--deadline", A255 "=1", NULL},
    {"a step of 31 bytes has no deadline", "--deadline", "abcdefghijklmnopqrstuvwxyzabcde=1", NULL},
    {"a step of 32 bytes has no deadline", "--deadline", "abcdefghijklmnopqrstuvwxyzabcdef=1", NULL},
    {"a step with a blank has no deadline", "--deadline", "setcred =1", NULL},
    {"a deadline wants seconds", "--deadline", "setcred=", NULL},
    {"a deadline wants =", "--deadline", "setcred", NULL},
    {"a deadline is not 0", "--deadline", "setcred=0", NULL},
    {"a deadline is not never", "--deadline", "setcred=never", NULL},
    {"a deadline has one =", "--deadline", "setcred==1", NULL},
    {"a variable may be empty", "--pam-setenv", "A=", "pam-environment=A="},
    {"a variable may hold anything", "--pam-setenv", "A_1= b=c\t", "pam-environment=A_1= b=c\t"},
    {"a variable wants =", "--pam-setenv", "A", NULL},
    {"a variable wants a name", "--pam-setenv", "=x", NULL},
    {"a variable's name has no blanks", "--pam-setenv", "A B=x", NULL},
    {"a variable's name has no hyphen", "--pam-setenv", "A-B=x", NULL},
    {"a variable's name has no control character", "--pam-setenv", "A\n=x", NULL},
    {"a variable's name is ASCII", "--pam-setenv", "\303\204=x", NULL},
    {"a host of 255 bytes is one", "--pam-rhost", A255, "rhost=" A255},
    {"a host of 256 bytes is none", "--pam-rhost", A255 "x", NULL},
    {"an IPv6 address is a host", "--pam-rhost", "fe80::1%eth0", "rhost=fe80::1%eth0"},
    {"a new line is no part of a host", "--pam-rhost", "a\nb", NULL},
    {"a tab is no part of a host", "--pam-rhost", "a\tb", NULL},
    {"an escape is no part of a host", "--pam-rhost", "a\033[2J", NULL},
    {"DEL is no part of a host", "--pam-rhost", "a\177", NULL},
    {"a relative directory is a directory", "--chdir", "a/b", "directory=a/b"},
    {"an identity of 512 bytes is one", "--identity", A255 A255 "xy", "identity=" A255 A255 "xy"},
    {"an identity of 513 bytes is none", "--identity", A255 A255 "xyz", NULL},
    {"the last user id may be the least", "--minimum-user-id", "4294967294", "minimum-user-id=4294967294"},
    {"4294967295 cannot be", "--minimum-user-id", "4294967295", NULL},
    {"auto is the policy's word, not the option's", "--minimum-user-id", "auto", NULL},
    {"a negative number is no least user id", "--minimum-user-id", "-1", NULL},
    {"commas are between groups", "--required-group", "a,,b", "required-group=a required-group=b"},
    {"a blank alone is between none", "--required-group", "domain users", NULL},
    {"nor a tab", "--required-group", "a,\tb", NULL},
    {"quotes hold blanks together", "--required-group", "\"domain users\"", "required-group=domain users"},
    {"no group at all is none", "--required-group", ",,", NULL},
    {"an open quote is none", "--required-group", "\"a b", NULL},
    {"a password is not on standard input", "--forward-password-fd", "0", NULL},
    {"nor are answers", "--forward-answers-fd", "2", NULL},
    {"a password has a descriptor", "--forward-password-fd", "0x7", NULL},
    {"answers have a descriptor", "--forward-answers-fd", "4294967303", NULL},
};

static void value_is_taken_or_refused(void **state)
{
    const struct value *row = *state;
    bool names_account = strcmp(row->word, "--account-uid") == 0 || strcmp(row->word, "--identity") == 0;
    char expected[1024];

    if (row->expected == NULL) {
        assert_refused(WORDS(row->word, row->value, "id"), row->word);
        return;
    }
    (void)snprintf(expected, sizeof expected, names_account ? "command-form %s argument=id" : "account=id %s",
                   row->expected);
    assert_understood(WORDS(row->word, row->value, "id"), expected);
}

/* ---- the rest ---- */

static void arguments_are_borrowed_from_argv_and_end_in_null(void **state)
{
    static const char *const words[] = {"alice", "-l", "x", "-c", "id", "y", NULL};
    struct parsed parsed;

    (void)state;
    parse(&parsed, words);
    assert_int_equal(parsed.result, OK);
    assert_ptr_equal(parsed.options.account_name, words[0]);
    assert_ptr_equal(parsed.options.command, words[4]);
    assert_ptr_equal(parsed.options.arguments[0], words[2]);
    assert_ptr_equal(parsed.options.arguments[1], words[5]);
    assert_null(parsed.options.arguments[2]);
    options_free(&parsed.options);
}

static void options_can_be_freed_twice_and_after_a_failure(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, WORDS("-G", "a", "-w", "A", "--pam-setenv=A=1", "--nonsense"));
    assert_int_equal(parsed.result, FAILED);
    options_free(&parsed.options);
    options_free(&parsed.options);
}

/* --pam-setenv, -G and -w make lists. */
static void without_memory_parsing_fails(void **state)
{
    static const char *const words[] = {"-G", "a", "-w", "A", "--pam-setenv=A=1", "-Gb", "-wB", "alice", NULL};

    (void)state;
    memory_comes_back = true;
    for (long left = 0;; left++) {
        struct parsed parsed;

        memory_left = left;
        parse(&parsed, words);
        memory_left = -1;
        options_free(&parsed.options);
        if (parsed.result == OK) {
            assert_true(left >= 5);
            return;
        }
        assert_failed(parsed.result, &parsed.error, STATUS_SYSTEM, STEP_OPTIONS);
    }
}

static void a_very_long_word_is_refused_with_one_line(void **state)
{
    static char word[100000];

    (void)state;
    memset(word, '-', sizeof word - 1);
    assert_refused(WORDS(word), "--");
    word[1] = 'l';
    assert_refused(WORDS(word), "no such option");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_value_is_a_value_or_is_refused),
        cmocka_unit_test(a_value_is_taken_whatever_it_looks_like),
        cmocka_unit_test(a_word_before_the_option_that_names_the_account_is_refused),
        cmocka_unit_test(abbreviated_words_are_refused),
        cmocka_unit_test(words_that_are_longer_or_written_otherwise_are_refused),
        cmocka_unit_test(every_printable_letter_that_is_none_is_refused),
        cmocka_unit_test(the_printed_table_has_these_options_and_no_other),
        cmocka_unit_test(help_tells_every_option),
        cmocka_unit_test(options_that_only_root_may_use_are_noted),
        cmocka_unit_test(arguments_are_borrowed_from_argv_and_end_in_null),
        cmocka_unit_test(options_can_be_freed_twice_and_after_a_failure),
        cmocka_unit_test(without_memory_parsing_fails),
        cmocka_unit_test(a_very_long_word_is_refused_with_one_line),
    };
    static struct suite suite;

    ADD_ROWS(&suite, roots_options_are, root_only_cases);
    ADD_ROWS(&suite, option_is_understood_in_all_its_forms, options);
    ADD_ROWS(&suite, is_understood, understood);
    ADD_ROWS(&suite, is_refused, refused);
    ADD_ROWS(&suite, value_is_taken_or_refused, values);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("options", suite.tests, NULL, NULL);
}
