# What execve(2) handed over: modules get none of it, the command gets it back, and no start is odd enough to make
# pamrun run something with other ids than it should.
# With sanitizers only in full.

load lib/common

phases="authenticate acct_mgmt setcred-establish open_session close_session setcred-delete"

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_start
}

setup()
{
    begin_test
    box=$TEST_DIR/box
    install -d -o prt_alice "$box"
    options=(--profile prt_start --close-on-exit)
}

# Run pamrun as hostile(.c) starts it: its options, then -- and pamrun's arguments.
run_hostile() # OPTION... -- ARGUMENT...
{
    local hostile=()

    while [ "$1" != -- ]; do
        hostile+=("$1")
        shift
    done
    shift
    run_program "$TOOLS/hostile" "${hostile[@]}" -- "$PAMRUN" "${options[@]}" "$@"
}

# The field is the same in every phase.
assert_in_all_phases() # FIELD VALUE
{
    local phase

    for phase in $phases; do
        assert_eq "$(probe_field "$phase" "$1")" "$2" "$1 in $phase"
    done
}

# In every phase the umask takes the right to write from group and others.
assert_umask_is_safe()
{
    local phase umask

    for phase in $phases; do
        umask=$(probe_field "$phase" umask)
        (((umask & 022) == 022)) || fail_because "umask $umask in $phase"
    done
}

# A command that writes what it is to a file, so that standard output may be anything.
tell_ids=(sh -c 'exec id >"$1"' sh)

# The command ran with the right ids, or there was one clear refusal; whatever was opened is closed.
assert_right_or_refused() # WHAT
{
    local messages

    assert_eq "$(probe_count open_session)" "$(probe_count close_session)" "$1: opened, closed"
    assert_eq "$(probe_count setcred-establish)" "$(probe_count setcred-delete)" "$1: credentials"
    if [ -s "$box/ids" ]; then
        assert_eq "$(<"$box/ids")" "$(id prt_alice)" "$1"
        return
    fi
    if [ -e "$box/ids" ]; then
        return # the command ran and could not write
    fi
    [ "$status" -ne 0 ] || fail_because "$1: neither run nor refused"
    messages=$(grep -vE '^(pamrun: )?hint: ' <<<"$stderr" || true)
    assert_one_line "$messages"
}

# ---- environment, umask, directory ----------------------------------------------------------------------------

@test "modules have an environment with nothing of the applicant's" {
    run_program env EVIL=1 LD_LIBRARY_PATH=/evil BASH_ENV=/evil TZ=/evil FLUX_URI=x KRB5CCNAME=y PATH=/evil:/usr/bin \
        "$PAMRUN" "${options[@]}" -u prt_alice -- env
    assert_status 0
    assert_in_all_phases environ PATH
    assert_contains "$stdout" EVIL=1 # but the command has it
    refute_contains "$stdout" LD_LIBRARY_PATH
}

@test "modules have the root directory and a umask that lets nobody else write; the command has the applicant's" {
    mkdir "$TEST_DIR/here"
    chmod 0755 "$TEST_DIR/here"
    cd "$TEST_DIR/here"
    run_hostile --umask 0077 -- -u prt_alice -- sh -c 'umask; pwd -P'
    assert_status 0
    assert_in_all_phases cwd /
    assert_umask_is_safe
    assert_eq "$stdout" $'0077\n'"$TEST_DIR/here"
    probe_reset
    run_hostile --umask 0000 -- -u prt_alice -- sh -c umask
    assert_umask_is_safe
    assert_eq "$stdout" 0000
}

@test "a umask that a module sets is the command's" {
    probe_script <<'END'
open_session umask 0027
END
    run_hostile --umask 0077 -- -u prt_alice -- sh -c umask
    assert_eq "$stdout" 0027
}

@test "a working directory that a module changes is put back for the next one, and for the command" {
    probe_script <<END
authenticate chdir $TEST_DIR
open_session chdir $TEST_DIR
END
    cd /usr
    run_pamrun "${options[@]}" -u prt_alice -- pwd -P
    assert_in_all_phases cwd /
    assert_eq "$stdout" /usr
}

