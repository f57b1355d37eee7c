# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what tests read; what common.bash and cgroups.bash set
# systemd.bash: a systemd of our own, as the first process of a machine of our own: no nspawn, no image. The machine's
# files are those of the test; /run is empty, and the network is a loopback. Nothing runs in it but systemd: no unit of
# the machine's is started, and no message bus. Version 2 of control groups only.
#
#   load lib/systemd                 after lib/cgroups
#   systemd_up                       after cgroups_begin; $systemd_pid is its number outside
#   in_systemd COMMAND...            a process of the machine's, in its first control group
#   systemd_service NAME LINE...     start a unit with these lines in [Service], wait as systemctl(1) does
#   systemd_down                     before cgroups_end: it, and all that it started, is killed

# What boots it, in namespaces of its own.
# shellcheck disable=SC2016
systemd_boot='
mount --make-rprivate / && mount -t proc proc /proc && mount --bind /proc/sys /proc/sys &&
    mount -o remount,bind,ro /proc/sys && mount -t tmpfs -o mode=755 tmpfs /run || exit 99
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 99
mkdir -p /run/systemd/system
printf "[Unit]\nDescription=for tests\nDefaultDependencies=no\n" >/run/systemd/system/prt.target
ip link set lo up
exec env -i container=prt PATH="$PATH" "$1" --system --unit=prt.target --log-target=console --show-status=no
'

systemd_program()
{
    local place

    for place in /lib/systemd/systemd /usr/lib/systemd/systemd; do
        [ ! -x $place ] || { echo $place; return; }
    done
    return 1
}

systemd_is_up()
{
    systemd_pid=$(cat "/proc/$systemd_outside/task/$systemd_outside/children")
    systemd_pid=${systemd_pid%% *}
    [ -n "$systemd_pid" ] && in_systemd systemctl is-active --quiet prt.target
}

systemd_up()
{
    local program

    program=$(systemd_program) || skip_test "needs systemd" || return
    mkdir -p "$cgroup2/systemd/outside"
    # what is outside of its groups is not in its way when it divides them up
    (
        echo 0 >"$cgroup2/systemd/cgroup.procs"
        program_exec setsid unshare --mount --pid --cgroup --ipc --uts --net --fork --kill-child --propagation private \
            sh -c "$systemd_boot" sh "$program"
    ) >"$STATE_DIR/systemd.log" 2>&1 &
    export systemd_outside=$! systemd_pid=''
    wait_until 60 systemd_is_up || { cat "$STATE_DIR/systemd.log"; return 1; }
    echo "$systemd_outside" >"$cgroup2/systemd/outside/cgroup.procs"
}

in_systemd() # COMMAND...
{
    nsenter -t "$systemd_pid" -m -p -C -i -u -n -- env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 "$@"
}

# A file of the machine's, from outside.
systemd_file() # PATH
{
    echo "/proc/$systemd_pid/root$1"
}

systemd_service() # NAME LINE...
{
    local name=$1

    shift
    printf '[Unit]\nDefaultDependencies=no\n[Service]\n%s\n' "$(printf '%s\n' "$@")" \
        >"$(systemd_file "/run/systemd/system/$name.service")"
    in_systemd systemctl daemon-reload && in_systemd systemctl start "$name.service"
}

systemd_down()
{
    [ -n "${systemd_outside-}" ] || return 0
    kill -KILL "$systemd_outside" 2>/dev/null || true
    wait "$systemd_outside" 2>/dev/null || true
}
