# A sixth of what tests/faults/sweep does: each system call fails, and signals come at each, one run for each fault.
# Takes long.
# With sanitizers only in full.

load ../lib/common
load ../lib/faults

# shellcheck disable=SC2034 # bats reads it
BATS_TEST_TIMEOUT=570

# On a slow machine it does not get through: then it is a sample, and says how large.
@test "every fault: a session that is left open, and in place" {
    sweep_faults --seconds 500 --scenario left-open --scenario exec
}
