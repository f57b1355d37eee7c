# pamrunctl check: PAM's functions one by one through the code of a run, with real modules and the probe: what each
# answers, asks, says and changes, and that all that was opened is closed.
# shellcheck disable=SC2016,SC2154 # scripts in quotes; what common.bash sets
# With sanitizers only in full.

load lib/common
load lib/check

setup_file()
{
    begin_file
    make_group prt_crew
    make_user prt_alice
    make_user prt_bob
    make_user prt_svc
    set_password prt_alice 'Right.pass.1'
    probe_profile prt_job
}

# ---- operations -----------------------------------------------------------------------------------------------

@test "without operations all of a run is called, in its order, with its ids, and closed" {
    check --profile prt_job prt_alice
    assert_status 0
    assert_eq "$stderr" ""
    assert_eq "$(marks)" "ok authenticate PAM_SUCCESS
ok acct_mgmt PAM_SUCCESS
ok setcred PAM_SUCCESS
ok open_session PAM_SUCCESS
ok close_session PAM_SUCCESS
ok delete_cred PAM_SUCCESS"
    assert_eq "${lines[0]}" "profile prt_job, account prt_alice (uid $(id -u prt_alice)), called by root"
    assert_eq "${#lines[@]}" 7
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session \
setcred:PAM_DELETE_CRED cleanup"
    assert_eq "$(probe_field setcred groups)" "$(id -g prt_alice)"
    assert_eq "$(probe_field authenticate ruid) $(probe_field open_session ruid) $(probe_field open_session euid)" "0 0 0"
    assert_eq "$(probe_field authenticate user)" prt_alice
    assert_eq "$(probe_pam_env authenticate PAMRUN_CALLER)" root
}

@test "operations are called in the order given, and what they opened is closed, once" {
    check --profile prt_job prt_alice authenticate open_session
    assert_status 0
    assert_eq "$(marks)" "ok authenticate PAM_SUCCESS
ok open_session PAM_SUCCESS
ok close_session PAM_SUCCESS"
    assert_contains "${lines[3]}" "(to close what was opened)"
    assert_eq "$(probe_order)" "authenticate open_session close_session cleanup"
    probe_reset
    check --profile prt_job prt_alice setcred open_session close_session 'setcred(PAM_REFRESH_CRED)'
    assert_status 0
    assert_eq "$(probe_order)" "setcred:PAM_ESTABLISH_CRED open_session close_session setcred:PAM_REFRESH_CRED \
setcred:PAM_DELETE_CRED"
    probe_reset
    check --profile prt_job prt_alice 'authenticate(PAM_SILENT|PAM_DISALLOW_NULL_AUTHTOK)'
    assert_status 0
    assert_eq "$(probe_field authenticate flags)" "PAM_DISALLOW_NULL_AUTHTOK|PAM_SILENT"
}

