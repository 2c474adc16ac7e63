"""Packets: what is written reads back, with numbers whole, and nothing else is read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from detente.bearers.packets import WINDOW, Fragment, Held, Packet, read_packet
from detente.core.link_keys import DirectionKeys

KEYS = DirectionKeys(bytes(32), b"c" * 32)
numbers = st.integers(0, 1 << 40)


@st.composite
def held(draw):
    """What an end may hold of a lane."""
    below = draw(numbers)
    return Held(below, frozenset(below + n for n in draw(st.sets(st.integers(1, WINDOW)))))


packets = st.builds(
    Packet,
    st.none() | st.builds(Fragment, st.integers(0, 1), numbers, st.booleans(), st.binary()),
    st.tuples(st.none() | held(), st.none() | held()),
    st.integers(0, 2),
)


def expected(packet: Packet, off: int) -> tuple[list[int], list[int]]:
    """What a receiver expects that is so far behind, or ahead."""
    number = 0 if packet.fragment is None else packet.fragment.number
    sent = [0 if item is None else max(0, item.below + off) for item in packet.held]
    return [max(0, number + off)] * 2, sent


@settings(max_examples=200, deadline=None)
@given(packets, st.integers(-2047, 2048))
def test_what_is_written_reads_back(packet: Packet, off: int) -> None:
    """Every packet reads back as written where the receiver expects numbers near its own."""
    data = packet.encode(KEYS)
    assert read_packet(data, KEYS, *expected(packet, off)) == packet


@settings(max_examples=100, deadline=None)
@given(packets, st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_no_packet(packet: Packet, place: int, change: int) -> None:
    """With any byte changed, cut or added it is nothing."""
    data = bytearray(packet.encode(KEYS))
    wanted, sent = expected(packet, 0)
    assert read_packet(bytes(data) + b"x", KEYS, wanted, sent) is None
    assert read_packet(bytes(data[:-1]), KEYS, wanted, sent) is None
    data[place % len(data)] ^= change
    assert read_packet(bytes(data), KEYS, wanted, sent) is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_are_no_packet(data: bytes) -> None:
    """Other bytes are nothing, whatever lengths they announce."""
    assert read_packet(data, KEYS, (0, 0), (0, 0)) is None
