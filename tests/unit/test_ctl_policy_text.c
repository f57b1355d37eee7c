/* The policy written out: read again it means the same, and nothing of it can reach a terminal's controls. */
#include "ctl/policy_text.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 16384, WORDS_BYTES = 4096 };

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
        print_message("# refused: %s\n%s\n", error.message, text);
    assert_int_equal(result, OK);
}

/* profile: NULL for the whole. The path of the file is written as @. */
static void write_policy(char text[static TEXT_BYTES], const struct policy *policy, const char *profile)
{
    char *written = NULL;
    size_t size = 0, length = 0;
    FILE *out = open_memstream(&written, &size);

    assert_non_null(out);
    if (profile != NULL)
        policy_text_write_profile(out, policy, &defs, profile);
    else
        policy_text_write(out, policy, &defs);
    assert_int_equal(fclose(out), 0);
    assert_true(size < TEXT_BYTES);
    for (const char *at = written; *at != '\0'; length++) {
        bool is_path = strncmp(at, file, strlen(file)) == 0;

        text[length] = is_path ? '@' : *at;
        at += is_path ? strlen(file) : 1;
    }
    text[length] = '\0';
    free(written);
}

/* ---- exactly ---- */

#define DEFAULTS_BUT_PROFILE                                                                                           \
    "#user-profiles    =\n"                                                                                            \
    "#minimum-user-id  = auto\n"                                                                                       \
    "# auto is 1000, UID_MIN of login.defs; it is 0 when root asks\n"                                                  \
    "#required-groups  =\n"                                                                                            \
    "#forward-password = yes\n"                                                                                        \
    "#close-on-exit    = no\n"                                                                                         \
    "#kill-after       = 10\n"                                                                                         \
    "#environment-keep =\n"                                                                                            \
    "#expired-password = refuse\n"                                                                                     \
    "#pty              = auto\n"                                                                                       \
    "#cgroup           = auto\n"                                                                                       \
    "#job-cgroups      = slurmstepd* job_* step_* flux-* imp-*\n"                                                      \
    "#password-prompts =\n"                                                                                            \
    "#identity-map     =\n"                                                                                            \
    "#identity-rewrite =\n"

static void defaults_are_comments(void **state)
{
    char text[TEXT_BYTES];
    struct policy policy;
    struct error error;

    (void)state;
    folder_forget(&folder, "pamrun.conf");
    assert_int_equal(policy_read(&policy, &paths, &error), OK);
    write_policy(text, &policy, NULL);
    assert_string_equal(text, "# site policy, pamrun.conf(5): there is no file, the defaults hold\n"
                              "# default\n"
                              "#profile          = su\n" DEFAULTS_BUT_PROFILE);
    policy_free(&policy);
}

static void what_is_set_has_its_line_before_it(void **state)
{
    char text[TEXT_BYTES];
    struct policy policy;

    (void)state;
    read_policy(&policy, "profile=web\n\n[delegate flux]\nminimum-user-id = auto\naccounts: bob,\"@x y\"\n"
                         "[profile web]\npty = never\nrequired-groups = a \"b c\"\n[delegate none]\n");
    write_policy(text, &policy, NULL);
    assert_string_equal(text, "# site policy, pamrun.conf(5): @\n"
                              "# @:1\n"
                              "profile          = web\n"
                              "# default\n" DEFAULTS_BUT_PROFILE "\n[profile web]\n"
                              "# @:8\n"
                              "required-groups = a \"b c\"\n"
                              "# @:7\n"
                              "pty             = never\n"
                              "\n[delegate flux]\n"
                              "# @:4\n"
                              "minimum-user-id = auto\n"
                              "# auto is 1000, UID_MIN of login.defs\n"
                              "# @:5\n"
                              "accounts        = bob \"@x y\"\n"
                              "\n[delegate none]\n");
    policy_free(&policy);
}

static void for_a_profile_its_section_says_all_that_holds(void **state)
{
    char text[TEXT_BYTES];
    struct policy policy;

    (void)state;
    read_policy(&policy, "user-profiles=web\npty=never\nkill-after=3\n[profile web]\nkill-after=4\n[profile other]\n"
                         "kill-after=5\n[delegate flux]\nprofiles=web\n");
    write_policy(text, &policy, "web");
    assert_string_equal(text, "# site policy, pamrun.conf(5): @\n"
                              "# @:1\n"
                              "user-profiles = web\n"
                              "# default\n"
                              "#profile       = su\n"
                              "\n[profile web]\n"
                              "# @:5\n"
                              "kill-after       = 4\n"
                              "# @:2\n"
                              "pty              = never\n"
                              "# default\n"
                              "#minimum-user-id  = auto\n"
                              "# auto is 1000, UID_MIN of login.defs; it is 0 when root asks\n"
                              "#required-groups  =\n"
                              "#forward-password = yes\n"
                              "#close-on-exit    = no\n"
                              "#environment-keep =\n"
                              "#expired-password = refuse\n"
                              "#cgroup           = auto\n"
                              "#job-cgroups      = slurmstepd* job_* step_* flux-* imp-*\n"
                              "#password-prompts =\n"
                              "#identity-map     =\n"
                              "#identity-rewrite =\n");
    policy_free(&policy);
}

