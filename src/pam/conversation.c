#include "pam/conversation.h"

#include "base/log.h"
#include "base/text.h"
#include "pam/terminal.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT_BYTES = PAM_MAX_MSG_SIZE * 4 };

static void responses_wipe(struct pam_response *responses, int count)
{
    for (int at = 0; at < count; at++)
        if (responses[at].resp != NULL) {
            explicit_bzero(responses[at].resp, PAM_MAX_RESP_SIZE);
            free(responses[at].resp);
        }
    free(responses);
}

static int fail_prompt(struct conversation *conversation, const char *prompt, const char *why)
{
    (void)text_visible(conversation->unanswered, sizeof conversation->unanswered, prompt, TEXT_ONE_LINE);
    (void)strlcpy(conversation->why, why, sizeof conversation->why);
    return PAM_CONV_ERR;
}

static void observe(const struct conversation *conversation, struct conversation_event event)
{
    if (conversation->observe != NULL)
        conversation->observe(conversation->observe_data, &event);
}

/* Never the terminal instead: a wrong password is not to become a question. */
static int answer_forwarded(struct conversation *conversation, const char *prompt, bool echo, char **response)
{
    const char *why = "what was forwarded is not given to a prompt with echo";

    if (!echo)
        *response = forwarded_answer(conversation->forwarded, prompt, &why);
    conversation->answered = conversation->answered || *response != NULL;
    return *response != NULL ? PAM_SUCCESS : fail_prompt(conversation, prompt, why);
}

static const char *why_no_answer(int problem)
{
    switch (problem) {
    case ENXIO:
    case ENOTTY:
    case ENOENT:
        return "there is no terminal to ask on";
    case ETIMEDOUT:
        return "nobody answered in time, and others wait for this session";
    default:
        return strerror(problem);
    }
}

static int ask(struct conversation *conversation, const char *prompt, bool echo, char **response)
{
    char visible[PROMPT_BYTES], *answer;

    if (conversation->forwards)
        return answer_forwarded(conversation, prompt, echo, response);
    answer = malloc(PAM_MAX_RESP_SIZE);
    if (answer == NULL)
        return PAM_BUF_ERR;
    (void)text_visible(visible, sizeof visible, prompt, TEXT_MANY_LINES);
    observe(conversation, (struct conversation_event){.moment = CONVERSATION_ASKS, .echo = echo, .text = prompt});
    if (!terminal_ask(visible, echo, answer, PAM_MAX_RESP_SIZE,
                      conversation->patience_ms > 0 ? conversation->patience_ms : -1)) {
        int problem = errno;

        free(answer);
        return fail_prompt(conversation, prompt, why_no_answer(problem));
    }
    conversation->answered = conversation->answered || !echo;
    *response = answer;
    return PAM_SUCCESS;
}

static int ask_observed(struct conversation *conversation, const char *prompt, bool echo, char **response)
{
    int code = ask(conversation, prompt, echo, response);
    const char *answered = conversation->forwards ? "forwarded" : "terminal";

    observe(conversation, (struct conversation_event){.moment = CONVERSATION_ANSWERED,
                                                      .echo = echo,
                                                      .text = prompt,
                                                      .by = code == PAM_SUCCESS ? answered : NULL,
                                                      .why = code == PAM_SUCCESS ? NULL : conversation->why});
    return code;
}

static int tell(const struct conversation *conversation, const char *text, bool is_error)
{
    if (conversation->observe != NULL)
        observe(conversation,
                (struct conversation_event){.moment = CONVERSATION_TOLD, .is_error = is_error, .text = text});
    else if (is_error || conversation->show_information)
        log_say_module(text);
    return PAM_SUCCESS;
}

int conversation_say(struct conversation *conversation, int style, const char *text, char **response)
{
    if (conversation->elsewhere != NULL)
        return conversation->elsewhere(conversation->elsewhere_data, style, text, response);
    switch (style) {
    case PAM_PROMPT_ECHO_OFF:
        return ask_observed(conversation, text, false, response);
    case PAM_PROMPT_ECHO_ON:
        return ask_observed(conversation, text, true, response);
    case PAM_ERROR_MSG:
        return tell(conversation, text, true);
    case PAM_TEXT_INFO:
        return tell(conversation, text, false);
    default:
        return PAM_CONV_ERR;
    }
}

int conversation_talk(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    struct pam_response *answers;
    int code = PAM_SUCCESS;

    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    answers = calloc((size_t)count, sizeof *answers);
    if (answers == NULL)
        return PAM_BUF_ERR;
    for (int at = 0; at < count && code == PAM_SUCCESS; at++)
        code = messages[at] != NULL ? conversation_say(
                   data, messages[at]->msg_style, messages[at]->msg != NULL ? messages[at]->msg : "", &answers[at].resp)
                                    : PAM_CONV_ERR;
    if (code != PAM_SUCCESS) {
        responses_wipe(answers, count);
        return code;
    }
    *responses = answers;
    return PAM_SUCCESS;
}
