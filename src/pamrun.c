/* pamrun - run a command as another user inside a PAM session. pamrun(8), DESIGN: one straight line of phases; each
 * reads what came before and fills one new value. The only file that reports a failure and ends the program. */
#include "ask/authority.h"
#include "ask/environment.h"
#include "ask/identity.h"
#include "ask/login_defs.h"
#include "ask/options.h"
#include "ask/plan.h"
#include "base/error.h"
#include "base/events.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/progress.h"
#include "base/relay.h"
#include "base/step_point.h"
#include "base/strv.h"
#include "base/text.h"
#include "pam/codes.h"
#include "pam/forwarded.h"
#include "pam/service.h"
#include "pam/terminal.h"
#include "pam/transaction.h"
#include "run/cgroup.h"
#include "run/front.h"
#include "run/inherited.h"
#include "run/limits.h"
#include "run/pages.h"
#include "run/privilege.h"
#include "run/process.h"
#include "run/pty.h"
#include "run/supervise.h"
#include "run/watcher.h"
#include "share/hazard.h"
#include "share/join.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* Everything a run is made of, in the order in which it comes to be. Borrowed from downwards, released upwards. */
struct run {
    struct options options;
    struct events events;
    struct inherited inherited;
    struct limits limits;
    struct relay relay; /* to the other process, where there are two: split() */
    struct watcher watcher;
    uid_t uid;         /* the applicant's real one, as it was at the start */
    char loginuid[24]; /* likewise, audit(8): who it was before any su; "-": not set */
    struct authority authority;
    struct identity identity;
    struct strv pam_environment; /* what the modules are told, besides what they tell each other */
    char tty[128];
    enum terminal_use terminal; /* what the command would share of it */
    const char *service;
    struct forwarded forwarded;
    struct transaction_request request;
    struct transaction transaction;
    struct plan plan;
    struct join join; /* --share */
    struct cgroups cgroups;
    struct strv environment;
    struct pty pty;
    mode_t umask;
    struct outcome outcome;
    char *argv0; /* as main() had it */
};

/* As systemd makes it: wherever the command looks from, and nobody else may enter. With a '/' at the end lstat(2) follows
 * a link. */
static bool directory_is_owned(const char *path, uid_t uid)
{
    struct stat status;

    return *path == '/' && path[strlen(path) - 1] != '/' && lstat(path, &status) == 0 && S_ISDIR(status.st_mode)
           && status.st_uid == uid && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/* ---- reporting ---- */

/* Who called: before any module can change it, as pam_loginuid(8) does. */
static void note_caller(struct run *run)
{
    OWNED(fd_close) int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, run->loginuid, sizeof run->loginuid - 1) : 0;

    run->uid = getuid();
    run->loginuid[length > 0 ? length : 0] = '\0';
    if (length <= 0 || strspn(run->loginuid, "0123456789") != (size_t)length
        || strcmp(run->loginuid, "4294967295") == 0)
        (void)strlcpy(run->loginuid, "-", sizeof run->loginuid);
}

/* In the log a terminal's name stands as it is, unless it has something in it that could be taken for another field. */
static void tty_quote(char *out, size_t size, const char *tty)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";

    if (tty[strspn(tty, plain)] != '\0')
        (void)text_quoted(out, size, tty);
    else
        (void)strlcpy(out, tty[0] != '\0' ? tty : "-", size);
}

/* Who asked for whom, in every log line. What others chose is quoted, and the longest comes last. */
static void log_run(const struct run *run, int priority, const char *verdict, const char *details)
{
    char applicant[160], account[160], profile[160], tty[160], identity[160] = "", command[600];
    const char *name = run->identity.account.name != NULL ? run->identity.account.name : run->options.account_name;
    char *const *arguments = run->plan.arguments != NULL ? run->plan.arguments : run->options.arguments;
    char *nothing[] = {NULL};

    (void)text_quoted(applicant, sizeof applicant,
                      run->identity.applicant.name != NULL ? run->identity.applicant.name : "");
    (void)text_quoted(account, sizeof account, name != NULL ? name : "");
    (void)text_quoted(profile, sizeof profile, run->service != NULL ? run->service : "");
    tty_quote(tty, sizeof tty, run->tty);
    if (run->options.identity != NULL)
        (void)text_quoted(identity, sizeof identity, run->options.identity);
    if (run->plan.arguments == NULL && run->options.command != NULL)
        (void)text_quoted(command, sizeof command, run->options.command);
    else
        (void)text_quoted_words(command, sizeof command, arguments != NULL ? arguments : nothing);
    log_record(priority, "%s: applicant=%s uid=%ju loginuid=%s account=%s profile=%s tty=%s%s%s%s%s command=%s",
               verdict, applicant, (uintmax_t)run->uid, run->loginuid, account, profile, tty,
               identity[0] != '\0' ? " identity=" : "", identity,
               run->authority.delegate != NULL ? " delegate=yes" : "", details, command);
}

