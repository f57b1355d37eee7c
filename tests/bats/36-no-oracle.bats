# Callers who are not root learn nothing that they did not bring along: not whether a name exists, not which password
# was nearly right, and no try goes uncounted or is faster than the others.
# With sanitizers only in full.

load lib/common

# libpam waits for the longest delay that a module asked for, give or take a half (libpam/pam_delay.c: the mean of three
# even random numbers), so that this is the shortest: 500 ms.
delay_us=1000000 shortest_ms=500

right=Right.pass.1
secret="prt secret"

setup_file()
{
    begin_file
    printf '#!/bin/sh\necho ran\n' >"$STATE_DIR/narrow"
    chmod 0755 "$STATE_DIR/narrow"
    make_user prt_alice
    make_user prt_bob
    make_user prt_locked
    make_user prt_bang
    make_user prt_star
    make_user prt_narrow --shell "$STATE_DIR/narrow"
    make_user prt_expired --expiredate 1970-01-02
    for name in alice locked narrow expired; do
        set_password "prt_$name" "$right"
    done
    usermod --lock prt_locked
    usermod --password '!' prt_bang
    usermod --password '*' prt_star
}

setup()
{
    begin_test
    dir=$TEST_DIR/faillock
    install -d -m 0755 "$dir"
    # stands in for pam_unix where that does not work
    script="authenticate@secret prompt-off Password: 
authenticate@secret require-token $right"
    probe_script <<<"$script"
}

# The module that asks for the password; a sanitizer's crypt(3) is no use to pam_unix.
password_line() # CONTROL
{
    if [ "${SANITIZED-}" = 1 ]; then
        probe_line auth "$1" secret
    else
        echo "auth $1 pam_unix.so nodelay"
    fi
}

other_lines()
{
    for type in account session; do echo "$type required pam_unix.so"; done
}

# Its code is what the run ends with; behind it a probe shows when libpam's delay begins.
plain_profile()
{
    profile su < <(
        echo "auth optional pam_faildelay.so delay=$delay_us"
        password_line required
        probe_line auth optional
        other_lines
    )
}

# As Debian has it, without pam_rootok.
debian_profile()
{
    profile su < <(
        echo "auth optional pam_faildelay.so delay=$delay_us"
        password_line '[success=2 default=ignore]'
        probe_line auth optional
        echo "auth requisite pam_deny.so"
        echo "auth required pam_permit.so"
        echo "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so"
        echo "account requisite pam_deny.so"
        echo "account required pam_permit.so"
        echo "session required pam_unix.so"
    )
}

# As pam_faillock(8) has it.  The lines of stdin come between the password and what counts it.
counting_profile() # [deny=N]
{
    local options="nodelay dir=$dir ${1-deny=1000}"

    profile su < <(
        echo "auth required pam_faillock.so preauth silent $options"
        password_line '[success=1 default=bad]'
        cat
        echo "auth [default=die] pam_faillock.so authfail $options"
        echo "auth required pam_faillock.so authsucc $options"
        other_lines
    )
}

# How often pam_faillock has counted prt_alice.
counted()
{
    faillock --dir "$dir" --user prt_alice | grep -c ' V$' || true
}

is_counted() # N
{
    [ "$(counted)" -eq "$1" ]
}

# prt_bob's run on a terminal of its own, started; sets pamrun_pid, ptyrun's.  The shell is there so that the end of the
# run is not that of the terminal.
start_try() # [ptyrun option...] -- [pamrun option...]
{
    local steps=()

    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    applicant_set prt_bob
    start_program "$TOOLS/ptyrun" --timeout 120 "${steps[@]}" -- sh -c '"$@"; echo "status $?"' sh \
        "${before[@]}" "${applicant[@]}" "$PAMRUN" "${@:2}"
}

typed() # ANSWER
{
    steps=(--expect "Password: " --await -ECHO --send "$1\\r")
}

