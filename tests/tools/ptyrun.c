/* ptyrun: run a command on a new pseudo-terminal and play a script of what its user sees and types.
 *
 *   ptyrun [--rows R] [--cols C] [--timeout SECONDS] [--modes FILE] [STEP]... -- COMMAND [ARGUMENT]...
 *
 * The command leads a new session and has the terminal as its controlling one.  Its output is copied to stdout.  Steps
 * are done in their order; TEXT may hold C escapes (\n \r \t \a \b \e \\ \OOO \xHH):
 *   --expect TEXT      wait until TEXT appears in the output, after what the expect before matched
 *   --send TEXT        type TEXT (at a terminal, the return key is \r or \n, ^C is \003, end of file \004)
 *   --await FLAG       wait until a mode is on (ECHO) or off (-ECHO): a prompt may be seen before the echo is off;
 *                      JOB, -JOB: until the foreground is another process group's than the command's: a shell tells of a
 *                      job before it gives it the terminal
 *   --resize RxC       change the window's size
 *   --hangup           close the terminal under the command
 * --modes writes one line before the command, at each step, and after it: WHEN [TEXT]: +ECHO +ICANON -TOSTOP ...
 *
 * Exit status: the command's, 128+n when signal n ended it; 124 when the time (default 20 s) ran out, after a message
 * that names the step it waited in (the command is killed); 125 for a failure of ptyrun itself. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { EXIT_TIMEOUT = 124, EXIT_FAILURE_OURS = 125, EXIT_SIGNAL_BASE = 128 };
enum { STEPS_MAX = 256, POLL_MS = 5, DRAIN_MS = 50, DEFAULT_TIMEOUT_MS = 20000 };

enum step_kind { EXPECT, SEND, AWAIT, RESIZE, HANGUP };

static const struct {
    const char *option;
    enum step_kind kind;
    bool takes_argument;
} step_table[] = {
    {"--expect", EXPECT, true}, {"--send", SEND, true},      {"--await", AWAIT, true},
    {"--resize", RESIZE, true}, {"--hangup", HANGUP, false},
};

struct step {
    enum step_kind kind;
    char *text;
    size_t sent; /* bytes of a SEND that the terminal has taken so far */
};

struct run {
    struct winsize size;
    int64_t timeout_ms;
    FILE *modes; /* NULL: not wanted */
    struct step steps[STEPS_MAX];
    size_t step_count, step_next;
    char **command;
    int master; /* -1 once hung up */
    pid_t child;
    bool ended;
    int wait_status; /* valid once ended */
    char *seen;      /* output not yet matched by an expect; owned */
    size_t seen_length;
};

