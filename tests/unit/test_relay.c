#include "base/relay.h"

#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a scene: both ends in one process ---- */

static struct relay front, holder;

static int open_both(void **state)
{
    struct relay_shared *shared;
    int ends[2];

    (void)state;
    if (!relay_open(ends, &shared))
        return -1;
    front = (struct relay){.fd = ends[0]};
    holder = (struct relay){.fd = ends[1]};
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    (void)close(front.fd); /* a test may have done so */
    (void)close(holder.fd);
    return 0;
}

static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

/* Some file that fstat(2) knows again. */
static int open_file(void)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static bool is_same_file(int left, int right)
{
    struct stat one, other;

    return fstat(left, &one) == 0 && fstat(right, &other) == 0 && one.st_dev == other.st_dev
           && one.st_ino == other.st_ino;
}

static void assert_received(struct relay *relay, struct relay_message expected)
{
    struct relay_message got = {0};

    assert_int_equal(relay_receive(relay, &got, NULL), RELAY_MESSAGE);
    assert_int_equal(got.word, expected.word);
    assert_int_equal(got.number, expected.number);
    assert_int_equal(got.code, expected.code);
    assert_int_equal(got.pid, expected.pid);
}

static void assert_empty(struct relay *relay)
{
    struct relay_message got;

    assert_int_equal(relay_receive(relay, &got, NULL), RELAY_EMPTY);
}

/* ---- messages ---- */

static void messages_come_whole_and_in_order_both_ways(void **state)
{
    (void)state;
    for (int number = 1; number <= 5; number++) {
        assert_true(relay_send(&front, (struct relay_message){RELAY_SIGNAL, number, -6, 40 + number}, -1));
        assert_true(relay_send(&holder, (struct relay_message){RELAY_ENDED, 10 + number, 0, 0}, -1));
    }
    for (int number = 1; number <= 5; number++) {
        assert_received(&holder, (struct relay_message){RELAY_SIGNAL, number, -6, 40 + number});
        assert_received(&front, (struct relay_message){RELAY_ENDED, 10 + number, 0, 0});
    }
    assert_empty(&holder);
    assert_empty(&front);
}

