"""Session vectors: what one node does, input by input, among real or crafted peers.

A ``Scene`` plays all ends with the code itself and keeps the steps of one of them, the subject.
Where a peer must lie, its frames are crafted from a ``LogBuilder`` instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from detente.core import frames
from detente.core.charter import charter_id
from detente.core.encoding import counted
from detente.core.extras import Head
from detente.core.frames import Frame, StatedHead, encode_frame
from detente.core.leaf import Kind, LogId, Precedence
from detente.core.merkle import cover as subtrees
from detente.core.wire import FULL, NOTHING, Batch, encode_entries, encode_item
from vectors_form import Expect, Made, case
from vectors_ground import START_S, Ground, Line, LogBuilder, seed
from vectors_world import Effect, Node, Step

CHANNEL = 1  # every node of these vectors uses its first channel, and only that


def _entropy(name: str) -> bytes:
    return b"".join(seed(name, "entropy", number) for number in range(32))


@dataclass
class Scene:
    """Ends of one line, their links, and a clock. ``subject`` is the node whose steps are kept."""

    ground: Ground
    line: Line
    subject: str
    wall_s: int = START_S
    steady_ms: int = 1000
    nodes: dict[str, Node] = field(default_factory=dict)
    links: dict[tuple[str, str], int] = field(default_factory=dict)
    queue: deque[tuple[str, str, str]] = field(default_factory=deque)
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        cards = {who.name: who.card.card for who in self.line.parties}
        for name in cards:
            self.nodes[name] = Node(name, cards, _entropy(name))

    def do(self, name: str, what: str, **more: Any) -> list[Effect]:
        """One step of one end."""
        step: Step = {"at": [self.wall_s, self.steady_ms], "do": what} | more
        if name == self.subject:
            self.steps.append(step)
        effects = self.nodes[name].do(step)
        for effect in effects:
            if "send" in effect:
                end = name, effect["send"]
                peer = next(b for (a, b), number in self.links.items() if (a, number) == end)
                if peer in self.nodes:
                    self.queue.append((name, peer, effect["frame"]))
        return effects

    def accept(self, *names: str) -> None:
        for name in names:
            self.do(name, "accept", charter=self.line.text.decode())

    def link(self, one: str, other: str) -> None:
        """A link between two ends; a crafted end only counts."""
        for here, there in ((one, other), (other, one)):
            self.links[here, there] = 1 + sum(1 for end, _ in self.links if end == here)
        for here, there in ((one, other), (other, one)):
            self.do(here, "link-up", link=self.links[here, there], party=there)

    def cut(self, one: str, other: str) -> None:
        for here, there in ((one, other), (other, one)):
            link = self.links.pop((here, there))
            self.do(here, "link-down", link=link)
        self.queue = deque(item for item in self.queue if {item[0], item[1]} != {one, other})

    def run(self, seconds: int = 0) -> None:
        """Lets time pass, then delivers everything until all ends are quiet."""
        self.wall_s += seconds
        self.steady_ms += 1000 * seconds
        for _ in range(100):
            for name in self.nodes:
                self.do(name, "tick")
            if not self.queue:
                return
            while self.queue:
                sender, name, frame = self.queue.popleft()
                self.do(name, "frame", link=self.links[name, sender], frame=frame)

    def give(self, sender: str, frame: bytes) -> list[Effect]:
        """A crafted frame for the subject, and the tick behind it."""
        link = self.links[self.subject, sender]
        out = self.do(self.subject, "frame", link=link, frame=frame.hex())
        return out + self.do(self.subject, "tick")

    def opened(self, *names: str) -> Scene:
        """Every end has accepted the charter and is linked to every other."""
        names = names or tuple(self.nodes)
        self.accept(*names)
        for number, one in enumerate(names):
            for other in names[number + 1 :]:
                self.link(one, other)
        self.run()
        return self

    def submit(self, name: str, text: str, kind: int = Kind.DISPATCH, **more: Any) -> None:
        """A draft with a body. The salt is drawn by the node, outside the core."""
        number = len(self.nodes[name].past)
        body = (b"\x00" + text.encode()).hex()
        salt = seed(name, "salt", number)[:16].hex()
        more.setdefault("audience", self.line.charter.readers())
        self.do(name, "submit", kind=int(kind), body=body, salt=salt, **more)

    def made(self, name: str, section: str, comment: str, expect: Expect = "ok") -> Made:
        """The vector of the subject's steps."""
        node = self.nodes[self.subject]
        return case(
            f"sessions/{name}",
            f"session.md {section}",
            "session",
            comment,
            expect=expect,
            entropy=node.entropy[: node.drawn].hex(),
            party=self.subject,
            cards=[who.name for who in self.line.parties],
            steps=self.steps,
        )


