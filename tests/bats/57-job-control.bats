# shellcheck disable=SC2154 # stdout, applicant ... are common.bash's
# shellcheck disable=SC2030,SC2031 # a test is a subshell
# Job control of a caller who is not root, in real interactive shells: what a user does with ^Z, fg, bg, ^C, kill %1,
# pipelines, nohup, timeout, xargs and a lost terminal.  The terminal is the shell's again after each.
# With sanitizers only in full.
# Takes long.

load lib/common
load lib/terminal

SHELLS=(bash dash zsh)
SHARED=(u c)      # forms that share the caller's terminal, -T: -u -- CMD in its session, -c CMD in a session of its own
FORMS=(u c Pu Pc) # and with a pseudo-terminal, the default

no_leak_check

setup()
{
    begin_test
    needs "${SHELLS[@]}"
    box=$TEST_DIR/box command=$TEST_DIR/box-command
    install -d -m 0777 "$box" # the caller and the account both write there
    mkfifo -m 0666 "$box/nap"
    write_rc
    write_command
    write_meeting
}

# What the interactive shells start with.  Names are short: they are typed.
#   s            show the status before it, and whether the terminal's modes are the shell's
#   at PLACE     wait until the command has noticed where it is: FRONT, BACK
#   halted, runs wait until the shell says so of its job, and show what it says
#   gone         wait until the shell has no job
write_rc()
{
    install -d "$TEST_DIR/zdot"
    cat >"$TEST_DIR/rc" <<END
PS1='PROMPT> '
M=\$(stty -g)
P='$PAMRUN --close-on-exit'
echo \$\$ >$box/shell
s()
{
    r=\$?
    now=\$(stty -g)
    if [ "\$now" = "\$M" ]; then echo "status \$r, same modes"; else echo "status \$r, modes \$now, not \$M"; fi
}
at()
{
    until [ "\$(cat $box/place)" = "\$1" ]; do sleep 0.02; done
    echo "is at \$1"
}
job_shows()
{
    until jobs -l >$box/jobs && grep -qi "\$1" $box/jobs; do sleep 0.02; done
    cat $box/jobs
}
halted() { job_shows 'stopped\|suspended'; echo HALTED; }
runs() { job_shows running; echo RUNS; }
gone()
{
    until jobs -l >$box/jobs; [ ! -s $box/jobs ]; do sleep 0.02; done
    echo GONE
}
END
    cat >"$TEST_DIR/zdot/.zshrc" <<END
setopt no_prompt_sp no_prompt_cr
unset zle_bracketed_paste
. $TEST_DIR/rc
END
    chmod 0755 "$TEST_DIR/rc" "$TEST_DIR/zdot"
    chmod 0644 "$TEST_DIR/zdot/.zshrc"
}

