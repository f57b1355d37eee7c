# What a run that joins a shared session has of it: the same as a run with a session of its own, module by module.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/sharing

setup_file()
{
    begin_file
    begin_sharing
    make_group prt_crew
}

setup()
{
    begin_test
    begin_sharing_test
    site_policy <<<"user-profiles = prt_job"
}

teardown()
{
    end_sessions
    root_remove
    cleanup_all
}

# ---- a session, and who joins it: of prt_job and prt_alice -------------------------------------------------------

# Open one, by a run that is as PREFIX (a line of shell) makes it, and stays in it.
session_open() # [PREFIX [ACCOUNT]]
{
    end_sessions
    start_program sh -c "${1-:}"'; exec "$@"' sh "$PAMRUN" --share --profile prt_job -u "${2-prt_alice}" -- \
        sh -c 'echo open; exec sleep 600'
    wait_until 30 session_is_there
    [ -s "$pamrun_stdout" ] || { end_status "$pamrun_pid"; fail_because "no session"; }
}

session_is_there()
{
    [ -s "$pamrun_stdout" ] || program_has_ended "$pamrun_pid"
}

# Whoever opened it was the last.
session_close()
{
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    wait_until 30 has_no_keeper
}

# Run COMMAND in it, as PREFIX makes it.
join() # PREFIX COMMAND...
{
    run_program sh -c "$1"'; exec "$@"' sh "$PAMRUN" --share --profile prt_job -u prt_alice -- "${@:2}"
}

# The same without a step of its own: no module runs in it, and it does with less.
join_quickly() # PREFIX COMMAND...
{
    run_program sh -c "$1"'; exec "$@"' sh "$PAMRUN" --share --no-auth --no-account --profile prt_job -u prt_alice \
        -- "${@:2}"
}

# The same with a session of its own.
alone() # PREFIX COMMAND...
{
    run_program sh -c "$1"'; exec "$@"' sh "$PAMRUN" --close-on-exit --profile prt_job -u prt_alice -- "${@:2}"
}

# All that a command has and that is not its session's own, such as the numbers of namespaces.
facts='
id -u; id -g; id -G | tr " " "\n" | sort -n
grep -E "^(Cap|NoNewPrivs|Seccomp|Umask)" /proc/self/status
setpriv --dump | grep -i secure
cat /proc/self/limits
nice
cat /proc/self/loginuid; echo
'

# Whoever joins has what a run alone has, though he came with other things than the session's opener; stdout: that.
assert_same() # [COMMAND [STDERR]]
{
    local joins expected prefix="umask 077; ulimit -Sn 77; ulimit -Sc 0; renice -n 3 \$\$ >/dev/null"

    end_sessions # or it is warned of
    alone "$prefix" sh -c "${1-$facts}"
    assert_eq "$status $stderr" "0 ${2-}"
    expected=$stdout
    session_open "umask 022"
    for joins in join_quickly join; do
        "$joins" "$prefix" sh -c "${1-$facts}"
        assert_eq "$stderr" "${2-}"
        assert_eq "$stdout" "$expected"
        assert_status 0
    done
}

# What is taken over, as the keeper wrote it; without first and last line, and the account's own groups.
context_lines()
{
    sed '1,/^context$/d' "$session/state" | sed '1d;$d' | grep -v '^groups '
}

# A profile of permits, in which stdin's lines come first.
real_profile() # NAME
{
    profile "$1" < <(
        cat
        for type in auth account password session; do echo "$type required pam_permit.so"; done
    )
}

needs_module() # MODULE
{
    [ -n "$(find /lib/*/security /lib/security /lib64/security /usr/lib/*/security /usr/lib/security \
        /usr/lib64/security -name "$1.so" 2>/dev/null | head -n 1)" ] || skip_test "needs $1"
}

# ---- nothing, and one thing each --------------------------------------------------------------------------------

@test "where modules change nothing, a joiner keeps what it came with, and the file says so" {
    real_profile prt_job </dev/null
    assert_same
    assert_eq "$(context_lines)" ""
}

@test "pam_env: its variables, and those of the caller as ever" {
    printf 'OF_SESSION DEFAULT=yes\nOF_ACCOUNT DEFAULT=@{HOME}\n' >"$TEST_DIR/pam_env.conf"
    chmod 0755 "$TEST_DIR"
    real_profile prt_job <<<"session required pam_env.so conffile=$TEST_DIR/pam_env.conf envfile=/dev/null"
    export OF_CALLER=also
    assert_same 'env | sort'
    assert_match "$stdout" $'\nOF_ACCOUNT=/home/prt_alice\nOF_CALLER=also\nOF_SESSION=yes\n'
}

