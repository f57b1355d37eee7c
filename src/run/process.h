/* process.h - the only fork and exec: from the parent to the command. */
#pragma once

#include "ask/plan.h"
#include "base/error.h"
#include "run/cgroup.h"
#include "run/inherited.h"
#include "run/limits.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* All that the command's process needs, made ready by the parent: nothing is allocated or looked up after fork. */
struct launch {
    const struct plan *plan;
    const struct inherited *inherited;
    const struct limits *limits;
    const struct cgroups *cgroups;
    char *const *environment;
    mode_t umask;
    int terminal;       /* the command's side of a pseudo-terminal, whose session we lead; -1: none */
    bool in_foreground; /* the command is to be, there */
    int (*as_root)(
        void *); /* in the command's own process, before it becomes the account: 0, or an errno; NULL: nothing */
    void *as_root_data;
    int (*as_account)(void *); /* ... and right after that; likewise */
    void *as_account_data;
    void (*before_exec)(void *); /* called as the account, before chdir and exec; ends the copied PAM handle */
    void *before_exec_data;
};

struct child {
    pid_t pid;
    int pidfd;   /* the only way it is signalled: a number may be another process's by then */
    int problem; /* errno, when pidfd is -1 */
    int report;  /* non-blocking: struct start_failure, START_READY first when all is done but exec; then end of file */
};

/* Why the command's process did not become the command. */
struct start_failure {
    enum {
        START_ENDED,
        START_READY,
        START_CGROUP,
        START_LEASE,
        START_CONTEXT,
        START_STOPPED,
        START_IDS,
        START_SESSION,
        START_DIRECTORY,
        START_DESCRIPTORS,
        START_LIMITS,
        START_EXEC
    } what;
    int problem; /* errno; START_STOPPED: the signal */
};

/* Two processes from one, before pam_start(3): the pid of the holder in the front, 0 in the holder; below 0, and
 * errno. */
pid_t process_split(void);

/* The end of a process of ours that is not main's. */
_Noreturn void process_end(int status);

/* A process that runs `run`, all signals blocked, and is nobody's child: init reaps it. false, and errno: there is
 * none. */
bool process_detach(void (*run)(void *), void *data);

/* Start a program, arguments[0] its path, with descriptors 0 to 2 and `handed`, and with that signal mask. Its pid;
 * below 0, and errno. One that cannot be executed ends with STATUS_NOT_FOUND. */
pid_t process_program(char *const *arguments, int handed, const sigset_t *mask);

/* What came of asking a copy; but for the first, errno is set. */
enum asked {
    ASKED_ANSWERED,
    ASKED_FAILED,  /* there is none, or it said why it cannot answer */
    ASKED_ENDED,   /* by itself: it exited, or crashed */
    ASKED_KILLED,  /* ... and not by itself: nothing but SIGKILL and SIGSTOP reaches it */
    ASKED_STOPPED, /* likewise */
    ASKED_LATE
};

/* Have a copy of this process answer, who may do to itself what it likes: it writes `size` bytes at *reply, at most
 * 4096, and ends. All signals are blocked in it, as in the one that becomes the command. */
enum asked CHECKED process_ask(int (*answer)(void *data, void *reply), void *data, void *reply, size_t size,
                               int timeout_ms);

/* Fork and start. Signals must be blocked; the child gives the applicant's mask back. The child never returns. */
enum result CHECKED process_spawn(struct child *child, const struct launch *launch, struct error *error);

/* Become the command in this process. Returns only when that failed, as the account by then. */
enum result CHECKED process_exec(const struct launch *launch, struct error *error);

/* Fill the error: status 126, 127 or 71. Returns FAILED. */
enum result process_fail_start(const struct start_failure *failure, const struct plan *plan, struct error *error);

void process_close(struct child *child);
