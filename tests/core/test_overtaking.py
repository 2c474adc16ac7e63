"""FLASH overtakes: ahead of a gap it is proven, shown and receipted at once, and needs nothing."""

from __future__ import annotations

import pytest
from liar import Liar
from pair import End, World, heads

from detente.core import accusation, events, frames, limits
from detente.core.accusation import Finding
from detente.core.body import unpack
from detente.core.encoding import Reader
from detente.core.errors import Refusal
from detente.core.extras import Head, HeldAhead, decode_accused, decode_held_ahead
from detente.core.frames import StatedHead, read_frame
from detente.core.leaf import OVERTAKING, Kind, LogId, Precedence
from detente.core.merkle import leaf_hash
from detente.core.proof import CardKeys
from detente.core.protocol import wake_ms
from detente.core.streaming import IN_FLIGHT_MAX
from detente.core.transcript import Entry, Place
from detente.core.wire import FULL, KIND, encode_item, lenient, whole_item


def opened(*, wide: bool = False) -> World:
    world = World()
    world.open()
    world.run(130)
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo", wide=wide)
    world.run(60)
    return world


def with_liar() -> tuple[World, Liar, int, End]:
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(70)
    liar.got(link)
    return world, liar, link, world.ends["alpha"]


def test_a_flash_goes_ahead_on_a_narrow_link_and_is_receipted_at_once() -> None:
    """Behind a batch under way it is an AHEAD frame, urgent; `held-ahead` comes straight back."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for n in range(5):
        alpha.submit(f"routine {n}")
    alpha.do(events.Tick())
    behind = alpha.own().size
    alpha.submit("flash", precedence=Precedence.FLASH)
    sent = alpha.do(events.Tick())
    urgent = [one for one in sent if isinstance(one, events.Send) and one.urgent]
    assert len(urgent) == 1
    assert urgent[0].data[0] >> 4 == frames.Ahead.TYPE
    held = list(world.queue)
    world.queue.clear()
    world.queue.append(held[-1])  # the bearer lets it pass everything else
    world.run()
    assert bravo.facts("received-ahead") == [{"member": 0, "index": behind}]
    assert alpha.facts("receipt-ahead") == [{"member": 1, "index": behind}]
    shelf = alpha.shelf(alpha.line.id)
    place = shelf.of_kind([Kind.HELD_AHEAD])[0]
    leaf = shelf.entry(*place).leaf
    assert place.log.member == 1
    assert leaf.precedence == Precedence.FLASH
    found = decode_held_ahead(leaf.extra)
    assert (found.log, found.index) == (alpha.own().id, behind)
    assert bravo.shelf(bravo.line.id).ahead(alpha.own().id, behind).body == b"\0flash"
    assert bravo.log_of(0).size < behind
    world.queue.extend(held[:-1])
    world.run(60)
    assert bravo.texts(0) == [
        b"\0routine 0",
        b"\0flash",
        *(b"\0routine %d" % n for n in range(1, 5)),
    ]
    assert not bravo.line.ahead
    assert not bravo.shelf(bravo.line.id).held_ahead
    assert heads(alpha) == heads(bravo)
    assert not bravo.facts("refused")


def test_a_flash_behind_a_full_flight_goes_ahead_on_a_wide_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow reader is sent no more than may be under way, but FLASH with its gap proof."""
    from detente.core import streaming

    monkeypatch.setattr(streaming, "IN_FLIGHT_MAX", 4)
    world = opened(wide=True)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.dropping.add(("bravo", "alpha"))
    for n in range(6):
        alpha.submit(f"{n}")
        world.run()
    assert bravo.log_of(0).size < alpha.own().size
    alpha.submit("flash", precedence=Precedence.FLASH)
    world.run()
    assert len(bravo.facts("received-ahead")) == 1
    world.dropping.clear()
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo")
    world.run(60)
    assert bravo.texts(0)[-1] == b"\0flash"
    assert heads(alpha) == heads(bravo)
    assert IN_FLIGHT_MAX >= limits.WINDOW_ENTRIES_MAX


