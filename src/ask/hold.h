/* hold.h - the name of a hold on a shared session: a job's number in most cases. */
#pragma once

#include <stdbool.h>
#include <string.h>

enum { HOLD_ID_MAX = 128 };

/* [A-Za-z0-9._:@+-]{1,128}, no leading dot: it is part of a file's name. */
static inline bool hold_id_is_valid(const char *id)
{
    size_t length = strlen(id);

    return length > 0 && length <= HOLD_ID_MAX && id[0] != '.'
           && strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@+-") == length;
}
