/* privilege.h - the only caller of set*id, setgroups, prctl and libcap-ng. The theory of operation is in
 * privilege.c. */
#pragma once

#include "ask/identity.h"
#include "base/error.h"

#include <stdbool.h>

/* Give up root for good, and prove it: who does so has nothing but the applicant's ids; where these are root's, hardly
 * any capability. It executes nothing any more. false, and errno: it cannot be done. */
bool privilege_abandon(void);

/* Load what that needs: before a fork, where in the copy the loader's lock may be a module's thread's, or the root
 * directory another one. */
void privilege_prepare(void);

/* First thing in main: are we root? Memory cannot be read by others or dumped from here on; what the
 * applicant left in inheritable and ambient capabilities and securebits is gone. */
enum result CHECKED privilege_start(struct error *error);

/* When the account step is through: root's real ids, which an applicant who was somebody else can no longer signal. */
enum result CHECKED privilege_take_session(struct error *error);

/* Authentication has failed: no module asks for the real user id any more, and the applicant may no longer end us. */
bool privilege_out_of_reach(void);

/* Take on the account's groups (list: instead of them; NULL: initgroups(3)'s), before setcred: modules add to them. */
enum result CHECKED privilege_take_groups(const struct account *account, gid_t group, const struct group_list *list,
                                          struct error *error);

/* Our supplementary groups; malloc'd, the caller's. Below 0: errno. */
int privilege_read_groups(gid_t **ids);

/* Whoever joins a shared session: the groups that modules added to it and took away. 0, or an errno value. */
int privilege_change_groups(const struct group_list *added, const struct group_list *removed);

/* After a module ran: put back user and group ids that it changed. false, error filled in: it cannot be done. */
bool privilege_restore(struct error *error, enum step step);

/* In the process that will be the command: become the account for good, and prove it. 0, or an errno value. */
int privilege_become(uid_t uid, gid_t gid);
