/* Profiles that libpam reads twice: as they are, and with pam_trace.so in each module's place. What it answers must be the
 * same, and must be what the rules of dispatch.h make of the modules' answers. Odd profiles first, then random ones of
 * pam_debug(8), whose arguments say what it answers. Needs root, and the modules that come with libpam. */
#include "ctl/rewrite.h"
#include "ctl/stack.h"
#include "ctl/trace_lines.h"
#include "pam/codes.h"
#include "trace/calls.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

enum { FUNCTIONS = 6, RANDOM_STACKS = 200 };

static struct folder profiles;

/* What libpam said: of pam_start(3), then of each function. */
struct answers {
    int start, codes[FUNCTIONS];
};

static const struct function {
    const char *name;
    enum step step;
    int (*call)(pam_handle_t *handle, int flags);
    int flags;
} functions[FUNCTIONS] = {
    {"authenticate", STEP_AUTHENTICATE, pam_authenticate, 0},
    {"setcred", STEP_CREDENTIALS, pam_setcred, PAM_ESTABLISH_CRED},
    {"acct_mgmt", STEP_ACCOUNT, pam_acct_mgmt, 0},
    {"open_session", STEP_OPEN_SESSION, pam_open_session, 0},
    {"close_session", STEP_CLOSE_SESSION, pam_close_session, 0},
    {"chauthtok", STEP_CHAUTHTOK, pam_chauthtok, 0},
};

static int talk(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    (void)messages, (void)data;
    *responses = calloc((size_t)count, sizeof **responses);
    return *responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* lines: NULL where nothing is traced. Returns how many functions were not explained. */
static int ask(struct answers *answers, const char *directory, struct trace_lines *lines)
{
    static const struct pam_conv conversation = {talk, NULL};
    pam_handle_t *handle = NULL;
    int unexplained = 0;

    *answers = (struct answers){.start = pam_start_confdir("p", "root", &conversation, directory, &handle)};
    if (answers->start != PAM_SUCCESS)
        return 0;
    for (int at = 0; at < FUNCTIONS; at++) {
        json_t *passes, *pass;
        size_t number;

        calls_begin();
        answers->codes[at] = functions[at].call(handle, functions[at].flags);
        if (lines == NULL)
            continue;
        passes = trace_lines_of(lines, functions[at].step, pam_code_name(answers->codes[at]));
        json_array_foreach(passes, number, pass)
        {
            if (!json_is_false(json_object_get(pass, "explained")))
                continue;
            unexplained++;
            printf("not explained: %s is %s, and by the rules %s\n", functions[at].name,
                   pam_code_name(answers->codes[at]), json_string_value(json_object_get(pass, "code")));
        }
        json_decref(passes);
    }
    (void)pam_end(handle, PAM_SUCCESS);
    return unexplained;
}

/* As trace.c does it. */
static bool prepare(struct rewrite *rewrite, struct stack *stack, struct stack_site *site, struct trace_lines *lines)
{
    const char *const directories[] = {profiles.path, NULL};
    static bool stands_in[4096], cut[4096];
    struct error error;

    if (stack_find_site(site, &error) != OK)
        return false;
    site->places.profiles = directories;
    if (stack_resolve(stack, "p", &site->places, &error) != OK || stack->count > 4096
        || rewrite_begin(rewrite, STAND_IN, &error) != OK || !trace_lines_begin(lines, stack, &site->dialect)) {
        printf("%s\n", error.message);
        return false;
    }
    for (size_t at = 0; at < stack->count; at++) {
        const char *const paths[] = {stack->lines[at].path, NULL};

        if (stack->lines[at].kind == STACK_MODULE)
            stands_in[at] = calls_load((int)at, paths);
    }
    if (rewrite_profile(rewrite, stack, "p", stands_in, cut, site->dialect.line_room, &error) != OK) {
        printf("%s\n", error.message);
        return false;
    }
    for (size_t at = 0; at < stack->count; at++)
        if (cut[at])
            calls_give((int)at, strv_items(&stack->lines[at].arguments), stack->lines[at].arguments.count);
    return true;
}

/* In a process of its own: modules stay loaded. What is wrong is printed. The folder's "p" is the profile. */
static int compare(const void *unused)
{
    struct answers plain, traced;
    struct rewrite rewrite = {.directory = ""};
    struct stack_site site;
    struct stack stack;
    struct trace_lines lines;
    int unexplained;

    (void)unused;
    (void)ask(&plain, profiles.path, NULL);
    if (!prepare(&rewrite, &stack, &site, &lines))
        return 1;
    unexplained = ask(&traced, rewrite.directory, &lines);
    rewrite_remove(&rewrite);
    if ((plain.start == PAM_SUCCESS) != (stack.problem[0] == '\0'))
        printf("pam_start: %s, and the stack: '%s'\n", pam_code_name(plain.start), stack.problem);
    if (access(rewrite.directory, F_OK) == 0)
        printf("%s is left\n", rewrite.directory);
    if (plain.start != traced.start)
        printf("pam_start: %s, traced %s\n", pam_code_name(plain.start), pam_code_name(traced.start));
    for (int at = 0; at < FUNCTIONS; at++)
        if (plain.codes[at] != traced.codes[at])
            printf("%s: %s, traced %s\n", functions[at].name, pam_code_name(plain.codes[at]),
                   pam_code_name(traced.codes[at]));
    return unexplained > 0;
}

static void assert_same(const char *what)
{
    struct ran ran;

    run(&ran, compare, NULL, 30000);
    if (ran.status != 0 || ran.output[0] != '\0')
        print_message("# %s: status %d\n# %s\n# %s\n", what, ran.status, ran.output, ran.errors);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, "");
}