@test "pam_umask: the session's umask, also where it is the one that modules run with" {
    local mask

    needs_module pam_umask
    for mask in 0027 0022 0000; do
        real_profile prt_job <<<"session required pam_umask.so nousergroups umask=$mask"
        assert_same
        assert_match "$stdout" $'\nUmask:.'"$mask"$'\n'
        assert_eq "$(context_lines)" "$(printf 'umask %o' "$((mask))")"
    done
}

@test "pam_limits: limits that the profile sets, not those that the opener came with" {
    needs_module pam_limits
    cat >"$TEST_DIR/limits.conf" <<'END'
prt_alice soft nofile 123
prt_alice hard nofile 456
prt_alice - nproc 77
prt_alice - core 0
prt_alice soft fsize 1000
END
    real_profile prt_job <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    assert_same
    assert_match "$stdout" 'Max open files +123 +456 '
    assert_match "$stdout" 'Max processes +77 +77 '
    assert_match "$stdout" 'Max core file size +0 +0 '
    assert_match "$stdout" 'Max file size +1024000 +unlimited '
    # Debian's pam_limits sets the others, too, to those of process 1
    assert_contains "$(context_lines)" "limit core 0 0"
    assert_contains "$(context_lines)" "limit nproc 77 77"
    assert_contains "$(context_lines)" "limit nofile 123 456"
}

@test "pam_limits: a limit that is set to what the opener has already is the joiner's, too" {
    local expected

    needs_module pam_limits
    printf 'prt_alice soft nofile 150\nprt_alice soft fsize unlimited\n' >"$TEST_DIR/limits.conf"
    real_profile prt_job <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    alone "ulimit -Sn 130; ulimit -Sf 1000" sh -c 'ulimit -Sn; ulimit -Sf'
    assert_eq "$status $output" $'0 150\nunlimited'
    expected=$stdout
    session_open "ulimit -Sn 150; ulimit -Sf unlimited"
    join "ulimit -Sn 130; ulimit -Sf 1000" sh -c 'ulimit -Sn; ulimit -Sf'
    assert_eq "$status $output" "0 $expected"
}

@test "pam_limits: a hard limit above the joiner's, which may not be raised, keeps the run from joining" {
    local without='setpriv --bounding-set=-sys_resource --'

    needs_module pam_limits
    printf 'prt_alice - nofile 300\n' >"$TEST_DIR/limits.conf"
    real_profile prt_job <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    session_open
    # shellcheck disable=SC2086
    run_program $without sh -c 'ulimit -n 200; exec "$@"' sh "$PAMRUN" --share --profile prt_job -u prt_alice -- echo joined
    assert_status 75
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: shared session: its hard limit of nofile, 300, is above this run's, 200, which may not \
be raised here
hint: raising it needs CAP_SYS_RESOURCE, which this process does not have; call pamrun where the hard limit is higher \
(ulimit -H, systemd: Limit...=), or without --share"
}

@test "pam_limits: a priority" {
    needs_module pam_limits
    printf 'prt_alice - priority 7\n' >"$TEST_DIR/limits.conf"
    real_profile prt_job <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    assert_same
    assert_match "$stdout" $'\n7\n'
    assert_contains "$(context_lines)" "nice 7"
}

@test "pam_group: groups that it adds" {
    needs_module pam_group
    keep_file /etc/security/group.conf
    printf 'prt_job;*;prt_alice;Al0000-2400;prt_crew\n' >/etc/security/group.conf
    profile prt_job <<'END'
auth required pam_permit.so
auth required pam_group.so
account required pam_permit.so
session required pam_permit.so
END
    assert_same
    assert_match "$stdout" $'\n'"$(getent group prt_crew | cut -d: -f3)"$'\n'
    assert_eq "$(context_lines)" "groups-added $(getent group prt_crew | cut -d: -f3)"
}

@test "groups that a module takes away are not a joiner's" {
    usermod -aG prt_crew prt_alice
    probe_profile prt_job
    probe_script <<<"open_session setgroups $(id -g prt_alice) 54321"
    assert_same
    refute_contains "$stdout" "$(getent group prt_crew | cut -d: -f3)"
    assert_eq "$(context_lines)" "groups-added 54321
groups-removed $(getent group prt_crew | cut -d: -f3)"
    gpasswd -d prt_alice prt_crew
}

