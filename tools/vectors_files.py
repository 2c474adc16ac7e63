"""Vectors of files that a stranger checks: proofs, transcripts, accusations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import vectors_ground as ground
from detente.core import accusation, identity, notes
from detente.core.encoding import b64
from detente.core.export import (
    Cosigned,
    HeadLine,
    PqSigned,
    Preamble,
    Signed,
    entry_line,
    head_line,
)
from detente.core.extras import Mark, Rung, Stater
from detente.core.leaf import Kind, Precedence
from detente.core.proof import join_bundle, make_proof, parse_proof
from detente.core.revocation import Revocation, Stand
from detente.dossiers.dispatch import Dispatch
from vectors_form import Expect, Made, case

NOW_S = ground.START_S + 86_400
LATE_S = 1_924_992_000  # 1 January 2031, the charter's ed25519-until
BOTH = ["alpha", "bravo"]


def conversation(world: ground.Ground) -> ground.Line:
    """Two logs of a few entries each that cover one another."""
    line = world.line("alpha", "bravo")
    alpha, bravo = line.logs
    start = ground.START_S
    text = Dispatch(language="en", dtg_s=start + 60, subject="Aircraft", text="One Il-76 at 0100Z.")
    said = alpha.say(
        plain=text.encode(),
        precedence=Precedence.FLASH,
        serial=1,
        seen=(bravo.seen(start + 59),),
        time_s=start + 60,
    )
    bravo.say(Kind.SEEN, seen=(alpha.seen(start + 61),), time_s=start + 61)
    mark = Mark(Rung.SEEN, Stater.WATCH).encode()
    bravo.say(Kind.MARK, refs=(said,), extra=mark, time_s=start + 120)
    answer = Dispatch(language="uk", dtg_s=start + 180, subject="Літак", text="Прийнято.")
    bravo.say(plain=answer.encode(), refs=(said,), extra=b"\x01", serial=1, time_s=start + 180)
    alpha.say(Kind.SEEN, seen=(bravo.seen(start + 181),), time_s=start + 181)
    return line


# --- proofs -----------------------------------------------------------------------------------


def _file(
    name: str,
    spec: str,
    comment: str,
    data: bytes,
    expect: Expect = "ok",
    cards: Sequence[str] = BOTH,
    now_s: int = NOW_S,
) -> Made:
    return case(
        name, spec, "verify", comment,
        expect=expect, now_s=now_s, file=data.decode(), cards=list(cards),
    )  # fmt: skip


def proofs(world: ground.Ground) -> Iterator[Made]:
    """One entry under its author's signature, in every way it may be shown or spoilt."""
    line = conversation(world)
    alpha, bravo = line.logs
    holder = [line.parties[1]]
    spec = "proof.md §2"
    opened = alpha.proof(1, held_by=holder)
    yield _file("proofs/opened", spec, "a dispatch, its receipt by cosignature", opened)
    closed = alpha.proof(1, opened=False)
    yield _file("proofs/not_disclosed", spec, "the leaf, and no body", closed)
    quantum = alpha.proof(1, pq=True)
    yield _file("proofs/quantum_safe", spec, "the author's ML-DSA-44 beside", quantum)
    yield _file(
        "proofs/quantum_safe_after_the_date", spec, "Ed25519 counts under ML-DSA-44", quantum,
        now_s=LATE_S + 86_400,
    )  # fmt: skip
    yield _file(
        "proofs/ed25519_after_the_date", spec, "the charter's date has passed", opened,
        "bad-signature", now_s=LATE_S + 86_400,
    )  # fmt: skip
    witnessed = alpha.proof(1, seen_by=holder)
    yield _file("proofs/witnessed", spec, "bravo saw the head, and holds nothing", witnessed)
    own, void = _revocation(line, "alpha", "log 0"), _revocation(line, "bravo", "heads")
    data = join_bundle((witnessed, own))
    comment = "alpha stands by nothing, and a witness of the head is no holder: not ok"
    yield _file("proofs/revoked_and_only_witnessed", "proof.md §6", comment, data)
    data = join_bundle((witnessed, void))
    yield _file("proofs/witnessed_by_a_revoked_key", "proof.md §6", "and counts for nothing", data)
    mine, theirs = alpha.note(seen_by=holder), alpha.note(held_by=holder)
    blind = replace(mine.signatures[1], data=theirs.signatures[1].data)
    forged = notes.Note(mine.text, (mine.signatures[0], blind))
    data = make_proof(alpha.opening(1), 1, alpha.path(1), forged)
    comment = "a holder's signature under the name of the witness"
    yield _file("proofs/witnessed_by_the_holds_key", spec, comment, data, "bad-signature")
    yield _file("proofs/of_leaf_0", spec, "the charter itself", alpha.proof(0))
    bundle = join_bundle((opened, bravo.proof(2), bravo.proof(1)))
    yield _file("proofs/bundle", "proof.md §3", "a dispatch, a mark, a receipt", bundle)
    yield _file(
        "proofs/without_the_authors_card",
        spec,
        "nobody vouches",
        opened,
        "unknown-party",
        ["bravo"],
    )
    yield _file(
        "proofs/without_the_cosigners_card",
        spec,
        "his line is passed over",
        opened,
        cards=["alpha"],
    )
    yield from _spoilt_proofs(line)
    yield from _revoked_proofs(line)


