/* What a PAM function changed: two looks at a process, and the difference as JSON. */
#include "ctl/advice.h"
#include "ctl/effects.h"
#include "ctl/json.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_all(struct strv *list, const char *const *items)
{
    for (; *items != NULL; items++)
        assert_true(strv_add(list, *items));
}

/* The difference, as compact JSON, sorted. */
static void assert_difference(const struct effects *before, const struct effects *after, const char *expected)
{
    json_t *changes = effects_compare(before, after);
    char *text = json_dumps(changes, JSON_COMPACT | JSON_SORT_KEYS);

    assert_string_equal(text, expected);
    free(text);
    json_decref(changes);
}

static void nothing_changed_is_an_empty_object(void **state)
{
    struct effects before, after;

    (void)state;
    effects_note(&before, NULL);
    effects_note(&after, NULL);
    assert_difference(&before, &after, "{}");
    effects_free(&before);
    effects_free(&after);
}

static void variables_are_told_by_name_only(void **state)
{
    struct effects before = {.umask = 022}, after = {.umask = 022};

    (void)state;
    add_all(&before.environment, (const char *const[]){"GONE=1", "SAME=s=t", "OTHER=secret", "EMPTY=", NULL});
    add_all(&after.environment, (const char *const[]){"NEW=secret", "SAME=s=t", "OTHER=changed", "EMPTY=", NULL});
    assert_difference(&before, &after,
                      "{\"environment\":{\"added\":[\"NEW\"],\"changed\":[\"OTHER\"],\"removed\":[\"GONE\"]}}");
    strv_free(&before.environment);
    strv_free(&after.environment);
}

static void mounts_on_top_of_each_other_count(void **state)
{
    struct effects before = {.umask = 022}, after = {.umask = 022};

    (void)state;
    add_all(&before.mounts, (const char *const[]){"/ (ext4)", "/mnt (tmpfs)", "/old (nfs)", NULL});
    add_all(&after.mounts, (const char *const[]){"/ (ext4)", "/mnt (tmpfs)", "/mnt (tmpfs)", "/new (fuse.x)", NULL});
    assert_difference(&before, &after,
                      "{\"mounts\":{\"added\":[\"/mnt (tmpfs)\",\"/new (fuse.x)\"],\"removed\":[\"/old (nfs)\"]}}");
    strv_free(&before.mounts);
    strv_free(&after.mounts);
}

static void the_same_mounts_in_another_order_are_no_change(void **state)
{
    struct effects before = {.umask = 022}, after = {.umask = 022};

    (void)state;
    add_all(&before.mounts, (const char *const[]){"/a (tmpfs)", "/b (tmpfs)", NULL});
    add_all(&after.mounts, (const char *const[]){"/b (tmpfs)", "/a (tmpfs)", NULL});
    assert_difference(&before, &after, "{}");
    strv_free(&before.mounts);
    strv_free(&after.mounts);
}

static void numbers_have_before_and_after(void **state)
{
    gid_t old_groups[] = {1, 2}, new_groups[] = {2, 3};
    char one[] = "0::/a\n", other[] = "0::/b\n", unset[] = "4294967295", set[] = "1000";
    struct effects before = {.groups = old_groups, .group_count = 2, .umask = 022, .cgroup = one, .loginuid = unset};
    struct effects after = {.groups = new_groups,
                            .group_count = 2,
                            .umask = 077,
                            .priority = 5,
                            .keyring = 7,
                            .cgroup = other,
                            .loginuid = set};

    (void)state;
    before.limits[RLIMIT_NOFILE] = (struct rlimit){1024, RLIM_INFINITY};
    after.limits[RLIMIT_NOFILE] = (struct rlimit){100, 200};
    assert_difference(&before, &after,
                      "{\"cgroup\":{\"after\":\"0::/b\",\"before\":\"0::/a\"},"
                      "\"groups\":{\"added\":[3],\"removed\":[1]},"
                      "\"keyring\":{\"after\":7,\"before\":0},"
                      "\"limits\":{\"NOFILE\":{\"after\":{\"hard\":200,\"soft\":100},"
                      "\"before\":{\"hard\":\"unlimited\",\"soft\":1024}}},"
                      "\"loginuid\":{\"after\":\"1000\",\"before\":\"unset\"},"
                      "\"priority\":{\"after\":5,\"before\":0},"
                      "\"umask\":{\"after\":\"0077\",\"before\":\"0022\"}}");
}

static void only_the_hierarchies_that_changed_are_told(void **state)
{
    char one[] = "12:cpu:/a\n11:memory:/a\n0::/a\n", other[] = "12:cpu:/b\n11:memory:/a\n0::/b\n";
    struct effects before = {.cgroup = one}, after = {.cgroup = other};

    (void)state;
    assert_difference(&before, &after, "{\"cgroup\":{\"after\":\"12:cpu:/b, 0::/b\",\"before\":\"12:cpu:/a, 0::/a\"}}");
}

static void what_cannot_be_read_is_no_change(void **state)
{
    char one[] = "0::/a\n";
    struct effects before = {.cgroup = one}, after = {.cgroup = NULL};

    (void)state;
    assert_difference(&before, &after, "{}");
}

static void broken_text_becomes_visible_and_other_text_stays(void **state)
{
    json_t *broken = json_text("a\377b"), *whole = json_text("gr\303\274n\033"), *none = json_text(NULL);

    (void)state;
    assert_string_equal(json_string_value(broken), "a\\377b");
    assert_string_equal(json_string_value(whole), "gr\303\274n\033");
    assert_true(json_is_null(none));
    json_decref(broken);
    json_decref(whole);
    json_decref(none);
}

static const struct ccache_case {
    const char *sentence, *name;
    bool shared;
} ccaches[] = {
    {"a file of the session's own", "FILE:/tmp/krb5cc_1000_AbCdEf", false},
    {"the user's file", "FILE:/tmp/krb5cc_1000", true},
    {"the user's file without a type", "/tmp/krb5cc_1000", true},
    {"another user's file", "/tmp/krb5cc_100", false},
    {"a longer number", "FILE:/tmp/krb5cc_10000", false},
    {"a manager's cache", "KCM:1000", true},
    {"a collection in a directory", "DIR:/run/user/1000/krb5cc", true},
    {"a persistent keyring", "KEYRING:persistent:1000", true},
    {"a session's keyring", "KEYRING:session:x", false},
    {"memory", "MEMORY:x", false},
    {"nothing", "", false},
};

static void a_ccache_is_shared_or_not(void **state)
{
    const struct ccache_case *row = *state;

    assert_int_equal(ccache_is_shared(row->name, 1000), row->shared);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed_is_an_empty_object),
        cmocka_unit_test(variables_are_told_by_name_only),
        cmocka_unit_test(mounts_on_top_of_each_other_count),
        cmocka_unit_test(the_same_mounts_in_another_order_are_no_change),
        cmocka_unit_test(numbers_have_before_and_after),
        cmocka_unit_test(only_the_hierarchies_that_changed_are_told),
        cmocka_unit_test(what_cannot_be_read_is_no_change),
        cmocka_unit_test(broken_text_becomes_visible_and_other_text_stays),
    };
    static struct suite suite;

    ADD_TESTS(&suite, tests);
    ADD_ROWS(&suite, a_ccache_is_shared_or_not, ccaches);
    return cmocka_run_group_tests_name("ctl_effects", suite.tests, NULL, NULL);
}
