/* system_log.h - what this process writes to syslog, heard by the process itself: lines of modules also where no log
 * daemon runs. They go to syslog as well, unchanged.
 *
 * syslog(3) and its relatives are defined here, and the program exports them: the loader looks for symbols in the
 * program before it looks in the C library, so that modules, their libraries and libpam find these. A /dev/log of our
 * own would hear helper programs, too, but needs a mount namespace of its own, and with it the mounts that a session
 * makes would be others than a run's. */
#pragma once

#include <stdbool.h>

/* Call heard with each line, without a new line at the end; NULL: not any more. It may be called in any thread of a
 * module's, one at a time. */
void system_log_listen(void (*heard)(const char *text));

/* Keep what is written from now on to ourselves, neither heard nor logged: what libpam says about questions of ours. */
void system_log_mute(bool muted);
