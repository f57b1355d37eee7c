#include "base/guard.h"
#include "pam/conversation.h"
#include "pam/terminal.h"

#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { MESSAGES_MAX = 40 };

#define NO_MESSAGE INT32_MIN /* a NULL pointer where a message should be */

struct talk {
    int count;
    bool show_information;
    struct pam_message messages[4]; /* the last one is repeated */
};

/* ---- bodies ---- */

static const char typed[] = "typed for the command\n";

/* Standard input holds something for the command; is it still there? */
static bool input_is_untouched(void)
{
    int there = 0;

    return ioctl(STDIN_FILENO, FIONREAD, &there) == 0 && there == (int)sizeof typed - 1;
}

static bool make_input(void)
{
    int ends[2];

    return pipe(ends) == 0 && write(ends[1], typed, sizeof typed - 1) == (ssize_t)sizeof typed - 1
           && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO;
}

static void print_responses(int code, int count, struct pam_response *responses)
{
    printf("%d", code);
    for (int at = 0; code == PAM_SUCCESS && at < count && at < 4; at++) {
        if (responses[at].resp != NULL)
            printf(" [%s]", responses[at].resp);
        else
            printf(" -");
        if (responses[at].resp_retcode != 0)
            printf("retcode %d", responses[at].resp_retcode);
        free(responses[at].resp);
    }
    if (code == PAM_SUCCESS)
        free(responses);
}

/* Prints the code, then each answer ("-": none), then what was not answered and why. */
static int talk(const void *data)
{
    const struct talk *talk = data;
    struct conversation conversation = {.show_information = talk->show_information};
    const struct pam_message *messages[MESSAGES_MAX];
    struct pam_response sentinel, *responses = &sentinel;
    struct termios before, after;
    int code, terminal = open("/dev/tty", O_RDWR | O_NOCTTY);

    if (!make_input())
        return 1;
    for (size_t at = 0; at < COUNT(messages); at++) {
        size_t last = COUNT(talk->messages) - 1;

        messages[at] = &talk->messages[at < last ? at : last];
        if (messages[at]->msg_style == NO_MESSAGE)
            messages[at] = NULL;
    }
    if (terminal >= 0)
        (void)tcgetattr(terminal, &before);
    code = conversation_talk(talk->count, messages, &responses, &conversation);
    print_responses(code, talk->count, responses);
    if (code != PAM_SUCCESS && responses != &sentinel)
        printf(" responses touched");
    if (conversation.unanswered[0] != '\0' || conversation.why[0] != '\0')
        printf(" unanswered [%s]: %s", conversation.unanswered, conversation.why);
    if (!input_is_untouched())
        printf(" input was read");
    if (terminal >= 0 && (tcgetattr(terminal, &after) != 0 || before.c_lflag != after.c_lflag))
        printf(" terminal was changed");
    return 0;
}

static int talk_without_terminal(const void *data)
{
    return setsid() < 0 ? 1 : talk(data);
}

static int talk_under_guard(const void *data)
{
    struct events events = {.fd = -1};
    struct error error;
    sigset_t ignored;

    sigemptyset(&ignored);
    guard_name("alice", "jobs", 10000);
    if (guard_start(&ignored, &events, &error) != OK)
        return 1;
    guard_enter(STEP_AUTHENTICATE, 0);
    return talk(data);
}

static void print_event(void *data, const struct conversation_event *event)
{
    static const char *const moments[] = {"told", "asks", "answered"};

    (void)data;
    printf("[%s%s%s %s%s%s%s%s]", moments[event->moment], event->is_error ? " error" : "", event->echo ? " echo" : "",
           event->text, event->by != NULL ? " by " : "", event->by != NULL ? event->by : "",
           event->why != NULL ? ": " : "", event->why != NULL ? event->why : "");
}

/* All that is said and asked goes to who looks on, and messages to nobody else. */
static int talk_observed(const void *data)
{
    const struct pam_message messages[] = {
        {PAM_TEXT_INFO, "news"}, {PAM_ERROR_MSG, "bad\033"}, {PAM_PROMPT_ECHO_ON, "Who?"}};
    const struct pam_message *pointers[] = {&messages[0], &messages[1], &messages[2]};
    struct conversation conversation = {.show_information = true, .observe = print_event};
    struct pam_response *responses = NULL;

    (void)data;
    if (setsid() < 0)
        return 1;
    printf("%d", conversation_talk(3, pointers, &responses, &conversation));
    return 0;
}

