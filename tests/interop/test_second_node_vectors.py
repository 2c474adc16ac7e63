"""The second node reads the vectors as ours does, and stores, signs and refuses as they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from interop import peer_bytes as b
from interop import peer_frames as f
from interop import peer_notes as n
from interop import peer_trees as t
from interop.peer_cards import SEED_NAMES, Card, Keys, read_card
from interop.peer_charter import read_charter
from interop.peer_held import read_extra
from interop.peer_session import Line

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
# Not for a line of two that keeps no quotas, accuses nobody and was never restored.
BEYOND = """restored_and_adopted adopted_on_a_link over_quota ahead_of_a_frozen_log
frozen_log_is_completed entries_of_a_frozen_log fork_found fork_sent fork_ahead fork_behind_a_freeze
head_behind_a_freeze other_history_behind_a_freeze
lower_fork_found witness_by_a_reader witness_given witness_received witness_that_fails
witness_under_its_holds_key relay_given relay_received observer_asks_for_a_body
false_head_of_another peer_is_restored queued_draft_is_entered_already"""
SESSIONS = [
    p for p in sorted((VECTORS / "sessions").glob("*.json")) if p.stem not in BEYOND.split()
]
unhex = bytes.fromhex


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def _word(log: b.LogId | None) -> str | None:
    return None if log is None else f"{log[0]}/{log[1]}" + (f".{log[2].hex()}" if log[2] else "")


def _log(word: str) -> b.LogId | None:
    place, _, life = word.partition(".")
    return (*map(int, place.split("/")), unhex(life)) if word else None


def _plain(value: Any) -> Any:
    """A field as a vector writes it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return _word(value)
    if isinstance(value, list):
        return [_stated(one) if isinstance(one, tuple) else one.hex() for one in value]
    return value


def _stated(head: f.Stated) -> dict[str, Any]:
    log, size, root, signature = head
    inner = {"log": _word(log), "size": size, "root": root.hex()}
    return {"head": inner, "signature": signature.hex()}


def _whole(text: str, read: Callable[[b.Reader], Any]) -> dict[str, Any]:
    reader = b.Reader(unhex(text))
    value = read(reader)
    reader.end()
    value = _plain(value)
    return {"value": str(value) if isinstance(value, int) and value >= 2**53 else value}


def _leaf(given: dict[str, Any]) -> dict[str, Any]:
    raw = unhex(given["leaf"])
    leaf = b.read_leaf(raw)
    assert leaf.encode() == raw
    read_extra(leaf)
    return {
        "kind": leaf.kind,
        "time_s": leaf.time,
        "audience": leaf.audience,
        "precedence": leaf.precedence,
        "drill": bool(leaf.flags & 8),
        "serial": leaf.serial,
        "clock_error_s": leaf.error,
        "refs": [ref.hex() for ref in leaf.refs],
        "extra": leaf.extra.hex(),
        "commitment": leaf.commitment.hex() or None,
        "release": leaf.release.hex() or None,
        "attached": bool(leaf.flags & 64),
        "hash": b.leaf_hash(raw).hex(),
    }


def _inclusion(given: dict[str, Any]) -> dict[str, Any]:
    path = [unhex(one) for one in given["path"]]
    leaf, root = unhex(given["leaf_hash"]), unhex(given["root"])
    t.check_inclusion(leaf, given["index"], given["size"], path, root)
    return {}


def _consistency(given: dict[str, Any]) -> dict[str, Any]:
    path = [unhex(one) for one in given["path"]]
    roots = unhex(given["old_root"]), unhex(given["new_root"])
    t.check_consistency(given["old"], given["new"], path, *roots)
    return {}


def _gap(given: dict[str, Any]) -> dict[str, Any]:
    peaks, cover = ([unhex(one) for one in given[key]] for key in ("peaks", "cover"))
    leaf, index = unhex(given["leaf_hash"]), given["index"]
    root = t.root_behind_gap(given["base"], peaks, index, cover, leaf)
    return {"size": index + 1, "root": root.hex()}


def _open(given: dict[str, Any]) -> dict[str, Any]:
    salt, body = unhex(given["salt"]), unhex(given["body"])
    b.check(b.commitment(salt, body) == unhex(given["commitment"]), "bad-commitment")
    return {"plain": b.open_body(body).hex()}


def _card(given: dict[str, Any]) -> dict[str, Any]:
    card = read_card(given["card"].encode())
    keys = ("party", "digits", "hash", "name", "serial")
    return {key: getattr(card, key) for key in keys}


