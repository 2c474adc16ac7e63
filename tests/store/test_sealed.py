"""Sealed secrets: every passphrase needed, every byte guarded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from detente.core.errors import DetenteError, LocalError, Refusal
from detente.store.private import PRIVATE_BYTES_MAX
from detente.store.sealed import (
    DEFAULT_COST,
    Cost,
    officers,
    open_ahead,
    open_sealed,
    party_of,
    reseal,
    seal,
)

CHEAP = Cost(memory_kib=64, iterations=1, lanes=4)
PARTY = bytes(range(32))
ONE = "correct horse battery"
TWO = "staple in the harbour"
NEW = "a lantern on the far pier"
SECRETS = {"log": b"\x01" * 32, "holds": b"", "tls": bytes(range(200))}


def counting() -> Callable[[int], bytes]:
    drawn = iter(range(1, 1 << 16))
    return lambda count: next(drawn).to_bytes(count, "big")


def sealed(*passphrases: str, secrets: dict[str, bytes] | None = None) -> bytes:
    found = SECRETS if secrets is None else secrets
    return seal("node", PARTY, found, passphrases, entropy=counting(), cost=CHEAP)


def refusal(call: Callable[[], object], kind: type[DetenteError]) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


@pytest.mark.parametrize("count", [1, 2, 8])
def test_what_was_sealed_opens(count: int) -> None:
    """All passphrases in their order give back exactly the secrets, for 1 to 8 officers."""
    passphrases = [f"passphrase number {k}" for k in range(count)]
    data = sealed(*passphrases)
    assert open_sealed(data, passphrases, "node") == SECRETS
    assert officers(data) == count
    assert party_of(data) == PARTY


def test_the_file_is_the_text_the_docstring_shows() -> None:
    """The format is fixed line by line, and equal inputs give equal bytes."""
    data = sealed(ONE, TWO)
    lines = data.decode("ascii").split("\n")
    assert lines[:-2] == [
        "detente sealed keys v1",
        "purpose node",
        f"party {PARTY.hex()}",
        "officers 2",
        "salt 00000000000000000000000000000001",
        "salt 00000000000000000000000000000002",
        "argon2id 64 1 4",
        "nonce 000000000000000000000003",
    ]
    assert lines[-2].startswith("box ")
    assert lines[-1] == ""
    assert sealed(ONE, TWO) == data


def test_no_secrets_and_fresh_entropy_seal_too() -> None:
    """An empty set is a set, and the machine's own entropy never gives one file twice."""
    first, second = (seal("root", PARTY, {}, [ONE], cost=CHEAP) for _ in range(2))
    assert first != second
    assert open_sealed(first, [ONE], "root") == {}


def test_the_default_cost_is_the_second_choice_of_the_rfc() -> None:
    """Without a cost, a guess takes 64 MiB and 3 passes (RFC 9106 §4), and still opens."""
    assert Cost(65_536, 3, 4) == DEFAULT_COST
    data = seal("node", PARTY, SECRETS, [ONE])
    assert b"\nargon2id 65536 3 4\n" in data
    assert open_sealed(data, [ONE], "node") == SECRETS


def test_what_is_opened_ahead_is_what_is_asked_for() -> None:
    """A file opened in a thread comes out as `open_sealed` has it; so do refusals, when they are
    asked for; and a file that was replaced meanwhile is opened itself."""
    first = sealed(ONE, TWO)
    later = seal("node", PARTY, {"log": b"another"}, [ONE, TWO], cost=CHEAP)
    opener = open_ahead(first, (ONE, TWO), "node")
    assert opener(first, [ONE, TWO], "node") == SECRETS
    assert opener(later, [ONE, TWO], "node") == {"log": b"another"}
    assert refusal(lambda: opener(first, [TWO, ONE], "node"), LocalError) == Refusal.BAD_PASSPHRASE
    wrong = open_ahead(first, (TWO, ONE), "node")
    assert refusal(lambda: wrong(first, [TWO, ONE], "node"), LocalError) == Refusal.BAD_PASSPHRASE
    assert wrong(first, [ONE, TWO], "node") == SECRETS


