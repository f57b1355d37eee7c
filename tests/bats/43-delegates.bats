# Delegates of the site policy: a service account does without a password what its section grants, and nothing else.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_hpc
    make_user prt_svc
    make_user prt_alice --groups prt_hpc
    make_user prt_bob
    make_user prt_low --system --groups prt_hpc
    # who is asked for a password gets no further
    probe_profile su
    [ ! -e /etc/pam.d/su-l ] || probe_profile su-l
    probe_profile prt_job
}

setup()
{
    begin_test
    probe_script <<<"authenticate return PAM_AUTH_ERR"
}

as_service()
{
    run_pamrun_as prt_svc "$@"
}

# The section, from stdin.
grants()
{
    site_policy < <(
        echo "[delegate prt_svc]"
        cat
    )
}

# The usual one, with lines of stdin behind it.
usual_grants()
{
    grants < <(
        echo 'profiles = su prt_job'
        echo 'commands = /usr/bin/id /bin/echo'
        echo 'accounts = prt_alice'
        cat
    )
}

assert_refused_at_once() # WHAT WHICH KEY
{
    assert_status 77
    assert_eq "$stderr" "pamrun: $1 '$2': the site policy does not grant it to prt_svc
hint: $3 in [delegate prt_svc] of pamrun.conf(5)"
    assert_eq "$stdout" ""
    assert_eq "$(probe_log)" ""
}

assert_ran() # OUTPUT
{
    assert_eq "$status $stdout" "0 $1"
}

# ---- a run ----------------------------------------------------------------------------------------------------

@test "a delegate runs what is granted: no authentication, all other steps, the account's ids and groups" {
    usual_grants </dev/null
    as_service --close-on-exit -u prt_alice -- /usr/bin/id
    assert_ran "$(id prt_alice)"
    assert_eq "$stderr" ""
    assert_eq "$(probe_order)" \
        "acct_mgmt setcred:PAM_ESTABLISH_CRED open_session close_session setcred:PAM_DELETE_CRED"
    assert_eq "$(probe_field acct_mgmt ruser) $(probe_field acct_mgmt user)" "prt_svc prt_alice"
    assert_eq "$(probe_field acct_mgmt service)" su
    assert_eq "$(probe_field acct_mgmt ruid)" "$(id -u prt_svc)"
    probe_reset
    as_service --profile prt_job -u prt_alice -- /bin/echo "done"
    assert_ran "done"
    assert_eq "$(probe_field acct_mgmt service)" prt_job
    probe_called authenticate 0
}

@test "the log says that a delegate asked, allowed or refused, and of others it does not" {
    usual_grants </dev/null
    log_start
    as_service -u prt_alice -- /bin/echo "done"
    assert_ran "done"
    as_service -u prt_bob -- /bin/echo "done"
    assert_status 77
    run_pamrun_as prt_bob -u prt_alice -- /bin/echo "done"
    assert_status 77
    run_pamrun --no-auth -u prt_alice -- /bin/echo "done"
    assert_ran "done"
    assert_match "$(log_lines ' pamrun\[' | sed -n 1p)" ": allowed: applicant=\"prt_svc\" uid=$(id -u prt_svc) \
loginuid=[-0-9]+ account=\"prt_alice\" profile=\"su\" tty=- delegate=yes command=\"/bin/echo\" \"done\"\$|: allowed: \
applicant=\"prt_svc\" uid=$(id -u prt_svc) loginuid=[-0-9]+ account=\"prt_alice\" profile=\"su\" tty=- delegate=yes \
command=\"/bin/echo done\"\$"
    assert_match "$(log_lines ' pamrun\[' | sed -n 2p)" ": refused: applicant=\"prt_svc\" .* account=\"prt_bob\" .* \
delegate=yes step=policy code=- status=77 reason="
    assert_eq "$(log_lines ' pamrun\[' | wc -l)" 4
    assert_eq "$(log_lines ' pamrun\[' | grep -c delegate=)" 2
}

