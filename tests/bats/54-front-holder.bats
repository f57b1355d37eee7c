# The two processes of a caller who is not root: the front, which is his, and the holder, which has the PAM session and
# is out of his reach. Whatever becomes of the front, the holder ends in order; whatever becomes of the holder, the front
# says so.
# With sanitizers only in full.

load lib/common
load lib/processes

phases=(authenticate acct_mgmt setcred-establish open_session)

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice
    make_user prt_bob --groups prt_staff
    probe_profile su
    [ ! -e /etc/pam.d/su-l ] || probe_profile su-l
}

setup()
{
    begin_test
    box=$TEST_DIR/box record=$TEST_DIR/box/record
    install -d -m 1777 -o prt_alice "$box"
    mkfifo -m 0666 "$box/nap"
    applicant_set prt_bob
    write_recorder
    write_parent
}

# What a failed test left is not to fail the next one.
teardown()
{
    kill_processes_of prt_bob || true
    kill_processes_of prt_alice || true
    cleanup_all
}

# ---- programs -------------------------------------------------------------------------------------------------

as_caller() # COMMAND...
{
    "${applicant[@]}" "$@"
}

caller_signals() # SIGNAL PID
{
    as_caller bash -c 'kill -s "$1" "$2"' bash "$1" "$2"
}

job() # OPTION...
{
    run_pamrun_as prt_bob "$@"
}

# The started program is the front.
start_job() # OPTION...
{
    start_pamrun_as prt_bob "$@"
}

start_recorder() # OPTION...
{
    rm -f "$record" "$box/pid" "$box/go"
    start_job "$@"
    assert wait_until 10 test -s "$box/pid"
}

holder_of() # FRONT
{
    pgrep -P "$1"
}

# ---- conditions -----------------------------------------------------------------------------------------------

status_field() # PID NAME: of /proc/PID/status, blanks made one
{
    awk -v name="$2:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$1/status"
}

# The front itself may be a zombie: bats waits for it.
nobody_is_left()
{
    [ -z "$(session_members "$pamrun_pid")" ] && has_no_process prt_alice && has_no_process prt_bob
}

only_the_front_is_left()
{
    [ "$(session_members "$pamrun_pid")" = "$pamrun_pid" ]
}

assert_nobody_left()
{
    wait_until 30 nobody_is_left || fail_because "left: $(session_members "$pamrun_pid" | xargs -r ps -o pid,user,args -p)"
}

# A session that was tried is closed, credentials that were tried are deleted, each once. What modules said to it is not
# the point: a module that failed half-way is asked to undo, too.
assert_undone() # [WHERE]
{
    assert_eq "$(probe_count close_session)" "$(probe_count open_session)" "${1-}: closed, and opened"
    assert_eq "$(probe_count setcred-delete)" "$(probe_count setcred-establish)" "${1-}: deleted, and set"
}

in_both_forms() # FUNCTION: called with the words that make the recorder the command
{
    "$1" -u prt_alice -- "$TEST_DIR/recorder"
    probe_reset
    "$1" prt_alice -c "exec $TEST_DIR/recorder"
}

# Start, with a module that waits in PHASE until a signal interrupts it, and wait until it does.
start_hanging() # PHASE OPTION...
{
    probe_reset
    probe_script <<<"$1 hang-eintr"
    start_job "${@:2}"
    assert wait_until 10 probe_called "$1"
}

# ---- what they are --------------------------------------------------------------------------------------------

assert_is_front() # PID
{
    local uid gid set

    uid=$(id -u prt_bob) gid=$(id -g prt_bob)
    assert_eq "$(status_field "$1" Uid)" "$uid $uid $uid $uid"
    assert_eq "$(status_field "$1" Gid)" "$gid $gid $gid $gid"
    assert_eq "$(status_field "$1" Groups | xargs -n 1 | sort -n | xargs)" \
        "$(id -G prt_bob | xargs -n 1 | sort -n | xargs)"
    for set in CapInh CapPrm CapEff CapAmb; do
        assert_eq "$(status_field "$1" $set)" 0000000000000000 "$set"
    done
}

process_group_and_session() # PID
{
    ps -o pgid=,sid= -p "$1" | xargs
}

