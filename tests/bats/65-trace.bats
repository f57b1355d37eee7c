# pamrunctl trace: which module of the profile did what. Each answer is held against what libpam does without it.
# shellcheck disable=SC2016,SC2154 # scripts in quotes; what common.bash sets
# With sanitizers only in full.

load lib/common
load lib/check
load lib/trace

setup_file()
{
    begin_file
    make_group prt_crew
    make_user prt_alice -G prt_crew
    make_user prt_bob
    set_password prt_alice 'Right.pass.1'
    probe_profile prt_job
}

# A name for each of the probe's lines, as many as are read: FACILITY CONTROL NAME; other lines as they are.
probe_stack() # PROFILE
{
    local type control name

    profile "$1" < <(
        while read -r type control name; do
            if [[ $type =~ ^(auth|account|session|password)$ ]] && [[ $name != */* && $name != *.so ]]; then
                probe_line "$type" "${control//_/ }" "$name"
            else
                echo "$type ${control//_/ } $name"
            fi
        done
    )
}

# ---- the copies -----------------------------------------------------------------------------------------------

@test "what the directory of copies has beside profiles is called as no profile can be" {
    local name

    for name in i m; do
        profile prt_common < <(probe_line auth required common)
        profile "$name" <<<"@include prt_common"
        trace --profile "$name" prt_alice authenticate
        assert_eq "$status$stderr" 0
        assert_eq "$(trace_lines authenticate)" "+ prt_common:1 PAM_SUCCESS ok"
        no_copy_is_left
    done
}

@test "no directory of copies is left where it cannot be made, or a signal comes just then" {
    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    local call

    for call in 2 3; do # the first one is the directory's own
        run_program strace -q -o /dev/null -e trace=mkdir,mkdirat -e "inject=mkdir,mkdirat:error=ENOSPC:when=$call" \
            "$PAMRUNCTL" trace --profile prt_job prt_alice authenticate
        assert_status 71
        assert_match "$stderr" "^pamrunctl: /run/pamrun-trace\.[^:]*: No space left on device$"
        no_copy_is_left
        run_program strace -q -o /dev/null -e trace=mkdir,mkdirat -e "inject=mkdir,mkdirat:signal=TERM:when=$call" \
            "$PAMRUNCTL" trace --profile prt_job prt_alice authenticate
        # taken for one of the terminal's, which reaches who makes the calls by itself: nobody is stopped here
        assert_status 0
        no_copy_is_left
    done
    probe_called authenticate 2
}

# ---- the tree -------------------------------------------------------------------------------------------------

@test "each line of the profile has its answer, what the control made of it, and the one that decides" {
    probe_stack prt_tree <<'END'
auth optional first
auth required second
auth sufficient third
auth required fourth
END
    probe_script <<'END'
authenticate@first return PAM_CRED_ERR
authenticate@second return PAM_SUCCESS
END
    trace --profile prt_tree prt_alice authenticate
    assert_status 0
    assert_eq "$stderr" ""
    assert_eq "$(trace_lines authenticate)" "~ prt_tree:1 PAM_CRED_ERR ignore
+ prt_tree:2 PAM_SUCCESS ok
+ prt_tree:3 PAM_SUCCESS done decides
- prt_tree:4 not reached: prt_tree:3"
    probe_script <<<'authenticate@second return PAM_AUTH_ERR'
    trace --profile prt_tree prt_alice authenticate
    assert_status 77
    assert_eq "$(trace_lines authenticate)" "+ prt_tree:1 PAM_SUCCESS ok
x prt_tree:2 PAM_AUTH_ERR bad decides
+ prt_tree:3 PAM_SUCCESS done
+ prt_tree:4 PAM_SUCCESS ok"
    no_copy_is_left
}

@test "includes, substacks and jumps are shown where they are, with the file and line of each" {
    printf '%s\n' '# a comment' "$(probe_line auth requisite inner)" "$(probe_line session required other)" \
        "$(probe_line auth required behind)" | profile prt_inner
    profile prt_outer <<END
@include prt_inner
auth [success=1 default=ignore] $PROBE_SO \\
    script=$PROBE_SCRIPT_FILE log=$PROBE_LOG_FILE \\
    name=jumps
auth substack prt_inner
$(probe_line auth required last)
END
    probe_script <<<'authenticate@behind return PAM_IGNORE'
    trace --profile prt_outer prt_alice authenticate
    assert_status 0
    assert_eq "$(trace_lines authenticate)" "+ prt_inner:2 PAM_SUCCESS ok
~ prt_inner:4 PAM_IGNORE ignore
+ prt_outer:2 PAM_SUCCESS jump 1
- prt_inner:2 jumped over: prt_outer:2
- prt_inner:4 jumped over: prt_outer:2
+ prt_outer:6 PAM_SUCCESS ok"
    assert_contains "$stdout" "       prt_outer:1    @include                    prt_inner"
    refute_contains "$stdout" name=other
}

@test "what setcred and close_session answer is looked at by the way that was gone before" {
    probe_stack prt_way <<'END'
auth [success=1_default=ignore] jumps
auth requisite denies
auth required permits
session sufficient ends
session required never
END
    probe_script <<'END'
authenticate@denies return PAM_AUTH_ERR
setcred@jumps return PAM_IGNORE
close_session@ends return PAM_SESSION_ERR
END
    trace --profile prt_way prt_alice authenticate setcred open_session
    assert_status 71
    assert_eq "$(trace_lines setcred)" "~ prt_way:1 PAM_IGNORE jump 1
- prt_way:2 jumped over: prt_way:1
+ prt_way:3 PAM_SUCCESS ok"
    assert_eq "$(trace_lines close_session)" "~ prt_way:4 PAM_SESSION_ERR done decides
- prt_way:5 not reached: prt_way:4"
    assert_eq "$(trace_lines delete_cred)" "$(trace_lines setcred)"
}

@test "a facility that the profile does not have is served by 'other', and that is said" {
    keep_file /etc/pam.d/other
    probe_stack other <<<'password required spare'
    probe_stack prt_little <<<'auth required own'
    trace --profile prt_little prt_alice chauthtok
    assert_status 0
    assert_contains "$stdout" "no password line in the profile: libpam takes those of 'other'"
    assert_contains "$stdout" "preliminary pass"
    assert_eq "$(trace_lines chauthtok)" "+ other:1 PAM_SUCCESS ok
+ other:1 PAM_SUCCESS ok"
    probe_called chauthtok@spare 2
}

@test "the profile 'other' has its lines twice, as libpam reads it for itself and for what it lacks" {
    keep_file /etc/pam.d/other
    probe_stack other <<<'auth sufficient own'
    trace --profile other prt_alice authenticate
    assert_status 0
    assert_eq "$(trace_lines authenticate)" "+ other:1 PAM_SUCCESS done decides
- other:1 not reached: other:1"
}

@test "a profile that PAM does not start with: why, and what libpam logs about it" {
    printf 'auth required pam_permit.so\nauth required pam_permit.so \\\n' | profile prt_cut
    trace --profile prt_cut prt_alice authenticate
    refute test "$status" -eq 0
    assert_eq "${lines[0]}" "profile prt_cut, account prt_alice (uid $(id -u prt_alice)), called by root"
    assert_contains "$stdout" "problem: /etc/pam.d/prt_cut: its last line goes on behind its end"
    assert_contains "$stdout" "log: PAM error reading PAM configuration file"
    assert_contains "$stdout" "failed: start for prt_alice (profile prt_cut): "
    no_copy_is_left
}

# ---- lines that are none, modules that are not there ------------------------------------------------------------

@test "a module that is missing, one without the function, and a control that is none are shown as libpam takes them" {
    probe_stack prt_broken <<'END'
-account optional pam_prt_missing.so
account optional /no/such/pam_prt.so
account optional pam_keyinit.so
account [success=ok_default=what] odd
account required permits
END
    trace --profile prt_broken prt_alice acct_mgmt
    assert_status 77
    assert_eq "$(trace_lines acct_mgmt)" "~ prt_broken:1 PAM_MODULE_UNKNOWN ignore
~ prt_broken:2 PAM_MODULE_UNKNOWN ignore
~ prt_broken:3 PAM_MODULE_UNKNOWN ignore
x prt_broken:4 PAM_SUCCESS bad decides
+ prt_broken:5 PAM_SUCCESS ok"
    assert_eq "$(trace_below prt_broken:1 problem)" "the module is missing"
    assert_eq "$(trace_below prt_broken:2 problem)" "the module is missing"
    assert_eq "$(trace_below prt_broken:3 problem)" "the module does not have that function"
    assert_eq "$(trace_below prt_broken:4 problem)" "the control is not understood: every answer is bad"
    assert_contains "$stdout" "log: PAM unable to dlopen(/no/such/pam_prt.so)"
    refute_contains "$stdout" "dlopen(pam_prt_missing"
}

@test "arguments reach the module as they are: in brackets, continued, and as long as libpam 1.5 can read them" {
    local long

    long=$(printf 'x%.0s' {1..780})
    profile prt_arguments <<END
auth required $PROBE_SO script=$PROBE_SCRIPT_FILE log=$PROBE_LOG_FILE \\
     [name=with a blank]
auth required $PROBE_SO script=$PROBE_SCRIPT_FILE log=$PROBE_LOG_FILE [name=a\] bracket[] # comment
auth required $PROBE_SO script=$PROBE_SCRIPT_FILE log=$PROBE_LOG_FILE name=$long
END
    while [ "$(sed -n 4p /etc/pam.d/prt_arguments | wc -c)" -lt 1020 ]; do
        long+=x
        sed -i '4s/$/x/' /etc/pam.d/prt_arguments
    done
    trace --profile prt_arguments prt_alice authenticate
    assert_status 0
    assert_eq "$(probe_field authenticate name 1)" "with a blank"
    assert_eq "$(probe_field authenticate name 2)" "a] bracket["
    assert_eq "$(probe_field authenticate name 3)" "$long"
    assert_eq "$(probe_field authenticate service)" prt_arguments
}

# ---- what modules log, say and ask ------------------------------------------------------------------------------

@test "log lines of modules are shown below them where no log daemon runs, and reach it where one does" {
    profile prt_log <<'END'
auth required pam_unix.so nodelay
account required pam_permit.so
session required pam_unix.so
END
    keep_file /dev/log
    rm -f /dev/log
    trace --profile prt_log prt_alice open_session
    assert_status 0
    assert_match "$(trace_below prt_log:3 log | head -n 1)" '^pam_unix\(prt_log:session\): session opened for user prt_alice'
    assert_match "$(trace_below prt_log:3 log | tail -n 1)" '^pam_unix\(prt_log:session\): session closed for user prt_alice$'
    log_start
    trace --profile prt_log prt_alice open_session
    assert_status 0
    assert_eq "$(log_lines 'pam_unix\(prt_log:session\): session opened for user prt_alice' | wc -l)" 1
    assert_eq "$(trace_below prt_log:3 log | wc -l)" 2
    assert_eq "$(log_lines 'error|illegal|unable' | wc -l)" 0 # nothing about how libpam was asked
}

@test "questions and messages stand below the module that put them, with what answered" {
    probe_stack prt_talk <<'END'
auth required asks
auth required tells
END
    probe_script <<'END'
authenticate@asks prompt-off Password:
authenticate@tells info All is well
authenticate@tells error Or not
END
    run_program "$PAMRUNCTL" trace --profile prt_talk --forward-password-fd 7 prt_alice authenticate 7< <(printf secret)
    assert_status 0
    assert_eq "$(trace_below prt_talk:1 asked)" "'Password:': answered by what was forwarded"
    assert_eq "$(trace_below prt_talk:2 said)" "All is well"
    assert_eq "$(trace_below prt_talk:2 error)" "Or not"
    refute_contains "$stdout" secret
}

# ---- real modules -----------------------------------------------------------------------------------------------

@test "real modules: pam_unix, pam_succeed_if, pam_listfile, pam_access, pam_limits, pam_env, pam_exec each say their part" {
    chmod 0755 "$TEST_DIR"
    echo prt_bob >"$TEST_DIR/list"
    printf -- '-:prt_bob:ALL\n+:ALL:ALL\n' >"$TEST_DIR/access.conf"
    echo 'prt_alice hard nofile 333' >"$TEST_DIR/limits.conf"
    echo 'FROM_ENV DEFAULT=yes' >"$TEST_DIR/env.conf"
    profile prt_real <<END
auth required pam_unix.so nodelay
account [success=ignore default=die] pam_succeed_if.so quiet user ingroup prt_crew
account requisite pam_listfile.so item=user sense=deny file=$TEST_DIR/list onerr=fail
account required pam_access.so accessfile=$TEST_DIR/access.conf nodefgroup
account required pam_unix.so
session required pam_limits.so conf=$TEST_DIR/limits.conf
session required pam_env.so conffile=$TEST_DIR/env.conf readenv=0
session optional pam_exec.so /bin/false
END
    trace_for_crypt --profile prt_real --forward-password-fd 7 prt_alice 7< <(printf 'Right.pass.1')
    assert_status 0
    assert_eq "$(trace_lines authenticate)" "+ prt_real:1 PAM_SUCCESS ok"
    assert_eq "$(trace_lines acct_mgmt)" "+ prt_real:2 PAM_SUCCESS ignore
+ prt_real:3 PAM_SUCCESS ok
+ prt_real:4 PAM_SUCCESS ok
+ prt_real:5 PAM_SUCCESS ok"
    assert_eq "$(trace_lines open_session)" "+ prt_real:6 PAM_SUCCESS ok
+ prt_real:7 PAM_SUCCESS ok
~ prt_real:8 PAM_SYSTEM_ERR ignore"
    assert_contains "$stdout" "environment: +FROM_ENV"
    assert_contains "$stdout" "limit NOFILE: "
    run_pamrunctl trace --profile prt_real prt_bob acct_mgmt
    assert_status 77
    assert_eq "$(trace_lines acct_mgmt)" "x prt_real:2 PAM_AUTH_ERR die decides
- prt_real:3 not reached: prt_real:2
- prt_real:4 not reached: prt_real:2
- prt_real:5 not reached: prt_real:2"
    sed -i 2d /etc/pam.d/prt_real
    run_pamrunctl trace --profile prt_real prt_bob acct_mgmt
    assert_status 77
    assert_eq "$(trace_lines acct_mgmt | head -n 1)" "x prt_real:2 PAM_AUTH_ERR die decides"
    : >"$TEST_DIR/list"
    run_pamrunctl trace --profile prt_real prt_bob acct_mgmt
    assert_status 77
    assert_eq "$(trace_lines acct_mgmt | sed -n 2p)" "x prt_real:3 PAM_PERM_DENIED bad decides"
    assert_match "$(trace_below prt_real:3 log)" '^pam_access\(prt_real:account\): access denied for user'
}

@test "the module whose fault it was is named when the process ends in it" {
    local -x ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0 # the crash is the module's: no report
    probe_stack prt_crash <<'END'
session required calm
session required crashes
END
    probe_script <<<'open_session@crashes crash'
    trace --profile prt_crash prt_alice open_session
    assert_status 71
    assert_contains "$stdout" "x prt_crash:2  $PROBE_SO  <- it ended in this module"
    no_copy_is_left
    trace --json --profile prt_crash prt_alice open_session
    assert_eq "$(json_member "['operations'][0]['ended-in']['line']")" 2
    # one that does not come back is ended with the process, too
    probe_script <<<'open_session@calm hang'
    trace --profile prt_crash --deadline open_session=1 prt_alice open_session
    assert_status 75
    assert_contains "$stdout" "x prt_crash:1  $PROBE_SO  <- it ended in this module"
}

@test "on a terminal there are marks and colours, with NO_COLOR marks only, elsewhere neither" {
    local verdict=$'\e[31m\u2717\e[0m' # a red cross

    probe_stack prt_look <<<'auth required refuses'
    probe_script <<<'authenticate return PAM_AUTH_ERR'
    run_ptyrun -- env LANG=C.UTF-8 TERM=xterm "$PAMRUNCTL" trace --profile prt_look prt_alice authenticate
    assert_contains "$stdout" "     $verdict prt_look:1"
    run_ptyrun -- env LANG=C.UTF-8 TERM=xterm NO_COLOR=1 "$PAMRUNCTL" trace --profile prt_look prt_alice authenticate
    assert_contains "$stdout" $'     \u2717 prt_look:1'
    refute_contains "$stdout" $'\e['
    LANG=C.UTF-8 TERM=xterm trace --profile prt_look prt_alice authenticate
    assert_contains "$stdout" "     x prt_look:1"
    refute_contains "$stdout" $'\u2717'
}

# ---- JSON ---------------------------------------------------------------------------------------------------------

@test "--json has each line with all that is known about it" {
    probe_stack prt_json <<'END'
auth [success=1_default=ignore] jumps
auth requisite denies
auth required permits
END
    trace --json --profile prt_json prt_alice authenticate
    assert_status 0
    assert_eq "$(json_member "['verb']")" trace
    assert_eq "$(json_member "['operations'][0]['passes'][0]['code']")" PAM_SUCCESS
    assert_eq "$(json_member "['operations'][0]['passes'][0]['explained']")" true
    assert_eq "$(json_member "['operations'][0]['passes'][0]['facility']")" auth
    assert_eq "$(json_member "['operations'][0]['passes'][0]['served-by-other']")" false
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][0]['file']")" /etc/pam.d/prt_json
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][0]['control']")" "success=1 default=ignore"
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][0]['action']")" "jump 1"
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][0]['module']")" "$PROBE_SO"
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][0]['arguments'][2]")" name=jumps
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][1]['state']")" jumped-over
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][1]['by']['line']")" 1
    assert_eq "$(json_member "['operations'][0]['passes'][0]['lines'][2]['decides']")" true
}

@test "every member of the JSON object is in the manual page" {
    local member manual=$TEST_DIR/manual

    sed -n '/^\.Sh JSON/,/^\.Sh OPTIONS/p' "$BATS_TEST_DIRNAME/../../man/pamrunctl.8" >"$manual"
    probe_stack prt_members <<'END'
auth sufficient tells
auth required never
account optional pam_prt_missing.so
account required own
END
    probe_script <<<'authenticate info Hello'
    trace --json --profile prt_members prt_alice authenticate acct_mgmt
    assert_status 0
    [ "$(grep -oE '"[a-z-]+":' <<<"$stdout" | sort -u | wc -l)" -ge 40 ]
    while read -r member; do
        grep -qE "(^|[ ,])$member( |,|\$)" "$manual" || fail_because "$member is not in the manual page"
    done < <(grep -oE '"[a-z-]+":' <<<"$stdout" | tr -d '":' | LC_ALL=C sort -u)
}

# ---- with a trace and without: the same ---------------------------------------------------------------------------

@test "every profile of the machine answers the same with a trace and without" {
    local path profile operation operations count=0

    for path in /etc/pam.d/*; do
        profile=${path##*/}
        [[ $profile =~ ^[a-z0-9][a-z0-9_.-]*$ && $profile != prt_* ]] || continue
        count=$((count + 1))
        for operation in authenticate 'acct_mgmt setcred open_session' chauthtok; do
            echo "== $profile $operation" | tee -a "$TEST_DIR/check" >>"$TEST_DIR/trace"
            read -r -a operations <<<"$operation"
            both_ways "$profile" "${operations[@]}"
        done
    done
    [ "$count" -ge 5 ]
    assert_same_both_ways
    [ "$(grep -c PAM_SUCCESS "$TEST_DIR/same")" -ge "$((count * 2))" ]
}

@test "random stacks of the probe answer the same with a trace and without, and by the rules of pam.d" {
    local facility

    for facility in 0 1 2 3; do
        random_stacks_both_ways "$facility" 8
    done
    assert_same_both_ways
    assert_same_answers
}

# ---- without a trace ------------------------------------------------------------------------------------------------

@test "the copies are root's alone while PAM reads them, and gone afterwards, also after a signal" {
    probe_stack prt_hang <<<'session required hangs'
    probe_script <<<'open_session hang'
    start_program "$PAMRUNCTL" trace --profile prt_hang prt_alice open_session
    wait_until 30 grep -q hang "$PROBE_LOG_FILE"
    no_copy_is_left
    kill -TERM "$pamrun_pid"
    end_status "$pamrun_pid" 60
    assert_status 143
    no_copy_is_left
}

@test "nobody but root can trace" {
    run_pamrunctl_as prt_bob trace prt_alice
    assert_status 77
    no_copy_is_left
}
