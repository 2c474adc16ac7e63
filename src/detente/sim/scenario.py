"""A scenario: a plan that a person wrote, and what each side must then know at which time.

The file is TOML (docs/simulator.md, Scenarios). Times are those of a clock on the wall of the
story, ``HH:MM`` or ``HH:MM:SS``, within one day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Literal

import msgspec

from detente.core.errors import LocalError, Refusal
from detente.core.extras import Rung
from detente.core.leaf import Precedence
from detente.dossiers.presence import State
from detente.sim.parties import NAMES
from detente.sim.plan import SETUP_MS, CablePlan, ClockPlan, Deed, Plan, RoutePlan

FOLDER = Path(__file__).with_name("scenarios")
TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
HERE, SENT, RECEIVED, TRANSLATED = "here", "sent", "received", "translated"
MARKS = {rung.name.lower().replace("_", "-"): rung for rung in Rung}
RUNGS = (HERE, SENT, RECEIVED, *MARKS)
MARKED = frozenset({"seen", "passed-on", "with-principal", "answered", "declined", "misdirected"})

Word = Literal[
    "say",
    "mark",
    "translate",
    "on-duty",
    "off-duty",
    "cut",
    "mend",
    "fade",
    "clear",
    "carry",
    "stop",
    "start",
]
WORDS: dict[str, str] = {
    "on-duty": "duty",
    "off-duty": "duty",
    "say": "tell",
    "mark": "state",
    "translate": "render",
}
ON_ROUTES = ("cut", "mend", "fade", "clear")
BY_HAND = "carry"


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happens: ``who`` does it, or it happens ``between`` two. What is carried is so
    from the first of them to the second, and ``arrives`` later."""

    at: str
    do: Word
    who: str = ""
    between: tuple[str, ...] = ()
    message: str = ""
    precedence: str = "ROUTINE"
    text: str = ""
    rung: str = ""
    arrives: str = ""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``who`` knows at a time: of a message, how far it has come with ``of``; or how ``of``
    is with it. ``reached`` false: it does not know that. ``stated``: the time that ``of`` gives."""

    at: str
    who: str
    of: str
    message: str = ""
    rung: str = ""
    reached: bool = True
    stated: str = ""
    state: str = ""


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A story with its expectations. Whoever ``members`` name are parties, unless ``roles`` say."""

    title: str
    about: str
    begins: str
    ends: str
    members: tuple[str, ...]
    event: tuple[Event, ...]
    expect: tuple[Expectation, ...]
    roles: tuple[str, ...] = ()
    clocks: dict[str, int] = {}  # how many seconds a machine's clock is ahead
    bits_per_s: int = 10_000_000
    radio_bits_per_s: int = 0  # of a sealed link beside every route; 0: there is none

    def ms(self, at: str) -> int:
        """The world's time at a time of the story. LocalError MALFORMED for what is none."""
        return SETUP_MS + 1000 * (_seconds(at) - _seconds(self.begins))

    def clock(self, ms: int) -> str:
        """The time of the story at a time of the world."""
        at_s = _seconds(self.begins) + (ms - SETUP_MS) // 1000
        return f"{at_s // 3600 % 24:02}:{at_s // 60 % 60:02}:{at_s % 60:02}"

    def name_of(self, text: str) -> str:
        """The name of the message with this text; empty for any other."""
        return next((one.message for one in self.event if one.text == text and text), "")

    def plan(self) -> Plan:
        """What the simulator carries out. LocalError MALFORMED where it makes no sense."""
        pairs = list(combinations(self.members, 2))
        return Plan(
            seed=0,
            names=self.members,
            roles=self.roles or ("party",) * len(self.members),
            until_ms=self.ms(self.ends),
            deeds=tuple(sorted(self._deed(event, pairs) for event in self.event)),
            clocks=tuple(ClockPlan(self.clocks.get(name, 0)) for name in self.members),
            routes=tuple(
                RoutePlan(wide=self.bits_per_s > 100_000, bits_per_s=self.bits_per_s) for _ in pairs
            ),
            cables=tuple(
                CablePlan(pair, self.radio_bits_per_s)
                for pair in range(len(pairs) if self.radio_bits_per_s else 0)
            ),
        )

    def _deed(self, event: Event, pairs: list[tuple[str, str]]) -> Deed:
        at_ms, word = self.ms(event.at), WORDS.get(event.do, event.do)
        if event.do in ON_ROUTES:
            pair = tuple(sorted(event.between, key=self.members.index))
            return Deed(at_ms, word, pairs.index((pair[0], pair[1])))
        if event.do == BY_HAND:
            sender, receiver = (self.members.index(name) for name in event.between)
            away_ms = self.ms(event.arrives) - at_ms
            return Deed(at_ms, word, sender, away_ms * len(NAMES) + receiver)
        who, number, text = self.members.index(event.who), 0, ""
        if event.do == "say":
            number, text = Precedence[event.precedence], event.text
        elif event.do == "mark":
            number, text = MARKS[event.rung], self._text(event.message)
        elif event.do == "translate":
            text = self._text(event.message)
        elif event.do == "on-duty":
            number = 1
        return Deed(at_ms, word, who, number, text)

    def _text(self, message: str) -> str:
        return next(one.text for one in self.event if one.do == "say" and one.message == message)


