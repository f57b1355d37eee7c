/* Every PAM return code at every step that PAM is called in: exit status and class. Written down from DESIGN section 3,
 * section 4 fact 11, and the comments of codes.c; nothing here is computed from the table under test. */
#include "pam/codes.h"

#include "support.h"

#include <limits.h>
#include <security/_pam_types.h>
#include <stdio.h>
#include <string.h>

/* What a cell of the table below stands for. */
static const struct meaning {
    char letter;
    int status;
    enum failure_class class;
} meanings[] = {
    {'u', STATUS_REFUSED, CLASS_USER},     /* the user's: refused */
    {'P', STATUS_UNAVAILABLE, CLASS_NODE}, /* the node's: the profile or a module of it cannot be used */
    {'S', STATUS_SYSTEM, CLASS_NODE},      /* the node's: it failed */
    {'T', STATUS_TRY_AGAIN, CLASS_NODE},   /* the node's: something does not answer */
};

static const enum step steps[] = {
    STEP_START,       STEP_AUTHENTICATE, STEP_ACCOUNT,       STEP_CHAUTHTOK,
    STEP_CREDENTIALS, STEP_OPEN_SESSION, STEP_CLOSE_SESSION, STEP_DELETE_CREDENTIALS,
};

static const struct code {
    int code;
    const char *name;
    char cells[COUNT(steps) + 1]; /* a letter a step, in the order above */
} codes[] = {
    /* start, authenticate, acct_mgmt, chauthtok, setcred, open_session, close_session, delete_cred */
    {PAM_SUCCESS, "PAM_SUCCESS", "PSSSSSSS"},
    {PAM_OPEN_ERR, "PAM_OPEN_ERR", "PPPPPPPP"},
    {PAM_SYMBOL_ERR, "PAM_SYMBOL_ERR", "PPPPPPPP"},
    {PAM_SERVICE_ERR, "PAM_SERVICE_ERR", "PSSSSSSS"},
    {PAM_SYSTEM_ERR, "PAM_SYSTEM_ERR", "PSSSSSSS"},
    {PAM_BUF_ERR, "PAM_BUF_ERR", "SSSSSSSS"},
    {PAM_PERM_DENIED, "PAM_PERM_DENIED", "PuuuPuuP"}, /* libpam's: no auth module sets any */
    {PAM_AUTH_ERR, "PAM_AUTH_ERR", "Puuuuuuu"},
    {PAM_CRED_INSUFFICIENT, "PAM_CRED_INSUFFICIENT", "PSSSSSSS"},
    {PAM_AUTHINFO_UNAVAIL, "PAM_AUTHINFO_UNAVAIL", "PTTTTTTT"},
    {PAM_USER_UNKNOWN, "PAM_USER_UNKNOWN", "Puuuuuuu"}, /* NSS resolved the name before */
    {PAM_MAXTRIES, "PAM_MAXTRIES", "Puuuuuuu"},
    {PAM_NEW_AUTHTOK_REQD, "PAM_NEW_AUTHTOK_REQD", "Puuuuuuu"},
    {PAM_ACCT_EXPIRED, "PAM_ACCT_EXPIRED", "Puuuuuuu"},
    {PAM_SESSION_ERR, "PAM_SESSION_ERR", "PSSSSSSS"},
    {PAM_CRED_UNAVAIL, "PAM_CRED_UNAVAIL", "PTTTTTTT"},
    {PAM_CRED_EXPIRED, "PAM_CRED_EXPIRED", "Puuuuuuu"},
    {PAM_CRED_ERR, "PAM_CRED_ERR", "PSSSSSSS"},
    {PAM_NO_MODULE_DATA, "PAM_NO_MODULE_DATA", "PSSSSSSS"},
    {PAM_CONV_ERR, "PAM_CONV_ERR", "Puuuuuuu"},
    {PAM_AUTHTOK_ERR, "PAM_AUTHTOK_ERR", "Puuuuuuu"},
    {PAM_AUTHTOK_RECOVERY_ERR, "PAM_AUTHTOK_RECOVERY_ERR", "Puuuuuuu"},
    {PAM_AUTHTOK_LOCK_BUSY, "PAM_AUTHTOK_LOCK_BUSY", "PTTTTTTT"},
    {PAM_AUTHTOK_DISABLE_AGING, "PAM_AUTHTOK_DISABLE_AGING", "Puuuuuuu"},
    {PAM_TRY_AGAIN, "PAM_TRY_AGAIN", "PTTTTTTT"},
    {PAM_IGNORE, "PAM_IGNORE", "PSSSSSSS"},
    {PAM_ABORT, "PAM_ABORT", "PSSSSSSS"},
    {PAM_AUTHTOK_EXPIRED, "PAM_AUTHTOK_EXPIRED", "Puuuuuuu"},
    {PAM_MODULE_UNKNOWN, "PAM_MODULE_UNKNOWN", "PPPPPPPP"},
    {PAM_BAD_ITEM, "PAM_BAD_ITEM", "PSSSSSSS"},
    {PAM_CONV_AGAIN, "PAM_CONV_AGAIN", "PTTTTTTT"},
    {PAM_INCOMPLETE, "PAM_INCOMPLETE", "PTTTTTTT"},
    /* numbers that are no code: a module's mistake */
    {32, "unknown PAM code", "SSSSSSSS"},
    {1000, "unknown PAM code", "SSSSSSSS"},
    {INT_MAX, "unknown PAM code", "SSSSSSSS"},
    {-1, "unknown PAM code", "SSSSSSSS"},
    {INT_MIN, "unknown PAM code", "SSSSSSSS"},
};

