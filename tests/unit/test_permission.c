/* Values in, a decision out: groups are what the test says they are. */
#include "ask/permission.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 8 };

static struct folder folder;
static char file[128];
static const struct policy_paths paths = {file, "/nonexistent"};
static const struct login_defs defs = {.has_uid_min = true, .uid_min = 1000};

static int make_folder(void **state)
{
    (void)state;
    folder_make(&folder);
    (void)snprintf(file, sizeof file, "%s", folder_path(&folder, "pamrun.conf"));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static void read_policy(struct policy *policy, const char *text)
{
    struct error error = {.message = ""};
    enum result result;

    (void)folder_write(&folder, "pamrun.conf", text, 0644);
    result = policy_read(policy, &paths, &error);
    if (result != OK)
        print_message("# refused: %s\n", error.message);
    assert_int_equal(result, OK);
}

/* context: the account's groups between commas, "?GROUP" for one that cannot be looked up. */
static enum membership membership(void *context, const char *group)
{
    char list[256], wanted[64], unknown[64];

    (void)snprintf(list, sizeof list, ",%s,", (const char *)context);
    (void)snprintf(wanted, sizeof wanted, ",%s,", group);
    (void)snprintf(unknown, sizeof unknown, ",?%s,", group);
    if (strstr(list, unknown) != NULL)
        return MEMBERSHIP_UNKNOWN;
    return strstr(list, wanted) != NULL ? MEMBER : NO_MEMBER;
}

/* The rule: key and line, 0 for a default. */
static void assert_rule(const struct permission_rule *rule, enum policy_key key, unsigned int line)
{
    assert_string_equal(policy_key_word(rule->key), policy_key_word(key));
    assert_int_equal(rule->origin.line, line);
    assert_int_equal(rule->origin.file != NULL, line > 0);
}

/* Not its file, nor a line of it. */
static void assert_discreet(const struct error *error)
{
    assert_null(strstr(error->message, folder.path));
    assert_null(strstr(error->hint, folder.path));
}

/* ---- profiles ---- */

static const struct profile_case {
    const char *sentence;
    const char *text;
    bool is_root;
    const char *wanted;
    const char *profile; /* NULL: refused */
    enum policy_key key;
    unsigned int line;
} profiles[] = {
    {"without a wish it is the default", "", false, NULL, "su", POLICY_PROFILE, 0},
    {"without a wish it is the policy's default", "profile = web\n", false, NULL, "web", POLICY_PROFILE, 1},
    {"without a wish it is the policy's default for root", "profile = web\n", true, NULL, "web", POLICY_PROFILE, 1},
    {"the default may be named", "profile = web\n", false, "web", "web", POLICY_PROFILE, 1},
    {"su is nothing special", "profile = web\n", false, "su", NULL, POLICY_USER_PROFILES, 0},
    {"root may use any", "", true, "job", "job", POLICY_USER_PROFILES, 0},
    {"others may use no other one", "", false, "job", NULL, POLICY_USER_PROFILES, 0},
    {"others may use what is listed", "user-profiles = a job\n", false, "job", "job", POLICY_USER_PROFILES, 1},
    {"others may not use what is not", "user-profiles = a job\n", false, "jo", NULL, POLICY_USER_PROFILES, 1},
    {"the default needs no listing", "user-profiles = a\n", false, "su", "su", POLICY_PROFILE, 0},
    {"an empty list leaves the default", "user-profiles =\n", false, NULL, "su", POLICY_PROFILE, 0},
    {"a section does not list a profile", "[profile job]\npty = never\n", false, "job", NULL, POLICY_USER_PROFILES, 0},
    {"a path is not listed", "user-profiles = job\n", false, "../pam.d/job", NULL, POLICY_USER_PROFILES, 1},
    {"capitals are not listed", "user-profiles = job\n", false, "JOB", NULL, POLICY_USER_PROFILES, 1},
};

static void profile_is_allowed_or_refused(void **state)
{
    const struct profile_case *row = *state;
    struct permission_request request = {.applicant = "eve", .applicant_is_root = row->is_root, .profile = row->wanted};
    const char *profile = NULL;
    struct permission_rule rule;
    struct policy policy;
    struct error error;
    enum result result;

    read_policy(&policy, row->text);
    result = permission_profile(&policy, &request, &profile, &rule, &error);
    if (row->profile != NULL) {
        assert_int_equal(result, OK);
        assert_string_equal(profile, row->profile);
    } else {
        assert_failed(result, &error, STATUS_REFUSED, STEP_POLICY);
        assert_null(profile);
        assert_discreet(&error);
    }
    assert_rule(&rule, row->key, row->line);
    policy_free(&policy);
}

/* /etc/pam.d/other is everywhere; the words must not tell. */
static void a_refusal_does_not_tell_whether_there_is_such_a_profile(void **state)
{
    static const char *const names[] = {"other", "xxxxx"};
    struct error errors[2];
    struct policy policy;

    (void)state;
    read_policy(&policy, "");
    for (size_t at = 0; at < COUNT(names); at++) {
        struct permission_request request = {.applicant = "eve", .profile = names[at]};
        struct permission_rule rule;
        const char *profile;
        char *place;

        assert_failed(permission_profile(&policy, &request, &profile, &rule, &errors[at]), &errors[at], STATUS_REFUSED,
                      STEP_POLICY);
        place = strstr(errors[at].message, names[at]);
        assert_non_null(place);
        memset(place, '-', strlen(names[at]));
    }
    assert_string_equal(errors[0].message, errors[1].message);
    assert_string_equal(errors[0].hint, errors[1].hint);
    policy_free(&policy);
}

static void without_a_policy_nothing_is_allowed(void **state)
{
    struct permission_request request = {.applicant = "root", .applicant_is_root = true};
    struct permission_rule rule;
    struct policy policy = {0};
    const char *profile;
    struct error error;

    (void)state;
    assert_failed(permission_profile(&policy, &request, &profile, &rule, &error), &error, STATUS_POLICY, STEP_POLICY);
}

/* ---- user ids ---- */

static const struct id_case {
    const char *sentence;
    const char *text;
    bool is_root, is_mapped;
    const char *profile;
    uid_t uid;
    bool allowed;
    unsigned int line;
} ids[] = {
    {"others get UID_MIN by default", "", false, false, NULL, 1000, true, 0},
    {"others do not get below it", "", false, false, NULL, 999, false, 0},
    {"others do not get root by default", "", false, false, NULL, 0, false, 0},
    {"root gets anybody by default", "", true, false, NULL, 0, true, 0},
    {"root does not get a system account by an identity", "", true, true, NULL, 0, false, 0},
    {"root gets a user by an identity", "", true, true, NULL, 1000, true, 0},
    {"an identity gets what a number says", "minimum-user-id = 0\n", true, true, NULL, 0, true, 1},
    {"what is set counts for root", "minimum-user-id = 500\n", true, false, NULL, 499, false, 1},
    {"what is set counts for others", "minimum-user-id = 0\n", false, false, NULL, 0, true, 1},
    {"the lowest id is allowed", "minimum-user-id = 500\n", false, false, NULL, 500, true, 1},
    {"the profile's counts", "minimum-user-id = 0\n[profile job]\nminimum-user-id = 2000\n", false, false, "job", 1999,
     false, 3},
    {"another profile's does not", "minimum-user-id = 0\n[profile job]\nminimum-user-id = 2000\n", false, false, "web",
     1999, true, 1},
    {"large ids are no negative ones", "minimum-user-id = 4294967294\n", false, false, NULL, 4294967293, false, 1},
    {"the largest id is allowed", "minimum-user-id = 4294967294\n", false, false, NULL, 4294967294, true, 1},
};

static void user_id_is_allowed_or_refused(void **state)
{
    const struct id_case *row = *state;
    struct permission_request request = {.applicant = "eve",
                                         .applicant_is_root = row->is_root,
                                         .is_mapped = row->is_mapped,
                                         .account = "bob",
                                         .account_uid = row->uid,
                                         .defs = &defs};
    struct permission_rule rule;
    struct policy policy;
    struct error error;
    enum result result;

    read_policy(&policy, row->text);
    result = permission_user_id(&policy, &request, row->profile, &rule, &error);
    if (row->allowed) {
        assert_int_equal(result, OK);
    } else {
        assert_failed(result, &error, STATUS_REFUSED, STEP_POLICY);
        assert_discreet(&error);
    }
    assert_rule(&rule, POLICY_MINIMUM_USER_ID, row->line);
    policy_free(&policy);
}

/* ---- groups ---- */

static const struct group_case {
    const char *sentence;
    const char *text;
    const char *groups;
    int status; /* 0: allowed */
    unsigned int line;
} groups[] = {
    {"no group is required by default", "", "", 0, 0},
    {"a required group is enough", "required-groups = hpc\n", "users,hpc", 0, 1},
    {"one of several is enough", "required-groups = a \"domain users\" b\n", "domain users", 0, 1},
    {"none is not", "required-groups = hpc web\n", "users", STATUS_REFUSED, 1},
    {"a part of the name is not", "required-groups = hpc\n", "hpcx,xhpc", STATUS_REFUSED, 1},
    {"the profile's count", "required-groups = hpc\n[profile job]\nrequired-groups = web\n", "hpc", STATUS_REFUSED, 3},
    {"the profile may ask for none", "required-groups = hpc\n[profile job]\nrequired-groups =\n", "", 0, 3},
    {"a group that cannot be looked up is nobody's fault", "required-groups = hpc\n", "?hpc", STATUS_TRY_AGAIN, 1},
    {"another one is enough then", "required-groups = hpc web\n", "?hpc,web", 0, 1},
    {"without another one it is nobody's fault", "required-groups = hpc web\n", "?hpc", STATUS_TRY_AGAIN, 1},
};

static void groups_are_enough_or_not(void **state)
{
    const struct group_case *row = *state;
    struct permission_request request = {
        .applicant = "eve", .account = "bob", .account_uid = 1000, .membership = membership, .defs = &defs};
    struct permission_rule rule;
    struct policy policy;
    struct error error;
    enum result result;

    request.context = (void *)(uintptr_t)row->groups;
    read_policy(&policy, row->text);
    result = permission_groups(&policy, &request, "job", &rule, &error);
    if (row->status == 0) {
        assert_int_equal(result, OK);
    } else {
        assert_failed(result, &error, row->status, STEP_POLICY);
        assert_discreet(&error);
    }
    assert_rule(&rule, POLICY_REQUIRED_GROUPS, row->line);
    policy_free(&policy);
}

/* ---- delegates: what they ask for ---- */

#define DELEGATE                                                                                                       \
    "[delegate slurm]\n"                                                                                               \
    "profiles = job web\n"                                                                                             \
    "options = deadline account-uid\n"                                                                                 \
    "commands = /usr/bin/id \"/usr/bin/mkdir -p /scratch\"\n"

static const struct delegate_case {
    const char *sentence;
    const char *text;
    const char *profile;
    const char *options[WORDS_MAX];
    const char *command[WORDS_MAX];
    bool allowed;
    enum policy_key key;
} delegates[] = {
    {"what is granted is allowed",
     DELEGATE,
     "job",
     {"deadline", "account-uid"},
     {"/usr/bin/id"},
     true,
     POLICY_COMMANDS},
    {"no option needs no grant", DELEGATE, "web", {NULL}, {"/usr/bin/id"}, true, POLICY_COMMANDS},
    {"arguments are free behind a path", DELEGATE, "web", {NULL}, {"/usr/bin/id", "-u", "x y"}, true, POLICY_COMMANDS},
    {"another profile is refused", DELEGATE, "su", {NULL}, {"/usr/bin/id"}, false, POLICY_PROFILES},
    {"the default profile needs a grant", DELEGATE, NULL, {NULL}, {"/usr/bin/id"}, false, POLICY_PROFILES},
    {"the default profile may be granted",
     "profile = job\n" DELEGATE,
     NULL,
     {NULL},
     {"/usr/bin/id"},
     true,
     POLICY_COMMANDS},
    {"user-profiles grants a delegate nothing",
     "user-profiles = x\n" DELEGATE,
     "x",
     {NULL},
     {"/usr/bin/id"},
     false,
     POLICY_PROFILES},
    {"another option is refused", DELEGATE, "job", {"deadline", "no-account"}, {"/usr/bin/id"}, false, POLICY_OPTIONS},
    {"another command is refused", DELEGATE, "job", {NULL}, {"/bin/sh"}, false, POLICY_COMMANDS},
    {"no command is refused", DELEGATE, "job", {NULL}, {NULL}, false, POLICY_COMMANDS},
    {"a command by its name is refused", DELEGATE, "job", {NULL}, {"id"}, false, POLICY_COMMANDS},
    {"another way to a command is refused", DELEGATE, "job", {NULL}, {"/usr/bin/../bin/id"}, false, POLICY_COMMANDS},
    {"a longer path is refused", DELEGATE, "job", {NULL}, {"/usr/bin/idx"}, false, POLICY_COMMANDS},
    {"a shorter path is refused", DELEGATE, "job", {NULL}, {"/usr/bin/i"}, false, POLICY_COMMANDS},
    {"first arguments that are granted are allowed",
     DELEGATE,
     "job",
     {NULL},
     {"/usr/bin/mkdir", "-p", "/scratch"},
     true,
     POLICY_COMMANDS},
    {"more arguments are free",
     DELEGATE,
     "job",
     {NULL},
     {"/usr/bin/mkdir", "-p", "/scratch", "/x"},
     true,
     POLICY_COMMANDS},
    {"a command without its first arguments is refused",
     DELEGATE,
     "job",
     {NULL},
     {"/usr/bin/mkdir"},
     false,
     POLICY_COMMANDS},
    {"a command with too few is refused", DELEGATE, "job", {NULL}, {"/usr/bin/mkdir", "-p"}, false, POLICY_COMMANDS},
    {"first arguments are compared whole",
     DELEGATE,
     "job",
     {NULL},
     {"/usr/bin/mkdir", "-p", "/scratch/x"},
     false,
     POLICY_COMMANDS},
    {"first arguments are compared word by word",
     DELEGATE,
     "job",
     {NULL},
     {"/usr/bin/mkdir", "-p /scratch"},
     false,
     POLICY_COMMANDS},
    {"the path is compared without its arguments",
     DELEGATE,
     "job",
     {NULL},
     {"/usr/bin/mkdir -p /scratch"},
     false,
     POLICY_COMMANDS},
    {"an empty section grants nothing", "[delegate slurm]\n", NULL, {NULL}, {"/usr/bin/id"}, false, POLICY_PROFILES},
    {"a section without commands grants none",
     "[delegate slurm]\nprofiles = job\n",
     "job",
     {NULL},
     {"/usr/bin/id"},
     false,
     POLICY_COMMANDS},
    {"a section without options grants none",
     "[delegate slurm]\nprofiles = job\ncommands = /usr/bin/id\n",
     "job",
     {"deadline"},
     {"/usr/bin/id"},
     false,
     POLICY_OPTIONS},
};

static void delegate_may_or_may_not(void **state)
{
    const struct delegate_case *row = *state;
    struct permission_request request = {.applicant = "slurm", .profile = row->profile, .options = row->options};
    struct permission_rule rule;
    struct policy policy;
    struct error error;
    enum result result;

    request.command = (char *const *)(uintptr_t)row->command;
    read_policy(&policy, row->text);
    result = permission_delegate(&policy, policy_delegate(&policy, "slurm"), &request, &rule, &error);
    if (row->allowed) {
        assert_int_equal(result, OK);
    } else {
        assert_failed(result, &error, STATUS_REFUSED, STEP_POLICY);
        assert_discreet(&error);
        assert_non_null(strstr(error.hint, policy_key_word(row->key)));
    }
    assert_string_equal(policy_key_word(rule.key), policy_key_word(row->key));
    /* profile and options by themselves, whatever the command */
    request.command = NULL;
    result = permission_delegate_options(&policy, policy_delegate(&policy, "slurm"), &request, &rule, &error);
    if (row->key == POLICY_COMMANDS)
        assert_int_equal(result, OK);
    else
        assert_failed(result, &error, STATUS_REFUSED, STEP_POLICY);
    policy_free(&policy);
}

/* ---- delegates: as whom ---- */

static const struct account_case {
    const char *sentence;
    const char *text; /* of the section; a global line may stand before it */
    const char *account;
    uid_t uid;
    const char *groups;
    int status;
} accounts[] = {
    {"who is named is allowed", "accounts = alice bob\n", "bob", 1001, "", 0},
    {"who is named is allowed below the lowest id", "accounts = daemon\n", "daemon", 2, "", 0},
    {"others are refused", "accounts = alice\n", "bob", 1001, "", STATUS_REFUSED},
    {"without accounts all are refused", "profiles = job\n", "bob", 1001, "", STATUS_REFUSED},
    {"a member of a named group is allowed", "accounts = @hpc\n", "bob", 1001, "users,hpc", 0},
    {"a group with blanks may be named", "accounts = \"@domain users\"\n", "bob", 1001, "domain users", 0},
    {"who is in no named group is refused", "accounts = @hpc @web\n", "bob", 1001, "users", STATUS_REFUSED},
    {"a group's name without @ is a user", "accounts = hpc\n", "bob", 1001, "hpc", STATUS_REFUSED},
    {"a user called like a group is not in it", "accounts = @hpc\n", "@hpc", 1001, "", STATUS_REFUSED},
    {"a member below UID_MIN is refused", "accounts = @hpc\n", "daemon", 999, "hpc", STATUS_REFUSED},
    {"a member below the section's lowest id is refused", "accounts = @hpc\nminimum-user-id = 5000\n", "bob", 4999,
     "hpc", STATUS_REFUSED},
    {"a member with the section's lowest id is allowed", "accounts = @hpc\nminimum-user-id = 500\n", "bob", 500, "hpc",
     0},
    {"root is allowed when named", "accounts = root\n", "root", 0, "", 0},
    {"root is refused when not", "accounts = alice\n", "root", 0, "", STATUS_REFUSED},
    {"root is refused as a member", "accounts = @root @hpc\nminimum-user-id = 0\n", "root", 0, "root,hpc",
     STATUS_REFUSED},
    {"another name for root is refused, named or not", "accounts = toor\n", "toor", 0, "", STATUS_REFUSED},
    {"a user who became root is refused", "accounts = alice @hpc\nminimum-user-id = 0\n", "alice", 0, "hpc",
     STATUS_REFUSED},
    {"a group that cannot be looked up is nobody's fault", "accounts = @hpc\n", "bob", 1001, "?hpc", STATUS_TRY_AGAIN},
    {"another group is enough then", "accounts = @hpc @web\n", "bob", 1001, "?hpc,web", 0},
    {"below the lowest id no group is asked", "accounts = @hpc\n", "daemon", 2, "?hpc", STATUS_REFUSED},
};

static void delegate_may_become_or_may_not(void **state)
{
    const struct account_case *row = *state;
    struct permission_request request = {.applicant = "slurm",
                                         .account = row->account,
                                         .account_uid = row->uid,
                                         .membership = membership,
                                         .defs = &defs};
    struct permission_rule rule;
    struct policy policy;
    struct error error;
    enum result result;
    char text[256];

    request.context = (void *)(uintptr_t)row->groups;
    (void)snprintf(text, sizeof text, "[delegate slurm]\n%s", row->text);
    read_policy(&policy, text);
    result = permission_delegate_account(&policy, policy_delegate(&policy, "slurm"), &request, "job", &rule, &error);
    if (row->status == 0) {
        assert_int_equal(result, OK);
    } else {
        assert_failed(result, &error, row->status, STEP_POLICY);
        assert_discreet(&error);
    }
    assert_string_equal(policy_key_word(rule.key), "accounts");
    /* what is granted once it is there is not refused before */
    if (row->status == 0)
        assert_int_equal(permission_delegate_name(policy_delegate(&policy, "slurm"), &request, &rule, &error), OK);
    policy_free(&policy);
}

static void before_an_account_is_there_its_name_counts_or_any_group(void **state)
{
    static const struct {
        const char *text, *account;
        bool allowed;
    } rows[] = {
        {"accounts = alice bob\n", "bob", true}, {"accounts = alice bob\n", "bo", false},
        {"accounts = alice @x\n", "bob", true},  {"accounts =\n", "bob", false},
        {"profiles = job\n", "bob", false},      {"accounts = alice\n", "@alice", false},
    };

    (void)state;
    for (size_t at = 0; at < COUNT(rows); at++) {
        struct permission_request request = {.applicant = "slurm", .account = rows[at].account};
        struct permission_rule rule;
        struct policy policy;
        struct error error;
        enum result result;
        char text[256];

        (void)snprintf(text, sizeof text, "[delegate slurm]\n%s", rows[at].text);
        read_policy(&policy, text);
        result = permission_delegate_name(policy_delegate(&policy, "slurm"), &request, &rule, &error);
        if (rows[at].allowed)
            assert_int_equal(result, OK);
        else
            assert_failed(result, &error, STATUS_REFUSED, STEP_POLICY);
        assert_string_equal(policy_key_word(rule.key), "accounts");
        policy_free(&policy);
    }
}

static void the_profiles_lowest_id_counts_where_the_section_has_none(void **state)
{
    struct permission_request request = {
        .applicant = "slurm", .account = "bob", .membership = membership, .context = (void *)(uintptr_t) "hpc"};
    struct permission_rule rule;
    struct policy policy;
    struct error error;

    (void)state;
    request.defs = &defs;
    read_policy(&policy,
                "minimum-user-id = 100\n[profile job]\nminimum-user-id = 200\n[delegate slurm]\naccounts = @hpc\n");
    request.account_uid = 199;
    assert_failed(
        permission_delegate_account(&policy, policy_delegate(&policy, "slurm"), &request, "job", &rule, &error), &error,
        STATUS_REFUSED, STEP_POLICY);
    assert_int_equal(
        permission_delegate_account(&policy, policy_delegate(&policy, "slurm"), &request, NULL, &rule, &error), OK);
    policy_free(&policy);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_does_not_tell_whether_there_is_such_a_profile),
        cmocka_unit_test(without_a_policy_nothing_is_allowed),
        cmocka_unit_test(the_profiles_lowest_id_counts_where_the_section_has_none),
        cmocka_unit_test(before_an_account_is_there_its_name_counts_or_any_group),
    };
    static struct suite suite;

    if (suite_needs_root())
        return 0;
    ADD_ROWS(&suite, profile_is_allowed_or_refused, profiles);
    ADD_ROWS(&suite, user_id_is_allowed_or_refused, ids);
    ADD_ROWS(&suite, groups_are_enough_or_not, groups);
    ADD_ROWS(&suite, delegate_may_or_may_not, delegates);
    ADD_ROWS(&suite, delegate_may_become_or_may_not, accounts);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("permission", suite.tests, make_folder, remove_folder);
}
