#include "fuzz.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the input ---- */

struct input input_start(const uint8_t *data, size_t size)
{
    return (struct input){.at = data, .left = size};
}

uint8_t input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* Memory of that size; goes with the input. */
static void *piece_new(struct input *input, size_t size)
{
    input->pieces = realloc(input->pieces, (input->count + 1) * sizeof *input->pieces);
    HOLDS(input->pieces != NULL);
    input->pieces[input->count] = calloc(1, size);
    HOLDS(input->pieces[input->count] != NULL);
    return input->pieces[input->count++];
}

char *input_piece(struct input *input)
{
    const uint8_t *end = input->left > 0 ? memchr(input->at, '\0', input->left) : NULL;
    size_t length = end != NULL ? (size_t)(end - input->at) : input->left;
    char *piece = piece_new(input, length + 1);

    if (length > 0)
        memcpy(piece, input->at, length);
    input->at += length + (end != NULL);
    input->left -= length + (end != NULL);
    return piece;
}

char *input_rest(struct input *input, size_t *size)
{
    char *piece = piece_new(input, input->left + 1);

    *size = input->left;
    if (input->left > 0)
        memcpy(piece, input->at, input->left);
    input->at += input->left;
    input->left = 0;
    return piece;
}

char **input_pieces(struct input *input, size_t most)
{
    char **list = piece_new(input, (most + 1) * sizeof *list);
    size_t count = 0;

    while (count < most && input->left > 0 && *input->at != '\0')
        list[count++] = input_piece(input);
    if (count < most)
        (void)input_byte(input);
    return list;
}

void input_end(struct input *input)
{
    for (size_t at = 0; at < input->count; at++)
        free(input->pieces[at]);
    free(input->pieces);
}

/* ---- files ---- */

static char folder[64];

static void folder_remove(void)
{
    char command[96];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    HOLDS(system(command) == 0);
}

const char *file_folder(void)
{
    if (folder[0] == '\0') {
        (void)snprintf(folder, sizeof folder, "%s/pamrun-fuzz.XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        HOLDS(mkdtemp(folder) != NULL && atexit(folder_remove) == 0);
    }
    return folder;
}

const char *file_with(const char *name, const char *text, size_t size)
{
    static const struct timespec long_ago[2];
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    int fd;

    (void)snprintf(path, sizeof *paths, "%s/%s", file_folder(), name);
    if (text == NULL) {
        (void)unlink(path);
        return path;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    HOLDS(fd >= 0 && write(fd, text, size) == (ssize_t)size);
    HOLDS(futimens(fd, long_ago) == 0 && close(fd) == 0); /* one that is new is waited for */
    return path;
}

/* ---- what must be true of text: written anew, not our own code's opinion of itself ---- */

static size_t utf8_length(const unsigned char *at, uint32_t *character)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (length == 0)
        return 0;
    *character = length == 1 ? at[0] : at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *character = *character << 6 | (at[i] & 0x3f);
    }
    return *character < least[length] || *character > 0x10ffff || (*character >= 0xd800 && *character <= 0xdfff)
               ? 0
               : length;
}

bool is_harmless(const char *text, bool lines_kept)
{
    const unsigned char *at = (const unsigned char *)text;
    uint32_t character;

    for (size_t length; *at != '\0'; at += length) {
        length = utf8_length(at, &character);
        if (length == 0 || character == 0x7f || (character >= 0x80 && character < 0xa0))
            return false;
        if (character < ' ' && !(lines_kept && (character == '\n' || character == '\t')))
            return false;
    }
    return true;
}

static bool json_value(const char **at);

/* RFC 8259, section 7. */
static bool json_string(const char **at)
{
    const char *byte = *at;

    if (*byte++ != '"')
        return false;
    for (; *byte != '"'; byte++) {
        if ((unsigned char)*byte < ' ')
            return false;
        if (*byte != '\\')
            continue;
        byte++;
        if (*byte == 'u') {
            for (int digit = 0; digit < 4; digit++)
                if (!isxdigit((unsigned char)*++byte))
                    return false;
        } else if (*byte == '\0' || strchr("\"\\/bfnrt", *byte) == NULL) {
            return false;
        }
    }
    *at = byte + 1;
    return true;
}

static bool json_number(const char **at)
{
    const char *byte = *at + (**at == '-');
    size_t digits = strspn(byte, "0123456789");

    if (digits == 0 || (digits > 1 && *byte == '0'))
        return false;
    *at = byte + digits;
    return true;
}

/* What our events are made of: strings and whole numbers in one object. */
static bool json_value(const char **at)
{
    if (**at == '"')
        return json_string(at);
    if (**at != '{')
        return json_number(at);
    do {
        ++*at;
        if (!json_string(at) || *(*at)++ != ':' || !json_value(at))
            return false;
    } while (**at == ',');
    return *(*at)++ == '}';
}

bool is_json(const char *text)
{
    return json_value(&text) && *text == '\0';
}
