#include "ctl/env.h"

#include "base/log.h"
#include "base/owned.h"
#include "base/strv.h"
#include "base/text.h"
#include "ctl/json.h"
#include "ctl/refusal.h"
#include "ctl/sessions.h"
#include "ctl/variables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct env_request {
    struct session_words words;
    const char *format;
};

enum { SHOWN_BYTES = 400, REASON_BYTES = 1200 };

/* ---- a refused job ---- */

/* What the job's user is to read. Slurm copies what follows "print " to the task's standard output. */
static enum result fail_refused(const char *id, const struct refusal *refusal, enum variables_format format,
                                struct error *error)
{
    char message[REASON_BYTES];

    (void)text_visible(message, sizeof message, json_text_of(refusal->facts, "message"), TEXT_ONE_LINE);
    (void)fail(error, STEP_POLICY, STATUS_REFUSED, "job %s: refused: %s", id,
               *message != '\0' ? message : "the account is not let in; syslog has the reason");
    if (format == VARIABLES_SLURM_TASK)
        (void)printf("print pamrunctl: %s\n", error->message);
    return FAILED;
}

static enum result check_mark(const char *id, enum variables_format format, struct error *error)
{
    struct refusal refusal;
    enum result checked;

    if (id == NULL || !refusal_read(&refusal, id))
        return OK;
    checked = fail_refused(id, &refusal, format, error);
    refusal_free(&refusal);
    return checked;
}

/* ---- the variables ---- */

/* The account's own copy, which it can change as it likes: for itself only. */
static enum result read_copy(struct strv *variables, const struct session *session, struct error *error)
{
    OWNED(memory_free) char *entry = NULL;
    char path[sizeof SHARE_ROOT + 160];
    size_t room = 0;
    bool kept = true;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%ju.%s/environment", SHARE_ROOT, (uintmax_t)session->uid, session->profile);
    file = fopen(path, "re");
    if (file == NULL)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "env: %s: %s", path, strerror(errno));
    while (kept && getdelim(&entry, &room, '\0', file) > 0)
        kept = strv_add(variables, entry);
    (void)fclose(file);
    return kept ? OK : fail_memory(error, STEP_SHARE);
}

static void leave_out(const char *name, const char *why)
{
    char shown[SHOWN_BYTES];

    (void)text_visible(shown, sizeof shown, name, TEXT_ONE_LINE);
    log_say("env: %s is left out: %s", shown, why);
}

static enum result write_variables(const struct session *session, enum variables_format format, struct error *error)
{
    OWNED(strv_free) struct strv copy = {.items = NULL};
    char name[SHOWN_BYTES];

    session_name(session, name, sizeof name);
    if (session->standing != CENSUS_OPEN && session->standing != CENSUS_CLOSING && session->standing != CENSUS_LOST)
        return fail(error, STEP_SHARE, STATUS_TRY_AGAIN, "env: session of %s: it is not open (%s)", name,
                    census_word(session->standing));
    if (session->standing == CENSUS_LOST)
        log_say("env: session of %s: its keeper was killed; the next run opens it again", name);
    if (geteuid() != 0 && read_copy(&copy, session, error) != OK)
        return FAILED;
    if (variables_write(stdout, format, geteuid() == 0 ? session->state.environment.items : copy.items, leave_out))
        return OK;
    return ferror(stdout) != 0 ? OK : fail_memory(error, STEP_SHARE); /* main sees to that */
}

static enum result fail_number(const struct census *census, const struct session_words *words, struct error *error)
{
    char asked[SHOWN_BYTES];

    sessions_asked(words, asked, sizeof asked);
    if (census->count == 0) {
        (void)fail(error, STEP_SHARE, STATUS_UNAVAILABLE, "env: %s: there is no such shared session", asked);
        return fail_hint(error, "pamrunctl list shows those that there are");
    }
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "env: %s: there are several sessions", asked);
    return fail_hint(error, "--profile %s, --profile %s, ...: say which", census->items[0].profile,
                     census->items[1].profile);
}

static enum result run_env(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct env_request *request = given;
    OWNED(census_free) struct census census = {NULL, 0};
    struct census_filter filter;
    enum variables_format format;

    (void)operands, (void)status;
    if (request->format == NULL || !variables_format_parse(request->format, &format)) {
        (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "env: --format sh, nul, json or slurm-task is needed");
        return verb_hint("env", error);
    }
    if (sessions_filter(&filter, &request->words, "env", WHO_ONE, error) != OK
        || check_mark(request->words.id, format, error) != OK || census_take(&census, &filter, error) != OK)
        return FAILED;
    if (census.count != 1)
        return fail_number(&census, &request->words, error);
    return write_variables(&census.items[0], format, error);
}

static const struct verb_option options[] = {
    {"user", "USER", offsetof(struct env_request, words.user), "whose session", false},
    {"uid", "UID", offsetof(struct env_request, words.uid), "the same, by number", false},
    {"id", "ID", offsetof(struct env_request, words.id), "the one with that hold", false},
    {"profile", "NAME", offsetof(struct env_request, words.profile), "the one of this PAM profile", false},
    {"format", "FORMAT", offsetof(struct env_request, format), "sh, nul, json or slurm-task", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_env = {
    .name = "env",
    .summary = "Print the variables that the modules of a shared session have set",
    .about = "sh: export NAME='value', for eval; nul: NAME=value, a NUL behind each; json: one\n"
             "object; slurm-task: what a TaskProlog is to print.\n"
             "With --id of a job whose account was refused: why, and status 77.\n"
             "\n"
             "Exit status: 0; 64 usage, or there are several; 67 no such user, 69 no such session,\n"
             "71 system, 75 it is not open, or no answer about the user; 77 the job was refused,\n"
             "or the session is not your own.\n"
             "\n"
             "In a TaskProlog: pamrunctl env --id \"slurm-$SLURM_JOB_ID\" --format slurm-task\n",
    .options = options,
    .request_size = sizeof(struct env_request),
    .run = run_env,
};
