# What a run that joins a shared session has of it: the same as a run with a session of its own, module by module.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what the libraries set

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    make_group prt_crew
}

teardown()
{
    session_end
    cleanup_all
}

# ---- a session, and who joins it --------------------------------------------------------------------------------

keeper=''

session_end()
{
    [ -z "$keeper" ] || { kill "$keeper" 2>/dev/null && end_status "$keeper"; } || true
    keeper=''
}

# Open one of PROFILE for prt_alice, by a process that is as PREFIX (a line of shell) makes it.
session_open() # PROFILE [PREFIX]
{
    session_end
    rm -f "$TEST_DIR/context"
    start_program sh -c "${2-:}"'; exec "$@"' sh "$TOOLS/takeover" keep "$1" prt_alice "$TEST_DIR/context"
    keeper=$pamrun_pid
    wait_until 30 session_is_there
    [ -e "$TEST_DIR/context" ] || { end_status "$keeper"; fail_because "no session"; }
}

session_is_there()
{
    [ -e "$TEST_DIR/context" ] || program_has_ended "$keeper"
}

# Run COMMAND in it, as PREFIX makes it.
join() # PREFIX COMMAND...
{
    run_program sh -c "$1"'; exec "$@"' sh "$TOOLS/takeover" join prt_alice "$TEST_DIR/context" "$keeper" "${@:2}"
}

