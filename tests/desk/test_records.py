"""What an auditor with files alone finds out of who authorised a message."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from desk.authenticator import Authenticator
from desk.parties import Parties
from node.conftest import command, line_of

from detente.cli.main import main
from detente.core.encoding import b64
from detente.core.errors import LocalError, PeerError, Refusal
from detente.desk import fixed, passkeys, records, sending
from detente.desk.desk import wall_s
from detente.desk.records import Checked, check_record
from detente.node.disclosing import FIRST_LINE
from detente.node.folder import own_card

NOW_S = 1_770_292_900
FLASH = {"text": "Ten lorries at 0600Z.", "precedence": "FLASH", "subject": "Convoy"}


def officer(parties: Parties, name: str) -> tuple[Any, Authenticator]:
    """Somebody with a passkey at Alpha's desk."""
    person = parties.desk.people.add(name, frozenset({"releaser"}), "en", wall_s())
    device = Authenticator(id=name.encode())
    answer = device.create(passkeys.offer_registration(parties.desk, person))
    passkeys.register(parties.desk, person, answer, "key")
    return person, device


def signed(parties: Parties, form: dict[str, Any], *officers: Any) -> list[dict[str, Any]]:
    """The rows of these officers under a form, as the desk makes them."""
    said, rows = fixed.statement(form), []
    for person, device in officers:
        options = passkeys.ask(parties.desk, person, said, fixed.PURPOSE)
        made = passkeys.check(parties.desk, person, said, fixed.PURPOSE, device.sign(options))
        rows.append(sending.row_of(parties.desk, person, made))
    return rows


def say(parties: Parties, *officers: Any, by: Any = None, missing: int = 0, **more: Any) -> Any:
    """Sends a dispatch that they authorised; gives what became of it."""
    fields = FLASH | more
    form = command(parties.pair.alpha, "fix", **fields)
    release = {"sha256": form["sha256"], "journal": form["journal"], "missing": missing}
    release["by"] = signed(parties, form, *officers) if by is None else by
    look = command(parties.pair.alpha, "say", **fields, dtg_s=form["dtg_s"], release=release)
    parties.pair.pump()
    return look() | {"form": form}


def files(parties: Parties, entry: str) -> tuple[bytes, bytes, list[bytes]]:
    """Record, proof and cards, as an auditor gets them."""
    record = command(parties.pair.alpha, "disclose", entry=entry)["record_b64"]
    proof = command(parties.pair.alpha, "prove", entry=entry, bundle=True)["proof_b64"]
    cards = [own_card(parties.pair.folder / name).data for name in ("alpha", "bravo")]
    return base64.b64decode(record), base64.b64decode(proof), cards


def check(parties: Parties, entry: str) -> Checked:
    """What the files of an entry show."""
    return check_record(*files(parties, entry), NOW_S)


def test_who_signed_what_was_sent_is_found_in_files_alone(parties: Parties) -> None:
    """Two officers with two passkeys: both signatures stand over the form made of the entry, with
    names, times and keys; the proof is checked along."""
    officers = [officer(parties, name) for name in ("First", "Second")]
    sent = say(parties, *officers)
    found = check(parties, sent["entry"])
    assert found.ok
    assert (found.people, found.asked, found.sha256) == (2, 1, sent["form"]["sha256"])
    assert [(one.name, one.later, one.trouble) for one in found.signed] == [
        ("First", False, ""),
        ("Second", False, ""),
    ]
    assert found.signed[0].passkey == b"First".hex()
    assert found.entry is not None
    assert found.entry.precedence == "FLASH"


def test_an_accident_report_with_references_is_checked_the_same_way(parties: Parties) -> None:
    """Kind, references and readers of the form are those of the entry."""
    one = officer(parties, "First")
    parties.bravo_says("What happened?")
    relations = [{"entry": "B-0001", "relation": "answers"}]
    sent = say(parties, one, relations=relations, accident={"what": "aircraft"}, text=None)
    assert check(parties, sent["entry"]).ok


