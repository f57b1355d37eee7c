# The hooks in a real Slurm: what slurm-prolog, slurm-epilog and slurm-task-prolog make of its jobs. More of it:
# tests/bats/full/86-slurm.bats.
# Never with sanitizers: slurmd gives its hooks no environment, so that their reports would be nobody's.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/sharing
load lib/slurm
load lib/slurm_jobs

# ---- jobs -----------------------------------------------------------------------------------------------------

@test "overlapping jobs share one session on each node; tasks have what modules set; the last job closes it" {
    local first second

    start_job one -N2
    first=$job
    wait_until 60 holds_are n1 "@slurm-$first"
    start_job two -w n1
    second=$job
    assert_eq "$(sort "$SLURM_DIR/output/$first")" "n1 /scratch/of-pam_env FILE:/tmp/krb5cc_job
n2 /scratch/of-pam_env FILE:/tmp/krb5cc_job"
    assert_eq "$(<"$SLURM_DIR/output/$second")" "n1 /scratch/of-pam_env FILE:/tmp/krb5cc_job"
    assert_eq "$(holds n1)" "@slurm-$first @slurm-$second"
    assert_eq "$(holds n2)" "@slurm-$first"
    probe_called open_session 2
    assert_eq "$(<"$STATE_DIR/pam_exec.log")" "open_session prt_alice /scratch/of-pam_env
open_session prt_alice /scratch/of-pam_env"
    go one
    wait_until 60 probe_called close_session 1
    wait_until 60 holds_are n1 "@slurm-$second"
    node_session n2
    wait_until 10 session_is_gone
    go two
    assert_all_closed_on n1 n2
    wait_until 30 job_is "$first" COMPLETED
    wait_until 30 job_is "$second" COMPLETED
    assert_eq "$(grep -c close_session "$STATE_DIR/pam_exec.log")" 2
}

# ---- whose fault ----------------------------------------------------------------------------------------------

@test "an expired account: its job fails and prints the reason, and the node stays up" {
    local said="refused: acct_mgmt for prt_alice (profile prt_job): User account has expired (PAM_ACCT_EXPIRED)"

    chage -E 1 prt_alice
    run_job prt_alice srun sh -c 'echo ran'
    chage -E -1 prt_alice
    [ "$status" -ne 0 ]
    assert_match "$stdout" "^pamrunctl: job slurm-[0-9]+: "
    assert_eq "${stdout#*: *: }" "$said"
    wait_until 60 no_job_is_left
    wait_until 60 node_is n1 idle
    assert_eq "$(in_node n1 ls -A /run/pamrun/refused)" "" # the epilog's
    probe_called open_session 0
    run_job prt_alice srun sh -c 'echo ran'
    assert_eq "$status $stdout" "0 ran"
}

@test "a profile that is broken drains the node, for a reason that names it" {
    profile prt_broken < <(cat /etc/pam.d/prt_job; echo "session required /nowhere/pam_missing.so")
    settings prt_broken
    run_job prt_alice srun -w n1 sh -c 'echo ran'
    [ "$status" -ne 0 ]
    assert_eq "$stdout" ""
    wait_until 60 node_is n1 drained
    assert_eq "$(node_reason n1)" \
        "pamrun: open_session for prt_alice (profile prt_broken): Module is unknown (PAM_MODULE_UNKNOWN)"
    assert node_is n2 idle
    settings prt_job
    node_resume n1
    run_job prt_alice srun -w n1 sh -c 'echo ran'
    assert_eq "$status $stdout" "0 ran"
}
