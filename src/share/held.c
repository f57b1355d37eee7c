#include "share/held.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

static void note(struct same_file *file, int fd)
{
    if (fd < 0 || !same_file_note(file, fd))
        *file = (struct same_file){.fd = -1};
}

void held_note(struct held *held)
{
    note(&held->folder, held->place->fd);
    note(&held->lock, held->place->lock);
    note(&held->marked, held->mark);
}

static bool has_lock(const struct held *held)
{
    return held->lock.fd >= 0 && same_file_is(&held->lock);
}

bool held_has_place(const struct held *held)
{
    return same_file_is(&held->folder) && (held->lock.fd < 0 || has_lock(held));
}

bool held_has_mark(const struct held *held)
{
    return same_file_is(&held->marked);
}

enum result held_mark(struct held *held, struct error *error)
{
    int mark = place_mark_keeper(held->place);

    if (mark < 0)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "shared session %s: %s", held->place->name,
                    errno == EAGAIN ? "another keeper lives" : strerror(errno));
    held->mark = mark;
    held_note(held);
    return OK;
}

static enum result reopen(struct place *place, uid_t uid, const char *profile, struct error *error)
{
    struct place again;

    if (place_open(&again, uid, profile, false, error) != OK)
        return FAILED;
    place->fd = again.fd;
    return place->fd >= 0
               ? OK
               : fail(error, STEP_SHARE, STATUS_SYSTEM, "shared session %s: its folder is gone", place->name);
}

enum result held_regain(struct held *held, uid_t uid, const char *profile, struct error *error)
{
    struct place *place = held->place;
    bool locked = has_lock(held), marked = held_has_mark(held);

    if (!same_file_is(&held->folder) && reopen(place, uid, profile, error) != OK)
        return FAILED;
    if (!locked) {
        place->lock = -1;
        if (place_lock(place, LOCK_EX, error) != OK)
            return FAILED;
    }
    if (!marked && held_mark(held, error) != OK) {
        place_unlock(place);
        held_note(held);
        return FAILED;
    }
    held_note(held);
    return OK;
}
