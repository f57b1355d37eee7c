# syslog, facility authpriv: one line for each run that was allowed and each that was refused, and nothing forgeable.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_log
}

setup()
{
    begin_test
    log_start
}

# Our lines, whatever they say; the ident as it is in the datagram.
our_lines()
{
    log_lines '^<[0-9]+>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} pamrun\[[0-9]+\]: '
}

# Sets line: the one line that the last run logged.
the_line()
{
    line=$(our_lines)
    assert_eq "$(log_lines . | grep -vc ' pam_probe' || true)" 1 "lines in the log"
    assert_one_line "$line"
}

run_logged() # ARGUMENT...
{
    run_pamrun --profile prt_log "$@"
}

# The value of a field, without its quotes, as a reader would take it apart: quoted text never holds a bare quote.  The
# last field, command, is a list of quoted words; here they stand with blanks between.
field() # NAME
{
    python3 - "$1" "$line" <<'END'
import re, sys

text = sys.argv[2].split("]: ", 1)[1].split(": ", 1)[1]
quoted = r'"(?:[^"\\]|\\.)*"'
fields = {}
while text:
    match = re.match(r"([a-z]+)=(%s(?: %s)*|[^\" ]+|)( |$)" % (quoted, quoted), text)
    assert match, "not a field: " + text
    assert match[1] not in fields, "twice: " + match[1]
    words = re.findall(quoted, match[2])
    assert len(words) <= 1 or match[1] == "command", "several words in " + match[1]
    fields[match[1]] = " ".join(word[1:-1] for word in words) if words else match[2]
    text = text[match.end():]
print(fields[sys.argv[1]])
END
}

# ---- what is said ---------------------------------------------------------------------------------------------

@test "an allowed run is one line with applicant, loginuid, account, profile, terminal and command" {
    local line

    run_logged --close-on-exit -u prt_alice -- echo one two
    assert_status 0
    the_line
    assert_match "$line" '^<86>.* pamrun\[[0-9]+\]: allowed: '
    assert_eq "$(field applicant)" root
    assert_match "$(field loginuid)" '^(-|[0-9]+)$'
    assert_eq "$(field account)" prt_alice
    assert_eq "$(field profile)" prt_log
    assert_eq "$(field tty)" -
    assert_eq "$(field command)" "echo one two"
}

@test "a shell, a login and --exec are logged alike" {
    local line

    run_logged prt_alice -c 'exit 3'
    the_line
    assert_contains "$(field command)" 'exit 3'
    log_start
    run_logged -l prt_alice -c 'exit 4'
    the_line
    assert_contains "$(field command)" 'exit 4'
    log_start
    run_logged --exec -u prt_alice -- true
    the_line
    assert_match "$line" ': allowed: '
    assert_eq "$(field command)" true
}

@test "the line is there while the command runs" {
    start_pamrun --profile prt_log -u prt_alice -- sleep 100
    is_logged() { [ -n "$(our_lines)" ]; }
    assert wait_until 5 is_logged
    refute program_has_ended "$pamrun_pid"
    assert_match "$(our_lines)" " pamrun\\[$pamrun_pid\\]: "
}

@test "the terminal is named" {
    local line

    run_ptyrun -- sh -c 'tty; exec "$@"' sh "$PAMRUN" --profile prt_log -u prt_alice -- true
    assert_status 0
    the_line
    assert_eq "$(field tty)" "$(tr -d '\r' <<<"${lines[0]}")"
    log_start
    run_ptyrun -- sh -c 'tty; exec "$@"' sh "$PAMRUN" --profile prt_log -P -u prt_alice -- true
    the_line
    assert_eq "$(field tty)" "$(tr -d '\r' <<<"${lines[0]}")"
}

@test "the audit loginuid is named where there is one" {
    local line

    # the applicant sets it for himself: the kernel may not let us, then there is none to show
    run_program sh -c 'echo 4242 >/proc/self/loginuid; cat /proc/self/loginuid; exec "$@"' sh \
        "$PAMRUN" --profile prt_log -u prt_alice -- true
    the_line
    if [[ ${lines[0]-} = 4242* ]]; then
        assert_eq "$(field loginuid)" 4242
    else
        assert_eq "$(field loginuid)" -
    fi
}

@test "every refusal is one line with step, code, status and reason" {
    local line row rows=("authenticate|PAM_AUTH_ERR|authenticate|refused|77"
        "authenticate|PAM_AUTHINFO_UNAVAIL|authenticate|failed|75" "acct_mgmt|PAM_ACCT_EXPIRED|acct_mgmt|refused|77"
        "setcred-establish|PAM_CRED_ERR|setcred|failed|71")

    for row in "${rows[@]}"; do
        IFS='|' read -r phase code step verdict number <<<"$row"
        probe_script <<<"$phase return $code"
        log_start
        run_logged -u prt_alice -- echo never
        assert_status "$number"
        the_line
        assert_match "$line" "^<85>.*: $verdict: "
        assert_eq "$(field applicant)" root
        assert_eq "$(field account)" prt_alice
        assert_eq "$(field profile)" prt_log
        assert_eq "$(field step)" "$step"
        assert_eq "$(field code)" "$code"
        assert_eq "$(field status)" "$number"
        assert_contains "$(field command)" "echo never"
    done
}

