"""Receipts: `seen`, cosignatures, quotes and lacks; and that nobody acknowledges for ever."""

from __future__ import annotations

import pytest
from core.lineage import START_S, party
from liar import Liar, covering_item, stated
from pair import End, SeedKeys, World, heads

from detente.core import events, frames, limits, notes
from detente.core.cosigning import recall
from detente.core.errors import Refusal
from detente.core.extras import Mark, Quote, Rung, Stater, decode_mark, decode_quote
from detente.core.identity import holds_name
from detente.core.leaf import UNCALLING, Kind, LogId, Precedence
from detente.core.wire import ENTRIES


def opened(**fields: object) -> World:
    world = World(**fields)
    world.open()
    world.run(130)
    return world


def kinds_of_frames(world: World, since: int) -> list[int]:
    return [data[0] >> 4 for _, _, data in world.frames[since:]]


QUIET = {frames.Presence.TYPE}


@pytest.mark.parametrize("precedence", list(Precedence))
@pytest.mark.parametrize("kind", [Kind.DISPATCH, Kind.MARK, Kind.ACCIDENT])
def test_two_idle_ends_come_to_rest(precedence: Precedence, kind: Kind) -> None:
    """After any exchange nothing but heartbeats is sent: no acknowledgement is acknowledged."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("one", kind=kind, precedence=precedence)
    bravo.submit("two", kind=kind, precedence=precedence)
    world.run(190)
    since = len(world.frames)
    size = alpha.own().size, bravo.own().size
    world.run(300)
    assert set(kinds_of_frames(world, since)) <= QUIET
    assert (alpha.own().size, bravo.own().size) == size
    assert heads(alpha) == heads(bravo)


def test_three_idle_ends_come_to_rest() -> None:
    """Heads told to thirds are told once."""
    world = opened(names=("alpha", "bravo", "charlie"))
    world.ends["alpha"].submit("one", precedence=Precedence.FLASH)
    world.ends["bravo"].submit("two")
    world.run(190)
    since = len(world.frames)
    world.run(200)
    assert set(kinds_of_frames(world, since)) <= QUIET


def test_immediate_is_covered_at_once_and_cosigned_within_a_minute() -> None:
    """At IMMEDIATE and above the `seen` entry alone is the receipt; its cosignature follows."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("now", precedence=Precedence.IMMEDIATE)
    cosigned = len(alpha.facts("cosigned"))
    world.run()
    size = alpha.own().size
    assert alpha.facts("receipt")[-1] == {"member": 1, "size": size}
    assert bravo.kinds()[-1] == Kind.SEEN
    assert len(alpha.facts("cosigned")) == cosigned
    world.run(limits.COSIGN_WITHIN_S)
    assert alpha.facts("cosigned")[-1]["size"] >= size


def test_below_immediate_the_cosignature_goes_at_once() -> None:
    """`seen` follows within the charter's seconds, and states when it was stored."""
    world = opened(changes={"seen_within_s": 20})
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("routine")
    world.run()
    size, stored_s = alpha.own().size, world.wall_s
    assert alpha.facts("cosigned")[-1] == {"member": 1, "log": "0", "size": size}
    receipts = len(alpha.facts("receipt"))
    world.run(19)
    assert len(alpha.facts("receipt")) == receipts
    world.run(2)
    assert len(alpha.facts("receipt")) == receipts + 1
    log = alpha.log_of(1)
    leaf = alpha.shelf(alpha.line.id).entry(log.id, log.size - 1).leaf
    assert leaf.seen[0].held_at_s == stored_s
    cosignature = alpha.shelf(alpha.line.id).cosignatures[-1]
    assert (cosignature.size, cosignature.time_s) == (size, stored_s)
    assert heads(alpha) == heads(bravo)


