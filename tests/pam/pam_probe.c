/* pam_probe: a PAM module that does what a script says and writes down how it was called.
 *
 * In pam.d:   session required /path/pam_probe.so script=/path log=/path [name=INSTANCE]
 *
 * The log gets one line a call: key=value fields between single blanks.  Bytes that are no printing ASCII, and blank,
 * backslash, '(' (and ',' inside lists) stand as \xHH, so that a line can be cut at blanks and a value restored with
 * printf %b.  "(unset)" is a value that is not there; an empty value is empty.  The line shows the process as it was on
 * entry; conv, failed, duration_ms and return are of the end.  An action that never returns (hang, exit, crash ...)
 * writes the line first, with return=(hang), (exit) ...  Lines with function=note come from log-note and the like.
 *
 * The script is read anew at each call.  A line is: PHASE ACTION [ARGUMENT]; '#' starts a comment line.
 *   PHASE   authenticate acct_mgmt setcred open_session close_session chauthtok, or * for those six; cleanup;
 *           setcred-establish -delete -reinitialize -refresh, chauthtok-prelim -update; @INSTANCE may follow.
 *   ACTION  see action_table at the end.  They run in the order of the file; `return CODE` ends the call.
 * A script that cannot be understood fails every call with PAM_SERVICE_ERR and a field script_error: a misspelt test
 * must not pass.
 *
 * The log must be writable by whoever calls: a forked child ends its handle as the account, and that is logged too. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define EXPORTED        __attribute__((visibility("default"))) /* the project hides what does not say so */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { WAIT_FILE_MS = 30000, HIGH_DESCRIPTOR = 1023, NEEDED_DESCRIPTORS = 1024 };

/* A string that grows.  Out of memory ends the process: a probe that guesses is worth nothing. */
struct text {
    char *bytes; /* NUL-terminated, malloc'd; NULL while empty */
    size_t length;
};

/* One instance of the module: its arguments in the profile. */
struct probe {
    const char *name, *script, *log; /* borrowed from argv, or owned in a struct probe made by probe_copy() */
};

/* One call by libpam, from entry to the line in the log. */
struct call {
    pam_handle_t *handle;
    const struct probe *probe;
    const char *function, *phase; /* setcred, setcred-delete */
    int flags;                    /* of a cleanup: its error_status */
    int64_t started_ms;
    struct text snapshot;     /* the fields taken on entry */
    struct text conversation; /* one element a conversation call */
    struct text failed;       /* ACTION:ERRNO of the actions that failed */
    struct text script_error;
    const char *action; /* the word being run, for failed */
    unsigned line;      /* of the script */
    char *answer;       /* to the last prompt; wiped and freed at the end; NULL: none */
    bool show_token, written, returned;
    int result; /* PAM code to return */
};

/* ---- text ------------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    char *more;
    int length;

    va_start(arguments, format);
    length = vasprintf(&more, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    text->bytes = realloc(text->bytes, text->length + (size_t)length + 1);
    if (text->bytes == NULL)
        abort();
    memcpy(text->bytes + text->length, more, (size_t)length + 1);
    text->length += (size_t)length;
    free(more);
}

static void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

/* Add a value so that it holds no byte of the log's own syntax.  in_list: ',' is syntax too. */
static void text_add_escaped(struct text *text, const char *value, bool in_list)
{
    for (const unsigned char *at = (const unsigned char *)value; *at != '\0'; at++) {
        bool plain = *at > ' ' && *at < 0x7f && *at != '\\' && *at != '(' && !(in_list && *at == ',');
        text_add(text, plain ? "%c" : "\\x%02x", *at);
    }
}

/* Start an element of a list. */
static void text_add_comma(struct text *text, size_t list_start)
{
    if (text->length > list_start)
        text_add(text, ",");
}

