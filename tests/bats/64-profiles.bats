# pamrunctl profiles and pamrunctl check --node: what there is to know about profiles without a user who waits.
# With sanitizers only in full.

load lib/common
load lib/check

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_svc
    probe_profile prt_plain
}

profiles()
{
    run_pamrunctl profiles "$@"
}

# A member of a profile in the JSON on stdout.
of_profile() # NAME EXPRESSION
{
    json_member "['profiles'][[p['profile'] for p in whole['profiles']].index('$1')]$2"
}

# A profile whose auth is stdin, with permits for the rest.
auth_profile() # NAME
{
    profile "$1" < <(
        cat
        for type in account session; do echo "$type required pam_permit.so"; done
    )
}

# The row of a profile and what stands below it, blanks squeezed.
row() # NAME
{
    awk -v name="$1" '/^[^ ]/ { inside = $1 == name } inside' <<<"$stdout" | tr -s ' '
}

@test "every profile that pamrun can be told to use is listed, once, and no module is called" {
    local name

    profile PRT_UPPER </dev/null
    profiles
    assert_status 0
    assert_eq "$stderr" ""
    assert_match "${lines[0]}" '^PROFILE +AUTHENTICATION +CALLERS +NEEDS$'
    for name in /etc/pam.d/*; do
        name=${name##*/}
        [[ $name =~ ^[a-z0-9][a-z0-9_.-]*$ ]] || continue
        assert_eq "$(grep -cE "^$name " <<<"$stdout")" 1 "$name"
    done
    refute_contains "$stdout" PRT_UPPER
    assert_eq "$(grep -E '^[^ ]' <<<"$stdout" | tail -n +2 | cut -d' ' -f1)" \
        "$(grep -E '^[^ ]' <<<"$stdout" | tail -n +2 | cut -d' ' -f1 | LC_ALL=C sort)"
    assert_eq "$(probe_log)" ""
    run_pamrunctl_as prt_alice profiles
    assert_status 0
    assert_eq "$(row prt_plain)" "prt_plain required root -"
}

@test "whether it authenticates: required, by a condition, nobody, everybody; root is another matter" {
    local auth wanted root

    while IFS='|' read -r wanted root auth; do
        auth_profile prt_auth <<<"$(printf '%b' "$auth")"
        profiles --json
        assert_status 0
        assert_eq "$(of_profile prt_auth "['authentication']") $(of_profile prt_auth "['authentication-of-root']")" \
            "$wanted $root" "$auth"
    done <<'END'
none|none|auth required pam_permit.so
required|required|auth required pam_unix.so
required|none|auth sufficient pam_rootok.so\nauth required pam_unix.so
none|none|auth sufficient pam_unix.so\nauth required pam_permit.so
required|required|auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so
condition|condition|auth sufficient pam_succeed_if.so user ingroup staff\nauth required pam_unix.so
required|required|auth required pam_succeed_if.so uid >= 1000\nauth required pam_unix.so
condition|condition|auth required pam_listfile.so item=user sense=allow file=/etc/x
nobody|nobody|auth required pam_deny.so
nobody|none|auth sufficient pam_rootok.so
required|required|auth required pam_env.so\nauth substack common-auth
none|none|auth optional pam_unix.so\nauth required pam_permit.so
required|required|auth requisite pam_userdb.so db=/none\nauth required pam_permit.so
nobody|nobody|auth requisite pam_prt_gone.so\nauth required pam_permit.so
END
}

@test "who may use it, by the site policy: root, anybody, delegates" {
    site_policy <<'END'
user-profiles = prt_plain
[delegate prt_svc]
profiles = prt_other prt_plain
accounts = prt_alice
END
    probe_profile prt_other
    profiles
    assert_status 0
    assert_eq "$(row prt_plain)" "prt_plain required anybody, prt_svc -"
    assert_eq "$(row prt_other)" "prt_other required root, prt_svc -"
    assert_contains "$(row su)" " anybody "
    site_policy <<<"nonsense = 1"
    profiles
    assert_eq "$status $stdout" "78 "
    assert_contains "$stderr" "nonsense"
}

