# The manual page and README say what the program does: options, exit statuses, events, packages.
# With sanitizers only in full.

load lib/common

setup_file()
{
    tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    export tree
}
setup() { PROBE_LOG_FILE=/dev/null; }
teardown() { :; }
teardown_file() { :; }

# Lines of a section of the manual page.
man_section() # TITLE
{
    awk -v title="$1" '/^\.Sh / { inside = substr($0, 5) == title } inside' "$tree/man/pamrun.8"
}

# Options as --help has them: words and letters, sorted, one a line; "-" stands for --login too.
help_options()
{
    "$PAMRUN" --help | sed -n '/^Options:/,$p' | grep -oE '^ +((-[A-Za-z], )*)--[a-z-]+' | tr ', ' '\n\n' |
        grep -E -- '^-' | LC_ALL=C sort -u
}

# The same from the entries of the manual page: .It Fl u Ar user , Fl Fl user Ar user
man_options()
{
    man_section OPTIONS | sed -n 's/^\.It //p' | sed 's/Fl Fl /\n--/g; s/Fl \([A-Za-z]\)\b/\n-\1 /g' |
        grep -oE '^(--[a-z-]+|-[A-Za-z]\b)' | LC_ALL=C sort -u
}

# Option, its argument: --user USER in --help, --user user in the manual page.
help_arguments()
{
    "$PAMRUN" --help | sed -n '/^Options:/,$p' | grep -oE -- '--[a-z-]+ [A-Z=]+( |$)' | tr '[:upper:]' '[:lower:]' |
        sed 's/ *$//' | LC_ALL=C sort -u
}

@test "every option of --help has its entry in the manual page, and the other way round" {
    [ "$(help_options | wc -l)" -ge 40 ]
    assert_eq "$(diff <(help_options) <(man_options))" ""
}

@test "which options take an argument is the same in both" {
    local wanted found

    wanted=$(help_arguments | cut -d ' ' -f 1)
    found=$(man_section OPTIONS | sed -n 's/^\.It //p' | grep -oE 'Fl Fl [a-z-]+ Ar' |
        sed -E 's/Fl Fl ([a-z-]+) Ar/--\1/' | LC_ALL=C sort -u)
    [ "$(wc -l <<<"$wanted")" -ge 14 ]
    assert_eq "$(diff <(echo "$wanted") <(echo "$found"))" ""
}

# ---- pamrunctl ------------------------------------------------------------------------------------------------

# Options of pamrunctl, or of its VERB, sorted: as --help has them, and as a section of its manual page has them.
ctl_options() # [VERB]
{
    "$PAMRUNCTL" "$@" --help | sed -n '/^Options:/,/^$/p' | grep -oE -- '(^ -[a-zA-Z]|--[a-z-]+( [A-Z]+)?)' |
        tr -d ',' | sed 's/^ *//' | tr '[:upper:]' '[:lower:]' | LC_ALL=C sort -u
}

ctl_man_options() # SECTION
{
    awk -v title="$1" '/^\.Sh / { inside = substr($0, 5) == title } inside' "$tree/man/pamrunctl.8" |
        sed -n 's/^\.It Fl //p' | sed -E 's/ , Fl /\n/; s/ Ar / /; s/ Ns .*//' | sed -E 's/Fl /--/; s/^([a-zA-Z])$/-\1/' |
        tr '[:upper:]' '[:lower:]' | LC_ALL=C sort -u
}

@test "pamrunctl: options of --help, with their arguments, are those of the manual page, verb by verb" {
    local verb verbs

    verbs=$("$PAMRUNCTL" --help | sed -n '/^Verbs:/,/^$/s/^ \{5\}\([a-z]*\) .*/\1/p')
    assert_contains "$verbs" config
    [ "$(ctl_options config | wc -l)" -ge 6 ]
    for verb in $verbs; do
        assert_eq "$(diff <(ctl_options "$verb") <(ctl_man_options "${verb^^}"))" ""
    done
    assert_eq "$(diff <(ctl_options) <(ctl_man_options OPTIONS))" ""
}

