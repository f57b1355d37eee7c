# Modules that change the process they run in, when the caller is not root: the command has the right ids and streams, or
# there is a clear refusal; a session that was opened is closed, and neither front nor holder is left.
# With sanitizers only in full.
# Takes long.

# shellcheck disable=SC2015,SC2016,SC2154 # A && B || fail; scripts in quotes; what common.bash sets
load lib/common

PHASES=(authenticate acct_mgmt setcred-establish open_session)

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice --groups prt_staff
    make_user prt_bob
    probe_profile su
}

setup()
{
    begin_test
    cd /
}

# As prt_bob.
job()
{
    run_pamrun_as prt_bob --close-on-exit -u prt_alice -- "$@"
}

script()
{
    probe_reset
    probe_script
}

# As messages and shells name the step.
step_of() # PHASE
{
    if [ "$1" = setcred-establish ]; then echo setcred; else echo "$1"; fi
}

ids()
{
    id prt_alice
}

# A session that a module opened, or tried to, is closed; nobody is left who could not be seen.
assert_all_over() # WHAT
{
    local holder

    [ "$(probe_count open_session)" -le "$(probe_count close_session)" ] || fail_because "$1: a session is left open"
    [ "$(probe_count setcred-establish)" -le "$(probe_count setcred-delete)" ] || fail_because "$1: credentials are left"
    assert_nobody_left "$1"
}

assert_nobody_left() # WHAT
{
    local holder

    holder=$(sed -n 's/.* function=authenticate .* pid=\([0-9]*\) .*/\1/p' "$PROBE_LOG_FILE" | head -n 1)
    [ -z "$holder" ] || assert wait_until 10 program_has_ended "$holder"
    assert wait_until 10 has_no_process prt_alice
    assert wait_until 10 has_no_process prt_bob
}

assert_ran() # WHAT STDOUT
{
    assert_eq "$status $stdout" "0 $2" "$1"
    assert_eq "$stderr" "" "$1"
    assert_all_over "$1"
}

# No success, nothing of the command's on stdout, one clear line first.
assert_clean_refusal() # WHAT
{
    [ "$status" -ne 0 ] || fail_because "$1: status 0"
    assert_eq "$stdout" "" "$1"
    assert_match "${stderr%%$'\n'*}" '^pamrun: '
    assert_one_line "${stderr%%$'\n'*}"
}

# The lines of stderr that are no hint.
messages()
{
    grep -vE '^(pamrun: )?hint: ' <<<"$stderr" || true
}

# ---- ids ------------------------------------------------------------------------------------------------------

@test "ids that a module leaves changed are put back for the next one; the command has the account's" {
    local phase action next real bob

    bob=$(id -u prt_bob)
    for action in "seteuid 65534" "setegid 4324" "setresuid 0"; do
        for phase in "${PHASES[@]}"; do
            script <<<"$phase $action"
            job id
            assert_ran "$phase $action" "$(ids)"
            for next in acct_mgmt setcred-establish open_session close_session setcred-delete; do
                [ "$next" != "$phase" ] || continue
                real=$bob
                [ $next = acct_mgmt ] || real=0
                assert_eq "$(probe_field $next ruid) $(probe_field $next euid)" "$real 0" "$next after $phase $action"
            done
        done
    done
}

@test "a module that gives up root for good, or becomes the account or the caller: nothing runs" {
    local phase user
    # who has given up root cannot trace itself any more, as the leak sanitizer does
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0

    for phase in "${PHASES[@]}"; do
        for user in 65534 "$(id -u prt_alice)" "$(id -u prt_bob)"; do
            script <<<"$phase setresuid $user"
            job id
            assert_status 71
            assert_clean_refusal "$phase setresuid $user"
            assert_eq "${stderr%%$'\n'*}" \
                "pamrun: $(step_of "$phase"): a module changed our user ids and they cannot be put back"
            assert_nobody_left "$phase setresuid $user"
        done
    done
    script <<<'close_session setresuid 65534'
    job sh -c 'exit 3'
    assert_eq "$status $stdout" "3 "
    assert_match "$stderr" '^pamrun: close_session: a module changed our user ids'
    assert_nobody_left close_session
}

@test "groups of authenticate and acct_mgmt are not the command's, those of setcred and open_session are" {
    local phase

    for phase in authenticate acct_mgmt; do
        script <<<"$phase setgroups 0,4321"
        job id
        assert_ran "$phase" "$(ids)"
    done
    for phase in setcred-establish open_session; do
        script <<<"$phase addgroup 4321"
        job id
        assert_ran "$phase" "$(ids),4321"
    done
}

