/* Profiles in folders of our own, resolved as Debian's libpam and as others would: where they differ, the places where they
 * look. test_ctl_trace.c asks the libpam that is here. */
#include "ctl/stack.h"

#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct folder site, vendor;
static const char *profiles[] = {site.path, vendor.path, NULL};
static const char *nowhere[] = {"/nonexistent", NULL};

static struct dialect debian = {.debian = true, .line_room = 1024, .module_directories = {"/nonexistent", site.path}};
static struct dialect other = {.module_directories = {site.path}};

static int make_folders(void **state)
{
    (void)state;
    folder_make(&site);
    folder_make(&vendor);
    return 0;
}

static int remove_folders(void **state)
{
    (void)state;
    folder_remove(&site);
    folder_remove(&vendor);
    return 0;
}

/* The lines, one word each: "site/p:1 auth inner.so" and where they lead, '|' behind each; children are indented. */
static void tell(char *out, size_t size, const struct stack *stack)
{
    *out = '\0';
    for (size_t at = 0; at < stack->count; at++) {
        const struct stack_line *line = &stack->lines[at];
        const char *slash = strrchr(line->file, '/');
        size_t used = strlen(out);

        (void)snprintf(
            out + used, size - used, "%.*s%s/%s:%u %s%s %s%s%s|", (int)line->depth, ">>>>>>>>",
            strncmp(line->file, vendor.path, strlen(vendor.path)) == 0 ? "vendor" : "site", slash + 1, line->number,
            line->quiet ? "-" : "", line->facility == STACK_ALL ? "all" : stack_facility_name(line->facility),
            line->word != NULL ? line->word : "", line->path != NULL ? "" : " missing", line->of_other ? " other" : "");
    }
}

static void assert_stack(const char *service, const struct dialect *dialect, const char *const *directories,
                         const char *configuration, const char *wanted)
{
    const struct stack_places places = {directories, configuration, dialect};
    struct error error = {.message = ""};
    struct stack stack;
    char told[1024];

    assert_int_equal(stack_resolve(&stack, service, &places, &error), OK);
    tell(told, sizeof told, &stack);
    assert_string_equal(told, wanted);
    stack_free(&stack);
}

static void forget(const char *name)
{
    folder_forget(&site, name);
    folder_forget(&vendor, name);
}

static void the_site_s_file_comes_before_the_vendor_s(void **state)
{
    (void)state;
    (void)folder_write(&vendor, "p", "auth required m.so\n", 0644);
    (void)folder_write(&vendor, "other", "account required m.so\n", 0644);
    assert_stack("p", &debian, profiles, "", "vendor/p:1 auth m.so missing|vendor/other:1 account m.so missing other|");
    (void)folder_write(&site, "p", "session required m.so\n", 0644);
    assert_stack("p", &other, profiles, "", "site/p:1 session m.so missing|vendor/other:1 account m.so missing other|");
    forget("p");
    forget("other");
}

static void what_is_included_is_looked_for_in_the_site_s_only_or_in_all(void **state)
{
    (void)state;
    (void)folder_write(&site, "p", "auth include q\nauth substack q\n", 0644);
    (void)folder_write(&vendor, "q", "auth required m.so\naccount required m.so\n", 0644);
    assert_stack("p", &debian, profiles, "",
                 "site/p:1 auth q missing|site/p:1 auth  missing|site/p:2 auth q missing|site/p:2 auth  missing|");
    assert_stack("p", &other, profiles, "",
                 "site/p:1 auth q|>vendor/q:1 auth m.so missing|site/p:2 auth q|>vendor/q:1 auth m.so missing|");
    forget("p");
    forget("q");
}

static void at_include_is_debian_s_and_to_others_no_facility(void **state)
{
    (void)state;
    (void)folder_write(&site, "p", "@include q\n-session optional m.so\n", 0644);
    (void)folder_write(&site, "q", "auth required m.so\naccount required m.so\n", 0644);
    assert_stack("p", &debian, profiles, "",
                 "site/p:1 all q|>site/q:1 auth m.so missing|>site/q:2 account m.so missing|"
                 "site/p:2 -session m.so missing|");
    assert_stack("p", &other, profiles, "", "site/p:1 auth  missing|site/p:2 -session m.so missing|");
    forget("p");
    forget("q");
}

