/* trial.h - call PAM's functions as a run would, and find out about each what it answered, said, asked and changed.
 *
 * Two processes. The *worker* (worker.h) is forked for it and makes the calls: ids, groups, limits, mounts and cgroup
 * that modules change are its own, and a module that crashes takes only the worker along. It closes whatever it opened,
 * on signals too. We wait for it, pass signals on, collect its records and show them. */
#pragma once

#include "ask/options.h"
#include "base/error.h"
#include "ctl/operations.h"

#include <jansson.h>
#include <stdbool.h>

struct conversation_event;

struct trial_request {
    const char *verb; /* in messages */
    const struct options
        *options;       /* the run's: profile, account, deadlines, what is forwarded, what modules are told */
    const char *caller; /* as if that user had called; NULL: who calls */
    const struct operations *operations; /* none in it: all of a run and its close */

    /* Hooks of who looks deeper; in the worker, unless they say otherwise. NULL: none. */
    void *data;
    /* The profile is known, and nothing was called. *directory: read profiles from there, pam_start_confdir(3). */
    enum result (*start)(void *data, const char *profile, const char **directory, struct error *error);
    /* Around each call. record: the operation's; what is added to it comes to who prints. */
    void (*before)(void *data, const struct operation *operation);
    void (*after)(void *data, const struct operation *operation, json_t *record);
    /* Each time that a module says or asks something. */
    void (*observe)(void *data, const struct conversation_event *event);
    /* Nothing more will be called. end: what it adds comes into the result. */
    void (*end)(void *data, json_t *end);

    /* In our process, before there is a worker and when it has ended, however it did. Signals wait meanwhile: what is made
     * is removed. finish() is called also where prepare() failed. */
    enum result (*prepare)(void *data, struct error *error);
    void (*finish)(void *data);

    /* In our process, when a record has come: the first has what is known before any call, the others are
     * operations. */
    void (*show)(void *data, const json_t *record);
    void *show_data;
};

/* The result, as pamrunctl(8) has it under JSON; the caller's, json_decref(). FAILED: nothing was called, and the error
 * says why: not root, a descriptor that cannot be read, no memory. What fails later is in the result. */
enum result CHECKED trial_run(const struct trial_request *request, json_t **result, struct error *error);

/* The exit status that a run would have ended with. */
int trial_status(const json_t *result);
