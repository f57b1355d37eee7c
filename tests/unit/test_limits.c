/* limits: what an applicant may have done to himself is undone for modules, and given back to the command. Each case in
 * a process of its own, as root. */
#include "run/limits.h"

#include "support.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NONE      RLIM_INFINITY
#define LARGE     ((1ULL << 60) + 4097) /* limits.c: what nobody would configure */
#define STACK     ((1ULL << 20) + 4097)
#define CPU       3155760001ULL
#define RTTIME    ((1ULL << 50) + 17)
#define GIB       (1ULL << 30)
#define ASAN_ROOM (1ULL << 45) /* a little for LARGE, enough for the sanitizers' shadow */

enum { LIMITS_MS = 20000, NOT_HERE = 42, OPEN = 500 };

/* ---- the rights of root ---- */

static bool resource_right(bool drop)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    bool had;

    if (syscall(SYS_capget, &header, sets) != 0)
        return false;
    had = (sets[0].effective >> CAP_SYS_RESOURCE & 1) != 0;
    if (drop) {
        sets[0].effective &= ~(1u << CAP_SYS_RESOURCE);
        sets[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
        sets[0].inheritable &= ~(1u << CAP_SYS_RESOURCE);
        (void)syscall(SYS_capset, &header, sets);
    }
    return had;
}

static bool is_root(void)
{
    return geteuid() == 0;
}

/* ---- one limit, taken, perhaps set by a module, found, given ---- */

enum right {
    ANY_RIGHT,     /* the same with CAP_SYS_RESOURCE and without it */
    WITH_RIGHT,    /* not every container's root has it */
    WITHOUT_RIGHT, /* dropped */
};

