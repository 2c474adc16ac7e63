"""A report of `verify` as rows: who said what, who states to have received it, what is lacking.

The report's own words (kinds, evidence, `lacks`) are the spec's and stay as they are; the sentences
around them are in the language in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from detente.core.errors import PeerError, Refusal
from detente.dossiers.enclosures import EnclosureShown
from detente.dossiers.report import (
    Bad,
    CardShown,
    FindingShown,
    LaterShown,
    LogShown,
    ReceiptShown,
    Report,
    RevocationShown,
    StatementShown,
)
from detente.plain import plain, quoted
from detente.terms import ACCIDENT, DOES, DRILL, KINDS, LABELS, STEPS, UNOPENED, word
from detente.times import give_or_take, stamp
from detente.words import STATERS, VERDICTS, _, marked, refusal

FILES: Final[Mapping[str, str]] = {
    "proof": marked("proof"),
    "bundle": marked("bundle of proofs"),
    "transcript": marked("transcript"),
    "accusation": marked("accusation"),
    "card": marked("card"),
    "charter": marked("charter"),
    "revocation": marked("revocation"),
    "unknown": marked("unknown file"),
}
EVIDENCE: Final[Mapping[str, str]] = {
    "seen": marked("its own log says so"),
    "held-ahead": marked("its own log names this entry"),
    "cosigned": marked("its cosignature says so"),
}
STANDING: Final[Mapping[str, str]] = {
    "stood-by": marked("its key is void; its party stands by this entry"),
    "covered": marked(
        "its key is void; its party does not stand by this entry, and another holds it"
    ),
    "unlinked": marked("its key is void; nothing here ties this entry to the head stood by"),
    "contested": marked(
        "CONTESTED: its key is void, its party does not stand by it, nobody holds it"
    ),
}


def report_rows(report: Report) -> Iterator[str]:
    """The verdict first, then what it rests on."""
    what = word(FILES, report.what)
    if report.ok:
        yield _("VERIFIED: {what}").format(what=what)
    elif report.bad is None:
        yield _("NOT VERIFIED: {what}").format(what=what)
    else:
        yield from _bad_rows(what, report.bad)
    if report.title:
        yield _("line: {title}").format(title=plain(report.title))
    if report.line:
        yield f"  {plain(report.line)}"
    if report.build:
        yield _("made by: {build} (stated by whoever made the file)").format(
            build=plain(report.build)
        )
    for card in report.cards:
        yield from _card_rows(card)
    for revocation in report.revocations:
        yield from _revocation_rows(revocation)
    for statement in report.statements:
        yield ""
        yield from _statement_rows(statement)
    for log in report.logs:
        yield ""
        yield from _log_rows(log)
    for finding in report.findings:
        yield ""
        yield from _finding_rows(finding)
    if report.lacks:
        yield ""
        yield _("What is not in this file:")
        yield from (f"  {plain(lack)}" for lack in report.lacks)


def _bad_rows(what: str, bad: Bad) -> Iterator[str]:
    text, hint = refusal(PeerError(Refusal[bad.refusal.upper().replace("-", "_")], bad.detail))
    yield _("NOT VERIFIED: {what}: {why}").format(what=what, why=plain(text))
    if bad.line_number is not None:
        yield "  " + _("line {number} of the file").format(number=bad.line_number)
    if bad.index is not None:
        yield "  " + _("first bad entry: {index} of log {log}").format(
            index=bad.index, log=plain(bad.log)
        )
    yield "  " + plain(hint)


def _card_rows(card: CardShown) -> Iterator[str]:
    given = _("card given") if card.given else _("card taken from the file itself")
    yield f"{plain(card.name)}: {given}, {card.serial}, {plain(card.party)}"
    yield f"  {plain(card.digits)}"
    if not card.ceremonies:
        yield "  " + _("no record of a comparison of its digits in this file")
    for sheet in card.ceremonies:
        yield "  " + _("record of a comparison, stated by whoever made the file:")
        yield from quoted(sheet.rstrip("\n"), "    ")


def _revocation_rows(one: RevocationShown) -> Iterator[str]:
    yield _("{name} has declared its key {key} void at {when}: {reason}").format(
        name=plain(one.name), key=one.key, when=stamp(one.issued_s), reason=one.reason
    )
    for log, size, _root in one.stands:
        yield "  " + _("it stands by {size} entries of {log}").format(size=size, log=plain(log))
    if one.key.startswith("log") and not one.stands:
        yield "  " + _("it stands by nothing that this key signed")


# --- one entry --------------------------------------------------------------------------------


def _statement_rows(one: StatementShown) -> Iterator[str]:
    serial = f" {one.serial:04}" if one.serial else ""
    yield _("{name} said, at {when} by its own clock ({error}):").format(
        name=plain(one.name), when=stamp(one.time_s), error=give_or_take(one.clock_error_s)
    )
    yield f"  {one.precedence}  {word(KINDS, one.kind)}{serial}".rstrip()
    if one.drill:
        yield f"  {DRILL}"
    yield from _said_rows(one.said or {})
    if one.body in UNOPENED:
        yield "  " + word(UNOPENED, one.body)
    yield "  " + _("entry {index} of {log}").format(index=one.index, log=plain(one.log))
    yield f"  {one.hash}"
    signed = _("signed with Ed25519 and ML-DSA-44") if one.pq else _("signed with Ed25519 alone")
    yield f"  {signed}: {plain(one.key)}"
    if one.standing:
        yield "  " + word(STANDING, one.standing)
    for receipt in one.receipts:
        yield from _receipt_rows(receipt)
    if not one.receipts:
        yield "  " + _("nobody's receipt is in this file")
    for witness in one.witnesses:
        yield "  " + _("witnessed (head only) by {name} at {when}").format(
            name=plain(witness.name), when=stamp(witness.at_s)
        )
        if witness.revoked:
            yield "    " + _("under a key that its party has declared void: it counts for nothing")
    yield from (_later_row(later) for later in one.later)
    yield "  " + _(
        "Up to checkpoint {size} of its log; of anything later this file says nothing."
    ).format(size=one.as_of_size)


def enclosure_rows(found: Iterable[EnclosureShown]) -> Iterator[str]:
    """Each file that was given beside: which entry names its hash, or that none does."""
    for one in found:
        said = _("{file}: no entry in this file names an attachment of this hash")
        if one.log:
            said = _("{file}: the attachment «{name}» of entry {index} of {log}")
        yield said.format(
            file=plain(one.file), name=plain(one.name), index=one.index, log=plain(one.log)
        )
        yield f"  SHA-256 {one.sha256}"


def _said_rows(said: Mapping[str, Any]) -> Iterator[str]:
    if said.get("subject"):
        yield f"  {plain(str(said['subject']))}"
    for name in ("text", "charter", "bytes"):
        if said.get(name):
            yield from quoted(str(said[name]).rstrip("\n"), "  ")
    for name in ACCIDENT:
        if said.get(name):
            yield from quoted(word(ACCIDENT, name).format(said=said[name]), "  ")
    for file in said.get("attachments") or ():
        row = _("attachment: {name} ({media_type}, {size} bytes)").format(
            name=plain(file["name"]),
            media_type=plain(file["media_type"]),
            size=file["size_bytes"],
        )
        yield f"  {row}"
        yield f"    SHA-256 {file['sha256']}"
    if said.get("label") is not None:
        label = str(getattr(said["label"], "name", "")).lower().replace("_", "-")
        personal = " · " + _("personal data") if said.get("personal") else ""
        yield f"  {word(LABELS, label)}{personal}"


def _receipt_rows(receipt: ReceiptShown) -> Iterator[str]:
    yield "  " + _("received: {name} states to have stored it at {when}: {evidence}").format(
        name=plain(receipt.name),
        when=stamp(receipt.at_s),
        evidence=word(EVIDENCE, receipt.evidence),
    )
    if not receipt.linked:
        yield "    " + _("of this number in the log; nothing here ties that to these words")
    if receipt.revoked:
        yield "    " + _("under a key that its party has declared void: it counts for nothing")


def _later_row(later: LaterShown) -> str:
    did = word(DOES if later.what in DOES else STEPS, later.what)
    stated = f", {word(STATERS, later.by)}" if later.by else ""
    where = f"{plain(later.log)}:{later.index}"
    return "  " + _("later: {did} by {name}, {when}{stated}, {where}").format(
        did=did, name=plain(later.name), when=stamp(later.time_s), stated=stated, where=where
    )


# --- a whole transcript -----------------------------------------------------------------------


def _log_rows(log: LogShown) -> Iterator[str]:
    yield _("{name}: {size} entries, root {root}").format(
        name=plain(log.name), size=log.size, root=log.root
    )
    yield f"  {plain(log.log)}"
    yield "  " + _("its ML-DSA-44 signature reaches up to entry {size}").format(size=log.pq_size)
    bodies = _("bodies: {opened} opened, {purged} purged, {missing} missing, {others} for others")
    yield "  " + bodies.format(
        opened=log.opened, purged=log.purged, missing=log.missing, others=log.not_mine
    )
    for cosigned in log.cosigned:
        text = _("cosigned up to {size} at {when}: {cosigner}")
        if cosigned.statement == "heads":
            text = _("witnessed (head only) up to {size} at {when}: {cosigner}")
        yield "  " + text.format(
            size=cosigned.size, when=stamp(cosigned.time_s), cosigner=plain(cosigned.cosigner)
        )
        if cosigned.revoked:
            yield "    " + _("under a key that its party has declared void: it counts for nothing")
    if log.end is not None:
        text = _(
            "its key is void: its party stands by {stood}, others hold {covered};"
            " {unlinked} not tied to the head stood by, {contested} CONTESTED"
        )
        yield "  " + text.format(
            stood=log.end.stood_by,
            covered=log.end.covered,
            unlinked=log.end.unlinked,
            contested=log.end.contested,
        )
    if log.void or log.ignored:
        yield "  " + _(
            "{void} entries that mean nothing, {ignored} signatures of unknown keys"
        ).format(void=log.void, ignored=log.ignored)


def _finding_rows(finding: FindingShown) -> Iterator[str]:
    verdict = word(VERDICTS, finding.finding.replace(" ", "-"))
    yield f"{verdict}: {plain(finding.reason)}"
    if finding.log:
        yield "  " + _("entry {index} of {log}").format(index=finding.index, log=plain(finding.log))
    if finding.key:
        yield f"  {plain(finding.key)}"
    if finding.revoked:
        yield "  " + _("its party has declared this key void")
    if finding.stated_by:
        yield "  " + _("stated by {log}").format(log=plain(finding.stated_by))