# The end of that: sets said, without the prompt, and number, the status of the run.
end_try() # PID
{
    end_status "$1" 120
    stdout=${stdout//$'\r'/}
    said=$(sed '/^Password: *$/d; /^status [0-9]*$/d' <<<"$stdout")
    number=$(sed -n 's/^status //p' <<<"$stdout")
}

# The run below ptyrun, and its other process.
front_of() # PID
{
    pgrep -P "$(pgrep -P "$1")" -x pamrun
}

holder_of() # PID
{
    pgrep -P "$(front_of "$1")" -x pamrun
}

is_gone() # PID
{
    program_has_ended "$1"
}

nobody_is_left()
{
    assert_no_process_of prt_alice
    assert_no_process_of prt_bob
}

# ---- one answer to all ----------------------------------------------------------------------------------------

kinds=(prt_alice prt_nobody_knows prt_locked prt_bang prt_star prt_narrow prt_expired root)
message='pamrun: authenticate for NAME (profile su): Authentication failure (PAM_AUTH_ERR)'

# All of them at the same time; each waits for its own delay.  Words go before -u, or -u is not among them.
ask_for_all() # [pamrun option...] [-- command...]
{
    local name pids=() answer options=()

    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    rm -f "$PROBE_LOG_FILE".* "$TEST_DIR"/events.*
    log_start
    for name in "${kinds[@]}"; do
        answer=Wrong.pass.1
        [ "$name" != prt_locked ] || [ "${SANITIZED-}" = 1 ] || answer=$right # the probe knows of no lock
        typed "$answer"
        if [ $# -gt 0 ]; then
            start_try "${steps[@]}" -- --json-status-fd 7 "${options[@]}" -u "$name" "$@" 7>"$TEST_DIR/events.$name"
        else
            start_try "${steps[@]}" -- --json-status-fd 7 "${options[@]}" "$name" 7>"$TEST_DIR/events.$name"
        fi
        pids+=("$pamrun_pid")
    done
    for name in "${kinds[@]}"; do
        end_try "${pids[0]}"
        pids=("${pids[@]:1}")
        assert_eq "$number" 77 "$name"
        said_to+=("${said//"$name"/NAME}")
        assert_eq "$(sed "s/$name/NAME/g" "$TEST_DIR/events.$name")" '{"event":"failed","step":"authenticate",'\
'"code":"PAM_AUTH_ERR","class":"user","exit-status":77,'"\"message\":\"${message#pamrun: }\"}" "$name"
    done
}

# From the last module's end to the end of the handle: libpam's delay.
delay_of() # NAME
{
    awk -v name="$1" '
        $0 ~ " user=" name " " && / function=authenticate / && / name=probe / { match($0, /time_ms=[0-9]+/)
            start = substr($0, RSTART + 8, RLENGTH - 8) }
        $0 ~ " user=" name " " && / function=cleanup / { match($0, /time_ms=[0-9]+/)
            end = substr($0, RSTART + 8, RLENGTH - 8) }
        END { print end - start }' "$PROBE_LOG_FILE"
}

one_answer() # EXPECTED [pamrun option...] [-- command...]
{
    local name expected=$1 said_to=() at delay

    shift
    probe_reset
    probe_script <<<"$script"
    ask_for_all "$@"
    for at in "${!kinds[@]}"; do
        name=${kinds[at]}
        assert_eq "${said_to[at]}" "$expected" "$name"
        delay=$(delay_of "$name")
        # the clock of the log has whole milliseconds
        [ "$delay" -ge $((shortest_ms - 1)) ] || fail_because "$name: $delay ms"
    done
    nobody_is_left
}

@test "an unknown name, a wrong password, a locked account: one message, one event, one delay" {
    plain_profile
    one_answer "$message" -- echo done
}

@test "and so with the stack that Debian has, with --verbose, and for a shell" {
    debian_profile
    one_answer "pamrun: authenticate: PAM_AUTH_ERR (profile su, account NAME)"$'\n'"$message" --verbose
}

@test "and so in a login" {
    debian_profile
    [ ! -e /etc/pam.d/su-l ] || profile su-l </etc/pam.d/su
    message=${message/su/$(basename "$(ls -d /etc/pam.d/su-l 2>/dev/null || echo su)")}
    one_answer "$message" -l -s /bin/sh
}

@test "and so without a terminal, at once" {
    local name wanted=''

    profile su < <(password_line required; other_lines)
    for name in "${kinds[@]}"; do
        run_pamrun_as prt_bob --json-status-fd 7 -u "$name" -- echo done 7>"$TEST_DIR/events" <<<"$right"
        assert_status 77
        assert_eq "$stdout" ""
        assert_match "$stderr" '^pamrun: authenticate for .* \(PAM_[A-Z]+_ERR\)
hint: a module asked .Password: .: there is no terminal to ask on$'
        [ -n "$wanted" ] || wanted=${stderr//"$name"/NAME}$(sed "s/$name/NAME/g" "$TEST_DIR/events")
        assert_eq "${stderr//"$name"/NAME}$(sed "s/$name/NAME/g" "$TEST_DIR/events")" "$wanted" "$name"
    done
}

# The right password for the locked account, as above.
@test "and so with a password that is forwarded: no prompt, one message, one event, one delay" {
    local name option delay answer wanted

    plain_profile
    install -m 0600 /dev/null "$TEST_DIR/secret"
    for option in --forward-password-fd --forward-answers-fd; do
        for name in "${kinds[@]}"; do
            answer=Wrong.pass.1
            [ "$name" != prt_locked ] || [ "${SANITIZED-}" = 1 ] || answer=$right
            echo "$answer" >"$TEST_DIR/secret"
            rm -f "$PROBE_SCRIPT_FILE".once-*
            run_pamrun_as prt_bob --json-status-fd 7 $option 8 -u "$name" -- echo done \
                7>"$TEST_DIR/events" 8<"$TEST_DIR/secret"
            assert_status 77
            assert_eq "$stdout" ""
            assert_eq "${stderr//"$name"/NAME}" "$message" "$option $name"
            wanted='{"event":"failed","step":"authenticate","code":"PAM_AUTH_ERR","class":"user","exit-status":77,'
            assert_eq "$(sed "s/$name/NAME/g" "$TEST_DIR/events")" "$wanted\"message\":\"${message#pamrun: }\"}"
            delay=$(delay_of "$name")
            [ "$delay" -ge $((shortest_ms - 1)) ] || fail_because "$option $name: $delay ms"
        done
        probe_reset
        probe_script <<<"$script"
    done
}

@test "whatever code authentication ends with, unknown names and known ones are told the same" {
    local code name wanted

    probe_profile su
    for code in PAM_USER_UNKNOWN PAM_AUTH_ERR PAM_MAXTRIES PAM_PERM_DENIED PAM_ACCT_EXPIRED PAM_AUTHINFO_UNAVAIL \
        PAM_CRED_INSUFFICIENT PAM_NEW_AUTHTOK_REQD PAM_SYSTEM_ERR PAM_SERVICE_ERR PAM_TRY_AGAIN PAM_INCOMPLETE \
        PAM_AUTHTOK_LOCK_BUSY PAM_BAD_ITEM; do
        probe_script <<<"authenticate return $code"
        for name in prt_alice prt_nobody_knows; do
            run_pamrun_as prt_bob --json-status-fd 7 -u $name -- true 7>"$TEST_DIR/events"
            assert_status 77
            assert_eq "${stderr//$name/NAME}" "$message" "$code"
            wanted='{"event":"failed","step":"authenticate","code":"PAM_AUTH_ERR","class":"user","exit-status":77,'
            assert_eq "$(<"$TEST_DIR/events")" "$wanted\"message\":\"${stderr#pamrun: }\"}"
        done
    done
}

@test "who is let in by a profile that asks nothing does not become what nobody is" {
    profile su < <(for type in auth account session; do echo "$type required pam_permit.so"; done)
    run_pamrun_as prt_bob -u prt_nobody_knows -- id
    assert_status 67
    assert_eq "$stdout" ""
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_nobody_knows: does not exist"
    # not even when the name comes to be what stood in for it, meanwhile
    probe_profile su
    probe_script <<END
acct_mgmt touch $TEST_DIR/asked
acct_mgmt wait-file $TEST_DIR/made
END
    start_pamrun_as prt_bob -u prt_nobody_knows -- id
    wait_until 30 test -e "$TEST_DIR/asked"
    keep_file /etc/passwd
    echo 'prt_nobody_knows:x:65534:65534::/:/bin/sh' >>/etc/passwd
    touch "$TEST_DIR/made"
    end_status "$pamrun_pid"
    assert_status 77
    assert_eq "$stdout" ""
    assert_contains "$stderr" "pamrun: user prt_nobody_knows: changed while the PAM modules ran"
}

# ---- nothing ends the delay early but the run's end -----------------------------------------------------------

# Sends what does not stop a run to both processes, again and again, until they are gone.  Run by the caller.
write_pesterer()
{
    cat >"$TEST_DIR/pester.py" <<'END'
import os, signal, sys, time

front, holder = int(sys.argv[1]), int(sys.argv[2])
names = "USR1 ALRM WINCH CONT TSTP CONT IO TTIN CONT TTOU CONT USR2 PIPE CHLD URG VTALRM PROF PWR CONT".split()
sent = set()
while True:
    for name in names:
        for pid in (front, holder):
            try:
                os.kill(pid, getattr(signal, "SIG" + name))
                sent.add(pid)
            except ProcessLookupError:
                if pid == front:
                    print(len(sent))
                    sys.exit()
            except PermissionError:
                sent.add(pid) # once the verdict is there the holder is out of his reach
        time.sleep(0.002)
END
    chmod 0644 "$TEST_DIR/pester.py"
}

@test "signals that stop no run do not shorten the delay, whichever process they are sent to" {
    local delay pesterer

    write_pesterer
    probe_profile su
    probe_script <<END
authenticate fail-delay 3000000
authenticate touch $TEST_DIR/asked
authenticate return PAM_USER_UNKNOWN
END
    # a SIGCONT or a stop into the leak checker, at the end, hangs it
    [ "${SANITIZED-}" != 1 ] || before=(env "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0")
    start_try -- -u prt_nobody_knows -- echo done
    wait_until 30 test -e "$TEST_DIR/asked"
    setpriv --reuid "$(id -u prt_bob)" --regid "$(id -g prt_bob)" --init-groups \
        python3 "$TEST_DIR/pester.py" "$(front_of "$pamrun_pid")" "$(holder_of "$pamrun_pid")" \
        >"$TEST_DIR/pestered" 2>&1 3>&- 4>&- &
    pesterer=$!
    end_try "$pamrun_pid"
    wait "$pesterer"
    assert_eq "$(<"$TEST_DIR/pestered")" 2 # both were reached
    assert_eq "$number" 77
    assert_eq "$(grep -v '^\[' <<<"$said" || true)" "${message/NAME/prt_nobody_knows}"
    delay=$(delay_of prt_nobody_knows)
    [ "$delay" -ge 1499 ] || fail_because "$delay ms"
    nobody_is_left
}

# ---- every try is counted -------------------------------------------------------------------------------------

@test "a try that is stopped at the prompt, while a module works, or during the delay is counted" {
    local name stage tries=0 front holder

    for stage in prompt module delay; do
        for name in TERM INT KILL; do
            rm -f "$TEST_DIR/asked" "$TEST_DIR/go"
            case $stage in
                prompt) probe_script <<<"$script" ;;
                module) probe_script <<<"$script
authenticate@between touch $TEST_DIR/asked
authenticate@between wait-file $TEST_DIR/go" ;;
                delay) probe_script <<<"$script
authenticate@between fail-delay 4000000" ;;
            esac
            counting_profile < <(probe_line auth optional between)
            typed Wrong.pass.1
            [ $stage != prompt ] || steps=(--expect "Password: " --await -ECHO)
            start_try "${steps[@]}" -- --kill-after 0.001 -u prt_alice -- echo done
            case $stage in
                prompt) wait_until 30 grep -q Password: "$pamrun_stdout" ;;
                module) wait_until 30 test -e "$TEST_DIR/asked" ;;
                delay) wait_until 30 is_counted $((tries + 1)) ;;
            esac
            front=$(front_of "$pamrun_pid") holder=$(holder_of "$pamrun_pid")
            kill -s $name "$front"
            if [ $stage = module ]; then
                nap 0.3 # longer than --kill-after, which does not count here
                refute is_gone "$holder"
                touch "$TEST_DIR/go"
            fi
            end_try "$pamrun_pid"
            tries=$((tries + 1))
            wait_until 30 is_gone "$holder"
            refute_contains "$stdout" done
            # Once there is a verdict its delay passes: an early end would tell that it was no.
            if [ $stage = delay ] && [ $name != KILL ]; then
                assert_eq "$number" 77 "$stage, $name"
                assert_contains "$said" "Authentication failure (PAM_AUTH_ERR)"
            else
                assert_eq "$number" $((128 + $(kill -l $name))) "$stage, $name"
                [ $name = KILL ] || assert_contains "$said" \
                    "pamrun: authenticate for prt_alice (profile su): stopped by SIG$name"
            fi
            assert_eq "$(counted)" $tries "$stage, $name"
            assert_eq "$(session_members "$pamrun_pid")" ""
            nobody_is_left
        done
    done
}

