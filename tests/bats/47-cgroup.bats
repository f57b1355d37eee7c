# The control group of the command, when a module moves the run into another one: pamrun.conf(5), cgroup and job-cgroups.
# With real groups, of version 2 and, where the kernel lets us make a hierarchy, of version 1 at the same time.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what the libraries set

load lib/common
load lib/cgroups

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    cgroups_begin
    cgroup_make job_7/step_0 session-1.scope plain pbs_9 outer/job_7
}

setup()
{
    begin_test
    module_moves open_session session-1.scope
}

teardown_file()
{
    cgroups_end
    cleanup_all
}

callers=(root prt_bob)

# Such a profile: as pam_systemd does, a module moves the process that calls it, in all hierarchies or in those named.
module_moves() # PAM-TYPE GROUP [FOLDER...]
{
    local top group=$2 pam_type=$1

    shift 2
    [ $# -gt 0 ] || set -- "$cgroup2" $cgroup1
    {
        printf '#!/bin/sh\n[ "$PAM_TYPE" = %s ] || exit 0\n' "$pam_type"
        for top; do
            printf 'echo "$PPID" >%q/cgroup.procs || exit 1\n' "$top/$group"
        done
        cat "$TEST_DIR/more" 2>/dev/null || true
    } >"$TEST_DIR/move"
    chmod 0755 "$TEST_DIR/move"
    profile su < <(
        probe_line auth required
        echo "auth optional pam_exec.so $TEST_DIR/move"
        probe_line account required
        echo "account optional pam_exec.so $TEST_DIR/move"
        probe_line session required
        echo "session required pam_exec.so $TEST_DIR/move"
    )
}

# pamrun of CALLER's, started in GROUP.
run_in() # GROUP CALLER ARGUMENT...
{
    local enter

    cgroup_enter "$1"
    applicant_set "$2"
    probe_reset
    run_program "${enter[@]}" "${applicant[@]}" "$PAMRUN" "${@:3}"
}

# As many words as there are hierarchies.
each() # WORD
{
    if [ -n "$cgroup1" ]; then echo "$1 $1"; else echo "$1"; fi
}

# The command is in GROUP, the process that made the PAM calls in another.
show='cat /proc/self/cgroup; echo --; cat /proc/$PPID/cgroup'
assert_places() # GROUP GROUP [WHAT]
{
    assert_status 0
    assert_eq "$(cgroup_places "${stdout%--*}")" "$(each "$1")" "${3-} command"
    assert_eq "$(cgroup_places "${stdout#*--}")" "$(each "$2")" "${3-} holder"
}

assert_refused() # STATUS MESSAGE HINT
{
    assert_status "$1"
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: $2
hint: $3"
    # what was opened is closed
    assert_eq "$(probe_order)" "authenticate acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session \
setcred:PAM_DELETE_CRED cleanup"
}

@test "inside a job the command stays in the job's groups, and who holds the session where the module put him" {
    local caller words

    for caller in "${callers[@]}"; do
        log_start
        run_in job_7/step_0 "$caller" --json-status-fd 7 -u prt_alice -- sh -c "$show" 7>"$TEST_DIR/events"
        assert_places job_7/step_0 session-1.scope "$caller"
        assert_eq "$stderr" ""
        assert_match "$(log_lines 'pamrun\[')" ': allowed: .* cgroup=kept command='
        assert_match "$(<"$TEST_DIR/events")" '"event":"command-started","pid":[0-9]*,"cgroup":"kept"'
        for words in "prt_alice -c" "-l prt_alice -c" "--close-on-exit prt_alice -c" "-P prt_alice -c"; do
            # shellcheck disable=SC2086
            run_in job_7/step_0 "$caller" $words "$show"
            assert_places job_7/step_0 session-1.scope "$caller $words"
        done
        run_in job_7/step_0 "$caller" --verbose -u prt_alice -- true
        assert_contains "$stderr" "pamrun: cgroup: a module moved the run, the command is put back"
    done
    # the process itself becomes the command
    run_in job_7/step_0 root --exec -u prt_alice -- cat /proc/self/cgroup
    assert_eq "$status $(cgroup_places "$stdout")" "0 $(each job_7/step_0)"
}

@test "whichever step moves the run, inside a job the command is put back" {
    local step

    for step in auth account open_session; do
        module_moves $step session-1.scope
        for words in "" --no-session; do
            # shellcheck disable=SC2086
            run_in job_7 root $words -u prt_alice -- sh -c "$show"
            if [ "$words:$step" = --no-session:open_session ]; then
                assert_places job_7 job_7
            else
                assert_places job_7 session-1.scope "$step"
            fi
        done
    done
}

@test "outside of a job the module decides, and nothing is said of it" {
    local caller

    for caller in "${callers[@]}"; do
        log_start
        run_in plain "$caller" --verbose --json-status-fd 7 -u prt_alice -- sh -c "$show" 7>"$TEST_DIR/events"
        assert_places session-1.scope session-1.scope "$caller"
        refute grep -qE 'cgroup=|"cgroup"|cgroup: ' <<<"$(log_lines)$(<"$TEST_DIR/events")$stderr"
    done
}

@test "who is not moved stays, whatever the policy says, and nothing is said of it" {
    local caller rule

    module_moves nothing session-1.scope
    for rule in auto keep follow require; do
        site_policy <<<"cgroup = $rule"
        for caller in "${callers[@]}"; do
            log_start
            run_in job_7 "$caller" --verbose --json-status-fd 7 -u prt_alice -- sh -c "$show" 7>"$TEST_DIR/events"
            assert_places job_7 job_7 "$caller $rule"
            refute grep -qE 'cgroup=|"cgroup"|cgroup: ' <<<"$(log_lines)$(<"$TEST_DIR/events")$stderr"
        done
    done
}

@test "cgroup = keep puts back outside of a job, too, follow does not inside one, and a profile may have its own" {
    local caller

    for caller in "${callers[@]}"; do
        site_policy <<<"cgroup = keep"
        run_in plain "$caller" -u prt_alice -- sh -c "$show"
        assert_places plain session-1.scope "$caller"
        site_policy <<<"cgroup = follow"
        run_in job_7 "$caller" -u prt_alice -- sh -c "$show"
        assert_places session-1.scope session-1.scope "$caller"
        site_policy <<<$'cgroup = follow\n[profile su]\ncgroup = keep'
        run_in plain "$caller" -u prt_alice -- sh -c "$show"
        assert_places plain session-1.scope "$caller"
    done
}

@test "job-cgroups says what a job is, instead of the default" {
    local caller

    site_policy <<<"job-cgroups = slurm pbs_[0-9]"
    for caller in "${callers[@]}"; do
        run_in pbs_9 "$caller" -u prt_alice -- sh -c "$show"
        assert_places pbs_9 session-1.scope "$caller"
        run_in job_7 "$caller" -u prt_alice -- sh -c "$show"
        assert_places session-1.scope session-1.scope "$caller"
    done
}

@test "each hierarchy is put back on its own" {
    local caller top

    [ -n "$cgroup1" ] || return 0 # there is one only, and that is what the other tests have
    for caller in "${callers[@]}"; do
        module_moves open_session session-1.scope "$cgroup1"
        run_in job_7 "$caller" -u prt_alice -- sh -c "$show"
        assert_status 0
        assert_eq "$(cgroup_places "${stdout%--*}"), $(cgroup_places "${stdout#*--}")" "job_7 job_7, job_7 session-1.scope"
        module_moves open_session session-1.scope "$cgroup2"
        run_in job_7 "$caller" -u prt_alice -- sh -c "$show"
        assert_status 0
        assert_eq "$(cgroup_places "${stdout%--*}"), $(cgroup_places "${stdout#*--}")" "job_7 job_7, session-1.scope job_7"
    done
}

@test "cgroup = require refuses a run that a module moved: the site's fault, and the session is closed" {
    local caller place

    site_policy <<<"cgroup = require"
    place=$(cgroup_enter job_7; "${enter[@]}" sed -n 's/^0:://p' /proc/self/cgroup)
    module_moves open_session session-1.scope "$cgroup2"
    for caller in "${callers[@]}"; do
        run_in job_7 "$caller" --json-status-fd 7 -u prt_alice -- echo ran 7>"$TEST_DIR/events"
        assert_refused 78 "cgroup: a module of the profile moved the run from 0::$place to \
0::${place%/job_7}/session-1.scope, and the site policy requires that it stays" \
            "take the module (pam_systemd?) out of the profile, or set cgroup = keep, pamrun.conf(5)"
        assert_match "$(<"$TEST_DIR/events")" '"failed","step":"open_session","class":"node","exit-status":78,'
    done
    module_moves open_session session-1.scope
    run_in job_7 root --exec -u prt_alice -- echo ran
    assert_status 78
    assert_eq "$stdout" ""
}

@test "the end of the job ends its command, and the session, which is held outside of it, is closed" {
    local caller enter pid

    for caller in "${callers[@]}"; do
        probe_reset
        rm -f "$TEST_DIR/ready/now"
        install -d -o prt_alice "$TEST_DIR/ready"
        cgroup_enter job_7/step_0
        applicant_set "$caller"
        start_program "${enter[@]}" "${applicant[@]}" "$PAMRUN" --close-on-exit --kill-after 0.1 -u prt_alice -- \
            sh -c ': >"$0"; exec sleep 600' "$TEST_DIR/ready/now"
        wait_until 30 test -e "$TEST_DIR/ready/now"
        # as slurmstepd does; not twice the same, a number is soon another's
        while read -r pid; do
            kill -KILL "$pid" 2>/dev/null || true # one may have ended with another
        done <"$cgroup2/job_7/step_0/cgroup.procs"
        end_status "$pamrun_pid"
        assert_status 137
        wait_until 30 probe_called close_session 1
        wait_until 30 nobody_is_in "$cgroup2/session-1.scope"
    done
}

nobody_is_in() # FOLDER
{
    [ -z "$(<"$1/cgroup.procs")" ]
}

# ---- no way back ----------------------------------------------------------------------------------------------

hint="take the module (pam_systemd?) out of the profile, or set cgroup = follow, pamrun.conf(5)"

@test "when the job's group is gone nothing runs, and the session is closed" {
    # nobody else was in there but the script
    cgroup_make job_8
    echo "echo 0 >$cgroup2/session-1.scope/cgroup.procs && rmdir $cgroup2/job_8" >"$TEST_DIR/more"
    module_moves open_session session-1.scope
    place=$(cgroup_enter job_8; "${enter[@]}" sed -n 's/^0:://p' /proc/self/cgroup)
    run_in job_8 root -u prt_alice -- echo ran
    assert_refused 71 "cgroup: a module of the profile moved the run out of 0::$place, and the command cannot be put back: \
$cgroup2/job_8/cgroup.procs: No such file or directory" "$hint"
    [ -z "$cgroup1" ] || rmdir "$cgroup1/job_8"
}

@test "when the kernel does not let it back nothing runs, and the session is closed" {
    local top

    cgroup_make threads/job_8/step_0
    # below a group of threads a group that is none cannot be used
    echo "echo 0 >$cgroup2/session-1.scope/cgroup.procs && echo threaded >$cgroup2/threads/job_8/cgroup.type" \
        >"$TEST_DIR/more"
    module_moves open_session session-1.scope
    run_in threads/job_8/step_0 root -u prt_alice -- echo ran
    assert_refused 71 "command: cannot be put back into its control group: Operation not supported" \
        "a module of the profile moved the run out of it (pam_systemd?); pamrun.conf(5), cgroup"
    for top in "$cgroup2" $cgroup1; do
        rmdir "$top/threads/job_8/step_0" "$top/threads/job_8" "$top/threads"
    done
}

# All mounts of version 2, one behind the other.
mounts2="awk '/ - cgroup2 / { print \$5 }' /proc/self/mountinfo"

@test "when the job's hierarchy is mounted nowhere nothing runs, and the session is closed" {
    local caller place

    echo "for mount in \$($mounts2); do umount -l \"\$mount\"; done" >"$TEST_DIR/more"
    module_moves open_session session-1.scope
    place=$(cgroup_enter job_7; "${enter[@]}" sed -n 's/^0:://p' /proc/self/cgroup)
    for caller in "${callers[@]}"; do
        run_apart_in job_7 "$caller" -u prt_alice -- echo ran
        assert_refused 71 "cgroup: a module of the profile moved the run out of 0::$place, which is mounted nowhere: \
there is no way back for the command" "$hint"
    done
}

# The same with mounts of its own.
run_apart_in() # GROUP CALLER ARGUMENT...
{
    local enter

    cgroup_enter "$1"
    applicant_set "$2"
    probe_reset
    run_program "${enter[@]}" unshare --mount --propagation private "${apart[@]}" "${applicant[@]}" "$PAMRUN" "${@:3}"
}
apart=()

@test "what is mounted over the hierarchy is not taken for it" {
    local caller file

    file=${cgroup2#"$cgroup2_mount"}/job_7
    cat >"$TEST_DIR/more" <<MORE
for mount in \$($mounts2); do
    mount -t tmpfs none "\$mount" && mkdir -p "\$mount$file" && : >"\$mount$file/cgroup.procs"
done
MORE
    module_moves open_session session-1.scope "$cgroup2"
    # the session is closed in those mounts
    cat >>"$TEST_DIR/move.new" <<MORE
#!/bin/sh
[ "\$PAM_TYPE" != close_session ] || exec cp "$cgroup2/job_7/cgroup.procs" "$TEST_DIR/written"
MORE
    tail -n +2 "$TEST_DIR/move" >>"$TEST_DIR/move.new"
    cp "$TEST_DIR/move.new" "$TEST_DIR/move"
    for caller in "${callers[@]}"; do
        rm -f "$TEST_DIR/written"
        run_apart_in job_7 "$caller" -u prt_alice -- echo ran
        assert_status 71
        assert_eq "$stdout" ""
        assert_contains "$stderr" "$cgroup2/job_7/cgroup.procs: Invalid cross-device link"
        assert_eq "$(<"$TEST_DIR/written")" ""
    done
}

@test "in a cgroup namespace a mount of the namespace's leads back, and without one nothing runs" {
    local caller enter namespace

    # the namespace begins at "outer", the job is below
    cgroup_enter outer/job_7
    namespace=(unshare --cgroup --mount --propagation private)
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        probe_reset
        run_program sh -c 'echo 0 >"$0/outer/cgroup.procs" && exec "$@"' "$cgroup2" "${namespace[@]}" \
            "${enter[@]}" "${applicant[@]}" "$PAMRUN" -u prt_alice -- echo ran
        assert_status 71
        assert_eq "$stdout" ""
        assert_match "$stderr" '^pamrun: cgroup: .* out of [0-9:a-z=_]*:/(prt_[0-9]*/outer/)?job_7, which is mounted nowhere'
    done
    module_moves open_session session-1.scope "$cgroup2"
    for caller in "${callers[@]}"; do
        applicant_set "$caller"
        probe_reset
        run_program sh -c 'echo 0 >"$0/outer/cgroup.procs" && exec "$@"' "$cgroup2" "${namespace[@]}" \
            sh -c 'mkdir /run/prt_inner && mount -t cgroup2 none /run/prt_inner && exec "$@"' sh \
            "${enter[@]}" "${applicant[@]}" "$PAMRUN" -u prt_alice -- sh -c "cat /run/prt_inner/job_7/cgroup.procs; $show"
        rmdir /run/prt_inner
        assert_status 0
        assert_contains "$stdout" "0::/job_7"$'\n'
        assert_contains "${stdout#*--}" "0::/../session-1.scope"
    done
}

# ---- what it costs, and who is moved --------------------------------------------------------------------------

@test "the groups are read once without a job, twice in one, not at all with follow; only the command's process moves" {
    local caller rule group count moved pid enter

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    while read -r rule group count moved; do
        site_policy <<<"cgroup = $rule"
        for caller in "${callers[@]}"; do
            [ "$caller" = root ] || [ "$moved" = back ] || continue # with strace(1) a run takes seconds
            probe_reset
            cgroup_enter "$group"
            module_moves "$([ "$moved" = stays ] && echo nothing || echo open_session)" session-1.scope
            run_program "${enter[@]}" strace -f -y -qq -s 16 -u "$caller" -o "$TEST_DIR/trace" \
                -e trace=openat,read,write,execve "$PAMRUN" -u prt_alice -- /bin/echo ran
            assert_eq "$status $stdout" "0 ran"
            # of pamrun's; modules' helpers and the command may look for themselves
            assert_eq "$(grep -c 'openat(.*"/proc/self/cgroup"' "$TEST_DIR/trace")" "$count" "$caller $rule $group"
            assert_eq "$(grep -c 'read(.*</proc/[0-9]*/cgroup>' "$TEST_DIR/trace")" "$count" "$caller $rule $group"
            pid=$(sed -n 's/^\([0-9]*\) .*execve("\/bin\/echo".*/\1/p' "$TEST_DIR/trace")
            assert_eq "$(sed -n 's/ .*write([0-9]*<.*cgroup.procs>, "0", 1[^0-9].*//p' "$TEST_DIR/trace" | xargs)" \
                "$([ "$moved" != back ] || each "$pid")" "$caller $rule $group"
        done
    done <<'CASES'
follow job_7 0 follows
auto plain 1 follows
auto job_7 3 back
require plain 2 stays
CASES
}
