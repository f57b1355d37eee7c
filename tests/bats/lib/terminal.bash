# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # applicant, status ... are common.bash's; pamrun_pid is what its functions read
# terminal.bash: what an applicant sees and types on a terminal of his own, as root and as another user.
#
#   load lib/terminal          after lib/common; defines setup_file and teardown: prt_alice is the account, prt_bob an
#                              applicant, su the probe's profile
#   callers=(root prt_bob)     whom start_for_all starts it for

# A SIGCONT at exit, which hang-ups and fg bring, can hang LeakSanitizer: it stops us by ptrace(2) there.
no_leak_check()
{
    [ "${SANITIZED-}" != 1 ] || export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
}

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile su
}

# What a failed test left is not to fail the next one.
teardown()
{
    kill_processes_of prt_bob || true
    kill_processes_of prt_alice || true
    cleanup_all
}

# ---- pamrun on a terminal, in the background ------------------------------------------------------------------

wipe=$'\r\033[K'

# What is shown while STEP is waited for.
waiting() # STEP
{
    echo "pamrun: waiting for $1 for prt_alice (profile su)"
}

# On a terminal of its own, as CALLER, in the background: $pamrun_pid and $pamrun_stdout are ptyrun's.
start_on_terminal() # CALLER [ptyrun option...] -- [pamrun option...]
{
    local options=()

    applicant_set "$1"
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    start_program "$TOOLS/ptyrun" --timeout 60 "${options[@]}" -- "${applicant[@]}" "$PAMRUN" "${@:2}"
}

shows() # TEXT
{
    grep -qF -- "$1" "$pamrun_stdout"
}

# The end of what was started; every byte that was on the terminal, but the echo of a ^C: Linux sends the signal first, and
# what answers it may be written before the echo or behind it.
ends_with() # STATUS TEXT
{
    local text

    end_status "$pamrun_pid" 60
    assert_status "$1"
    text=$(<"${stdout_of[$pamrun_pid]}")
    assert_eq "${text/'^C'/}" "$2"
}

# For all callers at once: most of it is waiting.
started=()
start_for_all() # [ptyrun option...] -- [pamrun option...]
{
    local caller

    started=()
    for caller in "${callers[@]}"; do
        start_on_terminal "$caller" "$@"
        started+=("$pamrun_pid")
    done
}

all_show() # TEXT [TIMES]
{
    local pid

    for pid in "${started[@]}"; do
        [ "$(grep -oF -- "$1" "${stdout_of[$pid]}" | wc -l)" -ge "${2-1}" ] || return 1
    done
}

all_end_with() # STATUS TEXT
{
    for pamrun_pid in "${started[@]}"; do
        ends_with "$@"
    done
}
