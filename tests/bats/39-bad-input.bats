# Bad input, as the installed program meets it, for root as the caller and for another: numbers of descriptors, a policy
# that fails while it is read, names and numbers of users, accounts that change under a run. What descriptors and what is
# in them is in 38, what the policy's file may be in 42.
# With sanitizers only in full.
# shellcheck disable=SC2154 # what common.bash sets

load lib/common

setup_file()
{
    begin_file
    make_group prt_other
    make_user prt_alice
    make_user prt_bob
    make_user prt_carol
    probe_profile su # the only one that prt_bob may use
}

callers=(root prt_bob)

# Nothing was asked or run.
assert_nothing() # STATUS MESSAGE [WHAT]
{
    [ "$status" -eq "$1" ] || fail_because "${3-}: status $status, expected $1"
    assert_eq "$stdout" "" "${3-}"
    assert_eq "${stderr%%$'\n'*}" "pamrun: $2" "${3-}"
    assert_eq "$(probe_log)" "" "${3-}"
}

# ---- numbers of descriptors -----------------------------------------------------------------------------------

@test "a number that is no descriptor's is refused, and is not descriptor 7 by some other reading" {
    local caller option number shown

    install -m 0600 /dev/null "$TEST_DIR/secret"
    echo secret >"$TEST_DIR/secret"
    for caller in "${callers[@]}"; do
        for option in --forward-password-fd --forward-answers-fd; do
            for number in "" -1 -7 0x7 " 7" "7 " +7 7. 7x $'7\n' 4294967303 18446744073709551623 -4294967289 0 1 2 00 -0; do
                # 7 is one that could be read
                run_pamrun_as "$caller" "$option=$number" -u prt_alice -- echo ran 7<"$TEST_DIR/secret"
                shown=${number//$'\n'/'\012'}
                assert_nothing 64 "$option '$shown': needs a descriptor number above 2: 0 to 2 are the command's, as in \
$option 3 3<secret$([[ $option != *answers* ]] || echo s)" "$caller $number"
            done
        done
    done
}

@test "a descriptor is given once, and by one option" {
    local caller option words

    install -m 0600 /dev/null "$TEST_DIR/secret"
    echo secret >"$TEST_DIR/secret"
    for caller in "${callers[@]}"; do
        for option in --forward-password-fd --forward-answers-fd; do
            for words in "7 8" "8 7" "7 7"; do
                run_pamrun_as "$caller" $option "${words% *}" $option "${words#* }" -u prt_alice -- echo ran \
                    7<"$TEST_DIR/secret" 8<"$TEST_DIR/secret"
                assert_nothing 64 "$option: may be given once: the command would get the other descriptor" "$words"
            done
        done
        run_pamrun_as "$caller" --forward-password-fd 7 --forward-answers-fd 8 -u prt_alice -- echo ran \
            7<"$TEST_DIR/secret" 8<"$TEST_DIR/secret"
        assert_status 64
        assert_eq "$stdout$(probe_log)" ""
    done
}

# ---- a policy that fails while it is read ---------------------------------------------------------------------

# pamrun of CALLER's where CALL on PATH fails with ERROR; strace(1) -u keeps the program setuid.
run_with_fault() # CALLER PATH CALL ERROR ARGUMENT...
{
    run_program strace -f -q -o /dev/null -u "$1" -P "$2" -e "trace=$3" -e "inject=$3:error=$4" "$PAMRUN" "${@:5}"
}

@test "whatever call fails on a file of the policy, or on its directory, nobody is let in" {
    local caller path call name shown

    [ "${SANITIZED-}" != 1 ] || return 0 # the leak checker and strace(1) exclude each other
    needs strace
    keep_file /etc/pamrun.conf.d
    install -d -m 0755 /etc/pamrun.conf.d
    # would let in
    site_policy <<<"close-on-exit = no"
    install -m 0644 /dev/null /etc/pamrun.conf.d/x.conf
    run_with_fault root /nowhere openat EMFILE -u prt_alice -- echo ran
    assert_eq "$status $stdout" "0 ran"
    while read -r path call name; do
        shown=$(python3 -c 'import errno, os, sys; print(os.strerror(getattr(errno, sys.argv[1])))' "$name")
        shown="/etc/pamrun.conf${path#/etc/pamrun.conf}: $shown"
        [ "$path" != x.conf ] || shown="/etc/pamrun.conf.d/x.conf: ${shown##*: }"
        for caller in "${callers[@]}"; do
            probe_reset
            run_with_fault "$caller" "$path" "$call" "$name" -u prt_alice -- echo ran
            if [ "$name" = ENOMEM ]; then
                # of memory it is told without a file
                assert_match "$status $stderr" "^(71 pamrun: policy: out of memory|78 pamrun: $shown.*)\$"
                assert_eq "$stdout$(probe_log)" "" "$caller $path $call $name"
            else
                assert_nothing 78 "$shown" "$caller $path $call $name"
            fi
        done
    done <<'CASES'
/etc/pamrun.conf openat EMFILE
/etc/pamrun.conf openat ENFILE
/etc/pamrun.conf openat ENOMEM
/etc/pamrun.conf openat EIO
/etc/pamrun.conf openat EACCES
/etc/pamrun.conf openat EINTR
/etc/pamrun.conf openat ESTALE
/etc/pamrun.conf openat ENOTDIR
/etc/pamrun.conf read EIO
/etc/pamrun.conf read ESTALE
/etc/pamrun.conf read ENOMEM
/etc/pamrun.conf read ENOENT
/etc/pamrun.conf fstat,newfstatat EIO
/etc/pamrun.conf.d openat EMFILE
/etc/pamrun.conf.d openat EIO
/etc/pamrun.conf.d openat EACCES
/etc/pamrun.conf.d getdents64 EIO
/etc/pamrun.conf.d getdents64 ENOMEM
x.conf openat EMFILE
x.conf openat EIO
/etc/pamrun.conf.d/x.conf read EIO
CASES
}

@test "with room for a few descriptors and no more, at each level: one clear refusal, and once it is the policy's" {
    local caller level told=''

    [ "${SANITIZED-}" != 1 ] || return 0 # the sanitizer needs more than that
    keep_file /etc/pamrun.conf.d
    install -d -m 0755 /etc/pamrun.conf.d
    site_policy <<<"required-groups = prt_other"
    install -m 0644 /dev/null /etc/pamrun.conf.d/x.conf
    for caller in "${callers[@]}"; do
        for level in {1..24}; do
            probe_reset
            run_program "$TOOLS/hostile" --user "$caller" --limits nofile "$level" -- "$PAMRUN" -u prt_alice -- echo ran
            assert_eq "$stdout" "" "$caller $level"
            assert_eq "$(probe_count open_session)" 0 "$caller $level"
            [ "$status" -ne 0 ] || fail_because "$caller $level: status 0"
            [ "$status" -ne 78 ] || told+="$caller ${stderr%%$'\n'*}"$'\n'
            # the loader speaks for itself where not even a library can be opened
            [[ $status = 127 || $status = 71 || $status = 75 || $status = 77 || $status = 78 || $status = 69 ]] \
                || fail_because "$caller $level: status $status"
        done
        # for others there is more room, or at once a refusal
        [ $caller = root ] || continue
        assert_match "$told" "root pamrun: /etc/pamrun.conf[^:]*: Too many open files"
        # the last level is enough, and then the policy has its say
        assert_eq "$status" 77
    done
    assert_eq "$told" "$(grep ^root <<<"$told")"$'\n'
}

# ---- names ----------------------------------------------------------------------------------------------------

@test "to others, too, a number is no user: neither -1, 0 nor #0, and a name of digits is a name" {
    local caller name

    for name in -1 -0 --; do
        run_pamrun_as prt_bob "--user=$name" -- id
        assert_nothing 64 "user name '$name': not a possible one" "$name"
    done
    # as every unknown name, they go through PAM, which lets them in here
    for name in 0 '#0' '#-1' 4294967295 4294967296 0x0 +0 "$(id -u prt_carol)"; do
        run_pamrun_as prt_bob "--user=$name" -- id
        assert_status 67
        assert_eq "$stdout" "" "$name"
        assert_eq "${stderr%%$'\n'*}" "pamrun: user $name: does not exist" "$name"
        assert_eq "$(probe_count open_session)" 0 "$name"
        probe_reset
    done
    keep_file /etc/passwd
    for name in 0 4294967295 "$(id -u prt_alice)"; do
        echo "$name:x:$(id -u prt_carol):$(id -g prt_carol)::/:/bin/sh" >>/etc/passwd
        for caller in "${callers[@]}"; do
            run_pamrun_as "$caller" -u "$name" -- id -u
            assert_eq "$status $stdout" "0 $(id -u prt_carol)" "$caller $name"
        done
    done
}

@test "--account-uid takes a user id and no other form of a number" {
    local number

    for number in "" -1 4294967295 4294967296 18446744073709551616 0x0 +0 " 0" "0 " '#0' 0.0 1e3 $'0\n'; do
        run_pamrun "--account-uid=$number" -- id
        assert_status 64
        assert_eq "$stdout$(probe_log)" "" "$number"
        assert_match "$stderr" "^pamrun: --account-uid '"
    done
}

# What the C library does with them is its own affair: these are not the ids that the run may have.
@test "an entry whose user or group id is beyond 32 bits, or no number, is nobody's: never that of root" {
    local caller id field

    keep_file /etc/passwd
    for id in 4294967295 4294967296 "$((4294967296 + $(id -u prt_carol)))" 18446744073709551615 18446744073709551616 \
        99999999999999999999 -1 -4294967296 0x0 '#0' '' ' '; do
        for field in uid gid; do
            restore_file test /etc/passwd
            keep_file /etc/passwd
            if [ $field = uid ]; then
                echo "prt_wide:x:$id:$(id -g prt_carol)::/:/bin/sh" >>/etc/passwd
            else
                echo "prt_wide:x:$(id -u prt_carol):$id::/:/bin/sh" >>/etc/passwd
            fi
            for caller in "${callers[@]}"; do
                probe_reset
                run_pamrun_as "$caller" -u prt_wide -- id
                assert_status 67
                assert_eq "$stdout" "" "$caller $field '$id'"
                assert_match "${stderr%%$'\n'*}" \
                    '^pamrun: user prt_wide: (does not exist|4294967295 is no user or group id)$'
                assert_eq "$(probe_count open_session)" 0 "$caller $field '$id'"
            done
        done
    done
}

@test "a group whose id is beyond 32 bits, or no number, is no group" {
    local id

    keep_file /etc/group
    for id in 4294967295 4294967296 18446744073709551616 -1 0x0 '#0' ''; do
        restore_file test /etc/group
        keep_file /etc/group
        echo "prt_wide:x:$id:" >>/etc/group
        run_pamrun -g prt_wide -u prt_alice -- id
        assert_nothing 67 "group prt_wide: does not exist" "'$id'"
        site_policy <<<"required-groups = prt_wide"
        run_pamrun_as prt_bob -u prt_alice -- id
        assert_status 77
        assert_eq "$stdout" ""
        restore_file test /etc/pamrun.conf
        probe_reset
    done
}

@test "an account in 300 groups gets all of them from another caller as well, and the last one counts" {
    local number caller

    make_user prt_many
    keep_file /etc/group
    for number in {1..300}; do
        echo "prt_g$number:x:$((7000 + number)):prt_many"
    done >>/etc/group
    site_policy <<<"required-groups = prt_g300"
    for caller in "${callers[@]}"; do
        run_pamrun_as "$caller" -u prt_many -- id -G
        assert_status 0
        assert_eq "$(tr ' ' '\n' <<<"$stdout" | sort -n)" "$(id -G prt_many | tr ' ' '\n' | sort -n)"
        assert_eq "$(wc -w <<<"$stdout")" 301
    done
}

# ---- accounts that change -------------------------------------------------------------------------------------

# A run of CALLER's, in whose PHASE the file of users is edited.
run_with_change() # CALLER PHASE SED-SCRIPT
{
    rm -f "$TEST_DIR/asked" "$TEST_DIR/go"
    probe_reset
    probe_script <<SCRIPT
$2 touch $TEST_DIR/asked
$2 wait-file $TEST_DIR/go
SCRIPT
    keep_file /etc/passwd
    start_pamrun_as "$1" --close-on-exit -u prt_carol -- sh -c 'id -u; id -g; id -G'
    wait_until 30 test -e "$TEST_DIR/asked"
    sed -E -i "$3" /etc/passwd
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    restore_file test /etc/passwd
}

# For who is asked while it is not known whether he may, and for who has been: once checked, the ids are those of the run.
@test "an account that vanishes or changes in a step: refused while it is checked, and after that the ids that were" {
    local caller phase change uid gid

    uid=$(id -u prt_carol) gid=$(id -g prt_carol)
    for caller in "${callers[@]}"; do
        for phase in authenticate acct_mgmt setcred-establish open_session; do
            for change in '/^prt_carol:/d' 's/^(prt_carol:[^:]*):[0-9]+/\1:0/' 's/^(prt_carol:[^:]*:[0-9]+):[0-9]+/\1:0/' \
                's/^(prt_carol:[^:]*):[0-9]+/\1:4294967296/'; do
                run_with_change "$caller" $phase "$change"
                case $phase:$change in
                    setcred-establish:* | open_session:*)
                        assert_status 0
                        assert_eq "$output" "$uid"$'\n'"$gid"$'\n'"$gid" "$caller $phase $change"
                        ;;
                    */d | *6/)
                        assert_status 67
                        assert_eq "$stdout" "" "$caller $phase $change"
                        ;;
                    *)
                        assert_status 77
                        assert_eq "$stdout" ""
                        assert_match "$stderr" '^pamrun: user prt_carol: changed while the PAM modules ran \(was uid '
                        ;;
                esac
                # what was opened is closed, what was not is not
                assert_eq "$(probe_count open_session)" "$(probe_count close_session)"
                assert_eq "$(session_members "$pamrun_pid")" ""
            done
        done
    done
}

@test "a caller who vanishes while modules run is still the one who called" {
    local uid

    probe_script <<SCRIPT
authenticate touch $TEST_DIR/asked
authenticate wait-file $TEST_DIR/go
SCRIPT
    keep_file /etc/passwd
    log_start
    uid=$(id -u prt_bob)
    start_pamrun_as prt_bob -u prt_carol -- id -u
    wait_until 30 test -e "$TEST_DIR/asked"
    sed -i '/^prt_bob:/d' /etc/passwd
    touch "$TEST_DIR/go"
    end_status "$pamrun_pid"
    restore_file test /etc/passwd
    assert_eq "$status $stdout" "0 $(id -u prt_carol)"
    assert_match "$(log_lines 'pamrun\[')" ": allowed: applicant=\"prt_bob\" uid=$uid "
}