@test "a refusal of the policy's is an event of the user's class" {
    usual_grants </dev/null
    as_service --json-status-fd 7 -u prt_alice -- /usr/bin/env 7>"$TEST_DIR/events"
    assert_refused_at_once command /usr/bin/env commands
    assert_eq "$(<"$TEST_DIR/events")" '{"event":"failed","step":"policy","class":"user","exit-status":77,'\
'"message":"command '"'/usr/bin/env'"': the site policy does not grant it to prt_svc"}'
}

@test "exit statuses are root's: the command's, 126, 127, no such user, no such profile" {
    grants <<'END'
profiles = su prt_missing
commands = /bin/sh /etc/passwd /prt_missing /bin/true
accounts = prt_alice prt_missing
options = account-uid
END
    as_service -u prt_alice -- /bin/sh -c 'exit 7'
    assert_status 7
    as_service -u prt_alice -- /bin/sh -c 'kill -KILL $$'
    assert_status 137
    as_service -u prt_alice -- /etc/passwd
    assert_status 126
    as_service -u prt_alice -- /prt_missing
    assert_status 127
    probe_reset
    as_service -u prt_missing -- /bin/true
    assert_status 67
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_missing: does not exist"
    as_service --account-uid 4242424242 -- /bin/true
    assert_status 67
    as_service --profile prt_missing -u prt_alice -- /bin/true
    assert_status 69
    assert_eq "$(probe_log)" ""
}

@test "two processes, as for others: the front can be signalled, its death ends command and session" {
    local front holder

    grants <<'END'
profiles = su
commands = /bin/sleep
accounts = prt_alice
END
    start_pamrun_as prt_svc --close-on-exit -u prt_alice -- /bin/sleep 600
    wait_until 30 pgrep -u prt_alice -x sleep
    front=$pamrun_pid
    holder=$(pgrep -P "$front" -x pamrun)
    assert_eq "$(sed -n 's/^Uid:\t//p' "/proc/$front/status" | tr '\t' ' ')" \
        "$(id -u prt_svc) $(id -u prt_svc) $(id -u prt_svc) $(id -u prt_svc)"
    assert_eq "$(sed -n 's/^Uid:\t//p' "/proc/$holder/status" | tr '\t' ' ')" "0 0 0 0"
    run_program_as prt_svc kill -KILL "$holder"
    [ "$status" -ne 0 ]
    run_program_as prt_svc kill -KILL "$front"
    assert_status 0
    wait_until 30 program_has_ended "$holder"
    wait_until 30 has_no_process prt_alice
    probe_called close_session 1
    probe_called setcred-delete 1
}

@test "the environment is new: nothing of a delegate's steers what he is granted, but what the policy keeps" {
    local name options evil=()

    mkdir "$TEST_DIR/bin"
    printf '#!/bin/sh\necho helper of the delegate\n' >"$TEST_DIR/bin/id"
    printf '#!/bin/sh\nid -un\nenv\n' >"$TEST_DIR/helper"
    chmod 0755 "$TEST_DIR" "$TEST_DIR/bin" "$TEST_DIR/bin/id" "$TEST_DIR/helper"
    site_policy <<END
environment-keep = PRT_JOB*
[delegate prt_svc]
profiles = su
commands = $TEST_DIR/helper /usr/bin/env
accounts = prt_alice root
END
    applicant_set prt_svc
    evil=(PATH="$TEST_DIR/bin:/usr/bin:/bin" HOME="$TEST_DIR" SHELL=/bin/sh USER=root TAR_OPTIONS=-v PRT_A=1
        PRT_JOB_ID=7 "${applicant[@]}")
    for name in prt_alice root; do
        run_program env "${evil[@]}" "$PAMRUN" -u $name -- "$TEST_DIR/helper"
        assert_status 0
        assert_eq "$(head -n 1 <<<"$stdout")" "$name"
        assert_eq "$(grep -cE "^(PRT_A|TAR_OPTIONS|SHELL)=|$TEST_DIR/bin" <<<"$stdout")" 0
        assert_eq "$(grep -E '^(HOME|USER|LOGNAME|PRT_JOB_ID)=' <<<"$stdout" | sort | tr '\n' ' ')" \
            "HOME=$(getent passwd $name | cut -d: -f6) LOGNAME=$name PRT_JOB_ID=7 USER=$name "
    done
    run_program env "${evil[@]}" "$PAMRUN" -l -s /usr/bin/env prt_alice
    assert_status 0
    assert_eq "$(grep -c '^PRT_A=' <<<"$stdout")" 0
    for options in "-p" "-w PRT_A -l" "-p -l"; do
        # shellcheck disable=SC2086 # words
        run_program env "${evil[@]}" "$PAMRUN" $options -s /usr/bin/env prt_alice
        assert_status 77
        assert_match "$stderr" "-environment: the command of a delegate has a new environment
hint: environment-keep of pamrun.conf"
        assert_eq "$stdout" ""
    done
}

