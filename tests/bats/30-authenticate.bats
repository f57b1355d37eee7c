# The authentication step: what modules are told, what they may ask and say, and what their answer means.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile prt_job
}

job()
{
    run_pamrun --profile prt_job "$@"
}

# On a terminal of its own: [ptyrun option...] -- [pamrun option...]
terminal_job()
{
    local steps=()

    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    run_ptyrun --modes "$TEST_DIR/modes" "${steps[@]}" -- "$PAMRUN" --profile prt_job "${@:2}"
    stdout=${stdout//$'\r'/}
}

# An end before anything was run, after which nothing is left to be closed.
assert_not_run()
{
    assert_eq "$stdout" ""
    refute probe_called setcred
    refute probe_called open_session
    assert_eq "$(probe_field cleanup error_status last | grep -c SILENT)" 0
}

# An optional prompt: what the module got is in the log, and the run goes on whatever it was.
optional_profile()
{
    profile prt_optional < <(
        probe_line auth optional
        echo "auth required pam_permit.so"
        for type in account session; do probe_line $type required; done
    )
}

# ---- order ----------------------------------------------------------------------------------------------------

@test "authenticate comes before acct_mgmt, once each, for every account" {
    local account

    for account in prt_alice root; do
        probe_reset
        job -u $account -- true
        assert_status 0
        assert_match "$(probe_order)" '^authenticate acct_mgmt setcred'
        probe_called authenticate 1
        probe_called acct_mgmt 1
        assert_eq "$(probe_field authenticate user)" $account
    done
}

@test "--no-auth leaves out authenticate and nothing else" {
    job --no-auth --close-on-exit -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    refute probe_called authenticate
    assert_eq "$(probe_order)" "acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session setcred:PAM_DELETE_CRED"
}

@test "--no-account leaves out acct_mgmt and nothing else" {
    job --no-account --close-on-exit -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    assert_eq "$(probe_order)" "authenticate setcred:PAM_ESTABLISH_CRED open_session cleanup:PAM_DATA_SILENT \
close_session setcred:PAM_DELETE_CRED cleanup"
}

# ---- what modules are told ------------------------------------------------------------------------------------

@test "PAM_TTY is the terminal, whatever TTY and SSH_TTY say" {
    local there

    run_ptyrun -- env TTY=/dev/tty1 SSH_TTY=/dev/pts/999 GPG_TTY=/dev/tty2 \
        sh -c 'tty; exec "$@"' sh "$PAMRUN" --profile prt_job -u prt_alice -- true
    assert_status 0
    there=${lines[0]%$'\r'}
    assert_match "$there" '^/dev/pts/[0-9]+$'
    assert_eq "$(probe_field authenticate tty)" "$there"
    assert_eq "$(probe_field open_session tty)" "$there"
}

@test "PAM_TTY is found when only one of stdin, stdout and stderr is the terminal" {
    local redirect

    for redirect in '</dev/null >/dev/null' '</dev/null 2>/dev/null' '>/dev/null 2>/dev/null'; do
        probe_reset
        run_ptyrun -- sh -c "tty </dev/tty >$TEST_DIR/tty; exec \"\$@\" $redirect" sh \
            "$PAMRUN" --profile prt_job -u prt_alice -- true
        assert_status 0
        assert_match "$(probe_field authenticate tty)" '^/dev/pts/[0-9]+$'
    done
}

@test "PAM_TTY is not set without a terminal, whatever TTY and SSH_TTY say" {
    run_program env TTY=/dev/tty1 SSH_TTY=/dev/pts/0 GPG_TTY=/dev/tty1 "$PAMRUN" --profile prt_job -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_field authenticate tty)" "(unset)"
    assert_eq "$(probe_field open_session tty)" "(unset)"
}

@test "PAM_RUSER is the caller's name by his user id" {
    run_program env USER=prt_bob LOGNAME=prt_bob SUDO_USER=prt_bob "$PAMRUN" --profile prt_job -u prt_alice -- true
    assert_eq "$(probe_field authenticate ruser)" root
    assert_eq "$(probe_field open_session ruser)" root
}

