# The account step: it always runs, what its answers mean, and expired passwords.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile prt_job
}

job()
{
    run_pamrun --profile prt_job "$@"
}

assert_not_run()
{
    assert_eq "$stdout" ""
    refute probe_called setcred
    refute probe_called open_session
    assert_match "$(probe_order)" 'acct_mgmt.* cleanup$'
}

# "CODE STATUS CLASS" a line: DESIGN, exit statuses.
codes()
{
    cat <<'END'
PAM_OPEN_ERR 69 node
PAM_SYMBOL_ERR 69 node
PAM_SERVICE_ERR 71 node
PAM_SYSTEM_ERR 71 node
PAM_BUF_ERR 71 node
PAM_PERM_DENIED 77 user
PAM_AUTH_ERR 77 user
PAM_AUTHINFO_UNAVAIL 75 node
PAM_USER_UNKNOWN 77 user
PAM_MAXTRIES 77 user
PAM_NEW_AUTHTOK_REQD 77 user
PAM_ACCT_EXPIRED 77 user
PAM_SESSION_ERR 71 node
PAM_CRED_UNAVAIL 75 node
PAM_ABORT 71 node
PAM_MODULE_UNKNOWN 69 node
END
}

@test "each PAM code of acct_mgmt has its exit status and class, and nothing runs" {
    local code expected class event count=0

    while read -r code expected class; do
        probe_reset
        probe_script <<<"acct_mgmt return $code"
        job --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status "$expected"
        assert_not_run
        assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
        assert_eq "$(probe_field cleanup error_status)" "$code"
        assert_match "${stderr%%$'\n'*}" "^pamrun: acct_mgmt for prt_alice .*$code"
        event=$(tail -n 1 "$TEST_DIR/events")
        assert_contains "$event" '"event":"failed"'
        assert_contains "$event" '"step":"acct_mgmt"'
        assert_contains "$event" "\"code\":\"$code\""
        assert_contains "$event" "\"class\":\"$class\""
        assert_contains "$event" "\"exit-status\":$expected"
        count=$((count + 1))
    done < <(codes)
    [ "$count" -eq 16 ]
}

@test "the account step runs for root as caller and as account, and with --no-auth" {
    local words

    probe_script <<<'acct_mgmt return PAM_ACCT_EXPIRED'
    for words in "-u root -- id" "-c id" "-c id root" "-l" "--no-auth -u root -- id" "--no-auth -u prt_alice -- id" \
        "--no-session -u prt_alice -- id" "--exec -u prt_alice -- id"; do
        probe_reset
        probe_script <<<'acct_mgmt return PAM_ACCT_EXPIRED'
        # shellcheck disable=SC2086 # words
        job $words
        assert_status 77
        probe_called acct_mgmt 1
        refute probe_called setcred
        assert_eq "$stdout" ""
    done
}

@test "a module that changes the user in acct_mgmt is refused, and nothing runs" {
    local action

    for action in "set-user prt_bob" "set-user root" unset-user; do
        probe_reset
        probe_script <<<"acct_mgmt $action"
        job -u prt_alice -- id
        assert_status 77
        assert_not_run
        assert_contains "$stderr" "changed the user"
    done
}

@test "an account that has expired is refused by pam_unix" {
    make_user prt_past --expiredate 2001-01-01
    profile prt_unix <<'END'
auth sufficient pam_rootok.so
account required pam_unix.so
session required pam_permit.so
END
    run_pamrun --profile prt_unix -u prt_past -- id
    assert_status 77
    assert_contains "$stderr" PAM_ACCT_EXPIRED
    assert_eq "$stdout" ""
    run_pamrun --profile prt_unix -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}

# ---- expired passwords ----------------------------------------------------------------------------------------

@test "an expired password without a terminal is refused, with a hint" {
    probe_script <<<'acct_mgmt return PAM_NEW_AUTHTOK_REQD'
    job -u prt_alice -- id <<<"new password"
    assert_status 77
    assert_not_run
    refute probe_called chauthtok
    assert_match "$stderr" 'hint: .*password of prt_alice has expired.*terminal'
}

@test "an expired password is changed on the terminal, and the run goes on" {
    probe_script <<'END'
acct_mgmt return PAM_NEW_AUTHTOK_REQD
chauthtok-update prompt-off New password: 
chauthtok-update require-token fresh
END
    run_ptyrun --expect "New password: " --await -ECHO --send 'fresh\r' -- \
        "$PAMRUN" --profile prt_job -u prt_alice -- id -un
    assert_status 0
    assert_match "$stdout" prt_alice
    probe_called chauthtok-prelim 1
    probe_called chauthtok-update 1
    assert_contains "$(probe_field chauthtok-update flags)" PAM_CHANGE_EXPIRED_AUTHTOK
    assert_eq "$(probe_field chauthtok-update ruid)" 0
    assert_match "$(probe_order)" '^authenticate acct_mgmt chauthtok chauthtok setcred:PAM_ESTABLISH_CRED open_session '
}

