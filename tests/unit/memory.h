/* memory.h - memory that comes to an end: for tests that are linked with -Wl,--wrap for these functions. */
#pragma once

#include <stdbool.h>

/* How many more allocations of the library succeed; below 0: all. */
extern long memory_left;

/* Then only one fails. */
extern bool memory_comes_back;
