"""Who has left a line by an amendment: it gives back what it holds, and takes and signs nothing."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from core.joins import founded, joined, leave
from core.test_amending import THREE, enter, offer, successor
from liar import Liar, stated
from pair import MemoryShelf, SeedKeys, World, heads

from detente.core import events, frames
from detente.core.charter import Left, charter_id
from detente.core.errors import Refusal
from detente.core.extras import Head
from detente.core.frames import StatedHead
from detente.core.leaf import Kind, LogId
from detente.core.protocol import wake_ms
from detente.core.wire import Batch

Backups = dict[str, dict[bytes, MemoryShelf]]


def left() -> tuple[World, Backups]:
    """A line of three on which something was said, and which charlie has left; and the shelves of
    the others from before they had met anybody."""
    world = World(names=THREE)
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    for end in (alpha, bravo, charlie):
        end.do(events.Accept(world.charter().encode()))
    first = {name: deepcopy(world.ends[name].shelves) for name in ("alpha", "bravo")}
    for one, other in (("alpha", "bravo"), ("alpha", "charlie"), ("bravo", "charlie")):
        world.link(one, other)
    world.run(130)
    alpha.submit("for all")
    bravo.submit("for alpha alone", audience=1)
    world.run(130)
    now = world.charter()
    charter = successor(world, members=now.members[:2], left=(Left(2, charlie.id),))
    made = offer(alpha, charter, sealer=0, signatories=7)
    enter(alpha, Kind.SEAL, made, *(enter(end, Kind.ASSENT, made) for end in (bravo, charlie)))
    world.run(100)
    assert [end.line.charter.number for end in (alpha, bravo, charlie)] == [1, 1, 1]
    assert charlie.line.left
    return world, first


def asked() -> tuple[World, Liar, int]:
    """Alpha, played by the test, has come back from its first backup and greets charlie."""
    world, _ = left()
    liar = Liar(world, "alpha")
    link = liar.link("charlie")
    liar.hello(link, stated(liar.log))
    world.run()
    return world, liar, link


def test_who_has_left_gives_the_others_back_what_they_have_lost() -> None:
    """All who stayed fall back to before they had met: their line opens again, and its record, the
    amendment with it, comes back to each as far as it may read it."""
    world, first = left()
    alpha, bravo, charlie = (world.ends[name] for name in THREE)
    held = heads(charlie)
    for end in (alpha, bravo):
        end.restart(first[end.name], mute="no mark")
        end.station.keys = SeedKeys(end.name, 1)
        end.do(events.Adopt(1))
    alpha.submit("after the loss")
    for one, other in (("alpha", "bravo"), ("alpha", "charlie"), ("bravo", "charlie")):
        world.link(one, other)
    world.run(200)
    for end in (alpha, bravo):
        assert end.texts(0) == [b"\0for all", b"\0after the loss"]
        assert end.line.charter.number == 1
        assert not end.line.mute
        assert held.items() <= heads(end).items()
    assert bravo.texts(1) == [None]
    assert heads(alpha) == heads(bravo)
    assert heads(charlie) == held


def test_who_has_left_takes_nothing() -> None:
    """Entries, signatures and bodies are refused and not counted; a head that differs from what it
    holds, or is beyond it, is neither searched nor asked for; and nobody is greeted unasked."""
    world, liar, link = asked()
    charlie = world.ends["charlie"]
    held, size = heads(charlie), charlie.own().size
    (hello,) = liar.answers(link, frames.Hello)
    assert (hello.member, hello.mute) == (2, True)
    liar.say("news")
    liar.entries(link, start=1)
    liar.send(link, frames.Cosign(charlie.own().id, size, 0, bytes(64)))
    liar.send(link, frames.Body(liar.log.id, 0, bytes(16), b"\0"))
    liar.send(link, frames.Heads((stated(liar.log),)))
    liar.send(link, frames.Presence(True, 95, 1, 0, 0, world.wall_s))
    world.run(300)
    said = liar.got(link)
    refused = [one.refusal for one in said if isinstance(one, frames.Refuse)]
    assert refused == [Refusal.UNKNOWN_LINE] * 3
    assert not [one for one in said if not isinstance(one, Batch | frames.Refuse)]
    assert heads(charlie) == held
    assert not charlie.line.disputes
    assert wake_ms(charlie.station) is None
    assert charlie.closed == []
    silent = liar.link("charlie")
    world.run(70)
    assert liar.got(silent) == []


@pytest.mark.parametrize("same", [True, False])
def test_who_has_left_gives_what_a_hello_does_not_name(*, same: bool) -> None:
    """Its own log from the head on that it holds, too; from the beginning where it holds another
    root of that size."""
    world, _ = left()
    charlie = world.ends["charlie"]
    own = charlie.own()
    head = charlie.shelf(charlie.line.id).signed_head(own.id, 1, own.size - 1)
    assert head is not None
    root = head.root if same else bytes(32)
    liar = Liar(world, "alpha")
    link = liar.link("charlie")
    liar.hello(link, StatedHead(Head(own.id, head.size, root), head.signature))
    world.run()
    (batch,) = liar.answers(link, Batch)
    assert batch.start == (head.size if same else 0)


def test_who_leaves_while_it_reads_a_file_greets_nobody_in_it() -> None:
    """A hello in it comes too late: it is refused, and blamed on nobody."""
    world = founded()
    alpha, charlie = (world.ends[name] for name in ("alpha", "charlie"))
    joined(world)
    charlie.do(events.Carry(-2, alpha.id, charlie.line.id, out=False))
    leave(world)
    own = alpha.own()
    fields = {"mute": False, "answer": False, "nonce": bytes(16), "current": own.id, "heads": ()}
    hello = frames.Hello(line=charlie.line.id, member=0, **fields)
    charlie.do(events.FrameIn(-2, frames.encode_frame(1, hello)))
    assert charlie.facts("refused")[-1]["refusal"] == "unknown-line"
    assert -2 not in charlie.line.sessions


def test_who_has_left_gives_what_it_is_asked_for_and_signs_nothing() -> None:
    """Entries, with the bodies that the asker may read; proofs; and no cosignature."""
    world, liar, link = asked()
    charlie = world.ends["charlie"]
    alone = charlie.line.logs[LogId(1, 0, b"")]
    size = charlie.own().size
    (own,) = liar.answers(link, Batch)
    assert (own.log, own.count) == (None, size)
    liar.send(link, frames.Want(frames.WANT_ENTRIES, alone.id, 0))
    liar.send(link, frames.AskProof(alone.id, False, 1, alone.size))
    liar.send(link, frames.Want(frames.WANT_BODY, alone.id, 0))
    liar.send(link, frames.Want(frames.WANT_COSIGNATURE, LogId(0, 0, b""), 0))
    world.run()
    shown, body, refused, batch = liar.got(link)
    assert isinstance(shown, frames.ShowProof)
    assert isinstance(body, frames.Body)
    assert refused.refusal is Refusal.MUTE
    assert (batch.log, batch.count) == (alone.id, alone.size)
    assert charlie.own().size == size


def test_a_stranger_is_told_nothing_by_who_has_left() -> None:
    """Whoever the last charter does not name is refused, as ever."""
    world, _ = left()
    liar = Liar(world, "charlie")
    link = liar.link("alpha")
    liar.hello(link)
    assert [one.refusal for one in liar.answers(link, frames.Refuse)] == [Refusal.UNKNOWN_LINE]
    assert len(world.taps[link]) == 0


def test_who_comes_back_awaits_a_hello_that_it_looks_at() -> None:
    """What a member states of our log while we had left is passed over, so it opens nothing: a
    restored node could else sign another entry in the place of one that it has lost."""
    world, liar, _ = asked()
    charlie = world.ends["charlie"]
    now = charlie.line.charter
    charlie.restart()
    link = liar.greet("charlie")
    assert charlie.line.sessions[link].greeted
    assert charlie.line.awaits_hello
    old, past = world.charter().members, charter_id(now.encode())
    back = replace(now, number=2, predecessor=past, members=old, left=())
    charlie.do(events.Accept(world.charter().encode(), back.encode()))
    assert not charlie.line.sessions[link].greeted
    assert charlie.line.awaits_hello
    liar.hello(link)
    assert charlie.line.sessions[link].greeted
    assert not charlie.line.awaits_hello