def test_a_signature_of_something_else_does_not_stand(parties: Parties) -> None:
    """A node that keeps a signature over another form under a message is found out: the entry
    names the record, and the record's signature is not of what was sent."""
    one = officer(parties, "First")
    other = command(parties.pair.alpha, "fix", **FLASH | {"text": "Nine lorries."})
    sent = say(parties, by=signed(parties, other, one))
    found = check(parties, sent["entry"])
    assert (found.ok, found.bad, found.people) == (False, None, 0)
    assert "does not stand" in found.signed[0].trouble
    bare = say(parties, by=[{"person": "1"}], text="Eight lorries.")
    assert [one.trouble for one in check(parties, bare["entry"]).signed] != [""]


def test_a_countersignature_counts_and_one_of_another_record_does_not(parties: Parties) -> None:
    """A FLASH that went before its second officer is not authorised as the charter asks until the
    countersignature lies in the file; one that names another record is refused."""
    line = line_of(parties.pair.alpha)
    line.charter = dataclasses.replace(line.charter, release=(2,) * 6)
    first, second = officer(parties, "First"), officer(parties, "Second")
    sent = say(parties, first, missing=1)
    assert not check(parties, sent["entry"]).ok
    rows = signed(parties, sent["form"], second)
    command(parties.pair.alpha, "countersign", note=sent["note"], by=rows)
    found = check(parties, sent["entry"])
    assert found.ok
    assert [one.later for one in found.signed] == [False, True]
    later = say(parties, first, missing=1, text="Another.")
    _first, _record, countersigned = files(parties, sent["entry"])[0].splitlines(keepends=True)
    record, proof, cards = files(parties, later["entry"])
    mixed = check_record(record + countersigned, proof, cards, NOW_S)
    assert mixed.bad is not None
    assert "another record" in mixed.bad.detail


def test_a_record_that_is_not_the_named_one_is_refused(parties: Parties) -> None:
    """Another message's record, a note that says something else than its leaf, a proof without the
    text or with an unknown author: each is named."""
    one = officer(parties, "First")
    first = say(parties, one)["entry"]
    second = say(parties, one, text="Another.")["entry"]
    record, proof, cards = files(parties, first)
    swapped = check_record(record, files(parties, second)[1], cards, NOW_S)
    assert swapped.bad is not None
    assert (swapped.ok, swapped.bad.refusal) == (False, "bad-commitment")
    leaf, salt, body = record.decode().splitlines()[1].split(" ")
    altered = base64.b64encode(base64.b64decode(body).replace(b"First", b"Other")).decode()
    forged = f"{FIRST_LINE}\n{leaf} {salt} {altered}\n".encode()
    found = check_record(forged, proof, cards, NOW_S)
    assert found.bad is not None
    assert "something else" in found.bad.detail
    assert not check_record(record, proof, cards[1:], NOW_S).ok


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"detente authorisation record v2\n",
        f"{FIRST_LINE}\n".encode(),
        f"{FIRST_LINE}\nAA AA\n".encode(),
        f"{FIRST_LINE}\nAA== AA== !!\n".encode(),
        f"{FIRST_LINE}\n{b64(b'x')} {b64(b'x')} {b64(b'x')}\n".encode(),
        f"{FIRST_LINE}\n".encode() + b"x" * records.FILE_BYTES_MAX,
    ],
)
def test_what_is_no_record_is_named_and_nothing_is_raised(parties: Parties, data: bytes) -> None:
    """Any bytes in place of a record give a verdict."""
    _record, proof, cards = files(parties, say(parties, officer(parties, "First"))["entry"])
    found = check_record(data, proof, cards, NOW_S)
    assert found.bad is not None
    assert not found.ok


