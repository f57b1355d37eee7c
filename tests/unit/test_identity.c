#include "ask/identity.h"

#include "base/clock.h"
#include "memory.h"
#include "support.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- a directory service of our own, linked in for the library's look-ups ---- */

static struct {
    bool answers;                         /* false: the real one does */
    int problem;                          /* what a look-up returns when it finds nothing */
    size_t needed;                        /* bytes that it wants; less is ERANGE */
    const struct passwd *by_name, *by_id; /* what it finds */
    const struct group *group;
    const struct passwd *late; /* what it finds by name only after so many look-ups */
    int late_look_ups;
    bool errs; /* about who calls */
} directory;

int __real_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **found);
int __real_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **found);
int __real_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, struct group **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **found);
int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **found);
int __wrap_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, struct group **found);

static int answer(const struct passwd *known, struct passwd *entry, size_t size, struct passwd **found)
{
    *found = NULL;
    if (size < directory.needed)
        return ERANGE;
    if (known == NULL)
        return directory.problem;
    *entry = *known;
    *found = entry;
    return 0;
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **found)
{
    if (!directory.answers)
        return __real_getpwnam_r(name, entry, buffer, size, found);
    if (directory.late != NULL && directory.late_look_ups-- <= 0)
        directory.by_name = directory.late;
    return answer(directory.by_name, entry, size, found);
}

int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **found)
{
    int problem;

    if (!directory.answers)
        return __real_getpwuid_r(uid, entry, buffer, size, found);
    problem = answer(directory.by_id, entry, size, found);
    if (*found != NULL && uid == getuid() && !directory.errs) /* who calls has the number that he has */
        entry->pw_uid = uid;
    return problem;
}

int __wrap_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, struct group **found)
{
    if (!directory.answers)
        return __real_getgrnam_r(name, entry, buffer, size, found);
    *found = NULL;
    if (size < directory.needed)
        return ERANGE;
    if (directory.group == NULL)
        return directory.problem;
    *entry = *directory.group;
    *found = entry;
    return 0;
}

static int close_directory(void **state)
{
    (void)state;
    memset(&directory, 0, sizeof directory);
    return 0;
}

static const struct passwd alice_entry = {.pw_name = (char *)"alice",
                                          .pw_dir = (char *)"/home/alice",
                                          .pw_shell = (char *)"/bin/zsh",
                                          .pw_uid = 1234,
                                          .pw_gid = 5678};

/* ---- names ---- */

#define A63  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define A255 A63 A63 A63 A63 "abc"

static const struct name_case {
    const char *sentence;
    const char *name;
    bool valid;
} name_cases[] = {
    {"a word can be a name", "alice", true},
    {"a letter can be a name", "a", true},
    {"a number can be a name", "1000", true},
    {"an address can be a name", "alice@example.com", true},
    {"points can be in a name", "alice.b", true},
    {"a point can begin a name", ".alice", true},
    {"a domain can be before a name", "DOM\\alice", true},
    {"blanks can be in a name", "alice b", true},
    {"capitals can be in a name", "Alice", true},
    {"a dollar can end a name", "host$", true},
    {"a hyphen can be in a name", "a-b-", true},
    {"UTF-8 can be in a name", "j\303\274rgen", true},
    {"255 bytes can be a name", A255, true},
    {"256 bytes can be none", A255 "x", false},
    {"very many bytes can be none", A255 A255 A255, false},
    {"nothing can be no name", "", false},
    {"an option can be no name", "-alice", false},
    {"a hyphen can be no name", "-", false},
    {"a path can be no name", "/alice", false},
    {"a path inside can be no name", "../alice", false},
    {"a slash at the end can be no name", "alice/", false},
    {"a new line can be in no name", "alice\n", false},
    {"a tab can be in no name", "a\tb", false},
    {"an escape can be in no name", "a\033[2J", false},
    {"the first control character is in none", "a\001", false},
    {"the last control character is in none", "a\037", false},
    {"DEL can be in no name", "a\177", false},
    {"a C1 control character is in none", "a\302\2332J", false},
};

static void name_can_be_one_or_not(void **state)
{
    const struct name_case *row = *state;
    struct options options = {.account_name = row->name};
    struct identity identity = {0};
    struct error error;

    assert_int_equal(account_name_is_valid(row->name), row->valid);
    if (!row->valid) {
        assert_failed(identity_resolve(&identity, &options, getuid() == 0, &error), &error, STATUS_USAGE,
                      STEP_IDENTITY);
        assert_int_equal(error.class, CLASS_NODE);
        assert_true(error.hint[0] != '\0');
        identity_free(&identity);
    }
}

/* ---- the real directory ---- */

static void assert_root(const struct account *account)
{
    assert_string_equal(account->name, "root");
    assert_int_equal(account->uid, 0);
    assert_int_equal(account->gid, 0);
    assert_string_equal(account->home, "/root");
    assert_true(account->shell[0] == '/');
}

