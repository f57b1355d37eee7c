# The verbs of pamrunctl for shared sessions: open, close, list, env, wait, refresh, recover.
# With sanitizers only in full.

load lib/common
load lib/sharing

setup_file()
{
    begin_file
    begin_sharing
    alice_uid=$(id -u prt_alice)
    export alice_uid
}

setup()
{
    begin_test
    begin_sharing_test
    rm -rf /run/pamrun/refused
}

teardown()
{
    end_sessions
    rm -rf /run/pamrun/refused
    cleanup_all
}

ctl()
{
    run_pamrunctl "$@"
}

open_job() # ID [ARGUMENT...]
{
    ctl open --user prt_alice --profile prt_job --id "$@"
}

# What a Python expression says of the output, `o` being the JSON object.
json() # EXPRESSION
{
    python3 -c 'import json, sys; o = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$stdout" "$1"
}

# Users that nobody lets in: PAM's answer of the account step.
refuse()
{
    probe_script <<<"acct_mgmt return PAM_PERM_DENIED"
}

keeper_of() # PROFILE
{
    local pid

    for pid in $(keepers); do
        [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != *"($1)"* ]] || echo "$pid"
    done
}

keeper_has_ended() # PROFILE
{
    [ -z "$(keeper_of "$1")" ]
}

has_open() # PID PATH
{
    [[ $(readlink "/proc/$1/fd/"* 2>/dev/null) == *"$2"* ]]
}

# ---- open -----------------------------------------------------------------------------------------------------

@test "open holds the session, twice is one hold, close releases it and the session is closed" {
    open_job 1234
    assert_status 0
    assert_eq "$output" ""
    assert_eq "$(leases)" "@1234"
    open_job 1234 --lease 26h
    assert_status 0
    assert_eq "$(leases)" "@1234"
    probe_called open_session 1
    probe_called acct_mgmt 2
    ctl close --id 1234
    assert_status 0
    assert_eq "$output" ""
    assert_all_closed
}

@test "open by user id, and by an identity that the policy maps" {
    ctl open --uid "$alice_uid" --profile prt_job --id a
    assert_status 0
    printf '%s\n' 'j.doe@example.com=prt_alice' >"$TEST_DIR/map"
    site_policy <<<"identity-map = $TEST_DIR/map"
    ctl open --identity j.doe@example.com --profile prt_job --id b
    assert_eq "$output" ""
    assert_status 0
    assert_eq "$(leases)" "@a
@b"
    ctl close --id a
    ctl close --id b
    assert_all_closed
}

@test "what stands behind -- is pamrun's, and what is for open itself to say is refused" {
    local word

    probe_script <<<"authenticate prompt-off Password:"
    run_program "$PAMRUNCTL" open --user prt_alice --profile prt_job --id 1 -- --forward-password-fd 7 \
        --require-password-used 7<<<geheim
    assert_eq "$output" ""
    assert_status 0
    assert_eq "$(probe_field authenticate conv)" "prompt-off:PAM_SUCCESS:answered:6"
    open_job 1 -- --no-auth --no-account
    assert_status 0
    probe_called authenticate 1
    for word in --user=root --hold=x --json-status-fd --profile --help; do
        open_job 2 -- "$word"
        assert_status 64
        assert_eq "${stderr%%$'\n'*}" "pamrunctl: open: this option is for open itself to say: $word"
    done
    open_job 2 -- -u root
    assert_status 64
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: open: options for pamrun begin with --, and this one does not: -u"
    open_job 2 -- --no-auth -- true
    assert_status 64
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: open: no command is run: --"
    assert_eq "$(leases)" "@1"
}

@test "a step that fails is told by pamrun, with its status; nothing is held" {
    local script status_wanted

    while IFS='|' read -r script status_wanted; do
        probe_reset
        probe_script <<<"$script"
        open_job 1
        assert_status "$status_wanted"
        assert_match "${stderr%%$'\n'*}" "^pamrun: .* for prt_alice \(profile prt_job\): "
        refute test -e "$session/leases/@1"
        refute test -e /run/pamrun/refused/1
        wait_until 10 has_no_keeper
    done <<'END'
acct_mgmt return PAM_PERM_DENIED|77
acct_mgmt return PAM_AUTHINFO_UNAVAIL|75
open_session return PAM_SESSION_ERR|71
END
}

