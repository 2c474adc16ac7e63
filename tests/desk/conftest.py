"""The ground of the desk's stories: two desks, a browser, and people who sit down at them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from desk.ground import Side, World
from desk.parties import Parties, at_desk
from node.conftest import found, settle

if TYPE_CHECKING:
    from desk.seat import Seat
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WATCH = ("watch", "drafter", "releaser", "translator")
_numbers = count(1)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. Skipped with a word where it is not."""
    pytest.importorskip("playwright", reason="no playwright: make setup brings it")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the desk's stories need one")
    return CHROMIUM


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the stories of a module. No longer: while playwright runs, this thread has
    an event loop, and tests elsewhere start their own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # two cores that other tests use too
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[World]:
    """Alpha and Bravo, shared by the stories of this worker; a story leaves them running."""
    made = World.make(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest.fixture
def sit(browser: Browser) -> Iterator[Callable[..., Seat]]:
    """``sit(side, "Name", "role", …, language="en", keys=2)``: somebody new, signed in by a
    one-time link with that many passkeys registered. Their name gets a number behind it."""
    from desk.seat import Seat

    taken: list[Seat] = []

    def take(
        side: Side,
        name: str = "Officer",
        *roles: str,
        language: str = "en",
        keys: int = 2,
        **options: Any,
    ) -> Seat:
        person = side.add(f"{name} {next(_numbers)}", *(roles or WATCH), language=language)
        seat = Seat.take(browser, side, person.name, **options)
        seat.language = language
        taken.append(seat)
        seat.come_in()
        for key in range(keys):
            seat.register(f"key {key + 1}", key)
        seat.go("/")
        return seat

    yield take
    for seat in taken:
        seat.close()


@pytest.fixture
def alpha(world: World, sit: Callable[..., Seat]) -> Seat:
    """An officer with every power of the watch at Alpha's desk."""
    return sit(world.alpha)


@pytest.fixture
def bravo(world: World, sit: Callable[..., Seat]) -> Seat:
    """An officer with every power of the watch at Bravo's desk."""
    return sit(world.bravo)


# --- two desks in this process, without a browser ---


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two homes with a line between them."""
    folder = tmp_path_factory.mktemp("homes")
    found(folder)
    return folder


@pytest.fixture
def parties(homes: Path, tmp_path: Path) -> Iterator[Parties]:
    """Both parties of a copy of them, each with its desk."""
    with at_desk(settle(homes, tmp_path / "parties")) as made:
        yield made
