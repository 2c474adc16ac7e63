"""The line's own record: who held what since when, what was answered, which turns failed."""

from __future__ import annotations

import hashlib

import pytest
from core.lineage import START_S, Line, line

from detente.core.encoding import b64
from detente.core.errors import LocalError, PeerError
from detente.core.export import Preamble, write_export
from detente.core.extras import HeldAhead, Mark, Relation, Rung, Stater
from detente.core.identity import origin
from detente.core.leaf import Kind, Precedence
from detente.trends.demo_line import OUTAGES, demo_transcript
from detente.trends.line_record import ANSWERED, LATE, MISSED, Outage, read_record

ANSWERS = bytes((Relation.ANSWERS,))


def exported(made: Line) -> bytes:
    """The export of a line by nobody on it: no body is in it but the charters'."""
    return b"".join(
        write_export(
            made.transcript(),
            Preamble(0, made.id, "detente/test", (), made.charter_text, ()),
            reader=0,
            origin=lambda log: origin(made.id, made.parties[log.member].id, log),
            heads=lambda _log: (),
        )
    )


def talk() -> Line:
    """Four dispatches of one: received, received ahead, never received, answered by a mark."""
    made = line("Aland", "Bland")
    a, b = made.logs
    first = a.say(time_s=START_S + 10, serial=1)
    b.seen(a, held_at_s=START_S + 15)
    ahead = a.say(time_s=START_S + 20, serial=2, precedence=Precedence.FLASH)
    held = HeldAhead(a.id, 2, ahead, START_S + 22).encode()
    b.say(Kind.HELD_AHEAD, extra=held)
    b.say(
        Kind.MARK,
        refs=(first,),
        extra=Mark(Rung.ANSWERED, Stater.WATCH).encode(),
        time_s=START_S + 99,
    )
    b.say(time_s=START_S + 70, serial=1, refs=(ahead,), extra=ANSWERS)
    a.say(time_s=START_S + 30, serial=3)
    return made


def test_receipts_are_the_reader_s_own_word():
    """By `seen`, by `held-ahead`, or not at all; and answers by a mark or a dispatch."""
    found = read_record([exported(talk())])
    told = {
        (call.author, call.sent_s - START_S): (call.received_s, call.answered_s, call.asks)
        for call in found.calls
    }
    assert told == {
        (0, 10): (START_S + 15, START_S + 99, True),
        (0, 20): (START_S + 22, START_S + 70, True),
        (0, 30): (None, None, True),
        (1, 70): (None, None, False),  # an answer asks nothing
    }


def test_the_earliest_cover_counts():
    """A later `seen` of more does not make a receipt later, nor does one of an older time."""
    made = line("Aland", "Bland")
    a, b = made.logs
    a.say(time_s=START_S + 10, serial=1)
    b.seen(a, held_at_s=START_S + 40)
    a.say(time_s=START_S + 20, serial=2)
    b.seen(a, held_at_s=START_S + 30)
    found = read_record([exported(made)])
    assert [call.received_s for call in found.calls] == [START_S + 30, START_S + 30]


def test_drills_are_counted_apart():
    """An exercise on a line that is none is left out of its use."""
    made = line("Aland", "Bland")
    made.logs[0].say(time_s=START_S + 10, serial=1, drill=True)
    found = read_record([exported(made)])
    assert found.calls == ()
    assert found.drill_entries == 1


def line_with(*outcomes: str) -> Line:
    """Turns of a link test every hour, with these outcomes."""
    made = line("Aland", "Bland")
    every_s = made.charter.test_every_s
    first = -(-START_S // every_s)
    for number, outcome in enumerate(outcomes, start=first):
        log, other = made.logs[number % 2], made.logs[1 - number % 2]
        if outcome != MISSED:
            log.say(Kind.TEST, time_s=number * every_s + 5, serial=1)
        if outcome == ANSWERED:
            other.seen(log, held_at_s=number * every_s + 9)
    last_s = (first + len(outcomes)) * every_s + made.charter.test_answer_within_s
    made.logs[0].say(time_s=last_s, serial=9)
    return made


def test_turns_are_answered_late_or_missed():
    """Each turn that is over has one of three outcomes, and failures in a row are one outage."""
    outcomes = [ANSWERED, MISSED, LATE, ANSWERED, MISSED, ANSWERED]
    found = read_record([exported(line_with(*outcomes))])
    assert [turn.outcome for turn in found.turns] == outcomes
    start_s = found.turns[0].start_s
    assert found.outages() == (
        Outage(start_s + 3_600, start_s + 10_800, 2),
        Outage(start_s + 14_400, start_s + 18_000, 1),
    )


def test_a_turn_whose_answer_is_not_due_yet_is_no_outage():
    """A record that ends before the last answers are due judges no turn."""
    made = line_with(ANSWERED, ANSWERED)
    made.logs[0].raws.pop()
    made.logs[0].bodies.pop()
    assert read_record([exported(made)]).turns == ()


def test_a_file_that_is_no_transcript_is_refused_with_its_line():
    """What does not parse is malformed, with the number of the line; nothing is read around it."""
    data = exported(talk()).replace(b"\nentry ", b"\nentri ", 1)
    with pytest.raises(PeerError) as caught:
        read_record([data])
    assert caught.value.facts["line_number"] == 6


def test_a_transcript_without_logs_has_no_record():
    """A charter alone says nothing of a line."""
    made = line("Aland", "Bland")
    body = b"detente transcript v1\nline %s\nbuild x\ncharter %s\n" % (
        made.id.hex().encode(),
        b64(made.charter_text).encode(),
    )
    origin_ = origin(made.id, made.parties[0].id, made.logs[0].id).encode()
    body += b"log " + origin_ + b"\n"
    body += b"end %s\n" % hashlib.sha256(body).hexdigest().encode()
    with pytest.raises(LocalError):
        read_record([body])


def test_chunks_may_end_anywhere():
    """The record and the hash of a file do not depend on how it is read."""
    data = exported(talk())
    whole = read_record([data])
    assert whole == read_record(data[at : at + 7] for at in range(0, len(data), 7))
    assert whole.sha256 == hashlib.sha256(data).hexdigest()


def test_the_demo_line_has_its_outages():
    """The transcript of the demo is the same each time, and shows what was put into it."""
    monday_s = 1_404_691_200
    data = demo_transcript(monday_s, 40)
    assert data == demo_transcript(monday_s, 40)
    found = read_record([data])
    assert found.title == "Demo line"
    assert len(found.outages()) == len(OUTAGES)
    assert any(call.answered_s is None for call in found.calls)
