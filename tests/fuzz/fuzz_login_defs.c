/* fuzz_login_defs.c - login.defs(5), as it is and over what was read before. Input: the first file, a NUL byte, the other. */
#include "ask/login_defs.h"

#include "fuzz.h"

#include <string.h>

static void read_text(struct login_defs *defs, const char *text, size_t size)
{
    login_defs_read(defs, file_with("login.defs", text, size));
    HOLDS(!defs->is_incomplete || size > 0);
    HOLDS(defs->path == NULL || strncmp(defs->path, "PATH=", 5) != 0 || strstr(text, "PATH=PATH=") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    struct login_defs defs = {0};
    char *text = input_piece(&input);
    size_t rest;

    read_text(&defs, text, strlen(text));
    text = input_rest(&input, &rest);
    login_defs_read(&defs, file_with("login.defs", text, rest));
    login_defs_free(&defs);
    HOLDS(defs.path == NULL && defs.path_root == NULL);
    input_end(&input);
    return 0;
}
