"""Trust: given once by people who compared digits, kept up in band, never gained by arriving."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.events import Offered
from detente.core.identity import parse_card
from detente.node import offers as module
from detente.node.folder import own_card
from detente.node.home import create_home, revoke, rotate
from detente.store.sealed import Cost

PASSPHRASE = "correct horse battery staple"
NOW_S = 1_770_292_800


@pytest.fixture
def charlie(tmp_path: Path) -> Any:
    """A third party's signed card."""
    folder = tmp_path / "third"
    folder.mkdir()
    return create_home(
        folder / "charlie",
        "charlie",
        [PASSPHRASE],
        listen=[],
        bearers=[],
        mark=folder / "marks",
        root_path=folder / "root",
        now_s=NOW_S,
        cost=Cost(64, 1, 1),
    )


def asking(signed: Any, **changes: Any) -> dict[str, Any]:
    card = base64.b64encode(signed.data).decode()
    return {"card_b64": card, "method": "voice", "digits": signed.card.digits} | changes


def refusal(node: Any, command: Any, do: str, **arguments: Any) -> Refusal:
    with pytest.raises(LocalError) as refused:
        command(node, do, **arguments)
    return refused.value.refusal


def card_at(node: Any, command: Any, name: str) -> dict[str, Any]:
    return next(card for card in command(node, "cards") if card["name"] == name)


def renewed(folder: Path, name: str) -> Any:
    return rotate(folder / name, folder / f"{name}.root", [PASSPHRASE], now_s=NOW_S + 5)


def test_trust_needs_the_digits(pair: Any, command: Any, charlie: Any) -> None:
    """The card in hand is trusted with its own digits, by a known method, and not otherwise."""
    node = pair.alpha
    wrong = "0" * 40
    for changes, word in (
        ({"digits": wrong}, Refusal.WRONG_DIGITS),
        ({"digits": "12345"}, Refusal.USAGE),
        ({"digits": None}, Refusal.USAGE),
        ({"method": "hearsay"}, Refusal.USAGE),
        ({"method": None}, Refusal.USAGE),
        ({"card_b64": "!"}, Refusal.USAGE),
        ({"card_b64": base64.b64encode(b"noise").decode()}, Refusal.MALFORMED),
    ):
        assert refusal(node, command, "trust", **asking(charlie, **changes)) == word
    own = own_card(node.home.path)
    assert refusal(node, command, "trust", **asking(own)) == Refusal.NOT_ALLOWED
    found = command(node, "trust", **asking(charlie, digits=charlie.card.digits.replace(" ", "")))
    assert (found["name"], found["serial"]) == ("charlie", 1)
    assert card_at(node, command, "charlie")["ceremony"]["method"] == "voice"
    assert charlie.card.party in node.links.called
    assert command(node, "journal")[-1]["word"] == "trust"


def test_wrong_digits_name_the_groups(pair: Any, command: Any, charlie: Any) -> None:
    """Which of the eight differ, and none of the digits that the card has."""
    groups = charlie.card.digits.split(" ")
    heard = [
        group if n in (0, 7) else f"{(int(group) + 1) % 100_000:05}"
        for n, group in enumerate(groups)
    ]
    with pytest.raises(LocalError) as refused:
        command(pair.alpha, "trust", **asking(charlie, digits=" ".join(heard)))
    assert refused.value.refusal == Refusal.WRONG_DIGITS
    assert refused.value.detail == "groups 2, 3, 4, 5, 6, 7 of 8"
    heard = charlie.card.digits[:-1] + str(9 - int(charlie.card.digits[-1]))
    with pytest.raises(LocalError) as refused:
        command(pair.alpha, "trust", **asking(charlie, digits=heard))
    assert refused.value.detail == "groups 8 of 8"


def test_an_unchecked_card_shows_until_it_is_compared(
    pair: Any, command: Any, charlie: Any
) -> None:
    """Trust without digits is a finding of the doctor; the same card may come to a ceremony."""
    node = pair.alpha

    def doctor() -> bool:
        return next(one["ok"] for one in command(node, "doctor") if one["check"] == "cards")

    assert doctor()
    command(node, "trust", **asking(charlie, method="unchecked", digits=None))
    assert not doctor()
    command(node, "trust", **asking(charlie, method="by-hand"))
    assert doctor()
    assert card_at(node, command, "charlie")["ceremony"]["method"] == "by-hand"


