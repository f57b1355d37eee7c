# Completions in real shells: every option of --help, users, groups, profiles, shells.
# With sanitizers only in full.

load lib/common

setup_file()
{
    begin_file
    make_group prt_staff
    make_user prt_alice
    probe_profile prt_complete
}

# Words of --help that are options: long ones, or all.
help_options() # [REGEX]
{
    "$PAMRUN" --help | sed -n '/^Options:/,$p' | grep -E '^ +-' | grep -oE -e '^ +((-[A-Za-z], )*)--[a-z-]+' |
        tr ', ' '\n\n' | grep -E -- "${1---}"
}

# Where it was installed: the program's own prefix.
installed_file() # SUFFIX...
{
    local suffix prefix=${PAMRUN%/bin/pamrun}

    for suffix; do
        if [ -e "$prefix/share/$suffix" ]; then
            echo "$prefix/share/$suffix"
            return
        fi
    done
    echo "not installed: $*" >&2
    return 1
}

assert_offers() # COMPLETIONS WORD...
{
    local word offered=$1

    shift
    for word; do
        grep -qxF -- "$word" <<<"$offered" || fail_because "not offered: $word" "offered: ${offered//$'\n'/ }"
    done
}

refute_offers() # COMPLETIONS WORD
{
    ! grep -qxF -- "$2" <<<"$1" || fail_because "offered: $2"
}

@test "there are options in --help" {
    [ "$(help_options | wc -l)" -ge 32 ]
    assert_contains "$(help_options)" --close-on-exit
    assert_contains "$(help_options)" --forward-password-fd
    assert_contains "$(help_options)" --forward-answers-fd
    assert_contains "$(help_options)" --any-prompt
    assert_contains "$(help_options)" --require-password-used
    assert_contains "$(help_options '^-[a-zA-Z]$')" -u
}

# ---- bash -----------------------------------------------------------------------------------------------------

