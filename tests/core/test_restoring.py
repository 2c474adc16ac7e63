"""A node that lost its disk: mute, then adopted, then whole again, and nothing said twice."""

from __future__ import annotations

from copy import deepcopy

import pytest
from core.lineage import LogBuilder, party
from liar import Liar, stated
from pair import End, MemoryShelf, SeedKeys, World, heads

from detente.core import events
from detente.core.errors import LocalError, Refusal
from detente.core.extras import Resume, decode_resume
from detente.core.frames import Cosign, Heads, Quantum, StatedHead
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.log import Log, decode_log
from detente.core.protocol import wake_ms
from detente.core.restoring import adopt, check_adopt, is_entered, judge_own_log
from detente.core.station import Step
from detente.core.wire import ENTRIES

Backup = dict[bytes, MemoryShelf]


def _step(end: End) -> Step:
    return Step(end.station, end.world.now(), end.entropy)


def _adopt(end: End, k: int) -> None:
    end.station.keys = SeedKeys(end.name, k)
    end.do(events.Adopt(k))
    end.do(events.Tick())


def _lived() -> tuple[World, Backup]:
    """Two ends that go on talking after a copy of alpha's shelves was taken."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    for number in range(3):
        alpha.submit(f"before {number}")
    world.run(40)
    backup = deepcopy(alpha.shelves)
    for number in range(3):
        alpha.submit(f"after {number}")
    bravo.submit("and to you")
    world.run(40)
    return world, backup


def _restored() -> World:
    """alpha has come back from the copy and has met bravo again."""
    world, backup = _lived()
    world.ends["alpha"].restart(backup)
    world.link("alpha", "bravo")
    world.run(40)
    return world


SAID = [b"\0before 0", b"\0before 1", b"\0before 2", b"\0after 0", b"\0after 1", b"\0after 2"]


def test_a_restored_node_is_mute() -> None:
    """A peer shows more of its own log than it holds: it signs nothing from then on."""
    world, backup = _lived()
    alpha = world.ends["alpha"]
    alpha.restart(backup)
    size = alpha.own().size
    world.frames.clear()
    world.link("alpha", "bravo")
    alpha.submit("said while mute")
    world.run(60)
    assert alpha.line.mute
    assert len(alpha.facts("mute")) == 1
    assert alpha.own().size > size, "its own old entries come back"
    assert alpha.kinds().count(Kind.DISPATCH) == 6
    signed = {frame[0] >> 4 for one, _, frame in world.frames if one == "alpha"}
    assert not signed & {Cosign.TYPE, Quantum.TYPE}
    assert len(alpha.line.queue.rows) == 1
    assert world.ends["bravo"].texts(0) == SAID


def test_a_mute_node_waits_for_its_officers_and_not_by_the_second() -> None:
    """A row that only an adoption can free wakes nobody: what is due next is a heartbeat."""
    world = _restored()
    alpha = world.ends["alpha"]
    alpha.submit("said while mute")
    world.run(120)
    due_ms = []
    for _ in range(60):
        world.run(1)
        due_ms.append(wake_ms(alpha.station))
    assert alpha.line.mute
    assert alpha.line.queue.rows
    assert len(set(due_ms)) <= 3, "two heartbeats in a minute"


def test_a_mute_node_stores_and_says_that_it_is_mute() -> None:
    """It shows and keeps what comes, and its peer knows why nothing is receipted."""
    world = _restored()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    bravo.submit("are you there")
    world.run(5)
    assert alpha.texts(1) == [b"\0and to you", b"\0are you there"]
    assert [session.mute for session in bravo.line.sessions.values()] == [True]
    assert bravo.line.logs[alpha.own().id].stated.get(bravo.own().id, 0) < bravo.own().size


def test_muteness_survives_a_restart() -> None:
    """Only officers end it."""
    world = _restored()
    alpha = world.ends["alpha"]
    reason = alpha.line.mute
    alpha.restart()
    world.link("alpha", "bravo")
    world.run(40)
    assert alpha.line.mute == reason
    assert len(alpha.facts("mute")) == 1


def test_adoption_brings_everything_back() -> None:
    """The resume, then the old entries, once and in order, and equal heads at both ends."""
    world = _restored()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    _adopt(alpha, 1)
    world.run(60)
    assert not alpha.line.mute
    assert alpha.own().id.k == 1
    assert alpha.kinds()[0] == Kind.RESUME
    alpha.submit("here again")
    world.run(60)
    for end in (alpha, bravo):
        assert end.texts(0) == [*SAID, b"\0here again"]
        assert end.texts(1) == [b"\0and to you"]
        assert not end.facts("refused")
        assert not end.facts("fork-suspected")
    assert heads(alpha) == heads(bravo)
    assert alpha.facts("adopted") == [{"k": 1}]
    assert bravo.facts("resumed") == [{"member": 0, "k": 1}]


def test_the_resume_names_every_known_predecessor() -> None:
    """Its number, its life, and what is held of all earlier logs."""
    world, backup = _lived()
    alpha = world.ends["alpha"]
    alpha.restart(backup)
    old = alpha.own()
    size, root = old.size, old.root
    _adopt(alpha, 1)
    leaf = alpha.shelf(alpha.line.id).entry(alpha.own().id, 0).leaf
    assert leaf is not None
    resume = decode_resume(leaf.extra)
    assert (resume.k, resume.life) == (1, alpha.own().id.life)
    assert [tuple(head) for head in resume.predecessors] == [(old.id, size, root)]
    assert alpha.line.logs[old.id].size == size


def test_a_peers_first_cover_of_the_new_life_closes_the_old_one() -> None:
    """One entry of its log names the new incarnation and every earlier one."""
    world = _restored()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    _adopt(alpha, 1)
    world.run(60)
    shelf = bravo.shelf(bravo.line.id)
    entries = shelf.entries(bravo.own().id, 0, bravo.own().size)
    first = next(
        entry.leaf
        for entry in entries
        if entry.leaf is not None and any(seen.log == alpha.own().id for seen in entry.leaf.seen)
    )
    named = {seen.log: seen.size for seen in first.seen}
    old = LogId(0, 0, b"")
    assert named[old] == alpha.line.logs[old].size == bravo.line.logs[old].size


def test_our_own_closing_head_that_comes_back_is_not_signed_as_another_s() -> None:
    """Both lost their disks: what alpha had stated of bravo's new life comes back to alpha, and
    nothing that alpha signs then is refused by bravo."""
    world, backup = _lived()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    _adopt(bravo, 1)
    world.run(60)
    closing = alpha.own()
    alpha.restart(backup)
    world.link("alpha", "bravo")
    world.run(60)
    assert alpha.line.logs[closing.id].stated[bravo.own().id]
    assert closing.id not in alpha.line.quantum_for
    _adopt(alpha, 1)
    world.run(60)
    assert not bravo.facts("refused")
    assert heads(alpha) == heads(bravo)


def test_a_cosignature_of_the_old_log_is_not_quoted_as_of_the_new_one() -> None:
    """Cosigned, not stated as seen yet, and adopted meanwhile: the peer finds no false quote."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("cosigned at once, seen within seconds")
    world.run()
    assert alpha.facts("cosigned")
    world.cut("alpha", "bravo")
    world.run(600)
    _adopt(alpha, 1)
    world.link("alpha", "bravo")
    world.run(60)
    assert not bravo.facts("false-quote")
    assert Kind.QUOTE not in alpha.kinds()
    assert Kind.MARK not in bravo.kinds()


