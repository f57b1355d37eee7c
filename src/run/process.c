#include "run/process.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/progress.h"
#include "base/text.h"
#include "run/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* To the parent, if there is one: report -1 says no. false: it cannot be told. */
static bool report_start(int report, struct start_failure failure)
{
    return report < 0 || write(report, &failure, sizeof failure) == (ssize_t)sizeof failure;
}

/* A process that leads its group cannot have a session of its own (--exec under a shell's job control), but it can give
 * its terminal up, and only a session's leader could get one again; tty_ioctl(4). */
static bool terminal_give_up(void)
{
    OWNED(fd_close) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    bool given_up = fd < 0 || ioctl(fd, TIOCNOTTY) == 0;

    (void)sigaction(SIGHUP, &ignore, NULL); /* throws away what a session's leader gets for it; it waits, blocked */
    return given_up;
}

/* A process group of its own in the session of the pseudo-terminal, which its parent leads: so ^Z can stop it. */
static bool group_start(const struct launch *launch)
{
    if (setpgid(0, 0) < 0)
        return false;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (isatty(fd) == 1 && dup2(launch->terminal, fd) < 0)
            return false;
    return true;
}

static bool session_start(const struct launch *launch)
{
    if (launch->terminal >= 0)
        return group_start(launch);
    return !launch->plan->new_session || setsid() >= 0 || (errno == EPERM && terminal_give_up());
}

struct way_back {
    bool returned;
    bool is_outside; /* of what the command sees: then we are in "/" so far */
    char path[PATH_MAX];
};

/* A module may have given the session a root directory or mounts of its own, pam_limits(8), pam_namespace(8). Where the
 * applicant was is outside of them then, and must be no way out. getcwd(2) says so, unlike that of glibc; of a
 * directory that was removed, or is too deep, nobody can say it. */
static bool directory_is_inside(char *path, size_t size)
{
    static const char outside[] = "(unreachable)";
    long length = syscall(SYS_getcwd, path, size);

    if (length > 0 && path[0] == '/')
        return true;
    if (length > 0 && strncmp(path, outside, strlen(outside)) == 0)
        memmove(path, path + strlen(outside), strlen(path + strlen(outside)) + 1);
    else
        path[0] = '\0';
    return false;
}

/* Where the applicant was, with his right to be there, as under su(1): a root shell in /root runs commands as others.
 * Where root has no right to (a home on NFS, somebody's FUSE mount), the account may. */
static bool directory_return(const struct inherited *inherited, struct way_back *way)
{
    if (way->returned)
        return true;
    if (!same_file_is(&inherited->directory)) {
        errno = EBADF;
        return false;
    }
    if (fchdir(inherited->directory.fd) != 0)
        return false;
    way->is_outside = !directory_is_inside(way->path, sizeof way->path);
    way->returned = !way->is_outside || chdir("/") == 0;
    return way->returned;
}

/* To where the same path leads for the command, as the account. */
static void directory_follow(const struct way_back *way)
{
    if (way->is_outside && (way->path[0] != '/' || chdir(way->path) != 0))
        log_say("the working directory is not there for the command, starting in /");
}

/* The directory that was asked for, as the account. A login without a home starts in "/", login(1). */
static bool directory_enter(const struct plan *plan)
{
    if ((plan->directory_must_exist || plan->directory[0] == '/') && chdir(plan->directory) == 0)
        return true;
    if (plan->directory_must_exist || chdir("/") != 0)
        return false;
    log_say("%s: cannot be entered, starting in /", plan->directory);
    return true;
}

/* execvp(3) says EACCES also when a directory of PATH may not be searched, as root's for others: that is no finding.
 * Is there a file of that name which the account can see? */
static bool command_is_found(const char *name)
{
    const char *at = getenv("PATH");
    char path[PATH_MAX];

    if (strchr(name, '/') != NULL)
        return true;
    while (at != NULL) {
        size_t length = strcspn(at, ":");
        int written = snprintf(path, sizeof path, "%.*s/%s", (int)length, length > 0 ? at : ".", name);

        if (written > 0 && (size_t)written < sizeof path && access(path, F_OK) == 0)
            return true;
        at = at[length] == ':' ? at + length + 1 : NULL;
    }
    return false;
}

