# With sanitizers only in full.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # stdout ... are common.bash's; what stands in '' is the inner shell's
# What a user sees and types: prompts on the terminal, the message of the day, su's shells, and how errors are worded.

load lib/common
load lib/terminal

setup()
{
    begin_test
    callers=(root prt_bob)
}

as() # CALLER [pamrun option...]
{
    run_pamrun_as "$@"
}

# ---- prompts --------------------------------------------------------------------------------------------------

@test "on the terminal a prompt's UTF-8 is kept, its control characters are made visible, and so are two in one run" {
    local caller

    probe_script <<'END'
authenticate prompt-off Pa\xc3\x9fwort f\xc3\xbcr \xe2\x82\xac \033[31m\xc2\x9b1m: 
authenticate require-token geh\xc3\xa4im
authenticate prompt-on \xe7\xac\xac\xe4\xba\x8c: 
authenticate require-token 2\xe2\x82\xac
END
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        run_ptyrun --modes "$TEST_DIR/modes" --expect '1m: ' --await -ECHO --send 'geh\xc3\xa4im\r' \
            --expect $'第二: ' --await ECHO --send $'2€\r' --expect ran -- \
            "${applicant[@]}" "$PAMRUN" -u prt_alice -- printf ran
        assert_status 0
        assert_match "$stdout" $'^Paßwort für € [^\033]*31m[^\033]*1m: \r\n第二: 2€\r\nran$'
        refute_contains "$stdout" $'\033['
        refute_contains "$stdout" $'\xc2\x9b'
        assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
    done
}

@test "a prompt waits as long as it takes, and with --deadline no longer than that, and the echo is back" {
    probe_script <<'END'
authenticate prompt-off Password: 
END
    run_ptyrun --modes "$TEST_DIR/modes" --expect 'Password: ' --await -ECHO -- \
        "$PAMRUN" --profile su --deadline authenticate=0.5 -u prt_alice -- printf ran
    assert_status 75
    assert_contains "$stdout" 'pamrun: authenticate for prt_alice (profile su): no answer before the deadline'
    assert_contains "$stdout" 'hint: a module waits for a server or a mount; --deadline authenticate=SECONDS said how long'
    assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
}

@test "at a prompt the erase key corrects what was typed, as everywhere on a terminal" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token secret
END
    run_ptyrun --expect 'Password: ' --await -ECHO --send 'wrong\025secrex\177t\r' --expect ran -- \
        "$PAMRUN" -u prt_alice -- printf ran
    assert_status 0
}

# ---- the message of the day -----------------------------------------------------------------------------------

motd_profile()
{
    local types

    [ -n "$(find /lib/*/security /usr/lib*/security /usr/lib/*/security -name pam_motd.so 2>/dev/null | head -n 1)" ] ||
        skip_test "needs pam_motd"
    keep_file /etc/motd
    echo "the static motd, café" >/etc/motd
    keep_file /etc/pam.d/su
    types=$(for type in auth account password session; do echo "$type required pam_permit.so"; done)
    profile su <<END
$types
session optional pam_motd.so motd=/run/motd.dynamic
session optional pam_motd.so noupdate motd=/etc/motd
session optional $PROBE_SO script=$PROBE_SCRIPT_FILE log=$PROBE_LOG_FILE name=probe
END
    probe_script <<<'open_session error some trouble'
    static="the static motd, café"
    # Debian's pam_motd runs these and shows what they print
    if [ -d /etc/update-motd.d ] && type -P run-parts >/dev/null; then
        keep_file /etc/update-motd.d/00-prt
        keep_file /run/motd.dynamic
        install -m 0755 /dev/stdin /etc/update-motd.d/00-prt <<<$'#!/bin/sh\necho the dynamic motd'
        dynamic=$'the dynamic motd\n(.*\n)?'
    else
        dynamic=
    fi
}