def test_an_adoption_forgets_what_was_covered_and_says_so_to_the_store() -> None:
    """Of the others' logs, in one row each; our own old ones are as they were."""
    world = _restored()
    alpha = world.ends["alpha"]
    alpha.station.keys = SeedKeys("alpha", 1)
    line, step = alpha.line, _step(alpha)
    old, other = alpha.own(), alpha.log_of(1)
    old.covered, old.cosigned, other.covered, other.cosigned = 3, 2, 5, 4
    adopt(step, line, 1)
    assert (old.covered, old.cosigned) == (3, 2)
    flags, stored = step.out[:2]
    assert flags == events.StoreFlags(line.id, "")
    assert isinstance(stored, events.StoreState)
    assert (stored.line, stored.log) == (line.id, other.id)
    back = decode_log(other.id, other.origin, other.key, stored.state)
    assert (back.covered, back.cosigned) == (0, 0)
    assert line.logs[line.mine].last.precedence == Precedence.IMMEDIATE


@pytest.mark.parametrize(
    ("due", "joining", "after"),
    [(False, b"", False), (True, b"", True), (False, b"digest", True), (True, b"digest", True)],
)
def test_an_adoption_looks_for_the_charter_of_a_line_that_is_being_joined(
    due: bool, joining: bytes, after: bool
) -> None:
    """And forgets no look that was due already."""
    alpha = _restored().ends["alpha"]
    alpha.station.keys = SeedKeys("alpha", 1)
    alpha.line.charter_due, alpha.line.joining = due, joining
    adopt(_step(alpha), alpha.line, 1)
    assert alpha.line.charter_due is after


