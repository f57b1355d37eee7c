/* pam_trace.so - stands in a profile in the place of another module while pamrunctl(8) traces it. It does nothing by
 * itself: which module that is, and what becomes of the call, the program knows that has loaded it. */
#include "trace/pam_trace.h"

#define STAND_IN(name, function)                                                                                       \
    __attribute__((visibility("default"))) int name(pam_handle_t *handle, int flags, int argc, const char **argv)      \
    {                                                                                                                  \
        return pamrunctl_trace(function, handle, flags, argc, argv);                                                   \
    }

STAND_IN(pam_sm_authenticate, TRACE_AUTHENTICATE)
STAND_IN(pam_sm_setcred, TRACE_SETCRED)
STAND_IN(pam_sm_acct_mgmt, TRACE_ACCT_MGMT)
STAND_IN(pam_sm_open_session, TRACE_OPEN_SESSION)
STAND_IN(pam_sm_close_session, TRACE_CLOSE_SESSION)
STAND_IN(pam_sm_chauthtok, TRACE_CHAUTHTOK)
