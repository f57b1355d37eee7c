# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of common.bash and sharing.bash, and of who loads this
# keeper.bash: what comes to the keeper of a shared session, and what is done to it.
#
#   load lib/keeper            after lib/common and lib/sharing

# Its modules do what stdin's lines say; one has been called when we go on, and `refresher` waits for what comes of it.
start_refresh()
{
    local called=$TEST_DIR/refresh-called

    probe_script < <(echo "setcred-refresh touch $called" && cat)
    start_program "$PAMRUNCTL" refresh --user prt_alice
    refresher=$pamrun_pid
    wait_until 20 test -e "$called"
}

# A process of the account's that does SIGNAL to each copy of the keeper that becomes the account's, TIMES, and then
# makes the file without which a copy does not end.
start_disturbing() # SIGNAL TIMES
{
    install -d -m 0777 "$TEST_DIR/open"
    probe_script <<END
open_session touch $TEST_DIR/open/opened
cleanup if-file $TEST_DIR/open/opened wait-file $TEST_DIR/open/enough
END
    applicant_set prt_alice
    start_program "${applicant[@]}" python3 - "$1" "$2" "$TEST_DIR/open/enough" <<'END'
import os, signal, sys, time

number, left, done = signal.Signals["SIG" + sys.argv[1]], int(sys.argv[2]), set()

def is_ours(pid):
    try:
        return pid not in done and open(f"/proc/{pid}/comm").read() == "pamrun\n" and \
            f"Uid:\t{os.getuid()}\t" in open(f"/proc/{pid}/status").read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False

print("ready", flush=True)
while left > 0:
    for pid in [int(name) for name in os.listdir("/proc") if name.isdecimal()]:
        if left > 0 and is_ours(pid):
            os.kill(pid, number)
            done.add(pid)
            left -= 1
    time.sleep(0.001)
open(sys.argv[3], "w").close()
END
    wait_until 20 test -s "$pamrun_stdout"
}

# The number of what the keeper has open.
descriptor_of() # KEEPER FILE
{
    find "/proc/$1/fd" -lname "$2" -printf '%f\n' | head -n 1
}

keeper_in_state()
{
    sed -n 's/^keeper //p' "$session/state"
}

has_open() # PID PATH
{
    [[ $(readlink "/proc/$1/fd/"* 2>/dev/null) == *"$2"* ]]
}

has_ended() # PID
{
    [ ! -e "/proc/$1" ]
}
