# The same cases with su, runuser and pamrun: what they share is the same, what differs is written down here.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_staff
    make_group prt_crew
    make_user prt_alice --groups prt_staff
    make_user prt_homeless --no-create-home
    for name in su su-l runuser runuser-l; do
        profile "$name" <<'END'
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
END
    done
}

setup()
{
    begin_test
    needs su runuser
    suts=("$(type -P su)" "$(type -P runuser)" "$PAMRUN")
    # prints the words that this shell was started with
    show_argv="tr '\\0' '|' </proc/\$\$/cmdline; echo"
    printf '%s\n' "$show_argv" >"$TEST_DIR/script"
    chmod 0644 "$TEST_DIR/script"
}

# Sets answers, one element a program: its status and standard output.
ask_all() # ARGUMENT...
{
    local sut

    answers=()
    for sut in "${suts[@]}"; do
        run_program "${before[@]}" "$sut" "$@"
        answers+=("$status: $stdout")
    done
}
before=()

# su, runuser and pamrun all say the same, and it is this.
assert_alike() # EXPECTED ARGUMENT...
{
    local expected=$1

    shift
    ask_all "$@"
    assert_eq "${answers[0]}" "$expected" "su $*"
    assert_eq "${answers[1]}" "${answers[0]}" "runuser $*"
    assert_eq "${answers[2]}" "${answers[0]}" "pamrun $*"
}

# ---- argv -----------------------------------------------------------------------------------------------------

@test "argv of the shell: -c, -f, -s, further arguments, a login's dash" {
    local c=$show_argv

    assert_alike "0: bash|-c|$c|" prt_alice -c "$c"
    assert_alike "0: bash|-c|$c|" -c "$c" prt_alice
    assert_alike "0: bash|-c|$c|" "--command=$c" prt_alice
    assert_alike "0: bash|-c|$c|" --session-command "$c" prt_alice
    assert_alike "0: bash|-f|-c|$c|" -f prt_alice -c "$c"
    assert_alike "0: bash|-c|$c|one|two|" prt_alice -c "$c" one two
    assert_alike "0: bash|-c|$c|one|-x|" prt_alice -c "$c" -- one -x
    assert_alike "0: bash|$TEST_DIR/script|one|two|" prt_alice "$TEST_DIR/script" one two
    assert_alike "0: sh|-c|$c|" -s /bin/sh prt_alice -c "$c"
    assert_alike "0: -bash|-c|$c|" - prt_alice -c "$c"
    assert_alike "0: -bash|-c|$c|" -l prt_alice -c "$c"
    assert_alike "0: -bash|-c|$c|" --login prt_alice -c "$c"
    assert_alike "0: -sh|-c|$c|" -l -s /bin/sh prt_alice -c "$c"
    assert_alike "0: -bash|-c|$c|one|" -lc "$c" prt_alice one
    assert_alike "0: -bash|$TEST_DIR/script|one|" - prt_alice "$TEST_DIR/script" one
    assert_alike "0: -bash|-f|-c|$c|" -lfc "$c" prt_alice
}

@test "without a command the shell reads standard input" {
    local sut

    for sut in "${suts[@]}"; do
        run_program "$sut" prt_alice <<<"id -un; exit 4"
        assert_status 4
        assert_eq "$stdout" prt_alice
        run_program "$sut" - prt_alice <<<"$show_argv"
        assert_eq "$stdout" "-bash|"
    done
}

@test "without a user it is root" {
    assert_alike "0: 0" -c 'id -u'
    assert_alike "0: 0" - -c 'id -u'
}

@test "the form -u USER COMMAND as runuser has it: argv, status, and no shell between" {
    local sut

    for sut in "$(type -P runuser)" "$PAMRUN"; do
        run_program "$sut" -u prt_alice -- tr '\0' '|' /proc/self/cmdline
        [ "$status" -ne 0 ]
        run_program "$sut" -u prt_alice -- sed -n 's/\x00/|/gp' /proc/self/cmdline
        assert_status 0
        assert_eq "$stdout" 'sed|-n|s/\x00/|/gp|/proc/self/cmdline|'
        run_program "$sut" -u prt_alice id
        assert_match "$stdout" '\(prt_alice\)'
        run_program "$sut" --user prt_alice -- sh -c 'exit 9' -x
        assert_status 9
        run_program "$sut" -u prt_alice
        [ "$status" -ne 0 ]
        run_program "$sut" -u prt_alice -c true -- true
        [ "$status" -ne 0 ]
    done
    # without --, runuser takes the command's options for its own; to pamrun they are the command's
    run_program runuser -u prt_alice id -un
    [ "$status" -ne 0 ]
    run_pamrun -u prt_alice id -un
    assert_eq "$stdout" prt_alice
}

# ---- environment ----------------------------------------------------------------------------------------------