def test_an_accusation_is_covered_at_once_whatever_its_precedence() -> None:
    """Its author may have written it as ROUTINE, and proven nothing: its receipt does not wait."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    said = events.Draft(kind=Kind.ACCUSATION, audience=3, body=b"\0", salt=bytes(16))
    alpha.line.state(said)
    alpha.submit("what makes it go")
    world.run()
    assert alpha.facts("receipt")[-1] == {"member": 1, "size": alpha.own().size}
    assert bravo.kinds()[-1] == Kind.SEEN


def test_a_mark_never_calls_for_an_immediate_seen() -> None:
    """However urgent it is, a mark is cosigned and covered at leisure."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    extra = Mark(Rung.SEEN, Stater.WATCH).encode()
    alpha.do(
        events.Submit(
            alpha.line.id,
            events.Draft(kind=Kind.MARK, audience=3, precedence=5, refs=(bytes(32),), extra=extra),
        )
    )
    size = bravo.own().size
    world.run()
    assert bravo.own().size == size
    assert alpha.facts("cosigned")[-1]["size"] == alpha.own().size
    world.run(40)
    assert bravo.kinds()[-1] == Kind.SEEN


def test_a_due_seen_survives_a_restart() -> None:
    """What was received and not covered yet is covered after the next hello."""
    world = opened()
    alpha, bravo = world.ends["alpha"], world.ends["bravo"]
    alpha.submit("routine")
    world.run()
    bravo.restart()
    world.link("alpha", "bravo")
    world.run(1)
    assert alpha.log_of(1).stated[alpha.own().id] == alpha.own().size


# --- a peer played by the test ------------------------------------------------------------------


def with_liar() -> tuple[World, Liar, int, End]:
    world = World()
    world.open("alpha")
    liar = Liar(world, "bravo")
    link = liar.greet("alpha")
    liar.entries(link)
    world.run(70)
    return world, liar, link, world.ends["alpha"]


def cosign(
    liar: Liar, link: int, size: int, time_s: int, log: LogId | None = None
) -> frames.Cosign:
    """A true cosignature by the liar over alpha's log."""
    end = liar.links[link]
    own = end.line.logs[log or end.own().id]
    head = end.shelf(end.line.id).heads[own.id][size]
    message = notes.cosign_message(own.checkpoint(size, head.root), time_s)
    last = end.shelf(end.line.id).entry(own.id, size - 1).leaf
    return frames.Cosign(log, size, time_s - last.time_s, party(liar.name).holds(0).sign(message))


@pytest.mark.parametrize("kind", sorted(UNCALLING))
def test_uncalling_kinds_call_for_nothing(kind: int) -> None:
    """`seen`-only, quote, held-ahead and lacks call for no cosignature, `seen` or quote."""
    world, liar, link, alpha = with_liar()
    liar.got(link)
    size = alpha.own().size
    liar.log.say(kind, time_s=world.wall_s, precedence=5)
    liar.entries(link, start=1)
    world.run(29)
    assert alpha.own().size == size
    assert not liar.answers(link, frames.Cosign)


def test_a_late_seen_is_answered_with_a_quote() -> None:
    """A peer whose `seen` says a later time than its own cosignature finds that one in our log."""
    world, liar, link, alpha = with_liar()
    alpha.submit("warning", precedence=Precedence.FLASH)
    world.run()
    size, early_s = alpha.own().size, world.wall_s
    liar.send(link, cosign(liar, link, size, early_s))
    world.run(31)
    liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=1)
    world.run()
    place = alpha.shelf(alpha.line.id).of_kind([Kind.QUOTE])[-1]
    quote = decode_quote(alpha.shelf(alpha.line.id).entry(*place).leaf.extra)
    assert (quote.log, quote.size, quote.member, quote.time_s) == (place.log, size, 1, early_s)
    own = alpha.line.logs[quote.log]
    root = alpha.shelf(alpha.line.id).heads[own.id][size].root
    public = party("bravo").card.card.pairs[0].holds
    assert notes.verify_cosignature_ed25519(
        own.checkpoint(size, root), public, early_s, quote.signature
    )
    quotes = len(alpha.shelf(alpha.line.id).of_kind([Kind.QUOTE]))
    liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=2)
    world.run()
    assert len(alpha.shelf(alpha.line.id).of_kind([Kind.QUOTE])) == quotes


def test_no_quote_of_the_old_log_is_made_in_the_new_one() -> None:
    """What was cosigned before an adoption is no cosignature on what came after it."""
    world, liar, link, alpha = with_liar()
    alpha.submit("warning", precedence=Precedence.FLASH)
    world.run()
    liar.send(link, cosign(liar, link, alpha.own().size, world.wall_s))
    assert alpha.line.cosigned_by[1]
    alpha.station.keys = SeedKeys("alpha", 1)
    alpha.do(events.Adopt(1))
    assert not alpha.line.cosigned_by


