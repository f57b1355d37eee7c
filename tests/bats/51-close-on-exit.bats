# --close-on-exit: closed exactly once, after the command and only then, by the process that opened, on every path.
# Without it: left open, as it is.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_close
}

setup()
{
    begin_test
    box=$TEST_DIR/box open=$TEST_DIR/open
    install -d -o prt_alice "$box"
    script_with
}

# The probe counts what is open, and does the further lines given.
script_with() # LINE...
{
    probe_script < <(
        printf 'open_session count-open %s\nclose_session count-close %s\n' "$open" "$open"
        [ $# -eq 0 ] || printf '%s\n' "$@"
    )
}

opened="authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session"
undone="close_session setcred:PAM_DELETE_CRED cleanup"

# Closed once, by whoever opened, as root, credentials after it, and nothing is open.
assert_closed()
{
    local field

    probe_called open_session 1
    probe_called close_session 1
    probe_called setcred-delete 1
    assert_eq "$(probe_field close_session pid)" "$(probe_field open_session pid)"
    assert_eq "$(probe_field setcred-delete pid)" "$(probe_field open_session pid)"
    for field in ruid euid suid; do
        assert_eq "$(probe_field close_session "$field")" 0 "$field"
        assert_eq "$(probe_field setcred-delete "$field")" 0 "$field"
    done
    assert_match "$(probe_order)" " $undone\$"
    assert_eq "$(<"$open")" 0 "open sessions"
}

# The same, after a command was started or tried: its process has ended its copy of the handle.
assert_closed_after_command()
{
    assert_closed
    assert_eq "$(probe_order)" "$opened cleanup:PAM_DATA_SILENT $undone"
    [ "$(probe_field cleanup pid)" != "$(probe_field open_session pid)" ] || fail_because "no process of its own"
}

assert_left_open()
{
    probe_called open_session 1
    probe_called close_session 0
    probe_called setcred-delete 0
    assert_eq "$(<"$open")" 1 "open sessions"
    assert_eq "$(probe_order | tr ' ' '\n' | grep -c '^cleanup$')" 0 "handles ended aloud"
}

run_closing() # ARGUMENT...
{
    run_pamrun --profile prt_close --close-on-exit "$@"
}

start_closing() # ARGUMENT...
{
    start_pamrun --profile prt_close --close-on-exit "$@"
}

# ---- however the command ends ---------------------------------------------------------------------------------

@test "closed after a command that ends well, fails, or is killed" {
    local row rows=("true|0" "exit 3|3" "kill -KILL \$\$|137" "kill -SEGV \$\$|139" "kill -TERM \$\$|143")

    for row in "${rows[@]}"; do
        probe_reset
        script_with
        rm -f "$open"
        run_closing -u prt_alice -- sh -c "${row%|*}"
        assert_status "${row##*|}"
        assert_closed_after_command
        assert_no_process_of prt_alice
    done
}

@test "closed after a command that cannot be executed, is not found, or has no directory to start in" {
    local row rows=("-u prt_alice -- /etc/passwd|126" "-u prt_alice -- /missing/command|127"
        "-u prt_alice -- prt-missing-command|127" "-s /missing/shell prt_alice|127"
        "-s /etc/passwd prt_alice|126" "--chdir /missing -u prt_alice -- true|71"
        "--chdir /root/prt_missing -u prt_alice -- true|71")

    for row in "${rows[@]}"; do
        probe_reset
        script_with
        rm -f "$open"
        # shellcheck disable=SC2086 # words
        run_closing ${row%|*}
        assert_status "${row##*|}"
        assert_closed_after_command
    done
}

@test "closed only when the command has ended and is reaped" {
    script_with "close_session touch $TEST_DIR/closing" "close_session wait-file $TEST_DIR/close-now"
    start_closing -u prt_alice -- sh -c "echo \$\$ >$box/pid; until [ -e $box/go ]; do sleep 0.01; done"
    assert wait_until 5 test -s "$box/pid"
    refute test -e "$TEST_DIR/closing"
    touch "$box/go"
    assert wait_until 5 test -e "$TEST_DIR/closing"
    refute test -e "/proc/$(<"$box/pid")" # a zombie would still be there
    assert_eq "$(pgrep -P "$pamrun_pid")" ""
    touch "$TEST_DIR/close-now"
    end_status "$pamrun_pid"
    assert_status 0
    assert_closed_after_command
}

@test "what the command left in the background does not put off the closing" {
    run_closing -u prt_alice -- sh -c "sleep 100 >/dev/null 2>&1 & echo \$! >$box/pid; exit 4"
    assert_status 4
    assert_closed_after_command
    assert test -e "/proc/$(<"$box/pid")"
    kill_processes_of prt_alice
}

@test "what the command left with our standard output in its hands does not put off the closing" {
    run_closing -u prt_alice -- sh -c "sleep 100 & echo \$! >$box/pid; exit 4"
    assert_status 4
    assert_closed_after_command
    kill_processes_of prt_alice
}

@test "closed when the account is root too" {
    run_closing -u root -- sh -c 'exit 5'
    assert_status 5
    assert_closed_after_command
}

@test "closed under the shell's form as well" {
    run_closing prt_alice -c 'exit 6'
    assert_status 6
    assert_closed_after_command
    probe_reset
    script_with
    rm -f "$open"
    run_closing -l prt_alice -c 'exit 7'
    assert_status 7
    assert_closed_after_command
}

@test "a close that fails is said, and hides neither the command's status nor the deletion of credentials" {
    script_with "close_session return PAM_SESSION_ERR"
    run_closing -u prt_alice -- sh -c 'exit 5'
    assert_status 5
    assert_closed_after_command
    assert_eq "$stderr" "pamrun: close_session for prt_alice (profile prt_close): Cannot make/remove an entry for the specified session (PAM_SESSION_ERR)
hint: a module of /etc/pam.d/prt_close failed; it says more in syslog"
}

# ---- signals to pamrun ----------------------------------------------------------------------------------------

@test "closed when a signal to pamrun ends the command" {
    local name

    for name in TERM INT HUP QUIT ALRM USR1; do
        probe_reset
        script_with
        rm -f "$open" "$box/pid"
        start_closing -u prt_alice -- sh -c "echo \$\$ >$box/pid; exec sleep 100"
        assert wait_until 5 test -s "$box/pid"
        kill -s "$name" "$pamrun_pid"
        end_status "$pamrun_pid"
        assert_status $((128 + $(kill -l "$name")))
        assert_closed_after_command
        assert_no_process_of prt_alice
    done
}

@test "PIPE to pamrun changes nothing" {
    start_closing -u prt_alice -- sh -c "echo \$\$ >$box/pid; until [ -e $box/go ]; do sleep 0.01; done; exit 3"
    assert wait_until 5 test -s "$box/pid"
    kill -s PIPE "$pamrun_pid"
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 3
    assert_closed_after_command
}

# Send SIGNAL while PHASE runs in a module, then let the module go on; sets status.
signal_in_step() # PHASE SIGNAL
{
    probe_reset
    rm -f "$open" "$box/ran" "$TEST_DIR/entered" "$TEST_DIR/go-on"
    script_with "$1 touch $TEST_DIR/entered" "$1 wait-file $TEST_DIR/go-on"
    start_closing -u prt_alice -- sh -c "touch $box/ran; exit 5"
    assert wait_until 5 test -e "$TEST_DIR/entered"
    kill -s "$2" "$pamrun_pid"
    touch "$TEST_DIR/go-on"
    end_status "$pamrun_pid"
    assert_no_process_of prt_alice
}

@test "told to stop while open_session runs: nothing is run, the session is closed" {
    local name

    for name in TERM INT HUP QUIT; do
        signal_in_step open_session "$name"
        assert_status $((128 + $(kill -l "$name")))
        refute test -e "$box/ran"
        assert_eq "$(probe_order)" "$opened $undone"
        assert_closed
        assert_contains "$stderr" "SIG$name"
    done
}

@test "told to stop while an earlier step runs: nothing is run, nothing opened, what was done is undone" {
    signal_in_step authenticate TERM
    assert_status 143
    assert_eq "$(probe_order)" "authenticate cleanup"
    signal_in_step acct_mgmt INT
    assert_status 130
    assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
    signal_in_step setcred-establish HUP
    assert_status 129
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED setcred:PAM_DELETE_CRED cleanup"
    refute test -e "$box/ran"
    refute test -e "$open"
}

@test "ALRM, PIPE and USR1 while a module runs change nothing" {
    local name phase

    for name in ALRM PIPE USR1; do
        for phase in authenticate open_session; do
            signal_in_step "$phase" "$name"
            assert_status 5
            assert_closed_after_command
        done
    done
}

@test "any signal while close_session runs: it is closed to the end, once, and the command's status stays" {
    local name

    for name in TERM INT HUP QUIT ALRM PIPE USR1; do
        signal_in_step close_session "$name"
        assert_status 5
        assert_closed_after_command
    done
}

@test "a signal while close_session runs does not make a good close a failed one" {
    signal_in_step close_session TERM
    assert_status 5
    assert_eq "$stderr" ""
}

@test "twenty SIGTERMs at random moments: what was opened is closed, nothing is left" {
    local i delay_us opens closes

    script_with "* sleep 2"
    for i in {1..20}; do
        delay_us=$((RANDOM % 40000))
        setsid "$PAMRUN" --profile prt_close --close-on-exit --kill-after 2 -u prt_alice -- sleep 0.02 \
            </dev/null >/dev/null 2>&1 3>&- 4>&- &
        nap "0.$(printf %06d "$delay_us")"
        kill -TERM $! 2>/dev/null || true
        wait $! || true
        opens=$(probe_count open_session) closes=$(probe_count close_session)
        [ "$opens" -eq "$closes" ] || fail_because "opened $opens, closed $closes after $delay_us us, run $i"
    done
    [ "$opens" -gt 0 ] || fail_because "no run got as far as a session"
    assert_eq "$(<"$open")" 0
    assert_eq "$(probe_count setcred-establish)" "$(probe_count setcred-delete)"
    assert_no_process_of prt_alice
}

# ---- a step that fails half-way -------------------------------------------------------------------------------

@test "open_session that fails in the second module is closed in both, nothing is run" {
    profile prt_close < <(
        probe_line auth required
        probe_line account required
        probe_line session required first
        probe_line session required second
    )
    probe_script <<END
open_session@first count-open $open
close_session@first count-close $open
open_session@second return PAM_SESSION_ERR
END
    run_closing -u prt_alice -- touch "$box/ran"
    assert_status 71
    refute test -e "$box/ran"
    assert_eq "$(<"$open")" 0
    probe_called close_session@first 1
    assert_match "$(probe_order first)" "open_session close_session$"
    probe_called setcred-delete 1
    # and so without --close-on-exit: a session that was never whole is not left open
    probe_script <<END
open_session@first count-open $open
close_session@first count-close $open
open_session@second return PAM_SESSION_ERR
END
    run_pamrun --profile prt_close -u prt_alice -- touch "$box/ran"
    assert_status 71
    assert_eq "$(<"$open")" 0
}

# ---- the system fails -----------------------------------------------------------------------------------------

# Run with system call CALL failing at its Nth time, in pamrun and in the command's process until it is the command.
run_injected() # CALL WHAT [N]
{
    probe_reset
    rm -f "$open" "$box/ran"
    script_with
    run_program strace -f -b execve -o "$TEST_DIR/trace" -e "trace=$1" -e "inject=$1:$2${3:+:when=$3}" \
        "$PAMRUN" --profile prt_close --close-on-exit -u prt_alice -- sh -c "id >$box/ran; exit 5"
}

# It ran as it should, or was refused with a reason; in any case nothing is open.
assert_right_or_refused() # WHAT
{
    local opens closes

    opens=$(probe_count open_session) closes=$(probe_count close_session)
    [ "$opens" -eq "$closes" ] || fail_because "$1: opened $opens, closed $closes"
    [ ! -e "$open" ] || [ "$(<"$open")" -eq 0 ] || fail_because "$1: left open"
    assert_eq "$(probe_count setcred-establish)" "$(probe_count setcred-delete)" "$1"
    if [ -s "$box/ran" ]; then
        assert_eq "$(<"$box/ran")" "$(id prt_alice)" "$1"
    else
        [ "$status" -ne 0 ] || fail_because "$1: neither run nor refused"
        [ -n "$stderr" ] || fail_because "$1: refused without a word"
    fi
    assert_no_process_of prt_alice
}

@test "fork fails: closed, 71, and where to look" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    needs strace
    run_injected clone,clone3,fork,vfork error=EAGAIN
    assert_status 71
    refute test -e "$box/ran"
    assert_eq "$(probe_order)" "$opened $undone"
    assert_closed
    assert_eq "$stderr" "pamrun: command: fork: Resource temporarily unavailable
hint: too many processes: ulimit -u, or pids.max of the cgroup"
}

