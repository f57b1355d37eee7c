#include "ctl/verdict.h"

#include "ask/authority.h"
#include "ask/identity_map.h"
#include "ask/plan.h"
#include "ask/policy_keys.h"
#include "base/owned.h"
#include "base/text.h"
#include "pam/service.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

enum { SHOWN_BYTES = 160, VALUE_BYTES = 2048, LINE_BYTES = 4096 };

/* ---- lines ---- */

/* One line, whatever others chose of it. */
__attribute__((format(printf, 2, 3))) static void put_line(FILE *out, const char *format, ...)
{
    char text[LINE_BYTES], line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)text_visible(line, sizeof line, text, TEXT_ONE_LINE);
    (void)fprintf(out, "%s\n", line);
}

/* The first thing that a run would fail for is its status. */
static void note_status(struct verdict *verdict, int status)
{
    if (verdict->status == 0)
        verdict->status = status;
}

/* "refused: ", or where nobody said no, and the run fails all the same, "fails: ". */
static void put_failure(FILE *out, struct verdict *verdict, const struct error *error)
{
    put_line(out, "%s: %s", error->status == STATUS_REFUSED ? "refused" : "fails", error->message);
    if (error->hint[0] != '\0')
        put_line(out, "  hint: %s", error->hint);
    note_status(verdict, error->status);
}

/* "key = value (FILE:LINE)". */
static void show_setting(char out[static VALUE_BYTES], enum policy_key key, const struct policy_value *value)
{
    char text[VALUE_BYTES / 2], origin[VALUE_BYTES / 4];

    policy_show_value(text, sizeof text, key, value);
    policy_show_origin(origin, sizeof origin, &value->origin);
    if (!value->is_set)
        (void)snprintf(out, VALUE_BYTES, "%s is not set", policy_key_word(key));
    else if (*text == '\0')
        (void)snprintf(out, VALUE_BYTES, "%s is empty (%s)", policy_key_word(key), origin);
    else
        (void)snprintf(out, VALUE_BYTES, "%s = %s (%s)", policy_key_word(key), text, origin);
}

/* A decision and its rule. what: whom or what it is about; more: "" or what else is to be known, with a blank first. */
static void put_decision(FILE *out, struct verdict *verdict, enum result result, const struct error *error,
                         const char *what, enum policy_key key, const struct policy_value *value, const char *more)
{
    char setting[VALUE_BYTES];

    if (result != OK && error->status != STATUS_REFUSED) {
        put_failure(out, verdict, error);
        return;
    }
    show_setting(setting, key, value);
    put_line(out, "%s: %s: %s%s", result == OK ? "allowed" : "refused", what, setting, more);
    if (result != OK)
        note_status(verdict, error->status);
}

/* ---- facts ---- */

static const struct policy_section *delegate_of(const struct verdict_question *question)
{
    return question->caller->uid != 0 ? policy_delegate(question->policy, question->caller->name) : NULL;
}

static struct permission_request request_for(const struct verdict_question *question, const struct account *account)
{
    static const char *const options[] = {"identity", NULL};

    return (struct permission_request){
        .applicant = question->caller->name,
        .applicant_is_root = question->caller->uid == 0,
        .profile = question->profile,
        .account = account != NULL ? account->name : NULL,
        .account_uid = account != NULL ? account->uid : (uid_t)-1,
        .is_mapped = question->identity != NULL,
        .membership = question->membership,
        .context = (void *)account,
        .options = question->identity != NULL ? options : NULL,
        .defs = question->defs,
    };
}

/* ---- profile and identity ---- */

/* A delegate's comes with the options: both must be granted before anything is looked up. */
static enum result decide_profile(FILE *out, const struct verdict_question *question, struct verdict *verdict)
{
    const struct policy_section *delegate = delegate_of(question);
    struct permission_request request = request_for(question, NULL);
    const char *profile =
        question->profile != NULL ? question->profile : policy_text(question->policy, POLICY_PROFILE, NULL);
    struct permission_rule rule;
    struct error error;
    enum result result;
    char what[SHOWN_BYTES];

