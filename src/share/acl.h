/* acl.h - a file of root's that one account may read: an access list, acl(5). Were the file the account's own, it could
 * make it writable and fill the file system with it, which in /run is the whole machine's. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Root may read and write it, `reader` read it, nobody else anything. Where the file system has no access lists the
 * file is made the reader's own, mode 0400. false, and errno. */
bool acl_let_read(int fd, uid_t reader);