@test "the front killed right after the answer, sooner or later: the try is counted" {
    local after tries=0 front holder

    for after in 0 0.001 0.003 0.01 0.02 0.05 0.1; do
        counting_profile </dev/null
        typed Wrong.pass.1
        # the echo of the new line shows that the answer is taken; before, the key is on its way
        start_try "${steps[@]}" -- -u prt_alice -- echo done
        wait_until 30 grep -q Password: "$pamrun_stdout"
        front=$(front_of "$pamrun_pid") || true
        holder=$(pgrep -P "${front:-1}" -x pamrun) || true
        [ "$after" = 0 ] || nap "$after"
        [ -z "$front" ] || kill -KILL "$front" 2>/dev/null || true # it may have ended by itself
        end_try "$pamrun_pid"
        [ -z "$holder" ] || wait_until 30 is_gone "$holder"
        tries=$((tries + 1))
        assert_match "$number" '^(137|77)$'
        assert_eq "$(counted)" $tries "after $after s"
        refute_contains "$stdout" done
        nobody_is_left
    done
}

@test "a front that is stopped or ignored, a closed terminal: the try is counted" {
    local front holder

    counting_profile < <(probe_line auth optional between)
    probe_script <<<"$script
authenticate@between touch $TEST_DIR/asked
authenticate@between wait-file $TEST_DIR/go"
    typed Wrong.pass.1
    start_try "${steps[@]}" -- -u prt_alice -- echo done
    wait_until 30 test -e "$TEST_DIR/asked"
    front=$(front_of "$pamrun_pid")
    kill -STOP "$front"
    touch "$TEST_DIR/go"
    assert wait_until 30 is_counted 1
    kill -CONT "$front"
    end_try "$pamrun_pid"
    assert_eq "$number" 77
    rm -f "$TEST_DIR/asked" "$TEST_DIR/go"
    start_try "${steps[@]}" -- -u prt_alice -- echo done
    wait_until 30 test -e "$TEST_DIR/asked"
    holder=$(holder_of "$pamrun_pid")
    kill -KILL "$pamrun_pid" # ptyrun, and with it the terminal
    touch "$TEST_DIR/go"
    assert wait_until 30 is_counted 2
    assert wait_until 30 is_gone "$holder"
    nobody_is_left
}

