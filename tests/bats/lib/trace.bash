# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # stdout, status ...: common.bash
# trace.bash: pamrunctl trace and what it says, and stacks by chance.

trace() # ARGUMENT...
{
    run_pamrunctl trace "$@"
}

# The lines of the profile below an operation: MARK PLACE CODE ACTION, MARK PLACE not reached: PLACE, ...  Includes are left
# out; times are, too.
trace_lines() # OPERATION
{
    awk -v wanted="$1" '
        /^(ok|FAIL|-)/ { inside = $2 == wanted }
        inside && /^     [-+x~] / {
            if (match($0, /(jumped over|not reached)(: [^ ]+)?$/)) {
                print $1, $2, substr($0, RSTART)
            } else if (match($0, /PAM_[A-Z_]+ +(jump [0-9]+|[a-z]+)/)) {
                found = substr($0, RSTART, RLENGTH)
                gsub(/ +/, " ", found)
                print $1, $2, found, ($0 ~ /<- decides$/ ? "decides" : "")
            }
        }' <<<"$stdout" | sed 's/ $//'
}

# What stands below the line of a module: log, said, asked, error, problem.
trace_below() # PLACE WORD
{
    awk -v place="$1" -v word="$2: " '
        /^           [a-z]+: / {
            if (inside && index($0, word) == 12)
                print substr($0, 12 + length(word))
            next
        }
        /^     / { inside = $2 == place }' <<<"$stdout"
}

no_copy_is_left()
{
    [ -z "$(compgen -G '/run/pamrun-trace.*')" ] || fail_because "a copy is left: $(ls -d /run/pamrun-trace.*)"
}

# For pam_unix with a password, also where there are sanitizers: common.bash, pamrun_for_crypt.
trace_for_crypt() # ARGUMENT...
{
    run_program "${pamrun_for_crypt[@]:0:${#pamrun_for_crypt[@]}-1}" "$PAMRUNCTL" trace "$@"
}

# ---- with a trace and without ---------------------------------------------------------------------------------

# Run both for prt_alice; what they print goes to $TEST_DIR/check and trace, what the probe noted to those with .log.
both_ways() # PROFILE OPERATION...
{
    local verb code command=("${pamrun_for_crypt[@]:0:${#pamrun_for_crypt[@]}-1}" "$PAMRUNCTL")

    for verb in check trace; do
        : >"$PROBE_LOG_FILE"
        code=0
        "${command[@]}" "$verb" --profile "$1" --forward-password-fd 7 prt_alice "${@:2}" \
            7< <(printf Right.pass.1) >>"$TEST_DIR/$verb" 2>&1 </dev/null 3>&- 4>&- || code=$?
        echo "== status $code" >>"$TEST_DIR/$verb"
        echo "$(<"$PROBE_LOG_FILE")" >>"$TEST_DIR/$verb.log"
    done
}

# The functions, their codes, and what pamrun would end with.
verdicts() # FILE
{
    sed -nE 's/ +[0-9.]+ ms.*//; /^(==|ok |FAIL|- |failed:|pamrunctl:|     pamrun would)/p' "$1"
}

assert_same_both_ways()
{
    verdicts "$TEST_DIR/check" >"$TEST_DIR/same"
    assert_eq "$(diff "$TEST_DIR/same" <(verdicts "$TEST_DIR/trace"))" ""
    assert_eq "$(grep -B 40 'not explained' "$TEST_DIR/trace")" ""
    no_copy_is_left
}

# The codes that the probe noted, and those of its lines in the trees.
probe_answers() # FILE
{
    sed -nE 's/.* function=(authenticate|acct_mgmt|setcred|open_session|close_session|chauthtok) .* return=([A-Z_]+).*/\2/p' "$1"
}

tree_answers() # FILE
{
    sed -nE '/^     [-+x~] .*pam_probe/s/.* (PAM_[A-Z_]+) +(ok|done|bad|die|ignore|reset|jump [0-9]+) .*/\1/p' "$1"
}

# ---- stacks by chance -----------------------------------------------------------------------------------------

