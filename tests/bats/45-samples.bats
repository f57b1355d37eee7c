# The sample profiles of pam.d/ as they stand there, with the modules of the machine: who gets in, who does not, and what
# the command has.  pamrun-mount and pamrun-otp have files of their own, 72 and 73.
# With sanitizers only in full.

load lib/common
load lib/samples

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    make_user prt_gone --expiredate 1970-01-02
    make_user prt_svc
    set_password prt_alice "$password"
    set_password prt_gone "$password"
    keep_file /etc/environment
    printf 'FROM_FILE=yes\nLD_PRELOAD=/evil.so\n' >/etc/environment
    keep_file /etc/security/limits.d/prt.conf
    printf 'prt_alice - nofile 123\nprt_alice hard core 0\n' >/etc/security/limits.d/prt.conf
    printf 'OF_USER=evil\n' >/home/prt_alice/.pam_environment
}

setup()
{
    begin_test
    closed="System is going down."
}

# What every sample gives a command of prt_alice's.
show='id -un; ulimit -Sn; ulimit -Hc; echo "${FROM_FILE-} ${OF_USER-} ${LD_PRELOAD-} ${PAMRUN_CALLER-}"'
shown=$'prt_alice\n123\n0\nyes   '

opened_and_closed() # PROFILE
{
    assert_eq "$(sessions_logged opened "$1") $(sessions_logged closed "$1")" "1 1"
}

# Logins are closed for now.
nologin()
{
    keep_file /etc/nologin
    echo "$closed" >/etc/nologin
}

@test "every sample of the tree is installed, and none in /etc" {
    local file

    for file in "$samples"/pamrun-* "$samples/pamrun.conf"; do
        assert cmp "$file" "${PAMRUN%/bin/pamrun}/share/doc/pamrun/examples/${file##*/}"
        refute test -e "/etc/pam.d/${file##*/}"
    done
}

