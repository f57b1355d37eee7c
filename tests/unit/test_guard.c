#include "base/guard.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NEVER = -1, NO_DEADLINE = 0, TIMER_SIGNAL = 64 };

/* ---- pieces of a run ---- */

static const sigset_t none_ignored; /* empty, sigsetops(3): all zero on Linux */

static bool begin_with_events(int grace_ms, int events_fd)
{
    struct events events = {.fd = events_fd};
    struct error error;

    (void)setvbuf(stdout, NULL, _IONBF, 0); /* what is printed is there when the end comes by force */
    guard_name("alice", "jobs", grace_ms);
    return guard_start(&none_ignored, &events, &error) == OK;
}

static bool begin(int grace_ms)
{
    return begin_with_events(grace_ms, -1);
}

static void print_leave(void)
{
    struct error error = {.message = ""};

    if (guard_leave(&error) == OK)
        printf("OK\n");
    else
        printf("%d %s %s: %s\n", error.status, error.class == CLASS_USER ? "user" : "node", step_name(error.step),
               error.message);
}

/* A module that waits in a system call, and returns when that is interrupted. */
static void wait_like_a_module(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

/* A signal for us after so many milliseconds, from another process. */
static void signal_later(int number, long milliseconds)
{
    pid_t pid = getpid();

    if (fork() == 0) {
        pause_ms(milliseconds);
        (void)kill(pid, number);
        _exit(0);
    }
}

/* What a module may have done to us. */
static void reset_signals(void)
{
    sigset_t all;

    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_DFL);
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void ignore_signals(void)
{
    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_IGN);
}

/* ---- bodies ---- */

static int quick_step(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_AUTHENTICATE, 500);
    print_leave();
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    print_leave();
    printf("%d\n", guard_stop_signal());
    return 0;
}

static int sleeping_step(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 300);
    wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int suspended_behind_an_answer(const void *data)
{
    struct pollfd source = {.events = POLLOUT, .fd = STDOUT_FILENO};

    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    guard_prompt_begin();
    (void)raise(SIGTSTP);
    guard_prompt_end();
    printf("%d\n", guard_poll(&source, 1, 0));
    print_leave();
    return 0;
}

static int reading_step(const void *data)
{
    int ends[2];
    char byte;

    (void)data;
    if (!begin(NEVER) || pipe(ends) < 0)
        return 1;
    guard_enter(STEP_AUTHENTICATE, 300);
    if (read(ends[0], &byte, 1) < 0 && errno == EINTR)
        printf("EINTR\n");
    print_leave();
    return 0;
}

/* One that calls again a few times is interrupted again. */
static int retrying_step(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_CREDENTIALS, 200);
    for (int attempt = 0; attempt < 4; attempt++)
        wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int waiting_for_a_child_step(const void *data)
{
    pid_t child;

    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 300);
    child = fork();
    if (child == 0) {
        pause_ms(5000);
        _exit(0);
    }
    if (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        printf("EINTR\n");
    print_leave();
    (void)kill(child, SIGKILL);
    return 0;
}

static int step_after_a_deadline(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_AUTHENTICATE, 300);
    print_leave();
    guard_enter(STEP_ACCOUNT, NO_DEADLINE); /* the earlier one's must not reach in here */
    wait_like_a_module(600);
    print_leave();
    return 0;
}

static int deadlines_anew(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    for (int step = STEP_AUTHENTICATE; step <= STEP_ACCOUNT; step++) {
        guard_enter((enum step)step, 600);
        wait_like_a_module(400);
        print_leave();
    }
    return 0;
}

static int close_after_a_deadline(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 200);
    wait_like_a_module(10000);
    print_leave();
    guard_start_close();
    guard_enter(STEP_CLOSE_SESSION, NO_DEADLINE);
    wait_like_a_module(300);
    print_leave();
    return 0;
}

static int deaf_step(const void *data)
{
    (void)data;
    if (!begin_with_events(NEVER, STDOUT_FILENO))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 200);
    pause_ms(20000);
    print_leave();
    return 0;
}

/* The reader of the events does not read, and the pipe is full. */
static int deaf_step_with_deaf_reader(const void *data)
{
    static const char block[4096];
    int ends[2];

    (void)data;
    if (pipe(ends) < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0)
        return 1;
    while (write(ends[1], block, sizeof block) > 0)
        continue;
    if (fcntl(ends[1], F_SETFL, 0) < 0 || !begin_with_events(NEVER, ends[1]))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 200);
    pause_ms(20000);
    return 0;
}