@test "the pipe, signalfd or pidfd of the command cannot be had: closed, 71, one line" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    local call

    needs strace
    for call in pipe2 signalfd4 pidfd_open; do
        run_injected "$call" error=EMFILE
        assert_status 71
        assert_closed
        assert_one_line "$stderr"
        assert_no_process_of prt_alice
    done
}

@test "the account's ids cannot be taken on: the command does not run, closed, 71" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    local call error

    needs strace
    for call in setresuid setresgid; do
        for error in EPERM EAGAIN EINVAL; do
            run_injected "$call" "error=$error"
            assert_status 71
            refute test -e "$box/ran"
            assert_closed
            assert_one_line "$stderr"
        done
    done
    for error in EPERM ENOMEM; do
        run_injected setgroups "error=$error"
        assert_status 71
        refute test -e "$box/ran"
        assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
    done
}

@test "set*id that 'succeeds' without effect is noticed: the command does not run" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    local call

    needs strace
    for call in setresuid setresgid setgroups; do
        run_injected "$call" retval=0
        assert_status 71
        refute test -e "$box/ran"
        assert_right_or_refused "$call"
        assert_one_line "$stderr"
    done
}

# How often pamrun or its child makes the call in a run that goes well.
calls_in_good_run() # CALL
{
    local counts

    run_injected "$1" delay_enter=0
    assert_status 5
    counts=$(grep -v -e 'resumed>' -e '^[0-9]* *[-+]' "$TEST_DIR/trace" | cut -d ' ' -f 1 | sort | uniq -c |
        sort -rn | awk 'NR == 1 { print $1 }')
    echo "${counts:-0}"
}

