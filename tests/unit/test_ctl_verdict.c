/* A dry run: a policy, a caller and an account in, lines and an exit status out. Groups are what the test says. */
#include "ctl/verdict.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 8192 };

static struct folder folder;
static char file[128];
static const struct policy_paths paths = {file, "/nonexistent"};
static const struct login_defs defs = {.has_uid_min = true, .uid_min = 1000};

static int make_folder(void **state)
{
    static const char lines[] = "auth required x.so\naccount required x.so\nsession required x.so\n";

    (void)state;
    folder_make(&folder);
    (void)snprintf(file, sizeof file, "%s", folder_path(&folder, "pamrun.conf"));
    (void)folder_write(&folder, "su", lines, 0644);
    (void)folder_write(&folder, "web", lines, 0644);
    (void)folder_write(&folder, "job", lines, 0644);
    (void)folder_write(&folder, "open", lines, 0666);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static char shell[] = "/bin/sh", odd_shell[] = "/nonexistent/shell", home[] = "/", root_name[] = "root",
            bob_name[] = "bob", slurm_name[] = "slurm", alice_name[] = "alice", odd_name[] = "o\033dd";
static const struct account root = {root_name, home, shell, 0, 0}, bob = {bob_name, home, shell, 1001, 1001},
                            slurm = {slurm_name, home, shell, 64030, 64030},
                            alice = {alice_name, home, shell, 1002, 1002},
                            odd = {odd_name, home, odd_shell, 1003, 1003};

/* alice is in hpc; nobody can look up "lost". */
static enum membership membership(void *account, const char *group)
{
    const struct account *asked = account;

    if (strcmp(group, "lost") == 0)
        return MEMBERSHIP_UNKNOWN;
    return strcmp(group, "hpc") == 0 && (asked->uid == alice.uid || asked->uid == 0) ? MEMBER : NO_MEMBER;
}

#define SLURM          "[delegate slurm]\nprofiles = su job\naccounts = @hpc bob\ncommands = /bin/id\n"
#define BOB_SU         "allowed: profile su: profile = su (default)\n"
#define NO_GROUP(name) "allowed: groups of " name ": required-groups is empty (default)\n"
#define PAM_OPEN       "; PAM was not asked\n"

static const struct verdict_case {
    const char *sentence;
    const char *text; /* of the policy */
    const struct account *caller;
    const char *profile, *identity;
    const struct account *account;
    int status;
    const char *lines; /* the file's path is written as @ */
} cases[] = {
    {"by default bob may become alice", "", &bob, NULL, NULL, &alice, 0,
     BOB_SU "allowed: user alice, user id 1002: minimum-user-id = auto (default), which is 1000 here\n" NO_GROUP(
         "alice") "verdict: allowed: bob as alice, profile su" PAM_OPEN},
    {"by default bob may not become root", "", &bob, NULL, NULL, &root, 77,
     BOB_SU "refused: user root, user id 0: minimum-user-id = auto (default), which is 1000 here\n" NO_GROUP(
         "root") "verdict: refused: bob as root, profile su; pamrun would end with status 77\n"},
    {"by default root may become root", "", &root, NULL, NULL, &root, 0,
     BOB_SU "allowed: user root, user id 0: minimum-user-id = auto (default), which is 0 here\n" NO_GROUP(
         "root") "verdict: allowed: root as root, profile su" PAM_OPEN},
    {"what is set counts for root", "minimum-user-id = auto\n", &root, NULL, NULL, &root, 77,
     BOB_SU "refused: user root, user id 0: minimum-user-id = auto (@:1), which is 1000 here\n" NO_GROUP(
         "root") "verdict: refused: root as root, profile su; pamrun would end with status 77\n"},
    {"a number is only a number", "minimum-user-id = 1002\n", &bob, NULL, NULL, &alice, 0,
     BOB_SU "allowed: user alice, user id 1002: minimum-user-id = 1002 (@:1)\n" NO_GROUP(
         "alice") "verdict: allowed: bob as alice, profile su" PAM_OPEN},
    {"a profile's section counts for it", "user-profiles = web\n[profile web]\nminimum-user-id = 1003\n", &bob, "web",
     NULL, &alice, 77,
     "allowed: profile web: user-profiles = web (@:1)\n"
     "refused: user alice, user id 1002: minimum-user-id = 1003 (@:3)\n" NO_GROUP(
         "alice") "verdict: refused: bob as alice, profile web; pamrun would end with status 77\n"},
    {"a profile that is not listed ends it", "user-profiles = a b\n", &bob, "web", NULL, &alice, 77,
     "refused: profile web: user-profiles = a b (@:1)\n"
     "verdict: refused: bob as alice; pamrun would end with status 77\n"},
    {"root may use any profile", "", &root, "web", NULL, NULL, 0,
     "allowed: profile web: root may use any\nverdict: allowed: root, profile web" PAM_OPEN},
    {"a profile without a file is told", "profile = gone\n", &bob, NULL, NULL, NULL, 69,
     "allowed: profile gone: profile = gone (@:1)\n"
     "fails: profile gone: no such file in %\n"
     "  hint: --profile takes the name of a file there; 'other' is never used in its place\n"
     "verdict: fails: bob, profile gone; pamrun would end with status 69\n"},
    {"a profile that others can write is told", "profile = open\n", &root, NULL, NULL, NULL, 69,
     "allowed: profile open: profile = open (@:1)\n"
     "fails: profile open: %/open: must be a regular file of root's that nobody else can write\n"
     "  hint: chown root:root %/open; chmod 644 %/open\n"
     "verdict: fails: root, profile open; pamrun would end with status 69\n"},
    {"one of the groups is enough", "required-groups = x hpc\n", &bob, NULL, NULL, &alice, 0,
     BOB_SU "allowed: user alice, user id 1002: minimum-user-id = auto (default), which is 1000 here\n"
            "allowed: groups of alice: required-groups = x hpc (@:1)\n"
            "verdict: allowed: bob as alice, profile su" PAM_OPEN},
    {"no group is not enough, for root's runs too", "required-groups = hpc\n", &root, NULL, NULL, &bob, 77,
     BOB_SU "allowed: user bob, user id 1001: minimum-user-id = auto (default), which is 0 here\n"
            "refused: groups of bob: required-groups = hpc (@:1)\n"
            "verdict: refused: root as bob, profile su; pamrun would end with status 77\n"},
    {"a group that cannot be looked up fails", "required-groups = lost\n", &bob, NULL, NULL, &alice, 75,
     BOB_SU "allowed: user alice, user id 1002: minimum-user-id = auto (default), which is 1000 here\n"
            "fails: group lost: look-up failed\n  hint: is the directory service (sssd, ...) running?\n"
            "verdict: fails: bob as alice, profile su; pamrun would end with status 75\n"},
    {"cgroup = require is no question of who may", "cgroup = require\n", &bob, NULL, NULL, NULL, 0,
     BOB_SU "verdict: allowed: bob, profile su" PAM_OPEN},
    {"that passwords cannot be forwarded is a note", "forward-password = no\n", &bob, NULL, NULL, NULL, 0,
     BOB_SU "note: a forwarded password is refused: forward-password = no (@:1)\n"
            "verdict: allowed: bob, profile su" PAM_OPEN},
    {"root may forward them", "forward-password = no\n", &root, NULL, NULL, NULL, 0,
     BOB_SU "verdict: allowed: root, profile su" PAM_OPEN},
    {"an odd shell is a note, and an odd name is made visible", "", &bob, NULL, NULL, &odd, 0,
     BOB_SU "allowed: user o\\033dd, user id 1003: minimum-user-id = auto (default), which is 1000 here\n" NO_GROUP(
         "o\\033dd") "note: -u is refused, and -s, -p and -w do nothing: /nonexistent/shell, the shell of o\\033dd, is not "
                     "in /etc/shells\n"
                     "verdict: allowed: bob as o\\033dd, profile su" PAM_OPEN},
    {"an identity is not for bob", "identity-rewrite = ^x$ alice\n", &bob, NULL, "x", NULL, 77,
     BOB_SU "refused: --identity: only root and delegates may use it\n"
            "verdict: refused: bob, profile su; pamrun would end with status 77\n"},
    {"an identity is mapped, and its account has the minimum", "identity-rewrite = ^x$ root\n", &root, NULL, "x", &root,
     77,
     BOB_SU "allowed: identity x: is user root: identity-map is empty (default), identity-rewrite = ^x$ root (@:1)\n"
            "refused: user root, user id 0: minimum-user-id = auto (default), which is 1000 here\n" NO_GROUP(
                "root") "verdict: refused: root as root, profile su; pamrun would end with status 77\n"},
    {"an identity that nothing maps is refused", "identity-rewrite = ^x$ root\n", &root, NULL, "y", NULL, 77, NULL},
    {"a delegate may become who is in a group", SLURM, &slurm, NULL, NULL, &alice, 0,
     "note: slurm is a delegate, and does not authenticate\n"
     "allowed: profile su: profiles = su job (@:2)\n"
     "allowed: user alice, user id 1002: accounts = @hpc bob (@:3); by a group never root, and minimum-user-id = auto "
     "(default), which is 1000 here\n" NO_GROUP(
         "alice") "note: other commands than these are refused: commands = /bin/id (@:4)\n"
                  "note: other options for root than these are refused: options is not set\n"
                  "verdict: allowed: slurm as alice, profile su" PAM_OPEN},
    {"a delegate may not become root by a group", SLURM "minimum-user-id = 0\n", &slurm, "job", NULL, &root, 77,
     "note: slurm is a delegate, and does not authenticate\n"
     "allowed: profile job: profiles = su job (@:2)\n"
     "refused: user root, user id 0: accounts = @hpc bob (@:3); by a group never root, and minimum-user-id = 0 "
     "(@:5)\n" NO_GROUP("root") "note: other commands than these are refused: commands = /bin/id (@:4)\n"
                                "note: other options for root than these are refused: options is not set\n"
                                "verdict: refused: slurm as root, profile job; pamrun would end with status 77\n"},
    {"a delegate may use no other profile", "user-profiles = web\n" SLURM, &slurm, "web", NULL, &alice, 77,
     "note: slurm is a delegate, and does not authenticate\n"
     "refused: profile web: profiles = su job (@:3)\n"
     "verdict: refused: slurm as alice; pamrun would end with status 77\n"},
    {"an empty section grants nothing", "[delegate slurm]\n", &slurm, NULL, NULL, &alice, 77,
     "note: slurm is a delegate, and does not authenticate\n"
     "refused: profile su: profiles is not set\n"
     "verdict: refused: slurm as alice; pamrun would end with status 77\n"},
    {"without commands a delegate may do nothing", "[delegate slurm]\nprofiles=su\naccounts=alice\n", &slurm, NULL,
     NULL, &alice, 77,
     "note: slurm is a delegate, and does not authenticate\n"
     "allowed: profile su: profiles = su (@:2)\n"
     "allowed: user alice, user id 1002: accounts = alice (@:3)\n" NO_GROUP(
         "alice") "refused: every command: commands is not set\n"
                  "note: other options for root than these are refused: options is not set\n"
                  "verdict: refused: slurm as alice, profile su; pamrun would end with status 77\n"},
    {"a delegate needs the option for an identity", SLURM "options = no-auth\n", &slurm, NULL, "x", NULL, 77,
     "note: slurm is a delegate, and does not authenticate\n"
     "refused: --identity: options = no-auth (@:5)\n"
     "verdict: refused: slurm; pamrun would end with status 77\n"},
    {"root's section makes him no delegate", "[delegate root]\n", &root, NULL, NULL, &alice, 0,
     BOB_SU "allowed: user alice, user id 1002: minimum-user-id = auto (default), which is 0 here\n" NO_GROUP(
         "alice") "verdict: allowed: root as alice, profile su" PAM_OPEN},
};

/* Paths of our own as @ (the policy) and % (the folder of profiles). */
static void shorten(char text[static TEXT_BYTES], const char *written)
{
    const char *const names[] = {file, folder.path}, marks[] = {'@', '%'};
    size_t length = 0;

    while (*written != '\0') {
        size_t at = 0;

        while (at < COUNT(names) && strncmp(written, names[at], strlen(names[at])) != 0)
            at++;
        text[length++] = at < COUNT(names) ? marks[at] : *written;
        written += at < COUNT(names) ? strlen(names[at]) : 1;
    }
    text[length] = '\0';
}

static void the_verdict_is_this(void **state)
{
    const struct verdict_case *row = *state;
    const char *const directories[] = {folder.path, NULL};
    struct verdict_question question = {.defs = &defs,
                                        .caller = row->caller,
                                        .profile = row->profile,
                                        .identity = row->identity,
                                        .membership = membership,
                                        .directories = directories};
    struct error error = {.message = ""};
    char *written = NULL, text[TEXT_BYTES];
    struct verdict verdict;
    struct policy policy;
    size_t size;
    FILE *out = open_memstream(&written, &size);

    assert_non_null(out);
    (void)folder_write(&folder, "pamrun.conf", row->text, 0644);
    assert_int_equal(policy_read(&policy, &paths, &error), OK);
    question.policy = &policy;
    verdict_begin(out, &question, &verdict);
    verdict_end(out, &question, row->account, &verdict);
    assert_int_equal(fclose(out), 0);
    shorten(text, written);
    if (row->lines != NULL)
        assert_string_equal(text, row->lines);
    assert_int_equal(verdict.status, row->status);
    assert_true(text_is_harmless(text, true));
    verdict_free(&verdict);
    policy_free(&policy);
    free(written);
}

int main(void)
{
    static struct suite suite;

    if (suite_needs_root())
        return 0;
    ADD_ROWS(&suite, the_verdict_is_this, cases);
    return cmocka_run_group_tests_name("ctl_verdict", suite.tests, make_folder, remove_folder);
}
