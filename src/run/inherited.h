/* inherited.h - what execve(2) handed us from the applicant: taken stock of and put right before anything else runs,
 * because modules and their helpers inherit it; given back to the command right before exec. */
#pragma once

#include "base/error.h"
#include "base/same_file.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>

struct inherited {
    char **environment; /* the applicant's; the modules' is a clean one */
    sigset_t blocked, ignored;
    /* for SIGPIPE and SIGXFSZ, which are caught from the first moment on: what stderr is may be gone, or full */
    struct sigaction pipe_action, size_action;
    mode_t umask;
    bool taken;                   /* by inherited_take() */
    struct same_file standard[3]; /* copies of descriptors 0-2: a module may close or replace them */
    struct same_file directory;   /* the working directory, O_PATH; fd -1: it cannot be opened */
    struct same_file *files;      /* descriptors above 2, for the command */
    size_t file_count;
};

/* First of all, before anything is printed, opened or looked up: descriptors 0-2 are open, environment and umask are
 * clean ones. false: /dev/null cannot be opened. */
bool inherited_start(struct inherited *inherited);

/* The rest, for who calls modules: descriptors above 2 close-on-exec, signals default and not blocked, no timer, the
 * working directory is "/". taken: descriptors that are ours and not the command's (--json-status-fd ...), -1 where
 * there is none; nor are those the command's that are close-on-exec: they did not come by exec. */
enum result CHECKED inherited_take(struct inherited *inherited, const int *taken, size_t count, struct error *error);

/* After a module ran: descriptors 0-2 and the working directory as they were for us. */
bool inherited_restore(const struct inherited *inherited, struct error *error, enum step step);

/* Around open_session, to tell a umask that a module set, pam_umask(8), from one that was left alone: mark before;
 * after it, find the command's (the module's, else the applicant's). */
void inherited_umask_mark(const struct inherited *inherited);
mode_t inherited_umask_find(const struct inherited *inherited);

/* The three interval timers: they survive exec, and modules leave them running (alarm(2)). */
void inherited_stop_timers(void);

/* In a process that is not the applicant's any more: nothing of his is open, and descriptors 0-2 are /dev/null. false,
 * and errno. */
bool inherited_detach(struct inherited *inherited);

/* In the process that will be the command: signals, umask and descriptors as they came; all other descriptors above 2
 * are closed by exec. No memory is allocated. false: they would not be. Where they were not taken they are still
 * there. */
bool inherited_give_back(const struct inherited *inherited, mode_t umask_now);

/* While all signals are blocked: one that asks to stop, and waits, unless the applicant ignores or blocks it; 0: none. */
int inherited_waiting_stop(const struct inherited *inherited);

/* In a process that only has to become the command, and that nobody waits for: what asks to stop ends it from here on,
 * unless the applicant ignores or blocks it. Where nothing was taken it does so already. */
void inherited_let_stops_end(const struct inherited *inherited);

/* Would the signal end the command as it starts? Not one that the applicant ignores, nohup(1), or blocks. */
bool inherited_lets_end(const struct inherited *inherited, int number);

void inherited_free(struct inherited *inherited);
