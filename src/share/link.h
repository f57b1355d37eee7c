/* link.h - what opener and keeper say to each other while the keeper opens a shared session: it has neither the
 * terminal nor what was forwarded, so questions and messages of modules go to the opener. A pair of unix(7) sockets
 * that keep messages apart; the end of one is the end of the other's process. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum link_word {
    /* the keeper's */
    LINK_BEGIN = 1, /* pid `number` */
    LINK_STEP,      /* step `number` begins */
    LINK_DONE,      /* it worked */
    LINK_TELL,      /* a module's message: style `number`, its text */
    LINK_ASK,       /* a module's question, likewise; LINK_ANSWER is waited for */
    LINK_FAILED,    /* the session is not open: a struct error; all is undone */
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

bool link_open(int ends[2]);

/* Blocks no longer than the other side takes to read. false: it has gone. text: cut to what there is room for. */
bool link_say(int fd, enum link_word word, int number, const char *text);
bool link_fail(int fd, const struct error *error);

/* Wait for a message; a signal that stops us ends that (errno EINTR). false: the other side has gone (errno 0), or
 * errno. */
bool link_hear(int fd, struct link_message *message);

/* The same, of one who was told to stop and waits all the same. */
bool link_await(int fd, struct link_message *message);
