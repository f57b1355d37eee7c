# shellcheck shell=bash
# shellcheck disable=SC2154 # stdout: common.bash
# check.bash: pamrunctl check and what it says.

# Under sanitizers as pam_unix(8) needs it: common.bash, pamrun_for_crypt, has the reason.
check() # ARGUMENT...
{
    local as=()

    if [ "${SANITIZED-}" = 1 ]; then
        as=(env LD_PRELOAD=libcrypt.so.1 "ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0")
    fi
    run_program "${as[@]}" "$PAMRUNCTL" check "$@"
}

# What became of each operation: MARK STEP CODE, without the time.
marks()
{
    sed -nE 's/^(ok|FAIL|-) +([a-z_]+) +(PAM_[A-Z_]+|not run|the process ended).*/\1 \2 \3/p' <<<"$stdout"
}

# The hints, one a line, without the word.
hints()
{
    sed -n 's/^hint: //p' <<<"$stdout"
}

# A member of the JSON object on stdout, as Python sees it: "['operations'][0]['code']".  Strings as they are, else JSON.
json_member() # EXPRESSION
{
    python3 - "$stdout_file" "$1" <<'END'
import json, sys

def once(pairs):
    assert len(dict(pairs)) == len(pairs), "a key is there twice"
    return dict(pairs)

value = eval("whole" + sys.argv[2], {"whole": json.load(open(sys.argv[1]), object_pairs_hook=once), "len": len})
print(value if isinstance(value, str) else json.dumps(value))
END
}