@test "pamrunctl: every exit status of its manual page is one of the sources', and of --help" {
    local number numbers

    numbers=$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It //p' "$tree/man/pamrunctl.8")
    [ "$(wc -l <<<"$numbers")" -ge 7 ]
    for number in $numbers; do
        assert grep -qE "\\b$number\\b" <("$PAMRUNCTL" config --help)
        [ "$number" = 0 ] || assert grep -qx "$number" <(source_statuses)
    done
}

# Numbers that the sources name as exit statuses.
source_statuses()
{
    sed -nE 's/^ *STATUS_[A-Z_]+ = ([0-9]+).*/\1/p' "$tree"/src/base/error.h
}

@test "every exit status is in the manual page and in --help, and no other one" {
    local number

    [ "$(source_statuses | wc -l)" -ge 8 ]
    for number in $(source_statuses); do
        assert grep -qE "^\\.It ([0-9]+, )?(Ns )?$number\\b" <(man_section 'EXIT STATUS')
        assert grep -qE "\\b$number(\\+n)?\\b" <("$PAMRUN" --help)
    done
    while read -r number; do
        assert grep -qx "$number" <(source_statuses)
    done < <(man_section 'EXIT STATUS' | grep -oE '^\.It (64|6[5-9]|7[0-8])\b' | grep -oE '[0-9]+')
}

@test "every failure's message says what failed and why: they have a colon between them" {
    # prints the formats without one; the calls may be cut over lines, and the formats too
    local found

    found=$(python3 - "$tree"/src/*.c "$tree"/src/*/*.c <<'END' 2>&1
import re, sys
string = r'(?:"(?:[^"\\]|\\.)*"\s*)+'
found = 0
for name in sys.argv[1:]:
    for call in re.finditer(r'\bfail\(\s*[\w>-]+,[^"]*?(' + string + ')', open(name).read()):
        words = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call.group(1)))
        found += 1
        if ": " not in words:
            print(name, words)
print("many" if found > 80 else found)
END
    )
    assert_eq "$found" many
}

@test "every JSON event that the sources write has its entry, and the other way round" {
    local written described

    # the calls may be cut over lines
    written=$(tr '\n' ' ' < <(cat "$tree"/src/*.c "$tree"/src/*/*.c) |
        grep -oE '(EVENT\([^,"]+, *"[a-z-]+"|\{\\"event\\":\\"[a-z-]+\\")' | sed -E 's/^.*"([a-z-]+)\\?"$/\1/' |
        LC_ALL=C sort -u)
    described=$(man_section 'JSON EVENTS' | sed -nE 's/^\.It Cm ([a-z-]+).*/\1/p' | LC_ALL=C sort -u)
    [ "$(wc -l <<<"$written")" -ge 9 ]
    assert_eq "$(diff <(echo "$written") <(echo "$described"))" ""
}

@test "every field of the events is in the manual page" {
    local field section

    section=$(man_section 'JSON EVENTS')
    for field in $(tr '\n' ' ' < <(cat "$tree"/src/*.c "$tree"/src/*/*.c) |
        grep -oE '(TEXT|NUMBER)_FIELD\("[a-z-]+"' | cut -d '"' -f 2 | sort -u); do
        assert grep -qE "\\b$field\\b" <<<"$section"
    done
}

@test "every field of the log is in the manual page" {
    local field section

    section=$(man_section LOGGING)
    for field in applicant uid loginuid account profile tty identity delegate step code status reason command; do
        assert grep -qE "\\b$field\\b" <<<"$section"
        assert grep -qE "\\b$field=(%|\"|yes)" "$tree/src/pamrun.c"
    done
}

@test "every step that has a deadline is in the manual page" {
    local step

    for step in $(sed -nE 's/.*\{"([a-z_]+)", true\}.*/\1/p' "$tree/src/base/error.c"); do
        assert grep -qE "\\b$step\\b" <(man_section OPTIONS)
    done
}

