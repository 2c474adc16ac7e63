"""What a check reports: plain values fit for JSON, and what is known of the parties on the way.

See ``verify`` for the check itself (spec/proof.md §6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from detente.core.accusation import Verdict
from detente.core.ceremony import parse_ceremony
from detente.core.charter import Charter
from detente.core.errors import PeerError
from detente.core.identity import Card
from detente.core.notes import parse_vkey
from detente.core.proof import CardKeys
from detente.core.revocation import Revocation, parse_revocation
from detente.core.sheet import uninstant

ED25519_UNTIL_S = uninstant("2031-01-01T00:00:00Z")  # where no charter is in the file to say


# --- What is reported: plain values, fit for JSON ---------------------------------------------


@dataclass(frozen=True, slots=True)
class Bad:
    """The first thing that does not hold, and where. ``refusal`` is a word of spec/registry.md."""

    refusal: str
    detail: str
    log: str = ""
    index: int | None = None
    line_number: int | None = None


@dataclass(frozen=True, slots=True)
class CardShown:
    """A party whose keys were used. ``given`` is False for a card taken from the file itself.

    ``ceremonies`` are sheets found in the file: stated by whoever made it, and not signed.
    """

    party: str
    name: str
    serial: int
    digits: str
    given: bool
    ceremonies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiptShown:
    """That a party states it held an entry at ``at_s``, by its own clock.

    ``evidence`` is seen, held-ahead, or cosigned. ``linked`` is False for a ``seen`` of a tree
    that no proof in the file links to the entry: it covers the entry's number, and perhaps it.
    ``revoked`` is True where it was stated under a key that its party has declared void.
    """

    party: str
    name: str
    at_s: int
    evidence: str
    linked: bool
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class WitnessShown:
    """That a party states it saw a head that holds an entry: of content it says nothing, and it is
    nobody's receipt. ``revoked`` as in ``ReceiptShown``."""

    party: str
    name: str
    at_s: int
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class LaterShown:
    """What a later entry in the file does to this one: a mark, a correction, a cancellation."""

    party: str
    name: str
    what: str
    by: str  # node, watch or released for a mark; empty otherwise
    time_s: int
    log: str
    index: int


@dataclass(frozen=True, slots=True)
class StatementShown:
    """One proven entry: who said what, under which signatures.

    ``as_of_size`` is the size of its checkpoint: of later entries this proof says nothing.
    ``body`` is opened, unreadable, not disclosed, or none; ``said`` are the fields of an opened
    message, or the text of a charter. ``standing`` is empty while no revocation of its key is
    known, else stood-by, covered, unlinked or contested (spec/proof.md §6).
    """

    party: str
    name: str
    member: int | None
    log: str
    index: int
    hash: str
    kind: str
    precedence: str
    drill: bool
    serial: int
    time_s: int
    clock_error_s: int
    as_of_size: int
    key: str
    pq: bool
    body: str
    said: dict[str, object] | None
    build: str
    receipts: tuple[ReceiptShown, ...] = ()
    later: tuple[LaterShown, ...] = ()
    standing: str = ""
    witnesses: tuple[WitnessShown, ...] = ()


@dataclass(frozen=True, slots=True)
class CosignedShown:
    """The largest head of a log that one key cosigned; ``revoked``: its party stands by none."""

    party: str
    cosigner: str
    statement: str
    size: int
    time_s: int
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class EndShown:
    """How far a log of a revoked key stands: by the head its party names, and by what others have
    stated to hold. Of the rest ``unlinked`` entries lie below a head that this file does not show,
    and ``contested`` ones beyond it."""

    stood_by: int
    covered: int
    unlinked: int
    contested: int


@dataclass(frozen=True, slots=True)
class LogShown:
    """One log of a transcript: how far it is signed, and what is here of its bodies. ``end`` is
    None while no revocation of its key is known."""

    log: str
    party: str
    name: str
    member: int | None
    size: int
    root: str
    pq_size: int
    opened: int
    purged: int
    missing: int
    not_mine: int
    void: int
    cosigned: tuple[CosignedShown, ...]
    ignored: int  # signatures of cosigners whose card was not given
    end: EndShown | None = None


@dataclass(frozen=True, slots=True)
class FindingShown:
    """A verdict on a log: proven, alleged, no fault found; ``stated_by`` is the accuser's log.
    ``revoked`` is the party's answer: it has declared that key void."""

    finding: str
    reason: str
    log: str = ""
    party: str = ""
    key: str = ""
    index: int = 0
    stated_by: str = ""
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class RevocationShown:
    """A party's word that one of its keys counts no more. ``stands`` are (log, size, root)."""

    party: str
    name: str
    serial: int
    key: str
    reason: str
    issued_s: int
    stands: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a file proves. ``ok`` is the exit status: all it claims holds, under cards given.

    An accusation is ok when it is *proven*; proofs are not, where their log is proven forked.
    ``lacks`` says in words what is not here, CONTEXT INCOMPLETE among it.
    """

    what: str
    ok: bool
    bad: Bad | None = None
    line: str = ""
    title: str = ""
    build: str = ""
    cards: tuple[CardShown, ...] = ()
    revocations: tuple[RevocationShown, ...] = ()
    statements: tuple[StatementShown, ...] = ()
    logs: tuple[LogShown, ...] = ()
    findings: tuple[FindingShown, ...] = ()
    lacks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The same as dictionaries, lists and plain values."""
        return asdict(self)


# --- The cards and the dates of one check -----------------------------------------------------


