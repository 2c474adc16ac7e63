"""What is read of a store at a start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import apsw
import pytest

from detente.core.errors import MachineError
from detente.core.revocation import Revocation, make_revocation
from detente.node.opening import revoked_here
from detente.sim.parties import card_of, root_signers
from detente.store.contract import Store, StoredCard


def test_a_key_on_an_older_card_alone_is_void_too() -> None:
    """A rotation replaces the TLS key: a revocation of the one before finds it on the card kept
    from then. Cards of parties that have revoked nothing are not read."""
    first, second = (card_of("alpha", serial, real=True) for serial in (1, 2))
    said = Revocation(first.card.party, 1, "tls", "stolen", first.card.issued_s, ())
    note = make_revocation(said, first.card, *root_signers("alpha"))
    other = card_of("bravo", real=True).card
    kept = [
        StoredCard(first.card.party, one.card.serial, one.data, None) for one in (first, second)
    ]
    kept.append(StoredCard(other.party, 7, b"not read", None))
    store = SimpleNamespace(cards=lambda: kept, revocations=lambda: [(said.party, note)])
    cards = {second.card.party: second.card, other.party: other}
    assert revoked_here(cast("Store", store), cards) == {first.card.tls_ed25519: said}
    assert first.card.tls_ed25519 != second.card.tls_ed25519


def test_a_line_that_cannot_be_loaded_is_damage(pair: Any) -> None:
    """A card that the disk lost, whose party has a log here: the operator is told what that is."""
    party, store = pair.bravo.station.party, pair.folder / "alpha" / "store"
    pair.close("alpha")
    connection = apsw.Connection(str(next(store.rglob("detente.db"))))
    connection.execute("DELETE FROM card WHERE party = ?", (party,))
    connection.close()
    with pytest.raises(MachineError, match="this store is damaged: unknown-party: no card lists"):
        pair.open("alpha")
