#include "pam/codes.h"

#include "pam/libpam.h"

#include <stddef.h>
#include <string.h>

/* User's: somebody who may not, or whose answer was wrong. Node's: this machine, its files or its servers. */
struct meaning {
    int status;
    enum failure_class class;
};

#define REFUSED                                                                                                        \
    {                                                                                                                  \
        STATUS_REFUSED, CLASS_USER                                                                                     \
    }
#define UNAVAILABLE                                                                                                    \
    {                                                                                                                  \
        STATUS_UNAVAILABLE, CLASS_NODE                                                                                 \
    }
#define SYSTEM                                                                                                         \
    {                                                                                                                  \
        STATUS_SYSTEM, CLASS_NODE                                                                                      \
    }
#define TRY_AGAIN                                                                                                      \
    {                                                                                                                  \
        STATUS_TRY_AGAIN, CLASS_NODE                                                                                   \
    }

static const struct {
    const char *name;
    struct meaning meaning;
} code_table[] = {
    [PAM_SUCCESS] = {"PAM_SUCCESS", SYSTEM}, /* asked for by mistake only */
    [PAM_OPEN_ERR] = {"PAM_OPEN_ERR", UNAVAILABLE},
    [PAM_SYMBOL_ERR] = {"PAM_SYMBOL_ERR", UNAVAILABLE},
    [PAM_SERVICE_ERR] = {"PAM_SERVICE_ERR", SYSTEM},
    [PAM_SYSTEM_ERR] = {"PAM_SYSTEM_ERR", SYSTEM},
    [PAM_BUF_ERR] = {"PAM_BUF_ERR", SYSTEM},
    [PAM_PERM_DENIED] = {"PAM_PERM_DENIED", REFUSED},
    [PAM_AUTH_ERR] = {"PAM_AUTH_ERR", REFUSED},
    [PAM_CRED_INSUFFICIENT] = {"PAM_CRED_INSUFFICIENT", SYSTEM}, /* a module may not read what it must */
    [PAM_AUTHINFO_UNAVAIL] = {"PAM_AUTHINFO_UNAVAIL", TRY_AGAIN},
    [PAM_USER_UNKNOWN] = {"PAM_USER_UNKNOWN", REFUSED}, /* NSS resolved the name, or PAM was not asked */
    [PAM_MAXTRIES] = {"PAM_MAXTRIES", REFUSED},
    [PAM_NEW_AUTHTOK_REQD] = {"PAM_NEW_AUTHTOK_REQD", REFUSED},
    [PAM_ACCT_EXPIRED] = {"PAM_ACCT_EXPIRED", REFUSED},
    [PAM_SESSION_ERR] = {"PAM_SESSION_ERR", SYSTEM},
    [PAM_CRED_UNAVAIL] = {"PAM_CRED_UNAVAIL", TRY_AGAIN},
    [PAM_CRED_EXPIRED] = {"PAM_CRED_EXPIRED", REFUSED},
    [PAM_CRED_ERR] = {"PAM_CRED_ERR", SYSTEM},
    [PAM_NO_MODULE_DATA] = {"PAM_NO_MODULE_DATA", SYSTEM},
    [PAM_CONV_ERR] = {"PAM_CONV_ERR", REFUSED}, /* a question that nobody answered */
    [PAM_AUTHTOK_ERR] = {"PAM_AUTHTOK_ERR", REFUSED},
    [PAM_AUTHTOK_RECOVERY_ERR] = {"PAM_AUTHTOK_RECOVERY_ERR", REFUSED},
    [PAM_AUTHTOK_LOCK_BUSY] = {"PAM_AUTHTOK_LOCK_BUSY", TRY_AGAIN},
    [PAM_AUTHTOK_DISABLE_AGING] = {"PAM_AUTHTOK_DISABLE_AGING", REFUSED},
    [PAM_TRY_AGAIN] = {"PAM_TRY_AGAIN", TRY_AGAIN},
    [PAM_IGNORE] = {"PAM_IGNORE", SYSTEM},
    [PAM_ABORT] = {"PAM_ABORT", SYSTEM},
    [PAM_AUTHTOK_EXPIRED] = {"PAM_AUTHTOK_EXPIRED", REFUSED},
    [PAM_MODULE_UNKNOWN] = {"PAM_MODULE_UNKNOWN", UNAVAILABLE},
    [PAM_BAD_ITEM] = {"PAM_BAD_ITEM", SYSTEM},
    [PAM_CONV_AGAIN] = {"PAM_CONV_AGAIN", TRY_AGAIN},
    [PAM_INCOMPLETE] = {"PAM_INCOMPLETE", TRY_AGAIN},
};

enum { CODE_COUNT = sizeof code_table / sizeof *code_table };

static const struct meaning unknown_code = SYSTEM;
static const struct meaning profile_unavailable = UNAVAILABLE;

static const struct meaning *meaning_of(enum step step, int code)
{
    if (code < 0 || code >= CODE_COUNT)
        return &unknown_code;
    if (step == STEP_START && code != PAM_BUF_ERR) /* pam_start(3) reads the profile and loads its modules */
        return &profile_unavailable;
    /* libpam's answer when every auth module ignores setcred, as without authenticate: the profile's fault. */
    if ((step == STEP_CREDENTIALS || step == STEP_DELETE_CREDENTIALS) && code == PAM_PERM_DENIED)
        return &profile_unavailable;
    return &code_table[code].meaning;
}

const char *pam_code_name(int code)
{
    return code >= 0 && code < CODE_COUNT ? code_table[code].name : "unknown PAM code";
}

int pam_code_from_name(const char *name)
{
    for (int code = 0; code < CODE_COUNT; code++)
        if (strcmp(code_table[code].name, name) == 0)
            return code;
    return -1;
}

const char *pam_code_meaning(int code)
{
    struct error unused;
    const char *meaning = libpam_load(&unused) == OK ? libpam.strerror(NULL, code) : NULL;

    return meaning != NULL ? meaning : "";
}

bool pam_flag_from_name(const char *name, int *flag)
{
    static const struct {
        const char *name;
        int flag;
    } flags[] = {
        {"PAM_SILENT", PAM_SILENT},
        {"PAM_DISALLOW_NULL_AUTHTOK", PAM_DISALLOW_NULL_AUTHTOK},
        {"PAM_ESTABLISH_CRED", PAM_ESTABLISH_CRED},
        {"PAM_DELETE_CRED", PAM_DELETE_CRED},
        {"PAM_REINITIALIZE_CRED", PAM_REINITIALIZE_CRED},
        {"PAM_REFRESH_CRED", PAM_REFRESH_CRED},
        {"PAM_CHANGE_EXPIRED_AUTHTOK", PAM_CHANGE_EXPIRED_AUTHTOK},
    };

    for (size_t at = 0; at < sizeof flags / sizeof *flags; at++)
        if (strcmp(flags[at].name, name) == 0) {
            *flag = flags[at].flag;
            return true;
        }
    return false;
}

int pam_code_status(enum step step, int code)
{
    return meaning_of(step, code)->status;
}

enum failure_class pam_code_class(enum step step, int code)
{
    return meaning_of(step, code)->class;
}
