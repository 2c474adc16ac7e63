"""Sentences that desk and command line share."""

from __future__ import annotations

from detente.terms import bearer_rows, quantum_rows


def test_every_way_to_a_member_is_one_row() -> None:
    """What is up with what was measured of it, what is down with its last sign of life, files with
    their times; of what nobody knows nothing is said, and what others wrote is made safe."""
    line = {
        "bearers": {
            "1": [
                {
                    "bearer": "serial",
                    "where": "S\x1b",
                    "since_s": 5,
                    "rate_bits_per_s": 75,
                    "lost_percent": 1.5,
                    "round_trip_ms": 2000,
                    "heard_s": 9,
                },
                {"bearer": "tls", "where": "", "since_s": 6, "rate_bits_per_s": None},
            ]
        },
        "bearers_down": {
            "1": [
                {"bearer": "websocket", "where": "wss://a.example/", "heard_s": 7},
                {"bearer": "serial", "where": "/dev/ttyS1", "heard_s": None},
            ]
        },
        "couriers": {"1": {"written_s": 8, "taken_s": None}},
    }
    up, *others = bearer_rows(line, 1, lambda at_s: f"@{at_s}")
    assert up.split(": ")[0] == "serial S<U+001B> is up"
    assert up.split(": ")[1].split(", ") == [
        "since @5",
        "75 bit/s",
        "1.5 % sent again",
        "round trip 2000 ms",
        "last sign of life @9",
    ]
    assert others == [
        "tls is up: since @6",
        "websocket wss://a.example/ is down: last sign of life @7",
        "serial /dev/ttyS1 is down: nothing heard since the start",
        "courier: last file out @8, last file in -",
    ]
    assert bearer_rows(line, 0, str) == []
    assert bearer_rows({}, 1, str) == []


def test_it_is_said_up_to_where_history_is_quantum_safe() -> None:
    """One row for each log, where its author signed any of it with ML-DSA or not."""
    logs = [
        {"by": "alpha", "size": 5, "of": 7, "entry": "A-0002"},
        {"by": "b\x1b", "size": 0, "of": 3, "entry": None},
    ]
    assert quantum_rows({"quantum": logs}) == [
        "alpha: quantum-safe up to A-0002 (5 of 7)",
        "b<U+001B>: nothing is quantum-safe yet",
    ]
    assert quantum_rows({}) == []
