"""Keys at rest: every passphrase needed, every byte guarded, every file the owner's alone."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from detente.core.errors import DetenteError, LocalError, MachineError, Refusal
from detente.store import keyring
from detente.store.keyring import (
    DEFAULT_COST,
    PRIVATE_BYTES_MAX,
    Cost,
    NodeKeys,
    RootKeys,
    SpareKeys,
    generate,
    officers,
    open_ahead,
    open_sealed,
    party_of,
    read_passphrases,
    read_private,
    reseal,
    seal,
    write_private,
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


def fails(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


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
    monkeypatch.setattr(keyring, "_packed", lambda _secrets: plain)
    assert refusal(lambda: open_sealed(sealed(ONE), [ONE], "node"), LocalError) == Refusal.MALFORMED


def test_generated_keys_are_all_different() -> None:
    """42 seeds are drawn, and the node's pair is the first of the spares, and no other."""
    root, node, spare = generate(counting())
    drawn = [*root.to_mapping().values(), *spare.to_mapping().values()]
    drawn += [seed for name, seed in node.to_mapping().items() if name != "incarnation"]
    assert len(spare.pairs) == 16
    assert len(drawn) == 2 + 32 + 8
    assert len(set(drawn)) == len(drawn) - 2
    assert (node.log, node.holds) == spare.pairs[0]
    assert node.incarnation == 0


def test_key_sets_survive_seal_and_open() -> None:
    """Each set comes back equal from its sealed file, whatever its incarnation."""
    root, node, spare = generate(counting())
    later = dataclasses.replace(
        node, incarnation=15, log=spare.pairs[15][0], holds=spare.pairs[15][1]
    )
    for keys in (root, node, later, spare):
        data = seal(keys.purpose, PARTY, keys.to_mapping(), [ONE], cost=CHEAP)
        assert type(keys).from_mapping(open_sealed(data, [ONE], keys.purpose)) == keys


def test_key_sets_refuse_other_keys() -> None:
    """A name too few or too many, a short seed or a number beyond the card is malformed."""
    for keys in generate(counting()):
        named = keys.to_mapping()
        name = next(reversed(named))
        without = {other: seed for other, seed in named.items() if other != name}
        for wrong in (without, named | {"more": bytes(32)}, named | {name: bytes(31)}, {}):
            with pytest.raises(LocalError) as caught:
                type(keys).from_mapping(wrong)
            assert caught.value.refusal == Refusal.MALFORMED
    node = generate(counting())[1]
    for number in (b"", b"\x10", b"\x00\x00"):
        numbered = node.to_mapping() | {"incarnation": number}
        with pytest.raises(LocalError) as caught:
            NodeKeys.from_mapping(numbered)
        assert caught.value.refusal == Refusal.MALFORMED
    assert refusal(lambda: SpareKeys(()), LocalError) == Refusal.MALFORMED


def test_no_seed_shows_when_printed() -> None:
    """A key set in a log line or traceback tells nothing."""
    root = RootKeys(ed25519=b"S" * 32, mldsa44=b"S" * 32)
    _, node, spare = generate(lambda count: b"S" * count)
    for keys in (root, node, spare):
        assert "SSSS" not in repr(keys) + str(keys)


def test_a_private_file_is_the_owners_and_whole(tmp_path: Path) -> None:
    """Written with 0600 whatever the umask, replaced in one step, nothing left behind."""
    path = tmp_path / keyring.NODE_FILE
    before = os.umask(0)
    try:
        write_private(path, b"first")
        write_private(path, b"second")
    finally:
        os.umask(before)
    assert read_private(path) == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["node.keys"]


