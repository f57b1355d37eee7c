# What is undone, and what is said, when a step fails, hangs or is interrupted.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile prt_job
}

STARTED="authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED"
CLOSED="close_session setcred:PAM_DELETE_CRED cleanup"

job()
{
    run_pamrun --profile prt_job "$@"
}

# One object a line: names of the events, then "NAME.KEY=VALUE" of the failed ones.
event_names() # FILE
{
    python3 -c '
import json, sys
print(" ".join(json.loads(line)["event"] for line in open(sys.argv[1])))' "$1"
}

event_value() # FILE NAME KEY
{
    python3 -c '
import json, sys
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == sys.argv[2]:
        print(event[sys.argv[3]])' "$@"
}

assert_said() # REGEX: of the first line; a hint at most behind it
{
    local said

    mapfile -t said <<<"$stderr"
    assert_match "${said[0]}" "^pamrun: .*$1"
    assert_one_line "${said[0]}"
    [ "${#said[@]}" -le 2 ] || fail_because "more than a line and a hint"
    assert_match "${said[1]-hint: none}" '^hint: '
}

# ---- failing steps --------------------------------------------------------------------------------------------

# "CODE STATUS CLASS" a line: DESIGN, exit statuses.
codes()
{
    cat <<'END'
PAM_OPEN_ERR 69 node
PAM_SYMBOL_ERR 69 node
PAM_SERVICE_ERR 71 node
PAM_SYSTEM_ERR 71 node
PAM_BUF_ERR 71 node
PAM_AUTH_ERR 77 user
PAM_USER_UNKNOWN 77 user
PAM_AUTHINFO_UNAVAIL 75 node
PAM_CRED_UNAVAIL 75 node
PAM_CRED_ERR 71 node
PAM_SESSION_ERR 71 node
PAM_ABORT 71 node
PAM_MODULE_UNKNOWN 69 node
END
}

@test "each PAM code of setcred has its status and class; credentials are deleted, the handle ends, nothing else" {
    local code expected class

    while read -r code expected class; do
        probe_reset
        probe_script <<<"setcred-establish return $code"
        job --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status "$expected"
        assert_eq "$stdout" ""
        assert_eq "$(probe_order)" "$STARTED setcred:PAM_DELETE_CRED cleanup" "$code"
        assert_said "setcred for prt_alice .*$code"
        assert_eq "$(event_value "$TEST_DIR/events" failed step)" setcred
        assert_eq "$(event_value "$TEST_DIR/events" failed code)" "$code"
        assert_eq "$(event_value "$TEST_DIR/events" failed class)" "$class"
    done < <(codes; echo PAM_PERM_DENIED 69 node)
}

@test "each PAM code of open_session has its status and class; the session is closed, credentials are deleted" {
    local code expected class

    while read -r code expected class; do
        probe_reset
        probe_script <<<"open_session return $code"
        job --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status "$expected"
        assert_eq "$stdout" ""
        assert_eq "$(probe_order)" "$STARTED open_session $CLOSED" "$code"
        assert_said "open_session for prt_alice .*$code"
        assert_eq "$(event_value "$TEST_DIR/events" failed step)" open_session
        assert_eq "$(event_value "$TEST_DIR/events" failed code)" "$code"
        assert_eq "$(event_value "$TEST_DIR/events" failed class)" "$class"
    done < <(codes; echo PAM_PERM_DENIED 77 user)
}

@test "no code but PAM_SUCCESS lets setcred or open_session pass" {
    local code step

    for step in setcred-establish open_session; do
        for code in PAM_INCOMPLETE PAM_CONV_AGAIN PAM_TRY_AGAIN PAM_BAD_ITEM PAM_NEW_AUTHTOK_REQD 32 99; do
            probe_reset
            probe_script <<<"$step return $code"
            job -u prt_alice -- echo done
            assert_match "$status" '^(69|71|75|77)$'
            assert_eq "$stdout" ""
            # after PAM_INCOMPLETE libpam lets nothing be called but the step itself
            [ "$code" = PAM_INCOMPLETE ] || probe_called setcred-delete 1
        done
    done
}

