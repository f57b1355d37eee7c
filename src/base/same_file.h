/* same_file.h - is a descriptor still what it was? PAM modules run in our process: one that closes what it finds and
 * opens files of its own gets our numbers for them. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

struct same_file {
    int fd;
    dev_t device;
    ino_t inode;
};

/* Note what the descriptor is. false: it is not open. */
static inline bool same_file_note(struct same_file *file, int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return false;
    *file = (struct same_file){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
    return true;
}

static inline bool same_file_is(const struct same_file *file)
{
    struct same_file now;

    return file->fd >= 0 && same_file_note(&now, file->fd) && now.device == file->device && now.inode == file->inode;
}
