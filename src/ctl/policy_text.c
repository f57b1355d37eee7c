#include "ctl/policy_text.h"

#include "ask/policy_keys.h"
#include "ask/settings.h"
#include "base/text.h"
#include "base/words.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LINE_WANTED = 100, WORD_BYTES = 1024, ORIGIN_BYTES = 560 };

/* ---- one value ---- */

/* Others chose these bytes. */
static void put_visible(FILE *out, const char *text)
{
    char shown[4 * WORD_BYTES];

    (void)text_visible(shown, sizeof shown, text, TEXT_ONE_LINE);
    (void)fputs(shown, out);
}

/* The word as words_split() reads it. is_first: of an indented line, which must not look like a key or a section; nor
 * may the word behind make it so. */
static void show_word(char word[static WORD_BYTES], char *item, bool is_first)
{
    char *items[] = {item, NULL};
    const struct strv one = {.items = items, .count = 1};
    size_t length = 0;
    const char *sign;

    words_join(word, WORD_BYTES, &one);
    sign = strpbrk(word, "=:");
    if (*word == '"' || strlen(item) > WORD_BYTES / 2 - 2 || !(is_first ? *word == '[' || sign != NULL : sign == word))
        return;
    word[length++] = '"';
    for (; *item != '\0'; item++) { /* it has no quotation mark, or it would be in quotes */
        if (*item == '\\')
            word[length++] = '\\';
        word[length++] = *item;
    }
    word[length++] = '"';
    word[length] = '\0';
}

/* A long list goes on in indented lines. start: what is in the first line already. */
static void put_list(FILE *out, const struct strv *list, size_t start)
{
    size_t length = start;

    for (size_t at = 0; at < list->count; at++) {
        char word[WORD_BYTES];

        show_word(word, list->items[at], false);
        if (length + 1 + strlen(word) > LINE_WANTED) {
            show_word(word, list->items[at], true);
            length = strlen(word) + 4 > SETTINGS_LINE_MAX ? 1 : 4;
            (void)fprintf(out, "\n%.*s", (int)length, "    ");
        } else {
            (void)fputc(' ', out);
            length++;
        }
        put_visible(out, word);
        length += strlen(word);
    }
}

/* "key = value". */
static void put_setting(FILE *out, enum policy_key key, const struct policy_value *value, int width)
{
    const char *word = policy_key_word(key), *text = value->text != NULL ? value->text : "";
    char start[64];
    int length = snprintf(start, sizeof start, "%-*s =", width, word);

    if (policy_key_table[key].kind == KIND_LIST) {
        (void)fputs(start, out);
        put_list(out, &value->list, (size_t)length);
    } else if ((size_t)length + 1 + strlen(text) > SETTINGS_LINE_MAX) {
        (void)fprintf(out, "%s=", word);
        put_visible(out, text);
    } else {
        (void)fprintf(out, "%s%s", start, *text != '\0' ? " " : "");
        put_visible(out, text);
    }
    (void)fputc('\n', out);
}

/* What auto comes to, here and now. */
static void put_auto(FILE *out, const struct policy_value *value, const struct login_defs *defs)
{
    struct error error;
    uid_t minimum;

    if (value->number != POLICY_USER_ID_AUTO)
        return;
    if (policy_minimum_user_id(value, false, defs, &minimum, &error) != OK)
        (void)fprintf(out, "# %s\n", error.message);
    else
        (void)fprintf(out, "# auto is %ju, %s%s\n", (uintmax_t)minimum,
                      defs->has_uid_min ? "UID_MIN of login.defs" : "as login.defs has no UID_MIN",
                      value->origin.file == NULL ? "; it is 0 when root asks" : "");
}

/* ---- one section ---- */

typedef const struct policy_value *finder(const void *context, enum policy_key key);

/* Its keys: those that belong to one of the places, and are there. */
struct block {
    finder *find;
    const void *context;
    unsigned int places;
    const struct login_defs *defs;
};

static const struct policy_value *block_value(const struct block *block, enum policy_key key)
{
    return (policy_key_table[key].places & block->places) != 0 ? block->find(block->context, key) : NULL;
}

