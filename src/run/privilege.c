/* Theory of operation
 *
 * When the applicant is not root, or the command gets a pseudo-terminal, there are two processes from before pam_start
 * on: the front (front.h), which has the applicant's ids in all places and only relays, and the holder, to which this
 * table applies.
 *
 * moment                 process  real uid   effective  groups       why
 * ---------------------  -------  ---------  ---------  -----------  --------------------------------------------
 * start                  parent   applicant  0          applicant's  effective gid 0 too, for files that modules
 *                                                                    make; everything the applicant left behind is put
 *                                                                    right before pam_start: modules' helpers
 *                                                                    inherit it
 * authenticate, account  parent   applicant  0          applicant's  pam_rootok(8) asks getuid(): never make it 0
 *                                                                    before both are through
 * setcred, open_session  parent   0          0          account's    groups before setcred: pam_group(8) adds to
 *                                                                    them, so they are never set again
 * waiting, closing       parent   0          0          account's    modules are root's code; one process opens
 *                                                                    and closes
 * after fork             child    account    account    as parent's  group id, then user id, then proof that
 *                                                                    nothing comes back; then the PAM copy is
 *                                                                    ended (pam_cap(8) sets ambient capabilities
 *                                                                    there); chdir after that, as the account
 *
 * With real user id 0 the applicant can no longer signal the holder; setresgid first, for files that modules make. */
#include "run/privilege.h"

#include "base/owned.h"
#include "run/capng.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the ids have to be between modules: process-wide as the ids themselves. */
static struct {
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
} expected;

enum { GROUPS_START = 32, GROUPS_MAX = 65536 }; /* the latter: NGROUPS_MAX of Linux */

static bool ids_read(void)
{
    return getresuid(&expected.real, &expected.effective, &expected.saved) == 0
           && getresgid(&expected.real_group, &expected.effective_group, &expected.saved_group) == 0;
}

/* An empty inheritable set means an empty ambient one. Asked of the kernel itself: libcap-ng would read
 * /proc/self/status twice for it, in every run. */
static bool capabilities_are_inherited(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capget, &header, sets) != 0 || (sets[0].inheritable | sets[1].inheritable) != 0;
}

/* Inheritable and ambient capabilities survive into the command (capabilities(7)); those that are there after the
 * modules ran are to be a module's, pam_cap(8), not the applicant's. */
static bool capabilities_clean(void)
{
    if (!capabilities_are_inherited())
        return true;
    if (!capng_load() || capng.capng_get_caps_process() != 0)
        return false;
    for (unsigned int capability = 0; capability <= (unsigned int)CAP_LAST_CAP; capability++)
        (void)capng.capng_update(CAPNG_DROP, CAPNG_INHERITABLE | CAPNG_AMBIENT, capability);
    return capng.capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) == 0 && !capabilities_are_inherited();
}

/* With SECBIT_NO_SETUID_FIXUP and the like, setuid(2) would leave the command its capabilities. */
static bool securebits_clean(void)
{
    int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

    return bits == 0 || (bits > 0 && prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) == 0);
}

/* A launcher may want us gone with it (PR_SET_PDEATHSIG survives exec). SIGKILL would leave command and session behind;
 * as SIGTERM it is an orderly end. */
static bool parent_death_is_orderly(void)
{
    int number = 0;

    if (prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0) != 0)
        return false;
    return (number != SIGKILL && number != SIGSTOP) || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0;
}

/* Memory that others cannot read, and no core file. Again after each change of ids: that sets it to what
 * fs.suid_dumpable of proc_sys_fs(5) says, and somebody may have wanted core files of setuid programs. */
static bool memory_hide(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Root without the rest of what root may: to signal its group, whoever the others in it are (^Z), and to open a
 * terminal, whosever it is. The bounding set stays where it may not be changed (a container): nothing is executed. */
static bool capabilities_abandon(void)
{
    if (!capng_load())
        return false;
    capng.capng_clear(CAPNG_SELECT_BOTH);
    if (capng.capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_KILL, CAP_DAC_OVERRIDE, -1) != 0)
        return false;
    (void)!capng.capng_apply(CAPNG_SELECT_BOUNDS);
    return capng.capng_apply(CAPNG_SELECT_CAPS) == 0;
}

void privilege_prepare(void)
{
    (void)capng_load();
}

bool privilege_abandon(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();

    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0 || !memory_hide()
        || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || (uid == 0 && !capabilities_abandon()))
        return false;
    errno = EPERM; /* if what "succeeded" had no effect */
    return uid == 0
           || (setresuid((uid_t)-1, 0, (uid_t)-1) != 0 && getuid() == uid && geteuid() == uid && getgid() == gid
               && getegid() == gid);
}

enum result privilege_start(struct error *error)
{
    if (!ids_read())
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: user ids: %s", strerror(errno));
    if (expected.effective != 0) {
        (void)fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: not running as root");
        return fail_hint(error, "is it root's and setuid (mode 4755), on a file system without nosuid? Under "
                                "no_new_privs and in some containers and user namespaces setuid has no effect");
    }
    if (expected.real != 0)
        (void)personality(PER_LINUX); /* flags that survive exec change what system calls do */
    if (!securebits_clean())
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: securebits are set and cannot be cleared");
    if (!capabilities_clean())
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: inherited capabilities cannot be cleared");
    /* Files that modules make are root's group's: pam_faillock(8) lets that group write what it counts. */
    if (expected.real != 0 && (setresgid((gid_t)-1, 0, 0) != 0 || !ids_read() || expected.effective_group != 0))
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: root's group cannot be taken: %s",
                    strerror(errno));
    if (!memory_hide() || !parent_death_is_orderly())
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "cannot start: prctl: %s", strerror(errno));
    return OK;
}