def test_trust_is_taken_back(pair: Any, command: Any, line_of: Any) -> None:
    """Its links end, nobody calls it or takes its calls, and no new charter may name it; the line
    it is on stays, and the reason is in the journal alone."""
    node, bravo = pair.alpha, pair.bravo.station.card
    node.links.up(77, bravo.tls_ed25519)
    reason = "the embassy was seized"
    found = command(node, "distrust", party="bravo", reason=reason)
    line = line_of(node)
    lines = [{"line": line.id.hex(), "title": "Test line", "others": 0}]
    assert found == {"party": bravo.party.hex(), "name": "bravo", "lines": lines}
    assert node.links.closed == ["key no longer trusted"]
    assert (node.card_of(bravo.party), node.pin(bravo.tls_ed25519)) == (None, None)
    note = command(node, "journal")[-1]
    assert (note["word"], note["data"]["reason"]) == ("distrust", reason)
    assert not card_at(node, command, "bravo")["trusted"]
    again = refusal(node, command, "distrust", party="bravo", reason="again")
    assert again == Refusal.NOT_ALLOWED
    assert refusal(node, command, "distrust", party="alpha", reason="") == Refusal.NOT_ALLOWED
    assert refusal(node, command, "distrust", party="nobody", reason="") == Refusal.NOT_FOUND
    members = [{"party": "bravo"}]
    new = refusal(node, command, "propose", title="Another", members=members, languages=["en"])
    assert new == Refusal.UNKNOWN_PARTY
    text = command(pair.bravo, "propose", title="A", members=[{"party": "alpha"}], languages=["en"])
    offered = refusal(node, command, "accept", charter_b64=text["charter_b64"])
    assert offered == Refusal.UNKNOWN_PARTY
    assert line.is_open()


def test_trust_comes_back_by_a_ceremony_alone(closed_pair: Any, command: Any, folder: Path) -> None:
    """It stays lost over a restart and a later card, until the digits are compared again."""
    node = closed_pair.open().alpha
    command(node, "distrust", party="bravo", reason="a test")
    closed_pair.close()
    new = renewed(folder, "bravo")
    node = closed_pair.open("alpha").alpha
    assert node.pin(node.station.cards[new.card.party].tls_ed25519) is None
    later = {"card_b64": base64.b64encode(new.data).decode()}
    assert refusal(node, command, "trust", **later) == Refusal.USAGE
    assert refusal(node, command, "trust", **asking(new, digits="0" * 40)) == Refusal.WRONG_DIGITS
    assert new.card.party in node.distrusted
    command(node, "trust", **asking(new))
    assert node.pin(new.card.tls_ed25519) == new.card.party
    assert card_at(node, command, "bravo")["trusted"]
    closed_pair.close("alpha")
    assert closed_pair.open("alpha").alpha.distrusted == set()


def test_a_line_of_three_goes_on_without_trust(pair: Any, command: Any, charlie: Any) -> None:
    """What is said of each line counts the members that are still trusted."""
    node = pair.alpha
    command(node, "trust", **asking(charlie))
    members = [{"party": "bravo"}, {"party": "charlie"}]
    command(node, "propose", title="Three", members=members, languages=["en"])
    first = command(node, "distrust", party="charlie", reason="a test")
    assert [(line["title"], line["others"]) for line in first["lines"]] == [("Three", 1)]
    second = command(node, "distrust", party="bravo", reason="a test")
    assert [line["others"] for line in second["lines"]] == [0, 0]