@test "what fails before PAM is one line too" {
    local line

    run_logged -u prt_nobody_knows -- echo never
    the_line
    assert_eq "$(field step) $(field status) $(field account)" "identity 67 prt_nobody_knows"
    log_start
    run_pamrun --profile prt_missing -u prt_alice -- echo never
    the_line
    assert_eq "$(field step) $(field status) $(field profile)" "profile 69 prt_missing"
    log_start
    run_pamrun --bogus
    the_line
    assert_eq "$(field step) $(field status)" "options 64"
    assert_eq "$(field applicant) $(field uid)" "root 0"
    assert_match "$(field loginuid)" '^(-|[0-9]+)$'
}

@test "a session that does not open is one line" {
    local line

    probe_script <<<"open_session return PAM_SESSION_ERR"
    run_logged -u prt_alice -- echo never
    assert_status 71
    the_line
    assert_eq "$(field step) $(field code)" "open_session PAM_SESSION_ERR"
}

@test "a command that cannot be executed has its line" {
    local line

    run_logged -u prt_alice -- /missing/command
    line=$(our_lines | tail -n 1)
    assert_match "$line" ': failed: '
    assert_eq "$(field step) $(field status)" "command 127"
}

@test "a close that fails is a line of its own, with the step and the code" {
    probe_script <<<"close_session return PAM_SESSION_ERR"
    run_logged --close-on-exit -u prt_alice -- true
    assert_eq "$(our_lines | wc -l)" 2
    assert_match "$(our_lines | tail -n 1)" 'account=.*prt_alice.*close_session.*PAM_SESSION_ERR'
}

@test "a caller who is not root is logged with his own name and number, allowed or refused" {
    local line

    probe_profile su
    site_policy_of_any_account
    run_pamrun_as prt_alice -u root -- id
    assert_status 0
    the_line
    assert_match "$line" '^<86>.*: allowed: '
    assert_eq "$(field applicant) $(field uid)" "prt_alice $(id -u prt_alice)"
    assert_match "$(field loginuid)" '^(-|[0-9]+)$'
    assert_eq "$(field account) $(field profile) $(field command)" "root su id"
    probe_reset
    probe_script <<<"authenticate return PAM_MAXTRIES"
    log_start
    run_pamrun_as prt_alice -u root -- id
    assert_status 77
    the_line
    assert_match "$line" '^<85>.*: refused: '
    assert_eq "$(field applicant) $(field uid)" "prt_alice $(id -u prt_alice)"
    assert_match "$(field loginuid)" '^(-|[0-9]+)$'
    assert_eq "$(field account) $(field profile) $(field command)" "root su id"
    assert_eq "$(field step) $(field code) $(field status)" "authenticate PAM_MAXTRIES 77" # he is told PAM_AUTH_ERR
    assert_eq "$(probe_order)" "authenticate cleanup"
    # what is refused before PAM
    probe_reset
    log_start
    run_pamrun_as prt_alice --exec -u root -- id
    assert_status 77
    the_line
    assert_match "$line" ': refused: '
    assert_eq "$(field applicant) $(field uid)" "prt_alice $(id -u prt_alice)"
    assert_eq "$(field account) $(field step) $(field code)" "root options -"
    assert_eq "$(probe_order)" ""
}

# ---- nothing is forged ----------------------------------------------------------------------------------------

@test "the ident is pamrun and our pid, whatever argv[0] is" {
    local name

    for name in evil '' '-su' 'sshd[1]' $'x\n<86>root' '%s%n'; do
        log_start
        run_program "$TOOLS/hostile" --argv0 "$name" -- "$PAMRUN" --profile prt_log -u prt_alice -- true
        assert_status 0
        assert_eq "$(our_lines | wc -l)" 1
        assert_eq "$(log_lines . | grep -vc ' pam_probe' || true)" 1
    done
}

@test "new lines and control characters in arguments: one line, nothing raw" {
    local line forged=$'\n<86>Jan  1 00:00:00 pamrun[1]: allowed: applicant="evil"'

    run_logged -u prt_alice -- true "a${forged}" $'\033[2Jb\r\b\177' $'\302\233c' $'\377d' $'tab\there'
    assert_status 0
    the_line
    refute_contains "$line" $'\\x' # logcatch writes control characters so
    refute_contains "$line" $'\302\233'
    refute_contains "$line" $'\377'
    assert_eq "$(field applicant)" root
}

@test "new lines and control characters in the account's or profile's name: one line, nothing raw" {
    local line forged=$'x\n<86>Jan  1 00:00:00 pamrun[1]: allowed: applicant="evil"'

    run_logged -u "$forged" -- true
    the_line
    refute_contains "$line" $'\\x'
    assert_match "$line" ': (failed|refused): '
    log_start
    run_pamrun --profile "$forged" -u prt_alice -- true
    the_line
    refute_contains "$line" $'\\x'
    log_start
    run_pamrun "--$forged"
    the_line
    refute_contains "$line" $'\\x'
}