def test_what_others_said_is_covered_anew_in_the_new_log() -> None:
    """The new incarnation states what it holds of everybody, so no receipt is missing."""
    world = _restored()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    _adopt(alpha, 1)
    world.run(60)
    assert alpha.own().stated[bravo.own().id] >= bravo.own().called
    assert {c.name for c in alpha.shelf(alpha.line.id).cosignatures if c.member == 0}


def test_adopted_before_anybody_was_met_the_old_entries_still_come_back() -> None:
    """Without a peer the officers may adopt at once; peers then bring what they hold."""
    world, backup = _lived()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.restart(backup)
    _adopt(alpha, 1)
    world.link("alpha", "bravo")
    world.run(60)
    assert not alpha.line.mute
    assert alpha.texts(0) == bravo.texts(0) == SAID
    assert heads(alpha) == heads(bravo)
    assert not alpha.facts("own-log-concurrent")


def test_more_of_an_old_log_of_ours_that_comes_back_goes_on_to_who_is_linked() -> None:
    """Alpha gives a restored node a life that its backup does not know, charlie the rest of it:
    that goes to alpha, who asks nobody for what its author should send."""
    world = World(names=("alpha", "bravo", "charlie"))
    world.open()
    world.run(130)
    alpha, bravo, charlie = (world.ends[name] for name in world.names)
    backup = deepcopy(bravo.shelves)
    _adopt(bravo, 1)
    life = bravo.own().id
    world.run(130)
    world.drop(alpha)
    bravo.submit("to charlie alone")
    world.run(60)
    bravo.restart(backup)
    _adopt(bravo, 2)
    world.link("alpha", "bravo")
    world.run(60)
    held = alpha.line.logs[life].size
    assert bravo.line.logs[life].size == held < charlie.line.logs[life].size
    world.link("bravo", "charlie")
    world.run(60)
    assert bravo.line.logs[life].size == charlie.line.logs[life].size
    assert heads(alpha) == heads(bravo)
    assert alpha.texts(1) == [b"\0to charlie alone"]


