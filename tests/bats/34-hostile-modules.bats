# Modules that change the process they run in: the command has the right ids and streams, or there is a clean refusal.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice --groups prt_staff
    probe_profile prt_job
}

PHASES=(authenticate acct_mgmt setcred-establish open_session)

job()
{
    run_pamrun --profile prt_job "$@"
}

# Refused: no success, nothing of the command's on stdout, one clear line first.
assert_clean_refusal()
{
    local said

    [ "$status" -ne 0 ] || fail_because "status 0"
    assert_eq "$stdout" ""
    mapfile -t said <<<"$stderr"
    assert_match "${said[0]}" '^pamrun: '
    assert_one_line "${said[0]}"
}

# "uid=... gid=... groups=..." of the account, as `id` in the command prints it.
ids()
{
    id prt_alice
}

# ---- ids ------------------------------------------------------------------------------------------------------

@test "a module that leaves another effective id: the next one is called with root's, the command with the account's" {
    local phase action next

    for action in "seteuid 65534" "setegid 4324"; do
        for phase in "${PHASES[@]}"; do
            probe_reset
            probe_script <<<"$phase $action"
            job --close-on-exit -u prt_alice -- id
            assert_status 0
            assert_eq "$stdout" "$(ids)" "$phase $action"
            for next in acct_mgmt setcred-establish open_session close_session setcred-delete; do
                [ "$next" = "$phase" ] || assert_eq "$(probe_field $next euid)" 0
                assert_eq "$(probe_field $next ruid)" 0
                assert_eq "$(probe_field $next egid)" 0 "$next after $phase $action"
            done
        done
    done
}

@test "a module that gives up root for good: nothing runs" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_reset
        probe_script <<<"$phase setresuid 65534"
        job --close-on-exit -u prt_alice -- id
        assert_status 71
        assert_clean_refusal
        assert_contains "$stderr" "user ids"
    done
}

@test "a module that becomes the account itself: nothing runs" {
    probe_script <<<"open_session setresuid $(id -u prt_alice)"
    job -u prt_alice -- id
    assert_status 71
    assert_clean_refusal
}

@test "groups that a module leaves in authenticate or acct_mgmt are not the command's" {
    local phase

    for phase in authenticate acct_mgmt; do
        probe_script <<<"$phase setgroups 0,4321"
        job -u prt_alice -- id
        assert_eq "$status $stdout" "0 $(ids)"
    done
}

@test "a close that leaves another id: the credentials are still deleted as root" {
    probe_script <<<'close_session seteuid 65534'
    job --close-on-exit -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_field setcred-delete euid)" 0
}

# ---- directory, umask -----------------------------------------------------------------------------------------

@test "a module that changes the directory: neither the next module nor the command is there" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_reset
        probe_script <<<"$phase chdir $TEST_DIR"
        job --close-on-exit -u prt_alice -- pwd
        assert_eq "$status $stdout" "0 $PWD"
        assert_eq "$(probe_field close_session cwd)" /
        [ "$phase" = open_session ] || assert_eq "$(probe_field open_session cwd)" /
    done
    job -l prt_alice -c pwd
    assert_eq "$stdout" /home/prt_alice
}

# ---- signals --------------------------------------------------------------------------------------------------

@test "signals that a module blocks or ignores are not the command's, whose end is seen all the same" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_reset
        probe_script <<END
$phase block TERM
$phase block CHLD
$phase block INT
$phase ignore CHLD
$phase ignore PIPE
$phase ignore HUP
$phase ignore TERM
END
        RUN_TIMEOUT=10 job --close-on-exit -u prt_alice -- bash -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; exit 5'
        assert_status 5
        assert_match "$stdout" $'SigBlk:.0000000000000000\n''SigIgn:.0000000000000000'
        probe_called close_session 1
    done
}

@test "signals that a module blocks or ignores still reach pamrun, in the next step and while the command runs" {
    probe_script <<'END'
authenticate block TERM
authenticate ignore TERM
open_session hang-eintr
END
    start_pamrun --profile prt_job -u prt_alice -- echo done
    wait_until 5 probe_called open_session
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 10
    assert_status 143
    probe_script <<'END'
open_session block TERM
open_session ignore TERM
END
    start_pamrun --profile prt_job --close-on-exit -u prt_alice -- sh -c 'echo started; exec sleep 100'
    wait_until 5 grep -q started "$pamrun_stdout"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 10
    assert_status 143
    probe_called close_session 2
}

@test "a module that signals its own process ends the run in order" {
    probe_script <<<'open_session kill TERM self'
    job -u prt_alice -- echo done
    assert_status 143
    assert_eq "$stdout" ""
    probe_called close_session 1
    probe_called setcred-delete 1
    probe_reset
    probe_script <<<'open_session kill USR1 self'
    job -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
}

