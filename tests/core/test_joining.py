"""Joining a line by an amendment: what a new member signs, when, and what it may read."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from core.joins import (
    FOUR,
    HOUR_S,
    NAMES,
    accept,
    enter,
    founded,
    grown,
    joined,
    member,
    offer,
    refused,
    seal,
    successor,
)
from liar import Liar
from pair import World, heads

from detente.core import events, frames, protocol
from detente.core.charter import (
    join_texts,
    parse_charter,
    split_texts,
)
from detente.core.decisions import State, state_of_offer
from detente.core.errors import Refusal
from detente.core.extras import AMENDMENT, Offer
from detente.core.leaf import Kind, Leaf, LogId
from detente.core.quotas import DAY_S
from detente.core.revocation import Revocation
from detente.core.station import Station


def test_a_third_party_joins_and_all_three_speak() -> None:
    """It mirrors what was said, reads what is said from now on, and all hold one transcript."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    alpha.submit("before charlie came")
    world.run(40)
    charter = joined(world)
    for end in (alpha, bravo, charlie):
        assert end.line.charter == charter
    assert charlie.facts("joining") == [{"number": 1}]
    assert charlie.facts("joined") == [{"number": 1}]
    first = charlie.shelf(charlie.line.id).entry(LogId(2, 0, b""), 0)
    assert first.leaf is not None
    assert (first.leaf.kind, first.leaf.commitment) == (Kind.CHARTER, charlie.line.id)
    assert first.leaf.audience == 7
    assert first.body == world.charter().encode()
    assert charlie.texts(0) == [None]  # not addressed to it
    for end, text in ((alpha, "from alpha"), (bravo, "from bravo"), (charlie, "from charlie")):
        end.submit(text)
    world.run(70)
    assert [e.texts(2) for e in (alpha, bravo)] == [[b"\0from charlie"]] * 2
    assert charlie.texts(0)[-1] == b"\0from alpha"
    assert charlie.texts(1) == [b"\0from bravo"]
    assert heads(alpha) == heads(bravo) == heads(charlie)
    for end in (alpha, bravo, charlie):
        others = [log for log in end.line.logs.values() if log.id.member != end.line.me]
        assert all(log.stated[end.own().id] >= end.own().called for log in others)
        assert "refused" not in end.words()[-5:]
        assert end.closed == []


def test_nothing_is_signed_before_the_seal_is_final_here() -> None:
    """A joiner linked from the start mirrors nothing, enters nothing and submits nothing."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    world.link("alpha", "charlie")
    charter = grown(alpha)
    accept(charlie, charter)
    world.run(10)
    assert charlie.line.joining == charter.encode()
    assert charlie.line.mine is None
    assert not charlie.line.may_sign()
    assert not charlie.line.is_open()
    assert charlie.line.logs == {}
    assert refused(lambda: charlie.submit("too early")) is Refusal.NOT_ALLOWED
    made = offer(alpha, charter)
    seal(bravo, made)
    assert alpha.line.charter.number == 0  # sealed, and not known to be held by both
    assert charlie.line.logs == {}
    world.run(70)
    assert charlie.line.joining == b""
    assert charlie.line.is_open()
    charlie.submit("now")
    world.run(10)
    assert alpha.texts(2) == [b"\0now"]


def test_a_final_offer_shown_in_part_is_not_joined() -> None:
    """Who sees the seal and not its covers keeps waiting, whatever one member says."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    made = offer(alpha, charter)
    seal(bravo, made)
    world.run(70)
    accept(charlie, charter)
    world.link("alpha", "charlie")
    short = alpha.log_of(1)
    cut = world.dropping
    cut.add(("alpha", "charlie"))
    world.run(5)
    assert charlie.line.joining
    cut.clear()
    world.cut("alpha", "charlie")
    world.link("alpha", "charlie")
    world.run(30)
    assert not charlie.line.joining
    assert charlie.log_of(1).size >= short.size


