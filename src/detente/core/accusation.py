"""Equivocation: what proves it, and what it proves (spec/proof.md §5).

Two signed checkpoints of one log that cannot both be heads of one tree. A party that keeps one
tree can never be proven anything: every step here follows from its own signatures alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from detente.core import notes
from detente.core.encoding import b64, decimal, malformed, unb64, utf8
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.identity import Origin
from detente.core.leaf import LogId
from detente.core.limits import PROOF_HASHES_MAX
from detente.core.merkle import HASH_BYTES, leaf_hash, verify_consistency, verify_inclusion
from detente.core.notes import Checkpoint, Note
from detente.core.proof import (
    FIRST_LINE,
    PROOF_BYTES_MAX,
    SEPARATOR,
    CardKeys,
    ProvenHead,
    decode_opening,
    join_bundle,
    parse_proof,
    split_bundle,
    verify_head,
)

FORK_FIRST = "detente fork v1"


class Finding(Enum):
    """The verdicts: an innocent party is never proven anything (protocol review F3, S7)."""

    PROVEN = "proven"
    ALLEGED = "alleged"
    NO_FAULT_FOUND = "no fault found"


class Form(Enum):
    """What an accusation shows."""

    LEAVES = "two leaves at one index"
    ROOTS = "a tree that does not begin with one its author had signed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an accusation comes to.

    ``key`` is the verifier key (C2SP vkey) of the log whose signatures contradict one another,
    ``origin`` its log; from ``index`` on that log is frozen. ``reason`` says why not *proven*.
    """

    finding: Finding
    reason: str
    form: Form | None = None
    origin: Origin | None = None
    key: str = ""
    index: int = 0

    def log(self, member: int) -> LogId:
        """The accused log, of this member. LocalError USAGE when none is named."""
        if self.origin is None:
            raise LocalError(Refusal.USAGE, "this verdict names no log")
        return LogId(member, self.origin.k, self.origin.life)


@dataclass(frozen=True, slots=True)
class Common:
    """A tree that both heads of a fork are proven to extend: ``size`` leaves, and two paths."""

    size: int
    root: bytes
    to_older: tuple[bytes, ...]
    to_newer: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """The form of roots: two signed checkpoints of sizes m <= n.

    ``path`` proves that the newer tree begins with ``other``, a root at the older size which is
    not the one signed there. Without ``common`` nothing of the log is known to be shared.
    """

    older: Note
    newer: Note
    other: bytes
    path: tuple[bytes, ...] = ()
    common: Common | None = None

    def format(self) -> bytes:
        """The text of the file (spec/proof.md §5). LocalError MALFORMED for what are no notes."""
        lines = [FORK_FIRST, f"other {b64(self.other)}", *map(b64, self.path)]
        if self.common is not None:
            lines.append(f"common {self.common.size} {b64(self.common.root)}")
            lines += map(b64, self.common.to_older)
            lines += ["newer", *map(b64, self.common.to_newer)]
        older, newer = (
            notes.format_note(note.text, note.signatures) for note in (self.older, self.newer)
        )
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + older + SEPARATOR + newer


def parse_fork(data: bytes) -> Fork:
    """The fork of a file. MALFORMED or OVERSIZE otherwise."""
    head, blank, rest = data.partition(b"\n\n")
    older, separator, newer = rest.partition(b"\n" + SEPARATOR)
    lines = utf8(head).split("\n")
    if lines.pop(0) != FORK_FIRST or not blank or not separator:
        raise malformed("not a fork file")
    if not lines or not lines[0].startswith("other "):
        raise malformed("no other root where it belongs")
    other = unb64(lines.pop(0).removeprefix("other "), HASH_BYTES)
    path = _hashes(lines)
    common = None
    if lines:
        word, *fields = lines.pop(0).split(" ")
        if word != "common" or len(fields) != 2:
            raise malformed("no common tree where it belongs")
        to_older = _hashes(lines)
        if not lines or lines.pop(0) != "newer":
            raise malformed("a common tree without its second path")
        size, root = decimal(fields[0]), unb64(fields[1], HASH_BYTES)
        common = Common(size, root, to_older, _hashes(lines))
        if lines:
            raise malformed("a line that means nothing")
    note = notes.parse_note
    return Fork(note(older + b"\n"), note(newer), other, path, common)


def _hashes(lines: list[str]) -> tuple[bytes, ...]:
    """Takes hash lines off the front, up to the first line of another kind."""
    found: list[bytes] = []
    while lines and len(lines[0]) == 44 and " " not in lines[0]:
        if len(found) == PROOF_HASHES_MAX:
            raise PeerError(Refusal.OVERSIZE, "a path too long")
        found.append(unb64(lines.pop(0), HASH_BYTES))
    return tuple(found)


