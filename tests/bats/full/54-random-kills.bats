# As tests/bats/54-random-kills.bats, 200 of them: ten tests, or one would take longer than a test may.
# With sanitizers only in full.

load ../lib/common
load ../lib/terminal
load ../lib/kills

no_leak_check

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 2" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 3" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 4" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 5" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 6" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 7" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 8" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 9" {
    kill_at_random 20
}

@test "TERM INT HUP QUIT ABRT to any process, KILL to the front, 20 at random: modes as before, session closed, 10" {
    kill_at_random 20
}