@test "what a granted command makes is not open to the delegate, whose umask is; a module's own counts" {
    local mask

    grants <<<$'profiles = su\ncommands = /bin/mkdir\naccounts = prt_alice'
    mkdir -m 0777 "$TEST_DIR/open"
    chmod 0755 "$TEST_DIR"
    for mask in 000:755 027:750 077:700; do
        # shellcheck disable=SC2016 # for that shell
        run_program_as prt_svc sh -c 'umask "$1"; shift; exec "$@"' sh "${mask%:*}" "$PAMRUN" -u prt_alice -- \
            /bin/mkdir "$TEST_DIR/open/$mask"
        assert_status 0
        assert_eq "$(stat -c '%U %a' "$TEST_DIR/open/$mask")" "prt_alice ${mask#*:}"
    done
    profile su < <(
        probe_line auth required
        probe_line account required
        echo "session required pam_umask.so umask=002"
    )
    run_program_as prt_svc "$PAMRUN" -u prt_alice -- /bin/mkdir "$TEST_DIR/open/module"
    assert_status 0
    assert_eq "$(stat -c %a "$TEST_DIR/open/module")" 775
    probe_profile su
}

@test "with pam-setenv granted no delegate steers modules' helpers, nor says who calls" {
    local entry

    mkdir "$TEST_DIR/bin"
    printf '#!/bin/sh\n/usr/bin/touch "%s/stolen"\n' "$TEST_DIR" >"$TEST_DIR/bin/id"
    chmod 0755 "$TEST_DIR" "$TEST_DIR/bin" "$TEST_DIR/bin/id"
    profile prt_helper <<'END'
auth required pam_permit.so
account required pam_permit.so
session required pam_exec.so seteuid /bin/sh -c [id]
END
    grants <<'END'
profiles = prt_helper
commands = /bin/true
accounts = prt_alice
options = pam-setenv
END
    for entry in PATH="$TEST_DIR/bin" LD_PRELOAD=/x BASH_ENV=/x ENV=/x PYTHONPATH=/x PAMRUN_CALLER=root PAM_USER=root \
        HOME=/x 'PRT_A=() { id; }' XDG_SEAT=seat0 XDG_VTNR=1 XDG_SESSION_TYPE=x11 XDG_SESSION_CLASS=user \
        XDG_SESSION_DESKTOP=x XDG_RUNTIME_DIR=/run/user/0 DBUS_SESSION_BUS_ADDRESS=x; do
        as_service --profile prt_helper --pam-setenv PRT_B=b --pam-setenv "$entry" -u prt_alice -- /bin/true
        assert_status 77
        assert_eq "$stderr" "pamrun: --pam-setenv ${entry%%=*}: no delegate may set this
hint: programs obey it, or it is PAM's or pamrun's to set: choose another name"
    done
    [ ! -e "$TEST_DIR/stolen" ]
    as_service --profile prt_helper --pam-setenv PRT_B=b -u prt_alice -- /bin/true
    assert_status 0
    # root may
    run_pamrun --profile prt_helper --pam-setenv PATH="$TEST_DIR/bin" -u prt_alice -- true
    assert_status 0
    [ -e "$TEST_DIR/stolen" ]
}

# ---- what is not granted --------------------------------------------------------------------------------------