def make_leaves(one: bytes, other: bytes) -> bytes:
    """The form of leaves: two tlog-proofs of different leaves at one index, as one bundle."""
    return join_bundle((one, other))


def check(
    data: bytes, keys: CardKeys, *, now_s: int = 0, ed25519_until_s: int | None = None
) -> Verdict:
    """The verdict on an accusation file of either form (spec/proof.md §5).

    PROVEN when both heads are signed by the log key that its author's card lists for that
    incarnation and cannot be heads of one tree; ALLEGED when they contradict one another and the
    signatures cannot be judged (no card, or Ed25519 alone from ``ed25519_until_s`` on);
    NO_FAULT_FOUND for everything else. A file that cannot be read accuses nobody, so nothing
    that comes from outside is raised.
    """
    try:
        form, heads, index = _contradiction(data)
    except PeerError as exc:
        return Verdict(Finding.NO_FAULT_FOUND, str(exc))
    try:
        signed = [verify_head(note, keys) for note in heads]
    except PeerError as exc:
        unknown = exc.refusal is Refusal.UNKNOWN_PARTY
        return Verdict(Finding.ALLEGED if unknown else Finding.NO_FAULT_FOUND, str(exc), form)
    return _verdict(form, signed, index, now_s, ed25519_until_s)


def _verdict(
    form: Form, signed: Sequence[ProvenHead], index: int, now_s: int, until_s: int | None
) -> Verdict:
    one, other = signed
    key = notes.vkey(one.checkpoint.origin, notes.ED25519, one.key)
    if one.key != other.key:
        # Two cards of one party may list different keys: each may have kept one tree.
        reason = "two keys of one party, each of which may have signed one tree"
        return Verdict(Finding.ALLEGED, reason, form, one.origin, key, index)
    if until_s is not None and now_s >= until_s and not (one.pq and other.pq):
        reason = "Ed25519 alone, after the date it may be trusted"
        return Verdict(Finding.ALLEGED, reason, form, one.origin, key, index)
    return Verdict(Finding.PROVEN, form.value, form, one.origin, key, index)


def _contradiction(data: bytes) -> tuple[Form, tuple[Note, Note], int]:
    """Two notes that cannot both be heads of one tree, and from where. PeerError BAD_PROOF."""
    if len(data) > 2 * PROOF_BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"an accusation of {len(data)} bytes")
    first = data.partition(b"\n")[0]
    if first == FIRST_LINE.encode():
        return _contradicting_leaves(data)
    if first == FORK_FIRST.encode():
        return _contradicting_roots(parse_fork(data))
    raise malformed("not an accusation")


def _contradicting_leaves(data: bytes) -> tuple[Form, tuple[Note, Note], int]:
    proofs = [parse_proof(part) for part in split_bundle(data)]
    if len(proofs) != 2:
        raise malformed("an accusation is two proofs")
    one, other = proofs
    trees = [notes.parse_checkpoint_text(proof.checkpoint.text) for proof in proofs]
    _same_log(*trees)
    if one.index != other.index:
        raise _bad_proof("two proofs of different entries")
    hashes = []
    for proof, tree in zip(proofs, trees, strict=True):
        hash_ = leaf_hash(decode_opening(proof.extra).leaf)
        verify_inclusion(hash_, proof.index, tree.size, proof.path, tree.root)
        hashes.append(hash_)
    if hashes[0] == hashes[1]:
        raise _bad_proof("two proofs of one leaf")
    return Form.LEAVES, (one.checkpoint, other.checkpoint), one.index


def _contradicting_roots(fork: Fork) -> tuple[Form, tuple[Note, Note], int]:
    older = notes.parse_checkpoint_text(fork.older.text)
    newer = notes.parse_checkpoint_text(fork.newer.text)
    _same_log(older, newer)
    if older.size < 1:
        raise _bad_proof("an empty tree is the beginning of every other")
    if fork.other == older.root:
        raise _bad_proof("the newer tree begins with the older one")
    verify_consistency(older.size, newer.size, fork.path, fork.other, newer.root)
    common = fork.common
    if common is None:
        return Form.ROOTS, (fork.older, fork.newer), 0
    if not 0 < common.size < older.size:
        raise _bad_proof("a common tree is smaller than both, and not empty")
    verify_consistency(common.size, older.size, common.to_older, common.root, older.root)
    verify_consistency(common.size, newer.size, common.to_newer, common.root, newer.root)
    return Form.ROOTS, (fork.older, fork.newer), common.size


def _same_log(one: Checkpoint, other: Checkpoint) -> None:
    if one.origin != other.origin:
        raise _bad_proof("checkpoints of two logs")


def _bad_proof(detail: str) -> PeerError:
    return PeerError(Refusal.BAD_PROOF, detail)
