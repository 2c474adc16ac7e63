"""`detente desk`: set the web console up, run it, and let people in."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from detente.cli.app import Group, Option, Session, as_document
from detente.cli.party import read_file
from detente.core.errors import LocalError, Refusal
from detente.plain import plain
from detente.times import stamp
from detente.words import LANGUAGES, _, marked

if TYPE_CHECKING:
    from detente.desk.desk import Desk
    from detente.desk.people import Person

PORT = 8471
BY = "command line"  # who did it, as the journal has it
ROLE_WORDS = (
    "watch",
    "drafter",
    "releaser",
    "translator",
    "principal",
    "administrator",
    "auditor",
)
_HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
_ADDRESS = re.compile(r"[0-9.]+")


@contextmanager
def _opened(session: Session) -> Iterator[Desk]:
    """The desk of this home, for one command. LocalError NOT_FOUND where none was set up."""
    from detente.desk.serve import open_desk

    found = open_desk(session.home)
    try:
        yield found
    finally:
        found.cabinet.close()


def _tell(found: Desk) -> None:
    """What was noted goes into the journal now, if the node runs; else later."""
    import asyncio

    from detente.desk.noting import tell

    asyncio.run(tell(found))


def _named(found: Desk, name: str) -> Person:
    """Somebody who is at this desk. LocalError NOT_FOUND."""
    person = found.people.named(name)
    if person is None or person.left_s is not None:
        raise LocalError(Refusal.NOT_FOUND, f"nobody named {name} is at this desk")
    return person


@click.group(cls=Group, help=marked("The desk: the web console of this node."))
def desk() -> None:
    """The noun."""


@desk.command(help=marked("Set the desk up: its host name is fixed from here on."))
@click.argument("host")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=PORT,
    show_default=True,
    cls=Option,
    help=marked("Port to serve on."),
)
@click.pass_obj
def init(session: Session, host: str, port: int) -> None:
    """Passkeys are bound to the host name: a new one means registering them all again."""
    from detente.desk.cabinet import Cabinet
    from detente.desk.certificates import AUTHORITY, make_authority
    from detente.desk.desk import HOST_SETTING, PORT_SETTING
    from detente.desk.serve import LOCAL, origin_of
    from detente.node.releasing import DESK_FOLDER

    if not _HOST.fullmatch(host) or _ADDRESS.fullmatch(host):
        raise LocalError(Refusal.USAGE, f"{host}: passkeys need a name with a dot, and no address")
    if not session.home.is_dir():
        raise LocalError(Refusal.NOT_FOUND, f"no party in {session.home}")
    cabinet = Cabinet.open(session.home, create=True)
    try:
        if cabinet.setting(HOST_SETTING) is not None:
            raise LocalError(Refusal.IN_USE, "this desk is set up already")
        folder, fingerprint = session.home / DESK_FOLDER, ""
        if not host.endswith(LOCAL):
            fingerprint = make_authority(folder, host, int(time.time()))
        cabinet.settle(PORT_SETTING, str(port))
        cabinet.settle(HOST_SETTING, host)  # last: a set-up that was cut short begins anew
    finally:
        cabinet.close()
    origin, authority = origin_of(host, port), str(folder / AUTHORITY) if fingerprint else None

    def rows() -> Iterator[str]:
        yield _("The desk will be at {origin}").format(origin=origin)
        if fingerprint:
            yield _("Browsers need this certificate authority: {path}").format(path=authority)
            yield _("Compare its SHA-256: {digest}").format(digest=fingerprint)

    session.show(
        {"origin": origin, "authority": authority, "sha256": fingerprint or None},
        rows,
    )


SETTINGS = ("zones", "telephone")


@desk.command(
    "set", help=marked("Change a setting: zones (Kyiv=Europe/Kyiv), telephone (on or off).")
)
@click.argument("name", type=click.Choice(SETTINGS))
@click.argument("value")
@click.pass_obj
def set_(session: Session, name: str, value: str) -> None:
    """It holds from the desk's next start."""
    from detente.desk.zones import parse_zones

    if name == "zones":
        value = ",".join(f"{zone.name}={zone.key}" for zone in parse_zones(value))
    elif value not in ("on", "off"):
        raise LocalError(Refusal.USAGE, f"{name} is on or off")
    with _opened(session) as found:
        found.cabinet.settle(name, value)
    row = _("{name} is «{value}» from the next start of the desk")
    session.show({name: value}, lambda: [row.format(name=name, value=value)])


@desk.command(help=marked("Take a coastline (GeoJSON) to be drawn beneath the desk's maps."))
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def coast(session: Session, file: Path) -> None:
    """It is drawn from the desk's next start, where it is fine enough for the map."""
    from detente.desk.coast import keep, read_coast
    from detente.node.releasing import DESK_FOLDER

    with _opened(session):
        made = read_coast(read_file(file), file.name)
        keep(session.home / DESK_FOLDER, made)
    row = _("{name}: {lines} pieces of coast, a point every {spacing} km")
    facts = {"lines": len(made.pieces), "spacing": f"{made.spacing_m / 1000:.1f}"}
    session.show(
        {"name": made.name, "pieces": len(made.pieces), "spacing_m": round(made.spacing_m)},
        lambda: [row.format(name=plain(made.name), **facts)],
    )


