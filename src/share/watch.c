#include "share/watch.h"

#include "base/owned.h"
#include "share/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    EVENTS_AT_ONCE = 64,
    LEASES_FIRST = 16,
    LOOK_AGAIN_MS = 1000 /* while a lease has no pidfd, the folder could not be read, or is not watched */
};

/* ---- the table ---- */

static struct watched *find(const struct watch *watch, const char *name)
{
    for (size_t at = 0; at < watch->count; at++)
        if (strcmp(watch->leases[at].name, name) == 0)
            return &watch->leases[at];
    return NULL;
}

static struct watched *add(struct watch *watch, const char *name)
{
    struct watched *lease;

    if (watch->count == watch->room) {
        size_t room = watch->room > 0 ? watch->room * 2 : LEASES_FIRST;
        struct watched *larger = reallocarray(watch->leases, room, sizeof *larger);

        if (larger == NULL)
            return NULL;
        watch->leases = larger;
        watch->room = room;
    }
    lease = &watch->leases[watch->count];
    *lease = (struct watched){.name = strdup(name), .pidfd = -1};
    if (lease->name == NULL)
        return NULL;
    watch->count++;
    return lease;
}

static void forget(struct watch *watch, struct watched *lease)
{
    fd_close(&lease->pidfd); /* epoll(7) forgets it too: there is no copy */
    free(lease->name);
    *lease = watch->leases[--watch->count];
}

static void end_lease(struct watch *watch, struct watched *lease)
{
    char path[HOLD_ID_MAX + 16];

    (void)snprintf(path, sizeof path, "leases/%s", lease->name);
    place_remove(watch->place, path);
    forget(watch, lease);
}

/* ---- one lease ---- */

