/* context: the text of what modules changed. What was written is read again, and nothing else is. */
#include "share/context.h"

#include "memory.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST  "pamrun-context 1\n"
#define MOVED  " 4:4026531841 4:4026532300\n"
#define KEEPER "keeper 4:4026531837 4:4026531836\n"

/* ---- texts ---- */

static const struct text_case {
    const char *sentence;
    const char *lines; /* between the first and the last */
} good[] =
    {
        {"nothing changed", ""},
        {"a group more", "groups-added 100\n"},
        {"several, and some less", "groups-added 0,1,4294967294\ngroups-removed 5,6\n"},
        {"both of a limit", "limit nofile 123 456\n"},
        {"one of a limit", "limit core 0 -\nlimit nproc - 77\n"},
        {"no limit", "limit memlock unlimited unlimited\n"},
        {"up to the hard limit", "limit cpu hard -\n"},
        {"the largest limit that is one", "limit as 18446744073709551614 -\n"},
        {"a umask", "umask 27\n"},
        {"no umask to speak of", "umask 0\n"},
        {"a priority", "nice 19\n"},
        {"a better one", "nice -20\n"},
        {"back to the middle", "nice 0\n"},
        {"who logged in", "loginuid 0\n"},
        {"another mount namespace, with its root", "namespace mnt" MOVED "root 64:2 64:2\n" KEEPER},
        {"all that can be entered", "namespace mnt" MOVED "namespace net" MOVED "namespace ipc" MOVED
                                    "namespace uts" MOVED "root 64:2 65:7\n" KEEPER},
        {"another root directory", "root 64:2 64:9\n" KEEPER},
        {"a session keyring", "keyring 2147483647 1000 1000\n"},
        {"a label", "exec-label user_u:user_r:user_t:s0-s0:c0.c1023\n"},
        {"capabilities", "capabilities 2000 3000 1ffffffffff c0 1\n"},
        {"everything at once",
         "groups-added 7\ngroups-removed 8\nlimit stack 8388608 unlimited\numask 77\nnice 7\nloginuid 1000\nnamespace net" MOVED
             KEEPER "keyring 1 0 0\nexec-label a:b:c\ncapabilities 0 0 2000000 0 0\n"},
},
  bad[] = {
      {"a line that nobody knows", "cgroup /job\n"},
      {"a word without its value", "umask\n"},
      {"a word with an empty value", "umask \n"},
      {"an empty line", "\n"},
      {"a line twice", "umask 22\numask 22\n"},
      {"groups twice", "groups-added 1\ngroups-added 2\n"},
      {"a label twice", "exec-label a:b:c\nexec-label a:b:c\n"},
      {"another order", "nice 1\numask 22\n"},
      {"limits in another order", "limit nofile 1 1\nlimit nproc 1 1\n"},
      {"a blank too many", "umask  22\n"},
      {"a blank at the end", "umask 22 \n"},
      {"a zero in front", "umask 022\n"},
      {"a plus", "nice +1\n"},
      {"a number that is none", "umask 2x\n"},
      {"another base", "nice 0x1\n"},
      {"capital digits", "capabilities A A 0 0 0\n"},
      {"no groups", "groups-added \n"},
      {"a group that is none", "groups-added 4294967295\n"},
      {"a group that is too large", "groups-added 4294967296\n"},
      {"groups out of order", "groups-added 2,1\n"},
      {"a group twice", "groups-added 1,1\n"},
      {"a comma at the end", "groups-added 1,\n"},
      {"a comma alone", "groups-added ,\n"},
      {"a limit that nobody knows", "limit files 1 1\n"},
      {"a limit that was not changed", "limit nofile - -\n"},
      {"a limit with one value", "limit nofile 1\n"},
      {"a limit with three", "limit nofile 1 2 3\n"},
      {"a hard limit up to itself", "limit nofile 1 hard\n"},
      {"a limit that is too large", "limit nofile 18446744073709551616 -\n"},
      {"no limit, as a number", "limit nofile 18446744073709551615 -\n"},
      {"a limit below none", "limit nofile -1 -\n"},
      {"a umask with more than rights", "umask 1022\n"},
      {"a priority too low", "nice 20\n"},
      {"a priority too high", "nice -21\n"},
      {"nobody who logged in", "loginuid 4294967295\n"},
      {"a namespace that is not entered", "namespace user" MOVED KEEPER},
      {"a namespace whose name only begins so", "namespace mntx" MOVED KEEPER},
      {"a namespace without the keeper's others", "namespace net" MOVED},
      {"the keeper's others without a namespace", KEEPER},
      {"a mount namespace without a root directory", "namespace mnt" MOVED KEEPER},
      {"a namespace with one number", "namespace net 4:1\n" KEEPER},
      {"no keyring", "keyring 0 0 0\n"},
      {"a keyring by its special name", "keyring -3 0 0\n"},
      {"a keyring of nobody's", "keyring 1 4294967295 0\n"},
      {"a keyring of no group's", "keyring 1 0 4294967295\n"},
      {"an empty label", "exec-label \n"},
      {"an ambient capability that is not inheritable", "capabilities 3000 2000 0 0 0\n"},
      {"capabilities that are too many", "capabilities 10000000000000000 10000000000000000 0 0 0\n"},
      {"no_new_privs twice as much", "capabilities 0 0 0 0 2\n"},
      {"the end twice", "end\n"},
      {"a line behind the end", "end\numask 22\n"},
};

