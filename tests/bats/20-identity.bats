# Who the command runs as: ids, groups, capabilities, and the names that never become somebody.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_staff
    make_group prt_crew
    make_user prt_alice --groups prt_staff
    make_user prt_bob
    probe_profile prt_job
}

job()
{
    run_pamrun --profile prt_job "$@"
}

# Add a line to a file of the machine until the end of the test.
add_line() # FILE LINE
{
    keep_file "$1"
    printf '%s\n' "$2" >>"$1"
}

# A clean no: the status, one line, at most one hint, nothing opened, nothing run.
assert_refused() # STATUS [REGEX]
{
    local said

    assert_status "$1"
    assert_eq "$stdout" ""
    mapfile -t said <<<"$stderr"
    [ "${#said[@]}" -le 2 ] || fail_because "more than a line and a hint"
    assert_match "${said[0]}" "^pamrun: .*${2-}"
    assert_match "${said[1]-hint: none}" '^hint: '
    assert_one_line "${said[0]}"
    assert_one_line "${said[1]-none}"
    refute probe_called setcred
    refute probe_called open_session
}

# The same, and PAM was not asked either.
assert_refused_at_once() # STATUS [REGEX]
{
    assert_refused "$@"
    assert_eq "$(probe_log)" ""
}

status_field() # NAME
{
    sed -n "s/^$1:[[:space:]]*//p" <<<"$stdout"
}

# ---- ids ------------------------------------------------------------------------------------------------------

@test "the command has the account's user and group id, real, effective, saved and for files" {
    local uid gid form

    uid=$(id -u prt_alice) gid=$(id -g prt_alice)
    for form in "-u prt_alice -- cat" "--exec -u prt_alice -- cat" "--account-uid $uid -- cat" \
        "-s /bin/cat prt_alice" "-l -s /bin/cat prt_alice"; do
        # shellcheck disable=SC2086 # words
        job $form /proc/self/status
        assert_status 0
        assert_eq "$(status_field Uid)" "$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid" "$form"
        assert_eq "$(status_field Gid)" "$gid"$'\t'"$gid"$'\t'"$gid"$'\t'"$gid" "$form"
    done
}

@test "the command's groups are what id says of the account, and none of the applicant's" {
    run_program setpriv --groups 4321,4322 "$PAMRUN" --profile prt_job -u prt_alice -- id
    assert_status 0
    assert_eq "$stdout" "$(id prt_alice)"
    assert_contains "$stdout" prt_staff
    job -u prt_bob -- id
    assert_eq "$stdout" "$(id prt_bob)"
    job -c id
    assert_eq "$stdout" "$(id root)"
}

@test "a command that is not root's has no capability in any set that counts" {
    local set

    job -u prt_alice -- cat /proc/self/status
    for set in CapInh CapPrm CapEff CapAmb; do
        assert_eq "$(status_field $set)" 0000000000000000 $set
    done
    job -u prt_alice -- setpriv --dump
    assert_match "$stdout" 'Securebits: \[none\]'
    assert_match "$stdout" 'Parent death signal: \[none\]'
}

@test "nothing leads the command back to root" {
    local call

    for call in 'os.setuid(0)' 'os.seteuid(0)' 'os.setresuid(-1, -1, 0)' 'os.setgid(0)' 'os.setgroups([0])'; do
        job -u prt_alice -- python3 -c "import os; $call"
        assert_status 1
        assert_contains "$stderr" PermissionError
    done
}

@test "the applicant's inheritable and ambient capabilities do not reach the command" {
    local set

    run_program setpriv --inh-caps +net_raw,+sys_admin --ambient-caps +net_raw,+sys_admin \
        "$PAMRUN" --profile prt_job -u prt_alice -- cat /proc/self/status
    assert_status 0
    for set in CapInh CapPrm CapEff CapAmb; do
        assert_eq "$(status_field $set)" 0000000000000000 $set
    done
    assert_eq "$(probe_field authenticate cap_inh)" 0000000000000000
    assert_eq "$(probe_field authenticate cap_amb)" 0000000000000000
}

@test "the applicant's securebits do not leave the command its capabilities" {
    local set

    run_program setpriv --securebits +no_setuid_fixup "$PAMRUN" --profile prt_job -u prt_alice -- cat /proc/self/status
    assert_status 0
    for set in CapInh CapPrm CapEff CapAmb; do
        assert_eq "$(status_field $set)" 0000000000000000 $set
    done
    run_program setpriv --securebits +no_setuid_fixup "$PAMRUN" --profile prt_job -u prt_alice -- setpriv --dump
    assert_match "$stdout" 'Securebits: \[none\]'
    probe_reset
    run_program setpriv --securebits +no_setuid_fixup,+no_setuid_fixup_locked \
        "$PAMRUN" --profile prt_job -u prt_alice -- id
    assert_refused_at_once 71 securebits
}