    if (delegate != NULL)
        result = permission_delegate_options(question->policy, delegate, &request, &rule, &error);
    else
        result = permission_profile(question->policy, &request, &verdict->profile, &rule, &error);
    (void)snprintf(what, sizeof what, rule.key == POLICY_OPTIONS && result != OK ? "--identity" : "profile %s",
                   profile);
    if (request.applicant_is_root && rule.key == POLICY_USER_PROFILES)
        put_line(out, "allowed: %s: root may use any", what);
    else if (delegate != NULL)
        put_decision(out, verdict, result, &error, what, result == OK ? POLICY_PROFILES : rule.key,
                     delegate_value(delegate, result == OK ? POLICY_PROFILES : rule.key), "");
    else
        put_decision(out, verdict, result, &error, what, rule.key, policy_value(question->policy, rule.key, NULL), "");
    if (result == OK)
        verdict->profile = profile;
    return result;
}

static void decide_identity(FILE *out, const struct verdict_question *question, struct verdict *verdict)
{
    const struct policy *policy = question->policy;
    char map[VALUE_BYTES], rewrite[VALUE_BYTES];
    struct error error;

    if (question->caller->uid != 0 && delegate_of(question) == NULL) {
        put_line(out, "refused: --identity: only root and delegates may use it");
        note_status(verdict, STATUS_REFUSED);
    } else if (identity_map(policy_text(policy, POLICY_IDENTITY_MAP, verdict->profile),
                            policy_text(policy, POLICY_IDENTITY_REWRITE, verdict->profile), question->identity,
                            &verdict->mapped, &error)
               != OK) {
        put_failure(out, verdict, &error);
    } else {
        show_setting(map, POLICY_IDENTITY_MAP, policy_value(policy, POLICY_IDENTITY_MAP, verdict->profile));
        show_setting(rewrite, POLICY_IDENTITY_REWRITE, policy_value(policy, POLICY_IDENTITY_REWRITE, verdict->profile));
        put_line(out, "allowed: identity %s: is user %s: %s, %s", question->identity, verdict->mapped, map, rewrite);
    }
}

void verdict_begin(FILE *out, const struct verdict_question *question, struct verdict *verdict)
{
    *verdict = (struct verdict){0};
    if (delegate_of(question) != NULL)
        put_line(out, "note: %s is a delegate, and does not authenticate", question->caller->name);
    if (decide_profile(out, question, verdict) != OK)
        return;
    if (question->identity != NULL)
        decide_identity(out, question, verdict);
}

/* ---- the account ---- */

/* What auto comes to for this run. */
static void show_auto(char more[static SHOWN_BYTES], const struct verdict_question *question,
                      const struct policy_value *value)
{
    struct error error;
    uid_t minimum;

    *more = '\0';
    if (value->number == POLICY_USER_ID_AUTO
        && policy_minimum_user_id(value, question->caller->uid == 0 && question->identity == NULL, question->defs,
                                  &minimum, &error)
               == OK)
        (void)snprintf(more, SHOWN_BYTES, ", which is %ju here", (uintmax_t)minimum);
}

static bool has_group(const struct strv *accounts)
{
    for (size_t at = 0; at < accounts->count; at++)
        if (accounts->items[at][0] == '@')
            return true;
    return false;
}

static void decide_delegates_account(FILE *out, const struct verdict_question *question, const struct account *account,
                                     struct verdict *verdict)
{
    const struct policy_section *delegate = delegate_of(question);
    const struct policy_value *accounts = delegate_value(delegate, POLICY_ACCOUNTS);
    const struct policy_value *lowest = delegate_value(delegate, POLICY_MINIMUM_USER_ID);
    struct permission_request request = request_for(question, account);
    char what[SHOWN_BYTES], setting[VALUE_BYTES], number[SHOWN_BYTES], more[VALUE_BYTES + SHOWN_BYTES + 64] = "";
    struct permission_rule rule;
    struct error error;
    enum result result =
        permission_delegate_account(question->policy, delegate, &request, verdict->profile, &rule, &error);

    if (!lowest->is_set)
        lowest = policy_value(question->policy, POLICY_MINIMUM_USER_ID, verdict->profile);
    if (has_group(&accounts->list)) {
        show_setting(setting, POLICY_MINIMUM_USER_ID, lowest);
        show_auto(number, question, lowest);
        (void)snprintf(more, sizeof more, "; by a group never root, and %s%s", setting, number);
    }
    (void)snprintf(what, sizeof what, "user %s, user id %ju", account->name, (uintmax_t)account->uid);
    put_decision(out, verdict, result, &error, what, POLICY_ACCOUNTS, accounts, more);
}

