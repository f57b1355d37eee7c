/* login_defs.h - the few settings of login.defs(5) that su(1) and the site policy obey. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct login_defs {
    char *path;           /* ENV_PATH, without "PATH="; NULL: not set */
    char *path_root;      /* ENV_SUPATH, else ENV_ROOTPATH */
    bool always_set_path; /* ALWAYS_SET_PATH */
    bool has_uid_min;     /* UID_MIN is there, and a decimal number */
    uid_t uid_min;
    bool is_incomplete; /* a file that is there could not be read: nobody knows what UID_MIN is */
};

/* Read one file. A file that is missing sets nothing, one that cannot be read neither, and that is noted: UID_MIN
 * decides who may be who. Later files are read over earlier ones. Owned by the struct; login_defs_free(). */
void login_defs_read(struct login_defs *defs, const char *file);

void login_defs_free(struct login_defs *defs);
