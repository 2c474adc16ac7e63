"""Whiteflag messages: the published vectors, byte for byte, and nothing the standard has not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.core.errors import LocalError, PeerError, Refusal
from detente.dossiers.position import position
from detente.dossiers.shapes import Circle, Length, Place, Unit
from detente.dossiers.whiteflag import Message, decode, encode, sign

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "whiteflag"
# Two joined texts say «encrypted» and «under duress»; neither their fields nor their bytes do.
ERRATA = {"1": ("WF11", "WF10"), "4": ("WF101", "WF100")}
START_S = 1_770_292_800  # 2026-02-05T12:00:00Z
HERE = Place(position(50.4501, 30.5234))


def published():
    """The reference implementation's own vectors, or a skip that says what is missing."""
    path = VECTORS / "codec.testvector.json"
    if not path.is_file():
        pytest.skip("shared/vectors/whiteflag is not beside this project")
    return json.loads(path.read_text(encoding="utf-8"))


def flat(body):
    """A body of the schema as ours: the body under test stands beside its code."""
    return {
        **{k: v for k, v in body.items() if isinstance(v, str)},
        **body.get("PseudoMessageBody", {}),
    }


def header(code="P", **changed):
    """A plain header."""
    return {
        "Prefix": "WF",
        "Version": "1",
        "EncryptionIndicator": "0",
        "DuressIndicator": "0",
        "MessageCode": code,
        "ReferenceIndicator": "0",
        "ReferencedMessage": "0" * 64,
        **changed,
    }


def body(**changed):
    """A plain sign."""
    return {**sign("P", "11", HERE, START_S).body, **changed}


def test_the_published_vectors_encode_and_decode_byte_for_byte():
    """Authentication, mission signal, free text and test, as the reference implementation has."""
    vectors = published()
    assert len(vectors) == 4
    for name, vector in vectors.items():
        theirs = vector["wfMessage"]
        message = Message(theirs["MessageHeader"], flat(theirs["MessageBody"]))
        assert encode(message).hex() == vector["encodedMessage"]
        assert decode(bytes.fromhex(vector["encodedMessage"])) == message
        assert message.joined() == vector["concatinatedMessage"].replace(*ERRATA.get(name, "  "))


def test_every_kind_of_the_published_schema_is_known():
    """What the schema lists as message codes is what can be written here."""
    published()
    schema = json.loads((VECTORS / "wf-message.schema.json").read_text(encoding="utf-8"))
    codes = schema["properties"]["MessageHeader"]["properties"]["MessageCode"]["enum"]
    bodies = {
        "A": {"VerificationMethod": "2", "VerificationData": "token"},
        "K": {"CryptoDataType": "0A", "CryptoData": "02ab"},
        "R": {"ResourceMethod": "1", "ResourceData": "https://organisation.int/map"},
        "F": {"Text": "convoy of 4"},
        "T": {"PseudoMessageCode": "F", "Text": ""},
    }
    for code in codes:
        message = Message(header(code), bodies.get(code, body()))
        assert decode(encode(message)) == message


@pytest.mark.parametrize("code", "PEDS")
def test_a_sign_is_made_from_a_place_and_read_back(code):
    """Protective, emergency, danger and status signs, at a point and over a circle."""
    circle = Circle(position(-7.5, -170.25), Length(1_500_000, Unit.M))
    for where in (HERE, circle):
        message = sign(code, "1A", where, START_S, 2 * 1440 + 61)
        assert decode(encode(message)) == message
        assert message.at() == where
        assert message.kind == code
    assert message.body["DateTime"] == "2026-02-05T12:00:00Z"
    assert message.body["Duration"] == "P02D01H01M"
    assert message.body["ObjectLongitude"] == "-170.25000"


def test_a_place_that_is_not_given_is_none():
    """Some signals omit where they are, for safety; and a text is nowhere."""
    omitted = body(ObjectLatitude="+99.99999", ObjectLongitude="+999.99999")
    assert Message(header("S"), omitted).at() is None
    assert Message(header("F"), {"Text": "x"}).at() is None
    circle = body(ObjectType="21")
    assert Message(header(), circle).at() == HERE


