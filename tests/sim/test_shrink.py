"""Shortening a plan: what is left still breaks the promise, and nothing of it can go."""

from __future__ import annotations

from dataclasses import replace

from detente.sim.plan import ClockPlan, Deed, Plan, RoutePlan, plan_of
from detente.sim.schedule import rows
from detente.sim.shrink import shrink


def always() -> bool:
    """There is time."""
    return True


def rich() -> Plan:
    """A plan with attackers, wrong clocks and many deeds."""
    return next(p for p in map(plan_of, range(200)) if p.attacks and len(p.deeds) > 60)


def test_two_deeds_that_matter_are_all_that_is_left() -> None:
    """Whatever else the plan said is gone: deeds, attacks, clocks, routes and idle time."""
    plan = rich()
    needed = {plan.deeds[11], plan.deeds[40]}
    left = shrink(plan, lambda tried: needed <= set(tried.deeds), always)
    assert set(left.deeds) == needed
    assert left.attacks == ()
    assert set(left.clocks) == {ClockPlan()}
    assert set(left.routes) == {RoutePlan()}
    assert left.until_ms == plan.deeds[40].at_ms
    assert (left.seed, left.names, left.roles) == (plan.seed, plan.names, plan.roles)


def test_what_the_violation_needs_is_kept() -> None:
    """An attack, a wrong clock and an odd route stay where the promise holds without them."""
    plan = rich()
    odd = replace(
        plan,
        clocks=tuple(ClockPlan(3, 0) for _ in plan.names),
        routes=tuple(RoutePlan(bits_per_s=75) for _ in plan.routes),
    )

    def breaks(tried: Plan) -> bool:
        return bool(tried.attacks and tried.clocks[1].offset_s and tried.routes[0].bits_per_s == 75)

    left = shrink(odd, breaks, always)
    assert (left.attacks, left.deeds) == (plan.attacks, ())
    assert [clock.offset_s for clock in left.clocks[:2]] == [0, 3]


def test_it_ends_when_its_time_is_up() -> None:
    """With time for five tries there are five, and the best of them is what comes out."""
    plan, tries = rich(), iter(range(5))
    tried: list[Plan] = []

    def breaks(one: Plan) -> bool:
        tried.append(one)
        return plan.deeds[0] in one.deeds

    left = shrink(plan, breaks, lambda: next(tries, None) is not None)
    assert len(tried) == 5
    assert plan.deeds[0] in left.deeds
    assert len(left.deeds) < len(plan.deeds)


def test_a_schedule_is_told_in_rows() -> None:
    """Who, when, what; members by name, routes by both, and nothing that is as usual."""
    plan = Plan(
        seed=1,
        names=("alpha", "bravo", "charlie"),
        roles=("party", "party", "observer"),
        until_ms=3_661_001,
        deeds=(Deed(60_000, "say", 1, 5, "hello"), Deed(61_500, "shut", 2, 9)),
        clocks=(ClockPlan(-3, 40), ClockPlan()),
        routes=(RoutePlan(), RoutePlan(wide=False, bits_per_s=75, loses=0.5)),
    )
    assert list(rows(plan)) == [
        "members   alpha party · bravo party · charlie observer",
        "clock     alpha -3 s, +40 ppm",
        "route     alpha–charlie narrow, 75 bit/s, 20–25 ms, loses 0.5, doubles 0.0, swaps 0.0",
        "00:01:00.000 bravo say 5 'hello'",
        "00:01:01.500 bravo–charlie shut 9",
        "01:01:01.001 the faults stop",
    ]
