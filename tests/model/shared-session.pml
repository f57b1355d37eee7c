/* shared-session.pml - shared sessions as a model for spin: every order in which runs and keepers can take their steps,
 * and every step at which one of them can be killed.  tests/model/run checks it; src/share/keeper.c has the order of
 * operations in words.
 *
 * RUNS runs come in any order; the HOLDS last of them are named holds (pamrunctl open ... close), whose lease is not
 * bound to a process, and RECOVERS of them are pamrunctl recover.  KILLS processes are killed at any of their steps,
 * FAILS sessions cannot be opened, TERMS keepers are told to end, HELPERS keepers have a module that forks a process
 * for ever.  When all have ended comes one more run, or recover, which is not killed: after it and its keeper nothing
 * may be left.
 *
 * -DNO_... leaves out one rule; for each of them spin must find an error, or the model would not show that the rule is
 * needed.  PIDS says that process ids come back (rule 7); one lease is then looked at in three steps instead of one.
 *
 * Found as an assertion: a session closed under a living lease; a run in a session that was closed, or that had lost
 * its keeper when the run looked; two sessions at a time; an open session whose file does not say so; opens that are
 * not closes and losses; something left at the end.  Found as an invalid end state: somebody waits for ever.  Found as
 * a non-progress cycle (there are no progress labels, so any cycle): a run or keeper that goes round for ever.
 *
 * A step has the name of the code's step point there, base/step_point.h, or of what is done: `spin -t` prints a history
 * by these names, with the number of the run or keeper. */

#ifndef RUNS
#define RUNS 2
#endif
#ifndef HOLDS
#define HOLDS 0
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef FAILS
#define FAILS 0
#endif
#ifndef TERMS
#define TERMS 0
#endif
#ifndef HELPERS
#define HELPERS 0
#endif
#ifndef RECOVERS
#define RECOVERS 0
#endif

#define LAST          RUNS /* the one that comes last */
#define COUNT         (RUNS + 1)
#define BIT(number)   (1 << (number))
#define ALL           (BIT(COUNT) - 1)
#define HOLD_BITS     ((BIT(HOLDS) - 1) << (RUNS - HOLDS))
#define IS_HOLD(r)    ((HOLD_BITS & BIT(r)) != 0)
#define IS_RECOVER(r) ((r) < RECOVERS || ((r) == LAST && RECOVERS > 0))

/* The file `state`. */
#define NONE    0
#define OPENING 1
#define OPEN    2
#define CLOSING 3
byte state = NONE;
byte state_keeper; /* who wrote it */

/* The file `lock`, flock(2): a lock belongs to an open file description, not to a process.  Run r opens description r,
 * which the keeper that it forks, and a helper that a module forks from that one, share; keeper k opens COUNT + k to
 * close the session. */
byte with_run, with_keeper, with_helper; /* who has description r open, by r */
#ifdef NO_LOCK_KEPT
#define FILES     (COUNT + 1)
#define ON(d)     file_of[d]
byte file_of[2 * COUNT]; /* which of the files that had this name */
byte file_named;
#else
#define FILES     1
#define ON(d)     0
#endif
short shared[FILES];   /* descriptions with LOCK_SH */
byte exclusive[FILES]; /* 1 + the one with LOCK_EX */

#define CAN_SHARE(d) (exclusive[ON(d)] == 0)
#define CAN_LOCK(d)  ((exclusive[ON(d)] == 0 || exclusive[ON(d)] == 1 + (d)) && (shared[ON(d)] & ~BIT(d)) == 0)

inline unlock(d)
{
    shared[ON(d)] = shared[ON(d)] & ~BIT(d);
    if
    :: exclusive[ON(d)] == 1 + (d) -> exclusive[ON(d)] = 0
    :: else
    fi
}

inline close_if_last(d)
{
    if
    :: ((with_run | with_keeper | with_helper) & BIT(d)) == 0 -> unlock(d)
    :: else
    fi
}

/* The file `keeper`: a record lock of fcntl(2).  It goes with its process, and no helper inherits it. */
byte keeper_lock; /* 1 + the keeper that has it */

inline keeper_lock_drop(k)
{
    if
#ifdef NO_RECORD_LOCK
    :: keeper_lock == 1 + k && !(with_helper & BIT(k)) -> keeper_lock = 0
#else
    :: keeper_lock == 1 + k -> keeper_lock = 0
#endif
    :: else
    fi
}