def test_a_request_names_up_to_eight_objects():
    """Type and number of each, behind the body."""
    wanted = (("40", "02"), ("11", "08")) * 4
    message = Message(header("Q"), body(SubjectCode="20"), wanted)
    assert decode(encode(message)).wanted == wanted
    assert message.joined().endswith("40021108" * 4)
    trial = Message(header("T"), {"PseudoMessageCode": "Q", **body()}, wanted[:1])
    assert decode(encode(trial)) == trial
    for code, many in (("Q", wanted + wanted[:1]), ("P", wanted[:1])):
        with pytest.raises(LocalError) as caught:
            Message(header(code), body(), many)
        assert caught.value.facts["field"] == "requestObjects"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("Prefix", (header(Prefix="WX"), body())),
        ("Version", (header(Version="2"), body())),
        ("EncryptionIndicator", (header(EncryptionIndicator="1"), body())),
        ("DuressIndicator", (header(DuressIndicator="2"), body())),
        ("ReferenceIndicator", (header(ReferenceIndicator="A"), body())),
        ("ReferencedMessage", (header(ReferencedMessage="0" * 63), body())),
        ("SubjectCode", (header(), body(SubjectCode="1G"))),
        ("DateTime", (header(), body(DateTime="2026-02-30T12:00:00Z"))),
        ("DateTime", (header(), body(DateTime="2026-02-05 12:00:00Z"))),
        ("Duration", (header(), body(Duration="P01D24H00M"))),
        ("ObjectLatitude", (header(), body(ObjectLatitude="+90.00001"))),
        ("ObjectLatitude", (header(), body(ObjectLatitude="+99.99999"))),
        ("ObjectLongitude", (header(), body(ObjectLongitude="-180.00001"))),
        ("ObjectSizeDim1", (header(), body(ObjectSizeDim1="10000"))),
        ("Text", (header("F"), {"Text": "мир"})),
        ("Unknown", (header(), body(Unknown="1"))),
        ("Text", (header("F"), {})),
        ("Prefix", ({key: value for key, value in header().items() if key != "Prefix"}, body())),
        ("PseudoMessageCode", (header("T"), {"PseudoMessageCode": "T"})),
        ("CryptoData", (header("K"), {"CryptoDataType": "0A", "CryptoData": "abc"})),
    ],
)
def test_a_field_outside_the_standard_is_named(name, changed):
    """What the standard has no room for is refused by the name of its field."""
    with pytest.raises(LocalError) as caught:
        Message(*changed)
    assert caught.value.refusal is Refusal.MALFORMED
    assert caught.value.facts["field"] == name


def test_a_code_that_is_none_is_refused():
    """No body belongs to an unknown message code."""
    with pytest.raises(LocalError):
        Message(header("X"), {})
    with pytest.raises(LocalError):
        Message(header("T"), {"PseudoMessageCode": "X", "Text": "x"})


def test_a_leap_second_is_a_second():
    """The standard allows it; so it is read, though no calendar here has it."""
    assert Message(header(), body(DateTime="2016-12-31T23:59:60Z")).at() == HERE


def test_bytes_that_are_no_message_are_malformed():
    """Cut short, too long, encrypted, with bits behind the end, or a field out of its range."""
    good = encode(sign("P", "11", HERE, START_S))
    encrypted = good[:3] + b"1" + good[4:]
    unknown = encode(Message(header("F"), {"Text": "x"})).replace(b"WF1", b"WF2")
    for data in (
        b"",
        good[:-1],
        good + b"\0",
        good[:-1] + bytes((good[-1] | 1,)),
        encrypted,
        unknown,
        b"WF10" + b"\xff" * 60,
    ):
        with pytest.raises(PeerError) as caught:
            decode(data)
        assert caught.value.refusal is Refusal.MALFORMED
    with pytest.raises(PeerError) as caught:
        decode(b"WF10" + bytes(1021))
    assert caught.value.refusal is Refusal.OVERSIZE


@settings(deadline=None)
@given(st.binary(max_size=90))
def test_whatever_comes_is_a_message_or_malformed(data):
    """Nothing but a refusal escapes, and what is read is written the same."""
    for tried in (data, b"WF10" + data):
        try:
            message = decode(tried)
        except PeerError:
            continue
        assert decode(encode(message)) == message
