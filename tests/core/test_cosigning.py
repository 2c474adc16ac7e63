"""Cosignatures one by one: what is signed, stored, sent and recalled, whole."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from core.lineage import party
from core.test_quantum import quantum
from core.test_receipts import cosign, with_liar
from core.test_witnessing import alone
from core.test_witnessing import cosign as statement
from liar import Liar
from pair import End

from detente.core import cosigning, events, frames, limits, notes
from detente.core.cosigning import COSIGNED_MAX, RECALLED_MAX, TIME_END_S
from detente.core.errors import MachineError, PeerError, Refusal
from detente.core.events import StoreCosignature
from detente.core.extras import Quote
from detente.core.frames import encode_frame
from detente.core.identity import author_name, heads_name, holds_name, holds_pq_name
from detente.core.leaf import Kind, LogId, Seen
from detente.core.line import Cosigned
from detente.core.link import Session
from detente.core.revocation import Revocation, Stand
from detente.core.station import Step


def step_of(end: End) -> Step:
    return Step(end.station, end.world.now(), end.entropy)


def session_of(end: End, member: int = 1) -> Session:
    found = end.line.session_of(member)
    assert found is not None
    return found


def sent(step: Step) -> list[bytes]:
    """The frames that a step sends, on whatever link."""
    return [effect.data for effect in step.out if isinstance(effect, events.Send)]


# --- given --------------------------------------------------------------------------------------


def test_a_cosignature_is_dated_from_the_last_leaf_and_from_0_behind_a_void_one() -> None:
    """Its time is when the head came to be held; what is sent is the difference."""
    world, liar, link, alpha = with_liar()
    liar.log.add_raw(b"\xff no leaf")
    liar.got(link)
    liar.entries(link, start=1)
    world.run()
    log = alpha.log_of(1)
    (frame,) = liar.answers(link, frames.Cosign)
    assert (frame.size, frame.late_s) == (2, log.held_at_s)
    log.recent.clear()  # the store has it too
    cosigning.cosign(step := step_of(alpha), alpha.line, session_of(alpha), log, log.head())
    assert sent(step) == [encode_frame(session_of(alpha).channel, frame)]


def test_what_was_just_signed_and_does_not_verify_ends_the_process() -> None:
    """The machine has failed: DISK, and nothing is stored or sent."""
    _world, _liar, _link, alpha = with_liar()
    alpha.station.keys.sign_holds = alpha.station.keys.sign_heads
    step, log = step_of(alpha), alpha.log_of(1)
    with pytest.raises(MachineError) as caught:
        cosigning.cosign(step, alpha.line, session_of(alpha), log, log.head())
    assert caught.value.refusal is Refusal.DISK
    assert step.out == []


def test_the_head_below_a_hole_is_cosigned_when_memory_has_forgotten_it() -> None:
    """Due or on request, the store gives it."""
    _world, liar, link, alpha = with_liar()
    liar.say("here")
    liar.entries(link, start=1)
    liar.say("gone")
    liar.entries(link, start=2, bodies=False)
    log = alpha.log_of(1)
    log.heads.clear()
    log.cosigned, alpha.line.cosign_now = 0, True
    cosigning.cosign_due(step_of(alpha), alpha.line)
    assert log.cosigned == 2
    step = step_of(alpha)
    cosigning.on_want_cosignature(step, alpha.line, session_of(alpha), log)
    assert len(sent(step)) == 1


def test_nothing_is_signed_with_a_revoked_key_and_who_asks_is_told_of_which_head() -> None:
    """Another's revoked key is no reason, and nor is a member without any."""
    world, _liar, _link, alpha = with_liar()
    line, log = alpha.line, alpha.log_of(1)
    other = Revocation(party("bravo").id, 1, "holds 0", "stolen", world.wall_s)
    alpha.station.revoked[party("bravo").holds(0).public()] = other
    cosigning.on_want_cosignature(step := step_of(alpha), line, session_of(alpha), log)
    assert len(sent(step)) == 1
    assert not cosigning._is_revoked(step, line, 9, 0)
    own = Revocation(alpha.id, 1, "holds 0", "stolen", world.wall_s)
    alpha.station.revoked[party("alpha").holds(0).public()] = own
    cosigning.on_want_cosignature(step := step_of(alpha), line, session_of(alpha), log)
    refuse = frames.Refuse(Refusal.REVOKED, log.id, log.size)
    assert sent(step) == [encode_frame(session_of(alpha).channel, refuse)]
    log.cosigned, line.cosign_now = 0, True
    cosigning.cosign_due(step := step_of(alpha), line)
    assert step.out == []


