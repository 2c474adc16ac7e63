"""`detente notice out` and `notice in`: notices as messages that others read, and back.

Both work from files alone, with no node and no home; nothing is sent by either.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detente import words as languages
from detente.cli import asking
from detente.cli.app import Decorated, Option, Session
from detente.cli.notice import draft_of, notice, pairs
from detente.cli.options import line_option, set_option
from detente.cli.party import read_file, write_new
from detente.core.errors import LocalError, Refusal
from detente.plain import plain, quoted
from detente.times import iso
from detente.words import _, marked

if TYPE_CHECKING:
    from detente.dossiers.messages_in import Left, Said
    from detente.dossiers.notice import Checked
    from detente.dossiers.profile import Profile

OTHERS = ("notam", "navarea", "whiteflag")
_profile_file = click.option(
    "--profile-file",
    type=click.Path(path_type=Path),
    cls=Option,
    help=marked("A profile of one's own, where no node is asked."),
)


def _out_file(says: str) -> Callable[[Decorated], Decorated]:
    return click.option("--out", type=click.Path(path_type=Path), cls=Option, help=says)


def _as_option(*kinds: str) -> Callable[[Decorated], Decorated]:
    return click.option(
        "--as",
        "kind",
        type=click.Choice(kinds),
        required=True,
        cls=Option,
        help=marked("Which kind of message."),
    )


@notice.command("out", help=marked("A notice as a message that others read; nothing is sent."))
@click.argument("entry_or_file")
@_as_option(*OTHERS, "json", "text")
@set_option(marked("What the message says that no notice has, such as number=A0001/31."))
@_profile_file
@_out_file(marked("Write it to a file."))
@line_option()
@click.pass_obj
def out(
    session: Session,
    entry_or_file: str,
    kind: str,
    settings: tuple[str, ...],
    profile_file: Path | None,
    out: Path | None,
    line_name: str | None,
) -> None:
    """Names what of the notice is not in the message."""
    given = pairs(settings)
    profile, checked = _notice(session, entry_or_file, profile_file, line_name)
    if kind in OTHERS:
        from detente.dossiers.messages_out import write_message

        text, left = write_message(kind, profile, checked, given)
    else:
        text, left = _ours(profile, checked, kind), ()
    shown = {"as": kind, "message": text, "left_out": [one._asdict() for one in left]}
    if out is not None:
        write_new(out, f"{text}\n".encode())
    session.show(shown, lambda: map(plain, text.split("\n") if out is None else [str(out)]))
    for row in _left(left, _("Not in the message:")):
        session.say(row)


def _left(left: Sequence[Left], title: str) -> Iterator[str]:
    """The parts that found no place, each beside its name."""
    if left:
        yield title
    for one in left:
        first, *more = one.text.split("\n")
        yield f"  {plain(one.name)}: {plain(first)}"
        yield from (f"    {plain(row)}" for row in more)


def _ours(profile: Profile, checked: Checked, kind: str) -> str:
    """The notice as `notice send` takes it, or as people read it."""
    from detente.dossiers.renderings import render

    texts = {name: value.text for name, value in checked.values.items()}
    if kind == "text":
        return "\n".join(render(profile, texts, checked.unknown, languages.language()))
    draft = {"profile": profile.name, "values": texts, "unknown": list(checked.unknown)}
    return json.dumps(draft, ensure_ascii=False, indent=2)


def _notice(
    session: Session, source: str, profile_file: Path | None, line_name: str | None
) -> tuple[Profile, Checked]:
    """The notice of a file, which names its profile, or of an entry. LocalError with every fault
    in a file's values, NOT_FOUND where there is no such profile."""
    from detente.dossiers.faults import Rule, refuse
    from detente.dossiers.notice import check
    from detente.node.geometry import AS_SENT, AS_WRITTEN

    if source == "-" or Path(source).is_file():
        draft = draft_of(Path(source))
        profile = _profile(draft["profile"], profile_file)
        unknown = tuple(draft.get("unknown") or ())
        found = check(profile, draft.get("values") or {}, AS_WRITTEN, unknown=unknown)
        refuse(one for one in found.faults if one.rule is not Rule.TOO_LATE)
        return profile, found
    shown = asking.ask(session, "notice_show", entry=source, line=line_name)
    profile = _adopted(session, shown["word"], line_name)
    return profile, check(profile, shown["values"], AS_SENT, unknown=tuple(shown["unknown"]))


def _profile(name: str, file: Path | None) -> Profile:
    from detente.dossiers.profile_reading import parse_toml
    from detente.node.regimes import packaged

    if file is not None:
        return parse_toml(read_file(file))
    known = packaged()
    if name not in known:
        detail = f"no profile {name}: {', '.join(known)}, or --profile-file"
        raise LocalError(Refusal.NOT_FOUND, detail)
    return known[name]


def _adopted(session: Session, word: str, line_name: str | None) -> Profile:
    """The very profile of a charter's word, as the node has it."""
    from detente.dossiers.profile_reading import parse_canonical

    name, _edition, digest = word.split("/")
    shown = asking.ask(session, "notice_profiles", name=name, line=line_name)["profiles"]
    (canonical,) = (one["canonical"] for one in shown if one["digest"] == digest)
    return parse_canonical(canonical.encode())


@notice.command("in", help=marked("Read a message of others into a notice to check; unsent."))
@click.argument("file", type=click.Path(path_type=Path))
@_as_option(*OTHERS)
@click.option("--profile", cls=Option, help=marked("Whose fields it is read into."))
@_profile_file
@_out_file(marked("Write it to a JSON file, for `notice check`."))
@click.pass_obj
def in_(
    session: Session,
    file: Path,
    kind: str,
    profile: str | None,
    profile_file: Path | None,
    out: Path | None,
) -> None:
    """Names every part of the message that is in no field, and every field still to be given."""
    from detente.dossiers.messages_in import fill, read_message

    data = sys.stdin.buffer.read() if str(file) == "-" else read_file(file)
    said = read_message(kind, data)
    if profile is None and profile_file is None:
        session.show(_said(said), lambda: _said_rows(said))
        return
    meant = _profile(profile or "", profile_file)
    filled = fill(meant, said)
    draft = {"profile": meant.name, "values": dict(filled.values)}
    if out is not None:
        write_new(out, json.dumps(draft, ensure_ascii=False, indent=2).encode() + b"\n")

    def rows() -> Iterator[str]:
        for name, value in filled.values.items():
            yield f"--set {name}='{plain(value)}'"
        yield from _left(filled.left, _("Not taken over:"))
        if filled.missing:
            yield _("Still to be given: {fields}").format(fields=", ".join(filled.missing))

    left = [one._asdict() for one in filled.left]
    session.show(draft | {"left": left, "missing": list(filled.missing)}, rows)


def _said(said: Said) -> dict[str, Any]:
    return {
        "areas": [str(one) for one in said.shapes],
        "windows": [one._asdict() for one in said.windows],
        "band": None if said.band is None else str(said.band),
        "text": said.text,
        "left": [one._asdict() for one in said.left],
    }


def _said_rows(said: Said) -> Iterator[str]:
    """What a message says of time and place, its text, and all else in it."""
    yield from (plain(str(one)) for one in said.shapes)
    if said.band is not None:
        yield str(said.band)
    for window in said.windows:
        end = "…" if window.end_s is None else iso(window.end_s)
        yield f"{iso(window.start_s)}/{end}"
    yield from quoted(said.text, "  ") if said.text else ()
    yield from _left(said.left, _("Beside it:"))
