# pamrunctl config, as it is installed: the policy that is in force and where it comes from, what is wrong with it, and
# whether somebody may.  What it says of a run is held against the run itself.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_hpc
    make_user prt_alice --groups prt_hpc
    make_user prt_bob
    make_user prt_svc
    make_user prt_odd --shell /bin/cat
    probe_profile su
    [ ! -e /etc/pam.d/su-l ] || probe_profile su-l
    probe_profile prt_web
    probe_profile prt_hidden
    uid_min=$(awk '$1 == "UID_MIN" { found = $2 } END { print found + 0 ? found : 1000 }' /etc/login.defs)
    alice_uid=$(id -u prt_alice)
    export uid_min alice_uid
}

# A file of /etc/pamrun.conf.d, from stdin; the directory goes at the end of the test.
more_policy() # NAME
{
    keep_file /etc/pamrun.conf.d
    install -d -m 0755 /etc/pamrun.conf.d
    cat >"/etc/pamrun.conf.d/$1"
    chmod 0644 "/etc/pamrun.conf.d/$1"
}

config()
{
    run_pamrunctl config "$@"
}

# The output is what stdin says, and nothing was said on stderr.
assert_says() # STATUS
{
    assert_eq "$stdout" "$(cat)"
    assert_eq "$stderr" ""
    assert_status "$1"
}

# What is set: each line with the origin before it, "ORIGIN KEY = VALUE", sections between.
settings()
{
    sed -nE 's/  +=/ =/; /^# \/etc[^ ]*:[0-9]+$/ { N; s/^# ([^\n]*)\n/\1 /p; d }; /^\[/p' <<<"$stdout" | sed -E 's/ +=/ =/'
}

# ---- the policy -----------------------------------------------------------------------------------------------

@test "without a policy the defaults are shown, as comments, to root and to others" {
    local user

    refute test -e /etc/pamrun.conf
    for user in root prt_bob; do
        run_pamrunctl_as $user config
        assert_says 0 <<END
# site policy, pamrun.conf(5): there is no file, the defaults hold
# default
#profile          = su
#user-profiles    =
#minimum-user-id  = auto
# auto is $uid_min, UID_MIN of login.defs; it is 0 when root asks
#required-groups  =
#forward-password = yes
#close-on-exit    = no
#kill-after       = 10
#environment-keep =
#expired-password = refuse
#pty              = auto
#cgroup           = auto
#job-cgroups      = slurmstepd* job_* step_* flux-* imp-*
#password-prompts =
#identity-map     =
#identity-rewrite =
END
    done
    assert_eq "$(probe_log)" ""
}

@test "each value has its file and line, and the file that is read last wins, key by key" {
    site_policy <<'END'
# a comment
kill-after = 3
pty        = never
required-groups = prt_hpc
    "domain users"

[profile prt_web]
kill-after = 4
[delegate prt_svc]
profiles = su
commands = "/bin/ls -l", /bin/id
END
    more_policy 20.conf <<<"kill-after = never"
    more_policy 10.conf < <(printf '%s\n' "kill-after = 5" "close-on-exit = yes" "[profile prt_web]" "pty = always" \
        "[delegate prt_svc]" "profiles = prt_web")
    config
    assert_status 0
    assert_eq "$stderr" ""
    assert_eq "${lines[0]}" \
        "# site policy, pamrun.conf(5): /etc/pamrun.conf /etc/pamrun.conf.d/10.conf /etc/pamrun.conf.d/20.conf"
    assert_eq "$(settings)" '/etc/pamrun.conf:4 required-groups = prt_hpc "domain users"
/etc/pamrun.conf.d/10.conf:2 close-on-exit = yes
/etc/pamrun.conf.d/20.conf:1 kill-after = never
/etc/pamrun.conf:3 pty = never
[profile prt_web]
/etc/pamrun.conf:8 kill-after = 4
/etc/pamrun.conf.d/10.conf:4 pty = always
[delegate prt_svc]
/etc/pamrun.conf.d/10.conf:6 profiles = prt_web
/etc/pamrun.conf:11 commands = "/bin/ls -l" /bin/id'
    assert_contains "$stdout" "#forward-password = yes"
    refute_contains "$stdout" "#pty"
}

