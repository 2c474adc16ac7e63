"""How people name things: lines by id or title, entries by serial, place or hash."""

from __future__ import annotations

import re

from detente.core.errors import LocalError, Refusal
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.station import Station
from detente.core.transcript import Entry, Place
from detente.dossiers.conventions import serial

_SERIAL = re.compile(r"([A-Z]{1,2})(?:\.(\d{1,2}))?-(\d{1,12})", re.ASCII)
_PLACE = re.compile(r"(\d{1,2}/\d{1,2}(?:\.[0-9a-f]{16})?):(\d{1,15})", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{8,64}")


def find_line(station: Station, name: object) -> Line:
    """The line that is meant; the only one where nothing is said. LocalError NOT_FOUND."""
    lines = list(station.lines.values())
    if name is None or name == "":
        if len(lines) == 1:
            return lines[0]
        raise LocalError(Refusal.USAGE, f"there are {len(lines)} lines: say which")
    text = str(name)
    found = [line for line in lines if line.charter.title == text or _starts(line.id.hex(), text)]
    if len(found) != 1:
        raise LocalError(Refusal.NOT_FOUND, f"{len(found)} lines are called {text}")
    return found[0]


def _starts(full: str, text: str) -> bool:
    return len(text) >= 4 and full.startswith(text)


def log_word(log: LogId) -> str:
    """«member/word», as in places and checkpoints."""
    return f"{log.member}/{log.word}"


def place_word(place: Place) -> str:
    """«member/word:index»."""
    return f"{log_word(place.log)}:{place.index}"


def entry_word(entry: Entry) -> str:
    """The serial of an entry that has one, else its place."""
    word = "" if entry.leaf is None else serial(entry.leaf, entry.place.log)
    return word or place_word(entry.place)


def find_entry(line: Line, name: object) -> Entry:
    """The entry that is meant. LocalError NOT_FOUND, or USAGE for what names no entry."""
    text = str(name)
    match = _SERIAL.fullmatch(text)
    if match is not None:
        return _by_serial(line, *match.groups())
    match = _PLACE.fullmatch(text)
    if match is not None:
        log = next((log for log in line.logs if log_word(log) == match.group(1)), None)
        if log is None or int(match.group(2)) >= line.logs[log].size:
            raise LocalError(Refusal.NOT_FOUND, f"no entry {text}")
        return line.shelf.entry(log, int(match.group(2)))
    if _HASH.fullmatch(text):
        return _by_hash(line, text)
    raise LocalError(Refusal.USAGE, f"{text} names no entry: A-0042, 0/0:17 or a hash")


def _by_serial(line: Line, letters: str, k: str | None, number: str) -> Entry:
    member = ord(letters[-1]) - ord("A") + 26 * (len(letters) - 1)
    wanted = int(number)
    for log_id, log in line.logs.items():
        if log_id.member == member and log_id.k == int(k or 0):
            found = _search(line, log_id, log.size, wanted)
            if found is not None:
                return found
    raise LocalError(Refusal.NOT_FOUND, f"no entry {letters}-{number}")


def _search(line: Line, log: LogId, size: int, wanted: int) -> Entry | None:
    """Serials rise with the index: halve, stepping over entries that carry none."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        at = middle
        entry = line.shelf.entry(log, at)
        while (entry.leaf is None or not entry.leaf.serial) and at + 1 < high:
            at += 1
            entry = line.shelf.entry(log, at)
        number = 0 if entry.leaf is None else entry.leaf.serial
        if number and number == wanted:
            return entry
        if number == 0 or number > wanted:
            high = middle
        else:
            low = at + 1
    return None


def _by_hash(line: Line, text: str) -> Entry:
    if len(text) == 64:
        place = line.shelf.find(bytes.fromhex(text))
        if place is not None:
            return _alone(line, line.shelf.entry(*place))
    found = [
        entry
        for log in line.logs.values()
        for entry in log.recent.values()
        if entry.hash.hex().startswith(text)
    ]
    if len(found) != 1:
        raise LocalError(Refusal.NOT_FOUND, f"{len(found)} recent entries begin with {text}")
    return line.shelf.entry(*found[0].place)


def _alone(line: Line, entry: Entry) -> Entry:
    """A leaf does not name its author, so that two members may state the same in one second, the
    charter at the least: then a hash names neither. LocalError USAGE with both places."""
    first = [line.shelf.entry(log.id, 0) for log in line.logs.values() if log.size]
    recent = [one for log in line.logs.values() for one in log.recent.values()]
    places = {one.place for one in (entry, *first, *recent) if one.hash == entry.hash}
    if len(places) > 1:
        words = " and ".join(place_word(place) for place in sorted(places))
        raise LocalError(Refusal.USAGE, f"{words} are alike: name the place")
    return entry
