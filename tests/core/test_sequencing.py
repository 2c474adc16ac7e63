"""Late sequencing: what is submitted is durable at once, and signed when a bearer takes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from liar import Liar
from pair import SeedKeys, World, heads

from detente.core import events, frames, limits, protocol
from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.speaking import APPENDS_MAX, ROWS_MAX
from detente.core.transcript import Place
from detente.core.wire import Batch


def opened(**fields: object) -> World:
    world = World(**fields)
    world.open()
    world.run(130)
    return world


def test_what_is_submitted_without_a_link_waits_in_the_outbox() -> None:
    """It is durable here, has no index yet, and is entered once when a peer comes."""
    world = opened()
    alpha = world.ends["alpha"]
    world.cut("alpha", "bravo")
    size = alpha.own().size
    alpha.submit("later")
    world.run(100)
    shelf = alpha.shelf(alpha.line.id)
    assert [row.draft.body for row in shelf.outbox.values()] == [b"\0later"]
    assert alpha.own().size == size
    alpha.restart()
    world.link("alpha", "bravo")
    world.run(40)
    assert shelf.outbox == {}
    assert world.ends["bravo"].texts(0) == [b"\0later"]


def test_a_row_that_was_entered_before_a_restart_is_not_entered_again() -> None:
    """A disk that lied kept it in the outbox: the salt names it, so the same words, written once
    more, go out beside it, and so does a statement without a body."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.cut("alpha", "bravo")
    alpha.submit("said", precedence=Precedence.FLASH)
    alpha.submit("said")
    duty = events.Draft(kind=Kind.DUTY, audience=alpha.line.everyone(), extra=b"\1\1")
    alpha.do(events.Submit(alpha.line.id, duty))
    alpha.do(events.Tick())
    shelf = alpha.shelf(alpha.line.id)
    before = dict(shelf.outbox)
    world.link("alpha", "bravo")
    world.run(40)
    alpha.submit("said")
    world.run(40)
    assert bravo.texts(0) == [b"\0said"] * 3
    shelf.outbox.update(before)
    alpha.restart()
    alpha.submit("said")
    world.link("alpha", "bravo")
    world.run(40)
    assert bravo.texts(0) == [b"\0said"] * 4
    assert bravo.kinds(0).count(Kind.DUTY) == 2
    assert not shelf.outbox
    assert not alpha.line.queue.rows


def test_what_is_entered_before_a_row_is_counted() -> None:
    """Of its precedence and above; what is entered after it does not matter to it."""
    world = opened()
    alpha = world.ends["alpha"]
    world.cut("alpha", "bravo")
    for precedence in (Precedence.ROUTINE, Precedence.FLASH, Precedence.FLASH):
        alpha.submit("waits", precedence=precedence)
    assert [alpha.line.queue.before(at) for at in range(6)] == [3, 3, 2, 2, 2, 0]


def test_nothing_is_sequenced_after_a_start_before_a_hello() -> None:
    """A restarted node signs nothing until a peer has shown what it holds of our log."""
    world = opened()
    alpha = world.ends["alpha"]
    alpha.submit("one")
    world.cut("alpha", "bravo")
    world.run()
    alpha.restart()
    size = alpha.own().size
    alpha.submit("two", precedence=Precedence.FLASH)
    world.run(70)
    assert alpha.own().size == size
    assert alpha.line.awaits_hello
    world.link("alpha", "bravo")
    world.run(40)
    assert heads(alpha) == heads(world.ends["bravo"])


