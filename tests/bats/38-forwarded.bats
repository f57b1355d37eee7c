# A password, or answers, that the caller hands over on a descriptor: from where, what, to which prompt, and where its
# bytes are not found afterwards.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    make_user prt_carol
    write_give
    write_scan
}

setup()
{
    begin_test
    probe_profile su # the only one that prt_bob may use
    secret=$(</proc/sys/kernel/random/uuid)Zz9x # 40 bytes that are nowhere else
    secret_file=$TEST_DIR/secret
    install -m 0600 /dev/null "$secret_file"
    printf '%s\n' "$secret" >"$secret_file"
}

callers=(root prt_bob)

# ---- descriptors of all kinds ---------------------------------------------------------------------------------

# give.py KIND FD FILE UID COMMAND...: run COMMAND with a descriptor FD of that kind, from which FILE's bytes come.
write_give()
{
    cat >"$STATE_DIR/give.py" <<'END'
import os, select, socket, sys

kind, number, name, uid = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with open(name, "rb") as file:
    content = file.read()


def pipe():
    ends = os.pipe()
    os.write(ends[1], content)
    return ends[0]


def pair(type):
    ends = socket.socketpair(socket.AF_UNIX, type)
    ends[1].send(content)
    return ends[0].detach()


def dgram():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ends[1].send(content)
    ends[1].send(b"")
    return ends[0].detach()


def memfd(owner=None):
    if owner is not None:
        os.seteuid(owner)
    fd = os.memfd_create("secret")
    os.seteuid(0)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def network(family):
    listener, client = socket.socket(family), socket.socket(family)
    listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    listener.listen()
    client.connect(listener.getsockname())
    listener.accept()[0].send(content)
    return client.detach()


def fifo(flags):
    path = os.path.join(os.path.dirname(name), "fifo")
    os.mkfifo(path, 0o600)
    return os.open(path, flags)


def epoll():
    global poll # or it would be closed
    poll = select.epoll()
    return poll.fileno()


fd = {
    "pipe": pipe,
    "stream": lambda: pair(socket.SOCK_STREAM),
    "seqpacket": lambda: pair(socket.SOCK_SEQPACKET),
    "dgram": dgram,
    "memfd": memfd,
    "own memfd": lambda: memfd(uid),
    "foreign memfd": lambda: memfd(uid + 1),
    "file": lambda: os.open(name, os.O_RDONLY),
    "file for both": lambda: os.open(name, os.O_RDWR),
    "directory": lambda: os.open("/", os.O_RDONLY),
    "null": lambda: os.open("/dev/null", os.O_RDONLY),
    "zero": lambda: os.open("/dev/zero", os.O_RDWR),
    "tty": lambda: os.openpty()[1],
    "ptmx": lambda: os.openpty()[0],
    "eventfd": lambda: os.eventfd(1),
    "epoll": epoll,
    "pidfd": lambda: os.pidfd_open(os.getpid()),
    "inet": lambda: network(socket.AF_INET),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).detach(),
    "O_PATH": lambda: os.open(name, os.O_PATH),
    "O_PATH of a fifo": lambda: fifo(os.O_PATH),
    "write-only": lambda: os.open(name, os.O_WRONLY),
    "write end": lambda: os.pipe()[1],
}[kind]()
os.dup2(fd, number, inheritable=True)
os.execvp(sys.argv[5], sys.argv[5:])
END
}

# pamrun of CALLER's with a descriptor 7 of KIND.
give() # KIND CALLER ARGUMENT...
{
    applicant_set "$2"
    rm -f "$TEST_DIR/fifo"
    run_program python3 "$STATE_DIR/give.py" "$1" 7 "$secret_file" "$(id -u "$2")" "${applicant[@]}" \
        "$PAMRUN" "${@:3}"
}

# The probe lets in who has the secret, all of it.
password_is_wanted()
{
    probe_reset
    probe_script <<END
authenticate prompt-off Password: 
authenticate require-token $secret
END
}

assert_taken() # [LENGTH]
{
    assert_status 0
    assert_eq "$output" ran
    assert_eq "$(probe_field authenticate conv)" "prompt-off:PAM_SUCCESS:answered:${1-40}"
}

hint='hint: from a program that has it on standard input: pamrun'

# Before anything was asked or run.
assert_refused() # REASON [OPTION]
{
    local option=${2---forward-password-fd}

    assert_status 64
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: $option 7: $1
$hint $option 3 ... 3<&0 0</dev/null"
    assert_eq "$(probe_log)" ""
}

@test "a pipe, pairs of sockets, memfds and files are read, for root and for others" {
    local caller kind

    for caller in "${callers[@]}"; do
        for kind in pipe stream seqpacket dgram memfd "own memfd" file "file for both"; do
            password_is_wanted
            give "$kind" "$caller" --forward-password-fd 7 -u prt_alice -- echo ran
            assert_taken
        done
        password_is_wanted
        give pipe "$caller" --forward-answers-fd 7 -u prt_alice -- echo ran
        assert_taken
    done
}

@test "directories, devices, terminals, network sockets and all else are refused" {
    local caller kind

    for caller in "${callers[@]}"; do
        for kind in directory null zero tty ptmx eventfd epoll pidfd inet udp netlink; do
            give "$kind" "$caller" --forward-password-fd 7 -u prt_alice -- echo ran
            assert_refused "must be a pipe, a pair of sockets, a memfd or a file"
        done
        for kind in O_PATH "O_PATH of a fifo" write-only "write end"; do
            give "$kind" "$caller" --forward-password-fd 7 -u prt_alice -- echo ran
            assert_refused "is not open for reading"
        done
        give "foreign memfd" "$caller" --forward-password-fd 7 -u prt_alice -- echo ran
        assert_refused "the file is somebody else's"
        give directory "$caller" --forward-answers-fd 7 -u prt_alice -- echo ran
        assert_refused "must be a pipe, a pair of sockets, a memfd or a file" --forward-answers-fd
    done
}

