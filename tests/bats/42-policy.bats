# The site policy, pamrun.conf(5), as the installed program obeys it: /etc/pamrun.conf and /etc/pamrun.conf.d.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_hpc
    make_group prt_other
    make_user prt_alice --groups prt_hpc
    make_user prt_bob
    probe_profile su
    [ ! -e /etc/pam.d/su-l ] || probe_profile su-l
    probe_profile prt_listed
    probe_profile prt_hidden
    uid_min=$(awk '$1 == "UID_MIN" { found = $2 } END { print found + 0 ? found : 1000 }' /etc/login.defs)
    export uid_min
}

as_bob()
{
    run_pamrun_as prt_bob "$@"
}

# A file of /etc/pamrun.conf.d, from stdin; the directory goes at the end of the test.
more_policy() # NAME
{
    keep_file /etc/pamrun.conf.d
    install -d -m 0755 /etc/pamrun.conf.d
    cat >"/etc/pamrun.conf.d/$1"
    chmod 0644 "/etc/pamrun.conf.d/$1"
}

# Status 77 (or the one given), this message, nothing run, everything undone.
assert_refused() # MESSAGE [STATUS]
{
    assert_status "${2-77}"
    assert_eq "${stderr%%$'\n'*}" "pamrun: $1"
    assert_eq "$stdout" ""
    assert_eq "$(probe_count open_session)" 0
    assert_eq "$(probe_count setcred)" 0
}

# Likewise, and PAM was not asked for anything.
assert_refused_at_once() # MESSAGE [STATUS]
{
    assert_refused "$@"
    assert_eq "$(probe_log)" ""
}

assert_ran() # [OUTPUT]
{
    assert_eq "$status $stdout" "0 ${1-done}"
}

# ---- which accounts -------------------------------------------------------------------------------------------

@test "without a policy root and system accounts are refused to others, after the account step" {
    local name uid

    refute test -e /etc/pamrun.conf
    as_bob -u prt_alice -- echo "done"
    assert_ran
    for name in root daemon nobody; do
        uid=$(id -u $name)
        [ "$uid" -lt "$uid_min" ] || continue
        probe_reset
        log_start
        as_bob --close-on-exit --json-status-fd 7 -u $name -- id 7>"$TEST_DIR/events"
        assert_refused "user $name: the site policy allows user ids from $uid_min, and this is $uid"
        assert_eq "${stderr#*$'\n'}" "hint: minimum-user-id of pamrun.conf(5)"
        assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
        assert_contains "$(<"$TEST_DIR/events")" '"failed","step":"policy","class":"user","exit-status":77'
        assert_match "$(log_lines ' pamrun\[')" \
            ": refused: applicant=\"prt_bob\" .* account=\"$name\" profile=\"su\" .* step=policy code=- status=77 "
        probe_reset
        run_pamrun -u $name -- echo "done"
        assert_ran
    done
    # who does not authenticate is not told about the policy
    probe_reset
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    as_bob -u root -- id
    assert_refused "authenticate for root (profile su): Authentication failure (PAM_AUTH_ERR)"
}

@test "minimum-user-id: a number or auto, and what is set counts for root, too" {
    local uid caller

    uid=$(id -u prt_alice)
    for caller in prt_bob root; do
        site_policy <<<"minimum-user-id = $uid"
        run_pamrun_as $caller -u prt_alice -- echo "done"
        assert_ran
        site_policy <<<"minimum-user-id = $((uid + 1))"
        probe_reset
        run_pamrun_as $caller -u prt_alice -- echo "done"
        assert_refused "user prt_alice: the site policy allows user ids from $((uid + 1)), and this is $uid"
        assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
        site_policy <<<"minimum-user-id = 0"
        run_pamrun_as $caller -u root -- echo "done"
        assert_ran
        site_policy <<<"minimum-user-id = auto"
        probe_reset
        run_pamrun_as $caller -u root -- echo "done"
        assert_refused "user root: the site policy allows user ids from $uid_min, and this is 0"
        run_pamrun_as $caller -u prt_alice -- echo "done"
        assert_ran
        site_policy <<<"minimum-user-id = 4294967294"
        probe_reset
        run_pamrun_as $caller -u prt_alice -- echo "done"
        assert_refused "user prt_alice: the site policy allows user ids from 4294967294, and this is $uid"
    done
}

