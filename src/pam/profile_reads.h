/* profile_reads.h - has libpam read the profile, all of it? What it cannot open, whatever the reason (no descriptor or
 * memory left, an error of the disk), it takes for a file that is not there, and asks the profile "other" instead;
 * where reading fails, or a line finds no memory, the file ends for it. It says nothing of it. That would let a fault
 * choose who is let in.
 *
 * So the fopen(3) that libpam calls is one of ours: a function of the program comes before one of a library's of that
 * name, dlsym(3). Between begin and end it notes what fails; at all other times it is fopen(3) and nothing else. A
 * libpam that opens files in another way is believed. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Before pam_start(3). The strings are borrowed until the end. */
void profile_reads_begin(const char *service, const char *const *directories);

/* After it. has_started: it was a success; else a file that libpam gave up is its own business, and it has said why.
 * FAILED, and the error filled in (STATUS_UNAVAILABLE): a file of the profile was not read to its end. */
enum result CHECKED profile_reads_end(bool has_started, struct error *error);
