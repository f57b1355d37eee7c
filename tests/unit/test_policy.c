/* Policies in a folder of our own, read as root: who owns a file is part of what is tested. */
#include "ask/policy.h"
#include "base/file.h"
#include "pam/service.h"

#include "memory.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_BYTES = 1024 };

#define SECRET "oFB5sKqu"

static struct folder folder;
static char file[128], directory[128];
static const struct policy_paths paths = {file, directory};

static int make_folder(void **state)
{
    (void)state;
    folder_make(&folder);
    (void)snprintf(file, sizeof file, "%s", folder_path(&folder, "pamrun.conf"));
    (void)snprintf(directory, sizeof directory, "%s", folder_path(&folder, "pamrun.conf.d"));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

/* Each test begins and ends with neither file nor folder. */
static int clear(void **state)
{
    char command[300];

    (void)state;
    memory_left = -1;
    memory_comes_back = false;
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s'", file, directory);
    return system(command);
}

static void write_bytes(const char *path, const char *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), count);
    assert_int_equal(close(fd), 0);
}

/* name: NULL for pamrun.conf, else below pamrun.conf.d. */
static const char *put(const char *name, const char *text)
{
    static char path[256];

    if (name != NULL)
        (void)mkdir(directory, 0755);
    (void)snprintf(path, sizeof path, "%s%s%s", name != NULL ? directory : file, name != NULL ? "/" : "",
                   name != NULL ? name : "");
    write_bytes(path, text, strlen(text));
    return path;
}

static void read_well(struct policy *policy)
{
    struct error error = {.message = ""};
    enum result result = policy_read(policy, &paths, &error);

    if (result != OK)
        print_message("# refused: %s\n", error.message);
    assert_int_equal(result, OK);
}

static void read_badly(struct error *error)
{
    struct policy policy;

    *error = (struct error){.message = ""};
    assert_failed(policy_read(&policy, &paths, error), error, STATUS_POLICY, STEP_POLICY);
    assert_int_equal(error->class, CLASS_NODE);
    assert_null(strstr(error->message, SECRET));
    assert_null(strstr(error->hint, SECRET));
    assert_int_equal(policy.count, 0); /* nothing of it holds */
    assert_null(policy_text(&policy, POLICY_PROFILE, NULL));
    assert_null(policy_delegate(&policy, "slurm"));
    policy_free(&policy);
}

/* The message, its path written as @. */
static void assert_message(const struct error *error, const char *expected)
{
    char text[TEXT_BYTES];

    if (strncmp(error->message, folder.path, strlen(folder.path)) != 0)
        print_message("# %s\n", error->message);
    assert_int_equal(strncmp(error->message, folder.path, strlen(folder.path)), 0);
    (void)snprintf(text, sizeof text, "@%s", error->message + strlen(folder.path));
    assert_string_equal(text, expected);
}

static void assert_value(const struct policy *policy, enum policy_key key, const char *profile, const char *expected,
                         const char *origin)
{
    const struct policy_value *value = policy_value(policy, key, profile);
    char text[TEXT_BYTES], from[TEXT_BYTES], wanted[TEXT_BYTES];

    policy_show_value(text, sizeof text, key, value);
    assert_string_equal(text, expected);
    policy_show_origin(from, sizeof from, &value->origin);
    (void)snprintf(wanted, sizeof wanted, "%s%s", *origin == '/' ? folder.path : "", origin);
    assert_string_equal(from, wanted);
}

/* ---- defaults ---- */

static const struct standard {
    const char *sentence;
    enum policy_key key;
    const char *value;
} standards[] = {
    {"profile is su by default", POLICY_PROFILE, "su"},
    {"user-profiles is empty by default", POLICY_USER_PROFILES, ""},
    {"minimum-user-id is auto by default", POLICY_MINIMUM_USER_ID, "auto"},
    {"required-groups is empty by default", POLICY_REQUIRED_GROUPS, ""},
    {"forward-password is yes by default", POLICY_FORWARD_PASSWORD, "yes"},
    {"close-on-exit is no by default", POLICY_CLOSE_ON_EXIT, "no"},
    {"kill-after is 10 by default", POLICY_KILL_AFTER, "10"},
    {"environment-keep is empty by default", POLICY_ENVIRONMENT_KEEP, ""},
    {"expired-password is refuse by default", POLICY_EXPIRED_PASSWORD, "refuse"},
    {"pty is auto by default", POLICY_PTY, "auto"},
    {"cgroup is auto by default", POLICY_CGROUP, "auto"},
    {"job-cgroups knows Slurm and Flux by default", POLICY_JOB_CGROUPS, "slurmstepd* job_* step_* flux-* imp-*"},
    {"password-prompts is empty by default", POLICY_PASSWORD_PROMPTS, ""},
    {"identity-map is empty by default", POLICY_IDENTITY_MAP, ""},
    {"identity-rewrite is empty by default", POLICY_IDENTITY_REWRITE, ""},
};

static void without_files_the_default_holds(void **state)
{
    const struct standard *row = *state;
    struct policy policy;

    assert_int_equal(COUNT(standards), POLICY_RUN_KEYS);
    read_well(&policy);
    assert_value(&policy, row->key, NULL, row->value, "default");
    assert_value(&policy, row->key, "any", row->value, "default");
    policy_free(&policy);
}

static void values_have_types(void **state)
{
    struct policy policy;

    (void)state;
    read_well(&policy);
    assert_string_equal(policy_text(&policy, POLICY_PROFILE, NULL), "su");
    assert_null(policy_text(&policy, POLICY_IDENTITY_MAP, NULL));
    assert_int_equal(policy_number(&policy, POLICY_KILL_AFTER, NULL), 10000);
    assert_int_equal(policy_choice(&policy, POLICY_FORWARD_PASSWORD, NULL), POLICY_YES);
    assert_int_equal(policy_choice(&policy, POLICY_CLOSE_ON_EXIT, NULL), POLICY_NO);
    assert_int_equal(policy_choice(&policy, POLICY_EXPIRED_PASSWORD, NULL), POLICY_EXPIRED_REFUSE);
    assert_int_equal(policy_choice(&policy, POLICY_PTY, NULL), POLICY_PTY_AUTO);
    assert_int_equal(policy_choice(&policy, POLICY_CGROUP, NULL), POLICY_CGROUP_AUTO);
    assert_int_equal(policy_list(&policy, POLICY_JOB_CGROUPS, NULL)->count, 5);
    policy_free(&policy);
}

static const struct choice_case {
    const char *sentence;
    const char *text;
    enum policy_key key;
    int choice;
} choices[] = {
    {"forward-password = no", "forward-password = no", POLICY_FORWARD_PASSWORD, POLICY_NO},
    {"forward-password = yes", "forward-password = yes", POLICY_FORWARD_PASSWORD, POLICY_YES},
    {"close-on-exit = yes", "close-on-exit = yes", POLICY_CLOSE_ON_EXIT, POLICY_YES},
    {"expired-password = allow", "expired-password = allow", POLICY_EXPIRED_PASSWORD, POLICY_EXPIRED_ALLOW},
    {"expired-password = refuse", "expired-password = refuse", POLICY_EXPIRED_PASSWORD, POLICY_EXPIRED_REFUSE},
    {"pty = auto", "pty = auto", POLICY_PTY, POLICY_PTY_AUTO},
    {"pty = never", "pty = never", POLICY_PTY, POLICY_PTY_NEVER},
    {"pty = always", "pty = always", POLICY_PTY, POLICY_PTY_ALWAYS},
    {"cgroup = auto", "cgroup = auto", POLICY_CGROUP, POLICY_CGROUP_AUTO},
    {"cgroup = keep", "cgroup = keep", POLICY_CGROUP, POLICY_CGROUP_KEEP},
    {"cgroup = follow", "cgroup = follow", POLICY_CGROUP, POLICY_CGROUP_FOLLOW},
    {"cgroup = require", "cgroup = require", POLICY_CGROUP, POLICY_CGROUP_REQUIRE},
    {"kill-after = never", "kill-after = never", POLICY_KILL_AFTER, POLICY_KILL_NEVER},
    {"kill-after = 0.001", "kill-after = 0.001", POLICY_KILL_AFTER, 1},
    {"kill-after = 1.5", "kill-after = 1.5", POLICY_KILL_AFTER, 1500},
    {"kill-after = 86400", "kill-after = 86400", POLICY_KILL_AFTER, 86400000},
    {"minimum-user-id = auto", "minimum-user-id = auto", POLICY_MINIMUM_USER_ID, POLICY_USER_ID_AUTO},
    {"minimum-user-id = 0", "minimum-user-id = 0", POLICY_MINIMUM_USER_ID, 0},
    {"minimum-user-id = 1000", "minimum-user-id = 1000", POLICY_MINIMUM_USER_ID, 1000},
};