@pytest.mark.parametrize(
    "passphrases",
    [
        [],
        [ONE],
        [TWO],
        [TWO, ONE],
        [ONE, ONE],
        [ONE, TWO, TWO],
        [ONE, TWO + " "],
        [ONE, ""],
        [ONE.upper(), TWO],
    ],
)
def test_nobody_opens_alone_or_by_chance(passphrases: list[str]) -> None:
    """One officer of two, a wrong order, a wrong number or a wrong letter open nothing."""
    data = sealed(ONE, TWO)
    assert (
        refusal(lambda: open_sealed(data, passphrases, "node"), LocalError)
        == Refusal.BAD_PASSPHRASE
    )


def test_every_flipped_byte_is_refused() -> None:
    """No bit of header, salts, cost, nonce or box can change unnoticed."""
    data = sealed(ONE)
    for position in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= flip
            with pytest.raises(LocalError) as caught:
                open_sealed(bytes(changed), [ONE], "node")
            assert caught.value.refusal in {
                Refusal.BAD_PASSPHRASE,
                Refusal.MALFORMED,
                Refusal.USAGE,  # a purpose that became another word
            }


def test_every_cut_is_refused() -> None:
    """A file cut short anywhere, doubled or lengthened is none."""
    data = sealed(ONE)
    for changed in (*(data[:end] for end in range(len(data))), data * 2, data + b"\n", data + b"x"):
        with pytest.raises(LocalError) as caught:
            open_sealed(changed, [ONE], "node")
        assert caught.value.refusal == Refusal.MALFORMED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keys v1", "keys v2"),
        ("purpose node", "purpose Node"),
        ("purpose node", "purpose "),
        ("officers 1", "officers 0"),
        ("officers 1", "officers 01"),
        ("officers 1", "officers 2"),
        ("officers 1", "officers 9"),
        ("argon2id 64 1 4", "argon2id 1048577 1 4"),
        ("argon2id 64 1 4", "argon2id 64 17 4"),
        ("argon2id 64 1 4", "argon2id 64 0 4"),
        ("argon2id 64 1 4", "argon2id 64 1 0"),
        ("argon2id 64 1 4", "argon2id 1024 1 17"),
        ("argon2id 64 1 4", "argon2id 31 1 4"),
        ("argon2id 64 1 4", "argon2id 64 1"),
        ("argon2id 64 1 4", "argon2id 64 1 4 4"),
        ("argon2id 64 1 4", "argon2id 64 1 é"),
        ("\nnonce", "\r\nnonce"),
        ("\nnonce", "\n\nnonce"),
    ],
)
def test_only_the_canonical_bounded_header_is_read(old: str, new: str) -> None:
    """Parameters are bounded before any memory is taken, and each line has one form."""
    changed = sealed(ONE).decode().replace(old, new).encode()
    assert changed != sealed(ONE)
    assert refusal(lambda: officers(changed), LocalError) == Refusal.MALFORMED
    assert refusal(lambda: open_sealed(changed, [ONE], "node"), LocalError) == Refusal.MALFORMED


def test_the_largest_bounds_are_read() -> None:
    """What the format allows at most is still a header."""
    text = sealed(ONE).decode().replace("argon2id 64 1 4", "argon2id 1048576 16 16")
    assert officers(text.encode()) == 1


def test_foreign_bytes_and_floods_are_no_sealed_file() -> None:
    """What is not text, or too much of it, is refused before it is looked into."""
    assert refusal(lambda: officers(b"\xff\xfe"), LocalError) == Refusal.MALFORMED
    flood = b"x" * (PRIVATE_BYTES_MAX + 1)
    assert refusal(lambda: party_of(flood), LocalError) == Refusal.OVERSIZE


def test_keys_for_one_purpose_do_not_serve_another() -> None:
    """A root file given where a node file belongs is named as such."""
    assert refusal(lambda: open_sealed(sealed(ONE), [ONE], "root"), LocalError) == Refusal.USAGE


def test_one_officer_changes_a_passphrase() -> None:
    """All open it together with the new one in its place, and no longer with the old."""
    before = sealed(ONE, TWO)
    after = reseal(before, (ONE, TWO), 2, NEW, entropy=counting(), cost_min=CHEAP)
    assert open_sealed(after, (ONE, NEW), "node") == SECRETS
    assert refusal(lambda: open_sealed(after, (ONE, TWO), "node"), LocalError) is (
        Refusal.BAD_PASSPHRASE
    )
    assert (party_of(after), officers(after)) == (PARTY, 2)


def test_a_changed_passphrase_costs_a_guess_no_less() -> None:
    """Each number of the cost is the larger of what the file had and what is asked for now."""
    after = reseal(sealed(ONE), (ONE,), 1, NEW, cost_min=Cost(128, 2, 1))
    assert b"\nargon2id 128 2 4\n" in after