/* ---- without a terminal ---- */

#define NO_TERMINAL "there is no terminal to ask on"
#define A64         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A512        A64 A64 A64 A64 A64 A64 A64 A64

static const struct bare_case {
    const char *sentence;
    struct talk talk;
    const char *output, *errors;
} bare_cases[] = {
    {"information is shown when it is wanted",
     {1, true, {{PAM_TEXT_INFO, "3 new messages"}}},
     "0 -",
     "3 new messages\n"},
    {"information is dropped when it is not", {1, false, {{PAM_TEXT_INFO, "3 new messages"}}}, "0 -", ""},
    {"an error is shown when information is", {1, true, {{PAM_ERROR_MSG, "no home"}}}, "0 -", "no home\n"},
    {"an error is shown when information is not", {1, false, {{PAM_ERROR_MSG, "no home"}}}, "0 -", "no home\n"},
    {"the lines of a message stay", {1, true, {{PAM_TEXT_INFO, "a\n\tb"}}}, "0 -", "a\n\tb\n"},
    {"control characters of a message are made visible",
     {1, true, {{PAM_ERROR_MSG, "\033[2Jx\r\302\233y"}}},
     "0 -",
     "\\033[2Jx\\015\\302\\233y\n"},
    {"a format in a message is none", {1, true, {{PAM_ERROR_MSG, "%s%n"}}}, "0 -", "%s%n\n"},
    {"a message without a text is an empty one", {1, true, {{PAM_ERROR_MSG, NULL}}}, "0 -", "\n"},
    {"a message of the largest size is shown whole", {1, true, {{PAM_TEXT_INFO, A512}}}, "0 -", A512 "\n"},
    {"messages keep their order",
     {4, true, {{PAM_TEXT_INFO, "a"}, {PAM_ERROR_MSG, "b"}, {PAM_TEXT_INFO, "c"}, {PAM_ERROR_MSG, "d"}}},
     "0 - - - -",
     "a\nb\nc\nd\n"},
    {"32 messages are as many as there may be",
     {32, false, {{PAM_TEXT_INFO, "a"}, {PAM_TEXT_INFO, "b"}, {PAM_TEXT_INFO, "c"}, {PAM_TEXT_INFO, "d"}}},
     "0 - - - -",
     ""},
    {"33 messages are too many",
     {33, true, {{PAM_TEXT_INFO, "a"}, {PAM_TEXT_INFO, "b"}, {PAM_TEXT_INFO, "c"}, {PAM_TEXT_INFO, "d"}}},
     "19",
     ""},
    {"no message is too few", {0, true, {{PAM_TEXT_INFO, "a"}}}, "19", ""},
    {"fewer than no message are too few", {-1, true, {{PAM_TEXT_INFO, "a"}}}, "19", ""},
    {"the least number of messages is too few", {INT32_MIN, true, {{PAM_TEXT_INFO, "a"}}}, "19", ""},
    {"a message that is not there fails", {1, true, {{NO_MESSAGE, NULL}}}, "19", ""},
    {"what follows it is not said", {2, true, {{NO_MESSAGE, NULL}, {PAM_TEXT_INFO, "a"}}}, "19", ""},
    {"an unknown style fails", {1, true, {{99, "a"}}}, "19", ""},
    {"style 0 fails", {1, true, {{0, "a"}}}, "19", ""},
    {"a negative style fails", {1, true, {{-1, "a"}}}, "19", ""},
    {"a radio question fails", {1, true, {{PAM_RADIO_TYPE, "yes/no"}}}, "19", ""},
    {"a binary prompt fails", {1, true, {{PAM_BINARY_PROMPT, "\0\0\0\6\1x"}}}, "19", ""},
    {"what comes before an unknown style is said",
     {3, true, {{PAM_TEXT_INFO, "a"}, {99, "b"}, {PAM_TEXT_INFO, "c"}}},
     "19",
     "a\n"},
    {"a question without echo fails",
     {1, true, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     "19 unanswered [Password: ]: " NO_TERMINAL,
     ""},
    {"a question with echo fails",
     {1, true, {{PAM_PROMPT_ECHO_ON, "Token: "}}},
     "19 unanswered [Token: ]: " NO_TERMINAL,
     ""},
    {"a question is not told as a message",
     {2, true, {{PAM_TEXT_INFO, "a"}, {PAM_PROMPT_ECHO_OFF, "Password: "}}},
     "19 unanswered [Password: ]: " NO_TERMINAL,
     "a\n"},
    {"nothing follows a question that fails",
     {2, true, {{PAM_PROMPT_ECHO_OFF, "Password: "}, {PAM_ERROR_MSG, "b"}}},
     "19 unanswered [Password: ]: " NO_TERMINAL,
     ""},
    {"a question is told with its control characters visible",
     {1, true, {{PAM_PROMPT_ECHO_OFF, "\033[2JPass\nword: "}}},
     "19 unanswered [\\033[2JPass\\012word: ]: " NO_TERMINAL,
     ""},
    {"a long question is told cut",
     {1, true, {{PAM_PROMPT_ECHO_OFF, A512}}},
     "19 unanswered [" A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...]: " NO_TERMINAL,
     ""},
};