static void field_add(struct text *text, const char *key, const char *value)
{
    text_add(text, " %s=", key);
    if (value == NULL)
        text_add(text, "(unset)");
    else
        text_add_escaped(text, value, false);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

#define NAMED(code) [code] = #code
static const char *const code_names[] = {
    NAMED(PAM_SUCCESS),
    NAMED(PAM_OPEN_ERR),
    NAMED(PAM_SYMBOL_ERR),
    NAMED(PAM_SERVICE_ERR),
    NAMED(PAM_SYSTEM_ERR),
    NAMED(PAM_BUF_ERR),
    NAMED(PAM_PERM_DENIED),
    NAMED(PAM_AUTH_ERR),
    NAMED(PAM_CRED_INSUFFICIENT),
    NAMED(PAM_AUTHINFO_UNAVAIL),
    NAMED(PAM_USER_UNKNOWN),
    NAMED(PAM_MAXTRIES),
    NAMED(PAM_NEW_AUTHTOK_REQD),
    NAMED(PAM_ACCT_EXPIRED),
    NAMED(PAM_SESSION_ERR),
    NAMED(PAM_CRED_UNAVAIL),
    NAMED(PAM_CRED_EXPIRED),
    NAMED(PAM_CRED_ERR),
    NAMED(PAM_NO_MODULE_DATA),
    NAMED(PAM_CONV_ERR),
    NAMED(PAM_AUTHTOK_ERR),
    NAMED(PAM_AUTHTOK_RECOVERY_ERR),
    NAMED(PAM_AUTHTOK_LOCK_BUSY),
    NAMED(PAM_AUTHTOK_DISABLE_AGING),
    NAMED(PAM_TRY_AGAIN),
    NAMED(PAM_IGNORE),
    NAMED(PAM_ABORT),
    NAMED(PAM_AUTHTOK_EXPIRED),
    NAMED(PAM_MODULE_UNKNOWN),
    NAMED(PAM_BAD_ITEM),
    NAMED(PAM_CONV_AGAIN),
    NAMED(PAM_INCOMPLETE),
};

#define BIT(flag)                                                                                                      \
    {                                                                                                                  \
        (unsigned)(flag), #flag                                                                                        \
    }
static const struct bit {
    unsigned value;
    const char *name;
} flag_names[] = {
    BIT(PAM_DISALLOW_NULL_AUTHTOK), BIT(PAM_ESTABLISH_CRED), BIT(PAM_DELETE_CRED),
    BIT(PAM_REINITIALIZE_CRED),     BIT(PAM_REFRESH_CRED),   BIT(PAM_CHANGE_EXPIRED_AUTHTOK),
    BIT(PAM_UPDATE_AUTHTOK),        BIT(PAM_PRELIM_CHECK),   BIT(PAM_SILENT),
};

/* A phase is a function, or a function with one of its flags. */
static const struct phase {
    const char *function, *phase;
    int flag;
} phase_table[] = {
    {"authenticate", "authenticate", 0},
    {"acct_mgmt", "acct_mgmt", 0},
    {"open_session", "open_session", 0},
    {"close_session", "close_session", 0},
    {"setcred", "setcred-establish", PAM_ESTABLISH_CRED},
    {"setcred", "setcred-delete", PAM_DELETE_CRED},
    {"setcred", "setcred-reinitialize", PAM_REINITIALIZE_CRED},
    {"setcred", "setcred-refresh", PAM_REFRESH_CRED},
    {"setcred", "setcred", 0},
    {"chauthtok", "chauthtok-prelim", PAM_PRELIM_CHECK},
    {"chauthtok", "chauthtok-update", PAM_UPDATE_AUTHTOK},
    {"chauthtok", "chauthtok", 0},
    {"cleanup", "cleanup", 0},
};

/* In the order of their numbers, capabilities(7). */
static const char *const capability_names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

static const struct limit {
    const char *name;
    unsigned resource;
} limit_table[] = {
    {"NOFILE", RLIMIT_NOFILE},   {"FSIZE", RLIMIT_FSIZE}, {"CORE", RLIMIT_CORE},     {"DATA", RLIMIT_DATA},
    {"STACK", RLIMIT_STACK},     {"CPU", RLIMIT_CPU},     {"AS", RLIMIT_AS},         {"NPROC", RLIMIT_NPROC},
    {"MEMLOCK", RLIMIT_MEMLOCK}, {"NICE", RLIMIT_NICE},   {"RTPRIO", RLIMIT_RTPRIO}, {"SIGPENDING", RLIMIT_SIGPENDING},
};

static const char *code_name(int code)
{
    return code >= 0 && (size_t)code < COUNT_OF(code_names) ? code_names[code] : "unknown";
}

static bool number_parse(const char *word, long *ret_number)
{
    char *end;

    if (!isdigit((unsigned char)word[0]) && word[0] != '-')
        return false;
    errno = 0;
    *ret_number = strtol(word, &end, 0);
    return *end == '\0' && errno == 0;
}

static bool code_parse(const char *word, int *ret_code)
{
    long number;

    for (size_t i = 0; i < COUNT_OF(code_names); i++)
        if (strcmp(word, code_names[i]) == 0) {
            *ret_code = (int)i;
            return true;
        }
    if (!number_parse(word, &number))
        return false;
    *ret_code = (int)number;
    return true;
}

/* TERM, SIGTERM or 15. */
static bool signal_parse(const char *word, int *ret_signal)
{
    const char *name = strncmp(word, "SIG", 3) == 0 ? word + 3 : word;
    long number;

    for (int candidate = 1; candidate < NSIG; candidate++) {
        const char *known = sigabbrev_np(candidate);
        if (known != NULL && strcmp(name, known) == 0) {
            *ret_signal = candidate;
            return true;
        }
    }
    if (!number_parse(word, &number) || number < 1 || number > SIGRTMAX)
        return false;
    *ret_signal = (int)number;
    return true;
}

/* net_raw, CAP_NET_RAW, cap_net_raw or 13. */
static bool capability_parse(const char *word, int *ret_capability)
{
    const char *name = strncasecmp(word, "cap_", 4) == 0 ? word + 4 : word;
    long number;

    for (size_t i = 0; i < COUNT_OF(capability_names); i++)
        if (strcasecmp(name, capability_names[i]) == 0) {
            *ret_capability = (int)i;
            return true;
        }
    if (!number_parse(word, &number) || number < 0 || number > 63)
        return false;
    *ret_capability = (int)number;
    return true;
}

static void flags_add(struct text *text, unsigned flags)
{
    size_t start = text->length;

    for (size_t i = 0; i < COUNT_OF(flag_names); i++)
        if (flags & flag_names[i].value) {
            text_add(text, "%s%s", text->length > start ? "|" : "", flag_names[i].name);
            flags &= ~flag_names[i].value;
        }
    if (flags != 0 || text->length == start)
        text_add(text, "%s%#x", text->length > start ? "|" : "", flags);
}

/* The status that pam_end(3), or pam_set_data(3) when it replaces, gave to a cleanup function. */
static void error_status_add(struct text *text, int status)
{
    text_add(text, "%s%s%s", code_name(status & ~(PAM_DATA_SILENT | PAM_DATA_REPLACE)),
             status & PAM_DATA_REPLACE ? "|PAM_DATA_REPLACE" : "", status & PAM_DATA_SILENT ? "|PAM_DATA_SILENT" : "");
}

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- limits: the probe must be able to watch a process that may hardly do anything ----------------------------- */

struct limits {
    struct rlimit files, size;
};

static void limit_raise(unsigned resource, const struct rlimit *now, rlim_t wanted)
{
    struct rlimit raised = {wanted, now->rlim_max > wanted ? now->rlim_max : wanted};

    if (now->rlim_cur >= wanted || setrlimit(resource, &raised) == 0)
        return;
    raised = (struct rlimit){now->rlim_max, now->rlim_max}; /* the best without CAP_SYS_RESOURCE */
    (void)setrlimit(resource, &raised);
}

static void limits_lift(struct limits *saved)
{
    getrlimit(RLIMIT_NOFILE, &saved->files);
    getrlimit(RLIMIT_FSIZE, &saved->size);
    limit_raise(RLIMIT_NOFILE, &saved->files, NEEDED_DESCRIPTORS);
    limit_raise(RLIMIT_FSIZE, &saved->size, RLIM_INFINITY);
}

static void limits_restore(const struct limits *saved)
{
    setrlimit(RLIMIT_NOFILE, &saved->files);
    setrlimit(RLIMIT_FSIZE, &saved->size);
}

/* ---- the state of the process on entry ------------------------------------------------------------------------- */

static void ids_add(struct text *text)
{
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid, groups[1024];
    size_t start;
    int count = getgroups(COUNT_OF(groups), groups);

    getresuid(&ruid, &euid, &suid);
    getresgid(&rgid, &egid, &sgid);
    text_add(text, " pid=%d ppid=%d pgrp=%d sid=%d", getpid(), getppid(), getpgrp(), getsid(0));
    text_add(text, " ruid=%u euid=%u suid=%u rgid=%u egid=%u sgid=%u groups=", ruid, euid, suid, rgid, egid, sgid);
    start = text->length;
    for (int i = 0; i < count; i++) {
        text_add_comma(text, start);
        text_add(text, "%u", groups[i]);
    }
}

static const char *item_get(const pam_handle_t *handle, int item)
{
    const void *value = NULL;

    return pam_get_item(handle, item, &value) == PAM_SUCCESS ? value : NULL;
}

static void items_add(struct text *text, pam_handle_t *handle)
{
    const void *token = NULL;
    char **environment = pam_getenvlist(handle);
    size_t start;

    field_add(text, "service", item_get(handle, PAM_SERVICE));
    field_add(text, "user", item_get(handle, PAM_USER));
    field_add(text, "ruser", item_get(handle, PAM_RUSER));
    field_add(text, "tty", item_get(handle, PAM_TTY));
    field_add(text, "rhost", item_get(handle, PAM_RHOST));
    /* libpam hides the token from a cleanup function: it runs on the application's side */
    text_add(text, " authtok=%s",
             pam_get_item(handle, PAM_AUTHTOK, &token) != PAM_SUCCESS ? "(hidden)"
             : token != NULL                                          ? "set"
                                                                      : "(unset)");
    text_add(text, " pam_env=");
    start = text->length;
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        text_add_comma(text, start);
        text_add_escaped(text, *entry, true);
        free(*entry);
    }
    free(environment);
}