@test "--profile shows what holds for its runs" {
    site_policy <<'END'
user-profiles = prt_web
kill-after = 3
[profile prt_web]
pty = always
[profile su]
pty = never
[delegate prt_svc]
profiles = su
END
    config --profile prt_web
    assert_status 0
    assert_eq "$stderr" ""
    assert_eq "$(settings)" "/etc/pamrun.conf:1 user-profiles = prt_web
[profile prt_web]
/etc/pamrun.conf:2 kill-after = 3
/etc/pamrun.conf:4 pty = always"
    # a profile without a section, and one without a file
    config --profile=prt_hidden
    assert_eq "$status $stderr" "0 "
    assert_eq "$(settings)" "/etc/pamrun.conf:1 user-profiles = prt_web
[profile prt_hidden]
/etc/pamrun.conf:2 kill-after = 3"
    config --profile prt_missing
    assert_status 0
    assert_match "$stderr" '^pamrunctl: warning: profile prt_missing: no such file in /etc/pam\.d, [^[:cntrl:]]+$'
    config --profile '../x'
    assert_status 64
    assert_eq "${stderr%%$'\n'*}" "pamrunctl: config: --profile '../x': not a possible name"
}

@test "what is shown is a policy, and means the same" {
    local before

    site_policy <<'END'
minimum-user-id = auto
password-prompts = "LDAP Password:" "One-time code, please:" "the longest of all prompts that anybody has ever seen:"
    "Kerberos 5:" "a=b" [x]
[profile prt_web]
required-groups =
[delegate prt_svc]
accounts = @prt_hpc "x y"
END
    config
    assert_eq "$status $stderr" "0 "
    before=$(settings | sed -E 's/^[^ ]*:[0-9]+ //')
    site_policy <<<"$stdout"
    config
    assert_eq "$status $stderr" "0 "
    assert_eq "$(settings | sed -E 's/^[^ ]*:[0-9]+ //')" "$before"
    assert_contains "$before" "password-prompts = "
}

@test "names that are nobody's are warnings" {
    site_policy <<'END'
profile = prt_missing
user-profiles = prt_web prt_gone
[profile prt_none]
cgroup = keep
[delegate prt_nobody]
profiles = prt_away
END
    config
    assert_status 0
    assert_contains "$stdout" "[delegate prt_nobody]"
    assert_match "$stderr" "^pamrunctl: warning: /etc/pamrun.conf:1: profile: profile prt_missing: no such file in [^
]+
pamrunctl: warning: /etc/pamrun.conf:2: user-profiles: profile prt_gone: no such file in [^
]+
pamrunctl: warning: \\[profile prt_none\\]: profile prt_none: no such file in [^
]+
pamrunctl: warning: \\[delegate prt_nobody\\]: user prt_nobody: does not exist
pamrunctl: warning: /etc/pamrun.conf:6: profiles: profile prt_away: no such file in [^
]+\$"
}

# ---- what is wrong with it ------------------------------------------------------------------------------------

@test "all that is wrong is said with file, line, key and what is allowed, and nothing is shown" {
    local arguments

    site_policy <<'END'
pyt = auto
pty = sometimes
[profil x]
pty = never
[profile x]
profile = su
END
    more_policy a.conf < <(printf '%s\n' "kill-after = 3" "no line" "nonsense = 1")
    more_policy b.conf <<<"kill-after = -1"
    for arguments in "" "--profile su" "--caller prt_bob --account prt_alice"; do
        # shellcheck disable=SC2086 # words
        config $arguments
        assert_status 78
        assert_eq "$stdout" ""
        assert_eq "$stderr" "pamrunctl: /etc/pamrun.conf:1: 'pyt': no such key
hint: man 5 pamrun.conf has them all
pamrunctl: /etc/pamrun.conf:2: pty: is none of the words that are allowed
hint: auto, never or always
pamrunctl: /etc/pamrun.conf:3: no such section
hint: sections are [profile NAME] and [delegate USER]; all else stands before the first one
pamrunctl: /etc/pamrun.conf:6: profile: does not belong into this section
hint: it belongs before the first section
pamrunctl: /etc/pamrun.conf.d/a.conf:2: neither a comment, nor [SECTION], nor KEY = VALUE
pamrunctl: /etc/pamrun.conf.d/b.conf:1: kill-after: is no time
hint: seconds from 0.001 to 86400, with up to three decimals, or never"
    done
    # a run says the first of them
    run_pamrun -u prt_alice -- true
    assert_status 78
    assert_eq "$stderr" "pamrun: /etc/pamrun.conf:1: 'pyt': no such key
hint: man 5 pamrun.conf has them all"
}