def _pair(ground: Ground, subject: str, **changes: Any) -> Scene:
    return Scene(ground, ground.line("alpha", "bravo", **changes), subject)


def _three(ground: Ground, subject: str, *roles: str) -> Scene:
    line = ground.line("alpha", "bravo", "charlie", roles=roles)
    return Scene(ground, line, subject)


def sessions(ground: Ground) -> Iterator[Made]:
    """Every scene."""
    yield from _ordinary(ground)
    yield from _urgent(ground)
    yield from _three_ends(ground)
    yield from _restored(ground)
    yield from _refused_hellos(ground)
    yield from _refused_entries(ground)
    yield from _refused_frames(ground)


# --- two honest ends --------------------------------------------------------------------------


def _ordinary(ground: Ground) -> Iterator[Made]:
    scene = _pair(ground, "alpha").opened()
    yield scene.made("open_a_line", "§4", "both accept, greet, and hold each other's leaf 0")
    scene = _pair(ground, "alpha").opened()
    scene.submit("alpha", "One Il-76 at 0100Z.")
    scene.run()
    scene.run(30)
    comment = "ROUTINE sent: a cosignature comes at once, a `seen` within 30 s"
    yield scene.made("routine_sent", "§6", comment)
    scene = _pair(ground, "bravo").opened()
    scene.submit("alpha", "One Il-76 at 0100Z.")
    scene.run()
    scene.run(30)
    comment = "ROUTINE received: cosigned at once, covered by a `seen` within 30 s"
    yield scene.made("routine_received", "§6", comment)
    scene = _pair(ground, "alpha").opened()
    for text in ("One.", "Two."):
        scene.submit("alpha", text)
    scene.submit("alpha", "Three.", precedence=int(Precedence.FLASH))
    scene.run()
    comment = "FLASH is entered first and alone, then the others one by one"
    yield scene.made("flash_is_entered_first", "§6", comment)
    scene = _pair(ground, "alpha").opened()
    scene.do("alpha", "duty", on=True)
    scene.run()
    scene.run(5)
    yield scene.made("heartbeats", "§8", "duty is told at once, and again with every heartbeat")
    scene = _pair(ground, "alpha").opened()
    scene.wall_s -= 3600
    scene.run()
    comment = "a clock that steps back an hour is an entry"
    yield scene.made("clock_steps_back", "§6", comment)
    scene = _pair(ground, "bravo").opened()
    scene.submit("alpha", "A name that must go.")
    scene.run()
    named = scene.nodes["alpha"].shelf.entry(LogId(0, 0, b""), 1).hash.hex()
    everyone = scene.line.charter.everyone()
    scene.do("alpha", "submit", kind=int(Kind.PURGED), audience=everyone, refs=[named])
    scene.run()
    wanted = frames.Want(frames.WANT_BODY, LogId(0, 0, b""), 1)
    scene.give("alpha", encode_frame(CHANNEL, wanted))
    comment = "its author purges a body; asked for it later, the node says so"
    yield scene.made("purged_body", "§6", comment, "purged")
    scene = _pair(ground, "alpha").opened()
    scene.submit("alpha", "A name that stays.")
    scene.run()
    named = scene.nodes["alpha"].shelf.entry(LogId(0, 0, b""), 1).hash.hex()
    scene.do("bravo", "submit", kind=int(Kind.PURGED), audience=everyone, refs=[named])
    scene.run()
    comment = "nobody purges for another: alpha keeps its body"
    yield scene.made("purged_by_another", "§6", comment)


