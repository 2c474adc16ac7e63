"""Somebody who sits at the desk already, with no browser and no socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desk import visitor

from detente.desk.app import application
from detente.desk.desk import Desk, wall_s
from detente.desk.sessions import COOKIE


@dataclass
class Visitor(visitor.Visitor):
    """A visitor who is signed in; the desk's node is whatever the test put there."""

    token: str = ""

    def __post_init__(self) -> None:
        self.app = application(self.desk)

    @classmethod
    def come(cls, desk: Desk, name: str, *roles: str) -> Visitor:
        """Signs somebody in, and adds them to the people if they are new."""
        known = desk.people.named(name)
        person = known or desk.people.add(name, frozenset(roles), "en", wall_s())
        cookie = desk.sessions.begin(person.number, wall_s(), by_passkey=False)
        session = desk.sessions.find(cookie, wall_s())
        assert session is not None
        return cls(desk, {COOKIE: cookie}, token=session.form_token)

    def send(self, path: str, *, script: bool = False, **fields: Any) -> visitor.Answer:
        """One form of ours; as the script of a page sends it with ``script``."""
        headers = {"x_form_token": self.token} if script else {}
        return self.post(path, {"form_token": self.token, **fields}, **headers)
