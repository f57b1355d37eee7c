/* title.h - what ps(1) shows of a process of ours: setproctitle(3bsd). */
#pragma once

/* argv0, environment: as main() had them. Their strings are overwritten from here on: nothing may be borrowed from
 * there. */
void title_begin(char *argv0, char **environment);

__attribute__((format(printf, 1, 2))) void title_set(const char *format, ...);
