#define LIBBSD_OPENBSD_VIS /* vis(3) itself is the same in both; without a choice the header warns */
#include "base/text.h"

#include <bsd/vis.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A buffer that is filled from the front and never overflows: what does not fit is left out whole. */
struct writer {
    char *out;
    size_t size;
    size_t length;
    bool cut;
};

static const char cut_mark[] = "...";

static void writer_put(struct writer *writer, const char *bytes, size_t count)
{
    if (writer->cut || writer->length + count + sizeof cut_mark > writer->size) {
        writer->cut = true;
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

/* At most limit bytes of text; characters that begin before the limit are taken whole. */
static void put_visible(struct writer *writer, const char *text, size_t limit, enum text_lines lines)
{
    const char *end = text + limit;

    for (size_t length; *text != '\0' && text < end; text += length) {
        char visible[8];

        length = character_length((const unsigned char *)text);
        if (length > 1 || (lines == TEXT_MANY_LINES && (*text == '\n' || *text == '\t')) || *text == '\\') {
            writer_put(writer, text, length);
            continue;
        }
        if (length == 0)
            length = 1;
        (void)vis(visible, (unsigned char)*text, VIS_OCTAL | VIS_TAB | VIS_NL, (unsigned char)text[1]);
        writer_put(writer, visible, strlen(visible));
    }
}

size_t text_visible(char *out, size_t size, const char *text, enum text_lines lines)
{
    struct writer writer = {.out = out, .size = size};

    put_visible(&writer, text, strlen(text), lines);
    return writer_end(&writer);
}

static void put_quotable(struct writer *writer, const char *text)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "\"\\");
        char escaped[] = {'\\', text[plain]};

        put_visible(writer, text, plain, TEXT_ONE_LINE);
        text += plain;
        if (*text != '\0') {
            writer_put(writer, escaped, sizeof escaped);
            text++;
        }
    }
}

size_t text_quoted_words(char *out, size_t size, char *const *words)
{
    struct writer writer = {.out = out, .size = size - 1}; /* room for the last quote, whatever is cut */

    for (size_t at = 0; words[at] != NULL && !writer.cut; at++) {
        writer_put(&writer, at > 0 ? "\" \"" : "\"", at > 0 ? 3 : 1);
        put_quotable(&writer, words[at]);
    }
    if (writer_end(&writer) == 0)
        return 0;
    memcpy(out + writer.length, "\"", 2);
    return writer.length + 1;
}

size_t text_quoted(char *out, size_t size, const char *text)
{
    char *words[] = {(char *)text, NULL};

    return text_quoted_words(out, size, words);
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
