"""Who is at a browser: one cookie that names a session, one token that every form carries.

Codes and cookies are random and kept as hashes: a stolen cabinet opens no session. A session does
not end over what is unfinished: it lasts while it is used, and ``IDLE_S`` beyond; over a draft, a
watch with its hand-over, or the alarm of a FLASH it lasts until that is done.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from detente.core.errors import Refusal
from detente.desk.cabinet import Cabinet
from detente.desk.people import People, Person
from detente.desk.refusing import refusal
from detente.words import marked

COOKIE = "desk"
IDLE_S = 12 * 3600  # longer than a watch: relief ends a session, not a clock
KEPT_S = 600  # how often the desk writes down that one is used
INVITATION_S = 900  # a code is typed within a quarter of an hour or made anew
CODE_BYTES = 20


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in."""

    key: bytes
    person: Person
    form_token: str
    by_passkey: bool
    began_s: int

    def token_fits(self, token: object) -> bool:
        """Whether a form was made for this session."""
        return isinstance(token, str) and hmac.compare_digest(
            token.encode(), self.form_token.encode()
        )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(b"detente desk\n" + secret.encode()).digest()


class Sessions:
    """Sessions and one-time codes in a cabinet."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._people = People(cabinet)

    def invite(self, person: Person, now_s: int) -> str:
        """A code that signs somebody in once, within INVITATION_S. It is kept as a hash alone."""
        code = secrets.token_hex(CODE_BYTES)
        self._cabinet.insert(
            "invitation", hash=_hash(code), person=person.number, until_s=now_s + INVITATION_S
        )
        return code

    def accept(self, code: str, now_s: int) -> str:
        """Takes a one-time code; returns the new session's cookie. LocalError NOT_ALLOWED."""
        key = _hash(code.strip())
        with self._cabinet.change():
            row = self._cabinet.row("SELECT person, until_s FROM invitation WHERE hash = ?", key)
            self._cabinet.run("DELETE FROM invitation WHERE hash = ? OR until_s < ?", key, now_s)
        if row is None or row[1] < now_s:
            raise refusal(
                Refusal.NOT_ALLOWED,
                marked("This code was used, has run out, or never was"),
                marked("Ask an administrator for a new one; it is good for a quarter of an hour."),
            )
        return self.begin(int(row[0]), now_s, by_passkey=False)

    def begin(self, person: int, now_s: int, *, by_passkey: bool) -> str:
        """Signs somebody in; returns the cookie."""
        cookie = secrets.token_urlsafe(32)
        self._cabinet.insert(
            "session",
            hash=_hash(cookie),
            person=person,
            form_token=secrets.token_urlsafe(32),
            by_passkey=by_passkey,
            began_s=now_s,
            seen_s=now_s,
        )
        return cookie

    def find(self, cookie: str | None, now_s: int) -> Session | None:
        """The session of a cookie, kept alive by being asked for; None if there is none."""
        if not cookie:
            return None
        key = _hash(cookie)
        row = self._cabinet.row(
            "SELECT person, form_token, by_passkey, began_s, seen_s FROM session WHERE hash = ?",
            key,
        )
        if row is None:
            return None
        number, token, by_passkey, began_s, seen_s = row
        person = self._people.get(number)
        idle = now_s - seen_s > IDLE_S and not self._held(number, seen_s)
        if person is None or person.left_s is not None or idle:
            self.end(key)
            return None
        if now_s - seen_s >= KEPT_S:  # a change is on the disk when it returns: not for every page
            self._cabinet.run("UPDATE session SET seen_s = ? WHERE hash = ?", now_s, key)
        return Session(key, person, token, bool(by_passkey), began_s)

    def keep(self, key: bytes, now_s: int) -> None:
        """A page is open: that is use enough while something unfinished keeps its session, so that
        on a quiet line it does not end with the duty itself, before its officer has left."""
        row = self._cabinet.row("SELECT person, seen_s FROM session WHERE hash = ?", key)
        if row is not None and now_s - row[1] >= KEPT_S and self._held(*row):
            self._cabinet.run("UPDATE session SET seen_s = ? WHERE hash = ?", now_s, key)

    def _held(self, person: int, seen_s: int) -> bool:
        """Whether something unfinished keeps a session: a draft of theirs, the watch and with it a
        hand-over that waits, or an urgent alarm, such as of a FLASH, that began while it lived."""
        began_s = seen_s + IDLE_S
        return any(
            self._cabinet.row(sql, value) is not None
            for sql, value in (
                (
                    "SELECT 1 FROM draft WHERE drafter = ? AND state IN ('writing', 'offered')",
                    person,
                ),
                ("SELECT 1 FROM watch WHERE person = ? AND ended_s IS NULL", person),
                ("SELECT 1 FROM alarm WHERE urgent AND first_s <= ?", began_s),
            )
        )

    def end(self, key: bytes) -> None:
        """Signs out."""
        self._cabinet.run("DELETE FROM session WHERE hash = ?", key)