# --- taken --------------------------------------------------------------------------------------


def test_a_statement_of_another_role_is_declined_at_its_size() -> None:
    """So that its author knows which of them it was."""
    world, alpha, liar, link = alone("alpha", "bravo")
    liar.send(link, statement(alpha, "bravo", 1, world.wall_s, key="heads"))
    refused = frames.Refuse(Refusal.NOT_ALLOWED, alpha.own().id, 1)
    assert liar.answers(link, frames.Refuse) == [refused]


def test_an_observer_s_holds_key_of_a_later_number_is_another_role_s_too() -> None:
    """The key pair is that of the log it speaks in now."""
    world, alpha, _liar, _link = alone("alpha", "charlie")
    session, own = session_of(alpha, 2), alpha.own()
    session.current = LogId(2, 3, b"lifelife")
    message = notes.cosign_message(own.checkpoint(1, own.heads[1].root), world.wall_s)
    leaf = alpha.shelf(alpha.line.id).entry(own.id, 0).leaf
    assert leaf is not None
    signature = party("charlie").holds(3).sign(message)
    frame = frames.Cosign(None, 1, world.wall_s - leaf.time_s, signature)
    cosigning.on_cosign(step := step_of(alpha), alpha.line, session, frame)
    declined = frames.Refuse(Refusal.NOT_ALLOWED, own.id, 1)
    assert sent(step) == [encode_frame(session.channel, declined)]


def test_a_reader_cosigns_no_third_s_log() -> None:
    """Holders' cosignatures go to the author alone, true or not."""
    _world, alpha, liar, link = alone("alpha", "bravo")
    charlie = Liar(liar.world, "charlie")
    charlie.entries(charlie.greet("alpha"))
    liar.send(link, frames.Cosign(charlie.log.id, 1, 0, bytes(64)))
    assert [fact["refusal"] for fact in alpha.facts("refused")] == ["unknown-log"]


def test_a_missing_cosignature_is_asked_for_every_two_minutes() -> None:
    """From when it was missed, and then from when it was asked for."""
    world, _liar, _link, alpha = with_liar()
    session, own = session_of(alpha), alpha.own()
    session.holds[own.id] = own.size
    wait_ms = 2 * limits.COSIGN_WITHIN_S * 1000
    asked = []
    for later_ms in (0, wait_ms, wait_ms + 1, 2 * wait_ms + 1, 2 * wait_ms + 2):
        now = world.now()._replace(steady_ms=1 + later_ms)
        step = Step(alpha.station, now, alpha.entropy)
        cosigning.ask_cosignature(step, alpha.line, session)
        asked.append(len(sent(step)))
    assert asked == [0, 0, 1, 0, 1]
    assert session.uncosigned_ms == 1 + 2 * wait_ms + 2


@pytest.mark.parametrize("why", ["muted", "no log of ours"])
def test_nobody_is_asked_who_signs_nothing_or_for_nothing(why: str) -> None:
    """A mute peer, and before we have a log of our own."""
    _world, _liar, _link, alpha = with_liar()
    session, own = session_of(alpha), alpha.own()
    session.holds[own.id], session.uncosigned_ms = own.size, 1
    session.mute = why == "muted"
    if not session.mute:
        alpha.line.mine = None
    now = events.Now(alpha.world.wall_s, 10**9, 1)
    cosigning.ask_cosignature(step := Step(alpha.station, now, alpha.entropy), alpha.line, session)
    assert (step.out, session.uncosigned_ms) == ([], 1)


# --- quotes -------------------------------------------------------------------------------------


def of_bravo(size: int, name: str | None = None, k: int = 0) -> StoreCosignature:
    who = party("bravo").id
    name = holds_name(who, k) if name is None else name
    return StoreCosignature(bytes(32), LogId(0, 0, b""), size, name, 1, size, b"%d" % size)