def test_a_quote_survives_a_restart() -> None:
    """A cosignature from before a restart is quoted after it: what no `seen` has reached, of the
    holds key, and once."""
    world, liar, link, alpha = with_liar()
    alpha.submit("warning", precedence=Precedence.FLASH)
    world.run()
    size, early_s = alpha.own().size, world.wall_s
    liar.send(link, cosign(liar, link, size, early_s))
    world.run(31)
    alpha.restart()
    assert [one.size for one in alpha.line.cosigned_by[1]] == [size]
    link = liar.greet("alpha", stated(liar.log))
    liar.seen((alpha, alpha.own().id))
    liar.entries(link, start=1)
    world.run()
    (place,) = alpha.shelf(alpha.line.id).of_kind([Kind.QUOTE])
    quote = decode_quote(alpha.shelf(alpha.line.id).entry(*place).leaf.extra)
    assert (quote.size, quote.member, quote.k, quote.time_s) == (size, 1, 0, early_s)
    alpha.restart()
    assert 1 not in alpha.line.cosigned_by


def test_a_line_without_a_log_of_ours_recalls_nothing() -> None:
    """As after the loss of a disk: there is nothing of ours that anybody could have cosigned."""
    _world, _liar, _link, alpha = with_liar()
    alpha.line.mine = None
    recall(alpha.line, alpha.shelf(alpha.line.id).kept_of)
    assert not alpha.line.cosigned_by


def test_the_fewest_quotes_are_made() -> None:
    """Of many cosignatures only those are quoted that make an entry's receipt earlier by more
    than the charter's seconds; what is still to be covered is kept."""
    world, liar, link, alpha = with_liar()
    sizes = []
    for n in range(4):
        alpha.submit(f"{n}")
        world.run(20)
        sizes.append(alpha.own().size)
        liar.send(link, cosign(liar, link, alpha.own().size, world.wall_s))
    held = alpha.shelf(alpha.line.id).heads[alpha.own().id]
    item = covering_item(alpha.own().id, sizes[2], held[sizes[2]].root, world.wall_s + 60)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.entries(link, start=1)
    world.run()
    shelf = alpha.shelf(alpha.line.id)
    quoted = [decode_quote(shelf.entry(*p).leaf.extra).size for p in shelf.of_kind([Kind.QUOTE])]
    assert quoted == [sizes[3], sizes[1]]
    assert not alpha.line.cosigned_by[1]
    again = covering_item(alpha.own().id, alpha.own().size, alpha.own().root, world.wall_s)
    liar.log.say(Kind.SEEN, seen=(again,), time_s=world.wall_s)
    liar.entries(link, start=2)
    world.run()
    assert len(shelf.of_kind([Kind.QUOTE])) == 2


def test_a_timely_seen_is_not_answered_with_a_quote() -> None:
    """Within the charter's seconds the `seen` is good enough, and the cosignature is forgotten."""
    world, liar, link, alpha = with_liar()
    alpha.submit("x")
    world.run()
    liar.send(link, cosign(liar, link, alpha.own().size, world.wall_s))
    alpha.submit("y")
    world.run(5)
    liar.send(link, cosign(liar, link, alpha.own().size, world.wall_s))
    size = alpha.own().size - 1
    root = alpha.shelf(alpha.line.id).heads[alpha.own().id][size].root
    item = covering_item(alpha.own().id, size, root, world.wall_s)
    liar.log.say(Kind.SEEN, seen=(item,), time_s=world.wall_s)
    liar.entries(link, start=1)
    world.run()
    assert Kind.QUOTE not in alpha.kinds()
    assert [c.size for c in alpha.line.cosigned_by[1]] == [size + 1]


def quoting(world: World, liar: Liar, **changes: object) -> Quote:
    """A quote by bravo of a cosignature that alpha never gave, or did."""
    fields: dict[str, object] = {
        "log": liar.log.id,
        "size": liar.log.size,
        "member": 0,
        "k": 0,
        "time_s": world.wall_s,
    }
    fields.update(changes)
    if "signature" not in fields:
        root = liar.log.root(min(fields["size"], liar.log.size))
        point = notes.Checkpoint(liar.log.origin, fields["size"], root)
        message = notes.cosign_message(point, fields["time_s"])
        fields["signature"] = party("alpha").holds(0).sign(message)
    return Quote(**fields)


