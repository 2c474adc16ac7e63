"""The dossier of notices: what was given, to whom, how late, what still stands, and what is due.

A function of the transcript and of the time: both sides compute the same (spec/profile.md §10).
A notice is neither a permission nor a condition of protection, and silence is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from detente.core.charter import Charter
from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.extras import Relation, Rung, decode_relations
from detente.core.transcript import Place, Transcript
from detente.dossiers.deadlines import asked_of
from detente.dossiers.faults import Fault, Rule
from detente.dossiers.ladder import Ladder, Reader, ladder
from detente.dossiers.notice import Checked, check
from detente.dossiers.notice_forms import Answer, Form, Notice, Reply
from detente.dossiers.profile import Ceiling, Profile, read_word
from detente.dossiers.receipts import Statements, statements_in
from detente.dossiers.regimes import Filed, Regime, RegimeState, binds, forms_in, regimes
from detente.dossiers.timing import calendar_days
from detente.dossiers.values import Geometry, Value, year_of

NONE_CLOSED: Mapping[Place, Form] = MappingProxyType({})
AHEAD_S = 366 * 86_400  # what falls due within a year is shown


class State(Enum):
    """What has become of a notice that is in its author's log."""

    RELEASED = "released"  # not received yet by everybody it is for
    RECEIVED = "received"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Delivery(NamedTuple):
    """The legal receipt of a notice by one party; without one, ``late_s`` runs on until now."""

    member: int
    received_s: int | None
    late_s: int


class Answered(NamedTuple):
    """An answer of one party. ``said`` is what it read back in another text than was given."""

    member: int
    at_s: int
    reply: Reply
    place: Place
    said: Mapping[str, str] = {}  # never written to


@dataclass(frozen=True, slots=True)
class Given:
    """One notice. ``bound`` says whether it was given under an adoption that its author had."""

    place: Place
    word: str
    profile: Profile
    bound: bool
    checked: Checked
    sent_s: int
    confirmed_late_s: int
    deliveries: tuple[Delivery, ...]
    answers: tuple[Answered, ...]
    state: State
    replaced_by: Place | None
    rests_on: tuple[Place, ...]

    @property
    def stands(self) -> bool:
        """Whether its author still means it."""
        return self.state not in {State.SUPERSEDED, State.CANCELLED}

    @property
    def late_s(self) -> int:
        """By how much it came too late to the last of those it is for."""
        return max((one.late_s for one in self.deliveries), default=0)


class Owed(NamedTuple):
    """A notice that a party has to give: by a day of the calendar, or since it received one."""

    word: str
    member: int
    due_s: int
    day_s: int | None
    trigger: Place | None
    given: Place | None


class Count(NamedTuple):
    """What one party has used of a ceiling; ``year`` None where it never starts anew."""

    word: str
    member: int
    counts: str
    year: int | None
    used: int
    at_most: int


@dataclass(frozen=True, slots=True)
class Dossier:
    """All of a line's notices at one instant."""

    regimes: Mapping[str, Regime]
    given: tuple[Given, ...]
    owed: tuple[Owed, ...]
    counts: tuple[Count, ...]
    closed: int = 0  # notices that are not listed


def dossier(
    transcript: Transcript,
    founding: Charter,
    charter: Charter,
    geometry: Geometry,
    now_s: int,
    *,
    frozen: FrozenLogs = NOTHING_FROZEN,
    known: dict[Place, Form | None] | None = None,
    stated: Statements | None = None,
    closed: Mapping[Place, Form] = NONE_CLOSED,
) -> Dossier:
    """The dossier at ``now_s``; ``charter`` is the one in force. Reads every dispatch, or those
    that ``known`` names as in ``forms_in``. ``stated`` are the statements of the transcript, where
    they were read before. ``closed`` are notices that are not listed, and only looked up where
    another replaces them or rests on them. LocalError CONTEXT_INCOMPLETE as ``regimes``."""
    forms = forms_in(transcript, frozen, known, closed)
    found = regimes(transcript, founding, forms, frozen)
    by_place = {**closed, **{one.place: one.form for one in forms}}
    stated = stated or statements_in(transcript, frozen)
    case = _Case(transcript, charter, geometry, now_s, frozen, by_place, stated)
    given = tuple(case.given(found, [one for one in forms if isinstance(one.form, Notice)]))
    owed, counted = tuple(_owed(found, given, now_s)), tuple(_counts(found.values(), given))
    return Dossier(found, given, owed, counted, len(closed))


