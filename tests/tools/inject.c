/* inject: run a program, and at one named place let one system call fail, or send its process a signal.
 *
 *   inject [OPTION]... -- PROGRAM [ARGUMENT]...
 *
 * A place is PROCESS:CALL:N, the Nth call of that number in that process. PROCESS is 0 for the program itself, 0.1 for its
 * first child, 0.1.2 for that one's second ... ; a process that executes something else (the command, a module's
 * helper) is let go. What strace -f -e inject= does, but in one process: there the Nth call of all of them fails, the
 * command's too.
 *   --user UID:GID      start it as that user, without other groups; a setuid program keeps its bit, as we are root
 *   --variable NAME=VALUE  one more in its environment
 *   --spare PATH        calls that open PATH, or work on a descriptor of it, are not counted: a log to rely on
 *   --list FILE         write a line "PROCESS CALL OWNER" for each call, in their order; OWNER is the user id that
 *                       /proc/PID/mem belongs to: root's, unless a process may be looked into by whose it is
 *   --at PLACE ACTION   error=NUMBER    the call is not made, and fails so
 *                       value=NUMBER    it is not made, and returns that
 *                       after=NUMBER    it is made, and its result thrown away: it fails so
 *                       signal=NUMBER   it is made, with that signal (of ours, by kill(2)) on its way
 *   --seconds N         all is to have ended after that time (20)
 *   --report FILE       what became of it, a line each:
 *                         exit STATUS | signal NUMBER     of the program
 *                         reached                         the place of --at was
 *                         hung                            it did not end in time, and all was killed
 *                         left PID NAME                   a process that was alive five seconds after the program's end
 *                         crash PROCESS NUMBER MAPPING    a signal of the kernel's own, and the code that ran: a line of
 *                                                         proc_pid_maps(5), behind the distance from its beginning
 * Exit status: 0; 125: inject itself failed. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/elf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILURE_OURS = 125, PROCESSES = 64, CALLS = 600, DESCRIPTORS = 64, ROLE = 32, VARIABLES = 8 };
enum { TICK_MS = 20, LEFT_MS = 5000, KILL_MS = 10000 };

enum action { NOTHING, FAIL, RETURN, FAIL_AFTER, SIGNAL };

struct process {
    pid_t pid; /* 0: free */
    bool is_known, waits, is_traced, in_call, ended;
    char role[ROLE];
    int children;
    unsigned short calls[CALLS];
    bool spared[DESCRIPTORS]; /* descriptors of what --spare names */
    bool is_spared, opens_it; /* the call that it is in */
    enum action now;          /* at its exit */
};

static struct {
    const char *role;
    unsigned int call, number;
    enum action action;
    long value;
} target;

static struct process processes[PROCESSES];
static const char *spare;
static char *variables[VARIABLES];
static int variable_count;
static FILE *list, *report;
static bool reached;
static int64_t now_ms; /* counted in ticks: a machine that was stopped for a while is no hang */

static void die(const char *what)
{
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE_OURS);
}

static void on_tick(int number)
{
    (void)number;
    now_ms += TICK_MS;
}

/* ---- registers ---- */

static void set_register(pid_t pid, int set, void *bytes, size_t size)
{
    struct iovec part = {bytes, size};

    (void)ptrace(PTRACE_SETREGSET, pid, set, &part); /* it may have been killed */
}

static void get_registers(pid_t pid, struct user_regs_struct *registers)
{
    struct iovec part = {registers, sizeof *registers};

    (void)ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part);
}

/* No call is made: there is none of that number. */
static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
    struct user_regs_struct registers = {0};

    get_registers(pid, &registers);
    registers.orig_rax = (unsigned long long)-1;
    set_register(pid, NT_PRSTATUS, &registers, sizeof registers);
#elif defined(__aarch64__)
    int none = -1;

    set_register(pid, NT_ARM_SYSTEM_CALL, &none, sizeof none);
#else
#error "inject knows x86-64 and aarch64"
#endif
}

static void set_result(pid_t pid, long value)
{
    struct user_regs_struct registers = {0};

    get_registers(pid, &registers);
#if defined(__x86_64__)
    registers.rax = (unsigned long long)value;
#else
    registers.regs[0] = (unsigned long long)value;
#endif
    set_register(pid, NT_PRSTATUS, &registers, sizeof registers);
}

