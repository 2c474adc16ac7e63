"""Decoders of signed bytes and texts: encoding, leaves, frames, notes, cards, charters, bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from fuzz import seeds
from fuzz.contract import BrokenError, Target, canonical, read, same, text_of

from detente.bearers.tls import parse_address
from detente.core import ceremony, extras, identity, limits, notes, revocation
from detente.core.body import commit, pack, unpack
from detente.core.charter import Charter, check_amendment, parse_charter
from detente.core.encoding import (
    Reader,
    b64,
    counted,
    decimal,
    u40,
    unb64,
    unhex,
    unzigzag,
    varint,
    zigzag,
)
from detente.core.frames import encode_frame, read_frame
from detente.core.leaf import Leaf, LogId, decode_leaf, read_log_id, read_seen
from detente.core.merkle import Frontier, leaf_hash
from detente.core.sheet import instant, uninstant
from detente.core.transcript import Entry, Place
from detente.core.wire import ENTRIES, Item, encode_item, read_batch, read_item, read_tag
from detente.dossiers.conventions import dtg, parse_dtg, parse_precedence

_HELD = LogId(0, 0, b"")
_MINE = LogId(1, 0, b"")


def _whole(decode: Callable[[Reader], object]) -> Callable[[bytes], object]:
    def decoded(data: bytes) -> object:
        reader = Reader(data)
        value = decode(reader)
        reader.done()
        return value

    return decoded


def _encoding(data: bytes) -> None:
    """Each kind of field alone, from the same bytes."""
    canonical(data, _whole(Reader.varint), varint)
    canonical(data, _whole(lambda reader: reader.counted(300)), counted)
    canonical(data, _whole(Reader.u40), u40)
    canonical(data, _whole(lambda r: unzigzag(r.varint())), lambda value: varint(zigzag(value)))
    canonical(data, _whole(read_log_id), lambda log: log.encode())
    canonical(data, _whole(read_seen), lambda seen: seen.encode())
    canonical(data, _whole(extras.read_head), lambda head: head.encode())
    canonical(data, Frontier.decode, Frontier.encode)


def _leaf(data: bytes) -> None:
    canonical(data, decode_leaf, Leaf.encode)


_EXTRAS: tuple[tuple[Callable[[bytes], object], Callable[..., bytes]], ...] = (
    (extras.decode_resume, extras.Resume.encode),
    (extras.decode_quote, extras.Quote.encode),
    (extras.decode_held_ahead, extras.HeldAhead.encode),
    (extras.decode_lacks, extras.Lacks.encode),
    (extras.decode_mark, extras.Mark.encode),
    (extras.decode_translation, extras.Translation.encode),
    (extras.decode_offer, extras.Offer.encode),
    (extras.decode_accused, extras.Accused.encode),
    (extras.decode_over_quota, extras.OverQuota.encode),
    (extras.decode_clock, extras.encode_clock),
)


def _extras(data: bytes) -> None:
    """The same bytes as the extra of every kind: a kind is the author's to choose."""
    for decode, encode in _EXTRAS:
        canonical(data, decode, encode)
    canonical(data, lambda given: extras.decode_relations(given, len(data)), bytes)


def _extra_seeds() -> Iterator[bytes]:
    for data in seeds.hexes("leaf", "leaf"):
        leaf = read(decode_leaf, data)
        if leaf is not None and leaf.extra:
            yield leaf.extra


def _frames(data: bytes) -> None:
    """Every frame but entries; a tag has one form as well."""

    def decoded(given: bytes) -> tuple[int, object]:
        reader = Reader(given)
        kind, channel = read_tag(reader)
        return channel, read_frame(kind, reader)

    canonical(data, decoded, lambda value: encode_frame(*value))


def _entries(data: bytes) -> None:
    """The items of a frame of entries against a state; written again they read as the same."""
    reader = Reader(data)
    tag = read(read_tag, reader)
    batch = read(read_batch, reader) if tag is not None and tag[0] == ENTRIES else None
    prev: Leaf | None = Leaf(kind=6, time_s=1_770_282_000, audience=3, serial=4)
    for _ in range(0 if batch is None else batch.count):
        item = read(read_item, reader, prev, _root_of, _hash_at, _MINE)
        if item is None:
            return
        _again(item, prev)
        prev = item.leaf


def _again(item: Item, prev: Leaf | None) -> None:
    entry = Entry(
        Place(_HELD, 0), leaf_hash(item.raw), item.raw, item.leaf, item.salt, item.body, False
    )
    seen = () if item.leaf is None else item.leaf.seen
    # What the receiver has: only a root that is its own may be left out.
    known = {(one.log, one.size) for one in seen if one.root == _root_of(one.log, one.size)}
    written = encode_item(
        entry,
        prev,
        with_body=_opens(item),
        confirmed=lambda log, size: (log, size) in known,
        locate=lambda _: None,
        yours=_MINE,
    )
    reader = Reader(written)
    found = read_item(reader, prev, _root_of, _hash_at, _MINE)
    reader.done()
    same((found.raw, found.leaf), (item.raw, item.leaf), "an entry sent on")


def _opens(item: Item) -> bool:
    """Whether the body is the leaf's: another is refused before anything is kept or sent on."""
    if item.leaf is None or item.salt is None or item.body is None:
        return False
    return commit(item.salt, item.body) == item.leaf.commitment


def _root_of(log: LogId, size: int) -> bytes | None:
    return _ref(size) if log in {_HELD, _MINE} and 0 < size < 100 else None


def _hash_at(log: LogId, index: int) -> bytes | None:
    return _ref(index) if log == _HELD and index < 100 else None


