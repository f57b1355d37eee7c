/* said.h - what a module told or asked, as JSON: pamrunctl(8), JSON, has the fields. */
#pragma once

#include "pam/conversation.h"

#include <jansson.h>

/* A message: its kind and text. */
json_t *said_message(const struct conversation_event *event);

/* A question that has been answered, or not: what it was, and who answered or why nobody did. */
json_t *said_prompt(const struct conversation_event *event);