/* ---- processes ---- */

static struct process *process_of(pid_t pid)
{
    struct process *room = NULL;

    for (int at = 0; at < PROCESSES; at++)
        if (processes[at].pid == pid)
            return &processes[at];
        else if (processes[at].pid == 0 && room == NULL)
            room = &processes[at];
    if (room == NULL) {
        errno = ENOSPC;
        die("processes");
    }
    *room = (struct process){.pid = pid, .is_traced = true};
    return room;
}

static void go_on(const struct process *process, int number)
{
    (void)ptrace(PTRACE_SYSCALL, process->pid, 0, (long)number);
}

/* The child may have stopped already, and waits to be known. */
static void child_known(struct process *parent, pid_t pid)
{
    struct process *child = process_of(pid);
    bool waits = child->waits;

    *child = *parent;
    child->pid = pid;
    child->children = 0;
    child->is_known = true;
    child->waits = child->in_call = child->is_spared = false;
    child->now = NOTHING;
    memset(child->calls, 0, sizeof child->calls);
    (void)snprintf(child->role, sizeof child->role, "%.18s.%d", parent->role, ++parent->children);
    if (waits)
        go_on(child, 0);
}

/* ---- calls ---- */

static bool is_spared_path(const struct process *process, uint64_t address)
{
    char path[256] = "";
    struct iovec here = {path, sizeof path - 1}, there = {(void *)(uintptr_t)address, sizeof path - 1};

    if (process_vm_readv(process->pid, &here, 1, &there, 1, 0) <= 0) {
        there.iov_len = 4096 - (address & 4095); /* the end of its page */
        if (there.iov_len > sizeof path - 1 || process_vm_readv(process->pid, &here, 1, &there, 1, 0) <= 0)
            return false;
    }
    return strcmp(path, spare) == 0;
}

static bool works_on_descriptor(uint64_t call)
{
    static const int calls[] = {SYS_write, SYS_read, SYS_close, SYS_fcntl, SYS_lseek, SYS_fstat, SYS_flock};

    for (size_t at = 0; at < sizeof calls / sizeof *calls; at++)
        if ((uint64_t)calls[at] == call)
            return true;
    return false;
}

static bool call_is_spared(struct process *process, const struct __ptrace_syscall_info *info)
{
    uint64_t fd = info->entry.args[0];

    if (spare == NULL)
        return false;
    if (info->entry.nr == SYS_openat)
        return is_spared_path(process, info->entry.args[1]);
    if (fd >= DESCRIPTORS || !process->spared[fd] || !works_on_descriptor(info->entry.nr))
        return false;
    if (info->entry.nr == SYS_close)
        process->spared[fd] = false;
    return true;
}

static void act(struct process *process)
{
    reached = true;
    if (target.action == SIGNAL) {
        (void)kill(process->pid, (int)target.value);
        return;
    }
    process->now = target.action;
    if (target.action != FAIL_AFTER)
        skip_call(process->pid);
}

static unsigned int owner_of(pid_t pid)
{
    struct stat status;
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    return stat(path, &status) == 0 ? status.st_uid : UINT32_MAX;
}

static void on_entry(struct process *process, const struct __ptrace_syscall_info *info)
{
    uint64_t call = info->entry.nr;

    process->in_call = true;
    process->now = NOTHING;
    process->is_spared = call_is_spared(process, info);
    process->opens_it = process->is_spared && call == SYS_openat;
    if (process->is_spared || call >= CALLS)
        return;
    process->calls[call]++;
    if (list != NULL)
        fprintf(list, "%s %u %u\n", process->role, (unsigned int)call, owner_of(process->pid));
    if (!reached && target.action != NOTHING && call == target.call && process->calls[call] == target.number
        && strcmp(process->role, target.role) == 0)
        act(process);
}

static void on_exit_of(struct process *process, const struct __ptrace_syscall_info *info)
{
    process->in_call = false;
    if (process->opens_it && info->exit.rval >= 0 && info->exit.rval < DESCRIPTORS)
        process->spared[info->exit.rval] = true;
    if (process->now == FAIL || process->now == FAIL_AFTER)
        set_result(process->pid, -target.value);
    else if (process->now == RETURN)
        set_result(process->pid, target.value);
    process->now = NOTHING;
    process->is_spared = process->opens_it = false;
}

