# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # stdout ... are common.bash's; a test is a subshell
# A step that takes longer than a second says so on the terminal, and leaves no trace of that.
# With sanitizers only in full.

load lib/common
load lib/terminal

setup()
{
    begin_test
    export TERM=xterm
    callers=(root prt_bob)
}

# ---- PAM steps ------------------------------------------------------------------------------------------------

@test "each slow PAM step says what is waited for, and the line is wiped off before anything else is written" {
    local step text=''

    probe_script < <(
        for step in authenticate acct_mgmt setcred open_session; do
            echo "$step wait-file $TEST_DIR/$step"
        done
    )
    start_for_all -- -u prt_alice -- printf ran
    for step in authenticate acct_mgmt setcred open_session; do
        wait_until 20 all_show "$(waiting $step)"
        touch "$TEST_DIR/$step"
        text+=$(waiting $step)$wipe
    done
    all_end_with 0 "${text}ran"
}

@test "a slow close is told too, and with a pseudo-terminal" {
    local options

    for options in --close-on-exit '--close-on-exit --pty'; do
        rm -f "$TEST_DIR/go"
        probe_script <<<"close_session wait-file $TEST_DIR/go"
        # shellcheck disable=SC2086 # words
        start_for_all -- $options -u prt_alice -- printf ran
        wait_until 20 all_show "$(waiting close_session)"
        touch "$TEST_DIR/go"
        all_end_with 0 "ran$(waiting close_session)$wipe"
    done
}

@test "a message of a module takes the line's place, and the line comes again" {
    probe_script <<END
open_session wait-file $TEST_DIR/first
open_session error trouble ahead
open_session wait-file $TEST_DIR/second
END
    start_for_all -- -u prt_alice -- printf ran
    wait_until 20 all_show "$(waiting open_session)"
    touch "$TEST_DIR/first"
    wait_until 20 all_show "$(waiting open_session)" 2
    touch "$TEST_DIR/second"
    all_end_with 0 "$(waiting open_session)${wipe}trouble ahead"$'\r\n'"$(waiting open_session)${wipe}ran"
}

@test "nothing is shown while a prompt waits for its answer, but before and behind it" {
    local pid

    probe_script <<END
authenticate wait-file $TEST_DIR/first
authenticate prompt-off Password: 
authenticate require-token secret
authenticate wait-file $TEST_DIR/second
END
    # somebody types with long pauses
    start_for_all --expect "Password: " --await -ECHO --send secr --expect never -- -u prt_alice -- printf ran
    wait_until 20 all_show "$(waiting authenticate)"
    touch "$TEST_DIR/first"
    wait_until 20 all_show "Password: "
    nap 2.5
    for pid in "${started[@]}"; do
        assert_eq "$(<"${stdout_of[$pid]}")" "$(waiting authenticate)${wipe}Password: "
        kill_program "$pid"
    done
    rm "$TEST_DIR/first"
    start_for_all --expect "Password: " --await -ECHO --send 'secret\r' -- -u prt_alice -- printf ran
    wait_until 20 all_show "$(waiting authenticate)"
    touch "$TEST_DIR/first"
    wait_until 20 all_show "$(waiting authenticate)" 2
    touch "$TEST_DIR/second"
    all_end_with 0 "$(waiting authenticate)${wipe}Password: "$'\r\n'"$(waiting authenticate)${wipe}ran"
}

# hang-eintr returns when a signal interrupts it: the command would run, and be seen.
@test "a module's system calls are not interrupted for it, and ^C ends the run, names the step, wipes the line off" {
    local step

    for step in authenticate open_session; do
        probe_script <<<"$step hang-eintr"
        start_for_all --expect "$(waiting $step)" --send '\003' -- -u prt_alice -- printf ran
        all_end_with 130 "$(waiting $step)${wipe}pamrun: $step for prt_alice (profile su): stopped by SIGINT"$'\r'
    done
}

@test "a module that does not end is ended by force, and the line goes" {
    probe_script <<<"open_session hang"
    start_on_terminal root --expect "$(waiting open_session)" --send '\003' -- --kill-after 1 -u prt_alice -- printf ran
    ends_with 130 "$(waiting open_session)${wipe}pamrun: open_session for prt_alice (profile su): \
told to stop, but a module does not end; what it holds may remain"$'\r'
}

# ---- look-ups -------------------------------------------------------------------------------------------------

slow_directory()
{
    # Where the loader of a setuid program looks as well; /usr may be read-only.
    install -D -m 0644 "${PROBE_SO%/*}/libnss_prtslow.so.2" "$STATE_DIR/lib/libnss_prtslow.so.2"
    keep_file /etc/ld.so.cache
    keep_file /etc/ld.so.conf.d/prt_slow.conf
    echo "$STATE_DIR/lib" >/etc/ld.so.conf.d/prt_slow.conf
    ldconfig
    keep_file /etc/nsswitch.conf
    sed -i -E 's/^((passwd|group|initgroups):)/\1 prtslow/' /etc/nsswitch.conf
    assert grep -q '^passwd: *prtslow' /etc/nsswitch.conf
}

