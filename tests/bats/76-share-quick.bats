# A run of root's that joins an open session without a step of its own: no module runs in it, so it does with less.
# What it takes over is compared with others in 77-takeover.bats.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/sharing

setup_file()
{
    begin_file
    begin_sharing
    make_group prt_crew
    make_group prt_more
}

setup()
{
    begin_test
    begin_sharing_test
}

teardown()
{
    end_sessions
    gpasswd -d prt_alice prt_crew >/dev/null 2>&1 || true
    cleanup_all
}

quickly()
{
    share --no-auth --no-account -u prt_alice "$@"
}

group_id() # GROUP
{
    getent group "$1" | cut -d: -f3
}

assert_groups() # GROUP...
{
    assert_eq "$(tr ' ' '\n' <<<"$stdout" | sort -n)" "$(for group; do group_id "$group"; done | sort -n)"
}

@test "it joins, is the command, has a lease as long as it lives, and is logged" {
    start_sharing
    log_start
    probe_reset
    start_pamrun --profile prt_job --share --no-auth --no-account -u prt_alice -- sh -c 'echo "$$"; exec sleep 600'
    wait_until 20 test -s "$pamrun_stdout"
    assert_eq "$(cat "$pamrun_stdout")" "$pamrun_pid"
    leases_are 2
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
    wait_until 10 leases_are 1
    assert_eq "$(probe_log)" ""
    assert_match "$(log_lines allowed)" 'allowed: applicant="root" uid=0 .* account="prt_alice" profile="prt_job" .* command="sh -c'
}

@test "no libpam is loaded, no group is looked up, and no more is asked of the system than that takes" {
    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    start_sharing
    run_program strace -f -q -o "$TEST_DIR/calls" "$PAMRUN" --profile prt_job --share --no-auth --no-account \
        -u prt_alice -- true 2>/dev/null
    assert_status 0
    sed -i '/execve("[^"]*\/true"/q' "$TEST_DIR/calls"
    refute_contains "$(cat "$TEST_DIR/calls")" libpam
    refute_contains "$(cat "$TEST_DIR/calls")" /etc/group
    assert_match "$(cat "$TEST_DIR/calls")" 'leases/[0-9.]*", O_WRONLY'
    [ "$(wc -l <"$TEST_DIR/calls")" -lt 200 ]
}

@test "what it came with is the command's: descriptors, directory, signals that are ignored or blocked, umask" {
    local expected prefix='cd /usr/share; umask 027; trap "" USR1 PIPE; exec 9</etc/hostname; exec "$@"' facts

    facts='pwd; umask; readlink /proc/self/fd/9; ls /proc/self/fd | wc -l; grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
    start_sharing
    run_program sh -c "$prefix" sh sh -c "$facts"
    expected=$stdout
    run_program sh -c "$prefix" sh "$PAMRUN" --profile prt_job --share --no-auth --no-account -u prt_alice -- \
        sh -c "$facts"
    assert_status 0
    assert_eq "$stdout" "$expected"
}

@test "its groups are those that the account had as the session was opened; who authenticates has today's" {
    start_sharing
    gpasswd -a prt_alice prt_crew >/dev/null
    quickly -- id -G
    assert_groups prt_alice
    share -u prt_alice -- id -G
    assert_groups prt_alice prt_crew
}

@test "-g and -G are its own, and those of who opened it are not" {
    start_pamrun --profile prt_job --share -u prt_alice -g prt_more -- sh -c 'echo "$$"; exec sleep 600'
    wait_until 20 test -s "$pamrun_stdout"
    quickly -- id -G
    assert_groups prt_alice
    quickly -g prt_crew -G prt_more -- id -G
    assert_groups prt_crew prt_more
    assert_eq "$(grep -c '^groups ' "$session/state")" 0
}

@test "where no session is open it opens one, and its modules run as in any other run" {
    local prefix='umask 027; trap "" HUP USR1; ulimit -Sn 99; cd /usr/share; exec "$@"'

    run_program sh -c "$prefix" sh "$PAMRUN" --profile prt_job --share --no-auth --no-account -u prt_alice -- \
        sh -c 'pwd; umask; ulimit -Sn; grep SigIgn /proc/self/status'
    assert_status 0
    assert_eq "$stdout" "/usr/share
0027
99
SigIgn:	0000000000000201"
    assert_all_closed
    probe_called authenticate 0
    assert_eq "$(probe_field open_session cwd)" /
    assert_eq "$(probe_field open_session umask)" 0032
    assert_eq "$(probe_field open_session sigign)" 0000000000000000
}

@test "a keeper that has gone, a state that is no state: as any other run" {
    start_sharing
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    quickly -- echo done
    assert_status 0
    assert_eq "$stdout" "done"
    assert_contains "$stderr" "had lost its keeper"
    assert_contains "$(cat "$session/state")" "reopened 1"
}

@test "a command that cannot be executed leaves no lease" {
    start_sharing
    quickly -- /no/such/command
    assert_status 127
    leases_are 1
}

@test "killed while somebody has the lock: nothing is left of it" {
    local pid

    start_sharing
    exec 8<>"$session/lock"
    flock -x 8
    start_pamrun --profile prt_job --share --no-auth --no-account -u prt_alice -- true 8>&-
    pid=$pamrun_pid
    wait_until 10 waits_for_lock "$pid"
    kill "$pid"
    end_status "$pid"
    assert_status 143
    exec 8>&-
    leases_are 1
    quickly -- echo done
    assert_eq "$output" "done"
}

waits_for_lock() # PID
{
    readlink "/proc/$1"/fd/* | grep -qx "$session/lock"
}