def test_a_record_of_other_words_than_the_entry_is_refused(parties: Parties) -> None:
    """The form in a record is held against the entry field by field, and its hash is made anew."""
    one = officer(parties, "First")
    entry = say(parties, one)["entry"]
    record, proof, _cards = files(parties, entry)
    leaf, packed, _hash = records._entry_of(parties_note(parties), proof)
    body = base64.b64decode(record.decode().splitlines()[1].split(" ")[2])
    kept = records.msgspec.json.decode(body, type=records._Record)
    line = bytes.fromhex(parties.line)
    assert records._statement(kept, leaf, packed, line).startswith(b"detente authorisation v1\n{")
    for name, value in (("readers", [0]), ("precedence", "ROUTINE"), ("more", 1)):
        wrong = records._Record(kept.form | {name: value}, kept.sha256, 1, [])
        with pytest.raises(PeerError, match=name):
            records._statement(wrong, leaf, packed, line)
    wrong = records._Record(kept.form | {"charter": 9}, kept.sha256, 1, [])
    with pytest.raises(PeerError, match="another form"):
        records._statement(wrong, leaf, packed, line)


def parties_note(parties: Parties) -> bytes:
    """The hash of the last note of an authorisation."""
    journal = parties.pair.alpha.store.journal
    notes = journal.read(0, journal.size())
    return [note.hash for note in notes if note.kind == "authorisation"][-1]


def test_only_a_record_that_is_there_and_ours_is_disclosed(parties: Parties) -> None:
    """An entry without a record, one of the other side, and a purged record have none."""
    entry = say(parties, officer(parties, "First"))["entry"]
    parties.bravo_says("theirs")
    journal = parties.pair.alpha.store.journal
    for node, name in ((parties.pair.alpha, "B-0001"), (parties.pair.bravo, entry)):
        with pytest.raises(LocalError) as refused:
            command(node, "disclose", entry=name)
        assert refused.value.refusal is Refusal.NOT_FOUND
    found = journal.find(parties_note(parties))
    assert found is not None
    journal.purge(found.index)
    with pytest.raises(LocalError) as refused:
        command(parties.pair.alpha, "disclose", entry=entry)
    assert refused.value.refusal is Refusal.PURGED
    with pytest.raises(LocalError):
        journal.opening(found.index)


def test_the_command_needs_files_alone_and_its_status_is_the_verdict(
    parties: Parties, tmp_path: Path
) -> None:
    """`detente authorisation verify` says who signed and ends with 0; with 3 where something does
    not stand; with 2 and a hint where a file is not there."""
    sent = say(parties, officer(parties, "First"), officer(parties, "Second"))
    bad = say(parties, by=[{"person": "7", "name": "Nobody"}], text="Other.")
    for name, entry in (("good", sent["entry"]), ("bad", bad["entry"])):
        record, proof, cards = files(parties, entry)
        (tmp_path / f"{name}.record").write_bytes(record)
        (tmp_path / f"{name}.proof").write_bytes(proof)
    for number, card in enumerate(cards):
        (tmp_path / f"{number}.card").write_bytes(card)

    def run(name: str, *words: str) -> Result:
        paths = [str(tmp_path / f"{name}.{what}") for what in ("record", "proof")]
        given = [word for n in "01" for word in ("--card", str(tmp_path / f"{n}.card"))]
        now = ("--now", "2026-02-05T13:00:00Z")
        return CliRunner().invoke(main, [*words, "authorisation", "verify", *paths, *given, *now])

    shown = run("good")
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("AUTHORISED: this record is of what was sent\n  First, ")
    assert "of 2; the charter asks for 1" in shown.output
    told = json.loads(run("good", "--json").stdout)
    assert (told["ok"], told["people"], told["proof"]["ok"]) == (True, 2, True)
    refused = run("bad")
    assert refused.exit_code == 3
    assert "Nobody, " in refused.output
    assert "does NOT stand" in refused.output
    (tmp_path / "bad.record").write_bytes(b"nothing")
    assert "NOT AUTHORISED by this record: malformed" in run("bad").output
    assert run("gone").exit_code == 2