@test "pam_cap: ambient capabilities, which it sets when the handle ends, and the bounding set" {
    local more ambient

    needs_module pam_cap
    printf '^cap_net_raw,cap_net_admin prt_alice\nnone *\n' >"$TEST_DIR/capability.conf"
    while IFS=: read -r more ambient; do # without these words the change of ids takes the ambient ones away
        profile prt_job <<END
auth required pam_permit.so
auth optional pam_cap.so $more config=$TEST_DIR/capability.conf
account required pam_permit.so
session required pam_permit.so
END
        assert_same
        assert_match "$stdout" "CapAmb:.000000000000$ambient"
        assert_match "$stdout" "CapInh:.0000000000003000"
        assert_eq "$(context_lines)" "capabilities ${ambient/0000/0} 3000 0 0 0"
    done < <(printf '%s\n' "keepcaps defer:2000" ":0000")
}

@test "bounding set, securebits and no_new_privs" {
    probe_profile prt_job
    probe_script <<'END'
setcred-establish bounding cap_sys_time
open_session confine no-new-privs
open_session confine no-ambient
END
    assert_same
    assert_match "$stdout" $'NoNewPrivs:.1\n'
    assert_match "$stdout" $'Securebits: 0xc0\n'
    assert_eq "$(context_lines)" "capabilities 0 0 2000000 c0 1"
}

@test "pam_namespace: private directories, and what is mounted there" {
    needs_module pam_namespace
    mkdir -m 000 "$TEST_DIR/instances"
    mkdir -m 1777 "$TEST_DIR/private"
    keep_file /etc/security/namespace.conf
    printf '%s %s/ user root\n' "$TEST_DIR/private" "$TEST_DIR/instances" >/etc/security/namespace.conf
    real_profile prt_job <<<"session required pam_namespace.so"
    session_open
    join : touch "$TEST_DIR/private/here"
    assert_eq "$status $output" "0 "
    refute test -e "$TEST_DIR/private/here"
    assert_same "$facts ls $TEST_DIR/private"
    assert_match "$stdout" $'\nhere$'
}

@test "network, host name and System V IPC of the session's own" {
    probe_profile prt_job
    probe_script <<'END'
open_session unshare net
open_session unshare uts
open_session hostname prt-session
open_session unshare ipc
END
    assert_same "$facts hostname; ls /sys/class/net /proc/sys/net; cat /proc/net/dev"
    assert_contains "$stdout" prt-session    assert_match "$(context_lines)" '^namespace net '
}

@test "pam_keyinit: keys of the session's keyring, by a keyring of the joiner's own that is the account's" {
    local linked

    needs_module pam_keyinit
    needs keyctl
    real_profile prt_job <<<"session required pam_keyinit.so force revoke"
    session_open
    linked=$(context_lines | sed -n 's/^keyring \([0-9]*\) .*/\1/p')
    assert_eq "$(context_lines)" "keyring $linked $(id -u prt_alice) $(id -g prt_alice)"
    join : sh -c "keyctl add user of-session secret $linked; keyctl describe @s"
    assert_status 0
    assert_eq "$stderr" ""
    assert_match "${lines[1]}" "alswrv.* $(id -u prt_alice) +$(id -g prt_alice) keyring: _ses\$"
    # another joiner has it; who has not joined neither sees nor can use it, root included
    # shellcheck disable=SC2016
    join : sh -c 'keyctl print "$(keyctl search @s user of-session)"; keyctl list @s'
    assert_status 0
    assert_eq "${lines[0]}" secret
    assert_eq "${lines[1]}" "1 key in keyring:"
    run_program keyctl link "$linked" @s
    assert_status 1
    run_program_as prt_bob keyctl link "$linked" @s
    assert_status 1
    # closed, and revoked with it
    session_close
    run_program_as prt_alice keyctl list "$linked"
    assert_status 1
}

@test "pam_loginuid: who logged in, unless somebody has" {
    needs_module pam_loginuid
    real_profile prt_job <<<"session required pam_loginuid.so"
    alone : cat /proc/self/loginuid
    assert_eq "$status $output" "0 $(id -u prt_alice)"
    session_open
    join : cat /proc/self/loginuid
    assert_eq "$status $output" "0 $(id -u prt_alice)"
    join 'echo 4711 >/proc/self/loginuid' cat /proc/self/loginuid
    assert_eq "$status $output" "0 4711"
    assert_eq "$(context_lines)" "loginuid $(id -u prt_alice)"
}