def test_of_two_under_one_signature_the_last_goes_ahead() -> None:
    """The other has no head of its own to be proven by, and comes in its turn."""
    alpha = opened().ends["alpha"]
    for n in range(2):
        alpha.submit(f"routine {n}")
    alpha.do(events.Tick())
    behind, mine = alpha.own().size, alpha.own().id
    for n in range(2):
        extra = HeldAhead(mine, n, bytes(32), 0).encode()
        draft = events.Draft(Kind.HELD_AHEAD, 3, Precedence.FLASH, refs=(bytes(32),), extra=extra)
        alpha.line.state(draft)
    alpha.line.touched = True
    sent = [one.data for one in alpha.do(events.Tick()) if isinstance(one, events.Send)]
    ahead = [data for data in sent if data[0] >> 4 == frames.Ahead.TYPE]
    assert [read_frame(frames.Ahead.TYPE, Reader(data[1:])).index for data in ahead] == [behind + 1]


def behind_a_routine() -> tuple[Liar, End, StatedHead, int]:
    """An end that has entered a routine entry and a FLASH; its head before, the FLASH's index."""
    _, liar, link, alpha = with_liar()
    own = alpha.own()
    head = StatedHead(Head(own.id, own.size, own.root), own.signature)
    alpha.submit("routine")
    alpha.do(events.Tick())
    alpha.submit("flash", precedence=Precedence.FLASH)
    alpha.do(events.Tick())
    alpha.do(events.LinkDown(link))
    return liar, alpha, head, own.size - 1


def aheads(liar: Liar, link: int) -> list[tuple[int, int]]:
    liar.world.run()
    return [(one.base, one.index) for one in liar.got(link) if isinstance(one, frames.Ahead)]


def test_a_flash_goes_ahead_after_a_restart_of_its_sender() -> None:
    """It stands in our log since before, and who comes late is owed other entries first."""
    liar, alpha, head, index = behind_a_routine()
    alpha.restart()
    link = liar.link("alpha", wide=False)
    liar.hello(link, head)
    assert aheads(liar, link) == [(head.head.size, index)]


def test_nothing_goes_ahead_to_who_holds_nothing_of_the_log() -> None:
    """It would be refused; once the first batch is confirmed it goes."""
    liar, _, head, index = behind_a_routine()
    link = liar.link("alpha", wide=False)
    liar.hello(link)
    assert not aheads(liar, link)
    liar.send(link, frames.Got(head.head.log, 1))
    assert aheads(liar, link) == [(1, index)]


def test_an_ahead_outlives_a_restart_of_the_receiver() -> None:
    """What was receipted is on disk; the gap is filled later without a second copy."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    liar.ahead(link, 2, 1)
    world.run()
    assert Kind.HELD_AHEAD in alpha.kinds()
    alpha.restart()
    link = liar.greet("alpha")
    liar.ahead(link, 2, 1)
    assert len(alpha.facts("received-ahead")) == 1
    liar.entries(link, start=1, bodies=False)
    world.run()
    assert alpha.texts(1) == [None, liar.log.bodies[2][1]]
    assert list(alpha.line.logs[liar.log.id].missing) == [1]
    assert not alpha.line.ahead


def test_what_is_held_ahead_of_a_gap_wakes_nobody_by_itself() -> None:
    """Its author may have lost what lies in the gap: beside heartbeats nothing is due, however long
    it stays open."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("lost")
    alpha.do(events.Tick())
    alpha.submit("flash", precedence=Precedence.FLASH)
    alpha.do(events.Tick())
    flash = world.queue[-1]
    world.queue.clear()
    world.queue.append(flash)
    world.dropping.add(("alpha", "bravo"))
    world.run(60)
    assert bravo.line.ahead
    end_ms, woken = world.steady_ms + 3_600_000, 0
    while (due_ms := wake_ms(bravo.station)) is not None and due_ms < end_ms:
        passes_s = max(0, due_ms - world.steady_ms + 999) // 1000
        world.wall_s, world.steady_ms = world.wall_s + passes_s, world.steady_ms + passes_s * 1000
        bravo.do(events.Tick())
        woken += 1
    assert woken <= 3_600 // limits.PRESENCE_EVERY_S + 1, "one for each heartbeat"
    assert bravo.line.ahead