@test "a descriptor that is closed is refused, also when its number will be one of pamrun's own" {
    local caller number

    for caller in "${callers[@]}"; do
        for number in {3..20} 1023 2147483647; do
            run_pamrun_as "$caller" --forward-password-fd "$number" -u prt_alice -- echo ran
            assert_status 64
            assert_eq "${output%%$'\n'*}" "pamrun: --forward-password-fd $number: is not open"
        done
        # events get no descriptor of their own that could be taken for it
        run_pamrun_as "$caller" --json-status-fd 9 --forward-answers-fd 3 -u prt_alice -- echo ran 9>"$TEST_DIR/events"
        assert_status 64
        assert_eq "${output%%$'\n'*}" "pamrun: --forward-answers-fd 3: is not open"
        assert_match "$(<"$TEST_DIR/events")" '"exit-status":64,"message":"--forward-answers-fd 3: is not open"'
        run_pamrun_as "$caller" --forward-password-fd 3 -u prt_alice -- echo ran <&-
        assert_status 64
        assert_eq "${output%%$'\n'*}" "pamrun: --forward-password-fd 3: is not open"
    done
    assert_eq "$(probe_log)" ""
}

# A file as it is opened by root, before the caller is the caller.
file_is() # CALLER TAKEN_OR_REASON
{
    password_is_wanted
    run_pamrun_as "$1" --forward-password-fd 7 -u prt_alice -- echo ran 7<"$secret_file"
    if [ "$2" = taken ]; then assert_taken; else assert_refused "$2"; fi
}

@test "a file is the caller's or root's, open to nobody else, and has one name" {
    local caller mode

    for caller in "${callers[@]}"; do
        for mode in 0600 0400; do
            chmod "$mode" "$secret_file"
            chown root: "$secret_file"
            file_is "$caller" taken
            chown "$caller:" "$secret_file"
            file_is "$caller" taken
            chown prt_carol: "$secret_file"
            file_is "$caller" "the file is somebody else's"
        done
        chown "$caller:" "$secret_file"
        for mode in 0640 0620 0610 0604 0602 0601 0644; do
            chmod "$mode" "$secret_file"
            file_is "$caller" "the file is open to others: chmod 600 it"
        done
        chmod 0600 "$secret_file"
        ln "$secret_file" "$TEST_DIR/second"
        file_is "$caller" "the file has a second name (hard link)"
        rm "$TEST_DIR/second"
        file_is "$caller" taken
    done
    chown prt_bob: "$secret_file"
    file_is root "the file is somebody else's"
    chmod 0644 "$secret_file"
    file_is root "the file is somebody else's"
}

@test "a symbolic link that the caller opens is the file; an unlinked file is read" {
    local caller

    for caller in "${callers[@]}"; do
        chown "$caller:" "$secret_file"
        ln -sf "$secret_file" "$TEST_DIR/link"
        password_is_wanted
        run_pamrun_as "$caller" --forward-password-fd 7 -u prt_alice -- echo ran 7<"$TEST_DIR/link"
        assert_taken
        cp -p "$secret_file" "$TEST_DIR/unlinked"
        exec 7<"$TEST_DIR/unlinked"
        rm "$TEST_DIR/unlinked"
        password_is_wanted
        run_pamrun_as "$caller" --forward-password-fd 7 -u prt_alice -- echo ran
        exec 7<&-
        assert_taken
    done
    cp -p "$secret_file" "$TEST_DIR/unlinked"
    chown prt_carol: "$TEST_DIR/unlinked"
    exec 7<"$TEST_DIR/unlinked"
    rm "$TEST_DIR/unlinked"
    probe_reset
    run_pamrun_as prt_bob --forward-password-fd 7 -u prt_alice -- echo ran
    exec 7<&-
    assert_refused "the file is somebody else's"
}

@test "the command gets neither the descriptor nor another number for it, and other descriptors as before" {
    local caller

    exec 8</etc/passwd
    for caller in "${callers[@]}"; do
        password_is_wanted
        run_pamrun_as "$caller" --forward-password-fd 7 -u prt_alice -- \
            sh -c 'for fd in /proc/self/fd/*; do readlink "$fd"; done; echo "$# $0 $*"; env; cat' 7<"$secret_file"
        assert_status 0
        refute_contains "$output" "$secret"
        refute_contains "$output" "$secret_file"
        assert_contains "$output" /etc/passwd
        # nor do the modules
        assert_eq "$(probe_field authenticate conv)" "prompt-off:PAM_SUCCESS:answered:40"
        assert_contains "$(probe_log)" :/etc/passwd
        refute_contains "$(probe_log)" "$secret_file"
        refute_contains "$(probe_log)" "$secret"
    done
    exec 8<&-
}

@test "from a program that has it on standard input, as in the manual" {
    local caller

    for caller in "${callers[@]}"; do
        password_is_wanted
        applicant_set "$caller"
        # shellcheck disable=SC2016
        run_program sh -c 'cat "$0" | "$@" 3<&0 0</dev/null' "$secret_file" "${applicant[@]}" \
            "$PAMRUN" --forward-password-fd 3 -u prt_alice -- sh -c 'cat; echo ran'
        assert_taken
    done
}

@test "--exec and --pty go with it" {
    password_is_wanted
    run_pamrun --exec --forward-password-fd 7 -u prt_alice -- sh -c '[ ! -e /proc/self/fd/7 ] && echo ran' 7<"$secret_file"
    assert_taken
    password_is_wanted
    run_pamrun_as prt_bob -P --forward-password-fd 7 -u prt_alice -- echo ran 7<"$secret_file"
    assert_taken
}