@test "an empty section grants nothing, and the delegate is not asked for a password either" {
    grants </dev/null
    as_service -u prt_alice -- /usr/bin/id
    assert_refused_at_once profile su profiles
    as_service --profile prt_job -u prt_alice -- /usr/bin/id
    assert_refused_at_once profile prt_job profiles
    grants <<<"profiles = su"
    as_service -u prt_alice -- /usr/bin/id
    assert_refused_at_once command /usr/bin/id commands
    grants <<<$'profiles = su\ncommands = /usr/bin/id'
    as_service -u prt_alice -- /usr/bin/id
    assert_refused_at_once user prt_alice accounts
    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = prt_alice'
    as_service -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
}

@test "profiles: those in the section, not those of user-profiles" {
    local name

    site_policy <<'END'
user-profiles = prt_job
[delegate prt_svc]
profiles = su
commands = /usr/bin/id
accounts = prt_alice
END
    for name in prt_job login prt_missing SU su/ ''; do
        as_service --profile "$name" -u prt_alice -- /usr/bin/id
        assert_refused_at_once profile "$name" profiles
    done
    # the default one is not granted by being that
    grants <<<$'profiles = prt_job\ncommands = /usr/bin/id\naccounts = prt_alice'
    as_service -u prt_alice -- /usr/bin/id
    assert_refused_at_once profile su profiles
    site_policy <<<$'profile = prt_job\n[delegate prt_svc]\nprofiles = prt_job\ncommands = /bin/echo\naccounts = prt_alice'
    as_service -u prt_alice -- /bin/echo "done"
    assert_ran "done"
    assert_eq "$(probe_field acct_mgmt service)" prt_job
}

@test "accounts: by name, and by group from the lowest user id on" {
    local name

    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = @prt_hpc prt_bob'
    for name in prt_alice prt_bob; do
        as_service -u $name -- /usr/bin/id -un
        assert_ran $name
    done
    probe_reset
    for name in prt_low prt_svc daemon root; do
        as_service -u $name -- /usr/bin/id -un
        assert_refused_at_once user $name accounts
    done
    # without -u the account is root
    as_service -s /usr/bin/id
    assert_refused_at_once user root accounts
    # who is named may have a low user id
    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = prt_low'
    as_service -u prt_low -- /usr/bin/id -un
    assert_ran prt_low
    # and the lowest one can be lower, in the section alone, or for all
    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = @prt_hpc\nminimum-user-id = 1'
    as_service -u prt_low -- /usr/bin/id -un
    assert_ran prt_low
    site_policy <<'END'
minimum-user-id = 1
[delegate prt_svc]
profiles = su
commands = /usr/bin/id
accounts = @prt_hpc
END
    as_service -u prt_low -- /usr/bin/id -un
    assert_ran prt_low
    probe_reset
    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = @prt_hpc\nminimum-user-id = 4000000000'
    as_service -u prt_alice -- /usr/bin/id -un
    assert_refused_at_once user prt_alice accounts
    # a group that nobody knows, or a user's name as a group's
    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = @prt_missing prt_hpc @prt_bob'
    as_service -u prt_alice -- /usr/bin/id -un
    assert_refused_at_once user prt_alice accounts
    as_service -u prt_bob -- /usr/bin/id -un
    assert_ran prt_bob # his primary group
}

@test "root only when root is named; no group, no lowest user id and no other name of user id 0 will do" {
    keep_file /etc/passwd
    keep_file /etc/group
    keep_file /etc/gshadow
    echo 'toor:x:0:0::/root:/bin/sh' >>/etc/passwd
    gpasswd -a root prt_hpc >/dev/null
    gpasswd -a toor prt_hpc >/dev/null
    for accounts in @prt_hpc "@root @prt_hpc" "toor @prt_hpc" "0 @0"; do
        grants <<<$'profiles = su\ncommands = /usr/bin/id\noptions = account-uid\nminimum-user-id = 0\naccounts = '"$accounts"
        for name in root toor; do
            as_service -u $name -- /usr/bin/id
            assert_refused_at_once user $name accounts
        done
        as_service --account-uid 0 -- /usr/bin/id
        assert_refused_at_once user root accounts
    done
    grants <<<$'profiles = su\ncommands = /usr/bin/id\naccounts = root'
    as_service -u root -- /usr/bin/id -u
    assert_ran 0
    probe_reset
    as_service -u toor -- /usr/bin/id
    assert_refused_at_once user toor accounts
}