/* We hold the session, and have failed because the front has: that is what the caller is told, by it. If not, it is to
 * know that we told him. */
static bool front_tells(const struct run *run)
{
    if (run->relay.fd < 0 || run->relay.shared->front_fails != 0)
        return run->relay.fd >= 0;
    run->relay.shared->told = 1;
    return false;
}

/* Say once what failed: to the caller, to the administrator, to the program that reads events. */
static int report_failure(struct run *run, const struct error *error)
{
    const struct event_field fields[] = {
        TEXT_FIELD("step", step_name(error->step)),
        TEXT_FIELD("code", error->pam_code != 0 ? pam_code_name(error->pam_code) : ""),
        TEXT_FIELD("class", error->class == CLASS_USER ? "user" : "node"),
        error->status != 0 ? NUMBER_FIELD("exit-status", error->status) : NO_FIELD, /* a close that fails has none */
        TEXT_FIELD("message", error->message),
    };
    int logged_code = error->logged_code != 0 ? error->logged_code : error->pam_code;
    char reason[600], details[800];
    struct error nobody;

    if (run->identity.applicant.name == NULL) /* it failed before the look-up: the log is to name him all the same */
        (void)!identity_find_applicant(&run->identity, &nobody);
    (void)text_quoted(reason, sizeof reason, error->message);
    (void)snprintf(details, sizeof details, " step=%s code=%s status=%d reason=%s", step_name(error->step),
                   logged_code != 0 ? pam_code_name(logged_code) : "-", error->status, reason);
    log_run(run, LOG_NOTICE, error->status == STATUS_REFUSED ? "refused" : "failed", details);
    if (run->uid != 0 && (error->step == STEP_AUTHENTICATE || error->step == STEP_ACCOUNT)
        && error->status == STATUS_REFUSED && logged_code != 0)
        log_failed_login(run->identity.unknown ? NULL : run->identity.account.name, run->tty);
    if (front_tells(run))
        return error->status;
    log_say("%s", error->message); /* last: nobody may be reading */
    if (error->hint[0] != '\0')
        log_hint(error->hint);
    events_emit(&run->events, "failed", fields, sizeof fields / sizeof *fields);
    return error->status;
}

/* What transaction_close() could not undo; the exit status stays the command's. */
static void report_close_failure(void *data, const struct error *error)
{
    (void)report_failure(data, error);
}

/* ---- the phases ---- */

/* How long a stopped step may go on, unless --kill-after says longer: modules count failed tries. */
enum { GRACE_MS = 10000 };
/* A look-up, before any module runs, holds nothing. */
enum { LOOK_UP_GRACE_MS = 1000 };

/* A login has the profile su-l where the default is su and that is there, as with su(1). */
static const char *service_choose(const struct run *run)
{
    const struct options *options = &run->options;
    bool is_su = options->profile == NULL && strcmp(run->authority.profile, "su") == 0;

    return is_su && options->login && service_exists("su-l", service_directories) ? "su-l" : run->authority.profile;
}

/* What will be run, and whether a delegate may have it. */
static enum result decide(struct run *run, struct error *error)
{
    bool restricted = !authority_is_as_root(&run->authority) && shell_is_unlisted(run->identity.account.shell);

    plan_free(&run->plan);
    if (plan_make(&run->plan, &run->options, &run->identity, strv_get(run->inherited.environment, "SHELL"), restricted,
                  run->terminal, error)
        != OK)
        return FAILED;
    return authority_check_delegate(&run->authority, &run->options, &run->identity, &run->plan, error);
}

/* Who asks for whom, and with which profile: all that can be known before PAM is asked. */
static enum result prepare(struct run *run, struct error *error)
{
    struct options *options = &run->options;
    struct facilities needed = {.auth = true, .account = !options->no_account, .session = !options->no_session};

    if (options->login && options->keep_environment && !options->quiet)
        log_say("--preserve-environment is ignored: --login starts from a new environment");
    (void)terminal_name(run->tty, sizeof run->tty);
    if (identity_find_applicant(&run->identity, error) != OK || authority_read(&run->authority, error) != OK
        || authority_check_options(&run->authority, options, &run->identity.applicant, error) != OK)
        return FAILED;
    run->service = service_choose(run);
    if (options->pty == PTY_DEFAULT)
        run->terminal = pty_find_terminal();
    if (run->authority.delegate != NULL)
        options->no_auth = true; /* the site policy vouches for him */
    if (identity_resolve(&run->identity, options, authority_is_as_root(&run->authority), error) != OK)
        return FAILED;
    if (run->authority.delegate != NULL && decide(run, error) != OK) /* before any module is asked */
        return FAILED;
    return service_check(run->service, service_directories, needed, error);
}

