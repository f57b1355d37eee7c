"""Signals at random moments of a run, to any of its processes: TERM INT HUP QUIT ABRT to any, KILL to the front.

  random_kills.py NUMBER SEED PROBE_LOG UID GID COMMAND_FOR_ROOT... /// COMMAND_FOR_UID... [/// COMMAND_FOR_UID...]

COMMANDs are pamrun with its options. Each runs on a terminal of its own, under a process that leads the terminal's session
and has no job control: nobody but pamrun puts modes back. After each, when the last process named pamrun has gone, the modes
are the same, and what the probe's log says was opened or set is closed or deleted. NUMBER signals that met a process count.
"""
import fcntl
import os
import random
import signal
import struct
import sys
import termios
import threading
import time

PATIENCE = 60  # seconds, for what takes a tenth of one: the machine may be slow
SIGNALS = ("TERM", "INT", "HUP", "QUIT", "ABRT", "KILL")


def pamruns():
    """Pids, the oldest first."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as stat:
                    text = stat.read()
            except OSError:
                continue
            fields = text[text.rindex(")") + 2:].split()
            if text[text.index("(") + 1:text.rindex(")")] == "pamrun" and fields[0] != "Z":
                found.append((int(fields[19]), int(entry)))
    return [pid for _, pid in sorted(found)]


def wait_until_gone():
    end = time.monotonic() + PATIENCE
    while pamruns():
        if time.monotonic() > end:
            os.system("ps -ef >&2")
            return False
        time.sleep(0.005)
    return True


def lead_session(master, slave, ids, arguments, tell):
    """The process between: its end hangs the terminal up, so it comes last. Tells "ok", or what is wrong."""
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 100)
        if ids:
            os.setgroups([])
            os.setresgid(ids[1], ids[1], ids[1])
            os.setresuid(ids[0], ids[0], ids[0])
        os.execv(arguments[0], arguments)
    os.write(tell, b"started ")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.waitpid(child, 0)
    if not wait_until_gone():
        os.write(tell, b"somebody is left")
    elif termios.tcgetattr(slave) != before:
        os.write(tell, ("modes %s, not %s" % (termios.tcgetattr(slave), before)).encode())
    else:
        os.write(tell, b"ok")


def read_all(fd):
    try:
        while os.read(fd, 65536):
            pass
    except OSError:
        pass  # the terminal has hung up


def count(log, *marks):
    with open(log) as lines:
        return sum(all(mark in line for mark in marks) for line in lines if "function=note" not in line)


def play(ids, arguments, log, disturb):
    """One run. disturb(): called when it has been started. Returns seconds, and what is wrong or "ok"."""
    open(log, "w").close()
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    hear, tell = os.pipe()
    start = time.monotonic()
    leader = os.fork()
    if leader == 0:
        try:
            lead_session(master, slave, ids, arguments, tell)
        finally:
            os._exit(0)
    os.close(tell)
    os.close(slave)
    reader = threading.Thread(target=read_all, args=(master,))
    reader.start()
    said = os.read(hear, 8)
    disturb()
    while part := os.read(hear, 4096):
        said += part
    elapsed = time.monotonic() - start
    os.waitpid(leader, 0)
    reader.join()
    os.close(master)
    os.close(hear)
    said = said.decode()
    if said == "started ok":
        for opened, closed in ((("function=open_session ",), ("function=close_session ",)),
                               (("PAM_ESTABLISH_CRED",), ("PAM_DELETE_CRED",))):
            if count(log, *opened) != count(log, *closed):
                said = "%s %d times, %s %d times" % (opened[0], count(log, *opened), closed[0], count(log, *closed))
    return elapsed, said.removeprefix("started ")


def main():
    number, seed, log, uid, gid = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    commands = [[]]
    for word in sys.argv[6:]:
        if word == "///":
            commands.append([])
        else:
            commands[-1].append(word)
    callers = [(None if at == 0 else (uid, gid), command) for at, command in enumerate(commands)]
    draw = random.Random(seed)
    lengths = [0.0] * len(callers)
    for at, (ids, command) in enumerate(callers):
        for _ in range(2):  # the first one warms caches
            lengths[at], said = play(ids, command, log, lambda: None)
            if said != "ok":
                sys.exit("undisturbed, %s: %s" % (" ".join(command), said))
    met = tries = 0
    while met < number:
        at = draw.randrange(len(callers))
        name, delay, choice = draw.choice(SIGNALS), draw.random() * lengths[at], draw.random()
        hit = []

        def disturb():
            time.sleep(delay)
            pids = pamruns()
            if pids:
                pid = pids[0] if name == "KILL" else pids[int(choice * len(pids))]
                try:
                    os.kill(pid, getattr(signal, "SIG" + name))
                    hit.append("%d of %d" % (pids.index(pid) + 1, len(pids)))
                except ProcessLookupError:
                    pass

        _, said = play(*callers[at], log, disturb)
        what = "%s to %s after %.0f of %.0f ms: %s" % (name, hit[0] if hit else "nobody", delay * 1000,
                                                       lengths[at] * 1000, " ".join(callers[at][1][1:4]))
        print(what, flush=True)
        if said != "ok":
            sys.exit("%s: %s" % (what, said))
        met += len(hit)
        tries += 1
        if tries > 10 * number:
            sys.exit("only %d of %d signals met a process" % (met, tries))


main()
