"""The demo as a person watches it: two nodes, what lies between them, and who stores what."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from detente.cli.demo_script import ALPHA, Mark, Say, Translate
from detente.plain import padded, plain
from detente.terms import GRADES, word
from detente.words import RUNGS, _, marked

PAUSE_S = 0.1  # between rows, where somebody watches
CABLES: Final[Mapping[str, str]] = {
    "whole": "●━━━━━━━━━━━━━━━━━━━━━━━━━●",
    "cut": "●━━━━━━━━━  ✂  ━━━━━━━━━━●",
    "dead": "●━━━━━━━━━━━━━━━━━━━━━━━━ ✖",
}
SAYS: Final[Mapping[str, str]] = {
    "whole": marked("the connection is up"),
    "cut": marked("the connection is cut"),
    "dead": marked("Bravo's node is dead"),
}


class Story:
    """Tells what happens; says nothing where one JSON document is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._pause_s = PAUSE_S if sys.stdout.isatty() else 0.0

    def row(self, text: str = "") -> None:
        """One row."""
        if not self._quiet:
            click.echo(text)
            time.sleep(self._pause_s)

    def chapter(self, text: str) -> None:
        """What comes next."""
        self.row()
        self.row(f"── {text}")

    def begin(self) -> None:
        """What this is, before it starts."""
        self.row("DRILL DRILL DRILL")
        self.row(_("Two parties that do not trust one another, each with a node of its own."))
        self.row(_("What they say here is invented; keys, disks, processes and cuts are real."))

    def keys(self, name: str, digits: str) -> None:
        """A party's digits, which the other side compares by voice."""
        self.row("  " + _("{name} reads out its digits:").format(name=name.capitalize()))
        self.row(f"    {digits}")

    def picture(self, cable: str, stores: Mapping[str, Mapping[str, int]]) -> None:
        """The two nodes, what is between them, and what each of them stores."""
        said = _(SAYS[cable])
        self.row(f"  ALPHA {CABLES[cable]} BRAVO   {said}")
        for name, counts in stores.items():
            told = _(
                "{name} stores {own} entries of its own and {theirs} of the other; {queued} queued"
            )
            self.row("    " + told.format(name=name.capitalize(), **counts))

    def said(self, step: Say) -> None:
        """A dispatch on its way: who to whom, how fast, what about."""
        arrow = "ALPHA →" if step.author == ALPHA else "      ← BRAVO"
        precedence = padded(step.precedence, 9)
        self.row(f"  {padded(arrow, 13)}  {precedence}  {step.language}  {plain(step.subject)}")

    def marked(self, step: Mark, subject: str) -> None:
        """A rung that a desk states."""
        self._stated(step.author, f"{word(RUNGS, step.rung)}: {plain(subject)}")

    def translated(self, step: Translate, subject: str) -> None:
        """A translation beside its original."""
        self._stated(step.author, f"{word(GRADES, step.grade)} ({step.language}): {plain(subject)}")

    def _stated(self, author: str, what: str) -> None:
        self.row(f"  {author.upper()}  … {what}")

    def figures(self, result: Mapping[str, Any]) -> None:
        """What came of it, computed from the two copies."""
        told = (
            (_("dispatches in both copies"), result["dispatches"]),
            (_("of them with the other side's receipt"), result["receipts"]),
            (_("lost"), result["lost"]),
            (_("reordered"), result["reordered"]),
            (_("duplicated"), result["duplicated"]),
            (_("marks"), result["marks"]),
            (_("translations"), result["translations"]),
            (_("seconds"), result["seconds"]),
        )
        for name, value in told:
            self.row(f"  {padded(name, 44)} {value:>6}")
        equal = result["checkpoints_equal"]
        self.row(
            _("Both copies end in the same checkpoints.") if equal else _("THE COPIES DIFFER.")
        )
        verified = result["verified"]
        self.row(
            _("Both transcripts, the proof and the bundle verify from the cards alone.")
            if verified
            else _("SOMETHING DOES NOT VERIFY.")
        )

    def desks(self, links: list[tuple[str, str]]) -> None:
        """Where the two desks are, and the links that let one officer each in."""
        self.chapter(_("Both desks are open. Each link signs its officer in, once:"))
        for name, link in links:
            self.row(f"  {name:<6} {link}")

    def staying(self, folder: Path) -> None:
        """How to talk to the two nodes from two terminals."""
        program = program_name()
        self.chapter(_("Both nodes stay up. From two terminals:"))
        for name, command in (
            ("alpha", "inbox --follow"),
            # beside a desk, what nobody authorised there needs a reason
            ("bravo", f'say -p FLASH "{_("Can you hear us?")}" --reason demo --wait received'),
            ("alpha", "line status"),
            ("bravo", "show A-0007"),
        ):
            self.row(f"  {program} --home {folder / name} {command}")
        passphrases = _("The passphrases lie beside the homes: {path}").format(
            path=folder / "alpha.passphrase"
        )
        self.row(passphrases)
        self.row(_("Ctrl-C ends both nodes gracefully."))


def program_name() -> str:
    """How the person at this terminal calls the program."""
    called = Path(sys.argv[0])
    if called.name == "detente":
        found = shutil.which("detente")
        return "detente" if found and Path(found).samefile(called) else str(called)
    return f"{sys.executable} -m detente"
