# shellcheck shell=bash
# shellcheck disable=SC2034 # status, stdout, lines ... are what tests read
# common.bash: the scene for the tests that run as root on a throw-away machine; bats 1.8 or later.
#
#   load lib/common            setup_file, setup, teardown, teardown_file are defined here; a file that needs its own
#                              calls begin_file, begin_test, cleanup_all, cleanup_all from them
#   make_user prt_alice        names of users, groups and new profiles start with prt_: whatever an aborted run
#   probe_profile prt_job      left behind is found again and removed by the next one
#   probe_script <<END         pam_probe.c has the grammar
#   run_pamrun ... ; assert_status 0 ; probe_called close_session
#
# Input: BUILD_DIR, or PROBE_SO (pam_probe.so) and TOOLS_DIR (ptyrun ...); PAMRUN; SUT (pamrun, su, runuser);
# TESTS_MUST_RUN=1 makes a skip a failure; RUN_TIMEOUT is in seconds.
# Descriptors: bats uses 3 and 4, the programs run here do not get them.  Give them 7, 8, 9.
# One file at a time on a machine: users, profiles and the scene's folder belong to it.  tests/run gives each file one
# of its own (tests/alone has what it can write to), and a processor that it shares: wait for events, not for a time.

PREFIX=prt_
STATE_DIR=/var/lib/pamrun-tests # not in /tmp or /run: those may be noexec, sticky, or an applicant's
TEST_DIR=$STATE_DIR/test        # 0711, empty at the start of each test
TOOLS=$STATE_DIR/tools          # copies: a test user may not be able to reach the build folder
PROBE_SO=${PROBE_SO-${BUILD_DIR-}/tests/pam/pam_probe.so}
TOOLS_DIR=${TOOLS_DIR-${BUILD_DIR-}/tests/tools}
PAMRUN=${PAMRUN-$(type -P pamrun || echo pamrun)}
PAMRUNCTL=${PAMRUN%/bin/pamrun}/sbin/pamrunctl
SUT=${SUT-pamrun}
RUN_TIMEOUT=${RUN_TIMEOUT-60}
PROBE_SCRIPT_FILE=$STATE_DIR/probe.script
PROBE_LOG_FILE=$STATE_DIR/probe.log

status=0 output='' stdout='' stderr='' lines=()
stdout_file=$STATE_DIR/stdout stderr_file=$STATE_DIR/stderr
last_command=()
pamrun_pid='' pamrun_stdout='' pamrun_stderr=''
declare -A stdout_of=() stderr_of=() # of started programs, by pid

# ---- scene ----------------------------------------------------------------------------------------------------

setup_file()
{
    begin_file
}

setup()
{
    begin_test
}

teardown()
{
    cleanup_all
}

teardown_file()
{
    cleanup_all
}

# Skip, or fail where CI demands that everything runs.
skip_test() # REASON
{
    if [ "${TESTS_MUST_RUN-}" = 1 ]; then
        echo "cannot run: $1"
        return 1
    fi
    skip "$1"
}

needs() # COMMAND...
{
    local command

    for command; do
        type -P "$command" >/dev/null || skip_test "needs $command" || return
    done
}

# Everything that an aborted run left is removed first.
begin_file()
{
    [ "$EUID" -eq 0 ] || return 0 # begin_test skips
    if [ ! -r "$PROBE_SO" ] || [ ! -x "$TOOLS_DIR/logcatch" ]; then
        echo "common.bash: set BUILD_DIR, or PROBE_SO and TOOLS_DIR (now '$PROBE_SO', '$TOOLS_DIR')"
        return 1
    fi
    make_state
    # an old pid means nothing now
    sed -i '/^program /d' "$STATE_DIR"/made.* 2>/dev/null || true
    cleanup_all
    make_state
    find "$TOOLS_DIR" -maxdepth 1 -type f -perm -100 -exec install -m 0755 -t "$TOOLS" {} +
    begin_scene
}

