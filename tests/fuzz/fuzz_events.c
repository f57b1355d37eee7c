/* fuzz_events.c - events of --json-status-fd, whatever names and messages are in them. Input: a number in four bytes, then
 * texts, each with a NUL byte behind it. */
#include "base/events.h"

#include "fuzz.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIELDS_MAX = 12 };

static const char *const keys[FIELDS_MAX] = {"step",    "code",    "class", "exit-status", "message",  "account",
                                             "profile", "command", "pid",   "signal",      "identity", "hint"};

static void check_line(int fd)
{
    char line[PIPE_BUF + 2];
    ssize_t length = pread(fd, line, sizeof line, 0);

    HOLDS(length > 2 && length <= PIPE_BUF); /* more would not be written in one piece, pipe(7) */
    HOLDS(line[length - 1] == '\n' && memchr(line, '\n', (size_t)length) == &line[length - 1]);
    HOLDS(memchr(line, '\0', (size_t)length) == NULL);
    line[length - 1] = '\0';
    HOLDS(is_harmless(line, false) && is_json(line) && line[0] == '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct event_field fields[FIELDS_MAX];
    struct input input = input_start(data, size);
    struct events events;
    struct error error;
    size_t count = 0;
    long number = 0;

    if (fd < 0)
        fd = memfd_create("events", MFD_CLOEXEC);
    HOLDS(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    for (int at = 0; at < 4; at++)
        number = number << 8 | input_byte(&input);
    fields[count++] = (struct event_field){.key = "number", .number = number - (1L << 31)};
    while (count < FIELDS_MAX && input.left > 0) {
        fields[count] = (struct event_field){.key = keys[count], .text = input_piece(&input)};
        count++;
    }
    HOLDS(events_start(&events, fd, &error) == OK);
    events_emit(&events, "failed", fields, count);
    HOLDS(events.fd == fd);
    check_line(fd);
    input_end(&input);
    return 0;
}
