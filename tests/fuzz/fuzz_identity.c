/* fuzz_identity.c - identities from elsewhere, the map and the rule. Input: a rule, a NUL byte, an identity, a NUL byte,
 * the map; an empty rule or map is none. As root: the map must be his. */
#include "ask/identity.h"
#include "ask/identity_map.h"
#include "base/text.h"

#include "fuzz.h"

#include <string.h>
#include <unistd.h>

/* Repetitions of repetitions and back references are what regcomp(3) takes any time and memory for; the rule is the
 * administrator's own, so that is his to avoid, and nothing to find here. */
static bool is_tame(const char *rule)
{
    size_t repeated = 0, braces = 0;

    for (const char *at = rule; *at != '\0'; at++) {
        repeated += *at == '*' || *at == '+' || *at == '?';
        braces += *at == '{' || (*at == '\\' && at[1] >= '0' && at[1] <= '9');
    }
    return strlen(rule) <= 80 && repeated <= 4 && braces == 0;
}

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
    if (!is_tame(rule) || !identity_rewrite_is_valid(rule, &problem))
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
