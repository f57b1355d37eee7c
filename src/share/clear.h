/* clear.h - what a keeper that was killed has left behind, removed. As root, within a guarded step: place_lock() waits. */
#pragma once

#include "base/error.h"
#include "share/place.h"

#include <stdbool.h>

struct cleared {
    bool alive;  /* it has a keeper, which sees to all itself: nothing was touched */
    int dead;    /* leases of processes that had ended, and holds whose time was over, removed */
    int holds;   /* holds released */
    int left;    /* who is still in it; they keep the state */
    bool states; /* the state of a keeper that was killed was removed */
};

/* Under the exclusive lock, and only where no keeper lives. release_holds: of a session that was closed by force.
 * STATUS_TRY_AGAIN, STATUS_SYSTEM. */
enum result CHECKED share_clear(const struct place *place, bool release_holds, struct cleared *cleared,
                                struct error *error);
