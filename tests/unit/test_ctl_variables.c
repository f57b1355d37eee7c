/* A session's environment, written for a shell, a program, a batch system. */
#include "ctl/variables.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char left_out[256];

static void note(const char *name, const char *why)
{
    size_t length = strlen(left_out);

    (void)snprintf(left_out + length, sizeof left_out - length, "%s: %s\n", name, why);
}

static const struct variables_case {
    const char *sentence;
    enum variables_format format;
    const char *item, *written, *left_out;
} cases[] = {
    {"sh: a plain value", VARIABLES_SH, "A=b", "export A='b'\n", ""},
    {"sh: quotes, dollars and new lines are the value's", VARIABLES_SH, "A=it's $(x)\n`y`\\",
     "export A='it'\\''s $(x)\n`y`\\'\n", ""},
    {"sh: an empty value", VARIABLES_SH, "A=", "export A=''\n", ""},
    {"sh: a value with an =", VARIABLES_SH, "A=b=c", "export A='b=c'\n", ""},
    {"sh: a name that would be a command", VARIABLES_SH, "A;reboot=1", "",
     "A;reboot: a shell has no variable of that name\n"},
    {"a name that begins with a digit is none, environment.c", VARIABLES_SH, "1A=1", "", ""},
    {"nor is one with a new line", VARIABLES_SH, "A\nB=1", "", ""},
    {"slurm-task: no quotes", VARIABLES_SLURM_TASK, "A=it's b", "export A=it's b\n", ""},
    {"slurm-task: a second line would be another instruction", VARIABLES_SLURM_TASK, "A=b\nunset C", "",
     "A: a TaskProlog cannot print a value of several lines\n"},
    {"nor one with a blank", VARIABLES_SLURM_TASK, "A B=1", "", ""},
    {"slurm-task: the job has a PATH of its own", VARIABLES_SLURM_TASK, "PATH=/x", "", ""},
    {"sh: PATH is one of them", VARIABLES_SH, "PATH=/x", "export PATH='/x'\n", ""},
    {"json: everything can be said", VARIABLES_JSON, "A-b=\"\n\x01", "{\"A-b\":\"\\\"\\n\\u0001\"}\n", ""},
    {"json: bytes that are no text are made visible", VARIABLES_JSON, "A=\xff", "{\"A\":\"\\\\377\"}\n", ""},
    {"nor one that is no text", VARIABLES_JSON, "\xff=1", "{}\n", ""},
    {"json: nothing is an object, too", VARIABLES_JSON, "LD_PRELOAD=/x", "{}\n", ""},
    {"what loaders obey is never written", VARIABLES_SH, "LD_PRELOAD=/x", "", ""},
    {"nor what shells obey", VARIABLES_SLURM_TASK, "BASH_ENV=/x", "", ""},
    {"nor who somebody is", VARIABLES_SH, "HOME=/x", "", ""},
    {"what is no variable is none", VARIABLES_SH, "A", "", ""},
};

static void it_is_written_so(void **state)
{
    const struct variables_case *row = *state;
    char *items[] = {(char *)row->item, NULL}, *written = NULL;
    size_t length;
    FILE *out = open_memstream(&written, &length);

    left_out[0] = '\0';
    assert_non_null(out);
    assert_true(variables_write(out, row->format, items, note));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(written, row->written);
    assert_string_equal(left_out, row->left_out);
    free(written);
}

static void nul_ends_each(void **state)
{
    static const char expected[] = "A=1\nx\0B=\0";
    char a[] = "A=1\nx", b[] = "B=", *items[] = {a, b, NULL}, *written = NULL;
    size_t length;
    FILE *out = open_memstream(&written, &length);

    (void)state;
    assert_true(variables_write(out, VARIABLES_NUL, items, note));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(length, sizeof expected - 1);
    assert_memory_equal(written, expected, length);
    free(written);
}

static void formats_have_names(void **state)
{
    enum variables_format format = VARIABLES_SH;

    (void)state;
    assert_true(variables_format_parse("slurm-task", &format));
    assert_int_equal(format, VARIABLES_SLURM_TASK);
    assert_false(variables_format_parse("slurm", &format));
    assert_false(variables_format_parse("", &format));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(nul_ends_each), cmocka_unit_test(formats_have_names)};
    static struct suite suite;

    ADD_ROWS(&suite, it_is_written_so, cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("ctl_variables", suite.tests, NULL, NULL);
}