def _charter(given: dict[str, Any]) -> dict[str, Any]:
    charter = read_charter(given["text"].encode())
    masks = {"everyone": charter.everyone, "readers": charter.readers}
    return {"id": charter.id.hex(), "number": charter.number} | masks


def _frame(given: dict[str, Any]) -> dict[str, Any]:
    frame = f.read_frame(unhex(given["frame"]))
    fields = {key: _plain(value) for key, value in frame.fields.items()}
    return {"type": f.TYPES.index(frame.name), "channel": frame.channel, "fields": fields}


def _entries(given: dict[str, Any]) -> dict[str, Any]:
    frame = f.read_frame(unhex(given["frame"]))
    roots = {(_log(log), size): unhex(root) for log, size, root in given["roots"]}
    hashes = {(_log(log), index): unhex(one) for log, index, one in given["hashes"]}
    known = f.Known(
        lambda log, size: roots.get((log, size)),
        lambda log, index: hashes.get((log, index)),
        _log(given["mine"]),
    )
    batch = frame.fields
    items, signature, _ = f.rebuild(batch, unhex(given["before"]) or None, known)
    told = {key: batch[key] for key in ("start", "count", "confirm")}
    return {
        "channel": frame.channel,
        "batch": {"log": _word(batch["log"])} | told,
        "items": [
            {"leaf": raw.hex(), "salt": body and body[0].hex(), "body": body and body[1].hex()}
            for raw, body in items
        ],
        "signature": signature.hex(),
    }


def _verifier_key(given: dict[str, Any]) -> dict[str, Any]:
    name, kind, public = n.read_vkey(given["vkey"])
    return {"name": name, "sig_type": kind, "public": public.hex()}


def _signature(given: dict[str, Any]) -> dict[str, Any]:
    time = n.check_note_signature(given["note"].encode(), given["vkey"])
    return {} if time is None else {"time_s": time}


def _checkpoint(given: dict[str, Any]) -> dict[str, Any]:
    origin, size, root = n.read_checkpoint(given["text"])
    return {"origin": origin, "size": size, "root": root.hex()}


DOES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "varint": lambda given: _whole(given["bytes"], b.Reader.varint),
    "signed-varint": lambda given: _whole(given["bytes"], b.Reader.signed),
    "u40": lambda given: _whole(given["bytes"], lambda reader: reader.number(5)),
    "counted": lambda given: _whole(given["bytes"], lambda reader: reader.counted(given["most"])),
    "base64": lambda given: {"value": b.read_base64(given["text"]).hex()},
    "hex": lambda given: {"value": b.read_hex(given["text"], given["length"]).hex()},
    "decimal": lambda given: _plain_decimal(given["text"]),
    "leaf": _leaf,
    "root": lambda given: {
        "root": t.tree_root([b.leaf_hash(unhex(x)) for x in given["leaves"]]).hex()
    },
    "inclusion": _inclusion,
    "consistency": _consistency,
    "gap": _gap,
    "note": lambda given: {"text": n.read_note(given["note"].encode())[0]},
    "verifier-key": _verifier_key,
    "note-signature": _signature,
    "cosignature": _signature,
    "checkpoint": _checkpoint,
    "card": _card,
    "charter": _charter,
    "commit": lambda given: {
        "commitment": b.commitment(unhex(given["salt"]), unhex(given["body"])).hex()
    },
    "open": _open,
    "frame": _frame,
    "entries": _entries,
}


def _plain_decimal(text: str) -> dict[str, Any]:
    value = b.read_decimal(text)
    return {"value": value if value < 2**53 else str(value)}


FORMATS = [p for p in sorted(VECTORS.glob("*/*.json")) if _read(p)["do"] in DOES]


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_reads_a_format_as_the_vector_says(path: Path) -> None:
    """Each field is read as it is written there, and what is refused is refused by that word."""
    vector = _read(path)
    try:
        got, word = DOES[vector["do"]](vector["inputs"]), "ok"
    except b.RefusedError as refusal:
        got, word = {}, refusal.word
    value = vector.get("value") or {}
    assert (word, got) == (vector["expect"], {key: value[key] for key in got})


@cache
def _keys(owner: str) -> Keys:
    return Keys(
        {name: b.sha(f"detente vectors v1\n{owner} {name}".encode()) for name in SEED_NAMES}
    )


@cache
def _trusted(name: str) -> Card:
    return read_card(_read(VECTORS / f"cards/{name}.json")["inputs"]["card"].encode())


