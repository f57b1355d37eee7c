# fish completion for pamrunctl(8).

set -g __pamrunctl_verbs

function __pamrunctl_profiles
    for file in /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* /usr/share/pam.d/*
        test -f $file; and string match --regex '^[a-z0-9][a-z0-9_.-]*$' -- (basename $file)
    end
end

function __pamrunctl_verb --argument-names verb help
    set -a __pamrunctl_verbs $verb
    complete --command pamrunctl --condition "not __fish_seen_subcommand_from $__pamrunctl_verbs" --arguments $verb --description $help
end

# One option of a verb: its word, what its value is (- for none), what it does.
function __pamrunctl_option --argument-names verb word kind help
    set -l option --command pamrunctl --condition "__fish_seen_subcommand_from $verb" --description $help
    set -a option --long-option (string sub --start 3 -- $word)

    if test $kind != -
        set -a option --exclusive
    end
    switch $kind
        case user
            set -a option --arguments '(__fish_complete_users)'
        case profile
            set -a option --arguments '(__pamrunctl_profiles)'
    end
    complete $option
end

complete --command pamrunctl --no-files
complete --command pamrunctl --short-option h --long-option help --description 'Print a summary and exit'
complete --command pamrunctl --condition "not __fish_seen_subcommand_from config" --short-option V --long-option version --description 'Print the version and exit'

__pamrunctl_verb config 'Show the site policy, where each value comes from, and what is wrong with it'
__pamrunctl_option config --profile profile 'What holds for runs with this PAM profile'
__pamrunctl_option config --caller user 'May this user?'
__pamrunctl_option config --account user 'As whom?'
__pamrunctl_option config --identity text 'As whom the policy maps it to?'
