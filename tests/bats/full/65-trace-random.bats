# pamrunctl trace: 200 random stacks of the probe module, run with a trace and without: every code is the same.
# shellcheck disable=SC2154 # what common.bash sets
# Takes long.

load ../lib/common
load ../lib/trace

setup_file()
{
    begin_file
    make_user prt_alice
}

# Twenty-five at a time: a test that takes long under sanitizers on a slow machine is taken for one that hangs.
same_for() # FACILITY_NUMBER
{
    local word

    random_stacks_both_ways "$1" 25
    assert_same_both_ways
    assert_same_answers
    # it was worth it: all that can come of a line came
    for word in ' ok ' ' done ' ' bad ' ' die ' ' ignore ' ' reset ' ' jump ' 'jumped over' 'not reached' \
        PAM_MODULE_UNKNOWN; do
        grep -q -- "$word" "$TEST_DIR/trace" || fail_because "no '$word'"
    done
}

@test "25 stacks of auth, and what setcred makes of them, are the same with a trace and without" {
    same_for 0
}

@test "25 more stacks of auth, and what setcred makes of them, are the same with a trace and without" {
    same_for 0
}

@test "25 stacks of account are the same with a trace and without" {
    same_for 1
}

@test "25 more stacks of account are the same with a trace and without" {
    same_for 1
}

@test "25 stacks of session, opened and closed, are the same with a trace and without" {
    same_for 2
}

@test "25 more stacks of session, opened and closed, are the same with a trace and without" {
    same_for 2
}

@test "25 stacks of password, both passes, are the same with a trace and without" {
    same_for 3
}

@test "25 more stacks of password, both passes, are the same with a trace and without" {
    same_for 3
}
