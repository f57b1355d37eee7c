# The hints of pamrunctl check: each trap is made, with real modules, and then taken away.  Those that need a KDC, a
# directory or an encrypted volume are in 70-kerberos, 71-directory and 72-mount.
# shellcheck disable=SC2016,SC2154 # scripts in quotes; what the libraries set
# With sanitizers only in full.

load lib/common
load lib/check
load lib/cgroups

setup_file()
{
    begin_file
    make_group prt_crew
    make_user prt_alice
    set_password prt_alice 'Right.pass.1'
    cgroups_begin
    cgroup_make job_7/step_0 session-1.scope
}

teardown_file()
{
    cgroups_end
    cleanup_all
}

# A profile of permits, in which stdin's lines come first.
real_profile() # NAME
{
    profile "$1" < <(
        cat
        for type in auth account password session; do echo "$type required pam_permit.so"; done
    )
}

# Password and all, as pam_unix has it; stdin's lines come first.
unix_profile() # NAME
{
    profile "$1" < <(
        cat
        echo "auth required pam_unix.so nodelay"
        for type in account session; do echo "$type required pam_unix.so"; done
    )
}

advised() # OPTION... USER [OPERATION...]
{
    check --profile prt_trap "$@"
}

assert_hint() # TEXT
{
    assert_contains $'\n'"$(hints)"$'\n' $'\n'"$1"$'\n'
}

refute_hints()
{
    assert_eq "$(hints)" ""
}

@test "a profile without a trap has no hint" {
    unix_profile prt_trap </dev/null
    advised --forward-password-fd 7 prt_alice 7<<<'Right.pass.1'
    assert_status 0
    refute_hints
}

@test "rootok before a password module, while a password is forwarded" {
    unix_profile prt_trap <<<"auth sufficient pam_rootok.so"
    advised --forward-password-fd 7 prt_alice 7<<<'Right.pass.1'
    assert_status 0
    assert_hint "/etc/pam.d/prt_trap:1: pam_rootok.so lets root in before a module asks for the password that was forwarded; \
those that need it later (pam_mount, pam_krb5) have none: put this line behind theirs, or use a profile without it"
    advised prt_alice # nothing is forwarded
    refute_hints
    # nobody behind it would ask
    real_profile prt_trap <<<"auth sufficient pam_rootok.so"
    advised --forward-password-fd 7 prt_alice 7<<<'Right.pass.1'
    assert_hint "no module asked for what was forwarded: no auth line of profile prt_trap that is reached wants a password"
    # a control in brackets that jumps over the password
    profile prt_trap <<'END'
auth [success=1 default=ignore] pam_rootok.so
auth required pam_unix.so nodelay
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
END
    advised --forward-password-fd 7 --json prt_alice authenticate 7<<<'Right.pass.1'
    assert_eq "$(json_member "['advice'][0]['id']") $(json_member "['advice'][0]['file']") $(json_member \
        "['advice'][0]['line']")" "rootok-first /etc/pam.d/prt_trap 1"
}

@test "a facility served by other" {
    profile prt_trap <<'END'
auth required pam_permit.so
account required pam_permit.so
END
    advised prt_alice authenticate acct_mgmt
    assert_status 0
    assert_hint "profile prt_trap has no session line, and libpam takes those of the profile 'other'; pamrun refuses a run \
that needs it"
    advised prt_alice 'chauthtok(PAM_SILENT)'
    assert_hint "profile prt_trap has no password line, and libpam takes those of the profile 'other'"
    real_profile prt_trap </dev/null
    advised prt_alice authenticate chauthtok
    refute_hints
}

@test "a module file that is missing, unless the line is written for that" {
    real_profile prt_trap <<<"session required pam_prt_missing.so"
    advised prt_alice
    assert_status 69
    assert_hint "/etc/pam.d/prt_trap:1: the module pam_prt_missing.so is not there, libpam answers PAM_MODULE_UNKNOWN for it: \
install its package, or take the line out"
    real_profile prt_trap <<<"-session required pam_prt_missing.so"
    advised prt_alice
    assert_hint "/etc/pam.d/prt_trap:1: the module pam_prt_missing.so is not there, libpam answers PAM_MODULE_UNKNOWN for it: \
install its package, or take the line out"
    real_profile prt_trap <<<"-session optional pam_prt_missing.so"
    advised prt_alice
    assert_status 0
    refute_hints
    # in a file that is included, and only where it is called
    profile prt_common <<<"session optional pam_prt_missing.so"
    real_profile prt_trap <<<"session include prt_common"
    advised prt_alice
    assert_status 0
    assert_hint "/etc/pam.d/prt_common:1: the module pam_prt_missing.so is not there, libpam answers PAM_MODULE_UNKNOWN for \
it: install its package, or take the line out"
    advised prt_alice authenticate
    refute_hints
}

@test "no module in account or session" {
    local type

    for type in account session; do
        profile prt_empty </dev/null
        profile prt_trap < <(
            echo "auth required pam_permit.so"
            for facility in account session; do
                if [ $facility = $type ]; then
                    echo "$facility substack prt_empty"
                else
                    echo "$facility required pam_permit.so"
                fi
            done
        )
        advised prt_alice
        assert_hint "profile prt_trap has no module for $type, so that libpam refuses: '$type required pam_permit.so' does \
nothing and succeeds"
        assert_match "$status" '^(77|69|71)$'
    done
}

# The module, or, where a machine has none, something of that name.
module_file() # MODULE
{
    local file

    file=$(find /lib/*/security /lib/security /lib64/security /usr/lib/*/security /usr/lib/security /usr/lib64/security \
        -name "$1.so" 2>/dev/null | head -n 1)
    if [ -z "$file" ]; then
        file=$TEST_DIR/$1.so
        cp "$(module_file pam_permit)" "$file"
    fi
    echo "$file"
}