def _urgent(ground: Ground) -> Iterator[Made]:
    scene = _pair(ground, "bravo").opened()
    scene.submit("alpha", "Missile alarm is false.", precedence=int(Precedence.FLASH))
    scene.run()
    scene.run(60)
    comment = "FLASH received: a `seen` at once, the cosignature within 60 s"
    yield scene.made("flash_received", "§6", comment)
    kinds: tuple[tuple[str, Kind, Expect], ...] = (
        ("ahead_received", Kind.DISPATCH, "ok"),
        ("ahead_of_a_kind_that_waits", Kind.ASSENT, "bad-leaf"),
    )
    for name, kind, expect in kinds:
        scene, log = crafted(ground)
        for text in (b"One.", b"Two.", b"Three."):
            log.say(plain=text, serial=log.size)
        log.say(kind, plain=b"Now.", serial=4 * (kind == Kind.DISPATCH), precedence=4)
        scene.give("alpha", ahead(log, 1, 4))
        comment = "FLASH ahead of three entries: proven by two hashes, receipted at once"
        if expect != "ok":
            comment = "an assent may not overtake"
        yield scene.made(name, "§6", comment, expect)
    scene, log = crafted(ground)
    log.say(plain=b"One.", serial=1)
    log.say(plain=b"Now.", serial=2, precedence=4)
    scene.give("alpha", ahead(log, 1, 2, full=False))
    yield scene.made("ahead_elided", "§6", "against the entry below its base; its body commits")
    scene, log = crafted(ground)
    log.say(plain=b"One.", serial=1)
    log.say(plain=b"Now.", serial=2, precedence=4)
    scene.give("alpha", ahead(log.fork(3), 1, 2, cover=()))
    yield scene.made("ahead_without_its_hashes", "§6", "one hash belongs there", "bad-proof")


def ahead(
    log: LogBuilder,
    base: int,
    index: int,
    *,
    cover: tuple[bytes, ...] | None = None,
    full: bool = True,
) -> bytes:
    """Entry ``index`` ahead of a gap from ``base``, in full unless said otherwise."""
    found = tuple(hash_ for _, hash_ in subtrees(log.subtree, base, index))
    item = encode_item(
        log.entry(index),
        None if full else log.entry(base - 1).leaf,
        with_body=True,
        confirmed=lambda _log, _size: not full,
        locate=lambda _ref: None,
    )
    hashes = found if cover is None else cover
    frame = frames.Ahead(log.id, base, index, hashes, log.signature(index + 1), item)
    return encode_frame(CHANNEL, frame)


# --- three ends -------------------------------------------------------------------------------


def _three_ends(ground: Ground) -> Iterator[Made]:
    roles = ("party", "party", "mediator")
    scene = _three(ground, "bravo", *roles).opened()
    scene.cut("alpha", "bravo")
    scene.submit("alpha", "Over the mediator.", precedence=int(Precedence.FLASH))
    scene.run()
    scene.run(6)
    comment = "with the link to alpha cut, charlie relays alpha's log when asked"
    yield scene.made("relay_received", "§6", comment)
    scene = _three(ground, "charlie", *roles).opened()
    scene.cut("alpha", "bravo")
    scene.submit("alpha", "Over the mediator.", precedence=int(Precedence.FLASH))
    scene.run()
    scene.run(6)
    yield scene.made("relay_given", "§6", "the same, at charlie's node")
    scene = _three(ground, "alpha", "party", "party", "observer").opened()
    scene.submit("alpha", "For the parties.")
    scene.run()
    wanted = frames.Want(frames.WANT_BODY, LogId(0, 0, b""), 1)
    scene.give("charlie", encode_frame(CHANNEL, wanted))
    comment = "an observer gets the leaf without its body, and asks for it in vain"
    yield scene.made("observer_asks_for_a_body", "§6", comment, "not-in-audience")
    yield from _witnesses(ground)