@test "--on-refusal=mark: the account's fault is 0 and a mark of its own; the node's is not" {
    refuse
    open_job 1234 --on-refusal=mark
    assert_status 0
    assert_match "$stderr" "^pamrun: acct_mgmt for prt_alice \(profile prt_job\): Permission denied \(PAM_PERM_DENIED\)"
    assert_eq "$(stat -c '%U %a' /run/pamrun/refused/1234)" "root 640"
    assert_eq "$(stat -c '%U %a' /run/pamrun/refused)" "root 711"
    assert_eq "$(ls -A /run/pamrun/refused)" 1234
    run_pamrunctl_as prt_alice env --id 1234 --format slurm-task
    assert_status 77
    assert_eq "$stdout" "print pamrunctl: job 1234: refused: acct_mgmt for prt_alice (profile prt_job): Permission denied (PAM_PERM_DENIED)"
    assert_eq "$stderr" "pamrunctl: job 1234: refused: acct_mgmt for prt_alice (profile prt_job): Permission denied (PAM_PERM_DENIED)"
    run_pamrunctl_as prt_bob env --id 1234 --format sh # not his
    assert_status 69
    refute_contains "$output" PAM_PERM_DENIED
    probe_script <<<"acct_mgmt return PAM_AUTHINFO_UNAVAIL"
    open_job 5 --on-refusal=mark
    assert_status 75
    refute test -e /run/pamrun/refused/5
    probe_reset
    open_job 1234 --on-refusal=mark # requeued, and let in
    assert_status 0
    refute test -e /run/pamrun/refused/1234
    ctl close --id 1234
}

@test "whatever umask root has, accounts find their marks and variables" {
    refuse
    end_sessions
    rm -rf /run/pamrun
    umask 077
    open_job 1234 --on-refusal=mark
    assert_status 0
    assert_eq "$(stat -c '%U %a' /run/pamrun /run/pamrun/refused)" "root 711
root 711"
    run_pamrunctl_as prt_alice env --id 1234 --format slurm-task
    assert_status 77
    chmod 0700 /run/pamrun/refused # as an older one had made it
    open_job 1234 --on-refusal=mark
    assert_eq "$(stat -c %a /run/pamrun/refused)" 711
    ctl close --id 1234
}

@test "a mark has the account's name, also where the policy refuses a user id before any name was told" {
    site_policy <<<"required-groups = prt_nowhere"
    ctl open --uid "$alice_uid" --profile prt_job --id 1234 --on-refusal=mark -- --no-auth --no-account
    assert_status 0
    ctl list
    assert_eq "$stdout" "refused: job 1234 of prt_alice: user prt_alice: is in no group that the site policy requires"
    ctl list --json
    assert_eq "$(json 'o["refused"][0]["account"]')" prt_alice
    echo "{\"uid\": $alice_uid}" >/run/pamrun/refused/1234 # as if nobody had known the name
    ctl list
    assert_match "$stdout" "^refused: job 1234 of user id $alice_uid: "
    ctl close --id 1234
}

@test "close removes the mark" {
    refuse
    ctl open --uid "$alice_uid" --profile prt_job --id 1234 --on-refusal=mark
    assert_status 0
    assert_eq "$(stat -c %U /run/pamrun/refused/1234)" root
    ctl close --id 1234
    assert_status 0
    assert_eq "$output" ""
    ctl close --id 1234
    assert_status 69
}

@test "nobody resolves the user: 67, and never a mark" {
    ctl open --user prt_nobody --profile prt_job --id 1 --on-refusal=mark
    assert_status 67
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_nobody: does not exist"
    ctl open --uid 4000000 --profile prt_job --id 1 --on-refusal=mark
    assert_status 67
    refute test -e /run/pamrun/refused/1
}

@test "an identity that means nobody: the mark is nobody's, and whoever asks is refused without a reason" {
    site_policy <<<"identity-rewrite = ^UID-([a-z]+)\$ \$1"
    ctl open --identity 'x@example.com' --profile prt_job --id 7 --on-refusal=mark
    assert_status 0
    assert_eq "$(stat -c '%U %a' /run/pamrun/refused/7)" "root 600"
    run_pamrunctl_as prt_bob env --id 7 --format sh
    assert_status 77
    assert_eq "$stderr" "pamrunctl: job 7: refused: the account is not let in; syslog has the reason"
}

