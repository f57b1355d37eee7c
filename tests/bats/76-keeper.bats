# The process that keeps a shared session: what may come to it while it does, and what modules may do to it.
# With sanitizers only in full.
# shellcheck disable=SC2030,SC2031,SC2154 # bats runs tests in subshells; what the libraries set

load lib/common
load lib/sharing
load lib/keeper

setup_file()
{
    begin_file
    begin_sharing
}

setup()
{
    begin_test
    begin_sharing_test
}

teardown()
{
    end_sessions
    cleanup_all
}

# ---- a refresh --------------------------------------------------------------------------------------------------

@test "TERM during a refresh interrupts its module, the refresh has failed, and the keeper's end begins" {
    local command

    log_start
    start_sharing
    command=$pamrun_pid
    start_refresh <<<"setcred-refresh hang-eintr"
    kill -TERM "$(keepers)"
    end_status "$refresher"
    assert_status 71
    assert_eq "$stderr" "pamrunctl: refresh: session of prt_alice (profile prt_job): setcred for prt_alice (profile prt_job): stopped by SIGTERM"
    wait_until 10 grep -q 'state closing' "$session/state"
    share -u prt_alice -- echo "done"
    assert_status 75
    assert_contains "$stderr" "it is being closed"
    probe_called close_session 0
    kill "$command"
    assert_all_closed
    assert_eq "$(log_lines 'lock was not|share for')" "" # it had not to wait for the lock
}

@test "TERM that a refresh finds waiting is not lost: no module is called any more, and the keeper's end begins" {
    local keeper

    start_sharing
    keeper=$(keepers)
    kill -STOP "$keeper"
    start_program "$PAMRUNCTL" refresh --user prt_alice
    refresher=$pamrun_pid
    wait_until 20 is_asked_to_refresh "$keeper"
    kill -TERM "$keeper"
    kill -CONT "$keeper"
    end_status "$refresher"
    assert_status 71
    assert_contains "$stderr" "stopped by SIGTERM"
    probe_called setcred-refresh 0
    wait_until 10 grep -q 'state closing' "$session/state"
}

is_asked_to_refresh() # KEEPER
{
    signal_in "$(sed -n 's/^ShdPnd:\t//p' "/proc/$1/status")" USR1
}

@test "HUP, INT and QUIT are nothing to a keeper, whether a refresh finds them waiting or they come during it" {
    local name

    start_sharing
    for name in HUP INT QUIT; do
        kill "-$name" "$(keepers)"
    done
    start_refresh <<<"setcred-refresh wait-file $TEST_DIR/go"
    for name in HUP INT QUIT; do
        kill "-$name" "$(keepers)"
    done
    : >"$TEST_DIR/go"
    end_status "$refresher"
    assert_eq "$status $output" "0 refreshed: session of prt_alice (profile prt_job)"
    run_pamrunctl refresh --user prt_alice
    assert_eq "$status $output" "0 refreshed: session of prt_alice (profile prt_job)"
    assert_contains "$(cat "$session/state")" "state open"
}

# The time itself is test_guard.c's to look at.
@test "a refresh has five minutes, whatever the run that opened the session gave to setcred" {
    local tracer

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    start_sharing --deadline setcred=50 --deadline delete_cred=40
    start_program strace -q -o "$TEST_DIR/calls" -e trace=timer_settime -p "$(keepers)"
    tracer=$pamrun_pid
    wait_until 10 is_traced "$(keepers)"
    run_pamrunctl refresh --user prt_alice
    assert_status 0
    kill "$tracer"
    end_status "$tracer" || true
    assert_eq "$(grep -o 'it_value={tv_sec=[0-9]*' "$TEST_DIR/calls" | head -n 1)" "it_value={tv_sec=300"
}

is_traced() # PID
{
    ! grep -q '^TracerPid:.0$' "/proc/$1/status"
}

# ---- what the account may do to it ------------------------------------------------------------------------------

@test "who kills or stops what is measured as the account is refused, and the node is not at fault" {
    local signal disturber

    for signal in KILL STOP; do
        rm -rf "$TEST_DIR/open"
        probe_reset
        start_disturbing "$signal" 5
        disturber=$pamrun_pid
        run_pamrunctl open --user prt_alice --profile prt_job --id 1
        assert_status 77
        assert_eq "$stderr" "pamrun: shared session: a copy of the keeper, to see what a command would be: it was \
$([ $signal = KILL ] && echo killed || echo stopped) by somebody, 5 times one after the other: a process of prt_alice's may do that
hint: ps -u prt_alice shows what the account has running here"
        end_status "$disturber"
        assert_all_closed
    done
}

@test "what is measured crashes, or closes what it would answer by: a module's doing, and the node's fault" {
    local action

    install -d -m 0777 "$TEST_DIR/open" # the mark of "once" is for the account to make
    profile prt_job < <(for type in auth account session; do
        probe_line $type required | sed "s#script=[^ ]*#script=$TEST_DIR/open/script#"
    done)
    while read -r action; do
        rm -f "$TEST_DIR/open/"*
        printf 'cleanup once %s\n' "$action" >"$TEST_DIR/open/script"
        probe_reset
        share -u prt_alice -- echo "done"
        assert_eq "$status $stdout" "71 "
        assert_eq "$stderr" "pamrun: shared session: a copy of the keeper, to see what a command would be: it ended (a module?)"
        assert_all_closed
    done <<'END'
crash
abort
_exit 0
END
}

