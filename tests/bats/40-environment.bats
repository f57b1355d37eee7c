# The command's environment: su's rules for the base, the PAM environment over it, and what never passes.

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_job
    probe_profile su
    probe_profile su-l
}

# Run pamrun with exactly these variables: NAME=VALUE... -- OPTION...
with_environment()
{
    local variables=()

    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    run_program env -i "${variables[@]}" ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} \
        "$PAMRUN" --profile prt_job "${@:2}"
}

# The same, with entries that env(1) would not make: twice the same name, no '=', and so on.
with_raw_environment()
{
    local entries=()

    while [ "$1" != -- ]; do
        entries+=("$1")
        shift
    done
    [ -z "${ASAN_OPTIONS-}" ] || entries+=("ASAN_OPTIONS=$ASAN_OPTIONS")
    cat >"$TEST_DIR/launch.py" <<'END'
import ctypes, os, sys
def array(words):
    return (ctypes.c_char_p * (len(words) + 1))(*[os.fsencode(word) for word in words], None)
count = int(sys.argv[1])
entries, command = sys.argv[2:2 + count], sys.argv[2 + count:]
ctypes.CDLL(None).execve(os.fsencode(command[0]), array(command), array(entries))
END
    run_program python3 "$TEST_DIR/launch.py" "${#entries[@]}" "${entries[@]}" "$PAMRUN" --profile prt_job "${@:2}"
}

# The value of NAME in the output of env; fails when it is not there, or there twice.
value_of() # NAME
{
    [ "$(grep -c "^$1=" <<<"$stdout")" -eq 1 ] || return 1
    sed -n "s/^$1=//p" <<<"$stdout"
}

assert_set() # NAME VALUE
{
    local value

    value=$(value_of "$1") || fail_because "$1 is not there once"
    assert_eq "$value" "$2" "$1"
}

assert_unset() # NAME...
{
    local name

    for name; do
        refute grep -qE "^$name(=|%)" <<<"$stdout"
    done
}

# ---- as su ----------------------------------------------------------------------------------------------------

# env(1) as the shell: no profile of a shell comes between.  COLORTERM and NO_COLOR: older su drops them.
@test "the environment is su's, with every form that decides it" {
    local words mine variables=(PATH=/opt/own:/usr/bin:/bin TERM=vt100 LANG=C.UTF-8 OTHER=o HOME=/applicant
        SHELL=/bin/dash USER=applicant LOGNAME=applicant MAIL=/applicant/mail KEEP=k "ODD=a b" EMPTY=)

    for words in prt_alice "-l prt_alice" "-p prt_alice" "-l -w KEEP,OTHER prt_alice" \
        "-l -w KEEP,MISSING,PATH prt_alice" "-w KEEP prt_alice" root "-l root" "-p root" "-l -w EMPTY,TERM root" \
        "- prt_alice"; do
        # shellcheck disable=SC2086 # words
        run_program env -i "${variables[@]}" "$PAMRUN" -s /usr/bin/env $words
        assert_status 0
        mine=$(sort <<<"$stdout")
        # shellcheck disable=SC2086 # words
        run_program env -i "${variables[@]}" su -s /usr/bin/env $words
        assert_eq "$mine" "$(sort <<<"$stdout")" "$words"
        assert_match "$mine" HOME=
    done
}

@test "the command form keeps the caller's variables and sets home and names" {
    with_environment PATH=/usr/bin:/bin HOME=/applicant USER=x LOGNAME=x SHELL=/bin/dash OTHER=o -- -u prt_alice -- env
    assert_status 0
    assert_set HOME /home/prt_alice
    assert_set USER prt_alice
    assert_set LOGNAME prt_alice
    assert_set OTHER o
    assert_set PATH /usr/bin:/bin
}

@test "with root as the account the names stay the caller's, as under su" {
    with_environment PATH=/usr/bin:/bin HOME=/x USER=caller LOGNAME=caller -- -u root -- env
    assert_set HOME /root
    assert_set USER caller
    assert_set LOGNAME caller
}