@test "who may have su, by default, has su-l too: by -l" {
    site_policy <<'END'
[delegate prt_svc]
profiles = su
accounts = prt_alice
END
    auth_profile su-l <<<"auth required pam_permit.so"
    profiles
    assert_status 0
    assert_eq "$(row su-l)" "su-l none anybody, prt_svc -
 danger: /etc/pam.d/su-l:1: lets everybody in, and anybody may choose the profile"
    # where logins have another default it is root's
    site_policy <<'END'
profile = prt_plain
[delegate prt_svc]
profiles = su prt_plain
accounts = prt_alice
END
    profiles
    assert_eq "$(row su-l)" "su-l none root -"
}

@test "the dangerous ones are marked: everybody is let in, others may write a file of it, user_readenv" {
    site_policy <<<"user-profiles = prt_open prt_env prt_loose"
    auth_profile prt_open <<<"auth required pam_permit.so"
    auth_profile prt_env <<'END'
auth required pam_env.so user_readenv=1
auth required pam_unix.so
END
    install -m 0666 /dev/null "$TEST_DIR/pam_prt_loose.so"
    auth_profile prt_loose <<END
auth required pam_unix.so
auth optional $TEST_DIR/pam_prt_loose.so
END
    profiles
    assert_eq "$(row prt_open)" "prt_open none anybody -
 danger: /etc/pam.d/prt_open:1: lets everybody in, and anybody may choose the profile"
    assert_eq "$(row prt_env)" "prt_env required anybody password
 danger: /etc/pam.d/prt_env:1: user_readenv=1: users set variables that modules trust"
    assert_eq "$(row prt_loose)" "prt_loose required anybody password
 danger: $TEST_DIR/pam_prt_loose.so: others than root can write it, and become anybody"
    chmod g+w /etc/pam.d/prt_env
    profiles
    assert_contains "$(row prt_env)" "danger: /etc/pam.d/prt_env: others than root can write it, and become anybody"
    assert_contains "$(row prt_env)" "unusable: profile prt_env: /etc/pam.d/prt_env: must be a regular file of root's"
    # for root alone it is no danger that everybody is let in
    site_policy </dev/null
    profiles
    assert_eq "$(row prt_open)" "prt_open none root -"
}

@test "what it needs, what is missing, and why it cannot be used" {
    profile prt_needs <<'END'
auth required pam_unix.so
auth optional pam_prt_gone.so
-auth optional pam_prt_may_be_gone.so
account required pam_unix.so
session optional pam_keyinit.so
END
    profile prt_half <<<"auth required pam_permit.so"
    profiles
    assert_eq "$(row prt_needs)" "prt_needs required root password
 missing: /etc/pam.d/prt_needs:2: pam_prt_gone.so"
    assert_eq "$(row prt_half)" "prt_half none root -
 unusable: profile prt_half: /etc/pam.d/prt_half has no account line, and libpam would take the profile 'other' for it"
    profile prt_none <<<"account required pam_permit.so"
    profiles --json
    assert_eq "$(of_profile prt_none "['usable']") $(of_profile prt_none ".get('authentication')")" "false null"
    assert_eq "$(of_profile prt_needs "['missing']")" '["/etc/pam.d/prt_needs:2: pam_prt_gone.so"]'
    assert_eq "$(of_profile prt_needs "['file']")" /etc/pam.d/prt_needs
}

# ---- the health check of a node -------------------------------------------------------------------------------

node()
{
    run_pamrunctl check --node "$@"
}

@test "a node that is well: silent, status 0, also with a user, and only the account step is called for him" {
    node prt_plain su
    assert_eq "$status $stdout$stderr" "0 "
    assert_eq "$(probe_log)" ""
    node --user prt_alice prt_plain
    assert_eq "$status $stdout$stderr" "0 "
    assert_eq "$(probe_order)" acct_mgmt
}

