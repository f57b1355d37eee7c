/* fuzz_text.c - text that others chose, made safe to show, to log and to put in JSON. Input: a byte that says how much
 * room there is, words, a NUL byte, more words. */
#include "base/strv.h"
#include "base/text.h"
#include "base/words.h"

#include "fuzz.h"

#include <string.h>

enum { ROOM_MIN = 8, WORDS_MAX = 16 };

/* In a place of exactly that size, so that a byte too many is seen. */
struct place {
    char *out;
    size_t size;
};

static void check_written(const struct place *place, size_t length, bool lines_kept)
{
    HOLDS(length < place->size && place->out[length] == '\0' && strlen(place->out) == length);
    HOLDS(is_harmless(place->out, lines_kept));
}

/* A quoted text ends with the quotation mark that is its last byte, and with no other. */
static void check_quoted(const struct place *place, size_t length)
{
    size_t at = 1;

    check_written(place, length, false);
    HOLDS(length >= 2 && place->out[0] == '"');
    while (at < length && place->out[at] != '"')
        at += place->out[at] == '\\' ? 2 : 1;
    HOLDS(at == length - 1);
}

static void check_json(struct place *place, const char *text)
{
    size_t length = text_json(place->out, place->size, text);
    char *value = malloc(length + 3);

    check_written(place, length, false);
    HOLDS(value != NULL);
    (void)snprintf(value, length + 3, "\"%s\"", place->out);
    HOLDS(is_json(value));
    free(value);
}

/* A list that is written out whole is the same when it is read again. */
static void check_words(const char *text)
{
    struct strv list = {0}, again = {0};
    size_t room = 2 * strlen(text) + 3 * WORDS_MAX + 64;
    const char *problem;
    char *out = malloc(room);

    HOLDS(out != NULL);
    if (words_split(&list, text, &problem) && list.count < WORDS_MAX) {
        out[0] = '\0';
        words_join(out, room, &list);
        HOLDS(words_split(&again, out, &problem));
        HOLDS(again.count == list.count);
        for (size_t at = 0; at < list.count; at++)
            HOLDS(strcmp(list.items[at], again.items[at]) == 0);
    }
    strv_free(&list);
    strv_free(&again);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    struct place place = {.size = ROOM_MIN + input_byte(&input)};
    char **words = input_pieces(&input, WORDS_MAX), *text = input_piece(&input);

    place.out = malloc(place.size);
    HOLDS(place.out != NULL);
    check_written(&place, text_visible(place.out, place.size, text, TEXT_ONE_LINE), false);
    check_written(&place, text_visible(place.out, place.size, text, TEXT_MANY_LINES), true);
    check_quoted(&place, text_quoted(place.out, place.size, text));
    check_quoted(&place, text_quoted_words(place.out, place.size, words));
    check_json(&place, text);
    check_words(text);
    free(place.out);
    input_end(&input);
    return 0;
}