static const struct limit_case {
    const char *sentence;
    enum right right;
    __rlimit_resource_t resource;
    struct rlimit applicants, ours;
    bool is_set;
    struct rlimit modules, afterwards, commands;
} limit_cases[] = {
    {"FSIZE 0 is raised and marked, and given back",
     ANY_RIGHT,
     RLIMIT_FSIZE,
     {0, NONE},
     {LARGE, NONE},
     false,
     {0, 0},
     {LARGE, NONE},
     {0, NONE}},
    {"AS likewise",
     ANY_RIGHT,
     RLIMIT_AS,
     {ASAN_ROOM, NONE},
     {LARGE, NONE},
     false,
     {0, 0},
     {LARGE, NONE},
     {ASAN_ROOM, NONE}},
    {"DATA likewise",
     ANY_RIGHT,
     RLIMIT_DATA,
     {ASAN_ROOM, NONE},
     {LARGE, NONE},
     false,
     {0, 0},
     {LARGE, NONE},
     {ASAN_ROOM, NONE}},
    {"STACK likewise",
     ANY_RIGHT,
     RLIMIT_STACK,
     {1 << 19, NONE},
     {STACK, NONE},
     false,
     {0, 0},
     {STACK, NONE},
     {1 << 19, NONE}},
    {"CPU likewise", ANY_RIGHT, RLIMIT_CPU, {60, NONE}, {CPU, NONE}, false, {0, 0}, {CPU, NONE}, {60, NONE}},
    {"RTTIME likewise",
     ANY_RIGHT,
     RLIMIT_RTTIME,
     {1000, NONE},
     {RTTIME, NONE},
     false,
     {0, 0},
     {RTTIME, NONE},
     {1000, NONE}},
    {"a low hard limit is raised too, and given back",
     WITH_RIGHT,
     RLIMIT_FSIZE,
     {0, 5000},
     {LARGE, LARGE},
     false,
     {0, 0},
     {LARGE, LARGE},
     {0, 5000}},
    {"a soft limit that is large enough stays",
     ANY_RIGHT,
     RLIMIT_STACK,
     {64 << 20, NONE},
     {64 << 20, NONE},
     false,
     {0, 0},
     {64 << 20, NONE},
     {64 << 20, NONE}},
    {"unlimited stays", ANY_RIGHT, RLIMIT_FSIZE, {NONE, NONE}, {NONE, NONE}, false, {0, 0}, {NONE, NONE}, {NONE, NONE}},
    {"one that modules do not need stays the applicant's",
     ANY_RIGHT,
     RLIMIT_MEMLOCK,
     {100, 200},
     {100, 200},
     false,
     {0, 0},
     {100, 200},
     {100, 200}},
    {"no process at all is the applicant's", ANY_RIGHT, RLIMIT_NPROC, {0, 0}, {0, 0}, false, {0, 0}, {0, 0}, {0, 0}},

    {"a soft limit that a module sets wins, the hard one is the applicant's",
     WITH_RIGHT,
     RLIMIT_FSIZE,
     {0, 5000},
     {LARGE, LARGE},
     true,
     {4000, LARGE},
     {LARGE, LARGE},
     {4000, 5000}},
    {"a soft limit that a module sets wins, where only that was raised",
     ANY_RIGHT,
     RLIMIT_FSIZE,
     {0, NONE},
     {LARGE, NONE},
     true,
     {4000, NONE},
     {LARGE, NONE},
     {4000, NONE}},
    {"a soft limit of a module's is never above the applicant's hard one",
     WITH_RIGHT,
     RLIMIT_FSIZE,
     {0, 5000},
     {LARGE, LARGE},
     true,
     {6000, LARGE},
     {LARGE, LARGE},
     {5000, 5000}},
    {"a hard limit that a module sets wins, the soft one is the applicant's",
     WITH_RIGHT,
     RLIMIT_STACK,
     {1 << 19, NONE},
     {STACK, NONE},
     true,
     {STACK, 16 << 20},
     {STACK, NONE},
     {2 << 20, 16 << 20}},
    {"both of a module's win",
     WITH_RIGHT,
     RLIMIT_CPU,
     {60, 120},
     {CPU, CPU},
     true,
     {1000, 2000},
     {CPU, CPU},
     {1000, 2000}},
    {"a module may raise what the applicant had",
     WITH_RIGHT,
     RLIMIT_FSIZE,
     {0, 0},
     {LARGE, LARGE},
     true,
     {NONE, NONE},
     {LARGE, LARGE},
     {NONE, NONE}},
    {"a limit that was not raised and that a module sets is the module's",
     WITH_RIGHT,
     RLIMIT_MEMLOCK,
     {100, 200},
     {100, 200},
     true,
     {50, 70},
     {100, 200},
     {50, 70}},

    {"no core while modules run; one byte is none, and told from 0",
     ANY_RIGHT,
     RLIMIT_CORE,
     {NONE, NONE},
     {1, NONE},
     false,
     {0, 0},
     {1, NONE},
     {NONE, NONE}},
    {"no core wanted by the applicant",
     ANY_RIGHT,
     RLIMIT_CORE,
     {0, NONE},
     {1, NONE},
     false,
     {0, 0},
     {1, NONE},
     {0, NONE}},
    {"no core possible", ANY_RIGHT, RLIMIT_CORE, {0, 0}, {0, 0}, false, {0, 0}, {0, 0}, {0, 0}},
    {"no core wanted by a module",
     ANY_RIGHT,
     RLIMIT_CORE,
     {NONE, NONE},
     {1, NONE},
     true,
     {0, NONE},
     {1, NONE},
     {0, NONE}},
    {"a soft limit is never above the hard one that a module set",
     WITH_RIGHT,
     RLIMIT_CORE,
     {NONE, NONE},
     {1, NONE},
     true,
     {1, 4096},
     {1, NONE},
     {4096, 4096}},

    {"without the right: up to the hard limit, if that is enough",
     WITHOUT_RIGHT,
     RLIMIT_FSIZE,
     {0, GIB},
     {GIB, GIB},
     false,
     {0, 0},
     {GIB, GIB},
     {0, GIB}},
    {"without the right: what is enough already stays",
     WITHOUT_RIGHT,
     RLIMIT_STACK,
     {16 << 20, 16 << 20},
     {16 << 20, 16 << 20},
     false,
     {0, 0},
     {16 << 20, 16 << 20},
     {16 << 20, 16 << 20}},
    {"without the right: a hard limit that a module lowers stays, and the command has it",
     WITHOUT_RIGHT,
     RLIMIT_FSIZE,
     {0, NONE},
     {LARGE, NONE},
     true,
     {5000, 6000},
     {6000, 6000},
     {5000, 6000}},
    {"without the right: a hard limit that a module lowers, above ours",
     WITHOUT_RIGHT,
     RLIMIT_STACK,
     {1 << 19, NONE},
     {STACK, NONE},
     true,
     {STACK, 16 << 20},
     {STACK, 16 << 20},
     {1 << 19, 16 << 20}},
    {"without the right: a hard limit that a module lowers, of one that was left alone",
     WITHOUT_RIGHT,
     RLIMIT_MEMLOCK,
     {100, 200},
     {100, 200},
     true,
     {50, 70},
     {70, 70},
     {50, 70}},
};