static void without_directories_pam_conf_is_read(void **state)
{
    char path[128];

    (void)state;
    (void)folder_write(
        &site, "conf",
        "P auth required m.so\nq auth required n.so\nother session required o.so\np account required m.so\n", 0644);
    (void)snprintf(path, sizeof path, "%s/conf", site.path);
    assert_stack(
        "p", &debian, nowhere, path,
        "site/conf:1 auth m.so missing|site/conf:4 account m.so missing|site/conf:3 session o.so missing other|");
    forget("conf");
}

static void modules_are_where_libpam_looks(void **state)
{
    char text[256];

    (void)state;
    (void)folder_write(&site, "m.so", "", 0644);
    (void)snprintf(text, sizeof text, "auth required m.so\nauth required %s/m.so\nauth required %s/n.so a [b c]\n",
                   site.path, site.path);
    (void)folder_write(&site, "p", text, 0644);
    (void)snprintf(text, sizeof text, "site/p:1 auth m.so|site/p:2 auth %s/m.so|site/p:3 auth %s/n.so missing|",
                   site.path, site.path);
    assert_stack("p", &debian, profiles, "", text);
    assert_stack("p", &other, profiles, "", text);
    forget("p");
    forget("m.so");
}

static void other_is_read_twice_for_itself(void **state)
{
    (void)state;
    (void)folder_write(&site, "other", "auth required m.so\n", 0644);
    assert_stack("other", &debian, profiles, "",
                 "site/other:1 auth m.so missing other|site/other:1 auth m.so missing other|");
    forget("other");
}

static void facilities_without_lines_are_served_by_other(void **state)
{
    const struct stack_places places = {profiles, "", &debian};
    struct error error;
    struct stack stack;

    (void)state;
    (void)folder_write(&site, "p", "auth required m.so\naccount substack q\nsession include q\n", 0644);
    (void)folder_write(&site, "q", "# nothing\n", 0644);
    assert_int_equal(stack_resolve(&stack, "p", &places, &error), OK);
    assert_false(stack_is_served_by_other(&stack, STACK_AUTH));
    assert_false(stack_is_served_by_other(&stack, STACK_ACCOUNT)); /* a substack is a line, whatever is in it */
    assert_true(stack_is_served_by_other(&stack, STACK_SESSION));
    assert_true(stack_is_served_by_other(&stack, STACK_PASSWORD));
    stack_free(&stack);
    forget("p");
    forget("q");
}

static void what_cannot_be_known_is_an_error(void **state)
{
    const struct stack_places places = {profiles, "", &debian};
    struct error error = {.message = ""};
    struct stack stack;

    (void)state;
    (void)folder_write(&site, "p", "auth required m.so\n@include p\n", 0644);
    assert_failed(stack_resolve(&stack, "p", &places, &error), &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    stack_free(&stack);
    (void)folder_write(&site, "p", "auth include\n", 0644);
    assert_failed(stack_resolve(&stack, "p", &places, &error), &error, STATUS_UNAVAILABLE, STEP_PROFILE);
    assert_non_null(strstr(error.message, "/p:1: an include without a file"));
    stack_free(&stack);
    forget("p");
    assert_int_equal(stack_resolve(&stack, "p", &places, &error), OK);
    assert_string_equal(stack.problem, "p: no such profile, nor one called other");
    stack_free(&stack);
}

/* One that answers, also when it says odd things of itself. */
static void libpam_says_what_it_is(void **state)
{
    struct stack_site found;
    struct error error;
    char path[512];

    (void)state;
    assert_int_equal(stack_find_site(&found, &error), OK);
    assert_true(found.dialect.line_room == 0 || found.dialect.line_room == 1024);
    assert_int_equal(found.dialect.debian, access("/etc/debian_version", F_OK) == 0);
    (void)snprintf(path, sizeof path, "%s/pam_permit.so", found.dialect.module_directories[0]);
    assert_int_equal(access(path, R_OK), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_site_s_file_comes_before_the_vendor_s),
        cmocka_unit_test(what_is_included_is_looked_for_in_the_site_s_only_or_in_all),
        cmocka_unit_test(at_include_is_debian_s_and_to_others_no_facility),
        cmocka_unit_test(without_directories_pam_conf_is_read),
        cmocka_unit_test(modules_are_where_libpam_looks),
        cmocka_unit_test(other_is_read_twice_for_itself),
        cmocka_unit_test(facilities_without_lines_are_served_by_other),
        cmocka_unit_test(what_cannot_be_known_is_an_error),
        cmocka_unit_test(libpam_says_what_it_is),
    };

    return cmocka_run_group_tests_name("stack", tests, make_folders, remove_folders);
}
