# Callers who are not root: who the command runs as, what they may ask for, and what modules are told about them.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice --groups prt_staff
    make_user prt_bob
    # an account that may run this and nothing else; it is not in /etc/shells
    cat >"$STATE_DIR/narrow" <<'END'
#!/bin/sh
echo "narrow $*"
END
    chmod 0755 "$STATE_DIR/narrow"
    make_user prt_narrow --shell "$STATE_DIR/narrow"
    install -m 0755 /usr/bin/env "$STATE_DIR/shows" # one that says what reached it
    make_user prt_shown --shell "$STATE_DIR/shows"
    probe_profile su
    [ ! -e /etc/pam.d/su-l ] || probe_profile su-l
}

as_bob()
{
    run_pamrun_as prt_bob "$@"
}

# prt_bob on a terminal of his own: [ptyrun option...] -- [pamrun option...]
bob_on_terminal()
{
    local steps=()

    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    applicant_set prt_bob
    run_ptyrun --modes "$TEST_DIR/modes" "${steps[@]}" -- "${applicant[@]}" "$PAMRUN" "${@:2}"
    stdout=${stdout//$'\r'/}
}

# A profile of the machine's, by default su, of permits behind the lines of stdin; until the end of the test.
real_profile() # [NAME]
{
    profile "${1-su}" < <(
        cat
        for type in auth account session; do echo "$type required pam_permit.so"; done
    )
}

password_profile()
{
    profile su < <(for type in auth account session; do echo "$type required pam_unix.so"; done)
}

status_field() # NAME
{
    sed -n "s/^$1:[[:space:]]*//p" <<<"$stdout"
}

# The command's /proc/self/status is in stdout: it has ACCOUNT's ids, and nothing else.
assert_ids_of() # ACCOUNT WHAT
{
    local uid gid set wanted_groups

    uid=$(id -u "$1") gid=$(id -g "$1")
    # shellcheck disable=SC2046 # words
    wanted_groups=$(printf '%s\n' $(id -G "$1") | sort -n | tr '\n' ' ')
    assert_eq "$(status_field Uid)" "$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid" "$2"
    assert_eq "$(status_field Gid)" "$gid"$'\t'"$gid"$'\t'"$gid"$'\t'"$gid" "$2"
    # shellcheck disable=SC2046 # words
    assert_eq "$(printf '%s\n' $(status_field Groups) | sort -n | tr '\n' ' ')" "$wanted_groups" "$2"
    if [ "$uid" -ne 0 ]; then
        for set in CapInh CapPrm CapEff CapAmb; do
            assert_eq "$(status_field $set)" 0000000000000000 "$2, $set"
        done
    fi
}

# Nothing was run, and nothing is left open or held.
assert_not_run()
{
    assert_eq "$stdout" ""
    assert_eq "$(probe_count open_session)" "$(probe_count close_session)" "opened, closed"
    assert_eq "$(probe_count setcred-establish)" "$(probe_count setcred-delete)" "credentials"
    assert_no_process_of prt_alice
    assert_no_process_of prt_bob
}

# ---- who the command is ---------------------------------------------------------------------------------------

@test "the command has the account's ids and groups, all of them and no other, and no capability" {
    local form

    for form in "-u prt_alice -- cat" "-s /bin/cat prt_alice" "-l -s /bin/cat prt_alice" "-P -u prt_alice -- cat" \
        "--close-on-exit -T -u prt_alice -- cat"; do
        # shellcheck disable=SC2086 # words
        as_bob $form /proc/self/status
        assert_status 0
        assert_ids_of prt_alice "$form"
    done
    for form in "prt_alice -c" "-l prt_alice -c" "prt_alice --session-command"; do
        # shellcheck disable=SC2086 # words
        as_bob $form 'cat /proc/self/status'
        assert_status 0
        assert_ids_of prt_alice "$form"
    done
}

@test "the caller's own groups, group ids and inheritable capabilities do not reach the command" {
    run_program setpriv --reuid "$(id -u prt_bob)" --regid 4321 --groups 4322,0 --inh-caps +net_raw,+sys_admin \
        "$PAMRUN" -u prt_alice -- cat /proc/self/status
    assert_status 0
    assert_ids_of prt_alice
    run_program setpriv --reuid "$(id -u prt_bob)" --regid 0 --clear-groups \
        "$PAMRUN" -u prt_alice -- cat /proc/self/status
    assert_ids_of prt_alice
}

@test "without a user the account is root; and it may be the caller's own" {
    site_policy_of_any_account
    as_bob -c 'cat /proc/self/status'
    assert_status 0
    assert_ids_of root
    assert_eq "$(probe_field authenticate user)" root
    probe_reset
    as_bob -u prt_bob -- cat /proc/self/status
    assert_status 0
    assert_ids_of prt_bob
    assert_match "$(probe_order)" '^authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session'
}

@test "nothing leads the command back to root or to the caller" {
    local call

    for call in 'os.setuid(0)' 'os.seteuid(0)' 'os.setresuid(-1, -1, 0)' 'os.setgid(0)' 'os.setgroups([0])' \
        "os.setuid($(id -u prt_bob))" "os.setgid($(id -g prt_bob))"; do
        as_bob -u prt_alice -- python3 -c "import os; $call"
        assert_status 1
        assert_contains "$stderr" PermissionError
    done
}

@test "pam_unix: the right password lets the command run, as an account, as root and as oneself" {
    local account password

    [ "${SANITIZED-}" != 1 ] || return 0 # no crypt(3), and a setuid program takes none by LD_PRELOAD
    password_profile
    site_policy_of_any_account
    keep_file /etc/shadow
    for account in prt_alice root prt_bob; do
        password=Right.pass.$account
        set_password $account "$password"
        bob_on_terminal --expect "Password: " --await -ECHO --send "$password\\r" -- $account -c 'cat /proc/self/status'
        assert_status 0
        stdout=${stdout#*$'\n'} # the line of the prompt
        assert_ids_of $account $account
        refute_contains "$stdout" "$password"
        assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
    done
}

# ---- passwords that are none ----------------------------------------------------------------------------------

refused_words='pamrun: authenticate for prt_alice (profile su): Authentication failure (PAM_AUTH_ERR)'

@test "pam_unix: a wrong password and an empty one are refused with one message, and the echo is back" {
    local answer

    [ "${SANITIZED-}" != 1 ] || return 0 # see above
    profile su < <(for type in auth account session; do echo "$type required pam_unix.so nodelay"; done)
    set_password prt_alice Right.pass.1
    for answer in 'Right.pass.2' '' 'Right.pass.1x' 'Right.pass.'; do
        bob_on_terminal --expect "Password: " --await -ECHO --send "$answer\\r" -- -u prt_alice -- echo done
        assert_status 77
        assert_eq "$stdout" "Password: "$'\n'"$refused_words"
        assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
    done
}

@test "pam_unix: without a terminal there is one message and a hint, and stdin is not read" {
    [ "${SANITIZED-}" != 1 ] || return 0 # see above
    password_profile
    set_password prt_alice Right.pass.1
    as_bob -u prt_alice -- echo done <<<Right.pass.1
    assert_status 77
    assert_eq "$stdout" ""
    assert_match "$stderr" '^pamrun: authenticate for prt_alice \(profile su\): [A-Z][a-z ]+ \(PAM_(AUTH|CONV)_ERR\)
hint: a module asked .Password: .: there is no terminal to ask on$'
}

@test "the keys ^C, ^\\ and ^D at the prompt: the status of it, one message, nothing run, the echo is back" {
    local row

    for row in '\003|130|stopped by SIGINT' '\034|131|stopped by SIGQUIT' '\004|77|'; do
        IFS='|' read -r key number message <<<"$row"
        probe_reset
        probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token right
END
        # read -r would take the backslash: it is ptyrun's
        bob_on_terminal --expect "Password: " --await -ECHO --send "$key" -- -u prt_alice -- echo done
        assert_status "$number"
        refute_contains "$stdout" done
        assert_eq "$(grep -c '^pamrun: ' <<<"$stdout")" 1
        assert_contains "$stdout" "pamrun: authenticate for prt_alice (profile su): $message"
        assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
        assert_eq "$(probe_order)" "authenticate cleanup"
        stdout=''
        assert_not_run
    done
}

@test "the prompt is asked again at each step that has one, and the answer reaches the module" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token Right.1
open_session prompt-on Name: 
open_session require-token two
END
    bob_on_terminal --expect "Password: " --await -ECHO --send 'Right.1\r' --expect "Name: " --await ECHO --send 'two\r' \
        -- -u prt_alice -- echo done
    assert_status 0
    assert_contains "$stdout" $'\n'done
    refute_contains "$stdout" Right
}

# ---- steps that fail ------------------------------------------------------------------------------------------

@test "what fails behind authentication fails as for root: status, words, what is undone; nothing is run" {
    local row wanted wanted_order wanted_said

    for row in acct_mgmt:PAM_ACCT_EXPIRED acct_mgmt:PAM_PERM_DENIED acct_mgmt:PAM_AUTH_ERR \
        acct_mgmt:PAM_NEW_AUTHTOK_REQD acct_mgmt:PAM_AUTHINFO_UNAVAIL acct_mgmt:PAM_SERVICE_ERR \
        setcred-establish:PAM_CRED_ERR setcred-establish:PAM_CRED_UNAVAIL setcred-establish:PAM_SYSTEM_ERR \
        open_session:PAM_SESSION_ERR open_session:PAM_PERM_DENIED open_session:PAM_TRY_AGAIN; do
        probe_script <<<"${row%:*} return ${row#*:}"
        run_pamrun --profile su --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        wanted=$status wanted_said=$stderr wanted_order=$(probe_order)
        probe_reset
        probe_script <<<"${row%:*} return ${row#*:}"
        as_bob --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events.bob"
        assert_status "$wanted"
        assert_eq "$stderr" "$wanted_said" "$row"
        assert_eq "$(probe_order)" "$wanted_order" "$row"
        assert_eq "$(<"$TEST_DIR/events.bob")" "$(<"$TEST_DIR/events")" "$row"
        assert_not_run
        probe_reset
    done
}

@test "an expired account is refused after authentication" {
    profile su <<'END'
auth required pam_permit.so
account required pam_unix.so
session required pam_permit.so
END
    chage -E 1970-01-02 prt_alice
    as_bob -u prt_alice -- echo done
    chage -E -1 prt_alice
    assert_status 77
    assert_eq "$stdout" ""
    assert_match "$stderr" 'pamrun: acct_mgmt for prt_alice \(profile su\): .*\((PAM_ACCT_EXPIRED|PAM_AUTH_ERR)\)'
    as_bob -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
}

@test "a module that makes the account another is refused" {
    local step

    for step in authenticate acct_mgmt setcred-establish open_session; do
        probe_reset
        probe_script <<<"$step set-user root"
        as_bob -u prt_alice -- id
        assert_status 77
        assert_contains "$stderr" "a module changed the user to 'root'"
        assert_not_run
    done
}

# ---- what only root may ask for -------------------------------------------------------------------------------

# One line, with these words; PAM has not been asked for anything.
assert_root_only() # MESSAGE WHAT
{
    assert_status 77
    assert_eq "$stderr" "pamrun: $1" "$2"
    assert_eq "$stdout" ""
    assert_eq "$(probe_log)" ""
}

@test "options that only root may use are refused by name, before PAM, whatever their value" {
    local words option

    for words in "--account-uid 0 -- id" "--account-uid $(id -u prt_alice) -- id" "--account-uid 4242424242 -- id" \
        "--account-uid=$(id -u prt_bob) -- id" "--exec -u prt_alice -- id" "--exec -u prt_nobody_knows -- id" \
        "--no-auth -u prt_alice -- id" "--no-auth -u prt_bob -- id" "--no-account -u prt_alice -- id" \
        "--no-session prt_alice -c id" "--pam-setenv A=b -u prt_alice -- id" "--pam-setenv=A=b prt_alice" \
        "--pam-rhost client.example -u prt_alice -- id" "--pam-rhost=localhost -l prt_nobody_knows" \
        "--deadline authenticate=9 -u prt_alice -- id" "--deadline=close_session=1 prt_alice -c id" \
        "--group prt_staff -u prt_alice -- id" "--group=prt_nogroup -u prt_alice -- id" \
        "--supp-group root -u prt_alice -- id" "--supp-group=prt_nogroup -u prt_alice -- id"; do
        option=${words%% *}
        # shellcheck disable=SC2086 # words
        as_bob $words
        assert_root_only "${option%%=*}: only root may use this option" "$words"
    done
}

@test "the letters of such options are refused by the option's word, alone and among others" {
    local words

    for words in "-g prt_staff" "-gprt_nogroup" "-lg root" "-flgroot" "-Pfg prt_nogroup"; do
        # shellcheck disable=SC2086 # words
        as_bob $words prt_alice -c id
        assert_root_only "--group: only root may use this option" "$words"
    done
    for words in "-G prt_staff" "-Gprt_nogroup" "-lG root" "-mTG prt_nogroup"; do
        # shellcheck disable=SC2086 # words
        as_bob prt_alice $words -c id
        assert_root_only "--supp-group: only root may use this option" "$words"
    done
    # the first of them is named, and whatever stands before and behind it does not matter
    as_bob --verbose --exec -g prt_staff --no-auth -u prt_nobody_knows -- id
    assert_root_only "--exec: only root may use this option"
    as_bob -u prt_alice --no-session --profile prt_missing -- id
    assert_root_only "--no-session: only root may use this option"
    # behind the command they are the command's
    as_bob -u prt_alice -- echo --exec -g x
    assert_eq "$status $stdout" "0 --exec -g x"
}

# The profile in the message is as libbsd's vis(3) has it.
assert_profile_refused() # PROFILE
{
    assert_status 77
    assert_eq "$stderr" "pamrun: profile '$1': the site policy does not let you choose it
hint: without --profile it is su; user-profiles of pamrun.conf(5) lists others"
    assert_eq "$stdout" ""
    assert_eq "$(probe_log)" ""
}

@test "another profile than the usual one is refused with the same words whether it exists or not" {
    local name

    probe_profile prt_other
    for name in prt_other prt_missing su-l other login ../su /etc/pam.d/su SU 'su ' ''; do
        as_bob --profile "$name" -u prt_alice -- id
        assert_profile_refused "$name"
    done
    as_bob --profile "su"$'\n' -u prt_alice -- id
    assert_profile_refused 'su\012'
    # in a login too, whose own is su-l only when none is named
    for name in prt_other prt_missing login su-l; do
        as_bob --profile "$name" -l prt_alice -c id
        assert_profile_refused "$name"
    done
}

@test "the usual profile may be named, and is the one that serves" {
    as_bob --profile su -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    assert_eq "$(probe_field authenticate service)" su
    probe_reset
    as_bob --profile su -l prt_alice -c 'id -un'
    assert_eq "$status $stdout" "0 prt_alice"
    assert_eq "$(probe_field authenticate service)" su
    [ -e /etc/pam.d/su-l ] || return 0
    probe_reset
    as_bob - prt_alice -c 'id -un'
    assert_eq "$(probe_field authenticate service)" su-l
}

@test "a refused option is an event and a line in the log with the caller's name" {
    log_start
    as_bob --json-status-fd 7 --exec -u prt_alice -- id 7>"$TEST_DIR/events"
    assert_status 77
    assert_eq "$(<"$TEST_DIR/events")" '{"event":"failed","step":"options","class":"user","exit-status":77,"message":"--exec: only root may use this option"}'
    assert_match "$(log_lines 'pamrun\[')" ': refused: applicant="?prt_bob"? uid='"$(id -u prt_bob) .* step=options code=- "
}

# ---- what everybody may ask for -------------------------------------------------------------------------------

@test "the session is left open, and with --close-on-exit closed after the command" {
    as_bob -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session \
cleanup:PAM_DATA_SILENT cleanup:PAM_DATA_SILENT"
    probe_reset
    as_bob --close-on-exit -u prt_alice -- sh -c 'exit 7'
    assert_status 7
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session \
cleanup:PAM_DATA_SILENT close_session setcred:PAM_DELETE_CRED cleanup"
    assert_eq "$stderr" ""
}

@test "with --chdir the account enters the directory, not where only the caller may" {
    install -d -m 0700 -o prt_alice "$TEST_DIR/hers"
    install -d -m 0700 -o prt_bob "$TEST_DIR/his"
    install -d -m 0700 "$TEST_DIR/roots"
    as_bob --chdir "$TEST_DIR/hers" -u prt_alice -- pwd
    assert_eq "$status $stdout" "0 $TEST_DIR/hers"
    for place in his roots; do
        as_bob --close-on-exit --chdir "$TEST_DIR/$place" -u prt_alice -- pwd
        assert_status 71
        assert_eq "$stderr" "pamrun: $TEST_DIR/$place: cannot be entered by prt_alice: Permission denied"
        assert_eq "$stdout" ""
    done
}

@test "a stubborn command is killed --kill-after seconds after SIGTERM" {
    mkfifo -m 0666 "$TEST_DIR/ready"
    start_pamrun_as prt_bob --close-on-exit --kill-after 0.3 -u prt_alice -- \
        bash -c 'trap "" TERM; echo >"$1"; while :; do sleep 100; done' bash "$TEST_DIR/ready"
    read -r _ <"$TEST_DIR/ready"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 137
    assert_eq "$stderr" "pamrun: command: did not end within 0.3 s of SIGTERM: killed"
    assert probe_called close_session 1
}

@test "the events of --json-status-fd are the same as for root" {
    as_bob --json-status-fd 7 --close-on-exit -u prt_alice -- sh -c 'exit 3' 7>"$TEST_DIR/events"
    assert_status 3
    assert_eq "$(sed 's/"pid":[0-9]*/"pid":N/' "$TEST_DIR/events")" \
        '{"event":"authenticated","account":"prt_alice","profile":"su"}
{"event":"account","account":"prt_alice","profile":"su"}
{"event":"credentials","account":"prt_alice","profile":"su"}
{"event":"session-opened","account":"prt_alice","profile":"su"}
{"event":"command-started","pid":N}
{"event":"command-ended","status":3,"exit-status":3}
{"event":"session-closed","account":"prt_alice","profile":"su"}'
    probe_reset
    probe_script <<<"authenticate return PAM_MAXTRIES"
    as_bob --json-status-fd 7 -u prt_alice -- true 7>"$TEST_DIR/events"
    assert_status 77
    assert_eq "$(<"$TEST_DIR/events")" '{"event":"failed","step":"authenticate","code":"PAM_AUTH_ERR","class":"user",'\
'"exit-status":77,"message":"authenticate for prt_alice (profile su): Authentication failure (PAM_AUTH_ERR)"}'
}

@test "with --verbose each step is told, and of a failed authentication no other code than PAM_AUTH_ERR" {
    local code

    as_bob --verbose --close-on-exit -u prt_alice -- true
    assert_eq "$stderr" "$(for step in authenticate acct_mgmt setcred open_session close_session delete_cred; do
        echo "pamrun: $step: ok (profile su, account prt_alice)"
    done)"
    for code in PAM_AUTH_ERR PAM_USER_UNKNOWN PAM_MAXTRIES PAM_PERM_DENIED PAM_ACCT_EXPIRED PAM_CRED_INSUFFICIENT \
        PAM_AUTHINFO_UNAVAIL PAM_AUTHTOK_ERR PAM_NEW_AUTHTOK_REQD PAM_SERVICE_ERR PAM_SYSTEM_ERR PAM_IGNORE \
        PAM_AUTHTOK_EXPIRED PAM_CRED_EXPIRED PAM_SESSION_ERR; do
        probe_script <<<"authenticate return $code"
        as_bob --verbose --json-status-fd 7 -u prt_alice -- true 7>"$TEST_DIR/events"
        assert_status 77
        assert_eq "$stderr" "pamrun: authenticate: PAM_AUTH_ERR (profile su, account prt_alice)"$'\n'"$refused_words" \
            "$code"
        if [ "$code" != PAM_AUTH_ERR ]; then
            refute grep -q "$code" "$TEST_DIR/events"
        fi
    done
}

