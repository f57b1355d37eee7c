# shellcheck shell=bash
# shellcheck disable=SC2154 # STATE_DIR, pamrun_pid: common.bash
# kerberos.bash: a key distribution centre of MIT Kerberos on the loopback, for the realm TEST.EXAMPLE.COM.
#
#   load lib/common
#   load lib/kerberos
#   setup_file: begin_file ; kdc_start ; principal_add prt_alice PASSWORD
#   teardown:   caches_remove ; cleanup_all
#
# The database is below the scene's folder; of the machine's files /etc/krb5.conf and /etc/krb5.keytab change until the
# end of the file.  A setuid program heeds no KRB5_CONFIG, so it cannot be a file elsewhere.

REALM=TEST.EXAMPLE.COM
KDC_DIR=$STATE_DIR/kdc
export KRB5_KDC_PROFILE=$KDC_DIR/kdc.conf

kdc_start()
{
    needs krb5kdc kdb5_util kadmin.local klist || return
    install -d -m 0700 "$KDC_DIR"
    kdc_configure
    keep_file /etc/krb5.keytab
    rm -f /etc/krb5.keytab
    kdb5_util -r $REALM create -s -P master >/dev/null || return
    # with a key of this host pam_krb5 makes sure that it talks to the real KDC
    kadmin addprinc -randkey host/localhost && kadmin ktadd -k /etc/krb5.keytab host/localhost || return
    kdc_run
}

kdc_configure()
{
    keep_file /etc/krb5.conf
    cat >/etc/krb5.conf <<END
[libdefaults]
    default_realm = $REALM
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
[realms]
    $REALM = {
        kdc = 127.0.0.1:10088
        admin_server = 127.0.0.1:10749
        kpasswd_server = 127.0.0.1:10464
    }
[domain_realm]
    localhost = $REALM
END
    chmod 0644 /etc/krb5.conf
    cat >"$KRB5_KDC_PROFILE" <<END
[kdcdefaults]
    kdc_listen = 127.0.0.1:10088
    kdc_tcp_listen = 127.0.0.1:10088
[realms]
    $REALM = {
        database_name = $KDC_DIR/principal
        key_stash_file = $KDC_DIR/stash
        acl_file = $KDC_DIR/acl
        kadmind_listen = 127.0.0.1:10749
        kpasswd_listen = 127.0.0.1:10464
    }
[logging]
    kdc = FILE:$KDC_DIR/kdc.log
    admin_server = FILE:$KDC_DIR/kadmind.log
END
    : >"$KDC_DIR/acl"
}

kdc_run()
{
    start_program krb5kdc -n -r $REALM
    disown "$pamrun_pid" # its end is nothing to be told about
    echo "$pamrun_pid" >"$KDC_DIR/pid"
    wait_until 30 kdc_answers
}

# It says so before it has a password: an unknown principal is its answer.
kdc_answers()
{
    kinit -c "FILE:$KDC_DIR/none" nobody_knows </dev/null 2>&1 | grep -q 'not found in Kerberos database'
}

kdc_stop()
{
    kill_program "$(<"$KDC_DIR/pid")"
}

# What changes passwords over the network.
kadmind_start()
{
    start_program kadmind -nofork -r $REALM
    wait_until 30 grep -q 'starting' "$KDC_DIR/kadmind.log"
}

kadmin() # COMMAND ARGUMENT...
{
    local said

    said=$(kadmin.local -r $REALM "$@" 2>&1) || { printf '%s\n' "$said"; return 1; }
}

principal_add() # NAME PASSWORD [addprinc option...]
{
    kadmin addprinc -pw "$2" "${@:3}" "$1"
}

# Ticket caches of all users; root's, from between authenticate and setcred, are krb5cc_pam_*.
caches()
{
    find /tmp -maxdepth 1 -name 'krb5cc_*'
}

caches_remove()
{
    rm -f /tmp/krb5cc_*
}