def test_a_repetition_of_an_ahead_changes_nothing() -> None:
    """Before the gap is filled, and after."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    for _ in range(3):
        liar.ahead(link, 2, 1)
    world.run()
    assert alpha.kinds().count(Kind.HELD_AHEAD) == 1
    liar.entries(link, start=1)
    liar.ahead(link, 2, 0)
    world.run(70)
    assert alpha.kinds().count(Kind.HELD_AHEAD) == 1
    assert len(alpha.facts("received-ahead")) == 1
    assert not alpha.facts("refused")
    assert not alpha.facts("fork-proven")


@pytest.mark.parametrize("kind", sorted(set(Kind) - OVERTAKING))
def test_only_some_kinds_overtake(kind: int) -> None:
    """Nothing that decides, changes keys or depends on the gap goes ahead of it."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.log.say(kind, precedence=5, time_s=world.wall_s)
    liar.ahead(link, 2, 1)
    assert alpha.facts("refused")[-1]["refusal"] == "bad-leaf"
    assert not alpha.line.ahead


def test_what_a_held_ahead_states_is_believed_for_airtime_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of our own log, that very leaf, in the peer's current log, and for so many at most; a void
    one says nothing."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 1)
    world, liar, link, alpha = with_liar()
    for n in range(3):
        alpha.submit(f"{n}", precedence=Precedence.FLASH)
    world.run()
    own, start = alpha.own(), alpha.own().size - 3
    leaves = [own.recent[index].hash for index in range(start, own.size)]
    for extra in (
        b"void",
        HeldAhead(liar.log.id, 0, leaf_hash(liar.log.raws[0]), 0).encode(),
        HeldAhead(own.id, start, leaves[1], 0).encode(),
        *(HeldAhead(own.id, start + n, leaves[n], 0).encode() for n in (1, 2)),
    ):
        liar.log.say(Kind.HELD_AHEAD, precedence=4, extra=extra, time_s=world.wall_s)
    liar.entries(link, start=1)
    told = [fact["index"] for fact in alpha.facts("receipt-ahead")]
    assert told == [start + 1, start + 2]
    assert alpha.line.held_ahead == {liar.log.id: {start + 1}}


@pytest.mark.parametrize("kind", [Kind.HELD_AHEAD, Kind.SEEN, Kind.MARK])
def test_a_receipt_ahead_of_a_gap_is_not_receipted(kind: int) -> None:
    """Else two ends would acknowledge acknowledgements for ever; a mark can wait for its turn."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.log.say(kind, precedence=5, time_s=world.wall_s)
    size = alpha.own().size
    liar.ahead(link, 2, 1)
    world.run()
    assert alpha.facts("received-ahead")
    assert alpha.own().size == size


def test_an_ahead_whose_body_is_not_for_us_or_not_there_is_no_receipt() -> None:
    """It is stored and shown; `held-ahead` says that the body addressed to us is held too."""
    world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    liar.say("not yours", precedence=4, audience=2)
    size = alpha.own().size
    liar.ahead(link, 2, 1, bare=True)
    liar.ahead(link, 3, 1)
    world.run()
    assert [fact["index"] for fact in alpha.facts("received-ahead")] == [2, 3]
    assert alpha.own().size == size
    liar.entries(link, start=1)
    assert alpha.texts(1) == [liar.log.bodies[1][1], liar.log.bodies[2][1], None]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"base": 9, "index": 9, "cover": ()}, "bad-proof"),
        ({"cover": ()}, "bad-proof"),
        ({"cover": (bytes(32), bytes(32), bytes(32))}, "bad-proof"),
        ({"cover": (bytes(32),)}, "bad-signature"),
        ({"signature": bytes(64)}, "bad-signature"),
        ({"log": LogId(0, 0, b"")}, "unknown-log"),
        ({"log": LogId(1, 7, bytes(8))}, "unknown-log"),
        ({"item": bytes((FULL | KIND,))}, "malformed"),
    ],
)
def test_a_wrong_ahead_is_refused(changes: dict[str, object], refusal: str) -> None:
    """Its hashes, its signature, its body and its log must be right; nothing is kept."""
    _world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    liar.ahead(link, 2, 1, changes=changes)
    assert alpha.facts("refused")[-1]["refusal"] == refusal
    assert not alpha.line.ahead
    assert not alpha.shelf(alpha.line.id).held_ahead


def test_another_body_than_the_one_committed_to_is_refused() -> None:
    """In full the leaf says what opens it."""
    _world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    liar.ahead(link, 2, 1, body=b"\0other")
    assert alpha.facts("refused")[-1]["refusal"] == "bad-commitment"
    assert not alpha.line.ahead


def elided(liar: Liar, index: int, *, cut: int = 0) -> bytes:
    """An entry of the liar's, against the one before its gap of one, short of its last bytes."""
    log = liar.log
    before, leaf = (lenient(log.raws[at]) for at in (index - 2, index))
    entry = Entry(Place(log.id, index), b"", log.raws[index], leaf, *log.bodies[index])
    item = encode_item(
        entry, before, with_body=True, confirmed=lambda *_: True, locate=lambda _: None
    )
    return item[: len(item) - cut]


