/* fuzz_cgroup.c - /proc/PID/cgroup before and after, and lines of mountinfo. Users choose names of groups. Input: the one
 * text, a NUL byte, the other, a NUL byte, mountinfo, a NUL byte, patterns of job-cgroups. */
#include "run/cgroup.h"

#include "fuzz.h"

#include <string.h>

static void check_place(const struct cgroup_place *place)
{
    HOLDS(place->path_length > 0 && place->path[0] == '/');
    HOLDS(memchr(place->path, '\n', place->path_length) == NULL);
    HOLDS(memchr(place->controllers, ':', place->controllers_length) == NULL);
}

/* Whatever mountinfo says, what is found is a cgroup.procs. */
static void check_mounts(char *mounts, const struct cgroup_place *place)
{
    static const char name[] = "/cgroup.procs";
    struct cgroup_file file;

    for (char *line = strtok(mounts, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (!cgroup_find_below_mount(line, place, &file))
            continue;
        HOLDS(strlen(file.path) >= sizeof name - 1);
        HOLDS(strcmp(file.path + strlen(file.path) - (sizeof name - 1), name) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_start(data, size);
    const char *before = input_piece(&input), *now = input_piece(&input);
    char *mounts = input_piece(&input), **patterns = input_pieces(&input, 8);
    struct cgroup_place place;

    if (cgroup_text_is_valid(before) && cgroup_text_is_valid(now)) {
        (void)cgroup_is_job(before, patterns);
        while (cgroup_next_moved(&before, now, &place)) {
            check_place(&place);
            check_mounts(mounts, &place);
        }
    }
    input_end(&input);
    return 0;
}
