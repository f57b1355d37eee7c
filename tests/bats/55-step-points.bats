# The front of a caller who is not root, killed, told to end, and stopped at each named moment of a run: whatever was
# opened is closed once. The program is a build of its own, whose step_point() calls do what a file says (tests/run).
# Never with sanitizers: its build is its own.

load lib/common
load lib/processes

point_file=/run/pamrun-step-point

# In the order of a run. The front and the holder go on side by side: front-before-drop and front-serving are the
# front's, and come at any time after the split.
before_the_command=(split front-before-drop front-serving started authenticated account-valid root-ids-taken
    credentials-set session-opened signals-blocked forked watching)
after_the_command=(command-ended closing undone closed)

setup_file()
{
    [ "${SANITIZED-}" != 1 ] || return 0
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile su
    keep_file "$point_file"
}

setup()
{
    # One build of this kind is enough, and it is not the sanitized one: its tests have been run.
    [ "${SANITIZED-}" != 1 ] || return 0
    begin_test
    [ -n "${PAMRUN_STEPS-}" ] || skip_test "PAMRUN_STEPS names no program built with -Dstep_points=true"
}

teardown()
{
    [ "${SANITIZED-}" != 1 ] || return 0
    rm -f "$point_file"
    cleanup_all
}

# Start PROGRAM as the caller, with a signal due at a moment of its run.
start_with() # PROGRAM MOMENT SIGNAL ARGUMENT...
{
    probe_reset
    printf '%s %d\n' "$2" "$(kill -l "$3")" >"$point_file"
    applicant_set prt_bob
    start_program "${applicant[@]}" "$1" --close-on-exit "${@:4}"
}

is_stopped() # PID
{
    [ "$(process_state "$1")" = T ]
}

nobody_is_left()
{
    [ -z "$(session_members "$pamrun_pid")" ] && has_no_process prt_alice && has_no_process prt_bob
}

# Everybody has gone, and what was opened is closed, what was established is deleted: once.
assert_undone() # WHERE
{
    wait_until 30 nobody_is_left || fail_because "$1: somebody is left" || return
    assert_eq "$(probe_count close_session)" "$(probe_count open_session)" "$1: sessions closed, and opened"
    assert_eq "$(probe_count setcred-delete)" "$(probe_count setcred-establish)" "$1: credentials deleted, and set"
}

# The command that ends by itself only where the signal comes too late for it: it is the signal that ends it before.
run_at_every_moment() # SIGNAL STATUS_BEFORE STATUS_AFTER OPTION...
{
    local moment

    for moment in "${before_the_command[@]}"; do
        start_with "$PAMRUN_STEPS" "$moment" "$1" "${@:4}" -u prt_alice -- sleep 1000
        end_status "$pamrun_pid"
        [ "$status" -eq "$2" ] || fail_because "$1 at $moment: status $status, not $2" || return
        assert_undone "$1 at $moment" || return
        # At an earlier one the session may be opened before the holder is told, or not.
        case $moment in
            session-opened | signals-blocked | forked | watching) probe_called open_session 1 || return ;;
        esac
    done
    for moment in "${after_the_command[@]}"; do
        start_with "$PAMRUN_STEPS" "$moment" "$1" "${@:4}" -u prt_alice -- sh -c 'exit 7'
        end_status "$pamrun_pid"
        [ "$status" -eq "$3" ] || fail_because "$1 at $moment: status $status, not $3" || return
        assert_undone "$1 at $moment" || return
        probe_called open_session 1 || return
    done
}

@test "the moments in the sources are those of this test" {
    [ "${SANITIZED-}" != 1 ] || return 0
    local named

    named=$(cd "$BATS_TEST_DIRNAME/../.." && grep -rhoE 'step_point\("[a-z-]+"\)' src | sed 's/.*"\(.*\)".*/\1/' | LC_ALL=C sort)
    assert_eq "$named" "$(printf '%s\n' "${before_the_command[@]}" "${after_the_command[@]}" | LC_ALL=C sort)"
    # and no call hides from that pattern
    assert_eq "$(cd "$BATS_TEST_DIRNAME/../.." && grep -rhE '^[[:space:]]+step_point\(' src | wc -l)" "$(wc -l <<<"$named")"
}

@test "the program that is installed knows nothing of them" {
    [ "${SANITIZED-}" != 1 ] || return 0
    assert grep -q pamrun-step-point "$PAMRUN_STEPS" # or the next line shows nothing
    refute grep -q pamrun-step-point "$PAMRUN"
    start_with "$PAMRUN" started KILL -u prt_alice -- sh -c 'exit 7'
    end_status "$pamrun_pid"
    assert_status 7
}

@test "the front is killed at each moment: 137, nobody is left, everything is undone" {
    [ "${SANITIZED-}" != 1 ] || return 0
    run_at_every_moment KILL 137 137
}

@test "the front is killed at each moment of a run with a pseudo-terminal" {
    [ "${SANITIZED-}" != 1 ] || return 0
    run_at_every_moment KILL 137 137 -P
}

@test "TERM at each moment: 143, or the status of a command that has ended; everything is undone" {
    [ "${SANITIZED-}" != 1 ] || return 0
    run_at_every_moment TERM 143 7
}

@test "HUP at each moment: 129, or the status of a command that has ended; everything is undone" {
    [ "${SANITIZED-}" != 1 ] || return 0
    run_at_every_moment HUP 129 7
}

# Both processes come past `closed`, so there are two stops to be ended.
continued_has_ended()
{
    ! is_stopped "$pamrun_pid" || kill -CONT "$pamrun_pid"
    program_has_ended "$pamrun_pid"
}

only_the_front_is_left()
{
    [ "$(session_members "$pamrun_pid")" = "$pamrun_pid" ]
}

stopped_and_continued_at_every_moment() # WHEN_CONTINUED...: a condition, besides that it is stopped
{
    local moment

    for moment in "${before_the_command[@]}" "${after_the_command[@]}"; do
        start_with "$PAMRUN_STEPS" "$moment" STOP -u prt_alice -- sh -c 'echo ran; exit 7'
        wait_until 30 is_stopped "$pamrun_pid" || fail_because "STOP at $moment: not stopped" || return
        wait_until 30 "$@" || fail_because "STOP at $moment: not so: $*" || return
        wait_until 30 continued_has_ended || fail_because "STOP at $moment: no end" || return
        end_status "$pamrun_pid"
        assert_eq "$moment: $status $output" "$moment: 7 ran" || return
        assert_undone "STOP at $moment" || return
        probe_called open_session 1 || return
        probe_called setcred-establish 1 || return
    done
}

@test "the front is stopped at each moment and continued at once: the run is as ever" {
    [ "${SANITIZED-}" != 1 ] || return 0
    stopped_and_continued_at_every_moment true
}

@test "the front is stopped at each moment and continued when the holder is done: the run is as ever" {
    [ "${SANITIZED-}" != 1 ] || return 0
    stopped_and_continued_at_every_moment only_the_front_is_left
}
