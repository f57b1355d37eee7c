#include "base/relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SEND_TRIES = 10, SEND_LOOK_MS = 10 };

union descriptor_room {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool relay_open(int ends[2], struct relay_shared **shared)
{
    void *memory = mmap(NULL, sizeof **shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    *shared = memory != MAP_FAILED ? memory : NULL;
    return *shared != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
}

/* Want of memory, or of room while the other process is slow: one word that is lost, and both would wait for ever. */
static bool is_passing(int problem)
{
    return problem == EINTR || problem == EAGAIN || problem == ENOBUFS || problem == ENOMEM;
}

bool relay_send(const struct relay *relay, struct relay_message message, int fd)
{
    struct iovec part = {&message, sizeof message};
    struct msghdr parcel = {.msg_iov = &part, .msg_iovlen = 1};
    union descriptor_room room = {0};
    ssize_t sent = -1;

    if (fd >= 0) {
        struct cmsghdr *attached;

        parcel.msg_control = room.bytes;
        parcel.msg_controllen = sizeof room.bytes;
        attached = CMSG_FIRSTHDR(&parcel);
        *attached =
            (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(attached), &fd, sizeof fd);
    }
    for (int tries = 0; tries < SEND_TRIES && sent < 0; tries++) {
        int problem;

        sent = sendmsg(relay->fd, &parcel, MSG_NOSIGNAL | MSG_DONTWAIT);
        problem = errno;
        if (sent < 0 && !is_passing(problem))
            break;
        if (sent < 0)
            (void)poll(NULL, 0, SEND_LOOK_MS);
        errno = problem;
    }
    return sent == (ssize_t)sizeof message;
}

static void take_descriptor(struct msghdr *parcel, int *fd)
{
    const struct cmsghdr *attached = CMSG_FIRSTHDR(parcel);

    if (attached != NULL && attached->cmsg_level == SOL_SOCKET && attached->cmsg_type == SCM_RIGHTS
        && attached->cmsg_len == CMSG_LEN(sizeof *fd))
        memcpy(fd, CMSG_DATA(attached), sizeof *fd);
}

enum relay_state relay_receive(struct relay *relay, struct relay_message *message, int *fd)
{
    struct iovec part = {message, sizeof *message};
    union descriptor_room room;
    struct msghdr parcel = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got;

    if (fd != NULL) {
        *fd = -1;
        parcel.msg_control = room.bytes;
        parcel.msg_controllen = sizeof room.bytes;
    }
    do
        got = recvmsg(relay->fd, &parcel, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0
           && (errno == EINTR || errno == ECONNRESET)); /* reset: it ended without reading all; said once, and what
                                                                   it said before is still there */
    if (got < 0)
        return errno == EAGAIN || errno == ENOMEM ? RELAY_EMPTY : RELAY_GONE; /* no memory: it is there still */
    if (got != (ssize_t)sizeof *message)
        return RELAY_GONE; /* 0: end of file; a message of another size is none of ours */
    if (fd != NULL)
        take_descriptor(&parcel, fd);
    if (message->word == RELAY_SIGNAL && message->number == SIGCONT)
        relay->continued++;
    if (message->word == RELAY_RESUMED)
        relay->stop_asked = 0;
    return RELAY_MESSAGE;
}

void relay_tell_exit(struct relay *relay, int status)
{
    relay->shared->done = status + 1;
    (void)relay_send(relay, (struct relay_message){.word = RELAY_EXIT}, -1); /* so that it need not wait for our end */
}

void relay_ask_stop(struct relay *relay, int number)
{
    if (!relay->stop_asked)
        relay->stop_asked = relay_send(relay, (struct relay_message){RELAY_STOP, number, (int)relay->continued, 0}, -1);
}
