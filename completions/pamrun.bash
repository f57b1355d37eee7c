# bash completion for pamrun(8).  Works without the bash-completion package; with it, arguments of the command
# after -u are completed as the command's own.

# One option a line: letter (- for none), word, what its value is (- for none).
_pamrun_options='
u --user user
- --account-uid uid
l --login -
c --command text
- --session-command text
f --fast -
s --shell shell
m --preserve-environment -
p --preserve-environment -
w --whitelist-environment variables
g --group group
G --supp-group group
P --pty -
T --no-pty -
- --profile profile
- --identity text
- --provision -
- --minimum-user-id text
- --required-group group
- --forward-password-fd text
- --forward-answers-fd text
- --any-prompt -
- --require-password-used -
- --close-on-exit -
- --share -
- --hold text
- --hold-time text
- --exec -
- --no-auth -
- --no-account -
- --no-session -
- --pam-setenv text
- --pam-rhost host
- --chdir directory
- --kill-after grace
- --deadline deadline
- --json-status-fd text
- --quiet -
- --verbose -
h --help -
V --version -
'

# Set `kind`: what the value of option $1 (--word, or one letter) is; empty if there is no such option.
_pamrun_kind()
{
    local letter word value

    kind=''
    while read -r letter word value; do
        if [ "$1" = "$word" ] || { [ "$1" = "$letter" ] && [ "$1" != - ]; }; then
            kind=$value
            return
        fi
    done <<<"$_pamrun_options"
}

_pamrun_profiles()
{
    local path name

    for path in /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* /usr/share/pam.d/*; do
        name=${path##*/}
        if [ -f "$path" ] && [[ $name =~ ^[a-z0-9][a-z0-9_.-]*$ ]]; then
            echo "$name"
        fi
    done
}

# Complete a value of some kind.  _pamrun_value KIND CURRENT
_pamrun_value()
{
    local list='' current=$2

    case $1 in
    user) mapfile -t COMPREPLY < <(compgen -u -- "$current") ;;
    group) mapfile -t COMPREPLY < <(compgen -g -- "$current") ;;
    uid) mapfile -t COMPREPLY < <(compgen -W "$(getent passwd | cut -d: -f3)" -- "$current") ;;
    shell) mapfile -t COMPREPLY < <(compgen -W "$(grep '^/' /etc/shells 2>/dev/null)" -- "$current") ;;
    profile) mapfile -t COMPREPLY < <(compgen -W "$(_pamrun_profiles)" -- "$current") ;;
    host) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current") ;;
    grace) mapfile -t COMPREPLY < <(compgen -W never -- "$current") ;;
    directory)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        ;;
    variables) # NAME,NAME: the last one
        [[ $current != *,* ]] || list=${current%,*},
        mapfile -t COMPREPLY < <(compgen -e -P "$list" -- "${current##*,}")
        compopt -o nospace 2>/dev/null
        ;;
    deadline)
        mapfile -t COMPREPLY < <(compgen -S = -W 'authenticate acct_mgmt chauthtok setcred open_session close_session
            delete_cred' -- "$current")
        compopt -o nospace 2>/dev/null
        ;;
    esac
}

# The command after -u, and its arguments.  _pamrun_command FIRST_WORD CURRENT
_pamrun_command()
{
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [ "$1" -eq "$COMP_CWORD" ]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$2" | sort -u)
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
    fi
}

_pamrun()
{
    local current=${COMP_WORDS[COMP_CWORD]} word kind pending='' after_u='' user='' options=yes at letters

    COMPREPLY=()
    # "=" cuts words here: --profile=su is three, --deadline setcred=5 is four.
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        if [ -n "$pending" ]; then
            [ "$word" = = ] || pending=''
            continue
        fi
        case $word in
        =) ((at++)) ;;
        --)
            options=''
            ((at++))
            break
            ;;
        --*)
            case $word in --user | --account-uid) after_u=yes ;; esac
            _pamrun_kind "$word"
            [ "$kind" = - ] || pending=$kind
            ;;
        -) ;;
        -*)
            for ((letters = 1; letters < ${#word}; letters++)); do
                _pamrun_kind "${word:letters:1}"
                [ "${word:letters:1}" != u ] || after_u=yes
                if [ -n "$kind" ] && [ "$kind" != - ]; then
                    [ "$letters" -lt $((${#word} - 1)) ] || pending=$kind
                    break
                fi
            done
            ;;
        *)
            [ -z "$after_u" ] || break
            user=yes
            ;;
        esac
    done

    if [ -z "$pending" ] && { [ "$current" = = ] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; }; then
        return # what is behind STEP= or NAME=
    fi
    [ "$current" != = ] || current=''
    if [ -n "$pending" ]; then
        _pamrun_value "$pending" "$current"
    elif [ -n "$after_u" ] && { [ "$at" -lt "$COMP_CWORD" ] || [ -z "$options" ] || [[ $current != -* ]]; }; then
        _pamrun_command "$at" "$current"
    elif [ -n "$options" ] && [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(awk '{ print $2 }' <<<"$_pamrun_options" | sort -u)" -- "$current")
    elif [ -z "$user" ] && [ "$at" -eq "$COMP_CWORD" ]; then
        mapfile -t COMPREPLY < <(compgen -u -- "$current")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -F _pamrun pamrun