@test "open is stopped by TERM at whatever it does, and passes pamrun's status on" {
    probe_script <<<"open_session hang-eintr"
    start_program "$PAMRUNCTL" open --user prt_alice --profile prt_job --id 1
    wait_until 20 probe_called setcred-establish
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid"
    assert_status 143
    assert_eq "$stderr" "pamrun: open_session for prt_alice (profile prt_job): stopped by SIGTERM"
    wait_until 10 session_is_gone
}

# ---- close ----------------------------------------------------------------------------------------------------

@test "close of what was never opened: 69, or 0 with --missing-ok" {
    ctl close --id 1234
    assert_status 69
    assert_eq "$stderr" "pamrunctl: close: 1234: no session is held by that name
hint: pamrunctl list shows those that are; with --missing-ok this is no failure"
    ctl close --id 1234 --missing-ok
    assert_status 0
    assert_eq "$output" ""
    ctl close --user prt_alice --force
    assert_status 69
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: close: user prt_alice: there is no such shared session"
    ctl close --user prt_alice --force --missing-ok
    assert_eq "$status$output" 0
}

@test "close while it is being opened: the session is opened, finds nobody, and is closed" {
    probe_script <<<"open_session wait-file $TEST_DIR/go"
    start_program "$PAMRUNCTL" open --user prt_alice --profile prt_job --id 1234
    wait_until 20 probe_called setcred-establish
    ctl close --id 1234
    assert_status 0
    : >"$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 0
    assert_all_closed
}

@test "close --force ends the session at once, says who was in it, and releases its holds" {
    start_sharing
    open_job 1234
    ctl close --user prt_alice --profile prt_job --force
    assert_status 0
    assert_eq "$output" "closed: session of prt_alice (profile prt_job), with 1 run and 1 hold in it"
    has_no_keeper
    probe_called close_session 1
    probe_called setcred-delete 1
    assert_match "$(leases)" "^$pamrun_pid\.[0-9]+$"
    program_is_running "$pamrun_pid"
    ctl wait --user prt_alice
    assert_status 0
    ctl list
    assert_match "$stdout" "user id $alice_uid  prt_job  left     -        -        1  without a session
  run  $pamrun_pid "
}

@test "close --force waits no longer than --timeout, and names the keeper" {
    start_sharing
    probe_script <<<"close_session wait-file $TEST_DIR/go"
    ctl close --uid "$alice_uid" --force --timeout 1s
    assert_status 75
    assert_eq "${stderr%%$'\n'*}" \
        "pamrunctl: close: session of prt_alice (profile prt_job): its keeper, process $(keepers), has not ended yet"
    : >"$TEST_DIR/go"
    wait_until 10 has_no_keeper
    probe_called close_session 1
}

@test "close --force lets modules that close already do so, and does not take a keeper that was ended for one that closed" {
    local keeper closing

    probe_script <<<"close_session wait-file $TEST_DIR/go"
    start_sharing
    keeper=$(keepers)
    kill "$pamrun_pid"
    end_status "$pamrun_pid"
    wait_until 10 probe_called setcred-establish
    wait_until 10 grep -q '^state closing' "$session/state"
    start_program "$PAMRUNCTL" close --user prt_alice --force --timeout 60s
    closing=$pamrun_pid
    wait_until 20 has_open "$closing" pidfd
    assert_eq "$(awk '/^ShdPnd|^SigPnd/ { printf "%s ", $2 }' "/proc/$keeper/status")" "0000000000000000 0000000000000000 "
    : >"$TEST_DIR/go"
    end_status "$closing"
    assert_status 0
    assert_all_closed
    rm "$TEST_DIR/go"
    start_sharing
    start_program "$PAMRUNCTL" close --user prt_alice --force --timeout 60s
    wait_until 10 grep -q '^state closing' "$session/state"
    wait_until 20 has_open "$pamrun_pid" pidfd
    kill -KILL "$(keepers)"
    end_status "$pamrun_pid"
    assert_status 71
    assert_eq "$stdout" ""
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: close: session of prt_alice (profile prt_job): its keeper was ended while it closed it"
}

