#include "run/inherited.h"

#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    MODULES_UMASK = 0022,
    UNUSUAL_UMASK = 0032, /* as 0022, but that root's group may not enter: unlike any that somebody would configure */
};

static char *clean_environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};

static bool standard_files_open(void)
{
    int fd = STDIN_FILENO;

    while (fd <= STDERR_FILENO && fcntl(fd, F_GETFD) >= 0)
        fd++;
    if (fd > STDERR_FILENO)
        return true;
    do {
        fd = open(_PATH_DEVNULL, O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}

void inherited_stop_timers(void)
{
    struct itimerval off = {{0, 0}, {0, 0}};

    (void)setitimer(ITIMER_REAL, &off, NULL);
    (void)setitimer(ITIMER_VIRTUAL, &off, NULL);
    (void)setitimer(ITIMER_PROF, &off, NULL);
}

static void on_write(int number)
{
    (void)number;
}

bool inherited_start(struct inherited *inherited)
{
    struct sigaction ignore = {.sa_handler = on_write}; /* not SIG_IGN, which helpers of modules would inherit */

    *inherited = (struct inherited){
        .environment = environ, .directory = {.fd = -1}, .standard = {{.fd = -1}, {.fd = -1}, {.fd = -1}}};
    inherited->umask = umask(MODULES_UMASK);
    environ = clean_environment;
    (void)sigaction(SIGPIPE, &ignore, &inherited->pipe_action);
    (void)sigaction(SIGXFSZ, &ignore, &inherited->size_action);
    return standard_files_open();
}

static bool files_add(struct inherited *inherited, int fd)
{
    struct same_file *larger;

    if ((inherited->file_count & (inherited->file_count - 1)) == 0) { /* full: 0, 1, 2, 4, 8, ... */
        size_t room = inherited->file_count == 0 ? 1 : inherited->file_count * 2;

        larger = reallocarray(inherited->files, room, sizeof *larger);
        if (larger == NULL)
            return false;
        inherited->files = larger;
    }
    if (same_file_note(&inherited->files[inherited->file_count], fd))
        inherited->file_count++;
    return true;
}

static bool is_one_of(int fd, const int *list, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (list[at] == fd)
            return true;
    return false;
}

/* List the descriptors above 2. Without /proc none is handed on: no decision hangs on it. */
static bool files_take(struct inherited *inherited, const int *taken, size_t count)
{
    static const char list[] = "/proc/self/fd";
    OWNED(directory_close) DIR *directory = NULL;
    struct dirent *entry;
    struct stat status;

    if (stat(list, &status) == 0 && status.st_size == STDERR_FILENO + 1)
        return true; /* since Linux 6.2 the size is the number of open descriptors, proc(5): 0-2 and nothing else */
    directory = opendir(list);
    if (directory == NULL)
        return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    while ((entry = readdir(directory)) != NULL) {
        int fd = atoi(entry->d_name); /* "." and ".." are 0 */

        if (fd > STDERR_FILENO && !is_one_of(fd, taken, count) && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0
            && !files_add(inherited, fd))
            return false;
    }
    return true;
}

/* Signals whose disposition matters to us and to modules. The real-time ones stay as they came, also for the
 * command: twice as many system calls, in every run, would change nothing. Not the last one: it is our timer's. */
enum { SIGNALS_END = 32 };

static int signal_after(int number)
{
    return number + 1 == SIGNALS_END ? SIGRTMAX : number + 1;
}

/* Find out what is ignored, and make all default: an ignored SIGCHLD would lose us the command's status. */
static void signals_take(struct inherited *inherited)
{
    static const int timer_signals[] = {SIGALRM, SIGVTALRM, SIGPROF};
    struct sigaction fresh = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN}, old;
    sigset_t none;

    sigemptyset(&inherited->ignored);
    for (int number = 1; number <= SIGRTMAX; number = signal_after(number))
        if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_IGN) {
            sigaddset(&inherited->ignored, number);
            (void)sigaction(number, &fresh, NULL);
        }
    if (inherited->pipe_action.sa_handler == SIG_IGN)
        sigaddset(&inherited->ignored, SIGPIPE);
    if (inherited->size_action.sa_handler == SIG_IGN)
        sigaddset(&inherited->ignored, SIGXFSZ);
    for (size_t at = 0; at < sizeof timer_signals / sizeof *timer_signals; at++) { /* one that waits is thrown away */
        (void)sigaction(timer_signals[at], &ignore, NULL);
        (void)sigaction(timer_signals[at], &fresh, NULL);
    }
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, &inherited->blocked);
}

enum result inherited_take(struct inherited *inherited, const int *taken, size_t count, struct error *error)
{
    int directory;

