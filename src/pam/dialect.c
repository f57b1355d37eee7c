#include "pam/dialect.h"

#include "base/owned.h"
#include "pam/libpam.h"

#include <bsd/string.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

enum { OLD_LINE_ROOM = 1024 };

static int talk_to_nobody(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    (void)count, (void)messages, (void)responses, (void)data;
    return PAM_CONV_ERR;
}

/* What pam_start(3) says about a profile of that text. libpam reads and closes it there, and nothing more is asked of
 * the handle, so that no module, no log of the audit system and no profile of the site comes into it. */
static int start_with(const char *text, size_t length, struct error *error)
{
    static const struct pam_conv nobody = {talk_to_nobody, NULL};
    OWNED(fd_close) int profile = memfd_create("profile", MFD_CLOEXEC);
    pam_handle_t *handle = NULL;
    char name[16];
    int code;

    if (profile < 0 || write(profile, text, length) != (ssize_t)length) {
        (void)fail(error, STEP_PROFILE, STATUS_SYSTEM, "a profile in memory: %s", strerror(errno));
        return -1;
    }
    (void)snprintf(name, sizeof name, "%d", profile); /* a file of that name, to libpam */
#ifdef __SANITIZE_ADDRESS__
    __lsan_disable(); /* libpam does not free all when it gives up, and it is made to */
#endif
    code = libpam.start_confdir(name, "root", &nobody, "/proc/self/fd", &handle);
#ifdef __SANITIZE_ADDRESS__
    __lsan_enable();
#endif
    if (code == PAM_SUCCESS)
        (void)libpam.end(handle, PAM_SUCCESS);
    return code;
}

/* A file that @include names and that is not there makes Debian's libpam give up; to others the word is no facility,
 * and the line one that refuses. */
static enum result ask_for_include(struct dialect *dialect, struct error *error)
{
    static const char text[] = "@include /dev/null/nothing\n";
    int code = start_with(text, sizeof text - 1, error);

    dialect->debian = code == PAM_ABORT;
    return code < 0 ? FAILED : OK;
}

/* Behind a comment that fills the buffer a line begins, or it is all comment. It would go on at the file's end: libpam
 * gives up. */
static enum result ask_for_room(struct dialect *dialect, struct error *error)
{
    char text[OLD_LINE_ROOM + 8];
    int code;

    memset(text, '#', OLD_LINE_ROOM - 1);
    (void)strlcpy(text + OLD_LINE_ROOM - 1, "x \\\n", sizeof text - (OLD_LINE_ROOM - 1));
    code = start_with(text, strlen(text), error);
    dialect->line_room = code == PAM_ABORT ? OLD_LINE_ROOM : 0;
    return code < 0 ? FAILED : OK;
}

/* libpam has it built in and tells nobody: it is beside the library, unless whoever builds pamrun knows better. */
static void find_modules(struct dialect *dialect)
{
    const char **next = dialect->module_directories;
#ifdef PAM_MODULE_DIRECTORY
    (void)snprintf(dialect->modules, sizeof dialect->modules, "%s", PAM_MODULE_DIRECTORY);
#else
    Dl_info library = {0};
    void *function = dlsym(RTLD_DEFAULT, "pam_start");
    const char *slash;

    if (function != NULL && dladdr(function, &library) != 0 && (slash = strrchr(library.dli_fname, '/')) != NULL)
        (void)snprintf(dialect->modules, sizeof dialect->modules, "%.*s/security", (int)(slash - library.dli_fname),
                       library.dli_fname);
#endif
    *next++ = dialect->modules;
    if (dialect->debian) { /* one of them is its own, by version; as a rule the other is the same directory */
        *next++ = "/lib/security";
        *next++ = "/usr/lib/security";
    }
    *next = NULL;
}

enum result dialect_find(struct dialect *dialect, struct error *error)
{
    *dialect = (struct dialect){.debian = false};
    if (libpam_load(error) != OK || ask_for_include(dialect, error) != OK || ask_for_room(dialect, error) != OK)
        return FAILED;
    find_modules(dialect);
    return OK;
}