@test "one session that cannot be closed, refreshed or waited for does not keep the others from it" {
    local lost type

    profile prt_first < <(for type in auth account password session; do probe_line $type required first; done)
    open_job 1
    ctl open --user prt_alice --profile prt_first --id 1
    lost=$(keeper_of prt_first)
    probe_script <<<"setcred-refresh@first return PAM_CRED_UNAVAIL"
    ctl refresh --user prt_alice
    assert_status 71
    assert_match "$stderr" "^pamrunctl: refresh: session of prt_alice \(profile prt_first\): .*PAM_CRED_UNAVAIL"
    assert_eq "$stdout" "refreshed: session of prt_alice (profile prt_job)"
    kill -KILL "$lost"
    wait_until 10 keeper_has_ended prt_first
    start_program "$PAMRUNCTL" wait --user prt_alice --timeout 60s
    wait_until 20 has_open "$pamrun_pid" pidfd # the other's: it has seen that one
    ctl refresh --user prt_alice
    assert_status 75
    assert_eq "$stderr" "pamrunctl: refresh: session of prt_alice (profile prt_first): its keeper was killed"
    assert_eq "$stdout" "refreshed: session of prt_alice (profile prt_job)"
    # a folder that is not root's alone can be used by nobody: that lasts, and is told last
    chown prt_bob "/run/pamrun/$alice_uid.prt_first"
    ctl close --user prt_alice --force
    chown root "/run/pamrun/$alice_uid.prt_first"
    assert_status 71
    assert_eq "$stdout" "closed: session of prt_alice (profile prt_job), with 0 runs and 1 hold in it"
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: shared session $alice_uid.prt_first: /run/pamrun/$alice_uid.prt_first is not root's"
    end_status "$pamrun_pid"
    assert_status 75
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: wait: session of prt_alice (profile prt_first): its keeper was killed, so that nobody closes it"
    probe_called close_session 1
    ctl close --user prt_alice --force
    assert_eq "$stderr" "pamrunctl: session of prt_alice (profile prt_first): its keeper had been killed, so that no module closed it"
    rm -rf "/run/pamrun/$alice_uid.prt_first"
}

@test "close --force of what has no session says nothing of a keeper" {
    start_sharing
    ctl close --user prt_alice --force
    assert_status 0
    assert_eq "$(leases | wc -l)" 1
    ctl close --user prt_alice --force
    assert_status 0
    assert_eq "$output" "closed: session of user id $alice_uid (profile prt_job), with 1 run and 0 holds in it"
}

@test "close --force says that the session was opened again before it could clear what was left" {
    open_job 1
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    start_program python3 - "$session" "$TEST_DIR/go" <<'END'
import fcntl, os, sys, time

lock = open(sys.argv[1] + "/lock", "r+")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)
keeper = open(sys.argv[1] + "/keeper", "r+")
fcntl.lockf(keeper, fcntl.LOCK_EX)
fcntl.flock(lock, fcntl.LOCK_UN)
time.sleep(600)
END
    wait_until 20 test -s "$pamrun_stdout"
    opener=$pamrun_pid
    start_program "$PAMRUNCTL" close --user prt_alice --force
    wait_until 20 has_open "$pamrun_pid" "$session/lock"
    : >"$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_status 75
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrunctl: close: session of prt_alice (profile prt_job): it was opened again meanwhile"
    assert_eq "$(leases)" "@1"
    kill -KILL "$opener"
    end_status "$opener" || true
    ctl close --id 1
}

@test "close of the last hold where the keeper was killed: cleaned up, and said" {
    open_job 1234
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    ctl close --id 1234
    assert_status 0
    assert_eq "$stderr" "pamrunctl: session of prt_alice (profile prt_job): its keeper had been killed, so that nobody closed it: what its modules had mounted may remain"
    session_is_gone
}

