#include "base/step_point.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pid_t front_pid;

void step_points_start(pid_t front)
{
    front_pid = front;
}

void step_point(const char *name)
{
    FILE *file = front_pid > 0 ? fopen("/run/pamrun-step-point", "re") : NULL;
    char wanted[64];
    int number;

    if (file == NULL)
        return;
    if (fscanf(file, "%63s %d", wanted, &number) == 2 && strcmp(wanted, name) == 0)
        (void)kill(front_pid, number);
    (void)fclose(file);
}

/* Once, at the step of that name; or at any of them, by chance, for as long as the file is there. */
void step_point_here(const char *name)
{
    static const char path[] = "/run/pamrun-step-point-here";
    FILE *file = fopen(path, "re");
    char wanted[64];
    int number, one_of = 0;
    bool is_meant;

    if (file == NULL)
        return;
    is_meant = fscanf(file, "%63s %d %d", wanted, &number, &one_of) >= 2
               && (one_of > 0 ? arc4random_uniform((uint32_t)one_of) == 0 : strcmp(wanted, name) == 0);
    (void)fclose(file);
    if (is_meant && (one_of > 0 || unlink(path) == 0))
        (void)kill(getpid(), number);
}
