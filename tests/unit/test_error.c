#include "base/error.h"

#include "support.h"

#include <string.h>

/* ---- steps ---- */

static const struct named_step {
    const char *name;
    enum step step;
    bool calls_modules;
} named_steps[] = {
    {"options", STEP_OPTIONS, false},
    {"policy", STEP_POLICY, false},
    {"identity", STEP_IDENTITY, false},
    {"profile", STEP_PROFILE, false},
    {"start", STEP_START, false},
    {"authenticate", STEP_AUTHENTICATE, true},
    {"acct_mgmt", STEP_ACCOUNT, true},
    {"chauthtok", STEP_CHAUTHTOK, true},
    {"groups", STEP_GROUPS, false},
    {"share", STEP_SHARE, false},
    {"setcred", STEP_CREDENTIALS, true},
    {"open_session", STEP_OPEN_SESSION, true},
    {"command", STEP_COMMAND, false},
    {"close_session", STEP_CLOSE_SESSION, true},
    {"delete_cred", STEP_DELETE_CREDENTIALS, true},
    {"end", STEP_END, false},
};

static void every_step_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(COUNT(named_steps), STEP_COUNT);
    for (size_t at = 0; at < COUNT(named_steps); at++)
        assert_string_equal(step_name(named_steps[at].step), named_steps[at].name);
}

static void a_number_that_is_no_step_has_a_name_all_the_same(void **state)
{
    (void)state;
    assert_string_equal(step_name(STEP_COUNT), "unknown");
    assert_string_equal(step_name((enum step)1000), "unknown");
}

static void steps_that_call_modules_are_found_by_name_and_no_others(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(named_steps); at++) {
        enum step found = STEP_COUNT;

        assert_int_equal(step_from_name(named_steps[at].name, &found), named_steps[at].calls_modules);
        assert_int_equal(found, named_steps[at].calls_modules ? named_steps[at].step : STEP_COUNT);
    }
}

static void a_step_is_found_by_its_whole_name_only(void **state)
{
    static const char *const wrong[] = {"",       "auth",   "authenticate ", "AUTHENTICATE", "pam_authenticate",
                                        "setcre", "unknown"};
    enum step found = STEP_COUNT;

    (void)state;
    for (size_t at = 0; at < COUNT(wrong); at++)
        assert_false(step_from_name(wrong[at], &found));
    assert_int_equal(found, STEP_COUNT);
}

/* ---- failures ---- */

static const struct fault {
    const char *sentence;
    int status;
    enum failure_class class;
} faults[] = {
    {"usage is the node's fault: a hook is written wrong", STATUS_USAGE, CLASS_NODE},
    {"a refusal is the user's fault", STATUS_REFUSED, CLASS_USER},
    {"a command that cannot run is the user's fault", STATUS_CANNOT_RUN, CLASS_USER},
    {"a command that is not there is the user's fault", STATUS_NOT_FOUND, CLASS_USER},
    {"a name that nobody resolves is the node's fault", STATUS_NO_USER, CLASS_NODE},
    {"a profile that cannot be used is the node's fault", STATUS_UNAVAILABLE, CLASS_NODE},
    {"a site policy that cannot be used is the node's fault", STATUS_POLICY, CLASS_NODE},
    {"a failing system is the node's fault", STATUS_SYSTEM, CLASS_NODE},
    {"a directory that does not answer is the node's", STATUS_TRY_AGAIN, CLASS_NODE},
    {"a signal that asked to stop is not the user's", STATUS_SIGNAL_BASE + 15, CLASS_NODE},
};

static void class_follows_from_the_status(void **state)
{
    const struct fault *fault = *state;
    struct error error;

    memset(&error, 'x', sizeof error);
    assert_int_equal((fail)(&error, STEP_GROUPS, fault->status, "%s: %d", "why", 7), FAILED);
    assert_int_equal(error.status, fault->status);
    assert_int_equal(error.class, fault->class);
    assert_int_equal(error.step, STEP_GROUPS);
    assert_int_equal(error.pam_code, 0);
    assert_string_equal(error.message, "why: 7");
    assert_string_equal(error.hint, "");
}

static void a_hint_leaves_the_failure_as_it_is(void **state)
{
    struct error error;

    (void)state;
    (void)(fail)(&error, STEP_PROFILE, STATUS_UNAVAILABLE, "what");
    assert_int_equal(fail_hint(&error, "do %s", "this"), FAILED);
    assert_string_equal(error.message, "what");
    assert_string_equal(error.hint, "do this");
    assert_int_equal(error.status, STATUS_UNAVAILABLE);
    assert_int_equal(error.step, STEP_PROFILE);
}

static void a_new_failure_forgets_the_old_hint_and_code(void **state)
{
    struct error error;

    (void)state;
    (void)(fail)(&error, STEP_PROFILE, STATUS_UNAVAILABLE, "what");
    (void)fail_hint(&error, "hint");
    error.pam_code = 7;
    (void)(fail)(&error, STEP_COMMAND, STATUS_SYSTEM, "other");
    assert_string_equal(error.hint, "");
    assert_int_equal(error.pam_code, 0);
}

static void a_message_that_is_too_long_is_cut_and_ended(void **state)
{
    struct error error;
    char text[4000];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)(fail)(&error, STEP_COMMAND, STATUS_SYSTEM, "%s", text);
    (void)fail_hint(&error, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_int_equal(strlen(error.hint), sizeof error.hint - 1);
    assert_int_equal(error.status, STATUS_SYSTEM);
}

static void want_of_memory_is_the_nodes_fault_and_names_the_step(void **state)
{
    struct error error;

    (void)state;
    assert_failed(fail_memory(&error, STEP_OPEN_SESSION), &error, STATUS_SYSTEM, STEP_OPEN_SESSION);
    assert_int_equal(error.class, CLASS_NODE);
    assert_string_equal(error.message, "open_session: out of memory");
}

static void success_and_failure_differ_in_every_bit(void **state)
{
    (void)state;
    assert_int_equal((unsigned)OK ^ (unsigned)FAILED, 0x7fffffff); /* the sign is neither's */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_has_a_name_of_its_own),
        cmocka_unit_test(a_number_that_is_no_step_has_a_name_all_the_same),
        cmocka_unit_test(steps_that_call_modules_are_found_by_name_and_no_others),
        cmocka_unit_test(a_step_is_found_by_its_whole_name_only),
        cmocka_unit_test(a_hint_leaves_the_failure_as_it_is),
        cmocka_unit_test(a_new_failure_forgets_the_old_hint_and_code),
        cmocka_unit_test(a_message_that_is_too_long_is_cut_and_ended),
        cmocka_unit_test(want_of_memory_is_the_nodes_fault_and_names_the_step),
        cmocka_unit_test(success_and_failure_differ_in_every_bit),
    };
    static struct suite suite;

    ADD_TESTS(&suite, tests);
    ADD_ROWS(&suite, class_follows_from_the_status, faults);
    return cmocka_run_group_tests_name("error", suite.tests, NULL, NULL);
}
