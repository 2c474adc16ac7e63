"""Messages of the Whiteflag protocol, version 1, byte for byte (docs/places-in-out.md).

For neutral parties who speak it: protective, danger, emergency and status signs among them. A
message is its fields as the standard names them, in the form its JSON schema gives them. Nothing is
encrypted or decrypted here, and nothing is looked up on any blockchain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from detente.core.encoding import malformed
from detente.core.errors import LocalError, PeerError, Refusal
from detente.dossiers.position import Position
from detente.dossiers.shapes import Circle, Length, Place, Unit

SIGNS = "PEDSIMQ"  # protective, emergency, danger, status, infrastructure, mission, request
OBJECTS_MAX = 8  # of a request
BYTES_MAX = 1024  # the standard sets no bound; a page of text is enough for a sign
NOT_GIVEN = ("+99.99999", "+999.99999")
_CIRCLES = ("21", "31")


class _Field(NamedTuple):
    """A field: its name, what its text looks like, and what is packed of it into how many bits.

    ``bits`` are those of one character; ``chars`` of them are packed, or all that follow if 0.
    """

    name: str
    pattern: str
    bits: int
    chars: int


_PREFIX = (
    _Field("Prefix", "WF", 8, 2),
    _Field("Version", "1", 8, 1),
    _Field("EncryptionIndicator", "[0-9A-Za-z]", 8, 1),
)
_HEADER = (
    *_PREFIX,
    _Field("DuressIndicator", "[01]", 1, 1),
    _Field("MessageCode", "[AKTPESDIMQRF]", 8, 1),
    _Field("ReferenceIndicator", "[0-9]", 4, 1),
    _Field("ReferencedMessage", "[0-9A-Fa-f]{64}", 4, 64),
)
_SIGN = (
    _Field("SubjectCode", "[0-9A-Fa-f]{2}", 4, 2),
    _Field("DateTime", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", 4, 14),
    _Field("Duration", r"P\d\dD([01]\d|2[0-3])H[0-5]\dM", 4, 6),
    _Field("ObjectType", "[0-9A-Fa-f]{2}", 4, 2),
    _Field("ObjectLatitude", r"[+-]\d\d\.\d{5}", 4, 7),
    _Field("ObjectLongitude", r"[+-]\d{3}\.\d{5}", 4, 8),
    _Field("ObjectSizeDim1", r"\d{4}", 4, 4),
    _Field("ObjectSizeDim2", r"\d{4}", 4, 4),
    _Field("ObjectOrientation", r"\d{3}", 4, 3),
)
_WANTED = (
    _Field("ObjectType", "[0-9A-Fa-f]{2}", 4, 2),
    _Field("ObjectTypeQuant", r"\d\d", 4, 2),
)
_TEXT = "[\\x00-\\x7f]*"
_BODIES: Mapping[str, tuple[_Field, ...]] = MappingProxyType(
    {
        "A": (
            _Field("VerificationMethod", "[1-9A-Fa-f]", 4, 1),
            _Field("VerificationData", _TEXT, 8, 0),
        ),
        "K": (
            _Field("CryptoDataType", "[0-9A-Fa-f]{2}", 4, 2),
            _Field("CryptoData", "([0-9A-Fa-f]{2})*", 4, 0),
        ),
        "R": (
            _Field("ResourceMethod", "[1-9A-Fa-f]", 4, 1),
            _Field("ResourceData", _TEXT, 8, 0),
        ),
        "F": (_Field("Text", _TEXT, 8, 0),),
        "T": (_Field("PseudoMessageCode", "[AKPESDIMQRF]", 8, 1),),
        **dict.fromkeys(SIGNS, _SIGN),
    }
)
# How the packed digits of a field stand in its text; signs are packed as one bit before them.
_WRITTEN = {
    "DateTime": "{}{}{}{}-{}{}-{}{}T{}{}:{}{}:{}{}Z",
    "Duration": "P{}{}D{}{}H{}{}M",
    "ObjectLatitude": "{}{}.{}{}{}{}{}",
    "ObjectLongitude": "{}{}{}.{}{}{}{}{}",
}
_LAT_LON = ("ObjectLatitude", "ObjectLongitude")


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its header and body by the standard's names of fields, in the standard's order.

    ``wanted`` are type and number of the objects a request is made for. LocalError MALFORMED, with
    the fact ``field``, for a value that the standard does not allow there.
    """

    header: Mapping[str, str]
    body: Mapping[str, str]
    wanted: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for field, value in self.fields():
            if field.name == "EncryptionIndicator" and value != "0":
                raise LocalError(
                    Refusal.MALFORMED, "an encrypted message is not read here", field=field.name
                )
            if re.fullmatch(field.pattern, value, re.ASCII) is None:
                raise _bad(field.name, value)
        if len(self.wanted) > (OBJECTS_MAX if self.kind == "Q" else 0):
            raise _bad("requestObjects", str(len(self.wanted)))
        if "DateTime" in self.body:
            _check_sign(self.body)

    @property
    def kind(self) -> str:
        """The message code; of a test, that of the message it tries out."""
        return self.body.get("PseudoMessageCode", self.header.get("MessageCode", ""))

    def fields(self) -> Iterator[tuple[_Field, str]]:
        """Every field and its value, in the order in which they are packed."""
        code = self.header.get("MessageCode", "")
        layout = [*_BODIES.get(code, ())]
        if code == "T":
            layout += _BODIES.get(self.body.get("PseudoMessageCode", ""), ())
        for part, fields in ((self.header, _HEADER), (self.body, layout)):
            for name in {*part} ^ {field.name for field in fields}:
                raise _bad(name, part.get(name))
            for field in fields:
                yield field, part[field.name]
        for values in self.wanted:
            yield from zip(_WANTED, values, strict=True)

    def joined(self) -> str:
        """The message uncompressed: all its fields one after another."""
        return "".join(value for _, value in self.fields())

    def at(self) -> Place | Circle | None:
        """Where a sign applies, None where it does not say. Of other sizes only the centre."""
        lat, lon = (self.body.get(name, "") for name in _LAT_LON)
        if not lat or (lat, lon) == NOT_GIVEN:
            return None
        centre = Position(*(int(text.replace(".", "")) * 10 for text in (lat, lon)))
        radius = Length(int(self.body["ObjectSizeDim1"]) * 1000, Unit.M)
        if self.body["ObjectType"] in _CIRCLES and radius.milli:
            return Circle(centre, radius)
        return Place(centre)