@test "a failing open_session closes exactly the modules that were opened" {
    profile prt_two < <(
        probe_line auth required
        probe_line account required
        probe_line session requisite first
        probe_line session requisite second
        probe_line session requisite third
    )
    probe_script <<<'open_session@second return PAM_SESSION_ERR'
    run_pamrun --profile prt_two -u prt_alice -- echo done
    assert_status 71
    probe_called close_session@first 1
    refute probe_called open_session@third
    refute probe_called close_session@third
    probe_called setcred-delete 1
}

@test "a failing step is undone with --close-on-exit as without" {
    local step expected

    while read -r step expected; do
        probe_reset
        probe_script <<<"$step return PAM_SYSTEM_ERR"
        job --close-on-exit -u prt_alice -- echo done
        assert_status 71
        assert_eq "$(probe_order)" "$expected"
    done <<END
authenticate authenticate cleanup
acct_mgmt authenticate acct_mgmt cleanup
setcred-establish $STARTED setcred:PAM_DELETE_CRED cleanup
open_session $STARTED open_session $CLOSED
END
}

@test "a module that changes the user in setcred or open_session is refused, and what was done is undone" {
    local action

    for action in "set-user prt_bob" "set-user root" unset-user; do
        probe_reset
        probe_script <<<"setcred-establish $action"
        job -u prt_alice -- id
        assert_status 77
        assert_eq "$stdout" ""
        assert_eq "$(probe_order)" "$STARTED setcred:PAM_DELETE_CRED cleanup"
        probe_reset
        probe_script <<<"open_session $action"
        job -u prt_alice -- id
        assert_status 77
        assert_eq "$stdout" ""
        assert_eq "$(probe_order)" "$STARTED open_session $CLOSED"
        assert_said "changed the user"
    done
}

# ---- the command does not start -------------------------------------------------------------------------------

@test "a command that cannot be started: status 127 or 126, and the session is closed though none asked for it" {
    local row

    printf 'no program\n' >"$TEST_DIR/plain"
    printf '#!/no/such/interpreter\n' >"$TEST_DIR/lost"
    mkdir "$TEST_DIR/directory"
    chmod 0755 "$TEST_DIR" "$TEST_DIR/lost"
    for row in "127 /no/such/program" "127 no-such-program-at-all" "126 $TEST_DIR/plain" "126 $TEST_DIR/directory" \
        "126 /etc/shadow" "127 $TEST_DIR/lost"; do
        probe_reset
        job -u prt_alice -- "${row#* }"
        assert_status "${row%% *}"
        assert_eq "$(probe_order)" "$STARTED open_session cleanup:PAM_DATA_SILENT $CLOSED" "$row"
        assert_said "${row#* }"
    done
}

@test "a shell that cannot be started closes the session too" {
    job -s /no/such/shell prt_alice -c true
    assert_status 127
    assert_eq "$(probe_order)" "$STARTED open_session cleanup:PAM_DATA_SILENT $CLOSED"
    probe_reset
    job -s /etc/passwd prt_alice -c true
    assert_status 126
    assert_eq "$(probe_order)" "$STARTED open_session cleanup:PAM_DATA_SILENT $CLOSED"
}

@test "a script without #! is treated as runuser treats it" {
    local theirs

    printf 'echo a shell ran this\n' >"$TEST_DIR/script"
    chmod 0755 "$TEST_DIR" "$TEST_DIR/script"
    run_program runuser -u prt_alice -- "$TEST_DIR/script"
    theirs="$status $stdout"
    job -u prt_alice -- "$TEST_DIR/script"
    assert_eq "$status $stdout" "$theirs"
}

