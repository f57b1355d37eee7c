/* file.h - a small file read whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 1024 * 1024 };

/* The file's bytes, NUL-terminated (a NUL byte in the file ends it early); malloc'd, the caller's. status, when not
 * NULL: of the very file that was read. NULL: errno says why; EFBIG: more than FILE_BYTES_MAX. A fifo or device does
 * not block. */
char *file_read(const char *path, struct stat *status);

/* The same, of a path relative to an open directory. */
char *file_read_at(int directory, const char *path, struct stat *status);

/* To say to people when a file of theirs changed while it was read. */
#define FILE_REWRITTEN_HINT "somebody rewrites it: try again; a new file, moved over the old one, is never seen half"

/* A file that grants rights, its path relative to an open directory (or AT_FDCWD): the last part of the path is no
 * symbolic link, and what is there is a regular file of root's that nobody else can write; all of it asked of the
 * descriptor that is then read. At most limit bytes, no NUL byte among them. settles: of people, who may be rewriting
 * it in place; one that was written less than 100 ms ago is waited for. One that changes meanwhile: errno is EAGAIN.
 * NUL-terminated, malloc'd, the caller's. *status: of that file. NULL: *problem says why, in words, borrowed; errno is
 * ENOENT when there is no such file, and only then. */
char *file_read_trusted(int directory, const char *path, size_t limit, bool settles, struct stat *status,
                        const char **problem);

/* A directory of root's in which nobody else can make files, opened. Below 0: as above. */
int file_open_trusted_directory(const char *path, const char **problem);

/* The next line of the text that *rest points to, without its new line, cut out in place; NULL at the end. */
char *file_next_line(char **rest);
