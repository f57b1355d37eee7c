/* step_point.h - the moments of a run with two processes, named, for tests that kill or stop the front at each of them.
 * Nothing of it is compiled unless meson's option step_points is set, which no installed program is built with. */
#pragma once

#ifdef PAMRUN_STEP_POINTS

#include <sys/types.h>

/* From here on, in this process, step points act on the process `front`. */
void step_points_start(pid_t front);

/* When /run/pamrun-step-point holds "NAME SIGNAL" (both words, a number), send SIGNAL to the front. */
void step_point(const char *name);

/* The same for a process that ends or stops itself: /run/pamrun-step-point-here holds "NAME SIGNAL", and is removed, or
 * "* SIGNAL N": at one of N steps, by chance. */
void step_point_here(const char *name);

#else

#define step_points_start(front) ((void)0)
#define step_point(name)         ((void)0)
#define step_point_here(name)    ((void)0)

#endif