@test "a login starts from scratch: nothing of the caller's but what a terminal needs" {
    with_environment PATH=/opt/own TERM=vt100 COLORTERM=c NO_COLOR=n LANG=de_DE OTHER=o HOME=/x USER=x DISPLAY=:0 \
        -- -l -s /usr/bin/env prt_alice
    assert_status 0
    assert_set TERM vt100
    assert_set COLORTERM c
    assert_set NO_COLOR n
    assert_set HOME /home/prt_alice
    assert_set SHELL /usr/bin/env
    assert_set USER prt_alice
    assert_set LOGNAME prt_alice
    assert_unset LANG OTHER DISPLAY
    refute_contains "$(value_of PATH)" /opt/own
}

@test "-w takes no name with an = in it, which would be the beginning of another variable's value" {
    with_environment ENV=/tmp/x= HOME=/tmp/y= -- -l -w ENV=/tmp/x,HOME=/tmp/y -s /usr/bin/env prt_alice
    assert_status 64
    assert_contains "$stderr" "--whitelist-environment 'ENV=/tmp/x,HOME=/tmp/y': needs names of variables"
}

@test "-w keeps what it names, but no name that never passes" {
    with_environment PATH=/usr/bin A=1 B=2 C=3 LD_PRELOAD=/x BASH_ENV=/x IFS=x -- \
        -l -w A,,B -w LD_PRELOAD,BASH_ENV,IFS,HOME,MISSING -s /usr/bin/env prt_alice
    assert_set A 1
    assert_set B 2
    assert_unset C LD_PRELOAD BASH_ENV IFS MISSING
    assert_set HOME /home/prt_alice
}

@test "-p keeps home, shell, names and path, but no name that never passes" {
    with_environment PATH=/usr/bin:/opt/own HOME=/applicant SHELL=/bin/dash USER=x LOGNAME=y LD_PRELOAD=/x ENV=/x -- \
        -p prt_alice -c env
    assert_status 0
    assert_set HOME /applicant
    assert_set SHELL /bin/dash
    assert_set USER x
    assert_set LOGNAME y
    assert_set PATH /usr/bin:/opt/own
    assert_unset LD_PRELOAD ENV
}

@test "without any environment there is enough to run" {
    with_environment -- -u prt_alice -- /usr/bin/env
    assert_status 0
    assert_set HOME /home/prt_alice
    assert_set USER prt_alice
    with_environment -- -l prt_alice -c env
    assert_status 0
    assert_match "$(value_of PATH)" /bin
}

# ---- what never passes ----------------------------------------------------------------------------------------

# Names that loader, libc or shells obey before a program's first line.
HOSTILE=(LD_LIBRARY_PATH LD_AUDIT LD_DEBUG_OUTPUT LD_PROFILE_OUTPUT LD_ANYTHING GCONV_PATH LOCPATH NLSPATH
    GLIBC_TUNABLES MALLOC_CHECK_ HOSTALIASES RES_OPTIONS LOCALDOMAIN IFS ENV BASH_ENV SHELLOPTS BASHOPTS PS4 CDPATH)

@test "what loader, libc and shells obey does not pass from the caller, root or not" {
    local form name variables=()

    for name in "${HOSTILE[@]}"; do
        variables+=("$name=/evil")
    done
    for form in "-u prt_alice -- env" "-u root -- env" "-p -s /bin/dash prt_alice -c env" \
        "--exec -u prt_alice -- env"; do
        # shellcheck disable=SC2086 # words
        with_environment PATH=/usr/bin:/bin OTHER=o "${variables[@]}" -- $form
        assert_status 0
        assert_set OTHER o
        for name in "${HOSTILE[@]}"; do
            assert_unset "$name"
        done
        refute_contains "$stdout" /evil
    done
}

@test "what loader, libc and shells obey does not pass from a module" {
    local name

    for name in "${HOSTILE[@]}" LD_PRELOAD 'BASH_FUNC_ls%%'; do
        echo "open_session env $name=/evil"
    done | probe_script
    with_environment PATH=/usr/bin:/bin -- -u prt_alice -- env
    assert_status 0
    assert_eq "$(probe_field open_session failed)" ""
    refute_contains "$stdout" /evil
}

@test "shell functions do not pass, by name or by value" {
    probe_script <<'END'
open_session env PAMFUNC=() { echo evil; }
END
    with_raw_environment 'BASH_FUNC_id%%=() { echo evil; }' 'BASH_FUNC_ls()=() { echo evil; }' \
        'func=() { :;}; echo evil' 'PATH=/usr/bin:/bin' 'PLAIN=() no function' -- -u prt_alice -- env
    assert_status 0
    refute_contains "$stdout" evil
    assert_set PLAIN "() no function"
    with_raw_environment 'BASH_FUNC_id%%=() { echo evil; }' 'PATH=/usr/bin:/bin' -- -s /bin/bash prt_alice -c id
    assert_contains "$stdout" uid=
}

