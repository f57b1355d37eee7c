# -P: a pseudo-terminal of the command's own, with the applicant's terminal left as it was found.
# With sanitizers only in full.

load lib/common
load lib/processes

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_pty
}

setup()
{
    begin_test
    box=$TEST_DIR/box
    install -d -o prt_alice "$box"
}

# pamrun -P for prt_alice on a terminal; the steps before --, the command behind it.
on_terminal() # STEP... -- COMMAND...
{
    local steps=()

    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    shift
    run_ptyrun --modes "$TEST_DIR/modes" "${steps[@]}" -- \
        "$PAMRUN" --profile prt_pty --close-on-exit -P -u prt_alice -- "$@"
}

# The pid of pamrun below the started ptyrun: of its front, which serves the terminal.
pamrun_below()
{
    pgrep -P "$pamrun_pid" -x pamrun
}

# Of its other process, the command's parent.
holder_below()
{
    pgrep -P "$(pamrun_below)" -x pamrun
}

# ---- what the command has -------------------------------------------------------------------------------------

@test "the command's terminal is another one, the account's, mode 0620, and its controlling one" {
    local inner

    run_ptyrun -- sh -c 'echo "outer $(tty)"
        exec "$0" --profile prt_pty -P -u prt_alice -- sh -c "$1"' "$PAMRUN" \
        'echo "inner $(tty)"; for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done
        stat -c "owner %U mode %a" "$(tty)"; : </dev/tty && echo controlling; printf "ids "; exec ps -o pid=,ppid=,pgid=,sid=,tpgid= -p $$'
    assert_status 0
    inner=$(sed -n 's/^inner \(.*\)\r$/\1/p' <<<"$stdout")
    assert_match "$inner" '^/dev/pts/[0-9]+$'
    [ "$inner" != "$(sed -n 's/^outer \(.*\)\r$/\1/p' <<<"$stdout")" ] || fail_because "the terminal is shared"
    assert_eq "$(grep -c "^$inner" <<<"$stdout")" 3
    assert_contains "$stdout" "owner prt_alice mode 620"
    assert_contains "$stdout" controlling
    # its parent leads the session, and it a process group in the foreground: so ^Z can stop it
    assert_match "$stdout" 'ids +([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+)'
    assert_eq "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" "leads a group"
    assert_eq "${BASH_REMATCH[2]}" "${BASH_REMATCH[4]}" "its parent leads the session"
    assert_eq "${BASH_REMATCH[1]}" "${BASH_REMATCH[5]}" "is in the foreground"
}

# Print the terminals outside and inside; "none": it has none.
terminals_of() # [ptyrun STEP...] -- PAMRUN_ARGUMENT...
{
    run_ptyrun -- sh -c 'echo "outer $(tty)"; exec "$@"' sh "$PAMRUN" --profile prt_pty "$@"
    assert_status 0
    outer=$(sed -n 's/^outer \(.*\)\r$/\1/p' <<<"$stdout")
    inner=$(sed -n 's/^inner \(.*\)\r$/\1/p' <<<"$stdout")
    assert_match "$outer" '^/dev/pts/[0-9]+$'
}

@test "with -T, and as the account itself, the terminal is shared" {
    local inner outer

    terminals_of -T -u prt_alice -- sh -c 'echo "inner /dev/$(ps -o tty= -p $$)"'
    assert_eq "$inner" "$outer"
    terminals_of -T prt_alice --session-command 'echo "inner /dev/$(ps -o tty= -p $$)"'
    assert_eq "$inner" "$outer"
    terminals_of root -c 'echo "inner /dev/$(ps -o tty= -p $$)"'
    assert_eq "$inner" "$outer"
    terminals_of -u root -- sh -c 'echo "inner /dev/$(ps -o tty= -p $$)"'
    assert_eq "$inner" "$outer"
}

