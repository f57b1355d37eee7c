#include "base/number.h"

#include <ctype.h>
#include <string.h>

bool number_parse(const char *text, uint32_t maximum, uint32_t *number)
{
    uint64_t value = 0; /* ten digits do not fit into 32 bits: 4294967296 must not become 0, root */

    if (*text == '\0' || strlen(text) > 10)
        return false;
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (value > maximum)
        return false;
    *number = (uint32_t)value;
    return true;
}

bool seconds_parse(const char *text, int *milliseconds)
{
    char whole[8] = "", decimals[4] = "000";
    const char *point = strchrnul(text, '.');
    size_t count = *point == '.' ? strlen(point + 1) : 0;
    uint32_t seconds, thousandths, sum;

    if ((size_t)(point - text) >= sizeof whole || count > 3 || (*point == '.' && count == 0))
        return false;
    memcpy(whole, text, (size_t)(point - text));
    if (count > 0)
        memcpy(decimals, point + 1, count);
    if (!number_parse(whole, SECONDS_MAX, &seconds) || !number_parse(decimals, 999, &thousandths))
        return false;
    sum = seconds * 1000 + thousandths;
    if (sum == 0 || sum > SECONDS_MAX * 1000)
        return false;
    *milliseconds = (int)sum;
    return true;
}

bool duration_parse(const char *text, uint32_t *seconds)
{
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char digits[12];
    size_t length = strlen(text);
    uint32_t number, unit = 1;

    for (size_t at = 0; length > 0 && at < sizeof units / sizeof *units; at++)
        if (text[length - 1] == units[at].letter) {
            unit = units[at].seconds;
            length--;
            break;
        }
    if (length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!number_parse(digits, (uint32_t)DURATION_DAYS_MAX * 86400 / unit, &number) || number == 0)
        return false;
    *seconds = number * unit;
    return true;
}
