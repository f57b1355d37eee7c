/* pamdrive: a PAM application that makes the calls its arguments name, to test profiles and modules without pamrun.
 *
 *   pamdrive [--answer WORD]... [--tty NAME] SERVICE USER CALL...
 *
 * CALL: authenticate acct_mgmt setcred setcred-delete setcred-refresh open_session close_session chauthtok; env prints
 * the PAM environment; user prints PAM_USER; fork-end forks a child that ends its copy of the handle with
 * PAM_DATA_SILENT, as a program does before exec, and waits for it.  Each prints "CALL: NUMBER TEXT".  Prompts are
 * answered with the --answer words in turn (none left: PAM_CONV_ERR) and, like messages, shown on stderr.  SIGUSR1 is
 * caught and only interrupts.
 * Exit status: 0 all calls succeeded, 1 one did not, 2 usage or pam_start failed. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { ANSWERS_MAX = 16, EXIT_OURS = 2 };

struct answers {
    const char *words[ANSWERS_MAX];
    size_t count, next;
};

static const char *style_name(int style)
{
    switch (style) {
    case PAM_PROMPT_ECHO_OFF:
        return "prompt-off";
    case PAM_PROMPT_ECHO_ON:
        return "prompt-on";
    case PAM_ERROR_MSG:
        return "error";
    case PAM_TEXT_INFO:
        return "info";
    default:
        return "unknown style";
    }
}

/* pam_conv(3).  Answers are duplicates, which libpam frees. */
static int converse(int count, const struct pam_message **messages, struct pam_response **ret_responses, void *data)
{
    struct answers *answers = data;
    struct pam_response *responses;

    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    responses = calloc((size_t)count, sizeof(*responses));
    if (responses == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;

        fprintf(stderr, "%s: %s\n", style_name(style), messages[i]->msg != NULL ? messages[i]->msg : "(null)");
        if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG)
            continue;
        if (answers->next == answers->count) {
            free(responses);
            return PAM_CONV_ERR;
        }
        responses[i].resp = strdup(answers->words[answers->next++]);
    }
    *ret_responses = responses;
    return PAM_SUCCESS;
}

static int call_setcred_delete(pam_handle_t *handle, int flags)
{
    return pam_setcred(handle, flags | (int)PAM_DELETE_CRED);
}

static int call_setcred_refresh(pam_handle_t *handle, int flags)
{
    return pam_setcred(handle, flags | (int)PAM_REFRESH_CRED);
}

static int call_setcred(pam_handle_t *handle, int flags)
{
    return pam_setcred(handle, flags | (int)PAM_ESTABLISH_CRED);
}

static int call_env(pam_handle_t *handle, int flags)
{
    char **environment = pam_getenvlist(handle);

    (void)flags;
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        puts(*entry);
        free(*entry);
    }
    free(environment);
    return PAM_SUCCESS;
}

static int call_user(pam_handle_t *handle, int flags)
{
    const void *user = NULL;
    int code = pam_get_item(handle, PAM_USER, &user);

    (void)flags;
    printf("%s\n", user != NULL ? (const char *)user : "(unset)");
    return code;
}

static int call_fork_end(pam_handle_t *handle, int flags)
{
    pid_t child;
    int status = 0;

    (void)flags;
    fflush(stdout);
    child = fork();
    if (child == 0)
        _exit(pam_end(handle, PAM_SUCCESS | PAM_DATA_SILENT));
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static const struct call {
    const char *word;
    int (*run)(pam_handle_t *handle, int flags);
} call_table[] = {
    {"authenticate", pam_authenticate},
    {"acct_mgmt", pam_acct_mgmt},
    {"setcred", call_setcred},
    {"setcred-delete", call_setcred_delete},
    {"setcred-refresh", call_setcred_refresh},
    {"open_session", pam_open_session},
    {"close_session", pam_close_session},
    {"chauthtok", pam_chauthtok},
    {"env", call_env},
    {"user", call_user},
    {"fork-end", call_fork_end},
};

/* Returns the PAM code; an unknown word ends the program. */
static int call_run(pam_handle_t *handle, const char *word)
{
    for (size_t i = 0; i < COUNT_OF(call_table); i++)
        if (strcmp(word, call_table[i].word) == 0) {
            int code = call_table[i].run(handle, 0);
            printf("%s: %d %s\n", word, code, pam_strerror(handle, code));
            return code;
        }
    fprintf(stderr, "pamdrive: unknown call '%s'\n", word);
    exit(EXIT_OURS);
}

static void interrupt(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    const struct sigaction interrupting = {.sa_handler = interrupt};
    struct answers answers = {0};
    struct pam_conv conversation = {.conv = converse, .appdata_ptr = &answers};
    pam_handle_t *handle = NULL;
    const char *tty = NULL;
    bool all_succeeded = true;
    int code, at = 1;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2)
        if (strcmp(argv[at], "--answer") == 0 && answers.count < ANSWERS_MAX)
            answers.words[answers.count++] = argv[at + 1];
        else if (strcmp(argv[at], "--tty") == 0)
            tty = argv[at + 1];
        else
            break;
    if (at + 2 >= argc) {
        fprintf(stderr, "usage: pamdrive [--answer WORD]... [--tty NAME] SERVICE USER CALL...\n");
        return EXIT_OURS;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* a module may kill us: what is done by then is to be seen */
    sigaction(SIGUSR1, &interrupting, NULL);
    code = pam_start(argv[at], argv[at + 1], &conversation, &handle);
    if (code != PAM_SUCCESS) {
        fprintf(stderr, "pamdrive: pam_start: %d\n", code);
        return EXIT_OURS;
    }
    if (tty != NULL)
        (void)pam_set_item(handle, PAM_TTY, tty);
    for (at += 2; at < argc; at++) {
        code = call_run(handle, argv[at]);
        all_succeeded = all_succeeded && code == PAM_SUCCESS;
    }
    (void)pam_end(handle, code);
    return all_succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
}
