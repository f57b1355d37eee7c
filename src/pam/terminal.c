#include "pam/terminal.h"

#include "base/owned.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_name(char *name, size_t size)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (ttyname_r(fd, name, size) == 0)
            return true;
    name[0] = '\0';
    return false;
}

bool terminal_is_there(void)
{
    OWNED(fd_close) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    return fd >= 0;
}

bool terminal_ask(const char *prompt, bool echo, char *answer, size_t size)
{
    /* readpassphrase(3) drops what does not fit: with one byte more, an answer that is too long shows. */
    char *line = malloc(size + 1);
    bool answered = false;

    if (line == NULL)
        return false;
    if (readpassphrase(prompt, line, size + 1, RPP_REQUIRE_TTY | (echo ? RPP_ECHO_ON : RPP_ECHO_OFF)) != NULL) {
        answered = strlen(line) < size;
        if (answered)
            memcpy(answer, line, strlen(line) + 1);
        else
            errno = E2BIG;
    }
    explicit_bzero(line, size + 1);
    free(line);
    if (!answered)
        explicit_bzero(answer, size);
    return answered;
}
