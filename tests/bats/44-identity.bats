# Identities from elsewhere that mean an account, accounts that a module makes, and what modules are told about a run.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_hpc
    make_user prt_alice --groups prt_hpc
    make_user prt_bob
    make_user prt_svc
    probe_profile su
    probe_profile prt_job
}

setup()
{
    begin_test
    map=$TEST_DIR/map
    said_min=$(awk '$1 == "UID_MIN" { found = $2 } END { print found + 0 ? found : 1000 }' /etc/login.defs)
}

# The file of identities, from stdin.
identity_map()
{
    rm -rf "$map"
    cat >"$map"
    chmod 0644 "$map"
    touch -d '1 hour ago' "$map" # of a new one a run waits to see whether it is whole
}

# A policy with that file, and the lines of stdin behind it.
mapped_policy()
{
    site_policy < <(
        echo "identity-map = $map"
        cat
    )
}

assert_ran() # OUTPUT
{
    assert_eq "$status $stdout" "0 $1"
}

# Before PAM was asked for anything.
assert_refused_at_once() # MESSAGE [STATUS]
{
    assert_status "${2-77}"
    assert_eq "${stderr%%$'\n'*}" "pamrun: $1"
    assert_eq "$stdout" ""
    assert_eq "$(probe_log)" ""
}

# ---- the file and the rule ------------------------------------------------------------------------------------

@test "with --identity the command runs as the account of the file; addresses are compared without case" {
    local row

    mapped_policy </dev/null
    identity_map <<'END'
# who is who
John.Smith@gmail.com=prt_alice

  UID-bob  =  prt_bob
key=value@example.com=prt_bob
END
    while IFS='|' read -r identity account; do
        probe_reset
        run_pamrun --identity "$identity" -- id -un
        assert_ran "$account"
        assert_eq "$(probe_field authenticate user)" "$account"
        run_pamrun "--identity=$identity" id -un
        assert_ran "$account"
    done <<'END'
john.smith@gmail.com|prt_alice
JOHN.SMITH@GMAIL.COM|prt_alice
UID-bob|prt_bob
KEY=Value@example.com|prt_bob
END
    for row in UID-BOB uid-bob UID-bo UID-bobx john.smith smith@gmail.com "UID-bob " " UID-bob" prt_alice '# who is who'; do
        probe_reset
        run_pamrun --identity "$row" -- id -un
        assert_refused_at_once "identity '$row': no account is mapped to it"
        assert_eq "$stderr" "pamrun: identity '$row': no account is mapped to it"
    done
}

@test "the rule serves what the file does not have, and matches from end to end" {
    local row

    mapped_policy <<<'identity-rewrite = ^UID-([a-z_]+)$ $1'
    identity_map <<<"UID-prt_alice=prt_bob"
    run_pamrun --identity UID-prt_bob -- id -un
    assert_ran prt_bob
    run_pamrun --identity UID-prt_alice -- id -un # the file comes first
    assert_ran prt_bob
    for row in UID-prt_bob- xUID-prt_bob UID- UID-PRT_BOB uid-prt_bob prt_bob "UID-prt_bob x"; do
        probe_reset
        run_pamrun --identity "$row" -- id -un
        assert_refused_at_once "identity '$row': no account is mapped to it"
    done
    # a name that can be none is none
    site_policy <<<'identity-rewrite = ^(.*)$ $1'
    for row in -prt_bob "$(printf 'n%.0s' {1..256})"; do
        probe_reset
        run_pamrun --identity "$row" -- id -un
        assert_status 77
        assert_match "$stderr" "^pamrun: identity '.*': no account is mapped to it"
        assert_eq "$(probe_log)" ""
    done
    # and one that nobody has is no user
    run_pamrun --identity prt_missing -- id -un
    assert_refused_at_once "user prt_missing: does not exist" 67
}

@test "without map and rule an identity is refused, and the hint says what is missing" {
    run_pamrun --identity x@example.com -- id
    assert_refused_at_once "identity 'x@example.com': no account is mapped to it"
    assert_contains "$stderr" "hint: the site policy has neither identity-map nor identity-rewrite"
}

@test "the map and rule of the run's profile count" {
    identity_map <<<"x=prt_alice"
    site_policy <<END
identity-rewrite = ^(x)$ prt_bob
[profile prt_job]
identity-map = $map
END
    run_pamrun --identity x -- id -un
    assert_ran prt_bob
    run_pamrun --profile prt_job --identity x -- id -un
    assert_ran prt_alice
}

