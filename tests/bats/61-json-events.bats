# --json-status-fd: one JSON object a line, an interface that stays.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_json
}

setup()
{
    begin_test
    box=$TEST_DIR/box events=$TEST_DIR/events
    install -d -o prt_alice "$box"
}

run_json() # ARGUMENT...
{
    : >"$events"
    run_pamrun --json-status-fd 8 --profile prt_json "$@" 8>>"$events"
}

# The events as strict JSON sees them; a field that is not there is "-".  With a name: of the last such event.
event_fields() # [--event NAME] FIELD...
{
    python3 - "$events" "$@" <<'END'
import json, sys

def once(pairs):
    assert len(dict(pairs)) == len(pairs), "a key is there twice"
    return dict(pairs)

words = sys.argv[2:]
data = open(sys.argv[1], "rb").read()
assert data == b"" or data.endswith(b"\n"), "the last line has no end"
wanted = None
if words[0] == "--event":
    wanted, words = words[1], words[2:]
objects = [json.loads(line.decode("utf-8"), object_pairs_hook=once) for line in data.split(b"\n")[:-1]]
assert all(type(o) is dict and type(o["event"]) is str for o in objects)
assert all(type(v) in (str, int) for o in objects for v in o.values()), "objects are flat"
if wanted is not None:
    objects = [o for o in objects if o["event"] == wanted][-1:]
    assert objects, "no event " + wanted
print(" ".join(":".join(str(o.get(word, "-")) for word in words) for o in objects))
END
}

assert_events() # EVENT...
{
    assert_eq "$(event_fields event 2>&1)" "$*"
}

opened=(authenticated account credentials session-opened)

@test "a run that closes" {
    run_json --close-on-exit -u prt_alice -- sh -c 'exit 5'
    assert_status 5
    assert_events "${opened[@]}" command-started command-ended session-closed
    assert_eq "$(event_fields --event command-ended status exit-status signal)" "5:5:-"
    for event in "${opened[@]}" session-closed; do
        assert_eq "$(event_fields --event "$event" account profile)" prt_alice:prt_json
    done
}

@test "a run that leaves the session open" {
    run_json -u prt_alice -- true
    assert_events "${opened[@]}" command-started command-ended session-left-open
    assert_eq "$(event_fields --event session-left-open account profile)" prt_alice:prt_json
}

@test "a command that a signal ended" {
    run_json --close-on-exit -u prt_alice -- sh -c 'kill -TERM $$'
    assert_status 143
    assert_events "${opened[@]}" command-started command-ended session-closed
    assert_eq "$(event_fields --event command-ended signal exit-status status)" "15:143:-"
}

@test "steps that are left out have no event" {
    run_json --no-session --close-on-exit -u prt_alice -- true
    assert_events authenticated account credentials command-started command-ended
    run_json --no-session -u prt_alice -- true
    assert_events authenticated account credentials command-started command-ended
    run_json --no-account -u prt_alice -- true
    assert_events authenticated credentials session-opened command-started command-ended session-left-open
    run_json --no-auth -u prt_alice -- true
    assert_events account credentials session-opened command-started command-ended session-left-open
}

@test "with --exec there is nothing after the start" {
    run_json --exec -u prt_alice -- sh -c "echo \$\$ >$box/pid"
    assert_status 0
    assert_match "$(event_fields event)" "^${opened[*]}( session-left-open| command-started)*\$"
    assert_eq "$(event_fields --event session-left-open account)" prt_alice
    if grep -q command-started "$events"; then
        assert_eq "$(event_fields --event command-started pid)" "$(<"$box/pid")"
    fi
}

@test "command-started comes while the command runs, with its pid" {
    start_program sh -c 'exec "$@" 8>>"'"$events"'"' sh "$PAMRUN" --json-status-fd 8 --profile prt_json -u prt_alice -- \
        sh -c "echo \$\$ >$box/pid; until [ -e $box/go ]; do sleep 0.01; done"
    assert wait_until 5 grep -q command-started "$events"
    assert wait_until 5 test -s "$box/pid"
    assert_eq "$(event_fields --event command-started pid)" "$(<"$box/pid")"
    assert test -e "/proc/$(<"$box/pid")"
    refute grep command-ended "$events"
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 0
    assert_contains "$(event_fields event)" command-ended
}

