"""`detente node`, `duty`, `journal`, `doctor`: the engineers' commands, and who is on duty."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from detente import checkup
from detente.cli import asking
from detente.cli.app import Command, Group, Option, Session, as_document
from detente.cli.entries import facts_row
from detente.core.errors import LocalError, MachineError, Refusal
from detente.core.limits import INCARNATIONS_MAX
from detente.plain import plain
from detente.times import stamp
from detente.words import _, marked

DOCTOR_FAILED = 4  # this machine
STOP_S_MAX = 30  # queued commits, links and the mark
ADOPT_S_MAX = 120  # every line's marks and keys, under a slow passphrase


@click.group(cls=Group, help=marked("Run the node, stop it, adopt it after a restore."))
def node() -> None:
    """The noun."""


@node.command(help=marked("Run the node until it is stopped. Prints one row when it is ready."))
@click.pass_obj
def run(session: Session) -> None:
    """SIGTERM and SIGINT end it gracefully; its log goes to standard error."""
    phrases = asking.passphrases(session)
    opener = asking.open_ahead(session.home, phrases)
    from detente.node import runner  # beside argon2id: the two take as long as one another

    def ready(addresses: list[str]) -> None:
        listening = ", ".join(addresses) or "-"
        row = _("ready; takes calls on {addresses}").format(addresses=listening)
        click.echo(as_document({"ready": True, "listen": addresses}) if session.as_json else row)
        sys.stdout.flush()

    runner.run(session.home, phrases, opener=opener, ready=ready)


@node.command(help=marked("Take the restored or copied node into service, in a new incarnation."))
@click.argument("k", type=click.IntRange(1, INCARNATIONS_MAX - 1))
@click.pass_obj
def adopt(session: Session, k: int) -> None:
    """K is the next number of the officers' paper register; they are all needed."""
    result = asking.ask(
        session,
        "adopt",
        patience_s=ADOPT_S_MAX,
        k=k,
        passphrases=list(asking.passphrases(session)),
    )

    def rows() -> Iterator[str]:
        yield _("Adopted: incarnation {k}. Write it into the paper register now.").format(k=k)
        yield _("What was queued before awaits authorisation: detente outbox list")

    session.show(result, rows)


@node.command(help=marked("Stop the running node gracefully."))
@click.pass_obj
def stop(session: Session) -> None:
    """Returns when the node has let go of its home."""
    result = asking.ask(session, "stop", offline=False)
    deadline_s = time.monotonic() + STOP_S_MAX
    while _answers(session):
        if time.monotonic() > deadline_s:
            raise MachineError(Refusal.IN_USE, f"it still runs after {STOP_S_MAX} s")
        time.sleep(0.05)
    session.show(result or {"stopped": True}, lambda: [_("The node has stopped.")])


def _answers(session: Session) -> bool:
    try:
        asking.call(session.home, {"do": "status"}, 5)
    except LocalError as exc:
        if exc.refusal is Refusal.UNREACHABLE:
            return False
        raise
    return True


@node.command(help=marked("Close the links to a party: for drills and tests."))
@click.argument("party")
@click.pass_obj
def cut(session: Session, party: str) -> None:
    """They come up again by themselves."""
    result = asking.ask(session, "cut", offline=False, party=party)
    session.show(result, lambda: [_("The links to {party} are cut.").format(party=party)])


# --- duty -------------------------------------------------------------------------------------


@click.group(cls=Group, help=marked("Say whether a watch is on duty. Names stay in the journal."))
def duty() -> None:
    """The noun."""


def _duty(do: str, on: bool, help_text: str) -> None:
    @duty.command(do, help=help_text)
    @click.option("--name", "who", cls=Option, help=marked("Who; kept in the journal only."))
    @click.pass_obj
    def command(session: Session, who: str | None) -> None:
        result = asking.ask(session, "duty", offline=False, on=on, who=who)
        said = _("A watch is on duty.") if on else _("Nobody is on duty.")
        session.show(result, lambda: [said])


_duty("in", True, marked("A watch is on duty from now on."))
_duty("out", False, marked("Nobody is on duty from now on."))


# --- journal and doctor -----------------------------------------------------------------------


@click.command(cls=Command, help=marked("The party's own private log, which is never sent."))
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    cls=Option,
    help=marked("How many of the last rows."),
)
@click.pass_obj
def journal(session: Session, limit: int) -> None:
    """Newest last."""
    found = asking.ask(session, "journal", limit=limit)

    def rows() -> Iterator[str]:
        for row in found:
            data = row.get("data")
            facts = facts_row(data) if isinstance(data, dict) else plain(str(data or ""))
            word = plain(str(row["word"]))
            yield f"{row['index']:>6}  {stamp(row['at_s'])}  {word}  {facts}".rstrip()

    session.show({"journal": found}, rows)


@click.command(cls=Command, help=marked("Check clock, mark, disk, keys, cards, lines and TLS."))
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Exit status 4 where a check fails."""
    session: Session = ctx.obj
    checks: list[dict[str, Any]] = asking.ask(session, "doctor")

    def rows() -> Iterator[str]:
        for check in checks:
            state = _("well") if check["ok"] else _("NOT WELL")
            yield f"{state}  {check['check']}  {checkup.detail(check)}".rstrip()
            if check["hint"]:
                yield f"  {checkup.hint(check)}"

    session.show({"checks": checks, "ok": all(check["ok"] for check in checks)}, rows)
    if not all(check["ok"] for check in checks):
        ctx.exit(DOCTOR_FAILED)
