/* scope.h - a unit of systemd's of our own (systemd.scope(5)), so that nothing that ends our caller's unit ends us.
 * Asked of systemd itself over its private socket: no message bus needs to run, and no variable says where it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { SCOPE_STOP_S = 40 }; /* from SIGTERM to SIGKILL, when systemd ends the unit */

/* Move this process, as root, into a new scope below system.slice, and wait until it is there. unit: "pamrun-X.scope".
 * false: problem says why, in words; empty where systemd does not run. Ends within timeout_ms. */
bool scope_enter(const char *unit, const char *description, int timeout_ms, char *problem, size_t size);
