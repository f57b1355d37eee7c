# shellcheck shell=bash
# shellcheck disable=SC2154 # stdout: common.bash
# check.bash: pamrunctl check and what it says.

# As pam_unix(8) needs it, common.bash has the reason.
check() # ARGUMENT...
{
    run_program "${pamrun_for_crypt[@]:0:${#pamrun_for_crypt[@]}-1}" "$PAMRUNCTL" check "$@"
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