/* ---- odd profiles ---- */

#define X10(text)  text text text text text text text text text text
#define X100(text) X10(X10(text))

/* %s in a text is the folder; libpam of Debian's looks for other files in /etc/pam.d. Not here: modules and substacks without
 * a name, at which libpam 1.5 follows a pointer that it has not set. */
static const struct odd_case {
    const char *sentence;
    const char *text, *q, *other; /* of p, q and other; NULL: there is none */
} odd_cases[] = {
    {"a plain profile", "auth required pam_permit.so\naccount required pam_deny.so\n", NULL,
     "session required pam_permit.so\n"},
    {"an empty profile", "", NULL, NULL},
    {"an empty profile, and other", "", NULL, "auth required pam_permit.so\naccount include %s/q\n"},
    {"lines that go on", "auth required \\\n pam_permit.so \\\n# why\n debug\naccount required pam_permit.so\n", NULL,
     NULL},
    {"a line that goes on at the end", "auth required pam_permit.so\nauth required pam_permit.so \\\n", NULL, NULL},
    {"a backslash before a comment", "auth required pam_permit.so x\\ # y\nauth required pam_deny.so\n", NULL, NULL},
    {"carriage returns", "auth required pam_permit.so\r\naccount required pam_permit.so\r\n", NULL, NULL},
    {"a facility that is none", "auht required pam_permit.so\naccount required pam_permit.so\n", NULL, NULL},
    {"a facility that is none in an included file", "auth required pam_permit.so\naccount include %s/q\n",
     "account required pam_permit.so\nacount required pam_permit.so\n", NULL},
    {"a facility alone", "auth\naccount required pam_permit.so\n", NULL, NULL},
    {"no module", "auth required\naccount required pam_permit.so\n", NULL, NULL},
    {"no module, with a hyphen", "-auth required\naccount required pam_permit.so\n", NULL, NULL},
    {"a control that is none", "auth sufficiant pam_permit.so\nauth required pam_permit.so\n", NULL, NULL},
    {"a control of rubbish", "auth [success=maybe] pam_permit.so\nauth required pam_permit.so\n", NULL, NULL},
    {"words in brackets", "[auth] [required] [pam_permit.so] [a b] []\n[account] [include] [%s/q]\n",
     "account required pam_deny.so\n", NULL},
    {"a missing module",
     "auth required pam_permit.so\nauth [default=ignore] pam_prt_no.so\naccount required pam_prt_no.so\n", NULL, NULL},
    {"a missing module with a hyphen",
     "-auth optional /prt/no.so\nauth required pam_permit.so\n-account required pam_prt_no.so\n", NULL, NULL},
    {"a file that is no module", "auth required pam_permit.so\nauth optional /etc/passwd\n", NULL, NULL},
    {"a directory as a module", "auth required pam_permit.so\nauth optional /etc/\n", NULL, NULL},
    {"a module without the function",
     "account required pam_rootok.so\nsession required pam_rootok.so\nauth required pam_limits.so\n", NULL, NULL},
    {"an include", "auth include %s/q\naccount include %s/q\n",
     "auth required pam_permit.so\naccount required pam_deny.so\n", NULL},
    {"an include of nothing", "auth required pam_permit.so\nauth include %s/none\naccount required pam_permit.so\n",
     NULL, NULL},
    {"a substack of nothing", "auth required pam_permit.so\nauth substack %s/none\n", NULL, NULL},
    {"an include by a facility that is none", "auht include %s/q\n", "auth required pam_permit.so\n", NULL},
    {"an included file that is given up", "auth include %s/q\naccount include %s/q\n",
     "auth required pam_permit.so\naccount required pam_permit.so\nauth required pam_permit.so \\\n", NULL},
    {"a substack that ends", "auth substack %s/q\nauth required pam_deny.so\n",
     "auth sufficient pam_permit.so\nauth required pam_deny.so\n", NULL},
    {"a jump over a substack", "auth [success=1] pam_permit.so\nauth substack %s/q\nauth required pam_permit.so\n",
     "auth required pam_deny.so\nauth required pam_deny.so\n", NULL},
    {"a jump too far", "auth [success=3] pam_permit.so\nauth required pam_permit.so\n", NULL, NULL},
    {"a jump too far in a substack", "auth substack %s/q\nauth required pam_permit.so\n",
     "auth [success=3] pam_permit.so\nauth required pam_permit.so\n", NULL},
    {"a success that is bad", "auth [success=bad] pam_permit.so\nauth required pam_permit.so\n", NULL, NULL},
    {"only what is ignored", "auth [default=ignore] pam_permit.so\n", NULL, NULL},
    {"a reset", "auth substack %s/q\nauth required pam_permit.so\n",
     "auth required pam_deny.so\nauth [default=reset] pam_permit.so\n", NULL},
    {"@include, where there is one", "@include %s/q\naccount required pam_permit.so\n", "auth required pam_permit.so\n",
     NULL},
    {"@include with a hyphen", "-@include %s/q\naccount required pam_permit.so\n", "auth required pam_permit.so\n",
     NULL},
    {"@include of nothing", "auth required pam_permit.so\n@include %s/none\n", NULL, NULL},
    {"@include of nothing in an include", "auth include %s/q\naccount required pam_permit.so\n",
     "auth required pam_permit.so\n@include /prt/none\n", NULL},
    {"@include of a directory", "@include /etc\nauth required pam_permit.so\n", NULL, NULL},
    {"other of nothing", "auth required pam_permit.so\n", NULL, "@include /prt/none\n"},
    {"a comment that is too long",
     "#" X100("0123456789") X10("0123") "auth required pam_deny.so\nauth required pam_permit.so\n", NULL, NULL},
    {"a line that is too long", "auth required pam_permit.so " X100("0123456789") "\naccount required pam_permit.so\n",
     NULL, NULL},
    {"a line that is nearly too long",
     "auth required pam_debug.so " X10(
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456 ") "auth=abort\naccount required pam_permit.so\n",
     NULL, NULL},
};

static void write_text(const char *name, const char *text)
{
    char whole[4096] = "";

    folder_forget(&profiles, name);
    if (text == NULL)
        return;
    while (*text != '\0') {
        size_t length = strlen(whole);
        const char *place = strstr(text, "%s");
        size_t piece = place != NULL ? (size_t)(place - text) : strlen(text);

        assert_true(length + piece + sizeof profiles.path < sizeof whole);
        memcpy(whole + length, text, piece);
        (void)snprintf(whole + length + piece, sizeof whole - length - piece, "%s", place != NULL ? profiles.path : "");
        text += piece + (place != NULL ? 2 : 0);
    }
    (void)folder_write(&profiles, name, whole, 0644);
}

static void an_odd_profile_is_what_it_is(void **state)
{
    const struct odd_case *row = *state;

    write_text("p", row->text);
    write_text("q", row->q);
    write_text("other", row->other);
    assert_same(row->sentence);
}

/* libpam counts substacks, or from 1.7 includes as well; what is too deep refuses. */
static void levels_that_are_too_many_are_what_they_are(void **state)
{
    static const char *const words[] = {"substack", "include"};

    (void)state;
    write_text("other", NULL);
    for (int word = 0; word < 2; word++) {
        for (int level = 0; level < 20; level++) {
            char name[8], text[256];

            (void)snprintf(name, sizeof name, "l%d", level);
            (void)snprintf(text, sizeof text, "auth required pam_permit.so\nauth %s %%s/l%d\n", words[word], level + 1);
            write_text(level == 0 ? "p" : name, level < 19 ? text : "auth required pam_permit.so\n");
        }
        assert_same(words[word]);
    }
    for (int level = 1; level < 20; level++) {
        char name[8];

        (void)snprintf(name, sizeof name, "l%d", level);
        folder_forget(&profiles, name);
    }
}

/* ---- random ones ---- */

static unsigned long seed, number;

static unsigned pick(unsigned count)
{
    number = number * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(number >> 33) % count;
}

static const char *const codes[] = {
    "success", "success",  "success",  "success",     "auth_err",     "perm_denied", "ignore",           "user_unknown",
    "abort",   "maxtries", "cred_err", "session_err", "acct_expired", "try_again",   "new_authtok_reqd", "incomplete",
};

static const char *code(void)
{
    return codes[pick(sizeof codes / sizeof *codes - 1)]; /* incomplete is for applications that call again */
}

static void add_control(FILE *out)
{
    static const char *const words[] = {"required", "required", "requisite", "sufficient", "optional"};
    static const char *const actions[] = {"ok",     "ok",    "done", "bad", "die", "ignore",
                                          "ignore", "reset", "1",    "1",   "2",   "3"};

    if (pick(10) < 4) {
        (void)fputs(words[pick(5)], out);
        return;
    }
    (void)fputc('[', out);
    for (unsigned pairs = pick(4); pairs > 0; pairs--)
        (void)fprintf(out, "%s=%s ", code(), actions[pick(12)]);
    (void)fprintf(out, "success=%s default=%s]", actions[pick(12)], actions[pick(12)]);
}

static const char *const facilities[] = {"auth", "account", "session", "password"};

static void add_file(const char *name, int depth, int *files)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (unsigned lines = pick(10) + 4; lines > 0; lines--) {
        const char *facility = facilities[pick(4)];
        unsigned kind = pick(12);

        if (kind < 2 && depth < 3 && *files < 12) {
            char below[16];

            (void)snprintf(below, sizeof below, "f%d", ++*files);
            (void)fprintf(out, "%s %s %s/%s\n", facility, pick(3) > 0 ? "substack" : "include", profiles.path, below);
            add_file(below, depth + 1, files);
            continue;
        }
        (void)fprintf(out, "%s%s ", pick(8) == 0 ? "-" : "", facility);
        add_control(out);
        if (kind == 2)
            (void)fprintf(out, " pam_prt_missing.so\n");
        else
            (void)fprintf(
                out,
                " pam_debug.so auth=%s cred=%s acct=%s open_session=%s close_session=%s prechauthtok=%s chauthtok=%s\n",
                code(), code(), code(), code(), code(), code(), code());
    }
    (void)fclose(out);
    (void)folder_write(&profiles, name, text, 0644);
    free(text);
}

