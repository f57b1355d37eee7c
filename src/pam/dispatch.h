/* dispatch.h - how libpam gets from the answers of modules to its own: which lines it comes to, what their controls
 * make of the answers, and which of them decides. The rules are those of its pam_dispatch.c; nothing is called here. */
#pragma once

#include "pam/profile_line.h"

#include <stdbool.h>
#include <stddef.h>

enum { NO_CODE = -1, NO_LINE = -1 };

enum dispatch_kind {
    DISPATCH_MODULE,
    DISPATCH_SUBSTACK, /* nothing by itself; jumps count it */
    DISPATCH_MISSING,  /* a module that cannot be loaded: answers PAM_MODULE_UNKNOWN */
    DISPATCH_REFUSAL   /* answers PAM_PERM_DENIED without a module */
};

enum dispatch_fate {
    DISPATCH_NOT_REACHED, /* nothing is known: a module before it did not return */
    DISPATCH_CALLED,
    DISPATCH_PASSED, /* a substack that was come to */
    DISPATCH_JUMPED, /* a jump led over it */
    DISPATCH_ENDED   /* the stack had ended before it: done, die */
};

/* One line of libpam's list for a function. */
struct dispatch_line {
    enum dispatch_kind kind;
    unsigned level; /* of substacks */
    const int *actions;
    int frozen; /* the answer that controls are asked about, where an earlier function has settled it; NO_CODE: none. Set
                   by a walk that settles it. */
    /* Results. */
    enum dispatch_fate fate;
    int code;   /* what was answered; NO_CODE: nothing was */
    int action; /* what the control made of it, enum control_action */
    int by;     /* JUMPED, ENDED: the line that led to it */
};

struct dispatch_rules {
    bool frozen;         /* pam_setcred(3), pam_close_session(3): go the way of the function before */
    bool jump_counts_ok; /* a jump on such a way counts as ok: libpam as it came, Debian's ignores it */
    /* The answer of the module of that line. false: it was not called, or did not return. */
    bool (*answer)(void *data, size_t line, int *code);
    void *data;
};

/* Walk the list. The function's answer, NO_CODE when a module did not answer. *decided_by: the line whose answer that
 * is; NO_LINE: of none, as no module said yes. */
int dispatch_walk(struct dispatch_line *lines, size_t count, const struct dispatch_rules *rules, int *decided_by);
