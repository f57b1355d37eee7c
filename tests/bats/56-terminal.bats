# shellcheck disable=SC2154 # stdout, applicant ... are common.bash's
# shellcheck disable=SC2016 # typed: expanded by the shell that reads it
# A command of another account, with the pseudo-terminal that it has by default, under the applicant's interactive shell:
# ^Z, fg and bg with programs that use the whole screen and with those that do not know of job control, in the background,
# in pipelines; and what the command can do to the process that leads its session.
# With sanitizers only in full.

load lib/common
load lib/terminal

no_leak_check

setup()
{
    begin_test
    box=$TEST_DIR/box
    install -d -m 0777 "$box"
    seq -f 'row %g' 1 15 >"$box/text"
    echo 'echo REA""DY; exec sleep 1000' >"$box/sleeper"
    # `s` shows the status before it and whether the terminal's modes are the shell's; halted waits for a stopped job,
    # all_stopped until each process of the command has stopped: less still puts modes back when its parent has
    cat >"$TEST_DIR/rc" <<END
PS1='PROMPT> '
M=\$(stty -g)
P='$PAMRUN --close-on-exit -u prt_alice --'
cd $box
s()
{
    r=\$?
    if [ "\$(stty -g)" = "\$M" ]; then echo "status \$r, same modes"; else echo "status \$r, other modes: \$(stty -a)"; fi
}
halted()
{
    until jobs >$box/jobs && grep -q Stopped $box/jobs; do sleep 0.02; done
    cat $box/jobs
    echo HALTED
}
all_stopped()
{
    while ps -o stat= -u prt_alice | grep -qv ^T; do sleep 0.02; done
    echo ALL STOPPED
}
END
}

# A job is brought to the foreground, and is there.
bring() # SEEN
{
    line fg "$1"
    steps+=(--await JOB)
}

# Steps, collected in `steps`: a line typed, then what is seen.
line() # LINE SEEN...
{
    steps+=(--send "$1\\r")
    see "${@:2}"
}

keys() # BYTES SEEN...
{
    steps+=(--send "$1")
    see "${@:2}"
}

see()
{
    local text

    for text; do
        steps+=(--expect "$text")
    done
}

line_status() # STATUS [LINE]
{
    line "${2+$2; }s" "status $1, same modes" 'PROMPT> '
}

# The steps in an interactive bash of APPLICANT; nothing is left, all sessions are closed.
play() # APPLICANT OPENED
{
    local who=()

    if [ "$1" != root ]; then
        applicant_set "$1"
        who=("${applicant[@]}")
    fi
    run_ptyrun --timeout 15 --cols 90 --rows 20 --modes "$TEST_DIR/modes" --expect 'PROMPT> ' "${steps[@]}" --send 'exit 4\r' \
        -- "${who[@]}" env HISTFILE= TERM=vt100 INPUTRC=/dev/null bash --noprofile --rcfile "$TEST_DIR/rc" -i
    [ "$status" -eq 4 ] || fail_because "status $status, expected 4; the last lines:" "$(tail -n 12 <<<"$stdout")"
    modes_are_as_before "$TEST_DIR/modes"
    assert wait_until 30 has_no_process prt_alice
    probe_called open_session "$2"
    probe_called close_session "$2"
}

# ---- ^Z, fg, bg -----------------------------------------------------------------------------------------------

stops_programs() # APPLICANT
{
    local steps=()

    # one that knows nothing of terminals
    line '$P sh sleeper' READY
    keys '\032' Stopped 'PROMPT> '
    line_status 148
    line 'bg; jobs' Running 'PROMPT> '
    bring 'sh sleeper'
    keys '\032' Stopped 'PROMPT> '
    bring 'sh sleeper'
    steps+=(--await -ICANON)
    keys '\003' 'PROMPT> '
    line_status 130
    # one that sets modes and draws; fg draws again
    line '$P less text' 'row 15'
    keys '\032' Stopped 'PROMPT> '
    line_status 148
    line 'fg' '(END)'
    keys q 'PROMPT> '
    line_status 0
    # one that stops itself by a signal to its process group
    line '$P vi -u NONE -n text' 'row 15'
    keys '\032' Stopped 'PROMPT> '
    line_status 148
    line 'fg' 'row 1' 'row 15'
    keys ':q!\r' 'PROMPT> '
    line_status 0
    play "$1" 3
}

@test "^Z stops sleep, less and vi, fg draws again, bg goes on, and the shell has its modes meanwhile" {
    needs less vi
    stops_programs prt_bob
    probe_reset
    stops_programs root
}

