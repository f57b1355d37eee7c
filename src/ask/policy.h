/* policy.h - the site policy, pamrun.conf(5): what the administrator lets callers do, and how runs behave.
 *
 * Read whole or not at all: one wrong line, and nothing of it holds (STATUS_POLICY). Only a file that does not exist
 * means the defaults. A key is looked for in [profile NAME] of the run, then among the keys before any section, then
 * among the defaults; where files give the same key of the same section, the file read last counts. */
#pragma once

#include "ask/login_defs.h"
#include "base/error.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* policy_keys.c has a row for each. */
enum policy_key {
    POLICY_PROFILE,
    POLICY_USER_PROFILES,
    POLICY_MINIMUM_USER_ID,
    POLICY_REQUIRED_GROUPS,
    POLICY_FORWARD_PASSWORD,
    POLICY_CLOSE_ON_EXIT,
    POLICY_KILL_AFTER,
    POLICY_ENVIRONMENT_KEEP,
    POLICY_EXPIRED_PASSWORD,
    POLICY_PTY,
    POLICY_CGROUP,
    POLICY_JOB_CGROUPS,
    POLICY_PASSWORD_PROMPTS,
    POLICY_IDENTITY_MAP,
    POLICY_IDENTITY_REWRITE,
    POLICY_RUN_KEYS, /* those above are settings of a run; minimum-user-id and those below are a delegate's */
    POLICY_PROFILES = POLICY_RUN_KEYS,
    POLICY_ACCOUNTS,
    POLICY_OPTIONS,
    POLICY_COMMANDS,
    POLICY_KEYS
};

/* What policy_choice() says. */
enum policy_yes_no { POLICY_NO, POLICY_YES };
enum policy_expired { POLICY_EXPIRED_REFUSE, POLICY_EXPIRED_ALLOW };
enum policy_pty { POLICY_PTY_AUTO, POLICY_PTY_NEVER, POLICY_PTY_ALWAYS };
enum policy_cgroup { POLICY_CGROUP_AUTO, POLICY_CGROUP_KEEP, POLICY_CGROUP_FOLLOW, POLICY_CGROUP_REQUIRE };

/* What policy_number() says besides numbers. */
enum { POLICY_USER_ID_AUTO = -1, POLICY_KILL_NEVER = -1 };

struct policy_origin {
    const char *file; /* NULL: the default; made visible */
    unsigned int line;
};

struct policy_value {
    bool is_set;
    char *text;       /* of what is no list: as written */
    struct strv list; /* of a list */
    int64_t number;   /* a user id, milliseconds, the place among the words to choose from */
    struct policy_origin origin;
};

struct policy_section;

struct policy {
    struct policy_section *sections; /* the defaults, the keys before any section, then the others */
    size_t count;
    struct strv files; /* what origins point to */
};

struct policy_paths {
    const char *file, *directory;
};

/* /etc/pamrun.conf and /etc/pamrun.conf.d. */
extern const struct policy_paths policy_site_paths;

/* Read both. STATUS_POLICY, and an empty policy that answers nothing, whatever is wrong with any file. policy_free() in
 * any case. */
enum result CHECKED policy_read(struct policy *policy, const struct policy_paths *paths, struct error *error);

/* Who wants to hear of everything that is wrong. */
struct policy_listener {
    void (*hear)(void *context, const struct error *error);
    void *context;
};

/* As policy_read(), and what is wrong is told when it is found; then reading goes on, with the next setting, behind a
 * section or line that is none with the next section or file. FAILED with another status than STATUS_POLICY was not
 * told. */
enum result CHECKED policy_examine(struct policy *policy, const struct policy_paths *paths,
                                   const struct policy_listener *listener, struct error *error);

void policy_free(struct policy *policy);

/* ---- what holds for a run with that profile (NULL: for none in particular). Borrowed from the policy. ---- */

const struct policy_value *policy_value(const struct policy *policy, enum policy_key key, const char *profile);

/* NULL: none, as with "identity-map =". */
const char *policy_text(const struct policy *policy, enum policy_key key, const char *profile);
const struct strv *policy_list(const struct policy *policy, enum policy_key key, const char *profile);
int64_t policy_number(const struct policy *policy, enum policy_key key, const char *profile);
int policy_choice(const struct policy *policy, enum policy_key key, const char *profile); /* of the enums above */

/* minimum-user-id as a number: "auto" is UID_MIN of login.defs(5), 1000 where that is not set. applicant_is_root: the
 * default is 0 then. STATUS_POLICY: there is a login.defs that cannot be read. */
enum result CHECKED policy_minimum_user_id(const struct policy_value *value, bool applicant_is_root,
                                           const struct login_defs *defs, uid_t *minimum, struct error *error);

/* ---- delegates: a delegate is its section, [delegate USER] ---- */

/* NULL: that user is none. */
const struct policy_section *policy_delegate(const struct policy *policy, const char *user);

/* One after the other, NULL before the first and behind the last. */
const struct policy_section *policy_next_delegate(const struct policy *policy, const struct policy_section *before);

const char *delegate_user(const struct policy_section *delegate);

/* Its own; not set: the section does not have that key. For minimum-user-id ask policy_value() then. */
const struct policy_value *delegate_value(const struct policy_section *delegate, enum policy_key key);

/* ---- to show it ---- */

/* The sections [profile NAME], one after the other, as above. */
const struct policy_section *policy_next_profile(const struct policy *policy, const struct policy_section *before);
const char *profile_section_name(const struct policy_section *section);
const struct policy_value *profile_section_value(const struct policy_section *section, enum policy_key key);

/* "minimum-user-id". Never NULL for a key. */
const char *policy_key_word(enum policy_key key);

/* The value as it could be written in the file. As others' text it goes through text_visible() to a terminal. */
void policy_show_value(char *out, size_t size, enum policy_key key, const struct policy_value *value);

/* "default", or FILE:LINE. */
void policy_show_origin(char *out, size_t size, const struct policy_origin *origin);
