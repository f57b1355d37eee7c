#include "run/supervise.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- exit statuses ---- */

static void a_commands_own_status_is_ours(void **state)
{
    (void)state;
    for (int status = 0; status < 256; status++)
        assert_int_equal(supervise_exit_status(W_EXITCODE(status, 0)), status);
}

static void a_signal_that_ended_it_is_128_and_its_number(void **state)
{
    (void)state;
    for (int number = 1; number <= SIGRTMAX; number++) {
        assert_int_equal(supervise_exit_status(W_EXITCODE(0, number)), 128 + number);
        assert_int_equal(supervise_exit_status(W_EXITCODE(0, number) | WCOREFLAG), 128 + number);
    }
}

/* ---- a scene: a supervisor, its command, and somebody who sends signals to the supervisor ---- */

struct scene {
    int (*command)(int); /* runs in the command's process; its status */
    int argument;
    struct {
        int number;
        long after_ms;
    } signals[4]; /* sent to the supervisor, one after the other */
    int kill_after_ms;
    bool own_session; /* the command has a session of its own */
    bool late;        /* the command has ended before it is looked at */
    bool fails_to_start;
    bool tell_start;
    bool hangs_at_start; /* it never says that it is ready */
    int ignored;         /* a signal that the applicant ignores */
};

static int told_pipe[2];
static int told;

static void on_start(void *data, pid_t pid)
{
    if (pid == *(const pid_t *)data)
        told++;
    (void)!write(told_pipe[1], "x", 1);
}

static _Noreturn void become_command(const struct scene *scene, int report)
{
    static const struct start_failure ready = {.what = START_READY}, failure = {.what = START_EXEC, .problem = ELIBBAD};
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (scene->own_session)
        (void)setsid();
    while (scene->hangs_at_start)
        pause_ms(1000);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (scene->fails_to_start) {
        (void)!write(report, &failure, sizeof failure);
        _exit(126);
    }
    (void)!write(report, &ready, sizeof ready);
    (void)close(report); /* as exec does */
    _exit(scene->command(scene->argument));
}

static bool spawn(struct child *child, const struct scene *scene)
{
    int report[2];

    if (pipe2(report, O_CLOEXEC) < 0)
        return false;
    child->pid = fork();
    if (child->pid == 0)
        become_command(scene, report[1]);
    (void)close(report[1]);
    child->report = report[0];
    (void)fcntl(child->report, F_SETFL, O_NONBLOCK);
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    return child->pid > 0;
}

static void send_signals(const struct scene *scene)
{
    pid_t supervisor = getpid();

    if (scene->signals[0].number == 0 || fork() != 0)
        return;
    for (size_t at = 0; at < COUNT(scene->signals) && scene->signals[at].number != 0; at++) {
        pause_ms(scene->signals[at].after_ms);
        (void)kill(supervisor, scene->signals[at].number);
    }
    _exit(0);
}

/* Prints how the command ended. */
static int supervise(const void *data)
{
    const struct scene *scene = data;
    struct inherited applicant = {.file_count = 0};
    struct child child;
    struct supervise_request request = {
        .child = &child,
        .inherited = &applicant,
        .own_session = scene->own_session,
        .kill_after_ms = scene->kill_after_ms,
        .tell_start = scene->tell_start,
        .on_start = on_start,
        .on_start_data = &child.pid,
    };
    struct outcome outcome;
    struct error error;

    supervise_block_signals();
    if (scene->ignored != 0)
        sigaddset(&applicant.ignored, scene->ignored);
    if (pipe(told_pipe) < 0 || !spawn(&child, scene))
        return 1;
    send_signals(scene);
    if (scene->late)
        pause_ms(200);
    if (supervise_wait(&request, &outcome, &error) != OK) {
        printf("%d %s", error.status, error.message);
        return 0;
    }
    if (outcome.started)
        printf("told %d, ", told);
    else if (outcome.stopped_by != 0)
        printf("told %d, stopped by %d, ", told, outcome.stopped_by);
    else
        printf("told %d, failed to start: %s %s, ", told, outcome.failure.what == START_EXEC ? "exec" : "other",
               strerror(outcome.failure.problem));
    printf("ended in %d", supervise_exit_status(outcome.wait_status));
    if (waitpid(child.pid, NULL, WNOHANG) != -1)
        printf(", not reaped");
    return 0;
}

