#include "ask/login_defs.h"

#include "memory.h"
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct folder folder;

static int make_folder(void **state)
{
    (void)state;
    folder_make(&folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static void assert_text(const char *text, const char *expected)
{
    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text, expected);
}

static void assert_defs(const struct login_defs *defs, const char *path, const char *path_root, bool always_set_path)
{
    assert_text(defs->path, path);
    assert_text(defs->path_root, path_root);
    assert_int_equal(defs->always_set_path, always_set_path);
}

static const struct reading {
    const char *sentence;
    const char *text;
    const char *path, *path_root;
    bool always_set_path;
} readings[] = {
    {"an empty file sets nothing", "", NULL, NULL, false},
    {"a value follows its name", "ENV_PATH /bin\n", "/bin", NULL, false},
    {"PATH= before a path is no part of it", "ENV_PATH PATH=/bin:/usr/bin\n", "/bin:/usr/bin", NULL, false},
    {"tabs and blanks stand between them", "ENV_PATH\t \t/bin\n", "/bin", NULL, false},
    {"blanks may stand before and behind", " \tENV_PATH /bin \t \n", "/bin", NULL, false},
    {"a value may stand in quotes", "ENV_PATH \"/bin\"\n", "/bin", NULL, false},
    {"PATH= may stand in quotes", "ENV_PATH \"PATH=/bin\"\n", "/bin", NULL, false},
    {"the last line needs no end", "ENV_PATH /bin", "/bin", NULL, false},
    {"the later of two lines counts", "ENV_PATH /a\nENV_PATH /b\n", "/b", NULL, false},
    {"a comment sets nothing", "#ENV_PATH /a\n # ENV_PATH /b\n\t#ENV_PATH /c\n", NULL, NULL, false},
    {"empty lines are passed over", "\n \n\t\nENV_PATH /a\n\n", "/a", NULL, false},
    {"a name alone sets nothing", "ENV_PATH\nENV_SUPATH \n", NULL, NULL, false},
    {"a name alone at the end sets nothing", "ENV_PATH", NULL, NULL, false},
    {"other names are not taken for ours", "ENV_PATHS /a\nENV_PAT /b\nXENV_PATH /c\nUMASK 022\n", NULL, NULL, false},
    {"ENV_SUPATH is root's", "ENV_SUPATH PATH=/sbin\n", NULL, "/sbin", false},
    {"ENV_ROOTPATH is root's too", "ENV_ROOTPATH PATH=/sbin\n", NULL, "/sbin", false},
    {"ENV_SUPATH counts more than one before it", "ENV_ROOTPATH /r\nENV_SUPATH /s\n", NULL, "/s", false},
    {"ENV_SUPATH counts more than one behind it", "ENV_SUPATH /s\nENV_ROOTPATH /r\n", NULL, "/s", false},
    {"ALWAYS_SET_PATH can be yes", "ALWAYS_SET_PATH yes\n", NULL, NULL, true},
    {"ALWAYS_SET_PATH can be YES", "ALWAYS_SET_PATH YES\n", NULL, NULL, true},
    {"ALWAYS_SET_PATH can be no", "ALWAYS_SET_PATH yes\nALWAYS_SET_PATH no\n", NULL, NULL, false},
    {"anything else is no yes", "ALWAYS_SET_PATH yesterday\n", NULL, NULL, false},
    {"all three can be there", "ENV_SUPATH /s\nALWAYS_SET_PATH\tyes\nENV_PATH /p\n", "/p", "/s", true},
};

static void is_read_so(void **state)
{
    const struct reading *row = *state;
    struct login_defs defs = {0};

    login_defs_read(&defs, folder_write(&folder, "login.defs", row->text, 0644));
    assert_defs(&defs, row->path, row->path_root, row->always_set_path);
    login_defs_free(&defs);
    assert_defs(&defs, NULL, NULL, false);
}

static const struct uid_min_case {
    const char *sentence;
    const char *text;
    bool is_set;
    uid_t uid;
} uid_mins[] = {
    {"UID_MIN is a number", "UID_MIN\t\t 1000\n", true, 1000},
    {"UID_MIN may be 0", "UID_MIN 0\n", true, 0},
    {"UID_MIN may be 4294967294", "UID_MIN 4294967294\n", true, 4294967294},
    {"UID_MIN is not 4294967295", "UID_MIN 4294967295\n", false, 0},
    {"UID_MIN does not wrap to 0", "UID_MIN 4294967296\n", false, 0},
    {"UID_MIN has no sign", "UID_MIN -1\n", false, 0},
    {"UID_MIN is decimal", "UID_MIN 0x10\n", false, 0},
    {"UID_MIN has nothing behind it", "UID_MIN 1000 # why\n", false, 0},
    {"the last UID_MIN counts", "UID_MIN 1\nUID_MIN 2\n", true, 2},
    {"the last UID_MIN counts when it is none", "UID_MIN 1\nUID_MIN x\n", false, 0},
    {"UID_MIN in a comment is none", "#UID_MIN 1\n", false, 0},
    {"SYS_UID_MIN is another setting", "SYS_UID_MIN 1\nUID_MINI 1\n", false, 0},
};

static void uid_min_is_read_so(void **state)
{
    const struct uid_min_case *row = *state;
    struct login_defs defs = {0};

    login_defs_read(&defs, folder_write(&folder, "login.defs", row->text, 0644));
    assert_int_equal(defs.has_uid_min, row->is_set);
    assert_int_equal(defs.uid_min, row->uid);
    assert_false(defs.is_incomplete);
    login_defs_free(&defs);
}

static void a_file_that_cannot_be_read_is_noted(void **state)
{
    struct login_defs defs = {0};

    (void)state;
    login_defs_read(&defs, "/nonexistent/login.defs");
    assert_false(defs.is_incomplete);
    login_defs_read(&defs, folder.path);
    assert_true(defs.is_incomplete);
    login_defs_free(&defs);
    assert_false(defs.is_incomplete);
}

static void a_file_that_is_not_there_sets_nothing(void **state)
{
    struct login_defs defs = {0};

    (void)state;
    login_defs_read(&defs, folder_write(&folder, "login.defs", "ENV_PATH /a\nALWAYS_SET_PATH yes\n", 0644));
    login_defs_read(&defs, "/nonexistent/login.defs");
    login_defs_read(&defs, folder.path); /* nor does a folder */
    assert_defs(&defs, "/a", NULL, true);
    login_defs_free(&defs);
}

static void a_later_file_is_read_over_an_earlier_one(void **state)
{
    struct login_defs defs = {0};

    (void)state;
    login_defs_read(&defs, folder_write(&folder, "1", "ENV_PATH /a\nENV_SUPATH /b\nALWAYS_SET_PATH yes\n", 0644));
    login_defs_read(&defs, folder_write(&folder, "2", "ENV_PATH /c\nALWAYS_SET_PATH no\n", 0644));
    assert_defs(&defs, "/c", "/b", false);
    login_defs_free(&defs);
}

static void without_memory_nothing_is_set(void **state)
{
    const char *file = folder_write(&folder, "login.defs", "ENV_PATH /a\nALWAYS_SET_PATH yes\n", 0644);
    struct login_defs defs = {0};

    (void)state;
    memory_left = 0;
    login_defs_read(&defs, file);
    memory_left = -1;
    assert_defs(&defs, NULL, NULL, false);
    memory_left = 1; /* for the file, and not for the path */
    login_defs_read(&defs, file);
    memory_left = -1;
    assert_null(defs.path);
    login_defs_free(&defs);
}

static void a_very_long_line_is_read_whole(void **state)
{
    static char text[100000];
    struct login_defs defs = {0};

    (void)state;
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "ENV_PATH /", 10);
    login_defs_read(&defs, folder_write(&folder, "login.defs", text, 0644));
    assert_int_equal(strlen(defs.path), sizeof text - 1 - strlen("ENV_PATH "));
    login_defs_free(&defs);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_cannot_be_read_is_noted),
        cmocka_unit_test(a_file_that_is_not_there_sets_nothing),
        cmocka_unit_test(a_later_file_is_read_over_an_earlier_one),
        cmocka_unit_test(without_memory_nothing_is_set),
        cmocka_unit_test(a_very_long_line_is_read_whole),
    };
    static struct suite suite;

    ADD_ROWS(&suite, is_read_so, readings);
    ADD_ROWS(&suite, uid_min_is_read_so, uid_mins);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("login_defs", suite.tests, make_folder, remove_folder);
}
