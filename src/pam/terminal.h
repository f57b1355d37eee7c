/* terminal.h - the applicant's terminal: its name, and a question asked on it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The terminal that standard input, output or error is, "/dev/pts/3": verified by ttyname_r(3), never taken from a
 * variable. false, and an empty name: none is one. */
bool terminal_name(char *name, size_t size);

/* Is there a terminal to ask on? The controlling one, /dev/tty. */
bool terminal_is_there(void);

/* Ask there and read one line into answer (size bytes), without echo unless told so. Typed-ahead input is thrown away;
 * the terminal's mode is put back whatever happens, also while ^Z stops us. false, and errno: no terminal, a signal,
 * the end of input (ENODATA: it is no empty answer), no answer within timeout_ms (ETIMEDOUT; below 0: no limit), or
 * more than size-1 bytes (E2BIG: it is never cut); nothing of the answer is left then. Not readpassphrase(3): that
 * answers the end of input with an empty password, and a signal that comes between its prompt and its read waits for
 * the next key. */
bool terminal_ask(const char *prompt, bool echo, char *answer, size_t size, int timeout_ms);