@test "minimum-user-id = auto is UID_MIN of login.defs, 1000 without it, and an error when it cannot be read" {
    local uid

    uid=$(id -u prt_alice)
    keep_file /etc/login.defs
    echo "UID_MIN $((uid + 5))" >/etc/login.defs
    as_bob -u prt_alice -- echo "done"
    assert_refused "user prt_alice: the site policy allows user ids from $((uid + 5)), and this is $uid"
    rm /etc/login.defs
    probe_reset
    as_bob -u prt_alice -- echo "done"
    assert_ran
    probe_reset
    as_bob -u root -- echo "done"
    assert_refused "user root: the site policy allows user ids from 1000, and this is 0"
    mkdir /etc/login.defs
    probe_reset
    as_bob -u prt_alice -- echo "done"
    assert_refused "minimum-user-id: auto is UID_MIN of login.defs, which cannot be read" 78
    run_pamrun -u prt_alice -- echo "done"
    assert_ran
    site_policy <<<"minimum-user-id = 5"
    as_bob -u prt_alice -- echo "done"
    assert_ran
}

@test "required-groups: one of them is enough, the primary one counts, root asks as others do" {
    local list caller

    for caller in prt_bob root; do
        for list in prt_hpc "prt_other prt_hpc" "prt_other,prt_hpc" '"prt_hpc"' prt_alice "prt_nobody_knows, prt_alice" \
            '"domain users" prt_hpc' ''; do
            site_policy <<<"required-groups = $list"
            run_pamrun_as $caller -u prt_alice -- echo "done"
            assert_ran
        done
        for list in prt_other prt_bob prt_nobody_knows '"prt_other prt_hpc"' '"domain users"' prt_hp prt_hpcx PRT_HPC \
            "$(id -g prt_alice)"; do
            site_policy <<<"required-groups = $list"
            probe_reset
            run_pamrun_as $caller -u prt_alice -- echo "done"
            assert_refused "user prt_alice: is in no group that the site policy requires"
            assert_eq "${stderr#*$'\n'}" "hint: required-groups of pamrun.conf(5); id -Gn prt_alice shows the groups"
            assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
        done
    done
}

@test "required-groups: a name with a blank, as directories have them, and one that the account step adds" {
    keep_file /etc/group
    keep_file /etc/gshadow
    echo 'prt domain users:x:64321:prt_alice' >>/etc/group
    site_policy <<<'required-groups = prt_other "prt domain users"'
    as_bob -u prt_alice -- echo "done"
    assert_ran
    probe_reset
    as_bob -u prt_bob -- echo "done"
    assert_refused "user prt_bob: is in no group that the site policy requires"
    # what holds is what is there once the account step is through
    sed -i '/^prt domain users/d' /etc/group
    probe_script <<END
acct_mgmt touch $TEST_DIR/asked
acct_mgmt wait-file $TEST_DIR/made
END
    start_pamrun_as prt_bob -u prt_alice -- echo "done"
    wait_until 30 test -e "$TEST_DIR/asked"
    echo 'prt domain users:x:64321:prt_alice' >>/etc/group
    touch "$TEST_DIR/made"
    end_status "$pamrun_pid"
    assert_ran
}

# ---- profiles -------------------------------------------------------------------------------------------------

