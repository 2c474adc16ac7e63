"""Passkeys without a browser: what is believed of an authenticator, and what never is."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk.authenticator import BACKED_UP, ELIGIBLE, PRESENT, VERIFIED, Authenticator

from detente.core.errors import LocalError, Refusal
from detente.desk import passkeys
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk
from detente.desk.passkeys import SIGN_IN, ask, check, fresh, offer_registration, register
from detente.desk.people import Person

DRAFT = b"the form of exactly one dispatch"
AUTHORISE = "authorise"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk that nobody serves."""
    made = Desk(tmp_path, Cabinet.open(tmp_path, create=True), "http://alpha.localhost:8471")
    yield made
    made.cabinet.close()


@pytest.fixture
def officer(desk: Desk) -> Person:
    """Somebody who may authorise."""
    return desk.people.add("Officer", frozenset({"releaser"}), "en", 1)


@pytest.fixture
def key(desk: Desk, officer: Person) -> Authenticator:
    """Their one passkey, registered."""
    made = Authenticator()
    register(desk, officer, made.create(offer_registration(desk, officer)), "safe")
    return made


def refused(act: Callable[..., Any], *args: Any) -> Refusal:
    """Why an act is refused."""
    with pytest.raises(LocalError) as caught:
        act(*args)
    return caught.value.refusal


