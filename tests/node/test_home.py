"""Homes: made, opened, rotated all or nothing, backed up, and opened again after a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.revocation import parse_revocation
from detente.node import folder as module
from detente.node.backups import backup, rehearse, restore, why_mute
from detente.node.folder import (
    CARD_FILE,
    OLD_TLS_FILE,
    change_passphrase,
    finish_replacing,
    open_home,
    own_card,
    pairs_of,
    sealed_cost,
    spare_keys,
    take_incarnation,
    take_lock,
)
from detente.node.home import create_home, revoke, rotate
from detente.node.opening import OTHER_KEYS, open_node_parts
from detente.store.keyring import NODE_FILE, SPARE_FILE
from detente.store.mark import MarkFolder
from detente.store.sealed import Cost
from detente.store.sqlite import open_read_only

PASSPHRASE = "correct horse battery staple"
NEW = "a lantern on the far pier"
NOW_S = 1_770_292_800


def create(folder: Path, name: str = "party", **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "listen": [],
        "bearers": [],
        "mark": folder / "marks",
        "root_path": folder / "root.keys",
        "now_s": NOW_S,
        "cost": Cost(64, 1, 1),
    }
    return create_home(folder / "home", name, [PASSPHRASE], **settings | changes)


def test_a_home_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """Folder and keys are private, the root lies elsewhere, and nothing is ever overwritten."""
    signed = create(tmp_path)
    home = tmp_path / "home"
    assert own_card(home) == signed
    assert home.stat().st_mode & 0o777 == 0o700
    for path in (home / NODE_FILE, home / SPARE_FILE, tmp_path / "root.keys"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not (home / OLD_TLS_FILE).exists()
    opened = open_home(home, [PASSPHRASE])
    assert (opened.keys.incarnation, opened.old_tls) == (0, None)
    assert pairs_of(spare_keys(home, [PASSPHRASE])) == signed.card.pairs
    for changes in ({}, {"root_path": tmp_path / "another"}):
        with pytest.raises(LocalError) as refused:
            create(tmp_path, **changes)
        assert refused.value.refusal == Refusal.IN_USE


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"root_path": "home/root.keys"}, Refusal.USAGE),
        ({"mark": "home/marks"}, None),
        ({"listen": ["nonsense"]}, Refusal.MALFORMED),
        ({"bearers": ["tls nonsense"]}, Refusal.MALFORMED),
    ],
)
def test_a_wrong_home_is_not_made(
    tmp_path: Path, changes: dict[str, Any], refusal: Refusal | None
) -> None:
    """A root key in the home, or an address that is none, is refused before anything is written."""
    paths = {"root_path", "mark"}
    changes = {n: tmp_path / v if n in paths else v for n, v in changes.items()}
    if refusal is None:
        create(tmp_path, **changes)
        with pytest.raises(LocalError) as refused:
            open_node_parts(tmp_path / "home", [PASSPHRASE])
        assert refused.value.refusal == Refusal.USAGE
        return
    with pytest.raises(Exception) as found:
        create(tmp_path, **changes)
    assert found.value.refusal == refusal
    assert not (tmp_path / "home" / CARD_FILE).exists()
    assert not (tmp_path / "root.keys").exists()


def test_opening_names_what_stands_in_the_way(folder: Path, tmp_path: Path) -> None:
    """No party, another passphrase, a card that is damaged or not that of the keys."""
    alpha = folder / "alpha"
    for path, phrases, refusal in (
        (tmp_path / "none", [PASSPHRASE], Refusal.NOT_FOUND),
        (alpha, ["another passphrase"], Refusal.BAD_PASSPHRASE),
        (alpha, [], Refusal.BAD_PASSPHRASE),
    ):
        with pytest.raises(LocalError) as refused:
            open_home(path, phrases)
        assert refused.value.refusal == refusal
    shutil.copy(folder / "bravo" / CARD_FILE, alpha / CARD_FILE)
    with pytest.raises(LocalError) as refused:
        open_home(alpha, [PASSPHRASE])
    assert refused.value.refusal == Refusal.BAD_CARD
    (alpha / CARD_FILE).write_bytes(b"noise")
    with pytest.raises(LocalError) as refused:
        open_home(alpha, [PASSPHRASE])
    assert refused.value.refusal == Refusal.BAD_CARD


def test_a_failed_opening_lets_go(folder: Path) -> None:
    """After a refusal at the opening the home, its marks and its store are free again."""
    alpha = folder / "alpha"
    (alpha / "store" / "detente.db").rename(folder / "away")
    with pytest.raises(LocalError) as refused:
        open_node_parts(alpha, [PASSPHRASE])
    assert refused.value.refusal == Refusal.NOT_FOUND
    (folder / "away").rename(alpha / "store" / "detente.db")
    open_node_parts(alpha, [PASSPHRASE]).close()


def test_one_process_to_a_home(folder: Path) -> None:
    """The lock is refused while it is held, and free when its holder is gone."""
    lock = take_lock(folder / "alpha")
    with pytest.raises(LocalError) as refused:
        take_lock(folder / "alpha")
    assert refused.value.refusal == Refusal.IN_USE
    os.close(lock)
    os.close(take_lock(folder / "alpha"))
    with pytest.raises(LocalError) as refused:
        take_lock(folder / "none")
    assert refused.value.refusal == Refusal.NOT_FOUND


def renewed(folder: Path, **changes: Any) -> Any:
    return rotate(folder / "alpha", folder / "alpha.root", [PASSPHRASE], now_s=NOW_S + 1, **changes)


def test_a_rotation_keeps_what_has_signed(folder: Path) -> None:
    """Fresh TLS, courier and unused keys; the used pair, the roots and the cost stay."""
    before, cost = own_card(folder / "alpha").card, sealed_cost(folder / "alpha" / NODE_FILE)
    signed = renewed(folder, bearers=["tls 192.0.2.1:7701"])
    home = open_home(folder / "alpha", [PASSPHRASE])
    assert home.card == signed
    assert (signed.card.serial, signed.card.bearers) == (2, ("tls 192.0.2.1:7701",))
    assert signed.card.pairs[0] == before.pairs[0]
    assert not set(signed.card.pairs[1:]) & set(before.pairs)
    assert (signed.card.log_mldsa44, signed.card.heads_ed25519) == (
        before.log_mldsa44,
        before.heads_ed25519,
    )
    assert sealed_cost(folder / "alpha" / NODE_FILE) == cost
    assert home.old_tls is not None
    again = renewed(folder)
    twice = open_home(folder / "alpha", [PASSPHRASE])
    assert (again.card.serial, again.card.bearers) == (3, ("tls 192.0.2.1:7701",))
    assert twice.old_tls == home.old_tls  # the one that peers know longest


class CrashError(Exception):
    """The process ended here."""


def crashes(home: Path, monkeypatch: Any, act: Callable[[], object]) -> Iterator[tuple[int, bool]]:
    """Acts on a home cut short at its every write or rename: how many went well, whether all."""
    template = home.parent / "template"
    shutil.copytree(home, template)
    real_write, real_replace = module.write_private, os.replace
    for cut in range(30):
        shutil.rmtree(home)
        shutil.copytree(template, home)
        left = [cut]

        def counted(real: Any, left: list[int] = left) -> Any:
            def call(*arguments: Any) -> Any:
                if left[0] == 0:
                    raise CrashError
                left[0] -= 1
                return real(*arguments)

            return call

        monkeypatch.setattr(module, "write_private", counted(real_write))
        monkeypatch.setattr(module.os, "replace", counted(real_replace))
        try:
            act()
            whole = True
        except CrashError:
            whole = False
        monkeypatch.undo()
        yield cut, whole
        if whole:
            return
    raise AssertionError("never whole")


def test_a_rotation_is_whole_after_a_crash(folder: Path, monkeypatch: Any) -> None:
    """Cut short at any write or rename, a home opens as it was or as it was to be."""
    alpha = folder / "alpha"
    for cut, whole in crashes(alpha, monkeypatch, lambda: renewed(folder)):
        home = open_home(alpha, [PASSPHRASE])
        assert home.card.card.serial in ((2,) if whole else (1, 2))
        spare = pairs_of(spare_keys(alpha, [PASSPHRASE]))
        assert spare == home.card.card.pairs
        assert cut > 8 or not whole
        if not whole:
            assert renewed(folder).card.serial == home.card.card.serial + 1


def changed(home: Path, **changes: Any) -> Any:
    settings: dict[str, Any] = {"cost_min": Cost(64, 1, 1)} | changes
    return change_passphrase(home, [PASSPHRASE], 1, NEW, **settings)


def test_a_changed_passphrase_opens_all_keys(folder: Path) -> None:
    """Also the TLS key of the card before; the keys are the same, and the old one opens none."""
    renewed(folder)
    alpha = folder / "alpha"
    before, spare = open_home(alpha, [PASSPHRASE]), spare_keys(alpha, [PASSPHRASE])
    assert changed(alpha) == before.card
    after = open_home(alpha, [NEW])
    assert (after.keys.to_mapping(), after.old_tls) == (before.keys.to_mapping(), before.old_tls)
    assert spare_keys(alpha, [NEW]).pairs == spare.pairs
    for opens in (open_home, spare_keys):
        with pytest.raises(LocalError) as refused:
            opens(alpha, [PASSPHRASE])
        assert refused.value.refusal is Refusal.BAD_PASSPHRASE


def test_a_passphrase_changes_while_no_node_runs(folder: Path) -> None:
    """A running node holds the lock, and its own writes would undo the change."""
    lock = take_lock(folder / "alpha")
    with pytest.raises(LocalError) as refused:
        changed(folder / "alpha")
    assert refused.value.refusal is Refusal.IN_USE
    os.close(lock)
    changed(folder / "alpha")


def test_a_passphrase_is_changed_in_all_files_or_none(folder: Path, monkeypatch: Any) -> None:
    """Cut short anywhere, exactly one of the two opens every file; a second try leaves no trace
    of the first."""
    renewed(folder)
    alpha = folder / "alpha"
    for cut, whole in crashes(alpha, monkeypatch, lambda: changed(alpha)):
        finish_replacing(alpha)
        opening = []
        for phrase in (PASSPHRASE, NEW):
            with suppress(LocalError):
                opening.append((phrase, open_home(alpha, [phrase]).old_tls is not None))
        assert opening == [(NEW, True)] or (not whole and opening == [(PASSPHRASE, True)])
        assert cut > 6 or not whole
        if opening == [(PASSPHRASE, True)]:
            (alpha / OLD_TLS_FILE).unlink()  # every peer knows our new card by now
            changed(alpha)
            assert open_home(alpha, [NEW]).old_tls is None


def test_a_card_that_follows_one_we_lost(folder: Path) -> None:
    """A home from before a rotation makes a card that follows on the latest, with its pairs."""
    alpha, copy = folder / "alpha", folder / "copy"
    shutil.copytree(alpha, copy)
    latest = renewed(folder)
    shutil.rmtree(alpha)
    copy.rename(alpha)
    signed = renewed(folder, latest=latest.data, next_k=3)
    assert signed.card.serial == 3
    assert signed.card.pairs[:3] == latest.card.pairs[:3]
    home = open_home(alpha, [PASSPHRASE])
    with pytest.raises(LocalError) as refused:
        take_incarnation(home, 1, [PASSPHRASE])  # that pair was made elsewhere
    assert refused.value.refusal == Refusal.NOT_ALLOWED
    assert take_incarnation(home, 3, [PASSPHRASE]).incarnation == 3
    assert open_home(alpha, [PASSPHRASE]).keys.incarnation == 3
    for k in (0, 16, -1):
        with pytest.raises(LocalError) as refused:
            take_incarnation(home, k, [PASSPHRASE])
        assert refused.value.refusal == Refusal.NOT_ALLOWED
    with pytest.raises(LocalError) as refused:
        renewed(folder, latest=latest.data)
    assert refused.value.refusal == Refusal.STALE_CARD
    with pytest.raises(LocalError) as refused:
        renewed(folder, latest=b"noise")
    assert refused.value.refusal == Refusal.MALFORMED


def test_an_adoption_cut_short_is_mute(folder: Path) -> None:
    """Keys of the next incarnation without its log: mute, and the same number may be adopted."""
    take_incarnation(open_home(folder / "alpha", [PASSPHRASE]), 1, [PASSPHRASE])
    opened = open_node_parts(folder / "alpha", [PASSPHRASE])
    assert list(opened.restored.values()) == [OTHER_KEYS]
    opened.close()


def test_a_revocation_is_signed_by_the_roots(folder: Path) -> None:
    """It reads back against the party's card; a wrong key or passphrase makes none."""
    arguments: dict[str, Any] = {"reason": "stolen", "serial": 1, "stands": [], "now_s": NOW_S}
    alpha, root = folder / "alpha", folder / "alpha.root"
    data = revoke(alpha, root, [PASSPHRASE], key="tls", **arguments)
    card = own_card(alpha).card
    assert parse_revocation(data, card).revocation.key == "tls"
    for key, phrase in (("root", PASSPHRASE), ("tls", "another passphrase")):
        with pytest.raises(LocalError):
            revoke(alpha, root, [phrase], key=key, **arguments)
    with pytest.raises(LocalError):
        revoke(alpha, folder / "bravo.root", [PASSPHRASE], key="tls", **arguments)