@test "each PAM code of chauthtok has its exit status, and nothing runs" {
    local code expected phase

    for phase in chauthtok-prelim chauthtok-update; do
        while read -r code expected; do
            probe_reset
            probe_script <<END
acct_mgmt return PAM_NEW_AUTHTOK_REQD
$phase return $code
END
            run_ptyrun -- "$PAMRUN" --profile prt_job -u prt_alice -- echo done
            assert_status "$expected"
            refute_contains "$stdout" done
            assert_contains "$stdout" "chauthtok for prt_alice"
            assert_contains "$stdout" "$code"
            refute probe_called setcred
            assert_match "$(probe_order)" ' cleanup$'
        done <<'END'
PAM_AUTHTOK_ERR 77
PAM_PERM_DENIED 77
PAM_USER_UNKNOWN 77
PAM_AUTHTOK_RECOVERY_ERR 77
PAM_AUTHTOK_LOCK_BUSY 75
PAM_TRY_AGAIN 75
PAM_SYSTEM_ERR 71
PAM_MODULE_UNKNOWN 69
END
    done
}

@test "a module that changes the user in chauthtok is refused" {
    probe_script <<'END'
acct_mgmt return PAM_NEW_AUTHTOK_REQD
chauthtok-update set-user prt_bob
END
    run_ptyrun -- "$PAMRUN" --profile prt_job -u prt_alice -- echo done
    assert_status 77
    refute_contains "$stdout" done
    refute probe_called setcred
}

@test "with stdin and stdout elsewhere the terminal is still there to change the password on" {
    probe_script <<'END'
acct_mgmt return PAM_NEW_AUTHTOK_REQD
chauthtok-update prompt-off New password: 
END
    run_ptyrun --expect "New password: " --await -ECHO --send 'fresh\r' -- \
        sh -c 'exec "$@" </dev/null >"$0"' "$TEST_DIR/out" "$PAMRUN" --profile prt_job -u prt_alice -- id -un
    assert_status 0
    assert_eq "$(<"$TEST_DIR/out")" prt_alice
}

# ---- the real thing -------------------------------------------------------------------------------------------

expired_user()
{
    make_user prt_old
    set_password prt_old 'Old.pass.word.1'
    chage -d 0 prt_old
    profile prt_unix <<'END'
auth sufficient pam_rootok.so
account required pam_unix.so
password required pam_unix.so sha512
session required pam_permit.so
END
}

@test "pam_unix: a password to be changed is refused without a terminal" {
    expired_user
    run_pamrun --profile prt_unix -u prt_old -- id <<<"Old.pass.word.1"
    assert_status 77
    assert_eq "$stdout" ""
    assert_contains "$stderr" PAM_NEW_AUTHTOK_REQD
    assert_match "$stderr" 'hint: .*expired'
}

@test "pam_unix: a password to be changed is changed on the terminal, then the command runs" {
    local before

    expired_user
    before=$(getent shadow prt_old | cut -d: -f2)
    run_ptyrun --expect "assword: " --await -ECHO --send 'Old.pass.word.1\r' \
        --expect "ew password: " --await -ECHO --send 'Quite.New.word.2\r' \
        --expect "etype new password: " --await -ECHO --send 'Quite.New.word.2\r' -- \
        "${pamrun_for_crypt[@]}" --profile prt_unix -u prt_old -- id -un
    assert_status 0
    assert_match "$stdout" 'prt_old'
    refute_contains "$stdout" Quite
    [ "$(getent shadow prt_old | cut -d: -f2)" != "$before" ]
    run_pamrun --profile prt_unix -u prt_old -- id -un
    assert_eq "$status $stdout" "0 prt_old"
}

@test "pam_unix: a wrong old password changes nothing and runs nothing" {
    local before

    expired_user
    before=$(getent shadow prt_old)
    run_ptyrun --expect "assword: " --await -ECHO --send 'wrong\r' -- \
        "${pamrun_for_crypt[@]}" --profile prt_unix -u prt_old -- echo done
    assert_match "$status" '^(75|77)$'
    refute_contains "$stdout" done
    assert_eq "$(getent shadow prt_old)" "$before"
}
