"""Adoption by charter, statements of numbers, suspension by one party, and return by all."""

from __future__ import annotations

import pytest
from regimes import profile, say

from detente.core.charter import charter_id
from detente.core.errors import LocalError, Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind
from detente.core.succession import charter_in_force
from detente.core.transcript import Place
from detente.dossiers.notice_forms import ProfileText, Statement, Suspension
from detente.dossiers.regimes import (
    RegimeState,
    Suspended,
    binds,
    forms_in,
    in_force,
    knows,
    regimes,
)

UNSURE = {"number__lead__certainty": "M"}


def amend(line, founding, *words):
    """An amendment that names these profiles: offered by A, sealed by B, held by A. Its seal."""
    a, b = line.logs[:2]
    now = charter_in_force(line.transcript, founding)
    line.charter = now
    line.amend(number=now.number + 1, predecessor=charter_id(now.encode()), profiles=tuple(words))
    terms = Offer(AMENDMENT, b.member, 0b11, line.time_s + 86_400).encode()
    offer = line.add(a, Kind.OFFER, extra=terms, body=line.charter.encode())
    seal = line.add(b, Kind.SEAL, refs=(line.hash(offer),), seen={a: offer.index + 1})
    line.sees(a, seal)
    return seal


def of(line, founding):
    """Every adoption on the line."""
    return regimes(line.transcript, founding, forms_in(line.transcript))


def test_an_amendment_adopts_a_profile_whose_text_is_in_the_transcript(two):
    """In force from the seal on; before its text is there, textless; of other names nothing."""
    founding, one = two.charter, profile()
    assert of(two, founding) == {}
    seal = amend(two, founding, one.word(1), "open-skies")
    found = of(two, founding)
    assert [regime.state for regime in found.values()] == [RegimeState.TEXTLESS]
    assert in_force(found, one.name) is None
    before = say(two, two.logs[0], ProfileText(one))
    regime = in_force(of(two, founding), one.name)
    assert (regime.state, regime.since, regime.profile) == (RegimeState.IN_FORCE, seal, one)
    assert regime.since_s == two.leaf(seal).time_s
    assert regime.parties == (0, 1)
    assert binds(two.transcript, regime, before)
    assert not binds(two.transcript, regime, Place(two.logs[0], 0))


def test_a_founding_charter_may_name_a_profile(two):
    """Then it binds from the beginning."""
    one = profile()
    two.amend(profiles=(one.word(1),))
    place = say(two, two.logs[1], ProfileText(one))
    regime = of(two, two.charter)[one.word(1)]
    assert (regime.since, regime.since_s) == (None, two.leaf(Place(two.logs[0], 0)).time_s)
    assert binds(two.transcript, regime, place)


def test_a_word_whose_name_is_another_text_s_adopts_nothing(two):
    """Name and digest both have to fit."""
    one = profile()
    two.amend(profiles=(f"other-flight/1/{one.digest}",))
    say(two, two.logs[0], ProfileText(one))
    assert [one.state for one in of(two, two.charter).values()] == [RegimeState.TEXTLESS]


def test_a_recalled_number_binds_nobody_before_all_have_stated_it(three):
    """Each party in an entry of its own, and the very number; a mediator's word is not asked."""
    two, (a, b, _) = three, three.logs
    one = profile(**UNSURE)
    two.amend(profiles=(one.word(1),))
    say(two, a, ProfileText(one))
    assert of(two, two.charter)[one.word(1)].missing == ((0, "lead"), (1, "lead"))
    say(two, a, Statement(one.digest, {"lead": "24 h"}))
    say(two, b, Statement(one.digest, {"lead": "25 h"}))
    say(two, b, Statement(profile().digest, {"lead": "24 h"}))
    regime = of(two, two.charter)[one.word(1)]
    assert (regime.state, regime.missing) == (RegimeState.UNSTATED, ((1, "lead"),))
    assert not binds(two.transcript, regime, say(two, a, "hello"))
    say(two, b, Statement(one.digest, {"lead": "24 h"}))
    assert of(two, two.charter)[one.word(1)].state is RegimeState.IN_FORCE


