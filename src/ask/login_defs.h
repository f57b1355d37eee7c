/* login_defs.h - the few settings of login.defs(5) that su(1) obeys. */
#pragma once

#include <stdbool.h>

struct login_defs {
    char *path;           /* ENV_PATH, without "PATH="; NULL: not set */
    char *path_root;      /* ENV_SUPATH, else ENV_ROOTPATH */
    bool always_set_path; /* ALWAYS_SET_PATH */
};

/* Read one file. A file that is missing or cannot be read sets nothing: these settings decide no right. Later files
 * are read over earlier ones. Owned by the struct; login_defs_free(). */
void login_defs_read(struct login_defs *defs, const char *file);

void login_defs_free(struct login_defs *defs);