def encode(message: Message) -> bytes:
    """The message as the standard compresses it, its last byte filled up with zeros."""
    bits = "".join(_pack(field, value) for field, value in message.fields())
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def decode(data: bytes) -> Message:
    """The message of compressed bytes. PeerError MALFORMED; OVERSIZE beyond 1,024 bytes."""
    if len(data) > BYTES_MAX:
        raise PeerError(Refusal.OVERSIZE, f"{len(data)} bytes where {BYTES_MAX} are allowed")
    taker = _Taker("".join(f"{byte:08b}" for byte in data))
    header = taker.take_all(_PREFIX)
    if header["EncryptionIndicator"] != "0":
        raise malformed("an encrypted Whiteflag message")
    header |= taker.take_all(_HEADER[len(_PREFIX) :])
    body = taker.take_all(_BODIES.get(header["MessageCode"], ()))
    kind = header["MessageCode"]
    if kind == "T":
        kind = body["PseudoMessageCode"]
        body |= taker.take_all(_BODIES.get(kind, ()))
    wanted: list[tuple[str, str]] = []
    while kind == "Q" and taker.left() >= 16:
        code, number = taker.take_all(_WANTED).values()
        wanted.append((code, number))
    taker.done()
    try:
        return Message(header, body, tuple(wanted))
    except LocalError as exc:
        raise malformed(exc.detail) from exc