@test "a line for each problem, and the exit status of the first" {
    profile prt_gone <<'END'
auth required pam_permit.so
account required pam_prt_one.so
session required pam_prt_two.so
END
    node prt_nowhere prt_plain prt_gone
    assert_status 69
    assert_eq "$stderr" ""
    assert_eq "${#lines[@]}" 3
    assert_match "${lines[0]}" '^profile prt_nowhere: no such file in /etc/pam\.d'
    assert_eq "${lines[1]}" "profile prt_gone: missing: /etc/pam.d/prt_gone:2: pam_prt_one.so"
    assert_eq "${lines[2]}" "profile prt_gone: missing: /etc/pam.d/prt_gone:3: pam_prt_two.so"
    site_policy <<<"user-profiles = prt_open"
    auth_profile prt_open <<<"auth required pam_permit.so"
    node prt_open
    assert_eq "$status $stdout" \
        "78 profile prt_open: danger: /etc/pam.d/prt_open:1: lets everybody in, and anybody may choose the profile"
    site_policy <<<"nonsense = 1"
    node prt_plain
    assert_status 78
    assert_match "$stdout" '^/etc/pamrun\.conf:1: .*nonsense'
}

@test "a user whom the account step refuses, or whom nobody knows, and a step that does not end" {
    probe_script <<<"acct_mgmt return PAM_AUTHINFO_UNAVAIL"
    node --user prt_alice prt_plain
    assert_status 75
    assert_match "$stdout" '^acct_mgmt for prt_alice \(profile prt_plain\): [^[:cntrl:]]*\(PAM_AUTHINFO_UNAVAIL\)$'
    probe_script </dev/null
    echo "auth required pam_prt_gone.so" >"$TEST_DIR/elsewhere"
    node "../..$TEST_DIR/elsewhere" # no name, and that file is not looked at
    assert_status 69
    assert_eq "${#lines[@]}" 1
    node --user prt_nobody prt_plain
    assert_eq "$status $stdout" "67 user prt_nobody: does not exist"
    probe_script <<<"acct_mgmt hang-eintr"
    node --user prt_alice --deadline acct_mgmt=0.2 prt_plain
    assert_status 75
    assert_eq "${#lines[@]}" 1
}

# A copy of pamrunctl, which wherever it is looks at the pamrun that is installed: SOURCE, or what is in it, for once.
node_with() # SOURCE TARGET
{
    # shellcheck disable=SC2016 # of the shell there
    run_program unshare -m --propagation private sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' - "$@" \
        "$TEST_DIR/pamrunctl" check --node prt_plain
}

@test "pamrun that is not there, not setuid, or on a file system without setuid, is a problem of the node" {
    local place=$TEST_DIR/place

    install -m 0755 "$PAMRUNCTL" "$TEST_DIR/pamrunctl"
    mkdir "$place"
    mount -t tmpfs -o suid,exec,mode=755 prt_place "$place"
    mkdir "$place/empty"
    install -m 4755 "$PAMRUN" "$place/pamrun"
    node_with "$place/pamrun" "$PAMRUN"
    assert_eq "$status $stdout$stderr" "0 "
    mount -o remount,nosuid,exec,mode=755 "$place"
    node_with "$place/pamrun" "$PAMRUN"
    assert_eq "$status $stdout" "71 $PAMRUN: its file system is mounted nosuid, so that only root can use it"
    chmod u-s "$place/pamrun"
    node_with "$place/pamrun" "$PAMRUN"
    assert_eq "$status $stdout" \
        "71 $PAMRUN: is not root's and setuid, so that only root can use it: chown root, chmod 4755"
    node_with "$place/empty" "${PAMRUN%/*}"
    assert_eq "$status $stdout" "71 $PAMRUN: No such file or directory"
    umount "$place"
}

@test "words that do not go together are refused" {
    local words

    while IFS='|' read -ra words; do
        # shellcheck disable=SC2086 # words
        run_pamrunctl ${words[0]}
        assert_eq "$status $stdout" "64 "
        assert_eq "${stderr%%$'\n'*}" "pamrunctl: ${words[1]}"
    done <<'END'
check --node|check: --node needs the name of a profile
check --node --json su|check: --node: goes neither with --json nor with --profile
check --node --profile su su|check: --node: goes neither with --json nor with --profile
check --user prt_alice su|check: --user: goes with --node; else USER is a word of its own
profiles su|profiles: su: takes options only
END
}
