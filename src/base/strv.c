#include "base/strv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Is the entry "NAME=..."? length: that of the name. */
static bool entry_is(const char *entry, const char *name, size_t length)
{
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool strv_grow(struct strv *strv)
{
    size_t room = strv->room == 0 ? 16 : strv->room * 2;
    char **items;

    if (strv->count + 1 < strv->room)
        return true;
    items = reallocarray(strv->items, room, sizeof *items);
    if (items == NULL)
        return false;
    strv->items = items;
    strv->room = room;
    return true;
}

/* Takes ownership of item, also when it fails. */
static bool strv_push(struct strv *strv, char *item)
{
    if (item == NULL || !strv_grow(strv)) {
        free(item);
        return false;
    }
    strv->items[strv->count++] = item;
    strv->items[strv->count] = NULL;
    return true;
}

bool strv_add(struct strv *strv, const char *item)
{
    return strv_push(strv, strdup(item));
}

bool strv_add_pair(struct strv *strv, const char *option, const char *value)
{
    return value == NULL || (strv_add(strv, option) && strv_add(strv, value));
}

bool strv_set(struct strv *strv, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);
    char *entry = malloc(name_length + value_length + 2);

    if (entry == NULL)
        return false;
    memcpy(entry, name, name_length);
    entry[name_length] = '=';
    memcpy(entry + name_length + 1, value, value_length + 1);
    for (size_t at = 0; at < strv->count; at++)
        if (entry_is(strv->items[at], name, name_length)) {
            free(strv->items[at]);
            strv->items[at] = entry;
            return true;
        }
    return strv_push(strv, entry);
}

const char *strv_get(char *const *items, const char *name)
{
    size_t length = strlen(name);

    for (; items != NULL && *items != NULL; items++)
        if (entry_is(*items, name, length))
            return *items + length + 1;
    return NULL;
}

char **strv_items(struct strv *strv)
{
    static char *nothing[] = {NULL};

    return strv->items != NULL ? strv->items : nothing;
}

size_t strv_length(char *const *items)
{
    size_t count = 0;

    while (items != NULL && items[count] != NULL)
        count++;
    return count;
}

void strv_free(struct strv *strv)
{
    for (size_t at = 0; at < strv->count; at++)
        free(strv->items[at]);
    free(strv->items);
    *strv = (struct strv){0};
}