# step, PAM code, events, then what `failed` says: step, code, class, exit-status.
@test "each step that fails says step, code, class and status, and is the only failure" {
    local row step code events_wanted failed rows=(
        "authenticate|PAM_AUTH_ERR|failed|authenticate:PAM_AUTH_ERR:user:77"
        "authenticate|PAM_AUTHINFO_UNAVAIL|failed|authenticate:PAM_AUTHINFO_UNAVAIL:node:75"
        "acct_mgmt|PAM_ACCT_EXPIRED|authenticated failed|acct_mgmt:PAM_ACCT_EXPIRED:user:77"
        "acct_mgmt|PAM_MODULE_UNKNOWN|authenticated failed|acct_mgmt:PAM_MODULE_UNKNOWN:node:69"
        "setcred-establish|PAM_CRED_ERR|authenticated account failed|setcred:PAM_CRED_ERR:node:71"
    )

    for row in "${rows[@]}"; do
        IFS='|' read -r step code events_wanted failed <<<"$row"
        probe_script <<<"$step return $code"
        run_json -u prt_alice -- true
        # shellcheck disable=SC2086 # words
        assert_events $events_wanted
        assert_eq "$(event_fields --event failed step code class exit-status)" "$failed"
        assert_contains "$stderr" "$(event_fields --event failed message)"
        assert_status "${failed##*:}"
    done
}

@test "a session that does not open" {
    probe_script <<<"open_session return PAM_SESSION_ERR"
    run_json --close-on-exit -u prt_alice -- true
    assert_status 71
    assert_match "$(event_fields event)" '^authenticated account credentials failed( session-closed)?$'
    assert_eq "$(event_fields --event failed step code class exit-status)" open_session:PAM_SESSION_ERR:node:71
}

@test "what is wrong before PAM: user, group, profile, rights" {
    run_json -u prt_nobody_knows -- true
    assert_events failed
    assert_eq "$(event_fields --event failed step class exit-status)" identity:node:67
    run_json --profile prt_missing -u prt_alice -- true
    assert_events failed
    assert_eq "$(event_fields --event failed step class exit-status)" profile:node:69
}

@test "a command that cannot be executed or is not found" {
    run_json --close-on-exit -u prt_alice -- /etc/passwd
    assert_match "$(event_fields event)" "^${opened[*]} failed session-closed\$"
    assert_eq "$(event_fields --event failed step code class exit-status)" command:-:user:126
    run_json -u prt_alice -- /missing/command
    assert_match "$(event_fields event)" "^${opened[*]} failed session-closed\$"
    assert_eq "$(event_fields --event failed step code class exit-status)" command:-:user:127
    assert_contains "$(event_fields --event failed message)" /missing/command
    run_json --chdir /missing -u prt_alice -- true
    assert_eq "$(event_fields --event failed step exit-status)" command:71
}

@test "a deadline, and a signal while a step runs" {
    probe_script <<<"open_session hang-eintr"
    run_json --deadline open_session=0.1 -u prt_alice -- true
    assert_status 75
    assert_eq "$(event_fields --event failed step class exit-status)" open_session:node:75
    probe_script < <(printf 'open_session touch %s/entered\nopen_session hang-eintr\n' "$TEST_DIR")
    : >"$events"
    start_program sh -c 'exec "$@" 8>>"'"$events"'"' sh "$PAMRUN" --json-status-fd 8 --profile prt_json -u prt_alice -- true
    assert wait_until 5 test -e "$TEST_DIR/entered"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_eq "$(event_fields --event failed step exit-status)" open_session:143
}

@test "a module that does not end when told to: the event of the end by force is JSON too" {
    probe_script <<<"open_session hang"
    run_json --deadline open_session=0.1 -u prt_alice -- true
    assert_status 75
    assert_eq "$(event_fields --event failed step class exit-status)" open_session:node:75
    probe_script <<<"acct_mgmt exit 0"
    run_json -u prt_alice -- true
    assert_status 71
    assert_eq "$(event_fields --event failed step class exit-status)" acct_mgmt:node:71
}

@test "a close that fails is told, and is no good close" {
    probe_script <<<"close_session return PAM_SESSION_ERR"
    run_json --close-on-exit -u prt_alice -- sh -c 'exit 3'
    assert_status 3
    assert_events "${opened[@]}" command-started command-ended failed
    assert_eq "$(event_fields --event failed step code class)" close_session:PAM_SESSION_ERR:node
}

