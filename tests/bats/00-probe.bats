# The probe, the tools and the library themselves: what the other files rest on.  Nothing here needs pamrun.
# Never with sanitizers: nothing here runs pamrun.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_group prt_staff
    probe_profile prt_drive
}

# Play calls on the profile prt_drive, as root, for prt_alice.
drive() # [--answer WORD]... CALL...
{
    local options=()

    while [[ $1 == --* ]]; do
        options+=("$1" "$2")
        shift 2
    done
    run_program "$TOOLS/pamdrive" "${options[@]}" prt_drive prt_alice "$@"
}

# ---- the log --------------------------------------------------------------------------------------------------

@test "the probe logs every function with its flags, in order" {
    drive authenticate acct_mgmt setcred open_session close_session setcred-delete
    assert_status 0
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session \
setcred:PAM_DELETE_CRED cleanup"
    assert_eq "$(probe_field setcred-delete flags)" PAM_DELETE_CRED
    assert_eq "$(probe_field open_session return)" PAM_SUCCESS
    probe_called setcred 2
    probe_called setcred-establish 1
}

@test "chauthtok is called twice, preliminary check and update" {
    drive chauthtok
    assert_status 0
    probe_called chauthtok-prelim 1
    probe_called chauthtok-update 1
}

@test "the log shows ids, items, descriptors, limits, signals and environment of the caller" {
    exec 7</dev/null
    run_program env -i ONLY_ONE=value nice -n 3 prlimit --core=0:4096 --nofile=512:1024 \
        "$TOOLS/pamdrive" --tty /dev/tty9 prt_drive prt_alice authenticate
    exec 7<&-
    assert_status 0
    assert_eq "$(probe_field authenticate ruid)" 0
    assert_eq "$(probe_field authenticate euid)" 0
    assert_eq "$(probe_field authenticate user)" prt_alice
    assert_eq "$(probe_field authenticate service)" prt_drive
    assert_eq "$(probe_field authenticate tty)" /dev/tty9
    assert_eq "$(probe_field authenticate rhost)" "(unset)"
    assert_eq "$(probe_field authenticate cwd)" "$PWD"
    assert_eq "$(probe_field authenticate environ)" ONLY_ONE
    assert_eq "$(probe_field authenticate nice)" 3
    assert_eq "$(probe_field authenticate rlimit_core)" 0:4096
    assert_eq "$(probe_field authenticate rlimit_nofile)" 512:1024
    assert_eq "$(probe_field authenticate umask)" "$(umask)"
    assert_eq "$(probe_field authenticate fds)" "7:/dev/null"
    assert_eq "$(probe_field authenticate fds_inherited)" 7
    assert_eq "$(probe_field authenticate fd1)" "$stdout_file"
    assert_match "$(probe_field authenticate cap_eff)" '^[0-9a-f]{16}$'
    assert_eq "$(probe_field authenticate dumpable)" 1
    assert_match "$(probe_field authenticate time_ms)" '^[0-9]+$'
    refute signal_in "$(probe_field authenticate sigblk)" TERM
}

@test "a program gets none of the descriptors of bats" {
    drive authenticate
    assert_eq "$(probe_field authenticate fds)" ""
}

@test "values with blanks, newlines, backslashes and parentheses come back as they were" {
    probe_script <<'END'
authenticate env ODD=a b\n\\x41 (unset), \377
END
    drive authenticate acct_mgmt
    assert_eq "$(probe_log | wc -l)" 3
    assert_eq "$(probe_pam_env acct_mgmt ODD)" $'a b\n\\x41 (unset), \377'
    refute probe_pam_env authenticate ODD
}

@test "a cleanup is logged with PAM_DATA_SILENT in a forked child and without in the parent" {
    drive authenticate open_session fork-end close_session
    assert_eq "$(probe_order)" "authenticate open_session cleanup:PAM_DATA_SILENT close_session cleanup"
    assert_eq "$(probe_field cleanup ppid)" "$(probe_field authenticate pid)"
    assert_eq "$(probe_field cleanup pid last)" "$(probe_field authenticate pid)"
    assert_eq "$(probe_field cleanup error_status last)" PAM_SUCCESS
}

