#include "base/events.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a checker of one JSON object a line: flat, strings and whole numbers, RFC 8259 ---- */

static const char *skip_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < ' ')
            return NULL;
        if (*at == '\\') {
            if (*++at != 'u') {
                if (*at == '\0' || strchr("\"\\/bfnrt", *at) == NULL)
                    return NULL;
            } else if (strspn(at + 1, "0123456789abcdefABCDEF") < 4) {
                return NULL;
            } else {
                at += 4;
            }
        }
    }
    return at + 1;
}

static const char *skip_number(const char *at)
{
    size_t digits;

    at += *at == '-';
    digits = strspn(at, "0123456789");
    return digits == 0 || (digits > 1 && *at == '0') ? NULL : at + digits;
}

static bool line_is_json(const char *line)
{
    const char *at = line;

    if (!text_is_harmless(line, true) || *at++ != '{')
        return false;
    do {
        at = skip_string(at);
        if (at == NULL || *at++ != ':')
            return false;
        at = *at == '"' ? skip_string(at) : skip_number(at);
    } while (at != NULL && *at++ == ',');
    return at != NULL && strcmp(at - 1, "}\n") == 0;
}

/* ---- what is written ---- */

enum { FIELDS_MAX = 6 };

static char text_of_2000[2001];

static const struct event_case {
    const char *sentence;
    const char *event;
    struct event_field fields[FIELDS_MAX];
    size_t count;
    const char *line; /* NULL: any one line of JSON */
} event_cases[] = {
    {"an event may have no field", "started", {{0}}, 0, "{\"event\":\"started\"}\n"},
    {"a text is a string", "opened", {{"account", "alice", 0}}, 1, "{\"event\":\"opened\",\"account\":\"alice\"}\n"},
    {"a number is a number", "ended", {{"status", NULL, 3}}, 1, "{\"event\":\"ended\",\"status\":3}\n"},
    {"a number may be 0", "ended", {{"status", NULL, 0}}, 1, "{\"event\":\"ended\",\"status\":0}\n"},
    {"a number may be negative", "ended", {{"status", NULL, -1}}, 1, "{\"event\":\"ended\",\"status\":-1}\n"},
    {"a number may be large",
     "ended",
     {{"n", NULL, LONG_MAX}, {"m", NULL, LONG_MIN}},
     2,
     "{\"event\":\"ended\",\"n\":9223372036854775807,\"m\":-9223372036854775808}\n"},
    {"fields keep their order",
     "failed",
     {{"step", "setcred", 0}, {"exit-status", NULL, 77}, {"class", "user", 0}},
     3,
     "{\"event\":\"failed\",\"step\":\"setcred\",\"exit-status\":77,\"class\":\"user\"}\n"},
    {"a text with nothing to tell is left out",
     "failed",
     {{"code", "", 0}, {"step", "setcred", 0}},
     2,
     "{\"event\":\"failed\",\"step\":\"setcred\"}\n"},
    {"a quotation mark is escaped", "e", {{"k", "a\"b", 0}}, 1, "{\"event\":\"e\",\"k\":\"a\\u0022b\"}\n"},
    {"a backslash is escaped", "e", {{"k", "a\\", 0}}, 1, "{\"event\":\"e\",\"k\":\"a\\u005c\"}\n"},
    {"control characters are escaped",
     "e",
     {{"k", "\n\t\033\177", 0}},
     1,
     "{\"event\":\"e\",\"k\":\"\\u000a\\u0009\\u001b\\u007f\"}\n"},
    {"UTF-8 stays",
     "e",
     {{"k", "h\303\274tte \360\237\231\202", 0}},
     1,
     "{\"event\":\"e\",\"k\":\"h\303\274tte \360\237\231\202\"}\n"},
    {"broken bytes are replaced", "e", {{"k", "a\377b", 0}}, 1, "{\"event\":\"e\",\"k\":\"a\\ufffdb\"}\n"},
    {"a long text is cut and stays JSON", "e", {{"k", text_of_2000, 0}, {"n", NULL, 1}}, 2, NULL},
    {"many long texts are one line of JSON",
     "e",
     {{"a", text_of_2000, 0},
      {"b", text_of_2000, 0},
      {"c", text_of_2000, 0},
      {"d", text_of_2000, 0},
      {"e", text_of_2000, 0},
      {"f", text_of_2000, 0}},
     6,
     NULL},
};

