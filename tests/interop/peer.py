"""A second Détente node, small and for a line of two, written from spec/ and vectors/ alone.

Whoever wrote it had not seen the program: where the two meet on a wire, the texts were enough.
"""

from __future__ import annotations

import ast
import os
import secrets
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interop.peer_bytes import DISPATCH, RefusedError, check, pack_body, u40, varint
from interop.peer_cards import SEED_NAMES, Card, Keys, read_card
from interop.peer_charter import read_charter
from interop.peer_frames import read_frame, refuse, tag
from interop.peer_session import Line
from interop.peer_tls import Tls


class Peer:
    """A party with its keys, the cards it trusts, one line, and its links."""

    def __init__(self, name: str, address: tuple[str, int], home: Path | None = None) -> None:
        self.home, self.links, self.parties, self.offers = home, {}, {}, []  # type: ignore[var-annotated]
        self.log: list[tuple[Any, ...]] = []
        self.keys = Keys(self._seeds())
        self.listener = socket.create_server(address)
        self.address = self.listener.getsockname()[:2]
        self.card = self.keys.card(
            name, [f"tls {self.address[0]}:{self.address[1]}"], int(time.time())
        )
        self.cards: dict[str, Card] = {self.keys.party(): read_card(self.card.encode())}
        self.line: Line | None = None

    def _seeds(self) -> dict[str, bytes]:
        return {name: secrets.token_bytes(32) for name in SEED_NAMES}

    def digits(self) -> str:
        """What this party reads out (identity.md §4)."""
        return self.cards[self.keys.party()].digits

    def trust(self, file: bytes, spoken: str) -> Card:
        """Trust a card whose owner read out just these digits (identity.md §4)."""
        card, heard = read_card(file), "".join(spoken.split())
        check(len(heard) == 40 and heard.isascii() and heard.isdigit(), "usage")
        check(card.digits.replace(" ", "") == heard, "wrong-digits")
        self.cards[card.party] = card
        return card

    def _pinned(self, key: bytes) -> str | None:
        mine = self.keys.party()
        return next(
            (
                one.party
                for one in self.cards.values()
                if one.keys["tls-ed25519"] == key != b"" and one.party != mine
            ),
            None,
        )

    # Links

    def call(self, party: str) -> None:
        """Call a party at the first TLS address of its card (bearer-tls.md §2, §3.7)."""
        address = next(address for kind, address in self.cards[party].bearers if kind == "tls")
        host, _, port = address.rpartition(":")
        sock = socket.create_connection((host.strip("[]"), int(port)), 10)
        self._link(Tls(sock, self.keys.tls, lambda key: self._pinned(key) == party, server=False))

    def _link(self, tls: Tls) -> None:
        link = max(self.links, default=0) + 1
        self.links[link], self.parties[link] = tls, self._pinned(tls.peer)
        if self.line is not None:
            self._time()
            self.line.link_up(link, self.parties[link])
            self._flush()

    def cut(self, politely: bool = False) -> None:
        """Drop every link, without a word unless politely (bearer-tls.md §5)."""
        for link in [*self.links]:
            self._down(link, politely)

    def _down(self, link: int, politely: bool = False) -> None:
        self.links.pop(link).close(politely)
        if self.line is not None:
            self.line.link_down(link)

    # The line

    def propose(self, text: bytes) -> None:
        """Hand a charter to everybody linked, and accept it here (session.md §3.2)."""
        for tls in self.links.values():
            tls.send(tag("notice", 0) + varint(len(text)) + text)
        self.accept(text)

    def accept(self, text: bytes) -> None:
        """Officers accept a charter whose members' cards are the trusted ones (charter.md §3.1)."""
        charter = read_charter(text)
        for member in charter.members:
            check(member.party in self.cards, "unknown-party")
            check(self.cards[member.party].hash == member.card, "charter-mismatch")
        self.line = Line(self.keys, self.cards, charter)
        self._time()
        self.line.accept()
        for link, party in self.parties.items():
            if link in self.links:
                self.line.link_up(link, party, answer=True)
        self._flush()

    def say(self, subject: str, text: str, precedence: int = 1) -> None:
        """Queue a dispatch (dispatch.md §2)."""
        assert self.line is not None
        head = b"\x10" + b"\2en" + u40(int(time.time()))
        plain = head + varint(len(subject.encode())) + subject.encode() + text.encode()
        body = pack_body(plain, self.line.charter.padded)
        self.line.say(DISPATCH, body, precedence, (), b"")
        self._flush()

    def _records(self) -> Path:
        assert self.home is not None
        assert self.line is not None
        return self.home / self.line.id.hex()

    def _time(self) -> None:
        if self.line is not None:
            self.line.now, self.line.steady = int(time.time()), time.monotonic()

    def _flush(self) -> None:
        if self.line is None:
            return
        effects, self.line.out = self.line.out, []
        kept = [effect[1] for effect in effects if effect[0] == "store"]
        if kept and self.home is not None:
            with self._records().open("a", encoding="utf-8") as file:
                file.writelines(f"{record!r}\n" for record in kept)
                file.flush()
                os.fsync(file.fileno())
        for what, *rest in effects:
            if what == "send" and rest[0] in self.links:
                try:
                    self.links[rest[0]].send(rest[1])
                except RefusedError:
                    self._down(rest[0])
            elif what == "close" and rest[0] in self.links:
                self._down(rest[0], politely=True)
            elif what == "offered":
                self.offers.append(rest[1])
            elif what in ("refused", "presence"):
                self.log.append((what, *rest))

    def pump(self, wait: float = 0.05) -> None:
        """Take what has come, for a moment, and do what is due."""
        socks: dict[Any, int] = {tls.sock: link for link, tls in self.links.items()}
        ready, _, _ = select.select([self.listener, *socks], [], [], wait)
        self._time()
        for sock in ready:
            if sock is self.listener:
                self._answer()
            else:
                self._read(socks[sock])
        if self.line is not None:
            self.line.tick()
        self._flush()

    def _answer(self) -> None:
        sock, _ = self.listener.accept()
        try:
            self._link(
                Tls(sock, self.keys.tls, lambda key: self._pinned(key) is not None, server=True)
            )
        except RefusedError:
            sock.close()

    def _read(self, link: int) -> None:
        try:
            frames = self.links[link].frames()
        except RefusedError:
            self._down(link)
            return
        for frame in frames:
            if self.line is not None and link in self.line.sessions:
                self.line.frame(link, frame)
            elif link in self.links:
                self._before_a_line(link, frame)
            self._flush()
        if link in self.links and self.links[link].closed:
            self._down(link)

    def _before_a_line(self, link: int, data: bytes) -> None:
        try:
            frame = read_frame(data)
            if frame.name == "notice" and frame.channel == 0:
                self.offers.append(frame.fields["data"])
            elif frame.name == "hello":
                raise RefusedError("unknown-line")
            elif frame.name != "refuse":
                raise RefusedError("out-of-turn")
        except RefusedError as refusal:
            self.links[link].send(refuse(0, refusal))

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        """Pump until something holds, or fail."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.log[-5:]} {self.line.alarms if self.line else ''}")
            self.pump()

    def restart(self) -> None:
        """Begin again from the file of records, as a new process would (log.md §7.3)."""
        assert self.line is not None
        assert self.home is not None
        self.cut()
        self.line = Line(self.keys, self.cards, self.line.charter)
        self._time()
        for line in self._records().read_text("utf-8").splitlines():
            self.line.apply(ast.literal_eval(line))

    def close(self) -> None:
        """End every link and take no more calls (bearer-tls.md §5)."""
        self.cut(politely=True)
        self.listener.close()

    def transcript(self) -> dict[str, list[tuple[bytes, bytes | None]]]:
        """Every log as leaves and bodies, by origin."""
        assert self.line is not None
        return {
            self.line.origin(log): [
                (raw, tape.bodies.get(at, (b"", None))[1]) for at, raw in enumerate(tape.leaves)
            ]
            for log, tape in self.line.tapes.items()
        }