@test "the map is read at every run" {
    mapped_policy </dev/null
    identity_map <<<"x=prt_alice"
    run_pamrun --identity x -- id -un
    assert_ran prt_alice
    identity_map <<<"x=prt_bob"
    run_pamrun --identity x -- id -un
    assert_ran prt_bob
}

@test "what stands behind a slash maps nothing, and is for the log and the modules" {
    mapped_policy </dev/null
    identity_map <<<"UID-a=prt_alice"
    log_start
    run_pamrun --identity 'UID-a/Alice "B" Smith/x' -- id -un
    assert_ran prt_alice
    assert_eq "$(probe_pam_env authenticate PAMRUN_IDENTITY)" 'UID-a/Alice "B" Smith/x'
    assert_match "$(log_lines ' pamrun\[')" ': allowed: .* account="prt_alice" .* identity="UID-a/Alice \\+"B\\+" Smith/x" '
    probe_reset
    run_pamrun --identity 'UID-b/UID-a' -- id -un
    assert_refused_at_once "identity 'UID-b': no account is mapped to it"
    run_pamrun --identity '/UID-a' -- id -un
    assert_status 64
    run_pamrun --identity $'UID-a/\n<86>x' -- id -un
    assert_status 64
    assert_one_line "${stderr%%$'\n'*}"
    assert_eq "$(log_lines ' pamrun\[' | wc -l)" 4
    assert_eq "$(probe_log)" ""
}

@test "a user who is named besides must be the one that is meant" {
    local words

    mapped_policy </dev/null
    identity_map <<<"x=prt_alice"
    run_pamrun --identity x -u prt_alice -- id -un
    assert_ran prt_alice
    run_pamrun -u prt_alice --identity x -- id -un
    assert_ran prt_alice
    probe_reset
    for words in "--identity x -u prt_bob" "-u root --identity x" "-u prt_missing --identity x" "--identity x -u PRT_ALICE"; do
        # shellcheck disable=SC2086 # words
        run_pamrun $words -- id -un
        assert_refused_at_once "--identity: it means another user than the one that is named"
    done
}

@test "root and system accounts are not reached by an identity, unless the policy says so" {
    mapped_policy </dev/null
    identity_map <<<$'boss=root\nsystem=daemon\nx=prt_alice'
    run_pamrun --identity boss -- id -un
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: user root: the site policy allows user ids from $said_min, and this is 0"
    assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
    run_pamrun --identity system -- id -un
    assert_status 77
    # named besides does not help, and without the identity root may
    run_pamrun --identity boss -u root -- id -un
    assert_status 77
    run_pamrun -u root -- id -un
    assert_ran root
    mapped_policy <<<"minimum-user-id = 0"
    run_pamrun --identity boss -- id -un
    assert_ran root
}

@test "only root and delegates may have an identity mapped" {
    mapped_policy </dev/null
    identity_map <<<$'x=prt_alice\ny=prt_bob'
    for identity in x y z; do
        run_pamrun_as prt_bob --identity $identity -- id
        assert_refused_at_once "--identity: only root may use this option"
    done
    mapped_policy <<'END'
[delegate prt_svc]
profiles = su
options = identity
accounts = prt_alice
commands = /usr/bin/id
END
    run_pamrun_as prt_svc --identity x/Alice -- /usr/bin/id -un
    assert_ran prt_alice
    probe_called authenticate 0
    assert_eq "$(probe_pam_env acct_mgmt PAMRUN_IDENTITY) $(probe_pam_env acct_mgmt PAMRUN_CALLER)" "x/Alice prt_svc"
    probe_reset
    run_pamrun_as prt_svc --identity y -- /usr/bin/id -un
    assert_refused_at_once "user 'prt_bob': the site policy does not grant it to prt_svc"
    run_pamrun_as prt_svc --identity z -- /usr/bin/id -un
    assert_refused_at_once "identity 'z': no account is mapped to it"
    run_pamrun_as prt_svc --identity x -u prt_bob -- /usr/bin/id -un
    assert_refused_at_once "--identity: it means another user than the one that is named"
}

