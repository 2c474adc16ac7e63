"""The desks of the demo: one beside each node, with one officer and a link that lets them in."""

from __future__ import annotations

import time
from typing import Final

from detente.cli.demo_world import Process, Side, free_port
from detente.words import _, translate

LANGUAGES: Final = {"alpha": "en", "bravo": "uk"}
ROLES: Final = frozenset({"watch", "releaser", "translator", "administrator"})


class DemoDesk:
    """The desk of one side: set up in its home, and run as a process of its own."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._process = Process(side.folder / f"{side.name}-desk.log")

    def open(self) -> str:
        """Sets the desk up and serves it; returns a link that signs its officer in, once."""
        from detente.desk.cabinet import Cabinet
        from detente.desk.desk import HOST_SETTING, PORT_SETTING
        from detente.desk.serve import open_desk

        cabinet = Cabinet.open(self.side.home, create=True)
        cabinet.settle(HOST_SETTING, f"{self.side.name}.localhost")
        cabinet.settle(PORT_SETTING, str(free_port()))
        cabinet.close()
        desk, now_s = open_desk(self.side.home), int(time.time())
        try:
            name = translate("Duty officer")
            language = LANGUAGES.get(self.side.name, "en")
            person = desk.people.add(name, ROLES, language, now_s)
            link = f"{desk.origin}/enter#{desk.sessions.invite(person, now_s)}"
        finally:
            desk.cabinet.close()
        self._process.launch("--home", str(self.side.home), "desk", "run")
        self._process.wait_ready(_("the desk of {name}").format(name=self.side.name))
        return link

    def close(self) -> None:
        """Ends the desk; the node goes on."""
        self._process.stop()
