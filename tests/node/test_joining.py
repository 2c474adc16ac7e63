"""Who joins and who comes back, as the node's commands see it: numbers, cards, offers."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detente.core.charter import Left, charter_id, join_texts, parse_charter, split_texts
from detente.core.crypto import sha256
from detente.core.errors import LocalError, Refusal
from detente.core.events import Offered
from detente.core.extras import decode_offer
from detente.node import amendments as module
from detente.node import offers
from detente.node.home import create_home
from detente.store.sealed import Cost

NOW_S = 1_770_292_800


@pytest.fixture
def charlie(tmp_path: Path, pair: Any, command: Any) -> Any:
    """A third party's card, trusted at alpha."""
    folder = tmp_path / "third"
    folder.mkdir()
    signed = create_home(
        folder / "charlie",
        "charlie",
        ["correct horse battery staple"],
        listen=[],
        bearers=[],
        mark=folder / "marks",
        root_path=folder / "root",
        now_s=NOW_S,
        cost=Cost(64, 1, 1),
    )
    trust(pair.alpha, command, signed)
    return signed


def trust(node: Any, command: Any, signed: Any) -> None:
    card = base64.b64encode(signed.data).decode()
    command(node, "trust", card_b64=card, method="voice", digits=signed.card.digits)


def refusal(node: Any, command: Any, do: str, **arguments: Any) -> Refusal:
    with pytest.raises(LocalError) as refused:
        command(node, do, **arguments)
    return refused.value.refusal


def test_a_new_member_gets_the_next_number_and_is_named_with_its_card(
    pair: Any, command: Any, charlie: Any, line_of: Any
) -> None:
    """The offer reaches it too, asks only the members, and names everyone's card in force."""
    alpha = pair.alpha
    line = line_of(alpha)
    look = command(
        alpha, "amend", members=[{"party": "charlie", "role": "mediator"}], set={"title": "Three"}
    )
    pair.pump()
    made = look()
    text, amended = split_texts(base64.b64decode(made["joining_b64"]))
    assert charter_id(text) == line.id
    charter = parse_charter(amended)
    assert (charter.number, charter.title) == (1, "Three")
    joined = charter.members[2]
    assert (joined.number, joined.role, joined.name) == (2, "mediator", "charlie")
    assert (joined.party, joined.card) == (charlie.card.party, charlie.hash)
    assert all(
        one.card == sha256(alpha.station.cards[one.party].encode()) for one in charter.members
    )
    entry = line.shelf.entry(line.mine, line.own.size - 1)
    assert entry.leaf.audience == 7
    terms = decode_offer(entry.leaf.extra)
    assert (terms.sealer, terms.signatories) == (1, 3)
    assert refusal(alpha, command, "amend", members=[{"party": "bravo"}]) is Refusal.USAGE
    assert refusal(alpha, command, "amend", members=[{"party": "nobody"}]) is Refusal.NOT_FOUND


def test_who_left_gets_its_own_number_and_nobody_a_number_beyond_the_last(
    pair: Any, charlie: Any, line_of: Any
) -> None:
    """Numbers are never reused, and end."""
    node, line = pair.alpha, line_of(pair.alpha)
    rows = [{"party": "charlie", "role": "party"}]
    gone = replace(line.charter, left=(Left(5, charlie.card.party), Left(7, bytes(32))))
    back = module._with_more(node, replace(gone, number=1, predecessor=bytes(32)), rows)
    assert [one.number for one in back.members] == [0, 1, 5]
    assert back.left == (Left(7, bytes(32)),)
    later = replace(gone, number=1, predecessor=bytes(32), left=(Left(7, bytes(32)),))
    assert module._with_more(node, later, rows).members[2].number == 8
    full = replace(later, left=(Left(31, bytes(32)),))
    with pytest.raises(LocalError) as refused:
        module._with_more(node, full, rows)
    assert refused.value.refusal is Refusal.NOT_ALLOWED


