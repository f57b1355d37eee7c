# shellcheck shell=bash
# shellcheck disable=SC2154 # STATE_DIR, pamrun_pid: common.bash
# directory.bash: a directory of users and groups, slapd on the loopback, and sssd, which asks it.
#
#   load lib/common
#   load lib/directory
#   setup_file: begin_file ; directory_start
#               directory_user prt_ldora 59001 PASSWORD ; directory_group "prt crew" 59050 prt_ldora
#               sssd_start
#   teardown:   cleanup_all ; sssd_start ; homes_remove     (a test may have stopped it)
#   teardown_file: cleanup_all ; sssd_forget
#
# Its users have no line in /etc/passwd, and no home before the first session.  All are in "prt domain users".  The
# directory is below the scene's folder; of the machine's files /etc/nsswitch.conf changes until the end of the file.
# sssd has its caches and sockets below /var/lib/sss, compiled in.

DIRECTORY_DIR=$STATE_DIR/directory
DIRECTORY_BASE=dc=example,dc=com
DIRECTORY_URI=ldap://127.0.0.1:10389
DIRECTORY_HOMES=$STATE_DIR/homes

directory_start()
{
    needs slapd ldapadd sssd || return
    install -d -m 0755 "$DIRECTORY_DIR" "$DIRECTORY_HOMES"
    install -d -m 0700 "$DIRECTORY_DIR/db"
    slapd_configure
    start_program slapd -d 0 -f "$DIRECTORY_DIR/slapd.conf" -h "$DIRECTORY_URI"
    disown "$pamrun_pid" # its end is nothing to be told about
    wait_until 30 ldapwhoami -x -H "$DIRECTORY_URI" || return
    directory_add <<END
dn: $DIRECTORY_BASE
objectClass: dcObject
objectClass: organization
o: tests
dc: example

dn: ou=people,$DIRECTORY_BASE
objectClass: organizationalUnit
ou: people

dn: ou=groups,$DIRECTORY_BASE
objectClass: organizationalUnit
ou: groups
END
    directory_group "prt domain users" 59000
    keep_file /etc/nsswitch.conf
    sed -i -E '/^(passwd|group):/s/files/files sss/' /etc/nsswitch.conf
}

slapd_configure()
{
    local schema

    schema=$(dirname "$(find /etc/ldap /etc/openldap -name nis.schema 2>/dev/null | head -n 1)")
    cat >"$DIRECTORY_DIR/slapd.conf" <<END
include $schema/core.schema
include $schema/cosine.schema
include $schema/nis.schema
include $schema/inetorgperson.schema
$([ ! -d /usr/lib/ldap ] || printf '%s\n' "modulepath /usr/lib/ldap" "moduleload back_mdb")
pidfile $DIRECTORY_DIR/slapd.pid
database mdb
suffix "$DIRECTORY_BASE"
rootdn "cn=admin,$DIRECTORY_BASE"
rootpw admin
directory $DIRECTORY_DIR/db
maxsize 16777216
access to attrs=userPassword by anonymous auth by self write by * none
access to * by * read
END
}

# Entries from stdin, as LDIF.
directory_add()
{
    ldapadd -x -H "$DIRECTORY_URI" -D "cn=admin,$DIRECTORY_BASE" -w admin >/dev/null
}

# A user who has expired: SHADOW_EXPIRE 1.  One whom sssd does not let in: with the description "denied".
directory_user() # NAME UID PASSWORD [SHADOW_EXPIRE [DESCRIPTION]]
{
    directory_add < <(directory_entry "$@")
}

directory_entry() # NAME UID PASSWORD [SHADOW_EXPIRE [DESCRIPTION]]
{
    cat <<END
dn: uid=$1,ou=people,$DIRECTORY_BASE
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: shadowAccount
cn: $1
sn: $1
uid: $1
uidNumber: $2
gidNumber: 59000
homeDirectory: $DIRECTORY_HOMES/$1
loginShell: /bin/sh
shadowExpire: ${4--1}
description: ${5-user}
userPassword: $3
END
}

directory_group() # NAME GID [MEMBER...]
{
    directory_add < <(
        printf 'dn: cn=%s,ou=groups,%s\nobjectClass: posixGroup\n' "$1" "$DIRECTORY_BASE"
        printf 'cn: %s\ngidNumber: %s\n' "$1" "$2"
        [ $# -eq 2 ] || printf 'memberUid: %s\n' "${@:3}"
    )
}

homes_remove()
{
    find "$DIRECTORY_HOMES" -mindepth 1 -delete
}

# ---- sssd -----------------------------------------------------------------------------------------------------

# Does nothing when it runs; else it starts with empty caches.
sssd_start()
{
    ! sssd_is_up || return 0
    sssd_forget
    # Passwords in the clear stay on the loopback.  From 2.10 on sssd asks for names in TLS only, unless told.
    cat >"$DIRECTORY_DIR/sssd.conf" <<END
[sssd]
services = nss, pam
domains = tests
[domain/tests]
id_provider = ldap
auth_provider = ldap
access_provider = ldap
ldap_access_order = filter, expire
ldap_access_filter = (!(description=denied))
ldap_account_expire_policy = shadow
ldap_uri = $DIRECTORY_URI
ldap_id_use_start_tls = false
ldap_auth_disable_tls_never_use_in_production = true
ldap_search_base = $DIRECTORY_BASE
cache_credentials = false
END
    chmod 0600 "$DIRECTORY_DIR/sssd.conf"
    # for the rest of the file, also when a test calls it
    BATS_TEST_NAME='' start_program sssd -i -c "$DIRECTORY_DIR/sssd.conf"
    disown "$pamrun_pid"
    echo "$pamrun_pid" >"$DIRECTORY_DIR/sssd.pid"
    wait_until 60 sssd_is_up || { cat "$pamrun_stdout" "$pamrun_stderr"; return 1; }
}

# The first answer comes from the directory, and the PAM side is there.
sssd_is_up()
{
    [ -S /var/lib/sss/pipes/pam ] && getent group 59000 && [ -n "$(session_members "$(<"$DIRECTORY_DIR/sssd.pid")")" ]
} >/dev/null 2>&1

# Its children may be in sessions of their own: they are asked to end.
sssd_stop()
{
    local pid

    pid=$(<"$DIRECTORY_DIR/sssd.pid")
    kill "$pid"
    wait_until 30 program_has_ended "$pid"
}

sssd_forget()
{
    find /var/lib/sss/db /var/lib/sss/mc -type f -delete
    rm -f /run/sssd.pid
}
