#include "share/lease.h"
#include "share/state.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- names of leases ---- */

static void a_lease_has_a_name_that_says_all(void **state)
{
    const struct lease lease = {.pid = 4711, .start = 18446744073709551615ULL};
    struct lease again;
    char path[LEASE_NAME_MAX];

    (void)state;
    lease_path(&lease, path, sizeof path);
    assert_string_equal(path, "leases/4711.18446744073709551615");
    assert_true(lease_parse(&again, path + strlen("leases/")));
    assert_int_equal(again.pid, lease.pid);
    assert_true(again.start == lease.start);
}

static void what_is_no_lease_is_none(void **state)
{
    static const char *const names[] = {
        "",     ".",    "..",   "1",    "1.",  ".1",   "a.1",  "1.a",   "1.1a",          "-1.1",
        "+1.1", "1.-1", " 1.1", "1. 1", "0.1", "1.1 ", "@job", "1.1.1", "99999999999.1", "1.18446744073709551616"};
    struct lease lease;

    (void)state;
    for (size_t at = 0; at < COUNT(names); at++)
        if (lease_parse(&lease, names[at]))
            fail_msg("'%s' is taken for a lease", names[at]);
}

static void we_live_and_nobody_else_has_our_lease(void **state)
{
    struct lease lease;
    int fd;

    (void)state;
    assert_true(lease_of_self(&lease));
    fd = lease_watch(&lease);
    assert_true(fd >= 0);
    (void)close(fd);
    lease.start++;
    assert_int_equal(lease_watch(&lease), -1);
    assert_false(lease_of_process(&lease, 0x7ffffffe));
    lease.pid = 0x7ffffffe;
    assert_int_equal(lease_watch(&lease), -1);
}

static void names_of_holds(void **state)
{
    char longest[HOLD_ID_MAX + 2];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[HOLD_ID_MAX] = '\0';
    assert_true(hold_id_is_valid(longest));
    longest[HOLD_ID_MAX] = 'x';
    longest[HOLD_ID_MAX + 1] = '\0';
    assert_false(hold_id_is_valid(longest));
    assert_true(hold_id_is_valid("1234"));
    assert_true(hold_id_is_valid("a.b_c:d@e+f-g"));
    assert_true(hold_id_is_valid("-"));
    assert_false(hold_id_is_valid(""));
    assert_false(hold_id_is_valid(".a"));
    assert_false(hold_id_is_valid("a/b"));
    assert_false(hold_id_is_valid("a b"));
    assert_false(hold_id_is_valid("a\n"));
    assert_false(hold_id_is_valid("\xc6\x92"));
}

/* ---- the state file ---- */

static void a_state_is_read_as_it_was_written(void **unused)
{
    struct state state = {.word = STATE_OPEN,
                          .keeper = 12,
                          .boot = "5d6c",
                          .since = 1795406115,
                          .account = "DOM\\alice smith\nroot",
                          .used_password = true,
                          .reopened = 3,
                          .refreshed = 4,
                          .last_refresh = "ok",
                          .context = (char *)"umask 0027\nnice 5\n"};
    struct state again;
    size_t length;
    char *text;

    (void)unused;
    assert_true(strv_add(&state.environment, "A=b\\n\nstate closing\n"));
    assert_true(strv_add(&state.environment, "EMPTY="));
    text = state_format(&state, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    assert_true(state_parse(&again, text));
    free(text);
    assert_int_equal(again.word, STATE_OPEN);
    assert_int_equal(again.keeper, 12);
    assert_string_equal(again.boot, "5d6c");
    assert_true(again.since == state.since);
    assert_string_equal(again.account, state.account);
    assert_true(again.used_password);
    assert_int_equal(again.reopened, 3);
    assert_int_equal(again.refreshed, 4);
    assert_string_equal(again.last_refresh, "ok");
    assert_int_equal(again.environment.count, 2);
    assert_string_equal(again.environment.items[0], "A=b\\n\nstate closing\n");
    assert_string_equal(again.environment.items[1], "EMPTY=");
    assert_string_equal(again.context, state.context);
    strv_free(&state.environment);
    state_free(&again);
}

static void what_is_no_state_is_none(void **unused)
{
    static const char *const texts[] = {
        "",
        "\n",
        "pamrun-session 1\n",
        "pamrun-session 2\nstate open\nkeeper 1\n",
        "pamrun-session 1\nstate open\n",
        "pamrun-session 1\nkeeper 1\n",
        "pamrun-session 1\nstate none\nkeeper 1\n",
        "pamrun-session 1\nstate open\nkeeper 0\n",
        "pamrun-session 1\nstate open\nkeeper -1\n",
        "pamrun-session 1\nstate open\nkeeper 2147483648\n",
        "pamrun-session 1\nstate open\nkeeper 1\nunknown 1\n",
        "pamrun-session 1\nstate open\nkeeper 1\nvariable A\n",
        "pamrun-session 1\nstate open\nkeeper 1\nvariable A=\\x\n",
        "pamrun-session 1\nstate open\nkeeper 1\nvariable A=\\\n",
        "pamrun-session 1\nstate open\nkeeper 1\npassword maybe\n",
        "pamrun-session 1\nstate open\nkeeper 1\nsince x\n",
        "pamrun-session 1\nstate open\nkeeper 1\nstate\n",
        "state open\nkeeper 1\n",
    };

    (void)unused;
    for (size_t at = 0; at < COUNT(texts); at++) {
        char *text = strdup(texts[at]);
        struct state state;

        assert_non_null(text);
        if (state_parse(&state, text))
            fail_msg("taken for a state: %s", texts[at]);
        state_free(&state);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_has_a_name_that_says_all),      cmocka_unit_test(what_is_no_lease_is_none),
        cmocka_unit_test(we_live_and_nobody_else_has_our_lease), cmocka_unit_test(names_of_holds),
        cmocka_unit_test(a_state_is_read_as_it_was_written),     cmocka_unit_test(what_is_no_state_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