@test "a working directory that is gone: run rightly or refused" {
    run_hostile --gone "$TEST_DIR/gone" -- -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    assert_right_or_refused "directory gone"
    rm -f "$box/ids"
    options+=(--exec)
    options=("${options[@]/--close-on-exit/--quiet}")
    run_hostile --gone "$TEST_DIR/gone" -- -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    [ -s "$box/ids" ] || assert_status 71
}

@test "a working directory of root's that the account cannot enter: the command is there all the same, as under su" {
    install -d -m 0700 "$TEST_DIR/private"
    cd "$TEST_DIR/private"
    run_pamrun "${options[@]}" -u prt_alice -- readlink /proc/self/cwd
    assert_status 0
    assert_eq "$stdout" "$TEST_DIR/private"
    run_pamrun "${options[@]}" -u prt_alice -- ls "$TEST_DIR/private"
    [ "$status" -ne 0 ] || fail_because "the directory can be read"
}

# ---- descriptors ----------------------------------------------------------------------------------------------

@test "descriptors 0 to 2 closed, in all combinations: /dev/null for modules and command, nothing else" {
    local closed fd options_of_case

    for closed in 0 1 2 01 02 12 012; do
        probe_reset
        rm -f "$box/fds"
        options_of_case=()
        for fd in 0 1 2; do
            if [[ $closed == *$fd* ]]; then
                options_of_case+=(--close "$fd")
            fi
        done
        run_hostile "${options_of_case[@]}" -- -u prt_alice -- \
            bash -c 'exec 3>"$0"; for fd in 0 1 2; do readlink "/proc/$$/fd/$fd" >&3; done; exit 6' "$box/fds"
        assert_status 6
        for fd in 0 1 2; do
            if [[ $closed == *$fd* ]]; then
                assert_in_all_phases "fd$fd" /dev/null
                assert_eq "$(sed -n $((fd + 1))p "$box/fds")" /dev/null "closed $closed, descriptor $fd"
            fi
        done
        assert_in_all_phases fds_inherited ""
    done
}

@test "a module that closes 0 to 2 does harm to nobody" {
    probe_script <<'END'
authenticate close-fd 0
authenticate close-fd 1
authenticate close-fd 2
open_session close-fd 2
END
    run_pamrun "${options[@]}" -u prt_alice -- bash -c \
        'exec 3>"$0"; for fd in 0 1 2; do readlink "/proc/$$/fd/$fd" >&3; done; exit 6' "$box/fds"
    assert_status 6
    # what it was before, or nothing: never another file
    for fd in 0 1 2; do
        assert_match "$(sed -n $((fd + 1))p "$box/fds") $(probe_field acct_mgmt fd$fd)" \
            "^(/dev/null|$stdout_file|$stderr_file) (/dev/null|$stdout_file|$stderr_file)\$"
    done
}

@test "inherited descriptors above 2 reach the command with the same file, and are close-on-exec for modules' helpers" {
    echo "seven" >"$TEST_DIR/seven"
    exec 7<"$TEST_DIR/seven"
    run_pamrun "${options[@]}" -u prt_alice -- sh -c 'cat <&7; ls -m /proc/$$/fd'
    exec 7<&-
    assert_status 0
    assert_eq "${lines[0]}" seven
    assert_contains "$(probe_field open_session fds)" "7:$TEST_DIR/seven"
    assert_in_all_phases fds_inherited ""
}

@test "a thousand descriptors are handed on, all of them" {
    local alone

    # and 0, 1, 2, what the shell has of its own, and what who started the tests had
    run_program "$TOOLS/hostile" --limit nofile 4096 --open-many 1000 -- /bin/sh -c 'set -- /proc/$$/fd/*; echo $#'
    alone=$stdout
    [ "$alone" -ge 1003 ]
    run_hostile --limit nofile 4096 --open-many 1000 -- -u prt_alice -- sh -c 'set -- /proc/$$/fd/*; echo $#'
    assert_status 0
    assert_eq "$stdout" "$alone"
    assert_in_all_phases fds_inherited ""
}