def test_what_no_seen_has_reached_is_recalled() -> None:
    """Of the holds keys of a member that reads, above what it has stated of us, and so many."""
    _world, liar, link, alpha = with_liar()
    own = alpha.own()
    alpha.submit("more")
    alpha.do(events.Tick())
    liar.seen((alpha, own.id))
    liar.entries(link, start=1)
    stated = own.size
    kept = [
        of_bravo(stated),
        of_bravo(stated + 1, holds_pq_name(party("bravo").id)),
        of_bravo(stated + 1, heads_name(party("bravo").id)),
        *(of_bravo(stated + number, k=3) for number in range(1, COSIGNED_MAX + 3)),
    ]
    asked: list[tuple[LogId, int]] = []

    def read(log: LogId, at_least: int) -> list[StoreCosignature]:
        asked.append((log, at_least))
        return kept

    alpha.line.cosigned_by.clear()
    cosigning.recall(alpha.line, read)
    assert asked == [(own.id, stated + 1)]
    numbers = range(stated + 3, stated + COSIGNED_MAX + 3)
    assert list(alpha.line.cosigned_by[1]) == [Cosigned(n, n, 3, b"%d" % n) for n in numbers]
    alpha.line.cosigned_by.clear()
    cosigning.recall(alpha.line, lambda _log, _at_least: kept[:4])
    assert [one.size for one in alpha.line.cosigned_by[1]] == [stated + 1]


def test_who_has_stated_nothing_is_recalled_from_the_first_entry() -> None:
    """And from so many before the last, where that is later."""
    _world, _liar, _link, alpha = with_liar()
    asked: list[int] = []

    def read(_log: LogId, at_least: int) -> list[StoreCosignature]:
        asked.append(at_least)
        return [of_bravo(1)]

    alpha.line.cosigned_by.clear()
    cosigning.recall(alpha.line, read)
    assert [one.size for one in alpha.line.cosigned_by[1]] == [1]
    alpha.own().frontier.size += RECALLED_MAX
    size = alpha.own().size
    cosigning.recall(alpha.line, read)
    assert asked == [1, size - RECALLED_MAX + 1]


def test_what_a_holder_signed_before_it_became_an_observer_is_recalled_too() -> None:
    """Whoever reads nothing states nothing; where nobody reads, nothing is looked for."""
    _world, alpha, _liar, _link = alone("alpha", "charlie")
    line, own = alpha.line, alpha.own()
    one = replace(of_bravo(1, holds_name(party("charlie").id, 0)), member=2)
    asked: list[int] = []

    def read(_log: LogId, at_least: int) -> list[StoreCosignature]:
        asked.append(at_least)
        return [one]

    cosigning.recall(line, read)
    assert list(line.cosigned_by[2]) == [Cosigned(1, 1, 0, b"1")]
    line.charter = replace(line.charter, members=line.charter.members[:1])
    cosigning.recall(line, read)
    assert asked == [1, own.size + 1]


@pytest.mark.parametrize(
    ("before", "later_s", "quotes"), [(3, 1, 0), (2, 1, 1), (2, 0, 0), (0, 1, 1)]
)
def test_a_quote_is_made_of_what_a_seen_dates_later(before: int, later_s: int, quotes: int) -> None:
    """Beyond the charter's seconds, of what the peer had not stated before."""
    world, _liar, _link, alpha = with_liar()
    line, within_s = alpha.line, alpha.line.charter.seen_within_s
    line.cosigned_by[1] = deque([Cosigned(3, world.wall_s, 0, bytes(64))])
    held_at_s = world.wall_s + within_s + later_s
    cosigning.quote_late(line, 1, before, Seen(alpha.own().id, 4, bytes(32), held_at_s))
    quote = Quote(alpha.own().id, 3, 1, 0, world.wall_s, bytes(64)).encode()
    draft = events.Draft(kind=Kind.QUOTE, audience=line.everyone(), extra=quote)
    assert line.control == [draft] * quotes


def test_a_member_s_cosignatures_that_wait_for_its_seen_are_bounded() -> None:
    """What a `seen` leaves waiting is still no more than so many, the newest."""
    _world, _liar, _link, alpha = with_liar()
    line = alpha.line
    waiting = deque(Cosigned(size, 0, 0, b"") for size in range(1, COSIGNED_MAX + 9))
    line.cosigned_by[1] = waiting
    cosigning.quote_late(line, 1, 0, Seen(alpha.own().id, 4, bytes(32), 0))
    assert [one.size for one in line.cosigned_by[1]] == list(range(9, COSIGNED_MAX + 9))
    assert line.cosigned_by[1].maxlen == COSIGNED_MAX
    assert not line.control


# --- ML-DSA-44 ----------------------------------------------------------------------------------


