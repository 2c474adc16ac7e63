"""Stories of the door: codes, passkeys, and whoever must not come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desk.ground import World


def test_a_code_two_passkeys_and_back_by_one_of_them(world: World, sit: Callable[..., Any]) -> None:
    """Somebody comes by a one-time link, registers two passkeys, leaves, and comes back by either
    passkey; both registrations stand in the journal with their public keys."""
    from playwright.sync_api import expect

    seat = sit(world.alpha)
    for key in (0, 1):
        seat.leave()
        seat.touch(key)
        seat.use_passkey()
        expect(seat.page.get_by_role("heading", name="Lines")).to_be_visible()
    made = [one for one in world.alpha.journal("passkey-registered") if one["name"] == seat.name]
    assert [one["label"] for one in made] == ["key 1", "key 2"]
    assert all(one["public_key"] and not one["by_passkey"] for one in made)
