"""Attachments in any store: staged, opened, filled in their order, closed, purged."""

from __future__ import annotations

import pytest

from detente.core.attachment import Attachment, Progress, begin, describe, seal
from detente.core.errors import LocalError, Refusal
from detente.core.events import (
    CloseAttachments,
    DropBody,
    DropStaged,
    OpenAttachments,
    StageChunks,
    StoreChunks,
    StoreLine,
)
from detente.core.limits import CHUNK_BYTES
from detente.core.transcript import Place
from detente.store.contract import Store

LINE = bytes(range(32))
KEY = bytes(range(32))
DAY = 1_700_000_000 // 86_400
DATA = bytes(at % 251 for at in range(5 * CHUNK_BYTES + 7))


def _told(data: bytes = DATA) -> Attachment:
    return describe("map.png", "image/png", data, KEY)


def _keep(store: Store, *effects: object) -> None:
    store.begin()
    for effect in effects:
        store.apply(effect)  # type: ignore[arg-type]
    store.commit()


def _opened(stores, author) -> tuple[Store, Place]:
    """A store with one entry whose two attachments are on their way."""
    store, one = stores.open(), author()
    said = one.say(attached=True)
    told = (_told(), _told(b"x"))
    opening = OpenAttachments(LINE, one.log, 0, told, DAY)
    _keep(store, StoreLine(LINE, b"charter", 1), said, opening)
    return store, Place(one.log, 0)


def _next(place: Place, progress: Progress, count: int) -> StoreChunks:
    boxes = seal(DATA, KEY)[progress.held : progress.held + count]
    later = Progress(len(DATA), progress.held + len(boxes), (bytes(32), bytes(range(32))))
    return StoreChunks(LINE, *place, 0, boxes, later)


def test_chunks_come_in_their_order_and_are_there_after_a_restart(stores, author) -> None:
    """How far each is, what the next must hash to, and the chunks themselves."""
    store, place = _opened(stores, author)
    assert store.shelf(LINE).attachments(*place) == [begin(_told()), begin(_told(b"x"))]
    first = _next(place, begin(_told()), 4)
    _keep(store, first)
    _keep(store, _next(place, first.progress, 2))
    shelf = stores.again().shelf(LINE)
    assert shelf.attachments(*place)[0].is_whole
    assert shelf.attachments(*place)[0].ahead == (bytes(32), bytes(range(32)))
    assert not shelf.attachments(*place)[1].is_whole
    assert shelf.chunks(*place, 0, 0, 6) == list(seal(DATA, KEY))
    assert shelf.chunks(*place, 0, 3, 5) == list(seal(DATA, KEY)[3:5])
    assert shelf.chunks(*place, 1, 0, 1) == []
    assert shelf.chunks(*place, 2, 0, 1) == []


def test_chunks_stand_next_or_not_at_all(stores, author) -> None:
    """A gap, a repetition and an attachment that was not opened are refused."""
    store, place = _opened(stores, author)
    ahead = Progress(len(DATA), 2, ())
    for effect, refusal in (
        (StoreChunks(LINE, *place, 0, seal(DATA, KEY)[2:4], Progress(len(DATA), 4, ())), "usage"),
        (StoreChunks(LINE, *place, 5, seal(DATA, KEY)[:2], ahead), "not-held"),
        (StoreChunks(LINE, place.log, 9, 0, seal(DATA, KEY)[:2], ahead), "not-held"),
    ):
        with pytest.raises(LocalError) as caught:
            _keep(store, effect)
        assert caught.value.refusal.word == refusal
    assert store.shelf(LINE).attachments(*place)[0].held == 0


def test_what_is_open_is_found_until_it_is_closed(stores, author) -> None:
    """A node that starts again asks for it; closing it keeps its chunks."""
    store, place = _opened(stores, author)
    assert store.shelf(LINE).open_attachments() == [place]
    _keep(store, _next(place, begin(_told()), 6))
    _keep(store, CloseAttachments(LINE, *place))
    shelf = stores.again().shelf(LINE)
    assert shelf.open_attachments() == []
    assert len(shelf.chunks(*place, 0, 0, 6)) == 6


def test_a_staged_file_is_its_entrys_once_that_has_a_place(stores, author) -> None:
    """Whole at once, and never asked for; one that is dropped is gone."""
    store, one = stores.open(), author()
    _keep(store, StoreLine(LINE, b"charter", 0))
    boxes = seal(DATA, KEY)
    _keep(store, StageChunks(LINE, _told().root, boxes), StageChunks(LINE, bytes(32), boxes))
    _keep(store, DropStaged(LINE, bytes(32)), DropStaged(LINE, bytes(32)))
    said = one.say(attached=True, own=True)
    _keep(store, said, OpenAttachments(LINE, one.log, 0, (_told(),), DAY))
    shelf = stores.again().shelf(LINE)
    assert shelf.attachments(one.log, 0) == [Progress(len(DATA), 6, ())]
    assert shelf.open_attachments() == []
    assert shelf.chunks(one.log, 0, 0, 0, 6) == list(boxes)


def test_a_purge_takes_the_chunks_too(stores, author) -> None:
    """Nothing of them is left, and nothing is asked for any more."""
    store, place = _opened(stores, author)
    _keep(store, _next(place, begin(_told()), 3))
    _keep(store, DropBody(LINE, *place))
    shelf = store.shelf(LINE)
    assert shelf.attachments(*place) == []
    assert shelf.open_attachments() == []
    assert shelf.chunks(*place, 0, 0, 6) == []


def test_what_a_member_used_up_of_a_day_is_counted_in_whole_chunks(stores, author) -> None:
    """Of that member and that day alone."""
    store, _ = _opened(stores, author)
    shelf = store.shelf(LINE)
    assert shelf.attached_bytes(0, DAY) == 7 * CHUNK_BYTES
    assert shelf.attached_bytes(0, DAY + 1) == 0
    assert shelf.attached_bytes(1, DAY) == 0


def test_an_entry_that_is_not_here_has_no_attachments(stores, author) -> None:
    """Nothing is opened for it, and asking about it is refused."""
    store, log = stores.open(), author().log
    _keep(store, StoreLine(LINE, b"charter", 1))
    for effect in (
        OpenAttachments(LINE, log, 0, (_told(),), DAY),
        CloseAttachments(LINE, log, 0),
    ):
        with pytest.raises(LocalError) as caught:
            _keep(store, effect)
        assert caught.value.refusal is Refusal.NOT_HELD
