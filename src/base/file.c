#include "base/file.h"

#include "base/owned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *file_read(const char *path, struct stat *status)
{
    OWNED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    OWNED(memory_free) char *text = NULL;
    size_t room, length = 0;
    struct stat here;
    ssize_t got = 1;

    if (fd < 0 || fstat(fd, &here) < 0)
        return NULL;
    room = here.st_size > 0 && here.st_size < FILE_BYTES_MAX ? (size_t)here.st_size + 2 : 4096;
    while (got != 0) {
        if (text == NULL || length + 1 >= room) {
            char *larger = realloc(text, room *= text != NULL ? 2 : 1);

            if (larger == NULL)
                return NULL;
            text = larger;
        }
        got = read(fd, text + length, room - 1 - length);
        if (got < 0 && errno != EINTR)
            return NULL;
        length += got > 0 ? (size_t)got : 0;
        if (length > FILE_BYTES_MAX) {
            errno = EFBIG;
            return NULL;
        }
    }
    text[length] = '\0';
    if (status != NULL)
        *status = here;
    return memory_take(&text);
}

char *file_next_line(char **rest)
{
    char *line = *rest, *end;

    if (*line == '\0')
        return NULL;
    end = strchrnul(line, '\n');
    *rest = *end == '\n' ? end + 1 : end;
    *end = '\0';
    return line;
}