/* The folder `leases`, and who wants to know of changes in it (inotify(7)). */
byte leases, watching, changed;

inline lease_create(r)
{
    leases = leases | BIT(r);
    changed = changed | watching
}

inline lease_remove(r)
{
    if
    :: leases & BIT(r) ->
        leases = leases & ~BIT(r);
        changed = changed | watching
    :: else
    fi
}

/* Processes: a run's ends with its command.  A keeper reports through a pipe, whose end a helper has, too. */
byte ended, keeper_ended;
byte forked, pipe, reported; /* keepers */
byte kills, fails, terms, helpers;
byte dying; /* killed, and not all of it is gone */

#define SAY(name)        printf(name); printf(" %d\n", me);
#define CAN_BE_KILLED(r) (kills < KILLS && (r) != LAST)
#define DIE              SAY("killed") kills++; dying++; dies = true; goto killed

inline buried()
{
    dying = dying - dies;
    dies = false
}

/* What must hold; no part of any program. */
byte opened, closed, lost; /* sessions, by their keepers */
byte uses;                 /* runs that are in a session, holds that were given and not taken back */
bool forced;               /* a keeper was told to end, and did not wait for its leases */

#define OPEN_NOW (opened & ~(closed | lost))

/* One step of a run or of a keeper: when `guard` holds, `action`; or it is killed first, also while it waits. */
#define STEP(name, guard, action)                                                                                      \
    if                                                                                                                 \
    :: atomic { (guard) -> SAY(name) action }                                                                          \
    :: atomic { CAN_BE_KILLED(me) -> DIE }                                                                             \
    fi
/* The same, with a wait that ends in status 75. */
#define STEP_OR_GIVE_UP(name, guard, action)                                                                           \
    if                                                                                                                 \
    :: atomic { (guard) -> SAY(name) action }                                                                          \
    :: atomic { !(guard) && me != LAST -> SAY("run-gives-up") goto gave_up }                                           \
    :: atomic { CAN_BE_KILLED(me) -> DIE }                                                                             \
    fi

/* ---- leases --------------------------------------------------------------------------------------------------- */

/* rule 7: each lease of the folder, one after the other; those that come meanwhile may be seen or not. */
#ifdef NO_LEASE_WHOLE
byte half; /* leases that say nothing yet */
#define IS_LEASE(r) (!(half & BIT(r)))
#else
#define IS_LEASE(r) true
#endif
#define LIVES(r) (IS_HOLD(r) || !(ended & BIT(r)))

#ifdef PIDS
/* The number may be a stranger's by now, a process that lives for ever: pidfd and /proc/PID/stat are of who has it. */
#define NUMBERS                                                                                                        \
    bool its_run, its_stranger, is_same;                                                                               \
    byte strange; /* leases in found whose pidfd is a stranger's */
byte strangers; /* runs whose number one has */
#define PIDFD      STEP("pidfd", true, its_run = LIVES(at); its_stranger = (strangers & BIT(at)) != 0)
#define START_TIME STEP("start-time", true, is_same = LIVES(at))
#define HAVE_ENDED (ended & ~HOLD_BITS & ~strange) /* as the pidfds say; a hold has none */
#define IS_LIVING  (((its_run && LIVES(at)) || its_stranger) && is_same)

inline look_at_lease()
{
#ifdef NO_PIDFD_FIRST
    START_TIME;
    PIDFD;
#else
    PIDFD;
#ifdef NO_START_TIME
    is_same = true;
#else
    START_TIME;
#endif
#endif
}

proctype Stranger()
{
    atomic { ended & BIT(0) -> printf("stranger has the number of 0\n"); strangers = BIT(0) }
}
#else
#define NUMBERS
#define HAVE_ENDED (ended & ~HOLD_BITS) /* as the pidfds say; a hold has none */
#define IS_LIVING  LIVES(at)
#endif