@dataclass(frozen=True, slots=True)
class _Case:
    transcript: Transcript
    charter: Charter
    geometry: Geometry
    now_s: int
    frozen: FrozenLogs
    forms: Mapping[Place, Form]
    stated: Statements

    def rungs(self, place: Place) -> Ladder:
        return ladder(self.transcript, self.charter, place, self.frozen, self.stated)

    def given(self, found: Mapping[str, Regime], forms: Iterable[Filed]) -> Iterator[Given]:
        for place, form in forms:
            regime = found.get(form.word) if isinstance(form, Notice) else None
            if isinstance(form, Notice) and regime is not None and regime.profile is not None:
                yield self._given(place, form, regime, regime.profile)

    def _given(self, place: Place, form: Notice, regime: Regime, profile: Profile) -> Given:
        rungs = self.rungs(place)
        rests_on = tuple(self._rests_on(place))
        checked = check(
            profile,
            form.values,
            self.geometry,
            unknown=form.unknown,
            trigger_s=self._trigger(profile, place, rests_on),
        )
        deliveries = tuple(
            Delivery(
                reader.member, at_s, checked.times.late_s(self.now_s if at_s is None else at_s)
            )
            for reader in asked_of(self.charter, rungs)
            for at_s in (received_s(profile, reader),)
        )
        replaced = self._replaced(rungs, profile)
        state = State.RELEASED
        if replaced is not None:
            state = replaced[0]
        elif checked.times.expired(self.now_s):
            state = State.EXPIRED
        elif deliveries and all(one.received_s is not None for one in deliveries):
            state = State.RECEIVED
        return Given(
            place=place,
            word=form.word,
            profile=profile,
            bound=binds(self.transcript, regime, place),
            checked=checked._replace(
                faults=checked.faults + tuple(self._preconditions(profile, rests_on))
            ),
            sent_s=rungs.sent_s,
            confirmed_late_s=form.late_s,
            deliveries=deliveries,
            answers=tuple(self._answers(rungs, checked.values, profile)),
            state=state,
            replaced_by=None if replaced is None else replaced[1],
            rests_on=rests_on,
        )

    def _rests_on(self, at: Place) -> Iterator[Place]:
        """The entries that a notice refers to or answers."""
        leaf = self.transcript.entry(*at).leaf
        refs = () if leaf is None else leaf.refs
        relations = () if leaf is None else decode_relations(leaf.extra, len(refs))
        for ref, relation in zip(refs, relations, strict=True):
            place = self.transcript.find(ref)
            if place is not None and relation in {Relation.REFERS, Relation.ANSWERS}:
                yield place

    def _name(self, place: Place) -> str:
        """The name of the profile that the entry at ``place`` gives a notice under, or nothing."""
        form = self.forms.get(place)
        parts = read_word(form.word) if isinstance(form, Notice) else None
        return "" if parts is None else parts.name

    def _trigger(self, profile: Profile, place: Place, rests_on: Iterable[Place]) -> int | None:
        """When the author of an answer to another profile's notice had received that notice."""
        if profile.deadline.rule != "on-receipt":
            return None
        for other in rests_on:
            if self._name(other) == profile.deadline.of:
                rungs = self.rungs(other)
                reader = rungs.reader(place.log.member)
                if reader is not None:
                    return received_s(profile, reader)
        return None

    def _preconditions(self, profile: Profile, rests_on: Sequence[Place]) -> Iterator[Fault]:
        names = {
            self._name(place)
            for place in (rests_on if profile.preconditions else ())
            if self.rungs(place).stands
        }
        return missing_preconditions(profile, names)

    def _replaced(self, rungs: Ladder, profile: Profile) -> tuple[State, Place] | None:
        for one in rungs.revisions:
            form = self.forms.get(one.place)
            if one.relation is Relation.CANCELS and profile.cancellation:
                return State.CANCELLED, one.place
            better = one.relation is not Relation.CANCELS and isinstance(form, Notice)
            if better and profile.corrections and self._name(one.place) == profile.name:
                return State.SUPERSEDED, one.place
        return None

    def _answers(
        self, rungs: Ladder, values: Mapping[str, Value], profile: Profile
    ) -> Iterator[Answered]:
        for reader in rungs.readers:
            for step in reader.steps:
                form = self.forms.get(step.place)
                if step.rung is Rung.ANSWERED and isinstance(form, Answer):
                    read = check(profile, form.values, self.geometry).values
                    said = {
                        name: text
                        for name, text in form.values.items()
                        if name not in read or name not in values or read[name] != values[name]
                    }
                    yield Answered(reader.member, step.at_s, form.reply, step.place, said)