fails_in_turn() # ERROR CALL...
{
    local error=$1 call count nth

    shift
    for call; do
        count=$(calls_in_good_run "$call")
        for ((nth = 1; nth <= count && nth <= 40; nth++)); do
            run_injected "$call" "error=$error" "$nth"
            assert_right_or_refused "$call, time $nth, $error"
        done
    done
}

@test "files that cannot be opened, one after the other: run rightly or refused, nothing left open" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    needs strace
    fails_in_turn EMFILE openat
}

@test "system calls that fail, one after the other: run rightly or refused, nothing left open" {
    [ "${SANITIZED-}" != 1 ] || return 0 # that build and strace do not go together
    needs strace
    fails_in_turn EPERM prctl capget setresuid setresgid setgroups getgroups chdir fchdir close_range
    fails_in_turn ENOMEM timer_create rt_sigprocmask pipe2 signalfd4 pidfd_open poll waitid umask getresuid
}

# ---- left open ------------------------------------------------------------------------------------------------

@test "without --close-on-exit the session and the credentials stay, and the handle is ended silently" {
    run_pamrun --profile prt_close -u prt_alice -- sh -c 'exit 5'
    assert_status 5
    assert_left_open
    assert_eq "$(probe_order)" "$opened cleanup:PAM_DATA_SILENT cleanup:PAM_DATA_SILENT"
    assert_eq "$(probe_field cleanup pid last)" "$(probe_field open_session pid)"
    assert_eq "$(probe_field cleanup error_status last)" "PAM_SUCCESS|PAM_DATA_SILENT"
}

