/* fuzz_environment.c - the environment of a command. Input: three bytes that say which form it is; then four lists, each of
 * texts with a NUL byte behind and closed by one more: the applicant's environment, the modules', names to be kept (-w),
 * and names of the site policy. */
#include "ask/environment.h"
#include "base/strv.h"

#include "fuzz.h"

#include <ctype.h>
#include <string.h>

enum { ENTRIES_MAX = 64 };

static bool owns_some(const char *path, uid_t uid)
{
    return strncmp(path, "/run/user/", 10) == 0 && uid != 0;
}

/* Names that nobody may bring along, whatever the form: a copy of a few, so that the table cannot loosen alone. */
static void check_entry(const char *entry)
{
    static const char *const never[] = {
        "LD_PRELOAD=", "LD_LIBRARY_PATH=", "LD_AUDIT=", "GCONV_PATH=", "GLIBC_TUNABLES=",
        "IFS=",        "BASH_ENV=",        "ENV=",      "LOCPATH=",    "RES_OPTIONS="};
    const char *equals = strchr(entry, '=');

    HOLDS(equals != NULL && equals > entry && !isdigit((unsigned char)*entry));
    HOLDS(strncmp(entry, "LD_", 3) != 0 && strncmp(entry, "BASH_FUNC_", 10) != 0);
    for (size_t at = 0; at < sizeof never / sizeof *never; at++)
        HOLDS(strncmp(entry, never[at], strlen(never[at])) != 0);
    for (const char *byte = entry; byte < equals; byte++)
        HOLDS(isgraph((unsigned char)*byte));
    HOLDS(strncmp(equals + 1, "() {", 4) != 0);
}

static void check_unique(char **items)
{
    for (char **one = items; *one != NULL; one++)
        for (char **other = one + 1; *other != NULL; other++)
            HOLDS(strncmp(*one, *other, strcspn(*one, "=") + 1) != 0);
}

static void check(const struct environment_request *request, struct strv *environment)
{
    char **items = strv_items(environment);
    bool anew = request->login || request->anew;
    const char *home = strv_get(items, "HOME");

    for (char **entry = items; *entry != NULL; entry++)
        check_entry(*entry);
    check_unique(items);
    /* whose home it is, no module and nobody else says */
    if (anew || !request->keep)
        HOLDS(home != NULL && strcmp(home, request->account->home) == 0);
    if (anew)
        HOLDS(strv_get(items, "PATH") != NULL && strcmp(strv_get(items, "USER"), request->account->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    uint8_t form = input_byte(&input), who = input_byte(&input), settings = input_byte(&input);
    char name[] = "alice", home[] = "/home/alice", shell[] = "/bin/sh", path[] = "/defs/bin";
    struct account account = {.name = name, .home = home, .shell = shell, .uid = (who & 1) != 0 ? 0 : 1000};
    struct login_defs defs = {.always_set_path = (settings & 1) != 0, .path = (settings & 2) != 0 ? path : NULL};
    struct environment_request request = {
        .applicant = (settings & 4) != 0 ? NULL : input_pieces(&input, ENTRIES_MAX),
        .pam = input_pieces(&input, ENTRIES_MAX),
        .kept_names = (const char *const *)input_pieces(&input, ENTRIES_MAX),
        .site_names = input_pieces(&input, ENTRIES_MAX),
        .applicant_is_root = (who & 2) != 0,
        .may_share_session = (who & 4) != 0,
        .anew = (form & 1) != 0,
        .login = (form & 2) != 0,
        .keep = (form & 4) != 0,
        .shell = (form & 8) != 0 ? shell : NULL,
        .account = &account,
        .defs = &defs,
        .owns_directory = owns_some,
    };
    struct strv environment;

    if (environment_build(&environment, &request))
        check(&request, &environment);
    strv_free(&environment);
    input_end(&input);
    return 0;
}