#define LIMIT_FORMAT      "%jx:%jx\n"
#define LIMIT_ITEMS(pair) (uintmax_t)(pair).rlim_cur, (uintmax_t)(pair).rlim_max

static void print_limit(__rlimit_resource_t resource)
{
    struct rlimit now = {0, 0};

    (void)getrlimit(resource, &now);
    printf(LIMIT_FORMAT, LIMIT_ITEMS(now));
}

/* As root, where the row's limits can be had. */
static void assert_prints(int (*call)(const void *), const void *row, const char *expected)
{
    struct ran ran;

    if (!is_root())
        skip();
    run(&ran, call, row, LIMITS_MS);
    if (ran.status == NOT_HERE)
        return;
    assert_string_equal(ran.output, expected);
    assert_int_equal(ran.status, 0);
}

static int take_and_give(const void *data)
{
    const struct limit_case *row = data;
    struct limits limits = {.taken = false};
    struct error error = {.message = ""};
    bool had = resource_right(row->right == WITHOUT_RIGHT);

    if ((row->right == WITH_RIGHT && !had) || setrlimit(row->resource, &row->applicants) != 0)
        return NOT_HERE; /* the hard limit is lower here, and cannot be raised */
    if (limits_take(&limits, true, &error) != OK) {
        printf("take: %s\n", error.message);
        return 1;
    }
    print_limit(row->resource);
    if (row->is_set && setrlimit(row->resource, &row->modules) != 0)
        return 2;
    if (limits_find(&limits, &error) != OK) {
        printf("find: %s\n", error.message);
        return 3;
    }
    print_limit(row->resource);
    if (!limits_give(&limits))
        return 4;
    print_limit(row->resource);
    return 0;
}

static void a_limit_is_taken_and_given_back(void **state)
{
    const struct limit_case *row = *state;
    char expected[256];

    (void)snprintf(expected, sizeof expected, LIMIT_FORMAT LIMIT_FORMAT LIMIT_FORMAT, LIMIT_ITEMS(row->ours),
                   LIMIT_ITEMS(row->afterwards), LIMIT_ITEMS(row->commands));
    assert_prints(take_and_give, row, expected);
}

/* ---- refused: without the right, and with a hard limit that is too low ---- */

static const struct refusal_case {
    const char *sentence;
    __rlimit_resource_t resource;
    rlim_t hard;
    const char *name;
} refusal_cases[] = {
    {"without the right: FSIZE just too low is refused", RLIMIT_FSIZE, GIB - 1, "FSIZE"},
    {"without the right: STACK just too low is refused", RLIMIT_STACK, (1 << 20) - 1, "STACK"},
    {"without the right: CPU just too low is refused", RLIMIT_CPU, 3599, "CPU"},
    {"without the right: SIGPENDING just too low is refused", RLIMIT_SIGPENDING, 63, "SIGPENDING"},
    {"without the right: RTTIME just too low is refused", RLIMIT_RTTIME, 59999999, "RTTIME"},
    {"without the right: NOFILE just too low is refused", RLIMIT_NOFILE, 200, "NOFILE"},
};

