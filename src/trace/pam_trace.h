/* pam_trace.h - what the module pam_trace.so asks of the program that it is loaded into, pamrunctl(8) trace. Another
 * program does not have it, and cannot load the module: libpam then refuses, as it does for every module that is
 * broken. */
#pragma once

#include <security/pam_modules.h>

enum trace_function {
    TRACE_AUTHENTICATE,
    TRACE_SETCRED,
    TRACE_ACCT_MGMT,
    TRACE_OPEN_SESSION,
    TRACE_CLOSE_SESSION,
    TRACE_CHAUTHTOK,
    TRACE_FUNCTIONS
};

/* Call that function of the module whose place pam_trace.so has in the profile: the number of its line is the first
 * argument. PAM's code. */
__attribute__((visibility("default"))) int pamrunctl_trace(enum trace_function function, pam_handle_t *handle,
                                                           int flags, int argc, const char **argv);
