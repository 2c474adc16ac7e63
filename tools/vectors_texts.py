"""Vectors of sheets: cards, successors, revocations, charters and amendments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import vectors_ground as ground
from detente.core import charter as charters_of
from detente.core import crypto, identity, revocation
from detente.core.charter import Charter, Left, Member, charter_id
from detente.core.encoding import b64
from vectors_form import Expect, Made, case

_P = 2**255 - 19


def _mixed_order(public: bytes) -> bytes:
    """The key plus the point of order two: (x, y) becomes (-x, -y)."""
    number = int.from_bytes(public, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    return (((_P - y) % _P) | (1 - sign) << 255).to_bytes(32, "little")


# --- cards ------------------------------------------------------------------------------------


def cards(world: ground.Ground) -> Iterator[Made]:
    """Three good cards, and one card for each refusal."""
    for name in ground.NAMES:
        text = world.party(name).card.data.decode()
        yield case(
            f"cards/{name}", "identity.md §7", "card", "a card as it is handed over", card=text
        )
    yield from _unsigned(world)
    yield from _wrongly_signed(world)
    yield from _successors(world)
    yield from _revocations(world)


def _unsigned(world: ground.Ground) -> Iterator[Made]:
    """Signed by both roots, and still refused for what the text says."""
    plain = ground.card_of("alpha")
    text = plain.encode().decode()
    heads = b64(plain.heads_ed25519)
    mixed = b64(_mixed_order(plain.heads_ed25519))
    small = b64((_P - 1).to_bytes(32, "little"))
    loose = b64((_P + 3).to_bytes(32, "little"))
    bearer = "bearer tls alpha.example:7700\n"
    more = "".join(f"bearer tls alpha.example:{port}\n" for port in range(7701, 7709))
    kem = next(line for line in text.split("\n") if line.startswith("kem-xwing"))
    bad: tuple[tuple[str, str, str, Expect, str], ...] = (
        ("party_of_other_roots", plain.party.hex(), "00" * 32, "bad-card", "another party id"),
        ("key_in_two_roles", heads, b64(plain.tls_ed25519), "bad-card", "heads is the TLS key"),
        ("key_of_mixed_order", heads, mixed, "bad-card", "verifiers would not agree under it"),
        ("key_of_small_order", heads, small, "bad-card", "the point of order two"),
        ("key_not_canonical", heads, loose, "bad-card", "y is not below p"),
        ("key_cut_short", heads, heads[:-4], "malformed", "30 bytes"),
        ("serial_0", "serial 1\n", "serial 0\n", "malformed", "serials begin at 1"),
        ("name_with_bidi_control", "name Staff", "name \u202eStaff", "malformed", "U+202E"),
        ("name_of_81", "name Staff alpha", "name " + "n" * 81, "oversize", "80 at most"),
        ("nine_bearers", bearer, bearer + more, "oversize", "8 at most"),
        ("bearer_twice", bearer, bearer * 2, "malformed", "named once"),
        ("line_missing", kem + "\n", "", "malformed", "no kem-xwing line"),
        ("line_unknown", bearer, bearer + "colour blue\n", "malformed", "no such line"),
    )
    for name, old, new, expect, comment in bad:
        data = world.sign_card("alpha", text.replace(old, new, 1).encode())
        yield case(
            f"cards/{name}", "identity.md §7", "card", comment, expect=expect, card=data.decode()
        )


def _wrongly_signed(world: ground.Ground) -> Iterator[Made]:
    good = world.party("alpha").card.data.decode()
    text, _, lines = good.rpartition("\n\n")
    one, two = lines[:-1].split("\n")
    flipped = one[:-8] + ("A" if one[-8] != "A" else "B") + one[-7:]
    pq_flipped = two[:-80] + ("A" if two[-80] != "A" else "B") + two[-79:]
    bad: tuple[tuple[str, str, Expect, str], ...] = (
        ("signature_flipped", f"{flipped}\n{two}\n", "bad-card", "Ed25519 does not verify"),
        ("pq_signature_flipped", f"{one}\n{pq_flipped}\n", "bad-card", "ML-DSA does not verify"),
        ("one_signature", f"{one}\n", "bad-card", "both roots sign"),
        ("signatures_swapped", f"{two}\n{one}\n", "bad-card", "Ed25519 comes first"),
        ("signature_twice", f"{one}\n{one}\n{two}\n", "bad-card", "these two and no other"),
        ("too_long", f"{one}\n{two}\n" + "— x " + b64(bytes(5000)) + "\n", "oversize", "16,384"),
    )
    for name, signed, expect, comment in bad:
        card = f"{text}\n\n{signed}"
        yield case(f"cards/{name}", "identity.md §7", "card", comment, expect=expect, card=card)


def _successors(world: ground.Ground) -> Iterator[Made]:
    old = world.party("alpha").card.data.decode()
    plain = ground.card_of("alpha")
    pairs = list(plain.pairs)
    pairs[1] = identity.Pair(crypto.ed25519_public(ground.seed("alpha", "new log", 1)), pairs[1][1])
    role = {"heads_ed25519": plain.tls_ed25519}
    role["tls_ed25519"] = crypto.ed25519_public(ground.seed("alpha", "new tls"))
    cases: tuple[tuple[str, str, dict[str, Any], int, Expect, str], ...] = (
        ("successor", "alpha", {"serial": 2, "pairs": tuple(pairs)}, 0, "ok", "pair 1 is unused"),
        ("successor_of_equal_serial", "alpha", {"bearers": ()}, 0, "stale-card", "1 after 1"),
        ("successor_of_a_used_pair", "alpha", {"serial": 2, "pairs": tuple(pairs)}, 1, "bad-card",
         "pair 1 has signed what must stay provable"),
        ("successor_of_another_role", "alpha", {"serial": 2} | role, 0, "bad-card",
         "the TLS key becomes the witness"),
        ("successor_of_another_party", "bravo", {}, 0, "bad-card", "other roots"),
    )  # fmt: skip
    for name, who, changes, used_k, expect, comment in cases:
        new = world.sign_card(who, ground.card_of(who, **changes).encode()).decode()
        yield case(
            f"cards/{name}", "identity.md §8", "successor", comment,
            expect=expect, old=old, new=new, used_k=used_k,
        )  # fmt: skip


def _revocations(world: ground.Ground) -> Iterator[Made]:
    card = world.party("alpha")
    line = world.line("alpha", "bravo")
    log = line.logs[0]
    stand = revocation.Stand(log.origin, 1, log.root())
    good = revocation.Revocation(card.id, 2, "log 0", "stolen", ground.START_S, (stand,))
    text = good.encode().decode()
    cases: tuple[tuple[str, str, str, int, Expect, str], ...] = (
        ("revocation", "alpha", text, 1, "ok", "stands by one head"),
        ("revocation_held", "alpha", text, 2, "stale-card", "serial 2 is held"),
        ("revocation_by_another", "bravo", text, 1, "bad-card", "bravo's roots"),
        ("revocation_of_a_root", "alpha", text.replace("log 0", "root", 1), 1, "malformed",
         "a root is revoked by nothing"),
        ("revocation_of_nothing", "alpha", text.replace(" 1 ", " 0 "), 1, "malformed",
         "a head of no entries"),
    )  # fmt: skip
    for name, who, data, held, expect, comment in cases:
        yield case(
            f"cards/{name}", "identity.md §9", "revocation", comment, expect=expect,
            revocation=world.sign_card(who, data.encode()).decode(),
            card=card.card.data.decode(), held_serial=held,
        )  # fmt: skip


# --- charters ---------------------------------------------------------------------------------


def charters(world: ground.Ground) -> Iterator[Made]:
    """A first charter, its amendments, and one text for each refusal."""
    first = world.line("alpha", "bravo", "charlie", roles=("party", "party", "observer")).charter
    text = first.encode().decode()
    spec = "charter.md §3"
    yield case("charters/first", spec, "charter", "two parties and an observer", text=text)
    members = [line for line in text.split("\n") if line.startswith("member")]
    one, two = members[0] + "\n", members[1] + "\n"
    bad: tuple[tuple[str, str, str, Expect, str], ...] = (
        ("carriage_returns", "\n", "\r\n", "malformed", "lines end in U+000A alone"),
        ("of_version_2", "charter v1", "charter v2", "malformed", "another first line"),
        ("line_twice", "drill no\n", "drill no\ndrill no\n", "malformed", "one of each"),
        ("lines_out_of_order", one + two, two + one, "malformed", "members by number"),
        ("number_twice", "member 1 ", "member 0 ", "malformed", "two members 0"),
        ("one_party", "member 1 party", "member 1 mediator", "malformed", "two at least"),
        ("party_twice", first.members[1].party.hex(), first.members[0].party.hex(), "malformed",
         "one party under two numbers"),
        ("names_alike", "bravo", "ALPHA", "malformed", "they differ in case alone"),
        ("first_with_predecessor", "predecessor -", "predecessor " + "00" * 32, "malformed",
         "number 0 follows nothing"),
        ("span_of_0", "seen-within-s 30", "seen-within-s 0", "malformed", "1 at least"),
        ("span_of_two_years", "gap-within-s 600", "gap-within-s 63072000", "malformed", "366 days"),
        ("release_by_4", "release 1", "release 4", "malformed", "1 to 3"),
        ("unknown_role", "observer", "witness", "malformed", "three roles"),
        ("title_with_two_spaces", "title Vectors", "title Vec  tors", "malformed", "one space"),
        ("title_not_nfc", "title Vectors", "title Ve\u0301ctors", "malformed", "e and U+0301"),
        ("title_of_81", "title Vectors", "title " + "t" * 81, "oversize", "80 at most"),
        ("nine_languages", "languages en uk", "languages a" + " ".join("abcdefghi"), "oversize",
         "8 at most"),
        ("without_last_newline", "profiles none\n", "profiles none", "malformed", "cut"),
    )  # fmt: skip
    for name, old, new, expect, comment in bad:
        count = -1 if name == "carriage_returns" else 1
        changed = text.replace(old, new, count)
        yield case(f"charters/{name}", spec, "charter", comment, expect=expect, text=changed)
    long = text + "x" * 16_384
    yield case("charters/too_long", spec, "charter", "16,384 bytes", expect="oversize", text=long)
    yield from _amendments(first)


def _amendments(first: Charter) -> Iterator[Made]:
    base: dict[str, Any] = {"number": 1, "predecessor": charter_id(first.encode())}
    keep = first.members[:2]
    charlie = first.members[2].party
    changes: tuple[tuple[str, dict[str, Any], Expect, str], ...] = (
        ("amendment", {"title": "Renamed"}, "ok", "number 1 names its predecessor"),
        ("amendment_that_dismisses", {"members": keep, "left": (Left(2, charlie),)}, "ok",
         "the number stays taken"),
        ("amendment_skips_a_number", {"number": 2}, "charter-mismatch", "2 after 0"),
        ("amendment_of_another", {"predecessor": bytes(32)}, "charter-mismatch",
         "another predecessor"),
        ("amendment_ends_the_drill", {"drill": True}, "charter-mismatch", "a line stays real"),
        ("amendment_forgets", {"members": keep}, "charter-mismatch", "member 2 is nowhere"),
        ("amendment_gives_a_number_away",
         {"members": (*keep, Member(2, "observer", bytes(32), bytes(32), "delta"))},
         "charter-mismatch", "number 2 to another party"),
    )  # fmt: skip
    for name, change, expect, comment in changes:
        new = charters_of.checked(replace(first, **(base | change)))
        yield case(
            f"charters/{name}", "charter.md §5", "amendment", comment, expect=expect,
            old=first.encode().decode(), new=new.encode().decode(),
        )  # fmt: skip
