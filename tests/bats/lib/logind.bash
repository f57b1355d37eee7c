# shellcheck shell=bash
# shellcheck disable=SC2154 # systemd_pid: systemd.bash
# logind.bash: the message bus and logind of the machine, in lib/systemd's.
#
#   load lib/logind                  after lib/systemd
#   logind_up                        after systemd_up

# What they would wait for otherwise is what a machine does when it starts.
logind_up()
{
    local unit

    for unit in dbus.socket dbus.service systemd-logind.service user@.service user-runtime-dir@.service; do
        mkdir -p "$(systemd_file "/run/systemd/system/$unit.d")"
        printf '[Unit]\nDefaultDependencies=no\n' >"$(systemd_file "/run/systemd/system/$unit.d/prt.conf")"
    done
    in_systemd systemctl daemon-reload
    in_systemd systemctl start dbus.socket systemd-logind.service
}

# The numbers of logind's sessions of that user, without that of the user's own systemd, which trixie's logind counts.
logind_sessions() # USER
{
    local number

    for number in $(in_systemd loginctl --no-legend list-sessions | awk -v user="$1" '$3 == user { print $1 }'); do
        [ "$(logind_says "$number" Class)" = manager ] || echo "$number"
    done
}

logind_says() # SESSION PROPERTY
{
    in_systemd loginctl show-session --property="$2" --value "$1"
}