def test_a_joiner_restarts_before_and_after() -> None:
    """The accepted text is stored; after a start a hello is awaited before anything is entered."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    accept(charlie, charter)
    charlie.restart()
    assert charlie.line.joining == charter.encode()
    assert charlie.line.awaits_hello
    made = offer(alpha, charter)
    seal(bravo, made)
    world.run(70)
    world.link("bravo", "charlie")  # alpha's log comes through bravo
    world.run(70)
    assert charlie.line.charter == charter
    assert charlie.own().size
    for end in (charlie, alpha):
        end.restart()
        assert end.line.charter == charter
        assert end.line.joining == b""
        assert end.line.admitted == {2: world.wall_s // DAY_S}
    world.link("alpha", "bravo")
    world.link("alpha", "charlie")
    world.link("bravo", "charlie")
    charlie.submit("again")
    world.run(70)
    assert alpha.texts(2) == [b"\0again"]
    assert heads(alpha) == heads(bravo) == heads(charlie)


def test_a_joiner_that_knows_of_a_revocation_is_one_after_a_start_too() -> None:
    """Whose key is void may end an amendment, and not the text by which it asks."""
    world = founded()
    charlie = world.ends["charlie"]
    charter = grown(world.ends["alpha"])
    accept(charlie, charter)
    (shelf,), (line_id,) = charlie.shelves.values(), charlie.shelves
    old = charlie.station
    station = Station(old.party, old.card, old.keys, charlie.shelf, cards=old.cards)
    station.revoked[bytes(32)] = Revocation(bytes(32), 0, "log 0", "lost", world.wall_s, ())
    said = (shelf.charter, shelf.member, [], [], "", shelf.joining)
    line = protocol.load_line(station, line_id, *said)
    assert (line.charter, line.left) == (charter, False)


def test_an_observer_joins_too() -> None:
    """It holds every leaf, cosigns nothing, and reads no content."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha, role="observer")
    made = offer(alpha, charter)
    seal(bravo, made)
    accept(charlie, charter)
    for name in ("alpha", "bravo"):
        world.link(name, "charlie")
    world.run(70)
    alpha.submit("not for observers")
    world.run(40)
    assert charlie.line.charter == charter
    assert charlie.texts(0) == [None]
    assert heads(alpha) == heads(charlie)


def test_a_second_joiner_is_given_the_texts_before_it() -> None:
    """Delta was addressed by amendment 3 alone; the members give it the texts of 1 and 2."""
    world = founded(FOUR)
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    delta = world.ends["delta"]
    joined(world)
    for change in ({"title": "Second"}, {}):
        charter = successor(alpha, **change) if change else grown(alpha, "delta")
        made = offer(alpha, charter, sealer=0)
        rest = [enter(end, Kind.ASSENT, 7, made) for end in (bravo, charlie)]
        seal(alpha, made, *rest)
        world.run(70)
    assert alpha.line.charter.number == 3
    accept(delta, alpha.line.charter)
    # Charlie alone: amendment 1 was addressed to it, not to the audience of its founding days.
    world.link("charlie", "delta")
    world.run(80)
    assert delta.line.charter == alpha.line.charter
    assert delta.facts("joined") == [{"number": 3}]
    assert delta.facts("charter-incomplete")[0]["detail"]
    for name in ("alpha", "bravo"):
        world.link(name, "delta")
    delta.submit("hello all")
    world.run(70)
    assert [end.texts(3) for end in (alpha, bravo, charlie)] == [[b"\0hello all"]] * 3
    assert heads(alpha) == heads(bravo) == heads(charlie) == heads(delta)


def test_an_offer_that_is_not_final_is_nobody_elses_to_read() -> None:
    """A joiner asks in vain for an amendment that was withdrawn before it came."""
    world = founded()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    dropped = enter(
        alpha,
        Kind.OFFER,
        3,
        extra=Offer(AMENDMENT, 1, 3, world.wall_s + HOUR_S).encode(),
        text=successor(alpha, title="Never").encode(),
    )
    enter(alpha, Kind.WITHDRAWAL, 3, dropped)
    world.run(40)
    joined(world)
    place = charlie.shelf(charlie.line.id).find(dropped)
    assert place is not None
    assert charlie.shelf(charlie.line.id).entry(*place).body is None
    liar = Liar(world, "charlie")
    link = liar.greet("alpha")
    liar.send(link, frames.Want(frames.WANT_BODY, *place))
    world.run(1)
    refusals = [one.refusal for one in liar.answers(link, frames.Refuse)]
    assert refusals == [Refusal.NOT_IN_AUDIENCE]