static int take_without_right(const void *data)
{
    const struct refusal_case *row = data;
    struct rlimit low = {row->hard, row->hard};
    struct limits limits = {.taken = false};
    struct error error = {.message = ""};

    (void)resource_right(true);
    if (setrlimit(row->resource, &low) != 0)
        return NOT_HERE;
    if (limits_take(&limits, true, &error) == OK)
        return 1;
    printf("%d %s: %s", error.status, step_name(error.step), error.message);
    return limits.taken ? 2 : 0; /* nothing to give back */
}

static void a_limit_that_is_too_low_is_refused(void **state)
{
    const struct refusal_case *row = *state;
    char expected[256];
    struct ran ran;

    if (!is_root())
        skip();
    run(&ran, take_without_right, row, LIMITS_MS);
    (void)snprintf(expected, sizeof expected,
                   "71 %s: resource limits: RLIMIT_%s is lower than PAM modules need, and cannot be raised",
                   step_name(STEP_OPTIONS), row->name);
    assert_string_equal(ran.output, expected);
    assert_int_equal(ran.status, 0);
}

/* ---- descriptors ---- */

struct descriptors_case {
    rlim_t soft;
    int open;
};

/* Prints the soft limit that is ours, and the command's. */
static int take_descriptors(const void *data)
{
    const struct descriptors_case *row = data;
    struct rlimit limit = {row->soft, 0}, now;
    struct limits limits = {.taken = false};
    struct error error;

    if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_max < 1000)
        return NOT_HERE;
    limit.rlim_max = now.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    for (int fd = STDERR_FILENO; fd >= 0 && fd < row->open;)
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (limits_take(&limits, true, &error) != OK || getrlimit(RLIMIT_NOFILE, &now) != 0)
        return 2;
    printf("%ju ", (uintmax_t)now.rlim_cur);
    if (limits_find(&limits, &error) != OK || !limits_give(&limits) || getrlimit(RLIMIT_NOFILE, &now) != 0)
        return 3;
    printf("%ju", (uintmax_t)now.rlim_cur);
    return 0;
}

static void descriptors_are_raised_only_when_few_are_free(void **state)
{
    const struct descriptors_case roomy = {OPEN + 400, OPEN}, full = {OPEN + 10, OPEN}, none = {OPEN + 1, OPEN};
    struct ran ran;

    (void)state;
    if (!is_root())
        skip();
    run(&ran, take_descriptors, &roomy, LIMITS_MS);
    if (ran.status == NOT_HERE)
        return;
    assert_string_equal(ran.output, "900 900");
    run(&ran, take_descriptors, &full, LIMITS_MS);
    assert_string_equal(ran.output, "757 510"); /* the next is 501: room for 256 from there */
    run(&ran, take_descriptors, &none, LIMITS_MS);
    assert_string_equal(ran.output, "757 501"); /* none is free: from the limit on */
}

/* ---- oom_score_adj ---- */

static bool file_put(const char *text)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        (void)close(fd);
    return written;
}

static void print_score(void)
{
    char text[16] = "";
    int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    (void)close(fd);
    text[strcspn(text, "\n")] = '\0';
    printf("%s ", text);
}

static int take_score(const void *score)
{
    struct limits limits = {.taken = false};
    struct error error;

    if (!file_put(score))
        return NOT_HERE; /* below 0: without the right */
    limits_take_oom_score(&limits);
    print_score();
    if (limits_find(&limits, &error) != OK)
        return 2;
    print_score();
    if (!limits_give(&limits))
        return 3;
    print_score();
    return 0;
}