static void both_ends_are_closed_by_exec_and_never_block(void **state)
{
    (void)state;
    assert_true((fcntl(front.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(holder.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(front.fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(holder.fd, F_GETFL) & O_NONBLOCK) != 0);
}

/* Also after somebody took O_NONBLOCK away: it belongs to the open file, and F_SETFL is easily wrong. */
static void nothing_to_read_is_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(fcntl(holder.fd, F_SETFL, 0), 0);
    assert_empty(&holder);
    assert_empty(&front);
}

static void what_was_said_before_the_end_is_read_first(void **state)
{
    struct relay_message got;

    (void)state;
    assert_true(relay_send(&holder, (struct relay_message){.word = RELAY_EXIT, .number = 7}, -1));
    (void)close(holder.fd);
    assert_received(&front, (struct relay_message){.word = RELAY_EXIT, .number = 7});
    assert_int_equal(relay_receive(&front, &got, NULL), RELAY_GONE);
    assert_int_equal(relay_receive(&front, &got, NULL), RELAY_GONE);
}

static void saying_something_to_nobody_fails_and_raises_no_signal(void **state)
{
    sigset_t pipe_signal, before, waiting;

    (void)state;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    (void)sigprocmask(SIG_BLOCK, &pipe_signal, &before); /* it would wait */
    (void)close(holder.fd);
    assert_false(relay_send(&front, (struct relay_message){.word = RELAY_HANG_UP}, -1));
    sigemptyset(&waiting);
    (void)sigpending(&waiting);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(sigismember(&waiting, SIGPIPE), 0);
}

static void an_end_that_was_never_open_is_gone(void **state)
{
    struct relay nobody = {.fd = -1};
    struct relay_message got;

    (void)state;
    assert_int_equal(relay_receive(&nobody, &got, NULL), RELAY_GONE);
    assert_false(relay_send(&nobody, (struct relay_message){.word = RELAY_ENDED}, -1));
}

static void a_message_of_another_size_is_none_of_ours(void **state)
{
    static const size_t sizes[] = {0, 1, sizeof(struct relay_message) - 1};
    struct relay_message got;
    char bytes[sizeof(struct relay_message)] = {RELAY_SIGNAL};

    (void)state;
    for (size_t at = 0; at < COUNT(sizes); at++) {
        assert_int_equal(send(front.fd, bytes, sizes[at], 0), sizes[at]);
        assert_int_equal(relay_receive(&holder, &got, NULL), RELAY_GONE);
    }
}

static void a_reader_that_does_not_read_blocks_nobody(void **state)
{
    int sent = 0, received = 0;
    struct relay_message got;

    (void)state;
    assert_int_equal(fcntl(front.fd, F_SETFL, 0), 0); /* it must not depend on O_NONBLOCK */
    while (sent < 1000000 && relay_send(&front, (struct relay_message){RELAY_SIGNAL, SIGUSR1, 0, sent}, -1))
        sent++;
    assert_in_range(sent, 8, 999999); /* a few have room, however little the system gives */
    assert_false(relay_send(&front, (struct relay_message){RELAY_SIGNAL, SIGUSR1, 0, sent}, -1));
    while (relay_receive(&holder, &got, NULL) == RELAY_MESSAGE)
        assert_int_equal(got.pid, received++);
    assert_int_equal(received, sent);
    assert_true(relay_send(&front, (struct relay_message){.word = RELAY_HANG_UP}, -1));
    assert_received(&holder, (struct relay_message){.word = RELAY_HANG_UP});
}

/* ---- descriptors ---- */

static void a_descriptor_comes_along_and_is_closed_by_exec(void **state)
{
    struct relay_message got = {0};
    int before = descriptors(), file = open_file(), fd = -2;

    (void)state;
    assert_true(relay_send(&holder, (struct relay_message){.word = RELAY_PTY, .number = 3}, file));
    assert_int_equal(relay_receive(&front, &got, &fd), RELAY_MESSAGE);
    assert_int_equal(got.word, RELAY_PTY);
    assert_int_equal(got.number, 3);
    assert_true(fd >= 0 && fd != file);
    assert_true(is_same_file(fd, file));
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(file);
    (void)close(fd);
    assert_int_equal(descriptors(), before);
}

static void without_one_there_is_none(void **state)
{
    struct relay_message got;
    int before = descriptors(), fd = 1;

    (void)state;
    assert_true(relay_send(&holder, (struct relay_message){.word = RELAY_ENDED}, -1));
    assert_int_equal(relay_receive(&front, &got, &fd), RELAY_MESSAGE);
    assert_int_equal(fd, -1);
    fd = 1;
    assert_int_equal(relay_receive(&front, &got, &fd), RELAY_EMPTY);
    assert_int_equal(fd, -1);
    assert_int_equal(descriptors(), before);
}

/* unix(7): the end of a socket with unread messages in it is an error for the other side, before what it had sent. */
static void the_last_word_is_read_though_its_sender_left_messages_unread(void **state)
{
    struct relay_message got;

    (void)state;
    assert_true(relay_send(&front, (struct relay_message){.word = RELAY_SHOWN}, -1));
    assert_true(relay_send(&holder, (struct relay_message){.word = RELAY_EXIT, .number = 7}, -1));
    (void)close(holder.fd);
    holder.fd = -1;
    assert_int_equal(relay_receive(&front, &got, NULL), RELAY_MESSAGE);
    assert_int_equal(got.word, RELAY_EXIT);
    assert_int_equal(got.number, 7);
    assert_int_equal(relay_receive(&front, &got, NULL), RELAY_GONE);
}

/* The front is the applicant's: he may send whatever he likes. */
static void a_descriptor_that_nobody_asked_for_is_not_taken(void **state)
{
    int before = descriptors(), file = open_file();

    (void)state;
    for (int number = 0; number < 20; number++) {
        assert_true(relay_send(&front, (struct relay_message){.word = RELAY_SIGNAL, .number = number}, file));
        assert_received(&holder, (struct relay_message){.word = RELAY_SIGNAL, .number = number});
    }
    (void)close(file);
    assert_int_equal(descriptors(), before);
}

/* ---- stops ---- */

static void a_stop_is_asked_for_once_until_it_is_answered(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        relay_ask_stop(&holder, SIGSTOP);
        relay_ask_stop(&holder, SIGTSTP);
        relay_ask_stop(&holder, SIGSTOP);
        assert_received(&front, (struct relay_message){.word = RELAY_STOP, .number = SIGSTOP});
        assert_empty(&front);
        /* something else is no answer */
        assert_true(relay_send(&front, (struct relay_message){.word = RELAY_SIGNAL, .number = SIGUSR1}, -1));
        assert_received(&holder, (struct relay_message){.word = RELAY_SIGNAL, .number = SIGUSR1});
        relay_ask_stop(&holder, SIGSTOP);
        assert_empty(&front);
        assert_true(relay_send(&front, (struct relay_message){.word = RELAY_RESUMED, .number = round % 2}, -1));
        assert_received(&holder, (struct relay_message){.word = RELAY_RESUMED, .number = round % 2});
    }
}

static void a_stop_that_could_not_be_asked_for_is_asked_for_again(void **state)
{
    struct relay_message got;

    (void)state;
    while (relay_send(&holder, (struct relay_message){.word = RELAY_ENDED}, -1))
        continue;
    relay_ask_stop(&holder, SIGSTOP);
    while (relay_receive(&front, &got, NULL) == RELAY_MESSAGE)
        assert_int_equal(got.word, RELAY_ENDED);
    relay_ask_stop(&holder, SIGSTOP);
    assert_received(&front, (struct relay_message){.word = RELAY_STOP, .number = SIGSTOP});
}

/* So that the front can tell a stop that was asked for before the holder knew of its last SIGCONT. */
static void a_stop_says_how_many_continues_were_known(void **state)
{
    (void)state;
    for (int continued = 0; continued < 3; continued++) {
        relay_ask_stop(&holder, SIGTTIN);
        assert_received(&front, (struct relay_message){.word = RELAY_STOP, .number = SIGTTIN, .code = continued});
        assert_true(relay_send(&front, (struct relay_message){.word = RELAY_RESUMED, .number = 1}, -1));
        assert_true(relay_send(&front, (struct relay_message){.word = RELAY_SIGNAL, .number = SIGCONT}, -1));
        assert_received(&holder, (struct relay_message){.word = RELAY_RESUMED, .number = 1});
        assert_received(&holder, (struct relay_message){.word = RELAY_SIGNAL, .number = SIGCONT});
    }
}

static void only_continues_are_counted(void **state)
{
    static const int others[] = {SIGHUP, SIGTERM, SIGTSTP, SIGUSR1, SIGWINCH};

    (void)state;
    for (size_t at = 0; at < COUNT(others); at++) {
        assert_true(relay_send(&front, (struct relay_message){.word = RELAY_SIGNAL, .number = others[at]}, -1));
        assert_received(&holder, (struct relay_message){.word = RELAY_SIGNAL, .number = others[at]});
    }
    /* a number means a signal only where the word says so */
    assert_true(relay_send(&front, (struct relay_message){.word = RELAY_RESUMED, .number = SIGCONT}, -1));
    assert_received(&holder, (struct relay_message){.word = RELAY_RESUMED, .number = SIGCONT});
    assert_int_equal(holder.continued, 0);
    assert_true(relay_send(&front, (struct relay_message){.word = RELAY_SIGNAL, .number = SIGCONT}, -1));
    assert_int_equal(holder.continued, 0);
    assert_received(&holder, (struct relay_message){.word = RELAY_SIGNAL, .number = SIGCONT});
    assert_int_equal(holder.continued, 1);
}

#define WITH_BOTH_ENDS(test) cmocka_unit_test_setup_teardown(test, open_both, close_both)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WITH_BOTH_ENDS(the_last_word_is_read_though_its_sender_left_messages_unread),
        WITH_BOTH_ENDS(messages_come_whole_and_in_order_both_ways),
        WITH_BOTH_ENDS(both_ends_are_closed_by_exec_and_never_block),
        WITH_BOTH_ENDS(nothing_to_read_is_told_at_once),
        WITH_BOTH_ENDS(what_was_said_before_the_end_is_read_first),
        WITH_BOTH_ENDS(saying_something_to_nobody_fails_and_raises_no_signal),
        WITH_BOTH_ENDS(an_end_that_was_never_open_is_gone),
        WITH_BOTH_ENDS(a_message_of_another_size_is_none_of_ours),
        WITH_BOTH_ENDS(a_reader_that_does_not_read_blocks_nobody),
        WITH_BOTH_ENDS(a_descriptor_comes_along_and_is_closed_by_exec),
        WITH_BOTH_ENDS(without_one_there_is_none),
        WITH_BOTH_ENDS(a_descriptor_that_nobody_asked_for_is_not_taken),
        WITH_BOTH_ENDS(a_stop_is_asked_for_once_until_it_is_answered),
        WITH_BOTH_ENDS(a_stop_that_could_not_be_asked_for_is_asked_for_again),
        WITH_BOTH_ENDS(a_stop_says_how_many_continues_were_known),
        WITH_BOTH_ENDS(only_continues_are_counted),
    };

    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
