# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # applicant, status ... are common.bash's
# kills.bash: signals at random moments of a run, to any of its processes.
#
#   load lib/kills             after lib/common and lib/terminal
#   kills_set_scene            in setup; probe_script's modules take some time, so that they are met too
#   kill_at_random 30          so many that met a process; KILLS_SEED=N plays the same ones again, as far as time is the same

kills_set_scene()
{
    # The terminal's modes before and after, where no shell with job control puts them right: after the last process.
    cat >"$TEST_DIR/watch" <<END
stty -a >$TEST_DIR/before
"\$@"
echo \$? >$TEST_DIR/status
while pgrep -x pamrun >$TEST_DIR/left; do sleep 0.02; done
stty -a >$TEST_DIR/after
END
    # raw itself, and with output under way
    cat >"$TEST_DIR/kills-command" <<'END'
#!/bin/sh
stty $1
seq 2000
sleep 0.05
END
    chmod 0755 "$TEST_DIR/kills-command"
}

kills_start() # CALLER OPTION
{
    local modes='raw -echo'

    [ "$2" = -P ] || modes=echo # the terminal is shared, and what the command makes of it stays so
    probe_reset
    probe_script <<'END'
authenticate sleep 10
open_session sleep 20
close_session sleep 20
END
    rm -f "$TEST_DIR"/{status,after}
    applicant_set "$1"
    start_program "$TOOLS/ptyrun" --timeout 60 -- sh "$TEST_DIR/watch" "${applicant[@]}" "$PAMRUN" --close-on-exit "$2" \
        -u prt_alice -- "$TEST_DIR/kills-command" "$modes"
    kills_started_ms=$((${EPOCHREALTIME/[.,]/} / 1000))
}

kills_nobody_is_left()
{
    [ -e "$TEST_DIR/after" ] && has_no_process prt_alice && ! pgrep -x pamrun
}

# Everything as before; WHAT is for who reads of a failure.
kills_assert_undone() # WHAT
{
    wait_until 40 kills_nobody_is_left || fail_because "$1: left: $(ps -ef)" || return
    end_status "$pamrun_pid" 30 || return
    assert_eq "$(<"$TEST_DIR/after")" "$(<"$TEST_DIR/before")" "$1: modes" || return
    assert_eq "$(probe_count close_session)" "$(probe_count open_session)" "$1: closed, and opened" || return
    assert_eq "$(probe_count setcred-delete)" "$(probe_count setcred-establish)" "$1: deleted, and set"
}

# Milliseconds that an undisturbed run takes here and now.
kills_measure() # CALLER
{
    kills_start "$1" -P
    kills_assert_undone "undisturbed"
    REPLY=$((${EPOCHREALTIME/[.,]/} / 1000 - kills_started_ms))
    assert_eq "$(<"$TEST_DIR/status")" 0
}

# Sends SIGNAL to the front or to any of its processes. false: it met nobody.
kills_send() # SIGNAL
{
    local pids=()

    if [ "$1" = KILL ]; then
        mapfile -t pids < <(pgrep -o -x pamrun) # the first one is the front
    else
        mapfile -t pids < <(pgrep -x pamrun)
    fi
    [ ${#pids[@]} -gt 0 ] && kill -s "$1" "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null
}

kill_at_random() # NUMBER
{
    local seed=${KILLS_SEED-$((${EPOCHREALTIME/[.,]/} % 32768))} signals=(TERM INT HUP QUIT ABRT KILL) met=0 tries
    local caller option name length delay

    echo "# seed $seed" >&3
    echo "KILLS_SEED=$seed"
    kills_measure prt_bob
    length=$REPLY
    RANDOM=$seed
    for ((tries = 0; met < $1; tries++)); do
        [ "$tries" -lt $(($1 * 5)) ] || fail_because "only $met of $tries met a process" || return
        caller=prt_bob option=-P
        [ $((RANDOM % 3)) -ne 0 ] || caller=root
        [ $((RANDOM % 4)) -ne 0 ] || [ $caller = root ] || option=-T
        name=${signals[RANDOM % ${#signals[@]}]}
        delay=$((RANDOM % length))
        kills_start $caller $option
        nap "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
        ! kills_send "$name" || met=$((met + 1))
        kills_assert_undone "$name after $delay of $length ms, $caller $option" || return
    done
}
