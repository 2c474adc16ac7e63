"""The keys of a party: all different, each set whole, none of them printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from detente.core.errors import DetenteError, LocalError, Refusal
from detente.store.keyring import NodeKeys, RootKeys, SpareKeys, generate
from detente.store.sealed import Cost, open_sealed, seal

CHEAP = Cost(memory_kib=64, iterations=1, lanes=4)
PARTY = bytes(range(32))
ONE = "correct horse battery"


def counting() -> Callable[[int], bytes]:
    drawn = iter(range(1, 1 << 16))
    return lambda count: next(drawn).to_bytes(count, "big")


def refusal(call: Callable[[], object], kind: type[DetenteError]) -> Refusal:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.refusal


def test_generated_keys_are_all_different() -> None:
    """42 seeds are drawn, and the node's pair is the first of the spares, and no other."""
    root, node, spare = generate(counting())
    drawn = [*root.to_mapping().values(), *spare.to_mapping().values()]
    drawn += [seed for name, seed in node.to_mapping().items() if name != "incarnation"]
    assert len(spare.pairs) == 16
    assert len(drawn) == 2 + 32 + 8
    assert len(set(drawn)) == len(drawn) - 2
    assert (node.log, node.holds) == spare.pairs[0]
    assert node.incarnation == 0


def test_key_sets_survive_seal_and_open() -> None:
    """Each set comes back equal from its sealed file, whatever its incarnation."""
    root, node, spare = generate(counting())
    later = dataclasses.replace(
        node, incarnation=15, log=spare.pairs[15][0], holds=spare.pairs[15][1]
    )
    for keys in (root, node, later, spare):
        data = seal(keys.purpose, PARTY, keys.to_mapping(), [ONE], cost=CHEAP)
        assert type(keys).from_mapping(open_sealed(data, [ONE], keys.purpose)) == keys


def test_key_sets_refuse_other_keys() -> None:
    """A name too few or too many, a short seed or a number beyond the card is malformed."""
    for keys in generate(counting()):
        named = keys.to_mapping()
        name = next(reversed(named))
        without = {other: seed for other, seed in named.items() if other != name}
        for wrong in (without, named | {"more": bytes(32)}, named | {name: bytes(31)}, {}):
            with pytest.raises(LocalError) as caught:
                type(keys).from_mapping(wrong)
            assert caught.value.refusal == Refusal.MALFORMED
    node = generate(counting())[1]
    for number in (b"", b"\x10", b"\x00\x00"):
        numbered = node.to_mapping() | {"incarnation": number}
        with pytest.raises(LocalError) as caught:
            NodeKeys.from_mapping(numbered)
        assert caught.value.refusal == Refusal.MALFORMED
    assert refusal(lambda: SpareKeys(()), LocalError) == Refusal.MALFORMED


def test_no_seed_shows_when_printed() -> None:
    """A key set in a log line or traceback tells nothing."""
    root = RootKeys(ed25519=b"S" * 32, mldsa44=b"S" * 32)
    _, node, spare = generate(lambda count: b"S" * count)
    for keys in (root, node, spare):
        assert "SSSS" not in repr(keys) + str(keys)