def test_a_backup_comes_back(folder: Path, tmp_path: Path) -> None:
    """Card, keys, configuration and store, with or without other marks; never over another home."""
    alpha, archive = folder / "alpha", tmp_path / "backup"
    found = backup(alpha, archive)
    assert found == {"path": str(archive), "bytes": archive.stat().st_size}
    with pytest.raises(LocalError) as refused:
        backup(alpha, archive)
    assert refused.value.refusal == Refusal.IN_USE
    restored = tmp_path / "restored"
    signed = restore(archive, restored, tmp_path / "marks")
    assert signed == own_card(alpha)
    opened = open_node_parts(restored, [PASSPHRASE])
    assert list(opened.restored.values()) == ["no mark"]
    opened.close()
    assert rehearse(archive, [PASSPHRASE])["entries"] == 1
    with pytest.raises(LocalError) as refused:
        restore(archive, restored)
    assert refused.value.refusal == Refusal.IN_USE
    create(tmp_path)
    with pytest.raises(LocalError) as refused:
        backup(tmp_path / "home", tmp_path / "another")  # its node has never run
    assert refused.value.refusal == Refusal.NOT_FOUND
    assert not (tmp_path / "another").exists()


def test_a_restore_says_whether_it_will_sign(folder: Path, tmp_path: Path) -> None:
    """By the mark: as it was, behind it, without one, or under a mark that another process has."""
    alpha, archive = folder / "alpha", tmp_path / "backup"
    backup(alpha, archive)
    restored = tmp_path / "restored"
    restore(archive, restored)
    assert why_mute(restored) == ""
    marks = MarkFolder.open(folder / "marks" / "alpha", False, home=restored)
    assert why_mute(restored).startswith("another process holds the marks")
    opened = open_read_only(restored / "store")
    (line,) = opened.lines()
    mark = marks.read(line.line)
    assert mark is not None
    marks.advance(line.line, mark, replace(mark, size=mark.size + 1, root=b"r" * 32))
    marks.close()
    opened.close()
    assert why_mute(restored) == "store behind mark"
    elsewhere = tmp_path / "elsewhere"
    restore(archive, elsewhere, tmp_path / "marks")
    assert why_mute(elsewhere) == "no mark"


