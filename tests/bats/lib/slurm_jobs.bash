# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # scripts; what tests read; what the libraries before it set
# slurm_jobs.bash: jobs of prt_alice's in a Slurm of two nodes whose hooks are the installed ones.  After lib/slurm; it has
# setup_file, setup, teardown and teardown_file.
#
#   start_job one -w n1        a batch job that runs until `go one`; sets job
#   holds n1                   what jobs hold of the session there: "@slurm-7 @slurm-8"
#   assert_all_closed_on n1    opened and closed once there, and nothing left

hooks=${PAMRUN%/bin/pamrun}/share/pamrun/hooks
slurm_hooks=("Prolog=$hooks/slurm-prolog" "Epilog=$hooks/slurm-epilog" "TaskProlog=$hooks/slurm-task-prolog")

setup_file()
{
    begin_file
    begin_sharing
    begin_slurm_test_files
    slurm_up 2 "${slurm_hooks[@]}" PrologFlags=Alloc,Contain
}

# prt_job: real modules that have variables and a script, and the probe; whose accounts end, ends here, too.
begin_slurm_test_files()
{
    keep_file /etc/pamrun-hooks.conf
    echo "CLUSTER_SCRATCH=/scratch/of-pam_env" >"$STATE_DIR/environment"
    printf '#!/bin/sh\necho "$PAM_TYPE $PAM_USER $CLUSTER_SCRATCH" >>%s\n' "$STATE_DIR/pam_exec.log" >"$STATE_DIR/pam_exec"
    chmod 0755 "$STATE_DIR/pam_exec"
    profile prt_job <<END
$(probe_line auth required)
$(probe_line account required)
account required pam_unix.so
$(probe_line password required)
session required pam_env.so conffile=/dev/null envfile=$STATE_DIR/environment user_readenv=0
$(probe_line session required)
session required pam_exec.so $STATE_DIR/pam_exec
END
}

setup()
{
    begin_test
    begin_sharing_test
    rm -f "$STATE_DIR/pam_exec.log"
    settings prt_job
    node_session n1
    probe_script <<<"open_session env KRB5CCNAME=FILE:/tmp/krb5cc_job"
}

teardown()
{
    local node

    scancel --user prt_alice || true
    wait_until 60 no_job_is_left
    end_sessions
    for node in $(slurm_nodes); do
        in_node "$node" sh -c 'rm -rf /run/pamrun/*'
        node_resume "$node"
    done
    cleanup_all
}

teardown_file()
{
    slurm_down
    cleanup_all
}

settings() # PROFILE [WORD...]
{
    echo "profile=$1 lease=1h ${*:2}" >/etc/pamrun-hooks.conf
}

# A command that waits until the test says go, at most two minutes: for a lock that the test has.
declare -gA waiting=()
wait_for() # WORD
{
    echo "flock --shared --timeout 120 $TEST_DIR/go-$1 true"
}

hold_back() # WORD
{
    local lock

    exec {lock}>"$TEST_DIR/go-$1"
    flock "$lock"
    waiting[$1]=$lock
}

go() # WORD
{
    local lock=${waiting[$1]}

    exec {lock}>&-
}

job_runs() # JOB
{
    job_is "$1" RUNNING && [ -s "$SLURM_DIR/output/$1" ]
}

start_job() # WORD [SBATCH-OPTION...]: runs until go WORD
{
    hold_back "$1"
    submit prt_alice "${@:2}" -- "srun sh -c 'echo \$SLURMD_NODENAME \$CLUSTER_SCRATCH \$KRB5CCNAME; $(wait_for "$1")'"
    wait_until 60 job_runs "$job"
}

# What jobs hold of the session on a node.
holds() # NODE
{
    (node_session "$1"; leases 2>/dev/null) | xargs
}

holds_are() # NODE HOLDS
{
    [ "$(holds "$1")" = "$2" ]
}

# On as many nodes as TIMES says, and nothing is left on any.
assert_all_closed_on() # NODE...
{
    local node

    wait_until 60 has_no_keeper
    for node; do
        node_session "$node"
        wait_until 60 session_is_gone
    done
    node_session n1
    probe_called open_session $#
    probe_called close_session $#
    probe_called setcred-delete $#
}
