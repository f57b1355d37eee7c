# The release build, as README says to make it: what a distribution would install.  How it is hardened, that it holds no
# switch, variable or path of a test, what is installed with which mode, and that two builds have the same bytes.
# Never with sanitizers: these builds are this file's own.
# shellcheck disable=SC2154 # what common.bash sets

load lib/common

tree=$BATS_TEST_DIRNAME/../..
one=$STATE_DIR/one/pamrun
two=$STATE_DIR/another/place/pamrun-1

setup_file()
{
    begin_file
    install -d "$one" "$two"
    copy_tree "$one"
    copy_tree "$two"
    # with debugging information, which knows most about where it was made; the second one as somebody else would
    release_build "$one" >"$STATE_DIR/build.one" 2>&1 || { cat "$STATE_DIR/build.one" && return 1; }
    (
        umask 077
        export HOME=/nowhere TZ=Asia/Tokyo LANG=de_DE.UTF-8 LOGNAME=prt_builder USER=prt_builder
        release_build "$two" -j 1
    ) >"$STATE_DIR/build.two" 2>&1 || { cat "$STATE_DIR/build.two" && return 1; }
}

setup()
{
    begin_test
    needs meson ninja cc readelf strings
}

copy_tree() # TO
{
    tar -C "$tree" --exclude=./build --exclude=./.git -cf - . | tar -C "$1" --no-same-owner -xf -
}

release_build() # TREE [ninja option...]
{
    local at=$1

    shift
    meson setup "$at/build" "$at" --prefix=/usr --sysconfdir=/etc --buildtype=release -Ddebug=true &&
        ninja -C "$at/build" "$@"
}

# ---- how a program is hardened ------------------------------------------------------------------------------------

# What is wrong with the program FILE, one a line; nothing is best.
weaknesses() # FILE
{
    local headers dynamic symbols

    headers=$(readelf --wide --file-header --program-headers "$1")
    dynamic=$(readelf --wide --dynamic "$1")
    symbols=$(readelf --wide --dyn-syms "$1")
    grep -q 'Type: *DYN ' <<<"$headers" && grep -q 'FLAGS_1.*PIE' <<<"$dynamic" || echo "not position-independent"
    grep -q ' GNU_RELRO ' <<<"$headers" || echo "tables of the loader stay writable: no RELRO"
    grep -qE '\((FLAGS|FLAGS_1)\).*NOW' <<<"$dynamic" || echo "symbols are looked up late: no BIND_NOW"
    grep -qE ' GNU_STACK .* RW ' <<<"$headers" || echo "executable stack"
    if grep -qE ' (LOAD|GNU_STACK) .* (RWE|WE) ' <<<"$headers"; then echo "memory to write to and to execute"; fi
    if grep -q TEXTREL <<<"$dynamic"; then echo "relocations in the code"; fi
    if grep -qE '\((RPATH|RUNPATH)\)' <<<"$dynamic"; then echo "a path for libraries: RPATH"; fi
    grep -q ' __stack_chk_fail' <<<"$symbols" || echo "no stack protector"
    grep -qE ' __(memcpy|snprintf|vsnprintf|fprintf)_chk' <<<"$symbols" || echo "not fortified"
}

@test "position-independent, RELRO and BIND_NOW, no executable stack, no RPATH, canaries, fortified: both programs, both builds" {
    local program

    for program in "$PAMRUN" "$PAMRUNCTL" "$one"/build/src/pamrun "$one"/build/src/pamrunctl; do
        assert_eq "$(weaknesses "$program")" "" "$program"
    done
}

@test "a program that has none of this is seen to have none" {
    local wanted

    wanted=$(printf '%s\n' "not position-independent" "tables of the loader stay writable: no RELRO" \
        "symbols are looked up late: no BIND_NOW" "executable stack" "memory to write to and to execute" \
        "a path for libraries: RPATH" "no stack protector" "not fortified")
    echo 'int main(void) { return 0; }' >"$TEST_DIR/weak.c"
    cc -O0 -no-pie -fno-stack-protector -U_FORTIFY_SOURCE -Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/tmp \
        -o "$TEST_DIR/weak" "$TEST_DIR/weak.c"
    assert_eq "$(weaknesses "$TEST_DIR/weak")" "$wanted"
}