def _revocation(
    line: ground.Line, who: str, key: str, *stood_by: ground.LogBuilder, size: int = 0
) -> bytes:
    """A party's revocation; it stands by the first ``size`` entries of these logs."""
    stands = tuple(Stand(log.origin, size, log.root(size)) for log in stood_by)
    party = line.ground.party(who).id
    made = Revocation(party, 1, key, "stolen", ground.START_S + 240, stands)
    return line.ground.sign_card(who, made.encode())


def _revoked_proofs(line: ground.Line) -> Iterator[Made]:
    alpha, bravo = line.logs
    spec, holder = "proof.md §6", [line.parties[1]]
    note = _revocation(line, "alpha", "log 0", alpha, size=2)
    below, above = alpha.proof(1, 2), alpha.proof(1)
    held = alpha.proof(2, held_by=holder)
    pq = _revocation(line, "alpha", "log-pq", alpha, size=2)
    theirs = _revocation(line, "bravo", "holds 0")
    made: tuple[tuple[str, tuple[bytes, ...], Expect, str], ...] = (
        ("stood_by", (below, note), "ok", "under the head that alpha stands by"),
        ("unlinked", (above, note), "ok", "of that number, under another head: not ok"),
        ("tied", (above, below, note), "ok", "the same entry under both"),
        ("covered", (held, note), "ok", "beyond the head, and bravo holds it"),
        ("covered_by_seen", (below, bravo.proof(1), _revocation(line, "alpha", "log 0")), "ok",
         "alpha stands by nothing, and bravo's log names this tree"),
        ("contested", (alpha.proof(2), note), "ok", "beyond the head, held by nobody: not ok"),
        ("covered_by_a_revoked_key", (held, note, theirs), "ok", "anybody cosigned: not ok"),
        ("signed_by_another", (below, line.ground.sign_card("bravo", note.partition(b"\n\n")[0]
         + b"\n")), "bad-card", "bravo's roots"),
    )  # fmt: skip
    for name, parts, expect, comment in made:
        yield _file(f"proofs/revoked_{name}", spec, comment, join_bundle(parts), expect)
    for size, expect in ((2, "ok"), (3, "bad-signature")):
        data = join_bundle((alpha.proof(1, size, pq=True), pq))
        comment = f"ML-DSA-44 of a revoked key at size {size}, after the date"
        yield _file(
            f"proofs/revoked_quantum_at_{size}", spec, comment, data, expect,
            now_s=LATE_S + 86_400,
        )  # fmt: skip


