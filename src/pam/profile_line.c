#include "pam/profile_line.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include <security/pam_appl.h>

const char *const profile_action_words[ACTION_WORDS] = {
    [-ACTION_IGNORE] = "ignore", [-ACTION_OK] = "ok",   [-ACTION_DONE] = "done",
    [-ACTION_BAD] = "bad",       [-ACTION_DIE] = "die", [-ACTION_RESET] = "reset",
};

/* libpam 1.7 gives each code a name in a header that it does not install; the order is the codes'. */
static const char *const code_words[CONTROL_CODES] = {
    [PAM_SUCCESS] = "success",
    [PAM_OPEN_ERR] = "open_err",
    [PAM_SYMBOL_ERR] = "symbol_err",
    [PAM_SERVICE_ERR] = "service_err",
    [PAM_SYSTEM_ERR] = "system_err",
    [PAM_BUF_ERR] = "buf_err",
    [PAM_PERM_DENIED] = "perm_denied",
    [PAM_AUTH_ERR] = "auth_err",
    [PAM_CRED_INSUFFICIENT] = "cred_insufficient",
    [PAM_AUTHINFO_UNAVAIL] = "authinfo_unavail",
    [PAM_USER_UNKNOWN] = "user_unknown",
    [PAM_MAXTRIES] = "maxtries",
    [PAM_NEW_AUTHTOK_REQD] = "new_authtok_reqd",
    [PAM_ACCT_EXPIRED] = "acct_expired",
    [PAM_SESSION_ERR] = "session_err",
    [PAM_CRED_UNAVAIL] = "cred_unavail",
    [PAM_CRED_EXPIRED] = "cred_expired",
    [PAM_CRED_ERR] = "cred_err",
    [PAM_NO_MODULE_DATA] = "no_module_data",
    [PAM_CONV_ERR] = "conv_err",
    [PAM_AUTHTOK_ERR] = "authtok_err",
    [PAM_AUTHTOK_RECOVERY_ERR] = "authtok_recover_err",
    [PAM_AUTHTOK_LOCK_BUSY] = "authtok_lock_busy",
    [PAM_AUTHTOK_DISABLE_AGING] = "authtok_disable_aging",
    [PAM_TRY_AGAIN] = "try_again",
    [PAM_IGNORE] = "ignore",
    [PAM_ABORT] = "abort",
    [PAM_AUTHTOK_EXPIRED] = "authtok_expired",
    [PAM_MODULE_UNKNOWN] = "module_unknown",
    [PAM_BAD_ITEM] = "bad_item",
    [PAM_CONV_AGAIN] = "conv_again",
    [PAM_INCOMPLETE] = "incomplete",
};

enum { ACTION_UNSET = -6, EVERY_OTHER_CODE = CONTROL_CODES };

/* ---- lines ---- */

/* The bytes up to the next new line, it included; no more than limit. Copied to out, ended with a NUL. */
static size_t take(struct profile_reader *reader, char *out, size_t limit)
{
    const char *end = strchrnul(reader->at, '\n');
    size_t length = (size_t)(end - reader->at) + (*end == '\n');

    if (length > limit)
        length = limit;
    memcpy(out, reader->at, length);
    out[length] = '\0';
    reader->at += length;
    reader->number += length > 0 && out[length - 1] == '\n';
    return length;
}

/* Where the text's last byte is that is no blank; the text is not empty. */
static char *last_of(char *text)
{
    char *at = text + strlen(text);

    while (at > text && strchr(" \t\n", *--at) != NULL) {
    }
    return at;
}

/* libpam up to 1.6: fgets(3) into a buffer of that size. What is longer goes on as a line of its own, comments too; in
 * a line that goes on, comments and empty lines are passed over. */
static enum profile_line next_line_bounded(struct profile_reader *reader, unsigned *number)
{
    char *at = reader->line;
    bool begun = false;

    for (;;) {
        size_t left = reader->room - (size_t)(at - reader->line);
        unsigned here = reader->number;
        char *text, *last;

        if (left <= 1) /* libpam would look for room for ever */
            return PROFILE_CUT_OFF;
        if (take(reader, at, left - 1) == 0)
            return begun ? PROFILE_CUT_OFF : PROFILE_END;
        text = at + strspn(at, " \n\t");
        if (*text == '\0' || *text == '#')
            continue;
        if (!begun)
            *number = here;
        begun = true;
        if (text[strcspn(text, "#")] == '#') {
            text[strcspn(text, "#")] = '\0';
            return PROFILE_LINE;
        }
        last = last_of(text);
        if (*last != '\\')
            return PROFILE_LINE;
        *last = ' ';
        at = last + 1;
    }
}

/* libpam from 1.7: a comment or an empty line ends a line that would go on. */
static enum profile_line next_line(struct profile_reader *reader, unsigned *number)
{
    char *at = reader->line; /* what is put together is before it */
    bool waits = false;      /* for the rest of a line */

