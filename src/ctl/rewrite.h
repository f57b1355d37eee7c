/* rewrite.h - a copy of a profile, and of each file that it includes, in which pam_trace.so has the place of each
 * module: one line for one line, so that jumps, substacks and files that libpam gives up stay what they are. In a
 * directory that only root can enter, read by pam_start_confdir(3). */
#pragma once

#include "base/error.h"
#include "ctl/stack.h"

#include <stdbool.h>
#include <stddef.h>

struct rewrite {
    char directory[64]; /* empty: none is there */
    const char *module; /* the path of pam_trace.so; borrowed */
};

/* Make the directory. Where that fails in the middle, rewrite_remove() has something to do. */
enum result CHECKED rewrite_begin(struct rewrite *rewrite, const char *module, struct error *error);

/* Write the copies. stands_in: by line, is pam_trace.so to have the module's place? The others stay as they are. cut:
 * by line, set where the module's arguments did not fit into libpam's buffer beside what pam_trace.so needs: they are
 * left out but for those that libpam itself looks at, and the module is to have them from the stack. room: that buffer,
 * dialect.h. */
enum result CHECKED rewrite_profile(const struct rewrite *rewrite, const struct stack *stack, const char *service,
                                    const bool *stands_in, bool *cut, size_t room, struct error *error);

/* Remove all of it. May be called twice, in another process too. */
void rewrite_remove(const struct rewrite *rewrite);
