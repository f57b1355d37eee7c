# With a real directory, by sssd: users who are in no file of this machine, their groups and homes, and what happens
# when the directory says no, or nothing.
# With sanitizers only in full.

load lib/common
load lib/kerberos
load lib/directory
load lib/trace

password='Dir p@ss"w0rd$1'
sample=${PAMRUN%/bin/pamrun}/share/doc/pamrun/examples/pamrun-krb5
callers=(root prt_bob)

setup_file()
{
    begin_file
    make_user prt_bob # before: useradd(8) asks for all users, and would take the next number for him
    directory_start
    directory_user prt_ldora 59001 "$password"
    directory_user prt_lexpired 59002 "$password" 1
    directory_user prt_ldenied 59003 "$password" -1 denied
    directory_user prt_lunseen 59004 "$password" # nobody asks for him while sssd runs
    directory_group "prt crew" 59050 prt_ldora
    sssd_start
    kdc_start
    principal_add prt_lexpired "$password"
    principal_add prt_lkrb "other $password"
    directory_user prt_lkrb 59005 "$password"
    profile prt_dir <<'END'
auth     required pam_sss.so
account  required pam_sss.so
session  required pam_mkhomedir.so umask=0077
session  required pam_sss.so
END
    profile pamrun-krb5 <"$sample"
}

setup()
{
    begin_test
    secret_file=$TEST_DIR/secret
    install -m 0600 /dev/null "$secret_file"
    site_policy <<<"user-profiles = prt_dir pamrun-krb5"
}

teardown()
{
    cleanup_all
    sssd_start
    homes_remove
    caches_remove
}

teardown_file()
{
    cleanup_all
    sssd_forget
}

# Run it for CALLER, who forwards PASSWORD.
forwarded() # CALLER PASSWORD ARGUMENT...
{
    printf '%s\n' "$2" >"$secret_file"
    run_pamrun_as "$1" --forward-password-fd 7 "${@:3}" 7<"$secret_file"
}

# ---- a user of the directory ----------------------------------------------------------------------------------

@test "a user with no local entry and no home gets home, shell and groups of the directory" {
    local caller home=$DIRECTORY_HOMES/prt_ldora

    refute grep -q prt_ldora /etc/passwd
    for caller in "${callers[@]}"; do
        refute test -e "$home"
        forwarded $caller "$password" --profile prt_dir --require-password-used -l prt_ldora \
            -c 'echo "$HOME $SHELL $USER"; pwd; id; touch here'
        assert_eq "$status $stderr" "0 "
        assert_eq "$stdout" "$home /bin/sh prt_ldora
$home
uid=59001(prt_ldora) gid=59000(prt domain users) groups=59000(prt domain users),59050(prt crew)"
        assert_eq "$(stat -c '%u %g %a' "$home")" "59001 59000 700"
        assert test -e "$home/here"
        # the next run finds it
        forwarded $caller "$password" --profile prt_dir --close-on-exit --chdir "$home" -u prt_ldora -- ls
        assert_eq "$status $output" "0 here"
        homes_remove
    done
}

@test "the account by its number, and -g and -G by names with blanks" {
    forwarded root "$password" --profile prt_dir --account-uid 59001 -- id -un
    assert_eq "$status $output" "0 prt_ldora"
    forwarded root "$password" --profile prt_dir -g "prt crew" -G "prt domain users" -u prt_ldora -- id -Gn
    assert_eq "$status $output" "0 prt crew prt domain users"
}