static const struct root_case {
    const char *sentence;
    struct options options;
} root_cases[] = {
    {"without a name the account is root", {.account_name = NULL}},
    {"root is found by name", {.account_name = "root"}},
    {"root is found by number", {.has_account_uid = true, .account_uid = 0, .form = FORM_COMMAND}},
};

static void account_is_root(void **state)
{
    const struct root_case *row = *state;
    struct identity identity = {0};
    struct error error;

    assert_int_equal(identity_resolve(&identity, &row->options, getuid() == 0, &error), OK);
    assert_root(&identity.account);
    assert_int_equal(identity.applicant.uid, getuid());
    assert_false(identity.has_group);
    assert_null(identity.supplementary.ids);
    identity_free(&identity);
    assert_null(identity.account.name);
    identity_free(&identity);
}

static const struct unknown_case {
    const char *sentence;
    struct options options;
    const char *fragment;
} unknown_cases[] = {
    {"a name that nobody has is no user",
     {.account_name = "no-such-user-of-ours"},
     "user no-such-user-of-ours: does not exist"},
    {"a number as a name is no user", {.account_name = "0"}, "user 0: does not exist"},
    {"a number with a sign as a name is none", {.account_name = "+0"}, "does not exist"},
    {"#0 is no user", {.account_name = "#0"}, "does not exist"},
    {"a number that nobody has is no user",
     {.has_account_uid = true, .account_uid = 4242424242U},
     "user id 4242424242"},
    {"a group that nobody has is none",
     {.account_name = "root", .group = "no-such-group-of-ours"},
     "group no-such-group-of-ours: does not exist"},
    {"a supplementary group is looked up too",
     {.account_name = "root", .supplementary = (const char *[]){"root", "no-such-group-of-ours", NULL}},
     "group no-such-group-of-ours"},
    {"a number as a group is none", {.account_name = "root", .group = "0"}, "group 0: does not exist"},
    {"an empty group is none", {.account_name = "root", .group = ""}, "group"},
    {"control characters do not get through",
     {.account_name = "root", .group = "x\033[2J\ny"},
     "group x\\033[2J\\012y: does not exist"},
};

static void nobody_has_it(void **state)
{
    const struct unknown_case *row = *state;
    struct identity identity = {0};
    struct error error;

    assert_failed(identity_resolve(&identity, &row->options, getuid() == 0, &error), &error, STATUS_NO_USER,
                  STEP_IDENTITY);
    assert_int_equal(error.class, CLASS_NODE);
    assert_non_null(strstr(error.message, row->fragment));
    identity_free(&identity);
    identity_free(&identity);
}

static void groups_of_the_options_are_looked_up_in_order(void **state)
{
    const char *supplementary[] = {"daemon", "root", "daemon", NULL};
    struct options options = {.account_name = "root", .group = "bin", .supplementary = supplementary};
    const gid_t wanted[] = {2, 1, 0, 1}; /* base-passwd's */
    struct identity identity = {0};
    struct error error;

    (void)state;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    assert_true(identity.has_group);
    assert_int_equal(identity.group, wanted[0]);
    assert_int_equal(identity.supplementary.count, COUNT(wanted));
    assert_memory_equal(identity.supplementary.ids, wanted, sizeof wanted);
    identity_free(&identity);
    assert_null(identity.supplementary.ids);
}

static void without_g_the_first_supplementary_group_is_the_primary_one(void **state)
{
    const char *supplementary[] = {"daemon", "root", NULL};
    struct options options = {.account_name = "root", .supplementary = supplementary};
    struct identity identity = {0};
    struct error error;

    (void)state;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    assert_true(identity.has_group);
    assert_int_equal(identity.group, 1);
    assert_int_equal(identity.supplementary.count, 2);
    identity_free(&identity);
}

static void roots_group_may_be_named(void **state)
{
    struct options options = {.account_name = "root", .group = "root"};
    struct identity identity = {0};
    struct error error;

    (void)state;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    assert_true(identity.has_group);
    assert_int_equal(identity.group, 0);
    assert_int_equal(identity.supplementary.count, 1);
    identity_free(&identity);
}

/* The applicant is who the real user id says, named or not. */
static int resolve_as(const void *data)
{
    struct options options = {.account_name = "root"};
    struct identity identity = {0};
    struct error error;
    uid_t uid = *(const uid_t *)data;

    if (setresuid(uid, 0, 0) != 0)
        return 1;
    if (identity_resolve(&identity, &options, getuid() == 0, &error) != OK)
        return 2;
    printf("%s %ju, %s", identity.applicant.name, (uintmax_t)identity.applicant.uid, identity.account.name);
    identity_free(&identity);
    return 0;
}

