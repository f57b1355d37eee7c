/* watcher.h - the process that shows progress (base/progress.h) where there is no front: root's runs. It has standard
 * error and the end of a pipe, no other descriptor. Init is its parent: a module that waits for children must not find
 * it. It ends when nobody holds the other end of the pipe any more: we closed it or ended, and the command is
 * executed. */
#pragma once

struct watcher {
    int pipe; /* -1: there is none */
};

/* If there is anything to show progress on. That it cannot be started is no failure. */
void watcher_start(struct watcher *watcher);

void watcher_end(struct watcher *watcher);
