"""A year of notices between two real cores whose links break and whose processes restart."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

import pytest
from pair import End, World, heads
from regimes import shipped

from detente.core.body import pack
from detente.core.events import Draft, Submit
from detente.core.extras import Mark, Relation, Rung, Stater
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.transcript import MemoryTranscript, Place
from detente.dossiers.dispatch import Dispatch
from detente.dossiers.geometry import AsSent
from detente.dossiers.notice_forms import (
    Cancellation,
    Notice,
    ProfileText,
    Statement,
    form_of,
)
from detente.dossiers.notices import Dossier, State, dossier

SEED = 1988
NOTICES = 2500
YEAR_S = 365 * 86_400
PROFILES = shipped()
BOTH = ("alpha", "bravo")
SPOT = "50.450100N 030.523400E"
# What these regimes ask for, written down a second time: hours before the event, below 0 after it,
# or None for none. Lists of a calendar day and answers have tests of their own.
LEADS_H = {
    "launch-1988": 24,
    "exercise-1989": 14 * 24,
    "flight-test-2005": 3 * 24,
    "relief-movement": 48,
    "air-space": 24,
    "accident-1971": None,
    "relief-site": None,
    "sea-danger-1972": 3 * 24,
    "activity-2011": 42 * 24,
    "hcoc-launch": 0,
    "new-start-change": -5 * 24,
    "dangerous-1989": None,
    "unusual-2011": None,
}
SEEN_COUNTS = {"relief-site", "relief-movement", "air-space"}  # there storing is no receipt


def iso(moment: datetime) -> str:
    """An instant in its one form."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Expected:
    """One notice as the test reckons it, by calendar arithmetic of its own."""

    name: str
    author: str
    due: datetime | None
    stored_s: int | None = None
    seen_s: int | None = None
    gone: State | None = None

    @property
    def late_s(self) -> int:
        """By how many seconds its receipt was late."""
        at_s = self.seen_s if self.name in SEEN_COUNTS else self.stored_s
        assert at_s is not None
        if self.due is None:
            return 0
        late = datetime.fromtimestamp(at_s, UTC) - self.due
        return max(0, int(late.total_seconds()))


def drawn(dice: Random, now_s: int) -> tuple[str, dict[str, str], tuple[str, ...], datetime | None]:
    """A notice of any shipped profile: its name, values, unknown fields, and its due time."""
    name = dice.choice(sorted(LEADS_H))
    lead = timedelta(hours=LEADS_H[name] or 0)
    ahead = (lead or timedelta(days=1)) * dice.uniform(0.6, 3)
    event = (datetime.fromtimestamp(now_s, UTC) + ahead).replace(microsecond=0)
    window = f"{iso(event)}/{iso(event + timedelta(hours=dice.randint(1, 100)))}"
    day = event.replace(hour=0, minute=0, second=0)
    if name in {"launch-1988", "exercise-1989"}:
        event = day
    values: dict[str, dict[str, str]] = {
        "launch-1988": {
            "date": f"{day:%Y-%m-%d}", "missile": dice.choice(["ICBM", "SLBM"]),
            "launch-area": "northern range", "impact-circle": f"CIRCLE WGS84 {SPOT} RADIUS 20 NM",
        },
        "exercise-1989": {"start": f"{day:%Y-%m-%d}", "exercise": "Quiet Pond"},
        "flight-test-2005": {
            "window": window, "launched-from": "land", "launch-site": f"PLACE WGS84 {SPOT}",
            "impact-area": f"CIRCLE WGS84 {SPOT} RADIUS 30 KM",
        },
        "relief-movement": {
            "movement": window, "purpose": "supplies", "vehicles": str(dice.randint(1, 40)),
            "route": f"ROUTE WGS84 {SPOT}; 50.500000N 030.600000E EACH SIDE 2 KM",
            "marking": "white, with a red sign",
        },
        "air-space": {
            "window": window, "activity": "transit", "band": "BAND SFC TO FL250",
            "circle": f"CIRCLE WGS84 {SPOT} RADIUS 10 NM",
        },
        "accident-1971": {"kind": "unexplained", "what": "an echo nobody explains"},
        "relief-site": {
            "valid": window, "site": "Hospital 4", "kind": "medical", "operator": "city",
            "position": f"PLACE WGS84 {SPOT}",
        },
        "sea-danger-1972": {
            "window": window, "action": "firing", "signal": "YV1 PP8",
            "circle": f"CIRCLE WGS84 {SPOT} RADIUS 10 NM",
        },
        "activity-2011": {
            "window": window, "activity": "Quiet Field", "purpose": "drill", "area": "plain",
            "troops": str(dice.randint(9000, 20000)),
        },
        "hcoc-launch": {
            "window": window, "vehicle": "space-launch", "class": "medium",
            "launch-area": "northern range", "direction": "east",
        },
        "new-start-change": {"occurred": iso(event), "category": "silos", "change": "one less"},
        "dangerous-1989": {"kind": "laser", "what": "a light from a ship"},
        "unusual-2011": {"activity": "a column of lorries", "area": "plain", "asked": "what for"},
    }  # fmt: skip
    unknown = tuple(
        one.name
        for one in PROFILES[name].fields.values()
        if one.need == "unknown" and one.name not in values[name]
    )
    return name, values[name], unknown, None if LEADS_H[name] is None else event - lead