@test "required-groups and --required-group take groups of the directory, blanks and all" {
    local caller

    for caller in "${callers[@]}"; do
        site_policy <<'END'
user-profiles = prt_dir
required-groups = prt_missing, "prt crew"
END
        forwarded $caller "$password" --profile prt_dir -u prt_ldora -- id -un
        assert_eq "$status $output" "0 prt_ldora"
        forwarded $caller "$password" --profile prt_dir -u prt_lkrb -- echo ran
        assert_status 77
        assert_contains "$stderr" "is in no group that the site policy requires"
        site_policy <<<"user-profiles = prt_dir"
        forwarded $caller "$password" --profile prt_dir --required-group '"prt domain users"' -u prt_lkrb -- id -un
        assert_eq "$status $output" "0 prt_lkrb"
        forwarded $caller "$password" --profile prt_dir --required-group 'prt_missing,"prt crew"' -u prt_ldora -- id -un
        assert_eq "$status $output" "0 prt_ldora"
        forwarded $caller "$password" --profile prt_dir --required-group '"prt crew"' -u prt_lkrb -- echo ran
        assert_eq "$status $output" "77 pamrun: user prt_lkrb: is in no group of --required-group"
    done
}

@test "a wrong password is refused, and to others than root an unknown name looks the same" {
    local caller name

    for caller in "${callers[@]}"; do
        for name in prt_ldora prt_lexpired prt_lnobody; do
            [ "$caller $name" != "root prt_lnobody" ] || continue
            forwarded $caller "${password}x" --profile prt_dir -u $name -- echo ran
            assert_status 77
            assert_eq "$output" \
                "pamrun: authenticate for $name (profile prt_dir): Authentication failure (PAM_AUTH_ERR)"
        done
    done
    forwarded root "${password}x" --profile prt_dir -u prt_lnobody -- echo ran
    assert_status 67
    assert_match "$output" "^pamrun: user prt_lnobody: does not exist"$'\n'"hint: .*directory service"
    assert_eq "$(find "$DIRECTORY_HOMES" -mindepth 1)" ""
}

# ---- the directory says no ------------------------------------------------------------------------------------

@test "an account that the directory has expired, or does not let in, is refused at the account step" {
    local caller

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile prt_dir -u prt_lexpired -- echo ran
        assert_status 77
        assert_eq "$stdout" ""
        assert_eq "$stderr" \
            "pamrun: acct_mgmt for prt_lexpired (profile prt_dir): User account has expired (PAM_ACCT_EXPIRED)
hint: chage -l prt_lexpired shows the dates of a local account; modules say more in syslog"
        forwarded $caller "$password" --profile prt_dir -u prt_ldenied -- echo ran
        assert_status 77
        assert_eq "$stdout" ""
        assert_eq "${stderr%%$'\n'*}" \
            "pamrun: acct_mgmt for prt_ldenied (profile prt_dir): Permission denied (PAM_PERM_DENIED)"
    done
    assert_eq "$(find "$DIRECTORY_HOMES" -mindepth 1)" ""
}

@test "with --no-auth the account step refuses as ever, unless the profile has pam_rootok there" {
    # setcred: pam_sss says ignore without authenticate, and libpam refuses it when nobody says more
    profile prt_job < <(
        echo "auth required pam_permit.so"
        cat /etc/pam.d/prt_dir
    )
    run_pamrun --profile prt_job --no-auth -u prt_ldora -- id -un
    assert_eq "$status $output" "0 prt_ldora"
    run_pamrun --profile prt_job --no-auth -u prt_lexpired -- echo ran
    assert_status 77
    assert_contains "$stderr" "pamrun: acct_mgmt for prt_lexpired (profile prt_job): User account has expired"
    # the trap: one line of many guides, and root's launcher starts jobs of expired accounts
    profile prt_job < <(
        echo "auth required pam_permit.so"
        echo "account sufficient pam_rootok.so"
        cat /etc/pam.d/prt_dir
    )
    run_pamrun --profile prt_job --no-auth -u prt_lexpired -- echo ran
    assert_eq "$status $output" "0 ran"
}

# ---- the directory says nothing -------------------------------------------------------------------------------