make_state()
{
    install -d -m 0711 "$STATE_DIR"
    install -d -m 0755 "$TOOLS"
    [ -p "$STATE_DIR/nap" ] || mkfifo "$STATE_DIR/nap"
}

begin_test()
{
    [ "$EUID" -eq 0 ] || skip_test "needs root" || return
    export TERM=dumb # a slow machine is not to put a line about a slow step into what is compared
    begin_scene
}

begin_scene()
{
    rm -rf "$TEST_DIR"
    install -d -m 0711 "$TEST_DIR"
    probe_reset
}

# Which of the two lists a made thing goes to: bats names a test only while it runs.
scope()
{
    if [ -n "${BATS_TEST_NAME-}" ]; then echo test; else echo file; fi
}

made() # KIND NAME
{
    printf '%s %s\n' "$1" "$2" >>"$STATE_DIR/made.$(scope)"
}

undo_made() # SCOPE
{
    local kind name list=$STATE_DIR/made.$1

    [ -e "$list" ] || return 0
    while read -r kind name; do
        case $kind in
            user) remove_user "$name" ;;
            group) remove_group "$name" ;;
            file) restore_file "$1" "$name" ;;
            program) kill_program "$name" ;;
            log) log_stop ;;
        esac
    done < <(tac "$list")
    rm -f "$list"
}

# In a test's teardown: undo what the test made.  Outside of a test: undo everything, and remove what bears our
# prefix, whoever made it, and our state.
cleanup_all()
{
    [ "$EUID" -eq 0 ] || return 0
    undo_made test
    [ "$(scope)" = file ] || return 0
    undo_made file
    sweep
    rm -rf "$STATE_DIR"
}

sweep()
{
    local name

    while read -r name; do
        remove_user "$name"
    done < <(cut -d: -f1 /etc/passwd | grep "^$PREFIX")
    while read -r name; do
        remove_group "$name"
    done < <(cut -d: -f1 /etc/group | grep "^$PREFIX")
    rm -f "/etc/pam.d/$PREFIX"*
}

# ---- files of the machine -------------------------------------------------------------------------------------

# Keep PATH as it is now (also: not there) and put it back at the end of the test, or of the file when called outside
# of a test.  A second call changes nothing.
keep_file() # PATH
{
    local kept

    kept=$STATE_DIR/kept.$(scope)$1

    [ ! -e "$kept" ] && [ ! -e "$kept.absent" ] || return 0
    mkdir -p "${kept%/*}"
    if [ -e "$1" ] || [ -L "$1" ]; then
        cp -a "$1" "$kept.partial" && mv "$kept.partial" "$kept"
    else
        : >"$kept.absent"
    fi
    made file "$1"
}

restore_file() # SCOPE PATH
{
    local kept=$STATE_DIR/kept.$1$2

    if [ -e "$kept" ] || [ -L "$kept" ]; then
        rm -rf "$2"
        mv "$kept" "$2"
    elif [ -e "$kept.absent" ]; then
        rm -rf "$2" "$kept.absent"
    fi
}

# ---- users ----------------------------------------------------------------------------------------------------

