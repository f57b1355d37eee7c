# pam_mount with the sample profile pamrun-mount: a gocryptfs folder that the forwarded password opens.
# With sanitizers only in full.

load lib/common
load lib/check
load lib/samples
load lib/sharing
load lib/trace

home=/home/prt_alice
vault=$home/vault
where="awk '\$3 == \"fuse.gocryptfs\" { print \$2 }' /proc/self/mounts"

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    set_password prt_alice "$password"
    mkdir "$vault"
    encrypt "$home/cipher" "$password"
    chown prt_alice: "$vault"
    keep_file /etc/security/pam_mount.conf.xml
    cat >/etc/security/pam_mount.conf.xml <<EOT
<?xml version="1.0" encoding="utf-8" ?>
<!DOCTYPE pam_mount SYSTEM "pam_mount.conf.xml.dtd">
<pam_mount>
<debug enable="0" />
<volume user="prt_alice" fstype="fuse" path="/usr/bin/gocryptfs#$home/cipher" mountpoint="$vault"
    options="nodev,nosuid,quiet,nonempty" />
<mntoptions require="nosuid,nodev" />
<mkmountpoint enable="0" />
<logout wait="0" hup="no" term="no" kill="no" />
</pam_mount>
EOT
    chmod 0644 /etc/security/pam_mount.conf.xml
    sample pamrun-mount
    # fusermount wants it, and a bare machine may not have it
    if ! [ -e /etc/mtab ]; then
        keep_file /etc/mtab
        ln -s /proc/self/mounts /etc/mtab
    fi
}

setup()
{
    begin_test
    needs gocryptfs fusermount3
    { : <>/dev/fuse; } 2>/dev/null || skip_test "needs /dev/fuse"
    secret_file=$TEST_DIR/secret
    install -m 0600 /dev/null "$secret_file"
    printf '%s\n' "$password" >"$secret_file"
    log_start # gocryptfs wants to write there
}

# pam_mount's own count of sessions, and the volume, are the machine's.
teardown()
{
    session=/run/pamrun/$(id -u prt_alice).pamrun-mount
    end_sessions
    ! is_mounted || umount -l "$vault"
    rm -f /run/pam_mount/prt_alice
    cleanup_all
}

# With the cheapest of the key derivations.
encrypt() # FOLDER PASSWORD
{
    rm -rf "$1"
    mkdir "$1"
    printf '%s\n' "$2" >"$STATE_DIR/volume"
    gocryptfs -q -init -scryptn 10 -passfile "$STATE_DIR/volume" "$1"
    rm "$STATE_DIR/volume"
    chown -R prt_alice: "$1"
}

is_mounted()
{
    grep -qF " $vault fuse.gocryptfs " /proc/self/mounts
}

assert_not_mounted()
{
    refute is_mounted
    assert_eq "$(ls -A "$vault")" ""
    wait_until 30 has_no_process prt_alice
}

mount_run() # ARGUMENT...
{
    run_with "$password" --profile pamrun-mount --forward-password-fd 7 --require-password-used -u prt_alice "$@"
}

# Of the volume, without a session of pamrun-mount's.  FUSE shows it to nobody else, not to root.
as_alice()
{
    run_program_as prt_alice "$@"
}

@test "the forwarded password opens the volume for the command; it is gone when the session is closed" {
    mount_run --close-on-exit -- sh -c "$where; echo kept >$vault/letter; stat -c %U $vault/letter"
    assert_ran "$vault"$'\n'prt_alice
    assert_eq "$stderr" ""
    assert_not_mounted
    refute test -e "$home/cipher/letter"
    refute grep -rqa kept "$home/cipher"
    mount_run --close-on-exit -- cat "$vault/letter"
    assert_ran kept
    assert_not_mounted
    # a session of another profile's has nothing to do with it
    run_pamrun -u prt_alice -- sh -c "cat $vault/letter 2>/dev/null || echo closed"
    assert_ran closed
}

@test "other callers hand it over, too" {
    users_can_be_asked || return 0
    site_policy <<<"user-profiles = pamrun-mount"
    run_as_with prt_bob "$password" --profile pamrun-mount --forward-password-fd 7 --close-on-exit -u prt_alice -- \
        sh -c "$where"
    assert_ran "$vault"
    assert_not_mounted
}