@test "the front is the started process and has the caller's ids only, the holder is its child, the command the holder's" {
    local front holder uid name

    probe_script <<END
authenticate touch $TEST_DIR/entered
authenticate wait-file $TEST_DIR/go-on
END
    rm -f "$box/pid"
    start_job -u prt_alice -- "$TEST_DIR/recorder"
    front=$pamrun_pid uid=$(id -u prt_bob)
    assert wait_until 10 test -e "$TEST_DIR/entered"
    holder=$(holder_of "$front")
    assert_is_front "$front"
    # until the account step is through pam_rootok(8) is to see who asks
    assert_eq "$(status_field "$holder" Uid)" "$uid 0 0 0"
    touch "$TEST_DIR/go-on"

    assert wait_until 10 test -s "$box/pid"
    assert_eq "$(holder_of "$front")" "$holder"
    assert_is_front "$front"
    assert_eq "$(status_field "$holder" Uid)" "0 0 0 0"
    assert_eq "$(status_field "$holder" Gid)" "0 0 0 0"
    assert_eq "$(ps -o ppid= -p "$(command_pid)" | xargs)" "$holder"
    assert_eq "$(process_group_and_session "$front")" "$front $front"
    assert_eq "$(process_group_and_session "$holder")" "$front $front"
    for name in TSTP TTIN TTOU; do
        assert signal_in "$(status_field "$holder" SigBlk)" $name
    done
    touch "$box/go"
    end_status "$front"
    assert_status 7
    assert_nobody_left

    uid=$(id -u prt_bob)
    for name in authenticate acct_mgmt; do
        assert_eq "$(probe_field $name ruid) $(probe_field $name euid)" "$uid 0" "$name"
    done
    for name in setcred-establish open_session; do
        assert_eq "$(probe_field $name ruid) $(probe_field $name euid)" "0 0" "$name"
    done
    for name in "${phases[@]}"; do
        assert_eq "$(probe_field "$name" pid)" "$holder"
        assert signal_in "$(probe_field "$name" sigblk)" TSTP
        assert signal_in "$(probe_field "$name" sigblk)" TTIN
        assert signal_in "$(probe_field "$name" sigblk)" TTOU
        refute signal_in "$(probe_field "$name" sigblk)" TERM
    done
}

# Can the caller attach to the process? PTRACE_SEIZE neither stops nor signals it.
caller_traces() # PID
{
    as_caller python3 -c 'import ctypes, sys
sys.exit(ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), None, None) != 0)' "$1"
}

@test "neither process can be read or traced by the caller, in the account step and while the command runs" {
    local file process pid

    look_at_both()
    {
        for process in front holder; do
            pid=$pamrun_pid
            [ $process = front ] || pid=$(holder_of "$pamrun_pid")
            assert_eq "$(stat -c %u "/proc/$pid/environ" "/proc/$pid/mem" | xargs)" "0 0" $process
            for file in environ mem maps auxv; do
                refute as_caller head -c 1 "/proc/$pid/$file"
            done
            refute as_caller ls "/proc/$pid/fd"
            refute caller_traces "$pid"
        done
    }
    if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" = 0 ]; then
        start_program "${applicant[@]}" sleep 100 # he can do so to what is his: the refusals mean something
        wait_until 10 caller_traces "$pamrun_pid"
        kill "$pamrun_pid"
    fi
    start_hanging acct_mgmt -u prt_alice -- true
    look_at_both
    caller_signals TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    probe_script </dev/null
    start_recorder -u prt_alice -- "$TEST_DIR/recorder"
    look_at_both
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

@test "the front has the caller's streams, one socket, and no file or module of PAM's" {
    local link target sockets=0

    probe_script <<END
authenticate leak-fd
open_session leak-fd
END
    start_recorder -u prt_alice -- "$TEST_DIR/recorder"
    for link in /proc/"$pamrun_pid"/fd/*; do
        target=$(readlink "$link")
        case $target in
            /dev/null | "$pamrun_stdout" | "$pamrun_stderr" | "$PWD") ;;
            'anon_inode:[signalfd]' | 'anon_inode:[pidfd]') ;;
            pidfd:*) ;; # pidfs, Linux 6.9
            socket:*) sockets=$((sockets + 1)) ;;
            *) fail_because "the front has ${link##*/} -> $target" ;;
        esac
    done
    assert_eq "$sockets" 1
    refute grep -F "$PROBE_SO" "/proc/$pamrun_pid/maps"
    assert grep -qF "$PROBE_SO" "/proc/$(holder_of "$pamrun_pid")/maps"
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

@test "the caller cannot signal the holder once the account step is through" {
    local name phase holder

    assert_out_of_reach()
    {
        holder=$(holder_of "$pamrun_pid")
        for name in TERM KILL STOP CONT HUP USR1 IO; do
            run_program "${applicant[@]}" bash -c 'kill -s "$1" "$2"' bash "$name" "$holder"
            assert_status 1
            assert_contains "$stderr" "Operation not permitted"
        done
    }
    for phase in setcred-establish open_session; do
        start_hanging "$phase" -u prt_alice -- true
        assert_out_of_reach
        caller_signals TERM "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status 143
    done
    probe_script </dev/null
    start_recorder -u prt_alice -- "$TEST_DIR/recorder"
    assert_out_of_reach
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    refute test -e "$record"
}

# ---- signals to the front -------------------------------------------------------------------------------------

passes_on_once_each() # OPTION...
{
    local name names=(HUP INT QUIT USR1 USR2 ALRM CONT WINCH TERM)

    start_recorder "$@"
    for name in "${names[@]}"; do
        caller_signals "$name" "$pamrun_pid"
        assert wait_until 10 is_recorded "$name"
    done
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    assert_eq "$(tr '\n' ' ' <"$record")" "${names[*]} "
    assert_nobody_left
}

@test "the caller's TERM INT HUP QUIT USR1 USR2 ALRM CONT WINCH reach the command, each once, and it may go on" {
    in_both_forms passes_on_once_each
}

keeps_to_itself() # OPTION...
{
    local name

    start_recorder "$@"
    for name in PIPE XCPU XFSZ VTALRM PROF IO URG PWR STKFLT SYS TRAP CHLD SEGV RTMIN RTMAX; do
        caller_signals "$name" "$pamrun_pid"
    done
    caller_signals USR1 "$pamrun_pid"
    assert wait_until 10 is_recorded USR1
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    assert_eq "$(<"$record")" USR1
    assert_nobody_left
}

@test "PIPE, XCPU and others neither end the front nor reach the command" {
    in_both_forms keeps_to_itself
}

@test "a signal to the whole process group reaches the command once" {
    local name

    start_recorder --close-on-exit -u prt_alice -- "$TEST_DIR/recorder"
    for name in HUP USR1 CONT; do
        # as kill(1) of a shell's job does; front and command get it, the holder hears of it from the front
        as_caller bash -c 'kill -s "$1" -- "-$2"' bash "$name" "$pamrun_pid" || true # not to all of them
        assert wait_until 10 is_recorded "$name"
    done
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    assert_eq "$(tr '\n' ' ' <"$record")" "HUP USR1 CONT "
}

@test "exit statuses come through, 128 and its number for a signal" {
    local number

    for number in 0 1 2 71 77 126 127 128 143 255; do
        job --close-on-exit -u prt_alice -- sh -c "exit $number"
        assert_eq "$status $output" "$number "
    done
    for number in 1 6 9 11 13 15; do
        job --close-on-exit -u prt_alice -- sh -c "kill -$number \$\$"
        assert_eq "$status $output" "$((128 + number)) "
    done
    assert_undone
}

# ---- told to end, in a step -----------------------------------------------------------------------------------

# The word for a phase in messages.
step_of() # PHASE
{
    case $1 in
        setcred-establish) echo setcred ;;
        *) echo "$1" ;;
    esac
}

