# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what tests read; what common.bash sets
# cgroups.bash: control groups of the kernel's own for tests.  They are the machine's, not the copy's: everything is below
# one group with a name of its own in each hierarchy, and goes with cgroups_end.
#
#   cgroups_begin              once a file: $cgroup2 (and $cgroup1, empty where the kernel has no version 1 for us) are
#                              folders in which groups may be made
#   cgroup_make job_7/step_0   in each hierarchy
#   cgroups_end

cgroups_begin()
{
    local mounts name

    # two copies of a machine have one kernel
    name=prt_$(readlink /proc/self/ns/mnt | tr -dc 0-9)
    # the longest visible: a container's part of it will do
    cgroup2_mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
    if [ -z "$cgroup2_mount" ]; then
        cgroup2_mount=/run/prt_cgroup2
        mkdir -p $cgroup2_mount
        mount -t cgroup2 prt_cgroup2 $cgroup2_mount || return
    fi
    cgroup2=$cgroup2_mount/$name
    mkdir -p "$cgroup2" || return
    # a hierarchy of our own; in a cgroup namespace only the machine may make one
    cgroup1='' cgroup1_mount=/run/prt_cgroup1
    mkdir -p $cgroup1_mount
    if mount -t cgroup -o "none,name=$name" prt_cgroup1 $cgroup1_mount 2>/dev/null; then
        cgroup1=$cgroup1_mount/$name
        mkdir -p "$cgroup1"
    fi
    export cgroup1 cgroup2 cgroup1_mount cgroup2_mount
}

cgroup1_is_unknown()
{
    ! grep -q ":name=${cgroup2##*/}:" /proc/self/cgroup
}

# The kernel keeps a hierarchy that was unmounted while groups in it were still being removed, and they are for a while.
cgroup1_is_gone()
{
    umount "$cgroup1_mount"
    wait_until 2 cgroup1_is_unknown && return
    mount -t cgroup -o "none,name=${cgroup2##*/}" prt_cgroup1 "$cgroup1_mount"
    return 1
}

# Who is left there goes first.
cgroups_end()
{
    local top group

    for top in "$cgroup2" $cgroup1; do
        [ -d "$top" ] || continue
        wait_until 30 cgroup_is_empty "$top"
        find "$top" -depth -type d -exec rmdir {} +
    done
    [ -z "$cgroup1" ] || wait_until 30 cgroup1_is_gone
    umount /run/prt_cgroup2 2>/dev/null || true
    rmdir /run/prt_cgroup1 /run/prt_cgroup2 2>/dev/null || true
}

cgroup_is_empty() # FOLDER
{
    local pids pid

    pids=$(find "$1" -name cgroup.procs -exec cat {} +)
    for pid in $pids; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    [ -z "$pids" ]
}

cgroup_make() # GROUP...
{
    local top group

    for group; do
        for top in "$cgroup2" $cgroup1; do
            mkdir -p "$top/$group"
        done
    done
}

# The words before a program that shall start in GROUP of each hierarchy.
cgroup_enter() # GROUP
{
    local top files=()

    for top in "$cgroup2" $cgroup1; do
        files+=("$top/$1/cgroup.procs")
    done
    # shellcheck disable=SC2016
    enter=(sh -c 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 99; shift; done; shift; exec "$@"' sh "${files[@]}" --)
}

# Of a /proc/PID/cgroup: where in our hierarchies, version 2 first: "job_7 job_7".  What is elsewhere: "-".
cgroup_places() # TEXT
{
    local top found places=()

    for top in "$cgroup2" $cgroup1; do
        found=$(sed -n "s,^[0-9]*:.*/${cgroup2##*/}/\(.*\),\1,p" \
            < <(if [ "$top" = "$cgroup2" ]; then grep '^0::' <<<"$1"; else grep ":name=${cgroup2##*/}:" <<<"$1"; fi))
        places+=("${found:--}")
    done
    echo "${places[*]}"
}