# --- attacks ------------------------------------------------------------------------------------


def test_who_is_not_in_the_sealed_charter_stays_outside() -> None:
    """Another text than the accepted one was sealed: no hello is answered, nothing is signed."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    accept(charlie, grown(alpha))
    made = offer(alpha, successor(alpha, title="Without charlie"))
    seal(bravo, made)
    for name in ("alpha", "bravo"):
        world.link(name, "charlie")
    world.run(70)
    assert alpha.line.charter.title == "Without charlie"
    assert charlie.line.joining
    assert charlie.line.logs == {}
    assert 2 not in {log.member for log in alpha.line.logs}


def test_another_text_that_names_us_is_not_the_one_accepted() -> None:
    """The officers accepted one text; a member sealed in by another waits for them to accept it."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    accept(charlie, grown(alpha))
    charter = replace(grown(alpha), quota_flash_per_day=1)
    made = offer(alpha, charter)
    seal(bravo, made)
    for name in ("alpha", "bravo"):
        world.link(name, "charlie")
    world.run(70)
    assert alpha.line.charter == charter
    assert charlie.log_of(0).size  # it mirrors
    assert charlie.line.mine is None
    accept(charlie, charter)
    world.run(5)
    assert charlie.line.charter == charter
    assert charlie.own().size


@pytest.mark.parametrize("end_of", ["withdrawn", "expired"])
def test_a_seal_that_binds_nobody_lets_nobody_in(end_of: str) -> None:
    """Withdrawn or expired, the offer leaves the joiner without a single signature, and the next
    one may give its number to another."""
    world = founded(FOUR)
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    delta = world.ends["delta"]
    charter = grown(alpha)
    made = offer(alpha, charter, lasts_s=20 if end_of == "expired" else HOUR_S)
    accept(charlie, charter)
    for name in ("alpha", "bravo"):
        world.link(name, "charlie")
    if end_of == "withdrawn":
        enter(alpha, Kind.WITHDRAWAL, 3, made)
        world.run(40)
        seal(bravo, made)
    else:
        world.cut("alpha", "bravo")
        draft = events.Draft(kind=Kind.SEAL, audience=3, refs=(made,))
        bravo.do(events.Submit(bravo.line.id, draft))
        world.run(30)
        world.link("alpha", "bravo")
    world.run(70)
    shelf = alpha.shelf(alpha.line.id)
    place = shelf.find(made)
    assert place is not None
    expected = State.WITHDRAWN if end_of == "withdrawn" else State.EXPIRED
    assert state_of_offer(shelf, place, world.wall_s).state is expected
    assert charlie.line.joining
    assert charlie.line.mine is None
    charter = grown(alpha, "delta")  # the number once offered to charlie
    made = offer(alpha, charter)
    accept(delta, charter)
    seal(bravo, made)
    for name in ("alpha", "bravo"):
        world.link(name, "delta")
    world.run(70)
    assert delta.own().id == LogId(2, 0, b"")
    made = offer(alpha, grown(alpha), sealer=0)
    accept(charlie, grown(alpha))
    seal(alpha, made, *[enter(end, Kind.ASSENT, 7, made) for end in (bravo, delta)])
    world.run(70)
    assert charlie.own().id == LogId(3, 0, b"")


def test_a_forged_founding_text_is_no_line_of_anybody() -> None:
    """Its id is another line's: the members refuse the hello, and the chain does not fit."""
    world = founded()
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    charter = grown(alpha)
    forged = replace(world.charter(), title="Forged")
    assert refused(lambda: accept(charlie, charter, forged)) is Refusal.CHARTER_MISMATCH
    later = replace(charter, number=2)  # of what came between nothing can be said yet
    accept(charlie, later, forged)
    world.link("alpha", "charlie")
    world.run(10)
    assert charlie.line.id != alpha.line.id
    assert charlie.line.logs == {}
    assert {"refusal": "unknown-line"} in charlie.facts("refused-by-peer")


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (lambda c: replace(c, number=0, predecessor=None), Refusal.CHARTER_MISMATCH),
        (lambda c: replace(c, drill=True), Refusal.CHARTER_MISMATCH),
        (lambda c: replace(c, members=c.members[:2]), Refusal.NOT_ALLOWED),
        (
            lambda c: replace(c, members=(c.members[0], member(1, "charlie"), member(2, "bravo"))),
            Refusal.CHARTER_MISMATCH,
        ),
        (
            lambda c: replace(c, members=(c.members[0], *c.members[2:], member(3, "delta"))),
            Refusal.CHARTER_MISMATCH,
        ),
    ],
    ids=["a founding one", "a drill", "without us", "a number already used", "one forgotten"],
)
def test_an_amended_charter_must_descend_from_the_founding_one(spoil, refusal: Refusal) -> None:
    """Numbers stay whose they are, and a text that does not name us is not ours to accept."""
    world = founded(FOUR)
    charlie = world.ends["charlie"]
    charter = spoil(grown(world.ends["alpha"]))
    assert refused(lambda: accept(charlie, charter)) is refusal
    assert charlie.station.lines == {}


