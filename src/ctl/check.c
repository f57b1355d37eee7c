#include "ctl/check.h"

#include "base/log.h"
#include "base/number.h"
#include "base/owned.h"
#include "base/strv.h"
#include "ctl/json.h"
#include "ctl/operations.h"
#include "ctl/report.h"
#include "ctl/trial.h"
#include "ctl/trial_options.h"

#include <stdlib.h>
#include <string.h>

struct check_request {
    struct trial_options trial;
    bool json;
};

static void show(void *data, const json_t *record)
{
    const struct report_style *style = data;

    if (json_object_get(record, "operations") != NULL)
        report_facts(stdout, style, record);
    else
        report_operation(stdout, style, record);
    (void)fflush(stdout);
}

static enum result run_check(struct check_request *request, char *const *operands, int *status, struct error *error)
{
    struct report_style style = report_style_of(stdout);
    struct operations operations;
    struct trial_request trial;
    json_t *result;

    if (trial_options_read(&trial, &operations, "check", &request->trial, operands, error) != OK)
        return FAILED;
    if (!request->json) {
        trial.show = show;
        trial.show_data = &style;
    }
    if (trial_run(&trial, &result, error) != OK)
        return FAILED;
    trial_advise(result);
    if (request->json) {
        trial_print_json(stdout, result);
    } else {
        report_failure(stdout, &style, result);
        report_advice(stdout, &style, result);
    }
    *status = trial_status(result);
    json_decref(result);
    return OK;
}

static enum result check(const void *given, char *const *operands, int *status, struct error *error)
{
    struct check_request *request = (struct check_request *)given; /* its list is ours to free */
    enum result result = run_check(request, operands, status, error);

    trial_options_free(&request->trial);
    return result;
}

static const struct verb_option options[] = {
    TRIAL_OPTIONS(struct check_request, trial),
    {"json", NULL, offsetof(struct check_request, json), "one JSON object, for programs", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_check = {
    .name = "check",
    .operands = "USER [OPERATION...]",
    .summary = "Call PAM for a user, step by step, and show what each step does",
    .about = "Operations, in the order in which they are given: authenticate acct_mgmt setcred\n"
             "open_session close_session chauthtok, flags in parentheses:\n"
             "'setcred(PAM_DELETE_CRED|PAM_SILENT)'. Default: all of a run and its close. What was\n"
             "opened is closed. It is done, not tried: a session module that mounts, mounts.\n"
             "\n"
             "Exit status: 0, or what pamrun would end with (man 8 pamrun).\n"
             "\n"
             "Why does nobody get a session? pamrunctl check --profile su alice\n"
             "May bob become alice?          pamrunctl check --as-caller bob alice\n",
    .options = options,
    .request_size = sizeof(struct check_request),
    .run = check,
};
