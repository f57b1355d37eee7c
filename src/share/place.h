/* place.h - /run/pamrun/UID.PROFILE: what is known of one shared session, and the locks on it. DESIGN: state is files,
 * so that everything can be looked at and outlives whoever wrote it.
 *
 *     lock         flock(2): shared while joining, exclusive while opening or closing
 *     keeper       fcntl(2) record lock: the keeper lives; its helpers do not inherit it, as they would the other
 *     state        state.h; there while there is a session, or was when its keeper was killed
 *     environment  the session's variables, NUL-separated, for the account to read
 *     status       what else the account may know
 *     leases/      lease.h
 *
 * Folders, lock and keeper are never removed: whoever waits for a lock must wait for the one that the next will
 * take. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define SHARE_ROOT     "/run/pamrun"
#define SHARE_UNSHARED SHARE_ROOT "/unshared" /* hazard.h */

enum { LOCK_WAIT_MS = 30000 };

struct place {
    int fd;         /* -1: there is none */
    char name[112]; /* "1000.su" */
    int lock;       /* -1: not locked by us */
    int wait_ms;    /* for the lock; 0: LOCK_WAIT_MS */
    bool is_kept;   /* we are the keeper */
};

/* Open it. make: also where it is not there yet; else place->fd is -1 then. Every part of the path is looked at: root's
 * alone, no symbolic link. STATUS_SYSTEM. place_close() in any case, on one that began as {.fd = -1, .lock = -1}. */
enum result CHECKED place_open(struct place *place, uid_t uid, const char *profile, bool make, struct error *error);

/* Under the exclusive lock: who comes second may find the folder before the first has made all of it. */
enum result CHECKED place_make_leases(const struct place *place, struct error *error);

/* The same for a folder of that name that is no session's: it has no lock, and place_write() and place_remove()
 * work. */
enum result CHECKED place_open_folder(struct place *place, const char *name, bool make, struct error *error);

/* Call `visit` for each folder of a session: there may be no session in it now. false, and errno: it cannot be told
 * which there are; that nothing was ever shared is no error. */
bool place_each(void (*visit)(void *data, uid_t uid, const char *profile), void *data);

/* Take the lock, LOCK_SH or LOCK_EX, or turn one into the other, which is not atomic (flock(2)): look again after it.
 * Inside a guarded step, and with stop signals blocked: whoever is stopped with it holds up all others.
 * STATUS_TRY_AGAIN after wait_ms, naming who has it; 128 + signal when told to stop. */
enum result CHECKED place_lock(struct place *place, int operation, struct error *error);

/* The same, if it is to be had at once. */
bool place_lock_now(struct place *place, int operation);

/* Unlock, and not only close: a helper that a module left behind may have a copy of the descriptor. Who has forked a
 * process that needs the lock waits for its word first. */
void place_unlock(struct place *place);

/* Does somebody else hold it exclusively now, opening or closing? */
bool place_is_busy(const struct place *place);

/* The keeper's pid, 0: it does not live. -1: it does, but in another pid namespace, or nobody can tell (errno). */
pid_t place_find_keeper(const struct place *place);

/* The keeper's own mark. A descriptor that must stay open, or below 0 and errno; EAGAIN: another keeper lives. The mark
 * is gone as soon as the process closes any descriptor of that file: from now on place_find_keeper() opens none. */
int place_mark_keeper(struct place *place);

/* Replace a file of the folder, all of it or nothing: written aside, renamed. Root's, mode 0600; reader: who else may
 * read it, acl.h, 0 for nobody. false, and errno. */
bool place_write(const struct place *place, const char *name, const void *bytes, size_t length, uid_t reader);

/* Remove a file; that it is not there is no error. */
void place_remove(const struct place *place, const char *name);

void place_close(struct place *place);
