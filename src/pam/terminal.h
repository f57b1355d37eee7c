/* terminal.h - the applicant's terminal: its name, and a question asked on it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The terminal that standard input, output or error is, "/dev/pts/3": verified by ttyname_r(3), never taken from a
 * variable. false, and an empty name: none is one. */
bool terminal_name(char *name, size_t size);

/* Is there a terminal to ask on? The controlling one, /dev/tty. */
bool terminal_is_there(void);

/* Ask there and read one line, without echo unless told so; typed-ahead input is thrown away, the terminal's mode is
 * put back whatever happens (readpassphrase(3)). answer: size bytes. false: no terminal, a signal, or more than
 * size-1 bytes (never cut); the buffer is wiped then. */
bool terminal_ask(const char *prompt, bool echo, char *answer, size_t size);
