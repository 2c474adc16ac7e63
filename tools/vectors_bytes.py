"""Vectors of bytes and hashes: encoding, trees, notes, commitments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import vectors_ground as ground
from detente.core import crypto, identity, notes
from detente.core.body import commit
from detente.core.encoding import VARINT_MAX, b64, counted, u40, unb64, varint, zigzag
from detente.core.merkle import cover, frontier_at, leaf_hash
from vectors_form import Expect, Made, case

SPEC = "encoding.md"


def encoding() -> Iterator[Made]:
    """Integers, counted bytes, and the strict texts."""
    for name, value, comment in (
        ("varint_0", 0, "the smallest"),
        ("varint_127", 127, "the largest of one byte"),
        ("varint_128", 128, "the smallest of two bytes"),
        ("varint_largest", VARINT_MAX, "2**63 - 1, of nine bytes"),
    ):
        yield case(f"encoding/{name}", f"{SPEC} §2", "varint", comment, bytes=varint(value))
    bad: tuple[tuple[str, str, Expect, str], ...] = (
        ("varint_empty", "", "malformed", "no byte at all"),
        ("varint_not_shortest", "8000", "malformed", "nought in two bytes"),
        ("varint_not_shortest_300", "ac8200", "malformed", "300 in three bytes"),
        ("varint_cut_short", "ac", "malformed", "a second byte is announced"),
        ("varint_too_long", "ff" * 9 + "01", "malformed", "ten bytes: 2**63 and above"),
        ("varint_byte_behind", "0000", "malformed", "bytes behind the last field"),
    )
    for name, data, expect, comment in bad:
        yield case(f"encoding/{name}", f"{SPEC} §2", "varint", comment, expect=expect, bytes=data)
    for name, value in (("signed_minus_1", -1), ("signed_1", 1), ("signed_minus_86400", -86_400)):
        comment = "0, -1, 1, -2 become 0, 1, 2, 3"
        folded = varint(zigzag(value))
        yield case(f"encoding/{name}", f"{SPEC} §2", "signed-varint", comment, bytes=folded)
    yield from _counted()
    yield from _texts()


def _counted() -> Iterator[Made]:
    spec = f"{SPEC} §3"
    yield case("encoding/counted", spec, "counted", "three bytes", bytes=counted(b"abc"), most=3)
    yield case(
        "encoding/counted_above_its_limit",
        spec,
        "counted",
        "refused before any of it is read",
        expect="oversize",
        bytes=varint(4),
        most=3,
    )
    yield case(
        "encoding/counted_cut_short",
        spec,
        "counted",
        "fewer bytes than announced",
        expect="malformed",
        bytes=b"\x03ab",
        most=3,
    )
    yield case(
        "encoding/time", spec, "u40", "5 February 2026, 09:00 UTC", bytes=u40(ground.START_S)
    )
    yield case(
        "encoding/time_of_four_bytes", spec, "u40", "cut", expect="malformed", bytes="69845e50"
    )


def _texts() -> Iterator[Made]:
    texts: tuple[tuple[str, str, Expect, str], ...] = (
        ("base64", "AP//+w==", "ok", "with padding, + and /"),
        ("base64_empty", "", "ok", "no bytes"),
        ("base64_without_padding", "AP//+w", "malformed", "padding is part of the form"),
        ("base64_loose_bits", "AP//+x==", "malformed", "bits behind the last byte are nought"),
        ("base64_url_alphabet", "AP__-w==", "malformed", "another alphabet"),
        ("base64_line_break", "AP//\n+w==", "malformed", "nothing but the alphabet"),
    )
    for name, text, expect, comment in texts:
        yield case(f"encoding/{name}", f"{SPEC} §4", "base64", comment, expect=expect, text=text)
    hexes: tuple[tuple[str, str, Expect, str], ...] = (
        ("hex", "00ff", "ok", "two bytes"),
        ("hex_upper_case", "00FF", "malformed", "lower case only"),
        ("hex_of_another_length", "00ff00", "malformed", "exactly the length"),
    )
    for name, text, expect, comment in hexes:
        yield case(
            f"encoding/{name}", f"{SPEC} §4", "hex", comment, expect=expect, text=text, length=2
        )
    decimals: tuple[tuple[str, str, Expect, str], ...] = (
        ("decimal_0", "0", "ok", "nought"),
        ("decimal_largest", str(VARINT_MAX), "ok", "2**63 - 1"),
        ("decimal_above", str(VARINT_MAX + 1), "malformed", "2**63"),
        ("decimal_leading_zero", "017", "malformed", "one form for each number"),
        ("decimal_sign", "+17", "malformed", "no sign"),
        ("decimal_other_numerals", "١٧", "malformed", "the numerals 0 to 9"),
        ("decimal_empty", "", "malformed", "at least one numeral"),
    )
    for name, text, expect, comment in decimals:
        yield case(f"encoding/{name}", f"{SPEC} §4", "decimal", comment, expect=expect, text=text)


# --- trees ------------------------------------------------------------------------------------


def merkle(world: ground.Ground) -> Iterator[Made]:
    """Roots, paths, and the hashes that lead over a gap."""
    line = world.line("alpha", "bravo")
    log = line.logs[0].fork(0)
    for number in range(13):
        log.add(b"leaf %d" % number)
    for size in (0, 1, 2, 3, 7, 8, 13):
        comment = "the hash of nothing" if size == 0 else f"{size} leaves, RFC 6962"
        yield case(f"merkle/root_{size}", "log.md §2", "root", comment, leaves=log.raws[:size])
    for index, size in ((0, 1), (0, 13), (12, 13), (5, 8), (6, 7)):
        yield _inclusion(log, index, size, f"inclusion_{index}_of_{size}", "ok", "it is there")
    yield _inclusion(log, 5, 13, "inclusion_of_another_index", "bad-proof", "leaf 4", index=4)
    path = log.path(5, 13)
    short, swapped, long = path[:-1], [path[1], path[0], *path[2:]], [*path, bytes(32)]
    yield _inclusion(log, 5, 13, "inclusion_cut_short", "bad-proof", "one hash too few", path=short)
    yield _inclusion(log, 5, 13, "inclusion_too_long", "bad-proof", "one hash too many", path=long)
    yield _inclusion(
        log, 5, 13, "inclusion_out_of_order", "bad-proof", "two hashes change places", path=swapped
    )
    yield _inclusion(log, 5, 13, "inclusion_beyond_the_tree", "bad-proof", "no leaf 13", index=13)
    for old, new in ((1, 1), (1, 13), (6, 13), (8, 13), (12, 13)):
        yield _consistency(log, old, new, f"consistency_{old}_to_{new}", "ok", "it begins so")
    yield _consistency(log, 6, 13, "consistency_from_nothing", "bad-proof", "from 0", old=0)
    yield _consistency(
        log, 6, 13, "consistency_to_another_root", "bad-proof", "another tree", new_root=bytes(32)
    )
    yield _consistency(log, 6, 13, "consistency_without_path", "bad-proof", "no hashes", path=[])
    yield from _gaps(log)


def _inclusion(
    log: ground.LogBuilder,
    index: int,
    size: int,
    name: str,
    expect: Expect,
    comment: str,
    /,
    **bad: Any,
) -> Made:
    entry = leaf_hash(log.raws[index])
    inputs: dict[str, Any] = {
        "index": index,
        "size": size,
        "path": log.path(index, size),
        "root": log.root(size),
    }
    return case(
        f"merkle/{name}",
        "log.md §2",
        "inclusion",
        comment,
        expect=expect,
        **({"leaf_hash": entry} | inputs | bad),
    )


def _consistency(
    log: ground.LogBuilder,
    old: int,
    new: int,
    name: str,
    expect: Expect,
    comment: str,
    /,
    **bad: Any,
) -> Made:
    inputs: dict[str, Any] = {"old": old, "new": new, "path": log.consistency(old, new)}
    roots = {"old_root": log.root(old), "new_root": log.root(new)}
    return case(
        f"merkle/{name}",
        "log.md §2",
        "consistency",
        comment,
        expect=expect,
        **(inputs | roots | bad),
    )


def _gaps(log: ground.LogBuilder) -> Iterator[Made]:
    for base, index in ((5, 12), (8, 12), (5, 5)):
        inputs: dict[str, Any] = {
            "base": base,
            "peaks": frontier_at(log.subtree, base).peaks,
            "index": index,
            "cover": [hash_ for _, hash_ in cover(log.subtree, base, index)],
            "leaf_hash": leaf_hash(log.raws[index]),
        }
        name = f"merkle/gap_from_{base}_to_{index}"
        comment = "the perfect subtrees between two sizes lead from one head to the next"
        yield case(name, "session.md §6", "gap", comment, **inputs)
        if base == 5 and index == 12:
            inputs["cover"] = list(inputs["cover"])[:-1]
            comment = "one subtree is missing"
            name = "merkle/gap_cut_short"
            yield case(name, "session.md §6", "gap", comment, expect="bad-proof", **inputs)


# --- notes ------------------------------------------------------------------------------------


def note_vectors(world: ground.Ground) -> Iterator[Made]:
    """Notes, verifier keys, checkpoints and cosignatures."""
    line = world.line("alpha", "bravo")
    log, bravo = line.logs[0], line.parties[1]
    both = log.note(held_by=[bravo], pq=True)
    text = notes.format_note(both.text, both.signatures).decode()
    comment = "a checkpoint with its author's signature and two cosignatures"
    yield case("notes/checkpoint_with_cosignatures", "notes.md §2", "note", comment, note=text)
    signed = notes.format_note(both.text, both.signatures[:1]).decode()
    yield from _bad_notes(signed)
    key = crypto.ed25519_public(log.author.log())
    author = notes.vkey(log.origin, notes.ED25519, key)
    yield case("notes/key_of_a_log", "notes.md §3", "verifier-key", "Ed25519", vkey=author)
    pq_name = identity.author_name(log.author.id)
    pq_key = crypto.mldsa44_public(ground.seed("alpha", "log-pq"))
    pq = notes.vkey(pq_name, notes.COSIGN_MLDSA44, pq_key)
    yield case("notes/key_of_an_author", "notes.md §3", "verifier-key", "ML-DSA-44", vkey=pq)
    name, stated, rest = author.split("+", 2)
    wrong = f"{name}+{'00000000' if stated != '00000000' else '00000001'}+{rest}"
    bad = "the ID is not that of name and key"
    yield case(
        "notes/key_under_another_id",
        "notes.md §3",
        "verifier-key",
        bad,
        expect="malformed",
        vkey=wrong,
    )
    yield from _signatures(world, log, signed, author)
    holds = crypto.ed25519_public(bravo.holds())
    holder = notes.vkey(identity.holds_name(bravo.id, 0), notes.COSIGN_ED25519, holds)
    yield from _cosignatures(text, holder, pq)
    yield from _checkpoints(log)


def _bad_notes(signed: str) -> Iterator[Made]:
    body, _, line = signed.rpartition("\n\n")
    bad: tuple[tuple[str, str, Expect, str], ...] = (
        ("without_signature", body + "\n\n", "malformed", "no signature line"),
        ("without_last_newline", signed[:-1], "malformed", "every line ends"),
        ("control_character", signed.replace("detente", "det\x07nte", 1), "malformed", "U+0007"),
        ("hyphen_for_dash", signed.replace("\n— ", "\n- "), "malformed", "U+2014 begins a line"),
        ("empty_signature", body + "\n\n— name AAAAAA==\n", "malformed", "a key ID alone"),
        ("17_signatures", body + "\n\n" + line * 17, "oversize", "16 at most"),
    )
    for name, text, expect, comment in bad:
        yield case(f"notes/{name}", "notes.md §2", "note", comment, expect=expect, note=text)


def _signatures(
    world: ground.Ground, log: ground.LogBuilder, signed: str, author: str
) -> Iterator[Made]:
    spec = "notes.md §2"
    comment = "the author's, over the three lines"
    yield case("notes/signed", spec, "note-signature", comment, note=signed, vkey=author)
    flipped = signed.replace(f"\n{log.size}\n", f"\n{log.size + 1}\n", 1)
    comment = "another size under the same signature"
    yield case(
        "notes/signed_text_changed", spec, "note-signature", comment,
        expect="bad-signature", note=flipped, vkey=author,
    )  # fmt: skip
    other = notes.vkey(log.origin, notes.ED25519, crypto.ed25519_public(log.author.log(1)))
    comment = "no signature by this key"
    yield case(
        "notes/signed_by_another", spec, "note-signature", comment,
        expect="bad-signature", note=signed, vkey=other,
    )  # fmt: skip
    card = world.party("alpha").card.data.decode()
    root = identity.root_name(log.author.id)
    pq = notes.vkey(
        root, notes.NOTE_MLDSA44, crypto.mldsa44_public(ground.seed("alpha", "root-pq"))
    )
    comment = "ML-DSA-44 over a whole text, type 0xff"
    yield case("notes/signed_by_a_root", spec, "note-signature", comment, note=card, vkey=pq)


def _cosignatures(text: str, holder: str, pq: str) -> Iterator[Made]:
    spec = "notes.md §5"
    yield case(
        "notes/cosigned", spec, "cosignature", "I hold this, Ed25519", note=text, vkey=holder
    )
    yield case("notes/cosigned_pq", spec, "cosignature", "author, ML-DSA-44", note=text, vkey=pq)
    head, _, lines = text.rpartition("\n\n")
    author, held, quantum = lines[:-1].split("\n")
    cut = held.rpartition(" ")
    raw = bytearray(unb64(cut[2]))
    raw[4 + 7] ^= 1  # the last byte of the time
    later = f"{head}\n\n{author}\n{cut[0]} {b64(bytes(raw))}\n{quantum}\n"
    yield case(
        "notes/cosigned_at_another_time", spec, "cosignature", "the time is signed too",
        expect="bad-signature", note=later, vkey=holder,
    )  # fmt: skip
    cut = quantum.rpartition(" ")
    raw = bytearray(unb64(cut[2]))
    raw[100] ^= 1
    bad = f"{head}\n\n{author}\n{held}\n{cut[0]} {b64(bytes(raw))}\n"
    yield case(
        "notes/cosigned_pq_flipped", spec, "cosignature", "one bit of 2,420 bytes",
        expect="bad-signature", note=bad, vkey=pq,
    )  # fmt: skip


def _checkpoints(log: ground.LogBuilder) -> Iterator[Made]:
    good = log.checkpoint().text()
    bad: tuple[tuple[str, str, Expect, str], ...] = (
        ("checkpoint", good, "ok", "origin, size, root"),
        ("checkpoint_with_extension", good + "ext\n", "malformed", "three lines and no more"),
        ("checkpoint_size_with_zero", good.replace("\n1\n", "\n01\n"), "malformed", "01"),
        ("checkpoint_short_root", f"{log.origin}\n1\nAAAA\n", "malformed", "32 bytes"),
        ("checkpoint_without_origin", "\n" + good.partition("\n")[2], "malformed", "no name"),
    )
    for name, text, expect, comment in bad:
        yield case(f"notes/{name}", "notes.md §4", "checkpoint", comment, expect=expect, text=text)


# --- bodies -----------------------------------------------------------------------------------

# Packed once with brotli 1.2.1: the words of spec/commitment.md §1.
PACKED = "a206008891d2cd5b8d50e949e702526573309103f6b624e2eb4b43ea4da7f502f0d1c1f4ee5a8cce21f68810"
# 262,145 zeros, one more than a text may have.
BOMB = "530000847f02201e0b0474ef0700"


def commitments() -> Iterator[Made]:
    """Bodies that open, and bodies that do not."""
    salt = bytes(range(16))
    padded = bytes.fromhex(f"812c{PACKED}") + bytes(18)
    plain = bytes.fromhex(f"01{PACKED}")
    yield case(
        "commitment/commitment", "commitment.md §2", "commit", "label, salt, body",
        salt=salt, body=padded,
    )  # fmt: skip
    good = (
        ("raw", b"\x00Held.", "method 0"),
        ("brotli", plain, "method 1, no padding"),
        ("brotli_padded", padded, "method 1, padded to 64 bytes"),
        ("raw_padded", b"\x80\x05Held." + bytes(25), "method 0, padded to 32 bytes"),
    )
    for name, body, comment in good:
        yield _opening(name, salt, body, comment, "ok")
    bad = (
        ("padding_not_zero", padded[:-1] + b"\x01", "a byte of padding"),
        ("padding_to_another_class", padded + bytes(32), "96 bytes where 64 hold it"),
        ("unknown_method", b"\x02Held.", "method 2"),
        ("empty", b"", "no method"),
        ("stream_cut_short", plain[:-4], "a stream without its end"),
        ("stream_with_more_behind", plain + b"\x00", "a byte behind the stream"),
        ("window_of_24_bits", b"\x01\x0f" + plain[2:], "refused before it is decoded"),
        ("one_byte_too_many", bytes.fromhex(f"01{BOMB}"), "opens to 262,145 bytes"),
    )
    for name, body, comment in bad:
        yield _opening(name, salt, body, comment, "unreadable")
    given = commit(salt, plain)
    yield case(
        "commitment/another_body", "commitment.md §5", "open", "checked before it is opened",
        expect="bad-commitment", commitment=given, salt=salt, body=padded,
    )  # fmt: skip


def _opening(name: str, salt: bytes, body: bytes, comment: str, expect: Expect) -> Made:
    return case(
        f"commitment/{name}", "commitment.md §5", "open", comment,
        expect=expect, commitment=commit(salt, body), salt=salt, body=body,
    )  # fmt: skip