@test "resource limits that the caller lowered do not keep a try from being counted" {
    local limit tries=0 may_raise='' limits=(--fsize=0: --nproc=2:2 --cpu=1: --data=4194304: --stack=262144: --nofile=8:
        --sigpending=0: --core=0:0 --as=33554432: --fsize=0:0 --cpu=1:1 --data=4194304:4194304 --nofile=8:8
        --sigpending=0:0 --as=33554432:33554432)

    # the sanitizer needs more of most of them before main is there
    [ "${SANITIZED-}" != 1 ] || limits=(--fsize=0: --nproc=2:2 --sigpending=0: --fsize=0:0)
    # the right to it, CAP_SYS_RESOURCE, is missing in some containers
    ! prlimit --fsize=0:0 prlimit --fsize=1:1 true 2>/dev/null || may_raise=1
    counting_profile </dev/null
    typed Wrong.pass.1
    for limit in "${limits[@]}"; do
        before=(prlimit "$limit")
        # the leak checker starts a process
        [ "${SANITIZED-}" != 1 ] || before=(env "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0" prlimit "$limit")
        start_try "${steps[@]}" -- -u prt_alice -- echo done
        end_try "$pamrun_pid"
        if [ -z "$may_raise" ] && [[ $limit != *: ]] && [ "$number" != 77 ]; then
            # refused before anything was asked, by the kernel or the loader even
            assert_match "$number" '^(71|12[67])$'
            refute_contains "$stdout" Password
            [ "$number" != 71 ] || assert_match "$said" \
                '^pamrun: resource limits: RLIMIT_[A-Z]+ is lower than PAM modules need, and cannot be raised$'
        else
            assert_eq "$number" 77 "$limit"
            assert_eq "$said" "${message/NAME/prt_alice}" "$limit"
            tries=$((tries + 1))
        fi
        assert_eq "$(counted)" $tries "$limit"
    done
}

