#!/bin/bash
# check-architecture.sh: who may call what, and who includes whom.  TAP; exit status 0 when every rule holds.
#
#   tests/check-architecture.sh [TREE]
#
# Comments and strings are no calls: they are blanked out first.
set -u

cd "${1-$(dirname "$0")/..}" || exit 1
number=0 broken=0

# Print FILE:LINE:CODE of all sources, without comments and the insides of strings; #include lines are kept whole.
sources()
{
    find src -name '*.[ch]' | LC_ALL=C sort | while read -r file; do
        sed -E '/^[[:space:]]*#[[:space:]]*include/! { s/"([^"\\]|\\.)*"/""/g; s:/\*([^*]|\*[^/])*\*/: :g; s://.*$:: }' "$file" |
            awk -v file="$file" '
                in_comment { if (!sub(/^.*\*\//, "")) next; in_comment = 0 }
                /\/\*/ { sub(/\/\*.*$/, ""); in_comment = 1 }
                { print file ":" NR ":" $0 }'
    done
}

code=$(sources)

# Print the lines that break it; none: the rule holds.
rule() # NAME LINES
{
    number=$((number + 1))
    if [ -z "$2" ]; then
        echo "ok $number - $1"
    else
        broken=$((broken + 1))
        echo "not ok $number - $1"
        printf '%s\n' "$2" | sed 's/^/# /'
    fi
}

# Calls of a function whose name is PATTERN, outside of the files that ALLOWED (a regular expression) matches.
calls_outside() # ALLOWED PATTERN
{
    grep -E "^[^:]+:[0-9]+:(.*[^A-Za-z0-9_])?($2)[[:space:]]*\(" <<<"$code" | grep -vE "^($1):" || true
}

# Uses of a word (a system call number, a constant, a pointer to a function) outside of ALLOWED.
words_outside() # ALLOWED PATTERN
{
    grep -E "^[^:]+:[0-9]+:(.*[^A-Za-z0-9_])?($2)([^A-Za-z0-9_]|\$)" <<<"$code" | grep -vE "^($1):" || true
}

includes_of() # FILES HEADERS: lines of FILES (a regular expression) that include HEADERS
{
    grep -E "^($1):[0-9]+:[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<]($2)" <<<"$code" || true
}

both() # LINES LINES
{
    printf '%s\n%s\n' "$1" "$2" | sed '/^$/d' | sort -u
}

[ -n "$code" ] || { echo "not ok 1 - there are sources to look at"; exit 1; }

# ---- who calls what -------------------------------------------------------------------------------------------
pam_functions='pam_(start|start_confdir|end|authenticate|acct_mgmt|setcred|open_session|close_session|chauthtok'
pam_functions+='|set_item|get_item|putenv|getenv|getenvlist|misc_setenv|set_data|get_data|get_user|fail_delay|strerror'
pam_functions+='|prompt|syslog|get_authtok)'
# src/trace has PAM's types, to pass calls on; it makes none.
rule "libpam is called in src/pam only" "$(both "$(words_outside 'src/pam/[^:]*' "$pam_functions")" \
    "$(includes_of 'src/(pamrun(ctl)?\.c|ask/.*|base/.*|ctl/.*|run/.*)' 'security/')")"

# pamrunctl is not setuid: what check does as some caller, a process of its own does, which becomes that caller first.
# capabilities.c, keyring.c and namespaces.c have one kind of these calls each: what a run takes over that joins a session;
# capng.[ch] have the names only.
rule "ids, groups, capabilities, keyrings and namespaces change in four files of src/run only, of which privilege.c has the ids" "$(both \
    "$(words_outside 'src/(run/(privilege\.c|capabilities\.c|capng\.[ch]|keyring\.c|namespaces\.c)|ctl/pose\.c)' \
        '(set|sete|setre|setres|setfs)[ug]id|setgroups|initgroups|prctl|capset|capng_[a-z_]+|cap_[a-z_]+|setns|unshare|chroot|keyctl|SYS_(set[a-z]*id|setgroups|prctl|capset|setns|unshare|chroot|keyctl)')" \
    "$(includes_of 'src/(pamrun(ctl)?\.c|ask/.*|base/.*|ctl/.*|pam/.*|share/.*|run/(inherited|process|pty|supervise).*)' 'cap-ng|sys/(prctl|capability)')")"

rule "src/ctl/pose.c sets ids by setresuid and setresgid, and does nothing else of it" \
    "$(words_outside 'src/run/[a-z]*\.c' '(set|sete|setre|setfs)[ug]id|setgroups|initgroups|prctl|cap[a-z_]*set|setns|unshare')"

rule "resource limits change in src/run/limits.c only" \
    "$(words_outside 'src/run/limits\.c' 'setrlimit|prlimit(64)?|SYS_(setrlimit|prlimit64)')"

rule "processes are made and programs executed in src/run/process.c only" "$(words_outside 'src/run/process\.c' \
    '_?fork|vfork|clone[23]?|execl[pe]?|execv|execve|execvp|execvpe|fexecve|execveat|posix_spawnp?|system|popen|daemon|forkpty|SYS_(fork|vfork|clone3?|execve|execveat)')"

rule "exit is called nowhere: what is open would stay so" \
    "$(words_outside 'none' 'exit|quick_exit|errx?|verrx?|pthread_exit')"

rule "_exit is called in src/run/process.c, src/base/guard.c and where a program, or pamrunctl's process for PAM, ends" "$(both \
    "$(words_outside 'src/(pamrun|run/process|base/guard|ctl/worker)\.c' '_exit|_Exit|SYS_exit|SYS_exit_group')" \
    "$(words_outside 'src/base/guard\.c' 'abort')")"

rule "a process is signalled by its pidfd: kill is called in src/run/supervise.c and process.c, for a child not yet reaped, and by the front for its own group" \
    "$(both "$(words_outside 'src/(run/(supervise|process|front)|base/step_point)\.c' 'kill|killpg|tgkill|sigqueue|SYS_(kill|tgkill|tkill)')" \
        "$(words_outside 'src/(run/(supervise|process)|base/step_point)\.c' 'kill' | grep -vF 'kill(0, ')")"

# Outside of that header nothing may depend on it: what is tested is what is installed.
rule "step points: only their header knows whether there are any, and each name is used once" "$(both \
    "$(words_outside 'src/base/step_point\.h' 'PAMRUN_STEP_POINTS')" \
    "$(grep -rhoE 'step_point\("[^"]*"\)' src | sort | uniq -d)")"

# src/trace/system_log.c defines them for the modules that pamrunctl traces.
rule "syslog is called in src/base/log.c only" \
    "$(calls_outside 'src/(base/log|trace/system_log)\.c' 'syslog|vsyslog|openlog|closelog|setlogmask')"
# What libpam loads, it loads by itself; trace has the modules whose place its own takes, and scope.c systemd's library,
# which it lets go again.
rule "shared objects are loaded in src/base/library.c, src/pam/modules.c, src/share/scope.c and src/trace/calls.c only" \
    "$(calls_outside 'src/(base/library|pam/modules|share/scope|trace/calls)\.c' 'dlopen|dlmopen')"

rule "nothing that cannot be bounded or trusted: strcat, sprintf, gets, alloca, getlogin, tmpnam, signal" \
    "$(calls_outside 'none' 'strcat|sprintf|vsprintf|gets|alloca|getlogin(_r)?|cuserid|tmpnam|tempnam|mktemp|signal')"
rule "no locale: prompts and errors are compared, and their translations are somebody's files" \
    "$(words_outside 'none' 'setlocale|newlocale|uselocale|textdomain|bindtextdomain|n?gettext')"
rule "nobody sleeps" "$(words_outside 'none' 'sleep|usleep|nanosleep|clock_nanosleep')"

# ---- who includes whom ----------------------------------------------------------------------------------------
rule "base includes nothing of the other rooms" "$(includes_of 'src/base/[^:]*' '(\.\./)?(ask|ctl|pam|run|share|trace)/|pamrun')"
rule "ask includes base only" "$(includes_of 'src/ask/[^:]*' '(\.\./)?(ctl|pam|run|share|trace)/')"
rule "pam includes neither run nor share" "$(includes_of 'src/pam/[^:]*' '(\.\./)?(run|share)/')"
rule "run includes neither pam nor share" "$(includes_of 'src/run/[^:]*' '(\.\./)?(pam|share)/')"
rule "trace includes base only, and is included by ctl only" "$(both \
    "$(includes_of 'src/trace/[^:]*' '(\.\./)?(ask|ctl|pam|run|share)/')" \
    "$(includes_of 'src/(pamrun(ctl)?\.c|(ask|base|pam|run|share)/[^:]*)' '(\.\./)?trace/')")"
# What pamrunctl does is not part of the setuid program.
rule "ctl is included by itself and pamrunctl.c only, and not in pamrun's library" "$(both \
    "$(includes_of 'src/(pamrun\.c|(ask|base|pam|run|share)/[^:]*)' '(\.\./)?ctl/')" \
    "$(sed -n "/^pamrun_library/,/^executable('pamrun',/p" src/meson.build |
        grep -nE "(ctl|trace)/|pam/(dialect|dispatch|profile_line)")")"
rule "only pamrunctl reads profiles from another directory, or calls PAM's functions in another order" \
    "$(words_outside 'src/(pam/transaction|ctl/[^:]*)\.[ch]' 'profile_directory|transaction_call')"
rule "no header belongs to pamrun.c, and every room has a name that is known" "$(both \
    "$(find src -mindepth 1 -maxdepth 1 ! -name pamrun.c ! -name pamrunctl.c ! -name meson.build ! -name ask ! -name base \
        ! -name ctl ! -name pam ! -name run ! -name share ! -name trace)" \
    "$(includes_of 'src/[^:]*' '(\.\./)*pamrun(ctl)?\.h|.*\.c[">]')")"
rule "each .c file includes its own header first" "$(
    for file in src/*/*.c; do
        header=${file#src/}
        header=${header%.c}.h
        [ -e "src/$header" ] || { echo "$file: has no header"; continue; }
        [ "$(grep -m 1 '^#include' "$file")" = "#include \"$header\"" ] || echo "$file: $header is not the first"
    done
)"
rule "each header begins with what it is about, and is guarded by #pragma once" "$(
    for file in src/*/*.h; do
        name=${file##*/}
        [[ $(head -n 1 "$file") == "/* $name - "* ]] || echo "$file: the first comment is not: $name - ..."
        [ "$(grep -c '^#pragma once$' "$file")" -eq 1 ] || echo "$file: #pragma once"
    done
)"

echo "1..$number"
[ "$broken" -eq 0 ]