/* One test a cell. */
struct cell {
    const char *sentence;
    enum step step;
    int code;
    const struct meaning *meaning;
};

static void cell_means_what_the_design_says(void **state)
{
    const struct cell *cell = *state;

    assert_int_equal(pam_code_status(cell->step, cell->code), cell->meaning->status);
    assert_int_equal(pam_code_class(cell->step, cell->code), cell->meaning->class);
}

static const struct meaning *meaning_of_letter(char letter)
{
    size_t at = 0;

    while (meanings[at].letter != letter)
        at++;
    return &meanings[at];
}

static size_t make_cells(struct cell *cells, char (*sentences)[100])
{
    size_t made = 0;

    for (size_t at = 0; at < COUNT(codes); at++)
        for (size_t step = 0; step < COUNT(steps); step++, made++) {
            const struct meaning *meaning = meaning_of_letter(codes[at].cells[step]);

            (void)snprintf(sentences[made], sizeof sentences[made], "%s (%d) at %s is status %d and the %s fault",
                           codes[at].name, codes[at].code, step_name(steps[step]), meaning->status,
                           meaning->class == CLASS_USER ? "user's" : "node's");
            cells[made] = (struct cell){sentences[made], steps[step], codes[at].code, meaning};
        }
    return made;
}

static void every_code_of_this_libpam_is_in_the_table(void **state)
{
    (void)state;
    assert_int_equal(_PAM_RETURN_VALUES, 32);
    for (int code = 0; code < _PAM_RETURN_VALUES; code++)
        assert_int_equal(codes[code].code, code);
}

static void every_code_is_named_as_in_the_headers(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(codes); at++)
        assert_string_equal(pam_code_name(codes[at].code), codes[at].name);
}

static void only_refusals_are_the_users_fault_at_any_step(void **state)
{
    (void)state;
    for (int step = 0; step < STEP_COUNT; step++)
        for (int code = -2; code < _PAM_RETURN_VALUES + 2; code++)
            assert_int_equal(pam_code_class((enum step)step, code) == CLASS_USER,
                             pam_code_status((enum step)step, code) == STATUS_REFUSED);
}

static void names_lead_back_to_codes_and_flags(void **state)
{
    int flag = 0;

    (void)state;
    for (size_t at = 0; at < COUNT(codes); at++)
        if (strncmp(codes[at].name, "PAM_", 4) == 0)
            assert_int_equal(pam_code_from_name(codes[at].name), codes[at].code);
    assert_int_equal(pam_code_from_name("PAM_NONSENSE"), -1);
    assert_int_equal(pam_code_from_name("unknown PAM code"), -1);
    assert_true(pam_flag_from_name("PAM_DELETE_CRED", &flag));
    assert_int_equal(flag, 4);
    assert_false(pam_flag_from_name("PAM_DELETE", &flag));
    assert_string_equal(pam_code_meaning(PAM_AUTH_ERR), "Authentication failure");
    assert_string_not_equal(pam_code_meaning(1000), "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_this_libpam_is_in_the_table),
        cmocka_unit_test(every_code_is_named_as_in_the_headers),
        cmocka_unit_test(only_refusals_are_the_users_fault_at_any_step),
        cmocka_unit_test(names_lead_back_to_codes_and_flags),
    };
    static struct cell cells[COUNT(codes) * COUNT(steps)];
    static char sentences[COUNT(cells)][100];
    static struct suite suite;

    ADD_TESTS(&suite, tests);
    suite_add_rows(&suite, cell_means_what_the_design_says, cells, make_cells(cells, sentences), sizeof *cells);
    return cmocka_run_group_tests_name("codes", suite.tests, NULL, NULL);
}
