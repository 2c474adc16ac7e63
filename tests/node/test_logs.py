"""The log: an allow-list of facts, a bound on each word, and no content whatever comes."""

from __future__ import annotations

import io
import json
from typing import Any

from detente.node.logs import PER_MINUTE_MAX, NodeLog, where


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_only_listed_facts_appear() -> None:
    """Facts outside the list are left out, empty ones too; bytes are shortened hex."""
    stream = io.StringIO()
    log = NodeLog(lambda: 60, stream=stream)
    log.write("refused", line=b"\xab" * 32, text="SECRET", subject="SECRET", who="SECRET", size=0)
    log.write("mute", reason="store behind mark", detail="", party=b"", k=None)
    assert lines(stream) == [
        {"at_s": 60, "event": "refused", "line": "ab" * 8, "size": 0},
        {"at_s": 60, "event": "mute", "reason": "store behind mark"},
    ]


def test_one_event_one_line() -> None:
    """No fact breaks a line, and a long one is cut."""
    stream = io.StringIO()
    NodeLog(lambda: 1, stream=stream).write("refused", detail='a\n{"event": "forged"}' + "x" * 500)
    assert len(stream.getvalue().splitlines()) == 1
    assert len(lines(stream)[0]["detail"]) == 200


def test_quiet_words_need_debug() -> None:
    """What happens with every message is logged at debug alone."""
    stream = io.StringIO()
    for word in ("receipt", "attached"):
        NodeLog(lambda: 1, stream=stream).write(word, size=4)
    assert not stream.getvalue()
    NodeLog(lambda: 1, stream=stream, debug=True).write("receipt", size=4)
    assert lines(stream)[0]["event"] == "receipt"


def test_a_flood_of_one_word_is_counted() -> None:
    """Of one word so many a minute are written, and then how many were left out."""
    stream, now = io.StringIO(), [0]
    log = NodeLog(lambda: now[0], stream=stream)
    for _ in range(PER_MINUTE_MAX + 500):
        log.write("refused", link=1)
    log.write("mute", reason="x")
    assert len(lines(stream)) == PER_MINUTE_MAX + 1
    now[0] = 61
    log.write("refused", link=2)
    assert lines(stream)[-2:] == [
        {"at_s": 61, "event": "refused", "left_out": 500},
        {"at_s": 61, "event": "refused", "link": 2},
    ]


def test_where_an_error_came_from_never_says_what() -> None:
    """A mistake is named by its kind and line, not by its words, which may quote content."""
    try:
        int("SECRET")
    except ValueError as error:
        found = where(error)
    assert found.startswith("ValueError at test_logs.py:")
    assert "SECRET" not in found
    assert where(KeyError("SECRET")) == "KeyError"
