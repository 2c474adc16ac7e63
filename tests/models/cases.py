"""The beginnings and the inputs of each search (docs/models.md lists what each covers)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

from core.lineage import party, seed
from liar import Liar, stated
from models.copying import clone_shelves
from models.rules import standings
from models.search import Model, Say
from models.table import BEGIN_S, BrokenError, State, Table, link_of, start
from pair import End, World

from detente.core import events
from detente.core.decisions import State as Decision
from detente.core.extras import AMENDMENT, Offer
from detente.core.frames import Hello, encode_frame
from detente.core.leaf import Kind, LogId, Precedence, Seen

Fields = Callable[[State, End], dict[str, Any] | None]

TWO = ("alpha", "bravo")
THREE = ("alpha", "bravo", "charlie")
EXPIRES_S = BEGIN_S + 300


# --- what is said -------------------------------------------------------------------------------


def dispatch(name: str, end: str, precedence: int = Precedence.ROUTINE) -> Say:
    """A message, once."""

    def make(state: State, here: End) -> tuple[events.Input, ...]:
        audience = here.line.charter.readers()
        return (_submit(here, Kind.DISPATCH, audience, body=name, precedence=precedence),)

    return Say(f"{end} says {name}", end, make)


def _submit(
    end: End,
    kind: int,
    audience: int,
    refs: tuple[bytes, ...] = (),
    *,
    extra: bytes = b"",
    body: str = "",
    precedence: int = Precedence.ROUTINE,
) -> events.Submit:
    draft = events.Draft(
        kind=kind,
        audience=audience,
        precedence=precedence,
        refs=refs,
        extra=extra,
        body=b"\0" + body.encode() if body else None,
        salt=seed(body)[:16] if body else b"",
    )
    return events.Submit(end.line.id, draft)


def offer(end: str, sealer: int, mask: int) -> Say:
    """An offer that expires while the search runs."""

    def make(state: State, here: End) -> tuple[events.Input, ...]:
        extra = Offer(AMENDMENT, sealer, mask, EXPIRES_S).encode()
        everyone = here.line.everyone()
        return (_submit(here, Kind.OFFER, everyone, extra=extra, body="an offer"),)

    return Say(f"{end} offers", end, make)


def about(word: str, end: str, kind: Kind, *named: Kind) -> Say:
    """An entry that names others, as soon as its author holds them."""

    def make(state: State, here: End) -> tuple[events.Input, ...]:
        refs = tuple(held(here, wanted) for wanted in named)
        if not all(refs):
            return ()
        return (_submit(here, kind, here.line.everyone(), refs),)

    return Say(f"{end} {word}", end, make)


def held(end: End, kind: Kind) -> bytes:
    """The hash of the first entry of a kind that an end holds; empty if there is none."""
    shelf = end.shelf(end.line.id)
    places = shelf.of_kind([kind])
    return shelf.entry(*places[0]).hash if places else b""


# --- beginnings ---------------------------------------------------------------------------------


def apart(names: tuple[str, ...]) -> World:
    """A line that has been open for a while; all links are down."""
    world = World(names=names)
    world.open()
    world.run(70)
    part(world)
    return world


def part(world: World) -> None:
    """Every link goes down."""
    for one, other in combinations(world.names, 2):
        world.cut(one, other)


def met(state: State) -> State:
    """Every end has met every other, and said what there was to say."""
    table = Table(state)
    for one, other in combinations(state.ends, 2):
        table.join(one, other)
    table.settle(6)
    return table.done()


@cache
def _talking(names: tuple[str, ...]) -> State:
    return met(start(apart(names)))


def talking(names: tuple[str, ...], **faults: int) -> Callable[[], State]:
    """An open line, all links up, nothing under way."""
    return lambda: with_faults(_talking(names), faults)


def with_faults(state: State, faults: dict[str, int]) -> State:
    """The same with faults to come. ``die_alpha`` is the fault «die alpha»."""
    left = tuple(sorted((name.replace("_", " "), count) for name, count in faults.items()))
    return replace(state, left=left)


def unopened(**faults: int) -> Callable[[], State]:
    """Two ends that know one another and have no line yet, linked."""

    def begin() -> State:
        table = Table(start(World(names=TWO)))
        table.join(*TWO)
        return with_faults(table.done(), faults)

    return begin


def accept(end: str) -> Say:
    """An end's officers accept the charter."""
    given = events.Accept(World(names=TWO).charter().encode())
    return Say(f"{end} accepts", end, lambda state, here: (given,))