static int block_width(const struct block *block)
{
    size_t width = 0;

    for (enum policy_key key = 0; key < POLICY_KEYS; key++) {
        const struct policy_value *value = block_value(block, key);

        if (value != NULL && value->is_set && strlen(policy_key_word(key)) > width)
            width = strlen(policy_key_word(key));
    }
    return (int)width;
}

static void put_block(FILE *out, const struct block *block)
{
    int width = block_width(block);
    bool has_default = false;

    for (enum policy_key key = 0; key < POLICY_KEYS; key++) {
        const struct policy_value *value = block_value(block, key);
        char origin[ORIGIN_BYTES];

        has_default = has_default || (value != NULL && value->is_set && value->origin.file == NULL);
        if (value == NULL || !value->is_set || value->origin.file == NULL)
            continue;
        policy_show_origin(origin, sizeof origin, &value->origin);
        (void)fprintf(out, "# %s\n", origin);
        put_setting(out, key, value, width);
        if (key == POLICY_MINIMUM_USER_ID)
            put_auto(out, value, block->defs);
    }
    if (has_default)
        (void)fputs("# default\n", out);
    for (enum policy_key key = 0; key < POLICY_KEYS; key++) {
        const struct policy_value *value = block_value(block, key);

        if (value == NULL || !value->is_set || value->origin.file != NULL)
            continue;
        (void)fputc('#', out);
        put_setting(out, key, value, width);
        if (key == POLICY_MINIMUM_USER_ID)
            put_auto(out, value, block->defs);
    }
}

static const struct policy_value *value_of_all(const void *policy, enum policy_key key)
{
    return policy_value(policy, key, NULL);
}

static const struct policy_value *value_of_profile(const void *section, enum policy_key key)
{
    return profile_section_value(section, key);
}

static const struct policy_value *value_of_delegate(const void *section, enum policy_key key)
{
    return delegate_value(section, key);
}

/* ---- the whole ---- */

static void put_heading(FILE *out, const struct policy *policy)
{
    (void)fputs("# site policy, pamrun.conf(5):", out);
    for (size_t at = 0; at < policy->files.count; at++)
        (void)fprintf(out, " %s", policy->files.items[at]); /* made visible */
    (void)fprintf(out, "%s\n", policy->files.count == 0 ? " there is no file, the defaults hold" : "");
}

void policy_text_write(FILE *out, const struct policy *policy, const struct login_defs *defs)
{
    const struct policy_section *section = NULL;

    put_heading(out, policy);
    put_block(out, &(struct block){value_of_all, policy, PLACE_RUN, defs});
    while ((section = policy_next_profile(policy, section)) != NULL) {
        (void)fprintf(out, "\n[profile %s]\n", profile_section_name(section));
        put_block(out, &(struct block){value_of_profile, section, PLACE_PROFILE, defs});
    }
    while ((section = policy_next_delegate(policy, section)) != NULL) {
        (void)fputs("\n[delegate ", out);
        put_visible(out, delegate_user(section));
        (void)fputs("]\n", out);
        put_block(out, &(struct block){value_of_delegate, section, PLACE_DELEGATE, defs});
    }
}

struct of_profile {
    const struct policy *policy;
    const char *profile;
};

static const struct policy_value *value_of_globals_only(const void *context, enum policy_key key)
{
    const struct of_profile *of = context;

    return policy_key_table[key].places == PLACE_GLOBAL ? policy_value(of->policy, key, NULL) : NULL;
}

static const struct policy_value *value_that_holds(const void *context, enum policy_key key)
{
    const struct of_profile *of = context;

    return policy_value(of->policy, key, of->profile);
}

void policy_text_write_profile(FILE *out, const struct policy *policy, const struct login_defs *defs,
                               const char *profile)
{
    const struct of_profile of = {policy, profile};

    put_heading(out, policy);
    put_block(out, &(struct block){value_of_globals_only, &of, PLACE_GLOBAL, defs});
    (void)fprintf(out, "\n[profile %s]\n", profile);
    put_block(out, &(struct block){value_that_holds, &of, PLACE_PROFILE, defs});
}
