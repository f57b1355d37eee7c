/* conversation.h - what PAM modules say and ask, pam_conv(3). Questions go to the terminal, messages to stderr; never
 * does anything of ours read standard input or write standard output: both are the command's. */
#pragma once

#include "pam/forwarded.h"

#include <security/pam_appl.h>
#include <stdbool.h>

/* Says a message, or asks, in another process: PAM's style and text; *response as pam_conv(3)'s. A PAM code. */
typedef int conversation_elsewhere(void *data, int style, const char *text, char **response);

/* What is said and asked, for somebody who looks on. */
struct conversation_event {
    enum conversation_moment {
        CONVERSATION_TOLD,    /* a message: it is the observer's to show */
        CONVERSATION_ASKS,    /* a question will be put to the terminal now */
        CONVERSATION_ANSWERED /* a question has got its answer, or none */
    } moment;
    bool is_error;    /* TOLD: PAM_ERROR_MSG, else PAM_TEXT_INFO */
    bool echo;        /* ASKS, ANSWERED: the answer is shown while it is typed */
    const char *text; /* the module's, as it came */
    const char *by;   /* ANSWERED: "forwarded", "terminal"; NULL: nobody, why says why not */
    const char *why;
};

typedef void conversation_observer(void *data, const struct conversation_event *event);

struct conversation {
    conversation_elsewhere *elsewhere; /* instead of all that is below; NULL: here */
    void *elsewhere_data;
    struct forwarded *forwarded;    /* answers instead of a person, while there are some; NULL: none */
    bool forwards;                  /* in this step */
    bool answered;                  /* a question without echo */
    int patience_ms;                /* how long a person may take to answer; 0: no limit */
    bool show_information;          /* PAM_TEXT_INFO is shown; PAM_ERROR_MSG always is */
    conversation_observer *observe; /* pamrunctl(8) check; NULL: nobody looks on */
    void *observe_data;
    char unanswered[128]; /* the last question that nobody answered, made visible; empty: none */
    char why[96];         /* why not */
};

/* One message or question of a module: its style (PAM_TEXT_INFO, ...) and text. A PAM code; *response: malloc'd, or
 * left. */
int conversation_say(struct conversation *conversation, int style, const char *text, char **response);

/* The callback: data is a struct conversation. Answers are malloc'd, for the module to wipe and free. PAM_CONV_ERR
 * when a question cannot be answered, a style is unknown, or the count is out of range: all answers are wiped. */
int conversation_talk(int count, const struct pam_message **messages, struct pam_response **responses, void *data);
