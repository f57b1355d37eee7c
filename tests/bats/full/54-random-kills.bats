# As tests/bats/54-random-kills.bats, 200 of them: four tests, or one would take longer than a test may.
# With sanitizers only in full.

load ../lib/common
load ../lib/terminal
load ../lib/kills

no_leak_check

setup()
{
    begin_test
    kills_set_scene
}

@test "50 kills at random: modes as before, session closed, nobody is left" {
    kill_at_random 50
}

@test "50 kills at random, again" {
    kill_at_random 50
}

@test "50 kills at random, a third time" {
    kill_at_random 50
}

@test "50 kills at random, a fourth time" {
    kill_at_random 50
}
