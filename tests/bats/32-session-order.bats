# The order of the PAM calls, the ids they are made with, and what is told as events, when all goes well.

load lib/common

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice --groups prt_staff
    probe_profile prt_job
}

OPENED="authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session cleanup:PAM_DATA_SILENT"
CLOSED="close_session setcred:PAM_DELETE_CRED cleanup"

job()
{
    run_pamrun --profile prt_job "$@"
}

# The names of the events, in order; each line must be one JSON object.
event_names() # FILE
{
    python3 -c '
import json, sys
print(" ".join(json.loads(line)["event"] for line in open(sys.argv[1])))' "$1"
}

# The value of KEY in the event NAME.
event_value() # FILE NAME KEY
{
    python3 -c '
import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == sys.argv[2]:
        print(event[sys.argv[3]])' "$@"
}

# ---- left open ------------------------------------------------------------------------------------------------

@test "by default session and credentials stay: nothing is closed, the handle ends silently" {
    job -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_order)" "$OPENED cleanup:PAM_DATA_SILENT"
    assert_eq "$(probe_field cleanup pid last)" "$(probe_field open_session pid)"
}

@test "left open means left open however the command ends" {
    local command

    for command in 'exit 0' 'exit 1' 'exit 127' 'kill -TERM $$' 'kill -KILL $$'; do
        probe_reset
        job -u prt_alice -- sh -c "$command"
        assert_eq "$(probe_order)" "$OPENED cleanup:PAM_DATA_SILENT" "$command"
    done
}

@test "a module that counts sees one session more after each run, and none more with --close-on-exit" {
    probe_script <<END
open_session count-open $TEST_DIR/open
close_session count-close $TEST_DIR/open
END
    job -u prt_alice -- true
    job -u prt_alice -- false
    job --close-on-exit -u prt_alice -- true
    job --close-on-exit -u prt_alice -- false
    assert_eq "$(<"$TEST_DIR/open")" 2
}

# ---- closed ---------------------------------------------------------------------------------------------------

@test "with --close-on-exit the session is closed once, then the credentials are deleted, then the handle ends" {
    job --close-on-exit -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_order)" "$OPENED $CLOSED"
    assert_eq "$(probe_field cleanup error_status last)" PAM_SUCCESS
}

@test "closed means closed however the command ends" {
    local command

    for command in 'exit 0' 'exit 1' 'exit 127' 'kill -TERM $$' 'kill -KILL $$'; do
        probe_reset
        job --close-on-exit -u prt_alice -- sh -c "$command"
        assert_eq "$(probe_order)" "$OPENED $CLOSED" "$command"
    done
}

@test "the session is closed by the process that opened it, as root, with the account's groups" {
    local call groups

    groups=$(id -G prt_alice | tr ' ' '\n' | sort -n | paste -sd,)
    job --close-on-exit -u prt_alice -- true
    for call in close_session setcred-delete; do
        assert_eq "$(probe_field $call pid)" "$(probe_field open_session pid)"
        assert_eq "$(probe_field $call euid)" 0
        assert_eq "$(probe_field $call ruid)" 0
        assert_eq "$(probe_field $call groups | tr , '\n' | sort -n | paste -sd,)" "$groups"
    done
    assert_eq "$(probe_field cleanup pid last)" "$(probe_field open_session pid)"
}

@test "nothing is closed while the command runs" {
    mkfifo "$TEST_DIR/go"
    chmod 0666 "$TEST_DIR/go"
    start_pamrun --profile prt_job --close-on-exit -u prt_alice -- sh -c 'echo started; read -r _ <"$0"' "$TEST_DIR/go"
    wait_until 5 grep -q started "$pamrun_stdout"
    assert_eq "$(probe_order)" "$OPENED"
    echo go >"$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 0
    assert_eq "$(probe_order)" "$OPENED $CLOSED"
}

@test "closing waits for the command, not for what the command left behind" {
    job --close-on-exit -u prt_alice -- sh -c 'sleep 100 >/dev/null 2>&1 & echo $!'
    assert_status 0
    assert_eq "$(probe_order)" "$OPENED $CLOSED"
    assert kill -0 "$stdout"
    kill "$stdout"
}

