"""What is authorised is exactly what is sent, once, and the journal says who did it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from detente.core.errors import LocalError, Refusal
from detente.core.events import QueueOutbox
from detente.core.leaf import Kind
from detente.node import speaking

FIELDS: dict[str, Any] = {
    "subject": "Convoy",
    "text": "Ten lorries at 0600Z.",
    "precedence": "FLASH",
    "language": "en",
    "to": ["bravo"],
    "dtg_s": 1_770_292_845,
}


def by(*people: str) -> list[dict[str, Any]]:
    return [{"person": one, "at_s": 1_770_292_850, "passkey": "aa"} for one in people]


def released(pair: Any, command: Any, *people: str, **more: Any) -> dict[str, Any]:
    """The fields of `say` for a message that these people authorised."""
    fields = FIELDS | more
    fixed = command(pair.alpha, "fix", **fields)
    return fields | {
        "release": {"sha256": fixed["sha256"], "by": by(*people), "journal": fixed["journal"]}
    }


def refusal(pair: Any, command: Any, do: str, **arguments: Any) -> LocalError:
    with pytest.raises(LocalError) as refused:
        command(pair.alpha, do, **arguments)
    return refused.value


def notes(pair: Any, kind: str) -> list[dict[str, Any]]:
    journal = pair.alpha.store.journal
    found = [note for note in journal.read(0, journal.size()) if note.kind == kind]
    return [dict(note.data or {}) | {"hash": note.hash.hex()} for note in found]


def asking(pair: Any, line_of: Any, people: int) -> None:
    """The charter from here on asks for so many people at every precedence."""
    import dataclasses

    line = line_of(pair.alpha)
    line.charter = dataclasses.replace(line.charter, release=(people,) * 6)


def with_desk(pair: Any) -> None:
    (pair.alpha.home.path / "desk").mkdir()


def test_a_form_names_everything_that_is_sent(pair: Any, command: Any, line_of: Any) -> None:
    """Line, kind, precedence, drill, readers, references, time, language, label and body stand in
    the form, and its hash is over its first line and its text."""
    pair.say("earlier", node=pair.bravo)
    relation = {"entry": "B-0001", "relation": "answers"}
    fixed = command(pair.alpha, "fix", **FIELDS, relations=[relation])
    form = json.loads(fixed["form"])
    line = line_of(pair.alpha)
    answered = command(pair.alpha, "show", entry="B-0001")["hash"]
    assert form["line"] == line.id.hex()
    assert (form["kind"], form["precedence"], form["drill"]) == ("dispatch", "FLASH", False)
    assert form["readers"] == [0, 1]
    assert form["references"] == [{"entry": answered, "relation": "answers"}]
    assert (form["dtg_s"], form["language"], form["charter"]) == (FIELDS["dtg_s"], "en", 0)
    assert form["label"] == "parties-only"
    stated = hashlib.sha256(b"detente authorisation v1\n" + fixed["form"].encode()).hexdigest()
    assert fixed["sha256"] == stated
    assert fixed["people"] == 1
    assert [one["name"] for one in fixed["readers"]] == ["alpha", "bravo"]


def test_a_frame_is_about_as_long_as_was_foretold(
    pair: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The length that people are shown is that of the frame, give or take a few bytes."""
    pair.say("earlier")
    request = released(pair, command, "1")
    fixed = command(pair.alpha, "fix", **FIELDS)
    sent: list[int] = []
    send = pair.alpha.links.send
    monkeypatch.setattr(
        pair.alpha.links,
        "send",
        lambda number, frame, urgent=False: (sent.append(len(frame)), send(number, frame)),
    )
    command(pair.alpha, "say", **request)
    assert max(sent) <= fixed["frame_bytes"] <= max(sent) + 32
    assert fixed["packed_bytes"] >= fixed["plain_bytes"] > len(FIELDS["text"])


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Nine lorries at 0600Z."},
        {"precedence": "ROUTINE"},
        {"drill": True},
        {"to": ["alpha"]},
        {"language": "ru"},
        {"label": "mediator"},
        {"personal": True},
        {"dtg_s": 1_770_292_846},
        {"subject": "Convoys"},
        {"relations": [{"entry": "A-0001", "relation": "refers"}]},
    ],
)
def test_another_message_than_the_authorised_one_is_refused(
    pair: Any, command: Any, change: dict[str, Any]
) -> None:
    """Whatever differs from the form that was authorised, nothing is written or sent."""
    pair.say("earlier")
    request = released(pair, command, "1") | change
    error = refusal(pair, command, "say", **request)
    assert error.refusal is Refusal.NOT_ALLOWED
    assert "not what was authorised" in error.detail
    assert notes(pair, "authorisation") == []