def sign(code: str, subject: str, where: Place | Circle, start_s: int, for_min: int = 0) -> Message:
    """An original sign or signal of ``code`` at a place, from a time on; 0 minutes: until recalled.

    ``start_s`` is seconds since the Unix epoch. LocalError MALFORMED for what the standard has no
    digits for.
    """
    centre = where.at if isinstance(where, Place) else where.centre
    radius_m = 0.0 if isinstance(where, Place) else where.radius.metres
    days, minutes = divmod(for_min, 1440)
    return Message(
        _new_header(code),
        {
            "SubjectCode": subject,
            "DateTime": f"{datetime.fromtimestamp(start_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "Duration": f"P{days:02}D{minutes // 60:02}H{minutes % 60:02}M",
            "ObjectType": _CIRCLES[0] if radius_m else "20",
            "ObjectLatitude": f"{round(centre.lat, 5) + 0.0:+09.5f}",
            "ObjectLongitude": f"{round(centre.lon, 5) + 0.0:+010.5f}",
            "ObjectSizeDim1": f"{round(radius_m):04}",
            "ObjectSizeDim2": "0000",
            "ObjectOrientation": "000",
        },
    )


def _new_header(code: str) -> dict[str, str]:
    values = ("WF", "1", "0", "0", code, "0", "0" * 64)
    return {field.name: value for field, value in zip(_HEADER, values, strict=True)}


def _bad(name: str, value: object) -> LocalError:
    return LocalError(Refusal.MALFORMED, f"{name} is not allowed to be «{value}»", field=name)


def _check_sign(body: Mapping[str, str]) -> None:
    moment = body["DateTime"]
    try:  # the standard allows a leap second, which no calendar here knows
        datetime.fromisoformat(moment.replace(":60Z", ":59Z"))
    except ValueError as exc:
        raise _bad("DateTime", moment) from exc
    if (body["ObjectLatitude"], body["ObjectLongitude"]) != NOT_GIVEN:
        for name, most in zip(_LAT_LON, (90, 180), strict=True):
            if abs(float(body[name])) > most:
                raise _bad(name, body[name])


def _pack(field: _Field, value: str) -> str:
    if field.bits == 8:
        return "".join(f"{byte:08b}" for byte in value.encode("ascii"))
    if field.bits == 1:
        return value
    signs = {"+": "1", "-": "0"}
    lead = signs[value[0]] if field.name in _LAT_LON else ""
    kept = str.isdigit if field.name in _WRITTEN else str.isalnum
    return lead + "".join(f"{int(digit, 16):04b}" for digit in filter(kept, value))


class _Taker:
    """Takes fields from a string of bits. Every failure is PeerError MALFORMED."""

    def __init__(self, bits: str) -> None:
        self.bits = bits
        self.pos = 0

    def left(self) -> int:
        return len(self.bits) - self.pos

    def take_all(self, fields: tuple[_Field, ...]) -> dict[str, str]:
        return {field.name: self.take(field) for field in fields}

    def take(self, field: _Field) -> str:
        lead = ("-", "+")[int(self._next(1))] if field.name in _LAT_LON else ""
        # What follows to the end comes in whole bytes, of text or of two digits.
        chars = field.chars or self.left() // 8 * 8 // field.bits
        values = [int(self._next(field.bits), 2) for _ in range(chars)]
        if field.bits == 8:
            return "".join(map(chr, values))
        digits = "".join(f"{value:X}" for value in values)
        if field.chars in {0, 64}:  # hashes and keys are small letters, codes are capitals
            digits = digits.lower()
        return lead + _WRITTEN[field.name].format(*digits) if field.name in _WRITTEN else digits

    def _next(self, count: int) -> str:
        if count > self.left():
            raise malformed("cut short")
        self.pos += count
        return self.bits[self.pos - count : self.pos]

    def done(self) -> None:
        if self.left() >= 8 or "1" in self.bits[self.pos :]:
            raise malformed("bits behind the end")
