/* fuzz_policy.c - the site policy: three files, read and merged. Input: pamrun.conf, a NUL byte, a file of pamrun.conf.d,
 * a NUL byte, another one; an empty one is not there. As root: the files must be his. */
#include "ask/policy.h"
#include "ask/settings.h"
#include "base/text.h"
#include "ctl/policy_text.h"

#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *name, const char *text)
{
    (void)file_with(name, *text != '\0' ? text : NULL, strlen(text));
}

/* The policy as pamrunctl shows it. malloc'd. */
static char *shown(const struct policy *policy)
{
    struct login_defs defs = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    HOLDS(stream != NULL);
    policy_text_write(stream, policy, &defs);
    HOLDS(fclose(stream) == 0);
    return text;
}

/* Without comments, which say where it came from. In place. */
static void drop_comments(char *text)
{
    char *out = text, *line = text;

    while (*line != '\0') {
        size_t length = strcspn(line, "\n") + 1;

        if (*line != '#' && *line != '\n') {
            memmove(out, line, length);
            out += length;
        }
        line += length;
    }
    *out = '\0';
}

/* A word of a hundred backslashes that begins with ';' can be read without quotation marks, right behind a '=', but is
 * shown in them, with twice as many. Nobody has that. */
static bool has_backslashes_beyond_a_line(const char *text)
{
    for (size_t length; *text != '\0'; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        if (length > SETTINGS_LINE_MAX && memmem(text, length, "\\\\", 2) != NULL)
            return true;
    }
    return false;
}

/* What is shown is a policy, and means the same. Not where it was cut for want of room. */
static void check_shown(const struct policy *policy, const struct policy_paths *paths)
{
    struct policy again;
    struct error error;
    char *text = shown(policy), *text_again;

    HOLDS(is_harmless(text, true));
    if (strstr(text, "...") == NULL && !has_backslashes_beyond_a_line(text)) {
        write_file("pamrun.conf", text);
        write_file("d/a.conf", "");
        write_file("d/b.conf", "");
        HOLDS(policy_read(&again, paths, &error) == OK);
        text_again = shown(&again);
        drop_comments(text);
        drop_comments(text_again);
        HOLDS(strcmp(text, text_again) == 0);
        policy_free(&again);
        free(text_again);
    }
    free(text);
}

static void check_values(const struct policy *policy)
{
    HOLDS(policy_text(policy, POLICY_PROFILE, NULL) != NULL);
    HOLDS(policy_number(policy, POLICY_KILL_AFTER, NULL) >= POLICY_KILL_NEVER);
    HOLDS(policy_choice(policy, POLICY_CGROUP, NULL) >= POLICY_CGROUP_AUTO
          && policy_choice(policy, POLICY_CGROUP, NULL) <= POLICY_CGROUP_REQUIRE);
    for (const struct policy_section *at = policy_next_delegate(policy, NULL); at != NULL;
         at = policy_next_delegate(policy, at))
        HOLDS(policy_delegate(policy, delegate_user(at)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char file[128], directory[128];
    struct policy_paths paths = {file, directory};
    struct input input = input_start(data, size);
    struct policy policy;
    struct error error;

    if (geteuid() != 0)
        exit(77); /* meson: skipped */
    if (file[0] == '\0') {
        (void)snprintf(file, sizeof file, "%s/pamrun.conf", file_folder());
        (void)snprintf(directory, sizeof directory, "%s/d", file_folder());
        HOLDS(mkdir(directory, 0755) == 0);
    }
    write_file("pamrun.conf", input_piece(&input));
    write_file("d/a.conf", input_piece(&input));
    write_file("d/b.conf", input_piece(&input));
    if (policy_read(&policy, &paths, &error) == OK) {
        check_values(&policy);
        check_shown(&policy, &paths);
    } else {
        HOLDS(error.status == STATUS_POLICY && is_harmless(error.message, false) && is_harmless(error.hint, false));
        HOLDS(policy_text(&policy, POLICY_PROFILE, NULL) == NULL); /* nothing of it holds */
    }
    policy_free(&policy);
    input_end(&input);
    return 0;
}
