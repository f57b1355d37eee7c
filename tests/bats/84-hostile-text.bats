# Text that others choose - names, arguments, terminals' names, what modules say - made up at random from what terminals,
# syslog, shells and JSON obey: nothing of it is forged, and nothing of it is obeyed.  tests/fuzz has the functions that
# make it so; here is the installed program.  TEXT_SEED=N: the same ones again; in full there are more.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what common.bash sets

load lib/common

setup_file()
{
    begin_file
    make_user prt_alice
    make_user prt_bob
    probe_profile prt_text
    probe_profile su
}

setup()
{
    begin_test
    log_start
    seed=${TEXT_SEED-$RANDOM} rounds=12
    [ "${TESTS_FULL-}" != 1 ] || rounds=150
    echo "TEXT_SEED=$seed" # seen when it fails
}

# Many runs; then what each said is looked at.  CASES is Python: for a text it yields CALLER (a user), SCRIPT of the probe
# and ARGUMENTS of runs.  Prints what is wrong, and how many runs there were.
runs() # CASES
{
    python3 - "$1" "$seed" "$rounds" "$PAMRUN" "$PROBE_SCRIPT_FILE" "$TEST_DIR/said" <<'END'
import json, os, pwd, random, re, subprocess, sys

cases, seed, rounds, pamrun, script_file, said = sys.argv[1:]
random.seed(int(seed))
pieces = [b"\n", b"\r", b"\t", b"\b", b"\x07", b"\x1b[2J", b"\x1b]0;t\x07", b"\xc2\x9b31m", b"\x9b31m", b"\x7f", b"\xff\xfe",
          b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b'"', b"\\", b'\\"', b"'", b"\\012", b"%s%n%5000d",
          b' account="root"', b" status=0", b"\n<86>Jan  1 00:00:00 sshd[1]: Accepted", b"]: allowed: applicant=\"root\"",
          b'{"event":"authenticated"}', b'"}\n{"event":"command-ended","status":0}', b"\npamrun: authenticate: ok", b" ", b"=",
          b";", b"$(id)", "\u00e9\u20ac\U0001f600".encode(), b"x" * 300, b"a", b"b"]

def hostile():
    return b"".join(random.choice(pieces) for _ in range(random.randint(1, 8)))

def escaped(text): # for the probe's script
    return b"".join(b"\\x%02x" % byte for byte in text)

def harmless(text):
    return not any(c != "\n" and c != "\t" and (c < " " or "\x7f" <= c < "\xa0") for c in text)

names = {}
exec(cases, names)
count = 0
for _ in range(int(rounds)):
    for caller, script, arguments in names["cases"](hostile, escaped):
        count += 1
        with open(script_file + ".new", "wb") as file:
            file.write(script)
        os.rename(script_file + ".new", script_file)
        read, write = os.pipe()
        entry = pwd.getpwnam(caller)
        change = {} if caller == "root" else {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        ran = subprocess.run([pamrun, "--json-status-fd", str(write)] + arguments, pass_fds=[write], timeout=60,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True, **change)
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            events = stream.read()
        here = "run %d, %s, %s, %s:" % (count, caller, script, arguments)
        if ran.stdout not in (b"", b"ran\n"):
            print(here, "stdout", ran.stdout)
        if ran.returncode == 0 and ran.stdout != b"ran\n" or ran.returncode not in (0, 64, 67, 69, 71, 75, 77):
            print(here, "status", ran.returncode)
        try:
            if not harmless(ran.stderr.decode("utf-8")):
                print(here, "stderr", ran.stderr)
        except UnicodeDecodeError:
            print(here, "no UTF-8", ran.stderr)
        for line in events.splitlines():
            try:
                event = json.loads(line.decode("utf-8"))
                steps = {"authenticated", "account", "credentials", "session-opened", "command-started", "command-ended",
                         "session-closed", "session-left-open", "failed"}
                if event["event"] not in steps or not harmless(line.decode("utf-8")) or b"\t" in line:
                    print(here, "event", line)
                if event["event"] == "command-ended" and ran.stdout != b"ran\n":
                    print(here, "forged event", line)
            except (ValueError, KeyError):
                print(here, "no event", line)
with open(said, "w") as file:
    file.write(str(count))
print(count, "runs")
END
}

# One line of ours in the log for each run, each with all its fields and no other, quoted where others chose; nothing
# from anybody else.
assert_log_is_ours()
{
    log_lines . >"$TEST_DIR/log"
    run_program python3 - "$TEST_DIR/log" "$(<"$TEST_DIR/said")" <<'END'
import re, sys

wanted = int(sys.argv[2])
quoted = r'"(?:[^"\\]|\\.)*"'
fields = r'applicant=%s uid=\d+ loginuid=(?:-|\d+) account=%s profile=%s tty=(?:[A-Za-z0-9/._-]+|%s)' % ((quoted,) * 4)
fields += r'(?: identity=%s)?(?: delegate=yes)?(?: cgroup=kept)?' % quoted
failed = r' step=[a-z_]+ code=(?:-|[A-Za-z_ ]+) status=\d+ reason=%s' % quoted
line = re.compile(r'<\d+>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} pamrun\[\d+\]: (?:allowed: %s|(?:refused|failed): %s%s) command=%s(?: %s)*'
                  % (fields, fields, failed, quoted, quoted))
count = 0
for text in open(sys.argv[1], encoding="utf-8"):
    text = text[:-1]
    if " pam_probe" in text.split("]: ", 1)[0]:
        continue
    # a command that cannot be started has a second one
    count += " step=command " not in text
    if not line.fullmatch(text) or "\\x" in re.sub(r"\\\\", "", text):
        print("not a line of ours:", text)
if count != wanted:
    print(count, "lines for", wanted, "runs")
END
    assert_eq "$stdout$stderr" ""
}

@test "whatever bytes a caller or a module chooses, terminal, log and events have text that nobody forged" {
    local said

    said=$(runs '
def cases(hostile, escaped):
    yield "root", b"", ["--profile", "prt_text", "-u", hostile(), "--", "echo", "ran"]
    yield "root", b"", ["--profile", hostile(), "-u", "prt_alice", "--", "echo", "ran"]
    yield "root", b"", ["--profile", "prt_text", "-u", "prt_alice", "--", "sh", "-c", "echo ran", hostile(), hostile()]
    yield "root", b"", ["--profile", "prt_text", "-u", "prt_alice", "-g", hostile(), "--", "echo", "ran"]
    yield "root", b"", ["--profile", "prt_text", "--chdir", hostile(), "-u", "prt_alice", "--", "echo", "ran"]
    yield "root", b"", [b"--" + hostile(), "-u", "prt_alice", "--", "echo", "ran"]
    yield "prt_bob", b"", ["-u", hostile(), "--", "echo", "ran", hostile()]
    yield "prt_bob", b"", ["--profile", hostile(), "-u", "prt_alice", "--", "echo", "ran"]
    yield "prt_bob", b"", [b"--identity=" + hostile(), "--", "echo", "ran"]
')
    assert_eq "$said" "$((rounds * 9)) runs" "TEXT_SEED=$seed"
    assert_log_is_ours
}

@test "whatever modules say, ask and name: nothing of it is obeyed, by terminal, log or reader of events" {
    local said

    said=$(runs '
def cases(hostile, escaped):
    run = ["--profile", "prt_text", "-u", "prt_alice", "--", "echo", "ran"]
    yield "root", b"authenticate error " + escaped(hostile()) + b"\nopen_session info " + escaped(hostile()) + b"\n", ["--verbose"] + run
    yield "root", b"authenticate prompt-off " + escaped(hostile()) + b"\nauthenticate require-token x\n", run
    yield "root", b"acct_mgmt set-user " + escaped(hostile()) + b"\n", run
    yield "prt_bob", b"authenticate error " + escaped(hostile()) + b"\nauthenticate return PAM_AUTH_ERR\n", run[2:]
    yield "prt_bob", b"authenticate set-user " + escaped(hostile()) + b"\n", run[2:]
')
    assert_eq "$said" "$((rounds * 5)) runs" "TEXT_SEED=$seed"
    assert_log_is_ours
}

@test "a terminal whose name has blanks, quotes and new lines in it is one field of one line" {
    local name tty

    for name in 'x" account="root' $'a\nb' 'pts x status=0' $'\033[2Jtty' "it's"; do
        tty=$TEST_DIR/$name
        : >"$tty"
        log_start
        # shellcheck disable=SC2016 # the inner shell's
        run_ptyrun -- sh -c 'tty=$1; shift; mount --bind "$(tty)" "$tty" && ("$@" <>"$tty" >&0 2>&0); status=$?
            umount "$tty"; exit $status' sh "$tty" "$PAMRUN" --profile prt_text -u prt_alice -- true
        assert_status 0
        # the case is what it should be: the modules are told that name
        assert_eq "$(probe_field authenticate tty last)" "$tty"
        echo 1 >"$TEST_DIR/said"
        assert_log_is_ours
        assert_contains "$(<"$TEST_DIR/log")" ' tty="'
    done
}