# The command under pamrun.  It tells when its job is in the foreground, at its start and each time it goes on, and puts
# that into a file.  The job's process group is that of its parent, or, where that leads a session of its own (with a
# pseudo-terminal), that of the parent's parent.
write_command()
{
    cat >"$command" <<END
#!/bin/bash
trap 'before=' CONT
exec 9<>$box/nap
echo \$\$ >$box/pid
read -r shell <$box/shell
read -r line </proc/\$PPID/stat
set -- \${line##*) } # state parent group session terminal foreground
if [ "\$4" = "\$PPID" ]; then
    read -r line </proc/\$2/stat
    set -- \${line##*) }
fi
job=\$3
before=
while :; do
    place=BACK
    read -r line </proc/\$shell/stat
    set -- \${line##*) }
    [ "\$6" != "\$job" ] || place=FRONT
    if [ "\$place" != "\$before" ]; then
        before=\$place
        echo "\$place" >$box/place
        [ "\$place" = BACK ] || echo "IN\$place"
    fi
    if [ -e $box/stop ]; then
        kill -s STOP \$\$
        rm -f $box/stop
    fi
    read -rt 0.02 _ <&9
done
END
    chmod 0755 "$command"
}

# One of four that run at the same time, or wait for ever; the last of each four fails.
write_meeting()
{
    cat >"$TEST_DIR/meeting" <<END
#!/bin/bash
first=\$((\$1 - (\$1 - 1) % 4))
: >$box/guest\$1
for guest in \$first \$((first + 1)) \$((first + 2)) \$((first + 3)); do
    until [ -e $box/guest\$guest ]; do sleep 0.02; done
done
[ \$((\$1 % 4)) -ne 0 ] || exit 3
END
    chmod 0755 "$TEST_DIR/meeting"
}

# ---- playing --------------------------------------------------------------------------------------------------

# Call FUNCTION SHELL FORM for every shell and each FORM.  A failed test shows the last of these lines.
in_shells() # FUNCTION FORM...
{
    local shell form function=$1

    shift
    for shell in "${SHELLS[@]}"; do
        for form; do
            echo "-- $function: $shell, form $form"
            probe_reset
            : >"$box/place"
            chmod 0666 "$box/place"
            "$function" "$shell" "$form"
        done
    done
}

# What is typed to run COMMAND (no quotes in it) in this form, and note that it is to open a session.
typed() # FORM COMMAND
{
    case $1 in
        u) REPLY="$PAMRUN --close-on-exit -T -u prt_alice -- $2" ;;
        c) REPLY="$PAMRUN --close-on-exit -T prt_alice -c 'exec $2'" ;;
        Pu) REPLY="$PAMRUN --close-on-exit -u prt_alice -- $2" ;;
        Pc) REPLY="$PAMRUN --close-on-exit prt_alice -c 'exec $2'" ;;
    esac
}

# The same for the command that tells its place.
typed_command() # FORM
{
    typed "$1" "$command"
}

# The steps of an interactive shell of prt_bob's, up to its end.
play() # SHELL STEP...
{
    local words

    case $1 in
        bash) words=(bash --noprofile --rcfile "$TEST_DIR/rc" -i) ;;
        dash) words=(dash -i) ;;
        zsh) words=(zsh -o no_global_rcs -i) ;;
    esac
    shift
    applicant_set prt_bob
    run_ptyrun --timeout 50 --cols 200 --modes "$TEST_DIR/modes" --expect 'PROMPT> ' "$@" -- \
        "${applicant[@]}" env -C "$box" ENV="$TEST_DIR/rc" ZDOTDIR="$TEST_DIR/zdot" HOME=/home/prt_bob LOGNAME=prt_bob HISTFILE= TERM=dumb \
        INPUTRC=/dev/null "${words[@]}"
}

# The same, then `exit 4`, and nothing may be left.  OPENED: how many sessions were opened, each closed once.
play_through() # SHELL OPENED STEP...
{
    local opened=$2

    play "$1" "${@:3}" --send 'exit 4\r'
    [ "$status" -eq 4 ] || fail_because "status $status, expected 4; the last lines:" "$(tail -n 12 <<<"$stdout")"
    refute_contains "$stdout" ", modes "
    modes_are_as_before "$TEST_DIR/modes"
    nothing_is_left "$opened"
}

nothing_is_left() # OPENED
{
    ends_by_itself
    sessions_are_closed "$1"
}

ends_by_itself()
{
    wait_until 30 nothing_runs "$(<"$box/shell")" || fail_because "left: $(ps -eo pid,ppid,pgid,sid,user,stat,args)"
}

nothing_runs() # SESSION
{
    has_no_process prt_alice && has_no_process prt_bob && [ -z "$(session_members "$1")" ] && ! pgrep -x pamrun
}

sessions_are_closed() # OPENED
{
    probe_called open_session "$1"
    probe_called close_session "$1"
    probe_called setcred-delete "$1"
}

# play() in the background.
start_play() # SHELL STEP...
{
    run_ptyrun() { start_program "$TOOLS/ptyrun" "$@"; }
    play "$@"
    unset -f run_ptyrun
    eval "$original_run_ptyrun"
}

# Steps, collected in `steps`; each waits for the prompt, so that nothing typed is thrown away or read by another.
step_type() # LINE
{
    steps+=(--send "$1\\r")
}

