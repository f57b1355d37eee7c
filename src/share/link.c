#include "share/link.h"

#include "base/guard.h"

#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

bool link_open(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

static bool send_message(int fd, struct link_message *message, size_t length)
{
    ssize_t sent;

    do
        sent = send(fd, message, offsetof(struct link_message, more) + length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    explicit_bzero(message, sizeof *message); /* it may be an answer */
    return sent >= 0;
}

bool link_say(int fd, enum link_word word, int number, const char *text)
{
    struct link_message message = {.word = (int32_t)word, .number = (int32_t)number};
    size_t length = strlcpy(message.more.text, text, sizeof message.more.text);

    return send_message(fd, &message, length < sizeof message.more.text ? length + 1 : sizeof message.more.text);
}

bool link_fail(int fd, const struct error *error)
{
    struct link_message message = {.word = LINK_FAILED, .more.error = *error};

    return send_message(fd, &message, sizeof message.more.error);
}

bool link_hear(int fd, struct link_message *message)
{
    struct pollfd source = {.fd = fd, .events = POLLIN};

    return guard_poll(&source, -1) >= 0 && link_await(fd, message);
}

bool link_await(int fd, struct link_message *message)
{
    ssize_t length = recv(fd, message, sizeof *message, 0);
    if (length == 0)
        errno = 0;
    if (length <= 0)
        return false;
    if ((size_t)length <= offsetof(struct link_message, more)) {
        errno = EPROTO;
        return false;
    }
    ((char *)message)[(size_t)length < sizeof *message ? (size_t)length : sizeof *message - 1] = '\0';
    return true;
}
