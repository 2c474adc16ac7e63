"""Ceremony: what an operator wrote down reads back, and nothing else does."""

from __future__ import annotations

import pytest
from core.test_identity import ISSUED_S, card

from detente.core.ceremony import CEREMONY_BYTES_MAX, METHODS, Ceremony, parse_ceremony
from detente.core.errors import LocalError, PeerError, Refusal


def ceremony(**change: object) -> Ceremony:
    """What an operator wrote down, with some fields changed."""
    values = {
        "party": card().party,
        "digits": card().digits,
        "method": "by-hand",
        "compared_at_s": ISSUED_S,
        "words": "Card handed over at the crossing, two officers of each side present.",
    }
    return Ceremony(**(values | change))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("words", ["", "Звірено голосом о 09:00."])
def test_ceremony_round_trip(method: str, words: str) -> None:
    """A ceremony reads back as written, with or without words."""
    made = ceremony(method=method, words=words)
    assert parse_ceremony(made.encode()) == made


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"method": "telepathy"}, Refusal.MALFORMED),
        ({"digits": "12345"}, Refusal.MALFORMED),
        ({"digits": card().digits.replace(" ", "")}, Refusal.MALFORMED),
        ({"digits": card().digits[:-1] + "٣"}, Refusal.MALFORMED),
        ({"words": "two\nlines"}, Refusal.MALFORMED),
        ({"words": "x" * CEREMONY_BYTES_MAX}, Refusal.OVERSIZE),
    ],
)
def test_other_ceremonies_are_not_written(change: dict[str, object], expected: Refusal) -> None:
    """What would not read back is refused when it is written down."""
    with pytest.raises(LocalError) as caught:
        ceremony(**change).encode()
    assert caught.value.refusal is expected


def test_ceremony_has_no_further_lines() -> None:
    """A second line of words is refused."""
    with pytest.raises(PeerError) as caught:
        parse_ceremony(ceremony().encode() + b"words again\n")
    assert caught.value.refusal is Refusal.MALFORMED
