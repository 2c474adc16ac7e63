"""Every page of a desk on a busy night, at once: a desk in this process, served to a browser."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import uvicorn
from desk.parties import Parties, at_desk
from desk.visitor import Visitor
from node.conftest import command, found
from processes import until

from detente.desk.app import application
from detente.desk.desk import wall_s
from detente.desk.people import ROLES
from detente.desk.sessions import COOKIE
from detente.desk.zones import kept_zones
from detente.times import iso

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

TWO = [1, 1, 1, 2, 2, 2]
OFFICER = {"en": "Officer Night", "ru": "Офицер Ночь", "uk": "Офіцерка Ніч"}
KNOWN = {"what": "A battery of ours fired by mistake", "where": "Hill 409", "persons": "unknown"}
Act = Callable[["Page"], None]

PAGES = {
    "lines": "/",
    "line": "{line}",
    "line-drill": "{drill}",
    "watch": "/watch",
    "watch-hand-over": "/watch/hand-over",
    "escalation": "/escalation",
    "bands": "/bands",
    "find": "{line}/find",
    "find-found": "{line}/find?entry=B-0001",
    "notices": "{line}/notices",
    "notice-choice": "{line}/notice",
    "notice-answer": "{line}/notice?kind=notice_answer&entry={theirs}",
    "notice-write": "{wrong}",
    "notice-late": "{late}",
    "profiles": "{line}/profiles",
    "profile": "{line}/profiles/{unread}",
    "entry": "{seen}",
    "entry-flash": "{flash}",
    "paper-entry": "{seen}/print",
    "paper-day": "{line}/day/{day}",
    "state-read-back": "{flash}/state/read-back",
    "state-misdirected": "{flash}/state/misdirected",
    "translate": "{seen}/translate?into=en",
    "glossary": "/glossary",
    "voice": "{line}/voice",
    "write": "{line}/write",
    "write-drill": "{drill}/write",
    "drafts": "/drafts",
    "draft": "{writing}",
    "draft-preview": "{writing}/preview",
    "authorise": "{offered}",
    "authorise-broken": "{broken}",
    "stop": "{line}/stop",
    "stop-which": "/stop",
    "me": "/me",
    "people": "/people",
    "person": "/people/1",
    "journal": "/journal",
    "system": "/system",
    "telephone": "/telephone",
    "refused": "/nowhere",
    "sign-in": "/sign-in",
}


@dataclass
class Gallery:
    """The desk, where its pages are, and somebody with every role in each language."""

    parties: Parties
    cookies: dict[str, str] = field(default_factory=dict)  # by language, and by role
    names: dict[str, str] = field(default_factory=dict)  # what stands in addresses
    loop: asyncio.AbstractEventLoop | None = None  # the server's, while it serves

    @property
    def origin(self) -> str:
        return self.parties.desk.origin

    def sign_in(self, context: BrowserContext, who: str) -> None:
        """From here on the pages of this browser are somebody's; nobody's with no name."""
        for page in context.pages:
            page.goto("about:blank")  # a page of somebody who is signed out loads itself again
        context.clear_cookies()
        if who:
            context.add_cookies([{"name": COOKIE, "value": self.cookies[who], "url": self.origin}])

    def go(self, page: Page, name: str) -> None:
        """Opens a page by its name, and does what leads to it."""
        self.die(name.startswith("gone-"))
        name, act = ACTS.get(name, (name, None))
        page.goto(self.origin + self.address(name.removeprefix("gone-")))
        if act is not None:
            act(page)

    def address(self, name: str) -> str:
        """Where a page is on this desk."""
        return PAGES[name].format(**self.names)

    def run(self, do: Callable[[], Any]) -> Any:
        """Does something where the pages are made, so that no page is made meanwhile."""

        async def done() -> Any:
            return do()

        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(20)

    def look(self) -> None:
        """The sentinel looks, and rings every open page."""
        assert self.loop is not None
        looking = self.parties.desk.sentinel.look()
        asyncio.run_coroutine_threadsafe(looking, self.loop).result(20)

    def let_pass(self, by_s: int) -> None:
        """The clock of the desk runs ahead, and its sentinel looks."""
        self.parties.ahead_s += by_s
        self.parties.desk.node.changes += 1
        self.look()

    def die(self, dead: bool) -> None:
        """The node is not there, or is again."""
        if self.parties.dead != dead:
            self.parties.dead = dead
            self.parties.desk.node.changes += 1
            self.look()


@contextmanager
def gallery(folder: Path) -> Iterator[Gallery]:
    """Opens one in a folder of its own, on a port that the system chooses."""
    door = socket.create_server(("127.0.0.1", 0))
    found(folder, set={"release": TWO})
    with at_desk(folder, port=door.getsockname()[1]) as parties:
        made = Gallery(parties)
        _furnish(made)
        config = uvicorn.Config(application(parties.desk), lifespan="off", log_level="error")
        server = uvicorn.Server(config)

        async def serve() -> None:
            made.loop = asyncio.get_running_loop()
            await server.serve([door])

        thread = Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        try:
            until(lambda: server.started, "the desk to answer")
            yield made
        finally:
            server.should_exit = server.force_exit = True
            thread.join(20)


# --- what is on the desk that night ---


def _furnish(made: Gallery) -> None:
    parties = made.parties
    for language, name in OFFICER.items():
        made.cookies[language] = _seat(parties, name, language, *ROLES)
    for role in ROLES:
        made.cookies[role] = _seat(parties, f"Only {role}", "en", role)
    officer = Visitor(parties.desk, {COOKIE: made.cookies["en"]})
    other = Visitor(parties.desk, {COOKIE: made.cookies["watch"]})
    parties.desk.node.ask = parties.ask  # type: ignore[method-assign]
    parties.desk.cabinet.settle("telephone", "on")
    parties.desk.zones = kept_zones("Kyiv=Europe/Kyiv,Moscow=Europe/Moscow")
    seen, flash = _said(parties)
    _exercise(parties)
    post = _poster(parties, officer)
    _listed(parties, post)
    drafts = _written(parties, post)
    _poster(parties, other)("/watch/take", hours="8")
    _poster(parties, other)("/watch/hand-over", note="Their colonel calls at noon.\nKeep 2 open.")
    _noticed(parties)
    drafts |= _given(parties, post)
    apart(parties.look)
    made.names = _named(parties, seen, flash) | drafts


def _seat(parties: Parties, name: str, language: str, *roles: str) -> str:
    desk = parties.desk
    person = desk.people.add(name, frozenset(roles), language, wall_s())
    desk.cabinet.insert(
        "passkey",
        id=name.encode(),
        person=person.number,
        public_key=b"",
        uses=0,
        label="key in the safe",
        added_s=wall_s(),
    )
    return desk.sessions.begin(person.number, wall_s(), by_passkey=False)


def _poster(parties: Parties, visitor: Visitor) -> Callable[..., str]:
    def post(path: str, **form: Any) -> str:
        answer = parties.send(visitor, path, **form)
        assert answer.status == 303, (path, answer.text)
        return answer.headers["location"]

    return post


def _said(parties: Parties) -> tuple[str, str]:
    """What was said on the line; the places of what was read, and of what was not."""
    sheet = {"subject": "Road", "reason": "said before anybody had a passkey"}
    ours = parties.pair.say("We shall clear the road by noon.", **sheet)["entry"]
    seen = parties.bravo_says(
        "Дорога свободна. Колонна из десяти машин выходит в 0600Z.",
        subject="Колонна",
        language="ru",
        precedence="PRIORITY",
        relations=[{"entry": ours, "relation": "answers"}],
    )
    alpha, bravo = parties.pair.alpha, parties.pair.bravo
    for rung in ("seen", "passed-on"):
        command(alpha, "mark", entry=seen, rung=rung)
    parties.pair.pump()
    command(
        alpha,
        "translate",
        entry=seen,
        grade="sight",
        language="en",
        subject="Convoy",
        text="The road is free. Ten lorries leave at 0600Z.",
    )
    parties.pair.pump()
    command(bravo, "mark", entry=ours, rung="seen")
    parties.pair.pump()
    flash = parties.bravo_says("Stop the strike on the hill.", subject="Hill", precedence="FLASH")
    return tuple(command(alpha, "show", entry=one)["place"] for one in (seen, flash))


def _noticed(parties: Parties) -> None:
    """A regime of launches, and a notice of each side that has a place."""
    sides = parties.pair.alpha, parties.pair.bravo
    on = {"line": parties.line, "reason": "the regime begins tonight"}
    for node in sides:
        command(node, "notice_adopt", name="launch-1988", state={"validity": "4 d"}, **on)
        parties.pair.pump()
    for node in sides:
        parties.pair.say("The regime is in force.", node=node, subject="Launches", **on)
    for node, circle in zip(sides, ("56 15N 162 30E", "57N 163 30E"), strict=True):
        values = {
            "date": iso(wall_s() + 3 * 86_400)[:10],
            "missile": "ICBM",
            "launch-area": "northern range",
            "impact-circle": f"WGS84 {circle} RADIUS 20 NM",
        }
        command(node, "notice_send", profile="launch-1988", values=values, **on)
        parties.pair.pump()
    parties.desk.node.changes += 1


def _given(parties: Parties, post: Callable[..., str]) -> dict[str, str]:
    """A notice being written with two mistakes, and one that is late and offered; one of theirs to
    answer, and a profile with a number that nobody has read."""
    listed = command(parties.pair.alpha, "notice_list", line=parties.line)["notices"]
    theirs = next(one["entry"] for one in listed if not one["mine"])
    known = command(parties.pair.alpha, "notice_profiles", line=parties.line)["profiles"]
    unread = next(one["digest"] for one in known if one["name"] == "activity-2011")
    form = {"profile": "launch-1988", "f-missile": "ICBM", "f-launch-area": "northern range"}
    wrong = {"f-date": "2031-02-29", "f-impact-circle": "56 15N 162 30E RADIUS 20 NM"}
    late = {"f-date": iso(wall_s())[:10], "f-impact-circle": "WGS84 58N 161E RADIUS 20 NM"}
    at = f"/line/{parties.line}/notice"
    drafts = {"wrong": post(at, kind="notice_send", do="save", **form, **wrong)}
    offered = post(at, kind="notice_send", do="preview", **form, **late)
    drafts["late"] = post(offered.replace("/preview", "/offer"), version="1")
    return drafts | {"theirs": theirs, "unread": unread}


def _exercise(parties: Parties) -> None:
    """A second line with the same party, a drill."""
    proposed = command(
        parties.pair.alpha,
        "propose",
        title="Winter exercise",
        members=[{"party": "bravo"}],
        languages=["en", "uk"],
        drill=True,
    )
    command(parties.pair.bravo, "accept", charter_b64=proposed["charter_b64"])
    parties.pair.pump()
    parties.desk.node.changes += 1


def _listed(parties: Parties, post: Callable[..., str]) -> None:
    """Who is called, which terms are agreed, what came by telephone, and who has left."""
    names, ways = ["Duty officer", "Chief of staff"], ["555-01", "HAWK 6"]
    post("/escalation", after_min=["0", "5"], name=names, how=ways)
    for text, into in (("road", "дорога"), ("convoy", "колонна")):
        words = {"language": "en", "text": text, "into_language": "ru", "into_text": into}
        post("/glossary", **words, remark="agreed in the charter")
    call = {"who": "Duty officer of Bravo", "text": "They will write within the hour."}
    post(f"/line/{parties.line}/voice", direction="in", when="", **call)
    gone = parties.desk.people.add("Officer Gone", frozenset({"watch"}), "en", wall_s())
    post(f"/people/{gone.number}/part", sure="yes")


def _written(parties: Parties, post: Callable[..., str]) -> dict[str, str]:
    """A draft in each of its states; their addresses."""
    form = {"precedence": "IMMEDIATE", "subject": "Bridge", "language": "en"}
    write = f"/line/{parties.line}/write"
    drafts = {"writing": post(write, **form, text="The bridge is open again.", do="save")}
    drafts["writing"] = drafts["writing"].removesuffix("/preview")
    offered = post(write, **form, text="The bridge is closed.", do="preview")
    drafts["offered"] = post(f"{offered.removesuffix('/preview')}/offer", version="1")
    stop = post(f"/line/{parties.line}/stop", kind="stop", **KNOWN)
    drafts["broken"] = post(stop.replace("/authorise", "/break-glass"), why="both keys are lost")
    return drafts


def _named(parties: Parties, seen: str, flash: str) -> dict[str, str]:
    """What the addresses of pages hold."""
    line, drill = (f"/line/{one.hex()}" for one in parties.pair.alpha.station.lines)
    view = command(parties.pair.alpha, "show", line=parties.line, entry=seen)
    names = {"line": line, "drill": drill, "day": iso(view["time_s"])[:10]}
    return names | {"seen": f"{line}/entry/{seen}", "flash": f"{line}/entry/{flash}"}


# --- pages that somebody comes to by doing something ---


def _typed(page: Page) -> None:
    """A form of a session that has ended, sent in the next one."""
    page.locator("#text").fill("Nothing of this is lost.")
    page.evaluate("document.querySelectorAll('[name=form_token]').forEach(t => t.value = 'old')")
    page.locator("button[value=preview]").click()
    page.locator("form#typed").wait_for()


def _signed_out(page: Page) -> None:
    """A form sent with no session."""
    page.locator("#text").fill("Nothing of this is lost.")
    page.context.clear_cookies()
    page.locator("button[value=preview]").click()
    page.locator("#by-code").wait_for()


def _linked(page: Page) -> None:
    """A one-time link, as it is shown once."""
    page.locator("form[action$='/link'] button").click()
    page.locator(".once").wait_for()


def _unfolded(page: Page) -> None:
    """Everything that folds lies open."""
    page.locator("details summary").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


ACTS: Mapping[str, tuple[str, Act]] = {
    "typed": ("write", _typed),
    "sign-in-typed": ("write", _signed_out),
    "person-link": ("person", _linked),
    "authorise-unfolded": ("authorise", _unfolded),
}
GONE = ("line", "watch", "system")
EVERY = [*PAGES, *ACTS, *(f"gone-{name}" for name in GONE)]
EVERY.remove("sign-in")  # where nobody is signed in


def apart(do: Callable[[], Any]) -> Any:
    """Runs it where no browser has a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(do).result()
