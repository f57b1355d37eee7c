#include "share/acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* As setxattr(2) takes it: entries in ascending order of tags. */
bool acl_let_read(int fd, uid_t reader)
{
    const uint32_t nobody = htole32((uint32_t)ACL_UNDEFINED_ID);
    struct {
        struct posix_acl_xattr_header header;
        struct posix_acl_xattr_entry entries[5];
    } list = {
        .header = {.a_version = htole32(POSIX_ACL_XATTR_VERSION)},
        .entries = {{htole16(ACL_USER_OBJ), htole16(ACL_READ | ACL_WRITE), nobody},
                    {htole16(ACL_USER), htole16(ACL_READ), htole32(reader)},
                    {htole16(ACL_GROUP_OBJ), 0, nobody},
                    {htole16(ACL_MASK), htole16(ACL_READ), nobody},
                    {htole16(ACL_OTHER), 0, nobody}},
    };

    if (fsetxattr(fd, "system.posix_acl_access", &list, sizeof list, 0) == 0)
        return true;
    return errno == EOPNOTSUPP && fchmod(fd, S_IRUSR) == 0 && fchown(fd, reader, (gid_t)-1) == 0;
}