static void the_kernel_does_not_end_us_first(void **state)
{
    static const char *const scores[][2] = {
        {"1000", "0 0 1000 "}, {"1", "0 0 1 "}, {"0", "0 0 0 "}, {"-500", "-500 -500 -500 "}};
    struct ran ran;

    (void)state;
    if (!is_root())
        skip();
    for (size_t at = 0; at < COUNT(scores); at++) {
        run(&ran, take_score, scores[at][0], LIMITS_MS);
        if (ran.status == NOT_HERE)
            continue;
        assert_string_equal(ran.output, scores[at][1]);
        assert_int_equal(ran.status, 0);
    }
}

/* ---- a shared session: what a module set in its keeper, and what becomes of it in who joins ---- */

static const struct change_case {
    const char *sentence;
    enum right right;
    __rlimit_resource_t resource;
    struct rlimit keepers;
    bool is_set;
    struct rlimit modules;
    const char *change; /* soft hard: - not set, "up" up to the hard limit */
    struct rlimit joiners, commands;
} change_cases[] = {
    {"what no module sets is the joiner's",
     ANY_RIGHT,
     RLIMIT_NOFILE,
     {100, 200},
     false,
     {0, 0},
     "- -",
     {50, 90},
     {50, 90}},
    {"nor what has no limit", ANY_RIGHT, RLIMIT_FSIZE, {NONE, NONE}, false, {0, 0}, "- -", {GIB, NONE}, {GIB, NONE}},
    {"nor none at all", ANY_RIGHT, RLIMIT_RTPRIO, {0, 0}, false, {0, 0}, "- -", {0, 0}, {0, 0}},
    {"what a module sets is the session's",
     ANY_RIGHT,
     RLIMIT_NOFILE,
     {100, 200},
     true,
     {70, 80},
     "46 50",
     {50, 90},
     {70, 80}},
    {"also to what it was", WITH_RIGHT, RLIMIT_NOFILE, {100, 200}, true, {100, 200}, "64 c8", {50, 90}, {100, 200}},
    {"a soft limit to what it was",
     WITHOUT_RIGHT,
     RLIMIT_NOFILE,
     {100, 200},
     true,
     {100, 200},
     "64 -",
     {50, 190},
     {100, 190}},
    {"cut by the joiner's hard limit",
     WITHOUT_RIGHT,
     RLIMIT_NOFILE,
     {100, 200},
     true,
     {100, 200},
     "64 -",
     {50, 90},
     {90, 90}},
    {"up to the hard limit", WITHOUT_RIGHT, RLIMIT_NOFILE, {100, 200}, true, {200, 200}, "up -", {50, 90}, {90, 90}},
    {"up to the hard limit, as far as a marked one lets it",
     WITH_RIGHT,
     RLIMIT_NOFILE,
     {100, 200},
     true,
     {199, 199},
     "up -",
     {50, 90},
     {90, 90}},
    {"likewise where both were the same",
     WITH_RIGHT,
     RLIMIT_NOFILE,
     {200, 200},
     true,
     {199, 199},
     "up -",
     {50, 90},
     {90, 90}},
    {"where both were the same and stay so",
     ANY_RIGHT,
     RLIMIT_NOFILE,
     {200, 200},
     false,
     {0, 0},
     "- -",
     {50, 90},
     {50, 90}},
    {"no core, set", ANY_RIGHT, RLIMIT_CORE, {0, NONE}, true, {0, NONE}, "0 -", {GIB, NONE}, {0, NONE}},
    {"no limit, set", WITHOUT_RIGHT, RLIMIT_FSIZE, {NONE, NONE}, true, {NONE, NONE}, "up -", {GIB, NONE}, {NONE, NONE}},
    {"no limit, set with the right",
     WITH_RIGHT,
     RLIMIT_FSIZE,
     {NONE, NONE},
     true,
     {NONE, NONE},
     "ffffffffffffffff ffffffffffffffff",
     {GIB, NONE},
     {NONE, NONE}},
    {"a hard limit that is raised",
     WITH_RIGHT,
     RLIMIT_NOFILE,
     {100, 200},
     true,
     {100, 300},
     "64 12c",
     {50, 90},
     {100, 300}},
};

