#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* A buffer that is filled from the front and never overflows: a piece that does not fit is left out whole, and all
 * behind it. */
struct writer {
    char *out;
    size_t size;
    size_t length;
    size_t mark; /* the last place between two pieces where the mark of a cut still fits */
    bool cut;
};

static const char cut_mark[] = "...";

static void writer_put(struct writer *writer, const char *bytes, size_t count)
{
    if (writer->cut)
        return;
    if (writer->length + sizeof cut_mark <= writer->size)
        writer->mark = writer->length;
    if (writer->length + count >= writer->size) {
        writer->cut = true;
        writer->length = writer->mark;
        return;
    }
    memcpy(writer->out + writer->length, bytes, count);
    writer->length += count;
}

static size_t writer_end(struct writer *writer)
{
    if (writer->cut) {
        memcpy(writer->out + writer->length, cut_mark, sizeof cut_mark - 1);
        writer->length += sizeof cut_mark - 1;
    }
    writer->out[writer->length] = '\0';
    return writer->length;
}

/* Bytes of the well-formed UTF-8 character at text (RFC 3629, section 4), 0 when it is none. A C1 control character
 * counts as none: terminals obey U+009B as they do ESC [. */
static size_t character_length(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xbf;
    size_t length;

    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    else
        return 0;
    switch (first) { /* the second byte's range: no overlong form, no surrogate, nothing above U+10FFFF, no C1 */
    case 0xc2:
        low = 0xa0;
        break;
    case 0xe0:
        low = 0xa0;
        break;
    case 0xed:
        high = 0x9f;
        break;
    case 0xf0:
        low = 0x90;
        break;
    case 0xf4:
        high = 0x8f;
        break;
    default:
        break;
    }
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t at = 2; at < length; at++)
        if (text[at] < 0x80 || text[at] > 0xbf) /* also the end of the string */
            return 0;
    return length;
}

bool text_is_utf8(const char *text)
{
    size_t length = 1;

    for (; *text != '\0' && length > 0; text += length)
        length = character_length((const unsigned char *)text);
    return length > 0;
}

/* At most limit bytes of text; characters that begin before the limit are taken whole. Written here, in the style of
 * vis(3): libbsd's allocates memory for every character, and drops it when there is none. */
static void put_visible(struct writer *writer, const char *text, size_t limit, enum text_lines lines)
{
    const char *end = text + limit;

    for (size_t length; *text != '\0' && text < end; text += length) {
        unsigned char first = (unsigned char)*text;
        char octal[8];

        length = character_length((const unsigned char *)text);
        if (length > 1 || (first >= ' ' && first < 0x7f)
            || (lines == TEXT_MANY_LINES && (first == '\n' || first == '\t'))) {
            writer_put(writer, text, length);
            continue;
        }
        length = 1;
        (void)snprintf(octal, sizeof octal, "\\%03o", (unsigned int)first);
        writer_put(writer, octal, strlen(octal));
    }
}

size_t text_visible(char *out, size_t size, const char *text, enum text_lines lines)
{
    struct writer writer = {.out = out, .size = size};

    put_visible(&writer, text, strlen(text), lines);
    return writer_end(&writer);
}

/* At most limit bytes of text, a backslash before each double quote and backslash. */
static void put_quotable(struct writer *writer, const char *text, size_t limit)
{
    const char *end = text + limit;

    while (text < end) {
        size_t plain = strcspn(text, "\"\\");
        char escaped[] = {'\\', text[plain]};

        if (plain >= (size_t)(end - text)) {
            put_visible(writer, text, (size_t)(end - text), TEXT_ONE_LINE);
            return;
        }
        put_visible(writer, text, plain, TEXT_ONE_LINE);
        writer_put(writer, escaped, sizeof escaped);
        text += plain + 1;
    }
}

/* Room for the two quotes and what is between them. */
static struct writer quoted_start(char *out, size_t size)
{
    return (struct writer){.out = out + 1, .size = size - 2};
}

static size_t quoted_end(struct writer *writer, char *out)
{
    (void)writer_end(writer);
    out[0] = '"';
    memcpy(writer->out + writer->length, "\"", 2);
    return writer->length + 2;
}

size_t text_quoted(char *out, size_t size, const char *text)
{
    struct writer writer = quoted_start(out, size);

    put_quotable(&writer, text, strlen(text));
    return quoted_end(&writer, out);
}

/* A word that a shell would not take as it is, is put between single quotes; POSIX XCU 2.2.2. */
static void put_word(struct writer *writer, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_";

    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        put_visible(writer, word, strlen(word), TEXT_ONE_LINE);
        return;
    }
    writer_put(writer, "'", 1);
    while (*word != '\0') {
        size_t length = strcspn(word, "'");

        put_quotable(writer, word, length);
        word += length;
        if (*word == '\'') {
            put_quotable(writer, "'\\''", 4);
            word++;
        }
    }
    writer_put(writer, "'", 1);
}

size_t text_quoted_words(char *out, size_t size, char *const *words)
{
    struct writer writer = quoted_start(out, size);

    for (size_t at = 0; words[at] != NULL && !writer.cut; at++) {
        if (at > 0)
            writer_put(&writer, " ", 1);
        put_word(&writer, words[at]);
    }
    return quoted_end(&writer, out);
}

size_t text_json(char *out, size_t size, const char *text)
{
    struct writer writer = {.out = out, .size = size};

    for (size_t length; *text != '\0'; text += length) {
        unsigned char first = (unsigned char)*text;
        char escaped[8];

        length = character_length((const unsigned char *)text);
        if (length == 0) {
            length = 1;
            writer_put(&writer, "\\ufffd", 6);
        } else if (first == '"' || first == '\\' || first < 0x20 || first == 0x7f) {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned int)first);
            writer_put(&writer, escaped, 6);
        } else {
            writer_put(&writer, text, length);
        }
    }
    return writer_end(&writer);
}
