"""One party's node: its core, its store and its links, and what passes between them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from detente.core.events import CloseLink, DropBody, Input, Offered, Send, Tell
from detente.core.identity import Card, Revocation, parse_revocation
from detente.core.station import Line
from detente.core.transcript import Place
from detente.dossiers.linktest import due
from detente.dossiers.presence import Observation
from detente.node.commands import run_command
from detente.node.links import Links, urgent
from detente.node.logs import NodeLog
from detente.node.matters import Matters
from detente.node.offers import keep_offer
from detente.node.opening import Opened, clock
from detente.node.sightings import Sightings
from detente.node.step import Outcome, Spoken, Stepper


class Node:
    """One party's node, with or without a network."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.station = opened.station
        self.store = opened.store
        self.home = opened.home
        self.log = NodeLog(
            lambda: clock(opened.home).wall_s, debug=opened.home.config.log == "debug"
        )
        self.stepper = Stepper(
            opened.station, opened.store, opened.marks, lambda: clock(opened.home), os.urandom
        )
        self.entropy = os.urandom
        self.links: Links | None = None
        self._matters: dict[bytes, Matters] = {}
        self._sightings = Sightings()
        self._tested: dict[bytes, int] = {}
        self.revoked_tls = revoked_tls_keys(opened)
        self._queue: list[tuple[list[Input], asyncio.Future[None]]] = []
        self._more = asyncio.Event()
        self.followers: list[Callable[[dict[str, Any]], None]] = []
        self.stopping: Callable[[], None] = lambda: None
        for line, reason in opened.restored.items():
            self.log.write("mute", line=line, reason=reason)

    # --- inputs ---

    def give(self, inputs: Sequence[Input]) -> Outcome:
        """Runs inputs through one step and says what may be said."""
        outcome = self.stepper.run(inputs)
        self.speak(outcome.spoken)
        return outcome

    def speak(self, spoken: Sequence[Spoken]) -> None:
        """Carries out what a committed step may say, in order."""
        for one in spoken:
            if isinstance(one, Send):
                if self.links is not None:
                    self.links.send(one.link, one.data)
            elif isinstance(one, CloseLink):
                if self.links is not None:
                    self.links.close_link(one.link, one.refusal.word)
            elif isinstance(one, Offered):
                self.log.write("offered", party=one.party)
                keep_offer(self, one)
            else:
                self._told(one)

    def submit(self, given: Input) -> None:
        """One input of our own side. Its LocalError is raised here."""
        outcome = self.give([given])
        if outcome.refused:
            raise outcome.refused[0]

    def execute(self, request: dict[str, Any]) -> Any:
        """One command, at once and without a network. LocalError for a refusal."""
        result = run_command(self, request)
        return result() if callable(result) else result

    def close(self) -> None:
        """Lets go of the home."""
        self.opened.close()

    # --- what the core tells ---

    def _told(self, tell: Tell) -> None:
        self.log.write(tell.word, line=tell.line, **tell.facts)
        self._sightings.note(tell, clock(self.home).wall_s)
        if tell.word == "fork-proven":
            self._keep_proof(tell)
        event = {"event": tell.word, "line": tell.line.hex(), "at_s": clock(self.home).wall_s}
        facts = {k: v.hex() if isinstance(v, bytes) else v for k, v in tell.facts.items()}
        for follower in list(self.followers):
            follower({"ok": True, "result": event | facts})

    def _keep_proof(self, tell: Tell) -> None:
        """A proven fork is a file, named for the line, the member and the index."""
        proof = tell.facts.get("proof")
        if not isinstance(proof, bytes):
            return
        folder = self.home.path / "accusations"
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{tell.line.hex()[:16]}-{tell.facts.get('member')}-{tell.facts.get('index')}.fork"
        (folder / name).write_bytes(proof)

    # --- what commands ask ---

    def note(self, word: str, data: dict[str, object]) -> None:
        """One note in this party's own journal, which is never sent."""
        self.store.journal.append(word, clock(self.home).wall_s, data)

    def matters_of(self, line: Line) -> Matters:
        """The open matters of a line."""
        return self._matters.setdefault(line.id, Matters())

    def observations(self, line: Line, now_s: int) -> dict[int, Observation]:
        """What this node has seen of each member of a line."""
        return self._sightings.of_line(line, clock(self.home).steady_ms, now_s)

    def drop_body(self, line: Line, place: Place) -> None:
        """Destroys the key of a body here, in a transaction of its own."""
        self.store.begin()
        self.store.apply(DropBody(line.id, *place))
        self.store.commit()
        line.logs[place.log].recent.pop(place.index, None)

    def after_trust(self) -> None:
        """New cards are called, and keys that are pinned no more lose their links."""
        self.call_everyone()
        if self.links is not None:
            self.links.drop_untrusted(self.pin)

    def apply_revocation(self, party: bytes, revocation: Revocation) -> None:
        """A revoked TLS key is no longer pinned; a revoked log is told to people."""
        if revocation.key == "tls":
            self.revoked_tls.add(self.station.cards[party].tls_ed25519)
            self.after_trust()
        self._told(Tell("revoked", b"", {"party": party.hex(), "key": revocation.key}))

    # --- what links ask ---

    async def take(self, inputs: list[Input]) -> None:
        """Hands over inputs and returns when they are committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._queue.append((inputs, future))
        self._more.set()
        await future

    def waiting(self, most: int) -> list[tuple[list[Input], asyncio.Future[None]]]:
        """The groups of inputs handed over since, ``most`` groups at a time."""
        groups, self._queue = self._queue[:most], self._queue[most:]
        return groups

    async def more(self, wait_s: float) -> None:
        """Waits for inputs, at most ``wait_s`` seconds."""
        if self._queue:
            return
        self._more.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._more.wait(), wait_s)

    def test_if_due(self) -> None:
        """Sends the link test of this turn on every open line that has not had it."""
        now_s = clock(self.home).wall_s
        for line in self.station.lines.values():
            slot = now_s // line.charter.test_every_s
            if self._tested.get(line.id) == slot or not line.is_open() or line.mute:
                continue
            self._tested[line.id] = slot
            if due(line.shelf, line.charter, line.me, now_s) is not None:
                run_command(self, {"do": "test", "line": line.id.hex()})

    def card_of(self, party: bytes) -> Card | None:
        """The card in force of a trusted party."""
        return self.station.cards.get(party)

    def urgent_for(self, party: bytes) -> bool:
        """Whether something at FLASH or above waits for this party."""
        return any(
            urgent([row.draft.precedence for row in line.queue.rows.values()])
            for line in self.station.lines.values()
            if line.charter.number_of(party) is not None
        )

    def pin(self, key: bytes) -> bytes | None:
        """Whose TLS key this is, among trusted peers whose key is not revoked."""
        if key in self.revoked_tls:
            return None
        for party, card in self.station.cards.items():
            if card.tls_ed25519 == key and party != self.station.party:
                return party
        return None

    def address_of(self, party: bytes) -> str | None:
        """Where to call a party: the configuration first, then its card."""
        override = self.home.config.dial.get(party.hex())
        if override is not None:
            return override
        card = self.station.cards.get(party)
        found = [b.removeprefix("tls ") for b in card.bearers] if card is not None else []
        return found[0] if found else None

    def call_everyone(self) -> None:
        """Keeps calling every trusted party that has an address."""
        if self.links is None:
            return
        for party in self.station.cards:
            if party != self.station.party:
                self.links.keep_calling(party, lambda party=party: self.address_of(party))  # type: ignore[misc]


def revoked_tls_keys(opened: Opened) -> set[bytes]:
    """The TLS keys that a stored revocation names."""
    keys = set()
    for party, data in opened.store.revocations():
        card = opened.station.cards.get(party)
        if card is None:
            continue
        signed = parse_revocation(data, card)
        if signed.revocation.key == "tls" and signed.revocation.issued_s >= card.issued_s:
            keys.add(card.tls_ed25519)
    return keys