@test "with --quiet modules' information is dropped, their errors never" {
    probe_script <<'END'
authenticate info some information
open_session error some trouble
END
    as_bob --quiet -l prt_alice -c true
    assert_eq "$status $stderr" "0 some trouble"
    as_bob -l prt_alice </dev/null
    # what modules tell while they authenticate may be about the account: locked, how often tried
    assert_eq "$stderr" "some trouble"
    probe_script <<'END'
open_session info some information
END
    as_bob -l prt_alice </dev/null
    assert_eq "$stderr" "some information"
}

@test "with -P the command's terminal is another one and the account's; output and status are complete" {
    local outer inner

    applicant_set prt_bob
    run_ptyrun --modes "$TEST_DIR/modes" -- sh -c 'echo "outer $(tty)"; exec "$@"' sh "${applicant[@]}" \
        "$PAMRUN" --close-on-exit -P -u prt_alice -- \
        sh -c 'echo "inner $(tty)"; stat -c "owner %U mode %a" "$(tty)"; seq 20000; exit 9'
    stdout=${stdout//$'\r'/}
    assert_status 9
    outer=$(sed -n 's/^outer //p' <<<"$stdout") inner=$(sed -n 's/^inner //p' <<<"$stdout")
    assert_match "$inner" '^/dev/pts/[0-9]+$'
    [ "$inner" != "$outer" ] || fail_because "the terminal is shared"
    assert_contains "$stdout" "owner prt_alice mode 620"
    assert_eq "$(grep -cE '^[0-9]+$' <<<"$stdout")" 20000
    assert_eq "$(tail -n 1 <<<"$stdout")" 20000
    assert_eq "$(sed -n 's/^after: //p' "$TEST_DIR/modes")" "$(sed -n 's/^before: //p' "$TEST_DIR/modes")"
}

@test "with -T the command shares the caller's terminal" {
    applicant_set prt_bob
    run_ptyrun -- sh -c 'echo "outer $(tty)"; exec "$@"' sh "${applicant[@]}" \
        "$PAMRUN" -T -u prt_alice -- readlink /proc/self/fd/0
    assert_status 0
    assert_eq "outer $(tr -d '\r' <<<"${lines[1]}")" "$(tr -d '\r' <<<"${lines[0]}")"
}

# ---- accounts with a shell that not everybody may use ---------------------------------------------------------

@test "the shell of the caller's wish, by -s or -p, is run for an account with a listed one" {
    as_bob -s /bin/dash prt_alice -c 'readlink /proc/$$/exe'
    assert_eq "$status $stdout $stderr" "0 $(readlink -f /bin/dash) "
    applicant_set prt_bob
    run_program env SHELL=/bin/dash "${applicant[@]}" "$PAMRUN" -p prt_alice -c 'readlink /proc/$$/exe; echo "$SHELL"'
    assert_eq "$status $stdout $stderr" "0 $(readlink -f /bin/dash)"$'\n'"/bin/dash "
}

@test "an unlisted shell is run whatever the caller wishes by -s or -p, and that is said" {
    local said="pamrun: shell: $STATE_DIR/narrow of prt_narrow is not in /etc/shells, so it is started, and not the one that was asked for"

    as_bob -s /bin/sh prt_narrow -c id
    assert_eq "$status $stdout" "0 narrow -c id"
    assert_eq "$stderr" "$said"
    as_bob -l -s /bin/sh prt_narrow -c id
    assert_eq "$status $stdout" "0 narrow -c id"
    assert_eq "$stderr" "$said"
    applicant_set prt_bob
    run_program env SHELL=/bin/bash "${applicant[@]}" "$PAMRUN" --quiet -p prt_narrow -c id
    assert_eq "$status $stdout" "0 narrow -c id"
    assert_eq "$stderr" "$said"
    # asked for, or not asked for at all: no message
    as_bob -s "$STATE_DIR/narrow" prt_narrow -c id
    assert_eq "$status $stdout $stderr" "0 narrow -c id "
    as_bob prt_narrow -c id
    assert_eq "$status $stdout $stderr" "0 narrow -c id "
    # root may
    run_pamrun --profile su -s /bin/sh prt_narrow -c 'id -un'
    assert_eq "$status $stdout $stderr" "0 prt_narrow "
}

@test "an account with an unlisted shell is refused with -u, after authentication and not before" {
    as_bob --close-on-exit -u prt_narrow -- id
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: --user: the shell of prt_narrow, $STATE_DIR/narrow, is not in /etc/shells"
    assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
    assert_not_run
    probe_reset
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    as_bob -u prt_narrow -- id
    assert_status 77
    assert_eq "$stderr" "${refused_words/alice/narrow}"
    probe_reset
    probe_script <<<"acct_mgmt return PAM_PERM_DENIED"
    as_bob -u prt_narrow -- id
    refute_contains "$stderr" shells
    probe_reset
    run_pamrun --profile su -u prt_narrow -- id -un
    assert_eq "$status $stdout" "0 prt_narrow"
}

# ---- what modules see -----------------------------------------------------------------------------------------

@test "pam_rootok as the only module refuses a caller who is not root" {
    profile su <<'END'
auth required pam_rootok.so
account required pam_permit.so
session required pam_permit.so
END
    as_bob -u prt_alice -- id
    assert_status 77
    assert_eq "$stderr" "$refused_words"
    run_pamrun -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    profile su <<'END'
auth required pam_permit.so
account required pam_rootok.so
session required pam_permit.so
END
    as_bob -u prt_alice -- id
    assert_eq "$status $stdout" "77 "
    assert_contains "$stderr" "pamrun: acct_mgmt for prt_alice (profile su): "
    run_pamrun -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}

@test "the real user id is the caller's for authentication and account, and 0 from then on" {
    local uid gid phase

    uid=$(id -u prt_bob) gid=$(id -g prt_bob)
    as_bob --close-on-exit -u prt_alice -- true
    assert_status 0
    for phase in authenticate acct_mgmt; do
        assert_eq "$(for id in ruid euid suid; do probe_field $phase $id; done | tr '\n' ' ')" "$uid 0 0 " $phase
        # files that modules make are of root's group: pam_faillock(8) lets that group write them
        assert_eq "$(for id in rgid egid sgid; do probe_field $phase $id; done | tr '\n' ' ')" "$gid 0 0 " $phase
        assert_eq "$(probe_field $phase groups)" "$(id -G prt_bob | tr ' ' ,)" $phase
    done
    for phase in setcred-establish open_session close_session setcred-delete; do
        assert_eq "$(for id in ruid euid suid rgid egid sgid; do probe_field $phase $id; done | tr '\n' ' ')" \
            "0 0 0 0 0 0 " $phase
        # shellcheck disable=SC2046 # words
        assert_eq "$(probe_field $phase groups | tr ',' '\n' | sort -n)" \
            "$(printf '%s\n' $(id -G prt_alice) | sort -n)" $phase
    done
}

@test "all steps are one process, which is the command's parent and not the one that was started" {
    start_pamrun_as prt_bob --close-on-exit -u prt_alice -- sleep 100
    assert wait_until 5 pgrep -u prt_alice -x sleep
    local command holder

    command=$(pgrep -u prt_alice -x sleep)
    holder=$(ps -o ppid= -p "$command" | tr -d ' ')
    [ "$holder" != "$pamrun_pid" ] || fail_because "one process"
    assert_eq "$(ps -o ppid= -p "$holder" | tr -d ' ')" "$pamrun_pid"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
    assert_eq "$(for phase in authenticate acct_mgmt setcred-establish open_session close_session setcred-delete; do
        probe_field $phase pid
    done | sort -u)" "$holder"
}

