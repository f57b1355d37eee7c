#include "run/cgroup.h"

#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* ---- lines of /proc/PID/cgroup ---- */

static const struct text_case {
    const char *sentence;
    const char *text;
    const char *places; /* "controllers path|..."; NULL: it cannot be understood */
} texts[] = {
    {"version 2 alone", "0::/user.slice/a.scope\n", " /user.slice/a.scope|"},
    {"the root of everything", "0::/\n", " /|"},
    {"version 1, and two controllers at one place", "4:cpu,cpuacct:/a\n1:name=systemd:/b\n",
     "cpu,cpuacct /a|name=systemd /b|"},
    {"both at once", "2:pids:/a\n1:name=systemd:/b/c\n0::/b/c\n", "pids /a|name=systemd /b/c| /b/c|"},
    {"colons belong to the path", "0::/a:b/::/c\n3:pids::\n", NULL},
    {"colons belong to a path that is one", "3:pids:/:\n0::/a:b/::/c\n", "pids /:| /a:b/::/c|"},
    {"blanks, backslashes and control characters do", "0::/a b\\012\t\001/c\n", " /a b\\012\t\001/c|"},
    {"so does what looks like a remark", "0::/a (deleted)\n", " /a (deleted)|"},
    {"a place outside of the namespace", "0::/../../b\n", " /../../b|"},
    {"nothing at all is no places", "", ""},
    {"a line without its end", "0::/a", NULL},
    {"a line without a path", "0::\n", NULL},
    {"a path that does not begin at the root", "0::a\n", NULL},
    {"a line without colons", "/a\n", NULL},
    {"a line with one colon", "0:/a\n", NULL},
    {"a line without a number", "::/a\n", NULL},
    {"a name instead of a number", "x::/a\n", NULL},
    {"an empty line", "0::/a\n\n", NULL},
    {"the second colon is the next line's", "0:\n1:name=a:/b\n", NULL},
};

static void text_is_read(void **state)
{
    const struct text_case *row = *state;
    struct cgroup_place place;
    const char *rest = row->text;
    char got[256] = "";

    assert_int_equal(cgroup_text_is_valid(row->text), row->places != NULL);
    if (row->places == NULL)
        return;
    while (cgroup_next_place(&rest, &place)) {
        size_t length = strlen(got);

        (void)snprintf(got + length, sizeof got - length, "%.*s %.*s|", (int)place.controllers_length,
                       place.controllers, (int)place.path_length, place.path);
    }
    assert_string_equal(got, row->places);
}

/* ---- what is a job ---- */

static const struct job_case {
    const char *sentence;
    const char *text;
    bool is_one;
    const char *patterns[4];
} jobs[] = {
    {"Slurm's on version 2", "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n", true, {"slurmstepd*"}},
    {"Slurm's on version 1, in one of many hierarchies",
     "3:pids:/\n2:memory:/slurm/uid_1000/job_7/step_batch\n0::/\n",
     true,
     {"imp-*", "job_*"}},
    {"Flux's", "0::/user.slice/user-1.slice/imp-shell-1.scope\n", true, {"job_*", "imp-*"}},
    {"the first part counts", "0::/job_7/a\n", true, {"job_*"}},
    {"the last part counts", "0::/a/job_7\n", true, {"job_*"}},
    {"the last line counts", "1:name=a:/\n0::/job_7\n", true, {"job_*"}},
    {"a whole part must match, not its beginning", "0::/job_7.scope\n", false, {"job_?"}},
    {"nor its end", "0::/a_job_7\n", false, {"job_*"}},
    {"a star does not reach over a slash", "0::/job_/7x\n", false, {"job_*x"}},
    {"controllers are no part", "1:name=job_7:/\n", false, {"job_*", "name=*"}},
    {"brackets are a choice", "0::/pbs5\n", true, {"pbs[0-9]"}},
    {"a backslash takes the meaning away", "0::/job7\n", false, {"job\\*"}},
    {"a leading dot is not matched by a star", "0::/.job\n", false, {"*"}},
    {"the root is no job", "0::/\n", false, {"*", ""}},
    {"without patterns nothing is one", "0::/job_7\n", false, {NULL}},
    {"without control groups nothing is one", "", false, {"*"}},
};