@test "pam_motd: a login shell has the message before it, on stderr; a command has errors only, unless --verbose" {
    local caller

    motd_profile
    for caller in "${callers[@]}"; do
        as "$caller" -l prt_alice <<<'echo "to stdout"; echo "of the shell" >&2'
        assert_eq "$status $stdout" "0 to stdout"
        # Debian's own scripts may say something in between
        assert_match "$stderr" "^$dynamic$static"$'\nsome trouble\nof the shell$'
        as "$caller" --quiet -l prt_alice <<<'echo "to stdout"'
        assert_eq "$status $stdout $stderr" "0 to stdout some trouble"
        as "$caller" prt_alice <<<'echo "to stdout"'
        assert_eq "$status $stdout $stderr" "0 to stdout some trouble"
        as "$caller" prt_alice -c 'echo "to stdout"'
        assert_eq "$status $stdout $stderr" "0 to stdout some trouble"
        as "$caller" -l prt_alice -c 'echo "to stdout"'
        assert_eq "$status $stdout $stderr" "0 to stdout some trouble"
        as "$caller" -u prt_alice -- echo "to stdout"
        assert_eq "$status $stdout $stderr" "0 to stdout some trouble"
        as "$caller" --verbose -u prt_alice -- echo "to stdout"
        assert_eq "$status $stdout" "0 to stdout"
        assert_contains "$stderr" "$static"$'\nsome trouble'
    done
}

@test "pam_motd: on a terminal the message stands above the shell's first prompt" {
    local caller

    motd_profile
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        run_ptyrun --expect "$static" --expect 'some trouble' --expect '$ ' --send 'exit\r' -- \
            "${applicant[@]}" "$PAMRUN" -l -s /bin/sh prt_alice
        assert_status 0
    done
}

# ---- the shell ------------------------------------------------------------------------------------------------

@test "a home that is missing or closed to the account: one message, and the login starts in /" {
    local caller place

    make_user prt_homeless -M -d "$TEST_DIR/home"
    for caller in "${callers[@]}"; do
        for place in missing closed; do
            [ $place = missing ] || install -d -m 0700 "$TEST_DIR/home"
            as "$caller" -l prt_homeless -c 'pwd; echo "$HOME"'
            assert_eq "$status $stdout" "0 /"$'\n'"$TEST_DIR/home"
            # the shell may miss files of its own
            assert_eq "${stderr%%$'\n'*}" "pamrun: $TEST_DIR/home: cannot be entered, starting in /"
        done
        rm -rf "${TEST_DIR:?}/home"
    done
}

@test "/etc/shells empty, missing or without the account's shell: as with su" {
    local kind shells=/etc/shells words said

    keep_file $shells
    for kind in empty missing other; do
        rm -f $shells
        case $kind in
        empty) : >$shells ;;
        other) echo /bin/zsh >$shells ;;
        esac
        for words in '-s /bin/dash prt_alice' '-m prt_alice' 'prt_alice'; do
            # shellcheck disable=SC2086 # words
            SHELL=/bin/dash run_program_as prt_bob "$(type -P su)" $words -c 'readlink /proc/$$/exe'
            said="$status $stdout"
            # shellcheck disable=SC2086 # words
            SHELL=/bin/dash run_program_as prt_bob "$PAMRUN" $words -c 'readlink /proc/$$/exe'
            assert_eq "$status $stdout" "$said" "$kind: $words"
            assert_status 0
        done
    done
}

# ---- wording --------------------------------------------------------------------------------------------------

@test "nothing is coloured: no message and no help has an escape sequence, on a terminal either" {
    local words

    probe_script <<<'acct_mgmt return PAM_ACCT_EXPIRED'
    for words in --help --no-such-option '-u prt_nobody -- id' '--verbose -u prt_alice -- id'; do
        # shellcheck disable=SC2086 # words
        TERM=xterm-256color run_ptyrun -- env -u NO_COLOR "$PAMRUN" $words
        refute_contains "$stdout" $'\033'
    done
}

@test "what a module's failure means is hinted at: whom to ask, and where it says more" {
    local row

    for row in acct_mgmt:PAM_PERM_DENIED:pam_access acct_mgmt:PAM_AUTHINFO_UNAVAIL:sssd \
        setcred-establish:PAM_CRED_UNAVAIL:sssd open_session:PAM_SESSION_ERR:/etc/pam.d/su \
        acct_mgmt:PAM_SERVICE_ERR:/etc/pam.d/su acct_mgmt:PAM_ACCT_EXPIRED:chage; do
        probe_script <<<"${row%:*:*} return $(cut -d : -f 2 <<<"$row")"
        run_pamrun --profile su -u prt_alice -- true
        assert_match "$stderr" "^pamrun: [a-z_]+ for prt_alice \(profile su\): .*"$'\n'"hint: .*${row##*:}.*syslog"
    done
}
