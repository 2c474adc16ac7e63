"""A scenario on the screen: one lane for each party, and in it what that party does and knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from detente.plain import cells, padded, plain, quoted
from detente.words import RUNGS, _, marked, term, translate

if TYPE_CHECKING:
    from detente.sim.play import Happening, Verdict
    from detente.sim.scenario import Expectation, Scenario

LANE = 34  # columns of one party
HERE: Final = marked("is here")
DEEDS: Final = {
    "say": marked("says «{message}»"),
    "mark": marked("states of «{message}»: {rung}"),
    "translate": marked("translates «{message}»"),
    "on-duty": marked("the watch signs on"),
    "off-duty": marked("the watch signs off"),
    "cut": marked("the link to {of} is cut"),
    "mend": marked("the link to {of} is whole"),
    "fade": marked("the radio to {of} is gone"),
    "clear": marked("the radio to {of} carries again"),
    "carry": marked("a courier leaves for {of}"),
    "stop": marked("its node is stopped"),
    "start": marked("its node is started"),
}
STATES: Final = {
    "no-sign-of-life": marked("no sign of life"),
    "not-receipting": marked("alive but not receipting"),
    "unattended": marked("node alive, nobody on duty"),
    "unanswered": marked("watch on duty, entry unanswered"),
    "declined": marked("declined"),
    "attended": marked("watch on duty"),
    "alive": marked("node alive, nothing said of its watch"),
}


def head(scenario: Scenario) -> Iterator[str]:
    """What it is about, and whose lane is which."""
    yield plain(scenario.title)
    yield from quoted(" ".join(scenario.about.split()))
    for event in scenario.event:
        if event.do == "say":
            said = f"{event.at} {event.who.capitalize()} «{event.message}» {event.precedence}"
            yield plain(said)
            yield from quoted(event.text, "  ")
    yield ""
    yield _row("", [name.capitalize() for name in scenario.members])


def rows(scenario: Scenario, one: Happening) -> Iterator[str]:
    """One happening, in the lane of whoever does or knows it."""
    lane, at = scenario.members.index(one.who), one.at
    for part in _wrapped(_told(one)):
        yield _row(at, [part if n == lane else "" for n in range(len(scenario.members))])
        at = ""


def _told(one: Happening) -> str:
    of = one.of.capitalize()
    if one.what == "state":
        return f"{of}: {translate(STATES[one.rung])}"
    if one.what == "knows":
        return f"«{one.message}» {of}: {_rung(one.rung)} {one.stated}"
    rung = _rung(one.rung) if one.rung else ""
    return translate(DEEDS[one.what]).format(message=one.message, of=of, rung=rung)


def _rung(rung: str) -> str:
    return translate(HERE) if rung == "here" else term(RUNGS, rung)


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in plain(text).split(" "):
        longer = f"{line} {word}" if line else word or " "
        if line and cells(longer) > LANE:
            lines.append(line)
            longer = f"    {word}"
        line = longer
    return [*lines, line]


def _row(at: str, lanes: list[str]) -> str:
    return f"{at:8} │ " + " │ ".join(padded(lane, LANE) for lane in lanes).rstrip(" │")


def verdicts(found: list[Verdict]) -> Iterator[str]:
    """What was expected, and what was not so."""
    yield ""
    yield _("expectations met: {met} of {all}").format(
        met=sum(one.met for one in found), all=len(found)
    )
    for one in found:
        if not one.met:
            yield plain(f"  {one.expected.at} {_expected(one.expected)} ({one.found or '–'})")


def _expected(one: Expectation) -> str:
    wanted = STATES[one.state] if one.state else ""
    what = (
        translate(wanted) if wanted else f"«{one.message}» {_rung(one.rung)} {one.stated}".strip()
    )
    row = marked("{who} knows of {of}: {what}")
    if not one.reached:
        row = marked("{who} does not know of {of}: {what}")
    return translate(row).format(who=one.who.capitalize(), of=one.of.capitalize(), what=what)


def document(
    scenario: Scenario, happened: list[Happening], found: list[Verdict], violations: Any
) -> dict[str, Any]:
    """All of it as one document."""
    import msgspec

    return {
        "title": scenario.title,
        "events": msgspec.to_builtins(happened),
        "expectations": msgspec.to_builtins(found),
        "violations": msgspec.to_builtins(violations),
    }
