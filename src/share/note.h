/* note.h - in the keeper: what is it before and after modules ran, as far as a run that joins is concerned. Real and
 * effective ids are root's, groups the account's. */
#pragma once

#include "base/error.h"
#include "share/context.h"

#include <sys/types.h>

/* The keeper before setcred. */
struct notes {
    gid_t *groups;
    int group_count;
    bool own_groups; /* they are the account's, none that somebody asked for instead */
    struct limits_mark limits;
    int nice;
    uid_t loginuid;
    struct view spaces[SPACE_COUNT], root, proc, sessions; /* those two: /proc and SHARE_ROOT */
    int32_t keyring;
    struct capabilities capabilities;
    char *label, *exec_label; /* of a security module, malloc'd; NULL: none */
    long filters;             /* seccomp(2) */
    int self;                 /* /proc/thread-self */
};

/* What a process would be that is forked now to become the command: one is forked, to be measured. */
struct measured_command {
    uid_t uid;
    gid_t gid;
    const char *account; /* its name, for messages */
    void (*end_copy)(
        void *); /* called as the account: ends the copied PAM handle; pam_cap(8) sets capabilities there */
    void *end_copy_data;
    int timeout_ms; /* for that */
};

/* Right before setcred, with the groups of whoever opens. Umask and limits are marked until notes_compare(), so that
 * modules are seen to set them to what they were; the umask is no looser than 022. STATUS_SYSTEM. */
enum result CHECKED notes_take(struct notes *notes, bool own_groups, struct error *error);

/* After open_session: what changed. The keeper's limits are its own again and its umask is 022; its session keyring can
 * be linked by the account's processes and by root. STATUS_UNAVAILABLE: what changed cannot be taken over, the profile
 * cannot be shared. STATUS_SYSTEM. STATUS_TRY_AGAIN: the measured command did not end its handle in time.
 * STATUS_REFUSED: somebody does not let it live, a process of the account's as it seems. */
enum result CHECKED notes_compare(struct notes *notes, const struct measured_command *command, struct context *context,
                                  struct error *error);

void notes_free(struct notes *notes);
