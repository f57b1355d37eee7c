/* hazard.h - two sessions of one account and profile, of which one is shared and the other a run's own, that closes it
 * at its end: what modules undo then, a mount or a ticket, may be the other's. Nothing is done about it but that it is
 * told.
 *
 * A file below the sessions' folders with a record lock (fcntl(2)) for each run of the second kind, at a place that its
 * account and profile say: it ends with the process, and names it. Where nobody has shared a session since the machine
 * began there is no such file, and nothing to tell. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A run whose session is its own, and will be closed by this process: leave a mark, and say whether a shared one is
 * open. */
bool hazard_of_own_session(uid_t uid, const char *profile);

/* A run that opens a shared session: the pid of one whose own is open, 0: none. */
pid_t hazard_of_shared_session(uid_t uid, const char *profile);