@test "an account that becomes another one in the account step is refused" {
    keep_file /etc/passwd
    usual_grants </dev/null
    probe_script <<END
acct_mgmt touch $TEST_DIR/asked
acct_mgmt wait-file $TEST_DIR/made
END
    start_pamrun_as prt_svc -u prt_alice -- /usr/bin/id
    wait_until 30 test -e "$TEST_DIR/asked"
    sed -i -E 's/^(prt_alice:x:)[0-9]+:[0-9]+/\10:0/' /etc/passwd
    touch "$TEST_DIR/made"
    end_status "$pamrun_pid"
    assert_status 77
    assert_eq "$stdout" ""
    assert_contains "$stderr" "pamrun: user prt_alice: changed while the PAM modules ran"
    probe_called setcred 0
}

@test "options that only root may use: those in the section, each by name" {
    local words option

    grants <<'END'
profiles = su
commands = /usr/bin/id
accounts = prt_alice
options = account-uid no-session
END
    as_service --account-uid "$(id -u prt_alice)" -- /usr/bin/id -un
    assert_ran prt_alice
    probe_reset
    as_service --no-session -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
    probe_called open_session 0
    probe_reset
    for words in --no-auth --no-account "--pam-setenv A=b" "--pam-rhost h" "--deadline setcred=9" "-g prt_hpc" \
        "--group prt_missing" "-G root" --provision --exec "--exec --no-account"; do
        option=${words#--} option=${option%% *}
        case $words in
            -g*) option=group ;;
            -G*) option=supp-group ;;
        esac
        # shellcheck disable=SC2086 # words
        as_service $words -u prt_alice -- /usr/bin/id
        assert_refused_at_once option "$option" options
    done
    # granted, each does what it does for root
    grants <<'END'
profiles = su
commands = /usr/bin/id
accounts = prt_alice
options = no-auth no-account pam-setenv pam-rhost deadline group supp-group
END
    as_service --no-auth --no-account --pam-setenv PRT_A=b --pam-rhost h.example --deadline setcred=60 -g prt_hpc \
        -u prt_alice -- /usr/bin/id -gn
    assert_ran prt_hpc
    assert_eq "$(probe_pam_env setcred PRT_A) $(probe_field setcred rhost)" "b h.example"
    probe_called acct_mgmt 0
    as_service -G prt_hpc -G prt_bob -u prt_alice -- /usr/bin/id -Gn
    assert_ran "prt_hpc prt_bob"
}

@test "an identity that is not granted is refused before it is mapped" {
    local identity

    site_policy <<'END'
identity-rewrite = ^x-([a-z_]+)$ $1
[delegate prt_svc]
profiles = su
commands = /usr/bin/id
accounts = prt_alice
END
    for identity in x-prt_alice nobody-knows; do
        as_service --identity $identity -- /usr/bin/id
        assert_refused_at_once option identity options
    done
}

@test "commands: absolute paths as they are written, with the arguments that must come first" {
    local words

    mkdir -m 0777 "$TEST_DIR/scratch"
    chmod 0711 "$TEST_DIR"
    grants <<END
profiles = su
accounts = prt_alice
commands = /usr/bin/id "/bin/echo one  two" "/bin/mkdir -p $TEST_DIR/scratch/a"
END
    as_service -u prt_alice -- /usr/bin/id
    assert_status 0
    as_service -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
    as_service -u prt_alice -- /bin/echo one two
    assert_ran "one two"
    as_service -u prt_alice -- /bin/echo one two three -n
    assert_ran "one two three -n"
    as_service -u prt_alice -- /bin/mkdir -p "$TEST_DIR/scratch/a"
    assert_status 0
    assert_eq "$(stat -c %U "$TEST_DIR/scratch/a")" prt_alice
    probe_reset
    while read -r words; do
        eval "as_service -u prt_alice -- $words"
        eval "set -- $words"
        assert_refused_at_once command "$1" commands
    done <<'END'
id
./id
/usr/bin/../bin/id
/usr//bin/id
/usr/bin/id/
/usr/bin/i
/usr/bin/idx
/usr/bin/env
/bin/echo
/bin/echo one
/bin/echo two one
/bin/echo onetwo
/bin/echo "one two"
/bin/echo "one" "two "
/bin/echo one tw
/bin/echo one twox
/bin/echo -n one two
"/bin/echo one two" one two
/bin/mkdir -p
/bin/mkdir -m 0777 -p
"/usr/bin/id "
END
    # PATH is not searched for what has no slash, and no shell is between
    applicant_set prt_svc
    run_program env PATH=/usr/bin "${applicant[@]}" "$PAMRUN" -u prt_alice -- id
    assert_refused_at_once command id commands
    as_service --chdir /usr/bin -u prt_alice -- ./id
    assert_refused_at_once command ./id commands
}

