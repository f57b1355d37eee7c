# More of what a real Slurm does, and tests/bats/86-slurm.bats has no time for: jobs that are cancelled, requeued, many at
# once; prologs that are killed or take too long; a keeper that is killed; a ticket of a real KDC.
# Takes long.
# Never with sanitizers: slurmd gives its hooks no environment, so that their reports would be nobody's.
# shellcheck disable=SC2154 # what the libraries set

load ../lib/common
load ../lib/sharing
load ../lib/slurm
load ../lib/slurm_jobs
load ../lib/kerberos

# A prolog that is in the middle of opening a session on n1, and waits for `touch $TEST_DIR/open`; sets job.
start_in_prolog()
{
    probe_script <<<"open_session wait-file $TEST_DIR/open"
    submit prt_alice -w n1 -- 'echo ran'
    wait_until 60 probe_called setcred-establish
}

# slurmd's child.
prolog_pid()
{
    local pid

    for pid in $(cat "/proc/$(node_pid n1)/task/"*/children); do
        [ "$(cat "/proc/$pid/comm")" != slurm-prolog ] || echo "$pid"
    done
}

# Whether or not its epilog is through.
job_is_cancelled()
{
    [[ $(job_field "$job" JobState) =~ ^(CANCELLED|COMPLETING)$ ]]
}

job_is_held()
{
    [[ $(job_field "$job" Reason) == *held* ]] && job_is "$job" PENDING
}

# ---- jobs that do not just begin and end ----------------------------------------------------------------------

@test "a batch job has the session's variables in its script, too" {
    submit prt_alice -w n1 -- 'echo "$CLUSTER_SCRATCH $KRB5CCNAME"'
    wait_until 60 job_is "$job" COMPLETED
    assert_eq "$(<"$SLURM_DIR/output/$job")" "/scratch/of-pam_env FILE:/tmp/krb5cc_job"
    assert_all_closed_on n1
}

@test "a batch job of a refused account fails with the reason in its output; the node stays up" {
    probe_script <<<"acct_mgmt return PAM_PERM_DENIED"
    submit prt_alice -w n1 -- 'echo ran'
    wait_until 60 job_is "$job" FAILED
    assert_contains "$(<"$SLURM_DIR/output/$job")" \
        "pamrunctl: job slurm-$job: refused: acct_mgmt for prt_alice (profile prt_job): Permission denied (PAM_PERM_DENIED)"
    wait_until 60 node_is n1 idle
}

@test "fifty jobs at once, and one that is there before and after: opened once, closed once" {
    local before

    start_job first -w n1
    before=$job
    hold_back all
    submit prt_alice -w n1 --array=1-50 --output="$SLURM_DIR/output/%A_%a" -- "echo \$KRB5CCNAME; $(wait_for all)"
    wait_until 100 fifty_run
    [ "$(holds n1 | wc -w)" -eq 51 ] || fail_because "held: $(holds n1)"
    go all
    wait_until 100 holds_are n1 "@slurm-$before"
    assert_eq "$(cat "$SLURM_DIR/output/$before" "$SLURM_DIR/output/$job"_* | sort | uniq -c | sed 's/^ *//')" \
        "50 FILE:/tmp/krb5cc_job
1 n1 /scratch/of-pam_env FILE:/tmp/krb5cc_job"
    probe_called close_session 0
    go first
    assert_all_closed_on n1
    assert node_is n1 idle
}

fifty_run()
{
    [ "$(squeue -h -r -t RUNNING -j "$job" | wc -l)" -eq 50 ] && [ "$(holds n1 | wc -w)" -eq 51 ]
}

@test "a job that is requeued lets go, and holds the session by the same name when it runs again" {
    start_job one -w n1
    scontrol requeue "$job"
    wait_until 60 probe_called close_session 1
    wait_until 100 job_has_begun_again
    assert_eq "$(job_field "$job" Restarts)" 1
    assert_eq "$(holds n1)" "@slurm-$job"
    go one
    wait_until 60 probe_called close_session 2
    wait_until 60 session_is_gone
}

# Slurm lets it wait for cred_expire, after which slurmd has forgotten that the job's prolog ran.
job_has_begun_again()
{
    probe_called open_session 2 && job_runs "$job"
}

@test "a job that is cancelled while its prolog runs: that runs to its end, and the epilog closes" {
    start_in_prolog
    scancel "$job"
    wait_until 60 job_is_cancelled
    probe_called open_session 0
    touch "$TEST_DIR/open"
    assert_all_closed_on n1
    wait_until 60 node_is n1 idle
    refute test -s "$SLURM_DIR/output/$job"
}

@test "a job that is cancelled while it runs lets go" {
    start_job one -N2
    scancel "$job"
    assert_all_closed_on n1 n2
}

# ---- what breaks ----------------------------------------------------------------------------------------------

@test "a prolog that is killed drains the node; what it was opening is closed" {
    start_in_prolog
    kill -KILL "$(prolog_pid)"
    touch "$TEST_DIR/open"
    wait_until 60 node_is n1 drained
    assert_all_closed_on n1
    wait_until 60 job_is_held
    assert_eq "$(node_reason n1)" "Prolog error" # nobody was left to say more
}

