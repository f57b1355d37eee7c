/* takeover: the keeper of a session, or a run that joins it, without locks and leases: for what is taken over.
 *
 *   takeover keep PROFILE USER FILE          open a session; it is there as soon as FILE is; SIGTERM ends it
 *   takeover join USER FILE KEEPER COMMAND [ARGUMENT...]     KEEPER: its process id
 *
 * What pamrun would say is said on stderr, and the status is as pamrun's; 99: the tool itself failed. */
#include "run/limits.h"
#include "run/privilege.h"
#include "share/context.h"
#include "share/note.h"
#include "share/take.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TIMEOUT_MS = 30000, STATUS_TOOL = 99 };

static int answer_nothing(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    (void)messages, (void)data;
    *responses = calloc((size_t)count, sizeof **responses);
    return *responses != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "takeover: %s\n", what);
    _exit(STATUS_TOOL);
}

static _Noreturn void report(const struct error *error)
{
    fprintf(stderr, "takeover: %s\n", error->message);
    if (error->hint[0] != '\0')
        fprintf(stderr, "hint: %s\n", error->hint);
    _exit(error->status);
}

static void end_copy(void *handle)
{
    (void)pam_end(handle, PAM_SUCCESS | PAM_DATA_SILENT);
}

static void become_groups_of(const struct passwd *user)
{
    if (initgroups(user->pw_name, user->pw_gid) != 0)
        give_up("initgroups");
}

static void note_session(const char *profile, const struct passwd *user, int fd, pam_handle_t **handle)
{
    struct pam_conv conversation = {.conv = answer_nothing};
    struct measured_command command = {
        .uid = user->pw_uid, .gid = user->pw_gid, .end_copy = end_copy, .timeout_ms = TIMEOUT_MS};
    struct notes notes = {.self = -1};
    struct context context;
    struct error error = {0};

    if (pam_start(profile, user->pw_name, &conversation, handle) != PAM_SUCCESS
        || pam_authenticate(*handle, PAM_SILENT) != PAM_SUCCESS || pam_acct_mgmt(*handle, PAM_SILENT) != PAM_SUCCESS)
        give_up("authenticate, acct_mgmt");
    command.end_copy_data = *handle;
    become_groups_of(user);
    if (notes_take(&notes, &error) != OK)
        report(&error);
    if (pam_setcred(*handle, PAM_ESTABLISH_CRED) != PAM_SUCCESS || pam_open_session(*handle, 0) != PAM_SUCCESS)
        give_up("setcred, open_session");
    if (notes_compare(&notes, &command, &context, &error) != OK || context_write(fd, &context, &error) != OK)
        report(&error);
    context_free(&context);
    notes_free(&notes);
}

static void keep(const char *profile, const struct passwd *user, const char *path)
{
    char folder[PATH_MAX];
    pam_handle_t *handle = NULL;
    sigset_t end;
    int directory, fd, number;

    (void)snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC); /* modules may change our root directory */
    fd = openat(directory, "context.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || chdir("/") != 0)
        give_up("file");
    (void)umask(022);
    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &end, NULL);
    note_session(profile, user, fd, &handle);
    if (renameat(directory, "context.new", directory, strrchr(path, '/') + 1) != 0)
        give_up("rename");
    (void)sigwait(&end, &number);
    (void)pam_close_session(handle, 0);
    (void)pam_setcred(handle, PAM_DELETE_CRED);
    (void)pam_end(handle, PAM_SUCCESS);
}

static _Noreturn void join(const struct passwd *user, const char *path, int keeper, char **command)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), problem;
    struct limits limits = {.taken = false};
    struct context context;
    struct error error = {0};
    mode_t mask = umask(022);

    (void)!initgroups(user->pw_name, user->pw_gid); /* not everywhere: a user namespace may forbid it */
    if (context_read(fd, &context, &error) != OK || context_take(&context, keeper, &limits, &mask, &error) != OK)
        report(&error);
    if (!limits_give(&limits))
        give_up("limits_give");
    problem = privilege_become(user->pw_uid, user->pw_gid);
    if (problem == 0)
        problem = context_take_as_account(&context);
    if (problem != 0)
        give_up(strerror(problem));
    (void)umask(mask);
    (void)execvp(command[0], command);
    give_up("exec");
}

int main(int argc, char **argv)
{
    bool is_join = argc > 5 && strcmp(argv[1], "join") == 0;
    const struct passwd *user = argc > 4 ? getpwnam(argv[is_join ? 2 : 3]) : NULL;

    if (user == NULL || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        give_up("usage: takeover keep PROFILE USER FILE | join USER FILE KEEPER COMMAND...");
    if (is_join)
        join(user, argv[3], (int)syscall(SYS_pidfd_open, atoi(argv[4]), 0), argv + 5);
    keep(argv[2], user, argv[4]);
    return 0;
}
