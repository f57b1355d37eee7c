/* worker.h - the process that calls PAM for trial.h: set up as pamrun sets itself up, one operation after the other,
 * what was opened is closed. Its records go to the process that waits, one JSON object a line. */
#pragma once

#include "ctl/trial.h"

/* In a process of its own, which ends here. channel: a stream socket; who has its other end answers "ask" records with
 * a byte, when all that came before is shown: a question on the terminal comes next. */
_Noreturn void worker_run(const struct trial_request *request, int channel);
