# A caller who is not root hands pamrun a start that nobody would wish for (hostile.c): the modules see none of it, the
# command has the account's ids and, of the rest, what was the caller's; or nothing runs and one clear line says why.
# With sanitizers only in full.

# shellcheck disable=SC2015,SC2016,SC2030,SC2031,SC2154 # A && B || fail; scripts in quotes; bats runs tests in subshells
load lib/common

PHASES=(authenticate acct_mgmt setcred-establish open_session close_session setcred-delete)
LIMITS=(nofile fsize nproc core as stack data cpu memlock sigpending nice rtprio rttime msgqueue locks)
EVERYTHING=(umask nice oom_score_adj directory descriptors blocked ignored "${LIMITS[@]/#/limit_}")
NOT_ROOT='pamrun: cannot start: not running as root'

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice --groups prt_staff
    make_user prt_bob
    set_password prt_alice 'right one'
    probe_profile su
}

setup()
{
    begin_test
    box=$TEST_DIR/box
    install -d -o prt_alice "$box"
    cd /
    tell=(--tell --exit 7)
    options=(--close-on-exit -u prt_alice)
    [ "${SANITIZED-}" != 1 ] || export ASAN_OPTIONS=${ASAN_OPTIONS-}:disable_coredump=0 # it sets a limit of its own
}

# Has root here CAP_SYS_RESOURCE?  Not in every container; without it nobody raises a hard limit.
root_raises_limits()
{
    local bounding

    bounding=$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)
    ((0x$bounding >> 24 & 1))
}

# The words that start PROGRAM in that way.  Without a --user among the options prt_bob acts on them; what only root can
# hand over comes before a --user of the test's own.
hostile=()
hostile_set() # OPTION...
{
    hostile=("$TOOLS/hostile" "$@" --)
    [[ " $* " == *" --user"* ]] || hostile=("$TOOLS/hostile" --user prt_bob "$@" --)
}

# Run pamrun so, and before that the command on its own (baseline): what the caller has.
run_start() # OPTION...
{
    probe_reset
    hostile_set "$@"
    run_program "${hostile[@]}" "$TOOLS/hostile" "${tell[@]}"
    baseline=$stdout
    run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
}

# Sets value: that of KEY in TEXT, empty when it is not there.
told() # TEXT KEY
{
    value=''
    [[ $'\n'$1 =~ $'\n'$2=([^$'\n']*) ]] || return 0
    value=${BASH_REMATCH[1]}
}

assert_told() # KEY VALUE WHAT
{
    told "$stdout" "$1"
    assert_eq "$value" "$2" "$3: $1"
}

# The account's ids in all places, its groups and no others, no capability; status: the command's own.
assert_right_ids() # WHAT
{
    local uid gid groups

    uid=$(id -u prt_alice) gid=$(id -g prt_alice)
    groups=$(id -G prt_alice | tr ' ' '\n' | sort -n | paste -sd' ')
    assert_told uids "$uid $uid $uid" "$1"
    assert_told gids "$gid $gid $gid" "$1"
    assert_told groups "$groups" "$1"
    assert_told capabilities "000000000 000000000 000000000 0" "$1"
    assert_told securebits 0 "$1"
    assert_told no_new_privs 0 "$1"
}