inline scan()
{
    at = 0;
    found = 0;
#ifdef PIDS
    strange = 0;
#endif
    do
    :: at < COUNT ->
#ifdef PIDS
        look_at_lease();
#endif
        STEP("look-at-lease", true,
            if
            :: !(leases & BIT(at))
            :: (leases & BIT(at)) && IS_LIVING && IS_LEASE(at) -> found = found | BIT(at)
            :: else -> leases = leases & ~BIT(at) /* its own unlink(2) is no news to a keeper */
            fi;
            at++);
#ifdef PIDS
        atomic {
            strange = strange | (its_stranger << (at - 1));
            its_run = false; its_stranger = false; is_same = false
        }
#endif
    :: else -> break
    od;
    at = 0
}

/* ---- a run: joiner or opener ---------------------------------------------------------------------------------- */

/* How an opener learns that its keeper was killed, when a helper keeps the pipe open. */
#ifdef NO_PIDFD_OF_KEEPER
#define HAS_PIDFD false
#else
#define HAS_PIDFD true
#endif

/* Look: is there a session to join?  The file says `open`, and its keeper lives.  Two steps, under a lock. */
#define LOOK                                                                                                           \
    STEP("read-state", true, seen = state; whose = state_keeper; lived = !(keeper_ended & BIT(whose)));                \
    STEP("find-keeper", true, has_keeper = (keeper_lock != 0))

#ifdef NO_KEEPER_CHECK
#define MAY_JOIN (seen == OPEN)
#else
#define MAY_JOIN (seen == OPEN && has_keeper)
#endif

/* From here on the run relies on the session of keeper `whose`. */
#define RELY                                                                                                           \
    atomic {                                                                                                           \
        SAY("in-session")                                                                                              \
        assert(lived);                                                                                                 \
        assert(forced || !(closed & BIT(whose)));                                                                      \
        uses = uses | BIT(me)                                                                                          \
    }

#ifdef NO_LEASE_WHOLE
#define LEASE                                                                                                          \
    STEP("lease-begun", true, half = half | BIT(me); lease_create(me));                                                \
    STEP("lease-taken", true, half = half & ~BIT(me))
#else
#define LEASE STEP("lease-taken", true, lease_create(me))
#endif

#define CLOSE_LOCK STEP("closed-lock", true, with_run = with_run & ~BIT(me); close_if_last(me))

inline open_now(d)
{
#ifdef NO_LOCK_KEPT
    file_of[d] = file_named
#else
    skip
#endif
}