def test_an_author_s_signature_is_stored_as_it_is_shown() -> None:
    """Of one time; to a peer that was streamed it or has confirmed it, and to nobody again."""
    _world, _liar, _link, alpha = with_liar()
    line, own, session = alpha.line, alpha.own(), session_of(alpha)
    for streamed, confirmed, shown in ((own.size, 0, 1), (0, own.size, 1), (0, own.size - 1, 0)):
        session.sent.pop(own.id, None)
        if streamed:
            session.sent[own.id] = streamed
        session.holds[own.id], session.quantum_size = confirmed, 0
        line.quantum_due_ms = 1
        cosigning.quantum(step := step_of(alpha), line)
        made = line.quantum
        assert made is not None
        assert line.quantum_due_ms == 0
        assert step.out[0] == StoreCosignature(
            line.id, own.id, own.size, author_name(alpha.id), 0, step.now.wall_s, made.signature
        )
        assert sent(step) == [encode_frame(session.channel, made)] * shown
        cosigning.quantum(step := step_of(alpha), line)
        assert step.out == []


def test_a_mute_node_signs_nothing_with_ml_dsa() -> None:
    """However long it has been due; and nothing is forgotten."""
    _world, _liar, _link, alpha = with_liar()
    alpha.line.mute, alpha.line.quantum_due_ms = "a test", 1
    cosigning.quantum(step := step_of(alpha), alpha.line)
    assert step.out == []
    assert alpha.line.quantum_due_ms == 1


def test_without_a_wide_bearer_nothing_is_signed_with_ml_dsa() -> None:
    """It stays due until there is one."""
    _world, _liar, _link, alpha = with_liar()
    session_of(alpha).wide, alpha.line.quantum_due_ms = False, 1
    cosigning.quantum(step := step_of(alpha), alpha.line)
    assert (step.out, alpha.line.quantum_due_ms) == ([], 1)


def test_who_has_nothing_of_a_log_is_not_shown_its_signature() -> None:
    """Not even one of a single entry; and nobody once the key is revoked."""
    world, _liar, _link, alpha = with_liar()
    line, own, session = alpha.line, alpha.own(), session_of(alpha)
    line.quantum = frames.Quantum(own.id, 1, 5, bytes(frames.MLDSA_BYTES))
    session.quantum_size = 0
    session.sent.pop(own.id, None)
    session.holds.pop(own.id, None)
    cosigning.quantum(step := step_of(alpha), line)
    assert step.out == []
    session.holds[own.id] = own.size
    word = Revocation(alpha.id, 1, "log-pq", "stolen", world.wall_s)
    alpha.station.revoked[party("alpha").card.card.log_mldsa44] = word
    cosigning.quantum(step := step_of(alpha), line)
    assert (step.out, line.quantum) == ([], None)


def test_the_head_below_a_hole_is_signed_with_ml_dsa_too() -> None:
    """When memory has forgotten it, the store gives it; all wide bearers are sent the signature."""
    _world, liar, link, alpha = with_liar()
    liar.say("gone")
    liar.entries(link, start=1, bodies=False)
    line, log = alpha.line, alpha.log_of(1)
    log.heads.clear()
    line.quantum_for = {log.id}
    cosigning.quantum(step := step_of(alpha), line)
    (kept,) = (effect for effect in step.out if isinstance(effect, StoreCosignature))
    assert (kept.log, kept.size, kept.name) == (log.id, 1, holds_pq_name(alpha.id))
    frame = frames.Quantum(log.id, 1, kept.time_s, kept.signature)
    assert sent(step) == [encode_frame(session_of(alpha).channel, frame)]
    assert line.quantum_for == set()


def test_a_signature_of_who_has_no_card_here_is_passed_over() -> None:
    """As one over a head that is not here, and told so."""
    _world, _liar, _link, alpha = with_liar()
    del alpha.station.cards[party("bravo").id]
    frame = frames.Quantum(LogId(1, 0, b""), 1, 5, bytes(frames.MLDSA_BYTES))
    cosigning.on_quantum(step := step_of(alpha), alpha.line, session_of(alpha), frame)
    assert step.out == [events.Tell("head-unknown", alpha.line.id, {"member": 1, "size": 1})]


def test_an_observer_s_signature_as_a_holder_is_not_allowed() -> None:
    """It holds no content, and this is declined before anything is verified: the amendment that
    made it an observer may not have reached it yet."""
    _world, alpha, liar, link = alone("alpha", "charlie")
    own = alpha.own()
    liar.send(link, frames.Quantum(own.id, 1, 5, bytes(frames.MLDSA_BYTES)))
    assert liar.answers(link, frames.Refuse) == [frames.Refuse(Refusal.NOT_ALLOWED, own.id, 1)]
    assert alpha.station.links[link].bad_frames == 0
    assert not [one for one in alpha.shelf(alpha.line.id).cosignatures if one.member == 2]