@test "--chdir to what is not there, or not the account's to enter, closes the session: never / instead" {
    local directory

    mkdir -m 0700 "$TEST_DIR/closed"
    for directory in /no/such/directory "$TEST_DIR/closed" /etc/passwd; do
        probe_reset
        job --chdir "$directory" -u prt_alice -- pwd
        assert_status 71
        assert_eq "$stdout" ""
        assert_eq "$(probe_order)" "$STARTED open_session cleanup:PAM_DATA_SILENT $CLOSED"
        assert_said "$directory"
    done
}

@test "--chdir enters as the account, also what root may not or that a module makes" {
    install -d -m 0700 -o prt_alice "$TEST_DIR/private"
    chmod 0711 "$TEST_DIR"
    job --chdir "$TEST_DIR/private" -u prt_alice -- pwd
    assert_eq "$status $stdout" "0 $TEST_DIR/private"
}

@test "--exec of a command that is not there closes nothing it could not close, and says so" {
    job --exec -u prt_alice -- /no/such/program
    assert_status 127
    assert_said /no/such/program
}

@test "the events of a command that does not start end with the close" {
    job --json-status-fd 7 -u prt_alice -- /no/such/program 7>"$TEST_DIR/events"
    assert_status 127
    assert_match "$(event_names "$TEST_DIR/events")" '^authenticated account credentials session-opened failed session-closed$'
    assert_eq "$(event_value "$TEST_DIR/events" failed step)" command
    assert_eq "$(event_value "$TEST_DIR/events" failed class)" user
    assert_eq "$(event_value "$TEST_DIR/events" failed exit-status)" 127
}

# ---- closing fails --------------------------------------------------------------------------------------------

@test "a failing close keeps the command's status, is said, logged and told, and the credentials are deleted" {
    local step name

    log_start
    for step in close_session setcred-delete; do
        name=${step/setcred-delete/delete_cred}
        probe_reset
        probe_script <<<"$step return PAM_SYSTEM_ERR"
        job --close-on-exit --json-status-fd 7 -u prt_alice -- sh -c 'exit 5' 7>"$TEST_DIR/events"
        assert_status 5
        assert_eq "$(probe_order)" "$STARTED open_session cleanup:PAM_DATA_SILENT $CLOSED"
        assert_match "$stderr" "^pamrun: $name for prt_alice .*PAM_SYSTEM_ERR"
        assert_match "$(log_lines $name)" "pamrun\[[0-9]+\]: .*account=\"prt_alice\".*$name.*PAM_SYSTEM_ERR"
        assert_eq "$(event_value "$TEST_DIR/events" failed step)" "$name"
        assert_eq "$(event_value "$TEST_DIR/events" failed code)" PAM_SYSTEM_ERR
    done
}

# ---- profiles -------------------------------------------------------------------------------------------------

@test "a profile that does not exist is refused, with the places looked at, and other never serves for it" {
    profile other < <(for type in auth account session; do probe_line $type required other; done)
    run_pamrun --profile prt_missing -u prt_alice -- id
    assert_status 69
    assert_eq "$stdout" ""
    assert_said "prt_missing.*/etc/pam.d"
    assert_contains "$stderr" /usr/lib/pam.d
    assert_eq "$(probe_log)" ""
}

