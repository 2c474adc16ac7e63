"""Runs one vector through the code: what came of it, as a word and a value."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from detente.bearers import courier
from detente.bearers.packets import read_packet
from detente.bearers.websocket_listener import announced
from detente.core import (
    body,
    charter,
    encoding,
    extras,
    frames,
    identity,
    link_keys,
    merkle,
    notes,
    revocation,
    wire,
)
from detente.core.encoding import Reader
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.leaf import Kind, decode_leaf
from detente.dossiers import grids, shapes
from detente.dossiers.report import StatementShown
from detente.dossiers.verify import verify_file
from vectors_form import Vector, log_id, plain
from vectors_ground import seed
from vectors_world import run_session

Inputs = dict[str, Any]
Cards = dict[str, str]


def run(vector: Vector, cards: Cards) -> tuple[str, dict[str, Any] | None]:
    """The word and the value. ``cards`` are the texts of the cards that inputs name."""
    try:
        if vector.do == "verify":
            return _verify(vector, cards)
        if vector.do == "session":
            return run_session(vector, cards)
        if vector.do == "courier":
            return "ok", plain(_courier(vector.inputs, cards))
        return "ok", plain(RUNS[vector.do](vector.inputs))
    except PeerError as exc:
        return exc.refusal.word, None
    except LocalError as exc:  # people's own slips: which rule they broke
        return exc.refusal.word, {"rule": exc.facts["rule"]}


def _courier(given: Inputs, cards: Cards) -> object:
    """The frames of a file, from whichever of its heads opens; the last one's refusal if none."""
    sender = identity.parse_card(cards[given["sender"]].encode()).card
    receiver = identity.parse_card(cards[given["receiver"]].encode()).card
    parties = courier.Parties(bytes.fromhex(given["line"]), sender.party, receiver.party)
    file, refused = io.BytesIO(bytes.fromhex(given["file"])), PeerError(Refusal.UNREADABLE)
    for data in courier.heads_of(file):
        try:
            secret = seed(given["receiver"], "kem")
            head = courier.open_head(data, parties, secret, [sender.tls_ed25519])
        except PeerError as exc:
            refused = exc
            continue
        chunks = courier.Chunks(file, head)
        frames_ = list(chunks.frames())
        head_ = {"written_s": head.written_s, "number": head.number, "chunks": head.chunks}
        return {**head_, "frames": frames_, "lost": chunks.lost}
    raise refused


def _all(data: str, read: Callable[[Reader], object]) -> dict[str, object]:
    reader = Reader(bytes.fromhex(data))
    value = read(reader)
    reader.done()
    return {"value": value}


def _varint(given: Inputs) -> object:
    return _all(given["bytes"], Reader.varint)


def _signed(given: Inputs) -> object:
    return _all(given["bytes"], lambda reader: encoding.unzigzag(reader.varint()))


def _counted(given: Inputs) -> object:
    return _all(given["bytes"], lambda reader: reader.counted(given["most"]))


def _u40(given: Inputs) -> object:
    return _all(given["bytes"], Reader.u40)


def _base64(given: Inputs) -> object:
    return {"value": encoding.unb64(given["text"])}


def _hex(given: Inputs) -> object:
    return {"value": encoding.unhex(given["text"], given["length"])}


def _decimal(given: Inputs) -> object:
    return {"value": encoding.decimal(given["text"])}


# --- leaves -----------------------------------------------------------------------------------


EXTRAS: dict[int, Callable[[bytes], object]] = {
    Kind.RESUME: extras.decode_resume,
    Kind.QUOTE: extras.decode_quote,
    Kind.HELD_AHEAD: extras.decode_held_ahead,
    Kind.LACKS: extras.decode_lacks,
    Kind.MARK: extras.decode_mark,
    Kind.TRANSLATION: extras.decode_translation,
    Kind.OFFER: extras.decode_offer,
    Kind.ACCUSATION: extras.decode_accused,
    Kind.OVER_QUOTA: extras.decode_over_quota,
    Kind.CLOCK: lambda data: {"step_s": extras.decode_clock(data)},
}


