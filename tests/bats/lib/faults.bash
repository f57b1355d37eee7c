# shellcheck shell=bash
# shellcheck disable=SC2154 # output: of common.bash
# faults.bash: the scene of tests/faults/sweep.
#
#   load lib/faults            after lib/common; setup_file and setup are defined here
#   sweep_faults --seconds 55  all that it tries must hold; prints its seed, and what did not

setup_file()
{
    begin_file
    make_group prt_staff
    make_group prt_others
    make_user prt_alice --groups prt_staff
    make_user prt_bob
    keep_file /etc/pam.d/su
    keep_file /etc/pam.d/other
    keep_file /etc/pamrun.conf
}

setup()
{
    begin_test || return
    needs cc python3 || return
    cd / || return
    keep_file /etc/pam.d/su
    keep_file /etc/pam.d/other
    keep_file /etc/pamrun.conf
    export PAMRUN TOOLS LEDGER_SO=$BUILD_DIR/tests/pam/pam_ledger.so FAIL_MALLOC_SO=$BUILD_DIR/tests/tools/fail_malloc.so
    install -d -m 0711 "$TEST_DIR/scene"
}

# A sanitizer has system calls of its own, and gives up where they fail: nothing is tried then.
sweep_faults() # OPTION...
{
    [ "${SANITIZED-}" != 1 ] || return 0
    RUN_TIMEOUT=${BATS_TEST_TIMEOUT:-120} run_program "${BATS_TEST_DIRNAME%/full}/../faults/sweep" --scene "$TEST_DIR/scene" "$@"
    printf '%s\n' "$output"
    assert_status 0
}