@test "another account has a terminal of its own by default, in every form of call" {
    local inner outer form
    local show='echo "inner /dev/$(ps -o tty= -p $$)"'

    for form in "-u prt_alice -- sh -c" "prt_alice -c" "- prt_alice -c" "prt_alice --session-command"; do
        # shellcheck disable=SC2086 # words
        terminals_of $form "$show"
        assert_match "$inner" '^/dev/pts/[0-9]+$'
        [ "$inner" != "$outer" ] || fail_because "shared: $form"
    done
    run_ptyrun --expect '$ ' --send 'echo inner $(tty)\r' --expect /dev/pts/ --expect '$ ' --send 'exit 5\r' -- \
        env PS1='$ ' sh -c 'echo "outer $(tty)"; exec "$@"' sh "$PAMRUN" --profile prt_pty -s /bin/sh prt_alice
    assert_status 5
    [ "$(sed -n 's/^inner //p' <<<"$stdout")" != "$(sed -n 's/^outer //p' <<<"$stdout")" ] || fail_because "shared: shell"
}

@test "what has no descriptor of the terminal gets no pseudo-terminal, and cannot reach the terminal either" {
    local option

    run_ptyrun -- sh -c '"$@" </dev/null 2>&1 | cat' sh "$PAMRUN" --profile prt_pty -u prt_alice -- \
        sh -c 'tty; true </dev/tty; ps -o pid=,sid= -p $$'
    assert_contains "$stdout" "not a tty"
    assert_match "$stdout" '/dev/tty: No such device'
    assert_match "$stdout" '([0-9]+) +([0-9]+)'
    assert_eq "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    # who asks for the terminal, and who is the same user, has it
    for option in "-T -u prt_alice" "-u root"; do
        # shellcheck disable=SC2086 # words
        run_ptyrun -- sh -c '"$@" </dev/null 2>&1 | cat' sh "$PAMRUN" --profile prt_pty $option -- \
            sh -c 'true </dev/tty && echo reached'
        assert_contains "$stdout" reached
    done
    # with --exec nobody stays to serve one
    run_ptyrun -- "$PAMRUN" --profile prt_pty --exec -u prt_alice -- sh -c 'true </dev/tty'
    assert_match "$stdout" '/dev/tty: No such device'
    run_ptyrun -- "$PAMRUN" --profile prt_pty --exec -T -u prt_alice -- sh -c 'true </dev/tty && echo reached'
    assert_contains "$stdout" reached
}

@test "job control works in a shell inside" {
    mkfifo -m 0666 "$box/nap"
    # tells when it goes on: only then the terminal is its own again
    cat >"$TEST_DIR/waker" <<END
trap 'echo GOES""ON' CONT
exec 9<>$box/nap
echo READ""Y
while :; do read -rt 0.05 _ <&9; done
END
    chmod 0644 "$TEST_DIR/waker"
    on_terminal --expect 'PROMPT> ' --send "bash $TEST_DIR/waker\\r" --expect READY --send '\032' \
        --expect Stopped --expect 'PROMPT> ' --send 'fg\r' --expect GOESON --send '\003' --expect 'PROMPT> ' \
        --send 'echo "status $?"\r' --expect 'status 130' --send 'exit 3\r' \
        -- env PS1='PROMPT> ' HISTFILE= bash --norc --noprofile -i
    assert_status 3
    refute_contains "$stdout" "no job control"
    modes_are_as_before "$TEST_DIR/modes"
    assert_no_process_of prt_alice
}

@test "the size of the window is passed on, and its changes" {
    on_terminal --rows 31 --cols 91 --expect '31 91' --resize 11x22 --expect '11 22' -- \
        bash -c 'trap "stty size; exit 0" WINCH; stty size; while :; do sleep 0.01; done'
    assert_status 0
}

@test "input is taken, echoed once by the terminal inside, and ^D ends it" {
    on_terminal --expect READY --await -ICANON --send 'hello\r' --expect 'hello\r\nhello\r\n' --send '\004' \
        -- sh -c 'echo READY; exec cat'
    assert_status 0
    assert_eq "$(grep -c hello <<<"$stdout")" 2
    modes_are_as_before "$TEST_DIR/modes"
}

@test "what is typed before the command reads is not lost" {
    on_terminal --send 'early\r' --expect got -- sh -c 'sleep 0.2; read -r word; echo "got <$word>"'
    assert_status 0
    assert_contains "$stdout" "got <early>"
}

@test "^C and the quit character reach the command, not pamrun" {
    on_terminal --expect READY --await -ICANON --send '\003' -- sh -c 'echo READY; exec sleep 100'
    assert_status 130
    modes_are_as_before "$TEST_DIR/modes"
    on_terminal --expect READY --await -ICANON --send '\034' -- sh -c 'echo READY; exec sleep 100'
    assert_status 131
    modes_are_as_before "$TEST_DIR/modes"
    probe_called close_session 2
}