@pytest.mark.parametrize(
    ("passphrases", "officer", "new", "expected"),
    [
        ((ONE, NEW), 1, NEW + "!", Refusal.BAD_PASSPHRASE),
        ((ONE,), 1, NEW, Refusal.BAD_PASSPHRASE),
        ((ONE, TWO), 3, NEW, Refusal.USAGE),
        ((ONE, TWO), 0, NEW, Refusal.USAGE),
        ((ONE, TWO), 1, ONE, Refusal.USAGE),
        ((ONE, TWO), 1, TWO, Refusal.USAGE),
        ((ONE, TWO), 1, "too short", Refusal.USAGE),
    ],
)
def test_no_other_change_is_made(
    passphrases: tuple[str, ...], officer: int, new: str, expected: Refusal
) -> None:
    """The old ones are needed; the new one is new, the officer's own, and long enough."""
    data = sealed(ONE, TWO)
    change = partial(reseal, data, passphrases, officer, new, cost_min=CHEAP)
    assert refusal(change, LocalError) is expected


def test_two_keyboards_type_one_passphrase() -> None:
    """Composed, decomposed and full-width letters are one passphrase (NFKC)."""
    composed, decomposed = "Grüße über Å 12", "Gru\u0308\u00dfe u\u0308ber \u212b １２"
    assert composed != decomposed
    assert open_sealed(sealed(composed), [decomposed], "node") == SECRETS


@pytest.mark.parametrize(
    "passphrases",
    [
        [],
        ["elevenchars"],
        [ONE, "short"],
        [ONE, ONE],
        ["ﬁﬁﬁﬁﬁﬁﬁﬁﬁﬁﬁﬁ", "fi" * 12],
        ["lone surrogate \ud800"],
        ["u\u0308" * 11],
        [f"passphrase number {k}" for k in range(9)],
    ],
)
def test_weak_or_impossible_passphrases_are_not_sealed_under(passphrases: list[str]) -> None:
    """Under 12 characters, equal ones, none or nine, or what is no text: refused."""
    assert refusal(lambda: sealed(*passphrases), LocalError) == Refusal.USAGE


def test_twelve_characters_in_any_script_are_enough() -> None:
    """The bound counts characters and not bytes."""
    assert open_sealed(sealed("пароль-довги"), ["пароль-довги"], "node") == SECRETS


def test_an_unspeakable_passphrase_opens_nothing() -> None:
    """What cannot be encoded is the caller's error, not a crash."""
    assert (
        refusal(lambda: open_sealed(sealed(ONE), ["\ud800"], "node"), LocalError) == Refusal.USAGE
    )


@pytest.mark.parametrize(
    ("purpose", "party", "cost"),
    [
        ("", PARTY, CHEAP),
        ("Node", PARTY, CHEAP),
        ("no de", PARTY, CHEAP),
        ("node\nparty", PARTY, CHEAP),
        ("node", PARTY[:31], CHEAP),
        ("node", PARTY, Cost(31, 1, 4)),
        ("node", PARTY, Cost(64, 17, 4)),
        ("node", PARTY, Cost((1 << 20) + 1, 1, 4)),
    ],
)
def test_nothing_is_sealed_that_could_not_be_read(purpose: str, party: bytes, cost: Cost) -> None:
    """The writer refuses what its reader would."""
    assert (
        refusal(lambda: seal(purpose, party, SECRETS, [ONE], cost=cost), LocalError)
        == Refusal.USAGE
    )


def test_too_many_secrets_are_refused_at_sealing() -> None:
    """A file over 64 KiB is never written."""
    assert (
        refusal(lambda: sealed(ONE, secrets={"big": bytes(50_000)}), LocalError) == Refusal.OVERSIZE
    )


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\x01",
        b"\x00more",
        b"\x02\x01b\x00\x01a\x00",
        b"\x02\x01a\x00\x01a\x00",
        b"\x01\x00\x00",
        b"\x01\x01\xff\x00",
    ],
)
def test_a_box_of_another_form_is_refused(plain: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even under the right passphrase the inside has one form alone."""
    monkeypatch.setattr("detente.store.sealed._packed", lambda _secrets: plain)
    assert refusal(lambda: open_sealed(sealed(ONE), [ONE], "node"), LocalError) == Refusal.MALFORMED