@test "the environment of the modules is there when the session is closed" {
    probe_script <<<'open_session env KRB5CCNAME=FILE:/tmp/x'
    job --close-on-exit --pam-setenv JOB=1 -u prt_alice -- true
    assert_eq "$(probe_pam_env close_session KRB5CCNAME)" FILE:/tmp/x
    assert_eq "$(probe_pam_env close_session JOB)" 1
    assert_eq "$(probe_field close_session user)" prt_alice
}

# ---- --no-session, --exec -------------------------------------------------------------------------------------

@test "--no-session opens and closes no session; credentials are kept, or deleted with --close-on-exit" {
    job --no-session -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    assert_eq "$(probe_order)" \
        "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED cleanup:PAM_DATA_SILENT cleanup:PAM_DATA_SILENT"
    probe_reset
    job --no-session --close-on-exit -u prt_alice -- true
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED cleanup:PAM_DATA_SILENT \
setcred:PAM_DELETE_CRED cleanup"
}

@test "--exec becomes the command in place, after the handle was ended silently, as the account" {
    job --exec -u prt_alice -- sh -c 'echo $$; id -un; exit 7'
    assert_status 7
    assert_eq "${lines[0]}" "$(probe_field open_session pid)"
    assert_eq "${lines[1]}" prt_alice
    assert_eq "$(probe_order)" "$OPENED"
    assert_eq "$(probe_field cleanup ruid)" "$(id -u prt_alice)"
}

# ---- who and when ---------------------------------------------------------------------------------------------

@test "ids and groups at each step are those of the design's table" {
    local call account_groups

    account_groups=$(id -G prt_alice | tr ' ' '\n' | sort -n | paste -sd,)
    run_program setpriv --groups 4321,4322 "$PAMRUN" --profile prt_job --close-on-exit -u prt_alice -- true
    for call in authenticate acct_mgmt; do
        assert_eq "$(probe_field $call groups | tr , '\n' | sort -n | paste -sd,)" 4321,4322 $call
    done
    for call in setcred-establish open_session close_session setcred-delete; do
        assert_eq "$(probe_field $call groups | tr , '\n' | sort -n | paste -sd,)" "$account_groups" $call
    done
    for call in authenticate acct_mgmt setcred-establish open_session close_session setcred-delete; do
        assert_eq "$(probe_field $call ruid),$(probe_field $call euid),$(probe_field $call suid)" 0,0,0 $call
        assert_eq "$(probe_field $call pid)" "$(probe_field authenticate pid)" $call
        assert_eq "$(probe_field $call cap_eff)" "$(probe_field authenticate cap_eff)" $call
    done
}

@test "the child ends its copy of the handle silently, as the account, before it becomes the command" {
    local uid id

    uid=$(id -u prt_alice)
    job --close-on-exit -u prt_alice -- sh -c 'echo $$; grep -c function=cleanup "$0"' "$PROBE_LOG_FILE"
    [ "${lines[0]}" != "$(probe_field open_session pid)" ]
    assert_eq "$(probe_field cleanup pid)" "${lines[0]}"
    assert_eq "${lines[1]}" 1 # at the command's time, it was done
    assert_eq "$(probe_field cleanup error_status)" "PAM_SUCCESS|PAM_DATA_SILENT"
    for id in ruid euid suid; do
        assert_eq "$(probe_field cleanup $id)" "$uid"
    done
    assert_eq "$(probe_field cleanup rgid)" "$(id -g prt_alice)"
    assert_match "$(probe_field cleanup cap_eff)" '^0*$'
}

@test "groups that a module adds in setcred or open_session are the command's" {
    probe_script <<'END'
setcred-establish addgroup 4321
open_session addgroup 4322
END
    job --close-on-exit -u prt_alice -- id -G
    assert_eq "$(tr ' ' '\n' <<<"$stdout" | sort -n | paste -sd' ')" \
        "$( (id -G prt_alice | tr ' ' '\n'; echo 4321; echo 4322) | sort -n | paste -sd' ')"
    assert_contains ",$(probe_field close_session groups)," ,4322,
}