def test_accepting_needs_cards_keys_and_a_line_we_are_not_of() -> None:
    """No card of a member, no pair for our log, a member already: refused, and nothing changes."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    assert refused(lambda: accept(alpha, charter)) is Refusal.NOT_ALLOWED
    card = charlie.station.cards.pop(bravo.id)
    assert refused(lambda: accept(charlie, charter)) is Refusal.UNKNOWN_PARTY
    charlie.station.cards[bravo.id] = card
    charlie.station.keys.k = 99
    assert refused(lambda: accept(charlie, charter)) is Refusal.NOT_ALLOWED
    charlie.station.keys.k = 0
    assert refused(lambda: charlie.do(events.Accept(world.charter().encode(), b"no"))) is (
        Refusal.MALFORMED
    )
    assert charlie.station.lines == {}
    alone = World(names=NAMES).ends["alpha"]
    assert refused(lambda: accept(alone, charter, world.charter())) is Refusal.NOT_ALLOWED


def test_a_number_in_a_sealed_amendment_is_never_given_twice() -> None:
    """Even signed by everyone, a text that gives bravo's number to charlie amends nothing."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = successor(
        alpha, members=(member(0, "alpha"), member(1, "charlie"), member(2, "bravo"))
    )
    made = offer(alpha, charter)
    seal(bravo, made)
    world.run(70)
    assert alpha.line.charter.number == 0
    assert refused(lambda: accept(charlie, charter)) is Refusal.CHARTER_MISMATCH


def test_entries_of_a_joiner_are_not_taken_before_finality_here() -> None:
    """Bravo holds no finality while it is cut off: charlie's log is refused, and comes later."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    made = offer(alpha, charter)
    accept(charlie, charter)
    seal(bravo, made)
    world.run(1)
    world.dropping.add(("alpha", "bravo"))  # bravo never hears that alpha holds its seal
    world.run(40)
    world.link("alpha", "charlie")
    world.link("bravo", "charlie")
    world.run(40)
    assert charlie.line.joining == b""
    assert charlie.own().size
    assert bravo.line.charter.number == 0
    assert 2 not in {log.member for log in bravo.line.logs}
    world.dropping.clear()
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo")
    world.run(70)
    assert bravo.line.charter == charter
    assert heads(alpha) == heads(bravo) == heads(charlie)


# --- restoring ------------------------------------------------------------------------------------


def test_a_joiner_that_lost_its_disk_signs_no_second_leaf_0() -> None:
    """Restored to the day it accepted, it is shown its own log and falls mute; adopted, it begins
    the next incarnation and finds the seal again."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    accept(charlie, charter)
    kept = deepcopy(charlie.shelves)
    made = offer(alpha, charter)
    seal(bravo, made)
    world.run(70)
    world.link("alpha", "charlie")
    charlie.world.run(70)
    assert charlie.own().size
    charlie.restart(kept)
    world.link("alpha", "charlie")
    world.run(70)
    assert charlie.line.mute
    assert not alpha.line.accused
    charlie.station.keys.k = 1
    charlie.do(events.Adopt(1))
    world.link("bravo", "charlie")
    world.run(70)
    assert charlie.own().id.k == 1
    assert charlie.line.joining == b""
    charlie.submit("restored")
    world.run(70)
    assert alpha.texts(2) == [b"\0restored"]
    assert heads(alpha) == heads(bravo) == heads(charlie)


