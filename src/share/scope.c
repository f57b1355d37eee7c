#include "share/scope.h"

#include "base/clock.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* sd_booted(3) */
static bool systemd_runs(void)
{
    struct stat status;

    return lstat("/run/systemd/system", &status) == 0 && S_ISDIR(status.st_mode);
}

#ifndef HAVE_SD_BUS

bool scope_enter(const char *unit, const char *description, int timeout_ms, char *problem, size_t size)
{
    (void)unit, (void)description, (void)timeout_ms;
    (void)snprintf(problem, size, "%s", systemd_runs() ? "systemd: this pamrun was built without libsystemd" : "");
    return false;
}

#else

#include <systemd/sd-bus.h>

static const char library_name[] = "libsystemd.so.0";
static const char address[] = "unix:path=/run/systemd/private"; /* root's; systemctl(1) uses it, too */
static const char destination[] = "org.freedesktop.systemd1";
static const char object[] = "/org/freedesktop/systemd1";
static const char manager[] = "org.freedesktop.systemd1.Manager";

/* ---- the library: loaded when it is wanted. Linked, it would cost every run its share of the loader's time. ---- */

#define SD_BUS_FUNCTIONS(each)                                                                                         \
    each(sd_bus_new) each(sd_bus_set_address) each(sd_bus_start) each(sd_bus_match_signal)                             \
        each(sd_bus_message_new_method_call) each(sd_bus_message_append) each(sd_bus_message_read)                     \
            each(sd_bus_message_get_error) each(sd_bus_message_unref) each(sd_bus_call_async) each(sd_bus_process)     \
                each(sd_bus_wait) each(sd_bus_close) each(sd_bus_unref)

struct library {
    void *handle;
#define MEMBER(name) __typeof__(name) *name;
    SD_BUS_FUNCTIONS(MEMBER)
#undef MEMBER
};

static bool find(void *handle, const char *name, void *function)
{
    void *address_of = dlsym(handle, name);

    memcpy(function, &address_of,
           sizeof address_of); /* C has no conversion from the one kind of pointer to the other */
    return address_of != NULL;
}

static bool load(struct library *library)
{
    library->handle = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL)
        return false;
#define FIND(name) &&find(library->handle, #name, &library->name)
    return true SD_BUS_FUNCTIONS(FIND);
#undef FIND
}

/* ---- one call ---- */

struct call {
    const struct library *library;
    const char *unit;
    sd_bus *bus;
    sd_bus_message *message;
    bool has_ended, has_worked;
    char *problem;
    size_t size;
};

static bool fail_call(struct call *call, const char *what, int code)
{
    (void)snprintf(call->problem, call->size, "systemd: %s: %s", what, strerror(-code));
    return false;
}

/* The answer: an error, or the job that has begun. */
static int take_answer(sd_bus_message *message, void *data, sd_bus_error *unused)
{
    struct call *call = data;
    const sd_bus_error *error = call->library->sd_bus_message_get_error(message);

    (void)unused;
    if (error == NULL)
        return 0;
    (void)snprintf(call->problem, call->size, "systemd: %s", error->message != NULL ? error->message : error->name);
    call->has_ended = true;
    return 0;
}

/* The end of a job, ours if it is about our unit: no other has that name. */
static int take_job(sd_bus_message *message, void *data, sd_bus_error *unused)
{
    struct call *call = data;
    const char *job, *unit, *result;
    uint32_t number;

    (void)unused;
    if (call->library->sd_bus_message_read(message, "uoss", &number, &job, &unit, &result) < 0
        || strcmp(unit, call->unit) != 0)
        return 0;
    call->has_ended = true;
    call->has_worked = strcmp(result, "done") == 0;
    if (!call->has_worked)
        (void)snprintf(call->problem, call->size, "systemd: start of %s: %s", unit, result);
    return 0;
}

static bool begin_call(struct call *call, const char *description, int timeout_ms)
{
    const struct library *library = call->library;
    int code = library->sd_bus_new(&call->bus);

    if (code >= 0)
        code = library->sd_bus_set_address(call->bus, address);
    if (code >= 0)
        code = library->sd_bus_start(call->bus);
    if (code >= 0)
        code = library->sd_bus_match_signal(call->bus, NULL, NULL, object, manager, "JobRemoved", take_job, call);
    if (code < 0)
        return fail_call(call, address, code);
    code = library->sd_bus_message_new_method_call(call->bus, &call->message, destination, object, manager,
                                                   "StartTransientUnit");
    /* The process 0 is who asks, as the kernel names him to systemd: a number of ours may mean another one there. */
    if (code >= 0)
        code = library->sd_bus_message_append(call->message, "ssa(sv)a(sa(sv))", call->unit, "fail", 5, "Description",
                                              "s", description, "Slice", "s", "system.slice", "PIDs", "au", 1,
                                              (uint32_t)0, "TimeoutStopUSec", "t", (uint64_t)SCOPE_STOP_S * 1000000,
                                              "CollectMode", "s", "inactive-or-failed", 0);
    if (code >= 0)
        code =
            library->sd_bus_call_async(call->bus, NULL, call->message, take_answer, call, (uint64_t)timeout_ms * 1000);
    return code >= 0 || fail_call(call, "StartTransientUnit", code);
}

/* sd_bus_call() would wait for the connection for as long as it takes. */
static bool wait_for_end(struct call *call, int timeout_ms)
{
    const struct library *library = call->library;
    int64_t end = clock_now_ms() + timeout_ms;

    while (!call->has_ended) {
        int64_t left = end - clock_now_ms();
        int code = library->sd_bus_process(call->bus, NULL);

        if (code == 0 && left <= 0)
            return fail_call(call, "StartTransientUnit", -ETIMEDOUT);
        if (code == 0)
            code = library->sd_bus_wait(call->bus, (uint64_t)left * 1000);
        if (code < 0 && code != -EINTR && !call->has_ended)
            return fail_call(call, "StartTransientUnit", code);
    }
    return call->has_worked;
}

static void end_call(struct call *call)
{
    const struct library *library = call->library;

    if (call->message != NULL)
        (void)library->sd_bus_message_unref(call->message);
    if (call->bus == NULL)
        return;
    library->sd_bus_close(call->bus); /* not flushed: that might wait */
    (void)library->sd_bus_unref(call->bus);
}

bool scope_enter(const char *unit, const char *description, int timeout_ms, char *problem, size_t size)
{
    struct library library = {0};
    struct call call = {.library = &library, .unit = unit, .problem = problem, .size = size};
    bool entered = false;

    problem[0] = '\0';
    if (!systemd_runs())
        return false;
    if (load(&library)) {
        entered = begin_call(&call, description, timeout_ms) && wait_for_end(&call, timeout_ms);
        end_call(&call);
    } else {
        const char *why = dlerror();

        (void)snprintf(problem, size, "%s", why != NULL ? why : library_name);
    }
    if (library.handle != NULL)
        (void)dlclose(library.handle);
    return entered;
}

#endif