static void read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got;

    while ((got = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
}

static void event_is_that_line(void **state)
{
    const struct event_case *row = *state;
    struct events events;
    struct error error;
    char written[PIPE_BUF * 2];
    int ends[2];

    memset(text_of_2000, 'x', sizeof text_of_2000 - 1);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(events_start(&events, ends[1], &error), OK);
    assert_int_equal(events.fd, ends[1]);
    events_emit(&events, row->event, row->fields, row->count);
    assert_int_equal(events.fd, ends[1]);
    (void)close(ends[1]);
    read_all(ends[0], written, sizeof written);
    (void)close(ends[0]);
    if (row->line != NULL)
        assert_string_equal(written, row->line);
    assert_int_equal(lines_of(written), 1);
    assert_true(strlen(written) <= PIPE_BUF); /* so that lines of several runs do not mix */
    assert_true(line_is_json(written));
}

/* Every length of a text around the limits, and every number of them: always one whole object a line. */
static void every_length_is_one_line_of_json(void **state)
{
    static const char *const pieces[] = {"x", "\"", "\001", "\303\274", "\377"};
    static char text[1400];
    char written[PIPE_BUF * 2];
    int ends[2];

    (void)state;
    for (size_t piece = 0; piece < COUNT(pieces); piece++)
        for (size_t repeated = 80; repeated < 1000 / strlen(pieces[piece]); repeated += 3) {
            struct event_field fields[9];
            struct events events;

            text[0] = '\0';
            for (size_t at = 0; at < repeated; at++)
                memcpy(text + at * strlen(pieces[piece]), pieces[piece], strlen(pieces[piece]) + 1);
            for (size_t at = 0; at < COUNT(fields); at++)
                fields[at] = TEXT_FIELD("field", text);
            assert_int_equal(pipe(ends), 0);
            events.fd = ends[1];
            (void)same_file_note(&events.file, events.fd);
            events_emit(&events, "e", fields, COUNT(fields));
            (void)close(ends[1]);
            read_all(ends[0], written, sizeof written);
            (void)close(ends[0]);
            assert_int_equal(lines_of(written), 1);
            assert_true(strlen(written) <= PIPE_BUF);
            assert_true(line_is_json(written));
        }
}

/* ---- which descriptors are taken ---- */

static void nobody_asked_is_no_descriptor(void **state)
{
    struct events events = {.fd = 7};
    struct error error;

    (void)state;
    assert_int_equal(events_start(&events, -1, &error), OK);
    assert_int_equal(events.fd, -1);
    EVENT(&events, "e", NUMBER_FIELD("n", 1)); /* goes nowhere */
}

static void assert_descriptor_refused(int fd)
{
    struct events events = {.fd = 7};
    struct error error;

    assert_failed(events_start(&events, fd, &error), &error, STATUS_USAGE, STEP_OPTIONS);
    assert_int_equal(error.class, CLASS_NODE);
    assert_int_equal(events.fd, -1);
}

static void a_descriptor_that_is_not_open_is_refused(void **state)
{
    int fd = open("/dev/null", O_WRONLY);

    (void)state;
    (void)close(fd);
    assert_descriptor_refused(fd);
}

static void a_descriptor_for_reading_is_refused(void **state)
{
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_descriptor_refused(fd);
    (void)close(fd);
}

static void a_descriptor_of_a_path_is_refused(void **state)
{
    int fd = open("/dev/null", O_PATH);

    (void)state;
    assert_descriptor_refused(fd);
    (void)close(fd);
}

static void a_descriptor_for_both_is_taken(void **state)
{
    struct events events;
    struct error error;
    int fd = open("/dev/null", O_RDWR);

    (void)state;
    assert_int_equal(events_start(&events, fd, &error), OK);
    assert_int_equal(events.fd, fd);
    (void)close(fd);
}

static void a_file_gets_every_event(void **state)
{
    struct folder folder;
    struct events events;
    char written[256];
    int fd;

    (void)state;
    folder_make(&folder);
    fd = open(folder_write(&folder, "events", "", 0600), O_RDWR | O_APPEND);
    events.fd = fd;
    (void)same_file_note(&events.file, events.fd);
    EVENT(&events, "one", NUMBER_FIELD("n", 1));
    EVENT(&events, "two", TEXT_FIELD("t", "x"));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    read_all(fd, written, sizeof written);
    (void)close(fd);
    folder_remove(&folder);
    assert_string_equal(written, "{\"event\":\"one\",\"n\":1}\n{\"event\":\"two\",\"t\":\"x\"}\n");
}

static void a_socket_gets_every_event(void **state)
{
    struct events events;
    char written[256];
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    events.fd = ends[1];
    (void)same_file_note(&events.file, events.fd);
    EVENT(&events, "one", NUMBER_FIELD("n", 1));
    (void)close(ends[1]);
    read_all(ends[0], written, sizeof written);
    (void)close(ends[0]);
    assert_string_equal(written, "{\"event\":\"one\",\"n\":1}\n");
}

/* ---- readers that do not read ---- */

static void fill(int fd)
{
    static const char block[PIPE_BUF];

    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, block, sizeof block) > 0)
        continue;
    while (write(fd, block, 1) > 0)
        continue;
    (void)fcntl(fd, F_SETFL, 0);
}

