"""Session vectors of forks, of false statements in entries, and of quotes.

Peers are crafted: each signs what no honest node would, or states late what it held early.
"""

from __future__ import annotations

from collections.abc import Iterator

from detente.core import frames
from detente.core.accusation import make_leaves
from detente.core.encoding import Reader
from detente.core.extras import Accused, Head, Quote
from detente.core.frames import Cosign, StatedHead, encode_frame, read_frame
from detente.core.leaf import Kind, Precedence
from detente.core.proof import Opening, make_proof
from detente.core.wire import read_tag
from vectors_form import Expect, Made
from vectors_ground import START_S, Ground, LogBuilder
from vectors_scenes import CHANNEL, Scene, ahead, crafted, entries, hello, join, stated
from vectors_world import Effect


def forks(ground: Ground) -> Iterator[Made]:
    """Every scene."""
    yield from _searched(ground)
    yield from _below(ground)
    yield from _shown(ground)
    yield from _completed(ground)
    yield from _quotes(ground)


def _three(ground: Ground) -> tuple[Scene, LogBuilder, LogBuilder]:
    """Bravo alone is real; the logs of alpha, whose fourth leaf is told twice, and of charlie."""
    line = ground.line("alpha", "bravo", "charlie")
    scene = Scene(ground, line, "bravo")
    del scene.nodes["alpha"], scene.nodes["charlie"]
    scene.accept("bravo")
    return scene, line.logs[0], line.logs[2]


def _greet(scene: Scene, log: LogBuilder, size: int) -> None:
    """The author of a log joins and sends that much of it."""
    name = log.author.name
    join(scene, name)
    scene.give(name, hello(scene.line, name, log))
    scene.give(name, entries(log, 0, size))


# --- searched ---------------------------------------------------------------------------------


def _searched(ground: Ground) -> Iterator[Made]:
    """Bravo holds one history of alpha; charlie shows the head of another."""
    scene, log, theirs = _three(ground)
    for text in (b"One.", b"Two.", b"Three.", b"Four."):
        log.say(plain=text, serial=log.size)
    fork = log.fork(3)
    fork.say(plain=b"Never three.", serial=3)
    _greet(scene, log, log.size)
    _greet(scene, theirs, 1)
    _search(scene, fork)
    comment = "charlie shows another head of alpha: searched, proven, entered, frozen"
    yield scene.made("fork_found", "§6", comment)
    log.say(plain=b"Five.", serial=log.size)
    scene.give("alpha", entries(log, log.size - 1, log.size))
    yield scene.made("entries_of_a_frozen_log", "§6", "nothing more is taken", "frozen")
    scene, log, theirs = _three(ground)
    _greet(scene, log, 1)
    _greet(scene, theirs, 1)
    unsigned = StatedHead(Head(log.id, 9, bytes(32)), bytes(64))
    scene.give("charlie", encode_frame(CHANNEL, frames.Heads((unsigned,))))
    comment = "charlie states a head that alpha never signed: named, and nothing else"
    yield scene.made("false_head_of_another", "§4", comment, "bad-signature")


def _search(scene: Scene, fork: LogBuilder) -> None:
    """Charlie states a head, and answers what is asked about it."""
    out = scene.give("charlie", encode_frame(CHANNEL, frames.Heads((stated(fork),))))
    for _ in range(16):
        questions = [_question(effect) for effect in out]
        question = next((found for found in questions if found is not None), None)
        if question is None:
            break
        out = scene.give("charlie", _answer(fork, question))


def _below(ground: Ground) -> Iterator[Made]:
    """Charlie proves that alpha forked at 4, and then shows the head of a third log of alpha."""
    for name, at, comment in (
        ("lower_fork_found", 2, "frozen at 4, and another head parts at 2: searched, frozen at 2"),
        ("fork_behind_a_freeze", 5, "frozen at 4, and another head agrees there: one question"),
    ):
        scene, log, theirs = _three(ground)
        for text in (b"One.", b"Two.", b"Three.", b"Four.", b"Five.", b"Six."):
            log.say(plain=text, serial=log.size)
        high, other = log.fork(4), log.fork(at)
        high.say(plain=b"Never four.", serial=4)
        for number in range(at, 6):
            other.say(plain=b"Never this.", serial=number)
        _accuse(theirs, log, high, 4)
        _greet(scene, log, log.size)
        _greet(scene, theirs, 2)
        _search(scene, other)
        yield scene.made(name, "§6", comment)


def _accuse(by: LogBuilder, log: LogBuilder, fork: LogBuilder, at: int) -> None:
    """Another member's entry that proves two logs to part at an index."""
    proofs = [
        make_proof(Opening(one.raws[at]), at, one.path(at), one.note()) for one in (log, fork)
    ]
    by.say(
        Kind.ACCUSATION,
        plain=make_leaves(*proofs),
        precedence=Precedence.IMMEDIATE,
        extra=Accused(log.id, at).encode(),
    )


