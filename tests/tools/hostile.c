/* hostile: hand a program a start that nobody would wish for.
 *
 *   hostile [OPTION]... -- PROGRAM [ARGUMENT]...
 *
 * The options act in their order, and PROGRAM (a path) is executed in this process:
 *   --close FD             close a descriptor
 *   --open-at FD PATH      open PATH for reading as descriptor FD
 *   --open-many N          open /dev/null N times
 *   --dup FROM TO          descriptor TO is what FROM is
 *   --ignore SIGNAL        a number, or all
 *   --block SIGNAL         likewise
 *   --pending SIGNAL       block it and send it to ourselves
 *   --timer NAME MS        real, virtual or prof: run out every MS milliseconds
 *   --parent-death SIGNAL  prctl(2), PR_SET_PDEATHSIG
 *   --child                two: one has ended with status 9, one lives until we end
 *   --limit NAME SOFT      nofile, fsize, nproc ... (limit_table); the hard limit stays, or rises with it
 *   --limits NAME VALUE    soft and hard
 *   --umask OCTAL
 *   --cd DIR
 *   --gone DIR             make DIR, go there, remove it
 *   --nice N, --oom N      the priority; oom_score_adj
 *   --personality N, --securebits N, --no-new-privs
 *   --environment ENTRY    one more entry, as it is; it may be no NAME=VALUE
 *   --no-environment       from here on empty
 *   --long-variable NAME BYTES, --many-variables N
 *   --argv0 TEXT           PROGRAM's argv[0]
 *   --long-argv0 BYTES
 *   --argc0                an empty argv (the kernel may put one empty word there)
 * as root only:
 *   --private-mounts       a mount namespace of our own, for these:
 *   --hide DIR             an empty file system over DIR
 *   --bind FROM DIR        FROM, and all that is mounted below, is at DIR too
 *   --chroot DIR
 *   --user NAME            become NAME (or UID:GID, which needs no /etc) for good, without capabilities;
 *   --user-inheritable NAME, --user-ambient NAME: with all of them in that set
 * instead of a PROGRAM:
 *   --tell                 print what this process was started with, a line each
 *   --exit N
 * Exit status 125: hostile itself failed. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { EXIT_FAILURE_OURS = 125, SIGNALS_LAST = 64, DESCRIPTORS_TOLD = 32768 };

/* What the end of the command line is to be like. */
struct start {
    char *argv0; /* NULL: PROGRAM's path */
    bool without_arguments;
    char **environment; /* NULL at its end; malloc'd */
    size_t environment_count;
};

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "hostile: %s%s%s\n", what, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    exit(EXIT_FAILURE_OURS);
}

static void must(bool succeeded, const char *what)
{
    if (!succeeded)
        die(what);
}

static void act_close(struct start *start, char **arguments)
{
    (void)start;
    close(atoi(arguments[0])); /* it may be closed already */
}

static void act_open_at(struct start *start, char **arguments)
{
    int wanted = atoi(arguments[0]), fd = open(arguments[1], O_RDONLY);

    (void)start;
    must(fd >= 0 && (fd == wanted || dup2(fd, wanted) == wanted), arguments[1]);
    if (fd != wanted)
        close(fd);
}

static void act_open_many(struct start *start, char **arguments)
{
    (void)start;
    for (int left = atoi(arguments[0]); left > 0; left--)
        must(open("/dev/null", O_RDONLY) >= 0, "/dev/null");
}

static void act_dup(struct start *start, char **arguments)
{
    (void)start;
    must(dup2(atoi(arguments[0]), atoi(arguments[1])) >= 0, "dup2");
}

/* glibc keeps 32 and 33 for itself: asked of the kernel. */
static bool signal_ignore(int number)
{
    const struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {.handler = SIG_IGN};

    return syscall(SYS_rt_sigaction, number, &action, NULL, sizeof(uint64_t)) == 0;
}

static void act_ignore(struct start *start, char **arguments)
{
    bool all = strcmp(arguments[0], "all") == 0;

    (void)start;
    for (int number = 1; number <= SIGNALS_LAST; number++)
        if (all ? number != SIGKILL && number != SIGSTOP : number == atoi(arguments[0]))
            must(signal_ignore(number), "rt_sigaction");
}