def test_the_leaf_names_the_record_of_who_authorised(pair: Any, command: Any) -> None:
    """The journal's note says who; its hash is in the leaf, and the other side sees «authorised»
    without a name."""
    look = command(pair.alpha, "say", **released(pair, command, "1", "2"))
    pair.pump()
    done = look()
    assert (done["state"], done["entry"]) == ("received", "A-0001")
    (note,) = notes(pair, "authorisation")
    assert [one["person"] for one in note["by"]] == ["1", "2"]
    assert (note["missing"], note["people"], note["sha256"]) == (
        0,
        1,
        command(pair.alpha, "fix", **FIELDS)["sha256"],
    )
    assert "body" not in note["form"]
    ours = command(pair.alpha, "show", entry="A-0001")
    assert ours["release"] == note["hash"] == done["note"]
    assert [one["person"] for one in ours["authorisation"]["by"]] == ["1", "2"]
    theirs = command(pair.bravo, "show", entry="A-0001")
    assert theirs["release"] == note["hash"]
    assert "authorisation" not in theirs
    assert theirs["dtg_s"] == FIELDS["dtg_s"]


def test_too_few_people_are_refused(pair: Any, command: Any, line_of: Any) -> None:
    """The charter's number of people counts, and one who signs twice is one."""
    asking(pair, line_of, 2)
    request = released(pair, command, "1", "1")
    error = refusal(pair, command, "say", **request)
    assert error.refusal is Refusal.NOT_ALLOWED
    assert "1 authorised, and the charter asks for 2 at FLASH" in error.detail
    nobody = released(pair, command)
    assert refusal(pair, command, "say", **nobody).refusal is Refusal.NOT_ALLOWED
    many = released(pair, command, *"123456789")
    assert refusal(pair, command, "say", **many).refusal is Refusal.OVERSIZE
    look = command(pair.alpha, "say", **released(pair, command, "1", "2"))
    assert pair.pump()
    assert look()["entry"] == "A-0001"


def test_only_flash_goes_before_its_second_authorisation(
    pair: Any, command: Any, line_of: Any
) -> None:
    """What is missing is written down, and a second person countersigns in a note that names the
    first; below FLASH everybody is waited for."""
    asking(pair, line_of, 2)
    request = released(pair, command, "1", precedence="IMMEDIATE")
    request["release"]["missing"] = 1
    assert "waits for everybody" in refusal(pair, command, "say", **request).detail
    request = released(pair, command, "1")
    request["release"]["missing"] = 1
    look = command(pair.alpha, "say", **request)
    pair.pump()
    note = look()["note"]
    assert command(pair.alpha, "show", entry="A-0001")["authorisation"]["missing"] == 1
    command(pair.alpha, "countersign", note=note, by=by("2"))
    (second,) = notes(pair, "countersigned")
    assert (second["note"], second["by"][0]["person"]) == (note, "2")


def test_a_countersignature_is_of_an_authorisation(pair: Any, command: Any) -> None:
    """Another note, none, or nobody's signature is refused."""
    command(pair.alpha, "duty", on=True)
    (duty,) = notes(pair, "duty")
    for wrong in (duty["hash"], "00" * 32):
        error = refusal(pair, command, "countersign", note=wrong, by=by("2"))
        assert error.refusal is Refusal.NOT_FOUND
    assert refusal(pair, command, "countersign", note="x", by=by("2")).refusal is Refusal.USAGE
    look = command(pair.alpha, "say", **released(pair, command, "1"))
    nobody = refusal(pair, command, "countersign", note=look()["note"], by=[])
    assert nobody.refusal is Refusal.NOT_ALLOWED


