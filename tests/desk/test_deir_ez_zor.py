"""Deir ez-Zor, 2016: a call that nobody took for half an hour. Here nobody is at the desk, and the
desk itself goes down its list; two browsers watch it do so, and no minute is waited for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from desk.gallery import Gallery, gallery

from detente.node import commands
from detente.node.opening import clock

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLASH = "B-0002"  # the one of the gallery that nobody has seen


def come(browser: Browser, night: Gallery, who: str) -> Page:
    """Somebody with a browser of their own, signed in."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    night.sign_in(context, who)
    return context.new_page()


def test_nobody_is_there_and_the_deadline_goes_down_the_list_on_a_page_that_nobody_touches(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The duty officer is to be called, five minutes later the chief of staff, then the FLASH is
    overdue; an officer comes and silences the siren, and the far ladder is what it was; the key of
    SEEN changes it."""
    from playwright.sync_api import expect

    with gallery(tmp_path / "night") as night:
        parties = night.parties

        def shifted(home: Path) -> object:
            now = clock(home)
            return now._replace(wall_s=now.wall_s + parties.ahead_s)

        monkeypatch.setattr(commands, "clock", shifted)
        left = come(browser, night, "auditor")
        night.go(left, "journal")
        band = left.locator(".alarm.band", has_text=FLASH)
        expect(band).to_contain_text("nobody here has seen it")
        expect(band).to_contain_text("Call now: Duty officer (555-01)")
        night.let_pass(5 * 60)
        expect(band).to_contain_text("Call now: Chief of staff (HAWK 6)")
        night.let_pass(6 * 60)
        expect(band.filter(has_text="is unanswered here since")).to_be_visible()

        officer = come(browser, night, "watch")
        night.go(officer, "line")
        before = night.run(lambda: parties.ladder(FLASH))
        overdue = officer.locator(".alarm.band", has_text="is unanswered here since")
        overdue.get_by_role("button").click()
        expect(overdue).to_have_count(0)
        expect(officer.locator(".quiet-band")).to_be_visible()
        assert night.run(lambda: parties.ladder(FLASH)) == before == [("received", "alpha")]

        officer.wait_for_load_state()
        entry = officer.locator(f"article[aria-label='{FLASH}']")
        entry.press("1")
        expect(entry.locator("[data-key='1']")).to_have_count(0)
        assert ("seen", "alpha") in night.run(lambda: parties.ladder(FLASH))
        left.context.close()
        officer.context.close()