stack_facilities=(auth account session password)
stack_operations=('authenticate setcred' acct_mgmt 'open_session close_session' chauthtok)
stack_codes=(AUTH_ERR PERM_DENIED IGNORE USER_UNKNOWN NEW_AUTHTOK_REQD CRED_UNAVAIL ABORT SESSION_ERR TRY_AGAIN MAXTRIES)
stack_words=(auth_err perm_denied ignore user_unknown new_authtok_reqd cred_unavail abort session_err try_again maxtries)

# Sets `pick` to one of the words.
pick_one() # WORD...
{
    local at=$((RANDOM % $# + 1))

    pick=${!at}
}

# Sets `control`.
random_control()
{
    local action count

    case $((RANDOM % 10)) in
        [0-3]) pick_one required required requisite sufficient sufficient optional && control=$pick ;;
        *)
            control='['
            for ((count = RANDOM % 3 + 1; count > 0; count--)); do
                pick_one ok 'done' bad die ignore reset 1 1 2 3 && action=$pick
                pick_one success success "${stack_words[@]}"
                control+="$pick=$action "
            done
            pick_one ok bad die ignore ignore reset 1 'done'
            control+="default=$pick]"
            ;;
    esac
}

# A profile of one facility, files that it includes, and the probe's script: which line answers what.
random_stack() # PROFILE FACILITY_NUMBER
{
    local stack_name=$1 stack_facility=${stack_facilities[$2]} stack_files=0 stack_lines=0 stack_script=''

    stack_phases=${stack_operations[$2]}
    random_file "$1" 0
    echo "$stack_script" >"$PROBE_SCRIPT_FILE"
}

# Uses and counts the variables of random_stack.
random_file() # NAME DEPTH
{
    local text='' control line lines=$((RANDOM % 5 + 2)) phase below

    for ((line = 0; line < lines; line++)); do
        case $((RANDOM % 20)) in
            0 | 1 | 2) # a file of its own
                if [ "$2" -lt 3 ] && [ "$stack_files" -lt 6 ]; then
                    below=${stack_name}.$((++stack_files))
                    pick_one include substack substack
                    text+="$stack_facility $pick $below"$'\n'
                    random_file "$below" $(($2 + 1))
                fi
                ;;
            3) random_control && text+="-$stack_facility $control pam_prt_missing.so"$'\n' ;;
            4) [ $((RANDOM % 3)) -ne 0 ] || text+="$stack_facility include prt_missing"$'\n' ;;
            *)
                random_control
                text+="$stack_facility $control $PROBE_SO script=$PROBE_SCRIPT_FILE log=$PROBE_LOG_FILE name=n$((++stack_lines))"$'\n'
                for phase in $stack_phases; do
                    pick_one SUCCESS SUCCESS SUCCESS "${stack_codes[RANDOM % 10]}"
                    stack_script+="$phase@n$stack_lines return PAM_$pick"$'\n'
                done
                ;;
        esac
    done
    echo "$text" >"/etc/pam.d/$1"
}

# So many of a facility, each run with a trace and without.  TRACE_SEED of a failed test repeats it.
random_stacks_both_ways() # FACILITY_NUMBER COUNT
{
    local stack operations seed=${TRACE_SEED-$((BASHPID + $1))}

    echo "TRACE_SEED=$seed" # shown when the test fails
    RANDOM=$seed
    read -r -a operations <<<"${stack_operations[$1]}"
    rm -f /etc/pam.d/prt_r[0-9]*
    for ((stack = 1; stack <= $2; stack++)); do
        random_stack "prt_r$stack" "$1"
        echo "== $1 $stack" | tee -a "$TEST_DIR/check" >>"$TEST_DIR/trace"
        both_ways "prt_r$stack" "${operations[@]}"
    done
    rm -f /etc/pam.d/prt_r[0-9]*
}

# What modules answered is what the trees say they did, in the same order.
assert_same_answers()
{
    [ "$(probe_answers "$TEST_DIR/check.log" | wc -l)" -ge 20 ] || fail_because "too few calls"
    assert_eq "$(diff <(probe_answers "$TEST_DIR/check.log") <(probe_answers "$TEST_DIR/trace.log"))" ""
    assert_eq "$(diff <(probe_answers "$TEST_DIR/trace.log") <(tree_answers "$TEST_DIR/trace"))" ""
}