def test_what_was_said_is_not_said_again(pair: Any, command: Any) -> None:
    """A desk that lost the answer asks again with the same form: one entry, one note."""
    request = released(pair, command, "1")
    first = command(pair.alpha, "say", **request)
    pair.pump()
    again = command(pair.alpha, "say", **request)()
    assert again["entry"] == first()["entry"] == "A-0001"
    assert again["again"]
    assert again["note"] == first()["note"]
    assert len(notes(pair, "authorisation")) == 1
    pair.pump()
    assert command(pair.alpha, "lines")[0]["own_size"] == again["index"] + 1


def test_what_is_queued_is_found_again_after_a_restart(pair: Any, command: Any) -> None:
    """Queued with no link, the node ends; asked again it finds the row, and sends it once."""
    pair.cut()
    request = released(pair, command, "1")
    never = refusal(pair, command, "say", **request, again=True)
    assert never.refusal is Refusal.NOT_FOUND
    assert notes(pair, "authorisation") == []
    assert command(pair.alpha, "say", **request)()["state"] == "queued"
    assert command(pair.alpha, "say", **request, again=True)()["state"] == "queued"
    pair.close("alpha")
    pair.open("alpha")
    again = command(pair.alpha, "say", **request)()
    assert (again["state"], again["again"]) == ("queued", True)
    assert len(command(pair.alpha, "outbox")) == 1


def test_what_a_disk_kept_in_the_outbox_is_not_sent_twice(
    pair: Any, command: Any, line_of: Any
) -> None:
    """The entry is in the store and its row is there too: after a restart the row is dropped."""
    pair.cut()
    command(pair.alpha, "say", text="Once")
    line = line_of(pair.alpha)
    line = line_of(pair.alpha)
    (row,) = line.queue.rows.values()
    pair.connect()
    assert command(pair.alpha, "outbox") == []
    store = pair.alpha.store
    store.begin()
    store.apply(QueueOutbox(line.id, row))
    store.commit()
    pair.close("alpha")
    pair.open("alpha")
    assert len(command(pair.alpha, "outbox")) == 1
    pair.connect()
    assert command(pair.alpha, "outbox") == []
    assert pair.alpha.store.outbox(line.id) == []
    texts = [one["text"] for one in command(pair.bravo, "inbox")["entries"]]
    assert texts.count("Once") == 1


