"""Sentences that pages say of members, lines and entries, from the node's views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detente import terms
from detente.core.limits import CLOCK_ERROR_UNKNOWN_S
from detente.dossiers.conventions import dtg
from detente.plain import plain
from detente.terms import CLOCKS, URGENT, bearer_rows, member_rows, rate_words, word
from detente.times import give_or_take
from detente.words import _, ngettext

View = Mapping[str, Any]
DAY_S = 86_400
_SOURCES = tuple(CLOCKS)  # by number: spec/registry.md


def member_row(member: View) -> str:
    """One member in one row."""
    return "; ".join(member_rows(member, dtg))


def emcon_rows(line: View) -> list[str]:
    """What our own officers ordered, and who knows of it."""
    return terms.emcon_rows(line, dtg)


def tests(line: View) -> str:
    """The last link test and the next."""
    last, coming = line.get("last_test_s"), line.get("next_test_s")
    return _("last link test: {last}; next: {coming}").format(
        last=_("none yet") if last is None else dtg(last),
        coming="-" if coming is None else dtg(coming),
    )


def first_thing(line: View) -> tuple[str, str]:
    """What matters now on a line, in one sentence, and the place of the entry it is about."""
    late = {one["place"]: one for one in line.get("late") or ()}
    waiting = line.get("waiting") or ()
    for one in waiting:
        facts = _matter(one)
        if one["seen_s"] is None and one["precedence"] in (*URGENT, "IMMEDIATE"):
            said = _("{precedence} {entry} from {author}, received {received}: not seen here")
            return said.format_map(facts), one["place"]
    for one in waiting:
        if one["place"] in late:
            said = _("{precedence} {entry} from {author} is unanswered since {due}")
            return said.format_map(_matter(one)), one["place"]
    for one in late.values():
        if not one["by_us"] and one["mine"]:
            said = {
                "answer": _("{by} has not answered {precedence} {entry}, due {due}"),
                "receipt": _("{by} has given no receipt of {precedence} {entry}, due {due}"),
            }[one["missing"]]
            return said.format_map(_matter(one)), one["place"]
    for one in waiting:
        if one["due_s"] is not None:
            said = _("{precedence} {entry} from {author} is to be answered by {due}")
            return said.format_map(_matter(one)), one["place"]
    return _("Nothing waits."), ""


def _matter(one: View) -> dict[str, str]:
    facts = {name: plain(str(value)) for name, value in one.items()}
    for name, under in (("due_s", "due"), ("received_s", "received")):
        facts[under] = "-" if one.get(name) is None else dtg(one[name])
    return facts


def drilling(line: View, view: View) -> bool:
    """Whether an entry is an exercise: by its own mark, unless REAL-WORLD came before it."""
    ended = line.get("real_world")
    return bool(view.get("drill")) and not (ended and view.get("time_s", 0) >= ended["time_s"])


def bearers(line: View, member: View) -> str:
    """Every way to a member, and what was measured of it."""
    rows = bearer_rows(line, member["number"], dtg)
    return _("bearers: {rows}").format(rows="; ".join(rows) if rows else _("none is up"))


def airtimes(line: View, readers: Sequence[View], frame_bytes: int) -> list[str]:
    """How long a frame takes to each reader by each bearer that is up, at its last rate."""
    rows = []
    for reader in readers:
        name = plain(str(reader["name"]))
        up = (line.get("bearers") or {}).get(str(reader["number"])) or ()
        silence = _silence(line, reader["number"])
        if silence.get("state") == "receive-only":
            text = _(terms.RECEIVE_ONLY)
            rows.append(text.format(name=name, until=dtg(silence["until_s"])))
        rows += [_airtime(name, one, 8 * frame_bytes) for one in up]
        if not up:
            rows.append(_("{name}: no bearer is up; it waits here").format(name=name))
    return rows


def _silence(line: View, number: int) -> View:
    members: Sequence[View] = line.get("members") or ()
    return next((one.get("silence") or {} for one in members if one["number"] == number), {})


def _airtime(name: str, bearer: View, bits: int) -> str:
    rate = bearer.get("rate_bits_per_s")
    facts = {
        "name": name,
        "bearer": plain(str(bearer["bearer"])),
        "rate": rate_words(rate or 0),
    }
    if not rate:
        return _("{name} by {bearer}: its rate is not known").format_map(facts)
    if bits < rate:
        return _("{name} by {bearer}: under a second at {rate}").format_map(facts)
    seconds = -(-bits // rate)
    said = ngettext(
        "{name} by {bearer}: {seconds} second at {rate}",
        "{name} by {bearer}: {seconds} seconds at {rate}",
        seconds,
    )
    return said.format(seconds=seconds, **facts)


def clock_row(clock: View | None) -> str:
    """How good a clock is, and by what it is set."""
    if clock is None:
        return _("clock: not told")
    source = clock["source"]
    known = _SOURCES[source] if isinstance(source, int) and source < len(_SOURCES) else source
    error_s, by = clock["error_s"], word(CLOCKS, known)
    if error_s >= CLOCK_ERROR_UNKNOWN_S:
        return f"{give_or_take(error_s)}, {by}"
    return _("clock: {error}, {source}").format(error=give_or_take(error_s), source=by)


def unread(line: View) -> str:
    """How much nobody here has marked as seen."""
    count = int(line.get("unread", 0))
    return ngettext("{count} entry unread", "{count} entries unread", count).format(count=count)


def stated_here(view: View) -> frozenset[str]:
    """The rungs that this side has stated of an entry of theirs: they are not offered again."""
    return frozenset(step["rung"] for step in view.get("ladder") or ())