@test "the status given to pam_end is in the cleanup's error_status" {
    probe_script <<'END'
open_session return PAM_SESSION_ERR
END
    drive authenticate open_session
    assert_status 1
    assert_eq "$(probe_field cleanup error_status)" PAM_SESSION_ERR
}

@test "data=1 registers a cleanup without authenticate" {
    drive open_session
    refute probe_called cleanup
    probe_script <<'END'
open_session data=1
END
    drive open_session
    probe_called cleanup 1
}

@test "the log takes lines from the account, as after the drop in a child" {
    probe_script <<'END'
authenticate setresuid 65534
END
    drive authenticate acct_mgmt
    assert_eq "$(probe_field acct_mgmt ruid)" 65534
    probe_reset
    probe_script <<'END'
authenticate seteuid 65534
END
    drive authenticate acct_mgmt
    assert_eq "$(probe_field acct_mgmt euid)" 65534
    assert_eq "$(probe_field acct_mgmt ruid)" 0
}

@test "the log takes lines from a process that may write no file and open none" {
    probe_script <<'END'
authenticate rlimit FSIZE 0 unlimited
authenticate rlimit NOFILE 3 1024
END
    run_program sh -c '"$@" | cat' sh "$TOOLS/pamdrive" prt_drive prt_alice authenticate acct_mgmt
    assert_eq "$(probe_field acct_mgmt rlimit_fsize)" 0:unlimited
    assert_eq "$(probe_field acct_mgmt rlimit_nofile)" 3:1024
}

@test "two instances in one stack are told apart, in the log and in the script" {
    profile prt_drive < <(
        probe_line auth required first
        probe_line auth required second
    )
    probe_script <<'END'
authenticate@second return PAM_AUTH_ERR
END
    drive authenticate
    assert_status 1
    assert_eq "$(probe_field authenticate@first return)" PAM_SUCCESS
    assert_eq "$(probe_field authenticate@second return)" PAM_AUTH_ERR
    assert_eq "$(probe_order second)" "authenticate cleanup"
}

# ---- the script -----------------------------------------------------------------------------------------------

@test "return gives any code, by name and by number" {
    probe_script <<'END'
# a comment, and a line without anything

authenticate return PAM_AUTHINFO_UNAVAIL
acct_mgmt return 13
END
    drive authenticate acct_mgmt
    assert_match "$stdout" "authenticate: 9 .*acct_mgmt: 13 "
    probe_script <<'END'
setcred-delete return PAM_CRED_ERR
END
    drive authenticate setcred setcred-delete # after a failed authenticate libpam refuses setcred by itself
    assert_match "$stdout" "setcred: 0 .*setcred-delete: 17 "
}

@test "a star means every function, but no cleanup" {
    probe_script <<'END'
* log-note seen
* return PAM_PERM_DENIED
END
    drive authenticate open_session
    assert_match "$stdout" "authenticate: 6 .*open_session: 6 "
    assert_eq "$(probe_count note)" 2
}

@test "a misspelt action or phase fails the call" {
    probe_script <<'END'
authenticate retrun PAM_SUCCESS
END
    drive authenticate
    assert_match "$stdout" "authenticate: 3 "
    assert_contains "$(probe_field authenticate script_error)" "1: unknown action 'retrun'"
    probe_script <<'END'
open_sesion return PAM_SUCCESS
END
    drive authenticate
    assert_match "$stdout" "authenticate: 3 "
    assert_contains "$(probe_field authenticate script_error last)" "unknown phase 'open_sesion'"
}