# What bash offers for LINE of a program, whose last word is the one to be completed (none: the line ends in a blank).
bash_offers() # LINE
{
    # shellcheck disable=SC2016
    env -i PATH="$PATH" HOME=/nonexistent bash --norc --noprofile -c '
        source "$1"
        COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=()
        # as readline cuts words, COMP_WORDBREAKS
        read -ra words <<<"${2//=/ = }"
        COMP_WORDS=("${words[@]}")
        [[ $2 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        function_name=$(complete -p "${words[0]}" | sed -E "s/.*-F ([^ ]+).*/\1/")
        COMPREPLY=()
        "$function_name" "${words[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf "%s\n" "${COMPREPLY[@]}"' bash \
        "$(installed_file "bash-completion/completions/${1%% *}")" "$1"
}

@test "bash completes every long option" {
    local offered

    offered=$(bash_offers 'pamrun --')
    # shellcheck disable=SC2046 # words
    assert_offers "$offered" $(help_options)
    # and no others
    refute grep -vxF -f <(help_options) <<<"$offered"
    assert_eq "$(bash_offers 'pamrun --close')" --close-on-exit
}

@test "bash completes users, groups, profiles, shells and directories where they belong" {
    assert_eq "$(bash_offers 'pamrun -u prt_ali')" prt_alice
    assert_eq "$(bash_offers 'pamrun --user prt_ali')" prt_alice
    assert_eq "$(bash_offers 'pamrun --user=prt_ali')" prt_alice
    assert_eq "$(bash_offers 'pamrun prt_ali')" prt_alice
    assert_eq "$(bash_offers 'pamrun -l prt_ali')" prt_alice
    assert_eq "$(bash_offers 'pamrun -g prt_st')" prt_staff
    assert_eq "$(bash_offers 'pamrun --supp-group prt_st')" prt_staff
    assert_eq "$(bash_offers 'pamrun --profile prt_com')" prt_complete
    assert_offers "$(bash_offers 'pamrun -s /bin/')" /bin/bash
    assert_offers "$(bash_offers 'pamrun --chdir /us')" /usr
    assert_offers "$(bash_offers 'pamrun --deadline ')" open_session=
    assert_offers "$(bash_offers 'pamrun --kill-after ')" never
}

@test "bash takes what is behind -u USER for the command's" {
    assert_offers "$(bash_offers 'pamrun -u prt_alice tru')" true
    refute_offers "$(bash_offers 'pamrun -u prt_alice -- ls --')" --close-on-exit
}

@test "bash completes files among the words of the command and of the shell" {
    touch "$TEST_DIR/prt-file"
    assert_eq "$(bash_offers "pamrun -u prt_alice -- cat $TEST_DIR/prt-f")" "$TEST_DIR/prt-file"
    assert_eq "$(bash_offers "pamrun prt_alice $TEST_DIR/prt-f")" "$TEST_DIR/prt-file"
}

@test "bash completes at a real prompt" {
    run_ptyrun --expect 'PROMPT> ' --send "source $(installed_file bash-completion/completions/pamrun)\\r" \
        --expect 'PROMPT> ' --send 'pamrun --close-on\t-u prt_ali\t\025echo done\r' \
        --expect 'close-on-exit' --expect 'prt_alice' --expect 'PROMPT> ' --send 'exit\r' -- \
        env PS1='PROMPT> ' HISTFILE= TERM=dumb bash --norc --noprofile -i
    assert_contains "$stdout" 'pamrun --close-on-exit -u prt_alice'
}

# ---- zsh ------------------------------------------------------------------------------------------------------

# What a zsh at a terminal shows when LINE is typed and completed, up to TEXT.
zsh_shows() # LINE TEXT
{
    needs zsh
    run_ptyrun --rows 200 --cols 200 --expect 'PROMPT> ' \
        --send "fpath=($(dirname "$(installed_file zsh/site-functions/_pamrun)") \$fpath); autoload -U compinit\\r" \
        --expect 'PROMPT> ' --send 'compinit -u -D; LISTMAX=100000; unsetopt beep; echo read""y\r' --expect ready \
        --expect 'PROMPT> ' --send "$1\\t" --expect "$2" --send '\025exit\r' -- \
        env PS1='PROMPT> ' HOME="$TEST_DIR" TERM=vt100 zsh -f -i
    # the words alone, without what moves the cursor
    stdout=$(sed -E 's/\x1b\[[0-9;?]*[A-Za-z]/ /g' <<<"$stdout")
}

@test "zsh completes every option" {
    local option

    zsh_shows 'pamrun --' '--whitelist-environment'
    assert_status 0
    for option in $(help_options); do
        # at the start of a line, or behind the letter
        assert_match "$stdout" "(^|[[:space:]])$option([[:space:]]|\$)"
    done
}

@test "zsh completes every letter" {
    local letter

    zsh_shows 'pamrun -' '--whitelist-environment'
    for letter in $(help_options '^-[a-zA-Z]$'); do
        assert_match "$stdout" "(^|[[:space:]])$letter([[:space:]]|\$)"
    done
}

@test "zsh completes users, groups, profiles and shells where they belong" {
    zsh_shows 'pamrun -u prt_ali' prt_alice
    assert_status 0
    zsh_shows 'pamrun prt_ali' prt_alice
    assert_status 0
    zsh_shows 'pamrun -g prt_st' prt_staff
    assert_status 0
    zsh_shows 'pamrun --profile prt_com' prt_complete
    assert_status 0
    zsh_shows 'pamrun --profile=prt_com' prt_complete
    assert_status 0
    zsh_shows 'pamrun -s /bin/rba' /bin/rbash
    assert_status 0
}

@test "zsh completes files among the words of the command and of the shell" {
    touch "$TEST_DIR/prt-file"
    zsh_shows "pamrun -u prt_alice -- cat $TEST_DIR/prt-f" prt-file
    assert_status 0
    zsh_shows "pamrun prt_alice $TEST_DIR/prt-f" prt-file
    assert_status 0
}

# ---- fish -----------------------------------------------------------------------------------------------------

# What fish offers for LINE, without the descriptions.
fish_offers() # LINE
{
    needs fish
    env -i PATH="$PATH" HOME="$TEST_DIR" TERM=dumb fish -c 'source $argv[1]; complete -C $argv[2]' \
        "$(installed_file "fish/vendor_completions.d/${1%% *}.fish")" "$1" | cut -f 1
}

@test "fish completes every option and letter" {
    local offered

    offered=$(fish_offers 'pamrun --')
    # shellcheck disable=SC2046 # words
    assert_offers "$(sed 's/=$//' <<<"$offered")" $(help_options)
    offered=$(fish_offers 'pamrun -')
    # shellcheck disable=SC2046 # words
    assert_offers "$offered" $(help_options '^-[a-zA-Z]$')
}

@test "fish completes users, groups, profiles and shells where they belong" {
    assert_eq "$(fish_offers 'pamrun -u prt_ali')" prt_alice
    assert_eq "$(fish_offers 'pamrun --user prt_ali')" prt_alice
    assert_eq "$(fish_offers 'pamrun --user=prt_ali')" --user=prt_alice
    assert_eq "$(fish_offers 'pamrun prt_ali')" prt_alice
    assert_eq "$(fish_offers 'pamrun -g prt_st')" prt_staff
    assert_eq "$(fish_offers 'pamrun --profile prt_com')" prt_complete
    assert_offers "$(fish_offers 'pamrun -s /bin/')" /bin/bash
}

@test "fish completes files among the words of the command and of the shell" {
    touch "$TEST_DIR/prt-file"
    assert_eq "$(fish_offers "pamrun -u prt_alice -- cat $TEST_DIR/prt-f")" "$TEST_DIR/prt-file"
    assert_eq "$(fish_offers "pamrun prt_alice $TEST_DIR/prt-f")" "$TEST_DIR/prt-file"
}

@test "fish takes what is behind -u USER for the command's" {
    refute_offers "$(fish_offers 'pamrun -u prt_alice -- ls --')" --close-on-exit
    assert_offers "$(fish_offers 'pamrun -u prt_alice tru')" true
}

# ---- pamrunctl ------------------------------------------------------------------------------------------------

ctl_verbs()
{
    "$PAMRUNCTL" --help | sed -n '/^Verbs:/,/^$/s/^ \{5\}\([a-z]*\) .*/\1/p'
}

ctl_options() # [VERB]
{
    "$PAMRUNCTL" "$@" --help | sed -n '/^Options:/,/^$/p' | grep -oE -- '--[a-z-]+'
}

@test "pamrunctl has verbs and options in --help" {
    assert_contains "$(ctl_verbs)" config
    assert_contains "$(ctl_options)" --version
    assert_contains "$(ctl_options config)" --caller
    assert_contains "$(ctl_options config)" --profile
}

@test "bash and fish complete pamrunctl's verbs and every option of each, and no others" {
    local shell verb

    for shell in bash fish; do
        assert_eq "$("${shell}_offers" 'pamrunctl ' | LC_ALL=C sort)" "$(ctl_verbs | LC_ALL=C sort)" $shell
        assert_eq "$("${shell}_offers" 'pamrunctl --' | LC_ALL=C sort)" "$(ctl_options | LC_ALL=C sort)" $shell
        for verb in $(ctl_verbs); do
            assert_eq "$("${shell}_offers" "pamrunctl $verb --" | sed 's/=$//' | LC_ALL=C sort)" \
                "$(ctl_options "$verb" | LC_ALL=C sort)" "$shell $verb"
        done
    done
}

@test "bash and fish complete pamrunctl's users and profiles" {
    local shell

    for shell in bash fish; do
        assert_eq "$("${shell}_offers" 'pamrunctl config --caller prt_ali')" prt_alice
        assert_eq "$("${shell}_offers" 'pamrunctl config --caller root --account prt_ali')" prt_alice
        assert_eq "$("${shell}_offers" 'pamrunctl config --profile prt_com')" prt_complete
        assert_eq "$("${shell}_offers" 'pamrunctl config --profile su --acc' | sed 's/=$//')" --account
    done
    assert_eq "$(bash_offers 'pamrunctl config --profile=prt_com')" prt_complete
    assert_eq "$(bash_offers 'pamrunctl config --identity ')" ""
    for shell in bash fish; do
        assert_eq "$("${shell}_offers" 'pamrunctl check --json prt_ali')" prt_alice
        assert_eq "$("${shell}_offers" 'pamrunctl check --pam-setenv A=B prt_alice open_')" open_session
        assert_eq "$("${shell}_offers" 'pamrunctl check --deadline open_')" open_session=
        assert_eq "$("${shell}_offers" 'pamrunctl check --node su prt_com')" prt_complete
    done
    assert_eq "$(bash_offers 'pamrunctl check authent')" ""
}

@test "zsh completes pamrunctl's verbs, every option, users and profiles" {
    local option verb

    for verb in $(ctl_verbs); do
        zsh_shows "pamrunctl ${verb:0:2}" "$verb"
        assert_status 0
        zsh_shows "pamrunctl $verb --" "$(ctl_options "$verb" | tail -n 1)"
        assert_status 0
        for option in $(ctl_options "$verb"); do
            assert_match "$stdout" "(^|[[:space:]])$option([[:space:]]|\$)"
        done
    done
    zsh_shows 'pamrunctl config --caller prt_ali' prt_alice
    assert_status 0
    zsh_shows 'pamrunctl config --profile=prt_com' prt_complete
    assert_status 0
}
