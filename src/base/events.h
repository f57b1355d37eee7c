/* events.h - what happens in a run, for programs: one JSON object a line on the descriptor of --json-status-fd.
 * An interface that stays: pamrun(8), JSON EVENTS. Written by hand: the objects are flat, and a JSON library would be
 * loaded by every run. */
#pragma once

#include "base/error.h"
#include "base/same_file.h"

#include <stddef.h>

struct events {
    int fd; /* -1: nobody asked */
    struct same_file file;
};

struct event_field {
    const char *key;  /* NULL: no field */
    const char *text; /* NULL: the number counts */
    long number;
};

#define TEXT_FIELD(key, text)     ((struct event_field){(key), (text), 0})
#define NUMBER_FIELD(key, number) ((struct event_field){(key), NULL, (number)})
#define NO_FIELD                  ((struct event_field){NULL, NULL, 0})

/* Take over descriptor fd for events. It must be open for writing and is not one of 0-2. */
enum result CHECKED events_start(struct events *events, int fd, struct error *error);

/* Write one event. Never blocks for more than a second: a reader that does not read, or is gone, gets no further
 * events, and the run goes on. */
void events_emit(struct events *events, const char *event, const struct event_field *fields, size_t count);

#define EVENT(events, event, ...)                                                                                      \
    events_emit((events), (event), (const struct event_field[]){__VA_ARGS__},                                          \
                sizeof((const struct event_field[]){__VA_ARGS__}) / sizeof(struct event_field))
