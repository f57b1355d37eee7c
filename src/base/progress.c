#include "base/progress.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, LOOK_MS = 250, WRITER_PATIENCE_MS = 200, COLUMNS_USUAL = 80 };

/* Instead of a step. */
enum { NO_STEP = -1, RESTING = -2 };

/* The lowest bits of `word`; the others count, so that what was looked at is known not to have changed meanwhile. */
enum { HIDDEN, WRITING, SHOWN, STATES = 4, STATE_MASK = STATES - 1 };

static struct shared {
    _Atomic uint32_t word;
    _Atomic int32_t step; /* written before `word` changes */
    char whom[240];       /* " for ACCOUNT (profile PROFILE)" */
} * shared;

/* What is said there, and wiped off, is for who sees it: not while another program has the terminal. */
static bool in_foreground(void)
{
    return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

void progress_open(void)
{
    void *page;

    if (isatty(STDERR_FILENO) != 1)
        return;
    page = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return; /* nothing depends on it */
    shared = page;
    atomic_store(&shared->step, NO_STEP);
}

void progress_close(void)
{
    shared = NULL; /* the memory is the others' too, and goes with us */
}

bool progress_is_open(void)
{
    return shared != NULL;
}

void progress_name(const char *account, const char *profile)
{
    char whom[sizeof shared->whom];

    if (shared == NULL)
        return;
    (void)snprintf(whom, sizeof whom, " for %s (profile %s)", account, profile);
    (void)text_visible(shared->whom, sizeof shared->whom, whom, TEXT_ONE_LINE);
}

/* The line is whole, or not begun, when it is wiped off. Who writes it may be dead, and a terminal may be slow: neither
 * holds us up for long. */
static void wait_for_writer(void)
{
    for (int waited = 0; waited < WRITER_PATIENCE_MS; waited++) {
        if ((atomic_load(&shared->word) & STATE_MASK) != WRITING)
            return;
        (void)poll(NULL, 0, 1);
    }
}

/* anywhere: also where the other process's foreground is not ours. */
static void change(int32_t step, bool anywhere)
{
    static const char wipe[] = "\r\033[K";
    uint32_t before;
    pid_t group;

    if (shared == NULL)
        return;
    atomic_store(&shared->step, step);
    wait_for_writer();
    /* No loop until nobody has written in between: the other process is the applicant's. */
    before = atomic_exchange(&shared->word, (atomic_load(&shared->word) / STATES + 1) * STATES + HIDDEN);
    if ((before & STATE_MASK) == HIDDEN)
        return;
    group = tcgetpgrp(STDERR_FILENO);
    if (anywhere || group < 0
        || group == getpgrp()) /* in a session of its own the worker cannot know, but who wrote it did */
        while (write(STDERR_FILENO, wipe, sizeof wipe - 1) < 0 && errno == EINTR) /* the signal that ends the step */
            continue;
}

void progress_enter(enum step step)
{
    change((int32_t)step, false);
}

void progress_leave(void)
{
    change(NO_STEP, false);
}

void progress_make_room(void)
{
    if (shared != NULL)
        change(atomic_load(&shared->step), false);
}

void progress_rest(bool own_terminal)
{
    change(RESTING, own_terminal);
}

/* ---- the other process ---- */

static size_t columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_USUAL;
}

/* In one row, or it could not be wiped off: no character is wider than it has bytes. */
static void show(int32_t step)
{
    char line[sizeof shared->whom + 80], shown[sizeof line];
    size_t room = columns();

    (void)snprintf(line, sizeof line, "%s: waiting for %s%.*s", log_program(), step_name((enum step)step),
                   (int)sizeof shared->whom - 1, shared->whom);
    if (room > sizeof shown)
        room = sizeof shown;
    if (room >= 8) /* text_visible()'s least */
        (void)!write(STDERR_FILENO, shown, text_visible(shown, room, line, TEXT_ONE_LINE));
}

/* A terminal that takes nothing (^S) is not waited for. */
static bool may_write(void)
{
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};

    return in_foreground() && poll(&reader, 1, 0) == 1 && (reader.revents & POLLOUT) != 0;
}

int progress_look(struct progress_watch *watch)
{
    uint32_t word;
    int32_t step;
    int64_t now;

    if (shared == NULL || atomic_load(&shared->step) == RESTING)
        return -1;
    now = clock_now_ms();
    word = atomic_load(&shared->word);
    step = atomic_load(&shared->step);
    if (word != watch->seen) {
        watch->seen = word;
        watch->since_ms = now;
    }
    if (step >= 0 && (word & STATE_MASK) == HIDDEN && now - watch->since_ms >= PATIENCE_MS && may_write()
        && atomic_compare_exchange_strong(&shared->word, &word, word + WRITING)) {
        show(step);
        word += WRITING;
        (void)atomic_compare_exchange_strong(&shared->word, &word, word - WRITING + SHOWN);
    }
    return LOOK_MS;
}
