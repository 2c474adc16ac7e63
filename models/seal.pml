/* An offer, its assent, their withdrawals, its seal and its expiry, among three logs: who may show
 * what, and when. Written by hand from spec/decisions.md §3 and §4 and spec/log.md §6; what it covers
 * and leaves out stands in docs/models.md. tests/models/test_spin.py runs it, whole and with each of
 * its faults, which are macros: a fault is a rule left out.
 *
 * Party 0 offers, party 1 assents, party 2 seals; all three are signatories. With -DTWO there is no
 * party 1, and the sealer may seal twice. Entries of one log reach each of the others in their order, whenever.
 */
#ifdef TWO
#define LONG 4               /* entries of one log, at most */
#define SEALS 2
#define STATES(p) true
#else
#define LONG 3
#define SEALS 1
#define STATES(p) (p == 2 || NEW(p, 2))  /* only what a decision may rest on */
#endif
#define NOWHERE 255
#define ENTRY(p, i) ((p) * LONG + (i))
#define SEES(p, i, q) (ENTRY(p, i) * 3 + (q))
#define HOLDS(p, q) has[(p) * 3 + (q)]

mtype = { offer, assent, withdrawal, seal, hold };
mtype = { open, sealed, withdrawn, void, final, lapsed, unclear };

mtype kind[12];
byte seen[36];               /* how much of each log its author held when it entered an entry */
byte has[9];                 /* how much each party holds of each log, its own whole */
bool late[3];                /* it came to hold the seal at the expiry or past it */
bool past_due;               /* the expiry has come */
mtype shows[3];
/* Ghosts. */
bool bound, refused;         /* somebody has shown it as final; as withdrawn or void */
byte at, past[3], found[4], seals;
bool held_by[3];
#define OFFERED found[0]
#define WITHDREW found[1]
#define UNSAID found[2]      /* the assent, taken back */
#define SEALED found[3]

inline enter(p, what) {
  kind[ENTRY(p, HOLDS(p, p))] = what;
  seen[SEES(p, HOLDS(p, p), 0)] = HOLDS(p, 0);
  seen[SEES(p, HOLDS(p, p), 1)] = HOLDS(p, 1);
  seen[SEES(p, HOLDS(p, p), 2)] = HOLDS(p, 2);
  HOLDS(p, p)++
}

/* Where the first entry of a kind stands in a log, as far as a party holds it. */
inline find(p, q, what, where) {
  where = NOWHERE; at = 0;
  do
  :: at < HOLDS(p, q) ->
     if
#ifdef LAST_SEAL_COUNTS
     :: kind[ENTRY(q, at)] == what && (where == NOWHERE || what == seal) -> where = at
#else
     :: kind[ENTRY(q, at)] == what && where == NOWHERE -> where = at
#endif
     :: else
     fi;
     at++
  :: else -> break
  od
}

/* What the first past[by] entries of a log state of another. */
inline reach(by, q) {
  if
  :: past[by] > 0 && seen[SEES(by, past[by] - 1, q)] > past[q] ->
     past[q] = seen[SEES(by, past[by] - 1, q)]
  :: else
  fi
}

/* Whether the log of q, as p holds it, states that it held the seal in time. */
inline holding(p, q) {
  held_by[q] = false; at = 0;
  do
  :: at < HOLDS(p, q) ->
#ifdef LATE_HOLDS_COUNT
     if :: seen[SEES(q, at, 2)] > SEALED -> held_by[q] = true :: else fi;
#else
     if :: seen[SEES(q, at, 2)] > SEALED && !late[q] -> held_by[q] = true :: else fi;
#endif
     at++
  :: else -> break
  od
}

