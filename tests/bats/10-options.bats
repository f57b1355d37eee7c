# The command line: what is accepted, what is refused, and what is said about it.
# With sanitizers only in full.

load lib/common

# The probe serves the default profiles too: what a wrong command line ran would be seen.
setup_file()
{
    begin_file
    make_user prt_alice
    probe_profile prt_job
    probe_profile su
    probe_profile su-l
}

# stderr says what is wrong and where to read, in one line each, and nothing ran.
assert_usage() # ARGUMENT...
{
    local said

    run_pamrun "$@"
    assert_status 64
    assert_eq "$stdout" ""
    mapfile -t said <<<"$stderr"
    assert_eq "${#said[@]}" 2 "lines on stderr"
    assert_match "${said[0]}" '^pamrun: [^[:cntrl:]]+$'
    assert_match "${said[1]}" '^hint: .*(--help|man 8 pamrun)'
    assert_eq "$(probe_log)" ""
}

# The long options of --help, one a line, "word" or "word ARGUMENT".
help_options()
{
    "$PAMRUN" --help | sed -nE 's/^ +(-., )*--([a-z-]+)( [A-Z=]+)? .*/\2\3/p'
}

job()
{
    run_pamrun --profile prt_job "$@"
}

# ---- about itself ---------------------------------------------------------------------------------------------

@test "--help and -h print the same text on stdout, run nothing, and succeed" {
    local word

    for word in --help -h; do
        run_pamrun "$word"
        assert_status 0
        assert_match "$stdout" '^Usage:'
        assert_contains "$stdout" "pamrun [options] -u user [--] command [argument...]"
        assert_contains "$stdout" --close-on-exit
        assert_eq "$stderr" ""
    done
    assert_eq "$(probe_log)" ""
}

@test "--version and -V print one line on stdout, run nothing, and succeed" {
    local word

    for word in --version -V; do
        run_pamrun "$word"
        assert_status 0
        assert_match "$stdout" '^pamrun [0-9]+\.[0-9]+'
        assert_one_line "$stdout"
        assert_eq "$stderr" ""
    done
    assert_eq "$(probe_log)" ""
}

@test "--help and --version are for everybody" {
    run_pamrun_as prt_alice --help
    assert_status 0
    assert_match "$stdout" '^Usage:'
    run_pamrun_as prt_alice --version
    assert_status 0
}

@test "a --help that cannot be written fails" {
    run_program sh -c 'exec "$0" --help >/dev/full' "$PAMRUN"
    assert_status 71
}

# ---- wrong usage ----------------------------------------------------------------------------------------------

@test "an option that does not exist is refused" {
    local word

    for word in --no-such-option -Z -? -lZ --=x --user-name -é; do
        assert_usage --profile prt_job "$word" prt_alice
    done
    assert_usage --profile prt_job -c id prt_alice --no-such-option
}

@test "every option that takes a value is refused without one" {
    local word argument letter count=0

    while read -r word argument; do
        [ -n "$argument" ] || continue
        assert_usage "--$word"
        count=$((count + 1))
    done < <(help_options)
    [ "$count" -ge 15 ]
    for letter in u c s w g G; do
        assert_usage "-$letter"
    done
}

@test "every option that takes no value is refused with one" {
    local word argument count=0

    while read -r word argument; do
        [ -z "$argument" ] || continue
        assert_usage "--$word=1" prt_alice
        count=$((count + 1))
    done < <(help_options)
    [ "$count" -ge 10 ]
}

@test "abbreviated long options are refused" {
    local word argument count=0

    while read -r word argument; do
        assert_usage "--${word%?}${argument:+=x}" -u prt_alice -- true
        [ "${#word}" -le 3 ] || assert_usage "--${word:0:3}${argument:+=x}" -u prt_alice -- true
        count=$((count + 1))
    done < <(help_options)
    [ "$count" -ge 25 ]
}

@test "a command form without a command is refused" {
    assert_usage --profile prt_job -u prt_alice
    assert_usage --profile prt_job -u prt_alice --
    assert_usage --profile prt_job -u prt_alice -- ""
    assert_usage --profile prt_job --account-uid "$(id -u prt_alice)"
    assert_usage -u
}

@test "a user id that is no plain decimal number is refused" {
    local number

    for number in -1 4294967295 4294967296 99999999999 0x10 +5 1e3 5.0 " 5" "5 " "" prt_alice 0b1 ٥; do
        assert_usage --profile prt_job --account-uid "$number" -- true
        assert_usage --profile prt_job "--account-uid=$number" -- true
    done
}