# The environment that the command gets.  The shell is a script: it reads no profile, also as a login shell.
environment_of() # PROGRAM ARGUMENT...
{
    printf '#!/bin/sh\nexec env\n' >"$TEST_DIR/shell"
    chmod 0755 "$TEST_DIR/shell"
    run_program env -i A=1 B=2 HOME=/root SHELL=/bin/sh USER=root LOGNAME=root PATH=/usr/bin:/bin:/root/bin TERM=xterm \
        COLORTERM=truecolor NO_COLOR=1 LANG=C TZ=UTC MAIL=/var/mail/root XDG_RUNTIME_DIR=/run/user/0 XDG_SESSION_ID=1 \
        LD_LIBRARY_PATH=/evil BASH_ENV=/evil ENV=/evil "$@"
    grep -vE '^(PWD|SHLVL|_|OLDPWD)=' <<<"$stdout" | LC_ALL=C sort
}

# What pamrun and another program make different of it: '<' as the other has it, '>' as pamrun has it.
environment_differences() # PROGRAM ARGUMENT...
{
    local other=$1

    shift
    environment_of "$(type -P "$other")" "$@" >"$TEST_DIR/others"
    environment_of "$PAMRUN" "$@" >"$TEST_DIR/pamruns"
    [ -s "$TEST_DIR/others" ] && [ -s "$TEST_DIR/pamruns" ] || echo "no environment: $* ($stderr)"
    diff "$TEST_DIR/others" "$TEST_DIR/pamruns" | grep '^[<>]' || true
}

# Variables that come from the applicant and act before the program's first line, or belong to another session of his:
# pamrun hands none of them on, not even with -p.  SECURITY.md.
dropped=$'< BASH_ENV=/evil\n< ENV=/evil\n< LD_LIBRARY_PATH=/evil\n< XDG_RUNTIME_DIR=/run/user/0\n< XDG_SESSION_ID=1'

# A login of su's and runuser's keeps these two since util-linux 2.39; pamrun's does.
kept_by_newer='^> (COLORTERM=truecolor|NO_COLOR=1)$'

@test "the environment is su's, but for what may not be handed on" {
    local other login

    for other in su runuser; do
        assert_eq "$(environment_differences $other prt_alice -s "$TEST_DIR/shell")" "$dropped" "$other"
        assert_eq "$(environment_differences $other -p prt_alice -s "$TEST_DIR/shell")" "$dropped" "$other -p"
        assert_eq "$(environment_differences $other -m prt_alice -s "$TEST_DIR/shell")" "$dropped" "$other -m"
        for login in "-l prt_alice" "- prt_alice" "-l -w A,B,TZ prt_alice" "- root"; do
            # shellcheck disable=SC2086 # words
            assert_eq "$(environment_differences $other $login -s "$TEST_DIR/shell" | grep -vE "$kept_by_newer")" "" \
                "$other $login"
        done
        assert_eq "$(environment_differences $other root -s "$TEST_DIR/shell")" "$dropped" "$other root"
    done
}

@test "the environment that su's rules give, in full" {
    assert_eq "$(environment_of "$PAMRUN" -l -s "$TEST_DIR/shell" prt_alice)" "COLORTERM=truecolor
HOME=/home/prt_alice
LOGNAME=prt_alice
NO_COLOR=1
PATH=$(sed -nE 's/^ENV_PATH[[:space:]]+PATH=//p' /etc/login.defs)
SHELL=$TEST_DIR/shell
TERM=xterm
USER=prt_alice"
    assert_eq "$(environment_of "$PAMRUN" -s "$TEST_DIR/shell" prt_alice)" "A=1
B=2
COLORTERM=truecolor
HOME=/home/prt_alice
LANG=C
LOGNAME=prt_alice
MAIL=/var/mail/root
NO_COLOR=1
PATH=/usr/bin:/bin:/root/bin
SHELL=$TEST_DIR/shell
TERM=xterm
TZ=UTC
USER=prt_alice"
    assert_match "$(environment_of "$PAMRUN" -p -s "$TEST_DIR/shell" prt_alice)" \
        'HOME=/root.*LOGNAME=root.*SHELL=/bin/sh.*USER=root'
}

@test "runuser -u keeps the applicant's environment, and so does pamrun -u, but for HOME and the user's name" {
    environment_of "$(type -P runuser)" -u prt_alice -- env >"$TEST_DIR/runuser"
    environment_of "$PAMRUN" -u prt_alice -- env >"$TEST_DIR/pamrun"
    assert_eq "$(diff "$TEST_DIR/runuser" "$TEST_DIR/pamrun" | grep '^[<>]')" "$dropped"
}

# ---- groups ---------------------------------------------------------------------------------------------------

