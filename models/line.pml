/* Two parties, one line: what crashes, a restore and cut links may do to append, store, mark,
 * speak, receipt and adopt. Written by hand from spec/log.md §5, §7, §8 and ADR 0004 and 0008; what
 * it covers and leaves out stands in docs/models.md. tests/models/test_spin.py runs it, whole and
 * with each of its faults, which are macros: a fault is a rule left out.
 *
 * Party 0 is alpha, party 1 bravo. A leaf is one byte that no other leaf is equal to; an odd one is
 * a `seen`, which calls for no receipt.
 */
#ifndef SAYS
#define SAYS 1               /* messages of alpha */
#endif
#ifndef ANSWERS
#define ANSWERS 1            /* of bravo */
#endif
#ifndef CUTS
#define CUTS 1               /* links that die by themselves */
#endif
#ifndef CRASHES
#define CRASHES 1            /* processes that die by themselves, of either party */
#endif
#ifndef RESTORES
#define RESTORES 1           /* of alpha, from a copy taken at any time before */
#endif
#define LIVES 2              /* incarnations: 0 and 1 */
#define LONG 5               /* entries of one log, at most */
#define AT(p, k) ((p) * LIVES + (k))
#define LEAF(p, k, i) (AT(p, k) * LONG + (i))
#define MINE(p) AT(p, life[p])
#define PEER(p) (1 - (p))
#define NEVER 255

mtype = { hello, entry };
chan wire[2] = [2] of { mtype, byte, byte, byte, byte, byte }; /* to alpha, to bravo */
bool up;

/* What a store holds, and a restore takes back. */
byte life[2];                /* the incarnation of its own log that grows */
byte size[4];                /* of its own logs */
byte leaf[20];
byte held[4];                /* of each log of its peer */
byte kept[20];               /* the leaves held */
byte covered[4];             /* what its own logs state of them */
bool mute[2];
/* The mark lies beside the store. */
byte mark_life[2], mark_size[2];
/* What a process knows, and forgets when it ends. */
bool awaits[2];              /* no hello has come since the start */
bool unmarked[2];            /* stored, and the mark not written yet */
bool greet_due[2];           /* its hello has changed */
bool greeted[2];             /* a hello has come on this link */
byte sent[4];                /* of its own logs, on this link */
byte back[4];                /* of its peer's logs, from where the peer has lost them */
byte owed[2];                /* a cosignature to be sent: of this size */
/* alpha's copy. */
bool copied;
byte was_size, was_held, was_covered, was_mark;
/* Ghosts: read by properties alone. */
byte spoken[20];             /* every leaf that ever left its author */
byte receipted[4];           /* how much of each log of the peer was ever receipted */
bool restored;
byte said[2], labels[2], cuts, crashes;

#define LEAST(p, k) (size[AT(p, k)] < held[AT(PEER(p), k)] -> size[AT(p, k)] : held[AT(PEER(p), k)])
#define SAME(p, k) (size[AT(p, k)] == 0 || held[AT(PEER(p), k)] == 0 || \
  leaf[LEAF(p, k, LEAST(p, k) - 1)] == kept[LEAF(PEER(p), k, LEAST(p, k) - 1)])

inline forget(p) {
  awaits[p] = true; unmarked[p] = false; greet_due[p] = false; greeted[p] = false; owed[p] = 0;
  sent[AT(p, 0)] = 0; sent[AT(p, 1)] = 0; back[AT(p, 0)] = NEVER; back[AT(p, 1)] = NEVER
}

inline unlink() {
  up = false;
  do :: nempty(wire[0]) -> wire[0]?_,_,_,_,_,_ :: empty(wire[0]) -> break od;
  do :: nempty(wire[1]) -> wire[1]?_,_,_,_,_,_ :: empty(wire[1]) -> break od;
  greeted[0] = false; greeted[1] = false; greet_due[0] = false; greet_due[1] = false;
  owed[0] = 0; owed[1] = 0
}

/* A hello states our head: never of another history than the one that our peer holds. */
inline greet(p) {
  assert(SAME(p, life[p]));
  wire[PEER(p)]!hello(life[p], size[AT(p, 0)], size[AT(p, 1)], held[AT(p, 0)], held[AT(p, 1)])
}

/* The store against its mark, at a start: behind it, or of another life, means restored. */
inline judge(p) {
  if
  :: mark_life[p] != life[p] || size[MINE(p)] < mark_size[p] -> mute[p] = true
  :: else ->
#ifndef START_LEAVES_MARK
     mark_size[p] = size[MINE(p)];  /* a stop between commit and mark: made good before speaking */
#endif
     skip
  fi
}