    inherited->taken = true;
    inherited_stop_timers();
    signals_take(inherited);
    if (!files_take(inherited, taken, count))
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: /proc/self/fd: %s", strerror(errno));
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: close_range: %s", strerror(errno));
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (copy < 0 || !same_file_note(&inherited->standard[fd], copy))
            return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: descriptor %d: %s", fd, strerror(errno));
    }
    directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: working directory: %s", strerror(errno));
    (void)same_file_note(&inherited->directory, directory);
    if (chdir("/") < 0)
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: /: %s", strerror(errno));
    return OK;
}

static bool fail_restore(struct error *error, enum step step)
{
    (void)fail(error, step, STATUS_SYSTEM, "%s: what a module changed in our process cannot be put back: %s",
               step_name(step), strerror(errno));
    return false;
}

bool inherited_restore(const struct inherited *inherited, struct error *error, enum step step)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct same_file now = inherited->standard[fd];

        now.fd = fd;
        if (same_file_is(&now))
            continue;
        errno = EBADF;
        if (!same_file_is(&inherited->standard[fd]) /* another file of root's by now: not for the command */
            || dup2(inherited->standard[fd].fd, fd) < 0)
            return fail_restore(error, step);
    }
    return chdir("/") == 0 || fail_restore(error, step);
}

/* The applicant's own does, where modules can work under it: left alone or set to the same, it comes to the same. */
static mode_t session_umask(const struct inherited *inherited)
{
    bool usable = (inherited->umask & MODULES_UMASK) == MODULES_UMASK && (inherited->umask & S_IRWXU) == 0;

    return usable ? inherited->umask : UNUSUAL_UMASK;
}

void inherited_umask_mark(const struct inherited *inherited)
{
    (void)umask(session_umask(inherited));
}

mode_t inherited_umask_find(const struct inherited *inherited)
{
    mode_t now = umask(MODULES_UMASK);

    return now == session_umask(inherited) ? inherited->umask : now;
}

static void signals_give_back(const struct inherited *inherited)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    for (int number = 1; number <= SIGRTMAX; number = signal_after(number)) {
        action.sa_handler = sigismember(&inherited->ignored, number) == 1 ? SIG_IGN : SIG_DFL;
        (void)sigaction(number, &action, NULL);
    }
    (void)sigprocmask(SIG_SETMASK, &inherited->blocked, NULL);
}

bool inherited_give_back(const struct inherited *inherited, mode_t umask_now)
{
    (void)umask(umask_now);
    if (!inherited->taken) {
        (void)sigaction(SIGPIPE, &inherited->pipe_action, NULL);
        (void)sigaction(SIGXFSZ, &inherited->size_action, NULL);
        return true;
    }
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return false;
    for (size_t at = 0; at < inherited->file_count; at++)
        if (same_file_is(&inherited->files[at]))
            (void)fcntl(inherited->files[at].fd, F_SETFD, 0);
    signals_give_back(inherited);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_SETFD, 0) < 0) /* a module's cleanup function closed it: another file would stand in for it */
            return false;
    return true;
}

bool inherited_detach(struct inherited *inherited)
{
    OWNED(fd_close) int null = open(_PATH_DEVNULL, O_RDWR | O_CLOEXEC);

    for (size_t at = 0; at < inherited->file_count; at++)
        if (same_file_is(&inherited->files[at])) /* else a module's by now */
            fd_close(&inherited->files[at].fd);
    inherited->file_count = 0;
    fd_close(&inherited->directory.fd);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null < 0 || dup2(null, inherited->standard[fd].fd) < 0
            || fcntl(inherited->standard[fd].fd, F_SETFD, FD_CLOEXEC) < 0 || dup2(null, fd) < 0
            || !same_file_note(&inherited->standard[fd], inherited->standard[fd].fd))
            return false;
    return true;
}

bool inherited_lets_end(const struct inherited *inherited, int number)
{
    return sigismember(&inherited->ignored, number) == 0 && sigismember(&inherited->blocked, number) == 0;
}

static const int stops[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

int inherited_waiting_stop(const struct inherited *inherited)
{
    sigset_t waiting;
    int found = 0;

    (void)sigpending(&waiting);
    for (size_t at = 0; inherited->taken && at < sizeof stops / sizeof *stops; at++)
        if (found == 0 && sigismember(&waiting, stops[at]) == 1 && inherited_lets_end(inherited, stops[at]))
            found = stops[at];
    return found;
}

void inherited_let_stops_end(const struct inherited *inherited)
{
    struct sigaction end = {.sa_handler = SIG_DFL};
    sigset_t ending;

    sigemptyset(&ending);
    for (size_t at = 0; inherited->taken && at < sizeof stops / sizeof *stops; at++)
        if (inherited_lets_end(inherited, stops[at]) && sigaction(stops[at], &end, NULL) == 0)
            sigaddset(&ending, stops[at]);
    (void)sigprocmask(SIG_UNBLOCK, &ending, NULL);
}

void inherited_free(struct inherited *inherited)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        fd_close(&inherited->standard[fd].fd);
    fd_close(&inherited->directory.fd);
    free(inherited->files);
    inherited->files = NULL;
}
