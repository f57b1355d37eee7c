#include "base/text.h"

#include "memory.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

/* ---- one text, three ways to write it ---- */

static const struct writing {
    const char *sentence;
    const char *text;
    const char *one_line, *many_lines, *json; /* NULL: as the text */
} writings[] = {
    {"plain text stays", "alice was here", NULL, NULL, NULL},
    {"nothing stays nothing", "", NULL, NULL, NULL},
    {"printable ASCII stays in one piece", " !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~", NULL, NULL, NULL},
    {"UTF-8 of two bytes stays", "h\303\274tte", NULL, NULL, NULL},
    {"UTF-8 of three bytes stays", "\342\202\254 5", NULL, NULL, NULL},
    {"UTF-8 of four bytes stays", "\360\237\231\202", NULL, NULL, NULL},
    {"the ends of two bytes stay", "\302\241 \337\277", NULL, NULL, NULL},
    {"the ends of three bytes stay", "\340\240\200 \342\200\200 \357\277\277", NULL, NULL, NULL},
    {"the ends of four bytes stay", "\360\220\200\200 \363\277\277\277", NULL, NULL, NULL},
    {"the first character behind C1 stays", "a\302\240b", NULL, NULL, NULL},
    {"the last character of Unicode stays", "\364\217\277\277", NULL, NULL, NULL},
    {"a directory user's backslash stays", "DOM\\alice", NULL, NULL, "DOM\\u005calice"},
    {"a quotation mark is JSON's alone", "a\"b", NULL, NULL, "a\\u0022b"},
    {"a new line is kept in many lines", "a\nb", "a\\012b", NULL, "a\\u000ab"},
    {"a tab is kept in many lines", "a\tb", "a\\011b", NULL, "a\\u0009b"},
    {"a carriage return is made visible", "a\rb", "a\\015b", "a\\015b", "a\\u000db"},
    {"escape is made visible", "\033[2J", "\\033[2J", "\\033[2J", "\\u001b[2J"},
    {"the first control character is visible", "\001", "\\001", "\\001", "\\u0001"},
    {"the last of C0 is made visible", "\037", "\\037", "\\037", "\\u001f"},
    {"backspace, bell, VT, FF are visible", "\b\a\v\f", "\\010\\007\\013\\014", "\\010\\007\\013\\014",
     "\\u0008\\u0007\\u000b\\u000c"},
    {"DEL is made visible", "x\177y", "x\\177y", "x\\177y", "x\\u007fy"},
    {"a control character before a digit is unambiguous", "\0011", "\\0011", "\\0011", "\\u00011"},
    {"the first of C1 is made visible", "\302\200", "\\302\\200", "\\302\\200", "\\ufffd\\ufffd"},
    {"CSI of C1 is made visible", "\302\2332J", "\\302\\2332J", "\\302\\2332J", "\\ufffd\\ufffd2J"},
    {"the last of C1 is made visible", "\302\237", "\\302\\237", "\\302\\237", "\\ufffd\\ufffd"},
    {"a bare C1 byte is made visible", "a\233b", "a\\233b", "a\\233b", "a\\ufffdb"},
    {"a byte that no UTF-8 has is visible", "\376\377", "\\376\\377", "\\376\\377", "\\ufffd\\ufffd"},
    {"a continuation alone is made visible", "\277x", "\\277x", "\\277x", "\\ufffdx"},
    {"a character cut by the end is visible", "a\342\202", "a\\342\\202", "a\\342\\202", "a\\ufffd\\ufffd"},
    {"a character cut by another is visible", "\303A", "\\303A", "\\303A", "\\ufffdA"},
    {"an overlong slash is made visible", "\300\257", "\\300\\257", "\\300\\257", "\\ufffd\\ufffd"},
    {"a longer overlong slash is visible", "\340\200\257", "\\340\\200\\257", "\\340\\200\\257",
     "\\ufffd\\ufffd\\ufffd"},
    {"the longest overlong slash is visible", "\360\200\200\257", "\\360\\200\\200\\257", "\\360\\200\\200\\257",
     "\\ufffd\\ufffd\\ufffd\\ufffd"},
    {"an overlong escape is made visible", "\301\233", "\\301\\233", "\\301\\233", "\\ufffd\\ufffd"},
    {"a surrogate is made visible", "\355\240\200", "\\355\\240\\200", "\\355\\240\\200", "\\ufffd\\ufffd\\ufffd"},
    {"the last before the surrogates stays", "\355\237\277", NULL, NULL, NULL},
    {"what is above Unicode is made visible", "\364\220\200\200", "\\364\\220\\200\\200", "\\364\\220\\200\\200",
     "\\ufffd\\ufffd\\ufffd\\ufffd"},
    {"a lead byte above Unicode is visible", "\365\200\200\200", "\\365\\200\\200\\200", "\\365\\200\\200\\200",
     "\\ufffd\\ufffd\\ufffd\\ufffd"},
};

static void assert_written(size_t length, const char *out, const char *text, const char *expected)
{
    assert_string_equal(out, expected != NULL ? expected : text);
    assert_int_equal(length, strlen(out));
}