@test "a map that cannot be trusted or read is the site's fault, and is not shown" {
    local kind

    mapped_policy <<<'identity-rewrite = ^(x)$ prt_alice'
    for kind in missing directory fifo link foreign group empty-name no-equals twice nul long; do
        identity_map <<<"x=prt_alice"
        case $kind in
            missing) rm "$map" ;;
            directory) rm "$map" && mkdir "$map" ;;
            fifo) rm "$map" && mkfifo "$map" ;;
            link) mv "$map" "$TEST_DIR/real" && ln -s "$TEST_DIR/real" "$map" ;;
            foreign) chown prt_bob "$map" ;;
            group) chmod 0664 "$map" ;;
            empty-name) echo "hunter2=" >>"$map" ;;
            no-equals) echo "hunter2" >>"$map" ;;
            twice) echo "x=prt_hunter2" >>"$map" ;;
            nul) printf 'hunter2\0=x\n' >>"$map" ;;
            long) head -c 1100000 /dev/zero | tr '\0' '#' >>"$map" ;;
        esac
        RUN_TIMEOUT=30 run_pamrun --identity x -- id -un
        [ "$status" -eq 78 ] || fail_because "$kind"
        assert_match "${stderr%%$'\n'*}" "^pamrun: $map:?"
        refute_contains "$stderr" hunter2
        assert_eq "$stdout$(probe_log)" ""
        # who has no identity does not need it
        run_pamrun -u prt_alice -- id -un
        assert_ran prt_alice
        probe_reset
    done
}

# ---- what modules are told ------------------------------------------------------------------------------------

# A profile whose steps each write their environment to TEST_DIR/told/STEP.
telling_profile() # NAME
{
    install -d -m 1777 "$TEST_DIR/told"
    cat >"$TEST_DIR/tell" <<END
#!/bin/sh
exec env >"$TEST_DIR/told/\$PAM_TYPE"
END
    chmod 0755 "$TEST_DIR/tell"
    profile "$1" < <(
        for type in auth account session; do
            echo "$type required pam_exec.so $TEST_DIR/tell"
            probe_line $type required
        done
    )
}

# Every step saw these variables, and no other PAMRUN_ one; the command sees none.
assert_told() # NAME=VALUE...
{
    local type step

    for type in auth account open_session close_session; do
        assert_eq "$(grep ^PAMRUN_ "$TEST_DIR/told/$type" | LC_ALL=C sort)" "$(printf '%s\n' "$@" | LC_ALL=C sort)" "$type"
    done
    for step in setcred-establish setcred-delete; do
        for variable; do
            assert_eq "$(probe_pam_env $step "${variable%%=*}")" "${variable#*=}" "$step"
        done
    done
    # what the command may have is the tests' own, from the caller
    assert_eq "$(grep PAMRUN_ <<<"$stdout" | grep -v "^PAMRUN_STEPS=" || true)" ""
}

@test "modules and their scripts find who called, for whom, in every step; the command does not" {
    telling_profile su
    run_pamrun --close-on-exit -u prt_alice -- env
    assert_status 0
    assert_told PAMRUN_CALLER=root PAMRUN_CALLER_UID=0 PAMRUN_ACCOUNT=prt_alice
    rm -rf "$TEST_DIR/told"
    probe_reset
    telling_profile su
    applicant_set prt_bob
    run_program env LOGNAME=root USER=root "${applicant[@]}" "$PAMRUN" --close-on-exit -u prt_alice -- env
    assert_status 0
    assert_told PAMRUN_CALLER=prt_bob "PAMRUN_CALLER_UID=$(id -u prt_bob)" PAMRUN_ACCOUNT=prt_alice
    # names that the caller brings along are not the modules'
    rm -rf "$TEST_DIR/told"
    telling_profile su
    run_program env PAMRUN_CALLER=root PAMRUN_IDENTITY=boss "${applicant[@]}" "$PAMRUN" --close-on-exit -u prt_alice -- true
    assert_status 0
    assert_told PAMRUN_CALLER=prt_bob "PAMRUN_CALLER_UID=$(id -u prt_bob)" PAMRUN_ACCOUNT=prt_alice
}

@test "they find the identity as it was given, and what --pam-setenv says instead" {
    telling_profile prt_tell
    mapped_policy </dev/null
    identity_map <<<"a@b=prt_alice"
    run_pamrun --close-on-exit --profile prt_tell --identity 'A@B/Alice Smith' -- env
    assert_status 0
    assert_told PAMRUN_CALLER=root PAMRUN_CALLER_UID=0 PAMRUN_ACCOUNT=prt_alice "PAMRUN_IDENTITY=A@B/Alice Smith"
    probe_reset
    run_pamrun --close-on-exit --profile prt_tell --pam-setenv PAMRUN_CALLER=slurm --pam-setenv PAMRUN_JOB=17 \
        --pam-setenv PAMRUN_IDENTITY= --account-uid "$(id -u prt_alice)" -- env
    assert_status 0
    assert_told PAMRUN_CALLER=slurm PAMRUN_CALLER_UID=0 PAMRUN_ACCOUNT=prt_alice PAMRUN_JOB=17 PAMRUN_IDENTITY=
}