/* The longest name, of characters that JSON escapes. */
static int deaf_step_of_a_long_name(const void *data)
{
    struct events events = {.fd = STDOUT_FILENO};
    struct error error;
    static char name[256];

    (void)data;
    memset(name, '\\', sizeof name - 1);
    guard_name(name, "jobs", NEVER);
    if (guard_start(&none_ignored, &events, &error) != OK)
        return 1;
    guard_enter(STEP_CLOSE_SESSION, 100);
    pause_ms(20000);
    return 0;
}

static int deaf_step_without_events(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_CLOSE_SESSION, 200);
    pause_ms(20000);
    print_leave();
    return 0;
}

static int stopped_step(const void *data)
{
    if (!begin(5000))
        return 1;
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    signal_later(*(const int *)data, 200);
    wait_like_a_module(10000);
    print_leave();
    printf("%d\n", guard_stop_signal());
    return 0;
}

/* The module takes no notice, comes to its end in time, and succeeds: thrown away. */
static int step_that_succeeds_though_stopped(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    (void)raise(SIGTERM);
    pause_ms(400);
    print_leave();
    return 0;
}

static int stop_between_steps(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_enter(STEP_AUTHENTICATE, NO_DEADLINE);
    print_leave();
    (void)raise(SIGHUP);
    printf("%d\n", guard_stop_signal());
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int stop_before_the_first_step(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    (void)raise(SIGINT);
    guard_enter(STEP_AUTHENTICATE, 3000);
    wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int two_stop_signals(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    (void)raise(SIGINT);
    (void)raise(SIGTERM);
    print_leave();
    return 0;
}

static int deaf_to_stop(const void *data)
{
    (void)data;
    if (!begin_with_events(500, STDOUT_FILENO))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    (void)raise(SIGTERM);
    pause_ms(20000);
    print_leave();
    return 0;
}

static int deaf_to_an_earlier_stop(const void *data)
{
    (void)data;
    if (!begin(500))
        return 1;
    (void)raise(SIGQUIT);
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    pause_ms(20000);
    print_leave();
    return 0;
}

static int deaf_to_stop_for_ever(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    (void)raise(SIGTERM);
    pause_ms(2500);
    print_leave();
    return 0;
}

static int stop_before_the_deadline(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 500);
    signal_later(SIGTERM, 200);
    pause_ms(20000);
    print_leave();
    return 0;
}

static int stop_behind_the_deadline(const void *data)
{
    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, 200);
    signal_later(SIGTERM, 500);
    pause_ms(20000);
    print_leave();
    return 0;
}

static int step_that_exits(const void *data)
{
    if (!begin_with_events(NEVER, STDOUT_FILENO))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    exit(*(const int *)data);
}

static int exit_behind_a_step(const void *data)
{
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    print_leave();
    exit(*(const int *)data);
}

static int helper_that_exits(const void *data)
{
    int wait_status = 0;
    pid_t child;

    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    child = fork();
    if (child == 0)
        exit(5);
    (void)waitpid(child, &wait_status, 0);
    printf("helper %d\n", WEXITSTATUS(wait_status));
    print_leave();
    return 0;
}

static int helper_that_returns(const void *data)
{
    struct error error;
    int wait_status = 0;
    pid_t child;

    (void)data;
    if (!begin(NEVER))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    child = fork();
    if (child == 0) {
        (void)!guard_leave(&error);
        printf("the copy went on\n");
        return 0;
    }
    (void)waitpid(child, &wait_status, 0);
    printf("helper %d\n", WEXITSTATUS(wait_status));
    print_leave();
    return 0;
}

/* At each moment of a run: before, in, and between steps, and while closing. */
static int harmless_signal(const void *data)
{
    int number = *(const int *)data;

    if (!begin(5000))
        return 1;
    (void)raise(number);
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    (void)raise(number);
    print_leave();
    (void)raise(number);
    guard_start_close();
    (void)raise(number);
    guard_enter(STEP_CLOSE_SESSION, NO_DEADLINE);
    (void)raise(number);
    print_leave();
    return 0;
}