# ---- groups ---------------------------------------------------------------------------------------------------

@test "an account in 300 groups gets all of them" {
    make_user prt_many
    keep_file /etc/group
    for number in {1..300}; do
        echo "prt_g$number:x:$((7000 + number)):prt_many"
    done >>/etc/group
    job -u prt_many -- id -G
    assert_status 0
    assert_eq "$(tr ' ' '\n' <<<"$stdout" | sort -n)" "$(id -G prt_many | tr ' ' '\n' | sort -n)"
    assert_eq "$(wc -w <<<"$stdout")" 301
}

@test "-g and -G give the groups that runuser gives" {
    local words mine

    for words in "-g prt_crew" "-G prt_crew" "-G prt_crew -G prt_staff" "-g prt_staff -G prt_crew" \
        "-G prt_crew -g prt_staff" "-g prt_bob -G prt_bob" "--group prt_crew --supp-group root"; do
        # shellcheck disable=SC2086 # words
        job $words -u prt_alice -- id
        assert_status 0
        mine=$stdout
        # shellcheck disable=SC2086 # words
        run_program runuser $words -u prt_alice -- id
        assert_eq "$(tr ',' '\n' <<<"$mine" | sort)" "$(tr ',' '\n' <<<"$stdout" | sort)" "$words"
        assert_eq "${mine%% groups*}" "${stdout%% groups*}" "$words"
    done
    job -g prt_crew -u prt_alice -- cat /proc/self/status
    assert_eq "$(status_field Gid | cut -f3)" "$(getent group prt_crew | cut -d: -f3)"
}

@test "a group that does not exist is refused, a number is none" {
    local group

    for group in prt_nowhere "$(id -g prt_alice)" 0 -1 "" $'a\nb' $'\033[1m' "$(printf 'x%.0s' {1..5000})"; do
        job "--group=$group" -u prt_alice -- id
        assert_refused_at_once 67 group
        job "--supp-group=$group" -u prt_alice -- id
        assert_refused_at_once 67 group
    done
}

@test "where groups cannot be set nothing runs" {
    local account

    unshare --user --map-root-user true 2>/dev/null || skip_test "needs user namespaces"
    for account in root prt_alice; do
        run_program unshare --user --map-root-user "$PAMRUN" --profile prt_job -u $account -- id
        assert_refused 71 groups
    done
}

@test "where the account's user id does not exist nothing runs, and the session is closed" {
    unshare --user --map-root-user true 2>/dev/null || skip_test "needs user namespaces"
    mkfifo "$TEST_DIR/go"
    start_program unshare --user sh -c 'read -r _ <"$0"; exec "$@"' "$TEST_DIR/go" \
        "$PAMRUN" --profile prt_job -u prt_alice -- id
    wait_until 5 has_own_user_namespace "$pamrun_pid"
    echo "0 0 1000000" >"/proc/$pamrun_pid/gid_map"
    echo "0 0 1" >"/proc/$pamrun_pid/uid_map"
    echo go >"$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 71
    assert_eq "$stdout" ""
    assert_contains "$stderr" "cannot become prt_alice"
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session \
setcred:PAM_DELETE_CRED cleanup"
}

has_own_user_namespace() # PID
{
    [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ]
}

# ---- numbers --------------------------------------------------------------------------------------------------

@test "--account-uid finds the account by its number" {
    job --account-uid "$(id -u prt_alice)" -- sh -c 'id -un; echo $LOGNAME'
    assert_eq "$status $stdout" $'0 prt_alice\nprt_alice'
    assert_eq "$(probe_field authenticate user)" prt_alice
    job --account-uid 0 -- id -un
    assert_eq "$status $stdout" "0 root"
    job --account-uid "000$(id -u prt_alice)" -- id -un
    assert_match "$status $stdout" "^(0 prt_alice|64 )$"
}

@test "--account-uid with a number that nobody has is refused" {
    local number

    for number in 3999999 4294967294; do
        refute getent passwd $number
        job --account-uid $number -- id
        assert_refused_at_once 67 $number
    done
}

@test "of two names of one user id the look-up's is taken, and it is that user" {
    add_line /etc/passwd "prt_alias:x:$(id -u prt_alice):$(id -g prt_alice)::/tmp:/bin/sh"
    job --account-uid "$(id -u prt_alice)" -- sh -c 'id -u; echo $LOGNAME'
    assert_eq "$status $stdout" "0 $(id -u prt_alice)"$'\n'"$(getent passwd "$(id -u prt_alice)" | cut -d: -f1)"
    job -u prt_alias -- sh -c 'id -u; echo $LOGNAME'
    assert_eq "$status $stdout" "0 $(id -u prt_alice)"$'\nprt_alias'
}

