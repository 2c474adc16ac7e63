"""Passkeys: the one place that speaks WebAuthn, and the only user of its library.

An authenticator signs a challenge, and the challenge is the hash of a statement under a purpose
(``challenge_of``): a signature given for one dispatch says nothing of another, and one given for
signing in authorises nothing. Every signature takes a person's finger, face or number (user
verification), and comes from a key that cannot leave its device. Source: W3C Web Authentication,
Level 2, sections 7.1 and 7.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from detente.core.errors import LocalError, Refusal
from detente.desk.desk import Desk, wall_s
from detente.desk.people import Person
from detente.desk.refusing import refusal
from detente.words import marked

SIGN_IN: Final = "sign-in"
CHALLENGE_S: Final = 300  # how long an authenticator may take over a challenge of ours
CHALLENGES_MAX: Final = 1000  # waiting at once: whoever only asks fills no disk
ANSWER_BYTES_MAX: Final = 64 * 1024
LABEL_CHARS_MAX: Final = 40
PASSKEYS_MAX: Final = 10  # of one person

_NOT_SIGNED: Final = marked("The passkey's signature does not stand for what was asked")
_AGAIN: Final = marked("Load the page again and try once more.")
_ADMINISTRATOR: Final = marked("An administrator can make you a one-time link.")
_NO_ANSWER: Final = marked("The browser sent no answer of a passkey")


@dataclass(frozen=True, slots=True)
class Passkey:
    """One registered key, without what only a check needs."""

    id: bytes
    label: str
    added_s: int

    @property
    def word(self) -> str:
        """Its id as forms carry it."""
        return text_of(self.id)


@dataclass(frozen=True, slots=True)
class Assertion:
    """Somebody signed a statement; ``record`` with ``public_key`` lets a third person check it."""

    person: Person
    passkey: bytes
    public_key: bytes  # COSE
    record: dict[str, str]  # base64url, for verify_record


def challenge_of(statement: bytes, purpose: str) -> bytes:
    """What an authenticator signs: SHA-256 of the purpose, a newline and the statement."""
    return hashlib.sha256(purpose.encode() + b"\n" + statement).digest()


# --- registering ---------------------------------------------------------------------------------


def offer_registration(desk: Desk, person: Person) -> dict[str, Any]:
    """What a browser needs to make a passkey, as plain JSON values. OVER_QUOTA at PASSKEYS_MAX."""
    known = passkeys_of(desk, person.number)
    if len(known) >= PASSKEYS_MAX:
        raise refusal(
            Refusal.OVER_QUOTA,
            marked("A person has at most ten passkeys"),
            marked("Void one that is no longer used."),
        )
    purpose = _registering(person)
    return options_to_json_dict(
        webauthn.generate_registration_options(
            rp_id=desk.host,
            rp_name="Détente",
            user_name=person.name,
            user_id=_handle(desk, person),
            challenge=challenge_of(fresh(desk, purpose), purpose),
            timeout=CHALLENGE_S * 1000,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one.id) for one in known],
        )
    )


def register(desk: Desk, person: Person, answer: Mapping[str, Any], label: str) -> bytes:
    """Keeps the passkey a browser made for an offer of ours; returns its id.

    LocalError USAGE for a label that cannot be, EXPIRED for an offer past its time or used,
    NOT_ALLOWED for a synced key or one that asks for no proof of the person, IN_USE if it is
    known here, BAD_SIGNATURE or MALFORMED for anything else that does not stand.
    """
    label = " ".join(label.split())
    if not label or len(label) > LABEL_CHARS_MAX or not label.isprintable():
        raise refusal(Refusal.USAGE, marked("A name of a passkey has 1 to 40 plain characters"))
    challenge = _challenge_in(answer)
    _spend(desk, challenge, _registering(person))
    with _library():
        made = webauthn.verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=desk.host,
            expected_origin=desk.origin,
        )
    _refuse_weak(made.user_verified, made.credential_device_type)
    with desk.cabinet.change():
        if desk.cabinet.row("SELECT 1 FROM passkey WHERE id = ?", made.credential_id) is not None:
            raise refusal(Refusal.IN_USE, marked("This passkey is registered already"))
        desk.cabinet.insert(
            "passkey",
            id=made.credential_id,
            person=person.number,
            public_key=made.credential_public_key,
            uses=made.sign_count,
            label=label,
            added_s=wall_s(),
        )
    return made.credential_id


def passkeys_of(desk: Desk, person: int) -> list[Passkey]:
    """Somebody's passkeys, oldest first."""
    found = desk.cabinet.rows(
        "SELECT id, label, added_s FROM passkey WHERE person = ? ORDER BY added_s, label, id",
        person,
    )
    return [Passkey(bytes(row[0]), row[1], row[2]) for row in found]