assert_session_closed() # WHAT
{
    local counts

    counts=$(awk '
        / function=open_session / { opened++ }
        / function=close_session / { closed++ }
        / phase=setcred-establish / { set++ }
        / phase=setcred-delete / { deleted++ }
        END { if (opened != closed || set != deleted) print opened + 0, closed + 0, set + 0, deleted + 0 }' \
        "$PROBE_LOG_FILE")
    assert_eq "$counts" "" "$1: sessions opened and closed, credentials set and deleted"
}

assert_nothing_left()
{
    assert wait_until 10 has_no_process prt_alice
    assert wait_until 10 has_no_process prt_bob
}

# The modules' process is clean, whatever it came from.  One look at the log: there are many starts.
assert_modules_saw_nothing() # WHAT
{
    local seen

    # 380000: TSTP TTIN TTOU, the front stops in our stead.  Of the ignored signals the real-time ones may stay.
    seen=$(awk -v called="${PHASES[*]}" '
        function wrong(name) { print phase ": " name "=" field[name] }
        function is(name, regex) { if (field[name] !~ "^(" regex ")$") wrong(name) }
        BEGIN { split(called, names, " "); for (i in names) wanted[names[i]] = 1 }
        {
            delete field
            for (i = 1; i <= NF; i++) {
                at = index($i, "=")
                field[substr($i, 1, at - 1)] = substr($i, at + 1)
            }
            phase = field["phase"]
            if (field["function"] == "note" || !(phase in wanted))
                next
            times[phase]++
            is("environ", "PATH")
            is("cwd", "/")
            is("sigblk", "0000000000380000")
            is("sigpnd", "0+")
            is("sigign", "........[08]0000000") # bit 31 is signal 32
            is("umask", "00[2367][2367]")
            is("fds_inherited", "")
            is("cap_inh", "0+")
            is("cap_amb", "0+")
            is("securebits", "0|0x0")
            is("no_new_privs", "0")
            is("dumpable", "0")
            for (i = 0; i <= 2; i++)
                if (field["fd" i] == "(unset)")
                    wrong("fd" i)
            split(field["rlimit_fsize"], size, ":")
            if (size[1] != "unlimited" && size[1] < 2 ^ 30)
                wrong("rlimit_fsize")
            is("rlimit_core", "[01]:.*")
        }
        END {
            for (phase in wanted)
                if (times[phase] != 1)
                    print phase ": called " times[phase] + 0 " times"
        }' "$PROBE_LOG_FILE")
    assert_eq "$seen" "" "$1: what modules saw"
}

# What the command has is what it has without pamrun.
assert_callers() # WHAT [KEY...]
{
    local key keys=("${@:2}")

    [ ${#keys[@]} -gt 0 ] || keys=("${EVERYTHING[@]}")
    for key in "${keys[@]}"; do
        told "$baseline" "$key"
        [ -n "$value" ] || fail_because "$1: the command alone tells no $key"
        assert_told "$key" "$value" "$1"
    done
}

assert_right() # WHAT
{
    assert_status 7
    assert_eq "$stderr" "" "$1"
    assert_right_ids "$1"
    assert_session_closed "$1"
    assert_modules_saw_nothing "$1"
}

# The lines of stderr that are no hint.
messages()
{
    grep -vE '^(pamrun: )?hint: ' <<<"$stderr" || true
}

# Nothing ran, and one line says so.
assert_refused() # WHAT
{
    [ "$status" -ne 0 ] && [ "$status" -ne 7 ] || fail_because "$1: neither run nor refused"
    assert_eq "$stdout" "" "$1"
    assert_one_line "$(messages)"
    assert_session_closed "$1"
}

# Right, or refused, or ended by the kernel or the loader before our first instruction.
assert_right_or_refused() # WHAT
{
    if [ -n "$stdout" ]; then
        assert_right "$1"
    elif [ "$status" -ge 128 ] && [ -z "$(messages)" ]; then
        assert_eq "$(probe_count open_session)" "$(probe_count close_session)" "$1"
    else
        assert_refused "$1"
    fi
}

# ---- arguments ------------------------------------------------------------------------------------------------

@test "no argument at all, not even the program's name: no more than anybody may have" {
    probe_script <<<'authenticate return PAM_AUTH_ERR'
    run_program "$TOOLS/hostile" --user prt_bob --argc0 -- "$PAMRUN"
    if [ "$status" -eq 71 ]; then # the kernel put no empty word there
        assert_eq "$output" ""
        assert_eq "$(probe_order)" ""
    else
        assert_status 77
        assert_eq "$output" "pamrun: authenticate for root (profile su): Authentication failure (PAM_AUTH_ERR)"
    fi
}

@test "whatever the program's own name is, it runs rightly and calls itself pamrun" {
    local name

    for name in '' - --help -l $'a\nroot: b' $'\e[31m\e]0;x\a' '%s%n%s%n' ../../pamrun sudo; do
        run_start --argv0 "$name"
        assert_right "argv[0] $(printf %q "$name")"
        run_program "$TOOLS/hostile" --user prt_bob --argv0 "$name" -- "$PAMRUN" --no-such-option
        assert_status 64
        assert_match "${stderr%%$'\n'*}" '^pamrun: '
        assert_one_line "${stderr%%$'\n'*}"
    done
    run_start --long-argv0 100000
    assert_right "argv[0] of 100 kB"
}

# ---- descriptors ----------------------------------------------------------------------------------------------

@test "descriptors 0 to 2 closed, in all combinations: a device for modules and command, nothing else" {
    local closed fd starts was

    for closed in '' 0 1 2 01 02 12 012; do
        probe_reset
        rm -f "$box/fds"
        starts=()
        for fd in 0 1 2; do
            [[ $closed != *$fd* ]] || starts+=(--close "$fd")
        done
        hostile_set "${starts[@]}"
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- \
            bash -c 'exec 3>"$0"; for fd in 0 1 2; do readlink "/proc/$$/fd/$fd" >&3; done; exit 6' "$box/fds"
        assert_status 6
        was=(/dev/null "$stdout_file" "$stderr_file")
        for fd in 0 1 2; do
            [[ $closed != *$fd* ]] || was[fd]='/dev/(null|full)' # glibc's choice for a setuid program
            assert_match "$(sed -n $((fd + 1))p "$box/fds")" "^${was[fd]}\$"
        done
        assert_modules_saw_nothing "closed '$closed'"
    done
}

@test "twenty thousand descriptors, and hardly a free number: the command has all of them, and the caller's limit" {
    local count=20000 hard start

    hard=$(ulimit -Hn)
    if ! root_raises_limits && [ "$hard" != unlimited ] && [ "$hard" -lt 21000 ]; then
        count=$((hard - 1000))
    fi
    [ "${SANITIZED-}" != 1 ] || count=2000 # the probe's log of them takes a minute there
    for start in "--limit nofile $((count + 10))" "--limits nofile $((count + 10))"; do
        probe_reset
        # shellcheck disable=SC2086 # words
        hostile_set $start --user prt_bob --open-many $count
        run_program "${hostile[@]}" "$TOOLS/hostile" "${tell[@]}"
        assert_status 7
        baseline=$stdout
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        if [[ $start == --limits* ]] && ! root_raises_limits; then
            assert_limit_refused NOFILE
            continue
        fi
        assert_status 7
        assert_right_ids "$start"
        assert_callers "$start" limit_nofile descriptors
        told "$stdout" descriptors
        assert_eq "$(wc -w <<<"$value")" $((count + 3))
        assert_eq "$(grep -c ' fds_inherited= ' "$PROBE_LOG_FILE")" "$(wc -l <"$PROBE_LOG_FILE")"
        assert_session_closed "$start"
    done
}

@test "inherited descriptors are the command's, under their numbers, and no helper's of a module" {
    local number

    for number in 3 7 1000; do
        echo "file $number" >"$TEST_DIR/file-$number"
    done
    chmod 0755 "$TEST_DIR"
    starts=()
    for number in 3 7 1000; do
        starts+=(--open-at "$number" "$TEST_DIR/file-$number")
    done
    run_start "${starts[@]}"
    assert_right "descriptors 3, 7, 1000"
    assert_callers "descriptors 3, 7, 1000"
    assert_told descriptors "0 1 2 3 7 1000 " here
    hostile_set "${starts[@]}"
    run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- sh -c 'cat <&3; cat <&7; cat /dev/fd/1000'
    assert_eq "$stdout" $'file 3\nfile 7\nfile 1000'
}

# ---- limits ---------------------------------------------------------------------------------------------------

assert_limit_refused() # NAME
{
    assert_status 71
    assert_eq "$output" "pamrun: resource limits: RLIMIT_$1 is lower than PAM modules need, and cannot be raised"
    assert_eq "$(probe_order)" ""
}

# Standard output and error are a pipe: RLIMIT_FSIZE is about files.
run_limited() # HOSTILE-OPTION... -- [PROGRAM...]
{
    local reader words=() starts=()

    while [ "$1" != -- ]; do
        starts+=("$1")
        shift
    done
    words=("${@:2}")
    hostile_set "${starts[@]}" --dup 8 2
    exec 8> >(exec cat >"$TEST_DIR/told" 3>&- 4>&-)
    reader=$!
    run_program "${hostile[@]}" "${words[@]}" "$TOOLS/hostile" --dup 8 1 --close 8 --tell --exit 7
    exec 8>&-
    wait "$reader"
    stderr+=$(grep -vE '^[a-z_]+=' "$TEST_DIR/told" || true)
    stdout=$(grep -E '^[a-z_]+=' "$TEST_DIR/told" || true)
    output=$stdout$stderr
}

limited() # OPTION...
{
    probe_reset
    run_limited "$@" --
    baseline=$stdout
    run_limited "$@" -- "$PAMRUN" "${options[@]}" --
}

# The limits that keep no program from running, soft and hard: so low, they have to be raised by root.
is_harmless() # NAME
{
    [[ $1 == @(core|memlock|nice|rtprio|msgqueue|locks) ]]
}

needs_raising() # NAME
{
    [[ $1 == @(fsize|sigpending|rttime) ]]
}

@test "each limit at nothing or next to nothing, soft, and soft and hard: run rightly or one clear refusal" {
    local name low how

    for name in "${LIMITS[@]}"; do
        for low in 0 5; do
            [[ $name != @(as|stack|data) ]] || low=$((low * 1000000))
            for how in --limit --limits; do
                if [ "${SANITIZED-}" = 1 ] && [[ $name == @(as|stack|data|nofile|nproc) ]]; then
                    continue # the sanitizers need memory, descriptors and a process
                fi
                if [[ $name == @(nice|rtprio) && $low -gt 0 ]] && ! root_raises_limits; then
                    continue # the hard limit is 0
                fi
                limited $how "$name" "$low"
                if [ $how = --limits ] && needs_raising "$name" && ! root_raises_limits; then
                    assert_limit_refused "${name^^}"
                elif is_harmless "$name" || needs_raising "$name"; then
                    assert_right "$how $name $low"
                    assert_callers "$how $name $low"
                else
                    assert_right_or_refused "$how $name $low"
                fi
            done
        done
    done
    assert_nothing_left
}

@test "limits that a command can live with are the caller's again, whatever modules were given" {
    local start how

    for start in "as 500000000" "data 100000000" "stack 300000" "cpu 60" "nofile 64" "nproc 500" "rss 4096"; do
        if [ "${SANITIZED-}" = 1 ] && [[ $start == @(as|data|stack)* ]]; then
            continue # the sanitizers need memory
        fi
        for how in --limit --limits; do
            # shellcheck disable=SC2086 # name and value
            limited $how $start
            if [ $how = --limits ] && [[ $start == @(as|data|stack|cpu|nofile)* ]] && ! root_raises_limits; then
                assert_limit_refused "$(sed 's/ .*//; s/.*/\U&/' <<<"$start")"
            else
                assert_right "$how $start"
                assert_callers "$how $start"
            fi
        done
    done
    limited --limit fsize 0 --limits core 0 --limits memlock 0 --limit sigpending 0 --limit cpu 30 --limits msgqueue 0
    assert_right "many at once"
    assert_callers "many at once"
}

@test "with RLIMIT_FSIZE 0 a module writes its files all the same, in each step" {
    local phase

    probe_script < <(for phase in "${PHASES[@]}"; do echo "$phase count-open $TEST_DIR/count-$phase"; done)
    run_limited --limit fsize 0 -- "$PAMRUN" "${options[@]}" --
    assert_status 7
    for phase in "${PHASES[@]}"; do
        assert_eq "$(probe_field "$phase" failed last)" ""
        assert_eq "$(cat "$TEST_DIR/count-$phase")" 1 "$phase"
    done
    # and when it is refused: that is where wrong passwords are counted
    probe_script <<END
authenticate count-open $TEST_DIR/count
authenticate return PAM_AUTH_ERR
END
    hostile_set --limit fsize 0
    run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- true
    assert_status 77
    assert_eq "$(cat "$TEST_DIR/count")" 1
}

@test "what pam_limits sets is the command's, soft and hard each; the rest is the caller's" {
    cat >"$TEST_DIR/limits.conf" <<'END'
prt_alice soft nofile 77
prt_alice hard nofile 99
prt_alice hard fsize 1000
prt_alice soft stack 512
prt_alice - core 0
END
    profile su < <(
        for type in auth account password session; do probe_line $type required; done
        echo "session required pam_limits.so conf=$TEST_DIR/limits.conf"
    )
    run_start --limit nproc 400 --limits memlock 4096 --limit fsize 3000000 --limit cpu 60
    probe_profile su
    assert_status 7
    assert_right_ids "pam_limits"
    assert_told limit_nofile "77 99" here
    assert_told limit_fsize "1024000 1024000" "pam_limits" # soft never above hard
    told "$baseline" limit_stack
    assert_told limit_stack "524288 ${value#* }" "pam_limits"
    assert_told limit_core "0 0" here
    # the others are the caller's or, where pam_limits starts from those of process 1 (Debian), what it made of them
}

# ---- umask, directory, priority -------------------------------------------------------------------------------

@test "umask 0 and 0777: the modules have a safe one, the command the caller's" {
    local mask

    for mask in 0000 0777 0077 0002; do
        run_start --umask "$mask"
        assert_right "umask $mask"
        assert_callers "umask $mask"
        assert_told umask "$mask" here
    done
}

@test "a directory that the account cannot read, one that nobody can enter any more, and one that is gone" {
    install -d -m 0700 -o prt_bob "$TEST_DIR/bobs"
    run_start --cd "$TEST_DIR/bobs"
    assert_right "unreadable"
    assert_callers "unreadable" directory
    install -d -m 0000 "$TEST_DIR/closed"
    run_start --cd "$TEST_DIR/closed" --user prt_bob
    assert_right_or_refused "closed"
    chmod 0755 "$TEST_DIR"
    install -d -m 0777 "$TEST_DIR/open"
    run_start --gone "$TEST_DIR/open/gone"
    assert_eq "$stderr" "pamrun: the working directory is not there for the command, starting in /"
    stderr=''
    assert_right "gone"
    assert_told directory / "gone"
    refute test -e "$TEST_DIR/open/gone"
}

@test "nice 19 and oom_score_adj 1000: 0 while modules run, in front and holder, the command back at 1000" {
    local holder

    run_start --oom 1000 --user prt_bob --nice 19
    assert_right "nice, oom"
    assert_callers "nice, oom"
    assert_told nice 19 "nice"
    assert_told oom_score_adj 1000 "oom"
    probe_reset
    probe_script <<END
open_session touch $TEST_DIR/entered
open_session wait-file $TEST_DIR/go
END
    hostile_set --oom 1000 --user prt_bob
    start_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- cat /proc/self/oom_score_adj
    assert wait_until 10 test -e "$TEST_DIR/entered"
    holder=$(probe_field authenticate pid)
    [ "$holder" != "$pamrun_pid" ] || fail_because "no front"
    assert_eq "$(cat "/proc/$pamrun_pid/oom_score_adj") $(cat "/proc/$holder/oom_score_adj")" "0 0"
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    assert_eq "$status $stdout" "0 1000"
    root_raises_limits || return 0
    run_start --oom -500 --user prt_bob # root's gift: kept
    assert_right "oom -500"
    assert_callers "oom -500"
}

# ---- signals, timers, processes -------------------------------------------------------------------------------

@test "every signal ignored, blocked, both: the modules have none of it, the command has all of it again" {
    local start key theirs ours left_out=0x180000000 # 32 and 33 are glibc's own: it lets nobody block them

    [ "${SANITIZED-}" != 1 ] || left_out=0x1800004c0 # and a sanitizer catches BUS, FPE and SEGV

    for start in "--ignore all" "--block all" "--ignore all --block all"; do
        # shellcheck disable=SC2086 # words
        run_start $start
        assert_right "$start"
        assert_callers "$start" umask directory descriptors
        for key in blocked ignored; do
            told "$stdout" $key
            ours=$((0x$value & ~left_out))
            told "$baseline" $key
            theirs=$((0x$value & ~left_out))
            assert_eq "$(printf %x $ours)" "$(printf %x $theirs)" "$start: $key"
        done
    done
}

@test "each signal that matters to us ignored or blocked alone: run rightly, with the status of the command" {
    local number mask

    for number in 1 2 3 13 14 15 17 18 20 21 22 29 34 63 64; do # PIPE ALRM TERM CHLD CONT TSTP TTIN TTOU IO, real-time
        printf -v mask %016x $((1 << (number - 1)))
        probe_reset
        hostile_set --ignore $number
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        assert_right "ignored $number"
        assert_told ignored "$mask" "ignored $number"
        assert_told blocked 0000000000000000 "ignored $number"
        probe_reset
        hostile_set --block $number
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        assert_right "blocked $number"
        assert_told blocked "$mask" "blocked $number"
        assert_told ignored 0000000000000000 "blocked $number"
    done
}

@test "signals that wait from before: harmless ones change nothing, others end the run before it began" {
    local number harmless=()

    for number in 14 17 18 23 26 27 28; do # ALRM CHLD CONT URG VTALRM PROF WINCH
        harmless+=(--pending "$number")
    done
    run_start "${harmless[@]}"
    assert_right "harmless ones"
    for number in 1 2 3 10 12 15 24 25 40 64; do
        probe_reset
        hostile_set --pending "$number"
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        if [ -n "$stdout" ]; then
            assert_right "pending $number"
        else
            assert_status $((128 + number))
            assert_eq "$(probe_order)" ""
        fi
    done
}

@test "all three interval timers: they end nothing, and none runs in the command" {
    probe_script <<<'* sleep 20'
    # blocked, so that the first one may come at any moment
    hostile_set --block 14 --block 26 --block 27 --timer real 1 --timer virtual 1 --timer prof 1
    run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
    assert_right "timers"
    assert_told timers 0 "timers"
    assert_told pending 0000000000000000 "timers"
}

@test "children from before: neither the one that has ended nor the one that lives is taken for the command" {
    run_start --child
    assert_right "children"
    assert_nothing_left
}

@test "a parent that ends, with a signal asked for then: the run goes on, or is ended in order" {
    local number

    for number in 9 15 19; do
        probe_reset
        rm -f "$box"/*
        hostile_set --parent-death "$number"
        # shellcheck disable=SC2016
        start_program sh -c '"$@" & echo $! >'"$TEST_DIR/pid"'; until [ -e '"$box/started"' ]; do sleep 0.01; done' sh \
            "${hostile[@]}" "$PAMRUN" "${options[@]}" -- \
            sh -c "touch $box/started; until [ -e $box/go ]; do sleep 0.01; done; id >$box/ids"
        end_status "$pamrun_pid"
        touch "$box/go"
        assert wait_until 10 program_has_ended "$(<"$TEST_DIR/pid")"
        assert wait_until 10 probe_called setcred-delete
        [ ! -e "$box/ids" ] || assert_eq "$(<"$box/ids")" "$(id prt_alice)"
        assert_session_closed "parent-death $number"
        assert_nothing_left
    done
}

# ---- environment ----------------------------------------------------------------------------------------------

# The names in the command's environment, from a run with these entries.
run_with_environment() # OPTION...
{
    probe_reset
    hostile_set "$@"
    run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- env
    assert_status 0
    assert_session_closed "environment"
    assert_modules_saw_nothing "environment"
}

@test "what the loader, libc and shells obey is neither the modules' nor the command's" {
    local entry entries=() dangerous=(
        LD_PRELOAD=/evil.so LD_LIBRARY_PATH=/evil LD_AUDIT=/evil.so LD_BIND_NOW=1 LD_PROFILE_OUTPUT=/evil LD_DEBUG=all
        GCONV_PATH=/evil GLIBC_TUNABLES=glibc.malloc.check=3 MALLOC_CHECK_=3 MALLOC_PERTURB_=1 MALLOC_TRACE=/evil
        LOCPATH=/evil NLSPATH=/evil RES_OPTIONS=debug HOSTALIASES=/evil LOCALDOMAIN=evil TZ=/etc/shadow TZ=:/etc/shadow
        BASH_ENV=/evil ENV=/evil IFS=x SHELLOPTS=xtrace BASHOPTS=extdebug PS4=evil CDPATH=/evil
        'BASH_FUNC_id%%=() { echo evil; }' 'BASH_FUNC_id()=() { echo evil; }' 'id=() { echo evil; }'
        'PERL5OPT=-Mevil' PYTHONPATH=/evil TMPDIR=/evil KRB5_CONFIG=/evil 'TERM=../evil' 'LANG=/evil' 'LC_ALL=%n'
    )

    for entry in "${dangerous[@]}"; do
        entries+=(--environment "$entry")
    done
    run_with_environment --no-environment --environment KEPT=1 "${entries[@]}" --environment PATH=/usr/bin:/bin
    assert_contains "$stdout" KEPT=1
    for entry in "${dangerous[@]}"; do
        refute grep -qE "^${entry%%[=(%]*}" <<<"$stdout"
    done
    refute_contains "$stdout" evil
    assert_eq "$(LC_ALL=C sort <<<"$stdout" | sed 's/=.*//' | paste -sd' ')" "HOME KEPT LOGNAME PATH USER"
    # with -p and -w, too
    for options in "-p --close-on-exit prt_alice -c env" "-l -w LD_PRELOAD,BASH_ENV,IFS,KEPT,TZ prt_alice -c env"; do
        hostile_set --no-environment --environment KEPT=1 "${entries[@]}" --environment PATH=/usr/bin:/bin
        # shellcheck disable=SC2086 # words
        run_program "${hostile[@]}" "$PAMRUN" $options
        assert_status 0
        assert_contains "$stdout" KEPT=1
        refute_contains "$stdout" evil
        refute_contains "$stdout" shadow
    done
}

@test "entries that are doubled or malformed: one of a name, and none that is no NAME=VALUE" {
    run_with_environment --no-environment --environment TWICE=first --environment NO_EQUALS --environment =empty \
        --environment 'WITH BLANK=1' --environment '' --environment '=' --environment $'NEW\nLINE=1' \
        --environment 1DIGIT=1 --environment TWICE=second --environment PATH=/usr/bin:/bin --environment EMPTY=
    assert_eq "$(grep -c '^TWICE=' <<<"$stdout")" 1
    assert_contains "$stdout" TWICE=first # as getenv(3) has it
    refute grep -qE '^(NO_EQUALS|=|WITH BLANK|NEW|LINE|1DIGIT)' <<<"$stdout"
    assert grep -qx 'EMPTY=' <<<"$stdout"
}

@test "ten thousand variables, and one of 100 kB" {
    run_with_environment --no-environment --environment PATH=/usr/bin:/bin --many-variables 10000 \
        --long-variable LONG 100000 --long-variable LD_LONG 100000 --long-variable LC_ALL 100000
    assert_eq "$(grep -c '^V[0-9]*=' <<<"$stdout")" 10000
    assert_eq "$(sed -n 's/^LONG=//p' <<<"$stdout" | wc -c)" 100001
    refute grep -q '^LD_LONG=' <<<"$stdout"
}

@test "an environment without anything: the command is found, with the account's name and home" {
    run_with_environment --no-environment
    assert grep -qx "HOME=/home/prt_alice" <<<"$stdout"
    assert grep -qx "USER=prt_alice" <<<"$stdout"
}

# ---- rights ---------------------------------------------------------------------------------------------------

@test "inheritable and ambient capabilities of the caller's end at us" {
    run_start --user-inheritable prt_bob
    told "$baseline" capabilities
    refute_contains "$value" "000000000 000000000 000000000 0" # it has some
    assert_right "inheritable"
    assert_callers "inheritable"
    run_start --user-ambient prt_bob
    told "$baseline" capabilities
    [[ $value != *" 0" ]] || fail_because "no ambient ones"
    assert_right "ambient"
    assert_callers "ambient"
}

@test "securebits are cleared, or the run is refused" {
    # LeakSanitizer would have to trace a process that nobody may trace
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
    local bits

    for bits in 0x4 0x40; do # NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE
        run_start --securebits $bits --user prt_bob
        assert_right "securebits $bits"
    done
    for bits in 0x1 0x3 0xc 0xef; do # NOROOT: no capability even for a setuid program; locked ones
        run_start --securebits $bits --user prt_bob
        assert_status 71
        assert_refused "securebits $bits"
        assert_eq "$stderr" "pamrun: cannot start: securebits are set and cannot be cleared"
        assert_eq "$(probe_order)" ""
    done
}

@test "a personality is not handed on" {
    local bits

    for bits in 0x0040000 0x0400000 0x0020000 0x0460000; do # ADDR_NO_RANDOMIZE READ_IMPLIES_EXEC UNAME26, all
        run_start --personality $bits
        assert_right "personality $bits"
        assert_told personality 0 here
    done
}

assert_not_root() # WHAT
{
    assert_status 71
    assert_refused "$1"
    assert_eq "$(messages)" "$NOT_ROOT" "$1"
    assert_match "$stderr" 'hint: is it root.s and setuid.*no_new_privs'
    assert_eq "$(probe_order)" "" "$1"
}

@test "under no_new_privs: refused, with a hint" {
    # LeakSanitizer would have to trace a process that nobody may trace
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
    run_start --no-new-privs
    assert_not_root "no_new_privs"
    run_start --user-ambient prt_bob --no-new-privs # all capabilities are not root
    assert_not_root "no_new_privs and ambient capabilities"
}

@test "a copy of the program that is not root's, or not setuid: refused" {
    # LeakSanitizer would have to trace a process that nobody may trace
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
    local mode

    chmod 0755 "$TEST_DIR"
    for mode in 0755 4755 6755; do
        install -o prt_bob -g prt_bob -m "$mode" "$PAMRUN" "$TEST_DIR/pamrun"
        PAMRUN=$TEST_DIR/pamrun run_start
        assert_not_root "bob's, mode $mode"
    done
    if [ "${SANITIZED-}" != 1 ]; then # a sanitizer cannot read its options in /proc/self there
        install -o prt_alice -m 4755 "$PAMRUN" "$TEST_DIR/pamrun"
        PAMRUN=$TEST_DIR/pamrun run_start
        assert_not_root "alice's, setuid"
    fi
    install -m 0755 "$PAMRUN" "$TEST_DIR/pamrun"
    PAMRUN=$TEST_DIR/pamrun run_start
    assert_not_root "root's, not setuid"
}

@test "in a user namespace of the caller's, with and without a mapping: nothing is gained, one clear line" {
    # LeakSanitizer would have to trace a process that nobody may trace
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
    local map

    needs unshare
    applicant_set prt_bob
    "${applicant[@]}" unshare -U true 2>/dev/null || skip_test "no user namespaces" || return
    for map in -U -Ur; do
        probe_reset
        run_program "${applicant[@]}" unshare $map "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        assert_refused "unshare $map"
        if [ $map = -U ]; then
            assert_not_root "unshare -U"
        else
            assert_match "$(messages)" '^pamrun: ' # root there, where nothing of root's is
            assert_match "$status" '^(69|71)$'
        fi
    done
}

# ---- a file system that lacks something -----------------------------------------------------------------------

@test "without /proc: run rightly" {
    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizers need /proc
    run_start --private-mounts --hide /proc --user prt_bob
    assert_status 7
    assert_right_ids "no /proc"
    assert_session_closed "no /proc"
    assert_callers "no /proc" umask nice directory descriptors blocked ignored "${LIMITS[@]/#/limit_}"
    hostile_set --private-mounts --hide /proc --user prt_bob --open-at 3 /usr/bin/env
    run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
    assert_status 7
    assert_told descriptors "0 1 2 " "no /proc" # which they are is not known: none is handed on
}

@test "without /dev/null: run rightly where it is not needed, else nothing runs" {
    local fd

    run_start --private-mounts --hide /dev --user prt_bob
    assert_right_or_refused "no /dev"
    for fd in 0 2; do
        probe_reset
        hostile_set --private-mounts --hide /dev --user prt_bob --close $fd
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        [ "$status" -ne 0 ] && [ "$status" -ne 7 ] || fail_because "descriptor $fd: status $status"
        assert_eq "$stdout" ""
        assert_eq "$(probe_order)" ""
    done
}

@test "with an empty /etc, in a chroot and without one: one clear refusal" {
    local uid gid root=$TEST_DIR/root

    uid=$(id -u prt_bob) gid=$(id -g prt_bob)
    probe_reset
    for start in "--hide /etc" "--bind / $root --chroot $root --hide /etc"; do
        install -d "$root"
        # shellcheck disable=SC2086 # words
        hostile_set --private-mounts $start --user "$uid:$gid"
        run_program "${hostile[@]}" "$PAMRUN" "${options[@]}" -- "$TOOLS/hostile" "${tell[@]}"
        assert_refused "$start"
        assert_match "$(messages)" '^pamrun: '
        assert_eq "$(probe_order)" ""
    done
}

# ---- the password ---------------------------------------------------------------------------------------------

# As bad a start as one can have at a terminal.
bad_start=(--child --limit fsize 0 --limits core 0 --limit sigpending 0 --limit memlock 0 --umask 0 --nice 19
    --block 14 --timer real 1 --ignore all --block all --close 0
    --environment TZ=/etc/shadow --environment IFS=x --long-argv0 5000)

# pam_unix asks.
try_password() # PASSWORD
{
    hostile_set "${bad_start[@]}"
    run_ptyrun --expect 'assword: ' --send "$1\\r" -- "${hostile[@]}" "$PAMRUN" "${options[@]}" -- \
        "$TOOLS/hostile" --tell --exit 7
    stdout=${stdout//$'\r'/}
}

@test "a wrong password is a wrong password, and the right one the right one, however bad the start" {
    [ "${SANITIZED-}" != 1 ] || return 0 # a sanitizer's crypt(3) is no use to a module that brings libcrypt along
    profile su < <(
        echo "auth required pam_unix.so"
        for type in account password session; do probe_line $type required; done
    )
    try_password "wrong one"
    assert_status 77
    assert_contains "$stdout" "pamrun: authenticate for prt_alice (profile su): Authentication failure (PAM_AUTH_ERR)"
    refute_contains "$stdout" uids=
    probe_called acct_mgmt 0
    try_password "right one"
    assert_status 7
    stdout=$(sed -n '/^descriptors=/,$p' <<<"$stdout")
    assert_right_ids "bad start"
    probe_profile su
    assert_nothing_left
}