def test_a_true_signature_is_kept_whole_and_counted_for_its_member() -> None:
    """By log, member and kind, so that one's hides no other's."""
    world, liar, _link, alpha = with_liar()
    alpha.line.kept.clear()
    frame = quantum(liar, world.wall_s)
    cosigning.on_quantum(step := step_of(alpha), alpha.line, session_of(alpha), frame)
    log, name = liar.log.id, author_name(party("bravo").id)
    kept = StoreCosignature(alpha.line.id, log, 1, name, 1, world.wall_s, frame.signature)
    assert step.out == [kept]
    assert alpha.line.kept == {(log, 1, True): 1}


def test_a_revoked_author_key_is_taken_up_to_its_stand_and_declined_beyond() -> None:
    """At the stand itself it is still verified; the refusal says of which log and size."""
    world, liar, _link, alpha = with_liar()
    stand = Stand(liar.log.origin, 1, liar.log.root(1))
    for stands, refused in (((stand,), "bad-signature"), ((), "revoked")):
        word = Revocation(party("bravo").id, 1, "log-pq", "stolen", world.wall_s, stands)
        alpha.station.revoked[party("bravo").card.card.log_mldsa44] = word
        frame = frames.Quantum(liar.log.id, 1, 5, bytes(frames.MLDSA_BYTES))
        step, session = step_of(alpha), session_of(alpha)
        if refused == "revoked":
            cosigning.on_quantum(step, alpha.line, session, frame)
            declined = frames.Refuse(Refusal.REVOKED, liar.log.id, 1)
            assert sent(step) == [encode_frame(session.channel, declined)]
        else:
            with pytest.raises(PeerError) as caught:
                cosigning.on_quantum(step, alpha.line, session, frame)
            assert caught.value.refusal is Refusal.BAD_SIGNATURE


def test_a_true_cosignature_is_told_and_kept_whole() -> None:
    """Its size, its name, its date and who gave it."""
    world, liar, link, alpha = with_liar()
    frame = cosign(liar, link, 1, world.wall_s)
    cosigning.on_cosign(step := step_of(alpha), alpha.line, session_of(alpha), frame)
    name, own = holds_name(party("bravo").id, 0), alpha.own().id
    assert step.out == [
        StoreCosignature(alpha.line.id, own, 1, name, 1, world.wall_s, frame.signature),
        events.Tell("cosigned", alpha.line.id, {"member": 1, "log": own.word, "size": 1}),
    ]
    assert list(alpha.line.cosigned_by[1]) == [Cosigned(1, world.wall_s, 0, frame.signature)]
    assert alpha.line.cosigned_by[1].maxlen == COSIGNED_MAX
    assert session_of(alpha).holds[own] == 1


@pytest.mark.parametrize("time_s", [0, TIME_END_S - 1, TIME_END_S, -1])
def test_a_cosignature_is_of_a_time_that_five_bytes_can_say(time_s: int) -> None:
    """The first second and the last; the entry may be read from the store."""
    _world, liar, link, alpha = with_liar()
    alpha.own().recent.clear()
    leaf = alpha.shelf(alpha.line.id).entry(alpha.own().id, 0).leaf
    assert leaf is not None
    frame = replace(cosign(liar, link, 1, max(time_s, 0)), late_s=time_s - leaf.time_s)
    step, session = step_of(alpha), session_of(alpha)
    if 0 <= time_s < TIME_END_S:
        cosigning.on_cosign(step, alpha.line, session, frame)
        assert [one.time_s for one in alpha.line.cosigned_by[1]] == [time_s]
        return
    with pytest.raises(PeerError) as caught:
        cosigning.on_cosign(step, alpha.line, session, frame)
    assert caught.value.refusal is Refusal.MALFORMED


def test_a_cosignature_under_a_revoked_key_is_declined_at_its_size() -> None:
    """Of which log and which size is said to who sent it."""
    world, liar, link, alpha = with_liar()
    word = Revocation(party("bravo").id, 1, "holds 0", "stolen", world.wall_s)
    alpha.station.revoked[party("bravo").holds(0).public()] = word
    liar.got(link)
    liar.send(link, cosign(liar, link, 1, world.wall_s))
    refused = frames.Refuse(Refusal.REVOKED, alpha.own().id, 1)
    assert liar.answers(link, frames.Refuse) == [refused]