# The same with a session of its own.
alone() # PREFIX PROFILE COMMAND...
{
    run_program sh -c "$1"'; exec "$@"' sh "$PAMRUN" --close-on-exit --profile "$2" -u prt_alice -- "${@:3}"
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

# Whoever joins has what a run alone has, whatever he and the session's opener came with; stdout: the latter.
assert_same() # PROFILE [COMMAND]
{
    local prefix expected

    session_open "$1" "umask 022"
    for prefix in "umask 022" "umask 077; ulimit -Sn 77; ulimit -Sc 0; renice -n 3 \$\$ >/dev/null"; do
        alone "$prefix" "$1" sh -c "${2-$facts}"
        assert_status 0
        expected=$stdout
        join "$prefix" sh -c "${2-$facts}"
        assert_eq "$stderr" ""
        assert_eq "$stdout" "$expected" "joined: $prefix"
        assert_status 0
    done
}

context_lines() # the file's, without first and last
{
    sed '1d;$d' "$TEST_DIR/context"
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
    real_profile prt_plain </dev/null
    assert_same prt_plain
    assert_eq "$(<"$TEST_DIR/context")" $'pamrun-context 1\nend'
}

@test "pam_umask: the session's umask, also where it is the one that modules run with" {
    local mask

    needs_module pam_umask
    for mask in 0027 0022 0077 0000; do
        real_profile prt_umask <<<"session required pam_umask.so nousergroups umask=$mask"
        assert_same prt_umask
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
    real_profile prt_limits <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    assert_same prt_limits
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
    real_profile prt_limits <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    alone "ulimit -Sn 130; ulimit -Sf 1000" prt_limits sh -c 'ulimit -Sn; ulimit -Sf'
    assert_eq "$status $output" $'0 150\nunlimited'
    expected=$stdout
    session_open prt_limits "ulimit -Sn 150; ulimit -Sf unlimited"
    join "ulimit -Sn 130; ulimit -Sf 1000" sh -c 'ulimit -Sn; ulimit -Sf'
    assert_eq "$status $output" "0 $expected"
}

@test "pam_limits: a hard limit above the joiner's, which may not be raised, keeps the run from joining" {
    local without='setpriv --bounding-set=-sys_resource --'

    needs_module pam_limits
    printf 'prt_alice - nofile 300\n' >"$TEST_DIR/limits.conf"
    real_profile prt_limits <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    session_open prt_limits
    # shellcheck disable=SC2086
    run_program $without sh -c 'ulimit -n 200; exec "$@"' sh "$TOOLS/takeover" join prt_alice "$TEST_DIR/context" \
        "$keeper" echo joined
    assert_status 75
    assert_eq "$stdout" ""
    assert_eq "$stderr" "takeover: shared session: its hard limit of nofile, 300, is above this run's, 200, which may not \
be raised here
hint: raising it needs CAP_SYS_RESOURCE, which this process does not have; call pamrun where the hard limit is higher \
(ulimit -H, systemd: Limit...=), or without --share"
}

@test "pam_limits: a priority" {
    needs_module pam_limits
    printf 'prt_alice - priority 7\n' >"$TEST_DIR/limits.conf"
    real_profile prt_limits <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    assert_same prt_limits
    assert_match "$stdout" $'\n7\n'
    assert_contains "$(context_lines)" "nice 7"
}

@test "pam_group: groups that it adds" {
    needs_module pam_group
    keep_file /etc/security/group.conf
    printf 'prt_group;*;prt_alice;Al0000-2400;prt_crew\n' >/etc/security/group.conf
    profile prt_group <<'END'
auth required pam_permit.so
auth required pam_group.so
account required pam_permit.so
session required pam_permit.so
END
    assert_same prt_group
    assert_match "$stdout" $'\n'"$(getent group prt_crew | cut -d: -f3)"$'\n'
    assert_eq "$(context_lines)" "groups-added $(getent group prt_crew | cut -d: -f3)"
}

@test "groups that a module takes away are not a joiner's" {
    usermod -aG prt_crew prt_alice
    probe_profile prt_job
    probe_script <<<"open_session setgroups $(id -g prt_alice) 54321"
    assert_same prt_job
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
        profile prt_cap <<END
auth required pam_permit.so
auth optional pam_cap.so $more config=$TEST_DIR/capability.conf
account required pam_permit.so
session required pam_permit.so
END
        assert_same prt_cap
        assert_match "$stdout" "CapAmb:.000000000000$ambient"
        assert_match "$stdout" "CapInh:.0000000000003000"
        assert_eq "$(context_lines)" "capabilities ${ambient/0000/0} 3000 0 0 0"
    done < <(printf '%s\n' "keepcaps defer:2000" ":0000")
}

@test "bounding set, securebits and no_new_privs, for an account that is not root and for one that is" {
    probe_profile prt_job
    probe_script <<'END'
setcred-establish bounding cap_sys_time
open_session confine no-new-privs
open_session confine no-ambient
END
    assert_same prt_job
    assert_match "$stdout" $'NoNewPrivs:.1\n'
    assert_match "$stdout" $'Securebits: 0xc0\n'
    assert_eq "$(context_lines)" "capabilities 0 0 2000000 c0 1"
}

@test "pam_namespace: private directories, and what is mounted there" {
    needs_module pam_namespace
    mkdir -m 000 "$TEST_DIR/instances"
    mkdir -m 1777 "$TEST_DIR/private"
    printf '%s %s/ user root\n' "$TEST_DIR/private" "$TEST_DIR/instances" >/etc/security/namespace.conf
    real_profile prt_space <<<"session required pam_namespace.so"
    session_open prt_space
    join : touch "$TEST_DIR/private/here"
    assert_eq "$status $output" "0 "
    refute test -e "$TEST_DIR/private/here"
    assert_same prt_space "$facts ls $TEST_DIR/private"
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
    assert_same prt_job "$facts hostname; ls /sys/class/net /proc/sys/net; cat /proc/net/dev"
    assert_contains "$stdout" prt-session    assert_match "$(context_lines)" '^namespace net '
}

@test "pam_keyinit: keys of the session's keyring, by a keyring of the joiner's own that is the account's" {
    local linked

    needs_module pam_keyinit
    needs keyctl
    real_profile prt_keys <<<"session required pam_keyinit.so force revoke"
    session_open prt_keys
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
    session_end
    run_program_as prt_alice keyctl list "$linked"
    assert_status 1
}

@test "pam_loginuid: who logged in, unless somebody has" {
    needs_module pam_loginuid
    real_profile prt_login <<<"session required pam_loginuid.so"
    session_open prt_login
    alone : prt_login cat /proc/self/loginuid
    assert_eq "$status $output" "0 $(id -u prt_alice)"
    join : cat /proc/self/loginuid
    assert_eq "$status $output" "0 $(id -u prt_alice)"
    join 'echo 4711 >/proc/self/loginuid' cat /proc/self/loginuid
    assert_eq "$status $output" "0 4711"
    assert_eq "$(context_lines)" "loginuid $(id -u prt_alice)"
}

# ---- who cannot, and what cannot ---------------------------------------------------------------------------------

@test "the session's namespaces are refused to who is not where it was opened, and a command of it may join again" {
    local space tool=("$TOOLS/takeover" join prt_alice "$TEST_DIR/context")

    probe_profile prt_job
    probe_script <<'END'
open_session unshare mnt
open_session unshare net
open_session unshare uts
open_session unshare ipc
END
    session_open prt_job
    for space in mnt:mount net:net uts:uts ipc:ipc; do
        run_program unshare "--${space#*:}" "${tool[@]}" "$keeper" echo joined
        assert_status 75
        assert_eq "$stdout" ""
        assert_eq "$stderr" "takeover: shared session: it was opened from another ${space%:*} namespace than this run is \
in, and has one of its own
hint: start pamrun where the session was opened (not in a container or in another unit of systemd's with mounts or a \
network of its own), or without --share"
    done
    run_program unshare --pid --fork "${tool[@]}" "$keeper" echo joined
    assert_status 75
    assert_match "$stderr" "opened from another pid namespace"
    run_program unshare --user --map-root-user "${tool[@]}" "$keeper" echo joined
    assert_status 75
    assert_match "$stderr" "opened from another user namespace"
    run_program chroot / "${tool[@]}" "$keeper" echo joined
    assert_eq "$status $output" "0 joined"
    # from inside of it
    run_program nsenter --target "$keeper" --all "${tool[@]}" "$keeper" echo joined
    assert_eq "$status $output" "0 joined"
}

@test "where nothing changed, nobody is asked where he is" {
    real_profile prt_plain </dev/null
    session_open prt_plain
    run_program unshare --mount --net --pid --fork "$TOOLS/takeover" join prt_alice "$TEST_DIR/context" "$keeper" echo joined
    assert_eq "$status $output" "0 joined"
}

@test "a keeper that has ended: 75" {
    local gone

    probe_profile prt_job
    probe_script <<<"open_session unshare net"
    session_open prt_job
    gone=$keeper
    kill -KILL "$keeper"
    wait_until 30 program_has_ended "$keeper"
    run_program "$TOOLS/takeover" join prt_alice "$TEST_DIR/context" "$gone" echo joined
    assert_status 75
    assert_eq "$output" "takeover: shared session: its keeper has ended meanwhile: try again"
}

@test "a keyring that is not there any more, or is not the account's: 75, and nothing runs" {
    needs_module pam_keyinit
    real_profile prt_keys <<<"session required pam_keyinit.so force revoke"
    session_open prt_keys
    session_end
    run_program "$TOOLS/takeover" join prt_alice "$TEST_DIR/context" 1 echo joined
    assert_status 75
    assert_match "$output" "^takeover: shared session: its session keyring cannot be taken over: (Required key not available|Key has been revoked)\$"
}

@test "what confines the session's processes and cannot be taken over keeps the profile from being shared" {
    local what words

    probe_profile prt_job
    while IFS=: read -r what words; do
        probe_script <<<"open_session $what"
        start_program "$TOOLS/takeover" keep prt_job prt_alice "$TEST_DIR/context"
        end_status "$pamrun_pid"
        assert_status 69
        assert_eq "$stderr" "takeover: this profile cannot be shared: a module of it has put the session's process $words, \
which runs that join cannot take over
hint: call pamrun without --share, or take that module out of the profile"
    done <<'END'
unshare pid:into another pid namespace
unshare user:into another user namespace
confine filter:behind a filter of system calls (seccomp)
END
}

@test "a copy of the keeper that does not end its handle, or crashes there, is an error of the opener's" {
    probe_profile prt_job
    probe_script <<<"cleanup _exit 0"
    start_program "$TOOLS/takeover" keep prt_job prt_alice "$TEST_DIR/context"
    end_status "$pamrun_pid"
    assert_status 71
    assert_eq "$stderr" "takeover: shared session: a copy of the keeper, to see what a command would be: it ended (a module?)"
}

@test "a file that others could have written is not read" {
    real_profile prt_plain </dev/null
    session_open prt_plain
    chmod 0644 "$TEST_DIR/context"
    join : echo joined
    assert_status 75
    assert_eq "$stdout" ""
    assert_match "$stderr" 'takeover: shared session: its file "context" is not a file of root.s alone'
    chmod 0600 "$TEST_DIR/context"
    sed -i 's/^end$/capabilities 1ffffffffff 1ffffffffff 0 0 0/' "$TEST_DIR/context"
    join : echo joined
    assert_status 75
    assert_match "$stderr" 'takeover: shared session: its file "context" is not as pamrun writes it'
}

@test "a root directory of the session's own, which a joiner does not get out of" {
    local root=$TEST_DIR/root file

    needs_module pam_limits
    mkdir -p "$root/bin"
    for file in $(ldd /bin/sh | grep -o '/[^ ]*'); do
        mkdir -p "$root/${file%/*}"
        cp -L "$file" "$root/$file"
    done
    cp -L /bin/sh "$root/bin/sh"
    : >"$root/of-the-session"
    chmod -R go+rX "$root"
    printf 'prt_alice - chroot %s\n' "$root" >"$TEST_DIR/limits.conf"
    real_profile prt_root <<<"session required pam_limits.so conf=$TEST_DIR/limits.conf"
    assert_same prt_root 'echo /*; cd /; echo *; cd ..; echo *'
    assert_match "$stdout" '^(/bin .*/of-the-session)'
}

@test "libpam-net: a network of the session's own" {
    needs_module pam_newnet
    usermod -aG prt_crew prt_alice
    real_profile prt_net <<<"session required pam_newnet.so group=prt_crew"
    assert_same prt_net "$facts cat /proc/net/dev | cut -d: -f1; ls /proc/sys/net/ipv4/conf"
    assert_match "$stdout" $'\n +lo\n'
    assert_match "$(context_lines)" "^namespace net "
    gpasswd -d prt_alice prt_crew >/dev/null
    # others have the machine's
    session_open prt_net
    assert_eq "$(context_lines)" ""
}