@test "commands: the shell of a run is one, by its path, and so are its arguments" {
    local shell=/bin/bash

    usual_grants </dev/null
    as_service prt_alice
    assert_refused_at_once command $shell commands
    as_service prt_alice -c /usr/bin/id
    assert_refused_at_once command $shell commands
    as_service -l prt_alice -c /usr/bin/id
    assert_refused_at_once command $shell commands
    as_service -s /bin/sh prt_alice -c /usr/bin/id
    assert_refused_at_once command /bin/sh commands
    applicant_set prt_svc
    run_program env SHELL=/usr/bin/id "${applicant[@]}" "$PAMRUN" prt_alice -- -un
    assert_refused_at_once command $shell commands
    as_service -s /usr/bin/id prt_alice -- -un
    assert_ran prt_alice
    # argv[0] of a login is not the path
    grants <<<$'profiles = su\naccounts = prt_alice\ncommands = "/bin/bash -c /usr/bin/id"'
    for form in prt_alice "-l prt_alice"; do
        # shellcheck disable=SC2086 # words
        as_service $form -c /usr/bin/id
        assert_ran "$(id prt_alice)"
    done
    probe_reset
    as_service prt_alice -c "/usr/bin/id; echo more"
    assert_refused_at_once command $shell commands
    as_service prt_alice
    assert_refused_at_once command $shell commands
    as_service -f prt_alice -c /usr/bin/id
    assert_refused_at_once command $shell commands
}

# ---- the steps that are left ----------------------------------------------------------------------------------

@test "an expired account is refused to a delegate, an expired password too unless the policy allows it" {
    profile prt_job <<'END'
auth required pam_permit.so
account required pam_unix.so
session required pam_permit.so
END
    usual_grants </dev/null
    chage -E 1970-01-02 prt_alice
    as_service --profile prt_job -u prt_alice -- /usr/bin/id
    chage -E -1 prt_alice
    assert_status 77
    assert_eq "$stdout" ""
    assert_match "$stderr" 'pamrun: acct_mgmt for prt_alice \(profile prt_job\): .*\((PAM_ACCT_EXPIRED|PAM_AUTH_ERR)\)'
    set_password prt_alice Right.pass.1
    chage -d 0 prt_alice
    as_service --profile prt_job -u prt_alice -- /usr/bin/id -un
    assert_status 77
    assert_match "$stderr" 'PAM_NEW_AUTHTOK_REQD'
    usual_grants <<<$'[profile prt_job]\nexpired-password = allow'
    as_service --profile prt_job -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
    chage -d "$(date +%F)" prt_alice
}

@test "setcred that libpam refuses, as no auth module sets credentials: the node's fault, and a hint" {
    profile prt_job <<'END'
auth required pam_warn.so
account required pam_permit.so
session required pam_permit.so
END
    usual_grants </dev/null
    as_service --profile prt_job -u prt_alice -- /usr/bin/id
    assert_status 69
    assert_eq "$stdout" ""
    assert_eq "$stderr" "pamrun: setcred for prt_alice (profile prt_job): Permission denied (PAM_PERM_DENIED)
hint: no auth module of the profile sets credentials: add 'auth required pam_permit.so'"
}