@test "a module that changes PAM_USER: refused in each step, whoever it names" {
    local phase user

    for phase in "${PHASES[@]}"; do
        for user in root prt_bob prt_nobody; do
            script <<<"$phase set-user $user"
            job id
            assert_status 77
            assert_eq "$stdout" ""
            assert_eq "$(messages)" \
                "pamrun: $(step_of "$phase") for prt_alice (profile su): a module changed the user to '$user'"
            assert_all_over "$phase $user"
        done
    done
    script <<<'close_session set-user root'
    job id
    assert_ran close_session "$(ids)"
    script <<<'authenticate unset-user'
    job id
    assert_clean_refusal unset-user
    assert_all_over unset-user
}

# ---- directory, umask, limits, environment --------------------------------------------------------------------

@test "a directory that a module changes is neither the next one's nor the command's" {
    local phase

    cd /usr
    for phase in "${PHASES[@]}" close_session; do
        script <<<"$phase chdir $TEST_DIR"
        job pwd -P
        assert_ran "$phase" /usr
        assert_eq "$(probe_field setcred-delete cwd)" /
    done
}

@test "a umask that a module sets is the command's when it opened the session with it, else not" {
    local phase umask

    for umask in 0000 0777 0027; do
        for phase in "${PHASES[@]}"; do
            script <<<"$phase umask $umask"
            job sh -c umask
            if [ "$phase" = open_session ]; then
                assert_ran "$phase $umask" "$umask"
            else
                assert_ran "$phase $umask" 0022
            fi
            assert_eq "$(probe_field close_session umask)" 0022
        done
    done
}

@test "limits that a module sets: the command's, or a clear refusal; those of open_session are the command's" {
    local phase limit

    script <<'END'
open_session rlimit NOFILE 100 200
open_session rlimit CORE 4096 8192
open_session rlimit FSIZE 1024000 2048000
open_session nice 5
END
    job sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc; ulimit -Sf; ulimit -Hf; nice'
    assert_ran "limits" $'100\n200\n8\n16\n2000\n4000\n5'
    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizers need descriptors and memory
    for phase in "${PHASES[@]}"; do
        for limit in "NOFILE 3 1024" "NOFILE 0 0" "FSIZE 0 0" "NPROC 0 0" "DATA 4096 4096" "SIGPENDING 0 0"; do
            script <<<"$phase rlimit $limit"
            job id
            if [ -n "$stdout" ]; then
                assert_eq "$status $stdout" "0 $(ids)" "$phase $limit"
            elif [ -n "$stderr" ]; then
                assert_clean_refusal "$phase $limit"
            else
                # standard error is a file, and may not grow; or the kernel ended the command
                [[ $status -gt 128 || ($limit == FSIZE* && $status -ne 0) ]] || fail_because "$phase $limit: no word"
            fi
            assert_nobody_left "$phase $limit"
        done
    done
}

@test "what a module puts into its process's environment does not reach the command" {
    local phase

    for phase in "${PHASES[@]}" close_session; do
        script < <(printf "$phase putenv %s\n" EVIL=1 PATH=/evil LD_PRELOAD=/evil.so IFS=x)
        job /usr/bin/env
        assert_status 0
        refute_contains "$stdout" EVIL
        refute_contains "$stdout" evil
        refute grep -q '^IFS=' <<<"$stdout"
        assert_all_over "$phase"
    done
}

# ---- signals --------------------------------------------------------------------------------------------------

@test "signals that a module blocks or ignores are not the command's, whose end is seen all the same" {
    local phase name

    for phase in "${PHASES[@]}" close_session; do
        script < <(
            for name in TERM CHLD INT POLL; do echo "$phase block $name"; done
            for name in CHLD PIPE HUP TERM POLL; do echo "$phase ignore $name"; done
        )
        job bash -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; exit 5'
        assert_status 5
        assert_match "$stdout" $'SigBlk:.0000000000000000\n''SigIgn:.0000000000000000'
        assert_all_over "$phase"
    done
}