@test "an alarm that a module leaves running ends neither the run nor the command" {
    probe_script <<<'open_session alarm 1'
    job --close-on-exit -c 'sleep 1.4; echo done' prt_alice
    assert_eq "$status $stdout" "0 done"
    probe_called close_session 1
}

@test "an alarm that a module leaves running does not end a command that --exec became" {
    probe_script <<<'open_session alarm 1'
    job --exec -u prt_alice -- sh -c 'sleep 1.4; echo done'
    assert_eq "$status $stdout" "0 done"
}

# ---- descriptors ----------------------------------------------------------------------------------------------

@test "descriptors that a module leaks are not the command's; the caller's are" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_script <<END
$phase leak-fd
$phase leak-fd-high
END
        job -u prt_alice -- sh -c 'cd /proc/self/fd; for fd in *; do readlink "$fd"; done; cat <&7' \
            7< <(echo "from the caller")
        assert_status 0
        refute_contains "$(sed 1d <<<"$stdout")" /dev/null # stdin is
        assert_match "$stdout" 'from the caller$'
        job --exec -u prt_alice -- ls -l /proc/self/fd
        assert_eq "$(grep -c ' [0-9]* -> /dev/null' <<<"$stdout")" 1
    done
}

@test "a module that closes standard input, output or error: the command has the caller's" {
    local phase fd

    for phase in "${PHASES[@]}"; do
        for fd in 0 1 2; do
            probe_reset
            probe_script <<<"$phase close-fd $fd"
            : >"$TEST_DIR/fds"
            chmod 0666 "$TEST_DIR/fds"
            job --close-on-exit -u prt_alice -- bash -c 'id; ls -l /proc/$$/fd/{0,1,2} >"$0"; exit 0' "$TEST_DIR/fds"
            assert_status 0
            assert_eq "$stdout" "$(ids)"
            assert_match "$(<"$TEST_DIR/fds")" "/fd/0 -> /dev/null.*/fd/1 -> $stdout_file.*/fd/2 -> $stderr_file"
        done
    done
}

@test "a module that replaces standard output by a file of its own: the command has the caller's" {
    probe_script <<'END'
open_session close-fd 1
open_session leak-fd
END
    job -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
}

@test "a module that closes what the caller handed on does not give its number to something else" {
    probe_script <<'END'
open_session close-fd 7
open_session leak-fd
END
    job -u prt_alice -- sh -c 'ls /proc/$$/fd' 7</etc/hostname
    assert_status 0
    refute grep -qx 7 <<<"$stdout"
}

# ---- processes ------------------------------------------------------------------------------------------------

@test "a module that forks and comes back twice: the command runs once, the session is closed once" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_reset
        probe_script <<<"$phase fork-return"
        job --close-on-exit -u prt_alice -- sh -c 'echo ran'
        assert_eq "$status $stdout" "0 ran"
        probe_called "$phase" 2
        probe_called close_session 1
        probe_called setcred-delete 1
    done
}

@test "a helper that a module forks exits with its own status, and does not end the run" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_reset
        probe_script <<<"$phase fork-exit 5"
        job --close-on-exit -u prt_alice -- sh -c 'exit 3'
        assert_status 3
        assert_eq "$stderr" ""
        assert_eq "$(sed -n 's/.*function=note.* text=//p' "$PROBE_LOG_FILE")" 'fork-exit\x205'
        probe_called close_session 1
    done
}

@test "a process that a module leaves behind is not waited for" {
    local start=${EPOCHREALTIME/[.,]/}

    probe_script <<<'open_session fork-stay 6000'
    job --close-on-exit -u prt_alice -- sh -c 'exit 3'
    assert_status 3
    (((${EPOCHREALTIME/[.,]/} - start) < 5000000))
    probe_called close_session 1
}

@test "what a module leaves for the end of our process does not come to pass, and the status stays the command's" {
    [ -z "${SANITIZED-}" ] || return 0 # a sanitizer looks for leaks at an exit(3)
    probe_script <<<'open_session at-exit 9'
    job --close-on-exit -u prt_alice -- sh -c 'exit 3'
    assert_status 3
}

@test "exit in a step is never success: status 71, one line, nothing runs" {
    local phase code

    for phase in "${PHASES[@]}"; do
        for code in 0 1; do
            probe_reset
            probe_script <<<"$phase exit $code"
            job --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
            assert_status 71
            assert_clean_refusal
            assert_one_line "$stderr"
            assert_match "$(tail -n 1 "$TEST_DIR/events")" '"event":"failed".*"class":"node".*"exit-status":71'
        done
    done
    probe_script <<<'close_session exit 0'
    job --close-on-exit -u prt_alice -- sh -c 'echo done'
    [ "$status" -ne 0 ]
    assert_match "$stderr" '^pamrun: close_session'
}