/* Its default action has been put back by a module of the step before. */
static int harmless_signal_behind_a_reset(const void *data)
{
    if (!begin(5000))
        return 1;
    guard_enter(STEP_CREDENTIALS, NO_DEADLINE);
    reset_signals();
    print_leave();
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    (void)raise(*(const int *)data);
    print_leave();
    return 0;
}

static int harmless_signal_while_closing_behind_a_reset(const void *data)
{
    if (!begin(5000))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    reset_signals();
    print_leave();
    guard_start_close();
    guard_enter(STEP_CLOSE_SESSION, NO_DEADLINE);
    (void)raise(*(const int *)data);
    print_leave();
    return 0;
}

static int stop_behind_a_reset(const void *data)
{
    if (!begin(5000))
        return 1;
    guard_enter(STEP_AUTHENTICATE, NO_DEADLINE);
    reset_signals();
    print_leave();
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    signal_later(*(const int *)data, 200);
    wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int deadline_behind_ignored_signals(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_enter(STEP_AUTHENTICATE, NO_DEADLINE);
    ignore_signals();
    print_leave();
    guard_enter(STEP_ACCOUNT, 300);
    wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int deadline_behind_blocked_signals(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_enter(STEP_AUTHENTICATE, NO_DEADLINE);
    reset_signals();
    print_leave();
    guard_enter(STEP_ACCOUNT, 300);
    wait_like_a_module(10000);
    print_leave();
    return 0;
}

static int close_behind_a_stop(const void *data)
{
    (void)data;
    if (!begin(500))
        return 1;
    guard_enter(STEP_OPEN_SESSION, NO_DEADLINE);
    (void)raise(SIGTERM);
    print_leave();
    guard_start_close();
    printf("%d\n", guard_stop_signal());
    guard_enter(STEP_CLOSE_SESSION, NO_DEADLINE);
    wait_like_a_module(1000); /* longer than the grace */
    print_leave();
    guard_enter(STEP_DELETE_CREDENTIALS, NO_DEADLINE);
    print_leave();
    return 0;
}

static int stop_while_closing(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_start_close();
    guard_enter(STEP_CLOSE_SESSION, NO_DEADLINE);
    signal_later(SIGINT, 200);
    wait_like_a_module(10000);
    print_leave();
    printf("%d\n", guard_stop_signal());
    return 0;
}

static int close_deaf_to_stop(const void *data)
{
    (void)data;
    if (!begin(500))
        return 1;
    guard_start_close();
    guard_enter(STEP_CLOSE_SESSION, NO_DEADLINE);
    (void)raise(SIGTERM);
    pause_ms(20000);
    print_leave();
    return 0;
}

/* A process that serves between steps, with its signals blocked: the keeper of a shared session. */
static int steps_of_a_server(const void *data)
{
    sigset_t all, ignored;

    (void)data;
    if (!begin(5000))
        return 1;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)raise(SIGHUP); /* waits */
    ignored = all;
    sigdelset(&ignored, SIGTERM);
    guard_resume(&ignored);
    printf("%d\n", guard_stop_signal());
    guard_enter(STEP_CREDENTIALS, 200);
    wait_like_a_module(10000);
    print_leave();
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)raise(SIGTERM);
    printf("%d\n", guard_take_stop_signal());
    printf("%d\n", guard_is_to_end());
    guard_resume(&ignored);
    guard_enter(STEP_CREDENTIALS, NO_DEADLINE);
    wait_like_a_module(10000);
    print_leave();
    printf("%d\n", guard_take_stop_signal());
    guard_enter(STEP_CREDENTIALS, NO_DEADLINE);
    print_leave();
    return 0;
}

static int errno_behind_signals(const void *data)
{
    (void)data;
    if (!begin(5000))
        return 1;
    guard_enter(STEP_ACCOUNT, NO_DEADLINE);
    errno = ELIBBAD;
    (void)raise(SIGTERM);
    (void)raise(SIGUSR1);
    (void)raise(TIMER_SIGNAL);
    printf("%s\n", errno == ELIBBAD ? "same" : "changed");
    print_leave();
    return 0;
}

/* ---- cases ---- */

static const int zero = 0, seven = 7, hup = SIGHUP, interrupt = SIGINT, quit = SIGQUIT, term = SIGTERM;

