/* detach.h - a fork of ours that is to outlive its caller, and have nothing of him: neither his session and terminal,
 * nor his descriptors, limits, umask, priority or out-of-memory score. */
#pragma once

#include "base/error.h"
#include "run/inherited.h"

/* STATUS_SYSTEM. */
enum result CHECKED detach(struct inherited *inherited, struct error *error);