@test "entries without a proper name do not pass, and of a name that is there twice the first counts" {
    with_raw_environment TWICE=first PATH=/usr/bin:/bin TWICE=second NOEQUALS =novalue 'SP ACE=x' '1DIGIT=x' \
        $'NEW\nLINE=x' $'CTRL\001=x' "" GOOD=g HOME=/one HOME=/two USER=one USER=two -- -u prt_alice -- env
    assert_status 0
    assert_set TWICE first
    assert_set GOOD g
    assert_set HOME /home/prt_alice
    assert_set USER prt_alice
    assert_unset NOEQUALS 1DIGIT 'SP ACE' LINE
    refute grep -qE '^(=|$|NOEQUALS|NEW|CTRL)' <<<"$stdout"
}

@test "-p with a name that is there twice passes the first only" {
    with_raw_environment HOME=/one HOME=/two PATH=/usr/bin:/bin PATH=/evil LD_PRELOAD= LD_PRELOAD=/evil -- \
        -p -s /bin/dash prt_alice -c env
    assert_set HOME /one
    assert_set PATH /usr/bin:/bin
    assert_unset LD_PRELOAD
}

@test "a large environment passes whole" {
    with_environment PATH=/usr/bin:/bin "LARGE=$(head -c 100000 /dev/zero | tr '\0' x)" "ODD= =a\\b'\"" \
        -- -u prt_alice -- env
    assert_status 0
    assert_eq "$(value_of LARGE | wc -c)" 100001
    assert_set ODD " =a\\b'\""
}

# ---- from PAM -------------------------------------------------------------------------------------------------

@test "the PAM environment is laid over the base, in every form" {
    local form

    probe_script <<'END'
authenticate env EARLY=auth
setcred-establish env KRB5CCNAME=FILE:/tmp/krb5cc
open_session env BOTH=pam
open_session env PATH=/pam/bin:/usr/bin:/bin
open_session env EMPTY=
END
    for form in "-u prt_alice -- env" "-l -s /usr/bin/env prt_alice" "-p -s /bin/dash prt_alice -c env" \
        "prt_alice -c env" "--exec -u prt_alice -- env"; do
        # shellcheck disable=SC2086 # words
        with_environment BOTH=caller PATH=/usr/bin:/bin -- $form
        assert_status 0
        assert_set EARLY auth
        assert_set KRB5CCNAME FILE:/tmp/krb5cc
        assert_set BOTH pam
        assert_set PATH /pam/bin:/usr/bin:/bin
        assert_set EMPTY ""
    done
}

@test "what a module takes back is not set" {
    probe_script <<'END'
authenticate env GONE=1
open_session unenv GONE
END
    with_environment PATH=/usr/bin:/bin -- -u prt_alice -- env
    assert_unset GONE
}

@test "home, shell and names are never a module's" {
    local form

    probe_script <<'END'
open_session env HOME=/evil
open_session env SHELL=/evil
open_session env USER=evil
open_session env LOGNAME=evil
END
    for form in "-u prt_alice -- env" "-l prt_alice -c env" "prt_alice -c env"; do
        # shellcheck disable=SC2086 # words
        with_environment PATH=/usr/bin:/bin HOME=/x SHELL=/x USER=x LOGNAME=x -- $form
        assert_status 0
        assert_set HOME /home/prt_alice
        assert_set USER prt_alice
        assert_set LOGNAME prt_alice
        refute_contains "$stdout" evil
    done
}

@test "names that are none do not pass from a module" {
    probe_script <<'END'
open_session env SP ACE=evil
open_session env 1DIGIT=evil
open_session env NEW\nLINE=evil
open_session env FINE=f
END
    with_environment PATH=/usr/bin:/bin -- -u prt_alice -- env
    assert_status 0
    assert_set FINE f
    refute_contains "$stdout" evil
}