static void without_a_terminal_it_goes_so(void **state)
{
    const struct bare_case *row = *state;
    struct ran ran;

    run(&ran, talk_without_terminal, &row->talk, 5000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, row->output);
    assert_string_equal(ran.errors, row->errors);
}

/* ---- on a terminal ---- */

static const struct screen_case {
    const char *sentence;
    struct talk talk;
    const char *ahead;
    const char *answers[4];
    const char *output; /* answers, then the screen */
} screen_cases[] = {
    {"a question without echo is answered unseen",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {"secret\n"},
     "0 [secret]|Password: \r\n"},
    {"a question with echo is answered seen",
     {1, false, {{PAM_PROMPT_ECHO_ON, "Name: "}}},
     NULL,
     {"alice\n"},
     "0 [alice]|Name: alice\r\n"},
    {"an empty line is an empty answer",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {"\n"},
     "0 []|Password: \r\n"},
    {"blanks of an answer stay",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {" a b \n"},
     "0 [ a b ]|Password: \r\n"},
    {"bytes above ASCII stay",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {"\303\244\377\n"},
     "0 [\303\244\377]|Password: \r\n"},
    {"two questions have two answers",
     {2, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}, {PAM_PROMPT_ECHO_ON, "Code: "}}},
     NULL,
     {"secret\n", "123\n"},
     "0 [secret] [123]|Password: \r\nCode: 123\r\n"},
    {"answers stand where the questions stood",
     {3, false, {{PAM_TEXT_INFO, "dropped"}, {PAM_PROMPT_ECHO_OFF, "Password: "}, {PAM_TEXT_INFO, "dropped"}}},
     NULL,
     {"secret\n"},
     "0 - [secret] -|Password: \r\n"},
    {"an answer is lost when a later message fails",
     {2, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}, {99, "x"}}},
     NULL,
     {"secret\n"},
     "19|Password: \r\n"},
    {"control characters of a question are made visible",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "\033[2J\tPass\nword\302\233: "}}},
     NULL,
     {"x\n"},
     "0 [x]|\\033[2J\tPass\r\nword\\302\\233: \r\n"},
    {"what was typed ahead is no answer",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     "ahead\n",
     {"secret\n"},
     "0 [secret]|ahead\r\nPassword: \r\n"},
    {"nor one to a question with echo",
     {1, false, {{PAM_PROMPT_ECHO_ON, "Name: "}}},
     "ahead\n",
     {"alice\n"},
     "0 [alice]|ahead\r\nName: alice\r\n"},
    {"an answer of 511 bytes is one",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {A64 A64 A64 A64 A64 A64 A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"},
     "0 [" A64 A64 A64 A64 A64 A64 A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "]|Password: \r\n"},
    {"an answer of 512 bytes fails and is not cut",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {A512 "\n"},
     "19 unanswered [Password: ]: Argument list too long|Password: \r\n"},
    {"a longer answer fails too",
     {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
     NULL,
     {A512 A512 "\n"},
     "19 unanswered [Password: ]: Argument list too long|Password: \r\n"},
};

static void on_a_terminal_it_goes_so(void **state)
{
    const struct screen_case *row = *state;
    struct terminal terminal = {.body = talk, .data = &row->talk, .ahead = row->ahead};
    struct ran ran;

    memcpy(terminal.answers, row->answers, sizeof terminal.answers);
    run(&ran, on_terminal, &terminal, 10000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, row->output);
    assert_string_equal(ran.errors, "");
}

/* The end of input is no empty answer. */
static void the_end_of_input_at_a_question_fails_it(void **state)
{
    static const struct talk talks[] = {
        {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}},
        {1, false, {{PAM_PROMPT_ECHO_ON, "Name: "}}},
    };

    (void)state;
    for (size_t at = 0; at < COUNT(talks); at++) {
        struct terminal terminal = {.body = talk, .data = &talks[at], .answers = {"\004"}};
        struct ran ran;

        run(&ran, on_terminal, &terminal, 10000);
        assert_int_equal(ran.status, 0);
        assert_memory_equal(ran.output, "19 unanswered [", 15);
        assert_null(strstr(ran.output, "terminal was changed"));
    }
}

