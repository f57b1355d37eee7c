/* profile_line.h - a line of a PAM profile as libpam puts it together and cuts it into words, pam.d(5): byte for byte,
 * as a line that is read otherwise is another policy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_CODES = 32 }; /* PAM return codes are below */

/* What a control makes of a return code; above 0: so many lines are jumped over. libpam's own numbers. */
enum control_action {
    ACTION_IGNORE = 0,
    ACTION_OK = -1,
    ACTION_DONE = -2,
    ACTION_BAD = -3,
    ACTION_DIE = -4,
    ACTION_RESET = -5,
};

/* As they are written, by minus the action. */
enum { ACTION_WORDS = 6 };
extern const char *const profile_action_words[ACTION_WORDS];

/* A profile's text while it is read. */
struct profile_reader {
    const char *at;  /* what is left of the text */
    unsigned number; /* of the line there, from 1 */
    size_t room;     /* dialect.h: libpam's buffer for a line; 0: as long as need be */
    char *line;      /* room for the longest line of the text, its end included */
};

enum profile_line {
    PROFILE_LINE,    /* a line was read */
    PROFILE_END,     /* there is none */
    PROFILE_CUT_OFF, /* the text ends in a line that would go on, or the line has no room: libpam gives the file up */
};

/* Read the next line that is not empty into reader->line. *number: of the line in the file where it begins. */
enum profile_line profile_next_line(struct profile_reader *reader, unsigned *number);

/* The next word of the line, cut out in place: between blanks, or in brackets, which go. *raw: where it begins, its
 * bracket included; *rest: moved behind it, NULL when nothing is left. NULL: there is no word. */
char *profile_next_word(char **rest, char **raw);

/* What the control does with each code, of enum control_action. false: libpam does not understand it, and takes
 * every code for bad. "include" and "substack" are no controls. */
bool profile_control(const char *control, int actions[static CONTROL_CODES]);