def _spoilt_proofs(line: ground.Line) -> Iterator[Made]:
    alpha, bravo = line.logs
    spec = "proof.md §2"
    opening, note, path = alpha.opening(1), alpha.note(), alpha.path(1)
    other = line.ground.line("alpha", "bravo", random=bytes(16))
    salt = bytes(16)
    made: tuple[tuple[str, Any, Expect, str], ...] = (
        ("another_path", make_proof(opening, 1, path[::-1], note), "bad-proof", "reversed"),
        ("another_index", make_proof(opening, 0, path, note), "bad-proof", "index 0"),
        ("another_leaf", make_proof(replace(opening, leaf=bravo.raws[1], body=None), 1, path, note),
         "bad-proof", "bravo's leaf"),
        ("another_salt", make_proof(replace(opening, salt=salt), 1, path, note),
         "bad-commitment", "the salt is part of the opening"),
        ("another_charter", make_proof(replace(opening, charter=other.text), 1, path, note),
         "charter-mismatch", "the charter of another line"),
        ("without_charter", make_proof(replace(opening, charter=b""), 1, path, note),
         "context-incomplete", "of which line, by which rule?"),
        ("without_first_path", make_proof(replace(opening, first_path=()), 1, path, note),
         "bad-proof", "leaf 0 is not shown to be in the tree"),
        ("first_is_no_charter", make_proof(
            replace(opening, first=alpha.raws[2], first_path=tuple(alpha.path(2))), 1, path, note),
         "bad-proof", "another entry at 0"),
    )  # fmt: skip
    for name, data, expect, comment in made:
        yield _file(f"proofs/{name}", spec, comment, data, expect)
    unsigned = notes.Note(note.text, alpha.note(held_by=[line.parties[1]]).signatures[1:])
    data = make_proof(opening, 1, path, unsigned)
    comment = "a cosignature counts only beside its author's signature"
    yield _file("proofs/without_the_author", spec, comment, data, "bad-signature")
    good = alpha.proof(1).decode()
    cut = good.rpartition(" ")
    flip = cut[0] + " " + cut[2][:-9] + ("A" if cut[2][-9] != "A" else "B") + cut[2][-8:]
    yield _file("proofs/signature_flipped", spec, "one bit", flip.encode(), "bad-signature")
    later = good.replace("tlog-proof@v1", "tlog-proof@v2", 1).encode()
    yield _file("proofs/of_version_2", "proof.md §2", "no such file", later, "malformed")
    parsed = parse_proof(good.encode())
    extra = replace(parsed, extra=b"\x02" + parsed.extra[1:]).format()
    yield _file("proofs/opening_of_version_2", spec, "extra", extra, "unknown-version")
    extra = replace(parsed, extra=parsed.extra + b"\x00").format()
    yield _file("proofs/opening_with_a_byte_behind", spec, "extra", extra, "malformed")


# --- transcripts ------------------------------------------------------------------------------


def _heads(line: ground.Line, log: ground.LogBuilder, *, pq: bool) -> Iterator[HeadLine]:
    """Signed at every size; cosigned, and ML-DSA-44-signed, at the last."""
    for size in range(1, log.size + 1):
        yield Signed(0, size, log.signature(size))
    other = line.parties[1 - log.id.member]
    time_s = ground.START_S + 300
    if pq:
        yield PqSigned(0, log.size, time_s, log.pq(time_s))
    name = identity.holds_name(other.id, 0)
    yield Cosigned(0, log.size, name, time_s, log.cosignature(other, time_s))


def _lines(line: ground.Line, *, pq: bool = False) -> list[str]:
    """The lines of a transcript without its last."""
    preamble = Preamble(0, line.id, ground.BUILD, (), line.text, ())
    out = ["detente transcript v1", f"line {line.id.hex()}", f"build {preamble.build}"]
    out += [f"card {b64(who.card.data)}" for who in line.parties]
    out.append(f"charter {b64(line.text)}")
    for log in line.logs:
        out.append(f"log {log.origin}")
        heads = list(_heads(line, log, pq=pq))
        for index in range(log.size):
            out.append(entry_line(log.entry(index), 0))
            out += [head_line(head) for head in heads if head.size == index + 1]
    return out


def _whole(lines: Sequence[str]) -> bytes:
    data = "".join(f"{line}\n" for line in lines).encode()
    return data + f"end {hashlib.sha256(data).hexdigest()}\n".encode()