static void an_interrupt_at_a_question_fails_it_and_the_echo_is_back(void **state)
{
    static const struct talk question = {1, false, {{PAM_PROMPT_ECHO_OFF, "Password: "}}};
    struct terminal terminal = {.body = talk_under_guard, .data = &question, .answers = {"half\003"}};
    struct ran ran;

    (void)state;
    run(&ran, on_terminal, &terminal, 10000);
    assert_int_equal(ran.status, 0);
    assert_memory_equal(ran.output, "19 unanswered [Password: ]: ", 28);
    assert_null(strstr(ran.output, "half"));
    assert_null(strstr(ran.output, "terminal was changed"));
}

/* ---- the terminal itself ---- */

/* Is there one to ask on; and is standard input, output or error one? */
static int tell_terminal(const void *data)
{
    char name[64] = "x";
    bool named = terminal_name(name, sizeof name);

    (void)data;
    printf("%d %d [%s]", terminal_is_there(), named, named && strncmp(name, "/dev/pts/", 9) == 0 ? "/dev/pts/" : name);
    return 0;
}

static int tell_no_terminal(const void *data)
{
    return setsid() < 0 ? 1 : tell_terminal(data);
}

static void no_terminal_is_there_in_a_session_without_one(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, tell_no_terminal, NULL, 5000);
    assert_string_equal(ran.output, "0 0 []");
}

static void a_terminal_is_there_though_no_descriptor_is_one(void **state)
{
    struct terminal terminal = {.body = tell_terminal};
    struct ran ran;

    (void)state;
    run(&ran, on_terminal, &terminal, 5000);
    assert_string_equal(ran.output, "1 0 []|");
}

/* The descriptor that the terminal was opened by is above 2. */
static int tell_terminal_on_standard_error(const void *data)
{
    int fd = STDERR_FILENO + 1;

    while (fd < 64 && (isatty(fd) == 0 || tcgetsid(fd) != getsid(0)))
        fd++;
    return dup2(fd, STDERR_FILENO) < 0 ? 1 : tell_terminal(data);
}

static void the_terminal_of_standard_error_has_a_name(void **state)
{
    struct terminal terminal = {.body = tell_terminal_on_standard_error};
    struct ran ran;

    (void)state;
    run(&ran, on_terminal, &terminal, 5000);
    assert_string_equal(ran.output, "1 1 [/dev/pts/]|");
}

static void who_looks_on_is_told_everything(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, talk_observed, NULL, 5000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output,
                        "[told news][told error bad\033][asks echo Who?][answered echo Who?: " NO_TERMINAL "]19");
    assert_string_equal(ran.errors, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_input_at_a_question_fails_it),
        cmocka_unit_test(an_interrupt_at_a_question_fails_it_and_the_echo_is_back),
        cmocka_unit_test(no_terminal_is_there_in_a_session_without_one),
        cmocka_unit_test(a_terminal_is_there_though_no_descriptor_is_one),
        cmocka_unit_test(the_terminal_of_standard_error_has_a_name),
        cmocka_unit_test(who_looks_on_is_told_everything),
    };
    static struct suite suite;

    ADD_ROWS(&suite, without_a_terminal_it_goes_so, bare_cases);
    ADD_ROWS(&suite, on_a_terminal_it_goes_so, screen_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("conversation", suite.tests, NULL, NULL);
}
