# shellcheck shell=bash
# shellcheck disable=SC2154 # box, record: of the file that loads this; output of common.bash
# processes.bash: programs to signal and stop, and what became of them.
#
#   load lib/processes         after lib/common; needs box (a folder that the command may write to, with a fifo `nap`)
#                              and record (a file in it)

# A command that writes down the signals it gets, until there is a file `go`; it then exits with 7.
write_recorder()
{
    cat >"$TEST_DIR/recorder" <<END
#!/bin/bash
for name in TERM INT HUP QUIT USR1 USR2 ALRM CONT WINCH PIPE XCPU XFSZ VTALRM PROF IO URG PWR; do
    trap "echo \$name >>$record" \$name
done
exec 9<>$box/nap
echo \$\$ >$box/pid
until [ -e $box/go ]; do
    read -rt 0.01 _ <&9
done
exit 7
END
    chmod 0755 "$TEST_DIR/recorder"
}

# A parent with job control: writes down what waitpid(2) says about its child, which leads a process group that is not
# an orphan.
write_parent()
{
    cat >"$TEST_DIR/parent.py" <<'END'
import os, sys

child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
print("pid", child, flush=True)
while True:
    _, status = os.waitpid(child, os.WUNTRACED | os.WCONTINUED)
    if os.WIFSTOPPED(status):
        print("stopped", flush=True)
    elif os.WIFCONTINUED(status):
        print("continued", flush=True)
    else:
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
        break
END
}

command_pid()
{
    cat "$box/pid"
}

is_recorded() # SIGNAL
{
    grep -qx "$1" "$record"
}

process_state() # PID
{
    local line

    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    line=${line##*) }
    echo "${line%% *}"
}

state_is() # STATE PID
{
    [ "$(process_state "$2")" = "$1" ]
}
