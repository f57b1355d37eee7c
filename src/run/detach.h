/* detach.h - a fork of ours that is to outlive its caller, and have nothing of him: neither his session and terminal,
 * nor his descriptors, limits, umask, priorities, processors, out-of-memory score, or session keyring. */
#pragma once

#include "base/error.h"
#include "run/inherited.h"

/* STATUS_SYSTEM. */
enum result CHECKED detach(struct inherited *inherited, struct error *error);

/* Nearly the last that the kernel ends when memory is short: we are small, and many rely on us. Not while modules run:
 * what they leave running inherits it. Where we may not, nothing changes. */
void detach_protect(bool protect);
