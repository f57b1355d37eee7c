# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of common.bash, and of who loads this
# sharing.bash: shared sessions, and what is left of them.
#
#   load lib/sharing           after lib/common; sessions are prt_alice's with the profile prt_job

session=/run/pamrun/UID.prt_job # its folder: begin_sharing says which uid

# In setup_file.
begin_sharing()
{
    make_user prt_alice
    make_user prt_bob
    probe_profile prt_job
}

# In setup. Whatever a test left open is ended.
begin_sharing_test()
{
    session=/run/pamrun/$(id -u prt_alice).prt_job
    end_sessions
}

end_sessions()
{
    local pid

    for pid in $(keepers); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait_until 10 has_no_keeper
    rm -rf "$session" # only here: nobody has anything open there any more
}

# Pids of the processes that keep sessions: those of ours that lead a session and have the title.
keepers()
{
    local directory title

    for directory in /proc/[0-9]*; do
        { IFS= read -r -d '' title <"$directory/cmdline"; } 2>/dev/null || continue
        [[ $title != "pamrun: session "* ]] || echo "${directory##*/}"
    done
}

has_no_keeper()
{
    [ -z "$(keepers)" ]
}

keeper_title()
{
    tr '\0' '\n' <"/proc/$(keepers)/cmdline" | head -n 1
}

title_is() # TITLE
{
    [ "$(keeper_title)" = "$1" ]
}

# Nothing but what is never removed.
session_is_gone()
{
    [ "$(find "$session" -mindepth 1 -printf '%P\n' | LC_ALL=C sort | tr '\n' ' ')" = "keeper leases lock " ]
}

# It was opened and closed TIMES (default: once), and nothing of it is left.
assert_all_closed() # [TIMES]
{
    wait_until 10 has_no_keeper
    wait_until 10 session_is_gone
    probe_called open_session "${1-1}"
    probe_called close_session "${1-1}"
    probe_called setcred-establish "${1-1}"
    probe_called setcred-delete "${1-1}"
}

share()
{
    run_pamrun --profile prt_job --share "$@"
}

# A command that is in the session until the test removes it: `nap` keeps it there.
start_sharing() # ARGUMENT...
{
    start_pamrun --profile prt_job --share -u prt_alice "$@" -- sh -c 'echo "$$"; exec sleep 600'
    wait_until 20 test -s "$pamrun_stdout"
    wait_until 20 has_keeper # it has its title a moment after others can join
}

has_keeper()
{
    [ -n "$(keepers)" ]
}

leases()
{
    find "$session/leases" -mindepth 1 -printf '%f\n' | LC_ALL=C sort
}

leases_are() # NUMBER
{
    [ "$(leases | wc -l)" -eq "$1" ]
}