class Case:
    """The cards, the date, and what is learnt of names on the way."""

    def __init__(self, now_s: int, ed25519_until_s: int | None) -> None:
        self.now_s = now_s
        self.explicit_until_s = ed25519_until_s
        self._cards: dict[bytes, list[tuple[Card, bool]]] = {}
        self.keys = CardKeys(())
        self.names: dict[bytes, str] = {}
        self.sheets: list[str] = []
        self.files: frozenset[bytes] = frozenset()  # the card files given
        self._revocations: dict[bytes, Revocation] = {}  # by the hash of their text
        self._waiting: list[bytes] = []  # revocations of parties without a card

    def trust(self, card: Card, *, given: bool = True) -> None:
        """Adds a card's keys; one from the file only where none of its party was given."""
        known = self._cards.setdefault(card.party, [])
        if not given and any(was_given for _, was_given in known):
            return
        known.append((card, given))
        known.sort(key=lambda pair: pair[0].serial)
        self.names.setdefault(card.party, card.name)
        self._settle()

    def revoke(self, data: bytes) -> None:
        """Takes in a revocation. PeerError for one that its party's roots did not sign; one of a
        party without a card waits for it."""
        self._waiting.append(data)
        self._settle()

    def _settle(self) -> None:
        waiting, self._waiting = dict.fromkeys(self._waiting), []
        for data in waiting:
            known = [cards for party, cards in self._cards.items() if _names(data, party)]
            if known:
                signed = parse_revocation(data, known[0][0][0])
                self._revocations[signed.hash] = signed.revocation
            else:
                self._waiting.append(data)
        cards = (card for cards in self._cards.values() for card, _ in cards)
        self.keys = CardKeys(cards, self._revocations.values())

    def shown_revocations(self) -> tuple[RevocationShown, ...]:
        """Every revocation that counts here, in order of party and serial."""
        found = sorted(self._revocations.values(), key=lambda one: (one.party, one.serial))
        return tuple(
            RevocationShown(
                one.party.hex(),
                self.name(one.party),
                one.serial,
                one.key,
                one.reason,
                one.issued_s,
                tuple((stand.origin, stand.size, stand.root.hex()) for stand in one.stands),
            )
            for one in found
        )

    def answered(self, findings: Iterable[FindingShown]) -> tuple[FindingShown, ...]:
        """The same findings, each once, with their parties' answer as far as it is known."""
        return tuple(
            replace(one, revoked=bool(one.key) and self._is_revoked(one.key))
            for one in dict.fromkeys(findings)
        )

    def _is_revoked(self, vkey: str) -> bool:
        return self.keys.revocation(parse_vkey(vkey).public) is not None

    def until_s(self, charter: Charter | None) -> int:
        """From when on Ed25519 alone proves nothing."""
        if self.explicit_until_s is not None:
            return self.explicit_until_s
        return ED25519_UNTIL_S if charter is None else charter.ed25519_until_s

    def dates(self, charter: Charter | None) -> dict[str, int]:
        """The two dates as the keyword arguments of core's checks."""
        return {"now_s": self.now_s, "ed25519_until_s": self.until_s(charter)}

    def name(self, party: bytes) -> str:
        """What a party's card or charter calls it."""
        return self.names.get(party, "")

    def shown_cards(self) -> tuple[CardShown, ...]:
        """Every card in use, with the ceremony sheets that speak of its party."""
        return tuple(
            card_shown(card, given=given, sheets=self.sheets)
            for cards in self._cards.values()
            for card, given in cards
        )

    def loose_sheets(self) -> tuple[str, ...]:
        """What is to be said of sheets and revocations that speak of none of these cards."""
        own = {sheet for card in self.shown_cards() for sheet in card.ceremonies}
        loose = (f"the card of whoever revoked: {_claimed(data)}" for data in self._waiting)
        return (
            *loose,
            *(
                f"a ceremony sheet about no card in use: {sheet}"
                for sheet in dict.fromkeys(self.sheets)
                if sheet not in own
            ),
        )


def _names(data: bytes, party: bytes) -> bool:
    return f"\nparty {party.hex()}\n".encode() in data


def _claimed(data: bytes) -> str:
    """The party that a revocation without its card claims to be of, in at most 64 characters."""
    found = re.search(rb"^party ([0-9a-f]{64})$", data, re.MULTILINE)
    return "unknown" if found is None else found.group(1).decode()


def card_shown(card: Card, *, given: bool, sheets: Sequence[str]) -> CardShown:
    """A card as it is reported, with those of the sheets that name its party and its digits."""
    mine = tuple(sheet for sheet in dict.fromkeys(sheets) if _speaks_of(sheet, card))
    return CardShown(card.party.hex(), card.name, card.serial, card.digits, given, mine)


def _speaks_of(sheet: str, card: Card) -> bool:
    try:
        ceremony = parse_ceremony(sheet.encode())
    except PeerError:
        return False
    return ceremony.party == card.party and ceremony.digits == card.digits


def finding_of(verdict: Verdict, stated_by: str = "") -> FindingShown:
    """A verdict as it is reported; ``stated_by`` is the log it was entered in, if any."""
    origin, log = verdict.origin, ""
    if origin is not None:
        log = verdict.key.partition("+")[0]
    party = "" if origin is None else origin.party.hex()
    return FindingShown(
        verdict.finding.value, verdict.reason, log, party, verdict.key, verdict.index, stated_by
    )


def bad_of(exc: PeerError, log: str = "", index: int | None = None) -> Bad:
    """A refusal as it is reported, with the line of the file if it names one."""
    number = exc.facts.get("line_number")
    line_number = number if isinstance(number, int) else None
    return Bad(exc.refusal.word, exc.detail, log, index, line_number)