@test "groups that a module adds before the account's are set do not reach the command" {
    probe_script <<'END'
authenticate addgroup 4321
acct_mgmt setgroups 4322
END
    job -u prt_alice -- id -G
    assert_eq "$stdout" "$(id -G prt_alice)"
}

# What pam_cap(8) does to keep them is in 41-real-modules.bats.
@test "ambient capabilities that a module sets as root end with root" {
    local set

    probe_script <<<'setcred-establish ambient cap_net_raw'
    job -u prt_alice -- grep ^Cap /proc/self/status
    assert_status 0
    for set in CapPrm CapEff CapAmb; do
        assert_match "$stdout" "$set:.0000000000000000"
    done
}

# ---- events ---------------------------------------------------------------------------------------------------

@test "the events of a run that leaves its session open come in order, one JSON object a line" {
    job --json-status-fd 7 -u prt_alice -- sh -c 'echo $$; exit 3' 7>"$TEST_DIR/events"
    assert_status 3
    assert_eq "$(event_names "$TEST_DIR/events")" \
        "authenticated account credentials session-opened command-started command-ended session-left-open"
    assert_eq "$(event_value "$TEST_DIR/events" command-started pid)" "$stdout"
    assert_eq "$(event_value "$TEST_DIR/events" command-ended status)" 3
    assert_eq "$(event_value "$TEST_DIR/events" session-opened account)" prt_alice
    assert_eq "$(event_value "$TEST_DIR/events" session-opened profile)" prt_job
}

@test "the events of a run that closes its session, and of a command that a signal ended" {
    job --close-on-exit --json-status-fd 7 -u prt_alice -- sh -c 'kill -KILL $$' 7>"$TEST_DIR/events"
    assert_status 137
    assert_eq "$(event_names "$TEST_DIR/events")" \
        "authenticated account credentials session-opened command-started command-ended session-closed"
    assert_eq "$(event_value "$TEST_DIR/events" command-ended signal)" 9
    assert_eq "$(event_value "$TEST_DIR/events" command-ended exit-status)" 137
}

@test "what was left out has no event" {
    job --no-auth --no-account --no-session --json-status-fd 7 -u prt_alice -- true 7>"$TEST_DIR/events"
    assert_eq "$(event_names "$TEST_DIR/events")" "credentials command-started command-ended"
}

@test "events go to a pipe, and neither the command nor its children have the descriptor" {
    local reader

    mkfifo "$TEST_DIR/pipe"
    cat "$TEST_DIR/pipe" >"$TEST_DIR/events" &
    reader=$!
    job --json-status-fd 7 -u prt_alice -- sh -c 'ls -l /proc/self/fd; sleep 100 >/dev/null 2>&1 & echo $! >&2' \
        7>"$TEST_DIR/pipe"
    wait_until 5 program_has_ended "$reader" # end of file, though a child lives on
    kill "$stderr"
    refute_contains "$stdout" "$TEST_DIR/pipe"
    assert_match "$(event_names "$TEST_DIR/events")" 'session-left-open$'
}

@test "a reader of events that has gone does no harm" {
    mkfifo "$TEST_DIR/pipe"
    exec 8<>"$TEST_DIR/pipe" 7>"$TEST_DIR/pipe" 8<&-
    job --close-on-exit --json-status-fd 7 -u prt_alice -- echo done
    exec 7>&-
    assert_eq "$status $stdout" "0 done"
    assert_eq "$(probe_order)" "$OPENED $CLOSED"
}

@test "hostile text in an event is escaped" {
    probe_script <<<'authenticate return PAM_AUTH_ERR'
    job --json-status-fd 7 --profile 'a"b\c' -u prt_alice -- true 7>"$TEST_DIR/events"
    assert_status 64
    assert_eq "$(event_names "$TEST_DIR/events")" failed
    job --json-status-fd 7 -u $'x"\\\001\033\xff\xe2\x82\xac' -- true 7>"$TEST_DIR/events"
    assert_eq "$(event_names "$TEST_DIR/events")" failed
    assert_contains "$(event_value "$TEST_DIR/events" failed message)" "€"
}
