# Signals at random moments, to any process of a run: the terminal is as before, the session is closed, nobody is left.
# Thirty of them, in two tests, or one might take longer than a test may; tests/bats/full has 200.
# With sanitizers only in full.

load lib/common
load lib/terminal
load lib/kills

no_leak_check

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 15 at random: modes as before, session closed" {
    kill_at_random 15
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 15 at random: modes as before, session closed, 2" {
    kill_at_random 15
}