def exports(world: ground.Ground) -> Iterator[Made]:
    """A whole transcript, and each way to spoil one."""
    spec = "proof.md §4"
    line = conversation(world)
    good = _lines(line)
    yield _file("exports/whole", spec, "two logs, cosigned by one another", _whole(good))
    quantum = _lines(line, pq=True)
    yield _file("exports/quantum_safe", spec, "each author's ML-DSA-44 too", _whole(quantum))
    yield _file(
        "exports/quantum_safe_after_the_date", spec, "after the charter's date", _whole(quantum),
        now_s=LATE_S + 86_400,
    )  # fmt: skip
    yield _file(
        "exports/ed25519_after_the_date", spec, "and without ML-DSA-44", _whole(good),
        "bad-signature", now_s=LATE_S + 86_400,
    )  # fmt: skip
    note = f"revocation {b64(_revocation(line, 'alpha', 'log 0', line.logs[0], size=1))}"
    at = next(n for n, text in enumerate(good) if text.startswith("charter "))
    revoked = [*good[:at], note, *good[at:]]
    comment = "alpha stands by one entry, and bravo holds all"
    yield _file("exports/revoked", "proof.md §6", comment, _whole(revoked))
    swapped = [*good[: at + 1], note, *good[at + 1 :]]
    comment = "a revocation behind the charter"
    yield _file("exports/revoked_out_of_place", spec, comment, _whole(swapped), "malformed")
    comment = "a card from the file itself is no trust: well-formed, and not ok"
    yield _file("exports/with_one_card_given", spec, comment, _whole(good), cards=["alpha"])
    without = [text for text in good if not text.startswith("card ")]
    yield _file("exports/without_cards", spec, "all cards given", _whole(without))
    comment = "none given, none in it"
    yield _file("exports/without_any_card", spec, comment, _whole(without), "unknown-party", [])
    yield from _spoilt_exports(world, good)
    yield from _told_apart(world)


def _spoilt_exports(world: ground.Ground, good: list[str]) -> Iterator[Made]:
    spec = "proof.md §4"
    at = next(i for i, text in enumerate(good) if text.startswith("entry") and text.count(" ") == 3)
    at = next(
        i
        for i, text in enumerate(good)
        if i > at and text.startswith("entry") and text.count(" ") == 3
    )
    entry, signed = good[at], good[at + 1]
    parts = entry.split(" ")
    cosigned = next(i for i, text in enumerate(good) if text.startswith("cosigned"))
    words = good[cosigned].split(" ")
    wrong_time = " ".join((*words[:3], str(int(words[3]) + 1), words[4]))
    other = world.line("alpha", "bravo", random=bytes(16))
    charter = next(i for i, text in enumerate(good) if text.startswith("charter"))
    flipped = signed[:-9] + ("A" if signed[-9] != "A" else "B") + signed[-8:]
    half = " ".join((*parts[:3], b64(b"\x00Another.")))
    bad: tuple[tuple[str, list[str], Expect, str], ...] = (
        ("entry_removed", good[:at] + good[at + 1 :], "malformed", "a signature of another size"),
        ("entry_and_signature_removed", good[:at] + good[at + 2 :], "malformed", "sizes skip one"),
        ("entry_changed", _with(good, at, parts[0] + " " + b64(b"void")), "bad-signature",
         "another leaf under the same signature"),
        ("body_changed", _with(good, at, half), "bad-commitment", "another text"),
        ("body_left_out", _with(good, at, " ".join(parts[:2])), "malformed",
         "what became of it must be said"),
        ("body_said_to_be_purged", _with(good, at, f"{parts[0]} {parts[1]} purged"), "ok",
         "the log verifies without it"),
        ("signature_flipped", _with(good, at + 1, flipped), "bad-signature", "one bit"),
        ("last_signature_removed", good[:-2] + good[-1:], "bad-signature",
         "entries that nobody signed"),
        ("cosigned_at_another_time", _with(good, cosigned, wrong_time), "bad-signature",
         "the time is signed"),
        ("another_charter", _with(good, charter, f"charter {b64(other.text)}"),
         "charter-mismatch", "it does not open the line's id"),
        ("log_of_another_line", [*good, f"log {other.logs[0].origin}"], "unknown-line",
         "another line in the origin"),
        ("log_twice", [*good, good[charter + 1]], "malformed", "one origin, one log"),
        ("log_without_entries", [*good, f"log {other.logs[0].origin[:75]}"], "malformed",
         "no origin"),
        ("line_of_one_word", [*good[: charter + 1], "ceremony", *good[charter + 1 :]], "malformed",
         "an empty sheet without the space before it"),
        ("line_unknown", [*good, "signed"], "malformed", "a line that means nothing"),
    )  # fmt: skip
    for name, lines, expect, comment in bad:
        yield _file(f"exports/{name}", spec, comment, _whole(lines), expect)
    whole = _whole(good)
    wrong = whole[:-2] + (b"0\n" if whole[-2:-1] != b"0" else b"1\n")
    yield _file("exports/another_digest", spec, "the last line", wrong, "malformed")
    yield _file("exports/cut_short", spec, "no last line", whole[:-70], "malformed")
    yield _file("exports/something_behind", spec, "a byte", whole + b"\n", "malformed")


