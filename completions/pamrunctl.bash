# bash completion for pamrunctl(8).  Works without the bash-completion package.

_pamrunctl_verbs='check close config env list open profiles recover refresh trace wait'

# One option a line: verb, word, what its value is (- for none).
_pamrunctl_options='
check --profile profile
check --as-caller user
check --forward-password-fd text
check --forward-answers-fd text
check --any-prompt -
check --pam-setenv text
check --pam-rhost text
check --deadline deadline
check --json -
check --node -
check --user user
profiles --json -
close --id id
close --missing-ok -
close --user user
close --uid text
close --profile profile
close --force -
close --pid text
close --timeout text
config --profile profile
config --caller user
config --account user
config --identity text
trace --profile profile
trace --as-caller user
trace --forward-password-fd text
trace --forward-answers-fd text
trace --any-prompt -
trace --pam-setenv text
trace --pam-rhost text
trace --deadline deadline
trace --json -
env --user user
env --uid text
env --id id
env --profile profile
env --format format
list --json -
list --user user
list --uid text
list --id id
list --profile profile
open --user user
open --uid text
open --identity text
open --profile profile
open --id text
open --lease text
open --on-refusal mark
refresh --user user
refresh --uid text
refresh --id id
refresh --profile profile
refresh --timeout text
wait --user user
wait --uid text
wait --id id
wait --profile profile
wait --timeout text
'

# Set `kind`: what the value of option $2 of verb $1 is; empty if there is no such option.
_pamrunctl_kind()
{
    local verb word value

    kind=''
    while read -r verb word value; do
        if [ "$1" = "$verb" ] && [ "$2" = "$word" ]; then
            kind=$value
            return
        fi
    done <<<"$_pamrunctl_options"
}

_pamrunctl_profiles()
{
    local path name

    for path in /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* /usr/share/pam.d/*; do
        name=${path##*/}
        if [ -f "$path" ] && [[ $name =~ ^[a-z0-9][a-z0-9_.-]*$ ]]; then
            echo "$name"
        fi
    done
}

# What stands behind the options of a verb: the kind of its first word, then that of the others (- for none).
_pamrunctl_operands='
check user operation
trace user operation
'

# Set `kind`: what operand number $2, from 0 on, of verb $1 is; empty if it takes none.
_pamrunctl_operand_kind()
{
    local verb first others

    kind=''
    while read -r verb first others; do
        if [ "$1" = "$verb" ]; then
            kind=$first
            [ "$2" -eq 0 ] || kind=$others
            return 0
        fi
    done <<<"$_pamrunctl_operands"
}

_pamrunctl_words='authenticate acct_mgmt setcred open_session close_session chauthtok'

# Names of holds, and of jobs that were refused: for root, nobody else can list them.
_pamrunctl_ids()
{
    local path name

    for path in /run/pamrun/*/leases/@* /run/pamrun/refused/*; do
        name=${path##*/}
        [ ! -f "$path" ] || echo "${name#@}"
    done
}

# Complete a value of some kind.  _pamrunctl_value KIND CURRENT
_pamrunctl_value()
{
    case $1 in
    user) mapfile -t COMPREPLY < <(compgen -u -- "$2") ;;
    profile) mapfile -t COMPREPLY < <(compgen -W "$(_pamrunctl_profiles)" -- "$2") ;;
    operation) mapfile -t COMPREPLY < <(compgen -W "$_pamrunctl_words" -- "$2") ;;
    deadline)
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -S = -W "${_pamrunctl_words} delete_cred" -- "$2")
        ;;
    id) mapfile -t COMPREPLY < <(compgen -W "$(_pamrunctl_ids)" -- "$2") ;;
    format) mapfile -t COMPREPLY < <(compgen -W 'sh nul json slurm-task' -- "$2") ;;
    mark) mapfile -t COMPREPLY < <(compgen -W 'mark' -- "$2") ;;
    esac
}

_pamrunctl()
{
    local current=${COMP_WORDS[COMP_CWORD]} word kind='' pending='' verb='' operands=0 only_operands='' node='' at

    COMPREPLY=()
    # "=" cuts words here: --profile=su is three.
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [ -n "$pending" ]; then
            [ "$word" = = ] || pending=''
        elif [ -z "$verb" ]; then
            verb=$word
        elif [ "$word" = = ]; then # what is behind it belongs to the word before: --pam-setenv A=B
            ((at++))
        elif [ -n "$only_operands" ] || [[ $word != -* ]]; then
            ((operands += 1))
        elif [ "$word" = -- ]; then
            only_operands=yes
        else
            [ "$word" != --node ] || node=yes
            _pamrunctl_kind "$verb" "$word"
            [ "$kind" = - ] || pending=$kind
        fi
    done
    [ "$current" != = ] || current=''
    if [ -n "$pending" ]; then
        _pamrunctl_value "$pending" "$current"
    elif [ -n "$verb" ] && _pamrunctl_operand_kind "$verb" "$operands" && [ -n "$kind" ] &&
        { [ -n "$only_operands" ] || [[ $current != -* ]]; }; then
        [ -z "$node" ] || kind=profile
        _pamrunctl_value "$kind" "$current"
    elif [ -n "$verb" ]; then
        mapfile -t COMPREPLY < <(compgen -W "--help
            $(awk -v verb="$verb" '$1 == verb { print $2 }' <<<"$_pamrunctl_options")" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '--help --version' -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$_pamrunctl_verbs" -- "$current")
    fi
}

complete -F _pamrunctl pamrunctl
