/* state.h - the file "state" of a shared session: where it stands, and what those who join take over from it. Written
 * whole, by rename; read without a lock only to be shown. Text, a line a fact, in the order of struct state. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "share/place.h"

#include <stdbool.h>
#include <stdint.h>

enum state_word {
    STATE_NONE, /* there is no file */
    STATE_OPENING,
    STATE_OPEN,
    STATE_CLOSING
};

struct state {
    enum state_word word;
    pid_t keeper;            /* in its own pid namespace */
    char boot[40];           /* /proc/sys/kernel/random/boot_id */
    int64_t since;           /* when it was opened, time(2) */
    char account[256];       /* by name, for people */
    bool used_password;      /* what was forwarded, or typed: a joiner's will not be asked for any more */
    uint32_t reopened;       /* times that its keeper was killed and another one opened it again */
    uint32_t refreshed;      /* times that its credentials were */
    char last_refresh[256];  /* "ok", or what was answered; empty: none so far */
    struct strv environment; /* the PAM environment */
    char *context;           /* what else modules changed: context.h's text; NULL: nothing */
};

/* Read it. word is STATE_NONE where there is none. false: *problem says why; what is there is no state of ours. */
bool state_read(struct state *state, const struct place *place, const char **problem);

bool state_write(const struct state *state, const struct place *place);

/* The same, without files. text: changed. *text of state_format(): malloc'd; NULL: out of memory. */
bool state_parse(struct state *state, char *text);
char *state_format(const struct state *state, size_t *length);

/* This boot's, or empty. */
void state_boot_id(char *boot, size_t size);

const char *state_word_name(enum state_word word);

void state_free(struct state *state);