def test_before_all_charters_are_held_nothing_of_the_outbox_is_sequenced() -> None:
    """A line opens when the charter leaf of every member is here, and stays open."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open("alpha", "bravo")
    alpha = world.ends["alpha"]
    alpha.submit("hello")
    world.run(40)
    assert not alpha.line.is_open()
    assert alpha.texts(0) == []
    world.ends["charlie"].do(events.Accept(world.charter().encode()))
    world.link("alpha", "charlie")
    world.run(40)
    assert alpha.line.is_open()
    assert world.ends["bravo"].texts(0) == [b"\0hello"]


def test_precedence_decides_who_goes_first() -> None:
    """What waited is sent by precedence, oldest first, and each FLASH under a signature alone."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.cut("alpha", "bravo")
    order = [1, 0, 4, 3, 5, 1, 2]
    for n, precedence in enumerate(order):
        alpha.submit(f"{n}{precedence}", precedence=Precedence(precedence))
    world.link("alpha", "bravo")
    world.run()
    texts = [text.decode()[1:] for text in bravo.texts(0)]
    assert texts == ["45", "24", "33", "62", "01", "51", "10"]
    signed = alpha.shelf(alpha.line.id).heads[alpha.own().id]
    first = bravo.shelf(bravo.line.id).of_kind([Kind.DISPATCH])[0].index
    assert {first + 1, first + 2} <= set(signed)


def window_world() -> tuple[World, Liar, int]:
    """Alpha, and a bravo that answers nothing but a hello."""
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run()
    return world, liar, link


def test_no_more_than_a_window_is_signed_and_unconfirmed() -> None:
    """A peer that confirms nothing leaves the rest queued and durable; FLASH passes; GOT opens."""
    world, liar, link = window_world()
    alpha = world.ends["alpha"]
    for n in range(600):
        alpha.submit(f"{n}")
    world.run()
    most = limits.WINDOW_ENTRIES_MAX
    assert alpha.own().size == most
    assert [size for size in alpha.own().heads if size > 1] == [1 + ROWS_MAX, most]
    waiting = len(alpha.shelf(alpha.line.id).outbox)
    assert waiting == len(alpha.line.queue.rows) > 0
    alpha.submit("now", precedence=Precedence.FLASH)
    world.run()
    assert alpha.own().size == most + 1
    assert len(alpha.line.queue.rows) == waiting
    liar.send(link, frames.Got(alpha.own().id, most))
    world.run()
    assert not alpha.line.queue.rows
    assert not alpha.shelf(alpha.line.id).outbox
    assert sum(not isinstance(frame, frames.Quantum) for frame in liar.got(link)) > 0


def test_many_flash_are_entered_over_several_steps() -> None:
    """One step makes only so many signatures; the core asks to be called again at once."""
    world, _, _ = window_world()
    alpha = world.ends["alpha"]
    for n in range(APPENDS_MAX + 3):
        alpha.submit(f"{n}", precedence=Precedence.FLASH)
    size = alpha.own().size
    alpha.do(events.Tick())
    assert alpha.own().size == size + APPENDS_MAX
    assert protocol.wake_ms(alpha.station) == 0
    world.run()
    assert alpha.own().size == size + APPENDS_MAX + 3


def test_a_batch_fits_a_frame() -> None:
    """Large bodies are spread over batches of bounded size, each under its own signature."""
    world = opened(changes={"quota_bytes_per_day": 1 << 30})
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.cut("alpha", "bravo")
    for n in range(20):
        alpha.submit(f"{n}" + "x" * 60_000)
    world.link("alpha", "bravo")
    world.run(40)
    assert len(bravo.texts(0)) == 20
    longest = max(len(data) for _, _, data in world.frames)
    assert 100_000 < longest <= limits.FRAME_BYTES_MAX
    assert heads(alpha) == heads(bravo)


def test_a_backlog_is_sent_again_in_frames_that_fit() -> None:
    """Batches of one signature each are joined as far as a frame holds, and no farther."""
    world = opened(changes={"quota_bytes_per_day": 1 << 30})
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.dropping.add(("alpha", "bravo"))
    for n in range(14):
        alpha.submit(f"{n}" + "x" * 60_000)
        world.run()
    world.dropping.clear()
    world.cut("alpha", "bravo")
    world.link("alpha", "bravo")
    world.run(40)
    assert len(bravo.texts(0)) == 14
    assert heads(alpha) == heads(bravo)


