#include "share/link.h"

#include "base/guard.h"
#include "base/owned.h"

#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

bool link_open(struct link ends[2])
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    for (int end = 0; end < 2; end++)
        ends[end] = (struct link){.fd = fds[end], .process = -1};
    return true;
}

/* Room for one descriptor, aligned as its header has to be. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void add_descriptor(struct msghdr *envelope, union control *control, int fd)
{
    struct cmsghdr *header;

    envelope->msg_control = control->bytes;
    envelope->msg_controllen = sizeof control->bytes;
    header = CMSG_FIRSTHDR(envelope);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

static bool send_message(const struct link *link, struct link_message *message, size_t length, int fd)
{
    struct iovec part = {.iov_base = message, .iov_len = offsetof(struct link_message, more) + length};
    struct msghdr envelope = {.msg_iov = &part, .msg_iovlen = 1};
    union control control = {.bytes = {0}};
    ssize_t sent;

    if (fd >= 0)
        add_descriptor(&envelope, &control, fd);
    do
        sent = sendmsg(link->fd, &envelope, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    explicit_bzero(message, sizeof *message); /* it may be an answer */
    return sent >= 0;
}

bool link_say(const struct link *link, enum link_word word, int number, const char *text)
{
    struct link_message message = {.word = (int32_t)word, .number = (int32_t)number};
    size_t length = strlcpy(message.more.text, text, sizeof message.more.text);

    return send_message(link, &message, length < sizeof message.more.text ? length + 1 : sizeof message.more.text, -1);
}

bool link_fail(const struct link *link, const struct error *error, bool undone)
{
    struct link_message message = {.word = LINK_FAILED, .number = undone, .more.error = *error};

    return send_message(link, &message, sizeof message.more.error, -1);
}

bool link_begin(const struct link *link)
{
    OWNED(fd_close) int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    struct link_message message = {.word = LINK_BEGIN};

    return self >= 0 && send_message(link, &message, 1, self);
}

static void take_descriptor(struct link *link, struct msghdr *envelope)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(envelope);

    if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof link->process))
        return;
    fd_close(&link->process);
    memcpy(&link->process, CMSG_DATA(header), sizeof link->process);
}

static bool receive(struct link *link, struct link_message *message)
{
    struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
    union control control;
    struct msghdr envelope = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t length = recvmsg(link->fd, &envelope, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (length == 0)
        errno = 0;
    if (length <= 0)
        return false;
    take_descriptor(link, &envelope);
    if ((size_t)length <= offsetof(struct link_message, more)) {
        errno = EPROTO;
        return false;
    }
    ((char *)message)[(size_t)length < sizeof *message ? (size_t)length : sizeof *message - 1] = '\0';
    return true;
}

/* The link is closed, but a module of the other side may have done that, which is still at work then. */
static void wait_for_end(struct pollfd *process, bool in_spite)
{
    int ready = in_spite ? poll(process, 1, -1) : guard_poll(process, 1, -1);

    if (ready > 0)
        errno = 0;
}

bool link_hear(struct link *link, bool in_spite, struct link_message *message)
{
    struct pollfd sources[] = {{.fd = link->fd, .events = POLLIN}, {.fd = link->process, .events = POLLIN}};
    int ready = in_spite ? poll(sources, 2, -1) : guard_poll(sources, 2, -1);

    if (ready < 0)
        return false;
    if (receive(link, message)) /* what it said last counts, also when it has ended */
        return true;
    if (errno == EAGAIN) {
        errno = sources[1].revents != 0 ? 0 : EINTR;
        return false;
    }
    if (link->process >= 0)
        wait_for_end(&sources[1], in_spite);
    return false;
}

void link_close(struct link *link)
{
    fd_close(&link->fd);
    fd_close(&link->process);
}