# ---- accounts that are made -----------------------------------------------------------------------------------

# prt_job's account step runs the script of stdin, as root; a module makes the home.
making_profile()
{
    {
        echo '#!/bin/sh'
        echo 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'
        cat
    } >"$TEST_DIR/make"
    chmod 0755 "$TEST_DIR/make"
    profile prt_job < <(
        probe_line auth required
        echo "account required pam_exec.so seteuid $TEST_DIR/make" # by default it is run as the caller
        probe_line account required
        echo "session required pam_mkhomedir.so umask=0077"
        probe_line session required
    )
    # gone at the end of the test
    made user prt_new
}

make_if_missing='getent passwd "$PAM_USER" >/dev/null || useradd -M -s /bin/bash -G prt_hpc "$PAM_USER"'

# Seconds, rounded down, of what runs.
seconds_of() # COMMAND...
{
    local start=$EPOCHSECONDS

    "$@"
    seconds=$((EPOCHSECONDS - start))
}

@test "with --provision a module makes the account, another one the home, and the command has the new ids" {
    making_profile <<<"$make_if_missing"
    refute id prt_new
    run_pamrun --provision --close-on-exit --profile prt_job -l prt_new -c 'id; pwd; stat -c "%U %a" .; cat /proc/self/status'
    assert_status 0
    assert_eq "${lines[0]}" "$(id prt_new)"
    assert_match "${lines[0]}" 'prt_hpc'
    assert_eq "${lines[1]}" /home/prt_new
    assert_eq "${lines[2]}" "prt_new 700"
    assert_contains "$stdout" "Uid:"$'\t'"$(id -u prt_new)"$'\t'"$(id -u prt_new)"$'\t'"$(id -u prt_new)"$'\t'
    assert_eq "$(probe_field acct_mgmt user)" prt_new
    assert_match "$(probe_field setcred groups)" "(^|,)$(getent group prt_hpc | cut -d: -f3)(,|\$)"
    assert_eq "$stderr" ""
    # the next time it is there already
    run_pamrun --provision --profile prt_job -u prt_new -- id
    assert_ran "$(id prt_new)"
    run_pamrun --profile prt_job -u prt_new -- id -un
    assert_ran prt_new
}

@test "with --provision -g and -G hold for an account that is only made" {
    making_profile <<<"$make_if_missing"
    run_pamrun --provision --profile prt_job -g prt_bob -G prt_svc -u prt_new -- sh -c 'id -un; id -gn; id -Gn'
    assert_ran $'prt_new\nprt_bob\nprt_bob prt_svc'
    run_pamrun --provision --profile prt_job -g prt_missing -u prt_new -- id
    assert_status 67
}

@test "with --provision an account that is seen late is waited for" {
    making_profile <<'END'
getent passwd "$PAM_USER" >/dev/null && exit
(sleep 1; useradd -M -s /bin/bash "$PAM_USER") >/dev/null 2>&1 </dev/null &
END
    run_pamrun --provision --profile prt_job -u prt_new -- id -un
    assert_ran prt_new
}

@test "with --provision when nobody makes the account it is no user, after twenty seconds; and without it, at once" {
    local seconds

    making_profile <<<"exit 0"
    seconds_of run_pamrun --provision --profile prt_job -u prt_new -- id
    assert_status 67
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_new: does not exist"
    assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
    [ "$seconds" -ge 19 ] && [ "$seconds" -le 60 ] || fail_because "$seconds s"
    making_profile <<<"$make_if_missing"
    probe_reset
    run_pamrun --profile prt_job -u prt_new -- id
    assert_status 67
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_new: does not exist"
    assert_eq "$(probe_order)" ""
    refute id prt_new
    # a module that fails is asked for no account
    making_profile <<<"exit 1"
    seconds_of run_pamrun --provision --profile prt_job -u prt_new -- id
    assert_status 71
    [ "$seconds" -le 20 ] || fail_because "$seconds s"
    for name in -prt_new prt/new $'prt\nnew' ''; do
        probe_reset
        run_pamrun --provision --profile prt_job "--user=$name" -- id
        assert_status 64
        assert_eq "$(probe_log)" ""
    done
}