def _queued() -> tuple[World, Backup]:
    """A copy of alpha's shelves with two messages still queued, which were then sent."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    world.ends["bravo"].submit("from the other side")
    world.run(40)
    world.cut("alpha", "bravo")
    alpha.submit("queued")
    audience = alpha.line.everyone()
    draft = events.Draft(kind=Kind.DUTY, audience=audience, extra=b"\1\1")
    alpha.do(events.Submit(alpha.line.id, draft))
    alpha.do(events.Tick())
    backup = deepcopy(alpha.shelves)
    assert len(backup[alpha.line.id].outbox) == 2
    world.link("alpha", "bravo")
    world.run(40)
    assert not alpha.line.queue.rows
    return world, backup


@pytest.mark.parametrize("met_first", [True, False])
def test_what_was_sent_before_the_loss_is_not_sent_again(met_first: bool) -> None:
    """Its row in the outbox is found in the log that comes back, before adoption or after."""
    world, backup = _queued()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.restart(backup)
    if met_first:
        world.link("alpha", "bravo")
        world.run(40)
        assert len(alpha.line.queue.rows) == 2, "a mute node touches nothing"
        _adopt(alpha, 1)
    else:
        _adopt(alpha, 1)
        assert [row.awaits_release for row in alpha.line.queue.rows.values()] == [True, True]
        world.link("alpha", "bravo")
    world.run(60)
    assert not alpha.line.queue.rows
    assert not alpha.shelf(alpha.line.id).outbox
    assert alpha.texts(0) == bravo.texts(0) == [b"\0queued"]
    kinds = [place.log.k for place in bravo.shelf(bravo.line.id).of_kind([Kind.DUTY])]
    assert kinds == [0]


def test_what_was_never_sent_waits_for_a_person() -> None:
    """After an adoption a queued message is released again, or dropped; it never goes by itself."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    world.run(40)
    world.cut("alpha", "bravo")
    alpha.submit("once more")
    alpha.submit("better not")
    alpha.do(events.Tick())
    alpha.restart(deepcopy(alpha.shelves), mute="no mark")
    _adopt(alpha, 1)
    world.link("alpha", "bravo")
    world.run(60)
    assert bravo.texts(0) == []
    first, second = alpha.line.queue.rows
    alpha.do(events.Release(alpha.line.id, first, send=True))
    alpha.do(events.Release(alpha.line.id, second, send=False))
    world.run(40)
    assert bravo.texts(0) == alpha.texts(0) == [b"\0once more"]
    assert not alpha.shelf(alpha.line.id).outbox


def test_a_row_that_is_held_back_is_stored_so() -> None:
    """Read from the store where a restart left it there, and written with the wait."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    world.run(40)
    world.cut("alpha", "bravo")
    alpha.submit("once more")
    alpha.do(events.Tick())
    (row,) = alpha.line.queue.rows.values()
    alpha.restart(mute="no mark")
    unread = events.OutboxRow(row.number, events.Draft(-1, 0), row.submitted_s)
    alpha.line.queue.rows[row.number] = unread
    alpha.station.keys = SeedKeys("alpha", 1)
    out = alpha.do(events.Adopt(1))
    held = row._replace(awaits_release=True)
    queued = [effect for effect in out if isinstance(effect, events.QueueOutbox)]
    assert queued == [events.QueueOutbox(alpha.line.id, held)]


def test_a_row_that_was_not_read_yet_is_dropped_all_the_same() -> None:
    """Its entry comes back after the adoption, while its draft is still in the store."""
    world, backup = _queued()
    alpha = world.ends["alpha"]
    alpha.restart(backup)
    _adopt(alpha, 1)
    for row in list(alpha.line.queue.rows.values()):
        unread = row._replace(draft=events.Draft(-1, 0))
        alpha.line.queue.rows[row.number] = unread
    world.link("alpha", "bravo")
    world.run(60)
    assert not alpha.line.queue.rows
    assert not alpha.shelf(alpha.line.id).outbox


def test_what_another_says_in_the_same_words_is_not_ours() -> None:
    """Two members on duty make equal statements without a body; each is its author's alone."""
    world = World()
    world.open()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    draft = events.Draft(kind=Kind.DUTY, audience=alpha.line.everyone(), extra=b"\1\1")
    bravo.do(events.Submit(bravo.line.id, draft))
    world.run(40)
    assert is_entered(bravo.line, draft)
    assert alpha.shelf(alpha.line.id).of_kind([Kind.DUTY])
    assert not is_entered(alpha.line, draft)