def _witnesses(ground: Ground) -> Iterator[Made]:
    roles = ("party", "party", "observer")
    for subject, name, comment in (
        (
            "charlie",
            "witness_given",
            "an observer cosigns alpha's head with its heads key, at once",
        ),
        ("alpha", "witness_received", "kept as a witness, and awaited as nobody's receipt"),
    ):
        scene = _three(ground, subject, *roles).opened()
        scene.submit("alpha", "For the parties.")
        scene.run()
        scene.run(30)
        yield scene.made(name, "§7", comment)
    zero = LogId(0, 0, b"")
    made: tuple[tuple[str, str, str, Expect, str], ...] = (
        ("witness_that_fails", "charlie", "", "bad-signature", "64 noughts"),
        ("witness_by_a_reader", "bravo", "heads", "not-allowed", "bravo is no observer"),
        ("witness_under_its_holds_key", "charlie", "holds", "not-allowed", "charlie holds nothing"),
    )
    for name, sender, key, expect, comment in made:
        scene = _three(ground, "alpha", *roles).opened()
        held = scene.nodes["alpha"].shelf.entry(zero, 0)
        log = LogBuilder(scene.line, zero, [held.raw], [None])
        by = ground.party(sender)
        signature = bytes(64)
        if key:
            make = log.witness if key == "heads" else log.cosignature
            signature = make(by, START_S + 5, 1)
        scene.give(sender, encode_frame(CHANNEL, frames.Cosign(None, 1, 5, signature)))
        yield scene.made(name, "§7", comment, expect)


# --- restored ---------------------------------------------------------------------------------


def _restored(ground: Ground) -> Iterator[Made]:
    for subject, name, comment in (
        (
            "alpha",
            "restored_and_adopted",
            "shown an own head it lacks: mute until adopted, then k=1",
        ),
        (
            "bravo",
            "peer_is_restored",
            "the closing head of the old log beside the first of the new",
        ),
    ):
        scene = _pair(ground, subject).opened()
        before = len(scene.nodes["alpha"].past) - 1
        scene.submit("alpha", "Lost with the disk.")
        scene.run()
        scene.run(30)
        scene.cut("alpha", "bravo")
        scene.do("alpha", "restart", as_after=before)
        scene.link("alpha", "bravo")
        scene.run()
        scene.cut("alpha", "bravo")
        scene.do("alpha", "adopt", k=1)
        scene.link("alpha", "bravo")
        scene.run()
        scene.run(30)
        yield scene.made(name, "§4", comment)
    yield _adopted_on_a_link(ground)
    yield _entered_already(ground)
    scene = _pair(ground, "alpha").opened()
    scene.cut("alpha", "bravo")
    last = len(scene.nodes["alpha"].past) - 1
    scene.do("alpha", "restart", as_after=last)
    scene.submit("alpha", "Waits for a hello.")
    scene.run()
    scene.link("alpha", "bravo")
    scene.run()
    comment = "after a start nothing is entered before a peer's hello"
    yield scene.made("restarted", "§4", comment)


def _adopted_on_a_link(ground: Ground) -> Made:
    """Officers adopt while a peer is linked: it is greeted again, and told of the new log."""
    scene = _pair(ground, "alpha").opened()
    before = len(scene.nodes["alpha"].past) - 1
    scene.submit("alpha", "Lost with the disk.")
    scene.run()
    scene.cut("alpha", "bravo")
    scene.do("alpha", "restart", as_after=before)
    scene.link("alpha", "bravo")
    scene.run()
    scene.do("alpha", "adopt", k=1)
    scene.run()
    comment = "adopted while linked: a second hello on the same link names the new log"
    return scene.made("adopted_on_a_link", "§4", comment)