@test "a module that ends the process at once, crashes or aborts: nothing runs" {
    local row phase
    # the crash is the module's: no report
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0:handle_abort=0

    for row in "_exit 3:3" "crash:139" "abort:134" "kill KILL self:137"; do
        for phase in "${PHASES[@]}"; do
            probe_reset
            probe_script <<<"$phase ${row%:*}"
            job -u prt_alice -- echo done
            assert_eq "$stdout" ""
            assert_status "${row#*:}"
        done
    done
}

# ---- limits, priority, environment ----------------------------------------------------------------------------

@test "limits and priority that a module sets in open_session are the command's" {
    probe_script <<'END'
open_session rlimit NOFILE 100 200
open_session rlimit CORE 4096 8192
open_session nice 5
END
    job -u prt_alice -- sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Sc; nice'
    assert_eq "$status $(paste -sd' ' <<<"$stdout")" "0 100 200 8 5"
}

@test "a limit on open files that leaves no room: a clean refusal, and the session is closed" {
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # needs descriptors of its own

    probe_script <<<'open_session rlimit NOFILE 3 1024'
    job -u prt_alice -- echo done
    if [ "$status" -eq 0 ]; then
        assert_eq "$stdout" done
    else
        assert_status 71
        assert_clean_refusal
        probe_called close_session 1
        probe_called setcred-delete 1
    fi
}

@test "a limit on processes that leaves no room: a clean refusal, and the session is closed" {
    probe_script <<<'open_session rlimit NPROC 0 0'
    job -u prt_alice -- echo done
    if [ "$status" -eq 0 ]; then
        assert_eq "$stdout" done # root's processes are not limited, and one that exec replaces is none more
    else
        assert_match "$status" '^(71|126)$'
        assert_clean_refusal
        probe_called close_session 1
    fi
}

@test "what a module puts into the process environment does not reach the command" {
    local phase

    for phase in "${PHASES[@]}"; do
        probe_script <<END
$phase putenv EVIL=1
$phase putenv PATH=/evil
$phase putenv LD_PRELOAD=/evil.so
$phase putenv IFS=x
END
        run_program env -i PATH=/usr/bin:/bin KEPT=1 "$PAMRUN" --profile prt_job -u prt_alice -- env
        assert_status 0
        assert_contains "$stdout" KEPT=1
        refute_contains "$stdout" EVIL
        refute_contains "$stdout" evil
    done
}

@test "a module that takes the process to a session of its own does no harm" {
    probe_script <<<'open_session setsid'
    job --close-on-exit -u prt_alice -- id
    assert_eq "$status $stdout" "0 $(ids)"
    probe_called close_session 1
}

@test "a cleanup function that exits in the child is no run: status 71, and the session is closed" {
    probe_script <<'END'
cleanup exit 0
END
    job --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
    assert_status 71
    assert_eq "$stdout" ""
    refute_contains "$(<"$TEST_DIR/events")" command-started
    probe_called close_session 1
}

@test "with --exec, too: a cleanup function that exits is no run" {
    probe_script <<<"cleanup exit 0"
    job --exec --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
    assert_status 71
    assert_eq "$stdout" ""
    assert_match "$stderr" "^pamrun: end for prt_alice \(profile prt_job\): a module called exit\(\)"
}

@test "with --exec a cleanup function that hangs is ended by TERM" {
    probe_script <<<"cleanup hang"
    start_pamrun --profile prt_job --exec -u prt_alice -- echo done
    wait_until 20 probe_called cleanup
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
}

@test "a cleanup function that closes a standard descriptor: nothing runs with another file in its place" {
    probe_script <<<"cleanup close-fd 0"
    job -u prt_alice -- echo done
    assert_status 71
    assert_eq "$stdout" ""
}

@test "standard descriptors that a module closes at an exec are the command's all the same" {
    probe_script <<'END'
open_session cloexec 0
open_session cloexec 1
cleanup cloexec 2
END
    job -u prt_alice -- sh -c 'readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 | wc -l'
    assert_eq "$status $stdout" "0 3"
}

@test "an alarm that an authenticating module leaves behind, at its default: setcred is not ended half-way" {
    probe_script <<'END'
acct_mgmt default ALRM
acct_mgmt alarm 1
setcred-establish sleep 2500
END
    job -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
}

@test "a cleanup function that exits at the end does not give pamrun its status" {
    probe_script <<END
close_session touch $TEST_DIR/closed
cleanup if-file $TEST_DIR/closed exit 0
END
    job --close-on-exit -u prt_alice -- sh -c 'exit 3'
    assert_status 71
    assert_contains "$stderr" 'exit()'
}

@test "files that a module opens under the numbers of ours do not reach the command" {
    local fd closes=''

    for fd in 1 3 4 5 6 7 8 9; do closes+="open_session close-fd $fd"$'\n'; done
    probe_script <<END
$closes
open_session leak-fd
open_session leak-fd
open_session leak-fd
open_session leak-fd
END
    job --chdir / -u prt_alice -- readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2
    assert_status 71
    assert_eq "$stdout" ""
    assert_contains "$stderr" 'cannot be put back'
}
