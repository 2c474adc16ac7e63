"""A plan as rows that a person reads: who takes part, what is wrong with clocks and routes, and
every deed at its time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from detente.sim.plan import CABLE_FAULTS, ROUTE_FAULTS, ClockPlan, Plan, RoutePlan

ON_CABLES = frozenset({*CABLE_FAULTS, "cable-night", "bulk"})
ON_ROUTES = frozenset({*ROUTE_FAULTS, "night"})  # deeds whose ``who`` is a pair of machines


def clock(ms: int) -> str:
    """A time of the simulation: hours since it began, minutes, seconds, milliseconds."""
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def rows(plan: Plan) -> Iterator[str]:
    """The schedule of a plan, in order of time. What is as usual is not said."""
    pairs = [f"{one}–{other}" for one, other in combinations(plan.names, 2)]
    roles = zip(plan.names, plan.roles, strict=True)
    yield "members   " + " · ".join(f"{name} {role}" for name, role in roles)
    if plan.joins:
        yield f"joins     {plan.names[-1]}"
    for attack in plan.attacks:
        yield f"attacks   {plan.names[attack.who]} {attack.word}".rstrip()
    for name, its in zip(plan.names, plan.clocks, strict=False):
        if its != ClockPlan():
            yield f"clock     {name} {its.offset_s:+} s, {its.drift_ppm:+} ppm"
    for pair, route in zip(pairs, plan.routes, strict=False):
        if route != RoutePlan():
            rough = (route.loses, route.doubles, route.swaps)
            yield (
                f"route     {pair} {'wide' if route.wide else 'narrow'}, {route.bits_per_s} bit/s, "
                f"{route.delay_ms}–{route.delay_ms + route.jitter_ms} ms"
                + (", loses {}, doubles {}, swaps {}".format(*rough) if any(rough) else "")
            )
    for cable in plan.cables:
        yield (
            f"cable     {pairs[cable.pair]} {cable.bits_per_s} bit/s, {cable.delay_ms} ms, "
            f"damages {cable.damages}, loses {cable.loses}, replays {cable.replays}"
            + (", alone" if cable.alone else "")
        )
    for deed in plan.deeds:
        names = pairs if deed.word in ON_ROUTES | ON_CABLES else plan.names
        said = f" {deed.text!r}" if deed.text else ""
        yield f"{clock(deed.at_ms)} {names[deed.who]} {deed.word} {deed.number}{said}"
    yield f"{clock(plan.until_ms)} the faults stop"
