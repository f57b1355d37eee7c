/* fuzz_options.c - the command line. Input: the words behind the program's name, each with a NUL byte behind it. */
#include "ask/options.h"
#include "base/text.h"

#include "fuzz.h"

#include <string.h>

enum { WORDS_MAX = 64 };

/* What main and the plan rely on without looking. */
static void check_understood(const struct options *options, char **argv, size_t count)
{
    HOLDS(options->arguments >= argv && options->arguments <= argv + count);
    HOLDS(argv[count] == NULL);
    if (options->hold != NULL)
        HOLDS(options->arguments[0] == NULL);
    else
        HOLDS(options->form == FORM_SHELL || options->arguments[0] != NULL);
    HOLDS(options->status_fd == -1 || options->status_fd > 2);
    HOLDS(options->password_fd == -1 || options->password_fd > 2);
    HOLDS(options->answers_fd == -1 || options->answers_fd > 2);
    HOLDS(options->password_fd == -1 || options->answers_fd == -1);
    HOLDS(options->kill_after_ms >= 0 || options->kill_after_ms == KILL_NEVER || options->kill_after_ms == KILL_UNSET);
    HOLDS(!options->has_account_uid || options->account_uid != (uid_t)-1);
    for (int step = 0; step < STEP_COUNT; step++)
        HOLDS(options->deadline_ms[step] >= 0);
    for (const char **entry = options->pam_environment; entry != NULL && *entry != NULL; entry++)
        HOLDS(strchr(*entry, '=') != NULL && **entry != '=');
    HOLDS(!(options->exec && options->close_on_exit));
}

/* Options that widen what others than root may do are noted, however they were written. */
static void check_root_only(const struct options *options)
{
    bool wide = options->no_auth || options->no_account || options->no_session || options->exec
                || options->has_account_uid || options->identity != NULL || options->provision
                || options->pam_environment != NULL || options->rhost != NULL || options->group != NULL
                || options->supplementary != NULL;

    for (int step = 0; step < STEP_COUNT; step++)
        wide = wide || options->deadline_ms[step] > 0;
    HOLDS(!wide || options->root_only[0] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    char program[] = "pamrun", *argv[WORDS_MAX + 2] = {program};
    struct options options;
    struct error error;
    size_t count = 1;

    while (input.left > 0 && count <= WORDS_MAX)
        argv[count++] = input_piece(&input);
    if (options_parse(&options, (int)count, argv, &error) != OK) {
        HOLDS(error.status == STATUS_USAGE);
        HOLDS(is_harmless(error.message, false) && is_harmless(error.hint, false));
    } else if (!options.help && !options.version) {
        check_understood(&options, argv, count);
        check_root_only(&options);
    }
    options_free(&options);
    input_end(&input);
    return 0;
}
