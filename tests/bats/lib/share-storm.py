"""share-storm.py: many runs join one session, and are killed at random; what came of them, as JSON.

    share-storm.py SECONDS LAUNCHERS SEED COUNT_FILE KEEPER_KILLS COMMAND...

COMMAND is the run. In it a shell looks twice whether the session is open (COUNT_FILE holds a number above 0) and exits
with 42 when it is not. KEEPER_KILLS: how many times the process that keeps the session gets a SIGKILL."""
import glob
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

seconds, launchers, seed, count_file, keeper_kills = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
run = sys.argv[6:]
end = time.monotonic() + seconds
statuses, longest_ms, unexpected, kills = {}, [0], [], [0]
lock = threading.Lock()
look = f'[ "$(cat {count_file})" -gt 0 ] || exit 42; read -rt "$1" _ <>"$2"; [ "$(cat {count_file})" -gt 0 ] || exit 42'
fifo = count_file + ".fifo"
if not os.path.exists(fifo):
    os.mkfifo(fifo, 0o666)
os.chmod(fifo, 0o666)


def note(status, started, killed_at, text):
    with lock:
        statuses[status] = statuses.get(status, 0) + 1
        if not killed_at:
            longest_ms[0] = max(longest_ms[0], int((time.monotonic() - started) * 1000))
        if status not in (0, 75, 143, -9, -15, 137):
            unexpected.append(f"{status}: {text[:200]}")


def launch(number):
    dice = random.Random(seed * 1000 + number)
    while time.monotonic() < end:
        started = time.monotonic()
        child = subprocess.Popen(run + ["bash", "-c", look, "look", f"{dice.random() * 0.05:.3f}", fifo],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        what = dice.choice([None, None, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
        if what is not None:
            try:
                child.wait(dice.random() * 0.06)
                what = None
            except subprocess.TimeoutExpired:
                child.send_signal(what)
                if what == signal.SIGSTOP:
                    time.sleep(dice.random() * 0.02)
                    child.send_signal(signal.SIGCONT)
        text = child.stderr.read().decode(errors="replace")
        note(child.wait(), started, what is not None, text)


def kill_keepers():
    dice = random.Random(seed)
    for number in range(keeper_kills):
        time.sleep(max(0.0, seconds / (keeper_kills + 1) * dice.uniform(0.5, 1.5)))
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    if file.read(17) == b"pamrun: session p":
                        os.kill(int(path.split("/")[2]), signal.SIGKILL)
                        kills[0] += 1
            except (OSError, ValueError):
                pass


threads = [threading.Thread(target=launch, args=(number,)) for number in range(launchers)]
threads.append(threading.Thread(target=kill_keepers))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"runs": sum(statuses.values()), "statuses": {str(key): value for key, value in sorted(statuses.items())},
                  "keepers-killed": kills[0], "longest-ms": longest_ms[0], "unexpected": unexpected[:10]}))