static void is_written_so(void **state)
{
    const struct writing *row = *state;
    char out[256];

    assert_written(text_visible(out, sizeof out, row->text, TEXT_ONE_LINE), out, row->text, row->one_line);
    assert_written(text_visible(out, sizeof out, row->text, TEXT_MANY_LINES), out, row->text, row->many_lines);
    assert_written(text_json(out, sizeof out, row->text), out, row->text, row->json);
}

/* ---- in quotes, and words as a shell would take them ---- */

static const struct quoting {
    const char *sentence;
    const char *text, *expected;
} quotings[] = {
    {"a text stands in quotes", "id", "\"id\""},
    {"no text is empty quotes", "", "\"\""},
    {"blanks in a text stay", "no such user", "\"no such user\""},
    {"a single quote in a text stays", "it's", "\"it's\""},
    {"a quote in a text does not end the field", "x\" status=\"0", "\"x\\\" status=\\\"0\""},
    {"a backslash in a text is doubled", "DOM\\alice", "\"DOM\\\\alice\""},
    {"a backslash at the end of a text does not hide the quote", "x\\", "\"x\\\\\""},
    {"a backslash before a quote does not free it", "x\\\" y", "\"x\\\\\\\" y\""},
    {"quotes and backslashes in a row stay in order", "\"a\\b\"\\\"", "\"\\\"a\\\\b\\\"\\\\\\\"\""},
    {"new lines and tabs in a text are made visible", "a\nb\tc", "\"a\\012b\\011c\""},
    {"control characters in a text are made visible", "\033[0m\302\233", "\"\\033[0m\\302\\233\""},
    {"broken bytes before a quote are made visible", "\303\"\342\202\"", "\"\\303\\\"\\342\\202\\\"\""},
    {"UTF-8 in a text stays", "h\303\274tte \360\237\231\202", "\"h\303\274tte \360\237\231\202\""},
};

static void text_is_quoted_so(void **state)
{
    const struct quoting *row = *state;
    char out[256];

    assert_written(text_quoted(out, sizeof out, row->text), out, row->text, row->expected);
}

static const struct wording {
    const char *sentence;
    const char *words[6];
    const char *expected;
} wordings[] = {
    {"no words are empty quotes", {NULL}, "\"\""},
    {"words have blanks between them", {"ls", "-l", "/tmp"}, "\"ls -l /tmp\""},
    {"what a shell takes as it is, stays", {"a%b+c,d-e./f0:g=h@i_j"}, "\"a%b+c,d-e./f0:g=h@i_j\""},
    {"a word with a blank stands in single quotes", {"echo", "a b"}, "\"echo 'a b'\""},
    {"an empty word is seen", {"echo", "", "x"}, "\"echo '' x\""},
    {"one empty word is seen", {""}, "\"''\""},
    {"a word of a shell's signs stands in single quotes",
     {"a;b", "$x", "*", "~", "\043"},
     "\"'a;b' '$x' '*' '~' '\043'\""},
    {"a single quote in a word is one for a shell", {"a'b"}, "\"'a'\\\\''b'\""},
    {"single quotes at the ends are too", {"'a'"}, "\"''\\\\''a'\\\\'''\""},
    {"a double quote in a word does not end the field", {"x\" y"}, "\"'x\\\" y'\""},
    {"a backslash in a word is doubled", {"DOM\\alice"}, "\"'DOM\\\\alice'\""},
    {"new lines and tabs in words are made visible", {"a\nb", "\tc"}, "\"'a\\012b' '\\011c'\""},
    {"control characters in words are made visible", {"\033[0m", "\302\233"}, "\"'\\033[0m' '\\302\\233'\""},
    {"UTF-8 in words stays", {"h\303\274tte", "\360\237\231\202"}, "\"'h\303\274tte' '\360\237\231\202'\""},
};

static void words_are_quoted_so(void **state)
{
    const struct wording *row = *state;
    char out[256];

    assert_written(text_quoted_words(out, sizeof out, (char *const *)row->words), out, "", row->expected);
}

/* ---- cut at every length ---- */

enum way { ONE_LINE, MANY_LINES, JSON, QUOTED, WORDS, WAYS };

static size_t write_text(enum way way, char *out, size_t size, const char *text)
{
    const char *const words[] = {text, "second", NULL};

    switch (way) {
    case ONE_LINE:
        return text_visible(out, size, text, TEXT_ONE_LINE);
    case MANY_LINES:
        return text_visible(out, size, text, TEXT_MANY_LINES);
    case JSON:
        return text_json(out, size, text);
    case QUOTED:
        return text_quoted(out, size, text);
    default:
        return text_quoted_words(out, size, (char *const *)words);
    }
}

static const char *const cut_texts[] = {
    "abcdefghijklmnopqrstuvwxyz",   "a\303\274\342\202\254\360\237\231\202b\303\274\342\202\254\360",
    "\001\002\003\004\005\006\007", "\033[31mred\033[0m\n\ttail\177\302\233\"\\end",
    "\377\376\300\257\355\240\200", "\"\"\\\\\"\\\"",
    "two words \303\244",
};