# ---- the applicant's terminal ---------------------------------------------------------------------------------

@test "the terminal outside is raw meanwhile and as before afterwards" {
    on_terminal --expect READY --await -ICANON --await -ECHO --await -ISIG --send 'x\r' -- \
        sh -c 'echo READY; read -r word; exit 4'
    assert_status 4
    modes_are_as_before "$TEST_DIR/modes"
}

@test "as before also when the command crashes or cannot be executed" {
    on_terminal -- sh -c 'kill -SEGV $$'
    assert_status 139
    modes_are_as_before "$TEST_DIR/modes"
    on_terminal -- /missing/command
    assert_status 127
    modes_are_as_before "$TEST_DIR/modes"
}

@test "as before when pamrun is told to end" {
    local name

    for name in TERM HUP INT; do
        start_program "$TOOLS/ptyrun" --modes "$TEST_DIR/modes" --expect READY -- \
            "$PAMRUN" --profile prt_pty --close-on-exit -P -u prt_alice -- sh -c 'echo READY; exec sleep 100'
        assert wait_until 5 grep -q READY "$pamrun_stdout"
        assert wait_until 5 grep -q '^expect' "$TEST_DIR/modes"
        kill -s "$name" "$(pamrun_below)"
        end_status "$pamrun_pid"
        assert_status $((128 + $(kill -l "$name")))
        modes_are_as_before "$TEST_DIR/modes"
        assert_no_process_of prt_alice
    done
    probe_called close_session 3
}

# A parent that runs its child in the foreground, as a shell does, but leaves the terminal's modes alone; tells them when
# the child has stopped.  Prints READ-Y when it waits for a first stop.
write_parent()
{
    cat >"$TEST_DIR/parent.py" <<'END'
import os, signal, sys, termios

signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
    os.tcsetpgrp(0, os.getpid())
    print("stopped", "cooked" if termios.tcgetattr(0)[3] & termios.ICANON else "raw", flush=True)
    os.tcsetpgrp(0, child)
    os.kill(child, signal.SIGCONT)
END
}

@test "stopped from outside: the terminal's own mode meanwhile, raw again afterwards" {
    write_parent
    start_program "$TOOLS/ptyrun" --modes "$TEST_DIR/modes" --await -ICANON --expect 'stopped cooked' --await -ICANON \
        --send 'x\r' -- python3 "$TEST_DIR/parent.py" "$PAMRUN" --profile prt_pty -P -u prt_alice -- \
        sh -c "echo \$\$ >$box/pid; read -r word; exit 4"
    assert wait_until 5 test -s "$box/pid"
    assert wait_until 5 grep -q 'await "-ICANON"' "$TEST_DIR/modes"
    kill -STOP "$(<"$box/pid")"
    end_status "$pamrun_pid"
    assert_status 4
    modes_are_as_before "$TEST_DIR/modes"
}

@test "in the background it leaves the terminal alone" {
    run_ptyrun --modes "$TEST_DIR/modes" --expect 'PROMPT> ' \
        --send '$P -P -u prt_alice -- sh -c "echo RE\"\"ADY; sleep 0.2" & true\r' --expect READY \
        --send 'wait; echo "status $?"\r' --expect 'status 0' --expect 'PROMPT> ' --send 'exit 4\r' -- \
        env PS1='PROMPT> ' P="$PAMRUN --profile prt_pty" HISTFILE= bash --norc --noprofile -i
    assert_status 4
    modes_are_as_before "$TEST_DIR/modes"
}

@test "when the terminal hangs up the command is told, and the session is closed" {
    on_terminal --expect READY --hangup -- sh -c 'echo READY; exec sleep 100'
    assert_status 129
    probe_called close_session 1
    assert_no_process_of prt_alice
}

@test "a command that outlives the hang-up is terminated, and at last killed" {
    on_terminal --expect READY --hangup -- bash -c 'trap "" HUP; trap "exit 8" TERM; echo READY
        while :; do sleep 0.01; done'
    assert_status 8
    probe_called close_session 1
    probe_reset
    run_ptyrun --expect READY --hangup -- \
        "$PAMRUN" --profile prt_pty --close-on-exit --kill-after 0.2 -P -u prt_alice -- \
        bash -c 'trap "" HUP TERM; echo READY; while :; do sleep 0.01; done'
    assert_status 137
    probe_called close_session 1
    assert_no_process_of prt_alice
}

