/* PAM's functions by name: words in, steps and flags out. */
#include "ctl/operations.h"

#include "support.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 6 };

static const struct operations_case {
    const char *sentence;
    const char *words[WORDS_MAX];
    const char *found;   /* STEP:FLAGS, between blanks; NULL: an error */
    const char *problem; /* of the error's message */
} cases[] = {
    {"none are none", {NULL}, "", NULL},
    {"a name is its step", {"authenticate", "acct_mgmt"}, "authenticate:0 acct_mgmt:0", NULL},
    {"setcred without flags establishes", {"setcred"}, "setcred:2", NULL},
    {"setcred with another flag establishes", {"setcred(PAM_SILENT)"}, "setcred:8002", NULL},
    {"setcred that refreshes does not", {"setcred(PAM_REFRESH_CRED)"}, "setcred:10", NULL},
    {"setcred that reinitializes does not", {"setcred(PAM_REINITIALIZE_CRED)"}, "setcred:8", NULL},
    {"setcred that deletes is a step of its own", {"setcred(PAM_DELETE_CRED)"}, "delete_cred:4", NULL},
    {"flags stand between bars", {"authenticate(PAM_SILENT|PAM_DISALLOW_NULL_AUTHTOK)"}, "authenticate:8001", NULL},
    {"chauthtok has its flag", {"chauthtok(PAM_CHANGE_EXPIRED_AUTHTOK)"}, "chauthtok:20", NULL},
    {"a session may be opened again when it was closed",
     {"open_session", "close_session", "open_session", "close_session"},
     "open_session:0 close_session:0 open_session:0 close_session:0",
     NULL},
    {"case matters", {"Authenticate"}, NULL, "there is none of that name"},
    {"an empty word is none", {""}, NULL, "there is none of that name"},
    {"delete_cred is no function of PAM's", {"delete_cred"}, NULL, "there is none of that name"},
    {"steps without modules are none", {"groups"}, NULL, "there is none of that name"},
    {"flags have names", {"setcred(4)"}, NULL, "not flags that PAM has"},
    {"no flag is none", {"setcred()"}, NULL, "not flags that PAM has"},
    {"flags end in a bracket", {"setcred(PAM_SILENT"}, NULL, "not flags that PAM has"},
    {"nothing follows the bracket", {"setcred(PAM_SILENT)x"}, NULL, "not flags that PAM has"},
    {"no bar is the last", {"setcred(PAM_SILENT|)"}, NULL, "not flags that PAM has"},
    {"a close needs an open",
     {"close_session"},
     NULL,
     "needs an open_session before it: it would close what another process opened"},
    {"one open needs one close",
     {"open_session", "close_session", "close_session"},
     NULL,
     "needs an open_session before it: it would close what another process opened"},
    {"an open session is not opened",
     {"open_session", "open_session"},
     NULL,
     "the session is open already: close_session comes before another one"},
};

static void words_mean_these_operations(void **state)
{
    const struct operations_case *row = *state;
    char *words[WORDS_MAX + 1] = {NULL}, found[256] = "", message[256];
    struct operations operations;
    struct error error = {.message = ""};
    enum result result;

    for (size_t at = 0; at < WORDS_MAX && row->words[at] != NULL; at++)
        words[at] = (char *)row->words[at];
    result = operations_parse(&operations, words, &error);
    if (row->found == NULL) {
        assert_failed(result, &error, STATUS_USAGE, STEP_OPTIONS);
        assert_non_null(strstr(error.message, row->problem));
        (void)snprintf(message, sizeof message, "operation '");
        assert_memory_equal(error.message, message, strlen(message));
        return;
    }
    assert_int_equal(result, OK);
    for (size_t at = 0, length = 0; at < operations.count; at++, length = strlen(found))
        (void)snprintf(found + length, sizeof found - length, "%s%s:%x", at > 0 ? " " : "",
                       step_name(operations.list[at].step), (unsigned)operations.list[at].flags);
    assert_string_equal(found, row->found);
}

static void a_run_has_six_and_a_delegates_has_five(void **state)
{
    struct operations operations;

    (void)state;
    operations_of_run(&operations, true);
    assert_int_equal(operations.count, 6);
    assert_int_equal(operations.list[0].step, STEP_AUTHENTICATE);
    assert_int_equal(operations.list[5].step, STEP_DELETE_CREDENTIALS);
    assert_int_equal(operations.list[5].flags, PAM_DELETE_CRED | PAM_SILENT);
    assert_true(operations_have(&operations, STEP_OPEN_SESSION));
    assert_false(operations_have(&operations, STEP_CHAUTHTOK));
    operations_of_run(&operations, false);
    assert_int_equal(operations.count, 5);
    assert_int_equal(operations.list[0].step, STEP_ACCOUNT);
}

static void there_are_not_more_than_there_is_room_for(void **state)
{
    char word[] = "authenticate", *words[OPERATIONS_MAX + 2] = {NULL};
    struct operations operations;
    struct error error;

    (void)state;
    for (size_t at = 0; at < OPERATIONS_MAX; at++)
        words[at] = word;
    assert_int_equal(operations_parse(&operations, words, &error), OK);
    assert_int_equal(operations.count, OPERATIONS_MAX);
    words[OPERATIONS_MAX] = word;
    assert_failed(operations_parse(&operations, words, &error), &error, STATUS_USAGE, STEP_OPTIONS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(a_run_has_six_and_a_delegates_has_five),
                                              cmocka_unit_test(there_are_not_more_than_there_is_room_for)};
    static struct suite suite;

    ADD_ROWS(&suite, words_mean_these_operations, cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("ctl_operations", suite.tests, NULL, NULL);
}
