# The process that keeps a shared session leaves what would end its caller: a unit of systemd's (a real one is booted),
# or a job's control groups (real ones, of version 2 and, where the kernel lets us make a hierarchy, of version 1).
# With sanitizers only in full.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/cgroups
load lib/systemd

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_job
    cgroups_begin
    cgroup_make outer/job_7/step_0 outer/at_top
    systemd_up
}

teardown_file()
{
    systemd_down
    cgroups_end
    cleanup_all
}

teardown()
{
    local group

    cleanup_all
    # who has left his group has left the test's reach
    for group in "$cgroup2"/outer/*pamrun-* "$cgroup2"/outer/job_7/pamrun-* "$cgroup2"/systemd/pamrun-*; do
        [ ! -d "$group" ] || wait_until 30 cgroup_is_empty "$group"
    done
    rm -rf /run/prt_part*
}

killdomain=$TOOLS/killdomain
# Of a session called 1000.su; the number of the process is \1.
name='pamrun-1000\.su-([0-9]+)-[0-9a-f]+'

# ---- systemd --------------------------------------------------------------------------------------------------

# A unit whose script starts a process that leaves, and one that does not, and waits for the one or for nothing.
start_hook() # TYPE SCRIPT-LINES
{
    cat >"$TEST_DIR/hook" <<HOOK
#!/bin/sh
$killdomain leave 1000.su >$TEST_DIR/said 2>&1 &
sleep 600 &
echo \$! >$TEST_DIR/sleeper
until grep -q '^[a-z]* pamrun' $TEST_DIR/said; do sleep 0.01; done
$2
HOOK
    chmod 0755 "$TEST_DIR/hook"
    systemd_service hook "Type=$1" KillMode=control-group "ExecStart=$TEST_DIR/hook"
    mapfile -t said <"$TEST_DIR/said"
    unit=${said[1]#* }
}

unit_has() # PROPERTY
{
    in_systemd systemctl show --property="$1" --value "$unit"
}

is_gone() # PID: as the machine numbers it
{
    ! in_systemd kill -0 "$1"
}

unit_is_gone()
{
    [ "$(unit_has LoadState)" = not-found ]
}

@test "where systemd runs a scope of its own is made: its name, slice, description, time to stop, and no litter" {
    start_hook oneshot ''
    assert_match "${said[1]}" "^scope $name\.scope$"
    assert_eq "${BASH_REMATCH[1]}" "${said[0]}" "the number of the process"
    assert_eq "$(unit_has ActiveState)" active
    assert_eq "$(unit_has Slice)" system.slice
    assert_eq "$(unit_has ControlGroup)" "/system.slice/$unit"
    assert_eq "$(unit_has Description)" "pamrun: shared session 1000.su"
    assert_eq "$(unit_has TimeoutStopUSec)" 40s
    assert_eq "$(unit_has CollectMode)" inactive-or-failed
    assert_eq "$(in_systemd cat "/proc/${said[0]}/cgroup" | grep '^0:')" "0::/system.slice/$unit"
    in_systemd kill -KILL "${said[0]}"
    wait_until 30 unit_is_gone
}

@test "a oneshot unit with KillMode=control-group ends, and with it whom it started, but not who has left" {
    start_hook oneshot ''
    assert is_gone "$(<"$TEST_DIR/sleeper")"
    assert_eq "$(in_systemd cat "/proc/${said[0]}/cgroup" | grep '^0:')" "0::/system.slice/$unit"
    in_systemd systemctl stop hook.service
    assert in_systemd kill -0 "${said[0]}"
}

@test "a unit that is stopped takes whom it started with it, but not who has left" {
    start_hook forking 'exit 0'
    refute is_gone "$(<"$TEST_DIR/sleeper")"
    in_systemd systemctl stop hook.service
    assert is_gone "$(<"$TEST_DIR/sleeper")"
    refute is_gone "${said[0]}"
}

@test "systemd ends it, as at shutdown, by SIGTERM" {
    start_hook oneshot ''
    in_systemd systemctl stop "$unit"
    assert_eq "$(sed 1,2d "$TEST_DIR/said")" "told to end"
    assert unit_is_gone
}

@test "each is a unit of its own, also of one session" {
    local first

    start_hook oneshot ''
    first=$unit
    start_hook oneshot ''
    [ "$first" != "$unit" ] || fail_because "twice: $unit"
    assert_eq "$(unit_has ActiveState)" active
    unit=$first
    assert_eq "$(unit_has ActiveState)" active
}

@test "a systemd that does not answer is not waited for, but for ten seconds: control groups will do" {
    kill -STOP "$systemd_pid"
    start_program nsenter -t "$systemd_pid" -m -p -C -- "$killdomain" leave 1000.su
    wait_until 60 grep -q '^[a-z]* ' "$pamrun_stdout" || true
    kill -CONT "$systemd_pid"
    assert_match "$(sed -n 2p "$pamrun_stdout")" \
        "^cgroup /sys/fs/cgroup/$name\.keeper \(systemd: StartTransientUnit: Connection timed out\)$"
    assert in_systemd systemctl is-active --quiet prt.target
}

@test "pamrun is not linked with libsystemd: no run has to load it" {
    refute_contains "$(ldd "$PAMRUN")" libsystemd
}

# ---- control groups -------------------------------------------------------------------------------------------

# What is below "outer" is all that there is: nothing is made in the machine's own groups.
part='
for mount in $(awk "/ - cgroup2? /{ print \$5 }" /proc/self/mountinfo | sort -r); do umount -l "$mount"; done
umount -l /run/systemd 2>/dev/null
mkdir -p /run/prt_part2 /run/prt_part1 /run/systemd
mount -t tmpfs none /run/systemd || exit 99
mount -t cgroup2 none /run/prt_part2 || exit 99
if [ -n "$1" ]; then mount -t cgroup -o "none,name=$1" none /run/prt_part1 || exit 99; fi
'

# Start COMMAND in GROUP of such a part, after LINES for a shell.
start_in_part() # GROUP LINES COMMAND...
{
    local enter lines=$2

    cgroup_enter "outer/$1"
    shift 2
    start_program sh -c 'for top; do [ "$top" = -- ] && break; echo 0 >"$top/outer/cgroup.procs" || exit 99; shift; done
        shift; exec "$@"' sh "$cgroup2" $cgroup1 -- \
        unshare --cgroup --mount --propagation private "${enter[@]}" \
        sh -c "$part $lines shift; exec \"\$@\"" sh "${cgroup1:+${cgroup2##*/}}" "$@"
}

