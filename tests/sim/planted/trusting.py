"""Defects of trusting: keys, cards and signatures that must not count, bodies opened too soon."""

from __future__ import annotations

import re
from typing import Any

from sim.planted.plants import Plants, defect

from detente.core import crypto, identity, judging, notes, overtaking, proof, receiving
from detente.core.body import unpack
from detente.core.events import Send
from detente.core.frames import Notice, encode_frame
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.log import Log
from detente.core.station import Station, Step
from detente.dossiers import fold
from detente.node import renewal


@defect("a mixed-order key is accepted", "T: mixed-order key in card; F19", needs=("bad-card",))
def _(plants: Plants) -> None:
    plants.everywhere(crypto.check_ed25519_public, lambda _: None)


@defect(
    "an old card is put in force again", "T: old card serial replayed; F17", needs=("old-card",)
)
def _(plants: Plants) -> None:
    def supersedes(*_: Any) -> None:
        return

    plants.everywhere(identity.supersedes, supersedes)
    plants.put(renewal, "_SERIAL", re.compile(rb"^serial never ([0-9])$"))


@defect(
    "Ed25519 alone proves for ever",
    "T: Ed25519 proof accepted after `ed25519-until`; F11",
    lasting=True,
)
def _(plants: Plants) -> None:
    real = proof.open_proof
    plants.everywhere(real, lambda data, keys, **_: real(data, keys))


@defect(
    "what a witness signs blindly is taken as a holder's",
    "T: blind witness key accepted as holder; F2",
    needs=("blind-receipt",),
)
def _(plants: Plants) -> None:
    real, verify, heads = Station.cosigner, notes.verify_cosignature_ed25519, dict[bytes, bytes]()

    def cosigner(station: Station, line: Line, member: int, k: int) -> Any:
        found, witness = real(station, line, member, k), station.heads_key(line, member)
        if found is not None and witness is not None:
            heads[found[1]] = witness[1]
        return found

    def either(checkpoint: Any, public: bytes, time_s: int, signature: bytes) -> bool:
        keys = (public, heads.get(public, public))
        return any(verify(checkpoint, key, time_s, signature) for key in keys)

    plants.put(Station, "cosigner", cosigner)
    plants.everywhere(verify, either)


@defect(
    "a charter's text is signed as it stands",
    "T: charter text starting `cosignature/v1` signed; F2, D1",
    needs=("charter-oracle",),
)
def _(plants: Plants) -> None:
    real = judging.judge_body

    def judge_body(step: Step, line: Line, log: Log, entry: Any, leaf: Any) -> None:
        real(step, line, log, entry, leaf)
        session = line.session_of(log.id.member)
        if leaf.kind == Kind.OFFER and entry.body is not None and session is not None:
            signature = step.station.keys.sign_holds(unpack(entry.body))
            step.out.append(Send(session.link, encode_frame(0, Notice(signature))))

    plants.everywhere(real, judge_body)


@defect(
    "a body is opened before its commitment is checked",
    "T: commit checked after decompress; F15",
    needs=("bomb",),
)
def _(plants: Plants) -> None:
    real = receiving._entry

    def entry(station: Station, line: Line, place: Any, digest: bytes, item: Any) -> Any:
        if item.body is not None and item.leaf is not None and item.leaf.kind != Kind.CHARTER:
            unpack(item.body)
        return real(station, line, place, digest, item)

    plants.put(receiving, "_entry", entry)


@defect(
    "what is brought past a closing head counts",
    "T: peer withholds past its closing head; F5",
    needs=("past-closing",),
    lasting=True,
)
def _(plants: Plants) -> None:
    plants.everywhere(fold.end_of, lambda *_: None)


@defect(
    "a FLASH that nobody signed is receipted and shown",
    "issue 3: an unauthenticated FLASH displayed as confirmed; F7",
    needs=("forge",),
)
def _(plants: Plants) -> None:
    real, verifies = overtaking._verified, Log.verifies

    def verified(*given: Any) -> Any:
        Log.verifies = lambda *_: True  # type: ignore[method-assign]
        try:
            return real(*given)
        finally:
            Log.verifies = verifies  # type: ignore[method-assign]

    plants.put(overtaking, "_verified", verified)