@test "prompts and messages reach the conversation as written, and the answers are logged by length only" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate prompt-on Name\033[1m? 
authenticate info hello
authenticate error trouble\n
END
    drive --answer secret --answer me authenticate
    assert_status 0
    assert_eq "$stderr" $'prompt-off: Password: \nprompt-on: Name\033[1m? \ninfo: hello\nerror: trouble'
    assert_eq "$(probe_field authenticate conv)" \
        "prompt-off:PAM_SUCCESS:answered:6,prompt-on:PAM_SUCCESS:answered:2,info:PAM_SUCCESS,error:PAM_SUCCESS"
    refute_contains "$(probe_log)" secret
}

@test "a prompt that nobody answers is logged with the conversation's code" {
    probe_script <<'END'
authenticate prompt-off Password: 
END
    drive authenticate
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_CONV_ERR:unanswered
}

@test "require-token accepts the right answer and only that" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token right one
END
    drive --answer "right one" authenticate
    assert_status 0
    drive --answer wrong authenticate
    assert_match "$stdout" "authenticate: 7 "
    drive authenticate
    assert_match "$stdout" "authenticate: 7 "
}

@test "the token is logged as set, and shown only when the script says so" {
    probe_script <<'END'
authenticate@first get-authtok Password: 
authenticate@second require-authtok secret
authenticate@third show-token
END
    profile prt_drive < <(for name in first second third; do probe_line auth required $name; done)
    drive --answer secret authenticate
    assert_status 0
    assert_eq "$(probe_field authenticate@first authtok)" "(unset)"
    assert_eq "$(probe_field authenticate@second authtok)" set
    assert_eq "$(probe_field authenticate@third token)" secret
    refute_contains "$(probe_select authenticate@second)" secret
}

@test "set-authtok makes the answer the token of the next module, require-authtok accepts only the right one" {
    probe_script <<'END'
authenticate@first prompt-off Code: 
authenticate@first set-authtok
authenticate@second require-authtok secret
END
    profile prt_drive < <(for name in first second; do probe_line auth required $name; done)
    drive --answer secret authenticate
    assert_status 0
    assert_eq "$(probe_field authenticate@second authtok)" set
    drive --answer wrong authenticate
    assert_match "$stdout" "authenticate: 7 "
}

@test "messages sends N in one call, null-message none, style an unknown one" {
    probe_script <<'END'
authenticate messages 3
acct_mgmt messages 33
open_session null-message
close_session style 77 odd
END
    drive authenticate acct_mgmt open_session close_session
    assert_match "$stderr" "info: message 1.info: message 2.info: message 3"
    assert_eq "$(probe_field acct_mgmt conv)" messages:PAM_CONV_ERR
    assert_contains "$stderr" "info: (null)"
    assert_eq "$(probe_field close_session conv)" style:PAM_CONV_ERR
}

@test "user, tty, PAM environment and process environment are changed for the next call" {
    probe_script <<'END'
authenticate set-user prt_bob
authenticate item-tty pts/7
authenticate env ONE=1
authenticate env TWO=2
authenticate unenv ONE
authenticate putenv PROBE_PUT=x
acct_mgmt unset-user
END
    drive authenticate acct_mgmt setcred env
    assert_eq "$(probe_field acct_mgmt user)" prt_bob
    assert_eq "$(probe_field acct_mgmt tty)" pts/7
    assert_eq "$(probe_field acct_mgmt pam_env)" TWO=2
    assert_contains ",$(probe_field acct_mgmt environ)," ,PROBE_PUT,
    assert_eq "$(probe_field setcred user)" "(unset)"
}