/* The front's copies: it has no business with them. */
static void close_secrets(const struct options *options)
{
    if (options->password_fd >= 0)
        (void)close(options->password_fd);
    if (options->answers_fd >= 0)
        (void)close(options->answers_fd);
}

static const char *account_asked_for(const struct run *run)
{
    if (run->options.identity != NULL)
        return run->options.identity;
    return run->options.account_name != NULL ? run->options.account_name : "root";
}

static const char *profile_asked_for(const struct run *run)
{
    return run->options.profile != NULL ? run->options.profile : "su";
}

/* Directories may hang, and signals wait for nobody: from here on they do what guard.h says. */
static enum result begin_guard(struct run *run, struct error *error)
{
    guard_name(account_asked_for(run), profile_asked_for(run), LOOK_UP_GRACE_MS);
    return guard_start(&run->inherited.ignored, &run->events, error);
}

/* For who waits at a terminal that understands how a line is wiped off. */
static void begin_progress(struct run *run)
{
    const char *terminal = strv_get(run->inherited.environment, "TERM");

    if (!run->options.quiet && terminal != NULL && strcmp(terminal, "dumb") != 0)
        progress_open();
    if (run->uid == 0)
        watcher_start(&run->watcher);
}

/* Before pam_start(3), whatever --provision makes of the account later. The front serves the pseudo-terminal, and the
 * holder leads its session. */
static bool root_needs_front(const struct run *run)
{
    return run->uid == 0 && plan_may_have_pty(&run->options, &run->identity, run->terminal);
}

/* From here on two processes: *holder is its pid in the front, 0 where the run goes on. */
static enum result split(struct run *run, pid_t *holder, struct error *error)
{
    int ends[2];

    watcher_end(&run->watcher); /* a front looks on itself */
    if (!relay_open(ends, &run->relay.shared))
        return fail(error, STEP_START, STATUS_SYSTEM, "cannot start: socketpair: %s", strerror(errno));
    run->relay.shared->step = STEP_IDENTITY;
    supervise_block_signals();
    *holder = process_split();
    run->relay.fd = ends[*holder == 0 ? 1 : 0];
    (void)close(ends[*holder == 0 ? 0 : 1]);
    if (*holder < 0)
        return fail_fork(error, STEP_START, "cannot start");
    if (*holder > 0) {
        close_secrets(&run->options);
        return OK;
    }
    guard_listen(&run->relay, privilege_out_of_reach);
    step_points_start(getppid());
    step_point("split");
    return begin_guard(run, error);
}

/* Modules are going to run in our process: what they must not have is put aside, and what they may do to us is guarded
 * against. Others than root have a front before anything is looked up. */
static enum result protect(struct run *run, pid_t *holder, struct error *error)
{
    const struct options *options = &run->options;
    const int ours[] = {options->status_fd, options->password_fd, options->answers_fd};
    bool needs_limits = run->uid != 0 || options->password_fd >= 0 || options->answers_fd >= 0;

    if ((needs_limits && limits_take(&run->limits, run->uid != 0, error) != OK)
        || inherited_take(&run->inherited, ours, sizeof ours / sizeof *ours, error) != OK)
        return FAILED;
    limits_take_oom_score(&run->limits);
    begin_progress(run);
    if ((run->uid != 0 ? split(run, holder, error) : begin_guard(run, error)) != OK)
        return FAILED;
    if (*holder == 0)
        pages_prepare();
    return OK;
}

static bool is_protected(const struct run *run)
{
    return run->inherited.taken;
}

/* No module runs here, unless the session has to be opened: that is when the run is protected. Not for somebody at a
 * terminal, who is told what is waited for; nor where more is asked for than a lease and the command. */
static bool may_join_quickly(const struct run *run)
{
    const struct options *options = &run->options;

    return run->uid == 0 && options->share && options->no_auth && options->no_account && !options->provision
           && options->hold == NULL && run->events.fd < 0 && options->password_fd < 0 && options->answers_fd < 0
           && isatty(STDERR_FILENO) != 1;
}

typedef enum result phase(struct run *run, struct error *error);

/* A phase that no module takes part in, but that may wait for a directory of users and groups. */
static enum result guarded(enum step step, phase *call, struct run *run, struct error *error)
{
    enum result done, left;

    guard_enter(step, 0);
    done = call(run, error);
    left = guard_leave(error);
    return left == OK ? done : left;
}

/* The front's whole run. It has nothing to undo, either. */
static _Noreturn void be_front(struct run *run, pid_t holder)
{
    const struct front_request request = {
        .relay = &run->relay, .holder = holder, .account = account_asked_for(run), .service = profile_asked_for(run)};
    struct error error;
    int status;

    run->service = request.service; /* for the log */
    step_points_start(getpid());
    step_point("front-before-drop");
    if (front_run(&request, &status, &error) != OK)
        status = report_failure(run, &error);
    _exit(status);
}