#define FOR_ALICE      " for alice (profile jobs): "
#define BY_FORCE(step) "pamrun: " step FOR_ALICE

static const struct guard_case {
    const char *sentence;
    task *body;
    const void *data;
    int status;
    const char *output; /* a line may end in "*": anything may follow */
    const char *errors; /* NULL: none; else the start of one line */
    long least_ms, most_ms;
} guard_cases[] = {
    {"a quick step goes through", quick_step, NULL, 0, "OK\nOK\n0\n", NULL, 0, 400},
    {"a ^Z behind an answer is forgotten with the prompt: what is waited for then is", suspended_behind_an_answer, NULL,
     0, "1\nOK\n", NULL, 0, 400},
    {"a deadline interrupts a step that sleeps", sleeping_step, NULL, 0,
     "75 node open_session: open_session" FOR_ALICE "no answer before the deadline\n", NULL, 300, 1000},
    {"a deadline interrupts a step that reads", reading_step, NULL, 0,
     "EINTR\n75 node authenticate: authenticate" FOR_ALICE "*", NULL, 300, 1000},
    {"a deadline interrupts a step that waits for a child", waiting_for_a_child_step, NULL, 0,
     "EINTR\n75 node open_session: *", NULL, 300, 1000},
    {"a step that calls again is interrupted again", retrying_step, NULL, 0, "75 node setcred: *", NULL, 400, 1100},
    {"a deadline ends with its step", step_after_a_deadline, NULL, 0, "OK\nOK\n", NULL, 600, 1500},
    {"each step has its deadline anew", deadlines_anew, NULL, 0, "OK\nOK\n", NULL, 800, 1800},
    {"behind a deadline the session is closed in peace", close_after_a_deadline, NULL, 0,
     "75 node open_session: *\nOK\n", NULL, 500, 1500},
    {"a step deaf to its deadline ends by force and is told", deaf_step, NULL, 75,
     "{\"event\":\"failed\",\"step\":\"open_session\",\"class\":\"node\",\"exit-status\":75,\"message\":\"*",
     BY_FORCE("open_session"), 1100, 2500},
    {"no reader of events keeps it from ending", deaf_step_with_deaf_reader, NULL, 75, "", BY_FORCE("open_session"),
     1100, 3500},
    {"a close deaf to its deadline ends by force", deaf_step_without_events, NULL, 75, "", BY_FORCE("close_session"),
     1100, 2500},
    {"SIGHUP stops a step", stopped_step, &hup, 0, "129 user acct_mgmt: acct_mgmt" FOR_ALICE "stopped by SIGHUP\n1\n",
     NULL, 200, 1000},
    {"SIGINT stops a step", stopped_step, &interrupt, 0,
     "130 user acct_mgmt: acct_mgmt" FOR_ALICE "stopped by SIGINT\n2\n", NULL, 200, 1000},
    {"SIGQUIT stops a step", stopped_step, &quit, 0,
     "131 user acct_mgmt: acct_mgmt" FOR_ALICE "stopped by SIGQUIT\n3\n", NULL, 200, 1000},
    {"SIGTERM stops a step", stopped_step, &term, 0,
     "143 user acct_mgmt: acct_mgmt" FOR_ALICE "stopped by SIGTERM\n15\n", NULL, 200, 1000},
    {"a step that succeeds though stopped has failed", step_that_succeeds_though_stopped, NULL, 0,
     "143 user acct_mgmt: *", NULL, 400, 1000},
    {"a stop between two steps stops the next", stop_between_steps, NULL, 0, "OK\n1\n129 user acct_mgmt: *", NULL, 0,
     1000},
    {"a stop before the first step stops it", stop_before_the_first_step, NULL, 0, "130 user authenticate: *", NULL, 0,
     1000},
    {"of two stop signals the first counts", two_stop_signals, NULL, 0, "130 user acct_mgmt: *", NULL, 0, 1000},
    {"a step deaf to a stop ends by force and is told", deaf_to_stop, NULL, 143,
     "{\"event\":\"failed\",\"step\":\"open_session\",\"class\":\"node\",\"exit-status\":143,\"message\":\"*",
     BY_FORCE("open_session"), 490, 1500}, /* the clock of milliseconds cuts off */
    {"a step deaf to an earlier stop ends by force", deaf_to_an_earlier_stop, NULL, 131, "", BY_FORCE("open_session"),
     400, 1500},
    {"without an end of the grace a step goes on", deaf_to_stop_for_ever, NULL, 0, "143 user open_session: *", NULL,
     2500, 4000},
    {"a module that calls exit(0) ends in 71 and is told", step_that_exits, &zero, 71,
     "{\"event\":\"failed\",\"step\":\"open_session\",\"class\":\"node\",\"exit-status\":71,\"message\":\"*",
     BY_FORCE("open_session"), 0, 1000},
    {"a module that calls exit(7) ends in 71 too", step_that_exits, &seven, 71, "{\"event\":\"failed\"*",
     BY_FORCE("open_session"), 0, 1000},
    {"an exit behind a step is one", exit_behind_a_step, &seven, 7, "OK\n", NULL, 0, 1000},
    {"a helper of a module may call exit", helper_that_exits, NULL, 0, "helper 5\nOK\n", NULL, 0, 1000},
    {"a copy of us that returns from a step ends", helper_that_returns, NULL, 0, "helper 71\nOK\n", NULL, 0, 1000},
    {"a module cannot take SIGHUP away from the next", stop_behind_a_reset, &hup, 0, "OK\n129 user acct_mgmt: *", NULL,
     200, 1000},
    {"a module cannot take SIGTERM away from the next", stop_behind_a_reset, &term, 0, "OK\n143 user acct_mgmt: *",
     NULL, 200, 1000},
    {"a module that ignores signals ends no deadline", deadline_behind_ignored_signals, NULL, 0,
     "OK\n75 node acct_mgmt: *", NULL, 300, 1000},
    {"a module that blocks signals ends no deadline", deadline_behind_blocked_signals, NULL, 0,
     "OK\n75 node acct_mgmt: *", NULL, 300, 1000},
    {"behind a stop the session is closed in peace", close_behind_a_stop, NULL, 0,
     "143 user open_session: *\n0\nOK\nOK\n", NULL, 1000, 2500},
    {"a stop while closing asks for what is being done, and interrupts", stop_while_closing, NULL, 0, "OK\n0\n", NULL,
     200, 1000},
    {"a close deaf to a stop ends by force", close_deaf_to_stop, NULL, 143, "", BY_FORCE("close_session"), 500, 1500},
    {"between steps of a server only what may stop it does, and what was dealt with is over", steps_of_a_server, NULL,
     0, "0\n75 node setcred: *\n0\n0\n143 user setcred: *\n15\nOK\n", NULL, 300, 2000},
    {"a module's errno stays", errno_behind_signals, NULL, 0, "same\n143 user acct_mgmt: *", NULL, 0, 1000},
};