@test "TERM in each PAM step that hangs: 143, one message, everything undone, nobody left" {
    local phase

    for phase in "${phases[@]}"; do
        start_hanging "$phase" --close-on-exit -u prt_alice -- true
        caller_signals TERM "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status 143
        assert_eq "$stderr" "pamrun: $(step_of "$phase") for prt_alice (profile su): stopped by SIGTERM"
        assert_nobody_left
        assert_undone "$phase"
    done
}

@test "a second TERM, while a module does not end or while the session is closed, changes nothing" {
    local phase

    for phase in "${phases[@]}"; do
        probe_reset
        rm -f "$TEST_DIR/entered" "$TEST_DIR/go-on"
        probe_script <<END
$phase touch $TEST_DIR/entered
$phase wait-file $TEST_DIR/go-on
END
        start_job --close-on-exit -u prt_alice -- true
        assert wait_until 10 test -e "$TEST_DIR/entered"
        caller_signals TERM "$pamrun_pid"
        caller_signals TERM "$pamrun_pid"
        caller_signals INT "$pamrun_pid"
        touch "$TEST_DIR/go-on"
        end_status "$pamrun_pid"
        assert_status 143
        assert_eq "$stderr" "pamrun: $(step_of "$phase") for prt_alice (profile su): stopped by SIGTERM"
        assert_nobody_left
        assert_undone "$phase"
    done

    rm -f "$TEST_DIR/go-on"
    probe_reset
    probe_script <<END
close_session touch $TEST_DIR/closing
close_session wait-file $TEST_DIR/go-on
END
    start_recorder --close-on-exit -u prt_alice -- sh -c "echo 1 >$box/pid; exec sleep 1000"
    caller_signals TERM "$pamrun_pid"
    assert wait_until 10 test -e "$TEST_DIR/closing"
    caller_signals TERM "$pamrun_pid"
    caller_signals INT "$pamrun_pid"
    touch "$TEST_DIR/go-on"
    end_status "$pamrun_pid"
    assert_eq "$status $output" "143 "
    assert_nobody_left
    probe_called close_session 1
    probe_called setcred-delete 1
}

@test "^C in each PAM step that hangs: 130, everything undone" {
    local phase

    for phase in "${phases[@]}"; do
        probe_reset
        probe_script <<END
$phase error ENTERED
$phase hang-eintr
END
        run_program_as prt_bob "$TOOLS/ptyrun" --expect ENTERED --send '\003' -- \
            "$PAMRUN" --close-on-exit -u prt_alice -- true
        assert_status 130
        assert_contains "$stdout" "pamrun: $(step_of "$phase") for prt_alice (profile su): stopped by SIGINT"
        assert wait_until 10 has_no_process prt_bob
        assert_undone "$phase"
    done
}