def _entered_already(ground: Ground) -> Made:
    """A copy of the store from when a draft was only queued, after it had been sent."""
    scene = _pair(ground, "alpha").opened()
    scene.cut("alpha", "bravo")
    scene.submit("alpha", "Once.")
    scene.run()
    queued = len(scene.nodes["alpha"].past) - 1
    scene.link("alpha", "bravo")
    scene.run()
    scene.cut("alpha", "bravo")
    scene.do("alpha", "restart", as_after=queued)
    scene.link("alpha", "bravo")
    scene.run()
    scene.cut("alpha", "bravo")
    scene.do("alpha", "adopt", k=1)
    scene.link("alpha", "bravo")
    scene.run()
    comment = "its peer shows that the draft is entered: after the adoption it is not entered again"
    return scene.made("queued_draft_is_entered_already", "§4", comment)


# --- crafted peers ----------------------------------------------------------------------------


def crafted(ground: Ground, **changes: Any) -> tuple[Scene, LogBuilder]:
    """Bravo opens a line with a crafted alpha, whose log is given back at size 1."""
    scene = _pair(ground, "bravo", **changes)
    del scene.nodes["alpha"]
    scene.accept("bravo")
    join(scene, "alpha")
    log = scene.line.logs[0]
    scene.give("alpha", hello(scene.line, "alpha", log))
    scene.give("alpha", entries(log, 0, 1))
    return scene, log


def join(scene: Scene, name: str) -> None:
    """A link of the subject to a crafted end."""
    number = 1 + sum(1 for end, _ in scene.links if end == scene.subject)
    scene.links[scene.subject, name] = number
    scene.do(scene.subject, "link-up", link=number, party=name)


def hello(
    line: Line,
    name: str,
    current: LogBuilder | None,
    *heads: StatedHead,
    member: int | None = None,
    version: int = 1,
) -> bytes:
    """A hello of this party."""
    number = next(n for n, who in enumerate(line.parties) if who.name == name)
    frame = frames.Hello(
        line=line.id,
        member=number if member is None else member,
        mute=False,
        answer=False,
        nonce=seed(name, "nonce")[:16],
        current=None if current is None else current.id,
        heads=heads,
    )
    data = encode_frame(CHANNEL, frame)
    return data[:1] + bytes((version,)) + data[2:]


def stated(log: LogBuilder, size: int | None = None) -> StatedHead:
    """A head with its author's signature."""
    size = log.size if size is None else size
    return StatedHead(Head(log.id, size, log.root(size)), log.signature(size))


def entries(
    log: LogBuilder,
    start: int,
    stop: int,
    *,
    signature: bytes | None = None,
    bodies: bool = True,
    body: bytes | None = None,
    full: bool = True,
    confirm: bool = False,
    named: bool = False,
) -> bytes:
    """A batch of a crafted peer, in full unless said otherwise."""
    items = []
    before = NOTHING if start == 0 else log.entry(start - 1).leaf
    for index in range(start, stop):
        entry = log.entry(index)
        if body is not None:
            entry = entry._replace(body=body)
        item = encode_item(
            entry,
            None if full else before,
            with_body=bodies,
            confirmed=lambda _log, _size: not full,
            locate=lambda _ref: None,
        )
        items.append(item)
        before = entry.leaf
    batch = Batch(log.id if named else None, start, stop - start, confirm)
    signed = log.signature(stop) if signature is None else signature
    return encode_entries(CHANNEL, batch, items, signed)