@test "a signal still reaches the holder when a module blocked and ignored all of them one step before" {
    local name

    script < <(
        for name in HUP INT QUIT TERM USR1 POLL ALRM CHLD; do
            echo "acct_mgmt block $name"
            echo "acct_mgmt ignore $name"
        done
        echo "open_session hang-eintr"
    )
    start_pamrun_as prt_bob --close-on-exit -u prt_alice -- echo "done"
    assert wait_until 10 probe_called open_session
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_eq "$status $stdout" "143 "
    assert_all_over "TERM"
}

@test "an alarm and a session of its own that a module leaves do no harm" {
    local phase

    for phase in "${PHASES[@]}"; do
        script <<<"$phase setsid"
        job id
        assert_eq "$status $stdout" "0 $(ids)" "$phase"
        assert_all_over "$phase"
    done
    script <<<'open_session alarm 1'
    job sh -c 'sleep 1.4; echo ended'
    assert_ran alarm ended
}

# ---- descriptors ----------------------------------------------------------------------------------------------

@test "a module that closes 0 to 2: the command has the caller's" {
    local phase fd

    for phase in "${PHASES[@]}"; do
        for fd in 0 1 2 "0 1 2"; do
            script < <(for one in $fd; do echo "$phase close-fd $one"; done)
            install -m 0666 /dev/null "$TEST_DIR/fds"
            job bash -c 'id; for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done >"$0"' "$TEST_DIR/fds"
            assert_eq "$status $stdout" "0 $(ids)" "$phase $fd"
            assert_eq "$(sed -n '1p;3p' "$TEST_DIR/fds")" /dev/null$'\n'"$stderr_file"
            assert_all_over "$phase $fd"
        done
    done
}

@test "descriptors that a module leaks, also under the numbers of ours, do not reach the command" {
    local phase fd

    for phase in "${PHASES[@]}"; do
        script < <(printf "$phase %s\n" leak-fd leak-fd-high)
        job bash -c 'id; for fd in /proc/$$/fd/*; do [[ ${fd##*/} -le 2 ]] || readlink "$fd"; done; exit 0'
        assert_eq "$status" 0
        refute_contains "$stdout" /dev/null
        assert_contains "$stdout" "$(ids)"
        assert_all_over "$phase"
        # our socket, our copies of 0 to 2, the directory: all are another file now
        script < <(
            for fd in {3..12}; do echo "$phase close-fd $fd"; done
            for fd in {3..12}; do echo "$phase leak-fd"; done
        )
        job sh -c 'id >&2; id'
        if [ -n "$stdout" ]; then
            assert_eq "$stdout" "$(ids)" "$phase"
        else
            assert_clean_refusal "$phase"
        fi
        assert_nobody_left "$phase"
    done
}

# ---- processes ------------------------------------------------------------------------------------------------

@test "a module that forks and comes back twice: the command runs once, the session is closed once" {
    local phase

    for phase in "${PHASES[@]}" close_session; do
        script <<<"$phase fork-return"
        job sh -c 'echo ran'
        assert_eq "$status $stdout" "0 ran" "$phase"
        assert wait_until 10 probe_called "$phase" 2
        [ "$phase" = close_session ] || probe_called close_session 1
        probe_called setcred-delete 1
        assert_nobody_left "$phase"
    done
}

@test "a helper that a module forks exits with its own status; one that stays is not waited for" {
    local phase start

    for phase in "${PHASES[@]}" close_session; do
        script <<<"$phase fork-exit 5"
        job sh -c 'exit 3'
        assert_eq "$status $stderr" "3 " "$phase"
        assert_eq "$(sed -n 's/.*function=note.* text=//p' "$PROBE_LOG_FILE")" 'fork-exit\x205'
        assert_all_over "$phase"
    done
    start=${EPOCHREALTIME/[.,]/}
    script <<<'open_session fork-stay 30000'
    job sh -c 'exit 3'
    assert_status 3
    (((${EPOCHREALTIME/[.,]/} - start) < 25000000)) || fail_because "waited"
    probe_called close_session 1
}

@test "exit in a step is never success: status 71, one line" {
    local phase code

    for phase in "${PHASES[@]}" close_session; do
        for code in 0 7; do
            script <<<"$phase exit $code"
            job true
            assert_status 71
            assert_eq "$output" \
                "pamrun: $(step_of "$phase") for prt_alice (profile su): a module called exit(); what it holds may remain"
            assert_nobody_left "$phase exit $code"
        done
    done
}

