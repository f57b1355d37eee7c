/* capabilities.h - what execve(2) hands on of a process's rights besides its ids, capabilities(7): read, and taken on
 * by a process that has just become an account. A module sets them for the command, pam_cap(8); a run that joins a
 * shared session has no module that would. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct capabilities {
    uint64_t ambient, inheritable, bounding; /* one bit a capability */
    int securebits;                          /* without SECBIT_KEEP_CAPS, which execve(2) clears */
    bool no_new_privileges;
};

/* Ours. false, and errno. */
bool capabilities_read(struct capabilities *capabilities);

/* Has this process the right to do that (CAP_SYS_RESOURCE ...)? */
bool capability_is_effective(int capability);

/* Before the ids change: those that are permitted stay so, until execve(2). */
bool capabilities_keep(void);

/* Right after that, as the account: bits of `dropped` go from the bounding set, the rest becomes as wanted (its
 * bounding set is not looked at), nothing but the ambient ones stays permitted; and all of it is seen to be so.
 * Allocates nothing. 0, or an errno value, after which the command must not run. */
int capabilities_take(const struct capabilities *wanted, uint64_t dropped);