@test "close --pid ends a run of pamrun and its session, and nothing else" {
    local command

    start_pamrun --profile prt_job --close-on-exit -u prt_alice -- sh -c 'echo "$$"; exec sleep 600'
    wait_until 20 test -s "$pamrun_stdout"
    command=$(cat "$pamrun_stdout")
    ctl close --pid "$command"
    assert_status 69
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: close: process $command: it is not $PAMRUN"
    ctl close --pid "$pamrun_pid"
    assert_status 0
    assert_eq "$output" ""
    end_status "$pamrun_pid"
    assert_status 143
    probe_called close_session 1
    ctl close --pid "$command"
    assert_status 69
    assert_eq "$stderr" "pamrunctl: close: process $command: there is none"
    ctl close --pid "$command" --missing-ok
    assert_status 0
    # One that nobody has waited for yet has ended all the same.
    start_program sh -c '"$@" & exec sleep 600' - "$PAMRUN" --profile prt_job --close-on-exit -u prt_alice -- sh -c 'echo "$PPID"; exec sleep 600'
    wait_until 20 test -s "$pamrun_stdout"
    ctl close --pid "$(cat "$pamrun_stdout")" --timeout 30s
    assert_eq "$status$output" 0
    assert_eq "$(ps -o stat= -p "$(cat "$pamrun_stdout")" | cut -c1)" Z
    probe_called close_session 2
    start_sharing
    ctl close --pid "$(keepers)"
    assert_status 69
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: close: process $(keepers): it keeps the session of prt_alice (profile prt_job)"
    leases_are 1
}

# ---- list -----------------------------------------------------------------------------------------------------

@test "list shows sessions, keepers, commands, holds and refused jobs" {
    ctl list
    assert_eq "$status$output" 0
    start_sharing
    open_job job-1 --lease 26h
    open_job longer-name-2
    refuse
    open_job 99 --on-refusal=mark
    ctl list
    assert_status 0
    assert_eq "$stderr" ""
    assert_match "$stdout" "^ACCOUNT    PROFILE  STATE    KEEPER   AGE      LEASES
prt_alice  prt_job  open     $(keepers) +([0-9]+m)?[0-9]+s +3
  run  $pamrun_pid +([0-9]+m)?[0-9]+s +sleep 600
  hold job-1          1d0[12]h left
  hold longer-name-2  until it is released
refused: job 99 of prt_alice: acct_mgmt for prt_alice \(profile prt_job\): Permission denied \(PAM_PERM_DENIED\)$"
    ctl list --profile prt_other
    assert_eq "$status$output" 0
    ctl list --user prt_bob
    assert_eq "$status$output" 0
}

@test "list --json says the same to programs" {
    ctl list --json
    assert_eq "$(json o)" "{'sessions': [], 'refused': []}"
    start_sharing
    open_job job-1 --lease 26h
    refuse
    open_job 99 --on-refusal=mark
    ctl list --json
    assert_status 0
    assert_eq "$(json 'sorted(o["sessions"][0])')" "['account', 'holds', 'keeper', 'last-refresh', 'profile', 'refreshed', 'reopened', 'runs', 'since', 'state', 'uid', 'used-password']"
    assert_eq "$(json '[o["sessions"][0][k] for k in ("account", "uid", "profile", "state", "keeper", "reopened", "refreshed", "last-refresh", "used-password")]')" \
        "['prt_alice', $alice_uid, 'prt_job', 'open', $(keepers), 0, 0, None, False]"
    assert_eq "$(json '[(r["pid"], r["command"]) for r in o["sessions"][0]["runs"]]')" "[($pamrun_pid, 'sleep 600')]"
    assert_eq "$(json '[(h["id"], 93000 < h["seconds-left"] <= 93600) for h in o["sessions"][0]["holds"]]')" "[('job-1', True)]"
    assert_eq "$(json '[o["refused"][0][k] for k in ("id", "uid", "account", "profile", "step", "code")]')" \
        "['99', $alice_uid, 'prt_alice', 'prt_job', 'acct_mgmt', 'PAM_PERM_DENIED']"
}

@test "control characters in a command's words are made visible" {
    start_pamrun --profile prt_job --share -u prt_alice -- bash -c 'echo; exec -a "$1" sleep 600' - $'a\e[2Jb\nc\177\302\2331m'
    wait_until 20 test -s "$pamrun_stdout"
    ctl list
    assert_contains "$stdout" 'a\033[2Jb\012c\177\302\2331m 600'
    ctl list --json
    assert_eq "$(json 'repr(o["sessions"][0]["runs"][0]["command"])')" "'a\\x1b[2Jb\\nc\\x7f\\x9b1m 600'"
    assert_eq "$(LC_ALL=C tr -d '\n\40-\176' <<<"$stdout")" "" # nothing for a terminal to obey
}