static void act_block(struct start *start, char **arguments)
{
    uint64_t set = strcmp(arguments[0], "all") == 0 ? UINT64_MAX : (uint64_t)1 << (atoi(arguments[0]) - 1);

    (void)start;
    must(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof set) == 0, "rt_sigprocmask");
}

static void act_pending(struct start *start, char **arguments)
{
    act_block(start, arguments);
    must(raise(atoi(arguments[0])) == 0, "raise");
}

static void act_timer(struct start *start, char **arguments)
{
    static const char *const names[] = {[ITIMER_REAL] = "real", [ITIMER_VIRTUAL] = "virtual", [ITIMER_PROF] = "prof"};
    long ms = atol(arguments[1]);
    struct itimerval every = {{ms / 1000, ms % 1000 * 1000}, {ms / 1000, ms % 1000 * 1000}};

    (void)start;
    for (size_t which = 0; which < COUNT_OF(names); which++)
        if (strcmp(names[which], arguments[0]) == 0) {
            must(setitimer((int)which, &every, NULL) == 0, "setitimer");
            return;
        }
    die("--timer: real, virtual or prof");
}

static void act_parent_death(struct start *start, char **arguments)
{
    (void)start;
    must(prctl(PR_SET_PDEATHSIG, atoi(arguments[0]), 0, 0, 0) == 0, "prctl");
}

static const struct {
    const char *name;
    __rlimit_resource_t resource;
} limit_table[] = {
    {"nofile", RLIMIT_NOFILE},
    {"fsize", RLIMIT_FSIZE},
    {"nproc", RLIMIT_NPROC},
    {"core", RLIMIT_CORE},
    {"as", RLIMIT_AS},
    {"stack", RLIMIT_STACK},
    {"data", RLIMIT_DATA},
    {"cpu", RLIMIT_CPU},
    {"memlock", RLIMIT_MEMLOCK},
    {"nice", RLIMIT_NICE},
    {"sigpending", RLIMIT_SIGPENDING},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"locks", RLIMIT_LOCKS},
    {"rss", RLIMIT_RSS},
};

static void limit_set(char **arguments, bool both)
{
    struct rlimit limit;
    rlim_t value = strtoul(arguments[1], NULL, 10);

    for (size_t i = 0; i < COUNT_OF(limit_table); i++)
        if (strcmp(limit_table[i].name, arguments[0]) == 0) {
            must(getrlimit(limit_table[i].resource, &limit) == 0, "getrlimit");
            limit.rlim_cur = value;
            if (both || limit.rlim_max < value)
                limit.rlim_max = value;
            must(setrlimit(limit_table[i].resource, &limit) == 0, "setrlimit");
            return;
        }
    die("--limit: unknown name");
}

static void act_limit(struct start *start, char **arguments)
{
    (void)start;
    limit_set(arguments, false);
}

static void act_limits(struct start *start, char **arguments)
{
    (void)start;
    limit_set(arguments, true);
}

static void act_umask(struct start *start, char **arguments)
{
    (void)start;
    umask((mode_t)strtoul(arguments[0], NULL, 8));
}

static void act_gone(struct start *start, char **arguments)
{
    (void)start;
    must(mkdir(arguments[0], 0755) == 0 && chdir(arguments[0]) == 0 && rmdir(arguments[0]) == 0, arguments[0]);
}

static void act_cd(struct start *start, char **arguments)
{
    (void)start;
    must(chdir(arguments[0]) == 0, arguments[0]);
}

static void act_nice(struct start *start, char **arguments)
{
    (void)start;
    must(setpriority(PRIO_PROCESS, 0, atoi(arguments[0])) == 0, "setpriority");
}

static void act_oom(struct start *start, char **arguments)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    size_t length = strlen(arguments[0]);

    (void)start;
    must(fd >= 0 && write(fd, arguments[0], length) == (ssize_t)length, "oom_score_adj");
    close(fd);
}

