# A sixth of what tests/faults/sweep does: each system call fails, and signals come at each, one run for each fault.
# Takes long.
# With sanitizers only in full.

load ../lib/common
load ../lib/faults

# shellcheck disable=SC2034 # bats reads it
BATS_TEST_TIMEOUT=570

setup_file()
{
    begin_file
    faults_scene
}

setup()
{
    begin_test
    faults_begin
}

# On a slow machine it does not get through: then it is a sample, and says how large.
@test "every fault: with a site policy, and for a delegate" {
    [ "${SANITIZED-}" != 1 ] || return 0 # a sanitizer has system calls of its own, and gives up where they fail
    sweep --seconds 500 --scenario policy --scenario delegate
    assert_status 0
}