/* ---- commands ---- */

static int ends_with(int status)
{
    return status;
}

static int ends_after_200_ms(int status)
{
    pause_ms(200);
    return status;
}

static int ends_after_1500_ms_deaf_to_term(int status)
{
    (void)signal(SIGTERM, SIG_IGN);
    pause_ms(1500);
    return status;
}

static int ends_itself_by(int number)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    return 0;
}

static void on_any(int number)
{
    _exit(number);
}

/* Ends with the number of the first signal that it gets. */
static int ends_with_its_signal(int unused)
{
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGCHLD)
            (void)signal(number, on_any);
    for (;;)
        pause_ms(1000);
    return unused;
}

static volatile sig_atomic_t signals_seen;

static void on_counted(int number)
{
    (void)number;
    signals_seen++;
}

static int counts_interrupts(int unused)
{
    (void)signal(SIGINT, on_counted);
    pause_ms(800);
    return unused + (int)signals_seen;
}

static int is_deaf_to_term(int unused)
{
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    for (;;)
        pause_ms(1000);
    return unused;
}

static void on_term_slowly(int number)
{
    (void)number;
    pause_ms(300);
    _exit(9);
}

static int ends_slowly_on_term(int unused)
{
    (void)signal(SIGTERM, on_term_slowly);
    for (;;)
        pause_ms(1000);
    return unused;
}

static int signals_its_parent(int number)
{
    (void)kill(getppid(), number);
    pause_ms(300);
    return 0;
}

static int stops_itself(int status)
{
    (void)raise(SIGSTOP);
    return status;
}

static int stops_itself_and_takes_its_time(int status)
{
    (void)raise(SIGSTOP);
    pause_ms(2000);
    return status;
}

static int stops_itself_twice(int status)
{
    (void)raise(SIGSTOP);
    (void)raise(SIGSTOP);
    return status;
}

static int waits_to_be_told(int unused)
{
    struct timeval patience = {2, 0};
    fd_set told_set;

    FD_ZERO(&told_set);
    FD_SET(told_pipe[0], &told_set);
    return select(told_pipe[0] + 1, &told_set, NULL, NULL, &patience) == 1 ? unused : 99;
}

/* ---- how it ends ---- */

#define NEVER KILL_NEVER