static void act_child(struct start *start, char **arguments)
{
    pid_t parent = getpid(), child = fork();
    siginfo_t info;

    (void)start, (void)arguments;
    must(child >= 0, "fork");
    if (child == 0)
        _exit(9);
    must(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0, "waitid"); /* nobody has waited for it */
    child = fork();
    must(child >= 0, "fork");
    if (child > 0)
        return;
    for (int fd = 0; fd < DESCRIPTORS_TOLD; fd++)
        close(fd);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (getppid() == parent)
        pause();
    _exit(9);
}

static void act_personality(struct start *start, char **arguments)
{
    (void)start;
    must(personality(strtoul(arguments[0], NULL, 0)) != -1, "personality");
}

static void act_securebits(struct start *start, char **arguments)
{
    (void)start;
    must(prctl(PR_SET_SECUREBITS, strtoul(arguments[0], NULL, 0), 0, 0, 0) == 0, "securebits");
}

static void act_no_new_privs(struct start *start, char **arguments)
{
    (void)start, (void)arguments;
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
}

/* ---- the environment ---- */

static void environment_add(struct start *start, char *entry)
{
    start->environment = realloc(start->environment, (start->environment_count + 2) * sizeof *start->environment);
    must(start->environment != NULL, "memory");
    start->environment[start->environment_count++] = entry;
    start->environment[start->environment_count] = NULL;
}

static void act_environment(struct start *start, char **arguments)
{
    environment_add(start, arguments[0]);
}

static void act_no_environment(struct start *start, char **arguments)
{
    (void)arguments;
    start->environment_count = 0;
    start->environment[0] = NULL;
}

static char *long_text(const char *before, size_t length)
{
    char *text = malloc(strlen(before) + length + 1);

    must(text != NULL, "memory");
    strcpy(text, before);
    memset(text + strlen(before), 'x', length);
    text[strlen(before) + length] = '\0';
    return text;
}

static void act_long_variable(struct start *start, char **arguments)
{
    char name[256];

    snprintf(name, sizeof name, "%s=", arguments[0]);
    environment_add(start, long_text(name, strtoul(arguments[1], NULL, 10)));
}

static void act_many_variables(struct start *start, char **arguments)
{
    for (int left = atoi(arguments[0]); left > 0; left--) {
        char *entry;

        must(asprintf(&entry, "V%d=%d", left, left) > 0, "memory");
        environment_add(start, entry);
    }
}

/* ---- as root ---- */

