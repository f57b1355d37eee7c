/* take.h - in a run that joins a shared session: what modules changed in its keeper is applied to it, and seen to be
 * so. Whatever fails, the run must not go on: it would have less than the session, or be less confined.
 *
 * Two moments: as root with the account's groups, then in the command's process right after it became the account.
 * Where nothing changed, both cost no system call. */
#pragma once

#include "base/error.h"
#include "share/context.h"

#include <sys/stat.h>

/* keeper: its pidfd, or -1 where context_needs_keeper() says no. *limits: those that limits_take() took, or zeroed;
 * they are noted for limits_give(). *umask: the command's, written when a module set one. All else is this process's
 * from here on: namespaces and root directory (the working directory is "/" then), groups, priority, session keyring,
 * audit id, label. STATUS_TRY_AGAIN: it cannot join from here, or the keeper has ended meanwhile. */
enum result CHECKED context_take(const struct context *context, int keeper, struct limits *limits, mode_t *umask,
                                 struct error *error);

/* Right after privilege_become(), before anything else. Allocates nothing. 0, or an errno value. */
int context_take_as_account(const struct context *context);
