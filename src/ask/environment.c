#include "ask/environment.h"

#include "base/owned.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PATH_DEFAULT      "/usr/local/bin:/bin:/usr/bin"                                 /* su(1) */
#define PATH_DEFAULT_ROOT "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin" /* su(1) */

enum source {
    FROM_ROOT = 1,   /* the applicant's environment, and he is root */
    FROM_OTHERS = 2, /* the applicant's environment, and he is not */
    FROM_PAM = 4,    /* a module's: pam_env(8) may have read it from a file of the user's (CVE-2025-6018) */
    FROM_ANYONE = FROM_ROOT | FROM_OTHERS | FROM_PAM
};

/* Names that are not taken over. One that ends in '*' stands for all that begin like it. */
static const struct {
    const char *name;
    unsigned refused_from;
} refused_table[] = {
    /* the loader and libc act on these before the program's first line: other code, other files, other servers */
    {"LD_*", FROM_ANYONE},
    {"GCONV_PATH", FROM_ANYONE},
    {"GETCONF_DIR", FROM_ANYONE},
    {"GLIBC_TUNABLES", FROM_ANYONE},
    {"MALLOC_*", FROM_ANYONE},
    {"LOCPATH", FROM_ANYONE},
    {"NLSPATH", FROM_ANYONE},
    {"HOSTALIASES", FROM_ANYONE},
    {"LOCALDOMAIN", FROM_ANYONE},
    {"RES_OPTIONS", FROM_ANYONE},
    {"RESOLV_*", FROM_ANYONE},
    {"NIS_PATH", FROM_ANYONE},
    /* shells read or run these when they start */
    {"IFS", FROM_ANYONE},
    {"ENV", FROM_ANYONE},
    {"BASH_ENV", FROM_ANYONE},
    {"BASH_FUNC_*", FROM_ANYONE},
    {"SHELLOPTS", FROM_ANYONE},
    {"BASHOPTS", FROM_ANYONE},
    {"PS4", FROM_ANYONE},
    {"PROMPT_COMMAND", FROM_OTHERS},
    {"BASH_LOADABLES_PATH", FROM_OTHERS},
    {"CDPATH", FROM_ANYONE},
    {"GLOBIGNORE", FROM_ANYONE},
    {"FPATH", FROM_ANYONE},
    {"ZDOTDIR", FROM_ANYONE},
    /* who somebody is, is the passwd entry's to say; su's rules set them */
    {"HOME", FROM_PAM},
    {"SHELL", FROM_PAM},
    {"USER", FROM_PAM},
    {"LOGNAME", FROM_PAM},
    /* interpreters load code, and programs find configuration, by these */
    {"PERL5OPT", FROM_OTHERS},
    {"PERL5LIB", FROM_OTHERS},
    {"PERLLIB", FROM_OTHERS},
    {"PERL5DB", FROM_OTHERS},
    {"PERLIO_DEBUG", FROM_OTHERS},
    {"PYTHON*", FROM_OTHERS},
    {"RUBYOPT", FROM_OTHERS},
    {"RUBYLIB", FROM_OTHERS},
    {"NODE_OPTIONS", FROM_OTHERS},
    {"NODE_PATH", FROM_OTHERS},
    {"LUA_INIT*", FROM_OTHERS},
    {"LUA_PATH*", FROM_OTHERS},
    {"LUA_CPATH*", FROM_OTHERS},
    {"JAVA_TOOL_OPTIONS", FROM_OTHERS},
    {"_JAVA_OPTIONS", FROM_OTHERS},
    {"JDK_JAVA_OPTIONS", FROM_OTHERS},
    {"OPENSSL_CONF", FROM_OTHERS},
    {"OPENSSL_MODULES", FROM_OTHERS},
    {"OPENSSL_ENGINES", FROM_OTHERS},
    {"NULLCMD", FROM_OTHERS},
    {"READNULLCMD", FROM_OTHERS},
    {"TMPPREFIX", FROM_OTHERS},
    {"PATH_LOCALE", FROM_OTHERS},
    {"TERMINFO", FROM_OTHERS},
    {"TERMINFO_DIRS", FROM_OTHERS},
    {"TERMPATH", FROM_OTHERS},
    {"TERMCAP", FROM_OTHERS},
    {"TZDIR", FROM_OTHERS},
    {"TMPDIR", FROM_OTHERS},
    {"KRB5_*", FROM_OTHERS},
    {"DBUS_SYSTEM_BUS_ADDRESS", FROM_OTHERS},
};