@test "a file that is not root's alone is wrong, and nothing of it is shown" {
    site_policy <<<"prt_secret"
    chmod 0666 /etc/pamrun.conf
    config
    assert_status 78
    assert_eq "$output" "pamrunctl: /etc/pamrun.conf: can be written by others than root
hint: it must be root's, writable by nobody else, no link, and a file of at most 64 kB"
    chmod 0644 /etc/pamrun.conf
    mv /etc/pamrun.conf "$TEST_DIR/policy"
    ln -s "$TEST_DIR/policy" /etc/pamrun.conf
    config
    assert_status 78
    assert_eq "${lines[*]} ${stderr%%$'\n'*}" " pamrunctl: /etc/pamrun.conf: is a symbolic link"
}

@test "a policy that he may not read is called that, and what to do" {
    local file

    site_policy <<<"kill-after = 3"
    more_policy a.conf <<<"pty = never"
    for file in /etc/pamrun.conf /etc/pamrun.conf.d/a.conf /etc/pamrun.conf.d; do
        chmod go= "$file"
        run_pamrunctl_as prt_bob config --account prt_alice
        assert_status 78
        assert_eq "$output" "pamrunctl: $file: Permission denied
hint: you may not read the site policy; root can ask about you: pamrunctl config --caller USER"
        config --caller prt_bob --account prt_alice
        assert_eq "$status $stderr" "0 "
        chmod go=rX "$file"
    done
    run_pamrunctl_as prt_bob config --account prt_alice
    assert_status 0
}

@test "bytes that a terminal would obey are refused in the policy, and made visible in names and messages" {
    local line

    for line in 'password-prompts = "a\302\2332J"' 'password-prompts = b\377' '[delegate prt\377x]' 'p\302\233 = 1'; do
        site_policy < <(printf '%b\n' "$line")
        config
        assert_status 78
        assert_contains "$stderr" "/etc/pamrun.conf:1: the line is not UTF-8"
        assert_match "$output" $'^[\t\n -~]*$'
    done
    run_ptyrun -- "$PAMRUNCTL" config
    assert_match "$stdout" $'^[\t\r\n -~]*$'
    site_policy <<<""
    config --identity $'\033[2J' --account prt_alice
    assert_match "$output" $'^[\t\n -~]*$'
    config --account $'x\033[2J'
    assert_match "$output" $'^[\t\n -~]*$'
    run_pamrunctl $'\033[2J'
    assert_status 64
    assert_match "$output" $'^[\t\n -~]*$'
}

# ---- who may --------------------------------------------------------------------------------------------------

# The dry run and the run: the same status, except where PAM decides.
assert_both() # STATUS CALLER ARGUMENT...
{
    local wanted=$1 caller=$2 account=${*: -1}

    config --caller "$caller" "${@:3:$# - 3}" --account "$account"
    assert_status "$wanted"
    assert_eq "$stderr" ""
    assert_match "${lines[-1]}" "^verdict: "
    said=$stdout
    run_pamrun_as "$caller" "${@:3:$# - 3}" -u "$account" -- /bin/true
    assert_status "$wanted"
}

@test "the dry run says what a run would end with, and by which rule" {
    local said

    assert_both 0 prt_bob prt_alice
    assert_eq "$said" "allowed: profile su: profile = su (default)
allowed: user prt_alice, user id $alice_uid: minimum-user-id = auto (default), which is $uid_min here
allowed: groups of prt_alice: required-groups is empty (default)
verdict: allowed: prt_bob as prt_alice, profile su; PAM was not asked"
    assert_both 77 prt_bob root
    assert_eq "$said" "allowed: profile su: profile = su (default)
refused: user root, user id 0: minimum-user-id = auto (default), which is $uid_min here
allowed: groups of root: required-groups is empty (default)
verdict: refused: prt_bob as root, profile su; pamrun would end with status 77"
    assert_both 0 root root

    assert_both 77 prt_bob --profile prt_web prt_alice
    assert_eq "$said" "refused: profile prt_web: user-profiles is empty (default)
verdict: refused: prt_bob as prt_alice; pamrun would end with status 77"
    assert_both 0 root --profile prt_web prt_alice
    assert_contains "$said" "allowed: profile prt_web: root may use any"

    site_policy < <(printf '%s\n' "user-profiles = prt_web" "minimum-user-id = 0" "[profile prt_web]" \
        "minimum-user-id = $((alice_uid + 1))" "required-groups = prt_hpc")
    assert_both 0 prt_bob root
    assert_contains "$said" "allowed: user root, user id 0: minimum-user-id = 0 (/etc/pamrun.conf:2)"
    assert_both 77 prt_bob --profile prt_web prt_alice
    assert_contains "$said" "allowed: profile prt_web: user-profiles = prt_web (/etc/pamrun.conf:1)"
    assert_contains "$said" \
        "refused: user prt_alice, user id $alice_uid: minimum-user-id = $((alice_uid + 1)) (/etc/pamrun.conf:4)"
    assert_contains "$said" "allowed: groups of prt_alice: required-groups = prt_hpc (/etc/pamrun.conf:5)"

    site_policy <<<"required-groups = prt_hpc"
    assert_both 0 prt_bob prt_alice
    assert_both 77 root prt_bob
    assert_contains "$said" "refused: groups of prt_bob: required-groups = prt_hpc (/etc/pamrun.conf:1)"

    site_policy <<<"profile = prt_missing"
    assert_both 69 prt_bob prt_alice
    assert_contains "$said" "fails: profile prt_missing: no such file in /etc/pam.d"
    site_policy <<<"cgroup = require"
    assert_both 0 prt_bob prt_alice
}