@test "text that looks like fields stays inside of its own field" {
    local line

    run_logged -u 'prt_x profile="trusted" status=0' -- true
    the_line
    assert_eq "$(field profile)" prt_log
    assert_eq "$(field status)" 67
    log_start
    run_logged -u 'prt_x" profile="trusted' -- true
    the_line
    assert_eq "$(field profile)" prt_log
    log_start
    run_logged -u prt_alice -- true 'x" applicant="evil" account="root' $'y\\" tty="z' "it's" ''
    the_line
    assert_eq "$(field account) $(field applicant) $(field tty)" "prt_alice root -"
    log_start
    run_logged -u prt_alice -- true 'ends in a backslash\'
    the_line
    assert_eq "$(field account)" prt_alice
    probe_script <<<'acct_mgmt set-user x"_status=0'
    log_start
    run_logged -u prt_alice -- true
    the_line
    assert_eq "$(field status)" 77
}

@test "percent signs are no format" {
    local line

    run_logged -u prt_alice -- true %s%s%n%m %5000d
    the_line
    assert_contains "$(field command)" '%s%s%n%m %5000d'
}

@test "arguments of 100 kB and 10,000 of them: one line, bounded, with all its fields" {
    local line

    run_logged -u prt_alice -- true "$(head -c 100000 /dev/zero | tr '\0' x)"
    assert_status 0
    the_line
    [ ${#line} -lt 2048 ]
    assert_match "$(field command)" '^true( |$)'
    log_start
    # shellcheck disable=SC2046 # words
    run_logged -u prt_alice -- true $(seq 10000)
    the_line
    [ ${#line} -lt 2048 ]
    log_start
    run_logged -u prt_alice -- true "$(head -c 60000 /dev/zero | sed 's/\x00/\xc3\xa9/g')"
    the_line
    assert iconv -f UTF-8 -t UTF-8 <<<"$line" >/dev/null # not cut inside a character
}

@test "names of 100 kB: one line, bounded, with all its fields" {
    local line long

    long=$(head -c 100000 /dev/zero | tr '\0' x)
    run_logged -u "$long" -- echo never
    the_line
    [ ${#line} -lt 2048 ]
    assert_eq "$(field profile) $(field step) $(field status)" "prt_log identity 64"
    assert_contains "$(field command)" "echo never"
    log_start
    run_pamrun --profile "$long" -u prt_alice -- echo never
    the_line
    [ ${#line} -lt 2048 ]
    assert_eq "$(field step) $(field status)" "profile 64"
    assert_contains "$(field command)" "echo never"
}

# ---- whatever the machine and its modules do ------------------------------------------------------------------

@test "without a log daemon everything works" {
    log_stop
    keep_log=/dev/log.${PREFIX}away
    [ ! -e /dev/log ] || mv /dev/log "$keep_log"
    run_logged --close-on-exit -u prt_alice -- sh -c 'exit 5'
    [ ! -e "$keep_log" ] || mv "$keep_log" /dev/log
    assert_status 5
    assert_eq "$stderr" ""
    probe_called close_session 1
}

@test "a log daemon that does not answer holds nothing up for long" {
    local start=${EPOCHREALTIME/[.,]/}

    kill -STOP "$(<"$STATE_DIR/logcatch.pid")"
    run_logged --close-on-exit -u prt_alice -- sh -c 'exit 5'
    kill -CONT "$(<"$STATE_DIR/logcatch.pid")"
    assert_status 5
    (((${EPOCHREALTIME/[.,]/} - start) < 3000000))
}

@test "a module that calls openlog changes nothing of ours" {
    local line

    needs cc
    cc -shared -fPIC -o "$TEST_DIR/pam_openlog.so" -x c - <<'END'
#include <security/pam_modules.h>
#include <syslog.h>

#define STEP(name)                                                                                                     \
    int name(pam_handle_t *handle, int flags, int argc, const char **argv)                                             \
    {                                                                                                                  \
        openlog("forged", LOG_CONS, LOG_USER);                                                                         \
        return PAM_SUCCESS;                                                                                            \
    }
STEP(pam_sm_authenticate)
STEP(pam_sm_acct_mgmt)
STEP(pam_sm_setcred)
STEP(pam_sm_open_session)
STEP(pam_sm_close_session)
END
    profile prt_openlog < <(for type in auth account session; do echo "$type required $TEST_DIR/pam_openlog.so"; done)
    run_pamrun --profile prt_openlog --close-on-exit -u prt_alice -- true
    assert_status 0
    the_line
    assert_match "$line" '^<86>'
    assert_eq "$(log_lines forged)" ""
}

@test "a refusal is logged also when nobody reads the message" {
    mkfifo "$TEST_DIR/broken"
    exec 9<>"$TEST_DIR/broken" 8>"$TEST_DIR/broken" 9>&-
    run_program sh -c 'exec "$@" 2>&8 8>&-' sh "$PAMRUN" --profile prt_log -u prt_nobody_knows -- true
    exec 8>&-
    assert_match "$(our_lines)" 'prt_nobody_knows'
}
