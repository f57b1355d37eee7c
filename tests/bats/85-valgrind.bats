# One run of each kind under valgrind: no error, no memory of ours lost.
# Never with sanitizers: that build looks at memory itself.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_memory
}

setup()
{
    begin_test
    box=$TEST_DIR/box
    install -d -o prt_alice "$box"
}

# The words before pamrun's arguments.  valgrind runs no setuid program, so it gets a copy; the command itself is not
# looked at, but what the forked process does before exec is.  Before 3.20 or so valgrind knows no pidfd: kill(2) plays
# it, and SIGCHLD tells of the end.
under_valgrind()
{
    needs valgrind cc || return
    install -m 0755 "$PAMRUN" "$TEST_DIR/pamrun"
    cc -shared -fPIC -o "$TEST_DIR/pidfd.so" -x c - <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    static pid_t pid;
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_pidfd_open) {
        pid = (pid_t)arguments[0];
        return eventfd(0, EFD_CLOEXEC);
    }
    if (number == SYS_pidfd_send_signal)
        return kill(pid, (int)arguments[1]);
    if (next == 0)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
END
    valgrind=(env LD_PRELOAD="$TEST_DIR/pidfd.so" valgrind --quiet --vgdb=no --error-exitcode=99 --leak-check=full
        --errors-for-leak-kinds=definite --show-leak-kinds=definite --trace-children=no --child-silent-after-fork=no
        --log-file="$TEST_DIR/valgrind.%p" "$TEST_DIR/pamrun" --profile prt_memory)
}

# What valgrind found, of all processes; nothing is best.  Old ones know neither TIOCGPTPEER nor memfd_secret(2), 447, and
# say so in five lines.
assert_no_findings()
{
    local reports

    reports=$(sed '/unhandled amd64-linux syscall: 447$/,+4d' "$TEST_DIR"/valgrind.* |
        grep -vE 'ioctl 0x5441 with no|spurious value errors|README_MISSING_SYSC' ||
        true)
    assert_eq "$reports" ""
}

run_checked() # STATUS ARGUMENT...
{
    local expected=$1

    shift
    under_valgrind
    run_program "${valgrind[@]}" "$@"
    assert_status "$expected"
    assert_no_findings
}

@test "valgrind sees what it should: a program with an error" {
    needs valgrind cc
    cc -g -o "$TEST_DIR/faulty" -x c - <<'END'
#include <stdlib.h>
int main(void)
{
char *volatile text = malloc(3);
return text[3] == 1;
}
END
    run_program valgrind --quiet --error-exitcode=99 "$TEST_DIR/faulty"
    assert_status 99
}

@test "no error in a run that closes its session" {
    run_checked 5 --close-on-exit -u prt_alice -- sh -c 'exit 5'
    probe_called close_session 1
}

@test "no error in a run that leaves its session open" {
    run_checked 5 -u prt_alice -- sh -c 'exit 5'
}

@test "no error in a login shell" {
    run_checked 6 --close-on-exit -l prt_alice -c 'exit 6'
}

@test "no error with many options" {
    run_checked 7 --close-on-exit --verbose --pam-setenv A=1 --pam-setenv B=2 --pam-rhost host --chdir /tmp \
        --kill-after 3 --deadline open_session=9 -g prt_alice -G root -G daemon -w A,B,C -l prt_alice -c 'exit 7'
}

@test "no error with --exec that fails" {
    run_checked 127 --exec -u prt_alice -- /missing/command
}

@test "no error when authentication is refused" {
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    run_checked 77 -u prt_alice -- true
}

@test "no error when a prompt cannot be answered" {
    probe_script < <(printf 'authenticate info hello\nauthenticate prompt-off Password: \nauthenticate require-token x\n')
    run_checked 77 -u prt_alice -- true
}

@test "no error with a forwarded password, the right one, a wrong one, and one that is none" {
    local password

    under_valgrind
    for password in right wrong ""; do
        probe_script < <(printf 'authenticate prompt-off Password: \nauthenticate require-token right\n')
        (umask 077 && echo "$password" >"$TEST_DIR/secret")
        run_program "${valgrind[@]}" --close-on-exit --forward-password-fd 7 -u prt_alice -- sh -c 'exit 5' \
            7<"$TEST_DIR/secret"
        case $password in
            right) assert_status 5 ;;
            wrong) assert_status 77 ;;
            *) assert_status 64 ;;
        esac
        assert_no_findings
    done
}

@test "no error when the session does not open" {
    probe_script <<<"open_session return PAM_SESSION_ERR"
    run_checked 71 --close-on-exit -u prt_alice -- true
}

@test "no error when the command is not found or cannot be executed" {
    run_checked 127 --close-on-exit -u prt_alice -- /missing/command
    run_checked 126 -u prt_alice -- /etc/passwd
}

@test "no error with a pseudo-terminal" {
    under_valgrind
    run_ptyrun --expect READY --send 'word\r' -- "${valgrind[@]}" --close-on-exit -P -u prt_alice -- \
        sh -c 'echo READY; read -r word; exit 8'
    assert_status 8
    assert_no_findings
}

@test "no error with events, and a wrong command line" {
    under_valgrind
    run_program "${valgrind[@]}" --json-status-fd 8 -u prt_alice -- true 8>"$TEST_DIR/events"
    assert_status 0
    assert_no_findings
    run_checked 64 --pam-setenv A=1 -G root --bogus
    run_checked 67 -u prt_nobody_knows -- true
    run_checked 0 --help
}

@test "no error when a stubborn command is killed" {
    under_valgrind
    start_program "${valgrind[@]}" --close-on-exit --kill-after 0.1 -u prt_alice -- \
        bash -c "trap '' TERM; echo >$box/ready; while :; do sleep 0.01; done"
    assert wait_until 20 test -s "$box/ready"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 137
    assert_no_findings
}