/* The longest that a stopped step may take to return. An applicant may not end a try before modules have counted it. */
static int grace_choose(const struct run *run)
{
    int grace = run->options.kill_after_ms;

    return run->uid != 0 && grace >= 0 && grace < GRACE_MS ? GRACE_MS : grace;
}

/* Variables for modules, pam_exec(8)'s scripts among them; the command does not get them. --pam-setenv comes last: root
 * may say something else. */
static bool tell_modules(struct run *run)
{
    const struct options *options = &run->options;
    char uid[24];
    bool told;

    (void)snprintf(uid, sizeof uid, "%ju", (uintmax_t)run->uid);
    told = strv_set(&run->pam_environment, "PAMRUN_CALLER", run->identity.applicant.name)
           && strv_set(&run->pam_environment, "PAMRUN_CALLER_UID", uid)
           && strv_set(&run->pam_environment, "PAMRUN_ACCOUNT", run->identity.account.name)
           && (options->identity == NULL || strv_set(&run->pam_environment, "PAMRUN_IDENTITY", options->identity));
    for (const char *const *given = options->pam_environment; told && given != NULL && *given != NULL; given++)
        told = strv_add(&run->pam_environment, *given);
    return told;
}

static enum result check_secrets(const struct run *run, struct error *error)
{
    const struct options *options = &run->options;

    if (options->password_fd >= 0)
        return forwarded_check(FORWARDED_PASSWORD, options->password_fd, run->uid, error);
    if (options->answers_fd >= 0)
        return forwarded_check(FORWARDED_ANSWERS, options->answers_fd, run->uid, error);
    return OK;
}

/* What is forwarded is read by the process that makes the PAM calls, after its last fork before them. */
static enum result take_secrets(struct run *run, struct error *error)
{
    const struct options *options = &run->options;

    run->forwarded.any_prompt = options->any_prompt;
    run->forwarded.prompts =
        policy_list(&run->authority.policy, POLICY_PASSWORD_PROMPTS, run->authority.profile)->items;
    if (options->password_fd >= 0)
        return forwarded_read(&run->forwarded, FORWARDED_PASSWORD, options->password_fd, error);
    if (options->answers_fd >= 0)
        return forwarded_read(&run->forwarded, FORWARDED_ANSWERS, options->answers_fd, error);
    return OK;
}

/* Where the run is, before a module can move it. */
static enum result note_cgroup(struct run *run, struct error *error)
{
    const struct policy *policy = &run->authority.policy;
    const char *profile = run->authority.profile;

    return cgroup_note(&run->cgroups, (enum policy_cgroup)policy_choice(policy, POLICY_CGROUP, profile),
                       policy_list(policy, POLICY_JOB_CGROUPS, profile)->items, error);
}

/* Modules are root's code in our process: after each, what it must not have changed is put back. */
static bool restore_after_module(const void *inherited, struct error *error, enum step step)
{
    return privilege_restore(error, step) && inherited_restore(inherited, error, step);
}

static enum result confirm_account(struct run *run, struct error *error)
{
    return identity_confirm(&run->identity, error);
}

static enum result start_transaction(void *data, struct error *error)
{
    struct run *run = data;

    return transaction_start(&run->transaction, &run->request, &run->events, error);
}

static enum result authenticate(struct run *run, struct error *error)
{
    const struct options *options = &run->options;

    run->request = (struct transaction_request){
        .service = run->service,
        .account = run->identity.account.name,
        .applicant = run->identity.applicant.name,
        .tty = run->tty[0] != '\0' ? run->tty : NULL,
        .rhost = options->rhost,
        .deadline_ms = options->deadline_ms,
        .forwarded = &run->forwarded,
        .forward_to_session = options->any_prompt && !options->no_session,
        .require_forwarded = options->require_password_used,
        .quiet = options->quiet,
        .show_information = plan_shows_information(options),
        .hide_reason = !authority_is_as_root(&run->authority),
        .allow_expired_password =
            authority_is_as_root(&run->authority)
            && policy_choice(&run->authority.policy, POLICY_EXPIRED_PASSWORD, run->authority.profile)
                   == POLICY_EXPIRED_ALLOW,
        .verbose = options->verbose,
        .restore = restore_after_module,
        .restore_data = &run->inherited,
        .report = report_close_failure,
        .report_data = run,
    };
    if (!tell_modules(run))
        return fail_memory(error, STEP_START);
    run->request.environment = (const char *const *)strv_items(&run->pam_environment);
    guard_name(run->identity.account.name, run->service, grace_choose(run));
    if (take_secrets(run, error) != OK)
        return FAILED;
    if (options->share && options->no_auth && options->no_account)
        return OK; /* no module is called here, unless nobody has opened the session yet */
    if ((!options->share && note_cgroup(run, error) != OK) || start_transaction(run, error) != OK)
        return FAILED;
    step_point("started");
    if (!options->no_auth && transaction_authenticate(&run->transaction, error) != OK)
        return FAILED;
    step_point("authenticated");
    if (!options->no_account && transaction_account(&run->transaction, error) != OK)
        return FAILED;
    step_point("account-valid");
    return guarded(STEP_IDENTITY, confirm_account, run, error);
}