# What getpwnam_r(3) says of a name that is not in sssd's cache when sssd has ended: that there is no such user, or that the
# connection is refused.  It depends on sssd's version, and on what else nsswitch.conf names.
unseen_says_refused()
{
    perl -e '$! = 0; getpwnam("prt_lunseen"); exit($!{ECONNREFUSED} ? 0 : 1)'
}

@test "when sssd has ended that is the node's fault, for names that are in its cache still and for others" {
    run_program getent passwd prt_ldora
    assert_status 0
    sssd_stop
    forwarded root "$password" --profile prt_dir --json-status-fd 8 -u prt_ldora -- echo ran 8>"$TEST_DIR/events"
    assert_status 75
    assert_eq "$output" "pamrun: authenticate for prt_ldora (profile prt_dir): \
Authentication service cannot retrieve authentication info (PAM_AUTHINFO_UNAVAIL)
hint: a module does not reach what it asks (sssd, LDAP, Kerberos, ...); it says more in syslog"
    assert_contains "$(<"$TEST_DIR/events")" '"code":"PAM_AUTHINFO_UNAVAIL","class":"node","exit-status":75'
    run_pamrun --profile prt_dir --no-auth -u prt_ldora -- echo ran
    assert_status 75
    assert_contains "$stderr" "pamrun: acct_mgmt for prt_ldora (profile prt_dir): "
    forwarded root "$password" --profile prt_dir --json-status-fd 8 -u prt_lunseen -- echo ran 8>"$TEST_DIR/events"
    assert_eq "$stdout" ""
    if unseen_says_refused; then
        assert_contains "$(<"$TEST_DIR/events")" '"class":"node","exit-status":75'
        assert_contains "$(<"$TEST_DIR/events")" '"user prt_lunseen: look-up failed: Connection refused"'
    else
        assert_contains "$(<"$TEST_DIR/events")" '"class":"node","exit-status":67'
        assert_contains "$(<"$TEST_DIR/events")" '"user prt_lunseen: does not exist"'
    fi
    sssd_start
    forwarded root "$password" --profile prt_dir -u prt_ldora -- id -un
    assert_eq "$status $output" "0 prt_ldora"
}

@test "when sssd has ended others than root are refused, without the reason where PAM says it; the log has it" {
    local name

    run_program getent passwd prt_ldora
    assert_status 0
    sssd_stop
    for name in prt_ldora prt_lunseen prt_lnobody; do
        log_start
        forwarded prt_bob "$password" --profile prt_dir -u $name -- echo ran
        if [ $name != prt_ldora ] && unseen_says_refused; then
            assert_eq "$status $output" "75 pamrun: user $name: look-up failed: Connection refused
hint: is the directory service (sssd, ...) running? /etc/nsswitch.conf names who is asked"
            assert_contains "$(log_lines ' pamrun\[')" "step=identity code=- status=75"
        else
            assert_eq "$status $output" \
                "77 pamrun: authenticate for $name (profile prt_dir): Authentication failure (PAM_AUTH_ERR)"
            assert_contains "$(log_lines ' pamrun\[')" "step=authenticate code=PAM_AUTHINFO_UNAVAIL status=77"
        fi
    done
}

# ---- accounts that are made -----------------------------------------------------------------------------------

@test "with --provision an account made in the directory is found, though sssd has just said that there is none" {
    local file=$DIRECTORY_DIR/new.ldif

    directory_entry prt_lnew 22100 "$password" >"$file"
    cat >"$TEST_DIR/make" <<END
#!/bin/sh
exec ldapadd -x -H $DIRECTORY_URI -D cn=admin,$DIRECTORY_BASE -w admin -f $file
END
    chmod 0755 "$TEST_DIR/make"
    profile prt_job <<END
auth     required pam_permit.so
account  required pam_exec.so seteuid quiet $TEST_DIR/make
session  required pam_mkhomedir.so umask=0077
END
    run_program getent passwd prt_lnew
    assert_status 2
    run_pamrun --provision --profile prt_job -l prt_lnew -c 'id -un; pwd'
    assert_eq "$status $output" "0 prt_lnew"$'\n'"$DIRECTORY_HOMES/prt_lnew"
}