@test "hostile profile names are refused, and shown without control characters" {
    local name

    probe_profile other
    for name in "" . .. / /tmp/x /etc/pam.d/prt_job ../pam.d/prt_job prt_job/ /prt_job x/prt_job Prt_job PRT_JOB \
        -x .prt _prt "prt_job " " prt_job" $'prt_job\n' $'\033[31m' $'a\177' 'prt_jöb' "$(printf 'a%.0s' {1..65})" \
        "$(head -c 100000 /dev/zero | tr '\0' a)" '%s%n' 'a:b' '*'; do
        run_pamrun "--profile=$name" -u prt_alice -- id
        assert_status 64
        assert_eq "$stdout" ""
        assert_said profile
        [ ${#stderr} -lt 1000 ]
        assert_eq "$(probe_log)" ""
    done
}

@test "a profile that is not root's alone is refused" {
    local change

    for change in "chmod 0664" "chmod 0646" "chmod 0666" "chown prt_alice" "chown 4321"; do
        probe_profile prt_loose
        $change /etc/pam.d/prt_loose
        run_pamrun --profile prt_loose -u prt_alice -- id
        assert_status 69
        assert_said "/etc/pam.d/prt_loose"
        assert_eq "$(probe_log)" ""
    done
}

@test "a profile that is no regular file is refused, and does not block" {
    keep_file /etc/pam.d/prt_odd
    mkdir /etc/pam.d/prt_odd
    RUN_TIMEOUT=10 run_pamrun --profile prt_odd -u prt_alice -- id
    assert_status 69
    rmdir /etc/pam.d/prt_odd
    mkfifo /etc/pam.d/prt_odd
    RUN_TIMEOUT=10 run_pamrun --profile prt_odd -u prt_alice -- id
    assert_status 69
    rm /etc/pam.d/prt_odd
    ln -s /etc/pam.d/prt_nothing /etc/pam.d/prt_odd
    run_pamrun --profile prt_odd -u prt_alice -- id
    assert_status 69
    rm /etc/pam.d/prt_odd
    install -o prt_alice -m 0644 /etc/pam.d/prt_job "$TEST_DIR/profile"
    ln -s "$TEST_DIR/profile" /etc/pam.d/prt_odd
    run_pamrun --profile prt_odd -u prt_alice -- id
    assert_status 69
    assert_eq "$(probe_log)" ""
    rm /etc/pam.d/prt_odd
}

@test "a profile without lines for a step is refused: other never serves for it" {
    local missing type types=(auth account session)

    profile other < <(for type in auth account session password; do probe_line $type required other; done)
    for missing in "${types[@]}"; do
        profile prt_part < <(for type in "${types[@]/$missing/}"; do [ -z "$type" ] || probe_line $type required; done)
        run_pamrun --profile prt_part -u prt_alice -- id
        assert_status 69
        assert_said "prt_part.*$missing"
        assert_eq "$(probe_log)" ""
    done
}

@test "a step that is left out needs no lines" {
    profile prt_part < <(for type in auth session; do probe_line $type required; done)
    run_pamrun --profile prt_part --no-account -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    profile prt_part < <(for type in auth account; do probe_line $type required; done)
    run_pamrun --profile prt_part --no-session -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}

@test "lines that come from included files count" {
    profile prt_common < <(for type in auth account session; do probe_line $type required common; done)
    profile prt_whole <<<"@include prt_common"
    run_pamrun --profile prt_whole -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    profile prt_lines <<'END'
auth include prt_common
account substack prt_common
session include prt_common
END
    run_pamrun --profile prt_lines -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}

@test "an include that brings no line does not bring other's" {
    local missing type

    profile other < <(for type in auth account session; do probe_line $type required other; done)
    profile prt_empty <<<"# nothing here"
    for missing in auth account session; do
        profile prt_hollow < <(
            for type in auth account session; do
                if [ $type = $missing ]; then echo "$type include prt_empty"; else probe_line $type required; fi
            done
        )
        probe_reset
        run_pamrun --profile prt_hollow -u prt_alice -- id
        refute probe_called '*@other'
        assert_status 69
        assert_eq "$stdout" ""
    done
}

@test "a profile that is called other is one like any other, when it is asked for" {
    probe_profile other
    run_pamrun --profile other -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    assert_eq "$(probe_field authenticate service)" other
}

# A file that is not there makes Debian's libpam give up where it is included, in the middle of the file.
@test "a profile that libpam itself gives up is told with PAM's code, also where it is 'other'" {
    [ "${SANITIZED-}" != 1 ] || export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # it does not free all then
    profile other <<<"@include prt_nowhere
auth required pam_deny.so"
    run_pamrun --profile prt_job --json-status-fd 7 -u prt_alice -- id 7>"$TEST_DIR/events"
    assert_status 69
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: start for prt_alice (profile prt_job): Critical error - immediate abort (PAM_ABORT)
hint: syslog names the line; libpam reads the profile 'other' too, and that may be the broken one"
    assert_eq "$(event_value "$TEST_DIR/events" failed code)" PAM_ABORT
    assert_eq "$(probe_log)" ""
}

@test "a module that cannot be loaded is the node's fault: status 69 and a hint" {
    local type step

    while read -r type step; do
        profile prt_broken < <(
            for other in auth account session; do
                if [ $other = "$type" ]; then echo "$type required pam_prt_missing.so"; else probe_line $other required; fi
            done
        )
        probe_reset
        run_pamrun --profile prt_broken --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status 69
        assert_eq "$stdout" ""
        assert_said "$step .*PAM_MODULE_UNKNOWN"
        assert_match "$stderr" 'hint: .*module.*loaded'
        assert_eq "$(event_value "$TEST_DIR/events" failed class)" node
    done <<'END'
auth authenticate
account acct_mgmt
session open_session
END
}

@test "--no-auth with auth modules that set no credentials is the node's fault, and the hint names the auth stack" {
    probe_script <<<'setcred return PAM_IGNORE'
    job --no-auth --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
    assert_status 69
    assert_eq "$stdout" ""
    assert_match "$stderr" 'hint: .*auth.*pam_permit'
    assert_eq "$(event_value "$TEST_DIR/events" failed class)" node
    refute probe_called open_session
}

# ---- deadlines ------------------------------------------------------------------------------------------------

# "PHASE STEP UNDONE": what follows the step, after a module that can be interrupted.
steps()
{
    cat <<'END'
authenticate authenticate cleanup
acct_mgmt acct_mgmt cleanup
setcred-establish setcred setcred:PAM_DELETE_CRED cleanup
open_session open_session close_session setcred:PAM_DELETE_CRED cleanup
END
}

@test "a step that does not answer before its deadline is given up and undone: status 75" {
    local phase step undone

    while read -r phase step undone; do
        probe_reset
        probe_script <<<"$phase hang-eintr"
        RUN_TIMEOUT=15 job --deadline $step=0.2 --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status 75
        assert_eq "$stdout" ""
        assert_said "$step for prt_alice .*deadline"
        assert_match "$(probe_order)" " ?$undone\$"
        assert_eq "$(event_value "$TEST_DIR/events" failed step)" "$step"
        assert_eq "$(event_value "$TEST_DIR/events" failed class)" node
    done < <(steps)
}

@test "a module that cannot be interrupted ends with the run soon after its deadline: status 75" {
    local phase step undone start

    while read -r phase step undone; do
        probe_reset
        probe_script <<<"$phase hang"
        start=${EPOCHREALTIME/[.,]/}
        RUN_TIMEOUT=15 job --deadline $step=0.2 --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status 75
        (((${EPOCHREALTIME/[.,]/} - start) < 5000000))
        assert_eq "$stdout" ""
        assert_said "$step for prt_alice .*deadline"
        assert_eq "$(event_value "$TEST_DIR/events" failed step)" "$step"
    done < <(steps)
}

@test "a deadline does not pass while a refusal is delayed: the module has answered, and it is the user's fault" {
    probe_script <<'END'
authenticate fail-delay 4000000
authenticate return PAM_AUTH_ERR
END
    RUN_TIMEOUT=25 job --deadline authenticate=0.5 --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
    assert_status 77
    assert_eq "$(event_value "$TEST_DIR/events" failed class)" user
}

@test "a deadline of chauthtok bounds the change of a password" {
    probe_script <<'END'
acct_mgmt return PAM_NEW_AUTHTOK_REQD
chauthtok-update hang-eintr
END
    run_ptyrun --timeout 15 -- "$PAMRUN" --profile prt_job --deadline chauthtok=0.2 -u prt_alice -- echo done
    assert_status 75
    refute_contains "$stdout" done
    assert_match "$(probe_order)" ' cleanup$'
}

@test "a close that does not answer before its deadline is given up, said, and keeps the command's status" {
    local phase

    for phase in close_session:close_session setcred-delete:delete_cred; do
        probe_reset
        probe_script <<<"${phase%:*} hang-eintr"
        RUN_TIMEOUT=15 job --close-on-exit --deadline ${phase#*:}=0.2 -u prt_alice -- sh -c 'exit 5'
        assert_status 5
        assert_match "$stderr" "${phase#*:} .*deadline"
        assert_match "$(probe_order)" 'close_session setcred:PAM_DELETE_CRED cleanup$'
    done
}

@test "a deadline bounds its own step only" {
    probe_script <<'END'
authenticate sleep 300
open_session sleep 300
END
    job --deadline acct_mgmt=0.1 --deadline setcred=0.1 -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
    job --deadline authenticate=5 --deadline open_session=5 -u prt_alice -- sh -c 'sleep 0.5; echo done'
    assert_eq "$status $stdout" "0 done"
}

# ---- signals to pamrun while a module runs --------------------------------------------------------------------

@test "a signal while a step hangs ends the run: 128+n, and what was done is undone" {
    local phase step undone row

    while read -r phase step undone; do
        for row in TERM:143 INT:130 HUP:129 QUIT:131; do
            [[ $row == TERM* || $phase == open_session ]] || continue # the others once
            probe_reset
            probe_script <<<"$phase hang-eintr"
            start_pamrun --profile prt_job -u prt_alice -- echo done
            wait_until 5 probe_called "$phase"
            kill "-${row%:*}" "$pamrun_pid"
            end_status "$pamrun_pid" 10
            assert_status "${row#*:}"
            assert_eq "$stdout" ""
            assert_said "$step for prt_alice .*SIG${row%:*}"
            assert_match "$(probe_order)" " ?$undone\$"
        done
    done < <(steps)
}

@test "a signal while a module hangs for good ends the run after --kill-after" {
    local phase step undone

    while read -r phase step undone; do
        probe_reset
        probe_script <<<"$phase hang"
        start_pamrun --profile prt_job --kill-after 0.3 -u prt_alice -- echo done
        wait_until 5 probe_called "$phase"
        kill -TERM "$pamrun_pid"
        end_status "$pamrun_pid" 10
        assert_status 143
        assert_eq "$stdout" ""
        assert_said "$step for prt_alice .*module does not end"
    done < <(steps)
}

@test "a signal while the close hangs ends it, the credentials are deleted, the command's status stays" {
    probe_script <<<'close_session hang-eintr'
    start_pamrun --profile prt_job --close-on-exit -u prt_alice -- sh -c 'exit 5'
    wait_until 5 probe_called close_session
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 10
    assert_status 5
    assert_contains "$stderr" close_session
    assert_eq "$(probe_order)" "$STARTED open_session cleanup:PAM_DATA_SILENT $CLOSED"
}

@test "signals that ask for nothing do not end a step" {
    local number

    probe_script <<END
open_session touch $TEST_DIR/entered
open_session wait-file $TEST_DIR/go
END
    start_pamrun --profile prt_job -u prt_alice -- echo done
    wait_until 5 test -e "$TEST_DIR/entered"
    for number in USR1 USR2 ALRM PIPE CHLD WINCH CONT PROF VTALRM XCPU XFSZ IO URG; do
        kill "-$number" "$pamrun_pid"
    done
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_eq "$status $stdout" "0 done"
}

@test "a profile where libpam does not look is refused: other would serve in its place" {
    local directory=/usr/share/pam.d

    mkdir -p "$directory"
    cp /etc/pam.d/prt_job "$directory/prt_elsewhere"
    run_pamrun --profile prt_elsewhere -u prt_alice -- echo done
    rm -f "$directory/prt_elsewhere"
    rmdir "$directory" || true # tests/alone has mounted something there
    assert_status 69
    assert_eq "$stdout" ""
}
