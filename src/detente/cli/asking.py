"""How a command reaches its node: over the control socket, or by opening the home itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detente.cli.app import Session
from detente.core.errors import LocalError, MachineError, Refusal
from detente.words import _

if TYPE_CHECKING:
    from detente.store.sealed import Opener

Request = dict[str, Any]


def call(home: Path, request: Request, timeout_s: float) -> Any:
    """Asks the running node. LocalError UNREACHABLE where none runs, or it does not answer."""
    from detente.node import control

    try:
        return control.call(home, request, timeout_s)
    except TimeoutError as exc:
        raise LocalError(Refusal.UNREACHABLE, f"no answer within {timeout_s:g} s") from exc


def follow(home: Path, request: Request) -> Iterator[Request]:
    """Events of the running node, until it ends."""
    from detente.node import control

    return control.follow(home, request)


def execute(home: Path, request: Request, passphrases: tuple[str, ...]) -> Any:
    """Runs one command with no node running: opens the home, answers, closes it."""
    opener = open_ahead(home, passphrases)
    from detente.node.runner import open_node  # beside argon2id: it takes as long

    node = open_node(home, passphrases, opener)
    try:
        return node.execute(request)
    finally:
        node.close()


def open_ahead(home: Path, passphrases: tuple[str, ...]) -> Opener:
    """Begins to open the keys of a home while the node is imported.

    What stands in the way is raised by the node, which takes the home's lock first.
    """
    from detente.store import keyring, private, sealed

    with suppress(LocalError, MachineError):
        keys = private.read_private(home / keyring.NODE_FILE)
        return sealed.open_ahead(keys, passphrases, "node")
    return sealed.open_sealed


def ask(
    session: Session, do: str, *, offline: bool = True, patience_s: float = 30, **arguments: Any
) -> Any:
    """Has the node run one command, within ``patience_s``. Arguments that are None are left out.

    With ``offline`` the home is opened here where no node runs; that takes the passphrases.
    LocalError with whatever the node refused.
    """
    request = {"do": do, **{name: it for name, it in arguments.items() if it is not None}}
    try:
        return call(session.home, request, patience_s)
    except LocalError as exc:
        if exc.refusal is not Refusal.UNREACHABLE or not offline:
            raise
    return execute(session.home, request, passphrases(session))


def passphrases(session: Session, keys: Path | None = None) -> tuple[str, ...]:
    """The officers' passphrases, for the home or a file of sealed ``keys``: from files, or typed.

    LocalError USAGE where neither is possible, NOT_FOUND where there is no home or no such file.
    """
    from detente.store import keyring, sealed

    if session.passphrase_files:
        return from_files(session)
    try:
        officers = sealed.officers((keys or session.home / keyring.NODE_FILE).read_bytes())
    except FileNotFoundError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"no keys in {keys or session.home}") from exc
    need_terminal()
    return tuple(_typed(officer, officers, confirm=False) for officer in range(1, officers + 1))


def new_passphrases(session: Session, officers: int) -> tuple[str, ...]:
    """One new passphrase for each officer. LocalError USAGE for another number of them."""
    if not session.passphrase_files:
        need_terminal()
        return tuple(_typed(officer, officers, confirm=True) for officer in range(1, officers + 1))
    found = from_files(session)
    if len(found) != officers:
        detail = f"{len(found)} passphrases in the files, and {officers} officers"
        raise LocalError(Refusal.USAGE, detail)
    return found


def changed_passphrase(file: Path | None, officer: int, officers: int) -> str:
    """The new passphrase of one officer, from a private file or typed twice at a terminal.

    LocalError USAGE where neither is possible or the file holds more than one.
    """
    from detente.store import private

    if file is None:
        need_terminal()
        return _typed(officer, officers, confirm=True, new=True)
    found = private.read_passphrases(file)
    if len(found) != 1:
        raise LocalError(Refusal.USAGE, f"{len(found)} passphrases in {file}, and one is new")
    return found[0]


def from_files(session: Session) -> tuple[str, ...]:
    """The passphrases in the files named, in order. LocalError if one is open to others."""
    from detente.store import private

    return tuple(
        phrase for file in session.passphrase_files for phrase in private.read_passphrases(file)
    )


def need_terminal() -> None:
    """Refuses to ask anything where nobody sits. LocalError USAGE."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise LocalError(Refusal.USAGE, "no terminal to ask for a passphrase: --passphrase-file")


def _typed(officer: int, officers: int, *, confirm: bool, new: bool = False) -> str:
    asked = _("Passphrase of officer {officer} of {officers}")
    if new:
        asked = _("NEW passphrase of officer {officer} of {officers}")
    text: str = click.prompt(
        asked.format(officer=officer, officers=officers),
        hide_input=True,
        confirmation_prompt=_("The same again") if confirm else False,
        err=True,
    )
    return text