@test "every source file is compiled with the hardening options, in the release build and in the one that is tested" {
    local commands option

    for commands in "$BUILD_DIR/compile_commands.json" "$one/build/compile_commands.json"; do
        run_program python3 - "$commands" <<'END'
import json, sys
wanted = ["-fstack-protector-strong", "-fstack-clash-protection", "-ftrivial-auto-var-init=zero",
          "-fno-delete-null-pointer-checks", "-D_FORTIFY_SOURCE=3", "-fvisibility=hidden"]
seen = 0
for entry in json.load(open(sys.argv[1])):
    if "/src/" not in "/" + entry["file"].replace("../", "/"):
        continue
    words = entry["command"].split()
    seen += 1
    # the last one of a kind counts
    undone = [word for word in words if word in ("-fno-stack-protector", "-fno-pie", "-fno-PIE", "-O0", "-DNDEBUG")]
    missing = [option for option in wanted if option not in words]
    if "-fPIE" not in words and "-fPIC" not in words:
        missing.append("-fPIE")
    if missing or undone or words.index("-U_FORTIFY_SOURCE") > words.index("-D_FORTIFY_SOURCE=3"):
        print(entry["file"], "without", missing, "with", undone)
print("seen", seen >= 40)
END
        assert_eq "$stdout$stderr" "seen True" "$commands"
    done
}

@test "the programs are linked with libc, pamrunctl libjansson, and what is linked in where there is an archive of it" {
    local program

    assert_eq "$(readelf --wide --dynamic "$PAMRUN" | grep -c jansson)" 0
    for program in "$PAMRUN" "$PAMRUNCTL" "$one"/build/src/pamrun; do
        assert_eq "$(readelf --wide --dynamic "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
            grep -vE '^(libc\.so\.6|libjansson\.so\.4|libbsd\.so\.0|libinih\.so\.1|ld-linux.*)$')" "" "$program"
    done
}

# ---- nothing of a test in it --------------------------------------------------------------------------------------

# Strings of FILE that look like an absolute path, one a line; of a format or a list of them each.
paths_in() # FILE
{
    objcopy -O binary --only-section=.rodata "$1" "$TEST_DIR/rodata" # code has such bytes by chance
    strings -n 4 "$TEST_DIR/rodata" | grep -oE '(^|[] "=:,(])/[A-Za-z][A-Za-z0-9._/-]+' | sed 's/^[^/]//' | LC_ALL=C sort -u
}

# What it has to do with: a new place is a decision, and is written down here.
known_path='^/(bin/sh|lib64?/ld-[a-z0-9.-]+|etc/(login\.defs|shells|nologin|nsswitch\.conf|pamrun\.conf(\.d)?|pam\.d/?)'
known_path+='|usr/lib/pam\.d|run/(nologin|pamrun(/[a-z/]*)?)|proc/?|proc/[a-z/_-]+|run/systemd/(private|system)|org/freedesktop/systemd1|cgroup\.procs|sys/fs/cgroup(/[a-z.]*)?'
known_path+='|dev/?(null|tty|log|pts|ptmx|fd)?|var/log/[bw]tmp|(usr/)?(local/)?s?bin|path)[A-Z]?$'

@test "the setuid program names no path but those of the system: none of a build, of a test, of a home or of /tmp" {
    # strip(1) as packages do: the names of source files are for debuggers
    strip -o "$TEST_DIR/pamrun" "$one/build/src/pamrun"
    assert_contains "$(paths_in "$TEST_DIR/pamrun")" /etc/pamrun.conf
    assert_eq "$(paths_in "$TEST_DIR/pamrun" | grep -vE "$known_path")" ""
}

@test "neither place nor person of a build is in the programs, with debugging information too" {
    local program

    for program in pamrun pamrunctl; do
        refute grep -aqF -e "$STATE_DIR" -e pamrun-1 -e /nowhere -e prt_builder "$two/build/src/$program"
        assert grep -aqF pamrun.c "$two/build/src/$program"
    done
}

@test "no switch of a test is in the installed programs: no step points, no probe, no variable that is looked at but PATH" {
    local program

    for program in "$PAMRUN" "$PAMRUNCTL" "$one"/build/src/pamrun "$one"/build/src/pamrunctl; do
        assert_eq "$(strings -n 4 "$program" |
            grep -iE 'step[-_]?point|pam_probe|pamdrive|prt_|TESTS_|SANITIZED|fuzz|LD_PRELOAD|PAMRUN_(STEP|TEST|DEBUG|CONF)')" \
            "" "$program"
    done
    # what it asks the environment for, while that is its own: the command's PATH
    assert_eq "$(grep -hoE '\b(secure_)?getenv\(["a-zA-Z_][^)]*\)' "$tree"/src/pamrun.c "$tree"/src/{ask,base,pam,run,share}/*.c | sort -u)" 'getenv("PATH")'
}

