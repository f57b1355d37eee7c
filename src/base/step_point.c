#include "base/step_point.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

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