@test "a slow directory of users or groups is told as the look-up that waits for it" {
    local row fifo step

    slow_directory
    for row in users:identity groups:groups; do
        fifo=$TEST_DIR/${row%:*} step=${row#*:}
        mkfifo -m 0666 "$fifo"
        start_for_all -- -u prt_alice -- printf ran
        wait_until 20 all_show "$(waiting "$step")"
        exec 9>"$fifo"
        rm "$fifo" # who asks again is not held up
        exec 9>&-
        all_end_with 0 "$(waiting "$step")${wipe}ran"
    done
}

@test "^C while a directory does not answer ends the run and names the step, whether or not its library heeds it" {
    local row step

    slow_directory
    for row in users:identity groups:groups; do
        mkfifo -m 0666 "$TEST_DIR/${row%:*}"
        step=${row#*:}
        start_for_all --expect "$(waiting "$step")" --send '\003' -- -u prt_alice -- printf ran
        all_end_with 130 "$(waiting "$step")${wipe}pamrun: $step for prt_alice (profile su): stopped by SIGINT"$'\r'
        rm "$TEST_DIR/${row%:*}"
    done
    mkfifo -m 0666 "$TEST_DIR/users"
    touch "$TEST_DIR/stubborn"
    start_for_all --expect "$(waiting identity)" --send '\003' -- -u prt_alice -- printf ran
    all_end_with 130 "$(waiting identity)${wipe}pamrun: identity for prt_alice (profile su): \
told to stop, while a look-up of users or groups did not answer"$'\r'
}

# ---- where nothing is shown -----------------------------------------------------------------------------------

@test "nothing is shown with --quiet, with TERM unset or dumb, where stderr is no terminal or another program has it" {
    local caller silent pids=()

    probe_script <<<'open_session sleep 2500'
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        for silent in 'exec "${@:1:$#-5}" --quiet "${@:$#-4}"' 'unset TERM; exec "$@"' 'TERM=dumb; exec "$@"' \
            'exec "$@" 2>/dev/null' 'set -m; "$@" & wait'; do
            start_program "$TOOLS/ptyrun" --timeout 60 -- bash -c "$silent" bash "${applicant[@]}" "$PAMRUN" \
                -u prt_alice -- printf ran
            pids+=("$pamrun_pid")
        done
    done
    for pamrun_pid in "${pids[@]}"; do
        end_status "$pamrun_pid" 60
        assert_status 0
        assert_match "$stdout" '^ran'
        refute_contains "$stdout" waiting
    done
}

@test "in a narrow window the line is cut to one row" {
    probe_script <<<"open_session wait-file $TEST_DIR/go"
    start_for_all --cols 30 -- -u prt_alice -- printf ran
    wait_until 20 all_show 'pamrun: waiting'
    touch "$TEST_DIR/go"
    all_end_with 0 "pamrun: waiting for open_s...${wipe}ran"
}

@test "whom it is about is who was asked for, and in UTF-8" {
    slow_directory
    mkfifo -m 0666 "$TEST_DIR/users"
    start_on_terminal root --expect identity --send '\003' -- -u $'pr\xc3\xb6t' -- true
    end_status "$pamrun_pid" 60
    assert_status 130
    assert_contains "$stdout" $'pamrun: waiting for identity for pr\xc3\xb6t (profile su)'
}

# ---- who looks on ---------------------------------------------------------------------------------------------

# Processes of the program, zombies too.
pamruns_are() # NUMBER
{
    [ "$(pgrep -c -x pamrun)" -eq "$1" ]
}

@test "while root's command runs nobody looks on" {
    mkfifo -m 0666 "$TEST_DIR/go"
    start_on_terminal root -- -T -u prt_alice -- sh -c 'echo ready; read -r _ <"$1"; exit 3' sh "$TEST_DIR/go"
    wait_until 20 shows ready
    wait_until 20 pamruns_are 1
    echo >"$TEST_DIR/go"
    end_status "$pamrun_pid" 60
    assert_status 3
}

@test "root's pamrun killed in a slow step leaves nobody behind" {
    probe_script <<<'open_session hang'
    start_on_terminal root -- -T -u prt_alice -- true
    wait_until 20 shows "$(waiting open_session)"
    assert pamruns_are 2
    kill -KILL "$(tr -d ' ' <"/proc/$pamrun_pid/task/$pamrun_pid/children")"
    end_status "$pamrun_pid" 60
    assert_status 137
    wait_until 20 pamruns_are 0
}

@test "who looks on has standard error and a pipe's end, and no output that somebody reads" {
    local watcher

    probe_script <<<"open_session wait-file $TEST_DIR/go"
    start_on_terminal root -- -T --json-status-fd 7 -u prt_alice -- printf ran 7>"$TEST_DIR/events"
    wait_until 20 shows "$(waiting open_session)"
    watcher=$(pgrep -P 1 -x pamrun)
    assert_eq "$(find "/proc/$watcher/fd" -type l -printf "%f " )" "0 2 "
    assert_match "$(readlink "/proc/$watcher/fd/0")" '^pipe:'
    assert_match "$(readlink "/proc/$watcher/fd/2")" '^/dev/pts/'
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid" 60
    assert_status 0
}

@test "modules find no child that they did not make" {
    profile prt_exec <<END
auth required pam_permit.so
account required pam_permit.so
session required pam_exec.so $TEST_DIR/children
END
    install -m 0755 /dev/stdin "$TEST_DIR/children" <<END
#!/bin/bash
cat /proc/\$PPID/task/\$PPID/children >$TEST_DIR/found
END
    start_on_terminal root -- -T --profile prt_exec -u prt_alice -- true
    end_status "$pamrun_pid" 60
    assert_status 0
    assert_eq "$(wc -w <"$TEST_DIR/found")" 1
}
