/* calls.h - the modules of a traced profile, and what each call of theirs answered. libpam calls pam_trace.so in their
 * place (pam_trace.h), which leads here; the module gets the same handle, flags and arguments as without it.
 *
 * File statics, one transaction a process: pam_trace.so has nothing else to find its way back. */
#pragma once

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One call of one module. */
struct trace_call {
    int line;      /* the number that was written into its line */
    int flags;     /* PAM's, as the module got them */
    int code;      /* what it answered */
    bool returned; /* else it runs, or has ended the process */
    bool lacks;    /* the module does not have the function: libpam's answer is PAM_MODULE_UNKNOWN */
    int64_t time_us;
    struct strv log; /* what was written to syslog meanwhile, a line an entry */
};

/* Load the module of that line as libpam does. paths: the files to try, in this order, NULL-terminated. false: none can
 * be loaded, and the line is best left to libpam, who says why. */
bool calls_load(int line, const char *const *paths);

/* Was it? */
bool calls_has(int line);

/* What the module of that line gets instead of the arguments that libpam read; borrowed for good. */
void calls_give(int line, char *const *arguments, size_t count);

/* Forget the calls so far: another function of PAM's comes. */
void calls_begin(void);

/* Those since then, in their order; borrowed until the next call. */
const struct trace_call *calls_made(size_t *count);

/* The last of them while it runs: its number; -1: no module runs. */
int calls_running(void);

/* Call watcher with the number of a line before its module is called, and with -1 when that has returned. */
void calls_watch(void (*watcher)(int line));

/* What was written to syslog while no module ran, since the last time: libpam's own words. *lines: zeroed; the
 * caller's, strv_free(). */
void calls_take_log(struct strv *lines);

/* Does the function belong to the second of the two passes that pam_chauthtok(3) makes? */
bool call_is_update(const struct trace_call *call);

/* Listen to syslog from now on. */
void calls_listen(void);