# ---- with Kerberos --------------------------------------------------------------------------------------------

@test "the sample pamrun-krb5: a user of the directory gets a ticket for his password of the KDC" {
    local caller

    for caller in "${callers[@]}"; do
        forwarded $caller "other $password" --profile pamrun-krb5 --close-on-exit -u prt_lkrb -- sh -c 'id -gn; klist'
        assert_eq "$status $stderr" "0 "
        assert_eq "${lines[0]}" "prt domain users"
        assert_contains "$stdout" "Default principal: prt_lkrb@$REALM"
        assert_eq "$(caches)" ""
        # which is the only one that counts
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_lkrb -- echo ran
        assert_eq "$status $output" \
            "77 pamrun: authenticate for prt_lkrb (profile pamrun-krb5): Authentication failure (PAM_AUTH_ERR)"
        assert_eq "$(caches)" ""
    done
}

@test "the sample pamrun-krb5: without a principal it is the directory's password, asked once, and no ticket" {
    local caller

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 --require-password-used --close-on-exit -u prt_ldora -- \
            sh -c 'id -un; echo "${KRB5CCNAME-no cache}"'
        assert_eq "$status $output" $'0 prt_ldora\nno cache'
        forwarded $caller "${password}x" --profile pamrun-krb5 -u prt_ldora -- echo ran
        assert_eq "$status $output" \
            "77 pamrun: authenticate for prt_ldora (profile pamrun-krb5): Authentication failure (PAM_AUTH_ERR)"
        assert_eq "$(caches)" ""
    done
}

@test "the sample pamrun-krb5: the directory's refusal at the account step destroys the ticket" {
    local caller

    for caller in "${callers[@]}"; do
        forwarded $caller "$password" --profile pamrun-krb5 -u prt_lexpired -- echo ran
        assert_status 77
        assert_eq "$stdout" ""
        assert_eq "${stderr%%$'\n'*}" \
            "pamrun: acct_mgmt for prt_lexpired (profile pamrun-krb5): User account has expired (PAM_ACCT_EXPIRED)"
        assert_eq "$(caches)" ""
    done
}

# ---- pamrunctl check ------------------------------------------------------------------------------------------

@test "check: root is refused by the account step of sssd too, and the hint says what lets him in" {
    run_pamrunctl check --profile prt_dir prt_ldenied acct_mgmt
    assert_status 77
    assert_contains "$stdout" "hint: /etc/pam.d/prt_dir:2: pam_sss.so refuses prt_ldenied also when root calls: a line \
'account sufficient pam_rootok.so' before it lets root, and nobody else, in without asking it"
    profile prt_dir2 <<'END'
auth     sufficient pam_rootok.so
account  sufficient pam_rootok.so
account  required pam_sss.so
session  required pam_permit.so
END
    run_pamrunctl check --profile prt_dir2 prt_ldenied
    assert_status 0
    refute_contains "$stdout" "pam_sss.so refuses"
}

@test "trace: pam_sss says no, and is the line that decides" {
    run_pamrunctl trace --profile prt_dir prt_ldenied acct_mgmt
    assert_status 77
    assert_eq "$(trace_lines acct_mgmt)" "x prt_dir:2 PAM_PERM_DENIED bad decides"
    assert_match "$(trace_below prt_dir:2 log)" '^pam_sss\(prt_dir:account\): Access denied for user prt_ldenied'
    printf '%s\n' "$password" >"$secret_file"
    run_pamrunctl trace --profile prt_dir --forward-password-fd 7 prt_ldora 7<"$secret_file"
    assert_status 0
    assert_eq "$(trace_lines authenticate)" "+ prt_dir:1 PAM_SUCCESS ok"
    refute_contains "$stdout" "not explained"
}