    for (;;) {
        unsigned here = reader->number;
        size_t blanks;
        char *last;
        bool goes_on;

        if (take(reader, at, strlen(reader->at)) == 0)
            return waits ? PROFILE_CUT_OFF : PROFILE_END;
        last = last_of(at);
        goes_on = *last == '\\';
        if (goes_on) {
            last[0] = ' ';
            last[1] = '\0';
        }
        goes_on = goes_on && strchr(at, '#') == NULL;
        blanks = strspn(at, " \t");
        memmove(at, at + blanks, strlen(at + blanks) + 1);
        at[strcspn(at, "#")] = '\0';
        if (at == reader->line && *at != '\0' && *at != '\n')
            *number = here;
        if (!goes_on && (at > reader->line || (*at != '\0' && *at != '\n')))
            return PROFILE_LINE;
        waits = goes_on;
        if (goes_on)
            at += strlen(at);
    }
}

enum profile_line profile_next_line(struct profile_reader *reader, unsigned *number)
{
    return reader->room > 0 ? next_line_bounded(reader, number) : next_line(reader, number);
}

/* ---- words ---- */

/* The inside of brackets, in place, with "\]" for a bracket. Returns where it ended: at the closing one, or at the
 * text's end. */
static char *unbracket(char *inside)
{
    char *to = inside, *from = inside;

    for (; *from != '\0' && *from != ']'; to++, from++) {
        from += *from == '\\' && from[1] == ']';
        *to = *from;
    }
    if (to != from)
        *to = '\0';
    return from;
}

char *profile_next_word(char **rest, char **raw)
{
    char *word = *rest, *end;

    *raw = NULL;
    if (word == NULL)
        return NULL;
    word += strspn(word, " \n\t");
    *raw = word;
    if (*word == '\0') {
        *rest = NULL;
        return NULL;
    }
    if (*word == '[')
        end = unbracket(++word);
    else
        end = word + strcspn(word, " \n\t");
    if (*end != '\0')
        *end++ = '\0';
    *rest = *end != '\0' ? end : NULL;
    return word;
}

/* ---- controls ---- */

static void set_unset(int actions[static CONTROL_CODES], int action)
{
    for (int code = 0; code < CONTROL_CODES; code++)
        if (actions[code] == ACTION_UNSET)
            actions[code] = action;
}

static bool skip_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    bool found = strncmp(*at, word, length) == 0;

    *at += found ? length : 0;
    return found;
}

static void skip_blanks(const char **at)
{
    while (isspace((unsigned char)**at))
        ++*at;
}

/* -1: none. */
static int read_code(const char **at)
{
    for (int code = 0; code < CONTROL_CODES; code++)
        if (skip_word(at, code_words[code]))
            return code;
    return skip_word(at, "default") ? EVERY_OTHER_CODE : -1;
}

static bool read_action(const char **at, int *action)
{
    for (int word = 0; word < ACTION_WORDS; word++)
        if (skip_word(at, profile_action_words[word])) {
            *action = -word;
            return true;
        }
    *action = 0;
    while (isdigit((unsigned char)**at) && *action <= (INT_MAX - 9) / 10)
        *action = *action * 10 + (*(*at)++ - '0');
    return *action > 0 && !isdigit((unsigned char)**at);
}

static bool read_pairs(const char *at, int actions[static CONTROL_CODES])
{
    for (skip_blanks(&at); *at != '\0'; skip_blanks(&at)) {
        int code = read_code(&at), action;

        skip_blanks(&at);
        if (code < 0 || *at++ != '=')
            return false;
        skip_blanks(&at);
        if (!read_action(&at, &action))
            return false;
        if (code == EVERY_OTHER_CODE)
            set_unset(actions, action);
        else
            actions[code] = action;
    }
    return true;
}

bool profile_control(const char *control, int actions[static CONTROL_CODES])
{
    static const struct short_form {
        const char *word;
        int success, ignore, rest;
    } short_forms[] = {
        {"required", ACTION_OK, ACTION_IGNORE, ACTION_BAD},
        {"requisite", ACTION_OK, ACTION_IGNORE, ACTION_DIE},
        {"optional", ACTION_OK, ACTION_IGNORE, ACTION_IGNORE},
        {"sufficient", ACTION_DONE, ACTION_IGNORE, ACTION_IGNORE},
    };
    bool understood;

    for (int code = 0; code < CONTROL_CODES; code++)
        actions[code] = ACTION_UNSET;
    for (size_t row = 0; row < sizeof short_forms / sizeof *short_forms; row++)
        if (strcasecmp(control, short_forms[row].word) == 0) {
            actions[PAM_SUCCESS] = actions[PAM_NEW_AUTHTOK_REQD] = short_forms[row].success;
            actions[PAM_IGNORE] = short_forms[row].ignore;
            set_unset(actions, short_forms[row].rest);
            return true;
        }
    understood = read_pairs(control, actions);
    for (int code = 0; code < CONTROL_CODES && !understood; code++)
        actions[code] = ACTION_UNSET;
    set_unset(actions, ACTION_BAD);
    return understood;
}
