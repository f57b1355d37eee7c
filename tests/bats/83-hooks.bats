# The hooks for Slurm and Flux, with the environment, ids and descriptors that were seen of the real ones: a prolog of
# Slurm has no PATH and no user's variables; one of Flux is root with the group of flux, knows FLUX_JOB_ID and
# FLUX_JOB_USERID, and has a standard input without data or end. Debian has no Flux: `flux job id` and what its shell
# gives to Lua are stand-ins here.
# With sanitizers only in full.

load lib/common
load lib/sharing

hooks=/usr/share/pamrun/hooks

setup_file()
{
    begin_file
    begin_sharing
    keep_file /etc/pamrun-hooks.conf
    cat >"$STATE_DIR/flux" <<'END'
#!/bin/sh
# flux job id --to=dec ID
[ "$1 $2 $3" = "job id --to=dec" ] || exit 1
case $4 in
    ƒ9HnC6Ws | f9HnC6Ws) echo 4711 ;;
    *[!0-9]*) echo "flux-job: invalid jobid" >&2; exit 1 ;;
    *) echo "$4" ;;
esac
END
    chmod 0755 "$STATE_DIR/flux"
    settings prt_job
}

settings() # PROFILE
{
    printf 'profile=%s lease=1h flux=%s\n' "$1" "$STATE_DIR/flux" >/etc/pamrun-hooks.conf
}

setup()
{
    begin_test
    begin_sharing_test
    rm -rf /run/pamrun/refused
    chmod 0644 /etc/pamrun-hooks.conf
}

teardown()
{
    end_sessions
    rm -rf /run/pamrun/refused
    cleanup_all
}

# As slurmd does: nothing but this in the environment, one pipe for output and errors.
slurm_hook() # HOOK JOB [NAME=VALUE...]
{
    run_program env -i SLURM_JOB_ID="$2" SLURM_JOB_UID="$(id -u prt_alice)" SLURM_JOB_USER=prt_alice SLURMD_NODENAME=n1 \
        SLURM_SCRIPT_CONTEXT=prolog_slurmd "${@:3}" "$hooks/$1" </dev/null
}

# As slurmstepd does: the user, with an environment of his.
task_prolog() # JOB
{
    run_program_as prt_alice env SLURM_JOB_ID="$1" PATH=/nowhere "$hooks/slurm-task-prolog" </dev/null
}

# As flux-shell does when a job begins there: the user, in a process that has Flux's two tables.
flux_shell() # JOB
{
    local lua

    needs "$(type -P lua5.4 >/dev/null && echo lua5.4 || echo lua)" || return
    lua=$(type -P lua5.4 lua | head -n 1)
    cat >"$TEST_DIR/shell.lua" <<'END'
shell = {
    info = { jobid = 4711 },
    setenv = function (name, value) print ("set " .. name .. "=" .. value) end,
    log = function (text) print ("log " .. text) end,
    die = function (text) print ("die " .. text) os.exit (1) end,
}
plugin = {
    register = function (given)
        for _, handler in ipairs (given.handlers) do
            assert (handler.topic == "shell.init")
            handler.fn ()
        end
    end
}
dofile (arg[1])
END
    chmod 0644 "$TEST_DIR/shell.lua"
    run_program_as prt_alice env ${1:+FLUX_JOB_ID="$1"} PATH=/nowhere "$lua" "$TEST_DIR/shell.lua" \
        "$hooks/flux-shell.lua" </dev/null
}

# As flux-imp does: uid 0, gid and groups of flux, a socket that says nothing for standard input.
flux_hook() # HOOK JOB [NAME=VALUE...]
{
    run_program python3 - "$hooks/$1" FLUX_JOB_ID="$2" FLUX_OWNER_USERID=995 HOME=/root USER=root \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin "${@:3}" <<'END'
import os, socket, subprocess, sys

def become_flux_root():
    os.setgroups([65534])
    os.setresgid(65534, 65534, 65534)

silent, kept = socket.socketpair()
sys.exit(subprocess.run([sys.argv[1]], stdin=silent, env=dict(word.split("=", 1) for word in sys.argv[2:]),
                        preexec_fn=become_flux_root, cwd="/", timeout=50).returncode)
END
}