def _question(effect: Effect) -> frames.AskProof | None:
    if "send" not in effect:
        return None
    reader = Reader(bytes.fromhex(effect["frame"]))
    kind, _ = read_tag(reader)
    if kind != frames.AskProof.TYPE:
        return None
    frame = read_frame(kind, reader)
    return frame if isinstance(frame, frames.AskProof) else None


def _answer(log: LogBuilder, question: frames.AskProof) -> bytes:
    at, size = question.at, question.size
    if question.inclusion:
        shown = frames.ShowProof(log.id, True, at, size, tuple(log.path(at, size)), log.raws[at])
    else:
        path = tuple(log.consistency(at, size))
        shown = frames.ShowProof(log.id, False, at, size, path, b"", log.root(at))
    return encode_frame(CHANNEL, shown)


# --- shown by the author itself ---------------------------------------------------------------


def _shown(ground: Ground) -> Iterator[Made]:
    scene, log = crafted(ground)
    for text in (b"One.", b"Two."):
        log.say(plain=text, serial=log.size)
    scene.give("alpha", entries(log, 1, 3))
    fork = log.fork(2)
    fork.say(plain=b"Never two.", serial=2)
    scene.give("alpha", entries(fork, 2, 3))
    comment = "another entry 2, signed: proven at once, without a question"
    yield scene.made("fork_sent", "§6", comment)
    scene, log = crafted(ground)
    for text in (b"One.", b"Two.", b"Three."):
        log.say(plain=text, serial=log.size)
    fork = log.fork(3)
    fork.say(plain=b"Now.", serial=3, precedence=4)
    scene.give("alpha", ahead(fork, 1, 3))
    scene.give("alpha", entries(log, 1, 4))
    comment = "what came ahead is not what then stands there"
    yield scene.made("fork_ahead", "§6", comment)


def _completed(ground: Ground) -> Iterator[Made]:
    """Bravo is told of the fork by charlie before it holds as much of alpha's log."""
    scene, log, theirs = _three(ground)
    for text in (b"One.", b"Two.", b"Three."):
        log.say(plain=text, serial=log.size)
    fork = log.fork(3)
    fork.say(plain=b"Never three.", serial=3)
    _accuse(theirs, log, fork, 3)
    _greet(scene, log, 2)
    _greet(scene, theirs, 2)
    scene.give("alpha", entries(log, 2, 4))
    comment = "frozen at 3, held to 2: a batch that spans 3 is taken, and covered to 2"
    yield scene.made("frozen_log_is_completed", "§6", comment)
    log.say(plain=b"Now.", serial=log.size, precedence=4)
    scene.give("alpha", ahead(log, 2, 4))
    comment = "an entry ahead of a gap, at or beyond the index of the freeze"
    yield scene.made("ahead_of_a_frozen_log", "§6", comment, "frozen")
    yield _behind(ground, "head_behind_a_freeze", "ok")
    yield _behind(ground, "other_history_behind_a_freeze", "frozen")


def _behind(ground: Ground, name: str, expect: Expect) -> Made:
    """Bravo holds alpha's log as far as it is frozen; charlie had covered one entry more."""
    scene, log, theirs = _three(ground)
    for text in (b"One.", b"Two.", b"Three."):
        log.say(plain=text, serial=log.size)
    fork = log.fork(3)
    fork.say(plain=b"Never three.", serial=3)
    theirs.say(Kind.SEEN, seen=(log.seen(START_S),))
    _accuse(theirs, log, fork, 3)
    _greet(scene, log, 3)
    _greet(scene, theirs, 3)
    scene.give("charlie", entries(log if expect == "ok" else fork, 3, 4, named=True))
    what = "that charlie had covered" if expect == "ok" else "of the other history"
    return scene.made(name, "§6", f"frozen at 3, held to 3: the entry behind, {what}", expect)


# --- quotes -----------------------------------------------------------------------------------


def _quotes(ground: Ground) -> Iterator[Made]:
    scene, log = crafted(ground)
    own = scene.line.logs[1]
    held_at_s = START_S + 3600
    cosigned = own.cosignature(log.author, START_S + 5, 1)
    scene.give("alpha", encode_frame(CHANNEL, Cosign(None, 1, 5, cosigned)))
    scene.run(3600)
    log.say(Kind.SEEN, time_s=held_at_s, seen=(own.seen(held_at_s, 1),))
    scene.give("alpha", entries(log, 1, 2))
    comment = "alpha's `seen` states an hour later than its own cosignature: quoted"
    yield scene.made("late_seen_is_quoted", "§6", comment)
    for name, who, comment in (
        ("false_quote", 1, "a cosignature in bravo's name that it never made: disputed"),
        ("false_quote_of_another", 2, "in the name of nobody here: bravo has nothing to dispute"),
    ):
        scene, log = crafted(ground)
        quote = Quote(log.id, 1, who, 0, START_S + 5, bytes(64))
        log.say(Kind.QUOTE, extra=quote.encode())
        scene.give("alpha", entries(log, 1, 2))
        yield scene.made(name, "§6", comment)
