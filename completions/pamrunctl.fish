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
        case deadline
            set -a option --arguments 'authenticate= acct_mgmt= chauthtok= setcred= open_session= close_session= delete_cred='
    end
    complete $option
end

# check USER, check --node PROFILE
function __pamrunctl_users_or_profiles
    if contains -- --node (commandline --tokenize --cut-at-cursor)
        __pamrunctl_profiles
    else
        __fish_complete_users
    end
end

# What stands behind the options of a verb.
function __pamrunctl_operands --argument-names verb arguments
    complete --command pamrunctl --condition "__fish_seen_subcommand_from $verb" --arguments $arguments
end

complete --command pamrunctl --no-files
complete --command pamrunctl --short-option h --long-option help --description 'Print a summary and exit'
complete --command pamrunctl --condition "not __fish_seen_subcommand_from check config profiles trace" --short-option V --long-option version --description 'Print the version and exit'

__pamrunctl_verb check 'Call PAM for a user, step by step, and show what each step does'
__pamrunctl_operands check '(__pamrunctl_users_or_profiles) authenticate acct_mgmt setcred open_session close_session chauthtok'
__pamrunctl_option check --profile profile 'The PAM profile'
__pamrunctl_option check --as-caller user 'As if that user had called pamrun'
__pamrunctl_option check --forward-password-fd text 'Read a password from this descriptor'
__pamrunctl_option check --forward-answers-fd text 'Read answers from it, one a line'
__pamrunctl_option check --any-prompt - 'The password for every prompt without echo'
__pamrunctl_option check --pam-setenv text 'Tell the modules NAME=VALUE'
__pamrunctl_option check --pam-rhost text 'Tell the modules the client\'s host'
__pamrunctl_option check --deadline deadline 'Give up a step that takes longer'
__pamrunctl_option check --json - 'One JSON object, for programs'
__pamrunctl_option check --node - 'A health check: a line for each problem, else silent'
__pamrunctl_option check --user user 'With --node: also the account step for that user'

__pamrunctl_verb profiles 'List the PAM profiles: who may use them, and what is dangerous'
__pamrunctl_option profiles --json - 'One JSON object, for programs'

__pamrunctl_verb config 'Show the site policy, where each value comes from, and what is wrong with it'
__pamrunctl_option config --profile profile 'What holds for runs with this PAM profile'
__pamrunctl_option config --caller user 'May this user?'
__pamrunctl_option config --account user 'As whom?'
__pamrunctl_option config --identity text 'As whom the policy maps it to?'

__pamrunctl_verb trace 'As check, and which module of the profile did what'
__pamrunctl_operands trace '(__fish_complete_users) authenticate acct_mgmt setcred open_session close_session chauthtok'
__pamrunctl_option trace --profile profile 'The PAM profile'
__pamrunctl_option trace --as-caller user 'As if that user had called pamrun'
__pamrunctl_option trace --forward-password-fd text 'Read a password from this descriptor'
__pamrunctl_option trace --forward-answers-fd text 'Read answers from it, one a line'
__pamrunctl_option trace --any-prompt - 'The password for every prompt without echo'
__pamrunctl_option trace --pam-setenv text 'Tell the modules NAME=VALUE'
__pamrunctl_option trace --pam-rhost text 'Tell the modules the client\'s host'
__pamrunctl_option trace --deadline deadline 'Give up a step that takes longer'
__pamrunctl_option trace --json - 'One JSON object, for programs'
