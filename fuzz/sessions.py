"""What a peer sends: the record reader of the stream bearers, and frames on a living session."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import cache

from fuzz.contract import BrokenError, Target, alike
from pair import World

from detente.bearers.contract import RECEIVE_BYTES_MAX, Inbox, framed
from detente.core import events
from detente.core.errors import DetenteError, Refusal
from detente.core.leaf import Precedence

_BREAK = "the stream is refused"


def records(chunks: list[bytes]) -> list[bytes | str]:
    """The frames of a stream as its bearer cuts them, and what it ended with."""
    inbox, found = Inbox(), []
    for chunk in chunks:
        inbox.feed(chunk)
        try:
            while frames := inbox._cut():
                found += frames
        except DetenteError as error:
            return [*found, f"{_BREAK}: {error.refusal.word}"]
        if len(inbox._buffer) > RECEIVE_BYTES_MAX:
            raise BrokenError("a stream that is kept without an end")
    return found


def _stream(data: bytes) -> None:
    """Cut anywhere, a stream is the same frames; framed again they are the same stream."""
    found = alike(data, records)
    whole = b"".join(framed(frame) for frame in found if isinstance(frame, bytes))
    if not data.startswith(whole):
        raise BrokenError("frames that were not sent")


def world() -> World:
    """Three parties that have said a little: a fresh copy for each input."""
    found: World = pickle.loads(_pickled())
    return found


@cache
def _pickled() -> bytes:
    made = World(names=("alpha", "bravo", "charlie"))
    made.open()
    for name in made.names:
        made.ends[name].submit(f"from {name}")
        made.ends[name].submit("now", precedence=Precedence.FLASH)
    made.run(70)
    return pickle.dumps(made)


def _session(data: bytes) -> None:
    """A peer's stream at a node that speaks with it: every frame is taken or refused by name,
    the refusal goes to both sides, and nobody innocent is proven anything."""
    ground = world()
    alpha = ground.ends["alpha"]
    link = next(n for n, (end, peer, _) in ground.wires.items() if (end.name, peer.name) == _ENDS)
    told = len(alpha.told)
    for frame in records([data]):
        if isinstance(frame, bytes) and link in ground.wires:
            alpha.do(events.FrameIn(link, frame))
            alpha.do(events.Tick())
    words = {refusal.word for refusal in Refusal}
    for tell in alpha.told[told:]:
        if tell.word == "refused" and tell.facts["refusal"] not in words:
            raise BrokenError(f"refused without a name: {tell.facts}")
        if tell.word in {"fork-proven", "mute"}:
            raise BrokenError(f"garbage brought about «{tell.word}»")


_ENDS = ("alpha", "bravo")


def _sent() -> Iterator[bytes]:
    """Each frame that bravo sent alpha, and all of them as one stream."""
    sent = [data for one, other, data in world().frames if (other, one) == _ENDS]
    unique = sorted(dict.fromkeys(sent), key=len)
    yield from (framed(data) for data in unique)
    yield b"".join(framed(data) for data in sent if len(data) < 400)[:4096]


TARGETS = (
    Target("stream", _stream, _sent, words=(b"\x80", b"\xff\xff\x7f", b"\x80\x80\x28")),
    Target("session", _session, _sent, bytes_max=8192, tries=60),
)