static int execute(const struct plan *plan)
{
    if (plan->shell != NULL)
        (void)execv(plan->shell, plan->arguments);
    else
        (void)execvp(plan->arguments[0], plan->arguments);
    return plan->shell == NULL && errno == EACCES && !command_is_found(plan->arguments[0]) ? ENOENT : errno;
}

/* From the parent's state to the command. Returns only when that fails; the caller must end the process or, when it
 * did not fork, report. */
static struct start_failure become_command(const struct launch *launch, int report)
{
    const struct plan *plan = launch->plan;
    struct way_back way = {.returned =
                               !launch->inherited->taken || (plan->directory != NULL && plan->directory[0] == '/')};
    int problem = cgroup_return(launch->cgroups); /* as root, and before limits that leave no descriptor for it */

    if (problem != 0)
        return (struct start_failure){START_CGROUP, problem};
    problem = launch->as_root != NULL ? launch->as_root(launch->as_root_data) : 0;
    if (problem != 0)
        return (struct start_failure){START_LEASE, problem};
    if (!limits_give(launch->limits))
        return (struct start_failure){START_LIMITS, errno};
    if (!session_start(launch))
        return (struct start_failure){START_SESSION, errno};
    (void)directory_return(launch->inherited, &way);
    problem = report < 0 ? inherited_waiting_stop(launch->inherited) : 0; /* as root: all can still be undone */
    if (problem != 0)
        return (struct start_failure){START_STOPPED, problem};
    problem = privilege_become(plan->account->uid, plan->group);
    if (problem != 0)
        return (struct start_failure){START_IDS, problem};
    problem = launch->as_account != NULL ? launch->as_account(launch->as_account_data) : 0;
    if (problem != 0)
        return (struct start_failure){START_CONTEXT, problem};
    if (report < 0) /* the session stays open from here on, also if a module or a directory hangs */
        inherited_let_stops_end(launch->inherited);
    launch->before_exec(launch->before_exec_data);
    if (!directory_return(launch->inherited, &way))
        return (struct start_failure){START_DIRECTORY, errno};
    directory_follow(&way);
    if (plan->directory != NULL && !directory_enter(plan))
        return (struct start_failure){START_DIRECTORY, errno};
    /* Not before: ^C there is for our parent as long as we block it. */
    if (launch->in_foreground && tcsetpgrp(launch->terminal, getpid()) < 0)
        return (struct start_failure){START_SESSION, errno};
    progress_rest(launch->terminal >= 0);
    /* No module runs any more. Before signals are let through: one that ends us from here on ends the command. */
    if (!report_start(report, (struct start_failure){START_READY, 0}))
        return (struct start_failure){START_ENDED, errno}; /* it would run, and the session be closed under it */
    if (!inherited_give_back(launch->inherited, launch->umask))
        return (struct start_failure){START_DESCRIPTORS, errno};
    environ = (char **)launch->environment; /* execvp(3) looks the command up on this PATH, the account's */
    return (struct start_failure){START_EXEC, execute(plan)};
}

pid_t process_split(void)
{
    return fork();
}

void process_end(int status)
{
    _exit(status);
}

