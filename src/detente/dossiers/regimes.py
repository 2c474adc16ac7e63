"""Which profiles bind the members of a line, since when, and who has suspended one.

A charter names what is adopted (spec/profile.md §9), so adopting, changing and resuming take every
signature that an amendment takes. Suspending takes one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from detente.core.charter import Charter
from detente.core.contested import NOTHING_FROZEN, FrozenLogs
from detente.core.leaf import Kind
from detente.core.succession import charter_chain
from detente.core.transcript import Place, Transcript
from detente.dossiers.fold import counts
from detente.dossiers.notice_forms import Form, ProfileText, Statement, Suspension, form_of
from detente.dossiers.profile import Profile, read_word


class RegimeState(Enum):
    """What has become of an adoption."""

    IN_FORCE = "in-force"
    UNSTATED = "unstated"  # a number that nobody has read in its source is not stated by all
    TEXTLESS = "textless"  # no entry holds the text that the charter names
    SUSPENDED = "suspended"
    DROPPED = "dropped"  # a later charter names it no more


class Filed(NamedTuple):
    """A form, and the counted entry that holds it."""

    place: Place
    form: Form


class Suspended(NamedTuple):
    """One party's suspension of an adoption."""

    place: Place
    at_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class Regime:
    """One adoption of a profile, by the charter's word for it.

    ``since`` is the seal that brought it, None where the founding charter names it; ``dropped``
    the seal that took it away. ``parties`` are bound by it. ``missing`` says who has still to state
    which number.
    """

    word: str
    state: RegimeState
    profile: Profile | None
    since: Place | None
    since_s: int
    parties: tuple[int, ...]
    missing: tuple[tuple[int, str], ...] = ()
    suspensions: tuple[Suspended, ...] = ()
    dropped: Place | None = None


def forms_in(
    transcript: Transcript,
    frozen: FrozenLogs = NOTHING_FROZEN,
    known: dict[Place, Form | None] | None = None,
    closed: Container[Place] = (),
) -> list[Filed]:
    """Every form in a counted dispatch whose body is here, in order of place; none of ``closed``.

    ``known`` are the only dispatches that may hold one, each with its form where that was read
    before: none is opened twice, and what turns out to hold none leaves it. Without it all are
    looked at.
    """
    if known is None:
        known = dict.fromkeys(transcript.of_kind((Kind.DISPATCH,)))
    found = []
    for place in sorted(at for at in known if at not in closed):
        entry = transcript.entry(*place)
        if entry.body is None or not counts(transcript, place, frozen):
            continue
        form = known[place] or form_of(entry)
        if form is None:
            del known[place]
            continue
        known[place] = form
        found.append(Filed(place, form))
    return found


def regimes(
    transcript: Transcript,
    founding: Charter,
    forms: Sequence[Filed],
    frozen: FrozenLogs = NOTHING_FROZEN,
) -> dict[str, Regime]:
    """Every adoption there ever was on this line, by its word, in order of adoption.

    LocalError CONTEXT_INCOMPLETE where the text of an amendment is not here.
    """
    texts = {
        f.form.profile.digest: f.form.profile for f in forms if isinstance(f.form, ProfileText)
    }
    found: dict[str, Regime] = {}
    named: tuple[str, ...] = ()
    for charter, seal in charter_chain(transcript, founding, frozen=frozen):
        for word in charter.profiles:
            parts = read_word(word)
            if parts is not None and word not in found:
                profile = texts.get(parts.digest)
                known = profile is not None and profile.name == parts.name
                found[word] = _adopted(
                    transcript, charter, word, profile if known else None, seal, forms
                )
        for word in set(named) - set(charter.profiles):
            if word in found:
                found[word] = _dropped(found[word], seal)
        named = charter.profiles
    return found


def _adopted(
    transcript: Transcript,
    charter: Charter,
    word: str,
    profile: Profile | None,
    seal: Place | None,
    forms: Iterable[Filed],
) -> Regime:
    parties = tuple(one.number for one in charter.members if one.role == "party")
    suspensions = tuple(
        Suspended(filed.place, _time(transcript, filed.place), filed.form.reason)
        for filed in forms
        if isinstance(filed.form, Suspension)
        and filed.form.word == word
        and filed.place.log.member in parties
    )
    missing = () if profile is None else _missing(profile, parties, forms)
    if profile is None:
        state = RegimeState.TEXTLESS
    elif missing:
        state = RegimeState.UNSTATED
    else:
        state = RegimeState.SUSPENDED if suspensions else RegimeState.IN_FORCE
    since_s = _began(transcript) if seal is None else _time(transcript, seal)
    return Regime(word, state, profile, seal, since_s, parties, missing, suspensions)


def _dropped(regime: Regime, seal: Place | None) -> Regime:
    return Regime(
        regime.word,
        RegimeState.DROPPED,
        regime.profile,
        regime.since,
        regime.since_s,
        regime.parties,
        regime.missing,
        regime.suspensions,
        seal,
    )


def _missing(
    profile: Profile, parties: Iterable[int], forms: Iterable[Filed]
) -> tuple[tuple[int, str], ...]:
    """Who has still to state which number: as the profile has it, in an entry of its own."""
    stated = {
        (filed.place.log.member, name, said)
        for filed in forms
        if isinstance(filed.form, Statement) and filed.form.digest == profile.digest
        for name, said in filed.form.numbers.items()
    }
    return tuple(
        (party, one.name)
        for party in parties
        for one in profile.unsure
        if (party, one.name, one.said) not in stated
    )


def _time(transcript: Transcript, place: Place) -> int:
    leaf = transcript.entry(*place).leaf
    return 0 if leaf is None else leaf.time_s


def _began(transcript: Transcript) -> int:
    """When the first of the logs began."""
    return min((_time(transcript, Place(log, 0)) for log in transcript.logs()), default=0)


def binds(transcript: Transcript, regime: Regime, place: Place) -> bool:
    """Whether the author of the entry at ``place`` spoke under this adoption: it was complete, its
    log had covered the seal, and had covered no suspension and no charter without it."""
    if regime.profile is None or regime.missing:
        return False
    if regime.since is not None and not knows(transcript, place, regime.since):
        return False
    ends = [one.place for one in regime.suspensions]
    if regime.dropped is not None:
        ends.append(regime.dropped)
    return not any(knows(transcript, place, end) for end in ends)


def knows(transcript: Transcript, at: Place, other: Place) -> bool:
    """Whether the log of ``at`` had entered or covered ``other`` before that entry."""
    if at.log.member == other.log.member:
        return (other.log.k, other.index) < (at.log.k, at.index)
    return transcript.vector(at.log, at.index).get(other.log, 0) > other.index


def in_force(found: Mapping[str, Regime], name: str) -> Regime | None:
    """The adoption of a profile that binds now, by the profile's name; of several the last."""
    standing = [
        one
        for one in found.values()
        if one.state is RegimeState.IN_FORCE and one.word.startswith(f"{name}/")
    ]
    return standing[-1] if standing else None