@desk.command(help=marked("Serve the desk until it is stopped. Prints one row when it is ready."))
@click.pass_obj
def run(session: Session) -> None:
    """Beside the node, as a process of its own."""
    from detente.desk.serve import open_desk, serve

    def ready(origin: str) -> None:
        row = _("ready; the desk is at {origin}").format(origin=origin)
        click.echo(as_document({"ready": True, "origin": origin}) if session.as_json else row)
        sys.stdout.flush()

    serve(open_desk(session.home), ready)


role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(ROLE_WORDS),
    cls=Option,
    help=marked("What they may do; may be given several times."),
)


@desk.command(help=marked("Add somebody to the desk's people."))
@click.argument("name")
@role_option
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    cls=Option,
    help=marked("Language of their pages."),
)
@click.pass_obj
def add(session: Session, name: str, roles: tuple[str, ...], language: str) -> None:
    """Names stay on this ground."""
    from detente.desk.people_page import note_added

    with _opened(session) as found:
        with found.cabinet.change():
            person = found.people.add(name, frozenset(roles), language, int(time.time()))
            note_added(found, person, BY)
        _tell(found)
    session.show(
        {"number": person.number, "name": person.name, "roles": sorted(person.roles)},
        lambda: [_("{name} may sign in: detente desk link {name}").format(name=plain(person.name))],
    )


@desk.command(help=marked("Give somebody other roles; where a power goes, their sessions end."))
@click.argument("name")
@role_option
@click.pass_obj
def roles(session: Session, name: str, roles: tuple[str, ...]) -> None:
    """All the roles they have from now on; those not named are gone."""
    from detente.desk.people_page import note_roles

    with _opened(session) as found:
        before = _named(found, name)
        with found.cabinet.change():
            person = found.people.assign(before.number, frozenset(roles))
            note_roles(found, before, person, BY)
        _tell(found)
    gone = sorted(before.powers - person.powers)

    def rows() -> Iterator[str]:
        yield _("{name} may now: {powers}").format(
            name=plain(person.name), powers=", ".join(sorted(person.powers))
        )
        if gone:
            yield _("no longer: {powers}; signed out").format(powers=", ".join(gone))

    session.show(
        {"name": person.name, "roles": sorted(person.roles), "powers_gone": gone},
        rows,
    )


@desk.command(help=marked("Print a one-time link that signs somebody in."))
@click.argument("name")
@click.pass_obj
def link(session: Session, name: str) -> None:
    """Good once and for a quarter of an hour. It stands behind a #, which no server is sent."""
    from detente.desk.people_page import note_link
    from detente.desk.sessions import INVITATION_S

    with _opened(session) as found:
        person = _named(found, name)
        until_s = int(time.time()) + INVITATION_S
        with found.cabinet.change():
            code = found.sessions.invite(person, int(time.time()))
            note_link(found, person, BY)
        _tell(found)
        url = f"{found.origin}/enter#{code}"

    def rows() -> Iterator[str]:
        yield url
        yield _("good once, until {when}").format(when=stamp(until_s))

    session.show({"url": url, "code": code, "until_s": until_s}, rows)


@desk.command(help=marked("Who is at the desk, and who has left."))
@click.pass_obj
def people(session: Session) -> None:
    """In order of number."""
    with _opened(session) as found:
        everybody = found.people.all()

    def rows() -> Iterator[str]:
        for one in everybody:
            gone = _("left {when}").format(when=stamp(one.left_s)) if one.left_s else ""
            roles = " ".join(sorted(one.roles))
            yield f"{one.number:>4}  {plain(one.name)}  {roles}  {gone}".rstrip()

    session.show(
        {
            "people": [
                {"number": p.number, "name": p.name, "roles": sorted(p.roles), "left_s": p.left_s}
                for p in everybody
            ]
        },
        rows,
    )


@desk.command(help=marked("Somebody leaves: their passkeys and sessions end now."))
@click.argument("name")
@click.pass_obj
def part(session: Session, name: str) -> None:
    """What they could do is listed; what they did stays in the journal."""
    from detente.desk.people_page import note_left

    with _opened(session) as found:
        person = _named(found, name)
        powers = sorted(person.powers)
        with found.cabinet.change():
            found.people.part(person.number, int(time.time()))
            note_left(found, person, BY)
        _tell(found)
    session.show(
        {"name": person.name, "powers": powers},
        lambda: [
            _("{name} has left. They could: {powers}").format(
                name=plain(person.name), powers=", ".join(powers)
            )
        ],
    )
