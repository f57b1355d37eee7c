/* keyring.h - the session keyring, session-keyring(7): a module makes one for the session, pam_keyinit(8), and what
 * later modules put into it (tickets, tokens) is the command's. A process that was not forked from there must be given
 * it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keyring {
    int32_t serial; /* 0: none, or no keyrings here */
    uid_t uid;
    gid_t gid;
    uint32_t rights; /* as of KEYCTL_SETPERM(2) */
};

/* Ours. Asked in a process that will end: who has none is given his user's by the asking. */
struct keyring keyring_find(void);

/* By a process that possesses it: its owner may link it, and so may we for him. false, and errno. */
bool keyring_offer(const struct keyring *keyring);

/* As root: a new session keyring of the owner's, with a link to that one, which is what it gives access to. The one we
 * had, the applicant's, is left. Seen to be so. 0, or an errno value. */
int keyring_take(const struct keyring *keyring);

/* A new session keyring of our own, with nothing in it, and the one that we had is left: what modules put into it, or
 * revoke, is not our caller's. Where there are no keyrings, or none for us (a container's filter), there is none to
 * leave. false, and errno. */
bool keyring_leave(void);