static enum result check_account(struct run *run, struct error *error)
{
    return authority_check_account(&run->authority, &run->options, &run->identity, error) == OK ? decide(run, error)
                                                                                                : FAILED;
}

/* Who joins quickly has the account's as the session was opened. */
static enum result take_groups(struct run *run, struct error *error)
{
    const struct plan *plan = &run->plan;
    const struct group_list *known = is_protected(run) ? NULL : &run->join.context.groups;

    return privilege_take_groups(plan->account, plan->group, plan->groups != NULL ? plan->groups : known, error);
}

/* What was asked for, and a restricted account's shell, which obeys variables, cannot have. */
static void tell_new_environment(const struct run *run)
{
    const struct options *options = &run->options;
    bool is_asked_for = options->login ? options->kept_names != NULL : options->keep_environment;

    if (run->plan.restricted && is_asked_for && !options->quiet)
        log_say("%s is ignored: the shell of %s is not in /etc/shells, and has a new environment",
                options->keep_environment ? "--preserve-environment" : "--whitelist-environment",
                run->identity.account.name);
}

/* The account is valid: from here on we are root, with its groups. */
static enum result take_account(struct run *run, struct error *error)
{
    const struct plan *plan = &run->plan;

    if (guarded(STEP_POLICY, check_account, run, error) != OK)
        return FAILED;
    if (plan->shell_was_refused)
        log_say("shell: %s of %s is not in /etc/shells, so it is started, and not the one that was asked for",
                plan->shell, plan->account->name);
    tell_new_environment(run);
    if (privilege_take_session(error) != OK)
        return FAILED;
    step_point("root-ids-taken");
    return is_protected(run) ? guarded(STEP_GROUPS, take_groups, run, error) : OK;
}

/* In the keeper of a shared session: what is ours and open. Not what was forwarded, which no fork of ours has. */
static void let_go(void *data)
{
    struct run *run = data;

    fd_close(&run->relay.fd);
    fd_close(&run->events.fd);
    fd_close(&run->watcher.pipe);
}

/* What was forwarded, or typed, is of no use to a session that is open already. */
static enum result tell_unused_password(const struct run *run, bool has_password, struct error *error)
{
    const struct options *options = &run->options;

    if (run->join.opened || !has_password || run->join.state.used_password
        || (options->quiet && !options->require_password_used))
        return OK;
    (void)fail(error, STEP_SHARE, STATUS_REFUSED, "shared session of %s (profile %s): it was opened without a password",
               run->identity.account.name, run->service);
    (void)fail_hint(error, "its modules (pam_mount, pam_krb5) have none, and yours comes too late: it would have to be "
                           "closed first, pamrunctl close");
    if (options->require_password_used)
        return FAILED;
    log_say("%s", error->message);
    log_hint(error->hint);
    return OK;
}

/* Quickly, if that can be; else protected, as modules are going to run if the session has to be opened. */
static enum result enter_session(struct run *run, const struct join_request *request, struct error *error)
{
    pid_t holder = 0;

    if (!is_protected(run) && join_quickly(&run->join, request)) {
        if (take_groups(run, error) == OK)
            return OK;
        join_give_up(&run->join, request);
        return FAILED;
    }
    if (!is_protected(run)) {
        if (protect(run, &holder, error) != OK)
            return FAILED;
        guard_name(run->identity.account.name, run->service, grace_choose(run));
        if (guarded(STEP_GROUPS, take_groups, run, error) != OK)
            return FAILED;
    }
    return join_enter(&run->join, request, error);
}

static enum result join_session(struct run *run, struct error *error)
{
    bool has_password = run->transaction.conversation.answered;
    const struct join_request request = {
        .account = &run->identity.account,
        .profile = run->service,
        .hold = run->options.hold,
        .hold_s = run->options.hold_seconds,
        .lock_wait_ms =
            LOCK_WAIT_MS + run->options.deadline_ms[STEP_CREDENTIALS] + run->options.deadline_ms[STEP_OPEN_SESSION],
        .own_groups = run->plan.groups == NULL,
        .used_password = has_password,
        .quiet = run->options.quiet,
        .transaction = &run->transaction,
        .start = start_transaction,
        .let_go = let_go,
        .data = run,
        .events = &run->events,
        .inherited = &run->inherited,
        .argv0 = run->argv0,
    };

