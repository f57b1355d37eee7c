#include "base/log.h"

#include "base/text.h"

#include <bsd/string.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

enum { READER_PATIENCE_MS = 1000 };

/* One write(2), so that lines of several processes do not mix; none, when nobody reads for a second. */
static void say(char *line, size_t length)
{
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};

    line[length] = '\n';
    if (poll(&reader, 1, READER_PATIENCE_MS) != 0)
        (void)!write(STDERR_FILENO, line, length + 1);
}

static void say_text(const char *prefix, const char *text)
{
    char line[2600];
    size_t length = strlcpy(line, prefix, sizeof line);

    length += text_visible(line + length, sizeof line - length - 1, text, TEXT_MANY_LINES);
    say(line, length);
}

void log_say(const char *format, ...)
{
    char text[1700];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say_text("pamrun: ", text);
}

void log_hint(const char *text)
{
    say_text("hint: ", text);
}

void log_say_module(const char *text)
{
    say_text("", text);
}

void log_record(int priority, const char *format, ...)
{
    char text[2400], line[2600];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)text_visible(line, sizeof line, text, TEXT_ONE_LINE);
    /* Opened again each time: modules call openlog(3) too, and the ident they leave behind is not ours. */
    openlog("pamrun", LOG_PID, LOG_AUTHPRIV);
    syslog(LOG_AUTHPRIV | priority, "%s", line);
    closelog();
}