static void job_is_known(void **state)
{
    const struct job_case *row = *state;

    assert_int_equal(cgroup_is_job(row->text, (char *const *)row->patterns), row->is_one);
}

static void a_part_that_is_too_long_for_a_file_matches_nothing(void **state)
{
    char *patterns[] = {(char *)"*", NULL}, text[600] = "0::/";

    (void)state;
    memset(text + 4, 'x', 255);
    memcpy(text + 4 + 255, "\n", 2);
    assert_true(cgroup_is_job(text, patterns));
    memset(text + 4, 'x', 256);
    memcpy(text + 4 + 256, "\n", 2);
    assert_false(cgroup_is_job(text, patterns));
    assert_false(cgroup_is_job("0::/job_7\n", NULL));
}

/* ---- who was moved ---- */

static const struct moved_case {
    const char *sentence;
    const char *before, *now;
    const char *moved; /* the places of before, as above */
} moves[] = {
    {"nothing changed", "1:name=a:/x\n0::/y\n", "1:name=a:/x\n0::/y\n", ""},
    {"version 2", "1:name=a:/x\n0::/y\n", "1:name=a:/x\n0::/z\n", "0: /y|"},
    {"version 1", "1:name=a:/x\n0::/y\n", "1:name=a:/z\n0::/y\n", "1:name=a /x|"},
    {"both", "1:name=a:/x\n0::/y\n", "1:name=a:/z\n0::/\n", "1:name=a /x|0: /y|"},
    {"to a group below", "0::/a\n", "0::/a/b\n", "0: /a|"},
    {"to a group above", "0::/a/b\n", "0::/a\n", "0: /a/b|"},
    {"to one of nearly that name", "0::/a\n", "0::/a (deleted)\n", "0: /a|"},
    {"the order of lines does not matter", "1:name=a:/x\n0::/y\n", "0::/y\n1:name=a:/x\n", ""},
    {"what was mounted meanwhile does not count", "0::/y\n", "2:name=b:/\n0::/y\n", ""},
    {"nor what was taken away", "2:name=b:/q\n0::/y\n", "0::/y\n", ""},
    {"nor another hierarchy that got the number", "2:name=b:/q\n0::/y\n", "2:pids:/\n0::/y\n", ""},
};

static void move_is_found(void **state)
{
    const struct moved_case *row = *state;
    struct cgroup_place place;
    const char *rest = row->before;
    char got[256] = "";

    while (cgroup_next_moved(&rest, row->now, &place)) {
        size_t length = strlen(got);

        (void)snprintf(got + length, sizeof got - length, "%.*s %.*s|", (int)place.hierarchy_length, place.hierarchy,
                       (int)place.path_length, place.path);
    }
    assert_string_equal(got, row->moved);
}

/* ---- where it is mounted ---- */

#define V2(root, point) "41 31 0:38 " root " " point " rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1(options)     "39 31 0:36 / /c/v1 rw,relatime - cgroup cgroup " options "\n"

