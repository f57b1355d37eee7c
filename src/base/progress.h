/* progress.h - "pamrun: waiting for open_session for alice (profile su)" on the applicant's terminal, once a step takes
 * more than a second, and away again when it ends.
 *
 * Who does the steps never learns of the time: a timer's signal would interrupt system calls of modules that do not
 * expect it, and poll(2) or nanosleep(2) are never restarted. So another process looks on: the front, or run/watcher.h
 * where there is none. They share a page of memory and nothing else; a step costs its worker no system call, unless
 * there is a line to wipe off.
 *
 * One process works at a time, and is single-threaded; one looks on. File statics, like those of guard.h. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- the worker's ---- */

/* Before the processes part. Nothing is shown, and all else does nothing, unless standard error is a terminal. */
void progress_open(void);
bool progress_is_open(void);

/* In a fork that does not work for who looks on: nothing is shown from here. */
void progress_close(void);

/* For whom, from now on. */
void progress_name(const char *account, const char *profile);

/* Around a step. Async-signal-safe. Also around a question within one: who is asked knows what is waited for. */
void progress_enter(enum step step);
void progress_leave(void);

/* Before anything else is written there: the line goes, and the second begins anew. Async-signal-safe. */
void progress_make_room(void);

/* The command runs: nobody has to look. own_terminal: in it the command has not to be in the foreground. */
void progress_rest(bool own_terminal);

/* ---- the other's ---- */

struct progress_watch {
    uint32_t seen;
    int64_t since_ms;
};

/* Show the line if it is time. Returns the milliseconds until the next look, -1: not before we are told to. */
int progress_look(struct progress_watch *watch);