static const struct end_case {
    const char *sentence;
    struct scene scene;
    const char *output;
    const char *errors; /* NULL: none; else part of the one line */
    long least_ms, most_ms;
} end_cases[] = {
    {"success is success", {.command = ends_with, .argument = 0}, "told 1, ended in 0", NULL, 0, 1000},
    {"a failure is a failure", {.command = ends_with, .argument = 1}, "told 1, ended in 1", NULL, 0, 1000},
    {"our own statuses are the command's too",
     {.command = ends_with, .argument = 77},
     "told 1, ended in 77",
     NULL,
     0,
     1000},
    {"255 is 255", {.command = ends_with, .argument = 255}, "told 1, ended in 255", NULL, 0, 1000},
    {"a command that takes its time is waited for",
     {.command = ends_after_200_ms, .argument = 3},
     "told 1, ended in 3",
     NULL,
     200,
     1000},
    {"a command that ended before is not missed",
     {.command = ends_with, .argument = 3, .late = true},
     "told 1, ended in 3",
     NULL,
     200,
     1000},
    {"a start is told of a command that ended before",
     {.command = ends_with, .argument = 3, .late = true, .tell_start = true},
     "told 1, ended in 3",
     NULL,
     200,
     1000},
    {"a start is told while the command runs",
     {.command = waits_to_be_told, .argument = 5, .tell_start = true},
     "told 1, ended in 5",
     NULL,
     0,
     1000},
    {"SIGKILL that ended it is told",
     {.command = ends_itself_by, .argument = SIGKILL},
     "told 1, ended in 137",
     NULL,
     0,
     1000},
    {"SIGTERM that ended it is told",
     {.command = ends_itself_by, .argument = SIGTERM},
     "told 1, ended in 143",
     NULL,
     0,
     1000},
    {"a fault that ended it is told",
     {.command = ends_itself_by, .argument = SIGSEGV},
     "told 1, ended in 139",
     NULL,
     0,
     1000},
    {"SIGPIPE that ended it is told",
     {.command = ends_itself_by, .argument = SIGPIPE},
     "told 1, ended in 141",
     NULL,
     0,
     1000},
    {"a command that fails to start is told as that",
     {.fails_to_start = true},
     "told 0, failed to start: exec Accessing a corrupted shared library, ended in 126",
     NULL,
     0,
     1000},
    {"so is one that had ended before",
     {.fails_to_start = true, .late = true},
     "told 0, failed to start: exec Accessing a corrupted shared library, ended in 126",
     NULL,
     0,
     1000},
    {"so is one whose start is awaited",
     {.fails_to_start = true, .tell_start = true},
     "told 0, failed to start: exec Accessing a corrupted shared library, ended in 126",
     NULL,
     0,
     1000},
    /* told to end */
    {"SIGTERM ends the command",
     {.command = ends_with_its_signal, .signals = {{SIGTERM, 200}}, .kill_after_ms = 5000},
     "told 1, ended in 15",
     NULL,
     200,
     1500},
    {"a command that ends slowly has its time",
     {.command = ends_slowly_on_term, .signals = {{SIGTERM, 200}}, .kill_after_ms = 5000},
     "told 1, ended in 9",
     NULL,
     500,
     1500},
    {"a command deaf to SIGTERM is killed after the grace",
     {.command = is_deaf_to_term, .signals = {{SIGTERM, 200}}, .kill_after_ms = 600},
     "told 1, ended in 137",
     "did not end within 0.6 s",
     800,
     2000},
    {"another SIGTERM does not prolong the grace",
     {.command = is_deaf_to_term, .signals = {{SIGTERM, 200}, {SIGTERM, 400}, {SIGTERM, 100}}, .kill_after_ms = 600},
     "told 1, ended in 137",
     "did not end",
     800,
     1250},
    {"no other signal begins the grace",
     {.command = ends_after_1500_ms_deaf_to_term,
      .argument = 6,
      .signals = {{SIGWINCH, 200}, {SIGCONT, 100}},
      .kill_after_ms = 300},
     "told 1, ended in 6",
     NULL,
     1500,
     3000},
    {"a command that ends within the grace is not killed",
     {.command = ends_after_1500_ms_deaf_to_term, .argument = 6, .signals = {{SIGTERM, 200}}, .kill_after_ms = 3000},
     "told 1, ended in 6",
     NULL,
     1500,
     3000},
    {"without an end of the grace it is not killed",
     {.command = ends_after_1500_ms_deaf_to_term, .argument = 6, .signals = {{SIGTERM, 200}}, .kill_after_ms = NEVER},
     "told 1, ended in 6",
     NULL,
     1500,
     3000},
    {"the session of its own changes nothing about that",
     {.command = is_deaf_to_term, .signals = {{SIGTERM, 200}}, .kill_after_ms = 500, .own_session = true},
     "told 1, ended in 137",
     "did not end",
     700,
     2000},
    /* the start */
    {"a start that hangs is ended at once by SIGINT",
     {.hangs_at_start = true, .signals = {{SIGINT, 200}}, .kill_after_ms = NEVER},
     "told 0, stopped by 2, ended in 137",
     NULL,
     200,
     1500},
    {"by SIGQUIT too, with an own session",
     {.hangs_at_start = true, .signals = {{SIGQUIT, 200}}, .kill_after_ms = NEVER, .own_session = true},
     "told 0, stopped by 3, ended in 137",
     NULL,
     200,
     1500},
    {"not by one that the applicant ignores",
     {.hangs_at_start = true,
      .signals = {{SIGINT, 100}, {SIGUSR1, 100}, {SIGHUP, 200}},
      .ignored = SIGINT,
      .kill_after_ms = NEVER},
     "told 0, stopped by 1, ended in 137",
     NULL,
     400,
     2000},
    {"where he ignores SIGTERM, that has its grace",
     {.hangs_at_start = true, .signals = {{SIGTERM, 200}}, .ignored = SIGTERM, .kill_after_ms = 300},
     "told 0, failed to start: other Success, ended in 137",
     "did not end within 0.3 s",
     500,
     2000},
    {"once it is ready the signal is the command's",
     {.command = ends_with_its_signal, .signals = {{SIGINT, 200}}, .kill_after_ms = NEVER},
     "told 1, ended in 2",
     NULL,
     200,
     1500},
    /* signals of the command's own */
    {"what the command sends us is not sent back",
     {.command = signals_its_parent, .argument = SIGTERM, .kill_after_ms = 100},
     "told 1, ended in 0",
     NULL,
     300,
     1500},
    {"nor is its SIGINT", {.command = signals_its_parent, .argument = SIGINT}, "told 1, ended in 0", NULL, 300, 1500},
};