@test "hung up while it is no session leader: the same" {
    start_program "$TOOLS/ptyrun" --expect READY --hangup -- sh -c '"$@"; exit $?' sh \
        "$PAMRUN" --profile prt_pty --close-on-exit -P -u prt_alice -- sh -c 'echo READY; exec sleep 100'
    end_status "$pamrun_pid"
    assert wait_until 5 has_no_process prt_alice
    assert wait_until 5 probe_called close_session 1
}

# ---- what is no terminal --------------------------------------------------------------------------------------

@test "files and pipes stay what they are, a megabyte goes through unchanged" {
    head -c 1048576 /dev/urandom >"$TEST_DIR/in"
    run_ptyrun -- sh -c '"$0" --profile prt_pty -P -u prt_alice -- cat <"$1/in" >"$1/out"' "$PAMRUN" "$TEST_DIR"
    assert_status 0
    assert cmp "$TEST_DIR/in" "$TEST_DIR/out"
    run_ptyrun -- sh -c 'cat "$1/in" | "$0" --profile prt_pty -P -u prt_alice -- cat | cat >"$1/out"' \
        "$PAMRUN" "$TEST_DIR"
    assert cmp "$TEST_DIR/in" "$TEST_DIR/out"
}

@test "an archive made on a pipe with a terminal on stderr is a good archive" {
    mkdir "$box/tree"
    head -c 300000 /dev/urandom >"$box/tree/file"
    chmod -R a+rX "$box/tree"
    run_ptyrun -- sh -c '"$0" --profile prt_pty -P -u prt_alice -- tar -C "$1" -cf - tree | tar -C "$2" -xf -' \
        "$PAMRUN" "$box" "$TEST_DIR"
    assert_status 0
    assert cmp "$box/tree/file" "$TEST_DIR/tree/file"
}

@test "without any terminal -P runs the command as ever" {
    run_pamrun --profile prt_pty -P -u prt_alice -- sh -c 'cat; echo err >&2; exit 3' <<<"in"
    assert_status 3
    assert_eq "$stdout" in
    assert_eq "$stderr" err
}

# ---- much output ----------------------------------------------------------------------------------------------

@test "no output is lost at the end: 100000 lines, twenty times" {
    local expected

    expected=$(for _ in {1..20}; do seq 100000; done | md5sum)
    (
        # shellcheck disable=SC2016
        program_exec "$TOOLS/ptyrun" --timeout 60 -- sh -c \
            'for i in $(seq 20); do "$0" --profile prt_pty -P -u prt_alice -- seq 100000 || exit; done' "$PAMRUN"
    ) >"$TEST_DIR/out" </dev/null
    assert_eq "$(tr -d '\r' <"$TEST_DIR/out" | md5sum)" "$expected"
}

@test "a short last word is not lost either, fifty times" {
    run_ptyrun -- sh -c 'for i in $(seq 50); do "$0" --profile prt_pty -P -u prt_alice -- echo word; done' "$PAMRUN"
    assert_eq "$(grep -c '^word' <<<"$stdout")" 50
}

# Nothing moves: what the command has written did not grow in the last while.
writer_is_stopped()
{
    local before

    before=$(grep wchar "/proc/$1/io")
    nap 0.1
    [ "$(grep wchar "/proc/$1/io")" = "$before" ] && [ "${before##* }" -gt 4096 ]
}

@test "a terminal that nobody reads stops the writer, in little memory" {
    local pamrun yes queued

    start_program "$TOOLS/ptyrun" --timeout 60 --expect y -- \
        "$PAMRUN" --profile prt_pty --close-on-exit --kill-after 1 -P -u prt_alice -- yes
    assert wait_until 5 test -s "$pamrun_stdout"
    kill -STOP "$pamrun_pid"
    pamrun=$(pamrun_below)
    yes=$(pgrep -P "$(holder_below)" -x yes)
    assert wait_until 10 writer_is_stopped "$yes"
    # each "\n" of its has become "\r\n"; what was read so far is here
    queued=$(($(awk '/^wchar/ { print $2 }' "/proc/$yes/io") * 3 / 2 - $(stat -c %s "$pamrun_stdout")))
    [ "$queued" -gt 0 ] && [ "$queued" -le 1048576 ] || fail_because "$queued bytes are on their way"
    if [ "${SANITIZED-}" != 1 ]; then
        assert_match "$(cat "/proc/$pamrun/status")" 'VmRSS:[^0-9]*([0-9]+) kB'
        ((BASH_REMATCH[1] < 10240)) || fail_because "${BASH_REMATCH[0]}"
    fi
    kill -TERM "$pamrun" # and it can be ended all the same
    assert wait_until 5 program_has_ended "$pamrun"
    assert wait_until 5 has_no_process prt_alice
    probe_called close_session 1
    kill -CONT "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
}

