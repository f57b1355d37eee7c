/* service.h - the PAM profile (libpam's "service"): its name checked, its file found and trusted, before libpam
 * sees it. libpam itself cuts a name at its last '/', lower-cases it, and takes the profile "other" for whatever is
 * missing, without a word. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* What a profile must bring of its own; a facility it has no line for would be served by "other". */
struct facilities {
    bool auth, account, session;
};

enum { SERVICE_NAME_MAX = 64 };

/* [a-z0-9][a-z0-9_.-]*, at most SERVICE_NAME_MAX bytes. */
bool service_name_is_valid(const char *name);

/* Is there a file of that name in one of the directories, or one that cannot be looked at? (su: "su-l" is used for a
 * login where it exists.) */
bool service_exists(const char *name, const char *const *directories);

/* Check name, file and facilities. directories: where libpam looks, in its order, NULL-terminated.
 * STATUS_USAGE: no such name is possible; STATUS_UNAVAILABLE: no file, not root's alone, or a facility is missing. */
enum result CHECKED service_check(const char *name, const char *const *directories, struct facilities needed,
                                  struct error *error);

/* /etc/pam.d, then the distribution's directories that libpam may be built with, pam.d(5). */
extern const char *const service_directories[];
