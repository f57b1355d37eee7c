# With a real KDC and pam_krb5, by the sample pam.d/pamrun-krb5: who gets a ticket for a forwarded password, how long it
# stays, and that none is left behind by a run that fails.
# With sanitizers only in full.

load lib/common
load lib/kerberos
load lib/sharing
load lib/trace

password='Krb p@ss"w0rd$1'
sample=${PAMRUN%/bin/pamrun}/share/doc/pamrun/examples/pamrun-krb5
callers=(root prt_bob)

setup_file()
{
    begin_file
    kdc_start
    make_user prt_alice
    make_user prt_bob
    make_user prt_carol # has no principal
    make_user prt_dora
    principal_add prt_alice "$password"
    principal_add prt_dora "$password" -pwexpire yesterday
    profile pamrun-krb5 <"$sample"
}

setup()
{
    begin_test
    secret_file=$TEST_DIR/secret
    install -m 0600 /dev/null "$secret_file"
    site_policy <<<"user-profiles = pamrun-krb5 prt_krb"
    caches_remove
}

teardown()
{
    end_sessions
    cleanup_all
    caches_remove
}

# Run it for CALLER, who forwards PASSWORD.
forwarded() # CALLER PASSWORD ARGUMENT...
{
    printf '%s\n' "$2" >"$secret_file"
    run_pamrun_as "$1" --forward-password-fd 7 "${@:3}" 7<"$secret_file"
}

# prt_krb: the sample with the probe, first in the account step and last in the session.
probed_profile()
{
    profile prt_krb < <(
        probe_line account required
        cat "$sample"
        probe_line session required
    )
}

# The output of klist for that account, with a ticket to get tickets with, from a file of its own.
assert_klist() # ACCOUNT OUTPUT
{
    assert_match "$2" "^Ticket cache: FILE:/tmp/krb5cc_$(id -u "$1")_[A-Za-z0-9]+
Default principal: $1@$REALM
.*krbtgt/$REALM@$REALM"
}

assert_no_cache()
{
    assert_eq "$(caches)" "" "ticket caches left behind"
}

# ---- a ticket -------------------------------------------------------------------------------------------------

@test "a forwarded password gives the account a ticket that its command can list" {
    local caller

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 --require-password-used -u prt_alice -- klist
        assert_eq "$status $stderr" "0 "
        assert_klist prt_alice "$stdout"
        caches_remove
    done
}

@test "KRB5CCNAME is the new cache's, whatever the caller's is, and the cache is the account's alone" {
    local caller form

    for caller in "${callers[@]}"; do
        for form in "-u prt_alice -- sh" "prt_alice" "-l prt_alice" "-p prt_alice"; do
            printf '%s\n' "$password" >"$secret_file"
            # shellcheck disable=SC2086 # words
            KRB5CCNAME=FILE:/tmp/callers run_pamrun_as $caller --forward-password-fd 7 --profile pamrun-krb5 $form \
                -c 'echo "$KRB5CCNAME"; stat -c "%U %G %a" "${KRB5CCNAME#FILE:}"' 7<"$secret_file"
            assert_eq "$status $stderr" "0 "
            assert_eq "$stdout" "FILE:$(caches)"$'\n'"prt_alice prt_alice 600"
            caches_remove
        done
    done
}

@test "a session that is left open keeps the ticket, with --exec too" {
    local caller cache

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_alice -- true
        assert_status 0
        cache=$(caches)
        assert_eq "$(stat -c '%U %a' "$cache")" "prt_alice 600"
        run_program_as prt_alice klist -c "$cache"
        assert_klist prt_alice "$stdout"
        caches_remove
    done
    forwarded root "$password" --profile pamrun-krb5 --exec -u prt_alice -- klist
    assert_status 0
    assert_klist prt_alice "$stdout"
    run_program_as prt_alice klist -c "$(caches)"
    assert_klist prt_alice "$stdout"
}

@test "with --close-on-exit the end destroys the ticket, after the command, and that of no other session" {
    local caller others

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 --close-on-exit -u prt_alice -- klist
        assert_eq "$status $stderr" "0 "
        assert_klist prt_alice "$stdout"
        assert_no_cache
        forwarded $caller "$password" --profile pamrun-krb5 --close-on-exit -u prt_alice -- sh -c 'kill -KILL $$'
        assert_status 137
        assert_no_cache
        forwarded $caller "$password" --profile pamrun-krb5 --close-on-exit -u prt_alice -- /missing
        assert_status 127
        assert_no_cache
    done
    forwarded root "$password" --profile pamrun-krb5 -u prt_alice -- true
    others=$(caches)
    forwarded root "$password" --profile pamrun-krb5 --close-on-exit -u prt_alice -- klist
    assert_klist prt_alice "$stdout"
    refute_contains "$stdout" "$others"
    assert_eq "$(caches)" "$others"
    run_program_as prt_alice klist -s -c "$others"
    assert_status 0
}