@test "PAM_USER is the account, PAM_RUSER the caller, PAM_TTY his terminal, PAM_RHOST nothing" {
    local phase there

    applicant_set prt_bob
    run_ptyrun -- env TTY=/dev/tty1 SSH_TTY=/dev/pts/999 sh -c 'tty; exec "$@"' sh "${applicant[@]}" \
        "$PAMRUN" --close-on-exit -u prt_alice -- true
    assert_status 0
    there=$(tr -d '\r' <<<"${lines[0]}")
    assert_match "$there" '^/dev/pts/[0-9]+$'
    for phase in authenticate acct_mgmt setcred-establish open_session close_session; do
        assert_eq "$(for item in user ruser tty rhost; do probe_field $phase $item; done | tr '\n' ' ')" \
            "prt_alice prt_bob $there (unset) " $phase
    done
}

@test "the caller is who his real user id says, not the environment, and not who he was effectively" {
    local line

    applicant_set prt_bob
    log_start
    run_program env LOGNAME=root USER=root SUDO_USER=root SUDO_UID=0 PAM_RUSER=root "${applicant[@]}" \
        "$PAMRUN" -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_field authenticate ruser)" prt_bob
    line=$(log_lines 'pamrun\[')
    assert_match "$line" ": allowed: applicant=\"prt_bob\" uid=$(id -u prt_bob) "
    # a number that nobody has is his name
    probe_reset
    run_program setpriv --reuid 54321 --regid 54321 --clear-groups "$PAMRUN" -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    assert_eq "$(probe_field authenticate ruser)" 54321
    probe_reset
    run_program setpriv --ruid "$(id -u prt_bob)" "$PAMRUN" -u prt_alice -- cat /proc/self/status
    assert_status 0
    assert_ids_of prt_alice
    assert_eq "$(probe_field authenticate ruser)" prt_bob
    assert_eq "$(probe_field authenticate ruid)" "$(id -u prt_bob)"
}

