/* watch.h - a keeper's eye on the leases of its session: each process by a pidfd, the folder by inotify(7), holds by a
 * timer. Nothing wakes it up but what happens; but where there is no inotify to be had it looks each second. */
#pragma once

#include "base/same_file.h"
#include "share/place.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watched {
    char *name;               /* of its file */
    struct same_file process; /* what the pidfd was */
    int pidfd;   /* -1: a hold, or a process that there was no descriptor for: looked at from time to time */
    int64_t end; /* of a hold: CLOCK_BOOTTIME seconds, 0: never */
};

struct watch {
    const struct place *place;
    int poll, changes, timer, signals; /* epoll(7), inotify(7), timerfd_create(2), signalfd(2); changes -1: none yet */
    struct same_file own[4];           /* what those were */
    sigset_t waited_for;
    struct watched *leases;
    size_t count, room;
    bool is_locked;  /* watch_scan() may remove holds */
    bool incomplete; /* something may have been missed: scan again */
};

/* Before the first watch_scan(): what is made from here on is noticed. signals: those that watch_wait() returns,
 * blocked. false, and errno. true and changes below 0: there are more inotify instances or watches than allowed; each
 * scan tries again. */
bool watch_start(struct watch *watch, const struct place *place, const sigset_t *signals);

/* Look at every lease there is. Those of processes that have ended are removed; a hold whose time is over only under
 * the exclusive lock, since it may be renewed in this moment. false: the folder cannot be read now. */
bool watch_scan(struct watch *watch, bool is_locked);

/* Wait for a change, at most so long (-1: for ever), and take it in. Returns a signal's number, or 0. */
int watch_wait(struct watch *watch, int timeout_ms);

/* After modules ran: are all its descriptors still what they were? One of an end of a lease that was closed would never
 * tell it. */
bool watch_is_whole(const struct watch *watch);

/* Begin anew, and scan. What is not ours any more is left to whom it belongs. false, and errno. */
bool watch_restart(struct watch *watch);
