# The process that keeps a shared session: what takes long of 76-keeper.bats, and what is like others there.
# With sanitizers only in full.
# shellcheck disable=SC2030,SC2031,SC2154 # bats runs tests in subshells; what the libraries set

load ../lib/common
load ../lib/sharing
load ../lib/keeper

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

@test "TERM during a refresh whose module does not end: after 30 seconds the keeper goes, and says so in the log" {
    local keeper refresher

    log_start
    start_sharing
    keeper=$(keepers)
    probe_script <<<"setcred-refresh hang"
    start_program "$PAMRUNCTL" refresh --user prt_alice --timeout 10m
    refresher=$pamrun_pid
    wait_until 20 probe_called setcred-refresh # that of hang is written before it hangs
    kill -TERM "$keeper"
    wait_until 90 has_no_keeper
    end_status "$refresher"
    assert_status 75
    assert_eq "$stderr" "pamrunctl: refresh: session of prt_alice (profile prt_job): it was closed meanwhile"
    assert_match "$(log_lines "\[$keeper\]")" \
        'failed: setcred for prt_alice \(profile prt_job\): told to stop, but a module does not end; what it holds may remain'
    run_pamrunctl list
    assert_contains "$stdout" "its keeper was killed"
    probe_reset
    share -u prt_alice -- echo "done"
    assert_eq "$stdout" "done"
    assert_contains "$stderr" "had lost its keeper"
}

lock_is_taken()
{
    ! flock -n -s "$session/lock" true
}

@test "who has the lock for longer than it is waited for: the keeper stays the only one, and closes later" {
    local keeper holder

    start_sharing
    keeper=$(keepers)
    flock -x "$session/lock" sleep 34 &
    holder=$!
    wait_until 10 lock_is_taken # before the keeper wants it
    kill "$pamrun_pid"
    sleep 32 # the keeper has given up once
    assert_eq "$(keepers)" "$keeper"
    run_pamrunctl list --json
    assert_match "$stdout" "\"keeper\": ?$keeper"
    # who allows open_session more waits more, and is the next: in that session, or in one of his own after it was closed
    share --deadline open_session=20 -u prt_alice -- echo "done"
    assert_eq "$status $output" "0 done"
    wait "$holder" || true
    assert_all_closed "$(probe_count open_session)"
}

@test "what is measured as the account is killed a few times, and then no more: the session is opened" {
    local signal

    for signal in KILL STOP; do
        rm -rf "$TEST_DIR/open"
        probe_reset
        start_disturbing "$signal" 4
        share -u prt_alice -- echo "done"
        assert_eq "$status $output" "0 done"
        assert_all_closed
    done
}

@test "where inotify(7) has room again the keeper takes it" {
    local tracer

    [ "${SANITIZED-}" != 1 ] || return 0
    needs strace
    start_program strace -f -q -o "$TEST_DIR/calls" -e trace=inotify_init1 -e inject=inotify_init1:error=EMFILE:when=1 \
        "$PAMRUN" --profile prt_job --share -u prt_alice -- sh -c 'echo "$$"; exec sleep 600'
    tracer=$pamrun_pid
    wait_until 60 test -s "$pamrun_stdout"
    wait_until 20 has_open "$(keeper_in_state)" inotify
    kill "$(cat "$pamrun_stdout")"
    assert_all_closed
    end_status "$tracer" 60 || true
}

@test "a folder of leases that cannot be read, and the keeper is told twice to end: it closes" {
    start_sharing
    mv "$session/leases" "$session/leases.away"
    : >"$session/leases"
    kill -TERM "$(keepers)"
    wait_until 10 grep -q 'state closing' "$session/state"
    kill -TERM "$(keepers)"
    wait_until 20 has_no_keeper
    probe_called close_session 1
    rm "$session/leases"
    mv "$session/leases.away" "$session/leases"
}

@test "a module of close_session closes lock and mark: what is another keeper's by then stays" {
    local first_keeper numbers number

    log_start
    start_sharing
    first_keeper=$(keepers)
    # the lock's number is known when the close has begun
    probe_script <<END
close_session touch $TEST_DIR/closing
close_session wait-file $TEST_DIR/go
setcred-delete touch $TEST_DIR/closed
setcred-delete wait-file $TEST_DIR/again
END
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    wait_until 20 test -e "$TEST_DIR/closing"
    numbers="$(descriptor_of "$first_keeper" "$session/keeper") $(descriptor_of "$first_keeper" "$session/lock")"
    probe_script < <(
        for number in $numbers; do echo "setcred-delete close-fd $number"; done
        echo "setcred-delete touch $TEST_DIR/closed"
        echo "setcred-delete wait-file $TEST_DIR/again"
    )
    : >"$TEST_DIR/go"
    wait_until 20 test -e "$TEST_DIR/closed"
    probe_script </dev/null
    start_sharing
    : >"$TEST_DIR/again"
    wait_until 20 has_ended "$first_keeper"
    assert_contains "$(log_lines "\[$first_keeper\]")" "the lock or the mark, and another has come, of the process that keeps the session"
    share -u prt_alice -- echo "done"
    assert_eq "$status $output" "0 done"
    probe_called open_session 2
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_all_closed 2
}
