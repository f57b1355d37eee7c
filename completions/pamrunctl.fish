# fish completion for pamrunctl(8).

set -g __pamrunctl_verbs

function __pamrunctl_profiles
    for file in /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* /usr/share/pam.d/*
        test -f $file; and string match --regex '^[a-z0-9][a-z0-9_.-]*$' -- (basename $file)
    end
end

# Names of holds, and of jobs that were refused: for root, nobody else can list them.
function __pamrunctl_ids
    for file in /run/pamrun/*/leases/@* /run/pamrun/refused/*
        string replace --regex '^@' '' (basename $file)
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
        case id
            set -a option --arguments '(__pamrunctl_ids)'
        case format
            set -a option --arguments 'sh nul json slurm-task'
        case mark
            set -a option --arguments mark
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
complete --command pamrunctl --condition "not __fish_seen_subcommand_from check close config env list open profiles recover refresh trace wait" --short-option V --long-option version --description 'Print the version and exit'

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

__pamrunctl_verb close 'Release a job\'s hold; or end a session, or a single run'
__pamrunctl_option close --id id 'Release the hold of that name'
__pamrunctl_option close --missing-ok - 'That there is none is no failure'
__pamrunctl_option close --user user 'The sessions of that user, by force'
__pamrunctl_option close --uid text 'The same, by number'
__pamrunctl_option close --profile profile 'Only the one of this PAM profile'
__pamrunctl_option close --force - 'End it now, whoever is in it'
__pamrunctl_option close --pid text 'End this run of pamrun'
__pamrunctl_option close --timeout text 'Wait for its end so long'

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
__pamrunctl_verb env 'Print the variables that the modules of a shared session have set'
__pamrunctl_option env --user user 'Whose session'
__pamrunctl_option env --uid text 'The same, by number'
__pamrunctl_option env --id id 'The one with that hold'
__pamrunctl_option env --profile profile 'The one of this PAM profile'
__pamrunctl_option env --format format 'How: sh, nul, json or slurm-task'

__pamrunctl_verb list 'List the shared sessions, who is in them, and the jobs that were refused'
__pamrunctl_option list --json - 'One JSON object, for programs'
__pamrunctl_option list --user user 'Only of that user'
__pamrunctl_option list --uid text 'The same, by number'
__pamrunctl_option list --id id 'Only the one with that hold'
__pamrunctl_option list --profile profile 'Only those of this PAM profile'

__pamrunctl_verb open 'Hold a shared session for a job: join it, or open it'
__pamrunctl_option open --user user 'Whose session'
__pamrunctl_option open --uid text 'The same, by number'
__pamrunctl_option open --identity text 'The same, as the site policy maps it'
__pamrunctl_option open --profile profile 'The PAM profile'
__pamrunctl_option open --id text 'The name of the hold: of the job'
__pamrunctl_option open --lease text 'It ends by itself after that'
__pamrunctl_option open --on-refusal mark 'mark: a refused account is no failure'

__pamrunctl_verb recover 'Remove what keepers that were killed have left behind'

__pamrunctl_verb refresh 'Have the credentials of a shared session refreshed: tickets of long jobs'
__pamrunctl_option refresh --user user 'Whose sessions'
__pamrunctl_option refresh --uid text 'The same, by number'
__pamrunctl_option refresh --id id 'The one with that hold'
__pamrunctl_option refresh --profile profile 'Only the one of this PAM profile'
__pamrunctl_option refresh --timeout text 'Give up after that'

__pamrunctl_verb wait 'Wait until a shared session is closed'
__pamrunctl_option wait --user user 'Whose sessions'
__pamrunctl_option wait --uid text 'The same, by number'
__pamrunctl_option wait --id id 'The one with that hold'
__pamrunctl_option wait --profile profile 'Only the one of this PAM profile'
__pamrunctl_option wait --timeout text 'Give up after that'