def test_a_record_without_its_message_is_used(
    pair: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node ended between note and queue: asked again it queues under the same note."""
    request = released(pair, command, "1")

    def fail(*_: Any) -> None:
        raise LocalError(Refusal.DISK, "gone")

    with monkeypatch.context() as patched:
        patched.setattr(pair.alpha, "submit", fail)
        assert refusal(pair, command, "say", **request).refusal is Refusal.DISK
    (note,) = notes(pair, "authorisation")
    assert command(pair.alpha, "outbox") == []
    look = command(pair.alpha, "say", **request)
    pair.pump()
    assert (look()["entry"], look()["note"]) == ("A-0001", note["hash"])
    assert len(notes(pair, "authorisation")) == 1


def test_a_form_is_looked_for_without_a_place(pair: Any, command: Any) -> None:
    """Who does not say from which note on is served from the last notes."""
    request = released(pair, command, "1")
    del request["release"]["journal"]
    command(pair.alpha, "say", **request)
    pair.pump()
    assert command(pair.alpha, "say", **request)()["again"]


def test_where_no_desk_is_nothing_is_asked(pair: Any, command: Any) -> None:
    """Without a desk whoever may use the socket speaks for the watch, and names no record."""
    assert pair.say("plain")["entry"] == "A-0001"
    assert command(pair.alpha, "show", entry="A-0001")["release"] is None
    assert notes(pair, "break-glass") == []


def test_beside_a_desk_the_glass_is_broken_with_a_reason(pair: Any, command: Any) -> None:
    """Where a desk is set up, a message that nobody authorised needs a reason, which the journal
    keeps; the leaf names no record, so that nobody takes it for authorised."""
    with_desk(pair)
    events: list[dict[str, Any]] = []
    pair.alpha.followers.append(events.append)
    assert refusal(pair, command, "say", **FIELDS).refusal is Refusal.NOT_ALLOWED
    blank = refusal(pair, command, "say", **FIELDS, reason=" ")
    assert "--reason" in blank.detail
    long = refusal(pair, command, "say", **FIELDS, reason="x" * 1001)
    assert long.refusal is Refusal.OVERSIZE
    look = command(pair.alpha, "say", **FIELDS, reason="no passkey works since 0400Z")
    pair.pump()
    assert look()["entry"] == "A-0001"
    (note,) = notes(pair, "break-glass")
    assert note["reason"] == "no passkey works since 0400Z"
    assert note["form"]["precedence"] == "FLASH"
    assert command(pair.alpha, "show", entry="A-0001")["release"] is None
    assert [one["result"]["event"] for one in events].count("break-glass") == 1


def test_broken_glass_is_broken_once(
    pair: Any, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a fixed time the same text is one message, queued or sent or neither yet; without, the
    same words are said as often as they are said."""
    with_desk(pair)
    fields = FIELDS | {"reason": "no passkey"}
    never = refusal(pair, command, "say", **fields, again=True)
    assert never.refusal is Refusal.NOT_FOUND

    def fail(*_: Any) -> None:
        raise LocalError(Refusal.DISK, "gone")

    with monkeypatch.context() as patched:
        patched.setattr(pair.alpha, "submit", fail)
        assert refusal(pair, command, "say", **fields).refusal is Refusal.DISK
    pair.cut()
    assert command(pair.alpha, "say", **fields)()["state"] == "queued"
    again = command(pair.alpha, "say", **fields)()
    assert (again["state"], again["again"]) == ("queued", True)
    pair.connect()
    assert command(pair.alpha, "say", **fields)()["entry"] == "A-0001"
    (note,) = notes(pair, "break-glass")
    command(pair.alpha, "countersign", note=note["hash"], by=by("2"))
    assert notes(pair, "countersigned")[0]["note"] == note["hash"]
    assert [pair.say("x", reason="r")["entry"] for _ in "12"] == ["A-0002", "A-0003"]


def test_a_national_marking_stops_a_form(pair: Any, command: Any) -> None:
    """Nobody is asked to authorise what may not leave."""
    for fields in (FIELDS | {"text": "SECRET\nx"}, {"accident": {"what": "NOFORN"}}):
        error = refusal(pair, command, "fix", **fields)
        assert error.refusal is Refusal.NOT_ALLOWED
        assert "is marked" in error.detail


def test_an_accident_report_has_a_form(pair: Any, command: Any) -> None:
    """Blank fields and all; as FLASH unless another precedence is asked for."""
    fixed = command(pair.alpha, "fix", accident={"what": "aircraft", "time_s": 1_770_292_000})
    form = json.loads(fixed["form"])
    assert (form["kind"], form["precedence"]) == ("accident", "FLASH")
    assert command(pair.alpha, "lines")[0]["own_size"] == 1  # nothing was entered


def test_a_wait_that_is_none_writes_no_record(pair: Any, command: Any) -> None:
    """A field that is wrong is refused before the journal says anything."""
    error = refusal(pair, command, "say", **released(pair, command, "1"), wait="for ever")
    assert error.refusal is Refusal.USAGE
    assert notes(pair, "authorisation") == []


def test_progress_passes_over_other_entries(pair: Any, command: Any, line_of: Any) -> None:
    """Among our entries only the one that is meant is told of."""
    pair.say("one")
    line = line_of(pair.alpha)
    found = speaking.progress(
        pair.alpha, line, -1, 0, lambda leaf: leaf.kind == Kind.ACCIDENT, "sent"
    )
    assert found["entry"] is None
