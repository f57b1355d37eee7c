"""What bench and bench-share have in common: a place of their own to measure in, and runs of a program."""
import ctypes
import os
import random
import sys
import tempfile
import time

COMMON = """session  required   pam_env.so readenv=1
session  required   pam_env.so readenv=1 envfile=/etc/default/locale
session  required   pam_limits.so
@include common-auth
@include common-account
@include common-session
"""
PROFILES = {
    "minimal": """auth     sufficient pam_rootok.so
account  required   pam_permit.so
session  required   pam_permit.so
""",
    "typical": "auth     sufficient pam_rootok.so\n" + COMMON,
}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TERM": "dumb", "HOME": "/root"}
CLONE_NEWNS = 0x00020000
MS_REC_PRIVATE = 0x4000 | 0x40000
MS_BIND = 0x1000
sys.dont_write_bytecode = True


def own_mounts():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None) != 0:
        sys.exit("bench: needs root with CAP_SYS_ADMIN (mount namespace)")
    return libc


def lay_over(libc, text, target):
    """Let the file have this text, for this process and its children."""
    with tempfile.NamedTemporaryFile("w", delete=False, dir="/tmp") as source:
        source.write(text)
    os.chmod(source.name, 0o644)
    libc.umount2(target.encode(), 2)
    if libc.mount(source.name.encode(), target.encode(), None, MS_BIND, None) != 0:
        sys.exit("bench: cannot mount over " + target)
    os.unlink(source.name)


def use_profile(libc, text):
    """Let every launcher's PAM service be this profile."""
    for service in ("su", "runuser", "sudo", "doas"):
        target = "/etc/pam.d/" + service
        if os.path.exists(target):
            lay_over(libc, text, target)


def spawn(arguments):
    """Start it; what it says on stderr (su, when it is told to end) is nobody's concern here."""
    return os.posix_spawn(arguments[0], arguments, ENVIRONMENT,
                          file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])


def wall(arguments):
    start = time.perf_counter()
    pid = spawn(arguments)
    return finish(pid, arguments, start)


def launch_times(found, command, runs):
    """Interleaved: every launcher once a round, in another order each time, because what ran before warms caches for
    what comes next. Returns name -> list of seconds."""
    argument_lists = {name: make(command) for name, make in found.items()}
    times = {name: [] for name in found}
    for arguments in argument_lists.values():
        wall(arguments)
    for _ in range(runs):
        for name, arguments in random.sample(list(argument_lists.items()), len(argument_lists)):
            times[name].append(wall(arguments))
    return times


def finish(pid, arguments, start):
    _, status = os.waitpid(pid, 0)
    elapsed = time.perf_counter() - start
    if status != 0:
        sys.exit("bench: %s: wait status %d" % (" ".join(arguments), status))
    return elapsed


def private_memory(pid, kinds):
    """kB of the process, of these kinds of /proc/PID/smaps_rollup."""
    with open("/proc/%d/smaps_rollup" % pid) as smaps:
        return sum(int(line.split()[1]) for line in smaps if line.split(":")[0] in kinds)


def has_sleeping_child(pid):
    """Has the command been executed? Its process is a child of the launcher's, or of a monitor of the launcher's."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
            for child in children.read().split():
                with open("/proc/%s/comm" % child) as comm:
                    if comm.read().strip() == "sleep":
                        return True
                if has_sleeping_child(int(child)):
                    return True
    except OSError:
        pass
    return False