inline restart(p) { unlink(); forget(p); judge(p) }

/* One entry into the store, with all that it states as held. */
inline append(p, is_seen) {
  assert(!mute[p]);                                      /* a mute node signs nothing */
  assert(size[MINE(p)] < LONG);
  labels[p]++;
  leaf[LEAF(p, life[p], size[MINE(p)])] = 2 * labels[p] + is_seen;
  size[MINE(p)]++;
  covered[AT(p, 0)] = held[AT(p, 0)]; covered[AT(p, 1)] = held[AT(p, 1)];
  receipt(p, 0, held[AT(p, 0)]); receipt(p, 1, held[AT(p, 1)]);
  unmarked[p] = true
}

inline receipt(p, k, n) {
  assert(n <= held[AT(p, k)]);                           /* no receipt without store */
  if :: receipted[AT(p, k)] < n -> receipted[AT(p, k)] = n :: else fi
}

#define RESTS(p, k) (held[AT(p, k)] <= covered[AT(p, k)])
#define CALLS(p, k) (!RESTS(p, k) && kept[LEAF(p, k, held[AT(p, k)] - 1)] % 2 == 0)
#ifdef SIGN_BEFORE_HELLO
#define GREETED_ONCE(p) true
#else
#define GREETED_ONCE(p) (!awaits[p])
#endif
#ifdef MUTE_SIGNS
#define MAY_SIGN(p) (!unmarked[p] && GREETED_ONCE(p))
#else
#define MAY_SIGN(p) (!unmarked[p] && GREETED_ONCE(p) && !mute[p])
#endif
#ifdef SPEAK_BEFORE_MARK
#define MAY_SPEAK(p) (up && greeted[p] && nfull(wire[PEER(p)]))
#else
#define MAY_SPEAK(p) (up && greeted[p] && !unmarked[p] && nfull(wire[PEER(p)]))
#endif

/* The newest own log is streamed, and the one before it, each from where the hello says. */
inline speak(p, k) {
#ifndef MARK_ROLLED_BACK                                 /* then only what bravo holds is safe */
  assert(spoken[LEAF(p, k, sent[AT(p, k)])] == 0 ||
         spoken[LEAF(p, k, sent[AT(p, k)])] == leaf[LEAF(p, k, sent[AT(p, k)])]);  /* one leaf */
#endif
  spoken[LEAF(p, k, sent[AT(p, k)])] = leaf[LEAF(p, k, sent[AT(p, k)])];
  wire[PEER(p)]!entry(p, k, sent[AT(p, k)], leaf[LEAF(p, k, sent[AT(p, k)])], 0);
  sent[AT(p, k)]++
}

inline give_back(p, k) {
  wire[PEER(p)]!entry(PEER(p), k, back[AT(p, k)], kept[LEAF(p, k, back[AT(p, k)])], 0);
  back[AT(p, k)]++
}

inline on_hello(p, n0, n1, h0, h1) {
  awaits[p] = false; greeted[p] = true;
#ifndef NO_RESEND
  sent[AT(p, 0)] = h0; sent[AT(p, 1)] = h1;
#endif
  back[AT(p, 0)] = (n0 < held[AT(p, 0)] -> n0 : NEVER);
  back[AT(p, 1)] = (n1 < held[AT(p, 1)] -> n1 : NEVER);
  if
  :: !mute[p] && ((life[p] == 0 && (h0 > size[AT(p, 0)] || h1 > 0)) || h1 > size[AT(p, 1)]) ->
     mute[p] = true; greet_due[p] = true                 /* more of our own log than we hold */
  :: else
  fi
}

inline on_entry(p, q, k, i, v) {
  if
  :: q == p ->                                           /* our own, back from our peer */
     if
     :: i == size[AT(p, k)] && (k < life[p] || mute[p]) ->
        leaf[LEAF(p, k, i)] = v; size[AT(p, k)]++; sent[AT(p, k)] = size[AT(p, k)]
     :: else
     fi
  :: else ->
     if
     :: i == held[AT(p, k)] ->
#ifdef RECEIPT_BEFORE_STORE
        receipted[AT(p, k)] = i + 1;
        if :: crashes < CRASHES -> crashes++; restart(p); goto lost :: true fi;
#endif
        kept[LEAF(p, k, i)] = v; held[AT(p, k)]++;
        if :: v % 2 == 0 && !mute[p] && GREETED_ONCE(p) -> owed[p] = 2 * (i + 1) + k :: else fi
     :: i < held[AT(p, k)] -> assert(kept[LEAF(p, k, i)] == v)   /* two histories */
     :: else
     fi
  fi
}