static bool listen_to(const struct watch *watch, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return fd >= 0 && epoll_ctl(watch->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Of a process: where there is no descriptor for it, it counts as alive until one can be had. */
static void look_at_process(struct watch *watch, struct watched *lease)
{
    struct lease process;

    (void)lease_parse(&process, lease->name);
    lease->pidfd = lease_watch(&process);
    if (lease->pidfd == -1) {
        end_lease(watch, lease);
    } else if (!listen_to(watch, lease->pidfd)) {
        watch->incomplete = true;
        fd_close(&lease->pidfd);
        lease->pidfd = -1;
    } else {
        (void)same_file_note(&lease->process, lease->pidfd);
    }
}

static void look_at_hold(struct watch *watch, struct watched *lease)
{
    lease->end = hold_end(watch->place, lease->name + 1);
    if (lease->end == HOLD_NONE)
        forget(watch, lease);
    else if (lease->end == HOLD_UNKNOWN)
        watch->incomplete = true;
    else if (lease->end > 0 && lease->end <= lease_now_s() && watch->is_locked)
        end_lease(watch, lease);
    else if (lease->end > 0 && lease->end <= lease_now_s())
        forget(watch, lease);
}

static void look_at(struct watch *watch, const char *name)
{
    struct watched *lease = find(watch, name);

    if (lease == NULL)
        lease = add(watch, name);
    if (lease == NULL)
        watch->incomplete = true;
    else if (name[0] == '@')
        look_at_hold(watch, lease);
    else if (lease->pidfd < 0)
        look_at_process(watch, lease);
}

static void visit(void *data, const char *name)
{
    look_at(data, name);
}

static void arm_timer(const struct watch *watch)
{
    struct itimerspec when = {.it_interval = {0, 0}};

    for (size_t at = 0; at < watch->count; at++) {
        int64_t end = watch->leases[at].end;

        if (end > 0 && (when.it_value.tv_sec == 0 || end < when.it_value.tv_sec))
            when.it_value.tv_sec = (time_t)end;
    }
    (void)timerfd_settime(watch->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Those whose file has gone while nobody looked. */
static void forget_released(struct watch *watch)
{
    for (size_t at = watch->count; at-- > 0;) {
        char path[HOLD_ID_MAX + 16];

        (void)snprintf(path, sizeof path, "leases/%s", watch->leases[at].name);
        if (faccessat(watch->place->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
            forget(watch, &watch->leases[at]);
    }
}

static void note_own(struct watch *watch)
{
    const int own[] = {watch->poll, watch->timer, watch->signals, watch->changes};

    for (size_t at = 0; at < sizeof own / sizeof *own; at++)
        if (own[at] < 0 || !same_file_note(&watch->own[at], own[at]))
            watch->own[at].fd = -1;
}

/* From here on what is made is noticed. false, and errno. */
static bool begin_changes(struct watch *watch)
{
    OWNED(fd_close) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[sizeof SHARE_ROOT + sizeof watch->place->name + sizeof "/leases"];

    (void)snprintf(path, sizeof path, "%s/%s/leases", SHARE_ROOT, watch->place->name);
    if (fd < 0 || inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0
        || !listen_to(watch, fd))
        return false;
    watch->changes = fd;
    fd = -1;
    note_own(watch);
    return true;
}

/* Those of all processes of root's count together: fs.inotify.max_user_instances, max_user_watches. */
static bool is_want_of_room(int problem)
{
    return problem == EMFILE || problem == ENFILE || problem == ENOSPC || problem == ENOMEM;
}

bool watch_scan(struct watch *watch, bool is_locked)
{
    bool scanned;

    if (watch->changes < 0)
        (void)begin_changes(watch);
    watch->incomplete = false;
    watch->is_locked = is_locked;
    forget_released(watch);
    scanned = lease_each(watch->place, visit, watch);
    watch->is_locked = false;
    watch->incomplete = watch->incomplete || !scanned;
    arm_timer(watch);
    return scanned;
}

/* ---- what happens ---- */

bool watch_start(struct watch *watch, const struct place *place, const sigset_t *signals)
{
    *watch = (struct watch){.place = place, .changes = -1, .incomplete = true, .waited_for = *signals};
    watch->poll = epoll_create1(EPOLL_CLOEXEC);
    watch->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    watch->signals = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    note_own(watch);
    return watch->poll >= 0 && listen_to(watch, watch->timer) && listen_to(watch, watch->signals)
           && (begin_changes(watch) || is_want_of_room(errno));
}

static void take_change(struct watch *watch, const struct inotify_event *event)
{
    struct watched *lease;
    struct lease unused;

    if ((event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT)) != 0) {
        watch->incomplete = true;
    } else if (event->len == 0 || (event->name[0] != '@' && !lease_parse(&unused, event->name))) {
        return;
    } else if ((event->mask & IN_DELETE) == 0) {
        look_at(watch, event->name);
    } else {
        lease = find(watch, event->name);
        if (lease != NULL)
            forget(watch, lease);
    }
}

static void take_changes(struct watch *watch)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t length;

    while ((length = read(watch->changes, events, sizeof events)) > 0)
        for (char *at = events; at < events + length;) {
            const struct inotify_event *event = (const void *)at;

            take_change(watch, event);
            at += sizeof *event + event->len;
        }
    arm_timer(watch);
}

/* The timer only says that it is time to look. */
static void take_time(struct watch *watch)
{
    uint64_t times;

    (void)!read(watch->timer, &times, sizeof times);
    for (size_t at = watch->count; at-- > 0;)
        if (watch->leases[at].end > 0 && watch->leases[at].end <= lease_now_s())
            forget(watch, &watch->leases[at]);
    arm_timer(watch);
}

/* Asked again: another change of the same moment may have closed the descriptor, and a new lease got its number. */
static void take_end(struct watch *watch, int pidfd)
{
    struct pollfd process = {.fd = pidfd, .events = POLLIN};

    if (poll(&process, 1, 0) != 1)
        return;
    for (size_t at = 0; at < watch->count; at++)
        if (watch->leases[at].pidfd == pidfd) {
            end_lease(watch, &watch->leases[at]);
            return;
        }
}

static int take_signal(const struct watch *watch)
{
    struct signalfd_siginfo info;

    return read(watch->signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

static bool must_look_again(const struct watch *watch)
{
    return watch->incomplete || watch->changes < 0;
}

int watch_wait(struct watch *watch, int timeout_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int number = 0, count;

    if (must_look_again(watch) && (timeout_ms < 0 || timeout_ms > LOOK_AGAIN_MS))
        timeout_ms = LOOK_AGAIN_MS;
    count = epoll_wait(watch->poll, events, EVENTS_AT_ONCE, timeout_ms);
    for (int at = 0; at < count; at++) {
        int fd = events[at].data.fd;

        if (fd == watch->changes)
            take_changes(watch);
        else if (fd == watch->timer)
            take_time(watch);
        else if (fd == watch->signals)
            number = take_signal(watch);
        else
            take_end(watch, fd);
    }
    if (must_look_again(watch))
        (void)watch_scan(watch, false);
    return number;
}

/* ---- what modules do to it ---- */

bool watch_is_whole(const struct watch *watch)
{
    for (size_t at = 0; at < sizeof watch->own / sizeof *watch->own; at++)
        if (watch->own[at].fd >= 0 && !same_file_is(&watch->own[at]))
            return false;
    for (size_t at = 0; at < watch->count; at++)
        if (watch->leases[at].pidfd >= 0 && !same_file_is(&watch->leases[at].process))
            return false;
    return true;
}

static void close_ours(struct same_file *file)
{
    if (same_file_is(file))
        fd_close(&file->fd);
}

bool watch_restart(struct watch *watch)
{
    const struct place *place = watch->place;
    sigset_t signals = watch->waited_for;

    for (size_t at = 0; at < watch->count; at++) {
        if (watch->leases[at].pidfd >= 0)
            close_ours(&watch->leases[at].process);
        free(watch->leases[at].name);
    }
    free(watch->leases);
    for (size_t at = 0; at < sizeof watch->own / sizeof *watch->own; at++)
        close_ours(&watch->own[at]);
    if (!watch_start(watch, place, &signals))
        return false;
    (void)watch_scan(watch, false);
    return true;
}
