/* refusal.h - the mark that a job's account was refused: Slurm and Flux drain a node whose prolog fails, so that a
 * prolog leaves this instead, and what runs as the account finds it and ends the job. SHARE_ROOT/refused/ID, root's,
 * for the account to read, written whole. */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct refusal {
    uid_t owner;   /* 0: nobody knew whose job it is */
    json_t *facts; /* "uid", "account", "profile", "step", "code", "message"; NULL: not for the caller to read */
};

/* As root; in place of one that was there. STATUS_SYSTEM. */
enum result CHECKED refusal_write(const char *id, uid_t owner, const json_t *facts, struct error *error);

/* false: there is none, or it is another account's and the caller not root. refusal_free() when true. */
bool refusal_read(struct refusal *refusal, const char *id);

/* Call `visit` for each, as root. */
void refusal_each(void (*visit)(void *data, const char *id, const struct refusal *refusal), void *data);

/* false: there was none. */
bool refusal_remove(const char *id);

void refusal_free(struct refusal *refusal);
