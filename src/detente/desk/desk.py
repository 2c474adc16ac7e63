"""One desk: its cabinet, its node, and whoever has a page open."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from detente.desk.cabinet import Cabinet
from detente.desk.drafts import Drafts
from detente.desk.live import Live
from detente.desk.node_side import NodeSide
from detente.desk.people import People
from detente.desk.sessions import Sessions
from detente.desk.throttle import Throttle

HOST_SETTING = "host"
PORT_SETTING = "port"
TRIES = 10  # of codes and passkeys together, a minute


def wall_s() -> int:
    """Whole seconds of UTC since the Unix epoch, by this machine."""
    return int(time.time())


@dataclass
class Desk:
    """Everything that pages need."""

    home: Path
    cabinet: Cabinet
    origin: str  # what the browser's address line says, without a path
    node: NodeSide = field(init=False)
    live: Live = field(default_factory=Live)
    tries: Throttle = field(default_factory=lambda: Throttle(TRIES, per_s=60))

    def __post_init__(self) -> None:
        self.node = NodeSide(self.home)
        self.node.on_event(self.live.ring)
        self.drafts = Drafts(self.cabinet)
        self.people = People(self.cabinet)
        self.sessions = Sessions(self.cabinet)

    @property
    def host(self) -> str:
        """The name that passkeys are bound to (WebAuthn's relying party id)."""
        return self.origin.partition("://")[2].partition(":")[0]
