# Shared sessions: opened by the first, joined by others, closed with the last.
# With sanitizers only in full.

load lib/common
load lib/sharing

setup_file()
{
    begin_file
    begin_sharing
    probe_profile su
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

@test "one run: opened, and closed when its command has ended" {
    share -u prt_alice -- sh -c 'id -un; exit 3'
    assert_status 3
    assert_eq "$stdout" "prt_alice"
    assert_eq "$stderr" ""
    assert_all_closed
    assert_eq "$(probe_field authenticate pid)" "$(probe_field acct_mgmt pid)"
    [ "$(probe_field open_session pid)" != "$(probe_field acct_mgmt pid)" ]
    assert_eq "$(probe_field open_session pid)" "$(probe_field close_session pid)"
}

@test "the second joins, and the session is closed with the last, in whatever order they end" {
    local first second

    start_sharing
    first=$pamrun_pid
    start_sharing
    second=$pamrun_pid
    leases_are 2
    wait_until 10 title_is "pamrun: session prt_alice (prt_job), 2 leases"
    probe_called open_session 1
    probe_called authenticate 2
    probe_called acct_mgmt 2
    kill "$first"
    end_status "$first"
    assert_status 143
    wait_until 10 title_is "pamrun: session prt_alice (prt_job), 1 lease"
    probe_called close_session 0
    kill -KILL "$second"
    end_status "$second"
    assert_all_closed
}

@test "root's caller has the command itself as its child, and no process of ours stays but the keeper" {
    start_sharing
    assert_eq "$(cat "$pamrun_stdout")" "$pamrun_pid"
    assert_match "$(leases)" "^$pamrun_pid\.[0-9]+$"
    assert_eq "$(readlink "/proc/$pamrun_pid/exe")" "$(readlink -f "$(type -P sleep)")"
    assert_eq "$(pgrep -c '^pamrun')" 1
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_all_closed
}

@test "with --json-status-fd pamrun stays, and tells how the command ended" {
    share --json-status-fd 7 -u prt_alice -- sh -c 'exit 5' 7>"$TEST_DIR/events"
    assert_status 5
    assert_eq "$(sed -E 's/"pid":[0-9]+/"pid":N/' "$TEST_DIR/events")" \
'{"event":"authenticated","account":"prt_alice","profile":"prt_job"}
{"event":"account","account":"prt_alice","profile":"prt_job"}
{"event":"credentials","account":"prt_alice","profile":"prt_job"}
{"event":"session-opened","account":"prt_alice","profile":"prt_job"}
{"event":"command-started","pid":N}
{"event":"command-ended","status":5,"exit-status":5}'
    assert_all_closed
    start_sharing
    share --json-status-fd 7 -u prt_alice -- true 7>"$TEST_DIR/events"
    assert_status 0
    assert_eq "$(sed -n 3p "$TEST_DIR/events")" \
        '{"event":"session-joined","account":"prt_alice","profile":"prt_job"}'
}

@test "a caller who is not root authenticates, has a front, and is in the same session" {
    local command

    probe_script <<<'open_session env FROM=session'
    share_as_bob()
    {
        applicant_set prt_bob
        start_program "${applicant[@]}" "$PAMRUN" --share "$@"
    }
    share_as_bob -u prt_alice -- sh -c 'echo "$$ $FROM"; exec sleep 600'
    session=${session%.prt_job}.su
    wait_until 20 test -s "$pamrun_stdout"
    read -r command _ <"$pamrun_stdout"
    assert_eq "$(cat "$pamrun_stdout")" "$command session"
    wait_until 10 leases_are 1
    assert_match "$(leases)" "^$command\."
    assert_eq "$(probe_field authenticate ruid)" "$(id -u prt_bob)"
    assert_eq "$(probe_field open_session ruid)" 0
    run_pamrun --share -u prt_alice -- sh -c 'echo "$FROM"'
    assert_eq "$stdout" session
    probe_called open_session 1
    kill -KILL "$pamrun_pid" # the front
    assert_all_closed
    refute_contains "$(leases)" .
}

@test "the command's lease is its own: who kills pamrun's processes does not end the session under it" {
    local command

    start_pamrun --profile prt_job --share --json-status-fd 7 -u prt_alice -- sh -c 'echo "$$"; exec sleep 600' 7>/dev/null
    wait_until 20 test -s "$pamrun_stdout"
    command=$(cat "$pamrun_stdout")
    [ "$command" != "$pamrun_pid" ]
    kill -KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    wait_until 10 leases_are 1
    assert_match "$(leases)" "^$command\."
    probe_called close_session 0
    kill -KILL "$command"
    assert_all_closed
}

@test "who joins has the session's PAM environment and the account's groups, and nothing that is only the opener's" {
    make_group prt_team
    usermod -G prt_team prt_alice
    probe_script <<'END'
open_session env TICKET=FILE:/tmp/krb5cc with blanks
open_session env EMPTY=
open_session env LD_PRELOAD=/evil.so
END
    start_sharing --pam-setenv ONLY_TOLD=1
    share -u prt_alice -- sh -c 'printf "%s\n" "$TICKET"; echo "${EMPTY-unset}"; echo "${LD_PRELOAD-unset}"; echo "${ONLY_TOLD-unset}"; id -Gn'
    assert_status 0
    assert_eq "$stdout" 'FILE:/tmp/krb5cc with blanks

unset
unset
prt_alice prt_team'
    assert_readable_for_alice_alone "$session/environment"
    assert_readable_for_alice_alone "$session/status"
    assert_eq "$(stat -c '%a %U' "$session/state" "$session/lock" "$session/keeper")" "600 root
600 root
600 root"
    assert_contains "$(tr '\0' '\n' <"$session/environment")" 'TICKET=FILE:/tmp/krb5cc with blanks'
}

# It is root's, or its owner could make it as large as /run.
assert_readable_for_alice_alone() # FILE
{
    assert_eq "$(stat -c '%a %U %G' "$1")" "640 root root"
    run_program setpriv --reuid prt_alice --regid prt_alice --clear-groups cat "$1"
    assert_status 0
    assert_eq "$stdout" "$(tr -d '\0' <"$1")"
    run_program setpriv --reuid prt_alice --regid prt_alice --clear-groups sh -c 'chmod u+w "$1"; echo >>"$1"' sh "$1"
    assert_status 2
    run_program setpriv --reuid prt_bob --regid prt_bob --clear-groups cat "$1"
    assert_status 1
}

@test "the keeper has nothing of its caller" {
    local keeper processor

    needs keyctl ionice taskset
    processor=$(sed -n 's/^Cpus_allowed_list:\t\([0-9]*\).*/\1/p' /proc/self/status)
    # what modules of the keeper find as their session keyring
    profile prt_job < <(
        for type in auth account session; do probe_line $type required; done
        echo "session optional pam_exec.so $TEST_DIR/look"
    )
    printf '#!/bin/sh\nkeyctl list @s >%s.keys\n' "$TEST_DIR/look" >"$TEST_DIR/look"
    chmod 0755 "$TEST_DIR/look"
    cd /tmp
    exec 7</etc/hostname 8>"$TEST_DIR/left-open"
    CALLERS=1 nice -n 5 ionice -c 3 taskset -c "$processor" keyctl session - \
        sh -c 'keyctl add user of-caller secret @s; ulimit -S -n 500; umask 077; trap "" INT; exec "$@"' - \
        "$PAMRUN" --profile prt_job --share -u prt_alice -- sh -c 'echo "$$" >&8; exec sleep 600' >/dev/null 2>&1 &
    pamrun_pid=$!
    made program "$pamrun_pid"
    exec 7<&- 8>&-
    wait_until 20 test -s "$TEST_DIR/left-open"
    keeper=$(keepers)
    assert_eq "$(readlink "/proc/$keeper/cwd")" /
    assert_eq "$(cut -d' ' -f6 "/proc/$keeper/stat")" "$keeper" # leads a session
    assert_eq "$(cut -d' ' -f7 "/proc/$keeper/stat")" 0         # without a terminal
    assert_eq "$(cut -d' ' -f19 "/proc/$keeper/stat")" 0        # nice
    assert_eq "$(cat "/proc/$keeper/oom_score_adj")" "$(sh -c 'echo -900 >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj' 2>/dev/null)"
    assert_eq "$(ionice -p "$keeper")" "$(ionice -c 0 sh -c 'ionice -p "$$"')"
    assert_eq "$(grep Cpus_allowed: "/proc/$keeper/status")" "$(taskset -c 0-1023 grep Cpus_allowed: /proc/self/status)"
    assert_eq "$(cat "$TEST_DIR/look.keys")" "keyring is empty"
    assert_eq "$(readlink "/proc/$keeper"/fd/{0,1,2} | sort -u)" /dev/null
    refute_contains "$(readlink "/proc/$keeper"/fd/*)" hostname
    refute_contains "$(readlink "/proc/$keeper"/fd/*)" left-open
    refute_contains "$(tr '\0' '\n' <"/proc/$keeper/environ")" CALLERS
    assert_eq "$(sed -n 's/^Uid:\t//p' "/proc/$keeper/status")" "0	0	0	0"
    assert_eq "$(sed -n 's/^SigIgn:\t//p' "/proc/$keeper/status")" 0000000000000000
    refute_contains "$(probe_field open_session rlimit_nofile)" 500:
    assert_eq "$(probe_field open_session tty)" "(unset)"
    kill -KILL "$pamrun_pid"
    assert_all_closed
}

@test "what modules say and ask while the keeper opens comes to the opener's terminal" {
    probe_script <<'END'
open_session error the volume is nearly full
open_session prompt-off Volume password:
END
    run_ptyrun --expect 'Volume password:' --send $'secret\r' -- "$PAMRUN" --profile prt_job --share -u prt_alice -- echo done
    stdout=${stdout//$'\r'/}
    assert_status 0
    assert_contains "$stdout" "the volume is nearly full"
    assert_contains "$stdout" "done"
    refute_contains "$stdout" secret
    assert_eq "$(probe_field open_session conv)" "error:PAM_SUCCESS,prompt-off:PAM_SUCCESS:answered:6"
    assert_all_closed
}

@test "two questions in one call, of which the second gets no answer: the step fails, as with a module of one's own" {
    probe_script <<'END'
open_session prompts 2
open_session return PAM_SESSION_ERR
END
    run_ptyrun --expect 'message 1' --send $'a\r' --expect 'message 2' --send '\004' -- \
        "$PAMRUN" --profile prt_job --share -u prt_alice -- echo done
    stdout=${stdout//$'\r'/}
    assert_status 71
    assert_contains "$stdout" "open_session for prt_alice (profile prt_job): "
    assert_contains "$stdout" "PAM_SESSION_ERR"
    assert_eq "$(probe_field open_session conv)" "prompts:PAM_CONV_ERR"
    probe_called setcred-delete 1
    assert wait_until 10 session_is_gone
}

@test "^C at a question of a module is what ended the step, whatever the module makes of it" {
    probe_script <<'END'
open_session prompt-off Question:
open_session return PAM_SESSION_ERR
END
    run_ptyrun --expect Question: --send '\003' -- "$PAMRUN" --profile prt_job --share -u prt_alice -- echo done
    stdout=${stdout//$'\r'/}
    assert_status 130
    assert_contains "$stdout" "pamrun: open_session for prt_alice (profile prt_job): stopped by SIGINT"
    refute_contains "$stdout" hint:
    refute_contains "$stdout" "done"
    probe_called setcred-delete 1
    assert wait_until 10 session_is_gone
}

# Others wait for the lock meanwhile: so for 20 seconds, however many questions there are, and never in the background.
@test "a question that nobody answers ends the opening before others have waited in vain for it; ^Z stops it after that" {
    probe_script <<'END'
open_session prompt-off Volume password:
open_session return PAM_SESSION_ERR
END
    start_program "$TOOLS/ptyrun" --timeout 120 --expect 'Volume password:' --send '\032' --expect 'never comes' -- \
        bash -mc '"$@"; fg; exit' bash "$PAMRUN" --profile prt_job --share -T -u prt_alice -- echo done
    wait_until 20 grep -q 'Volume password:' "$pamrun_stdout"
    probe_script </dev/null
    share -u prt_alice -- echo done
    assert_status 0
    assert_eq "$stdout" "done"
    end_status "$pamrun_pid"
    assert_contains "$stdout" "a module asked 'Volume password:': nobody answered in time, and others wait for this session"
    refute_contains "$stdout" "no current job" # for fg
}

@test "--any-prompt: a question of open_session gets what was forwarded, out of the opener's hands" {
    probe_script <<'END'
authenticate prompt-off Password:
open_session prompt-off Volume password:
END
    share --forward-password-fd 7 --any-prompt -u prt_alice -- true 7<<<"geheim"
    assert_status 0
    assert_eq "$stderr" ""
    assert_eq "$(probe_field open_session conv)" "prompt-off:PAM_SUCCESS:answered:6"
    assert_all_closed
}

@test "a password that only open_session asked for is one that the session was opened with" {
    probe_script <<<"open_session prompt-off Volume password:"
    run_program "$PAMRUN" --profile prt_job --hold job-1 --forward-password-fd 7 --any-prompt -u prt_alice 7<<<"geheim"
    assert_eq "$status $output" "0 "
    assert_contains "$(cat "$session/state")" "password yes"
    probe_script <<<"authenticate prompt-off Password:"
    share --forward-password-fd 7 --require-password-used -u prt_alice -- echo done 7<<<"geheim"
    assert_eq "$status $output" "0 done"
    rm "$session/leases/@job-1"
    assert_all_closed
}

@test "a step of the keeper's that fails is told like any other, all is undone, and the next run opens anew" {
    local code expected step

    while read -r step code expected; do
        probe_reset
        probe_script <<<"$step return $code"
        share -u prt_alice -- echo done
        assert_status "$expected"
        assert_eq "$stdout" ""
        assert_match "${stderr%%$'\n'*}" "^pamrun: ${step%-establish} for prt_alice \(profile prt_job\): .*$code"
        wait_until 10 has_no_keeper
        wait_until 10 session_is_gone
        assert_eq "$(probe_count setcred-delete)" 1
    done <<'END'
setcred-establish PAM_CRED_UNAVAIL 75
setcred-establish PAM_CRED_ERR 71
open_session PAM_SESSION_ERR 71
open_session PAM_PERM_DENIED 77
END
    probe_reset
    share -u prt_alice -- echo done
    assert_eq "$stdout" "done"
    assert_all_closed
}

@test "told to stop while the keeper opens: it stops, all is undone, and the status says by what" {
    local name number

    for name in TERM INT HUP; do
        number=$(kill -l "$name")
        probe_reset
        # as in system(3), which ignores these two meanwhile
        probe_script <<'END'
open_session ignore SIGINT
open_session ignore SIGQUIT
open_session hang-eintr
END
        start_pamrun --profile prt_job --share -u prt_alice -- true
        wait_until 20 test -e "$session/state"
        wait_until 20 grep -q 'state opening' "$session/state"
        wait_until 20 probe_called setcred-establish
        kill "-$name" "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status $((128 + number))
        assert_eq "$stderr" "pamrun: open_session for prt_alice (profile prt_job): stopped by SIG$name"
        wait_until 10 has_no_keeper
        wait_until 10 session_is_gone
        probe_called setcred-delete 1
    done
}

@test "told to stop when the keeper has opened and the opener does not know yet: the others' session goes on" {
    local opener joiner

    probe_script <<<"open_session wait-file $TEST_DIR/go"
    start_pamrun --profile prt_job --share -u prt_alice -- sleep 100
    opener=$pamrun_pid
    wait_until 20 grep -q 'state opening' "$session/state"
    wait_until 20 probe_called setcred-establish
    kill -STOP "$opener"
    touch "$TEST_DIR/go"
    wait_until 20 grep -q 'state open$' "$session/state"
    start_pamrun --profile prt_job --share -u prt_alice -- sleep 100
    joiner=$pamrun_pid
    wait_until 20 leases_are 2
    kill -TERM "$opener"
    kill -CONT "$opener"
    end_status "$opener"
    assert_status 143
    assert_match "$stderr" 'stopped by SIGTERM'
    share -u prt_alice -- echo done
    assert_eq "$status $output" "0 done"
    probe_called open_session 1
    probe_called close_session 0
    grep -q 'state open$' "$session/state"
    kill "$joiner"
    assert_all_closed
}

@test "what a module leaves running when it closes does not hold up the next session" {
    probe_script <<<"close_session fork-stay 60000"
    share -u prt_alice -- true
    assert_status 0
    wait_until 10 session_is_gone # the keeper has a copy, which stays
    probe_script </dev/null
    SECONDS=0
    share -u prt_alice -- echo done
    assert_eq "$status $output" "0 done"
    ((SECONDS < 25)) || fail_because "the lock was held"
}

@test "a module that does not end, deadline or not: the keeper goes, and says why" {
    probe_script <<<"open_session hang"
    share --deadline open_session=0.2 -u prt_alice -- true
    assert_status 75
    assert_eq "$stderr" "pamrun: open_session for prt_alice (profile prt_job): a module did not answer before the deadline and does not end; what it holds may remain"
    wait_until 10 session_is_gone
}

@test "--deadline holds in the keeper" {
    probe_script <<<"open_session hang-eintr"
    share --deadline open_session=0.2 -u prt_alice -- true
    assert_status 75
    assert_match "$stderr" "^pamrun: open_session for prt_alice \(profile prt_job\): no answer before the deadline"
    wait_until 10 session_is_gone
}

@test "a cleanup function that exits in the opener is no run: status 71, nothing runs, the session is closed" {
    probe_script <<END
authenticate data=1
cleanup if-file $TEST_DIR/opened exit 0
open_session touch $TEST_DIR/opened
END
    share -u prt_alice -- echo done
    assert_status 71
    assert_eq "$stdout" ""
    assert_match "$stderr" "^pamrun: end for prt_alice \(profile prt_job\): a module called exit\(\)"
    rm -f "$TEST_DIR/opened"
    wait_until 20 has_no_keeper
}

@test "the opener is killed while the keeper opens: the session is opened, finds nobody in it, and is closed" {
    probe_script <<<"open_session wait-file $TEST_DIR/go"
    start_pamrun --profile prt_job --share -u prt_alice -- true
    wait_until 20 probe_called setcred-establish
    kill -KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    : >"$TEST_DIR/go"
    assert_all_closed
}

@test "the keeper is killed while it opens: 75, and the next run opens anew" {
    probe_script <<<"open_session once kill KILL self"
    share -u prt_alice -- echo done
    assert_status 75
    assert_eq "$stdout" ""
    assert_eq "$stderr" \
        "pamrun: open_session for prt_alice (profile prt_job): the process that was to keep the session has ended"
    probe_reset
    share -u prt_alice -- echo done
    assert_eq "$stdout" "done"
    assert_all_closed
}

@test "a keeper that was killed: the next run opens again for all who are still there, says so, and closes once" {
    local first

    start_sharing
    first=$pamrun_pid
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    share -u prt_alice -- sh -c 'echo done'
    assert_status 0
    assert_eq "$stdout" "done"
    assert_eq "$stderr" "pamrun: the shared session of prt_alice (profile prt_job) had lost its keeper, which somebody killed: it is opened again; what its modules had mounted may be there twice"
    assert_contains "$(cat "$session/state")" "reopened 1"
    wait_until 10 title_is "pamrun: session prt_alice (prt_job), 1 lease"
    probe_called close_session 0
    kill "$first"
    end_status "$first"
    wait_until 10 session_is_gone
    probe_called open_session 2
    probe_called close_session 1
}

@test "a keeper that was killed when nobody is left: a new session, and nothing is said" {
    start_sharing
    kill -KILL "$(keepers)" "$pamrun_pid"
    end_status "$pamrun_pid"
    share -u prt_alice -- sh -c 'echo done'
    assert_eq "$stdout$stderr" "done"
    wait_until 10 session_is_gone
    probe_called open_session 2
    probe_called close_session 1
}

@test "a keeper that is told to end lets nobody in, and closes when the last has gone" {
    start_sharing
    kill -TERM "$(keepers)"
    wait_until 10 grep -q 'state closing' "$session/state"
    share -u prt_alice -- echo done
    assert_status 75
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: shared session of prt_alice (profile prt_job): it is being closed
hint: its keeper was told to end, and waits for those who are still in it: pamrunctl list"
    probe_called close_session 0
    kill "$pamrun_pid"
    assert_all_closed
}

@test "a keeper that is told to end twice closes at once" {
    start_sharing
    kill -TERM "$(keepers)"
    wait_until 10 grep -q 'state closing' "$session/state"
    kill -TERM "$(keepers)"
    wait_until 10 has_no_keeper
    probe_called close_session 1
    [ "$(leases | wc -l)" -eq 1 ]
}

@test "a hold keeps the session without any process, is one however often it is taken, and ends when it is released" {
    run_pamrun --profile prt_job --hold job-1 -u prt_alice
    assert_status 0
    assert_eq "$output" ""
    assert_eq "$(leases)" "@job-1"
    run_pamrun --profile prt_job --hold job-1 --hold-time 1h -u prt_alice
    assert_status 0
    assert_eq "$(leases)" "@job-1"
    share -u prt_alice -- true
    assert_status 0
    probe_called open_session 1
    probe_called close_session 0
    rm "$session/leases/@job-1"
    assert_all_closed
}

@test "a hold's time ends" {
    run_pamrun --profile prt_job --hold job-1 --hold-time 1s -u prt_alice
    assert_status 0
    probe_called open_session 1
    wait_until 20 session_is_gone
    assert_all_closed
}

@test "a hold that was there before stays when its renewal fails" {
    run_pamrun --profile prt_job --hold job-1 -u prt_alice
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    probe_script <<<"open_session return PAM_SESSION_ERR"
    run_pamrun --profile prt_job --hold job-1 -u prt_alice
    assert_status 71
    assert_eq "$(leases)" "@job-1"
    assert_contains "$(cat "$session/state")" "reopened 0"
    probe_reset
    run_pamrun --profile prt_job --hold job-1 -u prt_alice
    assert_status 0
    assert_contains "$(cat "$session/state")" "reopened 1"
}

@test "50 runs at once: one session, or as many as were closed" {
    local number opened pids=()

    for ((number = 0; number < 50; number++)); do
        "$PAMRUN" --profile prt_job --share -u prt_alice -- sh -c 'echo done' >"$TEST_DIR/$number" 2>&1 3>&- 4>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    assert_eq "$(cat "$TEST_DIR"/[0-9]* | sort | uniq -c | tr -s ' ')" " 50 done"
    wait_until 10 session_is_gone
    opened=$(probe_count open_session)
    [ "$opened" -ge 1 ]
    probe_called close_session "$opened"
    probe_called authenticate 50
}

@test "a command whose first thread has ended is in the session until its last has" {
    local run run_thread

    run_thread='import ctypes, platform, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
print("up", flush=True)
ctypes.CDLL(None).syscall(93 if platform.machine() == "aarch64" else 60, 0)'
    start_pamrun --profile prt_job --share -u prt_alice -- python3 -c "$run_thread"
    run=$pamrun_pid
    wait_until 20 is_in_state "$run" Z
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    share -u prt_alice -- echo done
    assert_contains "$stderr" "had lost its keeper"
    leases_are 1
    probe_called close_session 0
    kill -KILL "$run"
    end_status "$run"
    wait_until 10 probe_called close_session 1
}

is_in_state() # PID STATE
{
    [ "$(awk '/^State/ { print $2 }' "/proc/$1/status")" = "$2" ]
}

@test "an account of the same user id is another one: it does not get what the session is for" {
    make_user prt_twin -o -u "$(id -u prt_alice)"
    start_sharing
    share -u prt_twin -- echo done
    assert_status 75
    assert_eq "$stdout" ""
    assert_match "$stderr" "^pamrun: shared session of prt_twin \(profile prt_job\): prt_alice, who has the same user id, has one
hint: "
    leases_are 1
    remove_user prt_twin
}

@test "another profile, and another account, have sessions of their own" {
    probe_profile prt_other
    start_sharing
    run_pamrun --profile prt_other --share -u prt_alice -- true
    assert_status 0
    probe_called open_session 2
    probe_called close_session 1
    share -u prt_bob -- true
    assert_status 0
    wait_until 10 probe_called close_session 2
    probe_called open_session 3
}

@test "a session that was opened without a password: a forwarded one is told to be of no use, or is a refusal" {
    local quiet

    start_sharing
    probe_script <<<"authenticate prompt-off Password:"
    share --forward-password-fd 7 -u prt_alice -- echo done 7<<<"geheim"
    assert_status 0
    assert_eq "$stdout" "done"
    assert_match "$stderr" "^pamrun: shared session of prt_alice \(profile prt_job\): it was opened without a password
hint: "
    share --forward-password-fd 7 --quiet -u prt_alice -- echo done 7<<<"geheim"
    assert_eq "$output" "done"
    for quiet in "" --quiet; do
        share --forward-password-fd 7 --require-password-used $quiet -u prt_alice -- echo done 7<<<"geheim"
        assert_status 77
        assert_eq "$stdout" ""
        assert_contains "$stderr" "it was opened without a password"
    done
    run_pamrun --profile prt_job --hold job-1 --forward-password-fd 7 --require-password-used -u prt_alice 7<<<"geheim"
    assert_status 77
    leases_are 1
}

@test "a password that no module of a joined run asks for is told, or refused, as ever" {
    start_sharing
    share --forward-password-fd 7 --any-prompt -u prt_alice -- echo done 7<<<"geheim"
    assert_status 0
    assert_match "$stderr" "no module asked for what was forwarded"
    share --forward-password-fd 7 --any-prompt --require-password-used -u prt_alice -- echo done 7<<<"geheim"
    assert_status 77
    assert_eq "$stdout" ""
    leases_are 1
}

@test "a session of its own that is closed, beside a shared one: told to whoever comes second" {
    local own

    start_sharing
    run_pamrun --profile prt_job --close-on-exit -u prt_alice -- echo done
    assert_status 0
    assert_eq "$stdout" "done"
    assert_eq "$stderr" "pamrun: a shared session of prt_alice (profile prt_job) is open, and this run closes one of its own at its end: what is mounted, and tickets, may go then for all who are in the shared one
hint: --share instead of --close-on-exit makes it one session"
    run_pamrun --profile prt_job --close-on-exit --quiet -u prt_alice -- echo done
    assert_eq "$output" "done"
    run_pamrun --profile prt_job -u prt_alice -- echo done
    assert_eq "$output" "done"
    run_pamrun --profile prt_job --close-on-exit -u prt_bob -- echo done
    assert_eq "$output" "done"
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    wait_until 10 has_no_keeper
    start_pamrun --profile prt_job --close-on-exit -u prt_alice -- sh -c 'echo in; exec sleep 600'
    own=$pamrun_pid
    wait_until 20 grep -q in "$pamrun_stdout"
    share -u prt_alice -- echo done
    assert_status 0
    assert_eq "$stdout" "done"
    assert_eq "$stderr" "pamrun: process $own has a session of its own of prt_alice (profile prt_job), and closes it at its end: what is mounted, and tickets, may go then for the shared session too
hint: --share for that run, too, makes it one session"
    kill "$own"
    end_status "$own"
    wait_until 10 has_no_keeper
    share -u prt_alice -- echo done
    assert_eq "$output" "done"
}

@test "a folder that is a link, another's, or may be written by others is refused and left as it is" {
    local damage

    share -u prt_alice -- true
    wait_until 10 session_is_gone
    for damage in "chown prt_bob $session" "chmod o+w $session" "mv -T $session $session.moved; ln -s $session.moved $session" \
        "rm -r $session; : >$session"; do
        eval "$damage"
        share -u prt_alice -- echo done
        assert_status 71
        assert_eq "$stdout" ""
        assert_match "$stderr" "^pamrun: shared session [0-9]+\.prt_job: /run/pamrun/[0-9]+\.prt_job (is|can) .*
hint: "
        rm -rf "$session" "$session.moved"
        share -u prt_alice -- true
        assert_status 0
        wait_until 10 session_is_gone
    done
}

@test "a state that is not as pamrun writes it is of nobody's, and is written anew" {
    share -u prt_alice -- true
    wait_until 10 session_is_gone
    for text in "" "garbage" "pamrun-session 1" "pamrun-session 1
state open
keeper 0" "pamrun-session 1
state open
keeper 99999999999"; do
        printf '%s\n' "$text" >"$session/state"
        chmod 0600 "$session/state"
        share -u prt_alice -- echo done
        assert_status 0
        assert_eq "$stdout" "done"
        wait_until 10 session_is_gone
    done
}

@test "told to stop while somebody else has the lock" {
    share -u prt_alice -- true
    wait_until 10 session_is_gone
    start_program flock "$session/lock" sh -c 'echo locked; exec sleep 600'
    wait_until 10 grep -q locked "$pamrun_stdout"
    start_pamrun --profile prt_job --share -u prt_alice -- true
    wait_until 10 probe_called acct_mgmt
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
    assert_eq "$stderr" "pamrun: share for prt_alice (profile prt_job): stopped by SIGTERM"
}

@test "a folder that somebody has just made, and nothing in it" {
    mkdir -m 0711 -p "$session"
    share -u prt_alice -- echo done
    assert_eq "$output" "done"
    assert_all_closed
}

@test "what does not go together" {
    local words message

    while IFS='|' read -r words message; do
        # shellcheck disable=SC2086 # words
        run_pamrun $words
        assert_status 64
        assert_eq "${stderr%%$'\n'*}" "pamrun: $message"
    done <<'END'
--share --exec -u prt_alice -- true|--share and --exec: cannot be used together: --share closes the session with the last who is in it
--share --no-session -u prt_alice -- true|--share and --no-session: cannot be used together: there is nothing to share
--hold a/b -u prt_alice|--hold 'a/b': needs a name: 1 to 128 letters, digits and . _ : @ + -, with no dot in front
--hold .a -u prt_alice|--hold '.a': needs a name: 1 to 128 letters, digits and . _ : @ + -, with no dot in front
--hold job -u prt_alice -- true|--hold: runs no command
--hold-time 1h -u prt_alice -- true|--hold-time: goes with --hold
--hold job --hold-time 1w -u prt_alice|--hold-time '1w': needs a time, such as 90m or 26h, of at most 366 days
END
    run_pamrun_as prt_bob --hold job -u prt_alice
    assert_status 77
    assert_contains "$stderr" "--hold"
}
