/* Lines and words of profiles, as both generations of libpam read them: up to 1.6 with a buffer of 1024 bytes, and from 1.7
 * without. What each makes of them was read in its source; test_ctl_trace.c asks the one that is here. */
#include "pam/profile_line.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_appl.h>

/* The lines of a text, "NUMBER:LINE|" each, blanks at the end cut; "(cut off)" where libpam gives the file up. */
static void read_all(char *out, size_t size, const char *text, size_t room)
{
    char *line = malloc(strlen(text) + 2);
    struct profile_reader reader = {text, 1, room, line};
    enum profile_line found;
    unsigned number;

    *out = '\0';
    assert_non_null(line);
    while ((found = profile_next_line(&reader, &number)) == PROFILE_LINE) {
        size_t length = strlen(line), used = strlen(out);

        while (length > 0 && strchr(" \t\n", line[length - 1]) != NULL)
            line[--length] = '\0';
        (void)snprintf(out + used, size - used, "%u:%s|", number, line + strspn(line, " \t\n"));
    }
    if (found == PROFILE_CUT_OFF)
        (void)snprintf(out + strlen(out), size - strlen(out), "(cut off)");
    free(line);
}

static const struct line_case {
    const char *sentence;
    const char *text;
    const char *bounded, *unbounded; /* NULL: as bounded */
} line_cases[] = {
    {"lines are lines", "a b\nc d\n", "1:a b|2:c d|", NULL},
    {"the last line needs no end", "a b", "1:a b|", NULL},
    {"empty lines and comments are none", "\n# x\n \t\n  # y\na\n", "5:a|", NULL},
    {"a comment ends a line", "a b # c\nd#e\n", "1:a b|2:d|", NULL},
    {"a backslash joins lines", "a \\\n b\nc\n", "1:a   b|3:c|", "1:a  b|3:c|"},
    {"blanks may stand behind it", "a\\ \t\nb\n", "1:a b|", NULL},
    {"a comment does not go on", "# a \\\nb\n", "2:b|", NULL},
    {"nor does a line with a comment", "a # b \\\nc\n", "1:a|2:c|", NULL},
    {"a backslash before a comment joins nothing", "a \\ # b\nc\n", "1:a \\|2:c|", NULL},
    {"a comment amid a line is passed over, or ends it", "a \\\n# b\nc\n", "1:a  c|", "1:a|3:c|"},
    {"an empty line amid a line is passed over, or ends it", "a \\\n\nc\n", "1:a  c|", "1:a|3:c|"},
    {"a line that goes on at the end is given up", "a\nb \\\n", "1:a|(cut off)", NULL},
    {"a backslash alone begins a line, or does not", "\\\na\n", "1:a|", "2:a|"},
    {"a text of nothing has no lines", "", "", NULL},
    {"a text of blanks has no lines", " \t ", "", NULL},
    {"a carriage return is part of the line", "a\r\n", "1:a\r|", NULL},
};

static void lines_are_read_by_both(void **state)
{
    const struct line_case *row = *state;
    char read[256];

    read_all(read, sizeof read, row->text, 1024);
    assert_string_equal(read, row->bounded);
    read_all(read, sizeof read, row->text, 0);
    assert_string_equal(read, row->unbounded != NULL ? row->unbounded : row->bounded);
}

/* fgets(3) into 1024 bytes: 1023 are read, and what is behind them is the next line. */
static void a_line_that_is_too_long_goes_on_as_another_one_or_is_one(void **state)
{
    char text[1100], read[1200], wanted[1200];

    (void)state;
    memset(text, 'x', 1023);
    (void)strcpy(text + 1023, "yz\n");
    read_all(read, sizeof read, text, 1024);
    (void)snprintf(wanted, sizeof wanted, "1:%.1023s|1:yz|", text);
    assert_string_equal(read, wanted);
    read_all(read, sizeof read, text, 0);
    (void)snprintf(wanted, sizeof wanted, "1:%.1023syz|", text);
    assert_string_equal(read, wanted);
    text[0] = '#';
    read_all(read, sizeof read, text, 1024);
    assert_string_equal(read, "1:yz|");
    read_all(read, sizeof read, text, 0);
    assert_string_equal(read, "");
}

