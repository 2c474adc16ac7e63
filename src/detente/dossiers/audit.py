"""The check of a whole transcript, as a stream (spec/proof.md §6).

Every entry is hashed into its log's tree and every signature checked where it stands, in the
memory of the signed heads alone.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from detente.core import accusation, export
from detente.core import charter as charters
from detente.core.accusation import Finding
from detente.core.body import commit, unpack
from detente.core.charter import Charter, parse_charter
from detente.core.crypto import ed25519_verify
from detente.core.encoding import b64, malformed
from detente.core.errors import PeerError, Refusal
from detente.core.export import Cosigned, EntryLine, LogStart, PqSigned, Preamble, Shown, Signed
from detente.core.identity import Origin, author_name, parse_card, parse_origin
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.merkle import Frontier, leaf_hash
from detente.core.notes import Checkpoint
from detente.core.proof import Cosigner, Statement, check_first, cosigns, decoded
from detente.core.revocation import REVOCATION_FIRST
from detente.dossiers.report import (
    Bad,
    Case,
    CosignedShown,
    EndShown,
    FindingShown,
    LogShown,
    Report,
    bad_of,
    finding_of,
)

# Looked up once and not for every entry of a long file.
_NO_BODY = Shown.NONE
_OPENED = Shown.OPENED
_TELLING = frozenset({int(Kind.ACCUSATION), int(Kind.OFFER), int(Kind.CARD)})


def audit(chunks: Iterable[bytes], case: Case) -> Report:
    """What an export proves. Nothing about the file is raised."""
    return _Audit(case).run(export.read_export(chunks))


class _Heads:
    """Sizes and roots of one log in the order they came: 40 bytes each, not 200."""

    def __init__(self) -> None:
        self.sizes = array("Q")
        self._roots = bytearray()

    def add(self, size: int, root: bytes) -> None:
        if not self.sizes or self.sizes[-1] != size or self._roots[-32:] != root:
            self.sizes.append(size)
            self._roots += root

    def root(self, position: int) -> bytes:
        return bytes(self._roots[32 * position : 32 * position + 32])

    def root_at(self, size: int) -> bytes | None:
        """The root at a size, where sizes rise."""
        position = bisect_left(self.sizes, size)
        if position == len(self.sizes) or self.sizes[position] != size:
            return None
        return self.root(position)


@dataclass(slots=True)
class _Log:
    """One log while it is read."""

    text: str
    origin: Origin
    keys: Sequence[bytes]
    authors: Sequence[Cosigner]
    frontier: Frontier = field(default_factory=Frontier)
    root: bytes | None = None  # at the frontier, once asked for
    signed: _Heads = field(default_factory=_Heads)
    pq_size: int = 0
    used: bytes = b""  # the key that signed last
    pq_sizes: dict[bytes, array[int]] = field(default_factory=dict)  # by the key that signed
    opened: int = 0
    closed: dict[Shown, int] = field(default_factory=lambda: dict.fromkeys(Shown, 0))
    void: int = 0
    ignored: int = 0
    cosigned: dict[str, tuple[Cosigner, CosignedShown]] = field(default_factory=dict)
    claims: dict[LogId, _Heads] = field(default_factory=dict)

    def head(self, size: int) -> bytes:
        """The root that a signature line speaks of: over the entries listed so far."""
        if size != self.frontier.size:
            raise malformed("a signature that does not stand behind its last entry")
        if self.root is None:
            self.root = self.frontier.root()
        return self.root

    def checkpoint(self, size: int) -> Checkpoint:
        """The checkpoint of that root."""
        return Checkpoint(self.text, size, self.head(size))


class _Audit:
    """The check of an export, in the memory of its signed heads."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._preamble: Preamble | None = None
        self._charter: Charter | None = None
        self._numbers: dict[bytes, int] = {}
        self._logs: list[_Log] = []
        self._findings: list[FindingShown] = []

    def run(self, items: Iterator[export.Item]) -> Report:
        bad: Bad | None = None
        item: export.Item | None = None
        try:
            for item in items:
                self._take(item)
            self._close()
            item = None
            self._answers()
        except PeerError as exc:
            if item is not None:
                exc.facts.setdefault("line_number", item.number)
            bad = self._where(exc, item)
        preamble, known = self._preamble, self._known()
        contradictions = tuple(self._contradictions())
        return Report(
            "transcript",
            ok=bad is None and not contradictions,
            bad=bad,
            line="" if preamble is None else preamble.line.hex(),
            title="" if self._charter is None else self._charter.title,
            build="" if preamble is None else preamble.build,
            cards=self._case.shown_cards(),
            revocations=self._case.shown_revocations(),
            logs=tuple(self._shown(log, known) for log in self._logs),
            findings=self._case.answered((*self._findings, *contradictions)),
            lacks=(*self._lacks(), *self._case.loose_sheets()),
        )

    def _where(self, exc: PeerError, item: export.Item | None) -> Bad:
        if not self._logs or "log" in exc.facts:
            return bad_of(exc, str(exc.facts.get("log", "")))
        log = self._logs[-1]
        # A refused entry is not in the tree yet; a refused signature speaks of the last one.
        # What the reader refused comes behind both.
        ahead = exc.facts.get("line_number") != getattr(item, "number", None)
        index = log.frontier.size - (0 if ahead or isinstance(item, EntryLine) else 1)
        return bad_of(exc, log.text, max(index, 0))

    def _take(self, item: export.Item) -> None:
        if isinstance(item, EntryLine):
            self._entry(self._logs[-1], item)
        elif isinstance(item, Signed):
            self._signed(self._logs[-1], item)
        elif isinstance(item, PqSigned):
            self._pq(self._logs[-1], item)
        elif isinstance(item, Cosigned):
            self._cosigned(self._logs[-1], item)
        elif isinstance(item, LogStart):
            self._close()
            self._open(item.origin)
        elif isinstance(item, Preamble):
            self._begin(item)

    def _begin(self, preamble: Preamble) -> None:
        self._preamble = preamble
        if charters.charter_id(preamble.charter) != preamble.line:
            raise PeerError(Refusal.CHARTER_MISMATCH, "a charter that is not this line's")
        self._charter = parse_charter(preamble.charter)
        self._learn(self._charter)
        for data in preamble.cards:
            if data not in self._case.files:
                self._case.trust(parse_card(data).card, given=False)
        for note in preamble.revocations:
            self._case.revoke(note)
        self._case.sheets += preamble.sheets

    def _learn(self, charter: Charter) -> None:
        for member in charter.members:
            self._numbers.setdefault(member.party, member.number)
            self._case.names[member.party] = member.name

    def _open(self, text: str) -> None:
        origin = parse_origin(text)
        if self._preamble is None or origin.line != self._preamble.line:
            raise PeerError(Refusal.UNKNOWN_LINE, "a log of another line")
        keys = self._case.keys
        authors = keys.cosigners_named(author_name(origin.party))
        self._logs.append(_Log(text, origin, keys.log_keys(origin.party, origin.k), authors))

    def _close(self) -> None:
        """What must hold of a log once all its lines are read."""
        if not self._logs:
            return
        log = self._logs[-1]
        size = log.frontier.size
        if not size or not log.signed.sizes or log.signed.sizes[-1] != size:
            raise PeerError(Refusal.BAD_SIGNATURE, "entries without their author's signature")
        expired = self._case.now_s >= self._case.until_s(self._charter)
        if expired and log.pq_size != size:
            detail = f"Ed25519 alone from entry {log.pq_size} on, after the date it may be trusted"
            raise PeerError(Refusal.BAD_SIGNATURE, detail)

    def _entry(self, log: _Log, item: EntryLine) -> None:
        leaf = decoded(item.raw)
        shown = item.shown
        if leaf is None:
            if log.frontier.size == 0 or shown is not _NO_BODY:
                raise PeerError(Refusal.BAD_LEAF, "no leaf where one must be")
            log.void += 1
        else:
            self._leaf(log, leaf, item)
        if shown is _OPENED:
            log.opened += 1
        elif shown is not _NO_BODY:
            log.closed[shown] += 1
        log.frontier.append(leaf_hash(item.raw))
        log.root = None

    def _leaf(self, log: _Log, leaf: Leaf, item: EntryLine) -> None:
        shown = item.shown
        if (leaf.commitment is None) != (shown is _NO_BODY):
            raise malformed("an entry that does not say what became of its body")
        if shown is _OPENED:
            if commit(item.salt, item.body) != leaf.commitment:
                raise PeerError(Refusal.BAD_COMMITMENT, "a body that the leaf does not commit to")
            if leaf.kind in _TELLING:
                self._told(log, leaf.kind, item.body)
        if log.frontier.size == 0:
            check_first(leaf, log.origin)
        for seen in leaf.seen:
            claims = log.claims.get(seen.log)
            if claims is None:
                claims = log.claims[seen.log] = _Heads()
            claims.add(seen.size, seen.root)

    def _told(self, log: _Log, kind: int, body: bytes) -> None:
        """An accusation, judged by its proof alone; an offer, whose newcomers get their names; or a
        revocation, which counts wherever it stands.

        One that does not open counts for nothing, here as in every fold.
        """
        try:
            plain = unpack(body)
            if kind == Kind.ACCUSATION:
                dates = self._case.dates(self._charter)
                verdict = accusation.check(plain, self._case.keys, **dates)
                self._findings.append(finding_of(verdict, log.text))
            elif kind == Kind.CARD:
                if plain.startswith(REVOCATION_FIRST.encode()):
                    self._case.revoke(plain)
            else:
                self._learn(parse_charter(plain))
        except PeerError:
            return

    def _signed(self, log: _Log, item: Signed) -> None:
        root = log.head(item.size)
        # Checkpoint.text, without building one for every entry of a long file.
        text = f"{log.text}\n{item.size}\n{b64(root)}\n".encode()
        for key in log.keys:
            if ed25519_verify(key, text, item.signature):
                log.signed.add(item.size, root)
                log.used = key
                return
        raise PeerError(Refusal.BAD_SIGNATURE, "the author's signature")

    def _pq(self, log: _Log, item: PqSigned) -> None:
        by = self._verify(log, log.authors, item.size, item.time_s, item.signature)
        log.pq_size = item.size
        log.pq_sizes.setdefault(by.public, array("Q")).append(item.size)

    def _cosigned(self, log: _Log, item: Cosigned) -> None:
        known = [
            cosigner
            for cosigner in self._case.keys.cosigners_named(item.name)
            if cosigner.quantum_safe == (len(item.signature) != 64)
        ]
        if not known:
            log.head(item.size)
            log.ignored += 1
            return
        cosigner = self._verify(log, known, item.size, item.time_s, item.signature)
        by, what = cosigner.party.hex(), cosigner.statement.value
        shown = CosignedShown(by, item.name, what, item.size, item.time_s)
        log.cosigned[item.name] = cosigner, shown

    @staticmethod
    def _verify(
        log: _Log, known: Sequence[Cosigner], size: int, time_s: int, signature: bytes
    ) -> Cosigner:
        tree = log.checkpoint(size)
        for cosigner in known:
            if cosigns(tree, cosigner, time_s, signature):
                return cosigner
        raise PeerError(Refusal.BAD_SIGNATURE, f"a cosignature named {known[0].name}")

    # --- what is revoked -------------------------------------------------------------------

    def _answers(self) -> None:
        """ML-DSA-44 that has to stand alone must be of a key that counts; a revocation may have
        come behind what it speaks of, so this is looked at when all is read."""
        for log in self._logs:
            size = self._pq_size(log)
            if size < log.pq_size and self._case.now_s >= self._case.until_s(self._charter):
                detail = f"Ed25519 alone from entry {size} on: the ML-DSA-44 key is revoked"
                raise PeerError(Refusal.BAD_SIGNATURE, detail, log=log.text)

    def _pq_size(self, log: _Log) -> int:
        """How far an ML-DSA-44 signature of the author reaches that counts."""
        reach = 0
        for key, sizes in log.pq_sizes.items():
            most = log.frontier.size
            if self._case.keys.revocation(key) is not None:
                most = self._stood_by(log, key)
            reach = max(reach, *(size for size in sizes if size <= most), 0)
        return reach

    def _stood_by(self, log: _Log, key: bytes) -> int:
        """The size of the head that the party stands by, if it is one of this very tree; else 0."""
        revocation = self._case.keys.revocation(key)
        stand = None if revocation is None else revocation.stand(log.text)
        if stand is None or log.signed.root_at(stand.size) != stand.root:
            return 0
        return stand.size

    def _end(self, log: _Log, known: Mapping[LogId, _Log]) -> EndShown | None:
        revocation = self._case.keys.revocation(log.used)
        if revocation is None:
            return None
        size = log.frontier.size
        stood_by, covered = self._stood_by(log, log.used), self._covered(log, known)
        stand, reach = revocation.stand(log.text), max(stood_by, covered)
        below = 0 if stand is None else min(stand.size, size)
        unlinked = max(0, below - reach)
        return EndShown(stood_by, covered, unlinked, size - reach - unlinked)

    def _covered(self, log: _Log, known: Mapping[LogId, _Log]) -> int:
        """How much of this log others state to hold, under keys that are not revoked."""
        held = [
            shown.size
            for cosigner, shown in log.cosigned.values()
            if cosigner.statement is Statement.HOLDS
            and cosigner.party != log.origin.party
            and not self._is_void(cosigner)
        ]
        stated = [
            size
            for by in self._logs
            if by.origin.party != log.origin.party and not self._case.keys.revocation(by.used)
            for named, claims in by.claims.items()
            if known.get(named) is log
            for at, size in enumerate(claims.sizes)
            if log.signed.root_at(size) == claims.root(at)
        ]
        return max((*held, *stated), default=0)

    def _is_void(self, cosigner: Cosigner) -> bool:
        return self._case.keys.revocation(cosigner.public) is not None

    # --- the end ---------------------------------------------------------------------------

    def _known(self) -> dict[LogId, _Log]:
        known = {}
        for log in self._logs:
            number = self._numbers.get(log.origin.party)
            if number is not None:
                known[LogId(number, log.origin.k, log.origin.life)] = log
        return known

    def _contradictions(self) -> Iterator[FindingShown]:
        """Where one log names another's head with a root that its author did not sign here.

        One of the two lies, or the other has forked; without its signature nothing is proven.
        """
        known = self._known()
        for by in self._logs:
            for named, claims in by.claims.items():
                log = known.get(named)
                if log is None:
                    continue
                for position, size in enumerate(claims.sizes):
                    root = log.signed.root_at(size)
                    if root is not None and root != claims.root(position):
                        reason = f"at size {size} it is said to have another root"
                        finding = Finding.ALLEGED.value
                        party = log.origin.party.hex()
                        yield FindingShown(finding, reason, log.text, party, stated_by=by.text)
                        break

    def _lacks(self) -> Iterator[str]:
        known = self._known()
        needed: dict[LogId, int] = {}
        for by in self._logs:
            for named, claims in by.claims.items():
                largest = max(claims.sizes)
                needed[named] = max(needed.get(named, 0), largest)
        for named, size in sorted(needed.items()):
            held = known[named].frontier.size if named in known else 0
            if held < size:
                word = f"log {named.word} of member {named.member}"
                yield f"CONTEXT INCOMPLETE: {word} is here up to {held}, and {size} is named"
        for log in self._logs:
            if log.closed[Shown.MISSING]:
                yield f"{log.closed[Shown.MISSING]} bodies of {log.text}"

    def _shown(self, log: _Log, known: Mapping[LogId, _Log]) -> LogShown:
        party = log.origin.party
        return LogShown(
            log=log.text,
            party=party.hex(),
            name=self._case.name(party),
            member=self._numbers.get(party),
            size=log.frontier.size,
            root=log.frontier.root().hex(),
            pq_size=self._pq_size(log),
            opened=log.opened,
            purged=log.closed[Shown.PURGED],
            missing=log.closed[Shown.MISSING],
            not_mine=log.closed[Shown.NOT_MINE],
            void=log.void,
            cosigned=tuple(
                replace(one, revoked=self._is_void(by)) for by, one in log.cosigned.values()
            ),
            ignored=log.ignored,
            end=self._end(log, known),
        )