@test "pam_loginuid and pam_systemd in a job" {
    local enter module

    cgroup_enter job_7/step_0
    for module in pam_loginuid pam_systemd; do
        real_profile prt_trap <<<"session optional $(module_file $module)"
        advised prt_alice
        refute_hints
        run_program "${enter[@]}" "$PAMRUNCTL" check --profile prt_trap prt_alice
        case $module in
            pam_loginuid) assert_hint "/etc/pam.d/prt_trap:1: this is a job, whose processes have their login uid already, \
and the kernel lets it be set once: pam_loginuid.so fails or changes who audit(8) names; leave it out of profiles for jobs" ;;
            *) assert_hint "/etc/pam.d/prt_trap:1: this is a job, and pam_systemd.so moves the process into a session of its \
own, out of the job's control group; pamrun puts the command back (cgroup in pamrun.conf(5)); leave it out of profiles for \
jobs" ;;
        esac
    done
    run_program "${enter[@]}" "$PAMRUNCTL" check --profile prt_trap prt_alice authenticate acct_mgmt
    refute_hints
}

@test "the control group that a module moves the process to is told, for the hierarchies that changed" {
    local enter

    printf '#!/bin/sh\n[ "$PAM_TYPE" != open_session ] || echo "$PPID" >%q/cgroup.procs\n' \
        "$cgroup2/session-1.scope" >"$TEST_DIR/move"
    chmod 0755 "$TEST_DIR/move"
    real_profile prt_trap <<<"session required pam_exec.so $TEST_DIR/move"
    cgroup_enter job_7/step_0
    run_program "${enter[@]}" "$PAMRUNCTL" check --profile prt_trap prt_alice
    assert_status 0
    assert_match "$stdout" '     cgroup: 0::/[^ ,]*/job_7/step_0 -> 0::/[^ ,]*/session-1\.scope'
}

@test "a user whom PAM knows and the name service does not" {
    real_profile prt_trap </dev/null
    advised prt_nobody
    assert_status 67
    assert_contains "${lines[0]}" "account prt_nobody (nobody resolves it)"
    assert_eq "$(marks | head -n 3)" "ok authenticate PAM_SUCCESS
ok acct_mgmt PAM_SUCCESS
- setcred not run"
    assert_hint "PAM lets prt_nobody in, but the name service does not know him: 'getent passwd prt_nobody' has to answer; is \
sss, ldap or winbind in the passwd line of /etc/nsswitch.conf, and does its daemon run?"
    unix_profile prt_trap </dev/null # does not know him either
    advised --forward-password-fd 7 prt_nobody 7<<<wrong
    assert_match "$status" '^(67|77)$'
    refute_contains "$(hints)" "PAM lets"
}

@test "a home that is not there, and no module that makes it" {
    make_user prt_fresh --no-create-home
    real_profile prt_trap </dev/null
    advised prt_fresh
    assert_status 0
    assert_hint "the home of prt_fresh, /home/prt_fresh, is not there, and no session module makes it: is its file system \
mounted? Else 'session optional pam_mkhomedir.so' makes it"
    advised prt_fresh authenticate
    refute_hints
    real_profile prt_trap <<<"session optional pam_mkhomedir.so"
    advised prt_fresh
    refute_hints
    rm -rf /home/prt_fresh
}

@test "pam_mount that succeeds while nothing is mounted, and a session that is left open with it" {
    real_profile prt_trap <<<"session optional pam_mount.so disable_interactive"
    advised prt_alice
    assert_status 0
    assert_hint "/etc/pam.d/prt_trap:1: pam_mount.so answered with success, and nothing was mounted: has \
/etc/security/pam_mount.conf.xml a volume for prt_alice, had it a password (the auth line of pam_mount.so is reached and asks), \
or is it mounted already?"
    assert_hint "/etc/pam.d/prt_trap:1: what pam_mount.so mounts stays when a run of profile prt_trap ends without \
--close-on-exit, and a run that closes may take it from others: use --share, which closes with the last run"
    site_policy <<<"close-on-exit = yes"
    advised prt_alice
    refute_contains "$(hints)" "--share"
}

@test "user_readenv=1, in either facility" {
    local type

    for type in auth session; do
        real_profile prt_trap <<<"$type required pam_env.so user_readenv=1"
        advised prt_alice
        assert_status 0
        assert_hint "/etc/pam.d/prt_trap:1: user_readenv=1 lets users set variables that modules behind it trust, as those of \
pam_systemd (CVE-2025-6018): take it out"
    done
    real_profile prt_trap <<<"session required pam_env.so user_readenv=0"
    advised prt_alice
    refute_hints
}

@test "auth that lets everybody in, in a profile that non-root callers may choose" {
    local hint="this lets everybody in, and callers who are not root may use profile prt_trap, as the default or by the \
site policy: any user can become any account that the policy allows; let auth ask for a password, or see to user-profiles \
and profile, pamrun.conf(5)"

    real_profile prt_trap </dev/null
    advised prt_alice
    refute_hints # root only
    site_policy <<<"user-profiles = prt_trap"
    advised prt_alice
    assert_hint "/etc/pam.d/prt_trap:1: $hint"
    # a password that nobody needs
    profile prt_trap <<'END'
auth sufficient pam_unix.so nodelay
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
END
    advised prt_alice acct_mgmt
    assert_hint "/etc/pam.d/prt_trap:2: $hint"
    # as Debian writes it
    profile prt_trap <<'END'
auth [success=1 default=ignore] pam_unix.so nodelay
auth requisite pam_deny.so
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
END
    advised prt_alice acct_mgmt
    refute_hints
}
