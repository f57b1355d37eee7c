#include "share/state.h"

#include "base/file.h"
#include "base/number.h"
#include "base/owned.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "pamrun-session 1";

static const char *const words[] = {
    [STATE_NONE] = "none", [STATE_OPENING] = "opening", [STATE_OPEN] = "open", [STATE_CLOSING] = "closing"};

enum { WORDS = sizeof words / sizeof *words };

const char *state_word_name(enum state_word word)
{
    return words[word];
}

/* ---- a value of one line: a new line in it is \n, a backslash \\ ---- */

static void write_escaped(FILE *out, const char *key, const char *value)
{
    (void)fprintf(out, "%s ", key);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            (void)fputs("\\n", out);
        else if (*value == '\\')
            (void)fputs("\\\\", out);
        else
            (void)fputc(*value, out);
    }
    (void)fputc('\n', out);
}

static bool unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            text++;
            if (*text != 'n' && *text != '\\')
                return false;
            *to++ = *text == 'n' ? '\n' : '\\';
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
    return true;
}

/* ---- one function a line ---- */

typedef bool taker(struct state *state, char *value);

static bool take_word(struct state *state, char *value)
{
    for (int at = STATE_OPENING; at < WORDS; at++)
        if (strcmp(value, words[at]) == 0) {
            state->word = (enum state_word)at;
            return true;
        }
    return false;
}

static bool take_keeper(struct state *state, char *value)
{
    uint32_t number;

    if (!number_parse(value, INT_MAX, &number))
        return false;
    state->keeper = (pid_t)number;
    return number > 0;
}

static bool take_boot(struct state *state, char *value)
{
    return strlcpy(state->boot, value, sizeof state->boot) < sizeof state->boot;
}

static bool take_since(struct state *state, char *value)
{
    char *end;

    errno = 0;
    state->since = strtoll(value, &end, 10);
    return errno == 0 && end != value && *end == '\0';
}

static bool take_account(struct state *state, char *value)
{
    return unescape(value) && strlcpy(state->account, value, sizeof state->account) < sizeof state->account;
}

static bool take_password(struct state *state, char *value)
{
    state->used_password = strcmp(value, "yes") == 0;
    return state->used_password || strcmp(value, "no") == 0;
}

static bool take_reopened(struct state *state, char *value)
{
    return number_parse(value, UINT32_MAX, &state->reopened);
}

static bool take_refreshed(struct state *state, char *value)
{
    return number_parse(value, UINT32_MAX, &state->refreshed);
}

static bool take_last_refresh(struct state *state, char *value)
{
    return strlcpy(state->last_refresh, value, sizeof state->last_refresh) < sizeof state->last_refresh;
}

static bool take_variable(struct state *state, char *value)
{
    return unescape(value) && strchr(value, '=') != NULL && strv_add(&state->environment, value);
}

static const struct {
    const char *key;
    taker *take;
} lines[] = {
    {"state", take_word},        {"keeper", take_keeper},       {"boot", take_boot},
    {"since", take_since},       {"account", take_account},     {"password", take_password},
    {"reopened", take_reopened}, {"refreshed", take_refreshed}, {"last-refresh", take_last_refresh},
    {"variable", take_variable},
};

static bool take_line(struct state *state, char *line)
{
    char *value = strchr(line, ' ');

    if (value == NULL)
        return false;
    *value++ = '\0';
    for (size_t at = 0; at < sizeof lines / sizeof *lines; at++)
        if (strcmp(line, lines[at].key) == 0)
            return lines[at].take(state, value);
    return false;
}

bool state_parse(struct state *state, char *text)
{
    char *line = file_next_line(&text);

    *state = (struct state){0};
    if (line == NULL || strcmp(line, first_line) != 0)
        return false;
    while ((line = file_next_line(&text)) != NULL && strcmp(line, "context") != 0)
        if (!take_line(state, line))
            return false;
    if (line != NULL && *text != '\0') {
        state->context = strdup(text);
        if (state->context == NULL)
            return false;
    }
    return state->word != STATE_NONE && state->keeper > 0;
}

char *state_format(const struct state *state, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    if (out == NULL)
        return NULL;
    (void)fprintf(out,
                  "%s\nstate %s\nkeeper %d\nboot %s\nsince %" PRId64 "\npassword %s\nreopened %" PRIu32
                  "\nrefreshed %" PRIu32 "\nlast-refresh %s\n",
                  first_line, words[state->word], (int)state->keeper, state->boot, state->since,
                  state->used_password ? "yes" : "no", state->reopened, state->refreshed, state->last_refresh);
    write_escaped(out, "account", state->account);
    for (size_t at = 0; at < state->environment.count; at++)
        write_escaped(out, "variable", state->environment.items[at]);
    (void)fprintf(out, "context\n%s", state->context != NULL ? state->context : "");
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

bool state_read(struct state *state, const struct place *place, const char **problem)
{
    OWNED(memory_free) char *text = NULL;
    struct stat status;

    *state = (struct state){0};
    text = file_read_trusted(place->fd, "state", FILE_BYTES_MAX, false, &status, problem);
    if (text == NULL)
        return errno == ENOENT;
    if (state_parse(state, text))
        return true;
    *problem = "is not as pamrun writes it";
    state_free(state);
    return false;
}

bool state_write(const struct state *state, const struct place *place)
{
    size_t length;
    OWNED(memory_free) char *text = state_format(state, &length);

    return text != NULL && place_write(place, "state", text, length, 0);
}

void state_boot_id(char *boot, size_t size)
{
    OWNED(memory_free) char *text = file_read("/proc/sys/kernel/random/boot_id", NULL);

    (void)strlcpy(boot, text != NULL ? text : "", size);
    boot[strcspn(boot, "\n")] = '\0';
}

void state_free(struct state *state)
{
    strv_free(&state->environment);
    free(state->context);
    *state = (struct state){0};
}