@test "_exit, a crash, an abort, a SIGKILL in a step: status 71, and the front says what became of the holder" {
    local row phase end
    # the crash is the module's: no report
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0:handle_abort=0

    for row in "_exit 0:ended before it was done" "_exit 71:ended before it was done" \
        "crash:was ended by SIGSEGV" "abort:was ended by SIGABRT" "kill KILL self:was ended by SIGKILL"; do
        for phase in "${PHASES[@]}" close_session; do
            script <<<"$phase ${row%%:*}"
            job true
            end="the process that holds the PAM session ${row#*:}"
            assert_status 71
            assert_eq "$stdout" ""
            assert_eq "$(messages)" "pamrun: $(step_of "$phase") for prt_alice (profile su): $end"
            assert_nobody_left "$phase $row"
        done
    done
}

# ---- modules that hang ----------------------------------------------------------------------------------------

@test "a module that hangs is interrupted when the caller ends or interrupts pamrun, in each step" {
    local phase name

    for phase in "${PHASES[@]}"; do
        for name in TERM INT; do
            script <<<"$phase hang-eintr"
            start_pamrun_as prt_bob --close-on-exit -u prt_alice -- echo "done"
            assert wait_until 10 probe_called "$phase"
            "${applicant[@]}" /bin/kill -s "$name" "$pamrun_pid" # the caller may
            end_status "$pamrun_pid"
            assert_status $((128 + $(kill -l "$name")))
            assert_eq "$output" \
                "pamrun: $(step_of "$phase") for prt_alice (profile su): stopped by SIG$name"
            assert_all_over "$phase $name"
        done
    done
    script <<<'close_session hang-eintr'
    start_pamrun_as prt_bob --close-on-exit -u prt_alice -- sh -c 'exit 3'
    assert wait_until 10 probe_called close_session
    "${applicant[@]}" /bin/kill -s TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 3
    assert_match "$stderr" '^pamrun: close_session for prt_alice \(profile su\): '
    assert_all_over close_session
}

@test "the caller can end pamrun, but not the process that holds the session" {
    local holder name

    script <<<'acct_mgmt hang-eintr'
    start_pamrun_as prt_bob --close-on-exit -u prt_alice -- echo "done"
    assert wait_until 10 probe_called acct_mgmt
    holder=$(probe_field authenticate pid)
    refute "${applicant[@]}" cat "/proc/$holder/environ"
    refute "${applicant[@]}" cat "/proc/$pamrun_pid/environ"
    kill -KILL "$pamrun_pid" # a hang-up
    assert wait_until 20 program_has_ended "$holder"
    assert_all_over "front killed"
    end_status "$pamrun_pid"
    assert_status 137
}

@test "a module that hangs and does not mind is ended by force after ten seconds, whatever --kill-after says" {
    local start took

    script <<<'authenticate hang'
    start_pamrun_as prt_bob --close-on-exit --kill-after 0.1 -u prt_alice -- echo "done"
    assert wait_until 10 probe_called authenticate
    start=${EPOCHREALTIME/[.,]/}
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 60
    took=$((${EPOCHREALTIME/[.,]/} - start))
    assert_status 143
    ((took >= 9900000)) || fail_because "ended after $took us"
    assert_eq "$output" "pamrun: authenticate for prt_alice (profile su): told to stop, but a module does not end; \
what it holds may remain"
    assert_nobody_left force
}

# ---- conversation ---------------------------------------------------------------------------------------------

@test "too many messages, none, an unknown style: an error for the module, no harm to the run" {
    local phase row

    for phase in "${PHASES[@]}" close_session; do
        for row in "messages 33:PAM_CONV_ERR" "null-message:PAM_SUCCESS" "style 77 odd:PAM_CONV_ERR"; do
            script <<<"$phase ${row%:*}"
            job id
            assert_eq "$status $stdout" "0 $(ids)" "$phase $row"
            assert_contains "$(probe_field "$phase" conv)" ":${row#*:}"
            assert_all_over "$phase $row"
        done
    done
}

@test "four kilobytes of text: on standard error, whole or cut, as one line" {
    local phase text

    text=$(printf 'x%.0s' {1..4096})
    for phase in "${PHASES[@]}" close_session; do
        script <<<"$phase error $text"
        job id
        assert_eq "$status $stdout" "0 $(ids)" "$phase"
        [[ $stderr =~ ^x{512,}(\.\.\.)?$ && ${#stderr} -le 4096 ]] || fail_because "$phase: ${#stderr} bytes" # PAM_MAX_MSG_SIZE
        assert_all_over "$phase"
    done
}
