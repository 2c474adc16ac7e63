"""A notice before it is released: checked against its profile and against the dossier so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from detente.core.errors import Refusal
from detente.core.extras import Relation
from detente.core.transcript import Place
from detente.dossiers.faults import Fault, Rule, refused
from detente.dossiers.notice import Checked, check
from detente.dossiers.notices import (
    Dossier,
    Given,
    amount_of,
    missing_preconditions,
    period_of,
)
from detente.dossiers.profile import Profile
from detente.dossiers.regimes import Regime, in_force
from detente.dossiers.values import Geometry


class Draft(NamedTuple):
    """What somebody wants to give notice of, and the entries it refers to, corrects or replaces."""

    values: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    relations: Mapping[Place, Relation] = {}  # never written to


def adopted(found: Dossier, name: str) -> tuple[Regime, Profile]:
    """The adoption of a profile in force, by its name. LocalError NOT_FOUND with one fault where
    none is: its detail says what became of it."""
    regime = in_force(found.regimes, name)
    if regime is None or regime.profile is None:
        known = [
            f"{one.word} is {one.state.value}"
            for one in found.regimes.values()
            if one.word.startswith(f"{name}/")
        ]
        detail = "; ".join(known) or f"no charter of this line names {name}"
        fault = Fault(name, Rule.NOT_IN_FORCE, "spec/profile.md §9", detail)
        raise refused([fault], Refusal.NOT_FOUND)
    return regime, regime.profile


def check_draft(
    found: Dossier, name: str, draft: Draft, member: int, geometry: Geometry, now_s: int
) -> Checked:
    """A draft of ``member`` as it would be released at ``now_s``, with all its faults.

    LocalError NOT_FOUND as ``adopted``.
    """
    regime, profile = adopted(found, name)
    standing = {one.place: one for one in found.given}
    rests_on = [
        standing[place]
        for place, relation in draft.relations.items()
        if place in standing and relation in {Relation.REFERS, Relation.ANSWERS}
    ]
    checked = check(
        profile,
        draft.values,
        geometry,
        unknown=draft.unknown,
        trigger_s=_trigger(profile, rests_on, member),
        now_s=now_s,
    )
    names = [one.profile.name for one in rests_on if one.stands]
    revised = [place for place, one in draft.relations.items() if one not in _RESTING]
    more = [
        *missing_preconditions(profile, names),
        *_revisions(profile, standing, revised, member),
        *_ceilings(found, regime, profile, checked, member, now_s, [*revised]),
    ]
    return checked._replace(faults=checked.faults + tuple(more))


_RESTING = (Relation.REFERS, Relation.ANSWERS)


def _trigger(profile: Profile, rests_on: list[Given], member: int) -> int | None:
    for one in rests_on:
        for delivery in one.deliveries:
            if one.profile.name == profile.deadline.of and delivery.member == member:
                return delivery.received_s
    return None


def _revisions(
    profile: Profile, standing: Mapping[Place, Given], revised: list[Place], member: int
) -> Iterator[Fault]:
    for place in revised:
        old = standing.get(place)
        if old is None or old.profile.name != profile.name or place.log.member != member:
            detail = f"only one's own notice of {profile.name} is revised"
        elif not profile.corrections:
            detail = "this profile knows no corrections"
        else:
            continue
        yield Fault("references", Rule.NOT_REVISED, profile.source, detail)


def _ceilings(
    found: Dossier,
    regime: Regime,
    profile: Profile,
    checked: Checked,
    member: int,
    now_s: int,
    revised: list[Place],
) -> Iterator[Fault]:
    for ceiling in profile.ceilings:
        year = period_of(ceiling, checked, now_s)
        used = sum(
            amount_of(ceiling, one.checked)
            for one in found.given
            if one.word == regime.word
            and one.place.log.member == member
            and one.bound
            and one.stands
            and one.place not in revised
            and period_of(ceiling, one.checked, one.sent_s) == year
        )
        more = amount_of(ceiling, checked)
        if used + more > ceiling.number.value:
            detail = f"{used} used and {more} more, at most {ceiling.number.said}"
            yield Fault(ceiling.counts, Rule.CEILING, ceiling.number.source, detail)