static void word_or_number_is_this(void **state)
{
    const struct choice_case *row = *state;
    struct policy policy;

    (void)put(NULL, row->text);
    read_well(&policy);
    assert_int_equal(policy_choice(&policy, row->key, NULL), row->choice);
    policy_free(&policy);
}

/* ---- values that are taken ---- */

static const struct taken {
    const char *sentence;
    const char *text;  /* of pamrun.conf */
    const char *later; /* of pamrun.conf.d/50.conf; NULL: none */
    enum policy_key key;
    const char *profile;
    const char *value, *origin;
} taken[] = {
    {"a key before any section is everybody's", "profile = job\n", NULL, POLICY_PROFILE, NULL, "job", "/pamrun.conf:1"},
    {"a line's number counts comments and empty lines", "# a\n\n; b\nprofile = job\n", NULL, POLICY_PROFILE, NULL,
     "job", "/pamrun.conf:4"},
    {"the last line needs no end", "profile = job", NULL, POLICY_PROFILE, NULL, "job", "/pamrun.conf:1"},
    {"a colon does for =", "profile: job\n", NULL, POLICY_PROFILE, NULL, "job", "/pamrun.conf:1"},
    {"blanks around = may be missing", "profile=job\n", NULL, POLICY_PROFILE, NULL, "job", "/pamrun.conf:1"},
    {"blanks and tabs around a value are no part of it", "profile\t =\t job \t\n", NULL, POLICY_PROFILE, NULL, "job",
     "/pamrun.conf:1"},
    {"lines may end as on other systems", "pty = never\r\nprofile = job\r\n", NULL, POLICY_PROFILE, NULL, "job",
     "/pamrun.conf:2"},
    {"an empty file changes nothing", "", NULL, POLICY_PROFILE, NULL, "su", "default"},
    {"comments alone change nothing", "# profile = job\n;profile = job\n  # profile = job\n", NULL, POLICY_PROFILE,
     NULL, "su", "default"},
    {"a comment may be full of signs", "# [ \" = ; ' é\n", NULL, POLICY_PROFILE, NULL, "su", "default"},
    {"a later file wins", "profile = job\n", "profile = web\n", POLICY_PROFILE, NULL, "web",
     "/pamrun.conf.d/50.conf:1"},
    {"a later file wins key by key", "profile = job\npty = never\n", "pty = always\n", POLICY_PROFILE, NULL, "job",
     "/pamrun.conf:1"},
    {"a later file's list replaces the earlier one", "required-groups = a b\n", "required-groups = c\n",
     POLICY_REQUIRED_GROUPS, NULL, "c", "/pamrun.conf.d/50.conf:1"},
    {"a later file may empty a list", "required-groups = a b\n", "required-groups =\n", POLICY_REQUIRED_GROUPS, NULL,
     "", "/pamrun.conf.d/50.conf:1"},
    {"a profile's section counts for its runs", "pty = never\n[profile job]\npty = always\n", NULL, POLICY_PTY, "job",
     "always", "/pamrun.conf:3"},
    {"a profile's section counts for no other run", "pty = never\n[profile job]\npty = always\n", NULL, POLICY_PTY,
     "web", "never", "/pamrun.conf:1"},
    {"a profile's section counts for no run without a profile", "pty = never\n[profile job]\npty = always\n", NULL,
     POLICY_PTY, NULL, "never", "/pamrun.conf:1"},
    {"a profile's section wins over a later file's global key", "[profile job]\npty = always\n", "pty = never\n",
     POLICY_PTY, "job", "always", "/pamrun.conf:2"},
    {"a later file's section wins over an earlier one", "[profile job]\npty = always\n", "[profile job]\npty = never\n",
     POLICY_PTY, "job", "never", "/pamrun.conf.d/50.conf:2"},
    {"a later file begins outside of sections", "[profile job]\n", "pty = never\n", POLICY_PTY, NULL, "never",
     "/pamrun.conf.d/50.conf:1"},
    {"a section may come twice in a file", "[profile a]\npty = never\n[profile b]\n[profile a]\ncgroup = keep\n", NULL,
     POLICY_CGROUP, "a", "keep", "/pamrun.conf:5"},
    {"a profile's list replaces the global one", "required-groups = a\n[profile job]\nrequired-groups =\n", NULL,
     POLICY_REQUIRED_GROUPS, "job", "", "/pamrun.conf:3"},
    {"blanks may stand between a section's words", "[profile   job]\npty = never\n", NULL, POLICY_PTY, "job", "never",
     "/pamrun.conf:2"},
    {"a delegate's section is no profile's", "[delegate job]\nminimum-user-id = 7\n", NULL, POLICY_MINIMUM_USER_ID,
     "job", "auto", "default"},
    /* each key */
    {"user-profiles takes a list", "user-profiles = a, b-c 0.d\n", NULL, POLICY_USER_PROFILES, NULL, "a b-c 0.d",
     "/pamrun.conf:1"},
    {"minimum-user-id goes up to 4294967294", "minimum-user-id = 4294967294\n", NULL, POLICY_MINIMUM_USER_ID, NULL,
     "4294967294", "/pamrun.conf:1"},
    {"required-groups takes quotes", "required-groups = \"domain users\",staff\n", NULL, POLICY_REQUIRED_GROUPS, NULL,
     "\"domain users\" staff", "/pamrun.conf:1"},
    {"in quotes quotes and backslashes have a backslash", "required-groups = \"a\\\"b\" \"c\\\\d\"\n", NULL,
     POLICY_REQUIRED_GROUPS, NULL, "\"a\\\"b\" c\\d", "/pamrun.conf:1"},
    {"outside of quotes a backslash is ordinary", "required-groups = DOM\\users\n", NULL, POLICY_REQUIRED_GROUPS, NULL,
     "DOM\\users", "/pamrun.conf:1"},
    {"commas and blanks may be many", "required-groups = ,a,, \t b ,\n", NULL, POLICY_REQUIRED_GROUPS, NULL, "a b",
     "/pamrun.conf:1"},
    {"names are not only ASCII", "required-groups = Gäste\n", NULL, POLICY_REQUIRED_GROUPS, NULL, "Gäste",
     "/pamrun.conf:1"},
    {"environment-keep takes names and beginnings", "environment-keep = LANG LC_* _x\n", NULL, POLICY_ENVIRONMENT_KEEP,
     NULL, "LANG LC_* _x", "/pamrun.conf:1"},
    {"kill-after keeps what was written", "kill-after = 2.50\n", NULL, POLICY_KILL_AFTER, NULL, "2.50",
     "/pamrun.conf:1"},
    {"job-cgroups takes patterns", "job-cgroups = [ab]* pbs?\n", NULL, POLICY_JOB_CGROUPS, NULL, "[ab]* pbs?",
     "/pamrun.conf:1"},
    {"password-prompts takes texts", "password-prompts = \"LDAP Password:\" PIN:\n", NULL, POLICY_PASSWORD_PROMPTS,
     NULL, "\"LDAP Password:\" PIN:", "/pamrun.conf:1"},
    {"identity-map takes a path", "identity-map = /etc/pamrun.map\n", NULL, POLICY_IDENTITY_MAP, NULL,
     "/etc/pamrun.map", "/pamrun.conf:1"},
    {"identity-map may be taken back", "identity-map = /a\n", "identity-map =\n", POLICY_IDENTITY_MAP, NULL, "",
     "/pamrun.conf.d/50.conf:1"},
    {"identity-rewrite takes a rule", "identity-rewrite = ^UID-([a-z]+)$ $1\n", NULL, POLICY_IDENTITY_REWRITE, NULL,
     "^UID-([a-z]+)$ $1", "/pamrun.conf:1"},
    {"identity-rewrite may have = and : in it", "identity-rewrite = ^a=b:(c)$ $1\n", NULL, POLICY_IDENTITY_REWRITE,
     NULL, "^a=b:(c)$ $1", "/pamrun.conf:1"},
    /* lists over several lines */
    {"a list goes on in an indented line", "required-groups = a\n  b c\n\td\npty = never\n", NULL,
     POLICY_REQUIRED_GROUPS, NULL, "a b c d", "/pamrun.conf:1"},
    {"a list may begin in the second line", "required-groups =\n  a\n", NULL, POLICY_REQUIRED_GROUPS, NULL, "a",
     "/pamrun.conf:1"},
    {"a comment may stand between a list's lines", "required-groups = a\n  # why\n# why\n  b\n", NULL,
     POLICY_REQUIRED_GROUPS, NULL, "a b", "/pamrun.conf:1"},
    {"the line behind a list is a line of its own", "required-groups = a\n  b\nprofile = job\n", NULL, POLICY_PROFILE,
     NULL, "job", "/pamrun.conf:3"},
    {"an indented word in quotes may look like a key", "password-prompts = a\n  \"b: c\"\n", NULL,
     POLICY_PASSWORD_PROMPTS, NULL, "a \"b: c\"", "/pamrun.conf:1"},
};