# ---- contents -------------------------------------------------------------------------------------------------

as_many() # N
{
    head -c "$1" /dev/zero | tr '\0' "${2-a}"
}

# What the descriptor holds, from stdin, by way of a file or a pipe; what is said of it.
content() # OPTION TAKEN_LENGTH|REASON
{
    local way

    cat >"$secret_file"
    for way in file pipe; do
        probe_reset
        probe_script <<<"authenticate prompt-off Password: "
        if [ $way = file ]; then
            run_pamrun_as prt_bob "$1" 7 -u prt_alice -- echo ran 7<"$secret_file"
        else
            run_pamrun --json-status-fd 8 "$1" 7 -u prt_alice -- echo ran 7< <(cat "$secret_file" 2>/dev/null) \
                8>"$TEST_DIR/events"
        fi
        if [[ $2 =~ ^[0-9]+$ ]]; then
            assert_taken "$2"
        else
            assert_status 64
            assert_eq "$output" "pamrun: $1 7: $2"
            assert_eq "$(probe_log)" ""
        fi
        refute_contains "$(<"$TEST_DIR/events")" SECRET
    done
}

too_long="too long: an answer has at most 511 bytes"
empty_file="empty: its writer has closed it, or was never there"
empty="empty: no password is no password"
cr_lf="ends in a carriage return (CR LF): write it without, as printf '%s' does"

@test "a password of 1 to 511 bytes is taken whole, with a new line behind it or without" {
    : >"$TEST_DIR/events"
    content --forward-password-fd 1 < <(printf x)
    content --forward-password-fd 6 < <(printf 'SECRET\n')
    content --forward-password-fd 511 < <(as_many 511)
    content --forward-password-fd 511 < <(as_many 511; echo)
    secret=' two  blanks, a '$'\t''tab, \n, %s, "quotes" and ä '
    printf '%s\n' "$secret" >"$secret_file"
    probe_reset
    probe_script <<'END'
authenticate prompt-off Password: 
authenticate require-token \x20two  blanks, a \ttab, \\n, %s, "quotes" and ä 
END
    run_pamrun --forward-password-fd 7 -u prt_alice -- echo ran 7<"$secret_file"
    assert_taken "$(printf %s "$secret" | wc -c)"
}

what_is_no_password()
{
    : >"$TEST_DIR/events"
    log_start
    content --forward-password-fd "$empty_file" </dev/null
    content --forward-password-fd "$empty" < <(echo)
    content --forward-password-fd "holds a NUL byte" < <(printf 'SECRET\0')
    content --forward-password-fd "holds a NUL byte" < <(printf 'SECRET\0SECRET\n')
    content --forward-password-fd "$cr_lf" < <(printf 'SECRET\r\n')
    content --forward-password-fd "$cr_lf" < <(printf 'SECRET\r')
    content --forward-password-fd "holds more than one line" < <(printf 'SECRET\nSECRET')
    content --forward-password-fd "holds more than one line" < <(printf 'SECRET\n\n')
    content --forward-password-fd "$too_long" < <(as_many 512)
    content --forward-password-fd "$too_long" < <(as_many 512; echo)
    content --forward-password-fd "$too_long" < <(as_many 513)
    content --forward-password-fd "$too_long" < <(as_many 60000)
    content --forward-password-fd "$too_long" < <(as_many 60000; echo)
    refute_contains "$(log_lines)" SECRET
    assert_contains "$(log_lines)" "holds a NUL byte"
}

@test "what are no answers is refused" {
    : >"$TEST_DIR/events"
    content --forward-answers-fd "$empty_file" </dev/null
    content --forward-answers-fd "$empty" < <(printf 'SECRET\n\n')
    content --forward-answers-fd "$cr_lf" < <(printf 'SECRET\r\nSECRET\r\n')
    content --forward-answers-fd "holds a NUL byte" < <(printf 'SECRET\nSEC\0RET\n')
    content --forward-answers-fd "holds too many lines" < <(yes SECRET | head -n 33)
    content --forward-answers-fd 6 < <(yes SECRET | head -n 32)
    content --forward-answers-fd 511 < <(for _ in {1..32}; do as_many 511; echo; done)
    content --forward-answers-fd "$too_long" < <(echo SECRET; as_many 512)
    content --forward-answers-fd "$too_long" < <(as_many 60000)
}

@test "what never ends is refused at once" {
    local caller option

    for caller in "${callers[@]}"; do
        for option in --forward-password-fd --forward-answers-fd; do
            run_pamrun_as "$caller" $option 7 -u prt_alice -- echo ran 7< <(exec yes 2>/dev/null)
            assert_status 64
            assert_eq "$output" "pamrun: $option 7: $too_long"
            run_pamrun_as "$caller" $option 7 -u prt_alice -- echo ran 7< <(exec cat /dev/zero 2>/dev/null)
            assert_status 64
            assert_eq "$output" "pamrun: $option 7: $too_long"
        done
    done
    assert_eq "$(probe_log)" ""
}