# pam_faillock makes its files 0660 and counts on the group to be root's.
@test "the caller may not write or lock the file in which his tries are counted" {
    local file=$dir/prt_alice

    counting_profile </dev/null
    typed Wrong.pass.1
    start_try "${steps[@]}" -- -u prt_alice -- echo done
    end_try "$pamrun_pid"
    assert_eq "$(counted)" 1
    assert_eq "$(stat -c %G "$file")" root
    chmod 0755 "$TEST_DIR"
    run_program_as prt_bob truncate -s 0 "$file"
    assert_status 1
    run_program_as prt_bob flock -n "$file" true
    [ "$status" -ne 0 ] || fail_because "prt_bob can hold it locked"
    assert_eq "$(counted)" 1
}

@test "behind the limit of tries the right password is refused with the same words, until it is reset" {
    local pid pids=()

    counting_profile deny=3 </dev/null
    typed Wrong.pass.1
    for _ in 1 2 3; do
        start_try "${steps[@]}" -- -u prt_alice -- echo done
        pids+=("$pamrun_pid")
    done
    for pid in "${pids[@]}"; do
        end_try "$pid"
        assert_eq "$number $said" "77 ${message/NAME/prt_alice}"
    done
    assert_eq "$(counted)" 3
    typed "$right"
    start_try "${steps[@]}" -- -u prt_alice -- echo done
    end_try "$pamrun_pid"
    assert_eq "$number $said" "77 ${message/NAME/prt_alice}"
    faillock --dir "$dir" --user prt_alice --reset
    start_try "${steps[@]}" -- -u prt_alice -- echo done
    end_try "$pamrun_pid"
    assert_eq "$number $said" "0 done"
    assert_eq "$(counted)" 0
}