static void the_applicant_is_known_by_the_real_user_id(void **state)
{
    const uid_t named = 1, nameless = 4242424242U;
    struct ran ran;

    (void)state;
    if (geteuid() != 0)
        skip();
    run(&ran, resolve_as, &named, 5000);
    assert_string_equal(ran.output, "daemon 1, root");
    run(&ran, resolve_as, &nameless, 5000);
    assert_string_equal(ran.output, "4242424242 4242424242, root");
}

/* ---- to an applicant who is not root an unknown name is like any other ---- */

static const struct passwd daemon_entry = {
    .pw_name = (char *)"daemon", .pw_dir = (char *)"/", .pw_shell = (char *)"/bin/sh", .pw_uid = 1, .pw_gid = 1};

/* The name that is asked for, what the directory says of it, then, and when it is asked again. */
static const struct stand_in_case {
    const char *sentence;
    const char *name;
    int problem;
    struct passwd before, after; /* without a name: nothing */
    const char *resolved, *confirmed;
} stand_in_cases[] = {
    {.sentence = "an unknown name stands for nobody",
     .name = "alice",
     .resolved = "alice 65534 65534 / /bin/sh unknown",
     .confirmed = "67: user alice: does not exist"},
    {.sentence = "a number as a name too",
     .name = "0",
     .resolved = "0 65534 65534 / /bin/sh unknown",
     .confirmed = "67: user 0: does not exist"},
    {.sentence = "an entry without a home too",
     .name = "alice",
     .before = {.pw_name = (char *)"alice", .pw_dir = (char *)"", .pw_uid = 7, .pw_gid = 7},
     .after = {.pw_name = (char *)"alice", .pw_dir = (char *)"", .pw_uid = 7, .pw_gid = 7},
     .resolved = "alice 65534 65534 / /bin/sh unknown",
     .confirmed = "67: user alice: the passwd entry is incomplete (no home directory)"},
    {.sentence = "an entry with the id -1 too",
     .name = "alice",
     .before = {.pw_name = (char *)"alice", .pw_dir = (char *)"/", .pw_uid = (uid_t)-1, .pw_gid = 7},
     .after = {.pw_name = (char *)"alice", .pw_dir = (char *)"/", .pw_uid = (uid_t)-1, .pw_gid = 7},
     .resolved = "alice 65534 65534 / /bin/sh unknown",
     .confirmed = "67: user alice: 4294967295 is no user or group id"},
    {.sentence = "a name that becomes known meanwhile is refused",
     .name = "alice",
     .after = {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_uid = 1234, .pw_gid = 5678},
     .resolved = "alice 65534 65534 / /bin/sh unknown",
     .confirmed = "77: user alice: changed while the PAM modules ran (was uid 65534 gid 65534, is uid 1234 gid 5678)"},
    {.sentence = "even as what stood for it",
     .name = "alice",
     .after = {.pw_name = (char *)"alice", .pw_dir = (char *)"/", .pw_uid = 65534, .pw_gid = 65534},
     .resolved = "alice 65534 65534 / /bin/sh unknown",
     .confirmed =
         "77: user alice: changed while the PAM modules ran (was uid 65534 gid 65534, is uid 65534 gid 65534)"},
    {.sentence = "a known name is itself",
     .name = "alice",
     .before = {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_uid = 1234, .pw_gid = 5678},
     .after = {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_uid = 1234, .pw_gid = 5678},
     .resolved = "alice 1234 5678 /h /bin/sh",
     .confirmed = "ok"},
    {.sentence = "a look-up that fails is told to everybody",
     .name = "alice",
     .problem = EIO,
     .resolved = "71: user alice: look-up failed: Input/output error"},
    {.sentence = "and one that a directory does not answer may be tried again",
     .name = "alice",
     .problem = ECONNREFUSED,
     .resolved = "75: user alice: look-up failed: Connection refused"},
    {.sentence = "a name that can be none is too",
     .name = "-alice",
     .resolved = "64: user name '-alice': not a possible one"},
};

static const struct passwd *entry_or_nothing(const struct passwd *entry)
{
    return entry->pw_name != NULL ? entry : NULL;
}

static int resolve_and_confirm(const void *data)
{
    const struct stand_in_case *row = data;
    struct options options = {.account_name = row->name};
    struct identity identity = {0};
    struct error error;

    if (setresuid(1, 0, 0) != 0)
        return 1;
    directory.answers = true;
    directory.by_id = &daemon_entry;
    directory.by_name = entry_or_nothing(&row->before);
    directory.problem = row->problem;
    if (identity_resolve(&identity, &options, getuid() == 0, &error) != OK) {
        printf("%d: %s", error.status, error.message);
    } else {
        const struct account *account = &identity.account;

        printf("%s %ju %ju %s %s%s|", account->name, (uintmax_t)account->uid, (uintmax_t)account->gid, account->home,
               account->shell, identity.unknown ? " unknown" : "");
        directory.by_name = entry_or_nothing(&row->after);
        if (identity_confirm(&identity, &error) != OK)
            printf("%d: %s", error.status, error.message);
        else
            printf("ok");
    }
    identity_free(&identity);
    return 0;
}