# Root may do it at once, by --kill-after; these ten seconds are here for modules that count wrong passwords.
@test "a module that does not end at all is ended by force after ten seconds, front alive or dead, and the log tells" {
    local start alive dead

    log_start
    probe_script <<<'authenticate hang'
    start=${EPOCHREALTIME/[.,]/}
    start_job --kill-after 0.1 -u prt_alice -- true
    alive=$pamrun_pid
    start_job --kill-after 0.1 -u prt_alice -- true
    dead=$pamrun_pid
    assert wait_until 10 probe_called authenticate 2
    caller_signals KILL "$dead"
    caller_signals TERM "$alive"
    end_status "$dead"
    assert_status 137
    end_status "$alive" 60
    assert_status 143
    ((${EPOCHREALTIME/[.,]/} - start >= 10000000)) || fail_because "too early"
    assert_eq "$stderr" "pamrun: authenticate for prt_alice (profile su): told to stop, but a module does not end; \
what it holds may remain"
    assert wait_until 30 has_no_process prt_bob
    pamrun_pid=$dead
    assert_nobody_left
    assert_eq "$(log_lines ']: failed: authenticate for prt_alice \(profile su\): told to stop, but ' | wc -l)" 2
}

# ---- the front is killed --------------------------------------------------------------------------------------

@test "the front is killed in each PAM step that hangs: everything undone, nobody left, and the log tells" {
    local phase log

    for phase in "${phases[@]}"; do
        log_start
        start_hanging "$phase" --close-on-exit -u prt_alice -- true
        caller_signals KILL "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status 137
        assert_nobody_left
        assert_undone "$phase"
        log=$(log_lines '\]: failed: ')
        assert_one_line "$log"
        assert_match "$log" 'failed: applicant=.?prt_bob.? .*account=.?prt_alice.? .*step='"$(step_of "$phase")"' '
        assert_contains "$log" "stopped by SIGHUP"
        log_stop
    done
}

killed_front_ends_command() # OPTION...
{
    start_recorder --kill-after 0.3 "$@"
    caller_signals KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 137
    assert_nobody_left
    assert_eq "$(sort "$record" | tr '\n' ' ')" "CONT HUP TERM " # a shell does not tell in which order they came
}

@test "the front is killed while the command runs: the command is told, killed in time, the session closed" {
    start_job --close-on-exit -u prt_alice -- sh -c "echo 1 >$box/pid; exec sleep 1000"
    assert wait_until 10 test -s "$box/pid"
    caller_signals KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 137
    assert_nobody_left
    probe_called close_session 1
    probe_called setcred-delete 1
    probe_reset
    killed_front_ends_command --close-on-exit -u prt_alice -- "$TEST_DIR/recorder"
    probe_called close_session 1
    probe_called setcred-delete 1
    probe_reset
    killed_front_ends_command --close-on-exit prt_alice -c "exec $TEST_DIR/recorder"
    probe_called close_session 1
    probe_called setcred-delete 1
}

@test "the front is killed and the session is to be left open: it is, and nobody is left" {
    in_both_forms killed_front_ends_command
    probe_called open_session 1
    probe_called close_session 0
    probe_called setcred-delete 0
}

@test "the front is killed while the command is stopped: it ends all the same" {
    start_recorder --close-on-exit --kill-after 0.3 -u prt_alice -- "$TEST_DIR/recorder"
    kill -STOP "$(command_pid)"
    assert wait_until 10 state_is T "$pamrun_pid"
    caller_signals KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 137
    assert_nobody_left
    probe_called close_session 1
}

@test "the front is killed while the session is closed: it is closed once, and the credentials are deleted" {
    probe_script <<END
close_session touch $TEST_DIR/closing
close_session wait-file $TEST_DIR/go-on
END
    start_job --close-on-exit -u prt_alice -- true
    assert wait_until 10 test -e "$TEST_DIR/closing"
    caller_signals KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 137
    refute nobody_is_left
    touch "$TEST_DIR/go-on"
    assert_nobody_left
    probe_called close_session 1
    assert_eq "$(probe_field close_session return)" PAM_SUCCESS
    probe_called setcred-delete 1
}

# Tries are spread over the length of a run, by a loop that costs little besides.
write_hunter()
{
    cat >"$TEST_DIR/hunter.py" <<'END'
import os, random, signal, statistics, sys, time

pamrun, log = sys.argv[1:3]
uid, gid, number, seed, tries = [int(word) for word in sys.argv[3:]]
random.seed(seed)

def start():
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.closerange(3, 4096)
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        os.execv(pamrun, [pamrun, "--close-on-exit", "-u", "prt_alice", "--", "sleep", "0.03"])
    return child

def members(session):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, errors="replace") as file:
                    fields = file.read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(name)
    return found