static void value_is_this(void **state)
{
    const struct taken *row = *state;
    struct policy policy;

    (void)put(NULL, row->text);
    if (row->later != NULL)
        (void)put("50.conf", row->later);
    read_well(&policy);
    assert_value(&policy, row->key, row->profile, row->value, row->origin);
    policy_free(&policy);
}

static void a_line_of_196_bytes_is_read(void **state)
{
    static const char key[] = "required-groups = ";
    char text[256];
    struct policy policy;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, key, strlen(key));
    text[100] = ' ';
    write_bytes(file, text, 196);
    read_well(&policy);
    assert_int_equal(strlen(policy_list(&policy, POLICY_REQUIRED_GROUPS, NULL)->items[1]), 95);
    policy_free(&policy);
}

/* Debian's libinih has its build options as variables, too; others have not. */
extern bool ini_allow_multiline __attribute__((weak));
extern bool ini_allow_bom __attribute__((weak));
extern bool ini_allow_inline_comments __attribute__((weak));
extern bool ini_allow_no_value __attribute__((weak));
extern bool ini_stop_on_first_error __attribute__((weak));
extern bool ini_use_stack __attribute__((weak));

static const struct build {
    const char *sentence;
    bool *option;
    bool value;
} builds[] = {
    {"a libinih without lines that go on reads nothing else", &ini_allow_multiline, false},
    {"a libinih without late comments reads nothing else", &ini_allow_inline_comments, false},
    {"a libinih without byte order marks reads nothing else", &ini_allow_bom, false},
    {"a libinih with keys without a value reads nothing else", &ini_allow_no_value, true},
    {"a libinih that stops at an error reads nothing else", &ini_stop_on_first_error, true},
    {"a libinih that uses the heap reads nothing else", &ini_use_stack, false},
};

/* However libinih was built: the same value, or none. */
static void another_libinih_reads_the_same_or_is_refused(void **state)
{
    const struct build *row = *state;
    size_t read = 0;

    for (size_t at = 0; at < COUNT(taken); at++) {
        enum result result;
        struct policy policy;
        struct error error;

        (void)clear(NULL);
        (void)put(NULL, taken[at].text);
        if (taken[at].later != NULL)
            (void)put("50.conf", taken[at].later);
        if (row->option != NULL)
            *row->option = row->value;
        result = policy_read(&policy, &paths, &error);
        if (row->option != NULL)
            *row->option = !row->value;
        if (result == OK)
            assert_value(&policy, taken[at].key, taken[at].profile, taken[at].value, taken[at].origin);
        else
            assert_int_equal(error.status, STATUS_POLICY);
        read += result == OK;
        policy_free(&policy);
    }
    assert_true(read >= COUNT(taken) - 8);
}

/* ---- what is refused ---- */

