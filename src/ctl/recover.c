#include "ctl/recover.h"

#include "base/guard.h"
#include "base/log.h"
#include "base/owned.h"
#include "ctl/sessions.h"
#include "share/clear.h"
#include "share/kill_domain.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>

struct recover_request {
    char unused;
};

static void report(const struct place *place, const struct cleared *cleared)
{
    if (cleared->dead > 0)
        (void)printf("%s: %d %s of what has ended: removed\n", place->name, cleared->dead,
                     cleared->dead == 1 ? "lease" : "leases");
    if (cleared->states)
        (void)printf("%s: state of a keeper that was killed: removed; what its modules had mounted may remain\n",
                     place->name);
    if (cleared->dead > 0 || cleared->states)
        log_record(LOG_NOTICE, "recovered: shared session %s: dead leases=%d stale state=%s left=%d", place->name,
                   cleared->dead, cleared->states ? "yes" : "no", cleared->left);
}

static void recover(void *data, uid_t uid, const char *profile)
{
    struct sessions_failures *failures = data;
    OWNED(place_close) struct place place = {.fd = -1, .lock = -1};
    struct cleared cleared;
    struct error error;

    if (guard_is_to_end())
        return;
    if (place_open(&place, uid, profile, false, &error) == OK
        && (place.fd < 0 || share_clear(&place, false, &cleared, &error) == OK)) {
        if (place.fd >= 0)
            report(&place, &cleared);
        return;
    }
    sessions_failed(failures, &error);
}

static enum result run_recover(const void *given, char *const *operands, int *status, struct error *error)
{
    struct sessions_failures failures = {.any = false};
    struct error stopped;
    bool listed;
    int problem;

    (void)given, (void)operands, (void)status;
    if (sessions_need_root("recover", error) != OK || sessions_guard_start(error) != OK)
        return FAILED;
    guard_enter(STEP_SHARE, 0);
    listed = place_each(recover, &failures);
    problem = errno;
    kill_domain_clean();
    if (guard_leave(&stopped) != OK) {
        *error = stopped;
        return FAILED;
    }
    if (!listed)
        return fail(error, STEP_SHARE, STATUS_SYSTEM, "recover: %s: %s", SHARE_ROOT, strerror(problem));
    return sessions_outcome(&failures, error);
}

static const struct verb_option options[] = {
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_recover = {
    .name = "recover",
    .summary = "Remove what keepers that were killed have left behind",
    .about = "Leases of processes that have ended, holds whose time is over, and states, of\n"
             "sessions that have no keeper any more; control groups that keepers were in. What is\n"
             "in use is left alone. Says what it has removed; nothing, where there was nothing to\n"
             "be done.\n"
             "\n"
             "Exit status: 0; 71 something could not be removed, 75 a lock was not to be had,\n"
             "77 not root.\n"
             "\n"
             "At boot, in an epilog, by a timer: pamrunctl recover\n",
    .options = options,
    .request_size = sizeof(struct recover_request),
    .run = run_recover,
};