static char *text_of(const char *lines)
{
    char *text;

    assert_true(asprintf(&text, FIRST "%send\n", lines) > 0);
    return text;
}

static void what_was_written_is_read(void **state)
{
    const struct text_case *row = *state;
    char *text = text_of(row->lines), *again;
    struct context context;

    assert_true(context_parse(&context, text));
    again = context_format(&context);
    assert_non_null(again);
    assert_string_equal(again, text);
    free(again);
    free(text);
    context_free(&context);
    context_free(&context);
}

static void anything_else_is_not(void **state)
{
    const struct text_case *row = *state;
    const struct context nothing = {0};
    struct context context;
    char *text = text_of(row->lines);

    errno = 0;
    assert_false(context_parse(&context, text));
    assert_memory_equal(&context, &nothing, sizeof nothing);
    assert_int_not_equal(errno, ENOMEM);
    free(text);
}

static void what_was_cut_is_not_read(void **state)
{
    struct context context;
    char *text = text_of("groups-added 1,2\nlimit core 0 0\numask 27\ncapabilities 0 0 2 0 0\n");

    (void)state;
    for (size_t length = strlen(text); length-- > 0;) {
        text[length] = '\0';
        assert_false(context_parse(&context, text));
    }
    free(text);
    assert_false(context_parse(&context, "pamrun-context 2\nend\n"));
    assert_false(context_parse(&context, "umask 22\nend\n"));
}

static void the_values_are_those_of_the_text(void **state)
{
    struct context context;
    char *text = text_of("groups-added 7,9\ngroups-removed 8\nlimit core hard -\nlimit nofile 123 unlimited\numask 27\n"
                         "nice -5\nloginuid 1000\nnamespace uts 4:1 4:2\nkeeper 4:3 4:4\nkeyring 77 1000 1001\n"
                         "exec-label a:b:c\ncapabilities 2000 3000 1 c0 1\n");

    (void)state;
    assert_true(context_parse(&context, text));
    free(text);
    assert_int_equal(context.added.count, 2);
    assert_int_equal(context.added.ids[1], 9);
    assert_int_equal(context.removed.ids[0], 8);
    assert_int_equal(context.limits[RLIMIT_CORE].soft_is, LIMIT_UP_TO_HARD);
    assert_false(context.limits[RLIMIT_CORE].hard_is_set);
    assert_int_equal(context.limits[RLIMIT_NOFILE].soft_is, LIMIT_SET);
    assert_int_equal(context.limits[RLIMIT_NOFILE].soft, 123);
    assert_true(context.limits[RLIMIT_NOFILE].hard_is_set && context.limits[RLIMIT_NOFILE].hard == RLIM_INFINITY);
    assert_int_equal(context.limits[RLIMIT_AS].soft_is, LIMIT_KEPT);
    assert_true(context.has_umask && context.umask == 027);
    assert_true(context.has_nice && context.nice == -5);
    assert_true(context.has_loginuid && context.loginuid == 1000);
    assert_true(context.spaces[SPACE_UTS].is_moved && context.spaces[SPACE_UTS].from.inode == 1
                && context.spaces[SPACE_UTS].to.inode == 2);
    assert_true(context.user.inode == 3 && context.pid.inode == 4 && context_needs_keeper(&context));
    assert_true(context.keyring.serial == 77 && context.keyring.uid == 1000 && context.keyring.gid == 1001);
    assert_string_equal(context.exec_label, "a:b:c");
    assert_int_equal(context.capabilities.ambient, 0x2000);
    assert_int_equal(context.capabilities.inheritable, 0x3000);
    assert_int_equal(context.dropped, 1);
    assert_int_equal(context.capabilities.securebits, 0xc0);
    assert_true(context.has_capabilities && context.capabilities.no_new_privileges);
    context_free(&context);
}

static void memory_that_ends_is_said(void **state)
{
    char *text = text_of("groups-added 7\ngroups-removed 8\nexec-label a:b:c\n");
    struct context context;
    long calls = 0;

    (void)state;
    memory_left = 0;
    while (!context_parse(&context, text)) {
        assert_int_equal(errno, ENOMEM);
        memory_left = ++calls;
    }
    memory_left = -1;
    assert_int_equal(calls, 4);
    context_free(&context);
    free(text);
}

static void as_many_groups_as_there_can_be(void **state)
{
    static gid_t ids[65536];
    struct context context = {.added = {.ids = ids, .count = COUNT(ids)}}, again;
    char *text;

    (void)state;
    for (gid_t at = 0; at < COUNT(ids); at++)
        ids[at] = 4200000000U + at;
    text = context_format(&context);
    assert_true(text != NULL && context_parse(&again, text));
    assert_int_equal(again.added.count, COUNT(ids));
    assert_memory_equal(again.added.ids, ids, sizeof ids);
    context_free(&again);
    free(text);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(what_was_cut_is_not_read),
        cmocka_unit_test(the_values_are_those_of_the_text),
        cmocka_unit_test(memory_that_ends_is_said),
        cmocka_unit_test(as_many_groups_as_there_can_be),
    };
    static struct suite suite;

    ADD_ROWS(&suite, what_was_written_is_read, good);
    ADD_ROWS(&suite, anything_else_is_not, bad);
    ADD_TESTS(&suite, others);
    return cmocka_run_group_tests_name("context", suite.tests, NULL, NULL);
}