def fail(text):
    for name in members(child):
        os.kill(int(name), signal.SIGKILL)
    sys.exit("seed %d, signal %d after %.4f s: %s" % (seed, number, delay, text))

def wait_until(condition, what):
    end = time.monotonic() + 30
    while not (value := condition()):
        if time.monotonic() > end:
            fail(what)
        time.sleep(0.002)
    return value

def wait_for_end():
    def look():
        pid, status = os.waitpid(child, os.WNOHANG)
        return [status] if pid else None
    return os.waitstatus_to_exitcode(wait_until(look, "the front does not end")[0])

def count(*words):
    with open(log) as file:
        return sum(all(" %s " % word in line for word in words) for line in file)

lengths = []
delay = 0
for _ in range(5):
    begin = time.monotonic()
    child = start()
    if wait_for_end() != 0:
        fail("undisturbed: not 0")
    lengths.append(time.monotonic() - begin)
length = statistics.median(lengths)
met = 0
for at in range(tries):
    delay = (at + random.random()) / tries * length * 1.05
    child = start()
    time.sleep(delay)
    os.kill(child, number)
    ended = wait_for_end()
    # it came too late, or before the program was executed, or it is the run's end
    if ended not in (0, -number, 128 + number):
        fail("status %d" % ended)
    met += ended != 0
    wait_until(lambda: not members(child), "somebody is left")
    opened, closed = count("function=open_session"), count("function=close_session")
    established, deleted = count("phase=setcred-establish"), count("phase=setcred-delete")
    if opened != closed or established != deleted:
        fail("opened %d, closed %d, established %d, deleted %d" % (opened, closed, established, deleted))
print("length %.3f s, %d of %d met a run, %d sessions" % (length, met, tries, count("function=open_session")))
if met < tries // 2:
    sys.exit("most came too late: the test shows nothing")
END
}

hunt() # SIGNAL
{
    local seed=${HUNT_SEED-$RANDOM}

    echo "seed: $seed (HUNT_SEED)"
    write_hunter
    RUN_TIMEOUT=110 run_program python3 "$TEST_DIR/hunter.py" "$PAMRUN" "$PROBE_LOG_FILE" "$(id -u prt_bob)" "$(id -g prt_bob)" \
        "$(kill -l "$1")" "$seed" 40
    echo "$output"
    assert_status 0
    assert_no_process_of prt_alice
    assert_no_process_of prt_bob
}

@test "forty TERMs at random instants: every session that was opened is closed once, nobody is left" {
    hunt TERM
}

@test "the front killed at forty random instants: every session that was opened is closed once, nobody is left" {
    hunt KILL
}

# ---- stops ----------------------------------------------------------------------------------------------------

@test "the front is stopped while the command ends: nothing is lost" {
    start_recorder --close-on-exit -u prt_alice -- "$TEST_DIR/recorder"
    kill -STOP "$pamrun_pid"
    assert wait_until 10 state_is T "$pamrun_pid"
    touch "$box/go"
    assert wait_until 30 only_the_front_is_left
    assert state_is T "$pamrun_pid"
    probe_called close_session 1
    kill -CONT "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_eq "$status $output" "7 "
    probe_called close_session 1
    probe_called setcred-delete 1
}

@test "signals that come while the front is stopped reach the command when it goes on" {
    start_recorder -u prt_alice -- "$TEST_DIR/recorder"
    kill -STOP "$pamrun_pid"
    assert wait_until 10 state_is T "$pamrun_pid"
    caller_signals USR1 "$pamrun_pid"
    caller_signals CONT "$pamrun_pid"
    assert wait_until 10 is_recorded USR1
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
    assert_eq "$(sort "$record" | tr '\n' ' ')" "CONT USR1 "
}

# Under the parent with job control, both the caller's; sets child: the front's pid.
start_under_parent() # OPTION...
{
    rm -f "$record" "$box/pid" "$box/go"
    start_program "${applicant[@]}" python3 "$TEST_DIR/parent.py" "$PAMRUN" "$@"
    assert wait_until 10 test -s "$box/pid"
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
    assert wait_until 10 parent_saw stopped
    assert state_is T "$child"
    refute state_is T "$(holder_of "$child")"
    caller_signals CONT "$child"
    assert wait_until 10 parent_saw "stopped continued"
    assert wait_until 10 refute state_is T "$(command_pid)"
    kill -STOP "$(command_pid)" # and once more: it was no accident
    assert wait_until 10 parent_saw "stopped continued stopped"
    caller_signals CONT "$child"
    caller_signals USR1 "$child"
    assert wait_until 10 is_recorded USR1
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_match "$stdout" "ended 7"
    assert_nobody_left
}

@test "when the command stops the front is seen to stop, and continuing the front continues the command" {
    in_both_forms stop_of_command_is_seen
}

