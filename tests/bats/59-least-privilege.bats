# What our processes may do, and what others may do with them: no more than is needed, from main() to the command, which
# has nothing of it.

load lib/common
load lib/processes

# Capabilities by their numbers, capabilities(7).
dac_override=1 kill=5

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile su
}

setup()
{
    begin_test
    box=$TEST_DIR/box record=$TEST_DIR/box/record
    install -d -o prt_alice "$box"
    install -o prt_alice /dev/null "$record"
    mkfifo "$box/nap"
    chmod 0666 "$box/nap"
    rm -f "$box/pid"
    write_recorder
}

status_field() # PID FIELD
{
    awk -v field="$2:" '$1 == field { $1 = ""; print substr($0, 2) }' "/proc/$1/status"
}

holder_of() # FRONT
{
    pgrep -P "$1" -x pamrun
}

start_recorder() # PROGRAM...
{
    rm -f "$box/pid" "$box/go"
    start_program "$@" -- "$TEST_DIR/recorder"
    assert wait_until 30 test -s "$box/pid"
}

end_recorder()
{
    touch "$box/go"
    end_status "$pamrun_pid"
    assert_status 7
}

# ---- memory ---------------------------------------------------------------------------------------------------

# inject(1) of tests/tools looks at each system call; a process that may be looked into belongs to its user there.
@test "from the program's start to the command's no process of a run may be looked into, nor leaves a core file" {
    local owners ids

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker traces the program itself
    ids=$(id -u prt_bob):$(id -g prt_bob)
    run_program "$TOOLS/inject" --user "$ids" --list "$TEST_DIR/calls" --report "$TEST_DIR/report" -- \
        "$PAMRUN" --close-on-exit -u prt_alice -- true
    assert_eq "$output $(cat "$TEST_DIR/report")" " exit 0"
    owners=$(awk '{ print $1, $3 }' "$TEST_DIR/calls" | sort -u)
    assert_eq "$owners" "0 0
0.1 0
0.1.1 0"
}

@test "a module that makes our memory readable has done so for no longer than its step" {
    local phase

    probe_script <<<"* dumpable 1"
    run_pamrun --close-on-exit -u prt_alice -- true
    assert_status 0
    for phase in authenticate acct_mgmt setcred-establish open_session close_session setcred-delete; do
        assert_eq "$(probe_field "$phase" dumpable)" 0 "$phase"
    done
}

# ---- the front ------------------------------------------------------------------------------------------------

@test "the front of a user has no capability and cannot get one; that of root's terminal may signal and open terminals" {
    local front name

    applicant_set prt_bob
    start_recorder "${applicant[@]}" "$PAMRUN" -u prt_alice
    for name in CapInh CapPrm CapEff CapAmb; do
        assert_eq "$(status_field "$pamrun_pid" $name)" 0000000000000000 "$name"
    done
    assert_eq "$(status_field "$pamrun_pid" NoNewPrivs)" 1
    assert_eq "$(status_field "$(holder_of "$pamrun_pid")" NoNewPrivs)" 0
    assert_eq "$(status_field "$(command_pid)" NoNewPrivs)" 0
    end_recorder

    rm -f "$box/pid" "$box/go"
    start_program "$TOOLS/ptyrun" -- "$PAMRUN" -P -u prt_alice -- "$TEST_DIR/recorder"
    assert wait_until 30 test -s "$box/pid"
    front=$(pgrep -P "$pamrun_pid" -x pamrun)
    for name in CapPrm CapEff; do
        assert_eq "$(status_field "$front" $name)" "$(printf %016x $((1 << dac_override | 1 << kill)))" "$name"
    done
    for name in CapInh CapBnd CapAmb; do
        assert_eq "$(status_field "$front" $name)" 0000000000000000 "$name"
    done
    assert_eq "$(status_field "$front" NoNewPrivs)" 1
    # modules are root's code, and get all that root has
    assert_eq "$(status_field "$(holder_of "$front")" CapBnd)" "$(status_field $$ CapBnd)"
    assert_eq "$(status_field "$(holder_of "$front")" CapEff)" "$(status_field $$ CapEff)"
    assert_eq "$(status_field "$(command_pid)" CapBnd)" "$(status_field $$ CapBnd)"
    assert_eq "$(status_field "$(command_pid)" NoNewPrivs)" 0
    end_recorder
}

# ---- when memory is short -------------------------------------------------------------------------------------

@test "root's session is not the first to be ended when memory is short; the command has the caller's oom_score_adj again" {
    local score kept options

    while read -r score kept; do
        # below 0 only with CAP_SYS_RESOURCE, which not every container has
        [ "$score" -ge 0 ] || "$TOOLS/hostile" --oom "$score" -- "$(type -P true)" || continue
        for options in "" --exec; do
            # shellcheck disable=SC2086 # none or one
            run_program "$TOOLS/hostile" --oom "$score" -- "$PAMRUN" $options -u prt_alice -- cat /proc/self/oom_score_adj
            assert_eq "$status $output" "0 $score" "$score $options"
        done
        start_recorder "$TOOLS/hostile" --oom "$score" -- "$PAMRUN" -u prt_alice
        assert_eq "$(cat "/proc/$pamrun_pid/oom_score_adj") $(cat "/proc/$(command_pid)/oom_score_adj")" "$kept $score"
        end_recorder
    done <<'END'
1000 0
500 0
0 0
-400 -400
END
}

# ---- the command ----------------------------------------------------------------------------------------------

told() # KEY
{
    sed -n "s/^$1=//p" <<<"$stdout"
}

# The caller is root, or a launcher of root's: whatever he has set for himself.
@test "no capability, securebit, parent's death, personality or timer of root's reaches another account's command" {
    local name start

    while read -r name start; do
        # shellcheck disable=SC2086 # words
        run_program $start "$PAMRUN" --close-on-exit -u prt_alice -- "$TOOLS/hostile" --tell --exit 7
        assert_eq "$status $stderr" "7 " "$name"
        assert_eq "$(told capabilities)" "000000000 000000000 000000000 0" "$name"
        assert_eq "$(told securebits) $(told parent_death) $(told timers)" "0 0 0" "$name"
        assert_eq "$(told descriptors)" "0 1 2 " "$name"
        probe_called open_session
        probe_called close_session
        probe_reset
    done <<END
as-it-is env
inheritable $TOOLS/hostile --user-inheritable root --
ambient $TOOLS/hostile --user-ambient root --
no-setuid-fixup setpriv --securebits +no_setuid_fixup
parent-death $TOOLS/hostile --parent-death 15 --
timers $TOOLS/hostile --timer real 100000 --timer prof 100000 --
END
}

@test "root under no_new_privs: the command runs, under it too; without, it is without" {
    local before

    for before in 0 1; do
        if [ $before = 1 ]; then
            run_program setpriv --no-new-privs "$PAMRUN" -u prt_alice -- "$TOOLS/hostile" --tell --exit 0
        else
            run_pamrun -u prt_alice -- "$TOOLS/hostile" --tell --exit 0
        fi
        assert_eq "$status $stderr" "0 "
        assert_eq "$(told no_new_privs)" $before
    done
}