@test "list shows that a keeper was killed, and how often the session was reopened" {
    start_sharing
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    ctl list
    assert_match "$stdout" "prt_alice  prt_job  lost     -        [0-9]+s +1  its keeper was killed"
    open_job 1
    ctl list
    assert_match "$stdout" "prt_alice  prt_job  open     [0-9]+ +[0-9]+s +2  reopened 1"
}

@test "others than root see their own sessions, and nothing of others" {
    probe_profile prt_other
    start_sharing
    run_pamrunctl_as prt_alice list
    assert_status 0
    assert_match "$stdout" "^ACCOUNT    PROFILE  STATE    KEEPER   AGE      LEASES
prt_alice  prt_job  open     $(keepers) +[0-9]+s +-$"
    run_pamrunctl_as prt_alice list --json --user prt_alice
    assert_eq "$(json '[o["sessions"][0][k] for k in ("account", "uid", "state", "runs", "holds", "used-password")]')" \
        "['prt_alice', $alice_uid, 'open', None, None, None]"
    run_pamrunctl_as prt_bob list
    assert_eq "$status$output" 0
    run_pamrunctl_as prt_bob list --user prt_alice
    assert_status 77
    assert_eq "$stderr" "pamrunctl: list: only root may ask about others"
}

# ---- env ------------------------------------------------------------------------------------------------------

@test "env prints the session's variables in each format, and what cannot be said is left out with a message" {
    probe_script <<'END'
open_session env KRB5CCNAME=FILE:/tmp/a b
open_session env QUOTE=it's "so" $HOME
open_session env PATH=/pam/bin
open_session env BAD-NAME=1
open_session env LD_PRELOAD=/evil.so
END
    open_job 1
    ctl env --id 1 --format sh
    assert_status 0
    assert_eq "$stderr" "pamrunctl: env: BAD-NAME is left out: a shell has no variable of that name"
    assert_eq "$(env -i sh -c 'eval "$1"; echo "$KRB5CCNAME"; echo "$QUOTE"; echo "${LD_PRELOAD-unset}"' - "$stdout")" \
        'FILE:/tmp/a b
it'"'"'s "so" $HOME
unset'
    ctl env --user prt_alice --format json
    assert_eq "$(json 'sorted(o.items())')" "[('BAD-NAME', '1'), ('KRB5CCNAME', 'FILE:/tmp/a b'), ('PATH', '/pam/bin'), ('QUOTE', 'it\\'s \"so\" \$HOME')]"
    ctl env --uid "$alice_uid" --profile prt_job --format nul
    assert_eq "$(tr '\0' '\n' <"$stdout_file" | grep -c '^KRB5CCNAME=FILE:/tmp/a b$')" 1
    run_pamrunctl_as prt_alice env --id 1 --format slurm-task
    assert_status 0
    assert_eq "$(LC_ALL=C sort <<<"$stdout")" 'export KRB5CCNAME=FILE:/tmp/a b
export QUOTE=it'"'"'s "so" $HOME'
    assert_eq "$stderr" "pamrunctl: env: BAD-NAME is left out: no variable can have that name in a TaskProlog"
}

@test "env of nobody's session is 69, of several asks which, of another's is refused" {
    probe_profile prt_other
    ctl env --id 1 --format sh
    assert_status 69
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: env: 1: there is no such shared session"
    open_job 1
    ctl open --user prt_alice --profile prt_other --id 2
    ctl env --user prt_alice --format sh
    assert_status 64
    assert_eq "$stderr" "pamrunctl: env: user prt_alice: there are several sessions
hint: --profile prt_job, --profile prt_other, ...: say which"
    run_pamrunctl_as prt_bob env --uid "$alice_uid" --format sh
    assert_status 77
    run_pamrunctl_as prt_bob env --id 1 --format sh
    assert_status 69
    ctl close --id 2
    session=/run/pamrun/$alice_uid.prt_other
    wait_until 10 session_is_gone
    session=/run/pamrun/$alice_uid.prt_job
}

@test "a TaskProlog has neither standard input nor error: what is printed is the output alone" {
    open_job 1
    probe_reset
    run_program sh -c 'exec "$@" <&- 2>&-' - "$PAMRUNCTL" env --id 1 --format slurm-task
    assert_status 0
    run_program sh -c 'exec "$@" >&-' - "$PAMRUNCTL" list
    assert_status 71
}