step_see() # TEXT...
{
    local text

    for text; do
        steps+=(--expect "$text")
    done
}

step_keys() # BYTES
{
    steps+=(--send "$1")
}

# Type LINE, which ends at once, and see its status.
step_status() # STATUS [LINE]
{
    step_type "${2+$2; }s"
    step_see "status $1, same modes" 'PROMPT> '
}

# ---- stop and continue ----------------------------------------------------------------------------------------

stops_and_continues() # SHELL FORM
{
    local steps=()

    echo 'echo REA""DY; exec sleep 1000' >"$box/sleeper"
    typed_command "$2"
    step_type "$REPLY" && step_see INFRONT
    step_keys '\032' && step_see 'PROMPT> '
    step_status "$([[ $2 == P* ]] && echo 148 || echo 147)" # ^Z's own signal; else SIGSTOP
    step_type 'halted' && step_see HALTED 'PROMPT> '
    step_type 'bg; at BACK' && step_see 'is at BACK' 'PROMPT> '
    step_type 'runs' && step_see RUNS 'PROMPT> '
    step_type 'fg' && step_see INFRONT
    step_keys '\003' && step_see 'PROMPT> '
    step_status 130
    # stopped, and straight to the foreground again
    step_type "$REPLY" && step_see INFRONT
    step_keys '\032' && step_see 'PROMPT> '
    step_type 'halted; fg' && step_see HALTED INFRONT
    step_keys '\003' && step_see 'PROMPT> '
    step_status 130
    typed "$2" "sh $box/sleeper" # bash, which the command is, ignores SIGQUIT
    step_type "$REPLY" && step_see READY
    step_keys '\034' && step_see 'PROMPT> '
    step_status 131
    play_through "$1" 3 "${steps[@]}"
}

@test "^Z stops, bg and fg continue, ^C ends with 130 and ^\\ with 131" {
    in_shells stops_and_continues "${FORMS[@]}"
}

obeys_kill() # SHELL FORM
{
    local steps=()

    typed_command "$2"
    step_type "$REPLY & at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_type 'runs' && step_see RUNS 'PROMPT> '
    # only pamrun itself is his to stop; the command is told to go on with it
    step_type 'kill -s STOP %1; halted' && step_see HALTED 'PROMPT> '
    step_type ": >$box/place; kill -s CONT %1; at BACK" && step_see 'is at BACK' 'PROMPT> '
    if [ "$1" = dash ]; then # it sees only what it continues itself
        step_type 'bg' && step_see 'PROMPT> '
    fi
    step_type 'runs' && step_see RUNS 'PROMPT> '
    step_type 'kill %1; gone' && step_see GONE 'PROMPT> '
    # Others now: what zsh and bash say of one that was stopped before may be the status of that.
    step_type ": >$box/place; $REPLY & at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_status 143 'kill %1; wait $!'
    step_type ": >$box/place" && step_see 'PROMPT> '
    step_type "$REPLY & at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_status 137 'kill -s KILL %1; wait $!'
    play_through "$1" 3 "${steps[@]}"
}

@test "in the background: kill -STOP, -CONT, TERM and KILL of %1, and wait gives their status" {
    in_shells obeys_kill "${FORMS[@]}"
}

stops_twice() # SHELL FORM
{
    local steps=()

    rm -f "$box/stop" "$box/pid"
    typed_command "$2"
    step_type "$REPLY & at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_type 'kill -s STOP %1; halted' && step_see HALTED 'PROMPT> '
    # now the command stops itself
    step_type ": >$box/stop; until grep -q '^State:.T' /proc/\$(cat $box/pid)/status; do sleep 0.02; done; echo BO''TH"
    step_see BOTH 'PROMPT> '
    step_type 'fg' && step_see INFRONT
    step_keys '\003' && step_see 'PROMPT> '
    step_status 130
    play_through "$1" 1 "${steps[@]}"
}

@test "with pamrun stopped, and then the command too, one fg continues both" {
    in_shells stops_twice u c
}