/* A session of the applicant's, which the account must not use; pam_systemd(8) sets its own. */
static const char *const session_names[] = {"XDG_RUNTIME_DIR",
                                            "DBUS_SESSION_BUS_ADDRESS",
                                            "XDG_SESSION_ID",
                                            "XDG_SESSION_TYPE",
                                            "XDG_SESSION_CLASS",
                                            "XDG_SESSION_DESKTOP",
                                            "XDG_SEAT",
                                            "XDG_VTNR",
                                            "SYSTEMD_EXEC_PID",
                                            "INVOCATION_ID",
                                            "JOURNAL_STREAM",
                                            "NOTIFY_SOCKET",
                                            "LISTEN_FDS",
                                            "LISTEN_PID",
                                            "CREDENTIALS_DIRECTORY"};

/* What a terminal needs, kept by a login too. */
static const char *const terminal_names[] = {"TERM", "COLORTERM", "NO_COLOR"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool name_matches(const char *pattern, const char *name, size_t length)
{
    size_t wanted = strlen(pattern);

    if (pattern[wanted - 1] == '*')
        return length >= wanted - 1 && strncmp(pattern, name, wanted - 1) == 0;
    return length == wanted && strncmp(pattern, name, length) == 0;
}

static bool name_is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (strcmp(name, names[at]) == 0)
            return true;
    return false;
}

static bool name_is_valid(const char *name)
{
    if (*name == '\0' || isdigit((unsigned char)*name))
        return false;
    for (; *name != '\0'; name++)
        if (!isgraph((unsigned char)*name))
            return false;
    return true;
}

/* Values that libc or a terminal library takes for a path or a format, sudo's env_check. */
static bool value_is_suspicious(const char *name, const char *value)
{
    return (strcmp(name, "TERM") == 0 || strcmp(name, "LANG") == 0 || strcmp(name, "LANGUAGE") == 0
            || strncmp(name, "LC_", 3) == 0 || strcmp(name, "TZ") == 0)
           && strpbrk(value, "/%") != NULL;
}

static bool entry_is_refused(const char *name, const char *value, enum source source)
{
    if (!name_is_valid(name) || strncmp(value, "() {", 4) == 0) /* a shell function, CVE-2014-6271 */
        return true;
    if (source == FROM_OTHERS && value_is_suspicious(name, value))
        return true;
    for (size_t at = 0; at < COUNT(refused_table); at++)
        if ((refused_table[at].refused_from & source) != 0 && name_matches(refused_table[at].name, name, strlen(name)))
            return true;
    return false;
}

/* Split NAME=VALUE: name is a copy of at most size-1 bytes. false: no such entry, or the name is longer. */
static bool entry_split(const char *entry, char *name, size_t size, const char **value)
{
    size_t length = strcspn(entry, "=");

    if (entry[length] != '=' || length >= size)
        return false;
    memcpy(name, entry, length);
    name[length] = '\0';
    *value = entry + length + 1;
    return true;
}

enum { NAME_MAX_BYTES = 1024 };

/* ---- what the applicant brings along ---- */

/* An entry of his that may be taken over. */
struct candidate {
    const char *entry;
    size_t name_length;
    size_t position; /* in his environment */
    bool kept;
};

/* By name, each once: there may be some hundred thousand, and nobody waits for what is quadratic. */
struct candidates {
    struct candidate *items;
    size_t count;
};