def test_a_later_card_needs_no_ceremony(pair: Any, command: Any, folder: Path) -> None:
    """The next card of a trusted party is taken by hand or in band; an older one never again."""
    old = own_card(folder / "bravo")
    pair.close("bravo")
    new = renewed(folder, "bravo")
    node = pair.alpha
    found = command(node, "trust", card_b64=base64.b64encode(new.data).decode())
    assert found["serial"] == 2
    shown = card_at(node, command, "bravo")
    assert (shown["serial"], shown["ceremony"]["method"]) == (2, "by-hand")
    assert node.station.cards[new.card.party] == new.card
    assert node.pin(new.card.tls_ed25519) == new.card.party
    assert node.pin(old.card.tls_ed25519) is None
    assert refusal(node, command, "trust", **asking(old)) == Refusal.STALE_CARD


def test_cards_in_band(pair: Any, command: Any, folder: Path, charlie: Any) -> None:
    """A later card of a trusted party is applied, a stranger's kept for people, ours noticed."""
    node, heard = pair.alpha, []
    node.followers.append(lambda answer: heard.append(answer["result"]["event"]))
    bravo = pair.bravo.station.party
    pair.close("bravo")
    new = renewed(folder, "bravo")
    module.take_offer(node, Offered(bravo, new.data))
    assert card_at(node, command, "bravo")["serial"] == 2
    module.take_offer(node, Offered(bravo, new.data))
    module.take_offer(node, Offered(bravo, charlie.data))
    (offer,) = command(node, "offered")
    assert (offer["kind"], offer["name"], offer["party"]) == ("card", "charlie", bravo.hex())
    assert charlie.card.party not in node.station.cards
    command(node, "trust", **asking(charlie))
    assert command(node, "offered") == []
    assert heard.count("card-renewed") == 1
    shown = bytearray(new.data)
    shown[-10] ^= 1
    module.take_offer(node, Offered(bravo, bytes(shown).replace(b"serial 2", b"serial 7")))
    assert card_at(node, command, "bravo")["serial"] == 2
    assert heard[-1] == "refused"


def test_an_offered_card_is_trusted_with_its_digits(
    pair: Any, command: Any, charlie: Any, tmp_path: Path
) -> None:
    """By its number or its party id, by the same ceremony as a file; of one party the newest."""
    node, bravo = pair.alpha, pair.bravo.station.party
    third = tmp_path / "third"
    later = rotate(third / "charlie", third / "root", [PASSPHRASE], now_s=NOW_S + 5)
    for note in (charlie.data, later.data):
        module.take_offer(node, Offered(bravo, note))
    offers = command(node, "offered")
    party = charlie.card.party.hex()
    shown = [(one["number"], one["from"], one["name"], one["card"]) for one in offers]
    assert shown == [(1, "bravo", "charlie", party), (2, "bravo", "charlie", party)]
    named = {"method": "voice", "digits": charlie.card.digits}
    for wrong in ("3", "0", "", party[:3], "dead"):
        assert refusal(node, command, "trust", offered=wrong, **named) == Refusal.NOT_FOUND
    bare = refusal(node, command, "trust", offered="1")
    assert bare == Refusal.USAGE
    heard = named | {"digits": "1" * 40}
    assert refusal(node, command, "trust", offered="1", **heard) == Refusal.WRONG_DIGITS
    assert charlie.card.party not in node.station.cards
    assert command(node, "trust", offered=party[:8], **named)["serial"] == 2
    assert command(node, "offered") == []


def test_our_own_later_card_tells_that_we_were_restored(closed_pair: Any, folder: Path) -> None:
    """A peer that shows a card of ours that we do not have is told to people, and not applied."""
    import shutil

    shutil.copytree(folder / "alpha", folder / "before")
    new = renewed(folder, "alpha")
    shutil.rmtree(folder / "alpha")
    (folder / "before").rename(folder / "alpha")
    node = closed_pair.open("alpha").alpha
    heard: list[str] = []
    node.followers.append(lambda answer: heard.append(answer["result"]["event"]))
    module.take_offer(node, Offered(bytes(32), new.data))
    assert heard == ["own-card-newer"]
    assert node.station.card.serial == 1