    if (enter_session(run, &request, error) != OK)
        return FAILED;
    if ((!run->join.opened && transaction_finish_forwarded(&run->request, STEP_SHARE, error) != OK)
        || transaction_end(&run->transaction, error) != OK || tell_unused_password(run, has_password, error) != OK) {
        join_give_up(&run->join, &request);
        return FAILED;
    }
    run->umask = run->inherited.umask;
    if (run->options.hold != NULL)
        return OK;
    return join_take_over(&run->join, &run->limits, &run->umask, error);
}

static void tell_hazard(const struct run *run)
{
    const struct account *account = &run->identity.account;

    if (!hazard_of_own_session(account->uid, run->service) || run->options.quiet)
        return;
    log_say("a shared session of %s (profile %s) is open, and this run closes one of its own at its end: what is "
            "mounted, and tickets, may go then for all who are in the shared one",
            account->name, run->service);
    log_hint("--share instead of --close-on-exit makes it one session");
}

static enum result open_session(struct run *run, struct error *error)
{
    if (take_account(run, error) != OK)
        return FAILED;
    if (run->authority.delegate != NULL) /* what a granted command makes is not the delegate's to write to */
        run->inherited.umask |= S_IWGRP | S_IWOTH;
    if (run->options.share)
        return join_session(run, error);
    if (run->options.close_on_exit && !run->options.no_session)
        tell_hazard(run);
    if (transaction_credentials(&run->transaction, error) != OK)
        return FAILED;
    step_point("credentials-set");
    inherited_umask_mark(&run->inherited);
    if (!run->options.no_session && transaction_open_session(&run->transaction, error) != OK)
        return FAILED;
    step_point("session-opened");
    run->umask = inherited_umask_find(&run->inherited);
    if (cgroup_compare(&run->cgroups, error) != OK)
        return FAILED;
    if (run->cgroups.has_moved && run->options.verbose)
        log_say("cgroup: a module moved the run, the command is put back");
    return limits_find(&run->limits, error);
}

static enum result build_environment(struct run *run, struct error *error)
{
    char **pam = run->options.share ? NULL : transaction_environment(&run->transaction);
    struct environment_request request = {
        .applicant = run->inherited.environment,
        .applicant_is_root = run->identity.applicant.uid == 0,
        .may_share_session =
            run->identity.applicant.uid == 0 || run->identity.applicant.uid == run->identity.account.uid,
        .anew = run->authority.delegate != NULL || run->plan.restricted,
        .site_names = policy_list(&run->authority.policy, POLICY_ENVIRONMENT_KEEP, run->authority.profile)->items,
        .account = &run->identity.account,
        .shell = run->plan.shell,
        .login = run->options.login,
        .keep = run->options.keep_environment,
        .kept_names = run->options.kept_names,
        .defs = &run->authority.defs,
        .pam = run->options.share ? run->join.state.environment.items : pam,
        .pam_given = (const char *const *)strv_items(&run->pam_environment),
        .owns_directory = directory_is_owned,
    };
    bool built;

    built = (pam != NULL || run->options.share) && environment_build(&run->environment, &request);
    for (char **entry = pam; entry != NULL && *entry != NULL; entry++)
        free(*entry);
    free(pam);
    return built ? OK : fail_memory(error, STEP_COMMAND);
}

static void end_pam_copy(void *data)
{
    struct transaction *transaction = data;

    if (transaction->handle == NULL)
        return;
    pages_copy_heap();
    guard_catch_exit(true); /* in place of pamrun the command's status would be that */
    transaction_end_copy(transaction);
    guard_catch_exit(false);
}

static void tell_start(void *data, pid_t pid)
{
    struct run *run = data;

    run->transaction.leave_open = !run->options.close_on_exit; /* from here on there is something to leave it for */
    join_leave(&run->join);
    EVENT(&run->events, "command-started", NUMBER_FIELD("pid", pid),
          run->cgroups.has_moved ? TEXT_FIELD("cgroup", "kept") : NO_FIELD);
}

static void tell_end(struct run *run)
{
    int status = run->outcome.wait_status;

    if (WIFSIGNALED(status))
        EVENT(&run->events, "command-ended", NUMBER_FIELD("signal", WTERMSIG(status)),
              NUMBER_FIELD("exit-status", supervise_exit_status(status)));
    else
        EVENT(&run->events, "command-ended", NUMBER_FIELD("status", WEXITSTATUS(status)),
              NUMBER_FIELD("exit-status", supervise_exit_status(status)));
}

