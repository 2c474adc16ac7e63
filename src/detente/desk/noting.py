"""What people did at the desk, on its way into the party's journal.

A note lies in the cabinet, written with the change it tells of, until the node has it: a node that
is down keeps nobody from parting with somebody or from voiding a lost key, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from detente.core.errors import DetenteError
from detente.desk.cabinet import Cabinet, as_values
from detente.node.releasing import DESK_FOLDER

if TYPE_CHECKING:
    from detente.desk.desk import Desk

TURN_S = 0.02  # between two looks at whether another process has told what it had to tell


def put(cabinet: Cabinet, word: str, at_s: int, **data: Any) -> None:
    """Writes a note down, in the open change or in one of its own. ``word`` is of DESK_NOTES."""
    cabinet.insert("unsaid", word=word, data={"at_s": at_s, **data})


async def tell(desk: Desk) -> int:
    """Hands what is written down to the node, oldest first; returns how many it took.

    A node that is down or refuses gets the same again next time.
    """
    told = 0
    async with _turn(desk):
        for row in desk.cabinet.rows("SELECT number, word, data FROM unsaid ORDER BY number"):
            try:
                await desk.node.ask("journal_note", word=row[1], data=as_values(row[2]))
            except DetenteError:
                break
            desk.cabinet.run("DELETE FROM unsaid WHERE number = ?", row[0])
            told += 1
    return told


@asynccontextmanager
async def _turn(desk: Desk) -> AsyncIterator[None]:
    """One teller at a time, in this process and beside it: a command at the shell tells too, and
    two at once would write the same note into the journal twice."""
    folder = os.open(desk.home / DESK_FOLDER, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while not _taken(folder):  # noqa: ASYNC110  # what is waited for is another process
            await asyncio.sleep(TURN_S)
        yield
    finally:
        os.close(folder)


def _taken(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