/* ---- what it means ---- */

#define TEN  "0123456789"
#define WORD TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct again {
    const char *sentence;
    const char *text;
} policies[] = {
    {"no line is read again", ""},
    {"an empty list is not the default", "job-cgroups =\n"},
    {"auto that is set is not the default", "minimum-user-id = auto\n"},
    {"a default that is set stays set", "pty = auto\nforward-password = yes\n"},
    {"quotes, commas, backslashes and # are read again",
     "password-prompts = \"LDAP Password:\" \"a,b\" \"#x\" \"say \\\"please\\\":\" \"back\\\\slash \\\" :\" c:\\\\d\n"},
    {"a ; behind a comma is read again", "password-prompts = a,;b,\";c\"\n"},
    {"a long list is read again", "password-prompts = " WORD "\n " WORD "\n " WORD "\n " WORD "\n"},
    {"words of a long list that look like keys are read again",
     "password-prompts = " WORD "\n    " WORD "\n    \"Password:\"\n    " WORD "\n    \"[" TEN "]\"\n    " WORD
     "\n    \"" TEN "=b\"\n    " WORD "\n    \"" TEN "\\\\b=\"\n    " WORD "\n    \"" TEN " d=\"\n"},
    {"words that look like one with the word before are read again",
     "password-prompts = " WORD TEN "\n " TEN " \"=\"\n " WORD TEN "\n " TEN " \":b\"\n"},
    {"a word of 190 bytes is read again", "password-prompts = a\n " TEN WORD WORD "\n"},
    {"a word of 195 bytes that looks like a key is read again", "password-prompts = b\n \"" TEN WORD "=" WORD "12\"\n"},
    {"a value that fills its line is read again",
     "identity-rewrite=^(" TEN WORD "[a-z]{1,3}" TEN TEN TEN TEN TEN TEN "12)$ $1\n"},
    {"sections are read again",
     "[profile a]\nkill-after = 0.5\nenvironment-keep = LC_* LANG\n[profile b]\n"
     "cgroup = follow\n[delegate c d]\naccounts = @x y\noptions = no-auth\n"
     "commands = \"/bin/ls -l\" /bin/id\nprofiles = a,b\nminimum-user-id = 5\n[delegate e]\n"},
};

static void append_values(char *text, const struct policy_value *value, enum policy_key key)
{
    char words[WORDS_BYTES];
    size_t length = strlen(text);

    if (!value->is_set || value->origin.file == NULL)
        return;
    policy_show_value(words, sizeof words, key, value);
    (void)snprintf(text + length, TEXT_BYTES - length, "%s=%s|%jd|%zu\n", policy_key_word(key), words,
                   (intmax_t)value->number, value->list.count);
}

/* All that is set, and where, but for lines. */
static void list_policy(char text[static TEXT_BYTES], const struct policy *policy)
{
    const struct policy_section *section = NULL;

    *text = '\0';
    for (enum policy_key key = 0; key < POLICY_RUN_KEYS; key++)
        append_values(text, policy_value(policy, key, NULL), key);
    while ((section = policy_next_profile(policy, section)) != NULL) {
        (void)snprintf(text + strlen(text), TEXT_BYTES - strlen(text), "[%s]\n", profile_section_name(section));
        for (enum policy_key key = 0; key < POLICY_KEYS; key++)
            append_values(text, profile_section_value(section, key), key);
    }
    while ((section = policy_next_delegate(policy, section)) != NULL) {
        (void)snprintf(text + strlen(text), TEXT_BYTES - strlen(text), "<%s>\n", delegate_user(section));
        for (enum policy_key key = 0; key < POLICY_KEYS; key++)
            append_values(text, delegate_value(section, key), key);
    }
}

static void read_again_it_means_the_same(void **state)
{
    const struct again *row = *state;
    char text[TEXT_BYTES], before[TEXT_BYTES], after[TEXT_BYTES];
    struct policy policy;

    read_policy(&policy, row->text);
    list_policy(before, &policy);
    write_policy(text, &policy, NULL);
    policy_free(&policy);
    read_policy(&policy, text);
    list_policy(after, &policy);
    policy_free(&policy);
    assert_string_equal(after, before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_are_comments),
                                              cmocka_unit_test(what_is_set_has_its_line_before_it),
                                              cmocka_unit_test(for_a_profile_its_section_says_all_that_holds)};
    static struct suite suite;

    if (suite_needs_root())
        return 0;
    ADD_ROWS(&suite, read_again_it_means_the_same, policies);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("ctl_policy_text", suite.tests, make_folder, remove_folder);
}