what_comes_byte_by_byte()
{
    local caller at

    for caller in "${callers[@]}"; do
        printf '%s\n' "$secret" >"$secret_file"
        password_is_wanted
        run_pamrun_as "$caller" --forward-password-fd 7 -u prt_alice -- echo ran \
            7< <(for ((at = 0; at < ${#secret}; at++)); do printf %s "${secret:at:1}"; nap 0.02; done)
        assert_taken
    done
}

# The ten seconds are those of the other tests of contents.
@test "what is no password is refused and never shown, slow ones are taken, and who does not end is given up after 10 s" {
    local caller option what pids=() pid start=${EPOCHREALTIME/[.,]/}

    # open for both: it never ends
    mkfifo "$TEST_DIR/silent" "$TEST_DIR/open"
    exec 9<>"$TEST_DIR/open"
    echo "$secret" >&9
    for caller in "${callers[@]}"; do
        for what in silent open; do
            option=--forward-password-fd
            [ $what = silent ] || option=--forward-answers-fd
            start_pamrun_as "$caller" $option 7 -u prt_alice -- echo ran 7<>"$TEST_DIR/$what" 9<&-
            pids+=("$pamrun_pid $option")
        done
    done
    what_comes_byte_by_byte
    what_is_no_password
    probe_reset
    for pid in "${pids[@]}"; do
        end_status "${pid% *}" 60
        assert_status 75
        assert_eq "$output" "pamrun: ${pid#* } 7: its end did not come within 10 s"
        ((${EPOCHREALTIME/[.,]/} - start >= 10000000)) || fail_because "too early"
    done
    exec 9<&-
    assert_eq "$(probe_log)" ""
}

# Handlers are there, so that a signal is ours and does not simply end the process.
catches() # PID SIGNAL
{
    signal_in "$(sed -n 's/^SigCgt:\t//p' "/proc/$1/status")" "$2"
}

@test "a signal ends the wait, sent to either process" {
    local case caller name whom holder start

    mkfifo "$TEST_DIR/silent"
    for case in root:TERM:self root:INT:self root:HUP:self prt_bob:TERM:front prt_bob:INT:front prt_bob:QUIT:front \
        prt_bob:TERM:holder prt_bob:INT:holder; do
        IFS=: read -r caller name whom <<<"$case"
        start_pamrun_as "$caller" --forward-password-fd 7 -u prt_alice -- echo ran 7<>"$TEST_DIR/silent"
        holder=$pamrun_pid
        if [ "$caller" != root ]; then
            wait_until 30 pgrep -P "$pamrun_pid" -x pamrun
            holder=$(pgrep -P "$pamrun_pid" -x pamrun)
        fi
        wait_until 30 catches "$holder" "$name"
        start=${EPOCHREALTIME/[.,]/}
        if [ $whom = front ]; then kill -s "$name" "$pamrun_pid"; else kill -s "$name" "$holder"; fi
        end_status "$pamrun_pid"
        ((${EPOCHREALTIME/[.,]/} - start < 8000000)) || fail_because "$case: not before the deadline"
        assert_status $((128 + $(kill -l "$name")))
        assert_eq "$output" "pamrun: options for prt_alice (profile su): stopped by SIG$name"
        assert_eq "$(session_members "$pamrun_pid")" ""
    done
    # the front's death is a hang-up
    start_pamrun_as prt_bob --forward-password-fd 7 -u prt_alice -- echo ran 7<>"$TEST_DIR/silent"
    wait_until 30 pgrep -P "$pamrun_pid" -x pamrun
    holder=$(pgrep -P "$pamrun_pid" -x pamrun)
    wait_until 30 catches "$holder" HUP
    kill -KILL "$pamrun_pid"
    wait_until 8 program_has_ended "$holder"
    assert_eq "$(probe_log)" ""
}

# ---- the rule -------------------------------------------------------------------------------------------------

# What the probe got in a phase, without PAM_ and the prompt's style: "answered:40 CONV_ERR ..."
got() # FUNCTION
{
    probe_field "$1" conv | tr , '\n' | sed -E 's/^[a-z-]*:PAM_(SUCCESS:)?//; s/:unanswered$//' | xargs
}

# The same without a terminal and with one, where nothing may be asked.
both_ways() # CALLER ARGUMENT...
{
    probe_reset
    probe_script <<<"$script"
    if [ "$way" = terminal ]; then
        applicant_set "$1"
        # shellcheck disable=SC2016
        run_ptyrun -- sh -c 'exec 7<"$0"; exec "$@"' "$secret_file" "${applicant[@]}" "$PAMRUN" "${@:2}"
        stdout=${stdout//$'\r'/}
        output=$stdout
    else
        run_pamrun_as "$1" "${@:2}" 7<"$secret_file"
    fi
}

@test "the password goes to Password: without echo, once, and to nothing else; nothing is asked on the terminal" {
    local caller way prompt script='' wanted=''
    local others=("password: " "PASSWORD: " "Password" "Passwords: " "Password:: " "Password: again" "New password: "
        "Current password: " "LDAP Password: " "Password for prt_alice: " "One-time password: " "Passwort: "
        "(current) UNIX password: " "")

    for prompt in "${others[@]}"; do
        script+="authenticate prompt-off $prompt"$'\n'
        wanted+="CONV_ERR "
    done
    script+="authenticate null-message 1
authenticate prompt-on Password: 
authenticate prompt-off \\n  Password:\\t 
authenticate prompt-off Password: 
authenticate prompt-on Password: "
    wanted+="CONV_ERR CONV_ERR answered:40 CONV_ERR CONV_ERR"
    for caller in "${callers[@]}"; do
        for way in none terminal; do
            both_ways "$caller" --forward-password-fd 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$output" ran
            assert_eq "$(got authenticate)" "$wanted"
        done
    done
}

@test "a prompt that gets nothing is named, and why" {
    local caller way script='' case prompt reason
    local cases=("prompt-off Code: |Code: |the forwarded password is given to 'Password:' only, without --any-prompt"
        "prompt-on Password: |Password: |what was forwarded is not given to a prompt with echo"
        "prompt-off \\033[2JCode: |\\033[2JCode: |the forwarded password is given to 'Password:' only, without --any-prompt")

    for case in "${cases[@]}"; do
        IFS='|' read -r prompt name reason <<<"$case"
        script="authenticate $prompt
authenticate return PAM_CONV_ERR"
        for way in none terminal; do
            both_ways prt_bob --forward-password-fd 7 -u prt_alice -- echo ran
            assert_status 77
            assert_eq "$output" "pamrun: authenticate for prt_alice (profile su): Conversation error (PAM_CONV_ERR)
hint: a module asked '$name': $reason"
        done
    done
    script="authenticate prompt-off Password:
authenticate prompt-off Password:
authenticate return PAM_CONV_ERR"
    both_ways root --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 77
    assert_contains "$output" "hint: a module asked 'Password:': the forwarded password is given once"
}

@test "outside of authenticate no prompt gets the password" {
    local caller way=none phase script="authenticate prompt-off Code: "

    for phase in acct_mgmt setcred-establish open_session close_session setcred-delete; do
        script+=$'\n'"$phase prompt-off Password: "
    done
    for caller in "${callers[@]}"; do
        both_ways "$caller" --quiet --close-on-exit --forward-password-fd 7 -u prt_alice -- echo ran
        assert_status 0
        assert_eq "$output" ran
        for phase in authenticate acct_mgmt setcred-establish open_session close_session setcred-delete; do
            assert_eq "$(got $phase)" CONV_ERR "$phase"
        done
    done
}

@test "a new password is never the forwarded one: a person types it, or the run ends" {
    local option

    for option in "" --any-prompt; do
        probe_reset
        probe_script <<END
authenticate prompt-off Password: 
acct_mgmt return PAM_NEW_AUTHTOK_REQD
chauthtok-update prompt-off Password: 
END
        # shellcheck disable=SC2016,SC2086
        run_ptyrun --expect "Password: " --await -ECHO --send 'typed\r' -- \
            sh -c 'exec 7<"$0"; exec "$@"' "$secret_file" "$PAMRUN" $option --forward-password-fd 7 -u prt_alice -- echo ran
        assert_status 0
        assert_eq "$(got authenticate)" answered:40
        assert_eq "$(got chauthtok-update)" answered:5
        rm -f "$PROBE_LOG_FILE"
        # shellcheck disable=SC2086
        run_pamrun $option --forward-password-fd 7 -u prt_alice -- echo ran 7<"$secret_file"
        assert_status 77
        assert_eq "$output" "pamrun: acct_mgmt for prt_alice (profile su): Authentication token is no longer valid; \
new one required (PAM_NEW_AUTHTOK_REQD)
hint: the password of prt_alice has expired and there is no terminal to change it on"
        refute probe_called chauthtok
    done
}

@test "--any-prompt: every prompt without echo of authenticate and open_session, and no other" {
    local caller way script="authenticate prompt-off Code: 
authenticate prompt-off Password: 
authenticate null-message 1
authenticate prompt-on Password: 
acct_mgmt sleep 0
open_session prompt-off Volume password: 
open_session prompt-off Password: 
open_session prompt-on Password: "

    for caller in "${callers[@]}"; do
        for way in none terminal; do
            both_ways "$caller" --any-prompt --forward-password-fd 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$output" ran
            assert_eq "$(got authenticate)" "answered:40 answered:40 answered:40 CONV_ERR"
            assert_eq "$(got open_session)" "answered:40 answered:40 CONV_ERR"
        done
    done
    way=none script="acct_mgmt prompt-off Password: 
setcred-establish prompt-off Password: 
open_session prompt-off Password: 
close_session prompt-off Password: "
    both_ways root --close-on-exit --any-prompt --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 0
    assert_eq "$(got acct_mgmt)" CONV_ERR
    assert_eq "$(got setcred-establish)" CONV_ERR
    assert_eq "$(got open_session)" answered:40
    assert_eq "$(got close_session)" CONV_ERR
    # with nothing but open_session that may ask
    both_ways root --no-auth --any-prompt --require-password-used --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 0
    assert_eq "$(got open_session)" answered:40
    refute probe_called authenticate
}

@test "answers go to the prompts without echo in their order, once each; those that are left are dropped" {
    local caller way script="authenticate prompt-off Password: 
authenticate require-token $secret
authenticate prompt-off Code: 
authenticate require-token 123456"

    for caller in "${callers[@]}"; do
        for way in none terminal; do
            printf '%s\n123456\n' "$secret" >"$secret_file"
            both_ways "$caller" --forward-answers-fd 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$output" ran
            assert_eq "$(got authenticate)" "answered:40 answered:6"
            printf '%s\n123456\nmore\n' "$secret" >"$secret_file"
            both_ways "$caller" --forward-answers-fd 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$output" ran
            printf '%s\n' "$secret" >"$secret_file"
            both_ways "$caller" --forward-answers-fd 7 -u prt_alice -- echo ran
            assert_status 77 # the probe wants the code
            assert_contains "$output" "hint: a module asked 'Code: ': all forwarded answers have been given"
        done
    done
    way=none script="authenticate prompt-on Name: 
authenticate prompt-off Password: 
open_session prompt-off Code: "
    printf '%s\n123456\n' "$secret" >"$secret_file"
    both_ways root --forward-answers-fd 7 -u prt_alice -- echo ran
    assert_status 0
    assert_eq "$(got authenticate)" "CONV_ERR answered:40"
    assert_eq "$(got open_session)" CONV_ERR
}

unused='pamrun: STEP for prt_alice (profile su): no module asked for what was forwarded
hint: an auth line before the one that wants a password is sufficient (pam_rootok.so?); modules such as pam_mount and'\
' pam_krb5 have no password then'

@test "a password that nobody asked for is a warning, or a failure with --require-password-used" {
    local caller option way=none script=''

    for caller in "${callers[@]}"; do
        for option in --forward-password-fd --forward-answers-fd; do
            both_ways "$caller" $option 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$stdout" ran
            assert_eq "$stderr" "${unused/STEP/authenticate}"
            both_ways "$caller" --quiet $option 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$output" ran
            for quiet in --quiet --close-on-exit; do
                both_ways "$caller" $quiet --require-password-used $option 7 -u prt_alice -- echo ran
                assert_status 77
                assert_eq "$output" "${unused/STEP/authenticate}"
                assert_eq "$(probe_order)" "authenticate cleanup"
            done
        done
        both_ways "$caller" --any-prompt --forward-password-fd 7 -u prt_alice -- echo ran
        assert_status 0
        assert_eq "$stderr" "${unused/STEP/open_session}"
        # the session that was opened is closed again
        both_ways "$caller" --any-prompt --require-password-used --forward-password-fd 7 -u prt_alice -- echo ran
        assert_status 77
        assert_eq "$output" "${unused/STEP/open_session}"
        assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session \
setcred:PAM_DELETE_CRED cleanup"
    done
    # without a session the last that might ask is authenticate
    both_ways root --any-prompt --no-session --require-password-used --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 77
    assert_eq "$output" "${unused/STEP/authenticate}"
    both_ways root --any-prompt --no-session --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 0
    assert_eq "$stderr" "${unused/STEP/authenticate}"
    script="authenticate prompt-off Password: "
    both_ways prt_bob --require-password-used --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 0
    assert_eq "$output" ran
}

# ---- with pam_unix --------------------------------------------------------------------------------------------

unix_profile()
{
    profile su < <(
        echo "auth required pam_unix.so nodelay"
        for type in account session password; do echo "$type required pam_unix.so"; done
    )
}

@test "pam_unix takes the right password; a wrong one, and an unknown name, are refused alike, and nothing is asked" {
    local caller way name script=''

    [ "${SANITIZED-}" != 1 ] || return 0 # its crypt(3) is no use to pam_unix, and setuid drops LD_PRELOAD
    unix_profile
    set_password prt_alice "$secret"
    for caller in "${callers[@]}"; do
        for way in none terminal; do
            printf '%s\n' "$secret" >"$secret_file"
            both_ways "$caller" --require-password-used --forward-password-fd 7 -u prt_alice -- echo ran
            assert_status 0
            assert_eq "$output" ran
        done
    done
    printf '%s\n' "${secret%?}" >"$secret_file" # all but the last byte
    for way in none terminal; do
        for name in prt_alice prt_nobody_knows prt_carol; do
            both_ways prt_bob --forward-password-fd 7 -u $name -- echo ran
            assert_status 77
            assert_eq "${output//$name/NAME}" \
                "pamrun: authenticate for NAME (profile su): Authentication failure (PAM_AUTH_ERR)"
        done
    done
    both_ways root --forward-password-fd 7 -u prt_alice -- echo ran
    assert_status 77
    assert_eq "$output" "pamrun: authenticate for prt_alice (profile su): Authentication failure (PAM_AUTH_ERR)"
}

@test "an expired password that is forwarded is right, and still has to be changed" {
    local way=none script='' caller

    [ "${SANITIZED-}" != 1 ] || return 0 # as above
    unix_profile
    make_user prt_old
    set_password prt_old "$secret"
    chage -d 0 prt_old
    for caller in "${callers[@]}"; do
        both_ways "$caller" --forward-password-fd 7 -u prt_old -- echo ran
        assert_status 77
        assert_eq "$stdout" ""
        assert_contains "$stderr" "(PAM_NEW_AUTHTOK_REQD)
hint: the password of prt_old has expired and there is no terminal to change it on"
    done
}

# ---- where it is not ------------------------------------------------------------------------------------------

# scan.py FILE PID...: one line "PID MAPPING" for each mapping in which FILE's first line is found.
write_scan()
{
    cat >"$STATE_DIR/scan.py" <<'END'
import sys

with open(sys.argv[1], "rb") as file:
    secret = file.readline().rstrip(b"\n")
scanned = 0
for pid in sys.argv[2:]:
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            fields = line.split(None, 5)
            start, end = (int(number, 16) for number in fields[0].split("-"))
            name = fields[5].strip() if len(fields) > 5 else "anonymous"
            # what nobody may read: a guard page, or secret memory, which is nobody's but the process's own
            try:
                memory.seek(start)
                found = 0
                tail = b""
                while start < end:
                    block = memory.read(min(end - start, 1 << 22))
                    if not block:
                        break
                    found += (tail + block).count(secret)
                    tail = block[-len(secret) + 1:]
                    start += len(block)
                    scanned += len(block)
            except (OSError, OverflowError):
                pass
            if found:
                print(pid, fields[0], name, found)
if scanned < 100000:
    sys.exit(f"only {scanned} bytes could be read")
END
}

found_in() # PID...
{
    python3 "$STATE_DIR/scan.py" "$secret_file" "$@"
}

# Its number may be another file's by then.
has_descriptor() # PID
{
    find "/proc/$1/fd" -printf '%l\n' | grep -qxF "$link"
}

# With the secret in a pipe, descriptor 7; sets link, what that is called in /proc.
start_with_pipe() # CALLER ARGUMENT...
{
    exec 7< <(cat "$secret_file")
    link=$(readlink "/proc/$BASHPID/fd/7")
    assert_match "$link" '^pipe:'
    start_pamrun_as "$@"
    exec 7<&-
}

# A run whose command waits; sets pids, of all its processes, and link.
start_and_wait() # CALLER OPTION...
{
    rm -f "$TEST_DIR/ready/"*
    install -d -o prt_alice "$TEST_DIR/ready"
    start_with_pipe "$1" "${@:2}" -u prt_alice -- sh -c ': >"$0"; exec cat' "$TEST_DIR/ready/now" <>"$TEST_DIR/nothing"
    wait_until 30 test -e "$TEST_DIR/ready/now"
    mapfile -t pids < <(session_members "$pamrun_pid")
}

@test "when the command runs no process of the run has the bytes in its memory, arguments, environment, descriptors" {
    local caller option pid pids link asks

    [ "${SANITIZED-}" != 1 ] || return 0 # freed memory is kept there, and what is mapped is too much to be read
    mkfifo "$TEST_DIR/nothing"
    for caller in "${callers[@]}"; do
        for option in --forward-password-fd "--any-prompt --forward-password-fd" --forward-answers-fd \
            "--any-prompt --no-session --forward-password-fd"; do
            [[ $caller = root || $option != *no-session* ]] || continue
            for asks in "authenticate prompt-off Password: " ""; do
                probe_reset
                probe_script <<<"$asks"
                # shellcheck disable=SC2086
                start_and_wait "$caller" --close-on-exit --quiet $option 7
                assert_eq "${#pids[@]}" $(($([ $caller = root ]; echo $?) + 2)) "processes"
                assert_eq "$(found_in "${pids[@]}")" "" "$caller $option"
                for pid in "${pids[@]}"; do
                    refute grep -qaF "$secret" "/proc/$pid/cmdline" "/proc/$pid/environ" "/proc/$pid/stat"
                    refute has_descriptor "$pid"
                    refute grep -q ' dc ' "/proc/$pid/smaps"
                    refute grep -q secretmem "/proc/$pid/smaps"
                done
                if [ -n "$asks" ]; then assert_eq "$(got authenticate)" answered:40; fi
                kill -TERM "$pamrun_pid"
                end_status "$pamrun_pid"
                assert_status 143
                assert_eq "$stdout" "" # nothing came on standard input
            done
        done
    done
}

@test "with pam_unix, too" {
    local caller pids link

    [ "${SANITIZED-}" != 1 ] || return 0 # as above
    mkfifo "$TEST_DIR/nothing"
    unix_profile
    set_password prt_alice "$secret"
    for caller in "${callers[@]}"; do
        start_and_wait "$caller" --close-on-exit --forward-password-fd 7
        assert_eq "$(found_in "${pids[@]}")" "" "$caller"
        kill -TERM "$pamrun_pid"
        end_status "$pamrun_pid"
    done
}

# A run that hangs in authenticate, before the first prompt; sets holder and link.
start_and_hang() # CALLER OPTION...
{
    rm -f "$TEST_DIR/asked" "$TEST_DIR/go"
    start_with_pipe "$1" "${@:2}" -u prt_alice -- echo ran
    wait_until 30 test -e "$TEST_DIR/asked"
    holder=$pamrun_pid
    [ "$1" = root ] || holder=$(pgrep -P "$pamrun_pid" -x pamrun)
}

# The flags of the mappings of PID that are not handed on to forked processes.
kept_mappings() # PID
{
    sed -n 's/^VmFlags: \(.* dc .*\)/ \1/p' "/proc/$1/smaps"
}

# Where the bytes are in PID's memory, no core(5) has them: VmFlags dd.
assert_dumped_without() # PID
{
    local pid range rest

    assert test -e "/proc/$1/smaps"
    found_in "$1" >"$TEST_DIR/found"
    # shellcheck disable=SC2034
    while read -r pid range rest; do
        assert_match "$(sed -n "/^$range /,/^VmFlags/p" "/proc/$1/smaps" | tail -n 1)" ' dd '
    done <"$TEST_DIR/found"
}

@test "while modules run the bytes are in one page that is locked, not dumped, not forked, and nowhere else" {
    local caller holder helper link flag ranges address

    [ "${SANITIZED-}" != 1 ] || return 0 # has such mappings of its own
    for caller in "${callers[@]}"; do
        probe_reset
        probe_script <<END
authenticate fork-stay 60000
authenticate touch $TEST_DIR/asked
authenticate wait-file $TEST_DIR/go
authenticate prompt-off Password: 
END
        start_and_hang "$caller" --forward-password-fd 7
        assert_eq "$(kept_mappings "$holder" | wc -l)" 1
        for flag in lo dd dc; do
            assert_contains "$(kept_mappings "$holder")" " $flag "
        done
        # its only reader is the process itself, or what can be read of it is that page
        address=$(awk '/^[0-9a-f]+-[0-9a-f]+ / { range = $1 } /^VmFlags:.* dc / { print range }' "/proc/$holder/smaps")
        ranges=$(found_in "$holder" | cut -d ' ' -f 2)
        [ -z "$ranges" ] || assert_eq "$ranges" "$address"
        # a helper of a module has no such page, and not the bytes
        helper=$(pgrep -P "$holder")
        assert_eq "$(kept_mappings "$helper")" ""
        refute grep -q secretmem "/proc/$helper/maps"
        assert_eq "$(found_in "$helper")" ""
        # neither has the front
        if [ $caller != root ]; then
            assert_eq "$(kept_mappings "$pamrun_pid")" ""
            assert_eq "$(found_in "$pamrun_pid")" ""
            refute has_descriptor "$pamrun_pid"
        fi
        refute has_descriptor "$holder"
        refute has_descriptor "$helper"
        touch "$TEST_DIR/go"
        end_status "$pamrun_pid"
        assert_status 0
        kill -KILL "$helper"
        assert_eq "$(got authenticate)" answered:40
    done
}

@test "the search finds bytes that are there" {
    local holder link

    [ "${SANITIZED-}" != 1 ] || return 0 # as above
    # as a module's own copy: libpam has it until authenticate is over
    probe_script <<END
authenticate prompt-off Password: 
authenticate set-authtok
authenticate touch $TEST_DIR/asked
authenticate wait-file $TEST_DIR/go
END
    start_and_hang root --forward-password-fd 7
    assert_match "$(found_in "$holder")" "^$holder "
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 0
}

@test "no write or send of any process of the run has the bytes" {
    local caller option trace

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    for caller in "${callers[@]}"; do
        # -u: another caller's pamrun is setuid all the same
        trace=(strace -u "$caller" -f -s 70000 -o "$TEST_DIR/trace")
        for option in --forward-password-fd --forward-answers-fd; do
            probe_reset
            probe_script <<END
authenticate prompt-off Password: 
authenticate prompt-off Password: 
acct_mgmt prompt-off Password: 
END
            run_program "${trace[@]}" \
                -e trace=write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,ioctl,execve,memfd_create,openat \
                "$PAMRUN" --verbose --json-status-fd 8 $option 7 -u prt_alice -- echo ran \
                7<"$secret_file" 8>"$TEST_DIR/events"
            assert_status 0
            assert_eq "$stdout" ran
            assert_eq "$(got authenticate)" "answered:40 CONV_ERR" "$caller $option"
            assert grep -q 'write(1, "ran\\n", 4)' "$TEST_DIR/trace"
            refute grep -qF "$secret" "$TEST_DIR/trace"
            # its reading is what is seen of it, and in secret memory not even that
            run_program "${trace[@]}" "$PAMRUN" $option 7 -u prt_alice -- echo ran 7<"$secret_file"
            assert_status 0
            assert grep -q 'read(7, .*) *= 41$' "$TEST_DIR/trace"
            refute grep -qF "$secret" <(grep -v 'read(7, ' "$TEST_DIR/trace")
        done
    done
}

@test "a module that crashes leaves no core file" {
    local caller

    [ "${SANITIZED-}" != 1 ] || return 0 # handles the signal itself
    cat >"$TEST_DIR/dumped.py" <<'END'
import os, sys

pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
status = os.waitpid(pid, 0)[1]
print("dumped" if os.WIFSIGNALED(status) and os.WCOREDUMP(status) else "not dumped", os.waitstatus_to_exitcode(status))
END
    probe_script <<END
authenticate crash
END
    for caller in "${callers[@]}"; do
        probe_reset
        probe_script <<<"authenticate crash"
        applicant_set "$caller"
        cd "$TEST_DIR" || return
        run_program prlimit --core=unlimited:unlimited python3 dumped.py "${applicant[@]}" \
            "$PAMRUN" --forward-password-fd 7 -u prt_alice -- echo ran 7<"$secret_file"
        cd /
        assert_eq "$stdout" "not dumped $([ $caller = root ] && echo -11 || echo 71)"
        assert_match "$(probe_field authenticate rlimit_core)" '^1:'
        assert_eq "$(probe_field authenticate dumpable)" 0
        assert_eq "$(ls -d /core* "$TEST_DIR"/core* 2>/dev/null)" ""
    done
}

# A crash where the module takes back all that keeps cores away.  Before its own prompt, when only our page has the bytes;
# behind the last one, when nothing has them.
@test "a core file that a module allows has none of the bytes" {
    local case caller options phase holder core

    [ "${SANITIZED-}" != 1 ] || return 0 # as above
    mkdir -m 0777 "$TEST_DIR/cores"
    for case in authenticate: acct_mgmt: open_session: open_session:--any-prompt; do
        phase=${case%:*} options=${case#*:}
        for caller in "${callers[@]}"; do
            probe_reset
            probe_script <<END
$phase dumpable 1
$phase rlimit CORE unlimited unlimited
$phase chdir $TEST_DIR/cores
$phase touch $TEST_DIR/asked
$phase wait-file $TEST_DIR/go
$phase crash
END
            [ $phase = authenticate ] || echo "authenticate prompt-off Password: " >>"$PROBE_SCRIPT_FILE"
            rm -f "$TEST_DIR/asked" "$TEST_DIR/go"
            applicant_set "$caller"
            # shellcheck disable=SC2086
            start_program prlimit --core=unlimited:unlimited "${applicant[@]}" \
                "$PAMRUN" --quiet $options --forward-password-fd 7 -u prt_alice -- echo ran 7<"$secret_file"
            wait_until 30 test -e "$TEST_DIR/asked"
            holder=$(pgrep -s "$pamrun_pid" -x pamrun | tail -n 1)
            assert_dumped_without "$holder"
            touch "$TEST_DIR/go"
            end_status "$pamrun_pid"
            assert_eq "$stdout" ""
            assert_match "$status" "$([ $caller = root ] && echo '^139$' || echo '^71$')"
            [[ $(</proc/sys/kernel/core_pattern) == core ]] || continue # the machine's setting, which a test leaves alone
            core=$(ls "$TEST_DIR"/cores/*)
            assert grep -qaF prt_alice "$core"
            refute grep -qaF "$secret" "$core"
            rm -f "$core"
        done
    done
}

@test "the command has the caller's limit of core files again" {
    local caller limit

    [ "${SANITIZED-}" != 1 ] || return 0 # takes core files away itself
    for caller in "${callers[@]}"; do
        for limit in 12288:40960 0:0 0:unlimited unlimited:unlimited 1:1 512:512; do
            probe_reset
            probe_script <<<"authenticate prompt-off Password: "
            applicant_set "$caller"
            run_program prlimit --core=$limit "${applicant[@]}" "$PAMRUN" --forward-password-fd 7 -u prt_alice -- \
                prlimit --core --raw --noheadings --output SOFT,HARD 7<"$secret_file"
            assert_status 0
            assert_eq "${stdout// /:}" "$limit" "$caller"
            assert_match "$(probe_field authenticate rlimit_core)" '^[01]:'
        done
        # what a module set is the command's
        probe_reset
        probe_script <<END
authenticate prompt-off Password: 
open_session rlimit CORE 4096 8192
END
        run_program prlimit --core=unlimited "${applicant[@]}" "$PAMRUN" --forward-password-fd 7 -u prt_alice -- \
            prlimit --core --raw --noheadings --output SOFT,HARD 7<"$secret_file"
        assert_eq "${stdout// /:}" 4096:8192 "$caller"
    done
}