def received_s(profile: Profile, reader: Reader) -> int | None:
    """When a notice was received, by the rung that its profile names: stored, or seen."""
    if profile.receipt == "seen":
        step = reader.first(Rung.SEEN)
        return None if step is None else step.at_s
    return None if reader.received is None else reader.received.at_s


def missing_preconditions(profile: Profile, names: Iterable[str]) -> Iterator[Fault]:
    """A fault for each precondition that none of these profiles' notices meets."""
    for needed in profile.preconditions:
        if needed.profile not in set(names):
            detail = f"refers to no standing notice of {needed.profile}"
            yield Fault("references", Rule.PRECONDITION, needed.source, detail)


def may_close(profile: Profile, others: Iterable[Profile]) -> bool:
    """Whether a notice under a profile is of no more account once its validity has ended: it counts
    against no ceiling, is owed on no day and by no receipt, and no other of ``others`` rests on
    one."""
    rests = any(
        profile.name in {one.deadline.of, *(needed.profile for needed in one.preconditions)}
        for one in others
    )
    owed = profile.deadline.rule in {"calendar-day", "on-receipt"}
    return not (rests or owed or profile.ceilings)


# --- what is due ------------------------------------------------------------------------------


def _owed(found: Mapping[str, Regime], given: Sequence[Given], now_s: int) -> Iterator[Owed]:
    for regime in found.values():
        profile = regime.profile
        if profile is None or regime.state is not RegimeState.IN_FORCE:
            continue
        if profile.deadline.rule == "calendar-day":
            yield from _by_day(regime, profile, given, now_s)
        elif profile.deadline.rule == "on-receipt":
            yield from _on_receipt(regime, profile, given)


def _by_day(regime: Regime, profile: Profile, given: Sequence[Given], now_s: int) -> Iterator[Owed]:
    of = profile.deadline.of
    done = {
        (one.place.log.member, one.checked.values[of].start_s): one.place
        for one in given
        if one.word == regime.word and one.bound and one.stands and of in one.checked.values
    }
    for day_s in calendar_days(profile, regime.since_s, now_s + AHEAD_S):
        for party in regime.parties:
            due_s = day_s + 86_399
            yield Owed(regime.word, party, due_s, day_s, None, done.get((party, day_s)))


def _on_receipt(regime: Regime, profile: Profile, given: Sequence[Given]) -> Iterator[Owed]:
    by = profile.deadline.by
    for trigger in given:
        if trigger.profile.name != profile.deadline.of or not trigger.bound or not trigger.stands:
            continue
        for delivery in trigger.deliveries:
            if by is None or delivery.received_s is None:
                continue
            answers = (
                one.place
                for one in given
                if one.word == regime.word
                and one.place.log.member == delivery.member
                and trigger.place in one.rests_on
            )
            due_s = delivery.received_s + by.seconds
            yield Owed(
                regime.word, delivery.member, due_s, None, trigger.place, next(answers, None)
            )


def _counts(found: Iterable[Regime], given: Sequence[Given]) -> Iterator[Count]:
    for regime in found:
        for ceiling in () if regime.profile is None else regime.profile.ceilings:
            used: dict[tuple[int, int | None], int] = {}
            for one in given:
                if one.word == regime.word and one.bound and one.stands:
                    key = one.place.log.member, period_of(ceiling, one.checked, one.sent_s)
                    used[key] = used.get(key, 0) + amount_of(ceiling, one.checked)
            for (member, year), amount in sorted(used.items(), key=lambda item: item[0]):
                yield Count(regime.word, member, ceiling.counts, year, amount, ceiling.number.value)


def period_of(ceiling: Ceiling, checked: Checked, sent_s: int) -> int | None:
    """The year of UTC that a notice is counted in; None where the ceiling holds for ever."""
    at_s = sent_s if checked.times.event_s is None else checked.times.event_s
    return year_of(at_s) if ceiling.per == "year" else None


def amount_of(ceiling: Ceiling, checked: Checked) -> int:
    """What one notice uses up of a ceiling."""
    if ceiling.counts == "notices":
        return 1
    value = checked.values.get(ceiling.counts)
    return 0 if value is None or value.amount is None else int(value.amount)