static const struct mount_case {
    const char *sentence;
    const char *place; /* a line of /proc/PID/cgroup */
    const char *mount; /* a line of mountinfo */
    const char *file;  /* NULL: not there */
} mounts[] = {
    {"version 2", "0::/a/b\n", V2("/", "/sys/fs/cgroup"), "/sys/fs/cgroup/a/b/cgroup.procs"},
    {"its root", "0::/\n", V2("/", "/sys/fs/cgroup"), "/sys/fs/cgroup/cgroup.procs"},
    {"version 2 is not at a mount of version 1", "0::/a\n", V1("rw,pids"), NULL},
    {"version 1 is not at a mount of version 2", "1:pids:/a\n", V2("/", "/sys/fs/cgroup"), NULL},
    {"nor at another kind of file system", "0::/a\n", "41 31 0:38 / /c rw - tmpfs cgroup2 rw\n", NULL},
    {"version 1 by its controller", "8:pids:/a\n", V1("rw,pids"), "/c/v1/a/cgroup.procs"},
    {"by both of two", "8:cpu,cpuacct:/a\n", V1("rw,cpu,cpuacct"), "/c/v1/a/cgroup.procs"},
    {"in whatever order", "8:cpuacct,cpu:/a\n", V1("rw,cpu,cpuacct"), "/c/v1/a/cgroup.procs"},
    {"one of two is not enough", "8:cpu,cpuacct:/a\n", V1("rw,cpu"), NULL},
    {"a longer word is another one", "8:cpu:/a\n", V1("rw,cpuset"), NULL},
    {"and a shorter one", "8:cpuset:/a\n", V1("rw,cpu"), NULL},
    {"by a name", "1:name=systemd:/a\n", V1("rw,xattr,name=systemd"), "/c/v1/a/cgroup.procs"},
    {"another name is another one", "1:name=systemd:/a\n", V1("rw,xattr,name=elogind"), NULL},
    {"options of the mount, before the hyphen, are no controllers", "8:relatime:/a\n", V1("rw,pids"), NULL},
    {"fields that may be there", "0::/a\n",
     "41 31 0:38 / /c rw shared:9 master:1 propagate_from:2 - cgroup2 cgroup2 rw\n", "/c/a/cgroup.procs"},
    {"a container's part: below its root", "0::/docker/1/job\n", V2("/docker/1", "/c"), "/c/job/cgroup.procs"},
    {"the root of it itself", "0::/docker/1\n", V2("/docker/1", "/c"), "/c/cgroup.procs"},
    {"beside it is not below", "0::/docker/12\n", V2("/docker/1", "/c"), NULL},
    {"above it is not either", "0::/docker\n", V2("/docker/1", "/c"), NULL},
    {"outside of the namespace, at the machine's mount", "0::/../b/c\n", V2("/..", "/c"), "/c/b/c/cgroup.procs"},
    {"the same deeper", "0::/../../b\n", V2("/../..", "/c"), "/c/b/cgroup.procs"},
    {"what is outside is not below the namespace's root", "0::/../b\n", V2("/", "/c"), NULL},
    {"nor higher than the mount's", "0::/../../b\n", V2("/..", "/c"), NULL},
    {"nothing climbs out", "0::/a/../../b\n", V2("/a", "/c"), NULL},
    {"a name of dots does not climb", "0::/a/..b/...\n", V2("/", "/c"), "/c/a/..b/.../cgroup.procs"},
    {"what is inside is not below what is outside", "0::/job\n", V2("/..", "/c"), NULL},
    {"escaped blanks in the mount point", "0::/a\n", V2("/", "/c\\040d\\134"), "/c d\\/a/cgroup.procs"},
    {"and in the root", "0::/x y/a\n", V2("/x\\040y", "/c"), "/c/a/cgroup.procs"},
    {"colons and remarks in the place", "0::/a:b (deleted)\n", V2("/", "/c"), "/c/a:b (deleted)/cgroup.procs"},
    {"a line without a hyphen", "0::/a\n", "41 31 0:38 / /c rw,relatime cgroup2 cgroup2 rw\n", NULL},
    {"a line that ends early", "0::/a\n", "41 31 0:38 /\n", NULL},
    {"an empty line", "0::/a\n", "\n", NULL},
    {"fields of the next line are not this one's", "0::/a\n", "1 2 0:3 / /c rw -\n- cgroup2 cgroup2 rw\n", NULL},
    {"a device that is none", "0::/a\n", "41 31 x / /c rw - cgroup2 cgroup2 rw\n", NULL},
};