/* The front shows what the command writes; the holder keeps no side of it that somebody else could read. */
static void hand_pty_over(struct run *run)
{
    struct relay_message message = {.word = RELAY_PTY, .number = run->pty.is_wanted};

    if (!relay_send(&run->relay, message, run->pty.master)) /* to the command it has hung up */
        log_say("what the command writes cannot be shown: %s", strerror(errno));
    fd_close(&run->pty.master);
}

static void log_allowed(const struct run *run)
{
    log_run(run, LOG_INFO, "allowed", run->cgroups.has_moved ? " cgroup=kept" : "");
}

static int take_own_lease(void *join)
{
    return join_extend(join);
}

static int take_over_as_account(void *context)
{
    return context_take_as_account(context);
}

/* Has nobody anything to do while the command runs? Then the caller's child is the command itself. */
static bool becomes_command(const struct run *run)
{
    return run->options.exec || (run->options.share && run->uid == 0 && !run->plan.pty && run->events.fd < 0);
}

/* Returns only when it failed. */
static enum result become_command(struct run *run, const struct launch *launch, struct error *error)
{
    int stopped_by = inherited_waiting_stop(&run->inherited); /* before anything is told of a start */

    if (stopped_by != 0)
        return guard_fail_signalled(STEP_COMMAND, stopped_by, error);
    log_allowed(run);
    transaction_tell_left_open(&run->transaction);
    EVENT(&run->events, "command-started", NUMBER_FIELD("pid", getpid()),
          run->cgroups.has_moved ? TEXT_FIELD("cgroup", "kept") : NO_FIELD);
    (void)!process_exec(launch, error);
    if (geteuid() != 0) /* the account's already: it could close nothing, and the session is left open */
        transaction_end_copy(&run->transaction);
    else
        (void)!chdir("/"); /* where modules work, and close */
    return FAILED;
}

static enum result fail_stopped_start(const struct outcome *outcome, struct error *error)
{
    (void)guard_fail_signalled(STEP_COMMAND, outcome->stopped_by, error);
    return outcome->abandoned ? fail_hint(error, "its process waits for a file system that does not answer, and "
                                                 "ends, without executing anything, when that does")
                              : FAILED;
}

static enum result run_command(struct run *run, struct error *error)
{
    OWNED(process_close) struct child child = {.pidfd = -1, .report = -1};
    struct launch launch = {
        .plan = &run->plan,
        .inherited = &run->inherited,
        .limits = &run->limits,
        .cgroups = &run->cgroups,
        .environment = strv_items(&run->environment),
        .umask = run->umask,
        .terminal = -1,
        .as_root = run->options.share && !becomes_command(run) ? take_own_lease : NULL,
        .as_root_data = &run->join,
        .as_account = run->options.share ? take_over_as_account : NULL,
        .as_account_data = &run->join.context,
        .before_exec = end_pam_copy,
        .before_exec_data = &run->transaction,
    };
    struct supervise_request request = {
        .child = &child,
        .inherited = &run->inherited,
        .relay = run->relay.fd >= 0 ? &run->relay : NULL,
        .pty = run->plan.pty ? &run->pty : NULL,
        .own_session = run->plan.new_session || run->plan.pty,
        .kill_after_ms = run->options.kill_after_ms,
        .tell_start = run->events.fd >= 0 || run->options.share,
        .on_start = tell_start,
        .on_start_data = run,
    };

    if (run->plan.pty && pty_open(&run->pty, run->plan.account->uid, error) != OK)
        return FAILED;
    launch.terminal = run->pty.slave;
    if (is_protected(run))
        supervise_block_signals();
    step_point("signals-blocked");
    inherited_stop_timers();
    if (guard_stop_signal() != 0) /* between two steps */
        return guard_fail_stopped(STEP_COMMAND, error);
    progress_enter(STEP_COMMAND); /* its directory may hang */
    if (becomes_command(run))
        return become_command(run, &launch, error);
    if (run->plan.pty && pty_lead_session(&run->pty, error) != OK)
        return FAILED;
    launch.in_foreground = run->pty.is_wanted;
    if (process_spawn(&child, &launch, error) != OK)
        return FAILED;
    watcher_end(&run->watcher); /* the command's process has it until it is executed */
    cgroup_free(&run->cgroups); /* the command's process has copies */
    step_point("forked");
    if (run->plan.pty)
        hand_pty_over(run);
    log_allowed(run);  /* while the command starts; it cannot keep root from writing it */
    pages_copy_heap(); /* likewise: for the close, which somebody waits for */
    pages_release_stack();
    if (run->relay.fd >= 0)
        run->relay.shared->step = STEP_COMMAND;
    if (supervise_wait(&request, &run->outcome, error) != OK)
        return FAILED;
    if (run->outcome.hung_up)
        log_run(run, LOG_NOTICE, "hung up", "");
    step_point("command-ended");
    pty_close(&run->pty);
    if (run->outcome.stopped_by != 0)
        return fail_stopped_start(&run->outcome, error);
    if (!run->outcome.started)
        return process_fail_start(&run->outcome.failure, &run->plan, error);
    tell_end(run);
    return OK;
}