@test "a keeper that is killed: the job goes on; the next job opens again for both, and list says so" {
    local first

    start_job one -w n1
    first=$job
    kill -KILL "$(keepers)"
    wait_until 30 has_no_keeper
    start_job two -w n1
    assert job_is "$first" RUNNING
    assert_eq "$(holds n1)" "@slurm-$first @slurm-$job"
    run_program nsenter -t "$(node_pid n1)" -m -- "$PAMRUNCTL" list
    assert_match "$stdout" "prt_alice +prt_job +open .* 2  reopened 1"
    go one
    wait_until 60 holds_are n1 "@slurm-$job"
    probe_called close_session 0
    go two
    wait_until 60 has_no_keeper
    wait_until 60 session_is_gone
    probe_called open_session 2
    probe_called close_session 1
    wait_until 60 job_is "$first" COMPLETED
    wait_until 60 node_is n1 idle
}

@test "a keeper that is killed, and no next job: the epilog finds the hold, and the node stays up" {
    start_job one -w n1
    kill -KILL "$(keepers)"
    wait_until 30 has_no_keeper
    go one
    wait_until 60 job_is "$job" COMPLETED
    wait_until 60 holds_are n1 ""
    wait_until 60 node_is n1 idle
    run_job prt_alice srun -w n1 sh -c 'echo $KRB5CCNAME'
    assert_eq "$status $stdout" "0 FILE:/tmp/krb5cc_job"
    wait_until 60 has_no_keeper
    wait_until 60 session_is_gone
}

@test "scontrol= in the settings: the node's reason is Slurm's own" {
    settings prt_job scontrol=
    probe_script <<<"open_session return PAM_SYSTEM_ERR"
    run_job prt_alice srun -w n1 true
    [ "$status" -ne 0 ]
    wait_until 60 node_is n1 drained
    assert_eq "$(node_reason n1)" "Prolog error"
}

# ---- a ticket -------------------------------------------------------------------------------------------------

@test "a session that was opened with a forwarded password: its ticket is the job's, and gone with the last hold" {
    local password='Krb p@ss"w0rd$1'

    BATS_TEST_NAME='' kdc_start
    caches_remove
    principal_add prt_alice "$password"
    profile prt_ticket <<END
auth required pam_krb5.so minimum_uid=1000
account required pam_krb5.so minimum_uid=1000
account required pam_unix.so
password required pam_deny.so
session required pam_krb5.so minimum_uid=1000
$(probe_line session required)
END
    settings prt_ticket options=--no-auth
    probe_reset # no KRB5CCNAME but the real one
    run_program nsenter -t "$(node_pid n1)" -m -- "$PAMRUNCTL" open --user prt_alice --profile prt_ticket --id notebook \
        -- --forward-password-fd 7 --require-password-used 7<<<"$password"
    assert_eq "$status $output" "0 "
    run_job prt_alice srun -w n1 sh -c 'kvno -q host/localhost && klist'
    assert_eq "$status $stderr" "0 "
    assert_match "$stdout" "^Ticket cache: FILE:/tmp/krb5cc_$(id -u prt_alice)_[A-Za-z0-9]+
Default principal: prt_alice@$REALM
.*krbtgt/$REALM@$REALM.*host/localhost@"
    probe_called open_session 1
    wait_until 60 no_job_is_left
    probe_called close_session 0
    assert_eq "$(stat -c %U "$(caches)")" prt_alice
    run_program nsenter -t "$(node_pid n1)" -m -- "$PAMRUNCTL" close --id notebook
    assert_eq "$status $output" "0 "
    wait_until 60 has_no_keeper
    assert_eq "$(caches)" ""
    probe_called close_session 1
}

# ---- other configurations -------------------------------------------------------------------------------------

@test "without PrologFlags, epilogs run where no prolog did: that is no failure" {
    printf '#!/bin/sh\necho "$SLURM_SCRIPT_CONTEXT $SLURMD_NODENAME" >>%s\nexec %s\n' "$STATE_DIR/epilogs" \
        "$hooks/slurm-epilog" >"$STATE_DIR/epilog"
    chmod 0755 "$STATE_DIR/epilog"
    slurm_down
    slurm_up 2 "${slurm_hooks[0]}" "${slurm_hooks[2]}" "Epilog=$STATE_DIR/epilog"
    run_job prt_alice salloc -N2 true
    assert_status 0
    wait_until 60 both_epilogs_ran
    wait_until 60 slurm_is_idle
    probe_called authenticate 0
    rm "$STATE_DIR/epilogs"
    submit prt_alice -N2 -- 'echo "$KRB5CCNAME"'
    wait_until 60 both_epilogs_ran
    wait_until 60 slurm_is_idle
    assert_eq "$(<"$SLURM_DIR/output/$job")" FILE:/tmp/krb5cc_job
    assert_all_closed_on n1
}

both_epilogs_ran()
{
    [ "$(sort "$STATE_DIR/epilogs")" = $'epilog_slurmd n1\nepilog_slurmd n2' ]
}

@test "a prolog that takes too long is ended: nothing stays open, the node is drained" {
    slurm_down
    slurm_up 2 "${slurm_hooks[@]}" PrologFlags=Alloc PrologEpilogTimeout=2
    probe_script <<<"open_session hang-eintr"
    submit prt_alice -w n1 -- 'echo ran'
    wait_until 60 node_is n1 drained
    node_session n1
    wait_until 60 has_no_keeper
    wait_until 60 session_is_gone
    probe_called setcred-delete 1
    wait_until 60 job_is_held
}
