"""What the watch reads: the inbox, one entry with its whole ladder, and what happens right now."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import Command, Option, Session, as_document
from detente.cli.entries import (
    View,
    entry_rows,
    facts_row,
    gap_rows,
    overdue_rows,
)
from detente.cli.options import line_option
from detente.cli.progress import bar
from detente.core.errors import LocalError, Refusal
from detente.plain import plain
from detente.terms import URGENT
from detente.times import stamp
from detente.words import _, marked

BELL = "\a"
ARRIVALS = frozenset({"received", "received-ahead", "receipt", "receipt-ahead"})
ARRIVALS_MAX = 200  # messages looked at after an event: a batch and some
UNSHOWN = frozenset({"cosigned", "witnessed"})  # they say no more than the `seen` that follows
NOTHING = {  # by what was asked for
    "all": marked("Nothing has been said on this line yet."),
    "theirs": marked("The others have said nothing here yet."),
    "ours": marked("We have said nothing here yet."),
    "overdue": marked("Nothing is overdue."),
    "open": marked("Nothing is open."),
    "before": marked("Nothing of this was said before that entry."),
}
OVERDUE_EVERY_S = 5  # any event may have met a deadline, and asking costs the node a fold


@click.command(cls=Command, help=marked("The last messages of a line, what is overdue, and gaps."))
@line_option()
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    cls=Option,
    help=marked("How many."),
)
@click.option(
    "--only",
    type=click.Choice(("all", "theirs", "ours", "overdue", "open")),
    default="all",
    show_default=True,
    cls=Option,
    help=marked("Which."),
)
@click.option("--before", metavar="ENTRY", cls=Option, help=marked("Those said before this entry."))
@click.option(
    "--follow",
    is_flag=True,
    cls=Option,
    help=marked("Go on showing what comes; the bell rings for FLASH and above."),
)
@click.pass_obj
def inbox(
    session: Session,
    line_name: str | None,
    limit: int,
    only: str,
    before: str | None,
    follow: bool,
) -> None:
    """Newest last, so that it stands above the prompt."""
    shown = asking.ask(
        session,
        "inbox",
        offline=not follow,
        line=line_name,
        limit=limit,
        only=only,
        before=before,
    )
    session.show(shown, lambda: inbox_rows(shown, only if before is None else "before"))
    if follow:
        _follow(session, line_name, shown["entries"])


def inbox_rows(shown: View, only: str = "all") -> Iterator[str]:
    """The entries, then what is overdue, then gaps; ``only`` is what was asked for."""
    for view in shown["entries"]:
        yield from entry_rows(view)
        yield ""
    if not shown["entries"]:
        yield _(NOTHING[only])
    yield from overdue_rows(shown.get("overdue") or ())
    for line in shown.get("lines") or ():
        yield from gap_rows(line.get("gaps") or ())


@click.command(cls=Command, help=marked("One entry, its whole ladder, and who states each rung."))
@click.argument("entry")
@line_option()
@click.option(
    "--save-attachments",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Save its attachments as new files here; what is not whole yet is named."),
)
@click.pass_obj
def show(session: Session, entry: str, line_name: str | None, folder: Path | None) -> None:
    """By serial, place or hash."""
    view = asking.ask(session, "show", line=line_name, entry=entry)
    if folder is not None:
        view["saved"] = _save(session, view, line_name, folder)
    session.show(view, lambda: [*entry_rows(view, whole=True), *_saved_rows(view)])


def _save(session: Session, view: View, line_name: str | None, folder: Path) -> list[str]:
    """Every attachment that is whole here, each into a file of its own. Nothing is opened."""
    if not folder.is_dir():
        raise LocalError(Refusal.NOT_FOUND, f"{folder} is no folder")
    whole = [one for one in view.get("attachments") or () if one["state"] == "whole"]
    saved = []
    with bar(_("saving"), len(whole), quiet=session.as_json) as advance:
        for done, one in enumerate(whole, 1):
            said = asking.ask(
                session,
                "attachment",
                line=line_name,
                entry=view["hash"],
                number=one["number"],
                path=str(folder.absolute()),
            )
            saved.append(str(said["path"]))
            advance(done)
    return saved


def _saved_rows(view: View) -> Iterator[str]:
    for path in view.get("saved") or ():
        yield _("saved: {path}").format(path=plain(path))


# --- what happens right now -------------------------------------------------------------------


class Follower:
    """What has been shown already, so that nothing is shown, and no bell rung, twice."""

    def __init__(self, session: Session, line_name: str | None, shown: Iterable[View]) -> None:
        self._session = session
        self._line = line_name
        self._shown = {view["hash"] for view in shown}
        self._duty: dict[tuple[object, object], object] = {}
        self._overdue: list[str] = []
        self._looked_s: float | None = None

    def rows(self, event: View) -> Iterator[str]:
        """What a person reads of one event: messages in full, with the bell where it is due."""
        if event["event"] in ARRIVALS:
            yield from self._arrived()
        elif event["event"] == "presence":
            yield from self._presence(event)
        elif event["event"] not in UNSHOWN:
            yield event_row(event)

    def _arrived(self) -> Iterator[str]:
        inbox = self._inbox("theirs", ARRIVALS_MAX)
        for view in inbox["entries"]:
            if view["hash"] in self._shown:
                continue
            self._shown.add(view["hash"])
            first, *others = entry_rows(view)
            yield (BELL if view.get("precedence") in URGENT else "") + first
            yield from others
            yield ""

    def _presence(self, event: View) -> Iterator[str]:
        who = (event["line"], event.get("member"))
        if self._duty.get(who) != event.get("on_duty"):
            self._duty[who] = event.get("on_duty")
            yield event_row(event)

    def overdue(self, now_s: float) -> Iterator[str]:
        """The overdue list where it has changed, looked at every few seconds at most."""
        if self._looked_s is not None and now_s - self._looked_s < OVERDUE_EVERY_S:
            return
        self._looked_s = now_s
        rows = list(overdue_rows(self._inbox("overdue", 1).get("overdue") or ()))
        if rows != self._overdue:
            self._overdue = rows
            yield from rows or [_("Nothing is overdue.")]

    def _inbox(self, only: str, limit: int) -> dict[str, Any]:
        inbox: dict[str, Any] = asking.ask(
            self._session, "inbox", offline=False, line=self._line, limit=limit, only=only
        )
        return inbox


def event_row(event: View) -> str:
    """The time, the name and the facts of an event."""
    facts = {name: it for name, it in event.items() if name not in {"event", "line", "at_s"}}
    return f"{stamp(event['at_s'])}  {plain(str(event['event']))}  {facts_row(facts)}".rstrip()


def _follow(session: Session, line_name: str | None, shown: Iterable[View]) -> None:
    """Shows events until the node ends (LocalError UNREACHABLE) or somebody stops it."""
    follower = Follower(session, line_name, shown)
    request = {"do": "follow"} | ({} if line_name is None else {"line": line_name})
    for event in asking.follow(session.home, request):
        if session.as_json:
            click.echo(as_document(event))
            continue
        for row in (*follower.rows(event), *follower.overdue(time.monotonic())):
            click.echo(row)
        sys.stdout.flush()
    raise LocalError(Refusal.UNREACHABLE, "the node has ended")