@test "user-profiles: others may choose what is listed, and nothing else in the same words" {
    local name said

    site_policy <<<'user-profiles = prt_listed, prt_missing'
    as_bob --profile prt_listed -u prt_alice -- echo "done"
    assert_ran
    assert_eq "$(probe_field authenticate service)" prt_listed
    probe_reset
    as_bob -u prt_alice -- echo "done"
    assert_eq "$(probe_field authenticate service)" su
    probe_reset
    as_bob --profile prt_listed -l prt_alice -c 'echo "done"'
    assert_ran
    assert_eq "$(probe_field authenticate service)" prt_listed
    # the name of a service is that of a path to libpam
    for name in prt_hidden prt_nobody_knows login su-l PRT_LISTED prt_list prt_listed/ ./prt_listed ../pam.d/prt_listed \
        /etc/pam.d/prt_listed 'prt_listed ' ' prt_listed' "prt_listed,su" ''; do
        probe_reset
        as_bob --profile "$name" -u prt_alice -- echo "done"
        assert_refused_at_once "profile '$name': the site policy does not let you choose it"
        said=${stderr#*$'\n'}
        assert_eq "$said" "hint: without --profile it is su; user-profiles of pamrun.conf(5) lists others"
    done
    # what is listed and is not there is as for root
    as_bob --profile prt_missing -u prt_alice -- echo "done"
    assert_status 69
    said=$stderr
    run_pamrun --profile prt_missing -u prt_alice -- echo "done"
    assert_eq "$stderr" "$said"
    # root may choose any
    run_pamrun --profile prt_hidden -u prt_alice -- echo "done"
    assert_ran
}

@test "profile: everybody's without --profile, and nobody has to list it; a login has it as well" {
    local caller

    site_policy <<<'profile = prt_listed'
    for caller in prt_bob root; do
        probe_reset
        run_pamrun_as $caller -u prt_alice -- echo "done"
        assert_ran
        assert_eq "$(probe_field authenticate service)" prt_listed
        probe_reset
        run_pamrun_as $caller -l prt_alice -c 'echo "done"'
        assert_ran
        assert_eq "$(probe_field authenticate service)" prt_listed
        run_pamrun_as $caller --profile prt_listed -u prt_alice -- echo "done"
        assert_ran
    done
    probe_reset
    as_bob --profile su -u prt_alice -- echo "done"
    assert_refused_at_once "profile 'su': the site policy does not let you choose it"
    assert_contains "$stderr" "hint: without --profile it is prt_listed;"
    run_pamrun --profile su -u prt_alice -- echo "done"
    assert_ran
    site_policy <<<'profile = prt_missing'
    as_bob -u prt_alice -- echo "done"
    assert_status 69
}

@test "[profile] sections count for their profile only, and more than what stands before them" {
    site_policy <<'END'
user-profiles = prt_listed
required-groups = prt_other
[profile prt_listed]
required-groups = prt_hpc
close-on-exit = yes
[profile prt_hidden]
minimum-user-id = 4000000000
END
    as_bob -u prt_alice -- echo "done"
    assert_refused "user prt_alice: is in no group that the site policy requires"
    probe_reset
    as_bob --profile prt_listed -u prt_alice -- echo "done"
    assert_ran
    probe_called close_session 1
    # an empty list is a list
    site_policy <<'END'
required-groups = prt_other
[profile su]
required-groups =
END
    probe_reset
    as_bob -u prt_alice -- echo "done"
    assert_ran
    probe_called close_session 0
    probe_reset
    run_pamrun --profile prt_listed -u prt_alice -- echo "done"
    assert_refused "user prt_alice: is in no group that the site policy requires"
}

# Or -l would be the way round what holds for su.
@test "a login that su-l serves has what [profile su] says" {
    [ -e /etc/pam.d/su-l ] || return 0
    site_policy <<'END'
[profile su]
required-groups = prt_other
[profile su-l]
required-groups = prt_hpc
END
    as_bob -l prt_alice -c 'echo "done"'
    assert_refused "user prt_alice: is in no group that the site policy requires"
    assert_eq "$(probe_field authenticate service)" su-l
    run_pamrun --profile su-l -l prt_alice -c 'echo "done"'
    assert_ran
}

# ---- what tightens on the command line ------------------------------------------------------------------------

@test "the option --minimum-user-id tightens the policy and never loosens it" {
    local uid caller

    uid=$(id -u prt_alice)
    for caller in prt_bob root; do
        run_pamrun_as $caller --minimum-user-id "$uid" -u prt_alice -- echo "done"
        assert_ran
        probe_reset
        run_pamrun_as $caller --minimum-user-id $((uid + 1)) -u prt_alice -- echo "done"
        assert_refused "user prt_alice: --minimum-user-id is $((uid + 1)), and this is $uid"
        assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
        # the strictest of several
        run_pamrun_as $caller --minimum-user-id $((uid + 1)) --minimum-user-id 0 -u prt_alice -- echo "done"
        assert_refused "user prt_alice: --minimum-user-id is $((uid + 1)), and this is $uid"
    done
    probe_reset
    as_bob --minimum-user-id 0 -u root -- echo "done"
    assert_refused "user root: the site policy allows user ids from $uid_min, and this is 0"
    site_policy <<<"minimum-user-id = 4000000000"
    run_pamrun --minimum-user-id 0 -u prt_alice -- echo "done"
    assert_refused "user prt_alice: the site policy allows user ids from 4000000000, and this is $uid"
    site_policy <<<"minimum-user-id = 0"
    run_pamrun --minimum-user-id 1 -u root -- echo "done"
    assert_refused "user root: --minimum-user-id is 1, and this is 0"
}

@test "the option --required-group tightens the policy and never loosens it" {
    local caller

    for caller in prt_bob root; do
        for group in prt_hpc prt_alice prt_other,prt_hpc 'prt_nobody_knows,"prt_hpc"'; do
            run_pamrun_as $caller --required-group "$group" -u prt_alice -- echo "done"
            assert_ran
        done
        run_pamrun_as $caller --required-group prt_other --required-group prt_hpc -u prt_alice -- echo "done"
        assert_status 64
        assert_match "$output" "pamrun: --required-group: is given twice: one list has them all, with commas between"
        probe_reset
        for group in prt_other prt_nobody_knows prt_bob,prt_other '"prt_hpc prt_alice"' '"a,b"'; do
            run_pamrun_as $caller --required-group "$group" -u prt_alice -- echo "done"
            assert_refused "user prt_alice: is in no group of --required-group"
        done
        # both must be fulfilled
        site_policy <<<"required-groups = prt_other"
        run_pamrun_as $caller --required-group prt_hpc -u prt_alice -- echo "done"
        assert_refused "user prt_alice: is in no group that the site policy requires"
        site_policy <<<"required-groups = prt_hpc"
        run_pamrun_as $caller --required-group prt_alice -u prt_alice -- echo "done"
        assert_ran
        probe_reset
        run_pamrun_as $caller --required-group prt_other -u prt_alice -- echo "done"
        assert_refused "user prt_alice: is in no group of --required-group"
        rm /etc/pamrun.conf
    done
}

# ---- how runs behave ------------------------------------------------------------------------------------------

@test "forward-password = no: others may not hand over a secret, by either option; root may" {
    local option

    echo Right.pass.1 >"$TEST_DIR/secret"
    chmod 0600 "$TEST_DIR/secret"
    chown prt_bob "$TEST_DIR/secret"
    for option in --forward-password-fd --forward-answers-fd; do
        probe_reset
        probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token Right.pass.1
END
        site_policy <<<"forward-password = yes"
        as_bob $option 8 -u prt_alice -- echo "done" 8<"$TEST_DIR/secret"
        assert_ran
        : >"$PROBE_LOG_FILE"
        site_policy <<<"forward-password = no"
        as_bob $option 8 -u prt_alice -- echo "done" 8<"$TEST_DIR/secret"
        assert_refused_at_once \
            "--forward-password-fd, --forward-answers-fd: the site policy does not let you use them"
        chown root "$TEST_DIR/secret"
        run_pamrun $option 8 -u prt_alice -- echo "done" 8<"$TEST_DIR/secret"
        assert_ran
        chown prt_bob "$TEST_DIR/secret"
    done
}

@test "password-prompts: further texts get the forwarded password, exactly these" {
    local prompt

    site_policy <<<'password-prompts = "LDAP Password:" "Passwort, bitte"'
    install -m 0600 -o prt_bob /dev/null "$TEST_DIR/secret"
    echo Right.pass.1 >"$TEST_DIR/secret"
    for prompt in "Password: " "LDAP Password:" "  LDAP Password:  " "Passwort, bitte "; do
        probe_reset
        probe_script <<END
authenticate prompt-off $prompt
authenticate require-token Right.pass.1
END
        as_bob --forward-password-fd 8 -u prt_alice -- echo "done" 8<"$TEST_DIR/secret"
        assert_ran
    done
    for prompt in "LDAP Password" "ldap password:" "LDAP  Password:" "New LDAP Password:" "Passwort"; do
        probe_reset
        probe_script <<END
authenticate prompt-off $prompt
authenticate require-token Right.pass.1
END
        as_bob --forward-password-fd 8 -u prt_alice -- echo "done" 8<"$TEST_DIR/secret"
        assert_status 77
        assert_eq "$stdout" ""
    done
}

@test "close-on-exit = yes closes without the option, also for others, and not what --exec leaves" {
    local caller

    site_policy <<<"close-on-exit = yes"
    for caller in prt_bob root; do
        probe_reset
        run_pamrun_as $caller -u prt_alice -- sh -c 'exit 3'
        assert_status 3
        assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session \
cleanup:PAM_DATA_SILENT close_session setcred:PAM_DELETE_CRED cleanup"
    done
    probe_reset
    run_pamrun --exec -u prt_alice -- echo "done"
    assert_ran
    probe_called close_session 0
    site_policy <<<"close-on-exit = no"
    probe_reset
    as_bob --close-on-exit -u prt_alice -- true
    probe_called close_session 1
}

@test "kill-after is the grace, and the option wins" {
    local caller words

    for caller in prt_bob root; do
        for words in "0.2||0.2" "3600|--kill-after 0.3|0.3" "never|--kill-after 0.1|0.1"; do
            IFS='|' read -r value option said <<<"$words"
            site_policy <<<"kill-after = $value"
            rm -f "$TEST_DIR/ready" && mkfifo -m 0666 "$TEST_DIR/ready"
            # shellcheck disable=SC2086 # words
            start_pamrun_as $caller --close-on-exit $option -u prt_alice -- \
                bash -c 'trap "" TERM; echo >"$1"; while :; do sleep 100; done' bash "$TEST_DIR/ready"
            read -r _ <"$TEST_DIR/ready"
            kill -TERM "$pamrun_pid"
            end_status "$pamrun_pid"
            assert_status 137
            assert_eq "$stderr" "pamrun: command: did not end within $said s of SIGTERM: killed"
        done
    done
}

@test "environment-keep: a login keeps these, but for what nobody may bring along" {
    local caller

    site_policy <<<'environment-keep = PRT_ONE PRT_MANY_* LD_PRELOAD HOME BASH_ENV TZ'
    for caller in prt_bob root; do
        applicant_set $caller
        run_program env PRT_ONE=1 PRT_MANY_A=2 PRT_MANY_=3 PRT_MANY=4 PRT_TWO=5 BASH_ENV=/x HOME=/x TZ=/x \
            "${applicant[@]}" "$PAMRUN" -l prt_alice -c 'env; echo "home $HOME"'
        assert_status 0
        assert_eq "$(grep ^PRT_ <<<"$stdout" | sort | tr '\n' ' ')" "PRT_MANY_=3 PRT_MANY_A=2 PRT_ONE=1 "
        assert_contains "$stdout" "home /home/prt_alice"
        refute grep -q BASH_ENV <<<"$stdout"
        assert_eq "$(grep -c ^TZ= <<<"$stdout" || true)" $([ $caller = root ] && echo 1 || echo 0)
    done
    # without -l everything is kept anyway
    applicant_set prt_bob
    run_program env PRT_TWO=5 "${applicant[@]}" "$PAMRUN" -u prt_alice -- printenv PRT_TWO
    assert_ran 5
}

@test "expired-password = allow: a password that has really expired stops root's runs no more, and others' ever" {
    profile prt_unix <<END
auth sufficient pam_permit.so
account required pam_unix.so
session required pam_permit.so
END
    set_password prt_alice Right.pass.1
    chage -d 0 prt_alice
    run_pamrun --profile prt_unix -u prt_alice -- echo "done"
    assert_status 77
    assert_match "$stderr" 'acct_mgmt for prt_alice \(profile prt_unix\): .*\(PAM_NEW_AUTHTOK_REQD\)'
    site_policy <<<$'user-profiles = prt_unix\nexpired-password = allow'
    run_pamrun --profile prt_unix -u prt_alice -- echo "done"
    assert_ran
    as_bob --profile prt_unix -u prt_alice -- echo "done"
    assert_status 77
    assert_eq "$stdout" ""
    assert_match "$stderr" 'acct_mgmt for prt_alice \(profile prt_unix\): .*\(PAM_NEW_AUTHTOK_REQD\)'
    site_policy <<<$'expired-password = allow\n[profile prt_unix]\nexpired-password = refuse'
    run_pamrun --profile prt_unix -u prt_alice -- echo "done"
    assert_status 77
    # an account that has expired is another matter
    site_policy <<<"expired-password = allow"
    chage -d "$(date +%F)" -E 1970-01-02 prt_alice
    run_pamrun --profile prt_unix -u prt_alice -- echo "done"
    chage -E -1 prt_alice
    assert_status 77
}

# prt_bob on a terminal: does the command have another one?
assert_terminal() # own|shared [pamrun option...]
{
    local outer inner

    applicant_set prt_bob
    run_ptyrun -- sh -c 'echo "outer $(tty)"; exec "$@"' sh "${applicant[@]}" "$PAMRUN" "${@:2}" -u prt_alice -- \
        sh -c 'echo "inner $(tty)"'
    assert_status 0
    outer=$(tr -d '\r' <<<"$stdout" | sed -n 's/^outer //p') inner=$(tr -d '\r' <<<"$stdout" | sed -n 's/^inner //p')
    assert_match "$inner" '^/dev/pts/[0-9]+$'
    if [ "$1" = own ]; then
        [ "$inner" != "$outer" ] || fail_because "the terminal is shared"
    else
        assert_eq "$inner" "$outer"
    fi
}

@test "pty: always and never, and the options win" {
    site_policy <<<"pty = always"
    assert_terminal own
    assert_terminal own -P
    assert_terminal shared -T
    # without a terminal the streams stay what they are, and there is a controlling one
    as_bob -u prt_alice -- sh -c 'test ! -t 1 && : </dev/tty && echo "done"' </dev/null
    assert_ran
    # with --exec nobody could serve one, and root's terminal is out of the command's reach instead
    run_ptyrun -- "$PAMRUN" --exec -u prt_alice -- \
        sh -c '(: </dev/tty) 2>/dev/null && echo shared; ps -o tty= -p $$'
    assert_status 0
    assert_eq "$(tr -d '\r ' <<<"$stdout")" "?"
    site_policy <<<"pty = never"
    assert_terminal shared
    assert_terminal own -P
    as_bob -u prt_alice -- sh -c ': </dev/tty && echo "done"' </dev/null
    assert_eq "$stdout" ""
}

# ---- several files --------------------------------------------------------------------------------------------

@test "files are read in the order of their names' bytes, and of a key the last one counts" {
    local uid

    uid=$(id -u prt_alice)
    site_policy <<<"required-groups = prt_other"
    more_policy 50-b.conf <<<"required-groups = prt_hpc"
    as_bob -u prt_alice -- echo "done"
    assert_ran
    more_policy 51-c.conf <<<"minimum-user-id = 4000000000"
    probe_reset
    as_bob -u prt_alice -- echo "done"
    assert_refused "user prt_alice: the site policy allows user ids from 4000000000, and this is $uid"
    more_policy A.conf <<<"minimum-user-id = 1" # capitals come before small letters, and behind digits
    as_bob -u prt_alice -- echo "done"
    assert_ran
    more_policy 0.conf <<<"minimum-user-id = 4000000000"
    as_bob -u prt_alice -- echo "done"
    assert_ran
    more_policy a.conf <<<"minimum-user-id = 4000000001"
    probe_reset
    as_bob -u prt_alice -- echo "done"
    assert_refused "user prt_alice: the site policy allows user ids from 4000000001, and this is $uid"
    # other names are not read
    rm /etc/pamrun.conf.d/a.conf
    for name in z.conf~ .z.conf z.conf.dpkg-new conf z.config .conf; do
        more_policy "$name" <<<"no such thing"
    done
    as_bob -u prt_alice -- echo "done"
    assert_ran
    # the directory alone will do
    rm /etc/pamrun.conf
    as_bob -u prt_alice -- echo "done"
    assert_ran
}

# ---- files that are none --------------------------------------------------------------------------------------

# Root and others are told the same, 78, before PAM; in the log it is the policy's step.
assert_bad_policy() # MESSAGE-REGEX WHAT
{
    local caller said

    for caller in prt_bob root; do
        probe_reset
        log_start
        RUN_TIMEOUT=30 run_pamrun_as $caller --json-status-fd 7 -u prt_alice -- echo "done" 7>"$TEST_DIR/events"
        [ "$status" -eq 78 ] || fail_because "$2: status $status, expected 78"
        assert_eq "$stdout" "" "$2"
        assert_match "${stderr%%$'\n'*}" "^pamrun: $1\$"
        assert_match "$(<"$TEST_DIR/events")" '^.*"failed","step":"policy","class":"node","exit-status":78,'
        assert_match "$(log_lines ' pamrun\[')" ": failed: applicant=\"$caller\" .* step=policy code=- status=78 "
        refute_contains "$stderr$(log_lines)$(<"$TEST_DIR/events")" hunter2
        assert_eq "$(probe_log)" "" "$2"
        said=${said-$stderr}
        assert_eq "$stderr" "$said" "$2"
    done
}

@test "a policy that somebody rewrites in place is not read half: 75, and how to do better" {
    local writer

    site_policy <<<"user-profiles = su"
    (while :; do printf 'user-profiles = su\n' >/etc/pamrun.conf; done) 3>&- &
    writer=$!
    made program "$writer"
    run_pamrun -u prt_alice -- true
    kill "$writer"
    wait "$writer" || true
    assert_status 75
    assert_eq "$stderr" "pamrun: /etc/pamrun.conf: changed while it was read
hint: somebody rewrites it: try again; a new file, moved over the old one, is never seen half"
}

@test "a policy that is no regular file of root's alone stops everybody's runs" {
    local file kind

    for file in /etc/pamrun.conf /etc/pamrun.conf.d/x.conf; do
        more_policy x.conf </dev/null
        site_policy </dev/null
        as_bob -u prt_alice -- echo "done"
        assert_ran
        echo "minimum-user-id = hunter2" >"$TEST_DIR/secret"
        for kind in fifo directory device link dangling foreign group world; do
            rm -rf "$file"
            case $kind in
                fifo) mkfifo -m 0644 "$file" ;;
                directory) mkdir "$file" ;;
                device) mknod -m 0644 "$file" c 1 3 ;;
                link) ln -s "$TEST_DIR/secret" "$file" ;;
                dangling) ln -s "$TEST_DIR/missing" "$file" ;;
                foreign | group | world) echo "close-on-exit = no" >"$file" ;;
            esac
            case $kind in
                foreign) chown prt_bob "$file" ;;
                group) chmod 0664 "$file" ;;
                world) chmod 0646 "$file" ;;
            esac
            case $kind in
                fifo | directory | device) assert_bad_policy "$file: is no regular file" "$kind" ;;
                link | dangling) assert_bad_policy "$file: is a symbolic link" "$kind" ;;
                foreign) assert_bad_policy "$file: is not root.s" "$kind" ;;
                *) assert_bad_policy "$file: can be written by others than root" "$kind" ;;
            esac
            assert_eq "${stderr#*$'\n'}" \
                "hint: it must be root's, writable by nobody else, no link, and a file of at most 64 kB"
        done
        rm -rf "$file"
    done
}

