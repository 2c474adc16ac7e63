"""What makes a seal final (spec/decisions.md §3, §4), worked out once more from the entries alone.

A second, plainer reading than ``core.decisions``: it knows no forks, and is asked of no line in
which a log is frozen.
"""

from __future__ import annotations

from collections.abc import Iterator

from detente.core.decisions import Standing, State
from detente.core.errors import PeerError
from detente.core.extras import Offer, decode_offer
from detente.core.leaf import Kind, LogId
from detente.core.line import Line
from detente.core.transcript import Place


def fault_of(line: Line, offer: Place, shown: Standing) -> str:
    """Why what is shown of an offer is more, or less, than its entries say; else nothing."""
    leaf = line.shelf.entry(*offer).leaf
    if any(log.frozen >= 0 for log in line.logs.values()) or leaf is None:
        return ""
    try:
        terms = decode_offer(leaf.extra)
    except PeerError:
        return ""
    digest = line.shelf.entry(*offer).hash
    seal = next((p for p in _naming(line, Kind.SEAL, digest) if p.log.member == terms.sealer), None)
    if seal is None:
        withdrawn = any(_known_to_sealer(line, terms, p) for p in _withdrawn(line, offer, digest))
        if shown.state in (State.SEALED, State.FINAL):
            return "without a seal of its sealer"
        if shown.state is State.OPEN and withdrawn:
            return "its sealer has covered its withdrawal"
        if shown.state is State.WITHDRAWN and not withdrawn:
            return "its sealer knows of no withdrawal"
        return ""
    if shown.seal is not None and shown.seal != seal:
        return "by another seal than the first"
    past = _past(line, seal)
    if shown.state is State.VOID or any(line.shelf.size(log) < past[log] for log in past):
        return ""
    withdrawn = any(p.index < past.get(p.log, 0) for p in _withdrawn(line, offer, digest))
    if withdrawn:
        return "" if shown.state is State.WITHDRAWN else "it was withdrawn before it was sealed"
    if shown.state is State.WITHDRAWN:
        return "it was sealed before it was withdrawn"
    lacking = _lacking(line, terms, seal)
    if shown.state is State.FINAL and lacking:
        return f"members {lacking} have not stated in time that they hold its seal"
    if shown.state is not State.FINAL and not lacking:
        return "every signatory has stated in time that it holds the seal"
    return ""


def _past(line: Line, place: Place) -> dict[LogId, int]:
    """How much of every log its author had stated before an entry, and what lies before that: a
    later statement of less takes nothing back."""
    past, looked = {place.log: place.index + 1}, dict[LogId, int]()
    while grown := [log for log in sorted(past) if looked.get(log, 0) < past[log]]:
        for log in grown:
            first, looked[log] = looked.get(log, 0), past[log]
            for index in range(first, min(past[log], line.shelf.size(log))):
                leaf = line.shelf.entry(log, index).leaf
                for seen in () if leaf is None else leaf.seen:
                    past[seen.log] = max(past.get(seen.log, 0), seen.size)
    return past


def _naming(line: Line, kind: Kind, digest: bytes) -> Iterator[Place]:
    for place in line.shelf.referring(digest):
        leaf = line.shelf.entry(*place).leaf
        if leaf is not None and leaf.kind == kind and leaf.refs[0] == digest:
            yield place


def _withdrawn(line: Line, offer: Place, digest: bytes) -> list[Place]:
    """Withdrawals of an offer by its own author."""
    found = _naming(line, Kind.WITHDRAWAL, digest)
    return [place for place in found if place.log.member == offer.log.member]


def _known_to_sealer(line: Line, terms: Offer, place: Place) -> bool:
    """Whether the sealer wrote an entry, or its newest log has stated it."""
    logs = [log for log in line.shelf.logs() if log.member == terms.sealer]
    if place.log.member == terms.sealer or not logs:
        return place.log.member == terms.sealer
    newest = logs[-1]
    stated = line.shelf.vector(newest, line.shelf.size(newest) - 1)
    return stated.get(place.log, 0) > place.index


def _lacking(line: Line, terms: Offer, seal: Place) -> list[int]:
    """The signatories that have not stated before the expiry that they hold the seal."""
    holding = {seal.log.member}
    for cover in line.shelf.covers(*seal):
        leaf = line.shelf.entry(cover.by, cover.by_index).leaf
        root = line.shelf.root_at(seal.log, cover.size)
        same = [s for s in (() if leaf is None else leaf.seen) if s.log == seal.log]
        if cover.held_at_s < terms.expires_s and any(s.root == root for s in same):
            holding.add(cover.by.member)
    return [m for m in range(32) if terms.signatories >> m & 1 and m not in holding]
