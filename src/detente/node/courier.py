"""Files for a courier: written for what a member lacks, taken in, and what is known of both
(spec/bearer-courier.md)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from detente.bearers.courier import (
    CHUNKS_MAX,
    SECRET_BYTES,
    Chunks,
    Head,
    Parties,
    Writer,
    heads_of,
    open_head,
    seal_head,
)
from detente.core import limits
from detente.core.courier import rely_on_mark
from detente.core.crypto import ed25519_sign
from detente.core.errors import LocalError, PeerError, Refusal
from detente.core.events import Carry, CloseLink, FrameIn, Input, LinkDown, Tell
from detente.core.frames import AskProof, Hello, Want
from detente.core.identity import parse_card
from detente.core.leaf import LogId
from detente.core.line import Line
from detente.core.session import greet
from detente.core.transcript import Entry
from detente.node import asked, link_secrets
from detente.node.attachments import arriving
from detente.node.links import grouped
from detente.node.offers import party_named
from detente.node.opening import judged
from detente.node.places import find_line, log_word

if TYPE_CHECKING:
    from detente.node.node import Node
    from detente.node.step import Outcome

Request = Mapping[str, Any]

OUT, IN = -1, -2  # numbers of links that no bearer counts; one file is dealt with at a time
STEP_CHUNKS = 1024  # that one more step may fill: what is under way at most, and answers
KEPT_MAX = 16  # files each way that are remembered
QUESTIONS = frozenset({Hello.TYPE, Want.TYPE, AskProof.TYPE})


@dataclass
class Book:
    """What this node remembers of the files between it and one member on one line."""

    number: int = 0  # of the last one written
    written: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    said_s: int = 0  # when the file was written whose words these are
    said: list[str] = field(default_factory=list)  # frames in hex, its hello first


def _name(line: Line, party: bytes) -> str:
    return f"courier/{line.id.hex()}/{party.hex()}"


def _book(node: Node, line: Line, party: bytes) -> Book:
    kept = node.store.get_meta(_name(line, party))
    return Book() if kept is None else Book(**json.loads(kept))


def _keep(node: Node, line: Line, party: bytes, book: Book) -> None:
    del book.written[:-KEPT_MAX], book.taken[:-KEPT_MAX]
    node.store.put_meta(_name(line, party), json.dumps(asdict(book)).encode())


# --- out --------------------------------------------------------------------------------------


def write(node: Node, request: Request) -> dict[str, Any]:
    """Writes a file for what a member of a line lacks, as far as is known here.

    ``bare`` leaves out all chunks of attachments. LocalError IN_USE for a file that exists,
    UNKNOWN_PARTY, REVOKED or NOT_ALLOWED for a party that nothing can be sealed to, NOT_ALLOWED
    where no file can be written.
    """
    line = find_line(node.station, request.get("line"))
    party = party_named(node, asked.text(request, "peer"))
    path, bare = Path(asked.text(request, "path")), asked.flag(request, "bare", False)
    kem = node.station.sealing_key(party)
    if party in node.distrusted:
        raise LocalError(Refusal.UNKNOWN_PARTY, "it is trusted no more")
    if path.exists():
        raise LocalError(Refusal.IN_USE, f"{path} exists already")
    book = _book(node, line, party)
    book.number += 1
    written_s, parties = node.now().wall_s, Parties(line.id, node.station.party, party)
    secret, said = node.entropy(SECRET_BYTES), tuple(bytes.fromhex(one) for one in book.said)

    def sealed(chunks: int) -> bytes:
        head = Head(secret, written_s, book.number, chunks)
        return seal_head(head, parties, kem, lambda said: ed25519_sign(node.home.keys.tls, said))

    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("xb") as file:
            writer = Writer(file, secret)
            more = _fill(node, writer, Carry(OUT, party, line.id, out=True, said=said, bare=bare))
            writer.close(sealed)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as exc:
        raise LocalError(Refusal.NOT_ALLOWED, f"cannot write {path}: {exc.strerror}") from exc
    finally:
        part.unlink(missing_ok=True)
    own = line.own
    row = {
        "number": book.number,
        "at_s": written_s,
        "bytes": path.stat().st_size,
        "log": "" if own is None else log_word(own.id),
        "size": 0 if own is None else own.size,
        "more": more,
    }
    book.written.append(row)
    _keep(node, line, party, book)
    facts = {"line": line.id.hex(), "party": party.hex(), "out": True, "number": book.number}
    node.note("courier", facts)
    facts |= row
    return facts | {"path": str(path), "queued": len(line.queue.rows), "mute": line.mute}


def _fill(node: Node, writer: Writer, given: Carry) -> bool:
    """Frames into a file, step by step, each after its commit; whether some are left over."""
    line = node.station.lines[given.line]
    stored = next(one for one in node.store.lines() if one.line == line.id)
    if not judged(node.store, node.opened.marks, stored).restored:
        rely_on_mark(line)
    frames = node.files[OUT] = []
    key = link_secrets.for_file(node, given.party)
    if key is not None:
        writer.write(key)
    try:
        _given(node, [given])
        while frames and writer.chunks < CHUNKS_MAX - STEP_CHUNKS:
            _empty(frames, writer)
            _given(node, [])
        more = bool(frames)
        frames.clear()
        # A damaged beginning costs no more than any other place, and all is entered by now.
        link = node.station.links[OUT]
        node.change(lambda step: greet(step, line, link, answer=False))
        _empty(frames, writer)
    finally:
        del node.files[OUT]
        node.give([LinkDown(OUT)])
    return more


def _empty(frames: list[bytes], writer: Writer) -> None:
    for frame in frames:
        writer.write(frame)
    frames.clear()


def _given(node: Node, inputs: Sequence[Input]) -> Outcome:
    """One step. The LocalError of its first input is raised here."""
    outcome = node.give(inputs)
    node.chores.follow(outcome.entries)
    if outcome.refused:
        raise outcome.refused[0]
    return outcome


# --- in ---------------------------------------------------------------------------------------


def take(node: Node, request: Request) -> list[dict[str, Any]]:
    """Takes files in: what they say is judged as over a link, and what is missing is named.

    Of several, those that lack what another one had are taken once more behind it, and one that
    cannot be taken is named beside the others. LocalError NOT_FOUND where a sole file cannot be
    read, MALFORMED or OVERSIZE for what is none, NOT_IN_AUDIENCE for one that is not sealed to us
    on any of our lines, BAD_SIGNATURE for one that its sender did not seal.
    """
    paths = list(dict.fromkeys(asked.texts(request, "paths")))
    if len(paths) == 1:
        return [_file(node, paths[0])]
    results: dict[str, dict[str, Any]] = {}
    waiting = paths
    while waiting:
        came = 0
        for path in waiting:
            try:
                results[path] = _file(node, path)
            except (LocalError, PeerError) as error:
                results[path] = {"path": path, "error": error.refusal.word, "detail": error.detail}
            came += results[path].get("entries", 0)
        waiting = [path for path in waiting if came and results[path].get("missing")]
    return list(results.values())


def _file(node: Node, path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            parties, head = _opened(node, file)
            line = node.station.lines[parties.line]
            return {"path": path} | _take(node, line, parties.sender, Chunks(file, head), head)
    except (OSError, ValueError) as exc:  # ValueError: a name with a NUL
        raise LocalError(Refusal.NOT_FOUND, f"no file can be read at {path}") from exc


def _opened(node: Node, file: BinaryIO) -> tuple[Parties, Head]:
    """Whom a file is between, and its head: every member of every line is tried."""
    refused = PeerError(Refusal.NOT_IN_AUDIENCE, "no member of a line sealed it to our present key")
    for data in heads_of(file):
        for parties, keys in _senders(node):
            try:
                return parties, open_head(data, parties, node.home.keys.kem, keys)
            except PeerError as error:
                if error.refusal is not Refusal.UNREADABLE:
                    refused = error
    raise refused


def _senders(node: Node) -> Iterator[tuple[Parties, list[bytes]]]:
    """Every member of every line, with the TLS keys of its trusted cards, old ones too: a file may
    be years on its way."""
    revoked, keys = node.station.revoked, dict[bytes, list[bytes]]()
    for one in node.store.cards():
        key = parse_card(one.data, checked=True).card.tls_ed25519
        if key not in revoked and one.party not in node.distrusted:
            keys.setdefault(one.party, []).append(key)
    for line in node.station.lines.values():
        for member in line.charter.members:
            if member.number != line.me and member.party in keys:
                yield Parties(line.id, member.party, node.station.party), keys[member.party]


@dataclass
class _Reading:
    """What came of one file so far."""

    gaps: dict[str, tuple[int, int]] = field(default_factory=dict)  # log -> held, where it begins
    refused: list[str] = field(default_factory=list)
    closed: bool = False
    hello: str = ""
    said: list[str] = field(default_factory=list)

    def hear(self, outcome: Outcome) -> None:
        """What the node was told of a step."""
        for one in outcome.spoken:
            if isinstance(one, CloseLink) and one.link == IN:
                self.closed = True
            elif isinstance(one, Tell) and one.word == "courier-gap":
                log = f"{one.facts['member']}/{one.facts['log']}"
                held, start = int(str(one.facts["held"])), int(str(one.facts["start"]))
                self.gaps[log] = (held, min(start, self.gaps.get(log, (0, start))[1]))
            elif isinstance(one, Tell) and one.word == "refused":
                self.refused.append(str(one.facts["refusal"]))

    def keep(self, frame: bytes) -> None:
        """A question, if it is one, is answered by the next file."""
        if frame[0] >> 4 == Hello.TYPE:
            self.hello = frame.hex()
        elif frame[0] >> 4 in QUESTIONS and len(self.said) < limits.FILE_QUESTIONS_MAX:
            self.said.append(frame.hex())


def _take(node: Node, line: Line, party: bytes, chunks: Chunks, head: Head) -> dict[str, Any]:
    before = {log.id: log.size for log in line.logs.values()}
    reading = _Reading()
    node.files[IN], node.reading_s = [], head.written_s
    try:
        _given(node, [Carry(IN, party, line.id, out=False)])
        _read(node, chunks, reading)
        session = line.sessions.get(IN)
        stated = {} if session is None else {at: one.head.size for at, one in session.heads.items()}
    finally:
        del node.files[IN]
        node.reading_s = None
        node.give([LinkDown(IN)])
    book = _book(node, line, party)
    again = any((one["written_s"], one["number"]) == (head.written_s, head.number)
                for one in book.taken)  # fmt: skip
    if head.written_s >= book.said_s:
        hello = reading.hello or next(iter(book.said), "")
        book.said_s, book.said = head.written_s, [hello, *reading.said] if hello else []
    missing = _missing(line, stated, reading.gaps)
    row = {
        "number": head.number,
        "written_s": head.written_s,
        "at_s": node.now().wall_s,
        "entries": sum(log.size - before.get(log.id, 0) for log in line.logs.values()),
        "chunks": head.chunks,
        "lost_chunks": chunks.lost,
        "missing": missing,
        "missing_bodies": sum(len(log.missing) for log in line.logs.values()),
        "missing_attachments": sum(
            not part.is_whole for one in line.arriving.values() for part in one.parts
        ),
        "refused": reading.refused,
        "unread": reading.closed,
    }
    if not again:
        book.taken.append(row)
    _keep(node, line, party, book)
    facts = {"line": line.id.hex(), "party": party.hex(), "out": False, "number": head.number}
    lacking = sum(one["last"] + 1 - one["first"] for one in missing)
    came = {"entries": row["entries"], "pieces_lost": len(chunks.lost), "lacking": lacking}
    node.note("courier", facts | came)
    facts |= row
    facts |= {"again": again, "mute": line.mute, "arriving": arriving(line)}
    return facts | {"held_of_ours": held_of_ours(line, party)}


def _read(node: Node, chunks: Chunks, reading: _Reading) -> None:
    """Frames out of a file, some to a step. What badly framed ones come after counts."""

    def frames() -> Iterator[bytes]:
        try:
            for frame in chunks.frames():
                reading.keep(frame)
                yield frame
        except PeerError as error:
            reading.refused.append(error.refusal.word)

    for some in grouped(frames()):
        outcome = _given(node, [FrameIn(IN, frame) for frame in some])
        node.files[IN].clear()
        reading.hear(outcome)
        if reading.closed:
            break


def _missing(
    line: Line, stated: Mapping[LogId, int], gaps: Mapping[str, tuple[int, int]]
) -> list[dict[str, Any]]:
    """Entries that are known to be and are not here: up to where what the file has begins, or up
    to the head that its sender stated."""
    found = {}
    for log_id, size in stated.items():
        log = line.logs.get(log_id)
        held = 0 if log is None else log.size
        if held < size:
            found[log_word(log_id)] = (held, size)
    for word, (held, start) in gaps.items():
        known = next((log for log in line.logs.values() if log_word(log.id) == word), None)
        if known is None or known.size < start:
            found[word] = (held, start)
    return [
        {"log": word, "first": first, "last": last - 1} for word, (first, last) in found.items()
    ]


# --- what is known ----------------------------------------------------------------------------


def held_of_ours(line: Line, party: bytes) -> int:
    """How many entries of our current log a member's newest log states that it holds."""
    own, number = line.own, line.charter.number_of(party)
    theirs = [log for log in line.logs.values() if log.id.member == number]
    newest = max(theirs, key=lambda log: log.id, default=None)
    return 0 if own is None or newest is None else newest.stated.get(own.id, 0)