@test "a directory of policies that is none, or not root's alone, stops everybody's runs" {
    local directory=/etc/pamrun.conf.d

    more_policy x.conf </dev/null
    chown prt_bob $directory
    assert_bad_policy "$directory: is not root.s" "foreign"
    chown root $directory
    chmod 0775 $directory
    assert_bad_policy "$directory: can be written by others than root" "group"
    chmod 1777 $directory
    assert_bad_policy "$directory: can be written by others than root" "sticky"
    mv $directory "$TEST_DIR/real"
    ln -s "$TEST_DIR/real" $directory
    # openat(2) says either of a link where a directory is wanted
    assert_bad_policy "$directory: (is a symbolic link|Not a directory|is no directory)" "link"
    rm $directory
    : >$directory
    assert_bad_policy "$directory: (Not a directory|is no directory)" "file"
    rm $directory
    as_bob -u prt_alice -- echo "done"
    assert_ran
}

@test "a policy that cannot be read stops everybody's runs: an input error" {
    local caller

    site_policy </dev/null
    for caller in prt_bob root; do
        applicant_set $caller
        # the kernel has no page at address 0
        run_program unshare --mount sh -c 'mount --bind /proc/1/mem /etc/pamrun.conf && exec "$@"' sh \
            "${applicant[@]}" "$PAMRUN" -u prt_alice -- echo "done"
        assert_refused_at_once "/etc/pamrun.conf: Input/output error" 78
    done
}

