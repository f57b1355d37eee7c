#include "base/number.h"

#include "support.h"

static const struct number_case {
    const char *sentence;
    const char *text;
    uint32_t maximum;
    bool is_one;
    uint32_t number;
} numbers[] = {
    {"0 is a number", "0", 9, true, 0},
    {"the maximum is one", "9", 9, true, 9},
    {"what is above is none", "10", 9, false, 0},
    {"4294967295 is one", "4294967295", UINT32_MAX, true, UINT32_MAX},
    {"4294967296 is none", "4294967296", UINT32_MAX, false, 0},
    {"9999999999 is none", "9999999999", UINT32_MAX, false, 0},
    {"2^64 is none", "18446744073709551616", UINT32_MAX, false, 0},
    {"ten digits are enough", "0000000007", 9, true, 7},
    {"eleven are too many", "00000000007", 9, false, 0},
    {"nothing is none", "", 9, false, 0},
    {"a sign is none", "-", 9, false, 0},
    {"minus is no part of one", "-1", 9, false, 0},
    {"plus is no part of one", "+1", 9, false, 0},
    {"a blank before is no part of one", " 1", 9, false, 0},
    {"a blank behind is no part of one", "1 ", 9, false, 0},
    {"hexadecimal is none", "0x7", 9, false, 0},
    {"a point is no part of one", "1.0", 9, false, 0},
};

static void number_is_this(void **state)
{
    const struct number_case *row = *state;
    uint32_t number = 77;

    assert_int_equal(number_parse(row->text, row->maximum, &number), row->is_one);
    assert_int_equal(number, row->is_one ? row->number : 77);
}

static const struct seconds_case {
    const char *sentence;
    const char *text;
    int milliseconds; /* -1: none */
} seconds[] = {
    {"one second", "1", 1000},
    {"a thousandth is the least", "0.001", 1},
    {"one decimal is tenths", "0.5", 500},
    {"two decimals are hundredths", "1.05", 1050},
    {"a day is the most", "86400", 86400000},
    {"a day and no decimals is the most", "86400.000", 86400000},
    {"more than a day is none", "86400.001", -1},
    {"nothing is none", "", -1},
    {"0 is none", "0", -1},
    {"0.000 is none", "0.000", -1},
    {"four decimals are none", "0.0010", -1},
    {"no decimals behind a point are none", "1.", -1},
    {"no digits before a point are none", ".5", -1},
    {"two points are none", "1.2.3", -1},
    {"a sign is none", "-1", -1},
    {"a sign behind the point is none", "1.-5", -1},
    {"a comma is none", "1,5", -1},
    {"an exponent is none", "1e1", -1},
    {"many digits are none", "00000001", -1},
};

static void seconds_are_this(void **state)
{
    const struct seconds_case *row = *state;
    int milliseconds = -1;

    assert_int_equal(seconds_parse(row->text, &milliseconds), row->milliseconds > 0);
    assert_int_equal(milliseconds, row->milliseconds);
}

static const struct duration_case {
    const char *text;
    int64_t seconds; /* -1: none */
} durations[] = {
    {"1", 1},
    {"90", 90},
    {"1s", 1},
    {"90m", 5400},
    {"26h", 93600},
    {"366d", 31622400},
    {"31622400", 31622400},
    {"367d", -1},
    {"31622401", -1},
    {"0", -1},
    {"0h", -1},
    {"", -1},
    {"h", -1},
    {"1w", -1},
    {"1.5h", -1},
    {"-1h", -1},
    {"1 h", -1},
    {"1hh", -1},
    {"1h ", -1},
    {"99999999999999", -1},
};

static void durations_are_this(void **state)
{
    const struct duration_case *row = *state;
    uint32_t got = 0;

    assert_int_equal(duration_parse(row->text, &got), row->seconds > 0);
    if (row->seconds > 0)
        assert_int_equal(got, row->seconds);
}

int main(void)
{
    static struct suite suite;

    ADD_ROWS(&suite, number_is_this, numbers);
    ADD_ROWS(&suite, seconds_are_this, seconds);
    ADD_ROWS(&suite, durations_are_this, durations);
    return cmocka_run_group_tests_name("number", suite.tests, NULL, NULL);
}