@test "groups: the account's, -g, -G, both" {
    local alice staff crew daemon

    alice=$(id -g prt_alice) staff=$(getent group prt_staff | cut -d: -f3) crew=$(getent group prt_crew | cut -d: -f3)
    daemon=$(getent group daemon | cut -d: -f3)
    assert_alike "0: $alice / $alice $staff" prt_alice -c 'echo $(id -g) / $(id -G)'
    assert_alike "0: $crew / $crew" -g prt_crew prt_alice -c 'echo $(id -g) / $(id -G)'
    assert_alike "0: $crew / $crew" -G prt_crew prt_alice -c 'echo $(id -g) / $(id -G)'
    assert_alike "0: $crew / $crew $daemon" -G prt_crew -G daemon prt_alice -c 'echo $(id -g) / $(id -G)'
    assert_alike "0: $crew / $crew $daemon" -g prt_crew -G daemon prt_alice -c 'echo $(id -g) / $(id -G)'
    assert_alike "0: $staff / $staff $crew" --group prt_staff --supp-group prt_crew prt_alice -c \
        'echo $(id -g) / $(id -G)'
}

@test "real, effective, saved and file system ids are the account's" {
    local uid gid

    uid=$(id -u prt_alice) gid=$(id -g prt_alice)
    assert_alike "0: $uid $uid $uid $uid $gid $gid $gid $gid" prt_alice -c \
        'echo $(sed -nE "s/^[UG]id:[[:space:]]*//p" /proc/self/status)'
}

# ---- status ---------------------------------------------------------------------------------------------------

@test "the command's status, and 128 and the number of the signal that ended it" {
    local number

    for number in 0 1 3 64 126 127 128 255; do
        assert_alike "$number: " prt_alice -c "exit $number"
    done
    assert_alike "143: " prt_alice -c 'kill -TERM $$'
    assert_alike "137: " prt_alice -c 'kill -KILL $$'
    assert_alike "126: " -s /etc/passwd prt_alice
    assert_alike "127: " -s /missing/shell prt_alice
}

# program: status for an unknown user, an unknown option, an unknown group.
@test "statuses of their own: pamrun's tell apart what su's and runuser's do not" {
    local row words rows=("prt_nobody_knows|1 1 67" "--bogus|1 1 64" "-g prt_nobody_knows prt_alice|1 1 67"
        "-p -w A prt_alice|1 1 64")

    for row in "${rows[@]}"; do
        # shellcheck disable=SC2086 # words
        ask_all ${row%|*} </dev/null
        words="${answers[*]%%:*}"
        assert_eq "$words" "${row##*|}" "${row%|*}"
    done
}

# ---- session, directories -------------------------------------------------------------------------------------

@test "with -c it starts in a session of its own, --session-command and a shell of root's do not" {
    local sut show='test "$(ps -o sid= -p $$ | tr -d " ")" = $$ && echo own || echo same'

    before=(setsid --wait) # on a terminal pamrun gives another account one of its own
    assert_alike '0: own' prt_alice -c "$show"
    assert_alike '0: same' prt_alice --session-command "$show"
    assert_alike '0: same' root -c "$show"
    printf '%s\n' "$show" >"$TEST_DIR/script"
    assert_alike '0: same' prt_alice "$TEST_DIR/script"
    for sut in "$(type -P runuser)" "$PAMRUN"; do
        run_program "${before[@]}" "$sut" -u prt_alice -- sh -c "$show"
        assert_eq "$stdout" 'same'
    done
}

@test "the working directory: where the applicant is, and the home for a login" {
    cd /usr/share
    assert_alike "0: /usr/share" prt_alice -c 'pwd -P'
    assert_alike "0: /home/prt_alice" -l prt_alice -c 'pwd -P'
    assert_alike "0: /home/prt_alice" - prt_alice -c 'pwd -P'
}

@test "a login without a home: su and runuser stay where the applicant is, pamrun starts in / as login(1) does" {
    cd /usr/share
    ask_all -l prt_homeless -c 'pwd -P; echo $HOME'
    assert_eq "${answers[0]}" $'0: /usr/share\n/home/prt_homeless'
    assert_eq "${answers[1]}" $'0: /usr/share\n/home/prt_homeless'
    assert_eq "${answers[2]}" $'0: /\n/home/prt_homeless'
    assert_alike "0: /usr/share" prt_homeless -c 'pwd -P'
}

@test "umask and limits are the applicant's" {
    umask 0027
    before=(prlimit --nofile=99)
    assert_alike $'0: 0027\n99' prt_alice -c 'umask; ulimit -n'
}

# su and runuser wait two seconds before they kill; pamrun waits for nothing.
@test "told to end, all end their command and say 143" {
    local sut

    for sut in "${suts[@]}"; do
        start_program "$sut" prt_alice -c 'exec sleep 100'
        assert wait_until 5 refute has_no_process prt_alice
        assert wait_until 5 pgrep -u prt_alice -x sleep
        kill -TERM "$pamrun_pid"
        end_status "$pamrun_pid" 10
        assert_status 143
        assert_no_process_of prt_alice
    done
}