@test "^Z stops all of the command's processes, and fg continues all" {
    local steps=()

    needs less
    echo 'less text; echo AF""TER; exit 3' >"$box/script"
    line '$P sh script' '(END)'
    keys '\032' Stopped 'PROMPT> '
    line 'all_stopped' 'ALL STOPPED' 'PROMPT> '
    line 'fg' '(END)'
    keys q AFTER 'PROMPT> '
    line_status 3
    play prt_bob 1
}

@test "^Z stops the script that runs pamrun, too" {
    local steps=()

    echo "$PAMRUN --close-on-exit -u prt_alice -- sh sleeper; exit 6" >"$box/outer"
    line 'sh outer' READY
    keys '\032' Stopped 'PROMPT> '
    line_status 148
    bring 'sh outer'
    steps+=(--await -ICANON)
    keys '\003' 'PROMPT> '
    line_status 6
    play prt_bob 1
}

@test "kill %1 ends what ^Z has stopped, and nobody stays stopped" {
    local steps=()

    line '$P sh sleeper' READY
    keys '\032' Stopped 'PROMPT> '
    line 'kill %1; wait' 'PROMPT> '
    line 'jobs; echo NO""MORE' NOMORE 'PROMPT> '
    # the command ends, and leaves a stopped process in its group
    echo 'sleep 1000 & kill -STOP $!; until grep -q "^State:.T" /proc/$!/status; do :; done; exit 3' >"$box/script"
    line_status 3 '$P sh script'
    play prt_bob 2
}

@test "where nobody could continue it, ^Z does not stop it" {
    run_ptyrun --modes "$TEST_DIR/modes" --expect READY --await -ICANON --send '\032' --send 'word\r' \
        --expect 'word\r\nword' --send '\004' -- "$PAMRUN" --close-on-exit -u prt_alice -- sh -c 'echo READY; exec cat'
    assert_status 0
    modes_are_as_before "$TEST_DIR/modes"
}

# ---- in the background ----------------------------------------------------------------------------------------

@test "started in the background it shows its output, and stops when it reads or sets modes; fg gives it the terminal" {
    local steps=()

    line '$P sh -c "echo OUT\"\"PUT; exit 5" & wait $!; s' OUTPUT 'status 5, same modes' 'PROMPT> '
    line '$P cat & halted' HALTED 'PROMPT> '
    line_status 0
    line 'bg; halted' HALTED 'PROMPT> '
    bring 'cat'
    steps+=(--await -ICANON)
    keys 'word\r' 'word\r\nword'
    keys '\004' 'PROMPT> '
    line_status 0
    line '$P stty -echo & halted' HALTED 'PROMPT> '
    line 'fg' 'stty' 'PROMPT> '
    line_status 0
    play prt_bob 3
}

@test "its terminal has the modes of the shell's jobs, not those of the shell's line editor" {
    local steps=()

    line '$P sh -c "read -r word; stty -a" & halted' HALTED 'PROMPT> '
    bring 'read'
    steps+=(--await -ICANON)
    keys 'word\r' ' icanon' ' echo ' 'PROMPT> '
    line_status 0
    play prt_bob 1
}

@test "brought to the foreground it is interrupted by ^C and stopped by ^Z, though it never used the terminal" {
    local steps=()

    echo "touch $box/started; exec sleep 1000" >"$box/silent"
    line '$P sh silent & until [ -e started ]; do sleep 0.02; done' 'PROMPT> '
    bring 'sh silent'
    keys '\032' Stopped 'PROMPT> '
    bring 'sh silent'
    keys '\003' 'PROMPT> '
    line_status 130
    play prt_bob 1
}

@test "stopped by SIGSTOP from outside: fg sets raw mode again, and bg does not end it" {
    local steps=()

    echo 'echo REA""DY; read -r word; echo "got <$word>"; read -r word; echo "got <$word>"' >"$box/reader"
    line '$P sh reader' READY
    steps+=(--await -ICANON)
    play_with_stop
}