static void random_profiles_are_what_they_are(void **state)
{
    const char *given = getenv("TRACE_SEED");

    (void)state;
    seed = given != NULL ? strtoul(given, NULL, 10) : (unsigned long)time(NULL);
    write_text("other", "auth required pam_deny.so\n");
    for (unsigned long at = 0; at < RANDOM_STACKS; at++) {
        char what[64];
        int files = 0;

        number = seed + at;
        (void)pick(1);
        add_file("p", 0, &files);
        (void)snprintf(what, sizeof what, "TRACE_SEED=%lu", seed + at);
        assert_same(what);
        for (; files > 0; files--) {
            char name[16];

            (void)snprintf(name, sizeof name, "f%d", files);
            folder_forget(&profiles, name);
        }
    }
}

static int make_folder(void **state)
{
    (void)state;
    folder_make(&profiles);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_forget(&profiles, "p");
    folder_forget(&profiles, "q");
    folder_forget(&profiles, "other");
    folder_remove(&profiles);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_that_are_too_many_are_what_they_are),
        cmocka_unit_test(random_profiles_are_what_they_are),
    };
    static struct suite suite;

    if (suite_needs_root())
        return 0;
    ADD_ROWS(&suite, an_odd_profile_is_what_it_is, odd_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("trace", suite.tests, make_folder, remove_folder);
}