def _leaf(given: Inputs) -> object:
    raw = bytes.fromhex(given["leaf"])
    leaf = decode_leaf(raw)
    if leaf.encode() != raw:
        raise PeerError(Refusal.MALFORMED, "it reads back as another")
    out = plain(leaf) | {"hash": merkle.leaf_hash(raw).hex()}
    if leaf.kind in EXTRAS:
        out["fields"] = plain(EXTRAS[leaf.kind](leaf.extra))
    elif leaf.kind in {Kind.DISPATCH, Kind.ACCIDENT}:
        found = extras.decode_relations(leaf.extra, len(leaf.refs))
        out["fields"] = {"relations": plain(found)}
    return out


# --- trees ------------------------------------------------------------------------------------


def _hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def _root(given: Inputs) -> object:
    frontier = merkle.Frontier()
    for leaf in _hashes(given["leaves"]):
        frontier.append(merkle.leaf_hash(leaf))
    return {"root": frontier.root()}


def _inclusion(given: Inputs) -> object:
    merkle.verify_inclusion(
        bytes.fromhex(given["leaf_hash"]),
        given["index"],
        given["size"],
        _hashes(given["path"]),
        bytes.fromhex(given["root"]),
    )
    return {}


def _consistency(given: Inputs) -> object:
    roots = bytes.fromhex(given["old_root"]), bytes.fromhex(given["new_root"])
    merkle.verify_consistency(given["old"], given["new"], _hashes(given["path"]), *roots)
    return {}


def _gap(given: Inputs) -> object:
    frontier = merkle.Frontier(given["base"], _hashes(given["peaks"]))
    merkle.push_cover(frontier, _hashes(given["cover"]), given["index"])
    frontier.append(bytes.fromhex(given["leaf_hash"]))
    return {"size": frontier.size, "root": frontier.root()}


# --- notes ------------------------------------------------------------------------------------


def _note(given: Inputs) -> object:
    return notes.parse_note(given["note"].encode("utf-8", "surrogatepass"))


def _verifier_key(given: Inputs) -> object:
    return notes.parse_vkey(given["vkey"])


def _note_signature(given: Inputs) -> object:
    note = notes.parse_note(given["note"].encode())
    key = notes.parse_vkey(given["vkey"])
    if not notes.verify_note(note, key.name, key.sig_type, key.public):
        raise PeerError(Refusal.BAD_SIGNATURE)
    return {}


def _checkpoint(given: Inputs) -> object:
    return notes.parse_checkpoint_text(given["text"])


def _cosignature(given: Inputs) -> object:
    note = notes.parse_note(given["note"].encode())
    tree = notes.parse_checkpoint_text(note.text)
    key = notes.parse_vkey(given["vkey"])
    wanted = notes.key_id(key.name, key.sig_type, key.public)
    for line in note.signatures:
        if (line.name, line.key_id) != (key.name, wanted):
            continue
        time_s, data = notes.cosignature_parts(line)
        if key.sig_type == notes.COSIGN_MLDSA44:
            valid = notes.verify_cosignature_mldsa44(key.name, tree, key.public, time_s, data)
        else:
            valid = notes.verify_cosignature_ed25519(tree, key.public, time_s, data)
        if valid:
            return {"time_s": time_s}
    raise PeerError(Refusal.BAD_SIGNATURE)


# --- cards, charters, bodies ------------------------------------------------------------------


def _card(given: Inputs) -> object:
    signed = identity.parse_card(given["card"].encode())
    card = signed.card
    shown = {"party": card.party, "digits": card.digits, "hash": signed.hash}
    return shown | {"name": card.name, "serial": card.serial}


def _successor(given: Inputs) -> object:
    old, new = (identity.parse_card(given[which].encode()).card for which in ("old", "new"))
    identity.supersedes(old, new, given["used_k"])
    return {}


def _revocation(given: Inputs) -> object:
    card = identity.parse_card(given["card"].encode()).card
    data = given["revocation"].encode()
    signed = revocation.parse_revocation(data, card, given["held_serial"])
    return {"hash": signed.hash, "key": signed.revocation.key, "stands": signed.revocation.stands}


