#include "ctl/profiles.h"

#include "ask/policy.h"
#include "base/owned.h"
#include "base/strv.h"
#include "base/text.h"
#include "ctl/catalogue.h"
#include "ctl/json.h"
#include "ctl/report.h"
#include "ctl/trial_options.h"

#include <bsd/string.h>
#include <string.h>

struct profiles_request {
    bool json;
};

enum { CELL_BYTES = 256 };

/* Of the column of names. */
static int width_of(const struct strv *names)
{
    size_t width = sizeof "PROFILE" - 1;

    for (size_t at = 0; at < names->count; at++)
        width = strlen(names->items[at]) > width ? strlen(names->items[at]) : width;
    return (int)width;
}

/* "required", "required, root: none" */
static void admission_cell(char cell[static CELL_BYTES], const json_t *facts)
{
    const char *others = json_text_of(facts, "authentication"), *root = json_text_of(facts, "authentication-of-root");

    if (*others == '\0')
        (void)snprintf(cell, CELL_BYTES, "-"); /* it has no line for it */
    else if (strcmp(others, root) == 0)
        (void)snprintf(cell, CELL_BYTES, "%s", others);
    else
        (void)snprintf(cell, CELL_BYTES, "%s, root: %s", others, root);
}

/* The strings of an array, between commas; "-": none. */
static void list_cell(char cell[static CELL_BYTES], const char *first, const json_t *list)
{
    const json_t *item;
    size_t at, length = strlcpy(cell, first, CELL_BYTES);

    JSON_EACH(list, at, item) {
        if (length + 16 > CELL_BYTES) /* text_visible() needs room for its "..." */
            break;
        length += strlcpy(cell + length, length > 0 ? ", " : "", CELL_BYTES - length);
        length += text_visible(cell + length, CELL_BYTES - length, json_string_value(item), TEXT_ONE_LINE);
    }
    if (length == 0)
        (void)snprintf(cell, CELL_BYTES, "-");
}

static void put_row(const struct report_style *style, int width, const json_t *facts)
{
    char admission[CELL_BYTES], callers[CELL_BYTES], needs[CELL_BYTES];
    const json_t *line;
    size_t at;

    admission_cell(admission, facts);
    list_cell(callers, json_text_of(facts, "callers"), json_object_get(facts, "delegates"));
    list_cell(needs, "", json_object_get(facts, "needs"));
    (void)printf("%-*s %-26s %-16s %s\n", width, json_text_of(facts, "profile"), admission, callers, needs);
    JSON_EACH(json_object_get(facts, "dangers"), at, line)
        report_remark(stdout, style, REPORT_FAILED, "danger", json_string_value(line));
    JSON_EACH(json_object_get(facts, "missing"), at, line)
        report_remark(stdout, style, REPORT_NOT_RUN, "missing", json_string_value(line));
    if (!json_is_true(json_object_get(facts, "usable")))
        report_remark(stdout, style, REPORT_NOT_RUN, "unusable", json_text_of(facts, "problem"));
}

static enum result run_profiles(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct profiles_request *request = given;
    OWNED(policy_free) struct policy policy = {0};
    OWNED(strv_free) struct strv names = {0};
    struct report_style style = report_style_of(stdout);
    json_t *all = json_array();
    enum result printed = OK;

    (void)operands;
    if (policy_read(&policy, &policy_site_paths, error) != OK) {
        json_decref(all);
        return FAILED;
    }
    if (!catalogue_names(&names)) {
        json_decref(all);
        return fail_memory(error, STEP_PROFILE);
    }
    if (!request->json)
        (void)printf("%-*s %-26s %-16s %s\n", width_of(&names), "PROFILE", "AUTHENTICATION", "CALLERS", "NEEDS");
    for (size_t at = 0; at < names.count; at++) {
        json_t *facts = catalogue_profile(names.items[at], &policy);

        if (!request->json)
            put_row(&style, width_of(&names), facts);
        (void)json_array_append_new(all, facts);
    }
    if (request->json) {
        json_t *whole = json_object();

        (void)json_object_set_new(whole, "profiles", json_incref(all));
        printed = trial_print_json(stdout, whole, error);
        json_decref(whole);
    }
    json_decref(all);
    *status = 0;
    return printed;
}

static const struct verb_option options[] = {
    {"json", NULL, offsetof(struct profiles_request, json), "one JSON object, for programs", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_profiles = {
    .name = "profiles",
    .summary = "List the PAM profiles: who may use them, and what is dangerous",
    .about = "Authentication: required; none (everybody is let in); condition (some are, without\n"
             "proof); nobody. Callers: root, anybody, and delegates of the site policy.\n"
             "No module is called.\n"
             "\n"
             "Exit status: 0; 64 usage, 71 system, 78 the site policy has errors.\n",
    .options = options,
    .request_size = sizeof(struct profiles_request),
    .run = run_profiles,
};