# ---- the log --------------------------------------------------------------------------------------------------

our_lines()
{
    log_lines '^<[0-9]+>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} pamrun\[[0-9]+\]: (allowed|refused|failed)'
}

@test "each refusal is one line of ours in the log, with the code that the caller does not get" {
    local name real wanted

    probe_profile su
    for name in prt_alice prt_nobody_knows; do
        for real in PAM_USER_UNKNOWN PAM_MAXTRIES PAM_AUTHINFO_UNAVAIL PAM_SYSTEM_ERR PAM_AUTH_ERR; do
            probe_script <<<"authenticate return $real"
            log_start
            run_pamrun_as prt_bob -u $name -- echo done
            wanted=": refused: applicant=\"prt_bob\" uid=$(id -u prt_bob) loginuid=[-0-9]+ account=\"$name\" "
            wanted+="profile=\"su\" tty=- step=authenticate code=$real status=77 "
            wanted+='reason="authenticate for '$name' \(profile su\): Authentication failure \(PAM_AUTH_ERR\)" '
            wanted+='command="echo done"$'
            assert_eq "$(our_lines | wc -l)" 1
            assert_match "$(our_lines)" "^<85>.*$wanted"
        done
    done
}

@test "the log names the terminal, and the code that pam_unix ended with" {
    local real=PAM_USER_UNKNOWN

    [ "${SANITIZED-}" != 1 ] || return 0 # no pam_unix there
    profile su < <(password_line required; other_lines)
    typed Wrong.pass.1
    log_start
    start_try "${steps[@]}" -- -u prt_nobody_knows -- echo done
    end_try "$pamrun_pid"
    assert_eq "$(our_lines | wc -l)" 1
    assert_match "$(our_lines)" "account=\"prt_nobody_knows\" profile=\"su\" tty=\"?/dev/pts/[0-9]+\"? \
step=authenticate code=$real status=77 "
}