# ---- what is installed --------------------------------------------------------------------------------------------

# Mode, owner and name of everything below DIRECTORY, folders too, with names as from the root.
listing() # DIRECTORY
{
    (cd "$1" && find . -mindepth 1 ! -type d -printf '%m %u:%g %y /%P\n' -o -mindepth 1 -type d -printf '%m %u:%g d /%P\n') |
        LC_ALL=C sort -k 4
}

@test "files are installed with these modes, root's, and no others, whatever the umask: one of them is setuid" {
    local mask file

    for mask in 000 022 077; do
        # the folders are the packager's, or there already
        (umask "$mask" && DESTDIR=$TEST_DIR/root.$mask meson install -C "$one/build" --no-rebuild) >/dev/null
        listing "$TEST_DIR/root.$mask" | grep -v ' d /' >"$TEST_DIR/found"
        assert_eq "$(grep -E '^[0-7]{4} ' "$TEST_DIR/found")" "4755 root:root f /usr/bin/pamrun" "umask $mask"
        assert_eq "$(grep -E '^7' "$TEST_DIR/found" | grep -vE '^755 root:root f /usr/share/pamrun/hooks/[a-z-]*$')" \
            "755 root:root f /usr/sbin/pamrunctl" "umask $mask"
        assert_eq "$(grep -cE ' /(usr/)?s?bin/' "$TEST_DIR/found")" 2 "umask $mask"
        # PAM never looks where the module of pamrunctl trace is
        assert_eq "$(grep -vE '^(4755|755) ' "$TEST_DIR/found" |
            grep -vE '^644 root:root f /usr/(share/|lib/tmpfiles\.d/pamrun\.conf$|lib.*/pamrun/pam_trace\.so$)')" "" "umask $mask"
    done
    # nothing is put where it takes effect
    refute test -e "$TEST_DIR/root.022/etc"
    # the man pages, completions and samples that README names
    for file in man/man8/pamrun.8 man/man5/pamrun.conf.5 doc/pamrun/examples/pamrun-job bash-completion/completions/pamrun; do
        assert test -s "$TEST_DIR/root.022/usr/share/$file"
    done
}

@test "a build with tests installs what one without them does" {
    local plan='import json, sys
print("\n".join(sorted(path for path in json.load(open(sys.argv[1])).values())))'

    assert_eq "$(diff <(python3 -c "$plan" "$one/build/meson-info/intro-installed.json") \
        <(python3 -c "$plan" "$BUILD_DIR/meson-info/intro-installed.json"))" ""
}

@test "what is installed here is what was built, and root's: the programs and the folders that they are in" {
    assert_eq "$(stat -c '%a %U:%G %F' "$PAMRUN")" "4755 root:root regular file"
    assert_eq "$(stat -c '%a %U:%G %F' "$PAMRUNCTL")" "755 root:root regular file"
    assert cmp "$PAMRUN" "$BUILD_DIR/src/pamrun"
    # setuid, and nothing beside it
    assert_eq "$(python3 -c 'import os, sys
print([name for path in sys.argv[1:] for name in os.listxattr(path) if name == "security.capability"])' \
        "$PAMRUN" "$PAMRUNCTL" 2>&1)" "[]"
}

# ---- the same bytes -----------------------------------------------------------------------------------------------

sums_of() # TREE
{
    DESTDIR=$TEST_DIR/sums meson install -C "$1/build" --no-rebuild >/dev/null
    (cd "$TEST_DIR/sums" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
    rm -rf "$TEST_DIR/sums"
}

@test "two builds in different places, by different people, in different languages and time zones: the same bytes" {
    local first

    first=$(sums_of "$one")
    [ "$(wc -l <<<"$first")" -ge 19 ]
    assert_eq "$(diff <(echo "$first") <(sums_of "$two"))" ""
    # what does differ is seen
    printf x >>"$two/build/src/pamrunctl"
    assert_match "$(diff <(echo "$first") <(sums_of "$two"))" 'usr/sbin/pamrunctl'
}
