"""A line that takes in members by amendment, and what a test says on it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.lineage import party
from pair import End, World

from detente.core import events
from detente.core.body import pack
from detente.core.charter import Charter, Left, Member, charter_id
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind

NAMES = ("alpha", "bravo", "charlie")
HOUR_S = 3600
FOUR = (*NAMES, "delta")


def member(number: int, name: str, role: str = "party") -> Member:
    return Member(number, role, party(name).id, party(name).card.hash, name)


def founded(names: tuple[str, ...] = NAMES, **changes: object) -> World:
    """A line of the first two of these parties, open; the others have a card and no more."""
    members = tuple(member(n, name) for n, name in enumerate(names[:2]))
    world = World(names=names, changes={"members": members, **changes})
    world.open(*names[:2])
    world.run(70)
    return world


def successor(end: End, **changes: object) -> Charter:
    now = end.line.charter
    return replace(now, number=now.number + 1, predecessor=charter_id(now.encode()), **changes)


def grown(end: End, name: str = "charlie", role: str = "party") -> Charter:
    """The charter in force with one more member, under the next number."""
    members = end.line.charter.members
    return successor(end, members=(*members, member(len(end.line.charter.entries()), name, role)))


def enter(end: End, kind: int, audience: int, *refs: bytes, extra: bytes = b"", text: bytes = b""):
    """Submits a draft and gives the hash of its entry."""
    body = pack(text, 5, padding=False) if text else None
    draft = events.Draft(
        kind=kind, audience=audience, refs=refs, extra=extra, body=body, salt=bytes(16)
    )
    end.do(events.Submit(end.line.id, draft))
    end.world.run()
    shelf = end.shelf(end.line.id)
    mine = [place for place in shelf.of_kind([kind]) if place.log == end.own().id]
    return shelf.entry(*mine[-1]).hash


def offer(end: End, charter: Charter, sealer: int = 1, lasts_s: int = HOUR_S) -> bytes:
    """An offer of this charter to all members and all whom it would make members."""
    now = end.line.charter
    terms = Offer(AMENDMENT, sealer, now.readers(), end.world.wall_s + lasts_s)
    audience = now.everyone() | charter.everyone()
    return enter(end, Kind.OFFER, audience, extra=terms.encode(), text=charter.encode())


def seal(end: End, *refs: bytes) -> None:
    enter(end, Kind.SEAL, end.line.charter.everyone(), *refs)


def accept(end: End, charter: Charter, founding: Charter | None = None) -> None:
    first = founding or end.world.charter()
    end.do(events.Accept(first.encode(), charter.encode()))


def joined(world: World, **links: object) -> Charter:
    """Charlie has joined alpha and bravo by amendment 1, and is linked with both."""
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    made = offer(alpha, charter)
    accept(charlie, charter)
    seal(bravo, made)
    world.run(70)
    world.link("alpha", "charlie")
    world.link("bravo", "charlie")
    world.run(70)
    return charter


def leave(world: World) -> Charter:
    """Charlie leaves by the next amendment, with everybody's signature."""
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    now = alpha.line.charter
    charter = successor(
        alpha, members=now.members[:2], left=(Left(now.members[2].number, charlie.id),)
    )
    made = offer(alpha, charter, sealer=0)
    rest = [enter(end, Kind.ASSENT, 7, made) for end in (bravo, charlie)]
    seal(alpha, made, *rest)
    world.run(100)
    assert alpha.line.charter == bravo.line.charter == charter
    return charter


def refused(call) -> Refusal:
    with pytest.raises(LocalError) as caught:
        call()
    return caught.value.refusal
