/* codes.h - what a PAM return code means at a step: its name, pamrun's exit status, and whose fault it is. One
 * table. */
#pragma once

#include "base/error.h"

/* "PAM_AUTH_ERR"; "unknown PAM code" for what is not in the table. Never NULL. */
const char *pam_code_name(int code);

/* The code of that name; -1: there is none. */
int pam_code_from_name(const char *name);

/* "Authentication failure": libpam's words, pam_strerror(3). Never NULL. */
const char *pam_code_meaning(int code);

/* The number of a flag of PAM's functions, "PAM_SILENT", "PAM_ESTABLISH_CRED"; false: there is none of that name. */
bool pam_flag_from_name(const char *name, int *flag);

/* Exit status of pamrun when the step ended with that code (not PAM_SUCCESS): one of enum exit_status. */
int pam_code_status(enum step step, int code);

/* Whose fault it is. */
enum failure_class pam_code_class(enum step step, int code);