static void command_ends_so(void **state)
{
    const struct end_case *row = *state;
    struct ran ran;

    run(&ran, supervise, &row->scene, 8000);
    assert_string_equal(ran.output, row->output);
    assert_int_equal(ran.status, 0);
    if (row->errors == NULL) {
        assert_string_equal(ran.errors, "");
    } else {
        assert_int_equal(lines_of(ran.errors), 1);
        assert_non_null(strstr(ran.errors, row->errors));
    }
    assert_in_range(ran.took_ms, row->least_ms, row->most_ms);
}

/* ---- signals that are passed on, and signals that are not ---- */

struct signal_case {
    const char *sentence;
    int number;
};

static const struct signal_case passed_on[] = {
    {"SIGHUP is passed on", SIGHUP},   {"SIGINT is passed on", SIGINT},   {"SIGQUIT is passed on", SIGQUIT},
    {"SIGTERM is passed on", SIGTERM}, {"SIGUSR1 is passed on", SIGUSR1}, {"SIGUSR2 is passed on", SIGUSR2},
    {"SIGALRM is passed on", SIGALRM}, {"SIGCONT is passed on", SIGCONT}, {"SIGWINCH is passed on", SIGWINCH},
    {"SIGTSTP is passed on", SIGTSTP}, {"SIGTTIN is passed on", SIGTTIN}, {"SIGTTOU is passed on", SIGTTOU},
};

static const struct signal_case kept[] = {
    {"SIGPIPE is ours", SIGPIPE},     {"SIGXCPU is ours", SIGXCPU},     {"SIGXFSZ is ours", SIGXFSZ},
    {"SIGVTALRM is ours", SIGVTALRM}, {"SIGPROF is ours", SIGPROF},     {"SIGIO is ours", SIGIO},
    {"SIGPWR is ours", SIGPWR},       {"SIGSTKFLT is ours", SIGSTKFLT}, {"SIGURG is ours", SIGURG},
    {"SIGABRT is ours", SIGABRT},     {"SIGSEGV is ours", SIGSEGV},     {"SIGTRAP is ours", SIGTRAP},
};

