"""Two who authorise at once, and one whose passkey is lost: a clear page each, and nothing lost."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from desk.authenticator import Authenticator
from desk.parties import Parties
from desk.visitor import Answer, Visitor
from node.conftest import command

from detente.desk import passkeys
from detente.desk.drafts import SENT

TEXT = "The road is free."


@pytest.fixture
def offered(parties: Parties) -> str:
    """A FLASH that waits for somebody's word: the address where it is given."""
    drafter = parties.enter("Drafter", "drafter")
    fields = {"precedence": "FLASH", "subject": "Road", "text": TEXT, "language": "en"}
    parties.send(drafter, f"/line/{parties.line}/write", do="preview", **fields)
    answer = parties.send(drafter, "/draft/1/offer", version=1)
    assert answer.headers["location"] == "/draft/1/authorise"
    return "/draft/1/authorise"


def releaser(parties: Parties, name: str) -> tuple[Visitor, Authenticator]:
    """Somebody with a passkey."""
    visitor = parties.enter(name, "releaser", "watch")
    person = parties.desk.people.named(name)
    device = Authenticator(id=name.encode())
    answer = device.create(passkeys.offer_registration(parties.desk, person))
    passkeys.register(parties.desk, person, answer, "key")
    return visitor, device


def authorise(parties: Parties, at: str, visitor: Visitor, device: Authenticator) -> Any:
    """Reads the page and has the passkey sign; gives what sends it."""
    page = visitor.get(at).text
    options = re.search(r'data-options="([^"]*)"', page)
    sha256 = re.search(r'name="sha256" value="([0-9a-f]{64})"', page)
    assert options is not None
    assert sha256 is not None
    assert TEXT in page
    answer = json.dumps(device.sign(json.loads(html.unescape(options[1]))))
    return lambda: parties.send(visitor, at, sha256=sha256[1], answer=answer)


def said(parties: Parties) -> list[str]:
    """What Bravo has of us."""
    return [one["text"] for one in command(parties.pair.bravo, "inbox")["entries"]]


@pytest.mark.parametrize("while_sending", [True, False])
def test_two_who_authorise_at_once_send_once_and_both_see_what_became_of_it(
    parties: Parties, offered: str, monkeypatch: pytest.MonkeyPatch, *, while_sending: bool
) -> None:
    """The second word comes while the first one's is on its way to the node, or just after: the
    message goes once, and whoever was second is shown that it went and by whom."""
    first, second = (
        authorise(parties, offered, *releaser(parties, name)) for name in ("First", "Second")
    )
    answers: list[Answer] = []
    real = parties.ask

    async def ask(do: str, **arguments: Any) -> Any:
        if do == "say" and while_sending and not answers:
            answers.append(second())
        return await real(do, **arguments)

    monkeypatch.setattr(parties.desk.node, "ask", ask)
    sent = first()
    if not while_sending:
        answers.append(second())
    (late,) = answers
    assert (sent.status, late.status) == (303, 303)
    assert said(parties) == [TEXT]
    assert [one["name"] for one in parties.journal("authorisation")[0]["by"]] == ["First"]
    other = parties.people["Second"]
    page = other.get(late.headers["location"] if while_sending else offered).text
    assert "A-0001" in page
    if while_sending:
        assert "First" in page
    assert parties.desk.drafts.get(1).state == SENT


def test_a_lost_passkey_leaves_the_message_and_two_ways_on(parties: Parties, offered: str) -> None:
    """Whose only key was made void reads so on the page, with the way to their own keys and the
    glass beside it; broken with a reason it goes, and everybody sees that nobody authorised it,
    until somebody with a key countersigns."""
    officer, _device = releaser(parties, "Officer")
    other, device = releaser(parties, "Other")
    person = parties.desk.people.named("Officer")
    assert person is not None
    (key,) = passkeys.passkeys_of(parties.desk, person.number)
    passkeys.forget(parties.desk, person.number, key.id)
    page = officer.get(offered).text
    assert TEXT in page
    assert "You have no passkey yet" in page
    assert 'href="/me"' in page
    assert "data-options" not in page
    parties.send(officer, "/draft/1/break-glass", why="both of my keys are lost")
    assert said(parties) == [TEXT]
    assert "Officer: both of my keys are lost" in parties.journal("break-glass")[0]["reason"]
    assert "nobody has authorised it" in other.get("/watch").text
    assert authorise(parties, offered, other, device)().status == 303
    assert [one["name"] for one in parties.journal("countersigned")[0]["by"]] == ["Other"]
    assert "nobody has authorised it" not in officer.get("/watch").text