stop_signals_stop_command() # OPTION...
{
    local name

    for name in TSTP TTIN TTOU; do
        start_under_parent "$@"
        caller_signals "$name" "$child"
        assert wait_until 10 parent_saw stopped
        assert state_is T "$(command_pid)"
        caller_signals CONT "$child"
        assert wait_until 10 refute state_is T "$(command_pid)"
        touch "$box/go"
        end_status "$pamrun_pid"
        assert_match "$stdout" "ended 7"
        assert_nobody_left
    done
}

@test "TSTP, TTIN and TTOU sent to the front stop the command, in a session of its own too" {
    in_both_forms stop_signals_stop_command
}

stopped_a_hundred_times() # OPTION...
{
    local i

    start_under_parent --close-on-exit "$@"
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
    assert wait_until 30 continued_has_ended
    end_status "$pamrun_pid"
    assert_match "$stdout" "ended 7"
    assert_nobody_left
    probe_called close_session 1
}

@test "stopped and continued a hundred times at once, the command ends as ever" {
    in_both_forms stopped_a_hundred_times
}

@test "TSTP while a module hangs stops the front only, and the step goes on" {
    probe_script <<END
open_session touch $TEST_DIR/entered
open_session wait-file $TEST_DIR/go-on
END
    start_program "${applicant[@]}" python3 "$TEST_DIR/parent.py" "$PAMRUN" -u prt_alice -- "$TEST_DIR/recorder"
    assert wait_until 10 test -e "$TEST_DIR/entered"
    child=$(sed -n 's/^pid //p' "$pamrun_stdout")
    caller_signals TSTP "$child"
    assert wait_until 10 parent_saw stopped
    refute state_is T "$(holder_of "$child")"
    touch "$TEST_DIR/go-on"
    assert wait_until 10 test -s "$box/pid"
    assert state_is T "$child"
    caller_signals CONT "$child"
    assert wait_until 10 parent_saw "stopped continued"
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_match "$stdout" "ended 7"
}

# ---- the holder ends before it is done ------------------------------------------------------------------------

# The run's one message, its event and its log line.
assert_holder_failed() # STEP HOW
{
    local message="$1 for prt_alice (profile su): the process that holds the PAM session $2"

    assert_status 71
    assert_eq "$stdout" ""
    assert_eq "$(head -n 1 <<<"$stderr")" "pamrun: $message"
    assert_eq "$(grep -c '^pamrun: ' <<<"$stderr")" 1
    assert_eq "$(grep -c '"event":"failed"' "$TEST_DIR/events")" 1
    assert_match "$(tail -n 1 "$TEST_DIR/events")" \
        "\"event\":\"failed\",\"step\":\"$1\",.*\"class\":\"node\",\"exit-status\":71,"
    assert_contains "$(tail -n 1 "$TEST_DIR/events")" "\"message\":\"$message\""
}

@test "root kills the holder in a step: the front says so, 71, with an event and a line in the log" {
    local phase log

    for phase in "${phases[@]}"; do
        log_start
        start_hanging "$phase" --json-status-fd 7 -u prt_alice -- echo ran 7>"$TEST_DIR/events"
        kill -KILL "$(holder_of "$pamrun_pid")"
        end_status "$pamrun_pid"
        assert_holder_failed "$(step_of "$phase")" "was ended by SIGKILL"
        log=$(log_lines '\]: failed: ')
        assert_one_line "$log"
        assert_match "$log" "pamrun\\[$pamrun_pid\\]: failed: applicant=.?prt_bob.? .*account=.?prt_alice.? "
        assert_contains "$log" "step=$(step_of "$phase") code=- status=71 "
        assert_nobody_left
        log_stop
    done
}

@test "root kills the holder while the command runs: the front says so, 71, with an event and a line in the log" {
    log_start
    start_recorder --json-status-fd 7 -u prt_alice -- "$TEST_DIR/recorder" 7>"$TEST_DIR/events"
    kill -KILL "$(holder_of "$pamrun_pid")"
    end_status "$pamrun_pid"
    assert_status 71
    assert_match "$(head -n 1 <<<"$stderr")" \
        '^pamrun: [a-z_]+ for prt_alice \(profile su\): the process that holds the PAM session was ended by SIGKILL$'
    assert_eq "$(grep -c '^pamrun: ' <<<"$stderr")" 1
    assert_match "$(tail -n 1 "$TEST_DIR/events")" '"event":"failed".*"class":"node","exit-status":71,'
    assert_eq "$(log_lines "pamrun\\[$pamrun_pid\\]: failed: .* status=71 " | wc -l)" 1
    touch "$box/go" # nobody is there any more to end it
    assert_nobody_left
}

@test "a module that ends the holder, in whichever step and way: status 71, one message, and nothing runs" {
    local row phase
    # the crash is the module's: no report
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0:handle_abort=0

    for row in "crash:was ended by SIGSEGV" "abort:was ended by SIGABRT" "kill KILL self:was ended by SIGKILL" \
        "_exit 0:ended before it was done" "_exit 71:ended before it was done"; do
        for phase in "${phases[@]}"; do
            probe_reset
            probe_script <<<"$phase ${row%%:*}"
            job --close-on-exit --json-status-fd 7 -u prt_alice -- echo ran 7>"$TEST_DIR/events"
            assert_holder_failed "$(step_of "$phase")" "${row#*:}"
        done
    done
}