static void signal_is_passed_on(void **state)
{
    const struct signal_case *row = *state;
    struct scene scene = {.command = ends_with_its_signal, .signals = {{row->number, 300}}, .kill_after_ms = 5000};
    char expected[64];
    struct ran ran;

    run(&ran, supervise, &scene, 8000);
    (void)snprintf(expected, sizeof expected, "told 1, ended in %d", row->number);
    assert_string_equal(ran.output, expected);
    assert_string_equal(ran.errors, "");
}

/* The command gets SIGUSR1, which follows. */
static void signal_is_not_passed_on(void **state)
{
    const struct signal_case *row = *state;
    struct scene scene = {
        .command = ends_with_its_signal, .signals = {{row->number, 300}, {SIGUSR1, 100}}, .kill_after_ms = 5000};
    struct ran ran;

    run(&ran, supervise, &scene, 8000);
    assert_string_equal(ran.output, "told 1, ended in 10");
    assert_int_equal(ran.status, 0);
}

/* ---- what the terminal sends ---- */

/* Another process of the session asks for what is to be typed, when the command runs. */
static int supervise_on_terminal(const void *data)
{
    if (fork() == 0) {
        int fd = open("/dev/tty", O_RDWR);

        pause_ms(300);
        _exit(write(fd, ": ", 2) == 2 ? 0 : 1);
    }
    return supervise(data);
}

static void the_terminals_signal_reaches_a_command_in_our_session_once(void **state)
{
    const struct scene scene = {.command = counts_interrupts, .kill_after_ms = NEVER};
    struct terminal terminal = {.body = supervise_on_terminal, .data = &scene, .answers = {"\003"}};
    struct ran ran;

    (void)state;
    run(&ran, on_terminal, &terminal, 8000);
    assert_memory_equal(ran.output, "told 1, ended in 1|", 19);
}

static void the_terminals_signal_is_passed_on_to_a_session_of_its_own(void **state)
{
    const struct scene scene = {.command = counts_interrupts, .kill_after_ms = NEVER, .own_session = true};
    struct terminal terminal = {.body = supervise_on_terminal, .data = &scene, .answers = {"\003"}};
    struct ran ran;

    (void)state;
    run(&ran, on_terminal, &terminal, 8000);
    assert_memory_equal(ran.output, "told 1, ended in 1|", 19);
}

/* ---- stops ---- */

