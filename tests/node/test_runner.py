"""The loop around a node: what of its own tasks it calls a bug."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from detente.node.node import Node
from detente.node.runner import Loop


class Log:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def write(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))


class Bare:
    """As much of a node as a surprise needs."""

    def __init__(self) -> None:
        self.log = Log()


def surprised(error: BaseException) -> list[str]:
    """The events of a node in one of whose tasks this came up."""
    node = Bare()
    runner = Loop(cast(Node, node))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(runner._surprised)
    loop.call_exception_handler({"message": "in a task", "exception": error})
    loop.close()
    return [event for event, _facts in node.log.events]


def test_a_caller_cut_off_at_the_end_is_no_bug() -> None:
    """A task that the end of the node cancels is nobody's mistake; any other exception is ours."""
    assert surprised(asyncio.CancelledError()) == []
    assert surprised(KeyError("line")) == ["bug"]