# ---- environment ----------------------------------------------------------------------------------------------

# What loads code or finds files for a program, and what belongs to a session of the caller's.
evil=(LD_PRELOAD=/evil.so LD_LIBRARY_PATH=/evil GCONV_PATH=/evil GLIBC_TUNABLES=x=y LOCPATH=/evil IFS=x ENV=/evil
    BASH_ENV=/evil SHELLOPTS=xtrace PS4='$(evil)' CDPATH=/evil ZDOTDIR=/evil PERL5OPT=-d PERL5LIB=/evil PERLLIB=/evil
    PYTHONPATH=/evil PYTHONSTARTUP=/evil PYTHONINSPECT=1 RUBYLIB=/evil RUBYOPT=-revil NODE_OPTIONS=-revil
    JAVA_TOOL_OPTIONS=evil _JAVA_OPTIONS=evil JDK_JAVA_OPTIONS=evil NODE_PATH=/evil LUA_INIT_5_4=evil LUA_PATH=/evil
    LUA_CPATH=/evil OPENSSL_CONF=/evil OPENSSL_MODULES=/evil OPENSSL_ENGINES=/evil
    PROMPT_COMMAND=evil BASH_LOADABLES_PATH=/evil PERLIO_DEBUG=/evil TERMPATH=/evil PATH_LOCALE=/evil NULLCMD=evil
    READNULLCMD=evil TMPPREFIX=/evil TERMINFO=/evil TERMINFO_DIRS=/evil TERMCAP=/evil TZDIR=/evil TMPDIR=/evil
    KRB5_CONFIG=/evil MALLOC_TRACE=/evil HOSTALIASES=/evil RES_OPTIONS=evil NLSPATH=/evil LANG=../evil TZ=/evil
    TERM=../evil DBUS_SESSION_BUS_ADDRESS=evil XDG_RUNTIME_DIR=/run/evil NOTIFY_SOCKET=/evil
    'BASH_FUNC_evil%%=() { evil; }' 'FUNCTION=() { evil; }')