def test_one_party_suspends_and_all_resume_under_the_next_edition(two):
    """A suspension ends an edition for its author at once, for others when they know of it."""
    a, b = two.logs
    founding, one = two.charter, profile()
    amend(two, founding, one.word(1))
    say(two, a, ProfileText(one))
    stop = say(two, b, Suspension(one.word(1), "a dispute"))
    crossing = say(two, a, "crossing it")
    after = say(two, b, "behind it")
    two.sees(a, stop)
    knowing = say(two, a, "knowing it")
    regime = of(two, founding)[one.word(1)]
    assert regime.state is RegimeState.SUSPENDED
    assert regime.suspensions == (Suspended(stop, two.leaf(stop).time_s, "a dispute"),)
    assert [binds(two.transcript, regime, at) for at in (crossing, after, knowing)] == [
        True, False, False,
    ]  # fmt: skip
    seal = amend(two, founding, one.word(2))
    found = of(two, founding)
    assert [regime.state for regime in found.values()] == [
        RegimeState.DROPPED, RegimeState.IN_FORCE,
    ]  # fmt: skip
    assert in_force(found, one.name).word == one.word(2)
    assert found[one.word(1)].dropped == seal
    assert binds(two.transcript, found[one.word(2)], say(two, b, "again"))
    assert not binds(two.transcript, found[one.word(1)], say(two, b, "old"))


def test_a_version_takes_the_place_of_the_one_before(two):
    """Both name one profile; the last that stands is in force."""
    founding, old, new = two.charter, profile(), profile(number__lead__value=48)
    amend(two, founding, old.word(1), "new-start")
    amend(two, founding, new.word(2))
    for one in (old, new):
        say(two, two.logs[0], ProfileText(one))
    found = of(two, founding)
    assert in_force(found, old.name).profile.numbers["lead"].value == 48
    assert [one.state.value for one in found.values()] == ["dropped", "in-force"]


def test_what_is_offered_and_not_final_adopts_nothing(two):
    """Nobody is bound by an offer; where the text of a final one is not here, nobody guesses."""
    founding, one = two.charter, profile()
    a, b = two.logs
    two.amend(number=1, predecessor=charter_id(founding.encode()), profiles=(one.word(1),))
    terms = Offer(AMENDMENT, b.member, 0b11, two.time_s + 86_400).encode()
    offer = two.add(a, Kind.OFFER, extra=terms, body=two.charter.encode())
    assert of(two, founding) == {}
    seal = two.add(b, Kind.SEAL, refs=(two.hash(offer),), seen={a: offer.index + 1})
    two.sees(a, seal)
    log = two.transcript._logs[a]
    log[offer.index] = log[offer.index]._replace(body=None)
    with pytest.raises(LocalError) as caught:
        of(two, founding)
    assert caught.value.refusal is Refusal.CONTEXT_INCOMPLETE


def test_what_does_not_count_files_nothing_and_each_body_is_opened_once(two):
    """A void entry is no form; what was read is kept, what holds no form is not looked at again,
    and a body that was purged is not used."""
    a, _ = two.logs
    place = say(two, a, ProfileText(profile()))
    void = say(two, a, ProfileText(profile()), serial=0)  # a dispatch has a serial
    plain = two.dispatch(a)
    known = dict.fromkeys((plain, void, place))
    (found,) = forms_in(two.transcript, known=known)
    assert (found.place, known) == (place, {place: found.form, void: None})
    (again,) = forms_in(two.transcript, known=known)
    assert again.form is found.form
    assert [one.place for one in forms_in(two.transcript)] == [place]
    assert forms_in(two.transcript, known={}) == []
    log = two.transcript._logs[a]
    log[place.index] = log[place.index]._replace(body=None)
    assert forms_in(two.transcript, known=known) == []


def test_a_later_incarnation_knows_what_the_one_before_had_entered(two):
    """Lower incarnations come first."""
    a, _ = two.logs
    said = two.dispatch(a)
    log = two.resume(0, 1, {a: said.index + 1})
    assert knows(two.transcript, Place(log, 0), said)
    assert not knows(two.transcript, said, Place(log, 0))
