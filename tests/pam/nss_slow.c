/* nss_prtslow: a directory of users and groups that does not answer pamrun while there is a fifo.
 *
 * In nsswitch.conf: "passwd: prtslow files". It knows nobody. Asked by a program called pamrun, it opens FOLDER/users (for
 * a name), or FOLDER/groups (for the groups of one), and reads to the end: a fifo holds it up until somebody has opened it
 * for writing and closed it. A signal ends that, as it does in libraries that take EINTR for an answer; not when there is a
 * file FOLDER/stubborn. FOLDER is /var/lib/pamrun-tests/test. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define FOLDER   "/var/lib/pamrun-tests/test/"
#define EXPORTED __attribute__((visibility("default")))

static void wait_for(const char *fifo)
{
    char byte;
    int fd;

    if (strcmp(program_invocation_short_name, "pamrun") != 0)
        return;
    do
        fd = open(fifo, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR && access(FOLDER "stubborn", F_OK) == 0);
    if (fd < 0)
        return;
    while (read(fd, &byte, 1) > 0)
        continue;
    (void)close(fd);
}

EXPORTED enum nss_status _nss_prtslow_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
                                                 int *problem);
EXPORTED enum nss_status _nss_prtslow_initgroups_dyn(const char *name, gid_t group, long *start, long *size,
                                                     gid_t **groups, long limit, int *problem);

enum nss_status _nss_prtslow_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, int *problem)
{
    (void)name, (void)entry, (void)buffer, (void)size;
    wait_for(FOLDER "users");
    *problem = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

/* libc asks the next one too, whatever we say. */
enum nss_status _nss_prtslow_initgroups_dyn(const char *name, gid_t group, long *start, long *size, gid_t **groups,
                                            long limit, int *problem)
{
    (void)name, (void)group, (void)start, (void)size, (void)groups, (void)limit;
    wait_for(FOLDER "groups");
    *problem = ENOENT;
    return NSS_STATUS_NOTFOUND;
}
