/* clock.h - time that never jumps, CLOCK_MONOTONIC. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Microseconds since some time in the past. Async-signal-safe. */
static inline int64_t clock_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Milliseconds since that time. Async-signal-safe. */
static inline int64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}
