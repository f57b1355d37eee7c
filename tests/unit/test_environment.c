#include "ask/environment.h"

#include "memory.h"
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES_MAX = 12 };

#define ALICES_DIRECTORY "/run/user/1000"

static bool owns_directory(const char *path, uid_t uid)
{
    return strcmp(path, ALICES_DIRECTORY) == 0 && uid == 1000;
}

static const struct account alice = {(char *)"alice", (char *)"/home/alice", (char *)"/bin/bash", 1000, 1000};
static const struct account root = {(char *)"root", (char *)"/root", (char *)"/bin/bash", 0, 0};
static const struct login_defs no_defs;

/* A request that asks for nothing special. */
static struct environment_request request_of(const struct account *account, const char *const *applicant)
{
    return (struct environment_request){
        .applicant = (char *const *)applicant,
        .applicant_is_root = true,
        .may_share_session = true,
        .account = account,
        .shell = account->shell,
        .defs = &no_defs,
        .owns_directory = owns_directory,
    };
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The entries in any order, and no other. */
static void assert_environment(const struct environment_request *request, const char *const *expected)
{
    struct strv environment;
    size_t count = 0;

    assert_true(environment_build(&environment, request));
    for (; expected[count] != NULL; count++) {
        bool found = false;

        for (size_t at = 0; at < environment.count; at++)
            found = found || strcmp(environment.items[at], expected[count]) == 0;
        if (!found)
            print_message("# missing: %s\n", expected[count]);
        assert_true(found);
    }
    if (environment.count > count)
        for (size_t at = 0; at < environment.count; at++)
            print_message("# there is: %s\n", environment.items[at]);
    assert_int_equal(environment.count, count);
    strv_free(&environment);
}

/* ---- the base: su(1)'s rules ---- */

#define PATH_USER "PATH=/usr/local/bin:/bin:/usr/bin"
#define PATH_ROOT "PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin"

static const struct login_defs site_defs = {.path = (char *)"/user/path", .path_root = (char *)"/root/path"};
static const struct login_defs always_defs = {
    .path = (char *)"/user/path", .path_root = (char *)"/root/path", .always_set_path = true};
static const struct login_defs always_bare = {.always_set_path = true};

static const struct base_case {
    const char *sentence;
    const char *applicant[ENTRIES_MAX];
    const struct account *account;
    const struct login_defs *defs; /* NULL: an empty file */
    bool login, keep, no_shell;
    const char *kept_names[4];
    const char *expected[ENTRIES_MAX];
    const char *site_names[4]; /* environment-keep of the site policy */
    bool by_others;            /* the applicant is not root */
} base_cases[] = {
    {"the applicant's stays, who he is does not",
     {"EDITOR=vi", "PATH=/p", "HOME=/root", "SHELL=/bin/zsh", "USER=root", "LOGNAME=root"},
     &alice,
     NULL,
     .expected = {"EDITOR=vi", "PATH=/p", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"an empty one gets who he is",
     {NULL},
     &alice,
     NULL,
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"root as the account leaves USER and LOGNAME",
     {"USER=bob", "LOGNAME=bob"},
     &root,
     NULL,
     .expected = {"USER=bob", "LOGNAME=bob", "HOME=/root", "SHELL=/bin/bash"}},
    {"root as the account sets no USER", {NULL}, &root, NULL, .expected = {"HOME=/root", "SHELL=/bin/bash"}},
    {"-u leaves SHELL",
     {"SHELL=/bin/zsh"},
     &alice,
     NULL,
     .no_shell = true,
     .expected = {"SHELL=/bin/zsh", "HOME=/home/alice", "USER=alice", "LOGNAME=alice"}},
    {"-u sets no SHELL",
     {NULL},
     &alice,
     NULL,
     .no_shell = true,
     .expected = {"HOME=/home/alice", "USER=alice", "LOGNAME=alice"}},
    {"PATH stays without ALWAYS_SET_PATH",
     {"PATH=/p"},
     &alice,
     &site_defs,
     .expected = {"PATH=/p", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"ALWAYS_SET_PATH sets ENV_PATH",
     {"PATH=/p"},
     &alice,
     &always_defs,
     .expected = {"PATH=/user/path", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"ALWAYS_SET_PATH sets ENV_SUPATH for root",
     {"PATH=/p"},
     &root,
     &always_defs,
     .expected = {"PATH=/root/path", "HOME=/root", "SHELL=/bin/bash"}},
    {"ALWAYS_SET_PATH has a default",
     {"PATH=/p"},
     &alice,
     &always_bare,
     .expected = {PATH_USER, "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"ALWAYS_SET_PATH has a default for root",
     {"PATH=/p"},
     &root,
     &always_bare,
     .expected = {PATH_ROOT, "HOME=/root", "SHELL=/bin/bash"}},
    {"-p leaves all five names",
     {"HOME=/h", "SHELL=/s", "USER=u", "LOGNAME=l", "PATH=/p", "A=1"},
     &alice,
     &always_defs,
     .keep = true,
     .expected = {"HOME=/h", "SHELL=/s", "USER=u", "LOGNAME=l", "PATH=/p", "A=1"}},
    {"-p sets nothing", {"A=1"}, &alice, &always_defs, .keep = true, .expected = {"A=1"}},
    {"a login starts from scratch",
     {"EDITOR=vi", "PATH=/p", "USER=root", "HOME=/root", "LANG=C"},
     &alice,
     NULL,
     .login = true,
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"a login of root sets all five too",
     {"USER=bob"},
     &root,
     NULL,
     .login = true,
     .expected = {"HOME=/root", "SHELL=/bin/bash", "USER=root", "LOGNAME=root", PATH_ROOT}},
    {"a login takes ENV_PATH",
     {NULL},
     &alice,
     &site_defs,
     .login = true,
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", "PATH=/user/path"}},
    {"a login of root takes ENV_SUPATH",
     {NULL},
     &root,
     &site_defs,
     .login = true,
     .expected = {"HOME=/root", "SHELL=/bin/bash", "USER=root", "LOGNAME=root", "PATH=/root/path"}},
    {"a login passes over -p",
     {"HOME=/h", "A=1"},
     &alice,
     NULL,
     .login = true,
     .keep = true,
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"a login keeps the terminal's names",
     {"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "DISPLAY=:0"},
     &alice,
     NULL,
     .login = true,
     .expected = {"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "HOME=/home/alice", "SHELL=/bin/bash",
                  "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w keeps names for a login",
     {"A=1", "B=2", "C=3", "D=4"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"A,C", "D"},
     .expected = {"A=1", "C=3", "D=4", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice",
                  PATH_USER}},
    {"-w takes empty names and names that are not there",
     {"A=1"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {",,Z,A,", ""},
     .expected = {"A=1", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w keeps a name once",
     {"A=1"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"A,A", "A"},
     .expected = {"A=1", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w cannot keep the five names",
     {"HOME=/h", "SHELL=/s", "USER=u", "LOGNAME=l", "PATH=/p"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"HOME,SHELL,USER,LOGNAME,PATH"},
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w names hold no =, or they would be others'",
     {"ENV=/x=", "HOME=/y=z", "LD_PRELOAD=/e.so="},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"ENV=/x,HOME=/y", "LD_PRELOAD=/e.so"},
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w names are whole names",
     {"AB=1", "A=2"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"A"},
     .expected = {"A=2", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w cannot keep another's runtime directory",
     {"XDG_RUNTIME_DIR=/run/user/0"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"XDG_RUNTIME_DIR"},
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w cannot keep another's session bus",
     {"XDG_RUNTIME_DIR=/run/user/0", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"DBUS_SESSION_BUS_ADDRESS"},
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"-w keeps the account's own runtime directory",
     {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"XDG_RUNTIME_DIR"},
     .expected = {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY, "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice",
                  "LOGNAME=alice", PATH_USER}},
    {"who may not share a session only says that a runtime directory is the account's",
     {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY, "DBUS_SESSION_BUS_ADDRESS=unix:abstract=his", "NOTIFY_SOCKET=/his"},
     &alice,
     NULL,
     .by_others = true,
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"the site keeps names in a login",
     {"LANG=C", "LC_ALL=x", "A=1"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"LANG", "Z"},
     .expected = {"LANG=C", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"names of the site may end in *",
     {"LC_ALL=x", "LC_=y", "LC=z", "LANG=C", "XLC_ALL=q"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"LC_*"},
     .expected = {"LC_ALL=x", "LC_=y", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice",
                  PATH_USER}},
    {"the site and -w are added up",
     {"A=1", "B=2", "C=3"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"B,C"},
     .site_names = {"A", "B"},
     .expected = {"A=1", "B=2", "C=3", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice",
                  PATH_USER}},
    {"of a name that is there twice the site keeps the first",
     {"A=1", "A=2"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"A*"},
     .expected = {"A=1", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"the site cannot keep the five names",
     {"HOME=/h", "SHELL=/s", "USER=u", "LOGNAME=l", "PATH=/p"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"HOME", "S*", "*"},
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"the site cannot keep what nobody may bring along",
     {"LD_PRELOAD=/x", "LD_=y", "BASH_ENV=/x", "IFS=x", "LANG=C"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"LD_*", "*"},
     .expected = {"LANG=C", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"what others may not bring along, neither",
     {"PYTHONPATH=/x", "PYTHON=y", "TZ=/x", "LANG=a/b", "LC_ALL=%n", "TZ2=z"},
     &alice,
     NULL,
     .login = true,
     .by_others = true,
     .site_names = {"PYTHON*", "TZ*", "L*"},
     .expected = {"TZ2=z", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"root may",
     {"PYTHONPATH=/x", "TZ=/x"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"PYTHON*", "TZ"},
     .expected = {"PYTHONPATH=/x", "TZ=/x", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice",
                  PATH_USER}},
    {"the site cannot keep another's session bus",
     {"XDG_RUNTIME_DIR=/run/user/0", "DBUS_SESSION_BUS_ADDRESS=x"},
     &alice,
     NULL,
     .login = true,
     .site_names = {"XDG_*", "DBUS*"},
     .expected = {"HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"without a login the site's names change nothing",
     {"A=1", "LD_PRELOAD=/x"},
     &alice,
     NULL,
     .site_names = {"LD_*", "B"},
     .expected = {"A=1", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"}},
    {"of a name that is there twice the first counts",
     {"A=1", "A=2", "A=3"},
     &alice,
     NULL,
     .keep = true,
     .expected = {"A=1"}},
    {"a kept name that is there twice is the first",
     {"A=1", "A=2"},
     &alice,
     NULL,
     .login = true,
     .kept_names = {"A"},
     .expected = {"A=1", "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER}},
    {"what is no variable is dropped",
     {"novalue", "", "=x", "1A=x", "A B=x", "C\tD=x", "E\033=x", "G=1"},
     &alice,
     NULL,
     .keep = true,
     .expected = {"G=1"}},
    {"values may hold anything",
     {"A=", "B==", "C=a b\tc\nd", "D=\303\274"},
     &alice,
     NULL,
     .keep = true,
     .expected = {"A=", "B==", "C=a b\tc\nd", "D=\303\274"}},
    {"another's session is left behind",
     {"XDG_RUNTIME_DIR=/run/user/0", "DBUS_SESSION_BUS_ADDRESS=x", "XDG_SESSION_ID=3", "XDG_SEAT=seat0", "XDG_VTNR=1",
      "XDG_DATA_DIRS=/usr/share"},
     &alice,
     NULL,
     .keep = true,
     .expected = {"XDG_DATA_DIRS=/usr/share"}},
    {"a session without a runtime directory is left",
     {"DBUS_SESSION_BUS_ADDRESS=x", "XDG_SESSION_ID=3"},
     &alice,
     NULL,
     .keep = true,
     .expected = {NULL}},
    {"the account's own session stays",
     {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY, "DBUS_SESSION_BUS_ADDRESS=x", "XDG_SESSION_ID=3"},
     &alice,
     NULL,
     .keep = true,
     .expected = {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY, "DBUS_SESSION_BUS_ADDRESS=x", "XDG_SESSION_ID=3"}},
    {"what systemd told a service is not handed on",
     {"NOTIFY_SOCKET=/n", "LISTEN_FDS=1", "LISTEN_PID=2", "INVOCATION_ID=i", "JOURNAL_STREAM=8:9",
      "CREDENTIALS_DIRECTORY=/c"},
     &alice,
     NULL,
     .keep = true,
     .expected = {NULL}},
};

static struct environment_request base_request(const struct base_case *row)
{
    struct environment_request request = request_of(row->account, row->applicant);

    if (row->defs != NULL)
        request.defs = row->defs;
    if (row->no_shell)
        request.shell = NULL;
    request.login = row->login;
    request.keep = row->keep;
    request.kept_names = row->kept_names;
    request.site_names = (char *const *)row->site_names;
    request.applicant_is_root = !row->by_others;
    request.may_share_session = !row->by_others;
    return request;
}

static void base_is_as_with_su(void **state)
{
    const struct base_case *row = *state;
    struct environment_request request = base_request(row);

    assert_environment(&request, row->expected);
}

static void no_applicants_environment_is_an_empty_one(void **state)
{
    struct environment_request request = request_of(&alice, NULL);

    (void)state;
    request.keep = true;
    assert_environment(&request, LIST(NULL));
    request.keep = false;
    request.login = true;
    assert_environment(&request, LIST("HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice", PATH_USER));
}

/* ---- names that are refused, by whom they come from: DESIGN section 6, security requirements C1 to C10 ---- */

enum { ROOT = 1, OTHERS = 2, PAM = 4, ALL = ROOT | OTHERS | PAM };

static const struct name_case {
    const char *sentence; /* the name */
    const char *value;
    unsigned refused_from;
} name_cases[] = {
    {"LD_PRELOAD", "x.so", ALL},
    {"LD_LIBRARY_PATH", "/x", ALL},
    {"LD_AUDIT", "x.so", ALL},
    {"LD_PROFILE_OUTPUT", "/x", ALL},
    {"LD_DEBUG", "all", ALL},
    {"LD_", "x", ALL},
    {"GCONV_PATH", "/x", ALL},
    {"GETCONF_DIR", "/x", ALL},
    {"GLIBC_TUNABLES", "glibc.x=1", ALL},
    {"LOCPATH", "/x", ALL},
    {"NLSPATH", "/x", ALL},
    {"MALLOC_TRACE", "/x", ALL},
    {"MALLOC_PERTURB_", "1", ALL},
    {"HOSTALIASES", "/x", ALL},
    {"LOCALDOMAIN", "x", ALL},
    {"RES_OPTIONS", "x", ALL},
    {"RESOLV_HOST_CONF", "/x", ALL},
    {"IFS", "x", ALL},
    {"ENV", "/x", ALL},
    {"BASH_ENV", "/x", ALL},
    {"BASH_FUNC_ls%%", "() { id; }", ALL},
    {"BASH_FUNC_ls()", "x", ALL},
    {"SHELLOPTS", "xtrace", ALL},
    {"BASHOPTS", "x", ALL},
    {"PS4", "$(id)", ALL},
    {"CDPATH", "/x", ALL},
    {"ANY_FUNCTION", "() { id; }", ALL},
    {"HOME", "/x", PAM},
    {"SHELL", "/x", PAM},
    {"USER", "x", PAM},
    {"LOGNAME", "x", PAM},
    {"PERL5OPT", "-Mx", OTHERS},
    {"PERL5LIB", "/x", OTHERS},
    {"PYTHONPATH", "/x", OTHERS},
    {"PYTHONSTARTUP", "/x", OTHERS},
    {"RUBYOPT", "-rx", OTHERS},
    {"RUBYLIB", "/x", OTHERS},
    {"LUA_INIT", "/x", OTHERS},
    {"LUA_INIT_5_4", "/x", OTHERS},
    {"LUA_PATH", "/x", OTHERS},
    {"LUA_CPATH_5_3", "/x", OTHERS},
    {"_JAVA_OPTIONS", "/x", OTHERS},
    {"JDK_JAVA_OPTIONS", "/x", OTHERS},
    {"NODE_PATH", "/x", OTHERS},
    {"OPENSSL_CONF", "/x", OTHERS},
    {"OPENSSL_MODULES", "/x", OTHERS},
    {"OPENSSL_ENGINES", "/x", OTHERS},
    {"PROMPT_COMMAND", "id", OTHERS},
    {"BASH_LOADABLES_PATH", "/x", OTHERS},
    {"PERLIO_DEBUG", "/x", OTHERS},
    {"TERMPATH", "/x", OTHERS},
    {"PATH_LOCALE", "/x", OTHERS},
    {"NULLCMD", "/x", OTHERS},
    {"READNULLCMD", "/x", OTHERS},
    {"TMPPREFIX", "/x", OTHERS},
    {"TMPDIR", "/x", OTHERS},
    {"TERMINFO", "/x", OTHERS},
    {"TZDIR", "/x", OTHERS},
    {"KRB5_CONFIG", "/x", OTHERS},
    {"DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/x", OTHERS},
    {"TERM", "/x", OTHERS},
    {"TERM", "x%n", OTHERS},
    {"TERM", "xterm", 0},
    {"LANG", "../x", OTHERS},
    {"LANG", "de_DE.UTF-8", 0},
    {"LANGUAGE", "%s", OTHERS},
    {"LC_ALL", "/x", OTHERS},
    {"LC_MESSAGES", "C", 0},
    {"TZ", ":/x", OTHERS},
    {"TZ", "Europe/Berlin", OTHERS},
    {"TZ", "UTC", 0},
    {"PATH", "/x", 0},
    {"KRB5CCNAME", "FILE:/tmp/x", 0},
    {"EDITOR", "/usr/bin/vi", 0},
    {"SSH_AUTH_SOCK", "/x", 0},
    {"XAUTHORITY", "/x", 0},
    {"ENVX", "x", 0},
    {"XENV", "x", 0},
    {"LD", "x", 0},
    {"ld_preload", "x", 0},
    {"NAME.WITH.POINTS", "x", 0},
    {"1DIGIT", "x", ALL},
    {"A B", "x", ALL},
    {"A\nB", "x", ALL},
    {"", "x", ALL},
};

static bool is_handed_on(const struct environment_request *request, const struct name_case *row)
{
    struct strv environment;
    const char *value;
    bool there;

    assert_true(environment_build(&environment, request));
    value = strv_get(environment.items, row->sentence);
    there = value != NULL && strcmp(value, row->value) == 0;
    strv_free(&environment);
    return there;
}

/* From root and from others, in a plain environment, kept by -p, and kept by -w in a login's; and from PAM. */
static void name_is_refused_from_those_only(void **state)
{
    static const char *const no_entries[] = {NULL};
    const struct name_case *row = *state;
    bool set_by_us = strcmp(row->sentence, "HOME") == 0 || strcmp(row->sentence, "SHELL") == 0
                     || strcmp(row->sentence, "USER") == 0 || strcmp(row->sentence, "LOGNAME") == 0
                     || strcmp(row->sentence, "PATH") == 0;
    char entry[128];
    struct environment_request request;

    (void)snprintf(entry, sizeof entry, "%s=%s", row->sentence, row->value);
    for (unsigned source = ROOT; source <= OTHERS; source++) {
        bool refused = (row->refused_from & source) != 0;

        request = request_of(&alice, LIST(entry));
        request.applicant_is_root = source == ROOT;
        request.keep = true;
        assert_int_equal(is_handed_on(&request, row), !refused);
        if (set_by_us)
            continue;
        request.keep = false;
        assert_int_equal(is_handed_on(&request, row), !refused);
        request.login = true;
        request.kept_names = LIST(row->sentence);
        assert_int_equal(is_handed_on(&request, row), !refused);
    }
    request = request_of(&alice, no_entries);
    request.pam = (char *const *)LIST(entry);
    assert_int_equal(is_handed_on(&request, row), (row->refused_from & PAM) == 0);
    request.login = true;
    assert_int_equal(is_handed_on(&request, row), (row->refused_from & PAM) == 0);
}

/* ---- the PAM environment ---- */

#define BASE "HOME=/home/alice", "SHELL=/bin/bash", "USER=alice", "LOGNAME=alice"

static const struct pam_case {
    const char *sentence;
    const char *applicant[ENTRIES_MAX];
    const char *pam[ENTRIES_MAX];
    const char *pam_given[ENTRIES_MAX]; /* --pam-setenv */
    bool keep;
    const char *expected[ENTRIES_MAX];
} pam_cases[] = {
    {"it is added",
     {"A=1"},
     {"KRB5CCNAME=FILE:/tmp/krb5cc_1000_x", "B=2"},
     {NULL},
     false,
     {"A=1", "KRB5CCNAME=FILE:/tmp/krb5cc_1000_x", "B=2", BASE}},
    {"it counts more than the applicant's",
     {"A=1", "PATH=/a"},
     {"A=2", "PATH=/p"},
     {NULL},
     false,
     {"A=2", "PATH=/p", BASE}},
    {"it counts more even with -p", {"A=1"}, {"A=2"}, {NULL}, true, {"A=2"}},
    {"it cannot say who somebody is", {NULL}, {"HOME=/h", "SHELL=/s", "USER=u", "LOGNAME=l"}, {NULL}, false, {BASE}},
    {"nor where -p left that open", {NULL}, {"HOME=/h", "SHELL=/s", "USER=u", "LOGNAME=l"}, {NULL}, true, {NULL}},
    {"it may empty a variable", {"A=1"}, {"A="}, {NULL}, false, {"A=", BASE}},
    {"what is no variable is dropped", {NULL}, {"novalue", "=x", "A=1"}, {NULL}, false, {"A=1", BASE}},
    {"the account's runtime directory is taken",
     {NULL},
     {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY},
     {NULL},
     false,
     {"XDG_RUNTIME_DIR=" ALICES_DIRECTORY, BASE}},
    {"another's runtime directory is not",
     {NULL},
     {"XDG_RUNTIME_DIR=/run/user/0", "XDG_SESSION_ID=4"},
     {NULL},
     false,
     {"XDG_SESSION_ID=4", BASE}},
    {"a session from it replaces the applicant's",
     {"XDG_SESSION_ID=3"},
     {"XDG_SESSION_ID=4", "DBUS_SESSION_BUS_ADDRESS=x"},
     {NULL},
     false,
     {"XDG_SESSION_ID=4", "DBUS_SESSION_BUS_ADDRESS=x", BASE}},
    {"what we told the modules is not exported", {NULL}, {"JOB=1", "A=1"}, {"JOB=1"}, false, {"A=1", BASE}},
    {"what a module made of it is", {NULL}, {"JOB=2"}, {"JOB=1"}, false, {"JOB=2", BASE}},
    {"what we told hides nothing of the applicant's", {"JOB=0"}, {"JOB=1"}, {"JOB=1"}, false, {"JOB=0", BASE}},
    {"of several that we told none is exported", {NULL}, {"A=1", "B=2", "C=3"}, {"B=2", "A=1"}, false, {"C=3", BASE}},
};

static void pam_environment_is_laid_over(void **state)
{
    const struct pam_case *row = *state;
    struct environment_request request = request_of(&alice, row->applicant);

    request.pam = (char *const *)row->pam;
    request.pam_given = row->pam_given;
    request.keep = row->keep;
    assert_environment(&request, row->expected);
}

/* ---- the rest ---- */

static void each_name_is_there_once(void **state)
{
    struct environment_request request =
        request_of(&alice, LIST("A=1", "A=2", "HOME=/1", "HOME=/2", "USER=1", "USER=2"));

    (void)state;
    request.pam = (char *const *)LIST("A=3", "A=4", "B=1", "B=2");
    assert_environment(&request, LIST("A=4", "B=2", BASE));
}

/* Never a part of it: a variable that is missing may be the one that says no. */
static void without_memory_there_is_no_environment(void **state)
{
    struct environment_request request = request_of(&alice, LIST("A=1", "B=2", "TERM=xterm"));

    (void)state;
    request.pam = (char *const *)LIST("C=3", "A=4");
    request.kept_names = LIST("A,B");
    request.defs = &always_defs;
    memory_comes_back = true;
    for (int kind = 0; kind < 3; kind++) {
        bool built = false;

        request.login = kind == 1;
        request.keep = kind == 2;
        for (long left = 0; !built; left++) {
            struct strv whole, part;

            assert_true(environment_build(&whole, &request));
            memory_left = left;
            built = environment_build(&part, &request);
            memory_left = -1;
            if (built) {
                assert_int_equal(part.count, whole.count);
                for (size_t at = 0; at < whole.count; at++)
                    assert_string_equal(part.items[at], whole.items[at]);
            }
            assert_true(built || left < 100);
            strv_free(&whole);
            strv_free(&part);
        }
    }
}

static void names_of_any_length_break_nothing(void **state)
{
    static char entry[5000];
    struct strv environment;

    (void)state;
    for (size_t length = 1000; length < 1050; length++) {
        struct environment_request request = request_of(&alice, LIST(entry, "A=1"));

        memset(entry, 'N', length);
        strcpy(entry + length, "=x");
        request.pam = (char *const *)LIST(entry);
        request.kept_names = LIST(entry);
        assert_true(environment_build(&environment, &request));
        assert_string_equal(strv_get(environment.items, "A"), "1");
        strv_free(&environment);
        request.login = true;
        assert_true(environment_build(&environment, &request));
        strv_free(&environment);
    }
}

static void a_value_of_any_length_is_handed_on(void **state)
{
    static char entry[100000];
    struct environment_request request = request_of(&alice, LIST(entry));

    (void)state;
    memset(entry, 'v', sizeof entry - 1);
    memcpy(entry, "A=", 2);
    request.keep = true;
    assert_environment(&request, LIST(entry));
}

/* As many as execve(2) lets somebody bring along. Were the effort quadratic, an alarm would end us: it is minutes. */
static void very_many_names_take_no_time(void **state)
{
    enum { MANY = 300000, IN_A_LIST = 1000, NAME_BYTES = 9, SECONDS = 60 };
    static char entries[MANY][NAME_BYTES + 2], lists[MANY / IN_A_LIST][IN_A_LIST * NAME_BYTES + 1];
    static const char *applicant[2 * MANY + 1], *kept[MANY / IN_A_LIST + 1];
    struct environment_request request = request_of(&alice, applicant);
    struct strv environment;

    (void)state;
    for (size_t at = 0; at < MANY; at++) {
        (void)snprintf(entries[at], sizeof entries[at], "NM%06zu=x", at);
        (void)snprintf(lists[at / IN_A_LIST] + at % IN_A_LIST * NAME_BYTES, NAME_BYTES + 1, "NM%06zu,", at);
        kept[at / IN_A_LIST] = lists[at / IN_A_LIST];
        applicant[at] = entries[at];
        applicant[MANY + at] = "XDG_SEAT=seat0";
    }
    request.kept_names = kept;
    (void)alarm(SECONDS);
    for (int kind = 0; kind < 3; kind++) {
        request.login = kind > 0;
        request.site_names = kind == 2 ? (char *const *)LIST("NM*") : NULL;
        assert_true(environment_build(&environment, &request));
        assert_int_equal(environment.count, MANY + (request.login ? 5 : 4));
        assert_string_equal(environment.items[0], "NM000000=x");
        assert_string_equal(environment.items[MANY - 1], "NM299999=x");
        strv_free(&environment);
    }
    (void)alarm(0);
}

static void who_may_run_one_command_does_not_steer_it(void **state)
{
    struct environment_request request =
        request_of(&root, LIST("PATH=/evil", "HOME=/evil", "SHELL=/evil", "USER=evil", "TAR_OPTIONS=-v", "A=1", "B_1=2",
                               "TERM=xterm", "PYTHON_1=/evil"));

    (void)state;
    request.applicant_is_root = false;
    request.anew = true;
    request.shell = NULL;
    request.site_names = (char *const *)LIST("B_*", "PYTHON*");
    request.keep = true;
    request.kept_names = LIST("A,TAR_OPTIONS");
    assert_environment(&request, LIST("HOME=/root", "USER=root", "LOGNAME=root", PATH_ROOT, "TERM=xterm", "B_1=2"));
    request.login = true;
    assert_environment(&request, LIST("HOME=/root", "USER=root", "LOGNAME=root", PATH_ROOT, "TERM=xterm", "B_1=2"));
}

static void a_delegate_may_not_tell_modules_everything(void **state)
{
    static const char *const refused[] = {"PATH=/x",
                                          "HOME=/x",
                                          "SHELL=/x",
                                          "USER=x",
                                          "LOGNAME=x",
                                          "LD_PRELOAD=x",
                                          "ENV=/x",
                                          "BASH_ENV=/x",
                                          "BASH_FUNC_id%%=x",
                                          "PERL5LIB=/x",
                                          "PAM_USER=x",
                                          "PAM_TTY=",
                                          "PAMRUN_CALLER=",
                                          "A=() { x",
                                          "A",
                                          "XDG_SEAT=seat0",
                                          "XDG_VTNR=1",
                                          "XDG_SESSION_TYPE=x11",
                                          "XDG_SESSION_CLASS=user",
                                          "XDG_SESSION_DESKTOP=x",
                                          "XDG_RUNTIME_DIR=/x",
                                          "XDG_CURRENT_DESKTOP=x",
                                          "DBUS_SESSION_BUS_ADDRESS=x",
                                          "NOTIFY_SOCKET=/x",
                                          "LISTEN_FDS=1",
                                          "CREDENTIALS_DIRECTORY=/x",
                                          "KRB5CCNAME=FILE:/tmp/x"};
    static const char *const allowed[] = {"A=b", "SLURM_JOB_ID=7", "PATHS=/x", "PAMELA=x", "A=", "XDG=x"};

    (void)state;
    for (size_t at = 0; at < COUNT(refused); at++)
        assert_false(environment_delegate_may_tell(refused[at]));
    for (size_t at = 0; at < COUNT(allowed); at++)
        assert_true(environment_delegate_may_tell(allowed[at]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_applicants_environment_is_an_empty_one),
        cmocka_unit_test(each_name_is_there_once),
        cmocka_unit_test(without_memory_there_is_no_environment),
        cmocka_unit_test(names_of_any_length_break_nothing),
        cmocka_unit_test(a_value_of_any_length_is_handed_on),
        cmocka_unit_test(very_many_names_take_no_time),
        cmocka_unit_test(who_may_run_one_command_does_not_steer_it),
        cmocka_unit_test(a_delegate_may_not_tell_modules_everything),
    };
    static char sentences[COUNT(name_cases)][128];
    static struct suite suite;

    ADD_ROWS(&suite, base_is_as_with_su, base_cases);
    ADD_ROWS(&suite, pam_environment_is_laid_over, pam_cases);
    ADD_ROWS(&suite, name_is_refused_from_those_only, name_cases);
    for (size_t at = 0; at < COUNT(name_cases); at++) { /* as sentences, and without control characters */
        const struct name_case *row = &name_cases[at];

        (void)snprintf(sentences[at], sizeof sentences[at], "%s=%s is refused from%s%s%s%s",
                       text_is_harmless(row->sentence, false) ? row->sentence : "a broken name", row->value,
                       row->refused_from == 0 ? " nobody" : "", (row->refused_from & ROOT) != 0 ? " root" : "",
                       (row->refused_from & OTHERS) != 0 ? " others" : "",
                       (row->refused_from & PAM) != 0 ? " PAM" : "");
        suite.tests[suite.count - COUNT(name_cases) + at].name = sentences[at];
    }
    ADD_TESTS(&suite, tests);
    return cmocka_run_group_tests_name("environment", suite.tests, NULL, NULL);
}