static const struct refused {
    const char *sentence;
    const char *text;    /* of pamrun.conf; a secret in it must not be seen */
    const char *message; /* behind the file's name */
    const char *hint;    /* a part of it; NULL: none */
} refused[] = {
    /* lines */
    {"a line without = is refused", "# a\n" SECRET "\n", ":2: neither a comment, nor [SECTION], nor KEY = VALUE", NULL},
    {"a line without a key is refused", "= " SECRET "\n", ":1: neither a comment, nor [SECTION], nor KEY = VALUE",
     NULL},
    {"a line of passwd shows nothing", SECRET " x 0 0\n", ":1: neither a comment, nor [SECTION], nor KEY = VALUE",
     NULL},
    {"a line of shadow shows its first word alone", "root:$6$" SECRET ":1:\n", ":1: 'root': no such key",
     "pamrun.conf"},
    {"a byte order mark is refused", "\357\273\277profile = su\n", ":1: a byte order mark stands here", "UTF-8"},
    {"a control character is refused", "profile = s\033u\n", ":1: a control character is in the line", NULL},
    {"a carriage return inside is refused", "profile = su\rpty = never\n", ":1: a control character is in the line",
     NULL},
    {"bytes that are no UTF-8 are refused", "identity-rewrite = ^(\210)$ $1\n", ":1: the line is not UTF-8", "UTF-8"},
    {"C1 control characters are refused, in a comment too", "# \302\233\n", ":1: the line is not UTF-8",
     "control characters"},
    {"DEL is refused, in a comment too", "# \177\n", ":1: a control character is in the line", NULL},
    {"a late comment is refused", "profile = su ; " SECRET "\n", ":1: a ';' stands behind a blank", "line of its own"},
    {"a late comment is refused behind =", "profile = ;su\n", ":1: a ';' stands behind a blank", "line of its own"},
    {"a late comment is refused in quotes", "required-groups = \"a ; b\"\n", ":1: a ';' stands behind a blank",
     "line of its own"},
    {"a late comment is refused behind a section", "[profile a] ; b\n", ":1: a ';' stands behind a blank",
     "line of its own"},
    {"a late # is refused in a list", "required-groups = a # " SECRET "\n",
     ":1: required-groups: a comment needs a line of its own", "names of groups"},
    {"a late # is refused in a word", "pty = auto # " SECRET "\n", ":1: pty: is none of the words that are allowed",
     "auto, never or always"},
    {"a key may not be indented", "  profile = su\n", ":1: the line is indented, and no list stands before it",
     "start of a line"},
    {"a key may not be indented behind a list", "required-groups = a\n  pty = never\n",
     ":2: the line is indented, and looks like a key or a section", "start of a line"},
    {"a key with a colon may not be indented", "required-groups = a\n  pty: never\n",
     ":2: the line is indented, and looks like a key or a section", "start of a line"},
    {"a section may not be indented", "required-groups = a\n  [profile a]\n",
     ":2: the line is indented, and looks like a key or a section", "start of a line"},
    {"an empty line ends a list", "required-groups = a\n\n  b\n",
     ":3: the line is indented, and no list stands before it", "start of a line"},
    {"a section ends a list", "required-groups = a\n[profile b]\n  c\n",
     ":3: the line is indented, and no list stands before it", "start of a line"},
    {"a word cannot go on", "pty = never\n  always\n", ":2: pty: is no list, and cannot go on in the next line", NULL},
    {"a bad word in a list's second line has that line's number", "required-groups = a\n  @b\n",
     ":2: required-groups: a word is no name of a group", "names of groups"},
    /* sections */
    {"an unknown section is refused", "[" SECRET "]\n", ":1: no such section", "[profile NAME]"},
    {"an unknown section is refused, with keys too", "[" SECRET "]\nprofile = su\n", ":1: no such section",
     "[profile NAME]"},
    {"a global section is refused", "[global]\n", ":1: no such section", "[profile NAME]"},
    {"a section without a name is refused", "[]\n", ":1: no such section", "[profile NAME]"},
    {"a profile's section needs a name", "[profile]\n", ":1: no such section", "[profile NAME]"},
    {"a profile's section needs a name behind the blank", "[profile ]\n", ":1: no such section", "[profile NAME]"},
    {"a profile's section needs a name that can be one", "[profile ../su]\n", ":1: no such section", "[profile NAME]"},
    {"a profile's section ends with its name", "[profile su ]\n", ":1: no such section", "[profile NAME]"},
    {"a section's word begins its line", "[ profile su]\n", ":1: no such section", "[profile NAME]"},
    {"a section's word is small", "[Profile su]\n", ":1: no such section", "[profile NAME]"},
    {"a delegate's section needs a name", "[delegate]\n", ":1: no such section", "[profile NAME]"},
    {"a delegate's name is no path", "[delegate a/b]\n", ":1: no such section", "[profile NAME]"},
    {"a delegate's name has no blank at its end", "[delegate a ]\n", ":1: no such section", "[profile NAME]"},
    {"a delegate's name is no number", "[delegate 1001]\n", ":1: no such section", "[profile NAME]"},
    {"a section is closed", "[profile su\n", ":1: a section's line is [NAME] and nothing else", NULL},
    {"nothing stands behind a section", "[profile su] " SECRET "\n", ":1: a section's line is [NAME] and nothing else",
     NULL},
    {"no bracket stands in a section", "[profile a]b]\n", ":1: a section's line is [NAME] and nothing else", NULL},
    {"a section that libinih would cut is refused", "[profile a123456789012345678901234567890123456789012345]\n",
     ":1: the section's name is too long", "49 bytes"},
    /* keys */
    {"an unknown key is refused", "profil = su\n", ":1: 'profil': no such key", "man 5"},
    {"a key in capitals is unknown", "Profile = su\n", ":1: 'Profile': no such key", "man 5"},
    {"a long unknown key is cut",
     "k1234567890123456789012345678901234567890123456789012345678901234567890 = " SECRET "\n",
     ":1: 'k1234567890123456789012345678...': no such key", "man 5"},
    {"an unknown key is refused in a section", "[profile su]\nprofil = su\n", ":2: 'profil': no such key", "man 5"},
    {"a key twice is refused", "pty = auto\npty = auto\n", ":2: pty: stands in this section already", "line 1"},
    {"a list twice is refused", "required-groups = a\nrequired-groups = b\n",
     ":2: required-groups: stands in this section already", "indented"},
    {"a key twice in a section that comes twice is refused",
     "[profile a]\npty = auto\n[profile b]\npty = auto\n[profile a]\npty = auto\n",
     ":6: pty: stands in this section already", "line 2"},
    {"profile does not belong into a profile's section", "[profile a]\nprofile = su\n",
     ":2: profile: does not belong into this section", "before the first section"},
    {"user-profiles does not belong into a profile's section", "[profile a]\nuser-profiles = su\n",
     ":2: user-profiles: does not belong into this section", "before the first section"},
    {"profiles does not belong before sections", "profiles = su\n", ":1: profiles: does not belong into this section",
     "[delegate USER]"},
    {"accounts does not belong into a profile's section", "[profile a]\naccounts = su\n",
     ":2: accounts: does not belong into this section", "[delegate USER]"},
    {"options does not belong before sections", "options = deadline\n",
     ":1: options: does not belong into this section", "[delegate USER]"},
    {"commands does not belong before sections", "commands = /a\n", ":1: commands: does not belong into this section",
     "[delegate USER]"},
    {"pty does not belong into a delegate's section", "[delegate a]\npty = auto\n",
     ":2: pty: does not belong into this section", "[profile NAME]"},
    /* values of each key */
    {"profile is not empty", "profile =\n", ":1: profile: is no name of a profile", "one name"},
    {"profile is no path", "profile = /" SECRET "\n", ":1: profile: is no name of a profile", "one name"},
    {"profile is one name", "profile = a b\n", ":1: profile: is no name of a profile", "one name"},
    {"profile has no capitals", "profile = Su\n", ":1: profile: is no name of a profile", "one name"},
    {"user-profiles has names only", "user-profiles = a *\n", ":1: user-profiles: a word is no name of a profile",
     "names of profiles"},
    {"minimum-user-id is not empty", "minimum-user-id =\n", ":1: minimum-user-id: is no user id", "4294967294"},
    {"minimum-user-id is below 4294967295", "minimum-user-id = 4294967295\n", ":1: minimum-user-id: is no user id",
     "4294967294"},
    {"minimum-user-id does not wrap to 0", "minimum-user-id = 4294967296\n", ":1: minimum-user-id: is no user id",
     "4294967294"},
    {"minimum-user-id has no sign", "minimum-user-id = -1\n", ":1: minimum-user-id: is no user id", "4294967294"},
    {"minimum-user-id has no plus", "minimum-user-id = +1\n", ":1: minimum-user-id: is no user id", "4294967294"},
    {"minimum-user-id is decimal", "minimum-user-id = 0x10\n", ":1: minimum-user-id: is no user id", "4294967294"},
    {"minimum-user-id has no more than ten digits", "minimum-user-id = 00000000001\n",
     ":1: minimum-user-id: is no user id", "4294967294"},
    {"minimum-user-id is no other word", "minimum-user-id = Auto\n", ":1: minimum-user-id: is no user id",
     "4294967294"},
    {"required-groups has no @", "required-groups = @" SECRET "\n", ":1: required-groups: a word is no name of a group",
     "without '@'"},
    {"required-groups has no empty word", "required-groups = \"\"\n",
     ":1: required-groups: a word is no name of a group", "names of groups"},
    {"forward-password is yes or no", "forward-password = true\n",
     ":1: forward-password: is none of the words that are allowed", "yes or no"},
    {"forward-password is not empty", "forward-password =\n",
     ":1: forward-password: is none of the words that are allowed", "yes or no"},
    {"close-on-exit is yes or no", "close-on-exit = 1\n", ":1: close-on-exit: is none of the words that are allowed",
     "yes or no"},
    {"kill-after is not 0", "kill-after = 0\n", ":1: kill-after: is no time", "never"},
    {"kill-after has three decimals", "kill-after = 0.0001\n", ":1: kill-after: is no time", "never"},
    {"kill-after is at most a day", "kill-after = 86400.001\n", ":1: kill-after: is no time", "never"},
    {"kill-after has no unit", "kill-after = 10s\n", ":1: kill-after: is no time", "never"},
    {"kill-after is not empty", "kill-after =\n", ":1: kill-after: is no time", "never"},
    {"environment-keep takes no mere *", "environment-keep = *\n",
     ":1: environment-keep: a word is no name of a variable", "names of variables"},
    {"environment-keep takes * at the end only", "environment-keep = A*B\n",
     ":1: environment-keep: a word is no name of a variable", "names of variables"},
    {"environment-keep takes no digit first", "environment-keep = 1A\n",
     ":1: environment-keep: a word is no name of a variable", "names of variables"},
    {"environment-keep takes no values", "environment-keep = A=" SECRET "\n",
     ":1: environment-keep: a word is no name of a variable", "names of variables"},
    {"expired-password is refuse or allow", "expired-password = yes\n",
     ":1: expired-password: is none of the words that are allowed", "refuse or allow"},
    {"pty is one of three", "pty = yes\n", ":1: pty: is none of the words that are allowed", "auto, never or always"},
    {"cgroup is one of four", "cgroup = yes\n", ":1: cgroup: is none of the words that are allowed", "keep"},
    {"job-cgroups has no paths", "job-cgroups = a/b\n", ":1: job-cgroups: a word is no pattern for one part of a path",
     "patterns"},
    {"job-cgroups has no empty word", "job-cgroups = \"\"\n",
     ":1: job-cgroups: a word is no pattern for one part of a path", "patterns"},
    {"password-prompts has no empty text", "password-prompts = \"\"\n",
     ":1: password-prompts: a text is empty, or longer than any prompt", "quotes"},
    {"password-prompts has no blanks at the ends", "password-prompts = \"PIN: \"\n",
     ":1: password-prompts: a text begins or ends with a blank, and prompts are compared without", "quotes"},
    {"identity-map is absolute", "identity-map = " SECRET "\n", ":1: identity-map: is no absolute path", "path"},
    {"identity-rewrite has two words", "identity-rewrite = ^a$\n", ":1: identity-rewrite: is not two words", "REGEX"},
    {"identity-rewrite has not three words", "identity-rewrite = ^a$ b c\n", ":1: identity-rewrite: is not two words",
     "REGEX"},
    {"identity-rewrite is anchored", "identity-rewrite = " SECRET "$ a\n",
     ":1: identity-rewrite: the expression does not begin with '^' and end with '$'", "REGEX"},
    /* quotes */
    {"a quote is closed", "required-groups = \"" SECRET "\n", ":1: required-groups: a quotation mark is not closed",
     "quotes"},
    {"a quote is closed in its line", "required-groups = \"a\n  b\"\n",
     ":1: required-groups: a quotation mark is not closed", "quotes"},
    {"a backslash before the last quote does not close it", "required-groups = \"a\\\"\n",
     ":1: required-groups: a quotation mark is not closed", "quotes"},
    {"a backslash is before a quote or backslash", "required-groups = \"a\\b\"\n",
     ":1: required-groups: in quotation marks a backslash stands before another one, or before a quotation mark",
     "quotes"},
    {"nothing stands behind a closing quote", "required-groups = \"a\"b\n",
     ":1: required-groups: something stands right behind a closing quotation mark", "quotes"},
    {"no quote stands inside a word", "required-groups = a\"b\"\n",
     ":1: required-groups: a quotation mark stands inside a word", "quotes"},
    /* delegates */
    {"profiles has names of profiles", "[delegate a]\nprofiles = A\n", ":2: profiles: a word is no name of a profile",
     "names of profiles"},
    {"accounts has no mere @", "[delegate a]\naccounts = @\n", ":2: accounts: a word is no name of a user or @group",
     "@group"},
    {"accounts has no paths", "[delegate a]\naccounts = a/b\n", ":2: accounts: a word is no name of a user or @group",
     "@group"},
    {"a delegate's minimum-user-id is a number", "[delegate a]\nminimum-user-id = x\n",
     ":2: minimum-user-id: is no user id", "4294967294"},
    {"options has known words", "[delegate a]\noptions = deadline user\n",
     ":2: options: a word is no option that can be granted", "supp-group"},
    {"exec is none of them", "[delegate a]\noptions = exec\n", ":2: options: a word is no option that can be granted",
     "account-uid"},
    {"options has no dashes", "[delegate a]\noptions = --deadline\n",
     ":2: options: a word is no option that can be granted", "supp-group"},
    {"commands are absolute", "[delegate a]\ncommands = id\n", ":2: commands: a command is no absolute path", "/path"},
    {"commands are no folders", "[delegate a]\ncommands = /usr/bin/\n", ":2: commands: a command is no absolute path",
     "/path"},
    {"the root folder is no command", "[delegate a]\ncommands = /\n", ":2: commands: a command is no absolute path",
     "/path"},
};