static void on_call(struct process *process)
{
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) > 0) {
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            on_entry(process, &info);
        else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
            on_exit_of(process, &info);
    }
    go_on(process, 0);
}

/* The first is how the program comes to be; who executes something later is none of ours any more. */
static void on_execute(struct process *process)
{
    static bool started;

    if (!started) {
        started = true;
        go_on(process, 0);
        return;
    }
    process->is_traced = false;
    (void)ptrace(PTRACE_DETACH, process->pid, 0, 0);
}

static void on_event(struct process *process, int event, int number)
{
    unsigned long message = 0;

    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        (void)ptrace(PTRACE_GETEVENTMSG, process->pid, 0, &message);
        child_known(process, (pid_t)message);
        break;
    case PTRACE_EVENT_EXEC:
        on_execute(process);
        return;
    case PTRACE_EVENT_STOP:
        if (!process->is_known) {
            process->waits = true;
            return;
        }
        if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) {
            (void)ptrace(PTRACE_LISTEN, process->pid, 0, 0);
            return;
        }
        break;
    default:
        break;
    }
    go_on(process, 0);
}

/* Where in which file: for addr2line(1). */
static void tell_crash(const struct process *process, int number)
{
    unsigned long from, to, at;
    struct __ptrace_syscall_info info;
    siginfo_t signal;
    char path[64], line[512];
    FILE *maps;

    if (ptrace(PTRACE_GETSIGINFO, process->pid, 0, &signal) != 0 || signal.si_code <= 0
        || ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) <= 0)
        return;
    at = info.instruction_pointer;
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)process->pid);
    maps = fopen(path, "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from <= at && at < to)
            fprintf(report, "crash %s %d %lx %s", process->role, number, at - from, line);
    if (maps != NULL)
        (void)fclose(maps);
}

static void on_stop(pid_t pid, int status)
{
    struct process *process = process_of(pid);
    int number = WSTOPSIG(status), event = status >> 16;

    if (!process->is_traced)
        return;
    if (event != 0)
        on_event(process, event, number);
    else if (number == (SIGTRAP | 0x80))
        on_call(process);
    else {
        if (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE || number == SIGABRT)
            tell_crash(process, number);
        go_on(process, number);
    }
}

/* ---- the whole ---- */

static pid_t start(char **program, long uid, long gid)
{
    int gate[2];
    char byte;
    pid_t pid;

    if (pipe2(gate, O_CLOEXEC) != 0)
        die("pipe");
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        gid_t group = (gid_t)gid;

        (void)close(gate[1]);
        (void)!read(gate[0], &byte, 1); /* until we are traced */
        if (uid > 0 && (setgroups(1, &group) != 0 || setgid(group) != 0 || setuid((uid_t)uid) != 0))
            die("--user");
        for (int at = 0; at < variable_count; at++)
            (void)putenv(variables[at]);
        execv(program[0], program);
        die(program[0]);
    }
    if (ptrace(PTRACE_SEIZE, pid, 0,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE
                   | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)
        != 0)
        die("ptrace");
    (void)close(gate[0]);
    (void)close(gate[1]);
    *process_of(pid) = (struct process){.pid = pid, .is_traced = true, .is_known = true, .role = "0"};
    return pid;
}

/* Everything below us: what has lost its parents is our child, prctl(2), PR_SET_CHILD_SUBREAPER. */
static void for_children(void (*act_on)(pid_t))
{
    char path[64];
    FILE *children;
    int pid;

    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%d", &pid) == 1)
        act_on(pid);
    if (children != NULL)
        (void)fclose(children);
}

static void tell_left(pid_t pid)
{
    char path[64], name[64] = "?\n";
    FILE *comm;

    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    comm = fopen(path, "re");
    if (comm != NULL) {
        (void)!fgets(name, sizeof name, comm);
        (void)fclose(comm);
    }
    fprintf(report, "left %d %s", (int)pid, name);
}

static void kill_it(pid_t pid)
{
    (void)kill(pid, SIGKILL);
}

