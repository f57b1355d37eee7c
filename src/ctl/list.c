#include "ctl/list.h"

#include "ask/identity.h"
#include "base/owned.h"
#include "base/text.h"
#include "ctl/json.h"
#include "ctl/refusal.h"
#include "ctl/sessions.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct list_request {
    struct session_words words;
    bool json;
};

enum { SHOWN_BYTES = 200, COMMAND_BYTES = 4096, AGE_BYTES = 24 };

/* ---- what is shown of a process ---- */

/* Its arguments with blanks between them, or its name in brackets, as ps(1) has it; empty: it has ended. */
static void read_command(pid_t pid, char *command, size_t size)
{
    char path[40];
    size_t length = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    file = fopen(path, "re");
    if (file != NULL) {
        length = fread(command, 1, size - 1, file);
        (void)fclose(file);
    }
    for (size_t at = 0; at + 1 < length; at++)
        if (command[at] == '\0')
            command[at] = ' ';
    command[length] = '\0';
    if (length > 0)
        return;
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    length = file != NULL ? fread(command + 1, 1, size - 3, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    command[length] = length > 0 ? ']' : '\0'; /* in place of the new line */
    command[length > 0 ? length + 1 : 0] = '\0';
    if (length > 0)
        command[0] = '[';
}

static int64_t run_age(const struct census_lease *lease)
{
    long ticks = sysconf(_SC_CLK_TCK);
    int64_t age = lease_now_s() - (int64_t)(lease->run.start / (uint64_t)(ticks > 0 ? ticks : 100));

    return age > 0 ? age : 0;
}

static int64_t session_age(const struct session *session)
{
    int64_t age = (int64_t)time(NULL) - session->state.since;

    return age > 0 ? age : 0;
}

/* ---- for people ---- */

static void show_age(char *text, int64_t seconds)
{
    if (seconds < 60)
        (void)snprintf(text, AGE_BYTES, "%" PRId64 "s", seconds);
    else if (seconds < 3600)
        (void)snprintf(text, AGE_BYTES, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        (void)snprintf(text, AGE_BYTES, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
    else
        (void)snprintf(text, AGE_BYTES, "%" PRId64 "d%02" PRId64 "h", seconds / 86400, seconds / 3600 % 24);
}

/* In bytes; 0: no terminal, nothing is cut. */
static size_t line_width(void)
{
    struct winsize size;

    return isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void print_lease(const struct census_lease *lease, int name_width)
{
    char command[COMMAND_BYTES], shown[COMMAND_BYTES * 4], age[AGE_BYTES], pid[16];
    size_t width = line_width(), taken = sizeof "  run    " - 1 + sizeof "1234567 " - 1 + (size_t)name_width;

    if (lease->hold != NULL) {
        if (lease->end > 0 && !lease->is_over)
            show_age(age, lease->end - lease_now_s());
        (void)printf("  hold %-*s  %s%s\n", name_width, lease->hold,
                     lease->is_over    ? "its time is over"
                     : lease->end == 0 ? "until it is released"
                                       : age,
                     lease->is_over || lease->end == 0 ? "" : " left");
        return;
    }
    read_command(lease->run.pid, command, sizeof command);
    (void)text_visible(shown, width > taken + 8 && width - taken < sizeof shown ? width - taken + 1 : sizeof shown,
                       command, TEXT_ONE_LINE);
    show_age(age, run_age(lease));
    (void)snprintf(pid, sizeof pid, "%d", (int)lease->run.pid);
    if (lease->is_over)
        (void)printf("  run  %-*s  has ended\n", name_width, pid);
    else
        (void)printf("  run  %-*s  %-7s %s\n", name_width, pid, age, shown);
}

static void print_details(const struct session *session)
{
    size_t over = 0;

    for (size_t at = 0; at < session->count; at++)
        over += session->leases[at].is_over;
    if (session->has_leases)
        (void)printf("%zu", session->count - over);
    else
        (void)printf("-");
    if (session->state.reopened > 0)
        (void)printf("  reopened %" PRIu32, session->state.reopened);
    if (session->state.refreshed > 0)
        (void)printf("  refreshed %" PRIu32, session->state.refreshed);
    if (session->standing == CENSUS_LOST)
        (void)printf("  its keeper was killed");
    if (session->standing == CENSUS_LEFT && over < session->count)
        (void)printf("  without a session");
    if (session->standing == CENSUS_FOREIGN)
        (void)printf("  its keeper is in another pid namespace");
    if (session->standing == CENSUS_DAMAGED)
        (void)printf("  %s", session->problem);
    (void)putchar('\n');
}

static void print_session(const struct session *session, int owner_width, int profile_width)
{
    char owner[SHOWN_BYTES], age[AGE_BYTES] = "-", keeper[16] = "-";
    size_t name_width = 0;

    session_owner(session, owner, sizeof owner);
    if (session->state.since > 0)
        show_age(age, session_age(session));
    if (session->keeper > 0)
        (void)snprintf(keeper, sizeof keeper, "%d", (int)session->keeper);
    (void)printf("%-*s  %-*s  %-8s %-8s %-8s ", owner_width, owner, profile_width, session->profile,
                 census_word(session->standing), keeper, age);
    print_details(session);
    for (size_t at = 0; at < session->count; at++) {
        const struct census_lease *lease = &session->leases[at];

        name_width = larger(name_width, lease->hold != NULL ? strlen(lease->hold)
                                                            : (size_t)snprintf(NULL, 0, "%d", (int)lease->run.pid));
    }
    for (size_t at = 0; at < session->count; at++)
        print_lease(&session->leases[at], (int)name_width);
}

static void print_refusal(void *unused, const char *id, const struct refusal *refusal)
{
    char account[SHOWN_BYTES], message[SHOWN_BYTES * 5];

    (void)unused;
    (void)snprintf(account, sizeof account, "user id %ju", (uintmax_t)refusal->owner);
    if (*json_text_of(refusal->facts, "account") != '\0')
        (void)text_visible(account, sizeof account, json_text_of(refusal->facts, "account"), TEXT_ONE_LINE);
    else if (refusal->owner == 0)
        (void)strlcpy(account, "nobody that is known", sizeof account);
    (void)text_visible(message, sizeof message, json_text_of(refusal->facts, "message"), TEXT_ONE_LINE);
    (void)printf("refused: job %s of %s: %s\n", id, account, message);
}

static void print_all(const struct census *census)
{
    size_t owner_width = strlen("ACCOUNT"), profile_width = strlen("PROFILE");
    char owner[SHOWN_BYTES];

    for (size_t at = 0; at < census->count; at++) {
        session_owner(&census->items[at], owner, sizeof owner);
        owner_width = larger(owner_width, strlen(owner));
        profile_width = larger(profile_width, strlen(census->items[at].profile));
    }
    if (census->count > 0)
        (void)printf("%-*s  %-*s  %-8s %-8s %-8s %s\n", (int)owner_width, "ACCOUNT", (int)profile_width, "PROFILE",
                     "STATE", "KEEPER", "AGE", "LEASES");
    else if (isatty(STDOUT_FILENO) == 1)
        (void)puts("no shared sessions");
    for (size_t at = 0; at < census->count; at++)
        print_session(&census->items[at], (int)owner_width, (int)profile_width);
}

/* ---- for programs ---- */

static json_t *number_or_null(bool is_known, int64_t number)
{
    return is_known ? json_integer(number) : json_null();
}

static json_t *json_runs(const struct session *session)
{
    json_t *runs = json_array();

    for (size_t at = 0; at < session->count; at++) {
        const struct census_lease *lease = &session->leases[at];
        char command[COMMAND_BYTES];

        if (lease->hold != NULL || lease->is_over)
            continue;
        read_command(lease->run.pid, command, sizeof command);
        (void)json_array_append_new(runs, json_pack("{s:i, s:I, s:o}", "pid", (int)lease->run.pid, "seconds",
                                                    (json_int_t)run_age(lease), "command", json_text(command)));
    }
    return runs;
}

static json_t *json_holds(const struct session *session)
{
    json_t *holds = json_array();

    for (size_t at = 0; at < session->count; at++) {
        const struct census_lease *lease = &session->leases[at];

        if (lease->hold != NULL && !lease->is_over)
            (void)json_array_append_new(holds, json_pack("{s:s, s:o}", "id", lease->hold, "seconds-left",
                                                         number_or_null(lease->end > 0, lease->end - lease_now_s())));
    }
    return holds;
}

static json_t *json_session(const struct session *session, bool root)
{
    const struct state *state = &session->state;
    bool is_there = state->word != STATE_NONE;

    return json_pack("{s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", /* of the manual page */
                     "account", state->account[0] != '\0' ? json_text(state->account) : json_null(), "uid",
                     (json_int_t)session->uid, "profile", session->profile, "state", census_word(session->standing),
                     "keeper", number_or_null(session->keeper > 0, session->keeper), "since",
                     number_or_null(is_there, state->since), "reopened", number_or_null(is_there, state->reopened),
                     "refreshed", number_or_null(is_there, state->refreshed), "last-refresh",
                     state->last_refresh[0] != '\0' ? json_text(state->last_refresh) : json_null(), "used-password",
                     is_there && root ? json_boolean(state->used_password) : json_null(), "runs",
                     session->has_leases ? json_runs(session) : json_null(), "holds",
                     session->has_leases ? json_holds(session) : json_null());
}

static json_t *text_or_null(const json_t *facts, const char *key)
{
    const char *text = json_text_of(facts, key);

    return *text != '\0' ? json_text(text) : json_null();
}

static void add_refusal(void *array, const char *id, const struct refusal *refusal)
{
    (void)json_array_append_new(
        array, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id, "uid",
                         number_or_null(refusal->owner != 0, refusal->owner), "account",
                         text_or_null(refusal->facts, "account"), "profile", text_or_null(refusal->facts, "profile"),
                         "step", text_or_null(refusal->facts, "step"), "code", text_or_null(refusal->facts, "code"),
                         "message", text_or_null(refusal->facts, "message")));
}

/* ---- the verb ---- */

struct refusals {
    const struct census_filter *filter;
    void (*visit)(void *data, const char *id, const struct refusal *refusal);
    void *data;
};

static void choose_refusal(void *data, const char *id, const struct refusal *refusal)
{
    const struct refusals *refusals = data;
    const struct census_filter *filter = refusals->filter;

    if (filter->hold == NULL && filter->profile == NULL && (!filter->has_uid || filter->uid == refusal->owner))
        refusals->visit(refusals->data, id, refusal);
}

/* Others than root cannot list them: they ask for one by its id, env. */
static void each_refusal(const struct census_filter *filter,
                         void (*visit)(void *data, const char *id, const struct refusal *refusal), void *data)
{
    struct refusals refusals = {filter, visit, data};

    refusal_each(choose_refusal, &refusals);
}

static enum result print_json(const struct census *census, const struct census_filter *filter, struct error *error)
{
    json_t *sessions = json_array(), *refused = json_array(), *all;
    enum result printed;

    for (size_t at = 0; at < census->count; at++)
        (void)json_array_append_new(sessions, json_session(&census->items[at], filter->is_of_root));
    each_refusal(filter, add_refusal, refused);
    all = json_pack("{s:o, s:o}", "sessions", sessions, "refused", refused);
    if (all == NULL)
        return fail_memory(error, STEP_END);
    printed = json_print(stdout, all, JSON_INDENT(2), error);
    json_decref(all);
    return printed;
}

static enum result run_list(const void *given, char *const *operands, int *status, struct error *error)
{
    const struct list_request *request = given;
    OWNED(census_free) struct census census = {NULL, 0};
    struct census_filter filter;

    (void)operands, (void)status;
    if (sessions_filter(&filter, &request->words, "list", WHO_ANY, error) != OK
        || census_take(&census, &filter, error) != OK)
        return FAILED;
    if (request->json)
        return print_json(&census, &filter, error);
    print_all(&census);
    each_refusal(&filter, print_refusal, NULL);
    return OK;
}

static const struct verb_option options[] = {
    {"json", NULL, offsetof(struct list_request, json), "one JSON object, for programs", false},
    {"user", "USER", offsetof(struct list_request, words.user), "only that user's", false},
    {"uid", "UID", offsetof(struct list_request, words.uid), "the same, by number", false},
    {"id", "ID", offsetof(struct list_request, words.id), "only the one with that hold", false},
    {"profile", "NAME", offsetof(struct list_request, words.profile), "only those of this PAM profile", false},
    {NULL, NULL, 0, NULL, false},
};

const struct verb verb_list = {
    .name = "list",
    .summary = "List the shared sessions, who is in them, and the jobs that were refused",
    .about = "Others than root see their own, without who is in them.\n"
             "\n"
             "Exit status: 0; 64 usage, 67 no such user, 71 system, 75 no answer about the user,\n"
             "77 not your own.\n"
             "\n"
             "Example: pamrunctl list --user alice\n",
    .options = options,
    .request_size = sizeof(struct list_request),
    .run = run_list,
};