# Each line has its reason above it, or shares it with the line before.
@test "every section and module line of the samples has a comment" {
    local file

    for file in "$samples"/pamrun-*; do
        assert_eq "$(grep -cE '^# ---- (authenticate, setcred|acct_mgmt|chauthtok|open_session, close_session) -+$' "$file")" 4
        assert_eq "$(head -n 1 "$file" | cut -d ' ' -f 1-3)" "# ${file##*/} -"
        assert_eq "$(awk 'length > 120 && !/pam_exec/' "$file")" ""
        # the samples that are alike explain their common lines once, in pamrun-session
        assert_eq "$(awk -v common='pam_(keyinit|limits|nologin|unix|env)\\.so' '
            /^# / { explained = 1; next }
            /^$/ { explained = 0; next }
            /^[a-z#]/ && !explained && $0 !~ common && $0 !~ /include +common-account/ { print }' "$file")" ""
    done
}

@test "no sample lets a user set variables for the modules that come after" {
    assert_eq "$(grep -hE '^[^#]*pam_env' "$samples"/pamrun-* | grep -v ' user_readenv=0$')" ""
    [ "$(grep -hE '^session +required +pam_env\.so' "$samples"/pamrun-* | wc -l)" -ge 6 ]
}

@test "pamrun-session: root's server needs no password, the session is opened and closed" {
    local loginuid

    sample pamrun-session
    log_start
    run_pamrun --profile pamrun-session --close-on-exit -l prt_alice -c "$show; pwd"
    assert_ran "$shown"$'\n/home/prt_alice'
    assert_eq "$stderr" ""
    opened_and_closed pamrun-session
    log_start
    run_pamrun --profile pamrun-session -u prt_alice -- id -un
    assert_ran prt_alice
    assert_eq "$(sessions_logged opened pamrun-session) $(sessions_logged closed pamrun-session)" "1 0"
    # the kernel may refuse to set it again, and that is no failure
    if [ -e /proc/self/loginuid ]; then
        loginuid=$(</proc/self/loginuid)
        run_pamrun --profile pamrun-session -u prt_alice -- cat /proc/self/loginuid
        assert_match "$status $stdout" "^0 ($loginuid|$(id -u prt_alice))\$"
    fi
}

@test "pamrun-session: other callers are refused, a delegate is not" {
    sample pamrun-session
    site_policy <<'EOT'
user-profiles = pamrun-session
[delegate prt_svc]
profiles = pamrun-session
accounts = prt_alice prt_gone
commands = /usr/bin/id
EOT
    run_pamrun_as prt_bob --profile pamrun-session -u prt_alice -- id -un
    assert_not_let_in pamrun-session
    run_as_with prt_bob "$password" --profile pamrun-session --forward-password-fd 7 -u prt_alice -- id -un
    assert_not_let_in pamrun-session
    # setcred without authenticate before it
    log_start
    run_pamrun_as prt_svc --profile pamrun-session --close-on-exit -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
    opened_and_closed pamrun-session
    run_pamrun --profile pamrun-session --no-auth -u prt_alice -- id -un
    assert_ran prt_alice
}

@test "pamrun-session: expired accounts, and all but root's while logins are closed, are refused" {
    sample pamrun-session
    run_pamrun --profile pamrun-session -u prt_gone -- id -un
    assert_status 77
    assert_eq "$stdout" ""
    assert_contains "$stderr" "pamrun: acct_mgmt for prt_gone (profile pamrun-session): "
    nologin
    run_pamrun --profile pamrun-session -u prt_alice -- id -un
    assert_status 77
    assert_eq "$stdout" ""
    assert_contains "$stderr" "$closed"
    run_pamrun --profile pamrun-session -u root -- id -un
    assert_ran root
}

@test "pamrun-password: root, too, has to hand over the password" {
    sample pamrun-password
    run_pamrun --profile pamrun-password -u prt_alice -- id -un
    assert_not_let_in pamrun-password
    log_start
    run_with "$password" --profile pamrun-password --forward-password-fd 7 --require-password-used --close-on-exit \
        -l prt_alice -c "$show"
    assert_ran "$shown"
    assert_eq "$stderr" ""
    opened_and_closed pamrun-password
    run_with "$wrong" --profile pamrun-password --forward-password-fd 7 -u prt_alice -- id -un
    assert_not_let_in pamrun-password
    run_with "$password" --profile pamrun-password --forward-password-fd 7 -u prt_bob -- id -un
    assert_not_let_in pamrun-password prt_bob
    run_with "$password" --profile pamrun-password --forward-password-fd 7 -u prt_gone -- id -un
    assert_status 77
    assert_contains "$stderr" "pamrun: acct_mgmt for prt_gone (profile pamrun-password): "
    nologin
    run_with "$password" --profile pamrun-password --forward-password-fd 7 -u prt_alice -- id -un
    assert_status 77
    assert_contains "$stderr" "$closed"
}

@test "pamrun-password: users may, too, where the policy lists it, and stay themselves for audit" {
    users_can_be_asked || return 0
    sample pamrun-password
    site_policy <<<"user-profiles = pamrun-password"
    run_as_with prt_bob "$password" --profile pamrun-password --forward-password-fd 7 -u prt_alice -- \
        sh -c 'id -un; cat /proc/self/loginuid 2>/dev/null'
    assert_status 0
    assert_eq "$stdout" "prt_alice${stdout#prt_alice}"
    assert_eq "${lines[1]-}" "$(cat /proc/self/loginuid 2>/dev/null)"
    run_as_with prt_bob "$wrong" --profile pamrun-password --forward-password-fd 7 -u prt_alice -- id -un
    assert_not_let_in pamrun-password
    run_as_with prt_bob "$wrong" --profile pamrun-password --forward-password-fd 7 -u prt_nobody -- id -un
    assert_not_let_in pamrun-password prt_nobody
}

@test "pamrun-password: the prompt on a terminal, and an expired password that is changed there" {
    users_can_be_asked || return 0
    sample pamrun-password
    site_policy <<<"user-profiles = pamrun-password"
    applicant_set prt_bob
    run_ptyrun --expect "assword: " --await -ECHO --send "$password\\r" -- \
        "${applicant[@]}" "$PAMRUN" --profile pamrun-password -u prt_alice -- id -un
    assert_status 0
    assert_contains "$stdout" prt_alice
    make_user prt_old
    set_password prt_old "$password"
    chage --lastday 0 prt_old
    run_with "$password" --profile pamrun-password --forward-password-fd 7 -u prt_old -- id -un
    assert_status 77
    assert_contains "$stderr" "hint: the password of prt_old has expired and there is no terminal to change it on"
    run_ptyrun --expect "assword: " --await -ECHO --send "$password\\r" \
        --expect "urrent password: " --await -ECHO --send "$password\\r" \
        --expect "ew password: " --await -ECHO --send 'Sixteen.tons.7\r' \
        --expect "new password: " --await -ECHO --send 'Sixteen.tons.7\r' -- \
        "${applicant[@]}" "$PAMRUN" --profile pamrun-password -u prt_old -- id -un
    assert_status 0
    assert_match "$stdout" $'prt_old\r?\n?$'
    run_with 'Sixteen.tons.7' --profile pamrun-password --forward-password-fd 7 -u prt_old -- id -un
    assert_ran prt_old
}

@test "pamrun-job: a job has its limits, its environment, and the caller's login uid" {
    sample pamrun-job
    log_start
    run_pamrun --profile pamrun-job --close-on-exit -u prt_alice -- sh -c "$show; cat /proc/self/loginuid 2>/dev/null"
    assert_status 0
    assert_eq "${stdout%$'\n'"${lines[4]-none}"}" "$shown"
    assert_eq "${lines[4]-}" "$(cat /proc/self/loginuid 2>/dev/null)"
    assert_eq "$stderr" ""
    opened_and_closed pamrun-job
    run_pamrun --profile pamrun-job -u prt_gone -- id -un
    assert_status 77
    assert_contains "$stderr" "pamrun: acct_mgmt for prt_gone (profile pamrun-job): "
    # logins are closed, for a drained node: jobs go on
    nologin
    run_pamrun --profile pamrun-job -u prt_alice -- id -un
    assert_ran prt_alice
}

# Serials of session keyrings of prt_keys's that are not revoked.
keyrings='/keyring +_ses/ && $2 !~ /R/ { print $1 }'

@test "pamrun-job: every job has a session keyring of its own, revoked at its end" {
    local first

    [ -r /proc/keys ] || skip_test "needs /proc/keys"
    sample pamrun-job
    make_user prt_keys
    run_pamrun --profile pamrun-job --close-on-exit -u prt_keys -- awk "$keyrings" /proc/keys
    assert_match "$status $stdout" '^0 [0-9a-f]+$'
    first=$stdout
    run_pamrun --profile pamrun-job --close-on-exit -u prt_keys -- awk "$keyrings" /proc/keys
    assert_match "$status $stdout" '^0 [0-9a-f]+$'
    [ "$stdout" != "$first" ] || fail_because "the first job's"
}

@test "pamrun-job: root and delegates only, whatever comes after its first line" {
    sample pamrun-job
    site_policy <<'EOT'
user-profiles = pamrun-job
[delegate prt_svc]
profiles = pamrun-job
accounts = prt_alice
commands = /usr/bin/id
EOT
    run_pamrun_as prt_bob --profile pamrun-job -u prt_alice -- id -un
    assert_not_let_in pamrun-job
    run_pamrun_as prt_svc --profile pamrun-job -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
    run_pamrun --profile pamrun-job --no-auth -u prt_alice -- id -un
    assert_ran prt_alice
    # without pam_permit, too: pam_rootok answers setcred, authenticated or not
    grep -v pam_permit "$samples/pamrun-job" | profile pamrun-job
    run_pamrun_as prt_svc --profile pamrun-job -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
}

# pamrun-job with a gate that is a comment there.
gated_sample() # MODULE
{
    assert grep -qE "^#account +required +$1\\.so\$" "$samples/pamrun-job"
    sed "s/^#\\(account .*$1\\)/\\1/" "$samples/pamrun-job" | profile pamrun-job
}

@test "pamrun-job: a gate whose module is not there is the node's fault, not the user's" {
    gated_sample pam_flux
    run_pamrun --profile pamrun-job --json-status-fd 7 -u prt_alice -- id -un 7>"$TEST_DIR/events"
    assert_status 69
    assert_eq "$stdout" ""
    assert_contains "$(<"$TEST_DIR/events")" '"class":"node"'
}

@test "pamrun-job: pam_slurm lets root in; without a Slurm to ask about others it is the node's fault" {
    refute test -e /etc/slurm/slurm.conf
    gated_sample pam_slurm
    run_pamrun --profile pamrun-job --close-on-exit -u root -- id -un
    assert_ran root
    # libslurm ends the process
    run_pamrun --profile pamrun-job --json-status-fd 7 -u prt_alice -- id -un 7>"$TEST_DIR/events"
    assert_status 71
    assert_eq "$stdout" ""
    assert_eq "${stderr##*$'\n'}" \
        "pamrun: acct_mgmt for prt_alice (profile pamrun-job): a module called exit(); what it holds may remain"
    assert_contains "$(<"$TEST_DIR/events")" '"step":"acct_mgmt","class":"node"'
}

@test "pamrun-provision: useradd makes the account, pam_mkhomedir the home, once" {
    sample pamrun-provision
    made user prt_new
    refute id prt_new
    log_start
    run_pamrun --provision --profile pamrun-provision --close-on-exit -l prt_new -c \
        'id; pwd; echo "$HOME $SHELL"; stat -c "%U %a" .; test -e .profile && echo skel'
    assert_ran "$(id prt_new)
/home/prt_new
/home/prt_new /bin/bash
prt_new 700
skel"
    opened_and_closed pamrun-provision
    touch /home/prt_new/mine
    run_pamrun --provision --profile pamrun-provision --close-on-exit -l prt_new -c 'ls'
    assert_ran mine
    assert_eq "$stderr" ""
}

@test "pamrun-provision: what useradd does not take is refused, and no account comes to be" {
    local before

    sample pamrun-provision
    before=$(</etc/passwd)
    run_pamrun --provision --profile pamrun-provision -u 'prt new' -- id -un
    assert_refused 71 \
        "acct_mgmt for prt new (profile pamrun-provision): System error (PAM_SYSTEM_ERR)"
    assert_eq "$(</etc/passwd)" "$before"
    # without the option nothing is asked
    run_pamrun --profile pamrun-provision -u prt_new -- id -un
    assert_refused 67 "user prt_new: does not exist"
    # words of a shell are a name: bookworm's useradd takes them, trixie's does not
    made user 'prt_$(id)'
    run_pamrun --provision --profile pamrun-provision -u 'prt_$(id)' -- id -un
    assert_match "$status $stdout" '^(0 prt_\$\(id\)|71 )$'
}

@test "pamrun-provision: a delegate's, and two runs at the same time; the policy's lowest user id holds" {
    local first

    sample pamrun-provision
    made user prt_new
    site_policy <<'EOT'
user-profiles = pamrun-provision
[delegate prt_svc]
profiles = pamrun-provision
options = provision
accounts = prt_new
commands = /usr/bin/id
EOT
    start_pamrun_as prt_svc --provision --profile pamrun-provision --close-on-exit -u prt_new -- /usr/bin/id -un
    first=$pamrun_pid
    run_pamrun_as prt_svc --provision --profile pamrun-provision --close-on-exit -u prt_new -- /usr/bin/id -un
    assert_ran prt_new
    end_status "$first" 60
    assert_ran prt_new
    run_pamrun_as prt_bob --profile pamrun-provision -u prt_new -- id -un
    assert_not_let_in pamrun-provision prt_new
    run_pamrun --provision --profile pamrun-provision --minimum-user-id 4000000000 -u prt_new -- id -un
    assert_refused 77 "user prt_new: --minimum-user-id is 4000000000, and this is $(id -u prt_new)"
}
