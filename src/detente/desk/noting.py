"""What people did at the desk, on its way into the party's journal.

A note lies in the cabinet, written with the change it tells of, until the node has it: a node that
is down keeps nobody from parting with somebody or from voiding a lost key, and nothing is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detente.core.errors import DetenteError
from detente.desk.cabinet import Cabinet, as_values

if TYPE_CHECKING:
    from detente.desk.desk import Desk


def put(cabinet: Cabinet, word: str, at_s: int, **data: Any) -> None:
    """Writes a note down, in the open change or in one of its own. ``word`` is of DESK_NOTES."""
    cabinet.insert("unsaid", word=word, data={"at_s": at_s, **data})


async def tell(desk: Desk) -> int:
    """Hands what is written down to the node, oldest first; returns how many it took.

    A node that is down or refuses gets the same again next time.
    """
    told = 0
    async with desk.noting:  # two at once would tell the same note twice
        for row in desk.cabinet.rows("SELECT number, word, data FROM unsaid ORDER BY number"):
            try:
                await desk.node.ask("journal_note", word=row[1], data=as_values(row[2]))
            except DetenteError:
                break
            desk.cabinet.run("DELETE FROM unsaid WHERE number = ?", row[0])
            told += 1
    return told