def test_a_number_that_is_known_is_not_adopted_again() -> None:
    """Nor one whose keys are not loaded; nothing changes then."""
    world = _restored()
    alpha = world.ends["alpha"]
    for keys, k in ((0, 0), (0, 1), (2, 1), (16, 16)):
        alpha.station.keys = SeedKeys(alpha.name, keys)
        with pytest.raises(LocalError) as caught:
            alpha.do(events.Adopt(k))
        assert caught.value.refusal == Refusal.NOT_ALLOWED
    assert alpha.line.mute
    assert alpha.own().id == LogId(0, 0, b"")


def test_a_revoked_number_is_not_adopted() -> None:
    """Though its keys are loaded and no log of it is known."""
    alpha = _restored().ends["alpha"]
    alpha.station.keys = SeedKeys("alpha", 1)
    alpha.station.revoked[party("alpha").log(1).public()] = None
    with pytest.raises(LocalError) as caught:
        check_adopt(_step(alpha), alpha.line, 1)
    assert caught.value.refusal is Refusal.REVOKED


def test_who_knows_no_log_of_its_own_may_adopt_the_first_number() -> None:
    """Every number is above none."""
    world = World()
    world.open()
    alpha = world.ends["alpha"]
    for log in [log for log in alpha.line.logs if log.member == 0]:
        del alpha.line.logs[log]
    check_adopt(_step(alpha), alpha.line, 0)


def _adopted_twice() -> tuple[World, LogId, LogId]:
    """Two copies of one backup both became incarnation 1, each with words of its own."""
    world, backup = _lived()
    alpha = world.ends["alpha"]
    again = deepcopy(backup)
    lives = []
    for number, shelves in enumerate((backup, again)):
        alpha.restart(shelves)
        _adopt(alpha, 1)
        lives.append(alpha.own().id)
        alpha.submit(f"life {number}")
        world.link("alpha", "bravo")
        world.run(60)
    return world, lives[0], lives[1]


def test_one_number_adopted_twice_is_carried_as_concurrent() -> None:
    """Both lives are kept and told; neither convicts anybody."""
    world, one, two = _adopted_twice()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    assert one != two
    assert alpha.line.mine == two
    assert {fact["log"] for fact in alpha.facts("own-log-concurrent")} == {one.word}
    assert not alpha.line.mute
    for end in (alpha, bravo):
        assert {one, two} <= set(end.line.logs)
        assert sorted(end.texts(0), key=str)[-2:] == [b"\0life 0", b"\0life 1"]
        assert not end.line.accused
        assert not end.facts("fork-suspected")


def test_the_next_number_heals_it() -> None:
    """Incarnation k+1 names both lives of k, and the line goes on with equal heads."""
    world, one, two = _adopted_twice()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    _adopt(alpha, 2)
    alpha.submit("one again")
    world.run(60)
    leaf = bravo.shelf(bravo.line.id).entry(alpha.own().id, 0).leaf
    assert leaf is not None
    named = [head.log for head in decode_resume(leaf.extra).predecessors]
    assert named == sorted([LogId(0, 0, b""), one, two])
    assert heads(alpha) == heads(bravo)
    assert alpha.own().id.k == 2
    assert bravo.texts(0)[-1] == b"\0one again"


def test_who_comes_after_an_adoption_is_greeted_once() -> None:
    """Whoever is linked later hears our hello with the link; it is not said again behind it."""
    world, backup = _lived()
    alpha = world.ends["alpha"]
    world.drop(alpha)
    alpha.restart(backup, "restored")
    alpha.station.keys = SeedKeys("alpha", 1)
    alpha.do(events.Adopt(1))
    link = next(world.numbers)
    said = alpha.do(events.LinkUp(link, party("bravo").id))
    said += alpha.do(events.Tick())
    assert len([one for one in said if isinstance(one, events.Send)]) == 1