static void decide_user_id(FILE *out, const struct verdict_question *question, const struct account *account,
                           struct verdict *verdict)
{
    const struct policy_value *value = policy_value(question->policy, POLICY_MINIMUM_USER_ID, verdict->profile);
    struct permission_request request = request_for(question, account);
    char what[SHOWN_BYTES], more[SHOWN_BYTES];
    struct permission_rule rule;
    struct error error;
    enum result result = permission_user_id(question->policy, &request, verdict->profile, &rule, &error);

    show_auto(more, question, value);
    (void)snprintf(what, sizeof what, "user %s, user id %ju", account->name, (uintmax_t)account->uid);
    put_decision(out, verdict, result, &error, what, rule.key, value, more);
}

static void decide_groups(FILE *out, const struct verdict_question *question, const struct account *account,
                          struct verdict *verdict)
{
    const struct policy_value *value = policy_value(question->policy, POLICY_REQUIRED_GROUPS, verdict->profile);
    struct permission_request request = request_for(question, account);
    char what[SHOWN_BYTES];
    struct permission_rule rule;
    struct error error;
    enum result result = permission_groups(question->policy, &request, verdict->profile, &rule, &error);

    (void)snprintf(what, sizeof what, "groups of %s", account->name);
    put_decision(out, verdict, result, &error, what, rule.key, value, "");
}

/* ---- what else there is to know ---- */

static void tell_grants(FILE *out, const struct verdict_question *question, struct verdict *verdict)
{
    const struct policy_section *delegate = delegate_of(question);
    const struct policy_value *commands = delegate_value(delegate, POLICY_COMMANDS);
    char setting[VALUE_BYTES];

    show_setting(setting, POLICY_COMMANDS, commands);
    if (commands->list.count == 0) {
        put_line(out, "refused: every command: %s", setting);
        note_status(verdict, STATUS_REFUSED);
    } else {
        put_line(out, "note: other commands than these are refused: %s", setting);
    }
    show_setting(setting, POLICY_OPTIONS, delegate_value(delegate, POLICY_OPTIONS));
    put_line(out, "note: other options for root than these are refused: %s", setting);
}

/* Only of those who authenticate. */
static void tell_limits(FILE *out, const struct verdict_question *question, const struct account *account,
                        const char *profile)
{
    const struct policy_value *forward = policy_value(question->policy, POLICY_FORWARD_PASSWORD, profile);
    char setting[VALUE_BYTES];

    show_setting(setting, POLICY_FORWARD_PASSWORD, forward);
    if (forward->number == POLICY_NO)
        put_line(out, "note: a forwarded password is refused: %s", setting);
    if (account != NULL && shell_is_unlisted(account->shell))
        put_line(out, "note: -u is refused, and -s, -p and -w do nothing: %s, the shell of %s, is not in /etc/shells",
                 account->shell, account->name);
}

static void put_result(FILE *out, const struct verdict_question *question, const struct account *account,
                       const struct verdict *verdict)
{
    char who[2 * SHOWN_BYTES];

    (void)snprintf(who, sizeof who, "%s%s%s%s%s", question->caller->name, account != NULL ? " as " : "",
                   account != NULL ? account->name : "", verdict->profile != NULL ? ", profile " : "",
                   verdict->profile != NULL ? verdict->profile : "");
    if (verdict->status == 0)
        put_line(out, "verdict: allowed: %s; PAM was not asked", who);
    else
        put_line(out, "verdict: %s: %s; pamrun would end with status %d",
                 verdict->status == STATUS_REFUSED ? "refused" : "fails", who, verdict->status);
}

void verdict_end(FILE *out, const struct verdict_question *question, const struct account *account,
                 struct verdict *verdict)
{
    static const struct facilities needed = {.auth = true, .account = true, .session = true};
    struct error error;

    if (verdict->profile != NULL && service_check(verdict->profile, question->directories, needed, &error) != OK)
        put_failure(out, verdict, &error);
    if (verdict->profile != NULL && account != NULL) {
        (delegate_of(question) != NULL ? decide_delegates_account : decide_user_id)(out, question, account, verdict);
        decide_groups(out, question, account, verdict);
    }
    if (verdict->profile != NULL && delegate_of(question) != NULL)
        tell_grants(out, question, verdict);
    else if (verdict->profile != NULL && question->caller->uid != 0)
        tell_limits(out, question, account, verdict->profile);
    put_result(out, question, account, verdict);
}

void verdict_free(struct verdict *verdict)
{
    memory_free(&verdict->mapped);
}
