"""The story of a regime: two desks adopt it, one gives a notice that is late, the other says it
back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from desk.ground import Side, World
from desk.test_composing import authorise, see
from processes import until

from detente.core.sheet import instant

if TYPE_CHECKING:
    from desk.seat import Seat
    from playwright.sync_api import Locator

HERE = "MGRS 36U UA 24182 91607 RADIUS 20 NM"
SAID_BACK = "SK42 X 5593957 Y 6324233 RADIUS 20 NM"  # the same point by the other side's map


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[World]:
    """Alpha and Bravo, who have agreed on nothing yet."""
    made = World.make(tmp_path_factory.mktemp("regime"))
    yield made
    made.close()


def press(locator: Locator) -> None:
    """By keyboard, until its page is another: a band that comes meanwhile moves what a mouse points
    at, and a page that renews itself under a key loses it."""
    from playwright.sync_api import expect

    expect(locator).to_be_visible()
    for _try in range(3):
        locator.press("Enter")
        try:
            expect(locator).to_have_count(0)
        except AssertionError:
            continue
        return


def offer(seat: Seat) -> None:
    """Offers what is on the screen."""
    press(seat.page.get_by_role("button", name=seat.says("Offer for authorisation")))
    see(seat, seat.says("Authorised by"))


def adopt(seat: Seat, forms: int, button: str) -> None:
    """States the number that nobody has read, authorises each form, and adopts the profile."""
    from playwright.sync_api import expect

    seat.page.goto(seat.side.line_url + "/profiles")
    press(seat.page.locator("tr", has_text="launch-1988").get_by_role("link"))
    seat.page.locator("#n-validity").fill("4 d")
    seat.shot(f"adopt-{seat.side.name}")
    press(seat.page.get_by_role("button", name=seat.says("Fix our part for authorisation")))
    for _form in range(forms):
        see(seat, seat.says("Authorised by"))
        before = seat.page.url
        authorise(seat)
        expect(seat.page).not_to_have_url(before)
    press(seat.page.get_by_role("button", name=seat.says(button)))


def in_force(side: Side) -> bool:
    """Whether a regime binds, as this side computes it."""
    return [one["state"] for one in side.call("notice_list")["adopted"]] == ["in-force"]


@pytest.mark.timeout(300)  # two desks made anew, and five passkeys
def test_two_desks_adopt_a_regime_and_one_says_back_what_the_other_gave_too_late(
    two: World, sit: Callable[..., Seat]
) -> None:
    """Each states the unread number and adopts; a notice that is late is shown so and authorised
    as it is; the far desk says the place back from its own map, and the first desk reads that; in
    Russian on one side, by passkey on both."""
    from playwright.sync_api import expect

    here, there = sit(two.alpha, language="ru", keys=1), sit(two.bravo, keys=1)
    adopt(here, 2, "Adopt it: offer it to them")
    see(here, here.says("We have offered it in {entry}: now they adopt it.").partition("{")[0])
    until(lambda: there.side.call("notice_profiles")["offered"], "the offer")
    adopt(there, 1, "Adopt it: agree to their offer")
    for side in (two.alpha, two.bravo):
        side.call("say", text="We hold the seal.", precedence="IMMEDIATE", reason="a test")
    for side in (two.alpha, two.bravo):
        until(lambda side=side: in_force(side), "the regime to bind")

    here.page.goto(two.alpha.line_url + "/notices")
    press(here.page.get_by_role("link", name=here.says("Give notice")))
    press(here.page.locator("#main li a").first)
    today = instant(int(time.time()))[:10]
    here.page.locator("#f-missile").select_option("SLBM")
    here.page.locator("#f-launch-area").fill("северный полигон")
    here.page.locator("#f-impact-circle").fill(HERE)
    here.page.locator("#f-date").fill(today)
    press(here.page.locator("button[value=preview]"))
    see(here, "A launch of one SLBM is planned for")
    late = here.says("LATE by {span}").partition("{")[0].strip()
    expect(here.page.locator(".late")).to_contain_text(late)
    here.shot("notice-preview")
    offer(here)
    expect(here.page.locator(".late")).to_contain_text(late)
    authorise(here)
    see(here, "detente notice v1")

    there.page.goto(two.bravo.line_url + "/notices")
    see(there, "LATE by")
    see(there, "its author confirmed that it was late")
    there.shot("notice-received")
    press(there.page.get_by_role("link", name="Answer"))
    there.page.locator("input[value=read-back-matches]").press("Space")
    there.page.locator("#f-impact-circle").fill(SAID_BACK)
    press(there.page.locator("button[value=preview]"))
    expect(there.page.locator("#main")).not_to_contain_text("MISMATCH")
    offer(there)
    authorise(there)
    see(there, "detente notice-answer v1")

    here.page.goto(two.alpha.line_url + "/notices")
    see(here, "READ-BACK MATCHES")
    expect(here.page.locator("#main")).not_to_contain_text("MISMATCH")
    here.shot("notice-answered")
