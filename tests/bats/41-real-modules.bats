# With the modules that machines have: what they set for the session is what the command gets.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_crew
    make_user prt_alice
    make_user prt_bob
}

# Skip where MODULE is not installed.
needs_module() # MODULE
{
    [ -n "$(find /lib/*/security /lib/security /lib64/security /usr/lib/*/security /usr/lib/security \
        /usr/lib64/security -name "$1.so" 2>/dev/null | head -n 1)" ] || skip_test "needs $1"
}

# A profile of permits, in which stdin's lines come first.
real_profile() # NAME
{
    profile "$1" < <(
        cat
        for type in auth account password session; do echo "$type required pam_permit.so"; done
    )
}

# ---- the machine's own profiles -------------------------------------------------------------------------------

@test "the machine's own su, su-l and runuser profiles work" {
    local service options

    run_pamrun -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    run_pamrun -l prt_alice -c 'id -un; pwd'
    assert_eq "$status $stdout" $'0 prt_alice\n/home/prt_alice'
    for service in su su-l runuser runuser-l; do
        [ -e /etc/pam.d/$service ] || continue
        options=(--close-on-exit)
        [[ $service == su* ]] || options+=(--no-account) # runuser has no such step
        run_pamrun --profile $service "${options[@]}" -u prt_alice -- id
        assert_status 0
        assert_eq "$stdout" "$(id prt_alice)"
        assert_eq "$stderr" ""
    done
}

@test "pam_deny refuses, at each step" {
    local type status_wanted

    while read -r type status_wanted; do
        real_profile prt_deny <<<"$type required pam_deny.so"
        run_pamrun --profile prt_deny -u prt_alice -- id
        assert_status "$status_wanted"
        assert_eq "$stdout" ""
    done <<'END'
auth 77
account 77
session 71
END
}

# ---- passwords ------------------------------------------------------------------------------------------------

password_profile()
{
    profile prt_password <<'END'
auth required pam_unix.so nodelay
account required pam_unix.so
session required pam_unix.so
END
}

@test "pam_unix: the right password, typed on the terminal, lets the command run" {
    password_profile
    set_password prt_alice 'Right.pass.1'
    run_ptyrun --expect "assword: " --await -ECHO --send 'Right.pass.1\r' -- \
        "${pamrun_for_crypt[@]}" --profile prt_password -u prt_alice -- id -un
    assert_status 0
    assert_match "$stdout" prt_alice
    refute_contains "$stdout" Right
}

@test "pam_unix: a wrong password, none, and that of a locked account are refused" {
    local answer

    password_profile
    set_password prt_alice 'Right.pass.1'
    for answer in 'Right.pass.2\r' '\r' 'Right.pass.1x\r' 'Right.pass.\r'; do
        run_ptyrun --expect "assword: " --await -ECHO --send "$answer" -- \
            "${pamrun_for_crypt[@]}" --profile prt_password -u prt_alice -- echo done
        assert_status 77
        refute_contains "$stdout" done
    done
    passwd --lock prt_alice
    run_ptyrun --expect "assword: " --await -ECHO --send 'Right.pass.1\r' -- \
        "${pamrun_for_crypt[@]}" --profile prt_password -u prt_alice -- echo done
    assert_status 77
    passwd --unlock prt_alice
}

@test "pam_unix: without a terminal the password is not read from stdin" {
    password_profile
    set_password prt_alice 'Right.pass.1'
    run_pamrun --profile prt_password -u prt_alice -- echo done <<<'Right.pass.1'
    assert_status 77
    assert_eq "$stdout" ""
    assert_match "$stderr" 'hint: .*Password:.*terminal'
}

# ---- who may --------------------------------------------------------------------------------------------------

@test "pam_access and pam_nologin refuse as they are told to" {
    needs_module pam_access
    printf -- '-:prt_alice:ALL\n+:ALL:ALL\n' >"$TEST_DIR/access.conf"
    chmod 0755 "$TEST_DIR"
    real_profile prt_access <<<"account required pam_access.so accessfile=$TEST_DIR/access.conf nodefgroup"
    run_pamrun --profile prt_access -u prt_alice -- id -un
    assert_status 77
    assert_contains "$stderr" PAM_PERM_DENIED
    run_pamrun --profile prt_access -u prt_bob -- id -un
    assert_eq "$status $stdout" "0 prt_bob"
    printf 'closed for the weekend\n' >"$TEST_DIR/nologin"
    real_profile prt_nologin <<<"account required pam_nologin.so file=$TEST_DIR/nologin"
    run_pamrun --profile prt_nologin -u prt_alice -- id -un
    assert_status 77
    assert_eq "$stdout" ""
    assert_contains "$stderr" "closed for the weekend"
}

@test "pam_access sees the host of --pam-rhost" {
    needs_module pam_access
    printf -- '-:prt_alice:bad.example\n+:ALL:ALL\n' >"$TEST_DIR/access.conf"
    real_profile prt_access <<<"account required pam_access.so accessfile=$TEST_DIR/access.conf nodefgroup"
    run_pamrun --profile prt_access --pam-rhost bad.example -u prt_alice -- id -un
    assert_status 77
    run_pamrun --profile prt_access --pam-rhost good.example -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}