static void print_change(const struct limit_change *change)
{
    if (change->soft_is == LIMIT_SET)
        printf("%jx ", (uintmax_t)change->soft);
    else
        printf(change->soft_is == LIMIT_KEPT ? "- " : "up ");
    if (change->hard_is_set)
        printf("%jx\n", (uintmax_t)change->hard);
    else
        printf("-\n");
}

/* Both in one process, for want of the right to raise a hard limit again: the joiner's limits are only said. */
static int mark_and_follow(const void *data)
{
    const struct change_case *row = data;
    struct limit_change changes[LIMITS_COUNT];
    struct limits_mark mark;
    struct limits limits = {.taken = false};
    struct rlimit now;
    struct error error;
    bool is_back;

    if (row->right == WITH_RIGHT && !resource_right(false))
        return NOT_HERE;
    if (setrlimit(row->resource, &row->keepers) != 0)
        return NOT_HERE;
    if (row->right == WITHOUT_RIGHT)
        (void)resource_right(true);
    if (!limits_mark(&mark) || (row->is_set && setrlimit(row->resource, &row->modules) != 0)
        || !limits_unmark(&mark, changes))
        return 1;
    print_change(&changes[row->resource]);
    if (getrlimit(row->resource, &now) != 0)
        return 2;
    is_back = now.rlim_cur == row->keepers.rlim_cur && now.rlim_max == row->keepers.rlim_max;
    if (!is_back && (resource_right(false) || !row->is_set || row->modules.rlim_max >= row->keepers.rlim_max))
        printf("the keeper's are not its own again: %jx:%jx\n", (uintmax_t)now.rlim_cur, (uintmax_t)now.rlim_max);
    if (limits_take(&limits, false, &error) != OK)
        return 3;
    limits.applicants[row->resource] = row->joiners;
    if (limits_follow(&limits, changes, &error) != OK)
        return 4;
    printf(LIMIT_FORMAT, LIMIT_ITEMS(limits.commands[row->resource]));
    return 0;
}

static void what_modules_set_is_the_joiners(void **state)
{
    const struct change_case *row = *state;
    char expected[256];

    (void)snprintf(expected, sizeof expected, "%s\n" LIMIT_FORMAT, row->change, LIMIT_ITEMS(row->commands));
    assert_prints(mark_and_follow, row, expected);
}

/* ---- root as applicant ---- */

static int find_and_give_untaken(const void *data)
{
    const struct rlimit low = {100, 200};
    struct limits limits = {.taken = false};
    struct error error;

    (void)data;
    if (setrlimit(RLIMIT_MEMLOCK, &low) != 0 || limits_find(&limits, &error) != OK || !limits_give(&limits))
        return 1;
    print_limit(RLIMIT_MEMLOCK);
    return 0;
}

static void what_was_not_taken_is_not_given(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, find_and_give_untaken, NULL, LIMITS_MS);
    assert_string_equal(ran.output, "64:c8\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_raised_only_when_few_are_free),
        cmocka_unit_test(the_kernel_does_not_end_us_first),
        cmocka_unit_test(what_was_not_taken_is_not_given),
    };
    static struct suite suite;

    ADD_TESTS(&suite, tests);
    ADD_ROWS(&suite, a_limit_is_taken_and_given_back, limit_cases);
    ADD_ROWS(&suite, a_limit_that_is_too_low_is_refused, refusal_cases);
    ADD_ROWS(&suite, what_modules_set_is_the_joiners, change_cases);
    return cmocka_run_group_tests_name("limits", suite.tests, NULL, NULL);
}
