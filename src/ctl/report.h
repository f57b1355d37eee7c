/* report.h - the result of a trial for people: on a terminal with colours and marks, elsewhere plain ASCII. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct report_style {
    bool colours; /* a terminal that knows them, and no NO_COLOR (no-color.org) */
    bool marks;   /* a terminal, and a locale of UTF-8: check mark, cross, dash */
};

enum report_mark { REPORT_OK, REPORT_FAILED, REPORT_NOT_RUN };

/* For that stream. */
struct report_style report_style_of(FILE *out);

/* For report_coloured(). */
#define COLOUR_GREEN "\033[32m"
#define COLOUR_RED   "\033[31m"
#define COLOUR_DIM   "\033[2m"
#define COLOUR_BOLD  "\033[1m"

/* The text, in that colour where there are any; "" is no colour. */
void report_coloured(FILE *out, const struct report_style *style, const char *colour, const char *text);

/* "profile su, account alice (uid 1000), called by root" */
void report_facts(FILE *out, const struct report_style *style, const json_t *result);

/* One operation: a line, and lines below it for what was asked, said and changed. */
void report_operation(FILE *out, const struct report_style *style, const json_t *operation);

/* A line below another one: "     WORD: TEXT"; REPORT_FAILED: in the colour of it. */
void report_remark(FILE *out, const struct report_style *style, enum report_mark mark, const char *word,
                   const char *text);

/* Why it failed, if it did. */
void report_failure(FILE *out, const struct report_style *style, const json_t *result);

/* "hint: TEXT", for each advice of the result. */
void report_advice(FILE *out, const struct report_style *style, const json_t *result);
