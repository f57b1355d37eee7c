/* held.h - the descriptors by which a keeper has its session: the folder, the lock, and its mark, place.h. Modules run
 * in the keeper and may close what they find, or put a file of theirs in its place. With the mark others take the
 * keeper for dead, and open a second session beside it. */
#pragma once

#include "base/error.h"
#include "base/same_file.h"
#include "share/place.h"

#include <stdbool.h>

struct held {
    struct place *place;
    int mark; /* -1: not marked yet */
    struct same_file folder, lock, marked;
};

/* Note what they are now, before a module runs. The lock: if there is one. */
void held_note(struct held *held);

/* Is the folder still open, and the lock, if there was one noted? */
bool held_has_place(const struct held *held);

bool held_has_mark(const struct held *held);

/* Mark again. Under the exclusive lock only: else somebody may have seen that the mark was gone. FAILED: another keeper
 * lives. */
enum result CHECKED held_mark(struct held *held, struct error *error);

/* Have all of it again, with the lock taken exclusively if it is not ours: what was noted and is somebody else's now is
 * left to him. FAILED: another keeper has come meanwhile, or the lock cannot be had. */
enum result CHECKED held_regain(struct held *held, uid_t uid, const char *profile, struct error *error);