# As prt_bob with exactly these variables: NAME=VALUE... -- [pamrun option...]
bob_with()
{
    local variables=()

    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    applicant_set prt_bob
    # env(1) last: nothing before pamrun is to obey them
    run_program "${applicant[@]}" env -i "${variables[@]}" "$PAMRUN" "${@:2}"
}

assert_variables() # NAME=VALUE...
{
    assert_status 0
    assert_eq "$(sort <<<"$stdout")" "$(printf '%s\n' "$@" | sort)"
}

@test "what loads code into programs does not go from the caller to the command, nor does a session of his" {
    local words name names=()

    for name in "${evil[@]}"; do
        names+=("${name%%=*}")
    done
    for words in "-u prt_alice" "-p -u prt_alice" "-w $(IFS=, && echo "${names[*]}") -u prt_alice"; do
        # shellcheck disable=SC2086 # words
        bob_with PATH=/usr/bin:/bin FOO=bar "${evil[@]}" -- $words -- env
        assert_status 0
        refute_contains "$stdout" evil
        assert_eq "$(grep -cE '^(GLIBC_TUNABLES|IFS|SHELLOPTS|PERL5OPT|PYTHONINSPECT)=' <<<"$stdout" || true)" 0
        assert_contains $'\n'"$stdout"$'\n' $'\nFOO=bar\n'
    done
    bob_with PATH=/usr/bin:/bin FOO=bar "${evil[@]}" -- -w "$(IFS=, && echo "${names[*]}")" -l prt_alice -c env
    refute_contains "$stdout" evil
}