# ---- wait -----------------------------------------------------------------------------------------------------

@test "wait ends when the session is closed, at once where there is none, and after --timeout" {
    local user

    ctl wait --user prt_alice
    assert_eq "$status$output" 0
    open_job 1
    ctl wait --id 1 --timeout 1s
    assert_status 75
    assert_eq "$stderr" "pamrunctl: wait: session of prt_alice (profile prt_job): it was not closed in time"
    for user in root prt_alice; do
        open_job 1
        applicant_set "$user"
        start_program "${applicant[@]}" "$PAMRUNCTL" wait --uid "$alice_uid" --profile prt_job
        ctl close --id 1
        end_status "$pamrun_pid"
        assert_eq "$status$stderr" 0
        session_is_gone
    done
}

@test "wait says that a keeper was killed" {
    start_sharing
    start_program "$PAMRUNCTL" wait --user prt_alice
    kill -KILL "$(keepers)"
    end_status "$pamrun_pid"
    assert_status 75
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: wait: session of prt_alice (profile prt_job): its keeper was killed, so that nobody closes it"
}

# ---- refresh --------------------------------------------------------------------------------------------------

@test "refresh has the keeper refresh the credentials, and says what came out" {
    start_sharing
    ctl refresh --user prt_alice
    assert_status 0
    assert_eq "$output" "refreshed: session of prt_alice (profile prt_job)"
    probe_called setcred-refresh 1
    assert_eq "$(probe_field setcred-refresh pid)" "$(keepers)"
    probe_script <<<"setcred-refresh return PAM_CRED_UNAVAIL"
    ctl refresh --uid "$alice_uid" --profile prt_job
    assert_status 71
    assert_match "$stderr" "^pamrunctl: refresh: session of prt_alice \(profile prt_job\): .*PAM_CRED_UNAVAIL"
    ctl list
    assert_match "$stdout" "1  refreshed 2$(printf '\n')"
    ctl refresh --id nobody
    assert_status 69
    probe_script <<<"setcred-refresh wait-file $TEST_DIR/go"
    ctl refresh --user prt_alice --timeout 1s
    assert_status 75
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: refresh: session of prt_alice (profile prt_job): no answer in time"
    : >"$TEST_DIR/go"
}

# ---- recover --------------------------------------------------------------------------------------------------

@test "recover is quiet where there is nothing to do, and leaves alone what is in use" {
    ctl recover
    assert_eq "$status$output" 0
    start_sharing
    open_job 1
    ctl recover
    assert_eq "$status$output" 0
    leases_are 2
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    ctl recover
    assert_eq "$status$output" 0
    leases_are 2
    test -e "$session/state"
}

@test "recover removes dead leases, ended holds and the state of a keeper that was killed, and says so" {
    start_sharing
    open_job 1 --lease 1s
    kill -KILL "$(keepers)" "$pamrun_pid"
    end_status "$pamrun_pid"
    wait_until 20 hold_is_over 1
    ctl recover
    assert_status 0
    assert_eq "$output" "$alice_uid.prt_job: 2 leases of what has ended: removed
$alice_uid.prt_job: state of a keeper that was killed: removed; what its modules had mounted may remain"
    session_is_gone
    : >"$session/leases/1.1"
    : >"$session/.new.77"
    rm -f "$session/state"
    ctl recover
    assert_eq "$output" "$alice_uid.prt_job: 1 lease of what has ended: removed"
    session_is_gone
}

@test "check --node names a session whose keeper was killed, and what is to be done" {
    start_sharing
    ctl check --node prt_job
    refute_contains "$stdout" "shared session"
    kill -KILL "$(keepers)"
    wait_until 10 has_no_keeper
    ctl check --node prt_job
    assert_status 71
    assert_contains "$stdout" "shared session $alice_uid.prt_job: its keeper was killed, and 1 is still in it: the next run opens it again"
    kill -KILL "$pamrun_pid"
    end_status "$pamrun_pid"
    ctl check --node prt_job
    assert_contains "$stdout" "shared session $alice_uid.prt_job: its keeper was killed, and nobody is in it: pamrunctl recover removes what is left"
    ctl recover
    ctl check --node prt_job
    refute_contains "$stdout" "shared session"
}

