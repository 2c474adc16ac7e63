"""`detente party`: a party's own keys and card, and whom it trusts; `keeping` has its backups."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from detente.cli import asking
from detente.cli.app import Decorated, Group, Option, Session
from detente.core.errors import LocalError, Refusal
from detente.core.limits import INCARNATIONS_MAX
from detente.plain import plain
from detente.times import stamp
from detente.words import _, marked

METHODS = ("by-hand", "voice", "courier", "unchecked")
REASONS = ("lost", "stolen", "retired")


@click.group(cls=Group, help=marked("A party's keys and card, whom it trusts, its backups."))
def party() -> None:
    """The noun."""


def read_file(path: Path) -> bytes:
    """A file that somebody named. LocalError NOT_FOUND where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"{path}: {exc.strerror}") from exc


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that does not exist yet. LocalError IN_USE if it does, NOT_FOUND otherwise."""
    try:
        with path.open("xb") as out:
            out.write(data)
    except FileExistsError as exc:
        raise LocalError(Refusal.IN_USE, f"{path} exists already") from exc
    except OSError as exc:
        raise LocalError(Refusal.NOT_FOUND, f"{path}: {exc.strerror}") from exc


def digit_rows(digits: str) -> list[str]:
    """The 40 digits in two rows of four groups, as they are read aloud."""
    groups = digits.split(" ")
    return ["    " + " ".join(groups[:4]), "    " + " ".join(groups[4:])]


def register_rows(name: str, folder: str, root: str) -> Iterator[str]:
    """The paper register: what the officers write down, because no disk may be the only witness."""
    yield _("PAPER REGISTER of {name}: write this down by hand and lock it away").format(name=name)
    yield "  [ ] " + _("incarnation 0 in use from today; the next one is 1, up to {last}").format(
        last=INCARNATIONS_MAX - 1
    )
    yield "  [ ] " + _("each officer keeps one passphrase, alone, and never beside the home")
    yield "  [ ] " + _("the root key ({root}) goes offline now, in two copies, under seal").format(
        root=root
    )
    yield "  [ ] " + _("the high-water mark ({folder}) stays out of every backup").format(
        folder=folder
    )
    yield "  [ ] " + _("the 40 digits, to be compared aloud with whoever takes the card")


def _bearer(address: str) -> str:
    """What a card names: TLS at a host and port, or a WebSocket at a URL."""
    return f"websocket {address}" if "://" in address else f"tls {address}"


@party.command(help=marked("Make a new party: keys, card, home folder, and a root key elsewhere."))
@click.option("--name", required=True, cls=Option, help=marked("Name that the others will see."))
@click.option(
    "--officers",
    type=click.IntRange(1, 8),
    default=2,
    show_default=True,
    cls=Option,
    help=marked("How many officers each bring a passphrase; none of them is enough alone."),
)
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    cls=Option,
    help=marked("Address to take calls on; without it the node only calls."),
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="HOST:PORT",
    cls=Option,
    help=marked("Address that stands on the card, for the others to call."),
)
@click.option(
    "--mark",
    "mark_folder",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("Folder of the high-water mark: on another disk, in no backup."),
)
@click.option(
    "--root",
    "root_file",
    type=click.Path(path_type=Path),
    required=True,
    cls=Option,
    help=marked("Where the root key goes: outside the home, and offline afterwards."),
)
@click.pass_obj
def init(
    session: Session,
    name: str,
    officers: int,
    listen: tuple[str, ...],
    addresses: tuple[str, ...],
    mark_folder: Path | None,
    root_file: Path,
) -> None:
    """Makes the party and prints what the officers must now do on paper."""
    from detente.node import home as homes
    from detente.node.config import load_config

    home = session.home
    phrases = asking.new_passphrases(session, officers)
    signed = homes.create_home(
        home,
        name,
        phrases,
        listen=listen,
        bearers=[_bearer(address) for address in addresses],
        mark=mark_folder,
        root_path=root_file,
        now_s=int(time.time()),
    )
    folder = load_config(home).mark
    card = signed.card
    result = {
        "party": card.party.hex(),
        "name": card.name,
        "digits": card.digits,
        "serial": card.serial,
        "card": str(home / homes.CARD_FILE),
        "root": str(root_file),
        "mark": folder,
        "incarnation": 0,
    }

    def rows() -> Iterator[str]:
        yield _("Party {name} is made. Its card: {card}").format(
            name=plain(card.name), card=result["card"]
        )
        yield from digit_rows(card.digits)
        yield from register_rows(plain(card.name), folder, str(root_file))

    session.show(result, rows)


@party.command(help=marked("Show one's own card and digits, or save the card to a file."))
@click.option(
    "--out", type=click.Path(path_type=Path), cls=Option, help=marked("File to save the card to.")
)
@click.option("--all", "every", is_flag=True, cls=Option, help=marked("Every trusted card too."))
@click.pass_obj
def card(session: Session, out: Path | None, every: bool) -> None:
    """Own card; needs neither passphrase nor node."""
    from detente.node.home import CARD_FILE, own_card

    own = own_card(session.home)
    if out is not None:
        write_new(out, own.data)
    result: dict[str, Any] = {
        "party": own.card.party.hex(),
        "name": own.card.name,
        "serial": own.card.serial,
        "digits": own.card.digits,
        "bearers": list(own.card.bearers),
        "card": str(out or session.home / CARD_FILE),
    }
    if every:
        result["cards"] = asking.ask(session, "cards")

    def rows() -> Iterator[str]:
        yield from _card_rows(result)
        for other in result.get("cards", ()):
            if not other.get("own"):
                yield ""
                yield from _card_rows(other)

    session.show(result, rows)


def _card_rows(card: dict[str, Any]) -> Iterator[str]:
    yield _("{name}, card {serial}, party {party}").format(
        name=plain(card["name"]), serial=card["serial"], party=card["party"]
    )
    yield from digit_rows(plain(card["digits"]))
    for bearer in card.get("bearers") or ():
        yield f"  {plain(bearer)}"
    ceremony = card.get("ceremony")
    if not card.get("trusted", True):
        yield "  " + _("TRUSTED NO MORE: no link to it is made or taken")
    if ceremony:
        yield "  " + _("digits compared: {method}, {when}").format(
            method=plain(str(ceremony.get("method", ""))),
            when=stamp(ceremony.get("compared_at_s", card.get("trusted_at_s", 0))),
        )


@party.command(help=marked("Trust another party's card, after comparing its 40 digits."))
@click.argument("card_file", metavar="CARD", required=False, type=click.Path(path_type=Path))
@click.option(
    "--offered",
    metavar="NUMBER|PARTY",
    cls=Option,
    help=marked("A card that a peer has sent, in place of a file: see `line offered`."),
)
@click.option("--digits", cls=Option, help=marked("The 40 digits as you heard or read them."))
@click.option(
    "--method",
    type=click.Choice(METHODS),
    cls=Option,
    help=marked("How the digits were compared; not needed for a later card of a trusted party."),
)
@click.option(
    "--words",
    "remark",
    default="",
    cls=Option,
    help=marked("Who was there, in your words; they travel with proofs: name no person."),
)
@click.pass_obj
def trust(
    session: Session,
    card_file: Path | None,
    offered: str | None,
    digits: str | None,
    method: str | None,
    remark: str,
) -> None:
    """Compares what was heard with the card in hand, and stores both."""
    if (card_file is None) == (offered is None):
        raise LocalError(Refusal.USAGE, "either a card's file, or --offered")
    if digits is not None and method is None:
        raise LocalError(Refusal.USAGE, "--method: how the digits were compared")
    result = asking.ask(
        session,
        "trust",
        card_b64=card_file and base64.b64encode(read_file(card_file)).decode(),
        offered=offered,
        method=method,
        digits=digits,
        words=remark,
    )

    def rows() -> Iterator[str]:
        yield _("{name} is trusted, card {serial}").format(
            name=plain(result["name"]), serial=result["serial"]
        )
        if method == "unchecked":
            yield _("NOBODY HAS COMPARED ITS DIGITS. Do it before anything depends on it:")
            yield from digit_rows(plain(result["digits"]))

    session.show(result, rows)


@party.command(help=marked("Trust a party no more: its links end, and no new ones are made."))
@click.argument("other", metavar="PARTY")
@click.option("--reason", required=True, cls=Option, help=marked("Why; it stays in your journal."))
@click.pass_obj
def distrust(session: Session, other: str, reason: str) -> None:
    """Says what becomes of every line that the party is a member of."""
    result = asking.ask(session, "distrust", party=other, reason=reason)
    session.show(result, lambda: _distrusted_rows(result))


def _distrusted_rows(result: dict[str, Any]) -> Iterator[str]:
    yield _("{name} is trusted no more: its links have ended, and none is made or taken.").format(
        name=plain(result["name"])
    )
    for line in result["lines"]:
        yield f"  {plain(line['title'])}  {plain(line['line'])[:16]}"
        if line["others"]:
            yield "    " + _("It stays a member until the charter is amended: detente line amend")
            yield "    " + _(
                "Until then the others pass on to it what we say, and to us what it says."
            )
        else:
            yield "    " + _(
                "Nothing passes here any more. What was said stays, and can be proven."
            )
    yield _("To trust it again, its digits are compared again: detente party trust CARD")


# --- the root key is at hand ------------------------------------------------------------------


def _root_option() -> Callable[[Decorated], Decorated]:
    return click.option(
        "--root",
        "root_file",
        type=click.Path(path_type=Path),
        required=True,
        cls=Option,
        help=marked("The root key's file."),
    )


@party.command(help=marked("Make a new card with fresh keys under the same root key."))
@_root_option()
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="HOST:PORT",
    cls=Option,
    help=marked("New addresses for the card, in place of the old ones."),
)
@click.option(
    "--latest",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("The newest card of this party that a peer can show, after a restore."),
)
@click.option(
    "--incarnation",
    "next_k",
    type=click.IntRange(1, INCARNATIONS_MAX),
    cls=Option,
    help=marked("The next incarnation by the paper register, where this home knows a lower one."),
)
@click.pass_obj
def rotate(
    session: Session,
    root_file: Path,
    addresses: tuple[str, ...],
    latest: Path | None,
    next_k: int | None,
) -> None:
    """Rotates with no node running: the keys under it change."""
    from detente.node.home import CARD_FILE, rotate

    signed = rotate(
        session.home,
        root_file,
        asking.passphrases(session),
        now_s=int(time.time()),
        bearers=[_bearer(address) for address in addresses] or None,
        latest=None if latest is None else read_file(latest),
        next_k=next_k,
    )
    result = {
        "serial": signed.card.serial,
        "digits": signed.card.digits,
        "card": str(session.home / CARD_FILE),
    }

    def rows() -> Iterator[str]:
        yield _("Card {serial} is made: {card}").format(**result)
        yield _("The digits stay the same. Start the node again, and hand the card to every party.")

    session.show(result, rows)


@party.command(help=marked("Declare one of one's own keys void, with the heads still stood by."))
@_root_option()
@click.option(
    "--key",
    required=True,
    cls=Option,
    help=marked("Which key: log 0, holds 0, log-pq, holds-pq, heads, tls or kem."),
)
@click.option(
    "--reason", type=click.Choice(REASONS), required=True, cls=Option, help=marked("Why.")
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    cls=Option,
    help=marked("File for the revocation, to be handed to every party."),
)
@click.option(
    "--serial",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    cls=Option,
    help=marked("Number of this revocation, above that of any before."),
)
@click.pass_obj
def revoke(
    session: Session, root_file: Path, key: str, reason: str, out: Path, serial: int
) -> None:
    """Signs with the root key, stores it, and hands it to the node."""
    from detente.node.home import revoke

    data = revoke(
        session.home,
        root_file,
        asking.passphrases(session),
        key=key,
        reason=reason,
        serial=serial,
        stands=stands(session, key),
        now_s=int(time.time()),
    )
    write_new(out, data)
    encoded = base64.b64encode(data).decode()
    result = {
        "revocation": str(out),
        "stored": asking.ask(session, "revoke", revocation_b64=encoded),
    }
    session.show(
        result,
        lambda: [_("Revocation written to {path}. Hand it to every party.").format(path=out)],
    )


@party.command(help=marked("Take in another party's revocation of one of its keys."))
@click.argument("revocation", type=click.Path(path_type=Path))
@click.pass_obj
def revoked(session: Session, revocation: Path) -> None:
    """The node checks it against the card it trusts, and heeds it at once."""
    encoded = base64.b64encode(read_file(revocation)).decode()
    result = asking.ask(session, "revoke", revocation_b64=encoded)
    session.show(
        result,
        lambda: [_("{key} is revoked and counts no more from now on.").format(key=result["key"])],
    )


def stands(session: Session, key: str) -> list[tuple[str, int, bytes]]:
    """Origin, size and root of every log of ours that this key has signed, as they stand here."""
    from detente.core.identity import origin
    from detente.core.leaf import LogId

    what, _space, k = key.partition(" ")
    if what not in {"log", "log-pq"}:
        return []
    found = []
    for status in asking.ask(session, "lines"):
        me = next(member for member in status["members"] if member["me"])
        for place, head in status["checkpoints"].items():
            number, _slash, log_word = place.partition("/")
            its_k, _dot, life = log_word.partition(".")
            if int(number) == me["number"] and k in {"", its_k}:
                log = LogId(int(number), int(its_k), bytes.fromhex(life))
                name = origin(bytes.fromhex(status["line"]), bytes.fromhex(me["party"]), log)
                found.append((name, int(head["size"]), bytes.fromhex(head["root"])))
    return found