enum result privilege_take_session(struct error *error)
{
    if (expected.real == 0)
        return OK;
    if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        return fail(error, STEP_CREDENTIALS, STATUS_SYSTEM, "root's ids cannot be taken: %s", strerror(errno));
    if (!ids_read() || expected.real != 0 || expected.effective != 0 || expected.saved != 0 || expected.real_group != 0
        || expected.effective_group != 0 || expected.saved_group != 0)
        return fail(error, STEP_CREDENTIALS, STATUS_SYSTEM, "root's ids cannot be taken: setresuid had no effect");
    return OK;
}

bool privilege_out_of_reach(void)
{
    struct error unused;

    return privilege_take_session(&unused) == OK;
}

static int compare_groups(const void *left, const void *right)
{
    gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;

    return (a > b) - (a < b);
}

/* setgroups(2), and proof: a seccomp filter or security module may have let it "succeed" without effect. */
static int groups_set(gid_t *ids, size_t count)
{
    OWNED(memory_free) gid_t *now = calloc(count + 1, sizeof *now);
    int got;

    if (now == NULL)
        return ENOMEM;
    if (setgroups(count, ids) != 0)
        return errno;
    got = getgroups((int)count, now);
    if (got < 0 || (size_t)got != count)
        return EPERM;
    qsort(ids, count, sizeof *ids, compare_groups);
    qsort(now, count, sizeof *now, compare_groups);
    return memcmp(ids, now, count * sizeof *now) == 0 ? 0 : EPERM;
}

/* As many as there are: initgroups(3) would cut the list without a word. */
static int groups_of_account(const struct account *account, gid_t group, gid_t **ids, size_t *count)
{
    int room = GROUPS_START, number;

    *ids = NULL;
    do {
        gid_t *larger = reallocarray(*ids, (size_t)room, sizeof *larger);

        if (larger == NULL)
            return ENOMEM;
        *ids = larger;
        number = room;
        if (getgrouplist(account->name, group, *ids, &number) >= 0) {
            *count = (size_t)number;
            return 0;
        }
        room = number > room ? number : room * 2;
    } while (room <= GROUPS_MAX);
    return E2BIG;
}

enum result privilege_take_groups(const struct account *account, gid_t group, const struct group_list *list,
                                  struct error *error)
{
    OWNED(memory_free) gid_t *ids = NULL;
    size_t count = list != NULL ? list->count : 0;
    int problem = 0;

    if (list != NULL) {
        ids = calloc(count, sizeof *ids);
        if (ids == NULL)
            return fail_memory(error, STEP_GROUPS);
        memcpy(ids, list->ids, count * sizeof *ids);
    } else {
        problem = groups_of_account(account, group, &ids, &count);
    }
    if (problem == 0)
        problem = groups_set(ids, count);
    if (problem != 0)
        return fail(error, STEP_GROUPS, STATUS_SYSTEM, "groups of %s: %s", account->name, strerror(problem));
    return OK;
}

int privilege_read_groups(gid_t **ids)
{
    int count = getgroups(0, NULL);

    *ids = count >= 0 ? calloc((size_t)count + 1, sizeof **ids) : NULL;
    return *ids != NULL ? getgroups(count, *ids) : -1;
}

static bool group_is_in(const struct group_list *list, gid_t id)
{
    for (size_t at = 0; at < list->count; at++)
        if (list->ids[at] == id)
            return true;
    return false;
}

int privilege_change_groups(const struct group_list *added, const struct group_list *removed)
{
    OWNED(memory_free) gid_t *now = NULL;
    OWNED(memory_free) gid_t *wanted = NULL;
    struct group_list kept = {0};
    int count = privilege_read_groups(&now);

    if (count < 0)
        return errno;
    kept.ids = wanted = calloc((size_t)count + added->count + 1, sizeof *wanted);
    if (wanted == NULL)
        return ENOMEM;
    for (int at = 0; at < count; at++)
        if (!group_is_in(removed, now[at]))
            wanted[kept.count++] = now[at];
    for (size_t at = 0; at < added->count; at++)
        if (!group_is_in(&kept, added->ids[at]))
            wanted[kept.count++] = added->ids[at];
    return groups_set(wanted, kept.count);
}

bool privilege_restore(struct error *error, enum step step)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;

    (void)setfsuid(expected.effective); /* nothing tells whether a module changed these */
    (void)setfsgid(expected.effective_group);
    (void)memory_hide();
    if (getresuid(&real, &effective, &saved) == 0 && real == expected.real && effective == expected.effective
        && saved == expected.saved && getresgid(&real_group, &effective_group, &saved_group) == 0
        && real_group == expected.real_group && effective_group == expected.effective_group
        && saved_group == expected.saved_group)
        return true;
    if (seteuid(0) == 0 && setresgid(expected.real_group, expected.effective_group, expected.saved_group) == 0
        && setresuid(expected.real, expected.effective, expected.saved) == 0)
        return true;
    (void)fail(error, step, STATUS_SYSTEM, "%s: a module changed our user ids and they cannot be put back",
               step_name(step));
    return false;
}

int privilege_become(uid_t uid, gid_t gid)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;

    if (setresgid(gid, gid, gid) != 0)
        return errno;
    if (getresgid(&real_group, &effective_group, &saved_group) != 0 || real_group != gid || effective_group != gid
        || saved_group != gid)
        return EPERM; /* still as root, who can close the session */
    if (setresuid(uid, uid, uid) != 0)
        return errno;
    if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid || saved != uid || !memory_hide())
        return EPERM;
    if (uid != 0 && (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setresuid(0, (uid_t)-1, (uid_t)-1) == 0))
        return EPERM;
    return 0;
}