def test_a_true_quote_is_taken() -> None:
    """Its signature verifies under the quoted member's holds key, also at a size of its batch."""
    world, liar, link, alpha = with_liar()
    liar.say("a")
    liar.say("b")
    quote = quoting(world, liar, size=2)
    liar.log.say(Kind.QUOTE, extra=quote.encode(), time_s=world.wall_s)
    liar.entries(link, start=1)
    world.run()
    assert not alpha.facts("false-quote")
    assert Kind.MARK not in alpha.kinds()


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": bytes(64)},
        {"time_s": START_S - 5, "signature": bytes(64)},
        {"log": LogId(0, 0, b"")},
        {"log": LogId(1, 5, bytes(8))},
        {"size": 99},
        {"k": 15, "signature": bytes(64)},
        {"k": 16, "signature": bytes(64)},
    ],
)
def test_a_false_quote_in_our_name_is_disputed(changes: dict[str, object]) -> None:
    """It alarms, and our own log disputes it no later than it covers it."""
    world, liar, link, alpha = with_liar()
    quote = quoting(world, liar, **changes)
    hash_ = liar.log.say(Kind.QUOTE, extra=quote.encode(), time_s=world.wall_s)
    liar.entries(link, start=1)
    world.run(40)
    assert alpha.facts("false-quote") == [{"member": 1, "index": 1}]
    shelf = alpha.shelf(alpha.line.id)
    marks = [p for p in shelf.referring(hash_) if p.log.member == 0]
    assert decode_mark(shelf.entry(*marks[0]).leaf.extra).rung is Rung.DISPUTED
    cover = [c for c in shelf.covers(liar.log.id, 1) if c.by.member == 0]
    assert not cover or cover[0].by_index >= marks[0].index