@test "of a session no variable goes to another account, whoever's runtime directory is named; to one's own they go" {
    local variables=("XDG_RUNTIME_DIR=$TEST_DIR/alices" DBUS_SESSION_BUS_ADDRESS=unix:abstract=own XDG_SEAT=own)

    install -d -m 0700 -o prt_alice "$TEST_DIR/alices"
    bob_with PATH=/usr/bin:/bin "${variables[@]}" -- -u prt_alice -- env
    assert_variables PATH=/usr/bin:/bin HOME=/home/prt_alice USER=prt_alice LOGNAME=prt_alice
    applicant_set prt_alice
    run_program "${applicant[@]}" env -i PATH=/usr/bin:/bin "${variables[@]}" "$PAMRUN" -u prt_alice -- env
    assert_variables PATH=/usr/bin:/bin HOME=/home/prt_alice USER=prt_alice LOGNAME=prt_alice "${variables[@]}"
}

@test "an unlisted shell has a new environment: no variable steers what it would not let its user do" {
    local words option

    site_policy <<<"environment-keep = KEPT"
    for words in "" -p "-l -w HISTFILE,GIT_EXEC_PATH"; do
        # shellcheck disable=SC2086 # words
        bob_with PATH=/evil HOME=/evil USER=evil GIT_EXEC_PATH=/evil HISTFILE=/evil VIMINIT=evil KEPT=1 TERM=vt100 \
            -- $words prt_shown
        assert_status 0
        assert_eq "$(grep -v ^PATH= <<<"$stdout" | sort)" "$(printf '%s\n' HOME=/home/prt_shown KEPT=1 \
            LOGNAME=prt_shown "SHELL=$STATE_DIR/shows" TERM=vt100 USER=prt_shown)"
        assert_match "$stdout" 'PATH=/'
        refute_contains "$stdout" evil
        option=preserve
        [ -z "${words#-p}" ] || option=whitelist
        [ -z "$words" ] || assert_eq "$stderr" "pamrun: --$option-environment is ignored: the shell of prt_shown is not in /etc/shells, and has a new environment"
    done
    # of root's it obeys them, as with su
    run_program env -i PATH=/usr/bin:/bin HISTFILE=/roots "$PAMRUN" --profile su prt_shown
    assert_status 0
    assert_contains "$stdout" HISTFILE=/roots
}