@test "Slurm: overlapping jobs share one session; tasks have its variables; the last epilog closes it" {
    probe_script <<<"open_session env KRB5CCNAME=FILE:/tmp/krb5cc_job"
    slurm_hook slurm-prolog 1
    assert_status 0
    assert_eq "$output" ""
    slurm_hook slurm-prolog 2
    assert_status 0
    slurm_hook slurm-prolog 2 # requeued, or slurmd began anew
    assert_status 0
    assert_eq "$(leases)" "@slurm-1
@slurm-2"
    probe_called open_session 1
    probe_called authenticate 3
    task_prolog 2
    assert_status 0
    assert_eq "$output" "export KRB5CCNAME=FILE:/tmp/krb5cc_job"
    slurm_hook slurm-epilog 1
    assert_status 0
    assert_eq "$output" ""
    probe_called close_session 0
    slurm_hook slurm-epilog 2
    assert_status 0
    assert_all_closed
}

@test "Slurm: an epilog where no prolog ran has nothing to do" {
    slurm_hook slurm-epilog 3
    assert_status 0
    assert_eq "$output" ""
}

@test "Slurm: settings that only root can read do not keep the task from its variables" {
    probe_script <<<"open_session env KRB5CCNAME=FILE:/tmp/krb5cc_job"
    slurm_hook slurm-prolog 1
    assert_status 0
    chmod 0600 /etc/pamrun-hooks.conf
    task_prolog 1
    assert_status 0
    assert_eq "$output" "export KRB5CCNAME=FILE:/tmp/krb5cc_job"
}

@test "Slurm: a refused account is no failure of the node; the task tells the reason and fails; the epilog clears it" {
    probe_script <<<"acct_mgmt return PAM_ACCT_EXPIRED"
    slurm_hook slurm-prolog 4
    assert_status 0
    assert_eq "$(leases 2>/dev/null)" ""
    task_prolog 4
    assert_status 1
    assert_match "$stdout" "^print pamrunctl: job slurm-4: refused: acct_mgmt for prt_alice .*PAM_ACCT_EXPIRED"
    run_program_as prt_bob env SLURM_JOB_ID=4 "$hooks/slurm-task-prolog"
    refute_contains "$output" PAM_ACCT_EXPIRED
    slurm_hook slurm-epilog 4
    assert_status 0
    probe_reset
    slurm_hook slurm-prolog 4
    assert_status 0
    task_prolog 4
    assert_status 0
    refute_contains "$output" PAM_ACCT_EXPIRED
}

@test "Slurm: what is broken on the node is a failure that names profile and step" {
    probe_script <<<"open_session return PAM_SYSTEM_ERR"
    slurm_hook slurm-prolog 5
    assert_status 71
    assert_match "$output" "^pamrun: open_session for prt_alice \(profile prt_job\): .*PAM_SYSTEM_ERR"
    refute test -e /run/pamrun/refused/slurm-5
    profile prt_broken <<<"auth required /nowhere/pam_missing.so"
    settings prt_broken
    slurm_hook slurm-prolog 5
    settings prt_job
    [ "$status" -ne 0 ]
    [ "$status" -ne 77 ]
    assert_contains "$output" prt_broken
    slurm_hook slurm-prolog 5 SLURM_JOB_UID=4000000001 # a directory that has died: nobody is known
    assert_status 67
    task_prolog 5
    assert_status 0 # the job never gets there; who comes all the same goes on without
    assert_match "$stdout" "^print pamrun: no session of this job: "
}

@test "Slurm: SIGTERM to a prolog ends it with a failure, and nothing stays open" {
    probe_script <<<"open_session hang-eintr"
    start_program env -i SLURM_JOB_ID=6 SLURM_JOB_UID="$(id -u prt_alice)" "$hooks/slurm-prolog"
    wait_until 20 probe_called setcred-establish
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    [ "$status" -ne 0 ]
    wait_until 20 has_no_keeper
    wait_until 20 session_is_gone
    probe_called setcred-delete 1
}

@test "Slurm: a prolog that is killed, which its keeper was told of before, leaves nothing" {
    local keeper

    probe_script <<<"open_session wait-file $TEST_DIR/open"
    start_program env -i SLURM_JOB_ID=6 SLURM_JOB_UID="$(id -u prt_alice)" "$hooks/slurm-prolog"
    wait_until 20 probe_called setcred-establish
    keeper=$(probe_field setcred-establish pid)
    kill -KILL -- "-$pamrun_pid" # slurmd's SIGTERM to the group comes ten milliseconds before that
    kill -TERM "$keeper"
    touch "$TEST_DIR/open"
    wait_until 20 program_has_ended "$keeper"
    probe_called close_session 1
    probe_called setcred-delete 1
    slurm_hook slurm-epilog 6
    assert_eq "$status $output" "0 "
    assert session_is_gone
}

@test "Slurm: a hook that slurmd did not call says so" {
    local hook

    for hook in slurm-prolog slurm-epilog; do
        run_program env -i "$hooks/$hook" </dev/null
        assert_status 64
        assert_contains "$output" "not called by slurmd"
    done
}