def test_a_write_syncs_file_then_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are on the disk before the name is, and the name before the call returns."""
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(fd: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        sync(fd)

    def noted_replace(source: str, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_private(tmp_path / "root.keys", b"data")
    assert steps == ["file", "name", "folder"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses, the old keys stand and no draft lies about."""
    path = tmp_path / "node.keys"
    write_private(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails(errno.ENOSPC))
        refused = refusal(lambda: write_private(path, b"new"), MachineError)
    assert refused == Refusal.DISK
    assert read_private(path) == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_write_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder and no right to write are told apart."""
    assert (
        refusal(lambda: write_private(tmp_path / "absent" / "file", b""), LocalError)
        == Refusal.NOT_FOUND
    )
    monkeypatch.setattr(os, "replace", fails(errno.EACCES))
    assert refusal(lambda: write_private(tmp_path / "file", b""), LocalError) == Refusal.NOT_ALLOWED


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_file_open_to_others_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    """Any bit for group or others is refused, and the message says what to run."""
    path = tmp_path / "node.keys"
    path.write_bytes(b"data")
    path.chmod(mode)
    with pytest.raises(LocalError) as caught:
        read_private(path)
    assert caught.value.refusal == Refusal.NOT_ALLOWED
    assert f"chmod 600 {path}" in caught.value.detail
    path.chmod(0o400)
    assert read_private(path) == b"data"


def test_reading_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, too long, no plain file, no right to read and a broken disk are told apart."""
    path = tmp_path / "file"
    assert refusal(lambda: read_private(path), LocalError) == Refusal.NOT_FOUND
    write_private(path, bytes(PRIVATE_BYTES_MAX))
    assert len(read_private(path)) == PRIVATE_BYTES_MAX
    assert refusal(lambda: read_private(path / "below"), LocalError) == Refusal.NOT_FOUND
    write_private(path, bytes(PRIVATE_BYTES_MAX + 1))
    assert refusal(lambda: read_private(path), LocalError) == Refusal.OVERSIZE
    assert refusal(lambda: read_private(tmp_path), LocalError) == Refusal.NOT_ALLOWED
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert refusal(lambda: read_private(pipe), LocalError) == Refusal.NOT_ALLOWED
    for number, kind, word in (
        (errno.EACCES, LocalError, Refusal.NOT_ALLOWED),
        (errno.EIO, MachineError, Refusal.DISK),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", fails(number))
            assert refusal(lambda: read_private(path), kind) == word


@pytest.mark.parametrize("end", ["", "\n"])
def test_passphrases_are_read_a_line_each(tmp_path: Path, end: str) -> None:
    """Lines come in order, with inner and outer spaces kept, with or without a last newline."""
    path = tmp_path / "officers"
    write_private(path, f"{ONE}\n {TWO} {end}".encode())
    assert read_passphrases(path) == (ONE, f" {TWO} ")
    data = sealed(*read_passphrases(path))
    assert open_sealed(data, read_passphrases(path), "node") == SECRETS


@pytest.mark.parametrize("data", [b"", b"\n", b"one\n\ntwo\n", b"one\n\n", b"\xff\n"])
def test_a_file_of_other_lines_is_refused(tmp_path: Path, data: bytes) -> None:
    """An empty line or what is not text is no passphrase."""
    path = tmp_path / "officers"
    write_private(path, data)
    assert refusal(lambda: read_passphrases(path), LocalError) == Refusal.MALFORMED


@pytest.mark.parametrize(
    ("mode", "owner", "reader", "passes"),
    [
        (0o600, 1000, 1000, True),
        (0o400, 0, 0, True),
        (0o440, 0, 1000, True),
        (0o640, 0, 1000, True),
        (0o440, 1000, 1000, False),
        (0o440, 0, 0, False),
        (0o460, 0, 1000, False),
        (0o450, 0, 1000, False),
        (0o444, 0, 1000, False),
        (0o442, 0, 1000, False),
    ],
)
def test_passphrases_must_be_private(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    reader: int,
    passes: bool,
) -> None:
    """Only a service manager's file, which is root's, may show a readable group bit."""
    path = tmp_path / "officers"
    path.write_text(f"{ONE}\n")
    real = os.fstat

    def seen(fd: int) -> os.stat_result:
        found = list(real(fd))
        found[stat.ST_MODE] = stat.S_IFREG | mode
        found[stat.ST_UID] = owner
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", seen)
    monkeypatch.setattr(os, "geteuid", lambda: reader)
    if passes:
        assert read_passphrases(path) == (ONE,)
    else:
        assert refusal(lambda: read_passphrases(path), LocalError) == Refusal.NOT_ALLOWED
