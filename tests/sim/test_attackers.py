"""Every way of attacking is really carried out, and ends as the promises allow."""

from __future__ import annotations

import pytest

from detente.core.quotas import DAY_S
from detente.sim.attackers import ATTACKERS, able
from detente.sim.parties import START_S
from detente.sim.plan import NAMED_WAYS, SETUP_MS, Attack, Deed, Plan, plan_of
from detente.sim.run import Result, run_plan

HOUR_MS = 3_600_000


def attacked(word: str, members: int, seed: int = 0) -> Result:
    """An hour of talk, of which the last party keeps no rules."""
    names = ("alpha", "bravo", "charlie", "delta")[:members]
    deeds = [Deed(SETUP_MS + 120_000 * i, "say", i % members, i) for i in range(30)]
    return run_plan(
        Plan(
            seed=seed,
            names=names,
            roles=("party",) * members,
            until_ms=SETUP_MS + HOUR_MS,
            deeds=tuple(deeds),
            attacks=(Attack(word, members - 1),),
        ),
        traced=True,
    )


def told(result: Result, word: str, *, by: str = "alpha") -> list[str]:
    """What the nodes of one party told under a word."""
    return [line for line in result.lines if f" {by}/" in line and f" {word} " in line]


# The refusals in which an attack ends, of which one at least must have been named.
REFUSED = {
    "garbage": {"malformed", "out-of-turn", "oversize"},
    "truncate": {"malformed"},
    "flip": {"malformed", "bad-signature"},
    "oversize": {"oversize"},
    "flood": {"over-quota"},
    "questions": {"not-held", "bad-proof", "not-allowed"},
    "forge": {"bad-signature"},
    "not-stored": {"not-held"},
    "split-body": {"bad-commitment"},
    "wrong-salt": {"bad-commitment"},
    "no-body": {"not-held"},
    "resurrect": {"purged"},
    "many-lives": {"over-quota"},
    "assent-ahead": {"bad-leaf"},
    "bad-card": {"bad-card"},
    "revoked": {"frozen"},
    "blind-receipt": {"not-allowed"},
    "hoard": {"out-of-turn", "malformed", "bad-proof"},
}
# What an honest node tells its people, instead or besides.
TOLD = {
    "bomb": "void",
    "equivocate": "fork-proven",
    "many-forks": "fork-proven",
    "forked-heads": "fork-proven",
    "fork-ahead": "fork-proven",
    "split-view": "fork-proven",
    "false-accusation": "accusation-unproven",
    "invented-seen": "seen-contradicts",
    "false-quote": "false-quote",
    "false-restore": "resumed",
    "past-closing": "adopted",
    "unseal": "fork-proven",
    "old-card": "card-renewed",
    "hoard": "attachments-refused",
    "sated": "refused-by-peer",
}


@pytest.mark.parametrize("members", [2, 3])
@pytest.mark.parametrize("word", sorted(ATTACKERS))
def test_an_attack_is_carried_out_and_breaks_no_promise(word: str, members: int) -> None:
    """It happened; nothing honest was lost, stopped or accused; and it ended with a name."""
    way = ATTACKERS[word]
    if not way.MEMBERS <= members <= way.MOST:
        pytest.skip("this makes no sense among so many")
    result = attacked(word, members)
    assert result.attacks[word]
    assert not result.violations
    assert not REFUSED.get(word) or REFUSED[word] & set(result.refusals)
    assert word not in TOLD or told(result, TOLD[word])


def test_a_way_is_drawn_for_any_seed_or_named_by_some_plans() -> None:
    """Each way has seeds that carry it out; one that plans name changes no other seed."""
    assert {word for word, way in ATTACKERS.items() if not way.DRAWN} == set(NAMED_WAYS)
    drawn = {word for members in (2, 3, 4) for word in able(members)}
    assert drawn == ATTACKERS.keys() - set(NAMED_WAYS)
    named = {one.word for seed in range(200) for one in plan_of(seed).attacks}
    assert named == {"", *NAMED_WAYS}


def test_who_is_told_that_its_day_is_over_is_given_until_the_next_one() -> None:
    """The plan of such a seed goes on behind midnight, with something said before it."""
    plan = next(p for p in map(plan_of, range(200)) if "sated" in {one.word for one in p.attacks})
    assert (START_S + plan.until_ms // 1_000) % DAY_S == 7_200
    assert any(
        deed.word == "say" for deed in plan.deeds if deed.at_ms > plan.until_ms - 24 * HOUR_MS
    )
