#include "ctl/json.h"

#include "base/owned.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text)
{
    OWNED(memory_free) char *visible = NULL;
    size_t size = text != NULL ? strlen(text) * 4 + 8 : 0; /* \ooo for a byte */
    json_t *value;

    if (text == NULL)
        return json_null();
    value = json_string(text);
    if (value != NULL)
        return value;
    visible = malloc(size);
    if (visible == NULL)
        return NULL;
    (void)text_visible(visible, size, text, TEXT_MANY_LINES);
    return json_string(visible);
}

const char *json_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

enum result json_print(FILE *out, const json_t *value, size_t flags, struct error *error)
{
    OWNED(memory_free) char *text = json_dumps(value, flags | JSON_ENSURE_ASCII);

    if (text == NULL)
        return fail_memory(error, STEP_END);
    for (const char *at = text; *at != '\0'; at++)
        if (*at != '\177') /* ASCII to jansson; it can be in strings only */
            (void)fputc(*at, out);
        else
            (void)fputs("\\u007f", out);
    (void)fputc('\n', out);
    return OK;
}
