/* lease.h - a claim on a shared session: a file in its folder's "leases", whose name says all.
 *
 *     PID.START  a run: the pid of its command, and when that process started, in clock ticks since boot, proc(5). It
 *                ends with the process, however that dies; who finds it dead removes the file.
 *     @ID        a hold: until it is released, or its time is over, which is what the file says (hold.h) */
#pragma once

#include "ask/hold.h"
#include "share/place.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LEASE_NAME_MAX = 48 };

struct lease {
    pid_t pid;
    uint64_t start;
};

/* The lease that a process of that pid has, if it lives (a zombie does not). false: it does not, or /proc is not
 * there. */
bool lease_of_process(struct lease *lease, pid_t pid);

/* Our own. Allocates nothing. */
bool lease_of_self(struct lease *lease);

/* "leases/PID.START". */
void lease_path(const struct lease *lease, char *path, size_t size);

/* The name of a run's lease, without folder. false: it is none. */
bool lease_parse(struct lease *lease, const char *name);

/* Make the file. Allocates nothing: the command's own process may do it. Under the lock, or while another lease of the
 * same run lives. 0, or an errno value. */
int lease_take(const struct place *place, const struct lease *lease);

void lease_release(const struct place *place, const struct lease *lease);

/* Does its process live? Opens a pidfd *before* the start time is compared: a pid may be another process's by then. The
 * descriptor, or -1: it does not. -2, and errno: nobody can tell (no descriptors). */
int lease_watch(const struct lease *lease);

/* Take the hold, or take it again with another time. seconds: from now on, 0: until it is released. Under the lock. */
bool hold_take(const struct place *place, const char *id, int64_t seconds);

/* false: there is none. */
bool hold_release(const struct place *place, const char *id);

enum { HOLD_NONE = -1, HOLD_UNKNOWN = -2 };

/* When the hold ends, in CLOCK_BOOTTIME seconds; 0: never; HOLD_NONE: there is no such hold; HOLD_UNKNOWN: there is one,
 * which cannot be read now, for want of memory or descriptors. */
int64_t hold_end(const struct place *place, const char *id);

/* CLOCK_BOOTTIME: it goes on while the machine is suspended. */
int64_t lease_now_s(void);

/* Call `visit` for each lease file: with its name ("12.34", "@job"). false: the folder cannot be read. */
bool lease_each(const struct place *place, void (*visit)(void *data, const char *name), void *data);

/* Remove those that are over. Under the exclusive lock, while no keeper lives. Returns how many are left, -1: nobody
 * can tell. */
int lease_sweep(const struct place *place);
