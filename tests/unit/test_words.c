#include "base/words.h"

#include "memory.h"
#include "support.h"

#include <string.h>

enum { WORDS_MAX = 6 };

static const struct list_case {
    const char *sentence;
    const char *text;
    const char *words[WORDS_MAX];
    const char *problem; /* a part of it; NULL: there is none */
} lists[] = {
    {"nothing has no word", "", {NULL}, NULL},
    {"blanks have none", " \t ", {NULL}, NULL},
    {"commas have none", " ,, ", {NULL}, NULL},
    {"blanks stand between words", "a b\tc", {"a", "b", "c"}, NULL},
    {"commas stand between words", "a,b , c", {"a", "b", "c"}, NULL},
    {"quotes keep blanks and commas", "\"a b\" \"c,d\"", {"a b", "c,d"}, NULL},
    {"a comma may touch quotes", "\"a\",\"b\"", {"a", "b"}, NULL},
    {"quotes may hold nothing", "\"\"", {""}, NULL},
    {"in quotes a backslash keeps quotes", "\"a\\\"b\"", {"a\"b"}, NULL},
    {"in quotes a backslash keeps a backslash", "\"a\\\\\"", {"a\\"}, NULL},
    {"a quoted backslash does not keep the quote behind it", "\"\\\\\" b", {"\\", "b"}, NULL},
    {"outside of quotes a backslash is ordinary", "a\\b \\", {"a\\b", "\\"}, NULL},
    {"quotes may hold a #", "\"#a\"", {"#a"}, NULL},
    {"a ; is ordinary", "a,;b", {"a", ";b"}, NULL},
    {"a # inside a word is ordinary", "a#b", {"a#b"}, NULL},
    {"single quotes are ordinary", "'a b'", {"'a", "b'"}, NULL},
    {"quotes need an end", "\"a", {NULL}, "not closed"},
    {"a quote alone needs an end", "\"", {NULL}, "not closed"},
    {"a kept quote is no end", "\"a\\\"", {NULL}, "not closed"},
    {"a backslash at the end is refused", "\"a\\", {NULL}, "backslash"},
    {"in quotes a backslash keeps nothing else", "\"a\\n\"", {NULL}, "backslash"},
    {"nothing stands right behind quotes", "\"a\"b", {NULL}, "right behind"},
    {"no quotes stand right behind quotes", "\"a\"\"b\"", {NULL}, "right behind"},
    {"no quotes stand inside a word", "a\"b\"", {NULL}, "inside a word"},
    {"a comment is refused", "a #b", {NULL}, "line of its own"},
    {"a comment at the start is refused", "#a", {NULL}, "line of its own"},
};

static void words_are_these(void **state)
{
    const struct list_case *row = *state;
    struct strv list = {0};
    const char *problem = "";
    size_t count = 0;

    assert_int_equal(words_split(&list, row->text, &problem), row->problem == NULL);
    if (row->problem != NULL) {
        assert_non_null(problem);
        assert_non_null(strstr(problem, row->problem));
    } else {
        for (; row->words[count] != NULL; count++) {
            assert_true(count < list.count);
            assert_string_equal(list.items[count], row->words[count]);
        }
        assert_int_equal(list.count, count);
    }
    strv_free(&list);
}

static void words_are_joined_as_they_can_be_split(void **state)
{
    const struct list_case *row = *state;
    struct strv list = {0}, again = {0};
    const char *problem;
    char text[128];

    for (size_t at = 0; row->words[at] != NULL; at++)
        assert_true(strv_add(&list, row->words[at]));
    words_join(text, sizeof text, &list);
    assert_true(words_split(&again, text, &problem));
    assert_int_equal(again.count, list.count);
    for (size_t at = 0; at < list.count; at++)
        assert_string_equal(again.items[at], list.items[at]);
    strv_free(&list);
    strv_free(&again);
}

/* " ;" would begin a comment, settings.h. */
static void a_semicolon_at_a_words_start_is_joined_in_quotes(void **state)
{
    struct strv list = {0};
    char text[16];

    (void)state;
    assert_true(strv_add(&list, "a") && strv_add(&list, ";b"));
    words_join(text, sizeof text, &list);
    assert_string_equal(text, "a \";b\"");
    strv_free(&list);
}

static void what_does_not_fit_is_cut(void **state)
{
    struct strv list = {0};
    char text[16];

    (void)state;
    assert_true(strv_add(&list, "abcdefg") && strv_add(&list, "h"));
    words_join(text, 10, &list);
    assert_string_equal(text, "abcdefg h");
    words_join(text, 9, &list);
    assert_string_equal(text, "abcde...");
    words_join(text, 8, &list);
    assert_string_equal(text, "abcd...");
    strv_free(&list);
}

static void without_memory_there_is_no_problem_in_words(void **state)
{
    struct strv list = {0};
    const char *problem = "";

    (void)state;
    for (memory_left = 0; memory_left < 3; memory_left++) {
        long left = memory_left;

        assert_false(words_split(&list, "a b", &problem));
        assert_null(problem);
        strv_free(&list);
        memory_left = left;
    }
    memory_left = -1;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_semicolon_at_a_words_start_is_joined_in_quotes),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(without_memory_there_is_no_problem_in_words),
    };
    static struct suite suite;

    ADD_ROWS(&suite, words_are_these, lists);
    ADD_ROWS(&suite, words_are_joined_as_they_can_be_split, lists);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("words", suite.tests, NULL, NULL);
}
