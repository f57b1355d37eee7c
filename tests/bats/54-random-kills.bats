# Signals at random moments, to any process of a run: the terminal is as before, the session is closed, nobody is left.
# tests/bats/full has 200 of them.
# With sanitizers only in full.

load lib/common
load lib/terminal
load lib/kills

no_leak_check

setup()
{
    begin_test
    kills_set_scene
}

@test "30 kills at random: TERM INT HUP QUIT ABRT to any process, KILL to the front: modes as before, session closed" {
    kill_at_random 30
}