@test "without descriptors or memory for it, a policy is not left out" {
    local limit

    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizer needs more than that
    site_policy <<<"required-groups = prt_other"
    for limit in --nofile={3..24}; do
        applicant_set prt_bob
        run_program prlimit "$limit:${limit#*=}" "${applicant[@]}" "$PAMRUN" -u prt_alice -- echo "done"
        assert_eq "$stdout" "" "$limit"
        [ "$status" -ne 0 ]
        run_program prlimit "$limit:${limit#*=}" "$PAMRUN" -u prt_alice -- echo "done"
        assert_eq "$stdout" "" "$limit"
        [ "$status" -ne 0 ]
    done
    site_policy <<<"required-groups = prt_hpc"
    run_program prlimit --nofile=24:24 "$PAMRUN" -u prt_alice -- echo "done"
    assert_ran
}

@test "a policy with a wrong line stops everybody's runs, and says file, line, key and what is allowed" {
    local text message

    while IFS='|' read -r text message; do
        printf '%b' "$text" | site_policy
        assert_bad_policy "/etc/pamrun.conf:$message" "$text"
    done <<'END'
hunter = 2|1: 'hunter': no such key
# x\n\nMinimum-user-id = 1|3: 'Minimum-user-id': no such key
close-on-exit = yes\nclose-on-exit = yes|2: close-on-exit: stands in this section already
close-on-exit = hunter2|1: close-on-exit: is none of the words that are allowed
close-on-exit = Yes|1: close-on-exit: is none of the words that are allowed
close-on-exit =|1: close-on-exit: is none of the words that are allowed
minimum-user-id = -1|1: minimum-user-id: is no user id
minimum-user-id = 4294967295|1: minimum-user-id: is no user id
minimum-user-id = 0x10|1: minimum-user-id: is no user id
minimum-user-id = hunter2|1: minimum-user-id: is no user id
kill-after = 0|1: kill-after: is no time
profile = ../hunter2|1: profile: is no name of a profile
user-profiles = su hunter2/x|1: user-profiles: a word is no name of a profile
required-groups = @hunter2|1: required-groups: a word is no name of a group
required-groups = "hunter2|1: required-groups: .*
environment-keep = *|1: environment-keep: a word is no name of a variable
password-prompts = " hunter2"|1: password-prompts: a text begins or ends with a blank, .*
identity-map = hunter2|1: identity-map: is no absolute path
identity-rewrite = (hunter2) $1|1: identity-rewrite: the expression does not begin with .*
commands = /bin/hunter2|1: commands: does not belong into this section
[profile su]\nprofile = su|2: profile: does not belong into this section
[delegate prt_bob]\nclose-on-exit = no|2: close-on-exit: does not belong into this section
[delegate prt_bob]\noptions = hunter2|2: options: a word is no option that can be granted
[delegate prt_bob]\ncommands = hunter2|2: commands: a command is no absolute path
[hunter2]|1: no such section
[profile]|1: no such section
[delegate ../hunter2]|1: no such section
hunter2|1: .*
close-on-exit = no ; hunter2|1: .*
pty = auto\n pty = hunter2|2: .*
close-on-exit = no\nrequired-groups = a\001hunter2|2: .*
END
}