# ---- what it leaves to its modules ------------------------------------------------------------------------------

# How we would be seen by the kernel when memory is short is for the keeper alone: what modules leave running inherits
# it. Read from the calls, since not every machine lets it be lowered.
@test "the keeper is one of the last that is ended for want of memory, but not while modules run in it" {
    local tracer keeper

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    start_program strace -f -q -s 200 -o "$TEST_DIR/calls" -e trace=openat,write \
        "$PAMRUN" --profile prt_job --share -u prt_alice -- sh -c 'echo "$$"; exec sleep 600'
    tracer=$pamrun_pid
    wait_until 60 test -s "$pamrun_stdout"
    keeper=$(keeper_in_state)
    run_pamrunctl refresh --user prt_alice
    assert_status 0
    kill "$(cat "$pamrun_stdout")"
    wait_until 60 has_no_keeper
    end_status "$tracer" 60 || true
    assert_eq "$(sed -n "s/^$keeper  *//p" "$TEST_DIR/calls" | awk '
        /^write\(/ && is_score { print $2; is_score = 0 }
        /^openat\(.*oom_score_adj/ { is_score = 1 }
        /^write\(.* phase=/ { sub(/^.* phase=/, ""); print $1 }')" '"0",
setcred-establish
open_session
"-900",
"0",
setcred-refresh
"-900",
"0",
close_session
setcred-delete
cleanup'
}

@test "what modules leave running is ended for want of memory as any other process" {
    probe_script <<<"open_session fork-stay 600000"
    start_sharing
    assert_eq "$(left_running | wc -l)" 1
    assert_eq "$(cat "/proc/$(left_running)/oom_score_adj")" 0
    kill -KILL "$(left_running)"
}

left_running()
{
    session_members "$(keepers)" | grep -vx "$(keepers)"
}

# ---- what it goes without ---------------------------------------------------------------------------------------

@test "where inotify(7) has no room left the session is as any other, looks each second, and the log says so" {
    local first tracer

    [ "${SANITIZED-}" != 1 ] || return 0
    needs strace
    log_start
    start_program strace -f -q -o /dev/null -e trace=inotify_init1 -e inject=inotify_init1:error=EMFILE \
        "$PAMRUN" --profile prt_job --share -u prt_alice -- sh -c 'echo "$$"; exec sleep 600'
    tracer=$pamrun_pid
    wait_until 60 test -s "$pamrun_stdout"
    first=$(cat "$pamrun_stdout")
    assert_match "$(log_lines 'each second')" 'shared session account="prt_alice" profile="prt_job": its keeper has to look at the leases each second: inotify: Too many open files \(fs.inotify.max_user_instances, max_user_watches\)'
    start_sharing
    wait_until 20 title_is "pamrun: session prt_alice (prt_job), 2 leases"
    run_pamrun --profile prt_job --hold job-1 -u prt_alice
    assert_status 0
    wait_until 20 title_is "pamrun: session prt_alice (prt_job), 3 leases"
    kill "$first" "$pamrun_pid"
    wait_until 20 title_is "pamrun: session prt_alice (prt_job), 1 lease"
    probe_called close_session 0
    rm "$session/leases/@job-1"
    assert_all_closed
    end_status "$tracer" 60 || true
}

# In clock ticks.
time_of() # PID
{
    awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

@test "a folder of leases that cannot be read: nobody can tell who is there, so nothing is closed, and nothing spins" {
    local keeper before

    start_sharing
    keeper=$(keepers)
    mv "$session/leases" "$session/leases.away"
    : >"$session/leases"
    kill "$pamrun_pid"
    wait_until 20 title_is "pamrun: session prt_alice (prt_job), 0 leases"
    before=$(time_of "$keeper")
    nap 2
    [ $(($(time_of "$keeper") - before)) -lt 40 ] || fail_because "the keeper has worked for $(($(time_of "$keeper") - before)) ticks"
    probe_called close_session 0
    rm "$session/leases"
    mv "$session/leases.away" "$session/leases"
    wait_until 20 has_no_keeper
    probe_called close_session 1
}

# ---- modules that close what they find --------------------------------------------------------------------------

# A run opens the session, and its module closes that in PHASE: open_session's can only be known from within.
open_with_closed() # FILE ARGUMENT...
{
    local number

    rm -f "$TEST_DIR/called" "$TEST_DIR/go"
    probe_script <<END
setcred-establish touch $TEST_DIR/called
setcred-establish wait-file $TEST_DIR/go
END
    start_pamrun --profile prt_job --share -u prt_alice -- "${@:2}"
    wait_until 20 test -e "$TEST_DIR/called"
    number=$(descriptor_of "$(keeper_in_state)" "$1")
    [ -n "$number" ] || fail_because "nothing is open at $1" || return
    probe_script <<<"open_session close-fd $number"
    : >"$TEST_DIR/go"
}

@test "a module of open_session closes the keeper's mark: it is marked again, and nobody opens a second session" {
    open_with_closed "$session/keeper" sh -c 'echo in; exec sleep 600'
    wait_until 20 grep -q in "$pamrun_stdout"
    assert_eq "$(probe_field open_session failed)" ""
    probe_script </dev/null
    share -u prt_alice -- echo "done"
    assert_eq "$status $output" "0 done"
    probe_called open_session 1
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_all_closed
}

@test "a module of open_session closes the session's folder, its lock, or the link: the open fails, all is undone" {
    local file words closed="pamrun: open_session for prt_alice (profile prt_job): a module closed a descriptor that is \
not its own: the folder or the lock of the process that keeps the session
hint: pamrunctl trace shows the modules of the profile, one by one"

    while IFS='|' read -r file words; do
        probe_reset
        open_with_closed "${file/SESSION/$session}" true
        end_status "$pamrun_pid"
        assert_eq "$stdout" ""
        assert_eq "$status $stderr" "${words/CLOSED/$closed}"
        assert_all_closed
        probe_reset
        share -u prt_alice -- echo "done"
        assert_eq "$status $output" "0 done"
        assert_all_closed
    done <<'END'
SESSION|71 CLOSED
SESSION/lock|71 CLOSED
socket:*|75 pamrun: open_session for prt_alice (profile prt_job): the process that was to keep the session has ended
END
}

@test "a module closes the link and goes on: who opens waits for the end of the keeper, and nobody else comes meanwhile" {
    local first second number

    probe_script <<END
setcred-establish touch $TEST_DIR/called
setcred-establish wait-file $TEST_DIR/go
END
    start_pamrun --profile prt_job --share -u prt_alice -- echo first
    first=$pamrun_pid
    wait_until 20 test -e "$TEST_DIR/called"
    number=$(descriptor_of "$(keeper_in_state)" 'socket:*')
    probe_script <<END
open_session close-fd $number
open_session touch $TEST_DIR/closed
open_session wait-file $TEST_DIR/again
END
    : >"$TEST_DIR/go"
    wait_until 20 test -e "$TEST_DIR/closed"
    probe_script </dev/null
    start_pamrun --profile prt_job --share -u prt_alice -- echo second
    second=$pamrun_pid
    wait_until 20 probe_called acct_mgmt 2
    nap 0.1 # so that it could do what it must not; nothing depends on it
    program_is_running "$first"
    refute program_has_ended "$first"
    : >"$TEST_DIR/again"
    end_status "$first"
    assert_eq "$status $stdout" "75 "
    end_status "$second"
    assert_eq "$status $output" "0 second"
    assert_all_closed 2
}

@test "a module of a refresh closes the mark, the folder, or what watches the leases: all goes on" {
    local file numbers number

    for file in "$session/keeper" "$session" 'anon_inode:*'; do
        probe_reset
        start_sharing
        numbers=$(find "/proc/$(keepers)/fd" -lname "$file" -printf '%f\n')
        [ -n "$numbers" ] || fail_because "nothing is open at $file"
        probe_script < <(for number in $numbers; do echo "setcred-refresh close-fd $number"; done)
        run_pamrunctl refresh --user prt_alice
        assert_eq "$status $output" "0 refreshed: session of prt_alice (profile prt_job)"
        assert_eq "$(probe_field setcred-refresh failed)" ""
        share -u prt_alice -- echo "done"
        assert_eq "$status $output" "0 done"
        probe_called open_session 1
        run_pamrun --profile prt_job --hold job-1 -u prt_alice
        wait_until 20 title_is "pamrun: session prt_alice (prt_job), 2 leases"
        rm "$session/leases/@job-1"
        wait_until 20 title_is "pamrun: session prt_alice (prt_job), 1 lease"
        kill "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_all_closed
    done
}

@test "a module of a refresh closes the mark, and another keeper comes before it is seen: the first goes and closes nothing" {
    local first_keeper number

    log_start
    start_sharing
    first_keeper=$(keepers)
    number=$(descriptor_of "$first_keeper" "$session/keeper")
    start_refresh <<END
setcred-refresh close-fd $number
setcred-refresh touch $TEST_DIR/closed
setcred-refresh wait-file $TEST_DIR/go
END
    wait_until 20 test -e "$TEST_DIR/closed"
    probe_script </dev/null
    share -u prt_alice -- echo "done"
    assert_eq "$stdout" "done"
    assert_contains "$stderr" "had lost its keeper"
    : >"$TEST_DIR/go"
    wait_until 20 has_ended "$first_keeper"
    probe_called close_session 0
    assert_contains "$(log_lines "\[$first_keeper\]")" "failed: shared session account=\"prt_alice\" profile=\"prt_job\": a module closed descriptors of its keeper, which ends"
    assert_contains "$(cat "$session/state")" "state open"
    end_status "$refresher" || true
    kill "$(leases | cut -d. -f1)"
    wait_until 20 has_no_keeper
    probe_called close_session 1
}