stops_while_a_module_hangs() # SHELL FORM
{
    local steps=()

    rm -f "$box/go"
    probe_script <<END
open_session error ENTERED
open_session wait-file $box/go
END
    typed_command "$2"
    step_type "$REPLY" && step_see ENTERED
    step_keys '\032' && step_see 'PROMPT> '
    step_status 147
    # the module and then the command go on meanwhile: no session hangs half-open because of a ^Z
    step_type "touch $box/go; at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_type 'halted; fg' && step_see HALTED INFRONT
    step_keys '\003' && step_see 'PROMPT> '
    step_status 130
    play_through "$1" 1 "${steps[@]}"
}

@test "^Z while a module hangs stops pamrun only, and fg and ^C find the command" {
    in_shells stops_while_a_module_hangs "${SHARED[@]}"
}

# ---- pipelines and the background -----------------------------------------------------------------------------

works_in_pipelines() # SHELL FORM
{
    local steps=()

    typed "$2" "sh $box/three"
    printf 'echo OUT""PUT\nexit 3\n' >"$box/three"
    step_type "{ $REPLY; echo \"own \$?\" >&2; } | cat; s" && step_see 'own 3' 'status 0, same modes' 'PROMPT> '
    if [ "$1" != dash ]; then # it has no pipefail
        step_status 3 "set -o pipefail; $REPLY | cat"
        step_status 0 "set +o pipefail; $REPLY | cat"
    else
        step_status 0 "$REPLY | cat; $REPLY | cat"
    fi
    typed "$2" "head -n 1"
    step_type "yes middle | $REPLY | tr a-z A-Z; s" && step_see MIDDLE 'status 0, same modes' 'PROMPT> '
    step_type "yes last | $REPLY; s" && step_see last 'status 0, same modes' 'PROMPT> '
    typed_command "$2"
    step_type "sleep 1000 | $REPLY | cat" && step_see INFRONT
    step_keys '\032' && step_see 'PROMPT> '
    step_type 'halted; fg' && step_see HALTED INFRONT
    step_keys '\003' && step_see 'PROMPT> '
    step_type 's' && step_see ', same modes' 'PROMPT> '
    play_through "$1" 6 "${steps[@]}"
}

@test "first, in the middle and last in a pipeline: output, status, ^Z, fg, ^C" {
    in_shells works_in_pipelines "${SHARED[@]}"
}

ask_for_secret() # STEP_OF_PAM
{
    probe_script <<END
$1 prompt-off Password: 
$1 require-token secret
END
}

asks_in_the_background() # SHELL FORM
{
    local steps=()

    ask_for_secret authenticate
    echo 'echo DO""NE; exit 5' >"$box/five"
    typed "$2" "sh $box/five"
    step_type "$REPLY & halted" && step_see 'tty input' HALTED 'PROMPT> '
    step_type 's' && step_see 'status 0, same modes' 'PROMPT> '
    # it may go on, and stops at once again
    step_type 'bg; halted' && step_see 'tty input' HALTED 'PROMPT> '
    step_type 'fg' && step_see 'Password: '
    step_type secret
    step_see DONE 'PROMPT> '
    step_status 5
    # stopped there it is told to end
    step_type "$REPLY & halted" && step_see 'tty input' HALTED 'PROMPT> '
    if [ "$1" = dash ]; then # its kill does not continue what is stopped
        step_type 'kill %1; kill -s CONT %1; gone'
    else
        step_type 'kill %1; gone'
    fi
    step_see 'stopped by SIGTERM' GONE 'PROMPT> '
    step_status 0
    play_through "$1" 1 "${steps[@]}"
    refute_contains "$stdout" secret
}

@test "a password prompt in the background stops pamrun by tty input, and fg shows it" {
    in_shells asks_in_the_background u c Pu
}