@test "a run that is told to stop destroys the ticket, and so does one whose caller's process is killed" {
    local caller signal

    for caller in "${callers[@]}"; do
        for signal in TERM KILL; do
            [ "$caller $signal" != "root KILL" ] || continue # that process holds the session itself
            printf '%s\n' "$password" >"$secret_file"
            start_pamrun_as $caller --forward-password-fd 7 --profile pamrun-krb5 --close-on-exit -u prt_alice -- \
                sh -c 'klist; exec sleep 1000' 7<"$secret_file"
            wait_until 30 grep -q krbtgt "$pamrun_stdout"
            assert_klist prt_alice "$(<"$pamrun_stdout")"
            kill -$signal "$pamrun_pid"
            end_status "$pamrun_pid"
            assert_status $((128 + $(kill -l $signal)))
            wait_until 30 has_no_process prt_alice
            wait_until 30 no_cache
        done
    done
}

no_cache()
{
    [ -z "$(caches)" ]
}

# A run of a shared session that stays in it until somebody writes to the fifo $TEST_DIR/NAME, and lists its ticket then.
start_with_ticket() # CALLER PROFILE NAME
{
    mkfifo -m 0666 "$TEST_DIR/$3"
    printf '%s\n' "$password" >"$secret_file"
    start_pamrun_as "$1" --forward-password-fd 7 --require-password-used --profile "$2" --share -u prt_alice -- \
        sh -c "echo \$KRB5CCNAME; read -r _ <$TEST_DIR/$3; klist" 7<"$secret_file"
    wait_until 60 test -s "$pamrun_stdout"
}

@test "with --share the ticket is still there when the first of two runs ends, and gone when the last one does" {
    local caller profile first second

    # where each session has a cache of its own, and where all sessions of a user have one, which a close takes from all
    sed 's,pam_krb5.so,& ccache=FILE:/tmp/krb5cc_%u,' "$sample" | profile prt_krb
    for caller in "${callers[@]}"; do
        for profile in pamrun-krb5 prt_krb; do
            session=/run/pamrun/$(id -u prt_alice).$profile
            start_with_ticket $caller $profile first
            first=$pamrun_pid
            assert_eq "FILE:$(caches)" "$(<"$pamrun_stdout")"
            start_with_ticket $caller $profile second
            second=$pamrun_pid
            assert_eq "FILE:$(caches)" "$(<"$pamrun_stdout")" # the same one, and no other
            echo >"$TEST_DIR/first"
            end_status "$first"
            assert_eq "$status $stderr" "0 "
            wait_until 30 leases_are 1
            echo >"$TEST_DIR/second"
            end_status "$second"
            assert_eq "$status $stderr" "0 "
            assert_contains "$stdout" "krbtgt/$REALM@$REALM"
            wait_until 30 has_no_keeper
            assert_no_cache
            rm "$TEST_DIR/first" "$TEST_DIR/second"
        done
    done
}

# ---- no ticket ------------------------------------------------------------------------------------------------

@test "a wrong password is refused, once and for all, and leaves no cache" {
    local caller wrong

    for caller in "${callers[@]}"; do
        for wrong in "${password}x" "${password%?}" "${password^^}"; do
            log_start
            forwarded $caller "$wrong" --profile pamrun-krb5 -u prt_alice -- echo ran
            assert_status 77
            assert_eq "$output" \
                "pamrun: authenticate for prt_alice (profile pamrun-krb5): Authentication failure (PAM_AUTH_ERR)"
            assert_no_cache
            assert_eq "$(log_lines 'pam_krb5.*authentication failure' | wc -l)" 1
        done
    done
}

@test "who has no principal is left to sssd, and without sssd that is the node's fault" {
    local caller
    local -A said=(
        [root]="75 Authentication service cannot retrieve authentication info (PAM_AUTHINFO_UNAVAIL)
hint: a module does not reach what it asks (sssd, LDAP, Kerberos, ...); it says more in syslog"
        [prt_bob]="77 Authentication failure (PAM_AUTH_ERR)" # the same for all names
    )

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_carol -- echo ran
        assert_eq "$status $output" \
            "${said[$caller]%% *} pamrun: authenticate for prt_carol (profile pamrun-krb5): ${said[$caller]#* }"
        assert_no_cache
    done
}