# ---- who cannot, and what cannot ---------------------------------------------------------------------------------

@test "the session's namespaces are refused to who is not where it was opened, and a command of it may join again" {
    local space run=("$PAMRUN" --share --profile prt_job -u prt_alice -- echo joined)

    probe_profile prt_job
    probe_script <<'END'
open_session unshare mnt
open_session unshare net
open_session unshare uts
open_session unshare ipc
END
    session_open
    for space in mnt:mount net:net uts:uts ipc:ipc; do
        run_program unshare "--${space#*:}" "${run[@]}"
        assert_status 75
        assert_eq "$stdout" ""
        assert_eq "$stderr" "pamrun: shared session: it was opened from another ${space%:*} namespace than this run is \
in, and has one of its own
hint: start pamrun where the session was opened (not in a container or in another unit of systemd's with mounts or a \
network of its own), or without --share"
    done
    # from inside of it: root, and the account
    run_program nsenter --target "$(keepers)" --all "${run[@]}"
    assert_eq "$status $output" "0 joined"
    probe_profile su
    join : "$PAMRUN" --share --profile prt_job -u prt_alice -- echo joined
    assert_eq "$status $output" "0 joined"
}

@test "where nothing changed, nobody is asked where he is" {
    real_profile prt_job </dev/null
    session_open
    run_program unshare --mount --net --uts --ipc "$PAMRUN" --share --profile prt_job -u prt_alice -- echo joined
    assert_eq "$status $output" "0 joined"
}

@test "a keyring that was revoked: 75, and nothing runs" {
    needs_module pam_keyinit
    needs keyctl
    real_profile prt_job <<<"session required pam_keyinit.so force revoke"
    session_open
    join : keyctl revoke "$(context_lines | sed -n 's/^keyring \([0-9]*\) .*/\1/p')"
    assert_status 0
    join : echo joined
    assert_status 75
    assert_eq "$output" "pamrun: shared session: its session keyring cannot be taken over: Key has been revoked"
}

@test "what confines the session's processes and cannot be taken over keeps the profile from being shared" {
    local what words

    probe_profile prt_job
    while IFS=: read -r what words; do
        probe_script <<<"open_session $what"
        : >"$PROBE_LOG_FILE"
        run_pamrun --share --profile prt_job -u prt_alice -- echo ran
        assert_status 69
        assert_eq "$stdout" ""
        assert_eq "$stderr" "pamrun: this profile cannot be shared: a module of it has put the session's process $words, \
which runs that join cannot take over
hint: call pamrun without --share, or take that module out of the profile"
        assert_all_closed
    done <<'END'
unshare pid:into another pid namespace
confine filter:behind a filter of system calls (seccomp)
unshare time:into another time namespace
END
}

@test "a copy of the keeper that does not end its handle, or ends there, is an error of the opener's, and all is undone" {
    # the mark of "once" is for both of them to make
    install -d -m 0777 "$TEST_DIR/open"
    printf 'cleanup once _exit 0\n' >"$TEST_DIR/open/script"
    profile prt_job < <(for type in auth account session; do
        probe_line $type required | sed "s#script=[^ ]*#script=$TEST_DIR/open/script#"
    done)
    run_pamrun --share --profile prt_job -u prt_alice -- echo ran
    assert_status 71
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: shared session: a copy of the keeper, to see what a command would be: it ended (a module?)"
    assert_all_closed
}

@test "what is not as the keeper wrote it is not taken over" {
    real_profile prt_job </dev/null
    session_open
    sed -i 's/^end$/capabilities 1ffffffffff 1ffffffffff 0 0 0/' "$session/state"
    join : echo joined
    assert_status 75
    assert_eq "$stdout" ""
    assert_match "$stderr" 'shared session .*: its state is not as pamrun writes it'
}

# ---- others than root ---------------------------------------------------------------------------------------------

@test "other callers have the same of it" {
    local caller expected

    needs_module pam_limits
    needs_module pam_cap
    printf 'prt_alice - nofile 300\nprt_alice - nproc 500\n' >"$TEST_DIR/limits.conf"
    printf '^cap_net_raw prt_alice\nnone *\n' >"$TEST_DIR/capability.conf"
    mkdir -m 000 "$TEST_DIR/instances"
    mkdir -m 1777 "$TEST_DIR/private"
    keep_file /etc/security/namespace.conf
    printf '%s %s/ user root\n' "$TEST_DIR/private" "$TEST_DIR/instances" >/etc/security/namespace.conf
    profile prt_job <<END
auth required pam_permit.so
auth optional pam_cap.so keepcaps defer config=$TEST_DIR/capability.conf
account required pam_permit.so
session required pam_limits.so conf=$TEST_DIR/limits.conf
session required pam_umask.so nousergroups umask=0027
session required pam_keyinit.so force revoke
session required pam_namespace.so
END
    session_open
    join : sh -c "touch $TEST_DIR/private/here; $facts"
    assert_eq "$status $stderr" "0 "
    expected=$stdout
    assert_match "$expected" $'CapAmb:.0000000000002000'
    for caller in prt_alice prt_bob; do
        run_pamrun_as $caller --share --profile prt_job -u prt_alice -- \
            sh -c "$facts ls $TEST_DIR/private; keyctl list @s | head -n 1"
        assert_eq "$status $stderr" "0 "
        assert_eq "$stdout" "$expected
here
1 key in keyring:"
    done
}

@test "root as the account: the bounding set, and no_new_privs" {
    probe_profile prt_job
    probe_script <<'END'
setcred-establish bounding cap_sys_time
open_session confine no-new-privs
END
    session=/run/pamrun/0.prt_job
    session_open : root
    run_pamrun --share --profile prt_job -u root -- grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status
    assert_eq "$status $stderr" "0 "
    assert_match "$stdout" $'NoNewPrivs:.1$'
    assert_eq "$(sed -n 's/^CapBnd:.//p' <<<"$stdout")" "$(sed -n 's/^CapEff:.//p' <<<"$stdout")"
    assert_eq $(((0x$(sed -n 's/^CapBnd:.//p' <<<"$stdout") >> 25) & 1)) 0
}

# A root directory with a shell in it, and its limits.conf. Not in the test's folder, which is removed with all below it.
root=/var/lib/prt_root
root_make()
{
    local file

    mkdir -p $root/{bin,proc,run}
    for file in $(ldd /bin/sh | grep -o '/[^ ]*'); do
        mkdir -p "$root/${file%/*}"
        cp -L "$file" "$root/$file"
    done
    cp -L /bin/sh $root/bin/sh
    : >$root/of-the-session
    chmod -R go+rX $root
    printf 'prt_alice - chroot %s\n' $root >"$TEST_DIR/limits.conf"
    real_profile prt_job <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
}

root_remove()
{
    [ -e $root ] || return 0
    umount -l $root/proc $root/run 2>/dev/null || true
    rm -rf --one-file-system $root
}

@test "a root directory of the session's own: what is outside of it is not a joiner's" {
    needs_module pam_limits
    root_make
    mount --bind /proc $root/proc
    mount --rbind /run $root/run
    # what the caller's directory was is no way out
    assert_same 'echo /*; pwd; echo *; cd ..; echo *; cd /..; echo *' \
        "pamrun: the working directory is not there for the command, starting in /"
    assert_match "$stdout" '^/bin /lib.* /of-the-session /proc /run
/
bin '
    run_pamrun_as prt_alice --share --profile prt_job --chdir / -u prt_alice -- /bin/sh -c 'echo /*'
    assert_eq "$status $output" "0 ${stdout%%$'\n'*}"
}

@test "a session whose keeper would not see its leases is not shared" {
    needs_module pam_limits
    root_make
    run_pamrun --share --profile prt_job -u prt_alice -- /bin/sh -c 'echo ran'
    assert_status 69
    assert_eq "$stdout" ""
    assert_match "$stderr" "^pamrun: this profile cannot be shared: a module of it has put the session's process where it does \
not see /proc and /run/pamrun, which"
}

@test "libpam-net: a network of the session's own" {
    needs_module pam_newnet
    usermod -aG prt_crew prt_alice
    real_profile prt_job <<<"session required pam_newnet.so group=prt_crew"
    assert_same "$facts cat /proc/net/dev | cut -d: -f1; ls /proc/sys/net/ipv4/conf"
    assert_match "$stdout" $'\n +lo\n'
    assert_match "$(context_lines)" "^namespace net "
    gpasswd -d prt_alice prt_crew >/dev/null
    # others have the machine's
    session_open
    assert_eq "$(context_lines)" ""
}