class Replay:
    """One session vector, step by step, at the second node."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.given = vector["inputs"]
        self.entropy = bytearray(unhex(vector["entropy"] or ""))
        self.cards = {name: _trusted(name) for name in self.given["cards"]}
        self.records: list[Any] = []
        self.stored: list[int] = []  # how many records there were after each step
        self.line: Line | None = None

    def draw(self, count: int) -> bytes:
        """The next bytes that the vector says were drawn."""
        out = bytes(self.entropy[:count])
        del self.entropy[:count]
        return out.ljust(count, b"\0")

    def begin(self, charter: Any, records: list[Any]) -> Line:
        """A node over what is stored; narrow, with a clock error of 1 s."""
        known = {card.party: card for card in self.cards.values()}
        line = Line(_keys(self.given["party"]), known, charter, self.draw)
        line.wide, line.error = False, 1
        for record in records:
            line.apply(record)
        return line

    def step(self, step: dict[str, Any]) -> list[str]:
        """What one step does, as words to be compared."""
        what, (now, steady_ms) = step["do"], step["at"]
        if what == "accept":
            self.line = self.begin(read_charter(step["charter"].encode()), [])
        elif what == "restart":
            assert self.line is not None
            kept = self.records[: self.stored[step["as_after"]]]
            self.line = self.begin(self.line.charter, kept)
        line, told = self.line, []
        if line is not None:
            line.now, line.steady, line.out = now, steady_ms / 1000, []
            self._do(line, what, step)
            told = [word for effect in line.out for word in self._words(effect)]
        self.stored.append(len(self.records))
        return sorted(told)

    def _do(self, line: Line, what: str, step: dict[str, Any]) -> None:
        if what == "accept":
            line.accept()
        elif what == "link-up":
            line.link_up(step["link"], self.cards[step["party"]].party)
        elif what == "link-down":
            line.link_down(step["link"])
        elif what == "frame":
            line.frame(step["link"], unhex(step["frame"]))
        elif what == "tick":
            line.tick()
        elif what == "duty":
            line.set_duty(step["on"])
        elif what == "submit":
            refs = tuple(unhex(ref) for ref in step.get("refs", []))
            body = unhex(step["body"]) if "body" in step else None
            urgency, extra, salt = (
                step.get("precedence", 1),
                step.get("extra", ""),
                step.get("salt", ""),
            )
            line.say(step["kind"], body, urgency, refs, unhex(extra), unhex(salt), step["audience"])

    def _words(self, effect: tuple[Any, ...]) -> list[str]:
        what, *rest = effect
        if what == "send":
            return _sent(rest[1])
        if what in ("close", "offered"):
            return [f"{what} {_plain(rest[1])}"]
        if what != "store":
            return []
        self.records.append(rest[0])
        kind, log, *fields = rest[0]
        if kind == "entries":
            leaves = [raw.hex() for raw, _ in fields[0]]
            return [f"store {_word(log)} {leaves} {fields[1].hex()} {fields[2]}"]
        if kind == "cosignature":
            size, member, (time, signature) = fields
            return [f"cosignature {_word(log)} {size} {member} {time} {signature.hex()}"]
        return [f"{kind} {_word(log)} {fields[0]}"] if kind in ("body", "ahead") else []


def _sent(frame: bytes) -> list[str]:
    """How entries travel is their sender's choice; every other frame has one form."""
    return [] if f.read_tag(frame)[0] in ("entries", "ahead") else [f"send {frame.hex()}"]


def _expected(effect: dict[str, Any]) -> list[str]:
    if "send" in effect:
        return _sent(unhex(effect["frame"]))
    if "store" in effect:
        words = effect["store"], effect["leaves"], effect["signature"], effect["held_at_s"]
        return ["store {} {} {} {}".format(*words)]
    if "cosignature" in effect:
        keys = ("cosignature", "size", "member", "time_s", "signature")
        return ["cosignature {} {} {} {} {}".format(*(effect[key] for key in keys))]
    if "close" in effect:
        return [f"close {effect['refusal']}"]
    if "offered" in effect:
        return [f"offered {effect['data']}"]
    return [
        f"{kind} {effect[kind]} {effect['index']}" for kind in ("body", "ahead") if kind in effect
    ]


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_it_stores_signs_and_refuses_as_the_session_says(path: Path) -> None:
    """At each step the same entries and signatures are stored and the same frames answered."""
    vector = _read(path)
    replay = Replay(vector)
    for number, step in enumerate(vector["inputs"]["steps"]):
        told = replay.step(step)
        if replay.line is not None:  # without a line it is the node above that answers
            effects = vector["value"]["effects"][number]
            assert told == sorted(word for one in effects for word in _expected(one)), number