# pamrun's front gets SIGSTOP when the steps so far are done.
play_with_stop()
{
    local front

    see Stopped 'PROMPT> '
    line 'bg; true' 'PROMPT> '
    line 'echo still; jobs' still Running 'PROMPT> '
    bring 'sh reader' # it runs: the shell sends no signal
    steps+=(--await -ICANON)
    keys 'one\r' 'got <one>'
    keys 'two\r' 'got <two>' 'PROMPT> '
    line_status 0
    applicant_set prt_bob
    start_program "$TOOLS/ptyrun" --timeout 15 --modes "$TEST_DIR/modes" --expect 'PROMPT> ' "${steps[@]}" --send 'exit 4\r' \
        -- "${applicant[@]}" env HISTFILE= TERM=vt100 INPUTRC=/dev/null bash --noprofile --rcfile "$TEST_DIR/rc" -i
    assert wait_until 20 grep -q '^await "-ICANON"' "$TEST_DIR/modes"
    front=$(pgrep -x pamrun -u prt_bob)
    kill -STOP "$front"
    end_status "$pamrun_pid" 30
    assert_status 4
    probe_called close_session 1
}

@test "with stty tostop it stops when it writes, as any job does, and fg shows what it wrote" {
    local steps=()

    line 'stty tostop; M=$(stty -g)' 'PROMPT> '
    line '$P sh -c "echo OUT\"\"PUT; echo ENDE\"\"D; exit 5" & halted' 'HALTED' 'PROMPT> '
    line 'jobs -l' 'tty output' 'PROMPT> '
    # it may go on, and stops at once again
    line 'bg; halted' 'HALTED' 'PROMPT> '
    line 'echo BEF""ORE; fg' BEFORE OUTPUT ENDED 'PROMPT> '
    line_status 5
    line 'stty -tostop' 'PROMPT> '
    play prt_bob 1
    refute_contains "${stdout%%BEFORE*}" OUTPUT
}

@test "with tostop, where nobody could continue it, what it writes is not shown, and it ends" {
    local steps=()

    line 'stty tostop; M=$(stty -g); ( { $P sh -c "echo OUT\"\"PUT; exit 5"; echo $? >five; } & )' 'PROMPT> '
    line 'until [ -s five ]; do sleep 0.02; done; echo "it was $(cat five)"; stty -tostop' 'it was 5' 'PROMPT> '
    play prt_bob 1
    refute_contains "$stdout" OUTPUT
}

@test "lines end as everybody's do where the terminal keeps its mode: in the background, and with a pipe as standard input" {
    local steps=()

    run_ptyrun -- bash -c 'seq 30000 | "$@"' bash "$PAMRUN" --close-on-exit -u prt_alice -- cat
    assert_status 0
    assert_eq "$(grep -c $'^[0-9]*\r$' <<<"$stdout")" 30000
    assert_eq "$(tr -d '\r' <<<"$stdout" | md5sum)" "$(seq 30000 | md5sum)"
    run_ptyrun -- bash -c 'true | "$@"' bash "$PAMRUN" --close-on-exit -u prt_alice -- printf 'one\r\ntwo\r\r\n50%%\r'
    assert_eq "$stdout" $'one\r\r\ntwo\r\r\r\n50%\r' # what it wrote itself is its own
    line '$P seq 20000 & wait; s' '20000\r\n' 'status 0' 'PROMPT> '
    play prt_bob 3
    refute_contains "$stdout" $'\r\r\n'
}

# ---- pipelines ------------------------------------------------------------------------------------------------

@test "two in a pipeline, four under xargs: pipes stay pipes, nobody takes the other's modes" {
    local steps=()

    line_status 0 'seq 3000 >numbers; $P cat numbers | $P cat | cmp - numbers'
    line_status 0 '$P seq 3 | $P sed "s/^/number /"'
    line_status 0 'seq 4 | xargs -P 4 -I {} $P echo guest {}'
    play prt_bob 8
    assert_contains "$stdout" "number 3"
    assert_contains "$stdout" "guest 4"
}

@test "a pager at the end of a pipeline has the keys; ^Z stops the whole pipeline and fg continues it" {
    local steps=()

    needs less
    line 'seq -f "line %g" 1000 | $P less' 'line 19'
    keys ' ' 'line 38'
    keys '\032' Stopped 'PROMPT> '
    line 's' 'same modes' 'PROMPT> '
    line 'fg' 'line 38'
    keys q 'PROMPT> '
    line 's' 'same modes' 'PROMPT> '
    play prt_bob 1
}

# ---- out of the command's reach -------------------------------------------------------------------------------

@test "the command can neither end, stop, trace nor read the process that leads its session" {
    cat >"$TEST_DIR/attack" <<'END'
#!/usr/bin/python3
import ctypes, os, signal, sys

leader = os.getsid(0)
assert leader == os.getppid() != os.getpid()
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP):
    for send in (os.kill, os.killpg):
        try:
            send(leader, number)
            print("sent", number)
        except PermissionError:
            pass
