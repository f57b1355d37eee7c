#include "trace/calls.h"

#include "base/clock.h"
#include "trace/pam_trace.h"
#include "trace/system_log.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef int module_function(pam_handle_t *handle, int flags, int argc, const char **argv);

/* The module of a line. Never unloaded: the process ends soon, and transaction.c pins modules anyway. */
struct module {
    module_function *functions[TRACE_FUNCTIONS]; /* NULL: it does not have it */
    bool loaded;
    char *const *arguments; /* instead of libpam's; NULL: its */
    size_t argument_count;
};

static struct {
    struct module *modules; /* by line */
    size_t module_count;
    struct trace_call *calls;
    size_t count;
    bool runs; /* the last of them */
    struct strv log;
    void (*watcher)(int line);
} traced;

/* ---- modules ---- */

static bool make_room(size_t line)
{
    struct module *modules;

    if (line < traced.module_count)
        return true;
    modules = reallocarray(traced.modules, line + 1, sizeof *modules);
    if (modules == NULL)
        return false;
    memset(modules + traced.module_count, 0, (line + 1 - traced.module_count) * sizeof *modules);
    traced.modules = modules;
    traced.module_count = line + 1;
    return true;
}

bool calls_load(int line, const char *const *paths)
{
    static const char *const names[TRACE_FUNCTIONS] = {
        [TRACE_AUTHENTICATE] = "pam_sm_authenticate",   [TRACE_SETCRED] = "pam_sm_setcred",
        [TRACE_ACCT_MGMT] = "pam_sm_acct_mgmt",         [TRACE_OPEN_SESSION] = "pam_sm_open_session",
        [TRACE_CLOSE_SESSION] = "pam_sm_close_session", [TRACE_CHAUTHTOK] = "pam_sm_chauthtok",
    };
    void *library = NULL;

    if (line < 0 || !make_room((size_t)line))
        return false;
    for (; library == NULL && *paths != NULL; paths++)
        library = dlopen(*paths, RTLD_NOW); /* as libpam: modules do not see each other's symbols */
    for (int function = 0; library != NULL && function < TRACE_FUNCTIONS; function++) {
        void *symbol = dlsym(library, names[function]);

        memcpy(&traced.modules[line].functions[function], &symbol, sizeof symbol); /* ISO C knows no conversion */
    }
    traced.modules[line].loaded = library != NULL;
    return library != NULL;
}

bool calls_has(int line)
{
    return line >= 0 && (size_t)line < traced.module_count && traced.modules[line].loaded;
}

void calls_give(int line, char *const *arguments, size_t count)
{
    if (!calls_has(line))
        return;
    traced.modules[line].arguments = arguments;
    traced.modules[line].argument_count = count;
}

/* ---- calls ---- */

void calls_begin(void)
{
    for (size_t at = 0; at < traced.count; at++)
        strv_free(&traced.calls[at].log);
    traced.count = 0;
    traced.runs = false;
}

const struct trace_call *calls_made(size_t *count)
{
    *count = traced.count;
    return traced.calls;
}

int calls_running(void)
{
    return traced.runs ? (int)traced.count - 1 : -1;
}

void calls_watch(void (*watcher)(int line))
{
    traced.watcher = watcher;
}

bool call_is_update(const struct trace_call *call)
{
    return (call->flags & PAM_UPDATE_AUTHTOK) != 0;
}

/* The call itself. Its record may move meanwhile in no way: libpam refuses calls from inside of a module. */
static int call_module(module_function *function, pam_handle_t *handle, int flags, int argc, const char **argv)
{
    size_t at = traced.count - 1;
    int64_t began;
    int code;

    traced.runs = true;
    if (traced.watcher != NULL)
        traced.watcher(traced.calls[at].line);
    began = clock_now_us();
    code = function(handle, flags, argc, argv);
    traced.runs = false;
    if (traced.watcher != NULL)
        traced.watcher(-1);
    traced.calls[at].time_us = clock_now_us() - began;
    traced.calls[at].code = code;
    traced.calls[at].returned = true;
    return code;
}

/* A broken line number is nobody's but ours. No memory: the module is not kept from its work. */
int pamrunctl_trace(enum trace_function function, pam_handle_t *handle, int flags, int argc, const char **argv)
{
    char *end = NULL;
    long line = argc > 0 ? strtol(argv[0], &end, 10) : -1;
    struct trace_call *calls = reallocarray(traced.calls, traced.count + 1, sizeof *calls);
    const struct module *module;

    if (calls == NULL)
        return PAM_BUF_ERR;
    traced.calls = calls;
    if (end == NULL || *end != '\0' || !calls_has((int)line))
        return PAM_MODULE_UNKNOWN;
    module = &traced.modules[line];
    calls[traced.count++] = (struct trace_call){.line = (int)line, .flags = flags, .code = PAM_MODULE_UNKNOWN};
    if (module->functions[function] != NULL && module->arguments != NULL)
        return call_module(module->functions[function], handle, flags, (int)module->argument_count,
                           (const char **)module->arguments);
    if (module->functions[function] != NULL)
        return call_module(module->functions[function], handle, flags, argc - 1, argc > 1 ? argv + 1 : NULL);
    calls[traced.count - 1].lacks = true;
    calls[traced.count - 1].returned = true;
    return PAM_MODULE_UNKNOWN;
}

/* ---- syslog ---- */

static void note_log(const char *text)
{
    (void)strv_add(traced.runs ? &traced.calls[traced.count - 1].log : &traced.log, text);
}

void calls_listen(void)
{
    system_log_listen(note_log);
}

void calls_take_log(struct strv *lines)
{
    *lines = traced.log;
    traced.log = (struct strv){.items = NULL};
}