static void environment_names_add(struct text *text)
{
    size_t start;

    text_add(text, " environ=");
    start = text->length;
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        char *name = strndup(*entry, strcspn(*entry, "="));
        if (name == NULL)
            abort();
        text_add_comma(text, start);
        text_add_escaped(text, name, true);
        free(name);
    }
}

/* What a descriptor is, as /proc says: a path, pipe:[N], socket:[N].  NULL: closed. */
static const char *descriptor_target(int fd, char target[PATH_MAX])
{
    char link[64];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, target, PATH_MAX - 1);
    if (length < 0)
        return NULL;
    target[length] = '\0';
    return target;
}

/* fd0 to fd2, then fds=N:TARGET,... and fds_inherited=N,... of those above 2 that an exec would pass on. */
static void descriptors_add(struct text *text)
{
    struct text inherited = {0};
    char target[PATH_MAX];
    DIR *folder = opendir("/proc/self/fd");
    size_t start;

    for (int fd = 0; fd <= 2; fd++) {
        char key[8];
        snprintf(key, sizeof(key), "fd%d", fd);
        field_add(text, key, descriptor_target(fd, target));
    }
    text_add(text, " fds=");
    start = text->length;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd <= 2 || fd == dirfd(folder) || descriptor_target(fd, target) == NULL)
            continue;
        text_add_comma(text, start);
        text_add(text, "%d:", fd);
        text_add_escaped(text, target, true);
        if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
            text_add(&inherited, "%s%d", inherited.length > 0 ? "," : "", fd);
    }
    if (folder != NULL)
        closedir(folder);
    else
        text_add(text, "(unreadable)");
    text_add(text, " fds_inherited=%s", inherited.length > 0 ? inherited.bytes : "");
    text_free(&inherited);
}

/* Signal masks and capability sets, raw, from /proc/self/status. */
static void status_add(struct text *text)
{
    static const struct {
        const char *theirs, *ours;
    } wanted[] = {
        {"SigPnd:", "sigpnd_thread"}, {"ShdPnd:", "sigpnd"},  {"SigBlk:", "sigblk"},           {"SigIgn:", "sigign"},
        {"SigCgt:", "sigcgt"},        {"CapInh:", "cap_inh"}, {"CapPrm:", "cap_prm"},          {"CapEff:", "cap_eff"},
        {"CapBnd:", "cap_bnd"},       {"CapAmb:", "cap_amb"}, {"NoNewPrivs:", "no_new_privs"}, {"Umask:", "umask"},
    };
    FILE *status = fopen("/proc/self/status", "re");
    char line[4096];

    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
            size_t length = strlen(wanted[i].theirs);
            if (strncmp(line, wanted[i].theirs, length) != 0)
                continue;
            line[strcspn(line, "\n")] = '\0';
            field_add(text, wanted[i].ours, line + length + strspn(line + length, " \t"));
        }
    if (status != NULL)
        fclose(status);
}

static void limit_add(struct text *text, const char *key, const struct rlimit *limit)
{
    const rlim_t values[] = {limit->rlim_cur, limit->rlim_max};

    text_add(text, " %s=", key);
    for (int i = 0; i < 2; i++) {
        text_add(text, "%s", i > 0 ? ":" : "");
        if (values[i] == RLIM_INFINITY)
            text_add(text, "unlimited");
        else
            text_add(text, "%ju", (uintmax_t)values[i]);
    }
}