/* Two events into it; prints how long each took, in tenths of a second. */
static int emit_twice(int fd)
{
    struct events events = {.fd = fd};
    long start = now_ms(), middle;

    (void)same_file_note(&events.file, fd);
    EVENT(&events, "one", NUMBER_FIELD("n", 1));
    middle = now_ms();
    EVENT(&events, "two", NUMBER_FIELD("n", 2));
    printf("%ld %ld %d", (middle - start + 20) / 100, (now_ms() - middle + 20) / 100, events.fd);
    return fcntl(fd, F_GETFD) < 0; /* the number stays taken */
}

static int emit_into_full_pipe(const void *data)
{
    int ends[2];

    (void)data;
    if (pipe(ends) < 0)
        return 2;
    fill(ends[1]);
    return emit_twice(ends[1]);
}

static int emit_into_full_socket(const void *data)
{
    int ends[2];

    (void)data;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 2;
    fill(ends[1]);
    return emit_twice(ends[1]);
}

static int emit_into_closed_pipe(const void *data)
{
    int ends[2];

    (void)data;
    if (pipe(ends) < 0)
        return 2;
    (void)close(ends[0]);
    return emit_twice(ends[1]);
}

static int emit_into_closed_socket(const void *data)
{
    int ends[2];

    (void)data;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 2;
    (void)close(ends[0]);
    return emit_twice(ends[1]);
}

static int emit_into_full_device(const void *data)
{
    (void)data;
    return emit_twice(open("/dev/full", O_WRONLY));
}

static const struct deaf_case {
    const char *sentence;
    task *body;
    const char *output;
} deaf_cases[] = {
    {"a reader that does not read is given up in a second", emit_into_full_pipe, "10 0 -1"},
    {"a socket that is not read is given up in a second", emit_into_full_socket, "10 0 -1"},
    {"a reader that has gone is given up at once", emit_into_closed_pipe, "0 0 -1"},
    {"a socket whose other end has gone is given up at once", emit_into_closed_socket, "0 0 -1"},
    {"a device that takes nothing is given up at once", emit_into_full_device, "0 0 -1"},
};

/* The run goes on, says so once, and writes nothing any more. */
static void reader_is_given_up(void **state)
{
    const struct deaf_case *row = *state;
    struct ran ran;

    run(&ran, row->body, NULL, 10000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, row->output);
    assert_int_equal(lines_of(ran.errors), 1);
    assert_non_null(strstr(ran.errors, "pamrun: --json-status-fd"));
}

static void on_signal(int number)
{
    (void)number;
}

/* The reader takes its time, and meanwhile a signal comes that we have a handler for. */
static int emit_under_signals(const void *data)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct events events;
    char block[PIPE_BUF];
    int ends[2];
    pid_t reader;

    (void)data;
    if (pipe(ends) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
        return 2;
    fill(ends[1]);
    events.fd = ends[1];
    (void)same_file_note(&events.file, events.fd);
    reader = fork();
    if (reader == 0) {
        pause_ms(200);
        (void)kill(getppid(), SIGUSR1);
        pause_ms(200);
        for (int at = 0; at < 4; at++)
            (void)!read(ends[0], block, sizeof block);
        pause_ms(200);
        _exit(0);
    }
    EVENT(&events, "one", NUMBER_FIELD("n", 1));
    printf("%s", events.fd == ends[1] ? "still told" : "given up");
    while (waitpid(reader, NULL, 0) < 0 && errno == EINTR)
        continue;
    return 0;
}

static void a_signal_while_the_reader_takes_its_time_loses_no_event(void **state)
{
    struct ran ran;

    (void)state;
    run(&ran, emit_under_signals, NULL, 10000);
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.output, "still told");
    assert_string_equal(ran.errors, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_one_line_of_json),
        cmocka_unit_test(nobody_asked_is_no_descriptor),
        cmocka_unit_test(a_descriptor_that_is_not_open_is_refused),
        cmocka_unit_test(a_descriptor_for_reading_is_refused),
        cmocka_unit_test(a_descriptor_of_a_path_is_refused),
        cmocka_unit_test(a_descriptor_for_both_is_taken),
        cmocka_unit_test(a_file_gets_every_event),
        cmocka_unit_test(a_socket_gets_every_event),
        cmocka_unit_test(a_signal_while_the_reader_takes_its_time_loses_no_event),
    };
    static struct suite suite;

    ADD_ROWS(&suite, event_is_that_line, event_cases);
    ADD_ROWS(&suite, reader_is_given_up, deaf_cases);
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("events", suite.tests, NULL, NULL);
}