def _refused_hellos(ground: Ground) -> Iterator[Made]:
    scene = _pair(ground, "bravo")
    join(scene, "alpha")
    scene.give("alpha", hello(scene.line, "alpha", scene.line.logs[0]))
    comment = "bravo's officers have not accepted this charter"
    yield scene.made("hello_on_an_unknown_line", "§4", comment, "unknown-line")
    bad: tuple[tuple[str, dict[str, Any], Expect, str], ...] = (
        ("hello_in_another_name", {"member": 1}, "not-allowed", "member 1 is bravo itself"),
        ("hello_of_version_2", {"version": 2}, "unknown-version", "this node speaks version 1"),
    )
    for name, more, expect, comment in bad:
        scene = _pair(ground, "bravo")
        scene.accept("bravo")
        join(scene, "alpha")
        scene.give("alpha", hello(scene.line, "alpha", scene.line.logs[0], **more))
        yield scene.made(name, "§4", comment, expect)
    scene = _pair(ground, "bravo")
    scene.accept("bravo")
    join(scene, "alpha")
    scene.give("alpha", encode_frame(CHANNEL, frames.Got(LogId(0, 0, b""), 0)))
    comment = "no hello has opened the channel"
    yield scene.made("frame_before_hello", "§2", comment, "out-of-turn")
    scene, log = crafted(ground)
    own = scene.line.logs[1]
    false = StatedHead(Head(own.id, 9, bytes(32)), bytes(64))
    scene.give("alpha", hello(scene.line, "alpha", log, false))
    comment = "alpha states a head of bravo's own log that bravo never signed: bravo speaks on"
    yield scene.made("false_own_head", "§4", comment, "bad-signature")
    scene, _ = crafted(ground)
    data = encode_frame(0, frames.Notice(scene.line.text))
    scene.give("alpha", data)
    comment = "a charter or card for the officers; nothing is done by itself"
    yield scene.made("notice", "§3", comment)


def _refused_entries(ground: Ground) -> Iterator[Made]:
    scene, log = crafted(ground)
    log.say(plain=b"Held.", serial=1)
    for _ in range(2):
        scene.give("alpha", entries(log, 1, 2, signature=bytes(64)))
    comment = "the full form is asked for once and alone judged"
    yield scene.made("bad_signature", "§6", comment, "bad-signature")
    scene, log = crafted(ground)
    own = scene.line.logs[1]
    log.say(plain=b"Held.", serial=1, seen=(own.seen(START_S)._replace(size=9),))
    scene.give("alpha", entries(log, 1, 2, full=False))
    scene.give("alpha", entries(log, 1, 2))
    comment = "a root left out that bravo has not: asked for in full, then taken"
    yield scene.made("elided_root_is_not_here", "§6", comment)
    scene, log = crafted(ground)
    log.say(plain=b"Held.", serial=1)
    scene.give("alpha", entries(log, 1, 2, body=b"\x00Else."))
    yield scene.made(
        "another_body", "§6", "the leaf verifies, the body is another", "bad-commitment"
    )
    scene, log = crafted(ground)
    log.say(plain=b"Held.", serial=1)
    scene.give("alpha", entries(log, 1, 2, bodies=False))
    salt, body = log.bodies[1] or (b"", b"")
    scene.run(61)
    scene.give("alpha", encode_frame(CHANNEL, frames.Body(log.id, 1, salt, body)))
    comment = "the body is asked for, named in a `lacks` after 60 s, and receipted when it comes"
    yield scene.made("missing_body", "§6", comment)
    scene, log = crafted(ground)
    log.say(plain=b"Held.", serial=1)
    for _ in range(2):
        scene.give("alpha", entries(log, 1, 2, confirm=True))
    yield scene.made("entries_twice", "§6", "stored once, confirmed twice")
    scene, log = crafted(ground)
    log.add(b"no leaf")
    scene.give("alpha", _void(log))
    yield scene.made("void_leaf", "§6", "signed bytes that do not decode are held, as void")
    scene = _pair(ground, "bravo")
    scene.accept("bravo")
    join(scene, "alpha")
    other = ground.line("alpha", "bravo", random=bytes(16)).logs[0]
    lie = LogBuilder(scene.line, LogId(0, 0, b""), other.raws, other.bodies)
    scene.give("alpha", hello(scene.line, "alpha", lie))
    scene.give("alpha", entries(lie, 0, 1))
    comment = "leaf 0 commits to another charter"
    yield scene.made("another_charter", "§6", comment, "charter-mismatch")
    scene, log = crafted(ground)
    log.say(plain=b"Held.", serial=1)
    frame = entries(replace(log, id=LogId(7, 0, b"")), 1, 2, named=True, signature=bytes(64))
    scene.give("alpha", frame)
    comment = "there is no member 7"
    yield scene.made("entries_of_an_unknown_log", "§6", comment, "unknown-log")
    yield from _over_quota(ground)


