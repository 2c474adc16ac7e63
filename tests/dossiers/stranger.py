"""A short exchange and its files, for whoever checks them: what verify and audit are shown."""

from __future__ import annotations

import hashlib
from functools import cache

from core.lineage import BUILD, START_S, Line, LogBuilder, cosign_pq, line

from detente.core import export, identity
from detente.core.export import PqSigned, Preamble, Signed, write_export
from detente.core.extras import Mark, Relation, Rung, Stater
from detente.core.leaf import Kind
from detente.core.transcript import Transcript
from detente.dossiers.dispatch import Dispatch
from detente.dossiers.report import Report
from detente.dossiers.verify import verify_file

NOW_S = START_S + 3600
LATER_S = START_S + 20 * 366 * 86_400  # long after every date for Ed25519

# A card's forty keys take a tenth of a second to check, the same each time.
parse_card_once = cache(identity.parse_card)


def exchange() -> Line:
    """A dispatch, its receipt by `seen`, a mark and a correction."""
    made = line("Aland", "Bland")
    a, b = made.logs
    said = a.say(plain=text("The convoy leaves at noon."), serial=1)
    b.seen(a, held_at_s=START_S + 7)
    mark = Mark(Rung.PASSED_ON, Stater.WATCH).encode()
    b.say(Kind.MARK, refs=(said,), extra=mark)
    a.say(
        plain=text("It leaves at one."),
        serial=2,
        refs=(said,),
        extra=bytes((Relation.CORRECTS,)),
    )
    return made


def text(words: str) -> bytes:
    """A dispatch in English."""
    return Dispatch(language="en", dtg_s=START_S, subject="Convoy", text=words).encode()


def check(made: Line, data: bytes, now_s: int = NOW_S, **more) -> Report:
    """The report under both cards."""
    return verify_file(data, made.card_files(), now_s, **more)


def forked(log: LogBuilder, at: int, size: int) -> LogBuilder:
    """Another history of a log from entry ``at`` on."""
    other = log.fork(at)
    while other.size < size:
        other.say(plain=text(f"Never said {other.size}."), serial=other.size)
    return other


@cache
def pq_line(log: LogBuilder, size: int) -> PqSigned:
    """The author's ML-DSA-44 signature over a log."""
    name = identity.author_name(log.author.id)
    return PqSigned(
        0, size, START_S, cosign_pq(log.checkpoint(size), name, log.author.author_pq()).data[8:]
    )


def heads_of(log: LogBuilder, *more: export.HeadLine) -> list[export.HeadLine]:
    """The author's signatures, and some more."""
    signed: list[export.HeadLine] = [
        Signed(0, size, signature) for size, signature in log.signed.items()
    ]
    return sorted([*signed, *more], key=lambda head: head.size)


def exported(
    made: Line,
    *more: export.HeadLine,
    transcript: Transcript | None = None,
    sheets: tuple[str, ...] = (),
    cards: bool = True,
    of: int = 0,
    reader: int | None = 0,
    revocations: tuple[bytes, ...] = (),
) -> bytes:
    """The whole transcript; ``more`` signatures go to log number ``of``."""
    files = tuple(made.card_files()) if cards else ()
    preamble = Preamble(0, made.id, BUILD, files, made.charter_text, sheets, revocations)
    by_id = {log.id: log for log in made.logs}
    return b"".join(
        write_export(
            made.transcript() if transcript is None else transcript,
            preamble,
            reader=reader,
            origin=lambda log: by_id[log].origin,
            heads=lambda log: heads_of(by_id[log], *(more if by_id[log] is made.logs[of] else ())),
        )
    )


def resealed(data: bytes, old: str, new: str, count: int = 1) -> bytes:
    """A changed file under a last line that agrees with it."""
    whole = data.decode()
    assert old in whole
    body = whole[: whole.rindex("end ")].replace(old, new, count).encode()
    return body + f"end {hashlib.sha256(body).hexdigest()}\n".encode()