@dataclass
class Year:
    """Two parties, the wires between them, and the book that the test keeps of its own."""

    dice: Random
    world: World
    book: dict[bytes, Expected] = field(default_factory=dict)  # by the text of the notice
    by_hash: dict[bytes, Expected] = field(default_factory=dict)
    read: dict[tuple[str, LogId], int] = field(default_factory=dict)
    unmarked: list[tuple[str, bytes]] = field(default_factory=list)
    lately: dict[str, deque[tuple[bytes, Expected]]] = field(
        default_factory=lambda: {who: deque(maxlen=20) for who in BOTH}
    )
    linked: bool = True

    def say(self, who: str, text: str, refs: dict[bytes, Relation] | None = None) -> None:
        """A dispatch at IMMEDIATE, so that it is receipted at once."""
        refs = refs or {}
        end = self.world.ends[who]
        body = Dispatch(language="en", dtg_s=self.world.wall_s, subject="n", text=text).encode()
        draft = Draft(
            kind=Kind.DISPATCH,
            audience=0b11,
            precedence=Precedence.IMMEDIATE,
            refs=tuple(refs),
            extra=bytes(refs.values()),
            body=pack(body, 5, padding=False),
            salt=end.entropy(16),
        )
        end.do(Submit(end.line.id, draft))

    def mark(self, who: str, entry: bytes) -> None:
        """The watch of ``who`` has seen an entry."""
        end = self.world.ends[who]
        extra = Mark(Rung.SEEN, Stater.WATCH).encode()
        draft = Draft(kind=Kind.MARK, audience=0b11, refs=(entry,), extra=extra)
        end.do(Submit(end.line.id, draft))

    def look(self) -> None:
        """What each side's store has taken in by now, written into the book with this second."""
        for who in BOTH:
            end = self.world.ends[who]
            shelf, me = end.shelf(end.line.id), end.line.me
            for log in shelf.logs():
                at = self.read.get((who, log), 0)
                for entry in shelf.entries(log, at, shelf.size(log)):
                    leaf = entry.leaf
                    assert leaf is not None
                    if leaf.kind == Kind.DISPATCH and log.member != me:
                        self._stored(who, entry)
                    elif leaf.kind == Kind.MARK and log.member == me:
                        self.by_hash[leaf.refs[0]].seen_s = self.world.wall_s
                self.read[who, log] = shelf.size(log)

    def _stored(self, who: str, entry) -> None:
        form = form_of(entry)
        expected = self.book.get(form.text().encode()) if isinstance(form, Notice) else None
        if expected is not None:
            expected.stored_s = self.world.wall_s
            self.by_hash[entry.hash] = expected
            self.lately[expected.author].append((entry.hash, expected))
            if expected.name in SEEN_COUNTS:
                self.unmarked.append((who, entry.hash))

    def pass_time(self, seconds: int) -> None:
        """Time goes by in one leap; then everything that can move moves."""
        self.world.wall_s += seconds
        self.world.steady_ms += 1000 * seconds
        self.world.run()
        self.look()

    def link(self) -> None:
        """A narrow bearer: no ML-DSA signatures, which are most of what a year would cost."""
        self.world.link(*BOTH, wide=False)
        self.linked = True

    def fault(self) -> None:
        """A link breaks or comes back, a connection is lost, a process starts again."""
        chance = self.dice.random()
        if chance < 0.03 and self.linked:
            self.world.cut(*BOTH)
            self.linked = False
        elif chance < 0.10 and self.linked:
            self.world.cut(*BOTH)
            self.link()
        elif chance < 0.12:
            end: End = self.world.ends[self.dice.choice(BOTH)]
            end.restart()
            self.linked = False
        elif chance > 0.6 and not self.linked:
            self.link()

    def notice(self, number: int) -> None:
        """A new notice; now and then it takes the place of an earlier one, or one is cancelled."""
        author = self.dice.choice(BOTH)
        name, values, unknown, due = drawn(self.dice, self.world.wall_s)
        numbered = {
            "relief-site": "operator", "accident-1971": "what", "exercise-1989": "exercise",
            "dangerous-1989": "what", "unusual-2011": "asked",
        }  # fmt: skip
        if name in numbered:
            values[numbered[name]] = f"number {number}"
        text = Notice(PROFILES[name].word(1), values, unknown).text()
        if text.encode() in self.book:
            return  # the same day, missile and place: one notice
        refs: dict[bytes, Relation] = {}
        chance = self.dice.random()
        mine = [one for one in self.lately[author] if one[1].gone is None]
        if chance < 0.1 and mine:
            entry, old = self.dice.choice(mine)
            if chance < 0.03:
                gone = Cancellation(PROFILES[old.name].word(1), "put off").text()
                self.say(author, gone, {entry: Relation.CANCELS})
                old.gone = State.CANCELLED
            elif old.name == name:
                refs[entry] = Relation.SUPERSEDES
                old.gone = State.SUPERSEDED
        self.book[text.encode()] = Expected(name, author, due)
        self.say(author, text, refs)

    def marks(self) -> None:
        """Each watch looks at some of what it has not looked at."""
        for who, entry in list(self.unmarked):
            if self.dice.random() < 0.5:
                self.unmarked.remove((who, entry))
                self.mark(who, entry)


