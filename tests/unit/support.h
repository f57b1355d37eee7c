/* support.h - what the unit tests share: tables of cases as cmocka tests, bodies run in a process of their own, and
 * files in a folder of their own. Include it behind the headers under test: cmocka's fail() is a macro. */
#pragma once

#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <sys/types.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- suites: plain tests, and one test a row of a table ---- */

enum { SUITE_MAX = 1024 };

struct suite {
    struct CMUnitTest tests[SUITE_MAX]; /* cmocka passes over the rows without a name */
    size_t count;
};

void suite_add(struct suite *suite, const struct CMUnitTest *tests, size_t count);

/* For files that must be root's: who is not root is told so as TAP has it, and nothing is tested. */
bool suite_needs_root(void);

/* A row's first member is its sentence (const char *), which names the test; the row is the test's *state. */
void suite_add_rows(struct suite *suite, CMUnitTestFunction test, const void *rows, size_t count, size_t size);

#define ADD_TESTS(suite, tests)      suite_add((suite), (tests), COUNT(tests))
#define ADD_ROWS(suite, test, table) suite_add_rows((suite), (test), (table), COUNT(table), sizeof *(table))

/* ---- a process of its own: bodies use no cmocka, they return an exit status and print what is to be compared ---- */

struct ran {
    int status; /* exit status, 128 + signal, -1: it had to be killed when the time was over */
    long took_ms;
    char output[16384]; /* standard output */
    char errors[16384]; /* standard error */
};

typedef int task(const void *data);

/* Fork; in the child standard input is /dev/null and the others are pipes, signals are as after a login; then body. */
void run(struct ran *ran, task *body, const void *data, int limit_ms);

/* A body on a terminal of its own: a new session whose controlling terminal, and nothing else, is a pseudo-terminal.
 * For a body of run(): prints on standard output what the inner body printed there, then '|' and the screen. */
struct terminal {
    task *body;
    const void *data;
    const char *ahead;      /* typed before anything is asked; may be NULL */
    const char *answers[4]; /* each typed when the screen ends in ": " again */
};

int on_terminal(const void *terminal);

/* Milliseconds on the monotonic clock. */
long now_ms(void);

/* Sleep so long, whatever signal comes. */
void pause_ms(long milliseconds);

/* ---- text ---- */

size_t lines_of(const char *text);

/* Nothing in it that a terminal obeys: UTF-8 without C0 (but new lines and tabs, when lines are kept), DEL, C1. */
bool text_is_harmless(const char *text, bool lines_kept);

/* FAILED with that status and step; a message of one harmless line. */
void assert_failed(enum result result, const struct error *error, int status, enum step step);

/* ---- files ---- */

struct folder {
    char path[64];
};

void folder_make(struct folder *folder);
void folder_remove(struct folder *folder);

/* The path of a file in it, valid until the next call. */
const char *folder_path(const struct folder *folder, const char *name);

/* Write a file with these rights, last changed long ago; its path. */
const char *folder_write(const struct folder *folder, const char *name, const char *text, mode_t mode);

/* Remove a file, if it is there. */
void folder_forget(const struct folder *folder, const char *name);
