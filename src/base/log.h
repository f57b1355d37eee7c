/* log.h - the two places where pamrun speaks: stderr for the caller, syslog authpriv for the administrator.
 * Nothing here ever writes to stdout (it is the command's). Both make control characters visible. */
#pragma once

/* Whose messages and log lines they are, instead of pamrun's; borrowed, before the first one. */
void log_set_program(const char *name);

/* That name. Async-signal-safe. */
const char *log_program(void);

/* One message on stderr: "pamrun: " before it, a new line behind it. A reader that has gone is no error. */
__attribute__((format(printf, 1, 2))) void log_say(const char *format, ...);

/* "hint: " before it: what to do about the message that was said last. */
void log_hint(const char *text);

/* Text of a PAM module on stderr, as the module wrote it, new lines kept. */
void log_say_module(const char *text);

/* One record in /var/log/btmp, where failed logins are counted, lastb(8); that there is no such file is how sites
 * switch it off. account: NULL where nobody has that name, which may be a password typed too early. tty: a path, or
 * "". */
void log_failed_login(const char *account, const char *tty);

/* One line in syslog, facility authpriv, ident the program's fixed name with our pid whatever argv[0] is; priority as
 * syslog(3). No log daemon: nothing happens. */
__attribute__((format(printf, 2, 3))) void log_record(int priority, const char *format, ...);
