#include "ctl/check.h"

#include "ctl/node.h"
#include "ctl/operations.h"
#include "ctl/report.h"
#include "ctl/trial.h"
#include "ctl/trial_options.h"

struct check_request {
    struct trial_options trial;
    bool json, node;
    const char *user; /* with node */
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
    enum result printed = OK;
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
        printed = trial_print_json(stdout, result, error);
    } else {
        report_failure(stdout, &style, result);
        report_advice(stdout, &style, result);
    }
    *status = trial_status(result);
    json_decref(result);
    return printed;
}

static enum result check(const void *given, char *const *operands, int *status, struct error *error)
{
    struct check_request *request = (struct check_request *)given; /* its lists are ours to free */
    enum result result;

    if (request->node && (request->json || request->trial.profile != NULL))
        result = fail(error, STEP_OPTIONS, STATUS_USAGE, "check: --node: goes neither with --json nor with --profile");
    else if (!request->node && request->user != NULL)
        result =
            fail(error, STEP_OPTIONS, STATUS_USAGE, "check: --user: goes with --node; else USER is a word of its own");
    else if (request->node)
        result = node_check(&request->trial, request->user, operands, status, error);
    else
        result = run_check(request, operands, status, error);

    trial_options_free(&request->trial);
    return result;
}

static const struct verb_option options[] = {
    TRIAL_OPTIONS(struct check_request),
    {"json", NULL, offsetof(struct check_request, json), "one JSON object, for programs", false},
    {"node", NULL, offsetof(struct check_request, node), "a health check: a line for each problem, else silent", false},
    {"user", "USER", offsetof(struct check_request, user), "in a health check: also his account step", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_check = {
    .name = "check",
    .operands = "USER [OPERATION...] | --node PROFILE...",
    .summary = "Call PAM for a user, step by step, and show what each step does",
    .about = "Operations, in the order in which they are given: authenticate acct_mgmt setcred\n"
             "open_session close_session chauthtok, flags in parentheses:\n"
             "'setcred(PAM_DELETE_CRED|PAM_SILENT)'. Default: all of a run and its close. What was\n"
             "opened is closed. It is done, not tried: a session module that mounts, mounts.\n"
             "\n"
             "Exit status: 0, or what pamrun would end with (man 8 pamrun).\n"
             "\n"
             "Why does nobody get a session? pamrunctl check --profile su alice\n"
             "May bob become alice?          pamrunctl check --as-caller bob alice\n"
             "In a node's health check:      pamrunctl check --node --user probe pamrun-job\n",
    .options = options,
    .request_size = sizeof(struct check_request),
    .run = check,
};
