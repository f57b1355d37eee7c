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

# The numbers of logind's sessions of that user.
logind_sessions() # USER
{
    in_systemd loginctl --no-legend list-sessions | awk -v user="$1" '$3 == user { print $1 }'
}

logind_says() # SESSION PROPERTY
{
    in_systemd loginctl show-session --property="$2" --value "$1"
}
