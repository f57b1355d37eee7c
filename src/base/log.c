#include "base/log.h"

#include "base/owned.h"
#include "base/progress.h"
#include "base/text.h"

#include <bsd/string.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>
#include <utmpx.h>

enum { READER_PATIENCE_MS = 1000 };

static const char *program = "pamrun";

void log_set_program(const char *name)
{
    program = name;
}

const char *log_program(void)
{
    return program;
}

/* One write(2), so that lines of several processes do not mix; none, when nobody reads for a second. */
static void say(char *line, size_t length)
{
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};

    line[length] = '\n';
    progress_make_room();
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
    char text[1700], prefix[32];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)snprintf(prefix, sizeof prefix, "%s: ", program);
    say_text(prefix, text);
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
    openlog(program, LOG_PID, LOG_AUTHPRIV);
    syslog(LOG_AUTHPRIV | priority, "%s", line);
    closelog();
}

/* Not updwtmpx(3): that waits for a lock with alarm(2). Appending is atomic, the record is small. */
void log_failed_login(const char *account, const char *tty)
{
    OWNED(fd_close) int fd = open("/var/log/btmp", O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const char *line = strncmp(tty, "/dev/", 5) == 0 ? tty + 5 : tty;
    struct utmpx record = {.ut_type = LOGIN_PROCESS, .ut_pid = getpid()};
    size_t length = strlen(line);
    struct stat status;
    struct timeval now;

    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    (void)gettimeofday(&now, NULL);
    record.ut_tv.tv_sec = (__typeof__(record.ut_tv.tv_sec))now.tv_sec;
    record.ut_tv.tv_usec = (__typeof__(record.ut_tv.tv_usec))now.tv_usec;
    (void)text_visible(record.ut_user, sizeof record.ut_user, account != NULL ? account : "(unknown)", TEXT_ONE_LINE);
    (void)text_visible(record.ut_line, sizeof record.ut_line, line, TEXT_ONE_LINE);
    (void)text_visible(record.ut_id, sizeof record.ut_id, length > 3 ? line + length - 3 : line, TEXT_ONE_LINE);
    (void)!write(fd, &record, sizeof record);
}