@test "the state of the process is changed for the next call" {
    probe_script <<END
authenticate umask 0137
authenticate chdir $TEST_DIR
authenticate setgroups 4321,4322
authenticate addgroup 4323
authenticate setegid 4324
authenticate nice 5
authenticate block USR1
authenticate ignore SIGUSR2
authenticate rlimit CORE 1000 2000
authenticate leak-fd
authenticate leak-fd-high
authenticate ambient cap_net_raw
authenticate setsid
END
    run_program sh -c '"$@"; exit $?' sh "$TOOLS/pamdrive" prt_drive prt_alice authenticate acct_mgmt
    assert_status 0
    assert_eq "$(probe_field authenticate failed)" ""
    assert_eq "$(probe_field acct_mgmt umask)" 0137
    assert_eq "$(probe_field acct_mgmt cwd)" "$TEST_DIR"
    assert_eq "$(probe_field acct_mgmt groups)" 4321,4322,4323
    assert_eq "$(probe_field acct_mgmt egid)" 4324
    assert_eq "$(probe_field acct_mgmt nice)" 5
    assert signal_in "$(probe_field acct_mgmt sigblk)" USR1
    assert signal_in "$(probe_field acct_mgmt sigign)" USR2
    refute signal_in "$(probe_field authenticate sigblk)" USR1
    assert_eq "$(probe_field acct_mgmt rlimit_core)" 1000:2000
    assert_eq "$(probe_field acct_mgmt fds)" 3:/dev/null,1023:/dev/null
    assert_eq "$(probe_field acct_mgmt fds_inherited)" 3,1023
    assert_eq "$(probe_field acct_mgmt cap_amb)" 0000000000002000
    assert_eq "$(probe_field acct_mgmt sid)" "$(probe_field acct_mgmt pid)"
}

@test "an action that fails is logged with its errno" {
    probe_script <<'END'
authenticate chdir /missing
authenticate close-fd 77
END
    drive authenticate
    assert_status 0
    assert_eq "$(probe_field authenticate failed)" chdir:ENOENT,close-fd:EBADF
}

@test "exit, _exit, abort, crash and SIGKILL end the caller, after the line is written" {
    local row rows=("exit 9:9:(exit)" "_exit 8:8:(exit)" "abort:134:(abort)" "crash:139:(crash)"
        "kill KILL self:137:(killed)")

    for row in "${rows[@]}"; do
        probe_reset
        probe_script <<<"open_session ${row%%:*}"
        drive authenticate open_session
        assert_status "$(cut -d: -f2 <<<"$row")"
        assert_eq "$(probe_field open_session return)" "${row##*:}"
    done
}

@test "fork-return lets parent and child go on" {
    probe_script <<'END'
authenticate fork-return
END
    drive authenticate
    wait_until 5 probe_called cleanup 2
    probe_called authenticate 2
    [ "$(probe_field authenticate pid 1)" != "$(probe_field authenticate pid 2)" ]
}

@test "fork-exit comes back in the parent only, fork-stay leaves a process" {
    probe_script <<'END'
authenticate fork-exit 5
acct_mgmt setresuid 65534
acct_mgmt fork-stay 20000
END
    local before

    before=$(processes_of nobody | wc -l)
    drive authenticate acct_mgmt
    assert_status 0
    probe_called authenticate 1
    assert_eq "$(probe_field note text)" "fork-exit 5"
    assert_eq "$(processes_of nobody | wc -l)" $((before + 1))
    kill "$(processes_of nobody | tail -n 1)"
    wait_until 5 has_no_process nobody
}

@test "sleep takes its time, alarm ends the caller" {
    probe_script <<'END'
authenticate sleep 80
acct_mgmt alarm 1
acct_mgmt hang
END
    drive authenticate acct_mgmt
    [ "$(probe_field authenticate duration_ms)" -ge 80 ]
    assert_status 142
}

@test "hang goes on after a signal, hang-eintr gives up" {
    probe_script <<'END'
authenticate hang-eintr
acct_mgmt hang
END
    start_program "$TOOLS/pamdrive" prt_drive prt_alice authenticate acct_mgmt
    wait_until 5 probe_called authenticate
    assert_eq "$(probe_field authenticate return)" "(hang)"
    wait_until 5 interrupted_until probe_called acct_mgmt
    kill -USR1 "$pamrun_pid"
    nap 0.1
    refute program_has_ended "$pamrun_pid"
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
    assert_match "$stdout" "^authenticate: 4 "
}

# One signal may come before the call sleeps, and is lost then.
interrupted_until() # CONDITION...
{
    kill -USR1 "$pamrun_pid" && nap 0.02 && "$@"
}

