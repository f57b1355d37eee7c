# Shared sessions in a storm: many runs at once, killed and stopped at random, keepers too.
# With sanitizers only in full.

load lib/common
load lib/sharing

count_file=$STATE_DIR/open-sessions

setup_file()
{
    begin_file
    begin_sharing
}

setup()
{
    begin_test
    begin_sharing_test
    rm -f "$count_file"
    probe_script <<END
open_session count-open $count_file
close_session count-close $count_file
END
}

teardown()
{
    end_sessions
    cleanup_all
}

# A minute in full, a few seconds otherwise. Sets said.
storm() # KEEPER_KILLS
{
    local seconds=6 seed=${STORM_SEED-$RANDOM}

    [ "${TESTS_FULL-}" != 1 ] || seconds=60
    needs python3 || return
    echo "seed $seed"
    status=0
    said=$(python3 "$BATS_TEST_DIRNAME/lib/share-storm.py" "$seconds" 6 "$seed" "$count_file" "$1" \
        "$PAMRUN" --profile prt_job --share -u prt_alice -- 3>&- 4>&-) || status=$?
    echo "$said"
    assert_status 0
    assert_contains "$said" '"unexpected": []'
    wait_until 30 has_no_process prt_alice
    wait_until 30 has_no_keeper || return
    # a keeper that was killed last of all has left its state, which the next run, or recover, takes away
    run_pamrun --profile prt_job --share -u prt_alice -- true
    assert_status 0
    wait_until 30 has_no_keeper
    wait_until 10 session_is_gone
}

@test "runs are killed and stopped: as many sessions are closed as were opened, none under who is in it" {
    local opened

    storm 0
    opened=$(probe_count open_session)
    probe_called close_session "$opened"
    assert_eq "$(probe_count setcred-delete)" "$(probe_count setcred-establish)" # one may be told to end in between
    assert_eq "$(cat "$count_file")" 0
}

@test "keepers are killed too: what is not closed is what a killed keeper had open" {
    local opened closed kills

    storm 4
    opened=$(probe_count open_session)
    closed=$(probe_count close_session)
    [ "$closed" -le "$opened" ]
    kills=$(grep -o '"keepers-killed": [0-9]*' <<<"$said" | grep -o '[0-9]*$')
    [ $((opened - closed)) -le "$kills" ] || fail_because "$opened opened, $closed closed, $kills keepers killed"
}