@test "SECURITY.md: every row of the requirements is there and complete, and each test and file that is named exists" {
    local found

    found=$(
        python3 - "$tree" 2>&1 <<'END'
import glob, os, re, sys

os.chdir(sys.argv[1])
names = set()
for path in glob.glob("tests/bats/*.bats") + glob.glob("tests/bats/full/*.bats"):
    names |= set(re.findall(r'^@test "(.*)" \{$', open(path).read(), re.M))
unit = "".join(open(path).read() for path in glob.glob("tests/unit/*.c"))
names |= set(re.findall(r'\{\s*"([^"\n]+)"', unit)) | set(re.findall(r"^static void ([a-z0-9_]+)\(void \*\*state\)", unit, re.M))
names |= set("fuzz " + path[16:-2] for path in glob.glob("tests/fuzz/fuzz_*.c"))
if len(names) < 1000:
    print("only", len(names), "tests")
last = {"A": 12, "B": 22, "C": 10, "D": 13, "E": 11, "F": 9, "G": 12, "H": 9, "K": 12}
wanted = [letter + str(number) for letter in last for number in range(1, last[letter] + 1)]
rows, others = [], 0
for line in open("SECURITY.md"):
    if not line.startswith("| ") or re.match(r"\| (row|program|attack) \|", line):
        continue
    cells = [cell.strip() for cell in line.rstrip("\n").strip("|").split("|")]
    if len(cells) != 4 or "" in cells:
        print("not four full cells:", line)
        continue
    if re.fullmatch(r"[A-K][0-9]+", cells[0]):
        rows.append(cells[0])
    else:
        others += 1
    for path in re.findall(r"\bsrc/[a-z_/.]*[a-z]", cells[2]):
        if not os.path.exists(path):
            print(cells[0], "no file", path)
    tests = re.findall(r'"([^"]+)"', cells[3])
    if not tests and not re.match(r"Review: \w", cells[3]):
        print(cells[0], "has no test and is not for review")
    for test in tests:
        if test not in names:
            print(cells[0], "no test", test)
if rows != wanted:
    print("rows:", set(wanted) ^ set(rows) or "not in their order")
if others < 80:
    print("only", others, "known attacks")
END
    )
    assert_eq "$found" ""
}

@test "README names every package that setup installs" {
    local package

    [ "$(setup_packages build | wc -l)" -ge 8 ]
    for package in $(setup_packages build); do
        assert grep -qE "(^|[^a-z0-9-])$package([^a-z0-9-]|\$)" "$tree/README"
    done
    for package in $(setup_packages test) $(setup_packages full); do
        grep -qE "(^|[^a-z0-9-])$package([^a-z0-9-]|\$)" "$tree/README" || fail_because "README: $package"
    done
}

# Debian's names of what setup installs for USE.
setup_packages() # USE
{
    sed -n "/^packages='\$/,/^'\$/p" "$tree/setup" | awk -F '|' -v use="$1" '
        { gsub(/ /, "") } $1 == use && $2 != "-" { print $2 }'
}

@test "README names every library that is linked" {
    local library

    for library in libpam libcap-ng libbsd libinih; do
        assert grep -qiE "$library" "$tree/README"
    done
}

@test "README's first screen has the two commands" {
    assert grep -qF './setup run' <(head -n 24 "$tree/README")
    assert grep -qF './setup test' <(head -n 24 "$tree/README")
}

@test "the manual pages are without a fault, and installed where man finds them" {
    needs mandoc
    assert_eq "$(mandoc -Tlint -W warning "$tree"/man/*.[0-9])" ""
    assert test -e "${PAMRUN%/bin/pamrun}/share/man/man8/pamrun.8"
    assert test -e "${PAMRUN%/bin/pamrun}/share/man/man8/pamrunctl.8"
    assert test -e "${PAMRUN%/bin/pamrun}/share/man/man5/pamrun.conf.5"
    assert test -e "${PAMRUN%/bin/pamrun}/share/doc/pamrun/examples/pamrun.conf"
}

@test "examples in the manual page and README use options that exist" {
    local option

    for option in $(grep -ohE '(^|[[:space:]])pamrun( +-[^ ]*( +[A-Za-z0-9=_./]+)?)* ' "$tree/README" |
        grep -oE -- ' --[a-z-]+' | sort -u); do
        assert grep -qxF -- "$option" <(help_options)
    done
}
