# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # passwords with a $, for tests to read; status, stdout ... of common.bash
# samples.bash: the sample profiles of pam.d/ in use, with real modules.  After lib/common.
#
#   sample pamrun-session      the very file, as /etc/pam.d/pamrun-session, until the end of the test or file
#   run_with FD7 ARGUMENT...   pamrun of root's, FD7 (printf's escapes) to be read from descriptor 7
#   run_as_with USER FD7 ...   of USER's

samples=$(cd "$BATS_TEST_DIRNAME/../../pam.d" && pwd)
password='Right pass"w0rd$1'
wrong='Wrong pass"w0rd$1'

sample() # NAME
{
    profile "$1" <"$samples/$1"
}

run_with() # FD7 ARGUMENT...
{
    run_program "${pamrun_for_crypt[@]}" "${@:2}" 7< <(printf '%b' "$1")
}

run_as_with() # USER FD7 ARGUMENT...
{
    run_pamrun_as "$1" "${@:3}" 7< <(printf '%b' "$2")
}

# A setuid program heeds no LD_PRELOAD, which pamrun_for_crypt is.
users_can_be_asked()
{
    [ "${SANITIZED-}" != 1 ]
}

assert_ran() # OUTPUT
{
    assert_eq "$status $stdout" "0 $1"
}

# The first line that pamrun itself says, and nothing run.
assert_refused() # STATUS MESSAGE
{
    assert_status "$1"
    assert_eq "$(grep -m 1 '^pamrun: ' <<<"$stderr")" "pamrun: $2"
    assert_eq "$stdout" ""
}

# As anybody is who does not get in, and in the same words for whatever reason.
assert_not_let_in() # PROFILE [ACCOUNT]
{
    assert_refused 77 "authenticate for ${2-prt_alice} (profile $1): Authentication failure (PAM_AUTH_ERR)"
}

# pam_unix says when it opens and closes one.  After log_start.
sessions_logged() # opened|closed PROFILE
{
    log_lines "pam_unix\\($2:session\\): session $1 for user" | wc -l
}