static void snapshot_take(struct call *call)
{
    struct text *text = &call->snapshot;
    struct limits limits;
    struct rlimit core;
    char *cwd = getcwd(NULL, 0);

    getrlimit(RLIMIT_CORE, &core);
    text_free(text);
    limits_lift(&limits);
    ids_add(text);
    items_add(text, call->handle);
    field_add(text, "cwd", cwd);
    descriptors_add(text);
    status_add(text);
    limit_add(text, "rlimit_nofile", &limits.files);
    limit_add(text, "rlimit_fsize", &limits.size);
    limit_add(text, "rlimit_core", &core);
    text_add(text, " dumpable=%d securebits=%#x nice=%d", prctl(PR_GET_DUMPABLE), (unsigned)prctl(PR_GET_SECUREBITS),
             getpriority(PRIO_PROCESS, 0));
    environment_names_add(text);
    limits_restore(&limits);
    free(cwd);
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

/* One write: lines of several processes do not mix.  Returns false when nothing could be written. */
static bool log_append(const struct probe *probe, const struct text *line)
{
    struct limits limits;
    bool written = false;
    int fd;

    limits_lift(&limits);
    fd = open(probe->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd >= 0) {
        written = write(fd, line->bytes, line->length) == (ssize_t)line->length;
        close(fd);
    }
    limits_restore(&limits);
    return written;
}

/* Write the line of this call, once.  result: the code's name, or (hang) and its like. */
static void call_write(struct call *call, const char *result)
{
    struct text line = {0};

    if (call->written)
        return;
    text_add(&line, "time_ms=%jd duration_ms=%jd", (intmax_t)call->started_ms,
             (intmax_t)(clock_ms() - call->started_ms));
    field_add(&line, "name", call->probe->name);
    text_add(&line, " function=%s phase=%s", call->function, call->phase);
    if (strcmp(call->function, "cleanup") == 0) {
        text_add(&line, " error_status=");
        error_status_add(&line, call->flags);
    } else {
        text_add(&line, " flags=");
        flags_add(&line, (unsigned)call->flags);
    }
    text_add(&line, "%s", call->snapshot.bytes);
    if (call->show_token) {
        field_add(&line, "token", item_get(call->handle, PAM_AUTHTOK));
        field_add(&line, "answer", call->answer);
    }
    text_add(&line, " conv=%s", call->conversation.length > 0 ? call->conversation.bytes : "");
    text_add(&line, " failed=%s", call->failed.length > 0 ? call->failed.bytes : "");
    field_add(&line, "script_error", call->script_error.bytes);
    text_add(&line, " return=%s\n", result);
    call->written = true;
    if (!log_append(call->probe, &line) && call->result == PAM_SUCCESS)
        call->result = PAM_SERVICE_ERR; /* a call that nobody can see must not look like one that never was */
    text_free(&line);
}

static void note_write(const struct call *call, const char *note)
{
    struct text line = {0};

    text_add(&line, "time_ms=%jd", (intmax_t)clock_ms());
    field_add(&line, "name", call->probe->name);
    text_add(&line, " function=note phase=%s pid=%d ruid=%u euid=%u", call->phase, getpid(), getuid(), geteuid());
    field_add(&line, "text", note);
    text_add(&line, "\n");
    (void)log_append(call->probe, &line);
    text_free(&line);
}

/* ---- helpers of the actions ------------------------------------------------------------------------------------ */

static void action_fail(struct call *call, const char *reason)
{
    text_add(&call->failed, "%s%s:%s", call->failed.length > 0 ? "," : "", call->action, reason);
}

/* Note a failed system call; the script goes on, as most modules do. */
static void action_check(struct call *call, long result)
{
    if (result < 0)
        action_fail(call, strerrorname_np(errno));
}

static void action_check_pam(struct call *call, int code)
{
    if (code != PAM_SUCCESS)
        action_fail(call, code_name(code));
}

static void call_return(struct call *call, int code)
{
    call->result = code;
    call->returned = true;
}

__attribute__((format(printf, 2, 3))) static void script_fail(struct call *call, const char *format, ...)
{
    va_list arguments;
    char *message;

    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        abort();
    va_end(arguments);
    text_add(&call->script_error, "%s%u: %s", call->script_error.length > 0 ? "; " : "", call->line, message);
    free(message);
    call_return(call, PAM_SERVICE_ERR);
}

/* The argument's next word, cut off in place; "" when there is none. */
static char *word_take(char **argument)
{
    char *word = *argument + strspn(*argument, " \t");
    char *end = word + strcspn(word, " \t");

    *argument = end;
    if (*end != '\0') {
        *end = '\0';
        *argument = end + 1;
    }
    return word;
}

static long number_take(struct call *call, char **argument)
{
    char *word = word_take(argument);
    long number = 0;

    if (!number_parse(word, &number))
        script_fail(call, "%s: '%s' is no number", call->action, word);
    return number;
}

/* Undo C escapes in place: \n \r \t \a \b \e \\ \OOO \xHH. */
static void escapes_undo(char *text)
{
    static const char letters[] = "nrtabe\\", bytes[] = "\n\r\t\a\b\033\\";
    char *to = text;

    for (char *from = text; *from != '\0';) {
        const char *letter;
        int taken = 0;
        unsigned value;

        if (*from != '\\') {
            *to++ = *from++;
        } else if (sscanf(from + 1, "%3o%n", &value, &taken) == 1 || sscanf(from + 1, "x%2x%n", &value, &taken) == 1) {
            *to++ = (char)value;
            from += 1 + taken;
        } else if (from[1] != '\0' && (letter = strchr(letters, from[1])) != NULL) {
            *to++ = bytes[letter - letters];
            from += 2;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

static void sleep_ms(long ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static void answer_set(struct call *call, const char *answer)
{
    if (call->answer != NULL) {
        explicit_bzero(call->answer, strlen(call->answer));
        free(call->answer);
    }
    call->answer = answer != NULL ? strdup(answer) : NULL;
}

/* ---- actions: conversation ------------------------------------------------------------------------------------- */

/* Take over the answers of one conversation call: keep the last, wipe and free all (pam_conv(3) makes them ours).
 * Returns how many messages were answered. */
static int responses_take(struct call *call, struct pam_response *responses, int count)
{
    int answered = 0;

    for (int i = 0; responses != NULL && i < count; i++) {
        if (responses[i].resp == NULL)
            continue;
        answered++;
        answer_set(call, responses[i].resp);
        explicit_bzero(responses[i].resp, strlen(responses[i].resp));
        free(responses[i].resp);
    }
    free(responses);
    return answered;
}

/* Call the conversation function; log ACTION:CODE, and for one prompt :answered:LENGTH or :unanswered. */
static void converse(struct call *call, int count, const struct pam_message **messages, bool is_prompt)
{
    const struct pam_conv *conversation = NULL;
    const void *item = NULL;
    struct pam_response *responses = NULL;
    struct text *text = &call->conversation;
    int code, answered = 0;

    answer_set(call, NULL);
    if (pam_get_item(call->handle, PAM_CONV, &item) == PAM_SUCCESS)
        conversation = item;
    if (conversation == NULL || conversation->conv == NULL) {
        text_add(text, "%s%s:none", text->length > 0 ? "," : "", call->action);
        return;
    }
    code = conversation->conv(count, messages, &responses, conversation->appdata_ptr);
    if (code == PAM_SUCCESS) /* otherwise the pointer means nothing */
        answered = responses_take(call, responses, count);
    text_add(text, "%s%s:%s", text->length > 0 ? "," : "", call->action, code_name(code));
    if (is_prompt && call->answer != NULL)
        text_add(text, ":answered:%zu", strlen(call->answer));
    else if (is_prompt || answered > 0)
        text_add(text, answered > 0 ? ":answered" : ":unanswered");
}

static void converse_one(struct call *call, int style, const char *text)
{
    const struct pam_message message = {.msg_style = style, .msg = text};
    const struct pam_message *messages[] = {&message};

    converse(call, 1, messages, style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON);
}

static void act_message(struct call *call, char *argument, int style)
{
    escapes_undo(argument);
    converse_one(call, style, argument);
}

static void act_style(struct call *call, char *argument, int unused)
{
    long style = number_take(call, &argument);

    (void)unused;
    converse_one(call, (int)style, argument);
}

static void act_null_message(struct call *call, char *argument, int unused)
{
    (void)unused;
    converse_one(call, *argument != '\0' ? (int)number_take(call, &argument) : PAM_TEXT_INFO, NULL);
}

/* `messages N`, `prompts N`: N of them in one call; more than PAM_MAX_NUM_MSG on purpose when N says so. */
static void act_messages(struct call *call, char *argument, int style)
{
    long count = number_take(call, &argument);
    struct pam_message *messages;
    const struct pam_message **pointers;
    char(*texts)[32];

    if (count < 0 || count > 100000) {
        script_fail(call, "messages: 0 to 100000");
        return;
    }
    messages = calloc((size_t)count + 1, sizeof(*messages));
    pointers = calloc((size_t)count + 1, sizeof(const struct pam_message *));
    texts = calloc((size_t)count + 1, sizeof(*texts));
    if (messages == NULL || pointers == NULL || texts == NULL)
        abort();
    for (long i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "message %ld", i + 1);
        messages[i] = (struct pam_message){.msg_style = style, .msg = texts[i]};
        pointers[i] = &messages[i];
    }
    converse(call, (int)count, pointers, false);
    free(texts);
    free(pointers);
    free(messages);
}

static void act_require_token(struct call *call, char *argument, int unused)
{
    (void)unused;
    escapes_undo(argument);
    if (call->answer == NULL || strcmp(call->answer, argument) != 0)
        call_return(call, PAM_AUTH_ERR);
}

static void act_require_authtok(struct call *call, char *argument, int unused)
{
    const char *token = item_get(call->handle, PAM_AUTHTOK);

    (void)unused;
    escapes_undo(argument);
    if (token == NULL || strcmp(token, argument) != 0)
        call_return(call, PAM_AUTH_ERR);
}

static void act_set_authtok(struct call *call, char *argument, int unused)
{
    (void)argument, (void)unused;
    action_check_pam(call, pam_set_item(call->handle, PAM_AUTHTOK, call->answer));
}

/* As most modules ask: pam_get_authtok(3), which prompts unless an earlier module has done so. */
static void act_get_authtok(struct call *call, char *argument, int unused)
{
    const char *token = NULL;
    int code;

    (void)unused;
    escapes_undo(argument);
    code = pam_get_authtok(call->handle, PAM_AUTHTOK, &token, *argument != '\0' ? argument : NULL);
    action_check_pam(call, code);
    answer_set(call, code == PAM_SUCCESS ? token : NULL);
}

static void act_show_token(struct call *call, char *argument, int unused)
{
    (void)argument, (void)unused;
    call->show_token = true;
}

/* ---- actions: PAM ---------------------------------------------------------------------------------------------- */

static void act_return(struct call *call, char *argument, int unused)
{
    int code;

    (void)unused;
    if (code_parse(word_take(&argument), &code))
        call_return(call, code);
    else
        script_fail(call, "return: unknown code");
}

static void act_item(struct call *call, char *argument, int item)
{
    escapes_undo(argument);
    action_check_pam(call, pam_set_item(call->handle, item, argument));
}

static void act_unset_item(struct call *call, char *argument, int item)
{
    (void)argument;
    action_check_pam(call, pam_set_item(call->handle, item, NULL));
}

/* `env NAME=VALUE`, and `unenv NAME`: pam_putenv(3) without '=' removes. */
static void act_pam_putenv(struct call *call, char *argument, int unused)
{
    (void)unused;
    escapes_undo(argument);
    action_check_pam(call, pam_putenv(call->handle, argument));
}

static void act_fail_delay(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check_pam(call, pam_fail_delay(call->handle, (unsigned)number_take(call, &argument)));
}

static void data_register(struct call *call);

static void act_data(struct call *call, char *argument, int unused)
{
    (void)argument, (void)unused;
    data_register(call);
}

/* ---- actions: the process -------------------------------------------------------------------------------------- */

static void act_putenv(struct call *call, char *argument, int unused)
{
    char *value = strchr(argument, '=');

    (void)unused;
    escapes_undo(argument);
    if (value == NULL) {
        action_check(call, unsetenv(argument));
        return;
    }
    *value++ = '\0';
    action_check(call, setenv(argument, value, 1));
}

static void act_sleep(struct call *call, char *argument, int unused)
{
    (void)unused;
    sleep_ms(number_take(call, &argument));
}

static void act_hang(struct call *call, char *argument, int restart)
{
    (void)argument;
    call_write(call, "(hang)");
    do {
        pause();
    } while (restart);
    note_write(call, "hang-eintr interrupted");
    call_return(call, PAM_SYSTEM_ERR);
}

/* Hold the call until the test lets it go. */
static void act_wait_file(struct call *call, char *argument, int unused)
{
    int64_t end = clock_ms() + WAIT_FILE_MS;

    (void)unused;
    while (access(argument, F_OK) < 0) {
        if (clock_ms() > end) {
            action_fail(call, "ETIMEDOUT");
            return;
        }
        sleep_ms(2);
    }
}

static void act_kill(struct call *call, char *argument, int unused)
{
    int number;
    const char *whom;

    (void)unused;
    if (!signal_parse(word_take(&argument), &number)) {
        script_fail(call, "kill: unknown signal");
        return;
    }
    whom = word_take(&argument);
    if (strcmp(whom, "self") != 0 && strcmp(whom, "parent") != 0) {
        script_fail(call, "kill: self or parent");
        return;
    }
    if (number == SIGKILL && *whom == 's')
        call_write(call, "(killed)");
    action_check(call, kill(*whom == 's' ? getpid() : getppid(), number));
}

static void act_block(struct call *call, char *argument, int unused)
{
    sigset_t set;
    int number;

    (void)unused;
    if (!signal_parse(word_take(&argument), &number)) {
        script_fail(call, "block: unknown signal");
        return;
    }
    sigemptyset(&set);
    sigaddset(&set, number);
    action_check(call, sigprocmask(SIG_BLOCK, &set, NULL));
}

static void act_ignore(struct call *call, char *argument, int unused)
{
    int number;

    (void)unused;
    if (signal_parse(word_take(&argument), &number))
        action_check(call, signal(number, SIG_IGN) == SIG_ERR ? -1 : 0);
    else
        script_fail(call, "ignore: unknown signal");
}

/* A careless open(2): no O_CLOEXEC.  high: at the far end of what the limit allows. */
static void act_leak_fd(struct call *call, char *argument, int high)
{
    int fd = open("/dev/null", O_RDWR);

    (void)argument;
    action_check(call, fd);
    if (fd >= 0 && high) {
        struct rlimit limit;
        int place = HIGH_DESCRIPTOR;

        getrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur <= (rlim_t)place)
            place = (int)limit.rlim_cur - 1;
        action_check(call, fcntl(fd, F_DUPFD, place));
        close(fd);
    }
}

static void act_close_fd(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check(call, close((int)number_take(call, &argument)));
}

static void act_umask(struct call *call, char *argument, int unused)
{
    char *word = word_take(&argument);

    (void)unused;
    if (*word == '\0' || word[strspn(word, "01234567")] != '\0')
        script_fail(call, "umask: '%s' is not octal", word);
    else
        umask((mode_t)strtoul(word, NULL, 8));
}

static void act_chdir(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check(call, chdir(argument));
}

enum { SETEUID, SETRESUID, SETEGID };

static void act_set_id(struct call *call, char *argument, int which)
{
    id_t id = (id_t)number_take(call, &argument);

    if (which == SETEUID)
        action_check(call, seteuid(id));
    else if (which == SETRESUID)
        action_check(call, setresuid(id, id, id));
    else
        action_check(call, setegid(id));
}

/* `setgroups N,N` replaces, `addgroup N` adds. */
static void act_groups(struct call *call, char *argument, int add)
{
    gid_t groups[1024];
    int count = add ? getgroups(COUNT_OF(groups) - 64, groups) : 0;

    for (char *word; (word = strsep(&argument, ", ")) != NULL && count < (int)COUNT_OF(groups);) {
        long id;
        if (*word == '\0')
            continue;
        if (!number_parse(word, &id)) {
            script_fail(call, "%s: '%s' is no number", call->action, word);
            return;
        }
        groups[count++] = (gid_t)id;
    }
    action_check(call, setgroups((size_t)count, groups));
}

static rlim_t limit_take(struct call *call, char **argument)
{
    if (strncmp(*argument + strspn(*argument, " \t"), "unlimited", strlen("unlimited")) == 0) {
        (void)word_take(argument);
        return RLIM_INFINITY;
    }
    return (rlim_t)number_take(call, argument);
}

static void act_rlimit(struct call *call, char *argument, int unused)
{
    const char *name = word_take(&argument);
    struct rlimit limit;

    (void)unused;
    limit.rlim_cur = limit_take(call, &argument);
    limit.rlim_max = limit_take(call, &argument);
    for (size_t i = 0; i < COUNT_OF(limit_table); i++)
        if (strcmp(name, limit_table[i].name) == 0) {
            if (!call->returned)
                action_check(call, setrlimit(limit_table[i].resource, &limit));
            return;
        }
    script_fail(call, "rlimit: unknown name '%s'", name);
}

static void act_nice(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check(call, setpriority(PRIO_PROCESS, 0, (int)number_take(call, &argument)));
}

static void act_dumpable(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check(call, prctl(PR_SET_DUMPABLE, number_take(call, &argument)));
}

static void act_setsid(struct call *call, char *argument, int unused)
{
    (void)argument, (void)unused;
    action_check(call, setsid());
}

static void act_default(struct call *call, char *argument, int unused)
{
    int number;

    (void)unused;
    if (signal_parse(word_take(&argument), &number))
        action_check(call, signal(number, SIG_DFL) == SIG_ERR ? -1 : 0);
    else
        script_fail(call, "default: unknown signal");
}

static void act_cloexec(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check(call, fcntl((int)number_take(call, &argument), F_SETFD, FD_CLOEXEC));
}

static void act_alarm(struct call *call, char *argument, int unused)
{
    (void)unused;
    alarm((unsigned)number_take(call, &argument));
}

/* As pam_cap does: inheritable first, then ambient, which needs both permitted and inheritable. */
/* What modules of these names do once it is a command's turn; one word each. */
static void act_confine(struct call *call, char *argument, int unused)
{
    const char *what = word_take(&argument);
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {.len = 1, .filter = &allow};

    (void)unused;
    if (strcmp(what, "no-new-privs") == 0)
        action_check(call, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    else if (strcmp(what, "filter") == 0)
        action_check(call, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
    else if (strcmp(what, "no-ambient") == 0)
        action_check(
            call, prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0));
    else
        script_fail(call, "confine: no-new-privs, filter or no-ambient, not '%s'", what);
}

static void act_bounding(struct call *call, char *argument, int unused)
{
    int number;

    (void)unused;
    if (capability_parse(word_take(&argument), &number))
        action_check(call, prctl(PR_CAPBSET_DROP, number, 0, 0, 0));
    else
        script_fail(call, "bounding: unknown capability");
}

static void act_unshare(struct call *call, char *argument, int unused)
{
    static const struct {
        const char *name;
        int flag;
    } spaces[] = {{"mnt", CLONE_NEWNS},
                  {"net", CLONE_NEWNET},
                  {"ipc", CLONE_NEWIPC},
                  {"uts", CLONE_NEWUTS},
                  {"pid", CLONE_NEWPID},
                  {"user", CLONE_NEWUSER},
                  {"time", 0x80 /* CLONE_NEWTIME */}};
    const char *name = word_take(&argument);

    (void)unused;
    for (size_t at = 0; at < COUNT_OF(spaces); at++)
        if (strcmp(spaces[at].name, name) == 0) {
            action_check(call, unshare(spaces[at].flag));
            return;
        }
    script_fail(call, "unshare: unknown namespace '%s'", name);
}

static void act_hostname(struct call *call, char *argument, int unused)
{
    const char *name = word_take(&argument);

    (void)unused;
    action_check(call, sethostname(name, strlen(name)));
}

static void act_ambient(struct call *call, char *argument, int unused)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    int number;

    (void)unused;
    if (!capability_parse(word_take(&argument), &number)) {
        script_fail(call, "ambient: unknown capability");
        return;
    }
    if (syscall(SYS_capget, &header, sets) < 0) {
        action_check(call, -1);
        return;
    }
    sets[number / 32].inheritable |= 1u << (number % 32);
    if (syscall(SYS_capset, &header, sets) < 0)
        action_check(call, -1);
    else
        action_check(call, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0));
}

/* ---- actions: forks and ends ----------------------------------------------------------------------------------- */

/* Both processes return into the caller: the worst a module can do to it. */
static void act_fork_return(struct call *call, char *argument, int unused)
{
    pid_t child = fork();

    (void)argument, (void)unused;
    action_check(call, child);
    if (child == 0)
        snapshot_take(call);
}

/* A helper that calls exit(3) and so runs the caller's atexit functions. */
static void act_fork_exit(struct call *call, char *argument, int unused)
{
    int code = (int)number_take(call, &argument), status = 0;
    char note[64];
    pid_t child = fork();

    (void)unused;
    if (child == 0)
        exit(code);
    action_check(call, child);
    if (child < 0)
        return;
    action_check(call, waitpid(child, &status, 0)); /* ECHILD: the caller ignores SIGCHLD, or was quicker */
    snprintf(note, sizeof(note), "fork-exit %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    note_write(call, note);
}

static void act_fork_stay(struct call *call, char *argument, int unused)
{
    long ms = number_take(call, &argument);
    pid_t child = fork();

    (void)unused;
    if (child == 0) {
        sleep_ms(ms);
        _exit(0);
    }
    action_check(call, child);
}

static int status_at_exit;

static void end_at_exit(void)
{
    _exit(status_at_exit);
}

/* What a library may leave for the end of the process: here, that it has another status. */
static void act_at_exit(struct call *call, char *argument, int unused)
{
    (void)unused;
    status_at_exit = (int)number_take(call, &argument);
    action_check(call, atexit(end_at_exit));
}

enum { EXIT, EXIT_AT_ONCE };

static void act_exit(struct call *call, char *argument, int how)
{
    int code = (int)number_take(call, &argument);

    call_write(call, "(exit)");
    if (how == EXIT)
        exit(code);
    _exit(code);
}

static void act_crash(struct call *call, char *argument, int unused)
{
    int *volatile nowhere = NULL;

    (void)argument, (void)unused;
    call_write(call, "(crash)");
    *(volatile int *)nowhere = 1;
}

static void act_abort(struct call *call, char *argument, int unused)
{
    (void)argument, (void)unused;
    call_write(call, "(abort)");
    abort();
}

/* ---- actions: files -------------------------------------------------------------------------------------------- */

/* FILE holds the number of what is open now: count-open adds one, count-close takes one away. */
static void act_count(struct call *call, char *argument, int step)
{
    int fd = open(argument, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    char number[32] = "";

    if (fd < 0 || flock(fd, LOCK_EX) < 0 || pread(fd, number, sizeof(number) - 1, 0) < 0) {
        action_check(call, -1);
    } else {
        int length = snprintf(number, sizeof(number), "%d\n", atoi(number) + step);
        action_check(call, ftruncate(fd, 0));
        action_check(call, pwrite(fd, number, (size_t)length, 0));
    }
    if (fd >= 0)
        close(fd);
}

static void act_touch(struct call *call, char *argument, int unused)
{
    int fd = open(argument, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    (void)unused;
    action_check(call, fd);
    if (fd >= 0)
        close(fd);
}

static void act_remove(struct call *call, char *argument, int unused)
{
    (void)unused;
    action_check(call, unlink(argument));
}

static void act_log_note(struct call *call, char *argument, int unused)
{
    (void)unused;
    escapes_undo(argument);
    note_write(call, argument);
}

/* ---- the script ------------------------------------------------------------------------------------------------ */

static void action_run(struct call *call, char *text);

static void act_if_file(struct call *call, char *argument, int unused)
{
    const char *file = word_take(&argument);

    (void)unused;
    if (access(file, F_OK) == 0)
        action_run(call, argument);
}

/* Once for this line of this script, whichever process comes first: a file SCRIPT.once-LINE says that it was. */
static void act_once(struct call *call, char *argument, int unused)
{
    char *mark;
    int fd;

    (void)unused;
    if (asprintf(&mark, "%s.once-%u", call->probe->script, call->line) < 0)
        abort();
    fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        action_run(call, argument);
    } else if (errno != EEXIST) {
        action_check(call, -1);
    }
    free(mark);
}

static const struct action {
    const char *word;
    void (*run)(struct call *call, char *argument, int parameter);
    int parameter;
} action_table[] = {
    {"return", act_return, 0},
    {"prompt-off", act_message, PAM_PROMPT_ECHO_OFF},
    {"prompt-on", act_message, PAM_PROMPT_ECHO_ON},
    {"info", act_message, PAM_TEXT_INFO},
    {"error", act_message, PAM_ERROR_MSG},
    {"messages", act_messages, PAM_TEXT_INFO},
    {"prompts", act_messages, PAM_PROMPT_ECHO_OFF},
    {"null-message", act_null_message, 0},
    {"style", act_style, 0},
    {"require-token", act_require_token, 0},
    {"require-authtok", act_require_authtok, 0},
    {"set-authtok", act_set_authtok, 0},
    {"get-authtok", act_get_authtok, 0},
    {"show-token", act_show_token, 0},
    {"set-user", act_item, PAM_USER},
    {"unset-user", act_unset_item, PAM_USER},
    {"item-tty", act_item, PAM_TTY},
    {"env", act_pam_putenv, 0},
    {"unenv", act_pam_putenv, 0},
    {"fail-delay", act_fail_delay, 0},
    {"data=1", act_data, 0},
    {"putenv", act_putenv, 0},
    {"sleep", act_sleep, 0},
    {"hang", act_hang, true},
    {"hang-eintr", act_hang, false},
    {"wait-file", act_wait_file, 0},
    {"kill", act_kill, 0},
    {"block", act_block, 0},
    {"ignore", act_ignore, 0},
    {"leak-fd", act_leak_fd, false},
    {"leak-fd-high", act_leak_fd, true},
    {"close-fd", act_close_fd, 0},
    {"umask", act_umask, 0},
    {"chdir", act_chdir, 0},
    {"seteuid", act_set_id, SETEUID},
    {"setresuid", act_set_id, SETRESUID},
    {"setegid", act_set_id, SETEGID},
    {"setgroups", act_groups, false},
    {"addgroup", act_groups, true},
    {"rlimit", act_rlimit, 0},
    {"nice", act_nice, 0},
    {"dumpable", act_dumpable, 0},
    {"setsid", act_setsid, 0},
    {"alarm", act_alarm, 0},
    {"default", act_default, 0},
    {"cloexec", act_cloexec, 0},
    {"ambient", act_ambient, 0},
    {"bounding", act_bounding, 0},
    {"confine", act_confine, 0},
    {"unshare", act_unshare, 0},
    {"hostname", act_hostname, 0},
    {"fork-return", act_fork_return, 0},
    {"fork-exit", act_fork_exit, 0},
    {"fork-stay", act_fork_stay, 0},
    {"at-exit", act_at_exit, 0},
    {"exit", act_exit, EXIT},
    {"_exit", act_exit, EXIT_AT_ONCE},
    {"crash", act_crash, 0},
    {"abort", act_abort, 0},
    {"count-open", act_count, +1},
    {"count-close", act_count, -1},
    {"touch", act_touch, 0},
    {"remove", act_remove, 0},
    {"log-note", act_log_note, 0},
    {"if-file", act_if_file, 0},
    {"once", act_once, 0},
};

static const struct action *action_find(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(action_table); i++)
        if (strcmp(word, action_table[i].word) == 0)
            return &action_table[i];
    return NULL;
}

/* Run `WORD ARGUMENT`, cutting it in place.  The argument keeps its blanks: prompts end with one. */
static void action_run(struct call *call, char *text)
{
    char *argument = text;
    const char *word = word_take(&argument);
    const struct action *action = action_find(word);

    if (action == NULL) {
        script_fail(call, "unknown action '%s'", word);
        return;
    }
    call->action = action->word;
    action->run(call, argument, action->parameter);
}

static bool phase_is_known(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(phase_table); i++)
        if (strcmp(word, phase_table[i].phase) == 0)
            return true;
    return strcmp(word, "*") == 0;
}

/* Is a line for PHASE[@INSTANCE] meant for this call?  `*` leaves out cleanup, which can return nothing. */
static bool phase_matches(struct call *call, char *word)
{
    char *instance = strchr(word, '@');

    if (instance != NULL)
        *instance++ = '\0';
    if (!phase_is_known(word)) {
        script_fail(call, "unknown phase '%s'", word);
        return false;
    }
    if (instance != NULL && strcmp(instance, call->probe->name) != 0)
        return false;
    if (strcmp(word, "*") == 0)
        return strcmp(call->function, "cleanup") != 0;
    return strcmp(word, call->function) == 0 || strcmp(word, call->phase) == 0;
}

static void line_run(struct call *call, char *line)
{
    char *rest = line;
    char *phase = word_take(&rest);
    char *word;

    if (*phase == '\0' || *phase == '#')
        return;
    if (phase_matches(call, phase)) {
        action_run(call, rest);
        return;
    }
    word = word_take(&rest);
    if (action_find(word) == NULL) /* found in whichever phase comes first */
        script_fail(call, "unknown action '%s'", word);
}

/* Returns the script's text, to be freed; NULL: there is none, which means no actions. */
static char *script_read(struct call *call)
{
    struct limits limits;
    char *text = NULL;
    size_t size = 0;
    FILE *file;

    if (call->probe->script == NULL)
        return NULL;
    limits_lift(&limits);
    file = fopen(call->probe->script, "re");
    if (file == NULL && errno != ENOENT)
        script_fail(call, "%s", strerror(errno));
    if (file != NULL && getdelim(&text, &size, '\0', file) < 0) { /* no NUL in a script: the whole file */
        free(text);
        text = NULL;
    }
    if (file != NULL)
        fclose(file);
    limits_restore(&limits);
    return text;
}

/* The file is read as a whole before the first action: an action may hang, or close descriptors. */
static void script_run(struct call *call)
{
    char *text = script_read(call);
    char *rest = text;

    for (char *line; !call->returned && (line = strsep(&rest, "\n")) != NULL;) {
        call->line++;
        line_run(call, line);
    }
    free(text);
}

/* ---- the module ------------------------------------------------------------------------------------------------ */

static const char *phase_of(const char *function, int flags)
{
    for (size_t i = 0; i < COUNT_OF(phase_table); i++)
        if (strcmp(function, phase_table[i].function) == 0
            && (phase_table[i].flag == 0 || (flags & phase_table[i].flag)))
            return phase_table[i].phase;
    return function;
}

/* Returns false when there is no log: then nobody could see what was called. */
static bool arguments_parse(struct probe *probe, int argc, const char **argv)
{
    *probe = (struct probe){.name = "probe"};
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "script=", 7) == 0)
            probe->script = argv[i] + 7;
        else if (strncmp(argv[i], "log=", 4) == 0)
            probe->log = argv[i] + 4;
        else if (strncmp(argv[i], "name=", 5) == 0)
            probe->name = argv[i] + 5;
        else
            return false;
    return probe->log != NULL;
}