def test_an_ahead_leaves_out_what_is_held() -> None:
    """It says what differs from the entry before its base; its commitment is its body's."""
    _world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    item = elided(liar, 2)
    assert len(item) < len(whole_item(liar.log.raws[2], *liar.log.bodies[2])) - 32
    liar.ahead(link, 2, 1, changes={"item": item})
    assert alpha.facts("received-ahead") == [{"member": 1, "index": 2}]
    found = alpha.shelf(alpha.line.id).ahead(liar.log.id, 2)
    assert (found.raw, found.body) == (liar.log.raws[2], liar.log.bodies[2][1])


@pytest.mark.parametrize("cut", [0, 3])
def test_an_elided_ahead_that_cannot_be_believed_is_asked_for_in_full_once(*, cut: int) -> None:
    """It is evidence of nothing (F4), and shown to nobody; the full form is judged, and whoever
    goes on eliding is to blame."""
    _world, liar, link, alpha = with_liar()
    liar.say("gap")
    liar.say("flash", precedence=4)
    changes = {"item": elided(liar, 2, cut=cut), "signature": bytes(64)}
    liar.ahead(link, 2, 1, changes=changes)
    asked = liar.answers(link, frames.Refuse)[-1]
    assert (asked.refusal, asked.log, asked.index) == (Refusal.WANT_FULL, liar.log.id, 2)
    liar.ahead(link, 2, 1, changes=changes)
    assert alpha.facts("refused")[-1]["refusal"] == "bad-signature"
    assert not alpha.facts("received-ahead")
    assert not alpha.line.ahead
    liar.ahead(link, 2, 1)
    assert alpha.facts("received-ahead") == [{"member": 1, "index": 2}]


def test_what_a_peer_cannot_read_goes_ahead_in_full_once() -> None:
    """A `refuse` of `want-full` names it; a second one sends nothing."""
    liar, alpha, head, index = behind_a_routine()
    link = liar.link("alpha", wide=False)
    liar.hello(link, head)
    size = alpha.own().size
    for full in (False, True):
        liar.world.run()
        (found,) = liar.answers(link, frames.Ahead)
        assert bool(found.item[0] & FULL) is full
        liar.send(link, frames.Refuse(Refusal.WANT_FULL, alpha.own().id, index))
    assert not aheads(liar, link)
    assert alpha.own().size == size


def test_what_is_held_ahead_comes_in_its_turn_without_its_body() -> None:
    """Its `held-ahead` says that the peer has it, on another link too: it does not go ahead again,
    and its place costs a header."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("routine")
    alpha.do(events.Tick())
    text = "flash " + "x" * 500
    alpha.submit(text, precedence=Precedence.FLASH)
    alpha.do(events.Tick())
    flash = world.queue[-1]
    world.queue.clear()
    world.queue.append(flash)
    world.run()
    assert bravo.facts("received-ahead")
    world.cut("alpha", "bravo")
    world.frames.clear()
    world.link("alpha", "bravo", wide=False)
    world.run(60)
    assert bravo.texts(0)[-1] == b"\0" + text.encode()
    sent = [data for name, _, data in world.frames if name == "alpha"]
    assert sent
    assert not any(b"xxx" in data or data[0] >> 4 == frames.Ahead.TYPE for data in sent)
    assert heads(alpha) == heads(bravo)
    assert not bravo.line.logs[alpha.own().id].missing


def test_entries_ahead_of_one_gap_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than so many are refused as over quota; so is nothing that was held before."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 2)
    _world, liar, link, alpha = with_liar()
    liar.say("gap")
    for n in range(3):
        liar.say(str(n), precedence=4)
        liar.ahead(link, n + 2, 1)
    assert alpha.facts("refused")[-1]["refusal"] == "over-quota"
    assert alpha.line.ahead == {liar.log.id: {2, 3}}
    liar.entries(link, start=1, stop=3)
    assert alpha.line.ahead == {liar.log.id: {3}}


def convict(end: End, log_id: LogId) -> int:
    """The index from which the one accusation in an end's own log freezes this log."""
    shelf = end.shelf(end.line.id)
    entry = shelf.entry(*shelf.of_kind([Kind.ACCUSATION])[0])
    accused = decode_accused(entry.leaf.extra)
    verdict = accusation.check(unpack(entry.body), CardKeys(end.station.cards.values()))
    assert verdict.finding is Finding.PROVEN
    assert accused.log == log_id
    assert accused.index == verdict.index == end.line.logs[log_id].frozen
    return accused.index