def test_a_rehearsal_finds_a_changed_record(folder: Path, tmp_path: Path) -> None:
    """One bit of a leaf, of a head or of a key file, and the backup is refused by name."""
    import sqlite3

    def spoiled(sql: str) -> Refusal:
        copy = tmp_path / f"copy{len(list(tmp_path.iterdir()))}"
        shutil.copytree(folder / "alpha", copy)
        with sqlite3.connect(copy / "store" / "detente.db") as database:
            database.execute(sql)
        database.close()
        archive = copy.with_suffix(".tar")
        backup(copy, archive)
        with pytest.raises(LocalError) as refused:
            rehearse(archive, [PASSPHRASE])
        return refused.value.refusal

    assert spoiled("UPDATE head SET root = zeroblob(32)") == Refusal.BAD_PROOF
    assert spoiled("UPDATE head SET signature = zeroblob(64)") == Refusal.BAD_SIGNATURE
    assert spoiled("DELETE FROM head") == Refusal.BAD_PROOF
    assert spoiled("UPDATE card SET data = x'00'") == Refusal.BAD_CARD
    assert spoiled("DELETE FROM body_key") == Refusal.DISK
    shutil.copy(folder / "bravo" / SPARE_FILE, folder / "alpha" / SPARE_FILE)
    backup(folder / "alpha", tmp_path / "mixed")
    with pytest.raises(LocalError) as refused:
        rehearse(tmp_path / "mixed")
    assert refused.value.refusal == Refusal.BAD_CARD