static void call_run(struct call *call)
{
    call->phase = call->flags != 0 && strcmp(call->function, "cleanup") != 0 ? phase_of(call->function, call->flags)
                                                                             : call->function;
    call->started_ms = clock_ms();
    snapshot_take(call);
    if (strcmp(call->function, "authenticate") == 0)
        data_register(call);
    script_run(call);
    call_write(call, code_name(call->result));
}

static void call_free(struct call *call)
{
    answer_set(call, NULL);
    text_free(&call->snapshot);
    text_free(&call->conversation);
    text_free(&call->failed);
    text_free(&call->script_error);
}

static int entry(pam_handle_t *handle, const char *function, int flags, int argc, const char **argv)
{
    struct probe probe;
    struct call call = {.handle = handle, .probe = &probe, .function = function, .flags = flags};

    if (!arguments_parse(&probe, argc, argv))
        return PAM_SERVICE_ERR;
    call_run(&call);
    call_free(&call);
    return call.result;
}

static void probe_free(struct probe *probe)
{
    free((void *)probe->name);
    free((void *)probe->script);
    free((void *)probe->log);
    free(probe);
}

/* libpam calls this from pam_end(3), in whichever process ends its copy of the handle. */
static void data_cleanup(pam_handle_t *handle, void *data, int error_status)
{
    struct probe *probe = data;
    struct call call = {.handle = handle, .probe = probe, .function = "cleanup", .flags = error_status};

    call_run(&call);
    call_free(&call);
    probe_free(probe);
}

