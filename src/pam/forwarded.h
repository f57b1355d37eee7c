/* forwarded.h - secrets that the applicant hands over on a descriptor: a password (--forward-password-fd), or one
 * answer a line (--forward-answers-fd).
 *
 * Read to their end before any module runs, by the process that makes the PAM calls, after its last fork before them;
 * the descriptor is closed then. The bytes live in one page that is not in swap, core files, forked copies or, where
 * the kernel has memfd_secret(2), in anybody's reach but our own, and are wiped when the last prompt that may have them
 * is over. What libpam and modules do with the copy that an answer is, is theirs: SECURITY.md. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FORWARDED_DEADLINE_MS = 10000 };

enum forwarded_kind {
    FORWARDED_NONE,
    FORWARDED_PASSWORD, /* one line; given once, or to every prompt */
    FORWARDED_ANSWERS,  /* one line for each prompt, in order */
};

struct forwarded {
    enum forwarded_kind kind;
    char *bytes;   /* a page of its own; NULL: nothing is there (any more) */
    size_t length; /* of what was read */
    size_t at;     /* FORWARDED_ANSWERS: where the next one begins */
    unsigned int given;
    char *const *prompts; /* further texts that ask for the password; NULL-terminated, or NULL; borrowed */
    bool any_prompt;      /* --any-prompt: every prompt without echo, of pam_open_session(3) too */
};

/* Can it come from there? Before we open anything: the number of a descriptor that is not open may become one of ours.
 * applicant: whose files may hold it, besides root's. STATUS_USAGE. */
enum result CHECKED forwarded_check(enum forwarded_kind kind, int fd, uid_t applicant, struct error *error);

/* Read it from fd, which was checked, and close that in any case. STATUS_USAGE: a content that it cannot be;
 * STATUS_TRY_AGAIN: nobody wrote in time; STATUS_SYSTEM. The content is in no message. forwarded_wipe() in any case. */
enum result CHECKED forwarded_read(struct forwarded *forwarded, enum forwarded_kind kind, int fd, struct error *error);

/* The answer to a prompt without echo whose text is prompt, malloc'd with room for PAM_MAX_RESP_SIZE bytes; NULL: it
 * gets none, and why is set. */
char *forwarded_answer(struct forwarded *forwarded, const char *prompt, const char **why);

/* Before the process ends, on every path, and as soon as it is not needed any more. May be called again. */
void forwarded_wipe(struct forwarded *forwarded);