@pytest.mark.parametrize("most", [limits.BATCH_ENTRIES_MAX, 2])
def test_no_dispute_stands_behind_what_covers_its_quote(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also of many at once, and where they fill more than one batch: the last entry covers."""
    world, liar, link, alpha = with_liar()
    for size in (97, 98, 99):
        quote = quoting(world, liar, size=size)
        liar.log.say(Kind.QUOTE, extra=quote.encode(), time_s=world.wall_s)
    liar.say("now", precedence=Precedence.IMMEDIATE)
    liar.entries(link, start=1)
    monkeypatch.setattr(limits, "BATCH_ENTRIES_MAX", most)
    world.run()
    shelf = alpha.shelf(alpha.line.id)
    marks = [place for place in shelf.of_kind((Kind.MARK,)) if place.log == alpha.own().id]
    cover = [c for c in shelf.covers(liar.log.id, 3) if c.by == alpha.own().id]
    assert len(marks) == 3
    assert cover[0].by_index == marks[-1].index


def test_a_false_quote_in_anothers_name_is_told() -> None:
    """A third alarms and leaves the dispute to the one who is quoted; a void quote is told too. Of
    one who is no member here, perhaps not yet, nothing is said."""
    world, liar, link, alpha = with_liar()
    quote = quoting(world, liar, member=1, signature=bytes(64))
    liar.log.say(Kind.QUOTE, extra=quote.encode(), time_s=world.wall_s)
    liar.log.say(Kind.QUOTE, extra=b"nothing", time_s=world.wall_s)
    liar.log.say(Kind.QUOTE, extra=quoting(world, liar, member=31).encode(), time_s=world.wall_s)
    liar.entries(link, start=1)
    world.run()
    assert [fact["index"] for fact in alpha.facts("false-quote")] == [1]
    assert alpha.facts("void") == [{"member": 1, "index": 2}]
    assert Kind.MARK not in alpha.kinds()


# --- cosignatures taken -------------------------------------------------------------------------


def test_a_cosignature_is_kept_once_a_size() -> None:
    """Dated again and again, the same statement adds nothing."""
    world, liar, link, alpha = with_liar()
    for n in range(3):
        liar.send(link, cosign(liar, link, 1, world.wall_s + n))
    mine = [c for c in alpha.shelf(alpha.line.id).cosignatures if c.member == 1]
    assert [(c.size, c.name) for c in mine] == [(1, holds_name(party("bravo").id, 0))]
    assert len(alpha.line.cosigned_by[1]) == 1


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        (frames.Cosign(None, 1, 0, bytes(64)), Refusal.BAD_SIGNATURE),
        (frames.Cosign(None, 9, 0, bytes(64)), Refusal.NOT_HELD),
        (frames.Cosign(None, 1, -(1 << 41), bytes(64)), Refusal.MALFORMED),
        (frames.Cosign(LogId(1, 0, b""), 1, 0, bytes(64)), Refusal.UNKNOWN_LOG),
        (frames.Cosign(LogId(0, 3, b""), 1, 0, bytes(64)), Refusal.UNKNOWN_LOG),
    ],
)
def test_a_wrong_cosignature_is_refused(frame: frames.Cosign, refusal: Refusal) -> None:
    """Garbage, sizes not held and logs that are not ours each have a name; nothing is kept."""
    _world, liar, link, alpha = with_liar()
    liar.send(link, frame)
    assert alpha.facts("refused")[-1]["refusal"] == refusal.word
    assert not [c for c in alpha.shelf(alpha.line.id).cosignatures if c.member == 1]


def test_a_missing_cosignature_is_asked_for() -> None:
    """A peer that confirms and does not cosign within two minutes is asked, again and again."""
    world, liar, link, alpha = with_liar()
    alpha.submit("x")
    world.run()
    size = alpha.own().size
    liar.send(link, frames.Got(alpha.own().id, size))
    world.run(60)
    assert not liar.answers(link, frames.Want)
    world.run(75)
    assert liar.answers(link, frames.Want) == [
        frames.Want(frames.WANT_COSIGNATURE, alpha.own().id, size)
    ]
    liar.send(link, cosign(liar, link, size, world.wall_s))
    world.run(300)
    assert not liar.answers(link, frames.Want)


def test_a_cosignature_is_given_on_request_to_the_author_alone() -> None:
    """The same statement again, not stored twice; a third is refused."""
    _world, liar, link, alpha = with_liar()
    stored = len(alpha.shelf(alpha.line.id).cosignatures)
    liar.got(link)
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, liar.log.id, 1))
    found = liar.answers(link, frames.Cosign)
    assert [(one.log, one.size) for one in found] == [(None, 1)]
    assert len(alpha.shelf(alpha.line.id).cosignatures) == stored
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, alpha.own().id, 1))
    assert alpha.facts("refused")[-1]["refusal"] == "not-allowed"


def test_who_asks_for_a_cosignature_where_none_can_be_given_is_not_blamed() -> None:
    """A body that is missing here, under the one head of all, is nothing that its author knows."""
    world = World()
    world.open("alpha")
    alpha, liar = world.ends["alpha"], Liar(world, "bravo")
    liar.say("of which the body is lost")
    link = liar.greet("alpha")
    liar.entries(link, bodies=False)
    world.run()
    for _ in range(limits.BAD_FRAMES_MAX):
        liar.send(link, frames.Want(frames.WANT_COSIGNATURE, liar.log.id, 2))
    assert {fact["refusal"] for fact in alpha.facts("refused")} == {"not-held"}
    assert not liar.answers(link, frames.Cosign)
    assert not alpha.closed


# --- bodies that are missing --------------------------------------------------------------------


def test_a_body_that_stays_away_is_lacked_and_the_rest_receipted() -> None:
    """After the charter's time `lacks` names it; what is behind it is covered and cosigned."""
    world, liar, link, alpha = with_liar()
    liar.say("gone")
    liar.say("here")
    liar.entries(link, start=1, stop=2, bodies=False)
    liar.entries(link, start=2, stop=3)
    world.run(58)
    assert liar.answers(link, frames.Want)[0] == frames.Want(frames.WANT_BODY, liar.log.id, 1)
    assert alpha.own().stated.get(liar.log.id) == 1
    late_s = world.wall_s
    world.run(10)
    assert Kind.LACKS in alpha.kinds()
    assert alpha.own().stated[liar.log.id] == 3
    leaf = alpha.shelf(alpha.line.id).entry(alpha.own().id, alpha.own().size - 1).leaf
    assert leaf.seen[0].held_at_s >= late_s
    lacked = alpha.kinds().count(Kind.LACKS)
    world.run(70)
    assert alpha.kinds().count(Kind.LACKS) == lacked
    salt, body = liar.log.bodies[1]
    liar.send(link, frames.Body(liar.log.id, 1, salt, body))
    world.run()
    assert alpha.kinds()[-1] == Kind.HELD_AHEAD
    assert alpha.texts(1) == [body, liar.log.bodies[2][1]]


def test_held_at_is_when_the_covered_head_came_to_be_held() -> None:
    """Entries behind a missing body do not move the time of what is covered before it."""
    world, liar, link, alpha = with_liar()
    world.run(40)
    early_s = world.wall_s
    liar.say("first")
    liar.entries(link, start=1, stop=2)
    world.run(3)
    liar.say("gone")
    liar.entries(link, start=2, stop=3, bodies=False)
    world.run(4)
    assert alpha.line.logs[liar.log.id].held_at_s == early_s
    salt, body = liar.log.bodies[2]
    liar.send(link, frames.Body(liar.log.id, 2, salt, body))
    assert alpha.line.logs[liar.log.id].held_at_s == world.wall_s
    world.run(40)
    assert alpha.own().stated[liar.log.id] == 3


def test_an_urgent_body_that_comes_late_is_covered_at_once() -> None:
    """The body is what was missing: it calls for what its entry calls for."""
    world, liar, link, alpha = with_liar()
    liar.say("flash", precedence=4)
    liar.entries(link, start=1, bodies=False)
    world.run(3)
    assert alpha.own().stated[liar.log.id] == 1
    salt, body = liar.log.bodies[1]
    liar.send(link, frames.Body(liar.log.id, 1, salt, body))
    world.run()
    assert alpha.own().stated[liar.log.id] == 2
    leaf = alpha.shelf(alpha.line.id).entry(alpha.own().id, alpha.own().size - 1).leaf
    assert leaf.precedence == Precedence.FLASH


def test_wrong_bodies_are_refused_and_repeated_ones_change_nothing() -> None:
    """A body opens its leaf, belongs to an entry held here, and is taken once."""
    _world, liar, link, alpha = with_liar()
    liar.say("gone")
    liar.entries(link, start=1, bodies=False)
    salt, body = liar.log.bodies[1]
    for frame, refusal in (
        (frames.Body(liar.log.id, 1, salt, b"\0other"), "bad-commitment"),
        (frames.Body(liar.log.id, 2, salt, body), "not-held"),
        (frames.Body(LogId(1, 9, bytes(8)), 0, salt, body), "not-held"),
    ):
        liar.send(link, frame)
        assert alpha.facts("refused")[-1]["refusal"] == refusal
    refused = len(alpha.facts("refused"))
    for _ in range(2):
        liar.send(link, frames.Body(liar.log.id, 1, salt, body))
    assert len(alpha.facts("refused")) == refused
    assert alpha.texts(1) == [body]


def test_entries_come_with_the_last_frame_type_known() -> None:
    """The type number of entries is none of the other frames'."""
    assert ENTRIES not in frames.TYPES


def test_a_mute_node_declines_to_cosign() -> None:
    """It says why, and nobody is blamed."""
    _world, liar, link, alpha = with_liar()
    alpha.line.mute = "a test"
    liar.got(link)
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, liar.log.id, 1))
    assert liar.answers(link, frames.Refuse) == [frames.Refuse(Refusal.MUTE, liar.log.id, 1)]
    assert alpha.station.links[link].bad_frames == 0


def test_a_cosignature_on_an_old_log_of_ours_is_kept() -> None:
    """It is still a receipt, though it is quoted no more."""
    world, liar, link, alpha = with_liar()
    old = alpha.own().id
    alpha.station.keys.k = 1
    alpha.do(events.Adopt(1))
    world.run()
    frame = cosign(liar, link, 1, world.wall_s, old)
    liar.send(link, frame)
    kept = alpha.shelf(alpha.line.id).cosignatures
    assert [(c.log, c.size) for c in kept if c.member == 1] == [(old, 1)]
    assert 1 not in alpha.line.cosigned_by