/* An owned copy: the arguments of the profile are libpam's. */
static struct probe *probe_copy(const struct probe *probe)
{
    struct probe *copy = calloc(1, sizeof(*copy));

    if (copy == NULL)
        abort();
    copy->name = strdup(probe->name);
    copy->script = probe->script != NULL ? strdup(probe->script) : NULL;
    copy->log = strdup(probe->log);
    return copy;
}

static void data_register(struct call *call)
{
    const void *there;
    struct probe *copy;
    char key[128];

    snprintf(key, sizeof(key), "pam_probe/%s", call->probe->name);
    if (pam_get_data(call->handle, key, &there) == PAM_SUCCESS)
        return;
    copy = probe_copy(call->probe);
    call->action = "data=1";
    action_check_pam(call, pam_set_data(call->handle, key, copy, data_cleanup));
}

EXPORTED int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return entry(handle, "authenticate", flags, argc, argv);
}

EXPORTED int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return entry(handle, "setcred", flags, argc, argv);
}

EXPORTED int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return entry(handle, "acct_mgmt", flags, argc, argv);
}

EXPORTED int pam_sm_open_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return entry(handle, "open_session", flags, argc, argv);
}

EXPORTED int pam_sm_close_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return entry(handle, "close_session", flags, argc, argv);
}

EXPORTED int pam_sm_chauthtok(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    return entry(handle, "chauthtok", flags, argc, argv);
}
