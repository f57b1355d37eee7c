#include "share/clear.h"

#include "base/owned.h"
#include "share/lease.h"
#include "share/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct counting {
    const struct place *place;
    int count, holds;
    bool release_holds;
};

static void count_lease(void *data, const char *name)
{
    struct counting *counting = data;

    counting->count++;
    if (name[0] == '@' && counting->release_holds && hold_release(counting->place, name + 1))
        counting->holds++;
}

/* place_write()'s, of processes that were killed while they wrote. */
static void remove_unfinished(const struct place *place)
{
    OWNED(directory_close) DIR *directory = NULL;
    struct dirent *entry;
    int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL)
        fd_close(&fd);
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (strncmp(entry->d_name, ".new.", 5) == 0)
            place_remove(place, entry->d_name);
}

static enum result fail_leases(const struct place *place, struct error *error)
{
    return fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session %s: %s/%s/leases: %s", place->name, SHARE_ROOT,
                place->name, errno != 0 ? strerror(errno) : "cannot be read");
}

static enum result clear_locked(const struct place *place, bool release_holds, struct cleared *cleared,
                                struct error *error)
{
    struct counting counting = {.place = place, .release_holds = release_holds};

    if (place_find_keeper(place) != 0) {
        cleared->alive = true;
        return OK;
    }
    errno = 0;
    if (!lease_each(place, count_lease, &counting))
        return fail_leases(place, error);
    errno = 0;
    cleared->left = lease_sweep(place);
    if (cleared->left < 0)
        return fail_leases(place, error);
    cleared->holds = counting.holds;
    cleared->dead = counting.count - counting.holds - cleared->left;
    remove_unfinished(place);
    if (cleared->left > 0 && !release_holds)
        return OK;
    cleared->states = faccessat(place->fd, "state", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    place_remove(place, "status");
    place_remove(place, "environment");
    place_remove(place, "state");
    return OK;
}

enum result share_clear(const struct place *place, bool release_holds, struct cleared *cleared, struct error *error)
{
    struct place locked = *place; /* a lock of our own */
    enum result done;

    *cleared = (struct cleared){.left = 0};
    if (place_find_keeper(place) != 0) {
        cleared->alive = true;
        return OK;
    }
    locked.lock = -1;
    done = place_lock(&locked, LOCK_EX, error);
    if (done != OK && error->status == STATUS_TRY_AGAIN && place_find_keeper(place) != 0) {
        cleared->alive = true; /* somebody opens it again: what is left is his */
        done = OK;
    } else if (done == OK)
        done = clear_locked(&locked, release_holds, cleared, error);
    place_unlock(&locked);
    return done;
}