asks_again() # SHELL FORM
{
    local steps=() keys

    ask_for_secret "$asking"
    echo 'echo DO""NE; exit 5' >"$box/five"
    typed "$2" "sh $box/five"
    step_type "$REPLY" && step_see 'Password: '
    step_keys 'wrong\032' && step_see 'PROMPT> '
    step_status 148
    step_type 'halted; fg' && step_see HALTED 'Password: '
    step_type secret
    step_see DONE 'PROMPT> '
    step_status 5
    # from the foreground to the background and back
    step_type "$REPLY" && step_see 'Password: '
    step_keys '\032' && step_see 'PROMPT> '
    step_type 'bg; halted' && step_see 'tty input' HALTED 'PROMPT> '
    step_type 'fg' && step_see 'Password: '
    step_type secret
    step_see DONE 'PROMPT> '
    step_status 5
    for keys in '\003 130 SIGINT' '\034 131 SIGQUIT'; do
        # shellcheck disable=SC2086 # three words
        set -- "$1" "$2" $keys
        step_type "$REPLY" && step_see 'Password: '
        step_keys "secr$3" && step_see "for prt_alice (profile su): stopped by $5" 'PROMPT> '
        step_status "$4"
    done
    play_through "$1" "$opened" "${steps[@]}"
    refute_contains "$stdout" secret
}

@test "^Z at a password prompt gives the terminal back and fg asks again; ^C and ^\\ end it" {
    local asking=authenticate opened=2

    in_shells asks_again u c Pu
}

@test "^Z, fg and ^C at a prompt of the session step" {
    local asking=open_session opened=4 # the failed ones too are undone

    in_shells asks_again u
}

is_stopped_at_prompt() # SHELL FORM
{
    local steps=() group

    ask_for_secret "$asking"
    echo 'echo DO""NE; exit 5' >"$box/five"
    typed "$2" "sh $box/five"
    step_type "$REPLY" && step_see 'Password: ' 'PROMPT> '
    step_status 0 'stty echo' # nobody could put the mode back
    step_type fg && step_see 'Password: '
    step_type secret
    step_see DONE 'PROMPT> '
    step_status 5
    start_play "$1" "${steps[@]}" --send 'exit 4\r'
    assert wait_until 30 grep -q 'expect "Password: "' "$TEST_DIR/modes"
    group=$(pgrep -o -x pamrun -u prt_bob)
    "${applicant[@]}" kill -s STOP -- "-$group"
    end_status "$pamrun_pid" 60
    [ "$status" -eq 4 ] || fail_because "status $status, expected 4; the last lines:" "$(tail -n 12 <<<"$stdout")"
    refute_contains "$stdout" secret
    nothing_is_left 1
}

@test "stopped by SIGSTOP at a password prompt, which no program can notice, it asks anew after fg and hides the answer" {
    local original_run_ptyrun asking

    original_run_ptyrun=$(declare -f run_ptyrun)
    for asking in authenticate open_session; do
        in_shells is_stopped_at_prompt u c
    done
}

asks_for_real_password() # SHELL FORM
{
    local steps=()

    typed "$2" "sh $box/five"
    step_type "$REPLY & halted" && step_see 'tty input' HALTED 'PROMPT> '
    step_type 'fg' && step_see 'Password: '
    step_keys 'not\032' && step_see 'PROMPT> '
    step_status 148
    step_type 'fg' && step_see 'Password: '
    step_type prt-Secret-1
    step_see DONE 'PROMPT> '
    step_status 5
    step_type "$REPLY" && step_see 'Password: '
    step_keys '\003' && step_see 'stopped by SIGINT' 'PROMPT> '
    step_status 130
    play_through "$1" 1 "${steps[@]}"
}

@test "the same with pam_unix and the right password" {
    [ "${SANITIZED-}" != 1 ] || return 0 # its crypt(3) is no use to pam_unix, and a setuid program takes no LD_PRELOAD
    keep_file /etc/pam.d/su
    profile su <<END
auth required pam_unix.so
$(probe_line auth required)
account required pam_unix.so
$(probe_line session required)
END
    set_password prt_alice prt-Secret-1
    echo 'echo DO""NE; exit 5' >"$box/five"
    in_shells asks_for_real_password u c
}

# ---- started by other programs --------------------------------------------------------------------------------