proctype Run(byte me)
{
    byte at, found, seen, whose;
    bool has_keeper, lived, dies;
    NUMBERS

    if
    :: me == LAST -> /* nobody lives: without leases a keeper ends, and does not wait for the next run to wake it */
        atomic {
            (ended | BIT(LAST)) == ALL && dying == 0 && keeper_ended == forked ->
            kills = KILLS; fails = FAILS; terms = TERMS; helpers = HELPERS
        }
    :: else
    fi;

    STEP("opened-lock", true, with_run = with_run | BIT(me); open_now(me));
    if
    :: IS_RECOVER(me) -> goto recover
    :: else
    fi;

    /* rule 1: join */
    STEP_OR_GIVE_UP("locked-shared", CAN_SHARE(me), shared[ON(me)] = shared[ON(me)] | BIT(me));
    LOOK;
    if
    :: MAY_JOIN ->
join:
#ifdef NO_LEASE_UNDER_LOCK
        CLOSE_LOCK;
        LEASE;
#else
        LEASE;
        CLOSE_LOCK;
#endif
        goto in_session
    :: else
    fi;

    /* rule 2: not atomically, and then look again */
    STEP("unlocked", true, unlock(me));
again:
    STEP_OR_GIVE_UP("locked-exclusively", CAN_LOCK(me), exclusive[ON(me)] = 1 + me);
#ifndef NO_SECOND_LOOK
    LOOK;
    if
    :: MAY_JOIN -> goto join
#ifndef NO_WAY_FOR_THE_ENDING
    :: !MAY_JOIN && has_keeper -> /* it ends, and needs the lock for that */
        STEP("unlocked-for-keeper", true, unlock(me));
        STEP_OR_GIVE_UP("no-keeper", keeper_lock == 0, skip);
        goto again
    :: !MAY_JOIN && !has_keeper
#else
    :: !MAY_JOIN
#endif
    fi;
#endif

    /* rule 3: opener.  Whoever is left in a session that lost its keeper will be in the new one. */
    scan();
#ifndef NO_OPENERS_LEASE_FIRST
    LEASE;
#endif
    STEP("keeper-forked", true, pipe = pipe | BIT(me); forked = forked | BIT(me); with_keeper = with_keeper | BIT(me));
#ifdef NO_LOCK_INHERITED
    STEP("unlocked", true, unlock(me));
#endif
    STEP("keeper-answered",
        (reported & BIT(me)) || !((pipe | with_helper) & BIT(me)) || (HAS_PIDFD && (keeper_ended & BIT(me))), skip);
    if
    :: reported & BIT(me) ->
        whose = me;
        lived = true;
#ifndef NO_UNLOCK_OF_HELPERS
        /* not only closed: a helper has it, too, and the keeper may be dead by now */
        STEP("unlocked", true, unlock(me));
#endif
        CLOSE_LOCK;
#ifdef NO_OPENERS_LEASE_FIRST
        LEASE;
#endif
        goto in_session
    :: else
    fi;

    /* rule 5: no report */
#ifdef NO_LOCK_WHILE_CLEANING
    CLOSE_LOCK;
#endif
    STEP("cleaned-state", true,
        if
        :: found != 0 -> state = seen; state_keeper = whose /* it is still known how often it was lost */
        :: else -> state = NONE; state_keeper = 0
        fi);
    STEP("cleaned-lease", true, lease_remove(me));
#ifndef NO_LOCK_WHILE_CLEANING
#ifndef NO_UNLOCK_OF_HELPERS
    STEP("unlocked", true, unlock(me));
#endif
    CLOSE_LOCK;
#endif
    goto ends;

in_session:
    RELY;
    if
    :: IS_HOLD(me) ->
        /* the prolog has ended; the epilog comes, or the hold's time passes */
release:
        atomic { SAY("hold-released") uses = uses & ~BIT(me); lease_remove(me) }
    :: else -> STEP("command-ended", true, skip)
    fi;
    goto ends;

recover:
    STEP_OR_GIVE_UP("locked-exclusively", CAN_LOCK(me), exclusive[ON(me)] = 1 + me);
    LOOK;
    if
    :: !has_keeper -> /* also where no state was written yet: an opener may have been killed before */
        scan();
        if
        :: found == 0 -> STEP("recovered", true, state = NONE; state_keeper = 0)
        :: else /* they run in a session whose keeper was killed: the next run opens it again */
        fi
    :: else
    fi;
    goto ends;

gave_up:
killed:
    if
    :: IS_HOLD(me) && (leases & BIT(me)) -> atomic { with_run = with_run & ~BIT(me); close_if_last(me) }; goto release
    :: else
    fi;
ends:
    atomic {
        SAY("run-ended")
        with_run = with_run & ~BIT(me);
        close_if_last(me);
        found = 0; seen = 0; whose = 0; has_keeper = false; lived = false;
        uses = uses & ~BIT(me);
        ended = ended | BIT(me);
        buried()
    }
}

/* ---- a keeper ------------------------------------------------------------------------------------------------- */

#define CLOSE_SESSION                                                                                                  \
    assert(forced || (uses & ~ended) == 0);                                                                            \
    assert(OPEN_NOW == BIT(me));                                                                                       \
    closed = closed | BIT(me)

#define OPEN_SESSION                                                                                                   \
    assert(OPEN_NOW == 0);                                                                                             \
    opened = opened | BIT(me)

