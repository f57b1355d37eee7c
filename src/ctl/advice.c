#include "ctl/advice.h"

#include "ask/permission.h"
#include "base/text.h"
#include "ctl/json.h"
#include "ctl/survey.h"
#include "pam/codes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ADVICE_BYTES = 700, NO_LINE_OF = -1 };

struct seeking {
    const struct advice_request *request;
    const struct stack *stack;
    const char *profile, *account;
    bool uses[STACK_FACILITIES]; /* which the operations call */
    json_t *found;
};

__attribute__((format(printf, 4, 5))) static void add(struct seeking *seeking, const char *id, int line,
                                                      const char *format, ...)
{
    const struct stack_line *of = line >= 0 ? &seeking->stack->lines[line] : NULL;
    char text[ADVICE_BYTES], whole[ADVICE_BYTES + 300];
    json_t *advice = json_object();
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (of != NULL)
        (void)snprintf(whole, sizeof whole, "%s:%u: %s", of->file, of->number, text);
    (void)json_object_set_new(advice, "id", json_string(id));
    (void)json_object_set_new(advice, "text", json_text(of != NULL ? whole : text));
    if (of != NULL) {
        (void)json_object_set_new(advice, "file", json_text(of->file));
        (void)json_object_set_new(advice, "line", json_integer(of->number));
    }
    (void)json_array_append_new(seeking->found, advice);
}

/* ---- what the result has ---- */

static const json_t *member(const struct seeking *seeking, const char *key)
{
    return json_object_get(seeking->request->result, key);
}

static bool is(const struct seeking *seeking, const char *key)
{
    return json_is_true(member(seeking, key));
}

static const json_t *operation_of(const struct seeking *seeking, const char *step)
{
    const json_t *operation;
    size_t at;

    JSON_EACH(member(seeking, "operations"), at, operation)
        if (strcmp(json_text_of(operation, "step"), step) == 0)
            return operation;
    return NULL;
}

static bool succeeded(const struct seeking *seeking, const char *step)
{
    const json_t *operation = operation_of(seeking, step);

    return operation != NULL && strcmp(json_text_of(operation, "code"), "PAM_SUCCESS") == 0;
}

static bool failed_at(const struct seeking *seeking, const char *step)
{
    return strcmp(json_text_of(member(seeking, "failure"), "step"), step) == 0;
}

static bool called_by_root(const struct seeking *seeking)
{
    return json_integer_value(member(seeking, "caller-uid")) == 0;
}

static int find(const struct seeking *seeking, enum stack_facility facility, const char *module)
{
    return survey_find(seeking->stack, facility, module, STACK_ROOT);
}

/* The first of them that the facility has; NULL-terminated. */
static int find_one_of(const struct seeking *seeking, enum stack_facility facility, const char *const *modules)
{
    int at = -1;

    for (; *modules != NULL && at < 0; modules++)
        at = find(seeking, facility, *modules);
    return at;
}

/* ---- the profile ---- */

static void seek_other(struct seeking *seeking)
{
    for (enum stack_facility facility = STACK_AUTH; facility < STACK_FACILITIES; facility++) {
        bool matters = facility != STACK_PASSWORD || seeking->uses[STACK_PASSWORD];

        if (matters && !failed_at(seeking, "profile") && strcmp(seeking->profile, "other") != 0
            && stack_is_served_by_other(seeking->stack, facility))
            add(seeking, "served-by-other", NO_LINE_OF,
                "profile %s has no %s line, and libpam takes those of the profile 'other'%s", seeking->profile,
                stack_facility_name(facility),
                facility == STACK_PASSWORD ? "" : "; pamrun refuses a run that needs it");
    }
}

bool advice_may_be_missing(const struct stack_line *line)
{
    return line->quiet && line->actions[pam_code_from_name("PAM_MODULE_UNKNOWN")] == ACTION_IGNORE;
}