def test_an_offer_asks_for_what_the_desk_needs(desk: Desk, officer: Person) -> None:
    """A browser is asked for a resident key that verifies its user, for this host and nobody
    else's, and for none of a device that is registered already."""
    offer = offer_registration(desk, officer)
    assert offer["rp"]["id"] == "alpha.localhost"
    wanted = offer["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    assert offer["attestation"] == "none"
    assert len(passkeys.bytes_of(offer["challenge"])) == 32
    assert offer["excludeCredentials"] == []
    key = Authenticator()
    register(desk, officer, key.create(offer), "  in   the safe ")
    assert [one.label for one in passkeys.passkeys_of(desk, officer.number)] == ["in the safe"]
    again = offer_registration(desk, officer)
    assert [one["id"] for one in again["excludeCredentials"]] == [passkeys.text_of(key.id)]


def test_the_challenge_is_the_hash_of_purpose_and_statement(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """What is signed is SHA-256 of the purpose, a newline and the statement, as the specification
    of records says; the options name the person's own keys."""
    asked = ask(desk, officer, DRAFT, AUTHORISE)
    expected = hashlib.sha256(b"authorise\n" + DRAFT).digest()
    assert passkeys.bytes_of(asked["challenge"]) == expected
    assert asked["userVerification"] == "required"
    assert [one["id"] for one in asked["allowCredentials"]] == [passkeys.text_of(key.id)]


def test_a_record_is_verified_again_by_a_third_person(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """The kept record stands with the registered public key alone; for another statement, purpose,
    host, origin or key, and with any byte changed, it does not."""
    found = check(desk, officer, DRAFT, AUTHORISE, key.sign(ask(desk, officer, DRAFT, AUTHORISE)))
    assert (found.person, found.passkey) == (officer, key.id)
    place = (desk.host, desk.origin)
    verify = passkeys.verify_record
    verify(found.record, found.public_key, DRAFT, AUTHORISE, *place)
    for given in (
        (found.record, found.public_key, DRAFT + b".", AUTHORISE, *place),
        (found.record, found.public_key, DRAFT, SIGN_IN, *place),
        (found.record, found.public_key, DRAFT, AUTHORISE, "bravo.localhost", desk.origin),
        (found.record, found.public_key, DRAFT, AUTHORISE, desk.host, "http://elsewhere:8471"),
    ):
        assert refused(verify, *given) is Refusal.BAD_SIGNATURE
    other = Authenticator(id=b"another")
    register(desk, officer, other.create(offer_registration(desk, officer)), "other")
    stranger = passkeys.public_key_of(desk, other.id)
    assert refused(verify, found.record, stranger, DRAFT, AUTHORISE, *place) is (
        Refusal.BAD_SIGNATURE
    )
    assert refused(verify, found.record, b"\xa0", DRAFT, AUTHORISE, *place) in (
        Refusal.BAD_SIGNATURE,
        Refusal.MALFORMED,
    )
    for part in ("client_data", "authenticator_data", "signature"):
        data = bytearray(passkeys.bytes_of(found.record[part]))
        data[-2] ^= 1
        damaged = found.record | {part: passkeys.text_of(bytes(data))}
        assert refused(verify, damaged, found.public_key, DRAFT, AUTHORISE, *place) in (
            Refusal.BAD_SIGNATURE,
            Refusal.MALFORMED,
        )


@pytest.mark.parametrize("flags", [PRESENT, VERIFIED, PRESENT | VERIFIED | ELIGIBLE, 31, 0])
def test_a_weak_key_is_refused_when_it_registers_and_when_it_signs(
    desk: Desk, officer: Person, key: Authenticator, flags: int
) -> None:
    """A key that verifies nobody, that nobody touched or that is synced neither registers nor
    signs, though its signature is good."""
    weak = Authenticator(id=b"weak", flags=flags)
    answer = weak.create(offer_registration(desk, officer))
    assert refused(register, desk, officer, answer, "weak") in (
        Refusal.NOT_ALLOWED,
        Refusal.BAD_SIGNATURE,
    )
    assert len(passkeys.passkeys_of(desk, officer.number)) == 1
    key.flags = flags
    signed = key.sign(ask(desk, officer, DRAFT, AUTHORISE))
    assert refused(check, desk, officer, DRAFT, AUTHORISE, signed) in (
        Refusal.NOT_ALLOWED,
        Refusal.BAD_SIGNATURE,
    )


def test_a_key_that_claims_a_copy_but_none_possible_is_refused(desk: Desk, officer: Person) -> None:
    """Flags that contradict one another are no passkey."""
    odd = Authenticator(flags=PRESENT | VERIFIED | BACKED_UP)
    answer = odd.create(offer_registration(desk, officer))
    assert refused(register, desk, officer, answer, "odd") is Refusal.BAD_SIGNATURE


def test_a_count_that_does_not_rise_is_taken_for_a_copy(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """The second use of one count is refused, and so is an answer played again; a key that never
    counts is believed."""
    asked = ask(desk, officer, DRAFT, AUTHORISE)
    first = key.sign(asked)
    check(desk, officer, DRAFT, AUTHORISE, first)
    assert refused(check, desk, officer, DRAFT, AUTHORISE, first) is Refusal.NOT_ALLOWED
    key.count = 0
    assert refused(check, desk, officer, DRAFT, AUTHORISE, key.sign(asked)) is Refusal.NOT_ALLOWED
    still = Authenticator(id=b"never counts", count=0)
    register(desk, officer, still.create(offer_registration(desk, officer)), "still")
    for _ in range(2):
        still.count = -1  # signing adds one
        check(desk, officer, DRAFT, AUTHORISE, still.sign(asked))


def test_a_signature_authorises_what_was_signed_and_for_whom(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """A signature for signing in authorises nothing, one of a draft opens no door, one by somebody
    else or by somebody who left counts for nobody."""
    statement = fresh(desk, SIGN_IN)
    entering = key.sign(ask(desk, None, statement, SIGN_IN))
    assert refused(check, desk, officer, DRAFT, AUTHORISE, entering) is Refusal.BAD_SIGNATURE
    signed = key.sign(ask(desk, officer, DRAFT, AUTHORISE))
    assert refused(check, desk, None, fresh(desk, SIGN_IN), SIGN_IN, signed) is (
        Refusal.BAD_SIGNATURE
    )
    other = desk.people.add("Other", frozenset({"releaser"}), "en", 1)
    assert refused(check, desk, other, DRAFT, AUTHORISE, signed) is Refusal.NOT_ALLOWED
    assert refused(ask, desk, other, DRAFT, AUTHORISE) is Refusal.NOT_FOUND
    desk.cabinet.run("UPDATE person SET left_s = 2 WHERE number = ?", officer.number)
    assert refused(check, desk, officer, DRAFT, AUTHORISE, signed) is Refusal.NOT_ALLOWED


def test_a_key_made_for_another_host_or_page_is_refused(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """A page elsewhere gets nothing from its visitors' keys: host and origin are in what is
    signed."""
    for change in ({"origin": "http://evil.localhost:8471"}, {"host": "bravo.localhost"}):
        foreign = Authenticator(id=b"foreign", **change)
        answer = foreign.create(offer_registration(desk, officer))
        assert refused(register, desk, officer, answer, "x") is Refusal.BAD_SIGNATURE
        for name, value in change.items():
            setattr(key, name, value)
        signed = key.sign(ask(desk, officer, DRAFT, AUTHORISE))
        assert refused(check, desk, officer, DRAFT, AUTHORISE, signed) is Refusal.BAD_SIGNATURE


def test_a_challenge_of_the_door_is_good_once_and_for_five_minutes(
    desk: Desk, officer: Person, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer does not open the door twice, nor late, nor for a challenge nobody gave."""
    monkeypatch.setattr(passkeys, "wall_s", lambda: 1000)
    statement = fresh(desk, SIGN_IN)
    asked = ask(desk, None, statement, SIGN_IN)
    assert asked.get("allowCredentials", []) == []
    answer = key.sign(asked)
    assert check(desk, None, statement, SIGN_IN, answer).person == officer
    again = key.sign(asked)
    assert refused(check, desk, None, statement, SIGN_IN, again) is Refusal.EXPIRED
    late = fresh(desk, SIGN_IN)
    answer = key.sign(ask(desk, None, late, SIGN_IN))
    monkeypatch.setattr(passkeys, "wall_s", lambda: 1301)
    assert refused(check, desk, None, late, SIGN_IN, answer) is Refusal.EXPIRED
    own = bytes(32)
    answer = key.sign(ask(desk, None, own, SIGN_IN))
    assert refused(check, desk, None, own, SIGN_IN, answer) is Refusal.EXPIRED


def test_an_offer_is_for_one_person_and_used_once(desk: Desk, officer: Person) -> None:
    """Somebody else cannot register by my offer, nobody registers twice by one, and a known key
    or a label that cannot be is refused."""
    other = desk.people.add("Other", frozenset({"releaser"}), "en", 1)
    answer = Authenticator().create(offer_registration(desk, officer))
    assert refused(register, desk, other, answer, "x") is Refusal.EXPIRED
    assert refused(register, desk, officer, answer, "") is Refusal.USAGE
    assert refused(register, desk, officer, answer, "x" * 41) is Refusal.USAGE
    assert refused(register, desk, officer, answer, "a\x07") is Refusal.USAGE
    register(desk, officer, answer, "x")
    assert refused(register, desk, officer, answer, "x") is Refusal.EXPIRED
    known = Authenticator().create(offer_registration(desk, other))
    assert refused(register, desk, other, known, "x") is Refusal.IN_USE


def test_a_key_found_with_another_handle_is_refused(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """An authenticator that says it was made for somebody else is not believed."""
    statement = fresh(desk, SIGN_IN)
    key.handle = b"somebody else"
    signed = key.sign(ask(desk, None, statement, SIGN_IN))
    assert refused(check, desk, None, statement, SIGN_IN, signed) is Refusal.NOT_ALLOWED


def test_a_void_key_opens_nothing(desk: Desk, officer: Person, key: Authenticator) -> None:
    """After a key was voided its signature counts no more; it is voided by its owner's number."""
    signed = key.sign(ask(desk, officer, DRAFT, AUTHORISE))
    assert refused(passkeys.forget, desk, officer.number + 1, key.id) is Refusal.NOT_FOUND
    passkeys.forget(desk, officer.number, key.id)
    assert refused(check, desk, officer, DRAFT, AUTHORISE, signed) is Refusal.NOT_ALLOWED


def test_nobody_fills_the_disk_with_challenges_or_keys(
    desk: Desk, officer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Challenges waiting and keys of one person are bounded."""
    monkeypatch.setattr(passkeys, "CHALLENGES_MAX", 3)
    for _ in range(3):
        fresh(desk, SIGN_IN)
    assert refused(fresh, desk, SIGN_IN) is Refusal.OVER_QUOTA
    desk.cabinet.run("DELETE FROM challenge")
    for number in range(passkeys.PASSKEYS_MAX):
        made = Authenticator(id=b"%d" % number)
        register(desk, officer, made.create(offer_registration(desk, officer)), "x")
    assert refused(offer_registration, desk, officer) is Refusal.OVER_QUOTA


CROOKED = [
    {},
    {"response": {}},
    {"rawId": "", "response": {}},
    {"rawId": 7, "response": {"clientDataJSON": "e30"}},
    {"rawId": "!!", "response": {"clientDataJSON": "e30"}},
    {"rawId": "YQ", "response": {"clientDataJSON": "W1tb", "authenticatorData": "AA"}},
    {"rawId": "YQ", "response": [1]},
]


@pytest.mark.parametrize("answer", CROOKED)
def test_what_is_no_answer_is_refused_by_name(
    desk: Desk, officer: Person, answer: dict[str, Any]
) -> None:
    """Whatever a hostile browser sends, it is refused with a name and changes nothing."""
    assert refused(register, desk, officer, answer, "x") is Refusal.MALFORMED
    assert refused(check, desk, officer, DRAFT, AUTHORISE, answer) is Refusal.MALFORMED


def test_damaged_answers_are_refused_and_never_break_the_desk(
    desk: Desk, officer: Person, key: Authenticator
) -> None:
    """Each byte of an answer, cut or changed, gives a refusal and no other error."""
    offer = offer_registration(desk, officer)
    made = Authenticator(id=b"new").create(offer)
    signed = key.sign(ask(desk, officer, DRAFT, AUTHORISE))
    for good, act in (
        (made, lambda bad: register(desk, officer, bad, "x")),
        (signed, lambda bad: check(desk, officer, DRAFT, AUTHORISE, bad)),
    ):
        for part, text in good["response"].items():
            data = passkeys.bytes_of(text)
            for at in range(0, len(data), 3):
                for bad in (data[:at], data[:at] + bytes([data[at] ^ 0x81]) + data[at + 1 :]):
                    answer = copy.deepcopy(good)
                    answer["response"][part] = base64.urlsafe_b64encode(bad).decode().rstrip("=")
                    _reopen(desk, officer, offer)
                    try:
                        act(answer)
                    except LocalError:
                        continue
                    assert part in ("attestationObject", "userHandle"), part
                    desk.cabinet.run("DELETE FROM passkey WHERE label = 'x'")


def _reopen(desk: Desk, officer: Person, offer: dict[str, Any]) -> None:
    """An offer that was used is open again."""
    desk.cabinet.run("DELETE FROM challenge")
    desk.cabinet.insert(
        "challenge",
        hash=passkeys.bytes_of(offer["challenge"]),
        purpose=f"register {officer.number}",
        until_s=1 << 39,
    )


def test_an_answer_is_bounded() -> None:
    """More than an authenticator ever says is not even read, nor is JSON without a bottom."""
    assert refused(passkeys.read_answer, "x" * 70_000) is Refusal.OVERSIZE
    for text in ("", "7", "[]", "[" * 60_000, '{"a":'):
        assert refused(passkeys.read_answer, text) is Refusal.MALFORMED