/* Where libpam would read nothing for ever, room for one byte being left. */
static void a_line_that_fills_the_buffer_and_goes_on_is_given_up(void **state)
{
    char text[1100], read[1200];

    (void)state;
    memset(text, 'x', 1022);
    (void)strcpy(text + 1022, "\\");
    (void)strcpy(text + 1023, "\ny\n");
    read_all(read, sizeof read, text, 1024);
    assert_string_equal(read, "(cut off)");
}

static const struct words_case {
    const char *sentence;
    const char *line, *words;
} words_cases[] = {
    {"words are between blanks", " auth\trequired  x.so a=b \n", "auth|required|x.so|a=b|"},
    {"brackets make one word and go", "auth [a=b c=d] x.so", "auth|a=b c=d|x.so|"},
    {"what touches the closing bracket is the next word", "[a b]c d", "a b|c|d|"},
    {"a bracket inside of a word is a letter", "a[b c] d", "a[b|c]|d|"},
    {"brackets inside of brackets stay", "[a [b c", "a [b c|"},
    {"a backslash keeps a closing bracket", "[a\\]b] c", "a]b|c|"},
    {"another backslash is one", "[a\\b] c\\d", "a\\b|c\\d|"},
    {"empty brackets are an empty word", "[] a", "|a|"},
    {"nothing has no words", " \t", ""},
};

static void words_are_cut(void **state)
{
    const struct words_case *row = *state;
    char line[64], words[64] = "", *rest = line, *raw, *word;

    (void)snprintf(line, sizeof line, "%s", row->line);
    while ((word = profile_next_word(&rest, &raw)) != NULL) {
        assert_true(raw == word || (raw == word - 1 && row->line[raw - line] == '['));
        (void)snprintf(words + strlen(words), sizeof words - strlen(words), "%s|", word);
    }
    assert_string_equal(words, row->words);
}

static const struct control_case {
    const char *sentence, *control;
    bool understood;
    int success, ignore, reqd, auth_err;
} control_cases[] = {
    {"required", "required", true, ACTION_OK, ACTION_IGNORE, ACTION_OK, ACTION_BAD},
    {"capitals", "REQUISITE", true, ACTION_OK, ACTION_IGNORE, ACTION_OK, ACTION_DIE},
    {"optional", "optional", true, ACTION_OK, ACTION_IGNORE, ACTION_OK, ACTION_IGNORE},
    {"sufficient", "sufficient", true, ACTION_DONE, ACTION_IGNORE, ACTION_DONE, ACTION_IGNORE},
    {"pairs", "success=2 auth_err=die default=ignore", true, 2, ACTION_IGNORE, ACTION_IGNORE, ACTION_DIE},
    {"what is not named is bad", "success=ok", true, ACTION_OK, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"default leaves what was named before it, not what is after it", "success=ok default=ignore auth_err=reset", true,
     ACTION_OK, ACTION_IGNORE, ACTION_IGNORE, ACTION_RESET},
    {"blanks around the equals sign", " success = done\tdefault =bad ", true, ACTION_DONE, ACTION_BAD, ACTION_BAD,
     ACTION_BAD},
    {"pairs that touch", "success=okdefault=ignore", true, ACTION_OK, ACTION_IGNORE, ACTION_IGNORE, ACTION_IGNORE},
    {"a word that is none", "success=ok default=what", false, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"a code that is none", "succes=ok", false, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"a jump of nothing", "success=0", false, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"a jump backwards", "success=-1", false, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"a number without end", "success=99999999999999999999", false, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"no value", "success", false, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
    {"nothing at all", "", true, ACTION_BAD, ACTION_BAD, ACTION_BAD, ACTION_BAD},
};

static void controls_are_understood(void **state)
{
    const struct control_case *row = *state;
    int actions[CONTROL_CODES];

    assert_int_equal(profile_control(row->control, actions), row->understood);
    assert_int_equal(actions[PAM_SUCCESS], row->success);
    assert_int_equal(actions[PAM_IGNORE], row->ignore);
    assert_int_equal(actions[PAM_NEW_AUTHTOK_REQD], row->reqd);
    assert_int_equal(actions[PAM_AUTH_ERR], row->auth_err);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_is_too_long_goes_on_as_another_one_or_is_one),
        cmocka_unit_test(a_line_that_fills_the_buffer_and_goes_on_is_given_up),
    };
    static struct suite suite;

    ADD_ROWS(&suite, lines_are_read_by_both, line_cases);
    ADD_ROWS(&suite, words_are_cut, words_cases);
    ADD_ROWS(&suite, controls_are_understood, control_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("profile_line", suite.tests, NULL, NULL);
}