def test_rows_of_a_restarted_node_are_read_from_the_store() -> None:
    """After a restart a row is a placeholder; its draft is loaded when it is sequenced."""
    world = opened()
    alpha = world.ends["alpha"]
    world.cut("alpha", "bravo")
    alpha.submit("kept")
    world.run()
    alpha.restart()
    rows = alpha.line.queue.rows
    for number, row in rows.items():
        rows[number] = row._replace(draft=row.draft._replace(kind=-1, body=None))
    world.link("alpha", "bravo")
    world.run(40)
    assert world.ends["bravo"].texts(0) == [b"\0kept"]


@pytest.mark.parametrize("ours", [False, True])
def test_a_leaf_never_outgrows_its_bound(ours: bool) -> None:
    """Where many heads are new beside a long draft, a `seen` of its own goes before it; behind it
    where the node itself states it."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    shelf, line = alpha.shelf(alpha.line.id), alpha.line
    refs = tuple(n.to_bytes(32, "big") for n in range(32))
    extra = bytes([5] * 32)
    template = line.logs[bravo.own().id]
    for k in range(1, 16):
        for member in (1,):
            log_id = LogId(member, k, b"")
            log = alpha.station.new_log(line, log_id)
            log.frontier, log.root = template.frontier.copy(), template.root
            line.logs[log_id] = log
            log.called = log.size
    for n in range(2, 30):
        log_id = LogId(n, 0, b"")
        log = type(template)(log_id, "o", bytes(32))
        log.frontier, log.root = template.frontier.copy(), template.root
        line.logs[log_id] = log
    if ours:
        line.state(events.Draft(Kind.QUOTE, line.everyone(), refs=refs, extra=extra + bytes(1400)))
        line.touched = True
    else:
        alpha.submit("long", refs=refs, extra=extra + bytes(1400))
    before = alpha.own().size
    alpha.do(events.Tick())
    kinds = [shelf.entry(alpha.own().id, n).leaf.kind for n in range(before, alpha.own().size)]
    assert kinds == ([Kind.QUOTE, Kind.SEEN] if ours else [Kind.SEEN, Kind.DISPATCH])
    sizes = [len(shelf.entry(alpha.own().id, n).raw) for n in range(before, alpha.own().size)]
    assert max(sizes) <= limits.LEAF_BYTES_MAX


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"kind": Kind.SEEN}, Refusal.NOT_ALLOWED),
        ({"kind": Kind.ACCUSATION}, Refusal.NOT_ALLOWED),
        ({"audience": 0}, Refusal.NOT_ALLOWED),
        ({"audience": 8}, Refusal.NOT_ALLOWED),
        ({"audience": 5}, Refusal.NOT_ALLOWED),  # an observer among the readers of content
        ({"body": bytes(limits.BODY_BYTES_MAX + 1)}, Refusal.OVERSIZE),
        ({"salt": b"short"}, Refusal.USAGE),
        ({"precedence": 6}, Refusal.USAGE),
        ({"precedence": -1}, Refusal.USAGE),
        ({"refs": (b"short",)}, Refusal.USAGE),
        ({"release": b"short"}, Refusal.USAGE),
        ({"refs": (bytes(32),) * 33}, Refusal.OVERSIZE),
        ({"extra": bytes(limits.EXTRA_BYTES_MAX + 1)}, Refusal.OVERSIZE),
    ],
)
def test_a_draft_that_could_not_stand_is_refused(
    fields: dict[str, object], refusal: Refusal
) -> None:
    """Our own caller is told at once; nothing is queued."""
    world = World(names=("alpha", "bravo", "charlie"), roles=("party", "party", "observer"))
    world.open()
    alpha = world.ends["alpha"]
    draft = events.Draft(
        **({"kind": Kind.DISPATCH, "audience": 3, "body": b"\0x", "salt": bytes(16)} | fields)
    )
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Submit(alpha.line.id, draft))
    assert caught.value.refusal is refusal
    assert not alpha.line.queue.rows


def test_an_outbox_is_bounded_and_a_line_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than the bound, and a line that is not ours, are our own caller's mistakes."""
    world = opened()
    alpha = world.ends["alpha"]
    draft = events.Draft(kind=Kind.TEST, audience=3, body=b"\0x", salt=bytes(16))
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Submit(bytes(32), draft))
    assert caught.value.refusal is Refusal.UNKNOWN_LINE
    monkeypatch.setattr(limits, "OUTBOX_ENTRIES_MAX", 2)
    alpha.do(events.Submit(alpha.line.id, draft))
    alpha.do(events.Submit(alpha.line.id, draft))
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Submit(alpha.line.id, draft))
    assert caught.value.refusal is Refusal.OVER_QUOTA