# --- what a peer says of our own logs -----------------------------------------------------------


def _meet() -> tuple[Liar, End, int]:
    world = World()
    liar, alpha = Liar(world, "bravo"), world.ends["alpha"]
    alpha.do(events.Accept(world.charter().encode()))
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(1)
    alpha.submit("hello")
    world.run(1)
    liar.got(link)
    return liar, alpha, link


def _ours(liar: Liar, alpha: End, k: int = 0, life: bytes = b"") -> LogBuilder:
    """A log under alpha's own true keys, empty."""
    assert alpha.name == "alpha"
    return LogBuilder(liar.line, LogId(0, k, life), party("alpha"))


def _false(log: LogBuilder) -> StatedHead:
    """A head of a log that its author never signed."""
    head = stated(log)
    return StatedHead(head.head, party("bravo").log(0).sign(b"anything"))


@pytest.mark.parametrize("by_hello", [True, False])
@pytest.mark.parametrize("k", [0, 1])
def test_a_false_own_head_never_makes_us_mute(by_hello: bool, k: int) -> None:
    """Without our own signature it is the peer's fault, whatever it says."""
    liar, alpha, link = _meet()
    log = _ours(liar, alpha, k, b"lifelife" if k else b"")
    for _ in range(20):
        log.say(time_s=liar.world.wall_s)
    if by_hello:
        liar.hello(link, _false(log))
    else:
        liar.send(link, Heads((_false(log),)))
    liar.world.run(5)
    assert alpha.facts("false-own-head") == [{"log": log.id.word}]
    assert alpha.facts("refused")[-1]["refusal"] == "bad-signature"
    assert not alpha.line.mute
    alpha.submit("still speaking")
    liar.world.run(5)
    assert alpha.texts(0)[-1] == b"\0still speaking"


def test_another_head_of_our_current_log_makes_us_mute() -> None:
    """Signed by our key, of a size we hold, and not ours: there is a copy of this node."""
    liar, alpha, link = _meet()
    log = _ours(liar, alpha)
    log.say(time_s=liar.world.wall_s)
    liar.send(link, Heads((stated(log),)))
    assert alpha.line.mute
    size = alpha.own().size
    alpha.submit("never signed")
    liar.world.run(60)
    assert alpha.own().size == size
    liar.send(link, Heads((stated(log),)))
    assert len(alpha.facts("mute")) == 1


def test_an_incarnation_of_ours_that_we_do_not_know_makes_us_mute() -> None:
    """Somebody has adopted this node's keys since: this one is the older copy."""
    liar, alpha, link = _meet()
    log = _ours(liar, alpha, 1, b"lifelife")
    log.say(Kind.RESUME, extra=Resume(1, b"lifelife", ()).encode(), time_s=liar.world.wall_s)
    liar.send(link, Heads((stated(log),)))
    assert alpha.facts("mute")
    liar.world.run(5)
    liar.entries(link, log)
    assert alpha.line.logs[log.id].size == 1, "its entries are kept all the same"
    with pytest.raises(LocalError):
        _adopt(alpha, 1)
    _adopt(alpha, 2)
    assert not alpha.line.mute


LATER, LATEST = LogId(0, 2, b"lifelife"), LogId(0, 3, b"lastlife")