# One that leaves, and wait until it has said where it is.
start_leaver() # GROUP [LINES]
{
    start_in_part "$1" "${2-}" "$killdomain" leave 1000.su
    wait_until 60 leaver_has_said
    mapfile -t said <"$pamrun_stdout"
}

leaver_has_said()
{
    [ -s "$pamrun_stderr" ] || [ "$(wc -l <"$pamrun_stdout")" -ge 2 ]
}

places()
{
    cgroup_places "$(cat "/proc/$pamrun_pid/cgroup")"
}

# As many as there are hierarchies.
each() # WORD
{
    if [ -n "$cgroup1" ]; then echo "$1 $1"; else echo "$1"; fi
}

kill_all_in() # FOLDER
{
    local pid

    while read -r pid; do
        kill -KILL "$pid"
    done < <(find "$1" -name cgroup.procs -exec cat {} +)
}

@test "elsewhere a job's process gets groups of its own at the top of each hierarchy, and outlives the job's" {
    local group

    start_leaver job_7/step_0
    assert_match "${said[1]}" "^cgroup /run/prt_part[12]/$name\.keeper$"
    assert_eq "${BASH_REMATCH[1]}" "$pamrun_pid"
    group=${said[1]##*/}
    assert_eq "$(places)" "$(each "outer/$group")"
    kill_all_in "$cgroup2/outer/job_7"
    refute program_has_ended "$pamrun_pid"
    rmdir "$cgroup2/outer/job_7/step_0"
    mkdir "$cgroup2/outer/job_7/step_0"
}

@test "who is at the top has nothing to leave" {
    cgroup_enter outer/at_top
    start_program "${enter[@]}" unshare --cgroup --mount --propagation private \
        sh -c "$part exec \"\$2\" leave 1000.su" sh "${cgroup1:+${cgroup2##*/}}" "$killdomain"
    wait_until 60 leaver_has_said
    assert_eq "$(sed -n 2p "$pamrun_stdout")" "none "
    assert_eq "$(places)" "$(each outer/at_top)"
}

@test "where the top cannot be written to it is the highest place that can" {
    start_leaver job_7/step_0 '
        mkdir -p /run/prt_part3
        mount --bind /run/prt_part2/job_7 /run/prt_part3 || exit 99
        mount -o remount,bind,ro /run/prt_part2 || exit 99
        umount /run/prt_part1 2>/dev/null
        '
    assert_eq "$(places | cut -d ' ' -f 1 | sed -E "s,$name,NAME,")" "outer/job_7/NAME.keeper"
}

@test "where nothing can be written it stays, says why, and goes on" {
    start_leaver job_7/step_0 '
        mount -o remount,bind,ro /run/prt_part2 || exit 99
        [ -z "$1" ] || mount -o remount,bind,ro /run/prt_part1 || exit 99
        '
    assert_match "${said[1]}" "^stayed [0-9]+:[a-z0-9_=]*:/job_7/step_0: Read-only file system$"
    assert_eq "$(places)" "$(each outer/job_7/step_0)"
    refute program_has_ended "$pamrun_pid"
}

@test "where no hierarchy is mounted it stays, and says so" {
    start_leaver job_7/step_0 'umount /run/prt_part2; umount /run/prt_part1 2>/dev/null
        '
    assert_match "${said[1]}" "^stayed [0-9]+:[a-z0-9_=]*:/job_7/step_0: mounted nowhere$"
}

@test "what is mounted over a hierarchy is not taken for it" {
    start_leaver job_7/step_0 'mount -t tmpfs none /run/prt_part2; umount /run/prt_part1 2>/dev/null
        touch /run/prt_part2/cgroup.procs
        '
    assert_match "${said[1]}" "^stayed "
    assert_eq "$(places)" "$(each outer/job_7/step_0)"
    [ -n "$cgroup1" ] || return 0
    # one hierarchy over the other
    start_leaver job_7/step_0 'mount --bind /run/prt_part1 /run/prt_part2
        '
    assert_eq "${said[1]}" "stayed 0::/job_7/step_0: mounted nowhere"
    assert_match "$(places)" "^outer/job_7/step_0 outer/$name\.keeper$"
}

@test "a systemd that cannot be asked, or no library to ask with: control groups, and the reason" {
    local library

    start_leaver job_7/step_0 'mkdir /run/systemd/system
        '
    assert_match "${said[1]}" "^cgroup /run/prt_part[12]/$name\.keeper \(systemd: unix:path=/run/systemd/private: No such file or directory\)$"
    library=$(ldconfig -p | sed -n 's/.*libsystemd\.so\.0 .*=> //p' | head -n 1)
    start_leaver job_7/step_0 "mkdir /run/systemd/system; mount --bind /dev/null $library
        "
    assert_match "${said[1]}" "^cgroup /run/prt_part[12]/$name\.keeper \(.*libsystemd\.so\.0.*\)$"
}

# ---- the keeper itself ----------------------------------------------------------------------------------------

# A session for a command that says when it runs, and runs until somebody ends it.
shared=("$PAMRUN" --share --profile prt_job -u prt_alice -- sh -c ': >"$0"; exec sleep 600' "$TEST_DIR/box/now")

command_runs()
{
    [ -e "$TEST_DIR/box/now" ]
}

# By the process that opened it, once, after the command.
assert_closed()
{
    wait_until 30 probe_called close_session 1
    probe_called open_session 1
    assert_eq "$(probe_field close_session pid)" "$(probe_field open_session pid)"
    wait_until 30 probe_called setcred-delete 1
}

@test "the keeper of a shared session outlives the unit of the hook that opened it, and closes the session in order" {
    install -d -o prt_alice "$TEST_DIR/box"
    cat >"$TEST_DIR/hook" <<HOOK
#!/bin/sh
$(printf '%q ' "${shared[@]}") &
until [ -e "$TEST_DIR/box/now" ]; do sleep 0.01; done
HOOK
    chmod 0755 "$TEST_DIR/hook"
    # all in the unit get SIGKILL when the script ends
    systemd_service hook Type=oneshot KillMode=control-group KillSignal=SIGKILL "ExecStart=$TEST_DIR/hook"
    assert_closed
}

@test "the keeper of a shared session outlives the job that opened it, and closes the session in order" {
    install -d -o prt_alice "$TEST_DIR/box"
    start_in_part job_7/step_0 '' "${shared[@]}"
    wait_until 60 command_runs
    kill_all_in "$cgroup2/outer/job_7"
    end_status "$pamrun_pid"
    assert_status 137
    assert_closed
}

# ---- what is left behind --------------------------------------------------------------------------------------

@test "groups that nobody is in any more are removed by the next who leaves" {
    local first

    start_leaver job_7/step_0
    first=${said[1]##*/}
    kill_all_in "$cgroup2/outer/$first"
    end_status "$pamrun_pid"
    start_leaver job_7/step_0
    [ ! -e "$cgroup2/outer/$first" ] || fail_because "left: $first"
    [ -z "$cgroup1" ] || [ ! -e "$cgroup1/outer/$first" ] || fail_because "left: $first"
}

@test "only groups of that kind are removed, and only empty ones" {
    local top living pid

    start_leaver job_7/step_0
    living=${said[1]##*/} pid=$pamrun_pid
    cgroup_make outer/pamrun-1000.su-1-2.keeper outer/job_7/pamrun-1.su-1-2.keeper outer/pamrun-1000.su-1-2.scope \
        outer/my-pamrun-1000.su-1-2.keeper
    start_in_part job_7 '' "$killdomain" clean
    end_status "$pamrun_pid"
    assert_eq "$status $stdout$stderr" "0 "
    for top in "$cgroup2" $cgroup1; do
        assert_eq "$(cd "$top/outer" && ls -d ./*pamrun* | xargs)" \
            "./my-pamrun-1000.su-1-2.keeper ./pamrun-1000.su-1-2.scope ./$living"
        rmdir "$top/outer/pamrun-1000.su-1-2.scope" "$top/outer/my-pamrun-1000.su-1-2.keeper" \
            "$top/outer/job_7/pamrun-1.su-1-2.keeper"
    done
    assert_eq "$(pamrun_pid=$pid places)" "$(each "outer/$living")"
}