def public_key_of(desk: Desk, passkey: bytes) -> bytes:
    """The public key that was registered under an id, as COSE. LocalError NOT_FOUND."""
    row = desk.cabinet.row("SELECT public_key FROM passkey WHERE id = ?", passkey)
    if row is None:
        raise LocalError(Refusal.NOT_FOUND, "this desk does not know the passkey")
    return bytes(row[0])


def owner_of(desk: Desk, answer: Mapping[str, Any]) -> int | None:
    """Whose key an answer claims to come from; nothing is believed of it yet."""
    key = bytes_of(answer.get("rawId"))
    row = desk.cabinet.row("SELECT person FROM passkey WHERE id = ?", key)
    return None if row is None else int(row[0])


def forget(desk: Desk, person: int, passkey: bytes) -> None:
    """A passkey is void from here on. LocalError NOT_FOUND."""
    if not desk.cabinet.run("DELETE FROM passkey WHERE id = ? AND person = ?", passkey, person):
        raise LocalError(Refusal.NOT_FOUND, "this person has no such passkey")


# --- signing -------------------------------------------------------------------------------------


def ask(desk: Desk, person: Person | None, statement: bytes, purpose: str) -> dict[str, Any]:
    """What a browser needs to have a statement signed, as plain JSON values.

    With no person, whoever holds a passkey of this desk may sign: that is signing in. LocalError
    NOT_FOUND where a person has no passkey.
    """
    known = [] if person is None else passkeys_of(desk, person.number)
    if person is not None and not known:
        raise refusal(
            Refusal.NOT_FOUND,
            marked("You have no passkey yet"),
            marked("Register two on your own page: your name at the top leads there."),
        )
    return options_to_json_dict(
        webauthn.generate_authentication_options(
            rp_id=desk.host,
            challenge=challenge_of(statement, purpose),
            timeout=CHALLENGE_S * 1000,
            allow_credentials=[PublicKeyCredentialDescriptor(id=one.id) for one in known],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def check(
    desk: Desk, person: Person | None, statement: bytes, purpose: str, answer: Mapping[str, Any]
) -> Assertion:
    """Whether ``answer`` is a passkey's signature of the statement, by ``person`` if one is given.

    LocalError NOT_ALLOWED for an unknown key, another's key, a synced one, one used without proof
    of the person, or one whose count went back (a copy may exist); BAD_SIGNATURE or MALFORMED for
    anything else that does not stand.
    """
    if person is None and purpose == SIGN_IN:
        _spend(desk, challenge_of(statement, purpose), purpose)
    record = _record(answer)
    key = bytes_of(record["credential"])
    with desk.cabinet.change():
        row = desk.cabinet.row("SELECT person, public_key, uses FROM passkey WHERE id = ?", key)
        signer = None if row is None else desk.people.get(int(row[0]))
        if row is None or signer is None or signer.left_s is not None:
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("This desk does not know the passkey"),
                _ADMINISTRATOR,
            )
        if person is not None and signer.number != person.number:
            raise refusal(Refusal.NOT_ALLOWED, marked("The passkey is somebody else's"), _AGAIN)
        handle = record.get("user_handle")
        if handle is not None and not hmac.compare_digest(bytes_of(handle), _handle(desk, signer)):
            raise refusal(
                Refusal.NOT_ALLOWED, marked("The passkey was made for somebody else"), _AGAIN
            )
        public_key, uses = bytes(row[1]), int(row[2])
        made = _verified(record, public_key, statement, purpose, desk.host, desk.origin)
        if (made.new_sign_count or uses) and made.new_sign_count <= uses:
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("The passkey counts backwards: somebody may have copied it"),
                marked("Use another passkey, void this one, and tell the officer in charge."),
            )
        desk.cabinet.run("UPDATE passkey SET uses = ? WHERE id = ?", made.new_sign_count, key)
    record.pop("user_handle", None)
    return Assertion(signer, key, public_key, record)


def verify_record(
    record: Mapping[str, str],
    public_key: bytes,
    statement: bytes,
    purpose: str,
    host: str,
    origin: str,
) -> None:
    """Checks a kept signature again, years later, with nothing but the key that was registered.

    LocalError BAD_SIGNATURE, MALFORMED or NOT_ALLOWED if it does not stand.
    """
    _verified(record, public_key, statement, purpose, host, origin)


# --- challenges ----------------------------------------------------------------------------------


def fresh(desk: Desk, purpose: str) -> bytes:
    """A statement of 32 random bytes that can be signed once, within CHALLENGE_S, for a purpose.

    LocalError OVER_QUOTA while CHALLENGES_MAX are waiting.
    """
    statement = secrets.token_bytes(32)
    now_s = wall_s()
    with desk.cabinet.change():
        desk.cabinet.run("DELETE FROM challenge WHERE until_s < ?", now_s)
        waiting = desk.cabinet.row("SELECT count(*) FROM challenge")
        if waiting is not None and int(waiting[0]) >= CHALLENGES_MAX:
            raise refusal(
                Refusal.OVER_QUOTA,
                marked("Too many sign-ins are waiting"),
                marked("Wait five minutes, or use a one-time code."),
            )
        desk.cabinet.insert(
            "challenge",
            hash=challenge_of(statement, purpose),
            purpose=purpose,
            until_s=now_s + CHALLENGE_S,
        )
    return statement


