#include "ctl/said.h"

#include "ctl/json.h"

json_t *said_message(const struct conversation_event *event)
{
    json_t *message = json_object();

    (void)json_object_set_new(message, "kind", json_string(event->is_error ? "error" : "info"));
    (void)json_object_set_new(message, "text", json_text(event->text));
    return message;
}

json_t *said_prompt(const struct conversation_event *event)
{
    json_t *prompt = json_object();

    (void)json_object_set_new(prompt, "text", json_text(event->text));
    (void)json_object_set_new(prompt, "echo", json_boolean(event->echo));
    (void)json_object_set_new(prompt, "answered-by", json_text(event->by));
    if (event->by == NULL)
        (void)json_object_set_new(prompt, "why", json_text(event->why));
    return prompt;
}
