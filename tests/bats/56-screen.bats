# shellcheck disable=SC2154,SC2016 # stdout ... are common.bash's; what stands in '' is the inner shell's
# Programs that use the whole screen, seen as a user sees them: in tmux, whose screen is captured, after ^Z and fg, after the
# window has another size, and the shell's terminal afterwards.
# With sanitizers only in full.

load lib/common
load lib/terminal

no_leak_check

setup()
{
    begin_test
    needs tmux less vi
    box=$TEST_DIR/box
    install -d -m 0777 "$box"
    seq -f 'row %g' 1 200 >"$box/text"
    cat >"$TEST_DIR/rc" <<END
PS1='PROMPT> '
P='$PAMRUN --close-on-exit -u prt_alice -- env LESS= TERM=screen'
cd $box
END
}

teardown()
{
    ! in_tmux has-session || in_tmux kill-server
    kill_processes_of prt_bob || true
    kill_processes_of prt_alice || true
    cleanup_all
}

in_tmux() # COMMAND...
{
    "${applicant[@]}" env -u TMUX TMPDIR="$TEST_DIR/tmux" TMUX_TMPDIR="$TEST_DIR/tmux" LANG=C.UTF-8 TERM=xterm \
        tmux -f /dev/null "$@" 3>&- 4>&- 2>/dev/null
}

# An interactive bash of CALLER's in a window of 80 columns and 24 rows.
start_tmux() # CALLER
{
    applicant_set "$1"
    rm -rf "$TEST_DIR/tmux"
    install -d -m 0700 -o "$1" "$TEST_DIR/tmux"
    in_tmux new-session -d -x 80 -y 24 env HISTFILE= INPUTRC=/dev/null bash --noprofile --rcfile "$TEST_DIR/rc" -i
    in_tmux set-option -g status off
    sees '^PROMPT>'
}

# The screen as it is, without the empty rows below.
screen()
{
    in_tmux capture-pane -p
}

screen_matches() # REGEX: one row's
{
    screen | grep -qE -- "$1"
}

sees() # REGEX
{
    wait_until 30 screen_matches "$1" || fail_because "not on the screen: $1" "$(screen)"
}

# Of the whole screen: its rows, joined by |
screen_is() # ROWS
{
    [ "$(screen | paste -sd '|')" = "$1" ]
}

sees_screen() # ROWS
{
    wait_until 30 screen_is "$1" || fail_because "not the screen: $1" "$(screen)"
}

rows() # FIRST LAST
{
    seq -f 'row %g' -s '|' "$1" "$2"
}

keys() # KEY...: as tmux calls them
{
    in_tmux send-keys "$@"
}

line() # TEXT
{
    in_tmux send-keys -l "$1"
    in_tmux send-keys Enter
}

# The modes of the shell's terminal, by who types there.
note_modes() # FILE
{
    rm -f "$box/$1"
    line "clear; stty -a >$1; echo DO\"\"NE"
    sees '^DONE'
}

modes_are_the_same() # FILE FILE
{
    assert_eq "$(sed 's/rows [0-9]*; columns [0-9]*//' "$box/$1")" "$(sed 's/rows [0-9]*; columns [0-9]*//' "$box/$2")"
}

works_on_the_screen() # CALLER
{
    start_tmux "$1"
    note_modes before

    line 'clear; $P less text'
    sees_screen "$(rows 1 23)|text"
    keys Space
    sees_screen "$(rows 24 46)|:"
    keys C-z
    sees 'Stopped'
    note_modes stopped
    modes_are_the_same stopped before
    line 'fg'
    sees_screen "$(rows 24 46)|:"
    in_tmux resize-window -x 60 -y 12
    sees_screen "$(rows 24 34)|:"
    keys G
    sees_screen "$(rows 190 200)|(END)"
    keys q
    sees '^PROMPT>$'
    note_modes after
    modes_are_the_same after before
    assert_eq "$(head -n 1 "$box/after" | grep -o 'rows [0-9]*; columns [0-9]*')" "rows 12; columns 60"

    line 'clear; $P vi -u NONE -n text'
    sees '^row 1$'
    keys C-f
    sees '^row 15$'
    keys C-z
    sees 'Stopped'
    note_modes stopped
    modes_are_the_same stopped before
    line 'fg'
    sees '^row 15$'
    in_tmux resize-window -x 80 -y 24
    sees '^row 30$'
    keys O
    line 'Grüße'
    keys Escape
    sees '^Grüße$'
    line ":w! $box/written"
    keys ZQ
    sees '^PROMPT>$'
    note_modes after
    modes_are_the_same after before
    assert_eq "$(grep -c '^Grüße$' "$box/written")" 1
    assert_eq "$(stat -c %U "$box/written")" prt_alice

    line 'exit'
    wait_until 30 nobody_is_left || fail_because "left: $(ps -ef)"
    probe_called open_session 2
    probe_called close_session 2
}

nobody_is_left()
{
    ! in_tmux has-session && has_no_process prt_alice && ! pgrep -x pamrun
}

@test "less and vi in tmux: what is on the screen after ^Z, fg and another window size, and the shell's modes afterwards" {
    works_on_the_screen prt_bob
}

@test "the same with root as the caller" {
    works_on_the_screen root
}