inline judge(p) {
  d_step {
    find(p, 0, offer, OFFERED); find(p, 0, withdrawal, WITHDREW);
    find(p, 1, withdrawal, UNSAID); find(p, 2, seal, SEALED);
    if
    :: SEALED == NOWHERE ->
       at = HOLDS(p, 2);
       if
#ifdef WITHDRAWN_UNKNOWING
       :: WITHDREW != NOWHERE -> shows[p] = withdrawn
#else
       :: WITHDREW != NOWHERE && at > 0 && seen[SEES(2, at - 1, 0)] > WITHDREW ->
          shows[p] = withdrawn
#endif
       :: else -> shows[p] = (past_due -> lapsed : open)
       fi
    :: else ->
       past[0] = 0; past[1] = 0; past[2] = SEALED + 1;
       reach(2, 0); reach(2, 1); reach(0, 1); reach(1, 0); reach(0, 1);
       holding(p, 0);
#ifdef TWO
       held_by[1] = true;
#else
       holding(p, 1);
#endif
       if
#ifdef WITHDRAWAL_ALWAYS_COUNTS
       :: WITHDREW != NOWHERE -> shows[p] = withdrawn
#else
       :: WITHDREW != NOWHERE && WITHDREW < past[0] -> shows[p] = withdrawn
#endif
       :: else ->
          if
          :: past[0] > HOLDS(p, 0) || past[1] > HOLDS(p, 1) -> shows[p] = unclear
          :: past[0] <= HOLDS(p, 0) && past[1] <= HOLDS(p, 1) ->
             if
             :: UNSAID != NOWHERE && UNSAID < past[1] -> shows[p] = void
#ifdef EXPIRY_FIRST
             :: !(UNSAID != NOWHERE && UNSAID < past[1]) && past_due -> shows[p] = lapsed
#endif
             :: else ->
                if
#ifdef SEAL_IS_ENOUGH
                :: true -> shows[p] = final
#else
                :: held_by[0] && held_by[1] -> shows[p] = final
#endif
                :: else -> shows[p] = (past_due -> lapsed : sealed)
                fi
             fi
          fi
       fi
    fi;
    past[0] = 0; past[1] = 0; past[2] = 0; held_by[0] = false; held_by[1] = false; at = 0;
    OFFERED = 0; WITHDREW = 0; UNSAID = 0; SEALED = 0
  }
}

inline look(p) {
  was = shows[p];
  judge(p);
  assert(was != final || shows[p] == final);           /* what is final stays final */
  if
  :: shows[p] == final -> bound = true;
     assert(has_seal[0] && has_seal[1])                /* nobody is bound who held it late */
  :: shows[p] == withdrawn || shows[p] == void -> refused = true
  :: else
  fi;
  assert(!(bound && refused));                         /* nor for one alone */
  was = 0
}

bool has_seal[3];            /* ghost: it held a seal before the expiry */
mtype was;

inline take(p, q) {
  if
  :: q == 2 && kind[ENTRY(2, HOLDS(p, 2))] == seal ->
     if
     :: !past_due -> has_seal[p] = true
     :: past_due && !has_seal[p] -> late[p] = true
     :: else
     fi
  :: else
  fi;
  HOLDS(p, q)++
}

#define ROOM(p) (HOLDS(p, p) < LONG)
#define NEW(p, q) (HOLDS(p, q) > (HOLDS(p, p) == 0 -> 0 : seen[SEES(p, HOLDS(p, p) - 1, q)]))
#define KNOWS(p, q, what) ((HOLDS(p, q) > 0 && kind[ENTRY(q, 0)] == what) || \
                           (HOLDS(p, q) > 1 && kind[ENTRY(q, 1)] == what))

proctype Party(byte p; byte q; byte r) {
  bool did, undid;
end:
  do
  :: atomic { p == 0 && !did -> did = true; enter(p, offer); look(p) }
#ifndef NO_WITHDRAWAL
  :: atomic { p == 0 && did && !undid && ROOM(p) -> undid = true; enter(p, withdrawal); look(p) }
#endif
  :: atomic { p == 1 && !did && KNOWS(p, 0, offer) -> did = true; enter(p, assent); look(p) }
#ifndef NO_RETRACTION
  :: atomic { p == 1 && did && !undid && ROOM(p) -> undid = true; enter(p, withdrawal); look(p) }
#endif
#ifdef TWO
  :: atomic { p == 2 && seals < SEALS && ROOM(p) && KNOWS(p, 0, offer) ->
#else
  :: atomic { p == 2 && seals < SEALS && ROOM(p) && KNOWS(p, 0, offer) && KNOWS(p, 1, assent) ->
#endif
       seals++; enter(p, seal); look(p) }
  :: atomic { ROOM(p) && (NEW(p, q) || NEW(p, r)) && STATES(p) -> enter(p, hold); look(p) }
  :: atomic { HOLDS(p, q) < HOLDS(q, q) -> take(p, q); look(p) }
  :: atomic { HOLDS(p, r) < HOLDS(r, r) -> take(p, r); look(p) }
  od
}

proctype Clock() {
  atomic {
    past_due = true; look(0); look(2);
#ifndef TWO
    look(1)
#endif
  }
}

/* All is delivered: everybody shows the same, and nothing is open. */
proctype Rest() {
  timeout ->
  assert(shows[0] == shows[2]);
#ifndef TWO
  assert(shows[0] == shows[1]);
#endif
  assert(shows[0] != open && shows[0] != sealed && shows[0] != unclear)
}

init {
  atomic {
    shows[0] = open; shows[1] = open; shows[2] = open;
#ifdef TWO
    has_seal[1] = true;
    run Party(0, 2, 2); run Party(2, 0, 0);
#else
    run Party(0, 1, 2); run Party(1, 0, 2); run Party(2, 0, 1);
#endif
    run Clock(); run Rest()
  }
}
