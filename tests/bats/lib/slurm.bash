# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what tests read; what common.bash sets
# slurm.bash: a real Slurm on the loopback: munged, slurmctld, and several nodes, each a slurmd with a /run/pamrun of its
# own, as a machine of its own would have it. All else is shared. No control groups: proctrack/linuxproc.
#
#   load lib/slurm                   after lib/common and lib/sharing
#   slurm_up 2 LINE...               nodes n1, n2, idle when it returns; LINEs go into slurm.conf
#   run_job USER srun ARGUMENT...    one of Slurm's commands, as the user, until it ends: status, stdout ...
#   submit USER ARGUMENT... -- SHELL-LINES     sbatch; sets job, and job_output, a file
#   in_node n1 COMMAND...            a process of that node's
#   slurm_down                       before cleanup_all; jobs too

SLURM_DIR=$STATE_DIR/slurm
export SLURM_CONF=$SLURM_DIR/slurm.conf

# Slurm asks for addresses of the kinds that the machine has, and a loopback's own is none.
slurm_network()
{
    keep_file /etc/hosts
    echo "127.0.0.1 localhost $(hostname)" >/etc/hosts
    ip address replace 192.0.2.1/32 dev lo
}

slurm_configure() # NODES LINE...
{
    local number nodes=$1 version

    shift
    install -d -m 0755 "$SLURM_DIR" "$SLURM_DIR/spool" "$SLURM_DIR/munge" "$SLURM_DIR/output"
    install -d -m 0755 -o slurm -g slurm "$SLURM_DIR/state"
    install -d -m 0700 "$SLURM_DIR/secret"
    chmod 1777 "$SLURM_DIR/output"
    (umask 077 && head -c 64 /dev/urandom >"$SLURM_DIR/secret/key")
    {
        cat <<END
ClusterName=prt
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=26817
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$SLURM_DIR/munge/socket,cred_expire=40
StateSaveLocation=$SLURM_DIR/state
SlurmctldPidFile=$SLURM_DIR/state/pid
SlurmdPidFile=$SLURM_DIR/spool/%n.pid
SlurmdSpoolDir=$SLURM_DIR/spool/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=1
InactiveLimit=0
KillWait=5
MailProg=/bin/true
END
        printf '%s\n' "$@"
        for ((number = 1; number <= nodes; number++)); do
            echo "NodeName=n$number NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((26820 + number)) CPUs=64"
        done
        echo "PartitionName=all Nodes=ALL Default=YES OverSubscribe=FORCE:4 State=UP"
    } >"$SLURM_CONF"
    # What asks for no control groups must not wait for systemd to make some.
    version=$(slurmd -V | grep -oE '[0-9]+' | head -n 1)
    if [ "$version" -ge 23 ]; then
        echo CgroupPlugin=disabled # bookworm's has no such word, and starts without
    else
        echo CgroupPlugin=cgroup/v1
    fi >"$SLURM_DIR/cgroup.conf"
    chmod 0644 "$SLURM_CONF" "$SLURM_DIR/cgroup.conf"
}

# A daemon that stays in the foreground: of the file's, not of the test that may have started it anew.
slurm_daemon() # NAME COMMAND...
{
    local name=$1

    shift
    BATS_TEST_NAME='' start_program "$@" </dev/null
    disown "$pamrun_pid" # its end is nothing to be told about
    echo "$pamrun_pid" >"$SLURM_DIR/$name.pid"
    ln -sf "$pamrun_stderr" "$SLURM_DIR/$name.log"
}

# shellcheck disable=SC2016
slurm_node_start() # NODE
{
    mkdir -p /run/pamrun "$SLURM_DIR/spool/$1"
    slurm_daemon "$1" unshare --mount --propagation private sh -c '
        mount -t tmpfs -o mode=711 tmpfs /run/pamrun &&
            exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SLURM_CONF="$1" slurmd -D -N "$2" -f "$1"' sh "$SLURM_CONF" "$1"
}

munge_answers()
{
    munge --socket="$SLURM_DIR/munge/socket" -n | unmunge --socket="$SLURM_DIR/munge/socket"
}

slurm_up() # NODES [SLURM.CONF-LINE...]
{
    local node

    needs munged slurmctld slurmd srun sbatch scontrol || return
    slurm_network
    slurm_configure "$@"
    seq -f n%g "$1" | xargs >"$SLURM_DIR/nodes"
    slurm_daemon munged munged --foreground --force --key-file="$SLURM_DIR/secret/key" \
        --socket="$SLURM_DIR/munge/socket" --pid-file="$SLURM_DIR/secret/pid" --seed-file="$SLURM_DIR/secret/seed" \
        --log-file="$SLURM_DIR/secret/log"
    wait_until 60 munge_answers
    slurm_daemon slurmctld slurmctld -D -c -f "$SLURM_CONF"
    for node in $(slurm_nodes); do
        slurm_node_start "$node"
    done
    wait_until 60 slurm_is_idle || { slurm_logs; return 1; }
}

slurm_nodes()
{
    cat "$SLURM_DIR/nodes"
}

slurm_is_idle()
{
    [ "$(sinfo -h -N -t idle -o %N | sort -u | xargs)" = "$(slurm_nodes)" ]
}

slurm_logs()
{
    tail -n 60 "$SLURM_DIR"/*.log
}

# Those that lead the sessions of their own that start_program gave them; of what they started jobs are the rest.
slurm_down()
{
    local file

    ip address del 192.0.2.1/32 dev lo 2>/dev/null || true
    [ -d "$SLURM_DIR" ] || return 0
    for file in "$SLURM_DIR"/*.pid; do
        kill_program "$(<"$file")"
    done
    pkill -KILL -x slurmstepd || true
    rm -rf "$SLURM_DIR"
}

node_pid() # NODE
{
    cat "$SLURM_DIR/$1.pid"
}

in_node() # NODE COMMAND...
{
    nsenter -t "$(node_pid "$1")" -m -- "${@:2}"
}

# What is there of the user's sessions in a node; sharing.bash has $session.
node_session() # NODE
{
    session=/proc/$(node_pid "$1")/root/run/pamrun/$(id -u prt_alice).prt_job
}

run_job() # USER COMMAND...
{
    applicant_set "$1"
    run_program env --chdir=/ "${applicant[@]}" "${@:2}"
}

submit() # USER [SBATCH-OPTION...] -- SHELL-LINES
{
    local options=() user=$1

    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    applicant_set "$user"
    # shellcheck disable=SC2001
    job=$(printf '#!/bin/sh\n%s\n' "$2" | env --chdir=/ "${applicant[@]}" \
        sbatch --parsable --output="$SLURM_DIR/output/%j" "${options[@]}" 3>&- 4>&-) || return
    job_output=$SLURM_DIR/output/$job
}

job_field() # JOB FIELD
{
    scontrol --oneliner show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

job_is() # JOB STATE
{
    [ "$(job_field "$1" JobState)" = "$2" ]
}

# Its epilog is through, too.
no_job_is_left()
{
    [ -z "$(squeue -h)" ]
}

node_is() # NODE STATE: as sinfo(1) has it: idle, drained ...
{
    [ "$(sinfo -h -N -n "$1" -o %T)" = "$2" ]
}

node_reason() # NODE
{
    scontrol --oneliner show node "$1" | sed -n 's/.* Reason=\(.*\) \[.*/\1/p'
}

# Back to service, whatever a test made of it.
node_resume() # NODE
{
    node_is "$1" idle || scontrol update "NodeName=$1" State=RESUME
    wait_until 60 node_is "$1" idle
}
