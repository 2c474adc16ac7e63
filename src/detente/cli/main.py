"""`detente`: every command in one place. What a command needs is imported when it runs."""

from __future__ import annotations

import click

from detente import __version__
from detente.cli import demo, desk, drill, keeping, line, node_cmd, party, proofs, read, speak
from detente.cli.app import Command, Option, Root, Session, session_of, shared_options
from detente.words import marked


@click.group(
    cls=Root,
    params=shared_options(shown=True),
    help=marked("A direct line between parties that do not trust one another."),
    context_settings={"max_content_width": 100},
)
@click.version_option(
    __version__,
    "--version",
    message="detente %(version)s",
    cls=Option,
    help=marked("Show the version and exit."),
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """The program."""
    session_of(ctx)


@click.command(cls=Command, help=marked("The version of the program and of the protocol."))
@click.pass_obj
def version(session: Session) -> None:
    """Both sides compare it when their programs do not understand one another."""
    from detente.core.frames import VERSION

    found = {"version": __version__, "protocol": VERSION}
    session.show(found, lambda: [f"detente {__version__}, protocol {VERSION}"])


for command in (
    party.party,
    line.line,
    node_cmd.node,
    node_cmd.duty,
    speak.say,
    read.inbox,
    read.show,
    speak.mark,
    speak.translate,
    speak.test_,
    speak.purge,
    speak.outbox,
    proofs.transcript,
    proofs.prove,
    proofs.verify,
    node_cmd.journal,
    node_cmd.doctor,
    demo.demo,
    drill.drill,
    desk.desk,
    version,
):
    main.add_command(command)

for command in (keeping.passphrase, keeping.backup, keeping.restore):
    party.party.add_command(command)
