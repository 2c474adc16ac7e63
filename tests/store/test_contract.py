"""What any store promises (``store/contract.py``): atomic, durable, ordered, read-your-writes.

A second store joins by a line in ``conftest.KINDS``.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import detente
from detente.core.errors import DetenteError, LocalError, Refusal
from detente.core.events import (
    Draft,
    DropBody,
    NewEntry,
    OutboxRow,
    QueueOutbox,
    Send,
    SignedHead,
    StoreAhead,
    StoreBody,
    StoreCosignature,
    StoreFlags,
    StoreLine,
    StoreState,
    TakeOutbox,
)
from detente.core.leaf import Kind, LogId, Precedence, Seen
from detente.core.transcript import Entry, Place
from detente.store.contract import NOT_LOADED, Store, StoredCard, StoredHead, StoredLine
from detente.store.mark import OwnHead

LINE = bytes(range(32))
OTHER = bytes(32)
CHARTER = b"a charter"
UNKNOWN = LogId(31, 15, b"neverhad")


def refusal(call: Callable[[], object], kind: type[DetenteError] = LocalError) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


def keep(store: Store, *effects: object) -> None:
    store.begin()
    for effect in effects:
        store.apply(effect)
    store.commit()


def with_line(stores, line: bytes = LINE, member: int = 0) -> Store:
    store = stores.open()
    keep(store, StoreLine(line, CHARTER, member))
    return store


def without_body(entry: Entry) -> Entry:
    return entry._replace(salt=None, body=None)


# --- atomic -------------------------------------------------------------------------------------


def test_rolled_back_leaves_nothing(stores, author) -> None:
    """What was applied and rolled back was never there, in this process and in the next."""
    store = with_line(stores)
    alice = author()
    store.begin()
    store.apply(alice.say(3))
    store.apply(StoreFlags(LINE, "restored"))
    store.rollback()
    for _ in range(2):
        assert store.shelf(LINE).size(alice.log) == 0
        assert store.shelf(LINE).logs() == []
        assert store.logs(LINE) == []
        assert store.lines() == [StoredLine(LINE, CHARTER, 0, "")]
        store = stores.again()
    keep(store, author().say(2))
    assert store.shelf(LINE).size(alice.log) == 2


def test_a_process_that_ends_before_the_commit_leaves_nothing(stores, author) -> None:
    """Closing within a transaction is the same as never having begun it."""
    store = with_line(stores)
    store.begin()
    store.apply(author().say(2))
    assert stores.again().shelf(LINE).size(author().log) == 0


def test_a_refused_effect_takes_the_whole_transaction_with_it(stores, author) -> None:
    """One refusal rolls everything back, and the store goes on."""
    store = with_line(stores)
    store.begin()
    store.apply(author().say(2))
    assert refusal(lambda: store.apply(TakeOutbox(LINE, (9,)))) is Refusal.NOT_FOUND
    assert store.shelf(LINE).size(author().log) == 0
    assert refusal(store.commit) is Refusal.USAGE
    store.rollback()
    keep(store, author().say(2))
    assert store.shelf(LINE).size(author().log) == 2


def test_a_line_that_was_rolled_back_can_come_again(stores, author) -> None:
    """Nothing remembers a line or a log whose transaction was rolled back."""
    store = stores.open()
    shelf = store.shelf(LINE)
    store.begin()
    store.apply(StoreLine(LINE, CHARTER, 0))
    store.apply(author().say())
    assert shelf.size(author().log) == 1
    store.rollback()
    assert (shelf.logs(), shelf.of_kind([Kind.DISPATCH]), shelf.find(bytes(32))) == ([], [], None)
    keep(store, StoreLine(OTHER, CHARTER, 0), author(line=OTHER).say())
    keep(store, StoreLine(LINE, CHARTER, 0), author(1).say())
    assert shelf.logs() == [author(1).log]
    assert store.shelf(OTHER).logs() == [author().log]


def test_a_line_that_is_joined_keeps_its_amended_charter_until_then(stores) -> None:
    """The text, and the number while there is one, may change; a line that is joined stays so."""
    store = stores.open()
    for member, joining in ((2, b"amended"), (3, b"amended again"), (3, b"")):
        keep(store, StoreLine(LINE, CHARTER, member, joining))
        assert store.lines() == [StoredLine(LINE, CHARTER, member, "", joining)]
    for charter, member in ((CHARTER, 4), (b"another", 3)):
        store.begin()
        with pytest.raises(LocalError):
            store.apply(StoreLine(LINE, charter, member))
        store.rollback()
    keep(store, StoreLine(LINE, CHARTER, 3, b"back again"))
    assert store.lines()[0].joining == b"back again"


@pytest.mark.parametrize("misuse", ["apply", "commit", "begin twice", "not for a store"])
def test_transactions_are_opened_and_closed_in_turn(stores, misuse: str) -> None:
    """Applying or committing without a transaction, opening two, or applying a frame is refused."""
    store = with_line(stores)
    if misuse == "apply":
        assert refusal(lambda: store.apply(StoreFlags(LINE, "x"))) is Refusal.USAGE
    elif misuse == "commit":
        assert refusal(store.commit) is Refusal.USAGE
    else:
        store.begin()
        again = store.begin if misuse == "begin twice" else lambda: store.apply(Send(1, b""))
        assert refusal(again) is Refusal.USAGE


# --- durable ------------------------------------------------------------------------------------


def test_everything_is_there_after_a_restart(stores, author) -> None:
    """What was committed is read by the next process as it was given."""
    alice, bob = author(), author(1)
    said = alice.say(3, own=True)
    answered = bob.say(1)
    head = alice.head()
    cosigned = StoreCosignature(LINE, alice.log, 3, "bob/holds", 1, 17, b"c" * 64)
    draft = Draft(kind=Kind.DISPATCH, audience=3, precedence=4, body=b"text", salt=b"s" * 16)
    row = OutboxRow(7, draft, 99)
    keep(
        with_line(stores),
        said,
        answered,
        StoreState(LINE, bob.log, b"later"),
        cosigned,
        QueueOutbox(LINE, row),
        StoreFlags(LINE, "no mark"),
    )
    store = stores.again()
    shelf = store.shelf(LINE)
    assert store.lines() == [StoredLine(LINE, CHARTER, 0, "no mark")]
    assert store.logs(LINE) == [(alice.log, said.state), (bob.log, b"later")]
    assert shelf.entries(alice.log, 0, 3) == [new.entry for new in said.entries]
    assert shelf.entry(bob.log, 0) == answered.entries[0].entry
    assert list(store.heads(LINE, alice.log, 0)) == [StoredHead(*head, said.held_at_s)]
    assert list(store.cosignatures(LINE, alice.log, 0)) == [cosigned]
    assert shelf.outbox_draft(7) == draft
    assert store.own_head(LINE) == OwnHead(0, b"", 3)


KILLED = """
import runpy, sys
from pathlib import Path
Author, Sqlite, KINDS = map(runpy.run_path(sys.argv[1]).get, ("Author", "Sqlite", "KINDS"))
store, alice = KINDS[sys.argv[2]](Path(sys.argv[3])).open(), Author()
store.begin()
from detente.core.events import StoreLine
store.apply(StoreLine(alice.line, b"a charter", 0))
store.commit()
while True:
    store.begin()
    store.apply(alice.say(1 + alice.frontier.size % 5))
    store.commit()
    print(alice.frontier.size, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_process_has_kept_all_it_acknowledged(stores, author, seed: int) -> None:
    """After SIGKILL at any moment every acknowledged entry is there, whole and in order."""
    helper = Path(__file__).with_name("conftest.py")
    sources = str(Path(detente.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(helper), stores.kind, str(stores.folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": sources},
    ) as process:
        assert process.stdout is not None
        heard = [process.stdout.readline() for _ in range(random.Random(seed).randrange(1, 120))]
        process.send_signal(signal.SIGKILL)
        heard += process.stdout.readlines()
    whole_lines = [said for said in heard if said.endswith(b"\n")]
    assert process.returncode == -signal.SIGKILL
    acknowledged = int(whole_lines[-1])
    store = stores.open()
    shelf = store.shelf(LINE)
    alice = author()
    size = shelf.size(alice.log)
    assert size >= acknowledged
    whole = [alice.new().entry for _ in range(size)]
    assert shelf.entries(alice.log, 0, size) == whole
    assert shelf.signed_head(alice.log, 1, size) == alice.head()
    keep(store, alice.say())


# --- ordered ------------------------------------------------------------------------------------


def broken(author, how: str):
    alice = author()
    alice.new()
    alice.new()
    good = alice.say(2)
    first = good.entries[0]
    elsewhere = first.entry._replace(place=Place(LogId(1, 0, b""), 2))
    changed = {
        "gap": lambda: author().stored(*[author().new() for _ in range(3)][2:]),
        "none": lambda: replace(good, entries=()),
        "head": lambda: replace(good, head=SignedHead(5, bytes(32), bytes(64))),
        "log": lambda: replace(good, entries=(first._replace(entry=elsewhere), good.entries[1])),
        "order": lambda: replace(good, entries=good.entries[::-1]),
        "subtrees": lambda: replace(
            good, entries=(first._replace(subtrees=bytes(32)), good.entries[1])
        ),
        "salt": lambda: replace(
            good, entries=(first._replace(entry=first.entry._replace(salt=None)), good.entries[1])
        ),
        "vast": lambda: replace(good, head=SignedHead(1 << 50, bytes(32), bytes(64))),
    }
    return changed[how]()


@pytest.mark.parametrize("how", ["gap", "none", "head", "log", "order", "subtrees", "salt", "vast"])
def test_a_log_grows_only_at_its_end(stores, author, how: str) -> None:
    """A gap, a foreign entry, another order, a head or subtrees that do not fit are refused."""
    store = with_line(stores)
    alice = author()
    keep(store, alice.say(2))
    store.begin()
    assert refusal(lambda: store.apply(broken(author, how))) is Refusal.USAGE
    assert store.shelf(LINE).size(alice.log) == 2


def test_an_index_is_taken_once(stores, author) -> None:
    """The same entries a second time are refused."""
    store = with_line(stores)
    first = author().say(2)
    keep(store, first)
    store.begin()
    assert refusal(lambda: store.apply(first)) is Refusal.USAGE


def test_nothing_is_kept_of_an_unknown_line(stores, author) -> None:
    """Entries, states and questions about a line that was never stored are refused."""
    store = stores.open()
    for effect in (author().say(), StoreFlags(LINE, "x"), TakeOutbox(LINE, ())):
        store.begin()
        assert refusal(lambda effect=effect: store.apply(effect)) is Refusal.UNKNOWN_LINE
    for ask in (store.logs, store.outbox, store.aheads, store.own_head):
        assert refusal(lambda ask=ask: ask(LINE)) is Refusal.UNKNOWN_LINE


def test_a_line_is_stored_once(stores) -> None:
    """The same line again changes nothing; with another charter or member it is refused."""
    store = with_line(stores)
    keep(store, StoreLine(LINE, CHARTER, 0))
    assert store.lines() == [StoredLine(LINE, CHARTER, 0, "")]
    store.begin()
    assert refusal(lambda: store.apply(StoreLine(LINE, CHARTER, 1))) is Refusal.USAGE


# --- reading ------------------------------------------------------------------------------------


def test_a_shelf_sees_the_open_transaction(stores, author) -> None:
    """Entries, subtrees, indexes, drafts and overtaking entries are read before the commit."""
    store = with_line(stores)
    shelf = store.shelf(LINE)
    alice, bob = author(), author(1)
    store.begin()
    said = alice.say(4)
    store.apply(said)
    named = bob.new(refs=(said.entries[1].entry.hash,), seen=(Seen(alice.log, 4, bytes(32), 5),))
    store.apply(bob.stored(named))
    store.apply(QueueOutbox(LINE, OutboxRow(1, Draft(kind=6, audience=3), 0)))
    assert shelf.size(alice.log) == 4
    assert shelf.subtree(alice.log, 2, 0) == alice.frontier.root()
    assert shelf.find(said.entries[1].entry.hash) == Place(alice.log, 1)
    assert shelf.referring(said.entries[1].entry.hash) == [Place(bob.log, 0)]
    assert shelf.covers(alice.log, 3)[0][:2] == (bob.log, 0)
    assert shelf.outbox_draft(1) == Draft(kind=6, audience=3)
    store.rollback()
    assert shelf.referring(said.entries[1].entry.hash) == []


# --- bodies -------------------------------------------------------------------------------------


def test_a_body_may_come_after_its_leaf(stores, author) -> None:
    """A late body is kept with its salt, and may come twice; for an unknown entry it is refused."""
    store = with_line(stores)
    alice = author()
    new = alice.new()
    bare = new._replace(entry=without_body(new.entry))
    keep(store, alice.stored(bare))
    shelf = store.shelf(LINE)
    assert shelf.entry(alice.log, 0) == bare.entry
    for _ in range(2):
        keep(store, StoreBody(LINE, alice.log, 0, new.entry.salt, new.entry.body))
        assert shelf.entry(alice.log, 0) == new.entry
    for log, index in ((alice.log, 1), (UNKNOWN, 0), (alice.log, -1)):
        store.begin()
        late = StoreBody(LINE, log, index, new.entry.salt, new.entry.body)
        assert refusal(lambda late=late: store.apply(late)) is Refusal.NOT_HELD


def test_a_purge_takes_the_body_and_leaves_the_leaf(stores, author) -> None:
    """After a purge leaf and hash stand, body and salt are gone, and the entry says so."""
    store = with_line(stores)
    alice = author()
    said = alice.say(2)
    keep(store, said)
    keep(store, DropBody(LINE, alice.log, 0))
    gone = without_body(said.entries[0].entry)._replace(purged=True)
    for _ in range(2):
        assert store.shelf(LINE).entries(alice.log, 0, 2) == [gone, said.entries[1].entry]
        store = stores.again()
    store.begin()
    assert refusal(lambda: store.apply(DropBody(LINE, alice.log, 2))) is Refusal.NOT_HELD


@pytest.mark.parametrize("purge_first", [True, False])
def test_a_purge_wins_whichever_comes_first(stores, author, purge_first: bool) -> None:
    """Body then purge and purge then body both end without the body."""
    store = with_line(stores)
    alice = author()
    new = alice.new()
    keep(store, alice.stored(new._replace(entry=without_body(new.entry))))
    both = [
        DropBody(LINE, alice.log, 0),
        StoreBody(LINE, alice.log, 0, new.entry.salt, new.entry.body),
    ]
    keep(store, *(both if purge_first else both[::-1]))
    entry = store.shelf(LINE).entry(alice.log, 0)
    assert entry == without_body(new.entry)._replace(purged=True)


def test_equal_leaves_are_found_by_their_member_until_they_are_purged(stores, author) -> None:
    """Each place of them, in order; and who has declared a leaf purged, in a `purged` entry."""
    store = with_line(stores)
    alice, bob = author(), author(1)
    first = alice.new()
    raw, digest = first.entry.raw, first.entry.hash
    keep(store, alice.stored(first), alice.stored(alice.new(raw=raw)), bob.stored(bob.new(raw=raw)))
    shelf = store.shelf(LINE)
    assert shelf.entry(bob.log, 0).raw == raw
    assert shelf.kept(0, digest) == [Place(alice.log, 0), Place(alice.log, 1)]
    assert shelf.kept(1, digest) == [Place(bob.log, 0)]
    assert (shelf.kept(2, digest), shelf.kept(0, bytes(32))) == ([], [])
    keep(
        store,
        DropBody(LINE, alice.log, 0),
        alice.say(kind=Kind.MARK, body=None, serial=0, refs=(digest,)),
    )
    assert shelf.kept(0, digest) == [Place(alice.log, 1)]
    assert not shelf.purges(0, digest)
    keep(store, alice.say(kind=Kind.PURGED, body=None, serial=0, refs=(bytes(32), digest)))
    assert shelf.purges(0, digest)
    assert not shelf.purges(1, digest)
    assert not shelf.purges(0, bytes(31) + b"1")


# --- overtaking ---------------------------------------------------------------------------------


def overtaken(author) -> tuple[NewEntry, list[NewEntry], StoreAhead]:
    alice = author()
    entries = [alice.new() for _ in range(4)]
    head = alice.head()
    last = entries[3]
    ahead = StoreAhead(LINE, alice.log, last.entry, SignedHead(4, *head[1:]), b"p" * 64)
    return last, entries, ahead


def test_an_overtaking_entry_waits_for_its_gap(stores, author) -> None:
    """It is served with its proof until the gap is filled, and then it is an entry."""
    store = with_line(stores)
    alice = author()
    last, entries, ahead = overtaken(author)
    keep(store, ahead)
    store = stores.again()
    shelf = store.shelf(LINE)
    assert shelf.ahead(alice.log, 3) == last.entry
    assert store.ahead(LINE, alice.log, 3) == ahead
    assert store.aheads(LINE) == [Place(alice.log, 3)]
    assert (shelf.logs(), shelf.size(alice.log), shelf.find(last.entry.hash)) == ([], 0, None)
    keep(store, alice.say(4))
    assert shelf.entries(alice.log, 0, 4) == [new.entry for new in entries]
    assert (shelf.ahead(alice.log, 3), store.ahead(LINE, alice.log, 3)) == (None, None)
    assert store.aheads(LINE) == []
    assert shelf.ahead(UNKNOWN, 0) is None


@pytest.mark.parametrize("purged", [True, False])
def test_a_body_receipted_ahead_is_not_lost_when_its_leaf_comes_bare(
    stores, author, purged: bool
) -> None:
    """The gap filled by leaves without bodies keeps the body that overtook, unless it is purged."""
    store = with_line(stores)
    _, entries, ahead = overtaken(author)
    keep(store, ahead)
    bare = [new._replace(entry=without_body(new.entry)._replace(purged=purged)) for new in entries]
    alice = author()
    for _ in range(4):
        alice.new()
    keep(store, alice.stored(*bare))
    kept = store.shelf(LINE).entry(alice.log, 3)
    assert kept == (bare[3].entry if purged else entries[3].entry)


def test_another_leaf_where_one_overtook_leaves_the_evidence(stores, author) -> None:
    """A log that fills its gap with another leaf does not erase the signed one; a purge does take
    its body."""
    store = with_line(stores)
    _, entries, ahead = overtaken(author)
    keep(store, ahead)
    alice = author()
    forked = [alice.new(time_s=5) for _ in range(4)]
    keep(store, alice.stored(*forked))
    shelf = store.shelf(LINE)
    assert store.ahead(LINE, alice.log, 3) == ahead
    assert shelf.ahead(alice.log, 3) is None
    assert store.aheads(LINE) == []
    assert shelf.entry(alice.log, 3) == forked[3].entry
    keep(store, DropBody(LINE, alice.log, 3))
    evidence = store.ahead(LINE, alice.log, 3)
    assert evidence == replace(ahead, entry=without_body(entries[3].entry))


def test_an_overtaking_entry_is_ahead_of_its_log_and_there_once(stores, author) -> None:
    """One below the size, one twice, or one of another log is refused."""
    store = with_line(stores)
    _, _, ahead = overtaken(author)
    other = replace(ahead, log=LogId(1, 0, b""))
    store.begin()
    assert refusal(lambda: store.apply(other)) is Refusal.USAGE
    keep(store, ahead)
    store.begin()
    assert refusal(lambda: store.apply(ahead)) is Refusal.USAGE
    keep(store, author().say(4))
    store.begin()
    assert refusal(lambda: store.apply(ahead)) is Refusal.USAGE


# --- the outbox ---------------------------------------------------------------------------------


def test_a_draft_comes_back_as_it_was_submitted(stores) -> None:
    """Every field of a draft survives; at the start only its precedence is known."""
    drafts = {
        1: Draft(kind=Kind.MARK, audience=1, extra=b"abc"),
        2: Draft(
            kind=Kind.DISPATCH,
            audience=(1 << 32) - 1,
            precedence=Precedence.FLASH,
            drill=True,
            refs=(b"r" * 32, b"s" * 32),
            extra=b"\x01\x02",
            body=b"b" * 60_000,
            salt=b"t" * 16,
            release=b"u" * 32,
        ),
        3: Draft(kind=Kind.DISPATCH, audience=3, body=b"", salt=b"v" * 16),
    }
    store = with_line(stores)
    keep(store, *(QueueOutbox(LINE, OutboxRow(n, draft, 90 + n)) for n, draft in drafts.items()))
    store = stores.again()
    placeholders = [
        Draft(kind=NOT_LOADED, audience=0, precedence=draft.precedence) for draft in drafts.values()
    ]
    assert store.outbox(LINE) == [
        OutboxRow(n, placeholder, 90 + n) for n, placeholder in enumerate(placeholders, 1)
    ]
    shelf = store.shelf(LINE)
    assert {n: shelf.outbox_draft(n) for n in drafts} == drafts


def test_rows_leave_the_outbox_or_wait_in_it(stores) -> None:
    """A taken row is gone, a held-back one says so, and a placeholder changes nothing but that."""
    draft = Draft(kind=Kind.DISPATCH, audience=3, body=b"text", salt=b"s" * 16)
    store = with_line(stores)
    keep(store, *(QueueOutbox(LINE, OutboxRow(n, draft, 5)) for n in (1, 2, 3)))
    keep(store, TakeOutbox(LINE, (1, 3)))
    (row,) = store.outbox(LINE)
    keep(store, QueueOutbox(LINE, row._replace(awaits_release=True)))
    assert store.outbox(LINE) == [row._replace(awaits_release=True)]
    assert store.shelf(LINE).outbox_draft(2) == draft
    louder = draft._replace(precedence=5)
    keep(store, QueueOutbox(LINE, OutboxRow(2, louder, 6)))
    assert store.shelf(LINE).outbox_draft(2) == louder
    assert refusal(lambda: store.shelf(LINE).outbox_draft(1)) is Refusal.NOT_FOUND
    for effect in (TakeOutbox(LINE, (2, 1)), QueueOutbox(LINE, row._replace(number=1))):
        store.begin()
        assert refusal(lambda effect=effect: store.apply(effect)) is Refusal.NOT_FOUND
    assert [row.number for row in store.outbox(LINE)] == [2]


# --- the rest -----------------------------------------------------------------------------------


def test_cosignatures_and_heads_are_read_by_rising_size(stores, author) -> None:
    """All of them come out in order, in however many pages; the same statement is kept once."""
    store = with_line(stores)
    alice = author()
    store.begin()
    heads, cosigned = [], []
    for size in range(1, 601):
        said = alice.say(body=None)
        store.apply(said)
        heads.append(StoredHead(*said.head, said.held_at_s))
        for name, member, length in (("bob", 1, 64), ("carol", 2, 64 if size % 50 else 2420)):
            cosigned.append(
                StoreCosignature(LINE, alice.log, size, name, member, size, bytes(length))
            )
            store.apply(cosigned[-1])
    store.apply(replace(cosigned[0], signature=b"x" * 64))
    later = replace(cosigned[-1], time_s=9999)
    store.apply(later)
    store.commit()
    assert list(store.heads(LINE, alice.log, 0)) == heads
    assert list(store.heads(LINE, alice.log, 590)) == heads[589:]
    assert list(store.cosignatures(LINE, alice.log, 0)) == [*cosigned, later]
    assert list(store.cosignatures(LINE, alice.log, 600)) == [*cosigned[-2:], later]
    assert list(store.heads(LINE, UNKNOWN, 0)) == []
    assert list(store.cosignatures(LINE, UNKNOWN, 0)) == []
    assert [store.signed_up_to(LINE, alice.log, name) for name in ("bob", "carol")] == [600, 600]
    assert store.signed_up_to(LINE, alice.log, "nobody") == 0
    assert store.signed_up_to(LINE, UNKNOWN, "bob") == 0


def test_our_newest_log_is_what_the_mark_judges(stores, author) -> None:
    """The own head is of the highest incarnation, and of two equal ones the one signed here."""
    store = with_line(stores, member=1)
    assert store.own_head(LINE) is None
    keep(store, author(0).say(5))
    assert store.own_head(LINE) is None
    keep(store, author(1).say(2))
    assert store.own_head(LINE) == OwnHead(0, b"", 2)
    keep(store, author(1, 1, b"signhere").say(1, own=True), author(1, 1, b"zzshown ").say(3))
    assert store.own_head(LINE) == OwnHead(1, b"signhere", 1)
    keep(store, StoreState(LINE, LogId(1, 2, b"emptylog"), b"state"))
    assert store.own_head(LINE) == OwnHead(1, b"signhere", 1)


def test_names_cards_and_revocations_are_kept(stores) -> None:
    """Bytes under names, every serial of every card with its ceremony, and revocations once."""
    store = stores.open()
    store.put_meta("clock", b"1")
    store.begin()
    store.put_meta("clock", b"2")
    assert store.get_meta("clock") == b"2"
    store.rollback()
    store.put_card(b"q" * 32, 1, b"other", None)
    store.put_card(b"p" * 32, 2, b"second", b"by hand")
    store.put_card(b"p" * 32, 1, b"first", None)
    store.put_card(b"p" * 32, 1, b"first", b"voice")
    store.put_card(b"p" * 32, 1, b"first", None)
    assert refusal(lambda: store.put_card(b"p" * 32, 1, b"forged", None)) is Refusal.STALE_CARD
    for data in (b"late", b"early", b"late"):
        store.put_revocation(b"p" * 32, data)
    store = stores.again()
    assert store.get_meta("clock") == b"1"
    assert store.get_meta("nothing") is None
    assert store.cards() == [
        StoredCard(b"p" * 32, 1, b"first", b"voice"),
        StoredCard(b"p" * 32, 2, b"second", b"by hand"),
        StoredCard(b"q" * 32, 1, b"other", None),
    ]
    assert store.revocations() == [(b"p" * 32, b"late"), (b"p" * 32, b"early")]


def test_a_reader_beside_the_writer_sees_commits_and_nothing_else(stores, author) -> None:
    """While the node runs, a reader sees what was committed, and not the open transaction."""
    store = with_line(stores)
    alice = author()
    keep(store, alice.say(2))
    reader = stores.read()
    shelf = reader.shelf(LINE)
    store.begin()
    store.apply(alice.say(1))
    assert shelf.size(alice.log) == 2
    store.commit()
    assert shelf.size(alice.log) == 3
    assert shelf.entries(alice.log, 0, 3) == store.shelf(LINE).entries(alice.log, 0, 3)
    stores.close()
    assert stores.read().shelf(LINE).size(alice.log) == 3