# Peak memory and the like of all processes of the started program's.
of_all() # FIELD: of /proc/PID/status, in kB; prints the largest
{
    local pid

    for pid in $(pgrep -x pamrun); do
        awk -v name="$1:" '$1 == name { print $2 }' "/proc/$pid/status"
    done | sort -n | tail -n 1
}

has_shown() # BYTES
{
    [ "$(stat -c %s "$pamrun_stdout")" -ge "$1" ]
}

@test "yes at full speed takes little memory, however much has gone through" {
    local before after

    start_program "$TOOLS/ptyrun" --timeout 100 -- "$PAMRUN" --profile prt_pty --close-on-exit -P -u prt_alice -- yes
    assert wait_until 30 has_shown 1000000
    before=$(of_all VmHWM)
    assert wait_until 60 has_shown 20000000
    after=$(of_all VmHWM)
    kill -TERM "$(pamrun_below)"
    end_status "$pamrun_pid"
    assert_status 143
    [ $((after - before)) -le 256 ] || fail_because "from $before kB to $after kB"
    [ "${SANITIZED-}" = 1 ] || [ "$after" -le 10240 ] || fail_because "$after kB"
}

# How often each of our processes has gone to sleep, which it does as often as it wakes up.
wake_ups() # PID...
{
    local pid

    for pid; do
        awk '/^voluntary_ctxt/ { print $2 }' "/proc/$pid/status"
    done | awk '{ n += $1 } END { print n }'
}

is_settled() # PID...: none of them does anything
{
    local before

    before=$(wake_ups "$@")
    nap 0.5
    [ "$(wake_ups "$@")" = "$before" ]
}