name_check() # NAME
{
    [[ $1 =~ ^${PREFIX}[a-z0-9_-]+$ && ${#1} -le 30 ]] && return 0
    echo "name '$1': must be ${PREFIX}..., at most 30 characters"
    return 1
}

# A user with a home and /bin/bash, unless the options say otherwise.
make_user() # NAME [useradd option...]
{
    local name=$1 home=(--create-home)

    shift
    name_check "$name" || return
    [[ " $* " != *" -M "* && " $* " != *" --no-create-home "* ]] || home=()
    remove_user "$name"
    made user "$name"
    useradd --shell /bin/bash "${home[@]}" "$@" "$name"
}

set_password() # NAME PASSWORD
{
    printf '%s:%s\n' "$1" "$2" | chpasswd
}

make_group() # NAME [groupadd option...]
{
    local name=$1

    shift
    name_check "$name" || return
    remove_group "$name"
    made group "$name"
    groupadd "$@" "$name"
}

# Kill until none is left: a process may be forking.
kill_processes_of() # USER
{
    local pid tries

    for tries in {1..200}; do
        local pids
        pids=$(processes_of "$1")
        [ -n "$pids" ] || return 0
        for pid in $pids; do
            kill -KILL "$pid" 2>/dev/null || true
        done
        nap
    done
    echo "processes of $1 survive SIGKILL: $pids"
    return 1
}

remove_user() # NAME
{
    getent passwd "$1" >/dev/null || return 0
    kill_processes_of "$1" || true
    userdel --force --remove "$1" >/dev/null 2>&1 || userdel --force "$1"
}

remove_group() # NAME
{
    getent group "$1" >/dev/null || return 0
    groupdel "$1"
}

# ---- profiles and the probe -----------------------------------------------------------------------------------

# Write /etc/pam.d/NAME from stdin.  A profile of the machine (su) is put back at the end.
profile() # NAME
{
    local file=/etc/pam.d/$1

    [[ $1 =~ ^[A-Za-z0-9_.-]+$ ]] || { echo "profile '$1': bad name"; return 1; }
    keep_file "$file"
    cat >"$file.new" && chmod 0644 "$file.new" && mv "$file.new" "$file"
}

# Write the site policy, pamrun.conf(5), from stdin; what was there, by default nothing, is put back at the end.
site_policy()
{
    keep_file /etc/pamrun.conf
    cat >/etc/pamrun.conf.new && chmod 0644 /etc/pamrun.conf.new && touch -d '1 hour ago' /etc/pamrun.conf.new
    mv -T /etc/pamrun.conf.new /etc/pamrun.conf # an old one: of a new one a run waits to see whether it is whole
}

# Callers who are not root may become root and system accounts, too.
site_policy_of_any_account()
{
    site_policy <<<"minimum-user-id = 0"
}

# A line of a profile that calls the probe.
probe_line() # TYPE CONTROL [INSTANCE]
{
    printf '%s %s %s script=%s log=%s%s\n' "$1" "$2" "$PROBE_SO" "$PROBE_SCRIPT_FILE" "$PROBE_LOG_FILE" \
        "${3:+ name=$3}"
}

# All four facilities are served by the probe, and by nothing else.
probe_profile() # NAME
{
    local type

    profile "$1" < <(for type in auth account password session; do probe_line "$type" required; done)
}

probe_script()
{
    rm -f "$PROBE_SCRIPT_FILE".once-*
    cat >"$PROBE_SCRIPT_FILE.new" && chmod 0644 "$PROBE_SCRIPT_FILE.new"
    mv "$PROBE_SCRIPT_FILE.new" "$PROBE_SCRIPT_FILE" # a running probe sees the old one or the new one
}

# No script, empty log.  Writable by all: a child that has become the account logs the end of its handle.
probe_reset()
{
    probe_script </dev/null
    rm -f "$PROBE_LOG_FILE"
    : >"$PROBE_LOG_FILE"
    chmod 0666 "$PROBE_LOG_FILE"
}

probe_log()
{
    cat "$PROBE_LOG_FILE"
}

# The lines of FUNCTION: a function (setcred), a phase (setcred-delete), cleanup, note, or * for all but notes.
probe_select() # FUNCTION[@INSTANCE]
{
    local instance=''

    [[ $1 != *@* ]] || instance=${1##*@}
    awk -v wanted="${1%%@*}" -v instance="$instance" '
        {
            delete field
            for (i = 1; i <= NF; i++) {
                at = index($i, "=")
                field[substr($i, 1, at - 1)] = substr($i, at + 1)
            }
            is_wanted = wanted == "*" ? field["function"] != "note" : \
                field["function"] == wanted || (field["phase"] == wanted && field["function"] != "note")
            if (is_wanted && (instance == "" || field["name"] == instance))
                print
        }' "$PROBE_LOG_FILE"
}

probe_count() # FUNCTION[@INSTANCE]
{
    probe_select "$1" | wc -l
}

# Was it called (exactly TIMES times)?
probe_called() # FUNCTION[@INSTANCE] [TIMES]
{
    local count

    count=$(probe_count "$1")
    if [ $# -gt 1 ]; then
        [ "$count" -eq "$2" ] || fail_because "$1 was called $count times, not $2"
    else
        [ "$count" -gt 0 ] || fail_because "$1 was not called"
    fi
}

# The value of FIELD in the nth call (default: the first), escapes undone; in lists, ',' separates.
probe_field() # FUNCTION[@INSTANCE] FIELD [N|last]
{
    local line word nth=${3-1}

    if [ "$nth" = last ]; then
        line=$(probe_select "$1" | tail -n 1)
    else
        line=$(probe_select "$1" | sed -n "${nth}p")
    fi
    for word in $line; do
        if [ "${word%%=*}" = "$2" ]; then
            printf '%b\n' "${word#*=}"
            return 0
        fi
    done
    echo "probe_field: no $2 in call $nth of $1" >&2
    return 1
}

# The value of a variable of the PAM environment, as the nth call saw it; fails when it is not there.
probe_pam_env() # FUNCTION[@INSTANCE] NAME [N|last]
{
    local line entry

    if [ "${3-1}" = last ]; then
        line=$(probe_select "$1" | tail -n 1)
    else
        line=$(probe_select "$1" | sed -n "${3-1}p")
    fi
    line=${line#* pam_env=}
    while IFS= read -r -d , entry; do
        if [[ $entry == "$2="* ]]; then
            printf '%b\n' "${entry#*=}"
            return 0
        fi
    done <<<"${line%% *},"
    return 1
}

# What was called, in order: authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED ... cleanup:PAM_DATA_SILENT cleanup
probe_order() # [INSTANCE]
{
    probe_select "*${1:+@$1}" | awk '
        {
            word = flags = ""
            for (i = 1; i <= NF; i++) {
                if ($i ~ /^function=/)
                    word = substr($i, 10)
                if ($i ~ /^(flags|error_status)=/)
                    flags = $i
            }
            if (word == "setcred" && match(flags, /PAM_[A-Z]+_CRED/))
                word = word ":" substr(flags, RSTART, RLENGTH)
            if (word == "cleanup" && match(flags, /PAM_DATA_[A-Z|_]+/))
                word = word ":" substr(flags, RSTART, RLENGTH)
            printf "%s%s", (NR > 1 ? " " : ""), word
        }
        END { print "" }'
}

# A mask as the probe logs them (sigblk, sigign, sigpnd): is SIGNAL in it?
signal_in() # MASK SIGNAL
{
    local number=$2

    [[ $2 =~ ^[0-9]+$ ]] || number=$(kill -l "${2#SIG}")
    (((0x$1 >> (number - 1)) & 1))
}

# ---- running --------------------------------------------------------------------------------------------------

# What bats, or whoever started it, has open is not the program's.
inherited_descriptors=()
note_descriptors()
{
    local link fd

    for link in "/proc/$BASHPID/fd"/*; do
        fd=${link##*/}
        [ -e "$link" ] || continue # what the glob itself had open
        [[ $fd -le 2 || $fd =~ ^[789]$ ]] || inherited_descriptors+=("$fd")
    done
    exec 7>&- 8>&- 9>&-
}
note_descriptors

# A terminal that the tests were started from would be the program's controlling one.
detach=()
if { : </dev/tty; } 2>/dev/null; then
    detach=(setsid --wait)
fi

nap() # [SECONDS]
{
    read -rt "${1-0.01}" _ <>"$STATE_DIR/nap" || true # a fifo where nobody writes: sleep(1) without a process
}

# Become COMMAND, with default handling of ^C and ^\: bash ignores them in background processes.
program_exec() # COMMAND...
{
    local fd

    for fd in "${inherited_descriptors[@]}"; do
        eval "exec $fd>&-"
    done
    [ ! -t 0 ] || exec </dev/null
    exec env --default-signal=INT,QUIT "$@"
}

# Ends the program whose pid is in FILE when it takes too long.
watchdog() # FILE
{
    local pid fd

    for fd in "${inherited_descriptors[@]}"; do
        eval "exec $fd>&-"
    done
    nap "$RUN_TIMEOUT"
    pid=$(cat "$1")
    echo "common.bash: timed out after $RUN_TIMEOUT s" >>"$stderr_file"
    kill -TERM "$pid"
    nap 3
    kill -KILL "$pid"
}

# Run COMMAND (a program) and set status, stdout, stderr, output (both), lines (of stdout).  stdin and descriptors
# 7, 8, 9 are the caller's.  Never fails itself.  Not for a pipeline's last part: that is a subshell.
run_program() # COMMAND...
{
    local watcher pid_file=$STATE_DIR/running

    last_command=("$@")
    : >"$stderr_file"
    watchdog "$pid_file" >/dev/null 2>&1 </dev/null &
    watcher=$!
    (
        echo "$BASHPID" >"$pid_file"
        program_exec "${detach[@]}" "$@"
    ) >"$stdout_file" 2>>"$stderr_file" && status=0 || status=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    outputs_read "$stdout_file" "$stderr_file"
}

outputs_read() # STDOUT_FILE STDERR_FILE
{
    stdout=$(tr -d '\0' <"$1")
    stderr=$(tr -d '\0' <"$2")
    output=$stdout${stdout:+${stderr:+$'\n'}}$stderr
    lines=()
    [ -z "$stdout" ] || mapfile -t lines <<<"$stdout"
}

run_pamrun() # ARGUMENT...
{
    run_program "$PAMRUN" "$@"
}

# The program as pam_unix(8) needs it.  A sanitizer's crypt(3) is no use to a module that brings libcrypt along later.
pamrun_for_crypt=("$PAMRUN")
if [ "${SANITIZED-}" = 1 ]; then
    pamrun_for_crypt=(env LD_PRELOAD=libcrypt.so.1 "ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0" "$PAMRUN")
fi

# The words that make an applicant of USER: ids, groups, no capabilities; environment and cwd stay.
applicant=()
applicant_set() # USER
{
    applicant=(setpriv --reuid "$(id -u "$1")" --regid "$(id -g "$1")" --init-groups --inh-caps=-all)
}

run_program_as() # USER COMMAND...
{
    applicant_set "$1"
    run_program "${applicant[@]}" "${@:2}"
}

run_pamrun_as() # USER ARGUMENT...
{
    run_program_as "$1" "$PAMRUN" "${@:2}"
}

run_pamrunctl() # ARGUMENT...
{
    run_program "$PAMRUNCTL" "$@"
}

run_pamrunctl_as() # USER ARGUMENT...
{
    run_program_as "$1" "$PAMRUNCTL" "${@:2}"
}

# The program under test, for tests that su and runuser must pass as well.
run_sut() # ARGUMENT...
{
    run_program "$(sut_program)" "$@"
}

sut_program()
{
    if [ "$SUT" = pamrun ]; then echo "$PAMRUN"; else type -P "$SUT"; fi
}

# The profile that it uses when none is named.
sut_profile()
{
    if [ "$SUT" = runuser ]; then echo runuser; else echo su; fi
}

# On a terminal of its own.  ptyrun.c has the options: --expect TEXT --send TEXT ... -- COMMAND...
run_ptyrun() # OPTION... -- COMMAND...
{
    run_program "$TOOLS/ptyrun" "$@"
}

# Start COMMAND in the background, in a session of its own.  Sets pamrun_pid, pamrun_stdout, pamrun_stderr (files).
# Returns when COMMAND is what runs, so that a signal meets it and not the shell.
start_program() # COMMAND...
{
    last_command=("$@")
    pamrun_stdout=$(mktemp "$STATE_DIR/started.XXXXXX") pamrun_stderr=$(mktemp "$STATE_DIR/started.XXXXXX")
    program_exec setsid "$@" <&0 >"$pamrun_stdout" 2>"$pamrun_stderr" &
    pamrun_pid=$!
    stdout_of[$pamrun_pid]=$pamrun_stdout
    stderr_of[$pamrun_pid]=$pamrun_stderr
    made program "$pamrun_pid"
    wait_until 5 program_is_running "$pamrun_pid"
}

start_pamrun() # ARGUMENT...
{
    start_program "$PAMRUN" "$@"
}

start_pamrun_as() # USER ARGUMENT...
{
    applicant_set "$1"
    start_program "${applicant[@]}" "$PAMRUN" "${@:2}"
}

program_is_running() # PID
{
    local exe

    program_has_ended "$1" && return 0
    exe=$(readlink "/proc/$1/exe") || return 0
    # on the way there: bash in our session, env, setsid, setpriv
    [[ ! ${exe##*/} =~ ^(env|setsid|setpriv)$ ]] && session_members "$1" | grep -qx "$1"
}

program_has_ended() # PID
{
    local line

    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    line=${line##*) }
    [ "${line%% *}" = Z ]
}

# Wait for a program that this test started; sets status, stdout, stderr, output, lines.
end_status() # PID [SECONDS]
{
    if ! wait_until "${2-30}" program_has_ended "$1"; then
        outputs_read "${stdout_of[$1]}" "${stderr_of[$1]}"
        fail_because "process $1 did not end within ${2-30} s"
        return 1
    fi
    wait "$1" && status=0 || status=$?
    outputs_read "${stdout_of[$1]}" "${stderr_of[$1]}"
}

# A started program leads its session; what it left there goes with it.
kill_program() # PID
{
    local pid

    for pid in $(session_members "$1"); do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# ---- processes ------------------------------------------------------------------------------------------------

# Pids whose real, effective, saved or filesystem uid is USER's; dead ones that nobody has waited for do not count.
processes_of() # USER
{
    local uid

    uid=$(id -u "$1" 2>/dev/null) || return 0
    { grep -sE '^(State|Uid):' /proc/[0-9]*/status || true; } | awk -F '[/: \t]+' -v uid="$uid" '
        $5 == "State" { state = $6 }
        $5 == "Uid" && state != "Z" && state != "X" && ($6 == uid || $7 == uid || $8 == uid || $9 == uid) { print $3 }'
}

# Pids of the session that SID leads, or led.
session_members() # SID
{
    { grep -sh '' /proc/[0-9]*/stat || true; } | awk -v sid="$1" '
        {
            pid = $1
            sub(/^.*\) /, "") # the name before may hold anything
            if ($4 == sid && $1 != "Z")
                print pid
        }'
}

has_no_process() # USER
{
    [ -z "$(processes_of "$1")" ]
}

# Poll until CONDITION (a command or function) holds.
wait_until() # SECONDS CONDITION...
{
    local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))

    shift
    until "$@" >/dev/null 2>&1; do
        if ((${EPOCHREALTIME/[.,]/} > end)); then
            echo "waited in vain for: $*"
            return 1
        fi
        nap
    done
}

# ---- syslog ---------------------------------------------------------------------------------------------------

# Take the place of the syslog daemon until log_stop, or the end of the test or file that called this.
log_start()
{
    log_stop
    rm -f "$STATE_DIR/syslog"
    if [ -e /dev/log ] || [ -L /dev/log ]; then
        mv /dev/log /dev/log.${PREFIX}kept
    fi
    made log "$(scope)"
    "$TOOLS/logcatch" /dev/log "$STATE_DIR/syslog" >"$STATE_DIR/logcatch.pid" 3>&- 4>&-
}

# What was logged since log_start: <priority>date program[pid]: text.
log_lines() # [REGEX]
{
    "$TOOLS/logcatch" --sync /dev/log "$STATE_DIR/syslog" || return
    sed '/^logcatch-sync-/d' "$STATE_DIR/syslog" | { grep -E -- "${1-}" || true; }
}

log_stop()
{
    local pid

    [ -e "$STATE_DIR/logcatch.pid" ] || return 0
    pid=$(<"$STATE_DIR/logcatch.pid")
    rm -f "$STATE_DIR/logcatch.pid"
    # the pid may be another's by now, if the machine was started anew
    if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = logcatch ]; then
        kill "$pid"
        rm -f /dev/log
    fi
    if [ -e /dev/log.${PREFIX}kept ] || [ -L /dev/log.${PREFIX}kept ]; then
        mv /dev/log.${PREFIX}kept /dev/log
    fi
}

# ---- assertions: ACTUAL first ---------------------------------------------------------------------------------

# What a reader of a failed test needs: the last run, and what the modules saw.
fail_because() # MESSAGE...
{
    printf '%s\n' "$@"
    printf 'command: %s\nstatus:  %s\n' "${last_command[*]}" "$status"
    [ -z "$stdout" ] || printf 'stdout:  %s\n' "${stdout//$'\n'/$'\n'stdout:  }" | head -n 20
    [ -z "$stderr" ] || printf 'stderr:  %s\n' "${stderr//$'\n'/$'\n'stderr:  }" | head -n 20
    awk '
        BEGIN {
            shown = "^(name|function|flags|error_status|pid|ruid|euid|groups|user|conv|failed|text)="
            shown = shown "|^(script_error|return)="
        }
        {
            printf "probe:  "
            for (i = 1; i <= NF; i++)
                if ($i ~ shown)
                    printf " %s", $i
            print ""
        }' "$PROBE_LOG_FILE" | tail -n 30
    return 1
}

assert_status() # N
{
    [ "$status" -eq "$1" ] || fail_because "status $status, expected $1"
}

assert_eq() # ACTUAL EXPECTED [WHAT]
{
    [ "$1" = "$2" ] || fail_because "${3+$3}" "actual:   '$1'" "expected: '$2'"
}

assert_match() # STRING REGEX
{
    [[ $1 =~ $2 ]] || fail_because "actual:   '$1'" "expected to match: $2"
}

assert_contains() # STRING PART
{
    [[ $1 == *"$2"* ]] || fail_because "actual:   '$1'" "expected to contain: '$2'"
}

refute_contains() # STRING PART
{
    [[ $1 != *"$2"* ]] || fail_because "actual:   '$1'" "expected not to contain: '$2'"
}

# A message as a user should get it: one line, not empty, nothing that moves the cursor.
assert_one_line() # STRING
{
    [[ -n $1 && ! $1 =~ [[:cntrl:]] ]] || fail_because "actual:   $(printf %q "$1")" "expected one line of plain text"
}

assert() # COMMAND...
{
    "$@" || fail_because "expected to succeed: $*"
}

# `! command` does not fail a test: bash exempts it from errexit.
refute() # COMMAND...
{
    if "$@" >/dev/null 2>&1; then
        fail_because "expected to fail: $*"
    fi
}

assert_no_process_of() # USER
{
    local pid left=()

    for pid in $(processes_of "$1"); do
        left+=("  $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")")
    done
    [ ${#left[@]} -eq 0 ] || fail_because "left of $1:" "${left[@]}"
}

modes_are_as_before() # FILE: of ptyrun --modes
{
    local before after

    before=$(sed -n 's/^before: //p' "$1")
    after=$(sed -n 's/^after: //p' "$1")
    [ -n "$before" ] || fail_because "no modes"
    assert_eq "$after" "$before"
}