static void an_applicant_gets_somebody_to_ask_for(void **state)
{
    const struct stand_in_case *row = *state;
    char expected[512];
    struct ran ran;

    if (geteuid() != 0)
        skip();
    run(&ran, resolve_and_confirm, row, 5000);
    (void)snprintf(expected, sizeof expected, "%s%s%s", row->resolved, row->confirmed != NULL ? "|" : "",
                   row->confirmed != NULL ? row->confirmed : "");
    assert_string_equal(ran.output, expected);
    assert_int_equal(ran.status, 0);
}

/* ---- to root and delegates it is not, unless a module of the account step is to make the account ---- */

static void a_delegate_is_told_that_there_is_no_such_user(void **state)
{
    struct options options = {.account_name = "alice"};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_id = &daemon_entry;
    assert_failed(identity_resolve(&identity, &options, true, &error), &error, STATUS_NO_USER, STEP_IDENTITY);
    assert_false(identity.unknown);
    identity_free(&identity);
    assert_int_equal(identity_resolve(&identity, &options, false, &error), OK);
    assert_true(identity.unknown);
    identity_free(&identity);
}

static void an_applicant_who_is_known_is_not_looked_up_again(void **state)
{
    struct options options = {.account_name = "alice"};
    struct identity identity = {0};
    struct error error;
    const char *name;

    (void)state;
    directory.answers = true;
    directory.by_id = &daemon_entry;
    directory.by_name = &alice_entry;
    assert_int_equal(identity_find_applicant(&identity, &error), OK);
    assert_string_equal(identity.applicant.name, "daemon");
    name = identity.applicant.name;
    directory.by_id = NULL;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    assert_ptr_equal(identity.applicant.name, name);
    identity_free(&identity);
}

static void a_caller_with_another_number_is_nobody_to_go_on_with(void **state)
{
    struct identity identity = {0};
    struct error error;
    char said[128];

    (void)state;
    directory.answers = directory.errs = true;
    directory.by_id = &alice_entry;
    assert_failed(identity_find_applicant(&identity, &error), &error, STATUS_SYSTEM, STEP_IDENTITY);
    (void)snprintf(said, sizeof said, "user id %ju, who called: the look-up found user id 1234", (uintmax_t)getuid());
    assert_string_equal(error.message, said);
    assert_null(identity.applicant.name);
    assert_int_equal(account_of_caller(&identity.applicant, 1234, &error), OK);
    assert_string_equal(identity.applicant.name, "alice");
    identity_free(&identity);
}

static const struct group staff_group = {.gr_name = (char *)"staff", .gr_gid = 50};

/* What the command line says besides, and which group the run has once the account is made. */
static const struct provision_case {
    const char *sentence;
    struct options options;
    bool has_group;
    gid_t group;
    size_t supplementary;
} provision_cases[] = {
    {"an account that a module makes is used", {.account_name = "alice"}, false, 0, 0},
    {"its name may be a number", {.account_name = "1000"}, false, 0, 0},
    {"--group counts for one that is made, too", {.account_name = "alice", .group = "staff"}, true, 50, 1},
    {"and --supp-group",
     {.account_name = "alice", .supplementary = (const char *[]){"staff", "staff", NULL}},
     true,
     50,
     2},
};

static void account_is_made_by_a_module(void **state)
{
    const struct provision_case *row = *state;
    struct passwd made = alice_entry;
    struct options options = row->options;
    struct identity identity = {0};
    struct error error;
    const char *name;

    made.pw_name = (char *)options.account_name;
    options.provision = true;
    directory.answers = true;
    directory.group = &staff_group;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    assert_true(identity.unknown);
    assert_int_not_equal(identity.account.uid, 0); /* whatever goes wrong then, it is not root */
    name = identity.account.name;
    assert_string_equal(name, options.account_name);
    directory.by_name = &made;
    assert_int_equal(identity_confirm(&identity, &error), OK);
    assert_false(identity.unknown);
    assert_ptr_equal(identity.account.name, name);
    assert_int_equal(identity.account.uid, 1234);
    assert_int_equal(identity.account.gid, 5678);
    assert_string_equal(identity.account.home, "/home/alice");
    assert_string_equal(identity.account.shell, "/bin/zsh");
    assert_int_equal(identity.has_group, row->has_group);
    assert_int_equal(identity.supplementary.count, row->supplementary);
    if (row->has_group)
        assert_int_equal(identity.group, row->group);
    identity_free(&identity);
}

/* Once it is there, it is an account as any other. */
static void an_account_that_is_there_may_not_change_for_provision_either(void **state)
{
    struct passwd other = alice_entry;
    struct options options = {.account_name = "alice", .provision = true};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_name = &alice_entry;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    assert_false(identity.unknown);
    other.pw_uid = 4321;
    directory.by_name = &other;
    assert_failed(identity_confirm(&identity, &error), &error, STATUS_REFUSED, STEP_IDENTITY);
    identity_free(&identity);
}