static void candidates_free(struct candidates *candidates)
{
    free(candidates->items);
}

static int by_name(const void *one, const void *other)
{
    const struct candidate *left = one, *right = other;
    size_t both = left->name_length < right->name_length ? left->name_length : right->name_length;
    int order = memcmp(left->entry, right->entry, both);

    return order != 0 ? order : (left->name_length > right->name_length) - (left->name_length < right->name_length);
}

static int by_position(const void *one, const void *other)
{
    const struct candidate *left = one, *right = other;

    return (left->position > right->position) - (left->position < right->position);
}

static int by_name_and_position(const void *one, const void *other)
{
    int order = by_name(one, other);

    return order != 0 ? order : by_position(one, other);
}

/* His, without what is refused; of a name that is there twice the first counts, as for getenv(3). */
static bool candidates_find(struct candidates *candidates, const struct environment_request *request)
{
    const char *runtime = strv_get(request->applicant, "XDG_RUNTIME_DIR");
    bool same_session =
        request->may_share_session && runtime != NULL && request->owns_directory(runtime, request->account->uid);
    enum source source = request->applicant_is_root ? FROM_ROOT : FROM_OTHERS;
    size_t length = strv_length(request->applicant), unique = 0;
    char name[NAME_MAX_BYTES];
    const char *value;

    *candidates = (struct candidates){.items = reallocarray(NULL, length + 1, sizeof *candidates->items)};
    if (candidates->items == NULL)
        return false;
    for (size_t at = 0; at < length; at++)
        if (entry_split(request->applicant[at], name, sizeof name, &value) && !entry_is_refused(name, value, source)
            && (same_session || !name_is_one_of(name, session_names, COUNT(session_names))))
            candidates->items[candidates->count++] =
                (struct candidate){.entry = request->applicant[at], .name_length = strlen(name), .position = at};
    qsort(candidates->items, candidates->count, sizeof *candidates->items, by_name_and_position);
    for (size_t at = 0; at < candidates->count; at++)
        if (unique == 0 || by_name(&candidates->items[unique - 1], &candidates->items[at]) != 0)
            candidates->items[unique++] = candidates->items[at];
    candidates->count = unique;
    return true;
}

/* With a '=' in it, as -w may bring one, a name is nobody's: it would be another's, and the beginning of its value. */
static void keep_name(struct candidates *candidates, const char *name, size_t length)
{
    const struct candidate wanted = {.entry = name, .name_length = length};
    struct candidate *found =
        bsearch(&wanted, candidates->items, candidates->count, sizeof *candidates->items, by_name);

    if (found != NULL)
        found->kept = true;
}

static void keep_list(struct candidates *candidates, const char *list)
{
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ",");

        keep_name(candidates, at, length);
        at += length + (at[length] == ',');
    }
}

/* environment-keep of pamrun.conf(5). */
static void keep_pattern(struct candidates *candidates, const char *pattern)
{
    for (size_t at = 0; at < candidates->count; at++)
        if (name_matches(pattern, candidates->items[at].entry, candidates->items[at].name_length))
            candidates->items[at].kept = true;
}

/* What is kept, as it was brought along. */
static bool add_kept(struct strv *environment, const struct candidates *candidates)
{
    qsort(candidates->items, candidates->count, sizeof *candidates->items, by_position);
    for (size_t at = 0; at < candidates->count; at++)
        if (candidates->items[at].kept && !strv_add(environment, candidates->items[at].entry))
            return false;
    return true;
}

/* ---- layers ---- */

static bool set_path(struct strv *environment, const struct environment_request *request)
{
    const struct login_defs *defs = request->defs;
    const char *path = request->account->uid == 0 ? (defs->path_root != NULL ? defs->path_root : PATH_DEFAULT_ROOT)
                                                  : (defs->path != NULL ? defs->path : PATH_DEFAULT);

    return strv_set(environment, "PATH", path);
}