static void seek_missing_in(struct seeking *seeking, enum stack_facility facility)
{
    bool other = stack_is_served_by_other(seeking->stack, facility);
    size_t modules = 0;
    int at = STACK_ROOT;

    while ((at = stack_next(seeking->stack, facility, other, at)) >= 0) {
        const struct stack_line *line = &seeking->stack->lines[at];

        modules += line->kind == STACK_MODULE;
        if (line->kind == STACK_BROKEN)
            add(seeking, "broken-line", at, "%s; libpam answers PAM_PERM_DENIED for it", line->problem);
        else if (line->kind == STACK_MODULE && line->path == NULL && !advice_may_be_missing(line))
            add(seeking, "module-missing", at,
                "the module %s is not there, libpam answers PAM_MODULE_UNKNOWN for it: install its package, or take the "
                "line out",
                line->word != NULL ? line->word : "");
    }
    if (modules == 0)
        add(seeking, "no-module", NO_LINE_OF,
            "profile %s has no module for %s, so that libpam refuses: '%s required pam_permit.so' does nothing and "
            "succeeds",
            seeking->profile, stack_facility_name(facility), stack_facility_name(facility));
}

static void seek_missing(struct seeking *seeking)
{
    for (enum stack_facility facility = STACK_AUTH; facility < STACK_FACILITIES; facility++)
        if (seeking->uses[facility])
            seek_missing_in(seeking, facility);
}

int advice_reads_users_variables(const struct stack *stack, enum stack_facility facility, int behind)
{
    int at = behind;

    while ((at = survey_find(stack, facility, "pam_env.so", at)) >= 0)
        for (size_t word = 0; word < stack->lines[at].arguments.count; word++)
            if (strcmp(stack->lines[at].arguments.items[word], "user_readenv=1") == 0)
                return at;
    return -1;
}

static void seek_users_variables(struct seeking *seeking)
{
    static const enum stack_facility facilities[] = {STACK_AUTH, STACK_SESSION};

    for (size_t at = 0; at < sizeof facilities / sizeof *facilities; at++) {
        int line = advice_reads_users_variables(seeking->stack, facilities[at], STACK_ROOT);

        if (line >= 0)
            add(seeking, "user-readenv", line,
                "user_readenv=1 lets users set variables that modules behind it trust, as those of pam_systemd "
                "(CVE-2025-6018): take it out");
    }
}

bool advice_serves_logins(const struct policy *policy, const char *profile)
{
    const char *standard = policy_text(policy, POLICY_PROFILE, NULL);

    return strcmp(profile, "su-l") == 0 && standard != NULL && strcmp(standard, "su") == 0;
}

bool advice_others_may(const struct policy *policy, const char *profile)
{
    struct permission_request request = {.applicant = "", .profile = profile};
    struct permission_rule rule;
    struct error refused;

    return permission_profile(policy, &request, &profile, &rule, &refused) == OK
           || advice_serves_logins(policy, request.profile);
}

static void seek_everybody(struct seeking *seeking)
{
    int line;

    if (advice_others_may(seeking->request->policy, seeking->profile)
        && survey_admission(seeking->stack, false, &line) == ADMITS_EVERYBODY)
        add(seeking, "admits-everybody", line,
            "this lets everybody in, and callers who are not root may use profile %s, as the default or by the site "
            "policy: any user can become any account that the policy allows; let auth ask for a password, or see to "
            "user-profiles and profile, pamrun.conf(5)",
            seeking->profile);
}

/* ---- what was forwarded ---- */

/* Is there a line behind it that would ask? */
static bool asks_behind(const struct stack *stack, int at)
{
    static const char *const silent[] = {"pam_permit.so", "pam_deny.so",    "pam_env.so", "pam_group.so",
                                         "pam_cap.so",    "pam_keyinit.so", "pam_warn.so"};
    bool other = stack->lines[at].of_other, asks = false;

    while (!asks && (at = stack_next(stack, STACK_AUTH, other, at)) >= 0) {
        asks = stack->lines[at].kind == STACK_MODULE && stack->lines[at].path != NULL;
        for (size_t word = 0; word < sizeof silent / sizeof *silent; word++)
            asks = asks && strcmp(survey_module(&stack->lines[at]), silent[word]) != 0;
    }
    return asks;
}