static void act_private_mounts(struct start *start, char **arguments)
{
    (void)start, (void)arguments;
    must(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mount namespace");
}

static void act_hide(struct start *start, char **arguments)
{
    (void)start;
    must(mount("tmpfs", arguments[0], "tmpfs", 0, "mode=755") == 0, arguments[0]);
}

static void act_bind(struct start *start, char **arguments)
{
    (void)start;
    must(mount(arguments[0], arguments[1], NULL, MS_BIND | MS_REC, NULL) == 0, arguments[1]);
}

static void act_chroot(struct start *start, char **arguments)
{
    (void)start;
    must(chroot(arguments[0]) == 0 && chdir("/") == 0, arguments[0]);
}

typedef struct __user_cap_data_struct capability_sets[_LINUX_CAPABILITY_U32S_3];

static void capabilities_read(capability_sets sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    must(syscall(SYS_capget, &header, sets) == 0, "capget");
}

static void capabilities_write(capability_sets sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    must(syscall(SYS_capset, &header, sets) == 0, "capset");
}

/* Kept over the change of ids, and then taken: what is not among these three sets goes with exec. */
static void user_become(const char *name, bool inheritable, bool ambient)
{
    const struct passwd *user = getpwnam(name);
    const char *colon = strchr(name, ':');
    uid_t uid = user != NULL ? user->pw_uid : (uid_t)strtoul(name, NULL, 10);
    gid_t gid = user != NULL ? user->pw_gid : (gid_t)strtoul(colon != NULL ? colon + 1 : "", NULL, 10);
    capability_sets sets;

    must(user != NULL || (colon != NULL && uid != 0 && gid != 0), name);
    must(!inheritable || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS"); /* exec clears it */
    must((user != NULL ? initgroups(name, gid) : setgroups(0, NULL)) == 0, "groups");
    must(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0, name);
    capabilities_read(sets);
    for (size_t at = 0; at < _LINUX_CAPABILITY_U32S_3; at++) {
        sets[at].inheritable = inheritable ? sets[at].permitted : 0;
        sets[at].effective = sets[at].permitted = ambient ? sets[at].permitted : 0;
    }
    capabilities_write(sets);
    for (int capability = 0; ambient && prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if ((sets[capability / 32].permitted >> capability % 32 & 1) != 0)
            must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0, "ambient");
}

static void act_user(struct start *start, char **arguments)
{
    (void)start;
    user_become(arguments[0], false, false);
}

static void act_user_inheritable(struct start *start, char **arguments)
{
    (void)start;
    user_become(arguments[0], true, false);
}

static void act_user_ambient(struct start *start, char **arguments)
{
    (void)start;
    user_become(arguments[0], true, true);
}

/* ---- what we were started with ---- */

static int compare_groups(const void *left, const void *right)
{
    gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;

    return (a > b) - (a < b);
}

/* No /proc needed. */
static void tell_ids(void)
{
    uid_t uids[3];
    gid_t gids[3], groups[1024];
    capability_sets sets;
    uint64_t ambient = 0;
    int count = getgroups(COUNT_OF(groups), groups);

    must(getresuid(uids, uids + 1, uids + 2) == 0 && getresgid(gids, gids + 1, gids + 2) == 0, "ids");
    must(count >= 0, "groups");
    printf("uids=%u %u %u\ngids=%u %u %u\ngroups=", uids[0], uids[1], uids[2], gids[0], gids[1], gids[2]);
    qsort(groups, (size_t)count, sizeof *groups, compare_groups);
    for (int at = 0; at < count; at++)
        printf("%s%u", at > 0 ? " " : "", groups[at]);
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
            ambient |= (uint64_t)1 << capability;
    capabilities_read(sets);
    printf("\ncapabilities=%x%08x %x%08x %x%08x %" PRIx64 "\n", sets[1].inheritable, sets[0].inheritable,
           sets[1].permitted, sets[0].permitted, sets[1].effective, sets[0].effective, ambient);
}

static void tell_signals(void)
{
    uint64_t blocked = 0, ignored = 0, pending = 0;

    (void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof blocked);
    (void)syscall(SYS_rt_sigpending, &pending, sizeof pending);
    for (int number = 1; number <= SIGNALS_LAST; number++) {
        struct {
            void (*handler)(int);
            unsigned long flags;
            void (*restorer)(void);
            uint64_t mask;
        } action;

        if (syscall(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask) == 0 && action.handler == SIG_IGN)
            ignored |= (uint64_t)1 << (number - 1);
    }
    printf("blocked=%016" PRIx64 "\nignored=%016" PRIx64 "\npending=%016" PRIx64 "\n", blocked, ignored, pending);
}

static void tell_timers(void)
{
    struct itimerval timers[3];
    int running = 0;

    for (int which = 0; which < 3; which++)
        if (getitimer((__itimer_which_t)which, &timers[which]) == 0)
            running += timers[which].it_value.tv_sec != 0 || timers[which].it_value.tv_usec != 0;
    printf("timers=%d\n", running);
}

static void tell_limits(void)
{
    for (size_t at = 0; at < COUNT_OF(limit_table); at++) {
        struct rlimit limit;

        must(getrlimit(limit_table[at].resource, &limit) == 0, "getrlimit");
        printf("limit_%s=%jd %jd\n", limit_table[at].name, (intmax_t)limit.rlim_cur, (intmax_t)limit.rlim_max);
    }
}

/* By /proc: we may be where we have no right to be. */
static void tell_directory(void)
{
    char path[4096];
    struct stat here;
    ssize_t length = readlink("/proc/self/cwd", path, sizeof path);

    if (length > 0)
        printf("directory=%.*s\n", (int)length, path);
    else if (stat(".", &here) == 0)
        printf("directory=%ju:%ju\n", (uintmax_t)here.st_dev, (uintmax_t)here.st_ino);
    else
        printf("directory=%s\n", strerror(errno));
}

static void tell_rest(void)
{
    char oom[16] = "";
    mode_t mask = umask(0);
    int number = 0, fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);

    (void)umask(mask);
    (void)prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0);
    if (fd >= 0) {
        if (read(fd, oom, sizeof oom - 1) < 0)
            oom[0] = '\0';
        close(fd);
    }
    oom[strcspn(oom, "\n")] = '\0';
    printf("umask=%04o\nnice=%d\noom_score_adj=%s\n", mask, getpriority(PRIO_PROCESS, 0), oom);
    printf("personality=%x\nsecurebits=%x\nno_new_privs=%d\nparent_death=%d\n", (unsigned)personality(0xffffffff),
           (unsigned)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), number);
}