def _charter(given: Inputs) -> object:
    data = given["text"].encode("utf-8", "surrogatepass")
    found = charter.parse_charter(data)
    masks = {"readers": found.readers(), "everyone": found.everyone()}
    return {"id": charter.charter_id(data), "number": found.number} | masks


def _amendment(given: Inputs) -> object:
    old, new = (charter.parse_charter(given[which].encode()) for which in ("old", "new"))
    charter.check_amendment(old, new)
    return {}


def _commit(given: Inputs) -> object:
    salt, packed = (bytes.fromhex(given[which]) for which in ("salt", "body"))
    return {"commitment": body.commit(salt, packed)}


def _open(given: Inputs) -> object:
    salt, packed = (bytes.fromhex(given[which]) for which in ("salt", "body"))
    if body.commit(salt, packed).hex() != given["commitment"]:
        raise PeerError(Refusal.BAD_COMMITMENT)
    return {"plain": body.unpack(packed)}


# --- frames -----------------------------------------------------------------------------------


def _frame(given: Inputs) -> object:
    data = bytes.fromhex(given["frame"])
    reader = Reader(data)
    kind, channel = wire.read_tag(reader)
    frame = frames.read_frame(kind, reader)
    if frames.encode_frame(channel, frame) != data:
        raise PeerError(Refusal.MALFORMED, "it reads back as another")
    name = type(frame).__name__
    return {"type": kind, "channel": channel, "name": name, "fields": plain(frame)}


def _entries(given: Inputs) -> object:
    roots = {(log_id(log), size): root for log, size, root in given["roots"]}
    hashes = {(log_id(log), index): hash_ for log, index, hash_ in given["hashes"]}

    def known(table: dict[Any, str]) -> Callable[[Any, int], bytes | None]:
        return lambda log, at: bytes.fromhex(table[log, at]) if (log, at) in table else None

    reader = Reader(bytes.fromhex(given["frame"]))
    kind, channel = wire.read_tag(reader)
    if kind != wire.ENTRIES:
        raise PeerError(Refusal.MALFORMED, "no entries")
    batch = wire.read_batch(reader)
    reader.end -= 64
    before = given["before"]
    prev = wire.NOTHING if before == "" else decode_leaf(bytes.fromhex(before))
    mine = log_id(given["mine"]) if given["mine"] else None
    items = []
    for _ in range(batch.count):
        item = wire.read_item(reader, prev, known(roots), known(hashes), mine)
        items.append({"leaf": item.raw, "salt": item.salt, "body": item.body})
        if item.leaf is not None:
            prev = item.leaf
    signature = reader.data[reader.end :]
    reader.done()
    return {"channel": channel, "batch": batch, "items": items, "signature": signature}


# --- files ------------------------------------------------------------------------------------


def _verify(vector: Vector, cards: Cards) -> tuple[str, dict[str, Any]]:
    files = [cards[name].encode() for name in vector.inputs["cards"]]
    report = verify_file(vector.inputs["file"].encode(), files, vector.now_s or 0)
    value: dict[str, Any] = {"what": report.what, "ok": report.ok}
    if report.statements:
        value["entries"] = [
            {
                "log": one.log,
                "index": one.index,
                "hash": one.hash,
                "kind": one.kind,
                "body": one.body,
                "pq": one.pq,
                "receipts": [[r.party, r.at_s, r.evidence, r.linked] for r in one.receipts],
            }
            | ({"standing": one.standing} if one.standing else {})
            | _witnesses(one)
            for one in report.statements
        ]
    if report.logs:
        value["logs"] = [
            {
                "log": log.log,
                "size": log.size,
                "root": log.root,
                "pq_size": log.pq_size,
                "cosigned": [[c.cosigner, c.size, c.time_s] for c in log.cosigned],
            }
            | ({"end": plain(log.end)} if log.end is not None else {})
            for log in report.logs
        ]
    if report.revocations:
        value["revocations"] = [[r.party, r.key, r.serial] for r in report.revocations]
    if report.findings:
        value["findings"] = [[f.finding, f.log, f.index] for f in report.findings]
    if report.bad is not None:
        place = [report.bad.log, report.bad.index, report.bad.line_number]
        return report.bad.refusal, value | {"where": place}
    return "ok", value


