"""Two real nodes in this process, and Alpha's desk beside its own: no browser, no server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk.visitor import Answer, Visitor
from node.conftest import Pair, command

from detente.core.errors import LocalError, Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.desk import Desk, wall_s


@dataclass
class Parties:
    """The nodes, the desk, and how far its clock is ahead."""

    pair: Pair
    desk: Desk
    ahead_s: int = 0
    dead: bool = False
    people: dict[str, Visitor] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The id of the one line."""
        return next(iter(self.pair.alpha.station.lines)).hex()

    def now_s(self) -> int:
        return wall_s() + self.ahead_s

    async def ask(self, do: str, **arguments: Any) -> Any:
        """What the control socket would answer."""
        if self.dead:
            raise LocalError(Refusal.UNREACHABLE, "no node runs in this home")
        request = {"do": do, **{name: it for name, it in arguments.items() if it is not None}}
        found = self.pair.alpha.execute(request)
        self.pair.pump()
        self.desk.node.changes += 1
        return json.loads(json.dumps(found))

    def enter(self, name: str, *roles: str) -> Visitor:
        """Somebody comes to Alpha's desk with a one-time code."""
        person = self.desk.people.add(name, frozenset(roles), "en", wall_s())
        visitor = Visitor(self.desk)
        self.desk.node.ask = self.ask  # type: ignore[method-assign]
        answer = visitor.post("/code", {"code": self.desk.sessions.invite(person, self.now_s())})
        assert answer.status == 303
        self.people[name] = visitor
        return visitor

    def send(self, visitor: Visitor, path: str, page: str = "/watch", **form: Any) -> Answer:
        """A form of a page of ours."""
        return visitor.post(path, form | {"form_token": visitor.get(page).token})

    def look(self) -> None:
        """The sentinel looks once."""
        asyncio.run(self.desk.sentinel.look())

    def alarms(self) -> dict[str, Any]:
        """What stands, by its word."""
        self.look()
        return {one.condition.word: one for one in self.desk.sentinel.now}

    def bravo_says(self, text: str, **more: Any) -> str:
        """Bravo sends a dispatch; gives its serial."""
        return str(self.pair.say(text, node=self.pair.bravo, **more)["entry"])

    def ladder(self, entry: str) -> list[tuple[str, str]]:
        """The rungs of an entry as Bravo sees them."""
        view = command(self.pair.bravo, "show", line=self.line, entry=entry)
        return [(one["rung"], one["name"]) for one in view["ladder"]]

    def journal(self, word: str) -> list[dict[str, Any]]:
        """What Alpha's journal holds under a word, oldest first."""
        notes = command(self.pair.alpha, "journal", limit=1000)
        return [one["data"] for one in notes if one["word"] == word]

    def own_size(self) -> int:
        """How much Alpha has said on the line."""
        return int(command(self.pair.alpha, "lines")[0]["own_size"])


@contextmanager
def at_desk(folder: Path, port: int = 8471) -> Iterator[Parties]:
    """The nodes of these homes, linked, and Alpha's desk."""
    pair = Pair(folder).open().connect()
    home = folder / "alpha"
    desk = Desk(home, Cabinet.open(home, create=True), f"http://alpha.localhost:{port}")
    parties = Parties(pair, desk)
    desk.sentinel.clock = parties.now_s
    desk.watches._clock = parties.now_s
    desk.node.ask = parties.ask  # type: ignore[method-assign]
    try:
        yield parties
    finally:
        desk.cabinet.close()
        pair.close()