@test "a module that calls exit(): status 71, one message, and nothing runs" {
    local phase code

    for phase in "${phases[@]}"; do
        for code in 0 3; do
            probe_reset
            probe_script <<<"$phase exit $code"
            job --close-on-exit --json-status-fd 7 -u prt_alice -- echo ran 7>"$TEST_DIR/events"
            assert_status 71
            assert_eq "$output" \
                "pamrun: $(step_of "$phase") for prt_alice (profile su): a module called exit(); what it holds may remain"
            assert_match "$(tail -n 1 "$TEST_DIR/events")" '"event":"failed".*"class":"node".*"exit-status":71'
        done
    done
}

@test "a module that ends the holder while it closes: status 71, although the command succeeded, and one message" {
    local phase action
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0:handle_abort=0

    for phase in close_session setcred-delete; do
        for action in crash "_exit 0" "exit 0" "kill KILL self"; do
            probe_reset
            probe_script <<<"$phase $action"
            job --close-on-exit -u prt_alice -- echo ran
            assert_status 71
            assert_eq "$stdout" ran
            assert_eq "$(grep -c '^pamrun: ' <<<"$stderr")" 1
            assert_match "$(head -n 1 <<<"$stderr")" "^pamrun: (close_session|setcred|delete_cred) for prt_alice \(profile su\): "
        done
    done
}

# ---- odd streams ----------------------------------------------------------------------------------------------

@test "with standard input, output and error closed, the run and its status are as ever" {
    run_program_as prt_bob bash -c 'exec "$@" <&- >&- 2>&-' bash \
        "$PAMRUN" --close-on-exit -u prt_alice -- sh -c "id -un >$box/ran; exit 7"
    assert_eq "$status $output $(cat "$box/ran")" "7  prt_alice"
    assert_undone
    probe_script <<<'acct_mgmt return PAM_PERM_DENIED'
    run_program_as prt_bob bash -c 'exec "$@" <&- >&- 2>&-' bash "$PAMRUN" -u prt_alice -- true
    assert_eq "$status $output" "77 "
}

@test "nobody reads standard error any more: the status is as ever, in success and failure" {
    local broken='exec 9<>"$0" 2>"$0" 9<&-; exec "$@"' # a fifo without a reader: EPIPE

    run_program_as prt_bob bash -c "$broken" "$box/nap" \
        "$PAMRUN" --verbose --close-on-exit -u prt_alice -- sh -c 'echo ran; exit 7'
    assert_eq "$status $output" "7 ran"
    assert_undone
    probe_script <<<'open_session return PAM_SESSION_ERR'
    run_program_as prt_bob bash -c "$broken" "$box/nap" "$PAMRUN" --close-on-exit -u prt_alice -- echo ran
    assert_eq "$status $output" "71 "
    probe_script <<<'authenticate _exit 0' # what is to be said is the front's
    run_program_as prt_bob bash -c "$broken" "$box/nap" "$PAMRUN" --close-on-exit -u prt_alice -- echo ran
    assert_eq "$status $output" "71 "
}

# ---- a pseudo-terminal ----------------------------------------------------------------------------------------

# pamrun -P on a terminal of the caller's; the steps before --, the command behind it.
on_terminal() # STEP... -- COMMAND...
{
    local steps=()

    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    shift
    run_program_as prt_bob "$TOOLS/ptyrun" --modes "$box/modes" "${steps[@]}" -- \
        "$PAMRUN" --close-on-exit -P -u prt_alice -- "$@"
}

# Of the pseudo-terminals that a process has open, the master sides.
masters_of() # PID
{
    local link

    for link in /proc/"$1"/fd/*; do
        case $(readlink "$link") in
            */ptmx) echo "${link##*/}" ;;
        esac
    done
}

