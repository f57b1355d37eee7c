/* logcatch: stand in for the syslog daemon, so that a test sees what was logged.
 *
 *   logcatch SOCKET FILE          bind the datagram socket, go to the background, append one line a message to FILE;
 *                                 prints the background process's id.  When it returns, messages are caught.
 *   logcatch --sync SOCKET FILE   return when FILE holds everything that was sent before (a marker goes through the
 *                                 socket and is waited for); the markers are lines that start with MARKER_PREFIX.
 *
 * A line is the message as sent, with its <priority>; control characters stand as \xHH. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MARKER_PREFIX "logcatch-sync-"

enum { MESSAGE_MAX = 65536, SYNC_TRIES = 1000, SYNC_WAIT_MS = 5 };

static int fail(const char *what)
{
    fprintf(stderr, "logcatch: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

static bool address_fill(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return snprintf(address->sun_path, sizeof(address->sun_path), "%s", path) < (int)sizeof(address->sun_path);
}

/* One write a line, so that a reader never sees half of one. */
static void message_append(int file, const char *message, size_t length)
{
    static char line[4 * MESSAGE_MAX + 1];
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)message[i];
        bool is_end = i + 1 == length && (byte == '\0' || byte == '\n'); /* syslog(3) may send either */
        if (is_end)
            continue;
        at += (size_t)snprintf(line + at, sizeof(line) - at, byte < ' ' || byte == 0x7f ? "\\x%02x" : "%c", byte);
    }
    line[at++] = '\n';
    if (write(file, line, at) < 0)
        _exit(EXIT_FAILURE);
}

__attribute__((noreturn)) static void messages_catch(int listener, int file)
{
    static char message[MESSAGE_MAX];

    for (;;) {
        ssize_t length = recv(listener, message, sizeof(message), 0);
        if (length >= 0)
            message_append(file, message, (size_t)length);
        else if (errno != EINTR)
            _exit(EXIT_FAILURE);
    }
}

static int catcher_start(const char *path, const char *file_name)
{
    int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int file = open(file_name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    struct sockaddr_un address;
    pid_t child;

    if (listener < 0 || file < 0)
        return fail(file_name);
    if (!address_fill(&address, path) || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail(path);
    if (chmod(path, 0666) < 0) /* every user may log */
        return fail(path);
    child = fork();
    if (child < 0)
        return fail("fork");
    if (child == 0) {
        setsid();
        for (int fd = 0; fd <= 2; fd++) /* or $(logcatch ...) would wait for the catcher's end */
            close(fd);
        messages_catch(listener, file);
    }
    printf("%d\n", child);
    return EXIT_SUCCESS;
}

static bool file_holds(const char *file_name, const char *wanted)
{
    FILE *file = fopen(file_name, "re");
    char *line = NULL;
    size_t size = 0;
    bool found = false;

    while (file != NULL && !found && getline(&line, &size, file) >= 0)
        found = strncmp(line, wanted, strlen(wanted)) == 0;
    free(line);
    if (file != NULL)
        fclose(file);
    return found;
}

/* Datagrams of one socket keep their order: once the marker is in the file, so is all before it. */
static int catcher_sync(const char *path, const char *file_name)
{
    const struct timespec pause = {.tv_nsec = SYNC_WAIT_MS * 1000000};
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;
    struct timespec now;
    char marker[80];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(marker, sizeof(marker), MARKER_PREFIX "%d-%ld%09ld", getpid(), (long)now.tv_sec, now.tv_nsec);
    if (sender < 0 || !address_fill(&address, path)
        || sendto(sender, marker, strlen(marker), 0, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail(path);
    for (int i = 0; i < SYNC_TRIES; i++) {
        if (file_holds(file_name, marker))
            return EXIT_SUCCESS;
        nanosleep(&pause, NULL);
    }
    errno = ETIMEDOUT;
    return fail(file_name);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return catcher_start(argv[1], argv[2]);
    if (argc == 4 && strcmp(argv[1], "--sync") == 0)
        return catcher_sync(argv[2], argv[3]);
    fprintf(stderr, "usage: logcatch [--sync] SOCKET FILE\n");
    return EXIT_FAILURE;
}