@test "the dry run of a delegate: profile, account, commands and options" {
    local said

    site_policy <<'END'
[delegate prt_svc]
profiles = su
accounts = prt_bob @prt_hpc
commands = /bin/true
END
    assert_both 0 prt_svc prt_alice
    assert_eq "$said" "note: prt_svc is a delegate, and does not authenticate
allowed: profile su: profiles = su (/etc/pamrun.conf:2)
allowed: user prt_alice, user id $alice_uid: accounts = prt_bob @prt_hpc (/etc/pamrun.conf:3); by a group never root, \
and minimum-user-id = auto (default), which is $uid_min here
allowed: groups of prt_alice: required-groups is empty (default)
note: other commands than these are refused: commands = /bin/true (/etc/pamrun.conf:4)
note: other options for root than these are refused: options is not set
verdict: allowed: prt_svc as prt_alice, profile su; PAM was not asked"
    assert_both 0 prt_svc prt_bob
    assert_both 77 prt_svc prt_odd
    assert_contains "$said" "refused: user prt_odd, user id $(id -u prt_odd): accounts = prt_bob @prt_hpc"
    assert_both 77 prt_svc --profile prt_web prt_alice
    assert_contains "$said" "refused: profile prt_web: profiles = su (/etc/pamrun.conf:2)"
    site_policy < <(printf '%s\n' "[delegate prt_svc]" "profiles = su" "accounts = prt_alice")
    assert_both 77 prt_svc prt_alice
    assert_contains "$said" "refused: every command: commands is not set"
}

@test "the dry run of an identity" {
    site_policy <<'END'
identity-rewrite = ^UID-(prt_[a-z]+)$ $1
[delegate prt_svc]
profiles = su
accounts = prt_alice
commands = /bin/true
options = identity
END
    for caller in root prt_svc; do
        config --caller $caller --identity UID-prt_alice
        assert_eq "$status $stderr" "0 "
        assert_contains "$stdout" "allowed: identity UID-prt_alice: is user prt_alice: identity-map is empty (default), \
identity-rewrite = ^UID-(prt_[a-z]+)\$ \$1 (/etc/pamrun.conf:1)"
        assert_contains "$stdout" "verdict: allowed: $caller as prt_alice, profile su"
        run_pamrun_as $caller --identity UID-prt_alice -- /bin/true
        assert_status 0
    done
    config --identity nonsense
    assert_status 77
    assert_contains "$stdout" "verdict: refused: root, profile su"
    config --identity UID-prt_alice --account prt_bob
    assert_status 77
    assert_eq "$stderr" "pamrunctl: config: the identity means user prt_alice, and --account is prt_bob"
    config --caller prt_bob --identity UID-prt_alice
    assert_status 77
    assert_contains "$stdout" "refused: --identity: only root and delegates may use it"
}

@test "what else holds for a caller is a note: passwords, shells" {
    site_policy <<<"forward-password = no"
    config --caller prt_bob --account prt_odd
    assert_status 0
    assert_contains "$stdout" "note: a forwarded password is refused: forward-password = no (/etc/pamrun.conf:1)"
    assert_contains "$stdout" \
        "note: -u is refused, and -s, -p and -w do nothing: /bin/cat, the shell of prt_odd, is not in /etc/shells"
    run_pamrun_as prt_bob -u prt_odd -- true
    assert_status 77
    config --account prt_odd
    assert_status 0
    refute_contains "$stdout" note
}

@test "a second name of a user id is no caller's: a run takes its first" {
    local said="config: --caller prt_alias: a run takes its caller, user id $alice_uid, for prt_alice"

    make_user prt_alias -M -o -u "$alice_uid"
    site_policy <<'END'
[delegate prt_alias]
profiles = su
accounts = prt_bob
commands = /bin/id
END
    config --caller prt_alias --account prt_bob
    assert_status 0
    assert_eq "$stderr" "pamrunctl: $said"
    assert_contains "$stdout" "verdict: allowed: prt_alice as prt_bob, profile su; PAM was not asked"
    config
    assert_contains "$stderr" "warning: [delegate prt_alias]: a run takes its caller, user id $alice_uid, for prt_alice: [delegate prt_alice]"
    # so he has to authenticate
    run_pamrun_as prt_alias -u prt_bob -- /bin/id -un
    assert_eq "$status $stdout" "0 prt_bob"
    assert_contains "$(probe_order)" authenticate
}