@test "PAM_RHOST is what --pam-rhost says, and not set without it" {
    job --pam-rhost client.example -u prt_alice -- true
    assert_eq "$(probe_field authenticate rhost)" client.example
    probe_reset
    job --pam-rhost "$(printf 'h%.0s' {1..255})" -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_field open_session rhost)" "$(printf 'h%.0s' {1..255})"
    probe_reset
    job -u prt_alice -- true
    assert_eq "$(probe_field authenticate rhost)" "(unset)"
}

@test "--pam-setenv is there for the first module, and not for the command" {
    job --pam-setenv JOB=4711 --pam-setenv EMPTY= --pam-setenv 'ODD=a = b' -u prt_alice -- env
    assert_status 0
    assert_eq "$(probe_pam_env authenticate JOB)" 4711
    assert_eq "$(probe_pam_env authenticate EMPTY)" ""
    assert_eq "$(probe_pam_env open_session ODD)" "a = b"
    refute_contains "$stdout" JOB=
    refute_contains "$stdout" EMPTY=
    refute_contains "$stdout" ODD=
}

@test "the last --pam-setenv of a name counts, and the caller's variable of that name stays the command's" {
    run_program env JOB=mine "$PAMRUN" --profile prt_job --pam-setenv JOB=1 --pam-setenv JOB=2 -u prt_alice -- env
    assert_eq "$(probe_pam_env authenticate JOB)" 2
    assert_contains $'\n'"$stdout"$'\n' $'\nJOB=mine\n'
}

@test "modules run in a clean environment, in /, with a tame umask, no pending signal blocked" {
    run_program env -i LD_DEBUG_OUTPUT=/tmp/x EVIL=1 IFS=x PATH=/tmp HOME=/tmp /bin/bash -c 'umask 0; cd /tmp; exec "$@"' \
        bash "$PAMRUN" --profile prt_job -u prt_alice -- /bin/true
    assert_status 0
    assert_eq "$(probe_field authenticate environ)" PATH
    assert_eq "$(probe_field authenticate cwd)" /
    (((0$(probe_field authenticate umask) & 022) == 022))
    assert_match "$(probe_field authenticate sigblk)" '^0*$'
    assert_match "$(probe_field authenticate sigign)" '^0*$'
}

# ---- questions ------------------------------------------------------------------------------------------------

@test "a prompt is asked on the terminal without echo, and the answer reaches the module" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token top secret
END
    terminal_job --expect "Password: " --await -ECHO --send 'top secret\r' -- -u prt_alice -- echo done
    assert_status 0
    assert_match "$stdout" done
    refute_contains "$stdout" secret
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_SUCCESS:answered:10
    assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
}

@test "a wrong answer is refused, and nothing runs" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token right
END
    terminal_job --expect "Password: " --await -ECHO --send 'wrong\r' -- -u prt_alice -- echo done
    assert_status 77
    refute_contains "$stdout" done
    assert_contains "$stdout" PAM_AUTH_ERR
    assert_eq "$(probe_order)" "authenticate cleanup"
}

@test "a prompt with echo shows what is typed" {
    probe_script <<'END'
authenticate prompt-on Token code? 
authenticate require-token 4711
END
    terminal_job --expect "Token code? " --await ECHO --send '4711\r' --expect 4711 -- -u prt_alice -- echo done
    assert_status 0
    assert_eq "$(probe_field authenticate conv)" prompt-on:PAM_SUCCESS:answered:4
}

@test "several prompts are asked in turn" {
    probe_script <<'END'
authenticate prompt-off First: 
authenticate require-token one
authenticate prompt-on Second: 
authenticate require-token two
acct_mgmt prompt-off Third: 
acct_mgmt require-token three
open_session prompt-off Fourth: 
open_session require-token four
END
    terminal_job --expect "First: " --await -ECHO --send 'one\r' --expect "Second: " --await ECHO --send 'two\r' \
        --expect "Third: " --await -ECHO --send 'three\r' --expect "Fourth: " --await -ECHO --send 'four\r' \
        -- -u prt_alice -- echo done
    assert_status 0
    assert_match "$stdout" done
}

@test "an empty answer is an answer" {
    probe_script <<'END'
authenticate prompt-off Password: 
END
    terminal_job --expect "Password: " --await -ECHO --send '\r' -- -u prt_alice -- true
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_SUCCESS:answered:0
}

