#include "base/strv.h"

#include "memory.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_holds(const struct strv *strv, const char *const *expected, size_t count)
{
    assert_int_equal(strv->count, count);
    for (size_t at = 0; at < count; at++)
        assert_string_equal(strv->items[at], expected[at]);
    if (count > 0)
        assert_null(strv->items[count]);
}

#define ASSERT_HOLDS(strv, ...)                                                                                        \
    assert_holds((strv), (const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

static void an_empty_array_is_an_array_all_the_same(void **state)
{
    struct strv strv = {0};

    (void)state;
    assert_non_null(strv_items(&strv));
    assert_null(strv_items(&strv)[0]);
    assert_null(strv_get(strv.items, "A"));
    assert_int_equal(strv.count, 0);
    strv_free(&strv);
}

static void what_is_added_is_copied_and_kept_in_order(void **state)
{
    struct strv strv = {0};
    char item[] = "A=1";

    (void)state;
    assert_true(strv_add(&strv, item));
    item[2] = '2';
    assert_true(strv_add(&strv, item));
    assert_true(strv_add(&strv, ""));
    assert_true(strv_add(&strv, "no name"));
    ASSERT_HOLDS(&strv, "A=1", "A=2", "", "no name");
    assert_ptr_equal(strv_items(&strv), strv.items);
    strv_free(&strv);
}

static void an_option_comes_with_its_value_or_not_at_all(void **state)
{
    struct strv strv = {0};

    (void)state;
    assert_true(strv_add_pair(&strv, "--a", NULL));
    assert_true(strv_add_pair(&strv, "--b", ""));
    assert_true(strv_add_pair(&strv, "--c", "1"));
    ASSERT_HOLDS(&strv, "--b", "", "--c", "1");
    strv_free(&strv);
}

static void it_grows_and_stays_terminated(void **state)
{
    struct strv strv = {0};
    char item[16];

    (void)state;
    for (size_t at = 0; at < 300; at++) {
        (void)snprintf(item, sizeof item, "N%zu=%zu", at, at);
        assert_true(strv_add(&strv, item));
        assert_int_equal(strv_length(strv.items), at + 1);
        assert_true(strv.count < strv.room);
    }
    assert_string_equal(strv_get(strv.items, "N0"), "0");
    assert_string_equal(strv_get(strv.items, "N299"), "299");
    strv_free(&strv);
    assert_null(strv.items);
    assert_int_equal(strv.count, 0);
}

static void setting_a_new_name_adds_it(void **state)
{
    struct strv strv = {0};

    (void)state;
    assert_true(strv_set(&strv, "A", "1"));
    assert_true(strv_set(&strv, "B", ""));
    assert_true(strv_set(&strv, "C", "x=y"));
    ASSERT_HOLDS(&strv, "A=1", "B=", "C=x=y");
    strv_free(&strv);
}

static void setting_a_name_again_replaces_it_in_its_place(void **state)
{
    struct strv strv = {0};

    (void)state;
    assert_true(strv_set(&strv, "A", "1"));
    assert_true(strv_set(&strv, "B", "2"));
    assert_true(strv_set(&strv, "A", "a longer value"));
    ASSERT_HOLDS(&strv, "A=a longer value", "B=2");
    strv_free(&strv);
}

static void a_name_is_not_taken_for_a_longer_or_shorter_one(void **state)
{
    struct strv strv = {0};

    (void)state;
    assert_true(strv_add(&strv, "PATHX=1"));
    assert_true(strv_add(&strv, "PAT=2"));
    assert_true(strv_add(&strv, "PATH"));
    assert_null(strv_get(strv.items, "PATH"));
    assert_true(strv_set(&strv, "PATH", "3"));
    ASSERT_HOLDS(&strv, "PATHX=1", "PAT=2", "PATH", "PATH=3");
    strv_free(&strv);
}

static void the_first_of_two_entries_is_found(void **state)
{
    char *items[] = {(char *)"A", (char *)"A=1", (char *)"A=2", (char *)"E=", (char *)"V=a=b", NULL};

    (void)state;
    assert_string_equal(strv_get(items, "A"), "1");
    assert_string_equal(strv_get(items, "E"), "");
    assert_string_equal(strv_get(items, "V"), "a=b");
    assert_null(strv_get(items, "B"));
    assert_null(strv_get(NULL, "A"));
}

static void an_emptied_array_can_be_filled_again(void **state)
{
    struct strv strv = {0};

    (void)state;
    assert_true(strv_set(&strv, "B", "2"));
    ASSERT_HOLDS(&strv, "B=2");
    strv_free(&strv);
    assert_true(strv_add(&strv, "C=3"));
    ASSERT_HOLDS(&strv, "C=3");
    strv_free(&strv);
}

static void the_length_counts_to_the_end(void **state)
{
    char *items[] = {(char *)"a", (char *)"b", NULL, (char *)"c"};

    (void)state;
    assert_int_equal(strv_length(items), 2);
    assert_int_equal(strv_length(items + 2), 0);
    assert_int_equal(strv_length(NULL), 0);
}

/* At each size: just before the array would have to grow, and elsewhere. */
static void without_memory_the_array_is_as_it_was(void **state)
{
    (void)state;
    for (size_t filled = 0; filled < 40; filled++) {
        struct strv strv = {0};
        bool added, set, replaced;

        for (size_t at = 0; at < filled; at++)
            assert_true(strv_add(&strv, "A=1"));
        memory_left = 0;
        added = strv_add(&strv, "B=2");
        set = strv_set(&strv, "B", "2");
        replaced = strv_set(&strv, "A", "2");
        memory_left = -1;
        assert_false(added || set || replaced);
        assert_int_equal(strv_length(strv.items), filled);
        if (filled > 0)
            assert_string_equal(strv_get(strv.items, "A"), "1");
        strv_free(&strv);
    }
}

static void what_cannot_be_stored_is_not_lost(void **state)
{
    struct strv strv = {0};
    bool added, set;

    (void)state;
    memory_left = 1; /* the copy can be had, the room not: a leak would be seen by the sanitizer */
    added = strv_add(&strv, "A=1");
    memory_left = 1;
    set = strv_set(&strv, "A", "1");
    memory_left = -1;
    assert_false(added || set);
    assert_null(strv_items(&strv)[0]);
    strv_free(&strv);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_array_is_an_array_all_the_same),
        cmocka_unit_test(what_is_added_is_copied_and_kept_in_order),
        cmocka_unit_test(an_option_comes_with_its_value_or_not_at_all),
        cmocka_unit_test(it_grows_and_stays_terminated),
        cmocka_unit_test(setting_a_new_name_adds_it),
        cmocka_unit_test(setting_a_name_again_replaces_it_in_its_place),
        cmocka_unit_test(a_name_is_not_taken_for_a_longer_or_shorter_one),
        cmocka_unit_test(the_first_of_two_entries_is_found),
        cmocka_unit_test(an_emptied_array_can_be_filled_again),
        cmocka_unit_test(the_length_counts_to_the_end),
        cmocka_unit_test(without_memory_the_array_is_as_it_was),
        cmocka_unit_test(what_cannot_be_stored_is_not_lost),
    };

    return cmocka_run_group_tests_name("strv", tests, NULL, NULL);
}