class Faulty(SeedKeys):
    """A machine whose signatures come out wrong."""

    what = "log"

    def sign_log(self, message: bytes) -> bytes:
        made = super().sign_log(message)
        return bytes(64) if self.what == "log" else made

    def sign_holds(self, message: bytes) -> bytes:
        made = super().sign_holds(message)
        return bytes(64) if self.what == "holds" else made

    def sign_heads(self, message: bytes) -> bytes:
        made = super().sign_heads(message)
        return bytes(64) if self.what == "holds" else made


def test_a_signature_that_does_not_verify_never_speaks() -> None:
    """A fault while signing an entry ends the process with nothing stored or sent."""
    world = opened()
    alpha = world.ends["alpha"]
    alpha.station.keys = Faulty("alpha")
    alpha.submit("x")
    sent = len(world.frames)
    with pytest.raises(MachineError) as caught:
        alpha.do(events.Tick())
    assert caught.value.refusal is Refusal.DISK
    assert len(world.frames) == sent


def test_a_cosignature_that_does_not_verify_never_speaks() -> None:
    """The same for a cosignature."""
    world = opened()
    alpha = world.ends["alpha"]
    alpha.station.keys = Faulty("alpha")
    alpha.station.keys.what = "holds"
    world.ends["bravo"].submit("x")
    with pytest.raises(MachineError):
        world.run()
    assert not [c for c in alpha.shelf(alpha.line.id).cosignatures if len(c.signature) == 0]


def test_a_clock_that_steps_back_is_an_entry() -> None:
    """The step is stated, never corrected; steps that wait for a peer are added up."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.wall_s -= 100
    world.run(2)
    place = bravo.shelf(bravo.line.id).of_kind([Kind.CLOCK])
    assert {found.log.member for found in place} == {0, 1}
    alpha.restart()
    world.run()
    size = alpha.own().size
    for _ in range(5):
        world.wall_s -= 10
        alpha.do(events.Tick())
    assert alpha.own().size == size
    assert [draft.kind for draft in alpha.line.control] == [Kind.CLOCK]
    world.link("alpha", "bravo")
    world.run()
    from detente.core.extras import decode_clock

    last = alpha.shelf(alpha.line.id).of_kind([Kind.CLOCK])
    entry = alpha.shelf(alpha.line.id).entry(*[p for p in last if p.log.member == 0][-1])
    assert decode_clock(entry.leaf.extra) == -50
    world.wall_s -= 1
    alpha.do(events.Tick())
    assert not alpha.line.control  # one second is how clocks are read


def test_the_core_wakes_nobody_for_what_a_tick_cannot_do() -> None:
    """A due that waits for a peer is no reason to be called again and again."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    bravo.submit("x")
    world.run()
    assert alpha.line.seen_due_ms
    world.cut("alpha", "bravo")
    world.run(60)
    assert world.steady_ms > alpha.line.seen_due_ms > 0
    assert protocol.wake_ms(alpha.station) is None or (
        protocol.wake_ms(alpha.station) > world.steady_ms
    )
    alpha.line.greet_due = True
    assert protocol.wake_ms(alpha.station) == 0