static void an_account_that_is_made_under_another_name_is_refused(void **state)
{
    struct passwd other = alice_entry;
    struct options options = {.account_name = "alice", .provision = true};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    other.pw_name = (char *)"root";
    directory.by_name = &other;
    assert_failed(identity_confirm(&identity, &error), &error, STATUS_REFUSED, STEP_IDENTITY);
    identity_free(&identity);
}

static void a_look_up_that_fails_is_not_waited_for(void **state)
{
    struct options options = {.account_name = "alice", .provision = true};
    struct identity identity = {0};
    struct error error;
    int64_t start_ms;

    (void)state;
    directory.answers = true;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    directory.problem = EIO;
    start_ms = clock_now_ms();
    assert_failed(identity_confirm(&identity, &error), &error, STATUS_SYSTEM, STEP_IDENTITY);
    assert_true(clock_now_ms() - start_ms < 4000);
    identity_free(&identity);
    assert_failed(identity_resolve(&identity, &options, true, &error), &error, STATUS_SYSTEM, STEP_IDENTITY);
    identity_free(&identity);
}

/* sssd remembers for a while that there was nobody. */
static void an_account_that_is_seen_late_is_waited_for(void **state)
{
    struct options options = {.account_name = "alice", .provision = true};
    struct identity identity = {0};
    struct error error;
    int64_t start_ms;

    (void)state;
    directory.answers = true;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    directory.late = &alice_entry;
    directory.late_look_ups = 5;
    assert_int_equal(identity_confirm(&identity, &error), OK);
    assert_int_equal(identity.account.uid, 1234);
    identity_free(&identity);
    /* and not for ever */
    directory.late = NULL;
    directory.by_name = NULL;
    assert_int_equal(identity_resolve(&identity, &options, true, &error), OK);
    start_ms = clock_now_ms();
    assert_failed(identity_confirm(&identity, &error), &error, STATUS_NO_USER, STEP_IDENTITY);
    assert_in_range(clock_now_ms() - start_ms, 19000, 60000);
    identity_free(&identity);
}

/* ---- groups ---- */

static void an_account_is_in_its_primary_group_and_in_those_that_list_it(void **state)
{
    const struct account root = {(char *)"root", (char *)"/root", (char *)"/bin/sh", 0, 0},
                         other = {(char *)"no-such-user-of-ours", (char *)"/", (char *)"/bin/sh", 4242, 1};

    (void)state;
    assert_int_equal(account_is_in_group(&root, "root"), 1);
    assert_int_equal(account_is_in_group(&root, "daemon"), 0);
    assert_int_equal(account_is_in_group(&other, "daemon"), 1); /* by its number alone */
    assert_int_equal(account_is_in_group(&other, "root"), 0);
    assert_int_equal(account_is_in_group(&root, "no-such-group-of-ours"), 0);
    assert_int_equal(account_is_in_group(&root, ""), 0);
    assert_int_equal(account_is_in_group(&root, "0"), 0); /* a number is no name */
}

static void a_group_that_cannot_be_looked_up_is_neither(void **state)
{
    const struct account alice = {(char *)"alice", (char *)"/", (char *)"/bin/sh", 1234, 50};

    (void)state;
    directory.answers = true;
    directory.problem = EIO;
    assert_int_equal(account_is_in_group(&alice, "staff"), -1);
    directory.problem = 0;
    assert_int_equal(account_is_in_group(&alice, "staff"), 0);
    directory.group = &staff_group;
    assert_int_equal(account_is_in_group(&alice, "staff"), 1);
    memory_left = 0;
    assert_int_equal(account_is_in_group(&alice, "staff"), -1);
    memory_left = -1;
}

/* ---- a directory that fails, or answers oddly ---- */

static const struct problem_case {
    const char *sentence;
    int problem;
    int status;
} problem_cases[] = {
    {"nothing found is no user", 0, STATUS_NO_USER},
    {"ENOENT is no user, getpwnam_r(3)", ENOENT, STATUS_NO_USER},
    {"ESRCH is no user", ESRCH, STATUS_NO_USER},
    {"EBADF is no user", EBADF, STATUS_NO_USER},
    {"EPERM is no user", EPERM, STATUS_NO_USER},
    {"EIO is a look-up that failed", EIO, STATUS_SYSTEM},
    {"ENOMEM is a look-up that failed", ENOMEM, STATUS_SYSTEM},
    {"EMFILE is a look-up that failed", EMFILE, STATUS_SYSTEM},
    {"ENFILE is a look-up that failed", ENFILE, STATUS_SYSTEM},
    {"EAGAIN is a look-up that failed", EAGAIN, STATUS_SYSTEM},
    {"EINTR is a look-up that failed", EINTR, STATUS_SYSTEM},
    {"an entry larger than all memory fails", ERANGE, STATUS_SYSTEM},
};