def _with(lines: list[str], at: int, text: str) -> list[str]:
    return [*lines[:at], text, *lines[at + 1 :]]


def _told_apart(world: ground.Ground) -> Iterator[Made]:
    """Two logs of which one names the other with a root that was never signed."""
    line = conversation(world)
    alpha, bravo = line.logs
    lie = alpha.seen(ground.START_S + 200, 2)._replace(root=bytes(32))
    bravo.say(Kind.SEEN, seen=(lie,), time_s=ground.START_S + 200)
    comment = "one of the two lies, or the other forked: alleged, so not ok, and no line is refused"
    yield _file("exports/another_root_in_seen", "proof.md §6", comment, _whole(_lines(line)))


# --- accusations ------------------------------------------------------------------------------


def accusations(world: ground.Ground) -> Iterator[Made]:
    """Two histories under one key, and what only looks like it."""
    spec = "proof.md §5"
    line = conversation(world)
    log = line.logs[0]
    fork = log.fork(2)
    fork.say(Kind.SEEN, time_s=ground.START_S + 500)
    fork.say(Kind.SEEN, time_s=ground.START_S + 501)
    one = _bare(log, 2)
    yield _file("accusations/two_leaves", spec, "at index 2", one + b"---\n" + _bare(fork, 2))
    comment = "three entries against four: no two signed heads have one size"
    yield _file("accusations/leaves_of_unequal_sizes", spec, comment,
                accusation.make_leaves(_bare(log, 2), _bare(fork, 2, 4)))  # fmt: skip
    roots = accusation.Fork(
        log.note(3),
        fork.note(4),
        fork.root(3),
        tuple(fork.consistency(3, 4)),
        accusation.Common(
            2, log.root(2), tuple(log.consistency(2, 3)), tuple(fork.consistency(2, 4))
        ),
    )
    yield _file(
        "accusations/two_roots", spec, "frozen from 2 on, which both extend", roots.format()
    )
    bare = replace(roots, common=None)
    yield _file("accusations/two_roots_with_nothing_common", spec, "from 0 on", bare.format())
    comment = "the author's card was not given: alleged"
    yield _file("accusations/without_card", spec, comment, roots.format(), cards=["bravo"])
    yield from _innocent(line, log, roots)


def _innocent(line: ground.Line, log: ground.LogBuilder, roots: accusation.Fork) -> Iterator[Made]:
    spec = "proof.md §5"
    same = accusation.make_leaves(_bare(log, 2), _bare(log, 2))
    yield _file(
        "accusations/one_leaf_twice",
        spec,
        "a bundle, and no accusation",
        same,
        "context-incomplete",
    )
    honest = replace(roots, newer=log.note(3), other=log.root(3), path=(), common=None)
    comment = "the newer tree begins with the older: no fault found"
    yield _file("accusations/an_honest_growth", spec, comment, honest.format())
    forged = replace(roots, newer=line.logs[1].note(4))
    comment = "two logs: no fault found"
    yield _file("accusations/of_two_logs", spec, comment, forged.format())
    signatures = (replace(roots.newer.signatures[0], data=bytes(64)),)
    unsigned = replace(roots, newer=replace(roots.newer, signatures=signatures))
    comment = "a signature that does not verify: no fault found"
    yield _file("accusations/unsigned", spec, comment, unsigned.format())
    broken = roots.format().replace(b"other ", b"others ", 1)
    yield _file("accusations/unreadable", spec, "accuses nobody: no fault found", broken)


def _bare(log: ground.LogBuilder, index: int, size: int | None = None) -> bytes:
    """A proof of a leaf alone: an accusation needs no more."""
    opening = replace(log.opening(index, size), charter=b"", first=b"", first_path=(), build="")
    bare = replace(opening, salt=b"", body=None)
    return make_proof(bare, index, log.path(index, size), log.note(size))