def test_an_adoption_elsewhere_begins_no_log_here() -> None:
    """A joiner without a log is not adopted; its log begins later with the keys that are loaded."""
    world = founded()
    alpha, bravo, charlie = (world.ends[name] for name in NAMES)
    charter = grown(alpha)
    accept(charlie, charter)
    charlie.station.keys.k = 1
    charlie.do(events.Adopt(1))
    assert charlie.line.mine is None
    made = offer(alpha, charter)
    seal(bravo, made)
    world.link("alpha", "charlie")
    world.run(70)
    assert charlie.own().id == LogId(2, 1, b"")
    assert alpha.log_of(2).size == charlie.own().size


# --- quotas, forks, texts ------------------------------------------------------------------------


def test_the_past_of_an_old_line_is_taken_in_one_go() -> None:
    """Two years of entries are charged to the days they state, not to the joiner's last week."""
    world = founded(quota_entries_per_day=6)
    alpha, charlie = world.ends["alpha"], world.ends["charlie"]
    for _ in range(4):
        world.wall_s += 180 * DAY_S
        for number in range(3):
            alpha.submit(f"text {number}")
            world.run(40)
    world.wall_s += DAY_S
    joined(world)
    assert charlie.line.joining == b""
    assert "over-quota" not in charlie.words()
    assert heads(alpha) == heads(charlie)


def test_a_member_has_used_no_day_before_it_was_admitted() -> None:
    """A new member cannot spend the quota of the years before it came."""
    world = founded(quota_entries_per_day=5)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.wall_s += 300 * DAY_S
    charter = grown(alpha)
    made = offer(alpha, charter)
    seal(bravo, made)
    world.run(70)
    liar = Liar(world, "charlie")
    link = liar.greet("alpha")
    for day in range(100):
        liar.log.say(Kind.DUTY, extra=b"\1", time_s=world.wall_s - (100 - day) * DAY_S)
    liar.entries(link)
    world.run(1)
    assert alpha.facts("over-quota") == [{"member": 2, "which": 1}]


@pytest.mark.parametrize("kind", [Kind.CHARTER, Kind.ACCUSATION, Kind.DISPATCH, Kind.OFFER])
def test_what_the_record_is_made_of_is_opened_to_whoever_joins(kind: Kind) -> None:
    """The charter, and proofs that a log is forked, so that all see the same logs frozen."""
    line = founded().ends["alpha"].line
    leaf = Leaf(kind=kind, time_s=1, audience=3)
    assert line.entitled(leaf, 0, 5) is (kind in {Kind.CHARTER, Kind.ACCUSATION})


def test_an_offer_reaches_those_it_would_make_members_and_nobody_else() -> None:
    """Only the text of an offer widens its audience; anything else stays among the members."""
    world = founded()
    alpha, charter = world.ends["alpha"], grown(world.ends["alpha"])
    for kind, audience, text in (
        (Kind.OFFER, 15, charter.encode()),
        (Kind.OFFER, 7, b"no charter"),
        (Kind.OFFER, 7, b""),
        (Kind.CARD, 7, charter.encode()),
    ):
        outcome = refused(lambda case=(kind, audience, text): enter(alpha, *case[:2], text=case[2]))
        assert outcome is Refusal.NOT_ALLOWED
    assert alpha.log_of(0).size == alpha.own().size


def test_accepting_while_linked_greets_the_members_alone() -> None:
    """A trusted party that is no member of the line hears nothing of it."""
    world = founded(FOUR)
    charlie, delta = world.ends["charlie"], world.ends["delta"]
    world.link("charlie", "delta")
    world.link("alpha", "charlie")
    accept(charlie, grown(world.ends["alpha"]))
    world.run(5)
    assert [session.member for session in charlie.line.sessions.values()] == [0]
    assert delta.told == []


def test_two_texts_in_one_file_come_apart_again() -> None:
    """A charter's first line is found nowhere in it but at its head."""
    world = founded()
    first = replace(world.charter(), title="detente charter v1").encode()
    second = grown(world.ends["alpha"]).encode()
    assert split_texts(join_texts(first, second)) == (first, second)
    assert split_texts(first) == (first, b"")
    assert split_texts(b"") == (b"", b"")
    assert parse_charter(first).title == "detente charter v1"
