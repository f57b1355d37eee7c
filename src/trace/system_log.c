#undef _FORTIFY_SOURCE /* syslog.h would define these functions inline */
#include "trace/system_log.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define EXPORTED __attribute__((visibility("default")))

enum { LINE_BYTES = 2048 };

typedef void log_function(int priority, const char *format, va_list arguments);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*listener)(const char *text);
static bool is_muted;

/* What code that was built with _FORTIFY_SOURCE calls, bits/syslog.h. */
EXPORTED void __syslog_chk(int priority, int flag, const char *format, ...);
EXPORTED void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments);
EXPORTED void syslog(int priority, const char *format, ...);
EXPORTED void vsyslog(int priority, const char *format, va_list arguments);

void system_log_listen(void (*heard)(const char *text))
{
    (void)pthread_mutex_lock(&lock);
    listener = heard;
    (void)pthread_mutex_unlock(&lock);
}

void system_log_mute(bool muted)
{
    is_muted = muted;
}

/* To who listens, then to the C library. errno is what %m says, twice. */
static void write_line(int priority, const char *format, va_list arguments)
{
    int problem = errno;
    void *symbol = dlsym(RTLD_NEXT, "vsyslog");
    log_function *library_log = NULL;
    char line[LINE_BYTES];
    size_t length;
    va_list again;

    if (is_muted)
        return;
    memcpy(&library_log, &symbol, sizeof symbol); /* ISO C knows no conversion */
    va_copy(again, arguments);
    errno = problem;
    (void)vsnprintf(line, sizeof line, format, again);
    va_end(again);
    length = strlen(line);
    if (length > 0 && line[length - 1] == '\n')
        line[length - 1] = '\0';
    (void)pthread_mutex_lock(&lock);
    if (listener != NULL)
        listener(line);
    (void)pthread_mutex_unlock(&lock);
    errno = problem;
    if (library_log != NULL)
        library_log(priority, format, arguments);
}

void syslog(int priority, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(priority, format, arguments);
    va_end(arguments);
}

void vsyslog(int priority, const char *format, va_list arguments)
{
    write_line(priority, format, arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;

    (void)flag;
    va_start(arguments, format);
    write_line(priority, format, arguments);
    va_end(arguments);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
    (void)flag;
    write_line(priority, format, arguments);
}