@test "the command is looked up on the PATH that it gets" {
    install -d -m 0755 "$TEST_DIR" "$TEST_DIR/bin"
    printf '#!/bin/sh\necho mine\n' >"$TEST_DIR/bin/prt-tool"
    chmod 0755 "$TEST_DIR/bin/prt-tool"
    with_environment "PATH=$TEST_DIR/bin:/usr/bin:/bin" -- -u prt_alice -- prt-tool
    assert_eq "$status $stdout" "0 mine"
    with_environment PATH=/usr/bin:/bin -- -u prt_alice -- prt-tool
    assert_status 127
    probe_script <<<"open_session env PATH=$TEST_DIR/bin:/usr/bin:/bin"
    with_environment PATH=/usr/bin:/bin -- -u prt_alice -- prt-tool
    assert_eq "$status $stdout" "0 mine"
}

# ---- the session of a desktop ---------------------------------------------------------------------------------

@test "the caller's runtime directory and session bus do not pass, the account's do" {
    local path

    install -d -m 0700 "$TEST_DIR/roots"
    install -d -m 0700 -o prt_alice "$TEST_DIR/alices"
    with_environment PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=$TEST_DIR/roots" DBUS_SESSION_BUS_ADDRESS=unix:path=/run/x \
        XDG_SESSION_ID=7 -- -u prt_alice -- env
    assert_status 0
    assert_unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS XDG_SESSION_ID
    with_environment PATH=/usr/bin:/bin DBUS_SESSION_BUS_ADDRESS=unix:path=/run/x XDG_RUNTIME_DIR=/no/such/directory \
        -- -u prt_alice -- env
    assert_unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
    # one that others may enter, or that is somewhere else for whoever changes directories
    install -d -m 0750 -o prt_alice "$TEST_DIR/entered"
    ln -s alices "$TEST_DIR/moved"
    cd "$TEST_DIR"
    for path in "$TEST_DIR/entered" alices ./alices "$TEST_DIR/moved" "$TEST_DIR/moved/"; do
        with_environment PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=$path" XDG_SEAT=seat0 -- -u prt_alice -- env
        assert_unset XDG_RUNTIME_DIR XDG_SEAT
    done
    with_environment PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=$TEST_DIR/alices" -- -u prt_alice -- env
    assert_set XDG_RUNTIME_DIR "$TEST_DIR/alices"
}

@test "a runtime directory from a module passes only when it is the account's directory" {
    local path

    install -d -m 0700 "$TEST_DIR/roots"
    install -d -m 0700 -o prt_alice "$TEST_DIR/alices"
    install -m 0600 -o prt_alice /dev/null "$TEST_DIR/file"
    ln -s "$TEST_DIR/roots" "$TEST_DIR/link"
    chown -h prt_alice "$TEST_DIR/link"
    install -d -m 0701 -o prt_alice "$TEST_DIR/entered"
    cd "$TEST_DIR"
    for path in "$TEST_DIR/roots" "$TEST_DIR/file" "$TEST_DIR/link" /no/such/directory "$TEST_DIR/entered" alices; do
        probe_script <<<"open_session env XDG_RUNTIME_DIR=$path"
        with_environment PATH=/usr/bin:/bin -- -u prt_alice -- env
        assert_status 0
        assert_unset XDG_RUNTIME_DIR
    done
    probe_script <<END
open_session env XDG_RUNTIME_DIR=$TEST_DIR/alices
open_session env XDG_SESSION_ID=c7
open_session env DBUS_SESSION_BUS_ADDRESS=unix:path=$TEST_DIR/alices/bus
END
    with_environment PATH=/usr/bin:/bin "XDG_RUNTIME_DIR=$TEST_DIR/roots" -- -u prt_alice -- env
    assert_set XDG_RUNTIME_DIR "$TEST_DIR/alices"
    assert_set XDG_SESSION_ID c7
    assert_set DBUS_SESSION_BUS_ADDRESS "unix:path=$TEST_DIR/alices/bus"
}

# ---- login.defs -----------------------------------------------------------------------------------------------

# Replace the settings of login.defs that su obeys by the lines of stdin.
login_defs()
{
    keep_file /etc/login.defs
    sed -i -E '/^[[:space:]]*(ENV_PATH|ENV_SUPATH|ENV_ROOTPATH|ALWAYS_SET_PATH)/d' /etc/login.defs
    cat >>/etc/login.defs
}