@test "names with quotes, backslashes and other alphabets come through as they are" {
    keep_file /etc/passwd
    printf 'prt_q"u\\o\303\251:x:%s:%s::/tmp:/bin/sh\n' "$(id -u prt_alice)" "$(id -g prt_alice)" >>/etc/passwd
    run_json -u $'prt_q"u\\o\303\251' -- true
    assert_status 0
    assert_eq "$(event_fields --event session-opened account)" $'prt_q"u\\o\303\251'
    run_json -u 'prt_no"such\name' -- true
    assert_status 67
    assert_contains "$(event_fields --event failed message)" 'prt_no"such\name'
}

@test "control characters and broken UTF-8 are escaped: every line is one valid object" {
    local name

    for name in $'prt_\nx' $'prt_\033[31m' $'prt_\377\376' $'prt_\302\233' $'prt_\001' $'{"event":"x"}\n{"event":"authenticated"}'; do
        run_json -u "$name" -- true
        [ "$status" -ne 0 ]
        assert_events failed
        refute_contains "$(event_fields --event failed message)" $'\n'
        refute grep -qP '[\x00-\x09\x0b-\x1f\x7f]' "$events"
    done
    run_json -u prt_alice -- $'/missing/\n\033\377"\\'
    assert_status 127
    assert_eq "$(event_fields --event failed exit-status)" 127
}

@test "very long names are cut, the line stays whole" {
    run_json -u prt_alice -- "/missing/$(head -c 100000 /dev/zero | tr '\0' '"')"
    assert_eq "$(event_fields --event failed step class)" command:user
    [ "$(wc -c <"$events")" -lt 8192 ]
    run_json -u "$(head -c 100000 /dev/zero | tr '\0' '\001')" -- true
    assert_eq "$(event_fields --event failed class)" node
    run_json -u prt_alice -- "/missing/$(head -c 50000 /dev/zero | sed 's/\x00/\xc3\xa9/g')"
    assert_eq "$(event_fields --event failed class)" user
}

@test "the text of a module's PAM_USER is no raw byte in the events" {
    probe_script <<<'open_session set-user x"\n\033{'
    run_json -u prt_alice -- true
    assert_status 77
    assert_eq "$(event_fields --event failed step class)" open_session:user
}

@test "a reader that never reads holds nothing up" {
    local start=${EPOCHREALTIME/[.,]/} took

    mkfifo "$TEST_DIR/full"
    exec 8<>"$TEST_DIR/full"
    head -c 65536 /dev/zero >&8
    run_pamrun --json-status-fd 8 --profile prt_json --close-on-exit -u prt_alice -- sh -c 'exit 5'
    took=$((${EPOCHREALTIME/[.,]/} - start))
    exec 8>&-
    assert_status 5
    assert_contains "$stderr" --json-status-fd
    ((took < 2500000)) || fail_because "took $took us"
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session \
cleanup:PAM_DATA_SILENT close_session setcred:PAM_DELETE_CRED cleanup"
}

@test "a reader that has gone does no harm" {
    mkfifo "$TEST_DIR/gone"
    exec 9<>"$TEST_DIR/gone" 8>"$TEST_DIR/gone" 9>&-
    run_pamrun --json-status-fd 8 --profile prt_json --close-on-exit -u prt_alice -- sh -c 'exit 5'
    assert_status 5
    probe_called close_session 1
    probe_called setcred-delete 1
    run_pamrun --json-status-fd 8 --profile prt_json -u prt_nobody_knows -- true
    exec 8>&-
    assert_status 67
}

@test "a full disk behind the events does no harm" {
    run_pamrun --json-status-fd 8 --profile prt_json --close-on-exit -u prt_alice -- sh -c 'exit 5' 8>/dev/full
    assert_status 5
    probe_called close_session 1
}

@test "what a module opens under the number of the events gets none of them" {
    local opened

    # the lowest free number is what it gets: some for those below
    probe_script < <(
        echo "open_session close-fd 8"
        for opened in {1..12}; do echo "open_session leak-fd"; done
    )
    run_json --close-on-exit -u prt_alice -- sh -c 'exit 5'
    assert_status 5
    assert_eq "$stderr" "pamrun: --json-status-fd 8: a module took the descriptor, no further events"
    assert_events authenticated account credentials
    probe_called close_session 1
}

@test "nothing of the events is on the command's standard output or error" {
    run_json --close-on-exit -u prt_alice -- sh -c 'echo out; echo err >&2'
    assert_eq "$stdout" out
    assert_eq "$stderr" err
}