proctype Party(byte p) {
  byte f1, f2, f3, f4, f5;               /* the fields of a frame */
end:
  do
  :: atomic { said[p] < (p == 0 -> SAYS : ANSWERS) && MAY_SIGN(p) -> said[p]++; append(p, 0) }
  :: atomic { MAY_SIGN(p) && (CALLS(p, 0) || CALLS(p, 1)) -> append(p, 1) }
  :: atomic { unmarked[p] ->
       mark_life[p] = life[p]; mark_size[p] = size[MINE(p)]; unmarked[p] = false }
  :: atomic { MAY_SPEAK(p) && sent[AT(p, 0)] < size[AT(p, 0)] -> speak(p, 0) }
  :: atomic { MAY_SPEAK(p) && sent[AT(p, 0)] >= size[AT(p, 0)] && sent[AT(p, 1)] < size[AT(p, 1)] ->
       speak(p, 1) }
  :: atomic { MAY_SPEAK(p) && !unmarked[p] && back[AT(p, 0)] < held[AT(p, 0)] -> give_back(p, 0) }
  :: atomic { MAY_SPEAK(p) && !unmarked[p] && back[AT(p, 1)] < held[AT(p, 1)] -> give_back(p, 1) }
  :: atomic { MAY_SPEAK(p) && !unmarked[p] && owed[p] && !mute[p] ->
       f1 = owed[p] % 2; f2 = owed[p] / 2; owed[p] = 0;
       receipt(p, f1, f2); f1 = 0; f2 = 0 }               /* who takes it, learns only more */
  :: atomic { up && greet_due[p] && !unmarked[p] && nfull(wire[PEER(p)]) ->
       greet_due[p] = false; greet(p) }
  :: atomic { !unmarked[p] && nempty(wire[p]) ->
       if
       :: wire[p]?hello(f1, f2, f3, f4, f5) -> on_hello(p, f2, f3, f4, f5)
       :: wire[p]?entry(f1, f2, f3, f4, _) -> on_entry(p, f1, f2, f3, f4)
       fi;
lost:  f1 = 0; f2 = 0; f3 = 0; f4 = 0; f5 = 0 }
  :: atomic { mute[p] && !unmarked[p] && !awaits[p] && up && greeted[p] ->  /* its officers adopt */
#ifndef ADOPT_SAME_LIFE
       assert(life[p] + 1 < LIVES);
       life[p]++;
#endif
       mute[p] = false; greet_due[p] = true;
       append(p, 0) }                                    /* `resume`, which calls for a receipt */
  od
}

proctype Links() {
end:
  do
  :: atomic { !up && !unmarked[0] && !unmarked[1] -> up = true;
       greet(0); greet(1) }
  od
}

proctype Faults() {
end:
  do
  :: atomic { up && cuts < CUTS -> cuts++; unlink() }
  :: atomic { crashes < CRASHES -> crashes++;
       if :: restart(0) :: restart(1) fi }
  :: atomic { RESTORES > 0 && !copied && life[0] == 0 && !mute[0] -> copied = true;
       was_size = size[AT(0, 0)]; was_held = held[AT(0, 0)]; was_covered = covered[AT(0, 0)];
       was_mark = mark_size[0] }
  :: atomic { copied && !restored -> restored = true;
       size[AT(0, 0)] = was_size; held[AT(0, 0)] = was_held; covered[AT(0, 0)] = was_covered;
       size[AT(0, 1)] = 0; life[0] = 0; mute[0] = false;
#ifdef MARK_ROLLED_BACK
       mark_life[0] = 0; mark_size[0] = was_mark;
#endif
       restart(0) }
  :: break
  od
}

init {
  atomic {
    forget(0); forget(1);
    run Party(0); run Party(1); run Links(); run Faults()
  }
}

#define HELD(p, k) (held[AT(PEER(p), k)] == size[AT(p, k)])
#define ANSWERED(p) (!CALLS(p, 0) && !CALLS(p, 1))
#define WHOLE (HELD(0, 0) && HELD(0, 1) && HELD(1, 0) && ANSWERED(0) && ANSWERED(1))
#define STILL (!mute[0] && !mute[1] && said[0] == SAYS && said[1] == ANSWERS)
#define KEPT(p, k) (receipted[AT(p, k)] <= held[AT(p, k)])

/* What was receipted is in the receiver's store, whatever dies, until a restore takes it back. */
ltl stored { [] ((KEPT(1, 0) && KEPT(1, 1)) && (restored || (KEPT(0, 0) && KEPT(0, 1)))) }
/* Links come back, processes go on: everything said is held and receipted in the end. */
ltl received { <> [] (WHOLE && STILL) }