@test "ordinary variables are as with su" {
    bob_with PATH=/usr/bin:/bin HOME=/home/prt_bob SHELL=/bin/dash USER=prt_bob LOGNAME=prt_bob TERM=vt100 A=b \
        LANG=C.UTF-8 -- -u prt_alice -- env
    assert_variables PATH=/usr/bin:/bin HOME=/home/prt_alice SHELL=/bin/dash USER=prt_alice LOGNAME=prt_alice \
        TERM=vt100 A=b LANG=C.UTF-8
    bob_with PATH=/usr/bin:/bin HOME=/home/prt_bob SHELL=/bin/dash USER=prt_bob LOGNAME=prt_bob A=b \
        -- -s /usr/bin/env prt_alice
    assert_variables PATH=/usr/bin:/bin HOME=/home/prt_alice SHELL=/usr/bin/env USER=prt_alice LOGNAME=prt_alice A=b
    # root's name is not set, su(1)
    site_policy_of_any_account
    bob_with PATH=/usr/bin:/bin HOME=/home/prt_bob USER=prt_bob LOGNAME=prt_bob -- -u root -- env
    assert_variables PATH=/usr/bin:/bin HOME=/root USER=prt_bob LOGNAME=prt_bob
}

@test "with -p the command keeps HOME, SHELL, USER and LOGNAME; a login starts anew, with what -w names" {
    bob_with PATH=/usr/bin:/bin HOME=/home/prt_bob SHELL=/bin/dash USER=prt_bob LOGNAME=prt_bob A=b \
        -- -p -u prt_alice -- env
    assert_variables PATH=/usr/bin:/bin HOME=/home/prt_bob SHELL=/bin/dash USER=prt_bob LOGNAME=prt_bob A=b
    bob_with PATH=/evil HOME=/evil SHELL=/bin/dash USER=prt_bob LOGNAME=prt_bob A=b C=d TERM=vt100 \
        -- -l -w C,HOME,USER -s /usr/bin/env prt_alice
    assert_status 0
    assert_eq "$(grep -v ^PATH= <<<"$stdout" | sort)" "$(printf '%s\n' C=d HOME=/home/prt_alice LOGNAME=prt_alice \
        SHELL=/usr/bin/env TERM=vt100 USER=prt_alice)"
    refute_contains "$stdout" evil
}
