# bash completion for pamrunctl(8).  Works without the bash-completion package.

_pamrunctl_verbs='config'

# One option a line: verb, word, what its value is (- for none).
_pamrunctl_options='
config --profile profile
config --caller user
config --account user
config --identity text
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

# Complete a value of some kind.  _pamrunctl_value KIND CURRENT
_pamrunctl_value()
{
    case $1 in
    user) mapfile -t COMPREPLY < <(compgen -u -- "$2") ;;
    profile) mapfile -t COMPREPLY < <(compgen -W "$(_pamrunctl_profiles)" -- "$2") ;;
    esac
}

_pamrunctl()
{
    local current=${COMP_WORDS[COMP_CWORD]} word kind='' pending='' verb='' at

    COMPREPLY=()
    # "=" cuts words here: --profile=su is three.
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [ -n "$pending" ]; then
            [ "$word" = = ] || pending=''
        elif [ -z "$verb" ]; then
            verb=$word
        elif [ "$word" = -- ]; then
            return
        else
            _pamrunctl_kind "$verb" "$word"
            [ "$kind" = - ] || pending=$kind
        fi
    done
    [ "$current" != = ] || current=''
    if [ -n "$pending" ]; then
        _pamrunctl_value "$pending" "$current"
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