static void kill_all(void)
{
    for (int at = 0; at < PROCESSES; at++)
        if (processes[at].pid > 0 && !processes[at].ended)
            (void)kill(processes[at].pid, SIGKILL);
    for_children(kill_it);
}

static void tell_end(int status)
{
    if (WIFSIGNALED(status))
        fprintf(report, "signal %d\n", WTERMSIG(status));
    else
        fprintf(report, "exit %d\n", WEXITSTATUS(status));
}

static void serve(pid_t program, int64_t limit_ms)
{
    int64_t ended_ms = -1;
    bool told = false, killed = false;

    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);

        if (pid < 0 && errno == ECHILD)
            return;
        if (pid > 0 && WIFSTOPPED(status)) {
            on_stop(pid, status);
        } else if (pid > 0) {
            process_of(pid)->ended = true; /* its number stays taken: it could come again */
            if (pid == program) {
                tell_end(status);
                ended_ms = now_ms;
            }
        }
        if (!told && ended_ms >= 0 && now_ms > ended_ms + LEFT_MS) {
            for_children(tell_left);
            told = true;
        }
        if (now_ms > limit_ms || (told && now_ms > ended_ms + KILL_MS)) {
            if (!killed)
                fprintf(report, "hung\n");
            killed = true;
            kill_all();
        }
    }
}

static void target_parse(char *place, const char *action)
{
    static const struct {
        const char *word;
        enum action action;
    } actions[] = {{"error=", FAIL}, {"value=", RETURN}, {"after=", FAIL_AFTER}, {"signal=", SIGNAL}};
    char *call = strchr(place, ':');

    for (size_t at = 0; call != NULL && at < sizeof actions / sizeof *actions; at++)
        if (strncmp(action, actions[at].word, strlen(actions[at].word)) == 0) {
            target.action = actions[at].action;
            target.value = strtol(action + strlen(actions[at].word), NULL, 10);
        }
    if (target.action == NOTHING || sscanf(call, ":%u:%u", &target.call, &target.number) != 2) {
        fprintf(stderr, "inject: --at %s %s: not understood\n", place, action);
        exit(EXIT_FAILURE_OURS);
    }
    *call = '\0';
    target.role = place;
}

int main(int argc, char **argv)
{
    struct itimerval tick = {{0, TICK_MS * 1000L}, {0, TICK_MS * 1000L}};
    struct sigaction action = {.sa_handler = on_tick}; /* without SA_RESTART: waitpid(2) is to return */
    long uid = 0, gid = 0, seconds = 20;
    int at = 1;

    report = stderr;
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        const char *word = argv[at], *value = argv[at + 1];

        if (value == NULL) {
            break;
        } else if (strcmp(word, "--user") == 0) {
            if (sscanf(value, "%ld:%ld", &uid, &gid) != 2)
                break;
        } else if (strcmp(word, "--variable") == 0) {
            if (variable_count == VARIABLES)
                break;
            variables[variable_count++] = argv[at + 1];
        } else if (strcmp(word, "--spare") == 0) {
            spare = value;
        } else if (strcmp(word, "--seconds") == 0) {
            seconds = strtol(value, NULL, 10);
        } else if (strcmp(word, "--list") == 0 || strcmp(word, "--report") == 0) {
            FILE *file = fopen(value, "we");

            if (file == NULL)
                die(value);
            *(word[2] == 'l' ? &list : &report) = file;
        } else if (strcmp(word, "--at") == 0 && at + 2 < argc) {
            target_parse(argv[at + 1], argv[at + 2]);
            at++;
        } else {
            break;
        }
        at++;
    }
    if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
        fprintf(stderr, "inject: wrong command line near: %s\n", at < argc ? argv[at] : "its end");
        return EXIT_FAILURE_OURS;
    }
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || sigaction(SIGALRM, &action, NULL) != 0
        || setitimer(ITIMER_REAL, &tick, NULL) != 0)
        die("start");
    serve(start(argv + at + 1, uid, gid), seconds * 1000);
    if (reached)
        fprintf(report, "reached\n");
    if (fflush(report) != 0 || (list != NULL && fflush(list) != 0))
        die("report");
    return 0;
}