static void tell_descriptors(void)
{
    printf("descriptors=");
    for (int fd = 0; fd < DESCRIPTORS_TOLD; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    printf("\n");
}

static void act_tell(struct start *start, char **arguments)
{
    (void)start, (void)arguments;
    tell_descriptors(); /* first: what follows opens some */
    tell_ids();
    tell_signals();
    tell_timers();
    tell_limits();
    tell_directory();
    tell_rest();
}

static void act_exit(struct start *start, char **arguments)
{
    (void)start;
    exit(atoi(arguments[0]));
}

/* ---- the command line ---- */

static void act_argv0(struct start *start, char **arguments)
{
    start->argv0 = arguments[0];
}

static void act_long_argv0(struct start *start, char **arguments)
{
    start->argv0 = long_text("", strtoul(arguments[0], NULL, 10));
}

static void act_argc0(struct start *start, char **arguments)
{
    (void)arguments;
    start->without_arguments = true;
}

static const struct action {
    const char *word;
    int arguments;
    void (*act)(struct start *start, char **arguments);
} action_table[] = {
    {"--close", 1, act_close},
    {"--open-at", 2, act_open_at},
    {"--open-many", 1, act_open_many},
    {"--dup", 2, act_dup},
    {"--ignore", 1, act_ignore},
    {"--block", 1, act_block},
    {"--pending", 1, act_pending},
    {"--timer", 2, act_timer},
    {"--parent-death", 1, act_parent_death},
    {"--child", 0, act_child},
    {"--limit", 2, act_limit},
    {"--limits", 2, act_limits},
    {"--umask", 1, act_umask},
    {"--cd", 1, act_cd},
    {"--gone", 1, act_gone},
    {"--nice", 1, act_nice},
    {"--oom", 1, act_oom},
    {"--personality", 1, act_personality},
    {"--securebits", 1, act_securebits},
    {"--no-new-privs", 0, act_no_new_privs},
    {"--environment", 1, act_environment},
    {"--no-environment", 0, act_no_environment},
    {"--long-variable", 2, act_long_variable},
    {"--many-variables", 1, act_many_variables},
    {"--argv0", 1, act_argv0},
    {"--long-argv0", 1, act_long_argv0},
    {"--argc0", 0, act_argc0},
    {"--private-mounts", 0, act_private_mounts},
    {"--hide", 1, act_hide},
    {"--bind", 2, act_bind},
    {"--chroot", 1, act_chroot},
    {"--user", 1, act_user},
    {"--user-inheritable", 1, act_user_inheritable},
    {"--user-ambient", 1, act_user_ambient},
    {"--tell", 0, act_tell},
    {"--exit", 1, act_exit},
};

static const struct action *action_find(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(action_table); i++)
        if (strcmp(action_table[i].word, word) == 0)
            return &action_table[i];
    errno = 0;
    die(word);
}

int main(int argc, char **argv)
{
    struct start start = {.environment = calloc(1, sizeof *start.environment)};
    char *nothing[] = {NULL}, *path;
    int at = 1;

    for (char **entry = environ; *entry != NULL; entry++)
        environment_add(&start, *entry);
    while (at < argc && strcmp(argv[at], "--") != 0) {
        const struct action *action = action_find(argv[at]);

        errno = 0;
        if (at + action->arguments >= argc)
            die("too few arguments");
        action->act(&start, argv + at + 1);
        at += 1 + action->arguments;
    }
    at++;
    errno = 0;
    if (at >= argc)
        die("no program");
    path = argv[at];
    if (start.argv0 != NULL)
        argv[at] = start.argv0;
    execve(path, start.without_arguments ? nothing : argv + at, start.environment);
    die(path);
}
