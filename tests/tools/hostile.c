/* hostile: hand a program a start that nobody would wish for.
 *
 *   hostile [OPTION]... -- PROGRAM [ARGUMENT]...
 *
 * The options act in their order, and PROGRAM (a path) is executed in this process:
 *   --close FD             close a descriptor
 *   --open-at FD PATH      open PATH for reading as descriptor FD
 *   --open-many N          open /dev/null N times
 *   --ignore SIGNAL        a number
 *   --block SIGNAL
 *   --pending SIGNAL       block it and send it to ourselves
 *   --timer NAME MS        real, virtual or prof: run out every MS milliseconds
 *   --parent-death SIGNAL  prctl(2), PR_SET_PDEATHSIG
 *   --limit NAME SOFT      nofile, fsize, nproc, core, as, stack, data, cpu; the hard limit stays
 *   --umask OCTAL
 *   --gone DIR             make DIR, go there, remove it
 *   --argv0 TEXT           PROGRAM's argv[0]
 *   --argc0                an empty argv (the kernel may put one empty word there)
 * Exit status 125: hostile itself failed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { EXIT_FAILURE_OURS = 125 };

/* What the end of the command line is to be like. */
struct start {
    char *argv0; /* NULL: PROGRAM's path */
    bool without_arguments;
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

static void act_ignore(struct start *start, char **arguments)
{
    (void)start;
    must(signal(atoi(arguments[0]), SIG_IGN) != SIG_ERR, "signal");
}

static void act_block(struct start *start, char **arguments)
{
    sigset_t set;

    (void)start;
    sigemptyset(&set);
    sigaddset(&set, atoi(arguments[0]));
    must(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
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

static void act_limit(struct start *start, char **arguments)
{
    static const struct {
        const char *name;
        __rlimit_resource_t resource;
    } limits[] = {
        {"nofile", RLIMIT_NOFILE}, {"fsize", RLIMIT_FSIZE}, {"nproc", RLIMIT_NPROC}, {"core", RLIMIT_CORE},
        {"as", RLIMIT_AS},         {"stack", RLIMIT_STACK}, {"data", RLIMIT_DATA},   {"cpu", RLIMIT_CPU},
    };
    struct rlimit limit;

    (void)start;
    for (size_t i = 0; i < COUNT_OF(limits); i++)
        if (strcmp(limits[i].name, arguments[0]) == 0) {
            must(getrlimit(limits[i].resource, &limit) == 0, "getrlimit");
            limit.rlim_cur = strtoul(arguments[1], NULL, 10);
            must(setrlimit(limits[i].resource, &limit) == 0, "setrlimit");
            return;
        }
    die("--limit: unknown name");
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

static void act_argv0(struct start *start, char **arguments)
{
    start->argv0 = arguments[0];
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
    {"--close", 1, act_close},         {"--open-at", 2, act_open_at},
    {"--open-many", 1, act_open_many}, {"--ignore", 1, act_ignore},
    {"--block", 1, act_block},         {"--pending", 1, act_pending},
    {"--timer", 2, act_timer},         {"--parent-death", 1, act_parent_death},
    {"--limit", 2, act_limit},         {"--umask", 1, act_umask},
    {"--gone", 1, act_gone},           {"--argv0", 1, act_argv0},
    {"--argc0", 0, act_argc0},
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
    struct start start = {0};
    char *nothing[] = {NULL}, *path;
    int at = 1;

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
    execv(path, start.without_arguments ? nothing : argv + at);
    die(path);
}
