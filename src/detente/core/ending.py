"""Where a log of a revoked key ends, the same for every member (spec/identity.md §9).

The end is read from the transcript alone: the head that the party stands by, and what the others'
logs state of it until they show that they know. What nobody else had covered by then is contested.
"""

from __future__ import annotations

from collections.abc import Iterable

from detente.core.body import unpack
from detente.core.errors import PeerError
from detente.core.holding import coverable_size, known_root
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.log import Log
from detente.core.revocation import Revocation
from detente.core.station import Station
from detente.core.transcript import Place, Transcript


def end_of_revoked(
    transcript: Transcript, log: LogId, stand: int, told: Iterable[Place]
) -> tuple[int, set[LogId]]:
    """The size at which a revoked log ends, and the logs whose word on it is final.

    ``stand`` is the size of the head its party stands by, ``told`` are the entries that hold the
    revocation. Each other member's log counts up to its first entry that covers one of them, that
    entry with it: what was held there when the revocation came is stated beside it.
    """
    knows: dict[LogId, int] = {}
    for place in told:
        for cover in transcript.covers(*place):
            knows[cover.by] = min(cover.by_index, knows.get(cover.by, cover.by_index))
    end = stand
    for other in transcript.logs():
        size = transcript.size(other)
        if other.member != log.member and size:
            stated = transcript.vector(other, knows.get(other, size - 1))
            end = max(end, stated.get(log, 0))
    return end, set(knows)


def told_in(line: Line, member: int, revocation: Revocation) -> list[Place]:
    """The entries of a member that hold this revocation of its party."""
    text = revocation.encode()
    found = []
    for place in line.shelf.of_kind((Kind.CARD,)):
        body = line.shelf.entry(*place).body if place.log.member == member else None
        try:
            if body is not None and unpack(body).startswith(text):
                found.append(place)
        except PeerError:
            continue  # a body that does not open tells nothing
    return found


def end_here(line: Line, log: Log, revocation: Revocation) -> int:
    """Where a log of a revoked key ends, by what is held here. A stand whose root is not the one
    held here is of another history, and counts for nothing.

    Until our own log shows that we know, what we hold counts: our next `seen` will say so.
    """
    stand = revocation.stand(log.origin)
    if stand is None or known_root(line, log.id, stand.size) not in (None, stand.root):
        stood = 0
    else:
        stood = stand.size
    told = told_in(line, log.id.member, revocation)
    end, final = end_of_revoked(line.shelf, log.id, stood, told)
    if log.id.member != line.me and line.mine not in final:
        end = max(end, coverable_size(line, log))
    return end


def ends_of_revoked(station: Station, line: Line) -> dict[LogId, int]:
    """Every log of a revoked key of a line, and where it ends; our own among them."""
    if not station.revoked:
        return {}
    found = {}
    for log in line.logs.values():
        revocation = station.revoked.get(log.key)
        if revocation is not None:
            found[log.id] = end_here(line, log, revocation)
    return found