@test "descriptors that modules leave open do not reach the command, not even under an inherited one's number" {
    echo inherited >"$TEST_DIR/inherited"
    probe_script <<'END'
open_session close-fd 3
open_session leak-fd
open_session leak-fd-high
END
    run_hostile --open-at 3 "$TEST_DIR/inherited" -- -u prt_alice -- bash -c \
        'for fd in /proc/$$/fd/*; do readlink "$fd"; done; exit 0'
    assert_status 0
    assert_match "$(probe_field close_session fds)" '(^|,)3:/dev/null(,|$)'
    refute_contains "$stdout" "$TEST_DIR/inherited"
    refute grep -qx /dev/null <(tail -n +2 <<<"$stdout") # the first is 0
}

@test "the descriptor of the events does not reach the command, nor the modules' helpers" {
    run_pamrun "${options[@]}" --json-status-fd 8 -u prt_alice -- sh -c '[ ! -e /proc/$$/fd/8 ] && echo closed' \
        8>"$TEST_DIR/events"
    assert_status 0
    assert_eq "$stdout" closed
    assert_in_all_phases fds_inherited ""
    run_pamrun --profile prt_start --exec --json-status-fd 8 -u prt_alice -- \
        sh -c '[ ! -e /proc/$$/fd/8 ] && echo closed' 8>"$TEST_DIR/events"
    assert_eq "$stdout" closed
}

@test "a bad descriptor for events is a wrong command line: nothing is called" {
    local fd

    for fd in 0 1 2 3 9 -1 99999 2147483647 2147483648 99999999999999999999 x 3x '' ' 3' +3 03x; do
        run_pamrun "${options[@]}" --json-status-fd "$fd" -u prt_alice -- touch "$box/ran"
        assert_status 64
        assert_contains "$stderr" "--json-status-fd"
    done
    run_pamrun "${options[@]}" --json-status-fd 8 -u prt_alice -- touch "$box/ran" 8</dev/null
    assert_status 64
    refute test -e "$box/ran"
    assert_eq "$(probe_order)" ""
}

# ---- signals and timers ---------------------------------------------------------------------------------------

# A mask in /proc/PID/status of the command.
command_mask() # NAME
{
    awk -v name="$1:" '$1 == name { print $2 }' <<<"$stdout"
}

@test "ignored and blocked signals are the command's again; modules have none of either" {
    run_hostile --ignore 10 --ignore 17 --ignore 1 --block 12 --block 15 -- -u prt_alice -- cat /proc/self/status
    assert_status 0
    assert_in_all_phases sigign 0000000000000000
    assert_eq "$(probe_field authenticate sigblk)" 0000000000000000
    assert_eq "$(probe_field close_session sigblk)" 0000000000000000
    for name in USR1 CHLD HUP; do
        assert signal_in "$(command_mask SigIgn)" "$name"
    done
    for name in USR2 TERM; do
        assert signal_in "$(command_mask SigBlk)" "$name"
    done
    for name in TERM INT PIPE ALRM; do
        refute signal_in "$(command_mask SigIgn)" "$name"
    done
    for name in INT QUIT CHLD ALRM; do
        refute signal_in "$(command_mask SigBlk)" "$name"
    done
}

@test "started in the ordinary way, the command has nothing blocked, nothing ignored, nothing caught" {
    local exec

    for exec in '' --exec; do
        # shellcheck disable=SC2086 # nothing or one word
        run_pamrun --profile prt_start $exec -u prt_alice -- cat /proc/self/status
        assert_eq "$(command_mask SigBlk)" 0000000000000000
        assert_eq "$(command_mask SigIgn)" 0000000000000000
        assert_eq "$(command_mask SigCgt)" 0000000000000000
    done
}

@test "with SIGCHLD ignored the status of the command is still known" {
    run_hostile --ignore 17 -- -u prt_alice -- sh -c 'exit 7'
    assert_status 7
    probe_called close_session 1
}

