/* file.h - a small file read whole. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 1024 * 1024 };

/* The file's bytes, NUL-terminated (a NUL byte in the file ends it early); malloc'd, the caller's. status, when not
 * NULL: of the very file that was read. NULL: errno says why; EFBIG: more than FILE_BYTES_MAX. A fifo or device does
 * not block. */
char *file_read(const char *path, struct stat *status);

/* The next line of the text that *rest points to, without its new line, cut out in place; NULL at the end. */
char *file_next_line(char **rest);
