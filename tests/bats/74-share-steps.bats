# Shared sessions: opener, joiner and keeper are killed, and stopped, at each named step of theirs. Never closed under a
# living lease, never two keepers, nobody stuck, nothing left. The program is a build of its own (tests/run).
# With sanitizers only in full.

load lib/common
load lib/sharing

step_file=/run/pamrun-step-point-here
count_file=$STATE_DIR/open-sessions

# In the order in which they come.
openers_steps=(locked-shared locked-exclusively lease-taken keeper-forked keeper-answered unlocked)
keepers_steps=(keeper-began keeper-opening keeper-credentials-set keeper-session-opened keeper-watching keeper-open
    keeper-serves keeper-close-locked keeper-closing keeper-closed keeper-removed)

setup_file()
{
    begin_file
    begin_sharing
    keep_file "$step_file"
}

setup()
{
    begin_test
    begin_sharing_test
    [ -n "${PAMRUN_STEPS-}" ] || skip_test "PAMRUN_STEPS names no program built with -Dstep_points=true"
    PAMRUN=$PAMRUN_STEPS
    rm -f "$count_file"
    probe_script <<END
open_session count-open $count_file
close_session count-close $count_file
END
}

teardown()
{
    rm -f "$step_file"
    end_sessions
    cleanup_all
}

open_sessions()
{
    cat "$count_file" 2>/dev/null || echo 0
}

# Of a keeper that is killed between these two steps the session is lost, which nobody can close any more.
is_lost_at() # STEP SIGNAL
{
    [[ $2 = KILL && $1 =~ ^keeper-(session-opened|watching|open|serves|close-locked|closing)$ ]]
}

assert_nothing_left() # WHERE LOST
{
    wait_until 30 has_no_keeper || fail_because "$1: a keeper is left" || return
    wait_until 10 session_is_gone || fail_because "$1: $(find "$session") is left" || return
    wait_until 10 has_no_process prt_alice || fail_because "$1: a command is left" || return
    assert_eq "$(open_sessions)" "$2" "$1: sessions that nobody closed"
}

# A run that is killed at that step, or whose keeper is; then one that has to work.
kill_at() # STEP
{
    local lost=0

    begin_sharing_test
    rm -f "$count_file"
    printf '%s %d\n' "$1" "$(kill -l KILL)" >"$step_file"
    share -u prt_alice -- sh -c 'echo done'
    wait_until 20 test ! -e "$step_file" || fail_because "$1 was not come by" || return
    ! is_lost_at "$1" KILL || lost=1
    share -u prt_alice -- sh -c "[ \"\$(cat $count_file)\" -ge 1 ] && echo done"
    assert_status 0 || fail_because "after $1" || return
    assert_eq "$stdout" "done" "after $1"
    assert_nothing_left "$1" "$lost"
}

# A run is in the session while another one is killed at that step: it must not lose it.
kill_joiner_at() # STEP
{
    begin_sharing_test
    rm -f "$count_file"
    start_pamrun --profile prt_job --share -u prt_alice -- sh -c 'echo in; exec sleep 600'
    wait_until 20 grep -q in "$pamrun_stdout"
    printf '%s %d\n' "$1" "$(kill -l KILL)" >"$step_file"
    share -u prt_alice -- sh -c 'echo done'
    assert_status 137
    assert_eq "$(open_sessions)" 1 "$1: under a living lease"
    share -u prt_alice -- sh -c 'echo done'
    assert_status 0
    assert_eq "$(open_sessions)" 1 "$1: under a living lease"
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_nothing_left "$1" 0
}

stopped_process()
{
    local pid

    for pid in $(pgrep -f "^$PAMRUN_STEPS|^pamrun: session"); do
        [[ $(cut -d')' -f2- "/proc/$pid/stat") != " T "* ]] || echo "$pid"
    done
}

one_is_stopped()
{
    [ -n "$(stopped_process)" ]
}

# A run, or its keeper, is stopped there, another one comes, the first goes on: both work.
stop_at() # STEP
{
    local first second

    begin_sharing_test
    rm -f "$count_file"
    printf '%s %d\n' "$1" "$(kill -l STOP)" >"$step_file"
    start_pamrun --profile prt_job --share -u prt_alice -- sh -c 'echo done'
    first=$pamrun_pid
    wait_until 20 one_is_stopped || fail_because "$1 was not come by" || return
    start_pamrun --profile prt_job --share -u prt_alice -- sh -c 'echo done'
    second=$pamrun_pid
    nap 0.05 # so that it finds what there is to be found; nothing depends on it
    kill -CONT "$(stopped_process)"
    end_status "$first"
    assert_status 0 || fail_because "the first, at $1" || return
    assert_eq "$stdout" "done" "the first, at $1"
    end_status "$second"
    assert_status 0 || fail_because "the second, at $1" || return
    assert_eq "$stdout" "done" "the second, at $1"
    assert_nothing_left "$1" 0
}

@test "the steps in the sources are those of this test" {
    local named

    named=$(cd "$BATS_TEST_DIRNAME/../.." && grep -rhoE 'step_point_here\("[a-z-]+"\)' src | sed 's/.*"\(.*\)".*/\1/' | LC_ALL=C sort)
    assert_eq "$named" "$(printf '%s\n' "${openers_steps[@]}" "${keepers_steps[@]}" | LC_ALL=C sort)"
    assert_eq "$(cd "$BATS_TEST_DIRNAME/../.." && grep -rhE '^[[:space:]]+step_point_here\(' src | wc -l)" "$(wc -l <<<"$named")"
}

@test "the opener is killed at each step of its: the next run works, and what was opened is closed" {
    local step

    for step in "${openers_steps[@]}"; do
        kill_at "$step" || return
    done
}

@test "the keeper is killed at each step of its: the next run works, and only what the keeper had open is lost" {
    local step

    for step in "${keepers_steps[@]}"; do
        kill_at "$step" || return
    done
}

@test "a joiner is killed at each step of its: who is in the session stays in it" {
    local step

    for step in locked-shared lease-taken unlocked; do
        kill_joiner_at "$step" || return
    done
}

@test "opener and keeper are stopped at each step: another run waits no longer than they are, and both work" {
    local step

    for step in "${openers_steps[@]}" "${keepers_steps[@]}"; do
        stop_at "$step" || return
    done
}