Written = list[tuple[str, list[dict[str, Any]]]]


def written(node: Node, line: Line) -> Written:
    """What was written for each member of a line, by its name."""
    others = [member for member in line.charter.members if member.number != line.me]
    return [(member.name, _book(node, line, member.party).written) for member in others]


def carried(files: Written, line: Line, entry: Entry) -> list[dict[str, Any]]:
    """For whom an entry of ours was written for a courier, and when first: no more than that."""
    log, index = log_word(entry.place.log), entry.place.index
    found: list[dict[str, Any]] = []
    for name, rows in files if entry.place.log.member == line.me else ():
        first = next((row for row in rows if row["log"] == log and index < row["size"]), None)
        if first is not None:
            found.append({"name": name, "at_s": first["at_s"]})
    return found


def last_files(node: Node, line: Line, party: bytes) -> tuple[int | None, int | None]:
    """When the last file was written for a party, and when one of it was last taken in."""
    book = _book(node, line, party)
    written = book.written[-1]["at_s"] if book.written else None
    return written, book.taken[-1]["at_s"] if book.taken else None


def status(node: Node, request: Request) -> list[dict[str, Any]]:
    """What was written for each member and taken from it, and what is missing."""
    named = request.get("line")
    lines = [find_line(node.station, named)] if named else list(node.station.lines.values())
    found = []
    for line in lines:
        own = line.own
        for member in line.charter.members:
            if member.number == line.me:
                continue
            book = _book(node, line, member.party)
            found.append(
                {
                    "line": line.id.hex(),
                    "title": line.charter.title,
                    "party": member.party.hex(),
                    "name": member.name,
                    "own_size": 0 if own is None else own.size,
                    "held_of_ours": held_of_ours(line, member.party),
                    "queued": len(line.queue.rows),
                    "written": book.written,
                    "taken": book.taken,
                    "missing": book.taken[-1]["missing"] if book.taken else [],
                }
            )
    return found
