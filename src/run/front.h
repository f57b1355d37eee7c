/* front.h - the process between the applicant and the holder, his shell's child: always when the applicant is not root,
 * and for root where the command gets a pseudo-terminal. It has his ids and nothing else: no PAM handle, no secret. It
 * passes on signals and stops, shows what comes from the command's pseudo-terminal, and exits as the holder says.
 * Killing it is a hang-up: the holder ends the command, closes the session, and puts the terminal's mode back. */
#pragma once

#include "base/error.h"
#include "base/relay.h"

#include <sys/types.h>

struct front_request {
    struct relay *relay;
    pid_t holder;                  /* our child */
    const char *account, *service; /* for what is told when it fails */
};

/* Give up root for good, and serve until the holder has ended and is reaped; all signals must be blocked. OK: *status
 * is the run's. FAILED (STATUS_SYSTEM): the holder ended before it was done (a PAM module crashed, or root killed it),
 * or we cannot serve, and it has ended because of that. */
enum result CHECKED front_run(const struct front_request *request, int *status, struct error *error);