@test "an answer of 511 bytes is handed over whole, a longer one refused and not cut" {
    local length

    probe_script <<'END'
authenticate prompt-off Password: 
END
    terminal_job --expect "Password: " --await -ECHO --send "$(printf 'x%.0s' {1..511})\r" -- -u prt_alice -- true
    assert_status 0
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_SUCCESS:answered:511
    for length in 512 513 1500; do
        probe_reset
        probe_script <<'END'
authenticate prompt-off Password: 
authenticate if-file / return PAM_CONV_ERR
END
        terminal_job --expect "Password: " --await -ECHO --send "$(head -c $length /dev/zero | tr '\0' x)\r" \
            -- -u prt_alice -- echo done
        assert_status 77
        assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_CONV_ERR:unanswered
        assert_contains "$stdout" "Password:"
    done
}

@test "the end of input at a prompt is no answer" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token secret
END
    terminal_job --expect "Password: " --await -ECHO --send '\004' -- -u prt_alice -- echo done
    assert_status 77
    refute_contains "$stdout" done
    assert_match "$(probe_field authenticate conv)" PAM_CONV_ERR
}

@test "a signal at a prompt ends the run, and the terminal is left as it was" {
    local row terminal

    for row in INT:130 TERM:143 HUP:129 QUIT:131; do
        probe_reset
        probe_script <<'END'
authenticate prompt-off Password: 
authenticate return PAM_AUTH_ERR
END
        start_program "$TOOLS/ptyrun" --modes "$TEST_DIR/modes" --expect "Password: " --await -ECHO -- \
            "$PAMRUN" --profile prt_job -u prt_alice -- echo done
        terminal=$pamrun_pid
        wait_until 5 grep -q 'Password: ' "$pamrun_stdout"
        wait_until 5 child_sleeps "$terminal"
        kill "-${row%:*}" "$(child_of "$terminal")"
        end_status "$terminal"
        assert_status "${row#*:}"
        refute_contains "$stdout" done
        assert_contains "$stdout" "stopped by SIG${row%:*}"
        assert_match "$(tail -n 1 "$TEST_DIR/modes")" '^after: \+ECHO'
        assert_eq "$(probe_order)" "authenticate cleanup"
    done
}

child_of() # PID
{
    cat "/proc/$1/task/$1/children" | tr -d ' '
}

# In a system call: with the prompt on the screen, in the one that reads the answer.
child_sleeps() # PID
{
    grep -q '^State:.S' "/proc/$(child_of "$1")/status"
}

@test "input typed before the prompt is not taken for the answer" {
    probe_script <<END
authenticate wait-file $TEST_DIR/go
authenticate prompt-off Password: 
authenticate require-token right
END
    start_program "$TOOLS/ptyrun" --expect ready --send 'early\r' --expect early --expect "Password: " --await -ECHO \
        --send 'right\r' -- sh -c 'echo ready; exec "$@"' sh "$PAMRUN" --profile prt_job -u prt_alice -- echo done
    wait_until 5 grep -q early "$pamrun_stdout"
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 0
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_SUCCESS:answered:5
}

