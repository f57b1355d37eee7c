# Signals, stops and the end: what is sent to pamrun reaches the command, and what becomes of the command is seen.
# With sanitizers only in full.

load lib/common
load lib/processes

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_signals
}

setup()
{
    begin_test
    box=$TEST_DIR/box record=$TEST_DIR/box/record
    install -d -o prt_alice "$box"
    mkfifo -m 0666 "$box/nap"
    write_recorder
    write_parent
}

# Start the recorder under pamrun and wait until it is ready.
start_recorder() # OPTION...
{
    rm -f "$record" "$box/pid" "$box/go"
    start_pamrun --profile prt_signals "$@"
    wait_until 5 test -s "$box/pid"
}

is_gone() # PID
{
    [ ! -e "/proc/$1" ]
}

nothing_is_left()
{
    assert_no_process_of prt_alice
    assert_eq "$(session_members "$pamrun_pid")" ""
}

sleeps()
{
    [ "$(cat "/proc/$(pgrep -P "$pamrun_pid")/comm")" = sleep ]
}

in_both_forms() # FUNCTION: called with the words that make the recorder the command
{
    "$1" -u prt_alice -- "$TEST_DIR/recorder"
    probe_reset
    "$1" prt_alice -c "exec $TEST_DIR/recorder"
}

# ---- passed on ------------------------------------------------------------------------------------------------

passes_on_once_each() # OPTION...
{
    local name names=(HUP INT QUIT USR1 USR2 ALRM CONT WINCH TERM)

    start_recorder "$@"
    for name in "${names[@]}"; do
        kill -s "$name" "$pamrun_pid"
        assert wait_until 5 is_recorded "$name"
    done
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    assert_eq "$(tr '\n' ' ' <"$record")" "${names[*]} "
    nothing_is_left
}

@test "TERM INT HUP QUIT USR1 USR2 ALRM CONT WINCH reach the command, each once, and it may go on" {
    in_both_forms passes_on_once_each
}

keeps_to_itself() # OPTION...
{
    local name

    start_recorder "$@"
    for name in PIPE XCPU XFSZ VTALRM PROF IO URG PWR STKFLT SYS TRAP CHLD RTMIN RTMAX; do
        kill -s "$name" "$pamrun_pid"
    done
    kill -s USR1 "$pamrun_pid"
    assert wait_until 5 is_recorded USR1
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    assert_eq "$(<"$record")" USR1
    nothing_is_left
}

@test "PIPE and other signals neither end pamrun nor reach the command" {
    in_both_forms keeps_to_itself
}

@test "a signal that the command sends to its whole process group is not doubled" {
    cat >"$TEST_DIR/group" <<END
#!/bin/bash
trap 'echo USR1 >>$record' USR1
trap 'echo USR2 >>$record' USR2
exec 9<>$box/nap
echo \$\$ >$box/pid
until [ -e $box/signal ]; do
    read -rt 0.01 _ <&9
done
kill -s USR1 0
until [ -e $box/go ]; do
    read -rt 0.01 _ <&9
done
exit 0
END
    chmod 0755 "$TEST_DIR/group"
    # root, who may signal pamrun at all
    start_recorder -u root -- "$TEST_DIR/group"
    # the same process group, or the test shows nothing
    assert_eq "$(ps -o pgid= -p "$(command_pid)" | tr -d ' ')" "$pamrun_pid"
    # two at the same time could be one to the shell: pamrun gets its own when the command has seen the first
    kill -s STOP "$pamrun_pid"
    touch "$box/signal"
    assert wait_until 10 is_recorded USR1
    kill -s USR2 "$pamrun_pid" # read by pamrun after USR1, which has the smaller number
    kill -s CONT "$pamrun_pid"
    assert wait_until 10 is_recorded USR2
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 0
    assert_eq "$(tr '\n' ' ' <"$record")" "USR1 USR2 "
}

@test "a command that dies from the signal gives 128 and its number" {
    local name

    for name in TERM INT HUP QUIT USR1 USR2 ALRM; do
        start_pamrun --profile prt_signals -u prt_alice -- sleep 100
        assert wait_until 5 sleeps
        kill -s "$name" "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status $((128 + $(kill -l "$name")))
        assert_eq "$stderr" "" "$name"
        nothing_is_left
    done
}

@test "a TERM that meets pamrun at any moment ends the run" {
    local tries

    for tries in {1..10}; do
        start_pamrun --profile prt_signals -u prt_alice -- sleep 100
        kill -TERM "$pamrun_pid" # a PAM step, the fork or the command
        end_status "$pamrun_pid" 5
        assert_status 143
        nothing_is_left
    done
}