# ---- what a session sets --------------------------------------------------------------------------------------

@test "pam_env: its variables are the command's, those that never pass are not" {
    local facility

    cat >"$TEST_DIR/environment" <<'END'
FROM_FILE=yes
PATH=/file/bin:/usr/bin:/bin
LD_PRELOAD=/evil.so
HOME=/evil
IFS=evil
END
    printf 'FROM_CONF DEFAULT=conf\nOF_USER DEFAULT=@{HOME}\n' >"$TEST_DIR/pam_env.conf"
    chmod 0755 "$TEST_DIR"
    for facility in auth session; do
        real_profile prt_env \
            <<<"$facility required pam_env.so conffile=$TEST_DIR/pam_env.conf envfile=$TEST_DIR/environment"
        run_pamrun --profile prt_env -u prt_alice -- env
        assert_status 0
        assert_match "$stdout" $'(^|\n)FROM_FILE=yes(\n|$)'
        assert_match "$stdout" $'(^|\n)FROM_CONF=conf(\n|$)'
        assert_match "$stdout" $'(^|\n)OF_USER=/home/prt_alice(\n|$)'
        assert_match "$stdout" $'(^|\n)PATH=/file/bin:/usr/bin:/bin(\n|$)'
        assert_match "$stdout" $'(^|\n)HOME=/home/prt_alice(\n|$)'
        refute_contains "$stdout" evil
    done
}

@test "pam_limits: the command has the account's limits" {
    needs_module pam_limits
    cat >"$TEST_DIR/limits.conf" <<'END'
prt_alice soft nofile 123
prt_alice hard nofile 456
prt_alice - nproc 77
prt_alice - core 0
prt_bob - nofile 99
END
    real_profile prt_limits <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    run_pamrun --profile prt_limits --close-on-exit -u prt_alice -- sh -c 'ulimit -Sn; ulimit -Hn; cat /proc/$$/limits'
    assert_status 0
    assert_eq "${lines[0]} ${lines[1]}" "123 456"
    assert_match "$stdout" 'Max processes +77 +77 '
    assert_match "$stdout" 'Max core file size +0 +0 '
    run_pamrun --profile prt_limits -u prt_bob -- sh -c 'ulimit -Sn; ulimit -Hn'
    assert_eq "$stdout" $'99\n99'
}

@test "pam_limits: priority and a refusal for too many logins" {
    needs_module pam_limits
    printf 'prt_alice - priority 7\n' >"$TEST_DIR/limits.conf"
    real_profile prt_limits <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    run_pamrun --profile prt_limits -u prt_alice -- nice
    assert_eq "$status $stdout" "0 7"
    printf 'prt_alice - maxlogins 0\n' >"$TEST_DIR/limits.conf"
    run_pamrun --profile prt_limits -u prt_alice -- echo done
    assert_match "$status $stdout" '^(77 |0 done)$' # whether it counts depends on utmp
}

@test "pam_umask: its umask is the command's, whatever the caller's was" {
    local wanted callers

    needs_module pam_umask
    for wanted in 0022 0027 0077 0002 0023 0000 0026; do
        real_profile prt_umask <<<"session required pam_umask.so nousergroups umask=$wanted"
        for callers in 0022 0077 0000 0023 "$wanted"; do
            run_program sh -c 'umask "$1"; shift; exec "$@"' sh "$callers" \
                "$PAMRUN" --profile prt_umask -u prt_alice -- sh -c umask
            assert_eq "$status $stdout" "0 $wanted" "caller's umask $callers"
        done
    done
}

@test "without pam_umask the caller's umask is the command's" {
    local callers

    real_profile prt_plain </dev/null
    for callers in 0022 0077 0000 0023 0137; do
        run_program sh -c 'umask "$1"; shift; exec "$@"' sh "$callers" \
            "$PAMRUN" --profile prt_plain -u prt_alice -- sh -c umask
        assert_eq "$status $stdout" "0 $callers"
    done
}

@test "pam_group: groups that it adds are the command's, besides the account's own" {
    needs_module pam_group
    keep_file /etc/security/group.conf
    printf 'prt_group;*;prt_alice;Al0000-2400;prt_crew\n' >/etc/security/group.conf
    profile prt_group <<'END'
auth required pam_permit.so
auth required pam_group.so
account required pam_permit.so
session required pam_permit.so
END
    run_pamrun --profile prt_group -u prt_alice -- id -Gn
    assert_status 0
    assert_eq "$(tr ' ' '\n' <<<"$stdout" | sort | paste -sd' ')" "prt_alice prt_crew"
    run_pamrun --profile prt_group -u prt_bob -- id -Gn
    assert_eq "$stdout" prt_bob
}