@test "login.defs gives the path of a login: ENV_PATH, and ENV_SUPATH for root" {
    login_defs <<'END'
ENV_PATH	PATH=/defs/bin:/usr/bin:/bin
ENV_SUPATH  PATH=/defs/sbin:/usr/bin:/bin
END
    with_environment PATH=/own:/usr/bin -- -l -s /usr/bin/env prt_alice
    assert_set PATH /defs/bin:/usr/bin:/bin
    with_environment PATH=/own:/usr/bin -- -l -s /usr/bin/env root
    assert_set PATH /defs/sbin:/usr/bin:/bin
    with_environment PATH=/own:/usr/bin:/bin -- -u prt_alice -- env
    assert_set PATH /own:/usr/bin:/bin
}

@test "login.defs: a value without PATH=, one between quotes, and ENV_ROOTPATH" {
    login_defs <<'END'
ENV_PATH "/quoted/bin:/usr/bin:/bin"
ENV_ROOTPATH /rootpath:/usr/bin:/bin
END
    with_environment -- -l prt_alice -s /usr/bin/env
    assert_set PATH /quoted/bin:/usr/bin:/bin
    with_environment -- -l root -s /usr/bin/env
    assert_set PATH /rootpath:/usr/bin:/bin
}

@test "login.defs: ALWAYS_SET_PATH sets the path without a login too, but not with -p" {
    login_defs <<'END'
ENV_PATH PATH=/defs/bin:/usr/bin:/bin
ENV_SUPATH PATH=/defs/sbin:/usr/bin:/bin
ALWAYS_SET_PATH yes
END
    with_environment PATH=/own:/usr/bin:/bin -- -u prt_alice -- env
    assert_set PATH /defs/bin:/usr/bin:/bin
    with_environment PATH=/own:/usr/bin:/bin -- -u root -- env
    assert_set PATH /defs/sbin:/usr/bin:/bin
    with_environment PATH=/own:/usr/bin:/bin -- -p -s /bin/dash prt_alice -c env
    assert_set PATH /own:/usr/bin:/bin
    login_defs <<<'ALWAYS_SET_PATH no'
    with_environment PATH=/own:/usr/bin:/bin -- -u prt_alice -- env
    assert_set PATH /own:/usr/bin:/bin
}

@test "without login.defs, or with a broken one, the paths are su's defaults" {
    keep_file /etc/login.defs
    rm /etc/login.defs
    with_environment -- -l prt_alice -s /usr/bin/env
    assert_set PATH /usr/local/bin:/bin:/usr/bin
    with_environment -- -l root -s /usr/bin/env
    assert_set PATH /usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
    head -c 100000 /dev/urandom >/etc/login.defs
    with_environment -- -l prt_alice -s /usr/bin/env
    assert_set PATH /usr/local/bin:/bin:/usr/bin
    rm /etc/login.defs
    mkfifo /etc/login.defs
    RUN_TIMEOUT=10 with_environment -- -l prt_alice -s /usr/bin/env
    assert_set PATH /usr/local/bin:/bin:/usr/bin
}

# ---- where it starts ------------------------------------------------------------------------------------------

@test "a login starts at home, everything else where the caller was" {
    cd "$TEST_DIR"
    with_environment PATH=/usr/bin:/bin -- -l prt_alice -c pwd
    assert_eq "$stdout" /home/prt_alice
    with_environment PATH=/usr/bin:/bin -- -u prt_alice -- pwd
    assert_eq "$stdout" "$TEST_DIR"
    with_environment PATH=/usr/bin:/bin -- --chdir /usr -l prt_alice -c pwd
    assert_eq "$stdout" /usr
}

@test "a login without a home says so and starts in /" {
    rm -rf /home/prt_alice
    with_environment -- -l -s /bin/pwd prt_alice
    assert_eq "$status $stdout" "0 /"
    assert_match "$stderr" '^pamrun: .*home'
    install -d -o prt_alice -g prt_alice /home/prt_alice
}

@test "a working directory that was removed, or that the account may not enter, is no obstacle as under su" {
    mkdir "$TEST_DIR/gone" "$TEST_DIR/closed"
    chmod 0700 "$TEST_DIR/closed"
    run_program sh -c 'cd "$1"; rmdir "$1"; shift; exec "$@"' sh "$TEST_DIR/gone" \
        "$PAMRUN" --profile prt_job -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
    run_program sh -c 'cd "$1"; shift; exec "$@"' sh "$TEST_DIR/closed" \
        "$PAMRUN" --profile prt_job -u prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}