/* As a shell would watch the supervisor; prints what it sees, and continues what has stopped. */
static int watch(const void *data)
{
    pid_t supervisor = fork();
    int wait_status = 0;

    if (supervisor == 0) {
        int status = supervise(data);

        (void)fflush(NULL);
        _exit(status);
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    while (waitpid(supervisor, &wait_status, WUNTRACED) == supervisor && WIFSTOPPED(wait_status)) {
        printf("stopped by SIG%s, ", sigabbrev_np(WSTOPSIG(wait_status)));
        pause_ms(100);
        (void)kill(supervisor, SIGCONT);
    }
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static const struct stop_case {
    const char *sentence;
    struct scene scene;
    const char *output;
} stop_cases[] = {
    {"a command that stops stops us, and goes on with us",
     {.command = stops_itself, .argument = 4},
     "stopped by SIGSTOP, told 1, ended in 4"},
    {"it may stop again",
     {.command = stops_itself_twice, .argument = 4},
     "stopped by SIGSTOP, stopped by SIGSTOP, told 1, ended in 4"},
    {"so may one in a session of its own",
     {.command = stops_itself_twice, .argument = 4, .own_session = true},
     "stopped by SIGSTOP, stopped by SIGSTOP, told 1, ended in 4"},
    {"one that had stopped before is not missed",
     {.command = stops_itself, .argument = 4, .late = true},
     "stopped by SIGSTOP, told 1, ended in 4"},
    {"SIGTSTP stops a command in a session of its own",
     {.command = ends_after_1500_ms_deaf_to_term, .argument = 4, .signals = {{SIGTSTP, 300}}, .own_session = true},
     "stopped by SIGSTOP, told 1, ended in 4"},
    {"SIGTTIN stops it too",
     {.command = ends_after_1500_ms_deaf_to_term, .argument = 4, .signals = {{SIGTTIN, 300}}, .own_session = true},
     "stopped by SIGSTOP, told 1, ended in 4"},
    {"even one that has a handler for it",
     {.command = ends_with_its_signal,
      .signals = {{SIGTSTP, 300}, {SIGUSR1, 500}},
      .own_session = true,
      .kill_after_ms = NEVER},
     "stopped by SIGSTOP, told 1, ended in 18"},
    {"a stopped command is told to end when it goes on",
     {.command = stops_itself_and_takes_its_time,
      .argument = 4,
      .signals = {{SIGTERM, 50}},
      .late = true,
      .kill_after_ms = 5000},
     "stopped by SIGSTOP, told 1, ended in 143"},
};

static void stop_is_mirrored(void **state)
{
    const struct stop_case *row = *state;
    struct ran ran;

    run(&ran, watch, &row->scene, 8000);
    assert_string_equal(ran.output, row->output);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.errors, "");
}

/* ---- when it cannot even begin ---- */

static int supervise_without_pidfd(const void *data)
{
    const struct scene scene = {.command = ends_with_its_signal};
    struct child child;
    struct supervise_request request = {
        .child = &child, .kill_after_ms = NEVER, .on_start = on_start, .on_start_data = &child.pid};
    struct outcome outcome;
    struct error error;
    enum result result;

    (void)data;
    supervise_block_signals();
    if (pipe(told_pipe) < 0 || !spawn(&child, &scene))
        return 1;
    (void)close(child.pidfd);
    child.pidfd = -1;
    result = supervise_wait(&request, &outcome, &error);
    printf("%s %d %s", result == OK ? "OK" : "FAILED", error.status, step_name(error.step));
    return waitpid(child.pid, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 1;
}

static int supervise_without_descriptors(const void *data)
{
    const struct scene scene = {.command = ends_with_its_signal};
    struct child child;
    struct supervise_request request = {
        .child = &child, .kill_after_ms = NEVER, .on_start = on_start, .on_start_data = &child.pid};
    struct rlimit none = {3, 3};
    struct outcome outcome;
    struct error error;
    enum result result;

    (void)data;
    supervise_block_signals();
    if (pipe(told_pipe) < 0 || !spawn(&child, &scene) || setrlimit(RLIMIT_NOFILE, &none) < 0)
        return 1;
    result = supervise_wait(&request, &outcome, &error);
    printf("%s %d %s", result == OK ? "OK" : "FAILED", error.status, step_name(error.step));
    return waitpid(child.pid, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 1;
}

static void a_command_that_cannot_be_watched_is_killed_and_reaped(void **state)
{
    task *const bodies[] = {supervise_without_pidfd, supervise_without_descriptors};

    (void)state;
    for (size_t at = 0; at < COUNT(bodies); at++) {
        struct ran ran;

        run(&ran, bodies[at], NULL, 5000);
        assert_string_equal(ran.output, "FAILED 71 command");
        assert_int_equal(ran.status, 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commands_own_status_is_ours),
        cmocka_unit_test(a_signal_that_ended_it_is_128_and_its_number),
        cmocka_unit_test(the_terminals_signal_reaches_a_command_in_our_session_once),
        cmocka_unit_test(the_terminals_signal_is_passed_on_to_a_session_of_its_own),
        cmocka_unit_test(a_command_that_cannot_be_watched_is_killed_and_reaped),
    };
    static struct suite suite;

    ADD_ROWS(&suite, command_ends_so, end_cases);
    ADD_ROWS(&suite, signal_is_passed_on, passed_on);
    ADD_ROWS(&suite, signal_is_not_passed_on, kept);
    ADD_ROWS(&suite, stop_is_mirrored, stop_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("supervise", suite.tests, NULL, NULL);
}
