# The process that keeps a shared session: what may come to it while it does, and what modules may do to it.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/sharing

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

# Its modules are called, and `refresher` waits for what comes of it.
start_refresh()
{
    start_program "$PAMRUNCTL" refresh --user prt_alice
    refresher=$pamrun_pid
    wait_until 20 probe_called setcred-refresh
}

@test "TERM during a refresh interrupts its module, the refresh has failed, and the keeper's end begins" {
    local command

    log_start
    start_sharing
    command=$pamrun_pid
    probe_script <<<"setcred-refresh hang-eintr"
    start_refresh
    kill -TERM "$(keepers)"
    end_status "$refresher"
    assert_status 71
    assert_eq "$stderr" "pamrunctl: refresh: session of prt_alice (profile prt_job): setcred for prt_alice (profile prt_job): stopped by SIGTERM"
    wait_until 10 grep -q 'state closing' "$session/state"
    share -u prt_alice -- echo done
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
    probe_script <<<"setcred-refresh wait-file $TEST_DIR/go"
    start_refresh
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
