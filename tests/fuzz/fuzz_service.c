/* fuzz_service.c - a profile and a file that it may include, pam.d(5). Input: the name, a NUL byte, the profile, a NUL byte,
 * the other file, "inner". As root: the files must be his. */
#include "base/text.h"
#include "pam/service.h"

#include "fuzz.h"

#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    const char *name = input_piece(&input), *profile = input_piece(&input), *directories[] = {file_folder(), NULL};
    char *inner;
    size_t inner_size;
    struct error error;

    if (geteuid() != 0)
        exit(77); /* meson: skipped */
    inner = input_rest(&input, &inner_size);
    HOLDS(!service_name_is_valid(name)
          || (strchr(name, '/') == NULL && *name != '.' && strlen(name) <= SERVICE_NAME_MAX));
    (void)file_with("profile", profile, strlen(profile));
    (void)file_with("inner", inner, inner_size);
    for (int needed = 0; needed < 8; needed++) {
        struct facilities facilities = {(needed & 1) != 0, (needed & 2) != 0, (needed & 4) != 0};

        if (service_check("profile", directories, facilities, &error) == OK)
            continue;
        HOLDS(error.status == STATUS_UNAVAILABLE);
    }
    if (service_check(name, directories, (struct facilities){true, true, true}, &error) != OK)
        HOLDS(error.status == STATUS_USAGE || error.status == STATUS_UNAVAILABLE);
    HOLDS(!service_exists("nowhere", directories));
    input_end(&input);
    return 0;
}
