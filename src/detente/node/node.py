"""One party's node: its core, its store and its links, and what passes between them."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from detente.core.errors import MachineError
from detente.core.events import CloseLink, Input, Now, Offered, Send, Submit, Tell
from detente.core.holding import purge
from detente.core.identity import Card
from detente.core.leaf import CONTENT, Precedence
from detente.core.line import Line
from detente.core.station import Step
from detente.dossiers.presence import Observation
from detente.node import chores, link_secrets, renewal, web
from detente.node.asked import Apart
from detente.node.commands import run_command
from detente.node.emcon import Emcon
from detente.node.folds import Folds
from detente.node.links import Links
from detente.node.logs import NodeLog
from detente.node.offers import distrusted, take_offer
from detente.node.opening import Opened, clock
from detente.node.real_world import Ends
from detente.node.sightings import Sightings
from detente.node.step import Outcome, Spoken, Stepper

Follower = Callable[[dict[str, Any]], None]
Group = tuple[list[Input], asyncio.Future[None]]


class Node:
    """One party's node, with or without a network."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.station = opened.station
        self.store = opened.store
        self.home = opened.home
        self.log = NodeLog(lambda: self.now().wall_s, debug=opened.home.config.log == "debug")
        self.stepper = Stepper(opened.station, opened.store, opened.marks, self.now, os.urandom)
        self.entropy = os.urandom
        self.links: Links | None = None
        self.files: dict[int, list[bytes]] = {}  # frames for a courier's file, by link
        self.reading_s: int | None = None  # when the file was written that is being read
        self.followers: list[Follower] = []
        self.stopping: Callable[[], None] = lambda: None
        self.distrusted = {party for party in opened.station.cards if distrusted(self, party)}
        self.ended = Event()  # what still works beside the loop lets go of it
        self.adopting = False
        self.announced: set[tuple[bytes, bytes]] = set()  # line, hash of what our log says there
        self.secrets_sent: set[int] = set()  # links by which our secret for a serial port went
        self.offers_taken: dict[bytes, tuple[int, int]] = {}  # party -> hour, how many
        self.chores = chores.Chores(self)
        self.emcon = Emcon(self)
        self.known_folds: dict[bytes, Folds] = {}
        self.drill_ends: dict[bytes, Ends] = {}
        self._sightings = Sightings()
        self._arrived: list[Group] = []
        self._submitted: deque[Group] = deque()
        self._more = asyncio.Event()
        self._stepped = asyncio.Event()
        for line, reason in opened.restored.items():
            self.tell("mute", line=line, reason=reason)
        renewal.replay(self)
        chores.replay_purges(self)

    def now(self) -> Now:
        """What this machine's clocks say."""
        return clock(self.home)

    # --- inputs ---

    def give(self, inputs: Sequence[Input]) -> Outcome:
        """Runs inputs through one step and says what may be said."""
        outcome = self.stepper.run(inputs)
        self.speak(outcome.spoken)
        self._more.set()  # the loop asks again what is due
        self._stepped.set()
        return outcome

    def change(self, act: Callable[[Step], None]) -> None:
        """One change that our own side makes to the core's state, kept before it is spoken of."""
        self.speak(self.stepper.change(act).spoken)

    def speak(self, spoken: Sequence[Spoken]) -> None:
        """Carries out what a committed step may say, in order; offers when all of it is said,
        since a renewed card may end the very link that brought it."""
        for one in spoken:
            if isinstance(one, Send):
                if one.link in self.files:
                    self.files[one.link].append(one.data)
                elif self.links is not None:
                    self.links.send(one.link, one.data, urgent=one.urgent)
            elif isinstance(one, CloseLink):
                if self.links is not None:
                    self.links.shut_out(one.link, one.refusal.word)
            elif isinstance(one, Tell):
                self._told(one)
        for one in spoken:
            if isinstance(one, Offered):
                take_offer(self, one)
            elif isinstance(one, Tell) and one.word == "resumed":
                renewal.enforce_all(self)  # a new log may be of a revoked key

    def submit(self, given: Input) -> None:
        """One input of our own side. Its LocalError is raised here."""
        outcome = self.give([given])
        if outcome.refused:
            raise outcome.refused[0]
        if isinstance(given, Submit) and given.draft.precedence >= Precedence.FLASH:
            self._hurry(given.line)
        if isinstance(given, Submit) and given.draft.precedence == Precedence.OVERRIDE:
            self.emcon.override()

    def _hurry(self, line_id: bytes) -> None:
        """FLASH waits: whoever of this line has no link is called now."""
        line = self.station.lines[line_id]
        for member in line.charter.members:
            if self.links is not None and not self.links.is_called(member.party):
                self.links.nudge(member.party)

    def execute(self, request: dict[str, Any]) -> Any:
        """One command, at once and without a network. LocalError for a refusal."""
        result = run_command(self, request)
        if isinstance(result, Apart):
            return result.run()
        return result() if callable(result) else result

    def close(self) -> None:
        """Lets go of the home."""
        with suppress(MachineError):  # a store that failed keeps nothing more; all is derived
            self.chores.keep_folds()
        self.opened.close()

    # --- what people and the log are told ---

    def tell(self, word: str, *, line: bytes = b"", **facts: object) -> None:
        """Something for the log and for whoever follows."""
        self._told(Tell(word, line, facts))

    def _told(self, tell: Tell) -> None:
        self.log.write(tell.word, line=tell.line, **tell.facts)
        now_s = self.now().wall_s
        if not self.files:  # what stands in a file is no sign of life
            self._sightings.note(tell, now_s)
        if tell.word == "fork-proven":
            chores.keep_proof(self, tell)
        if not self.followers:
            return
        event = {"event": tell.word, "line": tell.line.hex(), "at_s": now_s}
        for name, value in tell.facts.items():
            if name != "proof":  # hundreds of kilobytes, and kept as a file
                event[name] = value.hex() if isinstance(value, bytes) else value
        for follower in list(self.followers):
            follower({"ok": True, "result": event})

    def note(self, word: str, data: dict[str, object]) -> None:
        """One note in this party's own journal, which is never sent."""
        self.store.journal.append(word, self.now().wall_s, data)

    # --- what commands ask ---

    def folds(self, line: Line) -> Folds:
        """What is derived from a line's transcript."""
        if line.id not in self.known_folds:
            self.known_folds[line.id] = chores.kept_folds(self, line)
        return self.known_folds[line.id]

    def observations(self, line: Line, now_s: int) -> dict[int, Observation]:
        """What this node has seen of each member of a line."""
        return self._sightings.of_line(line, self.now().steady_ms, now_s)

    def purge(self, line: Line, refs: Sequence[bytes]) -> None:
        """Destroys the keys of bodies of ours here, as holders do when the purge reaches them."""
        self.change(lambda step: purge(step, line, line.me, refs))

    async def stepped(self, wait_s: float) -> None:
        """Waits for the next step, at most ``wait_s`` seconds."""
        self._stepped.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stepped.wait(), wait_s)

    def after_trust(self) -> None:
        """New cards are called, and keys that are pinned no more lose their links."""
        for folds in self.known_folds.values():
            folds.forget_verdicts()
        if self.links is not None:
            self._call_everyone(self.links)
            self.links.drop_untrusted(self.pin)

    # --- what links ask ---

    async def take(self, inputs: list[Input]) -> None:
        """Hands over inputs and returns when they are committed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ours = all(isinstance(given, Submit) for given in inputs)
        (self._submitted if ours else self._arrived).append((inputs, future))
        self._more.set()
        await future

    def waiting(self, enough: int) -> list[Group]:
        """The groups of inputs for one step: all that came over links, of which each brings one
        at a time; then, since a confirmation among it opens the window, drafts until they are
        ``enough``."""
        groups, self._arrived = self._arrived, []
        while self._submitted and enough > 0:
            groups.append(self._submitted.popleft())
            enough -= len(groups[-1][0])
        return groups

    async def more(self, wait_s: float) -> None:
        """Waits for inputs, or for a step that others ran, at most ``wait_s`` seconds."""
        if self._arrived or self._submitted:
            return
        self._more.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._more.wait(), wait_s)

    def card_of(self, party: bytes) -> Card | None:
        """The card in force of a trusted party that may be called: its TLS key is not revoked."""
        card = None if party in self.distrusted else self.station.cards.get(party)
        return None if card is None or card.tls_ed25519 in self.station.revoked else card

    def urgent_for(self, party: bytes) -> bool:
        """Whether something at FLASH or above waits for this party, or for its receipt, and it has
        not announced that it sends nothing."""
        if self.links is not None and party in self.links.unheard:
            return False
        return any(
            line.queue.by_precedence[Precedence.FLASH]
            or line.queue.by_precedence[Precedence.OVERRIDE]
            or _urgent_unreceipted(line, member)
            for line in self.station.lines.values()
            if (member := line.charter.number_of(party)) is not None
        )

    def pin(self, key: bytes) -> bytes | None:
        """Whose TLS key this is, among trusted peers whose key is not revoked."""
        if key in self.station.revoked:
            return None
        for party, card in self.station.cards.items():
            if card.tls_ed25519 == key and party != self.station.party:
                return None if party in self.distrusted else party
        return None

    def address_of(self, party: bytes) -> str | None:
        """Where to call a party: the configuration first, then its card."""
        return self.home.config.dial.get(party.hex()) or self._on_card(party, "tls ")

    def url_of(self, party: bytes) -> str | None:
        """Where to call a party over a WebSocket: the configuration first, then its card."""
        override = self.home.config.websocket.dial.get(party.hex())
        return override or self._on_card(party, "websocket ")

    def _on_card(self, party: bytes, kind: str) -> str | None:
        card = self.station.cards.get(party)
        found = [] if card is None else [b for b in card.bearers if b.startswith(kind)]
        return found[0].removeprefix(kind) if found else None

    def ways_to(self, party: bytes) -> list[tuple[str, str]]:
        """The bearers that card and configuration name: kind, and address or device."""
        named = [("tls", self.address_of(party)), ("websocket", self.url_of(party))]
        ports = [("serial", p.device) for p in self.home.config.serial if p.peer == party.hex()]
        return [(kind, where) for kind, where in named if where is not None] + ports

    def trusted(self) -> list[bytes]:
        """The others whose card counts."""
        others = (party for party in self.station.cards if party != self.station.party)
        return [party for party in others if self.card_of(party) is not None]

    def go_online(self, links: Links) -> None:
        """From now on there is a network: every trusted party that has an address is called."""
        self.links = links
        self.emcon.look()
        self._call_everyone(links)
        link_secrets.keep_open(self, links)

    def _call_everyone(self, links: Links) -> None:
        for party in self.station.cards:
            if party != self.station.party:
                links.keep_calling(party, lambda party=party: self.address_of(party))  # type: ignore[misc]
                web.keep_calling(self, links, party)


def _urgent_unreceipted(line: Line, member: int) -> bool:
    """Whether a FLASH of ours was sent that a member's logs do not state as held.

    It may have gone into a way that swallows packets. Only what is in memory is looked at.
    """
    own = line.own
    if own is None:
        return False
    theirs = [log for log in line.logs.values() if log.id.member == member]
    stated = max((log.stated.get(own.id, 0) for log in theirs), default=0)
    return any(
        index >= stated
        and entry.leaf is not None
        and entry.leaf.kind in CONTENT
        and entry.leaf.reads(member)
        and entry.leaf.precedence >= Precedence.FLASH
        for index, entry in own.recent.items()
    )