@test "Flux: prolog and epilog mean the same job in whichever form its id comes, and read no standard input" {
    flux_hook flux-prolog ƒ9HnC6Ws FLUX_JOB_USERID="$(id -u prt_alice)"
    assert_status 0
    assert_eq "$output" ""
    assert_eq "$(leases)" "@flux-4711"
    assert_eq "$(stat -c '%U:%G %a' "$session" "$session/leases")" "root:root 711
root:root 711"
    flux_hook flux-epilog 4711 # housekeeping has it in decimal
    assert_status 0
    assert_all_closed
    flux_hook flux-epilog f9HnC6Ws
    assert_status 0
}

@test "Flux: without the job's user, or with another word there, nothing is opened: it would be root's session" {
    local words

    for words in "" FLUX_JOB_USERID= FLUX_JOB_USERID=-1 FLUX_JOB_USERID=root FLUX_JOB_USERID=0x0; do
        # shellcheck disable=SC2086 # one word or none
        flux_hook flux-prolog ƒ9HnC6Ws $words
        assert_status 64
        assert_contains "$output" "no FLUX_JOB_USERID"
    done
    flux_hook flux-epilog ""
    assert_status 64
    assert_eq "$(probe_log)" ""
}

@test "Flux: a refused account is marked, a broken node is a failure" {
    probe_script <<<"acct_mgmt return PAM_PERM_DENIED"
    flux_hook flux-prolog f9HnC6Ws FLUX_JOB_USERID="$(id -u prt_alice)"
    assert_status 0
    run_pamrunctl_as prt_alice env --id flux-4711 --format nul
    assert_status 77
    assert_contains "$output" PAM_PERM_DENIED
    probe_script <<<"setcred-establish return PAM_CRED_UNAVAIL"
    flux_hook flux-prolog f9HnC6Ws FLUX_JOB_USERID="$(id -u prt_alice)"
    assert_status 75
    flux_hook flux-prolog "no id" FLUX_JOB_USERID="$(id -u prt_alice)"
    assert_status 71
}

@test "Flux: the shell has the session's variables set, each as it is, and whatever the job's id looks like" {
    probe_script <<'END'
open_session env KRB5CCNAME=FILE:/tmp/krb5cc_job
open_session env WORDS=a=b c
open_session env BAD-NAME=1
END
    flux_hook flux-prolog ƒ9HnC6Ws FLUX_JOB_USERID="$(id -u prt_alice)"
    assert_status 0
    for job in ƒ9HnC6Ws 4711 ""; do
        flux_shell "$job"
        assert_eq "$status$stderr" 0
        assert_eq "$(LC_ALL=C sort <<<"$stdout")" "set KRB5CCNAME=FILE:/tmp/krb5cc_job
set WORDS=a=b c"
    done
    kill -KILL "$(keepers)" # what is said of that is no variable, and swallows none
    wait_until 10 has_no_keeper
    flux_shell 4711
    assert_eq "$status$stderr" 0
    assert_eq "$(LC_ALL=C sort <<<"$stdout")" "set KRB5CCNAME=FILE:/tmp/krb5cc_job
set WORDS=a=b c"
    flux_hook flux-epilog 4711
    assert_status 0
}

@test "Flux: the shell ends a refused account's job with the reason, and lets a job without a session go on" {
    probe_script <<<"acct_mgmt return PAM_ACCT_EXPIRED"
    flux_hook flux-prolog ƒ9HnC6Ws FLUX_JOB_USERID="$(id -u prt_alice)"
    assert_status 0
    flux_shell ƒ9HnC6Ws
    assert_status 1
    assert_eq "$stdout" "die pamrun: pamrunctl: job flux-4711: refused: acct_mgmt for prt_alice (profile prt_job): User account has expired (PAM_ACCT_EXPIRED)"
    flux_hook flux-epilog 4711
    flux_shell ƒ9HnC6Ws
    assert_status 0
    assert_eq "$stdout" "log pamrun: no session of this job: pamrunctl: env: flux-4711: there is no such shared session
hint: pamrunctl list shows those that there are"
    flux_shell "no id"
    assert_status 0
    assert_match "$stdout" "^log pamrun: no session of this job: flux-job: invalid jobid"
    chmod 0600 /etc/pamrun-hooks.conf # then the flux of PATH is called, which is not there
    flux_shell ƒ9HnC6Ws
    assert_status 0
    assert_match "$stdout" "^log pamrun: no session of this job: .*not found"
}