static void look_up_ends_with_that_status(void **state)
{
    const struct options by_name = {.account_name = "alice"}, by_id = {.has_account_uid = true, .account_uid = 1234},
                         by_group = {.account_name = "alice", .group = "staff"};
    const struct problem_case *row = *state;
    struct identity identity = {0};
    struct error error;

    directory.answers = true;
    directory.problem = row->problem;
    assert_failed(identity_resolve(&identity, &by_name, getuid() == 0, &error), &error, row->status, STEP_IDENTITY);
    identity_free(&identity);
    assert_failed(identity_resolve(&identity, &by_id, getuid() == 0, &error), &error, row->status, STEP_IDENTITY);
    identity_free(&identity);
    directory.by_name = &alice_entry;
    assert_failed(identity_resolve(&identity, &by_group, getuid() == 0, &error), &error, row->status, STEP_IDENTITY);
    identity_free(&identity);
}

/* "Nobody has that number" and "the directory does not say" are not the same. */
static void an_applicant_who_cannot_be_looked_up_is_not_a_number(void **state)
{
    struct options options = {.account_name = "alice"};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_name = &alice_entry;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    assert_in_range(identity.applicant.name[0], '0', '9');
    identity_free(&identity);
    directory.problem = EIO;
    assert_failed(identity_resolve(&identity, &options, getuid() == 0, &error), &error, STATUS_SYSTEM, STEP_IDENTITY);
    identity_free(&identity);
}

static void an_entry_of_any_size_is_read(void **state)
{
    static const struct group staff = {.gr_name = (char *)"staff", .gr_gid = 50};
    struct options options = {.account_name = "alice", .group = "staff"};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.needed = 1000000;
    directory.by_name = directory.by_id = &alice_entry;
    directory.group = &staff;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    assert_string_equal(identity.account.name, "alice");
    assert_int_equal(identity.group, 50);
    identity_free(&identity);
}

static void the_entry_is_copied(void **state)
{
    char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/zsh";
    struct passwd entry = {.pw_name = name, .pw_dir = home, .pw_shell = shell, .pw_uid = 1234, .pw_gid = 5678};
    struct options options = {.account_name = "alice"};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_name = &entry;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    name[0] = home[0] = shell[0] = '#'; /* as the next look-up does to a static buffer */
    assert_string_equal(identity.account.name, "alice");
    assert_string_equal(identity.account.home, "/home/alice");
    assert_string_equal(identity.account.shell, "/bin/zsh");
    assert_int_equal(identity.account.uid, 1234);
    assert_int_equal(identity.account.gid, 5678);
    identity_free(&identity);
}

static const struct odd_case {
    const char *sentence;
    struct passwd entry;
    const char *shell; /* NULL: refused */
} odd_cases[] = {
    {"an entry without a shell has /bin/sh",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_shell = NULL, .pw_uid = 1234},
     "/bin/sh"},
    {"an entry with an empty shell has /bin/sh",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_shell = (char *)"", .pw_uid = 1234},
     "/bin/sh"},
    {"an entry without a home is refused",
     {.pw_name = (char *)"alice", .pw_dir = NULL, .pw_shell = (char *)"/s", .pw_uid = 1234},
     NULL},
    {"an entry with an empty home is refused",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"", .pw_shell = (char *)"/s", .pw_uid = 1234},
     NULL},
    {"user id -1 is refused",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_shell = (char *)"/s", .pw_uid = (uid_t)-1},
     NULL},
    {"group id -1 is refused",
     {.pw_name = (char *)"alice",
      .pw_dir = (char *)"/h",
      .pw_shell = (char *)"/s",
      .pw_uid = 1234,
      .pw_gid = (gid_t)-1},
     NULL},
};

static void odd_entry_is_taken_or_refused(void **state)
{
    const struct odd_case *row = *state;
    struct options options = {.account_name = "alice"};
    struct identity identity = {0};
    struct error error;
    enum result result;

    directory.answers = true;
    directory.by_name = &row->entry;
    result = identity_resolve(&identity, &options, getuid() == 0, &error);
    if (row->shell != NULL) {
        assert_int_equal(result, OK);
        assert_string_equal(identity.account.shell, row->shell);
    } else {
        assert_failed(result, &error, error.status, STEP_IDENTITY);
        assert_int_equal(error.class, CLASS_NODE);
    }
    identity_free(&identity);
}

static void group_id_minus_one_is_refused(void **state)
{
    static const struct group staff = {.gr_name = (char *)"staff", .gr_gid = (gid_t)-1};
    struct options options = {.account_name = "alice", .group = "staff"};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_name = &alice_entry;
    directory.group = &staff;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), FAILED);
    identity_free(&identity);
}

static void resolve_alice(struct identity *identity)
{
    struct options options = {.account_name = "alice"};
    struct error error;

    directory.answers = true;
    directory.by_name = &alice_entry;
    assert_int_equal(identity_resolve(identity, &options, getuid() == 0, &error), OK);
}