@test "while the command only waits nobody wakes up; brought to the background, to see whether it is back, five times a second at most" {
    local options caller pids=() before after

    make_user prt_bob
    keep_file /etc/pam.d/su
    probe_profile su
    for caller in root prt_bob; do
        for options in -T -P; do
            applicant_set "$caller"
            start_program "$TOOLS/ptyrun" --timeout 100 --expect READY -- "${applicant[@]}" "$PAMRUN" $options \
                -u prt_alice -- sh -c 'echo READY; exec sleep 1000'
            assert wait_until 20 grep -q READY "$pamrun_stdout"
        done
    done
    mapfile -t pids < <(pgrep -x pamrun)
    assert_eq ${#pids[@]} 7 # root's with -T has no front
    assert wait_until 30 is_settled "${pids[@]}"
    before=$(wake_ups "${pids[@]}")
    nap 2
    assert_eq "$(wake_ups "${pids[@]}")" "$before"
    kill_processes_of prt_alice
    assert wait_until 20 no_pamrun

    echo "PS1='PROMPT> '" >"$TEST_DIR/rc"
    echo 'echo READY; exec sleep 1000' >"$TEST_DIR/waiter"
    start_program "$TOOLS/ptyrun" --timeout 100 --expect 'PROMPT> ' --send '$P\r' --expect READY --await -ICANON \
        --send '\032' --expect Stopped --expect 'PROMPT> ' --send 'bg; echo BA""CK\r' --expect BACK --expect 'PROMPT> ' \
        -- env HISTFILE= INPUTRC=/dev/null P="$PAMRUN --profile prt_pty -u prt_alice -- sh $TEST_DIR/waiter" \
        bash --noprofile --rcfile "$TEST_DIR/rc" -i
    assert wait_until 20 grep -q BACK "$pamrun_stdout"
    mapfile -t pids < <(pgrep -x pamrun)
    assert_eq ${#pids[@]} 2
    nap 0.5
    before=$(wake_ups "${pids[@]}")
    nap 2
    after=$(wake_ups "${pids[@]}")
    [ "$after" -gt "$before" ] && [ $((after - before)) -le 10 ] || fail_because "$((after - before)) in 2 s"
    kill_program "$pamrun_pid"
}

no_pamrun()
{
    ! pgrep -x pamrun
}

# ---- nothing goes back ----------------------------------------------------------------------------------------

# What the command pushes into any terminal that it can reach, by 0-2, by a descriptor 3 of the applicant's terminal, by
# /dev/tty, from its own session and from a new one, as seen by whoever reads the applicant's terminal afterwards.
write_pusher()
{
    cat >"$TEST_DIR/push" <<'END'
#!/usr/bin/python3
import fcntl, os, sys, termios

def push(word):
    files = [0, 1, 2, 3]
    try:
        files.append(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        pass
    for fd in files:
        try:
            for byte in word:
                fcntl.ioctl(fd, termios.TIOCSTI, bytes([byte]))
        except OSError:
            pass

push(b"pushed\n")
child = os.fork()
if child == 0:
    os.setsid()
    try:
        fcntl.ioctl(3, termios.TIOCSCTTY, 0)
    except OSError:
        pass
    push(b"stolen\n")
    os._exit(0)
os.waitpid(child, 0)
print("tried", file=sys.stderr)
END
    chmod 0755 "$TEST_DIR/push"
}

push_input() # PROGRAM ARGUMENT...
{
    run_ptyrun -- bash -c '
        stty -echo
        "$@" 3<>/dev/tty
        words=
        while read -rt 0.2 word; do words+="$word "; done
        echo "outer read <$words>"' bash "$@"
    assert_status 0
    assert_contains "$stdout" tried
}

# Where the kernel forbids it (dev.tty.legacy_tiocsti 0, since Linux 6.2) the first of these tests shows only that nothing
# is different there; the machine cannot be changed from here.
kernel_lets_push()
{
    [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ]
}

@test "input that the command pushes back (TIOCSTI) does not reach the applicant's terminal, in any form of call" {
    local push=$TEST_DIR/push pamrun=("$PAMRUN" --profile prt_pty) redirect

    write_pusher
    for words in "-u prt_alice -- $push" "prt_alice -c $push" "- prt_alice -c $push" "prt_alice --session-command $push" \
        "-s /usr/bin/python3 prt_alice $push" "-l -s /usr/bin/python3 prt_alice $push" "-P -u prt_alice -- $push" \
        "-T prt_alice -c $push" "--exec -u prt_alice -- $push" "--exec prt_alice -c $push"; do
        echo "-- $words"
        # shellcheck disable=SC2086 # words
        push_input "${pamrun[@]}" $words
        assert_contains "$stdout" "outer read <>"
    done
    # with none of 0-2 a terminal
    redirect='exec 4>&2; "$@" </dev/null 2>&1 | cat >&4'
    for words in "-u prt_alice -- $push" "prt_alice --session-command $push" "-l -s /usr/bin/python3 prt_alice $push"; do
        echo "-- no descriptor: $words"
        # shellcheck disable=SC2086 # words
        push_input sh -c "$redirect" sh "${pamrun[@]}" $words
        assert_contains "$stdout" "outer read <>"
    done
}

@test "it does where the terminal is shared, with -T, and with su: or the test before would show nothing" {
    write_pusher
    kernel_lets_push || return 0
    push_input "$PAMRUN" --profile prt_pty -T -u prt_alice -- "$TEST_DIR/push"
    assert_contains "$stdout" "pushed"
    assert_match "$stdout" 'outer read <(pushed )+>'
    push_input su --session-command "$TEST_DIR/push" prt_alice
    assert_match "$stdout" 'outer read <(pushed )+>'
}

@test "the command has no descriptor of the outer terminal" {
    run_ptyrun -- sh -c 'echo "outer $(tty)"; exec "$0" --profile prt_pty -P -u prt_alice -- sh -c "$1"' "$PAMRUN" \
        'ls -l /proc/$$/fd | sed "s/^.*->/has/"; echo end'
    assert_status 0
    refute_contains "$(grep '^has' <<<"$stdout")" "$(sed -n 's/^outer \(.*\)\r$/\1/p' <<<"$stdout")"
    refute_contains "$stdout" ptmx
}
