/* link.h - what opener and keeper say to each other while the keeper opens a shared session: it has neither the
 * terminal nor what was forwarded, so questions and messages of modules go to the opener. A pair of unix(7) sockets
 * that keep messages apart. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum link_word {
    /* the keeper's */
    LINK_BEGIN = 1, /* its pidfd comes along: struct link, process */
    LINK_STEP,      /* step `number` begins */
    LINK_DONE,      /* it worked */
    LINK_TELL,      /* a module's message: style `number`, its text */
    LINK_ASK,       /* a module's question, likewise; LINK_ANSWER is waited for */
    LINK_FAILED,    /* the session is not open: a struct error; `number` 1: all is undone, and the handle ended */
    LINK_OPEN,      /* the session is open, and known to be */
    /* the opener's */
    LINK_ANSWER /* PAM code `number`, the answer */
};

enum { LINK_TEXT_MAX = 8192 };

struct link_message {
    int32_t word, number;
    union {
        char text[LINK_TEXT_MAX]; /* NUL-terminated */
        struct error error;
    } more;
};

struct link {
    int fd;
    int process; /* the other side's pidfd: a helper that it left behind may keep the link open. -1: not told */
};

/* ends[0]: the opener's. false, and errno. */
bool link_open(struct link ends[2]);

/* Blocks no longer than the other side takes to read. false: it has gone. text: cut to what there is room for. */
bool link_say(const struct link *link, enum link_word word, int number, const char *text);
bool link_fail(const struct link *link, const struct error *error, bool undone);

/* LINK_BEGIN, of this process. */
bool link_begin(const struct link *link);

/* Wait for a message. A signal that stops us ends that (errno EINTR), unless we wait `in_spite` of one. false: the
 * other side has gone (errno 0), or errno. */
bool link_hear(struct link *link, bool in_spite, struct link_message *message);

void link_close(struct link *link);
