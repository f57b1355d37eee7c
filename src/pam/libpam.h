/* libpam.h - libpam, loaded when the first step needs it: a front never does, nor a run that joins a shared session
 * without a step of its own. Linked, it and what it brings along would cost those a third of their time. */
#pragma once

#include "base/error.h"

#include <security/pam_appl.h>

#define LIBPAM_FUNCTIONS(each)                                                                                         \
    each(start) each(start_confdir) each(end) each(set_item) each(get_item) each(putenv) each(getenvlist)              \
        each(strerror) each(authenticate) each(acct_mgmt) each(chauthtok) each(setcred) each(open_session)             \
            each(close_session)

/* pam_start(3) is libpam.start, and so on; all NULL before libpam_load(). */
struct libpam {
#define LIBPAM_MEMBER(name) __typeof__(pam_##name) *name;
    LIBPAM_FUNCTIONS(LIBPAM_MEMBER)
#undef LIBPAM_MEMBER
};

extern struct libpam libpam;

/* Again: nothing. STATUS_SYSTEM, STEP_START, with what dlopen(3) said. */
enum result CHECKED libpam_load(struct error *error);
