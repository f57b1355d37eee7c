/* What stands behind a verb of pamrunctl: words in, a request out. */
#include "base/strv.h"
#include "ctl/verb.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8 };

struct request {
    const char *user, *id;
    bool json;
    struct strv words;
};

static const struct verb_option options[] = {
    {"user", "USER", offsetof(struct request, user), "whose", false},
    {"id", "ID", offsetof(struct request, id), "which", false},
    {"json", NULL, offsetof(struct request, json), "for programs", false},
    {"word", "WORD", offsetof(struct request, words), "one of many", true},
    {NULL, NULL, 0, NULL, false},
};

static const struct verb with_operands = {
    .name = "check", .operands = "USER [STEP...]", .options = options, .request_size = sizeof(struct request)};
static const struct verb without_operands = {
    .name = "list", .options = options, .request_size = sizeof(struct request)};

static const struct verb_case {
    const char *sentence;
    const char *words[WORDS_MAX];
    const char *user, *id;
    bool json, help;
    const char *operands; /* between commas */
    const char *message;  /* NULL: no error */
} cases[] = {
    {"nothing is nothing", {NULL}, NULL, NULL, false, false, "", NULL},
    {"a value may be a word of its own", {"--user", "bob"}, "bob", NULL, false, false, "", NULL},
    {"a value may stand behind =", {"--user=bob"}, "bob", NULL, false, false, "", NULL},
    {"only the first = ends the word", {"--id=a=b"}, NULL, "a=b", false, false, "", NULL},
    {"a value may look like an option", {"--id", "--json"}, NULL, "--json", false, false, "", NULL},
    {"the last one counts", {"--user", "a", "--user=b"}, "b", NULL, false, false, "", NULL},
    {"a flag needs no value", {"--json", "alice"}, NULL, NULL, true, false, "alice", NULL},
    {"options may follow operands", {"alice", "--json", "setcred"}, NULL, NULL, true, false, "alice,setcred", NULL},
    {"-- ends the options", {"--json", "--", "--user", "-x"}, NULL, NULL, true, false, "--user,-x", NULL},
    {"-- is an operand behind --", {"--", "--"}, NULL, NULL, false, false, "--", NULL},
    {"- is an operand", {"-"}, NULL, NULL, false, false, "-", NULL},
    {"--help is all", {"--help", "--nonsense"}, NULL, NULL, false, true, NULL, NULL},
    {"-h is --help", {"alice", "-h"}, NULL, NULL, false, true, NULL, NULL},
    {"behind -- help is an operand", {"--", "--help"}, NULL, NULL, false, false, "--help", NULL},
    {"abbreviations are refused", {"--use", "bob"}, .message = "check: --use: no such option"},
    {"longer words are refused", {"--users=bob"}, .message = "check: --users=bob: no such option"},
    {"letters are refused", {"-u", "bob"}, .message = "check: -u: no such option"},
    {"letters that look like a word are refused", {"-user"}, .message = "check: -user: no such option"},
    {"one dash does not make a word", {"-xuser", "bob"}, .message = "check: -xuser: no such option"},
    {"a value is needed", {"--user"}, .message = "check: --user: needs USER"},
    {"a value is not empty", {"--user="}, .message = "check: --user=: needs USER"},
    {"a word that is the value is not empty", {"--id", ""}, .message = "check: --id: needs ID"},
    {"a flag takes no value", {"--json=yes"}, .message = "check: --json=yes: this option takes no value"},
    {"what a terminal obeys is made visible", {"--\033[2J"}, .message = "check: --\\033[2J: no such option"},
};

static void words_mean_this(void **state)
{
    const struct verb_case *row = *state;
    struct request request = {.json = false};
    char *words[WORDS_MAX + 1] = {NULL}, **operands, found[128] = "";
    struct error error = {.message = ""};
    bool help;
    enum result result;

    for (size_t at = 0; row->words[at] != NULL; at++)
        words[at] = (char *)row->words[at];
    result = verb_parse(&with_operands, words, &request, &operands, &help, &error);
    if (row->message != NULL) {
        assert_failed(result, &error, STATUS_USAGE, STEP_OPTIONS);
        assert_string_equal(error.message, row->message);
        assert_string_equal(error.hint, "pamrunctl check --help, or man 8 pamrunctl");
        return;
    }
    assert_int_equal(result, OK);
    assert_int_equal(help, row->help);
    if (help)
        return;
    assert_int_equal(request.json, row->json);
    assert_string_equal(request.user != NULL ? request.user : "none", row->user != NULL ? row->user : "none");
    assert_string_equal(request.id != NULL ? request.id : "none", row->id != NULL ? row->id : "none");
    for (size_t length = 0; *operands != NULL; operands++, length = strlen(found))
        (void)snprintf(found + length, sizeof found - length, "%s%s", length > 0 ? "," : "", *operands);
    assert_string_equal(found, row->operands);
}

static void an_option_that_may_come_again_keeps_them_all(void **state)
{
    char first[] = "--word=a", second[] = "--word", value[] = "b=c", *words[] = {first, second, value, NULL},
         **operands;
    struct request request = {.json = false};
    struct error error;
    bool help;

    (void)state;
    assert_int_equal(verb_parse(&with_operands, words, &request, &operands, &help, &error), OK);
    assert_int_equal(request.words.count, 2);
    assert_string_equal(request.words.items[0], "a");
    assert_string_equal(request.words.items[1], "b=c");
    strv_free(&request.words);
}

static void a_verb_without_operands_refuses_them(void **state)
{
    char word[] = "alice", *words[] = {word, NULL}, **operands;
    struct request request;
    struct error error;
    bool help;

    (void)state;
    assert_failed(verb_parse(&without_operands, words, &request, &operands, &help, &error), &error, STATUS_USAGE,
                  STEP_OPTIONS);
    assert_string_equal(error.message, "list: alice: takes options only");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(a_verb_without_operands_refuses_them),
                                              cmocka_unit_test(an_option_that_may_come_again_keeps_them_all)};
    static struct suite suite;

    ADD_ROWS(&suite, words_mean_this, cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("ctl_verb", suite.tests, NULL, NULL);
}