proctype Keeper(byte me)
{
    byte at, found;
    bool told, dies;
    NUMBERS

end_unborn:
    forked & BIT(me);

    /* rule 4; the kill domain is left and descriptors are closed before */
#ifdef NO_LOCK_WHILE_OPENING
    STEP("keeper-closed-lock", true, with_keeper = with_keeper & ~BIT(me); close_if_last(me));
#endif
    STEP("keeper-marked", keeper_lock == 0, keeper_lock = 1 + me);
    STEP("keeper-opening", true, state = OPENING; state_keeper = me);
    if
    :: atomic { SAY("keeper-session-opened") OPEN_SESSION }
    :: atomic { fails < FAILS -> SAY("keeper-session-failed") fails++; goto not_opened } /* what was opened is closed */
    :: atomic { helpers < HELPERS ->
        SAY("keeper-session-opened, with a helper") helpers++; with_helper = with_helper | BIT(me); OPEN_SESSION }
    :: atomic { CAN_BE_KILLED(me) -> DIE }
    fi;
#ifndef NO_WATCH_BEFORE_SCAN
    STEP("keeper-watching", true, watching = watching | BIT(me));
#endif
    STEP("keeper-open", true, state = OPEN; state_keeper = me);
    STEP("keeper-reported", true, reported = reported | BIT(me));
#ifndef NO_UNLOCK_OF_HELPERS
    STEP("keeper-unlocked", true, unlock(me));
#endif
    STEP("keeper-serves", true, with_keeper = with_keeper & ~BIT(me); close_if_last(me); pipe = pipe & ~BIT(me));

    do
    :: scan();
#ifdef NO_WATCH_BEFORE_SCAN
        STEP("keeper-watching", true, watching = watching | BIT(me));
#endif
        if
        :: found != 0 ->
            assert(told || (state == OPEN && state_keeper == me)); /* or nobody could join it */
            /* poll(2): inotify, pidfds; a signal */
            if
            :: atomic { (changed & BIT(me)) || (found & HAVE_ENDED) != 0 ->
                SAY("keeper-woken") changed = changed & ~BIT(me) }
            :: atomic { !told && terms < TERMS -> SAY("keeper-told-to-end") terms++; told = true }
            :: atomic { told -> SAY("keeper-waits-no-longer") forced = true; break }
            :: atomic { CAN_BE_KILLED(me) -> DIE }
            fi;
            if
            :: told && state == OPEN -> STEP("keeper-ending", true, state = CLOSING) /* nobody joins any more */
            :: else
            fi
        :: else ->
            /* rule 6 */
            STEP("keeper-opened-lock", true, open_now(COUNT + me));
#ifndef NO_LOCK_TO_CLOSE
            STEP("keeper-close-locked", CAN_LOCK(COUNT + me), exclusive[ON(COUNT + me)] = 1 + COUNT + me);
#endif
#ifndef NO_SECOND_SCAN
            scan();
#endif
            if
            :: found == 0 -> goto close
            :: else -> STEP("keeper-unlocked", true, unlock(COUNT + me))
            fi
        fi
    od;
    STEP("keeper-opened-lock", true, open_now(COUNT + me));
    STEP("keeper-close-locked", CAN_LOCK(COUNT + me), exclusive[ON(COUNT + me)] = 1 + COUNT + me);

close:
    STEP("keeper-closing", true, state = CLOSING);
#ifdef NO_LOCKS_UNTIL_GONE
    STEP("keeper-unlocked", true, unlock(COUNT + me));
    STEP("keeper-unmarked", true, keeper_lock_drop(me));
#endif
    STEP("keeper-closed", true, CLOSE_SESSION);
    STEP("keeper-removed", true, state = NONE; state_keeper = 0);
#ifdef NO_LOCK_KEPT
    STEP("keeper-removed-lock", true, file_named++);
#endif
    goto ends;

not_opened:
killed:
ends:
    /* one descriptor after the other, in an order that nobody promises */
    atomic { lost = lost | (opened & ~closed & BIT(me)) }
    if
    :: atomic { with_keeper = with_keeper & ~BIT(me); close_if_last(me); unlock(COUNT + me) };
        atomic { keeper_lock_drop(me) }
    :: atomic { keeper_lock_drop(me) };
        atomic { with_keeper = with_keeper & ~BIT(me); close_if_last(me); unlock(COUNT + me) }
    fi;
    atomic {
        SAY("keeper-ended")
        pipe = pipe & ~BIT(me);
        watching = watching & ~BIT(me);
        changed = changed & ~BIT(me);
        found = 0; told = false;
        keeper_ended = keeper_ended | BIT(me);
        buried()
    }
}

/* ---- from the first to the last ------------------------------------------------------------------------------- */

init
{
    byte number;

    atomic {
#ifdef PIDS
        run Stranger();
#endif
        do
        :: number < COUNT ->
            run Run(number);
            run Keeper(number);
            number++
        :: else -> break
        od;
        number = 0
    }
    atomic {
        ended == ALL && keeper_ended == forked ->
        assert(opened == (closed | lost) && (closed & lost) == 0);
        assert(state == NONE && (leases == 0 || forced) && keeper_lock == 0 && exclusive[0] == 0 && shared[0] == 0)
    }
}