/* What a text may be written as ends where one of its characters does: is that part of it such an end? */
static bool ends_between_characters(enum way way, const char *text, const char *kept, size_t length)
{
    char start[128], whole[512];

    for (size_t at = 0; at <= strlen(text); at++) {
        memcpy(start, text, at);
        start[at] = '\0';
        if (write_text(way, whole, sizeof whole, start) == length && memcmp(whole, kept, length) == 0)
            return true;
    }
    return false;
}

/* One pair of quotes, and what is between them does not end it. */
static bool is_quoted(const char *text)
{
    const char *at = text;

    if (*at++ != '"')
        return false;
    for (; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && *++at == '\0')
            return false;
    return strcmp(at, "\"") == 0;
}

static void assert_cut(enum way way, const char *text, const char *whole, size_t size)
{
    char out[512];
    size_t length, kept;

    memset(out, '#', sizeof out);
    length = write_text(way, out, size, text);
    assert_true(length < size);
    assert_int_equal(length, strlen(out));
    assert_int_equal(out[size], '#'); /* and nothing is written behind the end */
    assert_true(text_is_harmless(out, way == MANY_LINES));
    kept = length - strlen(way >= QUOTED ? "...\"" : "...");
    assert_string_equal(out + kept, way >= QUOTED ? "...\"" : "...");
    assert_memory_equal(out, whole, kept);
    if (way >= QUOTED)
        assert_true(is_quoted(out));
    else
        assert_true(ends_between_characters(way, text, out, kept));
}

static void long_text_is_cut_between_characters_at_every_length(void **state)
{
    char whole[512];

    (void)state;
    for (int way = 0; way < WAYS; way++)
        for (size_t at = 0; at < COUNT(cut_texts); at++) {
            size_t full = write_text((enum way)way, whole, sizeof whole, cut_texts[at]);

            for (size_t size = 8; size <= full; size++)
                assert_cut((enum way)way, cut_texts[at], whole, size);
        }
}

static void text_that_just_fits_is_not_cut(void **state)
{
    char whole[512], out[512];

    (void)state;
    for (int way = 0; way < WAYS; way++)
        for (size_t at = 0; at < COUNT(cut_texts); at++) {
            size_t full = write_text((enum way)way, whole, sizeof whole, cut_texts[at]);

            assert_int_equal(write_text((enum way)way, out, full + 1, cut_texts[at]), full);
            assert_string_equal(out, whole);
        }
}

static void once_cut_nothing_follows_the_mark(void **state)
{
    char out[16];

    (void)state;
    assert_int_equal(text_visible(out, sizeof out, "1234567890\360\237\231\202ab", TEXT_ONE_LINE), 13);
    assert_string_equal(out, "1234567890...");
}

/* ---- every byte, every pair ---- */

static void no_pair_of_bytes_gets_through_that_a_terminal_obeys(void **state)
{
    char text[4] = "", out[64];

    (void)state;
    for (int first = 1; first < 256; first++)
        for (int second = 0; second < 256; second++) {
            text[0] = (char)first;
            text[1] = (char)second;
            text[2] = second != 0 ? 'x' : '\0';
            for (int way = 0; way < WAYS; way++) {
                (void)write_text((enum way)way, out, sizeof out, text);
                assert_true(text_is_harmless(out, way == MANY_LINES));
                assert_true(way < QUOTED || is_quoted(out));
            }
        }
}

/* What cannot be had is what the message is about. */
static void without_memory_text_is_written_all_the_same(void **state)
{
    char whole[512], out[512];

    (void)state;
    for (int way = 0; way < WAYS; way++)
        for (size_t at = 0; at < COUNT(cut_texts); at++) {
            (void)write_text((enum way)way, whole, sizeof whole, cut_texts[at]);
            memory_left = 0;
            (void)write_text((enum way)way, out, sizeof out, cut_texts[at]);
            memory_left = -1;
            assert_string_equal(out, whole);
        }
}

static void utf8_is_told_from_other_bytes(void **state)
{
    static const char *const good[] = {"", "a\033\n\177", "\303\266", "\342\202\254", "\360\237\230\200", "a\302\240b"};
    static const char *const bad[] = {"\210",     "a\210b",   "\303",         "a\342\202",
                                      "\302\233", "\300\200", "\355\240\200", "\377"};

    (void)state;
    for (size_t at = 0; at < COUNT(good); at++)
        assert_true(text_is_utf8(good[at]));
    for (size_t at = 0; at < COUNT(bad); at++)
        assert_false(text_is_utf8(bad[at]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_text_is_cut_between_characters_at_every_length),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(text_that_just_fits_is_not_cut),
        cmocka_unit_test(once_cut_nothing_follows_the_mark),
        cmocka_unit_test(without_memory_text_is_written_all_the_same),
        cmocka_unit_test(no_pair_of_bytes_gets_through_that_a_terminal_obeys),
    };
    static struct suite suite;

    ADD_ROWS(&suite, is_written_so, writings);
    ADD_ROWS(&suite, text_is_quoted_so, quotings);
    ADD_ROWS(&suite, words_are_quoted_so, wordings);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("text", suite.tests, NULL, NULL);
}