@test "wait-file holds a call until the file is there" {
    probe_script <<END
open_session touch $TEST_DIR/entered
open_session wait-file $TEST_DIR/go
END
    start_program "$TOOLS/pamdrive" prt_drive prt_alice open_session
    wait_until 5 test -e "$TEST_DIR/entered"
    refute probe_called open_session
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 0
    probe_called open_session 1
}

@test "count-open and count-close keep the number that is open" {
    probe_script <<END
open_session count-open $TEST_DIR/open
close_session count-close $TEST_DIR/open
END
    drive open_session open_session
    assert_eq "$(<"$TEST_DIR/open")" 2
    drive close_session
    assert_eq "$(<"$TEST_DIR/open")" 1
}

@test "if-file, touch, remove and once make actions depend on what was before" {
    probe_script <<END
authenticate if-file $TEST_DIR/mark return PAM_MAXTRIES
authenticate touch $TEST_DIR/mark
acct_mgmt remove $TEST_DIR/mark
open_session once return PAM_SESSION_ERR
END
    drive authenticate authenticate acct_mgmt authenticate open_session open_session
    assert_match "$stdout" \
        "authenticate: 0 .*authenticate: 11 .*acct_mgmt: 0 .*authenticate: 0 .*open_session: 14 .*open_session: 0 "
    drive open_session
    assert_status 0
}

@test "fail-delay delays a failed authentication" {
    local start=${EPOCHREALTIME/[.,]/}

    probe_script <<'END'
authenticate fail-delay 400000
authenticate return PAM_AUTH_ERR
END
    drive authenticate
    (((${EPOCHREALTIME/[.,]/} - start) > 100000)) # libpam varies it by up to a half
}

# ---- the library ----------------------------------------------------------------------------------------------

@test "run_program keeps stdout and stderr apart, and the status of a signal" {
    run_program sh -c 'echo out; echo err >&2; echo more; kill -TERM $$'
    assert_status 143
    assert_eq "$stdout" $'out\nmore'
    assert_eq "${lines[1]}" more
    assert_match "$stderr" '^err'
    run_program cat <<<"from stdin"
    assert_eq "$stdout" "from stdin"
}

@test "run_program ends what takes too long" {
    RUN_TIMEOUT=1 run_program sleep 50
    assert_status 143
    assert_contains "$stderr" "timed out"
}

@test "run_program hands over descriptor 7 when it is given" {
    run_program cat /dev/fd/7 7< <(echo seven)
    assert_eq "$stdout" seven
}

@test "run_program_as is that user, without capabilities" {
    run_program_as prt_alice sh -c 'id -un; grep CapEff /proc/self/status'
    assert_match "$stdout" $'^prt_alice\n''CapEff:.0{16}$'
}

@test "assertions fail when they should, and say why" {
    run_program true
    refute assert_status 1
    refute assert_eq a b
    refute assert_match abc '^b'
    refute assert_contains abc d
    refute refute_contains abc b
    refute assert_one_line ""
    refute assert_one_line $'a\nb'
    refute assert_one_line $'a\033[1m'
    refute assert false
    refute refute true
    refute probe_called authenticate
    refute probe_called authenticate 1
    drive authenticate
    refute probe_called authenticate 2
    refute probe_field authenticate missing
    run fail_because "the reason"
    assert_contains "$output" "the reason"
    assert_contains "$output" "function=authenticate"
}

@test "a skip is a failure when all tests must run" {
    TESTS_MUST_RUN=1 refute needs prt-no-such-program
    TESTS_MUST_RUN=1 assert needs sh
}

@test "processes are found by user, and end with the user" {
    make_user prt_bob --no-create-home
    run_program_as prt_bob sh -c 'sleep 100 >/dev/null 2>&1 & trap "" TERM; sleep 100 >/dev/null 2>&1 &'
    wait_until 5 refute has_no_process prt_bob
    refute assert_no_process_of prt_bob
    remove_user prt_bob
    refute getent passwd prt_bob
}