@test "with --exec signals go to the command itself" {
    start_recorder --exec -u prt_alice -- "$TEST_DIR/recorder"
    assert_eq "$(command_pid)" "$pamrun_pid"
    kill -s USR2 "$pamrun_pid"
    assert wait_until 5 is_recorded USR2
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

# Signals are blocked by then. Later nobody could close: the process is the account's, and the kernel ends it.
@test "with --exec, told to end before root is given up: closed, status 143, and said" {
    local when

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    probe_profile su
    for when in 1 2; do # before anything is told of a start, and as the last thing that root does
        probe_reset
        run_program strace -q -o /dev/null -e trace=rt_sigpending -e inject=rt_sigpending:signal=SIGTERM:when=$when \
            "$PAMRUN" --exec -u prt_alice -- true
        assert_status 143
        assert_eq "$output" "pamrun: command for prt_alice (profile su): stopped by SIGTERM"
        probe_called open_session 1
        probe_called close_session 1
        probe_called setcred-delete 1
        assert_eq "$(probe_field close_session cwd)" /
    done
}

# ---- told to end ----------------------------------------------------------------------------------------------

# Sets took: microseconds from SIGTERM to the end of the program.
term_to_end() # PID
{
    local start=${EPOCHREALTIME/[.,]/} ended=0

    kill -TERM "$1"
    wait "$1" || ended=$?
    took=$((${EPOCHREALTIME/[.,]/} - start))
    assert_eq "$ended" 143
}

@test "pamrun ends as soon as an obedient command has ended" {
    local took best=100000000 tries

    for tries in {1..3}; do # the machine may be busy with something else
        start_pamrun --profile prt_signals --close-on-exit -u prt_alice -- sleep 100
        assert wait_until 5 sleeps
        term_to_end "$pamrun_pid"
        [ "$took" -gt "$best" ] || best=$took
    done
    [ "$best" -lt 100000 ] || fail_because "$best us from SIGTERM to the end"
    nothing_is_left
}

@test "a stubborn command is killed after --kill-after, reaped, and then the session is closed" {
    local start took

    probe_script <<END
close_session touch $TEST_DIR/closing
close_session wait-file $TEST_DIR/close-now
END
    start_recorder --close-on-exit --kill-after 0.3 -u prt_alice -- "$TEST_DIR/recorder"
    start=${EPOCHREALTIME/[.,]/}
    kill -TERM "$pamrun_pid"
    assert wait_until 5 is_recorded TERM
    refute test -e "$TEST_DIR/closing"
    assert wait_until 5 test -e "$TEST_DIR/closing"
    took=$((${EPOCHREALTIME/[.,]/} - start))
    assert is_gone "$(command_pid)"
    touch "$TEST_DIR/close-now"
    end_status "$pamrun_pid"
    assert_status 137
    ((took >= 300000 && took < 3000000)) || fail_because "killed after $took us"
    assert_one_line "$stderr"
    assert_contains "$stderr" "0.3 s of SIGTERM"
    probe_called close_session 1
    probe_called setcred-delete 1
    nothing_is_left
}

@test "a second TERM does not put off the end" {
    start_recorder --kill-after 0.5 -u prt_alice -- "$TEST_DIR/recorder"
    asked_again_has_ended() { kill -TERM "$pamrun_pid"; program_has_ended "$pamrun_pid"; }
    assert wait_until 5 asked_again_has_ended
    end_status "$pamrun_pid"
    assert_status 137
}

@test "a stopped command is killed too when it is told to end" {
    start_recorder --kill-after 0.2 prt_alice -c "exec $TEST_DIR/recorder"
    kill -STOP "$(command_pid)"
    assert wait_until 5 state_is T "$pamrun_pid"
    kill -TERM "$pamrun_pid"
    kill -CONT "$pamrun_pid" # nobody ends while stopped
    end_status "$pamrun_pid" 5
    assert_status 137
    nothing_is_left
}

# The time limit, in milliseconds, of the poll(2) that pamrun waits in, from /proc/PID/syscall (x86-64 only).
waits_at_most() # FROM TO
{
    # An int in a register: what is above its 32 bits is anything.
    [[ $(<"/proc/$pamrun_pid/syscall") =~ ^7\ [^\ ]+\ [^\ ]+\ (0x[0-9a-f]+)\  ]] \
        && (((BASH_REMATCH[1] & 0xffffffff) >= $1 && (BASH_REMATCH[1] & 0xffffffff) <= $2))
}

@test "with --kill-after never a stubborn command is never killed" {
    start_recorder --kill-after never -u prt_alice -- "$TEST_DIR/recorder"
    kill -TERM "$pamrun_pid"
    assert wait_until 5 is_recorded TERM
    if [ "$(uname -m)" = x86_64 ]; then
        assert wait_until 5 waits_at_most 0xffffffff 0xffffffff # -1
    fi
    nap 0.2
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

@test "the grace time is ten seconds when nothing is said" {
    [ "$(uname -m)" = x86_64 ] || skip_test "reads system call numbers of x86-64"
    start_recorder -u prt_alice -- "$TEST_DIR/recorder"
    assert wait_until 5 waits_at_most 0xffffffff 0xffffffff
    kill -TERM "$pamrun_pid"
    assert wait_until 5 waits_at_most 9000 10000
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

@test "the command is signalled by its pidfd, never by a number that may be another's" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    local name pid

    needs strace
    start_program strace -D -f -o "$TEST_DIR/trace" -e trace=kill,tkill,tgkill,pidfd_open,pidfd_send_signal \
        "$PAMRUN" --profile prt_signals --kill-after 0.2 -u prt_alice -- "$TEST_DIR/recorder"
    assert wait_until 10 test -s "$box/pid"
    pid=$(command_pid)
    for name in USR1 USR2 TERM; do
        kill -s "$name" "$pamrun_pid"
    done
    end_status "$pamrun_pid"
    assert_status 137
    assert wait_until 5 grep -q "^$pamrun_pid .*exited with 137" "$TEST_DIR/trace"
    assert grep -qE "^$pamrun_pid .*pidfd_open\($pid, 0\) += [0-9]" "$TEST_DIR/trace"
    for name in USR1 USR2 TERM KILL; do
        assert grep -qE "^$pamrun_pid .*pidfd_send_signal\([0-9]+, SIG$name," "$TEST_DIR/trace"
    done
    refute grep -E "^$pamrun_pid +(kill|tkill|tgkill)\(" "$TEST_DIR/trace"
}

# ---- stops ----------------------------------------------------------------------------------------------------

# Start under the parent with job control; sets child: pamrun's pid.
start_under_parent() # OPTION...
{
    rm -f "$record" "$box/pid" "$box/go"
    start_program python3 "$TEST_DIR/parent.py" "$PAMRUN" --profile prt_signals "$@"
    assert wait_until 5 test -s "$box/pid"
    child=$(sed -n 's/^pid //p' "$pamrun_stdout")
}

parent_saw() # WORDS: all its lines but the first
{
    [ "$(tail -n +2 "$pamrun_stdout" | tr '\n' ' ')" = "$1 " ]
}

stop_of_command_is_seen() # OPTION...
{
    start_under_parent "$@"
    kill -STOP "$(command_pid)"
    assert wait_until 5 parent_saw stopped
    assert state_is T "$child"
    kill -CONT "$child"
    assert wait_until 5 parent_saw "stopped continued"
    assert wait_until 5 refute state_is T "$(command_pid)"
    # and once more: it was no accident
    kill -STOP "$(command_pid)"
    assert wait_until 5 parent_saw "stopped continued stopped"
    kill -CONT "$child"
    kill -USR1 "$child"
    assert wait_until 5 is_recorded USR1
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_match "$stdout" "ended 7"
    nothing_is_left
}

@test "when the command stops pamrun is seen to stop, and continuing pamrun continues the command" {
    in_both_forms stop_of_command_is_seen
}

stop_signals_stop_command() # OPTION...
{
    local name

    for name in TSTP TTIN TTOU; do
        start_under_parent "$@"
        kill -s "$name" "$child"
        assert wait_until 5 parent_saw stopped
        assert state_is T "$(command_pid)"
        kill -CONT "$child"
        assert wait_until 5 refute state_is T "$(command_pid)"
        touch "$box/go"
        end_status "$pamrun_pid"
        assert_match "$stdout" "ended 7"
        nothing_is_left
    done
}

@test "TSTP, TTIN and TTOU sent to pamrun stop the command, in a session of its own too" {
    in_both_forms stop_signals_stop_command
}

@test "stopped and continued a hundred times at once, the command ends as ever" {
    local i

    start_under_parent -u prt_alice -- "$TEST_DIR/recorder"
    for i in {1..100}; do
        kill -STOP "$(command_pid)"
        kill -CONT "$child"
    done
    touch "$box/go"
    # Only what is stopped is continued: a SIGCONT at exit can hang LeakSanitizer, which stops us by ptrace(2) there.
    continued_has_ended()
    {
        if state_is T "$child" || state_is T "$(command_pid)"; then
            kill -CONT "$child"
        fi
        program_has_ended "$pamrun_pid"
    }
    assert wait_until 10 continued_has_ended
    end_status "$pamrun_pid"
    assert_match "$stdout" "ended 7"
    nothing_is_left
}

# ---- at a terminal --------------------------------------------------------------------------------------------

# An interactive shell of root's, in which the steps are typed.
run_in_shell() # STEP...
{
    printf '#!/bin/sh\necho READ""Y $$\nexec sleep 100\n' >"$TEST_DIR/sleeper"
    # tells when it goes on: only then the terminal is its own again
    cat >"$TEST_DIR/waker" <<END
#!/bin/bash
trap 'echo GOES""ON' CONT
exec 9<>$box/nap
echo READ""Y
while :; do read -rt 0.05 _ <&9; done
END
    chmod 0755 "$TEST_DIR/sleeper" "$TEST_DIR/waker"
    run_ptyrun --modes "$TEST_DIR/modes" --expect 'PROMPT> ' "$@" -- \
        env PS1='PROMPT> ' P="$PAMRUN --profile prt_signals" S="$TEST_DIR/sleeper" W="$TEST_DIR/waker" HISTFILE= \
        bash --norc --noprofile -i
}

interrupt_and_stop_work() # OPTION...
{
    run_in_shell \
        --send "\$P $*\\r" --expect READY --send '\032' --expect Stopped --expect 'PROMPT> ' \
        --send 'jobs -l\r' --expect Stopped --expect 'PROMPT> ' \
        --send 'fg\r' --expect GOESON --send '\003' --expect 'PROMPT> ' \
        --send 'echo "status $?"\r' --expect 'status 130' --expect 'PROMPT> ' --send 'exit 4\r'
    assert_status 4
    modes_are_as_before "$TEST_DIR/modes"
    assert_no_process_of prt_alice
}

@test "^Z, fg and ^C at a terminal, with the command in the terminal's session" {
    interrupt_and_stop_work '-u prt_alice -- $W'
}

@test "^Z, fg and ^C at a terminal, with the command in a session of its own" {
    interrupt_and_stop_work 'prt_alice -c $W'
}

background_works() # OPTION...
{
    run_in_shell \
        --send "\$P $*\\r" --expect READY --send '\032' --expect Stopped --expect 'PROMPT> ' \
        --send 'bg\r' --expect '&' --expect 'PROMPT> ' \
        --send 'jobs -r\r' --expect Running --expect 'PROMPT> ' \
        --send 'kill %1; wait %1; echo "status $?"\r' --expect 'status 143' --expect 'PROMPT> ' --send 'exit 4\r'
    assert_status 4
    modes_are_as_before "$TEST_DIR/modes"
    assert_no_process_of prt_alice
}

@test "^Z, bg, kill %1 and wait at a terminal" {
    background_works '-u prt_alice -- $S'
    background_works 'prt_alice -c $S'
}

@test "started with & in a shell, it runs in the background and kill %1 ends it" {
    run_in_shell --send '$P --close-on-exit -u prt_alice -- $S & true\r' --expect READY \
        --send 'jobs -r\r' --expect Running \
        --send 'kill %1; wait %1; echo "status $?"\r' --expect 'status 143' --expect 'PROMPT> ' --send 'exit 4\r'
    assert_status 4
    probe_called close_session 1
    assert_no_process_of prt_alice
}

@test "the quit character ends the command with 131" {
    run_in_shell --send '$P -u prt_alice -- $S\r' --expect READY --send '\034' --expect 'PROMPT> ' \
        --send 'echo "status $?"\r' --expect 'status 131' --expect 'PROMPT> ' --send 'exit 4\r'
    assert_status 4
    modes_are_as_before "$TEST_DIR/modes"
}

@test "a command that ends on ^C with a status of its own has that status" {
    local script='trap "exit 9" INT; echo READ""Y; while :; do sleep 0.01; done'

    run_ptyrun --expect READY --send '\003' -- "$PAMRUN" --profile prt_signals -u prt_alice -- bash -c "$script"
    assert_status 9
    run_ptyrun --expect READY --send '\003' -- "$PAMRUN" --profile prt_signals prt_alice -c "$script"
    assert_status 9
}

@test "a command that stops itself when it is told to end is killed in time all the same" {
    start_pamrun --profile prt_signals --close-on-exit --kill-after 0.5 -u prt_alice -- \
        sh -c 'trap "kill -STOP \$\$" TERM; echo ready; while :; do sleep 0.05; done'
    wait_until 5 grep -q ready "$pamrun_stdout"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 10
    assert_status 137
    probe_called close_session 1
}

@test "a signal that the caller ignores, as under nohup, does not end a step" {
    probe_script <<END
open_session touch $TEST_DIR/entered
open_session wait-file $TEST_DIR/go
END
    start_program env --ignore-signal=HUP "$PAMRUN" --profile prt_signals -u prt_alice -- sh -c 'exit 6'
    wait_until 5 test -e "$TEST_DIR/entered"
    kill -HUP "$pamrun_pid"
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid" 10
    assert_status 6
}