/* Line by line; what follows a "*" in the pattern is the next line. */
static bool text_matches(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++)
        if (*pattern == '*')
            text += strcspn(text, "\n");
        else if (*text++ != *pattern)
            return false;
    return strcmp(text, "") == 0 || (strcmp(text, "\n") == 0 && pattern[-1] == '*');
}

static void assert_ran(const struct ran *ran, const struct guard_case *row)
{
    if (!text_matches(ran->output, row->output))
        assert_string_equal(ran->output, row->output);
    if (row->errors == NULL) {
        assert_string_equal(ran->errors, "");
    } else {
        assert_int_equal(lines_of(ran->errors), 1);
        assert_true(strlen(ran->errors) > strlen(row->errors) + 1);
        assert_memory_equal(ran->errors, row->errors, strlen(row->errors));
    }
    assert_int_equal(ran->status, row->status);
    assert_in_range(ran->took_ms, row->least_ms, row->most_ms);
}

static void guarded_step_goes_so(void **state)
{
    const struct guard_case *row = *state;
    struct ran ran;

    run(&ran, row->body, row->data, 6000);
    assert_ran(&ran, row);
}

/* Told to stop for ever, and yet bounded: by the deadline. */
static void a_stop_does_not_lift_the_deadline(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, stop_before_the_deadline, NULL, 4000);
    assert_int_not_equal(ran.status, -1);
    assert_int_equal(lines_of(ran.errors), 1);
}

static void a_stop_does_not_lift_a_deadline_that_has_passed(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, stop_behind_the_deadline, NULL, 4000);
    assert_int_not_equal(ran.status, -1);
    assert_int_equal(lines_of(ran.errors), 1);
}