@test "two runs leave two open, and one that closes takes away one" {
    run_pamrun --profile prt_close -u prt_alice -- true
    run_pamrun --profile prt_close -u prt_alice -- true
    assert_eq "$(<"$open")" 2
    run_closing -u prt_alice -- true
    assert_eq "$(<"$open")" 2
}

@test "left open also when the command fails, is killed, or pamrun is told to end" {
    local command

    for command in 'exit 3' 'kill -KILL $$' 'kill -SEGV $$' 'kill -TERM $$'; do
        probe_reset
        script_with
        rm -f "$open"
        run_pamrun --profile prt_close -u prt_alice -- sh -c "$command"
        assert_left_open
    done
    probe_reset
    script_with
    rm -f "$open"
    start_pamrun --profile prt_close -u prt_alice -- sh -c "echo \$\$ >$box/pid; exec sleep 100"
    assert wait_until 5 test -s "$box/pid"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
    assert_left_open
}

@test "nothing is left open when nothing was run" {
    run_pamrun --profile prt_close -u prt_alice -- /missing/command
    assert_status 127
    assert_closed_after_command
    probe_reset
    script_with
    rm -f "$open"
    run_pamrun --profile prt_close --chdir /missing -u prt_alice -- true
    assert_status 71
    assert_closed_after_command
}

