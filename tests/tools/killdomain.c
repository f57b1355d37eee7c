/* killdomain: a process that leaves what would end its caller, as the keeper of a shared session does.
 *
 *   killdomain leave NAME     leave; print "scope|cgroup|none|stayed WHERE"; wait for SIGTERM, and print "told to end"
 *   killdomain clean          remove the control groups that such processes have left behind
 *
 * As root; NAME as kill_domain.h has it. The process leads a session of its own, and has its pid as first line. */
#include "share/kill_domain.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {
    [KILL_DOMAIN_SCOPE] = "scope",
    [KILL_DOMAIN_CGROUP] = "cgroup",
    [KILL_DOMAIN_NONE] = "none",
    [KILL_DOMAIN_STAYED] = "stayed",
};

static int leave(const char *name)
{
    enum kill_domain outcome;
    char where[600];
    sigset_t term;
    int number;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);
    (void)setsid();
    (void)printf("%d\n", (int)getpid());
    (void)fflush(stdout);
    outcome = kill_domain_leave(name, where, sizeof where);
    (void)printf("%s %s\n", words[outcome], where);
    (void)fflush(stdout);
    (void)sigwait(&term, &number);
    (void)puts("told to end");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "leave") == 0)
        return leave(argv[2]);
    if (argc != 2 || strcmp(argv[1], "clean") != 0)
        return 64;
    kill_domain_clean();
    return 0;
}