static void file_is_refused(void **state)
{
    const struct refused *row = *state;
    char expected[TEXT_BYTES];
    struct error error;

    (void)put(NULL, row->text);
    read_badly(&error);
    (void)snprintf(expected, sizeof expected, "@/pamrun.conf%s", row->message);
    assert_message(&error, expected);
    if (row->hint != NULL && strstr(error.hint, row->hint) == NULL)
        print_message("# hint: %s\n", error.hint);
    if (row->hint != NULL)
        assert_non_null(strstr(error.hint, row->hint));
}

static void the_same_is_refused_in_the_folder(void **state)
{
    const struct refused *row = *state;
    char expected[TEXT_BYTES];
    struct error error;

    (void)put(NULL, "pty = never\n");
    (void)put("10.conf", "pty = always\n");
    (void)put("20.conf", row->text);
    read_badly(&error);
    (void)snprintf(expected, sizeof expected, "@/pamrun.conf.d/20.conf%s", row->message);
    assert_message(&error, expected);
}

/* Names that the room pam/ takes, and no others: the two must not drift apart. */
static void names_of_profiles_are_those_of_services(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++)
        for (int place = 0; place < 2; place++) {
            char name[] = {'a', 'b', '\0'}, text[64];
            struct policy policy;
            struct error error;
            enum result result;

            name[place] = (char)byte;
            if (strchr("\n\r \t", byte) != NULL) /* no part of the value */
                continue;
            (void)snprintf(text, sizeof text, "profile = %s\n", name);
            (void)put(NULL, text);
            result = policy_read(&policy, &paths, &error);
            assert_int_equal(result == OK, service_name_is_valid(name));
            policy_free(&policy);
        }
}

/* ---- files ---- */

enum thing { THING_FILE, THING_FIFO, THING_FOLDER, THING_LINK, THING_DANGLING, THING_LOOP };

static const struct thing_case {
    const char *sentence;
    enum thing thing;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    const char *problem; /* NULL: it is read */
} things[] = {
    {"a file of root's that all may read is read", THING_FILE, 0644, 0, 0, NULL},
    {"a file of root's alone is read", THING_FILE, 0600, 0, 0, NULL},
    {"a file that nobody may write is read", THING_FILE, 0444, 0, 0, NULL},
    {"a file of root's and another group is read", THING_FILE, 0640, 0, 65534, NULL},
    {"a file of somebody else's is refused", THING_FILE, 0644, 65534, 0, "is not root's"},
    {"a file that its group may write is refused", THING_FILE, 0664, 0, 0, "can be written by others than root"},
    {"a file that others may write is refused", THING_FILE, 0646, 0, 0, "can be written by others than root"},
    {"a fifo is refused, and not waited for", THING_FIFO, 0644, 0, 0, "is no regular file"},
    {"a folder is refused", THING_FOLDER, 0755, 0, 0, "is no regular file"},
    {"a link is refused", THING_LINK, 0, 0, 0, "is a symbolic link"},
    {"a link to nothing is refused", THING_DANGLING, 0, 0, 0, "is a symbolic link"},
    {"a link to itself is refused", THING_LOOP, 0, 0, 0, "is a symbolic link"},
};

static void make_thing(const struct thing_case *row, const char *path)
{
    const char *secret;

    switch (row->thing) {
    case THING_FILE:
        write_bytes(path, "pty = never\n", 12);
        break;
    case THING_FIFO:
        assert_int_equal(mkfifo(path, 0600), 0);
        break;
    case THING_FOLDER:
        assert_int_equal(mkdir(path, 0700), 0);
        break;
    case THING_LINK:
        secret = folder_write(&folder, "secret", SECRET " = " SECRET "\n", 0600);
        assert_int_equal(symlink(secret, path), 0);
        return;
    case THING_DANGLING:
        assert_int_equal(symlink("/nonexistent/pamrun.conf", path), 0);
        return;
    case THING_LOOP:
        assert_int_equal(symlink(path, path), 0);
        return;
    }
    assert_int_equal(chown(path, row->uid, row->gid), 0);
    assert_int_equal(chmod(path, row->mode), 0);
}