def test_a_charter_is_accepted_once_and_only_by_its_members() -> None:
    """An amendment, a charter that does not name us, one twice, and strangers are refused."""
    world = World()
    alpha = world.ends["alpha"]
    text = world.charter().encode()
    del alpha.station.cards[world.ends["bravo"].id]
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Accept(text))
    assert caught.value.refusal is Refusal.UNKNOWN_PARTY
    alpha.station.cards[world.ends["bravo"].id] = world.ends["bravo"].station.card
    other = World(names=("bravo", "charlie"))
    later = replace(world.charter(), number=1, predecessor=bytes(32))
    for charter in (other.charter().encode(), later.encode()):
        with pytest.raises(LocalError) as caught:
            alpha.do(events.Accept(charter))
        assert caught.value.refusal is Refusal.NOT_ALLOWED
    alpha.station.keys = SeedKeys("alpha", 99)
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Accept(text))
    assert caught.value.refusal is Refusal.NOT_ALLOWED
    alpha.station.keys = SeedKeys("alpha")
    alpha.do(events.Accept(text))
    with pytest.raises(LocalError) as caught:
        alpha.do(events.Accept(text))
    assert caught.value.refusal is Refusal.NOT_ALLOWED


def test_a_link_leads_to_a_trusted_party() -> None:
    """Strangers, and ourselves, are our own bearer's mistake."""
    world = opened()
    alpha = world.ends["alpha"]
    for party in (bytes(32), alpha.id):
        with pytest.raises(LocalError) as caught:
            alpha.do(events.LinkUp(99, party))
        assert caught.value.refusal is Refusal.UNKNOWN_PARTY


def test_duty_is_told_at_once_and_leased() -> None:
    """A heartbeat says whether the desk is attended; it is a frame and never an entry."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    size = alpha.own().size
    alpha.do(events.SetDuty(True))
    world.run()
    session = next(iter(bravo.line.sessions.values()))
    assert session.presence.on_duty
    assert session.presence.lease_s == limits.PRESENCE_LEASE_S
    assert alpha.own().size == size
    said = {"member": 0, "on_duty": True, "lease_s": limits.PRESENCE_LEASE_S}
    assert bravo.facts("presence")[-1] == said


def test_heartbeats_are_seldom_on_a_slow_link() -> None:
    """Every second one, leased for twice as long; a change of duty is told at once all the same."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for bits_per_s, every_s in ((75, 60), (600, 30), (0, 30)):
        world.cut("alpha", "bravo")
        world.link("alpha", "bravo", wide=False, bits_per_s=bits_per_s)
        world.run(5)
        before = len(bravo.facts("presence"))
        world.run(600)
        told = bravo.facts("presence")[before:]
        assert len(told) == 600 // every_s
        slow = every_s > limits.PRESENCE_EVERY_S
        lease_s = limits.PRESENCE_SLOW_LEASE_S if slow else limits.PRESENCE_LEASE_S
        assert told[-1]["lease_s"] == lease_s
        alpha.do(events.SetDuty(not alpha.station.on_duty))
        world.run()
        assert bravo.facts("presence")[-1]["on_duty"] is alpha.station.on_duty


def test_a_purge_reaches_our_own_store_first() -> None:
    """An author that destroys a body keeps none itself, in the store or in memory."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("regretted")
    world.run(40)
    place = alpha.shelf(alpha.line.id).of_kind([Kind.DISPATCH])[0]
    entry = alpha.shelf(alpha.line.id).entry(*place)
    alpha.do(
        events.Submit(
            alpha.line.id,
            events.Draft(kind=Kind.PURGED, audience=3, refs=(entry.hash, bytes(32), entry.hash)),
        )
    )
    world.run(40)
    for end in (alpha, bravo):
        kept = end.shelf(end.line.id).entry(*place)
        assert (kept.body, kept.salt, kept.purged) == (None, None, True)
        log = end.line.logs[place.log]
        assert log.recent[place.index].body is None
        assert end.facts("purged") == [{"member": 0, "index": place.index}]
    assert heads(alpha) == heads(bravo)
    assert Place(*place) == place


def test_rows_with_long_leaves_fit_a_frame_too() -> None:
    """References and fields count, not bodies alone."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.cut("alpha", "bravo")
    refs = tuple(n.to_bytes(32, "big") for n in range(32))
    for n in range(400):
        extra = n.to_bytes(2, "big") + bytes(1400)
        draft = events.Draft(kind=Kind.DUTY, audience=3, refs=refs, extra=extra)
        alpha.do(events.Submit(alpha.line.id, draft))
    world.link("alpha", "bravo")
    world.run(70)
    assert bravo.kinds(0).count(Kind.DUTY) == 400
    assert not bravo.facts("refused")
    assert max(len(data) for _, _, data in world.frames) <= limits.FRAME_BYTES_MAX


