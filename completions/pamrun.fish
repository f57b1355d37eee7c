# fish completion for pamrun(8).

set -g __pamrun_specs

# Parse the words before the cursor.  Sets, in the caller, after_u (is -u or --account-uid among them?) and operands.
function __pamrun_parse --no-scope-shadowing
    set -l words (commandline -opc)
    set -e words[1]
    set operands
    set after_u
    argparse --stop-nonopt --ignore-unknown $__pamrun_specs -- $words 2>/dev/null
    or return
    set operands $argv
    if set -q _flag_user; or set -q _flag_account_uid
        set after_u yes
    end
end

# After -u the first operand is the command, and ends the options.
function __pamrun_in_command
    set -l after_u
    set -l operands
    __pamrun_parse
    test -n "$after_u"; and test -n "$operands"
end

function __pamrun_wants_command
    set -l after_u
    set -l operands
    __pamrun_parse
    test -n "$after_u"
end

function __pamrun_wants_user
    set -l after_u
    set -l operands
    __pamrun_parse
    test -z "$after_u"; and test -z "$operands"
end

# The command's own completions: those of the line without pamrun and its options.
function __pamrun_complete_command
    set -l after_u
    set -l operands
    __pamrun_parse
    set -lx -a PATH /usr/local/sbin /usr/sbin /sbin
    complete -C (string join ' ' -- (string escape -- $operands) (commandline -ct))
end

function __pamrun_profiles
    for file in /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* /usr/share/pam.d/*
        test -f $file; and string match --regex '^[a-z0-9][a-z0-9_.-]*$' -- (basename $file)
    end
end

# One option: its letter (- for none), its word, what its value is (- for none), what it does.
function __pamrun_option --argument-names letter word kind help
    set -l name (string sub --start 3 -- $word)
    set -l spec $name
    set -l option --command pamrun --condition 'not __pamrun_in_command' --long-option $name --description $help

    if test $letter != -
        set spec $letter/$name
        set -a option --short-option $letter
    end
    if test $kind != -
        set spec $spec=+
        set -a option --exclusive
    end
    switch $kind
        case user
            set -a option --arguments '(__fish_complete_users)'
        case uid
            set -a option --arguments '(getent passwd | string replace --regex "^([^:]*):[^:]*:([^:]*):.*" "\$2\t\$1")'
        case group
            set -a option --arguments '(__fish_complete_groups)'
        case shell
            set -a option --arguments '(string match "/*" </etc/shells)'
        case profile
            set -a option --arguments '(__pamrun_profiles)'
        case directory
            set -a option --arguments '(__fish_complete_directories (commandline -ct))'
        case variables
            set -a option --arguments '(set --names --export)'
        case host
            set -a option --arguments '(__fish_print_hostnames)'
        case grace
            set -a option --arguments never
        case deadline
            set -a option --arguments 'authenticate= acct_mgmt= chauthtok= setcred= open_session= close_session= delete_cred='
    end
    set -a __pamrun_specs $spec
    complete $option
end

__pamrun_option u --user user 'Run a command as this user, without a shell'
__pamrun_option - --account-uid uid 'The same, for the account with this user id'
__pamrun_option l --login - 'Start a login shell in the account\'s home'
__pamrun_option c --command text 'Pass a command to the shell with -c'
__pamrun_option - --session-command text 'As -c, but in the caller\'s terminal session'
__pamrun_option f --fast - 'Pass -f to the shell (csh, tcsh)'
__pamrun_option s --shell shell 'Run this shell instead of the account\'s'
__pamrun_option p --preserve-environment - 'Leave HOME SHELL USER LOGNAME PATH as they are'
__pamrun_option w --whitelist-environment variables 'With -l, keep these variables too'
__pamrun_option g --group group 'The primary group'
__pamrun_option G --supp-group group 'A supplementary group, instead of the account\'s'
__pamrun_option P --pty - 'Give the command a pseudo-terminal of its own, wherever it runs'
__pamrun_option T --no-pty - 'Give it none: it shares the caller\'s terminal'
__pamrun_option - --profile profile 'The PAM service'
__pamrun_option - --identity text 'An identity from elsewhere, mapped to the account'
__pamrun_option - --provision - 'A module of the account step may make the account'
__pamrun_option - --minimum-user-id text 'Refuse accounts with a lower user id'
__pamrun_option - --required-group group 'Refuse accounts that are not in it'
__pamrun_option - --forward-password-fd text 'Read the password from this descriptor'
__pamrun_option - --forward-answers-fd text 'Read a line for each prompt without echo, in order'
__pamrun_option - --any-prompt - 'Give the password to every prompt without echo'
__pamrun_option - --require-password-used - 'Fail when no module asks for it'
__pamrun_option - --close-on-exit - 'Close the session when the command ends'
__pamrun_option - --share - 'Join the account\'s shared session; the last one closes it'
__pamrun_option - --hold text 'Hold the shared session by a name, and run nothing'
__pamrun_option - --hold-time text 'So long at most: 90m, 26h'
__pamrun_option - --exec - 'Become the command; the session stays open'
__pamrun_option - --no-auth - 'Leave out authentication'
__pamrun_option - --no-account - 'Leave out the account check'
__pamrun_option - --no-session - 'Leave out the session'
__pamrun_option - --pam-setenv text 'Tell the PAM modules a variable'
__pamrun_option - --pam-rhost host 'Tell the PAM modules the client\'s host'
__pamrun_option - --chdir directory 'Start in this directory, entered as the account'
__pamrun_option - --kill-after grace 'Seconds from SIGTERM to SIGKILL'
__pamrun_option - --deadline deadline 'Give up a PAM step that takes longer'
__pamrun_option - --json-status-fd text 'Write events there, one JSON object a line'
__pamrun_option - --quiet - 'No informative messages'
__pamrun_option - --verbose - 'Tell each step'
__pamrun_option h --help - 'Print a summary of the options and exit'
__pamrun_option V --version - 'Print the version and exit'

# -m is an other name of -p.
set -a __pamrun_specs m
complete --command pamrun --condition 'not __pamrun_in_command' --short-option m --description 'Leave HOME SHELL USER LOGNAME PATH as they are'

complete --command pamrun --condition __pamrun_wants_user --no-files --arguments '(__fish_complete_users)'
complete --command pamrun --condition __pamrun_wants_command --no-files --arguments '(__pamrun_complete_command)'
