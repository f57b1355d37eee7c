# What pamrun exits with: the command's own status, 128 and a signal's number, or one of its own.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_status
}

run_status() # ARGUMENT...
{
    run_pamrun --profile prt_status "$@"
}

@test "the command's status is handed on, whatever it is" {
    local number

    for number in 0 1 2 64 71 75 77 125 126 127 128 129 255; do
        run_status -u prt_alice -- sh -c "exit $number"
        assert_status "$number"
        run_status prt_alice -c "exit $number"
        assert_status "$number"
        assert_eq "$stderr" ""
    done
}

@test "and so with --close-on-exit, --exec and -P" {
    local number option

    for option in --close-on-exit --exec -P; do
        for number in 0 1 64 77 255; do
            run_status $option -u prt_alice -- sh -c "exit $number"
            assert_status "$number"
        done
    done
}

@test "a command that a signal ended gives 128 and the signal's number; pamrun itself is not killed" {
    local name

    for name in HUP INT QUIT ILL ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM SYS RTMIN; do
        # python: a shell would make 128+n of the status itself
        run_program python3 -c '
import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' "$PAMRUN" --profile prt_status -u prt_alice -- \
            sh -c "kill -s $(kill -l "$name") \$\$"
        assert_eq "$stdout" $((128 + $(kill -l "$name"))) "$name"
    done
}

@test "126 for what is there and cannot be executed" {
    printf '\177ELF broken' >"$TEST_DIR/broken"
    install -m 0600 /bin/true "$TEST_DIR/forbidden"
    chmod 0755 "$TEST_DIR/broken"
    for file in /etc/passwd /etc "$TEST_DIR/forbidden"; do
        run_status -u prt_alice -- "$file"
        assert_status 126
        assert_one_line "$stderr"
        assert_contains "$stderr" "$file"
        run_status -s "$file" prt_alice
        assert_status 126
    done
    run_status -s "$TEST_DIR/broken" prt_alice
    assert_status 126
}

@test "127 for what is not there, by path or by name" {
    for file in /missing /missing/below prt-no-such-command; do
        run_status -u prt_alice -- "$file"
        assert_status 127
        assert_match "$stderr" $'^pamrun: [^\n]*\nhint: [^\n]*$'
        assert_contains "$stderr" "$file"
    done
    run_status -s /missing/shell prt_alice
    assert_status 127
}

@test "64 for a wrong command line, with one line that says what and one that says where to read" {
    local words

    for words in --bogus "--profile" "-u prt_alice" "-u prt_alice -c true" "--kill-after x -u prt_alice true" \
        "--close-on-exit=1 -u prt_alice true" "--clos -u prt_alice true" "--exec --close-on-exit -u prt_alice true"; do
        # shellcheck disable=SC2086 # words
        run_pamrun $words
        assert_status 64
        assert_eq "$(wc -l <<<"$stderr")" 2
        assert_match "$stderr" "^pamrun: .*"$'\n'".*(--help|man)"
    done
}

@test "67 for a user or group that nobody knows, 69 for a profile that is not there" {
    run_status -u prt_nobody_knows -- true
    assert_status 67
    run_status -g prt_nobody_knows -u prt_alice -- true
    assert_status 67
    run_status --account-uid 3999999999 -- true
    assert_status 67
    run_pamrun --profile prt_missing -u prt_alice -- true
    assert_status 69
    assert_contains "$stderr" /etc/pam.d
}

@test "77 for the user's fault, 69, 71 and 75 for the node's" {
    local row rows=("authenticate PAM_AUTH_ERR 77" "authenticate PAM_AUTHINFO_UNAVAIL 75" "acct_mgmt PAM_ACCT_EXPIRED 77"
        "acct_mgmt PAM_NEW_AUTHTOK_REQD 77" "acct_mgmt PAM_SYSTEM_ERR 71" "setcred-establish PAM_CRED_UNAVAIL 75"
        "open_session PAM_SESSION_ERR 71" "open_session PAM_MODULE_UNKNOWN 69")

    for row in "${rows[@]}"; do
        probe_script <<<"${row% * *} return $(cut -d ' ' -f 2 <<<"$row")"
        run_status -u prt_alice -- true
        assert_status "${row##* }"
        assert_contains "$stderr" "$(cut -d ' ' -f 2 <<<"$row")"
    done
}

@test "75 when a step's deadline has passed" {
    probe_script <<'END'
acct_mgmt hang-eintr
END
    run_status --deadline acct_mgmt=0.1 -u prt_alice -- true
    assert_status 75
    probe_called open_session 0
}

@test "128 and the signal when pamrun was told to stop before there was a command" {
    probe_script <<END
authenticate touch $TEST_DIR/entered
authenticate hang-eintr
END
    start_pamrun --profile prt_status -u prt_alice -- true
    assert wait_until 5 test -e "$TEST_DIR/entered"
    kill -INT "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 130
}

@test "a reader of the messages that has gone changes no status" {
    mkfifo "$TEST_DIR/broken"
    exec 9<>"$TEST_DIR/broken" 8>"$TEST_DIR/broken" 9>&-
    run_program sh -c 'exec "$@" 2>&8 8>&-' sh "$PAMRUN" --profile prt_status -u prt_nobody_knows -- true
    assert_status 67
    run_program sh -c 'exec "$@" 2>&8 8>&-' sh "$PAMRUN" --bogus
    assert_status 64
    run_program sh -c 'exec "$@" 2>&8 8>&-' sh "$PAMRUN" --profile prt_status --verbose -u prt_alice -- sh -c 'exit 5'
    exec 8>&-
    assert_status 5
}

@test "after --help and --version it is 0, and a failure when they cannot be written" {
    run_pamrun --help
    assert_status 0
    run_pamrun --version
    assert_status 0
    assert_match "$stdout" '^pamrun [0-9]+\.[0-9]+'
    run_program sh -c 'exec "$@" >/dev/full' sh "$PAMRUN" --help
    assert_status 71
}
