#include "base/log.h"

#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- bodies ---- */

static int say(const void *text)
{
    log_say("%s", (const char *)text);
    return 0;
}

static int say_hint(const void *text)
{
    log_hint(text);
    return 0;
}

static int say_for_module(const void *text)
{
    log_say_module(text);
    return 0;
}

static void on_pipe(int number)
{
    (void)number;
}

static int say_to_nobody(const void *text)
{
    int nobody[2];

    (void)signal(SIGPIPE, on_pipe); /* caught from the first moment of a run on */
    if (pipe(nobody) < 0 || dup2(nobody[1], STDERR_FILENO) < 0 || close(nobody[0]) < 0)
        return 1;
    return say(text) + say_for_module(text);
}

static int record_and_say(const void *text)
{
    log_record(7, "%s", (const char *)text); /* debug, so that few keep it */
    return 0;
}

/* ---- cases ---- */

static const struct said {
    const char *sentence;
    task *body;
    const char *text;
    const char *errors;
} said[] = {
    {"a message stands behind the program's name", say, "what: why", "pamrun: what: why\n"},
    {"an empty message is a line", say, "", "pamrun: \n"},
    {"a message is no format", say, "100%s %n", "pamrun: 100%s %n\n"},
    {"a message keeps its lines", say, "a\n\tb", "pamrun: a\n\tb\n"},
    {"control characters in a message are made visible", say, "\033[31m\rx\177", "pamrun: \\033[31m\\015x\\177\n"},
    {"a message may be UTF-8", say, "h\303\274tte", "pamrun: h\303\274tte\n"},
    {"a hint stands behind that word", say_hint, "try %s\n\033", "hint: try %s\n\\033\n"},
    {"a module's text stands alone", say_for_module, "Your mail: 3", "Your mail: 3\n"},
    {"a module's text keeps its lines", say_for_module, "a\nb\tc", "a\nb\tc\n"},
    {"control characters of a module are made visible", say_for_module, "\033]0;x\007", "\\033]0;x\\007\n"},
    {"C1 control characters are made visible", say_for_module, "\302\2333m", "\\302\\2333m\n"},
    {"broken bytes are made visible", say_for_module, "a\377b", "a\\377b\n"},
    {"nothing is written on a record", record_and_say, "unit test", ""},
};

static void is_said_on_standard_error_only(void **state)
{
    const struct said *row = *state;
    struct ran ran;

    run(&ran, row->body, row->text, 5000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.errors, row->errors);
    assert_string_equal(ran.output, "");
}

static void long_text_is_cut_and_stays_one_line(void **state)
{
    task *const bodies[] = {say, say_hint, say_for_module};
    static char text[9000];
    struct ran ran;

    (void)state;
    for (size_t at = 0; at < sizeof text - 1; at++)
        text[at] = at % 2 == 0 ? '\033' : 'a';
    for (size_t at = 0; at < COUNT(bodies); at++) {
        run(&ran, bodies[at], text, 5000);
        assert_int_equal(ran.status, 0);
        assert_int_equal(lines_of(ran.errors), 1);
        assert_true(text_is_harmless(ran.errors, true));
        assert_string_equal(ran.errors + strlen(ran.errors) - 4, "...\n");
    }
}

static void a_reader_that_has_gone_is_no_error(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, say_to_nobody, "is anybody there?", 5000);
    assert_int_equal(ran.status, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_text_is_cut_and_stays_one_line),
        cmocka_unit_test(a_reader_that_has_gone_is_no_error),
    };
    static struct suite suite;

    ADD_ROWS(&suite, is_said_on_standard_error_only, said);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("log", suite.tests, NULL, NULL);
}