def test_our_own_statements_fit_a_frame_too() -> None:
    """However many there are to make at once, they go under as many signatures as they need."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    size = alpha.own().size
    for n in range(10):
        alpha.line.state(
            events.Draft(
                kind=Kind.ACCUSATION, audience=3, body=bytes((n,)) * 65_000, salt=bytes(16)
            )
        )
    alpha.line.touched = True
    world.run(40)
    assert bravo.kinds(0)[size : size + 10] == [Kind.ACCUSATION] * 10
    assert heads(alpha) == heads(bravo)


def test_a_batch_a_little_over_its_size_still_fits_a_frame() -> None:
    """What its author put under one signature is sent whole, whatever it states as seen."""
    world, liar, link = window_world()
    alpha = world.ends["alpha"]
    draft = events.Draft(kind=Kind.DISPATCH, audience=3, body=bytes(65_000), salt=bytes(16))
    for _ in range(8):
        alpha.do(events.Submit(alpha.line.id, draft))
    world.run()
    liar.got(link)
    own = alpha.own()
    for index in range(own.size - 8, own.size):
        own.recent[index] = own.recent[index]._replace(body=bytes(65_536))
    for size in list(own.heads):
        if size < own.size:
            del own.heads[size]
            del alpha.shelf(alpha.line.id).heads[own.id][size]
    liar.send(link, frames.Want(frames.WANT_ENTRIES, own.id, own.size - 8))
    world.run()
    found = [frame for frame in liar.got(link) if isinstance(frame, Batch)]
    assert [batch.count for batch in found] == [8]


def test_a_log_whose_heads_are_gone_is_not_sent() -> None:
    """Without its author's signature nothing of a log is worth sending."""
    world, liar, link = window_world()
    alpha = world.ends["alpha"]
    alpha.submit("x")
    world.run()
    own = alpha.own()
    own.heads.clear()
    alpha.shelf(alpha.line.id).heads[own.id].clear()
    liar.got(link)
    liar.send(link, frames.Want(frames.WANT_ENTRIES, own.id, 0))
    world.run()
    assert not [frame for frame in liar.got(link) if isinstance(frame, Batch)]


def test_an_observer_alone_takes_nothing_from_the_outbox() -> None:
    """What readers are to read is sequenced when a bearer to a reader takes it."""
    world = opened(names=("alpha", "bravo", "charlie"), roles=("party", "party", "observer"))
    alpha = world.ends["alpha"]
    world.cut("alpha", "bravo")
    world.cut("bravo", "charlie")
    alpha.submit("for bravo")
    world.run(40)
    assert alpha.texts(0) == []
    world.link("alpha", "bravo")
    world.run(40)
    assert world.ends["bravo"].texts(0) == [b"\0for bravo"]


def test_more_new_heads_than_a_leaf_may_name_are_named_in_turn() -> None:
    """The logs of one member are named together; what does not fit comes with the next entry."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    line, template = alpha.line, alpha.line.logs[bravo.own().id]
    for member in range(2, 8):
        for k in range(1, 16):
            log_id = LogId(member, k, bytes(8))
            line.logs[log_id] = replace(template, id=log_id, covered=0)
    line.seen_now = line.touched = True
    alpha.do(events.Tick())
    shelf = alpha.shelf(line.id)
    first = shelf.entry(alpha.own().id, alpha.own().size - 1).leaf
    named = [seen.log.member for seen in first.seen if seen.log.member > 1]
    assert len(first.seen) <= limits.SEEN_MAX
    assert {named.count(member) for member in set(named)} == {15}
    line.seen_now = line.touched = True
    alpha.do(events.Tick())
    second = shelf.entry(alpha.own().id, alpha.own().size - 1).leaf
    assert {seen.log for seen in first.seen}.isdisjoint(seen.log for seen in second.seen)
    assert len([seen for seen in (*first.seen, *second.seen) if seen.log.member > 1]) == 90