@cache
def _backed_up(names: tuple[str, ...]) -> State:
    """alpha's copy was taken with a message queued that everybody has received since."""
    world = apart(names)
    alpha = world.ends["alpha"]
    draft = _submit(alpha, Kind.DISPATCH, alpha.line.charter.readers(), body="queued")
    alpha.do(draft)
    alpha.do(events.Tick())
    copies = {"alpha": clone_shelves(alpha.shelves)}
    return met(start(world, copies))


def backed_up(names: tuple[str, ...], **faults: int) -> Callable[[], State]:
    """As ``talking``; there is an old copy of alpha's store."""
    return lambda: with_faults(_backed_up(names), faults)


def just_copied(**faults: int) -> Callable[[], State]:
    """As ``talking`` between two; alpha's copy is of this very moment."""

    def begin() -> State:
        state = _talking(TWO)
        copies = {"alpha": clone_shelves(state.ends["alpha"].shelves)}
        return replace(with_faults(state, faults), copies=copies)

    return begin


# --- a dishonest third --------------------------------------------------------------------------


@cache
def _with_liar() -> tuple[State, Liar]:
    """alpha and bravo hold leaf 0 of charlie, who is no end but a pair of hands with keys."""
    world = World(names=THREE)
    world.open(*TWO)
    charlie = Liar(world, "charlie")
    for name in TWO:
        charlie.entries(charlie.greet(name))
    world.run(70)
    for link, end in charlie.links.items():
        end.do(events.LinkDown(link))
    part(world)
    del world.ends["charlie"]
    return met(start(world)), charlie


def with_liar(**faults: int) -> Callable[[], State]:
    """Two honest ends of a line of three."""
    return lambda: with_faults(_with_liar()[0], faults)


def shows(word: str, end: str, kind: Kind, make_fields: Fields | None = None) -> Say:
    """charlie meets an end, and shows it a log whose entry 1 is of this kind."""

    def make(state: State, here: End) -> tuple[events.Input, ...]:
        charlie = _with_liar()[1]
        log = charlie.log.fork(1)
        log.sign(1)
        fields = {} if make_fields is None else make_fields(state, here)
        if fields is None:
            return ()
        log.say(kind, time_s=BEGIN_S, **fields)
        hello = Hello(
            line=charlie.line.id,
            member=2,
            mute=False,
            answer=False,
            nonce=bytes(16),
            current=log.id,
            heads=(stated(log),),
        )
        link = link_of(end, "charlie", state)
        said = [encode_frame(1, hello), charlie.batch(log, 1)]
        return (
            events.LinkDown(link),
            events.LinkUp(link, party("charlie").id),
            *(events.FrameIn(link, data) for data in said),
        )

    return Say(f"charlie shows {end} {word}", end, make)


def seal_fields(state: State, here: End) -> dict[str, Any] | None:
    """A seal over all that this end holds of the offer, or None while it holds too little."""
    named = held(here, Kind.OFFER), held(here, Kind.ASSENT)
    if not all(named):
        return None
    items = [
        Seen(log.id, log.size, log.root, BEGIN_S)
        for log in here.line.logs.values()
        if log.id.member != 2
    ]
    return {"refs": named, "seen": tuple(sorted(items))}


# --- what must be so in the end -----------------------------------------------------------------


def all_said(*texts: tuple[int, str]) -> Callable[[State], None]:
    """Every message stands once in its author's logs, at every end."""
    wanted: dict[int, list[bytes]] = {}
    for member, text in texts:
        wanted.setdefault(member, []).append(b"\0" + text.encode())

    def check(state: State) -> None:
        for end in state.ends.values():
            for member, bodies in wanted.items():
                if sorted(end.texts(member), key=str) != sorted(bodies):
                    raise BrokenError(f"{end.name} holds {end.texts(member)} of {member}")

    return check


def once(state: State) -> None:
    """Nothing that everybody had is lost. What a person released again before a peer had shown
    that it was entered stands twice, under one commitment: it is one dispatch (log.md §7.5)."""
    for end in state.ends.values():
        shelf = end.shelf(end.line.id)
        said = [shelf.entry(*place) for place in shelf.of_kind([Kind.DISPATCH])]
        made = {(entry.leaf.commitment, entry.body) for entry in said if entry.leaf is not None}
        if len(made) != len({entry.body for entry in said}):
            raise BrokenError(f"{end.name} holds one message as two")
        if b"\0queued" not in end.texts(0):
            raise BrokenError(f"{end.name} has lost a message that was received")