@test "without a terminal a prompt fails, and the message names it" {
    probe_script <<'END'
authenticate prompt-off Password for \033[1m the \xc2\xb5: 
authenticate return PAM_CONV_ERR
END
    job -u prt_alice -- cat <<<"not a password"
    assert_status 77
    assert_not_run
    assert_match "$stderr" 'Password for .* the µ:.*terminal'
    refute_contains "$stderr" $'\033'
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_CONV_ERR:unanswered
}

@test "standard input is never read for an answer: it stays the command's, to the last byte" {
    optional_profile
    probe_script <<'END'
authenticate prompt-off Password: 
open_session prompt-on Name: 
END
    run_pamrun --profile prt_optional -u prt_alice -- cat <<<$'first\nsecond'
    assert_status 0
    assert_eq "$stdout" $'first\nsecond'
    assert_eq "$(probe_field authenticate conv)" prompt-off:PAM_CONV_ERR:unanswered
    run_pamrun --profile prt_optional -u prt_alice -- cat < <(printf 'from a\npipe')
    assert_eq "$stdout" $'from a\npipe'
}

@test "standard input that has neither data nor an end delays nothing" {
    local start

    mkfifo "$TEST_DIR/silent"
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate return PAM_CONV_ERR
END
    start=${EPOCHREALTIME/[.,]/}
    RUN_TIMEOUT=10 job -u prt_alice -- cat <>"$TEST_DIR/silent"
    assert_status 77
    (((${EPOCHREALTIME/[.,]/} - start) < 8000000))
    probe_script </dev/null
    RUN_TIMEOUT=10 job -u prt_alice -- echo done <>"$TEST_DIR/silent"
    assert_eq "$status $stdout" "0 done"
}

@test "with a terminal but stdin from a file the question goes to the terminal" {
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token secret
END
    printf 'of the job\n' >"$TEST_DIR/input"
    run_ptyrun --expect "Password: " --await -ECHO --send 'secret\r' -- \
        sh -c 'exec "$@" <"$0" >"$0.out"' "$TEST_DIR/input" "$PAMRUN" --profile prt_job -u prt_alice -- cat
    assert_status 0
    assert_eq "$(<"$TEST_DIR/input.out")" "of the job"
}

# ---- messages -------------------------------------------------------------------------------------------------

@test "what modules say goes to stderr, never to the command's stdout" {
    probe_script <<'END'
* info some information
* error some trouble
END
    job --verbose --close-on-exit -u prt_alice -- echo done
    assert_status 0
    assert_eq "$stdout" done
    assert_eq "$(grep -c 'some information' <<<"$stderr")" 6
    assert_eq "$(grep -c 'some trouble' <<<"$stderr")" 6
}

@test "information is dropped for a command, unless --verbose; errors never are" {
    probe_script <<'END'
authenticate info some information
open_session error some trouble
END
    local words

    for words in "-u prt_alice -- true" "-c true prt_alice" "-lc true prt_alice" "--quiet -u prt_alice -- true" \
        "--quiet -l prt_alice" "-s /bin/true prt_alice"; do
        # shellcheck disable=SC2086 # words
        job $words
        assert_status 0
        assert_eq "$stderr" "some trouble" "$words"
    done
    job -l prt_alice
    assert_match "$stderr" 'some information.*some trouble'
    job --verbose -u prt_alice -- true
    assert_match "$stderr" 'some information.*some trouble'
}

@test "--verbose tells each step, a run without it says nothing" {
    local step

    job --close-on-exit -u prt_alice -- true
    assert_eq "$stderr" ""
    job --close-on-exit --verbose -u prt_alice -- true
    for step in authenticate acct_mgmt setcred open_session close_session; do
        assert_match "$stderr" "pamrun: $step: ok"
    done
}

@test "control characters in what modules say are made visible, UTF-8 is kept" {
    probe_script <<'END'
authenticate error caf\xc3\xa9 \xe2\x82\xac \033[31m \007 \b \r \xc2\x9b31m \x9b \xff \x7f end
END
    job -u prt_alice -- true
    assert_contains "$stderr" "café €"
    assert_match "$stderr" 'end$'
    assert_eq "$(LC_ALL=C tr -dc '\000-\011\013-\037\177' <"$stderr_file" | wc -c)" 0
    assert_eq "$(LC_ALL=C grep -cP '\xc2\x9b|\xff|[^\xc2-\xf4\x80-\xbf]\x9b' "$stderr_file")" 0
}

@test "control characters in a prompt are made visible" {
    probe_script <<'END'
authenticate prompt-off \033]0;title\007Pass\rword: 
END
    terminal_job --expect "word: " --await -ECHO --send 'x\r' -- -u prt_alice -- true
    assert_status 0
    refute_contains "$stdout" $'\033'
    refute_contains "$stdout" $'\007'
}

@test "a message of many kilobytes does no harm" {
    probe_script < <(printf 'authenticate error %s\n' "$(head -c 100000 /dev/zero | tr '\0' e)")
    job -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
    assert_match "$stderr" '^e{100,}'
}

@test "several messages in one call are all shown, up to 32, more are refused" {
    probe_script <<'END'
authenticate messages 32
authenticate messages 33
END
    job --verbose -u prt_alice -- true
    assert_match "$(probe_field authenticate conv)" '^messages:PAM_SUCCESS.*,messages:PAM_CONV_ERR'
    assert_eq "$(grep -c '^message [0-9]*$' <<<"$stderr")" 32
}

@test "a message without text and an unknown kind of message do no harm" {
    probe_script <<'END'
authenticate null-message
authenticate style 77 odd
authenticate info after
END
    job --verbose -u prt_alice -- echo done
    assert_eq "$status $stdout" "0 done"
    assert_match "$(probe_field authenticate conv)" 'null-message:PAM_SUCCESS.*style:PAM_CONV_ERR'
    assert_contains "$stderr" after
    refute_contains "$stderr" odd
}

# ---- answers --------------------------------------------------------------------------------------------------

# "CODE STATUS CLASS" a line: DESIGN, exit statuses.
codes()
{
    cat <<'END'
PAM_OPEN_ERR 69 node
PAM_SYMBOL_ERR 69 node
PAM_SERVICE_ERR 71 node
PAM_SYSTEM_ERR 71 node
PAM_BUF_ERR 71 node
PAM_PERM_DENIED 77 user
PAM_AUTH_ERR 77 user
PAM_CRED_INSUFFICIENT 71 node
PAM_AUTHINFO_UNAVAIL 75 node
PAM_USER_UNKNOWN 77 user
PAM_MAXTRIES 77 user
PAM_NEW_AUTHTOK_REQD 77 user
PAM_ACCT_EXPIRED 77 user
PAM_SESSION_ERR 71 node
PAM_CRED_UNAVAIL 75 node
PAM_CRED_ERR 71 node
PAM_CONV_ERR 77 user
PAM_ABORT 71 node
PAM_MODULE_UNKNOWN 69 node
END
}

@test "each PAM code of authenticate has its exit status and class, and nothing runs" {
    local code expected class event count=0

    while read -r code expected class; do
        probe_reset
        probe_script <<<"authenticate return $code"
        job --json-status-fd 7 -u prt_alice -- echo done 7>"$TEST_DIR/events"
        assert_status "$expected"
        assert_not_run
        assert_eq "$(probe_order)" "authenticate cleanup"
        assert_eq "$(probe_field cleanup error_status)" "$code"
        assert_match "${stderr%%$'\n'*}" "^pamrun: authenticate for prt_alice .*$code"
        event=$(<"$TEST_DIR/events")
        assert_one_line "$event"
        assert_contains "$event" '"event":"failed"'
        assert_contains "$event" '"step":"authenticate"'
        assert_contains "$event" "\"code\":\"$code\""
        assert_contains "$event" "\"class\":\"$class\""
        assert_contains "$event" "\"exit-status\":$expected"
        count=$((count + 1))
    done < <(codes)
    [ "$count" -eq 19 ]
}

@test "no code but PAM_SUCCESS lets authenticate pass" {
    local code

    for code in PAM_IGNORE PAM_INCOMPLETE PAM_CONV_AGAIN PAM_TRY_AGAIN PAM_AUTHTOK_EXPIRED PAM_BAD_ITEM \
        PAM_CRED_EXPIRED PAM_AUTHTOK_ERR PAM_NO_MODULE_DATA PAM_AUTHTOK_LOCK_BUSY 32 99 -1; do
        probe_reset
        probe_script <<<"authenticate return $code"
        job -u prt_alice -- echo done
        assert_match "$status" '^(69|71|75|77)$'
        assert_not_run
        refute probe_called acct_mgmt
    done
}

@test "a refusal's message names step, account, profile and code in one line" {
    probe_script <<<'authenticate return PAM_AUTH_ERR'
    job -u prt_alice -- true
    assert_match "$stderr" '^pamrun: authenticate for prt_alice \(profile prt_job\): .* \(PAM_AUTH_ERR\)$'
    assert_one_line "$stderr"
}

@test "a refusal is not reported before the module's delay is over" {
    local start=${EPOCHREALTIME/[.,]/}

    probe_script <<'END'
authenticate fail-delay 2000000
authenticate return PAM_AUTH_ERR
END
    job -u prt_alice -- true
    assert_status 77
    (((${EPOCHREALTIME/[.,]/} - start) > 900000)) # libpam varies it by up to a half
}

# ---- another user ---------------------------------------------------------------------------------------------

@test "a module that changes the user in authenticate is refused, and nothing runs" {
    local action

    for action in "set-user prt_bob" "set-user root" "set-user PRT_ALICE" "set-user prt_alice2" unset-user; do
        probe_reset
        probe_script <<<"authenticate $action"
        job -u prt_alice -- id
        assert_status 77
        assert_not_run
        assert_eq "$(probe_order)" "authenticate cleanup"
        assert_contains "$stderr" "changed the user"
    done
}

@test "a module that sets the same user again is no harm" {
    probe_script <<<'authenticate set-user prt_alice'
    job -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}