@test "a KDC that does not answer is the node's fault" {
    kdc_stop
    forwarded root "$password" --profile pamrun-krb5 --json-status-fd 8 -u prt_alice -- echo ran 8>"$TEST_DIR/events"
    BATS_TEST_NAME='' kdc_run # for the rest of the file
    assert_status 75
    assert_contains "$(<"$TEST_DIR/events")" \
        '"failed","step":"authenticate","code":"PAM_AUTHINFO_UNAVAIL","class":"node","exit-status":75'
    assert_eq "$stdout" ""
    assert_no_cache
    forwarded root "$password" --profile pamrun-krb5 -u prt_alice -- echo ran
    assert_eq "$status $output" "0 ran"
}

@test "an account that has expired is refused in the account step, and its ticket is gone" {
    local caller

    for caller in "${callers[@]}"; do
        chage -E 1 prt_alice
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_alice -- echo ran
        chage -E -1 prt_alice
        assert_status 77
        assert_eq "$stdout" ""
        assert_contains "$stderr" \
            "pamrun: acct_mgmt for prt_alice (profile pamrun-krb5): User account has expired (PAM_ACCT_EXPIRED)"
        assert_no_cache
    done
}

@test "the site policy's refusal between account step and setcred leaves no cache" {
    local caller

    site_policy <<'END'
user-profiles = pamrun-krb5
required-groups = prt_nobodys
END
    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_alice -- echo ran
        assert_status 77
        assert_eq "$output" "pamrun: user prt_alice: is in no group that the site policy requires
hint: required-groups of pamrun.conf(5); id -Gn prt_alice shows the groups"
        assert_no_cache
    done
}

@test "a step that fails leaves no cache, whichever it is" {
    local caller step

    probed_profile
    for caller in "${callers[@]}"; do
        for step in acct_mgmt open_session; do
            probe_reset
            probe_script <<<"$step return PAM_SYSTEM_ERR"
            forwarded $caller "$password" --profile prt_krb -u prt_alice -- echo ran
            assert_status 71
            assert_eq "$stdout" ""
            probe_called $step 1
            assert_no_cache
        done
    done
}

@test "a run that is stopped in the account step, or takes too long there, leaves no cache" {
    local caller

    probed_profile
    for caller in "${callers[@]}"; do
        probe_reset
        probe_script <<<"acct_mgmt hang-eintr"
        printf '%s\n' "$password" >"$secret_file"
        start_pamrun_as $caller --forward-password-fd 7 --profile prt_krb -u prt_alice -- echo ran 7<"$secret_file"
        wait_until 30 probe_called acct_mgmt
        assert_match "$(caches)" '^/tmp/krb5cc_pam_[^/]*$' # root's, for now
        kill -TERM "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status 143
        wait_until 30 no_cache
    done
    forwarded root "$password" --profile prt_krb --deadline acct_mgmt=1 -u prt_alice -- echo ran
    assert_status 75
    assert_no_cache
}

# ---- expired passwords ----------------------------------------------------------------------------------------

@test "a password that has expired at the KDC is refused without a terminal, with a hint" {
    local caller

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_dora -- echo ran
        assert_status 77
        assert_eq "$stdout" ""
        assert_contains "$stderr" "(PAM_NEW_AUTHTOK_REQD)
hint: the password of prt_dora has expired and there is no terminal to change it on"
        assert_no_cache
    done
}

@test "a password that has expired at the KDC is changed on the terminal, and the run has its ticket" {
    local caller new='New p@ss"w0rd$1'

    make_user prt_edda
    kadmind_start
    for caller in "${callers[@]}"; do
        kadmin delprinc -force prt_edda || true
        principal_add prt_edda "$password" -pwexpire yesterday
        printf '%s\n' "$password" >"$secret_file"
        applicant_set $caller
        run_ptyrun --expect "Current Kerberos password: " --await -ECHO --send "$password\r" \
            --expect "Enter new Kerberos password: " --await -ECHO --send "$new\r" \
            --expect "Retype new Kerberos password: " --await -ECHO --send "$new\r" -- \
            "${applicant[@]}" "$PAMRUN" --profile pamrun-krb5 --forward-password-fd 7 --close-on-exit \
            -u prt_edda -- klist 7<"$secret_file"
        assert_status 0
        assert_contains "$stdout" "Default principal: prt_edda@$REALM"
        refute_contains "$stdout" "w0rd"
        assert_no_cache
        forwarded $caller "$new" --profile pamrun-krb5 --close-on-exit -u prt_edda -- klist
        assert_klist prt_edda "$stdout"
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_edda -- klist
        assert_status 77
    done
}

