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
    size_t room = 0, length = 0;
    struct stat here;
    ssize_t got;

    if (fd < 0 || fstat(fd, status != NULL ? status : &here) < 0)
        return NULL;
    do {
        if (length + 1 >= room) {
            char *larger = realloc(text, room = room == 0 ? 4096 : room * 4);

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
    } while (got != 0);
    text[length] = '\0';
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
