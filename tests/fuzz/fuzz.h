/* fuzz.h - what the fuzz targets share. A target reads bytes that anybody may have chosen as its input, calls our code with
 * them, and holds what comes out against what must always be true of it: HOLDS ends the program when it is not.
 *
 * With clang and meson's option `fuzz` a target is a libFuzzer program, which makes up inputs; without, replay.c runs it
 * over the corpus, the inputs that are kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(3): that can be compiled out. */
#define HOLDS(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The input, taken from its front. Pieces are text: copied, NUL-terminated, and freed by input_end(). */
struct input {
    const uint8_t *at;
    size_t left;
    void **pieces;
    size_t count;
};

struct input input_start(const uint8_t *data, size_t size);

/* 0 at the end. */
uint8_t input_byte(struct input *input);

/* Up to the next NUL byte, or to the end. "" at the end. */
char *input_piece(struct input *input);

/* All that is left, which may have NUL bytes in it. */
char *input_rest(struct input *input, size_t *size);

/* Pieces up to an empty one, at most count, as a NULL-terminated array. */
char **input_pieces(struct input *input, size_t most);

void input_end(struct input *input);

/* A file of root's in memory, new or written anew, in a folder of this process alone; it goes with the process. NULL as
 * text: it is removed. The path is valid until the process ends. */
const char *file_with(const char *name, const char *text, size_t size);
const char *file_folder(void);

/* Well-formed UTF-8, nothing that a terminal obeys but new lines and tabs where lines are kept. */
bool is_harmless(const char *text, bool lines_kept);

/* One value of JSON, and nothing behind it. */
bool is_json(const char *text);
