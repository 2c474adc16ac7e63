"""`detente party passphrase`, `backup`, `restore`: a party's home kept, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import Command, Option, Session
from detente.cli.options import out_option
from detente.cli.party import party
from detente.core.errors import LocalError, Refusal
from detente.plain import plain
from detente.words import _, marked


@party.command(
    cls=Command, help=marked("Give one officer a new passphrase; those of the others stay.")
)
@click.option(
    "--officer",
    type=click.IntRange(1),
    cls=Option,
    help=marked("Which officer, in the order of `party init`; not needed where there is one."),
)
@click.option(
    "--new",
    "new_file",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A private file with the new passphrase alone; without it, it is typed."),
)
@click.option(
    "--root",
    "root_file",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A copy of the root key to change, in place of the home."),
)
@click.pass_obj
def passphrase(
    session: Session, officer: int | None, new_file: Path | None, root_file: Path | None
) -> None:
    """All officers open the keys as before; one of them closes them with another passphrase."""
    from detente.node import folder
    from detente.store import private, sealed

    old = asking.passphrases(session, root_file)
    if officer is None and len(old) > 1:
        raise LocalError(Refusal.USAGE, f"--officer: which of the {len(old)} officers")
    number = officer or 1
    new = asking.changed_passphrase(new_file, number, len(old))
    if root_file is None:
        folder.change_passphrase(session.home, old, number, new)
    else:
        keys = sealed.reseal(private.read_private(root_file), old, number, new)
        private.write_private(root_file, keys)
    result = {"officer": number, "officers": len(old), "changed": str(root_file or session.home)}

    def rows() -> Iterator[str]:
        yield _("Officer {officer} of {officers} has a new passphrase for {changed}").format(
            **result
        )
        if root_file is None:
            yield _("THE OLD ONE STILL OPENS every backup made before, and the root key's copies.")
            yield _("Make a backup now, and change each copy of the root key: {command}").format(
                command=f"detente party passphrase --officer {number} --root FILE"
            )
        else:
            yield _("THE OLD ONE STILL OPENS every other copy of the root key: change them too.")

    session.show(result, rows)


@party.command(cls=Command, help=marked("Save the home to one file, while the node runs or not."))
@out_option()
@click.pass_obj
def backup(session: Session, out: Path) -> None:
    """The high-water mark is never in a backup."""
    from detente.node.home import backup

    result = backup(session.home, out)
    session.show(
        result,
        lambda: [
            _("Backup written to {path}. Rehearse it: {command}").format(
                path=out, command=f"detente party restore --rehearse {out}"
            )
        ],
    )


@party.command(
    cls=Command, help=marked("Restore a backup into a new home, or check it without connecting.")
)
@click.argument("archive", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option(
    "--rehearse",
    is_flag=True,
    cls=Option,
    help=marked("Only check the backup: connect to nobody, sign nothing."),
)
@click.option(
    "--mark",
    "mark_folder",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Folder of the high-water mark, if it lies elsewhere now."),
)
@click.pass_obj
def restore(session: Session, archive: Path, rehearse: bool, mark_folder: Path | None) -> None:
    """A node whose mark is ahead of its store, or gone, is mute until its officers adopt it."""
    from detente.node import home as homes

    if rehearse:
        phrases = asking.from_files(session) if session.passphrase_files else None
        checked = homes.rehearse(archive, phrases)
        session.show(checked, lambda: _rehearsed_rows(checked))
        return
    signed = homes.restore(archive, session.home, mark_folder)
    reason = homes.why_mute(session.home)
    result = {
        "home": str(session.home),
        "party": signed.card.party.hex(),
        "mute": bool(reason),
        "reason": reason,
    }
    session.show(result, lambda: _restored_rows(session.home, reason))


def _restored_rows(home: Path, reason: str) -> Iterator[str]:
    if not reason:
        yield _("Restored into {home}. Nothing was signed since: it goes on as before.").format(
            home=home
        )
        yield _("The other home must never start again.")
        return
    yield _("Restored into {home}. The node will be MUTE: it signs nothing.").format(home=home)
    yield f"  {plain(reason)}"
    yield _("Its officers take the next incarnation from the paper register, then run:")
    yield "  detente node adopt K"


def _rehearsed_rows(checked: dict[str, Any]) -> Iterator[str]:
    yield _("The backup opens and its logs lead to what was signed. Nothing was signed or sent.")
    if not checked["keys_opened"]:
        yield _("The keys were not opened: give the passphrases to check every body too.")
    for line in checked["lines"]:
        yield f"  {plain(line['title'])}  {plain(line['line'])[:16]}"
        sizes = ", ".join(f"{plain(log)}: {size}" for log, size in line["logs"].items())
        yield "    " + _("entries {sizes}; {queued} queued; {lacks} bodies missing").format(
            sizes=sizes, queued=line["queued"], lacks=line["lacks_bodies"]
        )
    facts = {name: it for name, it in checked.items() if name != "lines"}
    yield from (f"  {plain(str(name))}: {plain(str(it))}" for name, it in facts.items())
