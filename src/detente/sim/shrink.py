"""A plan that breaks a promise, made shorter while it still breaks it (delta debugging).

What is left is a schedule a person can read. Nothing here is random: equal plans shrink alike, as
far as the time given reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from detente.sim.plan import SETUP_MS, ClockPlan, Deed, Plan, RoutePlan

Breaks = Callable[[Plan], bool]
"""Whether a plan still breaks the same promise."""
Patience = Callable[[], bool]
"""Whether there is time for one more try."""


def shrink(plan: Plan, breaks: Breaks, patience: Patience) -> Plan:
    """The shortest plan found that ``breaks``, beginning with ``plan``, which must.

    Deeds go first, by their word, then in halves, quarters and so on down to single ones; then
    attacks and cables go, clocks and routes become plain, and the end comes sooner. Simpler
    circumstances may make more deeds idle, so that all is done again until nothing goes.
    """
    while True:
        shorter = _first_to_last(plan, _fewer_words, breaks, patience)
        shorter = _fewer_deeds(shorter, breaks, patience)
        for simpler in (_attacks, _clocks, _routes, _cables, _end):
            shorter = _first_to_last(shorter, simpler, breaks, patience)
        if shorter == plan or not patience():
            return shorter
        plan = shorter


def _fewer_deeds(plan: Plan, breaks: Breaks, patience: Patience) -> Plan:
    """Takes away runs of deeds, ever shorter ones; what breaks without them stays without."""
    size = len(plan.deeds)
    while size >= 1:
        start = 0
        while start < len(plan.deeds):
            if not patience():
                return plan
            tried = _without(plan, start, start + size)
            if breaks(tried):
                plan = tried
            else:
                start += size
        size = min(size, len(plan.deeds)) // 2
    return plan


def _without(plan: Plan, start: int, stop: int) -> Plan:
    def keep(number: int, deed: Deed) -> bool:
        del deed
        return not start <= number < stop

    return plan.without(keep)


def _first_to_last(
    plan: Plan, simpler: Callable[[Plan], Iterator[Plan]], breaks: Breaks, patience: Patience
) -> Plan:
    """Takes the first simpler plan that breaks, and looks again, until none does."""
    while True:
        for tried in simpler(plan):
            if not patience():
                return plan
            if breaks(tried):
                plan = tried
                break
        else:
            return plan


def _fewer_words(plan: Plan) -> Iterator[Plan]:
    for word in sorted({deed.word for deed in plan.deeds}):
        yield replace(plan, deeds=tuple(deed for deed in plan.deeds if deed.word != word))


def _attacks(plan: Plan) -> Iterator[Plan]:
    for number in range(len(plan.attacks)):
        yield replace(plan, attacks=plan.attacks[:number] + plan.attacks[number + 1 :])


def _clocks(plan: Plan) -> Iterator[Plan]:
    for number, clock in enumerate(plan.clocks):
        if clock != ClockPlan():
            plain = (*plan.clocks[:number], ClockPlan(), *plan.clocks[number + 1 :])
            yield replace(plan, clocks=plain)


def _routes(plan: Plan) -> Iterator[Plan]:
    for number, route in enumerate(plan.routes):
        if route != RoutePlan():
            plain = (*plan.routes[:number], RoutePlan(), *plan.routes[number + 1 :])
            yield replace(plan, routes=plain)


def _cables(plan: Plan) -> Iterator[Plan]:
    for number in range(len(plan.cables)):
        yield replace(plan, cables=plan.cables[:number] + plan.cables[number + 1 :])


def _end(plan: Plan) -> Iterator[Plan]:
    """The faults stop as soon as the last deed is done."""
    last_ms = max((deed.at_ms for deed in plan.deeds), default=SETUP_MS)
    if last_ms < plan.until_ms:
        yield replace(plan, until_ms=last_ms)
