# shellcheck shell=bash
# shellcheck disable=SC2154 # output: of common.bash
# faults.bash: the scene of tests/faults/sweep.
#
#   load lib/faults            after lib/common; faults_scene in setup_file, faults_begin in setup
#   sweep --seconds 55         sets status and output, and prints the output: its seed, and what did not hold

faults_scene()
{
    make_group prt_staff
    make_group prt_others
    make_user prt_alice --groups prt_staff
    make_user prt_bob
    keep_file /etc/pam.d/su
    keep_file /etc/pam.d/other
    keep_file /etc/pamrun.conf
}

faults_begin()
{
    needs cc python3 || return
    cd / || return
    keep_file /etc/pam.d/su
    keep_file /etc/pam.d/other
    keep_file /etc/pamrun.conf
    export PAMRUN TOOLS LEDGER_SO=$BUILD_DIR/tests/pam/pam_ledger.so FAIL_MALLOC_SO=$BUILD_DIR/tests/tools/fail_malloc.so
    install -d -m 0711 "$TEST_DIR/scene"
}

sweep() # OPTION...
{
    RUN_TIMEOUT=${BATS_TEST_TIMEOUT:-120} run_program "${BATS_TEST_DIRNAME%/full}/../faults/sweep" --scene "$TEST_DIR/scene" "$@"
    printf '%s\n' "$output"
}