static void without_memory_nobody_is_found(void **state)
{
    static const struct group staff = {.gr_name = (char *)"staff", .gr_gid = 50};
    struct options options = {.account_name = "alice", .group = "staff"};
    enum result result = FAILED;
    long left = 0;

    (void)state;
    directory.answers = true;
    directory.by_name = directory.by_id = &alice_entry;
    directory.group = &staff;
    for (; result != OK; left++) {
        struct identity identity = {0};
        struct error error;

        memory_left = left;
        result = identity_resolve(&identity, &options, getuid() == 0, &error);
        memory_left = -1;
        identity_free(&identity);
        if (result != OK)
            assert_failed(result, &error, STATUS_SYSTEM, STEP_IDENTITY);
    }
    assert_true(left >= 8); /* three for each of applicant and account, the list of groups, a buffer */
}

static void without_memory_nobody_is_confirmed(void **state)
{
    struct identity identity = {0};
    enum result result = FAILED;

    (void)state;
    resolve_alice(&identity);
    for (long left = 0; result != OK; left++) {
        struct error error;

        memory_left = left;
        result = identity_confirm(&identity, &error);
        memory_left = -1;
        if (result != OK)
            assert_failed(result, &error, STATUS_SYSTEM, STEP_IDENTITY);
        assert_string_equal(identity.account.name, "alice");
        assert_string_equal(identity.account.home, "/home/alice");
    }
    identity_free(&identity);
}

/* ---- by number ---- */

static void a_number_leads_to_the_name_and_back(void **state)
{
    struct options options = {.has_account_uid = true, .account_uid = 1234};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_id = directory.by_name = &alice_entry;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), OK);
    assert_string_equal(identity.account.name, "alice");
    identity_free(&identity);
}

static void a_number_whose_name_is_another_users_is_refused(void **state)
{
    struct passwd other = alice_entry;
    struct options options = {.has_account_uid = true, .account_uid = 1234};
    struct identity identity = {0};
    struct error error;

    (void)state;
    other.pw_uid = 0;
    directory.answers = true;
    directory.by_id = &alice_entry;
    directory.by_name = &other;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), FAILED);
    assert_int_equal(error.class, CLASS_NODE);
    assert_non_null(strstr(error.message, "1234"));
    identity_free(&identity);
}

static void a_number_whose_name_leads_nowhere_is_refused(void **state)
{
    struct options options = {.has_account_uid = true, .account_uid = 1234};
    struct identity identity = {0};
    struct error error;

    (void)state;
    directory.answers = true;
    directory.by_id = &alice_entry;
    assert_int_equal(identity_resolve(&identity, &options, getuid() == 0, &error), FAILED);
    identity_free(&identity);
}

static int resolve_nameless_entry(const void *data)
{
    static const struct passwd nameless = {.pw_dir = (char *)"/", .pw_uid = 1234};
    struct options options = {.has_account_uid = true, .account_uid = 1234};
    struct identity identity = {0};
    struct error error;

    (void)data;
    directory.answers = true;
    directory.by_id = &nameless;
    return identity_resolve(&identity, &options, getuid() == 0, &error) == OK ? 0 : 1;
}

static void a_number_whose_entry_has_no_name_is_refused(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, resolve_nameless_entry, NULL, 5000);
    assert_int_equal(ran.status, 1);
}

/* ---- once more, after the modules ran ---- */

static void an_account_that_is_the_same_is_confirmed(void **state)
{
    struct passwd moved = alice_entry;
    struct identity identity = {0};
    struct error error;
    const char *name;

    (void)state;
    resolve_alice(&identity);
    name = identity.account.name;
    moved.pw_dir = (char *)"/new/home";
    moved.pw_shell = (char *)"/bin/new";
    directory.by_name = &moved;
    assert_int_equal(identity_confirm(&identity, &error), OK);
    assert_ptr_equal(identity.account.name, name); /* others borrow it */
    assert_string_equal(identity.account.home, "/new/home");
    assert_string_equal(identity.account.shell, "/bin/new");
    assert_int_equal(identity.account.uid, 1234);
    identity_free(&identity);
}

static const struct change_case {
    const char *sentence;
    struct passwd entry;
    int status;
} change_cases[] = {
    {"another user id is refused",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_shell = (char *)"/s", .pw_uid = 0, .pw_gid = 5678},
     STATUS_REFUSED},
    {"another group id is refused",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"/h", .pw_shell = (char *)"/s", .pw_uid = 1234, .pw_gid = 0},
     STATUS_REFUSED},
    {"another name is refused",
     {.pw_name = (char *)"bob", .pw_dir = (char *)"/h", .pw_shell = (char *)"/s", .pw_uid = 1234, .pw_gid = 5678},
     STATUS_REFUSED},
    {"an entry that lost its home is refused",
     {.pw_name = (char *)"alice", .pw_dir = (char *)"", .pw_shell = (char *)"/s", .pw_uid = 1234, .pw_gid = 5678},
     STATUS_NO_USER},
};