works_under_starters() # SHELL FORM
{
    local steps=()

    echo 'echo OUT""PUT; exit 5' >"$box/five"
    typed "$2" "sh $box/five"
    step_status 5 "nohup $REPLY >$box/out </dev/null 2>&1"
    step_status 5 "setsid --wait $REPLY"
    step_status 5 "setsid --wait $REPLY </dev/null 2>&1 | cat >>$box/out; (exit 5)"
    step_status 5 "timeout 100 $REPLY"
    typed_command "$2"
    # The same as when its time is out, but surely while the command runs.
    step_type "timeout 100 $REPLY & at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_status 124 'kill -s ALRM $!; wait $!'
    step_type ": >$box/place" && step_see 'PROMPT> '
    step_type "timeout -s KILL 100 $REPLY & at BACK" && step_see 'is at BACK' 'PROMPT> '
    step_status 137 'kill -s ALRM $!; wait $!'
    play_through "$1" 6 "${steps[@]}"
    assert_eq "$(<"$box/out")" $'OUTPUT\nOUTPUT'
}

@test "under nohup, setsid and timeout: the right status, and a killed one's session ends by itself" {
    in_shells works_under_starters "${SHARED[@]}"
}

runs_under_xargs() # SHELL FORM
{
    local steps=()

    rm -f "$box"/guest*
    typed "$2" "$TEST_DIR/meeting {}"
    step_status 123 "seq 8 | xargs -P 4 -I {} $REPLY"
    step_status 0 "seq 3 | xargs -P 4 -I {} $PAMRUN --close-on-exit -u prt_alice -- true"
    play_through "$1" 11 "${steps[@]}"
    assert_eq "$(find "$box" -name 'guest*' | wc -l)" 8
}

@test "xargs -P 4 runs them at the same time, all of them, and has their status" {
    in_shells runs_under_xargs "${SHARED[@]}"
}

@test "a time that is out at a password prompt ends it, and the terminal has its modes" {
    local steps shell

    ask_for_secret authenticate
    for shell in "${SHELLS[@]}"; do
        steps=()
        typed u true
        # --foreground: otherwise timeout(1) has put itself into the background
        step_status 124 "timeout --foreground 0.5 $REPLY"
        play_through "$shell" 0 "${steps[@]}"
    done
}

# ---- no terminal ----------------------------------------------------------------------------------------------

@test "without a terminal, as from ssh or cron: stdin /dev/null or a pipe, stdout a pipe" {
    local form words

    printf '#!/bin/sh\ncat\nexit 6\n' >"$TEST_DIR/six"
    chmod 0755 "$TEST_DIR/six"
    applicant_set prt_bob
    for form in "${FORMS[@]}"; do
        echo "-- form $form"
        probe_reset
        typed "$form" "$TEST_DIR/six"
        run_program setsid --wait "${applicant[@]}" sh -c "$REPLY" </dev/null
        assert_status 6
        assert_eq "$stdout" ""
        run_program setsid --wait "${applicant[@]}" sh -c "echo a word | { $REPLY; echo \"own \$?\"; } | cat"
        assert_status 0
        assert_eq "$stdout" $'a word\nown 6'
        assert_eq "$stderr" ""
        sessions_are_closed 2
        assert_no_process_of prt_alice
        assert_no_process_of prt_bob
    done
}

@test "without a terminal a password prompt is refused and said" {
    local words

    ask_for_secret authenticate
    applicant_set prt_bob
    typed u true
    run_program setsid --wait "${applicant[@]}" sh -c "$REPLY" </dev/null
    assert_status 77
    assert_match "$stderr" "there is no terminal to ask on"
    assert_no_process_of prt_bob
}

# ---- the terminal goes ----------------------------------------------------------------------------------------

# Play up to the end of the terminal; then all must end by itself.
hang_up() # SHELL OPENED STEP...
{
    play "$1" "${@:3}" --hangup
    nothing_is_left "$2"
}

hangs_up_foreground() # SHELL FORM
{
    local steps=()

    typed_command "$2"
    step_type "$REPLY" && step_see INFRONT
    hang_up "$1" 1 "${steps[@]}"
}

