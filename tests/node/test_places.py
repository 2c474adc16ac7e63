"""How people name things: serials found by halving, places, hashes, lines by id and title."""

from __future__ import annotations

from typing import Any

import pytest
from pair import World, heads

from detente.core.errors import LocalError, Refusal
from detente.node.places import entry_word, find_entry, find_line, place_word


@pytest.fixture
def long(pair: Any, command: Any) -> Any:
    """Alpha's log of 40 dispatches with marks and `seen` between them; bravo's has 3."""
    for number in range(40):
        pair.say(f"text {number}", precedence="IMMEDIATE" if number % 3 else "ROUTINE")
        if number < 3:
            pair.say(f"answer {number}", node=pair.bravo, precedence="FLASH")
            command(pair.alpha, "mark", entry=f"B-{number + 1:04}", rung="seen")
    pair.pump()
    return pair


def test_every_serial_is_found(long: Any, line_of: Any) -> None:
    """Each serial leads to the entry that carries it, whatever stands between them."""
    for node in (long.alpha, long.bravo):
        line = line_of(node)
        for letter, count in (("A", 40), ("B", 3)):
            for number in range(1, count + 1):
                entry = find_entry(line, f"{letter}-{number:04}")
                assert entry.leaf.serial == number
                assert entry_word(entry) == f"{letter}-{number:04}"
        for absent in ("A-0000", "A-0041", "A-99999", "B-0004", "C-0001", "AB-0001", "A.1-0001"):
            with pytest.raises(LocalError) as refused:
                find_entry(line, absent)
            assert refused.value.refusal == Refusal.NOT_FOUND


def test_halving_reads_few_entries(long: Any, line_of: Any, monkeypatch: Any) -> None:
    """A serial costs a number of reads that grows with the logarithm of the log."""
    line, reads = line_of(long.alpha), []
    shelf = line.shelf
    entry = shelf.entry
    monkeypatch.setattr(
        shelf, "entry", lambda *at: (reads.append(at), entry(*at))[1], raising=False
    )
    for number in (1, 20, 40):
        reads.clear()
        find_entry(line, f"A-{number:04}")
        assert len(reads) <= 24


def test_places_and_hashes(long: Any, line_of: Any) -> None:
    """An entry has one place and one hash; eight digits of a recent hash are enough."""
    line = line_of(long.bravo)
    entry = find_entry(line, "A-0007")
    assert find_entry(line, place_word(entry.place)) == entry
    for digits in (64, 32, 8):
        assert find_entry(line, entry.hash.hex()[:digits]) == entry
    first = find_entry(line, "0/0:0")
    assert entry_word(first) == "0/0:0"
    for absent in ("0/0:9999", "3/0:0", "0/1.00112233445566aa:0", "00" * 32, "00000000"):
        with pytest.raises(LocalError) as refused:
            find_entry(line, absent)
        assert refused.value.refusal == Refusal.NOT_FOUND
    for nonsense in ("", "a-0001", "0/0", "0/0:", "abcdef", None, 7, "0/0.zz:1"):
        with pytest.raises(LocalError) as refused:
            find_entry(line, nonsense)
        assert refused.value.refusal == Refusal.USAGE


def test_a_hash_that_two_entries_share_names_neither() -> None:
    """Two members that accept in one second begin with one leaf: the line opens all the same, and
    by its hash nobody's entry is shown for the other's."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    alpha.submit("hello")
    world.run(40)
    (one, other) = (alpha.line.shelf.entry(alpha.log_of(n).id, 0) for n in (0, 1))
    assert one.hash == other.hash
    assert alpha.line.is_open()
    assert heads(alpha) == heads(world.ends["bravo"])
    with pytest.raises(LocalError) as refused:
        find_entry(alpha.line, one.hash.hex())
    assert refused.value.refusal == Refusal.USAGE
    assert refused.value.detail == "0/0:0 and 1/0:0 are alike: name the place"
    for place in ("0/0:0", "1/0:0"):
        assert place_word(find_entry(alpha.line, place).place) == place


def test_lines_by_title_or_id(pair: Any, command: Any, line_of: Any) -> None:
    """The only line needs no name; of two the one with the title, or the beginning of the id."""
    station, first = pair.alpha.station, line_of(pair.alpha)
    for name in (None, "", "Test line", first.id.hex(), first.id.hex()[:4]):
        assert find_line(station, name) is first
    for name in ("Test", first.id.hex()[:3], "00000000"):
        with pytest.raises(LocalError) as refused:
            find_line(station, name)
        assert refused.value.refusal == Refusal.NOT_FOUND
    command(pair.alpha, "propose", title="Other", members=[{"party": "bravo"}])
    with pytest.raises(LocalError) as refused:
        find_line(station, None)
    assert refused.value.refusal == Refusal.USAGE
    assert find_line(station, "Other").charter.title == "Other"
