#include "base/words.h"

#include "base/owned.h"

#include <string.h>

static const char between[] = " \t,";

/* Copy what stands in quotes, moving *text behind the closing one; NULL when there is none, or no end of the word
 * behind it. */
static char *quoted_word(char *out, const char **text, const char **problem)
{
    const char *at = *text + 1;
    char *end = out;

    for (; *at != '"'; at++) {
        if (*at == '\0') {
            *problem = "a quotation mark is not closed";
            return NULL;
        }
        if (*at == '\\' && *++at != '"' && *at != '\\') {
            *problem = "in quotation marks a backslash stands before another one, or before a quotation mark";
            return NULL;
        }
        *end++ = *at;
    }
    *end = '\0';
    *text = at + 1;
    if (**text != '\0' && strchr(between, **text) == NULL) {
        *problem = "something stands right behind a closing quotation mark";
        return NULL;
    }
    return out;
}

static char *plain_word(char *out, const char **text, const char **problem)
{
    size_t length = strcspn(*text, between);

    if (**text == '#') {
        *problem = "a comment needs a line of its own";
        return NULL;
    }
    if (memchr(*text, '"', length) != NULL) {
        *problem = "a quotation mark stands inside a word";
        return NULL;
    }
    memcpy(out, *text, length);
    out[length] = '\0';
    *text += length;
    return out;
}

bool words_split(struct strv *list, const char *text, const char **problem)
{
    OWNED(memory_free) char *room = malloc(strlen(text) + 1);

    *problem = NULL;
    if (room == NULL)
        return false;
    for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
        char *word = (*text == '"' ? quoted_word : plain_word)(room, &text, problem);

        if (word == NULL || !strv_add(list, word))
            return false;
    }
    return true;
}

static bool needs_quotes(const char *word)
{
    /* a ';' behind the blank between two words would begin a comment, settings.h */
    return *word == '\0' || *word == '#' || *word == ';' || strpbrk(word, " \t,\"") != NULL;
}

/* Add one byte if there is room. */
static void put(char *out, size_t size, size_t *length, char byte)
{
    if (*length + 1 < size)
        out[*length] = byte;
    ++*length;
}

static void put_word(char *out, size_t size, size_t *length, const char *word)
{
    bool quotes = needs_quotes(word);

    if (quotes)
        put(out, size, length, '"');
    for (; *word != '\0'; word++) {
        if (quotes && (*word == '"' || *word == '\\'))
            put(out, size, length, '\\');
        put(out, size, length, *word);
    }
    if (quotes)
        put(out, size, length, '"');
}

void words_join(char *out, size_t size, const struct strv *list)
{
    size_t length = 0;

    for (size_t at = 0; at < list->count; at++) {
        if (at > 0)
            put(out, size, &length, ' ');
        put_word(out, size, &length, list->items[at]);
    }
    if (length < size)
        out[length] = '\0';
    else
        memcpy(out + size - sizeof "...", "...", sizeof "...");
}