@test "without --account it is about the profile, without --caller about who asks" {
    run_pamrunctl_as prt_bob config --caller prt_bob
    assert_says 0 <<'END'
allowed: profile su: profile = su (default)
verdict: allowed: prt_bob, profile su; PAM was not asked
END
    run_pamrunctl_as prt_bob config --account prt_alice
    assert_status 0
    assert_contains "$stdout" "verdict: allowed: prt_bob as prt_alice, profile su"
    run_pamrunctl_as prt_bob config --account root
    assert_status 77
}

@test "only root may ask about others" {
    local caller

    for caller in root prt_alice; do
        run_pamrunctl_as prt_bob config --caller $caller --account prt_alice
        assert_status 77
        assert_eq "$stdout" ""
        assert_eq "$stderr" "pamrunctl: config: --caller $caller: only root may ask about others
hint: without --caller it is about prt_bob, who asks"
    done
    config --caller prt_alice --account prt_bob
    assert_status 0
}

@test "users whom nobody knows: 67, and what may be wrong" {
    local option

    for option in --caller --account; do
        config $option prt_nobody
        assert_status 67
        assert_match "$stderr" "^pamrunctl: user prt_nobody: does not exist"$'\n'"hint: getent passwd 'prt_nobody' "
    done
    config --account -x
    assert_status 64
}

@test "no module is asked, and nothing is logged" {
    site_policy <<<"user-profiles = prt_web"
    log_start
    config
    config --caller prt_bob --account prt_alice
    assert_status 0
    assert_eq "$(probe_log)" ""
    assert_eq "$(log_lines)" ""
}

# ---- the program ----------------------------------------------------------------------------------------------

@test "pamrunctl is not setuid, and nothing of it is in pamrun" {
    assert_eq "$(stat -c '%a %U %G' "$PAMRUNCTL")" "755 root root"
    refute grep -q "pamrunctl VERB" "$PAMRUN"
    refute grep -q "verdict: " "$PAMRUN"
    assert grep -q "verdict: " "$PAMRUNCTL"
}

@test "help and version are on stdout, for all verbs and for one" {
    local words

    for words in --help -h; do
        run_pamrunctl $words
        assert_eq "$status $stderr" "0 "
        assert_match "$stdout" '^Usage: pamrunctl VERB '
        run_pamrunctl config --caller x $words
        assert_eq "$status $stderr" "0 "
        assert_match "$stdout" '^Usage: pamrunctl config '
    done
    for words in --version -V; do
        run_pamrunctl $words
        assert_eq "$status $stderr" "0 "
        assert_match "$stdout" '^pamrunctl [0-9.]+$'
    done
}

@test "a wrong command line: 64, and where to read" {
    assert_usage() # MESSAGE ARGUMENT...
    {
        run_pamrunctl "${@:2}"
        assert_status 64
        assert_eq "$stdout" ""
        assert_match "$stderr" "^pamrunctl: $1"$'\n''hint: pamrunctl (config )?--help, or man 8 pamrunctl$'
    }
    assert_usage "no verb was given: what is to be done\?"
    assert_usage "conf: no such verb" conf
    assert_usage "--hel: no such option" --hel
    assert_usage "config: --prof: no such option" config --prof su
    assert_usage "config: -p: no such option" config -p su
    assert_usage "config: --caller: needs USER" config --caller
    assert_usage "config: --caller=: needs USER" config --caller=
    assert_usage "config: prt_bob: takes options only" config prt_bob
    run_program bash -c 'exec -a "" "$1"' bash "$PAMRUNCTL"
    assert_status 64
}

@test "output that cannot be written is an error" {
    run_program sh -c 'exec "$0" config >/dev/full' "$PAMRUNCTL"
    assert_status 71
    assert_eq "$stderr" "pamrunctl: standard output: No space left on device"
    run_program sh -c 'exec "$0" --help >/dev/full' "$PAMRUNCTL"
    assert_status 71
    run_program sh -c 'exec "$0" config --account prt_alice >&-' "$PAMRUNCTL"
    assert_status 71
    assert_eq "$stderr" "pamrunctl: standard output: Bad file descriptor"
}
