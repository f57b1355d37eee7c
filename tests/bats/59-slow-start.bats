# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # stdout ... are common.bash's; what stands in '' is the inner shell's
# The command's directory is on a file system that does not answer: that is told, ^C ends the run at once, ^Z gives the
# terminal back, and whoever waits longer gets his command.
# With sanitizers only in full.

load lib/common
load lib/terminal

no_leak_check

setup()
{
    begin_test
    export TERM=xterm
    callers=(root prt_bob)
    make_mounter
    stuck
}

# A file system of one folder, whose daemon answers nobody before there is a file `go` beside the folder: it does not even
# read what is asked, so that who asks can be killed; or it does (--take), and then Linux does not let him end.
make_mounter()
{
    { : <>/dev/fuse; } 2>/dev/null || skip_test "needs /dev/fuse" || return
    cat >"$TEST_DIR/mounter" <<'PYTHON'
#!/usr/bin/python3
import ctypes, os, struct, sys, time

folder = sys.argv[1]
fuse = os.open("/dev/fuse", os.O_RDWR)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fuse
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"stuck", folder.encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit("mount: " + os.strerror(ctypes.get_errno()))
INIT, ACCESS, INTERRUPT = 26, 34, 36
unanswered = []

def take():
    request = os.read(fuse, 1 << 20)
    length, opcode, unique = struct.unpack_from("=IIQ", request)
    if opcode == INIT:
        answer(unique, struct.pack("=IIII", 7, 19, 0, 0) + bytes(8))
    elif opcode == ACCESS:
        unanswered.append(unique)
    elif opcode != INTERRUPT:
        sys.exit("unexpected request %d" % opcode)

def answer(unique, data=b""):
    os.write(fuse, struct.pack("=IiQ", 16 + len(data), 0, unique) + data)

os.set_blocking(fuse, False)
print("mounted", flush=True)
while True:
    goes = os.path.exists(folder + ".go")
    if goes or "--take" in sys.argv:
        try:
            take()
        except BlockingIOError:
            pass
    while goes and unanswered:
        try:
            answer(unanswered.pop())
        except FileNotFoundError:
            pass  # who asked has been killed
    time.sleep(0.01)
PYTHON
}

stuck() # [--take]
{
    local daemon_stdout

    unstick
    folder=$TEST_DIR/folder
    rm -f "$folder.go"
    mkdir -p "$folder"
    start_program python3 "$TEST_DIR/mounter" "$folder" "$@"
    daemon=$pamrun_pid daemon_stdout=$pamrun_stdout
    wait_until 20 grep -q mounted "$daemon_stdout"
}

# Its end is the end of what waits for it.
unstick()
{
    [ -n "${daemon-}" ] || return 0
    kill_program "$daemon"
    wait "$daemon" 2>/dev/null || true
    umount -l "$folder" || true
    daemon=
}

teardown()
{
    unstick
    kill_processes_of prt_bob || true
    kill_processes_of prt_alice || true
    cleanup_all
}

stopped_by() # SIGNAL
{
    echo "pamrun: command for prt_alice (profile su): stopped by SIG$1"$'\r'
}

nothing_is_left() # OPENED
{
    wait_until 30 nobody_is_left || fail_because "left: $(ps -ef)"
    probe_called open_session "$1"
    probe_called close_session "$1"
}

nobody_is_left()
{
    has_no_process prt_alice && ! pgrep -x pamrun
}

@test "a directory that hangs is told as the command's step, and when it answers the command runs" {
    start_for_all -- --chdir "$folder" -u prt_alice -- printf ran
    wait_until 20 all_show "$(waiting command)"
    touch "$folder.go"
    all_end_with 0 "$(waiting command)${wipe}ran"
}

@test "the same with a pipe as standard input, which leaves the terminal its mode: the line goes" {
    local caller

    for caller in "${callers[@]}"; do
        rm -f "$folder.go"
        applicant_set "$caller"
        start_program "$TOOLS/ptyrun" --timeout 60 -- bash -c 'echo word | "$@"' bash "${applicant[@]}" "$PAMRUN" \
            --chdir "$folder" -u prt_alice -- cat
        wait_until 20 shows "$(waiting command)"
        touch "$folder.go"
        ends_with 0 "$(waiting command)${wipe}word"$'\r'
        stuck
    done
}

@test "^C and ^\\ end it at once: nothing is run, the step is named, the session is closed, the modes are as before" {
    local row options keys number opened=0

    for row in '\003 2' '\034 3'; do
        read -r keys number <<<"$row"
        # shellcheck disable=SC2086 # words
        for options in '' '-T'; do
            start_for_all --expect "$(waiting command)" --send "$keys" -- $options --chdir "$folder" \
                -u prt_alice -- printf ran
            for pamrun_pid in "${started[@]}"; do
                end_status "$pamrun_pid" 60
                assert_status $((128 + number))
                assert_eq "${stdout/'^'[C\\]/}" "$(waiting command)$wipe$(stopped_by "$(kill -l "$number")")"
            done
            opened=$((opened + 2))
        done
    done
    nothing_is_left $opened
}

