#include "run/watcher.h"

#include "base/owned.h"
#include "base/progress.h"
#include "run/privilege.h"
#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* Never more than these two: others, of pipes and of --json-status-fd, have readers who wait for their end. */
static void keep_only(int end)
{
    if (dup2(end, STDIN_FILENO) < 0)
        return;
    (void)close(STDOUT_FILENO);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
}

static void watch(void *ends)
{
    struct pollfd source = {.fd = STDIN_FILENO, .events = POLLIN};
    struct progress_watch progress = {0};

    keep_only(((const int *)ends)[0]);
    if (!privilege_abandon())
        return;
    do
        source.revents = 0;
    while (poll(&source, 1, progress_look(&progress)) == 0 || (source.revents == 0 && errno == EINTR));
}

void watcher_start(struct watcher *watcher)
{
    int ends[2];

    if (!progress_is_open() || watcher->pipe >= 0 || pipe2(ends, O_CLOEXEC) < 0)
        return;
    privilege_prepare();
    process_detach(watch, ends);
    (void)close(ends[0]);
    watcher->pipe = ends[1];
}

void watcher_end(struct watcher *watcher)
{
    fd_close(&watcher->pipe);
}