@test "required-groups and the options that tighten hold for a delegate as well" {
    site_policy <<'END'
required-groups = prt_hpc
[delegate prt_svc]
profiles = su
commands = /usr/bin/id
accounts = prt_alice prt_bob
END
    as_service -u prt_alice -- /usr/bin/id -un
    assert_ran prt_alice
    as_service -u prt_bob -- /usr/bin/id -un
    assert_status 77
    assert_eq "${stderr%%$'\n'*}" "pamrun: user prt_bob: is in no group that the site policy requires"
    as_service --required-group prt_bob -u prt_alice -- /usr/bin/id -un
    assert_status 77
    assert_eq "$stderr" "pamrun: user prt_alice: is in no group of --required-group"
    as_service --minimum-user-id 4000000000 -u prt_alice -- /usr/bin/id -un
    assert_status 77
}

@test "a secret that nobody would ask for is refused; with --any-prompt the session's modules get the password" {
    local option

    site_policy <<'END'
forward-password = no
[delegate prt_svc]
profiles = su
commands = /bin/echo
accounts = prt_alice
END
    install -m 0600 -o prt_svc /dev/null "$TEST_DIR/secret"
    echo Right.pass.1 >"$TEST_DIR/secret"
    for option in --forward-password-fd "--require-password-used --forward-password-fd" --forward-answers-fd \
        "--require-password-used --forward-answers-fd"; do
        # shellcheck disable=SC2086 # words
        as_service $option 8 -u prt_alice -- /bin/echo "done" 8<"$TEST_DIR/secret"
        assert_status 64
        assert_eq "${stderr%%$'\n'*}" "pamrun: ${option##* }: a delegate does not authenticate: nobody would ask for it"
        assert_eq "$stdout$(probe_log)" ""
    done
    probe_script <<'END'
open_session prompt-off Key: 
open_session require-token Right.pass.1
END
    as_service --any-prompt --require-password-used --forward-password-fd 8 -u prt_alice -- /bin/echo "done" \
        8<"$TEST_DIR/secret"
    assert_ran "done"
    # and that it was used is still asked for
    probe_script </dev/null
    as_service --any-prompt --require-password-used --forward-password-fd 8 -u prt_alice -- /bin/echo "done" \
        8<"$TEST_DIR/secret"
    assert_status 77
    assert_eq "$stdout" ""
}

# ---- who is one -----------------------------------------------------------------------------------------------

@test "nobody becomes a delegate by a name in his environment, by groups, or by what he is effectively" {
    local words

    usual_grants </dev/null
    applicant_set prt_bob
    run_program env LOGNAME=prt_svc USER=prt_svc SUDO_USER=prt_svc SUDO_UID="$(id -u prt_svc)" PAM_RUSER=prt_svc \
        PAMRUN_CALLER=prt_svc "${applicant[@]}" "$PAMRUN" -u prt_alice -- /usr/bin/id
    assert_status 77
    assert_eq "$stderr" "pamrun: authenticate for prt_alice (profile su): Authentication failure (PAM_AUTH_ERR)"
    assert_eq "$(probe_field authenticate ruser)" prt_bob
    for words in "--regid $(id -g prt_svc) --groups $(id -g prt_svc)" "--euid $(id -u prt_svc) --regid $(id -g prt_svc) --clear-groups"; do
        probe_reset
        probe_script <<<"authenticate return PAM_AUTH_ERR"
        # shellcheck disable=SC2086 # words
        run_program setpriv --ruid "$(id -u prt_bob)" $words "$PAMRUN" -u prt_alice -- /usr/bin/id
        assert_status 77
        assert_contains "$stderr" "pamrun: authenticate for prt_alice (profile su)"
        assert_eq "$(probe_field authenticate ruser)" prt_bob
    done
    # what is root's only stays so
    run_pamrun_as prt_bob --account-uid "$(id -u prt_alice)" -- /usr/bin/id
    assert_status 77
    assert_eq "$stderr" "pamrun: --account-uid: only root may use this option"
}

@test "a delegate's section is for the user of that name only, and root needs none" {
    site_policy <<'END'
[delegate prt_sv]
profiles = su
commands = /usr/bin/id
accounts = prt_alice
[delegate root]
profiles = prt_missing
END
    as_service -u prt_alice -- /usr/bin/id
    assert_status 77
    assert_contains "$stderr" "pamrun: authenticate for prt_alice"
    probe_script </dev/null
    run_pamrun -u prt_alice -- id -un
    assert_ran prt_alice
}
