/* pamrunctl - what a site's policy, profiles and sessions are, pamrunctl(8): pamrunctl VERB [options] [operands]. Never setuid: it
 * does what its caller's own rights allow. The only file that reports its failures and ends the program. */
#include "base/error.h"
#include "base/log.h"
#include "base/owned.h"
#include "base/text.h"
#include "ctl/check.h"
#include "ctl/close.h"
#include "ctl/config.h"
#include "ctl/env.h"
#include "ctl/list.h"
#include "ctl/open.h"
#include "ctl/profiles.h"
#include "ctl/recover.h"
#include "ctl/refresh.h"
#include "ctl/trace.h"
#include "ctl/verb.h"
#include "ctl/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct verb *const verbs[] = {&verb_check,   &verb_close, &verb_config,   &verb_env,
                                           &verb_list,    &verb_open,  &verb_profiles, &verb_recover,
                                           &verb_refresh, &verb_trace, &verb_wait};

enum { VERBS = sizeof verbs / sizeof *verbs };

static void print_help(FILE *out)
{
    (void)fputs("Usage: pamrunctl VERB [options]\n"
                "\n"
                "Shared sessions of pamrun, its site policy, and what the PAM modules of a profile do.\n"
                "\n"
                "Verbs:\n",
                out);
    for (size_t at = 0; at < VERBS; at++)
        (void)fprintf(out, "     %-24s %s\n", verbs[at]->name, verbs[at]->summary);
    (void)fputs("\n"
                "Options:\n"
                " -h, --help                   print this and exit\n"
                " -V, --version                print the version and exit\n"
                "\n"
                "pamrunctl VERB --help has the verb's options.\n"
                "More: man 8 pamrunctl; the site policy: man 5 pamrun.conf\n",
                out);
}

static enum result usage(const char *word, const char *problem, struct error *error)
{
    char shown[80];

    (void)text_visible(shown, sizeof shown, word, TEXT_ONE_LINE);
    (void)fail(error, STEP_OPTIONS, STATUS_USAGE, "%s: %s", shown, problem);
    return fail_hint(error, "pamrunctl --help, or man 8 pamrunctl");
}

static enum result run_verb(const struct verb *verb, char **words, int *status, struct error *error)
{
    OWNED(memory_free) void *request = calloc(1, verb->request_size);
    char **operands;
    bool help;

    if (request == NULL)
        return fail_memory(error, STEP_START);
    if (verb_parse(verb, words, request, &operands, &help, error) != OK)
        return FAILED;
    if (!help)
        return verb->run(request, operands, status, error);
    verb_print_help(verb, stdout);
    return OK;
}

static enum result run_words(char **words, int *status, struct error *error)
{
    if (*words == NULL)
        return usage("no verb was given", "what is to be done?", error);
    for (size_t at = 0; at < VERBS; at++)
        if (strcmp(*words, verbs[at]->name) == 0)
            return run_verb(verbs[at], words + 1, status, error);
    if (strcmp(*words, "--help") == 0 || strcmp(*words, "-h") == 0)
        print_help(stdout);
    else if (strcmp(*words, "--version") == 0 || strcmp(*words, "-V") == 0)
        (void)puts("pamrunctl " PAMRUN_VERSION);
    else
        return usage(*words, **words == '-' ? "no such option" : "no such verb", error);
    return OK;
}

/* What was printed has to arrive: a script takes an empty answer for one. */
static enum result check_output(struct error *error)
{
    bool had_failed = ferror(stdout) != 0;

    errno = 0;
    if (fflush(stdout) == 0 && !had_failed)
        return OK;
    return fail(error, STEP_END, STATUS_SYSTEM, "standard output: %s",
                errno != 0 ? strerror(errno) : "something could not be written");
}

/* slurmd closes standard input and error of a TaskProlog: what we open must not be written to as if it were that. That
 * standard output is closed stays an error, of who writes to it. */
static bool open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    struct error error = {0};
    int status = EXIT_SUCCESS;

    if (argc < 1 || argv[0] == NULL || !open_standard())
        return STATUS_SYSTEM;
    log_set_program("pamrunctl");
    if (run_words(argv + 1, &status, &error) != OK) {
        (void)fflush(stdout);
        log_say("%s", error.message);
        if (error.hint[0] != '\0')
            log_hint(error.hint);
        return error.status;
    }
    if (check_output(&error) == OK)
        return status;
    log_say("%s", error.message);
    return error.status;
}