os.kill(leader, signal.SIGCONT)  # that is allowed in a session, and changes nothing
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(16, leader, None, None) == 0:
    print("traced")
for name in ("mem", "environ", "fd/0", "maps"):
    try:
        open("/proc/%d/%s" % (leader, name), "rb").read(1)
        print("read", name)
    except OSError:
        pass
sys.exit(9)
END
    chmod 0755 "$TEST_DIR/attack"
    run_ptyrun -- "$PAMRUN" --close-on-exit -u prt_alice -- "$TEST_DIR/attack"
    assert_status 9
    assert_eq "$stdout" ""
    probe_called close_session 1
}

# The front's side of the pseudo-terminal, and ^C and ^\ typed into it until the file appears: as who sits there might, in the
# moment in which the command has ended and the front does not know.
write_typist()
{
    cat >"$TEST_DIR/typist" <<'END'
import ctypes, os, sys, time

front, until = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
number = [int(fd) for fd in os.listdir("/proc/%d/fd" % front)
          if os.readlink("/proc/%d/fd/%s" % (front, fd)).endswith("ptmx")]
assert len(number) == 1, number
pidfd_getfd = 438
master = libc.syscall(pidfd_getfd, os.pidfd_open(front), number[0], 0)
assert master >= 0, os.strerror(ctypes.get_errno())
print("typing", flush=True)
while not os.path.exists(until):
    os.write(master, b"\x03\x1c")
    time.sleep(0.001)
END
}

# It makes pamrun's group the foreground one until the session is closed, and the signals of ^C and ^\ would be for that. The
# front is stopped, so that the pseudo-terminal is still there; the command was told to end, so nobody waits for its output.
@test "what the command leaves behind cannot interrupt the closing of the session through its terminal" {
    local front typist

    write_typist
    cat >"$TEST_DIR/attack" <<END
#!/usr/bin/python3
import os, signal, sys, time

leader = os.getsid(0)
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTTOU, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: open("$box/told", "w").close())
if os.fork() == 0:
    os.setpgid(0, 0)
    rounds = 0
    while not os.path.exists("$box/closed"):
        try:
            os.tcsetpgrp(0, leader)
            open("$box/leads", "w").close()
        except OSError:
            pass
        rounds += os.path.exists("$box/closing")
        if rounds == 500:
            open("$box/tried", "w").close()
    os._exit(0)
while not os.path.exists("$box/go"):
    time.sleep(0.01)
sys.exit(9)
END
    chmod 0755 "$TEST_DIR/attack"
    probe_script <<END
close_session touch $box/closing
close_session hang-eintr
END
    start_program "$TOOLS/ptyrun" --timeout 100 -- "$PAMRUN" --close-on-exit --kill-after never -u prt_alice -- \
        "$TEST_DIR/attack"
    assert wait_until 20 test -e "$box/leads"
    front=$(pgrep -P "$pamrun_pid" -x pamrun)
    kill -STOP "$front"
    kill -TERM "$(pgrep -P "$front" -x pamrun)"
    assert wait_until 20 test -e "$box/told"
    python3 "$TEST_DIR/typist" "$front" "$box/closed" >"$TEST_DIR/typing" &
    typist=$!
    assert wait_until 20 grep -q typing "$TEST_DIR/typing"
    touch "$box/go"
    assert wait_until 40 test -e "$box/tried"
    pgrep -P "$front" -x pamrun >/dev/null || fail_because "the module was interrupted"
    refute grep -q interrupted "$PROBE_LOG_FILE"
    touch "$box/closed"
    wait "$typist"
    kill -TERM "$(pgrep -P "$front" -x pamrun)" # that may
    kill -CONT "$front"
    end_status "$pamrun_pid" 30
    assert_status 9
    probe_called close_session 1
    probe_called setcred-delete 1
}

@test "root kills the process that leads the session: the front says so, the modes are as before" {
    applicant_set prt_bob
    start_program "$TOOLS/ptyrun" --modes "$TEST_DIR/modes" --expect READY --await -ICANON -- \
        "${applicant[@]}" "$PAMRUN" --close-on-exit -u prt_alice -- sh "$box/sleeper"
    assert wait_until 20 grep -q '^await "-ICANON"' "$TEST_DIR/modes"
    kill -KILL "$(pgrep -x pamrun -u root)"
    end_status "$pamrun_pid"
    assert_status 71
    assert_contains "$stdout" "the process that holds the PAM session was ended by SIGKILL"
    modes_are_as_before "$TEST_DIR/modes"
    assert wait_until 10 has_no_process prt_alice # its terminal has gone
}
