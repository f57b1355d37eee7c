#include "ctl/refusal.h"

#include "ask/hold.h"
#include "base/owned.h"
#include "share/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "refused"

enum { REFUSAL_BYTES_MAX = 8192, PATH_BYTES = sizeof SHARE_ROOT + sizeof FOLDER + HOLD_ID_MAX + 2 };

static void make_path(char *path, const char *id)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s/%s", SHARE_ROOT, FOLDER, id);
}

enum result refusal_write(const char *id, uid_t owner, const json_t *facts, struct error *error)
{
    OWNED(place_close) struct place place = {.fd = -1, .lock = -1};
    OWNED(memory_free) char *text = json_dumps(facts, JSON_COMPACT);

    if (text == NULL)
        return fail_memory(error, STEP_SHARE);
    if (place_open_folder(&place, FOLDER, true, error) != OK)
        return FAILED;
    if (place_write(&place, id, text, strlen(text), owner))
        return OK;
    return fail(error, STEP_SHARE, STATUS_SYSTEM, "%s/%s/%s: cannot be written: %s", SHARE_ROOT, FOLDER, id,
                strerror(errno));
}

/* One that cannot be read is root's and nobody's, or somebody's: that has a reader in its access list, or an owner. */
static bool is_anothers(const struct stat *status)
{
    return (status->st_mode & S_IRGRP) != 0 || (status->st_uid != 0 && status->st_uid != geteuid());
}

bool refusal_read(struct refusal *refusal, const char *id)
{
    OWNED(fd_close) int fd = -1;
    char path[PATH_BYTES], text[REFUSAL_BYTES_MAX];
    struct stat status;
    ssize_t length = -1;

    *refusal = (struct refusal){.owner = 0};
    make_path(path, id);
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && is_anothers(&status))
        return false;
    if (fd >= 0)
        length = read(fd, text, sizeof text);
    if (length > 0)
        refusal->facts = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
    refusal->owner = (uid_t)json_integer_value(json_object_get(refusal->facts, "uid"));
    return true;
}

void refusal_each(void (*visit)(void *data, const char *id, const struct refusal *refusal), void *data)
{
    OWNED(directory_close) DIR *directory = opendir(SHARE_ROOT "/" FOLDER);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct refusal refusal;

        if (!hold_id_is_valid(entry->d_name) || !refusal_read(&refusal, entry->d_name))
            continue;
        visit(data, entry->d_name, &refusal);
        refusal_free(&refusal);
    }
}

bool refusal_remove(const char *id)
{
    char path[PATH_BYTES];

    make_path(path, id);
    return unlink(path) == 0;
}

void refusal_free(struct refusal *refusal)
{
    json_decref(refusal->facts);
    *refusal = (struct refusal){.owner = 0};
}