@test "operations that PAM does not have, and a close of what was not opened, are refused and nothing is called" {
    local words

    while IFS='|' read -ra words; do
        # shellcheck disable=SC2086 # words
        check --profile prt_job prt_alice ${words[0]}
        assert_status 64
        assert_eq "$stdout" ""
        assert_eq "${stderr%%$'\n'*}" "pamrunctl: operation '${words[1]}': ${words[2]}"
    done <<'END'
authenticat|authenticat|there is none of that name
delete_cred|delete_cred|there is none of that name
setcred(PAM_NONSENSE)|setcred(PAM_NONSENSE)|not flags that PAM has
setcred(PAM_SILENT|setcred(PAM_SILENT|not flags that PAM has
close_session|close_session|needs an open_session before it: it would close what another process opened
open_session open_session|open_session|the session is open already: close_session comes before another one
END
    check
    assert_eq "$status ${stderr%%$'\n'*}" "64 pamrunctl: check: needs the name of a user"
    assert_eq "$(probe_log)" ""
}

@test "the first operation that fails ends it: the others are not run, and what was opened is closed" {
    probe_script <<<"open_session return PAM_SESSION_ERR"
    check --profile prt_job prt_alice
    assert_status 71
    assert_eq "$(marks)" "ok authenticate PAM_SUCCESS
ok acct_mgmt PAM_SUCCESS
ok setcred PAM_SUCCESS
FAIL open_session PAM_SESSION_ERR
- close_session not run
- delete_cred not run
ok close_session PAM_PERM_DENIED
ok delete_cred PAM_SUCCESS"
    assert_eq "$(grep -c 'what failed half-way is undone' <<<"$stdout")" 1
    assert_contains "$stdout" "failed: open_session for prt_alice (profile prt_job): Cannot make/remove an entry for the \
specified session (PAM_SESSION_ERR)
     pamrun would end with status 71, the fault being the node's
hint: a module of /etc/pam.d/prt_job failed; it says more in syslog"
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session \
setcred:PAM_DELETE_CRED cleanup"
    # as the run
    run_pamrun --profile prt_job --close-on-exit -u prt_alice -- true
    assert_status 71
}

@test "the exit status is the run's, step by step and code by code" {
    local step code

    while read -r step code; do
        probe_script <<<"$step return $code"
        run_pamrun --profile prt_job --close-on-exit -u prt_alice -- true
        local of_run=$status
        check --profile prt_job prt_alice
        assert_status "$of_run"
        assert_contains "$(marks)" "FAIL ${step%-establish} $code"
    done <<'END'
authenticate PAM_AUTH_ERR
authenticate PAM_AUTHINFO_UNAVAIL
acct_mgmt PAM_ACCT_EXPIRED
acct_mgmt PAM_NEW_AUTHTOK_REQD
setcred-establish PAM_CRED_UNAVAIL
open_session PAM_SYSTEM_ERR
END
    # of a close the run's status says nothing, a check's does
    probe_script <<<"close_session return PAM_SESSION_ERR"
    : >"$PROBE_LOG_FILE"
    check --profile prt_job prt_alice
    assert_status 71
    assert_eq "$(probe_count close_session)" 1
}

@test "an expired password: chauthtok may come next, and the site policy may let it pass" {
    probe_script <<<"acct_mgmt return PAM_NEW_AUTHTOK_REQD"
    check --profile prt_job prt_alice
    assert_status 77
    assert_eq "$(hints)" "the password of prt_alice has expired: a run on a terminal asks for a new one, and so does the \
operation 'chauthtok(PAM_CHANGE_EXPIRED_AUTHTOK)' behind acct_mgmt"
    check --profile prt_job prt_alice authenticate acct_mgmt 'chauthtok(PAM_CHANGE_EXPIRED_AUTHTOK)' setcred
    assert_status 0
    assert_eq "$(marks | sed -n 2,3p)" "ok acct_mgmt PAM_NEW_AUTHTOK_REQD
ok chauthtok PAM_SUCCESS"
    assert_match "$(probe_field chauthtok-update flags)" PAM_CHANGE_EXPIRED_AUTHTOK
    site_policy <<<"expired-password = allow"
    check --profile prt_job prt_alice
    assert_status 0
}

@test "a profile that no run would take is refused in its words, and nothing is called" {
    profile prt_bare <<<"auth required pam_permit.so"
    check --profile prt_bare prt_alice
    assert_status 69
    assert_contains "$stdout" "failed: profile prt_bare: /etc/pam.d/prt_bare has no account line, and libpam would take \
the profile 'other' for it"
    check --profile prt_bare prt_alice authenticate # what is asked for is there
    assert_status 0
    check --profile prt_none prt_alice
    assert_status 69
    check --profile ../su prt_alice
    assert_status 64
}

# ---- what is said, asked and answered -------------------------------------------------------------------------

@test "prompts are told with what answered them, messages with their kind, and nothing else is on the streams" {
    probe_script <<'END'
authenticate info Hello\x1b[2J
authenticate prompt-off Password:\x20
authenticate require-token open sesame
open_session error beware
END
    check --profile prt_job --forward-password-fd 7 prt_alice 7< <(printf 'open sesame\n')
    assert_status 0
    assert_eq "$stderr" ""
    assert_contains "$stdout" "     asked: 'Password: ': answered by what was forwarded
     said: Hello\\033[2J"
    assert_contains "$stdout" "     error: beware"
    refute_contains "$stdout" sesame
    check --profile prt_job prt_alice
    assert_status 77
    assert_contains "$stdout" "     asked: 'Password: ': not answered: there is no terminal to ask on"
}

@test "answers are given one for each prompt, and too few are an answer that nobody gave" {
    probe_script <<'END'
authenticate prompt-off Password:
authenticate require-token one
authenticate prompt-off Code:
authenticate require-token two
END
    check --profile prt_job --forward-answers-fd 7 prt_alice authenticate 7< <(printf 'one\ntwo\n')
    assert_status 0
    assert_eq "$(grep -c 'answered by what was forwarded' <<<"$stdout")" 2
    check --profile prt_job --forward-answers-fd 7 prt_alice authenticate 7< <(printf 'one\n')
    assert_status 77
    assert_contains "$stdout" "asked: 'Code:': not answered: "
}

@test "on a terminal the person answers, after what was said before and what was done before is shown" {
    probe_script <<'END'
acct_mgmt info for the person
acct_mgmt prompt-off Word?
acct_mgmt require-token typed
END
    run_ptyrun --expect 'authenticate' --expect 'for the person' --expect 'Word?' --await -ECHO --send 'typed\r' -- \
        env TERM=xterm LANG=C.UTF-8 "$PAMRUNCTL" check --profile prt_job prt_alice authenticate acct_mgmt
    assert_status 0
    assert_contains "$stdout" "asked: 'Word?': answered on the terminal"
    refute_contains "$stdout" typed
    assert_contains "$stdout" $'\e[32m✓'
    run_ptyrun -- env TERM=xterm LANG=C.UTF-8 NO_COLOR=1 "$PAMRUNCTL" check --profile prt_job prt_alice authenticate
    refute_contains "$stdout" $'\e['
    assert_contains "$stdout" '✓    authenticate'
    run_ptyrun -- env TERM=xterm LANG=C LC_ALL=C "$PAMRUNCTL" check --profile prt_job prt_alice authenticate
    assert_contains "$stdout" 'ok'
    refute_contains "$stdout" '✓'
}

# ---- what changed ---------------------------------------------------------------------------------------------

@test "what an operation changes is told, before and after, and is not pamrunctl's" {
    local crew soft

    crew=$(getent group prt_crew | cut -d: -f3)
    soft=$(ulimit -Sn)/$(ulimit -Hn)
    probe_script <<END
setcred-establish addgroup $crew
open_session env NEW=1
open_session umask 0077
open_session rlimit NOFILE 100 200
open_session nice 5
close_session unenv NEW
END
    check --profile prt_job prt_alice
    assert_status 0
    assert_contains "$stdout" "     groups: +prt_crew($crew)"
    assert_contains "$stdout" "     environment: +NEW
     limit NOFILE: ${soft//unlimited/unlimited} -> 100/200
     umask: 0022 -> 0077
     priority: 0 -> 5"
    assert_contains "$stdout" "     environment: -NEW"
}

@test "real modules: variables, limits, groups, umask and a session keyring are seen where they are made" {
    keep_file /etc/security/group.conf
    printf 'prt_real;*;prt_alice;Al0000-2400;prt_crew\n' >/etc/security/group.conf
    printf 'prt_alice - nofile 123\n' >"$TEST_DIR/limits.conf"
    printf 'FROM_FILE=secret-value\n' >"$TEST_DIR/environment"
    chmod 0755 "$TEST_DIR"
    profile prt_real <<END
auth required pam_unix.so nodelay
auth required pam_group.so
account required pam_unix.so
session required pam_limits.so conf=$TEST_DIR/limits.conf
session required pam_env.so readenv=1 envfile=$TEST_DIR/environment
session required pam_umask.so nousergroups umask=0027
session optional pam_keyinit.so force revoke
END
    check --profile prt_real --forward-password-fd 7 --json prt_alice 7<<<'Right.pass.1'
    assert_status 0
    assert_eq "$(json_member "['operations'][2]['changes']['groups']['added']")" "[$(getent group prt_crew | cut -d: -f3)]"
    assert_eq "$(json_member "['operations'][3]['changes']['environment']['added']")" '["FROM_FILE"]'
    assert_eq "$(json_member "['operations'][3]['changes']['limits']['NOFILE']['after']")" '{"soft": 123, "hard": 123}'
    assert_eq "$(json_member "['operations'][3]['changes']['umask']")" '{"before": "0022", "after": "0027"}'
    assert_eq "$(json_member "['operations'][3]['changes']['keyring']['after'] != 0")" true
    assert_eq "$(json_member "['operations'][0]['prompts'][0]['answered-by']")" forwarded
    refute_contains "$stdout" secret-value
    refute_contains "$stdout" Right.pass
    check --profile prt_real --forward-password-fd 7 prt_alice 7<<<'Wrong.pass.1'
    assert_status 77
    assert_eq "$(marks | head -n 1)" "FAIL authenticate PAM_AUTH_ERR"
}

@test "mounts and a mount namespace of a module are seen, and gone when it is over" {
    local before

    printf '#!/bin/sh\ncase $PAM_TYPE in open_session) mount -t tmpfs prt %s;; *) umount %s;; esac\n' \
        "$TEST_DIR/on" "$TEST_DIR/on" >"$TEST_DIR/hook"
    chmod 0755 "$TEST_DIR/hook"
    mkdir "$TEST_DIR/on"
    before=$(cat /proc/self/mountinfo)
    profile prt_mounts <<END
auth required pam_permit.so
account required pam_permit.so
session required pam_exec.so $TEST_DIR/hook
END
    check --profile prt_mounts prt_alice
    assert_status 0
    assert_contains "$stdout" "     mounts: +$TEST_DIR/on (tmpfs)"
    assert_contains "$stdout" "     mounts: -$TEST_DIR/on (tmpfs)"
    assert_eq "$(cat /proc/self/mountinfo)" "$before"
}

@test "pam_namespace: a mount namespace of its own is seen, and the mounts in it" {
    keep_file /etc/security/namespace.conf
    mkdir "$TEST_DIR/poly"
    chmod 0755 "$TEST_DIR" "$TEST_DIR/poly"
    printf '%s tmpfs tmpfs root\n' "$TEST_DIR/poly" >/etc/security/namespace.conf
    profile prt_ns <<'END'
auth required pam_permit.so
account required pam_permit.so
session required pam_namespace.so
END
    check --profile prt_ns prt_alice open_session
    assert_status 0
    assert_contains "$stdout" "     mounts: +$TEST_DIR/poly (tmpfs)"
    assert_contains "$stdout" "     namespaces: new mnt"
    refute grep -q "$TEST_DIR/poly" /proc/self/mountinfo
}

# ---- who calls ------------------------------------------------------------------------------------------------

@test "--as-caller: modules see his real user id, pam_rootok does not let him through" {
    profile prt_rootok < <(
        echo "auth sufficient pam_rootok.so"
        probe_line auth required
        for facility in account session; do probe_line $facility required; done
    )
    site_policy <<<"user-profiles = prt_rootok"
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    check --profile prt_rootok prt_alice
    assert_status 0
    check --profile prt_rootok --as-caller prt_bob prt_alice
    assert_status 77
    assert_contains "${lines[0]}" ", called by prt_bob"
    assert_eq "$(probe_field authenticate ruid) $(probe_field authenticate euid) $(probe_field authenticate ruser)" \
        "$(id -u prt_bob) 0 prt_bob"
    assert_eq "$(probe_field authenticate groups)" "$(id -g prt_bob)"
    probe_reset
    check --profile prt_rootok --as-caller prt_bob prt_alice
    assert_status 0
    assert_eq "$(probe_field open_session ruid) $(probe_field setcred groups)" "0 $(id -g prt_alice)"
}

@test "--as-caller: the site policy is that for him, and refuses as it would refuse a run" {
    check --profile prt_job --as-caller prt_bob prt_alice
    assert_status 77
    assert_eq "$(marks)" ""
    run_pamrun_as prt_bob --profile prt_job -u prt_alice -- true
    assert_eq "$status" 77
    site_policy <<<"user-profiles = prt_job"
    check --profile prt_job --as-caller prt_bob root
    assert_status 77
    assert_contains "$(marks)" "ok acct_mgmt PAM_SUCCESS"
    refute_contains "$(marks)" "ok setcred"
    assert_eq "$(probe_count setcred)" 0
    check --profile prt_job --as-caller prt_nobody prt_alice
    assert_status 67
}

@test "--as-caller of a delegate: he does not authenticate" {
    site_policy <<'END'
[delegate prt_svc]
profiles = prt_job
accounts = prt_alice
END
    check --profile prt_job --as-caller prt_svc prt_alice
    assert_status 0
    assert_contains "${lines[0]}" ", called by prt_svc, a delegate"
    assert_eq "$(probe_order)" "acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session setcred:PAM_DELETE_CRED"
}

@test "only root can check, and others are told why" {
    run_pamrunctl_as prt_bob check --profile prt_job prt_bob
    assert_status 77
    assert_eq "$stderr" "pamrunctl: check: only root can: modules would have no more rights than you
hint: as root, --as-caller USER shows what becomes of a call of USER's"
    assert_eq "$(probe_log)" ""
}

@test "options for modules reach them: variables and a host; wrong values are refused as pamrun refuses them" {
    check --profile prt_job --pam-setenv JOB=1 --pam-setenv OTHER=two --pam-rhost host.example prt_alice authenticate
    assert_status 0
    assert_eq "$(probe_pam_env authenticate JOB) $(probe_pam_env authenticate OTHER)" "1 two"
    assert_eq "$(probe_field authenticate rhost)" host.example
    check --pam-setenv JOB prt_alice
    assert_status 64
    check --forward-password-fd 1 prt_alice
    assert_status 64
    check --forward-password-fd 9 prt_alice
    assert_status 64
}

# ---- modules that misbehave -----------------------------------------------------------------------------------

@test "a module that crashes is a finding, with what came before it" {
    # the crash is the module's: no report
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0
    probe_script <<<"open_session crash"
    check --profile prt_job --json prt_alice
    assert_status 71
    assert_eq "$(json_member "['operations'][2]['result']") $(json_member "['operations'][3]['result']")" "ok lost"
    assert_eq "$(json_member "['failure']['message']")" \
        "open_session for prt_alice (profile prt_job): a module crashed, SIGSEGV"
    local code

    for code in 0 3; do
        probe_script <<<"acct_mgmt _exit $code"
        check --profile prt_job prt_alice
        assert_status 71
        assert_contains "$stdout" "FAIL acct_mgmt      the process ended"
        assert_contains "$stdout" "failed: acct_mgmt for prt_alice (profile prt_job): a module ended the process
     pamrun would end with status 71, the fault being the node's
hint: what it had opened may remain: nobody closes it any more"
    done
}

@test "a step that takes longer than --deadline is given up, and what was opened is closed" {
    probe_script <<<"open_session hang-eintr"
    check --profile prt_job --deadline open_session=0.2 prt_alice
    assert_status 75
    assert_contains "$(marks)" "FAIL open_session"
    assert_eq "$(probe_count close_session)" 1
}

@test "a module that does not return is given up, in pamrunctl's name" {
    probe_script <<<"acct_mgmt hang"
    check --profile prt_job --deadline acct_mgmt=0.1 prt_alice
    assert_status 75
    assert_eq "$stderr" "pamrunctl: acct_mgmt for prt_alice (profile prt_job): a module did not answer before the deadline \
and does not end; what it holds may remain"
    assert_contains "$stdout" "failed: acct_mgmt for prt_alice (profile prt_job): a module did not end and was given up"
}

@test "what a module prints does not come on standard output, which is the report's" {
    check --profile prt_job --json prt_alice authenticate
    assert_status 0
    assert_eq "$(probe_field authenticate fd1)" "$(probe_field authenticate fd2)"
    refute_contains "$(probe_field authenticate fd1)" stdout
}

@test "a step that takes long says so at the terminal, in pamrunctl's name" {
    probe_script <<<"open_session sleep 2500"
    run_ptyrun --expect 'pamrunctl: waiting for open_session for prt_alice (profile prt_job)' -- \
        env TERM=xterm "$PAMRUNCTL" check --profile prt_job prt_alice
    assert_status 0
}

@test "told to end while a module works, it ends the step, closes what was opened, and says by which signal" {
    probe_script <<'END'
open_session touch /var/lib/pamrun-tests/test/reached
open_session hang-eintr
END
    start_program "$PAMRUNCTL" check --profile prt_job prt_alice
    wait_until 60 test -e "$TEST_DIR/reached"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 60
    assert_status 143
    assert_contains "$(marks)" "FAIL open_session"
    assert_contains "$(marks)" "ok delete_cred PAM_SUCCESS"
    assert_eq "$(probe_count close_session) $(probe_count setcred-delete)" "1 1"
}

@test "killed, it leaves no session behind: the process that called PAM goes on to the close" {
    probe_script <<END
open_session touch $TEST_DIR/reached
open_session wait-file $TEST_DIR/go
END
    start_program "$PAMRUNCTL" check --profile prt_job prt_alice
    wait_until 60 test -e "$TEST_DIR/reached"
    kill -KILL "$pamrun_pid"
    touch "$TEST_DIR/go"
    wait_until 60 probe_called cleanup
    assert_eq "$(probe_count close_session) $(probe_count setcred-delete)" "1 1"
}

# ---- JSON -----------------------------------------------------------------------------------------------------

@test "--json is one object, with the members that the manual page names" {
    local member

    printf 'authenticate info \\xff\\x01 "quoted"\n' | probe_script
    check --profile prt_job --json prt_alice
    assert_status 0
    assert_eq "$stderr" ""
    for member in "['verb'] == 'check'" "['profile'] == 'prt_job'" "['account'] == 'prt_alice'" "['caller-uid'] == 0" \
        "['delegate'] is False" "['forwarded'] is False" "['home'] == '/home/prt_alice'" "['home-exists'] is True" \
        "['result'] == 'ok'" "['exit-status'] == 0" "['forwarded-given'] == 0" "['operations'].__len__() == 6" \
        "['operations'][5]['operation'] == 'setcred(PAM_DELETE_CRED|PAM_SILENT)'" \
        "['operations'][5]['step'] == 'delete_cred'" "['operations'][0]['code'] == 'PAM_SUCCESS'" \
        "['operations'][0]['meaning'] == 'Success'" "['operations'][0]['automatic'] is False" \
        "['operations'][0]['ms'] >= 0" "['operations'][0]['prompts'] == []" \
        "['operations'][0]['messages'][0]['kind'] == 'info'"; do
        assert_eq "$(json_member "$member")" true "$member"
    done
    assert_eq "$(json_member "['operations'][0]['messages'][0]['text']")" '\377\001 "quoted"'
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    check --profile prt_job --json prt_alice
    assert_status 77
    for member in "['result'] == 'failed'" "['exit-status'] == 77" "['failure']['step'] == 'authenticate'" \
        "['failure']['code'] == 'PAM_AUTH_ERR'" "['failure']['class'] == 'user'" "['failure']['exit-status'] == 77" \
        "['operations'][5]['result'] == 'not-run'"; do
        assert_eq "$(json_member "$member")" true "$member"
    done
}

@test "the output has to arrive" {
    run_program sh -c '"$1" check --profile prt_job prt_alice >/dev/full' sh "$PAMRUNCTL"
    assert_eq "$status $stderr" "71 pamrunctl: standard output: something could not be written"
    assert_eq "$(probe_count close_session)" 1
}

# ---- what is where --------------------------------------------------------------------------------------------

@test "nothing of it is part of the setuid program" {
    local part

    for part in libjansson json_object; do
        refute grep -q "$part" <(ldd "$PAMRUN"; strings "$PAMRUN")
    done
    assert grep -q libjansson <(ldd "$PAMRUNCTL")
}
