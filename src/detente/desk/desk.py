"""One desk: its cabinet, its node, and whoever has a page open."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from detente.desk import noting
from detente.desk.cabinet import Cabinet
from detente.desk.coast import Coast, kept_coast
from detente.desk.drafts import Drafts
from detente.desk.live import Live
from detente.desk.node_side import NodeSide
from detente.desk.people import People
from detente.desk.sentinel import Sentinel
from detente.desk.sessions import Sessions
from detente.desk.throttle import Throttle
from detente.desk.watch import Watches
from detente.desk.zones import kept_zones
from detente.node.releasing import DESK_FOLDER

HOST_SETTING = "host"
PORT_SETTING = "port"
ZONES_SETTING = "zones"
TRIES = 40  # a minute, from one address or with one person's keys; a passkey takes two
TRIES_IN_ALL = 200  # a watch that relieves another comes within it; a flood does not


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
    tries_in_all: Throttle = field(default_factory=lambda: Throttle(TRIES_IN_ALL, per_s=60))
    shared: dict[object, tuple[object, str]] = field(default_factory=dict)  # sheets.shared_sheet

    def __post_init__(self) -> None:
        self.node = NodeSide(self.home)
        self.node.on_event(self.live.ring)
        self.drafts = Drafts(self.cabinet)
        self.zones = kept_zones(self.cabinet.setting(ZONES_SETTING))
        self.people = People(self.cabinet)
        self.sessions = Sessions(self.cabinet)
        self.watches = Watches(self.cabinet, self.node, wall_s)
        self.sentinel = Sentinel(
            cabinet=self.cabinet,
            node=self.node,
            clock=wall_s,
            ring=self.live.ring,
            tell=lambda: noting.tell(self),
            more=self.watches.conditions,
        )

    @cached_property
    def coast(self) -> Coast | None:
        """The coast beneath maps, as it was kept when it was first asked for."""
        return kept_coast(self.home / DESK_FOLDER)

    @property
    def host(self) -> str:
        """The name that passkeys are bound to (WebAuthn's relying party id)."""
        return self.origin.partition("://")[2].partition(":")[0]