def _void(log: LogBuilder) -> bytes:
    item = bytes((FULL,)) + counted(log.raws[-1])
    batch = Batch(None, log.size - 1, 1, confirm=False)
    return encode_entries(CHANNEL, batch, [item], log.signature())


def _over_quota(ground: Ground) -> Iterator[Made]:
    scene = _pair(ground, "bravo")
    line = scene.line
    line.charter = replace(line.charter, quota_flash_per_day=1)
    line.text = line.charter.encode()
    line.id = charter_id(line.text)
    log = line.logs[0] = LogBuilder(line, LogId(0, 0, b""))
    log.say(Kind.CHARTER, time_s=START_S, commitment=line.id)
    log.bodies[0] = bytes(16), line.text
    del scene.nodes["alpha"]
    scene.accept("bravo")
    join(scene, "alpha")
    scene.give("alpha", hello(line, "alpha", log))
    scene.give("alpha", entries(log, 0, 1))
    for number in (1, 2):
        log.say(plain=b"Now.", serial=number, precedence=4)
        scene.give("alpha", entries(log, number, number + 1))
    comment = "the second FLASH of a day where one is granted: refused, and entered as such"
    yield scene.made("over_quota", "§6", comment, "over-quota")


def _refused_frames(ground: Ground) -> Iterator[Made]:
    zero = LogId(0, 0, b"")
    asked: tuple[tuple[str, Frame, Expect, str], ...] = (
        ("body_held_already", frames.Body(zero, 0, bytes(16), b"\x00"), "ok", "nothing changes"),
        ("body_without_its_leaf", frames.Body(zero, 9, bytes(16), b"\x00"), "not-held", "entry 9"),
        ("want_beyond_the_end", frames.Want(0, zero, 9), "not-held", "entries from 9"),
        ("got_beyond_the_end", frames.Got(zero, 9), "not-held", "size 9"),
        ("cosignature_of_nothing", frames.Cosign(None, 9, 0, bytes(64)), "not-held", "size 9"),
        ("cosignature_that_fails", frames.Cosign(None, 1, 0, bytes(64)), "bad-signature", "size 1"),
        ("proof_nobody_asked_for", frames.ShowProof(zero, True, 0, 1, ()), "out-of-turn", "none"),
        ("question_beyond_the_end", frames.AskProof(zero, True, 0, 9), "not-held", "size 9"),
    )
    for name, frame, expect, comment in asked:
        scene, _ = crafted(ground)
        scene.give("alpha", encode_frame(CHANNEL, frame))
        yield scene.made(name, "§7", comment, expect)
    scene, _ = crafted(ground)
    stray = LogBuilder(scene.line, LogId(1, 3, bytes(8)))
    frame = frames.Want(0, stray.id, 0)
    scene.give("alpha", encode_frame(CHANNEL, frame))
    yield scene.made("want_of_an_unknown_log", "§7", "incarnation 3 of member 1", "not-held")
    scene, _ = crafted(ground)
    for _ in range(8):
        scene.give("alpha", b"\xf1\x00")
    yield scene.made("eight_bad_frames", "§7", "the link is closed at the eighth", "malformed")
