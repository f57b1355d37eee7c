# The process that keeps a shared session: what takes long of 76-keeper.bats.

load ../lib/common
load ../lib/sharing

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
    wait_until 20 probe_called setcred-refresh
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
