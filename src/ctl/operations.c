#include "ctl/operations.h"

#include "base/text.h"
#include "pam/codes.h"

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

static enum result refuse(const char *word, const char *problem, struct error *error)
{
    char shown[80];

    (void)text_visible(shown, sizeof shown, word, TEXT_ONE_LINE);
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "operation '%s': %s", shown, problem);
    return fail_hint(error, "authenticate acct_mgmt setcred open_session close_session chauthtok, with flags "
                            "as in 'setcred(PAM_DELETE_CRED|PAM_SILENT)'");
}

static int flag_of(const char *name)
{
    int flag = 0;

    return pam_flag_from_name(name, &flag) ? flag : 0;
}

/* "PAM_SILENT|PAM_DELETE_CRED)": up to the bracket that ends it. */
static bool parse_flags(const char *text, int *flags)
{
    char name[64];

    for (;;) {
        size_t length = strcspn(text, "|)");
        int flag;

        if (length >= sizeof name || text[length] == '\0')
            return false;
        (void)snprintf(name, sizeof name, "%.*s", (int)length, text);
        if (!pam_flag_from_name(name, &flag))
            return false;
        *flags |= flag;
        if (text[length] == ')')
            return text[length + 1] == '\0';
        text += length + 1;
    }
}

static enum result parse_operation(struct operation *operation, const char *word, struct error *error)
{
    size_t length = strcspn(word, "(");
    char name[32];

    *operation = (struct operation){.flags = 0};
    if (strlcpy(operation->word, word, sizeof operation->word) >= sizeof operation->word || length >= sizeof name)
        return refuse(word, "there is none of that name", error);
    (void)snprintf(name, sizeof name, "%.*s", (int)length, word);
    if (!step_from_name(name, &operation->step) || operation->step == STEP_DELETE_CREDENTIALS)
        return refuse(word, "there is none of that name", error);
    if (word[length] == '(' && !parse_flags(word + length + 1, &operation->flags))
        return refuse(word, "not flags that PAM has", error);
    if (operation->step != STEP_CREDENTIALS)
        return OK;
    if ((operation->flags & flag_of("PAM_DELETE_CRED")) != 0)
        operation->step = STEP_DELETE_CREDENTIALS;
    else if ((operation->flags & (flag_of("PAM_REINITIALIZE_CRED") | flag_of("PAM_REFRESH_CRED"))) == 0)
        operation->flags |= flag_of("PAM_ESTABLISH_CRED");
    return OK;
}

enum result operations_parse(struct operations *operations, char *const *words, struct error *error)
{
    bool is_open = false;

    operations->count = 0;
    for (; *words != NULL; words++) {
        struct operation *operation = &operations->list[operations->count];

        if (operations->count == OPERATIONS_MAX)
            return refuse(*words, "too many of them", error);
        if (parse_operation(operation, *words, error) != OK)
            return FAILED;
        if (operation->step == STEP_OPEN_SESSION && is_open)
            return refuse(*words, "the session is open already: close_session comes before another one", error);
        if (operation->step == STEP_CLOSE_SESSION && !is_open)
            return refuse(*words, "needs an open_session before it: it would close what another process opened", error);
        if (operation->step == STEP_OPEN_SESSION || operation->step == STEP_CLOSE_SESSION)
            is_open = operation->step == STEP_OPEN_SESSION;
        operations->count++;
    }
    return OK;
}

void operations_of_run(struct operations *operations, bool authenticates)
{
    static const char *const words[] = {"authenticate", "acct_mgmt",     "setcred",
                                        "open_session", "close_session", "setcred(PAM_DELETE_CRED|PAM_SILENT)"};
    struct error never;

    operations->count = 0;
    for (size_t at = authenticates ? 0 : 1; at < sizeof words / sizeof *words; at++)
        operations->count += parse_operation(&operations->list[operations->count], words[at], &never) == OK;
}

bool operations_have(const struct operations *operations, enum step step)
{
    for (size_t at = 0; at < operations->count; at++)
        if (operations->list[at].step == step)
            return true;
    return false;
}