static bool set_user(struct strv *environment, const struct account *account)
{
    return strv_set(environment, "USER", account->name) && strv_set(environment, "LOGNAME", account->name);
}

/* su -l, delegates, restricted accounts: from scratch. */
static bool build_login(struct strv *environment, const struct environment_request *request,
                        struct candidates *candidates)
{
    for (size_t at = 0; at < COUNT(terminal_names); at++)
        keep_name(candidates, terminal_names[at], strlen(terminal_names[at]));
    for (const char *const *list = request->kept_names; list != NULL && *list != NULL && !request->anew; list++)
        keep_list(candidates, *list);
    for (char *const *pattern = request->site_names; pattern != NULL && *pattern != NULL; pattern++)
        keep_pattern(candidates, *pattern);
    return add_kept(environment, candidates)
           && (request->shell == NULL || strv_set(environment, "SHELL", request->shell))
           && set_path(environment, request) && strv_set(environment, "HOME", request->account->home)
           && set_user(environment, request->account);
}

/* su without -l: the applicant's, with the account's home and, unless it is root, name. */
static bool build_plain(struct strv *environment, const struct environment_request *request,
                        struct candidates *candidates)
{
    keep_pattern(candidates, "*");
    if (!add_kept(environment, candidates))
        return false;
    if (request->keep)
        return true;
    if (!strv_set(environment, "HOME", request->account->home)
        || (request->shell != NULL && !strv_set(environment, "SHELL", request->shell))
        || (request->defs->always_set_path && !set_path(environment, request)))
        return false;
    return request->account->uid == 0 || set_user(environment, request->account);
}

static bool was_given(const struct environment_request *request, const char *entry)
{
    for (const char *const *given = request->pam_given; given != NULL && *given != NULL; given++)
        if (strcmp(*given, entry) == 0)
            return true;
    return false;
}

static bool add_pam(struct strv *environment, const struct environment_request *request)
{
    char name[NAME_MAX_BYTES];
    const char *value;

    for (char *const *entry = request->pam; entry != NULL && *entry != NULL; entry++) {
        if (!entry_split(*entry, name, sizeof name, &value) || entry_is_refused(name, value, FROM_PAM))
            continue;
        if (was_given(request, *entry))
            continue;
        if (strcmp(name, "XDG_RUNTIME_DIR") == 0 && !request->owns_directory(value, request->account->uid))
            continue; /* pam_systemd(8) under su: the applicant's directory, systemd issue 825 */
        if (!strv_set(environment, name, value))
            return false;
    }
    return true;
}

bool environment_pam_may_say(const char *entry)
{
    char name[NAME_MAX_BYTES];
    const char *value;

    return entry_split(entry, name, sizeof name, &value) && !entry_is_refused(name, value, FROM_PAM);
}

bool environment_delegate_may_tell(const char *entry)
{
    /* pam_systemd(8) reads XDG_* here first: a session at the machine's own screen, for polkit(8), CVE-2025-6018. Modules
     * of Kerberos and AFS read KRB5CCNAME: somebody's tickets. */
    static const char *const others[] = {"PATH",  "HOME",     "SHELL", "USER",      "LOGNAME",
                                         "PAM_*", "PAMRUN_*", "XDG_*", "KRB5CCNAME"};
    char name[NAME_MAX_BYTES];
    const char *value;

    if (!entry_split(entry, name, sizeof name, &value) || entry_is_refused(name, value, FROM_OTHERS)
        || name_is_one_of(name, session_names, COUNT(session_names)))
        return false;
    for (size_t at = 0; at < COUNT(others); at++)
        if (name_matches(others[at], name, strlen(name)))
            return false;
    return true;
}

bool environment_build(struct strv *environment, const struct environment_request *request)
{
    OWNED(candidates_free) struct candidates candidates;

    *environment = (struct strv){0};
    return candidates_find(&candidates, request)
           && (request->login || request->anew ? build_login : build_plain)(environment, request, &candidates)
           && add_pam(environment, request);
}