@test "with TERM ignored or blocked pamrun can still be told to end, and tells the command" {
    local how

    for how in --ignore --block; do
        probe_reset
        rm -f "$box/pid"
        start_program "$TOOLS/hostile" $how 15 -- "$PAMRUN" "${options[@]}" --kill-after 0.2 -u prt_alice -- \
            sh -c "echo \$\$ >$box/pid; exec sleep 100"
        assert wait_until 5 test -s "$box/pid"
        kill -TERM "$pamrun_pid"
        end_status "$pamrun_pid" 5
        assert_status 137 # it ignores or blocks it, as the applicant wanted
        probe_called close_session 1
    done
}

@test "signals that are blocked by modules are the modules', not the command's" {
    probe_script <<'END'
open_session block TERM
open_session ignore USR1
END
    run_pamrun "${options[@]}" -u prt_alice -- cat /proc/self/status
    assert_eq "$(command_mask SigBlk)" 0000000000000000
    assert_eq "$(command_mask SigIgn)" 0000000000000000
}

@test "running timers are stopped: they end neither pamrun nor the command" {
    local timer exec

    probe_script <<'END'
* sleep 20
END
    for timer in real virtual prof; do
        for exec in --close-on-exit --exec; do # an exec in place would hand the timer on
            run_program "$TOOLS/hostile" --timer $timer 60 -- "$PAMRUN" --profile prt_start $exec -u prt_alice -- \
                bash -c 'for ((i = 0; i < 100000; i++)); do :; done; exit 3'
            assert_status 3
        done
    done
}

@test "a pending signal: run rightly, or ended before anything was done" {
    local number

    for number in 1 2 10 13 14 15; do
        probe_reset
        rm -f "$box/ids"
        run_hostile --pending $number -- -u prt_alice -- "${tell_ids[@]}" "$box/ids"
        if [ -s "$box/ids" ]; then
            assert_right_or_refused "pending $number"
        else
            assert_status $((128 + number))
            assert_eq "$(probe_order)" ""
        fi
    done
    run_hostile --pending 17 -- -u prt_alice -- sh -c 'exit 7'
    assert_status 7
}

@test "the death of the parent, with SIGKILL asked for, is an orderly end: command told, session closed" {
    # shellcheck disable=SC2016
    start_program sh -c '"$@" & echo $! >'"$TEST_DIR/pid"'; until [ -s '"$box/pid"' ]; do sleep 0.01; done' sh \
        "$TOOLS/hostile" --parent-death 9 -- "$PAMRUN" "${options[@]}" -u prt_alice -- \
        bash -c "trap 'echo told >$box/told; exit' TERM; echo \$\$ >$box/pid; while :; do sleep 0.01; done"
    end_status "$pamrun_pid"
    assert wait_until 5 program_has_ended "$(<"$TEST_DIR/pid")"
    assert wait_until 5 test -s "$box/told"
    assert wait_until 5 has_no_process prt_alice
    assert wait_until 5 probe_called close_session 1
}

@test "the death of the parent is nothing to a command that is not its child any more" {
    # shellcheck disable=SC2016
    start_program sh -c '"$@" & until [ -s '"$box/pid"' ]; do sleep 0.01; done' sh \
        "$PAMRUN" "${options[@]}" -u prt_alice -- \
        sh -c "echo \$\$ >$box/pid; until [ -e $box/go ]; do sleep 0.01; done; touch $box/done"
    end_status "$pamrun_pid"
    touch "$box/go"
    assert wait_until 5 test -e "$box/done"
    assert wait_until 5 probe_called close_session 1
}

# ---- limits ---------------------------------------------------------------------------------------------------

limited() # NAME VALUE
{
    probe_reset
    rm -f "$box/ids"
    run_hostile --limit "$1" "$2" -- -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    assert_right_or_refused "$1 $2"
}

@test "with room for 3 to 10 descriptors: run rightly, or one clear refusal" {
    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizers need memory, descriptors and /proc
    local number

    for number in 3 4 5 6 7 8 9 10; do
        limited nofile $number
    done
    # and not a refusal for ever
    limited nofile 32
    assert_status 0
    assert_eq "$(<"$box/ids")" "$(id prt_alice)"
}