static void changed_account_is_refused(void **state)
{
    const struct change_case *row = *state;
    struct identity identity = {0};
    struct error error;

    resolve_alice(&identity);
    directory.by_name = &row->entry;
    assert_failed(identity_confirm(&identity, &error), &error, row->status, STEP_IDENTITY);
    assert_string_equal(identity.account.name, "alice");
    assert_int_equal(identity.account.uid, 1234);
    identity_free(&identity);
}

static void an_account_that_is_gone_is_no_user(void **state)
{
    struct identity identity = {0};
    struct error error;

    (void)state;
    resolve_alice(&identity);
    directory.by_name = NULL;
    assert_failed(identity_confirm(&identity, &error), &error, STATUS_NO_USER, STEP_IDENTITY);
    identity_free(&identity);
}

static void a_directory_that_fails_then_is_the_nodes_fault(void **state)
{
    struct identity identity = {0};
    struct error error;

    (void)state;
    resolve_alice(&identity);
    directory.by_name = NULL;
    directory.problem = EIO;
    assert_failed(identity_confirm(&identity, &error), &error, STATUS_SYSTEM, STEP_IDENTITY);
    identity_free(&identity);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(groups_of_the_options_are_looked_up_in_order, close_directory),
        cmocka_unit_test_teardown(without_g_the_first_supplementary_group_is_the_primary_one, close_directory),
        cmocka_unit_test_teardown(roots_group_may_be_named, close_directory),
        cmocka_unit_test_teardown(the_applicant_is_known_by_the_real_user_id, close_directory),
        cmocka_unit_test_teardown(an_applicant_who_cannot_be_looked_up_is_not_a_number, close_directory),
        cmocka_unit_test_teardown(an_entry_of_any_size_is_read, close_directory),
        cmocka_unit_test_teardown(a_delegate_is_told_that_there_is_no_such_user, close_directory),
        cmocka_unit_test_teardown(an_applicant_who_is_known_is_not_looked_up_again, close_directory),
        cmocka_unit_test_teardown(a_caller_with_another_number_is_nobody_to_go_on_with, close_directory),
        cmocka_unit_test_teardown(an_account_that_is_there_may_not_change_for_provision_either, close_directory),
        cmocka_unit_test_teardown(an_account_that_is_made_under_another_name_is_refused, close_directory),
        cmocka_unit_test_teardown(a_look_up_that_fails_is_not_waited_for, close_directory),
        cmocka_unit_test_teardown(an_account_that_is_seen_late_is_waited_for, close_directory),
        cmocka_unit_test_teardown(an_account_is_in_its_primary_group_and_in_those_that_list_it, close_directory),
        cmocka_unit_test_teardown(a_group_that_cannot_be_looked_up_is_neither, close_directory),
        cmocka_unit_test_teardown(the_entry_is_copied, close_directory),
        cmocka_unit_test_teardown(group_id_minus_one_is_refused, close_directory),
        cmocka_unit_test_teardown(without_memory_nobody_is_found, close_directory),
        cmocka_unit_test_teardown(without_memory_nobody_is_confirmed, close_directory),
        cmocka_unit_test_teardown(a_number_leads_to_the_name_and_back, close_directory),
        cmocka_unit_test_teardown(a_number_whose_name_is_another_users_is_refused, close_directory),
        cmocka_unit_test_teardown(a_number_whose_name_leads_nowhere_is_refused, close_directory),
        cmocka_unit_test_teardown(a_number_whose_entry_has_no_name_is_refused, close_directory),
        cmocka_unit_test_teardown(an_account_that_is_the_same_is_confirmed, close_directory),
        cmocka_unit_test_teardown(an_account_that_is_gone_is_no_user, close_directory),
        cmocka_unit_test_teardown(a_directory_that_fails_then_is_the_nodes_fault, close_directory),
    };
    static struct suite suite;

    ADD_ROWS(&suite, name_can_be_one_or_not, name_cases);
    ADD_ROWS(&suite, account_is_root, root_cases);
    ADD_ROWS(&suite, nobody_has_it, unknown_cases);
    ADD_ROWS(&suite, an_applicant_gets_somebody_to_ask_for, stand_in_cases);
    ADD_ROWS(&suite, account_is_made_by_a_module, provision_cases);
    ADD_ROWS(&suite, look_up_ends_with_that_status, problem_cases);
    ADD_ROWS(&suite, odd_entry_is_taken_or_refused, odd_cases);
    ADD_ROWS(&suite, changed_account_is_refused, change_cases);
    for (size_t at = 0; at < suite.count; at++)
        suite.tests[at].teardown_func = close_directory;
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("identity", suite.tests, NULL, NULL);
}
