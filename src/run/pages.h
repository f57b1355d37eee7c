/* pages.h - page faults taken together, or while nobody waits. They are a good part of a run's time, the more so in
 * virtual machines, and each alone costs several times its share of a call for many. All of it is advice, madvise(2):
 * where the kernel cannot follow it (before Linux 5.14), the faults come one by one, as ever. */
#pragma once

/* Before modules run: the first pages of heap and stack, which every run comes to use. */
void pages_prepare(void);

/* After fork(2), in both processes: copies of their own of the heap's used part, which pam_end(3) will write to. */
void pages_copy_heap(void);

/* In a process that waits, maybe for days: give back the stack that modules have used, below the caller's. */
void pages_release_stack(void);

/* In a process that will only wait: give back the pages of programs and libraries, or its exit would do it, and its
 * caller wait for that. They come back when they are used. */
void pages_release_text(void);
