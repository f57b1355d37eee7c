#include "run/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USER_MAY_LINK = 0x00100000, TEXT_BYTES = 128 }; /* keyctl_setperm(3): KEY_USR_LINK */

static long keyctl_call(int command, long first, long second, long third, long fourth)
{
    return syscall(SYS_keyctl, command, first, second, third, fourth);
}

/* Who owns it, and who may what: "keyring;UID;GID;RIGHTS;DESCRIPTION". */
static bool describe(struct keyring *keyring)
{
    char text[TEXT_BYTES] = "";
    long length = keyctl_call(KEYCTL_DESCRIBE, keyring->serial, (long)text, sizeof text - 1, 0);

    return length > 0 && sscanf(text, "keyring;%u;%u;%x;", &keyring->uid, &keyring->gid, &keyring->rights) == 3;
}

struct keyring keyring_find(void)
{
    struct keyring found = {.serial = (int32_t)keyctl_call(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0)};

    return found.serial > 0 && describe(&found) ? found : (struct keyring){0};
}

bool keyring_offer(const struct keyring *keyring)
{
    return (keyring->rights & USER_MAY_LINK) != 0
           || keyctl_call(KEYCTL_SETPERM, keyring->serial, (long)(keyring->rights | USER_MAY_LINK), 0, 0) == 0;
}

/* Rights to a key go by the file system's user id. */
static bool link_as_owner(const struct keyring *keyring)
{
    int problem = 0;

    (void)setfsuid(keyring->uid);
    if (keyctl_call(KEYCTL_LINK, keyring->serial, KEY_SPEC_SESSION_KEYRING, 0, 0) != 0)
        problem = errno;
    (void)setfsuid(geteuid());
    errno = problem;
    return problem == 0;
}

/* The new one holds that link, and nothing else. */
static bool is_taken(const struct keyring *ours, const struct keyring *keyring)
{
    struct keyring now = {.serial = ours->serial};
    int32_t links[2] = {0};
    long length = keyctl_call(KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, (long)links, sizeof links, 0);

    return length == sizeof *links && links[0] == keyring->serial && describe(&now) && now.uid == keyring->uid
           && now.gid == keyring->gid;
}

int keyring_take(const struct keyring *keyring)
{
    struct keyring ours = {.serial = (int32_t)keyctl_call(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)};

    if (ours.serial < 0 || !link_as_owner(keyring)
        || keyctl_call(KEYCTL_CHOWN, ours.serial, keyring->uid, keyring->gid, 0) != 0)
        return errno;
    return is_taken(&ours, keyring) ? 0 : EPERM;
}

bool keyring_leave(void)
{
    return keyctl_call(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) >= 0 || errno == ENOSYS || errno == EPERM;
}