@test "a session that is left open keeps it mounted, and nobody waits for what mounted it" {
    local end

    # the pipes that the caller reads end with the command
    mount_run -- sh -c "echo open >$vault/state; echo ran"
    assert_ran ran
    assert is_mounted
    end=$(timeout 60 "${pamrun_for_crypt[@]}" --profile pamrun-mount --forward-password-fd 7 -u prt_alice -- \
        cat "$vault/state" 7<"$secret_file" 2>&1)
    assert_eq "$end" open
    as_alice cat "$vault/state"
    assert_ran open
    # a later one that is closed leaves it
    mount_run --close-on-exit -- cat "$vault/state"
    assert_ran open
    assert is_mounted
}

# Command lines, environment, working directory and descriptors of all that lives on.
facts_of() # PID...
{
    local pid

    for pid; do
        tr '\0' '\n' <"/proc/$pid/cmdline"
        tr '\0' '\n' <"/proc/$pid/environ"
        readlink "/proc/$pid/cwd"
        readlink "/proc/$pid"/fd/*
    done
}

# The pipes and sockets that all other processes have.
links_but_of() # PID...
{
    local process

    for process in /proc/[0-9]*; do
        [[ " $* " == *" ${process#/proc/} "* ]] || readlink "$process"/fd/* 2>/dev/null || true
    done | grep -E '^(pipe|socket):' | sort -u
}

@test "what mounts it holds no descriptor of pamrun's or the caller's, and has neither password nor environment of his" {
    local way link pids

    : >"$TEST_DIR/stdin"
    for way in file pipe; do
        if [ $way = file ]; then exec 7<"$secret_file"; else exec 7< <(cat "$secret_file"); fi
        link=$(readlink "/proc/$BASHPID/fd/7")
        exec 8<>"$TEST_DIR/callers"
        EVIL=callers run_program "${pamrun_for_crypt[@]}" --profile pamrun-mount --forward-password-fd 7 --json-status-fd 9 \
            -u prt_alice -- readlink /proc/self/fd/8 9>"$TEST_DIR/events" <"$TEST_DIR/stdin"
        exec 7<&- 8<&-
        assert_ran "$TEST_DIR/callers"
        assert is_mounted
        pids=$(processes_of prt_alice | xargs) # gocryptfs, and a logger of its own
        # shellcheck disable=SC2086
        facts_of $pids >"$STATE_DIR/facts"
        assert grep -qx /dev/fuse "$STATE_DIR/facts"
        assert grep -qx "$home/cipher" "$STATE_DIR/facts"
        refute_contains "$(<"$STATE_DIR/facts")" "$password"
        refute_contains "$(<"$STATE_DIR/facts")" "$STATE_DIR" # secret, stdin, stdout, stderr, events
        refute_contains "$(<"$STATE_DIR/facts")" "$link"
        refute_contains "$(<"$STATE_DIR/facts")" EVIL
        # shellcheck disable=SC2086
        refute grep -xF "$(links_but_of $pids)" "$STATE_DIR/facts"
        umount "$vault"
        wait_until 30 has_no_process prt_alice
    done
}

@test "with a wrong password nothing runs and nothing is mounted" {
    run_with "$wrong" --profile pamrun-mount --forward-password-fd 7 -u prt_alice -- id -un
    assert_not_let_in pamrun-mount
    assert_not_mounted
    refute test -e /run/pam_mount/prt_alice
    users_can_be_asked || return 0
    site_policy <<<"user-profiles = pamrun-mount"
    run_as_with prt_bob "$wrong" --profile pamrun-mount --forward-password-fd 7 -u prt_alice -- id -un
    assert_not_let_in pamrun-mount
    assert_not_mounted
}

@test "with pam_rootok first, pam_mount asks when the session opens: --any-prompt gives it the password" {
    { echo "auth sufficient pam_rootok.so"; cat "$samples/pamrun-mount"; } | profile pamrun-mount
    run_with "$password" --profile pamrun-mount --forward-password-fd 7 --close-on-exit -u prt_alice -- id -un
    assert_ran prt_alice
    assert_contains "$stderr" "no module asked for what was forwarded"
    assert_not_mounted
    run_with "$password" --profile pamrun-mount --forward-password-fd 7 --require-password-used -u prt_alice -- id -un
    assert_status 77
    assert_not_mounted
    run_with "$password" --profile pamrun-mount --forward-password-fd 7 --any-prompt --require-password-used \
        --close-on-exit -u prt_alice -- sh -c "$where"
    assert_ran "$vault"
    assert_not_mounted
}

@test "the last of two sessions unmounts it, not the first" {
    local first

    mkfifo -m 0666 "$TEST_DIR/go"
    start_program "${pamrun_for_crypt[@]}" --profile pamrun-mount --forward-password-fd 7 --close-on-exit -u prt_alice -- \
        sh -c "echo first >$vault/first; read -r _ <$TEST_DIR/go; cat $vault/first" 7<"$secret_file"
    first=$pamrun_pid
    wait_until 60 is_mounted
    wait_until 60 setpriv --reuid prt_alice --regid prt_alice --clear-groups test -s "$vault/first"
    mount_run --close-on-exit -- cat "$vault/first"
    assert_ran first
    assert is_mounted
    echo >"$TEST_DIR/go"
    end_status "$first" 60
    assert_ran first
    assert_not_mounted
}

# A run of a shared session that stays in it until somebody writes to the fifo $TEST_DIR/NAME.
start_in_vault() # NAME
{
    mkfifo -m 0666 "$TEST_DIR/$1"
    start_program "${pamrun_for_crypt[@]}" --profile pamrun-mount --forward-password-fd 7 --require-password-used --share \
        -u prt_alice -- sh -c "echo $1 >$vault/$1; echo there; read -r _ <$TEST_DIR/$1; cat $vault/first $vault/second" 7<"$secret_file"
    wait_until 60 test -s "$pamrun_stdout"
}

@test "with --share it is mounted once, still there when the first of two runs ends, and gone when the last one does" {
    local first second counted

    session=/run/pamrun/$(id -u prt_alice).pamrun-mount
    start_in_vault first
    first=$pamrun_pid
    counted=$(</run/pam_mount/prt_alice)
    start_in_vault second
    second=$pamrun_pid
    assert_eq "$(</run/pam_mount/prt_alice)" "$counted" # pam_mount's count of sessions
    leases_are 2
    echo >"$TEST_DIR/first" # who opened it
    end_status "$first" 60
    assert_ran $'there\nfirst\nsecond'
    wait_until 60 leases_are 1
    assert is_mounted
    echo >"$TEST_DIR/second"
    end_status "$second" 60
    assert_ran $'there\nfirst\nsecond'
    wait_until 60 has_no_keeper
    assert_not_mounted
    assert session_is_gone
    assert_eq "$(sessions_logged opened pamrun-mount) $(sessions_logged closed pamrun-mount)" "1 1"
}

# As when Debian's package has switched itself on there.
@test "where common-auth and common-session have pam_mount, too, it is the same" {
    keep_file /etc/pam.d/common-auth
    keep_file /etc/pam.d/common-session
    echo "auth optional pam_mount.so" >>/etc/pam.d/common-auth
    echo "session optional pam_mount.so" >>/etc/pam.d/common-session
    mount_run --close-on-exit -- sh -c "$where"
    assert_ran "$vault"
    assert_eq "$stderr" ""
    assert_not_mounted
}

@test "what uses the volume at the end keeps it; a volume with another password is not there: both as pam_mount has it" {
    mkfifo -m 0666 "$TEST_DIR/go"
    mount_run --close-on-exit -- sh -c "cd $vault && (read -r _ <$TEST_DIR/go) >/dev/null 2>&1 & echo started"
    assert_ran started
    assert is_mounted
    echo >"$TEST_DIR/go"
    wait_until 30 umount "$vault"
    wait_until 30 has_no_process prt_alice
    mv "$home/cipher" "$home/cipher.kept"
    encrypt "$home/cipher" "$wrong"
    mount_run --close-on-exit -- ls -A "$vault"
    rm -rf "$home/cipher"
    mv "$home/cipher.kept" "$home/cipher"
    assert_ran ""
    assert_not_mounted
}

# ---- pamrunctl check ------------------------------------------------------------------------------------------

@test "check tells what was mounted and unmounted, and that a session left open keeps it" {
    check --profile pamrun-mount --forward-password-fd 7 prt_alice 7<"$secret_file"
    assert_status 0
    assert_contains "$stdout" "     mounts: +$vault (fuse.gocryptfs)"
    assert_contains "$stdout" "     mounts: -$vault (fuse.gocryptfs)"
    assert_contains "$stdout" "use --share, which closes with the last run"
    refute_contains "$stdout" "nothing was mounted"
    refute is_mounted
}

@test "trace: pam_mount mounts and unmounts as without it" {
    trace_for_crypt --profile pamrun-mount --forward-password-fd 7 prt_alice 7<"$secret_file"
    assert_status 0
    assert_contains "$stdout" "     mounts: +$vault (fuse.gocryptfs)"
    assert_contains "$stdout" "     mounts: -$vault (fuse.gocryptfs)"
    assert_match "$(trace_lines open_session | tail -n 1)" '^\+ pamrun-mount:[0-9]+ PAM_SUCCESS ok$'
    refute_contains "$stdout" "not explained"
    refute is_mounted
}