static void seek_forwarded(struct seeking *seeking)
{
    int rootok = find(seeking, STACK_AUTH, "pam_rootok.so");
    int action;

    if (!is(seeking, "forwarded") || json_integer_value(member(seeking, "forwarded-given")) > 0
        || !succeeded(seeking, "authenticate"))
        return;
    action = rootok >= 0 ? seeking->stack->lines[rootok].actions[0] : ACTION_IGNORE;
    if (called_by_root(seeking) && (action == ACTION_DONE || action > 0) && asks_behind(seeking->stack, rootok))
        add(seeking, "rootok-first", rootok,
            "pam_rootok.so lets root in before a module asks for the password that was forwarded; those that need it "
            "later (pam_mount, pam_krb5) have none: put this line behind theirs, or use a profile without it");
    else
        add(seeking, "forwarded-unused", NO_LINE_OF,
            "no module asked for what was forwarded: no auth line of profile %s that is reached wants a password",
            seeking->profile);
}

/* ---- the account ---- */

static void seek_sssd(struct seeking *seeking)
{
    int sss = find(seeking, STACK_ACCOUNT, "pam_sss.so"), rootok = find(seeking, STACK_ACCOUNT, "pam_rootok.so");

    if (failed_at(seeking, "acct_mgmt") && called_by_root(seeking) && sss >= 0 && (rootok < 0 || rootok > sss))
        add(seeking, "account-rootok", sss,
            "pam_sss.so refuses %s also when root calls: a line 'account sufficient pam_rootok.so' before it lets root, "
            "and nobody else, in without asking it",
            seeking->account);
}

static void seek_unknown(struct seeking *seeking)
{
    if (json_is_null(member(seeking, "uid")) && (succeeded(seeking, "authenticate") || succeeded(seeking, "acct_mgmt")))
        add(seeking, "unknown-to-nss", NO_LINE_OF,
            "PAM lets %s in, but the name service does not know him: 'getent passwd %s' has to answer; is sss, ldap or "
            "winbind in the passwd line of /etc/nsswitch.conf, and does its daemon run?",
            seeking->account, seeking->account);
}

/* ---- the session ---- */

static void seek_job(struct seeking *seeking)
{
    int loginuid = find(seeking, STACK_SESSION, "pam_loginuid.so");
    int logind = find(seeking, STACK_SESSION, "pam_systemd.so");

    if (!is(seeking, "in-job") || !seeking->uses[STACK_SESSION])
        return;
    if (loginuid >= 0)
        add(seeking, "loginuid-in-job", loginuid,
            "this is a job, whose processes have their login uid already, and the kernel lets it be set once: "
            "pam_loginuid.so fails or changes who audit(8) names; leave it out of profiles for jobs");
    if (logind >= 0)
        add(seeking, "logind-in-job", logind,
            "this is a job, and pam_systemd.so moves the process into a session of its own, out of the job's control "
            "group; pamrun puts the command back (cgroup in pamrun.conf(5)); leave it out of profiles for jobs");
}

static void seek_home(struct seeking *seeking)
{
    static const char *const makers[] = {"pam_mkhomedir.so",    "pam_oddjob_mkhomedir.so", "pam_mount.so",
                                         "pam_systemd_home.so", "pam_zfs_key.so",          NULL};
    const char *home = json_text_of(seeking->request->result, "home");

    if (is(seeking, "home-exists") || !seeking->uses[STACK_SESSION] || *home == '\0'
        || strcmp(home, "/nonexistent") == 0 || find_one_of(seeking, STACK_SESSION, makers) >= 0)
        return;
    add(seeking, "no-home", NO_LINE_OF,
        "the home of %s, %s, is not there, and no session module makes it: is its file system mounted? Else "
        "'session optional pam_mkhomedir.so' makes it",
        seeking->account, home);
}

