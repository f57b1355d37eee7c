#include "share/title.h"

#include "base/owned.h"

#include <bsd/unistd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words of the command line lie one behind the other, and the environment behind them, execve(2). They are looked
 * for there, since the array of pointers to them is not what it was: its order changes when options are parsed. */
void title_begin(char *argv0, char **environment)
{
    OWNED(memory_free) char **words = NULL;
    char *end = environment != NULL && environment[0] != NULL && environment[0] > argv0 ? environment[0]
                                                                                        : argv0 + strlen(argv0) + 1;
    int count = 0;

    for (const char *at = argv0; at < end; at += strlen(at) + 1)
        count++;
    words = calloc((size_t)count + 1, sizeof *words);
    if (words == NULL)
        return;
    count = 0;
    for (char *at = argv0; at < end; at += strlen(at) + 1)
        words[count++] = at;
    setproctitle_init(count, words, environment);
}

void title_set(const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    setproctitle("-%s", text);
}