@test "pamrun stays as long as the command does, also when the session is left open" {
    start_pamrun --profile prt_close -u prt_alice -- sh -c "echo \$PPID >$box/parent; exec sleep 100"
    assert wait_until 5 test -s "$box/parent"
    assert_eq "$(<"$box/parent")" "$pamrun_pid"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
}

# ---- --exec ---------------------------------------------------------------------------------------------------

@test "with --exec nobody stays: the command is the process that opened, and the session stays open" {
    start_pamrun --exec --profile prt_close -u prt_alice -- \
        sh -c "ls -1 /proc/\$\$/task/\$\$/ >/dev/null; id -un >$box/user; echo \$\$ >$box/pid; exec sleep 100"
    assert wait_until 5 test -s "$box/pid"
    assert_eq "$(<"$box/pid")" "$pamrun_pid"
    assert_eq "$(<"$box/user")" prt_alice
    assert_eq "$(probe_field open_session pid)" "$pamrun_pid"
    assert_eq "$(session_members "$pamrun_pid")" "$pamrun_pid"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143 # by the signal itself
    assert_left_open
    assert_eq "$(probe_order)" "$opened cleanup:PAM_DATA_SILENT"
    assert_eq "$(probe_field cleanup pid)" "$pamrun_pid"
    assert_eq "$(probe_field cleanup euid)" "$(id -u prt_alice)"
}

@test "with --exec the exit status is the command's; 126, 127 and 71 are said" {
    run_pamrun --exec --profile prt_close -u prt_alice -- sh -c 'exit 5'
    assert_status 5
    run_pamrun --exec --profile prt_close -u prt_alice -- /missing/command
    assert_status 127
    assert_one_line "${stderr%%$'\n'hint:*}"
    run_pamrun --exec --profile prt_close -u prt_alice -- /etc/passwd
    assert_status 126
    run_pamrun --exec --profile prt_close --chdir /missing -u prt_alice -- true
    assert_status 71
    assert_no_process_of prt_alice
}

@test "the options --exec and --close-on-exit together are refused, nothing is called" {
    run_pamrun --exec --close-on-exit --profile prt_close -u prt_alice -- true
    assert_status 64
    assert_eq "$(probe_order)" ""
}