static void seek_left_open(struct seeking *seeking)
{
    const struct policy *policy = seeking->request->policy;
    int mount = find(seeking, STACK_SESSION, "pam_mount.so");
    bool closes = policy_choice(policy, POLICY_CLOSE_ON_EXIT, seeking->profile) == POLICY_YES;

    if (closes || !seeking->uses[STACK_SESSION])
        return;
    if (mount >= 0)
        add(seeking, "left-open", mount,
            "what pam_mount.so mounts stays when a run of profile %s ends without --close-on-exit, and a run that closes "
            "may take it from others: use --share, which closes with the last run",
            seeking->profile);
    else if (is(seeking, "shared-ccache"))
        add(seeking, "left-open", NO_LINE_OF,
            "all sessions of %s have one ticket cache (KRB5CCNAME): it stays when a run of profile %s ends without "
            "--close-on-exit, and a run that closes may take it from others: use --share, which closes with the last run",
            seeking->account, seeking->profile);
}

static void seek_mounted(struct seeking *seeking)
{
    const json_t *changes = json_object_get(operation_of(seeking, "open_session"), "changes");
    int mount = find(seeking, STACK_SESSION, "pam_mount.so");

    if (mount >= 0 && succeeded(seeking, "open_session")
        && json_object_get(json_object_get(changes, "mounts"), "added") == NULL)
        add(seeking, "nothing-mounted", mount,
            "pam_mount.so answered with success, and nothing was mounted: has /etc/security/pam_mount.conf.xml a volume "
            "for %s, had it a password (the auth line of pam_mount.so is reached and asks), or is it mounted already?",
            seeking->account);
}

/* ---- what to do next ---- */

/* The step is known; which of its modules it was is not. An expired password is nobody's failure. */
static void seek_module(struct seeking *seeking)
{
    const json_t *failure = member(seeking, "failure"), *operation;
    const char *code = json_text_of(failure, "code");

    operation = operation_of(seeking, json_text_of(failure, "step"));
    if (operation != NULL && strcmp(json_text_of(seeking->request->result, "verb"), "check") == 0
        && strcmp(code, "PAM_NEW_AUTHTOK_REQD") != 0)
        add(seeking, "trace", NO_LINE_OF, "pamrunctl trace, with the same words, shows which module it was");
}

/* ---- all of it ---- */

static void note_uses(struct seeking *seeking)
{
    for (enum step step = 0; step < STEP_COUNT; step++)
        if (operation_of(seeking, step_name(step)) != NULL)
            seeking->uses[stack_facility_of(step)] = true;
}

json_t *advice_find(const struct advice_request *request)
{
    static void (*const seekers[])(struct seeking *) = {
        seek_other, seek_missing, seek_forwarded, seek_sssd,      seek_unknown,         seek_job,
        seek_home,  seek_mounted, seek_left_open, seek_everybody, seek_users_variables, seek_module,
    };
    struct seeking seeking = {
        .request = request,
        .stack = request->stack,
        .profile = json_text_of(request->result, "profile"),
        .account = json_text_of(request->result, "account"),
        .found = json_array(),
    };

    note_uses(&seeking);
    for (size_t at = 0; at < sizeof seekers / sizeof *seekers; at++)
        seekers[at](&seeking);
    return seeking.found;
}

bool ccache_is_shared(const char *name, uid_t uid)
{
    static const char *const kinds[] = {"KCM:", "DIR:", "KEYRING:persistent:", "KEYRING:user:", "API:"};
    const char *path = strncmp(name, "FILE:", 5) == 0 ? name + 5 : name, *base = strrchr(path, '/');
    char usual[32];

    for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at++)
        if (strncmp(name, kinds[at], strlen(kinds[at])) == 0)
            return true;
    (void)snprintf(usual, sizeof usual, "krb5cc_%ju", (uintmax_t)uid);
    return strcmp(base != NULL ? base + 1 : path, usual) == 0;
}