def _ref(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _words(data: bytes) -> None:
    """Texts of one line, each in its one form."""
    text = text_of(data)

    def line(decode: Callable[[str], object], encode: Callable[..., str]) -> None:
        value = read(decode, text)
        if value is not None:
            same(encode(value), text, "a text written again")

    line(unb64, b64)
    line(lambda given: unhex(given, 4), bytes.hex)
    line(decimal, str)
    line(uninstant, instant)
    line(notes.parse_vkey, lambda key: notes.vkey(key.name, key.sig_type, key.public))
    line(notes.parse_checkpoint_text, notes.Checkpoint.text)
    line(identity.parse_origin, _origin)
    read(notes.Checkpoint, text, 1, bytes(32))
    read(parse_address, text)
    read(parse_precedence, text)
    read(identity.same_digits, "0" * 40, text)
    time_s = read(parse_dtg, text)
    if time_s is not None:
        same(parse_dtg(dtg(time_s)), time_s, "a date-time group read again")


def _origin(found: identity.Origin) -> str:
    log = LogId(0, found.k, found.life)
    return identity.origin(found.line, found.party, log)


def _word_seeds() -> Iterator[bytes]:
    for field in ("text", "vkey"):
        for folder in ("encoding", "notes"):
            yield from seeds.texts(folder, field)
    yield from (b"051230Z FEB 26", b"2026-02-05T09:00:00Z", b"[::1]:7700", b"host.example:0")
    yield b"detente/v1/" + b"0a" * 32 + b"/" + b"0b" * 32 + b"/3.0102030405060708"
    yield b"12345 " * 8


def _note(data: bytes) -> None:
    note = canonical(data, notes.parse_note, lambda n: notes.format_note(n.text, n.signatures))
    if note is not None:
        read(notes.parse_checkpoint_text, note.text)
        for signature in note.signatures:
            read(notes.cosignature_parts, signature)


@cache
def _trusted() -> identity.Card:
    return identity.parse_card(seeds.card("alpha")).card


def _card(data: bytes) -> None:
    """A card's signed text, which a root may fill with anything; then the whole note."""
    canonical(data.partition(b"\n\n")[0] + b"\n", identity._read_card, identity.Card.encode)
    signed = read(identity.parse_card, data)
    if signed is not None:
        same(signed.data, data, "a card kept")
        read(identity.supersedes, _trusted(), signed.card, 0)


def _revocation(data: bytes) -> None:
    sheet = data.partition(b"\n\n")[0] + b"\n"
    canonical(sheet, revocation._read_revocation, revocation.Revocation.encode)
    read(revocation.parse_revocation, data, _trusted())


def _ceremony(data: bytes) -> None:
    canonical(data, ceremony.parse_ceremony, ceremony.Ceremony.encode)


def _charter(data: bytes) -> None:
    charter = canonical(data, parse_charter, Charter.encode)
    if charter is not None:
        read(check_amendment, _founding(), charter)
        charter.readers()


@cache
def _founding() -> Charter:
    return parse_charter(next(iter(seeds.texts("charters", "old"))))


def _body(data: bytes) -> None:
    """A body opens to a bounded text; packed again by any quality it opens to the same."""
    plain = read(unpack, data)
    if plain is None:
        return
    if len(plain) > limits.PLAIN_BYTES_MAX:
        raise BrokenError(f"opened to {len(plain)} bytes")
    packed = read(pack, plain, 5, bool(len(data) & 1))
    if packed is not None:
        same(unpack(packed), plain, "a body packed again")


def _sheet(text: bytes) -> bytes:
    return text.partition(b"\n\n")[0] + b"\n"


_CARD_WORDS = (b"\nbearer tls 192.0.2.1:7700", b"\npair-15 ", b"serial 0", "\u202e".encode(), b" ")
_SIGN = "\n\n— ".encode()

TARGETS = (
    Target("encoding", _encoding, lambda: seeds.hexes("encoding", "bytes"), bytes_max=512),
    Target("leaf", _leaf, lambda: seeds.hexes("leaf", "leaf")),
    Target("extras", _extras, _extra_seeds, bytes_max=1600),
    Target("frames", _frames, lambda: seeds.hexes("frames", "frame")),
    Target("entries", _entries, lambda: seeds.hexes("frames", "frame")),
    Target("words", _words, _word_seeds, words=(b"\xff", b"+", b"Z", b":", b"/"), bytes_max=512),
    Target("note", _note, lambda: seeds.texts("notes", "note"), words=(_SIGN, b"\n\n", b"\x00")),
    Target(
        "card",
        _card,
        lambda: (seeds.card("alpha"), _sheet(seeds.card("bravo"))),
        words=_CARD_WORDS,
        bytes_max=17_000,
        tries=150,
    ),
    Target(
        "revocation",
        _revocation,
        lambda: map(_sheet, seeds.texts("cards", "revocation")),
        words=(b"stands ", b"key log 3", b"key holds-pq", b"reason stolen"),
    ),
    Target(
        "ceremony",
        _ceremony,
        lambda: (
            b"detente ceremony v1\nparty " + b"0a" * 32 + b"\ndigits " + b" ".join([b"12345"] * 8)
            + b"\nmethod voice\ncompared-at 2026-02-05T09:00:00Z\nwords two officers\n",
        ),
        words=(b"method courier", b"\nwords ", "é".encode(), "e\u0301".encode()),
    ),
    Target(
        "charter",
        _charter,
        lambda: (*seeds.texts("charters", "text", 4096), *seeds.texts("charters", "new")),
        words=(b"\nleft 3 ", b"\nmember 31 observer ", b" ", b"9" * 19, b"languages uk"),
        tries=600,
    ),
    Target("body", _body, lambda: seeds.hexes("commitment", "body"), bytes_max=65_600),
)  # fmt: skip