@test "with --provision lowest user id and groups are checked once the account is there" {
    making_profile <<<'getent passwd "$PAM_USER" >/dev/null || useradd --system -M -s /bin/bash "$PAM_USER"'
    site_policy <<<"minimum-user-id = auto"
    run_pamrun --provision --profile prt_job -u prt_new -- id
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" \
        "pamrun: user prt_new: the site policy allows user ids from $said_min, and this is $(id -u prt_new)"
    assert_eq "$(probe_order)" "authenticate acct_mgmt cleanup"
    site_policy <<<"required-groups = prt_hpc"
    run_pamrun --provision --profile prt_job -u prt_new -- id
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_new: is in no group that the site policy requires"
    remove_user prt_new
    run_pamrun --provision --profile prt_job --minimum-user-id 4000000000 -u prt_new -- id
    assert_status 77
    remove_user prt_new
    making_profile <<<"$make_if_missing"
    run_pamrun --provision --profile prt_job -u prt_new -- id -un
    assert_ran prt_new
    remove_user prt_new
    # an identity's account has people's user ids
    making_profile <<<'getent passwd "$PAM_USER" >/dev/null || useradd --system -M -s /bin/bash "$PAM_USER"'
    site_policy <<<'identity-rewrite = ^([a-z_]+)@x$ $1'
    run_pamrun --provision --profile prt_job --identity prt_new@x -- id
    assert_status 77
    assert_contains "$stderr" "pamrun: user prt_new: the site policy allows user ids from $said_min"
}

@test "with --provision by a delegate: only for accounts that turn out to be granted, and never root" {
    keep_file /etc/passwd
    keep_file /etc/group
    keep_file /etc/gshadow
    keep_file /etc/shadow
    making_profile <<<"$make_if_missing"
    site_policy <<'END'
[delegate prt_svc]
profiles = prt_job
options = provision
accounts = @prt_hpc
minimum-user-id = 0
commands = /usr/bin/id
END
    run_pamrun_as prt_svc --provision --profile prt_job -u prt_new -- /usr/bin/id -un
    assert_ran prt_new
    remove_user prt_new
    making_profile <<<'useradd -M -s /bin/bash "$PAM_USER"'
    probe_reset
    run_pamrun_as prt_svc --provision --profile prt_job -u prt_new -- /usr/bin/id -un
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: user 'prt_new': the site policy does not grant it to prt_svc"
    probe_called setcred 0
    remove_user prt_new
    # not prt_: whoever cleans up must not end all that runs as that user
    making_profile <<<'echo "$PAM_USER:x:0:0::/root:/bin/sh" >>/etc/passwd; gpasswd -a "$PAM_USER" prt_hpc'
    run_pamrun_as prt_svc --provision --profile prt_job -u toor -- /usr/bin/id -un
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: user 'toor': the site policy does not grant it to prt_svc"
    probe_called setcred 0
    # what cannot come to be granted is not made
    site_policy <<'END'
[delegate prt_svc]
profiles = prt_job
options = provision
accounts = prt_new
commands = "/bin/bash -c id" /usr/bin/id
END
    sed -i '/^toor:/d' /etc/passwd
    making_profile <<<"$make_if_missing"
    probe_reset
    run_pamrun_as prt_svc --provision --profile prt_job -u prt_ne -- /usr/bin/id -un
    assert_refused_at_once "user 'prt_ne': the site policy does not grant it to prt_svc"
    run_pamrun_as prt_svc --provision --profile prt_job -u prt_new -- /bin/id
    assert_refused_at_once "command '/bin/id': the site policy does not grant it to prt_svc"
    run_pamrun_as prt_svc --provision --profile prt_job -s /bin/sh prt_new -c id
    assert_refused_at_once "command '/bin/sh': the site policy does not grant it to prt_svc"
    refute id prt_new
    # the shell is that of the account that is made
    run_pamrun_as prt_svc --provision --profile prt_job prt_new -c id
    assert_ran "$(id prt_new)"
    remove_user prt_new
    run_pamrun_as prt_svc --provision --profile prt_job prt_new -c "id; id"
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: command '/bin/bash': the site policy does not grant it to prt_svc"
    assert_eq "$stdout" ""
    # without the option a delegate is told at once
    probe_reset
    run_pamrun_as prt_svc --profile prt_job -u toor -- /usr/bin/id -un
    assert_status 67
    assert_eq "$(probe_log)" ""
    # and for others it is root's
    run_pamrun_as prt_bob --provision -u toor -- id
    assert_status 77
    assert_eq "$stderr" "pamrun: --provision: only root may use this option"
}
