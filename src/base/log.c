#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* One write(2), so that lines of several processes do not mix. */
static void say(char *line, size_t length)
{
    line[length] = '\n';
    (void)!write(STDERR_FILENO, line, length + 1);
}

void log_say(const char *format, ...)
{
    static const char prefix[] = "pamrun: ";
    char text[1700], line[2600];
    size_t length = sizeof prefix - 1;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(line, prefix, length);
    length += text_visible(line + length, sizeof line - length - 1, text, TEXT_MANY_LINES);
    say(line, length);
}

void log_say_module(const char *text)
{
    char line[2600];

    say(line, text_visible(line, sizeof line - 1, text, TEXT_MANY_LINES));
}

void log_record(int priority, const char *format, ...)
{
    char text[1700], line[1900];
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