@pytest.mark.parametrize(
    ("mine", "shown", "reason"),
    [
        (None, LATER, "a peer shows a log of ours that we do not hold"),
        (LATER, LATER, "a peer shows more of our own log than we hold"),
        (LATER, LATEST, "a peer shows an incarnation of ours that we do not know"),
        (LogId(0, 0, b""), LATER, "a peer shows an incarnation of ours that we do not know"),
        (LogId(0, 0, b""), LogId(0, 0, b"lifelife"), "a peer shows an incarnation of ours that we"),
    ],
)
def test_what_makes_us_mute_is_stored_and_told(
    mine: LogId | None, shown: LogId, reason: str
) -> None:
    """Once, with why, for the officers to read."""
    _liar, alpha, _link = _meet()
    line, step = alpha.line, _step(alpha)
    line.mine = mine
    log = Log(shown, "origin", bytes(32))
    for _ in range(2):
        judge_own_log(step, line, log)
    assert line.mute.startswith(reason)
    assert step.out == [
        events.StoreFlags(line.id, line.mute),
        events.Tell("mute", line.id, {"reason": line.mute}),
    ]


@pytest.mark.parametrize(
    ("shown", "told"),
    [(LogId(0, 2, b"twinlife"), [{"log": "2.7477696e6c696665"}]), (LogId(0, 1, b"lifelife"), [])],
)
def test_another_life_beside_ours_is_told_and_an_earlier_one_is_not(
    shown: LogId, told: list[dict[str, object]]
) -> None:
    """Neither makes a resumed log mute: what it may sign is its own."""
    _liar, alpha, _link = _meet()
    line, step = alpha.line, _step(alpha)
    line.mine = LATER
    judge_own_log(step, line, Log(shown, "origin", bytes(32)))
    assert not line.mute
    assert [effect.facts for effect in step.out if isinstance(effect, events.Tell)] == told


def test_an_old_log_of_ours_that_differs_is_told() -> None:
    """After an adoption it is no reason to fall mute: nothing is signed there any more."""
    liar, alpha, link = _meet()
    _adopt(alpha, 1)
    liar.world.run(5)
    log = _ours(liar, alpha)
    log.say(time_s=liar.world.wall_s)
    liar.send(link, Heads((stated(log),)))
    assert alpha.facts("own-log-differs") == [{"log": "0"}]
    assert not alpha.line.mute


def test_a_peer_that_lost_its_words_is_sent_them_again() -> None:
    """What alpha's old life had covered of bravo, and its new one does not hold, is streamed."""
    world, backup = _lived()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    lost = bravo.own().size
    alpha.restart(backup)
    assert alpha.log_of(1).size < lost
    world.frames.clear()
    _adopt(alpha, 1)
    world.link("alpha", "bravo")
    world.run(5)
    assert alpha.log_of(1).size >= lost
    assert alpha.texts(1) == [b"\0and to you"]
    assert any(one == "bravo" and frame[0] >> 4 == ENTRIES for one, _, frame in world.frames)


def test_an_adoption_begins_no_log_on_a_line_that_was_left() -> None:
    """We have nothing more to say there; the other lines go on."""
    world = _restored()
    alpha = world.ends["alpha"]
    alpha.line.left = True
    before = dict(alpha.line.logs)
    _adopt(alpha, 1)
    assert alpha.line.mute
    assert alpha.line.logs == before


@pytest.mark.parametrize(
    ("mute", "life", "held"), [(False, b"", True), (True, b"", False), (False, b"lifelife", False)]
)
def test_an_old_log_confirms_nothing_of_what_is_held_now(
    mute: bool, life: bytes, held: bool
) -> None:
    """What a peer stated before it lost its disk it may hold no more, until it states it again."""
    liar, alpha, link = _meet()
    start, size = liar.log.size, alpha.own().size
    liar.seen((alpha, alpha.own().id))
    alpha.do(events.LinkDown(link))
    current = LogBuilder(liar.line, LogId(1, int(bool(life)), life), party("bravo"))
    link = liar.greet("alpha", log=current, mute=mute)
    session = alpha.line.sessions[link]
    liar.raw(link, liar.batch(liar.log, start))
    assert alpha.line.logs[liar.log.id].size == liar.log.size
    assert session.holds.get(alpha.own().id, 0) == (size if held else 0)