def test_revocations_in_band(pair: Any, command: Any, folder: Path, charlie: Any) -> None:
    """A revocation is applied once, whoever brings it, and refused if its roots did not sign it."""
    arguments: dict[str, Any] = {"reason": "lost", "stands": [], "now_s": NOW_S + 9}
    data = revoke(
        folder / "bravo", folder / "bravo.root", [PASSPHRASE], key="tls", serial=1, **arguments
    )
    node, bravo = pair.alpha, pair.bravo.station
    assert node.pin(bravo.card.tls_ed25519) == bravo.party
    module.take_offer(node, Offered(bravo.party, data))
    assert node.pin(bravo.card.tls_ed25519) is None
    assert node.card_of(bravo.party) is None
    module.take_offer(node, Offered(bravo.party, data))
    assert [one["word"] for one in command(node, "journal")].count("revocation") == 1
    forged = bytearray(data)
    forged[-20] = ord("A") if forged[-20] != ord("A") else ord("B")  # base64 still
    encoded = base64.b64encode(bytes(forged)).decode()
    assert refusal(node, command, "revoke", revocation_b64=encoded) == Refusal.BAD_CARD
    noise = base64.b64encode(b"noise").decode()
    assert refusal(node, command, "revoke", revocation_b64=noise) == Refusal.UNKNOWN_PARTY


def test_offers_are_bounded(pair: Any, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One party's offers are limited by the hour and in number; noise is refused by name."""
    monkeypatch.setattr(module, "OFFERS_MAX", 3)
    monkeypatch.setattr(module, "OFFERS_PER_HOUR_MAX", 8)
    node, heard = pair.alpha, []
    node.followers.append(lambda answer: heard.append(answer["result"]))
    bravo = pair.bravo.station.party
    for number in range(6):
        made = command(
            pair.bravo, "propose", title=f"Line {number}", members=[{"party": "alpha"}], send=True
        )
        assert made["line"]
    pair.pump()
    assert [one["name"] for one in command(node, "offered")] == ["Line 3", "Line 4", "Line 5"]
    for noise in (b"noise", b"detente charter v1\nnoise", b"detente card v1\nnoise", b""):
        module.take_offer(node, Offered(bravo, noise))
    refused = [event["refusal"] for event in heard if event["event"] == "refused"]
    assert refused[-2:] == ["over-quota", "over-quota"]
    assert "malformed" in refused
    assert len(command(node, "offered")) == 3


def test_what_the_record_says_is_applied_at_the_start(
    closed_pair: Any, command: Any, folder: Path
) -> None:
    """A card that was entered and not applied, since the process ended, is applied at the start."""
    pair = closed_pair.open().connect()
    pair.close()
    new = renewed(folder, "bravo")
    pair.number = 0
    pair.open().connect()
    pair.bravo.chores.run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("detente.node.node.take_offer", lambda *_: None)
        pair.pump()
    assert card_at(pair.alpha, command, "bravo")["serial"] == 1
    pair.close()
    pair.number = 0
    pair.open()
    assert card_at(pair.alpha, command, "bravo")["serial"] == 2
    assert pair.alpha.station.cards[new.card.party] == parse_card(new.data).card


def test_a_card_is_announced_once(closed_pair: Any, folder: Path, line_of: Any) -> None:
    """However often the node starts, one entry tells of the card; then the old key is forgotten."""
    from detente.core.leaf import Kind

    pair = closed_pair
    renewed(folder, "bravo")
    for _ in range(3):
        pair.number = 0
        pair.open().connect()
        for _ in range(3):
            pair.bravo.chores.run()
        pair.pump()
        assert len(line_of(pair.bravo).shelf.of_kind((Kind.CARD,))) == 1
        pair.close()
    assert not (folder / "bravo" / "old-tls.keys").exists()


def test_new_card_must_follow_ours(pair: Any, command: Any, folder: Path, charlie: Any) -> None:
    """What `party rotate` made is checked against ours; it is taken up at the next start."""
    own = own_card(folder / "alpha")
    for signed, word in ((charlie, Refusal.NOT_ALLOWED), (own, Refusal.STALE_CARD)):
        encoded = base64.b64encode(signed.data).decode()
        assert refusal(pair.alpha, command, "new_card", card_b64=encoded) == word
    pair.close("alpha")
    new = renewed(folder, "alpha")
    pair.open("alpha")
    assert command(pair.alpha, "status")["serial"] == new.card.serial == 2