static void assert_thing(const struct thing_case *row, const char *name)
{
    char expected[TEXT_BYTES];
    struct policy policy;
    struct error error;

    if (row->problem == NULL) {
        read_well(&policy);
        assert_int_equal(policy_choice(&policy, POLICY_PTY, NULL), POLICY_PTY_NEVER);
        policy_free(&policy);
        return;
    }
    read_badly(&error);
    (void)snprintf(expected, sizeof expected, "@/%s: %s", name, row->problem);
    assert_message(&error, expected);
    assert_non_null(strstr(error.hint, "root's"));
}

static void the_file_is_trusted_or_refused(void **state)
{
    const struct thing_case *row = *state;

    make_thing(row, file);
    assert_thing(row, "pamrun.conf");
}

static void a_file_in_the_folder_is_trusted_or_refused(void **state)
{
    const struct thing_case *row = *state;
    char path[256];

    assert_int_equal(mkdir(directory, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/50.conf", directory);
    make_thing(row, path);
    assert_thing(row, "pamrun.conf.d/50.conf");
}

static const struct folder_case {
    const char *sentence;
    mode_t mode;
    uid_t uid;
    const char *problem;
} folders[] = {
    {"a folder of root's is read", 0755, 0, NULL},
    {"a folder of root's alone is read", 0700, 0, NULL},
    {"a folder of somebody else's is refused", 0755, 65534, "is not root's"},
    {"a folder that its group may write is refused", 0775, 0, "can be written by others than root"},
    {"a folder that all may write is refused", 0777, 0, "can be written by others than root"},
    {"a sticky folder that all may write is refused", 01777, 0, "can be written by others than root"},
};

static void the_folder_is_trusted_or_refused(void **state)
{
    const struct folder_case *row = *state;
    struct thing_case expected = {.problem = row->problem};

    (void)put("50.conf", "pty = never\n");
    assert_int_equal(chown(directory, row->uid, 0), 0);
    assert_int_equal(chmod(directory, row->mode), 0);
    assert_thing(&expected, "pamrun.conf.d");
}

static void what_is_no_folder_is_refused(void **state)
{
    struct error error;

    (void)state;
    write_bytes(directory, "", 0);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf.d: is no directory");
    assert_int_equal(unlink(directory), 0);
    assert_int_equal(symlink("/etc", directory), 0);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf.d: is a symbolic link");
}

static void files_of_the_folder_come_in_the_order_of_their_bytes(void **state)
{
    struct policy policy;

    (void)state;
    (void)put("b.conf", "profile = b\n");
    (void)put("9.conf", "profile = nine\n");
    (void)put("10.conf", "profile = ten\n");
    (void)put("A.conf", "profile = a\n");
    read_well(&policy);
    assert_value(&policy, POLICY_PROFILE, NULL, "b", "/pamrun.conf.d/b.conf:1");
    (void)put("\303\244.conf", "profile = umlaut\n");
    policy_free(&policy);
    read_well(&policy);
    assert_value(&policy, POLICY_PROFILE, NULL, "umlaut", "/pamrun.conf.d/\303\244.conf:1");
    policy_free(&policy);
}

static void other_files_of_the_folder_are_passed_over(void **state)
{
    struct policy policy;

    (void)state;
    (void)put(".a.conf", "nonsense");
    (void)put(".conf", "nonsense");
    (void)put("a.conf~", "nonsense");
    (void)put("a.conf.rpmsave", "nonsense");
    (void)put("README", "nonsense");
    (void)put("conf", "nonsense");
    read_well(&policy);
    assert_value(&policy, POLICY_PROFILE, NULL, "su", "default");
    policy_free(&policy);
}

static void a_file_name_that_a_terminal_would_obey_is_made_visible(void **state)
{
    struct error error;

    (void)state;
    (void)put("a\033[2J.conf", "nonsense");
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf.d/a\\033[2J.conf:1: neither a comment, nor [SECTION], nor KEY = VALUE");
}

static void nul_bytes_are_refused(void **state)
{
    static const char bytes[] = "pty = never\n\0profile = " SECRET "\n";
    struct error error;

    (void)state;
    write_bytes(file, bytes, sizeof bytes - 1);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf: has a NUL byte in it");
    write_bytes(file, "\0", 1);
    read_badly(&error);
}

static void a_file_of_64_kb_is_read_and_a_larger_one_refused(void **state)
{
    static char text[64 * 1024 + 1];
    struct policy policy;
    struct error error;

    (void)state;
    for (size_t at = 0; at < sizeof text; at++)
        text[at] = at % 64 == 63 ? '\n' : '#';
    write_bytes(file, text, sizeof text - 1);
    read_well(&policy);
    policy_free(&policy);
    write_bytes(file, text, sizeof text);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf: is too long");
}

static void a_line_that_is_too_long_is_refused(void **state)
{
    static char text[1024 * 1024];
    struct error error;

    (void)state;
    memset(text, 'x', sizeof text);
    write_bytes(file, text, sizeof text);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf: is too long");
    write_bytes(file, text, 60000);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf:1: the line is too long");
    text[0] = '#';
    write_bytes(file, text, 197);
    read_badly(&error);
    assert_message(&error, "@/pamrun.conf:1: the line is too long");
}

static void a_path_through_a_file_is_no_missing_file(void **state)
{
    const struct policy_paths through = {"/etc/passwd/pamrun.conf", directory};
    struct policy policy;
    struct error error;

    (void)state;
    assert_failed(policy_read(&policy, &through, &error), &error, STATUS_POLICY, STEP_POLICY);
    policy_free(&policy);
}

/* A caller may leave us no descriptor: that is no reason for the defaults. */
static int read_without_descriptors(const void *data)
{
    struct rlimit none = {0, 0};
    struct policy policy;
    struct error error;

    (void)data;
    if (setrlimit(RLIMIT_NOFILE, &none) < 0 || policy_read(&policy, &paths, &error) != FAILED)
        return 1;
    return error.status;
}

static int read_with_one_descriptor(const void *data)
{
    struct rlimit one = {4, 4};
    struct policy policy;
    struct error error;

    (void)data;
    for (int fd = 3; fd < 64; fd++)
        (void)close(fd);
    if (setrlimit(RLIMIT_NOFILE, &one) < 0 || policy_read(&policy, &paths, &error) != FAILED)
        return 1;
    return error.status;
}

static void without_descriptors_it_is_refused(void **state)
{
    static struct ran ran;

    (void)state;
    run(&ran, read_without_descriptors, NULL, 10000);
    assert_int_equal(ran.status, STATUS_POLICY);
    (void)put("50.conf", "pty = never\n");
    run(&ran, read_with_one_descriptor, NULL, 10000);
    assert_int_equal(ran.status, STATUS_POLICY);
}

static void without_memory_it_is_refused(void **state)
{
    struct policy policy;
    struct error error;
    long count = 0;

    (void)state;
    (void)put(NULL, "required-groups = a\nidentity-map = /a\n[profile a]\npty = never\n[delegate b]\naccounts = c\n");
    (void)put("50.conf", "pty = never\n");
    for (enum result result = FAILED; result != OK; count++) {
        memory_left = count;
        result = policy_read(&policy, &paths, &error);
        memory_left = -1;
        if (result != OK) {
            assert_int_equal(error.status, STATUS_SYSTEM);
            assert_int_equal(policy.count, 0);
        }
        policy_free(&policy);
        assert_true(count < 1000);
    }
    assert_true(count > 20);
}

/* ---- delegates ---- */

static void assert_delegate(const struct policy_section *delegate, enum policy_key key, const char *expected)
{
    char text[TEXT_BYTES];

    policy_show_value(text, sizeof text, key, delegate_value(delegate, key));
    assert_string_equal(text, expected);
}

static void delegates_have_their_own_keys(void **state)
{
    const struct policy_section *delegate;
    struct policy policy;

    (void)state;
    (void)put(NULL, "[delegate slurm]\n"
                    "profiles = pamrun-job su\n"
                    "accounts = alice \"@domain users\"\n"
                    "minimum-user-id = 5000\n"
                    "options = account-uid deadline group identity no-account no-auth no-session pam-rhost\n"
                    "  pam-setenv provision supp-group\n"
                    "commands = /usr/bin/id \"/usr/bin/mkdir -p\"\n"
                    "[delegate john smith]\n");
    (void)put("50.conf", "[delegate slurm]\naccounts = bob\n[delegate flux]\n");
    read_well(&policy);
    delegate = policy_delegate(&policy, "slurm");
    assert_non_null(delegate);
    assert_string_equal(delegate_user(delegate), "slurm");
    assert_delegate(delegate, POLICY_PROFILES, "pamrun-job su");
    assert_delegate(delegate, POLICY_ACCOUNTS, "bob");
    assert_delegate(delegate, POLICY_MINIMUM_USER_ID, "5000");
    assert_delegate(delegate, POLICY_COMMANDS, "/usr/bin/id \"/usr/bin/mkdir -p\"");
    assert_int_equal(delegate_value(delegate, POLICY_OPTIONS)->list.count, 11);
    assert_false(delegate_value(delegate, POLICY_PTY)->is_set);
    assert_non_null(policy_delegate(&policy, "john smith"));
    assert_null(policy_delegate(&policy, "john"));
    assert_null(policy_delegate(&policy, "slurm "));
    assert_null(policy_delegate(&policy, NULL));
    policy_free(&policy);
}

static void delegates_can_be_listed(void **state)
{
    const struct policy_section *delegate = NULL;
    char names[64] = "";
    struct policy policy;

    (void)state;
    (void)put(NULL, "[profile a]\n[delegate b]\n[profile c]\n[delegate d]\n");
    read_well(&policy);
    while ((delegate = policy_next_delegate(&policy, delegate)) != NULL)
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s;", delegate_user(delegate));
    assert_string_equal(names, "b;d;");
    policy_free(&policy);
}

/* ---- the lowest user id ---- */

static const struct minimum_case {
    const char *sentence;
    const char *text;
    bool is_root;
    struct login_defs defs;
    bool is_known;
    uid_t minimum;
} minimums[] = {
    {"by default it is 1000", "", false, {.path = NULL}, true, 1000},
    {"by default it is UID_MIN", "", false, {.has_uid_min = true, .uid_min = 500}, true, 500},
    {"by default it is 0 for root", "", true, {.has_uid_min = true, .uid_min = 500}, true, 0},
    {"auto is UID_MIN, for root too",
     "minimum-user-id = auto\n",
     true,
     {.has_uid_min = true, .uid_min = 500},
     true,
     500},
    {"a number is that number", "minimum-user-id = 7\n", false, {.has_uid_min = true, .uid_min = 500}, true, 7},
    {"a number is that number for root", "minimum-user-id = 7\n", true, {.path = NULL}, true, 7},
    {"the largest number is no -1", "minimum-user-id = 4294967294\n", true, {.path = NULL}, true, 4294967294},
    {"UID_MIN that cannot be read is none", "", false, {.is_incomplete = true}, false, 0},
    {"a number does not need UID_MIN", "minimum-user-id = 7\n", false, {.is_incomplete = true}, true, 7},
    {"root's default does not need UID_MIN", "", true, {.is_incomplete = true}, true, 0},
};

static void lowest_user_id_is_this(void **state)
{
    const struct minimum_case *row = *state;
    struct policy policy;
    struct error error;
    enum result result;
    uid_t minimum;

    (void)put(NULL, row->text);
    read_well(&policy);
    result = policy_minimum_user_id(policy_value(&policy, POLICY_MINIMUM_USER_ID, NULL), row->is_root, &row->defs,
                                    &minimum, &error);
    if (row->is_known) {
        assert_int_equal(result, OK);
        assert_int_equal(minimum, row->minimum);
    } else {
        assert_failed(result, &error, STATUS_POLICY, STEP_POLICY);
    }
    policy_free(&policy);
}

/* ---- what is written about it ---- */

/* The sample's text, with its settings where they were comments: those have no blank behind the '#'. */
static char *sample_text(bool is_set)
{
    char *text = file_read(SOURCE_ROOT "/pam.d/pamrun.conf", NULL);

    assert_non_null(text);
    for (char *line = text; is_set && line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (line[0] == '#' && strchr(" \n", line[1]) == NULL)
            memmove(line, line + 1, strlen(line));
    }
    return text;
}

static void the_sample_changes_nothing(void **state)
{
    char *text = sample_text(false);
    struct policy policy;

    (void)state;
    (void)put(NULL, text);
    read_well(&policy);
    for (int key = 0; key < POLICY_RUN_KEYS; key++)
        assert_null(policy_value(&policy, (enum policy_key)key, NULL)->origin.file);
    assert_null(policy_next_delegate(&policy, NULL));
    policy_free(&policy);
    free(text);
}

static void the_sample_has_every_key_and_each_can_be_used(void **state)
{
    const struct policy_section *delegate;
    char *text = sample_text(true);
    struct policy policy;

    (void)state;
    (void)put(NULL, text);
    read_well(&policy);
    for (int key = 0; key < POLICY_RUN_KEYS; key++)
        assert_non_null(policy_value(&policy, (enum policy_key)key, NULL)->origin.file);
    delegate = policy_next_delegate(&policy, NULL);
    assert_non_null(delegate);
    for (int key = POLICY_PROFILES; key < POLICY_KEYS; key++)
        assert_true(delegate_value(delegate, (enum policy_key)key)->is_set);
    policy_free(&policy);
    free(text);
}

static void the_manual_page_has_every_key_and_its_default(void **state)
{
    char *text = file_read(SOURCE_ROOT "/man/pamrun.conf.5", NULL);

    (void)state;
    assert_non_null(text);
    for (int key = 0; key < POLICY_KEYS; key++) {
        char entry[64];
        const char *place;

        (void)snprintf(entry, sizeof entry, "\n.It Cm %s No = ", policy_key_word((enum policy_key)key));
        place = strstr(text, entry);
        if (place == NULL)
            print_message("# %s\n", entry + 1);
        assert_non_null(place);
    }
    for (size_t at = 0; at < COUNT(standards); at++) {
        char entry[64], wanted[64];
        const char *place, *next;

        (void)snprintf(entry, sizeof entry, "\n.It Cm %s No = ", policy_key_word(standards[at].key));
        place = strstr(strstr(text, entry), "Default:");
        next = strstr(strstr(text, entry) + 1, "\n.It ");
        assert_non_null(place);
        assert_true(next == NULL || place < next);
        if (standards[at].value[0] == '\0')
            (void)snprintf(wanted, sizeof wanted, "Default: none");
        else if (strcmp(standards[at].value, "10") == 0)
            (void)snprintf(wanted, sizeof wanted, "Default: 10.");
        else
            (void)snprintf(wanted, sizeof wanted, "Default:\n.Cm %s", standards[at].value);
        if (strncmp(place, wanted, strlen(wanted)) != 0)
            print_message("# %s%s\n", entry + 1, wanted);
        assert_int_equal(strncmp(place, wanted, strlen(wanted)), 0);
    }
    free(text);
}

/* ---- to show it ---- */

static void every_key_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int one = 0; one < POLICY_KEYS; one++) {
        assert_non_null(policy_key_word((enum policy_key)one));
        for (int other = 0; other < one; other++)
            assert_string_not_equal(policy_key_word((enum policy_key)one), policy_key_word((enum policy_key)other));
    }
    assert_string_equal(policy_key_word(POLICY_KEYS), "unknown");
}

/* What is shown is what could be written. */
static void what_is_shown_can_be_read_again(void **state)
{
    static const char text[] = "required-groups = \"a b\" \"c\\\"\\\\\" d\\e \"#f\" \"g,h\"\n";
    char shown[TEXT_BYTES], again[TEXT_BYTES], line[TEXT_BYTES + 32];
    struct policy policy;

    (void)state;
    (void)put(NULL, text);
    read_well(&policy);
    policy_show_value(shown, sizeof shown, POLICY_REQUIRED_GROUPS, policy_value(&policy, POLICY_REQUIRED_GROUPS, NULL));
    policy_free(&policy);
    (void)snprintf(line, sizeof line, "required-groups = %s\n", shown);
    (void)put(NULL, line);
    read_well(&policy);
    policy_show_value(again, sizeof again, POLICY_REQUIRED_GROUPS, policy_value(&policy, POLICY_REQUIRED_GROUPS, NULL));
    assert_string_equal(shown, again);
    assert_int_equal(policy_list(&policy, POLICY_REQUIRED_GROUPS, NULL)->count, 5);
    policy_show_value(again, 10, POLICY_REQUIRED_GROUPS, policy_value(&policy, POLICY_REQUIRED_GROUPS, NULL));
    assert_string_equal(again, "\"a b\" ...");
    policy_free(&policy);
}

/* ---- all that is wrong ---- */

static void hear(void *context, const struct error *error)
{
    char *heard = context;
    size_t length = strlen(heard);

    assert_int_equal(error->status, STATUS_POLICY);
    assert_int_equal(strncmp(error->message, folder.path, strlen(folder.path)), 0);
    (void)snprintf(heard + length, TEXT_BYTES * 4 - length, "%s\n", error->message + strlen(folder.path));
}

static void everything_that_is_wrong_is_told(void **state)
{
    char heard[TEXT_BYTES * 4] = "";
    const struct policy_listener listener = {hear, heard};
    struct policy policy;
    struct error error;

    (void)state;
    (void)put(NULL, "pyt = auto\n"                                  /* 1 */
                    "pty = sometimes\n"                             /* 2 */
                    "required-groups = a #b\n    c\n    @d\n"       /* 3: told once, also for its further lines */
                    "[profil x]\nnonsense = 1\n    and more\n"      /* 6: what belongs into it is passed over */
                    "[profile x]\nprofile = su\nkill-after = 0\n"   /* 10, 11 */
                    "kill-after = 1\n");                            /* 12: the line that is wrong counts as one */
    (void)put("a.conf", "pty = never\nno line\npyt = auto\n");      /* 2, and the rest is passed over */
    (void)put("b.conf", "[delegate slurm]\ncommands = bin/true\n"); /* 2 */
    (void)chmod(put("c.conf", SECRET "\n"), 0666);
    assert_int_equal(policy_examine(&policy, &paths, &listener, &error), FAILED);
    assert_int_equal(error.status, STATUS_POLICY);
    assert_string_equal(heard, "/pamrun.conf:1: 'pyt': no such key\n"
                               "/pamrun.conf:2: pty: is none of the words that are allowed\n"
                               "/pamrun.conf:3: required-groups: a comment needs a line of its own\n"
                               "/pamrun.conf:6: no such section\n"
                               "/pamrun.conf:10: profile: does not belong into this section\n"
                               "/pamrun.conf:11: kill-after: is no time\n"
                               "/pamrun.conf:12: kill-after: stands in this section already\n"
                               "/pamrun.conf.d/a.conf:2: neither a comment, nor [SECTION], nor KEY = VALUE\n"
                               "/pamrun.conf.d/b.conf:2: commands: a command is no absolute path\n"
                               "/pamrun.conf.d/c.conf: can be written by others than root\n");
    assert_int_equal(policy.count, 0);
    assert_null(policy_text(&policy, POLICY_PROFILE, NULL));
    policy_free(&policy);
}

static void who_listens_is_told_nothing_about_a_policy_that_is_right(void **state)
{
    char heard[TEXT_BYTES * 4] = "";
    const struct policy_listener listener = {hear, heard};
    struct policy policy;
    struct error error;

    (void)state;
    (void)put(NULL, "pty = never\n[profile x]\npty = auto\n");
    assert_int_equal(policy_examine(&policy, &paths, &listener, &error), OK);
    assert_string_equal(heard, "");
    assert_int_equal(policy_choice(&policy, POLICY_PTY, NULL), POLICY_PTY_NEVER);
    policy_free(&policy);
}

static void want_of_memory_ends_it_for_who_listens_too(void **state)
{
    char heard[TEXT_BYTES * 4] = "";
    const struct policy_listener listener = {hear, heard};
    struct policy policy;
    struct error error;
    long room;

    (void)state;
    (void)put(NULL, "password-prompts = a b c\npyt = 1\n[profile x]\nidentity-map = /x\n");
    for (room = 0; room < 1000; room++) {
        enum result result;

        heard[0] = '\0';
        memory_left = room;
        result = policy_examine(&policy, &paths, &listener, &error);
        memory_left = -1;
        policy_free(&policy);
        assert_int_equal(result, FAILED);
        if (error.status == STATUS_POLICY)
            break;
        assert_int_equal(error.status, STATUS_SYSTEM);
    }
    assert_in_range(room, 5, 999);
    assert_string_equal(heard, "/pamrun.conf:2: 'pyt': no such key\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_types),
        cmocka_unit_test(a_line_of_196_bytes_is_read),
        cmocka_unit_test(names_of_profiles_are_those_of_services),
        cmocka_unit_test(what_is_no_folder_is_refused),
        cmocka_unit_test(files_of_the_folder_come_in_the_order_of_their_bytes),
        cmocka_unit_test(other_files_of_the_folder_are_passed_over),
        cmocka_unit_test(a_file_name_that_a_terminal_would_obey_is_made_visible),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(a_file_of_64_kb_is_read_and_a_larger_one_refused),
        cmocka_unit_test(a_line_that_is_too_long_is_refused),
        cmocka_unit_test(a_path_through_a_file_is_no_missing_file),
        cmocka_unit_test(without_descriptors_it_is_refused),
        cmocka_unit_test(without_memory_it_is_refused),
        cmocka_unit_test(delegates_have_their_own_keys),
        cmocka_unit_test(delegates_can_be_listed),
        cmocka_unit_test(the_sample_changes_nothing),
        cmocka_unit_test(the_sample_has_every_key_and_each_can_be_used),
        cmocka_unit_test(the_manual_page_has_every_key_and_its_default),
        cmocka_unit_test(every_key_has_a_word_of_its_own),
        cmocka_unit_test(what_is_shown_can_be_read_again),
        cmocka_unit_test(everything_that_is_wrong_is_told),
        cmocka_unit_test(who_listens_is_told_nothing_about_a_policy_that_is_right),
        cmocka_unit_test(want_of_memory_ends_it_for_who_listens_too),
    };
    static struct suite suite;

    if (suite_needs_root())
        return 0;
    ADD_ROWS(&suite, without_files_the_default_holds, standards);
    ADD_ROWS(&suite, word_or_number_is_this, choices);
    ADD_ROWS(&suite, value_is_this, taken);
    ADD_ROWS(&suite, another_libinih_reads_the_same_or_is_refused, builds);
    ADD_ROWS(&suite, file_is_refused, refused);
    ADD_ROWS(&suite, the_same_is_refused_in_the_folder, refused);
    ADD_ROWS(&suite, the_file_is_trusted_or_refused, things);
    ADD_ROWS(&suite, a_file_in_the_folder_is_trusted_or_refused, things);
    ADD_ROWS(&suite, the_folder_is_trusted_or_refused, folders);
    ADD_ROWS(&suite, lowest_user_id_is_this, minimums);
    ADD_TESTS(&suite, tests);
    for (size_t at = 0; at < suite.count; at++) {
        suite.tests[at].setup_func = clear;
        suite.tests[at].teardown_func = clear;
    }
    return cmocka_run_group_tests_name("policy", suite.tests, make_folder, remove_folder);
}