@test "numbers of seconds are checked" {
    local number

    for number in 0 0.000 -1 +1 "" abc 1.2345 1. .5 1e3 0x1 86401 99999999999 Never " 1"; do
        assert_usage --profile prt_job "--kill-after=$number" -u prt_alice -- true
        assert_usage --profile prt_job "--deadline=open_session=$number" -u prt_alice -- true
    done
    for number in 1 0.001 86400 1.5 never; do
        job --kill-after "$number" -u prt_alice -- true
        assert_status 0
    done
}

@test "--deadline needs a step that exists" {
    local value

    for value in nothing=1 authenticate "" = =1 authenticate= pam_authenticate=1 AUTHENTICATE=1 command=1 \
        "authenticate =1" "$(printf 'a%.0s' {1..100})=1"; do
        assert_usage --profile prt_job --deadline "$value" -u prt_alice -- true
    done
}

@test "--json-status-fd needs a descriptor that is not the command's and can be written to" {
    local number

    for number in 0 1 2 -1 "" x 1x 0x9 99999999999; do
        assert_usage --profile prt_job "--json-status-fd=$number" -u prt_alice -- true
    done
    assert_usage --profile prt_job --json-status-fd 99 -u prt_alice -- true
    assert_usage --profile prt_job --json-status-fd 9 -u prt_alice -- true 9</dev/null
}

@test "a forwarded secret needs a descriptor that is not the command's, in plain decimal, and once" {
    local option number

    for option in --forward-password-fd --forward-answers-fd; do
        for number in 0 1 2 -1 -3 "" x 7x 0x7 +7 " 7" "7 " $'7\n' 7.0 07e0 4294967303 18446744073709551623 99999999999; do
            assert_usage --profile prt_job "$option=$number" -u prt_alice -- true 7</dev/null
            assert_usage --profile prt_job "$option" "$number" -u prt_alice -- true 7</dev/null
        done
        assert_usage --profile prt_job "$option" 7 "$option" 8 -u prt_alice -- true 7</dev/null 8</dev/null
        assert_usage --profile prt_job "$option" 7 "$option" 7 -u prt_alice -- true 7</dev/null
    done
}

@test "--pam-setenv needs NAME=VALUE with a plain name" {
    local value

    for value in NAME =value "" "A B=c" A-B=c $'A\nB=c' 'A$=c'; do
        assert_usage --profile prt_job --pam-setenv "$value" -u prt_alice -- true
    done
}

@test "--pam-rhost needs 1 to 255 printable characters" {
    local value

    for value in "" "a b" $'a\nb' $'a\tb' $'\033[1mhost' $'a\177' "$(printf 'a%.0s' {1..256})"; do
        assert_usage --profile prt_job --pam-rhost "$value" -u prt_alice -- true
    done
}

@test "--chdir needs a directory" {
    assert_usage --profile prt_job --chdir "" -u prt_alice -- true
}

