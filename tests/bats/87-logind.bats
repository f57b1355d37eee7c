# A shared session with pam_systemd in its profile, on a machine with a real systemd and logind (both are booted): logind
# has a session for as long as somebody holds the shared one, whichever hook opened it.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/sharing
load lib/cgroups
load lib/systemd
load lib/logind

setup_file()
{
    begin_file
    needs loginctl dbus-daemon
    begin_sharing
    profile prt_job < <(
        for type in auth account password session; do probe_line $type required; done
        echo "session required pam_systemd.so"
    )
    cgroups_begin
    systemd_up
    logind_up
}

teardown_file()
{
    systemd_down
    cgroups_end
    cleanup_all
}

# All in the unit's control group are killed when it ends.
hook() # JOB
{
    systemd_service "prolog-$1" Type=oneshot KillMode=control-group KillSignal=SIGKILL \
        "ExecStart=$PAMRUNCTL open --user prt_alice --profile prt_job --id $1 --lease 1h"
}

teardown()
{
    local job

    for job in job-1 job-2; do
        in_systemd "$PAMRUNCTL" close --id "$job" --missing-ok
    done
    wait_until 60 has_no_keeper
    wait_until 60 logind_has_none
    cleanup_all
}

logind_has_none()
{
    [ -z "$(logind_sessions prt_alice)" ]
}

# It leads logind's session, and is where that is.
assert_keeper_leads() # SESSION
{
    local keeper

    keeper=$(logind_says "$1" Leader)
    assert_match "$(in_systemd cat "/proc/$keeper/cmdline" | tr -d '\0')" "^pamrun: session prt_alice \(prt_job\), "
    assert_eq "$(in_systemd cat "/proc/$keeper/cgroup" | grep '^0:')" \
        "0::/user.slice/user-$(id -u prt_alice).slice/session-$1.scope"
}

@test "the keeper outlives the unit of the hook that opened; logind's session is active until the last hold ends" {
    local number

    hook job-1
    assert_eq "$(in_systemd systemctl show --property=ActiveState,Result --value prolog-job-1.service)" $'success\ninactive'
    number=$(logind_sessions prt_alice)
    assert_match "$number" '^c?[0-9]+$' # one
    assert_eq "$(logind_says "$number" State) $(logind_says "$number" Service)" "active prt_job"
    assert_keeper_leads "$number"
    hook job-2
    assert_eq "$(logind_sessions prt_alice)" "$number"
    in_systemd "$PAMRUNCTL" close --id job-1
    assert_eq "$(logind_says "$number" State)" active
    assert_keeper_leads "$number"
    probe_called open_session 1
    in_systemd "$PAMRUNCTL" close --id job-2
    wait_until 60 logind_has_none
    wait_until 60 has_no_keeper
    probe_called open_session 1
    probe_called close_session 1
}

@test "who joins is told of logind's session, and stays in his own control group; his end does not end it" {
    local number

    hook job-1
    number=$(logind_sessions prt_alice)
    in_systemd mkdir -p /sys/fs/cgroup/job_7/step_0
    run_program nsenter -t "$systemd_pid" -m -p -C -i -u -n -- sh -c \
        'echo 0 >/sys/fs/cgroup/job_7/step_0/cgroup.procs; exec "$@"' sh "$PAMRUN" --profile prt_job --share -u prt_alice -- \
        sh -c 'echo "$XDG_SESSION_ID"; stat -c %U "$XDG_RUNTIME_DIR"; grep ^0: /proc/self/cgroup'
    assert_eq "$status $stderr" "0 "
    assert_eq "$stdout" "$number
prt_alice
0::/job_7/step_0"
    assert_eq "$(logind_says "$number" State)" active
    assert_eq "$(logind_sessions prt_alice)" "$number"
}

@test "a keeper that is killed: logind's session ends with it, and the next hook opens another for both jobs" {
    local number

    hook job-1
    number=$(logind_sessions prt_alice)
    kill -KILL "$(keepers)"
    wait_until 60 logind_has_none
    hook job-2
    refute_contains "$(logind_sessions prt_alice)" "$number"
    number=$(logind_sessions prt_alice)
    assert_keeper_leads "$number"
    in_systemd "$PAMRUNCTL" close --id job-2
    assert_eq "$(logind_says "$number" State)" active
}