def _bounds(covers):
    """The largest size up to each cover, and the earliest time from it on."""
    sizes = list(accumulate((one.size for one in covers), max))
    least = list(accumulate((one.held_at_s for one in reversed(covers)), min))
    return sizes, least[::-1]


class Indexed(MemoryTranscript):
    """The same entries, with what a fold asks a thousand times kept."""

    @classmethod
    def of(cls, shelf: MemoryTranscript) -> Indexed:
        """A copy."""
        copy = cls()
        copy.__dict__.update(shelf.__dict__)
        copy.kept = {}
        return copy

    def of_kind(self, kinds):
        """As the original."""
        return self._once(("kinds", tuple(kinds)), lambda: super(Indexed, self).of_kind(kinds))

    def covers(self, log, index):
        """As the original, which looks at every cover there is."""
        out = []
        for (by, covered), covers in sorted(self._covers.items()):
            if covered != log:
                continue
            sizes, least = self._once((by, log), lambda covers=covers: _bounds(covers))
            at, earliest = bisect_right(sizes, index), None
            while at < len(covers) and (earliest is None or least[at] < earliest):
                cover = covers[at]
                if cover.size > index and (earliest is None or cover.held_at_s < earliest):
                    earliest = cover.held_at_s
                    out.append(cover)
                at += 1
        return out

    def root_at(self, log, size):
        """As the original."""
        return self._once((log, size), lambda: super(Indexed, self).root_at(log, size))

    def _once(self, key: object, ask: Callable[[], object]):
        if key not in self.kept:
            self.kept[key] = ask()
        return self.kept[key]


def dossier_of(end: End, now_s: int) -> tuple[Dossier, Indexed]:
    """What one side computes from what it holds."""
    held = Indexed.of(end.shelf(end.line.id))
    return dossier(held, end.line.charter, end.line.charter, AsSent(), now_s), held


@pytest.mark.timeout(900)  # half a minute where nothing else runs
def test_a_year_of_notices_ends_in_one_dossier_with_every_lateness_right():
    """2,500 notices over the shipped profiles, links that break, processes that restart: both sides
    compute the same dossier, and every lateness is what the book of the test says."""
    words = tuple(one.word(1) for one in PROFILES.values())
    world = World(changes={"profiles": words})
    world.open()
    year = Year(Random(SEED), world)
    world.cut(*BOTH)
    year.link()
    for one in PROFILES.values():
        year.say("alpha", ProfileText(one).text())
        for who in BOTH if one.unsure else ():
            year.say(who, Statement(one.digest, {n.name: n.said for n in one.unsure}).text())
    began_s = world.wall_s
    year.pass_time(60)
    for number in range(NOTICES):
        year.fault()
        year.notice(number)
        world.run()
        year.look()
        year.marks()
        year.pass_time(int(year.dice.expovariate(NOTICES / YEAR_S)) + 1)
    if not year.linked:
        year.link()
    for who, entry in year.unmarked:
        year.mark(who, entry)
    for _ in range(5):
        year.pass_time(120)
    assert world.wall_s - began_s > YEAR_S * 0.9
    ends = [world.ends[who] for who in BOTH]
    assert heads(ends[0]) == heads(ends[1])
    now_s = world.wall_s
    (ours, held), (theirs, _) = (dossier_of(end, now_s) for end in ends)
    assert ours == theirs
    _compare(year, ours, held)


def _compare(year: Year, found: Dossier, held: Indexed) -> None:
    assert len(found.given) == len(year.book) > NOTICES * 0.95
    wrong, late = [], 0
    for one in found.given:
        expected = year.by_hash[held.entry(*Place(*one.place)).hash]
        assert one.bound
        assert one.checked.faults == ()
        assert (one.profile.name, one.place.log.member) == (
            expected.name,
            BOTH.index(expected.author),
        )
        late += one.late_s > 0
        if one.late_s != expected.late_s:
            wrong.append((one, expected))
        if expected.gone is not None:
            assert one.state is expected.gone
        else:
            assert one.state in {State.RECEIVED, State.EXPIRED}
    assert wrong == []
    assert NOTICES * 0.05 < late < NOTICES * 0.5