@test "--account-uid is refused when the name leads to another number" {
    add_line /etc/passwd "prt_bob:x:3999998:3999998::/tmp:/bin/sh"
    assert_eq "$(getent passwd 3999998 | cut -d: -f1)" prt_bob
    job --account-uid 3999998 -- id
    assert_match "$status" '^(67|71)$'
    assert_refused_at_once "$status" 'user id 3999998'
}

@test "a name that looks like a number is a name, a number is never a user" {
    job -u "$(id -u prt_alice)" -- id
    assert_refused_at_once 67
    job "$(id -u prt_alice)" -c id
    assert_refused_at_once 67
    for name in 0 "#0" "#-1" -1 4294967295 0x0 +0; do
        job "--user=$name" -- id
        assert_match "$status" '^(64|67)$'
        assert_refused_at_once "$status"
    done
    add_line /etc/passwd "$(id -u prt_alice):x:$(id -u prt_bob):$(id -g prt_bob)::/home/prt_bob:/bin/sh"
    job -u "$(id -u prt_alice)" -- id -u
    assert_eq "$status $stdout" "0 $(id -u prt_bob)"
}

# ---- names ----------------------------------------------------------------------------------------------------

@test "an unknown user is refused with a hint, before PAM is asked" {
    job -u prt_nobody -- id
    assert_refused_at_once 67 "prt_nobody: does not exist"
    assert_match "$stderr" 'hint: .*(getent|directory)'
    job prt_nobody -c id
    assert_refused_at_once 67 "prt_nobody: does not exist"
}

