/* replay.c - run a fuzz target over files, and over all files of folders: main() where libFuzzer has none. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 20 };

static int replay_file(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *file = fopen(path, "re");
    size_t size;

    HOLDS(data != NULL && file != NULL);
    size = fread(data, 1, INPUT_MAX, file);
    HOLDS(ferror(file) == 0 && feof(file) != 0);
    (void)fclose(file);
    data = realloc(data, size > 0 ? size : 1); /* who reads behind the end is to be seen */
    (void)fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int replay_folder(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    char inner[4096];
    int count = 0;

    HOLDS(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        count += replay_file(inner);
    }
    (void)closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    struct stat status;
    int count = 0;

    for (int at = 1; at < argc; at++) {
        HOLDS(stat(argv[at], &status) == 0);
        count += S_ISDIR(status.st_mode) ? replay_folder(argv[at]) : replay_file(argv[at]);
    }
    HOLDS(count > 0);
    (void)printf("%d inputs\n", count);
    return EXIT_SUCCESS;
}