hangs_up_stopped() # SHELL FORM
{
    local steps=()

    typed_command "$2"
    step_type "$REPLY" && step_see INFRONT
    step_keys '\032' && step_see 'PROMPT> '
    step_type 'halted' && step_see HALTED 'PROMPT> '
    hang_up "$1" 1 "${steps[@]}"
}

@test "the terminal hung up ends a command in the foreground" {
    in_shells hangs_up_foreground "${FORMS[@]}"
}

@test "the terminal hung up ends a stopped command" {
    in_shells hangs_up_stopped "${SHARED[@]}"
}

hangs_up_prompt() # SHELL FORM
{
    local steps=()

    ask_for_secret authenticate
    typed "$2" true
    step_type "$REPLY" && step_see 'Password: '
    hang_up "$1" 0 "${steps[@]}"
    # in the background, stopped
    steps=()
    step_type "$REPLY & halted" && step_see 'tty input' HALTED 'PROMPT> '
    hang_up "$1" 0 "${steps[@]}"
}

@test "the terminal hung up ends a password prompt, in the foreground or stopped" {
    in_shells hangs_up_prompt u
}

hangs_up_module() # SHELL FORM
{
    local steps=()

    probe_script <<END
open_session error ENTERED
open_session $hanging
END
    typed "$2" true
    step_type "$REPLY" && step_see ENTERED
    play "$1" "${steps[@]}" --hangup
    probe_called open_session 1
    ends_by_itself
}

@test "the terminal hung up ends a module that hangs" {
    local hanging=hang-eintr

    in_shells hangs_up_module u
}

@test "the terminal hung up ends a module that does not want to end, by force" {
    local hanging=hang SHELLS=(dash)

    in_shells hangs_up_module u
}

# KILL for the shell: its terminal is still there, but no longer anybody's.
dies_with_its_shell() # SHELL FORM
{
    local steps=()

    typed_command "$2"
    step_type "$REPLY" && step_see INFRONT
    start_play "$1" "${steps[@]}"
    assert wait_until 30 grep -q 'expect "INFRONT"' "$TEST_DIR/modes"
    kill -KILL "$(<"$box/shell")"
    end_status "$pamrun_pid"
    assert_status 137
    nothing_is_left 1
}

@test "the shell killed ends a command in the foreground" {
    local original_run_ptyrun

    original_run_ptyrun=$(declare -f run_ptyrun)
    in_shells dies_with_its_shell "${SHARED[@]}"
}

outlives_terminal() # SHELL FORM
{
    local steps=() front

    typed_command "$2"
    step_type "nohup $REPLY >/dev/null 2>&1 </dev/null & at BACK" && step_see 'is at BACK' 'PROMPT> '
    play "$1" "${steps[@]}" --hangup
    refute has_no_process prt_alice
    probe_called close_session 0
    front=$(pgrep -x pamrun -u prt_bob)
    kill -TERM "$front"
    nothing_is_left 1
}

@test "under nohup a command in the background outlives the terminal, and TERM ends it" {
    in_shells outlives_terminal "${SHARED[@]}"
}

# ---- su does the same -----------------------------------------------------------------------------------------

@test "su: the same statuses and messages of the shells at ^Z, fg, ^C and kill %1" {
    local shell steps

    for shell in "${SHELLS[@]}"; do
        echo "-- $shell"
        probe_reset
        : >"$box/place"
        chmod 0666 "$box/place"
        steps=()
        step_type "su --session-command 'exec $command' prt_alice" && step_see INFRONT
        step_keys '\032' && step_see 'PROMPT> '
        step_status 147
        step_type 'halted' && step_see HALTED 'PROMPT> '
        step_type 'bg; at BACK' && step_see 'is at BACK' 'PROMPT> '
        step_type 'fg' && step_see INFRONT
        step_keys '\003' && step_see 'PROMPT> '
        step_status 130
        play_through "$shell" 1 "${steps[@]}"
    done
}