# ---- who may, and who is not asked ----------------------------------------------------------------------------

@test "a caller to whom the site policy does not give the profile is refused before PAM" {
    rm /etc/pamrun.conf
    log_start
    forwarded prt_bob "$password" --profile pamrun-krb5 -u prt_alice -- echo ran
    assert_status 77
    assert_eq "$output" "pamrun: profile 'pamrun-krb5': the site policy does not let you choose it
hint: without --profile it is su; user-profiles of pamrun.conf(5) lists others"
    assert_eq "$(log_lines pam_krb5)" ""
    forwarded root "$password" --profile pamrun-krb5 -u prt_alice -- echo ran
    assert_eq "$status $output" "0 ran"
}

@test "with pam_rootok first root is not asked: no ticket, a warning, a failure with --require-password-used" {
    profile prt_krb < <(echo "auth sufficient pam_rootok.so"; cat "$sample")
    forwarded root "$password" --profile prt_krb -u prt_alice -- sh -c 'echo "ran ${KRB5CCNAME-no cache}"'
    assert_eq "$status $stdout" "0 ran no cache"
    assert_contains "$stderr" "no module asked for"
    assert_no_cache
    forwarded root "$password" --profile prt_krb --require-password-used -u prt_alice -- echo ran
    assert_status 77
    assert_eq "$stdout" ""
    assert_no_cache
    # others are asked
    forwarded prt_bob "$password" --profile prt_krb --require-password-used -u prt_alice -- klist
    assert_status 0
    assert_klist prt_alice "$stdout"
}

@test "with --no-auth there is no ticket" {
    run_pamrun --profile pamrun-krb5 --no-auth -u prt_alice -- sh -c 'echo "ran ${KRB5CCNAME-no cache}"'
    assert_eq "$status $stdout" "0 ran no cache"
    assert_no_cache
}

# ---- pamrunctl check ------------------------------------------------------------------------------------------

@test "check tells of a ticket cache that all sessions share, and not of one that is a session's own" {
    local shared

    profile prt_krb <<END
auth required pam_krb5.so ccache=FILE:/tmp/krb5cc_%u
account required pam_permit.so
session required pam_krb5.so ccache=FILE:/tmp/krb5cc_%u
END
    shared="hint: all sessions of prt_alice have one ticket cache (KRB5CCNAME): it stays when a run of profile prt_krb ends \
without --close-on-exit, and a run that closes may take it from others: use --share, which closes with the last run"
    printf '%s\n' "$password" >"$secret_file"
    run_pamrunctl check --profile prt_krb --forward-password-fd 7 prt_alice 7<"$secret_file"
    assert_status 0
    assert_contains "$stdout" "$shared"
    assert_no_cache
    run_pamrunctl check --profile pamrun-krb5 --forward-password-fd 7 prt_alice 7<"$secret_file"
    assert_status 0
    refute_contains "$stdout" "hint: all sessions"
    assert_contains "$stdout" "+KRB5CCNAME"
    assert_no_cache
}

@test "trace tells what pam_krb5 did, and leaves no ticket behind" {
    printf '%s\n' "$password" >"$secret_file"
    run_pamrunctl trace --profile pamrun-krb5 --forward-password-fd 7 prt_alice 7<"$secret_file"
    assert_status 0
    assert_match "$(trace_lines authenticate)" '^\+ pamrun-krb5:[0-9]+ PAM_SUCCESS done decides
- pamrun-krb5:[0-9]+ not reached: pamrun-krb5:[0-9]+$'
    assert_contains "$stdout" "environment: +KRB5CCNAME"
    assert_contains "$stdout" "log: pam_krb5(pamrun-krb5:auth): user prt_alice authenticated as prt_alice@$REALM"
    refute_contains "$stdout" "not explained"
    assert_no_cache
    echo wrong >"$secret_file"
    run_pamrunctl trace --profile pamrun-krb5 --forward-password-fd 7 prt_alice authenticate 7<"$secret_file"
    assert_status 77
    assert_match "$(trace_lines authenticate | head -n 1)" '^x pamrun-krb5:[0-9]+ PAM_AUTH_ERR die decides$'
    assert_no_cache
    no_copy_is_left
}
