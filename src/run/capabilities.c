#include "run/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES_MAX = 64 };

struct sets {
    uint64_t permitted, effective, inheritable;
};

static uint64_t bit(int capability)
{
    return (uint64_t)1 << capability;
}

static bool sets_read(struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_capget, &header, halves) != 0)
        return false;
    sets->permitted = halves[0].permitted | (uint64_t)halves[1].permitted << 32;
    sets->effective = halves[0].effective | (uint64_t)halves[1].effective << 32;
    sets->inheritable = halves[0].inheritable | (uint64_t)halves[1].inheritable << 32;
    return true;
}

static bool sets_write(const struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3];

    for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++)
        halves[half] = (struct __user_cap_data_struct){.permitted = (uint32_t)(sets->permitted >> (32 * half)),
                                                       .effective = (uint32_t)(sets->effective >> (32 * half)),
                                                       .inheritable = (uint32_t)(sets->inheritable >> (32 * half))};
    return syscall(SYS_capset, &header, halves) == 0;
}

bool capabilities_read(struct capabilities *capabilities)
{
    struct sets sets;
    int securebits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0), no_new = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

    if (securebits < 0 || no_new < 0 || !sets_read(&sets))
        return false;
    *capabilities = (struct capabilities){.inheritable = sets.inheritable,
                                          .securebits = securebits & ~SECBIT_KEEP_CAPS,
                                          .no_new_privileges = no_new != 0};
    for (int capability = 0; capability < CAPABILITIES_MAX; capability++) {
        int bounding = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

        if (bounding < 0) /* the kernel knows no more */
            return true;
        if (bounding > 0)
            capabilities->bounding |= bit(capability);
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) > 0)
            capabilities->ambient |= bit(capability);
    }
    return true;
}

bool capability_is_effective(int capability)
{
    struct sets sets;

    return sets_read(&sets) && (sets.effective & bit(capability)) != 0;
}

bool capabilities_keep(void)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}

static bool bounding_drop(uint64_t dropped)
{
    for (int capability = 0; capability < CAPABILITIES_MAX; capability++)
        if ((dropped & bit(capability)) != 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return false;
    return true;
}

static bool ambient_raise(uint64_t ambient)
{
    for (int capability = 0; capability < CAPABILITIES_MAX; capability++)
        if ((ambient & bit(capability)) != 0
            && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)capability, 0, 0) != 0)
            return false;
    return true;
}

static bool are_taken(const struct capabilities *wanted, uint64_t dropped)
{
    struct capabilities now;

    return capabilities_read(&now) && now.ambient == wanted->ambient && now.inheritable == wanted->inheritable
           && (now.bounding & dropped) == 0 && now.securebits == wanted->securebits
           && now.no_new_privileges >= wanted->no_new_privileges;
}

int capabilities_take(const struct capabilities *wanted, uint64_t dropped)
{
    bool is_root = geteuid() == 0; /* whom execve(2) gives his rights anew: they are left to him */
    struct sets sets;

    /* securebits last: they may forbid what comes before */
    if (!sets_read(&sets))
        return errno;
    sets.effective |= bit(CAP_SETPCAP);
    sets.inheritable = wanted->inheritable;
    if (!sets_write(&sets) || !bounding_drop(dropped) || !ambient_raise(wanted->ambient)
        || prctl(PR_SET_SECUREBITS, (unsigned long)wanted->securebits, 0, 0, 0) != 0)
        return errno;
    if (!is_root)
        sets.permitted = sets.effective = wanted->ambient;
    if (!sets_write(&sets) || (wanted->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0))
        return errno;
    return are_taken(wanted, dropped) ? 0 : EPERM;
}