@test "pam_cap: ambient capabilities of a user reach his command, and no other's" {
    local set

    needs_module pam_cap
    printf '^cap_net_raw prt_alice\nnone *\n' >"$TEST_DIR/capability.conf"
    profile prt_cap <<END
auth required pam_permit.so
auth optional pam_cap.so keepcaps defer config=$TEST_DIR/capability.conf
account required pam_permit.so
session required pam_permit.so
END
    for set in "" --close-on-exit --exec; do
        # shellcheck disable=SC2086 # a word or none
        run_pamrun --profile prt_cap $set -u prt_alice -- sh -c 'cat /proc/self/status'
        assert_status 0
        assert_match "$stdout" $'CapAmb:.0000000000002000'
        assert_match "$stdout" $'CapEff:.0000000000002000'
        assert_match "$stdout" $'CapPrm:.0000000000002000'
        assert_match "$stdout" "Uid:.$(id -u prt_alice).$(id -u prt_alice).$(id -u prt_alice)"
    done
    run_pamrun --profile prt_cap -u prt_bob -- cat /proc/self/status
    for set in CapInh CapPrm CapEff CapAmb; do
        assert_match "$stdout" "$set:.0000000000000000"
    done
}

@test "pam_mkhomedir: a login starts in the home that open_session made" {
    needs_module pam_mkhomedir
    make_user prt_fresh --no-create-home
    rm -rf /home/prt_fresh
    real_profile prt_home <<<"session required pam_mkhomedir.so umask=0077"
    run_pamrun --profile prt_home -l prt_fresh -c 'pwd; echo $HOME; touch here'
    assert_eq "$status $stdout" $'0 /home/prt_fresh\n/home/prt_fresh'
    refute_contains "$stderr" "cannot be entered"
    assert_eq "$(stat -c '%U %a' /home/prt_fresh)" "prt_fresh 700"
    assert test -e /home/prt_fresh/here
    rm -rf /home/prt_fresh
    run_pamrun --profile prt_home --chdir /home/prt_fresh -u prt_fresh -- pwd
    assert_eq "$status $stdout" "0 /home/prt_fresh"
    rm -rf /home/prt_fresh
}

@test "pam_namespace: the command's directory is the one of that path in the session's mounts" {
    needs_module pam_namespace
    mkdir -m 000 "$TEST_DIR/instances"
    mkdir -m 1777 "$TEST_DIR/private"
    mkdir "$TEST_DIR/private/of-the-machine"
    keep_file /etc/security/namespace.conf
    printf '%s %s/ user root\n' "$TEST_DIR/private" "$TEST_DIR/instances" >/etc/security/namespace.conf
    real_profile prt_space <<<"session required pam_namespace.so"
    run_program sh -c "cd $TEST_DIR/private; exec $PAMRUN --profile prt_space -u prt_alice -- sh -c 'pwd; ls; touch here; ls'"
    assert_eq "$status $stderr" "0 "
    assert_eq "$stdout" "$TEST_DIR/private
here"
    assert_eq "$(ls "$TEST_DIR/private")" of-the-machine
    run_program sh -c "cd $TEST_DIR/private/of-the-machine; exec $PAMRUN --profile prt_space -u prt_alice -- pwd"
    assert_eq "$status $stdout" "0 /"
    assert_eq "$stderr" "pamrun: the working directory is not there for the command, starting in /"
}

@test "pam_exec: a script of the session sees who, what and where, and nothing of the caller's environment" {
    needs_module pam_exec
    cat >"$TEST_DIR/hook" <<END
#!/bin/sh
env >>$TEST_DIR/seen
umask >>$TEST_DIR/umask
END
    chmod 0755 "$TEST_DIR" "$TEST_DIR/hook"
    real_profile prt_exec <<<"session required pam_exec.so $TEST_DIR/hook"
    run_program env EVIL=1 BASH_ENV=/evil "$PAMRUN" --profile prt_exec --close-on-exit --pam-setenv JOB=4711 \
        --pam-rhost client.example -u prt_alice -- true
    assert_status 0
    assert_eq "$(grep -c '^PAM_TYPE=open_session$' "$TEST_DIR/seen")" 1
    assert_eq "$(grep -c '^PAM_TYPE=close_session$' "$TEST_DIR/seen")" 1
    assert_eq "$(grep -c '^PAM_USER=prt_alice$' "$TEST_DIR/seen")" 2
    assert_eq "$(grep -c '^PAM_RUSER=root$' "$TEST_DIR/seen")" 2
    assert_eq "$(grep -c '^PAM_RHOST=client.example$' "$TEST_DIR/seen")" 2
    assert_eq "$(grep -c '^JOB=4711$' "$TEST_DIR/seen")" 2
    assert_eq "$(grep -ciE 'evil|PAM_TTY' "$TEST_DIR/seen")" 0
}

@test "pam_exec: what a hook prints does not come on the command's stdout, nor eat its stdin" {
    needs_module pam_exec
    printf '#!/bin/sh\ncat\necho from the hook\n' >"$TEST_DIR/hook"
    chmod 0755 "$TEST_DIR" "$TEST_DIR/hook"
    real_profile prt_exec <<<"session required pam_exec.so stdout $TEST_DIR/hook"
    run_pamrun --profile prt_exec -u prt_alice -- cat <<<"of the job"
    assert_eq "$status $stdout" "0 of the job"
}