def caught(state: State) -> None:
    """Both honest ends hold a proof, and have frozen the log at one index: where its histories
    part, or below it, where a link went during the search for the place."""
    logs = [end.line.logs[LogId(2, 0, b"")] for end in state.ends.values()]
    if any(
        log.id not in end.line.accused for log, end in zip(logs, state.ends.values(), strict=True)
    ):
        raise BrokenError("charlie is not caught by both")
    if len({log.frozen for log in logs}) > 1 or not 0 <= logs[0].frozen <= 1:
        raise BrokenError(f"charlie's log is frozen at {[log.frozen for log in logs]}")


def decided(state: State) -> None:
    """After the expiry nothing is open any more."""
    for end in state.ends.values():
        for standing in standings(end).values():
            if standing.state in (Decision.OPEN, Decision.SEALED, Decision.INCOMPLETE):
                raise BrokenError(f"{end.name} still shows {standing.state.value}")


A, B, C = dispatch("a", "alpha"), dispatch("b", "bravo"), dispatch("c", "charlie")
FLASH = dispatch("f", "alpha", Precedence.FLASH)
URGENT = dispatch("u", "bravo", Precedence.IMMEDIATE)
OFFER = offer("alpha", 1, 3)
SEAL = about("seals", "bravo", Kind.SEAL, Kind.OFFER)
WITHDRAWAL = about("withdraws", "alpha", Kind.WITHDRAWAL, Kind.OFFER)
OFFER_3 = offer("alpha", 2, 7)
ASSENT_3 = about("assents", "bravo", Kind.ASSENT, Kind.OFFER)
TAKEN_BACK_3 = about("takes its assent back", "bravo", Kind.WITHDRAWAL, Kind.ASSENT)
SEAL_3 = about("seals", "charlie", Kind.SEAL, Kind.OFFER, Kind.ASSENT)
SAID = all_said((0, "a"), (0, "f"), (1, "b"), (1, "u"))

MODELS: dict[str, tuple[Model, int]] = {  # and how many states it reaches, at least
    "messages": (Model(talking(TWO), (A, FLASH, B, URGENT), quiet=SAID), 1500),
    "time": (Model(talking(TWO, time=1), (A, B), time_s=31), 340),
    "cut links": (Model(talking(TWO, cut=1), (FLASH, B)), 500),
    "crashes": (Model(talking(TWO, die_alpha=1), (A, B)), 500),
    "opening": (Model(unopened(cut=1), (accept("alpha"), accept("bravo"))), 350),
    "restored": (Model(backed_up(TWO, restore_alpha=1), (B,), quiet=once), 2700),
    "restored twice": (
        Model(backed_up(TWO, restore_alpha=2), (), states_max=1200, quiet=once),
        1200,
    ),
    "rolled back with its mark": (
        Model(backed_up(TWO, roll_back_alpha=1), (A,), quiet=once),
        850,
    ),
    "a decision": (
        Model(
            talking(TWO, time=1),
            (OFFER, SEAL, WITHDRAWAL),
            time_s=320,
            rest_s=60,
            quiet=decided,
            outcomes=frozenset({"final", "withdrawn", "expired"}),
        ),
        2100,
    ),
    "a decision and a crash": (
        Model(
            talking(TWO, die_alpha=1),
            (OFFER, SEAL),
            rest_s=60,
            quiet=decided,
            outcomes=frozenset({"final"}),
        ),
        240,
    ),
    "three": (Model(talking(THREE), (A,), together=True), 40),
    "three decide": (
        Model(
            talking(THREE),
            (OFFER_3, ASSENT_3, TAKEN_BACK_3, SEAL_3),
            together=True,
            states_max=600,
        ),
        600,
    ),
    "one of three restored": (
        Model(backed_up(THREE, restore_alpha=1), (A,), together=True, states_max=600, quiet=once),
        600,
    ),
    "a fork": (
        Model(
            with_liar(cut=1),
            (
                shows("one history", "alpha", Kind.DUTY, lambda s, e: {"extra": b"\1"}),
                shows("another", "bravo", Kind.DUTY, lambda s, e: {"extra": b"\0"}),
            ),
            together=True,
            quiet=caught,
        ),
        540,
    ),
    "a sealer forks": (
        Model(
            with_liar(time=1),
            (
                OFFER_3,
                ASSENT_3,
                shows("a seal", "alpha", Kind.SEAL, seal_fields),
                shows("another entry", "bravo", Kind.DUTY, lambda s, e: {"extra": b"\1"}),
                shows("a seal", "bravo", Kind.SEAL, seal_fields),
            ),
            together=True,
            states_max=1200,
            time_s=320,
            quiet=caught,
        ),
        1200,
    ),
}