@pytest.mark.parametrize("late", [False, True])
def test_another_leaf_at_the_index_of_an_ahead_is_proven(*, late: bool) -> None:
    """Whether the ahead or the entry in its turn comes first, two leaves at one index convict."""
    world, liar, link, alpha = with_liar()
    for n in range(4):
        liar.say(str(n))
    liar.entries(link, start=1, stop=4)
    fork = liar.log.fork(5)
    liar.say("flash one", precedence=4)
    liar.say("flash two", fork, precedence=4)
    if late:
        liar.entries(link, start=4)
        liar.ahead(link, 5, 2, fork)
    else:
        liar.ahead(link, 5, 2, fork)
        liar.entries(link, start=4)
    world.run()
    assert alpha.facts("fork-proven")
    assert convict(alpha, liar.log.id) == 5


@pytest.mark.parametrize("agree", [0, 1, 4, 6])
def test_another_gap_under_an_ahead_is_proven(agree: int) -> None:
    """The leaf may be the same: a gap filled with other leaves is another tree, and convicts from
    the last size on at which both are proven to agree."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    link = liar.greet("alpha")
    for n in range(agree):
        liar.say(f"common {n}")
    if agree:
        liar.entries(link, stop=1 + agree)
    fork = liar.log.fork(1 + agree)
    for log, word in ((liar.log, "true"), (fork, "false")):
        for n in range(7 - agree):
            liar.say(f"{word} {n}", log)
        liar.say("flash", log, precedence=4, commitment=bytes(32), plain=None)
    if not agree:
        liar.entries(link, stop=1)
    liar.ahead(link, fork.size - 1, 1 + agree, fork, bare=True)
    world.run()
    liar.entries(link, start=1 + agree)
    world.run()
    assert alpha.facts("fork-proven"), alpha.facts("refused")
    assert convict(alpha, liar.log.id) <= 1 + agree


def test_a_paused_log_still_lets_flash_ahead() -> None:
    """Over quota for today, a FLASH has its own grant and goes ahead of what has to wait."""
    world = World(changes={"quota_entries_per_day": 4})
    world.open()
    world.run(40)
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for n in range(6):
        alpha.submit(f"{n}")
        world.run()
    assert bravo.facts("over-quota")
    alpha.submit("flash", precedence=Precedence.FLASH)
    world.run()
    assert len(bravo.facts("received-ahead")) == 1
    assert len(alpha.line.session_of(1).ahead_sent) == 1


def test_an_author_sends_no_more_ahead_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of the receiver is known to the sender."""
    monkeypatch.setattr(limits, "HELD_AHEAD_MAX", 3)
    world = opened()
    alpha = world.ends["alpha"]
    alpha.submit("behind")
    alpha.do(events.Tick())
    for n in range(5):
        alpha.submit(f"{n}", precedence=Precedence.FLASH)
    sent = alpha.do(events.Tick())
    assert sum(isinstance(one, events.Send) and one.urgent for one in sent) == 3
    world.run(60)
    assert heads(alpha) == heads(world.ends["bravo"])


def test_void_leaves_do_not_overtake() -> None:
    """An own log never holds one; a stand-in shows that it would be passed over."""
    world = opened()
    alpha = world.ends["alpha"]
    alpha.submit("behind")
    alpha.do(events.Tick())
    alpha.submit("flash", precedence=Precedence.FLASH)
    own = alpha.own()
    alpha.do(events.Tick())
    last = own.recent[own.size - 1]
    own.recent[own.size - 1] = last._replace(leaf=None)
    alpha.line.session_of(1).ahead_sent.clear()
    alpha.line.touched = True
    sent = alpha.do(events.Tick())
    assert not any(isinstance(one, events.Send) and one.urgent for one in sent)
