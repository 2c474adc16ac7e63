"""Pure functions of the core are asked the same many thousand times: they are remembered here."""

from __future__ import annotations

import pytest
from models import table

from detente.core import cosigning, notes, protocol, speaking


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cosigning, notes, speaking):
        monkeypatch.setattr(module, "ed25519_verify", table.quick_ed25519_verify)
    monkeypatch.setattr(notes, "mldsa44_verify", table.quick_mldsa44_verify)
    monkeypatch.setattr(protocol, "parse_charter", table.quick_parse_charter)
