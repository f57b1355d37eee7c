/* keeper.h - the process that holds the PAM handle of a shared session: opens it, watches its leases, and closes it
 * when the last one is over. A fork of the opener's, nobody's child, out of reach of what ends the opener; nothing in
 * it is its caller's but the handle. keeper.c has the order of operations. */
#pragma once

#include "ask/identity.h"
#include "pam/transaction.h"
#include "run/inherited.h"
#include "share/link.h"
#include "share/place.h"

#include <stdbool.h>
#include <stdint.h>

struct keeper_request {
    struct place *place;             /* locked, exclusively */
    struct transaction *transaction; /* the account step is through, or left out */
    struct inherited *inherited;
    const struct account *account;
    struct link link;           /* our end */
    int opener_link;            /* the opener's end, which is not ours */
    bool own_groups;            /* our groups are the account's: nobody asked for others */
    bool used_password;         /* state.h */
    uint32_t reopened;          /* likewise */
    void (*let_go)(void *data); /* close what else is the opener's */
    void *let_go_data;
    char *argv0; /* as main() had it: the title is written there */
};

/* Root's ids and the groups are taken, all signals are blocked. */
_Noreturn void keeper_run(const struct keeper_request *request);
