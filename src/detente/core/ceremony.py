"""Ceremony: what an operator did before trusting a card (spec/identity.md §10)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from detente.core.encoding import malformed, unhex
from detente.core.identity import PARTY_BYTES
from detente.core.sheet import SheetReader, choice, instant, read_back, uninstant, write_sheet

CEREMONY_FIRST = "detente ceremony v1"
METHODS = ("by-hand", "voice", "courier", "unchecked")
CEREMONY_BYTES_MAX = 4096  # one page: it is shown whole, and travels in exports

_DIGITS = re.compile(r"[0-9]{5}(?: [0-9]{5}){7}")


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What an operator did before trusting a card: a private, unsigned statement."""

    party: bytes
    digits: str  # computed from the card in hand, as the other side spoke or showed them
    method: str  # by-hand, voice, courier, unchecked
    compared_at_s: int
    words: str = ""  # who was there, in the operator's words; may be empty

    def encode(self) -> bytes:
        """The sheet that the journal keeps (spec/identity.md §10).

        LocalError MALFORMED or OVERSIZE if it would not read back.
        """
        lines = [
            ("party", self.party.hex()),
            ("digits", self.digits),
            ("method", self.method),
            ("compared-at", instant(self.compared_at_s)),
        ]
        data = write_sheet(CEREMONY_FIRST, lines + [("words", self.words)] * bool(self.words))
        read_back(self, lambda: parse_ceremony(data))
        return data


def parse_ceremony(data: bytes) -> Ceremony:
    """The ceremony of a sheet. PeerError MALFORMED or OVERSIZE otherwise."""
    sheet = SheetReader(data, CEREMONY_FIRST, CEREMONY_BYTES_MAX)
    ceremony = Ceremony(
        party=unhex(sheet.value("party"), PARTY_BYTES),
        digits=sheet.value("digits"),
        method=choice(sheet.value("method"), METHODS),
        compared_at_s=uninstant(sheet.value("compared-at")),
        words=sheet.value("words") if sheet.next_key() else "",
    )
    sheet.done()
    if not _DIGITS.fullmatch(ceremony.digits):
        raise malformed("digits not in eight groups of five")
    return ceremony