@test "with --exec, where nobody waits for the command, ^C and TERM end its process, as they would end the command" {
    local option

    start_program "$TOOLS/ptyrun" --timeout 60 --expect "$(waiting command)" --send '\003' -- \
        bash -mc '"$@"; exit' bash "$PAMRUN" --exec --chdir "$folder" -u prt_alice -- printf ran
    end_status "$pamrun_pid" 60
    assert_status 130
    refute_contains "$stdout" ran
    for option in --exec --share; do # the latter becomes the command, too
        start_program "$PAMRUN" $option --chdir "$folder" -u prt_alice -- printf ran
        wait_until 20 is_account_with_directory "$pamrun_pid"
        kill "$pamrun_pid"
        end_status "$pamrun_pid" 60
        assert_status 143
        assert_eq "$stdout" ""
    done
    wait_until 30 nobody_is_left
}

is_account_with_directory() # PID
{
    [ "$(awk '/^Uid/ { print $2 }' "/proc/$1/status")" = "$(id -u prt_alice)" ]
}

@test "^C ends nobody who ignores it: the command runs when its directory answers" {
    local caller

    started=()
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        # the second time it waits until the first ^C was typed
        start_program "$TOOLS/ptyrun" --timeout 60 --expect "$(waiting command)" --send '\003' --expect '^C' -- \
            bash -c 'trap "" INT; exec "$@"' bash "${applicant[@]}" "$PAMRUN" -T --chdir "$folder" -u prt_alice -- printf ran
        started+=("$pamrun_pid")
    done
    wait_until 20 all_show '^C'
    touch "$folder.go"
    all_end_with 0 "$(waiting command)${wipe}ran"
}

@test "TERM, HUP and a terminal that hangs up end it at once too, and the killed front does" {
    local name caller fronts opened=0

    for name in TERM HUP KILL; do
        started=()
        for caller in "${callers[@]}"; do
            start_on_terminal "$caller" --expect "$(waiting command)" -- --chdir "$folder" -u prt_alice -- printf ran
            started+=("$pamrun_pid")
        done
        wait_until 20 all_show "$(waiting command)"
        fronts=()
        for pamrun_pid in "${started[@]}"; do
            fronts+=("$(pgrep -P "$pamrun_pid" -x pamrun)")
        done
        kill -s "$name" "${fronts[@]}"
        for pamrun_pid in "${started[@]}"; do
            end_status "$pamrun_pid" 60
            assert_status $((128 + $(kill -l "$name")))
        done
        nothing_is_left $((opened += 2))
    done
    start_for_all --expect "$(waiting command)" --hangup -- --chdir "$folder" -u prt_alice -- printf ran
    for pamrun_pid in "${started[@]}"; do
        end_status "$pamrun_pid" 60
        assert_status 129
    done
    nothing_is_left $((opened + 2))
}

@test "one that even SIGKILL does not end: the run ends all the same, and says so; nothing is executed later" {
    local opened=0 options

    stuck --take
    # shellcheck disable=SC2086 # words
    for options in '' '-T'; do
        start_for_all --expect "$(waiting command)" --send '\003' --expect hint -- $options --chdir "$folder" \
            -u prt_alice -- touch "$TEST_DIR/executed"
        all_end_with 130 "$(waiting command)$wipe$(stopped_by INT)
hint: its process waits for a file system that does not answer, and ends, without executing anything, when that does"$'\r'
    done
    touch "$folder.go"
    nothing_is_left 4
    refute test -e "$TEST_DIR/executed"
}

@test "^Z gives the terminal back meanwhile; fg, and ^C ends it, or the directory answers and the command runs" {
    local options

    cat >"$TEST_DIR/rc" <<'END'
PS1='PROMPT> '
M=$(stty -g)
s() { if [ "$(stty -g)" = "$M" ]; then echo "status $?, same modes"; else echo "other modes: $(stty -a)"; fi; }
END
    for options in '' '-T'; do
        rm -f "$folder.go"
        start_for_shells \
            --expect 'PROMPT> ' --send '$P\r' --expect 'waiting for command' --send '\032' --expect Stopped \
            --expect 'PROMPT> ' --send 's\r' --expect 'same modes' --expect 'PROMPT> ' --send 'fg\r' \
            --expect '$P' --await JOB --send '\003' --expect 'stopped by SIGINT' --expect 'PROMPT> ' \
            --send '$P\r' --expect 'waiting for command' --send '\032' --expect Stopped --expect 'PROMPT> ' \
            --send 'fg\r' --expect '$P' --expect ran --expect 'PROMPT> ' --send 'exit 4\r'
        wait_until 40 all_show Stopped 2
        touch "$folder.go"
        for pamrun_pid in "${started[@]}"; do
            end_status "$pamrun_pid" 60
            assert_status 4
        done
    done
    nothing_is_left 8
}

start_for_shells() # ptyrun step...
{
    local caller

    started=()
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        start_program "$TOOLS/ptyrun" --timeout 60 --cols 160 "$@" -- "${applicant[@]}" env HISTFILE= INPUTRC=/dev/null \
            P="$PAMRUN --close-on-exit $options --chdir $folder -u prt_alice -- printf ran" bash --noprofile --rcfile "$TEST_DIR/rc" -i
        started+=("$pamrun_pid")
    done
}
