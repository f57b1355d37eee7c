# shellcheck shell=bash
# shellcheck disable=SC2154 # stdout ... are common.bash's
# kills.bash: signals at random moments of a run, to any of its processes.
#
#   load lib/kills             after lib/common and lib/terminal
#   kill_at_random 10          so many that met a process; KILLS_SEED=N draws the same ones again

KILLS_DIR=${BASH_SOURCE[0]%/*}

# Modules that take some time, so that they are met too, and a command that sets modes itself, writes, and waits.
kills_set_scene()
{
    probe_script <<'END'
authenticate sleep 10
open_session sleep 20
close_session sleep 20
END
    cat >"$TEST_DIR/kills-command" <<'END'
#!/bin/sh
[ "$1" = shared ] || stty raw -echo
seq 2000
sleep 0.05
END
    chmod 0755 "$TEST_DIR/kills-command"
}

kill_at_random() # NUMBER
{
    local seed=${KILLS_SEED-$((${EPOCHREALTIME/[.,]/} % 1000000))} words=("$PAMRUN" --close-on-exit)
    local command=(-u prt_alice -- "$TEST_DIR/kills-command")
    # shellcheck disable=SC2034 # run_program reads it
    local RUN_TIMEOUT=300

    echo "# seed $seed" >&3
    kills_set_scene
    run_program python3 "$KILLS_DIR/random_kills.py" "$1" "$seed" "$PROBE_LOG_FILE" "$(id -u prt_bob)" "$(id -g prt_bob)" \
        "${words[@]}" -P "${command[@]}" /// "${words[@]}" -P "${command[@]}" /// "${words[@]}" -T "${command[@]}" shared
    [ "$status" -eq 0 ] || fail_because "with KILLS_SEED=$seed:" "$(tail -n 40 <<<"$output")"
    assert_no_process_of prt_alice
    assert_no_process_of prt_bob
}