@test "the folder of sessions is systemd-tmpfiles' to make, as pamrun would" {
    local file=${PAMRUN%/bin/pamrun}/lib/tmpfiles.d/pamrun.conf

    assert_eq "$(grep -v '^#' "$file")" "d /run/pamrun 0711 root root -"
    open_job 1
    assert_eq "$(stat -c '%a %U %G' /run/pamrun)" "711 root root"
}

# Its time is over: list says so.
hold_is_over() # ID
{
    "$PAMRUNCTL" list | grep -q "^  hold $1 .*its time is over$"
}

# ---- what all have in common ----------------------------------------------------------------------------------

@test "others than root: what changes anything is refused in the same words, and nothing is touched" {
    local words

    start_sharing
    while read -r words; do
        # shellcheck disable=SC2086 # words
        run_pamrunctl_as prt_bob $words
        assert_status 77
        assert_eq "$stderr" "pamrunctl: ${words%% *}: only root may do that
hint: others may look at their own sessions: pamrunctl list, env, wait"
    done <<'END'
open --user prt_bob --id 1
close --id 1
close --id 1 --missing-ok
close --user prt_bob --force
close --pid 1
refresh --user prt_bob
refresh --user prt_alice
recover
END
    leases_are 1
    refute test -e "/run/pamrun/$(id -u prt_bob).su"
}

@test "hostile ids, profiles and numbers are refused before anything is looked at" {
    local words message

    while IFS='|' read -r words message; do
        # shellcheck disable=SC2086 # words
        ctl $words
        assert_status 64
        assert_eq "${stderr%%$'\n'*}" "pamrunctl: $message"
    done <<'END'
open --user prt_alice --id ../x|open: --id needs 1 to 128 letters, digits and . _ : @ + -, with no dot in front: ../x
open --user prt_alice --id .x|open: --id needs 1 to 128 letters, digits and . _ : @ + -, with no dot in front: .x
open --user prt_alice|open: --id ID is needed: the job's
open --id 1|open: for whom? one of --user USER, --uid UID, --identity ID
open --user prt_alice --uid 1 --id 1|open: for whom? one of --user USER, --uid UID, --identity ID
open --uid -1 --id 1|open: --uid needs a user id in decimal: -1
open --uid 1 --id 1 --lease 1w|open: --lease needs a time, such as 90m or 26h, of at most 366 days: 1w
open --uid 1 --id 1 --on-refusal ignore|open: --on-refusal can be mark, and not: ignore
close --id a/b|close: --id needs 1 to 128 letters, digits and . _ : @ + -, with no dot in front: a/b
close|close: what? --id ID, --user USER --force, --uid UID --force, or --pid PID
close --user prt_alice|close: --user and --uid: this ends the session whoever is in it, and needs --force
close --id 1 --force|close: --force: goes with --user or --uid
close --pid 1 --force|close: --pid goes with --timeout and --missing-ok only
close --pid x|close: --pid needs the process id of a run of pamrun
close --id 1 --timeout 0|close: --timeout needs a time, such as 90s or 10m, of at most 366 days: 0
env --id ..|env: --format sh, nul, json or slurm-task is needed
env --id .. --format sh|env: --id needs 1 to 128 letters, digits and . _ : @ + -, with no dot in front: ..
env --format sh|env: which session? --user USER, --uid UID or --id ID
list --user a --uid 1|list: --user, --uid and --id: name the session by one of them
wait --user prt_alice --profile ../su|wait: --profile needs 1 to 64 of a-z 0-9 _ . -, the first a letter or digit: ../su
refresh --uid 4294967295|refresh: --uid needs a user id in decimal: 4294967295
END
    refute test -e /run/pamrun/refused
}

@test "a folder that is not root's alone is named, and used by no verb" {
    open_job 1
    ctl close --id 1
    wait_until 10 session_is_gone
    chown prt_bob "$session"
    ctl recover
    assert_status 71
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: shared session $alice_uid.prt_job: /run/pamrun/$alice_uid.prt_job is not root's"
    ctl list
    assert_match "$stdout" "user id $alice_uid  prt_job  damaged "
    ctl wait --user prt_alice # and not for ever
    assert_status 71
    assert_eq "$stderr" "pamrunctl: wait: session of user id $alice_uid (profile prt_job): shared session $alice_uid.prt_job: /run/pamrun/$alice_uid.prt_job is not root's"
}