/* Who looked on may have gone, or sleep, while the command ran. */
static void wake_watcher(struct run *run)
{
    if (run->transaction.handle == NULL || run->transaction.leave_open || !progress_is_open())
        return;
    progress_leave(); /* no rest any more */
    if (run->relay.fd < 0)
        watcher_start(&run->watcher);
    else
        (void)relay_send(&run->relay, (struct relay_message){.word = RELAY_LOOK}, -1);
}

static void run_close(struct run *run)
{
    forwarded_wipe(&run->forwarded);
    pty_close(&run->pty); /* first of all: the messages of closing are for a terminal in its own mode */
    wake_watcher(run);
    transaction_close(&run->transaction);
    join_leave(&run->join);
    join_free(&run->join);
    cgroup_free(&run->cgroups);
    strv_free(&run->environment);
    plan_free(&run->plan);
    strv_free(&run->pam_environment);
    authority_free(&run->authority);
    identity_free(&run->identity);
    inherited_free(&run->inherited);
    options_free(&run->options);
    watcher_end(&run->watcher);
}

/* --help, --version. true: that was all. */
static bool tell_about(const struct options *options)
{
    if (options->help)
        options_print_help(stdout);
    else if (options->version)
        (void)puts("pamrun " PAMRUN_VERSION);
    return options->help || options->version;
}

/* The hold is taken, and that was all. */
static int end_with_hold(struct run *run)
{
    char id[HOLD_ID_MAX * 2], details[HOLD_ID_MAX * 2 + 16];

    (void)text_quoted(id, sizeof id, run->options.hold);
    (void)snprintf(details, sizeof details, " hold=%s", id);
    log_run(run, LOG_INFO, "allowed", details);
    EVENT(&run->events, "held", TEXT_FIELD("id", run->options.hold));
    return EXIT_SUCCESS;
}

/* All phases, up to the exit status; run_close() undoes what they did. */
static int run_phases(struct run *run, int argc, char **argv)
{
    struct error error = {0};
    pid_t holder = 0;

    if (options_parse(&run->options, argc, argv, &error) != OK)
        return report_failure(run, &error);
    if (tell_about(&run->options))
        return fflush(stdout) == 0 ? EXIT_SUCCESS : STATUS_SYSTEM;
    if (privilege_start(&error) != OK || events_start(&run->events, run->options.status_fd, &error) != OK
        || check_secrets(run, &error) != OK)
        return report_failure(run, &error);
    if (!may_join_quickly(run) && protect(run, &holder, &error) != OK)
        return report_failure(run, &error);
    if (holder > 0)
        be_front(run, holder);
    if (guarded(STEP_IDENTITY, prepare, run, &error) != OK
        || (root_needs_front(run)
            && ((!is_protected(run) && protect(run, &holder, &error) != OK) || split(run, &holder, &error) != OK)))
        return report_failure(run, &error);
    if (holder > 0)
        be_front(run, holder);
    if (authenticate(run, &error) != OK || open_session(run, &error) != OK)
        return report_failure(run, &error);
    if (run->options.hold != NULL)
        return end_with_hold(run);
    if (build_environment(run, &error) != OK || run_command(run, &error) != OK)
        return report_failure(run, &error);
    return supervise_exit_status(run->outcome.wait_status);
}

int main(int argc, char **argv)
{
    struct run run = {.events = {.fd = -1},
                      .inherited = {.standard = {{.fd = -1}, {.fd = -1}, {.fd = -1}}, .directory = {.fd = -1}},
                      .relay = {.fd = -1},
                      .watcher = {.pipe = -1},
                      .join = {.place = {.fd = -1, .lock = -1}},
                      .argv0 = argc > 0 ? argv[0] : NULL,
                      .pty = {.master = -1, .slave = -1, .terminal = -1}};
    int status;

    if (argc < 1 || argv[0] == NULL || !inherited_start(&run.inherited)) /* CVE-2021-4034; nothing can be said yet */
        return STATUS_SYSTEM;
    note_caller(&run);
    status = run_phases(&run, argc, argv);
    run_close(&run);
    step_point("closed");
    guard_listen(NULL, NULL); /* signals come until the very end, and the relay goes with this function */
    if (run.relay.fd >= 0)
        relay_tell_exit(&run.relay, status);
#ifndef __SANITIZE_ADDRESS__ /* looks for leaks when main returns */
    /* All is undone. What libraries and modules left for exit(3) could only hang, crash or change the status, while our
     * caller waits. */
    _exit(status);
#endif
    return status;
}