def _spend(desk: Desk, challenge: bytes, purpose: str) -> None:
    """Uses a challenge up. LocalError EXPIRED where it was used, has run out, or never was."""
    if not desk.cabinet.run(
        "DELETE FROM challenge WHERE hash = ? AND purpose = ? AND until_s >= ?",
        challenge,
        purpose,
        wall_s(),
    ):
        raise refusal(
            Refusal.EXPIRED,
            marked("What the passkey signed has run out, or was used before"),
            _AGAIN,
        )


# --- what a browser sends ------------------------------------------------------------------------


def text_of(data: bytes) -> str:
    """Bytes as base64url without padding, as browsers write them."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: object) -> bytes:
    """The bytes of base64url text. LocalError MALFORMED."""
    if not isinstance(text, str) or len(text) > ANSWER_BYTES_MAX:
        raise refusal(Refusal.MALFORMED, _NO_ANSWER, _AGAIN)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refusal(Refusal.MALFORMED, _NO_ANSWER, _AGAIN) from None


def read_answer(text: str) -> dict[str, Any]:
    """The JSON that passkeys.js made of a browser's answer. LocalError MALFORMED, OVERSIZE."""
    if len(text) > ANSWER_BYTES_MAX:
        raise LocalError(Refusal.OVERSIZE, f"an answer has at most {ANSWER_BYTES_MAX} characters")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refusal(Refusal.MALFORMED, _NO_ANSWER, _AGAIN)
    return found


def _response(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found = answer.get("response")
    if not isinstance(found, Mapping):
        raise refusal(Refusal.MALFORMED, _NO_ANSWER, _AGAIN)
    return found


def _record(answer: Mapping[str, Any]) -> dict[str, str]:
    """The parts that a signature is checked with, written in the one way there is."""
    response = _response(answer)
    parts = {
        "credential": answer.get("rawId"),
        "client_data": response.get("clientDataJSON"),
        "authenticator_data": response.get("authenticatorData"),
        "signature": response.get("signature"),
    }
    if response.get("userHandle"):
        parts["user_handle"] = response["userHandle"]
    return {name: text_of(bytes_of(part)) for name, part in parts.items()}


def _challenge_in(answer: Mapping[str, Any]) -> bytes:
    """Which challenge an answer claims to have signed; nothing is believed of it yet."""
    said = read_answer(bytes_of(_response(answer).get("clientDataJSON")).decode("utf-8", "replace"))
    return bytes_of(said.get("challenge"))


def _verified(
    record: Mapping[str, str],
    public_key: bytes,
    statement: bytes,
    purpose: str,
    host: str,
    origin: str,
) -> VerifiedAuthentication:
    with _library():
        made = webauthn.verify_authentication_response(
            credential={
                "id": record["credential"],
                "rawId": record["credential"],
                "type": "public-key",
                "response": {
                    "clientDataJSON": record["client_data"],
                    "authenticatorData": record["authenticator_data"],
                    "signature": record["signature"],
                },
            },
            expected_challenge=challenge_of(statement, purpose),
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # check() compares, and says it plainly
        )
    _refuse_weak(made.user_verified, made.credential_device_type)
    return made


def _refuse_weak(user_verified: bool, kind: CredentialDeviceType) -> None:
    """Keys that copy themselves elsewhere, or that sign for whoever touches them."""
    if kind is not CredentialDeviceType.SINGLE_DEVICE:
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("This passkey is synced to other devices, so others may hold a copy"),
            marked("Use one that stays on its device, such as a security key."),
        )
    if not user_verified:
        raise refusal(
            Refusal.NOT_ALLOWED,
            marked("The passkey did not make sure who you are"),
            marked("Set a PIN, a finger or a face on it, then try again."),
        )


@contextmanager
def _library() -> Iterator[None]:
    """The library's refusals as ours. It lets Python's own errors through on crooked input."""
    try:
        yield
    except WebAuthnException as error:
        raise refusal(Refusal.BAD_SIGNATURE, _NOT_SIGNED, _AGAIN) from error
    except (ValueError, TypeError, LookupError, RecursionError, UnsupportedAlgorithm):
        raise refusal(Refusal.MALFORMED, _NO_ANSWER, _AGAIN) from None


def _registering(person: Person) -> str:
    return f"register {person.number}"


def _handle(desk: Desk, person: Person) -> bytes:
    """A person's number in the authenticator: it says nothing of them, and is theirs here only."""
    return hashlib.sha256(f"detente desk\n{desk.host}\n{person.number}".encode()).digest()[:16]