@test "with -P the front has the pseudo-terminal's master, the holder has none, and the command a terminal" {
    local front

    start_program "${applicant[@]}" "$TOOLS/ptyrun" -- "$PAMRUN" -P -u prt_alice -- "$TEST_DIR/recorder"
    assert wait_until 10 test -s "$box/pid"
    front=$(pgrep -P "$pamrun_pid" -x pamrun)
    assert wait_until 10 test -n "$(masters_of "$front")"
    assert_eq "$(masters_of "$front" | wc -l)" 1
    assert_eq "$(masters_of "$(holder_of "$front")")" ""
    assert_match "$(readlink "/proc/$(command_pid)/fd/1")" '^/dev/pts/[0-9]+$'
    [ "$(readlink "/proc/$(command_pid)/fd/1")" != "$(readlink "/proc/$front/fd/1")" ] || fail_because "shared"
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

@test "with -P a megabyte of output arrives complete, the modes are as before" {
    on_terminal -- sh -c 'seq 1 150000; exit 7'
    assert_status 7
    tr -d '\r' <"$stdout_file" | cmp - <(seq 1 150000)
    modes_are_as_before "$box/modes"
    probe_called close_session 1
}

@test "with -P input arrives, ^C reaches the command, and the size of the window and its changes" {
    on_terminal --expect READY --await -ICANON --send 'hello\r' --expect 'hello\r\nhello\r\n' --send '\003' \
        -- sh -c 'echo READY; exec cat'
    assert_status 130
    modes_are_as_before "$box/modes"
    on_terminal --rows 31 --cols 91 --expect '31 91' --resize 11x22 --expect '11 22' -- \
        bash -c 'trap "stty size; exit 5" WINCH; stty size; while :; do sleep 0.01; done'
    assert_status 5
}

# The caller's interactive shell, in which the steps are typed.
in_shell_of_caller() # STEP...
{
    cat >"$TEST_DIR/waker" <<END
#!/bin/bash
trap 'echo GOES""ON' CONT
exec 9<>$box/nap
echo READ""Y
while :; do read -rt 0.05 _ <&9; done
END
    chmod 0755 "$TEST_DIR/waker"
    run_program_as prt_bob "$TOOLS/ptyrun" --modes "$box/modes" --expect 'PROMPT> ' "$@" -- \
        env PS1='PROMPT> ' P="$PAMRUN --close-on-exit" W="$TEST_DIR/waker" HISTFILE= bash --norc --noprofile -i
}

interrupt_and_stop_work() # OPTION...
{
    probe_reset
    in_shell_of_caller \
        --send "\$P $*\\r" --expect READY --send '\032' --expect Stopped --expect 'PROMPT> ' \
        --send 'jobs -l\r' --expect Stopped --expect 'PROMPT> ' \
        --send 'fg\r' --expect GOESON --send '\003' --expect 'PROMPT> ' \
        --send 'echo "status $?"\r' --expect 'status 130' --expect 'PROMPT> ' --send 'exit 4\r'
    assert_status 4
    modes_are_as_before "$box/modes"
    assert wait_until 10 has_no_process prt_alice
    probe_called close_session 1
}

@test "^Z, fg and ^C in the caller's shell, the command in the terminal's session" {
    interrupt_and_stop_work '-u prt_alice -- $W'
}

@test "^Z, fg and ^C in the caller's shell, the command in a session of its own" {
    interrupt_and_stop_work 'prt_alice -c $W'
}

@test "with -P a command that stops gives the shell its terminal back, and fg goes on in raw mode" {
    printf '%s\n' '#!/bin/bash' 'echo READ""Y' 'read -r word' 'kill -STOP $$' 'echo GOES""ON' 'read -r word' \
        'echo "got""ten $word"' 'exit 3' >"$TEST_DIR/stopper"
    chmod 0755 "$TEST_DIR/stopper"
    # ^Z is for the terminal inside; what stops the command itself is a signal
    in_shell_of_caller \
        --send "\$P -P -u prt_alice -- $TEST_DIR/stopper\\r" --expect READY --send 'stop\r' \
        --expect Stopped --expect 'PROMPT> ' --send 'fg\r' --expect GOESON --await -ICANON --send 'word\r' \
        --expect 'gotten word' --expect 'PROMPT> ' --send 'echo "status $?"\r' --expect 'status 3' \
        --expect 'PROMPT> ' --send 'exit 4\r'
    assert_status 4
    modes_are_as_before "$box/modes"
    probe_called close_session 1
}

@test "with -P, the front killed in raw mode: the terminal's modes are as before, nobody is left" {
    local front terminal before

    # no shell that puts a terminal right when its job dies; it waits until the holder is gone
    cat >"$TEST_DIR/outer" <<END
stty -g >$box/before
"\$@"
echo \$? >$box/status
while pgrep -s 0 -x pamrun >/dev/null; do sleep 0.02; done
stty -g >$box/after
END
    start_program "${applicant[@]}" "$TOOLS/ptyrun" --timeout 60 -- sh "$TEST_DIR/outer" \
        "$PAMRUN" --close-on-exit -P -u prt_alice -- sh -c "echo 1 >$box/pid; exec sleep 1000"
    assert wait_until 10 test -s "$box/pid"
    front=$(pgrep -P "$(pgrep -P "$pamrun_pid" -x sh)" -x pamrun)
    terminal=$(readlink "/proc/$front/fd/0")
    is_raw() { stty -a -F "$terminal" | grep -q -- ' -icanon\|^-icanon'; }
    assert wait_until 10 is_raw
    caller_signals KILL "$front"
    end_status "$pamrun_pid" 60
    assert_eq "$(cat "$box/status")" 137
    assert_eq "$(cat "$box/after")" "$(cat "$box/before")"
    assert wait_until 10 has_no_process prt_alice
    probe_called close_session 1
}