@test "a wrong line in a later file, or for another profile, stops everybody's runs as well" {
    site_policy <<<"close-on-exit = no"
    more_policy 10.conf <<<"close-on-exit = yes"
    more_policy 20.conf <<<$'[profile prt_nobody_knows]\npty = hunter2'
    assert_bad_policy "/etc/pamrun.conf.d/20.conf:2: pty: is none of the words that are allowed" "20.conf"
    assert_eq "${stderr#*$'\n'}" "hint: auto, never or always"
}

@test "a policy of a very long line, of NUL bytes, of too many lines, stops everybody's runs" {
    local row

    head -c 1000000 /dev/zero | tr '\0' 'x' | sed 's/^/required-groups = hunter2/' | site_policy
    assert_bad_policy "/etc/pamrun.conf: is too long" "1 MB"
    { printf 'required-groups = hunter2'; head -c 60000 /dev/zero | tr '\0' 'x'; } | site_policy
    assert_bad_policy "/etc/pamrun.conf:1: .*" "60 kB"
    printf 'close-on-exit = no\0\nrequired-groups = hunter2\n' | site_policy
    assert_bad_policy "/etc/pamrun.conf: has a NUL byte in it" "NUL"
    printf '\0' | site_policy
    assert_bad_policy "/etc/pamrun.conf: has a NUL byte in it" "a NUL alone"
    yes '# hunter2' | head -c 70000 | site_policy
    assert_bad_policy "/etc/pamrun.conf: is too long" "70 kB"
    # and nothing at all is well
    for row in '' '\n\n' '# hunter2\n' '; x\r\n\r\n'; do
        # shellcheck disable=SC2059 # a format
        printf "$row" | site_policy
        as_bob -u prt_alice -- echo "done"
        assert_ran
    done
}

@test "a wrong command line is told before a wrong policy, and what needs none does not read it" {
    site_policy <<<"hunter2"
    run_pamrun --no-such-option
    assert_status 64
    run_pamrun --version
    assert_status 0
    as_bob --help
    assert_status 0
    # what only root may use is told behind it: who may is the policy's to say
    as_bob --exec -u prt_alice -- true
    assert_status 78
}

@test "the policy is read anew at every run, and the sample is one that changes nothing" {

    as_bob -u prt_alice -- echo "done"
    assert_ran
    site_policy <<<"required-groups = prt_other"
    as_bob -u prt_alice -- echo "done"
    assert_status 77
    site_policy <"${PAMRUN%/bin/pamrun}/share/doc/pamrun/examples/pamrun.conf"
    as_bob -u prt_alice -- echo "done"
    assert_ran
}

@test "of a policy that not everybody may read, not even a misspelt key is shown" {
    site_policy <<<"hunter2 = 1"
    chmod 0600 /etc/pamrun.conf
    as_bob -u prt_alice -- true
    assert_status 78
    assert_eq "$stderr" "pamrun: /etc/pamrun.conf:1: no such key
hint: man 5 pamrun.conf has them all"
}