@test "with hardly any memory: run rightly, or one clear refusal" {
    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizers need memory, descriptors and /proc
    local megabytes

    for megabytes in 1 2 3 4 5 6 7 8 10 12 16 24 32; do
        limited as $((megabytes * 1024 * 1024))
    done
    limited data 65536
    limited stack 65536
}

@test "with no file that may grow, no process, no core: run rightly" {
    limited nproc 0
    assert_eq "$(cat "$box/ids")" "$(id prt_alice)" # root's fork, ours, is not bound by it
    limited core 0
    assert_status 0
    probe_reset
    run_hostile --limit fsize 0 -- -u prt_alice -- sh -c 'exit 5' </dev/null
    assert_status 5
    probe_called close_session 1
}

@test "the command has the limits of a caller who is root" {
    run_hostile --limit nofile 99 --limit cpu 1000 -- -u prt_alice -- sh -c 'ulimit -n; ulimit -t'
    assert_eq "$stdout" $'99\n1000'
}

# ---- a machine with parts missing -----------------------------------------------------------------------------

# Run with COMMANDS done first in a mount namespace of its own.
run_without() # COMMANDS ARGUMENT...
{
    local commands=$1

    shift
    run_program unshare --mount --propagation private sh -c "$commands"' && exec "$@"' sh \
        "$PAMRUN" "${options[@]}" "$@"
}

@test "without /proc: run rightly or refused" {
    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizers need memory, descriptors and /proc
    run_without 'mount -t tmpfs none /proc' -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    assert_right_or_refused "no /proc"
    probe_reset
    rm -f "$box/ids"
    exec 7</dev/null
    run_without 'mount -t tmpfs none /proc' -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    exec 7<&-
    assert_right_or_refused "no /proc, and descriptors"
}

@test "without /dev/null: no harm when 0 to 2 are open, a refusal when one is not" {
    run_without 'mount -t tmpfs none /dev' -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    assert_right_or_refused "no /dev"
    assert_eq "$(cat "$box/ids")" "$(id prt_alice)"
    probe_reset
    rm -f "$box/ids"
    run_program unshare --mount --propagation private sh -c 'mount -t tmpfs none /dev && exec "$@"' sh \
        "$TOOLS/hostile" --close 0 -- "$PAMRUN" "${options[@]}" -u prt_alice -- "${tell_ids[@]}" "$box/ids"
    assert_status 71
    refute test -e "$box/ids"
    assert_eq "$(probe_order)" ""
}

# ---- argv -----------------------------------------------------------------------------------------------------

@test "an empty argv harms nobody" {
    profile su < <(for type in auth account session; do probe_line $type required; done)
    run_program "$TOOLS/hostile" --argc0 -- "$PAMRUN" </dev/null
    [ "$status" -lt 128 ] || fail_because "killed"
    # Linux since 5.18 makes it one empty word: root's shell for root, and nothing to read
    assert_eq "$(probe_count open_session)" "$(probe_count authenticate)"
    refute_contains "$stderr" "sanitizer"
}

@test "an odd argv[0] is never shown, nor given to modules or the command" {
    local odd=$'zqzq\n\033[31mname/../-sh'

    run_hostile --argv0 "$odd" -- --bogus
    assert_status 64
    assert_match "$stderr" '^pamrun: '
    refute_contains "$stderr" zqzq
    run_hostile --argv0 "$odd" -- --help
    refute_contains "$stdout" zqzq
    run_hostile --argv0 "$odd" -- -u prt_alice -- sh -c 'tr "\0" " " </proc/$$/cmdline; env'
    assert_status 0
    refute_contains "$stdout" zqzq
    log_start
    run_hostile --argv0 "$odd" -- -u prt_alice -- true
    assert_eq "$(log_lines zqzq)" ""
    assert_eq "$(log_lines ' pamrun\[[0-9]+\]: ' | wc -l)" 1
}
