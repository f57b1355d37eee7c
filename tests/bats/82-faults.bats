# System calls fail, one a run, in every process of a run, and signals come at each: a random sample of what
# tests/bats/full/82-*.bats do in full. tests/faults/sweep says what is tried and what must hold.

# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2154 # A && B || fail; scripts in quotes; bats runs tests in subshells
load lib/common
load lib/faults

@test "whatever system call fails, the command runs in the right state or not at all, and all is undone" {
    sweep_faults --seconds 55
}

@test "whatever allocation finds no memory, a refused account's command does not run, and one message says why" {
    sweep_faults --allocations --scenario account
}

# The profile `other` admits everybody here. libpam takes it for a profile that it cannot read, without a word.
@test "a profile that libpam cannot read is no reason to take the profile 'other': status 69, one message" {
    local caller type

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    probe_profile su
    profile other < <(for type in auth account password session; do echo "$type required pam_permit.so"; done)
    probe_script <<<"authenticate return PAM_AUTH_ERR"
    for caller in root prt_bob; do
        # the first time it is we who look, and to the end of the file
        run_program strace -f -q -o /dev/null -u "$caller" -P /etc/pam.d/su -e trace=openat \
            -e inject=openat:error=EMFILE:when=2+ "$PAMRUN" -u prt_alice -- id
        assert_status 69
        assert_eq "$output" "pamrun: profile su: libpam could not read /etc/pam.d/su: Too many open files"
        run_program strace -f -q -o /dev/null -u "$caller" -P /etc/pam.d/su -e trace=read \
            -e inject=read:error=EIO:when=3+ "$PAMRUN" -u prt_alice -- id
        assert_status 69
        assert_eq "$output" "pamrun: profile su: libpam could not read /etc/pam.d/su: Input/output error"
    done
    assert_eq "$(probe_log)" ""
}