def test_nobody_signs_in_a_party_whose_card_was_not_compared(
    pair: Any, command: Any, charlie: Any, line_of: Any
) -> None:
    """Without the card, with another one or without the text there is no assent and no seal."""
    alpha, bravo = pair.alpha, pair.bravo
    look = command(alpha, "amend", members=[{"party": "charlie"}])
    pair.pump()
    offer = look()["entry"]
    assert refusal(bravo, command, "seal", entry=offer) is Refusal.UNKNOWN_PARTY
    trust(bravo, command, charlie)
    card = bravo.station.cards[charlie.card.party]
    bravo.station.cards[charlie.card.party] = replace(card, name="another card")
    assert refusal(bravo, command, "seal", entry=offer) is Refusal.CHARTER_MISMATCH
    bravo.station.cards[charlie.card.party] = card
    line = line_of(bravo)
    bare = line.shelf.entry(line.logs[max(line.logs)].id, 0)._replace(body=None)
    with pytest.raises(LocalError) as refused:
        module._check_newcomers(bravo, line, bare)
    assert refused.value.refusal is Refusal.CONTEXT_INCOMPLETE
    assert command(bravo, "seal", entry=offer)


def test_both_charters_wait_for_people_and_a_forged_pair_does_not(
    pair: Any, command: Any, charlie: Any, line_of: Any
) -> None:
    """A pair that cannot be of one line is refused by name; one of a line we are on waits for
    nobody."""
    alpha, bravo = pair.alpha, pair.bravo
    both = base64.b64decode(
        command(alpha, "amend", members=[{"party": "charlie"}])()["joining_b64"]
    )
    text, amended = split_texts(both)
    offers.take_offer(bravo, Offered(alpha.station.party, both))
    assert command(bravo, "offered") == []  # a member has nothing to join
    line = line_of(bravo)
    line.left = True
    (waiting,) = command(bravo, "offered")
    assert (waiting["kind"], waiting["name"]) == ("joining", "Test line")
    line.left, line.joining = False, amended
    assert command(bravo, "offered") == []
    line.joining = b"an earlier text"
    assert len(command(bravo, "offered")) == 1
    line.joining = b""
    forged = join_texts(replace(parse_charter(text), title="Forged").encode(), amended)
    other = replace(parse_charter(text), random=bytes(16)).encode()
    for pair_of in (forged, join_texts(other, amended)):
        offers.take_offer(bravo, Offered(alpha.station.party, pair_of))
    line.left = True
    assert len(command(bravo, "offered")) == 1


def test_a_forged_pair_is_not_accepted_even_for_a_lost_disk(
    pair: Any, command: Any, charlie: Any, line_of: Any
) -> None:
    """The two texts are compared before a mark could have the line taken up mute."""
    made = command(pair.alpha, "amend", members=[{"party": "charlie"}])()["joining_b64"]
    text, amended = split_texts(base64.b64decode(made))
    forged = join_texts(replace(parse_charter(text), title="Forged").encode(), amended)
    given = base64.b64encode(forged).decode()
    assert refusal(pair.bravo, command, "accept", charter_b64=given) is Refusal.CHARTER_MISMATCH
    only = base64.b64encode(amended).decode()
    assert refusal(pair.bravo, command, "accept", charter_b64=only) is Refusal.USAGE
    assert refusal(pair.alpha, command, "accept", charter_b64=made) is Refusal.NOT_ALLOWED


def test_the_charter_in_force_can_be_had_and_offered(
    pair: Any, command: Any, charlie: Any, line_of: Any
) -> None:
    """Alone while it is the founding one; `send` says to how many links it went."""
    alpha = pair.alpha
    shown = command(alpha, "charter")
    assert base64.b64decode(shown["joining_b64"]) == line_of(alpha).charter_text
    assert shown["sent"] is None
    assert command(alpha, "charter", send="charlie")["sent"] == 0
    assert command(alpha, "charter", send="bravo")["sent"] == 1


def test_who_has_left_states_no_duty(pair: Any, command: Any, line_of: Any) -> None:
    """Its desk goes on and off for its other lines, and for itself."""
    line = line_of(pair.alpha)
    line.left = True
    queued = len(line.queue.rows)
    assert command(pair.alpha, "duty", on=True) == {"on_duty": True}
    assert len(line.queue.rows) == queued
    (status,) = command(pair.alpha, "lines")
    assert status["left"]
