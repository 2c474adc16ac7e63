"""What our party signs in decisions: one amendment at a time (spec/decisions.md §6).

Of two that cross, each offered by one side and sealed by the other, both became final, and the
charter in force changed once more when the last cover of the earlier one came: whoever had joined
by the other was a stranger again. Who signs none beside another is shown none that is replaced.
"""

from __future__ import annotations

from detente.core.decisions import engages
from detente.core.errors import LocalError, Refusal
from detente.core.events import Draft
from detente.core.freezing import frozen_logs
from detente.core.leaf import Kind
from detente.core.line import Line
from detente.core.speaking import loaded
from detente.core.station import Step

NEW = b""  # an offer that has no hash yet


def check_single(step: Step, line: Line, draft: Draft) -> None:
    """LocalError NOT_ALLOWED for a draft that signs an amendment while another one that our log or
    our outbox has signed may still become final."""
    signed = _signed_by(draft)
    if signed is None:
        return
    rows = (row for row in line.queue.rows.values() if not row.awaits_release)
    queued = {_signed_by(loaded(line, row).draft) for row in rows} - {None}
    if queued and (signed == NEW or queued != {signed}):
        raise LocalError(Refusal.NOT_ALLOWED, "another amendment that we sign is in the outbox")
    frozen = frozen_logs(step.station, line)
    for place in line.shelf.of_kind((Kind.OFFER,)):
        if line.shelf.entry(*place).hash == signed:
            continue
        if engages(line.shelf, place, line.me, step.now.wall_s, frozen=frozen):
            where = f"{place.log.member}/{place.log.word}:{place.index}"
            detail = f"{where}, which we signed, may still become final"
            raise LocalError(Refusal.NOT_ALLOWED, detail)


def _signed_by(draft: Draft) -> bytes | None:
    """Which amendment a draft signs: the hash of its offer, or NEW; None where it signs none.
    Offers have no other subject (spec/registry.md §7)."""
    if draft.kind == Kind.OFFER:
        return NEW
    return draft.refs[0] if draft.kind in (Kind.ASSENT, Kind.SEAL) and draft.refs else None
