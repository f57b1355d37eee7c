#include "base/events.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READER_PATIENCE_MS = 1000 };

enum result events_start(struct events *events, int fd, struct error *error)
{
    int flags;

    events->fd = -1;
    if (fd < 0)
        return OK;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "--json-status-fd %d: %s", fd, strerror(errno));
    else if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0)
        (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "--json-status-fd %d: not open for writing", fd);
    else if (!same_file_note(&events->file, fd)) /* it is open, and cannot be told from another */
        return fail(error, STEP_OPTIONS, STATUS_SYSTEM, "--json-status-fd %d: %s", fd, strerror(errno));
    else
        events->fd = fd;
    return events->fd >= 0 ? OK : fail_hint(error, "open it, as in --json-status-fd 3 3>events; man 8 pamrun");
}

/* NULL, or what went wrong. A write of at most PIPE_BUF bytes to a pipe that polls as writable does not block, pipe(7). */
static const char *write_line(int fd, const char *line, size_t length)
{
    struct pollfd writable = {.fd = fd, .events = POLLOUT};

    int64_t give_up_ms = clock_now_ms() + READER_PATIENCE_MS;
    int ready;

    do {
        int64_t left = give_up_ms - clock_now_ms();

        ready = poll(&writable, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready != 1 || (writable.revents & POLLOUT) == 0 || (writable.revents & (POLLERR | POLLHUP)) != 0)
        return "nobody reads it"; /* POLLERR: the reader has gone, and a write would raise SIGPIPE */
    errno = 0;
    return write(fd, line, length) == (ssize_t)length ? NULL : strerror(errno);
}

void events_emit(struct events *events, const char *event, const struct event_field *fields, size_t count)
{
    char line[PIPE_BUF], field[1024], value[900];
    const char *problem;
    size_t length;

    if (events->fd < 0)
        return;
    length = (size_t)snprintf(line, sizeof line, "{\"event\":\"%s\"", event);
    for (size_t at = 0; at < count; at++) {
        if (fields[at].key == NULL)
            continue;
        if (fields[at].text == NULL)
            (void)snprintf(field, sizeof field, ",\"%s\":%ld", fields[at].key, fields[at].number);
        else if (text_json(value, sizeof value, fields[at].text) > 0)
            (void)snprintf(field, sizeof field, ",\"%s\":\"%s\"", fields[at].key, value);
        else
            continue; /* nothing to tell */
        if (length + strlen(field) + sizeof "}\n" > sizeof line)
            break;
        length += strlcpy(line + length, field, sizeof line - length);
    }
    length += strlcpy(line + length, "}\n", sizeof line - length);
    problem = same_file_is(&events->file) ? write_line(events->fd, line, length) : "a module took the descriptor";
    if (problem != NULL) {
        log_say("--json-status-fd %d: %s, no further events", events->fd, problem);
        events->fd = -1; /* it stays open, close-on-exec: the number must not be taken by something else */
    }
}