bool process_detach(void (*run)(void *), void *data)
{
    sigset_t all, before;
    pid_t between;
    int status = 0, problem;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    between = fork();
    if (between == 0) {
        pid_t pid = fork();

        if (pid == 0)
            run(data);
        _exit(pid > 0 ? 0 : errno); /* which fits: fork(2) knows small ones only */
    }
    problem = between < 0 ? errno : 0;
    while (between > 0 && waitpid(between, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (problem == 0 && WIFEXITED(status))
        problem = WEXITSTATUS(status);
    errno = problem;
    return problem == 0;
}

pid_t process_program(char *const *arguments, int handed, const sigset_t *mask)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    (void)fcntl(handed, F_SETFD, 0);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    (void)execv(arguments[0], arguments);
    _exit(STATUS_NOT_FOUND);
}

/* ---- a copy that answers ---- */

enum { STOPPED_LOOK_MS = 50 }; /* a pidfd does not tell of it */

struct copy {
    pid_t pid;
    int pidfd, answer;
};

/* It was written at once, pipe(7). */
static enum asked read_answer(const struct copy *copy, void *reply, size_t size)
{
    ssize_t got = read(copy->answer, reply, size);

    if (got == (ssize_t)size)
        return ASKED_ANSWERED;
    errno = EIO;
    if (got == sizeof(int)) /* its errno */
        memcpy(&errno, reply, sizeof(int));
    return ASKED_FAILED;
}

/* It has become somebody's, who may kill and stop it. What a fault of its own sends comes through in spite of the
 * mask, and is none of these two. */
static enum asked find_outcome(const struct copy *copy)
{
    siginfo_t found = {.si_pid = 0};

    if (waitid(P_PID, (id_t)copy->pid, &found, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 || found.si_pid == 0)
        return ASKED_LATE;
    if (found.si_code == CLD_STOPPED)
        return ASKED_STOPPED;
    return found.si_code == CLD_KILLED && found.si_status == SIGKILL ? ASKED_KILLED : ASKED_ENDED;
}

static enum asked wait_for_answer(const struct copy *copy, void *reply, size_t size, int timeout_ms)
{
    int64_t end = clock_now_ms() + timeout_ms, left;
    struct pollfd sources[] = {{.fd = copy->answer, .events = POLLIN}, {.fd = copy->pidfd, .events = POLLIN}};
    enum asked outcome = ASKED_LATE;

    while (outcome == ASKED_LATE && (left = end - clock_now_ms()) > 0) {
        int ready;

        outcome = find_outcome(copy); /* first: what it wrote before that is there then */
        ready = poll(sources, 2, outcome != ASKED_LATE ? 0 : (int)(left < STOPPED_LOOK_MS ? left : STOPPED_LOOK_MS));
        if (ready < 0 && errno != EINTR)
            return ASKED_FAILED;
        if (ready > 0 && (sources[0].revents & POLLIN) != 0)
            return read_answer(copy, reply, size);
        if (ready > 0 && sources[0].revents != 0)
            sources[0].fd = -1; /* nobody writes any more: it ends, or a module closed that */
    }
    errno = outcome == ASKED_LATE ? ETIMEDOUT : ECHILD;
    return outcome;
}

/* In the copy. */
_Noreturn static void be_copy(int fd, int (*answer)(void *data, void *reply), void *data, void *reply, size_t size)
{
    sigset_t all;
    int problem;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    problem = answer(data, reply);
    if (problem == 0)
        (void)!write(fd, reply, size);
    else
        (void)!write(fd, &problem, sizeof problem);
    _exit(0);
}

enum asked process_ask(int (*answer)(void *data, void *reply), void *data, void *reply, size_t size, int timeout_ms)
{
    struct copy copy = {.pidfd = -1};
    enum asked outcome = ASKED_FAILED;
    int ends[2], problem;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return ASKED_FAILED;
    copy.answer = ends[0];
    copy.pid = fork();
    if (copy.pid == 0)
        be_copy(ends[1], answer, data, reply, size);
    problem = errno;
    (void)close(ends[1]);
    if (copy.pid > 0) {
        copy.pidfd = (int)syscall(SYS_pidfd_open, copy.pid, 0); /* without one it is looked for from time to time */
        outcome = wait_for_answer(&copy, reply, size, timeout_ms);
        problem = errno;
        (void)kill(copy.pid, SIGKILL); /* our child, not reaped: it is nobody else */
        while (waitpid(copy.pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    fd_close(&copy.pidfd);
    (void)close(ends[0]);
    errno = problem;
    return outcome;
}

enum result process_spawn(struct child *child, const struct launch *launch, struct error *error)
{
    int report[2];

    *child = (struct child){.pidfd = -1, .report = -1};
    if (pipe2(report, O_CLOEXEC) < 0)
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: pipe: %s", strerror(errno));
    child->pid = fork();
    if (child->pid == 0) {
        (void)report_start(report[1], become_command(launch, report[1]));
        _exit(STATUS_CANNOT_RUN);
    }
    (void)close(report[1]);
    child->report = report[0];
    (void)fcntl(child->report, F_SETFL, O_NONBLOCK);
    if (child->pid < 0) {
        int problem = errno;

        (void)close(child->report);
        child->report = -1;
        errno = problem;
        return fail_fork(error, STEP_COMMAND, "command");
    }
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0); /* race-free: it was not waited for */
    child->problem = errno;
    return OK;
}

enum result process_exec(const struct launch *launch, struct error *error)
{
    struct start_failure failure = become_command(launch, -1);

    return process_fail_start(&failure, launch->plan, error);
}

static enum result hint_not_found(const struct plan *plan, const char *command, struct error *error)
{
    if (plan->shell == NULL && strpbrk(command, " =;|&$") != NULL)
        return fail_hint(error, "-u runs no shell; for a line of shell: pamrun %s -c '...'", plan->account->name);
    return fail_hint(error, strchr(command, '/') == NULL
                                ? "it is not on the command's PATH"
                                : "there is no such file, or, if it is a script, its interpreter is missing");
}

enum result process_fail_start(const struct start_failure *failure, const struct plan *plan, struct error *error)
{
    const char *command = plan->shell != NULL ? plan->shell : plan->arguments[0];
    char shown[512];

    switch (failure->what) {
    case START_STOPPED:
        return guard_fail_signalled(STEP_COMMAND, failure->problem, error);
    case START_IDS:
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: cannot become %s: %s", plan->account->name,
                    strerror(failure->problem));
    case START_ENDED:
        (void)fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: its process ended before it was executed");
        return fail_hint(error, "a module of the profile that cleans up there crashed or called exit(), or somebody "
                                "killed it");
    case START_DESCRIPTORS:
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: descriptors: %s", strerror(failure->problem));
    case START_LIMITS:
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: resource limits: %s", strerror(failure->problem));
    case START_CGROUP:
        (void)fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: cannot be put back into its control group: %s",
                   strerror(failure->problem));
        return fail_hint(error,
                         "a module of the profile moved the run out of it (pam_systemd?); pamrun.conf(5), cgroup");
    case START_LEASE:
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: no lease on its shared session: %s",
                    strerror(failure->problem));
    case START_CONTEXT:
        return fail(error, STEP_COMMAND, STATUS_TRY_AGAIN,
                    "command: capabilities of its shared session cannot be taken: %s", strerror(failure->problem));
    case START_SESSION:
        return fail(error, STEP_COMMAND, STATUS_SYSTEM, "command: session of its own: %s", strerror(failure->problem));
    case START_DIRECTORY:
        (void)text_visible(shown, sizeof shown, plan->directory != NULL ? plan->directory : "working directory",
                           TEXT_ONE_LINE);
        (void)fail(error, STEP_COMMAND, STATUS_SYSTEM, "%s: cannot be entered by %s: %s", shown, plan->account->name,
                   strerror(failure->problem));
        if (plan->directory == NULL)
            return fail_hint(error, "--chdir DIR names another");
        if (failure->problem == EACCES) /* the node is in order, this account must not be there */
            error->class = CLASS_USER;
        return failure->problem == ENOENT ? fail_hint(error, "is the file system mounted that holds it?") : FAILED;
    default:
        (void)text_visible(shown, sizeof shown, command, TEXT_ONE_LINE);
        (void)fail(error, STEP_COMMAND, failure->problem == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN,
                   "%s: cannot be executed by %s: %s", shown, plan->account->name, strerror(failure->problem));
        return failure->problem == ENOENT ? hint_not_found(plan, command, error) : FAILED;
    }
}

void process_close(struct child *child)
{
    fd_close(&child->pidfd);
    fd_close(&child->report);
}