@test "what a test makes is gone after its teardown, what the file made is still there" {
    make_user prt_carol --groups prt_staff
    make_group prt_crew
    profile prt_mine <<<"auth required pam_permit.so"
    profile prt_drive <<<"auth required pam_deny.so"
    printf 'mine\n' >"$TEST_DIR/machine.conf"
    keep_file "$TEST_DIR/machine.conf"
    printf 'changed\n' >"$TEST_DIR/machine.conf"
    start_program sleep 100
    cleanup_all
    refute getent passwd prt_carol
    refute getent group prt_crew
    refute test -e /home/prt_carol
    refute test -e /etc/pam.d/prt_mine
    assert grep -qF "$PROBE_SO" /etc/pam.d/prt_drive
    assert_eq "$(<"$TEST_DIR/machine.conf")" mine
    assert program_has_ended "$pamrun_pid"
    assert getent passwd prt_alice
}

@test "names outside of our prefix, or too long, are refused" {
    refute make_user alice
    refute make_user "prt_$(printf 'x%.0s' {1..30})"
    refute make_group staff
    refute profile ../shadow
}

@test "a started program gets signals, ^C too" {
    start_program sleep 100
    assert_eq "$(</proc/"$pamrun_pid"/comm)" sleep # at once: a signal must not meet the shell before exec
    kill -INT "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 130
    start_program sh -c 'echo out; echo err >&2; exit 4'
    end_status "$pamrun_pid"
    assert_status 4
    assert_eq "$stdout/$stderr" out/err
}

@test "wait_until and end_status give up in time" {
    refute wait_until 0 false
    assert wait_until 1 true
    start_program sleep 100
    refute end_status "$pamrun_pid" 0
}

@test "the syslog catcher has what was logged when log_lines is called" {
    needs logger
    log_start
    logger -p authpriv.notice -t prt_tag "first message"
    logger -p authpriv.notice -t prt_tag $'second \033 message'
    assert_match "$(log_lines prt_tag)" '^<85>.*prt_tag.*first message.*second .x1b message$'
    assert_eq "$(log_lines nothing-such)" ""
    log_stop
    refute test -S /dev/log.prt_kept
}

@test "ptyrun plays a terminal: prompt, answer without echo, modes, size, status" {
    run_ptyrun --rows 30 --cols 90 --modes "$TEST_DIR/modes" --expect "pw: " --await -ECHO --send 'secret\r' -- \
        bash -c 'test -t 0 && test -t 1 && : </dev/tty && stty size
            read -rsp "pw: " pw
            echo; echo "got ${#pw}"; exit 3'
    assert_status 3
    assert_contains "$stdout" "30 90"
    assert_contains "$stdout" "got 6"
    refute_contains "$stdout" secret
    assert_match "$(<"$TEST_DIR/modes")" '^before: \+ECHO .*await "-ECHO": -ECHO .*after: \+ECHO '
}

@test "ptyrun names the step that was waited for in vain" {
    run_ptyrun --timeout 0.3 --expect never -- sleep 100
    assert_status 124
    assert_contains "$stderr" "time out in step 1: expect never"
    run_ptyrun --expect never -- true
    assert_status 124
    assert_contains "$stderr" "ended before step 1"
}

@test "ptyrun sends ^C, resizes and hangs up" {
    run_ptyrun --expect ready --send '\003' -- sh -c 'echo ready; exec sleep 100'
    assert_status 130
    run_ptyrun --expect ready --resize 11x22 --expect '11 22' -- \
        bash -c 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done'
    assert_status 0
    run_ptyrun --expect ready --hangup -- sh -c 'echo ready; exec sleep 100'
    assert_status 129
}

@test "runuser as the program under test meets the probe" {
    needs runuser
    SUT=runuser
    probe_profile "$(sut_profile)"
    run_sut -u prt_alice -- id -un
    assert_status 0
    assert_eq "$stdout" prt_alice
    assert_eq "$(probe_field open_session user)" prt_alice
    probe_called close_session 1
}