@test "options that contradict each other are refused, in both orders" {
    local pair first second
    local pairs=("-p:--whitelist-environment=A" "--exec:--close-on-exit" "--exec:-P" "--exec:--deadline=close_session=3"
        "--exec:--deadline=delete_cred=3" "--quiet:--verbose" "-m:-wA"
        "--forward-password-fd=7:--forward-answers-fd=8" "--forward-password-fd=7:--json-status-fd=7"
        "--forward-answers-fd=7:--json-status-fd=7" "--any-prompt:--forward-answers-fd=7"
        "--no-auth:--forward-password-fd=7" "--no-auth:--forward-answers-fd=7" "--any-prompt:--quiet"
        "--require-password-used:--quiet")

    for pair in "${pairs[@]}"; do
        first=${pair%%:*} second=${pair#*:}
        assert_usage --profile prt_job "$first" "$second" prt_alice -c true
        assert_usage --profile prt_job "$second" "$first" prt_alice -c true
    done
}

@test "the command form takes no shell, no shell command, and no login" {
    local option form

    for form in -uprt_alice --account-uid=1; do
        for option in -s/bin/sh --shell=/bin/sh -f --fast -cid --command=id --session-command=id -l --login -; do
            assert_usage --profile prt_job "$option" "$form" -- true
        done
        assert_usage --profile prt_job "$form" -l -- true
    done
    assert_usage --profile prt_job -u prt_alice --account-uid 1 -- true
    assert_usage --profile prt_job --account-uid 1 -u prt_alice -- true
}

@test "what is said about hostile words is short and has no control character in it" {
    local word

    for word in $'--\033[31mred' $'--a\nb' $'--\r\x9b' "--$(head -c 100000 /dev/zero | tr '\0' a)"; do
        assert_usage "$word"
        [ ${#stderr} -lt 4000 ]
        [ "$(tr -d '\n' <"$stderr_file" | LC_ALL=C tr -dc '\000-\037\177' | wc -c)" -eq 0 ]
    done
}

# ---- su's form ------------------------------------------------------------------------------------------------

@test "in su's form options are found behind operands too" {
    run_pamrun prt_alice -c 'id -un' --profile prt_job
    assert_eq "$status $stdout" "0 prt_alice"
    run_pamrun -c 'id -un' prt_alice --profile=prt_job
    assert_eq "$status $stdout" "0 prt_alice"
    run_pamrun prt_alice zero --profile prt_job one -c 'echo "$0 $1"'
    assert_eq "$status $stdout" "0 zero one"
    assert_eq "$(probe_field authenticate service)" prt_job
}

@test "-- ends the options of su's form" {
    job prt_alice -c 'echo "$0 $1 $2"' -- -l --profile -c
    assert_eq "$status $stdout" "0 -l --profile -c"
}

@test "words behind the user are the shell's" {
    job -s /bin/echo prt_alice one "two three" 4
    assert_eq "$stdout" "one two three 4"
    job -f -s /bin/echo prt_alice -c 'the command' word
    assert_eq "$stdout" "-f -c the command word"
}

@test "without a user the account is root" {
    job -c 'id -u; echo "$0"'
    assert_status 0
    assert_eq "${lines[0]}" 0
    assert_eq "$(probe_field authenticate user)" root
}

@test "the last of -c, -s and --profile counts" {
    job --profile prt_missing --profile prt_job -c 'echo one' -s /bin/false -s /bin/sh -c 'echo two' prt_alice
    assert_eq "$status $stdout" "0 two"
    run_pamrun --profile prt_job --profile prt_missing -u prt_alice -- true
    assert_status 69
}

@test "letters can be bundled, and values joined" {
    job -lc 'echo "$0:$PWD"' prt_alice
    assert_eq "$status $stdout" "0 -bash:/home/prt_alice"
    job -flc'echo joined' prt_alice
    assert_eq "$status $stdout" "0 joined"
    job -Tuprt_alice id -un
    assert_eq "$status $stdout" "0 prt_alice"
    job -s/bin/sh -cid prt_alice
    assert_contains "$stdout" prt_alice
    job --user=prt_alice -- id -un
    assert_eq "$status $stdout" "0 prt_alice"
}

@test "a mere - is --login, wherever it stands first" {
    job - prt_alice -c 'echo "$0:$PWD:$HOME"'
    assert_eq "$status $stdout" "0 -bash:/home/prt_alice:/home/prt_alice"
    job -c 'echo "$0"' - prt_alice
    assert_eq "$stdout" -bash
    job -c 'echo "$0"' prt_alice
    assert_eq "$stdout" bash
}

@test "the command's exit status is pamrun's, with a shell too" {
    job -c 'exit 5' prt_alice
    assert_status 5
    job -u prt_alice -- sh -c 'exit 255'
    assert_status 255
    job -u prt_alice -- sh -c 'kill -KILL $$'
    assert_status 137
}

# ---- the command form -----------------------------------------------------------------------------------------

@test "in the command form the first operand ends the options" {
    job -u prt_alice echo -l -c --profile --help -u x -- y
    assert_eq "$status $stdout" "0 -l -c --profile --help -u x -- y"
    job -u prt_alice --no-pty --close-on-exit -- echo --close-on-exit
    assert_eq "$status $stdout" "0 --close-on-exit"
    job -u prt_alice -- -no-such-command
    assert_status 127
    job --account-uid "$(id -u prt_alice)" echo -x
    assert_eq "$status $stdout" "0 -x"
}

@test "in the command form no shell is between: words are handed over as they are" {
    job -u prt_alice -- printf '<%s>' 'a b' '' '$HOME' '*' $'new\nline' ';id'
    assert_eq "$stdout" $'<a b><><$HOME><*><new\nline><;id>'
}

# ---- profiles by default --------------------------------------------------------------------------------------

@test "the profile is su, with a login su-l, or su where there is no su-l" {
    run_pamrun -u prt_alice -- true
    assert_eq "$(probe_field authenticate service)" su
    probe_reset
    run_pamrun -l -c true prt_alice
    assert_eq "$(probe_field authenticate service)" su-l
    probe_reset
    run_pamrun --profile prt_job -l -c true prt_alice
    assert_eq "$(probe_field authenticate service)" prt_job
    keep_file /etc/pam.d/su-l
    rm /etc/pam.d/su-l
    probe_reset
    run_pamrun -l -c true prt_alice
    assert_status 0
    assert_eq "$(probe_field authenticate service)" su
}

# ---- all of them ----------------------------------------------------------------------------------------------

@test "every option of --help is accepted in a real run" {
    local word argument count=0
    local -A runs=(
        [user]="--user prt_alice -- echo fine" [account-uid]="--account-uid $(id -u prt_alice) -- echo fine"
        [login]="--login prt_alice -c" [command]="prt_alice --command" [session-command]="prt_alice --session-command"
        [fast]="--fast -c true -s /bin/echo prt_alice fine"
        [shell]="--shell /bin/sh prt_alice -c" [preserve-environment]="--preserve-environment prt_alice -c"
        [whitelist-environment]="--whitelist-environment A,B -l prt_alice -c" [group]="--group prt_alice prt_alice -c"
        [supp-group]="--supp-group prt_alice prt_alice -c" [pty]="--pty prt_alice -c" [no-pty]="--no-pty prt_alice -c"
        [profile]="--profile prt_job prt_alice -c" [close-on-exit]="--close-on-exit prt_alice -c"
        [share]="--share prt_alice -c" [hold]="--share prt_alice -c" [hold-time]="--share prt_alice -c" # 76-share.bats
        [exec]="--exec prt_alice -c" [no-auth]="--no-auth prt_alice -c" [no-account]="--no-account prt_alice -c"
        [no-session]="--no-session prt_alice -c" [pam-setenv]="--pam-setenv A=b prt_alice -c"
        [forward-password-fd]="--forward-password-fd 8 prt_alice -c"
        [forward-answers-fd]="--forward-answers-fd 8 prt_alice -c"
        [any-prompt]="--any-prompt --forward-password-fd 8 prt_alice -c"
        [require-password-used]="--require-password-used --forward-password-fd 8 prt_alice -c"
        [pam-rhost]="--pam-rhost host.example prt_alice -c" [chdir]="--chdir / prt_alice -c"
        [kill-after]="--kill-after 1 prt_alice -c" [deadline]="--deadline setcred=5 prt_alice -c"
        [json-status-fd]="--json-status-fd 7 prt_alice -c" [quiet]="--quiet prt_alice -c"
        [verbose]="--verbose prt_alice -c" [identity]="--identity ours-prt_alice -- echo fine"
        [provision]="--provision prt_alice -c" [minimum-user-id]="--minimum-user-id 1 prt_alice -c"
        [required-group]="--required-group prt_alice prt_alice -c"
        [forward-password-fd]="--forward-password-fd 8 prt_alice -c"
        [forward-answers-fd]="--forward-answers-fd 8 prt_alice -c"
        [any-prompt]="--any-prompt --forward-password-fd 8 prt_alice -c"
        [require-password-used]="--require-password-used --forward-password-fd 8 prt_alice -c"
    )

    site_policy <<<'identity-rewrite = ^ours-([a-z_]+)$ $1'
    install -m 0600 /dev/null "$TEST_DIR/secret"
    echo Right.pass.1 >"$TEST_DIR/secret"

    while read -r word argument; do
        [[ $word != help && $word != version ]] || continue
        [ -n "${runs[$word]-}" ] || fail_because "--$word is in --help, and not in this test"
        probe_script < <([ "$word" != require-password-used ] || echo "authenticate prompt-off Password: ")
        # shellcheck disable=SC2086 # words
        set -- ${runs[$word]}
        if [[ ${runs[$word]} == *fine ]]; then
            job "$@" 7>"$TEST_DIR/events" 8<"$TEST_DIR/secret"
        else
            job "$@" "echo fine" 7>"$TEST_DIR/events" 8<"$TEST_DIR/secret"
        fi
        assert_status 0
        assert_match "$stdout" 'fine.?$'
        count=$((count + 1))
    done < <(help_options)
    [ "$count" -eq "${#runs[@]}" ]
}