def _seconds(at: str) -> int:
    found = TIME.fullmatch(at)
    if found is None:
        raise _refused(f"{at!r} is no time")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file. LocalError NOT_FOUND without it, MALFORMED for what is none."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except OSError as error:
        raise LocalError(Refusal.NOT_FOUND, f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"{path}: {error}") from error
    wrong = next(_faults(found), None)
    if wrong is not None:
        raise _refused(f"{path}: {wrong}")
    return found


def _refused(detail: str) -> LocalError:
    return LocalError(Refusal.MALFORMED, detail, by_hand="scenario")


def _faults(scenario: Scenario) -> Iterator[str]:
    members, roles = scenario.members, scenario.roles
    if not 2 <= len(members) <= len(NAMES) or not set(members) <= set(NAMES):
        yield f"members are two or more of {', '.join(NAMES)}"
    if len(set(members)) < len(members) or (roles and len(roles) != len(members)):
        yield "each member has one name and one role"
    said = [one for one in scenario.event if one.do == "say"]
    messages, texts = {one.message for one in said}, {one.text for one in said}
    if "" in messages | texts or not len(messages) == len(texts) == len(said):
        yield "each message has a name and a text of its own"
    for event in scenario.event:
        on_route = event.do in (*ON_ROUTES, BY_HAND)
        if on_route and not (len(set(event.between)) == 2 and set(event.between) <= set(members)):
            yield f"{event.at}: {event.do} is between two members"
        if event.do == BY_HAND and not event.at < event.arrives:
            yield f"{event.at}: what is carried arrives later"
        if event.do in ("fade", "clear") and not scenario.radio_bits_per_s:
            yield f"{event.at}: there is no radio that fades or clears"
        if not on_route and event.who not in members:
            yield f"{event.at}: {event.who!r} is no member"
        if event.do == "say" and event.precedence not in Precedence.__members__:
            yield f"{event.at}: {event.precedence!r} is no precedence"
        if event.do == "mark" and (event.rung not in MARKED or event.message not in messages):
            yield f"{event.at}: a mark is a rung of a message"
        if event.do == "translate" and event.message not in messages:
            yield f"{event.at}: {event.message!r} is no message"
    for one in scenario.expect:
        if not {one.who, one.of} <= set(members):
            yield f"{one.at}: {one.who!r} and {one.of!r} are members"
        about_message = one.rung in RUNGS and one.message in messages and not one.state
        about_member = one.state in {state.value for state in State} and not one.message
        if about_message == about_member:
            yield f"{one.at}: expected is a rung of a message, or the state of a member"
    times = [at for event in scenario.event for at in (event.at, event.arrives) if at]
    times += [one.at for one in scenario.expect]
    for at in (scenario.ends, *times):
        if not scenario.ms(scenario.begins) <= scenario.ms(at) <= scenario.ms(scenario.ends):
            yield f"{at} is not between {scenario.begins} and {scenario.ends}"