@test "hostile names are refused, and shown without control characters" {
    local name form

    for name in "" / .. . ../root root/ /root $'root\n' $'\nroot' $'a\nb' $'a\rb' $'a\tb' $'\033[31m' $'a\177' \
        $'\xc2\x9b31m' $'\xff\xfe' -x -- "root " " root" 'root:x' '$(id)' '%s%n' \
        "$(printf 'x%.0s' {1..255})" "$(printf 'x%.0s' {1..256})" "$(head -c 100000 /dev/zero | tr '\0' x)"; do
        for form in "--user=$name" -u; do
            if [ "$form" = -u ]; then job -u "$name" -- id; else job "$form" -- id; fi
            assert_match "$status" '^(64|67)$'
            assert_refused_at_once "$status"
            [ ${#stderr} -lt 1000 ]
        done
    done
}

@test "hostile names are refused in su's form too" {
    local name

    for name in "" / .. ../root $'root\n' $'\033[31m' "root " "$(printf 'x%.0s' {1..256})"; do
        job -c id "$name"
        assert_match "$status" '^(64|67)$'
        assert_refused_at_once "$status"
    done
}

@test "an unusual name that somebody has is accepted" {
    local name number=3999900

    keep_file /etc/passwd
    for name in 'prt_john@example.com' 'prt_DOM\john' 'prt_john smith' 'prt_jürgen' "prt_$(printf 'x%.0s' {1..200})"; do
        number=$((number + 1))
        printf '%s:x:%s:%s::/:/bin/sh\n' "$name" $number $number >>/etc/passwd
        job -u "$name" -- sh -c 'id -u; printf "%s\n" "$LOGNAME"'
        assert_eq "$status $stdout" "0 $number"$'\n'"$name"
        assert_eq "$(probe_field authenticate user last)" "$name"
    done
}

# ---- passwd entries -------------------------------------------------------------------------------------------

@test "an entry without a home is refused" {
    add_line /etc/passwd "prt_homeless:x:3999801:3999801:::/bin/sh"
    job -u prt_homeless -- id
    assert_refused_at_once 67 "prt_homeless.*home"
    job --account-uid 3999801 -- id
    assert_refused_at_once 67 home
}

@test "an entry without a shell means /bin/sh" {
    add_line /etc/passwd "prt_shellless:x:3999802:3999802::/:"
    job prt_shellless -c 'id -u; echo "$0 $SHELL"'
    assert_eq "$status $stdout" $'0 3999802\nsh /bin/sh'
}

@test "an entry with user or group id 4294967295 is refused" {
    add_line /etc/passwd "prt_minus:x:4294967295:3999803::/:/bin/sh"
    add_line /etc/passwd "prt_minusgroup:x:3999804:4294967295::/:/bin/sh"
    job -u prt_minus -- id
    assert_refused_at_once 67 "(4294967295|does not exist)"
    job -u prt_minusgroup -- id
    assert_refused_at_once 67 "(4294967295|does not exist)"
}

# A profile whose account step runs SCRIPT (from stdin) as root.
account_step_profile() # NAME
{
    cat >"$TEST_DIR/step"
    chmod 0755 "$TEST_DIR/step"
    profile "$1" < <(
        probe_line auth required
        echo "account required pam_exec.so $TEST_DIR/step"
        probe_line account required
        probe_line session required
    )
}

@test "an account whose ids change while the modules run is refused" {
    local change

    keep_file /etc/passwd
    for change in 's/^(prt_bob:[^:]*):[0-9]*/\1:0/' 's/^(prt_bob:[^:]*:[0-9]*):[0-9]*/\1:0/'; do
        account_step_profile prt_changing <<END
#!/bin/sh
exec sed -E -i '$change' /etc/passwd
END
        keep_file /etc/passwd
        run_pamrun --profile prt_changing -u prt_bob -- id
        assert_refused 77 'prt_bob: changed'
        probe_called acct_mgmt
        restore_file test /etc/passwd
        probe_reset
    done
}

@test "an account that is gone after the account step is refused" {
    keep_file /etc/passwd
    account_step_profile prt_changing <<'END'
#!/bin/sh
exec sed -i '/^prt_bob:/d' /etc/passwd
END
    run_pamrun --profile prt_changing -u prt_bob -- id
    assert_refused 67 prt_bob
    assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
}

@test "home and shell are those that the account step left" {
    keep_file /etc/passwd
    account_step_profile prt_changing <<'END'
#!/bin/sh
exec sed -E -i 's,^(prt_bob:.*):[^:]*:[^:]*$,\1:/var:/bin/dash,' /etc/passwd
END
    run_pamrun --profile prt_changing -l prt_bob -c 'echo "$HOME $SHELL $PWD $0"'
    assert_eq "$status $stdout" "0 /var /bin/dash /var -dash"
}

# ---- callers --------------------------------------------------------------------------------------------------

@test "a caller who is not root may not choose a profile, whatever the other options say" {
    local words

    for words in "-u prt_alice -- id" "-u root -- id" "-c id" "-u prt_bob -- id" "prt_bob -c id" "-l prt_missing" \
        "--close-on-exit -u prt_alice -- id"; do
        # shellcheck disable=SC2086 # words
        run_pamrun_as prt_alice --profile prt_job $words
        assert_refused_at_once 77 "profile 'prt_job': the site policy does not let you choose it"
    done
}

@test "a caller who is root only effectively is who he is really" {
    probe_profile su
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    run_program setpriv --ruid "$(id -u prt_alice)" "$PAMRUN" --profile prt_job -u root -- id
    assert_refused_at_once 77 "profile 'prt_job': the site policy does not let you choose it"
    run_program setpriv --ruid "$(id -u prt_alice)" "$PAMRUN" --no-auth -u root -- id
    assert_refused_at_once 77 '--no-auth: only root'
    run_program setpriv --ruid "$(id -u prt_alice)" "$PAMRUN" -u root -- id
    assert_refused 77 'authenticate for root'
    assert_eq "$(probe_field authenticate ruser) $(probe_field authenticate ruid)" "prt_alice $(id -u prt_alice)"
}

@test "where setuid has no effect, or was not set, nobody who is not root effectively gets anywhere" {
    probe_profile su
    run_program setpriv --reuid "$(id -u prt_alice)" --clear-groups --no-new-privs "$PAMRUN" -u root -- id
    assert_refused_at_once 71 'not running as root'
    run_program setpriv --reuid "$(id -u prt_alice)" --clear-groups --no-new-privs \
        "$PAMRUN" --profile prt_job --no-auth -u root -- id
    assert_refused_at_once 71 'not running as root'
    # root really, and not effectively
    install -m 0755 "$PAMRUN" "$TEST_DIR/pamrun"
    chmod 0755 "$TEST_DIR"
    run_program setpriv --euid "$(id -u prt_alice)" "$TEST_DIR/pamrun" --profile prt_job -u root -- id
    if [ "${SANITIZED-}" != 1 ]; then # the leak checker cannot look into such a process, and says so
        assert_refused_at_once 71 'not running as root'
    fi
    assert_eq "$stdout" ""
    assert_eq "$(probe_log)" ""
}

@test "names in the environment do not make the applicant somebody else" {
    probe_profile su
    run_program env LOGNAME=root USER=root SUDO_UID=0 SUDO_USER=root \
        setpriv --reuid "$(id -u prt_alice)" --clear-groups "$PAMRUN" --profile prt_job -u root -- id
    assert_refused_at_once 77 "profile 'prt_job': the site policy does not let you choose it"
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    run_program env LOGNAME=root USER=root SUDO_UID=0 SUDO_USER=root \
        setpriv --reuid "$(id -u prt_alice)" --clear-groups "$PAMRUN" -u root -- id
    assert_refused 77 'authenticate for root'
    assert_eq "$(probe_field authenticate ruser)" prt_alice
    probe_reset
    run_program env LOGNAME=prt_bob USER=prt_bob SUDO_USER=prt_bob "$PAMRUN" --profile prt_job -u prt_alice -- true
    assert_eq "$(probe_field authenticate ruser)" root
}