/* ECHO and its like: which word of struct termios, which bit. */
enum word { INPUT, OUTPUT, LOCAL };
static const struct mode {
    const char *name;
    enum word word;
    tcflag_t bit;
} mode_table[] = {
    {"ECHO", LOCAL, ECHO},     {"ICANON", LOCAL, ICANON}, {"ISIG", LOCAL, ISIG},   {"IEXTEN", LOCAL, IEXTEN},
    {"ECHONL", LOCAL, ECHONL}, {"TOSTOP", LOCAL, TOSTOP}, {"ICRNL", INPUT, ICRNL}, {"IXON", INPUT, IXON},
    {"OPOST", OUTPUT, OPOST},  {"ONLCR", OUTPUT, ONLCR},
};

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "ptyrun: %s%s%s\n", what, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    exit(EXIT_FAILURE_OURS);
}

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Undo C escapes in place. */
static void escapes_undo(char *text)
{
    static const char letters[] = "nrtabe\\", bytes[] = "\n\r\t\a\b\033\\";
    char *to = text;

    for (char *from = text; *from != '\0';) {
        const char *letter;
        int taken = 0;
        unsigned value;

        if (*from != '\\') {
            *to++ = *from++;
        } else if (sscanf(from + 1, "%3o%n", &value, &taken) == 1 || sscanf(from + 1, "x%2x%n", &value, &taken) == 1) {
            *to++ = (char)value;
            from += 1 + taken;
        } else if (from[1] != '\0' && (letter = strchr(letters, from[1])) != NULL) {
            *to++ = bytes[letter - letters];
            from += 2;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* ---- modes ---- */

static bool mode_is_on(const struct termios *terminal, const struct mode *mode)
{
    const tcflag_t words[] = {[INPUT] = terminal->c_iflag, [OUTPUT] = terminal->c_oflag, [LOCAL] = terminal->c_lflag};

    return (words[mode->word] & mode->bit) != 0;
}

/* The master shows the modes of its slave. */
static void modes_write(const struct run *run, const char *when, const char *text)
{
    struct termios terminal;

    if (run->modes == NULL || run->master < 0 || tcgetattr(run->master, &terminal) < 0)
        return;
    fprintf(run->modes, "%s", when);
    if (text != NULL && *text != '\0') {
        fputs(" \"", run->modes);
        for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
            fprintf(run->modes, *at >= ' ' && *at < 0x7f ? "%c" : "\\x%02x", *at);
        fputc('"', run->modes);
    }
    fputc(':', run->modes);
    for (size_t i = 0; i < COUNT_OF(mode_table); i++)
        fprintf(run->modes, " %c%s", mode_is_on(&terminal, &mode_table[i]) ? '+' : '-', mode_table[i].name);
    fputc('\n', run->modes);
    fflush(run->modes);
}

/* NULL: JOB, which is no mode. */
static const struct mode *mode_find(const char *name)
{
    if (strcmp(name, "JOB") == 0)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(mode_table); i++)
        if (strcmp(name, mode_table[i].name) == 0)
            return &mode_table[i];
    errno = 0;
    die("--await: unknown mode");
}

static bool mode_is_reached(const struct run *run, const char *wanted)
{
    const struct mode *mode = mode_find(wanted + strspn(wanted, "+-"));
    struct termios terminal;

    if (mode == NULL && run->master >= 0) {
        pid_t foreground = tcgetpgrp(run->master);

        return foreground > 0 && (foreground != run->child) == (wanted[0] != '-');
    }
    return run->master >= 0 && tcgetattr(run->master, &terminal) == 0
           && mode_is_on(&terminal, mode) == (wanted[0] != '-');
}

/* ---- the script ---- */

static void size_parse(const char *text, struct winsize *size)
{
    if (sscanf(text, "%hux%hu", &size->ws_row, &size->ws_col) != 2) {
        errno = 0;
        die("--resize: RxC");
    }
}

/* Type what the terminal takes.  Returns true when all is typed, or never can be: the end is seen elsewhere. */
static bool send_some(const struct run *run, struct step *step)
{
    size_t left = strlen(step->text) - step->sent;
    ssize_t written = run->master >= 0 ? write(run->master, step->text + step->sent, left) : (ssize_t)left;

    if (written < 0)
        return errno != EINTR && errno != EAGAIN;
    step->sent += (size_t)written;
    return (size_t)written == left;
}

/* Is TEXT in what was seen?  Then forget everything up to its end. */
static bool expect_match(struct run *run, const char *text)
{
    const char *at = memmem(run->seen, run->seen_length, text, strlen(text));
    size_t used;

    if (at == NULL)
        return false;
    used = (size_t)(at - run->seen) + strlen(text);
    run->seen_length -= used;
    memmove(run->seen, run->seen + used, run->seen_length);
    return true;
}

/* Do the next step.  Returns false when it must wait. */
static bool step_do(struct run *run, struct step *step)
{
    switch (step->kind) {
    case EXPECT:
        return expect_match(run, step->text);
    case AWAIT:
        return mode_is_reached(run, step->text);
    case SEND:
        return send_some(run, step);
    case RESIZE:
        size_parse(step->text, &run->size);
        if (run->master >= 0)
            ioctl(run->master, TIOCSWINSZ, &run->size);
        return true;
    case HANGUP:
        close(run->master);
        run->master = -1;
        return true;
    }
    return true;
}

static const char *step_name(enum step_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(step_table); i++)
        if (step_table[i].kind == kind)
            return step_table[i].option + 2;
    return "step";
}

static void steps_do(struct run *run)
{
    while (run->step_next < run->step_count) {
        struct step *step = &run->steps[run->step_next];
        if (!step_do(run, step))
            return;
        modes_write(run, step_name(step->kind), step->text);
        run->step_next++;
    }
}

/* ---- the command ---- */

static void child_run(const struct run *run, const char *slave_name)
{
    int slave, status;

    signal(SIGPIPE, SIG_DFL);
    setsid();
    slave = open(slave_name, O_RDWR); /* the first terminal a session leader opens becomes its controlling one */
    if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        _exit(EXIT_FAILURE_OURS);
    for (int fd = 0; fd <= 2; fd++)
        dup2(slave, fd);
    if (slave > 2)
        close(slave);
    execvp(run->command[0], run->command);
    status = errno == ENOENT ? 127 : 126;
    dprintf(2, "ptyrun: %s: %s\n", run->command[0], strerror(errno));
    _exit(status);
}

static void command_start(struct run *run)
{
    const char *name;

    run->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (run->master < 0 || grantpt(run->master) < 0 || unlockpt(run->master) < 0)
        die("pseudo-terminal");
    name = ptsname(run->master);
    ioctl(run->master, TIOCSWINSZ, &run->size);
    modes_write(run, "before", NULL);
    run->child = fork();
    if (run->child < 0)
        die("fork");
    if (run->child == 0)
        child_run(run, name);
    fcntl(run->master, F_SETFL, O_NONBLOCK);
}

/* Copy what there is.  Returns false when nothing came within the wait. */
static bool output_copy(struct run *run, int wait_ms)
{
    struct pollfd poll_master = {.fd = run->master, .events = POLLIN};
    char bytes[4096];
    ssize_t length;

    if (poll(&poll_master, 1, wait_ms) <= 0)
        return false;
    length = read(run->master, bytes, sizeof(bytes));
    if (length <= 0) { /* EIO: no process has the slave open now; one may open it yet */
        poll(NULL, 0, wait_ms);
        return false;
    }
    if (fwrite(bytes, 1, (size_t)length, stdout) != (size_t)length || fflush(stdout) != 0)
        die("stdout");
    run->seen = realloc(run->seen, run->seen_length + (size_t)length);
    if (run->seen == NULL)
        die("memory");
    memcpy(run->seen + run->seen_length, bytes, (size_t)length);
    run->seen_length += (size_t)length;
    return true;
}

/* Wait for the command; a stopped one has not ended. */
static bool command_has_ended(struct run *run)
{
    if (!run->ended && waitpid(run->child, &run->wait_status, WNOHANG) == run->child)
        run->ended = true;
    return run->ended;
}

/* Time is out: say what was waited for, kill what runs on the terminal. */
static void command_give_up(struct run *run)
{
    pid_t foreground = -1;

    errno = 0;
    if (run->step_next < run->step_count)
        fprintf(stderr, "ptyrun: time out in step %zu: %s %s\n", run->step_next + 1,
                step_name(run->steps[run->step_next].kind), run->steps[run->step_next].text);
    else
        fprintf(stderr, "ptyrun: time out: the command runs on\n");
    if (run->master >= 0)
        ioctl(run->master, TIOCGPGRP, &foreground);
    if (foreground > 1)
        kill(-foreground, SIGKILL);
    kill(-run->child, SIGKILL);
    kill(run->child, SIGKILL);
    waitpid(run->child, &run->wait_status, 0);
    exit(EXIT_TIMEOUT);
}

static void command_watch(struct run *run)
{
    int64_t end = clock_ms() + run->timeout_ms;

    while (!command_has_ended(run)) {
        if (clock_ms() > end)
            command_give_up(run);
        if (run->master >= 0)
            (void)output_copy(run, POLL_MS);
        else
            poll(NULL, 0, POLL_MS);
        steps_do(run);
    }
    while (run->master >= 0 && output_copy(run, DRAIN_MS))
        ;
    steps_do(run);
    modes_write(run, "after", NULL);
}

/* ---- main ---- */

__attribute__((noreturn)) static void usage(void)
{
    fprintf(stderr, "usage: ptyrun [--rows R] [--cols C] [--timeout S] [--modes FILE]\n"
                    "    [--expect TEXT | --send TEXT | --await [-]MODE | --resize RxC | --hangup]... -- COMMAND...\n");
    exit(EXIT_FAILURE_OURS);
}

static bool step_parse(struct run *run, char ***at)
{
    static char nothing[] = "";

    for (size_t i = 0; i < COUNT_OF(step_table); i++) {
        struct step *step = &run->steps[run->step_count];

        if (strcmp(**at, step_table[i].option) != 0)
            continue;
        if (run->step_count == STEPS_MAX || (step_table[i].takes_argument && (*at)[1] == NULL))
            usage();
        step->kind = step_table[i].kind;
        step->text = step_table[i].takes_argument ? *++*at : nothing;
        if (step->kind == EXPECT || step->kind == SEND)
            escapes_undo(step->text);
        if (step->kind == AWAIT)
            (void)mode_find(step->text + strspn(step->text, "+-"));
        run->step_count++;
        return true;
    }
    return false;
}

static void options_parse(struct run *run, char **argv)
{
    char **at = argv + 1;

    for (; *at != NULL && strcmp(*at, "--") != 0; at++) {
        if (step_parse(run, &at))
            continue;
        if (at[1] == NULL)
            usage();
        if (strcmp(*at, "--rows") == 0)
            run->size.ws_row = (unsigned short)atoi(*++at);
        else if (strcmp(*at, "--cols") == 0)
            run->size.ws_col = (unsigned short)atoi(*++at);
        else if (strcmp(*at, "--timeout") == 0)
            run->timeout_ms = (int64_t)(atof(*++at) * 1000);
        else if (strcmp(*at, "--modes") == 0) {
            run->modes = fopen(*++at, "we");
            if (run->modes == NULL)
                die(*at);
        } else
            usage();
    }
    if (*at == NULL || at[1] == NULL)
        usage();
    run->command = at + 1;
}

int main(int argc, char **argv)
{
    static struct run run = {.size = {.ws_row = 24, .ws_col = 80}, .timeout_ms = DEFAULT_TIMEOUT_MS, .master = -1};

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    options_parse(&run, argv);
    command_start(&run);
    command_watch(&run);
    if (run.step_next < run.step_count && run.steps[run.step_next].kind != SEND) {
        fprintf(stderr, "ptyrun: the command ended before step %zu: %s %s\n", run.step_next + 1,
                step_name(run.steps[run.step_next].kind), run.steps[run.step_next].text);
        return EXIT_TIMEOUT;
    }
    return WIFSIGNALED(run.wait_status) ? EXIT_SIGNAL_BASE + WTERMSIG(run.wait_status) : WEXITSTATUS(run.wait_status);
}