static void the_event_of_an_end_by_force_is_whole_whatever_the_name(void **state)
{
    struct ran ran;
    size_t length;

    (void)state;
    run(&ran, deaf_step_of_a_long_name, NULL, 5000);
    length = strlen(ran.output);
    assert_int_equal(ran.status, STATUS_TRY_AGAIN);
    assert_int_equal(lines_of(ran.output), 1);
    assert_int_equal(lines_of(ran.errors), 1);
    assert_true(length > 3);
    assert_string_equal(ran.output + length - 3, "\"}\n");
}

static void the_error_of_a_stop_names_the_signal_and_the_step(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, stopped_step, &term, 5000);
    assert_string_equal(ran.output, "143 user acct_mgmt: acct_mgmt" FOR_ALICE "stopped by SIGTERM\n15\n");
}

/* ---- signals that are not for us: each whose default action would end us, but those of our own faults ---- */

struct signal_case {
    const char *sentence;
    int number;
};

static bool signal_is_harmless(int number)
{
    static const int others[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGKILL, SIGSTOP,  SIGTSTP,
                                 SIGTTIN, SIGTTOU, SIGCHLD, SIGCONT, SIGURG,  SIGWINCH, /* ask to stop, or end nobody */
                                 SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,  SIGSEGV,  SIGSYS};

    for (size_t at = 0; at < COUNT(others); at++)
        if (number == others[at])
            return false;
    return number < 32 || number == SIGRTMIN || number == SIGRTMAX - 1; /* two of the real-time ones */
}

static size_t make_signals(struct signal_case *cases, char (*sentences)[96], const char *what, int last)
{
    size_t made = 0;

    for (int number = 1; number <= last; number++)
        if (signal_is_harmless(number)) {
            if (number < 32)
                (void)snprintf(sentences[made], sizeof *sentences, "SIG%s %s", sigabbrev_np(number), what);
            else
                (void)snprintf(sentences[made], sizeof *sentences, "SIGRTMIN+%d %s", number - SIGRTMIN, what);
            cases[made] = (struct signal_case){sentences[made], number};
            made++;
        }
    return made;
}

static void does_not_end_us(void **state)
{
    const struct signal_case *row = *state;
    struct ran ran;

    run(&ran, harmless_signal, &row->number, 5000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, "OK\nOK\n");
    assert_string_equal(ran.errors, "");
}

static void does_not_end_us_behind_a_reset(void **state)
{
    const struct signal_case *row = *state;
    struct ran ran;

    run(&ran, harmless_signal_behind_a_reset, &row->number, 5000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, "OK\nOK\n");
}

static void does_not_end_the_closing_behind_a_reset(void **state)
{
    const struct signal_case *row = *state;
    struct ran ran;

    run(&ran, harmless_signal_while_closing_behind_a_reset, &row->number, 5000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, "OK\nOK\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_does_not_lift_the_deadline),
        cmocka_unit_test(a_stop_does_not_lift_a_deadline_that_has_passed),
        cmocka_unit_test(the_event_of_an_end_by_force_is_whole_whatever_the_name),
        cmocka_unit_test(the_error_of_a_stop_names_the_signal_and_the_step),
    };
    static struct signal_case signals[64], reset_signals_cases[64], closing_cases[64];
    static char sentences[3][64][96];
    static struct suite suite;

    ADD_ROWS(&suite, guarded_step_goes_so, guard_cases);
    ADD_TESTS(&suite, tests);
    suite_add_rows(&suite, does_not_end_us, signals, make_signals(signals, sentences[0], "does not end us", SIGRTMAX),
                   sizeof *signals);
    suite_add_rows(&suite, does_not_end_us_behind_a_reset, reset_signals_cases,
                   make_signals(reset_signals_cases, sentences[1], "does not, though a module reset it", SIGRTMIN - 1),
                   sizeof *signals);
    suite_add_rows(&suite, does_not_end_the_closing_behind_a_reset, closing_cases,
                   make_signals(closing_cases, sentences[2], "does not end the closing then", SIGRTMIN - 1),
                   sizeof *signals);
    return cmocka_run_group_tests_name("guard", suite.tests, NULL, NULL);
}