def _witnesses(one: StatementShown) -> dict[str, object]:
    found = [[w.party, w.at_s, w.revoked] for w in one.witnesses]
    return {"witnesses": found} if found else {}


def _geometry(given: Inputs) -> object:
    found = shapes.read(given["text"])
    points = [(at.lat_udeg, at.lon_udeg) for at in grids.positions(found)]
    return {"kind": type(found).__name__, "points": points}


def _position(given: Inputs) -> object:
    found = grids.place(given["text"])
    return {"lat_udeg": found.lat_udeg, "lon_udeg": found.lon_udeg}


# --- sealed links -----------------------------------------------------------------------------


def _link_keys(given: Inputs) -> object:
    names = ("secret", "low", "high", "low_fresh", "high_fresh")
    secret, low, high, *fresh = (bytes.fromhex(given[name]) for name in names)
    made = link_keys.link_key_bytes(secret, low, high, b"".join(fresh))
    words = ("fresh", "low_frames", "low_checks", "high_frames", "high_checks")
    return dict(zip(words, made, strict=True))


def _announcement(given: Inputs) -> object:
    names = ("secret", "sender", "receiver", "data")
    said = link_keys.read_announcement(*(bytes.fromhex(given[name]) for name in names))
    if said is None:
        raise PeerError(Refusal.UNREADABLE, "not an announcement")
    return said


def _packet(given: Inputs) -> object:
    keys = link_keys.DirectionKeys(bytes(32), bytes.fromhex(given["check_key"]))
    packet = read_packet(bytes.fromhex(given["data"]), keys, given["wanted"], given["sent"])
    if packet is None:
        raise PeerError(Refusal.UNREADABLE, "not a packet")
    fragment = packet.fragment
    return {
        "fragment": None if fragment is None else fragment._asdict(),
        "held": [None if h is None else [h.below, sorted(h.beyond)] for h in packet.held],
        "level": packet.level,
    }


def _websocket_request(given: Inputs) -> object:
    names = ("secret", "sender", "receiver")
    secret, sender, receiver = (bytes.fromhex(given[name]) for name in names)
    data = announced(given["authorization"])
    said = link_keys.read_announcement(
        link_keys.websocket_secret(secret), sender, receiver, data or b""
    )
    if said is None:
        raise PeerError(Refusal.UNREADABLE, "not a request of a peer")
    return said


def _websocket_message(given: Inputs) -> object:
    names = ("secret", "receiver", "sender", "receiver_fresh", "sender_fresh", "data")
    secret, *ends, data = (bytes.fromhex(given[name]) for name in names)
    own = link_keys.websocket_secret(secret)
    keys = link_keys.link_keys(own, *ends)
    return {"secret": own, "opened": keys.takes.open(0, given["number"], data)}


RUNS: dict[str, Callable[[Inputs], object]] = {
    "geometry": _geometry,
    "position": _position,
    "varint": _varint,
    "signed-varint": _signed,
    "counted": _counted,
    "u40": _u40,
    "base64": _base64,
    "hex": _hex,
    "decimal": _decimal,
    "leaf": _leaf,
    "root": _root,
    "inclusion": _inclusion,
    "consistency": _consistency,
    "gap": _gap,
    "note": _note,
    "verifier-key": _verifier_key,
    "note-signature": _note_signature,
    "checkpoint": _checkpoint,
    "cosignature": _cosignature,
    "card": _card,
    "successor": _successor,
    "revocation": _revocation,
    "charter": _charter,
    "amendment": _amendment,
    "commit": _commit,
    "open": _open,
    "frame": _frame,
    "entries": _entries,
    "link-keys": _link_keys,
    "websocket-request": _websocket_request,
    "websocket-message": _websocket_message,
    "announcement": _announcement,
    "packet": _packet,
}