static void mount_is_found(void **state)
{
    const struct mount_case *row = *state;
    const char *rest = row->place;
    struct cgroup_place place;
    struct cgroup_file file = {.path = "untouched"};

    assert_true(cgroup_next_place(&rest, &place));
    assert_int_equal(cgroup_find_below_mount(row->mount, &place, &file), row->file != NULL);
    if (row->file == NULL)
        return;
    assert_string_equal(file.path, row->file);
    assert_true(file.device == makedev(0, strstr(row->mount, "0:36") != NULL ? 36 : 38));
}

static void a_path_that_is_too_long_is_not_cut(void **state)
{
    char line[3 * PATH_MAX] = "0::", mount[3 * PATH_MAX];
    const char *rest = line;
    struct cgroup_place place;
    struct cgroup_file file;
    int length = PATH_MAX - (int)sizeof "/c/cgroup.procs"; /* with the NUL */

    (void)state;
    for (int more = 0; more < 2; more++) {
        memset(line + 3, 'a', (size_t)(length + more));
        line[3] = '/';
        memcpy(line + 3 + length + more, "\n", 2);
        rest = line;
        assert_true(cgroup_next_place(&rest, &place));
        assert_int_equal(cgroup_find_below_mount(V2("/", "/c"), &place, &file), more == 0);
    }
    (void)snprintf(mount, sizeof mount, "41 31 0:38 / /%0*d rw - cgroup2 cgroup2 rw\n", PATH_MAX, 0);
    rest = "0::/a\n";
    assert_true(cgroup_next_place(&rest, &place));
    assert_false(cgroup_find_below_mount(mount, &place, &file));
}

/* ---- this process ---- */

static void who_follows_is_not_looked_for(void **state)
{
    struct cgroups cgroups = {.count = 0};
    struct error error;

    (void)state;
    assert_int_equal(cgroup_note(&cgroups, POLICY_CGROUP_FOLLOW, NULL, &error), OK);
    assert_null(cgroups.before);
    assert_int_equal(cgroup_compare(&cgroups, &error), OK);
    assert_int_equal(cgroup_return(&cgroups), 0);
    assert_false(cgroups.has_moved);
    cgroup_free(&cgroups);
}

static void who_was_not_moved_stays(void **state)
{
    static const enum policy_cgroup rules[] = {POLICY_CGROUP_KEEP, POLICY_CGROUP_REQUIRE, POLICY_CGROUP_AUTO};

    (void)state;
    for (size_t at = 0; at < COUNT(rules); at++) {
        struct cgroups cgroups;
        struct error error;

        assert_int_equal(cgroup_note(&cgroups, rules[at], NULL, &error), OK);
        assert_int_equal(cgroups.rule, rules[at] == POLICY_CGROUP_AUTO ? POLICY_CGROUP_FOLLOW : rules[at]);
        assert_int_equal(cgroups.before == NULL, rules[at] == POLICY_CGROUP_AUTO);
        assert_int_equal(cgroup_compare(&cgroups, &error), OK);
        assert_false(cgroups.has_moved);
        assert_int_equal(cgroup_return(&cgroups), 0);
        cgroup_free(&cgroups);
        cgroup_free(&cgroups);
    }
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(a_part_that_is_too_long_for_a_file_matches_nothing),
        cmocka_unit_test(a_path_that_is_too_long_is_not_cut),
        cmocka_unit_test(who_follows_is_not_looked_for),
        cmocka_unit_test(who_was_not_moved_stays),
    };
    static struct suite suite;

    ADD_ROWS(&suite, text_is_read, texts);
    ADD_ROWS(&suite, job_is_known, jobs);
    ADD_ROWS(&suite, move_is_found, moves);
    ADD_ROWS(&suite, mount_is_found, mounts);
    ADD_TESTS(&suite, others);
    return cmocka_run_group_tests_name("cgroup", suite.tests, NULL, NULL);
}
