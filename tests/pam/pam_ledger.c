/* pam_ledger: a PAM module that writes down that it was called, and hardly anything else: three system calls, and no
 * memory of its own. So a run in which one system call after the other fails (tests/faults/sweep) is a test of the
 * program and not of the module; the probe would fail in a hundred places.
 *
 * In pam.d:   auth required /path/pam_ledger.so log=/path [name=INSTANCE] [code=N] [ask]
 *
 * The log gets a line a call: INSTANCE FUNCTION PID RUID EUID. FUNCTION is a PAM function's name without pam_ (setcred:
 * establish, delete), or cleanup, when the handle is ended, or cleanup-silent, with PAM_DATA_SILENT; no-data: it will
 * not be told of that.
 *   code=N  what pam_authenticate(3), or pam_acct_mgmt(3), returns
 *   ask     in authenticate: ask for the password; right is "right one" */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define EXPORTED __attribute__((visibility("default"))) /* the project hides what does not say so */

static const char *option(int argc, const char **argv, const char *name)
{
    size_t length = strlen(name);

    for (int at = 0; at < argc; at++)
        if (strncmp(argv[at], name, length) == 0)
            return argv[at] + length;
    return NULL;
}

static int result(int argc, const char **argv)
{
    const char *code = option(argc, argv, "code=");

    return code != NULL ? (int)strtol(code, NULL, 10) : PAM_SUCCESS;
}

static void write_line(const char *log, const char *name, const char *function)
{
    int fd = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    char line[200];
    int length =
        snprintf(line, sizeof line, "%s %s %d %d %d\n", name, function, (int)getpid(), (int)getuid(), (int)geteuid());

    if (fd < 0 || write(fd, line, (size_t)length) != length)
        abort(); /* a ledger with a gap is worse than none */
    (void)close(fd);
}

/* false: libpam had no memory for the words of our line, and calls us without. */
static bool note(int argc, const char **argv, const char *function)
{
    const char *log = option(argc, argv, "log="), *name = option(argc, argv, "name=");

    if (log != NULL)
        write_line(log, name != NULL ? name : "-", function);
    return log != NULL;
}

/* The module's words are libpam's and live as long as the handle. */
static void clean(pam_handle_t *handle, void *log, int status)
{
    (void)handle;
    write_line(log, "-", ((unsigned)status & PAM_DATA_SILENT) != 0 ? "cleanup-silent" : "cleanup");
}

EXPORTED int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    char *answer = NULL;
    int code;

    (void)flags;
    if (!note(argc, argv, "authenticate"))
        return PAM_SERVICE_ERR;
    code = pam_set_data(handle, "pam_ledger", (void *)(size_t)option(argc, argv, "log="), clean);
    if (code != PAM_SUCCESS) {
        note(argc, argv, "no-data");
        return code;
    }
    if (option(argc, argv, "ask") == NULL)
        return result(argc, argv);
    code = pam_prompt(handle, PAM_PROMPT_ECHO_OFF, &answer, "Password: ");
    if (code == PAM_SUCCESS && (answer == NULL || strcmp(answer, "right one") != 0))
        code = PAM_AUTH_ERR;
    if (answer != NULL)
        memset(answer, 0, strlen(answer));
    free(answer);
    return code;
}

EXPORTED int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle;
    return note(argc, argv, ((unsigned)flags & PAM_DELETE_CRED) != 0 ? "delete" : "establish") ? PAM_SUCCESS
                                                                                               : PAM_CRED_ERR;
}

EXPORTED int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle, (void)flags;
    return note(argc, argv, "acct_mgmt") ? result(argc, argv) : PAM_SERVICE_ERR;
}

EXPORTED int pam_sm_open_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle, (void)flags;
    return note(argc, argv, "open_session") ? PAM_SUCCESS : PAM_SESSION_ERR;
}

EXPORTED int pam_sm_close_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle, (void)flags;
    return note(argc, argv, "close_session") ? PAM_SUCCESS : PAM_SESSION_ERR;
}

EXPORTED int pam_sm_chauthtok(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle, (void)flags;
    note(argc, argv, "chauthtok");
    return PAM_SERVICE_ERR;
}