@test "a name of control characters, quotes and new lines makes no second line and no other field" {
    local name lines_said forged=$'x\n<86>Jan  1 00:00:00 pamrun[1]: allowed: applicant="evil"'

    probe_profile su
    probe_script <<<"authenticate return PAM_USER_UNKNOWN"
    for name in "$forged" $'prt_x\033[2J' $'a\rb' $'a\tb' $'prt\302\233x' 'x" code=PAM_SUCCESS account="root' \
        'x\' 'x\" status=0 y="' '%s%n%5000d' "prt_'; echo" $'prt_\377\376' "$(printf 'n%.0s' {1..250})"; do
        log_start
        run_pamrun_as prt_bob -u "$name" -- echo done
        assert_match "$status" '^(77|64)$'
        assert_eq "$stdout" ""
        lines_said=$(our_lines)
        assert_one_line "$lines_said"
        assert_eq "$(log_lines . | grep -vc ' pam_probe' || true)" 1
        refute_contains "$lines_said" $'\\x' # logcatch writes control characters so
        # quotes in a value stand behind a backslash: what is left without the values cannot be forged
        assert_match "$(sed -E 's/"([^"\\]|\\.)*"/Q/g' <<<"$lines_said")" ': (refused|failed): applicant=Q '\
"uid=$(id -u prt_bob) "'loginuid=[-0-9]+ account=Q profile=Q? ?(profile=)?.*tty=- step=(authenticate|identity) '\
'code=(PAM_USER_UNKNOWN|-) status=(77|64) reason=Q command=Q( Q)*$'
        assert_eq "$(grep -c '^pamrun: ' <<<"$stderr")" 1
        refute_contains "$stderr" $'\033'
        refute_contains "$stderr" $'\302\233'
    done
}

# ---- btmp -----------------------------------------------------------------------------------------------------

# One line a record: type pid line id user host address; struct utmp of glibc, of the same size everywhere on Debian
# but on architectures that have no 32-bit past.
btmp_records()
{
    python3 - /var/log/btmp <<'END'
import struct, sys, time

layout = struct.Struct("=hxxi32s4s32s256shhiii16s20x")
data = open(sys.argv[1], "rb").read()
assert len(data) % layout.size == 0, len(data)
for record in layout.iter_unpack(data):
    kind, pid, line, name, user, host, _, _, _, seconds, _, address = record
    assert abs(time.time() - seconds) < 600, seconds
    text = [part.rstrip(b"\0").decode("ascii", "backslashreplace") for part in (line, name, user, host)]
    print(kind, pid, *("(%s)" % part for part in text), address.hex().strip("0"))
END
}

btmp_empty()
{
    keep_file /var/log/btmp
    rm -rf /var/log/btmp
    install -m 0660 /dev/null /var/log/btmp
}

@test "btmp: one record a refused try, with the account, the terminal and the process" {
    local tty

    btmp_empty
    probe_profile su
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    applicant_set prt_bob
    run_ptyrun -- sh -c 'tty; exec "$@"' sh "${applicant[@]}" "$PAMRUN" -u prt_alice -- echo done
    assert_status 77
    tty=$(tr -d '\r' <<<"${lines[0]#/dev/}")
    assert_eq "$(btmp_records)" "6 $(probe_field authenticate pid) ($tty) (${tty:(-3)}) (prt_alice) () "
    # without a terminal, and for the account step
    probe_reset
    probe_script <<<"acct_mgmt return PAM_ACCT_EXPIRED"
    run_pamrun_as prt_bob prt_alice -c id
    assert_status 77
    assert_eq "$(btmp_records | tail -n +2)" "6 $(probe_field authenticate pid) () () (prt_alice) () "
}

@test "btmp: a name that nobody has is not written down, it may be a password" {
    local name

    btmp_empty
    probe_profile su
    probe_script <<<"authenticate return PAM_USER_UNKNOWN"
    for name in prt_nobody_knows "$secret" 'x" y="' $'prt_\377\376' "$(printf 'n%.0s' {1..250})"; do
        run_pamrun_as prt_bob -u "$name" -- echo done
        assert_status 77
    done
    assert_eq "$(btmp_records | wc -l)" 5
    assert_eq "$(btmp_records | sed -E 's/^6 [0-9]+ //' | sort -u)" "() () ((unknown)) () "
    refute grep -aq secret /var/log/btmp
}

@test "btmp: nothing is written for a success, for what is refused before PAM, or for root" {
    btmp_empty
    probe_profile su
    run_pamrun_as prt_bob -u prt_alice -- true
    assert_status 0
    run_pamrun_as prt_bob --exec -u prt_alice -- true
    assert_status 77
    run_pamrun_as prt_bob --profile prt_missing -u prt_alice -- true
    assert_status 77
    run_pamrun_as prt_bob -u prt_narrow -- true
    assert_status 77
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    run_pamrun --profile su -u prt_alice -- true
    assert_status 77
    probe_script <<<"open_session return PAM_PERM_DENIED"
    run_pamrun_as prt_bob -u prt_alice -- true
    [ "$status" -ne 0 ]
    assert_eq "$(stat -c %s /var/log/btmp)" 0
}

@test "btmp: the record is there for a caller who may write no file, and is added to what is there" {
    btmp_empty
    probe_profile su
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    head -c 384 /dev/zero >/var/log/btmp
    applicant_set prt_bob
    run_ptyrun -- prlimit --fsize=0: "${applicant[@]}" "$PAMRUN" -u prt_alice -- true
    assert_status 77
    assert_eq "$(stat -c %s /var/log/btmp)" 768
    assert_eq "$(head -c 384 /var/log/btmp | tr -d '\0')" ""
    assert_contains "$(tail -c 384 /var/log/btmp | tr '\0' ' ')" prt_alice
}

@test "btmp: none is made, no link is followed, and nothing else is written to or waited for" {
    local kind size

    btmp_empty
    probe_profile su
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    : >"$TEST_DIR/target"
    for kind in absent link dangling fifo read-fifo folder device; do
        rm -rf /var/log/btmp
        case $kind in
            link) ln -s "$TEST_DIR/target" /var/log/btmp ;;
            dangling) ln -s "$TEST_DIR/missing" /var/log/btmp ;;
            fifo | read-fifo) mkfifo /var/log/btmp ;;
            folder) mkdir /var/log/btmp ;;
            device) ln /dev/full /var/log/btmp 2>/dev/null || mknod /var/log/btmp c 1 7 ;;
        esac
        if [ $kind = read-fifo ]; then
            exec 8<>/var/log/btmp
        fi
        RUN_TIMEOUT=30 run_pamrun_as prt_bob -u prt_alice -- true 8>&-
        assert_status 77
        assert_eq "$stderr" "${message/NAME/prt_alice}" $kind
        if [ $kind = read-fifo ]; then
            refute read -rt 0 -u 8
            exec 8>&-
        fi
    done
    rm -rf /var/log/btmp
    run_pamrun_as prt_bob -u prt_alice -- true
    assert_status 77
    refute test -e /var/log/btmp
    refute test -e "$TEST_DIR/missing"
    assert_eq "$(stat -c %s "$TEST_DIR/target")" 0
}
