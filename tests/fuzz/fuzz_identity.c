/* fuzz_identity.c - identities from elsewhere, the map and the rule. Input: a rule, a NUL byte, an identity, a NUL byte,
 * the map; an empty rule or map is none. As root: the map must be his. */
#include "ask/identity.h"
#include "ask/identity_map.h"
#include "base/text.h"

#include "fuzz.h"

#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    const char *rule = input_piece(&input), *identity = input_piece(&input), *problem = NULL, *path;
    char *account = NULL;
    size_t map_size;
    char *map = input_rest(&input, &map_size);
    struct error error;

    if (geteuid() != 0)
        exit(77); /* meson: skipped */
    path = map_size > 0 ? file_with("map", map, map_size) : NULL;
    if (!identity_rewrite_is_valid(rule, &problem))
        rule = NULL;
    if (identity_map(path, rule, identity, &account, &error) == OK) {
        HOLDS(account != NULL && account_name_is_valid(account));
    } else {
        HOLDS(error.status == STATUS_USAGE || error.status == STATUS_REFUSED || error.status == STATUS_POLICY);
        HOLDS(is_harmless(error.message, false) && is_harmless(error.hint, false));
    }
    free(account);
    input_end(&input);
    return 0;
}
