# pam_oath with the sample profile pamrun-otp: a password and a one-time code, handed over in one go.
# With sanitizers only in full.

load lib/common
load lib/samples
load lib/trace

secret_hex=3132333435363738393031323334353637383930

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    make_user prt_carol
    set_password prt_alice "$password"
    set_password prt_carol "$password"
    keep_file /etc/users.oath
    sample pamrun-otp
    # two seconds after each refusal, otherwise
    keep_file /etc/pam.d/common-auth
    sed -i 's/pam_unix\.so/& nodelay/' /etc/pam.d/common-auth
}

setup()
{
    begin_test
    needs oathtool
    # codes by a counter: there is no clock in it
    printf 'HOTP\tprt_alice\t-\t%s\n' "$secret_hex" >/etc/users.oath
    chmod 0600 /etc/users.oath
    site_policy <<<"user-profiles = pamrun-otp"
}

code() # NUMBER
{
    oathtool --hotp --counter "$1" "$secret_hex"
}

otp_run() # ANSWERS ARGUMENT...
{
    run_with "$1" --profile pamrun-otp --forward-answers-fd 7 --close-on-exit -u prt_alice "${@:2}"
}

otp_run_as_bob() # ANSWERS [ACCOUNT]
{
    run_as_with prt_bob "$1" --profile pamrun-otp --forward-answers-fd 7 -u "${2-prt_alice}" -- id -un
}

@test "password and code, one line each, let the command run; a code counts once" {
    log_start
    otp_run "$password\n$(code 0)\n" -- id -un
    assert_ran prt_alice
    assert_eq "$stderr" ""
    assert_eq "$(sessions_logged opened pamrun-otp) $(sessions_logged closed pamrun-otp)" "1 1"
    otp_run "$password\n$(code 0)\n" -- id -un
    assert_not_let_in pamrun-otp
    # nor one that was passed over
    otp_run "$password\n$(code 3)" -- id -un
    assert_ran prt_alice
    otp_run "$password\n$(code 2)" -- id -un
    assert_not_let_in pamrun-otp
    assert_eq "$(stat -c '%a %U' /etc/users.oath)" "600 root"
    refute_contains "$(log_lines)" "$password"
    refute_contains "$(log_lines)" "$(code 0)"
}

@test "a wrong code, a wrong password, the two in the wrong order and a user without a code are refused alike" {
    local answers

    for answers in "$password\n$(code 40)" "$password\n000000" "$wrong\n$(code 1)" "$(code 2)\n$password" \
        "$password\n$password" "$(code 3)\n$(code 4)"; do
        otp_run "$answers" -- id -un
        assert_not_let_in pamrun-otp
    done
    run_with "$password\n$(code 5)" --profile pamrun-otp --forward-answers-fd 7 -u prt_carol -- id -un
    assert_status 77
    assert_eq "$stdout" ""
}

@test "others are told nothing of which was wrong, nor whether there is such a user or a code for him" {
    local answers account said=''

    users_can_be_asked || return 0
    otp_run_as_bob "$password\n$(code 0)"
    assert_ran prt_alice
    for answers in "$password\n$(code 40)" "$wrong\n$(code 1)" "$wrong\n000000" "$password\n$(code 0)"; do
        otp_run_as_bob "$answers"
        assert_not_let_in pamrun-otp
        said+="$status $output"$'\n'
    done
    assert_eq "$(sort -u <<<"${said%$'\n'}" | wc -l)" 1
    for account in prt_carol prt_nobody; do
        otp_run_as_bob "$password\n$(code 8)" "$account"
        assert_not_let_in pamrun-otp "$account"
        assert_eq "$output" "$(sed "s/^[0-9]* //; s/prt_alice/$account/" <<<"${said%%$'\n'*}")"
    done
}

@test "a right code is used up by a wrong password" {
    otp_run "$wrong\n$(code 0)" -- id -un
    assert_not_let_in pamrun-otp
    otp_run "$password\n$(code 0)" -- id -un
    assert_not_let_in pamrun-otp
    otp_run "$password\n$(code 1)" -- id -un
    assert_ran prt_alice
}

@test "fewer lines than prompts: refused, and the prompt that got none is named; one too many changes nothing" {
    otp_run "$password\n" -- id -un
    assert_status 77
    assert_eq "$output" "pamrun: authenticate for prt_alice (profile pamrun-otp): Conversation error (PAM_CONV_ERR)
hint: a module asked 'One-time password (OATH) for \`prt_alice': ': all forwarded answers have been given"
    otp_run "$password\n$(code 0)\nmore" -- id -un
    assert_ran prt_alice
    assert_eq "$stderr" ""
}

@test "a password alone, by --forward-password-fd, answers the password's prompt only" {
    run_with "$password" --profile pamrun-otp --forward-password-fd 7 -u prt_alice -- id -un
    assert_status 77
    assert_contains "$stderr" "hint: a module asked 'One-time password (OATH) for \`prt_alice': ': the forwarded password is \
given once"
}

@test "on a terminal a person is asked for both, and for the code also after a wrong password" {
    local typed

    users_can_be_asked || return 0
    applicant_set prt_bob
    for typed in "$password" "$wrong"; do
        run_ptyrun --expect "Password: " --await -ECHO --send "$typed\\r" \
            --expect "One-time password" --await -ECHO --send "$(code 0)\\r" -- \
            "${applicant[@]}" "$PAMRUN" --profile pamrun-otp -u prt_alice -- id -un
        refute_contains "$stdout" "$(code 0)"
        if [ "$typed" = "$password" ]; then
            assert_status 0
            assert_match "$stdout" $'prt_alice\r?\n?$'
        else
            assert_status 77
        fi
    done
}

@test "trace: which of the two factors was wrong is the administrator's to see" {
    trace_for_crypt --profile pamrun-otp \
        --forward-answers-fd 7 prt_alice authenticate 7< <(printf '%s\n%s\n' "$password" 000000)
    assert_status 77
    assert_match "$(trace_lines authenticate | tail -n 1)" '^x pamrun-otp:[0-9]+ PAM_AUTH_ERR bad decides$'
    trace_for_crypt --profile pamrun-otp \
        --forward-answers-fd 7 prt_alice authenticate 7< <(printf '%s\n%s\n' "$wrong" "$(code 5)")
    assert_status 77
    assert_match "$(trace_lines authenticate | grep decides)" '^x common-auth:[0-9]+ PAM_AUTH_ERR die decides$'
    refute_contains "$stdout" "$wrong"
}
